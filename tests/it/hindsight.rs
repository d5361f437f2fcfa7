//! What is known better later: bytes that tell what names did not, a restart that shows late, and a run that goes on
//! from where the one before was.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::replay::Replayer;
use crate::support::programs::Finished;
use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Recording, Reply, Stage, ts};

/// Four segments from a number on, each under the name that `name` gives it.
fn window(head: &str, first: u64, name: impl Fn(u64) -> String) -> Reply {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{head}");
    for n in first..first + 4 {
        text += &format!("#EXTINF:1,\n{}\n", name(n));
    }
    Reply::playlist(text)
}

/// All of an answer.
fn get(replayer: &Replayer, path: &str) -> Vec<u8> {
    let mut connection = TcpStream::connect(&replayer.address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    answer
}

/// What a DVR list has, in order: what each of its segments brought.
fn listed(replayer: &Replayer) -> Vec<String> {
    let list = String::from_utf8(get(replayer, "/dvr.m3u8")).unwrap();
    let references = list.lines();
    let references = references.filter(|line| line.contains("exchange/") && !line.starts_with('#'));
    references
        .map(|line| {
            let at = line.find("exchange/").unwrap();
            let answer = get(replayer, &format!("/{}", &line[at..]));
            let mut words = answer.split(|b| !b.is_ascii_alphanumeric());
            let label = words.find_map(|word| {
                let at = word.windows(5).position(|five| five == b"scene")?;
                String::from_utf8(word[at..].to_vec()).ok()
            });
            label.unwrap_or_else(|| "?".to_owned())
        })
        .collect()
}

fn replayed(session: &Session) -> Vec<String> {
    let sessions = session.path().parent().unwrap();
    listed(&Replayer::start(sessions, &["-p", "0", "session1"]))
}

/// How many pauses adjacent-find sees: one behind each advance.
fn pauses(session: &Path) -> usize {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["-t", "0", "--json"])
        .arg(session)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

/// The playlist is asked for some more times.
fn polls(recording: &mut Recording, origin: &Origin, path: &str, more: usize) {
    let before = origin.count(path);
    recording.until("some polls", || origin.count(path) >= before + more);
}

#[test]
fn names_that_say_nothing_hide_no_freeze_once_all_is_over_and_the_live_list_keeps_what_it_said() {
    let stage = Stage::default();
    let at = stage.clone();
    // Nothing stays in a name, and nothing is counted: only what comes tells which segment it is.
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" if at.at() == 2 => Reply::not_found(),
        "/live.m3u8" => window("", 40 + at.at(), |n| format!("/{:03}{n}.ts", ask.nth)),
        path => Reply::segment(ts(&format!("scene{};", &path[4..6]))),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    polls(&mut recording, &origin, "/live.m3u8", 4);
    stage.go(1);
    polls(&mut recording, &origin, "/live.m3u8", 10);
    recording.until_at_least(9, "SELECT count(*) FROM revision WHERE advance");
    let live = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let said = listed(&live);
    let corrected = "SELECT count(*) FROM placement WHERE corrected_step = 'same'";
    recording.until_at_least(5, corrected);
    let goes_on = listed(&live);
    assert_eq!(goes_on[..said.len()], said, "what it said stays");
    let session = recording.sessions().join("session1");
    let db = Connection::open(session.join("session.db")).unwrap();
    let told = "SELECT count(*) FROM revision WHERE advance";
    let told: i64 = db.query_row(told, [], |row| row.get(0)).unwrap();
    drop(db);
    let seen = pauses(&session);
    assert!(
        seen as i64 >= told,
        "so do {told} advances that were told: {seen}"
    );
    // What is still under way when it stops tells nothing.
    stage.go(2);
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE status = 404");
    recording.until_at_least(1, "SELECT count(*) = 0 FROM pending");
    let session = recording.interrupt().session();
    session.check_invariants();
    let all = ["scene40", "scene41", "scene42", "scene43", "scene44"];
    assert_eq!(replayed(&session), all);
    assert_eq!(
        pauses(session.path()),
        2,
        "two advances: the first window, and one segment"
    );
    assert!(session.number(corrected) > 5);
    let checked = Command::new(env!("CARGO_BIN_EXE_issession"))
        .current_dir(session.path().parent().unwrap().parent().unwrap())
        .args(["check", "session1"])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn a_restart_that_shows_late_is_one_from_its_first_window_on_in_the_end() {
    // Back to no beginning of all numbers, and it goes on: a segment with each fourth poll.
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => {
            let (first, life) = match ask.nth as u64 {
                n @ 0..8 => (5010 + n / 4, 1),
                n => (3010 + (n - 8) / 4, 2),
            };
            let number = format!("#EXT-X-MEDIA-SEQUENCE:{first}\n");
            window(&number, first, |n| format!("/{life}/{n}.ts"))
        }
        path => Reply::segment(ts(&format!("scene{};", path[1..7].replace('/', "x")))),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM placement WHERE step = 'restarted'");
    polls(&mut recording, &origin, "/live.m3u8", 9);
    recording.until("all of it to come", || recorded(&origin) >= newest(&origin));
    let session = recording.interrupt().session();
    session.check_invariants();
    let list = replayed(&session);
    let mut wanted: Vec<String> = (5010..=5014).map(|n| format!("scene1x{n}")).collect();
    let lives = wanted.len();
    wanted.extend((3010..3010 + list.len() - lives).map(|n| format!("scene2x{n}")));
    assert_eq!(list, wanted);
    assert_eq!(
        pauses(session.path()),
        list.len() - 6,
        "each new end is an advance once"
    );
    let restarts: Vec<i64> =
        session.list("SELECT exchange_id FROM placement WHERE corrected_step = 'restarted'");
    let first = "SELECT min(exchange_id) FROM revision WHERE media_sequence = 3010";
    assert_eq!(restarts, [session.number(first)]);
}

/// Numbers of the segments that were asked for, and that are listed.
fn recorded(origin: &Origin) -> usize {
    let asks = origin.asks();
    let numbers = asks.iter().filter_map(|ask| ask.path().strip_prefix("/2/"));
    numbers
        .filter_map(|name| name[..4].parse().ok())
        .max()
        .unwrap_or(0)
}

fn newest(origin: &Origin) -> usize {
    3010 + origin.count("/live.m3u8").saturating_sub(9) / 4 + 3
}

/// The next run of the session that a recording left.
fn resumed(before: Finished) -> Recorder {
    Recorder::bare()
        .within(before)
        .args(["--poll", "0.2", "--resume", "-s", "session1"])
}

#[test]
fn a_channel_that_does_not_count_goes_on_after_kill_9_as_if_nothing_had_been() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" => window(
            "#EXT-X-KEY:METHOD=AES-128,URI=\"door.key\"\n",
            60 + at.at(),
            |n| format!("take{n}.ts"),
        ),
        "/door.key" => Reply::key([5; 16]),
        path => Reply::segment(ts(&format!("scene{};", &path[5..7]))),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    let segments = "SELECT count(*) FROM segments WHERE error IS NULL";
    recording.until_at_least(4, segments);
    recording.until_at_least(1, "SELECT count(*) FROM keys");
    // A place that a run which begins anew would not come to.
    stage.go(1);
    recording.until_at_least(5, segments);
    let killed = recording.kill();
    let mut recording = resumed(killed).start();
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    polls(&mut recording, &origin, "/live.m3u8", 2);
    stage.go(2);
    recording.until_at_least(6, segments);
    let session = recording.interrupt().session();
    session.check_invariants();
    for n in 60..66 {
        assert_eq!(origin.count(&format!("/take{n}.ts")), 1, "segment {n}");
    }
    assert_eq!(origin.count("/door.key"), 1, "a key that is known");
    assert_eq!(
        replayed(&session),
        [
            "scene60", "scene61", "scene62", "scene63", "scene64", "scene65"
        ]
    );
    assert_eq!(
        session.list::<i64>("SELECT advance FROM revision ORDER BY exchange_id"),
        [1, 1, 0, 1]
    );
    let places: Vec<i64> = session.list("SELECT place FROM placement ORDER BY exchange_id");
    assert_eq!(places, [1000, 1001, 1001, 1002]);
}

#[test]
fn a_run_that_goes_on_leaves_hosts_alone_that_asked_the_one_before_for_it() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 0) => window("", 1, |n| format!("{n}.ts")),
        ("/live.m3u8", _) => Reply::new(429, "text/plain", "later").with("Retry-After", "500"),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    let told = "SELECT count(*) FROM event WHERE kind = 'left alone'";
    recording.until_at_least(1, told);
    let killed = recording.kill();
    let asked = origin.asks().len();
    let mut recording = resumed(killed).start();
    recording.until_at_least(2, told);
    recording.until_it_says("asked the run before for patience");
    let session = recording.interrupt().session();
    assert_eq!(origin.asks().len(), asked, "nothing was asked");
    let database = session.path().join("session.db");
    let later: bool = Connection::open(database)
        .unwrap()
        .query_row(
            "SELECT max(length_us) > 2 * 60000000 AND min(length_us) < max(length_us) FROM event WHERE kind = 'left alone'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(later, "of what is left of it");
}
