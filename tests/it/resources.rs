//! What makes two URLs one resource: each way in which origins break naive recorders.

use crate::support::{Files, Origin, Recorder, Reply, Session, Stage, Window, ts};

const SEGMENTS: &str = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.kind = 'segment' AND e.body_id IS NOT NULL";

/// How many requests brought what has this name.
fn named(name: &str) -> String {
    format!("{SEGMENTS} AND r.name = '{name}'")
}

fn chunk_paths(session: &Session) -> Vec<String> {
    let files = session.chunk_files().into_iter();
    files.map(|(path, _)| path).collect()
}

#[test]
fn a_token_that_changes_at_each_refresh_makes_no_new_segment() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => {
            let nth = ask.nth;
            let window = Window::new(nth as u64 / 2, 3).headed(&format!("# {nth}"));
            Reply::playlist(
                window
                    .named(move |n| format!("seg{n}.ts?token=t{nth}"))
                    .text(),
            )
        }
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(7, SEGMENTS);
    let session = recording.interrupt().session();

    for n in 0..7 {
        let path = format!("/seg{n}.ts");
        let asks = origin
            .asks()
            .into_iter()
            .filter(|a| a.path() == path)
            .count();
        assert_eq!(asks, 1, "{path}");
    }
    // What the first listing named without the token of the second is known under both.
    let (first, second) = ("/seg2.ts?token=t0", "/seg2.ts?token=t1");
    assert_eq!((origin.count(first), origin.count(second)), (1, 0));
    assert_eq!(session.list::<String>("SELECT a.url FROM alias a JOIN resource r ON r.id = a.resource_id WHERE r.name = 'seg2.ts' ORDER BY a.url LIMIT 1"), [origin.url(second)]);
    for url in [first, second] {
        assert_eq!(
            session.answer(&origin.url(url), session.end_us()),
            Some(ts("/seg2.ts"))
        );
    }
}

#[test]
fn a_query_that_matters_makes_another_segment() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => {
            let window = Window::new(7_089_251 + ask.nth as u64 / 3, 2);
            Reply::playlist(window.named(|n| format!("segment-0.ts?seq={n}")).text())
        }
        _ => Reply::segment(ts(&ask.target)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(4, SEGMENTS);
    let session = recording.interrupt().session();
    for n in 7_089_251..7_089_255 {
        let target = format!("/segment-0.ts?seq={n}");
        assert_eq!(origin.count(&target), 1);
        assert_eq!(
            session.answer(&origin.url(&target), session.end_us()),
            Some(ts(&target))
        );
    }
    assert_eq!(session.number("SELECT count(*) FROM alias"), 0);
    let paths = chunk_paths(&session);
    assert_eq!(
        paths[..3],
        ["segment-0.ts", "segment-0~2.ts", "segment-0~3.ts"]
    );
}

#[test]
fn names_that_are_used_again_after_an_encoder_restart_keep_both_contents_each_at_its_time() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/live.m3u8", 0) => Reply::playlist(
            Window::new(5000, 4)
                .named(|n| format!("seg{}.ts", n - 5000))
                .text(),
        ),
        ("/live.m3u8", _) => Reply::playlist(Window::new(0, 2).text()),
        (path, life) => Reply::segment(ts(&format!("{path} in life {life}"))),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(4, SEGMENTS);
    stage.go(1);
    recording.until_at_least(6, SEGMENTS);
    let session = recording.interrupt().session();

    let lives: Vec<i64> = session.list("SELECT exchange_id FROM revision ORDER BY exchange_id");
    assert_eq!(lives.len(), 2);
    for (life, revision) in lives.iter().enumerate() {
        for path in ["/seg0.ts", "/seg1.ts"] {
            let content = ts(&format!("{path} in life {life}"));
            assert_eq!(
                session.answer_with(&origin.url(path), *revision),
                Some(content),
                "{path}"
            );
        }
    }
    assert_eq!(
        session.list::<i64>("SELECT advance FROM revision"),
        [1, 1],
        "a restart is an advance"
    );
    let paths = chunk_paths(&session);
    assert_eq!(
        paths,
        [
            "seg0.ts",
            "seg0~2.ts",
            "seg1.ts",
            "seg1~2.ts",
            "seg2.ts",
            "seg3.ts"
        ]
    );
}

#[test]
fn a_slate_is_compared_ever_less_often_while_it_is_listed_and_fetched_again_when_it_comes_back() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/live.m3u8", 0) => Reply::playlist(
            Window::new(ask.nth as u64, 3)
                .named(|_| "slate.ts".to_owned())
                .text(),
        ),
        ("/live.m3u8", 1) => Reply::playlist(Window::new(1000, 2).text()),
        ("/live.m3u8", _) => Reply::playlist(
            Window::new(1001, 3)
                .named(|n| {
                    if n == 1001 {
                        "seg1001.ts".to_owned()
                    } else {
                        "slate.ts".to_owned()
                    }
                })
                .text(),
        ),
        (path, life) => Reply::segment(ts(&format!("{path} in life {life}"))),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(12, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_at_least(1, &named("seg1001.ts"));
    recording.until_at_least(1, &named("seg1000.ts"));
    let before = origin.count("/slate.ts");
    stage.go(2);
    let once_more = i64::try_from(before).unwrap() + 1;
    recording.until_at_least(once_more, &named("slate.ts"));
    let session = recording.interrupt().session();

    assert_eq!(origin.count("/slate.ts"), before + 1);
    // It was listed for one more segment at each advance: fetched for the first, and then for one in two, four, eight, ten.
    let advances = session.number("SELECT count(*) FROM revision") - 3;
    let most = 1 + 4 + usize::try_from(advances).unwrap() / 10;
    assert!(
        (2..=most).contains(&before),
        "{before} requests, {advances} advances"
    );
    let slate = origin.url("/slate.ts");
    let revisions: Vec<i64> = session.list("SELECT exchange_id FROM revision ORDER BY exchange_id");
    let last = revisions[revisions.len() - 1];
    assert_eq!(
        session.answer_with(&slate, revisions[0]),
        Some(ts("/slate.ts in life 0"))
    );
    assert_eq!(
        session.answer_with(&slate, last - 1),
        Some(ts("/slate.ts in life 0"))
    );
    assert_eq!(
        session.answer_with(&slate, last),
        Some(ts("/slate.ts in life 2"))
    );
}

#[test]
fn one_path_on_two_hosts_is_two_segments() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => {
            let port = ask
                .header("host")
                .unwrap()
                .split(':')
                .nth(1)
                .unwrap()
                .to_owned();
            let uri = move |n| {
                let host = if n == 0 { "127.0.0.1" } else { "localhost" };
                format!("http://{host}:{port}/cdn/seg.ts")
            };
            Reply::playlist(Window::new(0, 2).named(uri).ended().text())
        }
        _ => Reply::segment(ts(ask.header("host").unwrap())),
    });
    let session = Recorder::new(origin.url("/live.m3u8")).run().session();
    assert_eq!(origin.count("/cdn/seg.ts"), 2);
    for url in [origin.url("/cdn/seg.ts"), origin.by_name("/cdn/seg.ts")] {
        let host = url.split('/').nth(2).unwrap();
        assert_eq!(session.answer(&url, session.zero_us()), Some(ts(host)));
    }
    let paths = chunk_paths(&session);
    assert_eq!(paths, ["cdn/seg.ts", "cdn/seg~2.ts"]);
}

#[test]
fn one_name_in_two_folders_is_two_segments() {
    let files = Files::default()
        .with(
            "/live.m3u8",
            Reply::playlist(
                Window::new(0, 2)
                    .named(|n| format!("cam{n}/seg.ts"))
                    .ended()
                    .text(),
            ),
        )
        .with("/cam0/seg.ts", Reply::segment(ts("cam 0")))
        .with("/cam1/seg.ts", Reply::segment(ts("cam 1")));
    let origin = Origin::new(move |ask| files.reply(ask));
    let session = Recorder::new(origin.url("/live.m3u8")).run().session();
    let expected = [("cam0/seg.ts", "cam 0"), ("cam1/seg.ts", "cam 1")];
    assert_eq!(
        session.chunk_files(),
        expected.map(|(path, label)| (path.to_owned(), ts(label)))
    );
}

#[test]
fn ranges_of_a_file_that_grows_are_chunks_of_their_own() {
    const SIZE: u64 = 564;
    let file: Vec<u8> = (0..20).flat_map(|n| ts(&format!("part {n}"))).collect();
    let whole = file.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => {
            let window = Window::new(0, 2 + (ask.nth as u64 / 2).min(3));
            Reply::playlist(
                window
                    .named(|n| format!("#EXT-X-BYTERANGE:{SIZE}@{}\nall.ts", n * SIZE))
                    .text(),
            )
        }
        _ => Reply::ranged(ask, &whole),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(5, SEGMENTS);
    let session = recording.interrupt().session();
    assert_eq!(origin.count("/all.ts"), 5);
    let parts = session.parts(&origin.url("/all.ts"), session.end_us());
    let expected: Vec<(u64, Vec<u8>)> = (0..5)
        .map(|n| (n * SIZE, ts(&format!("part {n}"))))
        .collect();
    assert_eq!(parts, expected);
    let early = session.parts(&origin.url("/all.ts"), session.zero_us());
    assert_eq!(early, expected[..2], "the later ones were not listed yet");
}
