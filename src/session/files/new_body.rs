//! A body that came, before it has a row.

use super::chunk_dir::BodyFile;
use crate::session::digest::Digest;
use bytes::Bytes;

/// The body that came with an exchange.
#[derive(Debug)]
pub enum NewBody {
    /// None.
    None,
    /// Bytes to keep in the database.
    Bytes {
        /// The bytes, decoded where that was possible.
        data: Bytes,
        /// SHA-256 of `data`.
        sha256: Digest,
        /// Binary, even where it would be text: a key.
        binary: bool,
    },
    /// A finished and synced download.
    File {
        /// Under `chunks/.tmp`.
        file: BodyFile,
        /// Its size in bytes.
        size: u64,
        /// SHA-256 of its content.
        sha256: Digest,
    },
}

/// A text in the content codings that it came in.
#[derive(Debug, Clone)]
pub struct Coded {
    /// As it came.
    pub data: Bytes,
    /// In what, as a Content-Encoding names it.
    pub codings: String,
}
