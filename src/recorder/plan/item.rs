//! A thing that is listed, and how far it has come.

use std::collections::HashMap;

use tokio::time::Instant;
use url::Url;

use super::{PlaylistId, Taking, Wanted};
use crate::session::{ExchangeId, Kind};

#[derive(Debug)]
pub(super) struct Item {
    pub kind: Kind,
    pub newest_url: Url,
    /// Media sequence number under which it was listed last.
    pub sequence: u64,
    /// Playlists, and the last revision of each that did.
    pub listed_by: HashMap<PlaylistId, u64>,
    /// Whose listing it is to be fetched for.
    pub playlist: PlaylistId,
    pub referrer: ExchangeId,
    pub from_us: i64,
    pub rank: Rank,
    pub state: State,
    pub failures: u32,
    pub asked: Option<Instant>,
    /// Listed anew while a request was under way.
    pub again: bool,
}

impl Item {
    pub(super) fn new(wanted: &Wanted, taking: &Taking, rank: Rank, is_back: bool) -> Self {
        let listing = taking.listing;
        Self {
            kind: wanted.kind,
            newest_url: wanted.url.clone(),
            sequence: wanted.sequence,
            listed_by: HashMap::from([(listing.playlist, taking.number)]),
            playlist: listing.playlist,
            referrer: listing.exchange,
            from_us: listing.from_us,
            rank,
            state: if is_back { State::Done } else { State::Ready },
            failures: 0,
            asked: None,
            again: false,
        }
    }

    pub(super) fn was_waiting(&self) -> bool {
        matches!(self.state, State::Ready | State::Delayed(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Delayed(Instant),
    InFlight,
    Done,
    GivenUp,
}

/// Newest last: estimated time of publication, then order of listing.
pub(super) type Rank = (i64, u64);

/// Several playlists that name one key advance at about the same time.
pub(super) fn due_again(item: &Item, target_duration_us: i64, now: Instant) -> bool {
    item.asked.is_none_or(|asked| {
        let half = u64::try_from(target_duration_us / 2).unwrap_or(0);
        now.saturating_duration_since(asked).as_micros() >= u128::from(half)
    })
}
