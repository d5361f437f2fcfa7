//! Rules of what segments are made of (M).

use super::clean;
use super::packets::{PACKET, PAT, PMT, VIDEO, count_on, packets_of, shift};
use super::tape::{Taken, Tape};
use super::told::{Damage, assert_told, told};

/// The number of a segment, of its name.
fn number(one: &Taken) -> u64 {
    one.url.split("seg").nth(1).unwrap()[..3].parse().unwrap()
}

/// Another source from segment 12 on: other time stamps, other counters, dates of another hour, and what stands before it in the list.
fn spliced(tape: &mut Tape, tag: &str, hour: &str) {
    tape.each("/seg", |_, one| {
        if number(one) >= 12 {
            shift(&mut one.body, -450_000);
            count_on(&mut one.body, 5);
        }
    });
    tape.lists("", |_, list| {
        for number in 12..30 {
            let one = list.of(number);
            let tags = one.map(|one| &mut one.tags).into_iter().flatten();
            tags.for_each(|tag| *tag = tag.replace("2026-11-20T14", hour));
        }
        let tags = list.of(12).map(|one| &mut one.tags);
        tags.into_iter()
            .for_each(|tags| tags.insert(0, tag.to_owned()));
    });
}

/// The hour before and behind that of the recording.
const BEFORE: &str = "2026-11-20T13";
const BEHIND: &str = "2026-11-20T15";

const MEDIA: [Damage; 12] = [
    ("M01", &[], |tape| {
        tape.each("high/seg012", |_, one| {
            one.body = b"<!DOCTYPE html><p>Not found".to_vec()
        })
    }),
    ("M01", &[], |tape| {
        tape.each("high/seg012", |_, one| {
            one.body.truncate(one.body.len() - 100)
        });
    }),
    ("M02", &[], |tape| {
        tape.each("high/seg012", |_, one| {
            for at in packets_of(&one.body, PAT) {
                // A wrong CRC.
                one.body[at + 13] ^= 0x40;
            }
        });
    }),
    ("M02", &[], |tape| {
        tape.each("high/seg012", |_, one| {
            // Packets of stuffing in their place.
            for at in packets_of(&one.body, PMT) {
                one.body[at + 1..at + 3].copy_from_slice(&[0x1F, 0xFF]);
            }
        });
    }),
    ("M03", &[], |tape| {
        tape.each("high/seg012", |_, one| {
            let at = packets_of(&one.body, VIDEO)[3];
            one.body.drain(at..at + PACKET);
        });
    }),
    ("M05", &[], |tape| {
        tape.lists("high", |_, list| {
            list.of(12)
                .into_iter()
                .for_each(|one| one.replace("2.000000", "1.500000"));
        });
    }),
    // One of two renditions jumps a moment before the other.
    ("M06", &[], |tape| {
        tape.each("/seg", |_, one| {
            if number(one) >= 12 {
                shift(&mut one.body, 45_000);
            }
        });
    }),
    // Counters and dates jump with them: that is one thing, with a tag that tells it and without one.
    ("M06", &[], |tape| {
        spliced(tape, "#EXT-X-CUE-OUT:10", BEFORE)
    }),
    ("M06", &[], |tape| spliced(tape, "## a remark", BEFORE)),
    ("M06", &[], |tape| spliced(tape, "## a remark", BEHIND)),
    ("M07", &[], |tape| {
        tape.each("high/seg012", |_, one| {
            let starts = one.body.windows(4).enumerate();
            let pictures = starts.filter(|(_, four)| four[..3] == [0, 0, 1] && four[3] & 0x1F == 5);
            let pictures: Vec<usize> = pictures.map(|(at, _)| at + 3).collect();
            // No IDR any more, but an ordinary one.
            pictures
                .into_iter()
                .for_each(|at| one.body[at] = one.body[at] & 0xE0 | 1);
        });
    }),
    ("M15", &[], |tape| {
        tape.each("/seg", |_, one| {
            let body = one.body.clone();
            for at in packets_of(&body, VIDEO) {
                shift(&mut one.body[at..at + PACKET], 90_000);
            }
        });
    }),
];

#[test]
fn a_splice_without_a_discontinuity_is_told_as_one() {
    let mut tape = clean();
    spliced(&mut tape, "#EXT-X-CUE-OUT:10", BEFORE);
    let (_, said) = told(&tape);
    assert!(
        said.contains(
            "Segment 12 is a splice, without EXT-X-DISCONTINUITY (EXT-X-CUE-OUT stands before it)"
        ),
        "{said}"
    );
    assert!(said.contains("\"told_with\":[\"M03\"]"), "{said}");
    // With one all of it is as it should be.
    tape.lists("", |_, list| {
        let gone = u64::from(list.first() > 12);
        list.set("DISCONTINUITY-SEQUENCE", &gone.to_string());
        let tags = list.of(12).map(|one| &mut one.tags);
        tags.into_iter()
            .for_each(|tags| tags.insert(0, "#EXT-X-DISCONTINUITY".to_owned()));
    });
    let (rules, said) = told(&tape);
    assert!(rules.is_empty(), "{said}");
}

#[test]
fn media_that_are_damaged_are_told_by_their_rule() {
    assert_told(&clean(), &MEDIA);
}
