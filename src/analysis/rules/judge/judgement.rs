//! What a session came to.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::damaged::NotJudged;
use crate::analysis::noticed::left_alone_us;
use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::overview::Overview;
use crate::session::{NoticeEvent, RevisedPlaylist};

/// Which streams and playlists are judged.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Name of the only stream; `None`: all.
    pub stream: Option<String>,
    /// Name, last component of the name, or URL of the only playlist; `None`: all.
    pub playlist: Option<String>,
    /// URLs of playlists that are meant as well, since the name is what the log of the recorder calls them.
    pub labelled: BTreeSet<String>,
    /// The database is as its recorder closed it: no row of it is looked for that may be damaged.
    pub is_as_closed: bool,
}

impl Scope {
    /// Whether a playlist is judged.
    pub fn has(&self, playlist: &RevisedPlaylist) -> bool {
        self.means(&playlist.stream, &playlist.name, &playlist.url)
    }

    /// Whether a playlist is judged, by the name of its stream, its own, and its URL.
    pub(super) fn means(&self, stream: &str, name: &str, url: &str) -> bool {
        let is_named = |wanted: &String| {
            let last = name.rsplit('/').next();
            wanted == name || last == Some(wanted) || wanted == url || self.labelled.contains(url)
        };
        self.has_stream(stream) && self.playlist.as_ref().is_none_or(is_named)
    }

    /// Whether a raw stream is judged, by its name and its URL: these stand for the name of a playlist.
    pub fn has_raw(&self, name: &str, url: &str) -> bool {
        let wanted = self.playlist.as_ref();
        self.has_stream(name) && wanted.is_none_or(|wanted| wanted == name || wanted == url)
    }

    /// Whether a stream is judged.
    pub(super) fn has_stream(&self, stream: &str) -> bool {
        self.stream.as_ref().is_none_or(|name| name == stream)
    }
}

/// How far a session has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadSoFar {
    /// So many revisions of playlists.
    Revisions(u64),
    /// All of them, and so many exchanges.
    Exchanges(u64),
}

/// What a session came to.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What was found, the worst first, then by time.
    pub findings: Vec<Judged>,
    /// Rules of which there was too much, and how many findings of each were left out.
    pub left_out: BTreeMap<&'static str, u64>,
    /// What could not be judged, and why.
    pub not_judged: Vec<NotJudged>,
    /// What was looked at.
    pub looked_at: LookedAt,
    /// What the channel looked like.
    pub overview: Overview,
}

/// The longest time without a new segment, without what the recorder stood still of it.
#[derive(Debug)]
pub struct Longest {
    /// How long, in microseconds.
    pub length_us: i64,
    /// Name of the stream.
    pub stream: String,
    /// Name of the playlist.
    pub playlist: String,
}

/// What was looked at, and how it was.
#[derive(Debug, Default)]
pub struct LookedAt {
    /// Playlists.
    pub playlists: usize,
    /// Their revisions.
    pub revisions: u64,
    /// Streams that are no playlists.
    pub raw_streams: usize,
    /// Exchanges.
    pub exchanges: u64,
    /// The longest time without a new segment.
    pub longest: Option<Longest>,
    /// The longest time without a byte of a raw stream that is the origin's, in microseconds, and the name of the stream.
    pub longest_silence: Option<(i64, String)>,
    /// What the recorder noticed about itself.
    pub notices: Vec<NoticeEvent>,
    /// When hosts were left alone, as they had asked, in the order in which that began.
    pub left_alone: Vec<NoticeEvent>,
    /// How often no recorder ran between two runs, and for how long together, in microseconds.
    pub holes: (usize, i64),
}

impl LookedAt {
    /// Hosts that asked for patience, how often each did, and for how long it was left alone, in microseconds.
    pub fn hosts_left_alone(&self) -> Vec<(&str, u64, i64)> {
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        for notice in &self.left_alone {
            *times.entry(&notice.detail).or_default() += 1;
        }
        let told = times.into_iter().map(|(host, times)| {
            let all = (i64::MIN, i64::MAX);
            let alone_us = left_alone_us(&self.left_alone, all, |one| one == host);
            (host, times, alone_us)
        });
        told.collect()
    }
}
