//! Small requests for large answers, of clients that do not read them.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;

use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, ByteRange, DownloadFile, Kind, NewBody, NewExchange, ResourceKey, Sessions,
    Writer, digest,
};

use crate::support::replayed::{LIVE, Replayed, converse, get};

const FILM: &str = "http://origin.example/live/film.mp4";
const CATALOGUE: &str = "http://origin.example/live/catalogue.m3u8";
/// The film came in so many parts, of this size.
const PARTS: u64 = 300;
const PART: u64 = 96 * 1024;
/// Clients that ask and do not read.
const IDLE: usize = 24;

/// A part of the film.
fn scene(number: u64) -> Vec<u8> {
    (0..PART).map(|at| (at * 7 + number * 13) as u8).collect()
}

/// A playlist of several megabytes, each line of which leads away.
fn catalogue() -> String {
    let lines = (0..50_000).map(|n| {
        format!(
            "#EXTINF:4,\nhttp://shelf{}.example/a/long/way/film{n}.ts\n",
            n % 7
        )
    });
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}",
        lines.collect::<String>()
    )
}

/// Adds both to a session.
fn add(folder: &Path) {
    let sessions = Sessions::new(folder.parent().unwrap());
    let folder = sessions.find("hostile").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (writer, _) = Writer::resume(&folder, Clock::start(), "test").unwrap();
        let at_us = writer.zero_us();
        let asked = |resource| {
            let listed = Availability::Listed(at_us);
            NewExchange::requested(writer.next_id(), resource, listed, at_us)
        };
        let id = writer
            .stream("ch1", "http://origin.example/live/ch1.m3u8")
            .await
            .unwrap();
        for number in 0..PARTS {
            let range = ByteRange {
                first: number * PART,
                length: PART,
            };
            let resource = ResourceKey {
                range: Some(range),
                ..ResourceKey::whole(id, Kind::Segment, FILM.to_owned())
            };
            let exchange = asked(resource);
            let mut file = DownloadFile::create(&folder.chunks(), exchange.id).unwrap();
            file.write(&scene(number)).unwrap();
            writer
                .exchange(NewExchange {
                    status: Some(206),
                    body_first: Some(range.first),
                    resource_bytes: Some(PARTS * PART),
                    body: file.finish().unwrap(),
                    ..exchange
                })
                .await;
        }
        let text = catalogue().into_bytes();
        let resource = ResourceKey::whole(id, Kind::Media, CATALOGUE.to_owned());
        writer
            .exchange(NewExchange {
                status: Some(200),
                body: NewBody::Bytes {
                    sha256: digest(&text),
                    data: text.into(),
                    binary: false,
                },
                ..asked(resource)
            })
            .await;
        writer.finish("stopped").await.unwrap();
    });
}

fn open_files(replayed: &Replayed) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", replayed.id()));
    files.unwrap().count()
}

/// Asks, and reads no more than that an answer begins.
fn ask(replayed: &Replayed, path: &str) -> TcpStream {
    use std::io::Write;
    let mut client = replayed.connect();
    client.write_all(&get(path)).unwrap();
    let mut begin = [0; 12];
    client.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200", "{path}");
    client
}

#[test]
fn a_film_in_hundreds_of_parts_takes_one_open_file_for_each_who_watches() {
    let mut replayed = Replayed::start_after(add);
    replayed.check();
    let before = open_files(&replayed);
    let path = format!("{LIVE}/film.mp4");
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| ask(&replayed, &path)).collect();
    let open = open_files(&replayed) - before;
    // A connection and a file for each; readers of the database are a few more.
    assert!(
        open <= 2 * IDLE + 40,
        "{open} open files for {IDLE} clients"
    );

    let mut client = replayed.connect();
    let answer = converse(&mut client, &get(&path), true);
    assert_eq!(answer.body.len() as u64, PARTS * PART);
    for (number, part) in (0..).zip(answer.body.chunks(PART as usize)) {
        assert!(part == scene(number), "part {number}");
    }
    drop(idle);
    replayed.check();
}

#[test]
fn one_large_playlist_on_many_clocks_is_in_memory_once() {
    let mut replayed = Replayed::start_after(add);
    replayed.check();
    let path = format!("{LIVE}/catalogue.m3u8");
    let first = ask(&replayed, &path);
    let once = replayed.most_memory();
    let zero_ms = Clock::start().now_us() / 1000 - 1_000;
    let clocked: Vec<TcpStream> = (0..60)
        .map(|n| ask(&replayed, &format!("/@{}{path}", zero_ms - n)))
        .collect();
    let asked: Vec<TcpStream> = (0..60)
        .map(|n| ask(&replayed, &format!("{path}?nobody-knows={n}")))
        .collect();
    let more = replayed.most_memory() - once;
    // Without one text for all it is some 300 MB.
    assert!(more < 100_000_000, "{more} bytes more, first {once}");
    drop((first, clocked, asked));
    replayed.check();
}
