//! What a recording says at its end: where the session is, how much it is, and what to do with it.

use std::path::Path;
use std::time::Duration;

use crate::cli::arguments::durations::{bytes, clock_time};
use crate::recorder::{Summary, Totals};
use crate::session::{Reader, Run, SessionFolder};
use crate::upkeep::Sizes;

/// The folder of sessions that programs look into by themselves.
pub(crate) const DEFAULT_FOLDER: &str = "sessions";
/// Nobody waits longer at the end than this, while files are counted.
const PATIENCE: Duration = Duration::from_millis(500);

/// Of the session of a recording that has met so much in this run.
pub(crate) fn lines(folder: &SessionFolder, summary: &Summary) -> Vec<String> {
    let sizes = Sizes::within(folder, PATIENCE).ok();
    let size = sizes.map(|(sizes, is_whole)| {
        let size = bytes(sizes.database_bytes.saturating_add(sizes.chunks_bytes));
        match is_whole {
            true => size,
            false => format!("more than {size}"),
        }
    });
    let length = clock_time(length(folder).unwrap_or(summary.length));
    let facts: Vec<String> = std::iter::once(length).chain(size).collect();
    text(folder.path(), &facts.join(", "), &summary.totals)
}

/// Of all its runs; `None`: it has one, whose length was said.
fn length(folder: &SessionFolder) -> Option<Duration> {
    let runs = Reader::open(folder).ok()?.runs().ok()?;
    if runs.len() < 2 {
        return None;
    }
    let (first, last) = runs.first().zip(runs.last())?;
    let us = Run::end_us(last).saturating_sub(first.started_us);
    Some(Duration::from_micros(u64::try_from(us).unwrap_or(0)))
}

fn text(path: &Path, facts: &str, totals: &Totals) -> Vec<String> {
    let of_session = arguments(path);
    let (what, command) = match (totals.gaps.count, totals.faults) {
        (1.., _) => ("See its gaps", "adjacent-find"),
        (0, 1..) => ("See its faults", "adjacent-find --faults"),
        (0, 0) => ("See what is in it", "issession info"),
    };
    vec![
        format!("Session {}: {facts}", path.display()),
        format!("Replay it: isreplayer {of_session}"),
        format!("{what}: {command} {of_session}"),
    ]
}

/// How the session is named to a program that is started in the same folder, by somebody who has a shell.
fn arguments(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    if name.is_empty() || name.starts_with('-') {
        // As a path it is no option.
        return quoted(&Path::new(".").join(path).to_string_lossy());
    }
    match folder.to_string_lossy().as_ref() {
        DEFAULT_FOLDER => quoted(&name),
        "" => format!("{} -f .", quoted(&name)),
        folder => format!("{} -f {}", quoted(&name), quoted(folder)),
    }
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    // A NUL is in no path.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |word| word.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::GapTally;

    #[test]
    fn a_session_is_named_as_a_shell_takes_it() {
        for (path, named) in [
            ("sessions/session1", "session1"),
            ("/srv/rec/evening", "evening -f /srv/rec"),
            ("./sessions/a", "a -f ./sessions"),
            ("evening", "evening -f ."),
            ("my sessions/it's", "\"it's\" -f 'my sessions'"),
            ("sessions/$(date)", "'$(date)'"),
            ("sessions/-x", "./sessions/-x"),
            ("/srv/-x", "/srv/-x"),
            ("sessions/日本", "'日本'"),
        ] {
            assert_eq!(arguments(Path::new(path)), named, "{path}");
            let words = shlex::split(&arguments(Path::new(path))).unwrap();
            assert!(words.len() == 1 || words.len() == 3, "{words:?}");
        }
    }

    #[test]
    fn what_was_met_is_what_is_looked_at_next() {
        let of = |faults, gaps| {
            let gaps = GapTally {
                count: gaps,
                ..GapTally::default()
            };
            let totals = Totals {
                faults,
                gaps,
                ..Totals::default()
            };
            text(Path::new("sessions/a"), "0:00:09.000, 5 MB", &totals)
        };
        assert_eq!(
            of(0, 0),
            [
                "Session sessions/a: 0:00:09.000, 5 MB",
                "Replay it: isreplayer a",
                "See what is in it: issession info a",
            ]
        );
        assert_eq!(of(7, 0)[2], "See its faults: adjacent-find --faults a");
        assert_eq!(of(7, 1)[2], "See its gaps: adjacent-find a");
    }
}
