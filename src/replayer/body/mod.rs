//! Bodies of responses: bytes, chunk files read piece by piece, bodies that break.

pub(super) mod chunk_read;
pub mod ending;
pub mod pace;
pub mod stall;

use std::fmt;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use tokio::time::Instant;

use self::chunk_read::Chunk;
use self::ending::Ending;
use self::pace::Pace;
use self::stall::Stalled;
use crate::clock;

/// A body of any kind.
#[derive(Debug)]
pub enum Body {
    /// Made frame by frame.
    Frames(UnsyncBoxBody<Bytes, io::Error>),
    /// A chunk's bytes, as fast as the client takes them.
    Chunk(Chunk),
}

impl Body {
    /// Out of frames.
    pub(super) fn of(
        frames: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
    ) -> Self {
        Self::Frames(StreamBody::new(frames).boxed_unsync())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Frames(frames) => Pin::new(frames).poll_frame(context),
            Self::Chunk(chunk) => {
                let bytes = ready!(chunk.poll_bytes(context));
                Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Frames(frames) => frames.is_end_stream(),
            Self::Chunk(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Frames(frames) => frames.size_hint(),
            Self::Chunk(_) => SizeHint::default(),
        }
    }
}

/// No recorder waited for longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// What was written must have left for the network before a body breaks, or the server
/// throws it away together with the connection.
const FLUSH_WAIT: Duration = Duration::from_millis(20);

/// What is opened when its turn comes.
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
    /// In what is not open yet.
    Later {
        /// What that is.
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
            Self::Later { source, first, .. } => Self::Later {
                source,
                first: first.saturating_add(skip),
                length: count,
            },
        }
    }
}

/// No body.
pub fn empty() -> Body {
    Body::Frames(Empty::new().map_err(|never| match never {}).boxed_unsync())
}

/// A body in memory.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    let bytes = Full::new(bytes.into()).map_err(|never| match never {});
    Body::Frames(bytes.boxed_unsync())
}

/// Pieces, one after the other.
pub fn pieces(pieces: Vec<Piece>, pace: Option<Pace>) -> Body {
    if let (
        [
            Piece::File {
                file,
                first,
                length,
            },
        ],
        None,
    ) = (&pieces[..], &pace)
    {
        return Body::Chunk(Chunk::new(Arc::clone(file), *first, *length));
    }
    stream(Sending::new(pieces, pace, None))
}

/// Pieces, then the connection breaks.
pub fn broken(pieces: Vec<Piece>, pace: Option<Pace>, breaks: Break) -> Body {
    stream(Sending::new(pieces, pace, Some(breaks)))
}

/// How a connection breaks at the end of a body.
#[derive(Debug, Clone, Default)]
pub struct Break {
    /// Says when all was sent.
    pub stalled: Stalled,
    /// With a reset; `None`: it is closed in good order.
    pub reset: Option<Ending>,
}

impl Break {
    /// Waits until it is time (`None`: now) and all was sent. The error ends the connection.
    pub(super) async fn happens(self, at: Option<Instant>) -> io::Error {
        if let Some(at) = at {
            tokio::time::sleep_until(at - FLUSH_WAIT).await;
        }
        tokio::time::sleep(FLUSH_WAIT).await;
        while self.stalled.is_stalled() {
            tokio::time::sleep(FLUSH_WAIT).await;
        }
        if let Some(ending) = self.reset {
            ending.reset();
        }
        io::Error::other("the body broke here")
    }
}

/// A body on its way.
struct Sending {
    /// What is left, last first.
    left: Vec<Piece>,
    sent: u64,
    pace: Option<Pace>,
    /// When the first byte was due.
    began: Option<Instant>,
    breaks: Option<Break>,
}

impl Sending {
    fn new(mut pieces: Vec<Piece>, pace: Option<Pace>, breaks: Option<Break>) -> Self {
        pieces.reverse();
        Self {
            left: pieces,
            sent: 0,
            pace,
            began: None,
            breaks,
        }
    }

    /// The next bytes that may go, once they may; `None`: there are no more.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let began = *self.began.get_or_insert_with(clock::instant);
        while let Some(piece) = self.left.pop() {
            if piece.length() == 0 {
                continue;
            }
            // Before they may go, and more than may: no byte is late for being read, and one
            // that drips is not read on its own.
            let (mut bytes, rest) = read(piece).await?;
            self.left.extend(rest);
            let count = self.may_go(began).await;
            if count < bytes.len() {
                self.left.push(Piece::Bytes(bytes.split_off(count)));
            }
            self.sent += bytes.len() as u64;
            return Ok(Some(bytes));
        }
        Ok(None)
    }

    /// Waits until bytes may go; how many.
    async fn may_go(&self, began: Instant) -> usize {
        let Some(pace) = &self.pace else {
            return usize::MAX;
        };
        // Against the beginning, not the byte before: what was late is caught up with.
        tokio::time::sleep_until(after(began, pace.time_of(self.sent))).await;
        let passed_us = clock::micros(clock::instant() - began);
        let allowed = pace.allowed(passed_us).saturating_sub(self.sent);
        usize::try_from(allowed).unwrap_or(usize::MAX).max(1)
    }

    /// Waits until the connection breaks; `None`: it does not.
    async fn broke(&mut self) -> Option<io::Error> {
        let breaks = self.breaks.take()?;
        let end = self.pace.as_ref().map(|pace| {
            let began = *self.began.get_or_insert_with(clock::instant);
            after(began, pace.end_us())
        });
        Some(breaks.happens(end).await)
    }
}

fn after(began: Instant, us: i64) -> Instant {
    let later = Duration::from_micros(u64::try_from(us).unwrap_or(0));
    // A stranger's session may say anything.
    began + later.min(LONGEST_WAIT)
}

fn stream(sending: Sending) -> Body {
    let frames = futures_util::stream::unfold(Some(sending), |state| async move {
        let mut sending = state?;
        match sending.next().await {
            Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(sending))),
            Ok(None) => Some((Err(sending.broke().await?), None)),
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::of(frames)
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

/// The next bytes of a piece, and what is left of it.
async fn read(piece: Piece) -> io::Result<(Bytes, Option<Piece>)> {
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
        let sent = pieces(list, None).collect().await.unwrap().to_bytes();
        assert_eq!(sent.len(), 500_003);
        assert_eq!(sent[..500_000], content[1..500_001]);
        assert_eq!(sent[500_000..], [b'a', b'b', content[599_999]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_body_gives_its_bytes_first() {
        let mut body = broken(vec![Piece::Bytes("half".into())], None, Break::default());
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "half"
        );
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_paced_body_goes_when_it_may() {
        let content: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
        let parts = [(0, 100_000), (1_000_000, 100_001), (3_000_000, 300_000)];
        let pace = Pace::from_points(parts);
        let file = Piece::File {
            file: file_of(&content),
            first: 0,
            length: 300_000,
        };
        let mut body = pieces(
            vec![file.clone().slice(0, 5), file.slice(5, 299_995)],
            Some(pace),
        );
        let began = clock::instant();
        let (mut sent, mut came) = (0, Vec::new());
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            assert_eq!(bytes, content[sent..sent + bytes.len()]);
            assert!(bytes.len() <= chunk_read::READ_BYTES);
            sent += bytes.len();
            came.push(((clock::instant() - began).as_millis() / 10, sent));
        }
        for (at_us, bytes) in parts {
            let at = (at_us / 10_000) as u128;
            let last = came.iter().rfind(|(came_at, _)| *came_at == at);
            assert_eq!(last, Some(&(at, bytes as usize)), "{came:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_became_short_is_an_error_not_other_bytes() {
        let short = Piece::File {
            file: file_of(b"abc"),
            first: 0,
            length: 10,
        };
        assert!(pieces(vec![short], None).collect().await.is_err());
    }

    #[test]
    fn slices_stay_inside() {
        assert_eq!(Piece::Bytes("abc".into()).slice(1, 99).length(), 2);
        assert_eq!(Piece::Bytes("abc".into()).slice(9, 1).length(), 0);
    }
}
