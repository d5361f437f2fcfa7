//! M16: media that stand still: the same bytes again and again, or pictures that need next to none.

use super::known::Found;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::broken::Broken;
use crate::media::facts::{ChunkFacts, TrackKind};
use crate::shown::counted;

/// So many segments of the same bytes are no chance.
const SAME: usize = 3;
/// Of fewer segments nobody can say what is usual.
const LEAST: usize = 10;
/// Pictures that need less than one part in so many of what is usual.
const PARTS: u64 = 50;

/// A segment of a playlist, in the order of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Its media sequence number.
    pub sequence: u64,
    /// Tells its body from others: a digest, or a row.
    pub body: u64,
    /// What its URL is told by from others: where one URL is listed again and again, that is a slate.
    pub resource: u64,
    /// Bytes of pictures in a second.
    pub rate: Option<u64>,
    /// When it was listed, and which exchange brought it.
    pub at: Evidence,
}

/// Bytes of pictures in a second; `None`: it has no pictures, or it is not known.
pub fn rate(facts: &ChunkFacts, extinf_us: i64) -> Option<u64> {
    let tracks = facts.tracks().iter();
    let mut video = tracks
        .filter(|track| track.kind == TrackKind::Video)
        .peekable();
    video.peek()?;
    let bytes: u128 = video.map(|track| u128::from(track.bytes)).sum();
    let us = u128::try_from(extinf_us).ok().filter(|us| *us > 0)?;
    u64::try_from(bytes * 1_000_000 / us).ok()
}

/// The segments of one playlist and of one encoding.
pub fn judge(segments: &[Weight], found: &mut Found) {
    let is_same = |a: &Weight, b: &Weight| a.body == b.body && a.resource != b.resource;
    for run in segments.chunk_by(is_same).filter(|run| run.len() >= SAME) {
        let (first, count) = (run[0].sequence, run.len());
        let text =
            format!("{count} segments from {first} on have the same bytes under different URLs");
        let broken = Broken::new("M16", text).kind("same").with("count", count);
        found.push((first, broken));
    }
    let mut rates: Vec<u64> = segments.iter().filter_map(|one| one.rate).collect();
    if rates.len() < LEAST {
        return;
    }
    rates.sort_unstable();
    let usual = rates[rates.len() / 2];
    let is_still = |one: &&Weight| {
        one.rate
            .is_some_and(|rate| rate.saturating_mul(PARTS) < usual)
    };
    let mut still = segments.iter().filter(is_still);
    if let Some(first) = still.next() {
        let (sequence, rate, count) = (first.sequence, first.rate.unwrap_or(0), 1 + still.count());
        let text = format!(
            "The pictures of {} from {sequence} on take next to nothing: {rate} bytes in a second, where {usual} are usual",
            counted(count as u64, "segment")
        );
        let broken = Broken::new("M16", text).kind("still").with("count", count);
        found.push((sequence, broken));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(change: impl Fn(&mut Vec<Weight>)) -> Vec<(u64, &'static str)> {
        let segment = |n: u64| Weight {
            at: Evidence {
                at_us: 0,
                exchange: None,
            },
            sequence: n,
            body: n,
            resource: n,
            rate: Some(500_000 + n * 1000),
        };
        let mut segments: Vec<_> = (0..20).map(segment).collect();
        change(&mut segments);
        let mut found = Found::new();
        judge(&segments, &mut found);
        found
            .iter()
            .map(|(at, broken)| (*at, broken.kind))
            .collect()
    }

    #[test]
    fn media_that_stand_still_are_found() {
        assert_eq!(kinds(|_| {}), []);
        let same = |length: usize| {
            move |segments: &mut Vec<Weight>| {
                for one in &mut segments[5..5 + length] {
                    one.body = 99;
                }
            }
        };
        assert_eq!(kinds(same(2)), []);
        assert_eq!(kinds(same(3)), [(5, "same")]);
        let slate = |segments: &mut Vec<Weight>| {
            for one in &mut segments[5..] {
                (one.body, one.resource) = (99, 99);
            }
        };
        assert_eq!(kinds(slate), [], "one URL listed again and again");
        let still = |segments: &mut Vec<Weight>| {
            for one in &mut segments[12..] {
                one.rate = Some(4000);
            }
        };
        assert_eq!(kinds(still), [(12, "still")]);
        let few = |segments: &mut Vec<Weight>| {
            still(segments);
            segments.drain(..11);
        };
        assert_eq!(kinds(few), [], "nobody knows what is usual");
    }
}
