//! Rules of a playlist over time (T).

use super::clean;
use super::tape::Taken;
use super::told::{Damage, assert_told};

/// The revision from which on something is another.
const LATER: usize = 8;

const TIMES: [Damage; 13] = [
    ("T01", &[], |tape| {
        tape.lists("high", |n, list| {
            if n >= LATER {
                let first = list.first().saturating_sub(4);
                list.set("MEDIA-SEQUENCE", &first.to_string());
            }
        });
    }),
    ("T02", &[], |tape| {
        tape.lists("high", |n, list| {
            if n >= LATER {
                let first = list.first() + 3;
                list.set("MEDIA-SEQUENCE", &first.to_string());
            }
        });
    }),
    ("T03", &[], |tape| {
        tape.lists("high", |n, list| {
            if n >= LATER {
                list.of(10)
                    .into_iter()
                    .for_each(|one| one.replace("2.000000", "1.900000"));
            }
        });
    }),
    // Its numbers say that nothing new came; five are left for a while.
    ("T04", &["P19", "T07"], |tape| {
        tape.lists("high", |n, list| {
            if n >= LATER {
                let count = list.segments.len();
                list.segments.retain(|one| !one.uri.contains("010"));
                if list.segments.len() == count {
                    let first = list.first() - 1;
                    list.set("MEDIA-SEQUENCE", &first.to_string());
                }
            }
        });
    }),
    ("T05", &[], |tape| {
        let again = tape
            .exchanges
            .iter()
            .position(|one| one.url.contains("high/seg010"))
            .unwrap();
        let mut again = tape.exchanges[again].clone();
        again.requested_us += 3_000_000;
        *again.body.last_mut().unwrap() ^= 1;
        tape.exchanges.push(again);
    }),
    // Renditions change it at moments of their own.
    ("T06", &[], |tape| {
        tape.lists("", |n, list| {
            if n >= 2 * LATER {
                list.set("TARGETDURATION", "3");
            }
        });
    }),
    ("T07", &[], |tape| tape.late("live", 20_000_000, 2_500_000)),
    ("T08", &["P19"], |tape| {
        tape.lists("high", |n, list| {
            if n >= LATER {
                list.begin_at(list.first() + 4);
            }
        });
    }),
    // One of two renditions was polled before the other.
    ("T09", &[], |tape| {
        tape.lists("", |_, list| {
            list.of(8)
                .into_iter()
                .for_each(|one| one.tags.insert(0, "#EXT-X-DISCONTINUITY".to_owned()));
        });
    }),
    ("T10", &[], |tape| {
        tape.lists("high", |_, list| list.set("PLAYLIST-TYPE", "VOD"))
    }),
    // One of two renditions jumps a moment before the other.
    ("T12", &[], |tape| {
        tape.lists("", |_, list| {
            for number in 14..30 {
                let one = list.of(number);
                let tags = one.map(|one| &mut one.tags).into_iter().flatten();
                tags.for_each(|tag| *tag = tag.replace("2026-11-20T14", "2026-11-20T13"));
            }
        });
    }),
    ("T15", &[], |tape| {
        for name in ["high", "low"] {
            tape.lists(name, |n, list| {
                let seconds = if n < LATER { 10 } else { 12 };
                let range =
                    format!("ID=\"ad\",START-DATE=\"2026-11-20T14:37:56Z\",DURATION={seconds}");
                list.set("DATERANGE", &range);
            });
        }
    }),
    // Written in place, and answered half written.
    ("T16", &[], |tape| {
        let is_list = |one: &&Taken| one.is_of("high/live.m3u8") && one.revision.is_some();
        let whole = tape.exchanges.iter().filter(is_list).nth(LATER).unwrap();
        let mut cut = whole.clone();
        cut.requested_us -= 200_000;
        cut.body.truncate(cut.body.len() - 5);
        tape.exchanges.push(cut);
    }),
];

#[test]
fn a_playlist_that_changes_wrongly_is_told_by_its_rule() {
    assert_told(&clean(), &TIMES);
}
