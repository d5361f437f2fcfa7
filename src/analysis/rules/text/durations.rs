//! P05 target-missing, P06 extinf-over-target, P18 short-segment, P19 few-segments: how long things are.

use super::seen::{Text, shown};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::{Playlist, integer, is_digits};
use crate::analysis::rules::registry::Severity;
use crate::session::seconds;
use crate::shown::counted;

/// Fewer segments than these are few (HLS Authoring Specification 8.11).
const FEW: usize = 6;
/// From this version on a duration is rounded before it is compared.
const ROUNDED_SINCE: u64 = 6;

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    let Some(target_us) = playlist.target_us else {
        out.push(no_target(playlist));
        return;
    };
    for index in text.fresh..playlist.segments.len() {
        over_target(text, target_us, index, out);
        short(text, target_us, index, out);
    }
    let count = playlist.segments.len();
    // A channel that has just begun has few.
    if playlist.is_live() && text.has_slid && count < FEW && !playlist.i_frames_only {
        out.push(Broken::new(
            "P19",
            format!("it lists {}", counted(count as u64, "segment")),
        ));
    }
}

/// Why there is no target duration to measure by.
fn no_target(playlist: &Playlist) -> Broken {
    let span = playlist.target_written.clone();
    let Some(written) = span.and_then(|span| playlist.text.get(span)) else {
        return Broken::new("P05", "there is no EXT-X-TARGETDURATION");
    };
    let shown = shown(written);
    let number = integer(written);
    let text = match number {
        Some(0) => "EXT-X-TARGETDURATION is 0".to_owned(),
        Some(_) => format!("EXT-X-TARGETDURATION is {shown}, a day or more"),
        None if is_digits(written) => {
            format!("EXT-X-TARGETDURATION is {shown}, which is above 18446744073709551615")
        }
        None => format!("EXT-X-TARGETDURATION is \"{shown}\", which is no whole number"),
    };
    let broken = Broken::new("P05", text);
    match number {
        // A number that may be written, and no time that a segment takes.
        Some(1..) => broken.severity(Severity::Should).kind("absurd"),
        _ => broken,
    }
}

fn over_target(text: &Text<'_>, target_us: i64, index: usize, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    // Of I-frames it is the time to the next, which is bound as well (4.4.3.6).
    let Some(segment) = playlist.segments.get(index) else {
        return;
    };
    let rounded_us = segment.duration_us.saturating_add(500_000) / 1_000_000 * 1_000_000;
    let is_over = rounded_us > target_us;
    let is_fraction_over =
        segment.duration_us > target_us && playlist.version.unwrap_or(1) < ROUNDED_SINCE;
    if !is_over && !is_fraction_over {
        return;
    }
    let sentence = format!(
        "EXTINF of segment {} is {} s, EXT-X-TARGETDURATION {}",
        playlist.number(index),
        seconds(segment.duration_us),
        target_us / 1_000_000
    );
    let broken = Broken::new("P06", sentence)
        .with("media_sequence", playlist.number(index))
        .with("extinf_seconds", seconds(segment.duration_us));
    out.push(match is_over {
        true => broken,
        false => broken.severity(Severity::Info).kind("fraction"),
    });
}

fn short(text: &Text<'_>, target_us: i64, index: usize, out: &mut Vec<Broken>) {
    let segments = &text.playlist.segments;
    let (Some(segment), Some(next)) = (segments.get(index), segments.get(index + 1)) else {
        return;
    };
    if segment.duration_us >= target_us / 2 || next.discontinuity || text.playlist.i_frames_only {
        return;
    }
    let sentence = format!(
        "EXTINF of segment {} is {} s, EXT-X-TARGETDURATION {}",
        text.playlist.number(index),
        seconds(segment.duration_us),
        target_us / 1_000_000
    );
    out.push(Broken::new("P18", sentence));
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::registry::Severity;
    use crate::analysis::rules::text::testing::{CLEAN, broken, found};

    #[test]
    fn no_target_duration() {
        assert_eq!(
            found(&CLEAN.replace("#EXT-X-TARGETDURATION:4\n", "")),
            ["P05"]
        );
        assert_eq!(
            found(&CLEAN.replace("TARGETDURATION:4", "TARGETDURATION:0")),
            ["P05"]
        );
    }

    #[test]
    fn a_target_duration_that_cannot_be_is_told_as_it_is_written() {
        let of = |value: &str| {
            let text = CLEAN.replace("DURATION:4", &format!("DURATION:{value}"));
            let broken = broken(&text);
            assert_eq!((broken.len(), broken[0].rule), (1, "P05"), "{value}");
            (broken[0].text.clone(), broken[0].severity)
        };
        let tag = "EXT-X-TARGETDURATION is";
        assert_eq!(of("0"), (format!("{tag} 0"), None));
        let absurd = format!("{tag} 18446744073709551615, a day or more");
        assert_eq!(of("18446744073709551615"), (absurd, Some(Severity::Should)));
        let above = format!("{tag} 18446744073709551616, which is above 18446744073709551615");
        assert_eq!(of("18446744073709551616"), (above, None));
        for value in ["1e9", "-4", "+4", "4.0", "four"] {
            let no_number = format!("{tag} \"{value}\", which is no whole number");
            assert_eq!(of(value), (no_number, None));
        }
    }

    #[test]
    fn a_segment_longer_than_the_target_duration() {
        let text = CLEAN.replace("#EXTINF:4.0,\ns9", "#EXTINF:4.6,\ns9");
        let broken = broken(&text);
        assert_eq!(
            broken[0].text,
            "EXTINF of segment 9 is 4.6 s, EXT-X-TARGETDURATION 4"
        );
        assert_eq!(
            (broken.len(), broken[0].rule, broken[0].severity),
            (1, "P06", None)
        );
    }

    #[test]
    fn a_fraction_more_is_told_below_version_6_only() {
        let text = CLEAN.replace("#EXTINF:4.0,\ns9", "#EXTINF:4.4,\ns9");
        assert_eq!(broken(&text)[0].severity, Some(Severity::Info));
        let text = text.replace("VERSION:3", "VERSION:6");
        assert!(!found(&text).contains(&"P06"));
    }

    #[test]
    fn a_segment_that_is_too_short_is_not_the_last_one() {
        let short = CLEAN.replace("#EXTINF:4.0,\ns9", "#EXTINF:1.0,\ns9");
        assert_eq!(found(&short), ["P18"]);
        let last = CLEAN.replace("#EXTINF:4.0,\ns12", "#EXTINF:1.0,\ns12");
        assert_eq!(found(&last), Vec::<&str>::new());
    }
}
