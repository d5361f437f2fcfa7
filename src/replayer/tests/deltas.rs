//! What a player has of a playlist it need not be given again.

use super::*;
use crate::session::{ExchangeId, NewRevision};

/// Segments 0 to `end`, of two seconds each, and the date ranges with these numbers.
fn playlist(first: u64, end: u64, dates: &[u64]) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,\
         CAN-SKIP-DATERANGES=YES\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-MAP:URI=\"https://cdn.example/i.mp4\"\n"
    );
    for n in first..end {
        text += &format!("#EXTINF:2,\nhttps://cdn.example/s{n}.mp4\n");
    }
    for n in dates {
        text += &format!("#EXT-X-DATERANGE:ID=\"d{n}\",START-DATE=\"2026-11-30T00:00:00Z\"\n");
    }
    text
}

async fn revise(recording: &Recording, from_ms: i64, text: &str, last: i64) -> ExchangeId {
    let mut exchange = recording.exchange(Kind::Media, MEDIA, from_ms);
    exchange.body = bytes(text);
    exchange.headers = Some(headers(&[("etag", "\"whole\"")]));
    exchange.revision = Some(NewRevision {
        last_sequence: Some(last),
        can_block: Some(true),
        target_duration_us: Some(2_000_000),
        ..NewRevision::default()
    });
    recording.add(exchange).await
}

/// A playlist that has one segment more every two seconds, and date ranges that come and go.
async fn channel() -> Recording {
    let recording = Recording::start().await;
    for n in 0..12_u64 {
        let dates: &[u64] = match n {
            0..2 => &[1, 2],
            2..11 => &[2, 3],
            _ => &[2, 3, 4],
        };
        let text = playlist(n, 10 + n, dates);
        revise(&recording, 2000 * n as i64, &text, 9 + n as i64).await;
    }
    recording.finish().await;
    recording
}

/// On a clock on which it is that many milliseconds of session time now, and stays so for a while.
fn asked(recording: &Recording, replay: &Replay, now_ms: i64, query: &str) -> String {
    let now_us = replay.receive(request(Method::GET, "/", &[])).now_us;
    assert!(now_us > recording.zero_us);
    format!("/@{}{}{query}", now_us / 1000 - now_ms, path(MEDIA))
}

#[tokio::test]
async fn old_segments_are_left_out_for_who_says_so_and_all_else_is_as_in_the_whole() {
    let recording = channel().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let get = async |query: &str| {
        let asked = asked(&recording, &replay, 500, query);
        super::get(&replay, &asked, &[]).await
    };
    let whole = text(get("").await).await;
    let delta = get("?_HLS_skip=YES").await;
    assert_ne!(field(&delta, "etag"), "\"whole\"");
    let delta = text(delta).await;
    let at = whole.find("#EXTINF").unwrap();
    let wanted = format!(
        "{}#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n{}",
        &whole[..at],
        &whole[whole.match_indices("#EXTINF").nth(3).unwrap().0..]
    );
    assert_eq!(delta, wanted);
    for other in [
        "?_HLS_skip=NO",
        "?_HLS_skip=yes",
        "?_HLS_skip=",
        "?_HLS_skip=v3",
        "?HLS_skip=YES",
    ] {
        assert_eq!(text(get(other).await).await, whole, "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_segment_gets_the_delta_of_the_text_that_has_it() {
    let recording = channel().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let asked = asked(&recording, &replay, 500, "?_HLS_msn=11&_HLS_skip=YES");
    let response = get(&replay, &asked, &[]).await;
    assert_eq!(field(&response, "x-isrecorder-session-time"), "4.000");
    let delta = text(response).await;
    assert!(
        delta.contains("#EXT-X-MEDIA-SEQUENCE:2\n")
            && delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n"),
        "{delta}"
    );
    assert!(
        delta.contains("/s11.mp4\n") && !delta.contains("/s4.mp4\n"),
        "{delta}"
    );
}

#[tokio::test]
async fn old_date_ranges_are_left_out_as_well_and_those_that_went_are_named() {
    let recording = channel().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let get = async |now_ms: i64| {
        let asked = asked(&recording, &replay, now_ms, "?_HLS_skip=v2");
        text(super::get(&replay, &asked, &[]).await).await
    };
    let ids = |text: &str| -> Vec<String> {
        let named = text
            .match_indices("#EXT-X-DATERANGE:ID=\"d")
            .map(|(at, tag)| text[at + tag.len()..][..1].to_owned());
        named.collect()
    };
    // Nothing is known from before the recording: all may be new.
    let early = get(4_100).await;
    assert!(
        early.contains("RECENTLY-REMOVED-DATERANGES=\"d1\"\n"),
        "{early}"
    );
    assert_eq!(ids(&early), ["2", "3"]);
    // 12 s after it went nobody needs to be told, and what has been there for so long is known.
    let late = get(22_100).await;
    assert!(
        late.contains("RECENTLY-REMOVED-DATERANGES=\"\"\n"),
        "{late}"
    );
    assert_eq!(ids(&late), ["4"]);
}

#[tokio::test]
async fn an_end_that_is_laid_on_a_replay_comes_with_the_whole_text() {
    let recording = channel().await;
    let replay = replay(&recording, 0, AtEnd::Endlist);
    let asked = asked(&recording, &replay, 3_600_000, "?_HLS_skip=YES");
    let ended = text(get(&replay, &asked, &[]).await).await;
    assert!(
        ended.ends_with("#EXT-X-ENDLIST\n") && !ended.contains("#EXT-X-SKIP"),
        "{ended}"
    );
}

#[tokio::test]
async fn deltas_take_their_share_of_the_memory_for_texts_and_one_is_made_for_all() {
    let recording = Recording::start().await;
    let long = playlist(0, 20_000, &[]);
    revise(&recording, 0, &long, 19_999).await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let ask = |zero: i64| {
        format!(
            "/@{}{}?_HLS_skip=YES&n={zero}",
            recording.zero_us / 1000 - zero,
            path(MEDIA)
        )
    };
    let one = get(&replay, &ask(0), &[]).await;
    assert!(text(one).await.len() < 1_000);
    let used = replay.bodies().budget.used();
    for n in 1..20 {
        let same = get(&replay, &ask(n), &[]).await;
        assert!(text(same).await.contains("SKIPPED-SEGMENTS=19993\n"));
    }
    assert_eq!(replay.bodies().budget.used(), used);
}
