//! Room on this disk for the rows of a volume, taken while there is some: where the disk is full, what is uploaded is what makes
//! `--keep` free it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// The database of a volume, and the same compressed.
pub(super) const ROWS: &str = "volume.db";
pub(super) const PACKED: &str = "volume.db.zst";
/// Both.
pub(super) const FILES: [&str; 2] = [ROWS, PACKED];

/// Room for rows, in bytes: so much, or twice what the largest volume had, but no more than the last. Compressed they have half of it.
const LEAST: u64 = 16 * 1024 * 1024;
const MOST: u64 = 1024 * 1024 * 1024;

/// Makes both files empty, and takes room for them: what is written to them needs no other. `largest`: bytes of the largest rows so
/// far.
///
/// # Errors
/// They cannot be made. Where there is no room now, or the file system takes none ahead, that is no error: a volume needs less, mostly.
pub(super) fn take(work: &Path, largest: u64) -> io::Result<()> {
    let rows = largest.saturating_mul(2).clamp(LEAST, MOST);
    for (name, bytes) in [(ROWS, rows), (PACKED, rows / 2)] {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(work.join(name))?;
        if !has(&file, bytes)? {
            file.set_len(0)?;
            hold(&file, bytes);
        }
    }
    Ok(())
}

/// Whether a file is empty and has its room. That is not given up for a moment.
#[cfg(target_os = "linux")]
fn has(file: &File, bytes: u64) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let facts = file.metadata()?;
    Ok(facts.len() == 0 && facts.blocks().saturating_mul(512) >= bytes)
}

#[cfg(target_os = "linux")]
fn hold(file: &File, bytes: u64) {
    use rustix::fs::{FallocateFlags, fallocate};
    let _ = fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes);
}

#[cfg(not(target_os = "linux"))]
fn has(file: &File, _bytes: u64) -> io::Result<bool> {
    Ok(file.metadata()?.len() == 0)
}

#[cfg(not(target_os = "linux"))]
fn hold(_file: &File, _bytes: u64) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn room_is_taken_ahead_and_what_is_written_has_it() {
        let work = tempfile::tempdir().unwrap();
        let facts = |name: &str| std::fs::metadata(work.path().join(name)).unwrap();
        take(work.path(), 0).unwrap();
        let before = facts(ROWS);
        assert!(before.len() == 0 && before.blocks() * 512 >= LEAST);
        assert!(facts(PACKED).blocks() * 512 >= LEAST / 2);
        let mut file = OpenOptions::new()
            .write(true)
            .open(work.path().join(ROWS))
            .unwrap();
        io::Write::write_all(&mut file, &[1; 3_000_000]).unwrap();
        file.sync_all().unwrap();
        let written = facts(ROWS);
        assert!(written.len() == 3_000_000 && written.ino() == before.ino());
        assert_eq!(written.blocks(), before.blocks());
        take(work.path(), 10 * 1024 * 1024).unwrap();
        let again = facts(ROWS);
        assert!(again.len() == 0 && again.blocks() * 512 >= 20 * 1024 * 1024);
    }
}
