//! Requests that wait for what comes next in a playlist: from when on it is there (`docs/design/low-latency.md`,
//! RFC 8216bis 6.2.5.2). A function of the session alone: nobody waits here.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::answer::{Answer, Found, IS_MET, Query};
use super::heal::Faults;
use crate::hls::{Awaited, MediaFacts, ServerControl};
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::facts::Exchange;
use crate::session::read::reader::Reader;

/// The Advance Part Limit is that many seconds of parts, and so many parts at least.
const ADVANCE: u64 = 3;
const SECOND_US: i64 = 1_000_000;
/// Nobody waits longer, whatever the target duration.
const LONGEST_US: i64 = 60 * SECOND_US;
/// A target duration, where none is known.
const TARGET_US: i64 = 6 * SECOND_US;

/// What the directives of a request ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directives {
    /// `_HLS_msn`.
    pub sequence: Option<u64>,
    /// `_HLS_part`.
    pub part: Option<u64>,
    /// It was asked for under a name of a replay: recorded redirects are followed inside.
    pub by_name: bool,
}

/// When a request with directives is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// At once: directives mean nothing there.
    Ignored,
    /// At once: what they ask for is there. The target duration of the playlist, in microseconds.
    There(i64),
    /// At once, with 400: nobody may ask for that.
    Refused(&'static str),
    /// With the answer of that moment, in microseconds of Unix time; and the target duration, in microseconds.
    Until(i64, i64),
    /// With the fault that a blocking request met at that moment, in microseconds of Unix time: of this exchange.
    Fault(i64, ExchangeId),
    /// With 503 at that moment, in microseconds of Unix time, where nothing comes before.
    Never(i64),
}

/// What the columns of a revision say.
struct Revised {
    facts: MediaFacts,
    at_us: i64,
    exchange: ExchangeId,
    is_fault: bool,
}

const COLUMNS: &str = "e.from_us AS at_us, v.media_sequence, v.last_sequence, e.last_parts, e.next_parts, e.can_block, v.ended,
    v.part_target_us, v.target_duration_us";
/// When somebody who asked met it: what had no answer for so long, at its end.
const MET_US: &str =
    "CASE WHEN e.wait_us IS NULL THEN e.from_us + ifnull(e.failed_us, 0) ELSE e.from_us END";
/// A revision is the answer from about when it was seen; the first one of a playlist from before.
pub(super) const NEAR_US: i64 = 10 * SECOND_US;
/// No request is held longer by a recorder.
const LONG_US: i64 = LONGEST_US + NEAR_US;

impl Reader {
    /// What answers for a URL by that exchange: a fault that a blocking request met. Other exchanges may be answers meanwhile.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn answer_by(&self, url: &str, exchange: ExchangeId) -> Result<Option<Answer>, ReadError> {
        let resource = self.resources(url)?.into_iter().next();
        let (Some(resource), Some(exchange)) = (resource, self.exchange(exchange)?) else {
            return Ok(None);
        };
        Ok(Some(Answer {
            resource,
            wait_us: None,
            confirmed_by: None,
            healed: false,
            until_us: Some(exchange.from_us),
            // It has been waited for.
            exchange: Exchange {
                failed_us: None,
                ..exchange
            },
        }))
    }

    /// When a request for a playlist that is made at `query.at_us` and has these directives is answered.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn blocked(&self, query: &Query<'_>, asked: Directives) -> Result<Blocked, ReadError> {
        let Found::Answer(answer) = self.answer_to(query)? else {
            return Ok(Blocked::Ignored);
        };
        // A fault is answered at once, and so is a redirect that a player follows itself.
        let redirects = matches!(answer.exchange.status, Some(300..=303 | 307 | 308));
        if !answer.exchange.is_good() && !redirects || redirects && !asked.by_name {
            return Ok(Blocked::Ignored);
        }
        let resource_id = answer.resource.id;
        let playlist_id = self.playlist_of(resource_id, query.at_us)?;
        let Some(now) = self.revised_at(playlist_id, query.at_us)? else {
            return Ok(Blocked::Ignored);
        };
        if !now.facts.control.can_block || now.facts.ended {
            return Ok(Blocked::Ignored);
        }
        let awaited = match (asked.sequence, asked.part) {
            (None, None) => return Ok(Blocked::Ignored),
            (None, Some(_)) => return Ok(Blocked::Refused("_HLS_part needs an _HLS_msn")),
            (Some(sequence), part) => Awaited { sequence, part },
        };
        if let Some(why) = too_far(&now.facts, awaited) {
            return Ok(Blocked::Refused(why));
        }
        let target = now.facts.target_duration;
        let target_us = target.map_or(TARGET_US, crate::clock::micros);
        if has(&now.facts, awaited) {
            return Ok(Blocked::There(target_us));
        }
        let longest_us = target_us.saturating_mul(3).min(LONGEST_US);
        let until_us = query.at_us.saturating_add(longest_us);
        let mut statement = self
            .db
            .prepare_cached(&format!(
                "SELECT * FROM (
                 SELECT {COLUMNS}, 0, e.id FROM revision v JOIN exchange e ON e.id = v.exchange_id
                  WHERE v.playlist_id = :playlist_id AND v.seen_us > :at_us - {NEAR_US}
                    AND v.seen_us <= :until_us + {NEAR_US} AND {IS_MET}
                 UNION ALL
                 SELECT {MET_US} AS at_us, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, e.id FROM exchange e
                  WHERE e.resource_id IN (:playlist_id, :resource_id) AND e.from_us > :at_us - {LONG_US}
                    AND e.from_us <= :until_us AND {IS_MET} AND (e.outcome <> 'complete' OR e.status >= 400))
                  WHERE at_us > :at_us AND at_us <= :until_us ORDER BY at_us, id"
            ))
            .map_err(|e| self.failed(e))?;
        let rows = statement.query_map(
            named_params! {
                ":playlist_id": playlist_id,
                ":resource_id": resource_id,
                ":at_us": query.at_us,
                ":until_us": until_us,
            },
            row,
        );
        for row in rows.map_err(|e| self.failed(e))? {
            let row = row.map_err(|e| self.failed(e))?;
            match (row.is_fault, query.faults) {
                (true, Faults::Recorded) => return Ok(Blocked::Fault(row.at_us, row.exchange)),
                (false, _) if has(&row.facts, awaited) || row.facts.ended => {
                    return Ok(Blocked::Until(row.at_us, target_us));
                }
                _ => {}
            }
        }
        Ok(Blocked::Never(until_us))
    }

    /// The playlist that was polled (row of `resource`), where its answers are those of this resource.
    pub(super) fn playlist_of(&self, resource_id: i64, at_us: i64) -> Result<i64, ReadError> {
        let polled: Option<i64> = self.value(
            "SELECT v.playlist_id FROM exchange e JOIN revision v ON v.exchange_id = e.id
              WHERE e.resource_id = ?1 AND e.from_us <= ?2 ORDER BY e.from_us DESC, e.id DESC LIMIT 1",
            params![resource_id, at_us],
        )?;
        Ok(polled.unwrap_or(resource_id))
    }

    /// The last revision of a playlist, whichever resource brought it.
    fn revised_at(&self, playlist_id: i64, at_us: i64) -> Result<Option<Revised>, ReadError> {
        self.db
            .prepare_cached(&format!(
                "SELECT {COLUMNS}, 0, e.id FROM revision v JOIN exchange e ON e.id = v.exchange_id
                  WHERE v.playlist_id = :playlist_id AND v.seen_us <= :at_us + {NEAR_US} AND e.from_us <= :at_us AND {IS_MET}
                  ORDER BY v.seen_us DESC, v.exchange_id DESC LIMIT 1"
            ))
            .and_then(|mut statement| {
                let values = named_params! {":playlist_id": playlist_id, ":at_us": at_us};
                statement.query_row(values, row).optional()
            })
            .map_err(|e| self.failed(e))
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<Revised> {
    let number = |n: Option<i64>| n.map(i64::cast_unsigned);
    // Sessions of earlier versions may have a 0, which is none.
    let duration = |us: Option<i64>| {
        let us = us.and_then(|us| u64::try_from(us).ok());
        us.filter(|us| *us > 0)
            .map(std::time::Duration::from_micros)
    };
    Ok(Revised {
        at_us: row.get(0)?,
        facts: MediaFacts {
            media_sequence: number(row.get(1)?).unwrap_or(0),
            last_sequence: number(row.get(2)?),
            last_parts: number(row.get(3)?).unwrap_or(0),
            next_parts: number(row.get(4)?).unwrap_or(0),
            control: ServerControl {
                can_block: row.get::<_, Option<bool>>(5)?.unwrap_or(false),
                ..ServerControl::default()
            },
            ended: row.get::<_, Option<bool>>(6)?.unwrap_or(false),
            part_target: duration(row.get(7)?),
            target_duration: duration(row.get(8)?),
            ..MediaFacts::default()
        },
        is_fault: row.get(9)?,
        exchange: row.get(10)?,
    })
}

/// Whether a revision has what is waited for; a part behind the last one of its segment is the first of the next.
fn has(facts: &MediaFacts, awaited: Awaited) -> bool {
    let is_behind = facts.last_sequence == Some(awaited.sequence)
        && facts.last_parts > 0
        && awaited.part.is_some_and(|part| part >= facts.last_parts);
    match is_behind {
        true => facts.next_parts > 0,
        false => awaited.is_in(facts),
    }
}

/// Why nobody may ask for that yet.
fn too_far(facts: &MediaFacts, awaited: Awaited) -> Option<&'static str> {
    let next = match facts.last_sequence {
        Some(last) => last.wrapping_add(1),
        None => facts.media_sequence,
    };
    let ahead = awaited.sequence.wrapping_sub(next).cast_signed();
    if ahead > 1 {
        return Some("_HLS_msn is more than two ahead of the last segment");
    }
    let part_us = facts
        .part_target
        .map_or(SECOND_US, crate::clock::micros)
        .max(1);
    let limit = match u64::try_from(SECOND_US / part_us) {
        Ok(0) | Err(_) => ADVANCE,
        Ok(_) => u64::try_from(3 * SECOND_US / part_us).unwrap_or(ADVANCE),
    };
    let last = match ahead {
        0 => facts.next_parts,
        1 => 0,
        _ => return None,
    };
    let is_too_far = awaited
        .part
        .is_some_and(|part| part >= last.saturating_add(limit));
    is_too_far.then_some("_HLS_part is too far ahead of the last part")
}
