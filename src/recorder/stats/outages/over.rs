//! An outage that is over, in the words of the log. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::session::UNANSWERED;

/// What has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Polls of playlists, or requests for a raw stream.
    Polls,
    /// Segments, and what else playlists list.
    Chunks,
}

/// How it is known that an outage is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Good answers came.
    Good,
    /// None came of that host, and no fault for so long.
    NoFault(Duration),
    /// It is not: more hosts fail than are known.
    Forgotten,
}

/// An outage that is over, or goes on for others alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Over {
    pub class: Class,
    pub end: End,
    /// Of what it was.
    pub subject: String,
    pub host: String,
    /// Of which playlists.
    pub of: Vec<usize>,
    /// From the first request that failed to the first good answer of the last of them, or, where none came, to the last
    /// request that failed, in microseconds of Unix time.
    pub since_us: i64,
    pub until_us: i64,
    /// Requests that failed.
    pub times: u64,
    /// Requests that took too long, and did not fail.
    pub slow: u64,
    pub whats: Vec<String>,
    /// Playlists that go on failing.
    pub left: usize,
    /// Segments that failed and have not come, the first and the last of each row.
    pub missing: Vec<(u64, u64)>,
}

impl Over {
    /// What it was, in order.
    pub(crate) fn what(&self) -> String {
        self.whats.join(", then ")
    }

    /// For how many seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.until_us.saturating_sub(self.since_us) as f64 / 1e6
    }

    /// Segments that never came.
    pub(crate) fn never_had(&self) -> u64 {
        let sizes = self.missing.iter().map(|(first, last)| last - first + 1);
        sizes.fold(0, u64::saturating_add)
    }

    /// The line of the log.
    pub(crate) fn told(&self) -> String {
        let (subject, seconds, all) = (&self.subject, self.seconds(), self.of.len() + self.left);
        let failed = failed(self.class, (self.times, self.slow), all);
        let what = self.what();
        match self.end {
            End::Good => {}
            End::NoFault(time) => {
                let time = time.as_secs();
                let lost = self.lost();
                return format!("{subject}: no fault for {time} s: {failed} ({what}){lost}");
            }
            End::Forgotten => {
                let why = format!("forgotten, more than {MOST_HOSTS} hosts fail");
                return format!("{subject}: {why}: {failed} ({what})");
            }
        }
        let again = match (self.class, self.times, self.left) {
            (Class::Polls, 0, _) => format!("answered after {seconds:.1} s"),
            (Class::Polls, ..) => format!("answers again after {seconds:.1} s: {failed} ({what})"),
            (Class::Chunks, _, 0) => format!("good again after {seconds:.1} s: {failed} ({what})"),
            (Class::Chunks, ..) => {
                let of = format!("{} of {all} playlists", self.of.len());
                format!("good again for {of} after {seconds:.1} s: {failed} ({what})")
            }
        };
        let left = match (self.class, self.left) {
            (Class::Chunks, _) | (_, 0) => String::new(),
            (_, 1) => ", 1 playlist goes on failing".to_owned(),
            (_, left) => format!(", {left} playlists go on failing"),
        };
        format!("{subject}: {again}{left}{}", self.lost())
    }

    fn lost(&self) -> String {
        let rows: Vec<String> = self.missing.iter().take(MOST_ROWS).map(row).collect();
        let more = match self.missing.len() > MOST_ROWS {
            true => ", …",
            false => "",
        };
        let rows = rows.join(", ");
        match self.never_had() {
            0 => String::new(),
            1 => format!(", 1 segment was never had: {rows}"),
            count => format!(", {count} segments were never had: {rows}{more}"),
        }
    }
}

/// Hosts whose outages are known, or summed up, apart.
pub(super) const MOST_HOSTS: usize = 64;
/// Rows of segments that are named.
const MOST_ROWS: usize = 4;

fn row((first, last): &(u64, u64)) -> String {
    match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    }
}

pub(super) fn rows(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut rows: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match rows.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => rows.push((*number, *number)),
        }
    }
    rows
}

/// A number of things: `1 poll`, `3 polls`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    }
}

pub(super) fn failed(class: Class, (times, slow): (u64, u64), playlists: usize) -> String {
    match (class, times, playlists) {
        (Class::Chunks, 0, _) if slow > 0 => {
            format!("{} took too long", counted(slow, "request"))
        }
        (Class::Chunks, ..) if slow > 0 => {
            format!("{} failed, {slow} took too long", counted(times, "request"))
        }
        // The one that hangs is not over.
        (Class::Polls, 0, _) => format!("the first request is {UNANSWERED}"),
        (Class::Polls, _, 0 | 1) => format!("{} failed", counted(times, "poll")),
        (Class::Polls, ..) => format!("{} of {playlists} playlists failed", counted(times, "poll")),
        (Class::Chunks, ..) => format!("{} failed", counted(times, "request")),
    }
}
