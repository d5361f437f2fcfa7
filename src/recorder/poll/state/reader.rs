//! Reads the revisions of a playlist. Lines that two revisions share are read once, where there is memory for them.

use bytes::Bytes;
use url::Url;

use crate::hls::{MediaPlaylist, MediaReader, Variables};
use crate::recorder::memory::{Held, Memory};

/// A reader, and the room that it takes beside the text of the last revision.
#[derive(Debug, Default)]
pub(crate) struct RevisionReader {
    reader: MediaReader,
    room: Option<Held>,
}

impl RevisionReader {
    /// See [`MediaReader::read`]. Who calls it counts `body`, or calls [`Self::forget`].
    pub(crate) fn read(
        &mut self,
        body: &Bytes,
        base: &Url,
        imports: &Variables,
        memory: &Memory,
    ) -> MediaPlaylist {
        let media = self.reader.read(body, base, imports);
        // Before more is asked for: what it was taken for is gone.
        self.room = None;
        self.room = memory.keep(self.reader.beside_text() as u64);
        if self.room.is_none() {
            self.reader.forget();
        }
        media
    }

    /// Lets go of the last revision.
    pub(crate) fn forget(&mut self) {
        self.reader.forget();
        self.room = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::settings::limits::Limits;
    use std::sync::Arc;

    /// Reads lines twice; whether the second time shared the URLs of the first.
    fn shares(reading: &mut RevisionReader, lines: usize, base: &str, memory: &Memory) -> bool {
        let text = Bytes::from("#EXTM3U\n".to_owned() + &"a\n".repeat(lines));
        let base = Url::parse(base).unwrap();
        let mut read = || {
            let media = reading.read(&text, &base, &Variables::default(), memory);
            Arc::clone(&media.entries[0].url)
        };
        Arc::ptr_eq(&read(), &read())
    }

    #[test]
    fn what_finds_no_room_is_not_kept() {
        let limits = Limits {
            memory: 2 * 1024 * 1024,
            ..Limits::default()
        };
        let memory = Memory::new(&limits);
        let has_room = |kib: u64| memory.keep(kib * 1024).is_some();
        let mut readings: [RevisionReader; 3] = Default::default();
        let [hostile, ordinary, other] = &mut readings;
        let long = format!("https://h/{}/p.m3u8", "x".repeat(8_000));
        assert!(
            !shares(hostile, 200, &long, &memory),
            "400 bytes mean 1.6 MB"
        );
        assert!(has_room(1024), "and nothing is taken for them");
        assert!(shares(ordinary, 4_000, "https://h/p.m3u8", &memory));
        assert!(!has_room(600));
        assert!(!shares(other, 4_000, "https://h/p.m3u8", &memory));
        ordinary.forget();
        assert!(has_room(1024));
        assert!(shares(other, 4_000, "https://h/p.m3u8", &memory));
    }
}
