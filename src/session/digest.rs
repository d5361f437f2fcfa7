//! SHA-256 of bodies.

use sha2::Digest as _;
use sha2::Sha256;

/// SHA-256 of a body, as kept.
pub type Digest = [u8; 32];

/// The digest of a body.
pub fn digest(body: &[u8]) -> Digest {
    Sha256::digest(body).into()
}

/// The digest of a body that may grow: what was hashed once is not hashed again.
#[derive(Debug, Clone, Default)]
pub struct RunningDigest(pub(super) Sha256);

impl RunningDigest {
    /// Goes on with what follows.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all that came so far.
    pub fn digest(&self) -> Digest {
        self.0.clone().finalize().into()
    }
}
