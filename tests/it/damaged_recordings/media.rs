//! Rules of what segments are made of (M).

use super::clean;
use super::packets::{PACKET, PAT, PMT, VIDEO, packets_of, shift};
use super::told::{Damage, assert_told};

const MEDIA: [Damage; 9] = [
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
            let number: u32 = one.url.split("seg").nth(1).unwrap()[..3].parse().unwrap();
            if number >= 12 {
                shift(&mut one.body, 45_000);
            }
        });
    }),
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
fn media_that_are_damaged_are_told_by_their_rule() {
    assert_told(&clean(), &MEDIA);
}
