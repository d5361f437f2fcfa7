//! `isrecorder`: records one HLS stream.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use http::{HeaderName, HeaderValue};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::durations::{clock_time, parse_duration, parse_positive};
use super::exit::{self, Failure};
use super::live::{AboveView, LiveView, total_line};
use super::logging::{self, LogForm, LogOptions};
use crate::recorder::{
    self, Ended, Options, Pin, RecordError, Stats, Summary, TlsOptions, TrustedHosts,
};
use crate::session::{FolderError, SessionFolder, Sessions};

/// Record an HLS stream: every revision of its playlists, every chunk and key, every fault, with its time.
#[derive(Debug, Parser)]
#[command(
    name = "isrecorder",
    version,
    after_help = "Stop it with Ctrl+C; then: isreplayer SESSION"
)]
struct Arguments {
    /// HLS input stream: a multivariant or media playlist (http or https)
    #[arg(value_name = "URL")]
    url: String,
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
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    http: HttpArguments,
}

/// What people know from curl, under curl's names.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
struct HttpArguments {
    /// Send this header field to the URL's host; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// User-Agent
    #[arg(short = 'A', long, value_name = "NAME", value_parser = parse_value)]
    user_agent: Option<String>,
    /// Send these cookies to the URL's host: name=value; name2=value2
    #[arg(short = 'b', long = "cookie", value_name = "COOKIES", value_parser = parse_cookies)]
    cookies: Vec<String>,
    /// Send header fields, cookies and the URL's password to these hosts too (comma-separated; * for all)
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    trust_hosts: Vec<String>,
    /// Proxy for everything: http://…, https://… or socks5://…; default: the usual variables (https_proxy, no_proxy, …)
    #[arg(long, value_name = "URL", value_parser = parse_proxy)]
    proxy: Option<Url>,
    /// Accept any TLS certificate
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Certificate authorities to trust, PEM; default: the system's (or SSL_CERT_FILE)
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Key of the client certificate, PEM, where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Use this address for a host (for any port of it); may be repeated
    #[arg(long = "resolve", value_name = "HOST:PORT:ADDRESS", value_parser = parse_resolve)]
    pins: Vec<Pin>,
    /// Longest time for a connection
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_positive)]
    connect_timeout: Duration,
    /// Longest time for a request and its answer; default: 15 for playlists and keys, 120 for chunks
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive)]
    max_time: Option<Duration>,
}

/// The program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::code("isrecorder", run(arguments).map(|()| true))
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        url,
        output,
        session,
        duration,
        poll,
        http,
        log,
    } = arguments;
    let options = options(parse_url(&url)?, duration, poll, http);
    let sessions = Sessions::new(output);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("cannot start: {e}")))?;
    let view = LiveView::new(log.quiet == 0 && log.log == LogForm::Text);
    logging::init(log, AboveView(view.clone()));
    let summary = runtime.block_on(async {
        let stop = CancellationToken::new();
        let signals = Signals::listen().map_err(RunError::Signals)?;
        tokio::spawn(on_signals(signals, stop.clone()));
        let stats = Stats::default();
        let done = CancellationToken::new();
        let showing = tokio::spawn(view.run(stats.clone(), done.clone()));
        let create = || create_session(&sessions, session.as_deref());
        let summary = recorder::record(options, create, stats.clone(), stop).await;
        done.cancel();
        // It only shows: however it ended, the summary counts.
        let _ = showing.await;
        summary.map(|summary| (summary, stats))
    });
    let (summary, stats) = summary.map_err(Failure::from)?;
    report(&summary, &stats);
    Ok(())
}

fn create_session(sessions: &Sessions, name: Option<&str>) -> Result<SessionFolder, RunError> {
    let folder = sessions.create(name)?;
    tracing::info!("recording to {}", folder.path().display());
    Ok(folder)
}

fn report(summary: &Summary, stats: &Stats) {
    if summary.ended == Ended::Finished {
        tracing::info!("the stream has ended");
    }
    exit::say(format_args!("Record length {}", clock_time(summary.length)));
    exit::say(total_line(&summary.totals));
    for ((kind, what), count) in stats.faults() {
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

/// The first signal stops the recording; the second ends the process at once: what was committed is safe.
///
/// They are listened for from the start: a second one may follow on the heels of the first.
async fn on_signals(mut signals: Signals, stop: CancellationToken) {
    signals.next().await;
    tracing::info!("stopping; once more to stop at once");
    stop.cancel();
    signals.next().await;
    std::process::exit(130);
}

/// What asks a program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: whoever started the program had it ignored (`nohup`).
    hang_up: Option<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: match hang_up_is_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            Some(_) = hang_up(&mut self.hang_up) => {}
        }
    }
}

async fn hang_up(signal: &mut Option<Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

/// Where the kernel tells; elsewhere it is taken for not ignored.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}

fn options(
    url: Url,
    duration: Option<Duration>,
    poll: Option<Duration>,
    http: HttpArguments,
) -> Options {
    Options {
        duration,
        poll,
        headers: http.headers,
        user_agent: http.user_agent,
        cookies: http.cookies,
        proxy: http.proxy,
        tls: TlsOptions {
            insecure: http.insecure,
            cacert: http.cacert,
            cert: http.cert,
            key: http.key,
        },
        pins: http.pins,
        connect_timeout: http.connect_timeout,
        max_time: http.max_time,
        trusted: TrustedHosts {
            all: http.trust_hosts.iter().any(|host| host == "*"),
            hosts: http
                .trust_hosts
                .iter()
                .map(|host| host.trim().to_ascii_lowercase())
                .collect(),
        },
        ..Options::new(url)
    }
}

fn parse_url(text: &str) -> Result<Url, Failure> {
    let hint =
        "give the http or https URL of a playlist, such as https://example.com/live/stream.m3u8";
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(Failure::usage(format!(
            "{text:?} is a {} URL; {hint}",
            url.scheme()
        ))),
        Err(e) => Err(Failure::usage(format!("{text:?} is no URL ({e}); {hint}"))),
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

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("it has no colon; write NAME: VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{name:?} cannot be the name of a header field"))?;
    parse_value(value)?;
    if name.eq_ignore_ascii_case("cookie") {
        return Err("give cookies with -b/--cookie".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_value(text: &str) -> Result<String, String> {
    HeaderValue::from_str(text)
        .map_err(|_| "it has control characters or is not ASCII".to_owned())?;
    Ok(text.to_owned())
}

fn parse_cookies(text: &str) -> Result<String, String> {
    parse_value(text)?;
    let is_pair = |part: &str| {
        part.split_once('=')
            .is_some_and(|(name, _)| !name.trim().is_empty())
    };
    if text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .all(is_pair)
    {
        Ok(text.to_owned())
    } else {
        Err("write name=value; name2=value2 (files are not read)".to_owned())
    }
}

fn parse_proxy(text: &str) -> Result<Url, String> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&with_scheme).map_err(|e| e.to_string())?;
    match url.scheme() {
        "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" if url.has_host() => Ok(url),
        scheme => Err(format!(
            "{scheme} is no kind of proxy; give http, https, socks4 or socks5"
        )),
    }
}

fn parse_resolve(text: &str) -> Result<Pin, String> {
    let form = "write HOST:PORT:ADDRESS, such as live.example.com:443:192.0.2.7";
    let mut parts = text.splitn(3, ':');
    let (Some(host), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form.to_owned());
    };
    let port: u16 = port.parse().map_err(|_| form)?;
    let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| form)?;
    if host.is_empty() {
        return Err(form.to_owned());
    }
    Ok(Pin {
        host: host.to_ascii_lowercase(),
        address: SocketAddr::new(address, port),
    })
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
    fn what_cannot_be_sent_is_refused() {
        assert!(parse_header("X-Token: a").is_ok());
        assert!(parse_header("no colon").is_err());
        assert!(parse_header("X: a\nY: b").is_err());
        assert!(parse_header("Cookie: a=b").is_err());
        assert!(parse_cookies("a=b; c=d").is_ok());
        assert!(parse_cookies("cookies.txt").is_err());
    }

    #[test]
    fn addresses_given_by_hand() {
        assert_eq!(
            parse_resolve("h:443:192.0.2.7")
                .unwrap()
                .address
                .to_string(),
            "192.0.2.7:443"
        );
        assert_eq!(
            parse_resolve("h:80:[2001:db8::1]")
                .unwrap()
                .address
                .to_string(),
            "[2001:db8::1]:80"
        );
        assert!(parse_resolve("h:80").is_err());
        assert!(parse_resolve("h:x:1.2.3.4").is_err());
    }

    #[test]
    fn proxies_are_like_curls() {
        assert_eq!(
            parse_proxy("localhost:3128").unwrap().as_str(),
            "http://localhost:3128/"
        );
        assert!(parse_proxy("socks5://h:1080").is_ok());
        assert!(parse_proxy("ftp://h").is_err());
    }
}
