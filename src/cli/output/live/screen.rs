//! The text of the live view: what is in trouble on top, all of it as wide and as high as the terminal. Pure.

use std::collections::BTreeMap;

use console::Style;
use unicode_width::UnicodeWidthStr;

use super::recent::RATE_OVER_US;
use super::row::{Condition, Row, Tone, Word};
use super::text::{clock, cut, length, padded, utc};
use crate::cli::arguments::durations::bytes;
use crate::recorder::Totals;

/// So many rows at least, where there is room; more only of what is in trouble.
const MOST_ROWS: usize = 10;
/// Columns of the word.
const WORD: usize = 11;
/// Columns of how long something lasts.
const LENGTH: usize = 8;
/// From so many columns on moments say what they are, and are told in session time, too.
const WIDE: usize = 78;
/// With fewer columns there is room for how long it lasts only.
const NARROW: usize = 56;
const WIDEST: usize = 110;

/// What the view shows.
#[derive(Debug)]
pub(super) struct Screen {
    /// About the recorder itself.
    pub own: Vec<Condition>,
    pub rows: Vec<Row>,
    pub totals: Totals,
    /// How long it has been recording.
    pub length_us: i64,
    /// Now, and session zero, in microseconds of Unix time.
    pub now_us: i64,
    pub zero_us: i64,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub tone: Tone,
    pub text: String,
}

impl Line {
    pub(super) fn painted(&self, with_colour: bool) -> String {
        let style = match self.tone {
            Tone::Plain => return self.text.clone(),
            _ if !with_colour => return self.text.clone(),
            Tone::Own => Style::new().magenta().bold(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Watch => Style::new().yellow(),
            Tone::Faint => Style::new().dim(),
        };
        style.force_styling(true).apply_to(&self.text).to_string()
    }
}

impl Screen {
    /// Its lines, one less than there are rows of the terminal, none as wide as it.
    pub(super) fn lines(&self, height: u16, width: u16) -> Vec<Line> {
        let columns = usize::from(width).saturating_sub(1);
        let room = usize::from(height).saturating_sub(2);
        let mut lines: Vec<Line> = self.own.iter().map(|own| self.own_line(own)).collect();
        lines.truncate(room);
        let room = room - lines.len();
        let rows = self.in_order();
        let shown = how_many(&rows, room);
        let (above, rest) = rows.split_at(shown);
        let labels = above.iter().map(|row| cut(&row.label, columns / 5).width());
        let label = labels
            .max()
            .unwrap_or(0)
            .clamp(1, (columns / 5).clamp(8, 32));
        lines.extend(above.iter().map(|row| self.row_line(row, label, columns)));
        if !rest.is_empty() && shown < room {
            lines.push(rest_line(rest, shown == 0));
        }
        lines.push(self.total_line(columns));
        // A blank in front of each, for the cursor, which stands there.
        lines.into_iter().map(|line| line.within(columns)).collect()
    }

    fn in_order(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| {
            let Condition { word, since_us, .. } = row.condition;
            // What began or was over last is news; what goes on keeps its place.
            let order = match word {
                Word::Again => since_us.saturating_neg(),
                _ if word.is_marked() => since_us,
                _ => 0,
            };
            (word, order)
        });
        rows
    }

    fn own_line(&self, own: &Condition) -> Line {
        let (word, _) = own.word.texts();
        Line {
            tone: own.word.tone(),
            text: format!("{word:<WORD$} {} {}", own.what, utc(own.since_us)),
        }
    }

    fn row_line(&self, row: &Row, label: usize, columns: usize) -> Line {
        let Condition {
            word,
            since_us,
            ref what,
        } = row.condition;
        let mut text = format!("{:<WORD$} {}", word.texts().0, padded(&row.label, label));
        let cells = match word.is_marked() {
            true => self.cells_of_trouble(row, since_us, what, columns),
            false => self.cells(row, since_us),
        };
        let (first, others) = cells.split_at(1);
        text.extend(first.iter().map(|cell| format!(" {cell}")));
        append(&mut text, others, columns);
        Line {
            tone: word.tone(),
            text: text.trim_end().to_owned(),
        }
    }

    /// Since when and why; then what fits.
    fn cells_of_trouble(
        &self,
        row: &Row,
        since_us: i64,
        what: &str,
        columns: usize,
    ) -> Vec<String> {
        let lasts = length(self.now_us.saturating_sub(since_us));
        let moment = utc(since_us);
        let since = match columns {
            WIDEST.. => format!(
                "since {moment} ({})",
                clock(since_us.saturating_sub(self.zero_us))
            ),
            WIDE.. => format!("since {moment}"),
            NARROW.. => moment,
            _ => String::new(),
        };
        let told = [since.as_str(), what].map(|part| match part.is_empty() {
            true => String::new(),
            false => format!(" {part}"),
        });
        let mut cells = vec![format!("{lasts:>LENGTH$}{}", told.concat())];
        cells.extend([
            format!("faults {}", row.faults),
            format!("gaps {}", row.gaps),
            format!("{}/s", bytes(row.rate)),
        ]);
        cells
    }

    /// Lateness and faults first.
    fn cells(&self, row: &Row, since_us: i64) -> Vec<String> {
        let ago = match since_us {
            ..=0 => format!("{:>LENGTH$}    ", "-"),
            _ => format!(
                "{:>LENGTH$} ago",
                length(self.now_us.saturating_sub(since_us))
            ),
        };
        let rate = format!("{}/s", bytes(row.rate));
        vec![
            ago,
            format!("faults {:<3}", row.faults),
            format!("gaps {:<2}", row.gaps),
            format!("{rate:>11}"),
            format!("chunks {:<6}", row.chunks),
            format!("{:>9}", bytes(row.bytes)),
            format!("revisions {}", row.revisions),
        ]
    }

    fn total_line(&self, columns: usize) -> Line {
        let Totals {
            faults,
            chunks,
            polls,
            revisions,
            ..
        } = self.totals;
        let rate: u64 = self.rows.iter().map(|row| row.rate).sum();
        let over = self.length_us.clamp(0, RATE_OVER_US) / 1_000_000;
        let mut text = clock(self.length_us);
        let cells = [
            format!("faults {faults}"),
            format!("gaps {}", self.totals.all_gaps()),
            format!("{}/s over {over} s", bytes(rate)),
            bytes(self.totals.bytes),
            format!("chunks {chunks}"),
            recorded(&self.totals).join("  "),
            format!("revisions {revisions}"),
            format!("polls {polls}"),
        ];
        append(&mut text, &cells, columns);
        Line {
            tone: Tone::Plain,
            text,
        }
    }
}

/// How much is recorded at once: `playlists 2`, `raw streams 1`.
pub(super) fn recorded(totals: &Totals) -> Vec<String> {
    let (playlists, raw_streams) = (totals.playlists, totals.raw_streams);
    let playlists = (playlists > 0 || raw_streams == 0).then(|| format!("playlists {playlists}"));
    let raw_streams = (raw_streams > 0).then(|| format!("raw streams {raw_streams}"));
    playlists.into_iter().chain(raw_streams).collect()
}

impl Line {
    fn within(self, columns: usize) -> Self {
        Self {
            text: cut(&format!(" {}", self.text), columns),
            ..self
        }
    }
}

/// Adds cells as long as they fit: no number is cut.
fn append(text: &mut String, cells: &[String], columns: usize) {
    for cell in cells {
        // One for the blank in front of the line.
        if 1 + text.width() + 2 + cell.trim_end().width() > columns {
            return;
        }
        text.push_str("  ");
        text.push_str(cell);
    }
}

/// How many of `rows` are shown where there is room for so many lines: beside them, one says what the rest does.
fn how_many(rows: &[&Row], room: usize) -> usize {
    let marked = rows.iter().filter(|row| row.condition.word.is_marked());
    let wished = marked.count().max(MOST_ROWS);
    match rows.len() {
        // A line about one of them would take as much.
        all if all <= (wished + 1).min(room) => all,
        _ => wished.min(room.saturating_sub(1)),
    }
}

/// What those do that have no row of their own.
fn rest_line(rest: &[&Row], is_all: bool) -> Line {
    let mut counts: BTreeMap<Word, usize> = BTreeMap::new();
    for row in rest {
        *counts.entry(row.condition.word).or_default() += 1;
    }
    let worst = counts.first_key_value();
    let tone = worst.map_or(Tone::Plain, |(word, _)| word.tone());
    let told = match counts.len() {
        1 => counts
            .keys()
            .map(|word| format!("all {}", word.texts().1))
            .collect(),
        _ => counts
            .iter()
            .map(|(word, count)| format!("{count} {}", word.texts().1))
            .collect::<Vec<_>>(),
    };
    let who = match is_all {
        true => format!("all {}", rest.len()),
        false => format!("{} more", rest.len()),
    };
    Line {
        tone,
        text: format!("{who}: {}", told.join(", ")),
    }
}

#[cfg(test)]
mod tests;
