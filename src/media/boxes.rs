//! Boxes of fragmented MP4 (ISO/IEC 14496-12). Pure.
//!
//! Boxes in boxes are walked here, and those without any are read by a crate: one that reads a `moov` as a whole would
//! reserve what some box in it says.

use std::collections::BTreeMap;

use mp4_atom::{Decode, DecodeAtom, FourCC, Hdlr, Header, Mdhd, Tfdt, Tfhd, Tkhd, Trex, Trun};

/// The head of a box is not longer.
pub const HEAD: usize = 16;
/// `sample_is_non_sync_sample`.
pub(super) const NOT_SYNC: u32 = 0x1_0000;
/// Tracks that are known at most.
pub(super) const MOST_TRACKS: usize = 64;

/// The kind of a box, and the size of all of it; `None`: here is no box whose size is known.
pub fn head(bytes: &[u8]) -> Option<([u8; 4], u64)> {
    let (head, length) = header(bytes)?;
    let size = u64::try_from(head.size?).ok()?.checked_add(length as u64)?;
    let kind: [u8; 4] = head.kind.into();
    kind.iter()
        .all(|c| matches!(c, b' '..=b'~' | 0xA9))
        .then_some((kind, size))
}

pub(super) fn header(bytes: &[u8]) -> Option<(Header, usize)> {
    let mut rest = bytes;
    let head = Header::decode(&mut rest).ok()?;
    Some((head, bytes.len() - rest.len()))
}

/// The boxes in a box, as far as they are whole.
pub(super) fn children(mut bytes: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    std::iter::from_fn(move || {
        let (head, length) = header(bytes)?;
        let body = bytes.get(length..)?;
        let (body, rest) = body.split_at_checked(head.size?)?;
        bytes = rest;
        Some((head, body))
    })
}

pub(super) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let kind = FourCC::new(kind);
    children(bytes)
        .find(|(head, _)| head.kind == kind)
        .map(|(_, body)| body)
}

/// A box without others in it.
pub(super) fn leaf<T: DecodeAtom>((head, body): (Header, &[u8])) -> Option<T> {
    let mut rest = body;
    T::decode_atom(&head, &mut rest).ok()
}

pub(super) fn leaf_in<T: DecodeAtom>(bytes: &[u8], kind: &[u8; 4]) -> Option<T> {
    let kind = FourCC::new(kind);
    children(bytes)
        .find(|(head, _)| head.kind == kind)
        .and_then(leaf)
}

/// What a `moov` says of a track.
#[derive(Debug, Clone, Copy, Default)]
struct Track {
    timescale: u32,
    is_video: bool,
    sample_duration: u32,
    sample_flags: u32,
}

/// What a `moov` says of its tracks.
#[derive(Debug, Clone, Default)]
pub struct Tracks(BTreeMap<u32, Track>);

/// What a `moof` has of the track that time is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// When it begins, in microseconds of the track.
    pub begins_us: Option<i64>,
    /// How long it plays, in microseconds.
    pub duration_us: i64,
    /// It begins with a picture that needs none before it, or has none.
    pub is_random_access: bool,
}

impl Tracks {
    /// The body of a `moov`; `None`: it has no track.
    pub fn read(moov: &[u8]) -> Option<Self> {
        let mut tracks = BTreeMap::new();
        let traks = children(moov).filter(|(head, _)| head.kind == FourCC::new(b"trak"));
        for (_, trak) in traks.take(MOST_TRACKS) {
            let (Some(tkhd), Some(mdia)) = (leaf_in::<Tkhd>(trak, b"tkhd"), child(trak, b"mdia"))
            else {
                continue;
            };
            let handler = leaf_in::<Hdlr>(mdia, b"hdlr").map(|hdlr| hdlr.handler);
            let track = Track {
                timescale: leaf_in::<Mdhd>(mdia, b"mdhd").map_or(0, |mdhd| mdhd.timescale),
                is_video: handler == Some(FourCC::new(b"vide")),
                ..Track::default()
            };
            tracks.insert(tkhd.track_id, track);
        }
        for one in children(child(moov, b"mvex").unwrap_or_default()) {
            let trex = Some(one)
                .filter(|(head, _)| head.kind == FourCC::new(b"trex"))
                .and_then(leaf::<Trex>);
            if let Some((trex, track)) =
                trex.and_then(|trex| Some((trex.clone(), tracks.get_mut(&trex.track_id)?)))
            {
                track.sample_duration = trex.default_sample_duration;
                track.sample_flags = trex.default_sample_flags;
            }
        }
        (!tracks.is_empty()).then_some(Self(tracks))
    }

    /// The track that time is told by: pictures, where there are some.
    fn leading(&self) -> Option<(u32, Track)> {
        let video = self.0.iter().find(|(_, track)| track.is_video);
        video
            .or_else(|| self.0.iter().next())
            .map(|(id, track)| (*id, *track))
    }

    /// The body of a `moof`; `None`: it has nothing of the track that time is told by.
    pub fn fragment(&self, moof: &[u8]) -> Option<Fragment> {
        let (id, track) = self.leading()?;
        let trafs = children(moof).filter(|(head, _)| head.kind == FourCC::new(b"traf"));
        let mut trafs = trafs
            .take(MOST_TRACKS)
            .filter_map(|(_, traf)| Some((leaf_in::<Tfhd>(traf, b"tfhd")?, traf)));
        let (tfhd, traf) = trafs.find(|(tfhd, _)| tfhd.track_id == id)?;
        let each = tfhd
            .default_sample_duration
            .unwrap_or(track.sample_duration);
        let mut flags = tfhd.default_sample_flags.unwrap_or(track.sample_flags);
        let (mut ticks, mut is_first) = (0_u64, true);
        for one in children(traf).filter(|(head, _)| head.kind == FourCC::new(b"trun")) {
            let Some(trun) = leaf::<Trun>(one) else {
                continue;
            };
            ticks = ticks.saturating_add(ticks_of(&trun, each));
            if std::mem::take(&mut is_first) {
                flags = trun
                    .samples
                    .get(0)
                    .and_then(|sample| sample.flags)
                    .unwrap_or(flags);
            }
        }
        let begins = leaf_in::<Tfdt>(traf, b"tfdt").map(|tfdt| tfdt.base_media_decode_time);
        Some(Fragment {
            begins_us: begins.and_then(|ticks| micros(ticks, track.timescale)),
            duration_us: micros(ticks, track.timescale)?,
            is_random_access: !track.is_video || flags & NOT_SYNC == 0,
        })
    }
}

/// How long a run of samples plays. One in which all are alike says how many there are, and may say anything.
fn ticks_of(trun: &Trun, each: u32) -> u64 {
    match &trun.samples {
        mp4_atom::TrunSamples::Inherited { count, .. } => u64::from(*count) * u64::from(each),
        mp4_atom::TrunSamples::Explicit(samples) => {
            let durations = samples
                .iter()
                .map(|sample| u64::from(sample.duration.unwrap_or(each)));
            durations.fold(0, u64::saturating_add)
        }
    }
}

fn micros(ticks: u64, timescale: u32) -> Option<i64> {
    let us = u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1));
    i64::try_from(us).ok().filter(|_| timescale > 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + body.len()).unwrap();
        [&size.to_be_bytes(), &kind[..], body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// One track of pictures, a thousand ticks a second.
    pub(crate) fn moov() -> Vec<u8> {
        let tkhd = words(
            &[
                [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0].as_slice(),
                &[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000, 0, 0],
            ]
            .concat()[..21],
        );
        let tkhd = [&tkhd[..], &[0; 0]].concat();
        let mdhd = words(&[0, 0, 0, 1000, 0, 0x55C4_0000]);
        let hdlr = [&words(&[0, 0])[..], b"vide", &[0; 13]].concat();
        let mdia = [boxed(b"mdhd", &mdhd), boxed(b"hdlr", &hdlr)].concat();
        let trak = [boxed(b"tkhd", &tkhd), boxed(b"mdia", &mdia)].concat();
        let mvex = boxed(
            b"mvex",
            &boxed(b"trex", &words(&[0, 7, 1, 40, 0, NOT_SYNC])),
        );
        boxed(b"moov", &[boxed(b"trak", &trak), mvex].concat())
    }

    /// 25 pictures of 40 ms each.
    pub(crate) fn moof(begins_ms: u32, is_key: bool) -> Vec<u8> {
        let flags = if is_key { 0 } else { NOT_SYNC };
        let traf = [
            boxed(b"tfhd", &words(&[0x2_0000, 7])),
            boxed(b"tfdt", &words(&[0, begins_ms])),
            boxed(b"trun", &words(&[0x4, 25, flags])),
        ];
        boxed(b"moof", &boxed(b"traf", &traf.concat()))
    }

    #[test]
    fn a_fragment_says_when_it_is_and_whether_one_can_begin_with_it() {
        let tracks = Tracks::read(&moov()[8..]).unwrap();
        for is_key in [true, false] {
            let wanted = Fragment {
                begins_us: Some(4_000_000),
                duration_us: 1_000_000,
                is_random_access: is_key,
            };
            assert_eq!(tracks.fragment(&moof(4000, is_key)[8..]), Some(wanted));
        }
        assert_eq!(
            head(&moof(0, true)),
            Some((*b"moof", moof(0, true).len() as u64))
        );
        assert_eq!(
            head(&[0, 0, 0, 3, b'm', b'o', b'o', b'f', 0]),
            None,
            "shorter than its head"
        );
    }

    #[test]
    fn a_run_that_says_that_it_has_very_many_samples_takes_no_memory() {
        let tracks = Tracks::read(&moov()[8..]).unwrap();
        let traf = [
            boxed(b"tfhd", &words(&[0, 7])),
            boxed(b"trun", &words(&[0, u32::MAX])),
        ];
        let fragment = tracks.fragment(&boxed(b"traf", &traf.concat())).unwrap();
        assert_eq!(fragment.duration_us, i64::from(u32::MAX) * 40_000);
    }

    proptest! {
        #[test]
        fn damaged_boxes_break_nothing(at in 0_usize..400, with in prop::collection::vec(any::<u8>(), 1..9)) {
            let damaged = |mut bytes: Vec<u8>| {
                for (n, byte) in with.iter().enumerate() {
                    let at = (at + n) % bytes.len();
                    bytes[at] = *byte;
                }
                bytes
            };
            let tracks = Tracks::read(&damaged(moov())[8..]);
            let _ = tracks.or_else(|| Tracks::read(&moov()[8..])).unwrap().fragment(&damaged(moof(0, true))[8..]);
            let _ = head(&damaged(moof(0, true)));
        }
    }
}
