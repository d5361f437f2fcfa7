//! A live origin in this process: it publishes by the clock, a segment a second in each
//! playlist, and answers conditional requests.
// Each benchmark uses some of it.
#![allow(dead_code)]

use std::convert::Infallible;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use isrecorder::clock;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use self::serve::serve;

#[path = "../support/serve.rs"]
mod serve;

/// Media playlists, all of one multivariant playlist.
pub const PLAYLISTS: u32 = 8;
/// Segments that a playlist lists.
const WINDOW: u64 = 6;
/// Segments of so many consecutive numbers come in all the ways that there are.
const TURN: u64 = 4;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The origin, until it is dropped.
pub struct Origin {
    address: SocketAddr,
    began: Instant,
    _runtime: Runtime,
}

/// What it serves.
struct Content {
    began: Instant,
    /// Each segment is a part of it, each another one.
    bytes: Bytes,
    segment_bytes: usize,
}

impl Origin {
    /// With segments of so many bytes.
    pub fn start(segment_bytes: usize) -> Result<Self> {
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let began = clock::instant();
        let bytes = (0_u32..).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes());
        let bytes = bytes.take(2 * segment_bytes).collect();
        let content = Arc::new(Content {
            began,
            bytes,
            segment_bytes,
        });
        runtime.spawn(serve(listener, move |request| content.answer(request)));
        Ok(Self {
            address,
            began,
            _runtime: runtime,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/main.m3u8", self.address)
    }

    /// A media playlist that is no part of another; any number has one.
    pub fn playlist_url(&self, number: u32) -> String {
        format!("http://{}/{number}/live.m3u8", self.address)
    }

    /// Waits for a moment from which on it does what it did from the last one on.
    pub fn wait_for_the_turn(&self) {
        let turn_us = Duration::from_secs(TURN).as_micros();
        let passed_us = self.began.elapsed().as_micros() % turn_us;
        let left_us = u64::try_from(turn_us - passed_us).unwrap_or(0);
        thread::sleep(Duration::from_micros(left_us));
    }
}

impl Content {
    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        if path == "/main.m3u8" {
            return playlist(main_playlist(), "main", request);
        }
        let numbers = path.trim_start_matches('/').split_once('/');
        let parsed = numbers.and_then(|(playlist, rest)| {
            let playlist: u64 = playlist.parse().ok()?;
            Some((playlist, rest.strip_suffix(".ts").map(str::parse::<u64>)))
        });
        match parsed {
            Some((_, None)) => {
                let newest = WINDOW + self.began.elapsed().as_secs();
                playlist(media_playlist(newest), &newest.to_string(), request)
            }
            Some((playlist, Some(Ok(n)))) => self.segment(playlist, n),
            _ => with_status(StatusCode::NOT_FOUND),
        }
    }

    fn segment(&self, playlist: u64, n: u64) -> Response<Body> {
        let first = (n * u64::from(PLAYLISTS) + playlist) % self.segment_bytes as u64;
        let first = usize::try_from(first).unwrap_or(0);
        let whole = self.bytes.slice(first..first + self.segment_bytes);
        let body = match n % TURN {
            0 => in_parts(whole, 48, Duration::from_millis(17)),
            2 => in_parts(whole, 2, Duration::from_millis(300)),
            _ => in_memory(whole),
        };
        Response::builder()
            .header(header::CONTENT_TYPE, "video/mp2t")
            .header(header::CONTENT_LENGTH, self.segment_bytes)
            .header(header::CACHE_CONTROL, "max-age=60")
            .header(header::ETAG, format!("\"{playlist}-{n}\""))
            .body(body)
            .unwrap_or_else(|_| with_status(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

fn playlist(text: String, tag: &str, request: &Request<Incoming>) -> Response<Body> {
    let tag = format!("\"{tag}\"");
    let known = request.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return with_status(StatusCode::NOT_MODIFIED);
    }
    Response::builder()
        .header(header::CONTENT_TYPE, "application/vnd.apple.mpegurl")
        .header(header::CACHE_CONTROL, "max-age=1")
        .header(header::ETAG, tag)
        .body(in_memory(text.into()))
        .unwrap_or_else(|_| with_status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn main_playlist() -> String {
    let mut text = "#EXTM3U\n".to_owned();
    for n in 0..PLAYLISTS {
        let bandwidth = 2_400_000 + n;
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\n{n}/live.m3u8"
        );
    }
    text
}

fn media_playlist(newest: u64) -> String {
    let first = newest - WINDOW;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for n in first..newest {
        let _ = writeln!(text, "#EXTINF:1.0,\n{n}.ts");
    }
    text
}

fn with_status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(in_memory(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn in_memory(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

/// A body in so many parts, with pauses between them.
fn in_parts(whole: Bytes, count: usize, pause: Duration) -> Body {
    let size = whole.len().div_ceil(count);
    let parts = futures_util::stream::unfold((whole, false), move |(mut left, began)| async move {
        if left.is_empty() {
            return None;
        }
        if began {
            tokio::time::sleep(pause).await;
        }
        let part = left.split_to(size.min(left.len()));
        Some((Ok(Frame::data(part)), (left, true)))
    });
    StreamBody::new(parts).boxed_unsync()
}
