//! Frames of MPEG audio (ISO 11172-3, 13818-3) and ADTS (ISO 13818-7): where the first of them begins. Pure.

use crate::media::frames::{HEAD, begins_with_sync};

pub(crate) use crate::media::frames::Codec;

/// So many frames in step are not there by chance.
const IN_STEP: usize = 4;

/// What is known of where a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    At(usize),
    /// Not before this: the bytes from here on are too few to tell.
    NotBefore(usize),
}

/// Finds frames of a codec.
pub(crate) trait Frames {
    /// Where the first frame begins that others follow in step.
    fn find(self, bytes: &[u8]) -> Step;
}

impl Frames for Codec {
    fn find(self, bytes: &[u8]) -> Step {
        for at in 0..bytes.len() {
            match is_in_step(self, bytes, at) {
                Some(true) => return Step::At(at),
                Some(false) => {}
                None => return Step::NotBefore(at),
            }
        }
        Step::NotBefore(bytes.len())
    }
}

/// `None`: too few bytes to tell.
fn is_in_step(codec: Codec, bytes: &[u8], mut at: usize) -> Option<bool> {
    let mut shared = None;
    for _ in 0..IN_STEP {
        let head = match bytes.get(at..) {
            Some(rest) if !begins_with_sync(rest) => return Some(false),
            Some(rest) if rest.len() >= HEAD => codec.head(rest),
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
