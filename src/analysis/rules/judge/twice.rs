//! Names that one text gives to two segments, from one pass to the other: what comes for the later one is told with both numbers. Pure.

use std::collections::HashMap;

use url::Url;

use super::durations::name;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::session::SeenExchange;

/// Segments that are remembered.
const MOST: usize = 100_000;

/// The number of a new segment, and that of the one before it with its name.
type Numbers = (u64, u64);

/// Names that are listed twice, by when the later segment was listed first, in microseconds of Unix time.
#[derive(Debug, Default)]
pub(super) struct Twice(HashMap<(u64, i64), Numbers>);

impl Twice {
    /// Takes in a text whose segments from one on are new, and which is the answer from a moment on.
    pub(super) fn take(&mut self, playlist: &Playlist, fresh: usize, base: &Url, from_us: i64) {
        if fresh >= playlist.segments.len() {
            return;
        }
        let mut known = HashMap::with_capacity(playlist.segments.len());
        for (index, segment) in playlist.segments.iter().enumerate() {
            let before = known.insert(segment.name, index);
            let Some(before) = before.filter(|_| index >= fresh && segment.range.is_none()) else {
                continue;
            };
            let uri = playlist.text.get(segment.uri.clone());
            let uri = uri.and_then(|uri| std::str::from_utf8(uri).ok());
            let Some(url) = uri.and_then(|uri| base.join(uri).ok()) else {
                continue;
            };
            if self.0.len() < MOST {
                let numbers = (playlist.number(index), playlist.number(before));
                self.0.insert((name(url.as_str(), None), from_us), numbers);
            }
        }
    }

    /// Other bytes came than before under a name: which segments have it, where that was listed twice.
    pub(super) fn tell(&self, exchange: &SeenExchange, broken: &mut Broken) {
        let key = (name(&exchange.url, None), exchange.from_us);
        let Some((number, before)) = self.0.get(&key).filter(|_| broken.rule == "T05") else {
            return;
        };
        broken.text = format!(
            "segment {number} has the name of segment {before}, which is still listed, and brought other bytes: {}",
            exchange.url
        );
    }
}
