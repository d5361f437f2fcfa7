//! Limits on what an origin can make the recorder do, in one place.

use std::time::Duration;

use crate::session::Kind;

/// Redirects followed in one chain.
pub(super) const MAX_REDIRECTS: usize = 10;
/// Downloads under way at once.
pub(super) const MAX_DOWNLOADS: usize = 16;
/// Downloads under way at once on account of one playlist, so that a slow one starves no other.
pub(super) const MAX_DOWNLOADS_PER_PLAYLIST: usize = 4;
/// Tries for something that an ended playlist lists; while a playlist lives there is no limit.
pub(super) const TRIES_AFTER_END: u32 = 5;
/// Media playlists polled at once.
pub(super) const MAX_PLAYLISTS: usize = 8192;
/// A body that brings nothing for so long is given up.
pub(super) const STALL: Duration = Duration::from_secs(20);
/// What downloads under way get when the recorder stops.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(3);
/// How long the recorder waits, after that, for what is on its way to the disk.
pub(super) const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// Distinct refused URIs that are noted.
pub(super) const MAX_REFUSED: usize = 256;
/// Bodies of answers that are no chunk (errors) are kept up to this size.
pub(super) const ERROR_BODY_BYTES: u64 = 1024 * 1024;

/// Largest body kept of a kind, in bytes; of a playlist also when decoded.
pub(super) fn body_bytes(kind: Kind) -> u64 {
    const MIB: u64 = 1024 * 1024;
    match kind {
        Kind::Main | Kind::Media | Kind::Init => 16 * MIB,
        Kind::Segment | Kind::Part => 1024 * MIB,
        Kind::Key => 64 * 1024,
        Kind::Data => 4 * MIB,
    }
}

/// Longest time for a whole exchange, unless the user says otherwise.
pub(super) fn max_time(kind: Kind) -> Duration {
    match kind {
        Kind::Segment | Kind::Part | Kind::Init => Duration::from_secs(120),
        _ => Duration::from_secs(15),
    }
}
