//! Kinds of rows of `event`: the one list of them.

text_enum! {
    /// What the recorder notices about itself, its machine and what it is told: kinds of `event` that
    /// last, or that say by how much.
    Notice {
        /// A poll was made later than it was due.
        Late = "late",
        /// The process stood still: it was stopped, or starved.
        Stalled = "stalled",
        /// The machine slept. Session time did not go on meanwhile.
        Suspended = "suspended",
        /// Somebody set the wall clock.
        ClockStep = "clock step",
        /// There was no room for bodies.
        DiskFull = "disk full",
        /// A reader let the write-ahead log grow.
        HeldUp = "checkpoint held up",
        /// A playlist had changed, and 304 was answered.
        FalseValidators = "false validators",
        /// A host had asked for patience, and nothing was asked of it.
        LeftAlone = "left alone",
    }
}

impl Notice {
    /// As people read it everywhere, with the recorder in front of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Late => "was late with polls",
            Self::Stalled => "stood still",
            Self::Suspended => "was suspended",
            Self::ClockStep => "its wall clock was set",
            Self::DiskFull => "its disk was full",
            Self::HeldUp => "a reader held up its checkpoint",
            Self::FalseValidators => "304 was answered to what had changed",
            Self::LeftAlone => "hosts asked for patience",
        }
    }
}

text_enum! {
    /// What else is noted: kinds of `event` that have no length.
    Remark {
        /// A URI that a playlist names was not followed.
        RefusedUri = "refused uri",
        /// The user did not want a playlist.
        LeftOut = "left out",
        /// Playlists are not polled, since there are too many.
        TooManyPlaylists = "too many playlists",
        /// Segments have no rows of their own, or are not asked for, since there are too many.
        TooManySegments = "too many segments",
        /// Assets of interstitials are not asked for, since there are too many.
        TooManyAssets = "too many assets",
        /// What a date range names is about to be asked for.
        DateRange = "date range",
        /// Metadata of a raw stream.
        Icy = "icy",
        /// A loop or a download of the recorder panicked.
        Panicked = "panicked",
        /// A run goes on from another.
        Resumed = "resumed",
        /// A later run removed unfinished downloads.
        Removed = "removed",
        /// The wall clock was behind the run before.
        ClockBehind = "clock behind",
        /// Since then everything is kept.
        KeptFrom = "kept from",
        /// A repair found that a body is lost.
        Lost = "lost",
        /// A repair moved a file aside.
        MovedAside = "moved aside",
        /// A repair found that the database had been changed.
        Changed = "changed",
    }
}

/// What an event is: the column `event.kind` has no other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It has a length.
    Notice(Notice),
    /// It has none.
    Remark(Remark),
}

impl EventKind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = EventKind> {
        let notices = Notice::ALL.iter().copied().map(EventKind::Notice);
        notices.chain(Remark::ALL.iter().copied().map(EventKind::Remark))
    }

    /// As it stands in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Notice(notice) => notice.as_str(),
            EventKind::Remark(remark) => remark.as_str(),
        }
    }
}

impl From<Notice> for EventKind {
    fn from(notice: Notice) -> Self {
        EventKind::Notice(notice)
    }
}

impl From<Remark> for EventKind {
    fn from(remark: Remark) -> Self {
        EventKind::Remark(remark)
    }
}
/// The row of `event` that says from when on everything is kept.
pub(crate) const KEPT_FROM: i64 = 0;
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn kinds() -> BTreeSet<&'static str> {
        EventKind::all().map(EventKind::as_str).collect()
    }

    /// The words between two marks, of all notices that a page lists.
    fn listed(line: &str, mark: char) -> BTreeSet<&str> {
        line.split(mark).skip(1).step_by(2).collect()
    }

    fn notices() -> BTreeSet<&'static str> {
        Notice::ALL.iter().map(|notice| notice.as_str()).collect()
    }

    #[test]
    fn the_pages_that_list_notices_name_all_of_them_and_no_other() {
        let metrics = include_str!("../../../docs/ref/metrics.md");
        let row = metrics
            .lines()
            .find(|line| line.contains("isrecorder_noticed_total{kind}`"));
        let behind = row.unwrap().split("how often:").nth(1).unwrap();
        assert_eq!(listed(behind, '`'), notices());
        let glossary = include_str!("../../../docs/GLOSSARY.md");
        let row = glossary
            .lines()
            .find(|line| line.starts_with("| **notice** |"));
        let words = row
            .unwrap()
            .rsplit(": ")
            .next()
            .unwrap()
            .trim_end_matches(" |");
        assert_eq!(words.split(", ").collect::<BTreeSet<_>>(), notices());
    }

    #[test]
    fn the_schema_takes_exactly_these_kinds() {
        let table = crate::session::SCHEMA
            .split("CREATE TABLE event (")
            .nth(1)
            .unwrap();
        let check = table.split("CHECK (kind IN (").nth(1).unwrap();
        let check = check.split("detail    TEXT").next().unwrap();
        // Comments end at the end of their line.
        let words = check.lines().map(|line| line.split("--").next().unwrap());
        let words: String = words.collect();
        assert_eq!(listed(&words, '\''), kinds());
    }

    #[test]
    fn the_page_of_the_schema_names_exactly_the_kinds_of_events() {
        let page = include_str!("../../../docs/ref/schema.md");
        let table = page.split("| `event.kind` |").nth(1).unwrap();
        let rows = table.split("\n\n").next().unwrap().lines().skip(2);
        let firsts = rows.filter_map(|row| row.split('|').nth(1));
        let named = firsts.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        let named: Vec<_> = named.collect();
        assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), kinds());
        assert_eq!(named.len(), kinds().len(), "each once: {named:?}");
    }

    fn texts(folder: &Path, all: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => texts(&path, all),
                false => all.push((path.clone(), std::fs::read_to_string(&path).unwrap())),
            }
        }
    }

    #[test]
    fn queries_ask_for_kinds_of_events_that_there_are() {
        let mut all = Vec::new();
        texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        let mut found = 0;
        for (path, text) in &all {
            let conditions = text.match_indices(concat!("FROM event", "\n"));
            let conditions = conditions.chain(text.match_indices(concat!("FROM event", " ")));
            for (at, _) in conditions {
                let query = text[at..].split('"').next().unwrap_or_default();
                let condition = query.split(" AND ").next().unwrap_or_default();
                let Some((_, kind)) = condition.split_once("kind ") else {
                    continue;
                };
                for kind in kind.split('\'').skip(1).step_by(2) {
                    assert!(kinds().contains(kind), "{}: {kind}", path.display());
                    found += 1;
                }
            }
        }
        assert!(found > 10, "{found}");
    }
}
