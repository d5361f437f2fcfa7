//! Several streams in one session: each by itself, all on one timeline.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Ask, Files, Origin, Recorder, Reply, Stage, Window, ts};

/// Channels `/NAME/live.m3u8` that grow with each ask; `/bad/` answers 503 only.
fn channels(ask: &Ask) -> Reply {
    let name = ask.path().split('/').nth(1).unwrap_or_default();
    match (name, ask.path().ends_with(".m3u8")) {
        ("bad", _) => Reply::html(503),
        (_, true) => Reply::playlist(Window::new(ask.nth as u64 / 3, 3).text()),
        (_, false) => Reply::segment(ts(ask.path())),
    }
}

const PER_STREAM: &str = "SELECT count(*) FROM revision v JOIN resource r ON r.id = v.playlist_id
    JOIN stream s ON s.id = r.stream_id WHERE s.name = ";

#[test]
fn streams_have_names_and_one_that_fails_holds_up_none() {
    let origin = Origin::new(channels);
    let named = format!("main_hall={}", origin.url("/hall1/live.m3u8"));
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", &named])
        .args([
            origin.url("/hall2/live.m3u8").as_str(),
            &origin.url("/hall3/live.m3u8"),
        ])
        .args([origin.url("/bad/live.m3u8").as_str()])
        .start();
    for name in ["main_hall", "hall2", "hall3"] {
        recording.until_at_least(4, &format!("{PER_STREAM}'{name}'"));
    }
    recording.until_it_says("[bad]");
    let finished = recording.interrupt();
    let said = finished.stderr.clone();
    let told = said.lines().filter(|line| line.contains("[bad]"));
    assert_eq!(
        told.count(),
        2,
        "the first and the sum of the others:\n{said}"
    );
    let host = format!("127.0.0.1:{}", origin.port());
    let sum = format!("[bad] main playlist of {host}: HTTP 503, ");
    assert!(said.contains(&sum), "{said}");
    assert!(
        finished.stdout.contains("  hall2: playlists 1, "),
        "{}",
        finished.stdout
    );
    let session = finished.session();
    session.check_invariants();
    let names: Vec<String> = session.list("SELECT name FROM stream ORDER BY id");
    assert_eq!(names, ["main_hall", "hall2", "hall3", "bad"]);
    let starts: Vec<i64> = session.list(
        "SELECT min(e.from_us) - (SELECT started_us FROM run) FROM exchange e
           JOIN resource r ON r.id = e.resource_id WHERE r.kind IN ('main', 'media') GROUP BY r.stream_id",
    );
    assert_eq!(starts, [0, 0, 0, 0], "one timeline");
    let faults = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--faults")
        .arg(session.path())
        .output()
        .unwrap();
    let faults = String::from_utf8(faults.stdout).unwrap();
    let (outage, sum) = faults.split_once('\n').unwrap();
    assert!(outage.starts_with("[bad] HTTP 503 for "), "{faults}");
    assert!(
        outage.contains(", not good again: playlist bad/live.m3u8, "),
        "{faults}"
    );
    assert!(
        sum.starts_with("1 outage, ") && sum.ends_with(" faults\n"),
        "{faults}"
    );
}

#[test]
fn a_file_of_streams_is_read_again_on_hang_up() {
    let origin = Origin::new(channels);
    let recorder = Recorder::bare();
    let file = recorder.folder().join("streams.txt");
    let line = |name: &str| format!("{name} {}\n", origin.url(&format!("/{name}/live.m3u8")));
    fs::write(
        &file,
        format!("# halls\n{}  X-Token: own\n{}", line("a"), line("b")),
    )
    .unwrap();
    let mut recording = recorder
        .args(["--poll", "0.2", "--streams", "streams.txt"])
        .start();
    for name in ["a", "b"] {
        recording.until_at_least(3, &format!("{PER_STREAM}'{name}'"));
    }
    let tokens: Vec<Option<String>> = ["/a/live.m3u8", "/b/live.m3u8"]
        .map(|path| {
            origin.asks_for(path)[0]
                .header("x-token")
                .map(str::to_owned)
        })
        .into();
    assert_eq!(
        tokens,
        [Some("own".to_owned()), None],
        "a field is for its stream"
    );

    fs::write(&file, "c nonsense\n").unwrap();
    recording.signal(Signal::HUP);
    recording.until_it_says("streams.txt:1: ");
    recording.until_it_says("the streams stay as they are");

    fs::write(&file, format!("{}{}", line("b"), line("c"))).unwrap();
    recording.signal(Signal::HUP);
    recording.until_at_least(3, &format!("{PER_STREAM}'c'"));
    let gone = origin.count("/a/live.m3u8");
    let later = origin.count("/b/live.m3u8") + 5;
    recording.until("b goes on", || origin.count("/b/live.m3u8") >= later);
    assert_eq!(
        origin.count("/a/live.m3u8"),
        gone,
        "a is no longer asked for"
    );

    let session = recording.interrupt().session();
    session.check_invariants();
    let first_of_c = session.number(
        "SELECT min(e.from_us) - (SELECT started_us FROM run) FROM exchange e
           JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id
          WHERE s.name = 'c' AND r.kind IN ('main', 'media')",
    );
    assert!(
        first_of_c > 200_000,
        "c was not there before it was named: {first_of_c}"
    );
}

#[test]
fn a_file_that_cannot_be_read_stops_nothing() {
    let origin = Origin::new(channels);
    let recorder = Recorder::bare();
    let file = recorder.folder().join("streams.txt");
    fs::write(&file, format!("a {}\n", origin.url("/a/live.m3u8"))).unwrap();
    let mut recording = recorder
        .args(["-q", "--poll", "0.2", "--streams", "streams.txt"])
        .start();
    recording.until_at_least(2, &format!("{PER_STREAM}'a'"));
    fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    recording.signal(Signal::HUP);
    recording.until_it_says("streams.txt is no file of up to");
    let later = origin.count("/a/live.m3u8") + 5;
    recording.until("it goes on", || origin.count("/a/live.m3u8") >= later);
    recording.interrupt().session().check_invariants();
}

#[test]
fn a_stream_with_other_fields_takes_the_place_of_the_one_before() {
    let origin = Origin::new(channels);
    let recorder = Recorder::bare();
    let file = recorder.folder().join("streams.txt");
    let url = origin.url("/a/live.m3u8");
    let with = |token: &str| fs::write(&file, format!("a {url}\n  X-Token: {token}\n")).unwrap();
    with("one");
    let mut recording = recorder
        .args(["--poll", "0.2", "--streams", "streams.txt"])
        .start();
    recording.until_at_least(2, &format!("{PER_STREAM}'a'"));
    with("two");
    recording.signal(Signal::HUP);
    let token = |ask: &Ask| ask.header("x-token").map(str::to_owned);
    let tokens = || -> Vec<_> {
        origin
            .asks_for("/a/live.m3u8")
            .iter()
            .filter_map(token)
            .collect()
    };
    recording.until("the new field is sent", || {
        tokens().iter().filter(|token| *token == "two").count() >= 5
    });
    let first = tokens().iter().position(|token| token == "two").unwrap();
    assert!(
        tokens()[first..].iter().all(|token| token == "two"),
        "one after the other"
    );
    let finished = recording.interrupt();
    assert!(
        !finished.stdout.contains("  a: "),
        "one stream:\n{}",
        finished.stdout
    );
    let session = finished.session();
    session.check_invariants();
    assert_eq!(session.number("SELECT count(*) FROM stream"), 1);
}

#[test]
fn with_quiet_lines_say_their_stream_as_well() {
    let origin = Origin::new(channels);
    let mut recording = Recorder::bare()
        .args(["-q", "--poll", "0.2", &origin.url("/bad/live.m3u8")])
        .start();
    recording.until_it_says("WARN [bad] ");
    recording.interrupt();
}

#[test]
fn all_streams_have_to_end_for_the_recording_to_end() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| {
        let ended = ask.path().starts_with("/first/") || at.at() > 0;
        match ask.path().ends_with(".m3u8") {
            true => Reply::playlist(Window::new(0, 2).ended_if(ended).text()),
            false => Reply::segment(ts(ask.path())),
        }
    });
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2"])
        .args([
            origin.url("/first/a.m3u8").as_str(),
            &origin.url("/second/b.m3u8"),
        ])
        .start();
    recording.until_it_says("[a] the stream has ended");
    recording.until("the other goes on", || origin.count("/second/b.m3u8") > 3);
    stage.go(1);
    let session = recording.finish().session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
}

#[test]
fn what_is_left_out_is_neither_polled_nor_missing_from_the_playlist() {
    let main = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"D\",LANGUAGE=\"de\",URI=\"de.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"E\",LANGUAGE=\"en\",URI=\"en.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=3000,RESOLUTION=1280x720,AUDIO=\"a\"\nhigh.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=640x360,AUDIO=\"a\"\nlow.m3u8\n";
    let mut files = Files::default().with("/main.m3u8", Reply::playlist(main));
    for name in ["de", "en", "high", "low"] {
        let window = Window::new(0, 2).ended();
        files = files.with(&format!("/{name}.m3u8"), Reply::playlist(window.text()));
    }
    let files = files.segments("/", 2);
    let origin = Origin::new(move |ask| files.reply(ask));
    let finished = Recorder::new(origin.url("/main.m3u8"))
        .args(["--variants", "720p", "--renditions", "en"])
        .run();
    assert_eq!(
        (origin.count("/low.m3u8"), origin.count("/de.m3u8")),
        (0, 0)
    );
    let session = finished.session();
    let polled: Vec<String> =
        session.list("SELECT name FROM resource WHERE kind = 'media' ORDER BY name");
    assert_eq!(polled, ["en.m3u8", "high.m3u8"]);
    assert_eq!(session.revisions("main.m3u8"), [main.as_bytes().to_vec()]);

    let sessions = session.path().parent().unwrap();
    let replayer = crate::replay::Replayer::start(sessions, &["-p", "0", "session1"]);
    let low = replayer.get(&format!("/http/127.0.0.1:{}/low.m3u8", origin.port()));
    assert!(low.starts_with("HTTP/1.1 404 "), "{low}");
    assert!(low.contains("was left out of the recording"), "{low}");
}

#[test]
fn what_is_wrong_with_the_streams_is_told_before_anything_is_made() {
    let wrong = |arguments: &[&str]| {
        let recorder = Recorder::bare();
        fs::write(recorder.folder().join("s.txt"), "hall1 http://h/1\n\nx y\n").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_isrecorder"))
            .args(arguments)
            .current_dir(recorder.folder())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!recorder.folder().join("sessions").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(wrong(&["--streams", "s.txt"]).contains("s.txt:3: "));
    assert!(wrong(&["--streams", "none.txt"]).contains("cannot read none.txt"));
    assert!(wrong(&["a=http://h/1", "a=http://h/2"]).contains("another stream has the name \"a\""));
    let secret = ["-H", "Authorization: x", "http://h/1", "http://i/2"];
    assert!(wrong(&secret).contains("-H and -b would be sent to h and i;"));
    assert!(wrong(&["hall 1=http://h/1"]).contains("cannot be the name of a stream"));
    assert!(wrong(&[]).contains("[NAME=]URL"));
}

#[test]
fn what_a_session_has_can_be_listed() {
    let origin = Origin::new(channels);
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2"])
        .args([
            origin.url("/hall1/live.m3u8").as_str(),
            &origin.url("/hall2/a.m3u8"),
        ])
        .start();
    recording.until_at_least(2, "SELECT count(DISTINCT playlist_id) FROM revision");
    let session = recording.interrupt().session();
    let output = Command::new(env!("CARGO_BIN_EXE_isreplayer"))
        .args(["--list"])
        .arg(session.path())
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(listed.contains("Session  session1\n"), "{listed}");
    assert!(listed.contains(&format!(
        "Stream   hall1  {}\n",
        origin.url("/hall1/live.m3u8")
    )));
    assert!(listed.contains(&format!("Stream   a  {}\n", origin.url("/hall2/a.m3u8"))));
}
