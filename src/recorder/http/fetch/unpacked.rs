//! What the chunks of a stream may decode to.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::{DecodeError, NewBody};

/// How much more of a stream's chunks may be kept than the stream sent, where it sent them compressed: 20 kB may decode to 20 MB,
/// and whoever sends them would fill a disk at a thousand times his pace.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// What is left for chunks that decode to more than [`FACTOR`] times what came, in bytes.
    spare: AtomicU64,
}

/// Media that is worth a coding (subtitles, padding) is a few times as large without.
const FACTOR: u64 = 16;
/// A stream may begin with a black picture, in bytes.
const SPARE: u64 = 64 * 1024 * 1024;

impl Default for Unpacked {
    fn default() -> Self {
        Self {
            spare: AtomicU64::new(SPARE),
        }
    }
}

impl Unpacked {
    /// What a chunk may decode to of which so many bytes came.
    pub(super) fn most(&self, came: u64) -> u64 {
        let spare = self.spare.load(Ordering::Relaxed);
        came.saturating_mul(FACTOR).saturating_add(spare)
    }

    /// Takes what a chunk needs beyond its own share, if that is left: others are decoded at the same time.
    pub(super) fn take(&self, came: u64, body: NewBody) -> Result<NewBody, DecodeError> {
        let NewBody::File { size, .. } = &body else {
            return Ok(body);
        };
        let beyond = size.saturating_sub(came.saturating_mul(FACTOR));
        let take = |spare: u64| spare.checked_sub(beyond);
        let taken = self
            .spare
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        match (taken, body) {
            (Ok(_), body) => Ok(body),
            (Err(_), NewBody::File { file, .. }) => {
                file.discard();
                Err(DecodeError::TooLarge(self.most(came)))
            }
            (Err(_), body) => Ok(body),
        }
    }
}
