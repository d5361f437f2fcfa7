//! The arguments of isreplayer, and what they mean.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[cfg(feature = "archive")]
use crate::cli::arguments::archive::ArchiveArguments;
use crate::cli::arguments::client::{ClientArguments, PageArguments};
use crate::cli::arguments::durations::{parse_duration, parse_moment};
use crate::cli::exit::Failure;
use crate::cli::listen;
use crate::cli::output::logging::LogOptions;
use crate::replayer::connection::opening::tls::{self, TlsAcceptor};
use crate::replayer::inject::{self, Parsed, Rule, Rules};
use crate::replayer::{AtEnd, Dates, Faults, Network, Options};

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
pub(super) struct Arguments {
    /// Folder of sessions
    #[arg(short, long, default_value = "sessions")]
    pub(super) folder: std::path::PathBuf,

    /// Listening port; 0: any that is free
    #[arg(short, long, default_value_t = 9090)]
    pub(super) port: u16,

    /// Start offset in seconds (fractions and 2m30s too)
    #[arg(short, long, default_value = "0", value_parser = parse_duration, allow_negative_numbers = true)]
    pub(super) offset: Duration,

    /// When session time 0 is, whenever isreplayer is started (2026-11-21T18:00:00Z, or Unix time):
    /// any number of replayers over copies of a session give the same answers at each moment
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with = "offset")]
    pub(super) zero: Option<i64>,

    /// Address to listen on [default: all]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) bind: Option<IpAddr>,

    /// What happens after the last moment of the recording
    #[arg(long, value_enum, default_value_t = End::Hold, value_name = "WHAT")]
    pub(super) at_end: End,

    /// Faults of the origin
    #[arg(long, value_enum, default_value_t = FaultsAre::Recorded, value_name = "WHICH")]
    pub(super) faults: FaultsAre,

    /// A chunk or key that a player asks for so little before its time is given at once
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = parse_duration, allow_negative_numbers = true)]
    pub(super) early: Duration,

    /// Dates in playlists, Last-Modified and Expires
    #[arg(long, value_enum, default_value_t = DatesAre::Recorded, value_name = "WHICH")]
    pub(super) dates: DatesAre,

    /// How fast answers come
    #[arg(long, value_enum, default_value_t = NetworkIs::Full, value_name = "WHICH")]
    pub(super) network: NetworkIs,

    /// Lay a fault over the recording (--help says how); may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    pub(super) inject: Vec<Parsed>,

    /// Other faults of those --inject rules that are left to chance
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) seed: u64,

    /// Say what the session has, and end
    #[arg(long)]
    pub(super) list: bool,

    #[command(flatten)]
    pub(super) pages: PageArguments,

    /// Answer over TLS (https) with this certificate and those behind it, PEM
    #[arg(long, value_name = "FILE")]
    pub(super) cert: Option<std::path::PathBuf>,

    /// Key of the certificate, PEM, where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<std::path::PathBuf>,

    #[command(flatten)]
    pub(super) clients: ClientArguments,

    #[command(flatten)]
    pub(super) log: LogOptions,

    #[cfg(feature = "archive")]
    #[command(flatten)]
    pub(super) archive: ArchiveArguments,

    /// Recorded session name, or the path of its folder; or the URL of an archive
    #[arg(value_name = "SESSION")]
    pub(super) session: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum End {
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
pub(super) enum FaultsAre {
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
pub(super) enum DatesAre {
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
pub(super) enum NetworkIs {
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

impl Arguments {
    /// How to replay.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let rules = load(&self.inject)?;
        let hls_js = self.pages.hls_js().map_err(Failure::usage)?;
        Ok(Options {
            inject: Rules::new(rules, self.seed),
            offset: self.offset,
            zero_us: self.zero,
            at_end: self.at_end.into(),
            faults: self.faults.into(),
            early: self.early,
            dates: self.dates.into(),
            network: self.network.into(),
            cors: self.pages.cors(),
            hls_js,
        })
    }

    /// The socket that players connect to.
    pub(super) fn bind(&self) -> Result<TcpListener, Failure> {
        let (address, port) = (self.bind, self.port);
        listen::listen(address, port)
            .map_err(|error| Failure::failed(listen::refusal(&error, address, port, "-p")))
    }

    /// What is needed to answer over TLS, if that is asked for.
    pub(super) fn load_tls(&self) -> Result<Option<TlsAcceptor>, Failure> {
        let Some(certificate) = &self.cert else {
            return Ok(None);
        };
        let key = self.key.as_ref().unwrap_or(certificate);
        let acceptor = tls::acceptor(certificate, key);
        let told = |error| Failure::usage(format!("--cert, --key: {error}"));
        acceptor.map(Some).map_err(told)
    }
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

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
