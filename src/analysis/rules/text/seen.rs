//! A text, and where it stands.

use url::Url;

use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::ranges::DateRanges;

/// A text, and what a rule must know of where it stands.
#[derive(Debug)]
pub struct Text<'a> {
    /// The text.
    pub playlist: &'a Playlist,
    /// The URL that answered.
    pub url: &'a Url,
    /// Index of the first segment that no earlier revision listed: what was said of the others is not said again.
    pub fresh: usize,
    /// A segment has been removed from this playlist, so that its window is as long as it gets.
    pub has_slid: bool,
    /// It was named by a multivariant playlist.
    pub has_parent: bool,
    /// IDs of date ranges that earlier revisions had.
    pub known_ranges: &'a DateRanges,
}

/// So many characters of a value are shown.
const MOST_SHOWN: usize = 32;

/// A value as it is written, or its beginning.
pub(super) fn shown(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    value.trim().chars().take(MOST_SHOWN).collect()
}
