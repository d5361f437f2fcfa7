//! Date ranges whose assets were asked for: a list of assets is asked for once, since asking may count as
//! an impression, also where the session is taken up again.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::session::model::{Digest, digest};

/// The kind of `event` that one is.
const KIND: &str = "date range";

/// A date range whose assets are asked for.
#[derive(Debug)]
pub(crate) struct DateRange {
    pub(crate) at_us: i64,
    /// Row of `stream`.
    pub(crate) stream_id: i64,
    /// Its ID in the playlist.
    pub(crate) id: String,
    /// What it names.
    pub(crate) url: String,
}

/// Rows of the date ranges that are known, by what they are: as many as a session has, and some bytes of each.
#[derive(Debug, Default)]
pub(crate) struct Asked(Option<HashMap<Digest, i64>>);

impl Asked {
    /// A transaction was taken back.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

#[derive(Serialize, Deserialize)]
struct Detail<'a> {
    stream: i64,
    id: Cow<'a, str>,
    url: Cow<'a, str>,
}

impl Store {
    /// Notes a date range of a stream; the URL that was asked for on its account, where it is known.
    pub(crate) fn date_range(&mut self, range: &DateRange) -> rusqlite::Result<Option<String>> {
        let name = name(range.stream_id, &range.id);
        let row = self.asked_rows()?.get(&name).copied();
        if let Some(url) = row
            .map(|row| self.asked_in(row, range))
            .transpose()?
            .flatten()
        {
            return Ok(Some(url));
        }
        let detail = Detail {
            stream: range.stream_id,
            id: Cow::Borrowed(&range.id),
            url: Cow::Borrowed(&range.url),
        };
        // It cannot fail: it is a number and texts.
        let detail = serde_json::to_string(&detail).unwrap_or_default();
        self.event(range.at_us, KIND, &detail)?;
        let row = self.db.last_insert_rowid();
        self.asked_rows()?.insert(name, row);
        Ok(None)
    }

    /// What was asked for on account of a date range, as its row has it; it may be gone.
    fn asked_in(&self, row: i64, range: &DateRange) -> rusqlite::Result<Option<String>> {
        let detail: Option<String> = self
            .db
            .prepare_cached("SELECT detail FROM event WHERE id = ?1 AND kind = ?2")?
            .query_row(params![row, KIND], |row| row.get(0))
            .optional()?;
        let known = detail.as_deref().and_then(read);
        let known = known.filter(|known| known.stream == range.stream_id && known.id == range.id);
        Ok(known.map(|known| known.url.into_owned()))
    }

    /// The rows, read once: to look for each among all events would take ever longer.
    fn asked_rows(&mut self) -> rusqlite::Result<&mut HashMap<Digest, i64>> {
        let rows = match self.asked.0.take() {
            Some(rows) => rows,
            None => {
                let sql = "SELECT id, detail FROM event WHERE kind = ?1 ORDER BY id DESC";
                let mut statement = self.db.prepare_cached(sql)?;
                let mut found = statement.query([KIND])?;
                let mut rows = HashMap::new();
                while let Some(row) = found.next()? {
                    // The first row of a date range counts.
                    if let Some(known) = read(row.get_ref(1)?.as_str()?) {
                        rows.insert(name(known.stream, &known.id), row.get(0)?);
                    }
                }
                rows
            }
        };
        Ok(self.asked.0.insert(rows))
    }
}

fn name(stream_id: i64, id: &str) -> Digest {
    digest(format!("{stream_id} {id}").as_bytes())
}

fn read(detail: &str) -> Option<Detail<'_>> {
    serde_json::from_str(detail).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::chunk_dir::ChunkDir;
    use rusqlite::Connection;

    fn range(stream_id: i64, id: &str, url: &str) -> DateRange {
        DateRange {
            at_us: 1,
            stream_id,
            id: id.to_owned(),
            url: url.to_owned(),
        }
    }

    #[test]
    fn the_first_url_of_a_date_range_is_known_before_and_after_a_new_beginning() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::SCHEMA).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let chunks = ChunkDir::at(folder.path()).unwrap();
        let mut store = Store::new(db, chunks, 0, 1);
        let mut asked = |range: DateRange, again: bool| {
            if again {
                store.asked.forget();
            }
            store.date_range(&range).unwrap()
        };
        assert_eq!(asked(range(1, "a", "http://h/1"), false), None);
        assert_eq!(asked(range(2, "a", "http://h/2"), false), None);
        for again in [false, true] {
            let known = Some("http://h/1".to_owned());
            assert_eq!(asked(range(1, "a", "http://h/3"), again), known);
            let known = Some("http://h/2".to_owned());
            assert_eq!(asked(range(2, "a", "http://h/3"), again), known);
        }
        // A row that was removed says nothing.
        store
            .db
            .execute("DELETE FROM event WHERE id = 1", [])
            .unwrap();
        assert_eq!(
            store.date_range(&range(1, "a", "http://h/4")).unwrap(),
            None
        );
        let known = Some("http://h/4".to_owned());
        assert_eq!(
            store.date_range(&range(1, "a", "http://h/5")).unwrap(),
            known
        );
    }
}
