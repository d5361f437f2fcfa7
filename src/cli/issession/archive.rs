//! `issession archive`, `issession fetch`, and `issession check` of an archive: a session into a bucket and back.

use std::path::Path;

use clap::Args;

use super::place::NewArgument;
use super::session::SessionArgument;
use crate::archive::{self, ArchiveReport, Archiver, FetchWanted, Fetched, Step, Told, fetch};
use crate::cli::arguments::durations::{bytes, clock_time, escaped, parse_duration, parse_moment};
use crate::cli::arguments::store::{TRIES, VolumeArgument, open};
use crate::cli::exit::{self, Failure, say};
use crate::session::rfc3339;
use crate::shown;
use crate::store::Purpose;
use crate::upkeep::is_recording;

const STORE: &str = "Archive: s3://BUCKET/PREFIX, or file:///FOLDER";

/// Which session goes into which archive.
#[derive(Debug, Args)]
pub(super) struct ArchiveArguments {
    #[command(flatten)]
    volume: VolumeArgument,
    #[command(flatten)]
    session: SessionArgument,
    #[arg(value_name = "URL", help = STORE)]
    url: String,
}

impl ArchiveArguments {
    /// Uploads what is not there yet.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Failure> {
        let session = self.session.find(folder)?;
        if is_recording(&session)? {
            let why = "the session is being recorded: isrecorder --archive uploads it as it is";
            return Err(Failure::usage(why));
        }
        let store = open(&self.url, Purpose::Write, TRIES)?;
        let mut archiver = Archiver::new(&session, store, self.volume.us())?;
        let (mut volumes, mut before, mut skipped) = (0_u64, 0_u64, 0_u64);
        loop {
            match archiver.step(None)? {
                Step::Volume(told) => {
                    volumes += 1;
                    before += u64::from(told.was_there);
                    say(line(&told));
                }
                Step::Skipped(told, why) => {
                    skipped += 1;
                    exit::warn(format!("{} is left out: {why}", span(&told)));
                }
                Step::Passed => {}
                Step::Idle => break,
            }
        }
        let there = match before {
            0 => String::new(),
            before => format!(", {before} of them there before"),
        };
        say(format!(
            "Archive: {}, {}{there}",
            archiver.shown(),
            shown::counted(volumes, "volume")
        ));
        match skipped {
            0 => Ok(()),
            _ => Err(Failure::failed(format!(
                "{} could not be made",
                shown::counted(skipped, "volume")
            ))),
        }
    }
}

fn span(told: &Told) -> String {
    format!(
        "{} {} to {}",
        told.stream,
        rfc3339(told.from_us),
        rfc3339(told.to_us)
    )
}

fn line(told: &Told) -> String {
    let there = if told.was_there { ", there before" } else { "" };
    format!("  {}: {}{there}", span(told), bytes(told.bytes))
}

/// Which span of which archive, and where it goes.
#[derive(Debug, Args)]
pub(super) struct FetchArguments {
    /// From when on, UTC: 2026-11-29T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_utc)]
    from: i64,
    /// Until when, likewise
    #[arg(long, value_name = "TIME", value_parser = parse_utc)]
    to: i64,
    /// The only stream that is fetched [default: all of them]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// The recorder whose volumes are fetched, 16 hex digits [default: the one that has most of the span]
    #[arg(long, value_name = "WRITER")]
    writer: Option<String>,
    #[arg(value_name = "URL", help = STORE)]
    url: String,
    #[command(flatten)]
    new: NewArgument,
}

/// Nothing that was recorded is from before 2001, in seconds: smaller numbers are session times.
const FIRST_UNIX: f64 = 1e9;

/// A moment in UTC: an archive is of several sessions, and has no session zero.
fn parse_utc(text: &str) -> Result<i64, String> {
    let is_session_time = match text.trim().parse::<f64>() {
        Ok(seconds) => seconds < FIRST_UNIX,
        Err(_) => parse_duration(text).is_ok(),
    };
    match is_session_time {
        true => Err(format!(
            "{text:?} is session time, and an archive has none: write UTC, as 2026-11-29T10:00:00Z"
        )),
        false => parse_moment(text),
    }
}

impl FetchArguments {
    /// Makes a session of a span.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Failure> {
        let (sessions, name) = self.new.place(folder)?;
        let store = open(&self.url, Purpose::Read, TRIES)?;
        let wanted = FetchWanted {
            from_us: self.from,
            to_us: self.to,
            stream: self.stream.clone(),
            writer: self.writer.clone(),
        };
        // Rows of volumes are as large as the session that is made: they go to the same disk.
        let place = self.new.folder(folder);
        std::fs::create_dir_all(place).map_err(Failure::failed)?;
        let work = tempfile::Builder::new().prefix(".fetch-").tempdir_in(place);
        let work = work.map_err(Failure::failed)?;
        let done = fetch(&store, &sessions, &name, &wanted, work.path())?;
        report(&done).lines().for_each(say);
        Ok(())
    }
}

fn report(done: &Fetched) -> String {
    let mut text = format!(
        "Session: {}\n  {}\n  {} of {}; {}; {}; {} in all",
        escaped(&done.clip.folder.display().to_string()),
        escaped(&done.clip.origin),
        shown::counted(done.volumes, "volume"),
        done.writer,
        shown::counted(done.clip.exchanges, "exchange"),
        shown::counted(done.clip.chunks, "chunk"),
        bytes(
            done.clip
                .chunk_bytes
                .saturating_add(done.clip.database_bytes)
        ),
    );
    if done.clip.lost > 0 {
        text += &format!(
            "\n  bodies that the archive has lost, or the session had: {}",
            done.clip.lost
        );
    }
    if done.missing_us > 0 {
        let missing = std::time::Duration::from_micros(done.missing_us.unsigned_abs());
        text += &format!(
            "\n  recorded and not in the archive: {}",
            clock_time(missing)
        );
    }
    text
}

/// Checks the archive that a text names; `false`: something is wrong.
pub(super) fn check(url: &str, hashes: bool, json: bool) -> Result<bool, Failure> {
    let store = open(url, Purpose::Read, TRIES)?;
    let work = tempfile::tempdir().map_err(Failure::failed)?;
    let report = archive::check(&store, None, hashes, work.path())?;
    if json {
        say(shown::json(&report).map_err(Failure::failed)?);
        return Ok(report.ok);
    }
    for problem in &report.problems {
        say(format!("wrong: {problem}"));
    }
    if report.databases_unnamed + report.chunks_unnamed > 0 {
        let (databases, chunks) = (report.databases_unnamed, report.chunks_unnamed);
        say(format!(
            "note: of volumes that were begun there are {databases} databases and {chunks} chunks more"
        ));
    }
    say(summary(&report));
    Ok(report.ok)
}

fn summary(report: &ArchiveReport) -> String {
    if !report.ok {
        return shown::counted(report.problem_count, "problem");
    }
    format!(
        "ok: {}, {}, {}, {}{}",
        shown::counted(report.streams, "stream"),
        shown::counted(report.volumes, "volume"),
        shown::counted(report.chunks, "chunk"),
        bytes(report.chunk_bytes),
        if report.hashes {
            ""
        } else {
            ", hashes not compared"
        },
    )
}
