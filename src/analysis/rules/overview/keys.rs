//! How far apart the pictures of a rendition are that decoding can begin with. Pure.

use std::collections::BTreeMap;

use crate::media::facts::{ChunkFacts, MOST_KEYS, Track, TrackKind};

/// Distances that are told apart, in milliseconds.
const MOST: usize = 4096;
/// Time stamps of transport streams go round here.
const ROUND: i64 = 1 << 33;
/// What is further apart is no distance, in microseconds.
const FURTHEST_US: i64 = 3_600_000_000;

/// Distances of random access points, by the times at which they are shown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct KeyDistances {
    /// How many.
    pub count: u64,
    /// The shortest and the longest one, in microseconds.
    range_us: Option<(i64, i64)>,
    /// How many of each length, in milliseconds.
    by_ms: BTreeMap<i64, u64>,
    /// The newest point: its track, and when it is shown in ticks of that.
    newest: Option<(u32, i64)>,
}

impl KeyDistances {
    /// The pictures of a segment. `goes_on`: it directly follows the one before, and time stamps go on.
    pub fn take(&mut self, facts: &ChunkFacts, goes_on: bool) {
        let mut tracks = facts.tracks().iter();
        let video = tracks.find(|track| track.kind == TrackKind::Video);
        // Of pictures that were not looked into nobody knows which of them decoding can begin with.
        let is_read = |track: &&Track| track.timescale > 0 && track.begins.is_some();
        let Some(track) = video.filter(is_read) else {
            self.newest = None;
            return;
        };
        let before = self
            .newest
            .take()
            .filter(|(id, _)| *id == track.id && goes_on);
        let mut before = before.map(|(_, shown)| shown);
        for shown in &track.keys {
            if let Some(before) = before.replace(*shown) {
                let ticks = shown.saturating_sub(before);
                let ticks = match facts.goes_round() {
                    true => ticks.rem_euclid(ROUND),
                    false => ticks,
                };
                self.push(track.us(ticks));
            }
        }
        // Behind so many there may be more, which nobody counted.
        let is_whole = track.keys.len() < MOST_KEYS;
        self.newest = before.filter(|_| is_whole).map(|shown| (track.id, shown));
    }

    fn push(&mut self, us: i64) {
        if !(1..=FURTHEST_US).contains(&us) {
            return;
        }
        self.count += 1;
        let (least, most) = self.range_us.unwrap_or((us, us));
        self.range_us = Some((least.min(us), most.max(us)));
        let ms = (us + 500) / 1000;
        if self.by_ms.len() < MOST || self.by_ms.contains_key(&ms) {
            *self.by_ms.entry(ms).or_default() += 1;
        } else if let Some((_, times)) = self.by_ms.range_mut(..ms).next_back() {
            *times += 1;
        }
    }

    /// The shortest one, the one in the middle to the millisecond, and the longest one, in microseconds; `None`: there are none.
    pub fn told_us(&self) -> Option<[i64; 3]> {
        let (least, most) = self.range_us?;
        let middle = self.by_ms.values().sum::<u64>().div_ceil(2);
        let mut passed = 0;
        let median = self.by_ms.iter().find(|(_, times)| {
            passed += **times;
            passed >= middle
        });
        let median = median.map_or(least, |(ms, _)| ms.saturating_mul(1000));
        Some([least, median.clamp(least, most), most])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::{Beginning, Cipher, Content, TransportFacts};

    fn facts(keys: &[i64]) -> ChunkFacts {
        let track = Track {
            id: 256,
            kind: TrackKind::Video,
            format: 0x1B,
            codec: None,
            timescale: 90_000,
            times: None,
            begins: Some(Beginning::Dependent),
            keys: keys.into(),
            bytes: 0,
        };
        let facts = TransportFacts {
            tracks: [track].into(),
            ..TransportFacts::default()
        };
        ChunkFacts {
            bytes: 0,
            cipher: Cipher::None,
            content: Content::Transport(Box::new(facts)),
        }
    }

    #[test]
    fn distances_lie_within_segments_and_from_one_to_the_next() {
        let mut keys = KeyDistances::default();
        keys.take(&facts(&[0, 90_000, 270_000]), false);
        keys.take(&facts(&[450_000]), true);
        // Without a picture to begin with.
        keys.take(&facts(&[]), true);
        keys.take(&facts(&[630_000]), true);
        assert_eq!(keys.count, 4);
        assert_eq!(keys.told_us(), Some([1_000_000, 2_000_000, 2_000_000]));
        // Behind a discontinuity time begins anew.
        keys.take(&facts(&[0]), false);
        assert_eq!(keys.count, 4);
    }

    #[test]
    fn time_stamps_go_round() {
        let mut keys = KeyDistances::default();
        keys.take(&facts(&[ROUND - 90_000]), false);
        keys.take(&facts(&[90_000]), true);
        assert_eq!(keys.told_us(), Some([2_000_000; 3]));
    }

    #[test]
    fn very_many_are_bounded() {
        let mut keys = KeyDistances::default();
        let mut at = 0;
        for n in 0..20_000 {
            keys.take(&facts(&[at]), true);
            at += 90 * (n + 1);
        }
        assert_eq!((keys.count, keys.by_ms.len()), (19_999, MOST));
        keys.take(&facts(&[i64::MAX]), true);
        keys.take(&facts(&[i64::MIN]), true);
    }
}
