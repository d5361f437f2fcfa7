//! What bytes are by their look: text, a key. Pure.

/// A key, also one that is written in hexadecimal digits or in base 64, is not longer, in bytes.
const LONGEST_KEY: usize = 64;

/// Whether what came for a key is one, and not a page or JSON text in its place.
pub(super) fn is_key_data(bytes: &[u8]) -> bool {
    let is_page = bytes.len() > 16 && bytes.first().is_some_and(|b| b"{[<".contains(b));
    !is_text(bytes) || bytes.len() <= LONGEST_KEY && !is_page
}

/// Text in any character set that has ASCII in it: no media goes on for long without a control
/// character.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let is_control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1b);
    !bytes.iter().any(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_a_page() {
        for key in [&b"{bcdefghijklmnop"[..], b"\x00\x01", &[b'f'; 32]] {
            assert!(is_key_data(key));
        }
        for page in [&b"{\"token\":\"abcdef\"}"[..], &[b'f'; 65]] {
            assert!(!is_key_data(page));
        }
    }
}
