//! adjacent-find: arguments, which playlists, the exit code.

mod faults;
mod printed;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use self::printed::{Unprinted, printed};
use super::exit::{self, Failure, warn};
use crate::analysis::adjacent::{self, Gap, Threshold};
use crate::analysis::summary::Summary;
use crate::analysis::times::timedelta;
use crate::analysis::{raw, report};
use crate::cli::arguments::durations::{escaped, parse_duration};
use crate::session::{Body, ExchangeId, PlaylistInfo, ReadError, Reader, Sessions, StreamInfo};
use crate::shown;

/// Finds where the media playlists of a recorded session were late: the gaps between two
/// consecutive advances; and where nothing came of raw streams.
#[derive(Debug, Parser)]
#[command(name = "adjacent-find", version)]
struct Arguments {
    /// Folder of sessions
    #[arg(short, long, default_value = "sessions")]
    folder: PathBuf,

    /// Max time delta between consecutive advances (seconds) [default: 1.5 times the target duration; of raw streams, which
    /// state none, 2 s without a byte]
    #[arg(short, long, value_parser = parse_duration, allow_negative_numbers = true)]
    time: Option<Duration>,

    /// Playlist name: whole, its last component, or its URL; of a raw stream its name or URL [default: all of them]
    #[arg(short, long)]
    playlist: Option<String>,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,

    /// List outages instead, faults that are one event a line: what, from when to when, what it cost
    #[arg(long, conflicts_with_all = ["time", "playlist", "fail_on_gap"])]
    faults: bool,

    /// With --faults: each fault as well, with the time until the next good answer
    #[arg(short, long, requires = "faults")]
    verbose: bool,

    /// Exit with 1 where a gap was found that is not the recorder's own, or where there is neither a playlist nor a raw stream to look at
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
    let reader = Reader::open(&Sessions::new(&arguments.folder).find(&arguments.session)?)?;
    let search = adjacent::Search::new(&reader, Threshold(arguments.time))?;
    let zero_us = zero_us(&reader)?;
    if arguments.faults {
        let form = faults::Form {
            json: arguments.json,
            verbose: arguments.verbose,
            zero_us,
        };
        return faults::list(&reader, &search, form).map(|()| true);
    }
    let all = reader.media_playlists()?;
    let searched = match &arguments.playlist {
        None => all.iter().collect(),
        Some(name) => adjacent::select(&all, name),
    };
    let search = adjacent::Search::new(&reader, Threshold(arguments.time))?;
    let raw = search.raw_streams()?;
    let is_meant = |stream: &&StreamInfo| {
        let name = arguments.playlist.as_ref();
        name.is_none_or(|name| *name == stream.name || *name == stream.url)
    };
    let raw_searched: Vec<&StreamInfo> = raw.iter().filter(is_meant).collect();
    if let (Some(name), true) = (
        &arguments.playlist,
        searched.is_empty() && raw_searched.is_empty(),
    ) {
        let names = all.iter().map(|playlist| playlist.name.as_str());
        let names: Vec<&str> = names
            .chain(raw.iter().map(|stream| stream.name.as_str()))
            .collect();
        return Err(Failure::usage(format!(
            "no playlist {name:?}; there are: {}",
            names.join(", ")
        )));
    }
    if all.is_empty() && raw.is_empty() {
        warn(
            "There is neither a media playlist nor a raw stream in this session: no gap can be found",
        );
        return Ok(!arguments.fail_on_gap);
    }
    for playlist in &searched {
        for lie in reader.false_validators(&playlist.url)? {
            let name = heading(playlist, &all);
            warn(format_args!("Playlist {name}: {}", report::noticed(&lie)));
        }
    }
    let mut printer = Printer {
        out: io::BufWriter::new(io::stdout().lock()),
        reader: &reader,
        zero_us,
        json: arguments.json,
        headings: arguments.playlist.is_none(),
        last: None,
        sum: Summary::default(),
    };
    let all_printed = printer
        .print_all(&search, &searched, &all)
        .and_then(|()| printer.print_raw(&search, &raw_searched))
        .and_then(|()| printer.sum_up(&search));
    printed(all_printed, "findings")?;
    let found = printer.sum.gaps;
    if found + printer.sum.own_gaps == 0 {
        let what = nothing_found(arguments.time, searched.len(), raw_searched.len());
        match reader.kept_from_us()? {
            None => warn(what),
            Some(from_us) => {
                let from = timedelta(from_us.saturating_sub(zero_us));
                warn(format_args!("{what}, in what is kept: from {from} on"));
            }
        }
    }
    Ok(found == 0 || !arguments.fail_on_gap)
}

fn zero_us(reader: &Reader) -> Result<i64, Failure> {
    Ok(reader.runs()?.first().map_or(0, |run| run.started_us))
}

fn nothing_found(time: Option<Duration>, playlists: usize, raw_streams: usize) -> String {
    let over = |default: String| time.map_or(default, |time| timedelta(crate::clock::micros(time)));
    let in_playlists = || {
        let over = over("1.5 times the target duration".to_owned());
        format!(
            "No gap over {over} in {}",
            shown::counted(playlists, "playlist")
        )
    };
    let in_raw_streams = || {
        let over = over(timedelta(raw::ALLOWED_US));
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

struct Printer<'a, W> {
    out: W,
    reader: &'a Reader,
    zero_us: i64,
    json: bool,
    headings: bool,
    /// The advance that was shown last, which is the first one of the next gap as a rule.
    last: Option<(ExchangeId, Text)>,
    /// What has been found so far.
    sum: Summary,
}

/// What an exchange brought, where that is no file.
type Text = Option<Vec<u8>>;

impl<W: Write> Printer<'_, W> {
    fn print_all(
        &mut self,
        search: &adjacent::Search<'_>,
        searched: &[&PlaylistInfo],
        all: &[PlaylistInfo],
    ) -> Result<(), Unprinted> {
        for playlist in searched {
            let mut is_first = true;
            search.gaps(playlist, |gap| {
                if std::mem::take(&mut is_first) && self.headings && !self.json {
                    writeln!(self.out, "Playlist {}", heading(playlist, all))?;
                }
                let lost = gap.never_listed.map_or(0, |lost| lost.count);
                match gap.is_recorders() {
                    true => self.sum.own_gaps += 1,
                    false => self.sum.gap(gap.length_us(), lost),
                }
                self.print(playlist, &gap)
            })?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// The last line, of texts; outages are counted where all of the session is looked at.
    fn sum_up(&mut self, search: &adjacent::Search<'_>) -> Result<(), Unprinted> {
        if self.json {
            return Ok(());
        }
        if self.headings {
            search.outages(|outage| {
                self.sum.outage(&outage);
                Ok::<(), Unprinted>(())
            })?;
        }
        if self.sum != Summary::default() {
            writeln!(self.out, "{}", self.sum.of_gaps())?;
        }
        Ok(self.out.flush()?)
    }

    /// Gaps in raw streams, a line each.
    fn print_raw(
        &mut self,
        search: &adjacent::Search<'_>,
        streams: &[&StreamInfo],
    ) -> Result<(), Unprinted> {
        for stream in streams {
            let before = self.sum.gaps;
            search.raw_gaps(stream, |gap| {
                if self.headings && !self.json && self.sum.gaps == before {
                    writeln!(self.out, "Raw stream {}", escaped(&stream.name))?;
                }
                self.sum.gap(gap.length_us(), 0);
                match self.json {
                    true => gap
                        .finding(stream, self.zero_us)
                        .write_json(&mut self.out, self.zero_us)?,
                    false => gap.write_text(&mut self.out, self.zero_us)?,
                }
                Ok::<(), Unprinted>(())
            })?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn print(&mut self, playlist: &PlaylistInfo, gap: &Gap) -> Result<(), Unprinted> {
        if self.json {
            let finding = report::finding(playlist, gap, self.zero_us);
            finding.write_json(&mut self.out, self.zero_us)?;
            return Ok(());
        }
        let from = match self.last.take() {
            Some((exchange, text)) if exchange == gap.from.exchange_id => text,
            _ => self.body(gap.from.exchange_id)?,
        };
        let to = match gap.to {
            Some(to) => self.body(to.exchange_id)?,
            None => None,
        };
        report::write_text(
            &mut self.out,
            gap,
            self.zero_us,
            from.as_deref(),
            to.as_deref(),
        )?;
        self.last = gap.to.map(|advance| (advance.exchange_id, to));
        Ok(())
    }

    fn body(&self, exchange: ExchangeId) -> Result<Text, ReadError> {
        let reader = self.reader;
        match reader.together(|| reader.body_of(exchange))? {
            Some(Body::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Body::Chunk(_)) | None => Ok(None),
        }
    }
}

/// The name; with that of the stream where there are several, and with the URL where another
/// one of the stream has that name, too.
fn heading(playlist: &PlaylistInfo, all: &[PlaylistInfo]) -> String {
    let is_namesake =
        |other: &&PlaylistInfo| (&other.stream, &other.name) == (&playlist.stream, &playlist.name);
    let namesakes = all.iter().filter(is_namesake).count();
    let name = match all.iter().all(|other| other.stream == playlist.stream) {
        true => escaped(&playlist.name),
        false => format!(
            "[{}] {}",
            escaped(&playlist.stream),
            escaped(&playlist.name)
        ),
    };
    if namesakes > 1 {
        format!("{name} ({})", escaped(&playlist.url))
    } else {
        name
    }
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
        assert_eq!(
            nothing_found(None, 3, 0),
            "No gap over 1.5 times the target duration in 3 playlists"
        );
        assert_eq!(
            nothing_found(Some(Duration::from_millis(12_500)), 1, 0),
            "No gap over 0:00:12.500000 in 1 playlist"
        );
        assert_eq!(
            nothing_found(None, 1, 2),
            "No gap over 1.5 times the target duration in 1 playlist; No gap over 0:00:02 in 2 raw streams"
        );
    }
}
