//! Some bytes of a part of an MPEG transport stream: packets, their time stamps, and where a segment can begin.

use std::io;

use super::media::Media;
use crate::media::packets::{
    PACKET, PTS_ROUND, SYNC, begins_picture, begins_table, find_step, is_random_access, pid, pts,
};

/// A place to cut is looked for in so many bytes.
pub(super) const WINDOW: usize = 4 * 1024 * 1024;
/// So much is read of it first: mostly that is enough.
pub(super) const FIRST_LOOK: usize = 512 * 1024;

/// Pictures or sound of one program: each program of a stream has a clock of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track {
    /// The PID of its packets.
    pub pid: u16,
    /// It is of pictures, not of sound.
    pub is_picture: bool,
}

impl Track {
    /// Whether a unit that a packet begins is of it.
    fn has(self, packet: &[u8]) -> bool {
        pid(packet) == self.pid && begins_picture(packet) == self.is_picture
    }
}

/// A unit of pictures or sound that has a time stamp.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Where it begins in its part, in bytes.
    pub at: u64,
    /// In ticks of 90 kHz.
    pub time: u64,
    /// What it is of.
    pub track: Track,
}

/// Where a segment can begin, in bytes, and the time stamp there, in ticks of 90 kHz.
pub(super) type Place = (u64, Option<u64>);

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

    /// The first track that has time stamps: of pictures, where there are some.
    pub(super) fn first_track(&self) -> Option<Track> {
        let is_picture = self.has_pictures();
        let unit = self.timed(|packet| begins_picture(packet) == is_picture);
        unit.map(|unit| unit.track).next()
    }

    /// The units of a track that have time stamps.
    pub(super) fn units(&self, track: Track) -> impl Iterator<Item = Unit> {
        self.timed(move |packet| track.has(packet))
    }

    /// The same of all tracks that are alike: all of pictures, or all of sound.
    pub(super) fn units_alike(&self, track: Track) -> impl Iterator<Item = Unit> {
        self.timed(move |packet| begins_picture(packet) == track.is_picture)
    }

    fn timed(&self, is_meant: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = Unit> {
        let packets = self.packets().filter(move |(_, packet)| is_meant(packet));
        packets.filter_map(|(at, packet)| {
            Some(Unit {
                at: self.at.saturating_add(at as u64),
                time: pts(packet)?,
                track: Track {
                    pid: pid(packet),
                    is_picture: begins_picture(packet),
                },
            })
        })
    }

    fn has_pictures(&self) -> bool {
        self.packets().any(|(_, packet)| begins_picture(packet))
    }

    /// When the last of these is over. Pictures do not come in the order in which they are seen.
    pub(super) fn last_time(&self, track: Track) -> Option<u64> {
        let mut times: Vec<u64> = self.units(track).map(|unit| unit.time).collect();
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
    /// pictures, with a table and a unit of sound. `track`: its pictures, or its sound, where it is known. `take_any`: where
    /// none of its pictures says that it is such a one, and those of other tracks where it has none.
    pub(super) fn cut(&self, track: Option<Track>, take_any: bool) -> Option<Place> {
        // Where there are pictures it is they that say where a segment can begin.
        let track = track.filter(|track| track.is_picture || !self.has_pictures());
        // Of another track it is not known when that is by the clock of this one.
        let other = || self.cut_of(None, true).map(|(at, _)| (at, None));
        let found = self.cut_of(track, take_any);
        found.or_else(|| other().filter(|_| take_any))
    }

    fn cut_of(&self, track: Option<Track>, take_any: bool) -> Option<Place> {
        let is_its = |packet: &[u8]| track.is_none_or(|track| track.has(packet));
        let is_picture = |packet: &[u8]| is_its(packet) && begins_picture(packet);
        let unit = |packet: &[u8]| pts(packet).filter(|_| is_its(packet)).map(|_| true);
        let has_pictures = self.packets().any(|(_, packet)| is_picture(packet));
        let found = self.find(|packet| match has_pictures {
            true => is_picture(packet).then(|| is_random_access(packet)),
            false => unit(packet),
        });
        found.or_else(|| self.find(unit).filter(|_| take_any))
    }

    /// `begins`: whether a segment can begin with a packet; `None`: it has no say in that.
    fn find(&self, begins: impl Fn(&[u8]) -> Option<bool>) -> Option<Place> {
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

/// The first place where a segment can begin, of what is read from a place on. `read`: so many bytes from there; `None`: no more
/// may be read.
pub(super) fn first_cut(
    track: Option<Track>,
    mut read: impl FnMut(usize) -> io::Result<Option<Window>>,
) -> io::Result<Option<Place>> {
    for size in [FIRST_LOOK, WINDOW] {
        let Some(window) = read(size)? else {
            return Ok(None);
        };
        let found = window.cut(track, size == WINDOW || window.is_last(size));
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
