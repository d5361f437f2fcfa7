//! The database of a volume on this disk, as a session that has rows only.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use super::error::ArchiveError;
use super::manifest::Manifest;
use crate::session::digest::RunningDigest;
use crate::session::{Digest, SessionFolder, Sessions};
use crate::store::Store;

/// Fetches and unpacks the database of a volume into a folder, as the session `name` of it.
pub(super) fn unpack(
    store: &Store,
    manifest: &Manifest,
    work: &Path,
    name: &str,
) -> Result<SessionFolder, ArchiveError> {
    let database = &manifest.database;
    let wrong = |why: &str| ArchiveError::Volume(database.key.clone(), why.to_owned());
    let folder = Sessions::new(work)
        .create(Some(name))
        .map_err(io::Error::other)?;
    let packed = folder.database().with_extension("db.zst");
    let mut to = Hashing::new(File::create(&packed)?);
    if !store.wait(store.get_large(&database.key, database.bytes, &mut to))? {
        return Err(wrong("is not there"));
    }
    if !manifest.is_database(&to.digest()) {
        return Err(wrong("has another SHA-256 than its manifest says"));
    }
    let unpacked = unpack_file(&packed, &folder, database.unpacked_bytes);
    let bytes = unpacked.map_err(|error| match error.raw_os_error() {
        // It is this disk that refused.
        Some(_) => error.into(),
        None => wrong(&format!("cannot be unpacked: {error}")),
    })?;
    if bytes != database.unpacked_bytes {
        return Err(wrong(
            "is of another size, unpacked, than its manifest says",
        ));
    }
    std::fs::remove_file(packed)?;
    Ok(folder)
}

/// No more is written than its manifest says, and a byte.
fn unpack_file(packed: &Path, folder: &SessionFolder, most: u64) -> io::Result<u64> {
    let mut decoder =
        zstd::stream::read::Decoder::new(File::open(packed)?)?.take(most.saturating_add(1));
    io::copy(&mut decoder, &mut File::create_new(folder.database())?)
}

/// Hashes what is written.
pub(super) struct Hashing<W> {
    to: W,
    digest: RunningDigest,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(to: W) -> Self {
        Self {
            to,
            digest: RunningDigest::default(),
        }
    }

    /// Of all that was written.
    pub(super) fn digest(&self) -> Digest {
        self.digest.digest()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
