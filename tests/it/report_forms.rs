//! `isreport`: what several playlists have at once is one event, in whatever form it is told.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::session::Session;
use crate::support::{Origin, Recorder, Reply, Window, ts};

fn report(session: &Session, arguments: &[&str]) -> String {
    session.told_by(env!("CARGO_BIN_EXE_isreport"), arguments)
}

/// Two variants whose segments are longer than their target duration, each in one text.
fn too_long() -> Session {
    let variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nred.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nblue.m3u8\n";
    let origin = Origin::new(move |ask| match ask.path() {
        "/flag.m3u8" => Reply::playlist(variants),
        "/red.m3u8" | "/blue.m3u8" => {
            let text = Window::new(0, 3).ended().text();
            // So slow a channel that both are polled at once, however busy the machine is.
            let text = text.replace("TARGETDURATION:1\n", "TARGETDURATION:60\n");
            Reply::playlist(text.replace("EXTINF:1.0", "EXTINF:90.0"))
        }
        path => Reply::segment(ts(path)),
    });
    Recorder::new(origin.url("/flag.m3u8")).run().session()
}

#[test]
fn an_event_of_several_playlists_has_one_entry_in_each_form_and_names_them() {
    let session = too_long();
    let json = report(&session, &["--format", "json"]);
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<&Value> = lines
        .iter()
        .filter(|line| line["rule"].is_string())
        .collect();
    let events: BTreeSet<u64> = found
        .iter()
        .map(|line| line["event"].as_u64().unwrap())
        .collect();
    assert!(events.len() < found.len(), "some are of both: {json}");
    let summary = &lines.last().unwrap()["summary"];
    let counted = ["must", "should"].map(|severity| summary["events"][severity].as_u64().unwrap());
    assert_eq!(counted.iter().sum::<u64>(), events.len() as u64, "{json}");
    let of_red = found
        .iter()
        .find(|line| line["rule"] == "P06" && line["playlist"] == "red.m3u8");
    let event = &of_red.unwrap_or_else(|| panic!("{json}"))["event"];
    let of_event = found.iter().filter(|line| line["event"] == *event);
    let playlists: BTreeSet<&str> = of_event
        .map(|line| line["playlist"].as_str().unwrap())
        .collect();
    assert_eq!(playlists, BTreeSet::from(["blue.m3u8", "red.m3u8"]));

    for (form, entry) in [
        ("html", "<article "),
        ("junit", "<failure "),
        ("text", "  see it: "),
    ] {
        let told = report(&session, &["--format", form]);
        let entries: Vec<&str> = told.split(entry).skip(1).collect();
        assert_eq!(entries.len(), events.len(), "{form}: {told}");
    }
    let page = report(&session, &["--format", "html"]);
    let articles = page.split("<article ").skip(1);
    let of_rule: Vec<&str> = articles
        .filter(|article| article.contains("<h3>MUST P06 "))
        .map(|article| article.split("</article>").next().unwrap())
        .collect();
    let [article] = of_rule[..] else {
        panic!("{of_rule:#?}")
    };
    let xml = report(&session, &["--format", "junit", "--rules", "P06"]);
    assert_eq!(xml.matches("<failure ").count(), 1, "{xml}");
    for name in ["red.m3u8: ", "blue.m3u8: "] {
        assert!(article.contains(name), "{article}");
        assert!(xml.contains(name), "{xml}");
    }
    // Each is marked in the picture of its own playlist.
    assert_eq!(article.matches(">in the picture<").count(), 2, "{article}");
}
