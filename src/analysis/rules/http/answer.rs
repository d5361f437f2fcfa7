//! An exchange, as rules look at it.

use crate::analysis::rules::playlist::without_query;
use crate::session::{Headers, Kind, Outcome, SeenExchange};

/// Header fields that rules and the overview ask for: of the others nothing is read.
pub const ASKED_FOR: [&str; 9] = [
    "access-control-allow-origin",
    "age",
    "cache-control",
    "content-encoding",
    "content-range",
    "content-type",
    "location",
    "server",
    "x-cache",
];

/// An exchange with its header fields.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The exchange.
    pub exchange: &'a SeenExchange,
    /// Its response header fields, as far as they are [`ASKED_FOR`]; empty without a response.
    pub headers: &'a Headers,
    /// The recorder stood still, or its machine slept, while it was under way.
    pub stood_still: bool,
    /// There is an Expires.
    pub has_expires: bool,
    /// Of a revision: Last-Modified and Date, in seconds of Unix time.
    pub modified: Option<(u64, u64)>,
    /// PART-TARGET of the playlist that it is of, or that listed it, in microseconds; `None`: it has no parts.
    pub part_target_us: Option<i64>,
}

#[cfg(test)]
impl<'a> Answered<'a> {
    /// An exchange of which nothing more is known.
    pub fn new(exchange: &'a SeenExchange, headers: &'a Headers) -> Self {
        Self {
            exchange,
            headers,
            stood_still: false,
            has_expires: false,
            modified: None,
            part_target_us: None,
        }
    }
}

impl Answered<'_> {
    /// A header field that is [`ASKED_FOR`].
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        debug_assert!(ASKED_FOR.contains(&name), "{name} is not read");
        self.headers.get(name)
    }

    /// It was answered well and whole: 200 or 206.
    pub(super) fn is_good(&self) -> bool {
        let exchange = self.exchange;
        matches!(exchange.status, Some(200 | 206)) && exchange.outcome == Outcome::Complete
    }

    pub(super) fn is_playlist(&self) -> bool {
        matches!(self.exchange.kind, Kind::Main | Kind::Media)
    }

    pub(super) fn is_media(&self) -> bool {
        matches!(self.exchange.kind, Kind::Segment | Kind::Init | Kind::Part)
    }

    /// For how long a cache had had it, in microseconds (RFC 9111 5.1).
    pub fn age_us(&self) -> Option<i64> {
        let age = self.field("age")?.trim().parse::<i64>().ok()?;
        Some(age.max(0).saturating_mul(1_000_000))
    }

    /// Its path, in lower case.
    pub(super) fn path(&self) -> String {
        let url = self.exchange.url.as_bytes();
        let path = without_query(url);
        String::from_utf8_lossy(path).to_lowercase()
    }
}
