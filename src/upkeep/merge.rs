//! Rows of several clips of one session as one session again: those of each number are the same in all of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, named_params};

use super::clip::outcome::ClipError;
use super::clip::rows::{RowCopier, not_written};
use super::clip::{Wanted, copy, span};
use super::copied;
use crate::session::clip_of::ClipOf;
use crate::session::database::spellings;
use crate::session::files::folder::SessionFolder;
use crate::session::model::{KEPT_FROM, Remark};
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
use crate::session::write::rows::EventRow;
use crate::upkeep::check::lost_bodies;

/// Tables whose rows are those of the session, in the order in which they refer to each other.
const TABLES: [&str; 10] = [
    "stream",
    "resource",
    "alias",
    "header_set",
    "body",
    "line",
    "exchange",
    "revision",
    "placement",
    "heartbeat",
];

/// A session that is being put together.
pub(crate) struct Merge {
    db: Connection,
    path: PathBuf,
    /// Bodies with files, by their rows: whether a clip had one.
    files: HashMap<i64, bool>,
    /// What is said of those that none had.
    lost: BTreeMap<i64, String>,
}

impl Merge {
    /// In the folder of a session that has been made for it.
    pub(crate) fn new(target: &SessionFolder) -> Result<Self, ClipError> {
        let path = target.database();
        let failed = |source| database(&path, source);
        let db = copied::new_database(&path).map_err(failed)?;
        db.pragma_update(None, "foreign_keys", false)
            .map_err(failed)?;
        db.execute_batch("BEGIN").map_err(failed)?;
        Ok(Self {
            db,
            path,
            files: HashMap::new(),
            lost: BTreeMap::new(),
        })
    }

    /// Adds the rows of a clip. Those that another one had already stay as they are. Shows each body with a file that no clip before had.
    pub(crate) fn add(
        &mut self,
        clip: &SessionFolder,
        mut new: impl FnMut(i64),
    ) -> Result<(), ClipError> {
        let reader = Reader::open(clip)?;
        let marked = lost_bodies(&reader)?;
        let mut rows = RowCopier::new(&reader, &self.db, clip.database_bytes()?);
        for table in TABLES {
            let (files, lost) = (&mut self.files, &mut self.lost);
            rows.each(table, "1", [], |row| {
                let body = (table == "body")
                    .then(|| row.number("id").zip(row.text("path")))
                    .flatten();
                let Some((body, path)) = body else {
                    return;
                };
                match marked.contains(&body) {
                    true => {
                        files.entry(body).or_insert(false);
                        lost.insert(body, copy::lost_detail(body, path));
                    }
                    false if files.insert(body, true) != Some(true) => new(body),
                    false => {}
                }
            })?;
        }
        rows.each("event", "id <> 0 AND kind <> 'lost'", [], |_| {})
    }

    /// Makes a session of it: the span from one moment to another, as the runs of its session tell it.
    pub(crate) fn finish(self, runs: &[Run], clip_of: &ClipOf) -> Result<(), ClipError> {
        let failed = |source| database(&self.path, source);
        let wanted = Wanted {
            from_us: clip_of.from_us,
            to_us: clip_of.to_us,
            stream: None,
        };
        for (number, run) in (1_i64..).zip(span::runs(runs, &wanted)) {
            copy::write_run(&self.db, number, &run).map_err(failed)?;
        }
        let kept_from =
            "INSERT INTO event (id, at_us, kind, detail) VALUES (:id, :at_us, :kind, :detail)";
        let values = named_params! {
            ":id": KEPT_FROM,
            ":at_us": clip_of.from_us,
            ":kind": Remark::KeptFrom.as_str(),
            ":detail": clip_of.text(),
        };
        self.db.execute(kept_from, values).map_err(failed)?;
        let had = |body: &i64| self.files.get(body) == Some(&true);
        for (_, detail) in self.lost.iter().filter(|(body, _)| !had(body)) {
            let event = EventRow {
                at_us: clip_of.to_us,
                length_us: None,
                kind: Remark::Lost.into(),
                detail,
            };
            event.insert(&self.db).map_err(not_written)?;
        }
        spellings::note_all(&self.db).map_err(failed)?;
        self.db.execute_batch("COMMIT").map_err(failed)?;
        let path = self.path;
        self.db
            .close()
            .map_err(|(_, source)| database(&path, source))
    }
}

fn database(path: &Path, source: rusqlite::Error) -> ClipError {
    ClipError::Database {
        path: path.display().to_string(),
        source,
    }
}
