//! How much more of a stream's texts may be kept than the stream sent, where it sent them compressed.
//!
//! Whoever sends 15 KB can mean 15 MiB by them, another 15 MiB each time. Text is readable, and a playlist that is kept
//! in lines costs only what changes from then on; compressed, each revision costs what was sent. So a
//! text that was sent small is kept compressed until the stream has paid for having it in lines. In all, texts
//! cost twice what was sent, eight times the first KiB of each, and the allowance that each stream begins with.

/// What each stream has at first, in bytes: large playlists of ordinary size are in lines from the beginning.
const ALLOWANCE: u64 = 8 * 1024 * 1024;
/// What comes with each body at least, as the head of the response, in bytes.
const HEAD: u64 = 256;
/// Of each body so much counts for more, in bytes: small playlists are read by people.
const SMALL: u64 = 1024;
/// For so much more.
const SMALL_FACTOR: u64 = 8;

/// Of one stream, for one run.
#[derive(Debug)]
pub(super) struct Allowance {
    spare: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { spare: ALLOWANCE }
    }
}

impl Allowance {
    #[cfg(test)]
    pub(super) fn of(spare: u64) -> Self {
        Self { spare }
    }

    /// Whether a text that would cost `cost` bytes and was sent as `coded` is kept as text; if not, it is kept as
    /// it came, and so much nearer the next one is to being text.
    pub(super) fn grants(&mut self, cost: u64, coded: u64) -> bool {
        let paid = coded.saturating_add(HEAD);
        let free = paid.saturating_add((SMALL_FACTOR - 1) * paid.min(SMALL));
        let excess = cost.saturating_sub(free);
        match self.spare.checked_sub(excess) {
            Some(spare) => {
                self.spare = spare.saturating_add(paid.saturating_sub(cost));
                true
            }
            None => {
                self.spare = self.spare.saturating_add(paid);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_playlists_are_always_text() {
        let mut stream = Allowance::default();
        for _ in 0..1_000_000 {
            // A short window with tokens that change, LL-HLS in lines, and a window of hours of which the last segment is new.
            assert!(stream.grants(6_000, 600));
            assert!(stream.grants(900, 1_500));
            assert!(stream.grants(200, 40_000));
        }
        // Four renditions of a day, at once.
        let mut stream = Allowance::default();
        assert!((0..4).all(|_| stream.grants(1_500_000, 120_000)));
    }

    #[test]
    fn what_shares_its_lines_from_some_time_on_is_text_from_then_on() {
        let mut stream = Allowance::default();
        assert!(!stream.grants(16_000_000, 800_000));
        let until_text = (1..).find(|_| stream.grants(16_000_000, 800_000));
        assert!(until_text < Some(20), "{until_text:?}");
        assert!((0..1000).all(|_| stream.grants(100, 800_000)));
    }

    proptest! {
        #[test]
        fn texts_cost_little_more_than_was_sent(
            texts in prop::collection::vec((0..20_000_000_u64, 0..200_000_u64), 0..200),
        ) {
            let mut stream = Allowance::default();
            let (mut sent, mut kept) = (0, 0);
            for (cost, coded) in texts {
                let paid = coded + HEAD;
                sent += 2 * paid + (SMALL_FACTOR - 1) * paid.min(SMALL);
                kept += if stream.grants(cost, coded) { cost } else { coded };
                prop_assert!(kept <= sent + ALLOWANCE);
            }
        }
    }
}
