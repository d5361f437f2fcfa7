//! What came of a thing in a run before.

use crate::recorder::http::validators::Validators;
use crate::recorder::plan::model::Key;
use crate::session::Digest;
use std::time::Duration;

/// What is known of the bytes of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// They are to come.
    ToCome,
    /// By their hash.
    Known(u64),
    /// Nothing, and nothing is to come.
    Unknown,
}

impl Content {
    pub(crate) fn of(sha256: Digest) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = sha256;
        Self::Known(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// What the run before knew of a playlist.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// What it listed of late, at which place, in the order in which that was listed: with what came of each.
    pub listed: Vec<(u64, Key, Digest)>,
    /// Keys that were had, and with what each may be asked for conditionally.
    pub keys: Vec<(Key, Duration, Option<Validators>)>,
    /// For so long what it listed is not fetched again.
    pub known_for: Duration,
}
