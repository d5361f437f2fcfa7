//! Parts and their parents: the same bytes are on the disk once, and every part and every parent is what came.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;

use crate::replay::Replayer;
use crate::support::{
    Ask, Finished, LowLatency, Names, Origin, PARTS, Recorder, Reply, Session, client, part_body,
};

const SEGMENTS: usize = 4;
/// Of a segment.
const SIZES: [usize; 3] = [70_000, 1, 5_000];

/// Bytes that are no text.
fn bytes(seed: usize, size: usize) -> Vec<u8> {
    let byte = |n: usize| ((n * 31 + seed * 101 + n / 251) % 255) as u8;
    let mut bytes: Vec<u8> = (0..size).map(byte).collect();
    if size > 1 {
        bytes[0] = 0;
    }
    bytes
}

/// A show of which all parts and all parents are listed.
#[derive(Clone, Copy, Default)]
struct Show {
    /// Parts are ranges of their parents.
    ranges: bool,
    /// This part is a 404.
    missing: Option<usize>,
    /// The parts of this segment are not those of which the parent consists.
    other: Option<usize>,
    /// The first parts of the first segment are not listed any more.
    late: bool,
    /// All media are redirected to another path.
    redirected: bool,
}

impl Show {
    fn part(segment: usize, part: usize) -> Vec<u8> {
        bytes(
            segment * 10 + part + usize::from(SIZES[part] == 1) * segment,
            SIZES[part],
        )
    }

    fn parent(self, segment: usize) -> Vec<u8> {
        let mut whole: Vec<u8> = (0..SIZES.len())
            .flat_map(|n| Self::part(segment, n))
            .collect();
        if self.other == Some(segment) {
            whole[1] ^= 1;
            let last = whole.len() - 1;
            whole[last] ^= 1;
        }
        whole
    }

    fn text(self) -> String {
        let mut text =
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.4\n"
                .to_owned();
        for segment in 0..SEGMENTS {
            let mut first = 0;
            for (part, size) in SIZES.into_iter().enumerate() {
                if !(self.late && segment == 0 && part == 0) {
                    text += &match self.ranges {
                        true => format!(
                            "#EXT-X-PART:DURATION=0.3,URI=\"s{segment}.mp4\",BYTERANGE=\"{size}@{first}\"\n"
                        ),
                        false => {
                            format!("#EXT-X-PART:DURATION=0.3,URI=\"s{segment}.{part}.mp4\"\n")
                        }
                    };
                }
                first += size;
            }
            text += &format!("#EXTINF:1,\ns{segment}.mp4\n");
        }
        text + "#EXT-X-ENDLIST\n"
    }

    fn reply(self, ask: &Ask) -> Reply {
        let name = ask.path().rsplit('/').next().unwrap();
        let Some(name) = name
            .strip_prefix('s')
            .and_then(|name| name.strip_suffix(".mp4"))
        else {
            return Reply::playlist(self.text());
        };
        if self.redirected && ask.path().starts_with("/live/") {
            return Reply::redirect(302, &ask.path().replace("/live/", "/cdn/"));
        }
        match name.split_once('.') {
            Some((segment, part)) => {
                let (segment, part): (usize, usize) =
                    (segment.parse().unwrap(), part.parse().unwrap());
                match self.missing == Some(segment * SIZES.len() + part) {
                    true => Reply::not_found(),
                    false => Reply::segment(Self::part(segment, part)),
                }
            }
            None => Reply::ranged(ask, &self.parent(name.parse().unwrap())),
        }
    }

    fn origin(self) -> Origin {
        Origin::new(move |ask: &Ask| self.reply(ask))
    }

    fn recorded(self) -> (Origin, Finished) {
        let origin = self.origin();
        let finished = Recorder::new(origin.url("/live/show.m3u8")).run();
        (origin, finished)
    }
}

/// Files beneath `chunks/`, and their bytes together.
fn on_disk(session: &Path) -> (Vec<String>, u64) {
    let (mut files, mut size) = (Vec::new(), 0);
    let mut folders = vec![PathBuf::from("chunks")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(session.join(&folder))
            .unwrap()
            .map(Result::unwrap)
        {
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => {
                    size += entry.metadata().unwrap().len();
                    files.push(
                        path.strip_prefix("chunks")
                            .unwrap()
                            .to_str()
                            .unwrap()
                            .to_owned(),
                    );
                }
            }
        }
    }
    files.sort();
    (files, size)
}

/// Bodies by the name of what was asked for, and the byte of it at which each begins.
fn bodies(session: &Session) -> BTreeMap<(String, i64), Vec<u8>> {
    let rows = session.rows(
        "SELECT e.id, r.name, ifnull(r.range_first, -1) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind IN ('segment', 'part') AND e.status IN (200, 206) ORDER BY e.id",
        |row| Ok((row.get::<_, i64>(0)?, (row.get(1)?, row.get(2)?))),
    );
    rows.into_iter()
        .map(|(id, name)| (name, session.body(id)))
        .collect()
}

/// The body of an answer.
fn body_of(address: &str, path: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    client::ask(address, path).read_to_end(&mut answer).unwrap();
    let head = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    answer.split_off(head + 4)
}

fn issession(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_issession"));
    command
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// What a check with hashes says; it is content.
fn checked(folder: &Path, session: &str) -> String {
    let output = issession(folder, &["check", session, "--hashes"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("sessions/session1/session.db")).unwrap()
}

const SPANS: &str = "SELECT count(*) FROM body WHERE chunk_id IS NOT NULL";

#[test]
fn parts_are_bytes_of_their_parents_however_they_are_named() {
    for names in [Names::Uris, Names::Ranges, Names::Queries] {
        let (origin, _edge) = LowLatency::new(names).start();
        let finished = Recorder::new(origin.url("/live/live.m3u8")).run();
        assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
        let told = checked(finished.folder(), "session1");
        assert!(told.starts_with("ok: 1 run, "), "{told}");
        let session = finished.session();
        let (files, size) = on_disk(session.path());
        let parents = "SELECT count(*) FROM resource WHERE kind = 'segment'";
        let parents = session.number(parents);
        assert_eq!(files.len() as i64, parents + 1, "{names:?}: {files:?}");
        let once = "SELECT sum(b.size) FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN body b ON b.id = e.body_id
            WHERE r.kind IN ('segment', 'init')";
        assert_eq!(size as i64, session.number(once), "{names:?}");
        let spans: Vec<i64> = session.list(
            "SELECT e.id FROM exchange e JOIN body b ON b.id = e.body_id WHERE b.chunk_id IS NOT NULL ORDER BY e.id",
        );
        assert_eq!(
            spans.len() as i64,
            session.number("SELECT count(*) FROM resource WHERE kind = 'part'")
        );
        let came: Vec<Vec<u8>> = spans.into_iter().map(|id| session.body(id)).collect();
        for n in PARTS..8 * PARTS {
            assert!(came.contains(&part_body(n)), "{names:?}: part {n}");
        }
        session.check_invariants();
    }
}

#[test]
fn what_a_parent_has_becomes_its_bytes_and_all_else_stays_a_file() {
    let parts = SEGMENTS * SIZES.len();
    let all = Show::default();
    for (show, spans) in [
        (all, parts),
        (
            Show {
                ranges: true,
                ..all
            },
            parts,
        ),
        (
            Show {
                redirected: true,
                ..all
            },
            parts,
        ),
        // Those behind it are found from the end on.
        (
            Show {
                missing: Some(4),
                ..all
            },
            parts - 1,
        ),
        (Show { late: true, ..all }, parts - 1),
        // Its first and its last part differ, and nobody knows where that between them would be.
        (
            Show {
                other: Some(2),
                ..all
            },
            parts - SIZES.len(),
        ),
    ] {
        let (_origin, finished) = show.recorded();
        checked(finished.folder(), "session1");
        let session = finished.session();
        assert_eq!(session.number(SPANS), spans as i64);
        let listed = parts - usize::from(show.late) - usize::from(show.missing.is_some());
        let (files, _) = on_disk(session.path());
        assert_eq!(files.len(), SEGMENTS + listed - spans, "{files:?}");
        for ((name, first), body) in bodies(&session) {
            let name = name
                .rsplit("/s")
                .next()
                .unwrap()
                .strip_suffix(".mp4")
                .unwrap();
            let expected = match name.split_once('.') {
                Some((segment, part)) => {
                    Show::part(segment.parse().unwrap(), part.parse().unwrap())
                }
                None => {
                    let whole = show.parent(name.parse().unwrap());
                    let first = usize::try_from(first).ok();
                    first.map_or(whole.clone(), |first| {
                        whole[first..first + body.len()].to_vec()
                    })
                }
            };
            assert!(body == expected, "{name} {first}");
        }
        // Scripts of the original open the file that a row names.
        let paths: Vec<String> = session.list("SELECT path FROM segments WHERE error IS NULL");
        assert!(
            paths.iter().all(|path| session.path().join(path).is_file()),
            "{paths:?}"
        );
        session.check_invariants();
    }
}

#[test]
fn a_replay_and_a_redacted_copy_give_each_part_and_each_parent_as_it_came() {
    let (origin, finished) = Show::default().recorded();
    let sessions = finished.folder().join("sessions");
    let output = issession(finished.folder(), &["redact", "session1", "copy"]);
    assert!(output.status.success(), "{output:?}");
    checked(finished.folder(), "copy");
    for name in ["session1", "copy"] {
        let session = Session::within(finished.folder(), name);
        assert_eq!(
            session.number(SPANS),
            (SEGMENTS * SIZES.len()) as i64,
            "{name}"
        );
        assert_eq!(on_disk(session.path()).0.len(), SEGMENTS, "{name}");
    }
    let replayer = Replayer::start(&sessions, &["-p", "0", "session1"]);
    let session = Session::within(finished.folder(), "session1");
    let listed_us = session.number("SELECT max(from_us) FROM exchange") - session.zero_us();
    let folder = origin.url("/live/").replacen("://", "/", 1);
    let body = |name: String| {
        // On a clock of its own.
        let start = format!("/stream.m3u8?offset={}", listed_us as f64 / 1e6);
        let redirect = client::get(&replayer.address, &start);
        let clock = client::led_by_location("/stream.m3u8", &redirect);
        body_of(
            &replayer.address,
            &clock.replace("/stream.m3u8", &format!("/{folder}{name}")),
        )
    };
    for segment in 0..SEGMENTS {
        assert!(body(format!("s{segment}.mp4")) == Show::default().parent(segment));
        for part in 0..SIZES.len() {
            assert!(body(format!("s{segment}.{part}.mp4")) == Show::part(segment, part));
        }
    }
}

/// Gives parts back the files that they had, as before they became bytes of their parents.
fn as_before(folder: &Path, with_rows: bool) {
    let db = database(folder);
    let spans: Vec<(i64, String, String, u64, u64)> = db
        .prepare(
            "SELECT b.id, r.name, c.path, b.chunk_first, b.size FROM body b JOIN body c ON c.id = b.chunk_id
               JOIN exchange e ON e.body_id = b.id JOIN resource r ON r.id = e.resource_id",
        )
        .unwrap()
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)? as u64, row.get::<_, i64>(4)? as u64))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let chunks = folder.join("sessions/session1/chunks");
    for (id, path, chunk, first, size) in spans {
        let whole = fs::read(chunks.join(chunk)).unwrap();
        fs::write(
            chunks.join(&path),
            &whole[first as usize..(first + size) as usize],
        )
        .unwrap();
        if with_rows {
            let sql =
                "UPDATE body SET path = ?2, chunk_id = NULL, chunk_first = NULL WHERE id = ?1";
            db.execute(sql, (id, path)).unwrap();
        }
    }
    // Its recorder did not live to close it.
    db.execute_batch("UPDATE run SET stopped_us = NULL, ended = NULL")
        .unwrap();
    drop(db);
    fs::remove_file(folder.join("sessions/session1/session.sum")).unwrap();
}

#[test]
fn a_recorder_that_is_killed_between_two_steps_leaves_a_whole_session_and_the_next_run_goes_on() {
    for with_rows in [true, false] {
        let (origin, finished) = Show::default().recorded();
        let before = bodies(&Session::within(finished.folder(), "session1"));
        as_before(finished.folder(), with_rows);
        let told = checked(finished.folder(), "session1");
        assert_eq!(
            told.contains("a recorder that is killed leaves such"),
            !with_rows,
            "{told}"
        );
        assert!(bodies(&Session::within(finished.folder(), "session1")) == before);
        let url = origin.url("/live/show.m3u8");
        let resumed = Recorder::after(finished, url)
            .args(["--resume", "-s", "session1"])
            .run();
        assert_eq!(resumed.status.code(), Some(0), "{}", resumed.stderr);
        checked(resumed.folder(), "session1");
        let session = resumed.session();
        assert_eq!(
            on_disk(session.path()).0.len(),
            SEGMENTS,
            "rows: {with_rows}"
        );
        assert!(bodies(&session) == before);
    }
}

#[test]
fn a_recorder_that_is_killed_while_parts_become_bytes_of_their_parents_is_gone_on_with() {
    let (origin, _edge) = LowLatency::new(Names::Uris).start();
    let mut recording = Recorder::new(origin.url("/live/live.m3u8")).start();
    recording.until_at_least(1, SPANS);
    let killed = recording.kill();
    let told = checked(killed.folder(), "session1");
    assert!(told.starts_with("note: "), "{told}");
    let url = origin.url("/live/live.m3u8");
    let resumed = Recorder::after(killed, url)
        .args(["--resume", "-s", "session1"])
        .run();
    assert_eq!(resumed.status.code(), Some(0), "{}", resumed.stderr);
    checked(resumed.folder(), "session1");
    let session = resumed.session();
    let (files, _) = on_disk(session.path());
    let alone: Vec<&String> = files
        .iter()
        .filter(|name| name.matches('.').count() > 1)
        .collect();
    let with_rows: Vec<String> = session.list("SELECT path FROM body WHERE path IS NOT NULL");
    assert!(
        files.iter().all(|file| with_rows.contains(file)),
        "{files:?}"
    );
    // Parts whose parent had begun when the recorder was killed, or was listed no more.
    assert!(alone.len() < PARTS as usize, "{files:?}");
    for ((name, _), body) in bodies(&session) {
        let name = name
            .strip_prefix("live/s")
            .unwrap()
            .strip_suffix(".mp4")
            .unwrap();
        if let Some((segment, part)) = name.split_once('.') {
            let n = segment.parse::<u64>().unwrap() * PARTS + part.parse::<u64>().unwrap();
            assert!(body == part_body(n), "{name}");
        }
    }
}

#[test]
fn of_a_parent_that_was_cut_the_parts_before_the_cut_are_saved() {
    let (_origin, finished) = Show::default().recorded();
    let cut = finished
        .folder()
        .join("sessions/session1/chunks/live/s1.mp4");
    let file = fs::OpenOptions::new().write(true).open(&cut).unwrap();
    // In its last part.
    file.set_len(72_000).unwrap();
    let output = issession(finished.folder(), &["check", "session1"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(
        told.matches("wrong: ").count(),
        2,
        "the parent, and its last part: {told}"
    );
    let repaired = issession(finished.folder(), &["repair", "session1"]);
    let told = String::from_utf8_lossy(&repaired.stdout).into_owned();
    assert!(
        repaired.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&repaired.stderr)
    );
    assert_eq!(told.matches("saved: body ").count(), 2, "{told}");
    assert_eq!(told.matches("marked as lost: ").count(), 2, "{told}");
    checked(finished.folder(), "session1");
    let session = Session::within(finished.folder(), "session1");
    let (files, _) = on_disk(session.path());
    assert_eq!(files.len(), SEGMENTS - 1 + 2, "{files:?}");
    let at_us = session.end_us();
    let url = |name: &str| {
        format!(
            "{}{name}",
            session.one::<String>("SELECT replace(url, 'show.m3u8', '') FROM stream")
        )
    };
    for part in 0..2 {
        assert!(
            session
                .answer(&url(&format!("s1.{part}.mp4")), at_us)
                .unwrap()
                == Show::part(1, part)
        );
    }
    assert!(session.answer(&url("s2.mp4"), at_us).unwrap() == Show::default().parent(2));
}

#[test]
fn a_parent_that_is_whole_by_its_size_and_not_by_its_bytes_is_found_with_the_parts_that_are_wrong()
{
    let (_origin, finished) = Show::default().recorded();
    let path = finished
        .folder()
        .join("sessions/session1/chunks/live/s1.mp4");
    let mut whole = fs::read(&path).unwrap();
    whole[70_000] ^= 1;
    fs::write(&path, whole).unwrap();
    checked_without_hashes(finished.folder());
    let repaired = issession(finished.folder(), &["repair", "session1", "--hashes"]);
    let told = String::from_utf8_lossy(&repaired.stdout).into_owned();
    assert_eq!(told.matches("saved: body ").count(), 2, "{told}");
    assert_eq!(told.matches("marked as lost: ").count(), 2, "{told}");
    checked(finished.folder(), "session1");
}

fn checked_without_hashes(folder: &Path) {
    assert!(issession(folder, &["check", "session1"]).status.success());
}

#[test]
fn a_session_that_keeps_its_last_seconds_keeps_parents_as_long_as_parts_need_them() {
    let channel = LowLatency {
        end: 16 * PARTS,
        ..LowLatency::new(Names::Uris)
    };
    let (origin, _edge) = channel.start();
    let finished = Recorder::new(origin.url("/live/live.m3u8"))
        .args(["--keep", "3s"])
        .run();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    checked(finished.folder(), "session1");
    let session = finished.session();
    assert!(
        session.number("SELECT count(*) FROM event WHERE id = 0") == 1,
        "something was removed"
    );
    assert!(session.number(SPANS) > 0);
    let (files, _) = on_disk(session.path());
    let with_rows: Vec<String> = session.list("SELECT path FROM body WHERE path IS NOT NULL");
    assert_eq!(files.len(), with_rows.len(), "{files:?}");
    session.check_invariants();
}

#[test]
fn spans_of_a_stranger_lead_nowhere_and_are_told() {
    let harms = [
        "UPDATE body SET chunk_first = 1000000 WHERE chunk_id IS NOT NULL",
        "UPDATE body SET chunk_first = 9223372036854775807 WHERE chunk_id IS NOT NULL",
        "UPDATE body SET chunk_first = -1 WHERE chunk_id IS NOT NULL",
        "UPDATE body SET size = 9223372036854775807 WHERE chunk_id IS NOT NULL",
        "UPDATE body SET size = -5 WHERE chunk_id IS NOT NULL",
        "UPDATE body SET chunk_id = id WHERE chunk_id IS NOT NULL",
        "UPDATE body SET chunk_id = 999999 WHERE chunk_id IS NOT NULL",
        "UPDATE body SET chunk_id = (SELECT min(id) FROM body WHERE text IS NOT NULL) WHERE chunk_id IS NOT NULL",
        "UPDATE body SET chunk_id = (SELECT min(id) FROM body WHERE chunk_id IS NOT NULL) WHERE chunk_id IS NOT NULL",
        "UPDATE body SET path = NULL, chunk_id = (SELECT max(id) FROM body WHERE path IS NOT NULL), chunk_first = 0
           WHERE path IS NOT NULL",
        "UPDATE body SET path = '../../canary' WHERE path LIKE '%/s1.mp4'",
        "UPDATE body SET chunk_first = NULL WHERE chunk_id IS NOT NULL",
        // Many of them would cost time, and a copy of them room, without end.
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
         INSERT INTO body (size, sha256, chunk_id, chunk_first)
           SELECT size, sha256, chunk_id, chunk_first FROM body, n WHERE chunk_id IS NOT NULL",
    ];
    for harm in harms {
        let (origin, finished) = Show::default().recorded();
        let folder = finished.folder();
        fs::write(folder.join("canary"), vec![7; 100_000]).unwrap();
        let db = database(folder);
        db.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
            .unwrap();
        db.execute_batch(harm).unwrap();
        drop(db);
        fs::remove_file(folder.join("sessions/session1/session.sum")).unwrap();
        let output = issession(folder, &["check", "session1", "--hashes"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{harm}: {told}");
        assert!(told.contains("wrong: "), "{harm}: {told}");
        let replayer = Replayer::start(&folder.join("sessions"), &["-p", "0", "session1"]);
        for name in ["s1.1.mp4", "s1.mp4"] {
            let origin = origin.url("/live/").replacen("://", "/", 1);
            let answer = body_of(&replayer.address, &format!("/{origin}{name}"));
            assert!(!answer.starts_with(&[7; 100]), "{harm}");
        }
        drop(replayer);
        for arguments in [
            ["redact", "session1", "copy"],
            ["repair", "session1", "--hashes"],
        ] {
            let code = issession(folder, &arguments).status.code();
            assert!(
                matches!(code, Some(0 | 1)),
                "{harm}: {arguments:?}: {code:?}"
            );
        }
        let url = origin.url("/live/show.m3u8");
        let resumed = Recorder::after(finished, url)
            .args(["--resume", "-s", "session1"])
            .run();
        assert!(
            matches!(resumed.status.code(), Some(0 | 1)),
            "{harm}: {}",
            resumed.stderr
        );
        assert!(
            !resumed.stderr.contains("panicked"),
            "{harm}: {}",
            resumed.stderr
        );
    }
}

#[test]
fn parts_that_are_all_alike_leave_nothing_that_cannot_be_removed() {
    let origin = Origin::new(|ask: &Ask| {
        let text = (0..6).fold(
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.5\n"
                .to_owned(),
            |text, n| {
                let part = |k| format!("#EXT-X-PART:DURATION=0.5,URI=\"dark{n}.{k}.ts\"\n");
                format!("{text}{}{}#EXTINF:1,\ndark{n}.ts\n", part(0), part(1))
            },
        );
        let dark = bytes(7, 9_000);
        match ask.path().matches('.').count() {
            _ if ask.path() == "/night.m3u8" => Reply::playlist(text + "#EXT-X-ENDLIST\n"),
            2 => Reply::segment(dark),
            _ => Reply::segment(dark.repeat(2)),
        }
    });
    let finished = Recorder::new(origin.url("/night.m3u8")).run();
    assert!(
        !finished.stderr.contains("not removed"),
        "{}",
        finished.stderr
    );
    checked(finished.folder(), "session1");
    assert!(finished.session().number(SPANS) > 0);
}
