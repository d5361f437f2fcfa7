//! Which processes have a lock of SQLite's on a file, for people.

use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::folder::SessionFolder;

/// Bytes of a database that SQLite locks for those who have it open in WAL mode, or read or write it in any
/// other (lockingv3.html).
const OF_DATABASE: RangeInclusive<u64> = 0x4000_0000..=0x4000_01ff;
/// Bytes of a `-shm` file that are read marks (walformat.html, 2.3.2).
pub(super) const OF_READ_MARKS: RangeInclusive<u64> = 123..=127;

/// Processes that have a lock on some of these bytes of a file, each as `named` says; `None`: the
/// system names none, though there may be some.
pub(super) fn of(
    file: &Path,
    bytes: &RangeInclusive<u64>,
    named: impl Fn(u32) -> String,
) -> Option<String> {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let inode = fs::metadata(file).map_or(0, |file| file.ino());
    let pids = pids(&locks, inode, bytes);
    let names: Vec<String> = pids.into_iter().map(named).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Who else has the database of a session open.
pub(super) fn of_session(folder: &SessionFolder) -> String {
    let own = std::process::id();
    let named = |pid| match pid == own {
        true => "this program".to_owned(),
        false => named(pid),
    };
    of(&folder.database(), &OF_DATABASE, named).unwrap_or_else(|| "another program".to_owned())
}

/// A process by its name and number.
pub(super) fn named(pid: u32) -> String {
    let name = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm"));
    match name {
        Ok(name) => format!("{} (process {pid})", name.trim().escape_debug()),
        Err(_) => format!("process {pid}"),
    }
}

/// Out of `/proc/locks`.
fn pids(locks: &str, inode: u64, bytes: &RangeInclusive<u64>) -> Vec<u32> {
    let held = |line: &str| -> Option<u32> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, _, pid, file, first, _] = words[..] else {
            return None;
        };
        let of: u64 = file.rsplit(':').next()?.parse().ok()?;
        let first: u64 = first.parse().ok()?;
        (of == inode && bytes.contains(&first))
            .then(|| pid.parse().ok())
            .flatten()
    };
    let mut pids: Vec<u32> = locks.lines().filter_map(held).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_known_by_the_marks_that_they_lock() {
        let locks = "1: POSIX  ADVISORY  READ 4711 08:01:99 124 124\n\
                     2: POSIX  ADVISORY  READ 4711 08:01:99 128 128\n\
                     3: POSIX  ADVISORY  WRITE 12 08:01:99 120 120\n\
                     3: -> POSIX  ADVISORY  READ 13 08:01:99 124 124\n\
                     4: FLOCK  ADVISORY  READ 14 08:01:99 124 124\n\
                     5: POSIX  ADVISORY  READ 15 08:01:98 124 124\n\
                     6: POSIX  ADVISORY  READ 3 08:01:99 126 126\n\
                     7: POSIX  ADVISORY  READ";
        assert_eq!(pids(locks, 99, &OF_READ_MARKS), [3, 4711]);
        assert!(pids(locks, 5, &OF_READ_MARKS).is_empty());
    }

    #[test]
    fn who_has_a_database_open_is_known_by_its_shared_lock() {
        let locks = "1: POSIX  ADVISORY  READ 7 00:2a:5 1073741826 1073742335\n\
                     2: POSIX  ADVISORY  WRITE 8 00:2a:5 1073741825 1073741825\n\
                     3: POSIX  ADVISORY  READ 9 00:2a:6 1073741826 1073742335";
        assert_eq!(pids(locks, 5, &OF_DATABASE), [7, 8]);
    }
}
