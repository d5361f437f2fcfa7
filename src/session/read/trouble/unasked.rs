//! Segments that were listed, and that nobody has asked for.

use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::reader::Reader;

/// Segments of a stream in the order in which they were listed first: when each was first asked for in time, and when the revision
/// came that it was asked for on account of.
const SEGMENTS: &str = "
    SELECT r.id, r.name, e.requested_us, ifnull(v.requested_us, e.requested_us),
           EXISTS (SELECT 1 FROM pending p WHERE p.resource_id = r.id)
      FROM resource r
      LEFT JOIN exchange e ON e.id = (SELECT min(a.id) FROM exchange a
                                         WHERE a.resource_id = r.id AND a.own_reason IS NOT 'too late')
      LEFT JOIN exchange v ON v.id = e.referrer_id
     WHERE r.stream_id = ?1 AND r.kind = 'segment' AND r.id > ?2 ORDER BY r.id LIMIT ?3";
/// The segment of a stream that was asked for last before an exchange, or with it.
const BEFORE: &str = "
    SELECT r.id FROM exchange e JOIN resource r ON r.id = e.resource_id
     WHERE e.id <= ?2 AND r.stream_id = ?1 AND r.kind = 'segment' ORDER BY e.id DESC LIMIT 1";
/// How often a resource was asked for when no playlist listed it any more, without a good answer.
const TOO_LATE: &str = "
    SELECT count(*) FROM exchange
     WHERE resource_id = ?1 AND own_reason = 'too late' AND (outcome <> 'complete' OR status >= 400)";
/// What was listed before that and not asked for by then has one of so many numbers.
const WAITING: i64 = 4096;
/// Segments that are read at once, and in all.
const AT_ONCE: i64 = 512;
const MOST: usize = 200_000;

struct Segment {
    id: i64,
    name: String,
    asked_us: Option<i64>,
    listed_us: Option<i64>,
    is_pending: bool,
}

impl Reader {
    /// How often something (row of `resource`) was asked for in vain when no playlist listed it any more: faults are none of these.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn later_tries(&self, resource_id: i64) -> Result<u64, ReadError> {
        let tries: Vec<i64> = self.list(TOO_LATE, [resource_id], |row| row.get(0))?;
        Ok(tries.first().map_or(0, |tries| tries.unsigned_abs()))
    }

    /// Names of segments of a stream that were listed and never asked for, or in vain when it was too late: between two moments (in
    /// microseconds of Unix time), as far as the segments tell that were listed before and behind each. `since`: an exchange that was
    /// requested at the first moment, or the last one before.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn segments_not_asked_for(
        &self,
        stream_id: i64,
        since: ExchangeId,
        (from_us, until_us): (i64, i64),
    ) -> Result<Vec<String>, ReadError> {
        let before: Vec<i64> = self.list(BEFORE, [stream_id, since], |row| row.get(0))?;
        let mut behind = before.first().map_or(0, |id| id.saturating_sub(WAITING));
        let (mut found, mut waiting, mut seen) = (Vec::new(), Vec::new(), 0);
        while seen < MOST {
            let segments = self.list(SEGMENTS, [stream_id, behind, AT_ONCE], |row| {
                Ok(Segment {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    asked_us: row.get(2)?,
                    listed_us: row.get(3)?,
                    is_pending: row.get(4)?,
                })
            })?;
            let Some(last) = segments.last() else { break };
            behind = last.id;
            seen += segments.len();
            for segment in segments {
                match segment.asked_us {
                    None if segment.is_pending => {}
                    None => waiting.push(segment.name),
                    // What stands before it was listed before it was asked for, and was passed over by then.
                    Some(asked_us) if asked_us < from_us => waiting.clear(),
                    Some(_) => found.append(&mut waiting),
                }
                if segment.listed_us.is_some_and(|us| us > until_us) {
                    return Ok(found);
                }
            }
        }
        found.append(&mut waiting);
        Ok(found)
    }
}
