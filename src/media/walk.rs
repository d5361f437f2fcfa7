//! Frames of sound, counted through pieces of a stream that cut them anywhere. Pure.

use super::ac3;
use super::frames::{Codec, FrameHead, HEAD};

/// Whose frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// MPEG audio, of any layer.
    MpegAudio,
    /// AAC with a head at each frame.
    Adts,
    /// AC-3 and Enhanced AC-3.
    Ac3,
}

impl Framing {
    /// The head of a frame that begins here.
    pub fn head(self, bytes: &[u8]) -> Option<FrameHead> {
        match self {
            Self::MpegAudio => Codec::MpegAudio.head(bytes),
            Self::Adts => Codec::Adts.head(bytes),
            Self::Ac3 => ac3::head(bytes).map(|(head, _)| head),
        }
    }

    /// What the first byte of a frame is.
    fn sync(self) -> u8 {
        match self {
            Self::MpegAudio | Self::Adts => 0xFF,
            Self::Ac3 => ac3::SYNC[0],
        }
    }
}

/// Walks from frame to frame.
#[derive(Debug, Clone)]
pub struct Walker {
    framing: Framing,
    /// The beginning of a head that a piece cut.
    held: [u8; HEAD],
    held_length: usize,
    /// Bytes until the next head.
    skip: usize,
    /// Frames.
    pub frames: u64,
    /// How long those since [`Walker::restart`] play.
    pub ticks: u64,
    /// How long a frame plays: the longest.
    pub frame_ticks: u64,
    /// Bytes that belong to no frame.
    pub stray_bytes: u64,
    /// The head of the first frame.
    pub first: Option<[u8; HEAD]>,
}

impl Walker {
    /// Before the first piece.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            held: [0; HEAD],
            held_length: 0,
            skip: 0,
            frames: 0,
            ticks: 0,
            frame_ticks: 0,
            stray_bytes: 0,
            first: None,
        }
    }

    /// The time of the frame that begins next is known.
    pub fn restart(&mut self) {
        self.ticks = 0;
    }

    /// The next piece.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while self.held_length > 0 && !bytes.is_empty() {
            bytes = self.push_held(bytes);
        }
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            if bytes.len() < HEAD {
                self.held[..bytes.len()].copy_from_slice(bytes);
                self.held_length = bytes.len();
                return;
            }
            if self.take(bytes) {
                continue;
            }
            // A byte that no frame begins with: look for the next one that could.
            let next = memchr::memchr(self.framing.sync(), &bytes[1..]);
            let stray = next.map_or(bytes.len(), |next| next + 1);
            self.stray_bytes += stray as u64;
            bytes = &bytes[stray..];
        }
    }

    /// A head of which a part came before; what is left after it.
    fn push_held<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let wanted = HEAD - self.held_length;
        let taken = wanted.min(bytes.len());
        self.held[self.held_length..self.held_length + taken].copy_from_slice(&bytes[..taken]);
        self.held_length += taken;
        if self.held_length < HEAD {
            return &bytes[taken..];
        }
        let head = self.held;
        if self.take(&head) {
            // All of the head is behind us already.
            self.skip = self.skip.saturating_sub(HEAD);
            self.held_length = 0;
        } else {
            self.stray_bytes += 1;
            self.held.copy_within(1.., 0);
            self.held_length = HEAD - 1;
            let starts = self.held[..HEAD - 1]
                .iter()
                .position(|byte| *byte == self.framing.sync());
            let dropped = starts.unwrap_or(HEAD - 1);
            self.stray_bytes += dropped as u64;
            self.held.copy_within(dropped.., 0);
            self.held_length -= dropped;
        }
        &bytes[taken..]
    }

    /// Whether a frame begins here; it is counted.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let Some(head) = self.framing.head(bytes) else {
            return false;
        };
        self.frames += 1;
        self.ticks += head.ticks;
        self.frame_ticks = self.frame_ticks.max(head.ticks);
        self.skip = head.length;
        if self.first.is_none() {
            self.first = bytes.first_chunk().copied();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame of 20 bytes, 1024 samples at 48 kHz.
    pub(crate) fn adts() -> Vec<u8> {
        let mut frame = vec![0xFF, 0xF1, 0x4C, 0x80, 0x02, 0x9F, 0xFC];
        frame.resize(20, 0x55);
        frame
    }

    proptest! {
        #[test]
        fn frames_are_counted_wherever_pieces_end(sizes in prop::collection::vec(1_usize..60, 1..40), stray in 0_usize..30) {
            let bytes = [vec![0x11; stray], adts().repeat(20)].concat();
            let mut walker = Walker::new(Framing::Adts);
            let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                walker.push(piece);
                rest = after;
            }
            prop_assert_eq!(walker.frames, 20);
            prop_assert_eq!(walker.stray_bytes, stray as u64);
            prop_assert_eq!(walker.ticks, 20 * walker.frame_ticks);
        }

        #[test]
        fn nothing_breaks_on_what_has_no_frames(bytes in prop::collection::vec(prop_oneof![Just(0xFF), any::<u8>()], 0..300), cut in 0_usize..300) {
            for framing in [Framing::Adts, Framing::MpegAudio, Framing::Ac3] {
                let mut walker = Walker::new(framing);
                let (one, other) = bytes.split_at(cut.min(bytes.len()));
                walker.push(one);
                walker.push(other);
                prop_assert!(walker.stray_bytes <= bytes.len() as u64);
            }
        }
    }
}
