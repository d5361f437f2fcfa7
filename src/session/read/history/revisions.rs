//! All revisions of playlists with what a judge must know of each: texts are read when their turn comes.

use rusqlite::{Row, named_params};

use super::advances::corrected;
use super::playlists::RevisionTime;
use crate::hls::Step;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::reader::{Reader, short};

/// A playlist that has revisions, of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisedPlaylist {
    /// Row of `resource`.
    pub id: i64,
    /// Row of `stream`.
    pub stream_id: i64,
    /// Name of its stream.
    pub stream: String,
    /// URL path without the leading slash.
    pub name: String,
    /// Its absolute URL.
    pub url: String,
    /// It is what the user typed.
    pub is_main: bool,
}

/// A revision of a playlist of either kind. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRevision {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its response began.
    pub seen_us: i64,
    /// From when on it is the answer.
    pub from_us: i64,
    /// When the last poll that still brought the one before was requested; `None`: that is not known.
    pub not_before_us: Option<i64>,
    /// The URL that answered.
    pub url: String,
    /// Row of `body`: the same text has the same one.
    pub body_id: i64,
    /// It is one of a media playlist.
    pub is_media: bool,
    /// Its end is new.
    pub is_advance: bool,
    /// How its window lies on those before it (`docs/design/windows.md`); `None`: nobody said.
    pub step: Option<Step>,
}

impl SeenRevision {
    /// When it came.
    pub fn time(&self) -> RevisionTime {
        RevisionTime {
            exchange_id: self.exchange_id,
            seen_us: self.seen_us,
            is_advance: self.is_advance && self.is_media,
        }
    }
}

/// Columns of a revision as [`revision_row`] reads them.
const REVISIONS: &str = concat!(
    "SELECT v.exchange_id, v.seen_us, v.not_before_us, ",
    short!("r.url"),
    ", e.body_id, v.media_sequence IS NOT NULL, v.advance, e.from_us, ",
    corrected!("p.step", "p.corrected_step"),
    " FROM revision v JOIN exchange e ON e.id = v.exchange_id JOIN resource r ON r.id = e.resource_id
      LEFT JOIN placement p ON p.exchange_id = v.exchange_id
     WHERE v.playlist_id = :playlist_id AND (v.seen_us, v.exchange_id) > (:seen_us, :exchange_id)
       AND e.body_id IS NOT NULL
     ORDER BY v.seen_us, v.exchange_id LIMIT :most"
);

impl Reader {
    /// Playlists of either kind that have revisions, in the order in which they were found.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revised_playlists(&self) -> Result<Vec<RevisedPlaylist>, ReadError> {
        self.sound(
            // From one to the next in the index: a session has few playlists and many revisions.
            concat!(
                "WITH RECURSIVE p(id) AS (
               SELECT min(playlist_id) FROM revision
               UNION ALL SELECT (SELECT min(playlist_id) FROM revision WHERE playlist_id > p.id)
                 FROM p WHERE p.id IS NOT NULL)
             SELECT r.id, s.id, s.name, ",
                short!("r.name"),
                ", ",
                short!("r.url"),
                ", r.kind = 'main' FROM p JOIN resource r ON r.id = p.id
               JOIN stream s ON s.id = r.stream_id ORDER BY r.id"
            ),
            [],
            |row| {
                Ok(RevisedPlaylist {
                    id: row.get(0)?,
                    stream_id: row.get(1)?,
                    stream: row.get(2)?,
                    name: row.get(3)?,
                    url: row.get(4)?,
                    is_main: row.get(5)?,
                })
            },
        )
    }

    /// Revisions of a playlist behind one (its `seen_us` and exchange), in order; `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn revisions_behind(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<SeenRevision>, ReadError> {
        self.sound(
            REVISIONS,
            named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                ":most": most as i64,
            },
            revision_row,
        )
    }
}

fn revision_row(row: &Row<'_>) -> rusqlite::Result<SeenRevision> {
    let step: Option<String> = row.get(8)?;
    Ok(SeenRevision {
        exchange_id: row.get(0)?,
        seen_us: row.get(1)?,
        not_before_us: row.get(2)?,
        url: row.get(3)?,
        body_id: row.get(4)?,
        is_media: row.get(5)?,
        is_advance: row.get(6)?,
        from_us: row.get(7)?,
        step: step.as_deref().and_then(Step::parse),
    })
}
