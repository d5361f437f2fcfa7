//! `issession`: what a recorded session has in it, who records it, what it holds; and where options went.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Ask, Finished, Origin, Recorder, Reply, Window, ts};

const KEY: [u8; 16] = *b"of a concert 042";

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn issession(folder: &Path, arguments: &[&str]) -> Output {
    run(env!("CARGO_BIN_EXE_issession"), folder, arguments)
}

/// What it prints, of a call that goes well.
#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = issession(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let text = printed(folder, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A concert with a key, whose third song is missing.
fn concert(ask: &Ask) -> Reply {
    match ask.path() {
        "/concert.m3u8" => {
            let text = Window::new(0, 4).ended().text();
            Reply::playlist(text.replacen(
                "#EXTINF",
                "#EXT-X-KEY:METHOD=AES-128,URI=\"/door.key\"\n#EXTINF",
                1,
            ))
        }
        "/door.key" => Reply::key(&KEY[..]),
        "/seg2.ts" => Reply::not_found(),
        path => Reply::segment(ts(path)),
    }
}

fn recorded() -> (Origin, Finished) {
    let origin = Origin::new(concert);
    let finished = Recorder::new(origin.url("/concert.m3u8")).run();
    assert!(finished.status.success(), "{}", finished.stderr);
    (origin, finished)
}

#[test]
fn a_session_is_shown_at_a_glance() {
    let (origin, finished) = recorded();
    let folder = finished.folder();
    let text = printed(folder, &["info", "session1"]);
    for line in [
        "Session   session1 (sessions/session1)\n",
        "Format    4\n",
        "State     not being recorded\n",
        &format!("  {}\n", origin.url("/concert.m3u8")),
        "1 revision of 1 media playlist, 3 chunk files\n",
        "), finished, isrecorder ",
        "Keys      1 key: whoever has this session can decrypt its media\n",
        "          segment: HTTP 404 x ",
        " in 3 files\n",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let info = json(folder, &["info", "session1", "--json"]);
    assert_eq!(info["session"], "session1");
    assert_eq!(info["state"], "stopped");
    assert_eq!(info["format_version"], 4);
    assert_eq!(info["runs"][0]["ended"], "finished");
    assert_eq!(info["chunks"], 3);
    assert_eq!(info["keys"]["count"], 1);
    assert_eq!(info["recorded"]["session_time"], 0.0);
    let seconds = info["runs"][0]["stopped"]["session_time"].as_f64();
    assert_eq!(seconds, info["length_seconds"].as_f64(), "{info}");
    assert_eq!(info["kept_from"], serde_json::Value::Null);
    assert_eq!(info["faults"][0]["kind"], "segment");
    assert_eq!(info["faults"][0]["status"], 404);
    let path = folder.join("sessions/session1");
    let database = path.join("session.db").metadata().unwrap().len();
    assert_eq!(info["database_bytes"], database);
    let songs = ["seg0.ts", "seg1.ts", "seg3.ts"];
    let bytes = songs.map(|song| path.join("chunks").join(song).metadata().unwrap().len());
    assert_eq!(info["chunks_bytes"], bytes.iter().sum::<u64>());
}

#[test]
fn a_session_without_its_keys_says_so() {
    let (_origin, finished) = recorded();
    let folder = finished.folder();
    printed(folder, &["redact", "session1", "shared", "--drop-keys"]);
    let text = printed(folder, &["info", "shared"]);
    assert!(
        text.contains("Keys      1 key, nothing but zeros\n"),
        "{text}"
    );
    let info = json(folder, &["info", "shared", "--json"]);
    assert_eq!(info["keys"], serde_json::json!({ "count": 1, "zeros": 1 }));
}

#[test]
fn whether_it_is_being_recorded_is_said_and_how_its_runs_ended() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM revision");
    let folder = recording.sessions().parent().unwrap().to_owned();
    let text = printed(&folder, &["info", "session1"]);
    assert!(text.contains("State     being recorded now\n"), "{text}");
    assert!(text.contains("), goes on, "), "{text}");
    let listed = printed(&folder, &["list"]);
    assert!(listed.contains(", being recorded  "), "{listed}");
    let one = printed(&folder, &["list", "session1"]);
    assert!(one.contains(", being recorded\n"), "{one}");
    let finished = recording.kill();
    let info = json(&folder, &["info", "session1", "--json"]);
    assert_eq!(info["state"], "killed");
    let listed = printed(&folder, &["list"]);
    assert!(listed.contains(", its recorder was killed  "), "{listed}");
    assert_eq!(json(&folder, &["list", "--json"])["state"], "killed");
    // Whoever lists that session alone is told the same at that moment.
    let one = printed(&folder, &["list", "session1"]);
    assert!(one.contains(", its recorder was killed\n"), "{one}");
    assert!(!one.contains("being recorded"), "{one}");
    let listed = json(&folder, &["list", "session1", "--json"]);
    assert_eq!(listed["state"], "killed");
    assert_eq!(listed["recording"], false);
    let program = env!("CARGO_BIN_EXE_isreplayer");
    let of_replayer = run(program, &folder, &["--list", "session1"]);
    assert_eq!(of_replayer.stdout, one.as_bytes());
    let text = printed(&folder, &["info", "session1"]);
    assert!(text.contains("issession repair SESSION"), "{text}");
    assert!(text.contains("), killed, "), "{text}");
    printed(&folder, &["repair", "session1"]);
    let info = json(&folder, &["info", "session1", "--json"]);
    assert_eq!(info["state"], "stopped");
    assert_eq!(info["runs"][0]["ended"], "killed");
    let listed = printed(&folder, &["list"]);
    let closed = ", closed after its recorder was killed  ";
    assert!(listed.contains(closed), "{listed}");
    let listed = json(&folder, &["list", "--json"]);
    assert_eq!(
        (&listed["state"], &listed["ended"]),
        (&"stopped".into(), &"killed".into())
    );
    drop(finished);
}

#[test]
fn the_folder_is_listed_and_a_session_of_it_as_the_replayer_lists_it() {
    let (_origin, finished) = recorded();
    let folder = finished.folder();
    printed(folder, &["redact", "session1", "a-copy"]);
    let all = printed(folder, &["list"]);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 2, "{all}");
    assert!(
        lines[0].starts_with("a-copy    ") && lines[1].starts_with("session1  "),
        "{all}"
    );
    let of_replayer = run(
        env!("CARGO_BIN_EXE_isreplayer"),
        folder,
        &["--list", "session1"],
    );
    let one = printed(folder, &["list", "session1"]);
    assert_eq!(one.as_bytes(), of_replayer.stdout);
    assert!(one.contains("Stream   "), "{one}");
    let path = folder.join("sessions/session1");
    let by_path = printed(Path::new("/"), &["list", path.to_str().unwrap()]);
    assert_eq!(by_path, one);

    let described: Vec<Value> = printed(folder, &["list", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(described[1], json(folder, &["list", "session1", "--json"]));
    assert_eq!(described[1]["session"], "session1");

    // One that cannot be read hides none of the others.
    std::fs::write(folder.join("sessions/a-copy/session.db"), "no database").unwrap();
    let output = issession(folder, &["list"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("a-copy    ") && text.contains(lines[1]),
        "{text}"
    );
    assert!(text.contains("cannot be read"), "{text}");
}

#[test]
fn in_all_programs_the_folder_of_sessions_is_f() {
    let origin = Origin::new(concert);
    let folder = tempfile::tempdir().unwrap();
    let url = origin.url("/concert.m3u8");
    let typed = ["-f", "here", "-s", "one", "--poll", "0.2", &url];
    let output = run(env!("CARGO_BIN_EXE_isrecorder"), folder.path(), &typed);
    assert!(output.status.success(), "{output:?}");
    let before = printed(folder.path(), &["-f", "here", "check", "one"]);
    let behind = printed(folder.path(), &["check", "one", "--folder", "here"]);
    assert_eq!(before, behind);
    let by_path = printed(folder.path(), &["check", "here/one"]);
    assert_eq!(by_path, before);
    for (program, option) in [
        (env!("CARGO_BIN_EXE_isreplayer"), "--list"),
        (env!("CARGO_BIN_EXE_adjacent-find"), "--faults"),
    ] {
        let output = run(program, folder.path(), &["-f", "here", option, "one"]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn options_that_have_moved_name_the_command_that_took_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let (isrecorder, isreplayer) = (
        env!("CARGO_BIN_EXE_isrecorder"),
        env!("CARGO_BIN_EXE_isreplayer"),
    );
    for (program, typed, sentence) in [
        (
            isrecorder,
            &["--check", "one"][..],
            "--check is now: issession check SESSION",
        ),
        (
            isrecorder,
            &["-o", ".", "--check", "one", "--hashes", "--json"],
            "issession check SESSION",
        ),
        (
            isrecorder,
            &["--check", "one", "--repair"],
            "issession repair SESSION",
        ),
        (
            isrecorder,
            &["--redact", "one", "two", "--drop-keys"],
            "--redact is now: issession redact SESSION NEW",
        ),
        (
            isrecorder,
            &["--secrets=x", "http://127.0.0.1:9/"],
            "issession redact SESSION NEW --secrets FILE",
        ),
        (isreplayer, &["one", "--check"], "issession check SESSION"),
        (
            isreplayer,
            &["--repair", "--check", "one"],
            "issession repair SESSION",
        ),
        (
            isreplayer,
            &["--json", "one"],
            "issession check SESSION --json",
        ),
    ] {
        let output = run(program, folder.path(), typed);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{typed:?}: {said}");
        assert!(said.contains(sentence), "{typed:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let (_origin, finished) = recorded();
    let folder = finished.folder();
    for (typed, sentence) in [
        (&[][..], "Usage: issession"),
        (&["look"], "unrecognized subcommand"),
        (&["info"], "<SESSION>"),
        (&["info", "session9"], "there are: session1"),
        (&["list", "-f", "nowhere"], "there is no folder nowhere"),
        (&["repair", "session9", "--hashes"], "there are: session1"),
    ] {
        let output = issession(folder, typed);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{typed:?}: {said}");
        assert!(said.contains(sentence), "{typed:?}: {said}");
    }
}

#[test]
fn what_is_being_downloaded_is_no_chunk() {
    let (_origin, finished) = recorded();
    let folder = finished.folder();
    let before = json(folder, &["info", "session1", "--json"]);
    let unfinished = folder.join("sessions/session1/chunks/.tmp");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("17"), [7; 1234]).unwrap();
    let info = json(folder, &["info", "session1", "--json"]);
    for size in ["chunks_bytes", "chunks_files"] {
        assert_eq!(info[size], before[size], "{size}");
    }
    assert_eq!(
        (&info["unfinished_bytes"], &info["unfinished_files"]),
        (&1234.into(), &1.into())
    );
    let text = printed(folder, &["info", "session1"]);
    assert!(
        text.ends_with(", unfinished downloads 1.23 kB in 1 file\n"),
        "{text}"
    );
}
