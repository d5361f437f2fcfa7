//! The same bytes, spelled in different ways: percent-encoded in URLs, escaped in JSON, HTML and C. Pure.

/// One byte, and how many bytes it is spelled with.
fn unit(text: &[u8]) -> Option<(u8, usize)> {
    let hex = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex
            .then(|| u8::from_str_radix(digits, 16).ok())
            .flatten()
    };
    match text {
        [b'%', a, b, ..] => Some(hex(&[*a, *b]).map_or((b'%', 1), |byte| (byte, 3))),
        [b'\\', escaped @ (b'/' | b'"' | b'\\'), ..] => Some((*escaped, 2)),
        [b'\\', b'u', b'0', b'0', a, b, ..] => {
            Some(hex(&[*a, *b]).map_or((b'\\', 1), |byte| (byte, 6)))
        }
        // Of JavaScript, C and logs.
        [b'\\', b'x', a, b, ..] => Some(hex(&[*a, *b]).map_or((b'\\', 1), |byte| (byte, 4))),
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            let digits = [a, b, c].map(|digit| digit - b'0');
            Some((digits.iter().fold(0, |byte, digit| byte << 3 | digit), 4))
        }
        [b'&', ..] => Some(character(text).unwrap_or((b'&', 1))),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

/// `&#x2F;`, `&#47;`, `&amp;`: what it means, and how long it is.
fn character(text: &[u8]) -> Option<(u8, usize)> {
    let end = text.iter().take(8).position(|b| *b == b';')?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let number = name.strip_prefix('#').map(|digits| {
        let hex = digits.strip_prefix(['x', 'X']);
        hex.map_or_else(|| digits.parse(), |hex| u8::from_str_radix(hex, 16))
    });
    let byte = match (number, name) {
        (Some(number), _) => number.ok().filter(u8::is_ascii)?,
        (None, "amp") => b'&',
        (None, "quot") => b'"',
        (None, "apos") => b'\'',
        (None, "lt") => b'<',
        (None, "gt") => b'>',
        _ => return None,
    };
    Some((byte, end + 1))
}

/// The bytes that a text means, and where each of them is spelled, the end of the text last. None: it
/// means what it says.
pub(crate) fn decoded(text: &[u8]) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut marks = text.iter().enumerate();
    let is_escape = |at: usize| text.get(at..).and_then(unit).is_some_and(|(_, n)| n > 1);
    marks.find(|(at, b)| b"%\\&".contains(b) && is_escape(*at))?;
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some((byte, length)) = text.get(at..).and_then(unit) {
        bytes.push(byte);
        starts.push(at);
        at += length;
    }
    starts.push(text.len());
    Some((bytes, starts))
}

/// The bytes that a spelling means.
pub(crate) fn plain(mut spelled: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(spelled.len());
    while let Some((byte, length)) = unit(spelled) {
        bytes.push(byte);
        spelled = spelled.get(length..).unwrap_or_default();
    }
    bytes
}

/// Whether no URL encodes it.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// `bytes` in place of what `spelled` means, escaped where that is.
pub(crate) fn spell_like(mut spelled: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(spelled.len());
    let mut bytes = bytes.iter().copied();
    while let Some((old, length)) = unit(spelled) {
        let (written, rest) = spelled.split_at(length);
        spelled = rest;
        match bytes.next() {
            Some(byte) if byte == old => new.extend_from_slice(written),
            // What is not ASCII may stand in the playlist as it is, and in the request encoded.
            Some(byte) if written.starts_with(b"%") && (old.is_ascii() || !is_plain(byte)) => {
                new.extend_from_slice(percent_encoding::percent_encode_byte(byte).as_bytes());
            }
            Some(byte) if written.starts_with(b"\\u") => {
                new.extend(format!("\\u00{byte:02x}").bytes())
            }
            Some(byte) if written.starts_with(b"\\x") => {
                new.extend(format!("\\x{byte:02x}").bytes())
            }
            Some(byte) if written.starts_with(b"\\") && length == 4 => {
                new.extend(format!("\\{byte:03o}").bytes());
            }
            Some(byte) => new.push(byte),
            None => {}
        }
    }
    new.extend(bytes);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_is_read_and_kept() {
        assert_eq!(plain(b"a%2Fb%41\\/\\u0026%zz%4"), b"a/bA/&%zz%4");
        assert_eq!(spell_like(b"a%2Fb%41\\/c", b"x/yz/w"), b"x%2Fy%7A\\/w");
        assert_eq!(spell_like(b"%c3%a4%2f", b"qw/"), b"qw%2f");
        assert_eq!(spell_like(b"\xc3\xa4/", b"qw/"), b"qw/");
        assert_eq!(spell_like(b"ab", b"abcd"), b"abcd");
        assert_eq!(plain(b"\\x5a\\132\\x5\\89\\477"), b"ZZ\\x5\\89\\477");
        assert_eq!(spell_like(b"\\x5a\\132\\132", b"zyZ"), b"\\x7a\\171\\132");
    }
}
