//! Keys and initialization sections that apply to segments (RFC 8216bis 4.4.4.4, 4.4.4.5).
//!
//! Segments between two changes share one list. How many keys apply at once is bounded, and how long their lines are:
//! a change costs no more than that, whatever the playlist lists.

use std::ops::Range;
use std::sync::Arc;

use url::Url;

use crate::hls::text::byte_range::ByteRange;

/// Keys that apply at once. Players know some ten KEYFORMATs.
pub const MOST_KEYS: usize = 32;
/// Their lines together, in bytes: licence data of a few protection systems.
pub const MOST_KEY_BYTES: usize = 64 * 1024;
/// The line of a key whose IV is counted, without a URI that is replaced, in bytes: it is written for each segment.
pub const LONGEST_COUNTED_KEY: usize = 1024;

/// An `EXT-X-KEY` or `EXT-X-MAP` that applies to the segments behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The line.
    pub line: String,
    /// What it names, where that is http or https.
    pub url: Option<Url>,
    /// Which part of it.
    pub range: Option<ByteRange>,
    /// Of a key: its KEYFORMAT.
    pub format: String,
    /// Of a key: the media sequence number of a segment is its IV (RFC 8216bis 4.4.4.4).
    pub counts_iv: bool,
    pub(crate) uri: Option<Range<usize>>,
    pub(crate) written_range: Option<Range<usize>>,
}

impl Applied {
    /// The line with another URI and another byte range in the places of those it has.
    pub fn with(&self, uri: &str, range: Option<ByteRange>) -> String {
        let mut line = self.line.clone();
        let range = range.map(|range| format!("{}@{}", range.length, range.first));
        let mut replaced: Vec<(Range<usize>, &str)> = Vec::new();
        replaced.extend(self.uri.clone().map(|span| (span, uri)));
        if let (Some(span), Some(range)) = (self.written_range.clone(), range.as_deref()) {
            replaced.push((span, range));
        }
        // From the end, so that what is before stays where it is.
        replaced.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        for (span, text) in replaced {
            line.replace_range(span, text);
        }
        line
    }

    /// Bytes of the line without a URI that is replaced.
    fn own_bytes(&self) -> usize {
        let replaced = self.uri.as_ref().filter(|_| self.url.is_some());
        self.line.len() - replaced.map_or(0, Range::len)
    }

    fn is_too_long(&self) -> bool {
        self.line.len() > MOST_KEY_BYTES
            || (self.counts_iv && self.own_bytes() > LONGEST_COUNTED_KEY)
    }
}

/// What applies to a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// One key of each KEYFORMAT, sorted by that.
    keys: Vec<Arc<Applied>>,
    key_bytes: usize,
    map: Option<Arc<Applied>>,
    lacks_key: bool,
    lacks_map: bool,
}

impl InForce {
    /// Keys, one of each KEYFORMAT, sorted by that.
    pub fn keys(&self) -> &[Arc<Applied>] {
        &self.keys
    }

    /// The initialization section.
    pub fn map(&self) -> Option<&Arc<Applied>> {
        self.map.as_ref()
    }

    /// Keys, then the initialization section.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Applied>> {
        self.keys.iter().chain(&self.map)
    }

    /// Whether a player has what it needs: of several keys each says the same, so that one is enough.
    pub fn is_enough(&self) -> bool {
        let has_key = !self.lacks_key || !self.keys.is_empty();
        has_key && !self.lacks_map
    }

    /// A key applies from here on, beside those of other KEYFORMATs; `None`: one that cannot be read.
    pub(crate) fn add_key(self: &mut Arc<Self>, key: Option<Applied>) {
        let Some(key) = key else {
            return self.lose_keys();
        };
        let found = self.keys.binary_search_by(|k| k.format.cmp(&key.format));
        let before = found.ok().and_then(|at| self.keys.get(at));
        if before.is_some_and(|before| **before == key) {
            return;
        }
        let freed = before.map_or(0, |before| before.line.len());
        let bytes = (self.key_bytes - freed).saturating_add(key.line.len());
        let fits = bytes <= MOST_KEY_BYTES && !key.is_too_long();
        match found {
            Ok(at) if fits => {
                let list = Arc::make_mut(self);
                list.key_bytes = bytes;
                if let Some(slot) = list.keys.get_mut(at) {
                    *slot = Arc::new(key);
                }
            }
            Err(at) if fits && self.keys.len() < MOST_KEYS => {
                let list = Arc::make_mut(self);
                list.key_bytes = bytes;
                list.keys.insert(at, Arc::new(key));
            }
            // The others say the same, where there are any.
            Err(_) if !self.keys.is_empty() => {}
            _ => self.lose_keys(),
        }
    }

    /// No key applies from here on.
    pub(crate) fn end_keys(self: &mut Arc<Self>) {
        if !self.keys.is_empty() || self.lacks_key {
            self.set_keyless(false);
        }
    }

    /// A key applies and is not in the list. Those before it may say something else.
    fn lose_keys(self: &mut Arc<Self>) {
        if !self.keys.is_empty() || !self.lacks_key {
            self.set_keyless(true);
        }
    }

    fn set_keyless(self: &mut Arc<Self>, lacks_key: bool) {
        let list = Arc::make_mut(self);
        list.keys.clear();
        list.key_bytes = 0;
        list.lacks_key = lacks_key;
    }

    /// An initialization section applies from here on; `None`: one that cannot be read.
    pub(crate) fn set_map(self: &mut Arc<Self>, map: Option<Applied>) {
        let is_same = match (&map, &self.map) {
            (Some(map), Some(before)) => **before == *map,
            (None, _) => self.lacks_map,
            (Some(_), None) => false,
        };
        if is_same {
            return;
        }
        let list = Arc::make_mut(self);
        list.lacks_map = map.is_none();
        list.map = map.map(Arc::new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(format: &str, line: String) -> Option<Applied> {
        Some(Applied {
            line,
            url: None,
            range: None,
            format: format.to_owned(),
            counts_iv: false,
            uri: None,
            written_range: None,
        })
    }

    fn short(format: &str, value: u32) -> Option<Applied> {
        key(
            format,
            format!("#EXT-X-KEY:KEYFORMAT=\"{format}\",V={value}"),
        )
    }

    /// Lists that segments have, one after the other; how many there are in memory.
    fn lists(segments: &[Arc<InForce>]) -> usize {
        let changes = segments.windows(2).filter(|w| !Arc::ptr_eq(&w[0], &w[1]));
        changes.count() + 1
    }

    #[test]
    fn a_list_is_made_where_it_changes_only() {
        let mut list = Arc::<InForce>::default();
        let mut segments = Vec::new();
        for n in 0..1_000 {
            // Many packagers repeat the lines before each segment.
            for format in ["one", "two", "three"] {
                list.add_key(short(format, n / 500));
            }
            list.set_map(short("", 0));
            segments.push(Arc::clone(&list));
        }
        assert_eq!(lists(&segments), 2);
        let before = Arc::clone(&list);
        list.end_keys();
        list.end_keys();
        assert_eq!((before.keys().len(), list.keys().len()), (3, 0));
    }

    #[test]
    fn keys_in_force_are_bounded_and_changes_of_those_are_taken() {
        let mut list = Arc::<InForce>::default();
        for n in 0..8_000 {
            list.add_key(short(&format!("f{n:04}"), 0));
        }
        assert_eq!(list.keys().len(), MOST_KEYS);
        list.add_key(short("f0007", 1));
        assert!(list.keys()[7].line.ends_with("V=1"), "{list:?}");
        assert!(list.is_enough());
    }

    #[test]
    fn their_lines_are_bounded() {
        let mut list = Arc::<InForce>::default();
        for n in 0..9 {
            list.add_key(key(&n.to_string(), "x".repeat(MOST_KEY_BYTES / 4)));
        }
        assert_eq!(list.keys().len(), 4);
        // Of the one that took its place nothing can be listed, and of the others nobody knows.
        list.add_key(key("2", "x".repeat(MOST_KEY_BYTES)));
        assert!(list.keys().is_empty() && !list.is_enough());
        list.add_key(short("3", 0));
        assert!(list.is_enough());
        list.add_key(None);
        assert!(!list.is_enough());
        list.end_keys();
        assert!(list.is_enough());
        list.set_map(None);
        assert!(!list.is_enough());
    }

    #[test]
    fn a_line_that_is_written_for_each_segment_is_short() {
        let counted = |bytes: usize, url: Option<Url>, uri: Option<Range<usize>>| {
            let mut list = Arc::<InForce>::default();
            let key = key("identity", "x".repeat(bytes));
            list.add_key(key.map(|key| Applied {
                counts_iv: true,
                url,
                uri,
                ..key
            }));
            list.is_enough()
        };
        let url = || Url::parse("http://h/k").ok();
        assert!(counted(LONGEST_COUNTED_KEY, None, None));
        assert!(!counted(LONGEST_COUNTED_KEY + 1, None, None));
        assert!(counted(5_000, url(), Some(10..4_500)), "it is replaced");
        assert!(!counted(5_000, None, Some(10..4_500)), "it is not");
    }
}
