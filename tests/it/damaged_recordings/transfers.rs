//! Rules of exchanges (H).

use isrecorder::session::{Kind, Outcome};

use super::tape::{Taken, Tape};
use super::told::{Damage, assert_told, playlists};
use super::{SECOND, clean};

/// Polls of a playlist that fail for four seconds, between those that brought something.
fn fails(tape: &mut Tape) {
    let one = tape
        .exchanges
        .iter()
        .find(|one| one.kind == Kind::Media && one.requested_us > 0)
        .unwrap()
        .clone();
    for n in 0..8 {
        tape.exchanges.push(Taken {
            requested_us: 20 * SECOND + n * SECOND / 2,
            status: 500,
            body: Vec::new(),
            revision: None,
            ..one.clone()
        });
    }
}

const TRANSFERS: [Damage; 13] = [
    // What never came is an outage as well.
    ("H01", &["H14"], |tape| {
        tape.each("high/seg012", |_, one| {
            (one.status, one.body) = (404, b"not found".to_vec());
            one.set_header("cache-control", None);
        });
    }),
    // Its body never came whole.
    ("H01", &["H14"], |tape| {
        tape.each("high/seg012", |_, one| {
            one.outcome = Outcome::Short;
            one.body.truncate(one.body.len() / 2);
        });
    }),
    ("H03", &[], |tape| {
        tape.each("high/seg012", |_, one| one.receive_us = 3 * SECOND)
    }),
    ("H05", &[], |tape| {
        tape.lists("high", |_, list| {
            list.head.push(format!("## {}", "a remark ".repeat(80)))
        });
    }),
    ("H06", &[], |tape| {
        tape.each("high/live.m3u8", |_, poll| {
            poll.set_header("cache-control", Some("max-age=30"))
        })
    }),
    ("H07", &[], |tape| {
        tape.each("high/live.m3u8", |_, poll| {
            poll.set_header("last-modified", Some("Fri, 20 Nov 2026 14:30:00 GMT"))
        })
    }),
    ("H08", &[], |tape| {
        tape.each("high/seg", |_, one| {
            one.set_header("access-control-allow-origin", None)
        });
    }),
    ("H09", &[], |tape| {
        tape.each("high/seg", |_, one| {
            one.set_header("content-type", Some("text/plain"))
        })
    }),
    ("H10", &[], |tape| {
        let at = tape
            .exchanges
            .iter()
            .position(|one| one.is_of("high/seg012"))
            .unwrap();
        let there = tape.exchanges[at].clone();
        let head = &mut tape.exchanges[at];
        (head.status, head.body) = (302, Vec::new());
        head.set_header("location", Some("/other/seg012.ts"));
        tape.exchanges.push(Taken {
            url: there.url.replace("high/", "other/"),
            head: Some(at),
            requested_us: there.requested_us + 10_000,
            ..there
        });
    }),
    ("H11", &[], |tape| {
        tape.each("", |_, one| {
            one.url = one.url.replace("localhost:8080", "cdn.tv")
        })
    }),
    ("H13", &[], |tape| {
        tape.each("high/seg", |_, one| one.set_header("cache-control", None))
    }),
    ("H13", &[], |tape| {
        tape.each("high/seg", |_, one| {
            one.set_header("cache-control", Some("private, no-store"))
        })
    }),
    ("H14", &[], fails),
];

#[test]
fn an_exchange_that_is_wrong_is_told_by_its_rule() {
    assert_told(&clean(), &TRANSFERS);
}

#[test]
fn what_is_wrong_with_a_poll_is_told_of_the_playlist_that_was_polled() {
    let mut tape = clean();
    tape.each("high/live.m3u8", |_, poll| {
        poll.set_header("cache-control", Some("max-age=30"))
    });
    let told = playlists(&tape, "H06");
    assert_eq!(
        told.into_iter().collect::<Vec<_>>(),
        ["live/high/live.m3u8"]
    );
}
