//! One name for a run of segments: a slate, or a file that is written over for each segment. Only its bytes tell which. Pure.

/// A slate is fetched for one in so many of its segments, at least.
const ONE_IN: u8 = 10;

/// How often a name that is listed for one segment after the other is fetched.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// For one in so many segments; 0: its bytes change, and it is fetched for each.
    one_in: u8,
    /// For so many more it is not fetched.
    skipped: u8,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            one_in: 1,
            skipped: 0,
        }
    }
}

impl Repeats {
    /// It was fetched once more; whether it brought the bytes of before.
    pub(crate) fn compared(&mut self, is_same: bool) {
        self.one_in = match is_same {
            true => self.one_in.saturating_mul(2).min(ONE_IN),
            false => 0,
        };
        self.skipped = self.one_in.saturating_sub(1);
    }

    /// It is listed for one more segment: whether it is taken for what is known.
    pub(crate) fn is_skipped(&mut self) -> bool {
        let is_skipped = self.skipped > 0;
        self.skipped = self.skipped.saturating_sub(1);
        is_skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(bytes: impl Fn(u32) -> u32) -> Vec<u32> {
        let (mut repeats, mut known, mut fetched) = (Repeats::default(), bytes(0), Vec::new());
        for n in 1..40 {
            if !repeats.is_skipped() {
                repeats.compared(bytes(n) == known);
                known = bytes(n);
                fetched.push(n);
            }
        }
        fetched
    }

    #[test]
    fn the_same_bytes_are_fetched_ever_less_often_and_others_each_time() {
        assert_eq!(fetched(|_| 0), [1, 3, 7, 15, 25, 35]);
        assert_eq!(fetched(|n| n).len(), 39);
        // Once other bytes came it is no slate, whatever follows.
        let changed = fetched(|n| u32::from(n >= 16));
        assert_eq!(changed, [vec![1, 3, 7, 15], (25..40).collect()].concat());
    }
}
