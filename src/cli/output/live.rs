//! What a recording shows while it goes on: a live view on a terminal, else a line now and then.

mod frame;
mod recent;
mod row;
mod screen;
mod text;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use console::Term;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use self::recent::Recent;
use self::screen::Screen;
use crate::cli::arguments::durations::bytes;
use crate::cli::exit;
use crate::clock;
use crate::recorder::{Board, Totals};

/// How often the view is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// How often a line is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The lines at the bottom of the terminal; log lines appear above them. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct LiveView {
    drawn: Arc<Mutex<Drawn>>,
    is_shown: bool,
}

/// What is on the terminal.
#[derive(Debug, Default)]
struct Drawn {
    lines: Vec<String>,
    /// In a terminal of so many columns.
    width: usize,
    is_over: bool,
}

impl LiveView {
    /// Shown on a terminal that can, and not to those who asked for quiet or for JSON.
    pub(crate) fn new(wished: bool) -> Self {
        let view = Self {
            drawn: Arc::default(),
            is_shown: wished && io::stderr().is_terminal() && !console::is_dumb(),
        };
        if view.is_shown {
            view.make_way_for_panics();
        }
        view
    }

    /// Shows `board` until `done`, then takes the view away.
    pub(crate) async fn run(self, board: Board, done: CancellationToken) {
        let began = clock::instant();
        if !self.is_shown {
            done.run_until_cancelled(log_lines(&board)).await;
            return;
        }
        let shown = UntilDropped(self);
        let mut resized = signal(SignalKind::window_change()).ok();
        let mut recent = Recent::default();
        loop {
            let length_us = clock::micros(clock::instant().saturating_duration_since(began));
            shown.0.draw(&screen(&board, &mut recent, length_us));
            tokio::select! {
                () = done.cancelled() => break,
                () = tokio::time::sleep(DRAW_EVERY) => {}
                () = received(&mut resized) => {}
            }
        }
    }

    /// Takes the view away for good.
    pub(crate) fn end(&self) {
        let mut drawn = self.drawn();
        drawn.take_away();
        drawn.is_over = true;
    }

    fn draw(&self, screen: &Screen) {
        let (height, width) = Term::stderr().size();
        let with_colour = console::colors_enabled_stderr();
        let lines = screen.lines(height, width);
        let mut drawn = self.drawn();
        if drawn.is_over {
            return;
        }
        if !is_in_foreground() {
            // The terminal is somebody else's, and what was drawn on it as well.
            drawn.lines.clear();
            return;
        }
        let size = (usize::from(height), usize::from(width));
        let before = drawn
            .lines
            .iter()
            .map(|line| console::measure_text_width(line));
        let before: Vec<usize> = before.collect();
        let cleared = match size.1 < drawn.width && frame::fills(&before, size) {
            true => frame::cleared(),
            false => String::new(),
        };
        drawn.lines = lines.iter().map(|line| line.painted(with_colour)).collect();
        drawn.width = size.1;
        put(&format!("{cleared}{}", frame::frame(&drawn.lines)));
    }

    /// A panic says its line as it is.
    fn make_way_for_panics(&self) {
        let (drawn, before) = (Arc::clone(&self.drawn), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            // Whoever draws may be who panics.
            match drawn.try_lock() {
                Ok(mut drawn) => drawn.take_away(),
                Err(TryLockError::Poisoned(drawn)) => drawn.into_inner().take_away(),
                Err(TryLockError::WouldBlock) => {}
            }
            before(panic);
        }));
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawn {
    fn take_away(&mut self) {
        if !self.lines.is_empty() {
            self.lines.clear();
            put(&frame::taken_away());
        }
    }
}

/// However the task ends that shows it, nothing is left of it.
struct UntilDropped(LiveView);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// All at once, so that no half of it is seen; a full or closed standard error stops no recording.
fn put(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether the terminal is this program's now, and not the shell's that has sent it to the background.
fn is_in_foreground() -> bool {
    let group = rustix::termios::tcgetpgrp(io::stderr()).ok();
    // A terminal that is not the one that this program was started from has no shell on it.
    group.is_none_or(|group| group == rustix::process::getpgrp())
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

/// Log lines, above the view.
#[derive(Debug, Clone)]
pub(crate) struct AboveView(pub LiveView);

impl AboveView {
    /// Says lines on standard output.
    pub(crate) fn say(&self, lines: &[String]) {
        let drawn = self.0.drawn();
        if drawn.lines.is_empty() {
            lines.iter().for_each(exit::say);
            return;
        }
        put(&frame::taken_away());
        lines.iter().for_each(exit::say);
        put(&frame::frame(&drawn.lines));
    }
}

impl Write for AboveView {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let drawn = self.0.drawn();
        match drawn.lines.is_empty() {
            true => {
                let _ = io::stderr().write_all(line);
            }
            false => put(&frame::above(&String::from_utf8_lossy(line), &drawn.lines)),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for AboveView {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_finds_nothing_in_its_way_and_the_end_of_the_task_leaves_nothing() {
        let view = LiveView {
            drawn: Arc::default(),
            is_shown: true,
        };
        view.make_way_for_panics();
        view.drawn().lines = vec![String::new()];
        let panicked = std::thread::spawn(|| panic!("this one is meant")).join();
        assert!(panicked.is_err());
        assert!(view.drawn().lines.is_empty());

        let shown = UntilDropped(view.clone());
        view.drawn().lines = vec![String::new()];
        let panicked = std::thread::spawn(move || {
            let _shown = shown;
            panic!("and so is this one");
        });
        assert!(panicked.join().is_err());
        let drawn = view.drawn();
        assert!(drawn.lines.is_empty() && drawn.is_over);
    }
}
