//! The folder `chunks/` of a session, by its handle: whatever a row says of files goes through it (`beneath.rs`).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::fs::TryLockError;
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use super::beneath::{Directory, Facts, PlainPath, Sort};
use crate::session::id::ExchangeId;

/// Where downloads under way are, beneath `chunks/`.
pub(crate) const TEMPORARY: &str = ".tmp";

/// The path of a chunk beneath `chunks/`: plain, and none of `.tmp`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChunkPath(PlainPath);

impl ChunkPath {
    /// # Errors
    /// It is none: it leads elsewhere, is of another kind, or too long.
    pub(crate) fn parse(path: &str) -> io::Result<Self> {
        match PlainPath::parse(path) {
            Some(plain) if !is_temporary(&plain) => Ok(Self(plain)),
            _ => Err(invalid(format!("{path:?} is no path beneath chunks/"))),
        }
    }

    /// As [`Self::parse`], of what a row has, which need not be text.
    pub(crate) fn of_row(path: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(path);
        Self::parse(
            text.map_err(|_| invalid("its path is no UTF-8: no path beneath chunks/".to_owned()))?,
        )
    }

    pub(crate) fn plain(&self) -> &PlainPath {
        &self.0
    }
}

/// Some file systems do not tell large letters from small ones.
pub(crate) fn is_temporary(path: &PlainPath) -> bool {
    path.first_name().eq_ignore_ascii_case(TEMPORARY.as_bytes())
}

/// A file under `chunks/.tmp`, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemporaryName(String);

impl TemporaryName {
    /// Of a download, or of a part that grows.
    pub(crate) fn for_exchange(id: ExchangeId) -> Self {
        Self(id.to_string())
    }

    /// Beside a download: it without its content codings.
    pub(crate) fn plain_of(id: ExchangeId) -> Self {
        Self(format!("{id}.plain"))
    }

    /// Beside a part that grows: what it is.
    pub(crate) fn notes_of(id: ExchangeId) -> Self {
        Self(format!("{id}.notes"))
    }

    /// One that is no download.
    pub(crate) fn fixed(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A chunk opened for reading: a regular file of the size that its row says; or a span of one.
#[derive(Debug)]
pub struct ChunkFile {
    /// The file, at `first`.
    pub file: File,
    /// Of a span: where in the file it begins. Of a whole chunk 0.
    pub first: u64,
    /// Size in bytes.
    pub size: u64,
}

impl ChunkFile {
    /// To be read from its first byte again.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.first)).map(|_| ())
    }
}

/// Folders whose entries changed; `None`: `chunks/` itself.
pub(crate) type Changed = BTreeSet<Option<PlainPath>>;

/// The folder of the chunks of a session.
#[derive(Debug, Clone)]
pub(crate) struct ChunkDir {
    chunks: Directory,
    /// Of who writes: there need not be another descriptor for each file.
    temporary: Option<Directory>,
}

impl ChunkDir {
    /// That of a session, to be read.
    ///
    /// # Errors
    /// There is none, or it is a link.
    pub(crate) fn of_session(session: &Path) -> io::Result<Self> {
        let chunks = Directory::open(session)?.below(&fixed("chunks")?)?;
        Ok(Self {
            chunks,
            temporary: None,
        })
    }

    /// That of a session, to be written; it and `.tmp` are made where they are not there.
    ///
    /// # Errors
    /// One of them is a link or a file, or the file system refuses.
    pub(crate) fn to_write(session: &Path) -> io::Result<Self> {
        let (session, name) = (Directory::open(session)?, fixed("chunks")?);
        session.make_folder(&name)?;
        Self::with_temporary(session.below(&name)?)
    }

    /// The folder at this path; `.tmp` is there.
    pub(crate) fn open_folder(chunks: &Path) -> io::Result<Self> {
        Self::with_temporary(Directory::open(chunks)?)
    }

    fn with_temporary(chunks: Directory) -> io::Result<Self> {
        let name = fixed(TEMPORARY)?;
        chunks.make_folder(&name)?;
        let temporary = Some(chunks.below(&name)?);
        Ok(Self { chunks, temporary })
    }

    /// For messages.
    pub(crate) fn shown(&self) -> &Path {
        self.chunks.shown()
    }

    /// A handle of its own, to be locked.
    pub(crate) fn own_handle(&self) -> io::Result<File> {
        self.chunks.own_handle()
    }

    /// Whether somebody else writes: a recorder that runs, or a repair. Who dies lets go of its lock.
    ///
    /// # Errors
    /// The file system has no locks.
    pub(crate) fn is_locked(&self) -> io::Result<bool> {
        match self.own_handle()?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Opens a chunk.
    ///
    /// # Errors
    /// A path that leads outside, a file that is missing, no regular file, or of another size.
    pub(crate) fn open(&self, path: &str, size: u64) -> io::Result<ChunkFile> {
        let (file, facts) = self.open_any(&ChunkPath::parse(path)?)?;
        if facts.size != size {
            return Err(invalid(format!(
                "chunks/{path} has {} bytes, the session says {size}",
                facts.size
            )));
        }
        Ok(ChunkFile {
            file,
            first: 0,
            size,
        })
    }

    /// Opens bytes of a chunk. What is behind them may be missing: a file that was cut has them all the same.
    ///
    /// # Errors
    /// As [`Self::open`]; the file ends before they do.
    pub(crate) fn open_span(&self, path: &str, first: u64, size: u64) -> io::Result<ChunkFile> {
        let (mut file, facts) = self.open_any(&ChunkPath::parse(path)?)?;
        if first.checked_add(size).is_none_or(|end| end > facts.size) {
            return Err(invalid(format!(
                "chunks/{path} has {} bytes, the session names {size} from byte {first} on",
                facts.size
            )));
        }
        file.seek(SeekFrom::Start(first))?;
        Ok(ChunkFile { file, first, size })
    }

    /// As [`Self::open`], of any size.
    pub(crate) fn open_any(&self, path: &ChunkPath) -> io::Result<(File, Facts)> {
        self.chunks.open_file(path.plain())
    }

    /// What is at a path.
    pub(crate) fn facts(&self, path: &PlainPath) -> io::Result<Facts> {
        self.chunks.facts(path)
    }

    /// What is in a folder; `None`: in this one.
    pub(crate) fn entries(
        &self,
        folder: Option<&PlainPath>,
    ) -> io::Result<impl Iterator<Item = (OsString, Sort)> + use<>> {
        match folder {
            None => self.chunks.entries(),
            Some(folder) => self.chunks.below(folder)?.entries(),
        }
    }

    /// Makes a chunk that is written at its place at once, and its folders.
    pub(crate) fn create(&self, path: &ChunkPath) -> io::Result<File> {
        self.make_folders(path.plain(), &mut Changed::new())?;
        self.chunks.create_new(path.plain())
    }

    /// Removes a file.
    pub(crate) fn remove_only(&self, path: &PlainPath) -> io::Result<()> {
        self.chunks.remove_file(path)
    }

    /// Removes a file, and the folders that it leaves empty.
    pub(crate) fn remove(&self, path: &PlainPath) -> io::Result<()> {
        self.chunks.remove_file(path)?;
        let mut folder = path.folder();
        while let Some(empty) = folder {
            // Only an empty one can be.
            if self.chunks.remove_folder(&empty).is_err() {
                break;
            }
            folder = empty.folder();
        }
        Ok(())
    }

    /// Step 4: renames a finished download into place, never over an existing file.
    ///
    /// `false`: something is there already. Folders whose entries changed are added to `changed`.
    pub(crate) fn place(
        &self,
        from: &Place,
        path: &ChunkPath,
        changed: &mut Changed,
    ) -> io::Result<bool> {
        let (folder, name) = self.to_rename(from, path, changed)?;
        match folder.rename_new(&name, &self.chunks, path.plain()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            renamed => renamed?,
        }
        changed.insert(path.plain().folder());
        Ok(true)
    }

    /// As [`Self::place`], instead of a file whose row is right and which is not.
    pub(crate) fn put_back(
        &self,
        from: &Place,
        path: &ChunkPath,
        changed: &mut Changed,
    ) -> io::Result<()> {
        let (folder, name) = self.to_rename(from, path, changed)?;
        folder.rename(&name, &self.chunks, path.plain())?;
        changed.insert(path.plain().folder());
        Ok(())
    }

    fn to_rename(
        &self,
        from: &Place,
        path: &ChunkPath,
        changed: &mut Changed,
    ) -> io::Result<(Directory, PlainPath)> {
        self.make_folders(path.plain(), changed)?;
        Ok(match from {
            Place::Temporary(name) => (self.temporary()?, fixed(&name.0)?),
            Place::Chunk(path, _) => (self.chunks.clone(), path.plain().clone()),
        })
    }

    fn make_folders(&self, path: &PlainPath, changed: &mut Changed) -> io::Result<()> {
        for folder in path.folders() {
            if self.chunks.make_folder(&folder)? {
                changed.insert(folder.folder());
            }
        }
        Ok(())
    }

    /// Step 5: makes renames last.
    pub(crate) fn sync(&self, changed: &Changed) -> io::Result<()> {
        for folder in changed {
            match folder {
                None => self.chunks.sync()?,
                Some(folder) => self.chunks.below(folder)?.sync()?,
            }
        }
        Ok(())
    }

    /// Begins a file under `.tmp`, exclusively.
    pub(crate) fn create_temporary(&self, file: &TemporaryName) -> io::Result<File> {
        self.temporary()?.create_new(&fixed(&file.0)?)
    }

    /// Opens one.
    pub(crate) fn open_temporary(&self, file: &TemporaryName) -> io::Result<(File, Facts)> {
        self.temporary()?.open_file(&fixed(&file.0)?)
    }

    /// Removes one.
    pub(crate) fn remove_temporary(&self, file: &TemporaryName) -> io::Result<()> {
        self.temporary()?.remove_file(&fixed(&file.0)?)
    }

    /// What is under `.tmp`.
    pub(crate) fn temporary_entries(
        &self,
    ) -> io::Result<impl Iterator<Item = (OsString, Sort)> + use<>> {
        self.temporary()?.entries()
    }

    /// Removes what `.tmp` has of this name, if it is no folder.
    pub(crate) fn sweep(&self, name: &OsString) -> io::Result<()> {
        match PlainPath::parse(name) {
            Some(plain) => self.temporary()?.remove_file(&plain),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Removes `.tmp`, if it is empty.
    pub(crate) fn remove_temporary_folder(&self) -> io::Result<()> {
        self.chunks.remove_folder(&fixed(TEMPORARY)?)
    }

    fn temporary(&self) -> io::Result<Directory> {
        match &self.temporary {
            Some(temporary) => Ok(temporary.clone()),
            None => self.chunks.below(&fixed(TEMPORARY)?),
        }
    }
}

/// Where the file of a body is that came.
#[derive(Debug, Clone)]
pub struct BodyFile {
    chunks: ChunkDir,
    pub(crate) place: Place,
}

/// A download, or a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under `chunks/.tmp`.
    Temporary(TemporaryName),
    /// In place already, from a try before.
    Chunk(ChunkPath, String),
}

impl BodyFile {
    pub(crate) fn downloaded(chunks: ChunkDir, name: TemporaryName) -> Self {
        let place = Place::Temporary(name);
        Self { chunks, place }
    }

    /// Its name under `.tmp`; `None`: it is in place.
    pub(crate) fn temporary_name(&self) -> Option<TemporaryName> {
        match &self.place {
            Place::Temporary(name) => Some(name.clone()),
            Place::Chunk(..) => None,
        }
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn open(&self) -> io::Result<File> {
        let opened = match &self.place {
            Place::Temporary(name) => self.chunks.open_temporary(name),
            Place::Chunk(path, _) => self.chunks.open_any(path),
        };
        opened.map(|(file, _)| file)
    }

    /// Removes it. It stays behind at worst; the sweep at the stop takes it.
    pub fn discard(&self) {
        let _ = match &self.place {
            Place::Temporary(name) => self.chunks.remove_temporary(name),
            Place::Chunk(path, _) => self.chunks.remove(path.plain()),
        };
    }
}

/// A name of our own.
fn fixed(name: &str) -> io::Result<PlainPath> {
    PlainPath::parse(name).ok_or_else(|| invalid(format!("{name:?} is no name of a file")))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests;
