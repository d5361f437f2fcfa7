//! From when to when the URLs of segments must bring the same bytes (RFC 8216bis 6.2.2). Pure.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use url::Url;

use crate::analysis::rules::playlist::{Playlist, Segment, without_query};

/// URLs that are remembered.
const MOST: usize = 450_000;
/// Times in which one URL was listed that are remembered, the newest.
const MOST_TIMES: usize = 8;
/// So few segments are looked for one by one.
const FEW: usize = 8;

/// A time in which a URL was listed. Moments in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// When it was listed.
    came_us: i64,
    /// Until when it must be there: it left the list, and its duration and that of the longest text later. `i64::MAX`: it is listed.
    pub(super) until_us: i64,
}

/// Times in which a URL was listed. Most have one.
#[derive(Debug)]
struct Times {
    last: Time,
    /// Those before it, in order.
    before: Vec<Time>,
}

impl Times {
    fn new(time: Time) -> Self {
        Self {
            last: time,
            before: Vec::new(),
        }
    }

    /// The URL is listed once more.
    fn push(&mut self, time: Time) {
        if self.before.len() + 1 >= MOST_TIMES {
            self.before.remove(0);
        }
        self.before.push(std::mem::replace(&mut self.last, time));
    }

    /// The one in which something came at a moment.
    fn at(&self, at_us: i64) -> Time {
        let mut all = self.before.iter().copied().chain([self.last]);
        let first = all.next().unwrap_or(self.last);
        let later = all.rfind(|time| time.came_us <= at_us);
        later.unwrap_or(first)
    }
}

/// When the URLs of segments were listed, by playlists that are read in the order of time.
#[derive(Debug, Default)]
pub struct Listed {
    by_url: HashMap<u64, Times>,
    /// Something is not known: what is listed may have left.
    is_partial: bool,
}

/// A revision of a playlist, and what is known of those before. Moments in microseconds of Unix time, lengths in microseconds.
#[derive(Debug)]
pub struct Window<'a> {
    /// The one before; `None`: there was none.
    pub before: Option<&'a Playlist>,
    /// The revision.
    pub now: &'a Playlist,
    /// Index of its first segment that no earlier one listed.
    pub fresh: usize,
    /// Where its URIs are resolved.
    pub base: &'a Url,
    /// When it was seen.
    pub seen_us: i64,
    /// When the one before was there for certain; `None`: that is not known.
    pub not_before_us: Option<i64>,
    /// How long the longest text of this playlist was so far.
    pub longest_us: i64,
}

impl Listed {
    /// Takes in a revision.
    pub fn take(&mut self, window: &Window<'_>) {
        for segment in gone(window) {
            // What is removed was there no longer than until then, so far as is known.
            let left_us = window.not_before_us.unwrap_or(i64::MIN);
            let until_us = left_us
                .saturating_add(segment.duration_us)
                .saturating_add(window.longest_us);
            let before = window
                .before
                .and_then(|before| url(window.base, before, segment));
            let times = before.and_then(|url| self.by_url.get_mut(&url));
            if let Some(last) = times.map(|times| &mut times.last) {
                // Several playlists may list it.
                last.until_us = match last.until_us {
                    i64::MAX => until_us,
                    other => other.max(until_us),
                };
            }
        }
        for segment in window.now.segments.iter().skip(window.fresh) {
            if let Some(url) = url(window.base, window.now, segment) {
                self.came(url, window.seen_us);
            }
        }
    }

    /// A text is not known.
    pub fn lose(&mut self) {
        self.is_partial = true;
    }

    fn came(&mut self, url: u64, came_us: i64) {
        if self.by_url.len() >= MOST && !self.by_url.contains_key(&url) {
            return;
        }
        let time = Time {
            came_us,
            until_us: i64::MAX,
        };
        match self.by_url.entry(url) {
            Entry::Vacant(free) => {
                free.insert(Times::new(time));
            }
            Entry::Occupied(times) if times.get().last.until_us == i64::MAX => {}
            Entry::Occupied(mut times) => times.get_mut().push(time),
        }
    }

    /// The time in which a URL was listed when an answer for it came; `None`: that is not known.
    pub(super) fn time(&self, url: &str, at_us: i64) -> Option<Time> {
        let times = self.by_url.get(&name(url)).filter(|_| !self.is_partial)?;
        Some(times.at(at_us))
    }
}

/// Segments of the text before that are listed no more.
fn gone<'a>(window: &Window<'a>) -> Vec<&'a Segment> {
    let Some(before) = window.before else {
        return Vec::new();
    };
    let now = &window.now.segments;
    let grown = window.now.first_number().checked_sub(before.first_number());
    let grown = grown.and_then(|grown| usize::try_from(grown).ok());
    let slid = grown.filter(|grown| {
        let first = before.segments.get(*grown);
        first.is_some_and(|was| now.first().is_some_and(|is| is.name == was.name))
    });
    let removed = before.segments.get(..slid.unwrap_or(before.segments.len()));
    let removed = removed.unwrap_or_default();
    // A name may be listed more than once.
    if removed.len() <= FEW {
        let is_gone = |was: &&Segment| now.iter().all(|is| is.name != was.name);
        return removed.iter().filter(is_gone).collect();
    }
    let names: HashSet<u64> = now.iter().map(|segment| segment.name).collect();
    let is_gone = |was: &&Segment| !names.contains(&was.name);
    removed.iter().filter(is_gone).collect()
}

/// The absolute URL of a segment that is no range.
fn url(base: &Url, playlist: &Playlist, segment: &Segment) -> Option<u64> {
    let uri = playlist.text.get(segment.uri.clone())?;
    let url = base.join(std::str::from_utf8(uri).ok()?).ok()?;
    segment.range.is_none().then(|| name(url.as_str()))
}

/// Of a URL without query and fragment.
fn name(url: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    without_query(url.as_bytes()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A window of three segments of 4 s that lists `names` one after the other, a new one every four seconds.
    pub fn listed(names: &[&str]) -> Listed {
        let base = Url::parse("http://localhost/list.m3u8").unwrap();
        let mut listed = Listed::default();
        let mut before: Option<Playlist> = None;
        for (last, second) in (0..names.len()).zip((0..).step_by(4)) {
            let first = last.saturating_sub(2);
            let mut text =
                format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
            for name in &names[first..=last] {
                text.push_str(&format!("#EXTINF:4,\n{name}.ts?t={second}\n"));
            }
            let now = Playlist::read(text.into());
            let fresh = now.segments.len() - 1;
            listed.take(&Window {
                before: before.as_ref(),
                now: &now,
                fresh,
                base: &base,
                seen_us: second * SECOND,
                not_before_us: Some(second * SECOND - SECOND),
                longest_us: 12 * SECOND,
            });
            before = Some(now);
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::testing::listed;

    #[test]
    fn a_url_must_be_there_for_its_duration_and_the_longest_text_after_it_left() {
        let listed = listed(&["a", "b", "c", "d", "a", "e", "f", "g"]);
        let until = |name: &str, second: i64| {
            let time = listed.time(
                &format!("http://localhost/{name}.ts?t=9"),
                second * 1_000_000,
            );
            time.map(|time| time.until_us.checked_div(1_000_000).unwrap())
        };
        // It left at 12 s, the last poll before was at 11 s.
        assert_eq!(until("a", 0), Some(11 + 4 + 12));
        assert_eq!(until("a", 15), Some(11 + 4 + 12));
        assert_eq!(until("a", 16), Some(27 + 4 + 12), "it is listed again");
        assert_eq!(until("g", 40), Some(i64::MAX / 1_000_000), "it is listed");
        assert_eq!(until("x", 1), None);
    }

    #[test]
    fn a_name_that_is_listed_twice_has_not_left() {
        let listed = listed(&["a", "b", "a", "c"]);
        let time = listed.time("http://localhost/a.ts", 1);
        assert_eq!(time.map(|time| time.until_us), Some(i64::MAX));
    }
}
