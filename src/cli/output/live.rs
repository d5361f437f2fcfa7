//! What a recording shows while it goes on: a live view on a terminal, else a line now and then.

mod recent;
mod row;
mod screen;
mod text;

use std::io::{self, IsTerminal};
use std::time::Duration;

use console::Term;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::recent::Recent;
use self::screen::Screen;
use crate::cli::arguments::durations::bytes;
use crate::cli::outlet::{self, Frame};
use crate::clock;
use crate::recorder::{Board, Totals};

/// How often the view is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// How often a line is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The lines at the bottom of the terminal; log lines appear above them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveView {
    is_shown: bool,
}

impl LiveView {
    /// Shown on a terminal that can, and not to those who asked for quiet or for JSON.
    pub(crate) fn new(wished: bool) -> Self {
        Self {
            is_shown: wished && io::stderr().is_terminal() && !console::is_dumb(),
        }
    }

    /// Shows `board` until `done`, then takes the view away.
    pub(crate) async fn run(self, board: Board, done: CancellationToken) {
        let began = clock::instant();
        if !self.is_shown {
            done.run_until_cancelled(log_lines(&board)).await;
            return;
        }
        let _shown = UntilDropped(self);
        let mut resized = signal(SignalKind::window_change()).ok();
        let mut recent = Recent::default();
        loop {
            let length_us = clock::micros(clock::instant().saturating_duration_since(began));
            Self::draw(&screen(&board, &mut recent, length_us));
            tokio::select! {
                () = done.cancelled() => break,
                () = tokio::time::sleep(DRAW_EVERY) => {}
                () = received(&mut resized) => {}
            }
        }
    }

    /// Takes the view away for good.
    pub(crate) fn end(self) {
        outlet::end_view();
    }

    fn draw(screen: &Screen) {
        let (height, width) = Term::stderr().size();
        let with_colour = console::colors_enabled_stderr();
        let lines = screen.lines(height, width);
        outlet::draw(Frame {
            lines: lines.iter().map(|line| line.painted(with_colour)).collect(),
            size: (usize::from(height), usize::from(width)),
        });
    }
}

/// However the task ends that shows it, nothing is left of it.
struct UntilDropped(LiveView);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn screen(board: &Board, recent: &mut Recent, length_us: i64) -> Screen {
    // It does not step.
    let clock = board.clock();
    let now_us = clock.map_or_else(clock::system_us, |clock| clock.now_us());
    let mut rows = row::rows(&board.streams(), now_us);
    rows.iter_mut().for_each(|row| recent.look(row, now_us));
    Screen {
        own: recent.own(board.noticed(), now_us),
        rows,
        totals: board.totals(),
        length_us,
        now_us,
        zero_us: now_us.saturating_sub(board.session_us().unwrap_or(0)),
    }
}

/// Each line of the log has its clocks.
async fn log_lines(board: &Board) {
    loop {
        tokio::time::sleep(LOG_EVERY).await;
        tracing::info!("{}", total_line(&board.totals()));
    }
}

/// The totals, as a line.
pub(crate) fn total_line(totals: &Totals) -> String {
    let gaps = match totals.all_gaps() {
        0 => String::new(),
        count => format!(", gaps {count}"),
    };
    format!(
        "{}, polls {}, revisions {}, chunks {}, {}, faults {}{gaps}",
        screen::recorded(totals).join(", "),
        totals.polls,
        totals.revisions,
        totals.chunks,
        bytes(totals.bytes),
        totals.faults
    )
}
