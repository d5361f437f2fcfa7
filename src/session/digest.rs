//! SHA-256 of bodies.

use std::io::{self, Read};

use sha2::Digest as _;
use sha2::Sha256;

/// Bytes that are hashed at a time.
const STEP: usize = 256 * 1024;

/// SHA-256 of a body, as kept.
pub type Digest = [u8; 32];

/// The digest of a body.
pub fn digest(body: &[u8]) -> Digest {
    Sha256::digest(body).into()
}

/// The digest of all that can be read.
///
/// # Errors
/// Of `from`.
pub(crate) fn digest_of(from: &mut impl Read) -> io::Result<Digest> {
    let mut running = RunningDigest::default();
    let mut some = vec![0; STEP];
    loop {
        match from.read(&mut some) {
            Ok(0) => return Ok(running.digest()),
            Ok(read) => running.add(some.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
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
