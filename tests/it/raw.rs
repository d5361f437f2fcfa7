//! Streams that are no playlists: recorded as they come, in parts, again and again.

use std::time::Duration;

use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Then};

pub const PAUSE: Duration = Duration::from_millis(20);

/// A packet of a transport stream; `label` makes it another one.
pub fn packet(pid: u16, key: bool, payload: &[u8], label: u32) -> Vec<u8> {
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
pub fn group(label: u32) -> Vec<u8> {
    let mut group = packet(0, false, &[0, 0, 0xB0, 0x0D], label);
    group.extend(packet(0x100, true, &[0, 0, 1, 0xE0], label));
    group.extend(packet(0x100, false, &[], label).repeat(8));
    group
}

/// Groups of 1880 bytes each.
pub fn groups(labels: std::ops::Range<u32>) -> Vec<u8> {
    labels.flat_map(group).collect()
}

/// A stream that goes on as `then` says after its body.
pub fn live(body: Vec<u8>, then: Then) -> Reply {
    Reply {
        status: 200,
        fields: vec![("Content-Type".to_owned(), "video/mp2t".to_owned())],
        body,
        end: End::Live(1880, PAUSE, then),
    }
}

/// The same, so slow that a replay is asked before it is over.
pub fn slow(body: Vec<u8>, then: Then) -> Reply {
    Reply {
        end: End::Live(1880, 5 * PAUSE, then),
        ..live(body, then)
    }
}

/// Whether these are bytes from a packet on to the end.
pub fn is_end_of(all: &[u8], bytes: &[u8]) -> bool {
    !bytes.is_empty() && (all.len() - bytes.len()).is_multiple_of(188) && all.ends_with(bytes)
}

pub fn contains(all: &[u8], bytes: &[u8]) -> bool {
    all.windows(bytes.len()).any(|window| window == bytes)
}

pub fn recorder(origin: &Origin) -> Recorder {
    Recorder::bare().args(["--min-part", "4k", &format!("hall={}", origin.url("/live"))])
}

pub const PARTS: &str = "SELECT count(*) FROM body WHERE path LIKE 'hall/%'";

/// The files of the parts, in order of their names.
pub fn files(session: &Session) -> Vec<(String, Vec<u8>)> {
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

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).unwrap();
    [&size.to_be_bytes(), &kind[..], body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The initialization section of a camera: one track of pictures.
fn camera() -> Vec<u8> {
    let handler = [&[0; 8][..], b"vide", &[0; 13]].concat();
    let trak = [
        boxed(b"tkhd", &words(&[0, 0, 0, 1, 0])),
        boxed(b"mdia", &boxed(b"hdlr", &handler)),
    ];
    let mvex = boxed(b"mvex", &boxed(b"trex", &words(&[0, 1, 1, 0, 0, 0x1_0000])));
    let moov = [boxed(b"trak", &trak.concat()), mvex].concat();
    [boxed(b"ftyp", b"iso5\0\0\0\0"), boxed(b"moov", &moov)].concat()
}

/// Fragments of 1000 bytes or so, each fifth with a key picture.
fn fragments(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let fragment = |number: u32| {
        let flags = if number.is_multiple_of(5) {
            0
        } else {
            0x1_0000
        };
        let traf = [
            boxed(b"tfhd", &words(&[0, 1])),
            boxed(b"trun", &words(&[0x4, 1, flags])),
        ];
        let moof = boxed(b"moof", &boxed(b"traf", &traf.concat()));
        [moof, boxed(b"mdat", &words(&[number; 240]))].concat()
    };
    numbers.flat_map(fragment).collect()
}

#[test]
fn each_part_of_fragmented_mp4_plays_alone() {
    let sent = [camera(), fragments(0..300)].concat();
    let body = sent.clone();
    let origin = Origin::new(move |ask: &Ask| match ask.nth {
        0 => Reply {
            end: End::Live(777, PAUSE / 2, Then::Hang),
            ..live(body.clone(), Then::Hang)
        },
        _ => Reply::html(503),
    });
    let mut recording = recorder(&origin)
        .args(["--roll", "0.5", "--stall", "2"])
        .start();
    recording.until_it_says("it is a stream of mp4");
    recording.until("it is asked again", || origin.count("/live") >= 2);
    let session = recording.interrupt().session();
    let files = files(&session);
    assert!(files.len() >= 3, "{}", files.len());
    let mut joined = camera();
    for (n, (name, content)) in files.iter().enumerate() {
        assert!(name.ends_with(&format!(".{:03}.mp4", n + 1)), "{name}");
        let fragments = content.strip_prefix(&camera()[..]).expect(name);
        assert!(
            fragments.starts_with(&crate::raw::fragments(0..1)[..60]),
            "{name}: a key picture"
        );
        joined.extend_from_slice(fragments);
    }
    assert!(sent.starts_with(&joined) && sent.len() - joined.len() < 4096);
    let from: Vec<Option<i64>> = session.list(
        "SELECT body_first FROM exchange WHERE body_id IS NOT NULL AND status = 200 ORDER BY id",
    );
    let second = files[0].1.len() as i64;
    assert_eq!(
        from[..2],
        [None, Some(second)],
        "of the response, not of the files"
    );
    let third = second + (files[1].1.len() - camera().len()) as i64;
    assert_eq!(from[2], Some(third));
    let notes = "SELECT count(*) FROM exchange WHERE note LIKE '%once more'";
    assert!(session.number(notes) >= files.len() as i64 - 1);
}

/// Sound with a title after each 1000 bytes.
pub fn icy(sound: &[u8], titles: &[&str]) -> Vec<u8> {
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
fn a_radio_that_answers_icy_in_place_of_http_is_recorded_with_its_titles() {
    let mut frame = vec![0xFF, 0xFB, 0x90, 0x00];
    frame.resize(417, 0x22);
    let sound = frame.repeat(60);
    let sent = icy(&sound, &["StreamTitle='Dawn';", "", ""]);
    let origin = Origin::new(move |ask: &Ask| {
        assert_eq!(ask.header("icy-metadata"), Some("1"));
        assert!(ask.header("user-agent").unwrap().starts_with("isrecorder/"));
        let head = "ICY 200 OK\r\nicy-notice1:<BR>This stream requires a player<BR>\r\nicy-name:Station\r\n\
                    content-type:audio/mpeg\r\nicy-metaint:1000\r\nicy-br:128\r\n\r\n";
        Reply::raw_live(head, &sent, 3000, PAUSE, Then::Closed)
    });
    let mut recording = recorder(&origin).start();
    recording.until_it_says("it is a stream of mp3");
    recording.until_at_least(1, PARTS);
    recording.until("it is asked for again", || origin.count("/live") >= 3);
    let session = recording.interrupt().session();
    let (name, content) = files(&session).remove(0);
    assert!(name.ends_with(".001.mp3") && content == sound, "{name}");
    assert_eq!(session.header(1, "icy-name").as_deref(), Some("Station"));
    let titles = "SELECT count(*) FROM event WHERE kind = 'icy' AND detail LIKE '%Dawn%'";
    assert!(session.number(titles) >= 1);
    let faults = "SELECT count(*) FROM exchange WHERE outcome = 'protocol'";
    assert_eq!(
        session.number(faults),
        0,
        "what only our client cannot read is no fault"
    );
    let notes: Vec<String> = session.list("SELECT note FROM exchange ORDER BY id");
    assert!(
        notes[0].ends_with("asked for twice") && notes[1].ends_with("not HTTP"),
        "{notes:?}"
    );
    let peers = "SELECT count(*) FROM exchange WHERE remote_addr LIKE '127.0.0.1:%' AND http_version = 'ICY'";
    assert_eq!(session.number(peers), notes.len() as i64);
}

#[test]
fn what_is_neither_http_nor_icy_is_a_fault_as_before_and_asked_once_more_only_once() {
    let origin = Origin::new(|_| Reply {
        body: b"220 ftp.example.com ready\r\n".to_vec(),
        ..Reply::nothing(End::Raw)
    });
    let mut recording = recorder(&origin).start();
    let failed = "SELECT count(*) FROM exchange WHERE outcome = 'protocol' AND status IS NULL";
    recording.until_at_least(3, failed);
    let session = recording.interrupt().session();
    assert!(session.number(failed) <= origin.count("/live") as i64);
    let rows = session.number("SELECT count(*) FROM exchange");
    assert!(origin.count("/live") as i64 <= rows + 1, "{rows}");
}

/// The head of a stream that announces so many bytes.
fn announcing(bytes: u64) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: {bytes}\r\n\r\n")
}

#[test]
fn a_stream_may_announce_any_length() {
    for announced in [
        40_000_000,
        900_000_000,
        u64::from(u32::MAX >> 1),
        u64::MAX >> 1,
    ] {
        let origin = Origin::new(move |_| {
            let head = announcing(announced);
            Reply::raw_live(&head, &groups(0..20), 1880, PAUSE, Then::Closed)
        });
        let mut recording = recorder(&origin).start();
        recording.until_it_says("it is a stream of ts");
        recording.until_at_least(1, PARTS);
        let session = recording.interrupt().session();
        assert_eq!(files(&session)[0].1, groups(0..20), "{announced}");
        assert_eq!(session.outcomes("live")[0], (200, "short".to_owned()));
    }
}

#[test]
fn a_body_of_a_small_length_that_comes_slowly_is_a_stream() {
    let sent = groups(0..400);
    let announced = sent.len() as u64 + 1;
    let origin = Origin::new(move |_| {
        let head = announcing(announced);
        Reply::raw_live(&head, &groups(0..400), 1880, PAUSE, Then::Closed)
    });
    let mut recording = recorder(&origin).start();
    recording.until_it_says("it is a stream of ts");
    recording.until_at_least(1, PARTS);
    let session = recording.interrupt().session();
    assert_eq!(files(&session)[0].1, sent, "from its beginning on");
}

#[test]
fn a_large_file_is_recorded_once() {
    // Larger than a playlist may be.
    let file = groups(0..9_000);
    let sent = file.clone();
    let origin = Origin::new(move |_| {
        Reply::segment(file.clone()).with("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")
    });
    let recording = recorder(&origin).start();
    let session = recording.finish().session();
    assert_eq!(origin.count("/live"), 1);
    assert!(files(&session).remove(0).1 == sent);
    assert_eq!(session.outcomes("live"), [(200, "complete".to_owned())]);
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

#[test]
fn an_end_in_good_order_is_a_fault_of_one_name_wherever_faults_are_counted() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..20), Then::End),
        1 => live(groups(20..40), Then::End),
        _ => live(groups(40..60), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(2, PARTS);
    recording.until("the third", || origin.count("/live") == 3);
    let finished = recording.interrupt();
    let summary = finished.stdout.clone();
    assert!(summary.contains("faults 2"), "{summary}");
    assert!(
        summary.contains("raw stream: ended by the origin x 2"),
        "{summary}"
    );
    let session = finished.session();
    let found = std::process::Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--faults")
        .arg(session.path())
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert_eq!(
        found.matches("raw stream hall, 1 request").count(),
        2,
        "{found}"
    );
    assert!(found.ends_with("\n2 outages, 2 faults\n"), "{found}");
}

#[test]
fn a_large_file_without_a_version_is_recorded_once() {
    let file = groups(0..9_000);
    let sent = file.clone();
    let origin = Origin::new(move |_| Reply::segment(file.clone()));
    let finished = recorder(&origin).start().finish();
    let said = finished.stderr.clone();
    assert!(said.contains("it is a file"), "{said}");
    let session = finished.session();
    assert_eq!(origin.count("/live"), 2, "asked once more to know that");
    let files = files(&session);
    assert_eq!(files.len(), 1);
    assert!(files[0].1 == sent);
    let outcomes = session.outcomes("live");
    assert_eq!(outcomes[0], (200, "complete".to_owned()));
    assert_eq!(outcomes[1], (200, "aborted".to_owned()));
}

#[test]
fn a_stream_whose_responses_are_of_one_length_and_differ_is_no_file() {
    let origin = Origin::new(|ask: &Ask| {
        let from = ask.nth as u32 * 10_000;
        Reply::segment(groups(from..from + 9_000))
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(3, PARTS);
    recording.interrupt().session();
}
