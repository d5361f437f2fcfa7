//! Texts that are kept in other bytes than their own: UTF-16, and gzip that nobody announced. They are read, redacted
//! and written as they were. Pure.

use std::io::Read as _;

use super::outcome::LARGEST_TEXT;
use super::secrets::look::is_text;
use crate::session::body::decode::{decoder, gzip};

/// Shorter texts are not recognised, in bytes.
const SHORTEST: usize = 8;

/// By so many bytes UTF-16 without a mark is told.
const HEAD: usize = 4096;

/// So many texts in gzip are read of those that stand in other bytes, and so much of each, in bytes.
const MOST_INSIDE: usize = 4;
const MOST_OF_EACH: u64 = 256 * 1024;

/// So often is something that only begins like gzip tried.
const MOST_TRIED: usize = 64;

/// The bytes that a text is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// UTF-16, the more significant byte first.
    Utf16Big,
    /// UTF-16, the less significant byte first.
    Utf16Little,
    /// RFC 1952.
    Gzip,
}

impl Wrapping {
    /// What bytes that begin so seem to be wrapped in.
    pub(super) fn recognise(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfe, 0xff, ..] => Some(Self::Utf16Big),
            [0xff, 0xfe, ..] => Some(Self::Utf16Little),
            _ if head.len() < SHORTEST => None,
            _ => {
                let head = head.get(..HEAD).unwrap_or(head);
                let pairs = head.as_chunks::<2>().0;
                let is_mostly = |is: fn(&[u8; 2]) -> bool| {
                    pairs.iter().filter(|pair| is(pair)).count() * 4 >= pairs.len() * 3
                };
                if is_mostly(|pair| pair[0] == 0 && pair[1] >= b'\n') {
                    return Some(Self::Utf16Big);
                }
                is_mostly(|pair| pair[1] == 0 && pair[0] >= b'\n').then_some(Self::Utf16Little)
            }
        }
    }

    /// The text in UTF-8 (of gzip as it is there). `None`: it is none, or it could not be written as it was.
    pub(super) fn open(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let text = match self {
            Self::Gzip => {
                let most = LARGEST_TEXT + 1;
                let mut text = Vec::new();
                let plain = decoder(bytes, "gzip", LARGEST_TEXT).ok()?;
                plain.take(most).read_to_end(&mut text).ok()?;
                text
            }
            _ => {
                let (pairs, rest) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|pair| self.unit(*pair));
                let text: Result<String, _> = char::decode_utf16(units).collect();
                text.ok().filter(|_| rest.is_empty())?.into_bytes()
            }
        };
        (is_text(&text) && text.len() as u64 <= LARGEST_TEXT).then_some(text)
    }

    /// A text in these bytes again.
    ///
    /// # Errors
    /// None that memory does not give.
    pub(super) fn close(self, text: &[u8]) -> std::io::Result<Vec<u8>> {
        if self == Self::Gzip {
            return gzip(text);
        }
        let text = String::from_utf8_lossy(text);
        let units = text.encode_utf16();
        Ok(units.flat_map(|unit| self.bytes(unit)).collect())
    }

    fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Self::Utf16Big => u16::from_be_bytes(pair),
            _ => u16::from_le_bytes(pair),
        }
    }

    fn bytes(self, unit: u16) -> [u8; 2] {
        match self {
            Self::Utf16Big => unit.to_be_bytes(),
            _ => unit.to_le_bytes(),
        }
    }
}

/// What stands in gzip anywhere in other bytes: of the first few the beginnings, as far as they can be read.
pub(super) fn texts_in_gzip(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = memchr::memmem::find_iter(bytes, b"\x1f\x8b\x08").take(MOST_TRIED);
    let text = |at: usize| {
        let mut text = Vec::new();
        let plain = decoder(bytes.get(at..)?, "gzip", MOST_OF_EACH).ok()?;
        // What is cut off has a beginning.
        let _ = plain.take(MOST_OF_EACH).read_to_end(&mut text);
        (!text.is_empty()).then_some(text)
    };
    starts.filter_map(text).take(MOST_INSIDE).collect()
}

/// The text in bytes that are wrapped.
pub(super) fn text_in(bytes: &[u8]) -> Option<Vec<u8>> {
    Wrapping::recognise(bytes)?.open(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_opened_and_closed() {
        let text = "WEBVTT\n\nsee über 𝄞\n";
        for (mark, wrapping) in [
            (true, Wrapping::Utf16Big),
            (true, Wrapping::Utf16Little),
            (false, Wrapping::Utf16Big),
            (false, Wrapping::Utf16Little),
            (false, Wrapping::Gzip),
        ] {
            let text = format!("{}{text}", if mark { "\u{feff}" } else { "" });
            let bytes = wrapping.close(text.as_bytes()).unwrap();
            assert_eq!(Wrapping::recognise(&bytes), Some(wrapping));
            assert_eq!(wrapping.open(&bytes).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn gzip_is_found_behind_other_bytes() {
        let coded = gzip(b"a text").unwrap();
        let bytes = [b"\x01\x1f\x8b\x08no".as_slice(), &coded, &[0; 9], &coded].concat();
        assert_eq!(texts_in_gzip(&bytes), [b"a text", b"a text"]);
        assert_eq!(texts_in_gzip(b"\x1f\x8b\x08"), [[0; 0]; 0]);
        let many = coded.repeat(MOST_INSIDE + 3);
        assert_eq!(texts_in_gzip(&many).len(), MOST_INSIDE);
    }

    #[test]
    fn media_and_what_is_broken_are_no_texts() {
        let cut = gzip(b"a text").unwrap();
        let media = gzip(&[0, 1, 2, 3]).unwrap();
        for bytes in [
            &b"\x47\x40\x00\x10\x00\x00\xb0\x0d"[..],
            b"\0\0\0\x20ftypiso5",
            b"plain text",
            b"\xff\xfe\x00\xd8x\0",
            b"\xff\xfea",
            b"\xff\xfe\0\0a\0\0\0",
            cut.get(..12).unwrap(),
            &media,
            b"",
        ] {
            assert_eq!(text_in(bytes), None, "{bytes:?}");
        }
    }
}
