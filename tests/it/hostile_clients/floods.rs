//! Clients of HTTP/2 that mean it no good: frame by frame, as no library would send them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::replayed::{LARGE, LIVE, Replayed, segment};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const UNKNOWN: u8 = 0xbe;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_HEADER_LIST_SIZE: u16 = 6;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame that came.
#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The number that its payload ends with, or a GOAWAY has as its reason.
    fn reason(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status that the first byte of a head says, in the static table.
    fn status(&self) -> u32 {
        match self.payload[0] {
            0x88 => 200,
            0x89 => 204,
            0x8c => 400,
            0x8d => 404,
            // ":status" with a value of its own.
            _ => 0,
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn setting(name: u16, value: u32) -> Vec<u8> {
    [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A field that is not indexed, in HPACK.
fn field(name: &str, value: &str) -> Vec<u8> {
    let short = |text: &str| {
        assert!(text.len() < 127);
        [&[text.len() as u8], text.as_bytes()].concat()
    };
    [vec![0], short(name), short(value)].concat()
}

/// The head of a GET.
fn head(path: &str) -> Vec<u8> {
    // ":method: GET" and ":scheme: http" of the static table.
    let mut head = vec![0x82, 0x86];
    head.extend(field(":path", path));
    head.extend(field(":authority", "h"));
    head
}

struct Client(TcpStream);

impl Client {
    /// With settings of its own.
    fn connect(replayed: &Replayed, settings: &[u8]) -> Self {
        let mut client = Self(replayed.connect());
        client.0.write_all(PREFACE).unwrap();
        client.send(SETTINGS, 0, 0, settings);
        client
    }

    /// Reads and acknowledges the server's settings: from then on only one thread writes.
    fn settle(&mut self) {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).unwrap();
        assert_eq!((head[3], head[0], head[1]), (SETTINGS, 0, 0));
        let mut settings = vec![0; head[2].into()];
        self.0.read_exact(&mut settings).unwrap();
        self.send(SETTINGS, ACK, 0, &[]);
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        // A server that has heard enough does not read on.
        let _ = self.0.write_all(&frame(kind, flags, stream, payload));
    }

    fn get(&mut self, stream: u32, path: &str) {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &head(path));
    }

    /// The next frame that is not about the connection's settings or windows; `None`: it was closed.
    fn next(&mut self) -> Option<Frame> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).ok()?;
            let frame = Frame {
                kind: head[3],
                flags: head[4],
                stream: u32::from_be_bytes(head[5..].try_into().unwrap()),
                payload,
            };
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]),
                PING if frame.flags & ACK == 0 => self.send(PING, ACK, 0, &frame.payload),
                SETTINGS | WINDOW_UPDATE | PING => {}
                _ => return Some(frame),
            }
        }
    }

    /// The next frame of a stream.
    fn next_of(&mut self, stream: u32) -> Frame {
        let mut frames = std::iter::from_fn(|| self.next());
        frames.find(|frame| frame.stream == stream).unwrap()
    }

    /// Why the server ended the connection; `None`: it did not say.
    fn goodbye(&mut self) -> Option<u32> {
        std::iter::from_fn(|| self.next())
            .find(|frame| frame.kind == GOAWAY)
            .map(|frame| frame.reason())
    }

    /// The answer to a request: status and body.
    fn answer(&mut self, stream: u32) -> (u32, Vec<u8>) {
        let (mut status, mut body) = (0, Vec::new());
        while let Some(frame) = self.next() {
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                HEADERS => status = frame.status(),
                DATA => {
                    let taken = (frame.payload.len() as u32).to_be_bytes();
                    if !frame.payload.is_empty() {
                        self.send(WINDOW_UPDATE, 0, 0, &taken);
                        self.send(WINDOW_UPDATE, 0, stream, &taken);
                    }
                    body.extend(&frame.payload);
                }
                other => panic!("frame {other} with {}", frame.reason()),
            }
            if frame.flags & END_STREAM != 0 {
                break;
            }
        }
        (status, body)
    }
}

/// Sends as many of these as the system takes; how many those were, and why the server ended the connection.
fn flood(replayed: &Replayed, most: u32, make: impl Fn(u32) -> Vec<u8>) -> (u32, Option<u32>) {
    let mut client = Client::connect(replayed, &[]);
    client.settle();
    let mut sending = client.0.try_clone().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut client = client;
            let why = client.goodbye();
            is_over.store(true, Ordering::Release);
            why
        });
        let mut sent = 0;
        while sent < most && !is_over.load(Ordering::Acquire) {
            if sending.write_all(&make(sent)).is_err() {
                break;
            }
            sent += 1;
        }
        (sent, reading.join().unwrap())
    })
}

/// More than anybody may send who asks for nothing; a system may hold so many, and more, before the server reads them.
const MANY: u32 = 300_000;

/// What is sent again and again: its name, and its bytes at each time.
type Flood<'a> = (&'a str, &'a dyn Fn(u32) -> Vec<u8>);

#[test]
fn a_flood_of_frames_that_ask_for_nothing_ends_its_connection_alone() {
    let patient = ["--head-timeout", "300", "--idle-timeout", "300", "-q"];
    let mut replayed = Replayed::start(&patient);
    let mut other = Client::connect(&replayed, &[]);
    let unknown = [0; 100];
    // One is under way all the time: a connection that answers is not idle.
    let window = frame(SETTINGS, 0, 0, &setting(INITIAL_WINDOW_SIZE, 0));
    let large = head(&format!("{LIVE}/large.ts"));
    let ask = frame(HEADERS, END_STREAM | END_HEADERS, 1, &large);
    let beside = |n: u32, frame: Vec<u8>| match n {
        0 => [&window[..], &ask, &frame].concat(),
        _ => frame,
    };
    let floods: [Flood; 6] = [
        ("PING", &|n| beside(n, frame(PING, 0, 0, &[7; 8]))),
        ("SETTINGS", &|n| beside(n, frame(SETTINGS, 0, 0, &[]))),
        ("PRIORITY", &|n| {
            frame(PRIORITY, 0, 2 * (n % 1000) + 1, &[0, 0, 0, 0, 1])
        }),
        ("unknown frames", &|n| {
            beside(n, frame(UNKNOWN, 0, 0, &unknown))
        }),
        ("WINDOW_UPDATE", &|n| {
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1 + (n % 2) as u8])
        }),
        ("PING acknowledgements", &|_| frame(PING, ACK, 0, &[3; 8])),
    ];
    for (name, make) in floods {
        let (sent, why) = flood(&replayed, MANY, make);
        assert_eq!(why, Some(ENHANCE_YOUR_CALM), "{name} after {sent}");
        replayed.check();
        println!("{name}: ended after {sent} were sent");
    }
    other.get(1, &format!("{LIVE}/seg4.ts"));
    assert_eq!(other.answer(1), (200, segment(4)));
}

#[test]
fn a_head_without_end_and_requests_that_are_taken_back_at_once_end_their_connection() {
    let patient = ["--head-timeout", "300", "--idle-timeout", "300", "-q"];
    let mut replayed = Replayed::start(&patient);
    let part = field("x", &"y".repeat(100));
    let (sent, why) = flood(&replayed, MANY, |n| match n {
        0 => frame(HEADERS, END_STREAM, 1, &head("/stream.m3u8")),
        _ => frame(CONTINUATION, 0, 1, &part),
    });
    assert_eq!(why, Some(ENHANCE_YOUR_CALM), "after {sent}");
    println!("CONTINUATION: ended after {sent} were sent");
    replayed.check();

    // RFC 9113 10.5, CVE-2023-44487.
    let taken_back = |n: u32| {
        let (stream, path) = (2 * n + 1, format!("{LIVE}/large.ts"));
        let ask = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(&path));
        [ask, frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
    };
    let (sent, why) = flood(&replayed, MANY, taken_back);
    assert_eq!(why, Some(ENHANCE_YOUR_CALM), "after {sent}");
    println!("rapid reset: ended after {sent} were sent");
    replayed.check();

    // One after the other, each once it is being answered: no more than one is ever under way.
    let mut client = Client::connect(&replayed, &setting(INITIAL_WINDOW_SIZE, 0));
    client.settle();
    let mut streams = (0..MANY).map(|n| 2 * n + 1);
    let (mut count, mut why) = (0, None);
    while why.is_none() {
        let stream = streams.next().unwrap();
        client.get(stream, &format!("{LIVE}/large.ts"));
        let frame = client.next().unwrap();
        match frame.kind {
            HEADERS => client.send(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()),
            _ => why = Some(frame.reason()),
        }
        count += 1;
    }
    assert_eq!(why, Some(ENHANCE_YOUR_CALM));
    println!("one reset after the other: ended after {count}");
    replayed.check();

    // The server is made to reset them (CVE-2025-8671): a window of a stream that grows by nothing.
    let made_to_reset = |n: u32| {
        let (stream, path) = (2 * n + 1, format!("{LIVE}/large.ts"));
        let ask = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(&path));
        [ask, frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
    };
    let (sent, why) = flood(&replayed, MANY, made_to_reset);
    assert!(why.is_some(), "after {sent}");
    println!("made to reset: ended after {sent} were sent, {why:?}");
    replayed.check();
}

#[test]
fn a_stream_whose_client_takes_nothing_is_reset_and_its_connection_goes_on() {
    let patient = ["--stall-timeout", "2", "--idle-timeout", "300"];
    let mut replayed = Replayed::start(&patient);
    let mut client = Client::connect(&replayed, &setting(INITIAL_WINDOW_SIZE, 0));
    let streams: Vec<u32> = (0..100).map(|n| 2 * n + 1).collect();
    for stream in &streams {
        client.get(*stream, &format!("{LIVE}/large.ts"));
    }
    let (mut answered, mut reset) = (0, 0);
    while reset < streams.len() {
        let frame = client.next().unwrap();
        match frame.kind {
            HEADERS => answered += 1,
            RST_STREAM => {
                assert_eq!(frame.reason(), CANCEL);
                reset += 1;
            }
            other => panic!("frame {other}"),
        }
    }
    assert_eq!(answered, streams.len());
    // A window that opens byte by byte is one that opens.
    client.send(SETTINGS, 0, 0, &setting(INITIAL_WINDOW_SIZE, 65_535));
    client.get(201, "/stream.m3u8");
    let (status, body) = client.answer(201);
    assert_eq!((status, body.starts_with(b"#EXTM3U")), (200, true));
    replayed.check();
    let memory = replayed.most_memory();
    println!("{} MiB for 100 streams that take nothing", memory >> 20);
    assert!(memory < streams.len() * LARGE / 16, "{memory}");
}

#[test]
fn who_says_nothing_or_not_all_over_http_2_is_closed_in_time_and_pings_do_not_count() {
    let limits = ["--head-timeout", "2", "--idle-timeout", "3"];
    let replayed = Replayed::start(&limits);
    for silent in [
        &PREFACE[..10],
        PREFACE,
        &[PREFACE, b"\0\0\0\x04"].concat()[..],
    ] {
        let mut client = replayed.connect();
        client.write_all(silent).unwrap();
        let ended = client.read_to_end(&mut Vec::new());
        let patience = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
        assert!(!ended.is_err_and(|error| patience.contains(&error.kind())));
    }
    let mut client = Client::connect(&replayed, &[]);
    client.settle();
    client.send(HEADERS, END_STREAM, 1, &head("/stream.m3u8"));
    assert_eq!(client.goodbye(), Some(NO_ERROR), "half a head");

    let mut client = Client::connect(&replayed, &[]);
    client.get(1, "/stream.m3u8");
    assert_eq!(client.answer(1).0, 200);
    let mut sending = client.0.try_clone().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                let _ = sending.write_all(&frame(PING, 0, 0, &[1; 8]));
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        });
        let goodbye = client.goodbye();
        is_over.store(true, Ordering::Release);
        assert_eq!(goodbye, Some(NO_ERROR));
    });
}

/// How many of so many requests for what is not taken are answered, and how many are refused.
fn admitted(replayed: &Replayed, requests: u32) -> (usize, usize) {
    let mut client = Client::connect(replayed, &setting(INITIAL_WINDOW_SIZE, 0));
    for n in 0..requests {
        client.get(2 * n + 1, &format!("{LIVE}/large.ts"));
    }
    let frames = (0..requests).map(|_| client.next().unwrap());
    let refused = frames.filter(|frame| match frame.kind {
        HEADERS => false,
        RST_STREAM => {
            assert_eq!(frame.reason(), REFUSED_STREAM);
            true
        }
        other => panic!("frame {other}"),
    });
    let refused = refused.count();
    (requests as usize - refused, refused)
}

#[test]
fn a_connection_has_a_hundred_streams_and_each_beyond_the_first_counts_as_a_connection() {
    let patient = ["--stall-timeout", "300"];
    let mut replayed = Replayed::start(&patient);
    assert_eq!(admitted(&replayed, 120), (100, 20));
    replayed.check();

    let eight = [
        "--max-connections",
        "8",
        "--max-connections-per-address",
        "7",
    ];
    let few = Replayed::start(&[&patient[..], &eight].concat());
    assert_eq!(admitted(&few, 20), (7, 13));
}

#[test]
fn what_the_server_allows_is_what_it_says() {
    let replayed = Replayed::start(&[]);
    let mut client = Client::connect(&replayed, &[]);
    let mut head = [0; 9];
    client.0.read_exact(&mut head).unwrap();
    assert_eq!(head[3], SETTINGS);
    let mut settings = vec![0; head[2].into()];
    client.0.read_exact(&mut settings).unwrap();
    for wanted in [
        setting(MAX_CONCURRENT_STREAMS, 100),
        setting(MAX_HEADER_LIST_SIZE, 32 * 1024),
        setting(INITIAL_WINDOW_SIZE, 16 * 1024),
    ] {
        assert!(settings.chunks(6).any(|one| one == wanted), "{settings:?}");
    }
}

#[test]
fn a_request_that_is_refused_leaves_the_others_of_its_connection_alone() {
    let mut replayed = Replayed::start(&[]);
    let mut client = Client::connect(&replayed, &[]);
    let refused = [
        // Another host than the authority; two of them; none.
        [head("/stream.m3u8"), field("host", "other")].concat(),
        [head("/stream.m3u8"), field("host", "h"), field("host", "h")].concat(),
        [vec![0x82, 0x86], field(":path", "/stream.m3u8")].concat(),
        [head("/stream.m3u8"), field("content-length", "00")].concat(),
    ];
    let mut stream = 1;
    for (n, head) in refused.iter().enumerate() {
        client.send(HEADERS, END_STREAM | END_HEADERS, stream, head);
        let wanted = if n == 3 { 200 } else { 400 };
        assert_eq!(client.answer(stream).0, wanted, "{n}");
        stream += 2;
    }
    // One with a body that never ends.
    client.send(HEADERS, END_HEADERS, stream, &head("/stream.m3u8"));
    client.send(DATA, 0, stream, &[b'x'; 16_000]);
    assert_eq!(client.answer(stream).0, 400);
    stream += 2;
    // A head that is too large, in several frames.
    let fields: Vec<Vec<u8>> = (0..400).map(|_| field("x", &"y".repeat(100))).collect();
    let (first, second) = fields.split_at(100);
    let start = [head("/stream.m3u8"), first.concat()].concat();
    client.send(HEADERS, END_STREAM, stream, &start);
    let parts: Vec<&[Vec<u8>]> = second.chunks(100).collect();
    for (n, part) in parts.iter().enumerate() {
        let flags = if n + 1 == parts.len() { END_HEADERS } else { 0 };
        client.send(CONTINUATION, flags, stream, &part.concat());
    }
    let frame = client.next_of(stream);
    assert_eq!(frame.kind, HEADERS);
    assert!(frame.payload.windows(3).any(|three| three == b"431") || frame.status() == 0);
    stream += 2;
    // What is about a connection of HTTP/1.1.
    let upgrading = [head("/stream.m3u8"), field("connection", "close")].concat();
    client.send(HEADERS, END_STREAM | END_HEADERS, stream, &upgrading);
    let frame = client.next_of(stream);
    assert_eq!((frame.kind, frame.reason()), (RST_STREAM, PROTOCOL_ERROR));
    stream += 2;
    client.get(stream, &format!("{LIVE}/seg7.ts"));
    assert_eq!(client.answer(stream), (200, segment(7)));
    replayed.check();
}

#[test]
fn a_server_that_stops_says_so_and_finishes_what_is_under_way() {
    let replayed = Replayed::start(&[]);
    let mut client = Client::connect(&replayed, &setting(INITIAL_WINDOW_SIZE, 0));
    client.get(1, &format!("{LIVE}/seg5.ts"));
    assert_eq!(client.next().unwrap().kind, HEADERS);
    let mut idle = Client::connect(&replayed, &[]);
    idle.get(1, "/stream.m3u8");
    assert_eq!(idle.answer(1).0, 200);
    let process = rustix::process::Pid::from_raw(replayed.id() as i32).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(idle.goodbye(), Some(NO_ERROR));
    // It is said twice where the server had not seen yet that the answer was had.
    while let Some(frame) = idle.next() {
        assert_eq!(frame.kind, GOAWAY);
    }
    assert_eq!(client.goodbye(), Some(NO_ERROR));
    let much = (1_u32 << 20).to_be_bytes();
    client.send(WINDOW_UPDATE, 0, 0, &much);
    client.send(WINDOW_UPDATE, 0, 1, &much);
    let mut body = Vec::new();
    while let Some(frame) = client.next() {
        if frame.kind == DATA {
            body.extend(frame.payload);
        }
    }
    assert!(body == segment(5), "{}", body.len());
}
