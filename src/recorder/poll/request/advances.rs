//! What polls show of a playlist's advances is counted and told: while it stands still, and when it advances again. So is a
//! poll that has no answer.

use std::time::Duration;

use tokio::time::Instant;

use super::told::{log_recovery, seconds};
use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::poll::poller::Poller;
use crate::recorder::poll::state::advances::{PollSpan, Told};
use crate::recorder::poll::state::overdue::Request;
use crate::recorder::stats::counters::Unanswered;
use crate::recorder::stats::events::Over;
use crate::recorder::stats::events::Skipped;
use crate::recorder::stats::fold::Met;
use crate::recorder::stats::outages::outage::Failed;
use crate::recorder::stats::outages::over::Class;
use crate::recorder::stats::recoveries::Recovery;
use crate::session::UNANSWERED;

/// A recorder that is so late itself says nothing of an answer that it waits for.
const LATE: Duration = Duration::from_millis(500);
/// What has no answer for so long is told, whatever the target duration.
const LONGEST_UNTOLD: Duration = Duration::from_secs(5);

impl Poller {
    /// Asks; what hangs is told meanwhile, and what the origin holds for too long comes back as that.
    pub(super) async fn ask_for(&mut self, ask: &Ask) -> Result<Vec<Hop>, Request> {
        if let Some(held) = self.blocking.asked() {
            return self.ask_held(ask, held).await;
        }
        let context = self.context.clone();
        let chain = context.fetcher.chain(ask);
        let (hops, hanging) = self.watching(chain, Some(ask)).await;
        self.hanging = hanging;
        Ok(hops)
    }

    /// Waits for an answer; what hangs while an advance is overdue is told meanwhile.
    pub(super) async fn telling<T>(&mut self, chain: impl Future<Output = T>) -> T {
        self.watching(chain, None).await.0
    }

    /// The same. `ask`: what is asked for, where that it has no answer is told; that it had none for long.
    async fn watching<T>(
        &mut self,
        chain: impl Future<Output = T>,
        ask: Option<&Ask>,
    ) -> (T, Option<Unanswered>) {
        let asked_us = self.context.fetcher.writer.clock().now_us();
        tokio::pin!(chain);
        let mut overdue = self.overdue(asked_us);
        let patience = (self.target_duration()).map_or(LONGEST_UNTOLD, |target| target * 3 / 2);
        let patience = patience.min(LONGEST_UNTOLD);
        let mut unanswered = ask.map(|_| clock::instant() + patience);
        let mut hanging = None;
        loop {
            tokio::select! {
                biased;
                come = &mut chain => return (come, hanging),
                () = reached(overdue) => {
                    self.tell_of_overdue(asked_us, overdue.take(), ask.is_some());
                }
                () = reached(unanswered) => {
                    let due = unanswered.take();
                    if let (Some(ask), Some(due)) = (ask, due) {
                        (unanswered, hanging) = self.tell_of_no_answer(ask, (due, patience));
                    }
                }
            }
        }
    }

    /// When an advance is overdue that a poll which is made then has not shown.
    fn overdue(&self, asked_us: i64) -> Option<Instant> {
        // An answer is not late because it was asked for late.
        let least_us = asked_us.saturating_add(self.target_us() / 2);
        let overdue_us = self.advances.overdue_us()?;
        let until_us = overdue_us.max(least_us).saturating_sub(asked_us);
        let wait = Duration::from_micros(u64::try_from(until_us).unwrap_or(0));
        Some(clock::instant() + wait)
    }

    /// `is_told`: that the request has no answer is told.
    fn tell_of_overdue(&mut self, requested_us: i64, overdue: Option<Instant>, is_told: bool) {
        let now = clock::instant();
        let is_late = |due| now.saturating_duration_since(due) >= LATE;
        if overdue.is_none_or(is_late) {
            return;
        }
        let now_us = self.context.fetcher.writer.clock().now_us();
        let span = PollSpan {
            requested_us,
            known_us: now_us,
            response_us: now_us,
            over_us: now_us,
            away_us: 0,
        };
        let told = self.advances.same(span);
        let hangs = is_told && self.playlist.stats.waiting.asked_us().is_some();
        self.tell_of_advances(told, (now_us, hangs));
    }

    /// A request has had no answer for long, perhaps; when to look again, and whether it has none.
    fn tell_of_no_answer(
        &self,
        ask: &Ask,
        (due, patience): (Instant, Duration),
    ) -> (Option<Instant>, Option<Unanswered>) {
        let (stats, now) = (&self.playlist.stats, clock::instant());
        let Some(asked_us) = stats.waiting.asked_us() else {
            return (None, None);
        };
        if now.saturating_duration_since(due) >= LATE {
            // An answer may have come while this recorder stood still.
            return (Some(now + LATE), None);
        }
        let now_us = self.context.fetcher.writer.clock().now_us();
        let waited_us = now_us.saturating_sub(asked_us);
        let left_us = clock::micros(patience).saturating_sub(waited_us);
        if left_us > 0 {
            // A redirect was followed meanwhile.
            let left = Duration::from_micros(left_us.unsigned_abs());
            return (Some(now + left), None);
        }
        let (host, place) = (hosts::host_and_port(&ask.url), self.place(&ask.url));
        let failed = Failed {
            class: Class::Polls,
            of: stats.number,
            host: &host,
            place: &place,
            whats: &[UNANSWERED],
            since_us: asked_us,
            number: None,
            is_over: false,
            is_told: false,
        };
        self.context.stats.met(now_us);
        if self.context.stats.outages().fails(failed, now) {
            tracing::warn!(
                json.playlist = self.playlist.label,
                json.seconds = seconds(waited_us),
                "{place}: {UNANSWERED} for {:.1} s",
                seconds(waited_us)
            );
        }
        (None, Some(self.context.stats.unanswered()))
    }

    /// Takes in what a poll showed; `good`: it brought the playlist.
    pub(super) fn note_advances(&mut self, (requested_us, response_us): (i64, i64), good: bool) {
        let over_us = self.context.fetcher.writer.clock().now_us();
        let span = PollSpan {
            requested_us,
            known_us: if good { requested_us } else { over_us },
            response_us,
            over_us,
            away_us: self.away_us(response_us),
        };
        let stated = self.stated.take().filter(|stated| stated.step.is_advance());
        let standing = self.playlist.standing();
        let has_ended = standing.ended_since.is_some();
        let stats = &self.playlist.stats;
        stats.ends(has_ended, response_us);
        // An advance that is the last one is still judged by the one before.
        if standing.dropped_since.is_some() || (has_ended && stated.is_none()) {
            self.advances.end();
            stats.gaps.over();
        }
        let told = match stated {
            Some(stated) => {
                let stats = &self.playlist.stats;
                stats.advanced(response_us, stated.target_us());
                self.advances.advanced(span, stated)
            }
            None => self.advances.same(span),
        };
        let of = self.playlist.stats.number;
        (self.context.stats.standstills()).is_answered(of, clock::instant());
        self.tell_of_advances(told, (response_us, false));
    }

    /// `advanced_us`: when it advanced, if it did; `hangs`: a request is under way, and told if it takes long.
    fn tell_of_advances(&self, told: Option<Told>, (advanced_us, hangs): (i64, bool)) {
        let gaps = &self.playlist.stats.gaps;
        match told {
            None => {}
            Some(Told::Still {
                for_us,
                expected_us,
                is_new,
            }) => {
                let from_us = self.advances.since_us().unwrap_or(advanced_us);
                let span_us = (from_us, from_us.saturating_add(for_us));
                if gaps.lasts(span_us, is_new) {
                    let (stats, of) = (&self.context.stats, self.playlist.stats.number);
                    (stats.standstills()).begins(of, expected_us, hangs, clock::instant());
                }
            }
            Some(Told::Again {
                after_us,
                expected_us,
                skipped,
                was_told,
            }) => {
                let span_us = (advanced_us.saturating_sub(after_us), advanced_us);
                let skipped = self.or_held_back(skipped, span_us);
                if let Some(over) = gaps.ends(span_us, skipped, !was_told) {
                    self.tell_of_end(over, expected_us);
                }
            }
            Some(Told::Missed { after_us, skipped }) => {
                let span_us = (advanced_us.saturating_sub(after_us), advanced_us);
                gaps.missed(span_us, self.or_held_back(skipped, span_us));
            }
        }
    }

    /// What was skipped in a time for most of which its host was left alone was not asked for on that account.
    fn or_held_back(&self, skipped: Skipped, (from_us, until_us): (i64, i64)) -> Skipped {
        let alone_us = (self.playlist.stats.left_alone).between_us(from_us, until_us);
        Skipped {
            is_held_back: alone_us > until_us.saturating_sub(from_us) / 2,
            ..skipped
        }
    }

    /// For so long since the last advance the recorder was away.
    fn away_us(&self, until_us: i64) -> i64 {
        let activity = &self.context.fetcher.activity;
        let since_us = self.advances.since_us();
        since_us.map_or(0, |since_us| activity.away_us(since_us, until_us))
    }

    pub(super) fn met(&self) -> Met<'static> {
        Met {
            kind: self.told_kind(),
            host: "",
        }
    }

    /// An event is over. It is told by itself; where its beginning was not, and many are over so, it is counted.
    fn tell_of_end(&self, over: Over, expected_us: i64) {
        let (stats, now) = (&self.context.stats, clock::instant());
        let was_said = stats.says_still(false);
        let is_long = over.length_us >= LONG_US;
        let is_told = was_said || is_long || stats.recoveries().may_tell(now);
        if !(is_told || stats.is_news(self.met(), "no advance")) {
            return;
        }
        let recovery = Recovery {
            over,
            of: self.playlist.stats.number,
            label: self.playlist.label.clone(),
            expected_us,
        };
        let in_outage = |of| stats.outages().are_open_for(of);
        for due in stats.recoveries().comes(recovery, now, in_outage) {
            log_recovery(&due, self.context.fetcher.writer.zero_us());
        }
    }
}

/// What lasts for so long has been told of in sums, in microseconds.
const LONG_US: i64 = 30_000_000;

/// Waits until a moment; without one for ever.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
