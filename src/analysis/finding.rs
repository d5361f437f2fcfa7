//! A finding: what was wrong, where, when first and last, how often, and which exchanges show it (`docs/ref/findings.md`).
//!
//! Whatever this module finds becomes one of these; text and JSON of all of them are written here.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::session::{ExchangeId, Moment};
use crate::shown;

/// Exchanges that a finding names, the first ones; its count says how many there are.
pub const MOST_EXCHANGES: usize = 64;

/// What a finding is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A media playlist did not advance within 1.5 target durations (RFC 8216bis 6.2.1), or so long as was asked for.
    Stale,
    /// A media playlist listed no new part for longer than two part targets (RFC 8216bis 6.2.1), or so long as was asked for.
    PartLate,
    /// The origin gave no good answer.
    Faults,
    /// Nothing came of a raw stream.
    RawGap,
    /// There was no good answer for a reason of the recorder's own.
    Recorder,
    /// One of `isreport`'s, by its id (`docs/ref/rules.md`).
    Of(&'static str),
}

impl Rule {
    /// Its name in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Stale => "T07",
            Self::PartLate => "L03",
            Self::Faults => "H14",
            Self::RawGap => "S01",
            Self::Recorder => "R01",
            Self::Of(id) => id,
        }
    }
}

/// When something was so, and which exchange shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Microseconds of Unix time.
    pub at_us: i64,
    /// `None`: no exchange does, it is the end of the recording for example.
    pub exchange: Option<ExchangeId>,
}

/// The same again and again: when first and last, how often, and the first exchanges that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sightings {
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: Evidence,
    /// The last time.
    pub last: Evidence,
    /// The exchanges that show it, [`MOST_EXCHANGES`] of them.
    pub exchanges: Vec<ExchangeId>,
}

impl Sightings {
    /// It was so once.
    pub fn once(at: Evidence) -> Self {
        Self {
            count: 1,
            first: at,
            last: at,
            exchanges: at.exchange.into_iter().collect(),
        }
    }

    /// It was so again.
    pub fn again(&mut self, at: Evidence) {
        self.count += 1;
        if at.at_us >= self.last.at_us {
            self.last = at;
        }
        if let Some(exchange) = at.exchange
            && self.exchanges.len() < MOST_EXCHANGES
            && self.exchanges.last() != Some(&exchange)
        {
            self.exchanges.push(exchange);
        }
    }
}

/// Something that was wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind of thing.
    pub rule: Rule,
    /// It says nothing of the origin: the reason is the recorder's own.
    pub own: bool,
    /// Name of the stream.
    pub stream: String,
    /// Name of the playlist; `None`: it is of none, or of several.
    pub playlist: Option<String>,
    /// How often.
    pub count: u64,
    /// When it began.
    pub first: Evidence,
    /// When it was over, or was so last.
    pub last: Evidence,
    /// The exchanges that show it, [`MOST_EXCHANGES`] of them.
    pub exchanges: Vec<ExchangeId>,
    /// A sentence with the numbers in it. It may hold what an origin said.
    pub text: String,
    /// What a rule has beside that, under names of its own.
    pub detail: Map<String, Value>,
}

/// A finding as JSON has it.
#[derive(Serialize)]
pub struct Line<'a> {
    rule: &'static str,
    own: bool,
    stream: &'a str,
    playlist: Option<&'a str>,
    count: u64,
    first: Shown,
    last: Shown,
    exchanges: &'a [ExchangeId],
    detail: Detail<'a>,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    moment: Moment,
    exchange: Option<ExchangeId>,
}

#[derive(Serialize)]
struct Detail<'a> {
    text: &'a str,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Finding {
    /// As one line of JSON. `zero_us`: session zero.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut impl Write, zero_us: i64) -> io::Result<()> {
        writeln!(out, "{}", shown::json(&self.line(zero_us))?)
    }

    /// What JSON has of it. `zero_us`: session zero.
    pub fn line(&self, zero_us: i64) -> Line<'_> {
        let shown = |evidence: Evidence| Shown {
            moment: Moment::new(evidence.at_us, zero_us),
            exchange: evidence.exchange,
        };
        Line {
            rule: self.rule.id(),
            own: self.own,
            stream: &self.stream,
            playlist: self.playlist.as_deref(),
            count: self.count,
            first: shown(self.first),
            last: shown(self.last),
            exchanges: &self.exchanges,
            detail: Detail {
                text: &self.text,
                more: &self.detail,
            },
        }
    }

    /// As one line for people; `names_stream`: it says of which stream.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, out: &mut impl Write, names_stream: bool) -> io::Result<()> {
        if names_stream {
            write!(out, "[{}] ", shown::escaped(&self.stream))?;
        }
        writeln!(out, "{}", shown::escaped(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        let evidence = |at_us, exchange| Evidence { at_us, exchange };
        Finding {
            rule: Rule::Faults,
            own: false,
            stream: "hall\u{1b}".to_owned(),
            playlist: None,
            count: 2,
            first: evidence(12_500_000, Some(7)),
            last: evidence(13_000_000, None),
            exchanges: vec![7, 8],
            text: "refused\n".to_owned(),
            detail: Map::from_iter([("faults".to_owned(), 2.into())]),
        }
    }

    #[test]
    fn json_has_the_same_keys_for_every_finding() {
        let mut out = Vec::new();
        finding().write_json(&mut out, 10_000_000).unwrap();
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let line: Value = serde_json::from_slice(&out).unwrap();
        let wanted = serde_json::json!({
            "rule": "H14", "own": false, "stream": "hall\u{1b}", "playlist": null, "count": 2,
            "first": {"session_time": 2.5, "time": "1970-01-01T00:00:12.500000Z", "exchange": 7},
            "last": {"session_time": 3.0, "time": "1970-01-01T00:00:13.000000Z", "exchange": null},
            "exchanges": [7, 8],
            "detail": {"text": "refused\n", "faults": 2},
        });
        assert_eq!(line, wanted);
    }

    #[test]
    fn text_is_one_line_that_steers_nothing() {
        let mut out = Vec::new();
        finding().write_text(&mut out, true).unwrap();
        assert_eq!(out, b"[hall\\u{1b}] refused\\n\n");
        let mut out = Vec::new();
        finding().write_text(&mut out, false).unwrap();
        assert_eq!(out, b"refused\\n\n");
    }
}
