//! Whether a revision of a media playlist advances it (`docs/GLOSSARY.md`). Pure.

use std::collections::VecDeque;

use crate::hls::{ByteRange, MediaFacts};

/// What a revision is to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Its end is new.
    Advance,
    /// Its sequence began again: an encoder restart.
    Restart,
    /// Its end is the one before: tokens, a window that slides.
    Same,
    /// Its end was seen before that: an edge that lags behind.
    Behind,
}

impl Step {
    /// Whether the end is new.
    pub(super) fn is_advance(self) -> bool {
        matches!(self, Self::Advance | Self::Restart)
    }
}

/// A sequence that goes back by more than this restarted; by less, another edge lags behind.
const LAG: u64 = 3;
/// Ends of late whose URIs are remembered.
const ENDS: usize = 32;

/// The ends that a playlist has had.
#[derive(Debug, Default)]
pub(super) struct Ends {
    highest: Option<u64>,
    latest: VecDeque<End>,
    gained: u64,
}

#[derive(Debug)]
struct End {
    sequence: u64,
    path: String,
    range: Option<ByteRange>,
}

impl Ends {
    /// Judges a revision, and remembers it. `range`: that of its last segment.
    pub(super) fn judge(&mut self, facts: &MediaFacts, range: Option<ByteRange>) -> Step {
        let step = self.step(facts, range);
        self.gained = match (step, self.highest, facts.last_sequence) {
            // A sequence that is not counted has grown by one.
            (Step::Advance, Some(highest), Some(last)) => last.saturating_sub(highest).max(1),
            (Step::Advance, None, _) => facts.segment_count,
            _ => 0,
        };
        if step == Step::Restart {
            self.latest.clear();
        }
        if step.is_advance() {
            self.highest = facts.last_sequence.or(self.highest);
            if let (Some(sequence), Some(uri)) = (facts.last_sequence, &facts.last_uri) {
                if self.latest.len() >= ENDS {
                    self.latest.pop_front();
                }
                let path = path(uri).to_owned();
                self.latest.push_back(End {
                    sequence,
                    path,
                    range,
                });
            }
        }
        step
    }

    /// By how many segments the last revision that was judged advanced.
    pub(super) fn gained(&self) -> u64 {
        self.gained
    }

    fn step(&self, facts: &MediaFacts, range: Option<ByteRange>) -> Step {
        let (Some(highest), Some(last)) = (self.highest, facts.last_sequence) else {
            // The first segments of all are an advance; an empty playlist is none.
            return match facts.last_sequence {
                Some(_) => Step::Advance,
                None => Step::Same,
            };
        };
        if last > highest {
            return Step::Advance;
        }
        let known = self.latest.iter().rev().find(|end| end.sequence == last);
        if let (Some(known), Some(uri)) = (known, &facts.last_uri) {
            if known.path != path(uri) {
                return Step::Restart;
            }
            // A single file may grow under a sequence that an encoder forgets to count.
            if known.range != range && last == highest {
                return Step::Advance;
            }
        }
        if highest - last > LAG || (last < highest && facts.segment_count <= 2) {
            Step::Restart
        } else if last < highest {
            Step::Behind
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

    impl Ends {
        fn sees(&mut self, facts: &MediaFacts) -> Step {
            self.judge(facts, None)
        }
    }

    #[test]
    fn a_single_file_that_grows_advances() {
        let mut ends = Ends::default();
        let range = |first| Some(ByteRange { first, length: 100 });
        assert_eq!(
            ends.judge(&facts(0, 3, "all.ts"), range(200)),
            Step::Advance
        );
        assert_eq!(ends.judge(&facts(0, 3, "all.ts"), range(200)), Step::Same);
        assert_eq!(
            ends.judge(&facts(0, 3, "all.ts"), range(300)),
            Step::Advance
        );
    }

    #[test]
    fn only_a_new_end_advances() {
        let mut ends = Ends::default();
        assert_eq!(ends.sees(&facts(0, 0, "")), Step::Same);
        assert_eq!(ends.sees(&facts(10, 3, "12.ts?t=1")), Step::Advance);
        assert_eq!(ends.sees(&facts(10, 3, "12.ts?t=2")), Step::Same, "tokens");
        assert_eq!(
            ends.sees(&facts(11, 2, "12.ts")),
            Step::Same,
            "a window that slides"
        );
        assert_eq!(ends.sees(&facts(11, 3, "13.ts")), Step::Advance);
        assert_eq!(ends.gained(), 1);
        assert_eq!(
            ends.sees(&facts(10, 3, "12.ts")),
            Step::Behind,
            "an edge that lags"
        );
        assert_eq!(
            ends.sees(&facts(11, 3, "13.ts")),
            Step::Same,
            "and comes back"
        );
        assert_eq!(ends.gained(), 0);
        assert_eq!(ends.sees(&facts(12, 5, "16.ts")), Step::Advance);
        assert_eq!(ends.gained(), 3);
    }

    #[test]
    fn a_sequence_that_begins_again_is_a_restart() {
        let mut ends = Ends::default();
        ends.sees(&facts(100, 5, "104.ts"));
        assert_eq!(ends.sees(&facts(0, 5, "4.ts")), Step::Restart);
        assert_eq!(ends.sees(&facts(1, 5, "5.ts")), Step::Advance);
        assert_eq!(
            ends.sees(&facts(1, 5, "b5.ts")),
            Step::Restart,
            "another URI at the same number"
        );
        assert_eq!(
            ends.sees(&facts(1, 1, "b1.ts")),
            Step::Restart,
            "one segment, further back"
        );
    }
}
