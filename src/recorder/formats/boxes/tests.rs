//! Boxes of fragmented MP4, and where they are cut.

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
