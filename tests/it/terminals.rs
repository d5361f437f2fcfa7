//! What origins and sessions say reaches no terminal, and no line of JSON, as it is: every output of every program
//! over sessions that are full of it, and over an origin that answers with it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::made::{Life, Made};
use crate::support::reply::{End, Then};
use crate::support::rounds::{Dice, seed};
use crate::support::{Ask, Origin, Recorder, Reply, ts};

/// It sets a title, clears the screen, forges a line, writes from right to left, and hides.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{8}\r\n2026-01-01 ERROR forged\t\u{7f}\u{9b}31m\u{85}\u{90}q\u{9c}\
    \u{202e}\u{202a}\u{2066}\u{2069}\u{200f}\u{200e}\u{61c}\u{2028}\u{2029}\u{200b}\u{feff}\u{ad}\u{e0041}";

/// Written anew here, from the standard's names, so that a hole in the program's own list is found.
fn steers(c: char) -> bool {
    let code = u32::from(c);
    let c0 = code < 0x20;
    let del_and_c1 = (0x7f..=0x9f).contains(&code);
    let marks = [0x61c, 0x200e, 0x200f].contains(&code);
    let embeddings = (0x202a..=0x202e).contains(&code);
    let isolates = (0x2066..=0x2069).contains(&code);
    let separators = [0x2028, 0x2029].contains(&code);
    let unseen = [0xad, 0x200b, 0xfeff, 0xe0041].contains(&code);
    c0 || del_and_c1 || marks || embeddings || isolates || separators || unseen
}

/// What programs said, each with the words that made it.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, what: &str, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec());
        let text = text.unwrap_or_else(|error| panic!("{what}: {error}"));
        for line in text.lines() {
            let found = line.chars().find(|c| steers(*c));
            assert_eq!(found, None, "{what}: {line:?}");
            assert!(!line.starts_with("2026-01-01 ERROR"), "{what}: {text:?}");
        }
        assert!(!text.contains('\r'), "{what}");
        self.0.push((what.to_owned(), text));
    }

    fn add_json(&mut self, what: &str, bytes: &[u8]) {
        self.add(what, bytes);
        let (_, text) = self.0.last().unwrap();
        // Why a program ended is a sentence in any form.
        let is_end = |line: &&str| {
            let programs = ["isrecorder: ", "isreplayer: ", "issession: "];
            programs.iter().any(|program| line.starts_with(program))
        };
        for line in text.lines().filter(|line| !is_end(line)) {
            let value: Result<serde_json::Value, _> = serde_json::from_str(line);
            assert!(value.is_ok(), "{what}: {line}");
        }
    }

    /// Runs a program to its end.
    fn run(&mut self, program: &str, arguments: &[&str]) {
        let output = Command::new(binary(program))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let what = format!("{program} {}", arguments.join(" ").escape_debug());
        match arguments.contains(&"--json") {
            true => self.add_json(&what, &output.stdout),
            false => self.add(&what, &output.stdout),
        }
        match arguments.contains(&"--log=json") {
            true => self.add_json(&what, &output.stderr),
            false => self.add(&what, &output.stderr),
        }
    }

    /// All that says what is in a session.
    fn run_all(&mut self, folder: &Path) {
        let (parent, session) = (
            folder.parent().unwrap().to_str().unwrap(),
            folder.to_str().unwrap(),
        );
        let copy = format!("{parent}/copy");
        for arguments in [&["--list", session] as &[&str], &["-f", parent, "none"]] {
            self.run("isreplayer", arguments);
        }
        for arguments in [
            &["-t", "0", session] as &[&str],
            &["-t", "0", "--json", session],
            &["-p", "none", session],
            &["--faults", session],
            &["--faults", "--json", session],
        ] {
            self.run("adjacent-find", arguments);
        }
        for arguments in [
            &["check", session] as &[&str],
            &["check", session, "--hashes", "--json"],
            &["info", session],
            &["info", session, "--json"],
            &["list", session],
            &["list", session, "--json"],
            &["list", "-f", parent],
            &["list", "-f", parent, "--json"],
            &["redact", session, &copy],
        ] {
            self.run("issession", arguments);
        }
        for arguments in [
            &[
                "-s",
                session,
                "-o",
                parent,
                "--resume",
                "--duration",
                "0.3",
                "-vv",
            ] as &[&str],
            &[
                "-s",
                session,
                "-o",
                parent,
                "--resume",
                "--duration",
                "0.3",
                "-vv",
                "--log=json",
            ],
            &[
                "-s",
                session,
                "-o",
                parent,
                "http://127.0.0.1:9/x",
                "--duration",
                "0.3",
            ],
        ] {
            self.run("isrecorder", arguments);
        }
        for arguments in [
            &["repair", session, "--json"] as &[&str],
            &["repair", session, "--hashes"],
        ] {
            self.run("issession", arguments);
        }
    }

    /// All that a replayer says of a session, in its answers and in its log.
    fn replay(&mut self, folder: &Path, form: &str) {
        let Some(mut replayer) = Replayer::start(folder, form) else {
            return;
        };
        let paths = [
            "/",
            "/?format=json",
            "/stream.m3u8",
            "/none/stream.m3u8",
            "/hall/dvr.m3u8",
            "/hall/dump.ts",
            "/http/h.example:80/none",
            "/@12/x\u{202e}y",
            "/http/h/\u{9b}31m\u{202e}.ts?\u{2028}=1",
        ];
        for path in paths {
            // Bodies of a recording are what they were: what the replayer says itself is looked at.
            let (head, body) = replayer.ask(path);
            self.add(path, head.as_bytes());
            let is_sentence =
                !head.starts_with("http/1.1 200") && head.contains("cache-control: no-store");
            if is_sentence || path.starts_with("/?") || path == "/" {
                self.add(path, &body);
            }
        }
        self.add("isreplayer", &replayer.end());
    }

    /// Whether what is hostile was said at all, in the place of itself.
    fn has_shown(&self, what: &str) -> bool {
        self.has(what, "202e")
    }

    fn has(&self, what: &str, part: &str) -> bool {
        let mut of = self.0.iter().filter(|(words, _)| words.starts_with(what));
        of.any(|(_, text)| text.contains(part))
    }
}

fn binary(program: &str) -> &'static str {
    match program {
        "isrecorder" => env!("CARGO_BIN_EXE_isrecorder"),
        "isreplayer" => env!("CARGO_BIN_EXE_isreplayer"),
        "issession" => env!("CARGO_BIN_EXE_issession"),
        _ => env!("CARGO_BIN_EXE_adjacent-find"),
    }
}

struct Replayer {
    process: Child,
    address: String,
    printed: Vec<u8>,
}

impl Replayer {
    /// `None`: it refuses the session, and has said so.
    fn start(folder: &Path, form: &str) -> Option<Self> {
        let mut process = Command::new(binary("isreplayer"))
            .args(["-p", "0", "--bind", "127.0.0.1", "-vv", "--log", form])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(log_of(folder)).unwrap())
            .spawn()
            .unwrap();
        let mut printed = Vec::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        while out.read_until(b'\n', &mut printed).unwrap() > 0 {
            if printed.ends_with(b"(the page: everything there is)\n") {
                let text = String::from_utf8(printed.clone()).unwrap();
                let (_, address) = text.split_once("Play     http://").unwrap();
                let address = address.split('/').next().unwrap().to_owned();
                return Some(Self {
                    process,
                    address,
                    printed,
                });
            }
        }
        process.wait().unwrap();
        None
    }

    /// Head, in lower case, and body.
    fn ask(&mut self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: a\u{202e}\u{9b}b\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut came = Vec::new();
        let _ = stream.read_to_end(&mut came);
        let end = came
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(came[..end].to_vec()).unwrap();
        (
            head.replace("\r\n", "\n").to_ascii_lowercase(),
            came[end + 4..].to_vec(),
        )
    }

    /// What it has printed.
    fn end(mut self) -> Vec<u8> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.printed
    }
}

fn log_of(folder: &Path) -> PathBuf {
    folder.parent().unwrap().join("log")
}

/// In SQL, with the characters that a text of it cannot have.
fn quoted(text: &str) -> String {
    format!(
        "CAST(x'{}' AS TEXT)",
        text.bytes().map(|b| format!("{b:02x}")).collect::<String>()
    )
}

/// What is said of a session, and how it comes to be in one.
fn taints() -> Vec<(&'static str, String)> {
    let q = quoted(HOSTILE);
    let json = quoted(&serde_json::to_string(HOSTILE).unwrap());
    let joined = |table: &str, columns: &[&str]| -> String {
        let set: Vec<String> = columns
            .iter()
            .map(|c| format!("{c} = {c} || {q}"))
            .collect();
        format!("UPDATE {table} SET {};", set.join(", "))
    };
    vec![
        ("names", [
            joined("stream", &["name"]),
            joined("resource", &["name"]),
            joined("run", &["program", "ended"]),
            joined("event", &["detail"]),
            joined("exchange", &["error", "note", "remote_addr", "http_version"]),
            format!("INSERT INTO event (at_us, kind, detail) SELECT started_us, 'false validators', url || {q} FROM run, resource;"),
            format!("UPDATE exchange SET error = {q}, outcome = 'reset' WHERE status >= 400;"),
            format!("UPDATE header_set SET fields = json_insert(fields, '$[#]', json_array('x-' || {q}, {q}));"),
        ].concat()),
        ("urls", [
            joined("resource", &["url", "path_url", "name"]),
            "UPDATE stream SET url = 'http://h.example/' || url;".to_owned(),
            joined("stream", &["url"]),
        ].concat()),
        ("bodies", format!(
            "UPDATE body SET text = replace(replace(text, 'BANDWIDTH=1', 'BANDWIDTH=1,NAME=\"' || {q} || '\"'), '#EXTINF:2.0,', '#EXTINF:2.0,' || {q})
              WHERE text IS NOT NULL; UPDATE line SET text = '#' || {q} || text;")),
        ("columns", [
            joined("event", &["kind"]),
            joined("body", &["path"]),
            joined("exchange", &["arrival", "header_values", "outcome"]),
            joined("resource", &["kind"]),
        ].concat()),
        ("fields", format!("UPDATE header_set SET fields = {json};")),
        ("schema", format!("CREATE TRIGGER \"t{HOSTILE}\" AFTER INSERT ON event BEGIN SELECT 1; END; DROP VIEW keys; CREATE VIEW keys AS SELECT {q} AS \"{HOSTILE}\"")),
    ]
}

#[test]
fn a_session_that_is_full_of_it() {
    let mut said = Said::default();
    for life in [Life::Stopped, Life::Plain] {
        for (_, sql) in taints() {
            let made = Made::new(&mut Dice::new(seed()), life);
            made.alter(&sql);
            // As a folder may be called; a file below it, too.
            let folder = made.sessions().join(format!("s{HOSTILE}"));
            fs::rename(made.path(), &folder).unwrap();
            fs::write(
                folder.join("chunks").join(format!("stray{HOSTILE}.ts")),
                b"x",
            )
            .unwrap();
            for form in ["text", "json"] {
                said.replay(&folder, form);
                let log = fs::read(log_of(&folder)).unwrap();
                match form {
                    "json" => said.add_json("log of isreplayer", &log),
                    _ => said.add("log of isreplayer", &log),
                }
            }
            said.run_all(&folder);
        }
    }
    for what in [
        "isreplayer --list",
        "isreplayer -f",
        "adjacent-find -t 0",
        "adjacent-find --faults",
        "adjacent-find -p",
        "issession check",
        "issession info",
        "issession list",
        "issession redact",
        "isrecorder -s",
        "log of isreplayer",
        "/none",
        "/",
    ] {
        assert!(said.has_shown(what), "{what} says nothing of it");
    }
}

/// An answer that is written as it is, its reason and fields included.
fn raw(head: &str, body: &str) -> Reply {
    let length = body.len();
    Reply {
        end: End::Raw,
        ..Reply::new(
            0,
            "",
            format!(
                "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ),
        )
    }
}

/// Hostile, without what ends a line.
fn inline() -> String {
    HOSTILE.chars().filter(|c| !"\r\n".contains(*c)).collect()
}

/// What a header field may have of it.
fn field() -> String {
    HOSTILE
        .chars()
        .filter(|c| *c == '\t' || (!c.is_ascii_control()))
        .collect()
}

fn channel(ask: &Ask) -> Reply {
    let (hostile, field) = (inline(), field());
    match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"{hostile}\",VALUE=\"x\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"{hostile}\",LANGUAGE=\"{hostile}\",URI=\"audio{hostile}.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\",CODECS=\"{hostile}\",NAME=\"{hostile}\"\nlive.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2\nfile://{hostile}\n"
        )),
        "/live.m3u8" => {
            let first = ask.nth;
            let mut text = format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-{hostile}:x={hostile}\n\
                 #EXT-X-DATERANGE:ID=\"{hostile}\",CLASS=\"com.apple.hls.interstitial\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-LIST=\"assets{hostile}\"\n\
                 #EXT-X-KEY:METHOD=AES-128,URI=\"skd://{hostile}\"\n"
            );
            for n in first..first + 3 {
                text += &format!("#EXTINF:1,{hostile}\nseg{n}{hostile}.ts\n");
            }
            match first % 3 {
                1 => raw(
                    &format!("503 busy {field}\r\nRetry-After: {field}\r\nX-A: {field}"),
                    &hostile,
                ),
                _ => Reply::playlist(text)
                    .with("ETag", format!("\"{field}\""))
                    .with("Server", field),
            }
        }
        path if path.starts_with("/seg") => match path.as_bytes()[4] % 4 {
            0 => Reply::segment(ts(path)).with("Content-Encoding", field),
            1 => raw(&format!("302 {field}\r\nLocation: javascript:{field}"), ""),
            2 => raw(&format!("302 Found\r\nLocation: /to{field}"), ""),
            _ => raw(&format!("404 {field}\r\nContent-Type: {field}"), &hostile),
        },
        path if path.starts_with("/assets") => {
            Reply::new(200, "application/json", format!("{{\"ASSETS\": {hostile}"))
        }
        _ => raw(&format!("HTTP {hostile}"), &hostile),
    }
}

#[test]
fn an_origin_that_answers_with_it() {
    let radio = Origin::new(|_: &Ask| {
        let sound = [vec![0xFF, 0xFB, 0x90, 0x00], vec![0x11; 413]]
            .concat()
            .repeat(60);
        let body = super::raw::icy(&sound, &[&format!("StreamTitle='{}';", inline())]);
        Reply {
            fields: vec![
                ("Content-Type".to_owned(), "audio/mpeg".to_owned()),
                ("icy-metaint".to_owned(), "1000".to_owned()),
                ("icy-name".to_owned(), field()),
            ],
            end: End::Live(10_000, Duration::from_millis(50), Then::Closed),
            ..Reply::segment(body)
        }
    });
    let mut said = Said::default();
    for form in ["--log=text", "--log=json"] {
        let origin = Origin::new(channel);
        let mut recording = Recorder::new(origin.url("/main.m3u8"))
            .args([
                radio.url("/radio").as_str(),
                form,
                "-vv",
                "--serve",
                "0",
                "--bind",
                "127.0.0.1",
                "--metrics",
                "0",
            ])
            .start();
        recording.until("it is polled", || origin.count("/live.m3u8") > 9);
        recording.until_at_least(
            4,
            "SELECT count(*) FROM exchange WHERE outcome <> 'complete' OR status >= 400",
        );
        let finished = recording.interrupt();
        said.add("recorder", finished.stdout.as_bytes());
        match form {
            "--log=json" => said.add_json("recorder's log", finished.stderr.as_bytes()),
            _ => said.add("recorder's log", finished.stderr.as_bytes()),
        }
        let session = finished.folder().join("sessions/session1");
        said.replay(&session, "text");
        said.add("log of isreplayer", &fs::read(log_of(&session)).unwrap());
        said.run_all(&session);
    }
    assert!(said.has_shown("adjacent-find"), "playlists are shown");
    // Labels have no such characters at all; what stood between them is there.
    assert!(said.has("recorder's log", "forged"), "labels are logged");
}
