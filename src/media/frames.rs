//! Frames of MPEG audio (ISO 11172-3, 13818-3) and ADTS (ISO 13818-7): how long they are. Pure.

/// All sampling rates divide it: a second in ticks.
pub const SECOND: u64 = 14_112_000;
/// Sampling rates of ADTS, by index.
const SAMPLING: [u64; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
/// So many bytes tell what a frame is.
pub const HEAD: usize = 7;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// Bytes of the frame, its head included.
    pub length: usize,
    /// What all frames of a stream share.
    pub shared: u16,
    /// How long it plays, in ticks of [`SECOND`].
    pub ticks: u64,
}

/// Whose frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// MPEG audio, of any layer.
    MpegAudio,
    /// AAC with a head at each frame.
    Adts,
}

impl Codec {
    /// The head of a frame that begins here; `None`: none does, or there are too few bytes to tell.
    pub fn head(self, bytes: &[u8]) -> Option<FrameHead> {
        if !begins_with_sync(bytes) {
            return None;
        }
        match self {
            Self::MpegAudio => mpeg_audio(bytes),
            Self::Adts => adts(bytes),
        }
    }
}

/// Nothing speaks against it, as far as there are bytes.
pub fn begins_with_sync(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [first] => *first == 0xFF,
        [first, second, ..] => *first == 0xFF && second & 0xE0 == 0xE0,
    }
}

fn mpeg_audio(bytes: &[u8]) -> Option<FrameHead> {
    let &[_, second, third, ..] = bytes else {
        return None;
    };
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    let is_first_version = version == 3;
    // Layers count down: 3 is Layer I. kbit/s by index.
    let rates: [u32; 16] = match (is_first_version, layer) {
        (true, 3) => [
            0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0,
        ],
        (true, 2) => [
            0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0,
        ],
        (true, 1) => [
            0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0,
        ],
        (false, 3) => [
            0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0,
        ],
        (false, 1 | 2) => [
            0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0,
        ],
        _ => return None,
    };
    let rate = rates.get(usize::from(third >> 4)).filter(|r| **r > 0)? * 1000;
    let base = [44_100_u32, 48_000, 32_000].get(usize::from((third >> 2) & 3))?;
    let sampling = match version {
        3 => *base,
        2 => base / 2,
        0 => base / 4,
        _ => return None,
    };
    let padding = u32::from((third >> 1) & 1);
    let length = match (layer, is_first_version) {
        (3, _) => (12 * rate / sampling + padding) * 4,
        (1, false) => 72 * rate / sampling + padding,
        _ => 144 * rate / sampling + padding,
    };
    // Version, layer, sampling rate; bit rates may change.
    let shared = u16::from(second & 0x1E) << 8 | u16::from(third & 0x0C);
    let length = usize::try_from(length).ok()?;
    let samples = match (layer, is_first_version) {
        (3, _) => 384,
        (1, false) => 576,
        _ => 1152,
    };
    (length > 4).then_some(FrameHead {
        length,
        shared,
        ticks: samples * (SECOND / u64::from(sampling)),
    })
}

fn adts(bytes: &[u8]) -> Option<FrameHead> {
    let &[_, second, third, fourth, fifth, sixth, ..] = bytes else {
        return None;
    };
    // All 12 bits of the syncword, layer 0.
    if second & 0xF6 != 0xF0 || (third >> 2) & 0xF > 12 {
        return None;
    }
    let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    // Version, profile, sampling rate, half of the channels.
    let shared = u16::from(second & 0x08) << 8 | u16::from(third & 0xFD);
    let sampling = *SAMPLING.get(usize::from((third >> 2) & 0xF))?;
    // A frame has up to four blocks of 1024 samples; all but always one.
    let blocks = u64::from(bytes.get(6)? & 3) + 1;
    (length > 7).then_some(FrameHead {
        length,
        shared,
        ticks: blocks * 1024 * (SECOND / sampling),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_say_how_long_they_play() {
        let mp3 = Codec::MpegAudio
            .head(&[0xFF, 0xFB, 0x90, 0, 0, 0, 0])
            .unwrap();
        assert_eq!((mp3.length, mp3.ticks), (417, 1152 * SECOND / 44_100));
        let low = Codec::MpegAudio
            .head(&[0xFF, 0xF3, 0x90, 0, 0, 0, 0])
            .unwrap();
        assert_eq!(low.ticks, 576 * SECOND / 22_050);
        let adts = Codec::Adts
            .head(&[0xFF, 0xF1, 0x4C, 0x80, 0x19, 0x1F, 0xFC])
            .unwrap();
        assert_eq!((adts.length, adts.ticks), (200, 1024 * SECOND / 48_000));
    }

    proptest! {
        #[test]
        fn whatever_comes_a_frame_has_bytes_and_no_rest(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            for codec in [Codec::MpegAudio, Codec::Adts] {
                if let Some(head) = codec.head(&[&[0xFF], &bytes[..]].concat()) {
                    prop_assert!(head.length > 4 && head.length < 8192 && head.ticks > 0 && head.ticks < 2 * SECOND);
                }
            }
        }
    }
}
