//! What a check found.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::session::files::beneath::PlainPath;
use crate::session::seconds;

/// Findings of a kind, and notes, that are told; the others are counted.
const MOST_TOLD: u64 = 20;

/// Whether somebody records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No recorder runs, and the last one ended as it should.
    #[default]
    Stopped,
    /// A recorder runs.
    Recording,
    /// No recorder runs, and the last one did not end by itself.
    Killed,
    /// The same, and its disk was full: it could not close its run.
    #[serde(rename = "disk full")]
    DiskFull,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In a word, as in `docs/ref/check.md`.
    pub kind: &'static str,
    /// What, and where. It may hold anything that the session does.
    pub what: String,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Rows of `run`.
    pub runs: i64,
    /// Rows of `exchange`.
    pub exchanges: i64,
    /// Rows of `revision`.
    pub revisions: i64,
    /// Bodies that are files.
    pub chunks: u64,
    /// From session zero to the end of the last run, in microseconds; in JSON in seconds.
    #[serde(rename = "length_seconds", serialize_with = "as_seconds")]
    pub length_us: i64,
}

fn as_seconds<S: Serializer>(us: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(seconds(*us))
}

/// The outcome of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The session's name.
    pub session: String,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Whether hashes were compared.
    pub hashes: bool,
    /// Whether somebody records.
    pub state: State,
    /// How much was looked at.
    #[serde(flatten)]
    pub totals: Totals,
    /// How many findings there are, by kind.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first of each kind.
    pub problems: Vec<Finding>,
    /// What is to be known and is not wrong.
    pub notes: Vec<String>,
    /// Notes that were left out.
    pub more_notes: u64,
}

impl Report {
    /// How many findings there are.
    pub fn problem_count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// By kind: findings that were counted and are not in `problems`.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let more = |(kind, count): (&&'static str, &u64)| (*kind, count.saturating_sub(MOST_TOLD));
        self.counts.iter().map(more).filter(|(_, more)| *more > 0)
    }
}

/// What can be moved aside, or marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The body of this number has no file at that path under `chunks/`, or a wrong one.
    Chunk(i64, String),
    /// The body of this number is a span of a chunk that has not got it.
    Span(i64),
    /// The body of this number names what is no path beneath `chunks/`.
    Path(i64, String),
    /// The body of this number, in the database, is not what came.
    Content(i64),
    /// A file of no row, by its path under `chunks/`.
    File(PlainPath),
    /// `session.sum` does not fit.
    Sum,
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(super) state: State,
    pub(super) totals: Totals,
    /// A recorder of it was killed, which leaves files without rows.
    pub(super) was_killed: bool,
    problems: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
    notes: Vec<String>,
    more_notes: u64,
    damages: Vec<Damage>,
}

/// Everything that can be moved aside or marked.
pub(crate) fn damages(found: Findings) -> Vec<Damage> {
    found.damages
}

impl Findings {
    pub(super) fn add(&mut self, kind: &'static str, what: String) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= MOST_TOLD {
            self.problems.push(Finding { kind, what });
        }
    }

    pub(super) fn damaged(&mut self, kind: &'static str, what: String, damage: Damage) {
        self.add(kind, what);
        self.damages.push(damage);
    }

    pub(super) fn note(&mut self, what: String) {
        if (self.notes.len() as u64) < MOST_TOLD {
            self.notes.push(what);
        } else {
            self.more_notes += 1;
        }
    }

    /// Something that is nothing wrong, but can be tidied.
    pub(super) fn note_leftover(&mut self, what: String, damage: Damage) {
        self.note(what);
        self.damages.push(damage);
    }

    /// Whether there are findings of these kinds.
    pub(crate) fn has(&self, kinds: &[&str]) -> bool {
        kinds.iter().any(|kind| self.counts.contains_key(kind))
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(super) fn into_report(self, session: String, hashes: bool) -> Report {
        Report {
            session,
            ok: self.counts.is_empty(),
            hashes,
            state: self.state,
            totals: self.totals,
            counts: self.counts,
            problems: self.problems,
            notes: self.notes,
            more_notes: self.more_notes,
        }
    }
}
