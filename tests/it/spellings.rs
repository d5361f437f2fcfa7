//! Players do not ask for URLs as they were listed: they add parameters, sort them, encode them anew.

use url::Url;

use crate::replay::Replayer;
use crate::support::{Origin, Recorder, Reply, Session, Window, client, ts};

/// A channel of which everything has one path: qualities and segments differ in their parameters.
fn one_script() -> Origin {
    Origin::new(|ask| match ask.target.as_str() {
        "/tv?list" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\ntv?quality=low&list=1\n\
             #EXT-X-STREAM-INF:BANDWIDTH=900000\ntv?quality=high&list=1\n",
        ),
        "/tv?quality=low&list=1" => Reply::playlist(window("low")),
        "/tv?quality=high&list=1" => Reply::playlist(window("high")),
        target => Reply::segment(ts(target)),
    })
}

fn window(quality: &'static str) -> String {
    let uri = move |n| format!("tv?quality={quality}&t=exp=9~acl=/*&part={n}");
    Window::new(40, 4).named(uri).ended().text()
}

fn recorded(origin: &Origin, arguments: &[&str]) -> Session {
    let recorder = Recorder::new(origin.url("/tv?list"));
    recorder.args(arguments.iter().copied()).run().session()
}

/// What is answered at the end, as a client asks that writes URLs as the URL standard does.
fn answer(session: &Session, url: &str) -> Option<Vec<u8>> {
    session.answer(Url::parse(url).unwrap().as_str(), session.end_us())
}

#[test]
fn parameters_that_a_player_adds_sorts_or_doubles_lead_to_the_one_that_was_recorded() {
    let origin = one_script();
    let session = recorded(&origin, &["--variants", "all"]);
    let target = "/tv?quality=high&t=exp=9~acl=/*&part=42";
    for query in [
        "quality=high&t=exp=9~acl=/*&part=42",
        "quality=high&t=exp=9~acl=/*&part=42&CMCD=bl%3D2300%2Csid%3D%22x%22&_=17",
        "CMCD=br%3D1&quality=high&_HLS_msn=42&t=exp=9~acl=/*&part=42",
        "part=42&quality=high&t=exp=9~acl=/*",
        "part=42&part=42&quality=high&t=exp=9~acl=/*&quality=high",
        // Where a player sets one parameter by URLSearchParams, all are written anew.
        "quality=high&t=exp%3D9%7Eacl%3D%2F*&part=42&CMCD=ot%3Dv",
        "part=%34%32&q%75ality=high&t=exp%3d9%7eacl%3d%2f*",
        "seek=part=9&quality=high&t=exp=9~acl=/*&part=42",
    ] {
        let url = origin.url(&format!("/tv?{query}"));
        assert_eq!(answer(&session, &url), Some(ts(target)), "{query}");
    }
    let high = answer(
        &session,
        &origin.url("/tv?list=1&time=1424956000&quality=high"),
    );
    assert_eq!(high, Some(window("high").into_bytes()));
    let main = answer(&session, &origin.url("/tv?x=y&list"));
    assert!(
        String::from_utf8(main.unwrap())
            .unwrap()
            .contains("STREAM-INF")
    );
    session.check_invariants();
}

#[test]
fn what_was_never_recorded_is_not_answered_with_something_else() {
    let origin = one_script();
    let session = recorded(&origin, &["--variants", "all"]);
    for query in [
        "quality=high&t=exp=9~acl=/*&part=44",
        "quality=middle&t=exp=9~acl=/*&part=42",
        "quality=high&part=42",
        "part=42",
        "",
        "quality=HIGH&t=exp=9~acl=/*&part=42",
        // Two that were recorded are all among these.
        "quality=high&quality=low&t=exp=9~acl=/*&part=42",
    ] {
        let url = origin.url(&format!("/tv?{query}"));
        assert_eq!(answer(&session, &url), None, "{query}");
    }
}

#[test]
fn a_variant_that_was_left_out_is_not_the_one_that_was_recorded_whatever_is_added() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nv.m3u8?v=1\n\
             #EXT-X-STREAM-INF:BANDWIDTH=900000\nv.m3u8\n",
        ),
        "/v.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let recorder = Recorder::new(origin.url("/main.m3u8"));
    let session = recorder.args(["--variants", "highest"]).run().session();
    for added in ["", "&CMCD=bl%3D1", "&_=1"] {
        let left_out = origin.url(&format!("/v.m3u8?v=1{added}"));
        assert_eq!(answer(&session, &left_out), None, "{added}");
    }
    for asked in ["/v.m3u8", "/v.m3u8?CMCD=bl%3D1"] {
        assert!(answer(&session, &origin.url(asked)).is_some(), "{asked}");
    }
}

#[test]
fn another_spelling_of_a_url_is_that_url() {
    let names = [
        "a%2fb",
        "~user",
        "x|y[1]",
        "caf%c3%a9",
        "p%2Bq+r",
        "deep/%2e%2e/er",
    ];
    let origin = Origin::new(move |ask| match ask.path() {
        "/list.m3u8" => {
            let named = move |n: u64| format!("media/{}.ts", names[n as usize]);
            Reply::playlist(Window::new(0, 6).named(named).ended().text())
        }
        path => Reply::segment(format!("{path}\n")),
    });
    let finished = Recorder::new(origin.url("/list.m3u8")).run();
    let sessions = finished.folder().join("sessions");
    let replayer = Replayer::start(&sessions, &["-p", "0", "session1"]);
    let get = |path: &str| {
        let port = origin.port();
        client::get(
            &replayer.address,
            &format!("/http/127.0.0.1:{port}/media/{path}"),
        )
    };
    for (asked, listed) in [
        ("a%2Fb.ts", "a%2fb.ts"),
        ("%7euser.ts", "~user.ts"),
        ("%7Euser.ts?_=1", "~user.ts"),
        ("x%7Cy%5B1%5D.ts", "x|y[1].ts"),
        ("x%7cy[1].ts", "x|y[1].ts"),
        ("x|y[1].ts", "x|y[1].ts"),
        ("caf%C3%A9.ts", "caf%c3%a9.ts"),
        ("%63af%c3%A9.ts", "caf%c3%a9.ts"),
        ("p%2bq+r.ts", "p%2Bq+r.ts"),
        ("./other/../er.ts", "er.ts"),
    ] {
        let said = get(asked);
        assert!(said.starts_with("HTTP/1.1 200"), "{asked}: {said}");
        let content = format!("/media/{listed}\n");
        assert!(said.ends_with(&content), "{asked}: {said}");
    }
    for other in ["a/b.ts", "p+q+r.ts", "X|y[1].ts"] {
        let said = get(other);
        assert!(said.starts_with("HTTP/1.1 404"), "{other}: {said}");
    }
}
