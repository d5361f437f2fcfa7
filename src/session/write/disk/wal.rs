//! Readers that hold up the checkpoint: noticed when the write-ahead log grows for it, named,
//! and the log made small again when they let go.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::session::database::holders;
use crate::session::model::Notice;
use crate::session::notices::{NoticeEvent, Tallies};
use crate::session::write::store::Store;

/// The log is not larger than this where no reader holds up its checkpoint.
const MOST_WAL: u64 = 16 * 1024 * 1024;
/// How often its size is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of a frame of the log: a page and its header.
const FRAME: u64 = 4096 + 24;

/// The state of the writer's write-ahead log.
#[derive(Debug)]
pub(crate) struct WalWatch {
    database: PathBuf,
    held: Option<Held>,
    looked: Instant,
    tallies: Tallies,
}

/// The log cannot be used again.
#[derive(Debug)]
struct Held {
    since_us: i64,
    row: i64,
    by: String,
}

impl WalWatch {
    pub(crate) fn new(database: PathBuf, tallies: Tallies) -> Self {
        Self {
            database,
            held: None,
            looked: clock::instant(),
            tallies,
        }
    }

    /// Whether it waits for a reader to let go.
    pub(crate) fn is_held_up(&self) -> bool {
        self.held.is_some()
    }

    /// Looks at it, if it is time to. What the database refuses here it says to the next commit, too.
    pub(crate) fn look(&mut self, store: &Store, now_us: i64) {
        if clock::instant().duration_since(self.looked) < LOOK_EVERY {
            return;
        }
        self.looked = clock::instant();
        let done = match self.held.take() {
            Some(held) => self.end(store, held, now_us),
            None if self.size() > MOST_WAL => self.begin(store, now_us),
            None => Ok(()),
        };
        if let Err(error) = done {
            tracing::debug!("the write-ahead log could not be looked after: {error}");
        }
    }

    fn begin(&mut self, store: &Store, now_us: i64) -> rusqlite::Result<()> {
        if checkpoint(store, "PASSIVE")? * FRAME <= MOST_WAL {
            // It was a large transaction; readers of the moment do not matter.
            checkpoint(store, "TRUNCATE")?;
            return Ok(());
        }
        let by = self.holders();
        let row = store.notice(&NoticeEvent {
            kind: Notice::HeldUp,
            at_us: now_us,
            length_us: None,
            detail: by.clone(),
        })?;
        self.tallies.begin(Notice::HeldUp, now_us);
        tracing::warn!(
            "{}-wal grows: {by} keeps a transaction open; end it, or let it read a copy",
            self.database.display()
        );
        self.held = Some(Held {
            since_us: now_us,
            row,
            by,
        });
        Ok(())
    }

    fn end(&mut self, store: &Store, held: Held, now_us: i64) -> rusqlite::Result<()> {
        let left = checkpoint(store, "TRUNCATE");
        if !matches!(left, Ok(0)) {
            self.held = Some(held);
            return left.map(|_| ());
        }
        let length_us = now_us.saturating_sub(held.since_us);
        let event = NoticeEvent {
            kind: Notice::HeldUp,
            at_us: held.since_us,
            length_us: Some(length_us),
            detail: held.by,
        };
        store.is_over(held.row, &event)?;
        self.tallies.end(Notice::HeldUp, now_us);
        tracing::info!(
            "the write-ahead log is small again after {:.1} s",
            length_us as f64 / 1e6
        );
        Ok(())
    }

    fn size(&self) -> u64 {
        fs::metadata(self.path_beside("-wal")).map_or(0, |file| file.len())
    }

    fn path_beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.database.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// The processes that hold up the checkpoint, for people.
    fn holders(&self) -> String {
        let own = std::process::id();
        let marks = self.path_beside("-shm");
        holders::name_holders(&marks, &holders::OF_READERS, |pid| Some(named(pid, own)))
            .unwrap_or_else(|| "a reader".to_owned())
    }
}

/// Frames of the log that are not in the database yet, or that it cannot begin again before.
fn checkpoint(store: &Store, mode: &str) -> rusqlite::Result<u64> {
    // Nobody is waited for: rows are.
    let patience: i64 = store
        .db
        .pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
    store.db.pragma_update(None, "busy_timeout", 0)?;
    let done = store.db.query_row(
        &format!("PRAGMA wal_checkpoint({mode})"),
        [],
        |row| -> rusqlite::Result<(i64, i64, i64)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) },
    );
    store.db.pragma_update(None, "busy_timeout", patience)?;
    let (busy, log, checkpointed) = done?;
    let left = u64::try_from(log.saturating_sub(checkpointed)).unwrap_or(0);
    Ok(left.max(u64::from(busy != 0)))
}

fn named(pid: u32, own: u32) -> String {
    match pid == own {
        true => "a player of --serve".to_owned(),
        false => holders::named(pid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::session::{
        Availability, Kind, NewBody, NewExchange, ResourceKey, SessionFolder, Sessions, Writer,
        digest,
    };
    use rusqlite::Connection;

    /// A mebibyte, in the database.
    async fn write_much(writer: &Writer, stream_id: i64) {
        let resource = ResourceKey::whole(stream_id, Kind::Key, "http://h/k".to_owned());
        let id = writer.next_id();
        let now_us = writer.clock().now_us();
        let mut exchange = NewExchange::requested(id, resource, Availability::Request, now_us);
        let mut data = vec![0; 1024 * 1024];
        data[..8].copy_from_slice(&id.to_be_bytes());
        exchange.body = NewBody::Bytes {
            sha256: digest(&data),
            data: data.into(),
            binary: true,
        };
        writer.exchange(exchange).await;
    }

    async fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = clock::instant() + Duration::from_secs(60);
        while !condition() {
            assert!(clock::instant() < deadline, "it never came: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn wal_size(folder: &SessionFolder) -> u64 {
        let wal = folder.database().with_file_name("session.db-wal");
        fs::metadata(wal).map_or(0, |file| file.len())
    }

    #[tokio::test]
    async fn a_reader_that_holds_up_the_checkpoint_is_named_until_it_lets_go() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Sessions::new(temporary.path()).create(None).unwrap();
        let (writer, _failure) = Writer::create(&folder, Clock::start(), "test").unwrap();
        let stream = writer.stream("s", "http://h/").await.unwrap();
        let other = Connection::open(folder.database()).unwrap();
        let ask = "SELECT length_us FROM event WHERE kind = 'checkpoint held up'";
        let events = || -> Vec<Option<i64>> {
            let reader = Connection::open(folder.database()).unwrap();
            let mut statement = reader.prepare(ask).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };

        // Much alone is nobody's fault.
        for _ in 0..24 {
            write_much(&writer, stream).await;
        }
        until("all of it", || {
            let count = "SELECT count(*) FROM exchange";
            other.query_row(count, [], |row| row.get::<_, i64>(0)) == Ok(24)
        })
        .await;
        assert!(events().is_empty());

        other
            .execute_batch("BEGIN; SELECT count(*) FROM exchange")
            .unwrap();
        let mut written = 0;
        while events().is_empty() {
            assert!(written < 200, "it was never noticed");
            write_much(&writer, stream).await;
            written += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(events(), [None], "it goes on");
        let tally = writer.watch().tallies().all()[&Notice::HeldUp];
        assert_eq!((tally.times, tally.length_us), (1, 0));

        other.execute_batch("COMMIT").unwrap();
        until("its end", || events().iter().all(Option::is_some)).await;
        assert_eq!(events().len(), 1);
        assert!(wal_size(&folder) < MOST_WAL, "{}", wal_size(&folder));
        drop(other);
        writer.finish("stopped").await.unwrap();
    }

    #[test]
    fn processes_are_named() {
        let own = std::process::id();
        assert_eq!(named(own, own), "a player of --serve");
        let other = named(own, 0);
        assert!(other.ends_with(&format!("(process {own})")), "{other}");
    }
}
