//! Rules of one text (P), and across texts of renditions (X).

use isrecorder::session::Outcome;

use isrecorder::hls::shift_dates;

use super::list::List;
use super::tape::Taken;
use super::told::{Damage, assert_told};
use super::{clean, encrypted};

const TEXTS: [Damage; 16] = [
    // A poll in between, whose failure is an outage.
    ("P01", &["H14"], |tape| {
        let poll = tape
            .exchanges
            .iter()
            .find(|one| one.is_of("high/live.m3u8"))
            .unwrap();
        let page = Taken {
            requested_us: 11_000_000,
            body: b"<html><p>Please log in".to_vec(),
            outcome: Outcome::NotAPlaylist,
            revision: None,
            ..poll.clone()
        };
        tape.exchanges.push(page);
    }),
    ("P03", &[], |tape| {
        tape.each("high/live.m3u8", |_, poll| {
            poll.url = poll.url.replace("live.m3u8", "live.txt");
            poll.set_header("content-type", Some("text/plain"));
        });
        tape.each("main.m3u8", |_, main| {
            main.body = main
                .text()
                .replace("high/live.m3u8", "high/live.txt")
                .into()
        });
    }),
    ("P04", &[], |tape| {
        tape.lists("high", |_, list| {
            list.head.push("#EXT-X-TARGETDURATION:2".to_owned())
        });
    }),
    ("P05", &[], |tape| {
        tape.lists("high", |_, list| list.without("#EXT-X-TARGETDURATION"))
    }),
    // Longer than the media are.
    ("P06", &["M05"], |tape| {
        tape.lists("high", |_, list| {
            list.of(12)
                .into_iter()
                .for_each(|one| one.replace("2.000000", "2.600000"));
        });
    }),
    ("P07", &[], |tape| {
        tape.lists("high", |_, list| {
            let at = list
                .head
                .iter()
                .position(|line| line.contains("MEDIA-SEQUENCE"))
                .unwrap();
            let line = list.head.remove(at);
            list.segments.last_mut().unwrap().tags.push(line);
        });
    }),
    ("P08", &[], |tape| {
        tape.lists("high", |_, list| list.set("VERSION", "2"))
    }),
    ("P13", &[], |tape| {
        tape.lists("high", |_, list| {
            list.set(
                "DATERANGE",
                "CLASS=\"ad\",START-DATE=\"2026-11-20T14:37:56Z\"",
            )
        });
    }),
    ("P14", &[], |tape| {
        tape.lists("high", |_, list| {
            list.set("VERSION", "8");
            list.head.extend(
                ["a", "b"].map(|value| format!("#EXT-X-DEFINE:NAME=\"x\",VALUE=\"{value}\"")),
            );
        });
    }),
    ("P16", &[], |tape| {
        tape.lists("", |_, list| list.without("#EXT-X-PROGRAM-DATE-TIME"))
    }),
    ("P17", &[], |tape| {
        tape.lists("", |_, list| {
            if let Some(one) = list.of(18) {
                let tags = ["#EXT-X-DISCONTINUITY", "#EXTINF:2.000000,"];
                one.tags = tags.map(str::to_owned).to_vec();
            }
        });
    }),
    ("P19", &[], |tape| {
        tape.lists("high", |_, list| list.begin_at(list.first() + 2));
    }),
    ("P21", &[], |tape| {
        tape.lists("high", |_, list| {
            list.set("DISCONTINUITY-SEQUENCE", "18446744073709551616")
        });
    }),
    // It slides: an EVENT loses nothing.
    ("P15", &["T10"], |tape| {
        tape.lists("high", |_, list| list.set("PLAYLIST-TYPE", "EVENT"))
    }),
    // A bit rate of 0 says nothing: it is told of one segment.
    ("P20", &[], |tape| {
        let of = |one: &&Taken| one.is_of("high/seg012");
        let bytes = tape.exchanges.iter().find(of).unwrap().body.len();
        tape.lists("high", |_, list| {
            let others = bytes * 8 / 2000 * 3;
            for one in &mut list.segments {
                let kilobits = if one.uri.contains("013") { others } else { 0 };
                one.tags.push(format!("#EXT-X-BITRATE:{kilobits}"));
            }
        });
    }),
    ("M14", &[], |tape| {
        let message = "0xFC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30B";
        tape.lists("", |_, list| {
            list.set(
                "DATERANGE",
                &format!("ID=\"ad\",START-DATE=\"2026-11-20T14:37:56Z\",SCTE35-OUT={message}"),
            );
        });
    }),
];

#[test]
fn a_text_that_is_damaged_is_told_by_its_rule() {
    assert_told(&clean(), &TEXTS);
}

#[test]
fn of_what_is_encrypted_a_key_that_cannot_be_read_is_told() {
    let damages: [Damage; 2] = [
        ("P10", &[], |tape| {
            tape.lists("high", |_, list| list.set("KEY", "METHOD=AES-128"));
        }),
        ("M10", &[], |tape| {
            tape.each("key", |_, key| {
                key.body = b"another key of it".to_vec()[..16].to_vec()
            })
        }),
    ];
    assert_told(&encrypted(), &damages);
}

/// An ad of the last half of the recording, of so many seconds.
fn ad(list: &mut List, seconds: u32) {
    let range = format!("ID=\"ad\",START-DATE=\"2026-11-20T14:38:20Z\",DURATION={seconds}");
    list.set("DATERANGE", &range);
}

const ACROSS: [Damage; 12] = [
    ("X01", &[], |tape| {
        tape.lists("low", |_, list| list.set("TARGETDURATION", "3"))
    }),
    ("X02", &[], |tape| {
        tape.lists("low", |_, list| {
            list.of(18)
                .into_iter()
                .for_each(|one| one.tags.insert(0, "#EXT-X-DISCONTINUITY".to_owned()));
        });
    }),
    ("X03", &[], |tape| tape.late("low", 0, 1_500_000)),
    // Its segments are cut half a second later.
    ("X04", &[], |tape| {
        tape.each("low/seg", |_, one| {
            super::packets::shift(&mut one.body, 45_000)
        });
        tape.each("low/live.m3u8", |_, list| {
            list.body = shift_dates(&list.body, 500_000).to_vec()
        });
    }),
    ("X05", &[], |tape| {
        tape.each("low/seg", |_, one| {
            super::packets::shift(&mut one.body, 90_000)
        })
    }),
    ("X06", &[], |tape| {
        tape.lists("high", |_, list| ad(list, 10))
    }),
    ("X06", &[], |tape| {
        tape.lists("high", |_, list| ad(list, 10));
        tape.lists("low", |_, list| ad(list, 12));
    }),
    ("X07", &["P16"], |tape| {
        tape.lists("low", |_, list| list.without("#EXT-X-PROGRAM-DATE-TIME"))
    }),
    ("X09", &[], |tape| {
        tape.each("main.m3u8", |_, main| {
            main.body = main.text().replace("=200000", "=50000").into()
        });
    }),
    ("X10", &[], |tape| {
        tape.each("main.m3u8", |_, main| {
            main.body = main.text().replace("avc1.4d400b,", "").into()
        });
    }),
    // One of two stands still.
    ("X11", &[], |tape| {
        tape.each("main.m3u8", |_, main| {
            main.body = main
                .text()
                .replace("BANDWIDTH=2", "AUDIO=\"sound\",BANDWIDTH=2")
                .into();
        });
    }),
    ("X12", &["T07", "X03"], |tape| {
        tape.late("low", 20_000_000, 2_500_000)
    }),
];

#[test]
fn renditions_that_are_apart_are_told_by_their_rule() {
    assert_told(&clean(), &ACROSS);
}
