//! Bodies of responses: bytes in memory, chunk files that are read piece by piece, bodies that break.
//!
//! | file | is |
//! | --- | --- |
//! | `piece` | what a body is made of |
//! | `sending` | pieces, one after the other, at their pace |
//! | [`pace`] | when bytes may go |
//! | `breaks` | how a body breaks off |
//! | `chunk_read` | reads chunk files |
//! | [`stall`], [`ending`] | what a body and its connection tell each other |

pub(super) mod breaks;
pub(super) mod chunk_read;
pub mod ending;
pub mod pace;
pub(super) mod piece;
mod sending;
pub mod stall;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};

use self::breaks::Break;
use self::chunk_read::Chunk;
use self::pace::Pace;
use self::piece::Piece;
use self::sending::Sending;

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
    pub(super) fn from_frames(
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

fn stream(sending: Sending) -> Body {
    let frames = futures_util::stream::unfold(Some(sending), |state| async move {
        let mut sending = state?;
        match sending.next().await {
            Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(sending))),
            Ok(None) => Some((Err(sending.break_at_end().await?), None)),
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::from_frames(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::fs::File;
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
}
