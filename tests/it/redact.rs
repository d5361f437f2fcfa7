//! `issession redact`: nothing secret is in the copy, and the copy replays as the session does.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isrecorder::hls::uris;
use url::Url;

use self::pen::write;
use crate::replay::Replayer;
use crate::support::client;
use crate::support::programs::Finished;
use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, ts};

mod chance;
mod columns;
mod compressed;
mod everywhere;
mod fields;
mod honest;
mod keys;
mod modes;
mod ordinary;
mod pen;
mod repaired;
mod schema;
mod wrapped;

const TOKEN: &str = "kJ8sd7Hh2s9dKq0PzLx3Vb";
const FOLDER: &str = "3f9c8a7b6c5d4e3f2a1b0c9d8e7f6a5b";
const SIGNED: &str = "exp=1700000000~acl=/live/*~hmac=9f86d081884c7d659a2feaa0c55ad015";
const COOKIE: &str = "s3ss10n-c00k1e/value=";
const PASSWORD: &str = "hunter2secret";
const SENT: &str = "sent-by-us-4711";
const KEY: &[u8; 16] = b"\x01\xfe\x02\xfd\x03\xfc\x04\xfb\x05\xfa\x06\xf9\x07\xf8\x08\xf7";
/// As `Authorization: Basic` has user and password.
const BASIC: &str = "Ym9iOmh1bnRlcjJzZWNyZXQ";
const CANARIES: [&str; 9] = [
    TOKEN,
    FOLDER,
    SIGNED,
    "9f86d081884c7d659a2feaa0c55ad015",
    "exp%3D1700000000",
    "s3ss10n-c00k1e",
    PASSWORD,
    SENT,
    BASIC,
];

/// 70 segments, then 71 and the end: enough for lines to be shared.
fn media(polls: usize) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7089252\n# for {TOKEN}\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"../key.bin?t={TOKEN}\"\n"
    );
    let count = 70 + polls.min(2) / 2;
    for n in 0..count {
        text += &format!(
            "#EXTINF:1.0,\nseg{n}.ts?sig={n}-{SIGNED}&seq={}\n",
            7_089_252 + n
        );
    }
    if polls >= 2 {
        text += "#EXT-X-ENDLIST\n";
    }
    text
}

fn script(ask: &Ask) -> Reply {
    let path = ask.path();
    let echoed = |name| ask.header(name).unwrap_or_default().to_owned();
    let refused = || {
        let page = format!(
            "{{\"error\":\"expired\",\"token\":\"{TOKEN}\",\"url\":\"https:\\/\\/web.example\\/x?t={TOKEN}\\u0026n=1\",\
             \"was\":\"Authorization: {}\",\"ours\":\"X-Player-Token: {}\"}}",
            echoed("authorization"),
            echoed("x-player-token")
        );
        Reply::new(403, "application/json", page).with("X-Auth-Token", TOKEN)
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "start.m3u8" => Reply::redirect(302, &format!("/live/{FOLDER}/main.m3u8?hdnts={SIGNED}"))
            .with("Set-Cookie", format!("sid={COOKIE}; Path=/; HttpOnly"))
            .with("Refresh", format!("5; url=/x?t={TOKEN}")),
        "main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"v\",VALUE=\"{TOKEN}\"\n\
             #EXT-X-SESSION-DATA:DATA-ID=\"com.example.token\",VALUE=\"{TOKEN}\"\n\
             #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"en\",URI=\"subs.m3u8?t={{$v}}\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1280000,SUBTITLES=\"s\"\nv1/index.m3u8?hdnts={}\n",
            SIGNED.replace('=', "%3D")
        )),
        "index.m3u8" => Reply::playlist(media(ask.nth)).with("ETag", format!("\"{}\"", ask.nth)),
        "subs.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsubs.vtt\n#EXT-X-ENDLIST\n",
        ),
        "subs.vtt" => Reply::new(
            200,
            "text/vtt",
            format!("WEBVTT\n\n00:00.000 --> 00:01.000\nsee https://web.example/x?t={TOKEN}\n"),
        ),
        "key.bin" => Reply::key(&KEY[..]),
        "seg3.ts" => refused(),
        "seg4.ts" => Reply::redirect(302, &format!("/cdn/{FOLDER}/moved4.ts?t={TOKEN}")),
        _ => Reply::segment(ts(name)),
    }
}

fn recorded() -> (Origin, Finished) {
    let origin = Origin::new(script);
    let url = origin.url(&format!("/start.m3u8?token={TOKEN}"));
    let url = url.replace("http://", &format!("http://bob:{PASSWORD}@"));
    let header = format!("X-Player-Token: {SENT}");
    let finished = Recorder::new(url).args(["-H", &header]).run();
    assert!(finished.status.success(), "{}", finished.stderr);
    (origin, finished)
}

fn issession(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_issession"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// A redacted copy in a folder of its own, checked, and what the program said.
fn copy(of: &Path, arguments: &[&str]) -> (Session, String) {
    let folder = tempfile::tempdir().unwrap();
    let sessions = folder.path().join("sessions");
    std::fs::create_dir(&sessions).unwrap();
    let new = sessions.join("shared");
    let path = new.to_str().unwrap();
    let output = issession(of, &[&["redact", "session1", path], arguments].concat());
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let session = Session::open(folder, "shared");
    session.check_invariants();
    assert_eq!(session.number("PRAGMA freelist_count"), 0);
    assert_eq!(session.one::<String>("PRAGMA journal_mode"), "delete");
    assert!(!session.path().join("chunks/.tmp").exists());
    (session, said)
}

/// All files below a folder, with their content.
fn files(folder: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, all),
            false => all.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Those that are in a file of a session, or in its name.
fn found<'a>(session: &Path, secrets: &[&'a str]) -> BTreeSet<&'a str> {
    let mut all = Vec::new();
    files(session, &mut all);
    let is_in = |secret: &str| {
        let mut all = all.iter();
        all.any(|(path, content)| {
            let name = path.strip_prefix(session).unwrap();
            has(content, secret.as_bytes()) || name.to_str().unwrap().contains(secret)
        })
    };
    secrets.iter().copied().filter(|s| is_in(s)).collect()
}

/// What must be the same in a copy: order, moments, outcomes, sizes.
const TIMELINE: &str =
    "SELECT json_array(e.id, e.resource_id, e.referrer_id, e.head_id, e.from_us, e.requested_us, e.lag_us,
       e.wait_us, e.receive_us, e.failed_us, e.status, e.http_version, e.announced_bytes, e.wire_bytes,
       e.arrival, e.body_id, e.body_encoding, e.body_first, e.resource_bytes, e.confirms_id, e.outcome,
       b.size, r.kind, v.playlist_id, v.seen_us, v.not_before_us, v.advance, v.last_sequence)
  FROM exchange e JOIN resource r ON r.id = e.resource_id LEFT JOIN body b ON b.id = e.body_id
  LEFT JOIN revision v ON v.exchange_id = e.id ORDER BY e.id";

fn check_same_timeline(a: &Session, b: &Session) {
    let (of_a, of_b): (Vec<String>, Vec<String>) = (a.list(TIMELINE), b.list(TIMELINE));
    assert!(of_a.len() > 70);
    assert_eq!(of_a, of_b);
    let runs = "SELECT json_array(started_us, seen_us, stopped_us, ended) FROM run";
    assert_eq!(a.list::<String>(runs), b.list::<String>(runs));
    // Each URL, at the moment of each of its exchanges.
    let asked = "SELECT json_array(e.from_us, r.url) FROM exchange e JOIN resource r ON r.id = e.resource_id
                  WHERE r.kind NOT IN ('main', 'media') ORDER BY e.id";
    let (asked_a, asked_b): (Vec<String>, Vec<String>) = (a.list(asked), b.list(asked));
    for (in_a, in_b) in asked_a.iter().zip(&asked_b) {
        let answer = |session: &Session, asked: &str| {
            let (at_us, url): (i64, String) = serde_json::from_str(asked).unwrap();
            session.answer(&url, at_us)
        };
        let (in_a, in_b) = (answer(a, in_a), answer(b, in_b));
        assert_eq!(in_a.map(|body| body.len()), in_b.map(|body| body.len()));
    }
}

/// What a player gets that follows every URI: status and length of each answer, in order; the
/// bytes of media.
fn play(session: &Session) -> Vec<(String, usize, Option<Vec<u8>>)> {
    let sessions = session.path().parent().unwrap();
    let name = session.path().file_name().unwrap().to_str().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", name]);
    let start = format!("http://{}/@1000000000000/stream.m3u8", replayer.address);
    let mut queue = vec![Url::parse(&start).unwrap()];
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut story = Vec::new();
    while let Some(url) = queue.pop() {
        if !known.insert(url.to_string()) {
            continue;
        }
        let path = &url[url::Position::BeforePath..];
        let (status, location, body) = get(&replayer.address, path);
        if let Some(location) = location {
            queue.push(url.join(&location).unwrap());
        }
        let is_playlist = body.starts_with(b"#EXTM3U");
        if is_playlist {
            let text = String::from_utf8(body.clone()).unwrap();
            let variable = text.split("NAME=\"v\",VALUE=\"").nth(1);
            let variable = variable.map_or("", |rest| rest.split('"').next().unwrap());
            let next = uris(&body).map(|uri| text[uri.span].replace("{$v}", variable));
            queue.extend(next.map(|uri| url.join(&uri).unwrap()));
        }
        let is_media = status == "200" && !is_playlist && !body.starts_with(b"WEBVTT");
        story.push((status, body.len(), is_media.then_some(body)));
    }
    story
}

/// Status, Location and body of an answer.
fn get(address: &str, path: &str) -> (String, Option<String>, Vec<u8>) {
    let mut answer = Vec::new();
    client::ask(address, path).read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    let location = head
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    (
        status,
        location.map(str::to_owned),
        answer[end + 4..].to_vec(),
    )
}

#[test]
fn a_redacted_copy_has_no_secret_and_replays_as_the_session_does() {
    let (origin, finished) = recorded();
    let folder = finished.folder().to_owned();
    let (plain, said_plain) = copy(&folder, &[]);
    let (strict, _) = copy(&folder, &["--redact-hosts", "--drop-keys"]);
    let (kept, _) = copy(&folder, &["--keep-parameters", "seq"]);
    let original = finished.session();

    // They are in the session (the password in base 64), or the test would show nothing.
    let mut all: BTreeSet<&str> = CANARIES.into_iter().collect();
    all.remove(PASSWORD);
    assert_eq!(found(original.path(), &CANARIES), all);
    for session in [&plain, &strict, &kept] {
        assert_eq!(found(session.path(), &CANARIES), BTreeSet::new());
        check_same_timeline(&original, session);
    }
    assert!(
        !CANARIES.iter().any(|canary| said_plain.contains(canary)),
        "{said_plain}"
    );
    let told = "1 key is in the copy as it was; --drop-keys";
    assert!(said_plain.contains(told), "{said_plain}");
    assert!(!said_plain.contains("nothing"), "{said_plain}");

    let story = play(&original);
    assert!(story.len() > 70, "{}", story.len());
    let statuses: BTreeSet<&str> = story.iter().map(|(status, ..)| status.as_str()).collect();
    assert_eq!(statuses, BTreeSet::from(["200", "302", "403"]));
    assert_eq!(play(&plain), story);
    let without_keys = |story: Vec<(String, usize, Option<Vec<u8>>)>| {
        let not_a_key = |told: &(String, usize, Option<Vec<u8>>)| {
            told.2.as_deref().is_none_or(|b| b.len() != 16)
        };
        story
            .into_iter()
            .filter(not_a_key)
            .map(|t| (t.0, t.2))
            .collect::<Vec<_>>()
    };
    assert_eq!(without_keys(play(&strict)), without_keys(story));

    check_consistency(&plain);
    let keys = |session: &Session| session.list::<Vec<u8>>("SELECT DISTINCT data FROM keys");
    assert_eq!(keys(&plain), [KEY.to_vec()]);
    assert_eq!(keys(&strict), [vec![0; 16]]);
    let hosts = ["127.0.0.1", "localhost"];
    assert_eq!(found(strict.path(), &hosts), BTreeSet::new());
    assert!(found(plain.path(), &hosts).contains("127.0.0.1"));
    let port = format!(":{}/", origin.port());
    assert!(
        strict
            .one::<String>("SELECT url FROM stream")
            .contains(&port)
    );
    // Numbers of the timeline stay in any case, those of a parameter where that is wished.
    let playlist =
        |session: &Session| String::from_utf8(session.body(last_index(session))).unwrap();
    assert!(playlist(&plain).contains("SEQUENCE:7089252\n"));
    assert!(!playlist(&plain).contains("seq=7089252\n"));
    assert!(playlist(&kept).contains("seq=7089252\n"));
}

fn last_index(session: &Session) -> i64 {
    session.number("SELECT max(exchange_id) FROM revision WHERE segment_count > 70")
}

/// A token has one pseudonym: in URLs, playlists, header fields, pages, subtitles.
fn check_consistency(session: &Session) {
    let url: String = session.one("SELECT url FROM stream");
    let pseudonym = url.split("token=").nth(1).unwrap();
    assert_eq!(pseudonym.len(), TOKEN.len());
    let count = |sql: &str| {
        let sql = sql.replace("TOKEN", &format!("'%{pseudonym}%'"));
        session.number(&sql)
    };
    assert!(count("SELECT count(*) FROM resource WHERE url LIKE TOKEN") >= 4);
    assert!(
        count(
            "SELECT count(*) FROM header_set WHERE fields LIKE '%x-auth-token%' AND fields LIKE TOKEN"
        ) > 0
    );
    assert!(
        count(
            "SELECT count(*) FROM header_set WHERE fields LIKE '%location%' AND fields LIKE TOKEN"
        ) > 0
    );
    let lines = "SELECT count(*) FROM body b JOIN body_text t USING (id) WHERE b.first_line IS NOT NULL AND t.text LIKE TOKEN";
    assert!(count(lines) >= 2);
    let is_in = |name: &str| {
        let mut chunks = session.chunk_files().into_iter();
        chunks.any(|(path, content)| path.ends_with(name) && has(&content, pseudonym.as_bytes()))
    };
    assert!(is_in("subs.vtt"));
    let page = "SELECT count(*) FROM exchange e JOIN body b ON b.id = e.body_id WHERE e.status = 403 AND b.size > 100";
    assert!(count(page) > 0);
}

#[test]
fn what_cannot_be_redacted_is_a_sentence() {
    let (_origin, finished) = recorded();
    let folder = finished.folder();
    let copy = |arguments: &[&str]| {
        let output = issession(folder, arguments);
        (output.status.code().unwrap(), said(&output))
    };
    for (arguments, code, sentence) in [
        (&["redact", "session1", "session1"][..], 2, "already exists"),
        (
            &["redact", "session1", "sessions/session1"],
            2,
            "already exists",
        ),
        (&["redact", "session9", "new"], 2, "there are: session1"),
        (&["redact", "session1", ".."], 2, "cannot be"),
        (
            &["redact", "session1", "nowhere/copy"],
            2,
            "nowhere; a name without a / is one in sessions",
        ),
        (&["redact", "session1"], 2, "<NEW>"),
        (
            &["redact", "session1", "new", "--resume"],
            2,
            "unexpected argument",
        ),
        (&["redact", "--drop-keys"], 2, "<SESSION>"),
        (
            &["redact", "session1", "new", "--secrets", "nowhere"],
            2,
            "cannot read nowhere",
        ),
    ] {
        let (exit, said) = copy(arguments);
        assert_eq!(exit, code, "{said}");
        assert!(said.contains(sentence), "{said}");
        assert!(!folder.join("sessions/new").exists());
    }
    // As its recorder has it.
    let chunks = std::fs::File::open(folder.join("sessions/session1/chunks")).unwrap();
    chunks.lock().unwrap();
    let (exit, said) = copy(&["redact", "session1", "new"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("is being recorded"), "{said}");
    drop(chunks);
    // A file that is not as its row says.
    let path = folder.join("sessions/session1/chunks");
    let mut all = Vec::new();
    files(&path, &mut all);
    let (segment, _) = all
        .iter()
        .find(|(path, _)| path.ends_with("seg9.ts"))
        .unwrap();
    std::fs::write(segment, "short").unwrap();
    let (exit, said) = copy(&["redact", "session1", "new"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("seg9.ts has 5 bytes"), "{said}");
    assert!(!folder.join("sessions/new").exists(), "half a copy is left");
}

#[test]
fn media_is_copied_as_it_is_and_what_is_in_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let media = [&[0, 1, 2][..], TOKEN.as_bytes(), &[3; 5000]].concat();
    let url = format!("http://origin.example/seg.ts?t={TOKEN}");
    write(folder.path(), |write| write.chunk(&url, &media));
    let output = issession(folder.path(), &["redact", "session1", "new"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let careful = "Careful: 1 media chunks have something of it in them, for example chunks/seg.ts";
    assert!(said.contains(careful), "{said}");
    let copied = std::fs::read(folder.path().join("sessions/new/chunks/seg.ts")).unwrap();
    assert_eq!(copied, media);
}

#[test]
fn secrets_of_any_look_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |write| {
        write.text(
            "http://origin.example/studio-seven/x.json",
            b"{\"n\":\"studio-seven\"}",
        );
    });
    std::fs::write(folder.path().join("secrets.txt"), "studio-seven\n").unwrap();
    let arguments = ["redact", "session1", "new", "--secrets", "secrets.txt"];
    let output = issession(folder.path(), &arguments);
    assert!(output.status.success(), "{}", said(&output));
    let new = folder.path().join("sessions/new");
    assert_eq!(found(&new, &["studio-seven"]), BTreeSet::new());
    let old = folder.path().join("sessions/session1");
    assert_eq!(found(&old, &["studio-seven"]).len(), 1);
}
