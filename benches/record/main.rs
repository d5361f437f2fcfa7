//! What recording costs: CPU time and memory of the real `isrecorder`, recording a live
//! origin of eight media playlists, some of whose segments are slow to come.
//!
//! With the path of another build in `ISRECORDER` both are measured at the same time, against
//! the same origin, round after round:
//!
//! ```sh
//! ISRECORDER=/elsewhere/isrecorder cargo bench --bench record -- 20 --rounds 8
//! ```
#![allow(clippy::print_stdout)]

mod live;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use rusqlite::{Connection, OpenFlags};

use live::{Origin, PLAYLISTS};
use support::{Cost, Measured, per_mille};

const NAMES: [&str; 2] = ["this ", "other"];

#[derive(Debug, Parser)]
struct Arguments {
    /// Length of each recording
    #[arg(default_value_t = 20)]
    seconds: u32,
    /// Recordings by each build
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Another build, to compare with
    #[arg(long, env = "ISRECORDER", value_name = "FILE")]
    other: Option<PathBuf>,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

/// One recording.
struct Recorded {
    cost: Cost,
    exchanges: i64,
    /// Of these, such whose arrival was kept.
    arrivals: i64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let this = Path::new(env!("CARGO_BIN_EXE_isrecorder"));
    let builds: Vec<&Path> = [Some(this), arguments.other.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let origin = Origin::start(300_000)?;
    println!("CPU s per minute of a media playlist ({PLAYLISTS} at once), most memory, exchanges");
    let mut costs = vec![Vec::new(); builds.len()];
    for round in 0..arguments.rounds {
        // Each is started first as often as the other.
        let recorded = record(&builds, round % builds.len(), &origin, arguments.seconds)?;
        for (at, recorded) in recorded {
            let cpu = cpu_per_minute(recorded.cost, arguments.seconds);
            println!(
                "{} {cpu:.4} s {:>6} KiB {:>5} exchanges, {} with an arrival",
                NAMES[at], recorded.cost.memory_kib, recorded.exchanges, recorded.arrivals,
            );
            costs[at].push(cpu);
        }
    }
    for (name, costs) in NAMES.iter().zip(&costs) {
        println!("{name} {}", spread(costs));
    }
    if let [this, other] = costs.as_slice() {
        let ratios: Vec<f64> = this.iter().zip(other).map(|(t, o)| t / o).collect();
        println!("this / other {}", spread(&ratios));
    }
    Ok(())
}

/// A recording by each build, all at the same time: whatever else the machine does costs them
/// the same.
fn record(
    builds: &[&Path],
    first: usize,
    origin: &Origin,
    seconds: u32,
) -> Result<Vec<(usize, Recorded)>> {
    let order = (first..builds.len()).chain(0..first);
    origin.wait_for_the_turn();
    let mut recorders = Vec::new();
    for at in order {
        let folder = tempfile::tempdir()?;
        let recorder = Measured::start(
            Command::new(builds[at])
                .args(["-q", "-s", "bench", &origin.url()])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null()),
        )?;
        recorders.push((at, folder, recorder));
    }
    thread::sleep(Duration::from_secs(seconds.into()));
    for (_, _, recorder) in &mut recorders {
        recorder.interrupt()?;
    }
    let finished = recorders.into_iter().map(|(at, folder, recorder)| {
        let cost = recorder.end()?;
        let (exchanges, arrivals) = count(&folder.path().join("sessions/bench/session.db"))?;
        let recorded = Recorded {
            cost,
            exchanges,
            arrivals,
        };
        Ok((at, recorded))
    });
    finished.collect()
}

/// Exchanges of a session, and such with an arrival.
fn count(database: &Path) -> Result<(i64, i64)> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count = |sql| database.query_row(sql, [], |row| row.get(0));
    let exchanges = count("SELECT count(*) FROM exchange")?;
    // Another build may know no arrivals.
    let arrivals = count("SELECT count(*) FROM exchange WHERE arrival IS NOT NULL");
    Ok((exchanges, arrivals.unwrap_or(0)))
}

fn cpu_per_minute(cost: Cost, seconds: u32) -> f64 {
    cost.cpu.as_secs_f64() / f64::from(PLAYLISTS) / f64::from(seconds) * 60.0
}

fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let [least, median, most] = [0, 500, 1000].map(|share| per_mille(&sorted, share));
    format!("median {median:.4}, from {least:.4} to {most:.4}")
}
