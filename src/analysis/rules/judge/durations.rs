//! What revisions say of segments, keys and maps, by their URLs: how long they are, their numbers, who needs them. Exchanges are
//! judged by it. Pure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use url::Url;

use crate::analysis::rules::across::Told;
use crate::analysis::rules::http::Needed;
use crate::analysis::rules::playlist::{Playlist, Segment, without_query};
use crate::hls::{ByteRange, attributes, lines};

/// Segments that are remembered.
const MOST: usize = 450_000;

/// Keys and maps that are remembered.
const MOST_NEEDED: usize = 50_000;
/// Playlists that are told apart of those that need one.
const MOST_PLAYLISTS: usize = 64;

/// Durations, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Durations {
    by_name: HashMap<u64, Known>,
    /// Keys and maps: how many segments need each, and of which playlists.
    needed: HashMap<u64, (u64, Vec<i64>)>,
    /// Those with an EXT-X-BITRATE.
    rates: HashMap<u64, Told>,
}

/// What a text adds.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// Of each segment; `None`: its URL is none.
    pub(super) names: Vec<Option<u64>>,
    /// The last one had been listed before.
    pub(super) ends_with_known: bool,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    duration_us: i64,
    /// How long it plays, where that was measured to be something else; [`NOT_MEASURED`].
    played_us: i64,
    /// Its media sequence number; [`SEVERAL`]: it had several.
    number: u64,
}

/// In place of a duration.
const NOT_MEASURED: i64 = i64::MIN;
/// In place of a number.
const SEVERAL: u64 = u64::MAX;

impl Durations {
    /// Takes in the segments of a playlist from one on. Of too many the first ones are known.
    pub(super) fn take(&mut self, playlist: &Playlist, fresh: usize, base: &Url) -> Added {
        let mut added = Added::default();
        for (index, segment) in playlist.segments.iter().enumerate().skip(fresh) {
            let uri = playlist.text.get(segment.uri.clone()).unwrap_or_default();
            let url = std::str::from_utf8(uri)
                .ok()
                .and_then(|uri| base.join(uri).ok());
            let name = url.map(|url| name(url.as_str(), segment.range));
            added.names.push(name);
            added.ends_with_known = name.is_some_and(|name| self.by_name.contains_key(&name));
            if let Some(name) = name.filter(|_| self.by_name.len() < MOST) {
                self.insert(name, segment, playlist.number(index));
            }
        }
        added
    }

    fn insert(&mut self, name: u64, segment: &Segment, number: u64) {
        let before = self.by_name.get(&name);
        let is_its = before.is_none_or(|known| known.number == number);
        let known = Known {
            duration_us: segment.duration_us,
            played_us: NOT_MEASURED,
            number: if is_its { number } else { SEVERAL },
        };
        self.by_name.insert(name, known);
        if let Some(kilobits) = segment.bitrate {
            let told = Told {
                kilobits,
                duration_us: segment.duration_us,
                unit_us: segment.duration_unit_us,
            };
            self.rates.insert(name, told);
        }
    }

    /// How long the segment with a name plays, where that was measured to be something else than its EXTINF.
    pub(super) fn measured(&self, name: u64) -> Option<i64> {
        let played_us = self.by_name.get(&name)?.played_us;
        (played_us != NOT_MEASURED).then_some(played_us)
    }

    /// Of the segment with a URL and a range.
    pub(super) fn of(&self, url: &str, range: Option<ByteRange>) -> Option<i64> {
        let known = self.by_name.get(&name(url, range))?;
        Some(known.duration_us)
    }

    /// It was measured.
    pub(super) fn plays(&mut self, url: &str, range: Option<ByteRange>, us: i64) {
        if let Some(known) = self.by_name.get_mut(&name(url, range)) {
            known.played_us = us;
        }
    }

    /// Takes in which keys and maps the segments of a playlist need, from one on. `id`: its row.
    pub(super) fn need(&mut self, id: i64, playlist: &Playlist, fresh: usize, base: &Url) {
        let mut names: HashMap<usize, Option<u64>> = HashMap::new();
        for segment in playlist.segments.iter().skip(fresh) {
            for tag in segment.key_tag.into_iter().chain(segment.map_tag) {
                let name = names
                    .entry(tag)
                    .or_insert_with(|| named_by(playlist, tag, base));
                let Some(name) = *name else { continue };
                if self.needed.len() >= MOST_NEEDED && !self.needed.contains_key(&name) {
                    continue;
                }
                let (segments, playlists) = self.needed.entry(name).or_default();
                *segments += 1;
                if playlists.len() < MOST_PLAYLISTS && !playlists.contains(&id) {
                    playlists.push(id);
                }
            }
        }
    }

    /// What is known of what was asked for.
    pub(super) fn needed(&self, url: &str, range: Option<ByteRange>) -> Needed {
        let name = name(url, range);
        let by = self.needed.get(&name);
        Needed {
            number: self
                .by_name
                .get(&name)
                .map(|known| known.number)
                .filter(|number| *number != SEVERAL),
            by: by.map(|(segments, playlists)| (*segments, playlists.len())),
        }
    }

    /// What EXT-X-BITRATE says of the segment with a URL.
    pub(super) fn rate_of(&self, url: &str) -> Option<Told> {
        self.rates.get(&name(url, None)).copied()
    }
}

/// The name of what an EXT-X-KEY or an EXT-X-MAP names.
fn named_by(playlist: &Playlist, tag: usize, base: &Url) -> Option<u64> {
    let line = playlist.text.get(playlist.in_force.get(tag)?.clone())?;
    let tag = lines(line).next()?.tag()?;
    let value = |name: &[u8]| {
        let mut all = attributes(tag.value);
        let value = all.find(|attribute| attribute.name == name)?.value;
        std::str::from_utf8(value)
            .ok()
            .map(|text| text.trim_matches('"').to_owned())
    };
    let url = base.join(&value(b"URI")?).ok()?;
    let range = value(b"BYTERANGE").and_then(|range| {
        let (length, first) = range.split_once('@')?;
        Some(ByteRange {
            first: first.parse().ok()?,
            length: length.parse().ok()?,
        })
    });
    Some(name(url.as_str(), range))
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
        let added = durations.take(&Playlist::read(text.into()), 0, &base);
        assert!(!added.ends_with_known && added.names.len() == 1);
        let added = durations.take(&Playlist::read(text.into()), 0, &base);
        assert!(added.ends_with_known);
        assert_eq!(
            durations.of("http://localhost/live/s1.ts?t=2", None),
            Some(3_500_000)
        );
        assert_eq!(durations.of("http://localhost/s1.ts", None), None);
    }

    #[test]
    fn who_needs_a_key_is_known() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI=\"k.bin\"\n\
                    #EXTINF:4,\ns7.ts\n#EXTINF:4,\ns8.ts\n";
        let playlist = Playlist::read(text.into());
        let base = Url::parse("http://localhost/live/list.m3u8").unwrap();
        let mut durations = Durations::default();
        for id in [1, 2] {
            durations.take(&playlist, 0, &base);
            durations.need(id, &playlist, 0, &base);
        }
        let needed = |url| durations.needed(url, None);
        assert_eq!(needed("http://localhost/live/k.bin").by, Some((4, 2)));
        let segment = needed("http://localhost/live/s8.ts");
        assert_eq!((segment.number, segment.by), (Some(8), None));
    }
}
