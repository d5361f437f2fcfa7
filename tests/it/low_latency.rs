//! Low latency: parts are recorded as they appear, by requests that the origin holds.

use crate::replay::Replayer;
use crate::support::{
    Broken, Finished, Hints, LowLatency, Names, Origin, PARTS, Recorder, Reply, Session, client,
    part_body,
};

fn recorded(origin: &Origin, arguments: &[&str]) -> Finished {
    Recorder::new(origin.url("/live/live.m3u8"))
        .args(arguments.iter().copied())
        .run()
}

/// Every part that was listed has come once, and means what it is at its moment.
fn has_all_parts(session: &Session, end: u64) {
    // Those of the first segment were not listed any more.
    let first = PARTS;
    let parts = "SELECT count(*) FROM resource WHERE kind = 'part'";
    assert_eq!(session.number(parts), (end - first) as i64);
    let good = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
        WHERE r.kind = 'part' AND e.outcome = 'complete' AND e.status IN (200, 206)";
    assert_eq!(session.number(good), (end - first) as i64);
    let asked = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'part'";
    assert_eq!(session.number(asked), (end - first) as i64, "each once");
    let bodies: Vec<Vec<u8>> = session
        .list::<i64>("SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'part'")
        .into_iter()
        .map(|id| session.body(id))
        .collect();
    for n in first..end {
        assert!(bodies.contains(&part_body(n)), "part {n}");
    }
}

#[test]
fn each_part_is_recorded_as_it_appears_by_requests_that_the_origin_holds() {
    for names in [Names::Uris, Names::Ranges, Names::Queries] {
        let channel = LowLatency::new(names);
        let (origin, edge) = channel.start();
        let finished = recorded(&origin, &[]);
        assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
        let session = finished.session();
        has_all_parts(&session, channel.end);
        // Each state of the playlist from the first one on was seen, by one request each.
        let polls = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind IN ('main', 'media')
            AND e.id <= (SELECT max(exchange_id) FROM revision)";
        let revisions = session.number("SELECT count(*) FROM revision");
        let steps = (channel.end - 3 * PARTS) as i64 + 1;
        assert_eq!(revisions, steps, "{names:?}");
        assert_eq!(session.number(polls), steps, "{names:?}");
        let held = "SELECT count(*) FROM exchange WHERE directives_met = 1";
        assert_eq!(session.number(held), steps - 1, "{names:?}");
        let first: String =
            session.one("SELECT directives FROM exchange WHERE directives IS NOT NULL LIMIT 1");
        assert_eq!(first, "_HLS_msn=3&_HLS_part=0");
        let one = "SELECT count(*) FROM resource WHERE kind IN ('main', 'media')";
        assert_eq!(session.number(one), 1, "the playlist is one resource");
        session.check_invariants();
        drop(edge);
    }
}

/// Revisions of the playlist: session time from which each is the answer, the last segment, parts behind it, text.
fn revisions(session: &Session) -> Vec<(i64, i64, i64, String)> {
    let zero_us = session.zero_us();
    let rows = session.rows(
        "SELECT e.id, e.from_us, v.last_sequence, e.next_parts FROM revision v JOIN exchange e ON e.id = v.exchange_id ORDER BY e.id",
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?)),
    );
    let told = |(id, from_us, last, parts): (i64, i64, i64, i64)| {
        let text = String::from_utf8(session.body(id)).unwrap();
        (from_us - zero_us, last, parts, text)
    };
    rows.into_iter().map(told).collect()
}

/// The path of the playlist in a replay, on a clock of its own that is so far into the recording.
fn path(replayer: &Replayer, origin: &Origin, offset_us: i64) -> String {
    let redirect = replayer.get(&format!("/stream.m3u8?offset={}", offset_us as f64 / 1e6));
    let clock = client::led_by_location("/stream.m3u8", &redirect);
    let own = origin.url("/live/live.m3u8").replacen("://", "/", 1);
    clock.replace("/stream.m3u8", &format!("/{own}"))
}

fn field<'a>(answer: &'a str, name: &str) -> &'a str {
    let start = answer
        .find(&format!("\r\n{name}: "))
        .unwrap_or_else(|| panic!("{name}: {answer}"));
    answer[start + name.len() + 4..]
        .split("\r\n")
        .next()
        .unwrap()
}

#[test]
fn a_replay_holds_requests_until_the_moment_at_which_what_they_ask_for_was_there() {
    let (origin, _edge) = LowLatency::new(Names::Uris).start();
    let session = recorded(&origin, &[]).session();
    let all = revisions(&session);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let get = |query: &str, offset_us: i64| {
        let path = path(&replayer, &origin, offset_us);
        replayer.get(&format!("{path}?{query}"))
    };
    // From the first revision on, for each of the parts to come.
    let at_us = all[0].0 + 20_000;
    for (from_us, last, parts, text) in &all[1..8] {
        let (sequence, part) = match parts {
            0 => (*last, PARTS as i64 - 1),
            parts => (last + 1, parts - 1),
        };
        let answer = get(&format!("_HLS_msn={sequence}&_HLS_part={part}"), at_us);
        let told = field(&answer, "x-isrecorder-session-time")
            .parse::<f64>()
            .unwrap();
        let told_us = (told * 1e6).round() as i64;
        assert!(
            told_us.abs_diff(*from_us) <= 1_000,
            "{told} s instead of {from_us} us: {answer}"
        );
        assert!(answer.ends_with(text), "{answer}");
    }
    // What a playlist announces is held until it is there; what nobody announces is not.
    let folder = origin.url("/live/").replacen("://", "/", 1);
    let part = |name: &str| {
        let clock = path(&replayer, &origin, at_us);
        let clock = clock.split(&folder).next().unwrap().to_owned();
        replayer.get(&format!("{clock}{folder}{name}"))
    };
    let announced = part("s3.0.mp4");
    let told = field(&announced, "x-isrecorder-session-time")
        .parse::<f64>()
        .unwrap();
    let there_us: i64 = session.one(
        "SELECT e.from_us FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.name LIKE '%s3.0.mp4'",
    );
    let there_us = there_us - session.zero_us();
    assert!(there_us > at_us && there_us <= all[1].0, "{there_us} us");
    assert!(
        ((told * 1e6).round() as i64).abs_diff(there_us) <= 1_000,
        "{announced}"
    );
    let body = String::from_utf8(part_body(3 * PARTS)).unwrap();
    assert!(announced.ends_with(&body), "{announced}");
    let later = part("s4.0.mp4");
    assert!(later.starts_with("HTTP/1.1 404 "), "{later}");
    // A part behind the last one is the first of the next segment.
    let (_, last, _, text) = &all[1];
    let behind = get(&format!("_HLS_msn={last}&_HLS_part=9"), at_us);
    assert!(behind.ends_with(text), "{behind}");
    // What is there already is given at once, and what nobody may ask for is refused.
    let there = get("_HLS_msn=2&_HLS_part=0", at_us);
    assert!(there.ends_with(&all[0].3), "{there}");
    for refused in [
        "_HLS_part=1",
        "_HLS_msn=5&_HLS_part=0",
        "_HLS_msn=3&_HLS_part=13",
    ] {
        let answer = get(refused, at_us);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{refused}: {answer}");
    }
    // An end is waited for by nobody.
    let end_us = all.last().unwrap().0;
    let ended = get("_HLS_msn=99&_HLS_part=0", end_us + 1_000_000);
    assert!(
        ended.contains("#EXT-X-ENDLIST") && ended.starts_with("HTTP/1.1 200 "),
        "{ended}"
    );
}

#[test]
fn an_end_that_is_laid_on_a_replay_is_there_for_who_waits_and_an_outage_is_met_at_once() {
    let mut channel = LowLatency::new(Names::Uris);
    channel.broken = Some((5 * PARTS, Broken::Error));
    let (origin, edge) = channel.start();
    let mut recording = Recorder::new(origin.url("/live/live.m3u8")).start();
    recording.until("parts came", || edge.parts() >= 6 * PARTS);
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE status = 500");
    let session = recording.interrupt().session();
    let all = revisions(&session);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "--at-end", "endlist", "session1"]);
    let get = |query: String, offset_us: i64| {
        let path = path(&replayer, &origin, offset_us);
        replayer.get(&format!("{path}?{query}"))
    };
    let last = all.last().unwrap().1;
    let end_us = session.end_us() - session.zero_us();
    let ended = get(
        format!("_HLS_msn={}&_HLS_part=0", last + 2),
        end_us + 20_000,
    );
    assert!(
        ended.starts_with("HTTP/1.1 200 ") && ended.contains("#EXT-X-ENDLIST"),
        "{ended}"
    );
    // A blocking request of the time at which one failed meets that, at its moment.
    let (failed_us, directives): (i64, String) = session
        .rows(
            "SELECT from_us, directives FROM exchange WHERE status = 500 AND directives IS NOT NULL ORDER BY id LIMIT 1",
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .remove(0);
    let failed_us = failed_us - session.zero_us();
    let before_us = all.iter().rev().find(|one| one.0 < failed_us).unwrap().0;
    // A machine that is busy may ask too late.
    let met = (0..50).any(|_| {
        let met = get(directives.clone(), before_us + (failed_us - before_us) / 4);
        met.starts_with("HTTP/1.1 500 ")
    });
    assert!(met);
}

#[test]
fn the_recording_of_a_replay_is_what_the_recording_of_the_origin_was() {
    for names in [Names::Uris, Names::Ranges] {
        is_recorded_again(names);
    }
}

fn is_recorded_again(names: Names) {
    let (origin, _edge) = LowLatency::new(names).start();
    let a = recorded(&origin, &[]).session();
    let sessions = a.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let path = path(&replayer, &origin, 0);
    let b = Recorder::new(format!("http://{}{path}", replayer.address))
        .run()
        .session();
    let (told_a, told_b) = (revisions(&a), revisions(&b));
    let texts =
        |told: &[(i64, i64, i64, String)]| told.iter().map(|one| one.3.clone()).collect::<Vec<_>>();
    // A recorder that begins a little after its replayer finds the first ones gone.
    let missed = told_a.len() - told_b.len();
    assert!(missed < told_a.len() / 2, "{missed}");
    assert_eq!(
        texts(&told_a[missed..]).join("\n"),
        texts(&told_b).join("\n")
    );
    let ids = b.list::<i64>("SELECT exchange_id FROM revision ORDER BY 1");
    let mut at_once = 0;
    for (n, id) in ids.into_iter().enumerate().skip(1) {
        let told = b.header(id, "x-isrecorder-session-time").unwrap();
        let told_us = (told.parse::<f64>().unwrap() * 1e6).round() as i64;
        let from_us = told_a[missed + n].0;
        let until_us = told_a.get(missed + n + 1).map_or(i64::MAX, |next| next.0);
        assert!(
            (from_us - 1_000..until_us).contains(&told_us),
            "{told} s instead of {from_us} us"
        );
        // Who asks in time gets it at its moment.
        at_once += usize::from(told_us <= from_us + 1_000);
    }
    assert!(at_once > told_b.len() / 2, "{at_once} of {}", told_b.len());
    let parts = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
        WHERE r.kind = 'part' AND e.outcome = 'complete' AND e.status IN (200, 206)";
    let gone = a.number(parts) - b.number(parts);
    assert!((0..=missed as i64).contains(&gone), "{gone}");
    let faults = "SELECT count(*) FROM exchange WHERE status >= 400 OR outcome <> 'complete'";
    assert_eq!((a.number(faults), b.number(faults)), (0, 0), "{names:?}");
    // What is announced is asked for early there, too, and held until it was there.
    let early = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN exchange l ON l.id = e.referrer_id
        WHERE r.kind = 'part' AND e.from_us > l.from_us AND e.wait_us > 50000";
    assert!(
        a.number(early) > 8 && b.number(early) > 8,
        "{names:?}: {} {}",
        a.number(early),
        b.number(early)
    );
}

#[test]
fn where_an_origin_does_not_hold_requests_that_is_a_fact_and_ordinary_polls_miss_no_part() {
    for broken in [Broken::AtOnce, Broken::Error, Broken::Silent] {
        let mut channel = LowLatency::new(Names::Uris);
        channel.broken = Some((4 * PARTS, broken));
        channel.end = 14 * PARTS;
        let (origin, _edge) = channel.start();
        let session = recorded(&origin, &[]).session();
        // While nothing is answered for three target durations it is polled beside.
        has_all_parts(&session, channel.end);
        let last: i64 = session.one("SELECT max(last_sequence) FROM revision");
        assert_eq!(last, 13, "{broken:?}");
        let held = "SELECT count(*) FROM exchange WHERE directives IS NOT NULL";
        let failed = match broken {
            Broken::AtOnce => "directives_met = 0",
            Broken::Error => "status = 500",
            Broken::Silent => "outcome = 'response timeout'",
        };
        let failed = session.number(&format!("{held} AND {failed}"));
        assert!((1..=12).contains(&failed), "{broken:?}: {failed}");
        let met = session.number(&format!("{held} AND directives_met = 1"));
        assert!(met >= 3, "{broken:?}: {met}");
        // Whoever asks without directives meets none of that.
        let faults = "SELECT count(*) FROM exchange WHERE directives IS NULL AND (status >= 400 OR outcome <> 'complete')";
        assert_eq!(session.number(faults), 0, "{broken:?}");
    }
}

#[test]
fn a_request_that_is_held_is_let_go_of_when_the_recorder_stops() {
    let mut channel = LowLatency::new(Names::Uris);
    // Held requests are never answered.
    channel.broken = Some((0, Broken::Silent));
    let (origin, _edge) = channel.start();
    let mut recording = Recorder::new(origin.url("/live/live.m3u8")).start();
    recording.until("a request is held", || {
        let asks = origin.asks();
        asks.iter().any(|ask| ask.target.contains("_HLS_msn"))
    });
    let finished = recording.interrupt();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("faults 0"), "{}", finished.stdout);
    let session = finished.session();
    let outcome: String = session.one("SELECT outcome FROM exchange WHERE directives IS NOT NULL");
    assert_eq!(outcome, "aborted");
    session.check_invariants();
}

#[test]
fn without_blocking_a_playlist_of_parts_is_polled_twice_a_part() {
    for (can_block, arguments) in [(false, &[][..]), (true, &["--no-blocking"])] {
        let mut channel = LowLatency::new(Names::Uris);
        channel.can_block = can_block;
        channel.duration = std::time::Duration::from_millis(500);
        channel.end = 6 * PARTS;
        let (origin, _edge) = channel.start();
        let session = Recorder::bare()
            .args([origin.url("/live/live.m3u8").as_str()])
            .args(arguments.iter().copied())
            .run()
            .session();
        has_all_parts(&session, channel.end);
        let held = "SELECT count(*) FROM exchange WHERE directives IS NOT NULL";
        assert_eq!(session.number(held), 0);
        let polls = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
            WHERE r.kind IN ('main', 'media') AND e.id <= (SELECT max(exchange_id) FROM revision)";
        // Six seconds of parts of half a second; a busy machine polls less often.
        assert!(
            (12..=30).contains(&session.number(polls)),
            "{}",
            session.number(polls)
        );
    }
}

#[test]
fn the_multivariant_playlist_is_asked_for_once_in_a_target_duration_however_often_parts_come() {
    let mut channel = LowLatency::new(Names::Uris);
    channel.end = 8 * PARTS;
    let (origin, _edge) = channel.start();
    let url = origin.url("/live/main.m3u8");
    let session = Recorder::bare().args([url.as_str()]).run().session();
    // Those before the media playlists have come, and behind their end, aside.
    let of_parts =
        "e.requested_us >= (SELECT min(seen_us) FROM revision WHERE part_target_us IS NOT NULL)
        AND e.requested_us <= (SELECT max(seen_us) FROM revision WHERE part_target_us IS NOT NULL)";
    let polls = session.number(&format!(
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'main' AND {of_parts}"
    ));
    let target_us = session.number("SELECT max(target_duration_us) FROM revision");
    let lasted_us = session.number("SELECT max(seen_us) - min(seen_us) FROM revision");
    assert!(polls >= 1, "it is asked for");
    assert!(
        polls <= lasted_us / target_us + 2,
        "{polls} polls within {lasted_us} us"
    );
}

/// What adjacent-find says of a session's parts, and its exit code.
fn find_parts(session: &Session, arguments: &[&str]) -> (String, Option<i32>) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--parts")
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.code())
}

#[test]
fn a_part_that_is_late_is_a_gap_between_parts() {
    let mut channel = LowLatency::new(Names::Uris);
    // The third of the sixth segment.
    channel.late = Some((5 * PARTS + 2, std::time::Duration::from_millis(2_500)));
    let (origin, _edge) = channel.start();
    let session = recorded(&origin, &[]).session();
    let (found, code) = find_parts(&session, &["--json", "--fail-on-gap"]);
    assert_eq!(code, Some(1), "{found}");
    let found = found
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let found: Vec<serde_json::Value> = found.collect();
    // By the columns of its two revisions.
    let lists = |moment: &serde_json::Value| {
        let id = moment["exchange"].as_i64().unwrap();
        let columns = format!(
            "SELECT v.last_sequence * 100 + e.next_parts FROM revision v JOIN exchange e ON e.id = v.exchange_id WHERE e.id = {id}"
        );
        session.number(&columns)
    };
    let is_it =
        |gap: &&serde_json::Value| (lists(&gap["first"]), lists(&gap["last"])) == (402, 403);
    let gap = found.iter().find(is_it).unwrap();
    assert_eq!(
        (&gap["rule"], &gap["detail"]["between"]),
        (&"L03".into(), &"parts".into())
    );
    assert_eq!(gap["detail"]["threshold_seconds"], 0.525);
    assert!(
        gap["detail"]["gap_seconds"].as_f64().unwrap() >= 2.5,
        "{gap}"
    );
    assert_eq!(gap["detail"]["never_listed"], serde_json::Value::Null);

    let (text, code) = find_parts(&session, &["-t", "2.4", "-p", "live.m3u8"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\nNo new part for 2."), "{text}");
    // Beside the request that was held for too long.
    let polled = " polls in between were answered, without a new part\n";
    assert!(text.contains(polled), "{text}");
    assert!(text.contains("#EXT-X-PART:"), "{text}");
    assert!(text.contains("\n1 gap between parts, 2."), "{text}");
}

#[test]
fn parts_that_the_recorder_did_not_ask_for_in_time_are_no_gap_of_the_origin() {
    let channel = LowLatency::new(Names::Uris);
    let (origin, _edge) = channel.start();
    let session = Recorder::bare()
        .args(["--no-blocking", "--poll", "1.5"])
        .args([origin.url("/live/live.m3u8").as_str()])
        .run()
        .session();
    let (text, code) = find_parts(&session, &["--fail-on-gap"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\nThe recorder did not ask for 1."), "{text}");
    let sum = text.lines().last().unwrap();
    assert!(sum.starts_with("no gap between parts; "), "{text}");
    assert!(
        sum.ends_with(" between parts of the recorder's own"),
        "{text}"
    );
}

#[test]
fn a_channel_without_parts_has_no_gaps_between_them() {
    let origin = Origin::new(|ask| match ask.path() {
        "/reel.m3u8" => Reply::playlist(crate::support::Window::new(0, 2).ended().text()),
        path => Reply::segment(crate::support::ts(path)),
    });
    let session = Recorder::new(origin.url("/reel.m3u8")).run().session();
    let (text, code) = find_parts(&session, &["--fail-on-gap"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("No media playlist of this session has parts "),
        "{text}"
    );
}

/// Of each part: when it was requested, from when on it is the answer, and from when on the first revision is that lists it.
fn parts_and_listings(session: &Session) -> Vec<(String, i64, i64, i64)> {
    let texts: Vec<(i64, String)> = session
        .rows(
            "SELECT e.id, e.from_us FROM revision v JOIN exchange e ON e.id = v.exchange_id ORDER BY e.id",
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )
        .into_iter()
        .map(|(id, from_us)| (from_us, String::from_utf8(session.body(id)).unwrap()))
        .collect();
    let parts = session.rows(
        "SELECT r.range_first, r.url, e.requested_us, e.from_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'part' AND e.status IN (200, 206) ORDER BY e.id",
        |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?)),
    );
    let listed_us = |url: &str, first: Option<i64>| {
        // Of names with tokens what stays.
        let stays = url
            .rsplit('/')
            .next()
            .unwrap()
            .split("&token")
            .next()
            .unwrap();
        let is_listed = |text: &str| {
            text.lines()
                .filter(|line| line.starts_with("#EXT-X-PART:"))
                .any(|line| match first {
                    Some(first) => {
                        line.contains(&format!("\"{stays}\""))
                            && line.ends_with(&format!("@{first}\""))
                    }
                    None => {
                        line.contains(&format!("\"{stays}\""))
                            || line.contains(&format!("\"{stays}&"))
                    }
                })
        };
        texts.iter().find(|(_, text)| is_listed(text)).unwrap().0
    };
    let told = |(first, url, requested_us, from_us): (Option<i64>, String, i64, i64)| {
        let listed_us = listed_us(&url, first);
        (url, requested_us, from_us, listed_us)
    };
    parts.into_iter().map(told).collect()
}

#[test]
fn what_is_announced_is_asked_for_before_it_is_there_and_once() {
    for names in [Names::Uris, Names::Queries, Names::Ranges] {
        let mut channel = LowLatency::new(names);
        channel.new_map = Some(5);
        let (origin, _edge) = channel.start();
        let finished = recorded(&origin, &[]);
        assert!(finished.stdout.contains("faults 0"), "{}", finished.stdout);
        let session = finished.session();
        has_all_parts(&session, channel.end);
        let all = parts_and_listings(&session);
        let mut early = 0;
        for (url, requested_us, from_us, listed_us) in &all {
            assert!(from_us <= listed_us, "{url}: {from_us} {listed_us}");
            early += usize::from(requested_us < listed_us);
        }
        // Those that were there at first are asked for when they are listed.
        let to_come = (channel.end - 3 * PARTS) as usize;
        // All of them, where the machine is not busy.
        assert!(early > to_come / 2, "{early} of {to_come}: {names:?}");
        if names == Names::Ranges {
            // What is announced has no length, and is asked for as the rest of a file that grows.
            let asks = origin.asks();
            let rests = asks.iter().filter(|ask| {
                let range = ask.header("range");
                range.is_some_and(|range| range.ends_with("-9007199254740991"))
            });
            let rests = rests.count();
            assert!(rests > to_come / 2, "{rests} of {to_come}");
        }
        // An initialization section that is announced is asked for once, too.
        let maps = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'init'
            AND r.url LIKE '%/other.mp4' AND e.status = 200";
        assert_eq!(session.number(maps), 1);
        let pending = "SELECT count(*) FROM pending";
        assert_eq!(session.number(pending), 0);
        session.check_invariants();
    }
}

#[test]
fn a_hint_that_goes_away_is_let_go_of_and_is_no_fault_of_the_origin() {
    let mut channel = LowLatency::new(Names::Uris);
    channel.hints = Hints::Changed;
    let (origin, _edge) = channel.start();
    let finished = recorded(&origin, &[]);
    assert!(finished.stdout.contains("faults 0"), "{}", finished.stdout);
    let session = finished.session();
    let given_up =
        "SELECT count(*) FROM exchange WHERE outcome = 'aborted' AND error = 'hint withdrawn'";
    // One for each segment to come.
    let count = session.number(given_up);
    assert!((1..=5).contains(&count), "{count}");
    let sessions = session.path().parent().unwrap();
    let found = std::process::Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("-f")
        .arg(sessions)
        .args(["--faults", "session1"])
        .output()
        .unwrap();
    assert_eq!(found.status.code(), Some(0));
    let told = String::from_utf8(found.stdout).unwrap();
    assert!(
        !told.contains("advertisement") && !told.contains("withdrawn"),
        "{told}"
    );
    let found = session.number("SELECT count(DISTINCT r.id) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'part' AND e.status = 200");
    assert_eq!(found, (channel.end - PARTS) as i64);
    session.check_invariants();
}

#[test]
fn a_part_that_is_not_found_while_it_is_announced_is_asked_for_again_when_it_is_listed() {
    let mut channel = LowLatency::new(Names::Uris);
    channel.hints = Hints::NotFound;
    let (origin, _edge) = channel.start();
    let session = recorded(&origin, &[]).session();
    let had = "SELECT count(DISTINCT r.id) FROM exchange e JOIN resource r ON r.id = e.resource_id
        WHERE r.kind = 'part' AND e.status = 200";
    assert_eq!(session.number(had), (channel.end - PARTS) as i64);
    // Players get them at once where they are listed.
    let late = parts_and_listings(&session)
        .into_iter()
        .find(|(_, _, from_us, listed_us)| from_us > listed_us);
    assert_eq!(late, None);
    // Who is refused again and again asks less often.
    let refused = session.number("SELECT count(*) FROM exchange WHERE status = 404");
    assert!((1..=6).contains(&refused), "{refused}");
    session.check_invariants();
}

#[test]
fn behind_a_cache_the_second_answer_is_at_the_live_edge() {
    let mut channel = LowLatency::new(Names::Uris);
    channel.cached = 5 * PARTS;
    channel.end = 12 * PARTS;
    let (origin, edge) = channel.start();
    let there = edge.parts();
    let mut recording = Recorder::new(origin.url("/live/live.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    let session = recording.interrupt().session();
    let parts: Vec<u64> = revisions(&session)
        .into_iter()
        .map(|(_, last, parts, _)| (last as u64 + 1) * PARTS + parts as u64)
        .collect();
    assert_eq!(parts[0], there - channel.cached);
    assert!(parts[1] >= there, "{parts:?}");
    // From there on each part is waited for.
    let asked: String = session.one(
        "SELECT e.directives FROM revision v JOIN exchange e ON e.id = v.exchange_id ORDER BY e.id LIMIT 1 OFFSET 2",
    );
    let next = format!(
        "_HLS_msn={}&_HLS_part={}",
        parts[1] / PARTS,
        parts[1] % PARTS
    );
    assert_eq!(asked, next);
    // Nobody knows since when a cache had what it answered with.
    let known = "SELECT count(*) FROM revision v JOIN exchange e ON e.id = v.exchange_id WHERE e.directives IS NOT NULL
        AND v.not_before_us > e.requested_us AND v.exchange_id = (SELECT exchange_id FROM revision ORDER BY 1 LIMIT 1 OFFSET 1)";
    assert_eq!(session.number(known), 0);
}

#[test]
fn of_several_renditions_each_part_is_had_with_its_keys_and_none_that_its_origin_has_not() {
    let mut channel = LowLatency::new(Names::Uris);
    let gap = 4 * PARTS + 1;
    (channel.gap, channel.has_keys) = (Some(gap), true);
    let (origin, _edge) = channel.start();
    let finished = Recorder::new(origin.url("/live/main.m3u8")).run();
    assert!(finished.stdout.contains("faults 0"), "{}", finished.stdout);
    let session = finished.session();
    for rendition in ["low", "high"] {
        let of = |kind: &str| {
            let sql = format!(
                "SELECT r.url FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = '{kind}' AND e.status = 200
                   AND r.url LIKE '%/{rendition}/%' ORDER BY r.url"
            );
            session.list::<String>(&sql)
        };
        let parts = of("part");
        let had = |n: u64| {
            let name = format!("/{rendition}/s{}.{}.mp4", n / PARTS, n % PARTS);
            parts.iter().filter(|url| url.ends_with(&name)).count()
        };
        for n in PARTS..channel.end {
            assert_eq!(had(n), usize::from(n != gap), "{rendition}: part {n}");
        }
        // Each key once: of the segments that are listed at some time.
        let keys = of("key");
        assert_eq!(keys.len(), 4, "{keys:?}");
    }
    let asked = origin
        .asks()
        .into_iter()
        .filter(|ask| ask.target.ends_with("s4.1.mp4"))
        .count();
    assert_eq!(asked, 0, "what has a gap is not asked for");
    // Reports of other renditions are no requests.
    assert!(
        origin
            .asks()
            .iter()
            .all(|ask| !ask.target.contains("/other/"))
    );
    session.check_invariants();
}

#[test]
fn of_a_file_that_comes_whole_as_much_is_kept_as_is_listed() {
    let mut channel = LowLatency::new(Names::Ranges);
    channel.hints = Hints::Whole;
    channel.end = 6 * PARTS;
    let (origin, _edge) = channel.start();
    let finished = recorded(&origin, &[]);
    assert!(finished.stdout.contains("faults 0"), "{}", finished.stdout);
    let session = finished.session();
    let parts = session.rows(
        "SELECT e.id, r.url, r.range_first, r.range_length, e.status FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'part' AND e.outcome = 'complete'",
        |row| {
            let range = (row.get::<_, i64>(2)? as usize, row.get::<_, i64>(3)? as usize);
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, range, row.get::<_, i64>(4)?))
        },
    );
    assert_eq!(parts.len() as u64, channel.end - PARTS, "each once");
    let mut whole = 0;
    for (id, url, (first, length), status) in parts {
        let segment = url
            .rsplit('/')
            .next()
            .unwrap()
            .trim_start_matches('s')
            .trim_end_matches(".mp4");
        let segment: u64 = segment.parse().unwrap();
        let file: Vec<u8> = (segment * PARTS..(segment + 1) * PARTS)
            .flat_map(part_body)
            .collect();
        let begin = if status == 200 { 0 } else { first };
        whole += usize::from(status == 200);
        assert_eq!(
            session.body(id),
            file[begin..first + length],
            "{url} {first}"
        );
    }
    assert!(whole > PARTS as usize, "{whole}");
    session.check_invariants();
}
