//! A folder of this disk for volumes that are open, bounded in bytes: what was not used for longest is removed first. It has nothing
//! that the archive does not have, and can be removed whenever nobody uses it.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::session::files::chunk_dir::{ChunkDir, ChunkPath};
use crate::session::source::ChunkName;
use crate::session::{SessionFolder, Sessions};

/// All of it is beneath this folder of the one that was named: nothing else there is touched.
const FOLDER: &str = "isreplayer";
const VOLUMES: &str = "volumes";
const WORK: &str = "work";
/// Folders within each other that are looked through for what an earlier program left.
const DEEPEST: usize = 64;

/// Chunks that were used by one of so many uses before the last are not removed.
const LATEST: u64 = 64;

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Another program has it.
    #[error("another isreplayer uses the cache in {path}: name another folder (--cache)", path = .0.display())]
    Taken(PathBuf),
    /// The file system refuses.
    #[error("{path}: {why}", path = .0.display(), why = .1)]
    Io(PathBuf, io::Error),
}

/// The cache. Clones are the same.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    most: u64,
    state: Mutex<State>,
    /// A volume was made, or could not be.
    made: Condvar,
    _lock: File,
    _own: Option<TempDir>,
}

#[derive(Debug, Default)]
struct State {
    uses: u64,
    bytes: u64,
    volumes: HashMap<String, Volume>,
    /// Volumes that somebody is making.
    making: Vec<String>,
    works: u64,
}

#[derive(Debug, Default)]
struct Volume {
    /// Of its database.
    bytes: u64,
    used: u64,
    holders: usize,
    /// Chunks by their paths: bytes, and when each was used.
    chunks: HashMap<String, (u64, u64)>,
}

/// A volume that is in the cache as long as this lives.
#[derive(Debug)]
pub(super) struct Held {
    cache: Cache,
    id: String,
    folder: SessionFolder,
}

impl Held {
    pub(super) fn folder(&self) -> &SessionFolder {
        &self.folder
    }

    /// A chunk of it was brought.
    pub(super) fn brought(&self, chunk: &ChunkName) {
        self.cache.note(&self.id, chunk, true);
    }

    /// A chunk of it is used.
    pub(super) fn used(&self, chunk: &ChunkName) {
        self.cache.note(&self.id, chunk, false);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if let Some(volume) = state.volumes.get_mut(&self.id) {
            volume.holders = volume.holders.saturating_sub(1);
        }
    }
}

impl Cache {
    /// Opens the cache in a folder, which is made where it is not there; `None`: one of its own, which goes with it. `most`: bytes that
    /// it takes.
    ///
    /// # Errors
    /// Another program uses it, or the file system refuses.
    pub fn open(folder: Option<&Path>, most: u64) -> Result<Self, CacheError> {
        let own = match folder {
            Some(_) => None,
            None => {
                let made = tempfile::Builder::new().prefix("isreplayer-").tempdir();
                Some(made.map_err(|error| CacheError::Io(std::env::temp_dir(), error))?)
            }
        };
        let place = own.as_ref().map(TempDir::path).or(folder);
        let root = place.unwrap_or(Path::new(".")).join(FOLDER);
        let failed = |error: io::Error| CacheError::Io(root.clone(), error);
        make_folder(&root).map_err(failed)?;
        let lock = File::create(root.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CacheError::Taken(root)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // What was being made when a program ended.
        remove_folder(&root.join(WORK)).map_err(failed)?;
        make_folder(&root.join(WORK)).map_err(failed)?;
        make_folder(&root.join(VOLUMES)).map_err(failed)?;
        let state = read(&root.join(VOLUMES)).map_err(failed)?;
        let cache = Self(Arc::new(Inner {
            root,
            most,
            state: Mutex::new(state),
            made: Condvar::new(),
            _lock: lock,
            _own: own,
        }));
        cache.make_room();
        Ok(cache)
    }

    /// Bytes that it takes at most.
    pub(super) fn most(&self) -> u64 {
        self.0.most
    }

    /// A volume that is there, or that `make` makes as the session `session` of an empty folder. Who comes meanwhile waits.
    pub(super) fn get_or_make<E: From<io::Error>>(
        &self,
        id: &str,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Held, E> {
        let mut state = self.state();
        loop {
            if let Some(held) = self.hold(&mut state, id)? {
                return Ok(held);
            }
            if !state.making.iter().any(|one| one == id) {
                break;
            }
            state = self
                .0
                .made
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.making.push(id.to_owned());
        state.works += 1;
        let work = self.0.root.join(WORK).join(state.works.to_string());
        drop(state);
        let making = Making { cache: self, id };
        let made = self.make(id, &work, make);
        // What is left of it goes with the next start at the latest.
        let _ = remove_folder(&work);
        let held = made.and_then(|bytes| {
            let mut state = self.state();
            let volume = state.volumes.entry(id.to_owned()).or_default();
            volume.bytes = bytes;
            state.bytes = state.bytes.saturating_add(bytes);
            let held = self.hold(&mut state, id)?;
            held.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
        });
        drop(making);
        self.make_room();
        held
    }

    fn make<E: From<io::Error>>(
        &self,
        id: &str,
        work: &Path,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<u64, E> {
        make_folder(work)?;
        make(work)?;
        let session = work.join("session");
        let database = File::open(session.join("session.db"))?;
        let bytes = database.metadata()?.len();
        // The next program finds it whole or not at all.
        database.sync_all()?;
        let place = self.0.root.join(VOLUMES).join(id);
        remove_folder(&place)?;
        fs::rename(session, place)?;
        Ok(bytes)
    }

    fn hold(&self, state: &mut State, id: &str) -> io::Result<Option<Held>> {
        state.uses += 1;
        let uses = state.uses;
        let Some(volume) = state.volumes.get_mut(id) else {
            return Ok(None);
        };
        let sessions = Sessions::new(self.0.root.join(VOLUMES));
        let Ok(folder) = sessions.find(id) else {
            // Somebody has removed it.
            state.forget(id);
            return Ok(None);
        };
        volume.used = uses;
        volume.holders += 1;
        Ok(Some(Held {
            cache: self.clone(),
            id: id.to_owned(),
            folder,
        }))
    }

    fn note(&self, id: &str, chunk: &ChunkName, is_new: bool) {
        let mut state = self.state();
        state.uses += 1;
        let uses = state.uses;
        let mut added = 0;
        if let Some(volume) = state.volumes.get_mut(id) {
            volume.used = uses;
            let known = volume.chunks.get_mut(&chunk.path);
            match known {
                Some((_, used)) => *used = uses,
                None => {
                    let entry = (chunk.size, uses);
                    volume.chunks.insert(chunk.path.clone(), entry);
                    added = chunk.size;
                }
            }
        }
        state.bytes = state.bytes.saturating_add(added);
        drop(state);
        if is_new {
            self.make_room();
        }
    }

    /// Removes what was not used for longest until there is room. Databases in use stay.
    fn make_room(&self) {
        let mut state = self.state();
        while state.bytes > self.0.most {
            let Some(oldest) = state.oldest() else {
                return;
            };
            match oldest {
                Oldest::Volume(id) => {
                    if let Err(error) = remove_folder(&self.0.root.join(VOLUMES).join(&id)) {
                        tracing::warn!("the cache: {error}");
                    }
                    state.forget(&id);
                }
                Oldest::Chunk(id, path) => {
                    let folder = self.0.root.join(VOLUMES).join(&id);
                    let removed = ChunkDir::of_session(&folder)
                        .and_then(|chunks| chunks.remove(ChunkPath::parse(&path)?.plain()));
                    match removed {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            tracing::warn!("the cache: {error}");
                        }
                        _ => {}
                    }
                    state.forget_chunk(&id, &path);
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A volume that is being made: whoever waits for it is woken, whatever becomes of it.
struct Making<'a> {
    cache: &'a Cache,
    id: &'a str,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.cache.state().making.retain(|one| one != self.id);
        self.cache.0.made.notify_all();
    }
}

enum Oldest {
    Volume(String),
    Chunk(String, String),
}

impl State {
    fn oldest(&self) -> Option<Oldest> {
        let volumes = self.volumes.iter();
        let volumes = volumes.filter(|(_, volume)| volume.holders == 0);
        let volume = volumes.min_by_key(|(_, volume)| volume.used);
        let chunks = self.volumes.iter().flat_map(|(id, volume)| {
            let chunks = volume.chunks.iter();
            chunks.map(move |(path, (_, used))| (id, path, *used))
        });
        // What somebody is about to open.
        let chunks = chunks.filter(|(_, _, used)| used.saturating_add(LATEST) < self.uses);
        let chunk = chunks.min_by_key(|(_, _, used)| *used);
        match (volume, chunk) {
            (Some((id, volume)), Some((_, _, used))) if volume.used < used => {
                Some(Oldest::Volume(id.clone()))
            }
            (_, Some((id, path, _))) => Some(Oldest::Chunk(id.clone(), path.clone())),
            (Some((id, _)), None) => Some(Oldest::Volume(id.clone())),
            (None, None) => None,
        }
    }

    fn forget(&mut self, id: &str) {
        if let Some(volume) = self.volumes.remove(id) {
            let chunks = volume.chunks.values().map(|(bytes, _)| *bytes);
            let bytes = chunks.fold(volume.bytes, u64::saturating_add);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    fn forget_chunk(&mut self, id: &str, path: &str) {
        let volume = self.volumes.get_mut(id);
        if let Some((bytes, _)) = volume.and_then(|volume| volume.chunks.remove(path)) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

/// What an earlier program left, in no order of use.
fn read(volumes: &Path) -> io::Result<State> {
    let mut state = State::default();
    for entry in fs::read_dir(volumes)? {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().into_owned();
        let database = entry.path().join("session.db");
        let Ok(facts) = fs::symlink_metadata(&database) else {
            remove_folder(&entry.path())?;
            continue;
        };
        let mut volume = Volume {
            bytes: facts.len(),
            ..Volume::default()
        };
        let chunks = entry.path().join("chunks");
        remove_folder(&chunks.join(".tmp"))?;
        read_chunks(&chunks, "", 0, &mut volume)?;
        let all = volume.chunks.values().map(|(bytes, _)| *bytes);
        state.bytes = all.fold(
            state.bytes.saturating_add(volume.bytes),
            u64::saturating_add,
        );
        state.volumes.insert(id, volume);
    }
    Ok(state)
}

fn read_chunks(folder: &Path, name: &str, depth: usize, volume: &mut Volume) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) if depth < DEEPEST => entries,
        _ => return Ok(()),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(own) = entry.file_name().into_string() else {
            continue;
        };
        let path = match name {
            "" => own,
            name => format!("{name}/{own}"),
        };
        let facts = entry.metadata()?;
        match facts.is_dir() {
            true => read_chunks(&entry.path(), &path, depth + 1, volume)?,
            false => _ = volume.chunks.insert(path, (facts.len(), 0)),
        }
    }
    Ok(())
}

/// For its owner only, as sessions are.
fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
