//! Hosts that ask to be asked later: they are, and what they say to who asks too often is not held against them.

use crate::metrics;
use crate::support::{Ask, Origin, Recorder, Reply, Session, Stage, Window, ts};

/// Answers with a status and how long to wait.
fn later(status: u16, retry_after: &str) -> Reply {
    Reply::html(status).with("Retry-After", retry_after)
}

/// How many exchanges of a host were begun while it wanted to be left alone: for `wait_us` after each answer with 429 or 503.
fn asked_too_early(session: &Session, host: &str, wait_us: i64) -> i64 {
    session.number(&format!(
        "SELECT count(*) FROM exchange b JOIN resource s ON s.id = b.resource_id, exchange e JOIN resource r ON r.id = e.resource_id
          WHERE b.status IN (429, 503) AND s.url LIKE 'http://{host}%' AND r.url LIKE 'http://{host}%'
            AND e.requested_us > b.requested_us + b.wait_us AND e.requested_us < b.requested_us + b.wait_us + {wait_us}"
    ))
}

/// Why each exchange of a name was the recorder's own doing, in order.
fn reasons(session: &Session, name: &str, status: u16) -> Vec<Option<String>> {
    session.list(&format!(
        "SELECT e.own_reason FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = '{name}' AND e.status = {status} ORDER BY e.id"
    ))
}

#[test]
fn polls_denser_than_a_players_that_meet_429_are_no_answer_and_become_a_players() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 3) => later(429, "2"),
        ("/live.m3u8", nth) => Reply::playlist(Window::new(nth as u64 / 2, 4).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_it_says(
        "asks for patience (HTTP 429 with Retry-After, to live.m3u8): nothing is asked of it for 2 s (until ",
    );
    recording.until("five more polls", || origin.count("/live.m3u8") >= 9);
    let session = recording.interrupt().session();
    let host = format!("127.0.0.1:{}", origin.port());
    assert_eq!(asked_too_early(&session, &host, 2_000_000), 0);
    let own = Some("too often".to_owned());
    assert_eq!(reasons(&session, "live.m3u8", 429), [own]);
    let told: Vec<(i64, String)> = session.rows(
        "SELECT length_us, detail FROM event WHERE kind = 'left alone'",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(
        told,
        [(2_000_000, host.clone())],
        "the session says why nobody polled"
    );
    let gaps = std::process::Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["-f", session.path().parent().unwrap().to_str().unwrap()])
        .args(["-t", "1", "session1"])
        .output()
        .unwrap();
    let gaps = String::from_utf8(gaps.stdout).unwrap();
    let patience = format!("{host} had asked for patience here: nothing was asked of it");
    assert!(gaps.contains(&patience), "{gaps}");
    let refused = session.number("SELECT id FROM exchange WHERE status = 429");
    let answer = session.answer_with(&origin.url("/live.m3u8"), refused);
    let before = Window::new(1, 4).text().into_bytes();
    assert_eq!(answer, Some(before), "what was there before");
    let polls: Vec<i64> = session.list(&format!(
        "SELECT e.requested_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = 'live.m3u8' AND e.id > {refused} ORDER BY e.id"
    ));
    for pair in polls.windows(2) {
        assert!(pair[1] - pair[0] >= 999_000, "{polls:?}");
    }
    // None is left out, either: those that were not late say when the next one was due.
    let lags: Vec<i64> = session.list(&format!(
        "SELECT e.lag_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = 'live.m3u8' AND e.id > {refused} ORDER BY e.id"
    ));
    for (pair, lag_us) in polls.windows(2).zip(&lags[1..]) {
        let due_us = pair[1] - lag_us - pair[0];
        assert!(due_us < 1_500_000, "{polls:?}");
    }
}

/// What a program says of the session.
fn said_by(program: &str, arguments: &[&str], session: &Session) -> String {
    let folder = session.path().parent().unwrap();
    let ran = std::process::Command::new(program)
        .args(arguments)
        .args(["-f", folder.to_str().unwrap(), "session1"])
        .output()
        .unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_time_for_which_a_segment_made_the_host_be_left_alone_is_told_as_that_by_all() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", nth) => Reply::playlist(
            Window::new(nth as u64, 3)
                .named(|n| format!("{n}.ts"))
                .text(),
        ),
        ("/6.ts", 0) => later(503, "4"),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_it_says(
        "asks for patience (HTTP 503 with Retry-After, to 6.ts): nothing is asked of it for 4 s (until ",
    );
    let polls = origin.count("/live.m3u8");
    recording.until("polls go on", || origin.count("/live.m3u8") > polls + 2);
    let finished = recording.interrupt();
    let said = finished.stderr.clone() + &finished.stdout;
    let told = "hosts asked for patience (Retry-After) x 1, and were left alone for 4.0 s";
    assert!(said.contains(told), "{said}");
    let session = finished.session();
    let gaps = said_by(env!("CARGO_BIN_EXE_adjacent-find"), &[], &session);
    let told = "; the origin asked for patience (Retry-After) for ";
    assert!(gaps.contains(told), "{gaps}");
    let info = said_by(env!("CARGO_BIN_EXE_issession"), &["info"], &session);
    let told = "by the recorder: hosts asked for patience (Retry-After) x 1, 4.0 s in all";
    assert!(info.contains(told), "{info}");
    let report = said_by(env!("CARGO_BIN_EXE_isreport"), &[], &session);
    let told = "asked for patience (Retry-After) 1 time: of 4.0 s in which it was left alone, nothing is known";
    assert!(report.contains(told), "{report}");
}

#[test]
fn an_outage_says_for_how_long_of_it_the_host_was_left_alone() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 3) => later(503, "3"),
        ("/live.m3u8", nth) => Reply::playlist(Window::new(nth as u64, 3).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_it_says("answers again after ");
    let said = recording.interrupt().stderr;
    let told = said.lines().find(|line| line.contains("answers again"));
    let told = told.unwrap_or_default();
    // The answer took a moment, in which it was not left alone yet.
    let left = told.split_once("1 poll failed (HTTP 503); its host was left alone for ");
    let left = left.and_then(|(_, left)| left.strip_suffix(" s of it, as it asked"));
    let left: f64 = left.unwrap_or_default().parse().expect(&said);
    assert!((2.0..=3.0).contains(&left), "{said}");
}

#[test]
fn a_429_to_polls_as_seldom_as_a_players_is_what_the_origin_answers() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 0..2) => Reply::playlist(Window::new(0, 2).text()),
        ("/live.m3u8", _) => later(429, "1"),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM exchange WHERE status = 429");
    let finished = recording.interrupt();
    let said = finished.stderr.clone();
    assert_eq!(said.matches("asks for patience").count(), 1, "{said}");
    let session = finished.session();
    let reasons = reasons(&session, "live.m3u8", 429);
    assert_eq!(reasons[..2], [Some("too often".to_owned()), None]);
    let end_us = session.end_us();
    let answer = session.answer(&origin.url("/live.m3u8"), end_us);
    assert_eq!(answer, Some(later(429, "1").body));
}

#[test]
fn each_stream_of_a_host_that_is_left_alone_says_so_also_where_another_one_met_it() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), page.at()) {
        ("/busy.m3u8", 1) => later(503, "30"),
        (path, _) if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(ask.nth as u64, 4).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", "--metrics", "0"])
        .args([
            format!("busy={}", origin.url("/busy.m3u8")).as_str(),
            format!("beside={}", origin.url("/beside.m3u8")).as_str(),
        ])
        .start();
    let address = metrics::address(&mut recording);
    recording.until("both have begun", || {
        origin.count("/busy.m3u8") > 2 && origin.count("/beside.m3u8") > 2
    });
    stage.go(1);
    recording.until("both are left alone", || {
        let now = metrics::scrape(&address);
        ["busy", "beside"].iter().all(|name| {
            let sample = format!("isrecorder_left_alone_seconds{{stream=\"{name}\"}}");
            now.get(&sample).is_some_and(|seconds| *seconds > 0.0)
        })
    });
    recording.interrupt().session();
}

#[test]
fn a_host_that_one_stream_met_is_left_alone_by_all_and_others_go_on() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), page.at()) {
        ("/busy.m3u8", 1) => {
            page.go(2);
            later(503, "2")
        }
        ("/busy.m3u8" | "/beside.m3u8" | "/other.m3u8", _) => Reply::playlist(
            Window::new(ask.nth as u64, 4)
                .named(move |n| format!("{n}.ts"))
                .text(),
        ),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", "--allow-private"])
        .args([
            format!("busy={}", origin.url("/busy.m3u8")).as_str(),
            format!("beside={}", origin.url("/beside.m3u8")).as_str(),
            format!("other={}", origin.by_name("/other.m3u8")).as_str(),
        ])
        .start();
    recording.until("all have begun", || {
        ["/busy.m3u8", "/beside.m3u8", "/other.m3u8"]
            .iter()
            .all(|path| origin.count(path) > 2)
    });
    stage.go(1);
    recording.until("it is met", || stage.at() == 2);
    let (busy, other) = (origin.count("/busy.m3u8"), origin.count("/other.m3u8"));
    recording.until("it is asked again", || origin.count("/busy.m3u8") > busy);
    assert!(
        origin.count("/other.m3u8") > other + 2,
        "the other host goes on"
    );
    let session = recording.interrupt().session();
    let port = origin.port();
    assert_eq!(
        asked_too_early(&session, &format!("127.0.0.1:{port}"), 2_000_000),
        0
    );
    let meanwhile = session.number(
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id, exchange b
          WHERE b.status = 503 AND r.url LIKE '%/other.m3u8' AND e.requested_us > b.requested_us
            AND e.requested_us < b.requested_us + 2000000",
    );
    assert!(meanwhile >= 3, "{meanwhile}");
    assert_eq!(
        reasons(&session, "busy.m3u8", 503),
        [None],
        "a player would have met it"
    );
}

#[test]
fn chunks_wait_for_a_host_that_is_busy_and_come_when_it_is_not() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", _) => Reply::playlist(Window::new(0, 6).ended().text()),
        ("/seg5.ts", 0) => later(503, "2"),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/vod.m3u8"))
        .args(["--limit", "downloads=1"])
        .run()
        .session();
    let host = format!("127.0.0.1:{}", origin.port());
    assert_eq!(asked_too_early(&session, &host, 2_000_000), 0);
    for n in 0..6 {
        let name = format!("/seg{n}.ts");
        let answer = session.answer(&origin.url(&name), session.end_us());
        assert_eq!(answer, Some(ts(&name)));
    }
    // What was not asked for meanwhile is there from its listing on all the same.
    let listed =
        session.number("SELECT from_us FROM exchange e JOIN revision v ON v.exchange_id = e.id");
    let answer = session.answer(&origin.url("/seg0.ts"), listed);
    assert_eq!(answer, Some(ts("/seg0.ts")));
}

#[test]
fn the_first_request_of_all_may_be_put_off_by_a_date_of_a_clock_that_is_wrong() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", 0) => later(429, "Fri, 20 Nov 2020 08:00:02 GMT")
            .with("Date", "Fri, 20 Nov 2020 08:00:00 GMT"),
        ("/vod.m3u8", _) => Reply::playlist(Window::new(0, 1).ended().text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let host = format!("127.0.0.1:{}", origin.port());
    assert_eq!(asked_too_early(&session, &host, 2_000_000), 0);
    assert_eq!(
        reasons(&session, "vod.m3u8", 429),
        [None],
        "a player would have met it"
    );
}

#[test]
fn a_redirect_to_a_host_that_wants_to_be_left_alone_is_not_followed_until_then() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", _) => {
            let host = ask
                .header("host")
                .unwrap()
                .replace("127.0.0.1", "localhost");
            Reply::redirect(302, &format!("http://{host}/edge.m3u8"))
        }
        ("/edge.m3u8", 2) => later(503, "2"),
        ("/edge.m3u8", nth) => Reply::playlist(Window::new(0, 2).ended_if(nth > 2).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/live.m3u8"))
        .args(["--allow-private"])
        .run()
        .session();
    let edge = format!("localhost:{}", origin.port());
    assert_eq!(asked_too_early(&session, &edge, 2_000_000), 0);
    let unfollowed =
        session.number("SELECT count(*) FROM exchange WHERE note LIKE 'not followed%'");
    assert!(unfollowed >= 1, "the other host was asked on");
    let faults = session
        .number("SELECT count(*) FROM exchange WHERE status >= 400 OR outcome <> 'complete'");
    assert_eq!(faults, 1, "the one answer of the edge");
}

#[test]
fn what_nobody_can_wait_for_is_not_waited_for() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", 0) => later(503, "-5"),
        ("/vod.m3u8", 1) => later(503, "a while"),
        ("/vod.m3u8", 2) => later(503, "Fri, 20 Nov 2020 08:00:00 GMT"),
        ("/vod.m3u8", 3) => later(429, "0"),
        ("/vod.m3u8", _) => {
            Reply::playlist(Window::new(0, 2).ended().text()).with("Retry-After", "600")
        }
        ("/seg0.ts", 0) => later(404, "600"),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/vod.m3u8"))
        .args(["--duration", "50"])
        .run()
        .session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
    let last = session.answer(&origin.url("/seg0.ts"), session.end_us());
    assert_eq!(last, Some(ts("/seg0.ts")));
}

#[test]
fn a_new_session_that_is_refused_with_429_is_asked_for_in_its_turn_only() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/main.m3u8", nth) => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/s{nth}/v.m3u8\n"
        )),
        ("/s0/v.m3u8", 0..3) => Reply::playlist(Window::new(0, 3).text()),
        ("/s0/v.m3u8", _) => Reply::html(403),
        (path, _) if path.ends_with(".m3u8") => Reply::html(429),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::bare()
        .args([origin.url("/main.m3u8").as_str()])
        .start();
    recording.until_at_least(3, "SELECT count(*) FROM exchange WHERE status = 429");
    recording.until("a few more looks", || origin.count("/main.m3u8") >= 6);
    let session = recording.interrupt().session();
    let refused = session.number("SELECT count(*) FROM exchange WHERE status = 429");
    let looks = session.number(
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'main'",
    );
    assert!(refused <= 4 * looks, "{refused} polls for {looks} looks");
}

#[test]
fn a_known_key_that_was_put_off_is_asked_for_once_more() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", nth) => {
            // The encoder begins again at number 0.
            let first = if nth < 8 {
                50 + nth as u64 / 2
            } else {
                (nth as u64 - 8) / 4
            };
            let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"the.key\"\n";
            Reply::playlist(Window::new(first, 4).headed(key).text())
        }
        ("/the.key", 1) => Reply::html(429),
        ("/the.key", _) => Reply::key("0123456789abcdef"),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("the key once more", || origin.count("/the.key") >= 3);
    let again = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
                  WHERE r.kind = 'key' AND e.status = 200";
    recording.until_at_least(2, again);
    let session = recording.interrupt().session();
    let put_off = Some("too often".to_owned());
    assert_eq!(reasons(&session, "the.key", 429), [put_off]);
}

#[test]
fn segments_that_are_not_asked_for_as_their_host_wants_to_be_left_alone_are_counted_alike() {
    let stage = Stage::default();
    let at = stage.clone();
    let media = Origin::new(move |ask: &Ask| match at.at() {
        1 => later(429, "3600"),
        _ => Reply::segment(ts(ask.path())),
    });
    let segments = media.url("/seg");
    let origin = Origin::new(move |ask: &Ask| {
        let text = Window::new(ask.nth as u64 / 2, 3).text();
        Reply::playlist(text.replace("\nseg", &format!("\n{segments}")))
    });
    let mut recording = Recorder::new(origin.url("/mole.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    stage.go(1);
    recording.until_it_says("wanted to be left alone: it was not asked for");
    let finished = recording.interrupt();
    let summary = finished.stdout.clone();
    let count = |text: &str, words: &str| -> i64 {
        let found = text.split_once(words).map(|(before, _)| before);
        let number = found.and_then(|before| before.split_whitespace().next_back());
        number.map_or(0, |number| number.parse().unwrap())
    };
    let words = " not asked for, as the origin wanted to be left alone: mole ";
    let left_alone = summary.replace(" segments", "").replace(" segment", "");
    let waiting = count(&left_alone, " not asked for by the end of the recording: ");
    let left_alone = count(&left_alone, words);
    assert!(left_alone > 0, "{summary}");
    let session = finished.session();
    let found = session.told_by(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    let told = found.replace(" segments", "").replace(" segment", "");
    let told = count(&told, " not asked for: ");
    assert_eq!(told, left_alone + waiting, "{found}\n{summary}");
    // URLs do not name a port that is that of their scheme.
    at_the_default_port(&session, media.port());
    let found = session.told_by(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    let told = found.replace(" segments", "").replace(" segment", "");
    let told = count(&told, " not asked for: ");
    assert_eq!(told, left_alone + waiting, "{found}\n{summary}");
}

/// Gives the host at a port of this machine a name, and the port of its scheme.
fn at_the_default_port(session: &Session, port: u16) {
    let db = rusqlite::Connection::open(session.path().join("session.db")).unwrap();
    let (old, new) = (
        format!("http://127.0.0.1:{port}/"),
        "https://media.example/",
    );
    db.execute_batch(&format!(
        "UPDATE resource SET url = replace(url, '{old}', '{new}'), path_url = replace(path_url, '{old}', '{new}');
         UPDATE event SET detail = 'media.example:443' WHERE kind = 'left alone' AND detail = '127.0.0.1:{port}'"
    ))
    .unwrap();
}

/// A redirect of a name to the same on the other host.
fn next_door(ask: &Ask, path: &str) -> Reply {
    let host = ask.header("host").unwrap();
    let host = host.replace("127.0.0.1", "localhost");
    Reply::redirect(302, &format!("http://{host}{path}"))
}

#[test]
fn a_chunk_behind_a_redirect_to_a_host_that_is_left_alone_is_still_to_come() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", _) => Reply::playlist(Window::new(0, 3).ended().text()),
        ("/store/seg2.ts", 0) => later(503, "3"),
        (path, _) if path.starts_with("/store/") => Reply::segment(ts(path)),
        (path, _) => next_door(ask, &format!("/store{path}")),
    });
    let mut recording = Recorder::new(origin.url("/vod.m3u8"))
        .args(["--allow-private", "--limit", "downloads=1"])
        .start();
    // Whoever replays it meanwhile waits for it.
    recording.until_at_least(
        1,
        "SELECT count(*) FROM exchange e JOIN pending p USING (resource_id) WHERE e.own_reason = 'put off'",
    );
    let session = recording.finish().session();
    let store = format!("localhost:{}", origin.port());
    assert_eq!(asked_too_early(&session, &store, 3_000_000), 0);
    let put_off = "SELECT count(*) FROM exchange WHERE own_reason = 'put off'";
    assert!(session.number(put_off) >= 1);
    let listed =
        session.number("SELECT from_us FROM exchange e JOIN revision v ON v.exchange_id = e.id");
    for n in 0..2 {
        let name = format!("/store/seg{n}.ts");
        let answer = session.answer(&origin.by_name(&name), listed);
        assert_eq!(answer, Some(ts(&name)), "as of its listing");
        let head = format!(
            "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
              WHERE r.name = 'seg{n}.ts' AND e.own_reason IS NULL AND e.from_us = {listed}"
        );
        assert_eq!(session.number(&head), 1);
    }
}

/// A channel in two qualities and with sound, one host for all.
fn two_qualities(sound_only: bool) -> impl Fn(&Ask) -> Reply {
    move |ask: &Ask| match (ask.path(), ask.nth) {
        ("/main.m3u8", _) => {
            let media = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"s\",URI=\"sound.m3u8\"\n";
            let one = "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nlow.m3u8\n";
            let two = "#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\nhigh.m3u8\n";
            let text = match sound_only {
                true => format!("#EXTM3U\n{media}{one}"),
                false => format!("#EXTM3U\n{media}{one}{two}"),
            };
            Reply::playlist(text)
        }
        ("/low.m3u8", 0 | 2) => Reply::html(429),
        (path, nth) if path.ends_with(".m3u8") => {
            let folder = path.trim_end_matches(".m3u8").to_owned();
            let named = move |n| format!("{folder}/{n}.ts");
            Reply::playlist(Window::new(nth as u64, 3).named(named).text())
        }
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn a_429_to_several_variants_at_once_is_not_what_a_player_of_one_would_meet() {
    let own = Some("too often".to_owned());
    for (sound_only, reason) in [(false, own), (true, None)] {
        let origin = Origin::new(two_qualities(sound_only));
        // Each is polled as seldom as by a player.
        let mut recording = Recorder::bare()
            .args(["--poll", "1.2", &origin.url("/main.m3u8")])
            .start();
        recording.until_at_least(2, "SELECT count(*) FROM exchange WHERE status = 429");
        let session = recording.interrupt().session();
        assert_eq!(reasons(&session, "low.m3u8", 429), [reason.clone(), reason]);
    }
}
