//! Chunks of a volume, brought whole into the cache when they are asked for, and compared with their digest first.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;

use super::cache::Held;
use super::shared::Shared;
use crate::archive::names;
use crate::archive::unpack::Hashing;
use crate::session::files::chunk_dir::{Changed, ChunkDir, ChunkPath, Place, TemporaryName};
use crate::session::source::{ChunkName, Chunks, SourceError};
use crate::store::{Error as StoreError, Kind};

/// Chunks of this many bytes come in one request; larger ones in pieces.
const AT_ONCE: u64 = 8 * 1024 * 1024;
/// So many chunks of a volume are brought at a time.
const TURNS: usize = 8;

/// Numbers of files on the way: no two have the same name.
static NAMES: AtomicI64 = AtomicI64::new(1);

/// The chunks of a volume that is open.
pub(super) struct VolumeChunks {
    shared: Arc<Shared>,
    held: Arc<Held>,
    folder: ChunkDir,
    /// Under which a chunk may be: that of the volume first.
    days: Vec<String>,
    /// Who brings a chunk has that of its digest: others that ask for the same wait for it.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

impl fmt::Debug for VolumeChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chunks of {:?}", self.held.folder())
    }
}

impl VolumeChunks {
    pub(super) fn new(shared: Arc<Shared>, held: Arc<Held>, days: Vec<String>) -> io::Result<Self> {
        Ok(Self {
            folder: ChunkDir::to_write(held.folder().path())?,
            shared,
            held,
            days,
            turns: Default::default(),
        })
    }

    /// On a thread that may wait.
    fn fetch(&self, chunk: &ChunkName) -> Result<(), SourceError> {
        let place =
            ChunkPath::parse(&chunk.path).map_err(|error| SourceError::Lost(error.to_string()))?;
        if self.folder.open(&chunk.path, chunk.size).is_ok() {
            return Ok(());
        }
        if chunk.size > self.shared.cache.most() {
            let why = format!("chunks/{} is larger than the cache", chunk.path);
            return Err(SourceError::Away(why));
        }
        for day in &self.days {
            let key = names::chunk(day, &chunk.sha256);
            if self.fetch_from(&key, chunk, &place)? {
                self.held.brought(chunk);
                return Ok(());
            }
        }
        let what = format!("chunks/{} is not in the archive any more", chunk.path);
        Err(SourceError::Lost(what))
    }

    /// Brings a chunk from an object; `false`: that is not there.
    fn fetch_from(
        &self,
        key: &str,
        chunk: &ChunkName,
        place: &ChunkPath,
    ) -> Result<bool, SourceError> {
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let name = TemporaryName::for_exchange(number);
        let begun = self.folder.create_temporary(&name)?;
        let written = begun.try_clone()?;
        let mut file = Hashing::new(begun);
        let came = self.copy(key, chunk.size, &mut file);
        let is_whole = matches!(came, Ok(true)) && file.digest() == chunk.sha256;
        if !is_whole {
            // Another try makes another one.
            let _ = self.folder.remove_temporary(&name);
        }
        match came.map_err(|error| told(&error))? {
            false => Ok(false),
            true if is_whole => {
                // The next program finds it whole or not at all.
                written.sync_data()?;
                // Of a file that is in its place and is none of this size.
                self.folder
                    .put_back(&Place::Temporary(name), place, &mut Changed::new())?;
                Ok(true)
            }
            true => Err(SourceError::Lost(format!("{key} has other content"))),
        }
    }

    fn copy(&self, key: &str, size: u64, to: &mut Hashing<File>) -> Result<bool, StoreError> {
        let store = &self.shared.store;
        if size <= AT_ONCE {
            let Some(content) = store.wait(store.get(key, size))? else {
                return Ok(false);
            };
            let written = to.write_all(&content);
            written.map_err(|error| StoreError::of_io(format!("GET {key}"), &error))?;
            return Ok(true);
        }
        match store.wait(store.size(key))? {
            None => Ok(false),
            Some(own) if own != size => {
                let why = format!("has {own} bytes, its row says {size}");
                Err(StoreError::new(Kind::Wrong, key, why))
            }
            Some(_) => store.wait(store.get_large(key, size, to)),
        }
    }
}

fn told(error: &StoreError) -> SourceError {
    match error.trouble {
        Kind::Wrong => SourceError::Lost(error.to_string()),
        _ => SourceError::Away(error.to_string()),
    }
}

impl Chunks for VolumeChunks {
    fn bring(self: Arc<Self>, chunk: ChunkName) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async move {
            let turn = usize::from(chunk.sha256[0]) % TURNS;
            let this = Arc::clone(&self);
            let _turn = this.turns[turn].lock().await;
            let done = tokio::task::spawn_blocking(move || self.fetch(&chunk)).await;
            done.map_err(|error| SourceError::Away(error.to_string()))?
        })
    }

    fn used(&self, chunk: &ChunkName) {
        self.held.used(chunk);
    }
}
