//! What a service manager is told (systemd: `Type=notify`), where one started the program.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::live::total_line;
use crate::recorder::{Board, Stage};

/// Where the first poll is not over after so long, it is the origin that keeps it waiting.
const FIRST_POLL: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What is silent for longer than this hangs: the writer of a session writes that it is alive
/// every 10 s, the loop that supervises the streams goes round more often.
const ALIVE_WITHIN: Duration = Duration::from_secs(30);
/// A manager that takes nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells how the recording goes, until it winds down or is `done`. The watchdog is fed only
/// while what it watches over is alive.
pub(crate) async fn tell(board: Board, done: CancellationToken) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let ending = async {
        tokio::select! {
            _ = board.reached(Stage::Ending) => {}
            () = done.cancelled() => {}
        }
    };
    let mut is_ready = false;
    tokio::select! {
        () = ending => {}
        () = while_it_lasts(&board, &mut is_ready) => {}
    }
    if !is_ready && board.clock().is_some() {
        // Over before anybody looked: it did its work all the same.
        send(Word::Ready, &board).await;
    }
    send(Word::Stopping, &board).await;
}

async fn while_it_lasts(board: &Board, is_ready: &mut bool) {
    board.reached(Stage::Begun).await;
    // Then it is known whether there is a network.
    let _ = tokio::time::timeout(FIRST_POLL, first_poll(board)).await;
    *is_ready = true;
    send(Word::Ready, board).await;
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    loop {
        if is_alive(&board.silences()) {
            send(Word::Alive, board).await;
        }
        tokio::time::sleep(limit / 3).await;
    }
}

async fn first_poll(board: &Board) {
    while board.totals().polls == 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_alive(silences: &[Duration]) -> bool {
    let alive = silences.iter().all(|silence| *silence < ALIVE_WITHIN);
    if !alive {
        tracing::error!("the watchdog is not fed: silent for {silences:?}");
    }
    alive
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Ready,
    Alive,
    Stopping,
}

async fn send(word: Word, board: &Board) {
    let status = total_line(&board.totals());
    // A datagram to a manager that is busy could block.
    let sending = tokio::task::spawn_blocking(move || {
        let word = match word {
            Word::Ready => NotifyState::Ready,
            Word::Alive => NotifyState::Watchdog,
            Word::Stopping => NotifyState::Stopping,
        };
        sd_notify::notify(&[word, NotifyState::Status(&status)])
    });
    if let Ok(Ok(Err(error))) = tokio::time::timeout(PATIENCE, sending).await {
        tracing::warn!("the service manager is not reached: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Pulse;

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_enough() {
        let (loops, writer) = (Pulse::default(), Pulse::default());
        let alive = || is_alive(&[loops.silence(), writer.silence()]);
        for _ in 0..6 {
            tokio::time::advance(Duration::from_secs(10)).await;
            loops.beat();
            writer.beat();
        }
        assert!(alive());
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(10)).await;
            loops.beat();
        }
        assert!(!alive(), "the writer has been silent for 30 s");
        writer.beat();
        assert!(alive());
    }
}
