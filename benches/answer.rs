//! How fast `answer(url, t)` is in a session of 100,000 exchanges: what every request to a
//! replay costs. One media playlist with a revision at every fourth poll, and segments.

use std::hint::black_box;

use criterion::Criterion;
use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, Found, Headers, Kind, NewBody, NewExchange, Reader, ResourceKey, Sessions,
    Writer, digest,
};

const EXCHANGES: i64 = 100_000;
const PLAYLIST: &str = "https://cdn.example.com/live/ch1/index.m3u8";
/// Microseconds between two exchanges.
const STEP_US: i64 = 500_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => panic!("no temporary folder: {error}"),
    };
    let (reader, zero_us) = session(folder.path());
    let mut group = criterion.benchmark_group("answer");
    let mut at = 0_i64;
    let mut next = move || {
        // Jumps about, as players at many moments do.
        at = (at + 7_919) % EXCHANGES;
        at
    };
    group.bench_function("playlist", |b| {
        b.iter(|| ask(&reader, PLAYLIST, zero_us + next() * STEP_US));
    });
    group.bench_function("segment", |b| {
        b.iter(|| {
            let n = next() / 5 * 5 + 4;
            ask(&reader, &segment(n), zero_us + EXCHANGES * STEP_US)
        });
    });
    group.bench_function("never recorded", |b| {
        b.iter(|| black_box(reader.answer("https://cdn.example.com/other", None, zero_us, false)));
    });
    group.finish();
    criterion.final_summary();
}

fn ask(reader: &Reader, url: &str, at_us: i64) {
    match black_box(reader.answer(url, None, at_us, false)) {
        Ok(Found::Answer(_)) => {}
        other => panic!("{url} at {at_us}: {other:?}"),
    }
}

fn segment(n: i64) -> String {
    format!("https://cdn.example.com/live/ch1/segment{n}.ts")
}

/// Four polls of the playlist, then a segment, and again.
fn session(folder: &std::path::Path) -> (Reader, i64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let made = runtime.map(|runtime| runtime.block_on(write(folder)));
    match made {
        Ok(made) => made,
        Err(error) => panic!("no runtime: {error}"),
    }
}

async fn write(folder: &std::path::Path) -> (Reader, i64) {
    let Ok(folder) = Sessions::new(folder).create(None) else {
        panic!("no session");
    };
    let clock = Clock::start();
    let zero_us = clock.started_us();
    let Ok((writer, _failure)) = Writer::create(&folder, clock, "bench") else {
        panic!("no database");
    };
    let Ok(stream_id) = writer.stream("ch1", PLAYLIST).await else {
        panic!("no stream");
    };
    let mut before = None;
    for n in 0..EXCHANGES {
        let (kind, url) = match n % 5 {
            4 => (Kind::Segment, segment(n)),
            _ => (Kind::Media, PLAYLIST.to_owned()),
        };
        let resource = ResourceKey::whole(stream_id, kind, url);
        let mut exchange = exchange(writer.next_id(), resource, zero_us + n * STEP_US);
        match (n % 5, before) {
            (1..=3, Some(id)) => {
                exchange.status = Some(304);
                exchange.confirms_id = Some(id);
            }
            _ => {
                let data = format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{n}\n").into_bytes();
                exchange.body = NewBody::Bytes {
                    sha256: digest(&data),
                    data: data.into(),
                    binary: false,
                };
            }
        }
        if n % 5 == 0 {
            before = Some(exchange.id);
        }
        writer.exchange(exchange).await;
    }
    if let Err(error) = writer.finish("stopped").await {
        panic!("{error}");
    }
    match Reader::open(&folder) {
        Ok(reader) => (reader, zero_us),
        Err(error) => panic!("{error}"),
    }
}

fn exchange(id: i64, resource: ResourceKey, at_us: i64) -> NewExchange {
    NewExchange {
        lag_us: Some(100),
        wait_us: Some(1_000),
        receive_us: Some(0),
        status: Some(200),
        headers: Some(Headers(vec![(
            "content-type".to_owned(),
            b"text/plain".to_vec(),
        )])),
        ..NewExchange::requested(id, resource, Availability::Listed(at_us), at_us)
    }
}
