//! What a channel looked like, beside what was wrong with it: its renditions over time, and who answered.
//!
//! | file | is |
//! | --- | --- |
//! | `rendition` | a media playlist over the whole session |
//! | `declared` | what a multivariant playlist says of it |
//! | `keys` | how far apart its random access points are |
//! | `raw` | a stream that is no playlist |
//! | `fetched` | what became of the segments that were asked for |
//! | `viewer` | what a viewer of it would have seen |
//! | `hosts` | who answered |
//! | `series` | numbers over time |
//!
//! All of it is bounded, whatever a session has.

mod declared;
mod fetched;
mod hosts;
mod keys;
mod raw;
mod rendition;
mod series;
mod viewer;

use std::collections::{BTreeMap, HashMap};

use url::Url;

pub use self::declared::{Declared, stream_infs};
pub use self::fetched::{Fetched, Fetches};
pub use self::hosts::{Host, Hosts};
pub use self::keys::KeyDistances;
pub use self::raw::{RawStream, Silences, Span};
pub use self::rendition::{Came, Rendition};
pub use self::series::{Point, Series};
pub use self::viewer::{Stall, Times, Viewer, Watched, buffer_words};

use self::declared::Declarations;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::playlist::Segment;
use crate::session::{Hole, RevisedPlaylist};

/// Renditions that are told of.
const MOST: usize = 64;
/// Segments of all of them that are remembered.
const MOST_SEGMENTS: usize = 400_000;

/// What a channel looked like.
#[derive(Debug, Default)]
pub struct Overview {
    /// By row of the playlist.
    renditions: BTreeMap<i64, Rendition>,
    /// By stream.
    declared: HashMap<i64, Declarations>,
    streams: HashMap<i64, i64>,
    /// Who answered.
    pub hosts: Hosts,
    /// Streams that are no playlists.
    pub raw: Vec<RawStream>,
    /// When no recorder ran.
    holes: Vec<Hole>,
    /// What became of the segments that were asked for.
    pub fetches: Fetches,
    /// Segments that are remembered.
    listed: usize,
    /// When the last request for each playlist was over, in microseconds of Unix time.
    polled_us: HashMap<i64, i64>,
}

impl Overview {
    /// Of a session in which no recorder ran at times.
    pub fn new(holes: Vec<Hole>) -> Self {
        Self {
            holes,
            ..Self::default()
        }
    }

    /// Whether no recorder ran for a while between two moments, in microseconds of Unix time.
    pub fn has_hole(&self, from_us: i64, until_us: i64) -> bool {
        let mut holes = self.holes.iter();
        holes.any(|hole| hole.from_us < until_us && hole.until_us > from_us)
    }

    /// A multivariant playlist of a stream says what others are.
    pub fn multivariant(&mut self, stream: i64, text: &[u8], base: &Url, at: Evidence) {
        let declared = self.declared.entry(stream).or_default();
        declared.take(text, base, at);
    }

    /// A media playlist; `None`: there are too many.
    pub fn rendition(&mut self, playlist: &RevisedPlaylist) -> Option<&mut Rendition> {
        if self.renditions.len() >= MOST && !self.renditions.contains_key(&playlist.id) {
            return None;
        }
        self.streams.insert(playlist.id, playlist.stream_id);
        let rendition = self
            .renditions
            .entry(playlist.id)
            .or_insert_with(|| Rendition {
                id: playlist.id,
                stream: playlist.stream.clone(),
                name: playlist.name.clone(),
                url: playlist.url.clone(),
                ..Rendition::default()
            });
        Some(rendition)
    }

    /// Nothing new had come of a playlist when the recording ended, from when to when, in microseconds of Unix time.
    pub fn ended(&mut self, playlist: i64, open_us: (i64, i64)) {
        if let Some(rendition) = self.renditions.get_mut(&playlist) {
            rendition.open_us = Some(open_us);
        }
    }

    /// So many more times a playlist was without a new segment for too long; 0: that is looked for.
    pub fn late(&mut self, playlist: i64, times: u64) {
        if let Some(rendition) = self.renditions.get_mut(&playlist) {
            *rendition.late.get_or_insert(0) += times;
        }
    }

    /// A segment came that a playlist listed.
    pub fn came(&mut self, playlist: i64, came: &Came) {
        let Some(rendition) = self.renditions.get_mut(&playlist) else {
            return;
        };
        rendition.came(came);
    }

    /// A playlist lists new segments, with their names; in microseconds of Unix time.
    pub fn lists(
        &mut self,
        playlist: i64,
        fresh: &[Segment],
        names: &[Option<u64>],
        seen_us: i64,
        jumped: bool,
    ) {
        let Some(rendition) = self.renditions.get_mut(&playlist) else {
            return;
        };
        if self.listed.saturating_add(fresh.len()) > MOST_SEGMENTS {
            return rendition.watch.lose_sight("too many segments were listed");
        }
        self.listed += fresh.len();
        rendition.lists(fresh, names, seen_us, jumped);
    }

    /// A request for a playlist was over then, in microseconds of Unix time.
    pub fn polled(&mut self, playlist: i64, over_us: i64) {
        if self.renditions.contains_key(&playlist) {
            let polled_us = self.polled_us.entry(playlist).or_insert(over_us);
            *polled_us = over_us.max(*polled_us);
        }
    }

    /// What viewers saw, once all has passed. `away` of the URL of a rendition, `unwell`: as [`Times`] has them; `plays_us`: how long the segment with a name
    /// plays, where that was measured to be something else.
    pub fn see(
        &mut self,
        away: impl Fn(&str) -> Vec<(i64, i64)>,
        unwell: &[(i64, i64)],
        plays_us: impl Fn(u64) -> Option<i64>,
    ) {
        self.fetches.sort();
        for rendition in self.renditions.values_mut() {
            let away = away(&rendition.url);
            let times = Times {
                away: &away,
                unwell,
                end_us: self.polled_us.get(&rendition.id).copied().unwrap_or(0),
            };
            let unit_us = rendition.unit_us();
            let watch = std::mem::take(&mut rendition.watch);
            rendition.viewer = watch.see(&self.fetches, unit_us, &times, &plays_us);
            rendition.not_come = watch.not_come(&self.fetches, times.end_us - unit_us);
        }
    }

    /// Segments that the recorder did not ask for, or lacks for another reason of its own, of playlists of which it asked for some.
    pub fn not_asked(&self) -> u64 {
        let renditions = self.renditions.values();
        let some = renditions.filter(|rendition| rendition.weight.0 > 0);
        some.map(|rendition| rendition.not_come.1).sum()
    }

    /// Its renditions, with what is said of each.
    pub fn renditions(&self) -> impl Iterator<Item = (&Rendition, Option<&Declared>)> {
        self.renditions.values().map(|rendition| {
            let stream = self.streams.get(&rendition.id);
            let declared = stream.and_then(|stream| self.declared.get(stream));
            (rendition, declared.and_then(|all| all.of(&rendition.url)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_lies_between_two_moments_where_they_have_a_part_of_it() {
        let overview = Overview::new(vec![Hole {
            from_us: 10,
            until_us: 20,
        }]);
        assert!(overview.has_hole(5, 25) && overview.has_hole(15, 16) && overview.has_hole(19, 30));
        assert!(!overview.has_hole(0, 10) && !overview.has_hole(20, 30));
    }
}
