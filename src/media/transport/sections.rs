//! Sections of tables in a transport stream (ISO 13818-1 2.4.4): put together of packets, and read. Pure.

/// A section is not longer.
const MOST_BYTES: usize = 4096;
/// `table_id` and length.
const HEAD: usize = 3;
/// Programs that are followed at most, and streams of one.
pub const MOST_PROGRAMS: usize = 16;

/// Puts sections together.
#[derive(Debug, Clone, Default)]
pub struct Assembler {
    bytes: Vec<u8>,
    /// A section has begun.
    is_open: bool,
}

impl Assembler {
    /// The payload of the next packet; `found` gets each section that is whole with it.
    pub fn push(&mut self, payload: &[u8], is_start: bool, found: &mut impl FnMut(&[u8])) {
        if !is_start {
            if self.is_open {
                self.take(payload, found);
            }
            return;
        }
        let Some((&pointer, rest)) = payload.split_first() else {
            return;
        };
        let Some((end, start)) = rest.split_at_checked(usize::from(pointer)) else {
            *self = Self::default();
            return;
        };
        if self.is_open {
            self.take(end, found);
        }
        self.bytes.clear();
        self.is_open = true;
        self.take(start, found);
    }

    fn take(&mut self, bytes: &[u8], found: &mut impl FnMut(&[u8])) {
        self.bytes.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(section) = section_at(&self.bytes[from..]) {
            found(section);
            from += section.len();
        }
        self.bytes.drain(..from);
        // Behind the last one there is stuffing, up to the end of the packet.
        if self.bytes.first() == Some(&0xFF) || self.bytes.len() > MOST_BYTES {
            *self = Self::default();
        }
    }
}

fn section_at(bytes: &[u8]) -> Option<&[u8]> {
    let &[table, high, low, ..] = bytes else {
        return None;
    };
    let length = HEAD + (usize::from(high & 0x0F) << 8 | usize::from(low));
    (table != 0xFF)
        .then(|| bytes.get(..length))
        .flatten()
        .filter(|section| section.len() > HEAD)
}

/// `CRC_32` of a section that has one is right.
pub fn is_sound(section: &[u8]) -> bool {
    let mut sum = u32::MAX;
    for byte in section {
        sum ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            sum = if sum & 0x8000_0000 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x04C1_1DB7
            };
        }
    }
    // Over a section with its own sum at its end.
    section.len() > 4 && sum == 0
}

/// PIDs of the PMTs that a PAT names; `None`: it is none.
pub fn programs(section: &[u8]) -> Option<impl Iterator<Item = (u16, u16)> + '_> {
    let body = body(section, 0, 8)?;
    let entries = body.chunks_exact(4).map(|entry| {
        let program = u16::from_be_bytes([entry[0], entry[1]]);
        (program, u16::from_be_bytes([entry[2] & 0x1F, entry[3]]))
    });
    // Program 0 is the network's table.
    Some(entries.filter(|(program, _)| *program != 0))
}

/// A stream that a PMT names: its PID, its `stream_type`, its descriptors.
pub type Named<'a> = (u16, u8, &'a [u8]);

/// The streams of a PMT; `None`: it is none.
pub fn streams(section: &[u8]) -> Option<impl Iterator<Item = Named<'_>>> {
    let body = body(section, 2, 12)?;
    let described = usize::from(section[10] & 0x0F) << 8 | usize::from(section[11]);
    let mut rest = body.get(described..)?;
    Some(std::iter::from_fn(move || {
        let &[kind, high, low, described, more, ..] = rest else {
            return None;
        };
        let length = usize::from(described & 0x0F) << 8 | usize::from(more);
        let (descriptors, after) = rest[5..].split_at_checked(length)?;
        rest = after;
        let pid = u16::from_be_bytes([high & 0x1F, low]);
        Some((pid, kind, descriptors))
    }))
}

/// What is between the head of a long section of this table and its sum; `None`: it is of another, or not in force.
fn body(section: &[u8], table: u8, head: usize) -> Option<&[u8]> {
    let is_long = section.get(1)? & 0x80 != 0;
    let is_current = section.get(5)? & 1 == 1;
    let end = section.len().checked_sub(4)?;
    (section[0] == table && is_long && is_current)
        .then(|| section.get(head..end))
        .flatten()
}

/// Descriptors: their tag and their body.
pub fn descriptors(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, length], rest) = bytes.split_first_chunk()?;
        let (body, after) = rest.split_at_checked(usize::from(length))?;
        bytes = after;
        Some((tag, body))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A section with its head and its sum.
    pub(crate) fn section(table: u8, id: u16, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(5 + body.len() + 4).unwrap() | 0xB000;
        let mut all = vec![table];
        all.extend(length.to_be_bytes());
        all.extend(id.to_be_bytes());
        all.extend([0xC1, 0, 0]);
        all.extend(body);
        let mut sum = u32::MAX;
        for byte in &all {
            sum ^= u32::from(*byte) << 24;
            for _ in 0..8 {
                sum = sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            }
        }
        all.extend(sum.to_be_bytes());
        all
    }

    #[test]
    fn a_section_is_put_together_of_packets() {
        let one = section(0, 1, &[0, 1, 0xF0, 0]);
        let two = section(2, 1, &[0xE1, 0, 0xF0, 0].repeat(60));
        let all = [&[3, 9, 9, 9], &one[..], &two, &[0xFF; 20]].concat();
        for size in [17, 50, 184] {
            let (mut assembler, mut found) = (Assembler::default(), Vec::new());
            for (n, piece) in all.chunks(size).enumerate() {
                assembler.push(piece, n == 0, &mut |section: &[u8]| {
                    found.push(section.to_vec());
                });
            }
            assert_eq!(found, [one.clone(), two.clone()], "pieces of {size}");
        }
        assert!(is_sound(&one) && is_sound(&two));
        let mut damaged = one.clone();
        damaged[9] ^= 4;
        assert!(!is_sound(&damaged));
        assert_eq!(programs(&one).unwrap().collect::<Vec<_>>(), [(1, 0x1000)]);
    }

    #[test]
    fn a_map_names_streams() {
        let body = [
            0xE1, 0, 0xF0, 2, 9, 0, 0x1B, 0xE1, 0, 0xF0, 0, 0x06, 0xE1, 1, 0xF0, 3, 0x6A, 1, 0,
        ];
        let map = section(2, 1, &body);
        let found: Vec<_> = streams(&map).unwrap().collect();
        assert_eq!(
            found,
            [(0x100, 0x1B, &[][..]), (0x101, 0x06, &[0x6A, 1, 0][..])]
        );
        let described = descriptors(found[1].2).next().unwrap();
        assert_eq!(described, (0x6A, &[0][..]));
        assert!(streams(&section(0, 1, &body)).is_none());
    }
}
