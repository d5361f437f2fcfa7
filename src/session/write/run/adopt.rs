//! What a killed recorder left of raw streams: the part that was growing becomes one like any other.

use chrono::DateTime;
use std::io::{self, Read as _};

use crate::session::availability::Availability;
use crate::session::error::ReadError;
use crate::session::files::chunk_dir::{ChunkDir, TemporaryName};
use crate::session::files::chunks::DownloadFile;
use crate::session::files::growing::Growing;
use crate::session::files::new_body::NewBody;
use crate::session::files::room::Room;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, NewExchange, Outcome, ResourceKey};
use crate::session::read::parts::StreamPart;
use crate::session::read::reader::Reader;

/// Bytes that are copied at a time.
const STEP: usize = 256 * 1024;

/// A part that was left behind.
struct Left {
    id: ExchangeId,
    from_us: i64,
    stream_id: i64,
    url: String,
    stream: String,
}

/// The parts that are large enough to be kept, as exchanges to be written. Their files are
/// copies under `chunks/.tmp`, synced; what they were copied from stays until the rows are there.
pub(crate) fn left_parts(
    reader: &Reader,
    chunks: &ChunkDir,
) -> Result<Vec<NewExchange>, ReadError> {
    let left = reader.list(
        "SELECT p.referrer_id, p.from_us, r.stream_id, r.url, s.name FROM pending p
           JOIN resource r ON r.id = p.resource_id JOIN stream s ON s.id = r.stream_id
          WHERE r.kind = 'main' AND NOT EXISTS (SELECT 1 FROM exchange e WHERE e.id = p.referrer_id)",
        [],
        |row| {
            Ok(Left {
                id: row.get(0)?,
                from_us: row.get(1)?,
                stream_id: row.get(2)?,
                url: row.get(3)?,
                stream: row.get(4)?,
            })
        },
    )?;
    let mut parts = Vec::new();
    for (number, left) in (0..).zip(left) {
        if let Some(growing) = reader.growing_part(left.id, left.from_us)?
            && growing.is_kept()
            // A file that is made to look endless would be copied for ever.
            && !growing.is_hollow
        {
            // A number that no request will have.
            let copy = copied(&growing, chunks, i64::MAX - number)?;
            let before = reader.parts_after(left.stream_id, 0)?;
            let first = match before.last() {
                Some(last) => end_of(reader, last)?,
                None => 0,
            };
            parts.push(part(left, &growing, copy, (before.len(), first)));
        }
    }
    Ok(parts)
}

/// The names under `chunks/.tmp` that parts are in, and were copied from.
pub(crate) fn names(parts: &[NewExchange]) -> Vec<String> {
    let of_part = |part: &NewExchange| {
        let copy = match &part.body {
            NewBody::File { file, .. } => file.temporary_name(),
            _ => None,
        };
        let own = originals(part).map(Some).into_iter();
        own.chain([copy])
    };
    let names = parts.iter().flat_map(of_part).flatten();
    names.map(|name| name.as_str().to_owned()).collect()
}

/// Removes what a part was copied from, once its row is there. Where its body was lost, that is
/// all there is of it.
pub(crate) fn remove_original(chunks: &ChunkDir, part: &NewExchange) {
    if matches!(part.body, NewBody::File { .. }) {
        for name in originals(part) {
            // It stays behind at worst; the sweep at the stop takes it.
            let _ = chunks.remove_temporary(&name);
        }
    }
}

/// What a part was copied from.
fn originals(part: &NewExchange) -> [TemporaryName; 2] {
    [
        TemporaryName::for_exchange(part.id),
        TemporaryName::notes_of(part.id),
    ]
}

fn copied(growing: &Growing, chunks: &ChunkDir, id: ExchangeId) -> io::Result<NewBody> {
    // A run that was killed at this leaves half a copy.
    match chunks.remove_temporary(&TemporaryName::for_exchange(id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut copy = DownloadFile::create_in(chunks, id, &Room::default())?;
    let mut from = growing.file.as_ref();
    let mut buffer = vec![0; STEP];
    loop {
        let read = from.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(bytes) if read > 0 => copy.write(bytes)?,
            _ => return copy.finish(),
        }
    }
}

/// Where in the body of its response a part ends.
fn end_of(reader: &Reader, part: &StreamPart) -> Result<u64, ReadError> {
    let exchange = reader.exchange(part.exchange_id)?;
    let first = exchange.and_then(|exchange| exchange.body_first);
    Ok(first.unwrap_or(0).saturating_add(part.size))
}

/// `before`: how many parts the stream has, and where the last of them ends.
fn part(left: Left, growing: &Growing, body: NewBody, (count, end): (usize, u64)) -> NewExchange {
    let facts = &growing.facts;
    let began = DateTime::from_timestamp_micros(facts.began_us).unwrap_or_default();
    let began = began.format("%Y-%m-%dT%H-%M-%SZ");
    let path = format!(
        "{}/{began}.{:03}.{}",
        left.stream,
        count + 1,
        facts.extension
    );
    let resource = ResourceKey::whole(left.stream_id, Kind::Main, left.url);
    // Its own pending row has the moment that was decided as it began.
    let availability = Availability::Listed(left.from_us);
    NewExchange {
        lag_us: Some(0),
        wait_us: Some(0),
        receive_us: Some(growing.points.last().map_or(0, |(at_us, _)| *at_us)),
        status: Some(200),
        wire_bytes: Some(growing.size()),
        arrival: serde_json::to_string(&growing.points).ok(),
        body,
        body_first: facts.continues.then_some(end),
        chunk_path: Some(path),
        outcome: Outcome::Complete,
        error: Some("the recorder was killed".to_owned()),
        ..NewExchange::requested(left.id, resource, availability, facts.began_us)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::clock::Clock;
    use crate::session::files::chunk_dir::TEMPORARY;
    use crate::session::write::run::begin;
    use crate::session::write::store::Store;
    use crate::session::{GrowingFacts, GrowingFile, SessionFolder, Sessions, Writer};

    const URL: &str = "http://h/radio.mp3";
    const BYTES: &[u8] = b"of a radio";

    /// A session of a recorder that was killed at part 1.
    fn killed(sessions: &Path) -> SessionFolder {
        let folder = Sessions::new(sessions).create(None).unwrap();
        let clock = Clock::start();
        let begun = begin::create(&folder, clock, "test").unwrap();
        let mut store = Store::new(begun.db, begun.chunks, begun.zero_us, 1);
        store.stream("radio", URL).unwrap();
        let pending = "INSERT INTO pending (resource_id, referrer_id, from_us) VALUES (1, 1, ?1)";
        store.db.execute(pending, [begun.zero_us]).unwrap();
        let facts = GrowingFacts {
            began_us: clock.now_us(),
            extension: "mp3".to_owned(),
            kept_from: 1,
            continues: false,
        };
        let mut growing = GrowingFile::create(&folder.chunks(), 1, &facts).unwrap();
        growing.write(BYTES, 1_000_000).unwrap();
        // Dropped, it would take its files with it.
        std::mem::forget(growing);
        folder
    }

    #[tokio::test]
    async fn a_part_that_is_taken_over_is_there_once() {
        let sessions = tempfile::tempdir().unwrap();
        let folder = killed(sessions.path());
        let temporary = folder.chunks().join(TEMPORARY);
        let there = || -> BTreeSet<String> {
            let entries = std::fs::read_dir(&temporary).unwrap().map(Result::unwrap);
            entries
                .map(|entry| entry.file_name().into_string().unwrap())
                .filter(|name| name != crate::session::write::disk::full::RESERVE)
                .collect()
        };
        assert_eq!(there(), ["1", "1.notes"].map(str::to_owned).into());
        let (writer, _failure) = Writer::resume(&folder, Clock::start(), "test").unwrap();
        // It is answered after the commit, and the part came before it.
        writer.stream("other", "http://h/other").await.unwrap();
        assert_eq!(there(), BTreeSet::new());
        let reader = Reader::open(&folder).unwrap();
        let parts = reader.parts_after(1, 0).unwrap();
        let parts: Vec<_> = parts.iter().map(|p| (p.exchange_id, p.size)).collect();
        assert_eq!(parts, [(1, BYTES.len() as u64)]);
        drop(reader);
        writer.finish("stopped").await.unwrap();
    }

    #[test]
    fn a_part_whose_bytes_are_on_no_disk_is_not_copied() {
        let sessions = tempfile::tempdir().unwrap();
        let folder = killed(sessions.path());
        let chunks = ChunkDir::to_write(folder.path()).unwrap();
        let original = folder.chunks().join(TEMPORARY).join("1");
        let original = std::fs::OpenOptions::new().write(true).open(original);
        original.unwrap().set_len(1 << 40).unwrap();
        let reader = Reader::open(&folder).unwrap();
        assert_eq!(left_parts(&reader, &chunks).unwrap().len(), 0);
    }

    #[test]
    fn what_a_lost_body_was_copied_from_stays() {
        let sessions = tempfile::tempdir().unwrap();
        let folder = killed(sessions.path());
        let reader = Reader::open(&folder).unwrap();
        let chunks = ChunkDir::to_write(folder.path()).unwrap();
        let mut parts = left_parts(&reader, &chunks).unwrap();
        let original = folder.chunks().join(TEMPORARY).join("1");
        let part = parts.first_mut().unwrap();
        let body = std::mem::replace(&mut part.body, NewBody::None);
        remove_original(&chunks, part);
        assert_eq!(std::fs::read(&original).unwrap(), BYTES);
        part.body = body;
        remove_original(&chunks, part);
        assert!(!original.exists());
    }
}
