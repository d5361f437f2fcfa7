//! Rows of date ranges whose assets were asked for.

use super::Store;
use crate::session::digest::Digest;
use crate::session::digest::digest;
use crate::session::model::Remark;
use crate::session::write::date_ranges::DateRange;
use rusqlite::OptionalExtension;
use rusqlite::params;
use serde::Deserialize;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;

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
        let row = self.event(range.at_us, KIND, &detail)?;
        self.asked_rows()?.insert(name, row);
        Ok(None)
    }

    /// What was asked for on account of a date range, as its row has it; it may be gone.
    pub(crate) fn asked_in(&self, row: i64, range: &DateRange) -> rusqlite::Result<Option<String>> {
        let detail: Option<String> = self
            .db
            .prepare_cached("SELECT detail FROM event WHERE id = ?1 AND kind = ?2")?
            .query_row(params![row, KIND.as_str()], |row| row.get(0))
            .optional()?;
        let known = detail.as_deref().and_then(read);
        let known = known.filter(|known| known.stream == range.stream_id && known.id == range.id);
        Ok(known.map(|known| known.url.into_owned()))
    }

    /// The rows, read once: to look for each among all events would take ever longer.
    pub(crate) fn asked_rows(&mut self) -> rusqlite::Result<&mut HashMap<Digest, i64>> {
        let rows = match self.asked.0.take() {
            Some(rows) => rows,
            None => {
                let sql = "SELECT id, detail FROM event WHERE kind = ?1 ORDER BY id DESC";
                let mut statement = self.db.prepare_cached(sql)?;
                let mut found = statement.query([KIND.as_str()])?;
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

/// The kind of `event` that one is.
pub(crate) const KIND: Remark = Remark::DateRange;

#[derive(Serialize, Deserialize)]
pub(crate) struct Detail<'a> {
    pub(crate) stream: i64,
    pub(crate) id: Cow<'a, str>,
    pub(crate) url: Cow<'a, str>,
}

pub(crate) fn name(stream_id: i64, id: &str) -> Digest {
    digest(format!("{stream_id} {id}").as_bytes())
}

pub(crate) fn read(detail: &str) -> Option<Detail<'_>> {
    serde_json::from_str(detail).ok()
}
