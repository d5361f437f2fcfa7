//! T01 msn-back, T02 msn-count, T04 removed-inside, T09 dseq, T11 ended-wrongly, T17 flapping (RFC 8216bis 6.2.1, 6.2.2).

use super::alignment::Alignment;
use super::change::Change;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::registry::Severity;
use crate::hls::Step;
use crate::session::seconds;
use crate::shown::counted;

pub(super) fn judge(change: &Change<'_>, out: &mut Vec<Broken>) {
    let (before, now) = (change.before, change.now);
    if change.is_old {
        out.push(flapping(change));
        return;
    }
    if before.ended && !now.ended {
        out.push(Broken::new("T11", "EXT-X-ENDLIST was there and is gone"));
    } else if before.ended && change.has_numbers() && ends_at(now) > ends_at(before) {
        let came = Broken::new("T11", "segments came behind EXT-X-ENDLIST");
        out.push(came.severity(Severity::Should).kind("behind"));
    }
    if !change.has_numbers() {
        // P21: of what is beyond 64 bits nothing can be counted.
        return;
    }
    let Some(grown) = change.grown() else {
        if change.step == Some(Step::Restarted) || change.goes_on() {
            let text = format!(
                "EXT-X-MEDIA-SEQUENCE went back from {} to {}",
                before.first_number(),
                now.first_number()
            );
            let broken = Broken::new("T01", text)
                .with("media_sequence_was", before.first_number())
                .with("media_sequence_is", now.first_number());
            out.push(broken);
        }
        return;
    };
    if change.goes_on() {
        counted_right(change, grown, out);
        discontinuities(change, grown, out);
    }
}

/// T17.
pub(super) fn flapping(change: &Change<'_>) -> Broken {
    let age = change.age.filter(|age| age.segments > 0);
    let older_us = age.map_or(0, |age| age.us);
    let by = match age {
        None => "seen again behind a newer one".to_owned(),
        Some(age) => format!(
            "{} s ({}) older than the newest one",
            seconds(age.us),
            counted(age.segments, "segment")
        ),
    };
    let text = format!("the text is that of an older revision, {by}");
    let broken = Broken::new("T17", text).worse(older_us);
    broken.with("older_seconds", seconds(older_us))
}

/// The number behind its last segment.
fn ends_at(playlist: &Playlist) -> u64 {
    playlist.number(playlist.segments.len())
}

fn counted_right(change: &Change<'_>, grown: u64, out: &mut Vec<Broken>) {
    let count = usize::try_from(grown).unwrap_or(usize::MAX);
    match change.alignment().unwrap_or(Alignment::Unknown) {
        Alignment::Slid(gone) if gone != count => {
            let removed = counted(gone as u64, "segment");
            let text = match change.now.media_sequence {
                None => format!("{removed} removed, and there is no EXT-X-MEDIA-SEQUENCE"),
                Some(_) => format!("EXT-X-MEDIA-SEQUENCE grew by {grown}, with {removed} removed"),
            };
            out.push(
                Broken::new("T02", text)
                    .with("grew", grown)
                    .with("removed", gone),
            );
        }
        Alignment::Removed(gone) => {
            let gone = counted(gone as u64, "segment");
            out.push(Broken::new(
                "T04",
                format!("{gone} went from the middle of the list"),
            ));
        }
        Alignment::Inserted(new) => {
            let new = counted(new as u64, "segment");
            out.push(
                Broken::new("T04", format!("{new} came into the middle of the list"))
                    .kind("inserted"),
            );
        }
        _ => {}
    }
}

fn discontinuities(change: &Change<'_>, grown: u64, out: &mut Vec<Broken>) {
    let (before, now) = (change.before, change.now);
    let (was, is) = (
        before.discontinuity_sequence.unwrap_or(0),
        now.discontinuity_sequence.unwrap_or(0),
    );
    if is < was {
        let text = format!("EXT-X-DISCONTINUITY-SEQUENCE decreased from {was} to {is}");
        let broken = Broken::new("T09", text).kind("decreased");
        out.push(counters(broken, (was, is)));
        return;
    }
    let gone = usize::try_from(grown)
        .ok()
        .filter(|gone| *gone < before.segments.len());
    let Some(gone) = gone else { return };
    // Where numbers and names say different things, it is not known what was removed.
    if change.alignment() != Some(Alignment::Slid(gone)) {
        return;
    }
    let removed = before
        .segments
        .iter()
        .take(gone)
        .filter(|s| s.discontinuity)
        .count();
    let lost_tag = before.segments.get(gone).is_some_and(|s| s.discontinuity)
        && now.segments.first().is_some_and(|s| !s.discontinuity);
    let expected = removed as u64 + u64::from(lost_tag);
    if expected > 0 && is - was != expected {
        let left = match expected {
            1 => "an EXT-X-DISCONTINUITY".to_owned(),
            many => format!("{many} EXT-X-DISCONTINUITY"),
        };
        let text = match (is == was, now.discontinuity_sequence) {
            (true, None) => format!(
                "EXT-X-DISCONTINUITY-SEQUENCE stayed at {is} (no tag) though {left} left the list"
            ),
            (true, Some(_)) => {
                format!("EXT-X-DISCONTINUITY-SEQUENCE stayed at {is} though {left} left the list")
            }
            (false, _) => format!(
                "EXT-X-DISCONTINUITY-SEQUENCE went from {was} to {is} though {left} left the list"
            ),
        };
        let broken = counters(Broken::new("T09", text), (was, is));
        out.push(broken.with("tags_removed", expected));
    }
}

fn counters(broken: Broken, (was, is): (u64, u64)) -> Broken {
    broken
        .with("discontinuity_sequence_was", was)
        .with("discontinuity_sequence_is", is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::time::change::Age;
    use crate::analysis::rules::time::testing::{SIX, broken, found, window};

    #[test]
    fn numbers_that_go_back_are_told_where_the_sequence_began_again() {
        let now = window(0, &["x", "y", "z"]);
        assert_eq!(found(&window(7, &SIX), &now, Step::Restarted), ["T01"]);
        // An edge that lags behind.
        let lagging = window(6, &["z", "a", "b", "c", "d", "e"]);
        assert_eq!(
            found(&window(7, &SIX), &lagging, Step::Behind),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn numbers_beyond_64_bits_make_no_finding() {
        let of = |first: &str, dseq: &str, segments: &[&str]| {
            let first = format!("MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{dseq}");
            window(7, segments).replace("MEDIA-SEQUENCE:7", &first)
        };
        let next = ["b", "c", "d", "e", "f", "g"];
        let max = "18446744073709551615";
        for (was, is) in [
            ("18446744073709551609", "18446744073709551610"),
            ("18446744073709551610", "18446744073709551611"),
            (max, "18446744073709551616"),
            ("18446744073709551616", "18446744073709551617"),
            ("18446744073709551617", "0"),
            ("7", "-8"),
            ("seven", "8"),
        ] {
            for step in [Step::Slid, Step::Restarted] {
                let found = found(&of(was, "0", &SIX), &of(is, "0", &next), step);
                let slides = was == "18446744073709551609";
                assert!(slides || found.is_empty(), "{was} {is} {found:?}");
            }
        }
        let discontinuities = found(
            &of("7", max, &SIX),
            &of("8", "18446744073709551616", &next),
            Step::Slid,
        );
        assert_eq!(discontinuities, Vec::<&str>::new());
    }

    #[test]
    fn an_old_text_is_told_with_how_old_it_is() {
        let text = |first, segments: &[&str]| Playlist::read(window(first, segments).into());
        let (old, newest) = (text(7, &SIX), text(9, &["c", "d", "e", "f", "g", "h"]));
        let mut change = Change::new((&newest, &old), Some(Step::Behind), true, 6);
        change.age = Some(Age {
            segments: 2,
            us: 8_000_000,
        });
        let mut out = Vec::new();
        judge(&change, &mut out);
        assert_eq!((out.len(), out[0].rule), (1, "T17"));
        assert_eq!(
            out[0].text,
            "the text is that of an older revision, 8 s (2 segments) older than the newest one"
        );
    }

    #[test]
    fn a_number_that_goes_back_while_segments_go_on() {
        let now = window(4, &["b", "c", "d", "e", "f", "g"]);
        assert_eq!(found(&window(7, &SIX), &now, Step::Slid), ["T01"]);
        assert_eq!(
            found(&window(7, &SIX), &now, Step::Behind),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn a_number_that_grows_by_more_than_was_removed() {
        let now = window(9, &["b", "c", "d", "e", "f", "g"]);
        let broken = broken(&window(7, &SIX), &now, Step::Slid);
        assert_eq!(broken[0].rule, "T02");
        assert_eq!(
            broken[0].text,
            "EXT-X-MEDIA-SEQUENCE grew by 2, with 1 segment removed"
        );
        assert_eq!(broken.len(), 1);
    }

    #[test]
    fn names_that_come_again_behind_a_new_end_were_not_there_before() {
        let none = Vec::<&str>::new();
        for (names, grown) in [(&["a"][..], 1), (&SIX, 6)] {
            let (before, now) = (window(7, names), window(7 + grown, names));
            assert_eq!(found(&before, &now, Step::Slid), none, "{names:?}");
            // A list that stays under a number that rises.
            assert_eq!(found(&before, &now, Step::Same), ["T02"], "{names:?}");
        }
    }

    #[test]
    fn a_window_that_slides_without_any_number() {
        let bare = |segments| window(0, segments).replace("#EXT-X-MEDIA-SEQUENCE:0\n", "");
        let now = bare(&["b", "c", "d", "e", "f", "g"]);
        assert_eq!(found(&bare(&SIX), &now, Step::Slid), ["T02"]);
    }

    #[test]
    fn a_segment_goes_from_the_middle() {
        let now = window(7, &["a", "b", "d", "e", "f", "g"]);
        assert_eq!(found(&window(7, &SIX), &now, Step::Slid), ["T04"]);
        let now = window(7, &["a", "b", "x", "c", "d", "e", "f"]);
        assert_eq!(found(&window(7, &SIX), &now, Step::Slid), ["T04"]);
    }

    #[test]
    fn discontinuities_are_counted_as_they_go() {
        let with = |first, sequence: u64, segments: &[&str], at: &str| {
            let text = window(first, segments);
            let text = text.replace(
                &format!("#EXTINF:4.0,\n{at}.ts"),
                &format!("#EXT-X-DISCONTINUITY\n#EXTINF:4.0,\n{at}.ts"),
            );
            text.replacen(
                "#EXT-X-MEDIA",
                &format!("#EXT-X-DISCONTINUITY-SEQUENCE:{sequence}\n#EXT-X-MEDIA"),
                1,
            )
        };
        let slid = ["b", "c", "d", "e", "f", "g"];
        let before = with(7, 3, &SIX, "a");
        assert_eq!(
            found(&before, &with(8, 4, &slid, "-"), Step::Slid),
            Vec::<&str>::new()
        );
        let stayed = broken(&before, &with(8, 3, &slid, "-"), Step::Slid);
        assert_eq!(
            (stayed[0].rule, stayed[0].text.as_str()),
            (
                "T09",
                "EXT-X-DISCONTINUITY-SEQUENCE stayed at 3 though an EXT-X-DISCONTINUITY left the list"
            )
        );
        assert_eq!(stayed[0].detail["tags_removed"], 1);
        let bare = |text: &str, tag: &str| text.replace(tag, "");
        let never = broken(
            &bare(&before, "#EXT-X-DISCONTINUITY-SEQUENCE:3\n"),
            &window(8, &slid),
            Step::Slid,
        );
        assert_eq!(
            never[0].text,
            "EXT-X-DISCONTINUITY-SEQUENCE stayed at 0 (no tag) though an EXT-X-DISCONTINUITY left the list"
        );
        assert_eq!(found(&before, &with(8, 2, &slid, "-"), Step::Slid), ["T09"]);
        // The tag stays with its segment until that goes.
        let before = with(7, 3, &SIX, "b");
        assert_eq!(
            found(&before, &with(8, 3, &slid, "b"), Step::Slid),
            Vec::<&str>::new()
        );
        assert_eq!(
            found(&before, &with(8, 4, &slid, "-"), Step::Slid),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn an_end_that_was_none() {
        let ended = format!("{}#EXT-X-ENDLIST\n", window(7, &SIX));
        let now = window(8, &["b", "c", "d", "e", "f", "g"]);
        let vanished = broken(&ended, &now, Step::Slid);
        assert_eq!((vanished[0].rule, vanished[0].severity), ("T11", None));
        let behind = broken(&ended, &format!("{now}#EXT-X-ENDLIST\n"), Step::Slid);
        assert_eq!(
            (behind[0].rule, behind[0].severity),
            ("T11", Some(Severity::Should))
        );
    }
}
