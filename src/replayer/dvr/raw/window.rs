//! Some bytes of a part of an MPEG transport stream: packets, their time stamps, and where a segment can begin.

use std::io;

use super::media::Media;
use crate::media::packets::{
    PACKET, PTS_ROUND, SYNC, begins_picture, begins_table, find_step, is_random_access, pts,
};

/// A place to cut is looked for in so many bytes.
pub(super) const WINDOW: usize = 4 * 1024 * 1024;
/// So much is read of it first: mostly that is enough.
pub(super) const FIRST_LOOK: usize = 512 * 1024;

/// Some bytes of a part.
pub(super) struct Window {
    at: u64,
    bytes: Vec<u8>,
    /// Where the first packet begins that others follow.
    step: Option<usize>,
}

impl Window {
    pub(super) fn read(media: &impl Media, at: u64, count: usize) -> io::Result<Self> {
        let bytes = media.read(at, count)?;
        let step = find_step(&bytes);
        Ok(Self { at, bytes, step })
    }

    /// There is nothing behind it.
    pub(super) fn is_last(&self, asked: usize) -> bool {
        self.bytes.len() < asked
    }

    /// Packets with their places. Bytes out of step are no packets: where others follow is looked for again.
    pub(super) fn packets(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut next = self.step;
        std::iter::from_fn(move || {
            let mut at = next?;
            let begins = |at: usize| self.bytes.get(at).is_none_or(|byte| *byte == SYNC);
            // What another one does not follow was cut off, and what follows begins within it.
            if !begins(at) || !begins(at + PACKET) {
                at += 1;
                at += find_step(self.bytes.get(at..)?)?;
            }
            let packet = self.bytes.get(at..at + PACKET)?;
            next = Some(at + PACKET);
            Some((at, packet))
        })
    }

    /// The first unit of a kind that has a time stamp: where it begins in the part, and that.
    pub(super) fn first_unit(&self, is_picture: bool) -> Option<(u64, u64)> {
        let mut units = self
            .packets()
            .filter(|(_, packet)| begins_picture(packet) == is_picture);
        let found = units.find_map(|(at, packet)| pts(packet).map(|time| (at, time)));
        found.map(|(at, time)| (self.at.saturating_add(at as u64), time))
    }

    fn has_pictures(&self) -> bool {
        self.packets().any(|(_, packet)| begins_picture(packet))
    }

    /// The first time stamp, and whether it is that of a picture: where there are some, it is.
    pub(super) fn first_time(&self) -> Option<(u64, bool)> {
        let is_picture = self.has_pictures();
        let mut times = self
            .packets()
            .filter(|(_, packet)| begins_picture(packet) == is_picture);
        times
            .find_map(|(_, packet)| pts(packet))
            .map(|time| (time, is_picture))
    }

    /// The last unit of a kind that has a time stamp.
    pub(super) fn last_unit(&self, is_picture: bool) -> Option<(u64, u64)> {
        let units = self
            .packets()
            .filter(|(_, packet)| begins_picture(packet) == is_picture);
        let found = units.filter_map(|(at, packet)| pts(packet).map(|time| (at, time)));
        found
            .last()
            .map(|(at, time)| (self.at.saturating_add(at as u64), time))
    }

    /// When the last of these is over. Pictures do not come in the order in which they are seen.
    pub(super) fn last_time(&self, is_picture: bool) -> Option<u64> {
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
    pub(super) fn cut(&self, take_any: bool) -> Option<(u64, Option<u64>)> {
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

/// The first place behind one where a segment can begin, and its time stamp.
pub(super) fn cut_behind(
    media: &impl Media,
    target: u64,
) -> io::Result<Option<(u64, Option<u64>)>> {
    for size in [FIRST_LOOK, WINDOW] {
        let window = Window::read(media, target, size)?;
        let found = window.cut(size == WINDOW || window.is_last(size));
        if found.is_some() || window.is_last(size) {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Ticks of 90 kHz in microseconds.
pub(super) fn micros(ticks: u64) -> i64 {
    i64::try_from(ticks * 100 / 9).unwrap_or(i64::MAX)
}
