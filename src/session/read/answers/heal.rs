//! The good answer in place of a fault, where the origin ever gave one
//! (`docs/design/timeline.md`, "Healed").
//!
//! What is good is decided by what the origin said, not by what it is good for: redirects
//! lead on, and what they lead to is healed by itself.

use rusqlite::{OptionalExtension, params};

use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, Outcome, is_success};
use crate::session::read::facts::{Exchange, ResourceInfo};
use crate::session::read::reader::Reader;

/// Whether faults are answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Faults {
    /// As the origin did.
    #[default]
    Recorded,
    /// A good answer instead, where there ever was one.
    Healed,
}

/// [`Exchange::is_good`], of a row of `exchange`.
pub(crate) const GOOD: &str = "outcome = 'complete' AND own_reason IS NULL
    AND (status IN (301, 302, 303, 307, 308) OR (status = 304 AND confirms_id IS NOT NULL)
         OR (status BETWEEN 200 AND 299 AND status NOT IN (202, 204, 205)))";

/// Listings of listings: a segment, its media playlist, the multivariant playlist, a redirect.
const DEEPEST: usize = 4;

impl Exchange {
    /// Whether it is what a player can use, or leads there.
    pub fn is_good(&self) -> bool {
        let is_answer = match self.status {
            Some(301 | 302 | 303 | 307 | 308) => true,
            Some(304) => self.confirms_id.is_some(),
            status => status.is_some_and(is_success),
        };
        is_answer && self.outcome == Outcome::Complete
    }
}

/// What decides about the exchanges of a resource.
struct First {
    from_us: i64,
    referrer_id: Option<ExchangeId>,
}

impl Reader {
    /// The good answer of a resource at a moment. `None`: it was not there yet, or it had
    /// none; then the rule's own answer holds.
    pub(crate) fn good_at(
        &self,
        resource: &ResourceInfo,
        plain: Option<&Exchange>,
        at_us: i64,
    ) -> Result<Option<Exchange>, ReadError> {
        if plain.is_none()
            && self
                .healed_from(resource.id)?
                .is_none_or(|from| from > at_us)
        {
            return Ok(None);
        }
        // Polled as well, each on account of the same revision.
        if resource.kind.is_playlist() || resource.kind == Kind::Steering {
            return match self.last_good(resource.id, at_us)? {
                Some(last) => Ok(Some(last)),
                None => self.first_good(resource.id),
            };
        }
        let referrer_id = match plain {
            Some(plain) => self.referrer(plain.id)?,
            None => self.first(resource.id)?.and_then(|first| first.referrer_id),
        };
        let mended = self.exchange_where(
            &format!(
                "resource_id = ?1 AND referrer_id IS ?2 AND {GOOD} ORDER BY from_us, id LIMIT 1"
            ),
            params![resource.id, referrer_id],
        )?;
        match (mended, resource.kind) {
            // Of another listing it may be another segment under the same name; a key or an
            // initialization section that was not given again is most likely the one before.
            (None, Kind::Init | Kind::Key | Kind::Data) => self.last_good(resource.id, at_us),
            (mended, _) => Ok(mended),
        }
    }

    /// From when on a resource has an answer where faults are healed: a playlist's first good
    /// answer takes the place of the faults before it, and what it lists is there with it.
    pub(crate) fn healed_from(&self, resource_id: i64) -> Result<Option<i64>, ReadError> {
        let mut resource_id = resource_id;
        let mut earliest: Option<i64> = None;
        for _ in 0..DEEPEST {
            let Some(first) = self.first(resource_id)? else {
                break;
            };
            earliest = earliest.into_iter().chain([first.from_us]).min();
            let Some(listing) = first.referrer_id else {
                break;
            };
            match self.playlist_that_began_with(listing)? {
                Some(playlist_id) => resource_id = playlist_id,
                None => break,
            }
        }
        Ok(earliest)
    }

    /// The resource whose first good answer an exchange is.
    fn playlist_that_began_with(&self, id: ExchangeId) -> Result<Option<i64>, ReadError> {
        let resource_id: Option<i64> = self
            .db
            .prepare_cached("SELECT resource_id FROM exchange WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))?;
        let Some(resource_id) = resource_id else {
            return Ok(None);
        };
        let first = self.first_good(resource_id)?;
        Ok(first.filter(|first| first.id == id).map(|_| resource_id))
    }

    fn first(&self, resource_id: i64) -> Result<Option<First>, ReadError> {
        self.db
            .prepare_cached(
                "SELECT from_us, referrer_id FROM exchange WHERE resource_id = ?1 ORDER BY from_us, id LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row([resource_id], |row| {
                    Ok(First {
                        from_us: row.get(0)?,
                        referrer_id: row.get(1)?,
                    })
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    fn referrer(&self, id: ExchangeId) -> Result<Option<ExchangeId>, ReadError> {
        self.db
            .prepare_cached("SELECT referrer_id FROM exchange WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], |row| row.get(0)))
            .map_err(|e| self.failed(e))
    }

    fn first_good(&self, resource_id: i64) -> Result<Option<Exchange>, ReadError> {
        self.exchange_where(
            &format!("resource_id = ?1 AND {GOOD} ORDER BY from_us, id LIMIT 1"),
            params![resource_id],
        )
    }

    fn last_good(&self, resource_id: i64, at_us: i64) -> Result<Option<Exchange>, ReadError> {
        self.exchange_where(
            &format!(
                "resource_id = ?1 AND from_us <= ?2 AND {GOOD} ORDER BY from_us DESC, id DESC LIMIT 1"
            ),
            params![resource_id, at_us],
        )
    }
}
