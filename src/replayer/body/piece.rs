//! Pieces of bodies: bytes in memory, spans of files, and files that are opened when they are sent.

use std::fs::File;
use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::chunk_read;

/// A file that is opened when it is sent.
pub trait Source: fmt::Debug + Send + Sync {
    /// All of it: bytes, or a file.
    fn open(self: Arc<Self>) -> BoxFuture<'static, io::Result<Piece>>;
}

/// Bytes to be sent.
#[derive(Debug, Clone)]
pub enum Piece {
    /// In memory.
    Bytes(Bytes),
    /// In a file.
    File {
        /// The file.
        file: Arc<File>,
        /// First byte.
        first: u64,
        /// Number of bytes.
        length: u64,
    },
    /// In a body that is not open yet.
    Later {
        /// That body.
        source: Arc<dyn Source>,
        /// First byte.
        first: u64,
        /// Number of bytes.
        length: u64,
    },
}

impl Piece {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } | Self::Later { length, .. } => *length,
        }
    }

    /// `count` bytes of it, `skip` bytes in; bytes that it does not have are left out.
    pub fn slice(self, skip: u64, count: u64) -> Self {
        let count = count.min(self.length().saturating_sub(skip));
        match self {
            Self::Bytes(bytes) => {
                let from = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
                let to = from
                    .saturating_add(usize::try_from(count).unwrap_or(usize::MAX))
                    .min(bytes.len());
                Self::Bytes(bytes.slice(from..to))
            }
            Self::File { file, first, .. } => Self::File {
                file,
                first: first.saturating_add(skip),
                length: count,
            },
            Self::Later { source, first, .. } => Self::Later {
                source,
                first: first.saturating_add(skip),
                length: count,
            },
        }
    }
}

/// A piece that can be read.
async fn opened(piece: Piece) -> io::Result<Piece> {
    let Piece::Later {
        source,
        first,
        length,
    } = piece
    else {
        return Ok(piece);
    };
    let opened = source.open().await.inspect_err(|error| {
        tracing::error!("a chunk cannot be opened when its turn comes: {error}");
    })?;
    let opened = opened.slice(first, length);
    match opened.length() == length {
        true => Ok(opened),
        false => Err(io::Error::other("a chunk is shorter than it was")),
    }
}

/// Reads the next bytes of a piece; also gives the rest of it.
pub(super) async fn read(piece: Piece) -> io::Result<(Bytes, Option<Piece>)> {
    let (file, first, length) = match opened(piece).await? {
        Piece::Bytes(bytes) => return Ok((bytes, None)),
        Piece::File {
            file,
            first,
            length,
        } => (file, first, length),
        Piece::Later { .. } => return Err(io::Error::other("it does not open")),
    };
    let bytes = chunk_read::read(&file, first, length).await?;
    let count = bytes.len() as u64;
    let left = length - count;
    let rest = (left > 0).then(|| Piece::File {
        file,
        first: first.saturating_add(count),
        length: left,
    });
    Ok((bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stay_inside() {
        assert_eq!(Piece::Bytes("abc".into()).slice(1, 99).length(), 2);
        assert_eq!(Piece::Bytes("abc".into()).slice(9, 1).length(), 0);
    }
}
