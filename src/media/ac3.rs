//! Frames of AC-3 and Enhanced AC-3 (ETSI TS 102 366): how long they are. Pure.

use super::frames::{FrameHead, SECOND};

/// Bytes of the syncword.
pub const SYNC: [u8; 2] = [0x0B, 0x77];
/// kbit/s by half of `frmsizecod`.
const RATES: [usize; 19] = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];

/// The head of a frame that begins here, and whether it is one of Enhanced AC-3. A frame of another substream plays no time
/// of its own. `None`: none begins here, or there are too few bytes to tell.
pub fn head(bytes: &[u8]) -> Option<(FrameHead, bool)> {
    let &[0x0B, 0x77, third, fourth, fifth, sixth, ..] = bytes else {
        return None;
    };
    match sixth >> 3 {
        0..=10 => Some((plain(fifth)?, false)),
        11..=16 => Some((enhanced(third, fourth, fifth)?, true)),
        _ => None,
    }
}

fn plain(fifth: u8) -> Option<FrameHead> {
    let (rate_code, size_code) = (fifth >> 6, usize::from(fifth & 0x3F));
    let rate = *RATES.get(size_code / 2)?;
    // 1536 samples of so many kbit/s, in words of 16 bits.
    let words = match rate_code {
        0 => rate * 2,
        1 => rate * 1000 * 96 / 44_100 + size_code % 2,
        2 => rate * 3,
        _ => return None,
    };
    Some(frame(words * 2, sampling(rate_code)?, 6))
}

fn enhanced(third: u8, fourth: u8, fifth: u8) -> Option<FrameHead> {
    let (kind, substream) = (third >> 6, third >> 3 & 7);
    let length = (usize::from(third & 7) << 8 | usize::from(fourth)) * 2 + 2;
    let (rate_code, second) = (fifth >> 6, fifth >> 4 & 3);
    let (rate, blocks) = match rate_code {
        3 => (sampling(second)? / 2, 6),
        _ => (sampling(rate_code)?, [1, 2, 3, 6][usize::from(second)]),
    };
    let mut head = frame(length, rate, blocks);
    if kind == 1 || substream > 0 {
        head.ticks = 0;
    }
    (length > 6 && kind < 3).then_some(head)
}

fn sampling(code: u8) -> Option<u64> {
    [48_000, 44_100, 32_000].get(usize::from(code)).copied()
}

fn frame(length: usize, rate: u64, blocks: u64) -> FrameHead {
    FrameHead {
        length,
        shared: 0,
        ticks: blocks * 256 * (SECOND / rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_say_how_long_they_play() {
        // 192 kbit/s at 48 kHz, as ffmpeg writes it.
        let (plain, is_enhanced) = head(&[0x0B, 0x77, 0, 0, 0x14, 0x40]).unwrap();
        assert_eq!((plain.length, plain.ticks), (768, SECOND * 32 / 1000));
        assert!(!is_enhanced);
        let (other, _) = head(&[0x0B, 0x77, 0, 0, 0x55, 0x40]).unwrap();
        assert_eq!(other.length, 2 * 418, "44.1 kHz, and the longer of two");
        let (enhanced, is_enhanced) = head(&[0x0B, 0x77, 0x01, 0x7F, 0x3F, 0x80]).unwrap();
        assert_eq!((enhanced.length, enhanced.ticks), (768, SECOND * 32 / 1000));
        assert!(is_enhanced);
        let (dependent, _) = head(&[0x0B, 0x77, 0x41, 0x7F, 0x3F, 0x80]).unwrap();
        assert_eq!(dependent.ticks, 0, "it plays together with another");
    }

    proptest! {
        #[test]
        fn any_head_is_a_frame_that_can_be_walked(bytes in any::<[u8; 4]>()) {
            if let Some((head, _)) = head(&[&SYNC[..], &bytes[..]].concat()) {
                prop_assert!(head.length > 6 && head.length <= 4096 && head.ticks < SECOND);
            }
        }
    }
}
