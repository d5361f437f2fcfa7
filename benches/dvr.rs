//! How long the first request for a DVR playlist takes, and a request after it: 24 h of a
//! channel of 2 s segments with a window of six and a key for each; and 4 h of one whose
//! window grows (writing that costs the square of its length).

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use http::Request;
use isrecorder::clock::Clock;
use isrecorder::replayer::{Options, Replay};
use isrecorder::session::{
    Availability, ExchangeId, Kind, NewBody, NewExchange, NewRevision, ResourceKey, SessionFolder,
    Sessions, Writer, digest,
};

/// Name of a channel, its segments, and those that a playlist lists.
const CHANNELS: [(&str, i64, i64); 2] =
    [("24 h sliding", 43_200, 6), ("4 h growing", 7_200, 7_200)];
const STEP_US: i64 = 2_000_000;
const PLAYLIST: &str = "https://cdn.example.com/live/ch1/index.m3u8";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"));
    let mut group = criterion.benchmark_group("dvr");
    group.sample_size(10);
    for (name, segments, window) in CHANNELS {
        let temporary = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let folder = runtime.block_on(Channel::write(temporary.path(), segments, window));
        group.bench_function(format!("{name}, first request"), |b| {
            b.iter_batched(
                || open(&folder),
                |replay| runtime.block_on(ask(&replay, "identity")),
                BatchSize::PerIteration,
            );
        });
        let replay = open(&folder);
        let whole = runtime.block_on(ask(&replay, "identity"));
        assert!(i64::try_from(whole).is_ok_and(|whole| whole > 40 * segments));
        group.bench_function(format!("{name}, next request"), |b| {
            b.iter(|| runtime.block_on(ask(&replay, "identity")));
        });
        let small = runtime.block_on(ask(&replay, "gzip"));
        assert!(small < whole / 4, "{small} of {whole} bytes");
        group.bench_function(format!("{name}, next request in gzip"), |b| {
            b.iter(|| runtime.block_on(ask(&replay, "gzip")));
        });
    }
    group.finish();
    criterion.final_summary();
}

fn open(folder: &SessionFolder) -> Arc<Replay> {
    match Replay::open(folder.clone(), Clock::start(), Options::default()) {
        Ok(replay) => Arc::new(replay),
        Err(error) => panic!("{error}"),
    }
}

/// How many bytes the playlist has, as it comes to who takes a content coding.
async fn ask(replay: &Arc<Replay>, coding: &str) -> usize {
    let request = Request::get("/dvr.m3u8").header("accept-encoding", coding);
    let request = request.body(());
    let Ok((request, ())) = request.map(Request::into_parts) else {
        panic!("no request");
    };
    let reply = replay.respond(&replay.receive(request)).await;
    let length = reply.response.and_then(|response| {
        let length = response.headers().get("content-length")?;
        length.to_str().ok()?.parse::<usize>().ok()
    });
    length.unwrap_or_else(|| panic!("no playlist"))
}

/// A channel that is written: with a key for each segment.
struct Channel {
    writer: Writer,
    stream_id: i64,
    zero_us: i64,
}

impl Channel {
    async fn write(folder: &Path, segments: i64, window: i64) -> SessionFolder {
        let folder = Sessions::new(folder)
            .create(None)
            .unwrap_or_else(|error| panic!("{error}"));
        let clock = Clock::start();
        let (writer, _failure) =
            Writer::create(&folder, clock, "bench").unwrap_or_else(|error| panic!("{error}"));
        let stream_id = writer
            .stream("ch1", PLAYLIST)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let channel = Self {
            writer,
            stream_id,
            zero_us: clock.started_us(),
        };
        let mut list = std::collections::VecDeque::new();
        for n in 0..segments {
            list.push_back(format!("#EXTINF:2.0,\nsegment{n}.ts\n"));
            let first = (n + 1 - window).max(0);
            list.drain(..list.len() - usize::try_from(n + 1 - first).unwrap_or(0));
            channel.revision(n, first, &list).await;
        }
        if let Err(error) = channel.writer.finish("stopped").await {
            panic!("{error}");
        }
        folder
    }

    async fn revision(&self, n: i64, first: i64, list: &std::collections::VecDeque<String>) {
        let mut text = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:2\n");
        let _ = write!(
            text,
            "#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n"
        );
        text.extend(list.iter().map(String::as_str));
        let mut exchange = self.exchange(Kind::Media, PLAYLIST, n, text.into_bytes());
        exchange.revision = Some(NewRevision {
            advance: true,
            media_sequence: Some(first),
            segment_count: Some(n + 1 - first),
            last_sequence: Some(n),
            target_duration_us: Some(STEP_US),
            ended: Some(false),
            ..NewRevision::default()
        });
        let revision = exchange.id;
        self.writer.exchange(exchange).await;
        let segment = format!("https://cdn.example.com/live/ch1/segment{n}.ts");
        let key = "https://cdn.example.com/live/ch1/key".to_owned();
        self.fetch(revision, Kind::Segment, &segment, n).await;
        self.fetch(revision, Kind::Key, &key, n).await;
    }

    async fn fetch(&self, revision: ExchangeId, kind: Kind, url: &str, n: i64) {
        let mut exchange = self.exchange(kind, url, n, url.as_bytes().to_vec());
        exchange.referrer_id = Some(revision);
        self.writer.exchange(exchange).await;
    }

    fn exchange(&self, kind: Kind, url: &str, n: i64, data: Vec<u8>) -> NewExchange {
        let at_us = self.zero_us + n * STEP_US;
        let resource = ResourceKey::whole(self.stream_id, kind, url.to_owned());
        let availability = Availability::Listed(at_us);
        NewExchange {
            lag_us: Some(0),
            wait_us: Some(1_000),
            receive_us: Some(0),
            status: Some(200),
            body: NewBody::Bytes {
                sha256: digest(&data),
                data: data.into(),
                binary: kind == Kind::Key,
            },
            ..NewExchange::requested(self.writer.next_id(), resource, availability, at_us)
        }
    }
}
