//! A whole session, asked over whole requests, without a socket.

mod again;
mod announced;
mod caching;
mod content;
mod deltas;
mod dvr;
mod faults;
mod healed;
mod low_latency;
mod memory;
mod moment;
mod page;
mod rule;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::body::Body;
use super::testing::{MAIN, Recording, bytes, headers};
use super::{AtEnd, Dates, Faults, Options, Replay};
use crate::clock::Clock;
use crate::hls::ByteRange;
use crate::replayer::response::reply::Reply;
use crate::session::{Found, Kind, Outcome, Reader};

const MULTIVARIANT: &str = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"segments\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\nv1/a.m3u8\n";
const MEDIA: &str = "http://origin.example/live/v1/a.m3u8";
const SEGMENT: &str = "http://origin.example/live/v1/s1.ts";

fn replay(recording: &Recording, offset_ms: u64, at_end: AtEnd) -> Arc<Replay> {
    let options = Options {
        offset: Duration::from_millis(offset_ms),
        at_end,
        ..Options::default()
    };
    open(recording, options)
}

fn open(recording: &Recording, options: Options) -> Arc<Replay> {
    Arc::new(Replay::open(recording.folder.clone(), Clock::start(), options).unwrap())
}

fn request(method: Method, path: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

async fn get(replay: &Arc<Replay>, path: &str, fields: &[(&str, &str)]) -> Response<Body> {
    replay
        .respond(&replay.receive(request(Method::GET, path, fields)))
        .await
        .response
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

fn field<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn path(url: &str) -> String {
    crate::hls::replay_path(&url::Url::parse(url).unwrap()).unwrap()
}

async fn channel() -> Recording {
    let recording = Recording::start().await;
    let cached = [
        ("content-type", "application/x-mpegurl"),
        ("cache-control", "max-age=3600"),
        ("etag", "\"v1\""),
        ("set-cookie", "a=b"),
    ];
    recording
        .text(Kind::Main, MAIN, 0, MULTIVARIANT, &cached)
        .await;
    recording
        .text(
            Kind::Media,
            MEDIA,
            0,
            "#EXTM3U\n#EXTINF:4,\ns1.ts\n",
            &cached,
        )
        .await;
    recording
        .text(
            Kind::Media,
            MEDIA,
            10_000,
            "#EXTM3U\n#EXTINF:4,\nhttps://cdn.example/s2.ts\n",
            &cached,
        )
        .await;
    let mut segment = recording.exchange(Kind::Segment, SEGMENT, 0);
    segment.body = recording.file(segment.id, b"0123456789");
    segment.headers = Some(headers(&[("etag", "\"s1\"")]));
    recording.add(segment).await;
    recording
        .chunk("https://cdn.example/s2.ts", 10_000, b"abc")
        .await;
    recording
}

/// The path that a reference leads to from another one.
fn led(from: &str, reference: &str) -> String {
    let base = url::Url::parse(&format!("http://replay.test{from}")).unwrap();
    let url = base.join(reference).unwrap();
    let path = url.as_str().strip_prefix("http://replay.test");
    assert!(!reference.starts_with('/'), "{reference}");
    path.unwrap().to_owned()
}

fn path_of_media() -> String {
    path(MEDIA)
}
