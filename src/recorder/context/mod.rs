//! What the loops of a stream share: polls, downloads, raw streams.

pub(crate) mod asset_state;
pub(crate) mod steering_state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Span;

use self::asset_state::Assets;
use self::steering_state::Steering;
use super::downloads::Queue;
use super::panics::Panics;
use crate::hls::Variables;
use crate::recorder::http::fetch::fetcher::Fetcher;
use crate::recorder::playlists::set::Playlists;
use crate::recorder::settings::options::RawOptions;
use crate::recorder::settings::selection::Selection;
use crate::recorder::stats::board::Stats;
use crate::recorder::stats::outages::over::{Class, Over};
use crate::session::{ExchangeId, Moment};

/// A host that was left alone for less than that, in microseconds, says nothing of how long an outage was.
const LEAST_LEFT_ALONE_US: i64 = 1_000_000;

/// What the loops of a stream share.
#[derive(Debug)]
pub(super) struct Context {
    pub fetcher: Fetcher,
    pub queue: Arc<Queue>,
    pub playlists: Arc<Playlists>,
    pub stats: Stats,
    pub panics: Panics,
    /// Marks the log lines of the stream.
    pub span: Span,
    pub selection: Selection,
    /// A stream that has no such variants is not recorded: it is none that was recorded so before.
    pub must_match: bool,
    pub poll: Option<Duration>,
    /// Playlists that offer it are asked for what comes next, and wait for it.
    pub blocking: bool,
    pub plain: RawOptions,
    pub stream_id: i64,
    /// Its name in the session.
    pub name: String,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    /// Variables of the multivariant playlist, for those that import them.
    pub variables: Mutex<Shared>,
    pub assets: Assets,
    pub steering: Steering,
}

/// The variables of the multivariant playlist, and the revision that has them.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub variables: Arc<Variables>,
    /// Its exchange.
    pub revision: ExchangeId,
    /// From when on that is the answer, in microseconds of Unix time.
    pub from_us: i64,
}

impl Context {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that an outage is over, or is known no more.
    pub(super) fn tell_of_end(&self, over: &Over) {
        let playlists = self.stats.playlists();
        let only = match over.of.as_slice() {
            [only] => playlists.get(*only),
            _ => None,
        };
        let never_came = (over.class == Class::Chunks).then(|| over.never_came());
        let zero_us = self.fetcher.writer.zero_us();
        let of = over.of.iter().filter_map(|n| playlists.get(*n));
        let left_alone_us = of.map(|one| one.left_alone.between_us(over.since_us, over.until_us));
        let left_alone = match left_alone_us.max().filter(|us| *us >= LEAST_LEFT_ALONE_US) {
            Some(us) => format!(
                "; its host was left alone for {:.1} s of it, as it asked",
                us as f64 / 1e6
            ),
            None => String::new(),
        };
        let (from, until) = (
            Moment::new(over.since_us, zero_us),
            Moment::new(over.until_us, zero_us),
        );
        tracing::warn!(
            json.playlist = only.map(|one| one.label.as_str()),
            json.playlists = over.of.len(),
            json.host = over.host,
            json.from_session_time = from.session_time,
            json.from_time = from.time,
            json.until_session_time = until.session_time,
            json.until_time = until.time,
            json.seconds = over.seconds(),
            json.failed = over.times,
            json.never_came = never_came,
            "{}{left_alone}",
            over.told(zero_us)
        );
    }
}
