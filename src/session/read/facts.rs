//! What a reader gives: runs, streams, resources, playlists, exchanges, bodies.

use serde::Serialize;

use crate::session::files::chunk_dir::ChunkFile;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Kind, Outcome};

/// The end of the year 9999, in microseconds of Unix time: no clock shows more.
const LATEST_US: u64 = 253_402_300_800_000_000;

/// One life of the recorder process. Times in microseconds of Unix time.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it began.
    pub started_us: i64,
    /// When it was last known alive.
    pub seen_us: i64,
    /// When it stopped; `None`: it records, or was killed.
    pub stopped_us: Option<i64>,
    /// Why it stopped, as in `schema.sql`; `None`: it records, or was killed and nobody went on.
    pub ended: Option<String>,
    /// Name and version.
    pub program: String,
}

impl Run {
    /// When it ended, as far as is known; of one that records, when it was last known alive.
    pub fn end_us(&self) -> i64 {
        self.stopped_us.unwrap_or(self.seen_us)
    }

    pub(super) fn is_of_a_clock(&self) -> bool {
        let times = [self.started_us, self.seen_us, self.end_us()];
        times.iter().all(|us| us.unsigned_abs() <= LATEST_US)
    }
}

/// Between two runs: from when until when nothing was recorded, in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The end of a run.
    pub from_us: i64,
    /// The start of the next.
    pub until_us: i64,
}

/// The holes between runs, in order.
pub fn holes(runs: &[Run]) -> Vec<Hole> {
    let between = |pair: &[Run]| match pair {
        [before, after] => Some(Hole {
            from_us: before.end_us(),
            until_us: after.started_us,
        }),
        _ => None,
    };
    runs.windows(2).filter_map(between).collect()
}

/// An input of the session.
#[derive(Debug, Clone, Serialize)]
pub struct StreamInfo {
    /// Row of `stream`.
    #[serde(skip)]
    pub id: i64,
    /// Its name, safe in a URL path.
    pub name: String,
    /// What the user typed.
    pub url: String,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceInfo {
    /// Row of `resource`.
    pub id: i64,
    /// What it is.
    pub kind: Kind,
    /// Its absolute URL.
    pub url: String,
    /// Its byte range, if a playlist named one.
    pub range: Option<ByteRange>,
    /// Row of `stream`.
    pub stream_id: i64,
}

/// A media playlist that has revisions.
#[derive(Debug, Clone)]
pub struct PlaylistInfo {
    /// Row of `resource`.
    pub id: i64,
    /// Name of its stream.
    pub stream: String,
    /// URL path without the leading slash.
    pub name: String,
    /// Its absolute URL.
    pub url: String,
}

/// One exchange. Times in microseconds of Unix time, durations in microseconds.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Its number.
    pub id: ExchangeId,
    /// From when on it is the answer.
    pub from_us: i64,
    /// When it was requested.
    pub requested_us: i64,
    /// Requested to first byte of the response.
    pub wait_us: Option<i64>,
    /// The origin was to hold it until there was something new: `wait_us` says nothing of the network.
    pub is_held: bool,
    /// First byte to last byte, or to the break.
    pub receive_us: Option<i64>,
    /// As in `schema.sql`; `None`: the body came at once.
    pub arrival: Option<String>,
    /// Without a response: requested to its end.
    pub failed_us: Option<i64>,
    /// HTTP status; `None`: there was no response.
    pub status: Option<u16>,
    /// Row of `header_set`.
    pub(crate) header_set_id: Option<i64>,
    pub(crate) header_values: Option<String>,
    /// Content-Length.
    pub announced_bytes: Option<u64>,
    /// Row of `body`.
    pub body_id: Option<i64>,
    /// Size of that body in bytes; 0: it has none.
    pub body_size: u64,
    /// SHA-256 of that body.
    pub body_sha256: Option<Vec<u8>>,
    /// Content codings that the body is still in.
    pub body_encoding: Option<String>,
    /// A 206: where in the resource the body begins.
    pub body_first: Option<u64>,
    /// A 206: the size of the whole, if the origin said.
    pub resource_bytes: Option<u64>,
    /// A 304: the exchange that it confirmed.
    pub confirms_id: Option<ExchangeId>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, for people.
    pub error: Option<String>,
}

/// The content of a body.
#[derive(Debug)]
pub enum Body {
    /// Kept in the database.
    Bytes(Vec<u8>),
    /// Kept as a file.
    Chunk(ChunkFile),
}

/// An advance of a media playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Advance {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its response began, in microseconds of Unix time.
    pub seen_us: i64,
    /// The target duration that it states, in microseconds.
    pub target_duration_us: Option<i64>,
    /// Whether it ends the playlist.
    pub ended: bool,
    /// The media sequence number of its first segment.
    pub first_number: Option<u64>,
    /// The one behind its last segment.
    pub next_number: Option<u64>,
    /// Its sequence began again.
    pub restarted: bool,
    /// The part target that it states, in microseconds.
    pub part_target_us: Option<i64>,
    /// How many parts are listed of its last segment.
    pub last_parts: Option<u64>,
    /// How many parts stand behind its last segment.
    pub next_parts: Option<u64>,
}
