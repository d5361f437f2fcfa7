//! X02 dseq-differs: discontinuity numbers of renditions at one date (RFC 8216bis 6.2.4).

use std::collections::VecDeque;

use super::disputes::Names;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::{Playlist, Segment};
use crate::session::rfc3339;

/// Segments whose discontinuity numbers are compared.
const MOST_DATED: usize = 64;
/// Dates are the same to so much, in microseconds.
const CLOSE_US: i64 = 50_000;

/// A segment of a window. Dates in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
struct Dated {
    from_us: i64,
    until_us: i64,
    /// Its discontinuity number.
    number: u64,
    /// Its media sequence number.
    sequence: u64,
    /// An EXT-X-DISCONTINUITY stands before it.
    has_tag: bool,
    /// The text that said so first.
    since: Evidence,
}

impl Dated {
    fn middle_us(&self) -> i64 {
        let length_us = self.until_us.saturating_sub(self.from_us);
        self.from_us.saturating_add(length_us / 2)
    }

    /// What lies near an edge is in neither.
    fn has(&self, at_us: i64) -> bool {
        let from_us = self.from_us.saturating_add(CLOSE_US);
        (from_us..self.until_us.saturating_sub(CLOSE_US)).contains(&at_us)
    }
}

/// The discontinuity numbers of the segments of a window that have dates.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    segments: VecDeque<Dated>,
    /// The date at which the last segment ends, in microseconds of Unix time; `None`: it has none.
    pub(super) end_us: Option<i64>,
    /// Since when segments have the numbers that they have, in microseconds of Unix time; `None`: they always had.
    pub(super) since_us: Option<i64>,
}

/// What two windows say of the same dates.
#[derive(Debug)]
pub(super) enum Compared {
    /// Nothing that can be told.
    Unknown,
    Alike,
    /// And when that began.
    Unlike(Differs, Evidence),
}

/// Two renditions count discontinuities differently. Side 0 and side 1.
#[derive(Debug)]
pub struct Differs {
    /// The first date at which they do, in microseconds of Unix time.
    date_us: i64,
    numbers: [u64; 2],
    /// Media sequence numbers of the segments of that date.
    sequences: [u64; 2],
    /// The side that has an EXT-X-DISCONTINUITY there, which the other one has not.
    tag: Option<usize>,
}

impl Numbers {
    /// Of a text.
    pub(super) fn of(playlist: &Playlist, at: Evidence) -> Self {
        let mut segments = VecDeque::new();
        let mut number = playlist.discontinuity_sequence.unwrap_or(0);
        let mut begins_us = None;
        // What is beyond 64 bits is compared with nothing (P21).
        let listed: &[Segment] = match playlist.has_numbers() {
            true => &playlist.segments,
            false => &[],
        };
        for (index, segment) in listed.iter().enumerate() {
            number = number.wrapping_add(u64::from(segment.discontinuity));
            if segment.discontinuity {
                begins_us = None;
            }
            begins_us = segment.date_us.or(begins_us);
            let Some(from_us) = begins_us else { continue };
            let until_us = from_us.saturating_add(segment.duration_us);
            if segments.len() >= MOST_DATED {
                segments.pop_front();
            }
            segments.push_back(Dated {
                from_us,
                until_us,
                number,
                sequence: playlist.number(index),
                has_tag: segment.discontinuity,
                since: at,
            });
            begins_us = Some(until_us);
        }
        Self {
            segments,
            end_us: begins_us,
            since_us: None,
        }
    }

    /// It follows another text of its playlist.
    pub(super) fn follow(&mut self, before: &Self, at: Evidence) {
        self.since_us = before.since_us;
        for segment in &mut self.segments {
            let is_same = |was: &&Dated| was.sequence == segment.sequence;
            let Some(was) = before.segments.iter().find(is_same) else {
                continue;
            };
            match was.number == segment.number && was.has(segment.middle_us()) {
                true => segment.since = was.since,
                false => self.since_us = Some(at.at_us),
            }
        }
    }

    /// The last two segments but the newest, which may not be whole in the other one.
    pub(super) fn compared(&self, other: &Self, side: usize, at: Evidence) -> Compared {
        let same = |segment: &Dated| {
            let middle_us = segment.middle_us();
            let theirs = other.segments.iter().find(|theirs| theirs.has(middle_us));
            theirs.map(|theirs| (*segment, *theirs))
        };
        let is_unlike = |(mine, theirs): &(Dated, Dated)| mine.number != theirs.number;
        let last: Vec<_> = self
            .segments
            .iter()
            .rev()
            .skip(1)
            .take(2)
            .filter_map(same)
            .collect();
        if last.len() < 2 {
            return Compared::Unknown;
        }
        if !last.iter().all(is_unlike) {
            return match last.iter().any(is_unlike) {
                true => Compared::Unknown,
                false => Compared::Alike,
            };
        }
        let pairs: Vec<_> = self.segments.iter().filter_map(same).collect();
        let alike = pairs.iter().rposition(|pair| !is_unlike(pair));
        let begins = alike.map_or(0, |alike| alike + 1);
        let Some((mine, theirs)) = pairs.get(begins) else {
            return Compared::Unknown;
        };
        let has_tag = alike.is_some() && mine.has_tag != theirs.has_tag;
        let (tag, since) = match (has_tag, mine.has_tag) {
            (true, true) => (Some(side), mine.since),
            (true, false) => (Some(1 - side), theirs.since),
            (false, _) => (None, at),
        };
        let of = |mine, theirs| match side {
            0 => [mine, theirs],
            _ => [theirs, mine],
        };
        let differs = Differs {
            date_us: mine.from_us,
            numbers: of(mine.number, theirs.number),
            sequences: of(mine.sequence, theirs.sequence),
            tag,
        };
        Compared::Unlike(differs, since)
    }
}

impl Differs {
    /// The one that has a tag which the other has not.
    pub(super) fn side(&self) -> usize {
        self.tag.unwrap_or(1)
    }

    /// The sentence about one side.
    pub(super) fn tell(&self, side: usize, names: &Names<'_>) -> Broken {
        let of = |values: [u64; 2], side: usize| values.get(side).copied().unwrap_or_default();
        let (number, theirs) = (of(self.numbers, side), of(self.numbers, 1 - side));
        let (odd, others) = (names.odd, &names.others);
        let has = if names.are_many { "have" } else { "has" };
        let date = rfc3339(self.date_us);
        let time = date.get(11..19).unwrap_or(&date);
        let mut text =
            format!("at {time}Z {odd} has discontinuity number {number}, {others} {has} {theirs}");
        if let Some(tag) = self.tag {
            let sequence = of(self.sequences, tag);
            text += &match tag == side {
                true => format!(
                    ": {odd} has an EXT-X-DISCONTINUITY before segment {sequence} that {others} {has} not"
                ),
                false => format!(
                    ": {others} {has} an EXT-X-DISCONTINUITY before segment {sequence} that {odd} has not"
                ),
            };
        }
        Broken::new("X02", text)
            .with("date", date)
            .with("discontinuity_number", number)
            .with("other_discontinuity_number", theirs)
            .with("media_sequence", of(self.sequences, side))
            .with("other_media_sequence", of(self.sequences, 1 - side))
            .with("has_tag", self.tag.map(|tag| tag == side))
    }
}
