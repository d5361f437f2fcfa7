//! The URL of a list of streams, as radios and IPTV have them, in place of the stream's own.

use crate::raw::{PARTS, contains, files, groups, is_end_of, live};
use crate::raw_replay::{clock, get};
use crate::replay::Replayer;
use crate::support::{Ask, End, Origin, Recorder, Reply, Then, Window, ts};

/// A list of a URL on the origin that was asked.
fn list_of(ask: &Ask, form: &str, path: &str) -> Reply {
    let url = format!("http://{}{path}", ask.header("host").unwrap());
    match form {
        "plain" => Reply::new(200, "audio/x-mpegurl", format!("{url}\n")),
        "ext" => {
            let text = format!("#EXTM3U\r\n#EXTINF:-1 tvg-id=\"k\",Kiosk\r\n{url}\r\n");
            Reply::new(200, "application/vnd.apple.mpegurl", text)
        }
        "pls" => {
            let text = format!("[playlist]\nNumberOfEntries=1\nFile1={url}\nTitle1=Kiosk\n");
            Reply::new(200, "audio/x-scpls", text)
        }
        "xspf" => {
            let track = format!("<track><location>{url}</location></track>");
            let text = format!(
                "<?xml version=\"1.0\"?>\n<playlist><trackList>{track}</trackList></playlist>"
            );
            Reply::new(200, "application/xspf+xml", text)
        }
        _ => Reply::not_found(),
    }
}

#[test]
fn a_list_of_one_stream_is_that_stream() {
    for form in ["plain", "ext", "pls", "xspf"] {
        let origin = Origin::new(move |ask: &Ask| match ask.path() {
            "/tune-in" => list_of(ask, form, "/air"),
            _ => live(groups(0..40), Then::Closed),
        });
        let url = format!("hall={}", origin.url("/tune-in"));
        let mut recording = Recorder::bare().args(["--min-part", "4k", &url]).start();
        recording.until_it_says("it is a list of one stream, which is recorded: http://");
        recording.until_it_says("it is a stream of ts");
        recording.until_at_least(1, PARTS);
        recording.until("it is asked for again", || origin.count("/air") >= 2);
        let session = recording.interrupt().session();
        assert_eq!(files(&session)[0].1, groups(0..40), "{form}");
        let list = "SELECT count(*) FROM exchange WHERE note LIKE 'a list of one stream%' AND head_id IS NULL";
        assert!(session.number(list) >= 1, "{form}");
        let sessions = session.path().parent().unwrap();
        let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
        let began = replayer.get("/?format=json");
        assert!(
            began.contains("\"path\": \"hall/stream.ts\""),
            "{form}: {began}"
        );
        let dump = get(&replayer.address, "/hall/dump.ts", "", usize::MAX);
        assert!(
            dump.body.starts_with(&groups(0..40)),
            "{form}: {}",
            dump.head
        );
        let moment =
            "SELECT (requested_us + wait_us - (SELECT started_us FROM run)) / 1000 FROM exchange
                       WHERE body_id IS NOT NULL AND head_id IS NOT NULL ORDER BY id LIMIT 1";
        let path = clock(session.number(moment), "/hall/stream.ts");
        let played = get(&replayer.address, &path, "", usize::MAX);
        assert!(
            is_end_of(&groups(0..40), &played.body),
            "{form}: {}",
            played.head
        );
    }
}

/// A list that names a channel whose window slides at each poll.
fn channel(ask: &Ask) -> Reply {
    match ask.path() {
        "/tv.m3u" => list_of(ask, "ext", "/live/ch.m3u8"),
        "/live/ch.m3u8" => {
            let first = ask.nth.min(4) as u64;
            Reply::playlist(Window::new(first, 3).ended_if(first == 4).text())
        }
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn a_list_may_name_a_channel_and_is_not_asked_for_at_each_poll() {
    let origin = Origin::new(channel);
    let url = format!("tv={}", origin.url("/tv.m3u"));
    let session = Recorder::bare()
        .args([url.as_str()])
        .start()
        .finish()
        .session();
    assert_eq!(origin.count("/tv.m3u"), 1);
    assert!(origin.count("/live/ch.m3u8") >= 5);
    let revisions = "SELECT count(*) FROM revision v JOIN resource r ON r.id = v.playlist_id WHERE r.name = 'tv.m3u'";
    assert!(
        session.number(revisions) >= 5,
        "they are those of what was typed"
    );
    assert_eq!(origin.count("/live/seg3.ts"), 1);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(
        sessions,
        &["-p", "0", "--zero", "2020-01-01T00:00:00Z", "session1"],
    );
    let playlist = replayer.get("/tv/stream.m3u8");
    assert!(
        playlist.starts_with("HTTP/1.1 200 ") && playlist.contains("seg6.ts"),
        "{playlist}"
    );
    let dvr = replayer.get("/tv/dvr.m3u8");
    assert!(dvr.contains("seg0.ts") && dvr.contains("seg6.ts"), "{dvr}");
}

#[test]
fn where_the_stream_is_gone_its_list_is_asked_for_again() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/tv.m3u" if ask.nth == 0 => list_of(ask, "plain", "/old/ch.m3u8"),
        "/tv.m3u" => list_of(ask, "plain", "/new/ch.m3u8"),
        "/old/ch.m3u8" if ask.nth >= 2 => Reply::html(410),
        "/old/ch.m3u8" => Reply::playlist(Window::new(0, 3).text()),
        "/new/ch.m3u8" => Reply::playlist(Window::new(3, 3).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let url = format!("tv={}", origin.url("/tv.m3u"));
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("the new one is asked for", || {
        origin.count("/new/ch.m3u8") >= 1
    });
    recording.until("and its segments are", || origin.count("/new/seg5.ts") == 1);
    let session = recording.interrupt().session();
    assert_eq!(session.outcomes("old/ch.m3u8").last().unwrap().0, 410);
}

#[test]
fn of_several_streams_the_message_says_what_to_type() {
    for head in ["#EXTM3U\n", "# two of them\n"] {
        let origin = Origin::new(move |ask: &Ask| {
            let host = ask.header("host").unwrap();
            let text = format!(
                "{head}#EXTINF:-1,Jazz 24\nhttp://{host}/jazz?k=1\n#EXTINF:-1,\nhttp://{host}/rock\n"
            );
            Reply::new(200, "audio/mpegurl", text)
        });
        let url = format!("all={}", origin.url("/all.m3u"));
        let mut recording = Recorder::bare().args([url.as_str()]).start();
        recording.until_it_says("a list of 2 streams, and none of them is recorded");
        let typed = format!(
            "isrecorder 'Jazz_24={}' 'rock={}'",
            origin.url("/jazz?k=1"),
            origin.url("/rock")
        );
        recording.until_it_says(&typed);
        let session = recording.interrupt().session();
        assert_eq!(session.outcomes("all.m3u")[0].1, "not a playlist");
        assert!(origin.asks().iter().all(|ask| ask.path() == "/all.m3u"));
        assert!(contains(&session.body(1), b"Jazz 24"));
    }
}

#[test]
fn lists_of_lists_are_followed_to_a_depth_and_to_http_only() {
    for (to, expected) in [
        ("/two", "it is a stream of ts"),
        ("/round", "a list in a list in a list"),
        ("/secret", "none of its 1 streams is over http"),
    ] {
        let origin = Origin::new(move |ask: &Ask| match ask.path() {
            "/one" => list_of(ask, "pls", to),
            "/two" => list_of(ask, "ext", "/air"),
            "/round" => list_of(ask, "plain", "/round"),
            "/secret" => Reply::new(
                200,
                "audio/x-scpls",
                "[playlist]\nFile1=file:///etc/passwd\n",
            ),
            _ => Reply {
                end: End::Live(1880, crate::raw::PAUSE, Then::Again),
                ..live(groups(0..40), Then::Again)
            },
        });
        let url = format!("hall={}", origin.url("/one"));
        let mut recording = Recorder::bare().args([url.as_str()]).start();
        recording.until_it_says(expected);
        recording.interrupt().session();
    }
}

#[test]
fn whatever_was_typed_the_log_says_what_was_found_there() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(0, 3).text()),
        "/main.m3u8" => Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8\n"),
        "/page" => Reply::html(200),
        "/gone" => Reply::html(410),
        "/silent" => Reply::nothing(End::Silent),
        "/slow" => Reply::segment(groups(0..1)).ending(End::Hang(50)),
        path => Reply::segment(ts(path)),
    });
    let names = ["live.m3u8", "main.m3u8", "page", "gone", "silent", "slow"];
    let urls: Vec<String> = (0..)
        .zip(names)
        .map(|(n, name)| format!("s{n}={}", origin.url(&format!("/{name}"))))
        .collect();
    let mut recording = Recorder::bare()
        .args(urls.iter().map(String::as_str))
        .start();
    for said in [
        "[s0] it is a live media playlist: 3 segments now, target duration 1 s",
        "[s1] it is a multivariant playlist; playlists recorded: 1, left out: 0",
        "[s2] main playlist of 127.0.0.1:",
        "HTTP 410 Gone; is the URL right?",
        "[s4] after 4 s nothing has come that tells what it is",
        "[s5] after 4 s nothing has come that tells what it is",
    ] {
        recording.until_it_says(said);
    }
    let said = recording.said();
    assert!(
        !said.contains("[s0] after 4 s") && !said.contains("[s3] after 4 s"),
        "{said}"
    );
    recording.interrupt().session();
}

#[test]
fn what_names_segments_is_no_list_of_streams() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/old.m3u8" => Reply::playlist("#EXTM3U\n#EXTINF:2,\nseg0.ts\n#EXT-X-ENDLIST\n"),
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/old.m3u8"))
        .start()
        .finish()
        .session();
    assert_eq!(session.revisions("old.m3u8").len(), 1);
    assert_eq!(origin.count("/seg0.ts"), 1);
}

#[test]
fn of_mirrors_the_first_is_recorded_and_the_others_are_named() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/groove.pls" => {
            let host = ask.header("host").unwrap();
            let entry =
                |n| format!("File{n}=http://{host}/air{n}\nTitle{n}=Groove (#{n}): a plate\n");
            let text = format!("[playlist]\nNumberOfEntries=2\n{}{}", entry(1), entry(2));
            Reply::new(200, "audio/x-scpls", text)
        }
        _ => live(groups(0..40), Then::Again),
    });
    let url = format!("groove={}", origin.url("/groove.pls"));
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    let said = format!(
        "which is recorded: {}; not recorded are its mirrors, which are the same: {}",
        origin.url("/air1"),
        origin.url("/air2")
    );
    recording.until_it_says(&said);
    recording.until("it is recorded", || origin.count("/air1") >= 1);
    recording.interrupt().session();
    assert_eq!(origin.count("/air2"), 0);
}

#[test]
fn a_list_that_leads_to_what_is_not_followed_is_not_said_to_be_recorded() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/several" => {
            let host = ask.header("host").unwrap();
            let text = format!("http://{host}/a\nhttp://{host}/b\n");
            Reply::new(200, "audio/x-mpegurl", text)
        }
        "/one" => list_of(ask, "pls", "/several"),
        _ => list_of(ask, "plain", "/round"),
    });
    for (from, what) in [
        (
            "/one",
            "it is a list of 2 streams, and none of them is recorded",
        ),
        (
            "/round",
            "it is a list in a list in a list, which is not followed; give what it names: isrecorder 'round=http://",
        ),
    ] {
        let url = format!("hall={}", origin.url(from));
        let mut recording = Recorder::bare().args([url.as_str()]).start();
        recording.until_it_says(what);
        let said = recording.interrupt().stderr;
        assert!(!said.contains("which is recorded"), "{said}");
    }
}

#[test]
fn what_has_nothing_yet_or_nobody_there_is_called_that() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/bare.m3u8" => Reply::playlist("#EXTM3U\n"),
        _ => Reply::playlist("#EXTM3U\n#EXT-X-TARGETDURATION:2\n"),
    });
    let urls = [
        format!("bare={}", origin.url("/bare.m3u8")),
        format!("early={}", origin.url("/early.m3u8")),
        format!("off=http://127.0.0.1:{port}/off.m3u8"),
    ];
    let mut recording = Recorder::bare()
        .args(urls.iter().map(String::as_str))
        .start();
    for said in [
        "[bare] it is a playlist that lists nothing yet; it is asked for again",
        "[early] it is a live media playlist that has no segments yet, target duration 2 s",
        &format!("[off] main playlist of 127.0.0.1:{port}: connection refused"),
    ] {
        recording.until_it_says(said);
    }
    let session = recording.interrupt().session();
    let error: String = session.one("SELECT error FROM exchange WHERE outcome = 'refused' LIMIT 1");
    assert!(error.starts_with(&format!("127.0.0.1:{port}: ")), "{error}");
}

#[test]
fn what_a_list_or_a_typed_url_says_of_how_to_ask_is_heeded_for_all_of_the_stream() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/box.m3u" => {
            let host = ask.header("host").unwrap();
            let text = format!(
                "#EXTM3U\n#EXTINF:-1,Film\n#EXTVLCOPT:http-user-agent=Set-Top 9\n\
                 #KODIPROP:inputstream.adaptive.license_type=none\nhttp://{host}/film.m3u8|Referer=http://portal/\n"
            );
            Reply::new(200, "audio/x-mpegurl", text)
        }
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let typed = format!(
        "{}|User-Agent=Set-Top%209&Referer=http://portal/",
        origin.url("/film.m3u8")
    );
    for url in [
        format!("box={}", origin.url("/box.m3u")),
        format!("box={typed}"),
    ] {
        let begun = origin.asks().len();
        let finished = Recorder::bare().args([url.as_str()]).start().finish();
        let said = finished.stderr.clone();
        let asks = origin.asks().split_off(begun);
        let of_stream = asks.iter().filter(|ask| ask.path() != "/box.m3u");
        let mut count = 0;
        for ask in of_stream {
            count += 1;
            assert_eq!(ask.header("user-agent"), Some("Set-Top 9"), "{ask:?}");
            assert_eq!(ask.header("referer"), Some("http://portal/"), "{ask:?}");
        }
        assert!(count >= 3, "a playlist and its segments: {count}");
        if url.ends_with(".m3u") {
            assert!(
                said.contains("as the list says (User-Agent, Referer); "),
                "{said}"
            );
            assert!(
                said.contains("not heeded: [\"inputstream.adaptive.license_type\"]"),
                "{said}"
            );
        }
        let session = finished.session();
        assert_eq!(
            session.number("SELECT count(*) FROM stream WHERE url LIKE '%|%'"),
            0
        );
    }
}
