//! Streams that are no playlists, replayed: live, as a dump, while they are recorded, after a kill.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::raw::*;
use crate::replay::Replayer;
use crate::support::{Ask, Origin, Recorder, Recording, Reply, Then};

pub struct Sent {
    pub head: String,
    pub body: Vec<u8>,
    whole: bool,
}

/// Asks, and reads until the end of the connection or as many bytes of the body as `enough`.
pub fn get(address: &str, path: &str, field: &str, enough: usize) -> Sent {
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
    let answers = session.rows(
        "SELECT id, (requested_us + wait_us - (SELECT started_us FROM run)) / 1000 FROM exchange ORDER BY id LIMIT 2",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    let parts = files(&session);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let began = replayer.get("/?format=json");
    assert!(began.contains("\"path\": \"hall/stream.ts\""), "{began}");
    assert!(began.contains("\"dump\": \"hall/dump.ts\""), "{began}");
    // Two players of their own: one from the beginning, one that comes in the gap.
    let first = while_it_lasts(&replayer, answers[0], "/hall/stream.ts");
    assert!(
        first.head.contains("content-type: video/mp2t\r\n"),
        "{}",
        first.head
    );
    assert!(!first.whole && is_end_of(&parts[0].1, &first.body));
    let own = format!("/http/127.0.0.1:{}/live", origin.port());
    let second = while_it_lasts(&replayer, answers[1], &own);
    assert!(!second.whole && is_end_of(&parts[1].1, &second.body));
    let healed = Replayer::start(sessions, &["-p", "0", "--faults", "none", "session1"]);
    let same = while_it_lasts(&healed, answers[0], "/hall/stream.ts");
    assert!(!same.whole && is_end_of(&parts[0].1, &same.body));
    let nowhere = replayer.get("/hall/stream.mp3");
    assert!(
        nowhere.starts_with("HTTP/1.1 404 ") && nowhere.contains("/hall/stream.ts"),
        "{nowhere}"
    );
}

/// Asks for a part at the moment at which it began. On a machine that stood still since that moment was
/// computed the part is over by then: it is asked for again.
fn while_it_lasts(replayer: &Replayer, (exchange, began_ms): (i64, i64), path: &str) -> Sent {
    let played = |sent: &Sent| {
        let field = format!("x-isrecorder-exchange: {exchange}\r\n");
        sent.head.contains(&field) && !sent.body.is_empty()
    };
    let mut asked = (0..10).map(|_| {
        let path = clock(began_ms, path);
        get(&replayer.address, &path, "", usize::MAX)
    });
    asked.find(played).unwrap()
}

/// A path on a clock on which it is so late now.
pub fn clock(at_ms: i64, path: &str) -> String {
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

/// Until the part that grows has sixty groups.
fn until_all_has_come(recording: &mut Recording) {
    let growing = recording.sessions().join("session1/chunks/.tmp/1");
    let length = groups(0..60).len() as u64;
    recording.until("all of it", || {
        growing.metadata().is_ok_and(|file| file.len() == length)
    });
    recording.until_at_least(1, "SELECT count(*) FROM pending");
}

#[test]
fn what_a_killed_recorder_had_of_a_stream_is_still_played() {
    let origin = Origin::new(|_| live(groups(0..60), Then::Hang));
    let mut recording = recorder(&origin).start();
    until_all_has_come(&mut recording);
    let session = recording.kill().killed_session();
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    // The session is taken for one that is being recorded as long as its recorder may be busy.
    let dump = get(&replayer.address, "/dump.ts", "", groups(0..60).len());
    assert_eq!(dump.body, groups(0..60));
    let played = get(&replayer.address, "/stream.ts", "", 1880);
    assert!(contains(&groups(0..60), &played.body));
    // Its own URL, with what a player adds to it.
    let own = format!("/http/127.0.0.1:{}/live?_=17", origin.port());
    let added = get(&replayer.address, &own, "", 1880);
    assert!(added.head.starts_with("HTTP/1.1 200 "), "{}", added.head);
    assert!(contains(&groups(0..60), &added.body));
}

#[test]
fn what_a_killed_recorder_had_of_a_stream_is_a_part_of_the_session_that_goes_on() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..60), Then::Hang),
        _ => live(groups(100..160), Then::Hang),
    });
    let mut recording = recorder(&origin).start();
    until_all_has_come(&mut recording);
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
