//! T03 rewritten, T06 target-changed, T10 event-or-vod-changed, P15 live-type: what may not change (RFC 8216bis 6.2.1).

use super::alignment::Alignment;
use super::change::Change;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::{ListType, Segment};
use crate::analysis::rules::registry::Severity;
use crate::session::seconds;
use crate::shown::counted;

pub(super) fn judge(change: &Change<'_>, out: &mut Vec<Broken>) {
    if change.is_old {
        return;
    }
    let (before, now) = (change.before, change.now);
    if let (Some(was_us), Some(is_us)) = (before.target_us, now.target_us)
        && was_us != is_us
    {
        let (was, is) = (was_us / 1_000_000, is_us / 1_000_000);
        let text = format!("EXT-X-TARGETDURATION changed from {was} to {is}");
        out.push(Broken::new("T06", text));
    }
    if before.list_type == Some(ListType::Vod) && before.text != now.text {
        out.push(Broken::new("T10", "a playlist of EXT-X-PLAYLIST-TYPE VOD changed").kind("vod"));
        return;
    }
    let grown = change.grown().and_then(|grown| usize::try_from(grown).ok());
    let (Some(grown), Some(alignment), true) = (grown, change.alignment(), change.goes_on()) else {
        return;
    };
    let gone = match alignment {
        Alignment::Slid(gone) => gone,
        Alignment::Renamed(names) => {
            let text = format!("{} got another name", counted(names as u64, "segment"));
            let renamed = Broken::new("T03", text).severity(Severity::Info);
            out.push(renamed.kind("name"));
            grown
        }
        _ => grown,
    };
    if gone > 0 {
        removed(change, gone, out);
    }
    segments(change, gone, out);
}

/// What has a type loses nothing.
fn removed(change: &Change<'_>, gone: usize, out: &mut Vec<Broken>) {
    let gone = counted(gone as u64, "segment");
    if change.now.list_type.is_some() {
        let text = format!("{gone} removed, and there is an EXT-X-PLAYLIST-TYPE");
        out.push(Broken::new("P15", text));
    }
    if change.before.list_type == Some(ListType::Event) {
        let text = format!("a playlist of EXT-X-PLAYLIST-TYPE EVENT lost {gone}");
        out.push(Broken::new("T10", text).kind("event"));
    }
}

fn segments(change: &Change<'_>, gone: usize, out: &mut Vec<Broken>) {
    let left = change.before.segments.iter().skip(gone);
    for (index, (was, is)) in left.zip(&change.now.segments).enumerate() {
        if was.name != is.name {
            continue;
        }
        let number = change.now.number(index);
        // That none applies any more is P12's.
        let lacks_map = change.now.lacks_map(index) || change.before.lacks_map(gone + index);
        let map = if lacks_map { was.map } else { is.map };
        let is = &Segment { map, ..is.clone() };
        for what in differences(was, is) {
            out.push(
                Broken::new("T03", format!("segment {number}: {what}"))
                    .with("media_sequence", number),
            );
        }
    }
}

fn differences(was: &Segment, is: &Segment) -> Vec<String> {
    let mut differences = Vec::new();
    if was.duration_us != is.duration_us {
        let (was, is) = (seconds(was.duration_us), seconds(is.duration_us));
        differences.push(format!("its EXTINF changed from {was} to {is}"));
    }
    if was.keys != is.keys {
        let what = match (was.keys, is.keys) {
            (_, 0) => "no key applies to it any more (EXT-X-KEY)",
            (0, _) => "a key applies to it that did not (EXT-X-KEY)",
            _ => "the key that applies to it changed",
        };
        differences.push(what.to_owned());
    }
    if was.map != is.map {
        differences.push("the EXT-X-MAP that applies to it changed".to_owned());
    }
    if let (Some(was_us), Some(is_us)) = (was.date_us, is.date_us)
        && was_us != is_us
    {
        let by = seconds(is_us.saturating_sub(was_us));
        differences.push(format!("its EXT-X-PROGRAM-DATE-TIME changed by {by} s"));
    }
    if was.gap != is.gap {
        differences.push("EXT-X-GAP was added or removed".to_owned());
    }
    differences
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::time::testing::{SIX, broken, found, window};
    use crate::hls::Step;

    const SLID: [&str; 6] = ["b", "c", "d", "e", "f", "g"];

    #[test]
    fn what_is_said_of_a_segment_stays() {
        let before = window(7, &SIX);
        let longer = window(8, &SLID).replacen("#EXTINF:4.0,\nd", "#EXTINF:3.9,\nd", 1);
        let broken = broken(&before, &longer, Step::Slid);
        assert_eq!((broken.len(), broken[0].rule), (1, "T03"));
        assert_eq!(
            broken[0].text,
            "segment 10: its EXTINF changed from 4 to 3.9"
        );
        let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4.0,\nf";
        let keyed = window(8, &SLID).replacen("#EXTINF:4.0,\nf", key, 1);
        assert_eq!(found(&before, &keyed, Step::Slid), ["T03"]);
        // Its tag goes with the segment before which it stood, and it applies to those behind it as well.
        let all = |segments| {
            window(7, segments).replacen(
                "#EXTINF",
                "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF",
                1,
            )
        };
        let lost = super::super::testing::broken(&all(&SIX), &window(8, &SLID), Step::Slid);
        assert_eq!(
            (lost.len(), lost[0].text.as_str()),
            (5, "segment 8: no key applies to it any more (EXT-X-KEY)")
        );
        let renamed = window(8, &["b", "c", "x", "e", "f", "g"]);
        assert_eq!(found(&before, &renamed, Step::Slid), ["T03"]);
    }

    #[test]
    fn a_map_that_is_missing_is_told_by_its_own_rule() {
        let fragments = |text: String| text.replace(".ts", ".m4s");
        let mapped = |uri: &str| {
            let map = format!("#EXT-X-MAP:URI=\"{uri}\"\n#EXTINF");
            fragments(window(7, &SIX)).replacen("#EXTINF", &map, 1)
        };
        let bare = fragments(window(7, &SIX));
        let none = Vec::<&str>::new();
        assert_eq!(found(&mapped("a.mp4"), &bare, Step::Same), none);
        assert_eq!(found(&bare, &mapped("a.mp4"), Step::Same), none);
        let other = found(&mapped("a.mp4"), &mapped("b.mp4"), Step::Same);
        assert_eq!(other[0], "T03");
    }

    #[test]
    fn the_target_duration_stays() {
        let now = window(8, &SLID).replace("TARGETDURATION:4", "TARGETDURATION:5");
        assert_eq!(found(&window(7, &SIX), &now, Step::Slid), ["T06"]);
    }

    #[test]
    fn what_has_a_type_loses_nothing() {
        let event = |text: String| {
            text.replace(
                "#EXT-X-VERSION:6",
                "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT",
            )
        };
        let now = window(8, &SLID);
        assert_eq!(
            found(&event(window(7, &SIX)), &event(now.clone()), Step::Slid),
            ["P15", "T10"]
        );
        let grown = window(7, &["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(
            found(&event(window(7, &SIX)), &event(grown), Step::Slid),
            Vec::<&str>::new()
        );
        let vod = |text: String| {
            text.replace(
                "#EXT-X-VERSION:6",
                "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:VOD",
            )
        };
        assert_eq!(found(&vod(window(7, &SIX)), &vod(now), Step::Slid), ["T10"]);
    }
}
