//! What playlists announce before it is there (`EXT-X-PRELOAD-HINT`, RFC 8216bis 4.4.5.3).

use std::collections::HashSet;

use rusqlite::params;
use url::Url;

use super::answer::IS_MET;
use crate::hls;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::facts::Body;
use crate::session::read::reader::Reader;

/// So many of the last revisions of a session are looked at: of a playlist that is not among them nothing is held.
const LAST_REVISIONS: i64 = 512;
/// Texts that are read, and bytes of one.
const MOST_TEXTS: usize = 64;
const LARGEST_TEXT: i64 = 1024 * 1024;
const SECOND_US: i64 = 1_000_000;
/// Parts of one text that may not have their rows yet, and how long that takes at most.
const MOST_LISTED: usize = 8;
const LISTED_US: i64 = 2 * SECOND_US;
/// Nobody waits longer, whatever the target duration.
const LONGEST_US: i64 = 60 * SECOND_US;

/// What is announced in a session that is being recorded, and has not been recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToCome {
    /// The resource.
    pub url: String,
    /// The first byte of it that is announced.
    pub first: u64,
    /// From when on it is announced, in microseconds of Unix time.
    pub from_us: i64,
    /// For so long it is waited for, in microseconds: three target durations.
    pub longest_us: i64,
    /// It is listed already, and its row is about to be written.
    pub is_listed: bool,
}

struct LastRevision {
    exchange: ExchangeId,
    playlist_id: i64,
    from_us: i64,
    target_us: Option<i64>,
    size: i64,
}

impl Reader {
    /// Whether a resource whose first answer comes later was announced at a moment (microseconds of Unix time) by the
    /// playlist that lists it then.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn is_hinted(&self, url: &str, at_us: i64) -> Result<bool, ReadError> {
        for resource in self.resources(url)? {
            let first = self.exchange_where(
                &format!(
                    "resource_id = ?1 AND from_us > ?2 AND {IS_MET} ORDER BY from_us, id LIMIT 1"
                ),
                params![resource.id, at_us],
            )?;
            let listing = match first {
                Some(first) => self.listing(first.id)?,
                None => None,
            };
            let Some(listing) = listing else {
                continue;
            };
            let Some(revision) = self.revision_at(listing.playlist_id, at_us)? else {
                continue;
            };
            let text = self.text_of(revision)?;
            let announced = text.map(|(text, base)| hls::announced(&text, &base));
            if announced
                .into_iter()
                .flatten()
                .any(|one| one.url.as_str() == resource.url)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the last revisions of the playlists announce and nothing was recorded of.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn to_come(&self) -> Result<Vec<ToCome>, ReadError> {
        let mut playlists = HashSet::new();
        let mut to_come = Vec::new();
        for last in self.last_revisions()? {
            if !playlists.insert(last.playlist_id) || last.size > LARGEST_TEXT {
                continue;
            }
            if playlists.len() > MOST_TEXTS {
                break;
            }
            let Some((text, base)) = self.text_of(last.exchange)? else {
                continue;
            };
            let target_us = last.target_us.unwrap_or(0).clamp(SECOND_US, LONGEST_US);
            let announced = hls::announced(&text, &base).into_iter();
            let announced = announced.map(|one| (one, (3 * target_us).min(LONGEST_US), false));
            let listed = last_parts(&text, &base).into_iter();
            let listed = listed.map(|one| (one, LISTED_US, true));
            for (one, longest_us, is_listed) in announced.chain(listed) {
                if !self.is_recorded(one.url.as_str(), one.first)? {
                    to_come.push(ToCome {
                        url: one.url.into(),
                        first: one.first,
                        from_us: last.from_us,
                        longest_us,
                        is_listed,
                    });
                }
            }
        }
        Ok(to_come)
    }

    /// Whether there is a resource with just that URL.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn is_known(&self, url: &str) -> Result<bool, ReadError> {
        for resource in self.resources_of(url)? {
            if self.has_come(resource.id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether there is a resource with just that URL that has no answer yet and is being waited for.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn is_awaited(&self, url: &str) -> Result<bool, ReadError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM pending WHERE resource_id = ?1)";
        for resource in self.resources_of(url)? {
            let pending: Option<bool> = self.value(sql, params![resource.id])?;
            if pending.unwrap_or(false) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a resource has an answer, or is being waited for: one that was asked for early has a row before.
    fn has_come(&self, id: i64) -> Result<bool, ReadError> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM exchange WHERE resource_id = ?1 AND {IS_MET})
                 OR EXISTS (SELECT 1 FROM pending WHERE resource_id = ?1)"
        );
        let come: Option<bool> = self.value(&sql, params![id])?;
        Ok(come.unwrap_or(false))
    }

    /// Those of playlists with parts, the newest first.
    fn last_revisions(&self) -> Result<Vec<LastRevision>, ReadError> {
        let sql = "SELECT v.exchange_id, v.playlist_id, e.from_us, v.target_duration_us, b.size
             FROM (SELECT * FROM revision ORDER BY exchange_id DESC LIMIT ?1) v
             JOIN exchange e ON e.id = v.exchange_id JOIN body b ON b.id = e.body_id
            WHERE v.part_target_us IS NOT NULL ORDER BY v.exchange_id DESC";
        self.list(sql, [LAST_REVISIONS], |row| {
            Ok(LastRevision {
                exchange: row.get(0)?,
                playlist_id: row.get(1)?,
                from_us: row.get(2)?,
                target_us: row.get(3)?,
                size: row.get(4)?,
            })
        })
    }

    /// The text of a revision, and what its references resolve against.
    fn text_of(&self, revision: ExchangeId) -> Result<Option<(Vec<u8>, String)>, ReadError> {
        let (text, base) = (self.body_of(revision)?, self.exchange_url(revision)?);
        Ok(match (text, base) {
            (Some(Body::Bytes(text)), Some(base)) => Some((text.to_vec(), base)),
            _ => None,
        })
    }

    /// Whether a resource with just that URL is known that has that byte of a URL.
    fn is_recorded(&self, url: &str, first: u64) -> Result<bool, ReadError> {
        let has = |range: Option<crate::session::model::ByteRange>| {
            range.is_none_or(|range| range.first <= first && first - range.first < range.length)
        };
        for resource in self.resources_of(url)? {
            if has(resource.range) && self.has_come(resource.id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The parts that a text lists last: the row of a revision is there a moment before those of what it lists.
fn last_parts(text: &[u8], base: &str) -> Vec<hls::Announced> {
    let Ok(base) = Url::parse(base) else {
        return Vec::new();
    };
    let entries = hls::read_media(text, &base, &hls::Variables::default()).entries;
    let parts = entries.into_iter().rev();
    let parts = parts.filter(|entry| entry.role == hls::EntryRole::Part);
    let last = parts.take(MOST_LISTED).map(|entry| hls::Announced {
        url: entry.url.as_ref().clone(),
        first: entry.range.map_or(0, |range| range.first),
    });
    last.collect()
}
