//! A store that fails when it is told to: before it did what it was asked for, or behind.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::Store;

/// Objects in memory, and a count of what was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    memory: Arc<InMemory>,
    asked: Arc<AtomicUsize>,
}

/// When a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// The request of this number is not done.
    Before(usize),
    /// It is done, and the answer is lost.
    After(usize),
    Never,
}

impl Objects {
    /// A store of these, of one try each.
    pub(crate) fn store(&self, fails: Fails) -> Store {
        self.asked.store(0, Ordering::Relaxed);
        let failing = Failing {
            objects: self.clone(),
            fails,
        };
        Store::of(
            Arc::new(failing),
            "s3://media/tv".to_owned(),
            "tv".to_owned(),
            1,
        )
        .unwrap()
    }

    /// Requests since the last store was made.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
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
        let failed = || object_store::Error::Generic {
            store: "failing",
            source: "as it was told".into(),
        };
        if self.fails == Fails::Before(number) {
            return Err(failed());
        }
        let done = job.await;
        match self.fails == Fails::After(number) {
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
