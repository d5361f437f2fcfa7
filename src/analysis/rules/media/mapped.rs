//! M13: where WebVTT puts its cues, beside the video of the same date (RFC 8216bis 3.1.4).

use super::across::Stamp;
use super::known::{Known, seconds, ticks_between};
use crate::analysis::rules::broken::Broken;
use crate::media::facts::{Content, TRANSPORT_SECOND, TrackKind};
use crate::session;

/// Cues may be so far from their segment.
const ALLOWED_US: i64 = 1_000_000;
/// Time stamps of transport streams have so many bits.
const MASK: u64 = (1 << 33) - 1;

/// Cues of a segment none of which lies within a second of it, by its X-TIMESTAMP-MAP and by the time stamps of a transport
/// stream of the same channel, between the same discontinuities. Cues may begin before their segment and end behind it.
pub fn judge((subtitles, date_us): (&Known<'_>, i64), other: &Stamp) -> Option<Broken> {
    let Content::Subtitles(facts) = &subtitles.facts.content else {
        return None;
    };
    let video = &other.track;
    if !other.is_transport || other.is_damaged || video.kind != TrackKind::Video {
        return None;
    }
    let (local_ms, media) = facts.map?;
    let (first_ms, last_ms) = (facts.first_ms?, facts.last_ms?);
    let shown = video.times?.first_shown;
    let media = i64::try_from(media & MASK).ok()?;
    // Where the cue of LOCAL lies, behind the first picture; and where the segment begins, behind it.
    let map_us = video.us(ticks_between(shown, media, true));
    let begins_us = date_us.saturating_sub(other.date_us);
    let at = |ms: i64| {
        let behind = ms.saturating_sub(local_ms).saturating_mul(1000);
        map_us.saturating_add(behind).saturating_sub(begins_us)
    };
    let (from_us, to_us) = (at(first_ms), at(last_ms));
    let off_us = match from_us > subtitles.extinf_us.saturating_add(ALLOWED_US) {
        true => from_us.saturating_sub(subtitles.extinf_us),
        false if to_us < -ALLOWED_US => to_us,
        false => return None,
    };
    // 33 bits go round: what is further away than half of that cannot be told.
    let half = (1_i64 << 32) / i64::from(TRANSPORT_SECOND) * 1_000_000;
    if off_us.saturating_abs() > half || video.timescale != TRANSPORT_SECOND {
        return None;
    }
    let (by, what) = match off_us < 0 {
        true => (-off_us, "before it begins"),
        false => (off_us, "behind its end"),
    };
    let text = format!(
        "By X-TIMESTAMP-MAP and the time stamps of the video, the cues of segment {} are {} {what}",
        subtitles.sequence,
        seconds(by)
    );
    let broken = Broken::new("M13", text).kind("off");
    let broken = broken.with("media_sequence", subtitles.sequence);
    Some(broken.with("off_seconds", session::seconds(off_us)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::media::across::testing::stamp;
    use crate::media::cipher::Protection;
    use crate::media::facts::ChunkFacts;
    use crate::media::read::read;

    fn known(facts: &ChunkFacts) -> Known<'_> {
        Known {
            facts,
            init: None,
            has_map: false,
            sequence: 7,
            extinf_us: 6_000_000,
            extinf_unit_us: 1000,
            discontinuity: false,
            gap: false,
            follows: true,
            iframes_only: false,
            independent: false,
        }
    }

    /// By how much the cues of a text are off a video that begins at so many ticks, where the segment begins 12 s later.
    fn off(map: &str, cue: &str, first_shown: i64) -> Option<i64> {
        let mut text = format!("WEBVTT\nX-TIMESTAMP-MAP={map}\n\n{cue}\nHello\n").into_bytes();
        let subtitles = read(&mut text, Protection::None, None);
        let mut video = stamp(TrackKind::Video, 7, 100_000, 0);
        if let Some(times) = &mut video.track.times {
            times.first_shown = first_shown;
        }
        let broken = judge((&known(&subtitles), 112_000_000), &video)?;
        let off = broken.detail.get("off_seconds")?.as_f64()?;
        Some((off * 1e6).round() as i64)
    }

    #[test]
    fn cues_lie_where_their_segment_is() {
        let cue = "00:00:12.500 --> 00:00:14.000";
        let map = "LOCAL:00:00:00.000,MPEGTS:900000";
        assert_eq!(off(map, cue, 900_000), None);
        assert_eq!(off("MPEGTS:1980000,LOCAL:00:00:12.000", cue, 900_000), None);
        // It began before, and goes on behind it.
        assert_eq!(off(map, "00:00:01.000 --> 00:00:40.000", 900_000), None);
        // The time stamps of the video go round in between.
        let round = (1 << 33) - 900_000;
        assert_eq!(
            off("LOCAL:00:00:00.000,MPEGTS:8589034592", cue, round),
            None
        );
        assert_eq!(off("LOCAL:00:00:12.000,MPEGTS:180000", cue, round), None);
    }

    #[test]
    fn a_map_that_is_off_is_told() {
        let cue = "00:00:12.500 --> 00:00:14.000";
        // MPEGTS is that of another stream: ten seconds too early.
        assert_eq!(
            off("LOCAL:00:00:00.000,MPEGTS:0", cue, 900_000),
            Some(-8_000_000)
        );
        assert_eq!(
            off("LOCAL:00:00:00.000,MPEGTS:1800000", cue, 900_000),
            Some(4_500_000)
        );
    }
}
