//! The Range header field (RFC 9110 14.2): one range, read and resolved. Pure.
//!
//! Several ranges in one request are answered with the whole (RFC 9110 14.2 allows it);
//! an invalid range is ignored.

/// One range as a client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeSpec {
    /// `int-range`: first byte, and last byte if there is one.
    From(u64, Option<u64>),
    /// `suffix-range`: the last bytes, this many.
    Suffix(u64),
}

/// A range applied to a body of known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// All of it, as if no range had been asked for.
    Whole,
    /// So many bytes from `first`; `length` is at least 1.
    Range {
        /// First byte.
        first: u64,
        /// Number of bytes.
        length: u64,
    },
    /// It begins behind the end: 416.
    Unsatisfiable,
}

/// Reads a Range field value. `None`: to be ignored (not bytes, several ranges, invalid).
pub fn parse(value: &[u8]) -> Option<RangeSpec> {
    let text = std::str::from_utf8(value).ok()?;
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    // A list may have empty elements (RFC 9110 5.6.1.2).
    let mut specs = set.split(',').map(trim_ows).filter(|spec| !spec.is_empty());
    let (only, more) = (specs.next()?, specs.next());
    if more.is_some() {
        return None;
    }
    let (first, last) = only.split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(RangeSpec::Suffix(number(last)?)),
        (false, true) => Some(RangeSpec::From(number(first)?, None)),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(RangeSpec::From(first, Some(last)))
        }
    }
}

/// From here on a last byte means the end, wherever that will be (RFC 8673).
const REST: u64 = (1 << 53) - 2;

impl RangeSpec {
    /// Its first byte, where it means all that comes from there on.
    pub fn rest_from(self) -> Option<u64> {
        match self {
            Self::From(first, last) => last.is_none_or(|last| last >= REST).then_some(first),
            Self::Suffix(_) => None,
        }
    }

    /// The bytes of a body of `size` bytes that it means.
    pub fn resolve(self, size: u64) -> Resolved {
        match self {
            Self::From(first, _) if first >= size => Resolved::Unsatisfiable,
            Self::From(first, last) => {
                let behind = last.map_or(size, |last| last.saturating_add(1).min(size));
                Resolved::Range {
                    first,
                    length: behind - first,
                }
            }
            Self::Suffix(0) => Resolved::Unsatisfiable,
            Self::Suffix(_) if size == 0 => Resolved::Whole,
            Self::Suffix(count) => {
                let length = count.min(size);
                Resolved::Range {
                    first: size - length,
                    length,
                }
            }
        }
    }
}

fn trim_ows(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Digits only; what no `u64` holds lies behind every end.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let cases = [
            ("bytes=0-499", Some(RangeSpec::From(0, Some(499)))),
            ("bytes=500-999", Some(RangeSpec::From(500, Some(999)))),
            ("bytes=-500", Some(RangeSpec::Suffix(500))),
            ("bytes=9500-", Some(RangeSpec::From(9500, None))),
            ("bytes=0-0,-1", None),
            ("bytes= 0-999, 4500-5499, -1000", None),
            ("bytes=500-600,601-999", None),
        ];
        for (value, spec) in cases {
            assert_eq!(parse(value.as_bytes()), spec, "{value}");
        }
    }

    #[test]
    fn odd_ones_are_read_or_ignored() {
        assert_eq!(parse(b"Bytes= 1-2 ,"), Some(RangeSpec::From(1, Some(2))));
        assert_eq!(
            parse(b"bytes=0-99999999999999999999999"),
            Some(RangeSpec::From(0, Some(u64::MAX)))
        );
        let ignored: [&[u8]; 12] = [
            b"",
            b"bytes",
            b"bytes=",
            b"bytes=-",
            b"bytes=5-4",
            b"bytes=a-b",
            b"bytes=+1-2",
            b"items=0-1",
            b"bytes=1 -2",
            b"bytes=--1",
            b"bytes=0x1-2",
            b"bytes=\xff-",
        ];
        for value in ignored {
            assert_eq!(parse(value), None, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn ranges_of_a_body() {
        let cases = [
            (
                RangeSpec::From(0, None),
                10,
                Resolved::Range {
                    first: 0,
                    length: 10,
                },
            ),
            (
                RangeSpec::From(9, Some(u64::MAX)),
                10,
                Resolved::Range {
                    first: 9,
                    length: 1,
                },
            ),
            (RangeSpec::From(10, None), 10, Resolved::Unsatisfiable),
            (RangeSpec::From(0, None), 0, Resolved::Unsatisfiable),
            (
                RangeSpec::Suffix(3),
                10,
                Resolved::Range {
                    first: 7,
                    length: 3,
                },
            ),
            (
                RangeSpec::Suffix(30),
                10,
                Resolved::Range {
                    first: 0,
                    length: 10,
                },
            ),
            (RangeSpec::Suffix(0), 10, Resolved::Unsatisfiable),
            (RangeSpec::Suffix(1), 0, Resolved::Whole),
        ];
        for (spec, size, resolved) in cases {
            assert_eq!(spec.resolve(size), resolved, "{spec:?} of {size}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_range_or_none(value in prop::collection::vec(any::<u8>(), 0..30)) {
            let _ = parse(&value);
        }

        #[test]
        fn what_is_written_is_read(first in any::<u64>(), length in 0..1000_u64) {
            let last = first.saturating_add(length);
            let value = format!("bytes={first}-{last}");
            prop_assert_eq!(parse(value.as_bytes()), Some(RangeSpec::From(first, Some(last))));
        }

        #[test]
        fn a_part_lies_within_the_body(text in "bytes=[0-9]{0,20}-[0-9]{0,20}", size in prop_oneof![0..50_u64, any::<u64>()]) {
            if let Some(spec) = parse(text.as_bytes())
                && let Resolved::Range { first, length } = spec.resolve(size)
            {
                prop_assert!(length >= 1);
                prop_assert!(first.checked_add(length).is_some_and(|end| end <= size));
                if let RangeSpec::From(wanted, last) = spec {
                    prop_assert_eq!(first, wanted);
                    prop_assert!(last.is_none_or(|last| first + (length - 1) <= last));
                }
            }
        }
    }
}
