//! adjacent-find: arguments, which playlists, the exit code.

mod faults;
mod printed;
mod printer;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use self::printed::printed;
use self::printer::{Form, Printer, heading};
use super::exit::{self, Failure, warn};
use crate::analysis::adjacent::{self, Threshold};
use crate::analysis::damaged::NotJudged;
use crate::analysis::gaps::gap::Unit;
use crate::analysis::gaps::labels::{Labels, with_label};
use crate::analysis::times::length;
use crate::analysis::{raw, report};
use crate::cli::arguments::durations::parse_duration;
use crate::replayer::request::timeline::format_time;
use crate::session::{Damage, PlaylistInfo, Reader, Sessions, StreamInfo, is_as_closed};
use crate::shown;

/// Finds where the media playlists of a recorded session were late: the gaps between two
/// consecutive advances, or two parts; and where nothing came of raw streams.
#[derive(Debug, Parser)]
#[command(name = "adjacent-find", version)]
struct Arguments {
    /// Folder of sessions
    #[arg(short, long, default_value = "sessions")]
    folder: PathBuf,

    /// Max time delta between consecutive advances (seconds) [default: 1.5 times the target duration; with --parts, twice the
    /// part target; of raw streams, which state none, 2 s without a byte]
    #[arg(short, long, value_parser = parse_duration, allow_negative_numbers = true)]
    time: Option<Duration>,

    /// Playlist name: whole, its last component, its URL, or what the log of the recorder calls it (1280x720 2.1 Mbit/s); of a raw stream its name or URL [default: all of them]
    #[arg(short, long)]
    playlist: Option<String>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,

    /// Low latency: gaps between two consecutive parts instead; playlists without parts, and raw streams, are left out
    #[arg(long, conflicts_with = "faults")]
    parts: bool,

    /// Print the findings alone: gaps in the format of the original, without headings, explanations, sums, or word that there is none
    #[arg(short, long)]
    quiet: bool,

    /// List outages instead, faults that are one event a line: what, from when to when, what it cost
    #[arg(long, conflicts_with_all = ["time", "playlist", "fail_on_gap"])]
    faults: bool,

    /// With --faults: each fault as well, with the time until the next good answer
    #[arg(short, long, requires = "faults")]
    verbose: bool,

    /// Exit with 1 where players had nothing new for too long, whether by the origin or by something on the way to it, or where there is neither a playlist nor a raw stream to look at
    #[arg(long)]
    fail_on_gap: bool,

    /// Recorded session name, or the path of its folder
    #[arg(value_name = "SESSION")]
    session: String,
}

/// The definition of the arguments.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// The program.
pub fn main() -> ExitCode {
    exit::code("adjacent-find", find(&Arguments::parse()))
}

/// `false`: a gap was found and that was to be a failure.
fn find(arguments: &Arguments) -> Result<bool, Failure> {
    let folder = Sessions::new(&arguments.folder).find(&arguments.session)?;
    let is_as_closed = is_as_closed(&folder);
    let reader = Reader::open(&folder)?;
    let damage = match is_as_closed {
        true => Damage::default(),
        false => reader.damage()?,
    };
    let unit = match arguments.parts {
        true => Unit::Parts,
        false => Unit::Segments,
    };
    let search = adjacent::Search::new(&reader, Threshold(arguments.time))?;
    let search = search.between(unit).without(damage);
    let zero_us = zero_us(&reader)?;
    if arguments.faults {
        let form = faults::Form {
            json: arguments.json,
            verbose: arguments.verbose,
            quiet: arguments.quiet,
            zero_us,
        };
        faults::list(&reader, &search, form)?;
        not_judged(&search, arguments.quiet, zero_us);
        return Ok(true);
    }
    let all = Searched::all(&reader, &search, unit)?;
    let searched = match &arguments.playlist {
        None => all.clone(),
        Some(name) => all.select(name, &reader)?,
    };
    let say = |what: String| {
        if !arguments.quiet {
            warn(what);
        }
    };
    if all.is_empty() {
        say(nothing_to_search(unit).to_owned());
        not_judged(&search, arguments.quiet, zero_us);
        return Ok(!arguments.fail_on_gap);
    }
    for playlist in &searched.playlists {
        for lie in reader.false_validators(&playlist.url)? {
            let name = heading(playlist, &all.playlists, None);
            say(format!(
                "Playlist {name}: {}",
                report::noticed(&lie, zero_us)
            ));
        }
    }
    let form = Form {
        json: arguments.json,
        quiet: arguments.quiet,
        headings: arguments.playlist.is_none(),
        zero_us,
        unit,
    };
    let mut printer = Printer::new(io::BufWriter::new(io::stdout().lock()), &reader, form);
    let all_printed = printer
        .print_all(&search, &searched.playlists, &all.playlists)
        .and_then(|()| printer.print_raw(&search, &searched.raw))
        .and_then(|()| printer.sum_up(&search));
    printed(all_printed, "findings")?;
    not_judged(&search, arguments.quiet, zero_us);
    let sum = printer.sum();
    if !sum.has_gaps() && !sum.has_own_gaps() && !sum.has_unsure_gaps() {
        let mut what = nothing_found(arguments.time, unit, &searched);
        if arguments.time.is_none() && unit == Unit::Segments {
            what.push_str(&otherwise(&search, &searched)?);
        }
        let kept_us = reader.kept_from_us()?;
        say(match kept_us.filter(|us| *us > zero_us) {
            None => what,
            Some(from_us) => {
                let from = format_time(from_us.saturating_sub(zero_us));
                format!("{what}, in what is kept: from {from} on")
            }
        });
    }
    Ok(!sum.players_went_without() || !arguments.fail_on_gap)
}

/// Says what is not told since rows are damaged.
fn not_judged(search: &adjacent::Search<'_>, is_quiet: bool, zero_us: i64) {
    if let Some(NotJudged { what, why }) = search.not_judged(zero_us).filter(|_| !is_quiet) {
        warn(format!("Not judged: {what} ({why})"));
    }
}

/// What is looked at.
#[derive(Debug, Clone)]
struct Searched {
    playlists: Vec<PlaylistInfo>,
    raw: Vec<StreamInfo>,
}

impl Searched {
    fn all(reader: &Reader, search: &adjacent::Search<'_>, unit: Unit) -> Result<Self, Failure> {
        let mut playlists = reader.media_playlists()?;
        if unit == Unit::Segments {
            let raw = search.raw_streams()?;
            return Ok(Self { playlists, raw });
        }
        let with_parts = reader.playlists_with_parts()?;
        playlists.retain(|playlist| with_parts.contains(&playlist.id));
        let raw = Vec::new();
        Ok(Self { playlists, raw })
    }

    /// Those that a name means.
    fn select(&self, name: &str, reader: &Reader) -> Result<Self, Failure> {
        let playlists = adjacent::select(&self.playlists, name);
        let is_meant = |stream: &&StreamInfo| name == stream.name || name == stream.url;
        let found = Self {
            playlists: playlists.into_iter().cloned().collect(),
            raw: self.raw.iter().filter(is_meant).cloned().collect(),
        };
        if !found.is_empty() || self.is_empty() {
            return Ok(found);
        }
        let labels = Labels::new(reader).all(&self.playlists)?;
        let label = |playlist: &PlaylistInfo| labels.get(&playlist.id);
        let mut labelled = self.playlists.clone();
        labelled.retain(|playlist| label(playlist).is_some_and(|label| label == name));
        if !labelled.is_empty() {
            return Ok(Self {
                playlists: labelled,
                raw: Vec::new(),
            });
        }
        let playlists = self.playlists.iter();
        let names = playlists.map(|playlist| with_label(&playlist.name, label(playlist)));
        let names: Vec<String> = names
            .chain(self.raw.iter().map(|stream| stream.name.clone()))
            .collect();
        Err(Failure::usage(format!(
            "no playlist {name:?}; there are: {}",
            names.join(", ")
        )))
    }

    fn is_empty(&self) -> bool {
        self.playlists.is_empty() && self.raw.is_empty()
    }
}

fn zero_us(reader: &Reader) -> Result<i64, Failure> {
    Ok(reader.runs()?.first().map_or(0, |run| run.started_us))
}

fn nothing_to_search(unit: Unit) -> &'static str {
    match unit {
        Unit::Segments => {
            "There is neither a media playlist nor a raw stream in this session: no gap can be found"
        }
        Unit::Parts => {
            "No media playlist of this session has parts (EXT-X-PART-INF): no gap between parts can be found"
        }
    }
}

fn nothing_found(time: Option<Duration>, unit: Unit, searched: &Searched) -> String {
    let over = |default: String| time.map_or(default, |time| length(crate::clock::micros(time)));
    let (playlists, raw_streams) = (searched.playlists.len(), searched.raw.len());
    let (gap, default) = match unit {
        Unit::Segments => ("No gap", "1.5 times the target duration"),
        Unit::Parts => ("No gap between parts", "2 part targets"),
    };
    let in_playlists = || {
        let over = over(default.to_owned());
        let playlists = shown::counted(playlists, "playlist");
        format!("{gap} over {over} in {playlists}")
    };
    let in_raw_streams = || {
        let over = over(length(raw::ALLOWED_US));
        format!(
            "No gap over {over} in {}",
            shown::counted(raw_streams, "raw stream")
        )
    };
    match (playlists, raw_streams) {
        (_, 0) => in_playlists(),
        (0, _) => in_raw_streams(),
        _ => format!("{}; {}", in_playlists(), in_raw_streams()),
    }
}

/// Playlists that state no target duration that can be, and what was used in its place.
fn otherwise(search: &adjacent::Search<'_>, searched: &Searched) -> Result<String, Failure> {
    let mut told = String::new();
    for playlist in &searched.playlists {
        if let Some(us) = search.stands_for_target_us(playlist)? {
            let (name, longest) = (shown::escaped(&playlist.name), length(us));
            told.push_str(&format!(
                "; {name} has no valid target duration: its longest EXTINF, {longest}, was used"
            ));
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_those_of_the_original() {
        Arguments::command().debug_assert();
        let words = [
            "adjacent-find",
            "-f",
            "/mnt/storage/test",
            "-t",
            "12",
            "-p",
            "test_36_37.m3u8",
            "session1",
        ];
        let arguments = Arguments::try_parse_from(words).unwrap();
        assert_eq!(arguments.time, Some(Duration::from_secs(12)));
        assert_eq!(arguments.playlist.as_deref(), Some("test_36_37.m3u8"));
        assert!(Arguments::try_parse_from(["adjacent-find", "-t", "-1", "s"]).is_err());
    }

    #[test]
    fn nothing_found_says_what_was_looked_for() {
        let searched = |playlists: i64, raw: i64| Searched {
            playlists: (0..playlists)
                .map(|id| PlaylistInfo {
                    id,
                    stream: String::new(),
                    name: String::new(),
                    url: String::new(),
                })
                .collect(),
            raw: (0..raw)
                .map(|id| StreamInfo {
                    id,
                    name: String::new(),
                    url: String::new(),
                })
                .collect(),
        };
        assert_eq!(
            nothing_found(None, Unit::Segments, &searched(3, 0)),
            "No gap over 1.5 times the target duration in 3 playlists"
        );
        let fixed = Some(Duration::from_millis(12_500));
        assert_eq!(
            nothing_found(fixed, Unit::Segments, &searched(1, 0)),
            "No gap over 12.500 s in 1 playlist"
        );
        assert_eq!(
            nothing_found(None, Unit::Segments, &searched(1, 2)),
            "No gap over 1.5 times the target duration in 1 playlist; No gap over 2.000 s in 2 raw streams"
        );
        assert_eq!(
            nothing_found(None, Unit::Parts, &searched(1, 0)),
            "No gap between parts over 2 part targets in 1 playlist"
        );
    }
}
