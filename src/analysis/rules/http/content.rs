//! T05 same-uri-other-bytes: bytes behind a name (RFC 8216bis 6.2.2).

use std::collections::HashMap;

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Kind, Outcome};

/// Resources that are remembered.
const MOST: usize = 500_000;

/// What each name brought last: when it was the answer first, and the beginning of the hash of it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    longest_us: i64,
    known: HashMap<i64, (i64, u64)>,
}

impl Contents {
    pub(super) fn new(longest_us: i64) -> Self {
        Self {
            longest_us,
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
        let target_us = exchange
            .listed_by
            .and_then(|(_, target_us)| target_us)
            .unwrap_or(0);
        // A name that is used again later is legal.
        let until_us = |from_us: i64| {
            from_us
                .saturating_add(target_us)
                .saturating_add(self.longest_us)
        };
        if let Some((from_us, known)) = self.known.get(&exchange.resource_id)
            && *known != hash
            && exchange.from_us <= until_us(*from_us)
        {
            out.push(Broken::new(
                "T05",
                format!(
                    "other bytes came than before under the same name: {}",
                    exchange.url
                ),
            ));
        }
        if self.known.len() >= MOST {
            let now_us = exchange.from_us;
            self.known
                .retain(|_, (from_us, _)| until_us(*from_us) >= now_us);
        }
        if self.known.len() < MOST {
            self.known
                .insert(exchange.resource_id, (exchange.from_us, hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::http::testing::{found, good, of_segment};
    use crate::session::{Kind, SeenExchange};

    fn at(from_us: i64, byte: u8) -> SeenExchange {
        SeenExchange {
            from_us,
            body: Some((100_000, vec![byte; 32])),
            ..good(Kind::Segment, "http://localhost/s1.ts")
        }
    }

    #[test]
    fn a_name_brings_the_same_bytes_while_it_is_listed() {
        let judged =
            |from_us, byte| found(&[(at(0, 1), of_segment()), (at(from_us, byte), of_segment())]);
        assert_eq!(judged(5_000_000, 1), Vec::<&str>::new());
        assert_eq!(judged(5_000_000, 2), ["T05"]);
        assert_eq!(
            judged(60_000_000, 2),
            Vec::<&str>::new(),
            "it is used again"
        );
    }
}
