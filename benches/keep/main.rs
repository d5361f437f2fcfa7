//! A simulated week with `--keep`: as many revisions, chunks and polls as a channel of 15 s
//! segments has in it, written as fast as they go, of which the last seconds are kept, while
//! somebody reads without a pause.
//!
//! `cargo bench --bench keep [REVISIONS]` prints a line for each tenth: everything is to be
//! flat from the second on.

#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use isrecorder::clock::{self, Clock};
use isrecorder::session::{
    Availability, DownloadFile, Keep, Kind, NewBody, NewExchange, NewListing, NewRevision, Reader,
    ResourceKey, SessionFolder, Sessions, Writer, digest,
};

const PLAYLIST: &str = "http://origin.example/live/ch1.m3u8";
/// A week of 15 s segments.
const REVISIONS: u64 = 40_320;
/// Kept of it.
const WINDOW: Duration = Duration::from_secs(3);
/// Polls for each revision.
const POLLS: u64 = 4;
const SEGMENT_BYTES: usize = 20_000;

#[tokio::main]
async fn main() -> Result<()> {
    let number = std::env::args().find_map(|argument| argument.parse().ok());
    let revisions: u64 = number.unwrap_or(REVISIONS);
    let temporary = tempfile::tempdir()?;
    let folder = Sessions::new(temporary.path()).create(None)?;
    let (writer, _failure) = Writer::create(&folder, Clock::start(), "bench")?;
    writer
        .keep(Keep {
            time: Some(WINDOW),
            ..Keep::default()
        })
        .await;
    let stream_id = writer.stream("ch1", PLAYLIST).await?;
    let over = Arc::new(AtomicBool::new(false));
    let reading = std::thread::spawn({
        let (folder, over) = (folder.clone(), Arc::clone(&over));
        move || read(&folder, &over)
    });
    println!("revisions  seconds  exchanges   database        WAL   chunks  memory  descriptors");
    let began = clock::instant();
    for number in 0..revisions {
        revise(&writer, stream_id, number).await?;
        if (number + 1) % (revisions / 10).max(1) == 0 {
            let seconds = clock::instant().duration_since(began).as_secs_f64();
            print!("{:>9}  {seconds:>7.1}", number + 1);
            report(&folder)?;
        }
    }
    over.store(true, Ordering::Relaxed);
    let answers = reading.join().ok().context("the reader failed")??;
    writer.finish("finished").await?;
    println!("the reader got {answers} answers");
    Ok(())
}

/// A revision with a new segment, and the polls until the next.
async fn revise(writer: &Writer, stream_id: i64, number: u64) -> Result<()> {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{number}\n");
    for n in number..number + 6 {
        text += &format!("#EXTINF:1.0,\nday{}/segment{n}.ts\n", n / 5_760);
    }
    let playlist = ResourceKey::whole(stream_id, Kind::Main, PLAYLIST.to_owned());
    let now_us = writer.clock().now_us();
    let n = number + 5;
    let url = format!("http://origin.example/live/day{}/segment{n}.ts", n / 5_760);
    let segment = ResourceKey::whole(stream_id, Kind::Segment, url);
    let asked = |resource: &ResourceKey, availability| NewExchange {
        wait_us: Some(0),
        lag_us: Some(0),
        status: Some(200),
        ..NewExchange::requested(writer.next_id(), resource.clone(), availability, now_us)
    };
    let data = text.into_bytes();
    let mut revision = asked(&playlist, Availability::Response);
    revision.body = NewBody::Bytes {
        sha256: digest(&data),
        data: data.into(),
        binary: false,
    };
    revision.revision = Some(NewRevision {
        advance: true,
        media_sequence: i64::try_from(number).ok(),
        target_duration_us: Some(250_000),
        ..NewRevision::default()
    });
    let id = revision.id;
    let listing = NewListing {
        revision: id,
        from_us: now_us,
        pending: vec![segment.clone()],
        ..NewListing::default()
    };
    writer.listed(listing).await;
    writer.exchange(revision).await;
    let mut fetched = asked(&segment, Availability::Listed(now_us));
    fetched.referrer_id = Some(id);
    let mut file = DownloadFile::create(&writer.folder().chunks(), fetched.id)?;
    file.write(&n.to_le_bytes().repeat(SEGMENT_BYTES / 8))?;
    fetched.body = file.finish()?;
    writer.exchange(fetched).await;
    for _ in 1..POLLS {
        let mut poll = asked(&playlist, Availability::Response);
        poll.status = Some(304);
        poll.confirms_id = Some(id);
        writer.exchange(poll).await;
    }
    Ok(())
}

/// Asks for the playlist without a pause; how often it was there.
fn read(folder: &SessionFolder, over: &AtomicBool) -> Result<u64> {
    let reader = Reader::open(folder)?;
    let mut answers = 0;
    while !over.load(Ordering::Relaxed) {
        let now_us = clock::system_us();
        reader.answer(PLAYLIST, None, now_us, true)?;
        answers += 1;
    }
    Ok(answers)
}

fn report(folder: &SessionFolder) -> Result<()> {
    let database = folder.database();
    let size = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
    let db = rusqlite::Connection::open_with_flags(
        &database,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )?;
    let exchanges: u64 = db.query_row("SELECT count(*) FROM exchange", [], |row| {
        row.get::<_, i64>(0)
    })? as u64;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let descriptors = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    println!(
        "  {exchanges:>9}  {:>6} kB  {:>6} kB  {:>7}  {}  {descriptors}",
        size(&database) / 1000,
        size(&database.with_file_name("session.db-wal")) / 1000,
        files(&folder.chunks()),
        memory.unwrap_or("?").trim(),
    );
    Ok(())
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let count = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files(&entry.path()),
        _ => 1,
    };
    entries.map(count).sum()
}
