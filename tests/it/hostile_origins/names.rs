//! Names that would get out of a folder, or steer a terminal.

use std::os::unix::fs::PermissionsExt;

use unicode_normalization::UnicodeNormalization;

use super::{As, Case, Trial};
use crate::support::{Ask, Origin, Recorder, Reply};

/// Paths as they are written in a playlist.
fn paths() -> Vec<String> {
    let written = [
        "../../../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/x.ts",
        "..\\..\\x.ts",
        "..%5c..%5cx.ts",
        "/etc/passwd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "....//....//x.ts",
        ".",
        "..",
        "...",
        "%2e",
        "a/../../x.ts",
        "a/./b/./x.ts",
        "a//b///x.ts",
        "dir/",
        "dir",
        "dir/x.ts",
        ".tmp/1",
        ".hidden",
        "~root/x",
        "~",
        "-rf",
        "--help",
        "C:/windows/x.ts",
        "C%3a%5cwindows%5cx.ts",
        "CON",
        "con.ts",
        "NUL",
        "nul.tar.gz",
        "COM1",
        "lpt9.ts",
        "aux",
        "PRN.x",
        "CLOCK$",
        "x.desktop",
        "autorun.inf",
        "desktop.ini",
        "x.lnk",
        "x.ts.",
        "x.ts ",
        "%20x.ts",
        " %20 ",
        "x.ts::$DATA",
        "x%3ay.ts",
        "a%3cb%3ec.ts",
        "a%7cb.ts",
        "a%22b.ts",
        "a%2ab%3f.ts",
        "nul%00byte.ts",
        "%00",
        "new%0aline.ts",
        "%0d%0aforged",
        "esc%1b[2J.ts",
        "bell%07.ts",
        "c1%c2%9b31m.ts",
        "rtl%e2%80%aegpj.ts",
        "%ff%fe.ts",
        "%c0%ae%c0%ae/x.ts",
        "%ed%a0%80.ts",
        "%",
        "%zz",
        "%e2%82.ts",
        "Case.ts",
        "case.ts",
        "CASE.TS",
        "e%cc%81.ts",
        "%c3%a9.ts",
        "%C3%89.ts",
        "%e2%84%aa.ts",
        "k.ts",
        "%ef%ac%81.ts",
        "fi.ts",
        "stra%c3%9fe.ts",
        "strasse.ts",
        "session.db",
        "../session.db",
        "chunks",
        "seg~2.ts",
        "x.ts~2",
        "q.ts?a=../../x",
        "q.ts?a=/etc",
        "f.ts#../../x",
    ];
    let mut paths: Vec<String> = written.iter().map(|path| format!("/n/{path}")).collect();
    paths.extend([
        format!("/n/{}.ts", "x".repeat(300)),
        format!("/n/{}", "%c3%a9".repeat(300)),
        format!("/n/{}x.ts", "d/".repeat(300)),
        format!("/n/{}x.ts", "../".repeat(300)),
        format!("/n/{}", format!("{}/", "y".repeat(200)).repeat(20)),
        format!("/n/x.{}", "e".repeat(300)),
    ]);
    paths
}

#[test]
fn chunks_of_any_name_are_inside_their_folder_and_found_again() {
    let listing: String = paths()
        .iter()
        .map(|path| format!("#EXTINF:1,\n{path}\n"))
        .collect();
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n{listing}#EXT-X-ENDLIST\n"
        )),
        _ => Reply::segment(ask.target.clone()),
    });
    let finished = Recorder::new(origin.url("/live.m3u8")).args(["-vvv"]).run();
    let said = format!("{}{}", finished.stdout, finished.stderr);
    let steers = said
        .chars()
        .find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(steers, None);
    let session = finished.session();
    super::stays_inside(&session);
    let mut urls: Vec<String> = session.list("SELECT url FROM resource WHERE kind = 'segment'");
    urls.sort();
    assert!(urls.len() > 75, "{}", urls.len());
    for url in &urls {
        let target = url.strip_prefix(&origin.url("")).unwrap();
        let kept = session.answer(url, i64::MAX).unwrap();
        assert_eq!(String::from_utf8(kept).unwrap(), target);
    }
    for (path, _) in session.chunk_files() {
        let parts: Vec<&str> = path.split('/').collect();
        assert!(
            parts
                .iter()
                .all(|part| part.len() <= 255 && !part.starts_with('.')),
            "{path}"
        );
        assert!(
            path.len() <= 1024 && !path.chars().any(char::is_control),
            "{path}"
        );
        let mode = std::fs::metadata(session.path().join("chunks").join(&path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0, "{path} can be executed");
    }
    let folded = |path: &String| path.to_lowercase().nfkc().collect::<String>();
    let mut names: Vec<String> = session
        .chunk_files()
        .iter()
        .map(|(path, _)| folded(path))
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(
        names.len(),
        count,
        "two files differ in case or composition only"
    );
}

#[test]
fn a_session_is_its_owners_alone() {
    let origin = Origin::new(|_: &Ask| Reply::playlist("#EXTM3U\n#EXT-X-ENDLIST\n"));
    let finished = Recorder::new(origin.url("/vod.m3u8")).run();
    let path = finished.folder().join("sessions/session1");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&path), mode(&path.join("session.db"))),
        (0o700, 0o600)
    );
}

#[test]
fn nothing_that_an_origin_says_steers_a_terminal() {
    let evil = "\x1b]0;owned\x07\x1b[2J\u{9b}31m";
    let name = |n: usize| format!("name {n}");
    let reason = |status: &str| Reply {
        body: format!("HTTP/1.1 {status} {evil}\r\nContent-Length: 0\r\nX-A: {evil}\r\n\r\n")
            .into_bytes(),
        ..Reply::nothing(crate::support::End::Raw)
    };
    let cases = vec![
        Case::new(&name(0), (0, "protocol"), reason("404")),
        Case::new(
            &name(1),
            (200, "not a playlist"),
            Reply::redirect(302, "evil\u{9b}:x")
                .with("X", evil)
                .with("Location", "file:///"),
        ),
        Case::new(&name(2), (200, "not a playlist"), Reply::segment(evil)),
        Case::new(
            &name(3),
            (200, "not a playlist"),
            Reply::segment("x").with("Content-Encoding", evil),
        ),
    ];
    let (session, _origin) = Trial::new(As::Playlist, cases).with(&["-vvv"]).run();
    drop(session);
}
