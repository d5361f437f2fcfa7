//! Which volumes a stream has. A listing of one day at a time, each held for a while: that of the last day for the length of a volume
//! at most, since that is how often there is a new one.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::time::Instant;

use crate::archive::names::{self, VolumeName};
use crate::clock;
use crate::session::source::SourceError;
use crate::store::{Kind, Store};

const DAY_US: i64 = 86_400_000_000;
/// A listing of a day behind which there are others is held for so long.
const HELD: Duration = Duration::from_secs(600);
/// That of the last day for the length of a volume, and no shorter and no longer than that.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Listings of days that are held.
const MOST_DAYS: usize = 8;
/// Days without a volume that are looked through for the next that has one.
const MOST_EMPTY: usize = 16;

/// Volumes of a stream, by days.
#[derive(Debug)]
pub(super) struct Days {
    stream: String,
    /// Days that have a folder, counted since 1970, sorted; and when that was asked.
    days: Vec<i64>,
    asked: Option<Instant>,
    listed: BTreeMap<i64, (Instant, Vec<VolumeName>)>,
    /// How long a listing of the last day is held.
    last_held: Duration,
}

/// Volumes around a moment.
#[derive(Debug)]
pub(super) struct Around {
    /// Those of its day that begin at or before it, and of days before where these are fewer than two; sorted by their beginnings.
    pub(super) before: Vec<VolumeName>,
    /// Those that begin behind it, on that day and the next that has some.
    pub(super) behind: Vec<VolumeName>,
}

/// The first volume, and those of the last day.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) first: Option<VolumeName>,
    pub(super) last: Vec<VolumeName>,
}

impl Days {
    pub(super) fn new(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            days: Vec::new(),
            asked: None,
            listed: BTreeMap::new(),
            last_held: SHORTEST,
        }
    }

    /// New volumes come so often.
    pub(super) fn set_length_us(&mut self, length_us: i64) {
        let length = Duration::from_micros(u64::try_from(length_us).unwrap_or(0));
        self.last_held = length.clamp(SHORTEST, LONGEST);
    }

    /// Until when what was listed holds. `is_final`: nothing that comes changes it.
    pub(super) fn fresh_until(&self, is_final: bool) -> Instant {
        let held = if is_final { HELD } else { self.last_held };
        clock::instant() + held
    }

    pub(super) fn limits(&mut self, store: &Store) -> Result<Limits, SourceError> {
        self.ask_days(store)?;
        let days = self.days.clone();
        let mut first = None;
        for day in days.iter().take(MOST_EMPTY) {
            first = self.names(store, *day)?.first().cloned();
            if first.is_some() {
                break;
            }
        }
        let mut last = Vec::new();
        for day in days.iter().rev().take(MOST_EMPTY) {
            last = self.names(store, *day)?.to_vec();
            if !last.is_empty() {
                break;
            }
        }
        Ok(Limits { first, last })
    }

    pub(super) fn around(&mut self, store: &Store, moment_us: i64) -> Result<Around, SourceError> {
        self.ask_days(store)?;
        let day = moment_us.div_euclid(DAY_US);
        let at = self.days.partition_point(|one| *one <= day);
        let days = self.days.clone();
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        for day in days[..at].iter().rev().take(MOST_EMPTY) {
            let names = self.names(store, *day)?;
            let until = names.partition_point(|name| name.from_us <= moment_us);
            behind.splice(0..0, names[until..].iter().cloned());
            before.splice(0..0, names[..until].iter().cloned());
            // Where the last one cannot be read, the one before it answers.
            if before.len() >= 2 {
                break;
            }
        }
        for day in days[at..].iter().take(MOST_EMPTY) {
            let names = self.names(store, *day)?;
            behind.extend(names.iter().cloned());
            if !names.is_empty() {
                break;
            }
        }
        Ok(Around { before, behind })
    }

    fn ask_days(&mut self, store: &Store) -> Result<(), SourceError> {
        let now = clock::instant();
        if self.asked.is_some_and(|asked| now - asked < self.last_held) {
            return Ok(());
        }
        let folder = names::stream_folder(&self.stream);
        let folders = match store.wait(store.folders(&folder)) {
            Ok(folders) => folders,
            Err(error) if error.trouble == Kind::Missing => Vec::new(),
            Err(error) => return Err(SourceError::Away(error.to_string())),
        };
        self.days = folders.iter().filter_map(|name| day_of(name)).collect();
        self.days.sort_unstable();
        self.asked = Some(now);
        Ok(())
    }

    /// Volumes of a day, sorted by their beginnings.
    fn names(&mut self, store: &Store, day: i64) -> Result<&[VolumeName], SourceError> {
        let now = clock::instant();
        let held = match self.days.last() {
            Some(last) if *last > day => HELD,
            _ => self.last_held,
        };
        let is_held = |(asked, _): &(Instant, Vec<VolumeName>)| now - *asked < held;
        if !self.listed.get(&day).is_some_and(is_held) {
            let folder = names::day_folder(&self.stream, day.saturating_mul(DAY_US));
            let listed = store.wait(store.list(&folder, None));
            let listed = listed.map_err(|error| SourceError::Away(error.to_string()))?;
            let mut names: Vec<VolumeName> = listed
                .iter()
                .filter_map(|object| VolumeName::of_manifest(&object.key))
                .filter(|name| name.stream == self.stream)
                .collect();
            names.sort_by(|one, other| {
                (one.from_us, &one.writer).cmp(&(other.from_us, &other.writer))
            });
            self.make_room();
            self.listed.insert(day, (now, names));
        }
        Ok(self.listed.get(&day).map_or(&[], |(_, names)| names))
    }

    fn make_room(&mut self) {
        while self.listed.len() >= MOST_DAYS {
            let oldest = self.listed.iter().min_by_key(|(_, (asked, _))| *asked);
            let Some(oldest) = oldest.map(|(day, _)| *day) else {
                return;
            };
            self.listed.remove(&oldest);
        }
    }
}

/// The day whose folder has this name.
fn day_of(name: &str) -> Option<i64> {
    let midnight = NaiveDate::parse_from_str(name, "%Y-%m-%d")
        .ok()?
        .and_hms_opt(0, 0, 0)?;
    let day = midnight.and_utc().timestamp_micros().div_euclid(DAY_US);
    // What is spelled in another way is not ours.
    (names::day(day.saturating_mul(DAY_US)) == name).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_name() {
        assert_eq!(day_of("1970-01-02"), Some(1));
        for other in ["1970-1-2", "1970-02-30", "today", "", "+1970-01-02"] {
            assert_eq!(day_of(other), None, "{other}");
        }
    }
}
