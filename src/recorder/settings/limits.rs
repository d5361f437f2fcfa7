//! Limits on what an origin can make the recorder do, in one place. `docs/ref/limits.md` says the
//! same to users.

use std::time::Duration;

use crate::session::Kind;

/// Tries for something that an ended playlist lists; while a playlist lives there is no limit.
pub(crate) const TRIES_AFTER_END: u32 = 5;
/// What downloads under way get when the recorder stops.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(3);
/// How long the recorder waits, after that, for what is on its way to the disk.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Distinct refused URIs that are noted.
pub(crate) const MAX_REFUSED: usize = 256;
/// Of these, whereto and why, so many lines of the log of a stream.
pub(crate) const MAX_REFUSED_LINES: usize = 16;
/// Cookies that one host may set (what browsers take).
pub(crate) const MAX_COOKIES: usize = 180;
/// A cookie, name and value, in bytes (RFC 6265bis 5.6).
pub(crate) const MAX_COOKIE_BYTES: usize = 4096;
/// Hosts whose cookies are kept.
pub(crate) const MAX_COOKIE_HOSTS: usize = 1024;
/// A playlist above this size is read where it holds up nobody else, in bytes.
pub(crate) const LARGE_PLAYLIST: usize = 64 * 1024;
/// So much is kept of a playlist, key or error that was cut, in bytes.
pub(crate) const CUT_BYTES: usize = 1024 * 1024;
/// Date ranges of a stream whose assets are asked for. A year of ad breaks is fewer.
pub(crate) const MOST_DATE_RANGES: usize = 65_536;
/// IDs and URLs of these, in bytes.
pub(crate) const MOST_DATE_RANGE_BYTES: usize = 16 * 1024 * 1024;
/// Of these, not asked for yet: others wait for a later revision.
pub(crate) const MOST_ASSETS_WAITING: usize = 1024;
/// Of these, asked for at once.
pub(crate) const ASSETS_AT_ONCE: usize = 4;
/// Playlists of one asset.
pub(crate) const MOST_ASSET_PLAYLISTS: usize = 64;
/// Segments, keys and initialization sections of one asset, in all of its playlists.
pub(crate) const MOST_ASSET_CHUNKS: usize = 4096;
/// All of one asset, in bytes; the last of its segments may exceed it.
pub(crate) const MOST_ASSET_BYTES: u64 = 1024 * MIB;
/// Tries for a part of an asset.
pub(crate) const TRIES_OF_ASSET: u32 = 3;
/// A file that grows has what a playlist names of it within so long, or within the duration of that.
pub(crate) const GROWS_WITHIN: Duration = Duration::from_secs(2);
/// So long a stream that has ended waits for assets that it listed.
pub(crate) const ASSETS_AFTER_END: Duration = Duration::from_secs(300);
/// Downloads that are slow may be under way beside the others: as many as these, so often.
const SLOW_AS_OTHERS: usize = 2;
/// Large playlists of a stream that are read at once.
pub(crate) const LARGE_AT_ONCE: usize = 2;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What an origin can make the recorder do. Each can be set by its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest playlist, as it comes and when decoded, in bytes.
    pub playlist: u64,
    /// Largest key, in bytes.
    pub key: u64,
    /// Largest media initialization section, in bytes.
    pub init: u64,
    /// Largest media segment, in bytes.
    pub chunk: u64,
    /// Largest session data, in bytes.
    pub data: u64,
    /// Largest body of an answer that is an error, in bytes.
    pub error: u64,
    /// Bodies of a stream that are in memory at once, in bytes; others wait.
    pub memory: u64,
    /// Longest time to resolve a name.
    pub resolve: Duration,
    /// Longest time for a connection: resolving, TCP and TLS.
    pub connect: Duration,
    /// Longest time from a request to the head of its answer, connecting included.
    pub answer: Duration,
    /// Longest time in which a body brings nothing.
    pub stall: Duration,
    /// Longest time for all of a chain of redirects and its last body; none: by kind.
    pub whole: Option<Duration>,
    /// Redirects followed in one chain.
    pub redirects: usize,
    /// Downloads of a stream under way at once.
    pub downloads: usize,
    /// Of these, on account of one playlist, so that a slow one starves no other.
    pub downloads_per_playlist: usize,
    /// Playlists of a stream that are polled.
    pub playlists: usize,
    /// Polls of a stream under way at once.
    pub polls: usize,
    /// Segments, keys and initialization sections of a stream that are listed at once.
    pub listed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            playlist: 16 * MIB,
            key: 64 * KIB,
            init: 16 * MIB,
            chunk: 1024 * MIB,
            data: 4 * MIB,
            error: MIB,
            memory: 32 * MIB,
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            stall: Duration::from_secs(20),
            whole: None,
            redirects: 10,
            downloads: 16,
            downloads_per_playlist: 4,
            playlists: 8192,
            polls: 512,
            listed: 100_000,
        }
    }
}

impl Limits {
    /// Downloads of a stream that are slow, and that take no place of the others.
    pub(crate) fn slow_downloads(&self) -> usize {
        self.downloads.saturating_mul(SLOW_AS_OTHERS)
    }

    /// Largest body kept of a kind, in bytes; of a playlist also when decoded.
    pub(crate) fn body_bytes(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Main | Kind::Media => self.playlist,
            Kind::Init => self.init,
            Kind::Segment | Kind::Part => self.chunk,
            Kind::Key => self.key,
            Kind::Data | Kind::Steering | Kind::Assets => self.data,
        }
    }

    /// What all that a stream lists at once may take, as often as it is listed, in bytes: URLs, and a little beside.
    pub(crate) fn listed_bytes(&self) -> usize {
        let bytes = self.memory.saturating_mul(3).max(16 * MIB);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Longest time for a whole exchange, redirects included.
    pub(crate) fn max_time(&self, kind: Kind) -> Duration {
        self.whole.unwrap_or(match kind {
            Kind::Segment | Kind::Part | Kind::Init => Duration::from_secs(120),
            _ => Duration::from_secs(15),
        })
    }
}
