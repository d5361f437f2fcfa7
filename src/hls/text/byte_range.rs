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

/// `n[@o]` (RFC 8216bis 4.4.4.2): the length, and the offset if it is written.
pub(crate) fn written_range(text: &[u8]) -> Option<(u64, Option<u64>)> {
    let mut parts = text.trim_ascii().splitn(2, |&b| b == b'@');
    let length = integer(parts.next()?)?;
    match parts.next() {
        None => Some((length, None)),
        Some(offset) => Some((length, Some(integer(offset)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_length_and_perhaps_an_offset() {
        assert_eq!(written_range(b"75232@0"), Some((75232, Some(0))));
        assert_eq!(written_range(b" 82112 "), Some((82112, None)));
        for garbage in [&b""[..], b"@5", b"-1@0", b"5@", b"5@x"] {
            assert_eq!(written_range(garbage), None);
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
