//! Rules of exchanges (H, P01, P03, T05, L05, L09, L10): what was answered, and how.
//!
//! | file | rules |
//! | --- | --- |
//! | `answer` | an exchange, as rules look at it |
//! | `answered` | P01, H10, L05: what was answered |
//! | `not_there` | H01: what was listed and was not there |
//! | `fields` | P03, H05, H06, H08, H09: header fields |
//! | `caches` | H07, H13: how old answers are, and for how long they stay |
//! | `schemes` | H11: http and https |
//! | `low_latency` | L09, L10: how low latency is delivered |
//! | `ranges` | H12: ranges |
//! | `speed` | H03: how fast |
//! | [`viewer`] | H04: a viewer would have waited |
//! | `content` | T05: bytes behind a name |
//! | `listed` | for how long that must bring the same |

mod answer;
mod answered;
mod caches;
mod content;
mod fields;
mod listed;
mod low_latency;
mod not_there;
mod ranges;
mod schemes;
mod speed;
pub mod viewer;

use std::ops::RangeInclusive;

pub use self::answer::{ASKED_FOR, Answered};
pub use self::listed::{Listed, Window};
pub use self::not_there::{Needed, NotThere};

use self::content::Contents;
use self::fields::{CrossOrigin, Edges};
use self::low_latency::Deliveries;
use self::not_there::Missed;
use self::schemes::Schemes;
use self::speed::Downloads;
use super::broken::Broken;
use crate::hls::ByteRange;

/// What is remembered from one exchange to the next.
#[derive(Debug)]
pub struct Exchanges {
    /// Which moments are told of, in microseconds of Unix time.
    wanted: RangeInclusive<i64>,
    contents: Contents,
    edges: Edges,
    missed: Missed,
    downloads: Downloads,
    cross_origin: CrossOrigin,
    schemes: Schemes,
    deliveries: Deliveries,
}

impl Exchanges {
    /// The duration of the longest playlist, in microseconds, and when segments were listed. `wanted`: which moments are told
    /// of, in microseconds of Unix time.
    pub fn new(longest_us: i64, listed: Listed, wanted: RangeInclusive<i64>) -> Self {
        Self {
            wanted,
            contents: Contents::new(longest_us, listed),
            edges: Edges::default(),
            missed: Missed::default(),
            downloads: Downloads::default(),
            cross_origin: CrossOrigin::default(),
            schemes: Schemes::default(),
            deliveries: Deliveries::default(),
        }
    }

    /// What is wrong with an exchange.
    pub fn judge(&mut self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        self.downloads.take(answered.exchange);
        if answered.exchange.is_own {
            return;
        }
        answered::judge(answered, out);
        fields::judge(answered, out);
        self.edges.judge(answered, out);
        let is_wanted = self.wanted.contains(&answered.exchange.requested_us);
        self.missed.take(answered, is_wanted);
        ranges::judge(answered, out);
        caches::judge(answered, out);
        self.schemes.judge(answered, out);
        self.deliveries.judge(answered, out);
        self.cross_origin.judge(answered, out);
        self.downloads.judge(answered, out);
        self.contents.judge(answered, out);
    }

    /// What was listed and was not there. `needed`: what is known of a URL and a range.
    pub fn not_there(
        &mut self,
        needed: impl Fn(&str, Option<ByteRange>) -> Needed,
    ) -> Vec<NotThere> {
        std::mem::take(&mut self.missed).finish(needed)
    }

    /// What could not be judged, and why.
    pub fn not_judged(&self) -> Vec<(&'static str, &'static str)> {
        self.cross_origin.not_judged().into_iter().collect()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::session::{Headers, Kind, Outcome, SeenExchange};

    /// A good answer for something.
    pub fn good(kind: Kind, url: &str) -> SeenExchange {
        SeenExchange {
            id: 1,
            resource_id: 1,
            stream_id: 1,
            kind,
            url: url.to_owned(),
            range: None,
            is_http1: true,
            arrival: None,
            head_id: None,
            head_resource_id: None,
            requested_us: 0,
            from_us: 0,
            wait_us: Some(5_000),
            receive_us: Some(20_000),
            failed_us: None,
            status: Some(200),
            outcome: Outcome::Complete,
            is_own: false,
            wire_bytes: 100_000,
            body: Some((100_000, vec![1; 32])),
            headers: None,
            error: None,
            directives_met: None,
            revision: None,
            listed_by: Some((7, Some(4_000_000))),
        }
    }

    /// Header fields.
    pub fn headers(fields: &[(&str, &str)]) -> Headers {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Headers(fields.iter().map(field).collect())
    }

    /// Ids of what is wrong with exchanges, one after the other.
    pub fn found(exchanges: &[(SeenExchange, Headers)]) -> Vec<&'static str> {
        broken(exchanges).iter().map(|broken| broken.rule).collect()
    }

    /// What is wrong with exchanges, one after the other.
    pub fn broken(exchanges: &[(SeenExchange, Headers)]) -> Vec<Broken> {
        let mut state = Exchanges::new(24_000_000, Listed::default(), 0..=i64::MAX);
        let mut out = Vec::new();
        for (exchange, headers) in exchanges {
            let answered = Answered {
                has_expires: true,
                ..Answered::new(exchange, headers)
            };
            state.judge(&answered, &mut out);
        }
        let not_there = state.not_there(|_, _| Needed::default());
        out.extend(not_there.into_iter().map(|one| one.broken));
        out
    }

    /// Fields with which nothing is wrong.
    pub fn of_segment() -> Headers {
        headers(&[("content-type", "video/mp2t")])
    }

    #[test]
    fn nothing_is_wrong_with_good_answers() {
        let segment = good(Kind::Segment, "http://localhost/s1.ts");
        let playlist = SeenExchange {
            revision: Some((Some(4_000_000), false)),
            ..good(Kind::Media, "http://localhost/list.m3u8")
        };
        let fields = headers(&[
            ("content-type", "application/vnd.apple.mpegurl"),
            ("content-encoding", "gzip"),
            ("cache-control", "max-age=1"),
        ]);
        assert_eq!(
            found(&[(segment, of_segment()), (playlist, fields)]),
            Vec::<&str>::new()
        );
    }
}
