//! Paths, and what they ask for.

use super::super::paths::clock_prefix;
use super::*;
use proptest::prelude::*;

#[test]
fn a_parameter_that_all_but_spells_offset_is_one_slip_away() {
    for slip in [
        "ofset", "offest", "offsets", "ofsset", "0ffset", "Offset", "offse",
    ] {
        assert_eq!(misspelt_offset(&format!("a=1&{slip}=60")), Some(slip));
    }
    for other in [
        "offset=60",
        "off=6",
        "set=1",
        "onset=1",
        "_HLS_msn=3",
        "",
        "token=offset",
        "foabcd=1",
    ] {
        assert_eq!(misspelt_offset(other), None, "{other}");
    }
}

fn to(zero_ms: Option<i64>, target: Target) -> Result<Route, RouteError> {
    let clock = zero_ms.map(|zero_ms| PathClock {
        zero_ms,
        began_ms: None,
        faults: None,
    });
    Ok(Route { clock, target })
}

fn stream_of(name: Option<&str>, offset_ms: Option<u64>) -> Target {
    Target::Stream {
        name: name.map(str::to_owned),
        offset: offset_ms.map(Duration::from_millis),
    }
}

fn dvr(name: Option<&str>, playlist_id: Option<i64>) -> Target {
    Target::Dvr {
        name: name.map(str::to_owned),
        playlist_id,
    }
}

#[test]
fn what_was_recorded_knows_no_clock() {
    for path in ["/@5/dvr.m3u8", "/@5/a/dvr/1.m3u8", "/@5/exchange/1/a"] {
        assert_eq!(route(path), Err(RouteError::ClockNotAllowed), "{path}");
    }
}

#[test]
fn the_paths_there_are() {
    let origin = |url: &str| Target::Origin(Url::parse(url).unwrap());
    let cases = [
        ("/", None, Target::Index),
        ("/?format=json", None, Target::Index),
        ("/@1795176000000/", Some(1_795_176_000_000), Target::Index),
        ("/@5", Some(5), Target::Index),
        ("/favicon.ico", None, Target::Favicon),
        ("/stream.m3u8", None, stream_of(None, None)),
        (
            "/stream.m3u8?x=1&offset=1.5",
            None,
            stream_of(None, Some(1500)),
        ),
        (
            "/stream.m3u8?offset=2m%2030s",
            None,
            stream_of(None, Some(150_000)),
        ),
        (
            "/@7/hall%201/stream.m3u8?offset=0",
            Some(7),
            stream_of(Some("hall 1"), Some(0)),
        ),
        ("/http/stream.m3u8", None, stream_of(Some("http"), None)),
        ("/dvr.m3u8?x", None, dvr(None, None)),
        ("/exchange/dvr.m3u8", None, dvr(Some("exchange"), None)),
        ("/hall%201/dvr/12.m3u8", None, dvr(Some("hall 1"), Some(12))),
        ("/exchange/dvr/5.m3u8", None, dvr(Some("exchange"), Some(5))),
        ("/exchange/5/a.ts", None, Target::Exchange(5)),
        ("/exchange/5/dvr.m3u8", None, Target::Exchange(5)),
        (
            "/https/h:443/stream.m3u8?offset=x",
            None,
            origin("https://h/stream.m3u8?offset=x"),
        ),
        (
            "/%407/http/h:8080/a//b%2f?x=/@1/",
            Some(7),
            origin("http://h:8080/a//b%2f?x=/@1/"),
        ),
    ];
    for (path, clock, target) in cases {
        assert_eq!(route(path), to(clock, target), "{path}");
    }
}

#[test]
fn paths_that_ask_for_nothing_say_why() {
    for path in [
        "/a",
        "/http/h/a",
        "/a/b/stream.m3u8",
        "//stream.m3u8",
        "//dvr.m3u8",
        "//hall/dvr.m3u8",
        "//hall/stream.m3u8",
        "//exchange/5/a.ts",
        "/a/dvr/x.m3u8",
        "/a/dvr/5",
        "/a/dvr/99999999999999999999.m3u8",
        "/a/dvr/5.m3u8/b",
        "/exchange/5",
        "/exchange/-5/a",
        "/exchange/5/a/b",
        "/ftp/h:21/a",
        "*",
        "",
        "/../etc/passwd",
    ] {
        assert!(
            matches!(route(path), Err(RouteError::Nothing)) || path.is_empty(),
            "{path}"
        );
    }
    for path in [
        "/@/stream.m3u8",
        "/@x/",
        "/@-5/",
        "/@1234567890123456/",
        "/@+5/",
        "/@5~/",
        "/@~5/",
        "/@5~6~7/",
        "/@5~-6/",
    ] {
        assert!(matches!(route(path), Err(RouteError::Clock(_))), "{path}");
    }
    for path in [
        "/stream.m3u8?offset=",
        "/stream.m3u8?offset=-3",
        "/a/stream.m3u8?offset=soon",
    ] {
        assert!(matches!(route(path), Err(RouteError::Offset(_))), "{path}");
    }
    let of_length = |bytes: usize| route(&format!("/{}", "a".repeat(bytes - 1)));
    assert_eq!(of_length(8192), Err(RouteError::Nothing));
    assert_eq!(of_length(8193), Err(RouteError::TooLong));
}

proptest! {
    #[test]
    fn any_path_has_a_route_or_none(path in "/(@[0-9]{0,16}/)?(http/|https/)?\\PC{0,30}") {
        let _ = route(&path);
    }

    #[test]
    fn a_clock_changes_nothing_else(zero_ms in 0..10_i64.pow(15), began_ms in proptest::option::of(0..10_i64.pow(15)), faults in proptest::option::of(prop::sample::select(vec![Faults::Recorded, Faults::Healed])), rest in "/(https?/h:[0-9]{1,4}/)?[a-z./?=&]{0,16}") {
        let own = route(&rest).map(|r| r.target);
        let clock = PathClock { zero_ms, began_ms, faults };
        let carried = route(&format!("{}{rest}", clock_prefix(Some(clock))));
        prop_assert_eq!(carried.as_ref().ok().and_then(|r| r.clock).unwrap_or(clock), clock);
        prop_assert_eq!(carried.map(|r| r.target), own);
    }
}
