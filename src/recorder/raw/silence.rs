//! Watches over a raw stream while bytes are waited for: when none comes for too long, and when one comes again, is told.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use url::Url;

use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::context::Context;
use crate::recorder::playlists::playlist::Playlist;
use crate::recorder::stats::board::PlaylistStats;
use crate::recorder::stats::events::Skipped;
use crate::recorder::stats::fold::Met;
use crate::recorder::stats::outages::over::{Over, counted};
use crate::recorder::words;
use crate::session::{Kind, Moment, both_clocks};

/// A longer time without a byte is a gap, in microseconds. Players hold a few seconds; `adjacent-find` finds the same.
const ALLOWED_US: i64 = 2_000_000;
/// So long a time in which it was not asked for is told, in microseconds: more than the ordinary one.
const UNASKED_US: i64 = 1_200_000;
/// How often a stream is looked at of which nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SILENT: &str = "no byte for a while";

/// What is known of the time in which nothing comes.
pub(super) struct Watch {
    context: Arc<Context>,
    playlist: Arc<Playlist>,
    /// When its last byte came, in microseconds of Unix time, where it has broken since. 0: it has not.
    broken_since_us: AtomicI64,
    /// From when until when the recorder did not ask for it, of its own accord, before the request that it waits for
    /// now, in microseconds of Unix time. 0: that goes on; of both: it has asked all the time. Whether something would
    /// have come then nobody knows.
    unasked_us: (AtomicI64, AtomicI64),
    /// That nothing comes is told.
    is_said: AtomicBool,
    /// That is not told, since others were shortly before: its end is.
    is_untold: AtomicBool,
}

impl Watch {
    pub(super) fn new(context: &Arc<Context>, playlist: &Arc<Playlist>) -> Self {
        Self {
            context: Arc::clone(context),
            playlist: Arc::clone(playlist),
            broken_since_us: AtomicI64::new(0),
            unasked_us: (AtomicI64::new(0), AtomicI64::new(0)),
            is_said: AtomicBool::new(false),
            is_untold: AtomicBool::new(false),
        }
    }

    /// Waits for something of the origin. While the recorder is busy by itself nothing is said of the origin.
    pub(super) async fn over<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            let due = clock::instant() + LOOK_EVERY;
            tokio::select! {
                biased;
                come = &mut future => return come,
                () = tokio::time::sleep_until(due) => {}
            }
            // A recorder that stood still saw nothing.
            if clock::instant().saturating_duration_since(due) < LOOK_EVERY {
                self.look();
            }
        }
    }

    fn look(&self) {
        let stats = &self.playlist.stats;
        let since_us = stats.advanced_us.load(Ordering::Relaxed);
        let now_us = self.now_us();
        let now_us = now_us.saturating_sub(self.unasked_us(now_us));
        let silent_us = now_us.saturating_sub(since_us);
        if since_us == 0 || silent_us <= ALLOWED_US {
            return;
        }
        let is_new = stats.gaps.since_us().is_none();
        stats.gaps.lasts((since_us, now_us), is_new);
        // A break was told by itself.
        let is_broken = self.broken_since_us.load(Ordering::Relaxed) > 0;
        if !is_new || is_broken {
            return;
        }
        let recoveries = self.context.stats.recoveries();
        let is_said = recoveries.may_tell(clock::instant());
        self.is_said.store(is_said, Ordering::Relaxed);
        self.is_untold.store(!is_said, Ordering::Relaxed);
        if is_said {
            let place = words::raw_stream_of(&self.playlist.url);
            let seconds = silent_us as f64 / 1e6;
            tracing::warn!(
                json.seconds = seconds,
                "{place}: no byte for {seconds:.1} s"
            );
        }
    }

    fn met<'a>(&self, host: &'a str) -> Met<'a> {
        Met {
            kind: Kind::Main,
            host,
        }
    }

    fn host(&self) -> String {
        hosts::host_and_port(&self.playlist.url)
    }

    /// Whether the end of a silence is told whose beginning was not; else it is counted.
    fn is_told(&self) -> bool {
        let stats = &self.context.stats;
        stats.is_news(self.met(&self.host()), SILENT)
    }

    /// Its response broke.
    pub(super) fn breaks(&self) {
        let since_us = self.playlist.stats.advanced_us.load(Ordering::Relaxed);
        self.broken_since_us.store(since_us, Ordering::Relaxed);
    }

    /// It is not asked for, for a time; `is_own`: by the recorder's own rules, and not since its host asked for that.
    pub(super) fn pauses(&self, is_own: bool) {
        let from_us = if is_own { self.now_us() } else { 0 };
        self.unasked_us.1.store(0, Ordering::Relaxed);
        self.unasked_us.0.store(from_us, Ordering::Relaxed);
    }

    /// It is asked for again.
    pub(super) fn asks(&self) {
        self.unasked_us.1.store(self.now_us(), Ordering::Relaxed);
    }

    /// That brought nothing: nor would it have done before, as far as anybody knows.
    pub(super) fn fails(&self) {
        self.unasked_us.0.store(0, Ordering::Relaxed);
    }

    /// For so long it was not asked for before the request that is waited for.
    fn unasked_us(&self, now_us: i64) -> i64 {
        let (from_us, until_us) = &self.unasked_us;
        let (from_us, until_us) = match from_us.load(Ordering::Relaxed) {
            0 => return 0,
            from_us => (from_us, until_us.load(Ordering::Relaxed)),
        };
        let until_us = if until_us == 0 { now_us } else { until_us };
        until_us.saturating_sub(from_us).max(0)
    }

    /// A response comes, perhaps after a break.
    pub(super) fn comes_again(&self, url: &Url) {
        let (stats, now_us) = (&self.playlist.stats, self.now_us());
        stats.failing.is_over(now_us);
        let outages = self.context.stats.outages();
        let answered = outages.answers(stats.number, now_us, clock::instant());
        if self.broken_since_us.swap(0, Ordering::Relaxed) > 0 {
            self.is_said.store(false, Ordering::Relaxed);
            self.is_untold.store(false, Ordering::Relaxed);
        }
        if let Some(over) = answered.over {
            let span_us = (over.since_us, over.until_us);
            self.tell(url, span_us, self.unasked_us(now_us), Some(&over));
        }
    }

    /// Bytes come.
    pub(super) fn comes(&self, bytes: usize, url: &Url) {
        self.context.fetcher.activity.goes_on();
        let stats = &self.playlist.stats;
        PlaylistStats::count(&stats.bytes, bytes as u64);
        let now_us = self.now_us();
        let since_us = stats.advanced_us.swap(now_us, Ordering::Relaxed);
        let unasked_us = self.unasked_us(now_us);
        let until_us = now_us.saturating_sub(unasked_us);
        self.unasked_us.0.store(0, Ordering::Relaxed);
        if stats.gaps.since_us().is_some() {
            stats
                .gaps
                .ends((since_us, until_us), Skipped::default(), false);
            let was_said = self.is_said.swap(false, Ordering::Relaxed);
            let is_untold = self.is_untold.swap(false, Ordering::Relaxed);
            if was_said || (is_untold && self.is_told()) {
                self.tell(url, (since_us, now_us), unasked_us, None);
            }
        }
    }

    /// How long nothing came, for how much of that it was not asked for, and what failed meanwhile.
    fn tell(
        &self,
        url: &Url,
        (since_us, until_us): (i64, i64),
        unasked_us: i64,
        over: Option<&Over>,
    ) {
        let zero_us = self.context.fetcher.writer.zero_us();
        let (from, until) = (
            Moment::new(since_us, zero_us),
            Moment::new(until_us, zero_us),
        );
        let seconds = until_us.saturating_sub(since_us) as f64 / 1e6;
        let failed = over.filter(|over| over.times > 1).map(|over| {
            let times = counted(over.times, "request");
            format!(": {times} failed ({})", over.what())
        });
        let place = words::raw_stream_of(url);
        let unasked = (unasked_us > UNASKED_US).then(|| {
            let seconds = unasked_us as f64 / 1e6;
            format!(", for {seconds:.1} s of which the recorder did not ask")
        });
        tracing::warn!(
            json.host = hosts::host_and_port(url),
            json.from_session_time = from.session_time,
            json.from_time = from.time,
            json.until_session_time = until.session_time,
            json.until_time = until.time,
            json.seconds = seconds,
            json.failed = over.map(|over| over.times),
            "{place}: comes again after {seconds:.1} s without a byte, from {} to {}{}{}",
            both_clocks(since_us, zero_us),
            both_clocks(until_us, zero_us),
            unasked.unwrap_or_default(),
            failed.unwrap_or_default()
        );
    }

    fn now_us(&self) -> i64 {
        self.context.fetcher.writer.clock().now_us()
    }
}
