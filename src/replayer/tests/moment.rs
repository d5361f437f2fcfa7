//! A request has one moment, whatever becomes of it.

use super::*;
use crate::replayer::inject::{self, Rules};
use crate::replayer::request::server_clock::HOUR_US;

/// Replays on a clock that is one hour later at each reading.
fn hourly(recording: &Recording, options: Options) -> Arc<Replay> {
    let mut replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
    replay.advance_hourly();
    Arc::new(replay)
}

/// One playlist that has said another thing at each hour, for two days.
async fn hours() -> Recording {
    let recording = Recording::start().await;
    for hour in 0..48 {
        let text = format!("#EXTM3U\n#EXTINF:4,\nhour{hour}.ts\n");
        recording
            .text(Kind::Main, MAIN, hour * HOUR_US / 1000, &text, &[])
            .await;
    }
    recording.finish().await;
    recording
}

#[tokio::test]
async fn each_request_reads_the_clock_once() {
    let recording = hours().await;
    let rule = inject::parse("main from=10h stall").unwrap().rule;
    let relative = inject::parse("main from=+10h status=503").unwrap().rule;
    let ways = [
        Options::default(),
        Options {
            dates: Dates::Shifted,
            at_end: AtEnd::Endlist,
            ..Options::default()
        },
        Options {
            inject: Rules::new(vec![rule, relative], 0),
            ..Options::default()
        },
    ];
    let clock = format!("/@{}", recording.zero_us / 1000);
    let paths = [
        path(MAIN),
        path(MAIN),
        "/stream.m3u8".to_owned(),
        "/stream.m3u8?offset=5".to_owned(),
        format!("{clock}{}", path(MAIN)),
        format!("{clock}{}", path(MAIN)),
        "/".to_owned(),
        "/dvr.m3u8".to_owned(),
        "/exchange/1/main.m3u8".to_owned(),
        "/stream.ts".to_owned(),
        "/dump.ts".to_owned(),
        path("http://origin.example/never"),
        "/@x/".to_owned(),
    ];
    for options in ways {
        let replay = hourly(&recording, options);
        for (hour, path) in paths.iter().enumerate() {
            let parts = || request(Method::GET, path, &[]);
            let asked = replay.receive(parts());
            assert_eq!(asked.player.session_us / HOUR_US, hour as i64, "{path}");
            let reply = match replay.respond_at_once(&asked) {
                Some(reply) => reply,
                None => replay.respond(&asked).await,
            };
            let said = reply.session_us.unwrap_or(asked.player.session_us);
            assert_eq!(said, asked.player.session_us, "{path}");
        }
        let readings = replay.receive(request(Method::GET, "/", &[]));
        let hours = readings.player.session_us / HOUR_US;
        assert_eq!(hours, paths.len() as i64, "somebody read the clock again");
    }
}

#[tokio::test]
async fn the_answer_is_that_of_the_moment_in_which_a_request_came() {
    let recording = hours().await;
    let replay = hourly(&recording, Options::default());
    for hour in 0..5 {
        let asked = replay.receive(request(Method::GET, &path(MAIN), &[]));
        for _ in 0..2 {
            let reply = match replay.respond_at_once(&asked) {
                Some(reply) => reply,
                None => replay.respond(&asked).await,
            };
            let response = reply.response.unwrap();
            let seconds = field(&response, "x-isrecorder-session-time");
            assert_eq!(seconds, format!("{}.000", hour * 3600));
            let wanted = format!("#EXTM3U\n#EXTINF:4,\nhour{hour}.ts\n");
            assert_eq!(text(response).await, wanted);
        }
    }
}
