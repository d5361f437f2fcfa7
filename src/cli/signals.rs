//! Signals that steer a recording.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::outlet;
use crate::recorder::Board;

/// Told to stop, a recorder that has not begun to write ends after so long.
const LONGEST_BEGIN: Duration = Duration::from_secs(3);

/// What asks a program to end.
pub(super) struct Ends {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: it means something else, or whoever started the program had it ignored (`nohup`).
    hang_up: Option<Signal>,
    /// A file larger than this user may have is refused as on a full disk, and ends nothing.
    _too_large: Signal,
}

impl Ends {
    /// Listens from now on: a second signal may follow on the heels of the first.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn listen(hang_up_ends: bool) -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: match hang_up_ends && !hang_up_is_ignored() {
                true => Some(signal(SignalKind::hangup())?),
                false => None,
            },
            _too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// The first signal stops the recording; the second ends the process at once: what was
    /// committed is safe. So does the first, where the session cannot be begun: it may be a stranger's.
    pub(super) async fn stop_at(mut self, stop: CancellationToken, board: Board) {
        self.next().await;
        tracing::info!("stopping; once more to stop at once");
        stop.cancel();
        tokio::select! {
            () = self.next() => {}
            () = held_up_at_start(&board) => {}
        }
        outlet::end_view();
        outlet::settle();
        std::process::exit(130);
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            Some(_) = received(&mut self.hang_up) => {}
        }
    }
}

/// Ends when a session that is not begun yet has had time to be.
async fn held_up_at_start(board: &Board) {
    tokio::time::sleep(LONGEST_BEGIN).await;
    if board.session_us().is_some() {
        std::future::pending::<()>().await;
    }
}

async fn received(signal: &mut Option<Signal>) -> Option<()> {
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
