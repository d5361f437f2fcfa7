//! Streams that are no playlists: recorded as they come, in parts, again and again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::replay::Replayer;
use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Then};

const PAUSE: Duration = Duration::from_millis(20);

/// A packet of a transport stream; `label` makes it another one.
fn packet(pid: u16, key: bool, payload: &[u8], label: u32) -> Vec<u8> {
    let [high, low] = pid.to_be_bytes();
    let starts = !payload.is_empty();
    let mut packet = vec![0x47, high | u8::from(starts) << 6, low, 0x10];
    if key {
        packet[3] = 0x30;
        packet.extend_from_slice(&[1, 0x40]);
    }
    packet.extend_from_slice(payload);
    packet.extend_from_slice(&label.to_be_bytes());
    packet.resize(188, 0xAA);
    packet
}

/// A table, a key picture, and its rest: a group of packets that is playable alone.
fn group(label: u32) -> Vec<u8> {
    let mut group = packet(0, false, &[0, 0, 0xB0, 0x0D], label);
    group.extend(packet(0x100, true, &[0, 0, 1, 0xE0], label));
    group.extend(packet(0x100, false, &[], label).repeat(8));
    group
}

/// Groups of 1880 bytes each.
fn groups(labels: std::ops::Range<u32>) -> Vec<u8> {
    labels.flat_map(group).collect()
}

/// A stream that goes on as `then` says after its body.
fn live(body: Vec<u8>, then: Then) -> Reply {
    Reply {
        status: 200,
        fields: vec![("Content-Type".to_owned(), "video/mp2t".to_owned())],
        body,
        end: End::Live(1880, PAUSE, then),
    }
}

/// The same, so slow that a replay is asked before it is over.
fn slow(body: Vec<u8>, then: Then) -> Reply {
    Reply {
        end: End::Live(1880, 5 * PAUSE, then),
        ..live(body, then)
    }
}

/// Whether these are bytes from a packet on to the end.
fn is_end_of(all: &[u8], bytes: &[u8]) -> bool {
    !bytes.is_empty() && (all.len() - bytes.len()).is_multiple_of(188) && all.ends_with(bytes)
}

fn contains(all: &[u8], bytes: &[u8]) -> bool {
    all.windows(bytes.len()).any(|window| window == bytes)
}

fn recorder(origin: &Origin) -> Recorder {
    Recorder::bare().args(["--min-part", "4k", &format!("hall={}", origin.url("/live"))])
}

const PARTS: &str = "SELECT count(*) FROM body WHERE path LIKE 'hall/%'";

/// The files of the parts, in order of their names.
fn files(session: &Session) -> Vec<(String, Vec<u8>)> {
    session.chunk_files()
}

#[test]
fn a_stream_that_breaks_comes_back_and_each_piece_is_a_part() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => Reply::html(503),
        1 => live(groups(0..20), Then::Reset),
        2 => live(groups(20..40), Then::Closed),
        3 => live(groups(40..60), Then::End),
        nth => live(groups(nth as u32 * 100..nth as u32 * 100 + 50), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(3, PARTS);
    recording.until("the fourth", || origin.count("/live") == 5);
    recording.until_it_says("it is a stream of ts");
    let session = recording.interrupt().session();
    let files = files(&session);
    assert!(files.len() >= 3, "{files:?}");
    for (n, (name, content)) in files.iter().enumerate().take(3) {
        let from = n as u32 * 20;
        let sent = groups(from..from + 20);
        // A reset may overtake the last bytes.
        let came = if n == 0 {
            &sent[..content.len()]
        } else {
            &sent
        };
        assert_eq!(content, came, "{name}");
        assert!(name.ends_with(&format!("Z.{:03}.ts", n + 1)), "{name}");
    }
    let outcomes = session.outcomes("live");
    let expected = [
        (503, "complete"),
        (200, "reset"),
        (200, "short"),
        (200, "complete"),
    ];
    for (got, expected) in outcomes.iter().zip(expected) {
        assert_eq!((got.0, got.1.as_str()), expected, "{outcomes:?}");
    }
    let kinds: Vec<String> = session.list("SELECT DISTINCT kind FROM resource");
    assert_eq!(kinds, ["main"]);
}

#[test]
fn an_origin_that_closes_at_once_makes_no_heap_of_files() {
    let origin = Origin::new(|_| live(groups(0..1), Then::End));
    let mut recording = recorder(&origin).start();
    recording.until("it is asked again and again", || origin.count("/live") >= 4);
    let asked = origin.count("/live") as i64;
    let session = recording.interrupt().session();
    assert_eq!(files(&session), []);
    assert!(session.number("SELECT count(*) FROM exchange") >= asked - 1);
    let kept = "SELECT count(*) FROM exchange WHERE body_id IS NULL AND wire_bytes = 1880 AND status = 200";
    assert!(session.number(kept) >= asked - 1);
    let gaps: Vec<i64> = session.list(
        "SELECT e.requested_us - f.requested_us FROM exchange e JOIN exchange f ON f.id = e.id - 1",
    );
    assert!(gaps[2] > gaps[0] + 500_000, "ever later: {gaps:?}");
}

#[test]
fn a_stream_that_stalls_is_asked_for_again() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..20), Then::Hang),
        _ => live(groups(20..40), Then::Again),
    });
    let mut recording = recorder(&origin).args(["--stall", "0.7"]).start();
    recording.until_at_least(1, PARTS);
    recording.until("it comes again", || origin.count("/live") == 2);
    let session = recording.interrupt().session();
    assert_eq!(
        session.outcomes("live")[0],
        (200, "body timeout".to_owned())
    );
    assert_eq!(files(&session)[0].1, groups(0..20));
}

#[test]
fn a_stream_is_cut_where_a_part_can_begin_and_the_parts_joined_are_what_came() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..150), Then::Hang),
        _ => Reply::html(503),
    });
    let mut recording = recorder(&origin)
        .args(["--roll", "0.5", "--stall", "2"])
        .start();
    recording.until("it is asked again", || origin.count("/live") >= 2);
    let session = recording.interrupt().session();
    let files = files(&session);
    assert!(files.len() >= 3, "{}", files.len());
    let joined: Vec<u8> = files
        .iter()
        .flat_map(|(_, content)| content.clone())
        .collect();
    // What is left after the last cut may be too small to be kept.
    let all = groups(0..150);
    assert!(all.starts_with(&joined) && all.len() - joined.len() < 4096);
    for (name, content) in &files {
        assert_eq!(content[..4], group(0)[..4], "{name} begins with a table");
    }
    let continued: Vec<(Option<i64>, i64, String)> = session.rows(
        "SELECT e.body_first, b.size, e.outcome FROM exchange e JOIN body b ON b.id = e.body_id ORDER BY e.id",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    let continued: Vec<_> = continued
        .into_iter()
        .filter(|(_, _, outcome)| outcome != "not a playlist")
        .collect();
    let mut at = 0;
    for (n, (first, size, outcome)) in continued.iter().take(files.len()).enumerate() {
        assert_eq!(first.unwrap_or(0), at, "part {n}");
        at += size;
        let last = n + 1 == files.len() && joined.len() == all.len();
        assert_eq!(outcome, if last { "body timeout" } else { "complete" });
    }
}

/// Sound with a title after each 1000 bytes.
fn icy(sound: &[u8], titles: &[&str]) -> Vec<u8> {
    let mut titles = titles.iter().cycle();
    let mut bytes = Vec::new();
    for piece in sound.chunks(1000) {
        bytes.extend_from_slice(piece);
        if piece.len() == 1000 {
            let title = titles.next().unwrap();
            let blocks = title.len().div_ceil(16);
            bytes.push(blocks as u8);
            bytes.extend_from_slice(title.as_bytes());
            bytes.resize(bytes.len() + blocks * 16 - title.len(), 0);
        }
    }
    bytes
}

#[test]
fn titles_between_the_sound_are_taken_out_and_kept() {
    let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
    frame.resize(417, 0x11);
    let sound = frame.repeat(60);
    let sent = icy(
        &sound,
        &["StreamTitle='One';", "", "StreamTitle='Two';", "", ""],
    );
    let origin = Origin::new(move |ask: &Ask| {
        assert_eq!(ask.header("icy-metadata"), Some("1"));
        match ask.nth {
            0 => Reply {
                fields: vec![
                    ("Content-Type".to_owned(), "audio/mpeg".to_owned()),
                    ("icy-metaint".to_owned(), "1000".to_owned()),
                    ("icy-name".to_owned(), "Radio".to_owned()),
                ],
                ..live(sent.clone(), Then::Closed)
            },
            _ => Reply::html(404),
        }
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(1, PARTS);
    let session = recording.interrupt().session();
    let (name, content) = files(&session).remove(0);
    assert!(name.ends_with(".001.mp3"), "{name}");
    assert_eq!(content, sound);
    assert_eq!(session.header(1, "icy-name").as_deref(), Some("Radio"));
    let titles: Vec<String> =
        session.list("SELECT detail FROM event WHERE kind = 'icy' ORDER BY id");
    let titles: Vec<(u64, String)> = titles
        .iter()
        .map(|detail| serde_json::from_str::<serde_json::Value>(detail).unwrap())
        .map(|detail| {
            assert_eq!(
                (&detail["stream"], &detail["exchange"]),
                (&"hall".into(), &1.into())
            );
            (
                detail["byte"].as_u64().unwrap(),
                detail["metadata"].as_str().unwrap().to_owned(),
            )
        })
        .take(3)
        .collect();
    let expected = [(1000, "One"), (3000, "Two"), (6000, "One")];
    assert_eq!(
        titles,
        expected.map(|(at, title)| (at, format!("StreamTitle='{title}';")))
    );
}

#[test]
fn what_has_an_end_is_no_stream() {
    let origin = Origin::new(|_| Reply::segment(groups(0..20)));
    let mut recording = recorder(&origin).start();
    recording.until("it is polled", || origin.count("/live") >= 2);
    let session = recording.interrupt().session();
    assert_eq!(files(&session), []);
    assert_eq!(session.outcomes("live")[0].1, "not a playlist");
}

/// What a replayer sent: the head, the body without its chunking, whether it ended in good order.
struct Sent {
    head: String,
    body: Vec<u8>,
    whole: bool,
}

/// Asks, and reads until the end of the connection or as many bytes of the body as `enough`.
fn get(address: &str, path: &str, field: &str, enough: usize) -> Sent {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{field}\r\n"
    )
    .unwrap();
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let (mut body, mut whole) = (Vec::new(), false);
    if head.contains("transfer-encoding: chunked") {
        while body.len() < enough {
            let mut size = String::new();
            let Ok(1..) = reader.read_line(&mut size) else {
                break;
            };
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            whole = size == 0;
            let mut chunk = vec![0; size + 2];
            if reader.read_exact(&mut chunk).is_err() || whole {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else {
        // A reset is what some of them end with.
        whole = reader.read_to_end(&mut body).is_ok();
    }
    Sent { head, body, whole }
}

#[test]
fn a_replay_breaks_where_the_origin_broke_and_a_player_that_comes_back_gets_on() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => slow(groups(0..20), Then::Reset),
        1 => slow(groups(20..40), Then::Closed),
        nth => live(groups(nth as u32 * 100..nth as u32 * 100 + 50), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(2, PARTS);
    recording.until("the third", || origin.count("/live") == 3);
    let session = recording.interrupt().session();
    let second_us = session.number(
        "SELECT requested_us + wait_us - (SELECT started_us FROM run) FROM exchange ORDER BY id LIMIT 1 OFFSET 1",
    );
    let parts = files(&session);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let began = replayer.get("/?format=json");
    assert!(began.contains("\"path\": \"/hall/stream.ts\""), "{began}");
    assert!(began.contains("\"dump\": \"/hall/dump.ts\""), "{began}");
    // Two players of their own: one from the beginning, one that comes in the gap.
    let first = get(
        &replayer.address,
        &clock(0, "/hall/stream.ts"),
        "",
        usize::MAX,
    );
    assert!(
        first.head.contains("content-type: video/mp2t\r\n"),
        "{}",
        first.head
    );
    assert!(!first.whole && is_end_of(&parts[0].1, &first.body));
    let own = format!("/http/127.0.0.1:{}/live", origin.port());
    let second = get(
        &replayer.address,
        &clock(second_us / 1000, &own),
        "",
        usize::MAX,
    );
    assert!(!second.whole && is_end_of(&parts[1].1, &second.body));
    let healed = Replayer::start(sessions, &["-p", "0", "--faults", "none", "session1"]);
    let same = get(
        &healed.address,
        &clock(0, "/hall/stream.ts"),
        "",
        usize::MAX,
    );
    assert!(!same.whole && is_end_of(&parts[0].1, &same.body));
    let nowhere = replayer.get("/hall/stream.mp3");
    assert!(
        nowhere.starts_with("HTTP/1.1 404 ") && nowhere.contains("/hall/stream.ts"),
        "{nowhere}"
    );
}

/// A path on a clock on which it is so late now.
fn clock(at_ms: i64, path: &str) -> String {
    let zero_us = isrecorder::clock::system_us() - at_ms * 1000;
    format!("/@{}{path}", zero_us / 1000)
}

#[test]
fn the_dump_is_all_parts_as_one_file_in_ranges() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..20), Then::End),
        1 => live(groups(20..40), Then::Closed),
        2 => live(groups(40..60), Then::Hang),
        _ => Reply::html(503),
    });
    let mut recording = recorder(&origin).args(["--stall", "60"]).start();
    recording.until_at_least(2, PARTS);
    recording.until("the third", || origin.count("/live") == 3);
    let all = groups(0..60);
    let sessions = recording.sessions();
    let replayer = Replayer::start(&sessions, &["-p", "0", "session1"]);
    let growing = get(&replayer.address, "/dump.ts", "", all.len());
    assert_eq!(growing.body, all, "goes on growing until all has come");
    let from = get(
        &replayer.address,
        "/dump.ts",
        "Range: bytes=1880-\r\n",
        all.len() - 1880,
    );
    assert!(from.head.starts_with("HTTP/1.1 206 "), "{}", from.head);
    assert_eq!(from.body, all[1880..]);
    let range = |bytes: &str| {
        get(
            &replayer.address,
            "/hall/dump.ts",
            &format!("Range: bytes={bytes}\r\n"),
            usize::MAX,
        )
    };
    let part = range("30000-80000");
    assert!(
        part.head.contains(&format!(
            "content-range: bytes 30000-80000/{}\r\n",
            all.len()
        )),
        "{}",
        part.head
    );
    assert_eq!(part.body, all[30_000..=80_000]);

    let session = recording.interrupt().session();
    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let whole = get(&replayer.address, "/hall/dump.ts", "", usize::MAX);
    assert!(
        whole
            .head
            .contains(&format!("content-length: {}\r\n", all.len())),
        "{}",
        whole.head
    );
    assert_eq!(whole.body, all);
    let end = get(
        &replayer.address,
        "/hall/dump.ts",
        "Range: bytes=-1880\r\n",
        usize::MAX,
    );
    assert_eq!(end.body, group(59));
    let behind = get(
        &replayer.address,
        "/hall/dump.ts",
        "Range: bytes=9999999-\r\n",
        usize::MAX,
    );
    assert!(behind.head.starts_with("HTTP/1.1 416 "), "{}", behind.head);
}

#[test]
fn a_stream_is_watched_while_it_is_recorded() {
    let origin = Origin::new(|_| live(groups(0..1000), Then::Hang));
    let mut recording = recorder(&origin).args(["--roll", "0.5"]).start();
    recording.until_at_least(1, PARTS);
    let sessions = recording.sessions();
    let replayer = Replayer::start(&sessions, &["-p", "0", "session1"]);
    let enough = groups(0..1).len() * 100;
    let live = get(&replayer.address, "/hall/stream.ts", "", enough);
    assert!(contains(&groups(0..1000), &live.body));
    assert!(live.body.len() >= enough);
    recording.interrupt().session();
}

#[test]
fn what_a_killed_recorder_had_of_a_stream_is_still_played() {
    let origin = Origin::new(|_| live(groups(0..60), Then::Hang));
    let mut recording = recorder(&origin).start();
    let growing = recording.sessions().join("session1/chunks/.tmp/1");
    let length = groups(0..60).len() as u64;
    recording.until("all of it", || {
        growing.metadata().is_ok_and(|file| file.len() == length)
    });
    recording.until_at_least(1, "SELECT count(*) FROM pending");
    let session = recording.kill().killed_session();
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    // The session is taken for one that is being recorded as long as its recorder may be busy.
    let dump = get(&replayer.address, "/dump.ts", "", groups(0..60).len());
    assert_eq!(dump.body, groups(0..60));
    let played = get(&replayer.address, "/stream.ts", "", 1880);
    assert!(contains(&groups(0..60), &played.body));
}

#[test]
fn what_a_killed_recorder_had_of_a_stream_is_a_part_of_the_session_that_goes_on() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..60), Then::Hang),
        _ => live(groups(100..160), Then::Hang),
    });
    let mut recording = recorder(&origin).start();
    let growing = recording.sessions().join("session1/chunks/.tmp/1");
    let length = groups(0..60).len() as u64;
    recording.until("all of it", || {
        growing.metadata().is_ok_and(|file| file.len() == length)
    });
    recording.until_at_least(1, "SELECT count(*) FROM pending");
    let killed = recording.kill();
    let mut recording = Recorder::bare()
        .within(killed)
        .args(["--min-part", "4k", "--resume", "-s", "session1"])
        .start();
    recording.until_at_least(1, PARTS);
    recording.until("it goes on", || origin.count("/live") == 2);
    let next = recording.sessions().join("session1/chunks/.tmp/2");
    recording.until("and comes", || {
        next.metadata().is_ok_and(|file| file.len() > 10_000)
    });
    let session = recording.interrupt().session();
    session.check_invariants();
    let files = files(&session);
    assert_eq!(
        files.len(),
        2,
        "{:?}",
        files.iter().map(|f| &f.0).collect::<Vec<_>>()
    );
    assert_eq!(files[0].1, groups(0..60));
    assert!(groups(100..160).starts_with(&files[1].1));
    let parts: Vec<(i64, i64)> = session.rows(
        "SELECT e.id, e.receive_us > 500000 FROM exchange e WHERE body_id IS NOT NULL ORDER BY id",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(parts[0], (1, 1), "with its number and its time");
}

#[test]
fn a_stream_behind_a_redirect_is_recorded_and_replayed_as_well() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live", _) => Reply::redirect(302, "/edge/7"),
        (_, 0) => slow(groups(0..20), Then::Closed),
        _ => live(groups(20..40), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(1, PARTS);
    recording.until("it is asked again", || origin.count("/edge/7") == 2);
    let session = recording.interrupt().session();
    assert_eq!(files(&session)[0].1, groups(0..20));
    assert_eq!(session.outcomes("live")[0], (302, "complete".to_owned()));
    assert_eq!(session.outcomes("edge/7")[0], (200, "short".to_owned()));
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let sent = get(
        &replayer.address,
        &clock(0, "/hall/stream.ts"),
        "",
        usize::MAX,
    );
    assert!(!sent.whole && is_end_of(&groups(0..20), &sent.body));
}

#[cfg(target_os = "linux")]
#[test]
fn a_part_grows_on_the_disk_not_in_memory() {
    let origin = Origin::new(|_| Reply {
        end: End::Live(1 << 18, PAUSE / 2, Then::Again),
        ..live(groups(0..2000), Then::Again)
    });
    let mut recording = recorder(&origin).start();
    let growing = recording.sessions().join("session1/chunks/.tmp/1");
    recording.until("80 MB of it", || {
        growing.metadata().is_ok_and(|file| file.len() > 80_000_000)
    });
    let most = recording.most_memory();
    assert!(most < 60_000_000, "{most}");
    recording.interrupt().session();
}
