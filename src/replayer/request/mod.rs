//! A request, and the moment of the recording that it means. Both are decided once, where the request
//! comes in, and passed down: code that answers it does not read the clock again.
//!
//! | file | is |
//! | --- | --- |
//! | `server_clock` | the clock of requests whose path has none |
//! | [`timeline`] | clock arithmetic, durations, what follows the end |
//! | [`route`], `raw_path` | from a path to what it asks for |
//! | `paths`, `references` | paths as answers name them, relative to the path that was asked for |

pub(super) mod paths;
pub(super) mod raw_path;
pub(super) mod references;
pub mod route;
pub(super) mod server_clock;
pub mod timeline;

use std::time::Duration;

use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, header};
use url::Url;

use self::paths::clock_prefix;
use self::route::{PathClock, RouteError, Target, split_clock, target_on};
use self::server_clock::ServerClock;
use self::timeline::{Dates, Span, clock_ms, session_us};
use crate::hls::replay_path;
use crate::replayer::body::pace::Network;
use crate::replayer::header::range::RangeSpec;
use crate::replayer::header::{fields, range};
use crate::session::{ExchangeId, Faults};

/// How a replayer answers every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// Whether faults are answers.
    pub(super) faults: Faults,
    /// What dates are.
    pub(super) dates: Dates,
    /// How fast answers come.
    pub(super) network: Network,
    /// Whether playlists may be compressed. Rules count the bytes of a playlist as it is.
    pub(super) compresses: bool,
}

/// The clock of a player.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Player {
    /// What time it is, in microseconds of session time.
    pub(super) session_us: i64,
    /// When it began, in microseconds of session time.
    pub(super) began_us: i64,
}

/// A request with its moment.
#[derive(Debug)]
pub struct Request {
    pub(super) parts: Parts,
    pub(super) policy: Policy,
    /// The clock in its path; `None`: the server's own.
    pub(super) clock: Option<PathClock>,
    /// Where the path goes on behind the clock, or why the path is invalid.
    rest_at: Result<usize, RouteError>,
    /// When it came in, in microseconds of Unix time.
    pub(super) now_us: i64,
    /// ZERO of its clock, in microseconds of Unix time.
    zero_us: i64,
    pub(super) player: Player,
    /// The moment of the recording that it means, in microseconds of Unix time.
    pub(super) moment_us: i64,
    /// By how many microseconds dates are moved on its clock.
    pub(super) shift_us: i64,
    pub(super) range: Option<RangeSpec>,
    /// Whether a playlist is sent in gzip.
    pub(super) gzip: bool,
    /// Whether its clock is one for all replayers of copies of the session.
    pub(super) is_shared: bool,
    /// It was held for what a playlist announced.
    pub(super) grows: bool,
    /// So often it was looked up before, and is as late as it was answered.
    pub(super) late_looks: u8,
    /// Its directives were met: the target duration of the playlist, in microseconds.
    pub(super) met_us: Option<i64>,
    /// It is answered with the fault of this exchange.
    pub(super) fault: Option<ExchangeId>,
}

impl Request {
    /// Reads the clock, once.
    pub(super) fn new(parts: Parts, server: &ServerClock, span: Span, policy: Policy) -> Self {
        let now_us = server.now_us();
        let path = path_of(&parts);
        let (clock, rest_at) = match split_clock(path) {
            Ok((clock, rest)) => (clock, Ok(path.len() - rest.len())),
            Err(error) => (None, Err(error)),
        };
        let zero_us = clock.map_or(server.zero_us, |clock| clock.zero_ms.saturating_mul(1000));
        let began_us = match clock {
            None => server.offset_us,
            Some(clock) => clock.began_ms.unwrap_or(0).saturating_mul(1000),
        };
        let session_us = session_us(now_us, zero_us);
        let faults = clock.and_then(|clock| clock.faults);
        let policy = Policy {
            faults: faults.unwrap_or(policy.faults),
            ..policy
        };
        Self {
            clock,
            rest_at,
            now_us,
            zero_us,
            player: Player {
                session_us,
                began_us,
            },
            moment_us: span.moment_us(session_us),
            shift_us: span.shift_us(policy.dates, zero_us),
            range: asked_range(&parts),
            gzip: policy.compresses && fields::takes_gzip(&parts.headers),
            is_shared: server.is_shared,
            grows: false,
            late_looks: 0,
            met_us: None,
            fault: None,
            policy,
            parts,
        }
    }

    /// The same, made at a later moment (microseconds of Unix time): it was held until then.
    pub(super) fn at(&self, moment_us: i64, fault: Option<ExchangeId>) -> Self {
        let held_us = moment_us.saturating_sub(self.moment_us);
        Self {
            parts: self.parts.clone(),
            policy: self.policy,
            clock: self.clock,
            rest_at: self.rest_at.clone(),
            now_us: self.now_us.saturating_add(held_us),
            zero_us: self.zero_us,
            player: Player {
                session_us: self.player.session_us.saturating_add(held_us),
                ..self.player
            },
            moment_us,
            shift_us: self.shift_us,
            range: self.range,
            gzip: self.gzip,
            is_shared: self.is_shared,
            grows: self.grows,
            late_looks: self.late_looks,
            met_us: self.met_us,
            fault,
        }
    }

    /// The same, whose directives are met by a playlist of that target duration, in microseconds.
    pub(super) fn with_directives(self, target_us: i64) -> Self {
        Self {
            met_us: Some(target_us),
            ..self
        }
    }

    /// The request as the HTTP server had it, for callers that add to it or log it.
    pub fn parts(&mut self) -> &mut Parts {
        &mut self.parts
    }

    /// Its header fields.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Path and query, clock included.
    pub(super) fn path(&self) -> &str {
        path_of(&self.parts)
    }

    /// Whether it reads.
    pub(super) fn is_read(&self) -> bool {
        [Method::GET, Method::HEAD].contains(&self.parts.method)
    }

    /// What it asks for on its clock.
    pub(super) fn target(&self) -> Result<Target, RouteError> {
        let rest_at = self.rest_at.clone()?;
        target_on(self.clock, self.path().get(rest_at..).unwrap_or_default())
    }

    /// Its clock, as a path prefix.
    pub(super) fn prefix(&self) -> String {
        clock_prefix(self.clock)
    }

    /// The path at which a URL of the origin is on its clock.
    pub(super) fn path_to(&self, url: &Url) -> Option<String> {
        replay_path(url).map(|path| format!("{}{path}", self.prefix()))
    }

    /// Whether an answer under a name of this replay (`by_name`) means something else at each start of the
    /// replayer, since no clock in the path says which moment it is for.
    pub(super) fn is_process_relative(&self, by_name: bool) -> bool {
        by_name && self.clock.is_none() && !self.is_shared
    }

    /// A clock on which it is `offset` now. `tells_begin`: rules count from when a player began.
    pub(super) fn clock_at(&self, offset: Duration, tells_begin: bool) -> PathClock {
        let began_ms = i64::try_from(offset.as_millis()).unwrap_or(i64::MAX);
        PathClock {
            zero_ms: clock_ms(self.now_us, offset),
            began_ms: self.is_new(tells_begin).then_some(began_ms),
            faults: self.clock.and_then(|clock| clock.faults),
        }
    }

    /// The clock that a stream redirects to, where the request asks for a new one or the rules need one.
    pub(super) fn new_clock(
        &self,
        offset: Option<Duration>,
        tells_begin: bool,
    ) -> Option<PathClock> {
        let session_us = self.player.session_us;
        match offset {
            Some(offset) => Some(self.clock_at(offset, tells_begin)),
            None if self.is_new(tells_begin) && session_us >= 0 => Some(PathClock {
                zero_ms: self.zero_us.div_euclid(1000),
                began_ms: Some(session_us / 1000),
                faults: self.clock.and_then(|clock| clock.faults),
            }),
            None => None,
        }
    }

    /// Whether it matters when its player began, and its path does not say that.
    fn is_new(&self, tells_begin: bool) -> bool {
        let says = self.clock.is_some_and(|clock| clock.began_ms.is_some());
        tells_begin && !says
    }
}

fn path_of(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |p| p.as_str())
}

/// RFC 9110 14.2: defined for GET only, and there is one.
fn asked_range(parts: &Parts) -> Option<RangeSpec> {
    let mut fields = parts.headers.get_all(header::RANGE).iter();
    match (fields.next(), fields.next()) {
        (Some(only), None) if parts.method == Method::GET => range::parse(only.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
