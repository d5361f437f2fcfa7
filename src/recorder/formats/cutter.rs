//! Where a stream can be cut so that what follows is playable alone. Pure.
//!
//! Bytes are held back only while a place is looked for; all of them go to one part or the next.

use super::cut::Cut;
use bytes::{Bytes, BytesMut};

use super::boxes::Fragments;
use super::format::Format;
use super::frames::{Codec, Frames, Step};
use super::transport::{self, Place, Search, Wish};

/// Cuts one stream.
#[derive(Debug)]
pub(crate) struct Cutter {
    format: Format,
    held: BytesMut,
    search: Search,
    fragments: Fragments,
}

/// Whether packets or frames of a format follow each other in these bytes.
pub(crate) fn is_in_step(format: Format, bytes: &[u8]) -> bool {
    match (codec(format), format) {
        (Some(codec), _) => matches!(codec.find(bytes), Step::At(_)),
        (None, Format::MpegTs) => transport::find_step(bytes).is_some(),
        (None, _) => true,
    }
}

fn codec(format: Format) -> Option<Codec> {
    match format {
        Format::MpegAudio => Some(Codec::MpegAudio),
        Format::Adts => Some(Codec::Adts),
        _ => None,
    }
}

impl Cutter {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            held: BytesMut::new(),
            search: Search::default(),
            fragments: Fragments::default(),
        }
    }

    /// What a part has to begin with, so that it is playable alone, where it does not have it of its own.
    pub(crate) fn prefix(&self) -> Bytes {
        self.fragments.init()
    }

    /// Whether there are places at all: what has a header at its beginning only has none.
    pub(crate) fn can_cut(format: Format) -> bool {
        matches!(
            format,
            Format::MpegTs | Format::MpegAudio | Format::Adts | Format::Mp4
        )
    }

    /// Takes bytes; `wish`: a place to cut is looked for.
    pub(crate) fn push(&mut self, bytes: Bytes, wish: Option<Wish>) -> Cut {
        if self.format == Format::Mp4 {
            return self.fragments.push(bytes, wish);
        }
        let Some(wish) = wish.filter(|_| Self::can_cut(self.format)) else {
            return match self.held.is_empty() {
                true => Cut {
                    now: bytes,
                    next: None,
                },
                false => {
                    self.held.extend_from_slice(&bytes);
                    Cut {
                        now: self.finish(),
                        next: None,
                    }
                }
            };
        };
        self.held.extend_from_slice(&bytes);
        let place = match codec(self.format) {
            Some(codec) => match codec.find(&self.held) {
                Step::At(at) => Place::At(at),
                Step::NotBefore(at) => Place::NotBefore(at),
            },
            None => self.search.look(&self.held, wish),
        };
        match place {
            Place::NotBefore(at) => Cut {
                now: self.held.split_to(at).freeze(),
                next: None,
            },
            Place::At(at) => Cut {
                now: self.held.split_to(at).freeze(),
                next: Some(self.finish()),
            },
        }
    }

    /// Gives up what is held back: the stream has ended.
    pub(crate) fn finish(&mut self) -> Bytes {
        if self.format == Format::Mp4 {
            return self.fragments.finish();
        }
        self.search = Search::default();
        std::mem::take(&mut self.held).freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::super::boxes::tests::{init, pictures};
    use super::*;
    use crate::recorder::raw::testing::{adts, mp3, packet, pat, video};
    use proptest::prelude::*;

    const FORMATS: [Format; 5] = [
        Format::MpegTs,
        Format::MpegAudio,
        Format::Adts,
        Format::Flv,
        Format::Mp4,
    ];

    /// Cuts at each wish; the parts.
    fn parts(format: Format, pieces: &[(Vec<u8>, Option<Wish>)]) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::new(format);
        let mut parts = vec![Vec::new()];
        for (bytes, wish) in pieces {
            let cut = cutter.push(Bytes::from(bytes.clone()), *wish);
            parts.last_mut().unwrap().extend_from_slice(&cut.now);
            parts.extend(cut.next.map(|next| next.to_vec()));
        }
        parts
            .last_mut()
            .unwrap()
            .extend_from_slice(&cutter.finish());
        parts
    }

    #[test]
    fn sound_is_cut_between_frames() {
        for (format, frames, length) in [
            (Format::MpegAudio, mp3(20), 417),
            (Format::Adts, adts(20), 200),
        ] {
            let (one, other) = frames.split_at(5 * length + 77);
            let cut = parts(
                format,
                &[(one.to_vec(), None), (other.to_vec(), Some(Wish::Best))],
            );
            assert_eq!(cut.len(), 2, "{format:?}");
            assert_eq!(cut[0].len(), 6 * length, "{format:?}");
        }
    }

    #[test]
    fn a_table_is_held_back_until_what_follows_is_known() {
        let mut cutter = Cutter::new(Format::MpegTs);
        let begun: Vec<u8> = [video(false), pat()].concat();
        let cut = cutter.push(
            [begun, packet(7, false, false, &[]).repeat(5)]
                .concat()
                .into(),
            Some(Wish::Best),
        );
        assert_eq!((cut.now.len(), cut.next), (188, None));
        let cut = cutter.push(video(true).into(), Some(Wish::Best));
        assert_eq!(cut.now.len(), 0);
        assert_eq!(cut.next.map(|next| next.len()), Some(7 * 188));
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(pat()),
            Just(video(true)),
            Just(video(false)),
            Just(mp3(6)),
            Just(adts(6)),
            Just(init()),
            Just(pictures(true)),
            prop::collection::vec(any::<u8>(), 0..200),
            Just(packet(0x100, false, false, &[]).repeat(6)),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_parts_joined_are_the_bytes_that_came(
            bytes in stream(),
            lengths in prop::collection::vec((1_usize..700, 0_u8..4), 1..40),
            format in prop::sample::select(FORMATS.to_vec()),
        ) {
            let mut rest = bytes.as_slice();
            let mut pieces = Vec::new();
            for (length, wish) in lengths.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*length).min(rest.len()));
                let wish = [None, Some(Wish::Best), Some(Wish::Good), Some(Wish::Any)][usize::from(*wish)];
                pieces.push((piece.to_vec(), wish));
                rest = behind;
            }
            let cut = parts(format, &pieces);
            prop_assert_eq!(cut.concat(), bytes);
            for part in &cut[1..] {
                prop_assert!(is_in_step(format, part) || format == Format::MpegTs && part[0] == 0x47);
            }
        }
    }
}
