//! What a playlist listed over time: its revisions, where they lie, and their texts (`docs/design/dvr.md`).

use rusqlite::{OptionalExtension, Row, named_params};

use super::advances::corrected;
use super::advances::{ADVANCE, PLACE};
use crate::session::body::decode;
use crate::session::body::lines::is_segment;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::reader::Reader;

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

/// Columns of a revision as [`listed_revision_row`] reads them.
const LISTED: &str = concat!(
    "SELECT v.exchange_id, e.from_us, v.seen_us, r.url, v.media_sequence, v.last_sequence,
         nullif(v.target_duration_us, 0), v.discontinuity_sequence,
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
impl Reader {
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
        decode::decode_stored(data.clone(), Some(coding), *size)
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
