//! What requests that are held cost the real `isreplayer`: memory and CPU time while they wait, and how late each is answered
//! after its moment. First some players that follow a playlist part by part; then very many requests that wait for the same part,
//! over HTTP/1.1 on a connection each, and over HTTP/2 on as few as may be.
//!
//! ```sh
//! cargo bench --bench parked -- 10000
//! ```
#![allow(clippy::print_stdout)]

mod client;
mod session;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use isrecorder::clock;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use client::Protocol;
use support::{Measured, per_mille};

/// While nothing happens the CPU time is measured for so long.
const QUIET: Duration = Duration::from_secs(5);
/// Requests on a connection of HTTP/2.
const STREAMS: usize = 100;

#[derive(Debug, Parser)]
struct Arguments {
    /// Requests that wait at once
    #[arg(default_value_t = 10_000)]
    requests: usize,
    /// Players that follow the playlist
    #[arg(long, default_value_t = 50)]
    players: usize,
    /// Parts that they follow
    #[arg(long, default_value_t = 40)]
    parts: u64,
    /// Another build, measured in place of this one
    #[arg(long, env = "ISREPLAYER", value_name = "FILE", default_value = env!("CARGO_BIN_EXE_isreplayer"))]
    replayer: PathBuf,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

struct Bench {
    replayer: Measured,
    address: SocketAddr,
    published_us: Vec<i64>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    // Those before are there when players come.
    let parts = arguments.parts + 8;
    let session = runtime.block_on(session::write(folder.path(), parts))?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut bench = Bench::start(&arguments, folder.path(), session.published_us.clone())?;
        println!("{protocol:?}");
        runtime.block_on(bench.follow(&arguments, protocol))?;
        runtime.block_on(bench.park(&arguments, protocol))?;
        bench.replayer.interrupt()?;
        let cost = bench.replayer.end()?;
        println!("  most memory {} MiB", cost.memory_kib / 1024);
    }
    Ok(())
}

impl Bench {
    fn start(
        arguments: &Arguments,
        folder: &std::path::Path,
        published_us: Vec<i64>,
    ) -> Result<Self> {
        let most = (arguments.requests + 200).to_string();
        let mut replayer = Measured::start(
            Command::new(&arguments.replayer)
                .args([
                    "-q",
                    "-p",
                    "0",
                    "--bind",
                    "127.0.0.1",
                    "--max-connections",
                    &most,
                ])
                .args(["--max-connections-per-address", &most, "-f"])
                .arg(folder)
                .arg("parked")
                .stdout(Stdio::piped()),
        )?;
        let output = replayer.child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let address = loop {
            let line = lines.next().context("it ended")??;
            let Some(play) = line.strip_prefix("Play ") else {
                continue;
            };
            let (_, rest) = play.split_once("://").context("no URL")?;
            break rest.split('/').next().context("no address")?.parse()?;
        };
        Ok(Self {
            replayer,
            address,
            published_us,
        })
    }

    /// A clock on which it is that late now (microseconds): its zero, in milliseconds of Unix time.
    fn zero_ms(&self, now_us: i64) -> i64 {
        (clock::system_us() - now_us) / 1000
    }

    /// How late an answer is for a part, in microseconds.
    fn late_us(&self, zero_ms: i64, part: u64) -> i64 {
        clock::system_us() - zero_ms * 1000 - self.published_us[part as usize]
    }

    async fn follow(&self, arguments: &Arguments, protocol: Protocol) -> Result<()> {
        let mut players = JoinSet::new();
        let before = 6;
        let zero_ms = self.zero_ms(self.published_us[before] + 200_000);
        let published_us = Arc::new(self.published_us.clone());
        for _ in 0..arguments.players {
            let (address, parts, published_us) =
                (self.address, arguments.parts, Arc::clone(&published_us));
            players.spawn(async move {
                let mut connection = client::Connection::open(protocol, address).await?;
                let mut late = Vec::new();
                for part in before as u64 + 1..=before as u64 + parts {
                    connection.get(&path(zero_ms, part)).await?;
                    let now_us = clock::system_us() - zero_ms * 1000;
                    late.push(now_us - published_us[part as usize]);
                }
                anyhow::Ok(late)
            });
        }
        let mut late = Vec::new();
        while let Some(one) = players.join_next().await {
            late.extend(one??);
        }
        report(
            &format!("{} players, part by part", arguments.players),
            late,
        );
        Ok(())
    }

    async fn park(&self, arguments: &Arguments, protocol: Protocol) -> Result<()> {
        let part = self.published_us.len() as u64 - 1;
        let last_us = self.published_us[part as usize - 1];
        let empty = self.replayer.memory_now()?;
        let zero_ms = self.zero_ms(last_us + 100_000);
        let asked = Arc::new(AtomicUsize::new(0));
        let mut waiting = JoinSet::new();
        let per_connection = match protocol {
            Protocol::Http1 => 1,
            Protocol::Http2 => STREAMS,
        };
        for first in (0..arguments.requests).step_by(per_connection) {
            let count = per_connection.min(arguments.requests - first);
            let (address, asked) = (self.address, Arc::clone(&asked));
            waiting.spawn(async move {
                let mut connection = client::Connection::open(protocol, address).await?;
                connection
                    .get_all(&path(zero_ms, part), count, &asked)
                    .await
            });
            if first / per_connection % 200 == 199 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        while asked.load(Ordering::Acquire) < arguments.requests {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took_us = self.late_us(zero_ms, part) + session::PAUSE_US;
        // What came in has its turn.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let memory = self.replayer.memory_now()?;
        let cpu = self.replayer.cpu()?;
        tokio::time::sleep(QUIET).await;
        let cpu = self.replayer.cpu()?.saturating_sub(cpu);
        ensure!(
            self.late_us(zero_ms, part) < 0,
            "it took too long to park them all"
        );
        println!(
            "  {} parked within {:.1} s: {} MiB (before: {}), CPU {:.2} % of a core",
            arguments.requests,
            took_us as f64 / 1e6,
            memory / 1024,
            empty / 1024,
            100.0 * cpu.as_secs_f64() / QUIET.as_secs_f64(),
        );
        let mut late = Vec::new();
        let base_us = zero_ms * 1000 + self.published_us[part as usize];
        while let Some(one) = waiting.join_next().await {
            late.extend(one??.into_iter().map(|at_us: i64| at_us - base_us));
        }
        report("answered after their moment", late);
        Ok(())
    }
}

fn path(zero_ms: i64, part: u64) -> String {
    let url = session::PLAYLIST.replacen("://", "/", 1);
    format!("/@{zero_ms}/{url}?{}", session::directives(part))
}

fn report(what: &str, mut late: Vec<i64>) {
    late.sort_unstable();
    let ms = |share| per_mille(&late, share) as f64 / 1000.0;
    println!(
        "  {what}: {} answers; first {:.1} ms, p50 {:.1}, p99 {:.1}, last {:.1}",
        late.len(),
        ms(0),
        ms(500),
        ms(990),
        ms(1000)
    );
}
