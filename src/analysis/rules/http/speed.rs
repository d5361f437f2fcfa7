//! H03 slow: how fast segments came (RFC 8216bis 6.2.1).

use std::collections::VecDeque;

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Kind, Outcome, SeenExchange, seconds};

/// With more downloads beside it, it may be the recorder that made one slow, ...
const FEW: usize = 2;
/// ... but for one that gets less than one part in so many of its share.
const FAR_LESS: f64 = 8.0;
/// Downloads that are remembered.
const MOST: usize = 256;

/// Downloads that were in flight lately.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    latest: VecDeque<Download>,
}

/// From when until when, in microseconds of Unix time.
#[derive(Debug)]
struct Download {
    from_us: i64,
    until_us: i64,
    /// Bytes in a second, its wait included.
    rate: f64,
}

impl Downloads {
    pub(super) fn take(&mut self, exchange: &SeenExchange) {
        if !matches!(exchange.kind, Kind::Segment | Kind::Init | Kind::Part) {
            return;
        }
        if self.latest.len() >= MOST {
            self.latest.pop_front();
        }
        self.latest.push_back(Download::new(exchange));
    }

    /// Those that begin behind it have not passed yet, so that one with many before it is not judged, and one with many
    /// behind it may be: it was slow alone, first.
    pub(super) fn judge(&self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        let exchange = answered.exchange;
        let target_us = exchange.listed_by.and_then(|(_, target_us)| target_us);
        let is_whole = answered.is_good();
        let is_judged = exchange.kind == Kind::Segment && (is_whole || was_given_up(exchange));
        let Some(target_us) = target_us.filter(|_| is_judged) else {
            return;
        };
        let this = Download::new(exchange);
        let took_us = this.until_us.saturating_sub(this.from_us);
        if took_us <= target_us || answered.stood_still {
            return;
        }
        let beside = self.latest.iter();
        let beside = beside.filter(|other| other.until_us > this.from_us).count();
        if beside > FEW + 1 && !self.is_far_less(&this, beside) {
            return;
        }
        let (bytes, took, target) = (exchange.wire_bytes, seconds(took_us), seconds(target_us));
        let text = match is_whole {
            true => format!(
                "a segment of {bytes} bytes took {took:.1} s to come, and the target duration is {target} s"
            ),
            false => format!(
                "of a segment {bytes} bytes had come after {took:.1} s, and not all of it; the target duration is {target} s"
            ),
        };
        let broken = Broken::new("H03", text).worse(took_us);
        let broken = if is_whole {
            broken
        } else {
            broken.kind("unfinished")
        };
        out.push(broken.with("seconds", took));
    }

    /// Whether as many as it was of at once could have come far faster: one of the latest did.
    #[allow(clippy::cast_precision_loss)]
    fn is_far_less(&self, this: &Download, at_once: usize) -> bool {
        let rates = self.latest.iter().map(|download| download.rate);
        let fastest = rates.fold(0.0, f64::max);
        this.rate * at_once as f64 * FAR_LESS < fastest
    }
}

/// Its body was still coming when the recorder stopped; what fell silent is told by H01.
fn was_given_up(exchange: &SeenExchange) -> bool {
    exchange.outcome == Outcome::Aborted && matches!(exchange.status, Some(200 | 206))
}

impl Download {
    #[allow(clippy::cast_precision_loss)]
    fn new(exchange: &SeenExchange) -> Self {
        let until_us = exchange.requested_us.saturating_add(exchange.took_us());
        let took_us = exchange.took_us().max(1);
        let is_counted = exchange.outcome == Outcome::Complete || was_given_up(exchange);
        let bytes = if is_counted { exchange.wire_bytes } else { 0 };
        Self {
            from_us: exchange.requested_us,
            until_us,
            rate: bytes as f64 * 1e6 / took_us as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::{found, good, of_segment};

    fn slow(requested_us: i64) -> SeenExchange {
        SeenExchange {
            requested_us,
            receive_us: Some(6_000_000),
            ..good(Kind::Segment, "http://localhost/s1.ts")
        }
    }

    #[test]
    fn a_segment_comes_in_less_than_it_plays() {
        assert_eq!(found(&[(slow(0), of_segment())]), ["H03"]);
    }

    #[test]
    fn many_at_once_are_the_recorders_doing() {
        let at_once: Vec<_> = (0..6).map(|n| (slow(n), of_segment())).collect();
        assert_eq!(found(&at_once).len(), FEW + 1);
    }

    #[test]
    fn one_that_gets_next_to_nothing_is_the_servers_doing() {
        let fast = good(Kind::Segment, "http://localhost/s0.ts");
        let all = std::iter::once((fast, of_segment()));
        let slow = (1..7).map(|n| (slow(1_000_000 + n), of_segment()));
        let all: Vec<_> = all.chain(slow).collect();
        assert_eq!(found(&all), ["H03"; 6]);
    }

    #[test]
    fn one_that_was_given_up_after_longer_than_it_plays_was_slow_too() {
        let cut = SeenExchange {
            outcome: Outcome::Aborted,
            wire_bytes: 6_000,
            ..slow(0)
        };
        assert_eq!(found(&[(cut, of_segment())]), ["H03"]);
        let soon = SeenExchange {
            outcome: Outcome::Aborted,
            ..good(Kind::Segment, "http://localhost/s1.ts")
        };
        assert!(found(&[(soon, of_segment())]).is_empty());
    }
}
