//! Rules of low latency (L01 to L04, L07): what a text says of its parts, and when the next one came (RFC 8216bis 4.4.3.8, 4.4.4.9,
//! 4.4.5.2, 4.4.5.3, 6.2.1, 6.2.5.1).

use super::broken::Broken;
use super::playlist::{Part, Playlist, micros};
use super::registry::Severity;
use crate::hls::steps::step;
use crate::hls::{Tag, attributes};
use crate::session::seconds;

/// A part may be so much of the part target at least, in hundredths.
const LEAST: i64 = 85;
/// Numbers are written to so much, in microseconds.
const CLOSE_US: i64 = 1_000;

/// What is wrong with a text. `fresh`: how many parts of it an earlier revision listed.
pub(super) fn judge(playlist: &Playlist, fresh: usize, out: &mut Vec<Broken>) {
    control(playlist, out);
    hints(playlist, out);
    let Some(target_us) = playlist.part_target_us else {
        if !playlist.parts.is_empty() {
            out.push(Broken::new(
                "L01",
                "there are parts, and no EXT-X-PART-INF with a PART-TARGET",
            ));
        }
        return;
    };
    for (index, part) in playlist.parts.iter().enumerate().skip(fresh) {
        let next = playlist.parts.get(index + 1);
        let is_followed = next.is_some_and(|next| next.index == part.index && !next.gap);
        let is_exempt = part.independent || part.gap || !is_followed;
        let number = playlist.number(part.index);
        let said = format!(
            "DURATION of a part of segment {number} is {} s, PART-TARGET {}",
            seconds(part.duration_us),
            seconds(target_us)
        );
        if part.duration_us > target_us.saturating_add(CLOSE_US) {
            out.push(Broken::new("L01", said));
        } else if !is_exempt
            && part.duration_us.saturating_mul(100) < target_us.saturating_mul(LEAST)
        {
            out.push(
                Broken::new("L01", format!("{said}, and another part of it follows")).kind("short"),
            );
        }
    }
}

/// L07, of a text with an EXT-X-SKIP; `query`: that of the URL that was asked for. `None`: a delta was asked for.
pub(super) fn delta(playlist: &Playlist, query: Option<&str>) -> Option<Broken> {
    let query = query.unwrap_or_default();
    let mut names = query.split('&').map(|pair| pair.split('=').next());
    if names.any(|name| name == Some("_HLS_skip")) {
        return None;
    }
    let skipped = playlist.skipped;
    let text = format!(
        "EXT-X-SKIP stands in the place of {}, and no delta was asked for (_HLS_skip): who has no earlier text cannot play it",
        crate::shown::counted(skipped, "segment")
    );
    Some(Broken::new("L07", text).with("skipped", skipped))
}

fn value_us(tag: Tag<'_>, name: &[u8]) -> Option<i64> {
    let mut values = attributes(tag.value).filter(|attribute| attribute.name == name);
    let text = std::str::from_utf8(values.next()?.value).ok()?;
    micros(text.parse().ok()?)
}

fn control(playlist: &Playlist, out: &mut Vec<Broken>) {
    let tag = playlist
        .tags()
        .find(|tag| tag.name == b"#EXT-X-SERVER-CONTROL");
    let of = |name: &[u8]| tag.and_then(|tag| value_us(tag, name));
    if let Some(part_target_us) = playlist.part_target_us {
        match of(b"PART-HOLD-BACK") {
            None => {
                out.push(Broken::new("L02", "there are parts, and no PART-HOLD-BACK").kind("none"))
            }
            Some(us) if us < part_target_us.saturating_mul(2) => {
                let text = format!(
                    "PART-HOLD-BACK is {} s, less than twice PART-TARGET",
                    seconds(us)
                );
                out.push(Broken::new("L02", text).kind("part"));
            }
            Some(us) if us < part_target_us.saturating_mul(3) => {
                let text = format!(
                    "PART-HOLD-BACK is {} s, less than three times PART-TARGET",
                    seconds(us)
                );
                out.push(
                    Broken::new("L02", text)
                        .severity(Severity::Should)
                        .kind("part"),
                );
            }
            Some(_) => {}
        }
    }
    let Some(target_us) = playlist.target_us else {
        return;
    };
    for (name, times) in [("HOLD-BACK", 3), ("CAN-SKIP-UNTIL", 6)] {
        if let Some(us) = of(name.as_bytes()).filter(|us| *us < target_us.saturating_mul(times)) {
            let text = format!(
                "{name} is {} s, less than {times} target durations",
                seconds(us)
            );
            out.push(Broken::new("L02", text).kind(name));
        }
    }
}

fn hints(playlist: &Playlist, out: &mut Vec<Broken>) {
    let hints = playlist
        .tags()
        .filter(|tag| tag.name == b"#EXT-X-PRELOAD-HINT")
        .count();
    if hints > 0 && playlist.ended {
        out.push(
            Broken::new(
                "L04",
                "there is an EXT-X-PRELOAD-HINT behind the end (EXT-X-ENDLIST)",
            )
            .kind("ended"),
        );
    }
    let blocks = playlist.tags().any(|tag| {
        tag.name == b"#EXT-X-SERVER-CONTROL"
            && attributes(tag.value).any(|a| a.name == b"CAN-BLOCK-RELOAD" && a.value == b"YES")
    });
    if hints == 0 && blocks && !playlist.ended && !playlist.parts.is_empty() {
        out.push(Broken::new("L04", "there are parts, and no EXT-X-PRELOAD-HINT").kind("none"));
    }
}

/// When the last part was added: segments and parts that were listed then, and when that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartEdge {
    /// The number of the segment behind the last one that is whole.
    next: u64,
    /// Parts of that.
    parts: usize,
    seen_us: i64,
}

impl PartEdge {
    pub(super) fn new(playlist: &Playlist, seen_us: i64) -> Option<Self> {
        playlist.part_target_us?;
        if playlist.parts.is_empty() || playlist.i_frames_only {
            return None;
        }
        let count = playlist.segments.len();
        Some(Self {
            next: playlist.number(count),
            parts: playlist
                .parts
                .iter()
                .filter(|part| part.index == count)
                .count(),
            seen_us,
        })
    }

    fn is_behind(&self, other: &Self) -> bool {
        (self.next, self.parts) < (other.next, other.parts)
    }
}

/// L03: whether a part came later than it may. Polls that are too coarse say nothing: `not_before_us` is when it was known that
/// it was not there yet.
pub(super) fn part_late(
    before: &PartEdge,
    now: &PartEdge,
    not_before_us: Option<i64>,
    target_us: i64,
    out: &mut Vec<Broken>,
) {
    let Some(not_before_us) = not_before_us.filter(|_| before.is_behind(now)) else {
        return;
    };
    let late_us = not_before_us.saturating_sub(before.seen_us);
    // It was seen no earlier than it was there: one part target between the two, and what the way takes.
    if late_us > target_us.saturating_add(target_us / 2) {
        let text = format!(
            "the next part came more than {:.2} s after the last one, PART-TARGET is {} s",
            seconds(late_us),
            seconds(target_us)
        );
        out.push(Broken::new("L03", text));
    }
}

/// How many parts of a text an earlier revision listed: those of segments that are whole, and so many of the next.
pub(super) fn known_parts(playlist: &Playlist, before: Option<&PartEdge>) -> usize {
    let Some(before) = before else { return 0 };
    let mut of_next = 0;
    let is_known = |part: &&Part| {
        step();
        let number = playlist.number(part.index);
        of_next += usize::from(number == before.next);
        number < before.next || (number == before.next && of_next <= before.parts)
    };
    playlist.parts.iter().take_while(is_known).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:5\n\
        #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,HOLD-BACK=6\n\
        #EXTINF:2,\na.ts\n#EXT-X-PART:DURATION=0.5,URI=\"p0\"\n#EXT-X-PART:DURATION=0.5,URI=\"p1\"\n\
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p2\"\n";

    fn found(text: &str) -> Vec<&'static str> {
        let mut out = Vec::new();
        judge(&Playlist::read(text.into()), 0, &mut out);
        out.iter().map(|broken| broken.rule).collect()
    }

    #[test]
    fn parts_are_as_long_as_the_target_says() {
        assert_eq!(found(TEXT), Vec::<&str>::new());
        assert_eq!(
            found(&TEXT.replace("0.5,URI=\"p1\"", "0.6,URI=\"p1\"")),
            ["L01"]
        );
        assert_eq!(
            found(&TEXT.replace("0.5,URI=\"p0\"", "0.4,URI=\"p0\"")),
            ["L01"]
        );
        // The last one may be short, and one that is independent.
        assert_eq!(
            found(&TEXT.replace("0.5,URI=\"p1\"", "0.1,URI=\"p1\"")),
            Vec::<&str>::new()
        );
        assert_eq!(
            found(&TEXT.replace("0.5,URI=\"p0\"", "0.4,INDEPENDENT=YES,URI=\"p0\"")),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn a_delta_is_for_who_asks_for_it() {
        let text = TEXT.replace("#EXTINF", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF");
        let playlist = Playlist::read(text.into());
        let told = |query| delta(&playlist, query).map(|broken| broken.text);
        assert!(told(None).unwrap().contains("3 segments"));
        assert!(told(Some("token=_HLS_skip&v=1")).is_some());
        assert_eq!(told(Some("v=1&_HLS_skip=YES")), None);
    }

    #[test]
    fn players_keep_their_distance() {
        assert_eq!(found(&TEXT.replace("PART-HOLD-BACK=1.5,", "")), ["L02"]);
        assert_eq!(
            found(&TEXT.replace("PART-HOLD-BACK=1.5", "PART-HOLD-BACK=0.9")),
            ["L02"]
        );
        assert_eq!(
            found(&TEXT.replace(",HOLD-BACK=6", ",HOLD-BACK=5")),
            ["L02"]
        );
        assert_eq!(
            found(&TEXT.replace(",HOLD-BACK=6", ",CAN-SKIP-UNTIL=11")),
            ["L02"]
        );
    }

    #[test]
    fn parts_are_announced_until_the_end() {
        assert_eq!(
            found(&TEXT.replace("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p2\"\n", "")),
            ["L04"]
        );
        assert_eq!(found(&format!("{TEXT}#EXT-X-ENDLIST\n")), ["L04"]);
    }

    #[test]
    fn the_next_part_comes_in_time() {
        let next = TEXT.replace(
            "#EXT-X-PRELOAD",
            "#EXT-X-PART:DURATION=0.5,URI=\"p2\"\n#EXT-X-PRELOAD",
        );
        let edge =
            |text: &str, seen_us| PartEdge::new(&Playlist::read(text.into()), seen_us).unwrap();
        let late = |not_before_us| {
            let mut out = Vec::new();
            part_late(
                &edge(TEXT, 0),
                &edge(&next, 2_000_000),
                not_before_us,
                500_000,
                &mut out,
            );
            out.len()
        };
        assert_eq!(late(Some(1_900_000)), 1);
        assert_eq!(late(Some(600_000)), 0, "it may have been there then");
        assert_eq!(late(None), 0);
        assert_eq!(
            known_parts(&Playlist::read(next.clone().into()), Some(&edge(TEXT, 0))),
            2
        );
    }
}
