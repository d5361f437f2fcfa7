//! The boxes of a file, one behind the other. Pure.

use super::super::boxes::header;

/// A box of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopBox<'a> {
    /// All of one.
    Whole {
        /// Its kind.
        kind: [u8; 4],
        /// What it carries.
        body: &'a [u8],
    },
    /// One that goes on behind the end.
    Cut {
        /// Its kind.
        kind: [u8; 4],
        /// What is there of it.
        body: &'a [u8],
        /// Bytes that are missing.
        missing: u64,
    },
    /// What is no box.
    Broken {
        /// Where it begins.
        at: u64,
    },
}

/// The boxes of a file; behind one that is cut or broken there is none.
pub fn tops(bytes: &[u8]) -> impl Iterator<Item = TopBox<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let (found, next) = top(rest, at);
        at = next;
        Some(found)
    })
}

fn top(rest: &[u8], at: usize) -> (TopBox<'_>, usize) {
    const END: usize = usize::MAX;
    let broken = (TopBox::Broken { at: at as u64 }, END);
    let Some((head, length)) = header(rest) else {
        return broken;
    };
    let kind: [u8; 4] = head.kind.into();
    if !kind.iter().all(|c| matches!(c, b' '..=b'~' | 0xA9)) {
        return broken;
    }
    let body = rest.get(length..).unwrap_or_default();
    // One without a size goes on to the end.
    let size = head.size.unwrap_or(body.len());
    match body.get(..size) {
        Some(body) => (TopBox::Whole { kind, body }, at + length + size),
        None => {
            let missing = (size - body.len()) as u64;
            (
                TopBox::Cut {
                    kind,
                    body,
                    missing,
                },
                END,
            )
        }
    }
}

/// Whether a body begins with a box of fragments, or of their initialization section.
pub fn is_boxes(bytes: &[u8]) -> bool {
    const FIRST: [&[u8; 4]; 13] = [
        b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"emsg", b"prft", b"mdat", b"free", b"skip",
        b"ssix", b"uuid", b"wide",
    ];
    header(bytes).is_some_and(|(head, _)| {
        let kind: [u8; 4] = head.kind.into();
        FIRST.contains(&&kind)
    })
}
