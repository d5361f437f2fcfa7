//! Whether a revision of a media playlist advances it (`docs/GLOSSARY.md`). Pure.

use std::collections::VecDeque;

use crate::hls::MediaFacts;

/// What a revision is to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Its end is new.
    Advance,
    /// Its sequence began again: an encoder restart.
    Restart,
    /// Its end was seen before: tokens, a window that slides, an edge that lags behind.
    Same,
}

/// A sequence that goes back by more than this restarted; by less, another edge lags behind.
const LAG: u64 = 3;
/// Ends of late whose URIs are remembered.
const ENDS: usize = 32;

/// The ends that a playlist has had.
#[derive(Debug, Default)]
pub(super) struct Ends {
    highest: Option<u64>,
    latest: VecDeque<(u64, String)>,
}

impl Ends {
    /// Judges a revision, and remembers it.
    pub(super) fn judge(&mut self, facts: &MediaFacts) -> Step {
        let step = self.step(facts);
        if step == Step::Restart {
            self.latest.clear();
        }
        if step != Step::Same {
            self.highest = facts.last_sequence.or(self.highest);
            if let (Some(sequence), Some(uri)) = (facts.last_sequence, &facts.last_uri) {
                if self.latest.len() >= ENDS {
                    self.latest.pop_front();
                }
                self.latest.push_back((sequence, path(uri).to_owned()));
            }
        }
        step
    }

    fn step(&self, facts: &MediaFacts) -> Step {
        let (Some(highest), Some(last)) = (self.highest, facts.last_sequence) else {
            // The first segments of all are an advance; an empty playlist is none.
            return if facts.last_sequence.is_some() {
                Step::Advance
            } else {
                Step::Same
            };
        };
        if last > highest {
            return Step::Advance;
        }
        let known = self
            .latest
            .iter()
            .rev()
            .find(|(sequence, _)| *sequence == last);
        let other_uri = match (known, &facts.last_uri) {
            (Some((_, known)), Some(uri)) => known != path(uri),
            _ => false,
        };
        if other_uri || highest - last > LAG || (last < highest && facts.segment_count <= 2) {
            Step::Restart
        } else {
            Step::Same
        }
    }
}

/// Tokens change while the segment stays.
fn path(uri: &str) -> &str {
    uri.split('?').next().unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(first: u64, count: u64, uri: &str) -> MediaFacts {
        MediaFacts {
            media_sequence: first,
            segment_count: count,
            last_sequence: (count > 0).then(|| first + count - 1),
            last_uri: (count > 0).then(|| uri.to_owned()),
            ..MediaFacts::default()
        }
    }

    #[test]
    fn only_a_new_end_advances() {
        let mut ends = Ends::default();
        assert_eq!(ends.judge(&facts(0, 0, "")), Step::Same);
        assert_eq!(ends.judge(&facts(10, 3, "12.ts?t=1")), Step::Advance);
        assert_eq!(ends.judge(&facts(10, 3, "12.ts?t=2")), Step::Same, "tokens");
        assert_eq!(
            ends.judge(&facts(11, 2, "12.ts")),
            Step::Same,
            "a window that slides"
        );
        assert_eq!(ends.judge(&facts(11, 3, "13.ts")), Step::Advance);
        assert_eq!(
            ends.judge(&facts(10, 3, "12.ts")),
            Step::Same,
            "an edge that lags"
        );
        assert_eq!(
            ends.judge(&facts(11, 3, "13.ts")),
            Step::Same,
            "and comes back"
        );
        assert_eq!(ends.judge(&facts(12, 3, "14.ts")), Step::Advance);
    }

    #[test]
    fn a_sequence_that_begins_again_is_a_restart() {
        let mut ends = Ends::default();
        ends.judge(&facts(100, 5, "104.ts"));
        assert_eq!(ends.judge(&facts(0, 5, "4.ts")), Step::Restart);
        assert_eq!(ends.judge(&facts(1, 5, "5.ts")), Step::Advance);
        assert_eq!(
            ends.judge(&facts(1, 5, "b5.ts")),
            Step::Restart,
            "another URI at the same number"
        );
        assert_eq!(
            ends.judge(&facts(1, 1, "b1.ts")),
            Step::Restart,
            "one segment, further back"
        );
    }
}
