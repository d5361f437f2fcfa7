//! Values of keys: as they came, in hexadecimal digits and in base 64. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::ordinary::is_ordinary;
use super::secret::is_word;
use crate::upkeep::redact::book::spelling::plain;

/// How long the key of AES-128 is, in bytes.
const KEY: usize = 16;

/// Shorter ones are no keys, in bytes.
const SHORTEST: usize = 8;

/// A key of fewer different bytes is a test key, such as zeros, whose bytes are everywhere.
const FEWEST_DIFFERENT: usize = 5;

/// What is sought where this is the value of a key. `is_certain`: it came as a key, not with an error.
pub(crate) fn values(key: &[u8], is_certain: bool) -> Vec<Vec<u8>> {
    let mut values = vec![key.to_vec(), key.trim_ascii().to_vec()];
    values.extend(decoded(key.trim_ascii()));
    values.retain(|value| is_value(value, is_certain));
    // Header fields are kept so.
    let latin1 = |value: &Vec<u8>| value.iter().map(|b| char::from(*b)).collect::<String>();
    let kept: Vec<Vec<u8>> = values.iter().map(|v| latin1(v).into_bytes()).collect();
    values.extend(kept);
    values.sort();
    values.dedup();
    values
}

/// Whether what stands in a `data:` URI, behind its comma, is a key and not what a system of protection needs.
pub(crate) fn is_key(spelled: &[u8]) -> bool {
    let key = plain(spelled);
    let mut values = decoded(&key).into_iter().chain([key]);
    values.any(|value| value.len() == KEY)
}

/// What a text says that may be in hexadecimal digits or in base 64.
fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let digits: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b":- ".contains(b))
        .collect();
    let digits = digits.strip_prefix(b"0x").unwrap_or(&digits);
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let values: Option<Vec<u32>> = digits.iter().map(digit).collect();
    let of_hex = values.map(|values| {
        let pairs = values.as_chunks::<2>().0.iter();
        pairs
            .filter_map(|[a, b]| u8::try_from(a << 4 | b).ok())
            .collect()
    });
    let end = text.iter().rposition(|b| *b != b'=').map_or(0, |at| at + 1);
    let coded = text.get(..end).unwrap_or_default();
    let of_base64 = STANDARD_NO_PAD
        .decode(coded)
        .or_else(|_| URL_SAFE_NO_PAD.decode(coded));
    let all = [of_hex, of_base64.ok()].into_iter().flatten();
    all.filter(|value: &Vec<u8>| value.len() >= KEY).collect()
}

fn is_value(value: &[u8], is_certain: bool) -> bool {
    let mut different = value.to_vec();
    different.sort_unstable();
    different.dedup();
    // A sentence that came with an error is none.
    let is_like_key = matches!(value.len(), 16 | 24 | 32) && !value.contains(&b' ');
    value.len() >= SHORTEST
        && different.len() >= FEWEST_DIFFERENT
        && !is_word(value)
        && !is_ordinary(value)
        && (is_certain || is_like_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = b"\x8f\x13KeyBytes\xe2\x9bQz7w";

    #[test]
    fn a_key_is_sought_as_what_it_is_and_as_what_it_says() {
        assert!(values(RAW, true).contains(&RAW.to_vec()));
        for written in [
            "8f134b657942797465 73e29b517a3777\n",
            "jxNLZXlCeXRlc+KbUXo3dw==",
        ] {
            let found = values(written.as_bytes(), true);
            assert!(found.contains(&RAW.to_vec()), "{written}");
            assert!(found.contains(&written.trim().as_bytes().to_vec()));
        }
        let in_field: String = RAW.iter().map(|b| char::from(*b)).collect();
        assert!(values(RAW, true).contains(&in_field.into_bytes()));
    }

    #[test]
    fn what_is_everywhere_is_no_key() {
        for other in [&[0; 16][..], b"short", b"0101010101010101", b"unauthorized"] {
            assert_eq!(values(other, true), [[0; 0]; 0], "{other:?}");
        }
        assert_eq!(values(b"Service not here", false), [[0; 0]; 0]);
        assert_eq!(values(b"Err404KeyBytes12", false), [b"Err404KeyBytes12"]);
    }

    #[test]
    fn a_key_in_a_data_uri_is_told_from_what_systems_of_protection_need() {
        assert!(is_key(b"jxNLZXlCeXRlc+KbUXo3dw=="));
        assert!(is_key(b"%8f%13KeyBytes%e2%9bQz7w"));
        assert!(!is_key(b"AAAAOHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABgSEE8b"));
        assert!(!is_key(b"x"));
    }
}
