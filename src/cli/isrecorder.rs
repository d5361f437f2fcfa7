//! `isrecorder`: records streams.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::durations::{clock_time, parse_duration, parse_positive};
use super::exit::{self, Failure};
use super::http_arguments::HttpArguments;
use super::inputs::{name_given_twice, parse_file, parse_input};
use super::live::{AboveView, LiveView, total_line};
use super::logging::{self, LogForm, LogOptions};
use super::plain_arguments::PlainArguments;
use super::signals::Ends;
use crate::recorder::{
    self, Board, Control, Input, RecordError, Renditions, Selection, Summary, Variants,
};
use crate::session::{FolderError, SessionFolder, Sessions};

/// Record live streams: every revision of their playlists, every chunk and key, every fault, with its time.
#[derive(Debug, Parser)]
#[command(
    name = "isrecorder",
    version,
    after_help = "Stop it with Ctrl+C; then: isreplayer SESSION"
)]
struct Arguments {
    /// Input streams (http or https), each with a name or without: HLS playlists, or media without an end
    #[arg(value_name = "[NAME=]URL", value_parser = parse_input, required_unless_present = "streams")]
    inputs: Vec<Input>,
    /// More streams, one a line: NAME URL, below it indented header fields; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    streams: Option<PathBuf>,
    /// Output folder name
    #[arg(short, long, default_value = "sessions", value_name = "FOLDER")]
    output: PathBuf,
    /// Output session name; default: session1, or the next number that is free
    #[arg(short, long, value_name = "NAME")]
    session: Option<String>,
    /// Stop after so long, for example 90m
    #[arg(long, value_parser = parse_positive, value_name = "TIME")]
    duration: Option<Duration>,
    /// Poll playlists every so many seconds (0.2 to 60); default: a quarter of the target duration, 0.25 to 2 s
    #[arg(long, value_parser = parse_poll, value_name = "SECONDS")]
    poll: Option<Duration>,
    /// Record these variants: all, highest, lowest, or those of a height, such as 720p
    #[arg(long, value_parser = parse_variants, value_name = "WHICH", default_value = "all")]
    variants: Variants,
    /// Record these renditions: all, none, or those in these languages, such as en,de
    #[arg(long, value_parser = parse_renditions, value_name = "WHICH", default_value = "all")]
    renditions: Renditions,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    http: HttpArguments,
    #[command(flatten)]
    plain: PlainArguments,
}

/// The program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::code("isrecorder", run(arguments).map(|()| true))
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let source = Source {
        typed: arguments.inputs,
        file: arguments.streams,
    };
    let inputs = source.read().map_err(Failure::usage)?;
    let mut options = arguments.http.into_options();
    options.duration = arguments.duration;
    options.poll = arguments.poll;
    options.plain = arguments.plain.into_options();
    options.selection = Selection {
        variants: arguments.variants,
        renditions: arguments.renditions,
    };
    let sessions = Sessions::new(arguments.output);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("cannot start: {e}")))?;
    let log = arguments.log;
    let view = LiveView::new(log.quiet == 0 && log.log == LogForm::Text);
    let board = Board::default();
    let times = board.clone();
    logging::init(log, AboveView(view.clone()), move || times.session_us());
    let summary = runtime.block_on(async {
        let control = control(source, inputs)?;
        let done = CancellationToken::new();
        let showing = tokio::spawn(view.run(board.clone(), done.clone()));
        let create = || create_session(&sessions, arguments.session.as_deref());
        let summary = recorder::record(options, control, create, board.clone()).await;
        done.cancel();
        // It only shows: however it ended, the summary counts.
        let _ = showing.await;
        summary
    });
    report(&summary.map_err(Failure::from)?, &board);
    Ok(())
}

/// Where the streams are named.
struct Source {
    typed: Vec<Input>,
    file: Option<PathBuf>,
}

impl Source {
    /// All of them, as they are named now; at least one.
    fn read(&self) -> Result<Vec<Input>, String> {
        let mut inputs = self.typed.clone();
        if let Some(file) = &self.file {
            inputs.extend(read_file(file)?);
        }
        if let Some(name) = name_given_twice(&inputs) {
            return Err(format!("two streams have the name {name:?}"));
        }
        Ok(inputs)
    }
}

fn read_file(file: &Path) -> Result<Vec<Input>, String> {
    let shown = file.display();
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let inputs = parse_file(&text).map_err(|(line, what)| format!("{shown}:{line}: {what}"))?;
    match inputs.is_empty() {
        true => Err(format!("{shown} names no stream")),
        false => Ok(inputs),
    }
}

/// Steers the recording by signals.
fn control(source: Source, inputs: Vec<Input>) -> Result<Control, RunError> {
    let stop = CancellationToken::new();
    let has_file = source.file.is_some();
    let ends = Ends::listen(!has_file).map_err(RunError::Signals)?;
    tokio::spawn(ends.heed(stop.clone()));
    let (changed, changes) = mpsc::channel(1);
    if has_file {
        let mut hang_up = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
        tokio::spawn(async move {
            while hang_up.recv().await.is_some() {
                match source.read() {
                    Ok(inputs) => {
                        // Nobody listens any more only when the recording has ended.
                        let _ = changed.send(inputs).await;
                    }
                    Err(error) => tracing::error!("{error}; the streams stay as they are"),
                }
            }
        });
    }
    Ok(Control {
        inputs,
        changes,
        stop,
    })
}

fn create_session(sessions: &Sessions, name: Option<&str>) -> Result<SessionFolder, RunError> {
    let folder = sessions.create(name)?;
    tracing::info!("recording to {}", folder.path().display());
    Ok(folder)
}

fn report(summary: &Summary, board: &Board) {
    exit::say(format_args!("Record length {}", clock_time(summary.length)));
    let streams = board.streams();
    if streams.len() > 1 {
        for stream in &streams {
            let totals = total_line(&stream.stats.totals());
            exit::say(format_args!("  {}: {totals}", stream.name));
        }
    }
    exit::say(total_line(&summary.totals));
    for ((kind, what), count) in board.faults() {
        exit::say(format_args!("  {kind}: {what} x {count}"));
    }
    let lag_us = summary.totals.worst_lag_us;
    if lag_us > 250_000 {
        exit::say(format_args!(
            "The recorder itself was late by up to {:.3} s",
            lag_us as f64 / 1e6
        ));
    }
}

enum RunError {
    Signals(std::io::Error),
    Record(RecordError),
    Folder(FolderError),
}

impl From<RecordError> for RunError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<FolderError> for RunError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Signals(e) => Self::failed(format!("cannot listen for signals: {e}")),
            RunError::Folder(e @ (FolderError::Exists { .. } | FolderError::BadName(_))) => {
                Self::usage(e)
            }
            RunError::Folder(e) => Self::failed(e),
            RunError::Record(e @ (RecordError::Url { .. } | RecordError::Client(_))) => {
                Self::usage(e)
            }
            RunError::Record(e @ RecordError::Writer(_)) => {
                Self::failed(format!("recording stopped: {e}"))
            }
        }
    }
}

fn parse_poll(text: &str) -> Result<Duration, String> {
    let poll = parse_duration(text)?;
    if (recorder::MIN_POLL..=recorder::MAX_POLL).contains(&poll) {
        Ok(poll)
    } else {
        Err("polls are 0.2 to 60 seconds apart".to_owned())
    }
}

fn parse_variants(text: &str) -> Result<Variants, String> {
    let height = text
        .strip_suffix('p')
        .and_then(|height| height.parse().ok());
    match (text, height) {
        ("all", _) => Ok(Variants::All),
        ("highest", _) => Ok(Variants::Highest),
        ("lowest", _) => Ok(Variants::Lowest),
        (_, Some(height)) => Ok(Variants::Height(height)),
        _ => Err("write all, highest, lowest, or a height, such as 720p".to_owned()),
    }
}

fn parse_renditions(text: &str) -> Result<Renditions, String> {
    let is_language =
        |tag: &str| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match text {
        "all" => Ok(Renditions::All),
        "none" => Ok(Renditions::None),
        _ if text.split(',').all(is_language) => Ok(Renditions::Languages(
            text.split(',').map(str::to_owned).collect(),
        )),
        _ => Err("write all, none, or languages, such as en,de".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_recorded_can_be_narrowed() {
        let of = |arguments: &[&str]| {
            let all = [&["isrecorder", "http://h/a.m3u8"], arguments].concat();
            Arguments::try_parse_from(all).map(|a| (a.variants, a.renditions))
        };
        assert_eq!(of(&[]).unwrap(), (Variants::All, Renditions::All));
        let narrow = of(&["--variants", "720p", "--renditions", "en,de-CH"]).unwrap();
        let languages = vec!["en".to_owned(), "de-CH".to_owned()];
        assert_eq!(
            narrow,
            (Variants::Height(720), Renditions::Languages(languages))
        );
        assert!(of(&["--variants", "best"]).is_err());
        assert!(of(&["--renditions", "en,,de"]).is_err());
    }

    #[test]
    fn a_stream_is_needed() {
        assert!(Arguments::try_parse_from(["isrecorder"]).is_err());
        assert!(Arguments::try_parse_from(["isrecorder", "--streams", "x"]).is_ok());
    }
}
