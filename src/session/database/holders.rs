//! Which processes have a lock of SQLite's on a file, for people.

use std::fs::{self, Metadata};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{major, minor};

use super::guarded::path_beside;
use crate::session::files::folder::SessionFolder;

/// Locks that tell what a process does with a database.
pub(crate) struct Locks {
    bytes: RangeInclusive<u64>,
    /// As the system calls it; `None`: any.
    kind: Option<&'static str>,
}

/// On a database, of all who have it open in WAL mode, or read or write it in any other (lockingv3.html).
const OF_OPEN: Locks = Locks {
    bytes: OF_DATABASE,
    kind: None,
};
/// On a database, of one who has it alone.
const OF_ALONE: Locks = Locks {
    bytes: OF_DATABASE,
    kind: Some("WRITE"),
};
const OF_DATABASE: RangeInclusive<u64> = 0x4000_0000..=0x4000_01ff;
/// On a `-shm` file, of the one who writes (walformat.html, 2.3.2).
const OF_WRITER: Locks = Locks {
    bytes: 120..=120,
    kind: Some("WRITE"),
};
/// On a `-shm` file, of those who read. Who moves a mark has it to write for a moment, and holds up nobody.
pub(crate) const OF_READERS: Locks = Locks {
    bytes: 123..=127,
    kind: Some("READ"),
};

/// Processes that have such locks on a file, each as `named` says, if it does; `None`: the system names
/// none, though there may be some.
pub(crate) fn name_holders(
    file: &Path,
    locks: &Locks,
    named: impl Fn(u32) -> Option<String>,
) -> Option<String> {
    let table = fs::read_to_string("/proc/locks").unwrap_or_default();
    let pids =
        fs::metadata(file).map_or_else(|_| Vec::new(), |facts| pids(&table, locks, (file, &facts)));
    let names: Vec<String> = pids.into_iter().filter_map(named).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Who else has the database of a session open, so that it cannot become one file.
pub(crate) fn who_has_open(folder: &SessionFolder) -> String {
    or_unknown(others(&folder.database(), &OF_OPEN))
}

/// Who else keeps the database of a session locked, so that it cannot be written.
pub(crate) fn who_keeps_locked(folder: &SessionFolder) -> String {
    let database = folder.database();
    let shared = path_beside(&database, "-shm");
    or_unknown(match shared.exists() {
        // There also those who do nothing have a lock on the database.
        true => others(&shared, &OF_WRITER).or_else(|| others(&database, &OF_ALONE)),
        false => others(&database, &OF_OPEN),
    })
}

fn others(file: &Path, locks: &Locks) -> Option<String> {
    let own = std::process::id();
    name_holders(file, locks, |pid| (pid != own).then(|| named(pid)))
}

fn or_unknown(others: Option<String>) -> String {
    others.unwrap_or_else(|| "another program".to_owned())
}

/// A process by its name and number.
pub(crate) fn named(pid: u32) -> String {
    let name = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm"));
    match name {
        Ok(name) => format!("{} (process {pid})", name.trim().escape_debug()),
        Err(_) => format!("process {pid}"),
    }
}

/// Out of `/proc/locks`: who has such locks on a file, whose facts are given.
fn pids(table: &str, locks: &Locks, (file, facts): (&Path, &Metadata)) -> Vec<u32> {
    let held = |line: &str| -> Option<u32> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, kind, pid, of, first, last] = words[..] else {
            return None;
        };
        let (device, inode) = of.rsplit_once(':')?;
        let pid = pid.parse().ok()?;
        let is_such = locks.kind.is_none_or(|wanted| wanted == kind)
            && first.parse::<u64>().ok()? <= *locks.bytes.end()
            && last.parse().unwrap_or(u64::MAX) >= *locks.bytes.start();
        // The same number is on other file systems, too.
        let is_there = || has_open(pid, file, facts).unwrap_or_else(|_| device == device_of(facts));
        // Number 0 is a process that cannot be seen from here.
        let is_held = pid != 0 && is_such && inode.parse() == Ok(facts.ino()) && is_there();
        is_held.then_some(pid)
    };
    let mut pids: Vec<u32> = table.lines().filter_map(held).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// Whether a process has this very file open; an error: it does not let us see. The device of a lock says
/// it less well: btrfs and overlays have one for locks and another for everything else.
fn has_open(pid: u32, file: &Path, facts: &Metadata) -> io::Result<bool> {
    for entry in fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd"))? {
        let link = entry?.path();
        let target = match fs::read_link(&link) {
            Ok(target) => target,
            // Closed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        // Others are not asked what they are: one on a server that is gone would not answer.
        if target.file_name() == file.file_name()
            && fs::metadata(&link)
                .is_ok_and(|open| (open.dev(), open.ino()) == (facts.dev(), facts.ino()))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The device of a file, as `/proc/locks` has it on most file systems.
fn device_of(facts: &Metadata) -> String {
    let (major, minor) = (major(facts.dev()), minor(facts.dev()));
    format!("{major:02x}:{minor:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody has such a number: what it has open cannot be seen.
    const HIDDEN: u32 = 4_194_305;

    /// What is found where `HERE` is a file, and `OTHER` one of another number.
    fn found(table: &str, locks: &Locks) -> Vec<u32> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let facts = file.path().metadata().unwrap();
        let (device, inode) = (device_of(&facts), facts.ino());
        let table = table
            .replace("HERE", &format!("{device}:{inode}"))
            .replace("OTHER", &format!("{device}:{}", inode + 1));
        pids(&table, locks, (file.path(), &facts))
    }

    #[test]
    fn readers_are_known_by_the_marks_that_they_lock() {
        let table = "1: POSIX  ADVISORY  READ 5194711 HERE 124 124\n\
                     2: POSIX  ADVISORY  READ 5194711 HERE 128 128\n\
                     3: POSIX  ADVISORY  WRITE 5190012 HERE 120 120\n\
                     3: -> POSIX  ADVISORY  READ 5190013 HERE 124 124\n\
                     4: FLOCK  ADVISORY  READ 5190014 HERE 124 124\n\
                     5: POSIX  ADVISORY  READ 5190015 OTHER 124 124\n\
                     6: POSIX  ADVISORY  READ 5190003 HERE 126 127\n\
                     7: POSIX  ADVISORY  WRITE 5190016 HERE 125 125\n\
                     8: POSIX  ADVISORY  READ 0 HERE 125 125\n\
                     9: POSIX  ADVISORY  READ";
        assert_eq!(found(table, &OF_READERS), [5_190_003, 5_194_711]);
        assert_eq!(found(table, &OF_WRITER), [5_190_012]);
    }

    #[test]
    fn who_has_a_database_open_is_known_by_its_shared_lock() {
        let table = "1: POSIX  ADVISORY  READ 5190007 HERE 1073741826 1073742335\n\
                     2: POSIX  ADVISORY  WRITE 5190008 HERE 1073741825 1073741825\n\
                     3: POSIX  ADVISORY  READ 5190009 OTHER 1073741826 1073742335\n\
                     4: POSIX  ADVISORY  WRITE 5190010 HERE 0 EOF";
        assert_eq!(found(table, &OF_OPEN), [5_190_007, 5_190_008, 5_190_010]);
        assert_eq!(found(table, &OF_ALONE), [5_190_008, 5_190_010]);
    }

    #[test]
    fn a_lock_on_a_file_of_the_same_number_elsewhere_is_none_on_this_one() {
        let own = std::process::id();
        let line = |pid: u32, device: &str, inode: u64| {
            format!("1: POSIX  ADVISORY  READ {pid} {device}:{inode} 124 124")
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.db-shm");
        fs::write(&path, b"").unwrap();
        let facts = path.metadata().unwrap();
        let (here, inode) = (device_of(&facts), facts.ino());
        let found = |table: &str| pids(table, &OF_READERS, (&path, &facts));
        // What cannot be seen is known by the device alone.
        assert_eq!(found(&line(HIDDEN, &here, inode)), [HIDDEN]);
        assert!(found(&line(HIDDEN, "ff:ff", inode)).is_empty());
        // What can be seen is believed, whatever the device is called.
        assert!(found(&line(own, &here, inode)).is_empty());
        let open = fs::File::open(&path).unwrap();
        assert_eq!(found(&line(own, "ff:ff", inode)), [own]);
        drop(open);
        assert!(found(&line(own, "ff:ff", inode)).is_empty());
    }

    #[test]
    fn who_has_a_file_locked_now_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locked");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE")
            .unwrap();
        let own = std::process::id();
        let facts = path.metadata().unwrap();
        assert!(has_open(own, &path, &facts).unwrap());
        let name = |pid| (pid == own).then(|| "own".to_owned());
        assert_eq!(name_holders(&path, &OF_ALONE, name).as_deref(), Some("own"));
        db.execute_batch("COMMIT").unwrap();
        assert_eq!(name_holders(&path, &OF_OPEN, name), None);
    }
}
