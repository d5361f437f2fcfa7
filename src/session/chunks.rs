//! Chunk files: how they come to be under `chunks/`, and how they are opened again.
//!
//! The steps are those of `docs/design/session.md`; the writer calls them in that order.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, OpenOptionsExt as _};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::model::{Digest, ExchangeId, NewBody};
use super::room::Room;

/// Where downloads under way are, beneath `chunks/`.
pub(super) const TEMPORARY: &str = ".tmp";

/// A download under way: a file of its own under `chunks/.tmp`, hashed as it grows.
///
/// Dropped unfinished, it takes its file with it.
#[derive(Debug)]
pub struct DownloadFile {
    file: File,
    path: PathBuf,
    hash: Sha256,
    size: u64,
    finished: bool,
    room: Room,
}

impl DownloadFile {
    /// Step 1: creates the file exclusively.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub fn create(chunks: &Path, id: ExchangeId) -> io::Result<Self> {
        Self::create_in(chunks, id, &Room::default())
    }

    /// As [`Self::create`], where there is room.
    pub(super) fn create_in(chunks: &Path, id: ExchangeId, room: &Room) -> io::Result<Self> {
        Self::create_at(chunks.join(TEMPORARY).join(id.to_string()), room)
    }

    /// Beside a download: it without its content codings.
    pub(super) fn create_plain(chunks: &Path, id: ExchangeId, room: &Room) -> io::Result<Self> {
        Self::create_at(chunks.join(TEMPORARY).join(format!("{id}.plain")), room)
    }

    fn create_at(path: PathBuf, room: &Room) -> io::Result<Self> {
        let created = room.admit().and_then(|()| {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
                .map_err(|e| with_path(e, &path))
        });
        let file = created.inspect_err(|error| room.refused(error, 0))?;
        Ok(Self {
            room: room.clone(),
            file,
            path,
            hash: Sha256::new(),
            size: 0,
            finished: false,
        })
    }

    /// Appends what came.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.room.admit().and_then(|()| {
            self.file
                .write_all(bytes)
                .map_err(|e| with_path(e, &self.path))
        });
        let size = self.size.saturating_add(bytes.len() as u64);
        written.inspect_err(|error| self.room.refused(error, size))?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Gives up what a write that failed may have left behind the bytes so far.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        self.file
            .set_len(self.size)
            .map_err(|e| with_path(e, &self.path))
    }

    /// Step 2: syncs the data. A file that could not be synced is dropped, never synced again.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub fn finish(mut self) -> io::Result<NewBody> {
        // Some file systems have found room only now.
        let synced = self.file.sync_data().map_err(|e| with_path(e, &self.path));
        synced.inspect_err(|error| self.room.refused(error, self.size))?;
        self.finished = true;
        Ok(NewBody::File {
            temporary: std::mem::take(&mut self.path),
            size: self.size,
            sha256: self.sha256(),
        })
    }

    fn sha256(&mut self) -> Digest {
        self.hash.finalize_reset().into()
    }
}

impl Drop for DownloadFile {
    fn drop(&mut self) {
        if !self.finished {
            // The file is ours alone; one that stays behind is swept with `.tmp` at the next stop.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a download that nobody writes any more, if it is there.
pub(super) fn remove_download(chunks: &Path, id: ExchangeId) -> io::Result<()> {
    let path = chunks.join(TEMPORARY).join(id.to_string());
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(with_path(e, &path)),
        _ => Ok(()),
    }
}

/// Step 4: renames a finished download into place, never over an existing file.
///
/// `false`: something is there already. Directories whose entries changed are added to `changed`.
pub(super) fn place(
    chunks: &Path,
    temporary: &Path,
    relative: &str,
    changed: &mut BTreeSet<PathBuf>,
) -> io::Result<bool> {
    let target = chunks.join(relative);
    let parent = target.parent().unwrap_or(chunks);
    make_directories(chunks, parent, changed)?;
    // The writer is the only one that creates files here, so nothing comes between this look and the rename.
    if target.symlink_metadata().is_ok() {
        return Ok(false);
    }
    fs::rename(temporary, &target).map_err(|e| with_path(e, &target))?;
    changed.insert(parent.to_owned());
    Ok(true)
}

/// As [`place`], instead of a file whose row is right and which is not.
pub(super) fn put_back(
    chunks: &Path,
    temporary: &Path,
    relative: &str,
    changed: &mut BTreeSet<PathBuf>,
) -> io::Result<()> {
    let target = chunks.join(relative);
    // A row of a session that somebody else made may name any path.
    let mut components = Path::new(relative).components();
    if relative.is_empty()
        || Path::new(relative).starts_with(TEMPORARY)
        || !components.all(|c| matches!(c, Component::Normal(_)))
    {
        return Err(invalid(format!("{relative:?} is no path beneath chunks/")));
    }
    let parent = target.parent().unwrap_or(chunks);
    make_directories(chunks, parent, changed)?;
    fs::rename(temporary, &target).map_err(|e| with_path(e, &target))?;
    changed.insert(parent.to_owned());
    Ok(())
}

fn make_directories(
    chunks: &Path,
    directory: &Path,
    changed: &mut BTreeSet<PathBuf>,
) -> io::Result<()> {
    if directory == chunks {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directories(chunks, parent, changed)?;
        match directory.symlink_metadata() {
            Ok(found) if found.is_dir() => return Ok(()),
            // A link may lead out of the session.
            Ok(_) => return Err(with_path(io::ErrorKind::NotADirectory.into(), directory)),
            Err(_) => changed.insert(parent.to_owned()),
        };
    }
    match fs::create_dir(directory) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(with_path(e, directory)),
        _ => Ok(()),
    }
}

/// Step 5: makes renames last.
pub(super) fn sync_directories(changed: &BTreeSet<PathBuf>) -> io::Result<()> {
    for directory in changed {
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(|e| with_path(e, directory))?;
    }
    Ok(())
}

/// A chunk opened for reading: a regular file of the size that its row says.
#[derive(Debug)]
pub struct ChunkFile {
    /// The file, at its start.
    pub file: File,
    /// Size in bytes.
    pub size: u64,
}

/// The folder of the chunks of a session, itself no link; `None`: there is none.
pub(super) fn folder(session: &Path) -> Option<Dir> {
    let session = Dir::open_ambient_dir(session, cap_std::ambient_authority()).ok()?;
    let is_folder = session.symlink_metadata("chunks").ok()?.is_dir();
    is_folder.then(|| session.open_dir("chunks").ok())?
}

/// Opens a chunk beneath `chunks/` only, whatever a row or a link says.
///
/// # Errors
/// A path that leads outside, a file that is missing, no regular file, or of another size.
pub(super) fn open(chunks: &Dir, relative: &str, size: u64) -> io::Result<ChunkFile> {
    let chunk = open_any(chunks, relative)?;
    if chunk.size != size {
        return Err(invalid(format!(
            "chunks/{relative} has {} bytes, the session says {size}",
            chunk.size
        )));
    }
    Ok(chunk)
}

/// As [`open`], of any size.
pub(super) fn open_any(chunks: &Dir, relative: &str) -> io::Result<ChunkFile> {
    let path = Path::new(relative);
    let stays = path.components().all(|c| matches!(c, Component::Normal(_)));
    if !stays || relative.is_empty() {
        return Err(invalid(format!("{relative:?} is no path beneath chunks/")));
    }
    let found = chunks
        .symlink_metadata(path)
        .map_err(|e| io::Error::new(e.kind(), format!("chunks/{relative}: {e}")))?;
    // Opening a device may do something.
    if !found.is_file() {
        return Err(invalid(format!("chunks/{relative} is no regular file")));
    }
    let mut options = cap_std::fs::OpenOptions::new();
    // It may have become another: a FIFO would block its opener for ever; a regular file does not care.
    options.read(true).custom_flags(NONBLOCK);
    let file = chunks
        .open_with(path, &options)
        .map_err(|e| io::Error::new(e.kind(), format!("chunks/{relative}: {e}")))?
        .into_std();
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(invalid(format!("chunks/{relative} is no regular file")));
    }
    Ok(ChunkFile {
        file,
        size: metadata.len(),
    })
}

/// Whether a path is one that the recorder makes: names with single slashes between them.
pub(super) fn is_plain_path(relative: &str) -> bool {
    let mut names = relative.split('/');
    names.all(|name| !matches!(name, "" | "." | "..") && !name.contains('\0'))
}

/// O_NONBLOCK, as Linux and the BSDs have it.
const NONBLOCK: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 4 };

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// What the file system said, and of what.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = .path.display())]
struct AtPath {
    path: PathBuf,
    source: io::Error,
}

fn with_path(source: io::Error, path: &Path) -> io::Error {
    let path = path.to_owned();
    io::Error::new(source.kind(), AtPath { path, source })
}

/// Whether there were no descriptors left, which passes: somebody else closes some.
pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<AtPath>());
    let code = inner.map_or(error, |at| &at.source).raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(TEMPORARY)).unwrap();
        folder
    }

    fn finished(chunks: &Path, id: i64, content: &[u8]) -> PathBuf {
        let mut download = DownloadFile::create(chunks, id).unwrap();
        download.write(content).unwrap();
        match download.finish().unwrap() {
            NewBody::File { temporary, .. } => temporary,
            _ => unreachable!(),
        }
    }

    #[test]
    fn a_chunk_is_never_renamed_over_another() {
        let folder = chunks();
        let mut changed = BTreeSet::new();
        let one = finished(folder.path(), 1, b"one");
        let two = finished(folder.path(), 2, b"two");
        assert!(place(folder.path(), &one, "a/b/seg.ts", &mut changed).unwrap());
        assert!(!place(folder.path(), &two, "a/b/seg.ts", &mut changed).unwrap());
        assert_eq!(fs::read(folder.path().join("a/b/seg.ts")).unwrap(), b"one");
        assert_eq!(changed.len(), 3, "chunks, a and a/b: {changed:?}");
        sync_directories(&changed).unwrap();
    }

    #[test]
    fn no_link_leads_a_chunk_out_of_the_session() {
        let (folder, elsewhere) = (chunks(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("a")).unwrap();
        let one = finished(folder.path(), 1, b"one");
        for place in [
            place(folder.path(), &one, "a/seg.ts", &mut BTreeSet::new()).map(|_| ()),
            put_back(folder.path(), &one, "a/b/seg.ts", &mut BTreeSet::new()),
        ] {
            assert_eq!(place.unwrap_err().kind(), io::ErrorKind::NotADirectory);
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_unfinished_download_leaves_nothing() {
        let folder = chunks();
        let mut download = DownloadFile::create(folder.path(), 7).unwrap();
        download.write(b"half").unwrap();
        drop(download);
        assert_eq!(
            fs::read_dir(folder.path().join(TEMPORARY)).unwrap().count(),
            0
        );
    }

    #[test]
    fn nothing_outside_is_opened() {
        let folder = chunks();
        let inside = folder.path().join("in");
        fs::create_dir(&inside).unwrap();
        fs::write(folder.path().join("secret"), b"12345").unwrap();
        fs::write(inside.join("short.ts"), b"12").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), inside.join("link.ts")).unwrap();
        let dir = Dir::open_ambient_dir(&inside, cap_std::ambient_authority()).unwrap();
        for path in [
            "../secret",
            "/etc/passwd",
            "link.ts",
            "short.ts",
            "gone.ts",
            ".",
            "",
        ] {
            assert!(open(&dir, path, 5).is_err(), "{path}");
        }
        assert_eq!(open(&dir, "short.ts", 2).unwrap().size, 2);
    }
}
