//! Media playlists, and when each advanced.

use rusqlite::{Row, named_params};

use super::advances::{ADVANCE, corrected};
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::facts::{Advance, PlaylistInfo};
use crate::session::read::reader::{Reader, short};

/// Whether its sequence began again.
const RESTARTED: &str = concat!(
    "ifnull(",
    corrected!("p.step", "p.corrected_step"),
    " = 'restarted', 0)"
);

/// When a revision of a playlist came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevisionTime {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its response began, in microseconds of Unix time.
    pub seen_us: i64,
    /// It is one of a media playlist, and its end is new.
    pub is_advance: bool,
    /// It is one of a media playlist, and has EXT-X-ENDLIST.
    pub ended: bool,
}

impl Reader {
    /// Media playlists that have revisions, in the order in which they were found.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn media_playlists(&self) -> Result<Vec<PlaylistInfo>, ReadError> {
        // `media_sequence` is NULL for multivariant ones; what the user typed may be either.
        self.sound(
            // From one to the next in the index: a session has few playlists and many revisions.
            concat!(
                "WITH RECURSIVE p(id) AS (
               SELECT min(playlist_id) FROM revision
               UNION ALL SELECT (SELECT min(playlist_id) FROM revision WHERE playlist_id > p.id)
                 FROM p WHERE p.id IS NOT NULL)
             SELECT r.id, ",
                short!("r.name"),
                ", ",
                short!("r.url"),
                ", s.name FROM p JOIN resource r ON r.id = p.id
               JOIN stream s ON s.id = r.stream_id
              WHERE EXISTS (SELECT 1 FROM revision WHERE playlist_id = p.id AND media_sequence IS NOT NULL)
              ORDER BY r.id"
            ),
            [],
            |row| {
                Ok(PlaylistInfo {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    url: row.get(2)?,
                    stream: row.get(3)?,
                })
            },
        )
    }

    /// Media playlists (rows of `resource`) that ever stated a part target.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn playlists_with_parts(&self) -> Result<Vec<i64>, ReadError> {
        self.sound(
            "SELECT DISTINCT playlist_id FROM revision WHERE part_target_us IS NOT NULL",
            [],
            |row| row.get(0),
        )
    }

    /// The first and the last media sequence number of a session; `None`: there is none, or they are in no order.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn sequences(&self) -> Result<Option<(u64, u64)>, ReadError> {
        let found: Vec<(Option<i64>, Option<i64>)> = self.sound(
            "SELECT min(media_sequence), max(last_sequence) FROM revision WHERE media_sequence IS NOT NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let found = found
            .first()
            .map(|(first, last)| (number(*first), number(*last)));
        Ok(found.and_then(|(first, last)| first.zip(last)))
    }

    /// Advances of a media playlist behind one (its `seen_us` and exchange), in order; `most` of
    /// them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn advances(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<Advance>, ReadError> {
        let sql = format!(
            "SELECT v.exchange_id, v.seen_us, nullif(v.target_duration_us, 0), v.media_sequence, v.segment_count, v.part_target_us,
                    (v.ended IS 1) + 2 * {RESTARTED} + 4 * ifnull({ADVANCE}, 0) + 8 * (v.ended IS 1 AND NOT v.advance)
               FROM revision v LEFT JOIN placement p ON p.exchange_id = v.exchange_id
              WHERE v.playlist_id = :playlist_id AND (v.seen_us, v.exchange_id) > (:seen_us, :exchange_id)
              ORDER BY v.seen_us, v.exchange_id LIMIT :most"
        );
        let mut found: Vec<Advance> = Vec::new();
        let (mut behind, mut is_next) = (behind, false);
        loop {
            let params = named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                // No more than are missing, and one behind them: most revisions are advances.
                ":most": most.saturating_sub(found.len()).saturating_add(1) as i64,
            };
            let rows = self.sound(&sql, params, |row| {
                Ok((advance_row(row)?, row.get::<_, i64>(6)?))
            })?;
            let Some((last, _)) = rows.last() else {
                return Ok(found);
            };
            behind = (last.seen_us, last.exchange_id);
            for (revision, bits) in rows {
                let (is_advance, is_end_alone) = (bits & IS_ADVANCE != 0, bits & IS_END_ALONE != 0);
                // An end may come without anything new before it.
                if let Some(advance) = found.last_mut().filter(|_| is_next) {
                    advance.ended |= is_end_alone;
                }
                if found.len() >= most {
                    return Ok(found);
                }
                is_next = is_advance;
                found.extend(is_advance.then_some(revision));
            }
        }
    }

    /// When revisions of a playlist came, behind one (its `seen_us` and exchange), in order; `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revision_times(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<RevisionTime>, ReadError> {
        self.sound(
            "SELECT exchange_id, seen_us, advance AND media_sequence IS NOT NULL, ifnull(ended, 0) AND media_sequence IS NOT NULL FROM revision
              WHERE playlist_id = :playlist_id AND (seen_us, exchange_id) > (:seen_us, :exchange_id)
              ORDER BY seen_us, exchange_id LIMIT :most",
            named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                ":most": most as i64,
            },
            |row| {
                Ok(RevisionTime {
                    exchange_id: row.get(0)?,
                    seen_us: row.get(1)?,
                    is_advance: row.get(2)?,
                    ended: row.get(3)?,
                })
            },
        )
    }

    /// Revisions of a media playlist behind one (its `seen_us` and exchange), whether they advanced or not, with the parts
    /// that they list, in order; `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revisions_with_parts(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<Advance>, ReadError> {
        self.sound(
            &format!(
                "SELECT v.exchange_id, v.seen_us, nullif(v.target_duration_us, 0), v.media_sequence, v.segment_count, v.part_target_us,
                    (v.ended IS 1) + 2 * {RESTARTED}, e.last_parts, e.next_parts
               FROM revision v JOIN exchange e ON e.id = v.exchange_id
               LEFT JOIN placement p ON p.exchange_id = v.exchange_id
              WHERE v.playlist_id = :playlist_id AND (v.seen_us, v.exchange_id) > (:seen_us, :exchange_id)
                AND v.media_sequence IS NOT NULL
              ORDER BY v.seen_us, v.exchange_id LIMIT :most"
            ),
            named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                ":most": most as i64,
            },
            |row| {
                Ok(Advance {
                    last_parts: count(row, 7)?,
                    next_parts: count(row, 8)?,
                    ..advance_row(row)?
                })
            },
        )
    }

    /// The last advance of a media playlist before a moment (microseconds of Unix time), as its time and exchange.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn advance_before(
        &self,
        playlist_id: i64,
        before_us: i64,
    ) -> Result<Option<(i64, ExchangeId)>, ReadError> {
        let found = self.sound(
            &format!(
                "SELECT v.seen_us, v.exchange_id FROM revision v LEFT JOIN placement p ON p.exchange_id = v.exchange_id
                  WHERE v.playlist_id = ?1 AND v.seen_us <= ?2 AND {ADVANCE}
                  ORDER BY v.seen_us DESC, v.exchange_id DESC LIMIT 1"
            ),
            [playlist_id, before_us],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.first().copied())
    }

    /// Until when a playlist was known not to have this revision yet, in microseconds of Unix time; `None`: it
    /// is the first of a run.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn not_before_us(&self, revision: ExchangeId) -> Result<Option<i64>, ReadError> {
        let sql = "SELECT not_before_us FROM revision WHERE exchange_id = ?1";
        Ok(self
            .sound(sql, [revision], |row| row.get(0))?
            .pop()
            .flatten())
    }
}

/// Column 6: what of a revision is yes or no, as bits. A million rows have each column looked at a million times.
const IS_ENDED: i64 = 1;
const IS_RESTARTED: i64 = 1 << 1;
const IS_ADVANCE: i64 = 1 << 2;
const IS_END_ALONE: i64 = 1 << 3;

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let count: Option<i64> = row.get(column)?;
    Ok(count.and_then(|count| u64::try_from(count).ok()))
}

fn advance_row(row: &Row<'_>) -> rusqlite::Result<Advance> {
    // In two's complement.
    let first_number = row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned);
    let bits: i64 = row.get(6)?;
    Ok(Advance {
        exchange_id: row.get(0)?,
        seen_us: row.get(1)?,
        target_duration_us: row.get(2)?,
        ended: bits & IS_ENDED != 0,
        first_number,
        next_number: first_number
            .zip(count(row, 4)?)
            .and_then(|(first, count)| first.checked_add(count)),
        restarted: bits & IS_RESTARTED != 0,
        part_target_us: row.get(5)?,
        last_parts: None,
        next_parts: None,
    })
}
