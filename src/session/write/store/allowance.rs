//! How much more of a stream's texts may be kept than the stream sent, where it sent them compressed.
//!
//! Whoever sends 15 KB can mean 15 MiB by them, another 15 MiB each time. Text is readable, and a playlist that is kept
//! in lines costs only what changes from then on; compressed, each revision costs what was sent. So a
//! text that was sent small is kept compressed until the stream has paid for having it in lines. In all, texts
//! cost twice what was sent, eight times the first KiB of each, and the allowance that each stream begins with.
//!
//! So it is with rows: 8 KiB in gzip can list a thousand URLs, others at each poll, and each is five times in the tables of a
//! session. What was asked for has its rows, whatever they cost. What a playlist only lists has rows
//! as long as these cost, all together, no more than so many times what the stream sent, and an allowance of their own, so
//! that neither takes what the other needs.

/// What each stream has at first, in bytes: large playlists of ordinary size are in lines from the beginning.
const ALLOWANCE: u64 = 8 * 1024 * 1024;
/// What comes with each body at least, as the head of the response, in bytes.
const HEAD: u64 = 256;
/// Of each body so much counts for more, in bytes: small playlists are read by people.
const SMALL: u64 = 1024;
/// For so much more.
const SMALL_FACTOR: u64 = 8;

/// What rows of URLs that are only listed may cost each stream at first, in bytes: as many segments as may be listed at
/// once, with URLs of a hundred bytes.
pub(super) const ROWS: u64 = 64 * 1024 * 1024;
/// What playlists sent counts so often for these rows: a URL of a resource is five times in the database. What else was
/// sent, chunks most of all, counts once.
pub(super) const ROWS_FACTOR: u64 = 8;

/// Of one stream, for one run.
#[derive(Debug)]
pub(super) struct Allowance {
    spare: u64,
    rows: u64,
    /// What of that is not for other URLs of what is known.
    reserve: u64,
    /// Of `rows`, what was counted before its exchange is written.
    ahead: u64,
    /// That rows were not made was said.
    is_told: bool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            spare: ALLOWANCE,
            rows: ROWS,
            reserve: ROWS / 2,
            ahead: 0,
            is_told: false,
        }
    }
}

impl Allowance {
    #[cfg(test)]
    pub(super) fn with_spare(spare: u64) -> Self {
        Self {
            spare,
            ..Self::default()
        }
    }

    #[cfg(test)]
    pub(super) fn of_rows(rows: u64) -> Self {
        Self {
            rows,
            reserve: rows / 2,
            ..Self::default()
        }
    }

    /// A playlist sent so many bytes, of which its exchange will tell: what it lists is written before.
    pub(super) fn expects(&mut self, bytes: u64) {
        let ahead = bytes.saturating_mul(ROWS_FACTOR);
        self.ahead = self.ahead.saturating_add(ahead);
        self.rows = self.rows.saturating_add(ahead);
    }

    /// So many bytes of a body came, with the head of a response.
    pub(super) fn note_body(&mut self, bytes: u64, is_playlist: bool) {
        let paid = bytes.saturating_add(HEAD);
        let mut earned = paid;
        if is_playlist {
            earned = paid.saturating_mul(ROWS_FACTOR);
            let ahead = self.ahead.min(earned);
            self.ahead -= ahead;
            earned -= ahead;
        }
        self.rows = self.rows.saturating_add(earned);
        self.is_told &= self.rows < ROWS / 2;
    }

    /// A row that was granted was there already.
    pub(super) fn give_back(&mut self, cost: u64) {
        self.rows = self.rows.saturating_add(cost);
    }

    /// What was made beside a row that was granted costs so much more.
    pub(super) fn costs_more(&mut self, bytes: u64) {
        self.rows = self.rows.saturating_sub(bytes);
    }

    /// Whether a row is made for another URL of something: as long as half of what a stream begins with is left, since
    /// a URL that differs in its query is found by its path all the same.
    pub(super) fn grants_alias(&mut self, cost: u64) -> bool {
        self.rows >= self.reserve.saturating_add(cost) && self.grants_row(cost)
    }

    /// Whether a row that costs so many bytes is made for a URL that nobody has asked for.
    pub(super) fn grants_row(&mut self, cost: u64) -> bool {
        match self.rows.checked_sub(cost) {
            Some(rows) => {
                self.rows = rows;
                true
            }
            None => false,
        }
    }

    /// Rows were not made: whether that is to be told of. Once, until there is room for half of what a stream begins with.
    pub(super) fn is_news(&mut self) -> bool {
        let is_told = std::mem::replace(&mut self.is_told, true);
        !is_told
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

    #[test]
    fn ordinary_channels_note_all_that_they_list() {
        // In gzip, with a token that all of its URLs have and that changes at each poll, for a week: a short window with
        // sound only, and half an hour.
        for (window, sent, chunk) in [(6, 500, 48_000), (300, 4_000, 1_500_000)] {
            let mut stream = Allowance::default();
            for _ in 0..20_000 {
                for _ in 0..4 {
                    stream.note_body(sent, true);
                    let cost = 600 * window;
                    assert!(stream.grants_alias(cost));
                }
                assert!(stream.grants_row(1_600));
                stream.note_body(chunk, false);
            }
        }
    }

    #[test]
    fn what_a_playlist_sent_counts_once_before_its_exchange_and_with_it() {
        let (mut before, mut after) = (Allowance::of_rows(0), Allowance::of_rows(0));
        before.expects(1_000);
        assert!(before.grants_row(8_000) && !before.grants_row(1));
        before.note_body(1_000, true);
        after.note_body(1_000, true);
        assert!(after.grants_row(8_000));
        for stream in [&mut before, &mut after] {
            assert!(stream.grants_row(HEAD * ROWS_FACTOR) && !stream.grants_row(1));
        }
    }

    proptest! {
        #[test]
        fn rows_cost_a_bounded_number_of_times_what_was_sent(
            polls in prop::collection::vec((0..300_000_u64, 0..20_000_u64, any::<bool>(), any::<bool>()), 0..300),
        ) {
            let mut stream = Allowance::of_rows(100_000);
            let (mut most, mut kept) = (100_000, 0);
            for (cost, sent, is_playlist, is_early) in polls {
                most += (sent + HEAD) * if is_playlist { ROWS_FACTOR } else { 1 };
                if is_playlist && is_early {
                    stream.expects(sent);
                }
                for part in [cost / 3, cost / 2] {
                    kept += if stream.grants_row(part) { part } else { 0 };
                    prop_assert!(kept <= most);
                }
                stream.note_body(sent, is_playlist);
            }
        }

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
