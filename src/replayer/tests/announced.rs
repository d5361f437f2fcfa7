//! What a playlist announces is held; of a file that grows each part comes whole, at its moment.

use super::*;
use crate::session::{ExchangeId, NewRevision, ResourceKey};

const FILE: &str = "http://origin.example/live/v1/s1.mp4";

async fn announce(recording: &Recording, from_ms: i64, text: &str) -> ExchangeId {
    let mut exchange = recording.exchange(Kind::Media, MEDIA, from_ms);
    exchange.body = bytes(text);
    exchange.revision = Some(NewRevision {
        part_target_us: Some(1_000_000),
        target_duration_us: Some(4_000_000),
        ..NewRevision::default()
    });
    recording.add(exchange).await
}

/// A part of a file, listed by a revision.
async fn part(recording: &Recording, by: ExchangeId, from_ms: i64, first: u64, content: &[u8]) {
    let range = ByteRange {
        first,
        length: content.len() as u64,
    };
    let mut exchange = recording.exchange(Kind::Part, FILE, from_ms);
    exchange.resource = ResourceKey {
        range: Some(range),
        ..recording.key(Kind::Part, FILE)
    };
    exchange.status = Some(206);
    exchange.body_first = Some(first);
    exchange.referrer_id = Some(by);
    exchange.body = recording.file(exchange.id, content);
    recording.add(exchange).await;
}

/// Three parts of a file, a second apart, of which each revision announces the next.
async fn growing() -> Recording {
    let recording = Recording::start().await;
    let mut list = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=1\n".to_owned();
    for (n, content) in ["", "one", "three", "seven!!"].iter().enumerate() {
        let first = ["", "one", "onethree", "onethreeseven!!"][n].len();
        if n > 0 {
            list += &format!(
                "#EXT-X-PART:DURATION=1,URI=\"s1.mp4\",BYTERANGE=\"{}@{}\"\n",
                content.len(),
                first - content.len()
            );
        }
        let hint =
            format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s1.mp4\",BYTERANGE-START={first}\n");
        let text = match n {
            3 => list.clone(),
            _ => format!("{list}{hint}"),
        };
        let by = announce(&recording, 1000 * n as i64, &text).await;
        if n > 0 {
            let begins = (first - content.len()) as u64;
            part(&recording, by, 1000 * n as i64, begins, content.as_bytes()).await;
        }
    }
    recording
}

fn asked(replay: &Replay, now_ms: i64, url: &str) -> String {
    let now_us = replay.receive(request(Method::GET, "/", &[])).now_us;
    format!("/@{}{}", now_us / 1000 - now_ms, path(url))
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_file_comes_part_by_part_at_the_moment_of_each() {
    let recording = growing().await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    comes_part_by_part(&replay).await;
}

/// On a clock that is behind what was recorded by now.
#[tokio::test(start_paused = true)]
async fn while_it_is_recorded_the_rest_comes_part_by_part_as_far_as_is_known() {
    let recording = growing().await;
    recording.writer.written().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    assert!(replay.span().recording);
    comes_part_by_part(&replay).await;
    recording.finish().await;
}

async fn comes_part_by_part(replay: &Arc<Replay>) {
    for (range, first) in [("bytes=0-", 0), ("bytes=3-9007199254740990", 3)] {
        let began = crate::clock::instant();
        let now_ms = if first == 0 { 500 } else { 1_500 };
        let asked = asked(replay, now_ms, FILE);
        let response = get(replay, &asked, &[("range", range)]).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(
            field(&response, "content-range"),
            format!("bytes {first}-14/*")
        );
        let mut body = response.into_body();
        let mut came = Vec::new();
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            let at_ms = now_ms + (crate::clock::instant() - began).as_millis() as i64;
            came.push((String::from_utf8(bytes.to_vec()).unwrap(), at_ms));
        }
        let wanted = [("one", 1_000), ("three", 2_000), ("seven!!", 3_000)];
        let wanted = wanted.iter().filter(|(_, at_ms)| *at_ms > now_ms);
        let texts: Vec<_> = wanted.clone().map(|(text, _)| *text).collect();
        assert_eq!(
            came.iter()
                .map(|(text, _)| text.as_str())
                .collect::<Vec<_>>(),
            texts
        );
        for ((_, at_ms), (_, wanted_ms)) in came.iter().zip(wanted) {
            // The clock of requests is the machine's, which goes on a little.
            assert!((wanted_ms - 5..wanted_ms + 200).contains(at_ms), "{came:?}");
        }
    }
}

#[tokio::test]
async fn what_nobody_announces_is_held_by_nobody() {
    let recording = growing().await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let asked = asked(&replay, 500, "http://origin.example/live/v1/s2.mp4");
    assert_eq!(
        get(&replay, &asked, &[("range", "bytes=0-")])
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
}

/// Whether it has been answered by now, everything else having had its turn.
async fn is_held<T>(answer: &tokio::task::JoinHandle<T>) -> bool {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    !answer.is_finished()
}

#[tokio::test]
async fn while_it_is_recorded_what_is_announced_is_given_once_the_recorder_has_it() {
    let recording = Recording::start().await;
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=1\n";
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"s1.mp4\",BYTERANGE-START=";
    announce(&recording, 0, &format!("{head}{hint}0\n")).await;
    recording.writer.written().await;
    let options = Options::default();
    let replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
    let replay = Arc::new(replay.live());
    let ask = |range: &'static str| {
        let replay = Arc::clone(&replay);
        tokio::spawn(async move { get(&replay, &path(FILE), &[("range", range)]).await })
    };
    let (first, second) = (ask("bytes=0-"), ask("bytes=0-9007199254740990"));
    assert!(is_held(&first).await && is_held(&second).await);
    let elsewhere = get(&replay, &path("http://origin.example/live/v1/s2.mp4"), &[]).await;
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
    let listed =
        format!("{head}#EXT-X-PART:DURATION=1,URI=\"s1.mp4\",BYTERANGE=\"3@0\"\n{hint}3\n");
    let by = announce(&recording, 1, &listed).await;
    part(&recording, by, 1, 0, b"one").await;
    recording.writer.written().await;
    for answer in [first, second] {
        let response = answer.await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(text(response).await, "one");
    }
    // The next one, whose file is known, is held as well; and what is taken back is not there.
    let third = ask("bytes=3-");
    assert!(is_held(&third).await);
    announce(&recording, 2, head).await;
    recording.writer.written().await;
    assert_eq!(third.await.unwrap().status(), StatusCode::NOT_FOUND);
    recording.finish().await;
}
