//! An outage that is over, in the words of the log. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::session::{UNANSWERED, both_clocks};

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
    pub(crate) fn never_came(&self) -> u64 {
        let sizes = self.missing.iter().map(|(first, last)| last - first + 1);
        sizes.fold(0, u64::saturating_add)
    }

    /// The line of the log; `zero_us`: session zero, in microseconds of Unix time.
    pub(crate) fn told(&self, zero_us: i64) -> String {
        let (subject, what, lost) = (&self.subject, self.what(), self.lost());
        let all = self.of.len() + self.left;
        let failed = failed(self.class, (self.times, self.slow), all);
        let from = both_clocks(self.since_us, zero_us);
        let until = both_clocks(self.until_us, zero_us);
        let span = format!("after {:.1} s, from {from} to {until}", self.seconds());
        let again = match (self.end, self.class, self.left) {
            (End::NoFault(time), ..) => {
                let time = time.as_secs();
                return format!(
                    "{subject}: no fault for {time} s: {failed} ({what}) from {from} to {until}{lost}"
                );
            }
            (End::Forgotten, ..) => {
                let why = format!("forgotten, more than {MOST_HOSTS} hosts fail");
                return format!("{subject}: {why}: {failed} ({what}) from {from} to {until}");
            }
            (End::Good, Class::Polls, _) if self.times == 0 => format!("answered {span}"),
            (End::Good, Class::Polls, _) => format!("answers again {span}: {failed} ({what})"),
            (End::Good, Class::Chunks, 0) => format!("good again {span}: {failed} ({what})"),
            (End::Good, Class::Chunks, _) => {
                let of = format!("{} of {all} playlists", self.of.len());
                format!("good again for {of} {span}: {failed} ({what})")
            }
        };
        let left = match (self.class, self.left) {
            (Class::Chunks, _) | (_, 0) => String::new(),
            (_, 1) => ", 1 playlist goes on failing".to_owned(),
            (_, left) => format!(", {left} playlists go on failing"),
        };
        format!("{subject}: {again}{left}{lost}")
    }

    fn lost(&self) -> String {
        let rows: Vec<String> = self.missing.iter().take(MOST_ROWS).map(row).collect();
        let more = match self.missing.len() > MOST_ROWS {
            true => ", …",
            false => "",
        };
        let rows = rows.join(", ");
        match self.never_came() {
            0 => String::new(),
            1 => format!(", 1 segment never came: {rows}"),
            count => format!(", {count} segments never came: {rows}{more}"),
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

/// Requests for whatever: how many failed, and how many took too long, which is no fault.
pub(super) fn requests(times: u64, slow: u64) -> String {
    match (times, slow) {
        (0, 1..) => format!("{} took too long", counted(slow, "request")),
        (_, 1..) => format!("{} failed, {slow} took too long", counted(times, "request")),
        (_, 0) => format!("{} failed", counted(times, "request")),
    }
}

pub(super) fn failed(class: Class, (times, slow): (u64, u64), playlists: usize) -> String {
    match (class, times, playlists) {
        (Class::Chunks, ..) => requests(times, slow),
        // The one that hangs is not over.
        (Class::Polls, 0, _) => format!("the first request is {UNANSWERED}"),
        (Class::Polls, _, 0 | 1) => format!("{} failed", counted(times, "poll")),
        (Class::Polls, ..) => format!("{} of {playlists} playlists failed", counted(times, "poll")),
    }
}
