//! The values that a plan takes and returns.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use url::Url;

use crate::hls::Step;
use crate::hls::steps::step;
use crate::recorder::http::validators::Validators;
use crate::session::{Availability, ByteRange, ExchangeId, Kind};

/// Number of a playlist of the stream.
pub(crate) type PlaylistId = usize;

/// What a playlist names.
#[derive(Debug, Clone, Eq)]
pub(crate) struct Wanted {
    pub kind: Kind,
    pub url: Arc<Url>,
    pub range: Option<ByteRange>,
    /// Media sequence number of the first segment that it is, or applies to.
    pub sequence: u64,
    /// Media sequence number of the last one.
    pub last_use: u64,
    /// Of a part: how many parts of its segment are listed before it.
    pub part: u64,
    /// Of a segment or part, its own; of what applies to several, that of one.
    pub duration: Duration,
    /// It is announced, and not listed yet (`EXT-X-PRELOAD-HINT`).
    pub hinted: bool,
}

/// A revision of a playlist, as far as the plan is concerned.
#[derive(Debug)]
pub(crate) struct Listing {
    pub playlist: PlaylistId,
    pub exchange: ExchangeId,
    /// When it is the answer.
    pub from_us: i64,
    /// How far apart segments are, to tell new from old across playlists.
    pub target_duration_us: i64,
    pub wanted: Vec<Wanted>,
    /// How long all of its segments are.
    pub duration: Duration,
    /// What it is to the revisions before it.
    pub step: Step,
    pub ended: bool,
}

impl Listing {
    /// The sequence began again: the same names may be other content.
    pub(super) fn restarted(&self) -> bool {
        self.step == Step::Restarted
    }
}

/// The identity of something to fetch.
#[derive(Debug, Clone, Eq)]
pub(crate) struct Key {
    pub url: Arc<Url>,
    pub range: Option<ByteRange>,
}

// By hand, so that tests can count what is compared.
impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        step();
        let own = (
            self.kind,
            self.range,
            self.sequence,
            self.last_use,
            self.part,
            self.duration,
            self.hinted,
        );
        let its = (
            other.kind,
            other.range,
            other.sequence,
            other.last_use,
            other.part,
            other.duration,
            other.hinted,
        );
        own == its && self.url == other.url
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        step();
        self.url == other.url && self.range == other.range
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        step();
        (&self.url, self.range).hash(state);
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        step();
        (&self.url, self.range).cmp(&(&other.url, other.range))
    }
}

/// Something to fetch, now.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub key: Key,
    pub kind: Kind,
    /// What to ask for: the newest URL of it.
    pub url: Arc<Url>,
    pub playlist: PlaylistId,
    /// Media sequence number under which it was listed last.
    pub sequence: u64,
    pub referrer: ExchangeId,
    pub availability: Availability,
    /// Of the request.
    pub number: u64,
    /// The origin does not have to keep it any more (RFC 8216bis 6.2.2).
    pub is_too_late: bool,
    /// The resource ends there, as its origin has said for long enough: it does not grow.
    pub known_end: Option<u64>,
    /// It is known already; players that keep it by its URI do not ask again.
    pub is_known: bool,
    /// Then: with what it may be asked for conditionally.
    pub validators: Option<Validators>,
    /// It is asked for before it is listed: for so long the origin may hold the request.
    pub hint: Option<Duration>,
}

/// What became of something that was announced and asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is announced still.
    Open,
    /// A revision lists it, which is the answer from then on: this range.
    Listed(i64, Option<ByteRange>),
    /// It is neither announced nor listed any more.
    Withdrawn,
}

/// Something that left its playlists and is not tried any more.
#[derive(Debug, Clone)]
pub(crate) struct GivenUp {
    pub key: Key,
    pub kind: Kind,
    pub playlist: PlaylistId,
    /// Media sequence number under which it was listed last.
    pub sequence: u64,
    pub why: WhyGivenUp,
}

/// Why it did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyGivenUp {
    /// It was asked for.
    Failed,
    /// It was not: its host wanted to be left alone.
    LeftAlone,
    /// It left its playlists while there was no room for it: it was not asked for, or not in time.
    NoRoom,
    /// It was not while it was listed: as many requests were under way as may be, the oldest for so long.
    NoTurn { under_way: usize, longest: Duration },
}

/// Whose place a request takes that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Playlist(PlaylistId),
    /// One for what is late.
    Late,
    /// None of these any more: it is so slow that it would hold up the others.
    Slow,
    /// Nobody's: it was begun before it was listed.
    Hint,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Good,
    /// To be tried again.
    Failed,
    /// The recorder could not store it: to be tried again.
    NotStored,
    /// It does not count: to be asked for again, then or soon.
    Held(Option<Instant>),
    /// It was never made, and never will be.
    Refused,
    /// The recorder's own doing, and nothing of it is recorded: to be tried again, a few times.
    Panicked,
}

/// What a listing changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Things that are going to be asked for.
    pub pending: Vec<(Key, Kind)>,
    /// Other URLs of known things.
    pub aliases: Vec<(Key, Kind, Arc<Url>)>,
    /// Things that are not going to be asked for any more.
    pub gone: Vec<(Key, Kind)>,
    /// Left out: there are too many.
    pub too_many: usize,
}

/// For so many target durations what left a playlist and comes back under the same media
/// sequence number is not fetched again: edges of a CDN do not advance together, and some lag far behind.
pub(super) const DEPARTED_FOR: u32 = 5;

/// Newest last: estimated time of publication, then order of listing.
pub(super) type Rank = (i64, u64);
