//! Rows of streams, and of the resources that they have.

use rusqlite::{OptionalExtension, named_params, params};

use super::Store;
use super::logs::to_i64;
use crate::hls::resource_name;
use crate::session::model::{Kind, ResourceKey};

impl Store {
    /// The row of a resource; made where there is none.
    pub(crate) fn resource_id(&mut self, key: &ResourceKey) -> rusqlite::Result<i64> {
        match self.known_resource(key)? {
            Some(id) => Ok(id),
            None => Ok(self.new_resource(key)?.0),
        }
    }

    pub(super) fn known_resource(&mut self, key: &ResourceKey) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.cache.resources.get(key) {
            return Ok(Some(id));
        }
        let range = key.range;
        let found: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT id FROM resource WHERE url = :url AND stream_id = :stream_id
                   AND ifnull(range_first, -1) = ifnull(:first, -1) AND ifnull(range_length, -1) = ifnull(:length, -1)",
            )?
            .query_row(
                named_params! {
                    ":url": key.url,
                    ":stream_id": key.stream_id,
                    ":first": range.map(|r| to_i64(r.first)),
                    ":length": range.map(|r| to_i64(r.length)),
                },
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = found {
            self.cache.resources.insert(key.clone(), id);
        }
        Ok(found)
    }

    /// And what is noted of its URL beside it, in bytes.
    pub(super) fn new_resource(&mut self, key: &ResourceKey) -> rusqlite::Result<(i64, u64)> {
        let path_url = key.url.split('?').next().unwrap_or(&key.url);
        let name =
            url::Url::parse(&key.url).map_or_else(|_| key.url.clone(), |u| resource_name(&u));
        let noted = self.note(&key.url)?;
        let id = self
            .db
            .prepare_cached(
                "INSERT INTO resource (stream_id, kind, url, path_url, name, range_first, range_length)
                 VALUES (:stream_id, :kind, :url, :path_url, :name, :range_first, :range_length)",
            )?
            .insert(named_params! {
                ":stream_id": key.stream_id,
                ":kind": key.kind.as_str(),
                ":url": key.url,
                ":path_url": path_url,
                ":name": name,
                ":range_first": key.range.map(|r| to_i64(r.first)),
                ":range_length": key.range.map(|r| to_i64(r.length)),
            })?;
        self.cache.resources.insert(key.clone(), id);
        Ok((id, noted))
    }

    pub(crate) fn stream(&mut self, name: &str, url: &str) -> rusqlite::Result<(i64, String)> {
        let mut named = name.to_owned();
        let mut next = 2_u32;
        loop {
            let known: Option<(i64, String, String)> = self
                .db
                .prepare_cached("SELECT id, url, name FROM stream WHERE name = ?1 COLLATE NOCASE")?
                .query_row([&named], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            match known {
                None => break,
                Some((id, known, name)) if known == url => return Ok((id, name)),
                Some(_) => named = format!("{name}_{next}"),
            }
            next += 1;
        }
        let id = self
            .db
            .prepare_cached("INSERT INTO stream (name, url) VALUES (?1,?2)")?
            .insert(params![named, url])?;
        self.resource_id(&ResourceKey::whole(id, Kind::Main, url.to_owned()))?;
        Ok((id, named))
    }
}
