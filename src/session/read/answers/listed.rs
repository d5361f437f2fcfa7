//! Who listed what an exchange fetched, what else was listed then, and what was left out.

use std::collections::HashSet;

use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension, params};

use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::reader::Reader;

/// Playlists that were left out: of more nobody needs to know all.
const MOST_LEFT_OUT: i64 = 65_536;

/// The revision that listed a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The exchange that brought it.
    pub revision: ExchangeId,
    /// Row of `resource`: the playlist, as it was asked for.
    pub playlist_id: i64,
}

impl Reader {
    /// The revision on whose account an exchange was made; of a hop, the one of its chain.
    /// `None`: none was, or it is no playlist's.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn listing(&self, id: ExchangeId) -> Result<Option<Listing>, ReadError> {
        self.db
            .prepare_cached(
                "SELECT v.exchange_id, v.playlist_id
                   FROM exchange e LEFT JOIN exchange h ON h.id = e.head_id
                   JOIN revision v ON v.exchange_id = coalesce(e.referrer_id, h.referrer_id) WHERE e.id = ?1",
            )
            .and_then(|mut s| {
                s.query_row([id], |row| {
                    Ok(Listing {
                        revision: row.get(0)?,
                        playlist_id: row.get(1)?,
                    })
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// `PART-TARGET` of the revision that listed what an exchange fetched, in microseconds.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn part_target_us(&self, id: ExchangeId) -> Result<Option<i64>, ReadError> {
        let Some(listing) = self.listing(id)? else {
            return Ok(None);
        };
        let found: Option<Option<i64>> = self.value(
            "SELECT part_target_us FROM revision WHERE exchange_id = ?1",
            params![listing.revision],
        )?;
        Ok(found.flatten())
    }

    /// The URL that an exchange asked for.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn exchange_url(&self, id: ExchangeId) -> Result<Option<String>, ReadError> {
        self.value(
            "SELECT r.url FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE e.id = ?1",
            params![id],
        )
    }

    /// The resource with which the chain of an exchange began.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn head_resource(&self, id: ExchangeId) -> Result<Option<i64>, ReadError> {
        self.value(
            "SELECT coalesce(h.resource_id, e.resource_id)
               FROM exchange e LEFT JOIN exchange h ON h.id = e.head_id WHERE e.id = ?1",
            params![id],
        )
    }

    /// The URL of a resource.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn resource_url(&self, id: i64) -> Result<Option<String>, ReadError> {
        self.value("SELECT url FROM resource WHERE id = ?1", params![id])
    }

    /// The exchange with the revision of a playlist that holds at a moment (microseconds of
    /// Unix time); before the first one, that one.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revision_at(
        &self,
        playlist_id: i64,
        at_us: i64,
    ) -> Result<Option<ExchangeId>, ReadError> {
        let held = self.value(
            "SELECT exchange_id FROM revision WHERE playlist_id = ?1 AND seen_us <= ?2
              ORDER BY seen_us DESC, exchange_id DESC LIMIT 1",
            params![playlist_id, at_us],
        )?;
        match held {
            Some(held) => Ok(Some(held)),
            None => self.value(
                "SELECT exchange_id FROM revision WHERE playlist_id = ?1
                  ORDER BY seen_us, exchange_id LIMIT 1",
                params![playlist_id],
            ),
        }
    }

    /// The media sequence number of the first segment of that revision.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn first_sequence(&self, playlist_id: i64, at_us: i64) -> Result<Option<u64>, ReadError> {
        let Some(revision) = self.revision_at(playlist_id, at_us)? else {
            return Ok(None);
        };
        let first: Option<Option<i64>> = self.value(
            "SELECT media_sequence FROM revision WHERE exchange_id = ?1",
            params![revision],
        )?;
        Ok(first.flatten().and_then(|first| u64::try_from(first).ok()))
    }

    /// Whether a playlist was named and, by the user's wish, not recorded.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn is_left_out(&self, url: &str) -> Result<bool, ReadError> {
        let event: Option<i64> = self.value(
            "SELECT id FROM event WHERE kind = 'left out' AND detail = ?1 LIMIT 1",
            params![url],
        )?;
        Ok(event.is_some())
    }

    /// URLs of playlists that were named and, by the user's wish, not recorded, in one of the runs at least.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn left_out(&self) -> Result<HashSet<String>, ReadError> {
        let sql = "SELECT DISTINCT detail FROM event WHERE kind = 'left out' LIMIT ?1";
        let urls = self.list(sql, [MOST_LEFT_OUT], |row| row.get(0))?;
        Ok(urls.into_iter().collect())
    }

    /// Why the recorder could not store what came for a URL; `None`: it could, or nothing came.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn why_not_kept(&self, url: &str) -> Result<Option<String>, ReadError> {
        for resource in self.resources(url)? {
            let why = self.value(
                "SELECT ifnull(error, outcome) FROM exchange
                  WHERE resource_id = ?1 AND outcome = 'disk' ORDER BY from_us, id LIMIT 1",
                params![resource.id],
            )?;
            if why.is_some() {
                return Ok(why);
            }
        }
        Ok(None)
    }

    pub(super) fn value<T: FromSql>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<T>, ReadError> {
        self.db
            .prepare_cached(query)
            .and_then(|mut s| s.query_row(values, |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))
    }
}
