//! Packed audio: ID3 tags, and frames without any time of their own (RFC 8216bis 3.1.3). Pure.

use memchr::memmem;

use super::ac3;
use super::facts::{PackedFacts, TRANSPORT_SECOND, Times, Track, TrackKind};
use super::frames::{HEAD, SECOND};
use super::walk::{Framing, Walker};

/// Whose PRIV frame has the time of the first sample.
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
/// The head of a tag, and that of a frame in it.
const TAG_HEAD: usize = 10;
/// So many frames behind one another are no chance.
const IN_STEP: usize = 3;

/// Whose frames a body has, which may begin with tags.
pub fn framing(bytes: &[u8]) -> Option<Framing> {
    let sound = &bytes[tags(bytes)..];
    let all = [Framing::Adts, Framing::Ac3, Framing::MpegAudio];
    all.into_iter().find(|framing| follow(*framing, sound))
}

/// Frames follow each other.
fn follow(framing: Framing, bytes: &[u8]) -> bool {
    let mut at = 0;
    for n in 0..IN_STEP {
        let Some(head) = bytes.get(at..).and_then(|rest| framing.head(rest)) else {
            // One that is the last one of all.
            return n > 0 && at == bytes.len();
        };
        at += head.length;
    }
    true
}

/// Whether a body begins with a tag.
pub fn has_tag(bytes: &[u8]) -> bool {
    tag(bytes).is_some()
}

/// All of a body.
pub fn read(framing: Framing, bytes: &[u8]) -> PackedFacts {
    let mut walker = Walker::new(framing);
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = &rest[tags(rest)..];
        // Tags may stand between frames.
        let end = memmem::find_iter(rest, b"ID3").find(|at| tag(&rest[*at..]).is_some());
        let (sound, after) = rest.split_at(end.unwrap_or(rest.len()));
        walker.push(sound);
        rest = after;
    }
    let time = time(bytes);
    PackedFacts {
        time,
        has_tag: has_tag(bytes),
        stray_bytes: walker.stray_bytes,
        track: track(framing, &walker, time, bytes.len()),
    }
}

fn track(framing: Framing, walker: &Walker, time: Option<u64>, bytes: usize) -> Track {
    let first = walker.first.unwrap_or([0; HEAD]);
    let codec = match framing {
        Framing::Adts => format!("mp4a.40.{}", (first[2] >> 6) + 1),
        Framing::MpegAudio => "mp4a.40.34".to_owned(),
        Framing::Ac3 => match ac3::head(&first) {
            Some((_, true)) => "ec-3".to_owned(),
            _ => "ac-3".to_owned(),
        },
    };
    let ticks = |ticks: u64| {
        let ticks = u128::from(ticks) * u128::from(TRANSPORT_SECOND) / u128::from(SECOND);
        i64::try_from(ticks).unwrap_or(i64::MAX)
    };
    let begins = time.and_then(|time| i64::try_from(time).ok()).unwrap_or(0);
    let (unit, end) = (
        ticks(walker.frame_ticks),
        begins.saturating_add(ticks(walker.ticks)),
    );
    let last = end.saturating_sub(unit).max(begins);
    let times = Times {
        first_decode: begins,
        last_decode: last,
        end_earliest: end,
        end_latest: end,
        first_shown: begins,
        earliest_shown: begins,
        latest_shown: last,
        longest: unit,
        unit,
        units: walker.frames,
        breaks: 0,
    };
    Track {
        id: 0,
        kind: TrackKind::Audio,
        format: framing as u32,
        codec: Some(codec.into_boxed_str()),
        timescale: TRANSPORT_SECOND,
        times: Some(times),
        begins: None,
        keys: Box::default(),
        bytes: bytes as u64,
    }
}

/// The bytes of all tags that a body begins with.
fn tags(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(tag) = tag(&bytes[at..]) {
        at += tag.len();
    }
    at
}

/// The tag that begins here.
fn tag(bytes: &[u8]) -> Option<&[u8]> {
    const FOOTER: u8 = 0x10;
    let &[b'I', b'D', b'3', version, _, flags, a, b, c, d, ..] = bytes else {
        return None;
    };
    let body = syncsafe([a, b, c, d])?;
    let footer = if flags & FOOTER == 0 { 0 } else { TAG_HEAD };
    (version < 0xFF)
        .then(|| bytes.get(..TAG_HEAD + body + footer))
        .flatten()
}

/// Seven bits of each byte.
fn syncsafe(bytes: [u8; 4]) -> Option<usize> {
    let is_safe = bytes.iter().all(|byte| byte & 0x80 == 0);
    is_safe.then(|| {
        bytes
            .iter()
            .fold(0, |size, byte| size << 7 | usize::from(*byte))
    })
}

/// The time in the first tag.
fn time(bytes: &[u8]) -> Option<u64> {
    let tag = tag(bytes)?;
    let is_fourth = tag[3] >= 4;
    let mut frames = tag.get(TAG_HEAD..)?;
    while let Some((&[a, b, c, d, e, f, g, h, _, _], rest)) = frames.split_first_chunk() {
        let size = match is_fourth {
            true => syncsafe([e, f, g, h])?,
            false => usize::try_from(u32::from_be_bytes([e, f, g, h])).ok()?,
        };
        let (body, after) = rest.split_at_checked(size)?;
        frames = after;
        if [a, b, c, d] == *b"PRIV"
            && let Some(time) = body.strip_prefix(OWNER)
        {
            let time = u64::from_be_bytes(*time.first_chunk()?);
            return (time < 1 << 33).then_some(time);
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tag that says a time.
    pub(crate) fn timed(time: u64) -> Vec<u8> {
        let body = [OWNER, &time.to_be_bytes()].concat();
        let size = u8::try_from(body.len()).unwrap();
        let frame = [&b"PRIV\0\0\0"[..], &[size, 0, 0], &body].concat();
        let size = u8::try_from(frame.len()).unwrap();
        [&b"ID3\x04\0\0\0\0\0"[..], &[size], &frame].concat()
    }

    /// Frames of 20 bytes, 1024 samples at 48 kHz.
    pub(crate) fn adts(frames: usize) -> Vec<u8> {
        let mut frame = vec![0xFF, 0xF1, 0x4C, 0x80, 0x02, 0x9F, 0xFC];
        frame.resize(20, 0x55);
        frame.repeat(frames)
    }

    #[test]
    fn packed_audio_says_when_it_begins_and_how_long_it_is() {
        let all = [timed(900_000), adts(94)].concat();
        let facts = read(framing(&all).unwrap(), &all);
        assert_eq!(facts.time, Some(900_000));
        assert_eq!(facts.track.codec.as_deref(), Some("mp4a.40.2"));
        let times = facts.track.times.unwrap();
        assert_eq!((times.units, times.unit), (94, 1920));
        assert_eq!(times.end_latest, 900_000 + 94 * 1920);
        let between = [timed(1), adts(2), timed(2), adts(3)].concat();
        let facts = read(Framing::Adts, &between);
        assert_eq!((facts.time, facts.track.times.unwrap().units), (Some(1), 5));
        assert_eq!(facts.stray_bytes, 0);
        assert_eq!(framing(&adts(3)), Some(Framing::Adts));
        assert_eq!(framing(b"\xFF\xFBtext"), None);
    }

    proptest! {
        #[test]
        fn a_damaged_tag_breaks_nothing(at in 0_usize..80, with in any::<u8>(), cut in 0_usize..200) {
            let mut all = [timed(900_000), adts(4)].concat();
            all[at] = with;
            all.truncate(cut);
            if let Some(framing) = framing(&all) {
                let _ = read(framing, &all);
            }
            let _ = (time(&all), has_tag(&all));
        }
    }
}
