//! What polls of a 1 MB playlist cost the real `isrecorder`, by what comes of them.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use isrecorder::clock;
use tokio::net::TcpListener;

#[path = "../support/serve.rs"]
mod serve;
#[path = "../support/mod.rs"]
mod support;

use serve::serve;
use support::Measured;

/// So many segments make the playlist 1 MB large.
const SEGMENTS: u64 = 10_000;
/// The shortest that there is.
const INTERVAL: &str = "0.2";
/// Of one kind of answer.
const PHASE: Duration = Duration::from_secs(20);
/// Answers of the kind before may be under way.
const BETWEEN: Duration = Duration::from_secs(2);
/// The recorder fetches all segments first.
const PATIENCE: Duration = Duration::from_secs(300);

/// What comes of a poll.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    /// The same text, without anything to ask about it.
    Same,
    /// 304.
    Confirmed,
    /// A segment more.
    Changed,
}

struct Content {
    answer: Mutex<Answer>,
    text: Mutex<(u64, Bytes)>,
    polls: AtomicU64,
    fetched: AtomicU64,
}

/// Prints a line for each kind of answer.
pub fn run() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let url = format!("http://{}/live/event.m3u8", listener.local_addr()?);
    let content = Arc::new(Content::new());
    let origin = Arc::clone(&content);
    runtime.spawn(serve(listener, move |request| origin.answer(request)));
    let program = std::env::var("ISRECORDER");
    let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_isrecorder").to_owned());
    let mut command = Command::new(program);
    command
        .args(["--poll", INTERVAL, "-q", "-s", "polls", "-o"])
        .arg(temporary.path())
        .arg(&url)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut recorder = Measured::start(&mut command)?;
    let began = clock::instant();
    while content.fetched.load(Ordering::Relaxed) < SEGMENTS {
        ensure!(began.elapsed() < PATIENCE, "it does not fetch the segments");
        thread::sleep(Duration::from_millis(100));
    }
    println!(
        "a playlist of {} kB\n    answer  polls  CPU per poll",
        content.size() / 1000
    );
    for answer in [Answer::Same, Answer::Confirmed, Answer::Changed] {
        content.set(answer);
        thread::sleep(BETWEEN);
        let (cpu, polls) = (recorder.cpu()?, content.polls.load(Ordering::Relaxed));
        thread::sleep(PHASE);
        let cpu = recorder.cpu()? - cpu;
        let polls = content.polls.load(Ordering::Relaxed) - polls;
        let each = cpu.checked_div(u32::try_from(polls)?).unwrap_or_default();
        println!(
            "{:>10}  {polls:>5}  {:>9} us",
            format!("{answer:?}"),
            each.as_micros()
        );
    }
    recorder.interrupt()?;
    println!("memory at most: {} MiB", recorder.end()?.memory_kib / 1024);
    Ok(())
}

impl Content {
    fn new() -> Self {
        let head =
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:EVENT\n";
        let mut text = head.to_owned();
        (0..SEGMENTS).for_each(|n| text += &lines(n));
        Self {
            answer: Mutex::new(Answer::Confirmed),
            text: Mutex::new((SEGMENTS, text.into())),
            polls: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
        }
    }

    fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    fn size(&self) -> usize {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.1.len()
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path().ends_with(".ts") {
            self.fetched.fetch_add(1, Ordering::Relaxed);
            return Response::new(Full::from(&[0x47; 188][..]));
        }
        self.polls.fetch_add(1, Ordering::Relaxed);
        let answer = *self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if answer == Answer::Changed {
            let next = format!("{}{}", String::from_utf8_lossy(&text.1), lines(text.0));
            *text = (text.0 + 1, next.into());
        }
        let tag = format!("\"{}\"", text.0);
        let known = request.headers().get(header::IF_NONE_MATCH);
        let is_known = known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let mut response = Response::new(Full::new(text.1.clone()));
        if answer == Answer::Confirmed && is_known {
            response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        if answer != Answer::Same
            && let Ok(tag) = tag.parse()
        {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

fn lines(n: u64) -> String {
    let mut lines = String::from("#EXTINF:2.00,\n");
    let (from, until) = (n * 2, n * 2 + 2);
    // Of a name as long as those of many packagers.
    let _ = writeln!(
        lines,
        "channel_in_full_hd/video_1080p/2026-11-21/npt={from:08}.0000-{until:08}.0000_pid=36,37.ts"
    );
    lines
}
