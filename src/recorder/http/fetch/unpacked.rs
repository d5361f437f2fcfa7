//! How many bytes the chunks of a stream may decode to.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::{DecodeError, NewBody};

/// The allowance of a stream for compressed chunks that decode to much more than came: 20 kB can decode to 20 MB, and an
/// origin would fill a disk at a thousand times the pace of its line.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// What is left for chunks that decode to more than [`FACTOR`] times what came, in bytes.
    spare: AtomicU64,
}

/// Media that is worth compressing (subtitles, padding) is a few times as large when it is decoded.
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
    /// How many bytes a chunk of `came` bytes may decode to.
    pub(super) fn allowed_bytes(&self, came: u64) -> u64 {
        let spare = self.spare.load(Ordering::Relaxed);
        came.saturating_mul(FACTOR).saturating_add(spare)
    }

    /// Takes the bytes that a chunk needs beyond its own share from the allowance, which other chunks may have used meanwhile.
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
                Err(DecodeError::TooLarge(self.allowed_bytes(came)))
            }
            (Err(_), body) => Ok(body),
        }
    }
}
