//! Origins that are odd in ways that real ones are.

use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

const NOON: &str = "Fri, 20 Nov 2026 12:00:00 GMT";

#[test]
fn a_playlist_that_changes_twice_within_its_second_is_not_missed() {
    // It would be 304 for ever: the date of the second text is that of the first.
    let origin = Origin::new(
        |ask: &Ask| match (ask.path(), ask.header("if-modified-since")) {
            ("/live.m3u8", Some(_)) => Reply::new(304, "text/plain", ""),
            ("/live.m3u8", None) => Reply::playlist(
                Window::new(0, 1 + ask.nth.min(1) as u64)
                    .ended_if(ask.nth > 0)
                    .text(),
            )
            .with("Date", NOON)
            .with("Last-Modified", NOON),
            (path, _) => Reply::segment(ts(path)),
        },
    );
    let session = Recorder::new(origin.url("/live.m3u8"))
        .start()
        .finish()
        .session();
    assert_eq!(session.revisions("live.m3u8").len(), 2);
    assert_eq!(origin.count("/seg1.ts"), 1);
}

/// The multivariant playlist names other playlists at each request, as if for one viewer each.
fn made_up(ask: &Ask) -> Reply {
    let nth = ask.nth;
    match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nviewer{nth}/high.m3u8\n"
        )),
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(nth as u64 / 2, 2).text()),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn playlists_that_are_made_up_for_each_viewer_are_polled_on_under_their_first_names() {
    let origin = Origin::new(made_up);
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("twelve looks at the names", || {
        origin.count("/main.m3u8") >= 12
    });
    let polled = origin.count("/viewer0/high.m3u8");
    recording.until("the first is polled on", || {
        origin.count("/viewer0/high.m3u8") > polled + 3
    });
    let session = recording.interrupt().session();

    let polled = session.number(
        "SELECT count(DISTINCT resource_id) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name LIKE 'viewer%high.m3u8'",
    );
    assert!((1..=5).contains(&polled), "{polled}");
    // A player that loads the multivariant playlist late follows the names that it is given.
    let answer = session
        .answer(&origin.url("/viewer10/high.m3u8"), i64::MAX)
        .unwrap();
    assert_eq!(Some(answer), session.revisions("viewer0/high.m3u8").pop());
}

#[test]
fn variables_that_change_in_the_multivariant_playlist_are_heeded() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"cdn\",VALUE=\"{}\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
            if ask.nth < 3 { "a" } else { "b" }
        )),
        "/v.m3u8" => Reply::playlist(
            Window::new(0, 1)
                .headed("#EXT-X-DEFINE:IMPORT=\"cdn\"")
                .named(|n| format!("{{$cdn}}/seg{n}.ts"))
                .text(),
        )
        .tagged(ask),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("the segment at the other place", || {
        origin.count("/b/seg0.ts") > 0
    });
    let session = recording.interrupt().session();
    assert_eq!(origin.count("/a/seg0.ts"), 1);
    assert_eq!(session.revisions("v.m3u8").len(), 1, "its text is the same");
}

#[test]
fn edges_that_take_turns_cost_no_download_twice() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => {
            let first = ask.nth as u64 / 4 + if ask.nth.is_multiple_of(2) { 2 } else { 0 };
            Reply::playlist(Window::new(first, 5).text())
        }
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("sixteen polls", || origin.count("/live.m3u8") >= 16);
    let session = recording.interrupt().session();
    let twice = session.number(
        "SELECT count(*) FROM (SELECT 1 FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'segment' GROUP BY r.id HAVING count(*) > 1)",
    );
    assert_eq!(twice, 0);
    assert!(session.number("SELECT count(*) FROM revision WHERE NOT advance") >= 6);
}

#[test]
fn an_initialization_section_that_is_named_again_is_fetched_again() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => {
            let map = "#EXT-X-MAP:URI=\"init.mp4\"\n";
            let again =
                format!("#EXT-X-DISCONTINUITY\n{map}#EXTINF:1,\nseg1.m4s\n#EXT-X-ENDLIST\n");
            let more = if ask.nth > 1 { again.as_str() } else { "" };
            Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n{map}#EXTINF:1,\nseg0.m4s\n{more}"
            ))
        }
        path => Reply::new(200, "video/mp4", format!("{path} {}", ask.nth)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("both", || origin.count("/init.mp4") == 2);
    let session = recording.finish().session();
    let url = origin.url("/init.mp4");
    let listed = session.list::<i64>(
        "SELECT e.from_us FROM revision v JOIN exchange e ON e.id = v.exchange_id ORDER BY e.id",
    );
    assert_eq!(session.answer(&url, listed[0]).unwrap(), b"/init.mp4 0");
    assert_eq!(session.answer(&url, listed[1] - 1).unwrap(), b"/init.mp4 0");
    assert_eq!(session.answer(&url, listed[1]).unwrap(), b"/init.mp4 1");
}

#[test]
fn a_target_duration_that_cannot_be_makes_neither_outages_nor_gaps() {
    for (value, told) in [
        ("0", "EXT-X-TARGETDURATION is 0"),
        (
            "-1",
            "EXT-X-TARGETDURATION is \"-1\", which is no whole number",
        ),
        (
            "18446744073709551615",
            "EXT-X-TARGETDURATION is 18446744073709551615, a day or more",
        ),
    ] {
        let origin = Origin::new(move |ask: &Ask| match ask.path() {
            "/live.m3u8" => {
                let text = Window::new(ask.nth as u64 / 3, 6).text();
                let lines =
                    text.lines()
                        .map(|line| match line.starts_with("#EXT-X-TARGETDURATION:") {
                            true => format!("#EXT-X-TARGETDURATION:{value}\n"),
                            false => format!("{line}\n"),
                        });
                Reply::playlist(lines.collect::<String>())
            }
            path => Reply::segment(ts(path)),
        });
        let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
        recording.until_at_least(9, "SELECT count(*) FROM revision");
        let finished = recording.interrupt();
        let log = &finished.stderr;
        assert!(
            log.contains("no target duration that can be, segments of up to 1 s"),
            "{log}"
        );
        assert!(!log.contains("86400"), "{log}");
        let program = |program: &str, arguments: &[&str]| {
            let mut program = std::process::Command::new(program);
            program.current_dir(finished.folder());
            let output = program.args(arguments).arg("session1").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let gaps = program(env!("CARGO_BIN_EXE_adjacent-find"), &[]);
        let report = program(env!("CARGO_BIN_EXE_isreport"), &[]);
        assert_eq!(report.matches(" P05 ").count(), 1, "{report}");
        assert!(report.contains(told), "{report}");
        // Whoever is held up for a second and a half by a busy machine may find a gap; not one for each advance.
        assert!(gaps.matches("No advance for").count() < 3, "{gaps}");
        assert!(log.matches("unanswered for").count() < 3, "{log}");
        let state = "target_duration_us FROM revision";
        let session = finished.session();
        assert_eq!(
            session.list::<i64>(&format!("SELECT DISTINCT {state}")),
            [1_000_000]
        );
    }
}
