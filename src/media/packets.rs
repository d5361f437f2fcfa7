//! Packets of an MPEG transport stream (ISO 13818-1). Pure.

/// Bytes of a packet.
pub const PACKET: usize = 188;
/// The first byte of each.
pub const SYNC: u8 = 0x47;
/// Time stamps go round at this one, in ticks of 90 kHz.
pub const PTS_ROUND: u64 = 1 << 33;
/// So many sync bytes in step are no chance.
const IN_STEP: usize = 5;

/// Where packets begin, if enough follow each other.
pub fn find_step(bytes: &[u8]) -> Option<usize> {
    let is_step = |from: usize| (0..IN_STEP).all(|n| bytes.get(from + n * PACKET) == Some(&SYNC));
    (0..PACKET.min(bytes.len())).find(|from| is_step(*from))
}

/// What a packet is of (its PID); 0, that of program association tables: it is too short for one.
pub fn pid(packet: &[u8]) -> u16 {
    match packet {
        [_, high, low, ..] => u16::from_be_bytes([high & 0x1F, *low]),
        _ => 0,
    }
}

/// The beginning of a program association table.
pub fn begins_table(packet: &[u8]) -> bool {
    matches!(packet, [SYNC, second, 0, ..] if second & 0x5F == 0x40)
}

/// ISO 13818-1 2.4.3.6: the stream_id of video.
pub fn begins_picture(packet: &[u8]) -> bool {
    matches!(payload(packet), Some([0, 0, 1, id, ..]) if id & 0xF0 == 0xE0)
}

/// The random_access_indicator.
pub fn is_random_access(packet: &[u8]) -> bool {
    has_fields(packet)
        && packet.get(4).is_some_and(|length| *length > 0)
        && packet.get(5).is_some_and(|flags| flags & 0x40 != 0)
}

/// The time stamp of a unit of sound or pictures that begins in a packet, in ticks of 90 kHz.
pub fn pts(packet: &[u8]) -> Option<u64> {
    if packet.get(1)? & 0x40 == 0 || packet.get(3)? & 0xC0 != 0 {
        return None;
    }
    let &[0, 0, 1, id, _, _, marks, flags, _, a, b, c, d, e, ..] = payload(packet)? else {
        return None;
    };
    let is_media = id & 0xF0 == 0xE0 || id & 0xE0 == 0xC0 || id == 0xBD || id == 0xFD;
    let has_time =
        marks & 0xC0 == 0x80 && flags & 0x80 != 0 && a & 1 == 1 && c & 1 == 1 && e & 1 == 1;
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    (is_media && has_time)
        .then_some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

fn has_fields(packet: &[u8]) -> bool {
    packet.get(3).is_some_and(|byte| byte & 0x20 != 0)
}

fn payload(packet: &[u8]) -> Option<&[u8]> {
    let fields = match has_fields(packet) {
        true => 1 + packet.get(4).map_or(0, |length| usize::from(*length)),
        false => 0,
    };
    packet.get(4 + fields..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_packet_says_when_its_picture_is_to_be_seen() {
        let pts_bytes = |pts: u64| {
            [
                0x21 | (pts >> 29) as u8 & 0x0E,
                (pts >> 22) as u8,
                (pts >> 14) as u8 | 1,
                (pts >> 7) as u8,
                (pts << 1) as u8 | 1,
            ]
        };
        for time in [0, 90_000, 0x1_2345_6789, PTS_ROUND - 1] {
            let mut packet = vec![SYNC, 0x41, 0, 0x10, 0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5];
            packet.extend(pts_bytes(time));
            packet.resize(PACKET, 0xFF);
            assert_eq!(pts(&packet), Some(time));
            assert!(
                begins_picture(&packet) && !is_random_access(&packet) && !begins_table(&packet)
            );
            packet[1] = 1;
            assert_eq!(pts(&packet), None, "no unit begins in it");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_on_what_is_no_packet(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (begins_table(&bytes), begins_picture(&bytes), is_random_access(&bytes), find_step(&bytes));
            prop_assert!(pid(&bytes) < 0x2000);
            prop_assert!(pts(&bytes).is_none_or(|pts| pts < PTS_ROUND));
        }
    }
}
