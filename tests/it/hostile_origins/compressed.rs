//! Texts that are small on the way and large when they are read: another one at each poll.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{check, good};
use crate::replay::Replayer;
use crate::support::{Ask, Origin, Recorder, Reply, Session, Window, client};

const MIB: usize = 1024 * 1024;

/// A long text, and the same in gzip: what follows the first lines of each playlist.
struct Poem {
    text: Vec<u8>,
    packed: Vec<u8>,
}

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

impl Poem {
    fn new() -> Self {
        let verse = format!("#{}\n", "rose is a ".repeat(120));
        let text = verse.repeat(2 * MIB / verse.len()).into_bytes();
        let packed = gzip(&text);
        Self { text, packed }
    }

    fn title(nth: usize, path: &str) -> String {
        format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{nth}\n#EXTINF:1,{path}\nrose.ts\n")
    }

    fn plain(&self, nth: usize, path: &str) -> Vec<u8> {
        [Self::title(nth, path).as_bytes(), &self.text].concat()
    }

    /// As it is sent.
    fn packed(&self, nth: usize, path: &str) -> Vec<u8> {
        [&gzip(Self::title(nth, path).as_bytes())[..], &self.packed].concat()
    }
}

fn poet(ask: &Ask, poem: &Poem, sent: &AtomicUsize) -> Reply {
    let answer = |status: u16| {
        let body = poem.packed(ask.nth, ask.path());
        sent.fetch_add(body.len(), Ordering::Relaxed);
        let mut reply = Reply::playlist(body).with("Content-Encoding", "gzip");
        reply.status = status;
        reply
    };
    match ask.path() {
        "/poems.m3u8" => {
            let variants = (0..4).map(|n| format!("#EXT-X-STREAM-INF:BANDWIDTH=1{n}\nv{n}.m3u8\n"));
            let text = format!("#EXTM3U\n{}", variants.collect::<String>());
            Reply::playlist(text)
        }
        "/v3.m3u8" => answer(404),
        path if path.ends_with(".m3u8") => answer(200),
        _ => Reply::not_found(),
    }
}

/// Exchanges with a large body: number, URL, how many of that URL there were before.
fn large(session: &Session) -> Vec<(i64, String, usize)> {
    let sql = "SELECT e.id, r.name, row_number() OVER (PARTITION BY r.id ORDER BY e.id) - 1
                 FROM exchange e JOIN resource r ON r.id = e.resource_id
                WHERE e.outcome = 'complete' AND r.name LIKE 'v%.m3u8' ORDER BY e.id";
    session.rows(sql, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as usize))
    })
}

#[test]
fn a_stream_costs_the_disk_little_more_than_it_sends_and_each_text_comes_back() {
    let poem = Arc::new(Poem::new());
    let sent = Arc::new(AtomicUsize::new(0));
    let (of_origin, counted) = (Arc::clone(&poem), Arc::clone(&sent));
    let evil = Origin::new(move |ask: &Ask| poet(ask, &of_origin, &counted));
    let good_origin = Origin::new(good);
    let streams = [
        format!("evil={}", evil.url("/poems.m3u8")),
        format!("good={}", good_origin.url("/good.m3u8")),
    ];
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2"])
        .args(streams.iter().map(String::as_str))
        .start();
    let large_ones =
        "SELECT count(*) FROM exchange e JOIN body b ON b.id = e.body_id WHERE b.size > 1000000";
    recording.until_at_least(40, large_ones);
    let session = check(recording.interrupt(), &good_origin);

    let meant = session.number("SELECT sum(size) FROM body") as usize;
    let database = std::fs::metadata(session.path().join("session.db"))
        .unwrap()
        .len() as usize;
    let sent = sent.load(Ordering::Relaxed);
    let rows = session.number("SELECT count(*) FROM exchange") as usize;
    // What is granted to each stream at first, what was sent, and room for rows.
    assert!(
        database < 2 * 8 * MIB + 2 * sent + 20_000 * rows,
        "{database} for {sent}"
    );
    assert!(meant > 4 * database, "{meant} in {database}");
    let coded = "SELECT count(*) FROM body WHERE coding = 'gzip' AND text IS NULL AND size > 100 * length(data)";
    assert!(session.number(coded) > 30);

    let all = large(&session);
    for (id, name, nth) in all.iter().rev().take(9) {
        let plain = poem.plain(*nth, &format!("/{name}"));
        assert!(session.body(*id) == plain, "exchange {id}: {name}, {nth}");
    }
    is_replayed_and_sound(&session, &evil, &poem);
}

fn is_replayed_and_sound(session: &Session, evil: &Origin, poem: &Poem) {
    let all = large(session);
    let (_, _, last) = all.iter().rfind(|(_, name, _)| name == "v1.m3u8").unwrap();
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let path = evil.url("/v1.m3u8").replacen("://", "/", 1);
    let answer = client::get(&replayer.address, &format!("/@1000000000000/{path}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let has_coding = head
        .lines()
        .any(|line| line.starts_with("content-encoding"));
    assert!(!has_coding, "{head}");
    assert!(body.as_bytes() == poem.plain(*last, "/v1.m3u8"));

    let check = || {
        Command::new(env!("CARGO_BIN_EXE_issession"))
            .current_dir(sessions.parent().unwrap())
            .args(["check", "session1", "--hashes"])
            .output()
            .unwrap()
    };
    let sound = check();
    assert!(
        sound.status.success(),
        "{}",
        String::from_utf8_lossy(&sound.stdout)
    );
    let database = session.path().join("session.db");
    let db = rusqlite::Connection::open(database).unwrap();
    let harm = "UPDATE body SET data = substr(data, 1, length(data) - 9) WHERE coding IS NOT NULL AND id % 2";
    assert!(db.execute(harm, []).unwrap() > 0);
    std::fs::remove_file(session.path().join("session.sum")).unwrap();
    let found = String::from_utf8(check().stdout).unwrap();
    assert!(
        found.contains("is not what came: the body is not gzip"),
        "{found}"
    );
}

#[test]
fn chunks_of_blanks_cost_the_disk_a_stream_s_share_and_what_is_beyond_stays_as_it_came() {
    const COUNT: u64 = 8;
    let blank = vec![b' '; 16 * MIB];
    let packed = gzip(&blank);
    let sent = packed.len();
    let origin = Origin::new(move |ask| match ask.path() {
        "/blanks.m3u8" => Reply::playlist(Window::new(0, COUNT).ended().text()),
        _ => Reply::segment(packed.clone()).with("Content-Encoding", "gzip"),
    });
    let recorder = Recorder::new(origin.url("/blanks.m3u8"));
    let session = recorder.run().session();
    let rows = session.rows(
        "SELECT e.outcome, ifnull(e.error, ''), ifnull(e.body_encoding, ''), b.size
           FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN body b ON b.id = e.body_id
          WHERE r.kind = 'segment'",
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, i64>(3)? as usize,
            ))
        },
    );
    let (plain, packed): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.0 == "complete");
    assert!(plain.iter().all(|row| row.3 == blank.len()), "{rows:?}");
    assert!(!plain.is_empty() && plain.len() <= 4, "{rows:?}");
    assert!(!packed.is_empty(), "{rows:?}");
    for (outcome, error, encoding, size) in packed {
        assert_eq!(
            (outcome.as_str(), encoding.as_str(), *size),
            ("too large", "gzip", sent)
        );
        assert!(error.contains("the recorder's own limit"), "{error}");
    }
}
