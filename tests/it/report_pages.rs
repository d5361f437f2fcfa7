//! `isreport --format html`: one file to mail, which asks nothing of a network, and in which nothing that an origin says is markup.

use std::collections::HashSet;
use std::process::Command;

use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/demo");

fn page(session: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_isreport"));
    let output = program
        .args(["--format", "html", session])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Values of an attribute.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let parts = page.split(begin.as_str()).skip(1);
    parts.map(|part| part.split('"').next().unwrap()).collect()
}

/// The clock times that the charts of a page name.
fn times_of(page: &str) -> Vec<String> {
    let texts = page.split("<text ").skip(1);
    let texts = texts.filter_map(|rest| rest.split('>').nth(1)?.split('<').next());
    let times = texts
        .map(str::trim)
        .filter(|text| text.matches(':').count() == 2);
    times.map(str::to_owned).collect()
}

#[test]
fn charts_show_the_span_that_was_chosen() {
    let page = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_isreport"))
            .args(arguments)
            .args(["--format", "html"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/demo"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let all = page(&[]);
    let times = times_of(&all);
    assert!(times.iter().any(|time| time == "0:00:00"), "{times:?}");
    assert!(all.contains("was 8.5 s. Gaps are red."), "the freeze");
    let part = page(&["--from", "50", "--to", "1m"]);
    let times = times_of(&part);
    assert!(!times.is_empty());
    for time in &times {
        assert!(("0:00:50".."0:01:01").contains(&time.as_str()), "{times:?}");
    }
    assert!(
        !part.contains("was 8.5 s. Gaps are red."),
        "the freeze was before"
    );
    assert!(part.contains(" on average (of the whole session), "));
}

#[test]
fn the_demo_is_a_page_with_its_freeze_in_words_in_the_picture_and_in_the_text() {
    let page = page(DEMO);
    for told in [
        "must fix 1, ",
        "No advance for 8.500 s",
        "isreplayer",
        "256x144",
        "AES-128",
        "would have stalled 1 time",
        "max-age=1",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let ids: HashSet<&str> = values(&page, "id").into_iter().collect();
    assert_eq!(ids.len(), values(&page, "id").len(), "each id stands once");
    let links = values(&page, "href");
    let inner: Vec<&str> = links
        .iter()
        .filter_map(|link| link.strip_prefix('#'))
        .collect();
    assert!(inner.len() >= 10, "{inner:?}");
    for link in &inner {
        assert!(ids.contains(link), "nothing is at #{link}");
    }
    // From a finding into the picture, and back.
    let mark = inner
        .iter()
        .find(|link| link.contains("-advances-f0"))
        .unwrap();
    assert!(ids.contains(mark) && inner.contains(&"f0"));
}

#[test]
fn nothing_is_asked_of_a_network_and_no_script_is_needed() {
    let page = page(DEMO);
    for part in ["<script", " src=", "<link", "@import", "url(", " onload"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'"));
    for link in values(&page, "href") {
        let is_read = link.starts_with("https://datatracker.ietf.org/")
            || link.starts_with("https://developer.apple.com/");
        assert!(link.starts_with('#') || is_read, "{link}");
    }
}

/// A market: its signs are written by somebody who thinks that a report is a browser.
fn market(ask: &Ask) -> Reply {
    match ask.path() {
        "/market.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"<script>alert(1)</script>\",URI=\"sound.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"<img src=x onerror=alert(2)>\",AUDIO=\"a\"\nfruit.m3u8\n",
        )
        .with("Cache-Control", "<script>alert(3)</script>"),
        "/fruit.m3u8" | "/sound.m3u8" => {
            let text = Window::new(1, 3).ended_if(true).text();
            let text = text.replacen("#EXTINF", "#EXT-X-KEY:METHOD=<script>alert(4)</script>\n#EXTINF", 1);
            Reply::playlist(text).with("Server", "\"><script>alert(5)</script>")
        }
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn what_an_origin_says_is_text_and_never_markup() {
    let origin = Origin::new(market);
    let session = Recorder::new(origin.url("/market.m3u8")).run().session();
    let page = page(session.path().to_str().unwrap());
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "{page}"
    );
    for told in 1..=5 {
        assert!(page.contains(&format!("alert({told})")), "{told}");
    }
}

#[test]
fn the_line_that_is_meant_is_marked_in_the_text() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/pier.m3u8" => {
            let text = Window::new(7, 4).ended_if(true).text();
            let extinf = text
                .lines()
                .find(|line| line.starts_with("#EXTINF"))
                .unwrap();
            Reply::playlist(text.replacen(extinf, "#EXTINF:9,", 2))
        }
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/pier.m3u8")).run().session();
    let page = page(session.path().to_str().unwrap());
    let marked = page.split("<mark>").nth(1).unwrap();
    assert!(marked.starts_with(char::is_whitespace), "{marked}");
    assert!(page.contains("EXTINF:9"), "{page}");
}
