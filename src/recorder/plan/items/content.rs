//! What is known of the bytes of a thing, and what an earlier run knew of a playlist.

use crate::recorder::http::validators::Validators;
use crate::recorder::plan::model::Key;
use crate::session::Digest;
use std::time::Duration;

/// What is known of the bytes of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// They are still to be fetched.
    ToCome,
    /// Known, by the beginning of their SHA-256.
    Known(u64),
    /// Unknown, and they are not going to be fetched.
    Unknown,
}

impl Content {
    pub(crate) fn from_digest(sha256: Digest) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = sha256;
        Self::Known(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// What the earlier run knew of a playlist.
#[derive(Debug, Default)]
pub(crate) struct EarlierRun {
    /// What it listed of late, at which place, in the order in which that was listed: with what came of each.
    pub listed: Vec<(u64, Key, Digest)>,
    /// Keys that were had, and with what each may be asked for conditionally.
    pub keys: Vec<(Key, Duration, Option<Validators>)>,
    /// For so long what it listed is not fetched again.
    pub known_for: Duration,
}
