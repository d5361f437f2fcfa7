//! What a PID carries: its continuity counter, the times of its units, what its pictures begin with. Pure.

use super::super::facts::{
    Beginning, Counter, MOST_KEYS, TRANSPORT_SECOND, Times, Track, TrackKind,
};
use super::super::frames::SECOND;
use super::super::pictures::{self, Coding, First};
use super::super::times::TimesBuilder;
use super::super::walk::{Framing, Walker};
use super::packet::{Packet, Unit, unit};
use super::sections::{Assembler, Named, descriptors};

/// Of the first picture so many bytes are looked at.
const PICTURE_BYTES: usize = 32 * 1024;
/// Of each later one: parameter sets and messages before its first slice take hundreds.
const LATER_BYTES: usize = 4 * 1024;

/// Codings that a PMT can name, with numbers of ISO 13818-1 table 2-34, and of Apple's for encrypted samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coded {
    Pictures(Option<Coding>),
    Sound(Option<Framing>, &'static str),
    Cues,
    Other,
}

impl Coded {
    pub fn of((_, kind, described): Named) -> Self {
        let sound = |framing, name| Self::Sound(Some(framing), name);
        match kind {
            0x01 | 0x02 => Self::Pictures(Some(Coding::Mpeg2)),
            0x1B | 0xDB => Self::Pictures(Some(Coding::H264)),
            0x24 => Self::Pictures(Some(Coding::H265)),
            0x10 | 0x33 | 0x42 | 0xEA => Self::Pictures(None),
            0x03 | 0x04 => sound(Framing::MpegAudio, "mp4a.40.34"),
            0x0F | 0xCF => sound(Framing::Adts, ""),
            0x81 | 0xC1 => sound(Framing::Ac3, "ac-3"),
            0x87 | 0xC2 => sound(Framing::Ac3, "ec-3"),
            0x11 | 0x1C => Self::Sound(None, ""),
            0x86 => Self::Cues,
            // Private: DVB says by a descriptor what it is.
            0x06 => {
                let known = descriptors(described).find_map(|(tag, _)| match tag {
                    0x6A => Some(sound(Framing::Ac3, "ac-3")),
                    0x7A => Some(sound(Framing::Ac3, "ec-3")),
                    0x7B | 0x7C => Some(Self::Sound(None, "")),
                    _ => None,
                });
                known.unwrap_or(Self::Other)
            }
            _ => Self::Other,
        }
    }

    fn kind(self) -> TrackKind {
        match self {
            Self::Pictures(_) => TrackKind::Video,
            Self::Sound(..) => TrackKind::Audio,
            Self::Cues | Self::Other => TrackKind::Other,
        }
    }
}

/// A PID, as far as its packets were read.
#[derive(Debug)]
pub struct Stream {
    pid: u16,
    pub counter: Counter,
    /// Where the last packet with a payload is, and whether it was there twice already.
    last_at: usize,
    is_repeated: bool,
    /// What a PMT says that it is.
    pub named: Option<(u8, Coded)>,
    pub tables: Assembler,
    times: TimesBuilder,
    is_video_by_id: bool,
    is_audio_by_id: bool,
    walker: Option<Walker>,
    /// The picture that is being read, when it is shown, and how much of it is looked at.
    picture: Vec<u8>,
    picture_shown: Option<i64>,
    picture_state: Picture,
    first: Option<First>,
    keys: Vec<i64>,
    media_bytes: u64,
}

/// How far a picture was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    Read,
    Open,
}

impl Stream {
    pub fn new(pid: u16, is_table: bool) -> Self {
        let counter = Counter {
            pid,
            is_table,
            packets: 0,
            first: None,
            is_marked: false,
            last: None,
            jumps: 0,
            jumped_at: None,
        };
        Self {
            pid,
            counter,
            last_at: 0,
            is_repeated: false,
            named: None,
            tables: Assembler::default(),
            times: TimesBuilder::new(TRANSPORT_SECOND),
            is_video_by_id: false,
            is_audio_by_id: false,
            walker: None,
            picture: Vec::new(),
            picture_shown: None,
            picture_state: Picture::Read,
            first: None,
            keys: Vec::new(),
            media_bytes: 0,
        }
    }

    /// A PMT names it.
    pub fn name(&mut self, named: Named) {
        let coded = Coded::of(named);
        if self.named.is_none_or(|(_, known)| known != coded) {
            self.named = Some((named.1, coded));
            self.walker = match coded {
                Coded::Sound(Some(framing), _) => Some(Walker::new(framing)),
                _ => None,
            };
        }
    }

    /// Follows the counter (ISO 13818-1 2.4.3.3): one more with each payload, none without; a packet may be there twice.
    pub fn count(&mut self, packet: &Packet, at: usize, bytes: &[u8]) {
        let counter = &mut self.counter;
        let count = packet.counter();
        counter.packets += 1;
        // A packet without a payload may say that counting begins anew, too.
        counter.is_marked |= counter.first.is_none() && packet.is_discontinuity();
        if !packet.has_payload() {
            if packet.is_discontinuity() && counter.last.is_some() {
                counter.last = Some(count);
            }
            return;
        }
        let Some(last) = counter.last.replace(count) else {
            counter.first = Some(count);
            self.last_at = at;
            return;
        };
        let is_next = count == (last + 1) & 15;
        let is_copy =
            !is_next && count == last && !self.is_repeated && packet.is_copy(bytes, self.last_at);
        self.is_repeated = is_copy;
        self.last_at = at;
        if !is_next && !is_copy && !packet.is_discontinuity() {
            counter.jumps = counter.jumps.saturating_add(1);
            counter.jumped_at.get_or_insert(at as u64);
        }
    }

    /// It was the same packet once more: what it carries was read already.
    pub fn is_copy(&self) -> bool {
        self.is_repeated
    }

    /// A payload of media; times are counted on from `origin`.
    pub fn push(&mut self, payload: &[u8], is_start: bool, origin: &mut Option<i64>) {
        let mut media = payload;
        if is_start {
            self.close_picture();
            if let Some(unit) = unit(payload) {
                media = payload.get(unit.head..).unwrap_or_default();
                self.begin(&unit, origin);
            }
        }
        self.media_bytes += media.len() as u64;
        if let Some(walker) = &mut self.walker {
            walker.push(media);
        }
        if self.picture_state == Picture::Open {
            let most = match self.first {
                None => PICTURE_BYTES,
                Some(_) => LATER_BYTES,
            };
            let room = most.saturating_sub(self.picture.len());
            self.picture
                .extend_from_slice(&media[..media.len().min(room)]);
            if self.picture.len() >= most {
                self.close_picture();
            }
        }
    }

    fn begin(&mut self, unit: &Unit, origin: &mut Option<i64>) {
        self.is_video_by_id |= unit.is_video();
        self.is_audio_by_id |= unit.is_audio();
        if self.coding().is_some() {
            self.picture_state = Picture::Open;
            self.picture_shown = None;
        }
        let Some(shown) = unit.shown else { return };
        let shown = counted_on(shown, origin);
        self.picture_shown = Some(shown);
        let decode = unit
            .decoded
            .map_or(shown, |decoded| counted_on(decoded, origin));
        self.times.push(decode, shown);
        if let Some(walker) = &mut self.walker {
            walker.restart();
        }
    }

    fn coding(&self) -> Option<Coding> {
        match self.named {
            Some((_, Coded::Pictures(coding))) => coding,
            _ => None,
        }
    }

    fn close_picture(&mut self) {
        if let Some(coding) = self
            .coding()
            .filter(|_| self.picture_state == Picture::Open)
        {
            let found = pictures::first(coding, &self.picture);
            self.picture_state = Picture::Read;
            self.picture.clear();
            let is_key = found.beginning.is_some_and(Beginning::is_key);
            if let Some(shown) = self
                .picture_shown
                .filter(|_| is_key && self.keys.len() < MOST_KEYS)
            {
                self.keys.push(shown);
            }
            match &mut self.first {
                // Who joined in the middle sees the parameter sets with a later picture.
                Some(first) => first.codec = first.codec.take().or(found.codec),
                None => self.first = Some(found),
            }
        }
    }

    /// Whether it carries something that is no table.
    pub fn is_media(&self) -> bool {
        !self.counter.is_table && (self.named.is_some() || self.times.last_decode().is_some())
    }

    /// All of it.
    pub fn track(mut self) -> Track {
        self.close_picture();
        let coded = self.named.map(|(_, coded)| coded);
        let kind = match coded {
            Some(coded) => coded.kind(),
            None if self.is_video_by_id => TrackKind::Video,
            None if self.is_audio_by_id => TrackKind::Audio,
            None => TrackKind::Other,
        };
        let first = self.first.unwrap_or_default();
        let (times, codec) = match (self.walker, coded) {
            (Some(walker), Some(Coded::Sound(_, name))) => {
                let codec = sound_codec(&walker, name);
                (sound_times(self.times, &walker), codec)
            }
            _ => (self.times.estimated(), first.codec),
        };
        Track {
            id: u32::from(self.pid),
            kind,
            format: self.named.map_or(0, |(number, _)| u32::from(number)),
            codec: codec.map(String::into_boxed_str),
            timescale: TRANSPORT_SECOND,
            times,
            begins: first.beginning,
            keys: self.keys.into(),
            bytes: self.media_bytes,
        }
    }
}

/// `CODECS` of a sound; ADTS says its object type in its heads.
fn sound_codec(walker: &Walker, name: &str) -> Option<String> {
    let first = walker.first?;
    Some(match name {
        "" => format!("mp4a.40.{}", (first[2] >> 6) + 1),
        name => name.to_owned(),
    })
}

/// Sound whose frames were counted ends where its last one does.
fn sound_times(times: TimesBuilder, walker: &Walker) -> Option<Times> {
    if walker.frames == 0 {
        return times.estimated();
    }
    let second = i128::from(TRANSPORT_SECOND);
    let transport = |ticks: u64| {
        let ticks = i128::from(ticks) * second / i128::from(SECOND);
        i64::try_from(ticks).unwrap_or(i64::MAX)
    };
    let last = times.last_decode()?;
    let end = last.saturating_add(transport(walker.ticks));
    let mut all = times.ending(end, transport(walker.frame_ticks))?;
    all.units = walker.frames;
    Some(all)
}

/// A time stamp of 33 bits, as near as it can be to the first one of a chunk.
fn counted_on(time: u64, origin: &mut Option<i64>) -> i64 {
    const ROUND: i64 = 1 << 33;
    let time = i64::try_from(time).unwrap_or_default();
    let origin = *origin.get_or_insert(time);
    let ahead = (time - origin).rem_euclid(ROUND);
    origin
        + if ahead < ROUND / 2 {
            ahead
        } else {
            ahead - ROUND
        }
}
