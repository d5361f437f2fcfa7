//! Which rules there are: ids, names and severities are what scripts rely on (`docs/ref/rules.md`).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The standard says MUST, or nothing plays.
    Must,
    /// The standard says SHOULD, or Apple demands it of its own devices.
    Should,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Info => "info",
        }
    }
}

/// By whose demands a recording is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The standard's.
    #[default]
    Rfc,
    /// Apple's, too: what its authoring specification demands of its devices is a `must`.
    Apple,
}

/// A rule.
#[derive(Debug)]
pub struct RuleInfo {
    /// Its id, such as `P06`.
    pub id: &'static str,
    /// Its name, such as `extinf-over-target`.
    pub name: &'static str,
    /// How bad what it finds is, where a condition says nothing else.
    pub severity: Severity,
    /// Apple demands it.
    pub apple_demands: bool,
    /// Where it is written: of RFC 8216bis (§), of the HLS Authoring Specification (A).
    pub section: &'static str,
    /// When it fires, in a sentence.
    pub fires: &'static str,
}

impl RuleInfo {
    /// How bad what it finds is, under a profile.
    pub fn severity_for(&self, profile: Profile) -> Severity {
        match profile == Profile::Apple && self.apple_demands {
            true => Severity::Must,
            false => self.severity,
        }
    }
}

const fn rule(
    id: &'static str,
    name: &'static str,
    severity: Severity,
    section: &'static str,
    fires: &'static str,
) -> RuleInfo {
    RuleInfo {
        id,
        name,
        severity,
        apple_demands: false,
        section,
        fires,
    }
}

const fn apple(rule: RuleInfo) -> RuleInfo {
    RuleInfo {
        apple_demands: true,
        ..rule
    }
}

use Severity::{Info, Must, Should};

/// All rules, by id.
#[rustfmt::skip]
pub static RULES: &[RuleInfo] = &[
    rule("P01", "not-a-playlist", Must, "§4.1, 4.4.1.1", "an answer of 200 is no playlist: its first line is not #EXTM3U, or it is empty or a web page"),
    rule("P02", "encoding", Must, "§4.1", "a byte order mark, bytes that are no UTF-8, control characters, or text that is not in NFC"),
    rule("P03", "identity", Must, "§4", "neither the path ends in .m3u8 or .m3u, nor is Content-Type that of a playlist"),
    rule("P04", "mixed", Must, "§4.1, 4.4.2, 4.4.3", "tags of multivariant and of media playlists in one text, or a tag twice that may stand once"),
    rule("P05", "target-missing", Must, "§4.4.3.1", "no EXT-X-TARGETDURATION, or one that is no whole number of 1 or more; should, where it is a day or more"),
    rule("P06", "extinf-over-target", Must, "§4.4.3.1", "EXTINF, rounded, is more than the target duration; below version 6 a fraction more is info"),
    rule("P07", "tag-order", Must, "§4.4.3.2, 4.4.3.3, 4.4.4.9", "EXT-X-MEDIA-SEQUENCE behind a segment; EXT-X-DISCONTINUITY-SEQUENCE behind a segment or an EXT-X-DISCONTINUITY; a discontinuity, key, map or date of a segment behind its first part"),
    rule("P08", "version-low", Must, "§8", "EXT-X-VERSION is less than what the text uses needs; should, where that is a fraction in an EXTINF and there is no EXT-X-VERSION"),
    rule("P09", "version-high", Should, "§6.2.1", "EXT-X-VERSION is more than what the text uses needs"),
    rule("P10", "key-attributes", Must, "§4.4.4.4, 4.4.4.5", "METHOD=NONE with other attributes, a METHOD without URI, an IV that AES-256-GCM or SAMPLE-AES-CTR has none of, an EXT-X-MAP encrypted with AES-128 without IV"),
    rule("P11", "byterange-offset", Must, "§4.4.4.2", "EXT-X-BYTERANGE without an offset, and the segment before is not a range of the same resource"),
    rule("P12", "fmp4-without-map", Must, "§3.1.2", "segments of fragmented MP4 to which no EXT-X-MAP applies"),
    rule("P13", "daterange-syntax", Must, "§4.4.5.1, D.2", "EXT-X-DATERANGE without ID, or without START-DATE at first sight; END-DATE that is not START-DATE and DURATION; END-ON-NEXT without CLASS, or with an end; an interstitial with both or neither of X-ASSET-URI and X-ASSET-LIST"),
    rule("P14", "define", Must, "§4.3, 4.4.2.3", "a variable that is not defined, or is defined twice; an IMPORT where nothing is to be imported from; a QUERYPARAM that the URI has not"),
    rule("P15", "live-type", Must, "§6.2.2", "segments are removed from a playlist that has EXT-X-PLAYLIST-TYPE"),
    apple(rule("P16", "pdt-missing", Should, "A 8.4", "a live playlist has no EXT-X-PROGRAM-DATE-TIME")),
    rule("P17", "discontinuity-without-pdt", Should, "§6.2.1", "EXT-X-PROGRAM-DATE-TIME is used, and not at a discontinuity"),
    rule("P18", "short-segment", Info, "seen in the field", "EXTINF is less than half of the target duration, and neither the last one nor the one before a discontinuity"),
    apple(rule("P19", "few-segments", Should, "A 8.11", "a live playlist lists fewer than six segments")),
    rule("P20", "bitrate-tag", Must, "§4.4.4.8", "EXT-X-BITRATE is less than 90 % or more than 110 % of the bit rate of a segment that it applies to"),
    rule("P21", "sequence-number", Must, "§4.2, 4.4.3.2, 4.4.3.3", "EXT-X-MEDIA-SEQUENCE or EXT-X-DISCONTINUITY-SEQUENCE is no whole number up to 18446744073709551615, or numbers of segments would pass that"),
    rule("T01", "msn-back", Must, "§6.2.2", "EXT-X-MEDIA-SEQUENCE decreased, to a state that was not seen before"),
    rule("T02", "msn-count", Must, "§6.2.1, 6.2.2", "EXT-X-MEDIA-SEQUENCE grew by another number than segments were removed"),
    rule("T03", "rewritten", Must, "§6.2.1, 6.3.4", "byte range, EXTINF, key, map or date of a segment changed; its name alone is info"),
    rule("T04", "removed-inside", Must, "§6.2.2", "a segment went from the middle or the end, or one was inserted"),
    rule("T05", "same-uri-other-bytes", Must, "§6.2.2", "other bytes under the same name, while it is listed or soon after; a name that is used again later is legal"),
    rule("T06", "target-changed", Must, "§6.2.1", "EXT-X-TARGETDURATION changed"),
    rule("T07", "stale", Must, "§6.2.1", "no new segment within 1.5 target durations (what adjacent-find lists)"),
    rule("T08", "window-short", Must, "§6.2.2", "a segment was removed so that less than three target durations are left"),
    rule("T09", "dseq", Must, "§6.2.2", "discontinuities were removed and EXT-X-DISCONTINUITY-SEQUENCE did not grow by as many, or it decreased"),
    rule("T10", "event-or-vod-changed", Must, "§6.2.1", "an EVENT playlist lost a segment, or a VOD playlist changed"),
    rule("T11", "ended-wrongly", Must, "§6.2.1", "EXT-X-ENDLIST vanished; should, where it stayed and segments came behind it"),
    rule("T12", "pdt-jump", Must, "§6.2.1", "dates go back or overlap by a second or more without a discontinuity; a jump forward of more than a second against EXTINF is should"),
    rule("T13", "pdt-drift", Info, "seen in the field", "over an hour and more EXT-X-PROGRAM-DATE-TIME falls behind the clock, or gets ahead of it, by more than 0.5 s an hour"),
    rule("T14", "speed", Info, "seen in the field", "over a minute and more media come slower or faster than they are played, by more than 2 % and one and a half target durations"),
    rule("T15", "daterange-changed", Must, "§4.4.5.1, 6.2.1", "an attribute of a date range changed its value, or an ID was used again"),
    rule("T16", "atomic", Must, "§6.2.1", "a text is the beginning of the next one, and ends inside a line or between an EXTINF and its URI: it was answered while it was written"),
    rule("T17", "flapping", Should, "§6.2.2", "a text is that of an older revision: two origins behind one name, or caches"),
    rule("H01", "listed-not-there", Must, "§6.2.1", "a segment, part, map or key that was listed or announced is answered with 404, 410 or 5xx (not 503)"),
    rule("H03", "slow", Should, "§6.2.1", "a segment took longer to come than the target duration, with few downloads beside it"),
    rule("H04", "lag", Info, "seen in the field", "a viewer with three target durations of buffer would have waited, as this recorder got the segments"),
    apple(rule("H05", "gzip", Should, "§6.2.1, A 10.1", "a playlist of 1,000 bytes or more is not compressed, though gzip was asked for")),
    rule("H06", "cache-live", Should, "§B.1", "a live playlist may be cached for more than half of its target duration, or had been for more than one; a 404 may be for more than one"),
    rule("H07", "last-modified", Should, "A 8.24", "Last-Modified of a new text of a live playlist is more than three target durations before Date"),
    rule("H08", "cors", Should, "seen in the field", "an answer has no Access-Control-Allow-Origin, and others have"),
    rule("H09", "mime", Should, "A 10.4", "Content-Type of media is not what its name says"),
    apple(rule("H10", "redirect", Should, "A 8.18", "a segment, part or map is redirected")),
    rule("H11", "tls", Should, "A 11", "media or playlists are fetched over http from a public host; or what a channel at https lists is at http"),
    rule("H12", "range", Must, "§4.4.4.2", "the answer to a request for a range has another Content-Range; should, where all of the file was answered"),
    rule("H13", "expires", Info, "§6.2.2, 6.2.3", "a segment, part, map or key comes with neither Cache-Control nor Expires; or no cache may keep a segment (no-store)"),
    rule("H14", "faults", Info, "§6.2.1", "an outage: the origin gave no good answer (what adjacent-find --faults lists); should, where a viewer would have stalled and none of T07, H01 and H03 tells it, or where a raw stream broke that is not told by S01"),
    rule("X01", "target-differs", Must, "§6.2.4", "target durations of renditions differ (not of subtitles, nor of single frames)"),
    rule("X02", "dseq-differs", Must, "§6.2.4", "at one date two renditions have other discontinuity numbers"),
    rule("X03", "edge-skew", Should, "§6.2.4, B.1", "a rendition came to a date more than half a target duration (of parts: one part target, must) after another"),
    rule("X04", "boundaries", Should, "A 8.22", "segments of two variants at one date begin at other pictures, and neither where any of the other variant does"),
    rule("X05", "timestamps", Must, "§6.2.4", "at one date the time stamps of two renditions differ by more than a frame and 0.1 s"),
    rule("X06", "dateranges", Must, "§6.2.4", "a date range is in one playlist, and for a target duration not in another one that has date ranges, or has other values there"),
    rule("X07", "pdt-map", Must, "§6.2.4", "some renditions have EXT-X-PROGRAM-DATE-TIME, others have none"),
    rule("X08", "server-control", Must, "§6.2.4", "attributes of EXT-X-SERVER-CONTROL of renditions differ (CAN-BLOCK-RELOAD, CAN-SKIP-UNTIL, HOLD-BACK, PART-HOLD-BACK)"),
    rule("X09", "bandwidth", Should, "§4.1, 4.4.6.2", "a segment of a variant has more than BANDWIDTH, or they have more than 110 % of AVERAGE-BANDWIDTH; must, where all segments exist"),
    rule("X10", "codecs", Should, "§4.4.6.2, A 9.1, 9.2, 9.15", "a variant has no CODECS, or they are unlike its media (a higher profile or level of H.264); must, where they lack a format that is there; info, where RESOLUTION or FRAME-RATE is missing"),
    rule("X11", "groups", Must, "§4.4.6.1.1, 4.4.6.2, A 8.10", "a variant names a group that no EXT-X-MEDIA has; two renditions of a group have one NAME, or DEFAULT=YES; should, where one of several sounds or subtitles has no LANGUAGE"),
    rule("X12", "dead-variant", Info, "seen in the field", "one variant has no new segment while others go on"),
    rule("L01", "part-duration", Must, "§4.4.4.9", "a part is longer than PART-TARGET, or shorter than 85 % of it though another part of its segment follows"),
    rule("L02", "hold-back", Must, "§4.4.3.8", "PART-HOLD-BACK is missing or less than twice PART-TARGET (should: three times); HOLD-BACK is less than three target durations, CAN-SKIP-UNTIL than six"),
    rule("L03", "part-late", Must, "§6.2.1", "the next part came later than one PART-TARGET after the last one, and polls were dense enough to tell"),
    rule("L04", "hint", Must, "§4.4.5.3, B.1", "parts without an EXT-X-PRELOAD-HINT, or a hint behind the end"),
    rule("L05", "block", Must, "§6.2.5.2", "a blocking request is answered without what it asked for, or is held for more than three target durations"),
    rule("L06", "reports", Must, "§4.4.5.4, B.1", "there is no EXT-X-RENDITION-REPORT of another low-latency playlist at that host, or one that is older than the text that it stands in"),
    rule("L07", "skip", Must, "§4.4.5.2, 6.2.5.1", "an EXT-X-SKIP stands in an answer to a request that did not ask for a delta"),
    rule("L09", "drip", Must, "§6.2.6", "three and more parts in a row take half of PART-TARGET and more from their first byte to their last, evenly, and segments usually come eight times as fast"),
    rule("L10", "http", Should, "§B.1", "a low-latency playlist or its media are answered over HTTP/1.1 at https; or come out of a cache without Age"),
    rule("M01", "ts-sync", Must, "§3.1", "a body is no media: empty, a page, a text; a transport stream loses the step of 188 bytes or ends inside a packet; boxes end inside a box"),
    rule("M02", "pat-pmt", Must, "§3.1.1", "no whole PAT and PMT in a segment nor in its EXT-X-MAP, or more than one program; should, where media stand before them"),
    rule("M03", "cc", Must, "§3, A 7.2", "the continuity counter of a PID jumps, inside a segment or from one to the next"),
    rule("M04", "pcr", Info, "TR 101 290 2.3", "a PCR comes more than 100 ms after the one before it, or goes back"),
    rule("M05", "duration", Must, "§3, 4.4.4.1", "EXTINF is off what the time stamps say by more than a frame, however they are measured"),
    rule("M06", "pts-continuity", Must, "§3, A 7.1", "the time stamps of a track do not go on where the segment before it ended"),
    apple(rule("M07", "idr", Should, "§4.4.2.1, A 7.4", "EXT-X-INDEPENDENT-SEGMENTS is said, and the first picture of a segment is no random access point; info, behind a recovery point")),
    rule("M08", "format-change", Must, "§4.4.4.3", "format or tracks change without a discontinuity; should, where only parameters of a codec or the size do"),
    rule("M09", "init", Must, "§3.1.2", "the initialization section has old brands only, no mvex, or samples; a segment has a track that it does not know, or no tfdt"),
    rule("M10", "aes", Must, "§4.4.4.4, 5.1", "the size of what AES-128 encrypted is no multiple of 16, it does not decrypt with the recorded key, or the key has another length"),
    rule("M11", "clear-or-encrypted", Must, "§6.2.3", "a segment is not encrypted though an EXT-X-KEY applies to it, or looks encrypted though none does"),
    rule("M12", "packed-audio", Must, "§3.1.3", "packed audio has no ID3 PRIV frame with a time stamp"),
    rule("M13", "vtt", Should, "§3.1.4", "subtitles have no WEBVTT header, or no X-TIMESTAMP-MAP, and no EXT-X-MAP; or their cues are more than a second off the time stamps of the video at the same date"),
    rule("M14", "scte35-vs-cue", Info, "§4.4.5.1.1", "media carry a splice (SCTE-35) and the playlist tells none; the CRC of a message is wrong, in media or in an EXT-X-DATERANGE"),
    rule("M15", "av-skew", Info, "seen in the field", "the first sound and the first picture of a segment are more than 0.5 s apart"),
    rule("M16", "freeze-suspect", Info, "seen in the field", "three segments or more of the same bytes under different names, or pictures that take less than 2 % of what is usual"),
    rule("S01", "raw-gap", Should, "seen in the field", "no byte of a raw stream came for more than two seconds; must, for more than ten (what adjacent-find lists)"),
];

/// A rule by its id.
pub fn rule_of(id: &str) -> Option<&'static RuleInfo> {
    static BY_ID: LazyLock<HashMap<&str, &RuleInfo>> =
        LazyLock::new(|| RULES.iter().map(|rule| (rule.id, rule)).collect());
    BY_ID.get(id).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_and_names_are_unique_and_every_rule_says_where_it_is_written() {
        let ids: HashSet<_> = RULES.iter().map(|rule| rule.id).collect();
        let names: HashSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!((ids.len(), names.len()), (RULES.len(), RULES.len()));
        for rule in RULES {
            assert!(
                !rule.section.is_empty() && !rule.fires.is_empty(),
                "{}",
                rule.id
            );
        }
        assert_eq!(
            rule_of("P06").map(|rule| rule.name),
            Some("extinf-over-target")
        );
        assert!(rule_of("Z01").is_none());
    }

    #[test]
    fn what_apple_demands_is_a_must_under_its_profile_alone() {
        let rule = rule_of("P16").unwrap();
        assert_eq!(rule.severity_for(Profile::Rfc), Severity::Should);
        assert_eq!(rule.severity_for(Profile::Apple), Severity::Must);
    }
}
