//! `--faults none`: good answers in the place of faults.

use super::*;
use crate::session::{ExchangeId, NewExchange};

const LIST_1: &str = "#EXTM3U\n#EXTINF:4,\ns1.ts\n";
const LIST_2: &str = "#EXTM3U\n#EXTINF:4,\ns2.ts\n";

fn open_at(recording: &Recording, offset_ms: u64, faults: Faults) -> Arc<Replay> {
    let options = Options {
        offset: Duration::from_millis(offset_ms),
        faults,
        ..Options::default()
    };
    open(recording, options)
}

fn healed(recording: &Recording, offset_ms: u64) -> Arc<Replay> {
    open_at(recording, offset_ms, Faults::Healed)
}

/// An answer with a status and a text; of what `referrer` listed.
async fn answered(
    recording: &Recording,
    mut exchange: NewExchange,
    status: u16,
    text: &str,
    referrer: Option<ExchangeId>,
) -> ExchangeId {
    exchange.status = Some(status);
    exchange.body = match exchange.resource.kind.is_chunk() && status == 200 {
        true => recording.file(exchange.id, text.as_bytes()),
        false => bytes(text),
    };
    exchange.referrer_id = referrer;
    recording.add(exchange).await
}

async fn answer(replay: &Arc<Replay>, url: &str) -> (u16, String, String) {
    let reply = replay
        .respond(&replay.receive(request(Method::GET, &path(url), &[])))
        .await;
    let done = reply.done.join(", ");
    let response = reply.response.unwrap();
    (response.status().as_u16(), text(response).await, done)
}

#[tokio::test]
async fn a_playlist_skips_its_failed_polls() {
    let recording = Recording::start().await;
    recording.text(Kind::Media, MEDIA, 0, LIST_1, &[]).await;
    let failed = recording.exchange(Kind::Media, MEDIA, 4_000);
    answered(&recording, failed, 503, "busy", None).await;
    let mut page = recording.exchange(Kind::Media, MEDIA, 5_000);
    page.outcome = Outcome::NotAPlaylist;
    answered(&recording, page, 200, "<html>", None).await;
    recording
        .text(
            Kind::Media,
            MEDIA,
            8_000,
            LIST_2,
            &[("cache-control", "max-age=60")],
        )
        .await;
    recording.finish().await;
    for offset_ms in [3_000, 4_500, 5_500] {
        let (status, body, done) = answer(&healed(&recording, offset_ms), MEDIA).await;
        assert_eq!((status, body.as_str()), (200, LIST_1), "{offset_ms}");
        assert_eq!(done, if offset_ms == 3_000 { "" } else { "healed" });
    }
    assert_eq!(answer(&healed(&recording, 8_500), MEDIA).await.1, LIST_2);
    let recorded = open_at(&recording, 4_500, Faults::Recorded);
    assert_eq!(answer(&recorded, MEDIA).await.0, 503);
}

#[tokio::test]
async fn the_first_good_playlist_is_there_from_the_first_poll_with_all_that_it_lists() {
    let recording = Recording::start().await;
    let failed = recording.exchange(Kind::Main, MAIN, 0);
    answered(&recording, failed, 404, "no", None).await;
    let main = recording
        .text(Kind::Main, MAIN, 6_000, MULTIVARIANT, &[])
        .await;
    let failed = recording.exchange(Kind::Media, MEDIA, 6_000);
    answered(&recording, failed, 404, "no", Some(main)).await;
    let listed = recording.exchange(Kind::Media, MEDIA, 9_000);
    let media = answered(&recording, listed, 200, LIST_1, Some(main)).await;
    let segment = recording.exchange(Kind::Segment, SEGMENT, 9_000);
    answered(&recording, segment, 200, "segment", Some(media)).await;
    let second = recording.exchange(Kind::Media, MEDIA, 12_000);
    let second = answered(&recording, second, 200, LIST_2, Some(main)).await;
    let later = "http://origin.example/live/v1/s2.ts";
    let segment = recording.exchange(Kind::Segment, later, 12_000);
    answered(&recording, segment, 200, "later", Some(second)).await;
    recording.finish().await;
    let replay = healed(&recording, 1_000);
    let media = answer(&replay, MEDIA).await;
    assert_eq!((media.0, media.1.as_str()), (200, LIST_1));
    assert_eq!(answer(&replay, SEGMENT).await.1, "segment");
    let main = answer(&replay, MAIN).await;
    assert_eq!((main.0, main.1.as_str()), (200, MULTIVARIANT));
    assert_eq!(answer(&replay, later).await.0, 404, "it was listed later");
}

#[tokio::test]
async fn a_segment_that_came_late_is_there_from_its_listing() {
    let recording = Recording::start().await;
    let list = recording.text(Kind::Media, MEDIA, 0, LIST_1, &[]).await;
    let again = recording
        .text(Kind::Media, MEDIA, 20_000, LIST_1, &[])
        .await;
    for (from_ms, status, content, list) in [
        (0, 404, "no", list),
        (2_000, 200, "first", list),
        (20_000, 500, "no", again),
        (22_000, 200, "second", again),
    ] {
        let exchange = recording.exchange(Kind::Segment, SEGMENT, from_ms);
        answered(&recording, exchange, status, content, Some(list)).await;
    }
    recording.finish().await;
    for (offset_ms, content, done) in [
        (500, "first", "healed"),
        (3_000, "first", ""),
        (20_500, "second", "healed"),
        (23_000, "second", ""),
    ] {
        let told = answer(&healed(&recording, offset_ms), SEGMENT).await;
        assert_eq!(told, (200, content.to_owned(), done.to_owned()));
    }
}

#[tokio::test]
async fn where_there_never_was_a_good_answer_the_fault_stays() {
    let recording = Recording::start().await;
    let list = recording.text(Kind::Media, MEDIA, 0, LIST_1, &[]).await;
    let mut short = recording.exchange(Kind::Segment, SEGMENT, 0);
    short.outcome = Outcome::Short;
    answered(&recording, short, 200, "half", Some(list)).await;
    let missing = recording.exchange(Kind::Segment, SEGMENT, 1_000);
    answered(&recording, missing, 404, "gone", Some(list)).await;
    recording.finish().await;
    let told = answer(&healed(&recording, 5_000), SEGMENT).await;
    assert_eq!((told.0, told.1.as_str()), (404, "gone"));
    assert!(told.2.contains("never had a good answer"), "{}", told.2);
}

#[tokio::test]
async fn a_key_that_was_not_given_again_is_the_one_before() {
    let recording = Recording::start().await;
    let url = "http://origin.example/key";
    let list = recording.text(Kind::Media, MEDIA, 0, LIST_1, &[]).await;
    let again = recording.text(Kind::Media, MEDIA, 9_000, LIST_2, &[]).await;
    let good = recording.exchange(Kind::Key, url, 0);
    answered(&recording, good, 200, "0123456789abcdef", Some(list)).await;
    let failed = recording.exchange(Kind::Key, url, 9_000);
    answered(&recording, failed, 500, "no", Some(again)).await;
    recording.finish().await;
    let told = answer(&healed(&recording, 10_000), url).await;
    assert_eq!((told.0, told.1.as_str()), (200, "0123456789abcdef"));
}
