//! Content steering: what the steering server said, when, and to whom.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::replay::Replayer;
use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

fn main(server: &str) -> Reply {
    let stream = |pathway: &str, rate: u32| {
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={rate},PATHWAY-ID=\"{pathway}\"\n{pathway}/live.m3u8\n"
        )
    };
    Reply::playlist(format!(
        "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"{server}\",PATHWAY-ID=\"north\"\n{}{}",
        stream("north", 700_000),
        stream("south", 900_000)
    ))
}

fn says(manifest: &Value) -> Reply {
    Reply::new(200, "application/json", manifest.to_string())
}

fn rest(ask: &Ask) -> Reply {
    match ask.path().ends_with(".m3u8") {
        true => Reply::playlist(Window::new(ask.nth as u64 / 3, 3).text()),
        false => Reply::segment(ts(ask.path())),
    }
}

fn asked(origin: &Origin, below: &str) -> Vec<String> {
    let asks = origin.asks().into_iter();
    let asks = asks.filter(|ask| ask.path().starts_with(below));
    asks.map(|ask| ask.target).collect()
}

fn replayed(session: &Session, origin: &Origin, target: &str, at: &str) -> String {
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "-o", at, "session1"]);
    replayer.get(&format!("/http/127.0.0.1:{}{target}", origin.port()))
}

#[test]
fn the_server_is_asked_by_its_ttl_where_it_says_and_by_the_pathway_that_it_chose() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/main.m3u8", _) => main("/steer?event=4"),
        ("/steer", _) => says(
            &json!({"VERSION": 1, "TTL": 1, "RELOAD-URI": "session/12?k=a%2Fb",
            "PATHWAY-PRIORITY": ["west", "south", "north"]}),
        ),
        ("/session/12", _) => {
            says(&json!({"VERSION": 1, "TTL": 100, "PATHWAY-PRIORITY": ["north"]}))
        }
        _ => rest(ask),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("the second manifest", || {
        !asked(&origin, "/session/").is_empty()
    });
    let polls = origin.count("/north/live.m3u8");
    recording.until("polls afterwards", || {
        origin.count("/north/live.m3u8") >= polls + 12
    });
    let session = recording.interrupt().session();
    assert_eq!(
        asked(&origin, "/steer"),
        ["/steer?event=4&_HLS_pathway=north&_HLS_throughput=900000"]
    );
    assert_eq!(
        asked(&origin, "/session/"),
        ["/session/12?k=a%2Fb&_HLS_pathway=south&_HLS_throughput=900000"],
        "its TTL is not over"
    );
    let kept = "SELECT url FROM resource WHERE kind = 'steering' ORDER BY id";
    assert_eq!(
        session.list::<String>(kept),
        [
            origin.url("/steer?event=4"),
            origin.url("/session/12?k=a%2Fb")
        ]
    );
    let after = "SELECT max(requested_us) - min(requested_us) FROM exchange e
        JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'steering'";
    assert!(session.number(after) >= 1_000_000, "no sooner than it said");

    let served = replayed(
        &session,
        &origin,
        "/steer?event=4&_HLS_pathway=%22south%22&_HLS_throughput=1",
        "0",
    );
    assert!(
        served.starts_with("HTTP/1.1 200") && served.contains("\"west\""),
        "{served}"
    );
    let reload = replayed(
        &session,
        &origin,
        "/session/12?_HLS_throughput=5&k=a%2Fb",
        "0",
    );
    assert!(reload.starts_with("HTTP/1.1 200"), "{reload}");
}

#[test]
fn each_version_is_the_answer_in_its_own_time_and_leads_nowhere_else() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => main(&format!("/steer?token={}", ask.nth)),
        // The values that players add never repeat: each is the same server, asked again.
        "/steer" if ask.target.contains("pathway=north") => says(&json!({"TTL": 1,
            "RELOAD-URI": format!("http://{}/steer?token=0", ask.header("host").unwrap()),
            "PATHWAY-PRIORITY": ["copy"],
            "PATHWAY-CLONES": [{"BASE-ID": "north", "ID": "copy", "URI-REPLACEMENT": {"HOST": "copy.invalid",
                "PARAMS": {"p": "1"}, "PER-VARIANT-URIS": {"v": "https://copy.invalid/v.m3u8"}}}]})),
        "/steer" => says(&json!({"TTL": 1, "PATHWAY-PRIORITY": ["north"], "n": "second"})),
        _ => rest(ask),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("three manifests", || asked(&origin, "/steer").len() >= 3);
    recording.until_at_least(
        3,
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'steering'",
    );
    let session = recording.interrupt().session();
    assert_eq!(
        session.number("SELECT count(*) FROM resource WHERE kind = 'steering'"),
        1
    );
    let url = origin.url("/steer?token=0");
    let times: Vec<i64> = session.list(
        "SELECT e.from_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'steering' ORDER BY e.id",
    );
    let said = |at_us: i64| String::from_utf8(session.answer(&url, at_us).unwrap()).unwrap();
    assert!(said(times[0]).contains("copy.invalid") && said(times[1] - 1).contains("copy.invalid"));
    assert!(said(times[1]).contains("second") && said(times[2] - 1).contains("second"));

    for token in [0, 3, 999] {
        let target = format!("/steer?token={token}&_HLS_pathway=x&_HLS_throughput=77");
        let served = replayed(&session, &origin, &target, "0");
        assert!(served.starts_with("HTTP/1.1 200"), "{token}: {served}");
        let body = served.split("\r\n\r\n").nth(1).unwrap();
        assert!(
            !body.contains("invalid") && !body.contains("http://"),
            "{body}"
        );
        let manifest: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            manifest["PATHWAY-CLONES"][0]["URI-REPLACEMENT"]["PARAMS"]["p"],
            "1"
        );
    }
}

#[test]
fn a_server_that_fails_is_left_alone_and_one_that_is_gone_for_good() {
    let origin = Origin::new(|ask| match ask.path() {
        // Each revision names another server.
        "/main.m3u8" => main(&format!("/steer{}", ask.nth)),
        "/steer0" => Reply::html(410),
        "/steer1" => Reply::new(200, "application/json", "[[[[{{{{\"TTL\":0.001"),
        path if path.starts_with("/steer") => Reply::html(500),
        _ => rest(ask),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("many revisions", || origin.count("/main.m3u8") >= 12);
    let session = recording.interrupt().session();
    let asked = asked(&origin, "/steer");
    let servers: BTreeSet<&str> = asked.iter().map(|a| a.split('?').next().unwrap()).collect();
    assert_eq!(servers.len(), asked.len(), "each is asked once: {asked:?}");
    let began = session.zero_us();
    let most = 1 + (session.end_us() - began) / 10_000_000;
    assert!(asked.len() as i64 <= most + 1, "{asked:?}");
}
