//! `isreplayer URL`: replays out of an archive. It connects to the store that was named, and to nothing else.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::arguments::{Arguments, End};
use super::serve::serve;
use crate::archive::{ArchiveVolumes, Cache, CacheError, split_stream};
use crate::cli::arguments::store::{TRIES, open};
use crate::cli::exit::{Failure, say};
use crate::cli::{descriptors, listen, outlet};
use crate::clock::{self, Clock};
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::replayer::{Archive, AtEnd};
use crate::session::rfc3339;
use crate::session::source::{Extent, SourceError, Volumes};
use crate::store::Purpose;

/// Streams that are named.
const MOST_NAMED: usize = 8;

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        Self::failed(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Nothing(what) => Self::usage(what),
            error => Self::failed(error),
        }
    }
}

/// Replays an archive.
pub(super) fn replay(arguments: &Arguments) -> Result<(), Failure> {
    let volumes = volumes(arguments)?;
    if arguments.list {
        return list(&*volumes);
    }
    outlet::start();
    descriptors::raise();
    let limits = arguments.clients.limits()?;
    let options = arguments.options()?;
    if options.inject.ask_for_sequences() {
        let why = "--inject: sn= is not known out of an archive; issession fetch brings a span of it as a session, where it is";
        return Err(Failure::usage(why));
    }
    let archive = Archive::open(
        Arc::clone(&volumes) as Arc<dyn Volumes>,
        Clock::start(),
        arguments.archive.from,
        options,
    )?;
    check_start(&archive, arguments)?;
    let archive = Arc::new(archive);
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::failed)?;
    let served = Arc::clone(&archive);
    let done = runtime.block_on(async {
        let tls = arguments.load_tls()?;
        let listener = arguments.bind()?;
        announce(&archive, &volumes.shown(), &listener, arguments)?;
        let watched = Arc::clone(&archive);
        let end = async move {
            match AtEnd::from(arguments.at_end) {
                AtEnd::Stop => watched.watch().await,
                _ => std::future::pending().await,
            }
        };
        serve((listener, tls), served, limits, end).await
    });
    // A read that hangs must not hold up the end. What asks the store is let go of behind it.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn volumes(arguments: &Arguments) -> Result<Arc<ArchiveVolumes>, Failure> {
    let (url, in_url) = split_stream(&arguments.session);
    let stream = match (&arguments.archive.stream, in_url) {
        (Some(one), Some(other)) if *one != other => {
            let why = format!("--stream {one}: the URL names the stream {other}");
            return Err(Failure::usage(why));
        }
        (one, other) => one.clone().or(other),
    };
    let store = open(url, Purpose::Read, TRIES)?;
    let own = &arguments.archive;
    let cache = Cache::open(own.cache.as_deref(), own.most_cached())?;
    let volumes = ArchiveVolumes::open(store, stream.as_deref(), cache)?;
    Ok(Arc::new(volumes))
}

/// What the archive has at its end.
fn list(volumes: &dyn Volumes) -> Result<(), Failure> {
    say(format!("Archive  {}", volumes.shown()));
    for name in volumes.streams() {
        say(match volumes.extent(&name) {
            Ok(extent) => format!("Stream   {name}: {}", span(extent)),
            Err(SourceError::Nothing(_)) => format!("Stream   {name}: no volume"),
            Err(error) => return Err(error.into()),
        });
    }
    Ok(())
}

fn span(extent: Extent) -> String {
    let grows = if extent.grows { ", being recorded" } else { "" };
    format!(
        "{} to {}{grows}",
        rfc3339(extent.from_us),
        rfc3339(extent.to_us)
    )
}

/// A clock that starts where there is nothing shows players nothing.
fn check_start(archive: &Archive, arguments: &Arguments) -> Result<(), Failure> {
    let extent = archive.extent();
    let asked_us = match arguments.archive.from {
        Some(from_us) => from_us,
        None => extent
            .from_us
            .saturating_add(clock::micros(arguments.offset)),
    };
    let is_behind = asked_us > extent.from_us && asked_us >= extent.to_us;
    let may_be_behind = extent.grows || arguments.at_end == End::Endlist;
    if asked_us < extent.from_us || is_behind && !may_be_behind {
        let why = format!(
            "there is nothing at {}: {}",
            rfc3339(asked_us),
            span(extent)
        );
        return Err(Failure::usage(why));
    }
    Ok(())
}

fn announce(
    archive: &Archive,
    shown: &str,
    listener: &TcpListener,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let extent = archive.extent();
    let length_us = extent.to_us.saturating_sub(extent.from_us);
    let grows = if extent.grows { ", being recorded" } else { "" };
    say(format!("Archive  {shown}"));
    say(format!("Recorded {}", format_utc(extent.from_us)));
    say(format!("Length   {}{grows}", format_time(length_us)));
    for name in archive.names().iter().take(MOST_NAMED) {
        say(format!("Stream   {name}"));
    }
    if let Some(more @ 1..) = archive.names().len().checked_sub(MOST_NAMED) {
        say(format!("         and {more} more"));
    }
    if let Some(zero_us) = arguments.zero {
        say(format!("Zero     {}", format_utc(zero_us)));
    }
    if let Some(reach) = listen::reach(listener).map_err(Failure::failed)? {
        // What is in it is not known before it is asked for.
        tracing::warn!("{reach}");
    }
    let address = listener.local_addr().map_err(Failure::failed)?;
    let host = match address.ip().is_unspecified() {
        true => "127.0.0.1".to_owned(),
        false if address.is_ipv6() => format!("[{}]", address.ip()),
        false => address.ip().to_string(),
    };
    let scheme = if arguments.cert.is_some() {
        "https"
    } else {
        "http"
    };
    let root = format!("{scheme}://{host}:{}", address.port());
    let path = match archive.names() {
        [_] => String::new(),
        names => names.first().map_or_else(String::new, |name| {
            format!("/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
        }),
    };
    let start = match arguments.archive.from {
        Some(_) => archive.session_us().max(0).div_euclid(1_000_000),
        None => 0,
    };
    say(format!(
        "Play     {root}{path}/stream.m3u8?offset={start}  (from there, whenever a player comes)"
    ));
    say(format!(
        "         {root}{path}/stream.m3u8  (one clock for all players: it runs now)"
    ));
    say(format!("         {root}/  (everything there is)"));
    Ok(())
}
