//! Recorded bodies: texts that responses share, and files that are opened when they are sent.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::pool::Pool;
use super::text_cache::{CachedText, TextCache, TextKey};
use crate::replayer::body::piece::{Piece, Source};
use crate::replayer::memory::budget::Budget;
use crate::replayer::memory::text::Text;
use crate::session::source::{ChunkName, Chunks};
use crate::session::{Body, ChunkFile, ReadError, Reader};

/// The bodies of a session.
#[derive(Debug)]
pub(crate) struct Bodies {
    pub(crate) pool: Arc<Pool>,
    pub(crate) texts: TextCache,
    pub(crate) budget: Budget,
    /// Who brings chunks that are not on this disk; `None`: the session has what there is.
    pub(crate) chunks: Option<Arc<dyn Chunks>>,
}

/// Where a body of this session is.
#[derive(Debug)]
pub(crate) enum Place {
    /// Here.
    Here(Piece),
    /// It is a file, or bytes of one, which is to be brought first.
    Elsewhere(ChunkName),
    /// There is no memory for it now.
    NoRoom,
}

impl Bodies {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            texts: TextCache::default(),
            budget: Budget::default(),
            chunks: None,
        }
    }

    /// A body of this size, whole.
    pub(crate) fn piece(
        &self,
        reader: &Reader,
        body_id: i64,
        size: u64,
    ) -> Result<Place, ReadError> {
        if let Some(chunks) = &self.chunks
            && let Some(name) = reader.chunk_name(body_id)?
        {
            return match reader.chunk_of(body_id) {
                Ok(Some(chunk)) => {
                    chunks.used(&name);
                    Ok(Place::Here(whole_file(chunk)))
                }
                Ok(None) | Err(ReadError::Lost(_)) => Ok(Place::Elsewhere(name)),
                Err(error) => Err(error),
            };
        }
        if let Some(chunk) = reader.chunk_of(body_id)? {
            return Ok(Place::Here(whole_file(chunk)));
        }
        let text = self.recorded(reader, body_id, size)?;
        Ok(text.map_or(Place::NoRoom, |text| {
            Place::Here(Piece::Bytes(text.bytes().clone()))
        }))
    }

    /// The file of a body that is not here yet; `None`: it is here, or no file.
    pub(crate) fn elsewhere(
        &self,
        reader: &Reader,
        body_id: i64,
    ) -> Result<Option<ChunkName>, ReadError> {
        match &self.chunks {
            Some(_) if reader.is_body_lost(body_id)? => reader.chunk_name(body_id),
            _ => Ok(None),
        }
    }

    /// Brings a chunk that is not here.
    pub(crate) async fn bring(&self, name: ChunkName) -> Result<(), ReadError> {
        match &self.chunks {
            Some(chunks) => Ok(Arc::clone(chunks).bring(name).await?),
            None => Err(ReadError::Lost(format!("chunks/{}", name.path))),
        }
    }

    /// The bytes of a body that is not a file. `None`: there is no memory for them now.
    pub(crate) fn recorded(
        &self,
        reader: &Reader,
        body_id: i64,
        size: u64,
    ) -> Result<Option<Text>, ReadError> {
        let made: Result<_, ReadError> =
            self.texts.get_or_make(&TextKey::Recorded(body_id), || {
                // The database has it once more while it is read.
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let Some(permit) = self.budget.take(size, 2) else {
                    return Ok(None);
                };
                match reader.body(body_id)? {
                    Body::Bytes(bytes) => Ok(Some(CachedText::Recorded(Text::new(bytes, permit)))),
                    Body::Chunk(_) => Err(io::Error::other("a file in the place of a text").into()),
                }
            });
        Ok(made?.and_then(|made| match made {
            CachedText::Recorded(text) => Some(text),
            _ => None,
        }))
    }

    /// Some bytes of a body, which is opened when they are sent.
    pub(crate) fn later_piece(
        self: &Arc<Self>,
        (body_id, size): (i64, u64),
        first: u64,
        length: u64,
    ) -> Piece {
        let bodies = Arc::clone(self);
        let source = Arc::new(Unopened {
            bodies,
            body_id,
            size,
        });
        Piece::Later {
            source,
            first,
            length,
        }
    }
}

fn whole_file(chunk: ChunkFile) -> Piece {
    Piece::File {
        file: Arc::new(chunk.file),
        first: chunk.first,
        length: chunk.size,
    }
}

/// A body that is not open yet.
#[derive(Debug)]
struct Unopened {
    bodies: Arc<Bodies>,
    body_id: i64,
    size: u64,
}

impl Source for Unopened {
    fn open(self: Arc<Self>) -> BoxFuture<'static, io::Result<Piece>> {
        Box::pin(async move {
            loop {
                let freed = self.bodies.budget.freed();
                let unopened = Arc::clone(&self);
                let piece = self.bodies.pool.read(move |reader| {
                    let Unopened {
                        bodies,
                        body_id,
                        size,
                    } = &*unopened;
                    bodies.piece(reader, *body_id, *size)
                });
                match piece.await.map_err(io::Error::other)? {
                    Place::Here(piece) => return Ok(piece),
                    Place::Elsewhere(name) => {
                        self.bodies.bring(name).await.map_err(io::Error::other)?;
                    }
                    Place::NoRoom => freed.await,
                }
            }
        })
    }
}
