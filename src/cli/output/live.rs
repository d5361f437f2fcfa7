//! What a recording shows while it goes on: a live view on a terminal, else a line now and then.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use console::{Term, measure_text_width, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::arguments::durations::{bytes, clock_time, escaped};
use crate::cli::exit;
use crate::clock;
use crate::recorder::{Board, PlaylistStats, StreamStats, Totals};

/// How often the view is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// Labels are cut here, in columns.
const LONGEST_LABEL: usize = 28;
/// How often a line is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The lines at the bottom of the terminal; log lines appear above them.
#[derive(Debug, Clone)]
pub(crate) struct LiveView {
    /// One bar of several lines: its message is the view.
    bar: ProgressBar,
    shown: bool,
}

impl LiveView {
    /// Shown on a terminal only, and not to those who asked for quiet or for JSON.
    pub(crate) fn new(wished: bool) -> Self {
        let shown = wished && io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style =
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { bar, shown }
    }

    /// Shows `board` until `done`, then takes the view away.
    pub(crate) async fn run(self, board: Board, done: CancellationToken) {
        let began = clock::instant();
        if !self.shown {
            done.run_until_cancelled(log_lines(&board, began)).await;
            return;
        }
        let mut rates = Rates::default();
        loop {
            let totals = board.totals();
            let rows = rows(&board.streams());
            rates.measure(&rows);
            let elapsed = clock::instant().saturating_duration_since(began);
            let total = format!(
                "{}  {}  {}/s",
                clock_time(elapsed),
                total_line(&totals),
                bytes(rates.per_second.iter().sum())
            );
            self.bar.set_message(view(&rows, &rates, &total));
            let pause = done.run_until_cancelled(tokio::time::sleep(DRAW_EVERY));
            if pause.await.is_none() {
                break;
            }
        }
        self.bar.finish_and_clear();
    }
}

/// What one line of the view counts.
struct Row {
    label: String,
    revisions: u64,
    /// Microseconds of Unix time; 0: never.
    advanced_us: i64,
    chunks: u64,
    bytes: u64,
    faults: u64,
    gaps: u64,
    /// It has not advanced for too long.
    is_still: bool,
}

/// One for each stream; where there is only one stream, one for each of its playlists.
fn rows(streams: &[Arc<StreamStats>]) -> Vec<Row> {
    match streams {
        [only] => only.stats.playlists().iter().map(|p| row(p)).collect(),
        many => many.iter().map(|stream| stream_row(stream)).collect(),
    }
}

fn row(playlist: &PlaylistStats) -> Row {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    Row {
        label: playlist.label.clone(),
        revisions: count(&playlist.revisions),
        advanced_us: playlist.advanced_us.load(Ordering::Relaxed),
        chunks: count(&playlist.chunks),
        bytes: count(&playlist.bytes),
        faults: count(&playlist.faults),
        gaps: playlist.gaps.tally().count,
        is_still: playlist.gaps.open_us().is_some() && !playlist.is_over.load(Ordering::Relaxed),
    }
}

/// The playlist of a stream that is furthest behind says when the stream advanced.
fn stream_row(stream: &StreamStats) -> Row {
    let rows: Vec<Row> = stream.stats.playlists().iter().map(|p| row(p)).collect();
    Row {
        label: stream.name.clone(),
        revisions: rows.iter().map(|row| row.revisions).sum(),
        advanced_us: stream.stats.advanced_us().unwrap_or(0),
        chunks: rows.iter().map(|row| row.chunks).sum(),
        bytes: rows.iter().map(|row| row.bytes).sum(),
        faults: rows.iter().map(|row| row.faults).sum(),
        gaps: rows.iter().map(|row| row.gaps).sum(),
        is_still: rows.iter().any(|row| row.is_still),
    }
}

/// The rows, as many as fit, and the total; none wider than the terminal.
fn view(rows: &[Row], rates: &Rates, total: &str) -> String {
    let (height, width) = Term::stderr().size();
    let room = usize::from(height).saturating_sub(3).max(1);
    let now_us = clock::system_us();
    let labels = rows.iter().map(|row| measure_text_width(&row.label));
    let label_width = labels.max().unwrap_or(0).min(LONGEST_LABEL);
    let mut lines: Vec<String> = rows
        .iter()
        .zip(&rates.per_second)
        .take(room)
        .map(|(row, rate)| row_line(row, label_width, *rate, now_us))
        .collect();
    if rows.len() > room {
        lines.push(format!("and {} more", rows.len() - room));
    }
    lines.push(total.to_owned());
    let fitting = lines
        .iter()
        .map(|line| truncate_str(line, usize::from(width).saturating_sub(1), "…"));
    fitting.collect::<Vec<_>>().join("\n")
}

/// Bytes a second of each row, since the last look.
#[derive(Debug, Default)]
struct Rates {
    seen: Vec<u64>,
    per_second: Vec<u64>,
}

impl Rates {
    fn measure(&mut self, rows: &[Row]) {
        let now: Vec<u64> = rows.iter().map(|row| row.bytes).collect();
        self.seen.resize(now.len(), 0);
        let since = now.iter().zip(&self.seen);
        self.per_second = since
            .map(|(now, before)| {
                (now.saturating_sub(*before) as f64 / DRAW_EVERY.as_secs_f64()) as u64
            })
            .collect();
        self.seen = now;
    }
}

async fn log_lines(board: &Board, began: tokio::time::Instant) {
    loop {
        tokio::time::sleep(LOG_EVERY).await;
        let elapsed = clock::instant().saturating_duration_since(began);
        tracing::info!("{}  {}", clock_time(elapsed), total_line(&board.totals()));
    }
}

/// The totals, as a line.
pub(crate) fn total_line(totals: &Totals) -> String {
    let gaps = match totals.gaps.count {
        0 => String::new(),
        count => format!(", gaps {count}"),
    };
    format!(
        "playlists {}, polls {}, revisions {}, chunks {}, {}, faults {}{gaps}",
        totals.playlists,
        totals.polls,
        totals.revisions,
        totals.chunks,
        bytes(totals.bytes),
        totals.faults
    )
}

/// What matters most stands first: a narrow terminal cuts the end off.
fn row_line(row: &Row, width: usize, rate: u64, now_us: i64) -> String {
    let ago = (now_us - row.advanced_us).max(0) as f64 / 1e6;
    let advanced = match (row.advanced_us, row.is_still) {
        (0, _) => format!("advanced {:>9}", "-"),
        (_, true) => format!("no advance {:>7}", format!("{ago:.1} s")),
        (_, false) => format!("advanced {:>9}", format!("{ago:.1} s ago")),
    };
    format!(
        "{:<width$}  {}  gaps {:<3} faults {:<4} {:>9}/s  chunks {:>5} {:>9}  revisions {:>5}",
        truncate_str(&escaped(&row.label), width, "…"),
        advanced,
        row.gaps,
        row.faults,
        bytes(rate),
        row.chunks,
        bytes(row.bytes),
        row.revisions,
    )
}

/// Log lines, above the view.
#[derive(Debug, Clone)]
pub(crate) struct AboveView(pub LiveView);

impl AboveView {
    /// Says lines on standard output.
    pub(crate) fn say(&self, lines: &[String]) {
        self.0.bar.suspend(|| lines.iter().for_each(exit::say));
    }
}

impl Write for AboveView {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.bar.suspend(|| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_what_matters_into_eighty_columns() {
        let row = Row {
            label: "hall1".to_owned(),
            revisions: 12_345,
            advanced_us: 1_000_000,
            chunks: 12_345,
            bytes: 380_530_000,
            faults: 17,
            gaps: 2,
            is_still: false,
        };
        let line = row_line(&row, 5, 101_230, 2_500_000);
        assert_eq!(
            line,
            "hall1  advanced 1.5 s ago  gaps 2   faults 17   101.23 kB/s  chunks 12345 380.53 MB  revisions 12345"
        );
        let cut = truncate_str(&line, 79, "…");
        assert!(cut.contains("chunks 12345"), "{cut}");
        let still = Row {
            is_still: true,
            ..row
        };
        let line = row_line(&still, 5, 0, 27_100_000);
        assert!(
            line.starts_with("hall1  no advance  26.1 s  gaps 2 "),
            "{line}"
        );
        let row = still;
        let long = Row {
            label: "a name that is longer than all others".to_owned(),
            advanced_us: 0,
            ..row
        };
        let line = row_line(&long, 28, 0, 0);
        assert!(
            line.starts_with("a name that is longer than …  advanced         -  "),
            "{line}"
        );
    }
}
