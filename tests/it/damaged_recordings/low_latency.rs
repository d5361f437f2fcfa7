//! Rules of low latency (L).

use isrecorder::session::Kind;

use super::clean;
use super::list::List;
use super::tape::{Taken, Tape};
use super::told::{Damage, assert_told};

/// The recording as if it was one of low latency: each of the last three segments is one part, and the next one is announced.
fn with_parts() -> Tape {
    let mut tape = clean();
    for (name, other) in [("high", "low"), ("low", "high")] {
        tape.lists(name, |_, list| report(list, other, 0));
    }
    tape.lists("", |_, list| {
        list.set("VERSION", "6");
        list.set("SERVER-CONTROL", "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=6.0");
        list.set("PART-INF", "PART-TARGET=2.0");
        let count = list.segments.len();
        for one in &mut list.segments[count - 3..] {
            let part = one.uri.replace("seg", "part");
            one.tags.push(format!(
                "#EXT-X-PART:DURATION=2.0,URI=\"{part}\",INDEPENDENT=YES"
            ));
        }
        let next = list.first() + count as u64;
        list.tail.push(format!(
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part{next:03}.ts\""
        ));
    });
    tape
}

/// Reports another playlist, so many segments behind its own end.
fn report(list: &mut List, other: &str, behind: u64) {
    list.without("#EXT-X-RENDITION-REPORT");
    let last = list.first() + list.segments.len() as u64 - 1 - behind;
    list.tail.push(format!(
        "#EXT-X-RENDITION-REPORT:URI=\"../{other}/live.m3u8\",LAST-MSN={last},LAST-PART=0"
    ));
}

/// The parts of a playlist as they are asked for before they are there, each sent for so long.
fn parts(tape: &mut Tape, receive_us: i64) {
    let segments = tape.exchanges.iter();
    let segments = segments.filter(|one| one.kind == Kind::Segment && one.is_of("high/"));
    let parts: Vec<Taken> = segments
        .map(|one| {
            let bytes = one.body.len();
            let points = (0..=8).map(|n| (receive_us * n / 8, bytes * n as usize / 8));
            let points: Vec<_> = points.collect();
            Taken {
                kind: Kind::Part,
                url: one.url.replace("seg", "part"),
                receive_us,
                arrival: Some(serde_json::to_string(&points).unwrap()),
                ..one.clone()
            }
        })
        .collect();
    tape.exchanges.extend(parts);
}

const LOW_LATENCY: [Damage; 11] = [
    ("L01", &[], |tape| {
        tape.lists("high", |_, list| {
            list.of(12)
                .into_iter()
                .for_each(|one| one.replace("DURATION=2.0", "DURATION=2.2"));
        });
    }),
    ("L02", &[], |tape| {
        tape.lists("", |_, list| {
            list.set("SERVER-CONTROL", "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0")
        });
    }),
    // It stands still as a whole.
    ("L03", &["T07"], |tape| {
        tape.late("live", 20_000_000, 2_500_000)
    }),
    ("L04", &[], |tape| {
        tape.lists("high", |_, list| list.without("#EXT-X-PRELOAD-HINT"))
    }),
    ("L05", &[], |tape| {
        tape.each("high/live.m3u8", |n, poll| {
            poll.directives_met = (n == 6).then_some(false)
        });
    }),
    ("L06", &[], |tape| {
        tape.lists("high", |_, list| list.without("#EXT-X-RENDITION-REPORT"))
    }),
    ("L06", &[], |tape| {
        tape.lists("high", |_, list| report(list, "low", 3))
    }),
    // A cache gives what another one asked for.
    ("L07", &[], |tape| {
        tape.lists("high", |n, list| {
            if n == 6 {
                list.segments.drain(..3);
                list.head.push("#EXT-X-SKIP:SKIPPED-SEGMENTS=3".to_owned());
            }
        });
    }),
    ("L09", &[], |tape| parts(tape, 1_600_000)),
    ("L10", &[], |tape| {
        tape.each("", |_, one| one.url = one.url.replace("http:", "https:"))
    }),
    ("X08", &[], |tape| {
        tape.lists("low", |_, list| {
            list.set("SERVER-CONTROL", "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=8.0")
        });
    }),
];

#[test]
fn low_latency_that_is_none_is_told_by_its_rule() {
    let tape = with_parts();
    assert!(
        tape.exchanges
            .iter()
            .any(|one| one.kind == Kind::Media && one.text().contains("EXT-X-PART:"))
    );
    assert_told(&tape, &LOW_LATENCY);
    let mut whole = tape;
    parts(&mut whole, 20_000);
    assert_told(&whole, &[]);
}
