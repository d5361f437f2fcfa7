//! The real `isreplayer` over a session that is written here, for clients that do as they like.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, DownloadFile, Headers, Kind, NewBody, NewExchange, ResourceKey, Sessions, Writer,
    digest,
};
use tempfile::TempDir;

/// Where the origin's folder is at the replayer.
pub const LIVE: &str = "/http/origin.example:80/live";
/// Segments in the playlist.
pub const SEGMENTS: usize = 20;
/// Large enough that no socket holds one.
pub const LARGE: usize = 24 * 1024 * 1024;
/// A server that takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// What leads to the live origin, or does something to a browser: none of it may pass.
pub const TREACHEROUS: [(&str, &str); 29] = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-private-network", "true"),
    ("access-control-max-age", "86400"),
    ("alt-svc", "h3=\":443\""),
    ("clear-site-data", "\"*\""),
    ("content-location", "http://origin.example/canary"),
    ("critical-ch", "Sec-CH-UA"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-opener-policy", "unsafe-none"),
    ("timing-allow-origin", "https://canary.example"),
    ("vary", "canary"),
    ("link", "<http://origin.example/canary>; rel=preload"),
    ("location", "http://origin.example/canary"),
    ("nel", "{\"report_to\":\"canary\"}"),
    ("origin-agent-cluster", "?1"),
    ("permissions-policy", "camera=*"),
    ("proxy-authenticate", "Basic realm=canary"),
    ("public-key-pins", "canary"),
    ("refresh", "0; url=http://origin.example/canary"),
    ("report-to", "{\"group\":\"canary\"}"),
    ("reporting-endpoints", "a=\"http://origin.example/canary\""),
    ("server", "canary"),
    ("service-worker-allowed", "/"),
    ("set-cookie", "canary=1"),
    ("sourcemap", "http://origin.example/canary"),
    ("strict-transport-security", "max-age=31536000"),
    ("www-authenticate", "Basic realm=canary"),
    ("x-sourcemap", "http://origin.example/canary"),
    ("upgrade", "h2c"),
];

/// Recorded things that browsers would run, by name and type.
pub const PAGES: [(&str, &str); 7] = [
    ("page.html", "text/html"),
    ("two.ts", "video/mp2t, text/html"),
    ("run.js", "text/javascript"),
    ("image.svg", "image/svg+xml"),
    ("feed.xml", "application/xml"),
    ("page.xhtml", "application/xhtml+xml"),
    ("parts", "multipart/x-mixed-replace; boundary=x"),
];

pub fn playlist() -> String {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n".to_owned();
    for number in 0..SEGMENTS {
        text += &format!("#EXTINF:4,\nseg{number}.ts\n");
    }
    text
}

/// The content of a segment.
pub fn segment(number: usize) -> Vec<u8> {
    let length = 188 * (400 + number);
    (0..length).map(|at| (at * 31 + number * 7) as u8).collect()
}

/// Writes `hostile`, a session of one stream: a playlist, segments, what is large, and pages.
pub fn write_session(sessions: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = Sessions::new(sessions).create(Some("hostile")).unwrap();
        let (writer, _) = Writer::create(&folder, Clock::start(), "test").unwrap();
        let stream = "http://origin.example/live/ch1.m3u8";
        let id = writer.stream("ch1", stream).await.unwrap();
        let add = async |kind, url: &str, content_type: &str, content: Vec<u8>| {
            let fields = TREACHEROUS
                .into_iter()
                .chain([("content-type", content_type)]);
            let exchange = exchange(&writer, (id, kind), url, fields);
            let body = match kind {
                Kind::Main => NewBody::Bytes {
                    sha256: digest(&content),
                    data: content.into(),
                    binary: false,
                },
                _ => {
                    let mut file = DownloadFile::create(&folder.chunks(), exchange.id).unwrap();
                    file.write(&content).unwrap();
                    file.finish().unwrap()
                }
            };
            writer.exchange(NewExchange { body, ..exchange }).await;
        };
        let is_playlist = "application/vnd.apple.mpegurl";
        add(Kind::Main, stream, is_playlist, playlist().into_bytes()).await;
        for number in 0..SEGMENTS {
            let url = format!("http://origin.example/live/seg{number}.ts");
            add(Kind::Segment, &url, "video/mp2t", segment(number)).await;
        }
        let large = "http://origin.example/live/large.ts";
        add(Kind::Segment, large, "video/mp2t", vec![b'x'; LARGE]).await;
        for (name, content_type) in PAGES {
            let url = format!("http://origin.example/live/{name}");
            let script = b"<script>alert(1)</script>".to_vec();
            add(Kind::Segment, &url, content_type, script).await;
        }
        writer.finish("stopped").await.unwrap();
    });
}

fn exchange<'a>(
    writer: &Writer,
    (stream_id, kind): (i64, Kind),
    url: &str,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> NewExchange {
    let resource = ResourceKey::whole(stream_id, kind, url.to_owned());
    let at_us = writer.zero_us();
    let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    NewExchange {
        lag_us: Some(0),
        wait_us: Some(0),
        receive_us: Some(0),
        status: Some(200),
        headers: Some(Headers(fields.collect())),
        ..NewExchange::requested(
            writer.next_id(),
            resource,
            Availability::Listed(at_us),
            at_us,
        )
    }
}

/// A replayer of such a session; ends with the test.
pub struct Replayed {
    process: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Replayed {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_under(&[], arguments)
    }

    /// Under another program, such as strace.
    pub fn start_under(wrapper: &[&str], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_session(folder.path());
        Self::over(folder, wrapper, arguments)
    }

    /// Of the session after something was done to its folder.
    pub fn start_after(done: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_session(folder.path());
        done(&folder.path().join("hostile"));
        Self::over(folder, &[], &[])
    }

    fn over(folder: TempDir, wrapper: &[&str], arguments: &[&str]) -> Self {
        let line = [wrapper, &[env!("CARGO_BIN_EXE_isreplayer")]].concat();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut process = Command::new(line[0])
            .args(&line[1..])
            .args(["-p", "0", "--bind", "127.0.0.1"])
            .args(arguments)
            .arg(folder.path().join("hostile"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut address = None;
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let play = line.strip_prefix("Play     http");
            if let Some(play) = play.map(|play| play.trim_start_matches('s')) {
                let play = play.trim_start_matches("://");
                address = play.split('/').next().unwrap().parse().ok();
            }
            if line.contains("everything there is") {
                break;
            }
        }
        Self {
            process,
            address: address.unwrap(),
            folder,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has said on standard error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// It runs, has not panicked, and answers as ever.
    pub fn check(&mut self) {
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "it ended: {ended:?}; {}", self.said());
        let mut client = self.connect();
        let answer = converse(&mut client, &get("/stream.m3u8"), true);
        assert_eq!(answer.status, 200, "{}", answer.head);
        let wanted = playlist().replace("seg", &format!("{}/seg", &LIVE[1..]));
        assert_eq!(String::from_utf8_lossy(&answer.body), wanted);
        let said = self.said();
        assert!(!said.contains("panicked"), "{said}");
    }

    /// The most memory that it has had so far, in bytes, as the kernel counts it.
    #[cfg(target_os = "linux")]
    pub fn most_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<usize> = line.and_then(|l| l.trim().strip_suffix(" kB")?.parse().ok());
        kib.unwrap() * 1024
    }
}

impl Drop for Replayed {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes()
}

/// What came back for some bytes.
#[derive(Debug, Default)]
pub struct Answer {
    /// 0: nothing that is HTTP.
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
    /// The connection ended behind it.
    pub ended: bool,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|l| l.split_once(": "));
        fields
            .into_iter()
            .find_map(|(n, value)| (n == name).then_some(value))
    }
}

/// Sends bytes and reads one answer; `is_kept`: it is not waited for the end of the connection.
pub fn converse(client: &mut TcpStream, bytes: &[u8], is_kept: bool) -> Answer {
    // A server that has heard enough does not read on.
    let _ = client.write_all(bytes);
    let is_head = bytes.starts_with(b"HEAD ");
    let mut came = Vec::new();
    let mut some = [0; 65_536];
    loop {
        if let Some(answer) = whole(&came, is_head).filter(|_| is_kept) {
            return answer;
        }
        match client.read(&mut some) {
            Ok(0) | Err(_) => break,
            Ok(count) => came.extend_from_slice(&some[..count]),
        }
    }
    let answer = whole(&came, is_head).unwrap_or_default();
    Answer {
        ended: is_over(client),
        ..answer
    }
}

/// Whether a read comes to an end, rather than to the end of our patience.
fn is_over(client: &mut TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let read = client.read(&mut [0]);
    client.set_nonblocking(false).unwrap();
    !matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn whole(came: &[u8], is_head: bool) -> Option<Answer> {
    let end = came.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&came[..end]).to_ascii_lowercase();
    let mut answer = Answer {
        status: head.strip_prefix("http/1.")?.get(2..5)?.parse().ok()?,
        head,
        ..Answer::default()
    };
    let length = answer
        .field("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let length = if is_head { 0 } else { length };
    answer.body = came.get(end + 4..end + 4 + length)?.to_vec();
    Some(answer)
}
