use proptest::prelude::*;

use super::*;
use crate::hls::rewrite::replay_path::replay_path;
use crate::hls::testing::{any_body, playlist_text, url};
use crate::hls::{Place, Variables, rewrite};

/// A segment of a channel: what stands in front of its URI, with or without its parts.
#[derive(Debug, Clone)]
struct Published {
    milliseconds: u64,
    own: Vec<&'static str>,
    date: bool,
}

const OWN: [&str; 10] = [
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"",
    "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/k2\",IV=0x1",
    "#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT=\"com.x\",URI=\"skd://k3\"",
    "#EXT-X-KEY:METHOD=NONE",
    "#EXT-X-MAP:URI=\"i1.mp4\"",
    "#EXT-X-MAP:URI=\"/i2.mp4\",BYTERANGE=\"9@0\"",
    "#EXT-X-BITRATE:700",
    "#EXT-X-CUE-OUT:30",
    "# says an encoder",
];

fn published() -> impl Strategy<Value = Published> {
    let own = prop::sample::subsequence(OWN.to_vec(), 0..3).prop_shuffle();
    (500..4000_u64, own, prop::bool::weighted(0.3)).prop_map(|(milliseconds, own, date)| {
        Published {
            milliseconds,
            own,
            date,
        }
    })
}

/// None, or one that has no deltas, those of segments, or all.
fn version() -> impl Strategy<Value = Option<u64>> {
    prop::sample::select(vec![None, Some(3), Some(6), Some(9), Some(10), Some(12)])
}

/// A line that applies to more than the next segment, and what it takes the place of.
fn lasting(line: &str) -> Option<&'static str> {
    match line {
        _ if line.starts_with("#EXT-X-KEY") && line.contains("com.x") => Some("2"),
        _ if line.starts_with("#EXT-X-KEY") => Some("1"),
        _ if line.starts_with("#EXT-X-MAP") => Some("3"),
        _ if line.starts_with("#EXT-X-BITRATE") => Some("4"),
        _ => None,
    }
}

#[derive(Default, Clone)]
struct Lasting(BTreeMap<&'static str, String>);

impl Lasting {
    fn note(&mut self, line: &str) {
        if line == "#EXT-X-KEY:METHOD=NONE" {
            self.0.retain(|place, _| *place > "2");
        } else if let Some(place) = lasting(line) {
            self.0.insert(place, line.to_owned());
        }
    }
}

/// A live channel with a window that slides: what applies to its first segment is written in front of that.
struct Channel {
    segments: Vec<Published>,
    newline: &'static str,
    /// What it says of its version; `None`: nothing.
    version: Option<u64>,
}

const BOUNDARY_MS: u64 = 12_000;

impl Channel {
    fn head(&self, first: usize) -> Vec<String> {
        let mut head = vec!["#EXTM3U".to_owned()];
        head.extend(
            self.version
                .map(|version| format!("#EXT-X-VERSION:{version}")),
        );
        head.extend([
            "#EXT-X-TARGETDURATION:2".to_owned(),
            format!(
                "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL={},CAN-SKIP-DATERANGES=YES,CAN-BLOCK-RELOAD=YES",
                BOUNDARY_MS / 1000
            ),
            format!("#EXT-X-MEDIA-SEQUENCE:{first}"),
        ]);
        head
    }

    /// A text of it with the version that a delta needs at least.
    fn raised(&self, text: &str, least: u64) -> String {
        let said = match self.version {
            Some(version) => format!("#EXT-X-VERSION:{version}{}", self.newline),
            None => format!("#EXTM3U{}", self.newline),
        };
        let extm3u = match self.version {
            Some(_) => String::new(),
            None => said.clone(),
        };
        let version = self.version.unwrap_or(0).max(least);
        text.replacen(
            &said,
            &format!("{extm3u}#EXT-X-VERSION:{version}{}", self.newline),
            1,
        )
    }

    fn text(&self, first: usize, end: usize) -> String {
        let mut lines = self.head(first);
        let mut applied = Lasting::default();
        for (n, segment) in self.segments[..end].iter().enumerate() {
            if n == first {
                lines.extend(applied.0.values().cloned());
            }
            segment.own.iter().for_each(|line| applied.note(line));
            if n < first {
                continue;
            }
            lines.extend(segment.own.iter().map(|line| (*line).to_owned()));
            if n + 3 > end {
                lines.push(format!(
                    "#EXT-X-PART:DURATION=1,URI=\"https://parts.example/{n}.mp4\""
                ));
            }
            lines.push(format!(
                "#EXTINF:{}.{:03},",
                segment.milliseconds / 1000,
                segment.milliseconds % 1000
            ));
            if segment.date {
                lines.push(format!(
                    "#EXT-X-DATERANGE:ID=\"d{n}\",START-DATE=\"2026-01-01T00:00:00Z\""
                ));
            }
            lines.push(format!("/live/s{n}.mp4"));
        }
        lines.push(format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{end}.mp4\""));
        lines
            .iter()
            .map(|line| line.clone() + self.newline)
            .collect()
    }
}

/// The client of RFC 8216bis 6.3.7: merges a delta with the version that it had.
fn merge(old: &str, delta: &str, newline: &str) -> Option<String> {
    let head = |line: &&str| line.starts_with("#EXT-X-MEDIA-SEQUENCE:");
    let head = old.lines().position(|line| head(&line))? + 1;
    let number = |text: &str, name: &str| -> Option<usize> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let value = line[name.len()..].split(',').next()?;
        value.parse().ok()
    };
    let old_first = number(old, "#EXT-X-MEDIA-SEQUENCE:")?;
    let first = number(delta, "#EXT-X-MEDIA-SEQUENCE:")?;
    let skipped = number(delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=")?;
    // Of each segment that it had: its lines, and what applied before them.
    let mut had = Vec::new();
    let (mut applied, mut block) = (Lasting::default(), Vec::new());
    for line in old.lines().skip(head) {
        block.push(line.to_owned());
        if !line.starts_with('#') {
            had.push((applied.clone(), std::mem::take(&mut block)));
            had[had.len() - 1]
                .1
                .iter()
                .for_each(|line| applied.note(line));
        }
    }
    let from = first.checked_sub(old_first)?;
    let known = had.get(from..from + skipped)?;
    let mut lines = Vec::new();
    for (n, (applied, block)) in known.iter().enumerate() {
        if n == 0 && from > 0 {
            lines.extend(applied.0.values().cloned());
        }
        // No part is listed for as long as a segment (RFC 8216bis 6.2.2).
        lines.extend(
            block
                .iter()
                .filter(|line| !line.starts_with("#EXT-X-PART:"))
                .cloned(),
        );
    }
    let is_of_skipped = |line: &str| lasting(line).is_some() || lines.iter().any(|own| own == line);
    let at = delta
        .lines()
        .position(|line| line.starts_with("#EXT-X-SKIP:"))?;
    let head = delta.lines().take(at).filter(|line| !is_of_skipped(line));
    let merged = head.map(str::to_owned).chain(lines.iter().cloned());
    let merged = merged.chain(delta.lines().skip(at + 1).map(str::to_owned));
    Some(merged.map(|line| line + newline).collect())
}

fn without_dates(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("#EXT-X-DATERANGE"))
        .map(|line| line.to_owned() + "\n")
        .collect()
}

fn ids(text: &str) -> BTreeSet<String> {
    let tag = "#EXT-X-DATERANGE:ID=\"";
    let dates = text.lines().filter_map(|line| line.strip_prefix(tag));
    dates
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

proptest! {
    #[test]
    fn a_delta_merged_with_the_version_before_is_the_full_text_of_a_version_that_has_deltas(
        segments in prop::collection::vec(published(), 12..24),
        window in 8..16_usize, behind in 0..3_usize, crlf in any::<bool>(), version in version(),
    ) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let channel = Channel { segments, newline, version };
        let end = channel.segments.len();
        let text = |end: usize| channel.text(end.saturating_sub(window), end);
        let (full, old) = (text(end), text(end - behind));
        let durations: Vec<u64> = channel.segments[end.saturating_sub(window)..].iter().map(|one| one.milliseconds).collect();
        let is_behind = |n: &usize| durations[n + 1..].iter().sum::<u64>() > BOUNDARY_MS;
        let wanted = (0..durations.len()).filter(is_behind).count();
        let made = delta(full.as_bytes(), None);
        prop_assert_eq!(made.is_some(), wanted > 0);
        let Some(made) = made else { return Ok(()); };
        let made = String::from_utf8(made).unwrap();
        let skip = format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={wanted}{newline}");
        prop_assert!(made.contains(&skip), "{}", made);
        prop_assert_eq!(ids(&made), ids(&full), "dates stay");
        let merged = merge(&old, &made, newline);
        let wanted = channel.raised(&full, 9);
        prop_assert_eq!(merged, Some(wanted), "{}", made);
    }

    #[test]
    fn without_old_dates_it_names_those_that_went_and_keeps_those_that_came(
        segments in prop::collection::vec(published(), 14..24), behind in 1..3_usize, version in version(),
    ) {
        let channel = Channel { segments, newline: "\n", version };
        let end = channel.segments.len();
        let text = |end: usize| channel.text(end.saturating_sub(12), end);
        let (full, old) = (text(end), text(end - behind));
        let mut listed = ListedDates::default();
        listed.add(old.as_bytes(), true);
        listed.add(full.as_bytes(), false);
        let Some(made) = delta(full.as_bytes(), Some(&listed)) else { return Ok(()); };
        let made = String::from_utf8(made).unwrap();
        let came: BTreeSet<String> = &ids(&full) - &ids(&old);
        prop_assert_eq!(ids(&made), came.clone());
        let removed = made.split("RECENTLY-REMOVED-DATERANGES=\"").nth(1).unwrap().split('"').next().unwrap();
        let removed: BTreeSet<String> = removed.split('\t').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        let mine: BTreeSet<String> = &(&ids(&old) - &removed) | &came;
        prop_assert_eq!(mine, ids(&full));
        let merged = merge(&without_dates(&old), &without_dates(&made), "\n");
        prop_assert_eq!(merged, Some(without_dates(&channel.raised(&full, 10))));
    }

    #[test]
    fn what_leads_away_is_replaced_in_a_delta_as_in_the_full_text(
        segments in prop::collection::vec(published(), 12..20), version in version(),
    ) {
        let text = Channel { segments, newline: "\n", version }.text(0, 12);
        let (origin, served) = (url("https://h/a/live.m3u8"), url("http://r/stream.m3u8"));
        let place = Place { origin: &origin, served: &served, imports: &Variables::default() };
        let rewritten = |text: &[u8]| rewrite(text, &place, &|url| replay_path(url)).into_owned();
        let made = delta(text.as_bytes(), None).map(|made| rewritten(&made));
        prop_assert_eq!(made, delta(&rewritten(text.as_bytes()), None));
    }

    #[test]
    fn no_text_is_too_odd(body in any_body(), text in playlist_text()) {
        let head = "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=1,CAN-SKIP-DATERANGES=YES\n";
        let mut listed = ListedDates::default();
        listed.add(text.as_bytes(), true);
        for body in [body, [head.as_bytes(), text.as_bytes()].concat()] {
            for listed in [None, Some(&listed)] {
                let made = delta(&body, listed);
                // What stands in the middle of a line is no tag.
                let skips = |made: &[u8]| lines(made).filter_map(|line| line.tag()).filter(|tag| tag.name == b"#EXT-X-SKIP").count();
                let is_said = made.is_none_or(|made| skips(&made) == 1);
                prop_assert!(is_said);
            }
        }
    }
}

fn text(control: &str, version: u64, lines: &str) -> Option<String> {
    let head = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-SERVER-CONTROL:{control}\n");
    let made = delta(format!("{head}{lines}").as_bytes(), None)?;
    let made = String::from_utf8(made).unwrap();
    Some(made.strip_prefix(&head).unwrap().to_owned())
}

const FIVE: &str = "#EXTINF:2,\n0\n#EXTINF:2,\n1\n#EXTINF:2,\n2\n#EXTINF:2,\n3\n#EXTINF:2,\n4\n";

#[test]
fn what_lies_behind_the_boundary_with_all_of_its_duration_is_skipped() {
    let skipped = |until: &str| text(&format!("CAN-SKIP-UNTIL={until}"), 9, FIVE);
    let last = "#EXTINF:2,\n3\n#EXTINF:2,\n4\n";
    assert_eq!(
        skipped("3.9"),
        Some(format!("#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n{last}"))
    );
    let four = format!("#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:2,\n2\n{last}");
    assert_eq!(skipped("4"), Some(four));
    assert_eq!(skipped("8"), None, "nothing lies behind it");
}

#[test]
fn none_is_made_of_what_does_not_offer_it_or_has_ended() {
    let offer = "CAN-SKIP-UNTIL=2";
    assert!(text(offer, 9, FIVE).is_some());
    assert_eq!(text("CAN-BLOCK-RELOAD=YES", 9, FIVE), None);
    assert_eq!(text(offer, 9, &format!("{FIVE}#EXT-X-ENDLIST\n")), None);
    assert_eq!(
        text(offer, 9, &format!("#EXT-X-SKIP:SKIPPED-SEGMENTS=7\n{FIVE}")),
        None
    );
    assert_eq!(text(offer, 9, ""), None);
    let dates = |version: u64, control: &str| {
        let head = format!(
            "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-SERVER-CONTROL:{offer}{control}\n{FIVE}"
        );
        let made = delta(head.as_bytes(), Some(&ListedDates::default()));
        (skips_dates(head.as_bytes()).is_some(), made.is_some())
    };
    assert_eq!(dates(10, ",CAN-SKIP-DATERANGES=YES"), (true, true));
    assert_eq!(dates(6, ",CAN-SKIP-DATERANGES=YES"), (true, true));
    assert_eq!(dates(10, ""), (false, false));
}

#[test]
fn a_delta_says_a_version_that_has_deltas_whatever_the_full_text_says() {
    let control = "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=2,CAN-SKIP-DATERANGES=YES\r\n";
    let behind = "#EXT-X-SKIP:SKIPPED-SEGMENTS=3";
    let said = |head: &str, listed: Option<&ListedDates>| {
        let text = format!("{head}{control}{FIVE}");
        let made = String::from_utf8(delta(text.as_bytes(), listed).unwrap()).unwrap();
        made.split(control).next().unwrap().to_owned() + &made[made.find(behind).unwrap()..][..12]
    };
    let dates = ListedDates::default();
    for (head, of_segments, of_dates) in [
        (
            "#EXTM3U\n",
            "#EXTM3U\n#EXT-X-VERSION:9\n",
            "#EXTM3U\n#EXT-X-VERSION:10\n",
        ),
        (
            "#EXTM3U\r\n",
            "#EXTM3U\r\n#EXT-X-VERSION:9\r\n",
            "#EXTM3U\r\n#EXT-X-VERSION:10\r\n",
        ),
        (
            "#EXTM3U\n#EXT-X-VERSION:6\r\n",
            "#EXTM3U\n#EXT-X-VERSION:9\r\n",
            "#EXTM3U\n#EXT-X-VERSION:10\r\n",
        ),
        (
            "#EXTM3U\n#EXT-X-VERSION:9\n",
            "#EXTM3U\n#EXT-X-VERSION:9\n",
            "#EXTM3U\n#EXT-X-VERSION:10\n",
        ),
        (
            "#EXTM3U\n#EXT-X-VERSION:11\n",
            "#EXTM3U\n#EXT-X-VERSION:11\n",
            "#EXTM3U\n#EXT-X-VERSION:11\n",
        ),
        (
            "#EXTM3U\n#EXT-X-VERSION:many\n",
            "#EXTM3U\n#EXT-X-VERSION:9\n",
            "#EXTM3U\n#EXT-X-VERSION:10\n",
        ),
    ] {
        assert_eq!(
            said(head, None),
            format!("{of_segments}#EXT-X-SKIP:"),
            "{head:?}"
        );
        assert_eq!(
            said(head, Some(&dates)),
            format!("{of_dates}#EXT-X-SKIP:"),
            "{head:?}"
        );
    }
    // It may stand anywhere.
    let text = format!("#EXTM3U\n{control}{FIVE}#EXT-X-VERSION:7\n");
    let made = String::from_utf8(delta(text.as_bytes(), None).unwrap()).unwrap();
    assert!(
        made.ends_with("\n4\n#EXT-X-VERSION:9\n") && made.matches("VERSION").count() == 1,
        "{made}"
    );
}

#[test]
fn a_byte_range_that_counts_from_the_one_before_keeps_that() {
    let segment = |n: u64, range: &str| format!("#EXTINF:2,\n#EXT-X-BYTERANGE:{range}\n{n}\n");
    let lines: String = [
        segment(0, "5@0"),
        segment(1, "5"),
        segment(2, "5@10"),
        segment(3, "5"),
        segment(4, "5@0"),
    ]
    .concat();
    let made = text("CAN-SKIP-UNTIL=2", 9, &lines).unwrap();
    let kept = [segment(2, "5@10"), segment(3, "5"), segment(4, "5@0")].concat();
    assert_eq!(made, format!("#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n{kept}"));
}

#[test]
fn what_applies_to_later_segments_as_well_stays_in_front() {
    let lines = "#EXT-X-KEY:METHOD=AES-128,URI=\"a\"\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:2,\n0\n#EXT-X-KEY:METHOD=AES-128,URI=\"b\"\n\
        #EXT-X-DATERANGE:ID=\"d\"\n#EXT-X-CUE-OUT\n#EXTINF:2,\n1\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\n2\n#EXTINF:2,\n3\n";
    let made = text("CAN-SKIP-UNTIL=3", 9, lines).unwrap();
    assert_eq!(
        made,
        "#EXT-X-MAP:URI=\"i\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"b\"\n#EXT-X-DATERANGE:ID=\"d\"\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n\
        #EXT-X-DISCONTINUITY\n#EXTINF:2,\n2\n#EXTINF:2,\n3\n"
    );
}
