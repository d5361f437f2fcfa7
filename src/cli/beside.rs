//! `isrecorder --serve`: the replayer in the process of the recorder.
//!
//! Nothing of it reaches the recording: it has threads of its own, which give way to those of
//! the recorder, its errors are log lines, and it takes a part of the file descriptors only.

use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::arguments::client::PageArguments;
use super::descriptors;
use super::exit;
use super::listen::{Shown, listen, play_lines, reach, refusal};
use crate::clock::Clock;
use crate::recorder::{Board, Stage};
use crate::replayer::{Cors, Limits, Options, Replay, connection};
use crate::session::SessionFolder;

/// Connections at once: more players are no look at a recording.
const MOST_CONNECTIONS: usize = 400;
/// Threads that answer.
const THREADS: usize = 2;
/// How much its threads give way to those of the recorder.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// A port that players are shown the recording at.
#[derive(Debug)]
pub(super) struct Beside {
    listener: TcpListener,
    address: Option<IpAddr>,
    cors: Cors,
    hls_js: Option<PathBuf>,
}

impl Beside {
    /// Takes the port; nobody is answered yet. `pages`: which pages may send credentials, and what the page plays with.
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) fn bind(
        address: Option<IpAddr>,
        port: u16,
        pages: &PageArguments,
    ) -> Result<Self, String> {
        let hls_js = pages.hls_js()?;
        let refused = |error| refusal(&error, address, port, "--serve");
        let listener = listen(address, port).map_err(refused)?;
        Ok(Self {
            listener,
            address,
            cors: pages.cors(),
            hls_js,
        })
    }

    /// What players open, and who can reach it, as lines.
    fn lines(&self, replay: &Replay) -> anyhow::Result<Vec<String>> {
        let description = replay.describe(replay.span().end_us, "")?;
        let shown = Shown::while_it_is_made(&description);
        let mut lines = play_lines(&self.listener, self.address, &shown)?;
        let open = reach(&self.listener)?;
        lines.extend(open.map(|reach| format!("Open     {reach}")));
        Ok(lines)
    }

    /// Answers players as soon as there is something to show, until the recording winds down.
    pub(super) fn start(self, folder: SessionFolder, board: Board) {
        let thread = std::thread::Builder::new().name("replayer".to_owned());
        let started = thread.spawn(move || {
            give_way();
            if let Err(error) = self.run(folder, &board) {
                tracing::error!("the recording is not shown: {error}");
            }
        });
        if let Err(error) = started {
            tracing::error!("the recording is not shown: {error}");
        }
    }

    fn run(self, folder: SessionFolder, board: &Board) -> anyhow::Result<()> {
        let runtime = runtime()?;
        let done = runtime.block_on(self.answer(folder, board));
        // A read that hangs must not hold the session open.
        runtime.shutdown_timeout(Duration::from_secs(1));
        done
    }

    async fn answer(self, folder: SessionFolder, board: &Board) -> anyhow::Result<()> {
        if board.reached(Stage::Begun).await == Stage::Ending {
            return Ok(());
        }
        let options = Options {
            cors: self.cors.clone(),
            hls_js: self.hls_js.clone(),
            ..Options::default()
        };
        let clock = board.clock().unwrap_or_else(Clock::start);
        let replay = Arc::new(Replay::open(folder, clock, options)?.live());
        self.lines(&replay)?.iter().for_each(exit::say);
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let watched = Arc::clone(&replay);
        let watch = tokio::spawn(async move { watched.watch().await });
        let open = Arc::clone(&replay);
        let shutdown = async {
            board.reached(Stage::Ending).await;
            watch.abort();
            open.let_go();
        };
        connection::run(
            connection::Port::plain(listener),
            replay,
            limits(),
            shutdown,
        )
        .await;
        Ok(())
    }
}

/// Half of the descriptors, at most, are for players.
fn limits() -> Limits {
    let within = Limits::for_descriptors(descriptors::limit() / 2);
    let connections = within.connections.min(MOST_CONNECTIONS);
    Limits {
        connections,
        per_address: Limits::most_per_address(connections),
        ..within
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("replayer")
        .on_thread_start(give_way)
        .enable_all()
        .build()
}

/// The thread that calls this runs when the recorder's do not; elsewhere than on Linux it
/// would be the whole process.
fn give_way() {
    #[cfg(target_os = "linux")]
    // Where it is refused the threads are as good as others.
    let _ = rustix::process::nice(NICE);
}
