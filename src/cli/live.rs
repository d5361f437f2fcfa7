//! What a recording shows while it goes on: a live view on a terminal, else a line now and then.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use super::durations::{bytes, clock_time, escaped};
use crate::clock;
use crate::recorder::{PlaylistStats, Stats, Totals};

/// How often the view is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// How often a line is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The lines at the bottom of the terminal; log lines appear above them.
#[derive(Debug, Clone)]
pub(super) struct LiveView {
    lines: MultiProgress,
    shown: bool,
}

impl LiveView {
    /// Shown on a terminal only, and not to those who asked for quiet or for JSON.
    pub(super) fn new(wished: bool) -> Self {
        let shown = wished && io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            lines: MultiProgress::with_draw_target(target),
            shown,
        }
    }

    /// Shows `stats` until dropped.
    pub(super) async fn run(self, stats: Stats) {
        let began = clock::instant();
        if !self.shown {
            return log_lines(&stats, began).await;
        }
        let style = ProgressStyle::with_template("{wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let total = self
            .lines
            .add(ProgressBar::new_spinner().with_style(style.clone()));
        let mut bars: Vec<ProgressBar> = Vec::new();
        let mut before = Totals::default();
        loop {
            let now_us = clock::system_us();
            let playlists = stats.playlists();
            while bars.len() < playlists.len() {
                bars.push(
                    self.lines.insert_before(
                        &total,
                        ProgressBar::new_spinner().with_style(style.clone()),
                    ),
                );
            }
            for (bar, playlist) in bars.iter().zip(&playlists) {
                bar.set_message(playlist_line(playlist, now_us));
            }
            let totals = stats.totals();
            let rate = (totals.bytes - before.bytes) as f64 / DRAW_EVERY.as_secs_f64();
            let elapsed = clock::instant().saturating_duration_since(began);
            total.set_message(format!(
                "{}  {}  {}/s",
                clock_time(elapsed),
                total_line(&totals),
                bytes(rate as u64)
            ));
            before = totals;
            tokio::time::sleep(DRAW_EVERY).await;
        }
    }

    /// Takes the view away.
    pub(super) fn clear(&self) {
        let _ = self.lines.clear();
    }
}

async fn log_lines(stats: &Stats, began: tokio::time::Instant) {
    loop {
        tokio::time::sleep(LOG_EVERY).await;
        let elapsed = clock::instant().saturating_duration_since(began);
        tracing::info!("{}  {}", clock_time(elapsed), total_line(&stats.totals()));
    }
}

/// The totals, as a line.
pub(super) fn total_line(totals: &Totals) -> String {
    format!(
        "playlists {}, polls {}, revisions {}, chunks {}, {}, faults {}",
        totals.playlists,
        totals.polls,
        totals.revisions,
        totals.chunks,
        bytes(totals.bytes),
        totals.faults
    )
}

fn playlist_line(playlist: &Arc<PlaylistStats>, now_us: i64) -> String {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let advanced_us = playlist.advanced_us.load(Ordering::Relaxed);
    let advanced = match advanced_us {
        0 => "-".to_owned(),
        at => format!("{:.1} s ago", (now_us - at).max(0) as f64 / 1e6),
    };
    format!(
        "{:<28} revisions {:>5}  advanced {:>10}  chunks {:>5}  {:>10}  faults {}",
        escaped(&playlist.label),
        count(&playlist.revisions),
        advanced,
        count(&playlist.chunks),
        bytes(count(&playlist.bytes)),
        count(&playlist.faults)
    )
}

/// Log lines, above the view.
#[derive(Debug, Clone)]
pub(super) struct AboveView(pub LiveView);

impl Write for AboveView {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lines.suspend(|| {
            // A full or closed standard error stops no recording.
            let _ = io::stderr().write_all(line);
        });
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
