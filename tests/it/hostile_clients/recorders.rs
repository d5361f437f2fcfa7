//! The same requests to a recorder that shows what it records.

use std::net::TcpStream;
use std::time::Duration;

use super::cases::families;
use crate::beside::address;
use crate::support::replayed::{converse, get};
use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

/// Of a replayer's own session.
const OF_PATHS: [&str; 3] = ["targets", "paths", "numbers"];

#[test]
fn a_recorder_that_serves_gives_each_hostile_request_its_answer_and_records_on() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--serve", "0", "--bind", "127.0.0.1"])
        .start();
    let address = address(&mut recording);
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    let connect = || {
        let client = TcpStream::connect(&address).unwrap();
        let patience = Some(Duration::from_secs(60));
        client.set_read_timeout(patience).unwrap();
        client
    };
    let asked = origin.count("/live.m3u8");
    let mut wrong = String::new();
    for (family, cases) in families() {
        // Each third of them: all of them are a replayer's matter.
        for case in cases.iter().step_by(3) {
            if OF_PATHS.contains(&family) {
                continue;
            }
            let answer = converse(&mut connect(), &case.bytes, !case.ends);
            if !case.statuses.contains(&answer.status) || (case.ends && !answer.ended) {
                let start = case.bytes[..case.bytes.len().min(120)].escape_ascii();
                wrong += &format!("{family}: {start}: {}\n", answer.head);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for path in [
        "/../session.db",
        "/session.db",
        "/chunks/seg0.ts",
        "/http/127.0.0.1:1/../session.db",
        "/%2e%2e/session.db",
        "/exchange/0/x",
        "/exchange/99999999999999999999/x",
        "/http/169.254.169.254:80/latest/meta-data",
        "/file/etc/passwd",
        "/stream.m3u8/",
        "/none/dvr.m3u8",
        "/@1~/stream.m3u8",
        "/stream.m3u8?offset=-1e309",
    ] {
        let answer = converse(&mut connect(), &get(path), true);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.head
        );
    }
    recording.until("polls go on", || origin.count("/live.m3u8") > asked + 5);
    let foreign = origin.asks().into_iter().find(|ask| {
        let own = ["/live.m3u8", "/seg"];
        !own.iter().any(|path| ask.path().starts_with(path))
    });
    assert!(foreign.is_none(), "{foreign:?}");
    let finished = recording.interrupt();
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    let session = finished.session();
    let lost = "SELECT count(*) FROM exchange WHERE outcome NOT IN ('complete', 'aborted') OR status <> 200";
    assert_eq!(session.number(lost), 0);
}
