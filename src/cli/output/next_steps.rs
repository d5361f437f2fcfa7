//! What a recording says at its end: where the session is, how much it is, and what to do with it.

use std::path::Path;
use std::time::Duration;

use crate::cli::arguments::durations::{bytes, clock_time};
use crate::recorder::{Summary, Totals};
use crate::session::{Reader, SessionFolder};
use crate::upkeep::Sizes;

/// The folder of sessions that programs look into by themselves.
pub(crate) const DEFAULT_FOLDER: &str = "sessions";
/// Nobody waits longer at the end than this, while files are counted.
const PATIENCE: Duration = Duration::from_millis(500);

/// From when on a session is kept, in microseconds of Unix time; `None`: all of it is.
pub(crate) fn kept_us(folder: &SessionFolder) -> Option<i64> {
    let reader = Reader::open(folder).ok()?;
    let zero_us = reader.runs().ok()?.first()?.started_us;
    let kept_us = reader.kept_from_us().ok()??;
    (kept_us > zero_us).then_some(kept_us)
}

/// Of the session of a recording that has met so much in this run.
pub(crate) fn lines(
    folder: &SessionFolder,
    summary: &Summary,
    kept_us: Option<i64>,
) -> Vec<String> {
    let sizes = Sizes::within(folder, PATIENCE).ok();
    let size = sizes.map(|(sizes, is_whole)| {
        let size = bytes(sizes.database_bytes.saturating_add(sizes.chunks_bytes));
        match is_whole {
            true => size,
            false => format!("more than {size}"),
        }
    });
    let (before, length) = length(folder, summary);
    let kept = kept_us
        .map(|us| us.saturating_sub(before))
        .filter(|us| *us > 0);
    let kept = kept.map(|us| format!("kept from {} on", clock_time(micros(us))));
    let facts: Vec<String> = std::iter::once(clock_time(length))
        .chain(kept)
        .chain(size)
        .collect();
    let kept_us = kept_us.unwrap_or(i64::MIN);
    text(folder.path(), &facts.join(", "), &summary.totals, kept_us)
}

/// Of a session in which nothing is to be replayed: where it is, and what shows what was answered.
pub(crate) fn left(folder: &SessionFolder, totals: &Totals) -> String {
    let path = folder.path();
    let of_session = arguments(path);
    let see = match totals.fault_us > 0 {
        true => format!("adjacent-find --faults {of_session}"),
        false => format!("issession info {of_session}"),
    };
    format!(
        "Session {}: nothing to replay in it; see what was answered: {see}",
        path.display()
    )
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// When the first of all its runs began, in microseconds of Unix time, and how long all of them are.
fn length(folder: &SessionFolder, summary: &Summary) -> (i64, Duration) {
    let runs = Reader::open(folder).and_then(|reader| reader.runs());
    let runs = runs.unwrap_or_default();
    let first_us = runs.first().map_or(i64::MAX, |run| run.started_us);
    match runs.last() {
        Some(last) => (first_us, micros(last.end_us().saturating_sub(first_us))),
        None => (first_us, summary.length),
    }
}

/// What is no longer in the session is offered to nobody.
fn text(path: &Path, facts: &str, totals: &Totals, kept_us: i64) -> Vec<String> {
    let of_session = arguments(path);
    let mut lines = vec![
        format!("Session {}: {facts}", path.display()),
        format!("Replay it: isreplayer {of_session}"),
    ];
    let last_gap_us = totals.gaps.last_us.max(totals.silences.last_us);
    if totals.all_gaps() > 0 && last_gap_us >= kept_us {
        lines.push(format!("See its gaps: adjacent-find {of_session}"));
    }
    if totals.fault_us > 0 && totals.fault_us >= kept_us {
        lines.push(format!(
            "See its faults: adjacent-find --faults {of_session}"
        ));
    }
    if lines.len() == 2 {
        lines.push(format!("See what is in it: issession info {of_session}"));
    }
    lines
}

/// How the session is named to a program that is started in the same folder, by somebody who has a shell.
pub(crate) fn arguments(path: &Path) -> String {
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
        let of = |faults, gaps, kept_us| {
            let gaps = GapTally {
                count: gaps,
                last_us: 50,
                ..GapTally::default()
            };
            let totals = Totals {
                faults,
                gaps,
                fault_us: if faults > 0 { 70 } else { 0 },
                ..Totals::default()
            };
            text(
                Path::new("sessions/a"),
                "0:00:09.000, 5 MB",
                &totals,
                kept_us,
            )
        };
        assert_eq!(
            of(0, 0, 0),
            [
                "Session sessions/a: 0:00:09.000, 5 MB",
                "Replay it: isreplayer a",
                "See what is in it: issession info a",
            ]
        );
        let (gaps, faults) = (
            "See its gaps: adjacent-find a",
            "See its faults: adjacent-find --faults a",
        );
        assert_eq!(of(7, 0, 0)[2..], [faults]);
        assert_eq!(of(0, 1, 0)[2..], [gaps]);
        assert_eq!(of(7, 1, 0)[2..], [gaps, faults]);
        assert_eq!(of(7, 1, 60)[2..], [faults], "the gaps have gone");
        assert_eq!(of(7, 1, 80)[2..], ["See what is in it: issession info a"]);
    }
}
