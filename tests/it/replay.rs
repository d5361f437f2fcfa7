//! isreplayer and adjacent-find as programs, over sessions that are written here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, Headers, Kind, NewBody, NewExchange, NewRevision, ResourceKey, Sessions, Writer,
    digest,
};

use crate::support::{Ask, Origin, Recorder, Reply, Then, Window, client, ts};

const PLAYLIST: &str = "http://origin.example/live/ch1.m3u8";

/// A media playlist with advances at 0, 4 and 20 seconds; target duration 4 s.
async fn write_session(sessions: &Path, name: &str) -> Writer {
    write_polls(sessions, name, &[]).await
}

/// The same, with polls that failed between 4 and 20 seconds: when, and with which status.
async fn write_polls(sessions: &Path, name: &str, failed: &[(i64, u16)]) -> Writer {
    let folder = Sessions::new(sessions).create(Some(name)).unwrap();
    let clock = Clock::start();
    let (writer, _) = Writer::create(&folder, clock, "test").unwrap();
    let stream_id = writer.stream("ch1", PLAYLIST).await.unwrap();
    let key = || ResourceKey::whole(stream_id, Kind::Main, PLAYLIST.to_owned());
    let at_us = |seconds| clock.started_us() + seconds * 1_000_000;
    for (number, seconds) in [(1, 0), (2, 4), (3, 20)] {
        let polls = failed.iter().filter(|_| number == 3);
        for (seconds, status) in polls {
            let poll = asked(&writer, key(), at_us(*seconds), *status);
            writer.exchange(poll).await;
        }
        let advance = advance(&writer, key(), at_us(seconds), number);
        writer.exchange(advance).await;
    }
    // Answered once everything before it is committed.
    writer
        .stream("ch2", "http://origin.example/live/ch2.m3u8")
        .await
        .unwrap();
    writer
}

fn asked(writer: &Writer, resource: ResourceKey, at_us: i64, status: u16) -> NewExchange {
    NewExchange {
        lag_us: Some(0),
        wait_us: Some(0),
        receive_us: Some(0),
        status: Some(status),
        headers: Some(Headers::default()),
        ..NewExchange::requested(
            writer.next_id(),
            resource,
            Availability::Listed(at_us),
            at_us,
        )
    }
}

fn advance(writer: &Writer, resource: ResourceKey, at_us: i64, number: i64) -> NewExchange {
    let data = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{number}\n#EXTINF:4,\ns{number}.ts\n"
    )
    .into_bytes();
    NewExchange {
        body: NewBody::Bytes {
            sha256: digest(&data),
            data: data.into(),
            binary: false,
        },
        revision: Some(NewRevision {
            advance: true,
            media_sequence: Some(number),
            segment_count: Some(1),
            last_sequence: Some(number),
            target_duration_us: Some(4_000_000),
            ended: Some(number == 3),
            ..NewRevision::default()
        }),
        ..asked(writer, resource, at_us, 200)
    }
}

fn finished_session(sessions: &Path, name: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        write_session(sessions, name)
            .await
            .finish("stopped")
            .await
            .unwrap();
    });
}

/// A replayer that runs; ends with the test.
pub struct Replayer {
    process: Child,
    announced: Vec<String>,
    pub address: String,
}

impl Replayer {
    pub fn start(sessions: &Path, arguments: &[&str]) -> Self {
        let mut process = isreplayer(sessions, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut announced = Vec::new();
        for line in lines.by_ref() {
            announced.push(line.unwrap());
            if announced.last().unwrap().contains("everything there is") {
                break;
            }
        }
        let play = announced
            .iter()
            .find_map(|line| line.strip_prefix("Play     ")?.split_once("://"))
            .unwrap()
            .1;
        let address = play.split('/').next().unwrap().to_owned();
        Self {
            process,
            announced,
            address,
        }
    }

    pub fn get(&self, path: &str) -> String {
        client::get(&self.address, path)
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn isreplayer(sessions: &Path, arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_isreplayer"), sessions, arguments)
}

fn adjacent_find(sessions: &Path, arguments: &[&str]) -> Output {
    program(env!("CARGO_BIN_EXE_adjacent-find"), sessions, arguments)
        .output()
        .unwrap()
}

fn program(path: &str, sessions: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.arg("-f").arg(sessions).args(arguments);
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_replayer_says_what_it_replays_and_does() {
    let folder = tempfile::tempdir().unwrap();
    finished_session(folder.path(), "s1");
    let replayer = Replayer::start(
        folder.path(),
        &["-p", "0", "-o", "5.5", "--at-end", "endlist", "s1"],
    );
    assert!(
        replayer.announced.contains(&"Session  s1".to_owned()),
        "{:?}",
        replayer.announced
    );
    assert!(
        replayer
            .announced
            .contains(&format!("Stream   ch1  {PLAYLIST}")),
        "{:?}",
        replayer.announced
    );
    let answer = replayer.get("/stream.m3u8");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nx-isrecorder-session-time: 5."),
        "{answer}"
    );
    assert!(
        answer.contains("\nhttp/origin.example:80/live/s2.ts\n"),
        "{answer}"
    );
    let redirect = replayer.get("/stream.m3u8?offset=0");
    let clock = client::led_by_location("/stream.m3u8", &redirect);
    assert!(replayer.get(&clock).contains("/live/s1.ts"));
}

#[test]
fn two_replayers_agree_and_a_port_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    finished_session(folder.path(), "s1");
    let one = Replayer::start(folder.path(), &["-p", "0", "s1"]);
    let path = folder.path().join("s1");
    let other = Replayer::start(Path::new("nowhere"), &["-p", "0", path.to_str().unwrap()]);
    let clock = "/@1000000000000/http/origin.example:80/live/ch1.m3u8";
    let body = |answer: String| answer.split("\r\n\r\n").nth(1).map(str::to_owned);
    assert_eq!(body(one.get(clock)), body(other.get(clock)));
    let port = one.address.rsplit(':').next().unwrap();
    let refused = isreplayer(folder.path(), &["-p", port, "s1"])
        .output()
        .unwrap();
    assert_eq!(code(&refused), 1);
    assert_eq!(
        stderr(&refused),
        format!("isreplayer: port {port} is in use; choose another one with -p\n")
    );
}

#[test]
fn sessions_that_cannot_be_replayed_are_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    finished_session(folder.path(), "s1");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::create_dir(folder.path().join("damaged")).unwrap();
    std::fs::write(
        folder.path().join("damaged/session.db"),
        b"no database at all",
    )
    .unwrap();
    for (session, exit, sentence) in [
        ("s2", 2, "there are: damaged, s1"),
        ("empty", 2, "no session"),
        ("damaged", 1, "damaged"),
    ] {
        let output = isreplayer(folder.path(), &["-p", "0", session])
            .output()
            .unwrap();
        assert_eq!(code(&output), exit, "{session}");
        let said = stderr(&output);
        assert!(
            said.contains(sentence) && said.lines().count() == 1,
            "{said}"
        );
        assert_eq!(
            code(&adjacent_find(folder.path(), &[session])),
            exit,
            "{session}"
        );
    }
}

#[test]
fn at_the_end_it_may_stop() {
    let folder = tempfile::tempdir().unwrap();
    finished_session(folder.path(), "s1");
    let output = isreplayer(folder.path(), &["-p", "0", "--at-end", "stop", "s1"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("the recording ends here: stopping"));
}

#[test]
fn who_can_reach_a_replay_is_said_and_of_a_session_with_keys_it_is_a_warning() {
    let origin = Origin::new(|ask: &Ask| {
        let window = Window::new(0, 1).ended();
        match ask.path() {
            "/clear.m3u8" => Reply::playlist(window.text()),
            "/encrypted.m3u8" => {
                let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"";
                Reply::playlist(window.headed(key).text())
            }
            "/key" => Reply::key(*b"0123456789abcdef"),
            path => Reply::segment(ts(path)),
        }
    });
    for (path, address, [is_said, is_warned]) in [
        ("/clear.m3u8", "0.0.0.0", [true, false]),
        ("/encrypted.m3u8", "0.0.0.0", [false, true]),
        ("/encrypted.m3u8", "127.0.0.1", [false, false]),
    ] {
        let session = Recorder::new(origin.url(path)).run().session();
        let sessions = session.path().parent().unwrap();
        let arguments = ["--bind", address, "-p", "0", "--at-end", "stop"];
        let output = isreplayer(sessions, &[&arguments[..], &["session1"]].concat())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        let reach = "gets the recording, with its keys";
        assert_eq!(said.contains(reach), is_said, "{path} {address}: {said}");
        let warned = stderr(&output);
        assert_eq!(
            warned.contains(reach),
            is_warned,
            "{path} {address}: {warned}"
        );
    }
}

#[test]
fn a_session_that_ends_while_it_is_replayed_becomes_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let writer = runtime.block_on(write_session(folder.path(), "live"));
    let replayer = Replayer::start(folder.path(), &["-p", "0", "live"]);
    assert!(
        replayer
            .announced
            .iter()
            .any(|line| line.ends_with(", being recorded")),
        "{:?}",
        replayer.announced
    );
    assert!(replayer.get("/stream.m3u8").contains("/live/s1.ts"));
    runtime.block_on(writer.finish("stopped")).unwrap();
    assert!(!folder.path().join("live/session.db-wal").exists());
    assert!(replayer.get("/stream.m3u8").contains("/live/s1.ts"));
}

#[test]
fn gaps_are_found_in_the_originals_format() {
    let folder = tempfile::tempdir().unwrap();
    finished_session(folder.path(), "s1");
    let output = adjacent_find(folder.path(), &["s1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        ["Playlist live/ch1.m3u8", "Find time difference 0:00:16"],
        "{text}"
    );
    assert!(
        text.contains(&format!("\ns2.ts\n\n{}\n3 - 20", "-".repeat(67))),
        "{text}"
    );
    let failing = adjacent_find(
        folder.path(),
        &["--json", "--fail-on-gap", "-p", "ch1.m3u8", "s1"],
    );
    // Nobody asked in between: it is not the origin's for certain.
    assert_eq!(code(&failing), 0);
    let gap: serde_json::Value = serde_json::from_slice(&failing.stdout).unwrap();
    assert_eq!(
        (&gap["own"], &gap["detail"]["certain"]),
        (&false.into(), &false.into())
    );
    assert_eq!(
        (
            gap["detail"]["gap_seconds"].as_f64(),
            gap["first"]["exchange"].as_i64()
        ),
        (Some(16.0), Some(2))
    );
    let none = adjacent_find(folder.path(), &["-t", "16.5", "--fail-on-gap", "s1"]);
    assert_eq!((code(&none), none.stdout.len()), (0, 0));
    assert_eq!(stderr(&none), "No gap over 16.500 s in 1 playlist\n");
    let unknown = adjacent_find(folder.path(), &["-p", "ch9.m3u8", "s1"]);
    assert_eq!(code(&unknown), 2);
    assert!(
        stderr(&unknown).ends_with("there are: live/ch1.m3u8\n"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn of_many_kinds_of_failed_polls_a_gap_tells_the_most_frequent() {
    let folder = tempfile::tempdir().unwrap();
    let statuses = [500, 404, 501, 502, 503, 504, 505, 506, 507, 508, 404];
    let failed: Vec<(i64, u16)> = (5..).zip(statuses).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let writer = write_polls(folder.path(), "s1", &failed).await;
        writer.finish("stopped").await.unwrap();
    });
    let output = adjacent_find(folder.path(), &["s1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let remark = "No poll in between was answered with a playlist: HTTP 404 x 2, HTTP 500 x 1, HTTP 501 x 1, \
        HTTP 502 x 1, HTTP 503 x 1, HTTP 504 x 1, HTTP 505 x 1, HTTP 506 x 1, others x 2";
    assert!(text.lines().any(|line| line == remark), "{text}");
}

#[test]
fn a_replayer_names_only_what_is_there_to_play() {
    // A channel of a few seconds: no minute to begin at.
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/film.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let film = Recorder::new(origin.url("/film.m3u8")).run().session();
    let replayer = Replayer::start(film.path().parent().unwrap(), &["-p", "0", "session1"]);
    let announced = replayer.announced.join("\n");
    assert!(announced.contains("/dvr.m3u8  (all"), "{announced}");
    assert!(!announced.contains("offset=60"), "{announced}");
    assert!(replayer.get("/dvr.m3u8").starts_with("HTTP/1.1 200 "));

    // A radio: no playlist at all.
    let origin = Origin::new(|ask: &Ask| {
        let then = if ask.nth == 0 { Then::End } else { Then::Again };
        crate::raw::live(crate::raw::groups(0..40), then)
    });
    let mut recording = crate::raw::recorder(&origin).start();
    recording.until_at_least(1, crate::raw::PARTS);
    let session = recording.interrupt().session();
    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let announced = replayer.announced.join("\n");
    assert!(!announced.contains("stream.m3u8"), "{announced}");
    let list = format!("http://{}/hall/dvr.m3u8  (all", replayer.address);
    assert!(announced.contains(&list), "{announced}");
    assert!(
        announced.contains("\n           /hall/stream.ts, /hall/dvr.m3u8, /hall/dump.ts\n"),
        "{announced}"
    );
    assert!(replayer.get("/hall/dvr.m3u8").starts_with("HTTP/1.1 200 "));
    let play = format!(
        "Play     http://{}/hall/stream.ts?offset=0  (",
        replayer.address
    );
    assert!(announced.contains(&play), "{announced}");
}

/// A film, and its making: two streams that end by themselves.
fn film_and_making() -> crate::support::Session {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/film.m3u8" | "/making.m3u8" => Reply::playlist(Window::new(4, 3).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let making = format!("making={}", origin.url("/making.m3u8"));
    let recorder = Recorder::new(origin.url("/film.m3u8"));
    recorder.args([making.as_str()]).run().session()
}

#[test]
fn of_several_streams_each_has_its_list_of_all_that_was_recorded() {
    let session = film_and_making();
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let announced = replayer.announced.join("\n");
    for name in ["film", "making"] {
        let list = format!("/{name}/dvr.m3u8");
        assert!(
            announced.contains(&format!("http://{}{list}", replayer.address)),
            "{announced}"
        );
        assert!(replayer.get(&list).starts_with("HTTP/1.1 200 "));
    }
    let listed = isreplayer(sessions, &["--list", "session1"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("\n           /making/stream.m3u8, /making/dvr.m3u8\n"),
        "{listed}"
    );
}

/// As programs print a length.
fn time_of(us: i64) -> String {
    isrecorder::replayer::request::timeline::format_time(us)
}

#[test]
fn an_offset_behind_the_end_is_refused_and_offered_nowhere() {
    let session = film_and_making();
    let length_us = session.end_us() - session.zero_us();
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let behind = length_us / 1_000_000 + 1;
    for path in ["/stream.m3u8", "/making/stream.m3u8"] {
        let refused = replayer.get(&format!("{path}?offset={behind}"));
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
        assert!(refused.contains("session session1 is 0:00:0"), "{refused}");
        assert!(
            refused.ends_with(" long: there is nothing at that offset\n"),
            "{refused}"
        );
    }
    let page = replayer.get("/");
    let offsets = page
        .split("?offset=")
        .skip(1)
        .filter_map(|rest| rest.split('"').next()?.parse::<i64>().ok());
    let offsets: Vec<i64> = offsets.collect();
    assert!(!offsets.is_empty(), "{page}");
    assert!(
        offsets.iter().all(|offset| offset * 1_000_000 < length_us),
        "{page}"
    );
    for offset in offsets {
        let led = replayer.get(&format!("/stream.m3u8?offset={offset}"));
        assert!(led.starts_with("HTTP/1.1 302 "), "{led}");
    }
    let offset = behind.to_string();
    let refused = isreplayer(sessions, &["-p", "0", "-o", &offset, "session1"]);
    let refused = { refused }.output().unwrap();
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
    let length = format!("session session1 is {} long", time_of(length_us));
    assert!(stderr(&refused).contains(&length), "{}", stderr(&refused));
    // Where there is an end, players find that.
    let ending = Replayer::start(sessions, &["-p", "0", "--at-end", "endlist", "session1"]);
    let led = ending.get(&format!("/stream.m3u8?offset={behind}"));
    assert!(led.starts_with("HTTP/1.1 302 "), "{led}");
}

#[test]
fn a_rule_that_can_never_match_is_told_at_the_start() {
    let session = film_and_making();
    let last = session.last_offset();
    let sessions = session.path().parent().unwrap();
    let rules = [
        "segment path=*seg5.ts status=404",
        "segment path=*/seg-5.ts status=404",
        "segment sn=+2 status=404",
        "segment sn=40 status=404",
        "media variant=highest stall",
    ];
    let rules = rules.iter().flat_map(|rule| ["--inject", rule]);
    let arguments = [
        "--bind",
        "127.0.0.1",
        "-p",
        "0",
        "-o",
        &last,
        "--at-end",
        "stop",
    ];
    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain(rules)
        .chain(["session1"])
        .collect();
    let output = isreplayer(sessions, &arguments).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = stderr(&output);
    let idle: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("--inject: "))
        .map(|(_, idle)| idle)
        .collect();
    assert_eq!(
        idle,
        [
            "rule 2 matches nothing in this session: nothing that was recorded is of that kind and path",
            "rule 4 matches nothing in this session: its media sequence numbers are 4 to 6",
            "rule 5 matches nothing in this session: none of its variants is that one, of 0",
        ],
        "{said}"
    );
    let announced = String::from_utf8(output.stdout).unwrap();
    assert!(
        announced.contains("; rules with + count from when each began)"),
        "{announced}"
    );
}
