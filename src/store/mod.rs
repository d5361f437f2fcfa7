//! Objects by name, in a bucket or in a folder: put where nothing is, read, listed. This module knows no sessions.
//!
//! Whatever a store says is hostile: what is read has a limit, names are compared with those that were asked for, and of a
//! refusal only a code is told, since its text can repeat what was signed.

mod aws;
mod connect;
mod deadline;
pub(crate) mod error;
mod large;
mod place;
mod profile;

use std::fmt;
use std::fs;
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use tokio::runtime::{Builder, Runtime};

pub use self::deadline::Deadline;
use self::error::{StoreError, Trouble};
pub use self::error::{StoreError as Error, Trouble as Kind};
pub use self::place::StoreUrl;

/// Bytes that are sent, or read, by one request.
const PIECE: u64 = 8 * 1024 * 1024;
/// Objects of a listing.
const MOST_LISTED: usize = 20_000_000;
/// The first wait before a request is made again; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Shorter waits are told nobody.
const NOTICED: Duration = Duration::from_secs(3);

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

/// How often a request is made that may succeed a moment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// So often.
    pub count: u32,
    /// What the store asks for in between (Retry-After) is granted up to so long; where it asks for more, that is told at once.
    pub patience: Duration,
}

impl Tries {
    /// Once.
    pub const ONE: Self = Self {
        count: 1,
        patience: Duration::ZERO,
    };
}

/// A store. Its methods block; those of one store can be called from several threads.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Where a part of an object can be sent again.
    parts: Option<Arc<dyn MultipartStore>>,
    runtime: Runtime,
    shown: String,
    prefix: String,
    tries: Tries,
    deadline: Deadline,
    tell: Option<Tell>,
    /// Bytes that are sent, or read, by one request.
    piece: u64,
    /// Of a store in a folder: that folder.
    folder: Option<FolderId>,
}

/// A folder, and which one that was when it was opened: where it is unmounted or removed, what is written there goes elsewhere.
#[derive(Debug, PartialEq, Eq)]
struct FolderId {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl FolderId {
    fn of(path: &std::path::Path) -> std::io::Result<Self> {
        let facts = fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: facts.dev(),
            inode: facts.ino(),
        })
    }
}

/// Is told of an error, and how long is waited until the request is made again.
pub type Tell = fn(&StoreError, Duration);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.shown).finish()
    }
}

impl Store {
    /// Opens a store; of a bucket nothing is asked yet.
    ///
    /// # Errors
    /// There is no such folder, or credentials are there in part only.
    pub fn open(url: &StoreUrl, purpose: Purpose, tries: Tries) -> Result<Self, StoreError> {
        let shown = url.to_string();
        match url {
            StoreUrl::Bucket { bucket, prefix } => {
                let bucket = aws::bucket(bucket)?;
                let parts: Arc<dyn MultipartStore> = bucket.clone();
                Self::of(bucket, Some(parts), shown, prefix.clone(), tries)
            }
            StoreUrl::Folder(path) => {
                if purpose == Purpose::Write
                    && let Err(error) = fs::create_dir(path)
                    && error.kind() != std::io::ErrorKind::AlreadyExists
                {
                    return Err(StoreError::of_io(shown, &error));
                }
                let folder = LocalFileSystem::new_with_prefix(path);
                let folder = folder.map_err(|error| StoreError::of(shown.as_str(), &error))?;
                let folder = Arc::new(folder.with_fsync(true));
                let id = FolderId::of(path);
                let id = id.map_err(|error| StoreError::of_io(shown.as_str(), &error))?;
                let store = Self::of(folder, None, shown, String::new(), tries)?;
                Ok(Self {
                    folder: Some(id),
                    ..store
                })
            }
        }
    }

    /// A store of these objects. `shown`: its name for people.
    pub(crate) fn of(
        objects: Arc<dyn ObjectStore>,
        parts: Option<Arc<dyn MultipartStore>>,
        shown: String,
        prefix: String,
        tries: Tries,
    ) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::of_io(shown.as_str(), &error))?;
        Ok(Self {
            objects,
            parts,
            runtime,
            shown,
            prefix,
            tries,
            deadline: Deadline::default(),
            tell: None,
            piece: PIECE,
            folder: None,
        })
    }

    /// Behind this moment nothing is waited for any more.
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }

    /// Waits that a user would notice are told.
    pub fn telling(self, tell: Tell) -> Self {
        Self {
            tell: Some(tell),
            ..self
        }
    }

    /// Bytes that are sent, or read, by one request: objects that are larger go in pieces.
    pub(crate) fn piece(&self) -> u64 {
        self.piece
    }

    #[cfg(test)]
    pub(crate) fn in_pieces_of(self, piece: u64) -> Self {
        Self { piece, ..self }
    }

    /// Its URL, for people: there is nothing secret in it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Does several things at a time, and stops at the first that fails.
    ///
    /// # Errors
    /// The first; the deadline has come.
    pub(crate) fn each<T, R, E: From<StoreError>, F: Future<Output = Result<R, E>>>(
        &self,
        all: impl IntoIterator<Item = T>,
        at_once: usize,
        each: impl Fn(T) -> F,
    ) -> Result<Vec<R>, E> {
        let jobs = futures_util::stream::iter(all).map(each).buffered(at_once);
        self.wait(jobs.try_collect())
    }

    /// Does one.
    ///
    /// # Errors
    /// What it says; the deadline has come.
    pub(crate) fn wait<R, E: From<StoreError>>(
        &self,
        job: impl Future<Output = Result<R, E>>,
    ) -> Result<R, E> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                done = job => done,
                () = self.deadline.passed() => {
                    let why = "was not done before the end";
                    Err(StoreError::new(Trouble::Unreachable, self.shown.as_str(), why).into())
                }
            }
        })
    }

    fn path(&self, key: &str) -> Result<Path, StoreError> {
        let whole = match self.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Path::parse(&whole)
            .map_err(|_| StoreError::new(Trouble::Other, key, "is no name of an object"))
    }

    /// Nothing is made anew in place of a folder that was unmounted or removed: what it had is not there.
    fn is_still_there(&self) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        match FolderId::of(&folder.path) {
            Ok(now) if now == *folder => Ok(()),
            Ok(_) => Err(StoreError::new(
                Trouble::Unreachable,
                self.shown.as_str(),
                "is another folder than it was",
            )),
            Err(error) => Err(StoreError::new(
                Trouble::Unreachable,
                self.shown.as_str(),
                format!("is not there any more ({error})"),
            )),
        }
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
            let done = match self.is_still_there() {
                Ok(()) => request()
                    .await
                    .map_err(|error| StoreError::of(what, &error)),
                Err(error) => Err(error),
            };
            let error = match done {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let asked = error.retry_after.unwrap_or_default();
            if tries >= self.tries.count || !error.trouble.is_passing() {
                return Err(error);
            }
            if asked > self.tries.patience {
                return Err(error.asking(asked));
            }
            let pause = wait.max(asked);
            if let Some(tell) = self.tell.filter(|_| pause >= NOTICED) {
                tell(&error, pause);
            }
            tokio::time::sleep(pause).await;
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
            let range = first..size.min(first.saturating_add(self.piece));
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
#[cfg(test)]
mod tests;
