//! A raw stream over the whole session: what it is, how much of it came and when, how often it broke. Pure.

use std::collections::BTreeSet;

use super::series::Series;
use crate::analysis::times::between_us;
use crate::session::{RawAttempt, seconds};

/// Silences that are told one by one.
const MOST_SILENCES: usize = 1000;
/// Times that a picture of its bit rate has at most.
const MOST_TIMES: i64 = 500;
/// They are so long at least, in microseconds: of a part of an hour the moments of its bytes are known to 1.28 s, of one of
/// minutes to less than a tenth of that.
const SHORTEST_US: i64 = 1_000_000;

/// From when until when, in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The session was.
    pub session: (i64, i64),
    /// Is told of.
    pub wanted: (i64, i64),
}

impl Span {
    /// What is told of the session.
    fn told(self) -> (i64, i64) {
        let (from_us, until_us) = self.session;
        (from_us.max(self.wanted.0), until_us.min(self.wanted.1))
    }
}

impl Default for Span {
    fn default() -> Self {
        Self {
            session: (0, 0),
            wanted: (i64::MIN, i64::MAX),
        }
    }
}

/// A raw stream over what is wanted of a session. Times in microseconds.
#[derive(Debug, Default)]
pub struct RawStream {
    /// Row of `stream`.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What the user typed.
    pub url: String,
    /// The extension of its files, which says what it is; empty: nothing of it was kept.
    pub extension: String,
    /// What its media are, by their tracks, as far as that was read.
    pub codecs: BTreeSet<String>,
    /// Files that came of it.
    pub parts: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// When its first byte came and its last one, of Unix time.
    pub came_us: Option<(i64, i64)>,
    /// How long its responses were together, each from its first byte to its last one.
    pub recorded_us: i64,
    /// For so long of that nothing came.
    pub silent_within_us: i64,
    /// What broke it, and how often.
    pub breaks: Vec<(String, u64)>,
    /// Times without a byte that are the origin's.
    pub silences: Silences,
    /// The same where they are the recorder's.
    pub own: Silences,
    rates: Rates,
    span: Span,
}

/// Times without a byte.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Silences {
    /// How many.
    pub count: u64,
    /// How long they were together.
    pub length_us: i64,
    /// The longest.
    pub longest_us: i64,
    /// The first ones, from when to when, of Unix time.
    pub spans: Vec<(i64, i64)>,
}

impl Silences {
    /// Another one.
    pub fn take(&mut self, from_us: i64, until_us: i64) {
        // As both moments are shown.
        let length_us = between_us(from_us, until_us);
        self.count += 1;
        self.length_us = self.length_us.saturating_add(length_us);
        self.longest_us = self.longest_us.max(length_us);
        if self.spans.len() < MOST_SILENCES {
            self.spans.push((from_us, until_us));
        }
    }
}

/// Bytes that came in times of the same length.
#[derive(Debug, Default)]
struct Rates {
    from_us: i64,
    each_us: i64,
    bytes: Vec<u64>,
}

impl Rates {
    /// Of a session, from when to when.
    fn of(from_us: i64, until_us: i64) -> Self {
        let length_us = until_us.saturating_sub(from_us).max(0);
        let each_us = (length_us / MOST_TIMES).max(SHORTEST_US);
        let times = usize::try_from(length_us / each_us).unwrap_or(0) + 1;
        Self {
            from_us,
            each_us,
            bytes: vec![0; times],
        }
    }

    fn take(&mut self, at_us: i64, bytes: u64) {
        let after_us = at_us.saturating_sub(self.from_us);
        let time = usize::try_from(after_us / self.each_us.max(1)).ok();
        if let Some(time) = time.and_then(|time| self.bytes.get_mut(time)) {
            *time = time.saturating_add(bytes);
        }
    }
}

impl RawStream {
    /// A stream, over a span.
    pub fn new(id: i64, name: &str, url: &str, span: Span) -> Self {
        let (from_us, until_us) = span.told();
        Self {
            id,
            name: name.to_owned(),
            url: url.to_owned(),
            rates: Rates::of(from_us, until_us),
            span,
            ..Self::default()
        }
    }

    /// Whether it is told of a moment, of Unix time.
    pub fn has(&self, at_us: i64) -> bool {
        (self.span.wanted.0..=self.span.wanted.1).contains(&at_us)
    }

    /// What of a time is told of; `None`: nothing.
    pub fn within(&self, from_us: i64, until_us: i64) -> Option<(i64, i64)> {
        let (from_us, until_us) = (
            from_us.max(self.span.wanted.0),
            until_us.min(self.span.wanted.1),
        );
        (from_us < until_us).then_some((from_us, until_us))
    }

    /// What a request brought.
    pub fn take(&mut self, attempt: &RawAttempt) {
        let points = attempt.arrival.as_deref();
        let points = points.and_then(|text| serde_json::from_str(text).ok());
        let points: Vec<(i64, u64)> = points.unwrap_or_else(|| vec![(0, attempt.bytes)]);
        self.part(attempt.began_us, &points, attempt.bytes);
    }

    /// A part that began at a moment. `points`: how it came, in microseconds after its beginning and bytes so far.
    pub fn part(&mut self, began_us: i64, points: &[(i64, u64)], bytes: u64) {
        let at_once = [(0, bytes)];
        let points = if points.is_empty() { &at_once } else { points };
        let (wanted_us, ends_us) = self.span.wanted;
        let (begins_us, mut ended_us) = (began_us.max(wanted_us), None);
        let (mut before, mut last_us, mut came) = (0, 0, 0_u64);
        let mut is_to_its_end = true;
        for (after_us, so_far) in points {
            // A file that somebody else wrote may say anything.
            last_us = last_us.max(*after_us);
            let at_us = began_us.saturating_add(last_us);
            if at_us > ends_us {
                is_to_its_end = false;
                break;
            }
            if at_us >= begins_us {
                let more = so_far.saturating_sub(before);
                self.rates.take(at_us, more);
                came = came.saturating_add(more);
                ended_us = Some(at_us);
            }
            before = before.max(*so_far);
        }
        let Some(ended_us) = ended_us else {
            return;
        };
        self.parts += 1;
        // Of what is told of as a whole how much came is known to the byte.
        let is_whole = began_us >= wanted_us && is_to_its_end;
        let came = if is_whole { bytes } else { came };
        self.bytes = self.bytes.saturating_add(came);
        let recorded_us = ended_us.saturating_sub(begins_us);
        self.recorded_us = self.recorded_us.saturating_add(recorded_us);
        self.came_us = Some(match self.came_us {
            Some((first_us, until_us)) => (first_us.min(begins_us), until_us.max(ended_us)),
            None => (begins_us, ended_us),
        });
    }

    /// Bits per second while it came; `None`: it came at once, or not at all.
    pub fn mean_rate(&self) -> Option<f64> {
        let came_us = self.recorded_us.saturating_sub(self.silent_within_us);
        (came_us > 0).then(|| self.bytes as f64 * 8.0 / seconds(came_us))
    }

    /// Bits per second over the session, from its first byte to its last one.
    pub fn rates(&self) -> Series {
        let mut series = Series::default();
        let Some((first_us, last_us)) = self.came_us else {
            return series;
        };
        let mut at_us = self.rates.from_us;
        for bytes in &self.rates.bytes {
            let next_us = at_us.saturating_add(self.rates.each_us);
            if next_us > first_us && at_us <= last_us {
                series.push(at_us, *bytes as f64 * 8.0 / seconds(self.rates.each_us));
            }
            at_us = next_us;
        }
        series
    }

    /// Whether one of the silences that are told one by one has a part of a time.
    pub fn is_silent_within(&self, from_us: i64, until_us: i64) -> bool {
        let mut spans = self.silences.spans.iter();
        spans.any(|(from, until)| *from <= until_us && *until >= from_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000_000;

    fn over(wanted: (i64, i64)) -> RawStream {
        let session = (0, 10 * S);
        RawStream::new(1, "hall", "http://h/live", Span { session, wanted })
    }

    fn raw() -> RawStream {
        over((i64::MIN, i64::MAX))
    }

    #[test]
    fn of_a_span_all_figures_are_of_what_came_in_it() {
        let points: Vec<(i64, u64)> = (0..=9).map(|n| (n * S, (n as u64 + 1) * 1000)).collect();
        let mut raw = over((3 * S + 1, 6 * S));
        raw.part(0, &points, 10_000);
        raw.part(7 * S, &[(0, 500), (S, 1000)], 1000);
        raw.part(0, &[(0, 500), (S, 1000)], 1000);
        assert_eq!((raw.parts, raw.bytes), (1, 3000));
        assert_eq!(raw.came_us, Some((3 * S + 1, 6 * S)));
        assert_eq!(raw.recorded_us, 3 * S - 1);
        let peak = raw
            .rates()
            .points()
            .iter()
            .map(|p| p.value)
            .fold(0.0, f64::max);
        assert_eq!(peak, 8000.0);
        assert_eq!(raw.within(2 * S, 4 * S), Some((3 * S + 1, 4 * S)));
        assert_eq!((raw.within(0, S), raw.has(7 * S)), (None, false));
    }

    #[test]
    fn a_raw_stream_is_what_came_of_it() {
        let mut raw = raw();
        raw.part(S, &[(0, 1000), (S, 3000), (2 * S, 4000)], 4000);
        raw.part(6 * S, &[(0, 500), (S, 1000)], 1000);
        assert_eq!((raw.parts, raw.bytes, raw.recorded_us), (2, 5000, 3 * S));
        assert_eq!(raw.came_us, Some((S, 7 * S)));
        assert_eq!(raw.mean_rate(), Some(5000.0 * 8.0 / 3.0));
        raw.silent_within_us = S;
        assert_eq!(raw.mean_rate(), Some(5000.0 * 8.0 / 2.0));
        let rates: Vec<f64> = raw.rates().points().iter().map(|p| p.value / 8.0).collect();
        assert_eq!(rates, [1000.0, 2000.0, 1000.0, 0.0, 0.0, 500.0, 500.0]);
    }

    #[test]
    fn silences_are_counted_and_found_again() {
        let mut raw = raw();
        raw.silences.take(3 * S, 6 * S);
        raw.silences.take(8 * S, 9 * S);
        let told = (
            raw.silences.count,
            raw.silences.length_us,
            raw.silences.longest_us,
        );
        assert_eq!(told, (2, 4 * S, 3 * S));
        assert!(raw.is_silent_within(5 * S, 7 * S) && !raw.is_silent_within(6 * S + 1, 7 * S));
    }

    proptest! {
        #[test]
        fn whatever_a_file_says_is_no_trouble(
            span in any::<(i64, i64)>(), wanted in any::<(i64, i64)>(), began_us in any::<i64>(), points in any::<Vec<(i64, u64)>>(), bytes in any::<u64>(),
        ) {
            let mut raw = RawStream::new(1, "hall", "http://h/live", Span { session: span, wanted });
            raw.part(began_us, &points, bytes);
            raw.part(began_us, &points, bytes);
            prop_assert!(raw.rates().points().len() <= MOST_TIMES as usize + 2);
            let _ = raw.mean_rate();
        }
    }
}
