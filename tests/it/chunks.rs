//! Chunks and keys: beside the polls, newest first, tried again while they are listed.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::support::{Ask, End, Files, Origin, Recorder, Reply, Window, ts};

#[test]
fn a_slow_chunk_delays_no_poll_and_no_other_chunk() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 3).text()),
        "/seg1.ts" => Reply::segment(ts("never whole")).ending(End::Hang(300)),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("polls and chunks beside it", || {
        origin.count("/live.m3u8") >= 10 && origin.count("/seg6.ts") == 1
    });
    let session = recording.interrupt().session();
    assert_eq!(origin.count("/seg1.ts"), 1);
    assert_eq!(session.outcomes("seg1.ts"), [(200, "aborted".to_owned())]);
    let id = session.number("SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.name = 'seg1.ts'");
    assert_eq!(
        session.body(id),
        ts("never whole")[..300],
        "what came of it is kept"
    );
}

#[test]
fn a_chunk_that_is_not_there_yet_is_tried_again_and_each_try_is_an_exchange() {
    let playlist = Window::new(0, 2).ended().text();
    let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", _) => Reply::playlist(playlist.clone()),
        ("/seg1.ts", 0) => Reply::not_found(),
        ("/seg1.ts", 1) => Reply::html(503),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let tries: Vec<(i64, i64, i64)> = session.rows(
        "SELECT e.status, e.from_us, e.requested_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = 'seg1.ts' ORDER BY e.id",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    assert_eq!(
        tries.iter().map(|t| t.0).collect::<Vec<_>>(),
        [404, 503, 200]
    );
    let listed =
        session.number("SELECT from_us FROM exchange e JOIN revision v ON v.exchange_id = e.id");
    assert_eq!(
        tries[0].1, listed,
        "the first try is the answer from the listing on"
    );
    for (_, from_us, requested_us) in &tries[1..] {
        assert_eq!(from_us, requested_us, "a retry from when it was made");
    }
    let url = origin.url("/seg1.ts");
    assert_eq!(session.answer(&url, listed), Some(Reply::not_found().body));
    assert_eq!(
        session.answer(&url, tries[2].1 - 1),
        Some(Reply::html(503).body)
    );
    assert_eq!(session.answer(&url, tries[2].1), Some(ts("/seg1.ts")));
    assert_eq!(
        session.rows(
            "SELECT error, error_code, path FROM segments WHERE name = 'seg1.ts'",
            |row| {
                Ok((
                    row.get::<_, Option<String>>(0)?,
                    row.get::<_, Option<i64>>(1)?,
                    row.get::<_, Option<String>>(2)?,
                ))
            }
        ),
        [
            (Some("HTTP 404".to_owned()), Some(404), None),
            (Some("HTTP 503".to_owned()), Some(503), None),
            (None, None, Some("chunks/seg1.ts".to_owned())),
        ]
    );
}

/// Lets nobody through before so many are waiting; afterwards everybody.
#[derive(Default)]
struct Gate {
    state: Mutex<(usize, usize, bool)>,
    changed: Condvar,
}

impl Gate {
    /// Waits until `wanted` are here at once; then a little for one too many.
    fn pass(&self, wanted: usize) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        state.1 = state.1.max(state.0);
        self.changed.notify_all();
        let patience = Duration::from_secs(20);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, patience, |s| s.0 < wanted && !s.2)
            .unwrap();
        if !state.2 {
            let one_more = Duration::from_millis(300);
            state = self
                .changed
                .wait_timeout_while(state, one_more, |s| s.0 <= wanted && !s.2)
                .unwrap()
                .0;
            state.2 = true;
        }
        state.0 -= 1;
        self.changed.notify_all();
    }

    fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().1
    }
}

fn six_variants() -> Reply {
    let variants = ["a", "b", "c", "d", "e", "f"];
    let variants = variants.map(|v| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{v}/v.m3u8\n"));
    Reply::playlist(format!("#EXTM3U\n{}", variants.concat()))
}

#[test]
fn at_most_sixteen_downloads_are_under_way_at_once() {
    let gate = Arc::new(Gate::default());
    let guarded = Arc::clone(&gate);
    let origin = Origin::new(move |ask| match ask.path() {
        "/main.m3u8" => six_variants(),
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(0, 8).ended().text()),
        path => {
            guarded.pass(16);
            Reply::segment(ts(path))
        }
    });
    let session = Recorder::new(origin.url("/main.m3u8")).run().session();
    assert_eq!(gate.most_at_once(), 16);
    assert_eq!(
        session.number("SELECT count(*) FROM segments WHERE error IS NULL"),
        48
    );
}

#[test]
fn no_more_polls_than_the_limit_are_under_way_at_once() {
    let gate = Arc::new(Gate::default());
    let guarded = Arc::clone(&gate);
    let origin = Origin::new(move |ask| match ask.path() {
        "/main.m3u8" => six_variants(),
        path if path.ends_with(".m3u8") => {
            guarded.pass(2);
            Reply::playlist(Window::new(0, 1).ended().text())
        }
        path => Reply::segment(ts(path)),
    });
    Recorder::new(origin.url("/main.m3u8"))
        .args(["--limit", "polls=2"])
        .run();
    assert_eq!(gate.most_at_once(), 2);
}

#[test]
fn another_part_than_was_asked_for_is_none() {
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n#EXT-X-BYTERANGE:5@5\nright.ts\n\
        #EXTINF:1,\n#EXT-X-BYTERANGE:5@5\nwrong.ts\n#EXT-X-ENDLIST\n";
    let part = |range: &str| Reply::new(206, "video/mp2t", "hello").with("Content-Range", range);
    let files = Files::default()
        .with("/vod.m3u8", Reply::playlist(playlist))
        .with("/right.ts", part("bytes 5-9/20"))
        .with("/wrong.ts", part("bytes 0-4/20"));
    let origin = Origin::new(move |ask| files.reply(ask));
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let outcomes = |name: &str| session.outcomes(name).remove(0);
    assert_eq!(outcomes("right.ts"), (206, "complete".to_owned()));
    assert_eq!(outcomes("wrong.ts"), (206, "protocol".to_owned()));
}

#[test]
fn a_part_is_what_it_says_and_what_came_of_it() {
    let names = ["late.ts", "lies.ts", "whole.ts", "accepted.ts", "moved.ts"];
    let mut playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned();
    for name in &names[..2] {
        playlist += &format!("#EXTINF:1,\n#EXT-X-BYTERANGE:5@5\n{name}\n");
    }
    for name in &names[2..] {
        playlist += &format!("#EXTINF:1,\n{name}\n");
    }
    playlist += "#EXT-X-ENDLIST\n";
    let part =
        |range: &str, body: &str| Reply::new(206, "video/mp2t", body).with("Content-Range", range);
    let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", _) => Reply::playlist(playlist.clone()),
        // The file grows: at first there are two of the five bytes.
        ("/late.ts", 0) => part("bytes 5-6/7", "he"),
        ("/late.ts", _) => part("bytes 5-9/20", "hello"),
        ("/lies.ts", 0) => part("bytes 5-9/20", "hel"),
        ("/lies.ts", _) => part("bytes 5-9/20", "hello"),
        ("/whole.ts", _) => part("bytes 0-4/5", "hello"),
        ("/accepted.ts", 0) => Reply::new(202, "text/plain", "soon"),
        _ => Reply::new(203, "video/mp2t", "hello"),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let outcomes = |name: &str| -> Vec<(i64, String)> { session.outcomes(name) };
    let of = |status, outcome: &str| (status, outcome.to_owned());
    let good = of(206, "complete");
    assert_eq!(outcomes("late.ts"), [of(206, "short"), good.clone()]);
    assert_eq!(outcomes("lies.ts"), [of(206, "protocol"), good.clone()]);
    assert_eq!(outcomes("whole.ts"), [good]);
    let note: String = session.one("SELECT note FROM exchange WHERE note IS NOT NULL");
    assert!(note.contains("206 of the whole"), "{note}");
    assert_eq!(
        outcomes("moved.ts"),
        [of(203, "complete")],
        "kept, and not asked for again"
    );
    assert_eq!(outcomes("accepted.ts").len(), 2, "202: not yet");
}

#[test]
fn session_data_is_cut_at_its_limit() {
    let main = "#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"small.json\"\n\
        #EXT-X-SESSION-DATA:DATA-ID=\"b\",URI=\"large.json\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n";
    let json = |size: usize| Reply::new(200, "application/json", "1".repeat(size));
    let files = Files::default()
        .with("/main.m3u8", Reply::playlist(main))
        .with("/v.m3u8", Reply::playlist(Window::new(0, 1).ended().text()))
        .with("/small.json", json(1024))
        .with("/large.json", json(1025));
    let origin = Origin::new(move |ask| files.reply(ask));
    let session = Recorder::new(origin.url("/main.m3u8"))
        .args(["--limit", "data=1k"])
        .run()
        .session();
    let outcomes = |name: &str| session.outcomes(name).remove(0);
    assert_eq!(outcomes("small.json"), (200, "complete".to_owned()));
    assert_eq!(outcomes("large.json"), (200, "too large".to_owned()));
}

#[test]
fn a_bounded_number_of_refused_uris_is_noted() {
    let listed: String = (0..300)
        .map(|n| format!("#EXTINF:1,\nskd://key{}/{n}\n", n / 5))
        .collect();
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{listed}#EXT-X-ENDLIST\n");
    let origin = Origin::new(move |_: &Ask| Reply::playlist(playlist.clone()));
    let finished = Recorder::new(origin.url("/vod.m3u8")).run();
    let said = finished.stderr.clone();
    assert_eq!(said.matches("names what is not asked for").count(), 16);
    assert_eq!(said.matches("ever more that is not asked for").count(), 1);
    let session = finished.session();
    let noted = "SELECT count(*) FROM event WHERE kind = 'refused uri'";
    assert_eq!(session.number(noted), 256);
}

#[test]
fn a_long_window_is_fetched_newest_first_then_backwards() {
    const SEGMENTS: usize = 300;
    let playlist = Window::new(0, SEGMENTS as u64).ended().text();
    let origin = Origin::new(move |ask| match ask.path() {
        "/dvr.m3u8" => Reply::playlist(playlist.clone()),
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/dvr.m3u8")).run().session();
    let numbers: Vec<usize> = origin
        .asks()
        .iter()
        .filter_map(|a| {
            a.path()
                .strip_prefix("/seg")?
                .strip_suffix(".ts")?
                .parse()
                .ok()
        })
        .collect();
    assert_eq!(numbers.len(), SEGMENTS);
    for (at, number) in numbers.iter().enumerate() {
        let in_order = SEGMENTS - 1 - at;
        // Those that are under way at once may overtake each other, on a busy machine by many.
        assert!(number.abs_diff(in_order) <= 100, "{number} came {at}th");
    }
    assert_eq!(
        session.number("SELECT count(*) FROM body WHERE path IS NOT NULL"),
        300
    );
}

#[test]
fn keys_are_kept_as_bytes_and_each_new_uri_is_a_new_key() {
    let key = |n: u64| {
        [
            0_u8, 10, 13, 26, 34, 39, 92, 127, 128, 200, 255, 1, 2, 3, 4, n as u8,
        ]
    };
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => {
            let uri = |n| format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key{n}.bin\"\nseg{n}.ts");
            Reply::playlist(Window::new(ask.nth as u64 / 2, 2).named(uri).text())
        }
        path => match path.strip_prefix("/key") {
            Some(rest) => Reply::key(key(rest.trim_end_matches(".bin").parse().unwrap())),
            None => Reply::segment(ts(path)),
        },
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(4, "SELECT count(*) FROM keys");
    let session = recording.interrupt().session();
    let keys: HashMap<String, Vec<u8>> = session
        .rows("SELECT path, data FROM keys", |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .into_iter()
        .collect();
    for n in 0..4 {
        assert_eq!(origin.count(&format!("/key{n}.bin")), 1);
        assert_eq!(keys[&format!("key{n}.bin")], key(n));
    }
}

#[test]
fn byte_ranges_are_chunks_of_their_own_with_explicit_and_implicit_offsets() {
    let file: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let whole = file.clone();
    let playlist = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n\
        #EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"100@0\"\n\
        #EXTINF:1,\n#EXT-X-BYTERANGE:200@100\nall.mp4\n\
        #EXTINF:1,\n#EXT-X-BYTERANGE:300\nall.mp4\n\
        #EXTINF:1,\n#EXT-X-BYTERANGE:400@600\nall.mp4\n#EXT-X-ENDLIST\n";
    let origin = Origin::new(move |ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(playlist),
        _ => Reply::ranged(ask, &whole),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let mut asked: Vec<String> = origin
        .asks_for("/all.mp4")
        .iter()
        .map(|ask| ask.header("range").unwrap().to_owned())
        .collect();
    asked.sort();
    assert_eq!(
        asked,
        [
            "bytes=0-99",
            "bytes=100-299",
            "bytes=300-599",
            "bytes=600-999"
        ]
    );
    let parts = session.parts(&origin.url("/all.mp4"), session.zero_us());
    let expected = [(0, 100), (100, 300), (300, 600), (600, 1000)]
        .map(|(first, end)| (first as u64, file[first..end].to_vec()));
    assert_eq!(parts, expected);
    assert_eq!(
        session.rows(
            "SELECT r.kind, e.status, e.body_first, e.resource_bytes FROM exchange e
               JOIN resource r ON r.id = e.resource_id WHERE r.name = 'all.mp4' ORDER BY e.body_first",
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        ),
        [
            ("init".to_owned(), 206, 0, 1000),
            ("segment".to_owned(), 206, 100, 1000),
            ("segment".to_owned(), 206, 300, 1000),
            ("segment".to_owned(), 206, 600, 1000),
        ]
    );
}

#[test]
fn what_is_not_http_is_never_asked_for_and_an_event_says_so() {
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n\
        #EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT=\"com.apple.streamingkeydelivery\",URI=\"skd://asset/1\"\n\
        #EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT=\"urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\",URI=\"data:text/plain;base64,AAAA\"\n\
        #EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\nftp://127.0.0.1/seg.ts\n#EXTINF:1,\nseg2.ts\n#EXT-X-ENDLIST\n";
    let files = Files::default()
        .with("/vod.m3u8", Reply::playlist(playlist))
        .with("/seg2.ts", Reply::segment(ts("good")));
    let origin = Origin::new(move |ask| files.reply(ask));
    let finished = Recorder::new(origin.url("/vod.m3u8")).run();
    let said = finished.stderr.clone();
    let line = |whereto: &str| {
        format!(
            "names what is not asked for: \"{whereto}\" is not followed: neither http nor https"
        )
    };
    for whereto in ["skd://asset", "data:", "file:", "ftp://127.0.0.1"] {
        assert_eq!(said.matches(&line(whereto)).count(), 1, "{whereto}: {said}");
    }
    assert!(!said.contains("passwd") && !said.contains("AAAA"), "{said}");
    let session = finished.session();
    assert_eq!(origin.asks().len(), 2);
    assert_eq!(session.chunk_files(), [("seg2.ts".to_owned(), ts("good"))]);
    assert_eq!(session.number("SELECT count(*) FROM resource"), 2);
    let events: Vec<String> =
        session.list("SELECT detail FROM event WHERE kind = 'refused uri' ORDER BY detail");
    for uri in [
        "data:text/plain;base64,AAAA",
        "file:///etc/passwd",
        "ftp://127.0.0.1/seg.ts",
        "skd://asset/1",
    ] {
        assert_eq!(
            events.iter().filter(|e| e.contains(uri)).count(),
            1,
            "{uri}: {events:?}"
        );
    }
}

#[test]
fn a_chunk_that_never_comes_does_not_keep_a_stream_on_demand_from_ending() {
    let playlist = Window::new(0, 3).ended().text();
    let origin = Origin::new(move |ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(playlist.clone()),
        "/seg1.ts" => Reply::not_found(),
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let tries = session.outcomes("seg1.ts");
    assert_eq!(
        tries,
        vec![(404, "complete".to_owned()); origin.count("/seg1.ts")]
    );
    assert!(tries.len() > 1);
    assert_eq!(
        session.number("SELECT count(*) FROM segments WHERE error IS NULL"),
        2
    );
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_chunk_costs_no_memory() {
    const SIZE: usize = 80 * 1024 * 1024;
    let large: Vec<u8> = (0..=255).cycle().take(SIZE).collect();
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(0, 1).text()),
        _ => Reply::segment(large.clone()),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM segments");
    let most = recording.most_memory();
    assert!(most < SIZE, "{most} bytes");
    let session = recording.interrupt().session();
    assert_eq!(session.number("SELECT max(size) FROM body") as usize, SIZE);
}
