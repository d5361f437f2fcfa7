//! How well the real `isreplayer --network recorded` keeps the recorded pace for hundreds of
//! players at once. A transfer is right where its first byte and its end come within 5 % of the
//! recorded time or within 20 ms of it.
//!
//! ```sh
//! cargo bench --bench pace -- 20 --players 300
//! ```
#![allow(clippy::print_stdout)]

mod player;
mod recording;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use isrecorder::clock;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use player::Transfer;
use recording::Way;
use support::{Measured, per_mille};

/// A transfer may be so far off, or by so large a part of its time.
const OFF_US: i64 = 20_000;
const OFF_PART: i64 = 20;
/// Players come evenly spread over so long.
const JOINING: Duration = Duration::from_secs(1);

#[derive(Debug, Parser)]
struct Arguments {
    /// For so long each player loads segments
    #[arg(default_value_t = 20)]
    seconds: u32,
    #[arg(long, default_value_t = 300)]
    players: u32,
    /// Another build, measured in place of this one
    #[arg(long, env = "ISREPLAYER", value_name = "FILE", default_value = env!("CARGO_BIN_EXE_isreplayer"))]
    replayer: PathBuf,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let ways = recording::ways();
    let session = runtime.block_on(recording::record(folder.path().to_owned(), &ways))?;
    let mut replayer = Measured::start(
        Command::new(&arguments.replayer)
            .args(["-q", "--network", "recorded", "--bind", "127.0.0.1"])
            .args(["--port", "0"])
            .arg(session.path())
            .stdout(Stdio::piped()),
    )?;
    let said = replayer.child.stdout.take().context("no output")?;
    let address = address(said)?;
    let played = runtime.block_on(play(address, &ways, &arguments));
    replayer.interrupt()?;
    let cost = replayer.end()?;
    let (transfers, late) = played?;
    report(&ways, &transfers);
    let of_a_cpu = cost.cpu.as_secs_f64() / f64::from(arguments.seconds) * 100.0;
    println!(
        "replayer: {:.2} s of CPU ({of_a_cpu:.0} % of one), {} KiB at most",
        cost.cpu.as_secs_f64(),
        cost.memory_kib
    );
    println!("timers of the bench itself were late by  {}", spread(late));
    Ok(())
}

/// Where it says that it serves.
fn address(said: ChildStdout) -> Result<SocketAddr> {
    for line in BufReader::new(said).lines() {
        let line = line?;
        if let Some(rest) = line.trim().strip_prefix("Play     http://") {
            let (address, _) = rest.split_once('/').context(rest.to_owned())?;
            return Ok(address.parse()?);
        }
    }
    anyhow::bail!("the replayer does not say where it serves")
}

/// All transfers of all players, and how late timers of this process were.
async fn play(
    address: SocketAddr,
    ways: &[Way],
    arguments: &Arguments,
) -> Result<(Vec<Transfer>, Vec<i64>)> {
    let paths = Arc::new(recording::paths(ways));
    let began = clock::instant();
    let until = began + JOINING + Duration::from_secs(arguments.seconds.into());
    let lateness = lateness(until);
    let mut players = JoinSet::new();
    for n in 0..arguments.players {
        let paths = Arc::clone(&paths);
        let joins = began + JOINING * n / arguments.players;
        players.spawn(async move {
            tokio::time::sleep_until(joins).await;
            player::play(address, &paths, n as usize % paths.len(), until).await
        });
    }
    let mut transfers = Vec::new();
    while let Some(player) = players.join_next().await {
        transfers.extend(player??);
    }
    Ok((transfers, lateness.await?))
}

/// How late timers are while all else goes on, in microseconds: so much of what is measured is
/// not the replayer's.
fn lateness(until: Instant) -> JoinHandle<Vec<i64>> {
    tokio::spawn(async move {
        let (mut late, mut due) = (Vec::new(), clock::instant());
        while due < until {
            due += Duration::from_millis(5);
            tokio::time::sleep_until(due).await;
            late.push(clock::micros(due.elapsed()));
        }
        late
    })
}

fn report(ways: &[Way], transfers: &[Transfer]) {
    println!("how far off, in milliseconds");
    let mut all_right = 0;
    for (at, way) in ways.iter().enumerate() {
        let of_it: Vec<&Transfer> = transfers
            .iter()
            .filter(|t| t.at % ways.len() == at)
            .collect();
        let first = of_it.iter().map(|t| t.first_byte_us - way.wait_us);
        let last = of_it.iter().map(|t| t.whole_us - way.whole_us());
        let right = of_it.iter().filter(|t| is_right(way, t)).count();
        all_right += right;
        println!(
            "{:<20} {:>6} transfers, right {}",
            way.name,
            of_it.len(),
            share(right, of_it.len())
        );
        println!("  first byte  {}", spread(first.collect()));
        println!("  end         {}", spread(last.collect()));
    }
    let right = share(all_right, transfers.len());
    println!("all {:>23} transfers, right {right}", transfers.len());
}

fn is_right(way: &Way, transfer: &Transfer) -> bool {
    let close =
        |came_us: i64, due_us: i64| (came_us - due_us).abs() <= OFF_US.max(due_us / OFF_PART);
    let is_the_same = transfer.broke == way.breaks;
    is_the_same
        && close(transfer.first_byte_us, way.wait_us)
        && close(transfer.whole_us, way.whole_us())
}

fn share(part: usize, whole: usize) -> String {
    format!("{:.3} %", part as f64 / whole.max(1) as f64 * 100.0)
}

/// Of values in microseconds.
fn spread(mut values: Vec<i64>) -> String {
    values.sort_unstable();
    let at = |share| per_mille(&values, share) as f64 / 1000.0;
    format!(
        "from {:6.1}, p50 {:6.1}, p99 {:6.1}, p99.9 {:6.1}, to {:6.1}",
        at(0),
        at(500),
        at(990),
        at(999),
        at(1000)
    )
}
