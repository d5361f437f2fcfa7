//! `session.sum`: the SHA-256 of the database of a session that was stopped, as `sha256sum` writes it.
//!
//! SQLite has no checksums of its own: most single bits that change on a disk go unnoticed and
//! change what is replayed. Bodies have hashes in their rows; this is the hash of the rows.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::session::digest::Digest;
use crate::session::files::folder::SessionFolder;

/// Bytes that are read at a time.
const STEP: usize = 256 * 1024;
/// A database that is compared before a run goes on with it is no larger, in bytes.
const MOST_COMPARED: u64 = 1024 * 1024 * 1024;
/// A file with a sum and a name is no larger.
const LARGEST: u64 = 1024;

/// What a sum says of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    /// It is as its recorder left it.
    Same,
    /// Some of its bytes are others.
    Other,
    /// The sum itself is none.
    Unreadable,
    /// There is no sum.
    None,
}

/// Where the sum of a database is.
pub(crate) fn path(database: &Path) -> PathBuf {
    database.with_extension("sum")
}

/// Writes the sum of a database that nothing changes any more. Not to be called while this
/// process reads it in a transaction: SQLite's locks are let go.
pub(crate) fn write(folder: &SessionFolder) -> io::Result<()> {
    let database = folder.database();
    let sum = hex(&hash(&mut File::open(&database)?)?);
    let (path, begun) = (path(&database), database.with_extension("sum.tmp"));
    // What has the name already is a leftover, or a stranger's link.
    match fs::remove_file(&begun) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::create_new(&begun)?;
    file.write_all(format!("{sum}  session.db\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&begun, path)?;
    File::open(folder.path())?.sync_all()
}

/// Removes the sum of a database that is about to change.
pub(crate) fn remove(folder: &SessionFolder) -> io::Result<()> {
    match fs::remove_file(path(&folder.database())) {
        Ok(()) => File::open(folder.path())?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Compares. Not to be called while this process reads the database in a transaction.
pub(crate) fn compare(folder: &SessionFolder) -> io::Result<Sum> {
    let database = folder.database();
    let path = path(&database);
    let facts = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sum::None),
        facts => facts?,
    };
    if !facts.is_file() || facts.len() > LARGEST {
        return Ok(Sum::Unreadable);
    }
    let text = fs::read(path)?;
    let text = String::from_utf8_lossy(&text);
    let said = text.strip_suffix("  session.db\n").unwrap_or_default();
    if said.len() != 64 || !said.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(Sum::Unreadable);
    }
    let is_same = hex(&hash(&mut File::open(database)?)?) == said;
    Ok(if is_same { Sum::Same } else { Sum::Other })
}

/// Whether a database is as its sum says: what a run that goes on with it need not doubt later. One that would take
/// seconds to read is not looked at.
pub(crate) fn covers(folder: &SessionFolder) -> bool {
    is_short(folder) && matches!(compare(folder), Ok(Sum::Same))
}

/// Whether all of a database can be read in a second or two.
pub(crate) fn is_short(folder: &SessionFolder) -> bool {
    let is_short = |facts: fs::Metadata| facts.is_file() && facts.len() <= MOST_COMPARED;
    fs::symlink_metadata(folder.database()).is_ok_and(is_short)
}

/// The SHA-256 of a file from where it stands to its end.
pub(crate) fn hash(file: &mut File) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut some = vec![0; STEP];
    loop {
        match file.read(&mut some) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(length) => hash.update(some.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
