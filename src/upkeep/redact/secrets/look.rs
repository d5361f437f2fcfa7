//! What bytes are by their look: text, a key. Pure.

/// A key, also one that is written in hexadecimal digits or in base 64, is not longer, in bytes.
const LONGEST_KEY: usize = 64;

/// Whether what came for a key is one, and not a page or JSON text in its place.
pub(crate) fn is_key_data(bytes: &[u8]) -> bool {
    let is_page = bytes.len() > 16 && bytes.first().is_some_and(|b| b"{[<".contains(b));
    !is_text(bytes) || bytes.len() <= LONGEST_KEY && !is_page
}

/// Text in any character set that has ASCII in it: no media goes on for long without a control
/// character.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let is_control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1b);
    !bytes.iter().any(is_control)
}

/// Whether a folder's name looks like a short token: eight digits of hexadecimal or more, or ten letters of both
/// cases and digits, mixed. People write words and numbers.
pub(crate) fn is_token_folder(name: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| name.iter().filter(|b| is(b)).count();
    let digits = count(u8::is_ascii_digit);
    let letters = count(u8::is_ascii_alphabetic);
    let classes = |b: &u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
    let changes = name.windows(2).filter(|two| match two {
        [a, b] => classes(a) != classes(b),
        _ => false,
    });
    let changes = changes.count();
    if digits < 2 || letters < 2 || digits + letters != name.len() {
        return false;
    }
    let is_hex = name.iter().all(u8::is_ascii_hexdigit) && name.len() >= 8 && changes >= 2;
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    is_hex || name.len() >= 10 && upper >= 2 && lower >= 2 && changes * 2 >= name.len()
}

/// Whether a run of base 64 was made by a machine: long, with capitals, small letters and digits mixed.
pub(crate) fn is_coded(run: &[u8]) -> bool {
    let is_padding = |b: &&u8| **b == b'=';
    let coded = run.len() - run.iter().rev().take_while(is_padding).count();
    let coded = run.get(..coded).unwrap_or_default();
    let has = |is: fn(&u8) -> bool| coded.iter().any(is);
    let is_mixed =
        has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    // Splice information (SCTE 35) begins so, and is there to be seen.
    let is_splice = coded.starts_with(b"/DA") || coded.starts_with(b"DA");
    coded.len() >= 22 && is_mixed && !is_splice && super::secret::mixed(coded) <= 2.4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tokens_are_told_from_names_of_folders() {
        for token in ["04122a8a", "7BC01F33", "kJ8sd7Hh2s9d"] {
            assert!(is_token_folder(token.as_bytes()), "{token}");
        }
        for name in [
            "live",
            "v1",
            "1080p60",
            "20261129",
            "h264aac",
            "s01e02",
            "deadbeef",
            "channel12",
            "20261129T10",
            "1280000b",
            "Stream1HD",
            "bitrate5000k",
        ] {
            assert!(!is_token_folder(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn base_64_is_told_from_words_and_from_splices() {
        for coded in [
            "kJ8sd7Hh2+s9dKq0P/zLx3Vb7aQ=",
            "Zm9v/3q2+7wFhYmP0kZWZ/aG1X==",
        ] {
            assert!(is_coded(coded.as_bytes()), "{coded}");
        }
        for other in [
            "/live/Channel1/Video/Segment00012",
            "/DAlAAAAAAAAAP/wFAUAAAABf+/+c2nALv4AUs1gAAAAAAA8",
            "application/vnd.apple.mpegurl",
            "this-is-a-long-name-of-a-programme",
        ] {
            assert!(!is_coded(other.as_bytes()), "{other}");
        }
    }

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
