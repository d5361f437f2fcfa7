//! Clients that ask for much and read nothing.

use super::*;

/// A playlist of some 200 KB that leads away with each line, and takes a variable from its query if that is asked.
async fn long_list(first: &str) -> Recording {
    let recording = Recording::start().await;
    let lines =
        (0..4_000).map(|n| format!("#EXTINF:4,\nhttps://cdn.example/far/away/segment{n}.ts\n"));
    let playlist = format!("#EXTM3U\n{first}{}", lines.collect::<String>());
    recording.text(Kind::Main, MAIN, 0, &playlist, &[]).await;
    recording.chunk(SEGMENT, 0, b"0123456789").await;
    recording.finish().await;
    recording
}

fn used(replay: &Replay) -> usize {
    replay.bodies().budget.used()
}

#[tokio::test]
async fn a_text_is_made_once_for_all_clocks_and_for_queries_that_mean_nothing() {
    let recording = long_list("").await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    let first = get(&replay, &path(MAIN), &[]).await;
    let once = used(&replay);
    assert!(once > 200_000, "{once}");
    let mut unread = Vec::new();
    for n in 0..30 {
        let clock = recording.zero_us / 1000 - n;
        unread.push(get(&replay, &format!("/@{clock}{}", path(MAIN)), &[]).await);
    }
    assert_eq!(used(&replay), once);
    for n in 0..30 {
        unread.push(get(&replay, &format!("{}?n={n}", path(MAIN)), &[]).await);
    }
    assert_eq!(
        used(&replay),
        2 * once,
        "an empty reference would tell those two apart"
    );
    let wanted = text(first).await;
    for response in unread {
        assert_eq!(text(response).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn texts_that_differ_for_each_client_wait_for_memory_and_others_do_not() {
    const MOST: usize = 3_000_000;
    let recording = long_list("#EXT-X-DEFINE:QUERYPARAM=\"n\"\n").await;
    let options = Options::default();
    let mut replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
    replay.limit_memory(MOST);
    let replay = Arc::new(replay);
    let asked = |n: usize| format!("{}?n={n}", path(MAIN));
    let mut unread = Vec::new();
    let refused = loop {
        assert!(unread.len() < 100);
        let response = get(&replay, &asked(unread.len()), &[]).await;
        assert!(used(&replay) <= MOST);
        match response.status() {
            StatusCode::OK => unread.push(response),
            _ => break response,
        }
    };
    assert_eq!(
        (refused.status().as_u16(), field(&refused, "retry-after")),
        (503, "1")
    );
    let segment = get(&replay, &path(SEGMENT), &[]).await;
    assert_eq!(text(segment).await, "0123456789");

    let waiting = unread.len();
    let asking = {
        let (replay, path) = (Arc::clone(&replay), asked(waiting));
        tokio::spawn(async move { get(&replay, &path, &[]).await.status() })
    };
    drop(unread);
    assert_eq!(asking.await.unwrap(), StatusCode::OK);
}
