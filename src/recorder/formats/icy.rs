//! Metadata between the sound (`icy-metaint`): after each so many bytes of sound one byte that
//! counts blocks of 16, then these, padded with NUL. Pure.

use bytes::{Buf, Bytes, BytesMut};

/// One piece of metadata, as it came, without the padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// Bytes of sound that came before it in the response.
    pub at: u64,
    pub text: Vec<u8>,
}

/// Takes the metadata out of a response.
#[derive(Debug)]
pub(crate) struct Separator {
    /// Bytes of sound between; `None`: there is no metadata.
    interval: Option<u64>,
    sound_left: u64,
    sound: u64,
    /// Bytes of a block that are still to come.
    block_left: Option<usize>,
    block: Vec<u8>,
    last: Vec<u8>,
}

impl Separator {
    /// `interval`: as the field `icy-metaint` says.
    pub(crate) fn new(interval: Option<&str>) -> Self {
        let interval = interval
            .and_then(|text| text.trim().parse().ok())
            .filter(|interval| *interval > 0);
        Self {
            interval,
            sound_left: interval.unwrap_or(0),
            sound: 0,
            block_left: None,
            block: Vec::new(),
            last: Vec::new(),
        }
    }

    /// Bytes as they came: the sound among them; new metadata is added to `found`.
    pub(crate) fn push(&mut self, mut bytes: Bytes, found: &mut Vec<Metadata>) -> Bytes {
        let Some(interval) = self.interval else {
            self.sound += bytes.len() as u64;
            return bytes;
        };
        let mut sound = BytesMut::with_capacity(bytes.len());
        while !bytes.is_empty() {
            if self.sound_left > 0 {
                let left = usize::try_from(self.sound_left).unwrap_or(usize::MAX);
                let piece = bytes.split_to(left.min(bytes.len()));
                self.sound_left -= piece.len() as u64;
                self.sound += piece.len() as u64;
                sound.extend_from_slice(&piece);
                continue;
            }
            let left = match self.block_left {
                Some(left) => left,
                None => usize::from(bytes.get_u8()) * 16,
            };
            let piece = bytes.split_to(left.min(bytes.len()));
            self.block.extend_from_slice(&piece);
            self.block_left = Some(left - piece.len());
            if self.block_left == Some(0) {
                self.end_block(found);
                self.sound_left = interval;
            }
        }
        sound.freeze()
    }

    fn end_block(&mut self, found: &mut Vec<Metadata>) {
        self.block_left = None;
        let mut text = std::mem::take(&mut self.block);
        while text.last() == Some(&0) {
            text.pop();
        }
        // Empty: as before. Some origins repeat it instead.
        if !text.is_empty() && text != self.last {
            self.last.clone_from(&text);
            found.push(Metadata {
                at: self.sound,
                text,
            });
        }
    }
}

/// What a player would show; Latin-1 where it is no UTF-8, as players take it.
pub(crate) fn text_of(metadata: &[u8]) -> String {
    match std::str::from_utf8(metadata) {
        Ok(text) => text.to_owned(),
        Err(_) => metadata.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interleaved(sound: &[u8], interval: usize, titles: &[&str]) -> Vec<u8> {
        let mut titles = titles.iter();
        let mut bytes = Vec::new();
        for piece in sound.chunks(interval) {
            bytes.extend_from_slice(piece);
            if piece.len() == interval {
                let title = titles.next().map_or(&b""[..], |title| title.as_bytes());
                let blocks = title.len().div_ceil(16);
                bytes.push(blocks as u8);
                bytes.extend_from_slice(title);
                bytes.resize(bytes.len() + blocks * 16 - title.len(), 0);
            }
        }
        bytes
    }

    #[test]
    fn text_that_is_no_utf8_is_latin_1() {
        assert_eq!(text_of(b"StreamTitle='Caf\xe9';"), "StreamTitle='Café';");
        assert_eq!(text_of("é".as_bytes()), "é");
    }

    proptest! {
        #[test]
        fn sound_and_titles_come_apart_however_the_bytes_come(
            sound in prop::collection::vec(any::<u8>(), 0..400),
            interval in 1_usize..50,
            pieces in prop::collection::vec(1_usize..60, 1..20),
        ) {
            let titles = ["StreamTitle='a';", "StreamTitle='a';", "", "StreamTitle='another one';"];
            let bytes = interleaved(&sound, interval, &titles);
            let mut separator = Separator::new(Some(&interval.to_string()));
            let (mut apart, mut found, mut rest) = (Vec::new(), Vec::new(), bytes.as_slice());
            for length in pieces.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*length).min(rest.len()));
                apart.extend_from_slice(&separator.push(Bytes::copy_from_slice(piece), &mut found));
                rest = behind;
            }
            let came = sound.len() / interval;
            prop_assert_eq!(apart, sound);
            let expected: Vec<_> = [(1, titles[0]), (4, titles[3])]
                .into_iter()
                .filter(|(nth, _)| *nth <= came)
                .map(|(nth, text)| Metadata { at: (nth * interval) as u64, text: text.into() })
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn without_an_interval_all_of_it_is_sound() {
        for said in [None, Some("0"), Some("x")] {
            let mut found = Vec::new();
            assert_eq!(Separator::new(said).push("abc".into(), &mut found), "abc");
            assert_eq!(found, []);
        }
    }
}
