//! The words of a filter of exchanges (`docs/ref/page.md`). Pure.

use crate::session::{ExchangeId, ExchangeRow, Kind, Outcome};

/// Words, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter(Vec<Word>);

#[derive(Debug, Clone, PartialEq)]
struct Word {
    /// It must not hold.
    is_not: bool,
    condition: Condition,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Status(Compare, i64),
    NoStatus,
    /// A number of three digits: a status, or in a name.
    StatusOrName(i64, String),
    Kind(Kind),
    Host(String),
    Outcome(Outcome),
    /// Microseconds.
    Slow(Compare, i64),
    Bytes(Compare, i64),
    Fault,
    Own,
    Stream(String),
    Id(ExchangeId),
    Name(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Compare {
    fn holds(self, value: i64, than: i64) -> bool {
        match self {
            Self::Less => value < than,
            Self::AtMost => value <= than,
            Self::Equal => value == than,
            Self::AtLeast => value >= than,
            Self::More => value > than,
        }
    }
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A value is not of its kind.
    #[error("{value:?} is {wanted}")]
    Value {
        /// What was written.
        value: String,
        /// What it is not, and what would be one.
        wanted: &'static str,
    },
    /// More words than anybody types.
    #[error("more than {MOST_WORDS} words")]
    TooMany,
}

const MOST_WORDS: usize = 32;

impl Filter {
    /// Reads a filter; of nothing all holds.
    ///
    /// # Errors
    /// A word is none.
    pub fn read(text: &str) -> Result<Self, FilterError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() > MOST_WORDS {
            return Err(FilterError::TooMany);
        }
        let words = words.into_iter().map(Word::read);
        Ok(Self(words.collect::<Result<_, _>>()?))
    }

    /// Whether it wants an exchange, of a stream of that name.
    pub fn wants(&self, row: &ExchangeRow, stream: &str) -> bool {
        self.0
            .iter()
            .all(|word| word.condition.holds(row, stream) != word.is_not)
    }
}

impl Word {
    fn read(text: &str) -> Result<Self, FilterError> {
        let (is_not, word) = match text.strip_prefix(['!', '-']) {
            Some("") => {
                return Err(FilterError::Value {
                    value: text.to_owned(),
                    wanted: "no word: one belongs behind it, without a space: !fault",
                });
            }
            Some(word) => (true, word),
            None => (false, text),
        };
        let condition = Condition::read(word)?;
        Ok(Self { is_not, condition })
    }
}

impl Condition {
    fn read(word: &str) -> Result<Self, FilterError> {
        let plain = || Self::Name(word.to_lowercase());
        match word {
            "fault" => return Ok(Self::Fault),
            "own" => return Ok(Self::Own),
            _ => {}
        }
        let Some(end) = word.find([':', '<', '>', '=']) else {
            return Ok(match status_of(word) {
                Some(status) => Self::StatusOrName(status, word.to_owned()),
                None => plain(),
            });
        };
        let (name, rest) = word.split_at(end);
        let (compare, value) = split_compare(rest);
        let bad = |wanted| FilterError::Value {
            value: value.to_owned(),
            wanted,
        };
        let number = |wanted, unit: f64| {
            let number: Option<f64> = value.parse().ok();
            let number = number
                .map(|number| number * unit)
                .filter(|n| n.abs() < 9e15);
            #[allow(clippy::cast_possible_truncation)]
            number
                .map(|number| number.round() as i64)
                .ok_or(bad(wanted))
        };
        Ok(match name {
            "status" if value == "none" => Self::NoStatus,
            "status" => Self::Status(compare, number("no status: status>=400, status:none", 1.0)?),
            "kind" => Self::Kind(Kind::parse(value).ok_or(bad(
                "no kind; kinds are main, media, segment, part, init, key, data, steering, assets",
            ))?),
            "host" => Self::Host(value.to_lowercase()),
            "outcome" => Self::Outcome(Outcome::parse(&value.replace('-', " ")).ok_or(bad(
                "no outcome: outcome:reset, outcome:short, outcome:response-timeout",
            ))?),
            "slow" => Self::Slow(compare, number("no number of seconds: slow>2", 1e6)?),
            "bytes" => Self::Bytes(compare, number("no number of bytes: bytes>1000", 1.0)?),
            "stream" => Self::Stream(value.to_owned()),
            "id" => Self::Id(number("no number of an exchange: id:123", 1.0)?),
            // A name may have such a letter.
            _ => plain(),
        })
    }

    fn holds(&self, row: &ExchangeRow, stream: &str) -> bool {
        match self {
            Self::Status(compare, status) => row
                .status
                .is_some_and(|is| compare.holds(i64::from(is), *status)),
            Self::NoStatus => row.status.is_none(),
            Self::StatusOrName(status, part) => {
                row.status.is_some_and(|is| i64::from(is) == *status) || row.name.contains(part)
            }
            Self::Kind(kind) => row.kind == *kind,
            Self::Host(host) => host_of(&row.url).to_lowercase().contains(host),
            Self::Outcome(outcome) => row.outcome == *outcome,
            Self::Slow(compare, us) => row
                .over_us()
                .is_some_and(|over| compare.holds(over.saturating_sub(row.requested_us), *us)),
            Self::Bytes(compare, bytes) => {
                row.wire_bytes.is_some_and(|is| compare.holds(is, *bytes))
            }
            Self::Fault => row.is_fault,
            Self::Own => row.own_reason.is_some(),
            Self::Stream(name) => stream == name,
            Self::Id(id) => row.id == *id,
            Self::Name(part) => row.name.to_lowercase().contains(part),
        }
    }
}

/// The status that a word is; `None`: it is none.
fn status_of(word: &str) -> Option<i64> {
    let is_number = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let status = word.parse().ok().filter(|_| is_number)?;
    (100..600).contains(&status).then_some(status)
}

/// How two numbers are compared, and with what.
fn split_compare(text: &str) -> (Compare, &str) {
    let marks = [
        (">=", Compare::AtLeast),
        ("<=", Compare::AtMost),
        (">", Compare::More),
        ("<", Compare::Less),
        ("=", Compare::Equal),
        (":", Compare::Equal),
    ];
    let found = marks
        .iter()
        .find_map(|(mark, compare)| Some((*compare, text.strip_prefix(mark)?)));
    found.unwrap_or((Compare::Equal, text))
}

/// Host and port of a URL, as it is written.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ExchangeRow {
        ExchangeRow {
            id: 7,
            requested_us: 1_000_000,
            kind: Kind::Segment,
            resource_id: 1,
            stream_id: 1,
            name: "live/High/s42.ts".to_owned(),
            url: "https://CDN2.example.com:8443/live/High/s42.ts?t=1".to_owned(),
            range: None,
            status: Some(404),
            outcome: Outcome::Complete,
            wire_bytes: Some(900),
            wait_us: Some(1_500_000),
            receive_us: Some(1_000_000),
            failed_us: None,
            own_reason: None,
            is_fault: true,
            error: None,
            referrer_id: None,
            listed_by: None,
            directives: None,
            damaged: None,
        }
    }

    fn wants(filter: &str) -> bool {
        Filter::read(filter).unwrap().wants(&row(), "hall1")
    }

    #[test]
    fn words_hold_together() {
        for filter in [
            "",
            "s42",
            "S42",
            "high",
            "status>=400",
            "status:404",
            "status=404",
            "status<500",
            "kind:segment",
            "host:cdn2",
            "host:8443",
            "slow>2",
            "slow<=2.5",
            "bytes<1000",
            "fault",
            "!own",
            "stream:hall1",
            "id:7",
            "outcome:complete",
            "status>=400 kind:segment host:cdn2 slow>2 s42",
            "!status:200",
            "!nothing",
            "404",
            "-200",
            "-own s42",
            "-status:200",
        ] {
            assert!(wants(filter), "{filter}");
        }
        for filter in [
            "s43",
            "status<400",
            "status:none",
            "kind:media",
            "host:cdn3",
            "slow>2.5",
            "bytes>900",
            "own",
            "stream:hall",
            "id:8",
            "outcome:reset",
            "!fault",
            "-fault",
            "503",
            "40",
            "!404",
            "status>=400 own",
            "?t=1",
        ] {
            assert!(!wants(filter), "{filter}");
        }
    }

    #[test]
    fn no_response_has_no_status() {
        let row = ExchangeRow {
            status: None,
            wait_us: None,
            receive_us: None,
            failed_us: Some(3_000_000),
            ..row()
        };
        let wants = |filter| Filter::read(filter).unwrap().wants(&row, "");
        assert!(wants("status:none slow>2"));
        assert!(!wants("status<1000"));
    }

    #[test]
    fn what_is_no_filter_is_said() {
        let said = |text| Filter::read(text).unwrap_err().to_string();
        assert_eq!(
            said("status>=x"),
            "\"x\" is no status: status>=400, status:none"
        );
        assert_eq!(
            said("kind:film"),
            "\"film\" is no kind; kinds are main, media, segment, part, init, key, data, steering, assets"
        );
        assert_eq!(
            said("outcome:sad"),
            "\"sad\" is no outcome: outcome:reset, outcome:short, outcome:response-timeout"
        );
        assert_eq!(
            said("s42 ! fault"),
            "\"!\" is no word: one belongs behind it, without a space: !fault"
        );
        assert_eq!(said(&"a ".repeat(33)), "more than 32 words");
        assert!(Filter::read("outcome:response-timeout").is_ok());
    }

    #[test]
    fn a_number_of_three_digits_is_in_a_name_as_well() {
        let row = ExchangeRow {
            name: "live/seg503.ts".to_owned(),
            ..row()
        };
        assert!(Filter::read("503").unwrap().wants(&row, ""));
        assert!(!Filter::read("-503").unwrap().wants(&row, ""));
    }

    #[test]
    fn a_name_may_have_marks_in_it() {
        assert_eq!(
            Filter::read("a=b").unwrap(),
            Filter(vec![Word {
                is_not: false,
                condition: Condition::Name("a=b".to_owned())
            }])
        );
    }
}
