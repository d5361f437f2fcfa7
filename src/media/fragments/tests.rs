use super::super::boxes::tests::{boxed, moof, moov};
use super::super::facts::{Beginning, TrackKind};
use super::super::looks;
use super::*;
use proptest::prelude::*;

fn init() -> Vec<u8> {
    [boxed(b"ftyp", b"cmfc\0\0\0\0iso6mp41"), moov()].concat()
}

fn chunk() -> Vec<u8> {
    let event = [
        &[
            1, 0, 0, 0, 0, 0, 0x03, 0xE8, 0, 0, 0, 0, 0, 0, 0x0F, 0xA0, 0, 0, 0, 0, 0, 0, 0, 9,
        ][..],
        b"urn:scte:scte35:2013:bin\0\0\xFC\x30",
    ]
    .concat();
    let parts = [
        boxed(b"styp", b"msdh\0\0\0\0"),
        boxed(b"emsg", &event),
        moof(4000, true),
        boxed(b"mdat", &[0; 100]),
        moof(5000, false),
        boxed(b"mdat", &[0; 100]),
    ];
    parts.concat()
}

#[test]
fn an_initialization_section_says_what_its_tracks_are() {
    let init = InitFacts::read(&init()).unwrap();
    assert_eq!(*init.brands, [*b"cmfc", *b"iso6", *b"mp41"]);
    assert!(init.has_moov && init.has_mvex && !init.has_media);
    let track = init.track(7).unwrap();
    assert_eq!((track.kind(), track.timescale), (TrackKind::Video, 1000));
    assert_eq!((track.samples, track.sample_duration), (0, 40));
    assert!(track.has_defaults);
    assert_eq!(InitFacts::read(b"no box"), None);
}

#[test]
fn a_chunk_says_when_its_samples_are() {
    let init = InitFacts::read(&init()).unwrap();
    let facts = read(&chunk(), Some(&init));
    assert_eq!(
        (facts.fragments, facts.jumps, facts.without_time),
        (2, 0, 0)
    );
    let track = &facts.tracks[0];
    assert_eq!(track.begins, Some(Beginning::RandomAccess));
    assert_eq!(
        *track.keys,
        [4000],
        "the first sample of the first fragment"
    );
    let times = track.times.unwrap();
    assert_eq!((times.first_decode, times.end_latest), (4000, 6000));
    assert_eq!((times.units, times.unit), (50, 40));
    let event = &facts.events[0];
    assert_eq!(&*event.scheme, "urn:scte:scte35:2013:bin");
    assert_eq!((event.time, event.is_absolute, event.id), (4000, true, 9));
    assert_eq!(*event.message, [0xFC, 0x30]);
}

#[test]
fn fragments_that_do_not_go_on_are_counted() {
    let init = InitFacts::read(&init()).unwrap();
    let apart = [moof(4000, true), moof(5200, true)].concat();
    assert_eq!(read(&apart, Some(&init)).jumps, 1);
    let without = |moof: Vec<u8>| {
        let at = moof.windows(4).position(|name| name == b"tfdt").unwrap();
        let mut moof = moof;
        moof[at..at + 4].copy_from_slice(b"free");
        moof
    };
    assert_eq!(read(&without(moof(0, true)), Some(&init)).without_time, 1);
    let other = InitFacts {
        tracks: Box::default(),
        ..init
    };
    assert_eq!(*read(&chunk(), Some(&other)).unknown_tracks, [7]);
}

#[test]
fn a_run_of_billions_of_samples_costs_nothing() {
    let init = InitFacts::read(&init()).unwrap();
    let traf = [
        boxed(b"tfhd", &[0, 0, 0, 0, 0, 0, 0, 7]),
        boxed(b"tfdt", &[0; 8]),
        boxed(b"trun", &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]).repeat(50),
    ];
    let facts = read(
        &boxed(b"moof", &boxed(b"traf", &traf.concat())),
        Some(&init),
    );
    let times = facts.tracks[0].times.unwrap();
    assert_eq!(times.units, 50 * u64::from(u32::MAX));
    // One that says how long each sample is, and has none of them.
    let lies = boxed(b"trun", &[0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    let traf = [&traf[0][..], &traf[1], &lies].concat();
    let facts = read(&boxed(b"moof", &boxed(b"traf", &traf)), Some(&init));
    assert_eq!((facts.not_read, facts.tracks[0].times), (1, None));
}

#[test]
fn a_chunk_may_end_anywhere() {
    let (init, whole) = (InitFacts::read(&init()).unwrap(), chunk());
    let ends: Vec<usize> = tops(&whole)
        .scan(0, |end, top| match top {
            TopBox::Whole { body, .. } => {
                *end += 8 + body.len();
                Some(*end)
            }
            _ => None,
        })
        .collect();
    for end in 1..whole.len() {
        let facts = read(&whole[..end], Some(&init));
        let is_whole = facts.cut_bytes == 0 && facts.broken_at.is_none();
        assert_eq!(is_whole, ends.contains(&end), "{end}");
    }
    for end in 0..self::init().len() {
        let _ = InitFacts::read(&self::init()[..end]);
    }
}

proptest! {
    #[test]
    fn damaged_bits_break_nothing(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let (mut init, mut chunk) = (init(), chunk());
        let length = init.len() + chunk.len();
        for (at, with) in flips {
            let at = at.index(length);
            match at.checked_sub(init.len()) {
                None => init[at] = with,
                Some(at) => chunk[at] = with,
            }
        }
        let init = InitFacts::read(&init);
        let facts = read(&chunk, init.as_ref());
        prop_assert!(facts.tracks.len() <= 64 && facts.events.len() <= MOST_EVENTS);
        let _ = looks::no_media(&chunk);
    }
}
