//! Lists of sessions that are made up: what is taken, decided and written.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;
use url::Url;

use super::list::List;
use super::list::contents::RecordedBody;
use super::list::needs::{Session, Wanted};
use super::list::revisions::{Revision, RevisionText, Revisions};
use super::list::verdict::{Listing, Verdict, judge};
use crate::hls::{MOST_KEYS, Variables, read_media};
use crate::session::{LandedBody, Landing, Landings};

mod never_listed;

const SECOND: i64 = 1_000_000;

/// A request: when it was made, when it ended, when that was written; whether it was good.
#[derive(Debug, Clone, Copy)]
struct Try {
    requested_us: i64,
    complete_us: i64,
    written_us: i64,
    good: bool,
}

/// What is written of a session at a moment.
#[derive(Default)]
struct CachedText {
    now_us: i64,
    tries: HashMap<String, Vec<Try>>,
    resolver: Cell<usize>,
}

impl CachedText {
    fn lands(&mut self, url: &str, after_us: i64) {
        let at = Try {
            requested_us: after_us - 1,
            complete_us: after_us,
            written_us: after_us,
            good: true,
        };
        self.tries.entry(url.to_owned()).or_default().push(at);
    }
}

impl Session for CachedText {
    type Error = Infallible;

    fn verdict(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Verdict<RecordedBody>, Infallible> {
        self.resolver.set(self.resolver.get() + 1);
        let name = wanted.url.path().trim_start_matches('/');
        let tries = self.tries.get(name).map_or(&[][..], Vec::as_slice);
        let written = tries.iter().filter(|t| t.written_us <= self.now_us);
        // The exchange's number tells the content: made of the name.
        let body = || LandedBody {
            exchange_id: 1 + i64::from(name.bytes().map(u32::from).sum::<u32>()),
            sha256: name.as_bytes().to_vec(),
            size: 1,
            first: None,
        };
        let known = Landings {
            pending: tries.first().is_some_and(|t| t.written_us > self.now_us),
            own: written
                .map(|t| Landing {
                    requested_us: t.requested_us,
                    complete_us: t.complete_us,
                    good: t.good.then(body),
                })
                .collect(),
            ..Landings::default()
        };
        let verdict = judge(known, listing, self.now_us);
        Ok(match verdict {
            Verdict::Present(body) => Verdict::Present(RecordedBody {
                exchange_id: body.exchange_id,
                sha256: body.sha256,
                range: None,
            }),
            Verdict::Missing => Verdict::Missing,
            Verdict::Undecided => Verdict::Undecided,
        })
    }

    fn final_body(&self, _: &Listing, _: Wanted<'_>) -> Result<Option<RecordedBody>, Infallible> {
        Ok(None)
    }
}

/// A list that takes revisions.
#[derive(Default)]
struct TestPlaylist {
    revisions: Revisions,
    list: List,
    revision_count: i64,
    begins_run: bool,
}

impl TestPlaylist {
    fn sees(&mut self, seen_us: i64, body: &str) {
        self.revision_count += 1;
        let base = Url::parse("http://h/p.m3u8").unwrap();
        let facts = read_media(body.as_bytes(), &base, &Variables::default()).facts;
        let revision = Revision {
            listing: Listing {
                revision: self.revision_count,
                from_us: seen_us,
                seen_us,
                target_us: 2 * SECOND,
                restarted: false,
            },
            base: &base,
            imports: &Variables::default(),
            place: facts.media_sequence,
            last_place: facts.last_sequence,
            number_offset: 0,
            discontinuity_sequence: facts.discontinuity_sequence,
            begins_run: std::mem::take(&mut self.begins_run),
        };
        let taken = self
            .revisions
            .add(&revision, RevisionText::Whole(body.as_bytes()));
        self.list.extend(taken);
    }

    fn event_text(&mut self, made: &CachedText) -> String {
        let Ok(()) = self.list.decide(made);
        self.list.event_text().unwrap_or_default()
    }

    fn vod_text(&mut self, made: &CachedText) -> String {
        let Ok(()) = self.list.decide(made);
        let Ok(vod) = self.list.vod_text(made);
        vod.unwrap_or_default()
    }
}

/// What of a playlist is about segments, without numbers of exchanges.
fn segments(playlist: &str) -> String {
    let lines = playlist.lines().filter(|line| {
        let head = [
            "#EXTM3U",
            "#EXT-X-VERSION",
            "#EXT-X-TARGET",
            "#EXT-X-MEDIA-",
            "#EXT-X-PLAY",
        ];
        !head.iter().any(|tag| line.starts_with(tag))
    });
    let plain = |line: &str| match line.split_once("exchange/") {
        Some((before, after)) => {
            let (id, name) = after.split_once('/').unwrap();
            let missing = if id == "0" { "missing " } else { "" };
            format!("{before}{missing}{name}\n")
        }
        None => format!("{line}\n"),
    };
    lines.map(plain).collect()
}

fn window(first: u64, names: &[&str]) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for name in names {
        text += &format!("#EXTINF:2,\n{name}\n");
    }
    text
}

#[test]
fn each_segment_is_listed_once_and_a_jump_is_a_discontinuity() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    for name in ["a", "b", "c", "d", "g", "x", "y"] {
        made.lands(name, 1);
    }
    lists.sees(0, &window(7, &["a", "b"]));
    lists.sees(2, &window(7, &["a", "b", "c"]));
    lists.sees(4, &window(9, &["c", "d"]));
    lists.sees(6, &window(13, &["g"]));
    lists.sees(8, &window(0, &["x"]));
    lists.sees(9, &window(0, &["x", "y"]));
    let event = lists.event_text(&made);
    assert!(
        event.starts_with(
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
        ),
        "{event}"
    );
    let listed = "#EXTINF:2,\na\n#EXTINF:2,\nb\n#EXTINF:2,\nc\n#EXTINF:2,\nd\n\
        #EXT-X-DISCONTINUITY\n#EXTINF:2,\ng\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nx\n#EXTINF:2,\ny\n";
    assert_eq!(segments(&event), listed);
    assert_eq!(
        segments(&lists.vod_text(&made)),
        format!("{listed}#EXT-X-ENDLIST\n")
    );
}

#[test]
fn a_recorder_that_begins_anew_adds_what_is_new_only() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    for name in ["a", "b", "c", "d", "x"] {
        made.lands(name, 1);
    }
    lists.sees(0, &window(7, &["a", "b", "c"]));
    lists.begins_run = true;
    lists.sees(1, &window(7, &["a", "b?again"]));
    lists.sees(2, &window(8, &["b", "c", "d"]));
    let listed = "#EXTINF:2,\na\n#EXTINF:2,\nb\n#EXTINF:2,\nc\n#EXTINF:2,\nd\n";
    assert_eq!(segments(&lists.event_text(&made)), listed);
    lists.begins_run = true;
    lists.sees(3, &window(8, &["x"]));
    let restarted = format!("{listed}#EXT-X-DISCONTINUITY\n#EXTINF:2,\nx\n");
    assert_eq!(segments(&lists.event_text(&made)), restarted);
}

#[test]
fn what_has_not_come_ends_the_list_until_it_never_will() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    lists.sees(0, &window(0, &["a", "b", "c"]));
    made.lands("a", SECOND);
    made.lands("c", SECOND);
    made.now_us = 2 * SECOND;
    assert_eq!(segments(&lists.event_text(&made)), "#EXTINF:2,\na\n");
    made.now_us = 14 * SECOND;
    assert_eq!(segments(&lists.event_text(&made)), "#EXTINF:2,\na\n");
    // A session that ends here says that it is missing, and may still go on.
    let gap = "#EXTINF:2,\na\n#EXTINF:2,\n#EXT-X-GAP\nmissing b\n#EXTINF:2,\nc\n";
    assert_eq!(
        segments(&lists.vod_text(&made)),
        format!("{gap}#EXT-X-ENDLIST\n")
    );
    assert_eq!(segments(&lists.event_text(&made)), "#EXTINF:2,\na\n");
    made.now_us = 15 * SECOND;
    assert_eq!(segments(&lists.event_text(&made)), gap);
    made.lands("b", 15 * SECOND);
    made.now_us = 16 * SECOND;
    assert_eq!(
        segments(&lists.event_text(&made)),
        gap,
        "history stays as it was"
    );
    let mut anew = TestPlaylist::default();
    anew.sees(0, &window(0, &["a", "b", "c"]));
    made.tries.get_mut("b").unwrap()[0].good = false;
    assert_eq!(
        segments(&anew.event_text(&made)),
        "#EXTINF:2,\na\n",
        "its first try may be followed"
    );
    made.now_us = 30 * SECOND;
    assert_eq!(segments(&anew.event_text(&made)), gap);
}

#[test]
fn what_is_not_decided_counts_as_long_as_it_waits() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    let names: Vec<String> = (0..100)
        .map(|n| format!("{n}{}", "x".repeat(500)))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    lists.sees(0, &window(0, &names));
    lists.event_text(&made);
    let waiting = lists.list.bytes();
    assert!(waiting > 100 * 500, "{waiting}");
    made.now_us = 15 * SECOND;
    let text = lists.event_text(&made);
    let decided = lists.list.bytes();
    assert!(
        decided >= text.len() / 2 && decided < 3 * text.len(),
        "{decided}"
    );
    lists.sees(20, &window(100, &["a"]));
    assert!(lists.list.bytes() > decided);
}

#[test]
fn what_had_not_come_at_the_end_is_left_out() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    lists.sees(0, &window(0, &["a", "b", "c"]));
    made.lands("a", 1);
    made.now_us = SECOND;
    assert_eq!(
        segments(&lists.vod_text(&made)),
        "#EXTINF:2,\na\n#EXT-X-ENDLIST\n"
    );
    let mut nothing = TestPlaylist::default();
    nothing.sees(0, &window(0, &["b"]));
    assert_eq!(nothing.vod_text(&made), "");
    assert_eq!(nothing.event_text(&made), "");
}

#[test]
fn keys_and_initialization_sections_stand_where_they_change() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    for name in ["i1", "i2", "k1", "a", "b", "c", "d", "e", "f"] {
        made.lands(name, 1);
    }
    lists.sees(
        0,
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:16\n#EXT-X-MAP:URI=\"i1\"\n\
         #EXTINF:2,\na\n#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n#EXTINF:2.6,\nb\n#EXTINF:2,\nc\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF:2,\nd\n\
         #EXT-X-KEY:METHOD=NONE\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"i2\"\n#EXTINF:2,\ne\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"gone\"\n#EXTINF:2,\nf\n",
    );
    let event = lists.event_text(&made);
    assert!(
        event.contains("#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:3\n"),
        "{event}"
    );
    let iv = |n: u64| format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k1\",IV=0x{n:032x}\n");
    let wanted = format!(
        "#EXT-X-MAP:URI=\"i1\"\n#EXTINF:2,\na\n{}#EXTINF:2.6,\nb\n{}#EXTINF:2,\nc\n\
         #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n{}#EXTINF:2,\nd\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"i2\"\n#EXTINF:2,\ne\n\
         #EXTINF:2,\n#EXT-X-GAP\nmissing f\n",
        iv(17),
        iv(18),
        iv(19)
    );
    assert_eq!(segments(&event), wanted);
}

/// A list of so many segments and keys of so many KEYFORMATs: look-ups and lines of keys for it.
fn with_keys(keys: usize, segments: usize, before: impl Fn(usize) -> String) -> (usize, usize) {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    for name in ["a", "k"] {
        made.lands(name, 1);
    }
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n".to_owned();
    for n in 0..keys {
        text += &format!("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\",KEYFORMAT=\"f{n:04}\"\n");
    }
    for n in 0..segments {
        text += &format!("{}#EXTINF:2,\na\n", before(n));
    }
    lists.sees(0, &text);
    let event = lists.event_text(&made);
    assert_eq!(event.matches("#EXTINF").count(), segments);
    assert_eq!(event.matches("GAP").count(), 0);
    (made.resolver.get(), event.matches("#EXT-X-KEY").count())
}

#[test]
fn what_applies_to_many_segments_is_looked_up_and_written_once() {
    let found = with_keys(2_000, 1_000, |_| String::new());
    assert_eq!(found, (1_000 + MOST_KEYS, MOST_KEYS));
    // One of many keys changes at each segment: that one is looked up and written, and no other.
    let changes = |n| {
        let iv = format!("METHOD=SAMPLE-AES,IV=0x{n:x},URI=\"k\",KEYFORMAT=\"f0003\"");
        format!("#EXT-X-KEY:{iv}\n")
    };
    let found = with_keys(2_000, 1_000, changes);
    assert_eq!(found, (2_000 + MOST_KEYS - 1, 1_000 + MOST_KEYS - 1));
}

#[test]
fn dates_are_listed_once_wherever_they_stand() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    for name in ["a", "b", "c"] {
        made.lands(name, 1);
    }
    let date = |n: u32| format!("#EXT-X-DATERANGE:ID=\"{n}\"\n");
    lists.sees(0, &(window(0, &["a"]) + &date(1)));
    lists.sees(
        1,
        &window(0, &["a", "b"]).replace("#EXTINF:2,\na", &(date(1) + &date(2) + "#EXTINF:2,\na")),
    );
    lists.sees(
        2,
        &window(1, &["b", "c"]).replace("#EXTINF:2,\nb", &(date(2) + "#EXTINF:2,\nb")),
    );
    let wanted = format!(
        "{}#EXTINF:2,\na\n{}#EXTINF:2,\nb\n#EXTINF:2,\nc\n",
        date(1),
        date(2)
    );
    assert_eq!(segments(&lists.event_text(&made)), wanted);
}

#[test]
fn a_single_file_that_grows_under_one_number_is_listed_on() {
    let (mut lists, mut made) = (TestPlaylist::default(), CachedText::default());
    made.now_us = 100 * SECOND;
    made.lands("all.ts", 1);
    let stuck = |first: u64| {
        let segment = |n: u64| format!("#EXTINF:2,\n#EXT-X-BYTERANGE:10@{}\nall.ts\n", n * 10);
        let list: String = (first..first + 3).map(segment).collect();
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{list}")
    };
    lists.sees(0, &stuck(0));
    lists.sees(1, &stuck(1));
    lists.sees(2, &stuck(3));
    let event = lists.event_text(&made);
    assert_eq!(event.matches("all.ts").count(), 6, "{event}");
    assert!(
        !event.contains("DISCONTINUITY") && !event.contains("BYTERANGE"),
        "{event}"
    );
}

/// Tries of one segment: after how many milliseconds each is made, takes, is written; is good.
type Fate = Vec<(i64, i64, i64, bool)>;

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let one = (0..9_000_i64, 0..14_000_i64, 0..4_900_i64, any::<bool>());
    prop::collection::vec(prop::collection::vec(one, 0..4), 1..14)
}

/// A channel whose segment n is listed at n × 2 s and has the nth fate.
fn channel(fates: &[Fate]) -> (CachedText, Vec<(i64, String)>) {
    let mut made = CachedText::default();
    let mut revisions = Vec::new();
    for (n, fate) in fates.iter().enumerate() {
        let listed_us = n as i64 * 2 * SECOND;
        let mut at_us = listed_us;
        let mut tries = Vec::new();
        for (delay, takes, written, good) in fate {
            let requested_us = at_us + delay * 1000;
            let complete_us = requested_us + takes * 1000;
            let written_us = complete_us + written * 1000;
            tries.push(Try {
                requested_us,
                complete_us,
                written_us,
                good: *good,
            });
            at_us = written_us;
            if *good {
                break;
            }
        }
        made.tries.insert(format!("s{n}"), tries);
        let first = n.saturating_sub(2);
        let names: Vec<String> = (first..=n).map(|n| format!("s{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        revisions.push((listed_us, window(first as u64, &names)));
    }
    (made, revisions)
}

proptest! {
    /// Whatever lands when: what was served is the beginning of what is served later, by this
    /// replayer or by one that starts then.
    #[test]
    fn history_never_changes(fates in fates(), phase_ms in 0..600_i64) {
        let (mut made, revisions) = channel(&fates);
        let mut lists = TestPlaylist::default();
        let mut seen = 0;
        let mut before = String::new();
        for step in 0..80 {
            made.now_us = (phase_ms + step * 600) * 1000;
            let listed = revisions.iter().filter(|(at, _)| *at <= made.now_us).count();
            for (at, body) in &revisions[seen..listed] {
                lists.sees(*at, body);
            }
            seen = listed;
            let event = lists.event_text(&made);
            prop_assert!(event.starts_with(&before), "{before}\nthen\n{event}");
            let mut anew = TestPlaylist::default();
            for (at, body) in &revisions[..listed] {
                anew.sees(*at, body);
            }
            prop_assert_eq!(&anew.event_text(&made), &event);
            let vod = segments(&anew.vod_text(&made));
            prop_assert!(vod.is_empty() || vod.starts_with(&segments(&event)));
            before = event;
        }
    }

    /// In the end every segment that was good in time is there, and every other one is a gap.
    #[test]
    fn in_the_end_everything_is_decided(fates in fates()) {
        let (mut made, revisions) = channel(&fates);
        made.now_us = 600 * SECOND;
        let mut lists = TestPlaylist::default();
        for (at, body) in &revisions {
            lists.sees(*at, body);
        }
        let event = segments(&lists.event_text(&made));
        let count = event.lines().filter(|line| !line.starts_with('#')).count();
        prop_assert_eq!(count, fates.len());
        for (n, fate) in fates.iter().enumerate() {
            if let Some((_, _, _, true)) = fate.first() {
                let line = format!("\ns{n}\n");
                prop_assert!(event.contains(&line), "{} is missing in {}", n, event);
            }
        }
    }
}
