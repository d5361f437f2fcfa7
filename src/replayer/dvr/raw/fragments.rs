//! Segments of a part of fragmented MP4: cut before a `moof` whose picture needs none before it.

use std::io;

use super::media::Media;
use super::spans::{MOST_SPANS, PartFacts, SEGMENT_US, Span, Spans};
use crate::media::boxes::{Fragment, HEAD, Tracks, head};

/// An initialization section or a `moof` larger than this is none.
const MOST_BYTES: u64 = 1024 * 1024;
/// Boxes that are looked at: those of a day of fragments of 200 ms.
const MOST_BOXES: usize = 1_000_000;

/// Where it is cut, and how long each segment plays; nothing: it has no initialization section.
pub(super) fn spans(media: &impl Media, part: &PartFacts<'_>) -> io::Result<Spans> {
    let mut walk = Walk::default();
    let mut at = 0;
    for _ in 0..MOST_BOXES {
        let Some((kind, size)) = head(&media.read(at, HEAD)?) else {
            break;
        };
        // What breaks off in a box is no fragment.
        let Some(end) = at
            .checked_add(size)
            .filter(|end| *end <= part.size && size >= 8)
        else {
            break;
        };
        let body = match &kind {
            b"moov" | b"moof" if size <= MOST_BYTES => {
                let bytes = media.read(at, usize::try_from(size).unwrap_or(0))?;
                let skip = if bytes.starts_with(&[0, 0, 0, 1]) {
                    16
                } else {
                    8
                };
                bytes.get(skip..).unwrap_or_default().to_vec()
            }
            _ => Vec::new(),
        };
        walk.take(&kind, (at, end), &body);
        at = end;
    }
    Ok(walk.end())
}

/// Goes from box to box.
#[derive(Default)]
struct Walk {
    tracks: Option<Tracks>,
    init: u64,
    /// Where the boxes begin that belong to the next fragment.
    begins: Option<u64>,
    /// Of the segment that goes on: where it begins, when, and how long it is so far.
    open: Option<Open>,
    /// Where the last whole fragment ends.
    end: u64,
    spans: Vec<Span>,
}

struct Open {
    first: u64,
    begins_us: Option<i64>,
    duration_us: i64,
}

impl Walk {
    fn take(&mut self, kind: &[u8; 4], (at, end): (u64, u64), body: &[u8]) {
        match kind {
            b"moov" if self.tracks.is_none() => {
                self.tracks = Tracks::read(body);
                self.init = end;
                return;
            }
            _ if self.tracks.is_none() => return,
            b"moof" => {
                let begins = *self.begins.get_or_insert(at);
                let tracks = self.tracks.as_ref();
                let fragment = tracks.and_then(|tracks| tracks.fragment(body));
                self.fragment(begins, fragment);
            }
            b"mdat" => {
                self.begins = None;
                self.end = end;
                return;
            }
            _ => {}
        }
        self.begins.get_or_insert(at);
    }

    fn fragment(&mut self, first: u64, fragment: Option<Fragment>) {
        let length_us = self.open.as_ref().map_or(0, |open| open.duration_us);
        let begins = fragment
            .is_some_and(|fragment| fragment.is_random_access || length_us >= 2 * SEGMENT_US);
        let is_full = length_us >= SEGMENT_US && begins && self.spans.len() < MOST_SPANS;
        if is_full {
            self.close(first, fragment.and_then(|fragment| fragment.begins_us));
        }
        let open = self.open.get_or_insert(Open {
            first,
            begins_us: None,
            duration_us: 0,
        });
        if let Some(fragment) = fragment {
            open.begins_us = open.begins_us.or(fragment.begins_us);
            open.duration_us = open.duration_us.saturating_add(fragment.duration_us);
        }
    }

    /// `until_us`: when the next one begins, by the clock of the track.
    fn close(&mut self, end: u64, until_us: Option<i64>) {
        let Some(open) = self.open.take().filter(|open| end > open.first) else {
            return;
        };
        let stated_us = until_us
            .zip(open.begins_us)
            .map(|(until_us, from_us)| until_us.saturating_sub(from_us));
        let near = |us: &i64| *us > 0 && *us <= open.duration_us.saturating_mul(4);
        self.spans.push(Span {
            first: open.first,
            length: end - open.first,
            duration_us: stated_us.filter(near).unwrap_or(open.duration_us).max(1),
            anew_us: None,
        });
    }

    fn end(mut self) -> Spans {
        let end = self.end;
        self.close(end, None);
        Spans {
            init: self.init,
            spans: self.spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::boxes::tests::{boxed, moof, moov};
    use proptest::prelude::*;

    fn facts(bytes: &[u8]) -> PartFacts<'static> {
        PartFacts {
            size: bytes.len() as u64,
            length_us: 60_000_000,
            arrival: &[],
        }
    }

    /// A minute: a fragment each second, a key picture each four.
    fn minute() -> (Vec<u8>, usize) {
        let init = [boxed(b"ftyp", b"iso5\0\0\0\0"), moov()].concat();
        let fragment = |n: u32| {
            [
                boxed(b"styp", b"msdh\0\0\0\0"),
                moof(n * 1000, n.is_multiple_of(4)),
                boxed(b"mdat", &[7; 90]),
            ]
            .concat()
        };
        let length = init.len();
        (
            init.into_iter().chain((0..60).flat_map(fragment)).collect(),
            length,
        )
    }

    #[test]
    fn it_is_cut_where_a_key_picture_begins_and_its_init_section_stands_for_itself() {
        let (bytes, init) = minute();
        let found = spans(&&bytes[..], &facts(&bytes)).unwrap();
        assert_eq!(found.init, init as u64);
        let durations: Vec<i64> = found
            .spans
            .iter()
            .map(|span| span.duration_us / 1_000_000)
            .collect();
        assert_eq!(durations, [12, 12, 12, 12, 12]);
        assert!(
            found
                .spans
                .iter()
                .all(|span| bytes[span.first as usize + 4..].starts_with(b"styp"))
        );
        assert_eq!(found.spans[0].first, init as u64);
    }

    #[test]
    fn what_breaks_off_in_a_fragment_ends_before_it() {
        let (bytes, init) = minute();
        let each = (bytes.len() - init) / 60;
        let cut = &bytes[..bytes.len() - 30];
        let found = spans(&cut, &facts(cut)).unwrap();
        let last = found.spans.last().unwrap();
        assert_eq!(last.first + last.length, (init + 59 * each) as u64);
        assert_eq!(
            spans(&&bytes[init..], &facts(&bytes[init..])).unwrap(),
            Spans::default(),
            "no init section"
        );
    }

    proptest! {
        #[test]
        fn damaged_files_break_nothing(damage in prop::collection::vec((any::<usize>(), any::<u8>()), 0..30)) {
            let (mut bytes, _) = minute();
            for (at, byte) in damage {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let found = spans(&&bytes[..], &facts(&bytes)).unwrap();
            let mut end = 0;
            for span in found.spans {
                prop_assert!(span.first >= end && span.length > 0 && span.duration_us > 0);
                end = span.first + span.length;
            }
            prop_assert!(end <= bytes.len() as u64);
        }
    }
}
