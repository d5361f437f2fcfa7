//! A low-latency session: parts come regularly, then nothing for a while, then one more.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, Headers, Kind, NewBody, NewExchange, NewRevision, ResourceKey, Sessions, Writer,
    digest,
};

pub const PLAYLIST: &str = "http://origin.example:8080/live/a.m3u8";
/// Parts of a segment, and how long each is.
pub const PARTS: u64 = 4;
pub const PART_US: i64 = 500_000;
const WINDOW: u64 = 30;
/// For so long nothing comes.
pub const PAUSE_US: i64 = 14_000_000;
/// A target duration that lets requests be held for so long.
const TARGET_US: i64 = 6_000_000;

/// When each part was there, in microseconds of session time.
pub struct Session {
    pub published_us: Vec<i64>,
}

/// What a request waits with for a part.
pub fn directives(part: u64) -> String {
    format!("_HLS_msn={}&_HLS_part={}", part / PARTS, part % PARTS)
}

fn text(parts: u64) -> Result<String> {
    let whole = parts / PARTS;
    let first = whole.saturating_sub(WINDOW);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:6\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36,PART-HOLD-BACK=1.5\n\
         #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for segment in first..=whole {
        for part in segment * PARTS..((segment + 1) * PARTS).min(parts) {
            writeln!(text, "#EXT-X-PART:DURATION=0.5,URI=\"p{part}.mp4\"")?;
        }
        if segment < whole {
            writeln!(text, "#EXTINF:2,\ns{segment}.mp4")?;
        }
    }
    writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p{parts}.mp4\"")?;
    Ok(text)
}

/// Writes one with so many parts before the pause.
pub async fn write(folder: &Path, parts: u64) -> Result<Session> {
    let folder = Sessions::new(folder).create(Some("parked"))?;
    let (writer, _failure) = Writer::create(&folder, Clock::start(), "bench")?;
    let stream_id = writer.stream("live", PLAYLIST).await?;
    let key = ResourceKey::whole(stream_id, Kind::Main, PLAYLIST.to_owned());
    let mut published_us = Vec::new();
    for part in 0..=parts {
        let pause_us = if part == parts { PAUSE_US } else { 0 };
        let at_us = PART_US * part as i64 + pause_us;
        published_us.push(at_us);
        let from_us = writer.zero_us() + at_us;
        let data = text(part + 1)?.into_bytes();
        let last = ((part + 1) / PARTS) as i64 - 1;
        let asked = NewExchange::requested(
            writer.next_id(),
            key.clone(),
            Availability::Listed(from_us),
            from_us,
        );
        let exchange = NewExchange {
            status: Some(200),
            wait_us: Some(0),
            receive_us: Some(0),
            headers: Some(Headers::default()),
            body: NewBody::Bytes {
                sha256: digest(&data),
                data: data.into(),
                binary: false,
            },
            revision: Some(NewRevision {
                advance: (part + 1) % PARTS == 0,
                media_sequence: Some((last + 1 - WINDOW as i64).max(0)),
                last_sequence: (last >= 0).then_some(last),
                last_parts: (last >= 0).then_some(PARTS as i64),
                next_parts: Some(((part + 1) % PARTS) as i64),
                can_block: Some(true),
                part_target_us: Some(PART_US),
                target_duration_us: Some(TARGET_US),
                ended: Some(false),
                ..NewRevision::default()
            }),
            ..asked
        };
        writer.exchange(exchange).await;
    }
    writer.finish("stopped").await?;
    Ok(Session { published_us })
}
