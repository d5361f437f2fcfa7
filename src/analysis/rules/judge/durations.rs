//! How long segments are, by their URLs: revisions say it, and exchanges are judged by it. Pure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use url::Url;

use crate::analysis::rules::across::Told;
use crate::analysis::rules::playlist::{Playlist, without_query};
use crate::hls::ByteRange;

/// Segments that are remembered.
const MOST: usize = 500_000;

/// Durations, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Durations {
    by_name: HashMap<u64, i64>,
    /// Those with an EXT-X-BITRATE.
    rates: HashMap<u64, Told>,
}

impl Durations {
    /// Takes in the segments of a playlist from one on. Of too many the first ones are known. Whether each was new and is known now.
    pub(super) fn take(&mut self, playlist: &Playlist, fresh: usize, base: &Url) -> bool {
        let mut are_new = true;
        for segment in playlist.segments.iter().skip(fresh) {
            let uri = playlist.text.get(segment.uri.clone()).unwrap_or_default();
            let url = std::str::from_utf8(uri)
                .ok()
                .and_then(|uri| base.join(uri).ok());
            let Some(url) = url.filter(|_| self.by_name.len() < MOST) else {
                are_new = false;
                continue;
            };
            let name = name(url.as_str(), segment.range);
            let before = self.by_name.insert(name, segment.duration_us);
            if let Some(kilobits) = segment.bitrate {
                let told = Told {
                    kilobits,
                    duration_us: segment.duration_us,
                    unit_us: segment.duration_unit_us,
                };
                self.rates.insert(name, told);
            }
            are_new &= before.is_none();
        }
        are_new
    }

    /// Of the segment with a URL and a range.
    pub(super) fn of(&self, url: &str, range: Option<ByteRange>) -> Option<i64> {
        self.by_name.get(&name(url, range)).copied()
    }

    /// What EXT-X-BITRATE says of the segment with a URL.
    pub(super) fn rate_of(&self, url: &str) -> Option<Told> {
        self.rates.get(&name(url, None)).copied()
    }
}

/// A name without tokens, and its range.
pub(super) fn name(url: &str, range: Option<ByteRange>) -> u64 {
    let mut hasher = DefaultHasher::new();
    without_query(url.as_bytes()).hash(&mut hasher);
    range
        .map(|range| (range.first, range.length))
        .hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_known_by_its_url_without_tokens() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.5,\ns1.ts?t=1\n";
        let mut durations = Durations::default();
        let base = Url::parse("http://localhost/live/list.m3u8").unwrap();
        assert!(durations.take(&Playlist::read(text.into()), 0, &base));
        assert!(!durations.take(&Playlist::read(text.into()), 0, &base));
        assert_eq!(
            durations.of("http://localhost/live/s1.ts?t=2", None),
            Some(3_500_000)
        );
        assert_eq!(durations.of("http://localhost/s1.ts", None), None);
    }
}
