//! When the samples of the tracks of fragments are. Pure.

use mp4_atom::{Tfdt, Tfhd, Trun, TrunSamples};

use super::super::boxes::{MOST_TRACKS, NOT_SYNC, children, leaf, leaf_in};
use super::super::facts::{Beginning, FragmentFacts, MOST_KEYS, Track, TrackKind};
use super::super::times::TimesBuilder;
use super::init::{InitFacts, InitTrack, is};

/// A run of samples that is looked into has no more bytes: read, it takes ten times as many.
const MOST_RUN: usize = 1 << 20;
/// `sample_depends_on`: it depends on no other one.
const NO_DEPENDENCE: u32 = 0x0200_0000;
const DEPENDENCE: u32 = 0x0300_0000;

/// The tracks of a chunk, as far as it was read.
pub struct Tracks<'a> {
    init: Option<&'a InitFacts>,
    tracks: Vec<Samples>,
    unknown: Vec<u32>,
}

struct Samples {
    track: InitTrack,
    times: TimesBuilder,
    /// When the next sample is decoded.
    next: Option<i64>,
    last_duration: i64,
    begins: Option<Beginning>,
    keys: Vec<i64>,
    bytes: u64,
}

impl<'a> Tracks<'a> {
    pub fn new(init: Option<&'a InitFacts>) -> Self {
        Self {
            init,
            tracks: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// The body of a `traf`.
    pub fn fragment(&mut self, traf: &[u8], facts: &mut FragmentFacts) {
        let Some(tfhd) = leaf_in::<Tfhd>(traf, b"tfhd") else {
            return;
        };
        let Some(place) = self.place(tfhd.track_id) else {
            return;
        };
        let samples = &mut self.tracks[place];
        if tfhd.base_data_offset.is_some() {
            facts.absolute = facts.absolute.saturating_add(1);
        }
        match leaf_in::<Tfdt>(traf, b"tfdt") {
            Some(tfdt) => {
                let begins = i64::try_from(tfdt.base_media_decode_time).unwrap_or(i64::MAX);
                facts.jumps += u32::from(samples.jumps_to(begins));
                samples.next = Some(begins);
            }
            None => facts.without_time = facts.without_time.saturating_add(1),
        }
        for run in children(traf).filter(|(head, _)| is(head, b"trun")) {
            let is_small = run.1.len() <= MOST_RUN;
            match is_small.then(|| leaf::<Trun>(run)).flatten() {
                Some(trun) => samples.run(&trun, &tfhd),
                None => facts.not_read = facts.not_read.saturating_add(1),
            }
        }
    }

    fn place(&mut self, id: u32) -> Option<usize> {
        if let Some(place) = self.tracks.iter().position(|one| one.track.id == id) {
            return Some(place);
        }
        if self.tracks.len() >= MOST_TRACKS {
            return None;
        }
        let known = self.init.and_then(|init| init.track(id));
        if known.is_none() && self.init.is_some_and(|init| init.has_moov) {
            self.unknown.push(id);
        }
        let track = known.cloned().unwrap_or(InitTrack {
            id,
            ..InitTrack::default()
        });
        self.tracks.push(Samples {
            times: TimesBuilder::new(track.timescale),
            track,
            next: None,
            last_duration: 0,
            begins: None,
            keys: Vec::new(),
            bytes: 0,
        });
        Some(self.tracks.len() - 1)
    }

    /// All that was read.
    pub fn finish(mut self, facts: &mut FragmentFacts) {
        self.tracks.sort_by_key(|one| one.track.id);
        facts.tracks = self.tracks.into_iter().map(Samples::track).collect();
        facts.unknown_tracks = self.unknown.into();
    }
}

impl Samples {
    /// A time that is not where the last sample ended: by more than one of it.
    fn jumps_to(&self, begins: i64) -> bool {
        let off = self.next.map(|next| begins.saturating_sub(next));
        let little = i64::from(self.track.timescale / 1000);
        off.is_some_and(|off| off.saturating_abs() > self.last_duration.saturating_add(little))
    }

    fn run(&mut self, trun: &Trun, tfhd: &Tfhd) {
        let track = &self.track;
        let each = tfhd
            .default_sample_duration
            .unwrap_or(track.sample_duration);
        let bytes = tfhd.default_sample_size.unwrap_or(track.sample_bytes);
        let flags = tfhd.default_sample_flags.unwrap_or(track.sample_flags);
        let is_video = track.kind() == TrackKind::Video;
        if self.begins.is_none()
            && is_video
            && let Some(first) = trun.samples.get(0)
        {
            self.begins = Some(beginning(first.flags.unwrap_or(flags)));
        }
        let mut decode = self.next.unwrap_or(0);
        match &trun.samples {
            TrunSamples::Inherited { count, .. } => {
                let count = u64::from(*count);
                self.times.push_alike(decode, each, count);
                let flags_of = |n| trun.samples.get(n).and_then(|sample| sample.flags);
                for n in (0..count.min(MOST_KEYS as u64)).filter(|_| is_video) {
                    let flags = usize::try_from(n).ok().and_then(flags_of).unwrap_or(flags);
                    let after = i64::try_from(n * u64::from(each)).unwrap_or(i64::MAX);
                    self.key(flags, decode.saturating_add(after));
                }
                let ticks = i64::try_from(count * u64::from(each)).unwrap_or(i64::MAX);
                decode = decode.saturating_add(ticks);
                self.bytes = self.bytes.saturating_add(count * u64::from(bytes));
                self.last_duration = i64::from(each);
            }
            TrunSamples::Explicit(samples) => {
                for sample in samples {
                    let shown = decode.saturating_add(sample.cts.unwrap_or(0));
                    self.times.push(decode, shown);
                    if is_video {
                        self.key(sample.flags.unwrap_or(flags), shown);
                    }
                    self.last_duration = i64::from(sample.duration.unwrap_or(each));
                    decode = decode.saturating_add(self.last_duration);
                    let size = u64::from(sample.size.unwrap_or(bytes));
                    self.bytes = self.bytes.saturating_add(size);
                }
            }
        }
        self.next = Some(decode);
    }

    fn key(&mut self, flags: u32, shown: i64) {
        if beginning(flags).is_key() && self.keys.len() < MOST_KEYS {
            self.keys.push(shown);
        }
    }

    fn track(self) -> Track {
        let end = self.next.unwrap_or(0);
        let longest = self.last_duration;
        let times = self.times.ending(end, longest);
        let later = self.track.later;
        let times = times.map(|mut times| {
            times.longest = times.longest.max(longest);
            times.unit = times.longest;
            for shown in [
                &mut times.first_shown,
                &mut times.earliest_shown,
                &mut times.latest_shown,
            ] {
                *shown = shown.saturating_add(later);
            }
            times
        });
        Track {
            id: self.track.id,
            kind: self.track.kind(),
            format: u32::from_be_bytes(self.track.entry.name),
            codec: self.track.entry.codec.clone(),
            timescale: self.track.timescale,
            times,
            begins: self.begins,
            keys: self.keys.into(),
            bytes: self.bytes,
        }
    }
}

fn beginning(flags: u32) -> Beginning {
    if flags & NOT_SYNC == 0 {
        Beginning::RandomAccess
    } else if flags & DEPENDENCE == NO_DEPENDENCE {
        Beginning::Recovery
    } else {
        Beginning::Dependent
    }
}
