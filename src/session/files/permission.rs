//! Who may not do what, and to whom it belongs, for people.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longer lists of users are not read.
const LARGEST_LIST: u64 = 1024 * 1024;

/// What this program's user may not do.
#[derive(Debug, thiserror::Error)]
#[error(
    "the user {user} may not {done} {path}: {held} belongs to {owner}; run this as {owner} (sudo -u {owner} …), or have {owner} change its mode",
    path = .path.display(), held = .held.display()
)]
pub struct Denied {
    path: PathBuf,
    /// `read` or `make`.
    done: &'static str,
    user: String,
    /// What stands in the way: the path, or a folder above it.
    held: PathBuf,
    owner: String,
}

impl Denied {
    /// What was refused at `path`.
    pub(super) fn new(path: &Path, done: &'static str) -> Self {
        let known = path.ancestors().find_map(|path| {
            let path = match path.as_os_str().is_empty() {
                true => Path::new("."),
                false => path,
            };
            Some((path, fs::metadata(path).ok()?))
        });
        let (held, owner) = match known {
            Some((held, facts)) => (held, name_of(facts.uid())),
            None => (path, "another user".to_owned()),
        };
        Self {
            path: path.to_owned(),
            done,
            user: name_of(rustix::process::geteuid().as_raw()),
            held: held.to_owned(),
            owner,
        }
    }
}

/// Whether it is that.
pub(super) fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// The name of a user, or the number where the list of this machine has none.
fn name_of(user: u32) -> String {
    let list = Path::new("/etc/passwd");
    let is_short = fs::metadata(list).is_ok_and(|facts| facts.len() <= LARGEST_LIST);
    let list = match is_short {
        true => fs::read_to_string(list).unwrap_or_default(),
        false => String::new(),
    };
    let name = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("#{user}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_where_they_have_a_name() {
        assert_eq!(name_of(0), "root");
        assert_eq!(name_of(4_000_000_000), "#4000000000");
    }

    #[test]
    fn what_stands_in_the_way_is_the_last_thing_that_can_be_seen() {
        let folder = tempfile::tempdir().unwrap();
        let denied = Denied::new(&folder.path().join("a/b"), "read");
        assert_eq!(denied.held, folder.path());
        assert!(denied.to_string().contains(" may not read "));
    }
}
