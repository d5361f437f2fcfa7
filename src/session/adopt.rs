//! What a killed recorder left of plain streams: the part that was growing becomes one like any other.

use std::io::Read as _;

use chrono::DateTime;

use super::chunks::{self, DownloadFile};
use super::folder::SessionFolder;
use super::growing::{self, Growing};
use super::model::{Availability, ExchangeId, Kind, NewBody, NewExchange, Outcome, ResourceKey};
use super::parts::StreamPart;
use super::read::{ReadError, Reader};

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
pub(super) fn left_parts(
    reader: &Reader,
    folder: &SessionFolder,
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
        {
            // A number that no request will have.
            let copy = copied(&growing, folder, i64::MAX - number)?;
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
pub(super) fn names(parts: &[NewExchange]) -> Vec<String> {
    let of_part = |part: &NewExchange| {
        let copy = match &part.body {
            NewBody::File { temporary, .. } => temporary.file_name(),
            _ => None,
        };
        let copy = copy.map(|name| name.to_string_lossy().into_owned());
        let id = part.id;
        [Some(id.to_string()), Some(growing::notes_name(id)), copy]
    };
    parts.iter().flat_map(of_part).flatten().collect()
}

fn copied(growing: &Growing, folder: &SessionFolder, id: ExchangeId) -> std::io::Result<NewBody> {
    // A run that was killed at this leaves half a copy.
    chunks::remove_download(&folder.chunks(), id)?;
    let mut copy = DownloadFile::create(&folder.chunks(), id)?;
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
    let resource = ResourceKey {
        stream_id: left.stream_id,
        kind: Kind::Main,
        url: left.url,
        range: None,
    };
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
