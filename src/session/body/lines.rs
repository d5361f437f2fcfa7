//! Large playlists cost what changed: head + lines that are already kept + new lines + tail.
//!
//! A playlist that grows or slides repeats, up to its end, what the revision before it
//! said. So a body is taken apart at its last URI line: what follows is the *tail*; the
//! longest run of lines, ending in the last line kept, that the body has too is kept
//! already; what stands before the run is the *head*, what stands after it is new.
//! Of a playlist that only grows the run is all of it, and there is no head. The lines of a segment, from its EXTINF to its URI, count as one: they come and go
//! together. `docs/design/session.md` has the reasons.

/// With what the lines of a segment begin.
const SEGMENT: &str = "#EXTINF";
/// Lines that count as one, at most.
const MOST_LINES: usize = 16;

/// What a row of `line` takes beside its text, about, in bytes.
const ROW_BYTES: usize = 16;
/// Bytes of a row, on average, of a body of more than [`FEW_ROWS`]: one with smaller ones is no playlist of segments.
const FEWEST_BYTES: usize = 12;
/// So many rows there may be of whatever size.
const FEW_ROWS: usize = 4096;

/// How a body is kept. Line numbers are inclusive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pieces<'a> {
    pub head: &'a str,
    pub first_line: i64,
    pub last_line: i64,
    /// Lines that are not kept yet; they end at `last_line`.
    pub new: Vec<&'a str>,
    pub tail: &'a str,
}

/// The lines of the newest revision of one playlist, with their numbers.
#[derive(Debug, Default)]
pub(crate) struct LineLog {
    window: Window,
    /// Number of the first line of `window`.
    first: i64,
}

/// A body taken apart; it counts once [`LineLog::keep`] has it.
#[derive(Debug)]
pub(crate) struct Split<'a> {
    pub pieces: Pieces<'a>,
    run: Option<Run>,
}

impl Split<'_> {
    /// What it costs the database to keep it so, in bytes, rows that are shared left out.
    pub(crate) fn cost(&self) -> u64 {
        let new: usize = self
            .pieces
            .new
            .iter()
            .map(|row| row.len() + ROW_BYTES)
            .sum();
        (self.pieces.head.len() + new + self.pieces.tail.len()) as u64
    }
}

impl LineLog {
    /// A log whose next line has the number `next`.
    pub(crate) fn starting_at(next: i64) -> Self {
        Self {
            window: Window::default(),
            first: next,
        }
    }

    /// What it takes of memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.window.text.len() + self.window.ends.len() * size_of::<usize>()
    }

    /// Lines before this one are no longer kept.
    pub(crate) fn forget_before(&mut self, number: i64) {
        let gone = usize::try_from(number.saturating_sub(self.first)).unwrap_or(0);
        let gone = gone.min(self.window.len());
        self.window.forget(gone);
        self.first += gone as i64;
    }

    /// Takes a body apart; `None`: it has no URI line, so there is nothing to share, or a large one has lines that are
    /// smaller than their rows.
    pub(crate) fn split<'a>(&self, body: &'a str) -> Option<Split<'a>> {
        let (rows, count) = rows(body)?;
        let (kept, rest) = rows.split_at_checked(count?)?;
        let run = self.longest_run(kept);
        let next = self.first + self.window.len() as i64;
        let (start, new_from, first_line) = match run {
            Some(run) => (run.start, run.end, self.first + run.window_start as i64),
            None => (0, 0, next),
        };
        let new = kept.get(new_from..)?.to_vec();
        let last_line = match run {
            Some(run) if new.is_empty() => first_line + (run.end - run.start) as i64 - 1,
            _ => next + new.len() as i64 - 1,
        };
        let pieces = Pieces {
            head: prefix(body, kept.get(..start)?),
            first_line,
            last_line,
            new,
            tail: suffix(body, rest),
        };
        Some(Split { pieces, run })
    }

    /// The new lines of a body that was taken apart are kept. Who calls it keeps them in the database, or throws the
    /// log away.
    pub(crate) fn keep(&mut self, split: &Split<'_>) {
        match split.run {
            Some(run) if run.reaches_end => self.window.forget(run.window_start),
            Some(_) => return,
            None => self.window = Window::default(),
        }
        self.window.extend(&split.pieces.new);
        self.first = split.pieces.first_line;
    }

    /// The run of `kept` that the window has too, if it is worth it: either it reaches the
    /// window's end and new lines may follow, or it reaches the end of `kept` (an older
    /// edge's view of the same playlist).
    fn longest_run(&self, kept: &[&str]) -> Option<Run> {
        let last = self.window.len().checked_sub(1);
        let forward = last.and_then(|last| {
            let anchor = self.window.get(last)?;
            let at = kept.iter().rposition(|line| *line == anchor)?;
            Some(self.run_back(kept, at, last))
        });
        // Where most of it goes on from the window's end, what else it may have of it need not be looked for.
        let is_most = |run: &Run| (run.end - run.start) * 2 >= kept.len();
        if forward.as_ref().is_some_and(is_most) {
            return forward;
        }
        let backward = kept.last().and_then(|anchor| {
            let at = self.window.rposition(anchor)?;
            Some(self.run_back(kept, kept.len() - 1, at))
        });
        // What is about all segments is long or short, and mostly new.
        let of_segments = kept.iter().skip_while(|row| !is_segment(row)).count();
        [forward, backward]
            .into_iter()
            .flatten()
            .max_by_key(|run| run.end - run.start)
            .filter(|run| (run.end - run.start) * 2 >= of_segments)
    }

    fn run_back(&self, kept: &[&str], kept_at: usize, window_at: usize) -> Run {
        let length = (0..=kept_at.min(window_at))
            .take_while(|&back| {
                kept.get(kept_at - back).copied() == self.window.get(window_at - back)
            })
            .count();
        Run {
            start: kept_at + 1 - length,
            end: kept_at + 1,
            window_start: window_at + 1 - length,
            reaches_end: window_at + 1 == self.window.len(),
        }
    }
}

/// Lines one behind the other: most are short, and a string for each would take several times as much.
#[derive(Debug, Default)]
struct Window {
    text: String,
    /// Where in `text` each of them ends.
    ends: Vec<usize>,
}

impl Window {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        self.text.get(start.copied().unwrap_or(0)..end)
    }

    fn rposition(&self, line: &str) -> Option<usize> {
        (0..self.len()).rev().find(|at| self.get(*at) == Some(line))
    }

    /// The first ones go.
    fn forget(&mut self, count: usize) {
        let Some(last) = count.checked_sub(1).and_then(|last| self.ends.get(last)) else {
            return;
        };
        let gone = *last;
        self.text.drain(..gone);
        self.ends.drain(..count);
        self.ends.iter_mut().for_each(|end| *end -= gone);
    }

    fn extend(&mut self, lines: &[&str]) {
        for line in lines {
            self.text.push_str(line);
            self.ends.push(self.text.len());
        }
    }
}

/// `kept[start..end]` equals the window from `window_start` on.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    window_start: usize,
    reaches_end: bool,
}

fn is_uri(line: &str) -> bool {
    !line.starts_with('#') && !line.trim().is_empty()
}

/// The lines of a body, those of a segment together; and how many of these there are up to its
/// last URI, if it has one. `None`: there are many, and they are smaller than their rows.
fn rows(body: &str) -> Option<(Vec<&str>, Option<usize>)> {
    let most = (body.len() / FEWEST_BYTES).max(FEW_ROWS);
    let mut rows = Vec::new();
    let mut last_uri = None;
    // Where a segment began, and how many of its lines there have been.
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    let newlines = memchr::memchr_iter(b'\n', body.as_bytes()).map(|newline| newline + 1);
    let rest = (!body.ends_with('\n') && !body.is_empty()).then_some(body.len());
    for end in newlines.chain(rest) {
        let line = body.get(at..end).unwrap_or_default();
        let (begin, is_uri) = (at, is_uri(line));
        at = end;
        if rows.len() > most {
            return None;
        }
        if line.starts_with(SEGMENT) {
            rows.extend(open.and_then(|(from, _)| body.get(from..begin)));
            open = Some((begin, 1));
            continue;
        }
        let (from, lines) = open.map_or((begin, 1), |(from, lines)| (from, lines + 1));
        if open.is_some() && !is_uri && lines < MOST_LINES {
            open = Some((from, lines));
            continue;
        }
        rows.extend(body.get(from..at));
        open = None;
        if is_uri {
            last_uri = Some(rows.len());
        }
    }
    rows.extend(open.and_then(|(from, _)| body.get(from..)));
    Some((rows, last_uri))
}

/// Whether these are lines of a segment; what stands before the first of these is about all of them.
pub(crate) fn is_segment(row: &str) -> bool {
    row.starts_with(SEGMENT) || is_uri(row)
}

fn prefix<'a>(body: &'a str, lines: &[&str]) -> &'a str {
    let length = lines.iter().map(|l| l.len()).sum();
    body.get(..length).unwrap_or(body)
}

fn suffix<'a>(body: &'a str, lines: &[&str]) -> &'a str {
    let length: usize = lines.iter().map(|l| l.len()).sum();
    body.get(body.len() - length..).unwrap_or("")
}

#[cfg(test)]
mod tests;
