//! Requests on the server's clock and on clocks of their own.

use super::server_clock::HOUR_US;
use super::*;
use crate::clock::Clock;

/// When session time 0 is on the server's clock, and the first reading of it.
const ZERO_US: i64 = 50_000_000;
/// When the recording began.
const RECORDED_US: i64 = 2_000_000;

fn server(is_shared: bool) -> ServerClock {
    let mut server = ServerClock::start(Clock::start(), Some(ZERO_US), 0);
    server.advance_hourly();
    server.offset_us = 9_000;
    server.is_shared = is_shared;
    server
}

fn parts(method: Method, path: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn on(server: &ServerClock, parts: Parts) -> Request {
    let span = Span {
        zero_us: RECORDED_US,
        end_us: RECORDED_US + HOUR_US,
        recording: false,
    };
    let policy = Policy {
        faults: Faults::Recorded,
        dates: Dates::Shifted,
        network: Network::default(),
        compresses: true,
    };
    Request::new(parts, server, span, policy)
}

/// A request at session time 0 of the server's clock.
fn get(path: &str) -> Request {
    on(&server(false), parts(Method::GET, path, &[]))
}

#[test]
fn a_request_without_a_clock_is_on_the_servers() {
    let server = server(true);
    let asked = on(&server, parts(Method::GET, "/stream.m3u8?x=1", &[]));
    assert_eq!((asked.now_us, asked.player.session_us), (ZERO_US, 0));
    assert_eq!(
        (asked.moment_us, asked.player.began_us),
        (RECORDED_US, 9_000)
    );
    assert_eq!(asked.shift_us, ZERO_US - RECORDED_US);
    assert_eq!(
        (asked.path(), asked.prefix().as_str()),
        ("/stream.m3u8?x=1", "")
    );
    assert!(asked.is_shared && asked.clock.is_none());
    let later = on(&server, parts(Method::GET, "/", &[]));
    assert_eq!(later.player.session_us, HOUR_US);
    assert_eq!(later.moment_us, RECORDED_US + HOUR_US);
}

#[test]
fn a_clock_in_the_path_takes_the_place_of_the_servers() {
    let asked = get("/@3000/stream.m3u8");
    assert_eq!(asked.player.session_us, ZERO_US - 3_000_000);
    assert_eq!(asked.moment_us, RECORDED_US + ZERO_US - 3_000_000);
    assert_eq!((asked.player.began_us, asked.shift_us), (0, 1_000_000));
    assert_eq!(asked.prefix(), "/@3000");
    let began = get("/@3000~40/stream.m3u8");
    assert_eq!(
        (began.player.began_us, began.prefix().as_str()),
        (40_000, "/@3000~40")
    );
}

#[test]
fn what_is_asked_for_stands_behind_the_clock() {
    let stream = Target::Stream {
        name: None,
        offset: None,
    };
    assert_eq!(get("/stream.m3u8").target(), Ok(stream.clone()));
    assert_eq!(get("/@5/stream.m3u8").target(), Ok(stream));
    assert_eq!(get("/@5").target(), Ok(Target::Index));
    assert_eq!(
        get("/@5/dvr.m3u8").target(),
        Err(RouteError::ClockNotAllowed)
    );
    assert_eq!(get("/@x/").target(), Err(RouteError::Clock("x".to_owned())));
}

#[test]
fn urls_of_the_origin_are_on_the_clock_of_the_request() {
    let url = |text: &str| Url::parse(text).unwrap();
    let path = "/@5/http/h:80/a.ts?b";
    assert_eq!(
        get("/@5/").path_to(&url("http://h/a.ts?b")).as_deref(),
        Some(path)
    );
    assert_eq!(get("/").path_to(&url("ftp://h/a")), None);
}

#[test]
fn only_names_on_a_server_that_is_not_shared_mean_something_else_at_each_start() {
    assert!(get("/stream.m3u8").is_process_relative(true));
    assert!(!get("/stream.m3u8").is_process_relative(false));
    assert!(!get("/@5/stream.m3u8").is_process_relative(true));
    let shared = on(&server(true), parts(Method::GET, "/stream.m3u8", &[]));
    assert!(!shared.is_process_relative(true));
}

#[test]
fn an_offset_is_a_clock_on_which_it_is_that_late_now() {
    let clock = |zero_ms, began_ms| PathClock {
        zero_ms,
        began_ms,
        faults: None,
    };
    let offset = Duration::from_secs(20);
    let asked = get("/stream.m3u8");
    assert_eq!(asked.clock_at(offset, false), clock(30_000, None));
    assert_eq!(asked.clock_at(offset, true), clock(30_000, Some(20_000)));
    assert_eq!(
        asked.new_clock(Some(offset), true),
        Some(clock(30_000, Some(20_000)))
    );
    assert_eq!(asked.new_clock(None, false), None);
    assert_eq!(asked.new_clock(None, true), Some(clock(50_000, Some(0))));
    let own = get("/@30000/stream.m3u8");
    assert_eq!(own.new_clock(None, true), Some(clock(30_000, Some(20_000))));
    let known = get("/@30000~1/stream.m3u8");
    assert_eq!(
        known.new_clock(None, true),
        None,
        "its path says when it began"
    );
    assert_eq!(known.clock_at(offset, true), clock(30_000, None));
    let early = get("/@60000/stream.m3u8");
    assert_eq!(early.new_clock(None, true), None, "it has not begun");
}

#[test]
fn a_range_counts_where_it_is_asked_for_once_with_get() {
    let range = ("range", "bytes=1-2");
    let asked = |method, fields: &[_]| on(&server(false), parts(method, "/", fields));
    assert_eq!(
        asked(Method::GET, &[range]).range,
        Some(RangeSpec::From(1, Some(2)))
    );
    assert_eq!(asked(Method::GET, &[range, range]).range, None);
    assert_eq!(asked(Method::HEAD, &[range]).range, None);
    assert_eq!(asked(Method::GET, &[]).range, None);
}

#[test]
fn a_playlist_is_compressed_where_the_client_takes_that_and_rules_let_it() {
    let takes = || parts(Method::GET, "/", &[("accept-encoding", "gzip")]);
    let gzip = on(&server(false), takes());
    assert!(gzip.gzip);
    assert!(!get("/").gzip);
    let span = Span {
        zero_us: 0,
        end_us: 0,
        recording: true,
    };
    let policy = Policy {
        compresses: false,
        ..gzip.policy
    };
    assert!(!Request::new(takes(), &server(false), span, policy).gzip);
}

#[test]
fn a_request_reads_or_does_not_and_has_its_fields() {
    let asked = |method| on(&server(false), parts(method, "/", &[("host", "h")]));
    assert!(asked(Method::GET).is_read() && asked(Method::HEAD).is_read());
    let mut post = asked(Method::POST);
    assert!(!post.is_read());
    assert_eq!(post.headers().get("host").unwrap(), "h");
    assert_eq!(post.parts().method, Method::POST);
}
