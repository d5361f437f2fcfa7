//! Segments of a part of MPEG audio or ADTS: cut between frames, whose durations are added up.

use std::io;

use super::media::Media;
use super::spans::{MOST_SPANS, PartFacts, SEGMENT_US, Span, Spans};
use crate::media::frames::{Codec, HEAD, SECOND};

/// Bytes that are read at a time.
const STEP: usize = 256 * 1024;
/// Of a part so much is looked into: nine hours of 256 kbit/s. What lies behind is one segment.
const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// Where it is cut, and how long each segment plays.
pub(super) fn spans(media: &impl Media, part: &PartFacts<'_>, codec: Codec) -> io::Result<Spans> {
    let mut walk = Walk::new(codec);
    let mut at = 0;
    let end = part.size.min(MOST_BYTES);
    while at < end {
        let count = usize::try_from(end - at).unwrap_or(STEP).min(STEP);
        let bytes = media.read(at, count)?;
        let is_last = bytes.len() < STEP || at + bytes.len() as u64 >= end;
        let used = walk.take(&bytes, at, is_last);
        if used == 0 {
            break;
        }
        at += used as u64;
    }
    Ok(Spans {
        init: 0,
        spans: walk.end(part),
    })
}

/// Goes from frame to frame.
struct Walk {
    codec: Codec,
    spans: Vec<Span>,
    /// Where the segment begins that is added up, and how long it is so far.
    first: u64,
    ticks: u64,
    /// What the frames of the stream share, once there was one.
    shared: Option<u16>,
}

impl Walk {
    fn new(codec: Codec) -> Self {
        Self {
            codec,
            spans: Vec::new(),
            first: 0,
            ticks: 0,
            shared: None,
        }
    }

    /// Takes bytes; how many of them it needs no more: all but the begin of a frame at their end.
    fn take(&mut self, bytes: &[u8], place: u64, is_last: bool) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= HEAD) {
            let head = self
                .codec
                .head(rest)
                .filter(|head| self.shared.is_none_or(|shared| shared == head.shared));
            let Some(head) = head else {
                at += 1;
                continue;
            };
            let next = rest.get(head.length..).filter(|next| next.len() >= HEAD);
            // One frame may be a chance: another one follows, or nothing.
            let is_followed = next.map(|next| {
                self.codec
                    .head(next)
                    .is_some_and(|next| next.shared == head.shared)
            });
            match is_followed {
                None if !is_last => return at,
                Some(false) => {
                    at += 1;
                    continue;
                }
                _ if head.length > rest.len() => break,
                _ => {}
            }
            self.frame(head.ticks, place.saturating_add(at as u64));
            self.shared = Some(head.shared);
            at += head.length;
        }
        match is_last {
            true => bytes.len(),
            // Fewer bytes than a head has.
            false => at.min(bytes.len()),
        }
    }

    fn frame(&mut self, ticks: u64, at: u64) {
        let is_full =
            self.duration_us() >= SEGMENT_US && at > self.first && self.spans.len() < MOST_SPANS;
        if is_full {
            self.cut(at);
        }
        self.ticks += ticks;
    }

    fn cut(&mut self, at: u64) {
        self.spans.push(Span {
            first: self.first,
            length: at - self.first,
            duration_us: self.duration_us(),
            anew_us: None,
        });
        (self.first, self.ticks) = (at, 0);
    }

    fn duration_us(&self) -> i64 {
        let us = u128::from(self.ticks) * 1_000_000 / u128::from(SECOND);
        i64::try_from(us).unwrap_or(i64::MAX)
    }

    fn end(mut self, part: &PartFacts<'_>) -> Vec<Span> {
        if part.size <= self.first {
            return self.spans;
        }
        if self.ticks == 0 || part.size > MOST_BYTES {
            let rest = part.between(&[(self.first, None)], None);
            self.spans.extend(rest);
        } else {
            self.cut(part.size);
        }
        self.spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Frames of MPEG-1 Layer III, 128 kbit/s, 44.1 kHz; of ADTS, 200 bytes, 48 kHz.
    fn frames(codec: Codec, count: usize) -> Vec<u8> {
        let (head, length): (&[u8], usize) = match codec {
            Codec::MpegAudio => (&[0xFF, 0xFB, 0x90, 0x00], 417),
            Codec::Adts => (&[0xFF, 0xF1, 0x4C, 0x80, 0x19, 0x1F, 0xFC], 200),
        };
        let mut frame = head.to_vec();
        frame.resize(length, 0x11);
        frame.repeat(count)
    }

    fn facts(size: usize) -> PartFacts<'static> {
        PartFacts {
            size: size as u64,
            length_us: 7_000_000,
            arrival: &[],
        }
    }

    #[test]
    fn durations_are_those_of_the_frames_and_cuts_are_between_them() {
        for (codec, length, each_us) in [
            (Codec::MpegAudio, 417, 26_122.449),
            (Codec::Adts, 200, 21_333.333),
        ] {
            let bytes = frames(codec, 2000);
            let found = spans(&&bytes[..], &facts(bytes.len()), codec)
                .unwrap()
                .spans;
            let all_us: i64 = found.iter().map(|span| span.duration_us).sum();
            assert!(
                (all_us as f64 - 2000.0 * each_us).abs() < 10.0,
                "{codec:?} {all_us}"
            );
            assert!(
                found.iter().all(|span| span.first % length == 0),
                "{found:?}"
            );
            assert!(
                found[0].duration_us >= SEGMENT_US && found[0].duration_us < SEGMENT_US + 30_000
            );
        }
    }

    #[test]
    fn what_has_no_frames_is_one_segment_as_long_as_it_came() {
        let found = spans(&&[0x55; 5000][..], &facts(5000), Codec::Adts)
            .unwrap()
            .spans;
        assert_eq!(
            found,
            [Span {
                first: 0,
                length: 5000,
                duration_us: 7_000_000,
                anew_us: None,
            }]
        );
    }

    proptest! {
        #[test]
        fn damage_takes_no_more_than_the_frames_that_it_hits(damage in prop::collection::vec((0_usize..300_000, any::<u8>()), 0..20)) {
            let mut bytes = frames(Codec::MpegAudio, 800);
            for (at, byte) in &damage {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            let found = spans(&&bytes[..], &facts(bytes.len()), Codec::MpegAudio).unwrap().spans;
            let mut end = 0;
            for span in &found {
                prop_assert!(span.first == end && span.length > 0);
                end += span.length;
            }
            prop_assert_eq!(end, bytes.len() as u64);
            let all_us: i64 = found.iter().map(|span| span.duration_us).sum();
            prop_assert!(all_us >= (800 - 4 * damage.len() as i64 - 1) * 26_122 && all_us <= 804 * 26_123);
        }
    }
}
