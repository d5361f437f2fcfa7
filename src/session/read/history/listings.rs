//! What a playlist listed over time, and what landed on account of each listing: for lists
//! of everything that was recorded (`docs/design/dvr.md`).

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::advances::corrected;
use super::advances::{ADVANCE, PLACE};
use crate::session::body::decode;
use crate::session::body::lines::is_segment;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Kind, is_success};
use crate::session::read::answers::heal::GOOD;
use crate::session::read::reader::{Reader, ResourceInfo};

/// A revision of a media playlist with a new end. Times in microseconds of Unix time.
#[derive(Debug, Clone)]
pub struct ListedRevision {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// From when on it is the answer.
    pub from_us: i64,
    /// When its response began.
    pub seen_us: i64,
    /// The URL that answered.
    pub url: String,
    /// Place of its first segment (`docs/design/windows.md`); of a session of format version 1 its media sequence number.
    pub place: u64,
    /// Place of its last segment; `None`: it lists none.
    pub last_place: Option<u64>,
    /// A place and this, wrapping around, is the media sequence number.
    pub number_offset: u64,
    /// Its sequence began again.
    pub restarted: bool,
    /// The target duration that it states, in microseconds.
    pub target_duration_us: Option<i64>,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: u64,
    /// Its text.
    pub text: KeptText,
}

/// Which places a revision of a media playlist lists (`docs/design/windows.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPlaces {
    /// The exchange that brought it.
    pub revision: ExchangeId,
    /// When its response began, in microseconds of Unix time.
    pub seen_us: i64,
    /// The first place.
    pub first: u64,
    /// The last place.
    pub last: u64,
}

/// The text of a playlist, as it is kept.
#[derive(Debug, Clone)]
pub enum KeptText {
    /// All of it.
    Whole(Vec<u8>),
    /// All of it, compressed: [`Reader::plain_text`].
    Coded(CodedText),
    /// Of a large one: the head, then lines that it shares with others, then the tail.
    Shared(SharedText),
}

/// A text in the content codings that it came in.
#[derive(Debug, Clone)]
pub struct CodedText {
    data: Vec<u8>,
    coding: String,
    /// What its row says of the text.
    size: i64,
    exchange_id: ExchangeId,
}

/// A text that shares lines with other revisions of the same playlist (`docs/design/session.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedText {
    /// What stands before the lines.
    pub head: String,
    /// Row of `resource`: whose lines.
    pub owner: i64,
    /// The number of the first line.
    pub first: i64,
    /// The number of the last line, which has the last URI.
    pub last: i64,
    /// What stands behind the lines.
    pub tail: String,
}

/// What a listing names.
#[derive(Debug, Clone, Copy)]
pub struct ListedUrl<'a> {
    /// Row of `stream`.
    pub stream_id: i64,
    /// The exchange of the revision that lists it.
    pub revision: ExchangeId,
    /// From when on that revision is the answer, in microseconds of Unix time.
    pub from_us: i64,
    /// Its absolute URL.
    pub url: &'a str,
    /// Which part of it.
    pub range: Option<ByteRange>,
    /// For so many microseconds tries count.
    pub patience_us: i64,
}

/// What is known of something that a revision listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landings {
    /// A request for it is to come, or has not been written.
    pub pending: bool,
    /// Requests on account of that revision, the first one first.
    pub own: Vec<Landing>,
    /// Without those: what was good when the revision came.
    pub before: Option<Landing>,
    /// Without that too: what another listing fetched soon after.
    pub other: Option<Landing>,
}

/// A request and its end. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// When it was requested.
    pub requested_us: i64,
    /// When its last byte came.
    pub complete_us: i64,
    /// What it brought, if that is good; redirects are followed.
    pub good: Option<LandedBody>,
}

/// A good body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedBody {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// SHA-256 of it.
    pub sha256: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
    /// Where in the resource it begins; `None`: where the range does.
    pub first: Option<u64>,
}

/// Whether something is pending. What a run that is over has left so is not.
const PENDING: &str = "SELECT 1 FROM pending p LEFT JOIN exchange e ON e.id = p.referrer_id
    WHERE p.resource_id = ?1
      AND (e.id IS NULL OR e.requested_us >= (SELECT max(started_us) FROM run))";
/// Columns of a request as [`request_row`] reads them.
/// A 304 is what it confirms.
const REQUEST: &str = "SELECT ifnull(e.confirms_id, e.id), e.requested_us, e.requested_us + ifnull(e.wait_us, 0) + ifnull(e.receive_us, 0),
    ifnull((SELECT c.status FROM exchange c WHERE c.id = e.confirms_id), e.status), e.outcome, e.body_first, b.sha256, b.size
    FROM exchange e LEFT JOIN body b ON b.id = ifnull((SELECT c.body_id FROM exchange c WHERE c.id = e.confirms_id), e.body_id)";
/// Columns of a revision as [`listed_revision_row`] reads them.
const LISTED: &str = concat!(
    "SELECT v.exchange_id, e.from_us, v.seen_us, r.url, v.media_sequence, v.last_sequence,
         v.target_duration_us, v.discontinuity_sequence,
         b.text, b.data, b.line_owner, b.first_line, b.last_line, b.tail,
         ",
    corrected!("p.place", "p.corrected_place"),
    ", ",
    corrected!("p.step", "p.corrected_step"),
    " = 'restarted', b.coding, b.size
    FROM revision v JOIN exchange e ON e.id = v.exchange_id
    LEFT JOIN placement p ON p.exchange_id = v.exchange_id
    JOIN resource r ON r.id = e.resource_id JOIN body b ON b.id = e.body_id"
);
/// Lines of a large playlist.
const SHARED: &str =
    "SELECT text FROM line WHERE resource_id = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number";
/// Ids of the hops of a redirect are no further apart.
const FARTHEST_HOP: i64 = 20_000;
/// What the recorder asked for at once may be the answer so much later than its listing, in microseconds.
const RAISED_US: i64 = 60_000_000;

/// A row of `exchange`.
struct Request {
    id: ExchangeId,
    redirects: bool,
    landing: Landing,
}

impl Reader {
    /// Does many small queries in one transaction, which is several times as fast. It must be
    /// over in milliseconds: the recorder's log grows meanwhile.
    ///
    /// # Errors
    /// Those of the job; the database is damaged.
    pub fn together<T>(&self, job: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        let transaction = self.db.transaction().map_err(|e| self.failed(e))?;
        let done = job();
        transaction.finish().map_err(|e| self.failed(e))?;
        done
    }

    /// Revisions of a media playlist with a new end, behind one (its `seen_us` and exchange),
    /// in order; `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn listed_revisions(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<ListedRevision>, ReadError> {
        self.list(
            &format!(
                "{LISTED} WHERE v.playlist_id = :playlist_id AND (v.seen_us, v.exchange_id) > (:seen_us, :exchange_id)
                    AND {ADVANCE} AND v.media_sequence IS NOT NULL
                  ORDER BY v.seen_us, v.exchange_id LIMIT :most"
            ),
            named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                ":most": most as i64,
            },
            listed_revision_row,
        )
    }

    /// A revision of a media playlist.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn listed_revision(&self, id: ExchangeId) -> Result<Option<ListedRevision>, ReadError> {
        let sql = format!("{LISTED} WHERE v.exchange_id = ?1 AND v.media_sequence IS NOT NULL");
        let found = self.list(&sql, [id], listed_revision_row)?;
        Ok(found.into_iter().next())
    }

    /// Which places the revisions of a media playlist list, in order: of those since a moment that list any between two
    /// places. In a session of format version 1 none is known.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn listed_places(
        &self,
        playlist_id: i64,
        since_us: i64,
        (first, last): (u64, u64),
    ) -> Result<Vec<ListedPlaces>, ReadError> {
        let place = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
        self.list(
            &format!(
                "SELECT v.exchange_id, v.seen_us, {PLACE}, v.segment_count
                   FROM revision v JOIN placement p ON p.exchange_id = v.exchange_id
                  WHERE v.playlist_id = :playlist_id AND v.seen_us >= :since_us
                    AND {PLACE} <= :last AND {PLACE} + v.segment_count > :first
                  ORDER BY v.seen_us, v.exchange_id"
            ),
            named_params! {
                ":playlist_id": playlist_id,
                ":since_us": since_us,
                ":first": place(first),
                ":last": place(last),
            },
            |row| {
                let number = |n: i64| u64::try_from(n).unwrap_or(0);
                let (first, count) = (number(row.get(2)?), number(row.get(3)?));
                Ok(ListedPlaces {
                    revision: row.get(0)?,
                    seen_us: row.get(1)?,
                    first,
                    last: first.saturating_add(count.saturating_sub(1)),
                })
            },
        )
    }

    /// Good requests for segments of a stream since an exchange, each with the revision that it was made for.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn segments_since(
        &self,
        stream_id: i64,
        since: ExchangeId,
    ) -> Result<Vec<(ExchangeId, ExchangeId)>, ReadError> {
        self.list(
            &format!(
                "SELECT e.id, e.referrer_id FROM exchange e JOIN resource r ON r.id = e.resource_id
                  WHERE e.id > ?2 AND e.referrer_id >= ?2 AND e.head_id IS NULL AND {GOOD}
                    AND r.kind = 'segment' AND r.stream_id = ?1"
            ),
            [stream_id, since],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// What a URL brought, where that was the same whenever it was good.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn only_good_body(&self, listed: &ListedUrl<'_>) -> Result<Option<LandedBody>, ReadError> {
        let Some(id) = self.resource_in(listed.stream_id, listed.url, listed.range)? else {
            return Ok(None);
        };
        let all = self.list(
            &format!(
                "{REQUEST} WHERE e.resource_id = ?1 AND e.head_id IS NULL AND {GOOD} AND e.confirms_id IS NULL
                  ORDER BY e.from_us, e.id LIMIT 1000"
            ),
            [id],
            request_row,
        )?;
        let mut only: Option<LandedBody> = None;
        for request in all {
            match (self.ended(request)?.good, &only) {
                (Some(good), Some(other)) if good.sha256 != other.sha256 => return Ok(None),
                (Some(good), None) => only = Some(good),
                _ => {}
            }
        }
        Ok(only)
    }

    /// A text that is kept compressed.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn plain_text(&self, coded: &CodedText) -> Result<Vec<u8>, ReadError> {
        let CodedText {
            data,
            coding,
            size,
            exchange_id,
        } = coded;
        decode::kept(data.clone(), Some(coding), *size)
            .map_err(|e| self.altered(&format!("the body of exchange {exchange_id}: {e}")))
    }

    /// Lines of a large playlist, in order.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn shared_lines(&self, owner: i64, first: i64, last: i64) -> Result<String, ReadError> {
        let lines: Vec<String> = self.list(SHARED, [owner, first, last], |row| row.get(0))?;
        Ok(lines.concat())
    }

    /// Of lines of a large playlist those at the beginning that are no segment's.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn shared_head(&self, owner: i64, first: i64, last: i64) -> Result<String, ReadError> {
        let query = || -> rusqlite::Result<String> {
            let mut statement = self.db.prepare_cached(SHARED)?;
            let mut rows = statement.query([owner, first, last])?;
            let mut head = String::new();
            while let Some(row) = rows.next()? {
                let text: String = row.get(0)?;
                if is_segment(&text) {
                    break;
                }
                head += &text;
            }
            Ok(head)
        };
        query().map_err(|e| self.failed(e))
    }

    /// The newest revision of a playlist, and whether that is a media playlist.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn newest_revision(
        &self,
        playlist_id: i64,
    ) -> Result<Option<(ExchangeId, bool)>, ReadError> {
        self.db
            .prepare_cached(
                "SELECT exchange_id, media_sequence IS NOT NULL FROM revision WHERE playlist_id = ?1
                  ORDER BY seen_us DESC, exchange_id DESC LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row([playlist_id], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(|e| self.failed(e))
    }

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
            crate::session::read::reader::resource_row,
        )?;
        Ok(found.into_iter().next())
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
            crate::session::read::reader::resource_row,
        )?;
        Ok(found.into_iter().next())
    }

    /// The last good body of a resource that is no playlist.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn last_good_body(&self, resource: &ResourceInfo) -> Result<Option<LandedBody>, ReadError> {
        if matches!(resource.kind, Kind::Main | Kind::Media) {
            return Ok(None);
        }
        let last = self.request(
            &format!("e.resource_id = ?1 AND e.head_id IS NULL AND {GOOD} ORDER BY e.from_us DESC, e.id DESC LIMIT 1"),
            params![resource.id],
        )?;
        Ok(last.and_then(|landing| landing.good))
    }

    /// What is known of something that a revision lists.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn landings(&self, listed: &ListedUrl<'_>) -> Result<Landings, ReadError> {
        let Some(id) = self.resource_in(listed.stream_id, listed.url, listed.range)? else {
            return Ok(Landings::default());
        };
        let mut found = Landings {
            own: self.own_landings(id, listed)?,
            ..Landings::default()
        };
        if found.own.is_empty() {
            found.pending = self
                .db
                .prepare_cached(PENDING)
                .and_then(|mut s| s.exists([id]))
                .map_err(|e| self.failed(e))?;
            // It may have landed between the two.
            found.own = self.own_landings(id, listed)?;
        }
        if found.own.is_empty() {
            found.before = self.request(
                &format!(
                    "e.resource_id = ?1 AND e.head_id IS NULL AND e.from_us <= ?2 AND {GOOD}
                      ORDER BY e.from_us DESC, e.id DESC LIMIT 1"
                ),
                params![id, listed.from_us],
            )?;
        }
        if found.own.is_empty() && found.before.is_none() {
            let until_us = listed.from_us.saturating_add(listed.patience_us);
            found.other = self.request(
                &format!(
                    "e.resource_id = ?1 AND e.head_id IS NULL AND e.from_us > ?2 AND e.from_us <= ?3 AND {GOOD}
                      ORDER BY e.from_us, e.id LIMIT 1"
                ),
                params![id, listed.from_us, until_us],
            )?;
        }
        Ok(found)
    }

    /// The first request on account of the revision, and later ones while that was not good.
    fn own_landings(
        &self,
        resource_id: i64,
        listed: &ListedUrl<'_>,
    ) -> Result<Vec<Landing>, ReadError> {
        const OWN: &str =
            "e.resource_id = :resource_id AND e.head_id IS NULL AND e.referrer_id = :revision
            AND e.own_reason IS NULL AND e.outcome <> 'crossed'
            AND e.from_us >= :begins_us AND e.from_us <= :ends_us ORDER BY e.from_us, e.id";
        let begins_us = listed.from_us;
        let ends_us = listed.from_us.saturating_add(RAISED_US);
        let values = named_params! {
            ":resource_id": resource_id,
            ":revision": listed.revision,
            ":begins_us": begins_us,
            ":ends_us": ends_us,
        };
        let Some(first) = self.request(&format!("{OWN} LIMIT 1"), values)? else {
            return Ok(Vec::new());
        };
        if first.good.is_some() {
            return Ok(vec![first]);
        }
        let ends_us = first.requested_us.saturating_add(listed.patience_us);
        let values = named_params! {
            ":resource_id": resource_id,
            ":revision": listed.revision,
            ":begins_us": begins_us,
            ":ends_us": ends_us,
        };
        let requests = self.list(&format!("{REQUEST} WHERE {OWN}"), values, request_row)?;
        requests
            .into_iter()
            .map(|request| self.ended(request))
            .collect()
    }

    fn request(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<Landing>, ReadError> {
        let found = self.list(&format!("{REQUEST} WHERE {condition}"), values, request_row)?;
        let first = found.into_iter().next();
        first.map(|request| self.ended(request)).transpose()
    }

    /// A request with the end of its chain of redirects.
    fn ended(&self, request: Request) -> Result<Landing, ReadError> {
        if !request.redirects {
            return Ok(request.landing);
        }
        let end = self.list(
            &format!(
                "{REQUEST} WHERE e.id > ?1 AND e.id < ?1 + ?2 AND e.head_id = ?1
                   AND e.status NOT IN (301, 302, 303, 307, 308) ORDER BY e.id LIMIT 1"
            ),
            params![request.id, FARTHEST_HOP],
            request_row,
        )?;
        Ok(match end.into_iter().next() {
            Some(end) => Landing {
                requested_us: request.landing.requested_us,
                ..end.landing
            },
            None => Landing {
                good: None,
                ..request.landing
            },
        })
    }
}

fn listed_revision_row(row: &Row<'_>) -> rusqlite::Result<ListedRevision> {
    let number = |at: usize| -> rusqlite::Result<Option<u64>> {
        let number: Option<i64> = row.get(at)?;
        Ok(number.and_then(|n| u64::try_from(n).ok()))
    };
    // In two's complement.
    let sequence = |at: usize| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(at)?.map(i64::cast_unsigned))
    };
    let (first, last) = (sequence(4)?.unwrap_or(0), sequence(5)?);
    let place = number(14)?.unwrap_or(first);
    let offset = first.wrapping_sub(place);
    let text: Option<String> = row.get(8)?;
    let text = match row.get::<_, Option<i64>>(10)? {
        Some(owner) => KeptText::Shared(SharedText {
            head: text.unwrap_or_default(),
            owner,
            first: row.get(11)?,
            last: row.get(12)?,
            tail: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
        }),
        None => {
            let data = match text {
                Some(text) => text.into_bytes(),
                None => row.get::<_, Option<Vec<u8>>>(9)?.unwrap_or_default(),
            };
            match row.get::<_, Option<String>>(16)? {
                None => KeptText::Whole(data),
                Some(coding) => KeptText::Coded(CodedText {
                    data,
                    coding,
                    size: row.get(17)?,
                    exchange_id: row.get(0)?,
                }),
            }
        }
    };
    Ok(ListedRevision {
        exchange_id: row.get(0)?,
        from_us: row.get(1)?,
        seen_us: row.get(2)?,
        url: row.get(3)?,
        place,
        last_place: last.map(|last| last.wrapping_sub(offset)),
        number_offset: offset,
        restarted: row.get::<_, Option<bool>>(15)?.unwrap_or(false),
        target_duration_us: row.get(6)?,
        discontinuity_sequence: number(7)?.unwrap_or(0),
        text,
    })
}

fn request_row(row: &Row<'_>) -> rusqlite::Result<Request> {
    let id = row.get(0)?;
    let status: Option<u16> = row.get(3)?;
    let is_complete = row.get::<_, String>(4)? == "complete";
    let sha256: Option<Vec<u8>> = row.get(6)?;
    let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let size = bytes(row.get(7)?);
    let first = match status {
        Some(206) => row
            .get::<_, Option<i64>>(5)?
            .map(|first| bytes(Some(first))),
        _ => Some(0),
    };
    let good = match (status, sha256) {
        (Some(status), Some(sha256)) if is_complete && is_success(status) => Some(LandedBody {
            exchange_id: id,
            sha256,
            size,
            first,
        }),
        _ => None,
    };
    Ok(Request {
        id,
        redirects: is_complete && matches!(status, Some(301 | 302 | 303 | 307 | 308)),
        landing: Landing {
            requested_us: row.get(1)?,
            complete_us: row.get(2)?,
            good,
        },
    })
}
