//! Writes a clip: rows with what they use, and chunk files.

use std::collections::{HashMap, HashSet};
use std::io;

use rusqlite::{Connection, named_params, params};

use super::outcome::{ClipError, Clipped};
use super::reach::Reach;
use super::rows::{Row, RowCopier, not_written};
use super::span::Wanted;
use crate::session::digest::Digest;
use crate::session::error::ReadError;
use crate::session::files::chunk_dir::{ChunkDir, ChunkFile, ChunkPath};
use crate::session::files::folder::SessionFolder;
use crate::session::id::ExchangeId;
use crate::session::model::{KEPT_FROM, Remark};
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
use crate::session::write::rows::EventRow;
use crate::upkeep::check::lost_bodies;
use crate::upkeep::copied::modes;

/// Exchanges that are copied in one view of the database; so many files may be open meanwhile.
const TOGETHER: usize = 64;
/// Lines of a playlist that are.
const MOST_LINES: i64 = 1024;

/// A file of a body that a clip has.
#[cfg_attr(not(feature = "archive"), allow(dead_code))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedChunk {
    /// Its row.
    pub(crate) body: i64,
    /// Beneath `chunks/`.
    pub(crate) path: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) sha256: Digest,
}

/// Brings chunks from elsewhere into the folder of a clip, and gives those that are not to be had.
pub(crate) type Bring<'a> =
    &'a mut dyn FnMut(Vec<NamedChunk>, &ChunkDir) -> io::Result<Vec<NamedChunk>>;

/// Where the files of a clip go to, or come from.
#[cfg_attr(not(feature = "archive"), allow(dead_code))]
pub(crate) enum Files<'a> {
    /// Those of the session are copied.
    Copied(ChunkDir),
    /// They stay where they are; which ones is noted.
    Named,
    /// The session has none; they are brought.
    Brought(ChunkDir, Bring<'a>),
}

/// A clip that is being written.
pub(super) struct Copy<'a, 'f> {
    reader: &'a Reader,
    db: &'a Connection,
    rows: RowCopier<'a>,
    to: Files<'f>,
    /// Bodies that are there.
    bodies: HashSet<i64>,
    /// Those that are said to be lost in the session.
    marked: HashSet<i64>,
    /// Lines that are there, by their owner: from which on to which.
    lines: HashMap<i64, (i64, i64)>,
    /// Files of bodies that are not there yet.
    files: Vec<(String, ChunkFile)>,
    /// What the clip has of files, where they are not copied.
    pub(super) named: Vec<NamedChunk>,
    /// What is to be said of bodies whose files are not there.
    newly_lost: Vec<String>,
    /// The earliest moment of what came within the span for one before it.
    pub(super) reaches_back_to_us: Option<i64>,
    pub(super) done: Clipped,
}

impl<'a, 'f> Copy<'a, 'f> {
    pub(super) fn new(
        source: &SessionFolder,
        reader: &'a Reader,
        db: &'a Connection,
        to: Files<'f>,
    ) -> Result<Self, ClipError> {
        Ok(Self {
            reader,
            db,
            rows: RowCopier::new(reader, db, source.database_bytes()?),
            to,
            bodies: HashSet::new(),
            marked: lost_bodies(reader)?,
            lines: HashMap::new(),
            files: Vec::new(),
            named: Vec::new(),
            newly_lost: Vec::new(),
            reaches_back_to_us: None,
            done: Clipped::default(),
        })
    }

    /// Writes all of it but the rows by which URLs are looked up.
    pub(super) fn all(
        &mut self,
        reach: &Reach<'_>,
        runs: &[Run],
        origin: &str,
        wanted: &Wanted,
    ) -> Result<(), ClipError> {
        for (number, run) in (1_i64..).zip(runs) {
            write_run(self.db, number, run).map_err(not_written)?;
        }
        for id in reach.streams.keys() {
            self.rows.copy("stream", "id = ?1", [id])?;
        }
        let exchanges: Vec<ExchangeId> = reach.exchanges.iter().copied().collect();
        for some in exchanges.chunks(TOGETHER) {
            self.together(|copy| some.iter().try_for_each(|id| copy.exchange(*id, wanted)))?;
            self.copy_files()?;
        }
        let resources: Vec<i64> = reach.resources.iter().copied().collect();
        for some in resources.chunks(TOGETHER) {
            self.together(|copy| some.iter().try_for_each(|id| copy.resource(*id)))?;
        }
        for (url, id) in reach
            .aliases
            .iter()
            .filter(|(_, id)| reach.resources.contains(id))
        {
            self.rows
                .copy("alias", "url = ?1 AND resource_id = ?2", params![url, id])?;
        }
        self.heartbeats(wanted)?;
        self.events(wanted, origin)
    }

    /// Many small queries in one view of the database.
    fn together(
        &mut self,
        job: impl FnOnce(&mut Self) -> Result<(), ClipError>,
    ) -> Result<(), ClipError> {
        let mut failed = None;
        let reader = self.reader;
        reader.together(|| {
            failed = job(self).err();
            Ok(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// An exchange with all that it uses. One that a recorder has removed meanwhile was needed by nobody.
    fn exchange(&mut self, id: ExchangeId, wanted: &Wanted) -> Result<(), ClipError> {
        let Some(row) = self.rows.copy("exchange", "id = ?1", [id])?.pop() else {
            return Ok(());
        };
        self.done.exchanges += 1;
        let requested_us = row.number("requested_us").unwrap_or(0);
        self.done.before += u64::from(requested_us < wanted.from_us);
        self.note_late(&row, requested_us, wanted.from_us);
        let revision = self.rows.copy("revision", "exchange_id = ?1", [id])?.pop();
        self.rows.copy("placement", "exchange_id = ?1", [id])?;
        if let Some(set) = row.number("header_set_id") {
            self.rows.copy("header_set", "id = ?1", [set])?;
        }
        let playlist = revision.and_then(|revision| revision.number("playlist_id"));
        for resource in row.number("resource_id").into_iter().chain(playlist) {
            self.resource(resource)?;
        }
        match row.number("body_id") {
            Some(body) => self.body(body),
            None => Ok(()),
        }
    }

    /// Notes what is the answer from before the span and came within it.
    fn note_late(&mut self, row: &Row, requested_us: i64, since_us: i64) {
        let lasted = ["wait_us", "receive_us", "failed_us"].iter();
        let lasted = lasted.map(|name| row.number(name).unwrap_or(0));
        let over_us = lasted.fold(requested_us, i64::saturating_add);
        let from_us = row.number("from_us").unwrap_or(requested_us);
        if from_us < since_us && over_us >= since_us {
            let earliest = self.reaches_back_to_us.unwrap_or(i64::MAX);
            self.reaches_back_to_us = Some(earliest.min(from_us));
        }
    }

    fn resource(&mut self, id: i64) -> Result<(), ClipError> {
        self.rows.copy("resource", "id = ?1", [id])?;
        Ok(())
    }

    /// A body, and the chunk of which it is a span.
    fn body(&mut self, id: i64) -> Result<(), ClipError> {
        let mut next = Some(id);
        while let Some(id) = next.filter(|id| self.bodies.insert(*id)) {
            let row = self.rows.copy("body", "id = ?1", [id])?.pop();
            if let Some(row) = &row {
                self.body_lines(row)?;
                self.file(id, row)?;
            }
            next = row.and_then(|row| row.number("chunk_id"));
        }
        Ok(())
    }

    /// The lines of a body that are not there yet: mostly they follow those of the one before.
    fn body_lines(&mut self, body: &Row) -> Result<(), ClipError> {
        let lines = body.number("first_line").zip(body.number("last_line"));
        let Some((owner, (first, last))) = body.number("line_owner").zip(lines) else {
            return Ok(());
        };
        self.resource(owner)?;
        let missing = match self.lines.get(&owner).copied() {
            Some((low, high))
                if first <= high.saturating_add(1) && last >= low.saturating_sub(1) =>
            {
                self.lines.insert(owner, (low.min(first), high.max(last)));
                vec![
                    (first, low.saturating_sub(1)),
                    (high.saturating_add(1), last),
                ]
            }
            known => {
                if known.is_none() {
                    self.lines.insert(owner, (first, last));
                }
                vec![(first, last)]
            }
        };
        for (mut first, last) in missing {
            while first <= last {
                let condition =
                    "resource_id = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number LIMIT ?4";
                let some =
                    self.rows
                        .copy("line", condition, params![owner, first, last, MOST_LINES])?;
                match some.last().and_then(|line| line.number("number")) {
                    Some(number) if some.len() as i64 == MOST_LINES => {
                        first = number.saturating_add(1)
                    }
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// Opens the chunk of a body; one that is not there is lost in the clip, too.
    fn file(&mut self, id: i64, body: &Row) -> Result<(), ClipError> {
        let Some(path) = body.text("path") else {
            return Ok(());
        };
        let size = body
            .number("size")
            .and_then(|size| u64::try_from(size).ok());
        let named = size
            .zip(body.digest("sha256"))
            .map(|(size, sha256)| NamedChunk {
                body: id,
                path: path.to_owned(),
                size,
                sha256,
            });
        if matches!(self.to, Files::Brought(..)) {
            match named {
                Some(_) if self.marked.contains(&id) => self.done.lost += 1,
                Some(named) => self.named.push(named),
                None => self.lost(id, path)?,
            }
            return Ok(());
        }
        match (self.reader.chunk_of(id), named) {
            (Ok(Some(file)), Some(named)) if file.first == 0 => match self.to {
                Files::Copied(_) => self.files.push((named.path, file)),
                _ => self.named.push(named),
            },
            (Ok(_) | Err(ReadError::Lost(_)), _) => self.lost(id, path)?,
            (Err(error), _) => return Err(error.into()),
        }
        Ok(())
    }

    fn lost(&mut self, id: i64, path: &str) -> Result<(), ClipError> {
        self.done.lost += 1;
        if self.marked.contains(&id) {
            return Ok(());
        }
        self.newly_lost.push(lost_detail(id, path));
        Ok(())
    }

    /// Has the files of what was copied last, if the clip is to have files.
    fn copy_files(&mut self) -> Result<(), ClipError> {
        match &mut self.to {
            Files::Named => {}
            Files::Copied(chunks) => {
                for (path, from) in std::mem::take(&mut self.files) {
                    self.done.chunk_bytes += copy_file(chunks, &path, &from)?;
                    self.done.chunks += 1;
                }
            }
            Files::Brought(chunks, bring) => {
                let wanted = std::mem::take(&mut self.named);
                let count = wanted.len() as u64;
                // What rows say may be anything, as it came out of an archive.
                let sum = |chunks: &[NamedChunk]| {
                    let sizes = chunks.iter().map(|chunk| chunk.size);
                    sizes.fold(0, u64::saturating_add)
                };
                let bytes = sum(&wanted);
                let missing = bring(wanted, chunks)?;
                let missed = sum(&missing);
                self.done.chunks += count.saturating_sub(missing.len() as u64);
                let brought = bytes.saturating_sub(missed);
                self.done.chunk_bytes = self.done.chunk_bytes.saturating_add(brought);
                for chunk in missing {
                    self.lost(chunk.body, &chunk.path)?;
                }
            }
        }
        Ok(())
    }

    /// Those within the span, and the last one before.
    fn heartbeats(&mut self, wanted: &Wanted) -> Result<(), ClipError> {
        let condition = "at_us <= ?2 AND at_us >= ifnull((SELECT max(at_us) FROM heartbeat WHERE at_us <= ?1), ?1)";
        let span = params![wanted.from_us, wanted.to_us];
        self.rows.copy("heartbeat", condition, span)?;
        Ok(())
    }

    /// What was noticed within the span, what tells why a URL has no answer, and what is said of bodies that are there.
    fn events(&mut self, wanted: &Wanted, origin: &str) -> Result<(), ClipError> {
        let span = (wanted.from_us, wanted.to_us);
        self.rows.copy("event", EVENTS, span)?;
        let mut marked: Vec<i64> = self.marked.intersection(&self.bodies).copied().collect();
        marked.sort_unstable();
        for id in marked {
            self.rows.copy("event", LOST, [id])?;
        }
        let kept_from =
            "INSERT INTO event (id, at_us, kind, detail) VALUES (:id, :at_us, :kind, :detail)";
        let values = named_params! {
            ":id": KEPT_FROM,
            ":at_us": wanted.from_us,
            ":kind": Remark::KeptFrom.as_str(),
            ":detail": origin,
        };
        self.db.execute(kept_from, values).map_err(not_written)?;
        for detail in &self.newly_lost {
            let event = EventRow {
                at_us: wanted.to_us,
                length_us: None,
                kind: Remark::Lost.into(),
                detail,
            };
            event.insert(self.db).map_err(not_written)?;
        }
        Ok(())
    }
}

/// Copies a file that is open, as the system does it best: blocks may be shared.
fn copy_file(chunks: &ChunkDir, path: &str, from: &ChunkFile) -> io::Result<u64> {
    let with_path =
        |e: io::Error| io::Error::new(e.kind(), format!("chunks/{path} of the clip: {e}"));
    let place = ChunkPath::parse(path).map_err(with_path)?;
    let mut to = chunks.create(&place).map_err(with_path)?;
    if let Some(mode) = modes::mode_of(&from.file) {
        // Where that cannot be it is the file of whoever makes the clip.
        let _ = to.set_permissions(mode);
    }
    let mut some = io::Read::take(&from.file, from.size);
    let copied = io::copy(&mut some, &mut to).map_err(with_path)?;
    if copied != from.size {
        return Err(with_path(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(copied)
}

const EVENTS: &str = "id <> 0 AND kind <> 'lost' AND (kind IN ('left out', 'refused uri') OR (at_us <= ?2 AND
    CASE WHEN length_us IS NULL AND kind IN ('disk full', 'checkpoint held up')
         THEN ifnull((SELECT min(ifnull(stopped_us, seen_us)) FROM run WHERE started_us <= at_us AND ifnull(stopped_us, seen_us) >= at_us), at_us)
         WHEN kind = 'clock step' THEN at_us
         ELSE at_us + max(ifnull(length_us, 0), 0) END >= ?1))";
const LOST: &str = "kind = 'lost' AND json_valid(detail) AND json_extract(detail, '$.body') = ?1";

/// What the event says of a body that is not to be had.
pub(in crate::upkeep) fn lost_detail(body: i64, path: &str) -> String {
    serde_json::json!({ "body": body, "path": path }).to_string()
}

pub(in crate::upkeep) fn write_run(
    db: &Connection,
    number: i64,
    run: &Run,
) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO run (id, started_us, seen_us, stopped_us, ended, program)
         VALUES (:id, :started_us, :seen_us, :stopped_us, :ended, :program)",
        named_params! {
            ":id": number,
            ":started_us": run.started_us,
            ":seen_us": run.seen_us,
            ":stopped_us": run.stopped_us,
            ":ended": run.ended,
            ":program": run.program,
        },
    )?;
    Ok(())
}
