//! The state of the loop of one playlist.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use url::{Position, Url};

use crate::hls::{
    Interstitials, MediaPlaylist, MultivariantPlaylist, Refused, SteeringTag, Variables, Windows,
};
use crate::recorder::beside::assets::Account;
use crate::recorder::beside::interstitials::Found;
use crate::recorder::context::Context;
use crate::recorder::downloads::guards::Hold;
use crate::recorder::playlists::names::Name;
use crate::recorder::playlists::playlist::Playlist;
use crate::recorder::playlists::standing::Standing;
use crate::recorder::poll::state::advances::{Advances, Stated};
use crate::recorder::poll::state::blocking::Blocking;
use crate::recorder::poll::state::corrections::Corrections;
use crate::recorder::poll::state::last_body::LastBody;
use crate::recorder::poll::state::numbers::Numbers;
use crate::recorder::poll::state::overdue::Overdue;
use crate::recorder::poll::state::poll_times::PollTimes;
use crate::recorder::poll::state::reader::RevisionReader;
use crate::recorder::poll::state::trust::Trust;
use crate::recorder::raw::opened::Opened;
use crate::recorder::stats::counters::Unanswered;
use crate::session::{ExchangeId, NewListing};

/// The state of one loop.
#[derive(Debug)]
pub(super) struct Poller {
    pub(super) context: Arc<Context>,
    pub(super) playlist: Arc<Playlist>,
    /// The loop before it has panicked.
    pub(super) is_restarted: bool,
    /// Holds up downloads until the revision that is being taken in has been handed to the writer.
    pub(super) hold: Option<Hold>,
    pub(super) trust: Trust,
    pub(super) last: LastBody,
    pub(super) reader: RevisionReader,
    /// When the last poll that brought that body was requested.
    pub(super) seen_at_us: Option<i64>,
    pub(super) from_us: i64,
    pub(super) polled: bool,
    /// The last poll was refused before anybody was asked.
    pub(super) not_asked: bool,
    /// The hops of the last poll.
    pub(super) chain: Vec<Passed>,
    pub(super) windows: Windows,
    pub(super) corrections: Corrections,
    /// Those of the newest revision.
    pub(super) numbers: Option<Numbers>,
    pub(super) renewals: u32,
    pub(super) said_too_many: bool,
    /// What the plan had no room for.
    pub(super) too_many: u64,
    pub(super) said_no_such_variant: bool,
    pub(super) left_out: HashSet<u64>,
    /// Whether it imports variables, and those that it was read with.
    pub(super) imports: bool,
    pub(super) variables: Arc<Variables>,
    /// How the playlist stood before the revision that is being taken in.
    pub(super) stood: Option<Standing>,
    /// What the revision that is being taken in lists.
    pub(super) listing: NewListing,
    /// To be polled as soon as the revision that names them has been handed to the writer.
    pub(super) found: Vec<Arc<Playlist>>,
    /// That has been done.
    pub(super) to_start: Vec<Arc<Playlist>>,
    /// What it names beside playlists and segments.
    pub(super) beside: Beside,
    /// What the user typed is a list of one stream: that.
    pub(super) listed: Option<Url>,
    /// The last poll asked for that, and not for the list; or for another path than the playlist is known under:
    /// then its exchanges are of that URL.
    pub(super) is_direct: bool,
    /// Under which name the last poll asked.
    pub(super) name: Name,
    /// That of the last body, and where that came from.
    pub(super) read_at: Option<(Url, Url)>,
    /// The last revision that was taken in, and from when on it is the answer.
    pub(super) revised: (ExchangeId, i64),
    /// Names that are noted to be this playlist.
    pub(super) noted: HashSet<u64>,
    /// Polls since nothing plays.
    pub(super) searches: u32,
    /// The last poll looked at a newer URL, and the one that works is asked for still: that poll is owed.
    pub(super) has_looked: bool,
    /// How long it took to take in what the last poll brought.
    pub(super) taken: Duration,
    /// It is no playlist.
    pub(super) plain: Option<Opened>,
    pub(super) poll_times: PollTimes,
    pub(super) blocking: Blocking,
    /// A poll that the origin holds for longer than it should: others go on beside it.
    pub(super) overdue: Option<Overdue>,
    /// How long a cache had kept what came last (RFC 9111 5.1); `None`: it says nothing of one.
    pub(super) age: Option<Duration>,
    pub(super) advances: Advances,
    /// The poll under way has had no answer for long, as far as a recorder can tell that is awake.
    pub(super) hanging: Option<Unanswered>,
    /// What the revision that the last poll brought says of its end.
    pub(super) stated: Option<Stated>,
}

/// A URL that a poll came by: there may be many, and long ones.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) hash: u64,
    /// Its host alone.
    pub(super) host: Url,
}

impl Passed {
    pub(super) fn from_url(url: &Url) -> Self {
        let host = Url::parse(&url[..Position::BeforePath]);
        Self {
            hash: hash_of(url),
            // It is the beginning of a URL that has a host.
            host: host.unwrap_or_else(|_| url.clone()),
        }
    }
}

pub(super) fn hash_of(url: &Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    hasher.finish()
}

/// What a good poll brought.
pub(super) enum Content {
    Media(MediaPlaylist),
    Multivariant(MultivariantPlaylist),
}

/// Of a playlist that states none.
pub(super) const TARGET: Duration = Duration::from_secs(6);

/// What the revision that is being taken in names.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) interstitials: Interstitials,
    pub(crate) steering: (Option<SteeringTag>, Vec<Refused>),
    /// To be asked for as soon as the revision has been handed to the writer, on whose account.
    pub(crate) assets: Option<(Vec<Found>, Account)>,
    pub(crate) starts_steering: bool,
}

/// Whether two have the same variables: where they share them, without looking at each.
pub(super) fn is_same(one: &Arc<Variables>, other: &Arc<Variables>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}
