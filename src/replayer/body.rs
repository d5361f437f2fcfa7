//! Bodies of responses: bytes, chunk files read piece by piece, bodies that break.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};

use super::ending::Ending;
use super::stall::Stalled;

/// A body of any kind.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Chunks are read so many bytes at a time; no more of one is in memory for a client.
const READ_BYTES: u64 = 256 * 1024;

/// What was written must have left for the network before a body breaks, or the server
/// throws it away together with the connection.
const FLUSH_WAIT: Duration = Duration::from_millis(20);

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
}

impl Piece {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// So many bytes of it, from one on; what lies outside is left out.
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
        }
    }
}

/// No body.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body in memory.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Pieces, one after the other.
pub fn pieces(pieces: Vec<Piece>) -> Body {
    stream(Sending {
        left: pieces,
        breaks: None,
    })
}

/// Pieces, then the connection breaks.
pub fn broken(pieces: Vec<Piece>, breaks: Break) -> Body {
    stream(Sending {
        left: pieces,
        breaks: Some(breaks),
    })
}

/// How a connection breaks at the end of a body.
#[derive(Debug, Clone, Default)]
pub struct Break {
    /// Says when all was sent.
    pub stalled: Stalled,
    /// With a reset; `None`: it is closed in good order.
    pub reset: Option<Ending>,
}

struct Sending {
    left: Vec<Piece>,
    breaks: Option<Break>,
}

fn stream(sending: Sending) -> Body {
    let Sending { mut left, breaks } = sending;
    left.reverse();
    let frames = futures_util::stream::unfold(Some((left, breaks)), |state| async move {
        let (mut left, breaks) = state?;
        while let Some(piece) = left.pop() {
            match read(piece).await {
                Ok((bytes, _)) if bytes.is_empty() => {}
                Ok((bytes, rest)) => {
                    left.extend(rest);
                    return Some((Ok(Frame::data(bytes)), Some((left, breaks))));
                }
                Err(error) => return Some((Err(error), None)),
            }
        }
        let Break { stalled, reset } = breaks?;
        tokio::time::sleep(FLUSH_WAIT).await;
        while stalled.is_stalled() {
            tokio::time::sleep(FLUSH_WAIT).await;
        }
        if let Some(ending) = reset {
            ending.reset();
        }
        Some((Err(io::Error::other("the recorded body broke here")), None))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// The next bytes of a piece, and what is left of it.
async fn read(piece: Piece) -> io::Result<(Bytes, Option<Piece>)> {
    let (file, first, length) = match piece {
        Piece::Bytes(bytes) => return Ok((bytes, None)),
        Piece::File {
            file,
            first,
            length,
        } => (file, first, length),
    };
    let count = length.min(READ_BYTES);
    let reading = Arc::clone(&file);
    let bytes = tokio::task::spawn_blocking(move || -> io::Result<Bytes> {
        let mut buffer = vec![0; usize::try_from(count).unwrap_or(0)];
        reading.read_exact_at(&mut buffer, first)?;
        Ok(buffer.into())
    });
    let bytes = bytes
        .await
        .map_err(io::Error::other)?
        .inspect_err(|error| {
            tracing::error!("a chunk became shorter while it was sent: {error}");
        })?;
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
    use std::io::Write;

    fn file_of(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    #[tokio::test]
    async fn pieces_come_one_after_the_other() {
        let content: Vec<u8> = (0..600_000_u32).map(|n| n as u8).collect();
        let whole = Piece::File {
            file: file_of(&content),
            first: 0,
            length: 600_000,
        };
        let list = vec![
            whole.clone().slice(1, 500_000),
            Piece::Bytes("ab".into()),
            whole.slice(599_999, 10),
        ];
        let sent = pieces(list).collect().await.unwrap().to_bytes();
        assert_eq!(sent.len(), 500_003);
        assert_eq!(sent[..500_000], content[1..500_001]);
        assert_eq!(sent[500_000..], [b'a', b'b', content[599_999]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_body_gives_its_bytes_first() {
        let mut body = broken(vec![Piece::Bytes("half".into())], Break::default());
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "half"
        );
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_file_that_became_short_is_an_error_not_other_bytes() {
        let short = Piece::File {
            file: file_of(b"abc"),
            first: 0,
            length: 10,
        };
        assert!(pieces(vec![short]).collect().await.is_err());
    }

    #[test]
    fn slices_stay_inside() {
        assert_eq!(Piece::Bytes("abc".into()).slice(1, 99).length(), 2);
        assert_eq!(Piece::Bytes("abc".into()).slice(9, 1).length(), 0);
    }
}
