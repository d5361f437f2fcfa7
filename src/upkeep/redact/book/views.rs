//! What a text says when its codings are taken off: percent-encoding and the escapes of JSON, HTML and C, also
//! of each other, base 64, hexadecimal digits, and UTF-16 in the middle of something else. Pure.

use std::borrow::Cow;
use std::ops::Range;

use super::spelling::{decoded, plain, spell_like};
use crate::upkeep::redact::secrets::lexical::runs;

/// How many times a text may be escaped.
pub(crate) const DEEPEST: usize = 16;

/// Longer lines are looked at in pieces, in bytes.
const PIECE: usize = 256 * 1024;

/// Texts as they are, too: these cost no copy.
const WINDOW: usize = 1024 * 1024;

/// Shorter runs of digits hide nothing that is sought.
const SHORTEST_CODED: usize = 8;

/// A text, or a part of it, as it is or without its escapes.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Where each byte is spelled in the text, its end last; of what has no escapes: where it begins.
    starts: Vec<usize>,
    at: usize,
    /// How many codings were taken off.
    pub(crate) depth: usize,
}

impl<'a> View<'a> {
    /// A text as it is.
    pub(crate) fn whole(text: &'a [u8]) -> Self {
        Self::piece(0, text)
    }

    fn piece(at: usize, text: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(text),
            starts: Vec::new(),
            at,
            depth: 0,
        }
    }

    /// Where a part of the meaning stands in the text.
    pub(crate) fn span(&self, span: Range<usize>) -> Option<Range<usize>> {
        match self.depth {
            0 => Some(self.at + span.start..self.at + span.end),
            _ => Some(
                self.at + *self.starts.get(span.start)?..self.at + *self.starts.get(span.end)?,
            ),
        }
    }

    /// The view with one more coding taken off. `None`: there is none, or too many were taken off.
    fn deeper(&mut self) -> Option<()> {
        let (bytes, starts) = decoded(&self.bytes).filter(|_| self.depth < DEEPEST)?;
        let outer = std::mem::take(&mut self.starts);
        let length = self.bytes.len();
        let in_text = |at: usize| match self.depth {
            0 => at,
            _ => outer.get(at).copied().unwrap_or(length),
        };
        self.starts = starts.into_iter().map(in_text).collect();
        self.bytes = Cow::Owned(bytes);
        self.depth += 1;
        Some(())
    }
}

/// Calls `then` with the lines of a text that have escapes, without these, until that says true.
pub(crate) fn each<'a>(text: &'a [u8], overlap: usize, mut then: impl FnMut(&View<'a>) -> bool) {
    for (at, line) in lines(text, overlap) {
        let mut view = View::piece(at, line);
        while view.deeper().is_some() {
            if then(&view) {
                return;
            }
        }
    }
}

/// A text as it is, in pieces that overlap by so many bytes: what is coded goes on from line to line.
pub(crate) fn windows(text: &[u8], overlap: usize) -> impl Iterator<Item = View<'_>> {
    cut(text, WINDOW, overlap).map(|(at, piece)| View::piece(at, piece))
}

/// Lines; long ones in pieces that overlap by so many bytes.
fn lines(text: &[u8], overlap: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    let lines = text.split(|b| *b == b'\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        (at, line)
    });
    lines.flat_map(move |(at, line)| {
        cut(line, PIECE, overlap).map(move |(from, piece)| (at + from, piece))
    })
}

fn cut(text: &[u8], length: usize, overlap: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let last = text.len().saturating_sub(overlap).max(1);
    (0..last).step_by(length).map(move |from| {
        let end = (from + length + overlap).min(text.len());
        (from, text.get(from..end).unwrap_or_default())
    })
}

/// `bytes` in place of what `spelled` means when so many codings are taken off, in these codings.
pub(crate) fn respelled(spelled: &[u8], depth: usize, bytes: &[u8]) -> Vec<u8> {
    match depth {
        0 => bytes.to_vec(),
        _ => spell_like(spelled, &respelled(&plain(spelled), depth - 1, bytes)),
    }
}

/// A coded part of a text.
pub(crate) struct Coded<'a> {
    pub(crate) bytes: &'a [u8],
    /// Everything, also what nobody can read; else a part of it that is readable.
    pub(crate) is_all: bool,
    place: &'a dyn Fn(Range<usize>) -> Range<usize>,
}

impl Coded<'_> {
    /// Where a part of it is coded.
    pub(crate) fn place(&self, span: Range<usize>) -> Range<usize> {
        (self.place)(span)
    }
}

/// Calls `then` with what is readable in bytes, and with all of them where that is wished (`all`).
fn each_part(
    bytes: &[u8],
    all: bool,
    place: &dyn Fn(Range<usize>) -> Range<usize>,
    then: &mut impl FnMut(&Coded<'_>) -> bool,
) -> bool {
    let whole = Coded {
        bytes,
        is_all: true,
        place,
    };
    if all && then(&whole) {
        return true;
    }
    runs(bytes, 0..bytes.len(), is_readable).any(|(part, readable)| {
        let place = |span: Range<usize>| place(part.start + span.start..part.start + span.end);
        let coded = Coded {
            bytes: readable,
            is_all: false,
            place: &place,
        };
        readable.len() >= 4 && then(&coded)
    })
}

/// Calls `then` with what is in base 64 in a text, until that says true: in digits in a row, and in those that white
/// space is between.
pub(crate) fn each_coded(text: &[u8], all: bool, mut then: impl FnMut(&Coded<'_>) -> bool) {
    let mut bytes = Vec::new();
    let is_digit = |b: u8| value(b).is_some();
    let in_row = |b: u8| is_digit(b) || b.is_ascii_whitespace();
    for (span, _) in runs(text, 0..text.len(), in_row) {
        let rows: Vec<_> = runs(text, span.clone(), is_digit).collect();
        for (run, coded) in &rows {
            let place = |at: usize| run.start + at;
            if in_base64(coded, all, &mut bytes, &place, &mut then) {
                return;
            }
        }
        if rows.len() > 1 {
            let digits = rows.iter().flat_map(|(run, coded)| run.clone().zip(*coded));
            let (places, coded): (Vec<usize>, Vec<u8>) = digits.unzip();
            let place = |at: usize| places.get(at).copied().unwrap_or(span.end);
            if in_base64(&coded, all, &mut bytes, &place, &mut then) {
                return;
            }
        }
    }
}

/// Digits of base 64, of which `place` says where each stands.
fn in_base64(
    coded: &[u8],
    all: bool,
    bytes: &mut Vec<u8>,
    place: &dyn Fn(usize) -> usize,
    then: &mut impl FnMut(&Coded<'_>) -> bool,
) -> bool {
    if coded.len() < SHORTEST_CODED {
        return false;
    }
    (0..4).any(|skipped| {
        decode(coded.get(skipped..).unwrap_or_default(), bytes);
        let of_bytes = |span: Range<usize>| {
            let last = (skipped + (span.end * 4).div_ceil(3)).min(coded.len());
            place(skipped + span.start * 4 / 3)..place(last.saturating_sub(1)) + 1
        };
        each_part(bytes, all, &of_bytes, then)
    })
}

/// The same for what is in hexadecimal digits, with or without something between the bytes (`6b:4a`, `0x6b, 0x4a`).
pub(super) fn each_in_hex(text: &[u8], all: bool, mut then: impl FnMut(&Coded<'_>) -> bool) {
    let in_row = |b: u8| b.is_ascii_hexdigit() || is_between(b);
    for (run, written) in runs(text, 0..text.len(), in_row) {
        if written.len() < 2 * SHORTEST_CODED {
            continue;
        }
        let digits = hex_digits(written);
        for skipped in 0..2 {
            let pairs = digits.get(skipped..).unwrap_or_default().as_chunks::<2>().0;
            let bytes: Vec<u8> = pairs.iter().map(|[a, b]| a.1 << 4 | b.1).collect();
            let place = |span: Range<usize>| {
                let start = pairs.get(span.start);
                let last = pairs.get(span.end.saturating_sub(1));
                start.map_or(run.end, |[first, _]| run.start + first.0)
                    ..last.map_or(run.end, |[_, last]| run.start + last.0 + 1)
            };
            if each_part(&bytes, all, &place, &mut then) {
                return;
            }
        }
    }
}

/// Whether a byte may stand between digits of bytes; `x`: of `0x`.
fn is_between(b: u8) -> bool {
    b":-,xX".contains(&b) || b.is_ascii_whitespace()
}

/// The digits of what is written in hexadecimal ones, and where they stand. `0x` is none.
fn hex_digits(written: &[u8]) -> Vec<(usize, u8)> {
    let is_digit = |at: usize| written.get(at).is_some_and(u8::is_ascii_hexdigit);
    let is_x = |at: usize| written.get(at).is_some_and(|b| b"xX".contains(b));
    let begins_number = |at: &usize| {
        let is_first = at.checked_sub(1).is_none_or(|before| !is_digit(before));
        is_first && is_x(at + 1) && is_digit(at + 2)
    };
    let digits = written.iter().enumerate();
    let digits = digits.filter_map(|(at, digit)| Some((at, hex_value(*digit)?)));
    digits.filter(|(at, _)| !begins_number(at)).collect()
}

fn hex_value(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// What hexadecimal digits say, whatever stands between them.
pub(super) fn of_hex(written: &[u8]) -> Vec<u8> {
    let digits = hex_digits(written);
    let pairs = digits.as_chunks::<2>().0;
    pairs.iter().map(|[a, b]| a.1 << 4 | b.1).collect()
}

/// `bytes` in hexadecimal digits in place of those in `written`.
pub(super) fn in_hex_like(written: &[u8], bytes: &[u8]) -> Vec<u8> {
    let places = hex_digits(written);
    let is_capital = |at: usize| written.get(at).is_some_and(u8::is_ascii_uppercase);
    let is_upper = places.iter().any(|(at, _)| is_capital(*at));
    let mut digits = bytes.iter().flat_map(|byte| {
        let two = match is_upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        };
        two.into_bytes()
    });
    let mut places = places.into_iter().map(|(at, _)| at).peekable();
    let mut new: Vec<u8> = Vec::with_capacity(written.len());
    for (at, b) in written.iter().enumerate() {
        match places.next_if_eq(&at) {
            Some(_) => new.extend(digits.next()),
            None => new.push(*b),
        }
    }
    new.extend(digits);
    new
}

/// Calls `then` with what has a zero between each two bytes, as UTF-16 has ASCII, until that says true.
pub(super) fn each_wide(text: &[u8], mut then: impl FnMut(&Coded<'_>) -> bool) {
    let readable = |at: usize| text.get(at).copied().filter(|b| is_readable(*b));
    let mut from = 0;
    let zero_from = |from: usize| Some(from + memchr::memchr(0, text.get(from..)?)?);
    while let Some(zero) = zero_from(from) {
        let before = zero.checked_sub(1).filter(|at| readable(*at).is_some());
        let start = before.unwrap_or(zero + 1);
        let mut bytes = Vec::new();
        let mut at = start;
        while let Some(byte) = readable(at) {
            bytes.push(byte);
            at += 2;
            if text.get(at - 1) != Some(&0) {
                break;
            }
        }
        from = at.max(zero + 1);
        let place = |span: Range<usize>| {
            let last = span.end.saturating_sub(1);
            start + 2 * span.start..start + 2 * last + 1
        };
        let coded = Coded {
            bytes: &bytes,
            is_all: false,
            place: &place,
        };
        if bytes.len() >= 4 && then(&coded) {
            return;
        }
    }
}

/// What stands with a zero between each two bytes.
pub(super) fn of_wide(written: &[u8]) -> Vec<u8> {
    written.iter().step_by(2).copied().collect()
}

/// Bytes with a zero between each two.
pub(super) fn widened(bytes: &[u8]) -> Vec<u8> {
    let pairs = bytes.iter().flat_map(|b| [0, *b]);
    pairs.skip(1).collect()
}

/// Whether a byte is one of a text.
pub(super) fn is_readable(b: u8) -> bool {
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
        let escaped = |times: usize| format!("a%{}2Fb", "25".repeat(times - 1));
        assert_eq!(deep(escaped(4).as_bytes()), 4);
        assert_eq!(deep(escaped(DEEPEST).as_bytes()), DEEPEST, "so deep");
        assert_eq!(deep(escaped(40).as_bytes()), DEEPEST, "and no deeper");
        assert_eq!(respelled(b"a%252Fb", 2, b"x/y"), b"x%252Fy");
    }

    #[test]
    fn a_long_line_is_seen_whole_in_pieces() {
        let mut text = vec![b'x'; 3 * PIECE];
        for at in [PIECE - 3, 2 * PIECE, 3 * PIECE - 6] {
            text[at..at + 6].copy_from_slice(b"se%63t");
            let mut found = Vec::new();
            each(&text, 6, |view| {
                let there = view.bytes.windows(4).position(|w| w == b"sect");
                found.extend(there.map(|there| view.span(there..there + 4).unwrap()));
                false
            });
            assert!(found.contains(&(at..at + 6)), "{found:?}");
            text[at..at + 6].fill(b'x');
        }
    }

    /// Where `hunter2` is, in what such a function calls its argument with.
    fn of_hunter(read: impl FnOnce(&mut dyn FnMut(&Coded<'_>) -> bool)) -> Option<Range<usize>> {
        let mut found = None;
        read(&mut |coded| {
            let there = coded.bytes.windows(7).position(|w| w == b"hunter2");
            found = there.map(|at| coded.place(at..at + 7));
            found.is_some()
        });
        found
    }

    #[test]
    fn hexadecimal_digits_are_read_and_put_back() {
        for (text, said) in [
            (&b"x=0xFC3068756e74657232ff"[..], 8..22),
            (b"a68:75:6E:74:65:72:32 b", 1..21),
            (b"68 75 6e 74 65 72 32 00", 0..20),
            (b"68756e74\n65723200", 0..15),
            (b"{0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32}", 3..41),
            (b"0x68,0x75,0x6e,0x74,0x65,0x72,0x32", 2..34),
        ] {
            let found = of_hunter(|then| each_in_hex(text, false, then));
            assert_eq!(found, Some(said.clone()));
            assert_eq!(of_hex(&text[said]), b"hunter2");
        }
        assert_eq!(in_hex_like(b"68:7A", b"zk"), b"7A:6B");
        assert_eq!(in_hex_like(b"68:75", b"zkj"), b"7a:6b6a");
        assert_eq!(in_hex_like(b"68, 0x75", b"zk"), b"7a, 0x6b");
    }

    #[test]
    fn what_is_coded_is_said_as_a_whole_where_that_is_wished() {
        let mut said = Vec::new();
        let mut then = |coded: &Coded<'_>| {
            said.push((coded.bytes.to_vec(), coded.is_all, coded.place(2..4)));
            false
        };
        each_in_hex(b"x 00:01:68:75:6e:74:00:01", true, &mut then);
        assert_eq!(
            said.first(),
            Some(&(b"\0\x01hunt\0\x01".to_vec(), true, 8..13))
        );
        assert_eq!(said.get(1), Some(&(b"hunt".to_vec(), false, 14..19)));
    }

    #[test]
    fn zeros_between_bytes_are_taken_out_and_put_back() {
        for (text, said) in [
            (&b"xh\0u\0n\0t\0e\0r\x002\0"[..], 1..14),
            (b"\0h\0u\0n\0t\0e\0r\x002", 1..14),
            (b"\x01\0\0\0h\0u\0n\0t\0e\0r\x002 then", 4..17),
        ] {
            let found = of_hunter(|then| each_wide(text, then));
            assert_eq!(found, Some(said.clone()));
            assert_eq!(of_wide(&text[said.clone()]), b"hunter2");
            assert_eq!(widened(b"hunter2"), &text[said]);
        }
    }

    #[test]
    fn base_64_is_read_wherever_it_begins() {
        for (text, said) in [
            (&b"Basic Ym9iOmh1bnRlcjI="[..], 6..21),
            (b"x/YzpodW50ZXIyYg==", 2..16),
            (b"ICBib2I6aHVudGVyMiE", 0..19),
            (b"Ym9i\nOmh1 bn\r\n\tRlcjI=", 0..24),
            (b"Y m 9 i O m h 1 b n R l c j I", 0..30),
        ] {
            let found = of_hunter(|then| each_coded(text, false, then));
            let found = found.unwrap();
            assert!(
                said.start <= found.start && found.end <= said.end,
                "{found:?}"
            );
        }
    }
}
