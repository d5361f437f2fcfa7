//! What paths ask for that nobody recorded.

use super::{Case, ends, goes_on, path};
use crate::support::replayed::LIVE;

pub fn targets() -> Vec<Case> {
    let mut cases = vec![
        goes_on("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &[204]),
        goes_on(path("http://h/stream.m3u8"), &[200]),
        goes_on(path("HTTP://[::1]:9/stream.m3u8"), &[200]),
        goes_on(path("http://169.254.169.254/latest/meta-data/"), &[404]),
        goes_on(path("https://127.0.0.1:22/"), &[200]),
        goes_on(path("http://origin.example/live/seg1.ts"), &[404]),
        goes_on(path("ftp://h/stream.m3u8"), &[200]),
        goes_on(path("/stream.m3u8#a"), &[200]),
        goes_on(path("/#/../.."), &[200]),
    ];
    for target in [
        "*",
        "**",
        "stream.m3u8",
        "\\stream.m3u8",
        "?a",
        "#a",
        "h:443",
        "file:///etc/passwd",
        "data:text/html,x",
        "javascript:alert(1)",
        "http:/h/stream.m3u8",
        "http:",
        "http://",
        "http:///stream.m3u8",
        "http://a b/",
        "http://[::1/",
    ] {
        cases.push(ends(path(target), &[400]));
    }
    cases
}

/// Each names something outside of what was recorded, in one way or another.
const TRICKS: [&str; 40] = [
    "..",
    "../../etc/passwd",
    "../../../../../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "%25252e%25252e%25252fetc",
    "..\\..\\etc\\passwd",
    "..%5c..%5cetc%5cpasswd",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "%e0%80%ae%e0%80%ae/etc/passwd",
    "%f0%80%80%ae%f0%80%80%ae/etc/passwd",
    "%c1%9c..%c1%9cetc",
    "%uff0e%uff0e/etc/passwd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "..%00/etc/passwd",
    "..%0d%0aSet-Cookie:%20canary=1",
    "seg1.ts%00.html",
    "seg1.ts%00",
    "seg1.ts/..%2f..%2fsession.db",
    "seg1.ts%20",
    "seg1.ts.",
    "seg1.ts::$DATA",
    "SEG1.TS",
    "/etc/passwd",
    "//etc/passwd",
    "session.db",
    "session.db-wal",
    "chunks/",
    "chunks/live/seg1.ts",
    "chunks%2flive%2fseg1.ts",
    ".tmp/1",
    "%",
    "%zz",
    "%e2%80%aegnp.ts",
    "~root/",
    "*",
    "';DROP%20TABLE%20exchange;--",
];

pub fn paths() -> Vec<Case> {
    let prefixes = [
        "/",
        "/ch1/",
        "/exchange/",
        "/exchange/1/x/",
        "/@1/",
        "/ch1/dvr/",
    ];
    let live = format!("{LIVE}/");
    let file = "/file/h:80/".to_owned();
    let mut cases = Vec::new();
    for prefix in prefixes.into_iter().chain([&*live, &*file]) {
        for trick in TRICKS {
            cases.push(goes_on(path(&format!("{prefix}{trick}")), &[400, 404]));
        }
    }
    cases
}

pub fn numbers() -> Vec<Case> {
    let numbers = [
        "-1",
        "+1",
        "1.5",
        "1e5",
        "0x10",
        "9223372036854775807000",
        "18446744073709551616",
        "99999999999999999999999999999999999999",
        "%31%30",
        "\u{663}\u{664}",
        "1%20",
        "NaN",
        "inf",
        "",
    ];
    let mut cases = Vec::new();
    for number in numbers {
        cases.push(goes_on(path(&format!("/@{number}/stream.m3u8")), &[400]));
        cases.push(goes_on(path(&format!("/@5~{number}/stream.m3u8")), &[400]));
        cases.push(goes_on(path(&format!("/exchange/{number}/a")), &[404]));
        cases.push(goes_on(path(&format!("/ch1/dvr/{number}.m3u8")), &[404]));
        cases.push(goes_on(
            path(&format!("/http/origin.example:{number}/live/seg1.ts")),
            &[400, 404],
        ));
    }
    for number in ["0", "999999", "9223372036854775807", "9223372036854775808"] {
        cases.push(goes_on(path(&format!("/exchange/{number}/a")), &[404]));
        cases.push(goes_on(path(&format!("/ch1/dvr/{number}.m3u8")), &[404]));
    }
    for offset in [
        "-1",
        "-0.001",
        "NaN",
        "inf",
        "1e999",
        "",
        "%00",
        "99999999999999999999999999999s",
        "0x5",
        "1;2",
    ] {
        cases.push(goes_on(
            path(&format!("/stream.m3u8?offset={offset}")),
            &[400],
        ));
    }
    cases.push(goes_on(path("/@999999999999999/stream.m3u8"), &[404]));
    cases.push(goes_on(
        path("/@999999999999999~999999999999999/stream.m3u8"),
        &[404],
    ));
    cases
}
