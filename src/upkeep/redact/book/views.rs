//! What a text says when its codings are taken off: percent-encoding and the escapes of JSON, HTML and C, also
//! of each other, base 64, and hexadecimal digits. Pure.

use std::borrow::Cow;
use std::ops::Range;

use super::spelling::{decoded, plain, spell_like};
use crate::upkeep::redact::secrets::lexical::runs;

/// So often may a text be escaped.
pub(crate) const DEEPEST: usize = 4;

/// Longer lines are looked at in pieces, in bytes.
const PIECE: usize = 256 * 1024;

/// Shorter ones hide nothing that is sought.
const SHORTEST_CODED: usize = 8;

/// A part of a text without its escapes.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Where each byte is spelled in the text, its end last; of what has no escapes: where it begins.
    starts: Vec<usize>,
    at: usize,
    /// How many codings were taken off.
    pub(crate) depth: usize,
}

impl View<'_> {
    /// Where something is spelled in the text.
    pub(crate) fn span(&self, span: Range<usize>) -> Option<Range<usize>> {
        match self.depth {
            0 => Some(self.at + span.start..self.at + span.end),
            _ => Some(
                self.at + *self.starts.get(span.start)?..self.at + *self.starts.get(span.end)?,
            ),
        }
    }
}

/// Calls `then` with the lines of a text, each as it is and without its escapes, until that says true.
pub(crate) fn each<'a>(text: &'a [u8], overlap: usize, mut then: impl FnMut(&View<'a>) -> bool) {
    for (at, line) in pieces(text, overlap) {
        let mut view = View {
            bytes: Cow::Borrowed(line),
            starts: Vec::new(),
            at,
            depth: 0,
        };
        loop {
            if then(&view) {
                return;
            }
            let Some((bytes, starts)) = decoded(&view.bytes).filter(|_| view.depth < DEEPEST)
            else {
                break;
            };
            let outer = std::mem::take(&mut view.starts);
            let in_text = |at: usize| match view.depth {
                0 => at,
                _ => outer.get(at).copied().unwrap_or(line.len()),
            };
            view = View {
                bytes: Cow::Owned(bytes),
                starts: starts.into_iter().map(in_text).collect(),
                at,
                depth: view.depth + 1,
            };
        }
    }
}

/// Lines; long ones in pieces that overlap by so many bytes.
fn pieces(text: &[u8], overlap: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    let lines = text.split(|b| *b == b'\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        (at, line)
    });
    lines.flat_map(move |(at, line)| {
        let last = line.len().saturating_sub(overlap).max(1);
        (0..last).step_by(PIECE).map(move |from| {
            let end = (from + PIECE + overlap).min(line.len());
            (at + from, line.get(from..end).unwrap_or_default())
        })
    })
}

/// `bytes` in place of what `spelled` means when so many codings are taken off, in these codings.
pub(crate) fn respelled(spelled: &[u8], depth: usize, bytes: &[u8]) -> Vec<u8> {
    match depth {
        0 => bytes.to_vec(),
        _ => spell_like(spelled, &respelled(&plain(spelled), depth - 1, bytes)),
    }
}

/// Calls `then` with what is readable in base 64 in a text, and with what says where a part of that is
/// coded, until that says true.
pub(crate) fn each_coded(
    text: &[u8],
    mut then: impl FnMut(&[u8], &dyn Fn(Range<usize>) -> Range<usize>) -> bool,
) {
    let mut bytes = Vec::new();
    for (run, coded) in runs(text, 0..text.len(), |b| value(b).is_some()) {
        if coded.len() < SHORTEST_CODED {
            continue;
        }
        for skipped in 0..4 {
            decode(coded.get(skipped..).unwrap_or_default(), &mut bytes);
            for (part, readable) in runs(&bytes, 0..bytes.len(), is_readable) {
                let place = |span: Range<usize>| {
                    let first = run.start + skipped;
                    let (start, end) = (part.start + span.start, part.start + span.end);
                    first + start * 4 / 3..(first + (end * 4).div_ceil(3)).min(run.end)
                };
                if readable.len() >= 4 && then(readable, &place) {
                    return;
                }
            }
        }
    }
}

/// The same for what is in hexadecimal digits, with or without something between the bytes (`6b:4a`).
pub(super) fn each_in_hex(
    text: &[u8],
    mut then: impl FnMut(&[u8], &dyn Fn(Range<usize>) -> Range<usize>) -> bool,
) {
    let is_between = |b: u8| b":- ".contains(&b);
    for (run, written) in runs(text, 0..text.len(), |b| {
        b.is_ascii_hexdigit() || is_between(b)
    }) {
        if written.len() < 2 * SHORTEST_CODED {
            continue;
        }
        let digits: Vec<(usize, u8)> = (run.start..)
            .zip(written)
            .filter_map(|(at, digit)| Some((at, hex_value(*digit)?)))
            .collect();
        for skipped in 0..2 {
            let pairs = digits.get(skipped..).unwrap_or_default().as_chunks::<2>().0;
            let bytes: Vec<u8> = pairs.iter().map(|[a, b]| a.1 << 4 | b.1).collect();
            for (part, readable) in runs(&bytes, 0..bytes.len(), is_readable) {
                let place = |span: Range<usize>| {
                    let start = pairs.get(part.start + span.start);
                    let last = pairs.get((part.start + span.end).saturating_sub(1));
                    start.map_or(run.end, |[first, _]| first.0)
                        ..last.map_or(run.end, |[_, last]| last.0 + 1)
                };
                if readable.len() >= 4 && then(readable, &place) {
                    return;
                }
            }
        }
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// What hexadecimal digits say, whatever stands between them.
pub(super) fn of_hex(written: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = written.iter().copied().filter_map(hex_value).collect();
    let pairs = digits.as_chunks::<2>().0;
    pairs.iter().map(|[a, b]| a << 4 | b).collect()
}

/// `bytes` in hexadecimal digits in place of those in `written`.
pub(super) fn in_hex_like(written: &[u8], bytes: &[u8]) -> Vec<u8> {
    let is_upper = written.iter().any(u8::is_ascii_uppercase);
    let mut digits = bytes.iter().flat_map(|byte| {
        let two = match is_upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        };
        two.into_bytes()
    });
    let mut new: Vec<u8> = Vec::with_capacity(written.len());
    for b in written {
        match hex_value(*b) {
            Some(_) => new.extend(digits.next()),
            None => new.push(*b),
        }
    }
    new.extend(digits);
    new
}

fn is_readable(b: u8) -> bool {
    b >= b' ' && b != 0x7f
}

/// What a digit of base 64 says, in either alphabet (RFC 4648).
fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn decode(coded: &[u8], bytes: &mut Vec<u8>) {
    bytes.clear();
    for four in coded.chunks(4) {
        let digits = four.iter().filter_map(|digit| value(*digit));
        let group = digits.fold(0, |group, value| group << 6 | value);
        let [_, whole @ ..] = (group << (6 * (4 - four.len().min(4)))).to_be_bytes();
        bytes.extend(whole.iter().take(four.len().saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_escapes_are_taken_off_and_put_back() {
        let text = b"first\nx=a%252Fb\\u0025%32Fc";
        let mut said = Vec::new();
        each(text, 10, |view| {
            if let Some(at) = view.bytes.windows(3).position(|w| w == b"a/b") {
                said.push((view.depth, view.span(at..at + 3).unwrap()));
            }
            false
        });
        assert_eq!(said, [(2, 8..15)]);
        let deep = |text: &[u8]| {
            let mut deepest = 0;
            each(text, 10, |view| {
                deepest = view.depth;
                view.bytes.windows(3).any(|w| w == b"a/b")
            });
            deepest
        };
        assert_eq!(deep(b"a%2525252Fb"), 4, "as deep as it goes");
        assert_eq!(deep(b"a%252525252Fb"), 4, "and no deeper");
        assert_eq!(respelled(b"a%252Fb", 2, b"x/y"), b"x%252Fy");
    }

    #[test]
    fn a_long_line_is_seen_whole_in_pieces() {
        let mut text = vec![b'x'; 3 * PIECE];
        for at in [PIECE - 3, 2 * PIECE, 3 * PIECE - 6] {
            text[at..at + 6].copy_from_slice(b"secret");
            let mut found = Vec::new();
            each(&text, 6, |view| {
                let there = view.bytes.windows(6).position(|w| w == b"secret");
                found.extend(there.map(|there| view.span(there..there + 6).unwrap()));
                false
            });
            assert!(found.contains(&(at..at + 6)), "{found:?}");
            text[at..at + 6].fill(b'x');
        }
    }

    #[test]
    fn hexadecimal_digits_are_read_and_put_back() {
        for (text, said) in [
            (&b"x=0xFC3068756e74657232ff"[..], 8..22),
            (b"a68:75:6E:74:65:72:32 b", 1..21),
            (b"68 75 6e 74 65 72 32 00", 0..20),
        ] {
            let mut found = None;
            each_in_hex(text, |bytes, place| {
                let there = bytes.windows(7).position(|w| w == b"hunter2");
                found = there.map(|at| place(at..at + 7));
                found.is_some()
            });
            assert_eq!(found, Some(said.clone()));
            assert_eq!(of_hex(&text[said]), b"hunter2");
        }
        assert_eq!(in_hex_like(b"68:7A", b"zk"), b"7A:6B");
        assert_eq!(in_hex_like(b"68:75", b"zkj"), b"7a:6b6a");
    }

    #[test]
    fn base_64_is_read_wherever_it_begins() {
        for (text, said) in [
            (&b"Basic Ym9iOmh1bnRlcjI="[..], 6..21),
            (b"x/YzpodW50ZXIyYg==", 2..16),
            (b"ICBib2I6aHVudGVyMiE", 0..19),
        ] {
            let mut found = None;
            each_coded(text, |bytes, place| {
                let there = bytes.windows(7).position(|w| w == b"hunter2");
                found = there.map(|at| place(at..at + 7));
                found.is_some()
            });
            let found = found.unwrap();
            assert!(
                said.start <= found.start && found.end <= said.end,
                "{found:?}"
            );
        }
    }
}
