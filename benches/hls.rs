//! How fast the text of a large playlist is read and rewritten: 10,000 segments, as a DVR
//! window of a day has them. A replay rewrites at every request.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use isrecorder::hls::{self, MediaReader, Place, Variables};
use url::Url;

const SEGMENTS: usize = 10_000;

/// A playlist with dates and keys, its references beginning with `prefix`.
fn playlist(prefix: &str) -> String {
    let mut body = String::from("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n");
    for n in 0..SEGMENTS {
        if n % 100 == 0 {
            body +=
                &format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{prefix}key{n}.bin\",IV=0x{n:032x}\n");
        }
        body += &format!("#EXTINF:6.006,\n{prefix}video/1080p/segment-{n:08}.ts?session=c0ffee\n");
    }
    body
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let origin = url("https://cdn.example.com/live/ch1/index.m3u8?session=c0ffee");
    let replayed = hls::replay_path(&origin).unwrap_or_default();
    let served = url(&format!("http://replay.test{replayed}"));
    let elsewhere = url("http://replay.test/stream.m3u8");
    let relative = playlist("");
    let absolute = playlist("https://cdn.example.com/live/ch1/");

    let mut group = criterion.benchmark_group("hls");
    group.throughput(Throughput::Bytes(relative.len() as u64));
    group.bench_function("lines", |b| {
        b.iter(|| hls::lines(black_box(relative.as_bytes())).count());
    });
    group.bench_function("uris", |b| {
        b.iter(|| hls::uris(black_box(relative.as_bytes())).count());
    });
    let imports = Variables::default();
    group.bench_function("read_media", |b| {
        b.iter(|| hls::read_media(black_box(relative.as_bytes()), &origin, &imports));
    });
    // The revision after another one that is kept: a segment more, or a window that slides.
    let grown = format!("{relative}#EXTINF:6.006,\nvideo/1080p/next.ts\n").into_bytes();
    let first = relative.find("#EXTINF").unwrap_or(0);
    let second = first + relative[first..].find(".ts").unwrap_or(0);
    let second = second
        + relative[second..]
            .find('\n')
            .map_or(0, |newline| newline + 1);
    let slid = [&relative[..first], &relative[second..]].concat();
    for (name, next) in [("grown", grown), ("slid", slid.into_bytes())] {
        let revisions = [Bytes::from(relative.clone()), Bytes::from(next)];
        let mut reader = MediaReader::default();
        let mut turn = 0;
        group.bench_function(format!("MediaReader, {name}"), |b| {
            b.iter(|| {
                turn = 1 - turn;
                reader.read(black_box(&revisions[turn]), &origin, &imports)
            });
        });
    }
    let cases = [
        ("rewrite relative, nothing to do", &relative, &served),
        ("rewrite relative, all replaced", &relative, &elsewhere),
        ("rewrite absolute, all replaced", &absolute, &served),
    ];
    for (name, body, served) in cases {
        let place = Place {
            origin: &origin,
            served,
            imports: &imports,
        };
        group.bench_function(name, |b| {
            b.iter(|| hls::rewrite(black_box(body.as_bytes()), &place, &hls::replay_path).len());
        });
    }
    group.finish();
    criterion.final_summary();
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
