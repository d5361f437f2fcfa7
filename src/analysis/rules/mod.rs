//! The rules of `isreport`: what is wrong with a channel (`docs/ref/rules.md`, `docs/design/report.md`).
//!
//! A rule is pure: it gets a text, or two, or what a chunk's bytes say, and tells where it is broken. Nothing here reads a
//! session but [`judge`].
//!
//! | file | is |
//! | --- | --- |
//! | [`judge`] | a session read once, each rule asked where it has something to say |
//! | `merged` | the revisions of all playlists of a session in the order of time |
//! | [`overview`] | what a channel looked like: its renditions over time, who answered |
//! | [`events`] | what several playlists of a stream have at once is told once |
//! | [`findings`] | what rules tell, gathered: one finding for the same fault again and again |
//! | [`selection`] | which rules are looked at |
//! | [`registry`] | which rules there are |
//! | `text` | rules of one text |
//! | `http` | rules of exchanges |
//! | `time` | rules of two revisions of one playlist |
//! | `across` | rules across the renditions of a stream |
//! | `low_latency` | rules of low latency |
//! | [`media`] | rules of what the bytes of segments say |
//! | `playlist`, `date_range` | a text, as rules look at it |
//! | `ranges` | T15: date ranges over time |
//! | [`broken`] | what a rule says where it fires |

mod across;
pub mod broken;
mod date_range;
pub mod events;
pub mod findings;
mod http;
pub mod judge;
mod low_latency;
pub mod media;
mod merged;
pub mod overview;
mod playlist;
mod ranges;
pub mod registry;
pub mod selection;
mod text;
mod time;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::across::{Renditions, Role, Seen};
    use super::low_latency::{self, PartEdge};
    use super::playlist::Playlist;
    use super::ranges::DateRanges;
    use super::text::{self, Text};
    use super::time::{self, Change};
    use crate::hls::Step;
    use crate::hls::steps::{assert_grows, steps_of};
    use crate::hls::testing::{any_body, playlist_text};

    /// Everything that rules ask of two texts, the one after the other.
    fn judged(before: Vec<u8>, now: Vec<u8>, step: Step, is_old: bool, fresh: usize) {
        let (before, now) = (Playlist::read(before), Playlist::read(now));
        let url = Url::parse("http://localhost/live/list.m3u8?v=1").unwrap();
        let (mut ranges, mut renditions) = (DateRanges::default(), Renditions::default());
        let mut out = Vec::new();
        for (id, playlist) in [(1, &before), (2, &now), (1, &now)] {
            let text = Text {
                playlist,
                url: &url,
                fresh,
                has_slid: true,
                has_parent: false,
                known_ranges: &ranges,
            };
            text::judge(&text, &mut out);
            low_latency::judge(playlist, fresh, &mut out);
            ranges.take(playlist, &mut out);
            let seen = Seen {
                id,
                name: "list.m3u8",
                playlist,
                is_advance: true,
                seen_us: i64::MAX,
                exchange: Some(id),
                is_wanted: true,
                role: Role { plays_alone: true },
                asked: url.as_str(),
                url: &url,
                not_before_us: Some(i64::MIN),
            };
            renditions.take(&seen, &mut out);
        }
        renditions.finish();
        let edges = (
            PartEdge::new(&before, i64::MIN),
            PartEdge::new(&now, i64::MAX),
        );
        low_latency::known_parts(&now, edges.0.as_ref());
        if let (Some(one), Some(other)) = edges {
            low_latency::part_late(&one, &other, Some(i64::MAX), i64::MAX, &mut out);
        }
        let change = Change::new((&before, &now), Some(step), is_old, fresh);
        time::judge(&change, &mut out);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(
            bodies in (any_body(), any_body()), texts in (playlist_text(), playlist_text()),
            first in any::<u64>(), is_old in any::<bool>(), fresh in 0..5_usize,
        ) {
            let head = format!("#EXTM3U\n#EXT-X-TARGETDURATION:{first}\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
                #EXT-X-DISCONTINUITY-SEQUENCE:{first}\n#EXT-X-PART-INF:PART-TARGET={first}\n");
            let headed = |text: &str| [head.as_bytes(), text.as_bytes()].concat();
            for step in [Step::First, Step::Slid, Step::Same, Step::Behind, Step::Restarted] {
                judged(bodies.0.clone(), bodies.1.clone(), step, is_old, fresh);
                judged(headed(&texts.0), headed(&texts.1), step, is_old, fresh);
            }
        }
    }

    #[test]
    fn the_largest_numbers_are_no_trouble() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:18446744073709551615\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n\
            #EXT-X-DISCONTINUITY-SEQUENCE:18446744073709551615\n#EXT-X-PART-INF:PART-TARGET=9e99\n#EXT-X-DISCONTINUITY\n\
            #EXT-X-PROGRAM-DATE-TIME:9999-12-31T23:59:59Z\n#EXTINF:99999999999,\n#EXT-X-BYTERANGE:18446744073709551615@18446744073709551615\na.ts\n\
            #EXT-X-DISCONTINUITY\n#EXTINF:99999999999,\nb.ts\n#EXT-X-PART:DURATION=99999999999,URI=\"p\"\n";
        for step in [Step::Slid, Step::Restarted] {
            judged(
                text.into(),
                text.replace("a.ts", "c.ts").into(),
                step,
                false,
                0,
            );
        }
    }

    /// The lines of a segment, by its number.
    type Lines = fn(usize) -> String;

    /// Texts of which much is broken, so many times each.
    #[test]
    fn steps_grow_as_texts_do() {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:00Z\n";
        let texts: [(&str, Lines); 7] = [
            ("keys", |n| {
                format!("#EXT-X-KEY:URI=\"{n}\"\n#EXTINF:9,\ns{n}.m4s\n")
            }),
            ("formats of keys", |n| {
                format!("#EXT-X-KEY:METHOD=NONE,KEYFORMAT=\"{n}\",URI=\"k\"\n#EXTINF:9,\ns{n}.ts\n")
            }),
            ("a slate", |n| format!("#EXTINF:1,\ns{}.ts\n", n / 100_000)),
            ("parts", |n| {
                format!("#EXT-X-PART:DURATION=9,URI=\"p{n}\"\n")
            }),
            ("date ranges", |n| format!("#EXT-X-DATERANGE:ID=\"{n}\"\n")),
            ("variables", |n| {
                format!("#EXT-X-DEFINE:IMPORT=\"{n}\"\n{{$x{n}}}.ts\n")
            }),
            ("ranges", |n| {
                format!("#EXT-X-BYTERANGE:5\n#EXTINF:1,\nr{n}.ts\n")
            }),
        ];
        for (what, line) in texts {
            assert_grows(what, |count| {
                let all = |count: usize| (0..count).map(line).collect::<String>();
                let [before, now] = ["one", "other"]
                    .map(|last| format!("{head}{}#EXTINF:1,\n{last}.ts\n", all(count)));
                steps_of(|| judged(before.into(), now.into(), Step::Slid, false, 0))
            });
        }
    }
}
