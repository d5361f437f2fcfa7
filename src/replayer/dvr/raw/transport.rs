//! Segments of a part of an MPEG transport stream: cut where a picture begins that needs none before it.
//!
//! A part of a day has a hundred gigabytes: only what lies behind each place where a cut is wanted is read, and the end.

use std::io;

use super::media::Media;
use super::spans::{PartFacts, Spans};
use crate::media::packets::{
    PACKET, PTS_ROUND, SYNC, begins_picture, begins_table, find_step, is_random_access, pts,
};

/// A place to cut is looked for in so many bytes.
const WINDOW: usize = 4 * 1024 * 1024;
/// So much is read of it first: mostly that is enough.
const FIRST_LOOK: usize = 512 * 1024;
/// What is read of the end.
const TAIL: u64 = 1024 * 1024;

/// Where it is cut, and how long each segment plays.
pub(super) fn spans(media: &impl Media, part: &PartFacts<'_>) -> io::Result<Spans> {
    let head = Window::read(media, 0, FIRST_LOOK)?;
    let begins = head.first_time();
    let tail = Window::read(media, part.size.saturating_sub(TAIL), TAIL as usize)?;
    let end = begins.and_then(|(_, is_picture)| tail.last_time(is_picture));
    let since = |time: u64| begins.map(|(begins, _)| micros(time.wrapping_sub(begins) % PTS_ROUND));
    let mut cuts = vec![(0, begins.map(|_| 0))];
    for target in part.targets(end.and_then(since)) {
        let behind = cuts.last().map_or(0, |(at, _)| *at);
        if target <= behind {
            continue;
        }
        if let Some((at, time)) =
            cut_behind(media, target)?.filter(|(at, _)| *at > behind && *at < part.size)
        {
            cuts.push((at, time.and_then(since)));
        }
    }
    Ok(Spans {
        init: 0,
        spans: part.between(&cuts, end.and_then(since)),
    })
}

/// The first place behind one where a segment can begin, and its time stamp.
fn cut_behind(media: &impl Media, target: u64) -> io::Result<Option<(u64, Option<u64>)>> {
    for size in [FIRST_LOOK, WINDOW] {
        let window = Window::read(media, target, size)?;
        let found = window.cut(size == WINDOW || window.is_last(size));
        if found.is_some() || window.is_last(size) {
            return Ok(found);
        }
    }
    Ok(None)
}

fn micros(ticks: u64) -> i64 {
    i64::try_from(ticks * 100 / 9).unwrap_or(i64::MAX)
}

/// Some bytes of a part.
struct Window {
    at: u64,
    bytes: Vec<u8>,
    /// Where the first packet begins that others follow.
    step: Option<usize>,
}

impl Window {
    fn read(media: &impl Media, at: u64, count: usize) -> io::Result<Self> {
        let bytes = media.read(at, count)?;
        let step = find_step(&bytes);
        Ok(Self { at, bytes, step })
    }

    /// There is nothing behind it.
    fn is_last(&self, asked: usize) -> bool {
        self.bytes.len() < asked
    }

    /// Packets with their places. Bytes out of step are no packets, and packets that come behind them in another step
    /// are not looked for: the next window is.
    fn packets(&self) -> impl DoubleEndedIterator<Item = (usize, &[u8])> {
        let from = self.step.unwrap_or(self.bytes.len());
        let packets = self
            .bytes
            .get(from..)
            .unwrap_or_default()
            .chunks_exact(PACKET);
        packets
            .enumerate()
            .map(move |(n, packet)| (from + n * PACKET, packet))
            .filter(|(_, packet)| packet.first() == Some(&SYNC))
    }

    fn has_pictures(&self) -> bool {
        self.packets().any(|(_, packet)| begins_picture(packet))
    }

    /// The first time stamp, and whether it is that of a picture: where there are some, it is.
    fn first_time(&self) -> Option<(u64, bool)> {
        let is_picture = self.has_pictures();
        let mut times = self
            .packets()
            .filter(|(_, packet)| begins_picture(packet) == is_picture);
        times
            .find_map(|(_, packet)| pts(packet))
            .map(|time| (time, is_picture))
    }

    /// When the last of these is over. Pictures do not come in the order in which they are seen.
    fn last_time(&self, is_picture: bool) -> Option<u64> {
        let times = self
            .packets()
            .filter(|(_, packet)| begins_picture(packet) == is_picture);
        let mut times: Vec<u64> = times.filter_map(|(_, packet)| pts(packet)).collect();
        let from = *times.first()?;
        let since = |time: u64| time.wrapping_sub(from) % PTS_ROUND;
        // What lies before the first one has not come behind it.
        times.retain(|time| since(*time) < PTS_ROUND / 2);
        times.sort_unstable_by_key(|time| since(*time));
        times.dedup();
        let last = times.last()?;
        let before = times
            .len()
            .checked_sub(2)
            .and_then(|n| times.get(n))
            .unwrap_or(last);
        let one = last.wrapping_sub(*before) % PTS_ROUND;
        Some((last + one.min(90_000)) % PTS_ROUND)
    }

    /// Where a segment can begin: with a table, behind which the first picture needs none before it; a stream without
    /// pictures, with a table and a unit of sound. `take_any`: where none of its pictures says that it is such a one.
    fn cut(&self, take_any: bool) -> Option<(u64, Option<u64>)> {
        let has_pictures = self.has_pictures();
        let found = self.find(|packet| match has_pictures {
            true => begins_picture(packet).then(|| is_random_access(packet)),
            false => pts(packet).map(|_| true),
        });
        let any = || self.find(|packet| pts(packet).map(|_| true));
        found.or_else(|| any().filter(|_| take_any))
    }

    /// `begins`: whether a segment can begin with a packet; `None`: it has no say in that.
    fn find(&self, begins: impl Fn(&[u8]) -> Option<bool>) -> Option<(u64, Option<u64>)> {
        let mut table = None;
        for (at, packet) in self.packets() {
            if begins_table(packet) {
                table = table.or(Some(at));
            }
            match begins(packet) {
                Some(true) => {
                    let at = table.unwrap_or(at);
                    return Some((self.at.saturating_add(at as u64), pts(packet)));
                }
                Some(false) => table = None,
                None => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000_000;

    fn packet(pid: u16, starts: bool, key: bool, payload: &[u8]) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let mut packet = vec![0x47, high | u8::from(starts) << 6, low, 0x10];
        if key {
            packet[3] = 0x30;
            packet.extend_from_slice(&[1, 0x40]);
        }
        packet.extend_from_slice(payload);
        packet.resize(PACKET, 0xAA);
        packet
    }

    /// A table and a second: one picture, with its rest.
    fn second(time: u64, key: bool) -> Vec<u8> {
        let stamp = |pts: u64| {
            [
                0x21 | (pts >> 29) as u8 & 0x0E,
                (pts >> 22) as u8,
                (pts >> 14) as u8 | 1,
                (pts >> 7) as u8,
                (pts << 1) as u8 | 1,
            ]
        };
        let head = [
            &[0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5][..],
            &stamp(time % PTS_ROUND),
        ]
        .concat();
        [
            packet(0, true, false, &[0, 0]),
            packet(256, true, key, &head),
            packet(256, false, false, &[]).repeat(8),
        ]
        .concat()
    }

    fn facts(arrival: &[(i64, u64)]) -> PartFacts<'_> {
        let (length_us, size) = *arrival.last().unwrap();
        PartFacts {
            size,
            length_us,
            arrival,
        }
    }

    #[test]
    fn a_long_part_is_cut_at_tables_with_key_pictures_even_where_time_stamps_go_round() {
        // A key picture each four seconds.
        let begins = PTS_ROUND - 20 * 90_000;
        let bytes: Vec<u8> = (0..60)
            .flat_map(|n| second(begins + n * 90_000, n % 4 == 0))
            .collect();
        let arrival: Vec<(i64, u64)> = (0..=60).map(|n| (n * S, n as u64 * 1880)).collect();
        let spans = spans(&&bytes[..], &facts(&arrival)).unwrap().spans;
        let of: Vec<(u64, i64)> = spans
            .iter()
            .map(|span| (span.first / 1880, span.duration_us / S))
            .collect();
        assert_eq!(of, [(0, 12), (12, 8), (20, 12), (32, 8), (40, 12), (52, 8)]);
        assert!(
            spans
                .iter()
                .all(|span| bytes[span.first as usize..].starts_with(&packet(
                    0,
                    true,
                    false,
                    &[0, 0]
                )))
        );
    }

    #[test]
    fn without_time_stamps_durations_are_those_of_the_arrival() {
        let bytes: Vec<u8> = (0..40)
            .flat_map(|_| {
                [
                    packet(0, true, false, &[0, 0]),
                    packet(256, true, true, &[0, 0, 1, 0xE0]),
                ]
                .concat()
            })
            .collect();
        let arrival: Vec<(i64, u64)> = (0..=40).map(|n| (n * S, n as u64 * 376)).collect();
        let spans = spans(&&bytes[..], &facts(&arrival)).unwrap().spans;
        assert_eq!(
            spans
                .iter()
                .map(|span| span.duration_us / S)
                .collect::<Vec<_>>(),
            [10, 10, 10, 10]
        );
    }

    proptest! {
        #[test]
        fn whatever_it_is_all_of_it_is_listed_once(bytes in prop::collection::vec(any::<u8>(), 1..4000), at in 0_usize..4000, steps in 2_i64..60) {
            let mut bytes = bytes;
            let at = at % bytes.len();
            bytes.splice(at..at, (0..9).flat_map(|n| second(n * 90_000, true)));
            let size = bytes.len() as u64;
            let arrival: Vec<(i64, u64)> = (0..=steps).map(|n| (n * 5 * S, size * n as u64 / steps as u64)).collect();
            let spans = spans(&&bytes[..], &facts(&arrival)).unwrap().spans;
            let mut end = 0;
            for span in spans {
                prop_assert!(span.first == end && span.length > 0 && span.duration_us > 0);
                end = span.first + span.length;
            }
            prop_assert_eq!(end, size);
        }
    }
}
