//! What is held for pages of a session that is being recorded.

use std::sync::Mutex;

use serde_json::Value;

use crate::page::asked::asked;
use crate::page::index::Cells;
use crate::page::{Answer, Index, Judging, Known, View, answer};
use crate::replayer::testing::{Recording, bytes};
use crate::session::{Kind, NewRevision, Notice, NoticeEvent, Reader};

const LIST: &str = "http://origin.example/live/list.m3u8";

/// What is answered at a path below `/-/v1/`, in a session of ten seconds.
fn json(recording: &Recording, path: &str, query: &str) -> Value {
    let reader = Reader::open(&recording.folder).unwrap();
    let known = Known {
        session: "test".to_owned(),
        zero_us: recording.zero_us,
        end_us: recording.zero_us + 10_000_000,
        recording: false,
        kept_us: None,
        holes: Vec::new(),
        streams: reader.streams().unwrap(),
        paths: Vec::new(),
        has_hls_js: false,
    };
    let view = View {
        reader: &reader,
        known: &known,
        index: &Mutex::new(Index::default()),
        judging: &Judging::default(),
    };
    let asked = asked(&format!("v1/{path}"), query).unwrap();
    match answer(&view, &recording.folder, &asked).unwrap() {
        Answer::Json(text) => serde_json::from_slice(&text).unwrap(),
        Answer::Nothing => panic!("nothing at {path}"),
    }
}

/// A revision that lists segments from one number on, so many.
async fn revision(recording: &Recording, from_ms: i64, first: i64, count: i64) {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for n in first..first + count {
        text.push_str(&format!("#EXTINF:1,\ns{n}.ts\n"));
    }
    let mut exchange = recording.exchange(Kind::Media, LIST, from_ms);
    exchange.body = bytes(&text);
    exchange.revision = Some(NewRevision {
        advance: true,
        media_sequence: Some(first),
        segment_count: Some(count),
        last_sequence: Some(first + count - 1),
        target_duration_us: Some(1_000_000),
        ..NewRevision::default()
    });
    recording.writer.exchange(exchange).await;
}

#[tokio::test]
async fn of_a_very_long_window_its_end_is_seen() {
    let recording = Recording::start().await;
    revision(&recording, 1000, 0, 5000).await;
    revision(&recording, 2000, 1, 5000).await;
    recording.writer.written().await;
    let lanes = json(&recording, "lanes", "from=0&to=5");
    let lane = &lanes["lanes"][0];
    let numbers: Vec<u64> = lane["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(
        (numbers.first(), numbers.last()),
        (Some(&4000), Some(&5000))
    );
    assert_eq!(lane["segments_left_out"], 4000);
}

#[tokio::test]
async fn a_segment_that_came_in_the_end_says_so() {
    let recording = Recording::start().await;
    revision(&recording, 1000, 7, 2).await;
    for (n, (from_ms, status)) in [(1100, 404), (1600, 404), (2100, 200)]
        .into_iter()
        .enumerate()
    {
        let mut exchange =
            recording.exchange(Kind::Segment, "http://origin.example/live/s8.ts", from_ms);
        exchange.status = Some(status);
        exchange.receive_us = Some(n as i64);
        recording.writer.exchange(exchange).await;
    }
    recording.writer.written().await;
    let lanes = json(&recording, "lanes", "");
    let segment = &lanes["lanes"][0]["segments"][1];
    assert_eq!(
        (&segment["status"], &segment["fault"]),
        (&404.into(), &true.into()),
        "{segment}"
    );
    assert_eq!(segment["good"]["requested"], 2.1, "{segment}");
    assert_eq!(
        lanes["lanes"][0]["segments"][0].get("exchange"),
        None,
        "nobody asked for it"
    );
}

#[tokio::test]
async fn segments_of_a_playlist_with_another_url_are_found_there() {
    let recording = Recording::start().await;
    revision(&recording, 1000, 7, 2).await;
    // The same playlist, which is asked for by another URL from then on.
    let other = "http://origin.example/token2/list.m3u8";
    let mut poll = recording.exchange(Kind::Media, other, 2000);
    poll.polled = Some(recording.key(Kind::Media, LIST));
    poll.body = bytes(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:8\n#EXTINF:1,\ns8.ts\n#EXTINF:1,\ns9.ts\n",
    );
    poll.revision = Some(NewRevision {
        advance: true,
        media_sequence: Some(8),
        segment_count: Some(2),
        last_sequence: Some(9),
        target_duration_us: Some(1_000_000),
        ..NewRevision::default()
    });
    recording.writer.exchange(poll).await;
    let mut known_as = recording.exchange(Kind::Media, LIST, 2050);
    known_as.asked_as = Some(other.to_owned());
    recording.writer.exchange(known_as).await;
    let segment = recording.exchange(Kind::Segment, "http://origin.example/token2/s9.ts", 2100);
    let id = segment.id;
    recording.writer.exchange(segment).await;
    recording.writer.written().await;
    let lanes = json(&recording, "lanes", "");
    let lane = &lanes["lanes"][0];
    let polls = json(&recording, "exchanges", "filter=kind:media");
    let lanes_of_polls = polls["exchanges"].as_array().unwrap().iter();
    assert_eq!(lanes_of_polls.clone().count(), 3);
    for poll in lanes_of_polls {
        assert_eq!(poll["lane"], lane["id"], "{poll}");
    }
    assert_eq!(lane["segments"][2]["exchange"], id, "{lane}");
    assert_eq!(lane["marks"][0]["kind"], "url", "{lane}");
    assert_eq!(lane["marks"][0]["text"], other, "{lane}");
}

#[tokio::test]
async fn a_request_that_took_longer_than_others_is_counted_when_it_is_over() {
    let recording = Recording::start().await;
    let exchange = |url: &str, from_ms| recording.exchange(Kind::Segment, url, from_ms);
    let first = exchange("http://origin.example/1.ts", 100);
    let long = exchange("http://origin.example/2.ts", 200);
    let last = exchange("http://origin.example/3.ts", 300);
    let cells = Cells::new(recording.zero_us, recording.zero_us + 400_000, 4);
    let reader = Reader::open(&recording.folder).unwrap();
    let mut index = Index::default();
    let mut counted = || {
        index.go_on(&reader).unwrap();
        index.requests(cells, None)
    };
    recording.writer.exchange(first).await;
    recording.writer.exchange(last).await;
    recording.writer.written().await;
    assert_eq!(counted(), [0, 1, 0, 1]);
    recording.writer.exchange(long).await;
    recording.writer.written().await;
    assert_eq!(counted(), [0, 1, 1, 1]);
    assert_eq!(counted(), [0, 1, 1, 1]);
}

#[tokio::test]
async fn a_late_poll_is_told_of_its_own_playlist() {
    let recording = Recording::start().await;
    revision(&recording, 1000, 7, 2).await;
    let poll = recording.exchange(Kind::Media, "http://origin.example/live/other.m3u8", 3000);
    let id = poll.id;
    recording.writer.exchange(poll).await;
    let late = |detail: String| NoticeEvent {
        kind: Notice::Late,
        at_us: recording.zero_us + 1_500_000,
        length_us: Some(1_500_000),
        detail,
    };
    let sentences = [
        format!("poll {id}: 1.500 s behind its moment"),
        "poll 999: 1.500 s behind its moment".to_owned(),
    ];
    for sentence in &sentences {
        recording.writer.notice(late(sentence.clone())).await;
    }
    recording.writer.written().await;
    let session = json(&recording, "session", "");
    let notices = session["notices"].as_array().unwrap();
    assert_eq!(notices.len(), 2, "{session}");
    let exchanges = json(&recording, "exchanges", "filter=other.m3u8");
    let lane = &exchanges["exchanges"][0]["lane"];
    assert!(lane.is_string(), "{exchanges}");
    assert_eq!(
        (&notices[0]["kind"], &notices[0]["lane"], &notices[0]["at"]),
        (&"late".into(), lane, &1.5.into()),
    );
    assert!(notices[1]["lane"].is_null(), "its exchange is gone");
    assert_eq!(session["recorder"][0]["count"], 2);
}

/// A revision of one segment, number 7, or two, and of so many parts of the one that comes next.
async fn revision_of_parts(recording: &Recording, from_ms: i64, segments: i64, parts: i64) {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.1\n#EXT-X-MEDIA-SEQUENCE:7\n".to_owned();
    for n in 7..7 + segments {
        text.push_str(&format!("#EXTINF:1,\ns{n}.ts\n"));
    }
    for part in 0..parts {
        text.push_str(&format!(
            "#EXT-X-PART:DURATION=0.1,URI=\"p{}.{part}.ts\"\n",
            7 + segments
        ));
    }
    let mut exchange = recording.exchange(Kind::Media, LIST, from_ms);
    exchange.body = bytes(&text);
    exchange.revision = Some(NewRevision {
        advance: parts == 0,
        media_sequence: Some(7),
        segment_count: Some(segments),
        last_sequence: Some(6 + segments),
        next_parts: Some(parts),
        target_duration_us: Some(1_000_000),
        part_target_us: Some(100_000),
        ..NewRevision::default()
    });
    recording.writer.exchange(exchange).await;
}

#[tokio::test]
async fn parts_of_a_window_that_begins_with_the_session_are_listed_when_they_were_seen() {
    let recording = Recording::start().await;
    revision_of_parts(&recording, 1000, 1, 0).await;
    revision_of_parts(&recording, 1300, 1, 1).await;
    revision_of_parts(&recording, 1600, 1, 2).await;
    recording.writer.written().await;
    let lanes = json(&recording, "lanes", "");
    let parts = lanes["lanes"][0]["parts"].as_array().unwrap();
    let told: Vec<_> = parts
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["from"].as_f64().unwrap()))
        .collect();
    // A response begins a millisecond after its request.
    assert_eq!(told, [("p8.0.ts", 1.301), ("p8.1.ts", 1.601)]);
}

#[tokio::test]
async fn of_too_many_revisions_with_parts_segments_are_told_and_parts_are_not() {
    let recording = Recording::start().await;
    revision_of_parts(&recording, 1000, 1, 0).await;
    for n in 1..500 {
        revision_of_parts(&recording, 1000 + n * 5, 1, 1 + n % 2).await;
    }
    revision_of_parts(&recording, 4000, 2, 0).await;
    recording.writer.written().await;
    let told = |from: &str| {
        let lanes = json(&recording, "lanes", from);
        let lane = &lanes["lanes"][0];
        let segments = lane["segments"].as_array().map(|all| all.len());
        (segments, lane["parts"].is_null())
    };
    assert_eq!(told(""), (Some(2), true));
    // Nearer they are.
    assert_eq!(told("from=3.4&to=5"), (Some(2), false));
}
