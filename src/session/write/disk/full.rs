//! A full disk, seen by the writer: a reserve is given up for rows, the hole gets a row, and
//! bodies are taken again as soon as there is room.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;
use tokio::time::Instant;

use crate::clock;
use crate::session::files::chunk_dir::{ChunkDir, TemporaryName};
use crate::session::files::room::{Room, is_full};
use crate::session::model::Notice;
use crate::session::notices::{NoticeEvent, Tallies};
use crate::session::write::store::Store;

/// The reserve, beside the downloads under way, and like them gone in a stopped session.
pub(crate) const RESERVE: &str = "reserve";
/// An empty file in the same place: the disk is full. It needs no room, and says so where no row can any more.
const FULL: &str = "full";
/// How often the log tells how much is lost while the disk is full.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// A file in the same place, made to find out whether there is room.
const PROBE: &str = "probe";
/// Enough for the rows of some hours.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// No write of SQLite goes so far beyond the end of a file.
const BEYOND: u64 = 1024 * 1024;
/// How often room is looked for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Frames after which the write-ahead log is checkpointed: SQLite's own number, and the one while the log should not
/// grow.
const CHECKPOINT_AFTER: i64 = 1000;
const CHECKPOINT_SOON: i64 = 64;

/// The state of the writer's disk.
#[derive(Debug)]
pub(crate) struct Disk {
    chunks: ChunkDir,
    room: Room,
    has_reserve: bool,
    /// The log has been told that it is full.
    said: bool,
    /// The row of the hole that has begun.
    row: Option<i64>,
    looked: Instant,
    /// When the log told last how much is lost, and how much that was.
    told: (Instant, u64),
    is_marked: bool,
    tallies: Tallies,
}

impl Disk {
    pub(crate) fn new(chunks: ChunkDir, room: Room, tallies: Tallies) -> Self {
        let mut disk = Self {
            chunks,
            room,
            has_reserve: false,
            said: false,
            row: None,
            looked: clock::instant(),
            told: (clock::instant(), 0),
            is_marked: false,
            tallies,
        };
        if let Err(error) = disk.fill_reserve() {
            tracing::warn!("nothing can be held in reserve for a full disk: {error}");
        }
        disk
    }

    pub(crate) fn is_full(&self) -> bool {
        self.room.full_since_us().is_some()
    }

    /// Whether a refusal of the database is for want of room. SQLite has its own word for ENOSPC
    /// only, and in its shared memory not for that.
    pub(crate) fn is_to_blame(&self, error: &rusqlite::Error) -> bool {
        const IOERR_WRITE: i32 = rusqlite::ffi::SQLITE_IOERR_WRITE;
        const IOERR_SHMSIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            return true;
        }
        let code = error.sqlite_error().map(|e| e.extended_code);
        matches!(code, Some(IOERR_WRITE | IOERR_SHMSIZE))
            && (self.is_full() || self.refuses_others())
    }

    /// Whether it has no room for anything else either.
    fn refuses_others(&self) -> bool {
        let name = TemporaryName::fixed(PROBE);
        let probed = self.made_anew(&name);
        let probed = probed.and_then(|mut file| file.write_all(&[1; 64 * 1024]));
        let _ = self.chunks.remove_temporary(&name);
        probed.is_err_and(|error| is_full(&error))
    }

    /// Gives up the reserve for a commit that had no room; whether there was one.
    pub(crate) fn gives_up_reserve(&mut self) -> bool {
        self.room.close();
        self.say();
        let had = std::mem::take(&mut self.has_reserve);
        had && self.chunks.remove_temporary(&reserve()).is_ok()
    }

    /// Gives up the reserve for good.
    pub(crate) fn let_go(&mut self) {
        if std::mem::take(&mut self.has_reserve) {
            // A file that stays behind is removed with the folder.
            let _ = self.chunks.remove_temporary(&reserve());
        }
    }

    /// Marks a hole, and looks for room.
    pub(crate) fn look(&mut self, store: &Store, now_us: i64) {
        let Some(since_us) = self.room.full_since_us() else {
            return;
        };
        if clock::instant().duration_since(self.looked) < LOOK_EVERY {
            return;
        }
        self.looked = clock::instant();
        self.say();
        self.tell(false);
        let row = match self.row {
            Some(row) => row,
            None => match self.begin(store, since_us) {
                Ok(row) => row,
                // It is tried again; a database that is broken says so to the next commit.
                Err(_) => {
                    self.gives_up_reserve();
                    return;
                }
            },
        };
        if self.has_room() {
            self.end(store, row, since_us, now_us);
        }
    }

    /// Tells the log of what is lost, now and then, also where no row can be written.
    pub(crate) fn tell(&mut self, at_end: bool) {
        if !self.is_full() {
            return;
        }
        self.mark();
        let (now, lost) = (clock::instant(), self.room.not_kept());
        let (told, before) = self.told;
        if lost > before && (at_end || now.duration_since(told) >= TELL_EVERY) {
            self.told = (now, lost);
            let until = match at_end {
                true => String::new(),
                false => format!("; {}", self.until()),
            };
            tracing::error!(
                json.own = true,
                "the disk is still full; bodies that were not kept so far: {lost}{until}"
            );
        }
    }

    /// How much has to be free before bodies are kept again, at the latest: the reserve is given up sooner or later, so that polls
    /// go on, and is held again then.
    fn until(&self) -> String {
        let needed = (self.room.needed() + RESERVE_BYTES) as f64 / 1e6;
        format!("it goes on when {needed:.1} MB are free: delete files, or stop and record less")
    }

    /// Whether a refusal of the database is for its size: a limit on that of files, of this user (`ulimit -f`) or of the file
    /// system. SQLite does not tell why it could not write.
    pub(crate) fn is_of_size(&self, error: &rusqlite::Error, database: &Path) -> bool {
        let code = error.sqlite_error().map(|e| e.extended_code);
        if code != Some(rusqlite::ffi::SQLITE_IOERR_WRITE) {
            return false;
        }
        let wal = database.with_file_name("session.db-wal");
        let sizes = [database, &wal].map(|path| path.metadata().map_or(0, |file| file.len()));
        let [one, other] = sizes;
        let name = TemporaryName::fixed(PROBE);
        let probed = self.made_anew(&name);
        let probed = probed.and_then(|file| file.set_len(one.max(other) + BEYOND));
        let _ = self.chunks.remove_temporary(&name);
        probed.is_err_and(|error| error.kind() == io::ErrorKind::FileTooLarge)
    }

    /// Nothing can be written any more, the end of the run neither: that it was not killed is said all the same.
    pub(crate) fn end_without_row(&mut self) {
        self.let_go();
        self.mark();
    }

    fn mark(&mut self) {
        self.is_marked = self.is_marked || self.made_anew(&full()).is_ok();
    }

    fn begin(&mut self, store: &Store, since_us: i64) -> rusqlite::Result<i64> {
        let row = store.notice(&NoticeEvent {
            kind: Notice::DiskFull,
            at_us: since_us,
            length_us: None,
            detail: "no bodies are kept until there is room".to_owned(),
        })?;
        self.row = Some(row);
        // Where it does not hold, the reserve does not last as long.
        let _ = store
            .db
            .pragma_update(None, "wal_autocheckpoint", CHECKPOINT_SOON);
        Ok(row)
    }

    fn say(&mut self) {
        self.mark();
        if !std::mem::replace(&mut self.said, true) {
            self.told = (clock::instant(), 0);
            let since_us = self.room.full_since_us();
            (since_us.into_iter()).for_each(|us| self.tallies.begin(Notice::DiskFull, us));
            tracing::error!(
                json.own = true,
                "{}: the disk is full; no bodies are kept until there is room; {}",
                self.chunks.shown().display(),
                self.until()
            );
        }
    }

    fn end(&mut self, store: &Store, row: i64, since_us: i64, now_us: i64) {
        let length_us = now_us.saturating_sub(since_us);
        let detail = format!("bodies that were not kept: {}", self.room.not_kept());
        let event = NoticeEvent {
            kind: Notice::DiskFull,
            at_us: since_us,
            length_us: Some(length_us),
            detail: detail.clone(),
        };
        if store.is_over(row, &event).is_err() {
            // Another look follows.
            return;
        }
        self.room.open();
        self.is_marked = false;
        let _ = self.chunks.remove_temporary(&full());
        (self.row, self.said) = (None, false);
        self.tallies.end(Notice::DiskFull, now_us);
        let _ = store
            .db
            .pragma_update(None, "wal_autocheckpoint", CHECKPOINT_AFTER);
        tracing::info!(
            "there is room again after {:.1} s; {detail}",
            length_us as f64 / 1e6
        );
    }

    /// The recording is over: what goes on lasted until then, the lack of room too. Where its row cannot be written any more,
    /// readers have it last until the end of the run.
    pub(crate) fn close(&mut self, store: &Store, now_us: i64) {
        if let Some(since_us) = self.room.full_since_us() {
            self.say();
            self.tell(true);
            let row = self.row.or_else(|| self.begin(store, since_us).ok());
            let not_kept = self.room.not_kept();
            let event = NoticeEvent {
                kind: Notice::DiskFull,
                at_us: since_us,
                length_us: Some(now_us.saturating_sub(since_us)),
                detail: format!("bodies that were not kept until the recording ended: {not_kept}"),
            };
            // It is told all the same.
            let _ = row.map(|row| store.is_over(row, &event));
        }
        self.tallies.end_all(now_us);
    }

    /// Room for the reserve, and for what was refused beside it. It is taken and given back:
    /// a disk that counts free bytes may have no inode left, or none of them for this user.
    fn has_room(&mut self) -> bool {
        let name = TemporaryName::fixed(PROBE);
        let has = self.allocated(&name, self.room.needed()).is_ok() && self.fill_reserve().is_ok();
        let _ = self.chunks.remove_temporary(&name);
        has
    }

    fn fill_reserve(&mut self) -> io::Result<()> {
        if self.has_reserve {
            return Ok(());
        }
        let name = reserve();
        let filled = self.allocated(&name, RESERVE_BYTES);
        if filled.is_err() {
            let _ = self.chunks.remove_temporary(&name);
        }
        self.has_reserve = filled.is_ok();
        filled
    }

    /// Makes a file and allocates so many bytes for it.
    fn allocated(&self, name: &TemporaryName, bytes: u64) -> io::Result<()> {
        allocate(&self.made_anew(name)?, bytes)
    }

    /// An empty file. What has the name already goes: it may be a link, or have another name elsewhere.
    fn made_anew(&self, name: &TemporaryName) -> io::Result<File> {
        match self.chunks.remove_temporary(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.chunks.create_temporary(name),
        }
    }
}

/// The file that is held in reserve.
pub(crate) fn reserve() -> TemporaryName {
    TemporaryName::fixed(RESERVE)
}

/// The file that says that the disk is full.
pub(crate) fn full() -> TemporaryName {
    TemporaryName::fixed(FULL)
}

fn allocate(mut file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            done => return Ok(done?),
        }
    }
    let zeros = vec![0; 64 * 1024];
    for _ in 0..bytes.div_ceil(zeros.len() as u64) {
        file.write_all(&zeros)?;
    }
    file.sync_data()
}

/// Whether the disk was full when the recorder of a session ended: it could not close its run.
pub(crate) fn was_full(chunks: &ChunkDir) -> bool {
    chunks.open_temporary(&full()).is_ok()
}

/// Whether a file of that name under `chunks/.tmp` is no download.
pub(crate) fn is_reserve(name: &OsStr) -> bool {
    name == RESERVE || name == PROBE || name == FULL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::session::files::chunk_dir::TEMPORARY;
    use rusqlite::Connection;

    #[tokio::test(start_paused = true)]
    async fn a_hole_has_a_row_from_its_beginning_and_the_reserve_is_filled_again() {
        let folder = tempfile::tempdir().unwrap();
        let chunks = folder.path().to_owned();
        std::fs::create_dir(chunks.join(TEMPORARY)).unwrap();
        let reserve = chunks.join(TEMPORARY).join(RESERVE);
        let size = || std::fs::metadata(&reserve).map_or(0, |file| file.len());
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::format::SCHEMA).unwrap();
        let store = Store::new(db, ChunkDir::open_folder(&chunks).unwrap(), 0, 1);
        let rows = || -> Vec<(String, i64, Option<i64>)> {
            let sql = "SELECT kind, at_us, length_us FROM event";
            let mut statement = store.db.prepare(sql).unwrap();
            let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
            rows.unwrap().map(Result::unwrap).collect()
        };
        let clock = Clock::start();
        let (room, tallies) = (Room::new(clock), Tallies::default());
        let mut disk = Disk::new(
            ChunkDir::open_folder(&chunks).unwrap(),
            room.clone(),
            tallies.clone(),
        );
        assert_eq!(size(), RESERVE_BYTES);
        tokio::time::advance(LOOK_EVERY).await;
        disk.look(&store, clock.now_us());
        assert!(rows().is_empty(), "there is room");

        assert!(!was_full(&disk.chunks));
        assert!(disk.gives_up_reserve());
        assert!(was_full(&disk.chunks), "also for who comes later");
        assert!(!disk.gives_up_reserve(), "there is only one");
        assert_eq!(size(), 0);
        let since_us = room.full_since_us().unwrap();
        let row = disk.begin(&store, since_us).unwrap();
        let kind = "disk full".to_owned();
        assert_eq!(rows(), [(kind.clone(), since_us, None)]);
        assert_eq!(disk.row, Some(row));

        tokio::time::advance(LOOK_EVERY).await;
        disk.look(&store, since_us + 7);
        assert_eq!(rows(), [(kind, since_us, Some(7))]);
        assert_eq!(size(), RESERVE_BYTES);
        assert!(!disk.is_full() && !was_full(&disk.chunks));
        let tally = tallies.all()[&Notice::DiskFull];
        assert_eq!((tally.times, tally.length_us), (1, 7));
        disk.let_go();
        assert_eq!(size(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_is_still_full_at_the_end_was_so_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let chunks = folder.path().to_owned();
        std::fs::create_dir(chunks.join(TEMPORARY)).unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::format::SCHEMA).unwrap();
        let store = Store::new(db, ChunkDir::open_folder(&chunks).unwrap(), 0, 1);
        let (room, tallies) = (Room::new(Clock::start()), Tallies::default());
        let chunks = ChunkDir::open_folder(&chunks).unwrap();
        let mut disk = Disk::new(chunks, room.clone(), tallies.clone());
        // So late that nobody has looked for room since.
        room.close();
        room.lost();
        let since_us = room.full_since_us().unwrap();
        disk.close(&store, since_us + 9);
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let sql = "SELECT at_us, length_us, detail FROM event WHERE kind = 'disk full'";
        let row: (i64, i64, String) = store.db.query_row(sql, [], row).unwrap();
        let detail = "bodies that were not kept until the recording ended: 1".to_owned();
        assert_eq!(row, (since_us, 9, detail));
        let tally = tallies.all()[&Notice::DiskFull];
        assert_eq!((tally.times, tally.length_us), (1, 9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hole_ends_only_where_a_file_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let chunks = folder.path().to_owned();
        let temporary = chunks.join(TEMPORARY);
        std::fs::create_dir(&temporary).unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::format::SCHEMA).unwrap();
        let store = Store::new(db, ChunkDir::open_folder(&chunks).unwrap(), 0, 1);
        let clock = Clock::start();
        let room = Room::new(clock);
        let mut disk = Disk::new(
            ChunkDir::open_folder(&chunks).unwrap(),
            room.clone(),
            Tallies::default(),
        );
        // Bytes are free, and the reserve is there; no other file can be.
        let in_the_way = temporary.join(PROBE);
        std::fs::create_dir(&in_the_way).unwrap();
        room.close();
        for _ in 0..3 {
            tokio::time::advance(LOOK_EVERY).await;
            disk.look(&store, clock.now_us());
            assert!(disk.is_full());
        }
        std::fs::remove_dir(&in_the_way).unwrap();
        tokio::time::advance(LOOK_EVERY).await;
        disk.look(&store, clock.now_us());
        assert!(!disk.is_full());
        assert!(!in_the_way.exists());
        let holes: i64 = store
            .db
            .query_row("SELECT count(*) FROM event", [], |row| row.get(0))
            .unwrap();
        assert_eq!(holes, 1);
    }
}
