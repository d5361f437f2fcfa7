//! The same bytes, spelled in different ways: percent-encoded in URLs, escaped in JSON, HTML and C. Pure.

/// A number that is written with leading zeros is not longer, in digits.
const MOST_DIGITS: usize = 32;

/// One byte, and how many bytes it is spelled with.
fn unit(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'%', b'u' | b'U', b'0', b'0', rest @ ..] => {
            Some(digits(rest, 16, 2, 4).unwrap_or((b'%', 1)))
        }
        [b'%', rest @ ..] => Some(digits(rest, 16, 2, 1).unwrap_or((b'%', 1))),
        [b'\\', rest @ ..] => Some(backslash(rest).unwrap_or((b'\\', 1))),
        [b'&', ..] => Some(character(text).unwrap_or((b'&', 1))),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

/// The byte that so many digits say, and how long they are with what is `before` them.
fn digits(text: &[u8], radix: u32, count: usize, before: usize) -> Option<(u8, usize)> {
    let (byte, length) = number(text, radix, count)?;
    (length == count).then_some((byte, before + length))
}

/// The byte that a number of up to so many digits says, and how many these are.
fn number(text: &[u8], radix: u32, most: usize) -> Option<(u8, usize)> {
    let digits = text.iter().take(most);
    let digits = digits.map_while(|b| char::from(*b).to_digit(radix));
    let (value, count) = digits.fold((0_u32, 0), |(value, count), digit| {
        let value = value.saturating_mul(radix).saturating_add(digit);
        (value, count + 1)
    });
    let byte = u8::try_from(value).ok()?;
    (count > 0).then_some((byte, count))
}

/// What stands behind a backslash: escapes of JSON, JavaScript, C, Rust and logs.
fn backslash(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [escaped @ (b'/' | b'"' | b'\\'), ..] => Some((*escaped, 2)),
        [b'n', ..] => Some((b'\n', 2)),
        [b'r', ..] => Some((b'\r', 2)),
        [b't', ..] => Some((b'\t', 2)),
        [b'u' | b'x', b'{', rest @ ..] => {
            let (byte, length) = number(rest, 16, MOST_DIGITS)?;
            (rest.get(length) == Some(&b'}')).then_some((byte, length + 4))
        }
        [b'u', b'0', b'0', rest @ ..] => digits(rest, 16, 2, 4),
        [b'U', rest @ ..] => digits(rest, 16, 8, 2),
        [b'x', rest @ ..] => digits(rest, 16, 2, 2),
        [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] => digits(text, 8, 3, 1),
        // Two digits of C say a sign only where no third follows; smaller ones are references more often.
        [b'4'..=b'7', b'0'..=b'7', rest @ ..] if !matches!(rest, [b'0'..=b'7', ..]) => {
            digits(text, 8, 2, 1)
        }
        _ => None,
    }
}

/// `&#x2F;`, `&#47;`, `&#47` as browsers read it, too, `&amp;`: what it means, and how long it is.
fn character(text: &[u8]) -> Option<(u8, usize)> {
    if let [b'&', b'#', rest @ ..] = text {
        let (digits, radix, before) = match rest {
            [b'x' | b'X', digits @ ..] => (digits, 16, 3),
            digits => (digits, 10, 2),
        };
        let (byte, length) = number(digits, radix, MOST_DIGITS)?;
        let end = usize::from(digits.get(length) == Some(&b';'));
        return byte.is_ascii().then_some((byte, before + length + end));
    }
    let end = text.iter().take(8).position(|b| *b == b';')?;
    let byte = match text.get(1..end)? {
        b"amp" => b'&',
        b"quot" => b'"',
        b"apos" => b'\'',
        b"lt" => b'<',
        b"gt" => b'>',
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
        if let Some(byte) = bytes.next() {
            spell(&mut new, written, old, byte);
        }
    }
    new.extend(bytes);
    new
}

/// One byte, in the way in which the old one is written.
fn spell(new: &mut Vec<u8>, written: &[u8], old: u8, byte: u8) {
    let text = match written {
        // A digit may follow.
        [b'&', b'#', .., last] if *last != b';' => format!("&#{byte};"),
        [b'\\', b'4'..=b'7', b'0'..=b'7'] => format!("\\{byte:03o}"),
        _ if byte == old => return new.extend_from_slice(written),
        [b'%', b'u' | b'U', _, ..] => format!("%u00{byte:02x}"),
        // What is not ASCII may stand in the playlist as it is, and in the request encoded.
        [b'%', _, ..] if old.is_ascii() || !is_plain(byte) => {
            percent_encoding::percent_encode_byte(byte).to_owned()
        }
        [b'\\', mark @ (b'u' | b'x'), b'{', ..] => {
            format!("\\{}{{{byte:x}}}", char::from(*mark))
        }
        [b'\\', b'U', _, ..] => format!("\\U{byte:08x}"),
        [b'\\', b'u', _, ..] => format!("\\u00{byte:02x}"),
        [b'\\', b'x', _, ..] => format!("\\x{byte:02x}"),
        [b'\\', _, _, _] => format!("\\{byte:03o}"),
        _ => return new.push(byte),
    };
    new.extend_from_slice(text.as_bytes());
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
    #[test]
    fn less_usual_escapes_are_read_and_kept() {
        for (spelled, said, new) in [
            (&b"\\123\\61\\62"[..], &b"S12"[..], &b"\\170\\062\\172"[..]),
            (b"\\u{53}\\x{0041}1", b"SA1", b"\\u{78}\\x{32}z"),
            (b"\\U00000053\\u00411", b"SA1", b"\\U00000078\\u0032z"),
            (b"%u0053%U00412", b"SA2", b"%u0078%u0032z"),
            (b"&#83&#x41&#0000050;", b"SA2", b"&#120;&#50;z"),
            (b"&#X00053;&#x0000000000000041;", b"SA", b"x2"),
            (b"a\\n\\r\\t", b"a\n\r\t", b"x2z"),
        ] {
            assert_eq!(plain(spelled), said);
            let pseudonym = b"x2z".get(..said.len().min(3)).unwrap();
            let respelled = spell_like(spelled, pseudonym);
            if said.len() <= 3 {
                assert_eq!(respelled, new, "{}", String::from_utf8_lossy(&respelled));
                assert_eq!(plain(new), pseudonym);
            }
        }
        for text in [&b"\\u{1F600}\\u{53\\12\\8%u01"[..], b"a&#300;&#;&x;\\U0053"] {
            assert_eq!(plain(text), text);
        }
    }
}
