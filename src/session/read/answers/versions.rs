//! The texts that a playlist has had.

use rusqlite::named_params;

use super::answer::IS_MET;
use super::blocked::NEAR_US;
use crate::session::error::ReadError;
use crate::session::read::reader::Reader;

/// A text that a playlist had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Row of `body`.
    pub body_id: i64,
    /// Bytes of it.
    pub size: u64,
    /// It was there when the time that was asked for began.
    pub is_first: bool,
}

impl Reader {
    /// The texts of a playlist (a resource that it answers for) between two moments, in microseconds of Unix time, newest
    /// first, that of the first moment included; `None`: there are more than `most`.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn versions(
        &self,
        resource_id: i64,
        (since_us, until_us): (i64, i64),
        most: usize,
    ) -> Result<Option<Vec<Version>>, ReadError> {
        let playlist_id = self.playlist_of(resource_id, until_us)?;
        let mut statement = self
            .db
            .prepare_cached(&format!(
                "SELECT b.id, b.size, e.from_us FROM revision v JOIN exchange e ON e.id = v.exchange_id JOIN body b ON b.id = e.body_id
                  WHERE v.playlist_id = :playlist_id AND v.seen_us <= :until_us + {NEAR_US} AND e.from_us <= :until_us AND {IS_MET}
                  ORDER BY v.seen_us DESC, v.exchange_id DESC"
            ))
            .map_err(|e| self.failed(e))?;
        let values = named_params! {":playlist_id": playlist_id, ":until_us": until_us};
        let rows = statement.query_map(values, |row| {
            let size = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            Ok((row.get(0)?, size, row.get::<_, i64>(2)?))
        });
        let mut versions = Vec::new();
        for row in rows.map_err(|e| self.failed(e))? {
            let (body_id, size, from_us) = row.map_err(|e| self.failed(e))?;
            if versions.len() == most {
                return Ok(None);
            }
            let is_first = from_us <= since_us;
            versions.push(Version {
                body_id,
                size,
                is_first,
            });
            if is_first {
                break;
            }
        }
        Ok(Some(versions))
    }
}
