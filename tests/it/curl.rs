//! curl as a judge: for each fault it gets the same from the replay as from the origin.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;

use socket2::{Domain, Socket, Type};

use crate::over_http2::write_certificate;
use crate::replay::Replayer;
use crate::support::{Ask, End, Origin, Recorder, Reply, Window};

/// Header fields that players act on.
const FIELDS: [&str; 8] = [
    "content-type",
    "content-encoding",
    "content-length",
    "cache-control",
    "age",
    "last-modified",
    "etag",
    "retry-after",
];

/// What curl's exit codes mean.
const DONE: i32 = 0;
const REFUSED: i32 = 7;
const PARTIAL: i32 = 18;
const TIMED_OUT: i32 = 28;
const EMPTY_REPLY: i32 = 52;
const RESET: i32 = 56;
/// A stream of HTTP/2 was reset.
const STREAM_RESET: i32 = 92;

/// The recorder waits so long, in seconds; for what does not come curl is out of patience well
/// before. All else takes as long as a busy machine needs.
const MAX_TIME: &str = "4";
const PATIENCE: &str = "1";
const NO_LIMIT: &str = "60";

/// What goes wrong, and curl's exit code at the origin and at the replay.
struct Fault {
    name: &'static str,
    reply: Reply,
    exits: [i32; 2],
}

fn fault(name: &'static str, exit: i32, reply: Reply) -> Fault {
    Fault {
        name,
        reply,
        exits: [exit, exit],
    }
}

/// Each is asked for as a media playlist and as a segment.
fn faults() -> Vec<Fault> {
    let playlist = || Window::new(900, 3).text();
    let media = || Reply::playlist(playlist());
    let labelled = |coding, body: &[u8]| Reply::playlist(body).with("Content-Encoding", coding);
    let busy = Reply::html(503)
        .with("Retry-After", "1")
        .with("Cache-Control", "no-store");
    let stale = Reply::not_found()
        .with("Cache-Control", "max-age=60,  public")
        .with("Age", "017");
    let mistyped = Reply::new(200, "text/x-wrong; charset=\"x\"", playlist())
        .with("Cache-Control", "max-age=3600, s-maxage=\"9")
        .with("Last-Modified", "Friday, 20-Nov-20 12:00:00 GMT")
        .with("ETag", "W/\"v 1\"");
    let cut = Reply::playlist(Window::new(900, 3000).text())
        .ending(End::Cut(50_000))
        .with("ETag", "\"whole\"")
        .with("Age", "3");
    let framed = |framing| Reply {
        body: format!("HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n{framing}").into_bytes(),
        ..Reply::nothing(End::Raw)
    };
    let cut_chunk = framed("Transfer-Encoding: chunked\r\n\r\n1000\r\n#EXTM3U");
    let long = framed("Content-Length: 7\r\n\r\n#EXTM3U, and more than that");
    let gone = Reply::html(410).with("Cache-Control", "max-age=5");
    let closed = || Reply::nothing(End::Closed);
    vec![
        fault("not-found", DONE, stale),
        fault("gone", DONE, gone),
        fault("broken-server", DONE, Reply::html(500)),
        fault("unavailable", DONE, busy),
        fault("page-with-status-200", DONE, Reply::html(200)),
        fault("empty-body", DONE, Reply::playlist("")),
        fault("wrong-content-type", DONE, mistyped),
        fault("unknown-coding", DONE, labelled("rot13", b"#RKGZ3H")),
        fault("not-in-its-coding", DONE, labelled("br", b"no brotli")),
        fault("longer-than-announced", DONE, long),
        fault("redirect", DONE, Reply::redirect(302, "/to/target?a=b")),
        fault("cut-short", PARTIAL, cut),
        fault("cut-at-once", PARTIAL, media().ending(End::Cut(0))),
        fault("cut-in-a-chunk", PARTIAL, cut_chunk),
        fault("reset-midway", RESET, media().ending(End::Reset(20))),
        fault("reset-at-once", RESET, Reply::nothing(End::Aborted)),
        fault("closed-at-once", EMPTY_REPLY, closed()),
        fault("stalled-body", TIMED_OUT, media().ending(End::Hang(20))),
        fault("no-answer", TIMED_OUT, Reply::nothing(End::Silent)),
        // The one difference: only who does not listen can refuse a connection.
        Fault {
            exits: [REFUSED, EMPTY_REPLY],
            ..fault("refused", REFUSED, closed())
        },
    ]
}

/// A port at which nobody listens, and nobody will while this lives.
fn deaf() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// A channel that lists each fault as a variant, and as a segment of one that is well.
fn faulty(ask: &Ask, deaf: u16) -> Reply {
    let faults = faults();
    let each = |suffix: &'static str| {
        faults.iter().map(move |fault| match fault.exits {
            [REFUSED, _] => format!("http://127.0.0.1:{deaf}/{}{suffix}", fault.name),
            _ => format!("{}{suffix}", fault.name),
        })
    };
    match ask.path() {
        "/main.m3u8" => {
            let mut main = "#EXTM3U\n".to_owned();
            for uri in each(".m3u8").chain(["well.m3u8".to_owned()]) {
                writeln!(main, "#EXT-X-STREAM-INF:BANDWIDTH=1\n{uri}").unwrap();
            }
            Reply::playlist(main)
        }
        "/well.m3u8" => {
            let uris: Vec<String> = each(".ts").collect();
            let window = Window::new(0, uris.len() as u64);
            Reply::playlist(window.named(move |n| uris[n as usize].clone()).text())
        }
        path => {
            let is = |f: &&Fault| path[1..].split('.').next() == Some(f.name);
            let fault = faults.iter().find(is);
            fault.map_or_else(|| Reply::html(200), |fault| fault.reply.clone())
        }
    }
}

/// What curl got.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Got {
    exit: Option<i32>,
    status: Option<String>,
    /// Lines of [`FIELDS`], in their order.
    fields: Vec<String>,
    location: Option<String>,
    body: Vec<u8>,
}

fn curl(url: &str, patience: &str) -> Got {
    curl_with(&[], &format!("http://{url}"), patience)
}

fn curl_with(options: &[&str], url: &str, patience: &str) -> Got {
    let mut curl = Command::new("curl");
    curl.args(options);
    curl.args(["-q", "--silent", "--include", "--noproxy", "*"]);
    curl.args(["--max-time", patience, url]);
    let output = curl.output();
    let output = output.unwrap_or_else(|e| panic!("curl must be installed: {e}"));
    let (head, body) = match output.stdout.windows(4).position(|w| w == b"\r\n\r\n") {
        Some(end) => (&output.stdout[..end], &output.stdout[end + 4..]),
        None => (&output.stdout[..], &b""[..]),
    };
    let head = String::from_utf8(head.to_vec()).unwrap();
    let lines = |name: &str| {
        let is_named = |line: &&str| {
            let field = line.split_once(": ");
            field.is_some_and(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        let values = head.lines().filter(is_named).map(|l| &l[name.len()..]);
        values.map(|v| format!("{name}{v}")).collect::<Vec<_>>()
    };
    Got {
        exit: output.status.code(),
        status: head.split(' ').nth(1).map(str::to_owned),
        fields: FIELDS.into_iter().flat_map(lines).collect(),
        location: lines("location").pop(),
        body: body.to_vec(),
    }
}

impl Got {
    fn row(&self) -> String {
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(100)]);
        format!(
            "exit {:?}, status {:?}, {:?}, {:?}, {} bytes: {start:?}",
            self.exit,
            self.status,
            self.fields,
            self.location,
            self.body.len()
        )
    }
}

#[test]
fn curl_gets_the_same_for_each_fault() {
    let (_deaf, deaf) = deaf();
    let origin = Origin::new(move |ask| faulty(ask, deaf));
    let mut recording = Recorder::new(origin.url("/main.m3u8"))
        .args(["--max-time", MAX_TIME])
        .start();
    let names = faults()
        .iter()
        .map(|fault| format!("'{0}.m3u8', '{0}.ts'", fault.name))
        .collect::<Vec<_>>()
        .join(", ");
    let failed = format!(
        "SELECT count(DISTINCT r.name) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE e.outcome <> 'aborted' AND e.own_reason IS NULL AND r.name IN ({names})"
    );
    recording.until_at_least(2 * faults().len() as i64, &failed);
    let session = recording.interrupt().session();
    let sessions = session.path().parent().unwrap();
    let arguments = [
        "-p",
        "0",
        "-o",
        &session.last_offset(),
        "--network",
        "recorded",
        "session1",
    ];
    let replayer = Replayer::start(sessions, &arguments);
    let keys = tempfile::tempdir().unwrap();
    let [own, _, both] = write_certificate(keys.path());
    let over_tls = [&["--cert", &both, "--bind", "127.0.0.1"], &arguments[..]].concat();
    let encrypted = Replayer::start(sessions, &over_tls);

    let mut table = String::new();
    for fault in faults() {
        let port = match fault.exits {
            [REFUSED, _] => deaf,
            _ => origin.port(),
        };
        let patience = match fault.exits {
            [TIMED_OUT, _] => PATIENCE,
            _ => NO_LIMIT,
        };
        let host = format!("127.0.0.1:{port}");
        for suffix in [".m3u8", ".ts"] {
            let path = format!("{host}/{}{suffix}", fault.name);
            let there = curl(&path, patience);
            let url = format!("{}/http/{path}", replayer.address);
            let here = curl(&url, patience);
            let led = |line: String| line.replace("/to/", "to/");
            let wanted = Got {
                exit: Some(fault.exits[1]),
                location: there.location.clone().map(led),
                ..there.clone()
            };
            if there.exit != Some(fault.exits[0]) || here != wanted {
                let rows = format!("origin {}\n  replay {}", there.row(), here.row());
                writeln!(table, "{}{suffix}\n  {rows}", fault.name).unwrap();
            }
            let broken = [PARTIAL, EMPTY_REPLY, RESET].contains(&fault.exits[1]);
            let secret = url.replacen(&replayer.address, &encrypted.address, 1);
            let secret = secret.replacen("127.0.0.1", "localhost", 1);
            for (name, options, url) in [
                (
                    "HTTP/2",
                    &["--http2-prior-knowledge"][..],
                    &format!("http://{url}"),
                ),
                (
                    "HTTP/2 over TLS",
                    &["--http2", "--cacert", &own],
                    &format!("https://{secret}"),
                ),
                (
                    "HTTP/1.1 over TLS",
                    &["--http1.1", "--cacert", &own],
                    &format!("https://{secret}"),
                ),
            ] {
                let other = curl_with(options, url, patience);
                let wanted = Got {
                    // What breaks a connection of HTTP/1.1 resets a stream of HTTP/2, behind the same bytes.
                    exit: match broken {
                        true if name == "HTTP/1.1 over TLS" => {
                            other.exit.filter(|code| *code != DONE)
                        }
                        true => Some(STREAM_RESET),
                        false => here.exit,
                    },
                    ..here.clone()
                };
                if other != wanted {
                    let row = other.row();
                    writeln!(table, "{}{suffix}\n  {name} {row}", fault.name).unwrap();
                }
            }
        }
    }
    assert!(table.is_empty(), "what differs:\n{table}");
}
