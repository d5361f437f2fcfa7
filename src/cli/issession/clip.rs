//! `issession clip`: a span of a session as a session of its own.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::place::NewArgument;
use super::session::SessionArgument;
use crate::cli::arguments::durations::{bytes, escaped, parse_session_moment};
use crate::cli::exit::{self, Failure};
use crate::session::Reader;
use crate::shown;
use crate::upkeep::{ClipError, ClipWanted, Clipped, clip};

/// Which span of which session, and where it goes.
#[derive(Debug, Args)]
pub(super) struct ClipArguments {
    /// From when on: session time (120, 2m), or UTC (2026-11-29T10:00:00Z)
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Until when, likewise
    #[arg(long, value_name = "TIME")]
    to: String,
    /// The only stream that is copied [default: all of them]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    #[command(flatten)]
    session: SessionArgument,
    #[command(flatten)]
    new: NewArgument,
}

impl ClipArguments {
    /// Makes the clip.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Failure> {
        let (sessions, name) = self.new.place(folder)?;
        let source = self.session.find(folder)?;
        let runs = Reader::open(&source)?.runs()?;
        let zero_us = runs.first().map_or(0, |run| run.started_us);
        let moment = |text: &str| parse_session_moment(text, zero_us).map_err(Failure::usage);
        let wanted = ClipWanted {
            from_us: moment(&self.from)?,
            to_us: moment(&self.to)?,
            stream: self.stream.clone(),
        };
        let done = clip(&source, &sessions, &name, &wanted)?;
        report(&done).lines().for_each(exit::say);
        Ok(())
    }
}

impl From<ClipError> for Failure {
    fn from(error: ClipError) -> Self {
        match error {
            ClipError::Wanted(what) => Self::usage(what),
            ClipError::Folder(error) => error.into(),
            ClipError::Read(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

/// What is in the clip, and what is not.
fn report(done: &Clipped) -> String {
    let mut text = format!(
        "Clip: {}\n  {}\n  {}, {} of before; {}; {} in all\n",
        escaped(&done.folder.display().to_string()),
        escaped(&done.origin),
        shown::counted(done.exchanges, "exchange"),
        done.before,
        shown::counted(done.chunks, "chunk"),
        bytes(done.chunk_bytes.saturating_add(done.database_bytes)),
    );
    // Writing to a String cannot fail.
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            let _ = writeln!(text, "  {what}: {count}");
        }
    };
    say(
        done.lost,
        "bodies that the session has lost, lost here, too",
    );
    say(
        done.not_landed,
        "listed by the end of the span, and not come in the ten seconds behind it",
    );
    say(
        done.growing,
        "parts of raw streams that are still being recorded, left out",
    );
    text
}
