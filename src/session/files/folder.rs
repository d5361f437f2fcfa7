//! The folders that sessions are in: names, finding, creating.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::permission::{Denied, is_denied};

/// Folder of all sessions (`OUTPUT`).
#[derive(Debug, Clone)]
pub struct Sessions(PathBuf);

/// One session's folder.
#[derive(Debug, Clone)]
pub struct SessionFolder(PathBuf);

/// Why there is no such session, or none can be made.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The name is taken.
    #[error("{path} already exists and is never touched; free names: {free}", path = .path.display(), free = .free.join(", "))]
    Exists {
        /// Its folder.
        path: PathBuf,
        /// Names that are free.
        free: Vec<String>,
    },
    /// There is no such session.
    #[error("there is no session {name:?} in {folder}; {known}", folder = .folder.display(), known = known_sessions(.folder, .known))]
    Missing {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// Sessions that are there.
        known: Vec<String>,
    },
    /// It is a folder or file of another kind.
    #[error("{path} is no session: {why}", path = .0.display(), why = why_none(.0))]
    NotASession(PathBuf),
    /// The name would be no plain folder name.
    #[error("{0:?} cannot be the name of a session: it must be one plain folder name")]
    BadName(String),
    /// It is there, and another user's.
    #[error(transparent)]
    Denied(Denied),
    /// The file system said no.
    #[error("cannot create {path}: {source}", path = .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// The folder of a session is named, or the file in it that is its database.
fn folder_of(path: PathBuf) -> PathBuf {
    let is_database = path.file_name().is_some_and(|name| name == "session.db") && path.is_file();
    match path.parent().filter(|_| is_database) {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path,
    }
}

fn why_none(path: &Path) -> &'static str {
    match path.is_dir() {
        true if path.join("session.db").symlink_metadata().is_ok() => "its session.db is no file",
        true => "it has no session.db",
        false => "it is no folder",
    }
}

fn known_sessions(folder: &Path, known: &[String]) -> String {
    if !folder.is_dir() {
        "there is no such folder; name one with -f".to_owned()
    } else if known.is_empty() {
        "there are no sessions there".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    }
}

impl Sessions {
    /// The folder at `path`; it need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Creates a session's folder, exclusively: `name`, or the first free of session1, session2, …
    ///
    /// # Errors
    /// The name is taken or no folder name, or the file system refuses.
    pub fn create(&self, name: Option<&str>) -> Result<SessionFolder, FolderError> {
        make_lasting(&self.0).map_err(|error| not_made(&self.0, error))?;
        let Some(name) = name else {
            return self.create_next();
        };
        if !is_plain(name) {
            return Err(FolderError::BadName(name.to_owned()));
        }
        let path = self.0.join(name);
        match create_session(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(FolderError::Exists {
                path,
                free: self.free_names(name),
            }),
            Err(error) => Err(not_made(&path, error)),
            Ok(()) => Ok(SessionFolder(path)),
        }
    }

    fn create_next(&self) -> Result<SessionFolder, FolderError> {
        let mut number: u64 = 1;
        loop {
            let path = self.0.join(format!("session{number}"));
            match create_session(&path) {
                Ok(()) => return Ok(SessionFolder(path)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(not_made(&path, error)),
            }
        }
    }

    fn free_names(&self, taken: &str) -> Vec<String> {
        let stem = taken.trim_end_matches(|c: char| c.is_ascii_digit());
        let stem = if stem.is_empty() { "session" } else { stem };
        (1_u64..)
            .map(|n| format!("{stem}{n}"))
            .filter(|name| self.0.join(name).symlink_metadata().is_err())
            .take(3)
            .collect()
    }

    /// Finds a session by its name in this folder, or by the path of its own folder.
    ///
    /// # Errors
    /// There is none, or it is something else.
    pub fn find(&self, name: &str) -> Result<SessionFolder, FolderError> {
        let by_name = self.0.join(name);
        let path = if is_plain(name) && is_there(&by_name)? {
            by_name
        } else {
            PathBuf::from(name)
        };
        if !is_there(&path)? {
            return Err(FolderError::Missing {
                name: name.to_owned(),
                folder: self.0.clone(),
                known: self.names(),
            });
        }
        let folder = SessionFolder(folder_of(path));
        match fs::metadata(folder.database()) {
            Err(error) if is_denied(&error) => return Err(unread(&folder.database())),
            Ok(facts) if facts.is_file() => {}
            Ok(_) | Err(_) => return Err(FolderError::NotASession(folder.0)),
        }
        match fs::File::open(folder.database()) {
            Err(error) if is_denied(&error) => Err(unread(&folder.database())),
            // What else is wrong, whoever reads it says.
            _ => Ok(folder),
        }
    }

    /// Whether its sessions can be listed; a folder that is not there has none.
    ///
    /// # Errors
    /// It is another user's.
    pub fn can_be_listed(&self) -> Result<(), FolderError> {
        match fs::read_dir(&self.0) {
            Err(error) if is_denied(&error) => Err(unread(&self.0)),
            _ => Ok(()),
        }
    }

    /// Names of the sessions that are there, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .filter(
                |entry| match fs::metadata(entry.path().join("session.db")) {
                    Ok(facts) => facts.is_file(),
                    // Whoever finds it by its name learns whose it is.
                    Err(error) => is_denied(&error),
                },
            )
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl SessionFolder {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.0.join("session.db")
    }

    /// How large its database is with its log, in bytes.
    pub(crate) fn database_bytes(&self) -> io::Result<u64> {
        let log = match fs::symlink_metadata(self.0.join("session.db-wal")) {
            Ok(facts) => facts.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let database = fs::symlink_metadata(self.database())?.len();
        Ok(database.saturating_add(log))
    }

    /// Its chunks.
    pub fn chunks(&self) -> PathBuf {
        self.0.join("chunks")
    }

    /// Its name, for people.
    pub fn name(&self) -> String {
        let absolute = fs::canonicalize(&self.0).unwrap_or_else(|_| self.0.clone());
        absolute.file_name().map_or_else(
            || self.0.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

/// Whether something is there, as far as this program's user may know.
fn is_there(path: &Path) -> Result<bool, FolderError> {
    match fs::metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_denied(&error) => Err(unread(path)),
        Err(_) => Ok(false),
    }
}

fn unread(path: &Path) -> FolderError {
    FolderError::Denied(Denied::new(path, "read"))
}

fn not_made(path: &Path, source: io::Error) -> FolderError {
    match is_denied(&source) {
        true => FolderError::Denied(Denied::new(path, "make")),
        false => FolderError::Io {
            path: path.to_owned(),
            source,
        },
    }
}

/// Keys and tokens are in it: it is its owner's alone, whatever the umask.
fn create_session(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    fs::create_dir(path.join("chunks"))?;
    fs::create_dir(path.join("chunks").join(super::chunk_dir::TEMPORARY))?;
    sync(path)?;
    sync_parent(path)
}

/// Creates a folder and those above it that are not there; no power cut takes them away again.
fn make_lasting(path: &Path) -> io::Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_lasting(parent)?;
    }
    match fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => sync_parent(path),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(std::path::Component::Normal(c)) if c == name)
        && components.next().is_none()
        && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_the_next_free_number_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(folder.path().join("sessions"));
        assert_eq!(sessions.create(None).unwrap().name(), "session1");
        assert_eq!(sessions.create(None).unwrap().name(), "session2");
    }

    #[test]
    fn a_name_that_is_taken_is_refused_with_free_ones() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(folder.path());
        sessions.create(Some("hall1")).unwrap();
        let message = sessions.create(Some("hall1")).unwrap_err().to_string();
        assert!(
            message.ends_with("free names: hall2, hall3, hall4"),
            "{message}"
        );
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = Sessions::new(folder.path());
        for name in ["", ".", "..", "a/b", "/tmp/x", "a\nb", "../a"] {
            assert!(
                matches!(sessions.create(Some(name)), Err(FolderError::BadName(_))),
                "{name:?}"
            );
        }
    }
}
