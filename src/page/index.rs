//! Moments of a session in memory: of all exchanges, and of the advances of each playlist. It goes on from where it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::session::{ExchangeId, IndexedExchange, ReadError, Reader};

/// One request reads no longer than this.
const PIECE: Duration = Duration::from_millis(250);
/// Rows that are read at once.
const ROWS: usize = 4096;
/// Exchanges, and advances, that are held at most: 100 MiB together.
const MOST: usize = 4_000_000;
/// Requests that may be going on; of more the oldest are given up.
const MOST_MISSING: usize = 4096;

/// Moments of a session. Times in microseconds of Unix time.
#[derive(Debug, Default)]
pub struct Index {
    /// Of each stream, by its row.
    moments: BTreeMap<i64, Moments>,
    /// Exchanges that are in it.
    held: usize,
    /// The last exchange that is in it.
    last: ExchangeId,
    /// Numbers before that without a row: a request may be going on still.
    missing: BTreeSet<ExchangeId>,
    advances: BTreeMap<i64, Vec<(i64, ExchangeId)>>,
    advances_held: usize,
    /// All that there was is in it.
    is_whole: bool,
    /// There is no room for more.
    is_full: bool,
}

/// When exchanges were requested, in order of time.
#[derive(Debug, Default)]
struct Moments {
    requests: Vec<i64>,
    faults: Vec<i64>,
    own: Vec<i64>,
}

/// A count of moments, in cells of equal width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    /// When the first one begins.
    pub from_us: i64,
    /// How long each is.
    pub width_us: i64,
    /// How many.
    pub count: usize,
}

impl Cells {
    /// Cells of a span.
    pub fn new(from_us: i64, until_us: i64, count: usize) -> Self {
        let count_us = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        let span_us = until_us.saturating_sub(from_us).max(1);
        Self {
            from_us,
            width_us: (span_us.saturating_add(count_us - 1) / count_us).max(1),
            count: count.max(1),
        }
    }

    /// Where all of them end.
    pub fn until_us(&self) -> i64 {
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        self.from_us
            .saturating_add(self.width_us.saturating_mul(count))
    }

    /// The cell of a moment; `None`: it is in none.
    pub fn of(&self, us: i64) -> Option<usize> {
        let after_us = us.checked_sub(self.from_us).filter(|after| *after >= 0)?;
        let cell = usize::try_from(after_us / self.width_us).ok()?;
        (cell < self.count).then_some(cell)
    }
}

impl Index {
    /// Reads what is not in it yet, for a quarter of a second at most.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn go_on(&mut self, reader: &Reader) -> Result<(), ReadError> {
        let began = clock::instant();
        self.is_whole = self.read_exchanges(reader, began)? && self.read_advances(reader, began)?;
        Ok(())
    }

    fn read_exchanges(&mut self, reader: &Reader, began: Instant) -> Result<bool, ReadError> {
        for row in reader.indexed(&self.missing)? {
            self.missing.remove(&row.id);
            self.take(row);
        }
        loop {
            if self.held >= MOST {
                self.is_full = true;
                return Ok(true);
            }
            let rows = reader.indexed_behind(self.last, ROWS)?;
            for row in &rows {
                let skipped = self
                    .last
                    .saturating_add(1)
                    .max(row.id.saturating_sub(MOST_MISSING as i64))
                    ..row.id;
                // Those before the first one were removed.
                if self.last > 0 {
                    self.missing.extend(skipped);
                }
                while self.missing.len() > MOST_MISSING {
                    self.missing.pop_first();
                }
                self.last = row.id;
                self.take(*row);
            }
            if rows.len() < ROWS {
                return Ok(true);
            }
            if began.elapsed() > PIECE {
                return Ok(false);
            }
        }
    }

    fn take(&mut self, row: IndexedExchange) {
        self.held += 1;
        let moments = self.moments.entry(row.stream_id).or_default();
        let lists = [
            (true, &mut moments.requests),
            (row.is_fault, &mut moments.faults),
            (row.is_own, &mut moments.own),
        ];
        for (is_one, list) in lists {
            if is_one {
                // At the end, but for requests that took longer than others.
                let at = list.partition_point(|us| *us <= row.requested_us);
                list.insert(at, row.requested_us);
            }
        }
    }

    fn read_advances(&mut self, reader: &Reader, began: Instant) -> Result<bool, ReadError> {
        for playlist in reader.revised_playlists()? {
            let known = self.advances.entry(playlist.id).or_default();
            loop {
                if self.advances_held >= MOST {
                    self.is_full = true;
                    return Ok(true);
                }
                let behind = known.last().copied().unwrap_or((i64::MIN, i64::MIN));
                let rows = reader.advance_times(playlist.id, behind, ROWS)?;
                let is_all = rows.len() < ROWS;
                self.advances_held += rows.len();
                known.extend(rows);
                if is_all {
                    break;
                }
                if began.elapsed() > PIECE {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether all that there was when it was read last is in it.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether there is no room for more: what is behind that is not in it.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Until when exchanges are in it; `None`: there is none.
    pub fn indexed_us(&self) -> Option<i64> {
        let last = |moments: &Moments| moments.requests.last().copied();
        self.moments.values().filter_map(last).max()
    }

    /// How many requests began in each cell: of a stream (its row), or of all.
    pub fn requests(&self, cells: Cells, stream: Option<i64>) -> Vec<u64> {
        self.counts(cells, stream, |moments| &moments.requests)
    }

    /// How many faults.
    pub fn faults(&self, cells: Cells, stream: Option<i64>) -> Vec<u64> {
        self.counts(cells, stream, |moments| &moments.faults)
    }

    /// How many that happened only because a recorder asked.
    pub fn own(&self, cells: Cells, stream: Option<i64>) -> Vec<u64> {
        self.counts(cells, stream, |moments| &moments.own)
    }

    fn counts(&self, cells: Cells, stream: Option<i64>, of: fn(&Moments) -> &Vec<i64>) -> Vec<u64> {
        let mut sums = vec![0; cells.count];
        for (id, moments) in &self.moments {
            if stream.is_none_or(|wanted| wanted == *id) {
                for (sum, count) in sums.iter_mut().zip(counts(of(moments), cells)) {
                    *sum += count;
                }
            }
        }
        sums
    }

    /// When a playlist (row of `resource`) advanced, or a multivariant one had another text, in a span, the advance before it, and the one behind it.
    pub fn advances(&self, playlist_id: i64, from_us: i64, until_us: i64) -> Advances<'_> {
        let all = self
            .advances
            .get(&playlist_id)
            .map_or(&[][..], Vec::as_slice);
        let first = all.partition_point(|(at_us, _)| *at_us < from_us);
        let last = all
            .partition_point(|(at_us, _)| *at_us <= until_us)
            .max(first);
        let at = |index: usize| all.get(index).map(|(at_us, _)| *at_us);
        Advances {
            inside: all.get(first..last).unwrap_or_default(),
            before: first.checked_sub(1).and_then(at),
            after: at(last),
        }
    }
}

/// Advances of a playlist in a span. Times in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advances<'a> {
    /// When, and which exchange showed it.
    pub inside: &'a [(i64, ExchangeId)],
    /// The last one before the span.
    pub before: Option<i64>,
    /// The first one behind it.
    pub after: Option<i64>,
}

/// The time between two advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// How long, in microseconds.
    pub length_us: i64,
    /// When it ended, in microseconds of Unix time.
    pub until_us: i64,
    /// The exchange that ended it.
    pub revision: ExchangeId,
}

impl Advances<'_> {
    /// In cells: how many, and the longest time between two that ends there.
    pub fn in_cells(&self, cells: Cells) -> (Vec<u64>, Vec<Option<Wait>>) {
        let mut count = vec![0_u64; cells.count];
        let mut longest = vec![None; cells.count];
        let mut before = self.before;
        for (at_us, revision) in self.inside {
            let Some(cell) = cells.of(*at_us) else {
                continue;
            };
            if let Some(count) = count.get_mut(cell) {
                *count += 1;
            }
            if let (Some(longest), Some(before)) = (longest.get_mut(cell), before) {
                let wait = Wait {
                    length_us: at_us.saturating_sub(before),
                    until_us: *at_us,
                    revision: *revision,
                };
                *longest = (*longest).max(Some(wait));
            }
            before = Some(*at_us);
        }
        (count, longest)
    }
}

/// Moments in order, counted by two searches a cell.
fn counts(moments: &[i64], cells: Cells) -> Vec<u64> {
    let mut from = moments.partition_point(|us| *us < cells.from_us);
    let mut counts = Vec::with_capacity(cells.count);
    let mut end_us = cells.from_us;
    for _ in 0..cells.count {
        end_us = end_us.saturating_add(cells.width_us);
        let rest = moments.get(from..).unwrap_or_default();
        let inside = rest.partition_point(|us| *us < end_us);
        counts.push(inside as u64);
        from += inside;
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_moment_is_in_one_cell(
            mut moments in prop::collection::vec(-50_i64..1050, 0..200), from in 0_i64..500, length in 1_i64..500, count in 1_usize..100,
        ) {
            moments.sort_unstable();
            let cells = Cells::new(from, from + length, count);
            prop_assert!(cells.until_us() >= from + length);
            let mut expected = vec![0; count];
            for us in &moments {
                if let Some(cell) = cells.of(*us) {
                    expected[cell] += 1;
                }
            }
            prop_assert_eq!(counts(&moments, cells), expected);
        }
    }

    #[test]
    fn each_stream_is_counted_alone_and_all_together() {
        let mut index = Index::default();
        let row = |id, requested_us, stream_id, is_fault| IndexedExchange {
            id,
            requested_us,
            is_fault,
            is_own: false,
            stream_id,
        };
        for row in [
            row(1, 5, 1, false),
            row(2, 6, 2, true),
            row(3, 15, 2, false),
        ] {
            index.take(row);
        }
        let cells = Cells::new(0, 20, 2);
        assert_eq!(index.requests(cells, None), [2, 1]);
        assert_eq!(index.requests(cells, Some(1)), [1, 0]);
        assert_eq!(index.requests(cells, Some(2)), [1, 1]);
        assert_eq!(index.faults(cells, Some(1)), [0, 0]);
        assert_eq!(index.faults(cells, Some(2)), [1, 0]);
        assert_eq!(index.requests(cells, Some(3)), [0, 0]);
        assert_eq!(index.indexed_us(), Some(15));
    }

    #[test]
    fn the_longest_wait_is_in_the_cell_in_which_it_ends() {
        let inside = [(10, 1), (14, 2), (30, 3)];
        let advances = Advances {
            inside: &inside,
            before: Some(7),
            after: None,
        };
        let (count, longest) = advances.in_cells(Cells::new(10, 40, 3));
        assert_eq!(count, [2, 0, 1]);
        let lengths: Vec<_> = longest
            .iter()
            .map(|wait| wait.map(|wait| (wait.length_us, wait.revision)))
            .collect();
        assert_eq!(lengths, [Some((4, 2)), None, Some((16, 3))]);
    }

    #[test]
    fn cells_of_the_largest_spans_overflow_nothing() {
        let cells = Cells::new(i64::MIN, i64::MAX, 4000);
        assert_eq!(cells.of(i64::MAX), None);
        assert_eq!(counts(&[0, 5, i64::MAX], cells).len(), 4000);
    }
}
