//! A packet of a transport stream, and the head of a unit in it (ISO 13818-1 2.4.3). Pure.

use super::super::packets::PACKET;

/// A packet that begins with a sync byte.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a>(pub &'a [u8; PACKET]);

impl<'a> Packet<'a> {
    pub fn pid(self) -> u16 {
        u16::from_be_bytes([self.0[1] & 0x1F, self.0[2]])
    }

    pub fn has_error(self) -> bool {
        self.0[1] & 0x80 != 0
    }

    pub fn is_start(self) -> bool {
        self.0[1] & 0x40 != 0
    }

    pub fn is_scrambled(self) -> bool {
        self.0[3] & 0xC0 != 0
    }

    pub fn has_payload(self) -> bool {
        self.0[3] & 0x10 != 0
    }

    pub fn counter(self) -> u8 {
        self.0[3] & 0x0F
    }

    /// Its adaptation field, without the length.
    fn fields(self) -> &'a [u8] {
        if self.0[3] & 0x20 == 0 {
            return &[];
        }
        let length = usize::from(self.0[4]);
        self.0.get(5..5 + length).unwrap_or_default()
    }

    pub fn is_discontinuity(self) -> bool {
        self.fields().first().is_some_and(|flags| flags & 0x80 != 0)
    }

    /// The clock, in ticks of 90 kHz.
    pub fn clock(self) -> Option<u64> {
        let &[flags, a, b, c, d, e, _, ..] = self.fields() else {
            return None;
        };
        let base = u64::from(u32::from_be_bytes([a, b, c, d])) << 1 | u64::from(e >> 7);
        (flags & 0x10 != 0).then_some(base)
    }

    pub fn payload(self) -> &'a [u8] {
        if !self.has_payload() {
            return &[];
        }
        let from = match self.0[3] & 0x20 == 0 {
            true => 4,
            false => 5 + usize::from(self.0[4]),
        };
        self.0.get(from..).unwrap_or_default()
    }

    /// The packet at `other` is the same; only its clock may differ.
    pub fn is_copy(self, bytes: &[u8], other: usize) -> bool {
        let other = bytes.get(other..).and_then(|rest| rest.first_chunk());
        other.is_some_and(|other| Packet(other).payload() == self.payload())
    }
}

/// The head of a unit of media (PES, ISO 13818-1 2.4.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Bytes before what it carries.
    pub head: usize,
    /// When it is shown, in ticks of 90 kHz.
    pub shown: Option<u64>,
    /// When it is decoded, where that is not then.
    pub decoded: Option<u64>,
    id: u8,
}

impl Unit {
    pub fn is_video(&self) -> bool {
        self.id & 0xF0 == 0xE0
    }

    pub fn is_audio(&self) -> bool {
        self.id & 0xE0 == 0xC0
    }
}

/// The unit that begins in a payload.
pub fn unit(payload: &[u8]) -> Option<Unit> {
    let &[0, 0, 1, id, _, _, marks, flags, length, ..] = payload else {
        return None;
    };
    // These have no such head: padding, maps, and the like.
    if matches!(id, 0xBC | 0xBE | 0xBF | 0xF0..=0xF2 | 0xF8 | 0xFF) || marks & 0xC0 != 0x80 {
        return None;
    }
    let shown = (flags & 0x80 != 0)
        .then(|| time(payload.get(9..14)?))
        .flatten();
    let decoded = (flags & 0xC0 == 0xC0)
        .then(|| time(payload.get(14..19)?))
        .flatten();
    Some(Unit {
        head: 9 + usize::from(length),
        shown,
        decoded,
        id,
    })
}

fn time(bytes: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = bytes else { return None };
    if a & c & e & 1 == 0 {
        return None;
    }
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}
