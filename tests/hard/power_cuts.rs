//! Power cuts: the recorder writes to a file system in an image, which is shut down at any moment
//! without a word to its journal, and mounted again. Needs root and loop devices.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::seen::Seen;
use crate::support::{Dice, Origin, Recorder, Session, rounds, seed, three};

/// An image has this many cuts, then a new one is made.
const CUTS_OF_AN_IMAGE: i64 = 10;
/// What the smallest XFS needs, in bytes; only what is written takes room.
const IMAGE_BYTES: u64 = 320 * 1024 * 1024;

/// A file system in a file.
struct Disk {
    image: PathBuf,
    at: PathBuf,
    mounted: bool,
}

impl Disk {
    fn new(folder: &Path, kind: &str) -> Self {
        let image = folder.join(format!("{kind}.image"));
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(0).unwrap();
        file.set_len(IMAGE_BYTES).unwrap();
        run(Command::new(format!("mkfs.{kind}")).arg("-q").arg(&image));
        let at = folder.join(kind);
        std::fs::create_dir_all(&at).unwrap();
        Self {
            image,
            at,
            mounted: false,
        }
    }

    fn mount(&mut self) {
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&self.image)
            .arg(&self.at));
        self.mounted = true;
    }

    /// From now on nothing more gets to the disk, the journal's own memory included (`FS_IOC_SHUTDOWN`
    /// without a flush).
    fn cut(&self) {
        run(Command::new("xfs_io")
            .args(["-x", "-c", "shutdown"])
            .arg(&self.at));
    }

    fn unmount(&mut self) {
        run(Command::new("umount").arg(&self.at));
        self.mounted = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            // Of a test that failed; lazily, since files may still be open.
            let _ = Command::new("umount").arg("-l").arg(&self.at).status();
        }
    }
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
}

/// The runs of a session; `None`: it cannot be asked now.
fn runs(database: &Path) -> Option<i64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = rusqlite::Connection::open_with_flags(database, flags).ok()?;
    db.query_row("SELECT count(*) FROM run", [], |row| row.get(0))
        .ok()
}

/// A recorder of three streams onto the disk, for the `nth` time, cut off at any moment; what somebody
/// saw committed by then.
fn cut_off(disk: &Disk, origin: &Origin, dice: &mut Dice, seen: &mut Seen, nth: i64) {
    let sessions = disk.at.join("sessions");
    let arguments = three::arguments(origin);
    let mut recording = Recorder::bare()
        .args(arguments.iter().map(String::as_str))
        .args(["-s", "session1", "-o", sessions.to_str().unwrap()])
        .args((nth > 1).then_some("--resume"))
        .start();
    let database = sessions.join("session1/session.db");
    recording.until("its run", || runs(&database) == Some(nth));
    let until = now() + Duration::from_millis(dice.below(1_500));
    while now() < until {
        seen.look(&database);
        // That the moment is any is the point.
        std::thread::sleep(Duration::from_millis(dice.below(30)));
    }
    disk.cut();
    recording.kill();
}

#[test]
#[ignore = "needs root, loop devices, mkfs.ext4, mkfs.xfs, xfs_io: tests/hard/run --long"]
fn by_chance_the_power_is_cut_and_nothing_that_was_committed_is_lost() {
    let mut dice = Dice::new(seed());
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::new(three::reply);
    let (mut cuts, mut exchanges) = (0, 0);
    let wanted = rounds(20, 200) as i64;
    for kind in ["ext4", "xfs"].into_iter().cycle() {
        let mut disk = Disk::new(folder.path(), kind);
        let mut seen = Seen::default();
        for nth in 1..=CUTS_OF_AN_IMAGE {
            disk.mount();
            cut_off(&disk, &origin, &mut dice, &mut seen, nth);
            disk.unmount();
            disk.mount();
            let session = Session::within(&disk.at, "session1");
            session.check_invariants();
            three::check(&session);
            let database = session.path().join("session.db");
            assert_eq!(runs(&database), Some(nth));
            seen.check(&database);
            drop(session);
            disk.unmount();
        }
        cuts += CUTS_OF_AN_IMAGE;
        exchanges += seen.count();
        if cuts >= wanted {
            break;
        }
    }
    println!("{cuts} cuts, {exchanges} exchanges seen before them");
}

/// For the random moments.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}
