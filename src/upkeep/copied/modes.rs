//! Modes of files and folders: the copy has those of the session.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::session::database::sum;
use crate::session::files::beneath::{Directory, PlainPath, Sort};
use crate::session::files::folder::SessionFolder;

/// The bits of a mode that say who may read and write.
const WHO: u32 = 0o777;

/// The mode of an open file.
pub(crate) fn mode_of(file: &File) -> Option<Permissions> {
    let mode = file.metadata().ok()?.permissions().mode();
    Some(Permissions::from_mode(mode & WHO))
}

/// Gives the files and folders of a copy the modes of its session, the copy's own folder last. Chunks have theirs already.
pub(crate) fn copy(source: &SessionFolder, target: &SessionFolder) -> io::Result<()> {
    let database = of_path(&source.database())?;
    fs::set_permissions(target.database(), database.clone())?;
    fs::set_permissions(sum::path(&target.database()), database)?;
    if let Ok(chunks) = Directory::open(&source.chunks()) {
        let mode = mode_of(&chunks.own_handle()?).unwrap_or(Permissions::from_mode(0o700));
        give_folders(&Directory::open(&target.chunks())?, &mode)?;
    }
    fs::set_permissions(target.path(), of_path(source.path())?)
}

fn of_path(path: &Path) -> io::Result<Permissions> {
    let mode = fs::metadata(path)?.permissions().mode();
    Ok(Permissions::from_mode(mode & WHO))
}

/// Gives a mode to a folder and all folders beneath it. Chunks are a bounded number of folders deep.
fn give_folders(folder: &Directory, mode: &Permissions) -> io::Result<()> {
    for (name, sort) in folder.entries()? {
        if let (Sort::Folder, Some(name)) = (sort, PlainPath::parse(&name)) {
            give_folders(&folder.below(&name)?, mode)?;
        }
    }
    folder.own_handle()?.set_permissions(mode.clone())
}
