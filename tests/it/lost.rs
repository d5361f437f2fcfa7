//! What came and is not in the session any more, or never got there: none of it is blamed on the origin, and no player is
//! kept waiting for it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use rusqlite::Connection;

use crate::replay::Replayer;
use crate::support::client;
use crate::support::{Origin, Recorder, Reply, Session, Window, ts};

/// An audio guide of six rooms, one of which is locked.
const GUIDE: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n\
    #EXTINF:1,\nroom0.ts\n#EXTINF:1,\nroom1.ts\n#EXTINF:1,\nroom2.ts\n#EXTINF:1,\nroom3.ts\n\
    #EXT-X-KEY:METHOD=AES-128,URI=\"door.key\"\n#EXTINF:1,\nroom4.ts\n\
    #EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\nroom5.ts\n#EXT-X-ENDLIST\n";

fn replay(session: &Session, arguments: &[&str]) -> Replayer {
    let name = session.path().file_name().unwrap().to_str().unwrap();
    let arguments: Vec<&str> = ["-p", "0", name].iter().chain(arguments).copied().collect();
    Replayer::start(session.path().parent().unwrap(), &arguments)
}

fn chunk(session: &Session, name: &str) -> PathBuf {
    let path: String = session.one(&format!(
        "SELECT b.path FROM body b JOIN exchange e ON e.body_id = b.id JOIN resource r ON r.id = e.resource_id
          WHERE r.name = '{name}'"
    ));
    session.path().join("chunks").join(path)
}

/// An answer, whose body need not be text.
fn get(replayer: &Replayer, path: &str) -> String {
    let mut answer = Vec::new();
    let mut connection = client::ask(&replayer.address, path);
    connection.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Which segments of the DVR list are gaps.
fn gaps(replayer: &Replayer) -> Vec<bool> {
    let list = replayer.get("/dvr.m3u8");
    assert!(list.starts_with("HTTP/1.1 200 "), "{list}");
    let segments = list.split("#EXTINF:").skip(1);
    segments.map(|one| one.contains("#EXT-X-GAP")).collect()
}

/// The statuses of the six rooms and of the key, as a player gets them that follows the origin's own playlist.
fn visit(replayer: &Replayer, folder: &str) -> Vec<u16> {
    let rooms = (0..6).map(|room| format!("{folder}/room{room}.ts"));
    let all = rooms.chain([format!("{folder}/door.key")]);
    let answers = all.map(|path| (get(replayer, &path), path));
    answers
        .map(|(answer, path)| {
            let status = answer[9..12].parse().unwrap();
            if status == 404 {
                assert!(
                    answer.contains("recorded, and lost since: "),
                    "{path}: {answer}"
                );
                assert!(
                    answer.contains("cache-control: no-store"),
                    "{path}: {answer}"
                );
            }
            status
        })
        .collect()
}

#[test]
fn what_is_lost_is_a_gap_in_a_dvr_list_and_passed_over_in_the_origins_own() {
    let origin = Origin::new(|ask| match ask.path() {
        "/guide.m3u8" => Reply::playlist(GUIDE),
        "/door.key" => Reply::key(*b"a key of a door."),
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/guide.m3u8")).run().session();
    let content = fs::read(chunk(&session, "room1.ts")).unwrap();
    let whole = replay(&session, &["--zero", "2020-01-01T00:00:00Z"]);
    assert_eq!(gaps(&whole), [false; 6]);

    // One has vanished, one was cut, one has other bytes, and the key, which is in the database, has others, too.
    fs::remove_file(chunk(&session, "room1.ts")).unwrap();
    fs::write(chunk(&session, "room2.ts"), b"cut").unwrap();
    let other = vec![0; fs::read(chunk(&session, "room3.ts")).unwrap().len()];
    fs::write(chunk(&session, "room3.ts"), other).unwrap();
    let database = Connection::open(session.path().join("session.db")).unwrap();
    let key = "UPDATE body SET data = zeroblob(16) WHERE id IN
        (SELECT e.body_id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'key')";
    assert_eq!(database.execute(key, []).unwrap(), 1);
    drop(database);

    let folder = origin.url("").replace("http://", "/http/");
    let folder = folder.trim_end_matches('/');
    let before = replay(&session, &["--zero", "2020-01-01T00:00:00Z"]);
    assert_eq!(gaps(&before), [false, true, true, false, true, false]);
    assert_eq!(visit(&before, folder), [200, 404, 404, 200, 200, 200, 404]);
    drop(before);

    session.told_by(env!("CARGO_BIN_EXE_issession"), &["repair", "--hashes"]);
    for faults in ["recorded", "none"] {
        let repaired = replay(
            &session,
            &["--zero", "2020-01-01T00:00:00Z", "--faults", faults],
        );
        assert_eq!(
            gaps(&repaired),
            [false, true, true, true, true, false],
            "{faults}"
        );
        assert_eq!(
            visit(&repaired, folder),
            [200, 404, 404, 404, 200, 200, 404],
            "{faults}"
        );
        let list = repaired.get(&format!("{folder}/guide.m3u8"));
        assert!(list.ends_with(GUIDE), "byte for byte: {list}");
    }

    fs::write(chunk(&session, "room1.ts"), content).unwrap();
    let found = replay(&session, &["--zero", "2020-01-01T00:00:00Z"]);
    assert_eq!(gaps(&found), [false, false, true, true, true, false]);
    assert_eq!(visit(&found, folder), [200, 200, 404, 404, 200, 200, 404]);
}

#[test]
fn of_byte_ranges_those_that_are_lost_are_missing_and_no_answer_breaks_off() {
    let file: Vec<u8> = (0..120).collect();
    let origin = Origin::new(move |ask| match ask.path() {
        "/tour.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n#EXT-X-BYTERANGE:40@0\ntour.ts\n\
             #EXTINF:1,\n#EXT-X-BYTERANGE:40\ntour.ts\n#EXTINF:1,\n#EXT-X-BYTERANGE:40\ntour.ts\n#EXT-X-ENDLIST\n",
        ),
        _ => Reply::ranged(ask, &file),
    });
    let session = Recorder::new(origin.url("/tour.m3u8")).run().session();
    let second: String = session.one(
        "SELECT b.path FROM body b JOIN exchange e ON e.body_id = b.id JOIN resource r ON r.id = e.resource_id
          WHERE r.range_first = 40",
    );
    fs::remove_file(session.path().join("chunks").join(second)).unwrap();
    let replayer = replay(&session, &["--zero", "2020-01-01T00:00:00Z"]);
    assert_eq!(gaps(&replayer), [false, true, false]);
    let path = origin.url("/tour.ts").replace("http://", "/http/");
    for (range, status) in [
        ("0-39", 206),
        ("40-79", 404),
        ("0-79", 404),
        ("80-119", 206),
    ] {
        let output = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-r", range])
            .arg(format!("http://{}{path}", replayer.address))
            .output()
            .unwrap();
        assert!(output.status.success(), "{range}: {output:?}");
        assert_eq!(output.stdout, status.to_string().as_bytes(), "{range}");
    }
}

#[test]
fn what_the_disk_of_the_recorder_refused_is_no_fault_of_the_origin() {
    let origin = Origin::new(|ask| match ask.path() {
        "/hall.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        // Larger than a file may be here.
        "/seg1.ts" => Reply::segment(ts("large").repeat(15_000)),
        path => Reply::segment(ts(path)),
    });
    // In blocks of 512 bytes.
    let recorder = Recorder::new(origin.url("/hall.m3u8")).after_shell("ulimit -f 15000");
    let mut recording = recorder.start();
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE outcome = 'disk'");
    recording.until_at_least(6, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    let finished = recording.interrupt();
    let (summary, log) = (finished.stdout.clone(), finished.stderr.clone());
    assert!(summary.contains("faults 0"), "{summary}");
    assert!(
        summary.contains("The recorder itself: segment: disk x "),
        "{summary}"
    );
    let told = format!(
        "segment \"seg1.ts\" of {}: the recorder could not store it: ",
        origin
            .url("")
            .trim_start_matches("http://")
            .trim_end_matches("/")
    );
    assert!(log.contains(&told), "{log}");

    let session = finished.session();
    let faults = session.told_by(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    let (outages, sum) = faults.trim_end().rsplit_once('\n').unwrap();
    let own = |line: &str| line.starts_with("the recorder's disk was full (disk) ");
    assert!(outages.lines().all(own), "{faults}");
    assert!(sum.starts_with("no outage of the origin; "), "{faults}");
    assert!(sum.ends_with(" of the recorder's own"), "{faults}");
    let info = session.told_by(env!("CARGO_BIN_EXE_issession"), &["info"]);
    assert!(info.contains("Faults    none\n"), "{info}");
    assert!(
        info.contains("Not kept  by the recorder, as it came: segment: disk x "),
        "{info}"
    );

    for faults in ["recorded", "none"] {
        let replayer = replay(
            &session,
            &["--zero", "2020-01-01T00:00:00Z", "--faults", faults],
        );
        let answer = replayer.get(&origin.url("/seg1.ts").replace("http://", "/http/"));
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(
            answer.contains("was not kept: the recorder could not store it: "),
            "{answer}"
        );
        assert!(gaps(&replayer)[..3] == [false, true, false], "{faults}");
    }
}

/// Random figures, so that nothing makes them shorter.
fn figures(seed: u64, count: usize) -> String {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut figure = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from_digit((state >> 40) as u32 % 36, 36).unwrap()
    };
    (0..count).map(|_| figure()).collect()
}

#[test]
fn a_database_that_may_not_grow_ends_a_recording_with_all_that_is_known_of_it() {
    let origin = Origin::new(|ask| match ask.path() {
        "/hall.m3u8" => {
            let text = Window::new(ask.nth as u64 / 2, 4).text();
            Reply::playlist(format!("{text}#{}\n", figures(ask.nth as u64 + 1, 300_000)))
        }
        path => Reply::segment(ts(path)),
    });
    // In blocks of 512 bytes: larger than the first log, which is brought into the database then.
    let recorder = Recorder::new(origin.url("/hall.m3u8")).after_shell("ulimit -f 6000");
    let finished = recorder.run();
    let (out, log) = (finished.stdout.clone(), finished.stderr.clone());
    assert_eq!(finished.status.code(), Some(1), "{log}");
    let why =
        "session.db may not grow: there is a limit on the size of files, of this user (ulimit -f)";
    assert!(log.contains(why), "{log}");
    assert!(out.starts_with("Record length 0:00:"), "{out}");
    assert!(out.contains("\nSession sessions/session1: "), "{out}");

    let folder = finished.folder().join("sessions/session1");
    let program = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let done = command.args(arguments).arg(&folder).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let issession = env!("CARGO_BIN_EXE_issession");
    let info = program(issession, &["info"]);
    assert!(
        info.contains("disk full") && !info.contains("killed"),
        "{info}"
    );
    let check = program(issession, &["check"]);
    assert!(!check.contains("killed"), "{check}");
    // More than one log came into it.
    assert!(folder.join("session.db").metadata().unwrap().len() > 1_000_000);

    let gone_on = Recorder::after(finished, origin.url("/hall.m3u8"));
    let mut gone_on = gone_on.args(["-s", "session1", "--resume"]).start();
    gone_on.until_at_least(2, "SELECT count(*) FROM run");
    gone_on.until_at_least(
        1,
        "SELECT count(*) FROM exchange WHERE requested_us > (SELECT max(started_us) FROM run)",
    );
    let session = gone_on.interrupt().session();
    session.check_invariants();
}
