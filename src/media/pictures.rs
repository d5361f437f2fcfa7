//! The first picture of a stream of video, as far as the heads of its units tell (H.264, H.265, MPEG-2). Pure.

use std::fmt::Write;

use memchr::memmem;

use super::facts::Beginning;

/// Whose units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
    /// ISO 13818-2, and 11172-2.
    Mpeg2,
}

/// Of a sequence parameter set, so many bytes are looked at.
const SET_BYTES: usize = 64;
/// Of supplemental enhancement information, so many bytes are looked at: a recovery point may be behind captions.
const SEI_BYTES: usize = 1024;
/// The name of a profile has so many bytes, in H.265.
const PROFILE_BYTES: usize = 12;

/// What the first picture is, and what `CODECS` would say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct First {
    /// What it is.
    pub beginning: Option<Beginning>,
    /// What `CODECS` would say.
    pub codec: Option<String>,
}

/// The first picture in the beginning of a stream: units behind start codes.
pub fn first(coding: Coding, bytes: &[u8]) -> First {
    let mut first = First::default();
    let mut is_recovery = false;
    for at in memmem::find_iter(bytes, &[0, 0, 1]) {
        let unit = &bytes[at + 3..];
        let Some(&head) = unit.first() else { break };
        let found = match coding {
            Coding::H264 => h264(head, unit, &mut is_recovery, &mut first.codec),
            Coding::H265 => h265(head, unit, &mut first.codec),
            Coding::Mpeg2 => mpeg2(head, unit),
        };
        if found.is_some() {
            first.beginning = found;
            break;
        }
    }
    first
}

fn h264(
    head: u8,
    unit: &[u8],
    is_recovery: &mut bool,
    codec: &mut Option<String>,
) -> Option<Beginning> {
    match head & 0x1F {
        5 => Some(Beginning::RandomAccess),
        1 | 2 if *is_recovery => Some(Beginning::Recovery),
        1 | 2 => Some(Beginning::Dependent),
        // SEI: the recovery point is payload 6, and may be behind others.
        6 => {
            *is_recovery |= has_recovery_point(&payload(unit));
            None
        }
        7 => {
            if let [_, profile, constraints, level, ..] = unit {
                let name = avc_codec(*profile, *constraints, *level);
                codec.get_or_insert(name);
            }
            None
        }
        _ => None,
    }
}

/// What `CODECS` says of H.264 (RFC 6381 3.3).
pub fn avc_codec(profile: u8, constraints: u8, level: u8) -> String {
    format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
}

/// What a unit of H.264 carries behind its head, up to the next unit and as far as it is looked at: what belongs to another
/// unit is no message of this one.
fn payload(unit: &[u8]) -> Vec<u8> {
    // No three bytes of a unit are 0, 0 and 0 or 1: with those the next start code begins.
    let is_end = |three: &[u8]| matches!(three, [0, 0, 0 | 1]);
    let end = unit.windows(3).take(SEI_BYTES).position(is_end);
    let bytes = &unit[..end.unwrap_or(unit.len().min(SEI_BYTES))];
    unescaped(bytes.get(1..).unwrap_or_default())
}

/// Messages of a SEI: type and size, each a byte that goes on behind 0xFF. The last byte is the stop bit, and no message.
fn has_recovery_point(mut bytes: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    loop {
        let (kind, rest) = counted(bytes);
        let (size, rest) = counted(rest);
        if kind == RECOVERY_POINT && size > 0 && rest.len() >= size {
            return true;
        }
        match rest.get(size..) {
            Some(next) if next.len() > 2 => bytes = next,
            _ => return false,
        }
    }
}

fn counted(bytes: &[u8]) -> (usize, &[u8]) {
    let full = bytes.iter().take_while(|byte| **byte == 0xFF).count();
    let last = bytes.get(full).map_or(0, |byte| usize::from(*byte));
    (full * 255 + last, bytes.get(full + 1..).unwrap_or_default())
}

fn h265(head: u8, unit: &[u8], codec: &mut Option<String>) -> Option<Beginning> {
    match head >> 1 & 0x3F {
        // BLA, IDR, CRA, and IRAP to come.
        16..=23 => Some(Beginning::RandomAccess),
        0..=15 => Some(Beginning::Dependent),
        33 => {
            let plain = unescaped(&unit[..unit.len().min(SET_BYTES)]);
            let profile = plain.get(3..).and_then(|rest| rest.first_chunk());
            if let Some(profile) = profile {
                codec.get_or_insert(hevc_codec(profile));
            }
            None
        }
        _ => None,
    }
}

/// Without the bytes that keep start codes out of units.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if *byte == 3 && zeros >= 2 {
            // Behind it counting begins anew: 0, 0, 3, 3 is 0, 0, 3.
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

/// What `CODECS` says of H.265 (ISO 14496-15 annex E), from `profile_tier_level` as far as the level.
pub fn hevc_codec(profile: &[u8; PROFILE_BYTES]) -> String {
    let space = ["", "A", "B", "C"][usize::from(profile[0] >> 6)];
    let tier = if profile[0] & 0x20 == 0 { 'L' } else { 'H' };
    let [_, a, b, c, d, ..] = *profile;
    let compatibility = u32::from_be_bytes([a, b, c, d]).reverse_bits();
    let mut name = format!(
        "hvc1.{space}{}.{compatibility:X}.{tier}{}",
        profile[0] & 0x1F,
        profile[11]
    );
    let constraints = &profile[5..11];
    let used = constraints.iter().rposition(|byte| *byte != 0);
    for byte in &constraints[..used.map_or(0, |last| last + 1)] {
        // Writing to a text cannot fail.
        let _ = write!(name, ".{byte:X}");
    }
    name
}

fn mpeg2(head: u8, unit: &[u8]) -> Option<Beginning> {
    // A picture: 10 bits of its place, 3 of its kind.
    match (head, unit) {
        (0, [_, _, second, ..]) => Some(match second >> 3 & 7 {
            1 => Beginning::RandomAccess,
            _ => Beginning::Dependent,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat())
            .collect()
    }

    #[test]
    fn a_picture_of_h264_is_what_its_first_slice_is() {
        let set: &[u8] = &[0x67, 0x64, 0x00, 0x1F, 0xAC];
        let beginning = |all: &[&[u8]]| first(Coding::H264, &units(all)).beginning;
        let idr = first(Coding::H264, &units(&[&[9, 0xF0], set, &[0x65, 0x88]]));
        assert_eq!(idr.beginning, Some(Beginning::RandomAccess));
        assert_eq!(idr.codec.as_deref(), Some("avc1.64001f"));
        assert_eq!(beginning(&[set, &[0x41, 1]]), Some(Beginning::Dependent));
        let point: &[u8] = &[6, 1, 1, 0, 6, 1, 0xC4, 0x80];
        assert_eq!(beginning(&[point, &[0x41, 1]]), Some(Beginning::Recovery));
        assert_eq!(beginning(&[set]), None, "no slice");
    }

    #[test]
    fn messages_of_a_unit_end_with_it() {
        let beginning = |all: &[&[u8]]| first(Coding::H264, &units(all)).beginning;
        let slice: &[u8] = &[0x41, 0x9A, 0x21, 6, 1, 6, 1, 6, 1];
        // Pic timing (1), as x264 writes it with nal-hrd: what follows the stop bit would be read as other messages.
        let timing: &[u8] = &[6, 1, 8, 0, 0, 3, 0, 4, 0, 0, 3, 0, 6, 0x80];
        assert_eq!(beginning(&[timing, slice]), Some(Beginning::Dependent));
        let filler: &[u8] = &[6, 3, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0x80];
        assert_eq!(beginning(&[filler, slice]), Some(Beginning::Dependent));
        let empty: &[u8] = &[6];
        assert_eq!(beginning(&[empty, slice]), Some(Beginning::Dependent));
        // A size counts bytes without those that keep start codes out: behind these is a recovery point.
        let both: &[u8] = &[6, 1, 4, 0, 0, 3, 0, 6, 6, 1, 0xC4, 0x80];
        assert_eq!(beginning(&[both, slice]), Some(Beginning::Recovery));
        let captions = [&[6, 4, 0xFF, 0x2D][..], &[0x55; 300], &[6, 1, 0xC4, 0x80]].concat();
        assert_eq!(beginning(&[&captions, slice]), Some(Beginning::Recovery));
        let of_later = [
            &[6, 1, 1, 0x22, 0x80][..],
            &[0x0C, 0xFF, 0x80],
            &[6, 6, 1, 0xC4, 0x80],
        ];
        assert_eq!(
            beginning(&[of_later[0], of_later[1], slice, of_later[2]]),
            Some(Beginning::Dependent)
        );
    }

    #[test]
    fn a_picture_of_h265_is_what_its_first_slice_is() {
        // Main profile, level 3.1, as x265 writes it.
        let set = [
            0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5D, 0xA0,
        ];
        let found = first(Coding::H265, &units(&[&set, &[0x2A, 1, 0xAC]]));
        assert_eq!(found.beginning, Some(Beginning::RandomAccess));
        assert_eq!(found.codec.as_deref(), Some("hvc1.1.6.L93.90"));
        let found = first(Coding::H265, &units(&[&[0x02, 1, 0xD0]]));
        assert_eq!(found.beginning, Some(Beginning::Dependent));
    }

    #[test]
    fn a_picture_of_mpeg2_says_its_kind() {
        let beginning = |kind: u8| first(Coding::Mpeg2, &units(&[&[0, 0, kind << 3, 0]])).beginning;
        assert_eq!(beginning(1), Some(Beginning::RandomAccess));
        assert_eq!(beginning(2), Some(Beginning::Dependent));
    }

    /// A SEI of such messages, as it is written: with bytes that keep start codes out.
    fn sei(messages: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut plain = Vec::new();
        for (kind, bytes) in messages {
            plain.extend_from_slice(&[*kind, u8::try_from(bytes.len()).unwrap()]);
            plain.extend_from_slice(bytes);
        }
        plain.push(0x80);
        let mut unit = vec![6];
        for byte in plain {
            if byte <= 3 && unit.ends_with(&[0, 0]) {
                unit.push(3);
            }
            unit.push(byte);
        }
        unit
    }

    proptest! {
        #[test]
        fn a_picture_is_a_recovery_point_where_a_message_says_so_and_never_else(
            messages in prop::collection::vec((0_u8..12, prop::collection::vec(prop_oneof![Just(0), Just(6), any::<u8>()], 1..40)), 1..6),
            rest in prop::collection::vec(prop_oneof![Just(0), Just(6), Just(1), any::<u8>()], 0..300),
        ) {
            let slice = [&[0x41, 0x9A][..], &rest].concat();
            let found = first(Coding::H264, &units(&[&sei(&messages), &slice])).beginning;
            let says_so = messages.iter().any(|(kind, _)| *kind == 6);
            let wanted = if says_so { Beginning::Recovery } else { Beginning::Dependent };
            prop_assert_eq!(found, Some(wanted));
        }

        #[test]
        fn nothing_breaks_on_what_has_no_pictures(bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..300)) {
            for coding in [Coding::H264, Coding::H265, Coding::Mpeg2] {
                let _ = first(coding, &bytes);
            }
        }
    }
}
