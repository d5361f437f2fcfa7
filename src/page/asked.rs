//! What a path below `/-/` asks for (`docs/ref/page.md`). Pure.

use super::filter::{Filter, FilterError};
pub use super::query::AskedSpan;
use super::query::{Query, QueryError, row_number, wrong};
use crate::session::ExchangeId;

/// Cells that an answer has at most.
pub const MOST_CELLS: usize = 4000;
/// Rows that an answer has at most.
pub const MOST_ROWS: usize = 1000;

/// A lane: a playlist or a raw stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A playlist, by its row of `resource`.
    Playlist(i64),
    /// A raw stream, by its row of `stream`.
    Raw(i64),
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Playlist(id) => write!(f, "p{id}"),
            Self::Raw(id) => write!(f, "s{id}"),
        }
    }
}

impl Lane {
    fn read(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        let kind = letters.next()?;
        let id: u32 = letters.as_str().parse().ok()?;
        match kind {
            'p' => Some(Self::Playlist(i64::from(id))),
            's' => Some(Self::Raw(i64::from(id))),
            _ => None,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A file of the page.
    File(String),
    /// The player that the server was told of.
    HlsJs,
    /// The session.
    Session,
    /// Counts over time.
    Overview {
        /// When.
        span: AskedSpan,
        /// In so many cells.
        cells: usize,
        /// Only of the stream of this name; `None`: of all.
        stream: Option<String>,
    },
    /// What happened in each lane.
    Lanes {
        /// When.
        span: AskedSpan,
        /// Pixels.
        width: usize,
    },
    /// Requests.
    Exchanges {
        /// When.
        span: AskedSpan,
        /// Which of them.
        filter: Filter,
        /// Behind this one.
        after: ExchangeId,
        /// So many.
        limit: usize,
    },
    /// One request.
    Exchange(ExchangeId),
    /// Revisions of a playlist.
    Revisions {
        /// Row of `resource`.
        playlist_id: i64,
        /// Which.
        which: Revisions,
    },
    /// The text of a revision, from a line on.
    Text {
        /// The exchange that brought it.
        revision: ExchangeId,
        /// The first line, from 0.
        line: usize,
    },
    /// How a revision differs from another one.
    Difference {
        /// The exchange that brought it.
        revision: ExchangeId,
        /// The one that it is compared with.
        with: ExchangeId,
    },
    /// What `isreport` says.
    Findings {
        /// When.
        span: AskedSpan,
        /// Only of this lane; `None`: of all.
        lane: Option<Lane>,
    },
    /// A clock for a player.
    Clock {
        /// Session time on it now, in microseconds.
        at_us: i64,
        /// Name of the stream; `None`: the first one.
        stream: Option<String>,
        /// Whether faults are answers; `None`: as the server was told.
        with_faults: Option<bool>,
    },
}

/// Which revisions of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revisions {
    /// The answer at that session time, in microseconds.
    At(i64),
    /// In a span, behind an exchange, so many.
    In {
        /// When.
        span: AskedSpan,
        /// Behind this one.
        after: ExchangeId,
        /// So many.
        limit: usize,
    },
}

/// Why nothing is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// Nothing is at that path.
    #[error("nothing is at this path; docs/ref/page.md lists what is")]
    Nothing,
    /// The parameters are none of the path.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The filter is none.
    #[error("filter: {0}")]
    Filter(#[from] FilterError),
}

/// Reads a path behind `/-/`, without its query, and the query.
///
/// # Errors
/// Nothing is there, or a parameter is wrong.
pub fn asked(path: &str, query: &str) -> Result<Asked, AskedError> {
    let Some(path) = path.strip_prefix("v1/") else {
        return Ok(match path {
            "hls.js" => Asked::HlsJs,
            _ => Asked::File(path.to_owned()),
        });
    };
    let query = Query::new(query);
    let steps: Vec<&str> = path.split('/').collect();
    match steps.as_slice() {
        ["session"] => query.only(&[]).map(|_| Asked::Session).map_err(Into::into),
        ["overview"] => overview(&query),
        ["lanes"] => lanes(&query),
        ["exchanges"] => exchanges(&query),
        ["exchanges", id] => {
            query.only(&[])?;
            Ok(Asked::Exchange(row(id)?))
        }
        ["playlists", lane, "revisions"] => revisions(lane, &query),
        ["revisions", id] => Ok(Asked::Text {
            revision: row(id)?,
            line: query.only(&["line"])?.count("line", 0, usize::MAX)?,
        }),
        ["revisions", id, "difference"] => {
            let with = query.only(&["with"])?.number("with")?;
            Ok(Asked::Difference {
                revision: row(id)?,
                with: with.ok_or(QueryError::Missing("with"))?,
            })
        }
        ["findings"] => findings(&query),
        ["clock"] => clock(&query),
        _ => Err(AskedError::Nothing),
    }
}

fn overview(query: &Query) -> Result<Asked, AskedError> {
    query.only(&["from", "to", "cells", "stream"])?;
    Ok(Asked::Overview {
        span: query.span()?,
        cells: query.count("cells", 600, MOST_CELLS)?,
        stream: query.get("stream").map(str::to_owned),
    })
}

fn lanes(query: &Query) -> Result<Asked, AskedError> {
    query.only(&["from", "to", "width"])?;
    Ok(Asked::Lanes {
        span: query.span()?,
        width: query.count("width", 1200, MOST_CELLS)?,
    })
}

fn exchanges(query: &Query) -> Result<Asked, AskedError> {
    query.only(&["from", "to", "filter", "after", "limit"])?;
    Ok(Asked::Exchanges {
        span: query.span()?,
        filter: Filter::read(query.get("filter").unwrap_or_default())?,
        after: query.number("after")?.unwrap_or(0),
        limit: query.count("limit", 200, MOST_ROWS)?,
    })
}

fn revisions(lane: &str, query: &Query) -> Result<Asked, AskedError> {
    let Some(Lane::Playlist(playlist_id)) = Lane::read(lane) else {
        return Err(AskedError::Nothing);
    };
    let which = match query.seconds("at")? {
        Some(at_us) => {
            query.only(&["at"])?;
            Revisions::At(at_us)
        }
        None => {
            query.only(&["from", "to", "after", "limit"])?;
            Revisions::In {
                span: query.span()?,
                after: query.number("after")?.unwrap_or(0),
                limit: query.count("limit", 500, MOST_ROWS)?,
            }
        }
    };
    Ok(Asked::Revisions { playlist_id, which })
}

fn findings(query: &Query) -> Result<Asked, AskedError> {
    query.only(&["from", "to", "lane"])?;
    let lane = match query.get("lane") {
        None => None,
        Some(text) => {
            let not_one = || wrong("lane", text, "the id of a lane: p2, s1".to_owned());
            Some(Lane::read(text).ok_or_else(not_one)?)
        }
    };
    let span = query.span()?;
    Ok(Asked::Findings { span, lane })
}

fn clock(query: &Query) -> Result<Asked, AskedError> {
    query.only(&["at", "stream", "faults"])?;
    Ok(Asked::Clock {
        at_us: query.seconds("at")?.ok_or(QueryError::Missing("at"))?,
        stream: query.get("stream").map(str::to_owned),
        with_faults: match query.get("faults") {
            None => None,
            Some("recorded") => Some(true),
            Some("none") => Some(false),
            Some(text) => Err(wrong("faults", text, "recorded or none".to_owned()))?,
        },
    })
}

/// The number of a row in a path.
fn row(text: &str) -> Result<i64, AskedError> {
    row_number(text).ok_or(AskedError::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_ask_for_what_the_page_is_drawn_of() {
        let span = AskedSpan {
            from_us: Some(1_500_000),
            to_us: None,
        };
        assert_eq!(
            asked("v1/overview", "from=1.5&cells=99999999"),
            Ok(Asked::Overview {
                span,
                cells: MOST_CELLS,
                stream: None
            })
        );
        assert_eq!(
            asked("v1/findings", "from=1.5&lane=p3"),
            Ok(Asked::Findings {
                span,
                lane: Some(Lane::Playlist(3))
            })
        );
        assert_eq!(asked("v1/exchanges/12", ""), Ok(Asked::Exchange(12)));
        assert_eq!(
            asked("v1/playlists/p3/revisions", "at=2"),
            Ok(Asked::Revisions {
                playlist_id: 3,
                which: Revisions::At(2_000_000)
            })
        );
        assert_eq!(
            asked("v1/revisions/7/difference", "with=4"),
            Ok(Asked::Difference {
                revision: 7,
                with: 4
            })
        );
        assert_eq!(
            asked("lib/main.js", ""),
            Ok(Asked::File("lib/main.js".to_owned()))
        );
        assert_eq!(asked("hls.js", ""), Ok(Asked::HlsJs));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |path: &str, query: &str| asked(path, query).unwrap_err().to_string();
        assert_eq!(
            said("v1/findings", "lane=7"),
            "lane: \"7\" is not the id of a lane: p2, s1"
        );
        assert_eq!(said("v1/clock", ""), "at is missing");
        assert_eq!(
            said("v1/clock", "at=1&faults=x"),
            "faults: \"x\" is not recorded or none"
        );
        // Each path knows its own, and no other.
        for path in [
            "session",
            "overview",
            "lanes",
            "exchanges",
            "exchanges/1",
            "playlists/p1/revisions",
            "revisions/1",
            "revisions/1/difference",
            "findings",
            "clock",
        ] {
            let path = format!("v1/{path}");
            let said = said(&path, "ofset=3");
            assert!(
                said.starts_with("\"ofset\" is no parameter of this path; it has "),
                "{path}: {said}"
            );
        }
        assert_eq!(
            said("v1/playlists/p1/revisions", "at=3&from=2"),
            "\"from\" is no parameter of this path; it has at"
        );
        for path in [
            "v1/",
            "v1/exchanges/-1",
            "v1/exchanges/",
            "v1/playlists/s1/revisions",
            "v1/playlists/p-1/revisions",
            "v1/what",
        ] {
            assert_eq!(asked(path, ""), Err(AskedError::Nothing), "{path}");
        }
        assert!(asked("v1/exchanges", "filter=status%3E%3Dx").is_err());
    }
}
