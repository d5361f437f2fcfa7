//! Rules of a playlist over time (T).

use super::clean;
use super::list::List;
use super::tape::{Taken, Tape};
use super::told::{Damage, assert_told, told};

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

/// The texts of a playlist, without their dates: with them, a text that comes again tells that it is old.
fn undated() -> (Tape, Vec<Vec<u8>>) {
    let mut tape = clean();
    tape.lists("", |_, list| list.without("#EXT-X-PROGRAM-DATE-TIME"));
    let mut texts = Vec::new();
    tape.lists("high", |_, list| texts.push(list.to_string().into_bytes()));
    (tape, texts)
}

/// Puts other texts in the place of those of `high`, from a revision on; `None`: that one stays.
fn put(tape: &mut Tape, text: impl Fn(usize) -> Option<Vec<u8>>) {
    let is_list = |one: &&mut Taken| one.is_of("high/live.m3u8") && one.revision.is_some();
    let lists = tape.exchanges.iter_mut().filter(is_list).enumerate();
    for (n, one) in lists {
        if let Some(body) = text(n) {
            one.body = body;
        }
    }
}

/// How often T01 and T17 are told of a recording, and what of T17.
fn back_or_old(tape: &Tape) -> (u64, u64, String) {
    let (_, said) = told(tape);
    let lines = said.lines().map(|line| line.trim());
    let found: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |rule: &str| {
        let of: Vec<_> = found.iter().filter(|one| one["rule"] == rule).collect();
        let count = of.iter().map(|one| one["count"].as_u64().unwrap()).sum();
        let text = of.first().and_then(|one| one["detail"]["text"].as_str());
        (count, text.unwrap_or_default().to_owned())
    };
    let ((begun, _), (old, text)) = (of("T01"), of("T17"));
    (begun, old, text)
}

#[test]
fn an_encoder_that_starts_anew_is_told_once_though_its_texts_were_there_before() {
    let (clean, texts) = undated();
    assert_eq!(back_or_old(&clean), (0, 0, String::new()));
    // At once, after some segments, and after more than a list of them.
    for begins in [5, LATER, 12] {
        let mut tape = clean.clone();
        put(&mut tape, |n| Some(texts[n.checked_sub(begins)?].clone()));
        let (begun, old, text) = back_or_old(&tape);
        assert_eq!((begun, old), (1, 0), "{begins}: {text}");
    }
    // From a list of one on, which nobody had seen.
    let mut tape = clean.clone();
    put(&mut tape, |n| {
        let since = n.checked_sub(LATER)?;
        let mut list = List::read(std::str::from_utf8(&texts[since.saturating_sub(5)]).unwrap());
        list.segments.truncate(1 + since);
        Some(list.to_string().into_bytes())
    });
    let (begun, old, text) = back_or_old(&tape);
    assert_eq!((begun, old), (1, 0), "{text}");
}

#[test]
fn an_old_text_behind_a_newer_one_is_told_with_its_age() {
    let (clean, texts) = undated();
    for (at, was, age) in [
        (LATER, LATER - 2, "2 s (1 segment)"),
        (10, 3, "12 s (6 segments)"),
        // It looks as if the sequence began again, until the newer one is there again.
        (10, 0, "18 s (9 segments)"),
    ] {
        let mut tape = clean.clone();
        put(&mut tape, |n| (n == at).then(|| texts[was].clone()));
        let (begun, old, text) = back_or_old(&tape);
        assert_eq!((begun, old), (0, 1), "{at} {was}: {text}");
        assert!(text.contains(&format!(", {age} older")), "{text}");
    }
}
