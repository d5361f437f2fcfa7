//! What a long recording costs: bytes of the database, CPU time for each poll, and the time to read a
//! revision back, at several ages.
//!
//! `cargo bench --bench growth` measures an EVENT playlist that grows to 10,000 segments, a day of
//! a window of six segments with four polls for each revision, and (also alone: `-- polls`) what polls
//! of a 1 MB playlist cost the real `isrecorder`; `ISRECORDER` names another build of it.
//! `cargo bench --bench growth -- make FOLDER EXCHANGES` leaves a session with so many exchanges
//! in a folder, for whatever else is to be measured with it; `revisions FOLDER NUMBER` one with so
//! many revisions and nothing else.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use isrecorder::session::{Body, Reader, SessionFolder, Sessions};
use rustix::time::{ClockId, clock_gettime};

#[path = "../support/history.rs"]
#[allow(dead_code)] // Other benches write other histories.
mod history;
mod polls;

use history::{History, Segments, Shape};

/// An EVENT playlist grows to so many segments.
const EVENT: u64 = 10_000;
/// Revisions of a day.
const DAY: u64 = 43_200;
/// Revisions that are read back at each age.
const READ_BACK: i64 = 64;

const WINDOW: Shape = Shape {
    playlists: 1,
    family: false,
    window: Some(6),
    polls: 4,
    segments: Segments::None,
    late: 0,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| *word != "--bench")
        .collect();
    match words.as_slice() {
        [] => {
            let event = Shape {
                window: None,
                polls: 1,
                ..WINDOW
            };
            grow("an EVENT playlist", event, &[100, 1_000, 5_000, EVENT]).await?;
            grow("a window of six segments", WINDOW, &[1_000, 10_000, DAY]).await?;
            tokio::task::spawn_blocking(polls::run).await?
        }
        ["polls"] => tokio::task::spawn_blocking(polls::run).await?,
        ["make", folder, exchanges] => {
            let shape = Shape {
                playlists: 4,
                segments: Segments::Small,
                late: 1_000,
                ..WINDOW
            };
            // A revision, its segment, and the polls until the next.
            let each = shape.playlists as u64 * (shape.polls + 1);
            make(folder, shape, exchanges.parse::<u64>()? / each).await
        }
        ["revisions", folder, number] => {
            let number: u64 = number.parse()?;
            let shape = Shape {
                polls: 1,
                late: (number / 100).max(2),
                ..WINDOW
            };
            make(folder, shape, number).await
        }
        other => bail!("what is {other:?}?"),
    }
}

/// Leaves a session in a folder.
async fn make(folder: &str, shape: Shape, revisions: u64) -> Result<()> {
    let path = Path::new(folder);
    let name = path.file_name().and_then(|name| name.to_str());
    let above = path.parent().context("a folder in another one, please")?;
    let mut history = History::begin(&Sessions::new(above), name, shape).await?;
    for _ in 0..revisions {
        history.revise().await?;
    }
    let folder = history.end().await?;
    println!("{}: {} kB", folder.path().display(), size(&folder)? / 1000);
    Ok(())
}

/// Grows one and says at these ages what it has cost so far, and since the age before.
async fn grow(what: &str, shape: Shape, ages: &[u64]) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let sessions = Sessions::new(temporary.path());
    println!("{what}\n revisions  database  CPU per poll  a revision read back");
    for age in ages {
        // Each in a database of its own: only that of a session that was stopped has its true size.
        let mut history = History::begin(&sessions, None, shape).await?;
        let last_tenth = age - age / 10;
        let mut began = Duration::ZERO;
        for n in 0..*age {
            if n == last_tenth {
                began = cpu();
            }
            history.revise().await?;
        }
        let polls = (age - last_tenth) * shape.polls;
        let each = (cpu() - began) / u32::try_from(polls)?;
        let folder = history.end().await?;
        let back = read_back(&folder)?;
        println!(
            "{age:>10}  {:>5} kB  {:>9} us  {:>17} us",
            size(&folder)? / 1000,
            each.as_micros(),
            back.as_micros()
        );
    }
    Ok(())
}

/// CPU time that it takes to read one of the last revisions, hash and all.
fn read_back(folder: &SessionFolder) -> Result<Duration> {
    let reader = Reader::open(folder)?;
    let db = rusqlite::Connection::open(folder.database())?;
    let sql = "SELECT exchange_id FROM revision ORDER BY exchange_id DESC LIMIT ?1";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([READ_BACK], |row| row.get::<_, i64>(0))?;
    let last: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    let began = cpu();
    for exchange in &last {
        let body = reader.body_of(*exchange)?;
        ensure!(matches!(body, Some(Body::Bytes(_))), "{exchange}: no body");
    }
    Ok((cpu() - began) / u32::try_from(last.len())?)
}

fn size(folder: &SessionFolder) -> Result<u64> {
    Ok(folder.database().metadata()?.len())
}

/// What this process has used so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}
