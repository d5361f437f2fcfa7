//! What a viewer would have seen: who plays one rendition, as the recorder got its segments, with a buffer of three target
//! durations from the live edge, up to the end of what is known of it. Pure.

use std::collections::HashMap;

use super::fetched::{Fetch, Fetches, Item};

/// Target durations that are fetched before playing begins, and again behind a time of which nothing is known.
const BUFFER: i64 = 3;
/// Stalls that are told one by one.
const MOST: usize = 1000;
/// Shorter ones are not seen, in microseconds.
const SHORTEST_US: i64 = 100_000;

/// A viewer had nothing to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// From when on, in microseconds of Unix time.
    pub from_us: i64,
    /// For how long, in microseconds.
    pub length_us: i64,
    /// It was not over when what is known of the playlist ends.
    pub is_open: bool,
}

/// When nothing can be said of a viewer, or of the origin: from when to when, in microseconds of Unix time, in order, none of
/// which overlap.
#[derive(Debug, Clone, Copy)]
pub struct Times<'a> {
    /// No recorder ran, it stood still, or it left a host alone as that had asked: whoever plays begins again behind it.
    pub away: &'a [(i64, i64)],
    /// It was not well: what stalled then may be its own doing, and is not counted.
    pub unwell: &'a [(i64, i64)],
    /// When what is known of the playlist ends.
    pub end_us: i64,
}

/// Someone who plays a rendition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Stalls, the first ones.
    pub stalls: Vec<Stall>,
    /// How many there were.
    pub count: u64,
    /// How long they were together, in microseconds.
    pub length_us: i64,
    /// Segments that never came, and were not seen.
    pub missed: u64,
    /// How long they play, in microseconds.
    pub missed_us: i64,
    /// Segments that the recorder did not ask for: as if they had come at once.
    pub not_asked: u64,
    /// For so long the recorder stood still, did not run, or left a host alone as that had asked, and nothing is told, in microseconds.
    pub away_us: i64,
}

/// What is known of who plays a rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// What was seen.
    By(Viewer),
    /// Why that is not known; empty: no wanted rule looks at it.
    NotKnown(&'static str),
}

impl Default for Watched {
    fn default() -> Self {
        Self::NotKnown("")
    }
}

impl Watched {
    /// What was seen; `None`: that is not known.
    pub fn viewer(&self) -> Option<&Viewer> {
        match self {
            Self::By(viewer) => Some(viewer),
            Self::NotKnown(_) => None,
        }
    }

    /// What was seen between two moments, in microseconds of Unix time.
    #[must_use]
    pub fn within(&self, span_us: (i64, i64)) -> Self {
        match self {
            Self::By(viewer) => Self::By(viewer.within(span_us)),
            other => other.clone(),
        }
    }
}

/// What a rendition listed, from which follows what a viewer saw.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    items: Vec<Item>,
    /// What was listed before the viewer came, and is not played, in microseconds.
    passed_us: i64,
    /// Why it is not known what was listed.
    lost: Option<&'static str>,
    /// EXT-X-ENDLIST is there: nothing is due behind it.
    ended: bool,
    /// Before which segments it was there: they are of a channel that came back.
    ends: Vec<usize>,
}

impl Watch {
    /// Of a live playlist so much is listed as the viewer comes, who begins three target durations from its end (RFC 8216bis 6.3.3).
    pub fn comes(&mut self, listed_us: i64, target_us: i64) {
        let from_end_us = target_us.saturating_mul(BUFFER);
        self.passed_us = listed_us.saturating_sub(from_end_us).max(0);
    }

    /// The next text has EXT-X-ENDLIST, or has it not; what it lists follows.
    pub fn ends(&mut self, ended: bool) {
        let behind = self.items.len();
        if self.ended && self.ends.last() != Some(&behind) {
            self.ends.push(behind);
        }
        self.ended = ended;
    }

    /// A segment is listed.
    pub fn lists(&mut self, item: Item) {
        self.items.push(item);
    }

    /// How many are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// What is listed from now on is not known.
    pub fn lose_sight(&mut self, why: &'static str) {
        self.lost = self.lost.or(Some(why));
    }

    /// What a viewer saw. `unit_us`: the target duration, or what stands for it; `plays_us`: how long a segment plays, where that was
    /// measured to be something else.
    pub fn see(
        &self,
        fetches: &Fetches,
        unit_us: i64,
        times: &Times<'_>,
        plays_us: impl Fn(u64) -> Option<i64>,
    ) -> Watched {
        let cut = fetches
            .is_cut()
            .then_some("too many segments were asked for");
        if let Some(why) = self.lost.or(cut) {
            return Watched::NotKnown(why);
        }
        let again = listed_again(&self.items);
        let mut seat = Seat::new(self.passed_us, unit_us.saturating_mul(BUFFER), times);
        let mut came = 0_u64;
        let mut ends = self.ends.iter().copied().peekable();
        for (n, (item, again_us)) in self.items.iter().zip(again).enumerate() {
            if ends.next_if_eq(&n).is_some() {
                seat.begins_again();
            }
            let plays_us = item.name.and_then(&plays_us);
            let us = plays_us.unwrap_or(item.duration_us);
            match fetches.of(item, again_us) {
                Fetch::Came(at_us) => {
                    came += 1;
                    seat.got(at_us, us);
                }
                Fetch::Known(_) if item.jumped => {
                    return Watched::NotKnown(
                        "the list began again with segments that it had listed before",
                    );
                }
                Fetch::Known(at_us) => {
                    came += 1;
                    seat.got(at_us.max(item.listed_us), us);
                }
                Fetch::Never => seat.misses(us),
                Fetch::NotAsked => {
                    seat.viewer.not_asked += 1;
                    seat.got(item.listed_us, us);
                }
            }
        }
        seat.ends(self.ended);
        match (came, seat.began) {
            (0, _) if seat.viewer.missed == 0 => {
                Watched::NotKnown("no segment of it was asked for")
            }
            (0, _) => Watched::NotKnown("no segment of it was got"),
            // What is told is the least: a stall is one, whatever is not known beside it.
            _ if seat.viewer.not_asked > came && seat.viewer.count == 0 => {
                Watched::NotKnown("most of its segments were not asked for")
            }
            (_, false) => {
                Watched::NotKnown("less than three target durations of it were got in a row")
            }
            (_, true) => Watched::By(seat.viewer),
        }
    }
}

impl Watch {
    /// How many segments never came though they were asked for, and how many were not asked for, of those that were listed before a
    /// moment, in microseconds of Unix time: of what was new then nothing is expected yet.
    pub fn not_come(&self, fetches: &Fetches, before_us: i64) -> (u64, u64) {
        let (mut never, mut not_asked) = (0, 0);
        let again = listed_again(&self.items);
        let items = self.items.iter().zip(again);
        for (item, again_us) in items.filter(|(item, _)| !item.is_gap) {
            if item.listed_us < before_us {
                match fetches.of(item, again_us) {
                    Fetch::Never => never += 1,
                    Fetch::NotAsked => not_asked += 1,
                    Fetch::Came(_) | Fetch::Known(_) => {}
                }
            }
        }
        (never, not_asked)
    }
}

/// When each name is listed again, later than an item.
fn listed_again(items: &[Item]) -> Vec<Option<i64>> {
    // When it is listed next, and again behind that.
    let mut next: HashMap<u64, (i64, Option<i64>)> = HashMap::new();
    let again = items.iter().rev().map(|item| {
        let name = item.name?;
        let again = match next.get(&name) {
            // The same text lists it twice.
            Some((listed_us, again)) if *listed_us == item.listed_us => *again,
            Some((listed_us, _)) => Some(*listed_us),
            None => None,
        };
        next.insert(name, (item.listed_us, again));
        again
    });
    let mut again: Vec<Option<i64>> = again.collect();
    again.reverse();
    again
}

/// Where a viewer sits.
struct Seat<'a> {
    times: &'a Times<'a>,
    viewer: Viewer,
    passed_us: i64,
    /// What makes playing begin, and what of it is there, in microseconds.
    buffer_us: i64,
    buffered_us: i64,
    /// When the last of what is buffered came.
    latest_us: i64,
    /// When all that came is played; `None`: playing has not begun.
    until_us: Option<i64>,
    /// Times away that are over.
    away: usize,
    began: bool,
}

impl<'a> Seat<'a> {
    fn new(passed_us: i64, buffer_us: i64, times: &'a Times<'a>) -> Self {
        let lengths = times.away.iter();
        let lengths = lengths.map(|(from_us, until_us)| until_us.saturating_sub(*from_us));
        Self {
            times,
            viewer: Viewer {
                away_us: lengths.fold(0, i64::saturating_add),
                ..Viewer::default()
            },
            passed_us,
            buffer_us,
            buffered_us: 0,
            latest_us: i64::MIN,
            until_us: None,
            away: 0,
            began: false,
        }
    }

    /// A segment is there.
    fn got(&mut self, at_us: i64, us: i64) {
        if self.passed_us > 0 {
            self.passed_us = self.passed_us.saturating_sub(us);
            return;
        }
        self.goes_away(at_us);
        self.latest_us = self.latest_us.max(at_us);
        let Some(until_us) = self.until_us else {
            self.buffered_us = self.buffered_us.saturating_add(us);
            if self.buffered_us >= self.buffer_us {
                self.began = true;
                self.until_us = Some(self.latest_us.saturating_add(self.buffered_us));
            }
            return;
        };
        self.stalls(until_us, at_us, false);
        self.until_us = Some(until_us.max(at_us).saturating_add(us));
    }

    /// What was there is played to its end, and nothing was due behind it.
    fn begins_again(&mut self) {
        self.until_us = None;
        self.buffered_us = 0;
        self.latest_us = i64::MIN;
    }

    /// A segment never came: it is left out, as soon as there is a later one.
    fn misses(&mut self, us: i64) {
        if self.passed_us > 0 {
            self.passed_us = self.passed_us.saturating_sub(us);
            return;
        }
        self.viewer.missed += 1;
        self.viewer.missed_us = self.viewer.missed_us.saturating_add(us);
    }

    /// Times away before a moment: who had nothing to play before one stalled until then; behind it all begins again.
    fn goes_away(&mut self, at_us: i64) {
        while let Some((from_us, _)) = self.times.away.get(self.away).copied()
            && from_us <= at_us
        {
            self.away += 1;
            if let Some(until_us) = self.until_us.take() {
                self.stalls(until_us, from_us, false);
            }
            self.begins_again();
        }
    }

    /// Nothing more is known.
    fn ends(&mut self, is_over: bool) {
        let end_us = self.times.end_us;
        self.goes_away(end_us);
        if let Some(until_us) = self.until_us.filter(|_| !is_over) {
            self.stalls(until_us, end_us, true);
        }
    }

    fn stalls(&mut self, from_us: i64, until_us: i64, is_open: bool) {
        // Of a time away nothing is known.
        let away = next(self.times.away, from_us);
        let until_us = away.map_or(until_us, |(away_us, _)| until_us.min(away_us));
        let length_us = until_us.saturating_sub(from_us);
        // What was late to come was asked for a buffer before.
        let asked_us = from_us.saturating_sub(self.buffer_us);
        let unwell = next(self.times.unwell, asked_us);
        if length_us < SHORTEST_US || unwell.is_some_and(|(from_us, _)| from_us < until_us) {
            return;
        }
        self.viewer.count += 1;
        self.viewer.length_us = self.viewer.length_us.saturating_add(length_us);
        if self.viewer.stalls.len() < MOST {
            self.viewer.stalls.push(Stall {
                from_us,
                length_us,
                is_open,
            });
        }
    }
}

/// The buffer of a viewer, in words; where there is no target duration that can be, the longest EXTINF stands for it.
pub fn buffer_words(has_target: bool) -> &'static str {
    match has_target {
        true => "three target durations of buffer",
        false => "three times the longest EXTINF of buffer (there is no valid target duration)",
    }
}

/// The first of some times that was not over at a moment.
fn next(times: &[(i64, i64)], at_us: i64) -> Option<(i64, i64)> {
    let next = times.partition_point(|(_, until_us)| *until_us <= at_us);
    times.get(next).copied()
}

impl Viewer {
    /// Its stalls that have a part of a time, in microseconds of Unix time.
    fn within(&self, span_us: (i64, i64)) -> Self {
        let is_in = |stall: &&Stall| stall.is_within(span_us);
        let stalls: Vec<Stall> = self.stalls.iter().filter(is_in).copied().collect();
        let is_all = stalls.len() == self.stalls.len();
        let lengths = stalls.iter().map(|stall| stall.length_us);
        Self {
            count: if is_all {
                self.count
            } else {
                stalls.len() as u64
            },
            length_us: if is_all {
                self.length_us
            } else {
                lengths.sum()
            },
            stalls,
            ..self.clone()
        }
    }
}

impl Stall {
    /// Whether it has a part of a time, in microseconds of Unix time.
    pub fn is_within(&self, (from_us, until_us): (i64, i64)) -> bool {
        self.from_us <= until_us && self.from_us.saturating_add(self.length_us) >= from_us
    }
}

#[cfg(test)]
mod tests;
