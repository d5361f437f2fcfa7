//! Date ranges whose assets were asked for: a list of assets is asked for once, since asking may count as
//! an impression, also where the session is taken up again.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::store::Store;

/// The kind of `event` that one is.
const KIND: &str = "date range";

/// A date range whose assets are asked for.
#[derive(Debug)]
pub(super) struct DateRange {
    pub(super) at_us: i64,
    /// Row of `stream`.
    pub(super) stream_id: i64,
    /// Its ID in the playlist.
    pub(super) id: String,
    /// What it names.
    pub(super) url: String,
}

#[derive(Serialize, Deserialize)]
struct Detail<'a> {
    stream: i64,
    id: Cow<'a, str>,
    url: Cow<'a, str>,
}

impl Store {
    /// Notes a date range of a stream; the URL that was asked for on its account, where it is known.
    pub(super) fn date_range(&mut self, range: &DateRange) -> rusqlite::Result<Option<String>> {
        let known: Option<String> = self
            .db
            .prepare_cached(
                "SELECT detail FROM event WHERE kind = ?1 AND json_valid(detail)
                    AND detail ->> '$.stream' = ?2 AND detail ->> '$.id' = ?3 LIMIT 1",
            )?
            .query_row(params![KIND, range.stream_id, range.id], |row| row.get(0))
            .optional()?;
        if let Some(known) = known {
            let detail = serde_json::from_str::<Detail<'_>>(&known);
            return Ok(Some(detail.map_or(String::new(), |d| d.url.into_owned())));
        }
        let detail = Detail {
            stream: range.stream_id,
            id: Cow::Borrowed(&range.id),
            url: Cow::Borrowed(&range.url),
        };
        // It cannot fail: it is a number and texts.
        let detail = serde_json::to_string(&detail).unwrap_or_default();
        self.event(range.at_us, KIND, &detail)?;
        Ok(None)
    }
}
