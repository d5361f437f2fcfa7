//! The values of the words of a rule. Pure.

use std::time::Duration;

use globset::GlobBuilder;
use http::{HeaderValue, StatusCode};

use super::rule::{Amount, Glob, Sequences, VariantSelector};
use super::words::Wrong;
use crate::replayer::request::timeline::parse_duration;

/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);

pub(super) fn glob(at: usize, value: &str) -> Result<Glob, Wrong> {
    let of_url = value.contains("://");
    // Paths begin with a slash, which users leave out.
    let slash = match value {
        _ if of_url => "",
        value if value.starts_with(['/', '*']) => "",
        _ => "/",
    };
    let glob = GlobBuilder::new(&format!("{slash}{value}"))
        .literal_separator(false)
        .backslash_escape(true)
        .build()
        .map_err(|error| (at, format!("no glob: {}", error.kind())))?;
    Ok(Glob {
        matcher: glob.compile_matcher(),
        of_url,
    })
}

pub(super) fn sequences(at: usize, value: &str) -> Result<Sequences, Wrong> {
    let wrong = |from: usize| {
        let what = "media sequence numbers are 7, 5-9 or 5-, with + counted from the player's first, with /N each N-th";
        (at + from, what.to_owned())
    };
    let unsigned = value.strip_prefix('+').unwrap_or(value);
    let sign = value.len() - unsigned.len();
    let (range, step) = match unsigned.split_once('/') {
        Some((range, step)) => (
            range,
            number(step)
                .filter(|n| *n > 0)
                .ok_or_else(|| wrong(sign + range.len() + 1))?,
        ),
        None => (unsigned, 1),
    };
    let (first, last) = match range.split_once('-') {
        None => (range, None),
        Some((first, last)) => (first, Some(last)),
    };
    let from = number(first).ok_or_else(|| wrong(sign))?;
    let last_at = sign + first.len() + 1;
    let to = match last {
        None => Some(from),
        Some("") => None,
        Some(last) => Some(
            number(last)
                .filter(|to| *to >= from)
                .ok_or_else(|| wrong(last_at))?,
        ),
    };
    Ok(Sequences {
        relative: sign > 0,
        first: from,
        last: to,
        step,
    })
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

pub(super) fn variant(at: usize, value: &str) -> Result<VariantSelector, Wrong> {
    let what = "variants are 1 (the first), 720p (their height), highest or lowest";
    let of_height = value.strip_suffix('p').and_then(number);
    match value {
        "highest" => Some(VariantSelector::Highest),
        "lowest" => Some(VariantSelector::Lowest),
        _ => of_height.map(VariantSelector::Height).or_else(|| {
            let position = number(value).and_then(|n| usize::try_from(n).ok());
            position.filter(|n| *n > 0).map(VariantSelector::Position)
        }),
    }
    .ok_or_else(|| (at, what.to_owned()))
}

pub(super) fn duration(at: usize, value: &str) -> Result<Duration, Wrong> {
    parse_duration(value).map_err(|error| (at, error.to_string()))
}

pub(super) fn some_time(at: usize, value: &str) -> Result<Duration, Wrong> {
    match duration(at, value)? {
        Duration::ZERO => Err((at, "it must be more than zero".to_owned())),
        duration => Ok(duration),
    }
}

pub(super) fn delay(at: usize, value: &str) -> Result<Duration, Wrong> {
    match some_time(at, value)? {
        delay if delay > LONGEST_DELAY => Err((at, "it must be a day at most".to_owned())),
        delay => Ok(delay),
    }
}

pub(super) fn share(at: usize, value: &str) -> Result<f64, Wrong> {
    let percent = value.strip_suffix('%').and_then(decimal);
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| (at, "a share is 0% to 100%".to_owned()))
}

fn decimal(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_number.then(|| text.parse().ok()).flatten()
}

/// A number with k, M or G behind it: thousands, millions, thousands of millions.
fn scaled(value: &str) -> Option<f64> {
    let factor = match value.chars().last()? {
        'k' => 1e3,
        'M' => 1e6,
        'G' => 1e9,
        _ => return decimal(value),
    };
    let (digits, _) = value.split_at(value.len() - 1);
    decimal(digits).map(|n| n * factor)
}

pub(super) fn rate(at: usize, value: &str) -> Result<u64, Wrong> {
    // Up to 10^18 no f64 is far from its integer.
    scaled(value)
        .filter(|rate| (8.0..=1e18).contains(rate))
        .map(|rate| rate as u64)
        .ok_or_else(|| {
            (
                at,
                "a rate is in bits per second: 500k, 2.5M, at least 8".to_owned(),
            )
        })
}

pub(super) fn amount(at: usize, value: &str) -> Result<Amount, Wrong> {
    if value.ends_with('%') {
        return share(at, value).map(Amount::Share);
    }
    scaled(value)
        .filter(|bytes| (0.0..=1e18).contains(bytes))
        .map(|bytes| Amount::Bytes(bytes as u64))
        .ok_or_else(|| {
            (
                at,
                "so much is in bytes, 1000 or 64k, or a share, 50%".to_owned(),
            )
        })
}

pub(super) fn status(at: usize, value: &str) -> Result<StatusCode, Wrong> {
    number(value)
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (200..=599).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| (at, "a status is 200 to 599".to_owned()))
}

pub(super) fn media_type(at: usize, value: &str) -> Result<HeaderValue, Wrong> {
    HeaderValue::from_str(value)
        .map_err(|_| (at, "no media type: it has control characters".to_owned()))
}
