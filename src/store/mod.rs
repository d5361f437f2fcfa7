//! Objects by name, in a bucket or in a folder: put where nothing is, read, listed. This module knows no sessions.
//!
//! Whatever a store says is hostile: what is read has a limit, names are compared with those that were asked for, and of a
//! refusal only a code is told, since its text can repeat what was signed.

mod aws;
mod connect;
pub(crate) mod error;
mod place;
mod profile;

use std::fs;
use std::future::Future;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, WriteMultipart,
};
use tokio::runtime::{Builder, Runtime};

use self::error::{StoreError, Trouble};
pub use self::error::{StoreError as Error, Trouble as Kind};
pub use self::place::StoreUrl;

/// Bytes that are sent, or read, by one request.
const PIECE: u64 = 8 * 1024 * 1024;
/// Objects of a listing.
const MOST_LISTED: usize = 20_000_000;
/// The first wait before a request is made again; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// An object as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name beneath the prefix of the store.
    pub(crate) key: String,
    /// In bytes.
    pub(crate) size: u64,
}

/// What became of a request to put an object where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Made,
    WasThere,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A folder that is not there is made.
    Write,
    /// It must be there.
    Read,
}

/// A store. Its methods block; those of one store can be called from several threads.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    runtime: Runtime,
    shown: String,
    prefix: String,
    tries: u32,
}

impl Store {
    /// Opens a store; of a bucket nothing is asked yet. `tries`: how often a request is made that may succeed a moment later.
    ///
    /// # Errors
    /// There is no such folder, or credentials are there in part only.
    pub fn open(url: &StoreUrl, purpose: Purpose, tries: u32) -> Result<Self, StoreError> {
        let (objects, prefix) = match url {
            StoreUrl::Bucket { bucket, prefix } => (aws::bucket(bucket)?, prefix.clone()),
            StoreUrl::Folder(path) => {
                let what = url.to_string();
                if purpose == Purpose::Write
                    && let Err(error) = fs::create_dir(path)
                    && error.kind() != std::io::ErrorKind::AlreadyExists
                {
                    return Err(StoreError::of_io(what, &error));
                }
                let folder = LocalFileSystem::new_with_prefix(path);
                let folder = folder.map_err(|error| StoreError::of(what, &error))?;
                let objects: Arc<dyn ObjectStore> = Arc::new(folder.with_fsync(true));
                (objects, String::new())
            }
        };
        Self::of(objects, url.to_string(), prefix, tries)
    }

    /// A store of these objects. `shown`: its name for people.
    pub(crate) fn of(
        objects: Arc<dyn ObjectStore>,
        shown: String,
        prefix: String,
        tries: u32,
    ) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::of_io(shown.as_str(), &error))?;
        Ok(Self {
            objects,
            runtime,
            shown,
            prefix,
            tries,
        })
    }

    /// Its URL, for people: there is nothing secret in it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Does several things at a time, and stops at the first that fails.
    ///
    /// # Errors
    /// The first.
    pub(crate) fn each<T, R, F: Future<Output = Result<R, StoreError>>>(
        &self,
        all: impl IntoIterator<Item = T>,
        at_once: usize,
        each: impl Fn(T) -> F,
    ) -> Result<Vec<R>, StoreError> {
        let jobs = futures_util::stream::iter(all).map(each).buffered(at_once);
        self.runtime.block_on(jobs.try_collect())
    }

    /// Does one.
    ///
    /// # Errors
    /// What it says.
    pub(crate) fn wait<R>(
        &self,
        job: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        self.runtime.block_on(job)
    }

    fn path(&self, key: &str) -> Result<Path, StoreError> {
        let whole = match self.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Path::parse(&whole)
            .map_err(|_| StoreError::new(Trouble::Other, key, "is no name of an object"))
    }

    /// Makes a request again that may succeed a moment later.
    async fn tried<R, F: Future<Output = Result<R, object_store::Error>>>(
        &self,
        what: &str,
        request: impl Fn() -> F,
    ) -> Result<R, StoreError> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let error = match request().await {
                Ok(done) => return Ok(done),
                Err(error) => StoreError::of(what, &error),
            };
            if tries >= self.tries || !error.trouble.is_passing() {
                return Err(error);
            }
            tokio::time::sleep(wait.max(error.retry_after.unwrap_or_default())).await;
            tries += 1;
            wait = wait.saturating_mul(2);
        }
    }

    /// Puts an object where nothing is. Who finds something there has not written: names say what an object is.
    pub(crate) async fn put_new(&self, key: &str, bytes: Bytes) -> Result<Put, StoreError> {
        let path = self.path(key)?;
        let put = || async {
            let options = PutOptions::from(PutMode::Create);
            match self
                .objects
                .put_opts(&path, PutPayload::from(bytes.clone()), options)
                .await
            {
                Ok(_) => Ok(Put::Made),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::WasThere),
                Err(error) => Err(error),
            }
        };
        self.tried(&format!("PUT {key}"), put).await
    }

    /// Puts an object of any size, whose name says what it is. What came is handed to `seen` as it goes.
    ///
    /// # Errors
    /// Of the store, or of `from`.
    pub(crate) async fn put_large(
        &self,
        key: &str,
        from: &mut impl Read,
        mut seen: impl FnMut(&[u8]),
        size: u64,
    ) -> Result<(), StoreError> {
        let what = format!("PUT {key}");
        let path = self.path(key)?;
        let upload = self
            .tried(&what, || self.objects.put_multipart(&path))
            .await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE as usize);
        let mut left = size;
        while left > 0 {
            let mut piece = Vec::new();
            let some = from.by_ref().take(left.min(PIECE)).read_to_end(&mut piece);
            some.map_err(|error| StoreError::of_io(what.as_str(), &error))?;
            if piece.is_empty() {
                let _ = upload.abort().await;
                return Err(StoreError::new(
                    Trouble::Wrong,
                    what,
                    "the file is shorter than it was",
                ));
            }
            left = left.saturating_sub(piece.len() as u64);
            seen(&piece);
            upload.put(piece.into());
            if let Err(error) = upload.wait_for_capacity(1).await {
                // What was sent is removed, as far as the store can still be asked.
                let _ = upload.abort().await;
                return Err(StoreError::of(what, &error));
            }
        }
        upload
            .finish()
            .await
            .map_err(|error| StoreError::of(what, &error))?;
        Ok(())
    }

    /// How large an object is; `None`: it is not there.
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let path = self.path(key)?;
        let head = || async {
            match self.objects.head(&path).await {
                Ok(facts) => Ok(Some(facts.size)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.tried(&format!("HEAD {key}"), head).await
    }

    /// A small object; `None`: it is not there.
    ///
    /// # Errors
    /// Of the store; it is larger than `most` bytes.
    pub(crate) async fn get(&self, key: &str, most: u64) -> Result<Option<Bytes>, StoreError> {
        let path = self.path(key)?;
        let what = format!("GET {key}");
        let get = || async {
            let result = match self.objects.get_opts(&path, GetOptions::default()).await {
                Ok(result) => result,
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            match result.meta.size > most {
                true => Ok(Some(Err(result.meta.size))),
                false => Ok(Some(Ok(result.bytes().await?))),
            }
        };
        match self.tried(&what, get).await? {
            Some(Err(size)) => {
                let why = format!("has {size} bytes, and may have {most}");
                Err(StoreError::new(Trouble::Wrong, what, why))
            }
            Some(Ok(bytes)) => Ok(Some(bytes)),
            None => Ok(None),
        }
    }

    /// Writes an object of so many bytes to a file; `false`: it is not there.
    ///
    /// # Errors
    /// Of the store, or of `to`.
    pub(crate) async fn get_large(
        &self,
        key: &str,
        size: u64,
        to: &mut impl Write,
    ) -> Result<bool, StoreError> {
        let path = self.path(key)?;
        let what = format!("GET {key}");
        let mut first = 0;
        while first < size {
            let range = first..size.min(first.saturating_add(PIECE));
            let get = || async {
                match self.objects.get_range(&path, range.clone()).await {
                    Err(object_store::Error::NotFound { .. }) => Ok(None),
                    got => got.map(Some),
                }
            };
            let Some(bytes) = self.tried(&what, get).await? else {
                return Ok(false);
            };
            if bytes.len() as u64 != range.end - range.start {
                return Err(StoreError::new(
                    Trouble::Wrong,
                    what,
                    "is shorter than it should be",
                ));
            }
            to.write_all(&bytes)
                .map_err(|error| StoreError::of_io(what.as_str(), &error))?;
            first = range.end;
        }
        Ok(true)
    }

    /// Objects whose names begin with a folder, sorted; behind a name, where one is given.
    pub(crate) async fn list(
        &self,
        folder: &str,
        behind: Option<&str>,
    ) -> Result<Vec<Listed>, StoreError> {
        let path = self.path(folder)?;
        let behind = behind.map(|behind| self.path(behind)).transpose()?;
        let what = format!("LIST {folder}/");
        let list = || async {
            let objects = match &behind {
                Some(behind) => self.objects.list_with_offset(Some(&path), behind),
                None => self.objects.list(Some(&path)),
            };
            let listed = objects.map_ok(|object| (object.location, object.size));
            listed.take(MOST_LISTED).try_collect::<Vec<_>>().await
        };
        let found = self.tried(&what, list).await?;
        let mut listed: Vec<Listed> = found
            .into_iter()
            .filter_map(|(path, size)| {
                let key = self.key(path.as_ref())?.to_owned();
                Some(Listed { key, size })
            })
            .collect();
        listed.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(listed)
    }

    /// Names of the folders in a folder, sorted.
    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let path = self.path(folder)?;
        let what = format!("LIST {folder}/");
        let found = self
            .tried(&what, || self.objects.list_with_delimiter(Some(&path)))
            .await?;
        let mut names: Vec<String> = found
            .common_prefixes
            .iter()
            .filter_map(|path| Some(path.filename()?.to_owned()))
            .collect();
        names.sort();
        Ok(names)
    }

    /// A name without the prefix of this store; one of another place is none of ours.
    fn key<'n>(&self, name: &'n str) -> Option<&'n str> {
        match self.prefix.as_str() {
            "" => Some(name),
            prefix => name.strip_prefix(prefix)?.strip_prefix('/'),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
