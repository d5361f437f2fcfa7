//! Files beneath a directory that is open: the one place where a name that a session says becomes a file.
//!
//! A row may name `../../x`, and a folder may be a link, even one that was put there a moment ago. So nothing here joins
//! paths: a path is a [`PlainPath`], which cannot lead up or away, and each directory on its way is opened without
//! following links, beneath one that is open already. The file itself is then touched by its name in that directory.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

/// A path, in bytes: as the system has it.
const LONGEST_PATH: usize = 4095;
/// One name of it.
const LONGEST_NAME: usize = 255;
/// Names in a path; those that the recorder makes have 33.
const MOST_NAMES: usize = 64;

/// A relative path of plain names: none empty, `.` or `..`, none with a NUL, not too many of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlainPath(OsString);

impl PlainPath {
    /// `None`: it is no such path.
    pub(crate) fn parse(path: impl AsRef<OsStr>) -> Option<Self> {
        let bytes = path.as_ref().as_bytes();
        let is_name = |name: &[u8]| {
            !matches!(name, b"" | b"." | b"..") && name.len() <= LONGEST_NAME && !name.contains(&0)
        };
        let mut names = bytes.split(|byte| *byte == b'/');
        let is_plain = bytes.len() <= LONGEST_PATH
            && names.by_ref().take(MOST_NAMES).all(is_name)
            && names.next().is_none();
        is_plain.then(|| Self(path.as_ref().to_owned()))
    }

    /// A name in the folder of this path; `None`: it is no name, or the path becomes too long.
    pub(crate) fn child(&self, name: impl AsRef<OsStr>) -> Option<Self> {
        let mut path = self.0.clone();
        path.push("/");
        path.push(name);
        Self::parse(path)
    }

    /// The folder that it is in (`None`: the directory itself), and its name there.
    fn split(&self) -> (Option<&OsStr>, &OsStr) {
        let bytes = self.0.as_bytes();
        match bytes.iter().rposition(|byte| *byte == b'/') {
            Some(at) => {
                let (folder, name) = bytes.split_at(at);
                (
                    Some(OsStr::from_bytes(folder)),
                    OsStr::from_bytes(name.get(1..).unwrap_or_default()),
                )
            }
            None => (None, &self.0),
        }
    }

    /// The folder that it is in; `None`: the directory that it is beneath.
    pub(crate) fn folder(&self) -> Option<Self> {
        self.split().0.map(|folder| Self(folder.to_owned()))
    }

    /// The folders that it is in, from the outermost on.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Self> {
        let bytes = self.0.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        ends.map(|(at, _)| Self(OsStr::from_bytes(bytes.get(..at).unwrap_or_default()).to_owned()))
    }

    /// How many names it has.
    pub(crate) fn depth(&self) -> usize {
        1 + self.folders().count()
    }

    /// Its first name.
    pub(crate) fn first_name(&self) -> &[u8] {
        let mut names = self.0.as_bytes().split(|byte| *byte == b'/');
        names.next().unwrap_or_default()
    }

    /// Its last name.
    pub(crate) fn name(&self) -> &OsStr {
        self.split().1
    }

    pub(crate) fn as_os_str(&self) -> &OsStr {
        &self.0
    }
}

impl fmt::Display for PlainPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().fmt(formatter)
    }
}

/// What a name stands for; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    File,
    Folder,
    Link,
    /// A FIFO, a device, a socket.
    Other,
}

impl From<FileType> for Sort {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

/// What is to be known of a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) sort: Sort,
    /// In bytes, of a file.
    pub(crate) size: u64,
    /// Bytes that it takes on the disk.
    pub(crate) on_disk: u64,
}

/// A file of which no more than a small part is on the disk is made to be endless.
const HOLLOW_FROM: u64 = 1024 * 1024 * 1024;
const HOLLOW_PART: u64 = 64;

impl Facts {
    /// Whether reading it would take time for nothing: terabytes that are on no disk.
    pub(crate) fn is_hollow(self) -> bool {
        self.size >= HOLLOW_FROM && self.on_disk < self.size / HOLLOW_PART
    }
}

/// A directory that is open. Whatever is put in its place or in its way later, it stays the same one.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    handle: Arc<OwnedFd>,
    shown: PathBuf,
}

/// Opens a directory and nothing else; links are not followed.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// It need only be passed through.
#[cfg(target_os = "linux")]
const PASSED: OFlags = FOLDER.union(OFlags::PATH);
#[cfg(not(target_os = "linux"))]
const PASSED: OFlags = FOLDER;

impl Directory {
    /// The directory at a path that a user gave; there links are followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = fs::open(path, flags, Mode::empty()).map_err(|e| with_path(path, e))?;
        Ok(Self {
            handle: Arc::new(handle),
            shown: path.to_owned(),
        })
    }

    /// One beneath it.
    pub(crate) fn below(&self, path: &PlainPath) -> io::Result<Self> {
        let handle = resolve(self.handle.as_fd(), &path.0, FOLDER);
        Ok(Self {
            handle: Arc::new(handle.map_err(|e| self.failed(path, e))?),
            shown: self.shown.join(&path.0),
        })
    }

    /// Where it was when it was opened, for people.
    pub(crate) fn shown(&self) -> &Path {
        &self.shown
    }

    /// A handle of its own, which can be locked.
    pub(crate) fn own_handle(&self) -> io::Result<File> {
        let own = fs::openat(&self.handle, ".", FOLDER, Mode::empty());
        Ok(own.map_err(|e| with_path(&self.shown, e))?.into())
    }

    /// Makes what changed in it last.
    pub(crate) fn sync(&self) -> io::Result<()> {
        fs::fsync(&self.handle).map_err(|e| with_path(&self.shown, e))
    }

    /// What is there, in no order; of names that go meanwhile some may be left out.
    pub(crate) fn entries(&self) -> io::Result<impl Iterator<Item = (OsString, Sort)> + use<>> {
        let read = fs::Dir::new(self.own_handle()?).map_err(|e| with_path(&self.shown, e))?;
        let directory = self.clone();
        let named = read.map_while(Result::ok).filter(|entry| {
            let name = entry.file_name().to_bytes();
            name != b"." && name != b".."
        });
        Ok(named.filter_map(move |entry| {
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            let sort = match entry.file_type() {
                // Some file systems do not say it here.
                FileType::Unknown => directory.facts(&PlainPath::parse(&name)?).ok()?.sort,
                known => known.into(),
            };
            Some((name, sort))
        }))
    }

    /// What is at a path.
    pub(crate) fn facts(&self, path: &PlainPath) -> io::Result<Facts> {
        self.touch(path, |folder, name| {
            let found = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(facts_of(&found))
        })
    }

    /// Opens a regular file, and nothing else: to open a device may do something, and a FIFO blocks.
    pub(crate) fn open_file(&self, path: &PlainPath) -> io::Result<(File, Facts)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What has become another meanwhile blocks nobody; a regular file does not care.
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.touch(path, |folder, name| {
            let found = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if facts_of(&found).sort != Sort::File {
                return Ok(None);
            }
            let file = fs::openat(folder, name, flags, Mode::empty())?;
            let facts = facts_of(&fs::fstat(&file)?);
            Ok((facts.sort == Sort::File).then(|| (file.into(), facts)))
        })?;
        opened.ok_or_else(|| {
            let what = format!("{} is no regular file", self.path_shown(path));
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }

    /// Makes a file that is not there, to be written.
    pub(crate) fn create_new(&self, path: &PlainPath) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.touch(path, |folder, name| {
            fs::openat(folder, name, flags, Mode::from_raw_mode(0o666)).map(File::from)
        })
    }

    /// Removes a name that is no directory: of a link the link.
    pub(crate) fn remove_file(&self, path: &PlainPath) -> io::Result<()> {
        self.touch(path, |folder, name| {
            fs::unlinkat(folder, name, AtFlags::empty())
        })
    }

    /// Removes an empty directory.
    pub(crate) fn remove_folder(&self, path: &PlainPath) -> io::Result<()> {
        self.touch(path, |folder, name| {
            fs::unlinkat(folder, name, AtFlags::REMOVEDIR)
        })
    }

    /// Makes a directory, if it is not there; whether it was made.
    pub(crate) fn make_folder(&self, path: &PlainPath) -> io::Result<bool> {
        self.touch(path, |folder, name| {
            match fs::mkdirat(folder, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => return Ok(true),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            let found = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match facts_of(&found).sort {
                Sort::Folder => Ok(false),
                _ => Err(Errno::NOTDIR),
            }
        })
    }

    /// Renames, over a file too.
    pub(crate) fn rename(&self, path: &PlainPath, to: &Self, target: &PlainPath) -> io::Result<()> {
        self.renamed(path, to, target, |from, name, folder, new| {
            fs::renameat(from, name, folder, new)
        })
    }

    /// Renames; an error where something is there already.
    pub(crate) fn rename_new(
        &self,
        path: &PlainPath,
        to: &Self,
        target: &PlainPath,
    ) -> io::Result<()> {
        self.renamed(path, to, target, rename_new)
    }

    fn renamed(
        &self,
        path: &PlainPath,
        to: &Self,
        target: &PlainPath,
        rename: impl FnOnce(BorrowedFd<'_>, &OsStr, BorrowedFd<'_>, &OsStr) -> rustix::io::Result<()>,
    ) -> io::Result<()> {
        self.touch(path, |from, name| {
            Ok(to.touch(target, |folder, new| rename(from, name, folder, new)))
        })?
    }

    /// Calls `act` with the directory that a path is in, and its name there.
    fn touch<T>(
        &self,
        path: &PlainPath,
        act: impl FnOnce(BorrowedFd<'_>, &OsStr) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let (folder, name) = path.split();
        let done = match folder {
            None => act(self.handle.as_fd(), name),
            Some(folder) => resolve(self.handle.as_fd(), folder, PASSED)
                .and_then(|folder| act(folder.as_fd(), name)),
        };
        done.map_err(|e| self.failed(path, e))
    }

    fn failed(&self, path: &PlainPath, error: Errno) -> io::Error {
        with_path(&self.shown.join(&path.0), error)
    }

    /// As messages have it: from the name of the directory on.
    fn path_shown(&self, path: &PlainPath) -> String {
        let name = self.shown.file_name().unwrap_or_default();
        format!("{}/{path}", name.to_string_lossy())
    }
}

fn facts_of(found: &fs::Stat) -> Facts {
    Facts {
        sort: FileType::from_raw_mode(found.st_mode).into(),
        size: u64::try_from(found.st_size).unwrap_or(0),
        on_disk: u64::try_from(found.st_blocks)
            .unwrap_or(0)
            .saturating_mul(512),
    }
}

fn rename_new(
    from: BorrowedFd<'_>,
    name: &OsStr,
    to: BorrowedFd<'_>,
    new: &OsStr,
) -> rustix::io::Result<()> {
    #[cfg(target_os = "linux")]
    match fs::renameat_with(from, name, to, new, fs::RenameFlags::NOREPLACE) {
        // Some file systems, and kernels, cannot.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::OPNOTSUPP) => {}
        done => return done,
    }
    match fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => fs::renameat(from, name, to, new),
        Err(error) => Err(error),
    }
}

/// Opens a directory beneath another. No name on the way may be a link.
fn resolve(from: BorrowedFd<'_>, path: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        let beneath = fs::ResolveFlags::BENEATH | fs::ResolveFlags::NO_SYMLINKS;
        match fs::openat2(from, path, flags, Mode::empty(), beneath) {
            // Kernels before 5.6 do not know it, and some sandboxes do not let it pass.
            Err(Errno::NOSYS | Errno::PERM) => {}
            // A folder above was moved meanwhile: by name once more.
            Err(Errno::AGAIN) => {}
            // So says it of a link.
            Err(Errno::LOOP) => return Err(Errno::NOTDIR),
            done => return done,
        }
    }
    by_name(from, path, flags)
}

/// The same, name by name.
fn by_name(from: BorrowedFd<'_>, path: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut names = path.as_bytes().split(|byte| *byte == b'/').peekable();
    let mut reached: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        let flags = if names.peek().is_some() {
            PASSED
        } else {
            flags
        };
        let from = reached.as_ref().map_or(from, AsFd::as_fd);
        let opened = fs::openat(from, OsStr::from_bytes(name), flags, Mode::empty());
        reached = Some(opened.map_err(|error| match error {
            Errno::LOOP => Errno::NOTDIR,
            error => error,
        })?);
    }
    reached.ok_or(Errno::NOENT)
}

/// What the file system said, and of what.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {}", what(*.source), path = .path.display())]
struct AtPath {
    path: PathBuf,
    source: Errno,
}

fn what(error: Errno) -> String {
    match error {
        Errno::NOTDIR => "a link or a file is where a folder must be".to_owned(),
        error => io::Error::from(error).to_string(),
    }
}

fn with_path(path: &Path, source: Errno) -> io::Error {
    let path = path.to_owned();
    io::Error::new(io::Error::from(source).kind(), AtPath { path, source })
}

/// What the operating system said, where it said something.
pub(crate) fn raw_error(error: &io::Error) -> Option<Errno> {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<AtPath>());
    match inner {
        Some(at) => Some(at.source),
        None => Errno::from_io_error(error),
    }
}

#[cfg(test)]
mod tests;
