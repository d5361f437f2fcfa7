//! Held playlists and announced parts: what rules do with them, and what caches are told.

use super::*;
use crate::replayer::inject::{self, Rules};
use crate::session::{ExchangeId, NewRevision};

const PART: &str = "http://origin.example/live/v1/p";

/// A revision of a playlist of one-second segments with one part each; `parts`: how many there are.
async fn publish(recording: &Recording, parts: i64, held: Option<&str>, control: &str) {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=1\n";
    let list: String = (0..parts)
        .map(|n| format!("#EXT-X-PART:DURATION=1,URI=\"p{n}\"\n#EXTINF:1,\ns{n}\n"))
        .collect();
    let hint = format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p{parts}\"\n");
    let mut exchange = recording.exchange(Kind::Media, MEDIA, 1000 * parts);
    let id: ExchangeId = exchange.id;
    exchange.body = bytes(&format!("{head}{list}{hint}"));
    exchange.directives = held.map(str::to_owned);
    exchange.directives_met = held.map(|_| true);
    exchange.headers = (!control.is_empty()).then(|| headers(&[("cache-control", control)]));
    exchange.revision = Some(NewRevision {
        media_sequence: Some(0),
        last_sequence: Some(parts - 1),
        last_parts: Some(1),
        next_parts: Some(0),
        can_block: Some(true),
        part_target_us: Some(1_000_000),
        target_duration_us: Some(1_000_000),
        ..NewRevision::default()
    });
    recording.add(exchange).await;
    let mut part = recording.exchange(Kind::Part, &format!("{PART}{}", parts - 1), 1000 * parts);
    part.referrer_id = Some(id);
    part.body = recording.file(part.id, format!("part {:04}", parts - 1).as_bytes());
    recording.add(part).await;
}

/// One part after a second, two after two, and so on.
async fn channel(controls: [&str; 2]) -> Recording {
    let recording = Recording::start().await;
    publish(&recording, 1, None, controls[0]).await;
    for parts in 2..8 {
        publish(&recording, parts, Some("_HLS_msn=1"), controls[1]).await;
    }
    recording.finish().await;
    recording
}

struct Asking {
    replay: Arc<Replay>,
    _recording: Recording,
}

impl Asking {
    async fn with(rules: &[&str]) -> Self {
        Self::of(channel(["", ""]).await, rules)
    }

    fn of(recording: Recording, rules: &[&str]) -> Self {
        let rules = rules.iter().map(|text| inject::parse(text).unwrap().rule);
        let options = Options {
            inject: Rules::new(rules.collect(), 0),
            ..Options::default()
        };
        Self {
            replay: open(&recording, options),
            _recording: recording,
        }
    }

    /// On a clock on which it is so late now.
    async fn get(&self, now_ms: i64, url: &str) -> Reply {
        let now_us = self.replay.receive(request(Method::GET, "/", &[])).now_us;
        let asked = format!("/@{}{}", now_us / 1000 - now_ms, path(url));
        self.replay
            .respond(&self.replay.receive(request(Method::GET, &asked, &[])))
            .await
    }
}

fn status(reply: &Reply) -> u16 {
    reply
        .response
        .as_ref()
        .map_or(0, |response| response.status().as_u16())
}

async fn body(reply: Reply) -> String {
    text(reply.response.unwrap()).await
}

/// A playlist that is held, and a part that is: each until second three.
const HELD: [&str; 2] = ["?_HLS_msn=2&_HLS_part=0", "p2"];

fn url(held: &str) -> String {
    match held.starts_with('?') {
        true => format!("{MEDIA}{held}"),
        false => format!("http://origin.example/live/v1/{held}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_held_request_is_made_while_it_waits_and_nothing_is_read_at_its_moment() {
    for held in HELD {
        let asking = Asking::with(&[]).await;
        let pool = &asking.replay.bodies().pool;
        let held = url(held);
        let get = asking.get(2_500, &held);
        tokio::pin!(get);
        // Time goes on when nobody has anything to do.
        let waited = tokio::time::timeout(Duration::from_millis(400), &mut get);
        assert!(waited.await.is_err(), "it was answered before its moment");
        let reads = pool.reads();
        let reply = get.await;
        assert_eq!(pool.reads(), reads, "{held}");
        assert_eq!(reply.session_us, Some(3_000_000), "{held}");
        assert!(reply.held >= Duration::from_millis(450), "{held}");
        let came = body(reply).await;
        assert!(
            came.contains("\ns2\n") || came == "part 0002",
            "{held}: {came}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_on_what_is_held_comes_at_the_moment_at_which_it_would_have_been_given() {
    for held in HELD {
        let kind = if held == "p2" { "part" } else { "media" };
        for (rule, wanted, resets) in [
            (format!("{kind} status=503"), 503, false),
            (format!("{kind} reset"), 0, true),
            (format!("{kind} close"), 0, false),
            ("segment status=503".to_owned(), 200, false),
        ] {
            let asking = Asking::with(&[&rule]).await;
            let reply = asking.get(2_500, &url(held)).await;
            assert_eq!(
                (status(&reply), reply.resets),
                (wanted, resets),
                "{rule} {held}"
            );
            assert_eq!(reply.session_us, Some(3_000_000), "{rule} {held}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_counts_from_the_end_of_the_wait_and_a_window_looks_at_that_moment() {
    for held in HELD {
        let asking = Asking::with(&["any delay=2 from=2.9 for=0.2"]).await;
        let reply = asking.get(2_500, &url(held)).await;
        assert_eq!(reply.wait, Duration::from_secs(2), "{held}");
        assert!(
            reply.held >= Duration::from_millis(450),
            "{held}: {:?}",
            reply.held
        );
        let asking = Asking::with(&["any delay=2 from=2 for=0.9"]).await;
        let reply = asking.get(2_500, &url(held)).await;
        assert_eq!(reply.wait, Duration::ZERO, "{held}");
    }
}

#[tokio::test(start_paused = true)]
async fn parts_have_the_number_of_their_segment_and_break_off_as_told() {
    let asking = Asking::with(&["part sn=2 truncate=50%", "part sn=3 status=404"]).await;
    for (n, wanted) in [(1, 200), (2, 200), (3, 404), (4, 200)] {
        let reply = asking.get(7_500, &format!("{PART}{n}")).await;
        assert_eq!(status(&reply), wanted, "{n}");
        let whole = reply.response.unwrap().into_body().collect().await;
        assert_eq!(whole.is_ok(), n != 2, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_playlist_that_stalls_is_held_and_then_what_it_was() {
    let asking = Asking::with(&["media stall from=2.2 for=5"]).await;
    let reply = asking.get(2_500, &url(HELD[0])).await;
    assert_eq!(reply.session_us, Some(3_000_000));
    let stale = body(reply).await;
    assert!(
        stale.contains("\ns1\n") && !stale.contains("\ns2\n"),
        "{stale}"
    );
}

fn control(reply: &Reply) -> &str {
    field(reply.response.as_ref().unwrap(), "cache-control")
}

#[tokio::test(start_paused = true)]
async fn caches_are_told_the_word_on_the_kind_of_request_and_where_there_was_none_six_target_durations()
 {
    for (controls, blocking, plain) in [
        (["", ""], "max-age=6", ""),
        (
            ["max-age=1", "max-age=36,  x"],
            "max-age=36,  x",
            "max-age=1",
        ),
        (["", "max-age=36"], "max-age=36", ""),
    ] {
        let asking = Asking::of(channel(controls).await, &[]);
        let held = asking.get(2_500, &url(HELD[0])).await;
        assert_eq!(control(&held), blocking);
        assert_eq!(held.left_us, Some(6_000_000));
        // What is there already as well, and from the cache.
        for _ in 0..2 {
            let there = asking.get(3_500, &url(HELD[0])).await;
            assert_eq!(
                (control(&there), there.left_us),
                (blocking, Some(6_000_000))
            );
        }
        let polled = asking.get(3_500, MEDIA).await;
        assert_eq!(control(&polled), plain);
        assert!(polled.left_us.unwrap() <= 500_000);
        let refused = asking.get(2_500, &format!("{MEDIA}?_HLS_msn=9")).await;
        assert_eq!((status(&refused), control(&refused)), (400, "no-store"));
    }
}
