//! A thing that playlists list, and the state of its requests.

use crate::recorder::plan::model::Rank;
use std::collections::BTreeMap;
use std::sync::Arc;

use std::time::Duration;

use tokio::time::Instant;
use url::{Position, Url};

use crate::hls::steps::step;
use crate::recorder::plan::items::repeats::Repeats;
use crate::recorder::plan::left::lateness::{Late, Stay};
use crate::recorder::plan::listed::places::Twin;
use crate::recorder::plan::listed::update::RevisionUpdate;
use crate::recorder::plan::model::{Listing, PlaylistId, Wanted};
use crate::recorder::settings::limits::GROWS_WITHIN;
use crate::session::{Digest, ExchangeId, Kind};

#[derive(Debug)]
pub(crate) struct Item {
    pub kind: Kind,
    pub newest_url: Arc<Url>,
    /// Media sequence number under which it was listed last, the highest of that text.
    pub sequence: u64,
    /// Of a segment: playlists, and the highest place at which each has listed it.
    pub places: ListedBy,
    pub repeats: Repeats,
    /// Playlists, and the last revision of each that did.
    pub listed_by: ListedBy,
    /// Whose listing it is to be fetched for.
    pub playlist: PlaylistId,
    pub referrer: ExchangeId,
    pub from_us: i64,
    pub rank: Rank,
    pub state: State,
    pub failures: u32,
    /// Requests for it that panicked.
    pub panics: u32,
    /// Number of the last request for it.
    pub job: u64,
    pub asked: Option<Instant>,
    /// When it was published, as far as its first listing tells.
    pub appeared: Instant,
    pub duration: Duration,
    /// It is announced, and not listed yet.
    pub hinted: bool,
    /// It is the rest of a resource: how many bytes of that came.
    pub came: u64,
    /// No playlist lists it any more.
    pub late: Option<Late>,
    /// It left its playlist without its turn: so many requests were under way then, the oldest for so long.
    pub no_turn: Option<(usize, Duration)>,
    /// Its last request came to nothing since the recorder could not store it.
    pub not_stored: bool,
    /// It left its playlist while the recorder had no room for it.
    pub no_room: bool,
    /// Where its origin says that the resource ends, before the end of what is asked for, and since when.
    pub ends: Option<(u64, Instant)>,
    /// Listed anew while a request was under way.
    pub again: bool,
    /// Of what was fetched last.
    pub sha256: Option<Digest>,
    /// It is fetched to be compared with this.
    pub twin: Option<Twin>,
}

impl Item {
    pub(crate) fn new(wanted: &Wanted, update: &RevisionUpdate, rank: Rank, is_back: bool) -> Self {
        let listing = update.listing;
        Self {
            kind: wanted.kind,
            newest_url: Arc::clone(&wanted.url),
            sequence: wanted.sequence,
            places: match wanted.kind {
                Kind::Segment => ListedBy::by_playlist(listing.playlist, wanted.sequence),
                _ => ListedBy::Few(Vec::new()),
            },
            repeats: Repeats::default(),
            listed_by: ListedBy::by_playlist(listing.playlist, update.number),
            playlist: listing.playlist,
            referrer: listing.exchange,
            from_us: listing.from_us,
            rank,
            state: if is_back { State::Done } else { State::Ready },
            failures: 0,
            panics: 0,
            job: 0,
            asked: None,
            appeared: update.appeared(),
            duration: wanted.duration,
            hinted: wanted.hinted,
            came: 0,
            late: None,
            no_turn: None,
            not_stored: false,
            no_room: false,
            ends: None,
            again: false,
            sha256: None,
            twin: None,
        }
    }

    /// It is listed as something else than before: to be asked for on account of that, though a request may be
    /// under way.
    pub(crate) fn list_anew(&mut self, wanted: &Wanted, update: &RevisionUpdate, rank: Rank) {
        let listing = update.listing;
        match self.state {
            State::InFlight => self.again = true,
            _ => self.state = State::Ready,
        }
        self.playlist = listing.playlist;
        self.failures = 0;
        self.no_turn = None;
        (self.not_stored, self.no_room) = (false, false);
        (self.referrer, self.from_us, self.rank) = (listing.exchange, listing.from_us, rank);
        (self.appeared, self.duration) = (update.appeared(), wanted.duration);
    }

    /// A segment is listed, at a place that its playlist has not had before under this name: whether it is to be fetched for
    /// that listing. Of a name for a run of segments that may be a slate.
    pub(crate) fn is_used_again(&mut self, wanted: &Wanted, listing: &Listing) -> bool {
        let newest = self.places.get(listing.playlist);
        if newest.is_some_and(|newest| newest >= wanted.sequence) {
            return false;
        }
        self.places.insert(listing.playlist, wanted.sequence);
        let Some(newest) = newest else {
            return false;
        };
        // One request is made for all that a text lists under one name.
        let is_asked_for = self.again || self.state == State::Ready;
        if self.referrer == listing.exchange && is_asked_for || self.state == State::GivenUp {
            return false;
        }
        newest + 1 < wanted.sequence || !self.repeats.is_skipped()
    }

    /// Where the resource ends, if it would have grown by now.
    pub(crate) fn known_end(&self, now: Instant) -> Option<u64> {
        let (end, since) = self.ends?;
        (now.saturating_duration_since(since) >= self.duration.min(GROWS_WITHIN)).then_some(end)
    }

    /// For how long the origin has to keep it (RFC 8216bis 6.2.2), where the longest playlist was so long.
    pub(crate) fn available(&self, longest: Duration) -> Duration {
        self.duration.saturating_add(longest)
    }

    /// For how long it is tried when it has left its playlist.
    pub(crate) fn lateness(&self, stay: Stay, left: Instant) -> Late {
        let appeared = match self.kind {
            Kind::Segment | Kind::Part => self.appeared,
            // It was in use until now.
            _ => left,
        };
        Late::new(appeared, self.available(stay.longest), stay, left)
    }

    /// Whether what is wanted at its place under another name can be it. What was announced may be replaced by something
    /// else: then only its query changes.
    pub(crate) fn may_be(&self, url: &Url, wanted: &Wanted) -> bool {
        !self.hinted || url[..Position::AfterPath] == wanted.url[..Position::AfterPath]
    }

    pub(crate) fn was_waiting(&self) -> bool {
        !self.hinted && matches!(self.state, State::Ready | State::Delayed(_))
    }
}

/// So many playlists are gone through.
const FEW: usize = 8;

/// Playlists, and a number for each. Mostly there is one; of some keys there may be thousands.
#[derive(Debug)]
pub(crate) enum ListedBy {
    Few(Vec<(PlaylistId, u64)>),
    Many(BTreeMap<PlaylistId, u64>),
}

impl ListedBy {
    pub(crate) fn by_playlist(playlist: PlaylistId, number: u64) -> Self {
        Self::Few(vec![(playlist, number)])
    }

    pub(crate) fn get(&self, playlist: PlaylistId) -> Option<u64> {
        step();
        match self {
            Self::Few(few) => {
                let found = few
                    .iter()
                    .inspect(|_| step())
                    .find(|(id, _)| *id == playlist);
                found.map(|(_, number)| *number)
            }
            Self::Many(many) => many.get(&playlist).copied(),
        }
    }

    /// Gives back what was there.
    pub(crate) fn insert(&mut self, playlist: PlaylistId, number: u64) -> Option<u64> {
        step();
        if let Self::Few(few) = self {
            if let Some((_, known)) = few.iter_mut().find(|(id, _)| *id == playlist) {
                return Some(std::mem::replace(known, number));
            }
            if few.len() < FEW {
                few.push((playlist, number));
                return None;
            }
            *self = Self::Many(std::mem::take(few).into_iter().collect());
        }
        match self {
            Self::Many(many) => many.insert(playlist, number),
            Self::Few(_) => None,
        }
    }

    pub(crate) fn remove(&mut self, playlist: PlaylistId) -> Option<u64> {
        step();
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|(id, _)| *id == playlist)?;
                Some(few.swap_remove(at).1)
            }
            Self::Many(many) => many.remove(&playlist),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    /// Any of them.
    pub(crate) fn first(&self) -> Option<PlaylistId> {
        match self {
            Self::Few(few) => few.first().map(|(id, _)| *id),
            Self::Many(many) => many.keys().next().copied(),
        }
    }

    pub(crate) fn any(&self, mut is: impl FnMut(PlaylistId) -> bool) -> bool {
        match self {
            Self::Few(few) => few.iter().inspect(|_| step()).any(|(id, _)| is(*id)),
            Self::Many(many) => many.keys().inspect(|_| step()).any(|id| is(*id)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Delayed(Instant),
    InFlight,
    Done,
    GivenUp,
}

/// Several playlists that name one key advance at about the same time.
pub(crate) fn due_again(item: &Item, target_duration_us: i64, now: Instant) -> bool {
    item.asked.is_none_or(|asked| {
        let half = u64::try_from(target_duration_us / 2).unwrap_or(0);
        now.saturating_duration_since(asked).as_micros() >= u128::from(half)
    })
}
