//! Redirects that lead nowhere, round and round, or out of HTTP.

use super::{As, Case, Trial};
use crate::support::{Ask, Reply};

/// Where a redirect leads, and how its chain ends.
const NEVER: [&str; 25] = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file://localhost/etc/passwd",
    "file:/etc/passwd",
    "file:passwd",
    "data:video/mp2t,hello",
    "data:;base64,aGVsbG8=",
    "ftp://127.0.0.1/x",
    "ftps://127.0.0.1/x",
    "javascript:alert(1)",
    "concat:/etc/passwd|/etc/hosts",
    "crypto:/etc/passwd",
    "gopher://127.0.0.1/x",
    "smb://127.0.0.1/x",
    "ws://127.0.0.1/x",
    "wss://127.0.0.1/x",
    "skd://key",
    "blob:http://127.0.0.1/x",
    "about:blank",
    "mailto:me@example.com",
    "unix:/run/docker.sock:/x",
    "view-source:http://127.0.0.1/",
    "jar:http://127.0.0.1/x!/y",
    "http://",
    "http://[::1",
];

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = (0..)
        .zip(NEVER)
        .map(|(n, to)| {
            let status = [301, 302, 303, 307, 308][n % 5];
            let row = (i64::from(status), "scheme");
            Case::new(&format!("to-{n}"), row, Reply::redirect(status, to))
        })
        .collect();
    let hops = |name: &str, row, from: usize| {
        Case::scripted(name, row, move |ask: &Ask| {
            // The query counts down.
            let (path, left) = ask.target.split_once('?').unwrap_or((&ask.target, ""));
            match left.parse().unwrap_or(from) {
                0 => Reply::segment("hello"),
                left => Reply::redirect(302, &format!("{path}?{}", left - 1)),
            }
        })
    };
    cases.extend([
        Case::scripted("to itself", (301, "redirects"), |ask| {
            Reply::redirect(301, &ask.target)
        }),
        Case::new("to nothing", (302, "redirects"), Reply::redirect(302, "")),
        Case::new(
            "to a fragment",
            (302, "redirects"),
            Reply::redirect(302, "#x"),
        ),
        Case::scripted("ever on", (302, "redirects"), |ask| {
            let path = ask.target.split('?').next().unwrap_or_default();
            Reply::redirect(
                302,
                &format!(
                    "{path}?{}",
                    ask.target.len() + ask.nth + ask.target.matches('1').count() * 7
                ),
            )
        }),
        Case::scripted("ever longer", (302, "redirects"), |ask| {
            Reply::redirect(
                302,
                &format!(
                    "{}{}",
                    ask.target,
                    if ask.target.contains('?') { "x" } else { "?" }
                ),
            )
        }),
        hops("ten hops", (200, "complete"), 10).keeping("hello"),
        hops("eleven hops", (302, "redirects"), 11),
        Case::new("no location", (302, "complete"), Reply::html(302)),
        Case::new(
            "300",
            (300, "complete"),
            Reply::html(300).with("Location", "/elsewhere"),
        ),
        Case::new(
            "305",
            (305, "complete"),
            Reply::html(305).with("Location", "http://127.0.0.1:1/"),
        ),
        Case::new(
            "201",
            (201, "complete"),
            Reply::html(201).with("Location", "/elsewhere"),
        ),
        Case::new(
            "refresh",
            (200, "complete"),
            Reply::segment("hello").with("Refresh", "0; url=file:///etc/passwd"),
        )
        .keeping("hello"),
        Case::new(
            "alternative",
            (200, "complete"),
            Reply::segment("hello").with("Alt-Svc", "h2=\"127.0.0.1:1\""),
        )
        .keeping("hello"),
        Case::scripted("up and up", (200, "complete"), |ask| match ask.path() {
            "/case/up-and-up" if ask.target.contains('?') => Reply::segment("hello"),
            _ => Reply::redirect(302, "/../../../../case/./up-and-up?"),
        }),
    ]);
    cases
}

#[test]
fn redirects_of_segments_stay_in_http_and_end() {
    Trial::new(As::Segment, cases()).run();
}

#[test]
fn redirects_of_keys_stay_in_http_and_end() {
    Trial::new(As::Key, cases()).run();
}

#[test]
fn redirects_of_playlists_stay_in_http_and_end() {
    let mut cases = cases();
    for case in cases
        .iter_mut()
        .filter(|case| matches!(case.row, (200 | 201, "complete")))
    {
        case.row.1 = "not a playlist";
    }
    Trial::new(As::Playlist, cases).run();
}
