//! What a path below `/-/` asks for (`docs/ref/page.md`). Pure.

use url::form_urlencoded;

use super::filter::{Filter, FilterError};
use crate::session::ExchangeId;

/// Cells that an answer has at most.
pub const MOST_CELLS: usize = 4000;
/// Rows that an answer has at most.
pub const MOST_ROWS: usize = 1000;

/// A span of session time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedSpan {
    /// From then on; `None`: from the beginning.
    pub from_us: Option<i64>,
    /// Until then; `None`: to the end.
    pub to_us: Option<i64>,
}

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
    Findings,
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
    /// A parameter is not what it should be.
    #[error("{name}: {text:?} is not {wanted}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What was written.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A parameter is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
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
    let query = Query(
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
    );
    let steps: Vec<&str> = path.split('/').collect();
    match steps.as_slice() {
        ["session"] => Ok(Asked::Session),
        ["overview"] => Ok(Asked::Overview {
            span: query.span()?,
            cells: query.count("cells", 600, MOST_CELLS)?,
        }),
        ["lanes"] => Ok(Asked::Lanes {
            span: query.span()?,
            width: query.count("width", 1200, MOST_CELLS)?,
        }),
        ["exchanges"] => Ok(Asked::Exchanges {
            span: query.span()?,
            filter: Filter::read(query.get("filter").unwrap_or_default())?,
            after: query.number("after")?.unwrap_or(0),
            limit: query.count("limit", 200, MOST_ROWS)?,
        }),
        ["exchanges", id] => Ok(Asked::Exchange(row(id)?)),
        ["playlists", lane, "revisions"] => {
            let Some(Lane::Playlist(playlist_id)) = Lane::read(lane) else {
                return Err(AskedError::Nothing);
            };
            let which = match query.seconds("at")? {
                Some(at_us) => Revisions::At(at_us),
                None => Revisions::In {
                    span: query.span()?,
                    after: query.number("after")?.unwrap_or(0),
                    limit: query.count("limit", 500, MOST_ROWS)?,
                },
            };
            Ok(Asked::Revisions { playlist_id, which })
        }
        ["revisions", id] => Ok(Asked::Text {
            revision: row(id)?,
            line: query.count("line", 0, usize::MAX)?,
        }),
        ["revisions", id, "difference"] => Ok(Asked::Difference {
            revision: row(id)?,
            with: query.number("with")?.ok_or(AskedError::Missing("with"))?,
        }),
        ["findings"] => Ok(Asked::Findings),
        ["clock"] => Ok(Asked::Clock {
            at_us: query.seconds("at")?.ok_or(AskedError::Missing("at"))?,
            stream: query.get("stream").map(str::to_owned),
            with_faults: match query.get("faults") {
                None => None,
                Some("recorded") => Some(true),
                Some("none") => Some(false),
                Some(text) => return Err(wrong("faults", text, "recorded or none")),
            },
        }),
        _ => Err(AskedError::Nothing),
    }
}

/// The number of a row in a path.
fn row(text: &str) -> Result<i64, AskedError> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    number.ok_or(AskedError::Nothing)
}

fn wrong(name: &'static str, text: &str, wanted: &'static str) -> AskedError {
    AskedError::Parameter {
        name,
        text: text.chars().take(100).collect(),
        wanted,
    }
}

struct Query(Vec<(String, String)>);

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Session seconds, as microseconds.
    fn seconds(&self, name: &'static str) -> Result<Option<i64>, AskedError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let seconds: Option<f64> = text.parse().ok();
        // No session is longer than a thousand years.
        match seconds.filter(|seconds| seconds.abs() < 4e10) {
            #[allow(clippy::cast_possible_truncation)]
            Some(seconds) => Ok(Some((seconds * 1e6).round() as i64)),
            None => Err(wrong(name, text, "a number of seconds")),
        }
    }

    fn span(&self) -> Result<AskedSpan, AskedError> {
        Ok(AskedSpan {
            from_us: self.seconds("from")?,
            to_us: self.seconds("to")?,
        })
    }

    fn number(&self, name: &'static str) -> Result<Option<i64>, AskedError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = row(text).map_err(|_| wrong(name, text, "a number"))?;
        Ok(Some(number))
    }

    /// A number of things; of too many the most.
    fn count(&self, name: &'static str, usual: usize, most: usize) -> Result<usize, AskedError> {
        let Some(number) = self.number(name)? else {
            return Ok(usual);
        };
        let number = usize::try_from(number).unwrap_or(most).min(most);
        match number {
            0 if usual > 0 => Err(wrong(name, "0", "more than 0")),
            number => Ok(number),
        }
    }
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
                cells: MOST_CELLS
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
        let said = |path, query| asked(path, query).unwrap_err().to_string();
        assert_eq!(
            said("v1/overview", "from=now"),
            "from: \"now\" is not a number of seconds"
        );
        assert_eq!(
            said("v1/overview", "from=1e300"),
            "from: \"1e300\" is not a number of seconds"
        );
        assert_eq!(
            said("v1/overview", "from=NaN"),
            "from: \"NaN\" is not a number of seconds"
        );
        assert_eq!(
            said("v1/lanes", "width=0"),
            "width: \"0\" is not more than 0"
        );
        assert_eq!(said("v1/clock", ""), "at is missing");
        assert_eq!(
            said("v1/clock", "at=1&faults=x"),
            "faults: \"x\" is not recorded or none"
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
