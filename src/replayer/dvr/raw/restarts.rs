//! Where the time stamps of a transport stream begin anew within a part: an encoder was restarted behind a relay, whose
//! response goes on.
//!
//! A part may have a hundred gigabytes: a time stamp is looked at each ten seconds. Where two of them are not as far apart
//! as their bytes came, what lies between is halved until it is small, and then read.

use std::io;

use super::media::Media;
use super::spans::PartFacts;
use super::window::{FIRST_LOOK, WINDOW, Window, cut_behind, micros};
use crate::media::packets::{PTS_ROUND, begins_picture, begins_table, pts};

/// Time stamps may differ from the arrival by so much and be as they should, in microseconds: how a long part came is
/// known to 1.28 s.
const SLACK_US: i64 = 2_000_000;
/// Pictures do not come in the order in which they are seen: by so much a time stamp may go back, in microseconds.
const REORDERED_US: i64 = 1_000_000;
/// What is read of a place to find a time stamp.
const LOOK: usize = 64 * 1024;
/// So much is read of a part to find where they begin anew, in bytes: of what came in a burst each place looks as if.
const MOST_READ: u64 = 256 * 1024 * 1024;
/// A part has no more such places.
const MOST_RESTARTS: usize = 1000;

/// A unit with a time stamp: where it begins, and that, in ticks.
type Unit = (u64, u64);

/// Where they begin anew, in order, in bytes.
pub(super) fn find(media: &impl Media, part: &PartFacts<'_>) -> io::Result<Vec<u64>> {
    let head = Window::read(media, 0, FIRST_LOOK)?;
    let Some((_, is_picture)) = head.first_time() else {
        return Ok(Vec::new());
    };
    let mut search = Search {
        media,
        part,
        is_picture,
        budget: MOST_READ,
        found: Vec::new(),
    };
    let mut before = head.first_unit(is_picture);
    for target in part.targets(None).into_iter().chain([part.size]) {
        let unit = match target == part.size {
            true => search.last_unit()?,
            false => search.unit_at(target)?,
        };
        if let (Some(from), Some(to)) = (before, unit) {
            search.between(from, to)?;
        }
        before = unit.or(before);
    }
    search.found.dedup();
    Ok(search.found)
}

struct Search<'a, M> {
    media: &'a M,
    part: &'a PartFacts<'a>,
    /// Whether the units are pictures, or sound.
    is_picture: bool,
    /// Bytes that may still be read.
    budget: u64,
    found: Vec<u64>,
}

impl<M: Media> Search<'_, M> {
    fn unit_at(&self, at: u64) -> io::Result<Option<Unit>> {
        for size in [LOOK, WINDOW] {
            let window = Window::read(self.media, at, size)?;
            let unit = window.first_unit(self.is_picture);
            if unit.is_some() || window.is_last(size) {
                return Ok(unit);
            }
        }
        Ok(None)
    }

    fn last_unit(&self) -> io::Result<Option<Unit>> {
        let at = self.part.size.saturating_sub(FIRST_LOOK as u64);
        let window = Window::read(self.media, at, FIRST_LOOK)?;
        Ok(window.last_unit(self.is_picture))
    }

    /// Looks between two units, the earlier half first.
    fn between(&mut self, from: Unit, to: Unit) -> io::Result<()> {
        let mut open = vec![(from, to)];
        while let Some((from, to)) = open.pop() {
            let bytes = to.0.saturating_sub(from.0);
            if bytes == 0 || !self.is_odd(from, to) {
                continue;
            }
            if bytes <= FIRST_LOOK as u64 {
                self.scan(from, to)?;
                continue;
            }
            self.budget = self.budget.saturating_sub(LOOK as u64);
            if self.budget == 0 {
                return Ok(());
            }
            match self.unit_at(from.0 + bytes / 2)? {
                Some(middle) if middle.0 < to.0 => open.extend([(middle, to), (from, middle)]),
                _ if bytes <= WINDOW as u64 => self.scan(from, to)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether two units are not as far apart as they came.
    fn is_odd(&self, from: Unit, to: Unit) -> bool {
        let came_us = self.came_us(from, to);
        let apart_us = ahead_us(from.1, to.1);
        apart_us.saturating_sub(came_us).saturating_abs() > SLACK_US
    }

    fn came_us(&self, from: Unit, to: Unit) -> i64 {
        self.part
            .time_of(to.0)
            .saturating_sub(self.part.time_of(from.0))
    }

    /// Looks at each unit of a few bytes.
    fn scan(&mut self, from: Unit, to: Unit) -> io::Result<()> {
        let bytes = to.0.saturating_sub(from.0).saturating_add(LOOK as u64);
        if self.budget < bytes {
            return Ok(());
        }
        self.budget -= bytes;
        let window = Window::read(self.media, from.0, usize::try_from(bytes).unwrap_or(LOOK))?;
        let (mut before, mut table) = (from, None);
        for (at, packet) in window.packets() {
            let place = from.0.saturating_add(at as u64);
            if place > to.0 {
                break;
            }
            if begins_table(packet) {
                table = table.or(Some(place));
            }
            let Some(time) = pts(packet).filter(|_| begins_picture(packet) == self.is_picture)
            else {
                continue;
            };
            let unit = (place, time);
            if self.is_jump(before, unit) {
                self.cut(table.unwrap_or(place))?;
            }
            (before, table) = (unit, None);
        }
        Ok(())
    }

    /// Whether a unit does not follow the one before it.
    fn is_jump(&self, before: Unit, unit: Unit) -> bool {
        let ahead_us = ahead_us(before.1, unit.1);
        let missing_us = ahead_us.saturating_sub(self.came_us(before, unit));
        ahead_us < -REORDERED_US || (ahead_us > SLACK_US && missing_us > SLACK_US)
    }

    /// At the first place from there on where players can begin.
    fn cut(&mut self, at: u64) -> io::Result<()> {
        let begins = cut_behind(self.media, at)?.map_or(at, |(at, _)| at);
        let last = self.found.last().copied().unwrap_or(0);
        if begins > last && begins < self.part.size && self.found.len() < MOST_RESTARTS {
            self.found.push(begins);
        }
        Ok(())
    }
}

/// How far a time stamp is ahead of another one, the shorter way round, in microseconds; less than 0: behind it.
fn ahead_us(from: u64, to: u64) -> i64 {
    let ticks = to.wrapping_sub(from) % PTS_ROUND;
    match ticks < PTS_ROUND / 2 {
        true => micros(ticks),
        false => micros(PTS_ROUND - ticks).saturating_neg(),
    }
}
