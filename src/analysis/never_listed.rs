//! Segments that a playlist never listed: it had gone on without them when it was seen to advance again. Pure.

use serde::Serialize;

use crate::session::Advance;

/// Segments that no revision listed, by their media sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NeverListed {
    /// How many.
    pub count: u64,
    /// The first one; where they are some of a row, the first of that.
    pub first: u64,
    /// The last one, likewise.
    pub last: u64,
}

impl NeverListed {
    /// What was not listed between two consecutive advances; `segment_us`: how long a segment of the playlist is. More than can
    /// have been made meanwhile are none: the origin counts anew.
    pub(super) fn between(from: &Advance, to: &Advance, segment_us: i64) -> Option<Self> {
        if to.restarted {
            return None;
        }
        let (next, first) = (from.next_number?, to.first_number?);
        let count = first.checked_sub(next).filter(|count| *count > 0)?;
        let most = to.seen_us.saturating_sub(from.seen_us) / segment_us.max(1) + 2;
        (i128::from(count) <= i128::from(most)).then_some(Self {
            count,
            first: next,
            last: first - 1,
        })
    }

    /// Without those that can have come and gone in a time in which nobody looked, in microseconds, and these: of which numbers
    /// they are nobody knows, where they are not all.
    pub(super) fn without(self, missed_us: i64, segment_us: i64) -> [Option<Self>; 2] {
        let most = match missed_us {
            ..=0 => 0,
            missed_us => (missed_us / segment_us.max(1)).saturating_add(1),
        };
        let missed = self.count.min(most.unsigned_abs());
        let some = |count: u64| (count > 0).then_some(Self { count, ..self });
        [some(self.count - missed), some(missed)]
    }

    /// From one media sequence number to another.
    #[cfg(test)]
    pub(super) fn of(first: u64, last: u64) -> Option<Self> {
        Some(Self {
            count: last - first + 1,
            first,
            last,
        })
    }

    /// Their numbers: `81`, `81-84`; where they are some of these, `some of 81-84`.
    pub fn numbers(&self) -> String {
        match self.last.saturating_sub(self.first).saturating_add(1) {
            1 => self.first.to_string(),
            all if all > self.count => format!("some of {}-{}", self.first, self.last),
            _ => format!("{}-{}", self.first, self.last),
        }
    }
}

/// `1 segment not seen`, `4 segments not seen`.
pub fn not_seen(count: u64) -> String {
    match count {
        1 => "1 segment not seen".to_owned(),
        _ => format!("{count} segments not seen"),
    }
}

/// `1 segment never listed`, `4 segments never listed`.
pub fn counted(count: u64) -> String {
    match count {
        1 => "1 segment never listed".to_owned(),
        _ => format!("{count} segments never listed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(seen_s: i64, first: u64, count: u64) -> Advance {
        Advance {
            seen_us: seen_s * 1_000_000,
            first_number: Some(first),
            next_number: Some(first + count),
            ..Advance::default()
        }
    }

    #[test]
    fn what_a_window_has_left_out_was_never_listed() {
        let told = |to: Advance| NeverListed::between(&window(0, 78, 3), &to, 2_000_000);
        assert_eq!(told(window(8, 81, 3)), None, "nothing is left out");
        assert_eq!(told(window(8, 80, 3)), None, "they overlap");
        assert_eq!(told(window(8, 82, 3)).unwrap().numbers(), "81");
        let four = told(window(10, 85, 3)).unwrap();
        assert_eq!((four.count, four.numbers().as_str()), (4, "81-84"));
        assert_eq!(told(window(10, 5_000, 3)), None, "nobody made so many");
        let restarted = Advance {
            restarted: true,
            ..window(10, 85, 3)
        };
        assert_eq!(told(restarted), None);
        let unnumbered = Advance {
            first_number: None,
            ..window(10, 85, 3)
        };
        assert_eq!(told(unnumbered), None);
        // A file that somebody else wrote may say anything.
        let absurd = Advance {
            seen_us: i64::MIN,
            first_number: Some(u64::MAX),
            next_number: Some(0),
            ..Advance::default()
        };
        assert_eq!(NeverListed::between(&absurd, &absurd, 0), None);
    }

    #[test]
    fn only_what_can_have_come_and_gone_while_nobody_looked_is_not_seen() {
        let ten = NeverListed::of(252, 261).unwrap();
        let told = |missed_us| {
            let all = ten.without(missed_us, 2_000_000);
            all.map(|some| some.map(|some| (some.count, some.numbers())))
        };
        let all = |count, numbers: &str| Some((count, numbers.to_owned()));
        assert_eq!(told(0), [all(10, "252-261"), None]);
        assert_eq!(
            told(3_028_000),
            [all(8, "some of 252-261"), all(2, "some of 252-261")]
        );
        assert_eq!(told(20_000_000), [None, all(10, "252-261")]);
        assert_eq!(told(i64::MAX), [None, all(10, "252-261")]);
        assert_eq!(ten.without(1, 0)[1].unwrap().count, 2);
    }

    #[test]
    fn one_is_one_segment() {
        assert_eq!(counted(1), "1 segment never listed");
        assert_eq!(counted(4), "4 segments never listed");
    }
}
