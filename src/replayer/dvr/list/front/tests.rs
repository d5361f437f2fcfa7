use proptest::prelude::*;

use super::*;

const ONE: &str = "#EXTINF:2,\n../exchange/9/a.ts\n";

fn still(gone: &str) -> String {
    still_in_force(gone, ONE)
}

#[test]
fn what_was_said_last_of_each_kind_applies() {
    let key = |format: &str, id: u8| {
        format!("{KEY}METHOD=AES-128,URI=\"../exchange/{id}/k\",KEYFORMAT=\"{format}\"\n")
    };
    let map = |id: u8| format!("{MAP}URI=\"../exchange/{id}/init.mp4\"\n");
    assert_eq!(still(ONE), "");
    let gone = [key("a", 1), key("b", 2), map(3), ONE.to_owned(), map(4)].concat() + ONE;
    let wanted = [key("a", 1), key("b", 2), map(4)].concat();
    assert_eq!(still(&gone), wanted);
    assert_eq!(referred(&wanted).collect::<Vec<_>>(), [1, 2, 4]);
    // The section was under the key before it.
    let gone = [key("a", 1), map(3), key("a", 5)].concat();
    let none = format!("{KEY}METHOD=NONE\n");
    let wanted = [key("a", 1), map(3), none.clone(), key("a", 5)].concat();
    assert_eq!(still(&gone), wanted);
    assert_eq!(
        still(&(gone + &none)),
        [key("a", 1), map(3), none.clone()].concat()
    );
    assert_eq!(still(&(key("a", 1) + &none)), "");
}

#[test]
fn a_date_goes_on_by_the_durations_behind_it() {
    let noon = format!("{DATE}2026-11-20T12:00:00Z\n");
    let two = [noon.as_str(), ONE, "#EXTINF:1.5,\nb\n"].concat();
    assert_eq!(still(&two), format!("{DATE}2026-11-20T12:00:03.500000Z\n"));
    // Not over a discontinuity, nor where the segment has its own.
    let broken = two.clone() + DISCONTINUITY + "\n" + ONE;
    assert_eq!(still(&broken), "");
    let first = format!("{DISCONTINUITY}\n{ONE}");
    assert_eq!(still_in_force(&two, &first), "");
    assert_eq!(still_in_force(&two, &(noon + ONE)), "");
}

#[test]
fn date_ranges_stay_until_they_are_over() {
    let date = format!("{DATE}2026-11-20T12:00:00Z\n{ONE}");
    let range = |id: &str, more: &str| {
        format!("{DATERANGE}:ID=\"{id}\",START-DATE=\"2026-11-20T12:00:00Z\"{more}\n")
    };
    let is_on = |lines: &str| still(&(lines.to_owned() + &date)).contains(DATERANGE);
    assert!(is_on(&range("a", "")), "nobody said when it ends");
    assert!(is_on(&range("a", ",DURATION=2.1")));
    assert!(!is_on(&range("a", ",DURATION=2.0")));
    assert!(is_on(&range("a", ",END-DATE=\"2026-11-20T12:00:03Z\"")));
    assert!(!is_on(&range("a", ",END-DATE=\"2026-11-20T12:00:01Z\"")));
    let ended = range("a", "") + &range("a", ",DURATION=1");
    assert!(!is_on(&ended), "a later line said so");
    let next = range("a", ",CLASS=\"c\",END-ON-NEXT=YES");
    assert!(is_on(&next));
    let other =
        "#EXT-X-DATERANGE:ID=\"b\",CLASS=\"c\",START-DATE=\"2026-11-20T12:00:01Z\",DURATION=0\n";
    assert!(!is_on(&(next.clone() + other)));
    // The next one of its class is the nearest, whichever was said first.
    let later = other.replace("\"b\"", "\"z\"").replace("00:01Z", "00:09Z");
    let told = still(&(next.clone() + &later + &date));
    assert!(told.contains("ID=\"a\""), "{told}");
    let told = still(&(next + &later + other + &date));
    assert!(!told.contains("ID=\"a\""), "{told}");
    let many: String = (0..1000).map(|n| range(&n.to_string(), "")).collect();
    let told = still(&(many + &date));
    assert_eq!(told.matches(DATERANGE).count(), MOST_RANGES);
    assert!(told.contains("ID=\"999\"") && !told.contains("ID=\"743\""));
}

/// What applies to a segment, besides what it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Applies {
    keys: Vec<String>,
    map: Option<String>,
    /// Keys of the section.
    map_keys: Vec<String>,
    bit_rate: Option<String>,
    begins_us: Option<i64>,
}

/// Of each segment of a text, by its name, as a player reads it.
fn applies(text: &str) -> Vec<(String, Applies)> {
    let (mut now, mut all) = (Applies::default(), Vec::new());
    let mut length_us = 0;
    for line in text.lines() {
        match line.split_once(':').unwrap_or((line, "")) {
            ("#EXT-X-KEY", "METHOD=NONE") => now.keys.clear(),
            ("#EXT-X-KEY", key) => {
                let format = |key: &str| key.split("KEYFORMAT=").nth(1).unwrap_or("").to_owned();
                now.keys.retain(|known| format(known) != format(key));
                now.keys.push(key.to_owned());
                now.keys.sort();
            }
            ("#EXT-X-MAP", map) => {
                now.map = Some(map.to_owned());
                now.map_keys = now.keys.clone();
            }
            ("#EXT-X-BITRATE", rate) => now.bit_rate = Some(rate.to_owned()),
            ("#EXT-X-DISCONTINUITY", _) => now.begins_us = None,
            ("#EXT-X-PROGRAM-DATE-TIME", date) => now.begins_us = unix_us(date.as_bytes()),
            ("#EXTINF", length) => {
                length_us = micros(seconds(length.as_bytes()).unwrap());
            }
            (name, _) if !name.starts_with('#') => {
                all.push((name.to_owned(), now.clone()));
                now.begins_us = now.begins_us.map(|us| us + length_us);
            }
            _ => {}
        }
    }
    all
}

fn entry() -> impl Strategy<Value = String> {
    let tags = prop_oneof![
        (0..3u8, 0..4u8).prop_map(|(format, id)| {
            format!("{KEY}METHOD=AES-128,URI=\"{id}\",KEYFORMAT=\"{format}\"\n")
        }),
        Just(format!("{KEY}METHOD=NONE\n")),
        (0..3u8).prop_map(|id| format!("{MAP}URI=\"{id}\"\n")),
        (1..5u32).prop_map(|rate| format!("{BITRATE}{rate}000\n")),
        (0..59u32).prop_map(|s| format!("{DATE}2026-11-20T12:00:{s:02}.250+02:00\n")),
        Just("#EXT-X-GAP\n".to_owned()),
    ];
    let length = prop_oneof![Just("2"), Just("2.002"), Just("1.96667")];
    (any::<bool>(), prop::collection::vec(tags, 0..3), length).prop_map(|(breaks, tags, length)| {
        // As lists are written: a discontinuity comes first.
        let begins = if breaks { "#EXT-X-DISCONTINUITY\n" } else { "" };
        format!("{begins}{}{EXTINF}{length},\n", tags.concat())
    })
}

proptest! {
    /// However often something goes at the front, each segment that remains is what it was.
    #[test]
    fn segments_that_remain_have_what_they_had(
        entries in prop::collection::vec(entry(), 1..12),
        cuts in prop::collection::vec(1..4usize, 0..5),
    ) {
        let entries: Vec<String> = entries.into_iter().enumerate()
            .map(|(n, lines)| format!("{lines}../exchange/{n}/s.ts\n")).collect();
        let whole = applies(&entries.concat());
        let (mut lead, mut gone) = (String::new(), 0);
        for cut in cuts {
            let next = gone + cut;
            let Some(first) = entries.get(next) else { break };
            lead = still_in_force(&(lead + &entries[gone..next].concat()), first);
            gone = next;
            let trimmed = applies(&(lead.clone() + &entries[gone..].concat()));
            prop_assert_eq!(&trimmed[..], &whole[gone..]);
        }
    }
}
