//! How fast what was recorded is read: a revision put together out of its lines, an answer that is
//! given again, and the gaps of a session of 100,000 revisions.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use criterion::Criterion;
use http::Request;
use http::request::Parts;
use isrecorder::analysis::adjacent::{Search, Threshold};
use isrecorder::clock::Clock;
use isrecorder::replayer::{Options, Replay};
use isrecorder::session::{Body, ExchangeId, ReadError, Reader, SessionFolder, Sessions};
use tokio::runtime::Runtime;

#[path = "support/history.rs"]
#[allow(dead_code)] // Other benches write other histories.
mod history;

use history::{History, Segments, Shape};

/// Windows of a minute, of four playlists.
const WINDOWS: Shape = Shape {
    playlists: 4,
    family: false,
    window: Some(30),
    polls: 1,
    segments: Segments::None,
    late: 100,
};
const REVISIONS: u64 = 25_000;
/// A playlist that keeps all of its segments, and how many these are.
const EVENT: Shape = Shape {
    playlists: 1,
    family: false,
    window: None,
    ..WINDOWS
};
const SEGMENTS: u64 = 2_000;
/// Longer than any of them is.
const AFTER_ALL: Duration = Duration::from_secs(1_000_000);

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let temporary = tempfile::tempdir()?;
    let sessions = Sessions::new(temporary.path());
    let windows = runtime.block_on(write(&sessions, WINDOWS, REVISIONS))?;
    let event = runtime.block_on(write(&sessions, EVENT, SEGMENTS))?;
    for (name, folder) in [("window of 30", &windows), ("event of 2,000", &event)] {
        revision(&mut criterion, name, folder)?;
        again(&mut criterion, &runtime, name, folder)?;
    }
    gaps(&mut criterion, &windows)?;
    criterion.final_summary();
    Ok(())
}

async fn write(sessions: &Sessions, shape: Shape, revisions: u64) -> Result<SessionFolder> {
    let mut history = History::begin(sessions, None, shape).await?;
    for _ in 0..revisions {
        history.revise().await?;
    }
    history.end().await
}

/// The text of the last revision, out of the rows that it shares.
fn revision(criterion: &mut Criterion, name: &str, folder: &SessionFolder) -> Result<()> {
    let reader = Reader::open(folder)?;
    let playlists = reader.media_playlists()?;
    let first = playlists.first().context("no playlist")?;
    let (last, _) = reader.newest_revision(first.id)?.context("no revision")?;
    let size = read(&reader, last)?;
    ensure!(size > 0, "it is empty");
    criterion.bench_function(&format!("a revision: {name}"), |b| {
        b.iter(|| black_box(read(&reader, last)).is_ok());
    });
    Ok(())
}

fn read(reader: &Reader, exchange: ExchangeId) -> Result<usize> {
    match reader.body_of(exchange)? {
        Some(Body::Bytes(text)) => Ok(text.len()),
        _ => anyhow::bail!("exchange {exchange} has no text"),
    }
}

/// The answer at the end, after it was given once.
fn again(
    criterion: &mut Criterion,
    runtime: &Runtime,
    name: &str,
    folder: &SessionFolder,
) -> Result<()> {
    let options = Options {
        offset: AFTER_ALL,
        ..Options::default()
    };
    let replay = Arc::new(Replay::open(folder.clone(), Clock::start(), options)?);
    for coding in ["identity", "gzip"] {
        let request = replay.receive(request(coding)?);
        let reply = runtime.block_on(replay.respond(&request));
        let status = reply.response.map(|response| response.status().as_u16());
        ensure!(status == Some(200), "{status:?}");
        criterion.bench_function(&format!("an answer again, {coding}: {name}"), |b| {
            b.iter(|| black_box(runtime.block_on(replay.respond(&request))));
        });
    }
    Ok(())
}

fn request(coding: &str) -> Result<Parts> {
    let request = Request::get("/stream.m3u8").header("accept-encoding", coding);
    let (request, ()) = request.body(())?.into_parts();
    Ok(request)
}

/// What `adjacent-find` finds in all playlists, but for printing it.
fn gaps(criterion: &mut Criterion, folder: &SessionFolder) -> Result<()> {
    let reader = Reader::open(folder)?;
    let found = search(&reader)?;
    ensure!(found > 0, "there are no gaps");
    let mut group = criterion.benchmark_group("gaps");
    group.sample_size(10);
    group.bench_function(format!("of 100,000 revisions, {found} of them"), |b| {
        b.iter(|| black_box(search(&reader)).is_ok());
    });
    group.finish();
    Ok(())
}

fn search(reader: &Reader) -> Result<u64> {
    let search = Search::new(reader, Threshold::default())?;
    let mut found = 0;
    for playlist in reader.media_playlists()? {
        search.gaps(&playlist, |_| {
            found += 1;
            Ok::<_, ReadError>(())
        })?;
    }
    Ok(found)
}
