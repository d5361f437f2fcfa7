//! A revision costs what changed, and comes back byte for byte.

use std::fmt::Write as _;

use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, Body, Kind, NewBody, NewExchange, NewRevision, Reader, ResourceKey,
    SessionFolder, Sessions, Writer, digest,
};

const URL: &str = "http://origin.example/live/dvr.m3u8";

/// A playlist with `count` segments from `first` on.
fn playlist(first: usize, count: usize) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for n in first..first + count {
        write!(text, "#EXTINF:6.006,\n2026/11/20/segment-{n:08}.ts\n").unwrap();
    }
    text
}

/// Records the texts as revisions of one playlist, one a second.
async fn record(folder: &SessionFolder, texts: &[String]) {
    let clock = Clock::start();
    let (writer, _) = Writer::create(folder, clock, "test").unwrap();
    let stream_id = writer.stream("dvr", URL).await.unwrap();
    for (second, text) in (0..).zip(texts) {
        let resource = ResourceKey::whole(stream_id, Kind::Media, URL.to_owned());
        let at_us = clock.started_us() + second * 1_000_000;
        let data = text.clone().into_bytes();
        let exchange = NewExchange {
            wait_us: Some(0),
            status: Some(200),
            body: NewBody::Bytes {
                sha256: digest(&data),
                data: data.into(),
                binary: false,
            },
            revision: Some(NewRevision::default()),
            ..NewExchange::requested(writer.next_id(), resource, Availability::Response, at_us)
        };
        writer.exchange(exchange).await;
    }
    writer.finish("finished").await.unwrap();
}

/// Records, checks that every text comes back, from our reader and in SQL; the size of the database.
fn database_bytes(texts: &[String]) -> u64 {
    let temporary = tempfile::tempdir().unwrap();
    let folder = Sessions::new(temporary.path()).create(None).unwrap();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(record(&folder, texts));
    let reader = Reader::open(&folder).unwrap();
    let db = rusqlite::Connection::open(folder.database()).unwrap();
    let mut select = db
        .prepare(
            "SELECT t.text FROM exchange e JOIN body_text t ON t.id = e.body_id WHERE e.id = ?1",
        )
        .unwrap();
    for (id, text) in (1..).zip(texts) {
        match reader.body_of(id).unwrap() {
            Some(Body::Bytes(body)) => assert_eq!(body, text.as_bytes(), "exchange {id}"),
            other => panic!("exchange {id}: {other:?}"),
        }
        let in_sql: String = select.query_row([id], |row| row.get(0)).unwrap();
        assert_eq!(&in_sql, text, "exchange {id}");
    }
    folder.database().metadata().unwrap().len()
}

#[test]
fn an_event_playlist_that_grows_costs_its_new_lines() {
    let texts: Vec<String> = (1..=600).map(|count| playlist(0, count)).collect();
    let whole: usize = texts.iter().map(String::len).sum();
    let bytes = database_bytes(&texts);
    assert!(whole > 8_000_000, "{whole}");
    // Of which 200 kB are the first revisions, which are small enough to be kept whole.
    assert!(bytes < 600_000, "{bytes}");
}

#[test]
fn a_long_window_that_slides_costs_its_head_and_its_new_lines() {
    let texts: Vec<String> = (0..400).map(|first| playlist(first, 400)).collect();
    let bytes = database_bytes(&texts);
    assert!(bytes < 400_000, "{bytes}");
}

#[test]
fn two_edges_that_take_turns_cost_no_copies() {
    let texts: Vec<String> = (0..200).map(|n| playlist(n / 2 + n % 2 * 2, 400)).collect();
    let bytes = database_bytes(&texts);
    assert!(bytes < 400_000, "{bytes}");
}
