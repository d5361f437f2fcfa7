//! A store that fails when it is told to: before it did what it was asked for, or behind.

use std::fmt;
use std::future::pending;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

use super::error::Answered;
use super::{Store, Tries};

/// Objects in memory, and a count of what was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    memory: Arc<InMemory>,
    asked: Arc<AtomicUsize>,
    aborted: Arc<AtomicUsize>,
    /// Bytes of one request; 0: as ever.
    piece: u64,
}

/// When a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// The request of this number is not done.
    Before(usize),
    /// It is done, and the answer is lost.
    After(usize),
    /// One request in ten, of a seed: before it is done, or behind.
    Often(u64),
    /// All of them, asking to be left alone for so long.
    Busy(Duration),
    /// None is ever answered.
    Hangs,
    Never,
}

impl Objects {
    /// Whose stores send and read so many bytes by a request.
    pub(crate) fn in_pieces_of(piece: u64) -> Self {
        Self {
            piece,
            ..Self::default()
        }
    }

    /// A store of these, of one try each.
    pub(crate) fn store(&self, fails: Fails) -> Store {
        self.store_of(fails, 1)
    }

    /// A store of so many tries.
    pub(crate) fn store_of(&self, fails: Fails, tries: u32) -> Store {
        self.asked.store(0, Ordering::Relaxed);
        let failing = Failing {
            objects: self.clone(),
            fails,
        };
        let failing = Arc::new(failing);
        let tries = Tries {
            count: tries,
            patience: Duration::from_secs(5),
        };
        let store = Store::of(
            failing.clone(),
            Some(failing),
            "s3://media/tv".to_owned(),
            "tv".to_owned(),
            tries,
        );
        match self.piece {
            0 => store.unwrap(),
            piece => store.unwrap().in_pieces_of(piece),
        }
    }

    /// Requests since the last store was made.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Uploads that were given up.
    pub(crate) fn aborted(&self) -> usize {
        self.aborted.load(Ordering::Relaxed)
    }

    pub(crate) fn put(&self, key: &str, content: impl Into<Bytes>) {
        let path = Path::parse(format!("tv/{key}")).unwrap();
        wait(self.memory.put(&path, PutPayload::from(content.into()))).unwrap();
    }

    pub(crate) fn get(&self, key: &str) -> Bytes {
        let path = Path::parse(format!("tv/{key}")).unwrap();
        wait(async { self.memory.get(&path).await?.bytes().await }).unwrap()
    }

    pub(crate) fn remove(&self, key: &str) {
        let path = Path::parse(format!("tv/{key}")).unwrap();
        wait(self.memory.delete(&path)).unwrap();
    }

    /// All names, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let store = self.store(Fails::Never);
        let listed =
            ["streams", "chunks"].map(|folder| store.wait(store.list(folder, None)).unwrap());
        listed
            .into_iter()
            .flatten()
            .map(|object| object.key)
            .collect()
    }
}

fn wait<T>(job: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(job)
}

#[derive(Debug)]
struct Failing {
    objects: Objects,
    fails: Fails,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failing")
    }
}

impl Failing {
    async fn asked<T>(&self, job: impl Future<Output = Result<T>>) -> Result<T> {
        let number = self.objects.asked.fetch_add(1, Ordering::Relaxed);
        let answered = |status, retry_after| object_store::Error::Generic {
            store: "failing",
            source: Box::new(Answered {
                status,
                code: None,
                retry_after,
            }),
        };
        let failed = || answered(500, None);
        let (before, after) = match self.fails {
            Fails::Before(at) => (at == number, false),
            Fails::After(at) => (false, at == number),
            Fails::Often(seed) => {
                let mut drawn = DefaultHasher::new();
                (seed, number).hash(&mut drawn);
                let drawn = drawn.finish() % 20;
                (drawn == 0, drawn == 1)
            }
            Fails::Busy(patience) => return Err(answered(503, Some(patience))),
            Fails::Hangs => pending().await,
            Fails::Never => (false, false),
        };
        if before {
            return Err(failed());
        }
        let done = job.await;
        match after {
            true => Err(failed()),
            false => done,
        }
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(
        &self,
        path: &Path,
        content: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.asked(self.objects.memory.put_opts(path, content, options))
            .await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.asked(self.objects.memory.put_multipart_opts(path, options))
            .await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.asked(self.objects.memory.get_opts(path, options))
            .await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.asked(self.objects.memory.get_ranges(path, ranges))
            .await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.objects.memory.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.memory.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.asked(self.objects.memory.list_with_delimiter(prefix))
            .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.asked(self.objects.memory.copy_opts(from, to, options))
            .await
    }
}

#[async_trait]
impl MultipartStore for Failing {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.asked(self.objects.memory.create_multipart(path)).await
    }

    async fn put_part(
        &self,
        path: &Path,
        id: &MultipartId,
        number: usize,
        content: PutPayload,
    ) -> Result<PartId> {
        self.asked(self.objects.memory.put_part(path, id, number, content))
            .await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        self.asked(self.objects.memory.complete_multipart(path, id, parts))
            .await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.objects.aborted.fetch_add(1, Ordering::Relaxed);
        self.objects.memory.abort_multipart(path, id).await
    }
}
