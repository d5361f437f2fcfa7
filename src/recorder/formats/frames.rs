//! Frames of MPEG audio (ISO 11172-3, 13818-3) and ADTS (ISO 13818-7): where they begin. Pure.

/// So many frames in step are not there by chance.
const IN_STEP: usize = 4;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    length: usize,
    /// What all frames of a stream share.
    shared: u16,
}

/// What is known of where a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    At(usize),
    /// Not before this: the bytes from here on are too few to tell.
    NotBefore(usize),
}

/// The codec that the frames are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    MpegAudio,
    Adts,
}

impl Codec {
    /// Where the first frame begins that others follow in step.
    pub(crate) fn find(self, bytes: &[u8]) -> Step {
        for at in 0..bytes.len() {
            match self.is_in_step(bytes, at) {
                Some(true) => return Step::At(at),
                Some(false) => {}
                None => return Step::NotBefore(at),
            }
        }
        Step::NotBefore(bytes.len())
    }

    /// `None`: too few bytes to tell.
    fn is_in_step(self, bytes: &[u8], mut at: usize) -> Option<bool> {
        let mut shared = None;
        for _ in 0..IN_STEP {
            let head = match bytes.get(at..) {
                Some(rest) if !begins_with_sync(rest) => return Some(false),
                Some(rest) if rest.len() >= 7 => self.head(rest),
                _ => return None,
            };
            match head {
                Some(head) if shared.is_none_or(|s| s == head.shared) => {
                    shared = Some(head.shared);
                    at += head.length;
                }
                _ => return Some(false),
            }
        }
        Some(true)
    }

    fn head(self, bytes: &[u8]) -> Option<Head> {
        match self {
            Self::MpegAudio => mpeg_audio(bytes),
            Self::Adts => adts(bytes),
        }
    }
}

/// Whether the bytes, as far as they have come, can be the beginning of a sync word.
fn begins_with_sync(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [first] => *first == 0xFF,
        [first, second, ..] => *first == 0xFF && second & 0xE0 == 0xE0,
    }
}

fn mpeg_audio(bytes: &[u8]) -> Option<Head> {
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
    (length > 4).then_some(Head { length, shared })
}

fn adts(bytes: &[u8]) -> Option<Head> {
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
    (length > 7).then_some(Head { length, shared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::raw::testing;

    #[test]
    fn frames_are_found_where_they_begin() {
        for (codec, frames) in [
            (Codec::MpegAudio, testing::mp3(8)),
            (Codec::Adts, testing::adts(8)),
        ] {
            let length = codec.head(&frames).unwrap().length;
            assert_eq!(frames.len(), 8 * length);
            assert_eq!(codec.find(&frames), Step::At(0));
            assert_eq!(codec.find(&frames[1..]), Step::At(length - 1));
            assert_eq!(codec.find(&frames[..20]), Step::NotBefore(0));
            assert_eq!(codec.find(&[0; 50]), Step::NotBefore(50));
        }
    }

    #[test]
    fn one_is_not_taken_for_the_other() {
        assert!(!matches!(Codec::Adts.find(&testing::mp3(20)), Step::At(_)));
        assert!(!matches!(
            Codec::MpegAudio.find(&testing::adts(20)),
            Step::At(_)
        ));
    }
}
