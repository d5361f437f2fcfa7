//! What the initialization section of fragments says: brands, and what its tracks are (ISO 14496-12). Pure.

use mp4_atom::{Elst, FourCC, Hdlr, Header, Mdhd, Mvhd, Tkhd, Trex};

use super::super::boxes::{MOST_TRACKS, child, children, leaf, leaf_in};
use super::super::facts::TrackKind;
use super::entry::{SampleEntry, sample_entry};
use super::top::{TopBox, tops};

/// What is looked into at most.
const MOST_BYTES: usize = 4 << 20;
/// Brands that are kept.
const MOST_BRANDS: usize = 32;

/// What an initialization section says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InitFacts {
    /// Its brands, the major one first; none: it has no `ftyp`.
    pub brands: Box<[[u8; 4]]>,
    /// It has a `moov`.
    pub has_moov: bool,
    /// The `moov` has a `mvex`.
    pub has_mvex: bool,
    /// The duration of `mvhd`, in seconds.
    pub seconds: u64,
    /// Its tracks, by `track_ID`.
    pub tracks: Box<[InitTrack]>,
    /// It has samples beside its tables.
    pub has_media: bool,
}

/// A track as an initialization section has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InitTrack {
    /// Its `track_ID`.
    pub id: u32,
    /// Its handler: `vide`, `soun`, and others.
    pub handler: [u8; 4],
    /// Ticks in a second.
    pub timescale: u32,
    /// The kind of its samples.
    pub entry: SampleEntry,
    /// Samples that its tables have: they may have none.
    pub samples: u64,
    /// By how many of its ticks its samples are shown later than they say, by its edits.
    pub later: i64,
    /// How long a sample is that does not say so.
    pub sample_duration: u32,
    /// How large one is.
    pub sample_bytes: u32,
    /// The flags of one.
    pub sample_flags: u32,
    /// `mvex` has a `trex` for it.
    pub has_defaults: bool,
}

impl InitTrack {
    /// What it carries.
    pub fn kind(&self) -> TrackKind {
        match &self.handler {
            b"vide" => TrackKind::Video,
            b"soun" => TrackKind::Audio,
            _ => TrackKind::Other,
        }
    }
}

impl InitFacts {
    /// All of it; `None`: these are no boxes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut facts = Self::default();
        let mut any = false;
        for top in tops(bytes) {
            let TopBox::Whole { kind, body, .. } = top else {
                continue;
            };
            any = true;
            match &kind {
                b"ftyp" => facts.brands = brands(body),
                b"moov" if body.len() <= MOST_BYTES => facts.movie(body),
                b"moof" | b"mdat" => facts.has_media |= !body.is_empty(),
                _ => {}
            }
        }
        any.then_some(facts)
    }

    /// The track with this id.
    pub fn track(&self, id: u32) -> Option<&InitTrack> {
        self.tracks.iter().find(|track| track.id == id)
    }

    fn movie(&mut self, moov: &[u8]) {
        self.has_moov = true;
        let head = leaf_in::<Mvhd>(moov, b"mvhd");
        let movie_scale = head.as_ref().map_or(0, |mvhd| mvhd.timescale);
        self.seconds = head
            .filter(|mvhd| mvhd.timescale > 0)
            .map_or(0, |mvhd| mvhd.duration / u64::from(mvhd.timescale));
        let traks = children(moov).filter(|(head, _)| is(head, b"trak"));
        let tracks = traks
            .take(MOST_TRACKS)
            .filter_map(|(_, trak)| track(trak, movie_scale));
        let mut tracks: Vec<_> = tracks.collect();
        let extends = child(moov, b"mvex");
        self.has_mvex = extends.is_some();
        for one in children(extends.unwrap_or_default()).filter(|(head, _)| is(head, b"trex")) {
            let Some(trex) = leaf::<Trex>(one) else {
                continue;
            };
            if let Some(track) = tracks.iter_mut().find(|track| track.id == trex.track_id) {
                track.sample_duration = trex.default_sample_duration;
                track.sample_bytes = trex.default_sample_size;
                track.sample_flags = trex.default_sample_flags;
                track.has_defaults = true;
            }
        }
        tracks.sort_by_key(|track| track.id);
        self.tracks = tracks.into();
    }
}

pub fn is(head: &Header, kind: &[u8; 4]) -> bool {
    head.kind == FourCC::new(kind)
}

fn brands(body: &[u8]) -> Box<[[u8; 4]]> {
    let words = body.chunks_exact(4).filter_map(|word| word.first_chunk());
    // The second word is the version of the first.
    let words = words.enumerate().filter(|(n, _)| *n != 1);
    words.take(MOST_BRANDS).map(|(_, brand)| *brand).collect()
}

fn track(trak: &[u8], movie_scale: u32) -> Option<InitTrack> {
    let id = leaf_in::<Tkhd>(trak, b"tkhd")?.track_id;
    let media = child(trak, b"mdia")?;
    let handler = leaf_in::<Hdlr>(media, b"hdlr").map(|hdlr| hdlr.handler.into());
    let timescale = leaf_in::<Mdhd>(media, b"mdhd").map_or(0, |mdhd| mdhd.timescale);
    let tables = child(media, b"minf")
        .and_then(|minf| child(minf, b"stbl"))
        .unwrap_or_default();
    let edits = child(trak, b"edts").and_then(|edts| leaf_in::<Elst>(edts, b"elst"));
    let later = edits.map_or(0, |edits| later(&edits, timescale, movie_scale));
    Some(InitTrack {
        id,
        handler: handler.unwrap_or_default(),
        timescale,
        entry: child(tables, b"stsd").map(sample_entry).unwrap_or_default(),
        samples: samples(tables),
        later,
        ..InitTrack::default()
    })
}

/// Edits: empty ones put off what follows, and the first other one says with which sample time it begins.
fn later(edits: &Elst, timescale: u32, movie_scale: u32) -> i64 {
    let mut empty = 0_i128;
    for edit in &edits.entries {
        match edit.media_time {
            None => {
                let duration = i128::from(edit.segment_duration) * i128::from(timescale);
                empty += duration / i128::from(movie_scale.max(1));
            }
            Some(from) => {
                return i64::try_from(empty - i128::from(from)).unwrap_or_default();
            }
        }
    }
    0
}

/// Samples that tables say there are.
fn samples(tables: &[u8]) -> u64 {
    // Version and flags are before what is counted; in `stsz`, the size of all as well.
    let count = |kind: &[u8; 4], at: usize| {
        let word = child(tables, kind)?.get(at..at + 4)?.first_chunk().copied();
        word.map(u32::from_be_bytes)
    };
    let counts = [
        count(b"stsz", 8),
        count(b"stz2", 8),
        count(b"stts", 4),
        count(b"stco", 4),
        count(b"co64", 4),
    ];
    counts
        .into_iter()
        .flatten()
        .map(u64::from)
        .max()
        .unwrap_or(0)
}
