//! Modes of files and folders: the copy has those of the session.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::session::database::sum;
use crate::session::files::folder::SessionFolder;

/// Who may read and write, and nothing else of a mode.
const WHO: u32 = 0o777;

/// That of an open file.
pub(super) fn of(file: &File) -> Option<Permissions> {
    let mode = file.metadata().ok()?.permissions().mode();
    Some(Permissions::from_mode(mode & WHO))
}

/// Gives a whole copy those of its session, the folder's at last. Chunks have theirs.
pub(super) fn copy(source: &SessionFolder, target: &SessionFolder) -> io::Result<()> {
    let database = of_path(&source.database())?;
    fs::set_permissions(target.database(), database.clone())?;
    fs::set_permissions(sum::path(&target.database()), database)?;
    if let Ok(chunks) = of_path(&source.chunks()) {
        folders(&target.chunks(), &chunks)?;
    }
    fs::set_permissions(target.path(), of_path(source.path())?)
}

fn of_path(path: &Path) -> io::Result<Permissions> {
    let mode = fs::metadata(path)?.permissions().mode();
    Ok(Permissions::from_mode(mode & WHO))
}

/// All folders from one on.
fn folders(first: &Path, mode: &Permissions) -> io::Result<()> {
    let mut all = vec![first.to_owned()];
    while let Some(folder) = all.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                all.push(entry.path());
            }
        }
        fs::set_permissions(folder, mode.clone())?;
    }
    Ok(())
}
