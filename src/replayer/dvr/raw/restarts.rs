//! Where the time stamps of a transport stream begin anew within a part: an encoder was restarted behind a relay, whose
//! response goes on.
//!
//! A part may have a hundred gigabytes: a time stamp is looked at each ten seconds. Where two of them are not as far apart
//! as their bytes came, what lies between is halved until it is small, and then read.

use std::io;

use super::media::Media;
use super::spans::PartFacts;
use super::window::{FIRST_LOOK, Track, Unit, WINDOW, Window, first_cut, micros};
use crate::media::packets::{PTS_ROUND, begins_table};

/// Time stamps may differ from the arrival by so much and be as they should, in microseconds: how a long part came is
/// known to 1.28 s.
const SLACK_US: i64 = 2_000_000;
/// Pictures do not come in the order in which they are seen: by so much a time stamp may go back, in microseconds.
const REORDERED_US: i64 = 1_000_000;
/// What is read of a place to find a time stamp.
const LOOK: usize = 64 * 1024;
/// So much is read of a part beside that, in bytes: of what came in a burst each place looks as if they began anew.
const MOST_READ: u64 = 256 * 1024 * 1024;
/// A part has no more such places.
const MOST_RESTARTS: usize = 1000;

/// A place where they begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restart {
    /// In bytes.
    pub at: u64,
    /// Whose clock it is from there on.
    pub track: Track,
}

/// Where they begin anew, in order. A stream of several programs is looked at by one of them; where that is there no more, by another
/// one, which begins anew.
pub(super) fn find(media: &impl Media, part: &PartFacts<'_>) -> io::Result<Vec<Restart>> {
    let head = Window::read(media, 0, FIRST_LOOK)?;
    let first = head.first_track();
    let Some(mut before) = first.and_then(|track| head.units(track).next()) else {
        return Ok(Vec::new());
    };
    let targets = part.targets(None);
    let looks = (targets.len() as u64).saturating_mul(LOOK as u64);
    let mut search = Search {
        media,
        part,
        budget: MOST_READ.saturating_add(looks),
        found: Vec::new(),
    };
    for target in targets.into_iter().chain([part.size]) {
        if search.is_over() {
            break;
        }
        let unit = match target == part.size {
            true => search.last_unit(before.track)?,
            false => search.unit_at(target, before.track)?,
        };
        if let Some(unit) = unit {
            search.between(before, unit)?;
            before = unit;
        }
    }
    Ok(search.found)
}

struct Search<'a, M> {
    media: &'a M,
    part: &'a PartFacts<'a>,
    /// Bytes that may still be read.
    budget: u64,
    found: Vec<Restart>,
}

impl<M: Media> Search<'_, M> {
    /// Nothing more is found.
    fn is_over(&self) -> bool {
        self.budget == 0 || self.found.len() >= MOST_RESTARTS
    }

    /// `None`: so much may not be read any more, nor anything else.
    fn read(&mut self, at: u64, count: usize) -> io::Result<Option<Window>> {
        let rest = self.part.size.saturating_sub(at);
        let left = self.budget.checked_sub(rest.min(count as u64));
        self.budget = left.unwrap_or(0);
        let window = left.map(|_| Window::read(self.media, at, count));
        window.transpose()
    }

    /// The first unit of a track behind a place; where it has none near it, of one that is alike.
    fn unit_at(&mut self, at: u64, track: Track) -> io::Result<Option<Unit>> {
        for size in [LOOK, WINDOW] {
            let Some(window) = self.read(at, size)? else {
                break;
            };
            let unit = window.units(track).next();
            if unit.is_some() {
                return Ok(unit);
            }
            if size == WINDOW || window.is_last(size) {
                return Ok(window.units_alike(track).next());
            }
        }
        Ok(None)
    }

    /// The last unit of a track; where that ends before the part does, of one that is alike.
    fn last_unit(&mut self, track: Track) -> io::Result<Option<Unit>> {
        for size in [FIRST_LOOK, WINDOW] {
            let at = self.part.size.saturating_sub(size as u64);
            let Some(window) = self.read(at, size)? else {
                break;
            };
            let last = window.units_alike(track).last();
            let own = window.units(track).last();
            let goes_on = |own: &Unit| last.is_none_or(|last| self.came_us(*own, last) <= SLACK_US);
            if own.as_ref().is_some_and(goes_on) {
                return Ok(own);
            }
            if own.is_some() || at == 0 || size == WINDOW {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// Looks between two units, the earlier half first.
    fn between(&mut self, from: Unit, to: Unit) -> io::Result<()> {
        let mut open = vec![(from, to)];
        while let Some((from, to)) = open.pop() {
            let bytes = to.at.saturating_sub(from.at);
            if self.is_over() {
                return Ok(());
            }
            if bytes == 0 || !self.is_odd(from, to) {
                continue;
            }
            if bytes <= FIRST_LOOK as u64 {
                self.scan(from, to)?;
                continue;
            }
            match self.unit_at(from.at + bytes / 2, from.track)? {
                Some(middle) if middle.at < to.at => open.extend([(middle, to), (from, middle)]),
                _ if bytes <= WINDOW as u64 => self.scan(from, to)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether two units are of two tracks, or not as far apart as they came.
    fn is_odd(&self, from: Unit, to: Unit) -> bool {
        let came_us = self.came_us(from, to);
        let apart_us = ahead_us(from.time, to.time);
        from.track != to.track || apart_us.saturating_sub(came_us).saturating_abs() > SLACK_US
    }

    fn came_us(&self, from: Unit, to: Unit) -> i64 {
        let (from_us, to_us) = (self.part.time_of(from.at), self.part.time_of(to.at));
        to_us.saturating_sub(from_us)
    }

    /// Looks at each unit of a few bytes.
    fn scan(&mut self, from: Unit, to: Unit) -> io::Result<()> {
        let bytes = to.at.saturating_sub(from.at).saturating_add(LOOK as u64);
        let bytes = usize::try_from(bytes).unwrap_or(LOOK);
        let Some(window) = self.read(from.at, bytes)? else {
            return Ok(());
        };
        let tables = window.packets().filter(|(_, packet)| begins_table(packet));
        let tables = tables.map(|(at, _)| from.at.saturating_add(at as u64));
        let mut tables = tables.peekable();
        let mut before = from;
        for unit in units_between(&window, from, to) {
            while tables.next_if(|at| *at < before.at).is_some() {}
            if self.is_jump(before, unit) {
                let table = tables.peek().copied().filter(|at| *at < unit.at);
                self.cut(table.unwrap_or(unit.at), unit.track)?;
            }
            before = unit;
        }
        Ok(())
    }

    /// Whether a unit does not follow the one before it.
    fn is_jump(&self, before: Unit, unit: Unit) -> bool {
        let ahead_us = ahead_us(before.time, unit.time);
        let missing_us = ahead_us.saturating_sub(self.came_us(before, unit));
        before.track != unit.track
            || ahead_us < -REORDERED_US
            || (ahead_us > SLACK_US && missing_us > SLACK_US)
    }

    /// At the first place from there on where players can begin.
    fn cut(&mut self, at: u64, track: Track) -> io::Result<()> {
        let last = self.found.last().map_or(0, |last| last.at);
        // That was the first one behind the jump before this one.
        if self.is_over() || at <= last {
            return Ok(());
        }
        let begins = first_cut(Some(track), |count| self.read(at, count))?;
        let at = begins.map_or(at, |(at, _)| at);
        if at > last && at < self.part.size {
            self.found.push(Restart { at, track });
        }
        Ok(())
    }
}

/// The units from one to another one: of its track, and behind the last of these of the track of the other.
fn units_between(window: &Window, from: Unit, to: Unit) -> impl Iterator<Item = Unit> {
    let within = move |unit: &Unit| unit.at <= to.at;
    let last = window.units(from.track).take_while(within).last();
    let last_at = last.map_or(from.at, |unit| unit.at);
    let others = window.units(to.track).take_while(within);
    let others = others.filter(move |unit| unit.track != from.track && unit.at > last_at);
    window.units(from.track).take_while(within).chain(others)
}

/// How far a time stamp is ahead of another one, the shorter way round, in microseconds; less than 0: behind it.
fn ahead_us(from: u64, to: u64) -> i64 {
    let ticks = to.wrapping_sub(from) % PTS_ROUND;
    match ticks < PTS_ROUND / 2 {
        true => micros(ticks),
        false => micros(PTS_ROUND - ticks).saturating_neg(),
    }
}
