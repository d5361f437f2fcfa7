//! The volumes of a session, one after the other, into a store.

use std::collections::HashMap;

use super::cursor::{Cursor, StreamCursor};
use super::error::ArchiveError;
use super::names::{self, VolumeName};
use super::sent::Sent;
use super::volume::{Source, Volume};
use super::windows::{Whole, Window};
use crate::session::{Reader, SessionFolder, StreamInfo};
use crate::store::Store;

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// Archives one session in one store. Nobody else archives that session meanwhile.
#[derive(Debug)]
pub struct Archiver {
    session: SessionFolder,
    store: Store,
    cursor: Cursor,
    volume_us: i64,
    sent: Sent,
    /// A volume that is made and not in the store yet: after a failure it is not made again.
    begun: Option<Volume>,
    /// Streams that the session has, by their names.
    streams: Vec<String>,
    /// Streams whose next volume failed, and how heavily: they stand behind the others.
    failed: HashMap<String, u32>,
}

/// So often a volume fails before its stream stands behind the others, where the store may be what is wrong.
const OFTEN: u32 = 5;

/// Whether volumes can be so long, in microseconds.
///
/// # Errors
/// Days are no whole number of them.
pub fn check_volume(volume_us: i64) -> Result<(), ArchiveError> {
    if volume_us < SECOND_US || DAY_US % volume_us != 0 {
        let why = "--volume must be a second or more, and a day must be a whole number of them: 1m, 10m, 1h";
        return Err(ArchiveError::Usage(why.to_owned()));
    }
    Ok(())
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A volume is complete.
    Volume(Told),
    /// A volume can never be made, since the session is damaged there, or for another reason that stays: why.
    Skipped(Told, String),
    /// A stream had nothing yet: there is no volume.
    Passed,
    /// There is nothing to do until more has been recorded.
    Idle,
}

/// Which volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its stream.
    pub stream: String,
    /// Where it begins, in microseconds of Unix time.
    pub from_us: i64,
    /// Where it ends, likewise.
    pub to_us: i64,
    /// Bytes of its chunks.
    pub bytes: u64,
    /// It was there before.
    pub was_there: bool,
}

impl Archiver {
    /// `volume_us`: how long a volume is, in microseconds; days are whole numbers of them.
    ///
    /// # Errors
    /// Days are none, somebody else archives the session, or its folder cannot be written.
    pub fn new(
        session: &SessionFolder,
        store: Store,
        volume_us: i64,
    ) -> Result<Self, ArchiveError> {
        check_volume(volume_us)?;
        let cursor = Cursor::open(session, store.shown(), volume_us)?;
        Ok(Self {
            session: session.clone(),
            store,
            cursor,
            volume_us,
            sent: Sent::default(),
            begun: None,
            streams: Vec::new(),
            failed: HashMap::new(),
        })
    }

    /// Archives the next volume. `until_us`: of a session that is being recorded, until when it is whole; `None`: it is over.
    ///
    /// # Errors
    /// Of the store, or of the session; the same step is tried again next time.
    pub fn step(&mut self, until_us: Option<i64>) -> Result<Step, ArchiveError> {
        let reader = Reader::open(&self.session)?;
        let runs = reader.runs()?;
        let whole = Whole::new(&runs, reader.kept_from_us()?, until_us);
        let streams = reader.streams()?;
        drop(reader);
        self.streams = streams.iter().map(|stream| stream.name.clone()).collect();
        let Some((stream, window)) = self.next(&whole, &streams) else {
            return Ok(Step::Idle);
        };
        let source = Source {
            session: &self.session.clone(),
            runs: &runs,
        };
        let archived = match names::is_stream(&stream) {
            true => self.archive(&source, &whole, &stream, window),
            false => Err(ArchiveError::Stream(stream.clone())),
        };
        let stepped = match archived {
            Err(error) if error.is_of_damage() => self.skip(&stream, window, &error),
            done => done,
        };
        match &stepped {
            Ok(_) => _ = self.failed.remove(&stream),
            Err(error) => {
                let weight = if error.is_of_one_volume() { OFTEN } else { 1 };
                let failed = self.failed.entry(stream).or_default();
                *failed = failed.saturating_add(weight);
            }
        }
        stepped
    }

    /// The earliest volume that is not there yet, of all streams; of those that fail, later.
    fn next(&self, whole: &Whole, streams: &[StreamInfo]) -> Option<(String, Window)> {
        let all = streams.iter().filter_map(|stream| {
            let behind_us = self
                .cursor
                .of(&stream.name)
                .map_or(i64::MIN, |own| own.until_us);
            let window = whole.next(behind_us, self.volume_us)?;
            Some((stream.name.clone(), window))
        });
        all.min_by_key(|(stream, window)| {
            let failed = self.failed.get(stream).copied().unwrap_or(0);
            (failed / OFTEN, window.to_us, window.from_us)
        })
    }

    fn archive(
        &mut self,
        source: &Source<'_>,
        whole: &Whole,
        stream: &str,
        window: Window,
    ) -> Result<Step, ArchiveError> {
        let before = self.cursor.of(stream).cloned().unwrap_or_default();
        let name = VolumeName {
            stream: stream.to_owned(),
            from_us: window.from_us,
            writer: self.cursor.writer().clone(),
        };
        let begun = self
            .begun
            .take()
            .filter(|own| own.name == name && own.window == window);
        let mut volume = match begun {
            Some(begun) => begun,
            None => Volume::make(source, name, window, &before.owed, &self.cursor.work()?)?,
        };
        let mut told = Told {
            stream: stream.to_owned(),
            from_us: window.from_us,
            to_us: window.to_us,
            bytes: volume.rows.chunks.iter().map(|chunk| chunk.size).sum(),
            was_there: false,
        };
        let mut to = StreamCursor {
            until_us: window.to_us,
            owed: volume.rows.owed.clone(),
            skipped_from_us: None,
        };
        // A stream that was not recorded yet has no volume.
        if volume.rows.done.exchanges > 0 {
            let missing = before.missing_from_us(whole);
            if missing.is_some() {
                self.cursor.note_lack();
            }
            match volume.put(source, &self.store, &mut self.sent, missing) {
                Ok(outcome) => {
                    told.was_there = outcome.was_there;
                    (told.to_us, to.until_us) = (outcome.manifest.to_us, outcome.manifest.to_us);
                    to.owed = outcome.manifest.owed;
                }
                Err(error) => {
                    self.begun = Some(volume);
                    return Err(error);
                }
            }
        }
        let is_empty = volume.rows.done.exchanges == 0;
        self.cursor.advance(stream, to)?;
        Ok(match is_empty {
            true => Step::Passed,
            false => Step::Volume(told),
        })
    }

    fn skip(
        &mut self,
        stream: &str,
        window: Window,
        why: &ArchiveError,
    ) -> Result<Step, ArchiveError> {
        let before = self.cursor.of(stream).cloned().unwrap_or_default();
        let to = StreamCursor {
            until_us: window.to_us,
            skipped_from_us: before.skipped_from_us.or(Some(window.from_us)),
            ..before
        };
        self.cursor.note_lack();
        self.cursor.advance(stream, to)?;
        let told = Told {
            stream: stream.to_owned(),
            from_us: window.from_us,
            to_us: window.to_us,
            bytes: 0,
            was_there: false,
        };
        Ok(Step::Skipped(told, why.to_string()))
    }

    /// Until when all streams that the last step saw are in the archive, in microseconds of Unix time; `None`: of one nothing is.
    pub fn until_us(&self) -> Option<i64> {
        let all = self
            .streams
            .iter()
            .map(|stream| Some(self.cursor.of(stream)?.until_us));
        all.min().flatten()
    }

    /// From when on volumes to come need what was recorded, likewise.
    pub fn needs_from_us(&self) -> Option<i64> {
        let owed = self
            .streams
            .iter()
            .filter_map(|stream| self.cursor.of(stream));
        let owed = owed.flat_map(|own| own.owed.iter().map(|(_, from_us)| *from_us));
        let until_us = self.until_us()?;
        Some(owed.fold(until_us, i64::min))
    }

    /// How many streams there are whose next volume failed, and how many in all.
    pub(crate) fn failing(&self) -> (usize, usize) {
        (self.failed.len(), self.streams.len())
    }

    /// Something was recorded that no volume has, and none will: it was skipped, or removed before.
    pub(crate) fn lacks(&self) -> bool {
        self.cursor.lacks()
    }

    /// Something was removed before a volume had it.
    pub(crate) fn note_lack(&mut self) {
        self.cursor.note_lack();
    }

    /// Whether any stream has come to anything.
    pub(crate) fn has_begun(&self) -> bool {
        self.cursor.has_begun()
    }

    /// The store, for people.
    pub fn shown(&self) -> &str {
        self.store.shown()
    }
}

impl StreamCursor {
    /// Since when something was recorded that will never be in the archive; `None`: all is.
    fn missing_from_us(&self, whole: &Whole) -> Option<i64> {
        let is_kept = self.until_us == 0 || self.until_us >= whole.from_us;
        self.skipped_from_us.or((!is_kept).then_some(self.until_us))
    }
}
