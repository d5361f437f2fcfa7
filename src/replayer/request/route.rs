//! The URL space of the replayer: what a request's path and query ask for. Pure.
//!
//! ```text
//! /                                  what there is
//! /stream.m3u8                       the first stream
//! /NAME/stream.m3u8                  each stream
//! /dvr.m3u8, /NAME/dvr.m3u8          everything that was recorded of a stream
//! /NAME/dvr/ID.m3u8                  the same of one of its playlists
//! /exchange/ID/NAME                  the body that an exchange brought; NAME is for people
//! /NAME/stream.ts, /NAME/dump.ts     a raw stream as it came; all of it so far
//! /https/cdn.example.com:443/a/b?c   the origin's URLs, path for path
//! /@ZERO/...                         streams and the origin's URLs on a clock of their own
//! /@ZERO~BEGAN/...                   the same, for a player that began at BEGAN on it
//! /@ZERO,none/... /@ZERO,recorded/... the same, whatever the server was told about recorded faults
//! /-/...                             files of the page, and the JSON that it is drawn of
//! ```
//!
//! A path is only ever looked up; it never becomes the path of a file.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use super::raw_path::{RawPath, raw_path};
use super::timeline::parse_duration;
use crate::hls::origin_url;
use crate::session::Faults;

/// No origin has a longer path and query.
const LONGEST_PATH: usize = 8 * 1024;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The clock in the path; `None`: the server's own.
    pub clock: Option<PathClock>,
    /// What is asked for on that clock.
    pub target: Target,
}

/// A clock in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathClock {
    /// Its ZERO, in Unix milliseconds.
    pub zero_ms: i64,
    /// When its player began, in milliseconds of session time; `None`: it does not matter.
    pub began_ms: Option<i64>,
    /// Whether recorded faults are answers on it; `None`: as the server was told.
    pub faults: Option<Faults>,
}

/// The resources of a replayer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The page that says what there is.
    Index,
    /// What browsers ask for by themselves.
    Favicon,
    /// A stream.
    Stream {
        /// Its name; `None`: the first one.
        name: Option<String>,
        /// The path asks for a redirect to a clock on which it is this session time now.
        offset: Option<Duration>,
    },
    /// Everything that was recorded, as a playlist.
    Dvr {
        /// The stream's name; `None`: the first one.
        name: Option<String>,
        /// One of its media playlists (row of `resource`); `None`: all of the stream.
        playlist_id: Option<i64>,
    },
    /// The body that an exchange brought.
    Exchange(i64),
    /// What the page is made of: the path behind `/-/`, and the query.
    Page(String, String),
    /// A raw stream: one that is not a playlist.
    Raw {
        /// Which stream, and which file of it.
        path: RawPath,
        /// The path asks for a redirect to a clock on which it is this session time now.
        offset: Option<Duration>,
    },
    /// A URL of the origin.
    Origin(Url),
}

/// Why a path asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Longer than 8 KiB.
    #[error("the path is longer than {LONGEST_PATH} bytes")]
    TooLong,
    /// The clock is not a number.
    #[error(
        "{0:?} is not a clock: /@ZERO/ and /@ZERO~BEGAN/ take milliseconds, and ,none or ,recorded"
    )]
    Clock(String),
    /// The offset is not a duration.
    #[error("offset: {0}")]
    Offset(#[from] super::timeline::InvalidDuration),
    /// A clock before a path that takes none.
    #[error("what was recorded is the same on every clock: ask without /@ZERO")]
    ClockNotAllowed,
    /// Nothing is at that path.
    #[error("nothing is at this path; / says what there is")]
    Nothing,
}

/// What `path_and_query` asks for.
///
/// # Errors
/// It asks for nothing.
pub fn route(path_and_query: &str) -> Result<Route, RouteError> {
    let (clock, rest) = split_clock(path_and_query)?;
    let target = target_on(clock, rest)?;
    Ok(Route { clock, target })
}

/// What the rest of a path, behind its clock, asks for.
pub(crate) fn target_on(clock: Option<PathClock>, rest: &str) -> Result<Target, RouteError> {
    let target = target(rest)?;
    if clock.is_some()
        && matches!(
            target,
            Target::Dvr { .. } | Target::Exchange(_) | Target::Page(..)
        )
    {
        return Err(RouteError::ClockNotAllowed);
    }
    Ok(target)
}

/// The clock in a path, and what follows it.
pub(crate) fn split_clock(path: &str) -> Result<(Option<PathClock>, &str), RouteError> {
    if path.len() > LONGEST_PATH {
        return Err(RouteError::TooLong);
    }
    let Some(behind) = path
        .strip_prefix("/@")
        .or_else(|| path.strip_prefix("/%40"))
    else {
        return Ok((None, path));
    };
    let end = behind.find(['/', '?']).unwrap_or(behind.len());
    let (text, rest) = behind.split_at(end);
    let clock = path_clock(text).ok_or_else(|| RouteError::Clock(text.to_owned()))?;
    Ok((Some(clock), rest))
}

fn path_clock(text: &str) -> Option<PathClock> {
    let (text, faults) = match text.split_once([',']) {
        None => (text, None),
        Some((text, "none")) => (text, Some(Faults::Healed)),
        Some((text, "recorded")) => (text, Some(Faults::Recorded)),
        Some(_) => return None,
    };
    let (zero, began) = match text.split_once('~') {
        None => (text, None),
        Some((zero, began)) => (zero, Some(began)),
    };
    Some(PathClock {
        zero_ms: milliseconds(zero)?,
        began_ms: match began {
            None => None,
            Some(began) => Some(milliseconds(began)?),
        },
        faults,
    })
}

fn milliseconds(text: &str) -> Option<i64> {
    // Thirteen digits now; fifteen reach the year 33658.
    let is_time = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_time.then(|| text.parse().ok()).flatten()
}

fn target(path_and_query: &str) -> Result<Target, RouteError> {
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    match path {
        "" | "/" => return Ok(Target::Index),
        "/favicon.ico" => return Ok(Target::Favicon),
        "/stream.m3u8" => return stream(None, query),
        "/dvr.m3u8" => {
            return Ok(Target::Dvr {
                name: None,
                playlist_id: None,
            });
        }
        _ => {}
    }
    if let Some(path) = path.strip_prefix("/-/") {
        return Ok(Target::Page(decode(path), query.to_owned()));
    }
    if let Some(url) = origin_url(path_and_query) {
        return Ok(Target::Origin(url));
    }
    if let Some(mut raw) = raw_path(path) {
        raw.name = raw.name.as_deref().map(decode);
        let offset = offset(query)?;
        return Ok(Target::Raw { path: raw, offset });
    }
    let mut steps = path.trim_start_matches('/').split('/');
    match (steps.next(), steps.next(), steps.next(), steps.next()) {
        _ if path.starts_with("//") => Err(RouteError::Nothing),
        (Some("exchange"), Some(id), Some(_), None) if number(id).is_some() => {
            number(id).map(Target::Exchange).ok_or(RouteError::Nothing)
        }
        (Some(name), Some("stream.m3u8"), None, None) => stream(Some(name), query),
        (Some(name), Some("dvr.m3u8"), None, None) => Ok(Target::Dvr {
            name: Some(decode(name)),
            playlist_id: None,
        }),
        (Some(name), Some("dvr"), Some(file), None) => Ok(Target::Dvr {
            name: Some(decode(name)),
            playlist_id: Some(
                file.strip_suffix(".m3u8")
                    .and_then(number)
                    .ok_or(RouteError::Nothing)?,
            ),
        }),
        _ => Err(RouteError::Nothing),
    }
}

/// The number of a row.
fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn stream(name: Option<&str>, query: &str) -> Result<Target, RouteError> {
    Ok(Target::Stream {
        name: name.map(decode),
        offset: offset(query)?,
    })
}

fn offset(query: &str) -> Result<Option<Duration>, RouteError> {
    let offset = query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("offset="));
    Ok(offset
        .map(|text| parse_duration(&decode(text)))
        .transpose()?)
}

/// A parameter of a query that all but spells `offset`.
pub(crate) fn misspelt_offset(query: &str) -> Option<&str> {
    let names = query
        .split('&')
        .map(|one| one.split('=').next().unwrap_or_default());
    let mut misspelt = names.filter(|name| {
        // No name of more letters is that close.
        let is_close =
            |name: &&str| name.len() <= 8 && is_all_but(&name.to_ascii_lowercase(), OFFSET);
        *name != OFFSET && is_close(name)
    });
    misspelt.next()
}

/// The parameter of this replay's own paths.
const OFFSET: &str = "offset";

/// Whether one letter that is missing, too many or another one, or two that changed places, make one of the other.
fn is_all_but(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let alike = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (
        one.get(alike..).unwrap_or_default(),
        other.get(alike..).unwrap_or_default(),
    );
    match (one, other) {
        ([], []) => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        (a, [_, b @ ..]) if a == b => true,
        ([_, a @ ..], b) if a == b => true,
        ([a, b, one @ ..], [c, d, other @ ..]) => (a, b) == (d, c) && one == other,
        _ => false,
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
