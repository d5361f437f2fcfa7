//! isreplayer: arguments, start-up messages, the end.

#[cfg(feature = "archive")]
mod archive;
mod arguments;
mod serve;
#[cfg(test)]
#[cfg(feature = "archive")]
mod tests_of_archives;

use std::ffi::OsString;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory as _;

use self::arguments::{Arguments, End};
use self::serve::serve;
use super::descriptors;
use super::exit::{self, Failure, say};
use super::listen;
use super::outlet;
use super::output::{description, logging};
use crate::cli::arguments::moved;
use crate::clock::Clock;
use crate::replayer::connection::opening::tls::TlsAcceptor;
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::replayer::{Limits, Replay};
use crate::session::{SessionFolder, Sessions};

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
        let tls = arguments.load_tls()?;
        let listener = arguments.bind()?;
        let options = arguments.options()?;
        let replay = Arc::new(Replay::open(folder, Clock::start(), options)?);
        check_offset(&replay, arguments)?;
        announce(&replay, &listener, arguments)?;
        run((listener, tls), replay, limits, arguments.at_end).await
    });
    // A read that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// What the session has at its end.
fn list(folder: SessionFolder) -> Result<(), Failure> {
    let (description, standing) = description::at_the_end(folder)?;
    let lines = description::lines(&description, description::state(&standing));
    lines.iter().for_each(say);
    Ok(())
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
