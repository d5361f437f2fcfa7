//! What polls show of a playlist's advances is counted and told: while it stands still, and when it advances again.

use std::time::Duration;

use crate::clock;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::poll::poller::Poller;
use crate::recorder::poll::state::advances::{PollSpan, Told};
use crate::recorder::poll::state::overdue::Request;

/// A recorder that is so late itself says nothing of an answer that it waits for.
const LATE: Duration = Duration::from_millis(500);

impl Poller {
    /// Asks; what the origin holds for too long comes back as that.
    pub(super) async fn ask_for(&mut self, ask: &Ask) -> Result<Vec<Hop>, Request> {
        match self.blocking.asked() {
            Some(held) => self.ask_held(ask, held).await,
            None => {
                let context = self.context.clone();
                Ok(self.telling(context.fetcher.chain(ask)).await)
            }
        }
    }

    /// Waits for an answer; what hangs while an advance is overdue is told meanwhile.
    pub(super) async fn telling<T>(&mut self, chain: impl Future<Output = T>) -> T {
        let clock = self.context.fetcher.writer.clock();
        let asked_us = clock.now_us();
        tokio::pin!(chain);
        let Some(overdue_us) = self.advances.overdue_us() else {
            return chain.await;
        };
        // An answer is not late because it was asked for late.
        let least_us = asked_us.saturating_add(self.target_us() / 2);
        let until_us = overdue_us.max(least_us).saturating_sub(asked_us);
        let wait = Duration::from_micros(u64::try_from(until_us).unwrap_or(0));
        let overdue = clock::instant() + wait;
        tokio::select! {
            biased;
            hops = &mut chain => return hops,
            () = tokio::time::sleep_until(overdue) => {}
        }
        if clock::instant().saturating_duration_since(overdue) < LATE {
            let span = PollSpan {
                requested_us: asked_us,
                known_us: clock.now_us(),
                response_us: clock.now_us(),
            };
            let told = self.advances.same(span);
            self.tell_of_advances(told);
        }
        chain.await
    }

    /// Takes in what a poll showed; `good`: it brought the playlist.
    pub(super) fn note_advances(&mut self, (requested_us, response_us): (i64, i64), good: bool) {
        let over_us = self.context.fetcher.writer.clock().now_us();
        let span = PollSpan {
            requested_us,
            known_us: if good { requested_us } else { over_us },
            response_us,
        };
        if self.playlist.standing().dropped_since.is_some() {
            self.advances.end();
            self.playlist.stats.gaps.over();
        }
        let stated = self.stated.take().filter(|stated| stated.step.is_advance());
        let told = match stated {
            Some(stated) => {
                let stats = &self.playlist.stats;
                stats.advanced(response_us, stated.target_us());
                self.advances.advanced(span, stated)
            }
            None => self.advances.same(span),
        };
        self.tell_of_advances(told);
    }

    fn tell_of_advances(&self, told: Option<Told>) {
        let Some(told) = told else {
            return;
        };
        let gaps = &self.playlist.stats.gaps;
        let what = match told {
            Told::Still { for_us, is_new, .. } => {
                gaps.lasts(for_us, is_new);
                if !is_new {
                    return;
                }
                "no advance"
            }
            Told::Again {
                after_us,
                never_listed,
                was_told,
                ..
            } => {
                gaps.ends(after_us, never_listed, !was_told);
                "advances again"
            }
        };
        if !self.context.stats.is_news(self.playlist.kind, what) {
            return;
        }
        let label = &self.playlist.label;
        match told {
            Told::Still {
                for_us,
                expected_us,
                ..
            } => tracing::warn!(
                json.playlist = label,
                json.seconds = seconds(for_us),
                json.expected_seconds = seconds(expected_us),
                "{label:?}: no advance for {:.1} s ({:.1} expected)",
                seconds(for_us),
                seconds(expected_us)
            ),
            Told::Again {
                after_us,
                expected_us,
                never_listed,
                ..
            } => tracing::warn!(
                json.playlist = label,
                json.seconds = seconds(after_us),
                json.expected_seconds = seconds(expected_us),
                json.never_listed = never_listed,
                "{label:?}: advances again after {:.1} s{}",
                seconds(after_us),
                lost(never_listed)
            ),
        }
    }
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

fn lost(never_listed: u64) -> String {
    match never_listed {
        0 => String::new(),
        1 => ", 1 segment never listed".to_owned(),
        count => format!(", {count} segments never listed"),
    }
}
