//! `isrecorder`: records streams.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "archive")]
use super::archiving::{self, Archiving, ArchivingArguments};
use super::beside::Beside;
use super::descriptors;
use super::exit::{self, Failure};
use super::outlet;
use super::output::ending;
use super::output::logging;
use super::output::metrics;
use super::output::next_steps;
use super::output::nothing_recorded;
use super::output::outages::Outages;
use super::output::service;
use super::signals::Ends;
use crate::cli::arguments::client::PageArguments;
use crate::cli::arguments::durations::{clock_time, parse_bytes, parse_duration, parse_positive};
use crate::cli::arguments::http::HttpArguments;
use crate::cli::arguments::inputs::parse_input;
use crate::cli::arguments::moved;
use crate::cli::arguments::place::Place;
use crate::cli::arguments::raw::RawArguments;
use crate::cli::arguments::source::Source;
use crate::cli::output::live::{LiveView, total_line};
use crate::cli::output::log_form::LogForm;
use crate::cli::output::logging::LogOptions;
use crate::cli::output::metrics::MetricsPort;
use crate::recorder::{
    self, AssetLists, Board, ClientError, Control, Ended, GapTally, Input, LATE_US, Options,
    RecordError, Renditions, Selection, StreamStats, Summary, Totals, Variants,
};
use crate::session::{FolderError, Keep, Notice, SessionFolder, Tally, WriterError, both_clocks};
use crate::shown::counted;

/// Record live streams: every revision of their playlists, every chunk and key, every fault, with its time.
#[derive(Debug, Parser)]
#[command(
    name = "isrecorder",
    version,
    after_help = "Stop it with Ctrl+C; it says then how to replay what it recorded"
)]
struct Arguments {
    /// Input streams (http or https), each with a name or without: HLS playlists, or media without an end
    #[arg(value_name = "[NAME=]URL", value_parser = parse_input, required_unless_present_any = ["streams", "resume"])]
    inputs: Vec<Input>,
    /// More streams, one a line: NAME URL, below it indented header fields; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    streams: Option<PathBuf>,
    /// Folder of sessions
    #[arg(
        short,
        long,
        default_value = next_steps::DEFAULT_FOLDER,
        value_name = "FOLDER",
        visible_short_alias = 'f',
        visible_alias = "folder"
    )]
    output: PathBuf,
    /// Output session name; default: session1, or the next number that is free
    #[arg(short, long, value_name = "NAME")]
    session: Option<String>,
    /// Go on with the session of -s after a stop, a crash or a reboot; without a URL with all its streams
    ///
    /// Timeline and files go on; what was not recorded in between is marked. Passwords, header
    /// fields and cookies are not kept in a session: give them again.
    #[arg(long, requires = "session")]
    resume: bool,
    /// Keep the last so long only, for example 2h; what is older goes, rows and files (of a raw stream whole files:
    /// --roll says how long one is)
    #[arg(long, value_parser = parse_positive, value_name = "TIME")]
    keep: Option<Duration>,
    /// Keep chunks of so many bytes only, for example 50G; the oldest go
    #[arg(long, value_parser = parse_bytes, value_name = "SIZE")]
    keep_bytes: Option<u64>,
    /// Go on watching a stream that has ended, in case it comes back: for ever, or for so long, for example 12h
    ///
    /// What has its end already when it is first seen (a VOD) is recorded once and not waited for.
    #[arg(long, value_parser = parse_positive, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = FOR_EVER)]
    wait: Option<Duration>,
    /// Stop after so long, for example 90m
    #[arg(long, value_parser = parse_positive, value_name = "TIME")]
    duration: Option<Duration>,
    /// Poll playlists once in so many seconds on average (0.2 to 60); default: a quarter of the target duration, 0.25 to 2 s
    #[arg(long, value_parser = parse_poll, value_name = "SECONDS")]
    poll: Option<Duration>,
    /// Make no requests that the origin holds until there is something new (low latency): poll, and ask for nothing that
    /// is only announced
    #[arg(long)]
    no_blocking: bool,
    /// Record these variants: all, highest, lowest, or those of a height, such as 720p; a stream that has none of that height is not recorded
    #[arg(long, value_parser = parse_variants, value_name = "WHICH", default_value = "all")]
    variants: Variants,
    /// Record these renditions: all, none, or those in these languages, such as en,de
    #[arg(long, value_parser = parse_renditions, value_name = "WHICH", default_value = "all")]
    renditions: Renditions,
    /// Record what is played in between (X-ASSET-LIST, X-ASSET-URI): all, none
    ///
    /// A list of assets is asked for once for each date range that names it, since asking may count as an
    /// impression; none asks for no list and no asset.
    #[arg(long, value_parser = parse_asset_lists, value_name = "WHICH", default_value = "all")]
    asset_lists: AssetLists,
    /// Show it meanwhile: answer players on this port, as isreplayer does; 0: any that is free
    #[arg(long, value_name = "PORT")]
    serve: Option<u16>,
    /// Address to listen on with --serve; default: all
    #[arg(long, value_name = "ADDRESS", requires = "serve")]
    bind: Option<IpAddr>,
    #[command(flatten)]
    pages: PageArguments,
    /// Metrics for Prometheus at http://127.0.0.1:PORT/metrics; 0: any port that is free
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = metrics::parse_address)]
    metrics: Option<SocketAddr>,
    #[cfg(feature = "archive")]
    #[command(flatten)]
    archiving: ArchivingArguments,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    http: HttpArguments,
    #[command(flatten)]
    plain: RawArguments,
}

/// The definition of the arguments.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// The program.
pub fn main() -> ExitCode {
    let typed = with_time_of_wait(std::env::args_os());
    let done = moved::parse(&typed, &moved::OF_ISRECORDER)
        .and_then(run)
        .map(|()| true);
    exit::code("isrecorder", done)
}

/// A time that nobody lives to see.
const FOR_EVER: &str = "876000h";

/// `--wait 12h` as `--wait=12h`, while in `--wait URL` the URL is none of it.
fn with_time_of_wait(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut options = true;
    for argument in arguments {
        let is_time = argument
            .to_str()
            .is_some_and(|text| parse_positive(text).is_ok());
        match joined.last_mut() {
            Some(wait) if options && wait == "--wait" && is_time => {
                wait.push("=");
                wait.push(argument);
            }
            _ => {
                options &= argument != "--";
                joined.push(argument);
            }
        }
    }
    joined
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    arguments.pages.hls_js().map_err(Failure::usage)?;
    if arguments.serve.is_none() && arguments.pages.are_given() {
        let what = "--cors-credentials and --hls-js belong to --serve PORT";
        return Err(Failure::usage(what));
    }
    descriptors::raise();
    outlet::start();
    // Whoever holds a port may let go of it: a service is started again.
    #[cfg_attr(not(feature = "archive"), expect(unused_mut))]
    let mut ports = Ports::bind(&arguments).map_err(Failure::failed)?;
    let place = Place::choose(
        &arguments.output,
        arguments.session.clone(),
        arguments.resume,
    )?;
    let (log, resumed) = (arguments.log, arguments.resume);
    #[cfg(feature = "archive")]
    let keeps_some = arguments.keep.is_some() || arguments.keep_bytes.is_some();
    #[cfg(feature = "archive")]
    let archiving = Archiving::new(&arguments.archiving, keeps_some)?;
    #[cfg_attr(not(feature = "archive"), expect(unused_mut))]
    let (mut options, source) = wanted(arguments, &place)?;
    #[cfg(feature = "archive")]
    if let Some(archiving) = &archiving {
        options.keep.held = Some(archiving.held());
        ports.archive = Some(archiving.state());
    }
    let inputs = source.read().map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("cannot start: {e}")))?;
    let view = LiveView::new(log.quiet == 0 && log.log == LogForm::Text);
    let board = Board::default();
    let times = board.clone();
    logging::init(log, Some("replayer"), move || times.session_us());
    let mut recorded_to = None;
    #[cfg(feature = "archive")]
    let mut archived = Vec::new();
    let summary = runtime.block_on(async {
        let control = control(source, inputs, &board)?;
        let done = CancellationToken::new();
        let showing = tokio::spawn(view.run(board.clone(), done.clone()));
        let telling = tokio::spawn(service::tell(board.clone(), done.clone()));
        let folder = || {
            let folder = place.folder()?;
            ports.start(&folder, &board);
            #[cfg(feature = "archive")]
            if let Some(archiving) = &archiving {
                archiving.start(&folder, &board);
            }
            recorded_to = Some(folder.clone());
            Ok::<_, RunError>(folder)
        };
        let summary = recorder::record(options, control, folder, board.clone()).await;
        done.cancel();
        // They only show and tell: however they ended, the summary counts.
        let _ = tokio::join!(showing, telling);
        #[cfg(feature = "archive")]
        if let (Some(archiving), Some(folder)) = (archiving, &recorded_to) {
            archived = archiving.finish(folder.path()).await;
        }
        summary
    });
    // What hangs now has nothing to do with the recording any more.
    runtime.shutdown_timeout(Duration::from_secs(1));
    view.end();
    let (summary, failure) = match (summary, &recorded_to) {
        (Ok(summary), _) => (summary, None),
        (Err(error @ RunError::Record(RecordError::Writer(_))), Some(_)) => match cut_short(&board)
        {
            Some(summary) => (summary, Some(Failure::from(error))),
            None => return Err(error.into()),
        },
        (Err(error), _) => return Err(error.into()),
    };
    let Some(folder) = recorded_to else {
        return Ok(());
    };
    let kept_us = next_steps::kept_us(&folder);
    let outages = Outages::of_run(&folder, began_us(&summary));
    let since = (kept_us.unwrap_or(i64::MIN), resumed);
    report(&summary, &board, since, &outages);
    if let Some(failure) = failure {
        next_steps::lines(&folder, &summary, kept_us)
            .iter()
            .for_each(exit::say);
        return Err(failure);
    }
    #[cfg(feature = "archive")]
    archiving::tell(&archived);
    let totals = &summary.totals;
    let is_empty = totals.revisions == 0 && totals.chunks == 0;
    let why = match refused(&board) {
        None if is_empty => Some(nothing_recorded::sentence(&folder, totals.bytes)?),
        refused => refused,
    };
    if let Some(why) = why {
        exit::say(next_steps::left(&folder, totals));
        return Err(Failure::failed(why));
    }
    if log.quiet == 0 {
        next_steps::lines(&folder, &summary, kept_us)
            .iter()
            .for_each(exit::say);
    }
    Ok(())
}

/// How to record, and what.
fn wanted(arguments: Arguments, place: &Place) -> Result<(Options, Source), Failure> {
    let mut options = arguments.http.into_options();
    let source = Source {
        typed: place.named(arguments.inputs, arguments.streams.is_some())?,
        file: arguments.streams,
        has_fields: !(options.headers.is_empty() && options.cookies.is_empty()),
        trusted: options.trusted.clone(),
    };
    options.resume = arguments.resume;
    options.keep = Keep {
        time: arguments.keep,
        bytes: arguments.keep_bytes,
        held: None,
    };
    options.duration = arguments.duration;
    options.wait = arguments.wait;
    options.poll = arguments.poll;
    options.no_blocking = arguments.no_blocking;
    options.plain = arguments.plain.into_options();
    options.limits.stall = options.plain.stall;
    options.selection = Selection {
        variants: arguments.variants,
        renditions: arguments.renditions,
        asset_lists: arguments.asset_lists,
    };
    Ok((options, source))
}

/// What a recording came to that could not be written any more; `None`: it had not begun.
fn cut_short(board: &Board) -> Option<Summary> {
    let clock = board.clock()?;
    let now_us = clock.now_us();
    let length_us = now_us.saturating_sub(clock.started_us());
    Some(Summary {
        length: Duration::from_micros(u64::try_from(length_us).unwrap_or(0)),
        ended: Ended::Stopped,
        stop_us: now_us,
        ended_us: now_us,
        totals: board.totals(),
    })
}

/// What is answered while it records.
struct Ports {
    players: Option<Beside>,
    metrics: Option<MetricsPort>,
    /// Of what is archived, for metrics.
    #[cfg(feature = "archive")]
    archive: Option<crate::archive::TailState>,
}

impl Ports {
    /// Takes them, before anything is made.
    fn bind(arguments: &Arguments) -> Result<Self, String> {
        let players = arguments
            .serve
            .map(|port| Beside::bind(arguments.bind, port, &arguments.pages));
        let metrics = arguments.metrics.map(MetricsPort::bind);
        Ok(Self {
            players: players.transpose()?,
            metrics: metrics.transpose()?,
            #[cfg(feature = "archive")]
            archive: None,
        })
    }

    fn start(self, folder: &SessionFolder, board: &Board) {
        if let Some(metrics) = self.metrics {
            #[cfg(feature = "archive")]
            metrics.start(folder, board.clone(), self.archive);
            #[cfg(not(feature = "archive"))]
            metrics.start(folder, board.clone());
        }
        if let Some(players) = self.players {
            players.start(folder.clone(), board.clone());
        }
    }
}

/// Steers the recording by signals.
fn control(source: Source, inputs: Vec<Input>, board: &Board) -> Result<Control, RunError> {
    let stop = CancellationToken::new();
    let has_file = source.file.is_some();
    let ends = Ends::listen(!has_file).map_err(RunError::Signals)?;
    tokio::spawn(ends.stop_at(stop.clone(), board.clone()));
    let (changed, changes) = mpsc::channel(1);
    if has_file {
        let mut hang_up = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
        tokio::spawn(async move {
            let source = Arc::new(source);
            while hang_up.recv().await.is_some() {
                let source = Arc::clone(&source);
                // A file system that hangs must hold up nobody else.
                let read = tokio::task::spawn_blocking(move || source.read()).await;
                match read.unwrap_or_else(|error| Err(error.to_string())) {
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

/// Why no stream was recorded as it was asked for; `None`: one was.
fn refused(board: &Board) -> Option<String> {
    let streams = board.streams();
    let all: Option<Vec<String>> = streams
        .iter()
        .map(|stream| Some(format!("{}: {}", stream.name, stream.stats.refused()?)))
        .collect();
    all.filter(|all| !all.is_empty()).map(|all| all.join("; "))
}

/// When a run began, in microseconds of Unix time.
fn began_us(summary: &Summary) -> i64 {
    let length_us = i64::try_from(summary.length.as_micros()).unwrap_or(i64::MAX);
    summary.ended_us.saturating_sub(length_us)
}

/// `kept_us`: from when on everything is kept; `resumed`: other runs of the session were before.
fn report(summary: &Summary, board: &Board, (kept_us, resumed): (i64, bool), outages: &Outages) {
    exit::say(format_args!("Record length {}", clock_time(summary.length)));
    if kept_us > began_us(summary) {
        exit::say("In this run, also what is no longer in the session:");
    } else if resumed {
        exit::say("In this run, without those before it:");
    }
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
    for ((kind, what), count) in board.not_kept() {
        exit::say(format_args!(
            "The recorder itself: {kind}: {what} x {count}, not kept as it came"
        ));
    }
    let not_kept = ending::not_kept(&streams, kept_us).into_iter();
    not_kept
        .chain(ending::not_asked_for(&streams, kept_us))
        .for_each(exit::say);
    let totals = &summary.totals;
    let zero_us = board.zero_us().unwrap_or(0);
    let gaps = gap_lines(&streams, summary.stop_us, totals, zero_us);
    let lost = ending::lost(&streams, kept_us);
    let ends = ending::Times {
        stop_us: summary.stop_us,
        ended_us: summary.ended_us,
        zero_us,
    };
    let troubles = ending::troubles(&streams, ends, &outages.open);
    let told = outages.lines.iter().cloned();
    let told = told.chain(outages.untold(&troubles));
    let told = told.chain(gaps);
    let told = told.chain(ending::channels(&streams, ends));
    let told = told.chain(ending::slow(&streams)).chain(lost);
    let unseen = totals.gaps.held_back;
    let told = told.chain(ending::left_alone(&streams, kept_us, unseen));
    let told = told.chain(ending::cut_off(&streams, kept_us));
    told.chain(troubles).for_each(exit::say);
    let not_seen = totals.gaps.not_seen.saturating_sub(unseen);
    if not_seen > 0 {
        let segments = counted(not_seen, "segment");
        exit::say(format_args!("The recorder itself: {segments} not seen"));
    }
    for (kind, tally) in board.noticed_until_now() {
        exit::say(noticed_line(kind, tally));
    }
    let lag_us = summary.totals.worst_lag_us;
    if lag_us > LATE_US {
        exit::say(format_args!(
            "The recorder itself was late by up to {:.3} s",
            lag_us as f64 / 1e6
        ));
    }
}

/// Gaps of playlists, and silences of raw streams.
fn gap_lines(
    streams: &[Arc<StreamStats>],
    stop_us: i64,
    totals: &Totals,
    zero_us: i64,
) -> impl Iterator<Item = String> + use<> {
    let (freezes, silences) = ending::open_gaps(streams, stop_us);
    let told = |what, gaps, all, open| gaps_line(what, gaps, all, (open, zero_us));
    let gaps = told("no advance", totals.gaps, totals.playlists, freezes);
    let silences = told("no byte", totals.silences, totals.raw_streams, silences);
    gaps.into_iter().chain(silences)
}

/// In how many gaps nothing was new, from when to when the longest was, and what that cost: of how many of `all` playlists, or raw
/// streams. `open`: so many that are not over are told by themselves; `zero_us`: session zero.
fn gaps_line(what: &str, gaps: GapTally, all: u64, (open, zero_us): (u64, i64)) -> Option<String> {
    if gaps.count <= open.min(gaps.open) {
        return None;
    }
    let seconds = |us: u64| us as f64 / 1e6;
    let length = format!("{:.1} s", seconds(gaps.length_us));
    let until_us = gaps
        .longest_from_us
        .saturating_add_unsigned(gaps.longest_us);
    let from = both_clocks(gaps.longest_from_us, zero_us);
    let span = format!("from {from} to {}", both_clocks(until_us, zero_us));
    let lengths = match gaps.count {
        1 => format!("{length}, {span}"),
        _ => format!(
            "{length} in all, the longest {:.1} s, {span}",
            seconds(gaps.longest_us)
        ),
    };
    let of = match (gaps.playlists, all) {
        (_, ..=1) => String::new(),
        (some, _) => format!(" ({})", counted(some, "playlist")),
    };
    let lost = match gaps.never_listed {
        0 => String::new(),
        count => format!("; {} never listed", counted(count, "segment")),
    };
    let not_over = match gaps.open {
        0 => String::new(),
        count => format!("; {count} not over"),
    };
    let gaps = counted(gaps.count, "gap");
    Some(format!("  {what}: {gaps}, {lengths}{of}{lost}{not_over}"))
}

/// What the recorder noticed about itself, beside how late it was.
fn noticed_line(kind: Notice, tally: Tally) -> String {
    let (times, seconds) = (tally.times, tally.length_us as f64 / 1e6);
    let what = kind.words();
    if kind == Notice::FalseValidators {
        return format!("False validators: {what} x {times}, for {seconds:.1} s in all");
    }
    if kind == Notice::LeftAlone {
        return format!("  {what} (Retry-After) x {times}, and were left alone for {seconds:.1} s");
    }
    format!("The recorder itself: {what} x {times}, {seconds:.1} s in all")
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
            RunError::Folder(FolderError::Exists { path, free }) => {
                let is_session = path.join("session.db").exists();
                let error = FolderError::Exists { path, free };
                Self::usage(match is_session {
                    true => format!("{error}; with --resume it is gone on with"),
                    false => error.to_string(),
                })
            }
            RunError::Folder(e @ FolderError::BadName(_)) => Self::usage(e),
            RunError::Folder(e) => Self::failed(e),
            RunError::Record(RecordError::Client(e @ ClientError::Other(_))) => Self::failed(e),
            RunError::Record(e @ (RecordError::Url { .. } | RecordError::Client(_))) => {
                Self::usage(e)
            }
            RunError::Record(RecordError::Writer(
                e @ (WriterError::Busy(_) | WriterError::Held { .. } | WriterError::Unreadable(_)),
            )) => Self::failed(e),
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

fn parse_asset_lists(text: &str) -> Result<AssetLists, String> {
    match text {
        "all" => Ok(AssetLists::All),
        "none" => Ok(AssetLists::None),
        _ => Err("write all or none".to_owned()),
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
    use crate::recorder::Stats;
    use std::sync::atomic::Ordering;

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
    fn gaps_are_events() {
        let tally = GapTally {
            count: 1,
            length_us: 8_500_000,
            longest_us: 8_500_000,
            longest_from_us: 2_000_000,
            open: 0,
            never_listed: 1,
            not_seen: 0,
            held_back: 0,
            playlists: 2,
            last_us: 9,
        };
        let line = |what, gaps, all| gaps_line(what, gaps, all, (1, 1_000_000));
        let one = line("no advance", tally, 3);
        let span = "from 0:00:01.000 (00:00:02.000Z) to 0:00:09.500 (00:00:10.500Z)";
        let told =
            format!("  no advance: 1 gap, 8.5 s, {span} (2 playlists); 1 segment never listed");
        assert_eq!(one, Some(told));
        let two = GapTally {
            count: 2,
            never_listed: 0,
            ..tally
        };
        let told = format!("  no byte: 2 gaps, 8.5 s in all, the longest 8.5 s, {span}");
        assert_eq!(line("no byte", two, 1), Some(told.clone()));
        assert_eq!(line("no byte", GapTally::default(), 1), None);
        // One that goes on is told as what the recording ended in, and no second time.
        let open = |tally: GapTally| GapTally { open: 1, ..tally };
        assert_eq!(line("no advance", open(tally), 3), None);
        assert_eq!(line("no byte", open(two), 1), Some(told + "; 1 not over"));
    }

    #[test]
    fn a_gap_that_goes_on_is_told_with_what_its_own_stream_ended_in() {
        let stream = |name: &str, is_raw| {
            let stats = Stats::default();
            let one = stats.add(name.to_owned());
            one.is_raw.store(is_raw, Ordering::Relaxed);
            one.advanced_us.store(10_000_000, Ordering::Relaxed);
            one.gaps.lasts((10_000_000, 20_000_000), true);
            let name = name.to_owned();
            Arc::new(StreamStats { name, stats })
        };
        let streams = [stream("a", false), stream("b", true)];
        let one = GapTally {
            count: 1,
            length_us: 10_000_000,
            longest_us: 10_000_000,
            longest_from_us: 10_000_000,
            open: 1,
            playlists: 1,
            ..GapTally::default()
        };
        let totals = Totals {
            gaps: one,
            silences: one,
            playlists: 1,
            raw_streams: 1,
            ..Totals::default()
        };
        let lines = || gap_lines(&streams, 20_000_000, &totals, 0).collect::<Vec<_>>();
        assert_eq!(lines(), [""; 0], "a ended in a freeze, b in a silence");
        let fault_us = (15_000_000, 15_000_000);
        let raw = &streams[1].stats.playlists()[0];
        raw.failing.fails(&["refused"], fault_us, i64::MAX);
        let span = "from 0:00:10.000 (00:00:10.000Z) to 0:00:20.000 (00:00:20.000Z)";
        let silence = format!("  no byte: 1 gap, 10.0 s, {span}; 1 not over");
        assert_eq!(lines(), [silence], "b ended in an outage");
        let hls = &streams[0].stats.playlists()[0];
        hls.failing.fails(&["refused"], fault_us, i64::MAX);
        assert_eq!(lines().len(), 2, "both did");
    }

    #[test]
    fn a_wait_has_a_time_or_none() {
        let of = |given: &[&str]| {
            let all = ["isrecorder"].iter().chain(given).map(OsString::from);
            let read = Arguments::try_parse_from(with_time_of_wait(all)).unwrap();
            (read.wait.map(|time| time.as_secs()), read.inputs.len())
        };
        assert_eq!(of(&["http://h/a"]), (None, 1));
        assert_eq!(of(&["--wait", "90m", "http://h/a"]), (Some(5400), 1));
        assert_eq!(of(&["http://h/a", "--wait=90"]), (Some(90), 1));
        let (time, inputs) = of(&["http://h/a", "--wait", "http://h/b"]);
        assert!(time > Some(1_000_000_000) && inputs == 2);
        assert!(of(&["http://h/a", "--wait"]).0 > Some(1_000_000_000));
        let joined = with_time_of_wait(["--", "--wait", "5"].iter().map(OsString::from));
        assert_eq!(joined.len(), 3, "after -- nothing is an option");
        let zero = with_time_of_wait(
            ["isrecorder", "--wait=0", "http://h/a"]
                .iter()
                .map(OsString::from),
        );
        assert!(Arguments::try_parse_from(zero).is_err());
    }

    #[test]
    fn a_stream_is_needed() {
        assert!(Arguments::try_parse_from(["isrecorder"]).is_err());
        assert!(Arguments::try_parse_from(["isrecorder", "--streams", "x"]).is_ok());
    }
}
