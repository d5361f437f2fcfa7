//! H03 slow: how fast segments came (RFC 8216bis 6.2.1).

use std::collections::VecDeque;

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Kind, SeenExchange, seconds};

/// With more downloads beside it, it may be the recorder that made one slow.
const FEW: usize = 2;
/// Downloads that are remembered.
const MOST: usize = 256;

/// Downloads that were in flight lately: from when until when, in microseconds of Unix time.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    latest: VecDeque<(i64, i64)>,
}

impl Downloads {
    pub(super) fn take(&mut self, exchange: &SeenExchange) {
        if !matches!(exchange.kind, Kind::Segment | Kind::Init | Kind::Part) {
            return;
        }
        if self.latest.len() >= MOST {
            self.latest.pop_front();
        }
        self.latest
            .push_back((exchange.requested_us, ends_us(exchange)));
    }

    /// Those that begin behind it have not passed yet, so that one with many before it is not judged, and one with many
    /// behind it may be: it was slow alone, first.
    pub(super) fn judge(&self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        let exchange = answered.exchange;
        let target_us = exchange.listed_by.and_then(|(_, target_us)| target_us);
        let Some(target_us) =
            target_us.filter(|_| answered.is_good() && exchange.kind == Kind::Segment)
        else {
            return;
        };
        let took_us = ends_us(exchange).saturating_sub(exchange.requested_us);
        let beside = self
            .latest
            .iter()
            .filter(|(_, until_us)| *until_us > exchange.requested_us)
            .count();
        if took_us <= target_us || beside > FEW + 1 {
            return;
        }
        let text = format!(
            "a segment of {} bytes took {:.1} s to come, and the target duration is {} s",
            exchange.wire_bytes,
            seconds(took_us),
            seconds(target_us)
        );
        out.push(Broken::new("H03", text).with("seconds", seconds(took_us)));
    }
}

fn ends_us(exchange: &SeenExchange) -> i64 {
    let took_us = exchange
        .wait_us
        .unwrap_or(0)
        .saturating_add(exchange.receive_us.unwrap_or(0));
    exchange.requested_us.saturating_add(took_us)
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
}
