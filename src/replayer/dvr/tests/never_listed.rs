//! Segments that no revision has listed.

use super::*;

/// When a segment of a channel of two seconds each begins, as a date.
fn date(n: u64) -> String {
    let (day, hour) = (1 + n / 43_200, n / 1_800 % 24);
    let (minute, second) = (n / 30 % 60, n * 2 % 60);
    format!("#EXT-X-PROGRAM-DATE-TIME:2026-12-{day:02}T{hour:02}:{minute:02}:{second:02}.500Z\n")
}

/// A window whose first segment has its date.
fn dated(first: u64, names: &[&str]) -> String {
    window(first, names).replacen("#EXTINF", &(date(first) + "#EXTINF"), 1)
}

/// The list of a channel that has listed `a` and `b`, numbers 7 and 8, and then what is said.
fn goes_on(first: &str, second: &str) -> String {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    for name in ["a", "b", "g", "g.m4s", "h"] {
        made.lands(name, 1);
    }
    lists.sees(0, first);
    lists.sees(6, second);
    let event = lists.event_text(&made);
    assert!(
        event.contains("#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n"),
        "{event}"
    );
    let event = segments(&event);
    event
        .split_once("\nb\n")
        .unwrap()
        .1
        .replace("#EXT-X-PROGRAM-DATE-TIME:2026-12-01T", "@")
}

const GAP: &str = "#EXTINF:2.000000,\n#EXT-X-GAP\nmissing never-listed\n";

#[test]
fn what_was_never_listed_is_a_gap_for_each_where_dates_say_how_long_it_was() {
    let before = dated(7, &["a", "b"]);
    let sequence = |n: u64, text: &str| {
        text.replacen(
            "#EXTINF",
            &format!("#EXT-X-DISCONTINUITY-SEQUENCE:{n}\n#EXTINF"),
            1,
        )
    };
    let behind = "@00:00:24.500Z\n#EXTINF:2,\ng\n#EXTINF:2,\nh\n";
    let after = dated(12, &["g", "h"]);
    // The origin says that it goes on: so do players, and numbers are those of the origin.
    assert_eq!(
        goes_on(&before, &after),
        format!("{}{behind}", GAP.repeat(3))
    );
    // Players that look at extensions find one of media.
    let named = goes_on(&before, &after.replace("\ng\n", "\ng.m4s\n"));
    assert!(
        named.starts_with(&GAP.replace("listed", "listed.m4s")),
        "{named}"
    );
    // The date stands on the second one.
    let second = window(12, &["g", "h"]).replace("#EXTINF:2,\nh", &(date(13) + "#EXTINF:2,\nh"));
    let told = "#EXTINF:2,\ng\n@00:00:26.500Z\n#EXTINF:2,\nh\n";
    assert_eq!(
        goes_on(&before, &second),
        format!("{}{told}", GAP.repeat(3))
    );
    // As many discontinuities as the origin counted.
    let broken = "#EXT-X-DISCONTINUITY\n";
    for (count, wanted) in [
        (4, format!("{}{behind}", GAP.repeat(3))),
        (5, format!("{}{broken}{behind}", GAP.repeat(3))),
        (6, format!("{}{broken}{GAP}{broken}{behind}", GAP.repeat(2))),
        (
            99,
            format!("{broken}{GAP}{broken}{GAP}{broken}{GAP}{broken}{behind}"),
        ),
        (3, format!("{}{broken}{behind}", GAP.repeat(3))),
    ] {
        assert_eq!(
            goes_on(&sequence(4, &before), &sequence(count, &after)),
            wanted,
            "{count}"
        );
    }
    let own = after.replacen("#EXTINF", "#EXT-X-DISCONTINUITY\n#EXTINF", 1);
    assert_eq!(
        goes_on(&before, &own),
        format!("{}{broken}{behind}", GAP.repeat(3))
    );
}

#[test]
fn where_nobody_knows_how_long_it_was_there_is_a_discontinuity_and_nothing_else() {
    let undated = window(7, &["a", "b"]);
    let before = dated(7, &["a", "b"]);
    let after = |number: u64, at: u64| {
        window(number, &["g", "h"]).replacen("#EXTINF", &(date(at) + "#EXTINF"), 1)
    };
    for (what, first, second) in [
        ("no dates at all", undated.clone(), window(12, &["g", "h"])),
        ("none before", undated.clone(), after(12, 12)),
        ("none behind", before.clone(), window(12, &["g", "h"])),
        ("no time passed", before.clone(), after(12, 9)),
        ("it went back", before.clone(), after(12, 2)),
        ("too short for so many", before.clone(), after(12, 10)),
        (
            "longer than the target duration",
            before.clone(),
            after(12, 14),
        ),
        ("more than an hour", before.clone(), after(1900, 1900)),
        ("the sequence began again", before.clone(), after(0, 12)),
        (
            "a discontinuity in between, and no date",
            before.clone() + "#EXT-X-DISCONTINUITY\n#EXTINF:2,\na\n#EXTINF:2,\nb\n",
            after(12, 12),
        ),
    ] {
        let told = goes_on(&first, &second);
        assert!(
            !told.contains("GAP") && told.contains("#EXT-X-DISCONTINUITY\n"),
            "{what}: {told}"
        );
        assert!(told.ends_with("#EXTINF:2,\nh\n"), "{what}: {told}");
    }
}

#[test]
fn very_much_that_was_never_listed_takes_bounded_room() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    made.lands("a", 1);
    for n in 0..70 {
        lists.sees(n as i64, &dated(n * 1_790, &["a"]));
    }
    let text = lists.vod_text(&made);
    // 55 times 1,789; what was never listed after that is a discontinuity.
    assert_eq!(text.matches("#EXT-X-GAP").count(), 98_395);
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 14);
}

proptest! {
    /// Numbers and times of a list are those of the origin, whatever was never listed of it.
    #[test]
    fn what_dates_say_is_where_it_should_be(jumps in prop::collection::vec(0..40_u64, 1..30)) {
        let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
        made.now_us = 100 * SECOND;
        let (mut at, mut listed) = (7, Vec::new());
        for (n, jump) in jumps.iter().enumerate() {
            at += jump + 1;
            let name = format!("s{at}");
            made.lands(&name, 1);
            listed.push(at);
            lists.sees(n as i64, &dated(at, &[&name]));
        }
        let text = segments(&lists.event_text(&made));
        prop_assert!(!text.contains("DISCONTINUITY"), "{}", text);
        let names = text.lines().filter(|line| !line.starts_with('#'));
        let places = names.zip(listed[0]..).filter(|(name, _)| !name.starts_with("missing"));
        let places: Vec<(String, u64)> = places.map(|(name, n)| (name.to_owned(), n)).collect();
        let wanted: Vec<(String, u64)> = listed.iter().map(|n| (format!("s{n}"), *n)).collect();
        prop_assert_eq!(places, wanted);
        let lengths = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','));
        let length: f64 = lengths.map(|length| length.parse::<f64>().unwrap()).sum();
        prop_assert!((length - 2.0 * (at + 1 - listed[0]) as f64).abs() < 1e-6, "{}", length);
    }
}
