//! Rules of low latency (L).

use isrecorder::session::Kind;

use super::clean;
use super::tape::Tape;
use super::told::{Damage, assert_told};

/// The recording as if it was one of low latency: each of the last three segments is one part, and the next one is announced.
fn with_parts() -> Tape {
    let mut tape = clean();
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

const LOW_LATENCY: [Damage; 6] = [
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
}
