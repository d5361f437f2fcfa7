//! T05 same-uri-other-bytes: bytes behind a name (RFC 8216bis 6.2.2).

use std::collections::HashMap;

use super::answer::Answered;
use super::listed::Listed;
use crate::analysis::rules::broken::Broken;
use crate::session::{ExchangeId, Kind, Outcome, SeenExchange};

/// Resources that are remembered.
const MOST: usize = 500_000;

/// What each name brought last.
#[derive(Debug, Default)]
pub(super) struct Contents {
    longest_us: i64,
    listed: Listed,
    known: HashMap<i64, Known>,
}

/// What a name brought.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: ExchangeId,
    /// Until when it must bring the same, in microseconds of Unix time.
    until_us: i64,
    /// The beginning of the hash of it.
    hash: u64,
}

impl Contents {
    pub(super) fn new(longest_us: i64, listed: Listed) -> Self {
        Self {
            longest_us,
            listed,
            known: HashMap::new(),
        }
    }

    pub(super) fn judge(&mut self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        let exchange = answered.exchange;
        let is_whole = exchange.status == Some(200) && exchange.outcome == Outcome::Complete;
        let is_kept = matches!(exchange.kind, Kind::Segment | Kind::Init | Kind::Part);
        let Some((_, hash)) = exchange
            .body
            .as_ref()
            .filter(|_| is_whole && is_kept && exchange.range.is_none())
        else {
            return;
        };
        let hash = hash
            .iter()
            .take(8)
            .fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
        let waited_us = exchange.wait_us.unwrap_or(0);
        let at_us = exchange.requested_us.saturating_add(waited_us);
        if let Some(known) = self.known.get(&exchange.resource_id)
            && known.hash != hash
            && at_us <= known.until_us
        {
            let text = format!(
                "other bytes came than before under the same name: {}",
                exchange.url
            );
            let broken = Broken::new("T05", text).with("url", exchange.url.as_str());
            out.push(broken.with("other_exchange", known.id));
        }
        if self.known.len() >= MOST {
            self.known.retain(|_, known| known.until_us >= at_us);
        }
        if self.known.len() < MOST {
            let known = Known {
                id: exchange.id,
                until_us: self.until_us(exchange, at_us),
                hash,
            };
            self.known.insert(exchange.resource_id, known);
        }
    }

    /// A name that is used again later is legal (RFC 8216bis 6.2.2).
    fn until_us(&self, exchange: &SeenExchange, at_us: i64) -> i64 {
        let time = match exchange.kind {
            Kind::Segment => self.listed.time(&exchange.url, at_us),
            _ => None,
        };
        // Of what is no segment it is not known when it left.
        let target_us = exchange.listed_by.and_then(|(_, target_us)| target_us);
        time.map_or_else(
            || {
                exchange
                    .from_us
                    .saturating_add(target_us.unwrap_or(0))
                    .saturating_add(self.longest_us)
            },
            |time| time.until_us,
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::http::listed::testing::listed;
    use crate::analysis::rules::http::testing::{found, good, of_segment};
    use crate::analysis::rules::http::{Answered, Exchanges};
    use crate::session::{Kind, SeenExchange};

    fn at(from_us: i64, byte: u8) -> SeenExchange {
        SeenExchange {
            from_us,
            requested_us: from_us,
            body: Some((100_000, vec![byte; 32])),
            ..good(Kind::Init, "http://localhost/s1.mp4")
        }
    }

    #[test]
    fn a_name_brings_the_same_bytes_for_a_while() {
        let judged =
            |from_us, byte| found(&[(at(0, 1), of_segment()), (at(from_us, byte), of_segment())]);
        assert!(!judged(5_000_000, 1).contains(&"T05"));
        assert!(judged(5_000_000, 2).contains(&"T05"));
        assert!(!judged(60_000_000, 2).contains(&"T05"), "it is used again");
    }

    /// Whether T05 tells of a segment that brings other bytes at a second, where it is listed so.
    fn is_told(names: &[&str], second: i64) -> bool {
        let mut exchanges = Exchanges::new(12_000_000, listed(names), 0..=i64::MAX);
        let mut out = Vec::new();
        for (second, byte) in [(0, 1), (second, 2)] {
            let exchange = SeenExchange {
                url: "http://localhost/a.ts".to_owned(),
                kind: Kind::Segment,
                ..at(second * 1_000_000, byte)
            };
            let headers = of_segment();
            let answered = Answered::new(&exchange, &headers);
            exchanges.judge(&answered, &mut out);
        }
        out.iter().any(|broken| broken.rule == "T05")
    }

    #[test]
    fn it_counts_from_when_a_segment_left_the_list() {
        // It leaves at 12 s (seen last at 11 s): 4 s and 12 s later it may be another one.
        let names = ["a", "b", "c", "d", "e", "f", "g", "a"];
        assert!(is_told(&names, 26));
        assert!(!is_told(&names, 28), "its name is used again in time");
        assert!(is_told(&["a", "b"], 300), "it is listed for ever");
    }
}
