//! P13 daterange-syntax, M14 scte35-vs-cue (messages in date ranges), P16 pdt-missing, P17 discontinuity-without-pdt (RFC 8216bis 4.4.4.6, 4.4.5.1, D.2; A 8.4).

use std::collections::HashSet;

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::date_range::DateRange;
use crate::analysis::rules::playlist::Segment;
use crate::media::splices::{from_hex, has_no_sum, is_whole};

/// Attributes that carry messages of SCTE-35 (RFC 8216bis 4.4.5.1.1).
const MESSAGES: [&str; 3] = ["SCTE35-CMD", "SCTE35-OUT", "SCTE35-IN"];
/// CLASS of interstitials (RFC 8216bis D.2).
const INTERSTITIAL: &str = "com.apple.hls.interstitial";
/// Two ways to write an end may differ by so much, in microseconds: dates are written to the millisecond.
const CLOSE_US: i64 = 1_000;

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    let mut ids: HashSet<String> = HashSet::new();
    for span in &playlist.date_ranges {
        let range = DateRange::read(playlist.text.get(span.clone()).unwrap_or_default());
        let line = playlist.line(span.start);
        let is_known = range
            .id()
            .is_some_and(|id| text.known_ranges.has(id) || ids.contains(id));
        for problem in problems(&range, is_known) {
            let sentence = format!("the EXT-X-DATERANGE in line {line} {problem}");
            out.push(Broken::new("P13", sentence).with("line", line));
        }
        for name in MESSAGES.into_iter().filter(|name| is_damaged(&range, name)) {
            let sentence =
                format!("the {name} of the EXT-X-DATERANGE in line {line} has a wrong CRC");
            out.push(Broken::new("M14", sentence).kind("crc").with("line", line));
        }
        ids.extend(range.id().map(str::to_owned));
    }
    let has_dates = playlist
        .segments
        .iter()
        .any(|segment| segment.date_us.is_some());
    if !has_dates && playlist.is_live() && !playlist.segments.is_empty() && !playlist.i_frames_only
    {
        out.push(Broken::new("P16", "it has no EXT-X-PROGRAM-DATE-TIME"));
    }
    for index in text.fresh..playlist.segments.len() {
        let lacks = |segment: &&Segment| segment.discontinuity && segment.date_us.is_none();
        if has_dates && playlist.segments.get(index).filter(lacks).is_some() {
            let number = playlist.number(index);
            let broken = Broken::new(
                "P17",
                format!(
                    "segment {number} is behind a discontinuity and has no EXT-X-PROGRAM-DATE-TIME"
                ),
            );
            out.push(broken.with("media_sequence", number));
        }
    }
}

/// It is a message of SCTE-35 whose CRC somebody computed, and which is another one now.
fn is_damaged(range: &DateRange, name: &str) -> bool {
    let message = range.value(name).and_then(from_hex);
    message.is_some_and(|message| !is_whole(&message) && !has_no_sum(&message))
}

fn problems(range: &DateRange, is_known: bool) -> Vec<String> {
    let mut problems = Vec::new();
    if range.id().is_none() {
        problems.push("has no ID".to_owned());
    }
    if range.start_us.is_none() && !is_known {
        problems.push("has no START-DATE, and nothing before it has one for its ID".to_owned());
    }
    if let (Some(start_us), Some(end_us), Some(duration_us)) =
        (range.start_us, range.end_us, range.duration_us)
    {
        let difference_us = end_us.saturating_sub(start_us).saturating_sub(duration_us);
        if difference_us.abs() > CLOSE_US {
            problems.push("has an END-DATE that is not START-DATE and DURATION".to_owned());
        }
    }
    if range
        .end_us
        .zip(range.start_us)
        .is_some_and(|(end_us, start_us)| end_us < start_us)
    {
        problems.push("has an END-DATE before its START-DATE".to_owned());
    }
    if range.value("END-ON-NEXT") == Some("YES") {
        if range.value("CLASS").is_none() {
            problems.push("has END-ON-NEXT and no CLASS".to_owned());
        }
        if range.duration_us.is_some() || range.end_us.is_some() {
            problems.push("has END-ON-NEXT, and a DURATION or END-DATE".to_owned());
        }
    }
    let is_interstitial = range.value("CLASS") == Some(INTERSTITIAL);
    let assets = [range.value("X-ASSET-URI"), range.value("X-ASSET-LIST")];
    if is_interstitial && !is_known && assets.iter().flatten().count() != 1 {
        problems.push(
            "is an interstitial with both or neither of X-ASSET-URI and X-ASSET-LIST".to_owned(),
        );
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::{CLEAN, found};

    fn with(range: &str) -> String {
        CLEAN.replace(
            "#EXTINF:4.0,\ns9",
            &format!("#EXT-X-DATERANGE:{range}\n#EXTINF:4.0,\ns9"),
        )
    }

    #[test]
    fn a_message_of_scte_35_whose_sum_is_wrong_is_m14() {
        const RANGE: &str = "ID=\"a\",START-DATE=\"2026-11-29T10:00:00Z\",SCTE35-OUT=";
        let right = "0xFC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30A";
        let of_the_standard = "0xFC002F0000000000FF000014056FFFFFF000E011622DCAFF000052636200000000000A0008029896F50000008700000000";
        for value in [right, of_the_standard, "YES", "\"base64=\""] {
            let text = with(&format!("{RANGE}{value}"));
            assert_eq!(found(&text), [""; 0], "{value}");
        }
        let damaged = right.replace("4800", "4900");
        let cut = &right[..right.len() - 2];
        for value in [&damaged, cut] {
            assert_eq!(found(&with(&format!("{RANGE}{value}"))), ["M14"], "{value}");
        }
    }

    #[test]
    fn date_ranges_that_lack_or_contradict() {
        const START: &str = "ID=\"a\",START-DATE=\"2026-11-29T10:00:00Z\"";
        for range in [
            "START-DATE=\"2026-11-29T10:00:00Z\"".to_owned(),
            "ID=\"a\"".to_owned(),
            format!("{START},DURATION=5,END-DATE=\"2026-11-29T10:00:06Z\""),
            format!("{START},END-DATE=\"2026-11-29T09:00:06Z\""),
            format!("{START},END-ON-NEXT=YES"),
            format!("{START},END-ON-NEXT=YES,CLASS=\"c\",DURATION=5"),
            format!("{START},CLASS=\"com.apple.hls.interstitial\""),
        ] {
            assert_eq!(found(&with(&range)), ["P13"], "{range}");
        }
        for range in [
            START.to_owned(),
            format!("{START},DURATION=5,END-DATE=\"2026-11-29T10:00:05Z\""),
            format!(
                "{START},CLASS=\"com.apple.hls.interstitial\",X-ASSET-URI=\"http://localhost/a.m3u8\""
            ),
        ] {
            assert_eq!(found(&with(&range)), Vec::<&str>::new(), "{range}");
        }
    }

    #[test]
    fn a_second_tag_of_a_range_may_leave_out_its_start() {
        let both = with(
            "ID=\"a\",START-DATE=\"2026-11-29T10:00:00Z\",PLANNED-DURATION=60\n#EXT-X-DATERANGE:ID=\"a\",DURATION=59.9",
        );
        assert_eq!(found(&both), Vec::<&str>::new());
    }

    #[test]
    fn a_live_playlist_has_dates() {
        let undated = CLEAN.replace("#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:00Z\n", "");
        assert_eq!(found(&undated), ["P16"]);
        assert_eq!(
            found(&format!("{undated}#EXT-X-ENDLIST\n")),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn a_discontinuity_has_a_date_where_dates_are_used() {
        let text = CLEAN.replace("#EXTINF:4.0,\ns9", "#EXT-X-DISCONTINUITY\n#EXTINF:4.0,\ns9");
        assert_eq!(found(&text), ["P17"]);
    }
}
