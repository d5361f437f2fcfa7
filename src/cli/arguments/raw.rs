//! The arguments about streams that are no playlists.

use std::time::Duration;

use clap::Args;

use super::durations::parse_positive;
use crate::recorder::RawOptions;

/// How streams that are no playlists are recorded.
#[derive(Debug, Args)]
#[command(next_help_heading = "Streams that are no playlists (MPEG-TS, MP3, …)")]
pub(crate) struct RawArguments {
    /// Begin a new file so often, where the format can be cut (MPEG-TS, MP3, AAC)
    #[arg(long, value_parser = parse_positive, value_name = "TIME", default_value = "1h")]
    roll: Duration,
    /// Give up what brings nothing for so long; a stream is asked for again
    #[arg(long, value_parser = parse_positive, value_name = "SECONDS", default_value = "20")]
    stall: Duration,
    /// Keep no file smaller than this, for example 64k or 1M
    #[arg(long, value_parser = parse_size, value_name = "SIZE", default_value = "64k")]
    min_part: u64,
}

impl RawArguments {
    pub(crate) fn into_options(self) -> RawOptions {
        RawOptions {
            roll: self.roll,
            stall: self.stall,
            min_part: self.min_part,
        }
    }
}

/// `65536`, `64k`, `1.5M`, `2G`: bytes, in units of 1024.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(number.len()..).unwrap_or_default() {
        "" | "B" => 1.0,
        "k" | "K" | "KiB" => 1024.0,
        "M" | "MiB" => 1024.0 * 1024.0,
        "G" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        unit => return Err(format!("{unit:?} is no unit: write bytes, or 64k, 1M, 2G")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "write bytes, or 64k, 1M, 2G".to_owned())?;
    match number.is_finite() && number >= 0.0 {
        true => Ok((number * unit) as u64),
        false => Err("a size is not negative".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("64k", 65_536),
            ("1.5M", 1_572_864),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "k", "-1", "64x", "1e999", "NaN"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
