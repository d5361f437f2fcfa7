//! Sub-ranges of resources (RFC 8216bis 4.4.4.2).

use super::numbers::{LARGEST, integer};

/// A sub-range of a resource (RFC 8216bis 4.4.4.2). Never empty, never beyond `u64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    /// The offset of the first byte.
    pub first: u64,
    /// How many bytes, at least one.
    pub length: u64,
}

impl ByteRange {
    /// The resource has no more bytes than that: a range up to there is its rest, however long that gets (RFC 8673).
    pub(crate) const LONGEST: u64 = 1 << 53;

    /// The rest of a resource, from a byte on; `None`: there is none.
    pub(crate) fn rest(first: u64) -> Option<ByteRange> {
        Self::new(first, Self::LONGEST.saturating_sub(first))
    }

    /// Whether it is the rest of a resource, from a byte on.
    pub(crate) fn is_rest(&self) -> bool {
        self.end() == Self::LONGEST
    }

    /// None where it would be empty.
    pub(crate) fn new(first: u64, length: u64) -> Option<ByteRange> {
        let length = length.min(LARGEST - first.min(LARGEST));
        (length > 0).then_some(ByteRange { first, length })
    }

    /// The offset behind the last byte.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.length)
    }
}

/// A sub-range as a playlist writes it: `n[@o]` (RFC 8216bis 4.4.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenRange {
    length: u64,
    /// `None`: it is not written.
    offset: Option<u64>,
}

impl WrittenRange {
    pub(crate) fn read(text: &[u8]) -> Option<WrittenRange> {
        let mut numbers = text.trim_ascii().splitn(2, |&b| b == b'@');
        let length = integer(numbers.next()?)?;
        let offset = match numbers.next() {
            None => None,
            Some(offset) => Some(integer(offset)?),
        };
        Some(WrittenRange { length, offset })
    }

    /// The range that is meant. One without an offset begins where the last range of the same resource ended,
    /// or at 0 where there is none.
    pub(crate) fn resolve(self, last_end: Option<u64>) -> Option<ByteRange> {
        ByteRange::new(self.offset.or(last_end).unwrap_or(0), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_length_and_perhaps_an_offset() {
        let meant = |text: &[u8], last_end| {
            let range = WrittenRange::read(text)?.resolve(last_end)?;
            Some((range.first, range.length))
        };
        assert_eq!(meant(b"75232@0", Some(9)), Some((0, 75232)));
        assert_eq!(meant(b" 82112 ", Some(9)), Some((9, 82112)));
        assert_eq!(meant(b" 82112 ", None), Some((0, 82112)));
        for garbage in [&b""[..], b"@5", b"-1@0", b"5@", b"5@x"] {
            assert_eq!(WrittenRange::read(garbage), None);
        }
    }

    #[test]
    fn a_range_is_never_empty_nor_too_far() {
        assert_eq!(ByteRange::new(5, 0), None);
        assert_eq!(ByteRange::new(u64::MAX, 1), None);
        let huge = ByteRange::new(5, u64::MAX);
        assert_eq!(huge.map(|range| range.end()), Some(LARGEST));
    }
}
