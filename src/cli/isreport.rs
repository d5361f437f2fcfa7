//! `isreport`: what was wrong with a channel.

mod channel;
mod events;
mod form;
mod html;
mod json;
mod junit;
mod progress;
mod summary;
mod text;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, ValueEnum};

use self::form::{Form, Shown};
use self::html::Evidence;
use super::exit::{self, Failure};
use crate::analysis::gaps::labels::{Labels, with_label};
use crate::analysis::rules::findings::Wanted;
use crate::analysis::rules::judge::{Scope, judge};
use crate::analysis::rules::registry::{Profile, RULES, Severity};
use crate::analysis::rules::selection::Selection;
use crate::analysis::times::timedelta;
use crate::cli::arguments::durations::parse_session_moment;
use crate::cli::output::{next_steps, nothing_recorded};
use crate::session::{Reader, RevisedPlaylist, Run, Sessions, is_as_closed};
use crate::upkeep::lost_bodies;

/// Say what was wrong with a recorded channel, by the rules of HLS (RFC 8216bis), and show where.
///
/// Exit code 0 whatever was found, unless --fail-on says otherwise. docs/ref/rules.md says of each rule what it means to a
/// viewer and what usually causes it.
#[derive(Debug, Parser)]
#[command(name = "isreport", version)]
struct Arguments {
    /// Folder of sessions
    #[arg(short, long, default_value = "sessions")]
    folder: PathBuf,

    /// The only playlist to look at: its name, the last component of that, its URL, or what the log of the recorder calls it (1280x720 2.1 Mbit/s); a raw stream by the name of its stream [default: all of them]
    #[arg(short, long, value_name = "NAME")]
    playlist: Option<String>,

    /// The only stream to look at [default: all of them]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,

    /// From when on: session time (120, 2m), or UTC (2026-11-29T10:00:00Z)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// Until when, likewise
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// P06,T07 only; -P16 all but; M* a family
    #[arg(long, value_name = "LIST", value_parser = Selection::read, allow_hyphen_values = true)]
    rules: Option<Selection>,

    /// Print every rule with its condition and section
    #[arg(long)]
    list_rules: bool,

    /// The least that is shown
    #[arg(long, value_enum, default_value_t = Level::Should)]
    severity: Level,

    /// By whose demands: the standard's, or those of Apple's authoring specification, too
    #[arg(long, value_enum, default_value_t = ProfileName::Rfc)]
    profile: ProfileName,

    /// In which form
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,

    /// Write it to a file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Exit with 1 where there is a finding of this severity, or a worse one
    #[arg(long, value_enum)]
    fail_on: Option<Level>,

    /// Recorded session name, or the path of its folder
    #[arg(value_name = "SESSION", required_unless_present = "list_rules")]
    session: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// The standard says MUST, or nothing plays
    Must,
    /// The standard says SHOULD
    Should,
    /// Worth knowing
    Info,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Must => Self::Must,
            Level::Should => Self::Should,
            Level::Info => Self::Info,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// RFC 8216bis
    Rfc,
    /// Apple's HLS Authoring Specification, too
    Apple,
}

/// The definition of the arguments.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// The program.
pub fn main() -> ExitCode {
    exit::code("isreport", report(&Arguments::parse()))
}

/// `false`: something was found and that was to be a failure.
fn report(arguments: &Arguments) -> Result<bool, Failure> {
    if arguments.list_rules {
        list_rules();
        return Ok(true);
    }
    let name = arguments.session.as_deref().unwrap_or_default();
    let folder = Sessions::new(&arguments.folder).find(name)?;
    let is_as_closed = is_as_closed(&folder);
    let reader = Reader::open(&folder)?;
    let runs = reader.runs()?;
    let zero_us = runs.first().map_or(0, |run| run.started_us);
    let end_us = runs.last().map_or(zero_us, Run::end_us);
    let mut wanted = wanted(arguments, zero_us)?;
    let kept_us = reader
        .kept_from_us()?
        .map_or(0, |kept_us| kept_us.saturating_sub(zero_us));
    check_span(&wanted, zero_us.saturating_add(kept_us), end_us, zero_us)?;
    // What was recorded of what was asked for.
    let from_us = wanted.from_us.clamp(zero_us, end_us.max(zero_us));
    let span_us = (from_us, wanted.until_us.clamp(from_us, end_us.max(from_us)));
    let mut scope = Scope {
        stream: arguments.stream.clone(),
        playlist: arguments.playlist.clone(),
        labelled: BTreeSet::new(),
        is_as_closed,
    };
    check_names(&reader, &mut scope)?;
    let clip_of = reader.clip_of()?;
    if clip_of.is_some() {
        // What it has of before and behind its span is there for answers.
        wanted.from_us = wanted.from_us.max(zero_us);
        wanted.until_us = wanted.until_us.min(end_us);
    }
    let mut progress = progress::Progress::default();
    let selection = wanted.selection.clone();
    let judgement = judge(&reader, wanted, &scope, &mut |read| progress.at(read))?;
    progress.end();
    let shown = Shown {
        judgement: &judgement,
        selection: &selection,
        name: folder
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        session: next_steps::arguments(folder.path()),
        was_killed: reader.is_left() && runs.last().is_some_and(|run| run.stopped_us.is_none()),
        grouped: std::cell::OnceCell::new(),
        lost: lost_bodies(&reader)?.len(),
        nothing: nothing_recorded::of_session(&reader)?,
        streams: reader.streams()?,
        zero_us,
        kept_us,
        clip_of,
        end_us,
        span_us,
        least: arguments.severity.into(),
    };
    let evidence = match arguments.format {
        Form::Html => Evidence::read(&reader, shown.findings())?,
        Form::Text | Form::Json | Form::Junit => Evidence::default(),
    };
    write(arguments, &shown, &evidence)?;
    let failed = arguments.fail_on.map(Severity::from);
    let is_failure = |worst| {
        judgement
            .findings
            .iter()
            .any(|judged| judged.severity <= worst)
    };
    // Nothing that was to be judged was there, which is no channel without faults.
    let is_failure = |worst| shown.nothing.is_some() || is_failure(worst);
    Ok(!failed.is_some_and(is_failure))
}

/// Which findings are wanted. `zero_us`: session zero.
fn wanted(arguments: &Arguments, zero_us: i64) -> Result<Wanted, Failure> {
    let moment = |text: &Option<String>, otherwise| {
        text.as_deref()
            .map_or(Ok(otherwise), |text| parse_session_moment(text, zero_us))
            .map_err(Failure::usage)
    };
    Ok(Wanted {
        selection: arguments.rules.clone().unwrap_or_default(),
        profile: match arguments.profile {
            ProfileName::Rfc => Profile::Rfc,
            ProfileName::Apple => Profile::Apple,
        },
        from_us: moment(&arguments.from, i64::MIN)?,
        until_us: moment(&arguments.to, i64::MAX)?,
        beyond: 0,
    })
}

/// A time of which nothing was recorded is a mistake, and no channel without faults. Moments in microseconds of Unix time.
fn check_span(wanted: &Wanted, kept_us: i64, end_us: i64, zero_us: i64) -> Result<(), Failure> {
    let at = |us: i64| timedelta(us.saturating_sub(zero_us));
    let (from_us, until_us) = (wanted.from_us, wanted.until_us);
    let why = if from_us > until_us {
        format!("--from ({}) is behind --to ({})", at(from_us), at(until_us))
    } else if from_us > i64::MIN && from_us >= end_us {
        format!("--from ({}) is at or behind the end", at(from_us))
    } else if until_us < kept_us {
        format!("--to ({}) is before the beginning", at(until_us))
    } else {
        return Ok(());
    };
    let kept = match kept_us > zero_us {
        true => format!(", and kept from {} on", at(kept_us)),
        false => String::new(),
    };
    Err(Failure::usage(format!(
        "{why}: the session is {} long{kept}",
        at(end_us)
    )))
}

/// A name that means nothing is a mistake, and no channel without faults.
fn check_names(reader: &Reader, scope: &mut Scope) -> Result<(), Failure> {
    let playlists = reader.revised_playlists()?;
    let streams = reader.streams()?;
    if let Some(name) = scope
        .stream
        .as_ref()
        .filter(|name| streams.iter().all(|s| s.name != **name))
    {
        let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
        return Err(Failure::usage(format!(
            "no stream {name:?}; there are: {}",
            names.join(", ")
        )));
    }
    let Some(name) = scope.playlist.clone() else {
        return Ok(());
    };
    let raw = reader.raw_streams()?.0;
    let is_raw = raw.iter().any(|raw| scope.has_raw(&raw.name, &raw.url));
    if is_raw || playlists.iter().any(|playlist| scope.has(playlist)) {
        return Ok(());
    }
    let labels = Labels::new(reader).all(&reader.media_playlists()?)?;
    let label = |playlist: &RevisedPlaylist| labels.get(&playlist.id);
    let is_labelled = |playlist: &&RevisedPlaylist| label(playlist) == Some(&name);
    let labelled = playlists.iter().filter(is_labelled);
    scope.labelled = labelled.map(|playlist| playlist.url.clone()).collect();
    if playlists.iter().any(|playlist| scope.has(playlist)) {
        return Ok(());
    }
    let names: Vec<String> = playlists
        .iter()
        .map(|playlist| with_label(&playlist.name, label(playlist)))
        .chain(raw.into_iter().map(|stream| stream.name))
        .collect();
    Err(Failure::usage(format!(
        "no playlist {name:?}; there are: {}",
        names.join(", ")
    )))
}

fn write(arguments: &Arguments, shown: &Shown<'_>, evidence: &Evidence) -> Result<(), Failure> {
    let written = match &arguments.output {
        None => write_as(
            arguments.format,
            shown,
            evidence,
            &mut BufWriter::new(io::stdout().lock()),
        ),
        Some(path) => File::create(path).and_then(|file| {
            write_as(arguments.format, shown, evidence, &mut BufWriter::new(file))
        }),
    };
    let place = arguments
        .output
        .as_ref()
        .map(|path| path.display().to_string());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(format!(
            "cannot write the report{}: {error}",
            place
                .map(|place| format!(" to {place}"))
                .unwrap_or_default()
        ))),
        _ => Ok(()),
    }
}

fn write_as(
    form: Form,
    shown: &Shown<'_>,
    evidence: &Evidence,
    out: &mut impl Write,
) -> io::Result<()> {
    match form {
        Form::Text => text::write(shown, out),
        Form::Json => json::write(shown, out),
        Form::Html => html::write(shown, evidence, out),
        Form::Junit => junit::write(shown, out),
    }?;
    out.flush()
}

fn list_rules() {
    let mut out = BufWriter::new(io::stdout().lock());
    for rule in RULES {
        // Nobody is left to tell where standard output is closed.
        let _ = writeln!(
            out,
            "{} {} ({}{}): {} [{}]",
            rule.id,
            rule.name,
            rule.severity.as_str(),
            if rule.apple_demands {
                "; Apple: must"
            } else {
                ""
            },
            rule.fires,
            rule.section
        );
    }
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
        let read = |words: &[&str]| Arguments::try_parse_from(words);
        assert!(read(&["isreport", "--rules", "-P16", "demo"]).is_ok());
        assert!(read(&["isreport", "--rules", "X99", "demo"]).is_err());
        assert!(read(&["isreport"]).is_err());
        assert!(read(&["isreport", "--list-rules"]).is_ok());
    }

    #[test]
    fn a_time_of_which_nothing_was_recorded_is_a_mistake() {
        let check = |from_us, until_us, kept_us| {
            let wanted = Wanted {
                selection: Selection::default(),
                profile: Profile::Rfc,
                from_us,
                until_us,
                beyond: 0,
            };
            check_span(&wanted, kept_us, 75_000_000, 0)
        };
        for (from_us, until_us, kept_us, is_right) in [
            (i64::MIN, i64::MAX, 0, true),
            (60_000_000, i64::MAX, 0, true),
            (60_000_000, 60_000_000, 0, true),
            (i64::MIN, 0, 0, true),
            (60_000_000, 30_000_000, 0, false),
            (75_000_000, i64::MAX, 0, false),
            (i64::MIN, -1, 0, false),
            (0, 5_000_000, 10_000_000, false),
            (0, 15_000_000, 10_000_000, true),
        ] {
            let told = check(from_us, until_us, kept_us);
            assert_eq!(told.is_ok(), is_right, "{from_us} {until_us} {kept_us}");
        }
    }
}
