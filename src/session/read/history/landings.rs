//! What was fetched on account of a listing, and what it brought (`docs/design/dvr.md`).

use rusqlite::{Row, named_params, params};

use crate::session::digest::digest;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Kind, is_success};
use crate::session::read::answers::heal::GOOD;
use crate::session::read::bodies::KeptFile;
use crate::session::read::facts::ResourceInfo;
use crate::session::read::reader::Reader;

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
    /// What it brought, if that is good and is not lost since; redirects are followed.
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
    ifnull((SELECT c.status FROM exchange c WHERE c.id = e.confirms_id), e.status), e.outcome, e.body_first, b.sha256, b.size,
    CASE WHEN b.coding IS NULL AND b.size <= 1024 THEN b.data END, ifnull(b.path, c.path), b.chunk_first, b.size
    FROM exchange e LEFT JOIN body b ON b.id = ifnull((SELECT c.body_id FROM exchange c WHERE c.id = e.confirms_id), e.body_id)
    LEFT JOIN body c ON c.id = b.chunk_id";
/// Ids of the hops of a redirect are no further apart.
const FARTHEST_HOP: i64 = 20_000;
/// What the recorder asked for at once may be the answer so much later than its listing, in microseconds.
const RAISED_US: i64 = 60_000_000;

/// A row of `exchange`.
struct Request {
    id: ExchangeId,
    redirects: bool,
    landing: Landing,
    /// The file of its body.
    file: Option<KeptFile>,
}

impl Reader {
    /// Good requests for segments of a stream since an exchange, each with the revision that it was made for.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn segments_since(
        &self,
        stream_id: i64,
        since: ExchangeId,
    ) -> Result<Vec<(ExchangeId, ExchangeId)>, ReadError> {
        self.sound(
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
        let all = self.sound(
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
        let requests = self.sound(&format!("{REQUEST} WHERE {OWN}"), values, request_row)?;
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
        let found = self.sound(&format!("{REQUEST} WHERE {condition}"), values, request_row)?;
        let first = found.into_iter().next();
        first.map(|request| self.ended(request)).transpose()
    }

    /// What a request brought, without a file that is lost.
    fn landing(&self, request: Request) -> Landing {
        let mut landing = request.landing;
        if landing.good.is_some()
            && let Some(file) = request.file
            && self.is_file_lost(&file)
        {
            landing.good = None;
        }
        landing
    }

    /// A request with the end of its chain of redirects.
    fn ended(&self, request: Request) -> Result<Landing, ReadError> {
        if !request.redirects {
            return Ok(self.landing(request));
        }
        let end = self.sound(
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
                ..self.landing(end)
            },
            None => Landing {
                good: None,
                ..request.landing
            },
        })
    }
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
    // A key, as it stands in the database.
    let data: Option<Vec<u8>> = row.get(8)?;
    let is_what_came = match (&data, &sha256) {
        (Some(data), Some(sha256)) => digest(data).as_slice() == sha256.as_slice(),
        _ => true,
    };
    let good = match (status, sha256) {
        (Some(status), Some(sha256)) if is_complete && is_success(status) && is_what_came => {
            Some(LandedBody {
                exchange_id: id,
                sha256,
                size,
                first,
            })
        }
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
        file: KeptFile::of_columns(row, 9)?,
    })
}
