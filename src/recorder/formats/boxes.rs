//! Boxes of fragmented MP4 (ISO/IEC 14496-12): what it is, and where it can be cut. Pure.
//!
//! The origin states the size of a box: nothing larger than [`MOST_BYTES`] is parsed. Bytes that are not a box are
//! passed on as they came, and the response is not cut any more.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};

use super::cut::Cut;
use super::format::{Format, Verdict};
use super::transport::Wish;

/// An initialization section or a `moof` larger than this is none.
const MOST_BYTES: usize = 1024 * 1024;
/// `sample_is_non_sync_sample`.
const NOT_SYNC: u32 = 0x1_0000;

type Kind = [u8; 4];

/// The head of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    kind: Kind,
    /// Its own length.
    length: usize,
    /// The length of the whole box; `None`: up to the end of everything.
    size: Option<u64>,
}

/// What a box begins with.
enum Begun {
    Box(Head),
    /// Too few bytes to tell.
    More,
    /// No box.
    Wrong,
}

fn head(bytes: &[u8]) -> Begun {
    let (Some(size), Some(kind)) = (number(bytes, 0), bytes.get(4..8)) else {
        return Begun::More;
    };
    let kind = match Kind::try_from(kind) {
        Ok(kind) if kind.iter().all(|c| matches!(c, b' '..=b'~' | 0xA9)) => kind,
        _ => return Begun::Wrong,
    };
    let (length, size) = match size {
        0 => (8, None),
        1 => match bytes.get(8..16).and_then(|b| b.try_into().ok()) {
            Some(large) => (16, Some(u64::from_be_bytes(large))),
            None => return Begun::More,
        },
        size => (8, Some(u64::from(size))),
    };
    match size.is_some_and(|size| size < length as u64) {
        true => Begun::Wrong,
        false => Begun::Box(Head { kind, length, size }),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// The boxes in a box, as far as they are whole.
fn children(mut bytes: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    std::iter::from_fn(move || {
        let Begun::Box(head) = head(bytes) else {
            return None;
        };
        let size = head.size.map_or(Some(bytes.len()), |s| s.try_into().ok())?;
        let (whole, rest) = bytes.split_at_checked(size)?;
        bytes = rest;
        Some((head.kind, whole.get(head.length..)?))
    })
}

/// The first box of a kind in a box.
fn child<'a>(bytes: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    children(bytes)
        .find(|(found, _)| found == kind)
        .map(|(_, body)| body)
}

/// The verdict on a body that begins with an `ftyp`; `None`: it does not. A file that is not fragmented is not a stream.
pub(crate) fn sniff(begun: &[u8]) -> Option<Verdict> {
    let mut rest = begun;
    let mut is_first = true;
    loop {
        let found = match head(rest) {
            Begun::Box(found) => found,
            _ if is_first => return None,
            Begun::More if begun.len() < MOST_BYTES => return Some(Verdict::More),
            _ => return Some(Verdict::Other),
        };
        if std::mem::take(&mut is_first) && found.kind != *b"ftyp" {
            return None;
        }
        let size = found.size.and_then(|size| usize::try_from(size).ok());
        let whole = size.and_then(|size| rest.split_at_checked(size));
        match (&found.kind, whole) {
            (b"moof", _) => return Some(Verdict::Stream(Format::Mp4)),
            (b"mdat", _) => return Some(Verdict::Other),
            (b"moov", Some((moov, _))) => {
                let is_fragmented = child(moov.get(found.length..)?, b"mvex").is_some();
                return Some(match is_fragmented {
                    true => Verdict::Stream(Format::Mp4),
                    false => Verdict::Other,
                });
            }
            (_, Some((_, behind))) => rest = behind,
            (_, None) if size.is_some_and(|size| size < MOST_BYTES) && begun.len() < MOST_BYTES => {
                return Some(Verdict::More);
            }
            (_, None) => return Some(Verdict::Other),
        }
    }
}

/// What a `moov` says of its tracks.
#[derive(Debug, Default)]
struct Tracks {
    video: BTreeSet<u32>,
    /// Of their samples, where nothing nearer says otherwise.
    flags: BTreeMap<u32, u32>,
}

impl Tracks {
    fn read(moov: &[u8]) -> Self {
        let mut tracks = Self::default();
        for (kind, body) in children(moov) {
            if kind == *b"trak" {
                tracks.video.extend(video_track(body));
            }
        }
        for (kind, trex) in children(child(moov, b"mvex").unwrap_or_default()) {
            if let (b"trex", Some(id), Some(flags)) = (&kind, number(trex, 4), number(trex, 20)) {
                tracks.flags.insert(id, flags);
            }
        }
        tracks
    }

    /// Whether a fragment begins with a picture that needs no other before it.
    fn is_key(&self, moof: &[u8]) -> bool {
        let is_key = |traf: &[u8]| self.first_flags(traf).is_some_and(|f| f & NOT_SYNC == 0);
        let mut trafs = children(moof).filter(|(kind, _)| kind == b"traf");
        self.video.is_empty() || trafs.any(|(_, traf)| is_key(traf))
    }

    /// The flags of the first sample of a track of pictures.
    fn first_flags(&self, traf: &[u8]) -> Option<u32> {
        let (tfhd, trun) = (child(traf, b"tfhd")?, child(traf, b"trun")?);
        let id = number(tfhd, 4).filter(|id| self.video.contains(id))?;
        let (tfhd_has, trun_has) = (number(tfhd, 0)?, number(trun, 0)?);
        // Where a field is, behind those of the bits that are set.
        let behind = |from: usize, has: u32, fields: &[(u32, usize)]| {
            let before = fields.iter().filter(|(bit, _)| has & bit != 0);
            from + before.map(|(_, bytes)| bytes).sum::<usize>()
        };
        let first = behind(8, trun_has, &[(0x1, 4)]);
        if trun_has & 0x4 != 0 {
            return number(trun, first);
        }
        if trun_has & 0x400 != 0 {
            return number(trun, behind(first, trun_has, &[(0x100, 4), (0x200, 4)]));
        }
        if tfhd_has & 0x20 != 0 {
            let at = behind(8, tfhd_has, &[(0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4)]);
            return number(tfhd, at);
        }
        Some(self.flags.get(&id).copied().unwrap_or(0))
    }
}

/// The number of a track, where it is one of pictures.
fn video_track(trak: &[u8]) -> Option<u32> {
    let tkhd = child(trak, b"tkhd")?;
    let hdlr = child(child(trak, b"mdia")?, b"hdlr")?;
    let at = match tkhd.first()? {
        1 => 20,
        _ => 12,
    };
    (hdlr.get(8..12)? == b"vide").then(|| number(tkhd, at))?
}

/// Follows the boxes of one response.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// From the beginning of a box on, where it is to be known first.
    held: BytesMut,
    /// So much of a box is still to come.
    left: u64,
    /// The box belongs to the initialization section.
    is_init: bool,
    init: BytesMut,
    /// Of the last `moov`.
    tracks: Option<Tracks>,
    /// The bytes are not boxes, or a box is too large: nothing is parsed any more.
    is_lost: bool,
}

impl Fragments {
    /// What stands before the fragments: with it, each of them can be played.
    pub(crate) fn init(&self) -> Bytes {
        Bytes::copy_from_slice(&self.init)
    }

    /// See [`super::cut::Cutter::push`].
    pub(crate) fn push(&mut self, bytes: Bytes, wish: Option<Wish>) -> Cut {
        self.held.extend_from_slice(&bytes);
        if self.is_lost {
            let now = self.finish();
            return Cut { now, next: None };
        }
        let (at, is_cut) = self.walk(wish);
        let now = self.held.split_to(at).freeze();
        let next = is_cut.then(|| {
            let (at, _) = self.walk(None);
            self.held.split_to(at).freeze()
        });
        Cut { now, next }
    }

    pub(crate) fn finish(&mut self) -> Bytes {
        self.is_lost = true;
        std::mem::take(&mut self.held).freeze()
    }

    /// How many of the bytes that are held are done with, and whether a part can begin behind them.
    fn walk(&mut self, wish: Option<Wish>) -> (usize, bool) {
        let mut at = 0;
        loop {
            at += self.pass(at);
            let rest = self.held.get(at..).unwrap_or_default();
            let found = match head(rest) {
                _ if self.is_lost => return self.lose(),
                _ if self.left > 0 => return (at, false),
                Begun::Box(found) => found,
                Begun::More => return (at, false),
                Begun::Wrong => return self.lose(),
            };
            let Some(size) = found.size else {
                // Up to the end: there is nothing behind it.
                return self.lose();
            };
            let whole = usize::try_from(size).ok().filter(|s| *s <= MOST_BYTES);
            let whole = whole.map(|size| rest.get(..size));
            self.is_init = matches!(&found.kind, b"ftyp" | b"moov");
            match (&found.kind, whole, wish) {
                (b"moov", Some(None), _) | (b"moof", Some(None), Some(_)) => return (at, false),
                (b"moov", None, _) => return self.lose(),
                (b"ftyp", ..) => self.begin_init(),
                (b"moov", Some(Some(moov)), _) => {
                    let tracks = Tracks::read(moov.get(found.length..).unwrap_or_default());
                    if self.tracks.is_some() {
                        self.begin_init();
                    }
                    self.tracks = Some(tracks);
                }
                (b"moof", Some(Some(moof)), Some(wish)) => {
                    let moof = moof.get(found.length..).unwrap_or_default();
                    let is_key = |tracks: &Tracks| wish != Wish::Best || tracks.is_key(moof);
                    if self.tracks.as_ref().is_some_and(is_key) {
                        return (at, true);
                    }
                }
                _ => {}
            }
            self.left = size;
        }
    }

    /// Another initialization section takes the place of the one before.
    fn begin_init(&mut self) {
        self.init.clear();
        self.tracks = None;
    }

    /// How many of the bytes from `at` on belong to the box that has begun.
    fn pass(&mut self, at: usize) -> usize {
        let there = self.held.len().saturating_sub(at);
        let passed = usize::try_from(self.left).unwrap_or(usize::MAX).min(there);
        self.left -= passed as u64;
        if self.is_init && passed > 0 {
            let bytes = self.held.get(at..at + passed).unwrap_or_default();
            match self.init.len() + passed > MOST_BYTES {
                true => self.is_lost = true,
                false => self.init.extend_from_slice(bytes),
            }
        }
        passed
    }

    /// Passes on the bytes that are held, and parses nothing any more.
    fn lose(&mut self) -> (usize, bool) {
        self.is_lost = true;
        (self.held.len(), false)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn boxed(kind: &Kind, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + body.len()).unwrap();
        [&size.to_be_bytes(), &kind[..], body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Track 1 has pictures, track 2 sound.
    pub(crate) fn init() -> Vec<u8> {
        let trak = |id: u32, handler: &[u8]| {
            let hdlr = [&[0; 8], handler, &[0; 13]].concat();
            let body = [
                boxed(b"tkhd", &words(&[0, 0, 0, id, 0])),
                boxed(b"mdia", &boxed(b"hdlr", &hdlr)),
            ];
            boxed(b"trak", &body.concat())
        };
        let trex = |id, flags| boxed(b"trex", &words(&[0, id, 1, 0, 0, flags]));
        let mvex = boxed(b"mvex", &[trex(1, NOT_SYNC), trex(2, 0)].concat());
        let moov = [trak(1, b"vide"), trak(2, b"soun"), mvex].concat();
        [boxed(b"ftyp", b"iso5\0\0\0\0"), boxed(b"moov", &moov)].concat()
    }

    fn moof(tfhd: &[u32], trun: &[u32]) -> Vec<u8> {
        let traf = [boxed(b"tfhd", &words(tfhd)), boxed(b"trun", &words(trun))].concat();
        boxed(b"moof", &boxed(b"traf", &traf))
    }

    fn fragment(moof: Vec<u8>) -> Vec<u8> {
        [moof, boxed(b"mdat", &[0x55; 100])].concat()
    }

    /// A fragment of pictures; of sound.
    pub(crate) fn pictures(key: bool) -> Vec<u8> {
        let flags = if key { 0 } else { NOT_SYNC };
        fragment(moof(&[0, 1], &[0x4, 1, flags]))
    }

    fn sound() -> Vec<u8> {
        fragment(moof(&[0, 2], &[0, 1]))
    }

    #[test]
    fn the_flags_of_the_first_sample_are_where_the_bits_say() {
        let tracks = Tracks::read(child(&init(), b"moov").unwrap());
        let is_key =
            |tfhd: &[u32], trun: &[u32]| tracks.is_key(child(&moof(tfhd, trun), b"moof").unwrap());
        for (tfhd, trun, expected) in [
            (&[0, 1][..], &[0, 1][..], false),
            (&[0, 1], &[0x4, 1, 0], true),
            (&[0, 1], &[0x5, 1, 77, 0], true),
            (&[0, 1], &[0x701, 1, 77, 88, 99, 0], true),
            (&[0, 1], &[0x701, 1, 0, 0, 0, NOT_SYNC], false),
            (&[0x20, 1, 0], &[0, 1], true),
            (&[0x3B, 1, 0, 0, 0, 0, 0, NOT_SYNC], &[0, 1], false),
            (&[0x3A, 1, 2, 3, 4, 0], &[0, 1], true),
            (&[0, 2], &[0x4, 1, 0], false),
            (&[0x20, 1], &[0, 1], false),
        ] {
            assert_eq!(is_key(tfhd, trun), expected, "{tfhd:?} {trun:?}");
        }
    }

    #[test]
    fn a_part_begins_with_a_key_picture() {
        let before = [init(), pictures(true), pictures(false), sound()].concat();
        let all = [before.clone(), pictures(true), pictures(false)].concat();
        for (wish, from) in [(Wish::Best, before.len()), (Wish::Any, 0)] {
            let mut fragments = Fragments::default();
            let head = init().len() + pictures(true).len();
            let mut now = fragments
                .push(Bytes::copy_from_slice(&all[..head]), None)
                .now
                .to_vec();
            let cut = fragments.push(Bytes::copy_from_slice(&all[head..]), Some(wish));
            now.extend_from_slice(&cut.now);
            assert_eq!(now, all[..from.max(head)], "{wish:?}");
            assert_eq!(cut.next.unwrap(), all[from.max(head)..]);
            assert_eq!(fragments.init(), init());
        }
    }

    #[test]
    fn only_what_is_fragmented_is_a_stream() {
        let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
        let whole = boxed(b"moov", &boxed(b"mvhd", &[0; 100]));
        let stream = Some(Verdict::Stream(Format::Mp4));
        assert_eq!(sniff(&init()), stream);
        assert_eq!(sniff(&[&ftyp[..], &pictures(true)[..12]].concat()), stream);
        assert_eq!(sniff(&[&ftyp[..], &whole].concat()), Some(Verdict::Other));
        assert_eq!(
            sniff(&[&ftyp[..], &boxed(b"mdat", &[])].concat()),
            Some(Verdict::Other)
        );
        assert_eq!(sniff(&init()[..init().len() - 1]), Some(Verdict::More));
        for no_stream in [
            &b"\xff\xff\xff\xffmoov"[..],
            b"\0\0\0\x07free",
            b"\0\0\0\0free",
        ] {
            assert_eq!(
                sniff(&[&ftyp[..], no_stream].concat()),
                Some(Verdict::Other)
            );
        }
        assert_eq!(sniff(b"\0\0\0\x08moof"), None);
    }

    #[test]
    fn no_more_is_held_than_may_be_looked_into() {
        for kind in [b"moof", b"moov", b"ftyp", b"mdat"] {
            let mut fragments = Fragments::default();
            fragments.push(init().into(), None);
            let claim = [&u32::MAX.to_be_bytes(), &kind[..]].concat();
            fragments.push(claim.into(), Some(Wish::Any));
            for _ in 0..64 {
                fragments.push(vec![0; 65_536].into(), Some(Wish::Any));
                assert!(fragments.held.len() + fragments.init.len() <= 2 * MOST_BYTES);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let body = [&init()[..], &boxed(b"moof", &bytes)].concat();
            let _ = sniff(&[&init()[..16], &bytes].concat());
            let mut fragments = Fragments::default();
            let cut = fragments.push(body.clone().into(), Some(Wish::Best));
            let out = [&cut.now[..], &cut.next.unwrap_or_default(), &fragments.finish()].concat();
            prop_assert_eq!(out, body);
            let _ = Tracks::read(&bytes);
        }
    }
}
