//! Segments of a part of an MPEG transport stream: cut where a picture begins that needs none before it.
//!
//! A part of a day has a hundred gigabytes: only what lies behind each place where a cut is wanted is read, and the end.

use std::io;

use super::media::{Media, Piece};
use super::restarts;
use super::spans::{PartFacts, Span, Spans};
use super::window::{FIRST_LOOK, Track, Window, first_cut, micros};
use crate::media::packets::PTS_ROUND;

/// What is read of the end.
const TAIL: u64 = 1024 * 1024;

/// Where it is cut, and how long each segment plays: between two places where time stamps begin anew each piece is as a part
/// of its own.
pub(super) fn spans(media: &impl Media, part: &PartFacts<'_>) -> io::Result<Spans> {
    let anew = restarts::find(media, part)?;
    let begins = anew.iter().map(|anew| (anew.at, Some(anew.track)));
    let begins = std::iter::once((0, None)).chain(begins);
    let ends = anew.iter().map(|anew| anew.at).chain([part.size]);
    let mut spans = Vec::new();
    for ((first, track), end) in begins.zip(ends) {
        let (arrival, length_us) = part.piece_arrival(first, end);
        let facts = PartFacts {
            size: end.saturating_sub(first),
            length_us,
            arrival: &arrival,
        };
        let piece = Piece {
            media,
            first,
            size: facts.size,
        };
        let mut found = piece_spans(&piece, &facts, track)?;
        for span in &mut found {
            span.first = span.first.saturating_add(first);
        }
        if let Some(span) = found.first_mut().filter(|_| first > 0) {
            span.anew_us = Some(part.time_of(first));
        }
        spans.append(&mut found);
    }
    Ok(Spans { init: 0, spans })
}

/// The segments of a piece whose time stamps go on. `track`: by whose clock, where that is known.
fn piece_spans(
    media: &impl Media,
    part: &PartFacts<'_>,
    track: Option<Track>,
) -> io::Result<Vec<Span>> {
    let head = Window::read(media, 0, FIRST_LOOK)?;
    let track = track.or_else(|| head.first_track());
    let begins = track.and_then(|track| head.units(track).next());
    let tail = Window::read(media, part.size.saturating_sub(TAIL), TAIL as usize)?;
    let end = track.and_then(|track| tail.last_time(track));
    let since = |time: u64| begins.map(|begins| micros(time.wrapping_sub(begins.time) % PTS_ROUND));
    let mut cuts = vec![(0, begins.map(|_| 0))];
    for target in part.targets(end.and_then(since)) {
        let behind = cuts.last().map_or(0, |(at, _)| *at);
        if target <= behind {
            continue;
        }
        let cut = first_cut(track, |count| Window::read(media, target, count).map(Some))?;
        if let Some((at, time)) = cut.filter(|(at, _)| *at > behind && *at < part.size) {
            cuts.push((at, time.and_then(since)));
        }
    }
    Ok(part.between(&cuts, end.and_then(since)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::packets::PACKET;
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
        [packet(0, true, false, &[0, 0]), pictures(256, time, key)].concat()
    }

    /// A second of a program: one picture, with its rest.
    fn pictures(pid: u16, time: u64, key: bool) -> Vec<u8> {
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
            packet(pid, true, key, &head),
            packet(pid, false, false, &[]).repeat(8),
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

    /// Where segments begin, how long they are, and when those came with which time stamps begin anew, in seconds.
    fn told(bytes: &[u8], arrival: &[(i64, u64)]) -> Vec<(u64, i64, Option<i64>)> {
        let spans = spans(&bytes, &facts(arrival)).unwrap().spans;
        let told = spans.iter();
        told.map(|span| {
            let anew = span.anew_us.map(|us| us / S);
            (span.first / 1880, span.duration_us / S, anew)
        })
        .collect()
    }

    #[test]
    fn where_time_stamps_begin_anew_it_is_cut_and_each_side_has_its_own() {
        // An encoder that is restarted behind 12 s, and behind 24 s; one of another time of the day.
        for begins in [[0, 0, 0], [70_000, 500, 3], [9, 40_000, 90_000]] {
            let bytes: Vec<u8> = (0..30)
                .flat_map(|n| second((begins[n / 12] + n as u64 % 12) * 90_000, n % 4 == 0))
                .collect();
            let arrival: Vec<(i64, u64)> = (0..=30).map(|n| (n * S, n as u64 * 1880)).collect();
            assert_eq!(
                told(&bytes, &arrival),
                [(0, 12, None), (12, 12, Some(12)), (24, 6, Some(24))],
                "{begins:?}"
            );
        }
    }

    #[test]
    fn programs_of_one_stream_have_clocks_of_their_own() {
        // Two programs, and a key picture of the first each four seconds, of the second amid these.
        let bytes: Vec<u8> = (0..60)
            .flat_map(|n| {
                [
                    second(n * 90_000, n % 4 == 0),
                    pictures(512, (1000 + n) * 90_000, n % 4 == 2),
                ]
                .concat()
            })
            .collect();
        let each = bytes.len() as u64 / 60;
        let arrival: Vec<(i64, u64)> = (0..=60).map(|n| (n * S, n as u64 * each)).collect();
        let spans = spans(&&bytes[..], &facts(&arrival)).unwrap().spans;
        let told: Vec<_> = spans
            .iter()
            .map(|span| (span.first / each, span.duration_us / S, span.anew_us))
            .collect();
        let as_one = [(0, 12), (12, 8), (20, 12), (32, 8), (40, 12), (52, 8)];
        assert_eq!(told, as_one.map(|(first, length)| (first, length, None)));
    }

    #[test]
    fn an_encoder_with_other_pids_begins_anew() {
        let bytes: Vec<u8> = (0..24)
            .flat_map(|n| {
                let pid = if n < 12 { 256 } else { 300 };
                [
                    packet(0, true, false, &[0, 0]),
                    pictures(pid, (n % 12 + 70 * (n / 12)) * 90_000, n % 4 == 0),
                ]
                .concat()
            })
            .collect();
        let arrival: Vec<(i64, u64)> = (0..=24).map(|n| (n * S, n as u64 * 1880)).collect();
        assert_eq!(told(&bytes, &arrival), [(0, 12, None), (12, 12, Some(12))]);
    }

    /// A part that repeats the same packets, and how much of it was read.
    struct Repeated {
        packets: Vec<u8>,
        size: u64,
        read: std::cell::Cell<u64>,
    }

    impl Media for Repeated {
        fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
            let rest = usize::try_from(self.size.saturating_sub(at)).unwrap();
            let count = count.min(rest);
            let from = usize::try_from(at % self.packets.len() as u64).unwrap();
            let mut bytes = self.packets[from..].to_vec();
            while bytes.len() < count {
                bytes.extend_from_slice(&self.packets);
            }
            bytes.truncate(count);
            self.read.set(self.read.get() + count as u64);
            Ok(bytes)
        }
    }

    #[test]
    fn of_a_part_whose_time_stamps_jump_all_the_time_only_so_much_is_read() {
        // Pictures whose time jumps: at each packet, or each that is a million bytes behind the one before; and one that has
        // no more of them.
        let jumps = |apart: usize| {
            let of = |time: u64| {
                let mut picture = pictures(256, time * 90_000, apart == 1)[..PACKET].to_vec();
                picture.extend(packet(257, false, false, &[]).repeat(apart - 1));
                picture
            };
            [of(0), of(5000)].concat()
        };
        for (packets, most) in [(jumps(1), 1_000), (jumps(2000), 1_000)] {
            let media = Repeated {
                size: packets.len() as u64 * (512 * 1024 * 1024 / packets.len() as u64),
                packets,
                read: std::cell::Cell::new(0),
            };
            let arrival: Vec<(i64, u64)> = (0..=200)
                .map(|n| (n * 5 * S, media.size * n as u64 / 200))
                .collect();
            let found = restarts::find(&media, &facts(&arrival)).unwrap();
            assert!(!found.is_empty() && found.len() <= most, "{}", found.len());
            // A look at each of 100 places, and what may be read beside them.
            let read = media.read.get() / 1024 / 1024;
            assert!(read <= 256 + 8, "{read} MiB, {} restarts", found.len());
        }
    }

    #[test]
    fn packets_that_were_cut_off_at_a_restart_hide_nothing_behind_them() {
        let one: Vec<u8> = (0..12)
            .flat_map(|n| second(n * 90_000, n % 4 == 0))
            .collect();
        let bytes = [&one[..one.len() - 100], &one[..]].concat();
        let arrival: Vec<(i64, u64)> = (0..=24)
            .map(|n| (n * S, bytes.len() as u64 * n as u64 / 24))
            .collect();
        let spans = spans(&&bytes[..], &facts(&arrival)).unwrap().spans;
        assert_eq!(spans.len(), 2, "{spans:?}");
        assert_eq!(spans[1].first, one.len() as u64 - 100);
        assert_eq!(spans[1].duration_us, 12 * S);
    }

    #[test]
    fn what_comes_in_a_burst_or_after_a_pause_begins_nothing_anew() {
        let bytes: Vec<u8> = (0..30)
            .flat_map(|n| second(n * 90_000, n % 4 == 0))
            .collect();
        let burst: Vec<(i64, u64)> = (0..=30)
            .map(|n: i64| ((n - 20).max(0) * S, n as u64 * 1880))
            .collect();
        assert!(
            told(&bytes, &burst)
                .iter()
                .all(|(_, _, anew)| anew.is_none())
        );
        // The encoder stood still for 9 s, and its clock went on.
        let bytes: Vec<u8> = (0..30)
            .flat_map(|n| second((n + if n < 15 { 0 } else { 9 }) * 90_000, n % 4 == 0))
            .collect();
        let paused: Vec<(i64, u64)> = (0..=30)
            .map(|n: i64| ((n + if n <= 15 { 0 } else { 9 }) * S, n as u64 * 1880))
            .collect();
        assert!(
            told(&bytes, &paused)
                .iter()
                .all(|(_, _, anew)| anew.is_none())
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
