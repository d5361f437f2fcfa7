//! isreplayer: arguments, start-up messages, the end.

#[cfg(feature = "archive")]
mod archive;
#[cfg(all(test, feature = "archive"))]
mod tests_of_archives;

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use super::descriptors;
use super::exit::{self, Failure, say};
use super::listen;
use super::outlet;
use super::output::{description, logging};
use crate::cli::arguments::client::{ClientArguments, PageArguments};
use crate::cli::arguments::durations::{parse_duration, parse_moment};
use crate::cli::arguments::moved;
use crate::cli::output::logging::LogOptions;
use crate::clock::Clock;
use crate::replayer::connection::Port;
use crate::replayer::connection::opening::tls::{self, TlsAcceptor};
use crate::replayer::inject::{self, Parsed, Rule, Rules};
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::replayer::respond::Responds;
use crate::replayer::{AtEnd, Dates, Faults, Limits, Network, Options, Replay, connection};
use crate::session::{SessionFolder, Sessions};

const AFTER_HELP: &str = "\
Players open http://HOST:PORT/stream.m3u8; with ?offset=SECONDS each gets a timeline of its own.";

const AFTER_LONG_HELP: &str = "\
Players open http://HOST:PORT/stream.m3u8; with ?offset=SECONDS each gets a timeline of its own.

A RULE of --inject says which resources, when, and what happens to them:
  which   any, or some of main,media,segment,init,part,key,data
          path=GLOB  sn=[+]N[-[M]][/STEP]  variant=N|HEIGHTp|highest|lowest
  when    from=[+]TIME  for=TIME  every=TIME  chance=N%
  what    status=CODE [type=TYPE] [body=TEXT|@FILE]  delay=TIME  rate=BITS_PER_SECOND
          truncate=BYTES|N% [reset]  reset  close  stall

  'segment sn=+5 status=404'                      the sixth that a player is told of
  'media from=20 for=10 status=503 body=\"busy\"'  at session time 20 s, for 10 s
  'segment variant=highest rate=500k'
  'segment path=*/audio/* chance=5% truncate=50% reset'
  'media from=+30 for=15 every=60 stall'          counted from when a player began

docs/ref/inject.md says what each of them means.";

/// HLS Session Replayer: answers players as the recorded origin did, on the same timeline.
#[derive(Debug, Parser)]
#[command(
    name = "isreplayer",
    version,
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP
)]
struct Arguments {
    /// Folder of sessions
    #[arg(short, long, default_value = "sessions")]
    folder: std::path::PathBuf,

    /// Listening port; 0: any that is free
    #[arg(short, long, default_value_t = 9090)]
    port: u16,

    /// Start offset in seconds (fractions and 2m30s too)
    #[arg(short, long, default_value = "0", value_parser = parse_duration, allow_negative_numbers = true)]
    offset: Duration,

    /// When session time 0 is, whenever isreplayer is started (2026-11-21T18:00:00Z, or Unix time):
    /// any number of replayers over copies of a session give the same answers at each moment
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "offset")]
    zero: Option<i64>,

    /// Address to listen on [default: all]
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,

    /// What happens after the last moment of the recording
    #[arg(long, value_enum, default_value_t = End::Hold, value_name = "WHAT")]
    at_end: End,

    /// Faults of the origin
    #[arg(long, value_enum, default_value_t = FaultsAre::Recorded, value_name = "WHICH")]
    faults: FaultsAre,

    /// A chunk or key that a player asks for so little before its time is given at once
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = parse_duration, allow_negative_numbers = true)]
    early: Duration,

    /// Dates in playlists, Last-Modified and Expires
    #[arg(long, value_enum, default_value_t = DatesAre::Recorded, value_name = "WHICH")]
    dates: DatesAre,

    /// How fast answers come
    #[arg(long, value_enum, default_value_t = NetworkIs::Full, value_name = "WHICH")]
    network: NetworkIs,

    /// Lay a fault over the recording (--help says how); may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    inject: Vec<Parsed>,

    /// Other faults of those --inject rules that are left to chance
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,

    /// Say what the session has, and end
    #[arg(long)]
    list: bool,

    #[command(flatten)]
    pages: PageArguments,

    /// Answer over TLS (https) with this certificate and those behind it, PEM
    #[arg(long, value_name = "FILE")]
    cert: Option<std::path::PathBuf>,

    /// Key of the certificate, PEM, where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<std::path::PathBuf>,

    #[command(flatten)]
    clients: ClientArguments,

    #[command(flatten)]
    log: LogOptions,

    #[cfg(feature = "archive")]
    #[command(flatten)]
    archive: archive::ArchiveArguments,

    /// Recorded session name, or the path of its folder; or the URL of an archive
    #[arg(value_name = "SESSION")]
    session: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    /// The last playlists stay as they are, as those of a dead origin do
    Hold,
    /// Media playlists get an #EXT-X-ENDLIST
    Endlist,
    /// Isreplayer ends
    Stop,
}

impl From<End> for AtEnd {
    fn from(end: End) -> Self {
        match end {
            End::Hold => Self::Hold,
            End::Endlist => Self::Endlist,
            End::Stop => Self::Stop,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FaultsAre {
    /// Answered as they were
    Recorded,
    /// Healed: a good answer in place of each, where the origin ever gave one
    None,
}

impl From<FaultsAre> for Faults {
    fn from(faults: FaultsAre) -> Self {
        match faults {
            FaultsAre::Recorded => Self::Recorded,
            FaultsAre::None => Self::Healed,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DatesAre {
    /// As they were
    Recorded,
    /// Moved by one constant, so that what is played now is dated now
    Shifted,
}

impl From<DatesAre> for Dates {
    fn from(dates: DatesAre) -> Self {
        match dates {
            DatesAre::Recorded => Self::Recorded,
            DatesAre::Shifted => Self::Shifted,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NetworkIs {
    /// As fast as they go
    Full,
    /// As they came: the first byte as late, the body as slow, stalls included
    Recorded,
}

impl From<NetworkIs> for Network {
    fn from(network: NetworkIs) -> Self {
        match network {
            NetworkIs::Full => Self::Full,
            NetworkIs::Recorded => Self::Recorded,
        }
    }
}

/// The definition of the arguments.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// The program.
pub fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let done = moved::parse(&typed, &moved::OF_ISREPLAYER)
        .and_then(|arguments| replay(&arguments))
        .map(|()| true);
    exit::code("isreplayer", done)
}

fn replay(arguments: &Arguments) -> Result<(), Failure> {
    logging::init(arguments.log, None, || None);
    #[cfg(feature = "archive")]
    if arguments.archive.is_for(&arguments.session)? {
        return archive::replay(arguments);
    }
    let folder = Sessions::new(&arguments.folder).find(&arguments.session)?;
    if arguments.list {
        return list(folder);
    }
    outlet::start();
    descriptors::raise();
    let limits = arguments.clients.limits()?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::failed)?;
    let done = runtime.block_on(async {
        let tls = load_tls(arguments)?;
        let listener = bind(arguments)?;
        let options = options(arguments)?;
        let replay = Arc::new(Replay::open(folder, Clock::start(), options)?);
        check_offset(&replay, arguments)?;
        announce(&replay, &listener, arguments)?;
        run((listener, tls), replay, limits, arguments.at_end).await
    });
    // A read that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// How to replay.
fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let rules = load(&arguments.inject)?;
    let hls_js = arguments.pages.hls_js().map_err(Failure::usage)?;
    Ok(Options {
        inject: Rules::new(rules, arguments.seed),
        offset: arguments.offset,
        zero_us: arguments.zero,
        at_end: arguments.at_end.into(),
        faults: arguments.faults.into(),
        early: arguments.early,
        dates: arguments.dates.into(),
        network: arguments.network.into(),
        cors: arguments.pages.cors(),
        hls_js,
    })
}

/// What the session has at its end.
fn list(folder: SessionFolder) -> Result<(), Failure> {
    let (description, standing) = description::at_the_end(folder)?;
    let lines = description::lines(&description, description::state(&standing));
    lines.iter().for_each(say);
    Ok(())
}

fn parse_rule(text: &str) -> Result<Parsed, String> {
    inject::parse(text).map_err(|error| error.to_string())
}

/// The rules, with the files that they name.
fn load(parsed: &[Parsed]) -> Result<Vec<Rule>, Failure> {
    let load = |one: &Parsed| match &one.body_file {
        None => Ok(one.rule.clone()),
        Some(path) => match read_body(path) {
            Ok(content) => Ok(one.clone().with_body(content)),
            Err(error) => Err(Failure::usage(format!(
                "--inject: {} cannot be read: {error}",
                path.display()
            ))),
        },
    };
    parsed.iter().map(load).collect()
}

/// A body is no larger.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;

fn read_body(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let facts = std::fs::metadata(path)?;
    if !facts.is_file() || facts.len() > LARGEST_BODY {
        let what = format!("it is no file of up to {LARGEST_BODY} bytes");
        return Err(io::Error::other(what));
    }
    std::fs::read(path)
}

fn bind(arguments: &Arguments) -> Result<TcpListener, Failure> {
    let (address, port) = (arguments.bind, arguments.port);
    listen::listen(address, port)
        .map_err(|error| Failure::failed(listen::refusal(&error, address, port, "-p")))
}

/// What is needed to answer over TLS, if that is asked for.
fn load_tls(arguments: &Arguments) -> Result<Option<TlsAcceptor>, Failure> {
    let Some(certificate) = &arguments.cert else {
        return Ok(None);
    };
    let key = arguments.key.as_ref().unwrap_or(certificate);
    let acceptor = tls::acceptor(certificate, key);
    let told = |error| Failure::usage(format!("--cert, --key: {error}"));
    acceptor.map(Some).map_err(told)
}

async fn run(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    replay: Arc<Replay>,
    limits: Limits,
    at_end: End,
) -> Result<(), Failure> {
    let watched = Arc::clone(&replay);
    let watch = tokio::spawn(async move { watched.watch().await });
    let end = async move {
        // It is never cancelled; if it panicked, nobody knows where the end is.
        let at_the_end = watch.await.is_ok();
        if at_end != End::Stop || !at_the_end {
            std::future::pending::<()>().await;
        }
    };
    serve((listener, tls), replay, limits, end).await
}

/// Answers until a signal comes, or the end.
async fn serve<R: Responds>(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    replay: Arc<R>,
    limits: Limits,
    end: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = end => {}
        }
    };
    let listener = tokio::net::TcpListener::from_std(listener).map_err(Failure::failed)?;
    let port = Port::over(listener, tls);
    connection::run(port, replay, limits, shutdown).await;
    Ok(())
}

/// A clock that starts behind the end of a finished recording shows players what never changes any more. With an end they find that.
fn check_offset(replay: &Replay, arguments: &Arguments) -> Result<(), Failure> {
    let span = replay.span();
    let asked_us = crate::clock::micros(arguments.offset);
    let is_behind = asked_us > 0 && asked_us >= span.length_us();
    if span.recording || !is_behind || arguments.at_end == End::Endlist {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "-o {}: session {} is {} long, and there is nothing behind its end",
        format_time(asked_us),
        replay.name(),
        format_time(span.length_us())
    )))
}

fn announce(
    replay: &Arc<Replay>,
    listener: &TcpListener,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let span = replay.span();
    let start_us = match arguments.zero {
        None => replay.offset_us(),
        Some(_) => replay.session_us().max(0),
    };
    let description = replay.describe(span.moment_us(start_us.min(span.length_us())), "")?;
    description::lines_as_played(&description)
        .iter()
        .for_each(say);
    if let Some(zero_us) = arguments.zero {
        say(format!("Zero     {}", format_utc(zero_us)));
    }
    if let Some(reach) = listen::reach(listener).map_err(Failure::failed)? {
        match replay.needs_care()? {
            true => tracing::warn!("{reach}"),
            false => say(format!("Open     {reach}")),
        }
    }
    let shown = listen::Shown::from_description(&description, arguments.zero.is_some())
        .with_rules(replay.counts_from_players())
        .over_tls(arguments.cert.is_some());
    for line in listen::play_lines(listener, arguments.bind, &shown).map_err(Failure::failed)? {
        say(line);
    }
    for idle in replay.idle_rules()? {
        tracing::warn!(
            "--inject: {idle}{}",
            if span.recording { ", so far" } else { "" }
        );
    }
    let asked_us = crate::clock::micros(arguments.offset);
    if arguments.zero.is_none() && asked_us < start_us {
        tracing::warn!(
            "what was recorded before is no longer kept: the clock starts at {}",
            format_time(start_us)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_those_of_the_original() {
        Arguments::command().debug_assert();
        let all =
            Arguments::try_parse_from(["isreplayer", "-f", "/x", "-p", "80", "-o", "2m30s", "s1"])
                .unwrap();
        assert_eq!(
            (all.port, all.offset, all.session.as_str()),
            (80, Duration::from_secs(150), "s1")
        );
        let few = Arguments::try_parse_from(["isreplayer", "session1"]).unwrap();
        assert_eq!(
            (few.port, few.offset, few.at_end),
            (9090, Duration::ZERO, End::Hold)
        );
        assert_eq!(
            (few.faults, few.dates, few.early),
            (
                FaultsAre::Recorded,
                DatesAre::Recorded,
                Duration::from_millis(500)
            )
        );
        assert_eq!(few.network, NetworkIs::Full);
        assert_eq!(few.folder.to_str(), Some("sessions"));
    }

    #[test]
    fn a_negative_offset_is_no_duration() {
        let error = Arguments::try_parse_from(["isreplayer", "-o", "-5", "s1"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("is not a duration"), "{error}");
    }
}
