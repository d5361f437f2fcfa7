//! Many streams in one process: revisions missed, lateness of polls, memory and descriptors
//! over time of the real `isrecorder`, recording live playlists with a segment a second.
//!
//! ```sh
//! cargo bench --bench streams -- 600 --streams 100
//! ```
#![allow(clippy::print_stdout)]

#[path = "../record/live.rs"]
mod live;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use rusqlite::{Connection, OpenFlags};

use live::Origin;
use support::{Measured, per_mille};

/// Looks at the process, over the whole time.
const LOOKS: u32 = 10;

#[derive(Debug, Parser)]
struct Arguments {
    /// Length of the recording
    #[arg(default_value_t = 60)]
    seconds: u32,
    /// Streams at once
    #[arg(long, default_value_t = 100)]
    streams: u32,
    /// Bytes of a segment
    #[arg(long, default_value_t = 20_000)]
    bytes: usize,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let origin = Origin::start(arguments.bytes)?;
    let folder = tempfile::tempdir()?;
    let inputs = (0..arguments.streams).map(|n| format!("s{n}={}", origin.playlist_url(n)));
    let mut recorder = Measured::start(
        Command::new(env!("CARGO_BIN_EXE_isrecorder"))
            .args(["-q", "-q", "-s", "bench"])
            .args(inputs)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null()),
    )?;
    println!("after s, memory KiB, open files");
    for look in 1..=LOOKS {
        thread::sleep(Duration::from_secs(arguments.seconds.into()) / LOOKS);
        let after = arguments.seconds * look / LOOKS;
        let (memory_kib, files) = (recorder.memory_now()?, recorder.open_files()?);
        println!("{after:>7} {memory_kib:>11} {files:>11}");
    }
    recorder.interrupt()?;
    let cost = recorder.end()?;
    let minutes = f64::from(arguments.streams) * f64::from(arguments.seconds) / 60.0;
    println!(
        "CPU {:.4} s per stream and minute, most memory {} KiB",
        cost.cpu.as_secs_f64() / minutes,
        cost.memory_kib
    );
    report(&folder.path().join("sessions/bench/session.db"))
}

fn report(database: &Path) -> Result<()> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
    let revisions = number("SELECT count(*) FROM revision")?;
    // A playlist advances by one segment each time.
    let missed = number(
        "SELECT ifnull(sum(step - 1), 0) FROM (SELECT last_sequence - lag(last_sequence)
           OVER (PARTITION BY playlist_id ORDER BY seen_us) AS step FROM revision) WHERE step > 1",
    )?;
    println!("revisions {revisions}, missed {missed}");
    println!(
        "polls {}, chunks {}, faults {}",
        number("SELECT count(*) FROM exchange WHERE lag_us IS NOT NULL")?,
        number(
            "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'segment' AND e.outcome = 'complete'"
        )?,
        number(
            "SELECT count(*) FROM exchange WHERE outcome NOT IN ('complete', 'aborted') OR status >= 400"
        )?,
    );
    let mut lags =
        database.prepare("SELECT lag_us FROM exchange WHERE lag_us IS NOT NULL ORDER BY lag_us")?;
    let lags: Vec<i64> = lags
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let lag_ms = |share| per_mille(&lags, share) as f64 / 1000.0;
    println!(
        "lateness of polls, ms: p50 {:.1}, p99 {:.1}, most {:.1}",
        lag_ms(500),
        lag_ms(990),
        lag_ms(1000)
    );
    Ok(())
}
