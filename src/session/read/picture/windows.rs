//! Revisions of a playlist in a span of time: which places each lists, and where one is among the others.

use rusqlite::{Row, named_params};

use crate::hls::Step;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::history::advances::{ADVANCE, PLACE, corrected};
use crate::session::read::reader::Reader;

/// A revision as a row of a table. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its response began.
    pub seen_us: i64,
    /// When the last poll that still brought the one before was requested; `None`: that is not known.
    pub not_before_us: Option<i64>,
    /// Its end is new.
    pub is_advance: bool,
    /// Media sequence number of its first segment; `None`: it is a multivariant playlist.
    pub first: Option<u64>,
    /// Of its last segment; `None`: it lists none.
    pub last: Option<u64>,
    /// Place of its first segment (`docs/design/windows.md`); its media sequence number, where nobody said.
    pub place: Option<u64>,
    /// How many segments it lists.
    pub count: u64,
    /// How its window lies on those before it; `None`: nobody said.
    pub step: Option<Step>,
    /// It says that it has ended.
    pub ended: bool,
    /// The target duration that it states, in microseconds.
    pub target_us: Option<i64>,
    /// The part target that it states, in microseconds.
    pub part_target_us: Option<i64>,
}

/// Which revisions of a playlist are meant.
#[derive(Debug, Clone, Copy)]
pub struct RevisionSpan {
    /// Row of `resource`.
    pub playlist_id: i64,
    /// Behind this one: its `seen_us` and its exchange.
    pub behind: (i64, ExchangeId),
    /// Seen by then, in microseconds of Unix time.
    pub until_us: i64,
    /// Only those whose end is new.
    pub advances: bool,
}

const REVISION: &str = concat!(
    "SELECT v.exchange_id, v.seen_us, v.not_before_us, ADVANCE, v.media_sequence, v.last_sequence, PLACE, v.segment_count, ",
    corrected!("p.step", "p.corrected_step"),
    ", v.ended, v.target_duration_us, v.part_target_us
       FROM revision v LEFT JOIN placement p ON p.exchange_id = v.exchange_id WHERE v.playlist_id = :playlist_id AND "
);

impl Reader {
    /// Revisions of a playlist in a span, in order; `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revision_rows(
        &self,
        span: &RevisionSpan,
        most: usize,
    ) -> Result<Vec<RevisionRow>, ReadError> {
        let only = if span.advances { ADVANCE } else { "1" };
        let sql = format!(
            "{}(v.seen_us, v.exchange_id) > (:seen_us, :exchange_id) AND v.seen_us <= :until_us AND {only}
              ORDER BY v.seen_us, v.exchange_id LIMIT :most",
            revision_sql()
        );
        self.sound(
            &sql,
            named_params! {
                ":playlist_id": span.playlist_id,
                ":seen_us": span.behind.0,
                ":exchange_id": span.behind.1,
                ":until_us": span.until_us,
                ":most": most as i64,
            },
            revision_row,
        )
    }

    /// The last revision of a playlist that was seen before a moment (microseconds of Unix time), or just then.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revision_before(
        &self,
        playlist_id: i64,
        at_us: i64,
        advances: bool,
    ) -> Result<Option<RevisionRow>, ReadError> {
        self.beside(playlist_id, at_us, ("<=", "DESC"), advances)
    }

    /// The first revision of a playlist that was seen after a moment (microseconds of Unix time).
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revision_after(
        &self,
        playlist_id: i64,
        at_us: i64,
        advances: bool,
    ) -> Result<Option<RevisionRow>, ReadError> {
        self.beside(playlist_id, at_us, (">", "ASC"), advances)
    }

    fn beside(
        &self,
        playlist_id: i64,
        at_us: i64,
        (side, order): (&str, &str),
        advances: bool,
    ) -> Result<Option<RevisionRow>, ReadError> {
        let only = if advances { ADVANCE } else { "1" };
        let sql = format!(
            "{}v.seen_us {side} :at_us AND {only} ORDER BY v.seen_us {order}, v.exchange_id {order} LIMIT 1",
            revision_sql()
        );
        let params = named_params! { ":playlist_id": playlist_id, ":at_us": at_us };
        Ok(self.sound(&sql, params, revision_row)?.pop())
    }

    /// The playlist that an exchange brought a revision of (row of `resource`), when that was seen, and the revisions beside it.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revision_place(&self, id: ExchangeId) -> Result<Option<RevisionPlace>, ReadError> {
        let sql = "SELECT v.playlist_id, v.seen_us,
              (SELECT b.exchange_id FROM revision b WHERE b.playlist_id = v.playlist_id
                  AND (b.seen_us, b.exchange_id) < (v.seen_us, v.exchange_id) ORDER BY b.seen_us DESC, b.exchange_id DESC LIMIT 1),
              (SELECT a.exchange_id FROM revision a WHERE a.playlist_id = v.playlist_id
                  AND (a.seen_us, a.exchange_id) > (v.seen_us, v.exchange_id) ORDER BY a.seen_us, a.exchange_id LIMIT 1)
             FROM revision v WHERE v.exchange_id = ?1";
        let found = self.sound(sql, [id], |row| {
            Ok(RevisionPlace {
                playlist_id: row.get(0)?,
                seen_us: row.get(1)?,
                before: row.get(2)?,
                after: row.get(3)?,
            })
        })?;
        Ok(found.into_iter().next())
    }
}

/// Where a revision is among those of its playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevisionPlace {
    /// Row of `resource`.
    pub playlist_id: i64,
    /// When it was seen, in microseconds of Unix time.
    pub seen_us: i64,
    /// The revision before it.
    pub before: Option<ExchangeId>,
    /// The revision behind it.
    pub after: Option<ExchangeId>,
}

fn revision_sql() -> String {
    REVISION
        .replacen("ADVANCE", ADVANCE, 1)
        .replacen("PLACE", PLACE, 1)
}

fn revision_row(row: &Row<'_>) -> rusqlite::Result<RevisionRow> {
    // Numbers are in two's complement.
    let number = |at: usize| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(at)?.map(i64::cast_unsigned))
    };
    let first = number(4)?;
    let step: Option<String> = row.get(8)?;
    Ok(RevisionRow {
        exchange_id: row.get(0)?,
        seen_us: row.get(1)?,
        not_before_us: row.get(2)?,
        is_advance: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
        first,
        last: number(5)?,
        place: number(6)?.or(first),
        count: number(7)?.unwrap_or(0),
        step: step.as_deref().and_then(Step::parse),
        ended: row.get::<_, Option<bool>>(9)?.unwrap_or(false),
        target_us: row.get(10)?,
        part_target_us: row.get(11)?,
    })
}
