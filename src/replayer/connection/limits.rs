//! What a client may take: how many connections, and how long each step of one.

use std::time::Duration;

use crate::replayer::cache::answer_cache::MOST_FILES;

/// Limits on clients. `docs/ref/limits.md` has them for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address (IPv6: from one /64, which is one customer's).
    pub per_address: usize,
    /// Time for the whole head of a request: from its first byte, and of the first request from when
    /// the connection was made.
    pub head: Duration,
    /// Time between the end of an answer and the first byte of the next request.
    pub idle: Duration,
    /// Time without the system taking a byte of an answer.
    pub stall: Duration,
}

/// Longer than the target durations in use, so that a connection is not closed just when a
/// player loads its playlist again.
pub const IDLE: Duration = Duration::from_secs(30);
/// As [`Limits::head`].
pub const HEAD: Duration = Duration::from_secs(10);
/// As [`Limits::stall`].
pub const STALL: Duration = Duration::from_secs(20);

/// Descriptors for the session, the log, the system and cached chunks.
const RESERVED: usize = 32 + MOST_FILES;
/// More connections are no players, and each takes memory.
const MOST: usize = 16_384;

impl Limits {
    /// Limits for a process that may have `descriptors` files open: each connection may also hold a chunk open.
    pub fn for_descriptors(descriptors: usize) -> Self {
        let connections = (descriptors.saturating_sub(RESERVED) / 2).clamp(1, MOST);
        Self {
            connections,
            per_address: Self::most_per_address(connections),
            head: HEAD,
            idle: IDLE,
            stall: STALL,
        }
    }

    /// How many of `connections` one address may have: most of them, since a load test comes
    /// from one machine, but never all.
    pub fn most_per_address(connections: usize) -> usize {
        let others = connections.div_ceil(4);
        (connections - others).max(2).min(connections.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_takes_two_descriptors_and_an_address_never_all() {
        for (descriptors, connections, per_address) in [
            (0, 1, 1),
            (256, 48, 36),
            (1024, 432, 324),
            (65_536, 16_384, 12_288),
            (usize::MAX, 16_384, 12_288),
        ] {
            let limits = Limits::for_descriptors(descriptors);
            assert_eq!(
                (limits.connections, limits.per_address),
                (connections, per_address)
            );
        }
    }
}
