//! Resources of a session, by their numbers and by their URLs.

use rusqlite::{OptionalExtension, Row, named_params};

use super::facts::ResourceInfo;
use super::reader::Reader;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Kind};

impl Reader {
    /// The resource that a stream knows a URL as, if it does.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn resource_in(
        &self,
        stream_id: i64,
        url: &str,
        range: Option<ByteRange>,
    ) -> Result<Option<i64>, ReadError> {
        let number = |n: Option<u64>| n.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let (first, length) = (range.map(|r| r.first), range.map(|r| r.length));
        let queries = [
            "SELECT id FROM resource WHERE url = :url AND stream_id = :stream_id
                AND ifnull(range_first, -1) = :first AND ifnull(range_length, -1) = :length",
            "SELECT r.id FROM alias a JOIN resource r ON r.id = a.resource_id
              WHERE a.url = :url AND r.stream_id = :stream_id
                AND ifnull(r.range_first, -1) = :first AND ifnull(r.range_length, -1) = :length
              ORDER BY r.id LIMIT 1",
        ];
        for query in queries {
            let found = self
                .db
                .prepare_cached(query)
                .and_then(|mut s| {
                    let values = named_params! {
                        ":url": url,
                        ":stream_id": stream_id,
                        ":first": number(first),
                        ":length": number(length),
                    };
                    s.query_row(values, |row| row.get(0)).optional()
                })
                .map_err(|e| self.failed(e))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A resource by its number.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn resource(&self, id: i64) -> Result<Option<ResourceInfo>, ReadError> {
        let found = self.list(
            "SELECT id, kind, url, range_first, range_length, stream_id FROM resource WHERE id = ?1",
            [id],
            resource_row,
        )?;
        Ok(found.into_iter().next())
    }

    /// The exchange that listed a playlist first, and the URL that answered; `None`: the user typed it, or that is gone.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn listing_of(&self, playlist_id: i64) -> Result<Option<(ExchangeId, String)>, ReadError> {
        let found = self.list(
            "SELECT l.id, r.url FROM exchange e JOIN exchange l ON l.id = e.referrer_id
               JOIN resource r ON r.id = l.resource_id
              WHERE e.resource_id = ?1 ORDER BY e.from_us, e.id LIMIT 1",
            [playlist_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.into_iter().next())
    }

    /// The playlist that is polled where this resource is: of one that was renewed the first of its resources, which its revisions are of.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn playlist_polled(&self, resource_id: i64) -> Result<i64, ReadError> {
        let found = self.list(
            "SELECT a.resource_id FROM resource r JOIN alias a ON a.url = r.url
               JOIN resource p ON p.id = a.resource_id AND p.stream_id = r.stream_id
              WHERE r.id = ?1 AND NOT EXISTS (SELECT 1 FROM revision v WHERE v.playlist_id = ?1)
                AND EXISTS (SELECT 1 FROM revision v WHERE v.playlist_id = p.id)
              ORDER BY p.id LIMIT 1",
            [resource_id],
            |row| row.get(0),
        )?;
        Ok(found.into_iter().next().unwrap_or(resource_id))
    }

    /// The name of a resource: its URL path without the leading slash.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn resource_name(&self, id: i64) -> Result<Option<String>, ReadError> {
        let found = self.list("SELECT name FROM resource WHERE id = ?1", [id], |row| {
            row.get(0)
        })?;
        Ok(found.into_iter().next())
    }

    /// Calls `each` with the number, the kind and each URL of every resource, until it has seen enough.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn each_url(&self, mut each: impl FnMut(i64, Kind, &str) -> bool) -> Result<(), ReadError> {
        let mut read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT id, kind, url FROM resource
                 UNION ALL SELECT r.id, r.kind, a.url FROM alias a JOIN resource r ON r.id = a.resource_id",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (kind, url): (String, String) = (row.get(1)?, row.get(2)?);
                let kind = Kind::parse(&kind).unwrap_or(Kind::Data);
                if !each(row.get(0)?, kind, &url) {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|e| self.failed(e))
    }

    /// The resource that an exchange asked for.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn resource_asked(&self, id: ExchangeId) -> Result<Option<ResourceInfo>, ReadError> {
        let found = self.list(
            "SELECT r.id, r.kind, r.url, r.range_first, r.range_length, r.stream_id
               FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE e.id = ?1",
            [id],
            resource_row,
        )?;
        Ok(found.into_iter().next())
    }
}

pub(crate) fn resource_row(row: &Row<'_>) -> rusqlite::Result<ResourceInfo> {
    let range = match (row.get::<_, Option<i64>>(3)?, row.get::<_, Option<i64>>(4)?) {
        (Some(first), Some(length)) => Some(ByteRange {
            first: to_u64(first),
            length: to_u64(length),
        }),
        _ => None,
    };
    let kind: String = row.get(1)?;
    Ok(ResourceInfo {
        id: row.get(0)?,
        kind: Kind::parse(&kind).unwrap_or(Kind::Data),
        url: row.get(2)?,
        range,
        stream_id: row.get(5)?,
    })
}

pub(crate) fn to_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
