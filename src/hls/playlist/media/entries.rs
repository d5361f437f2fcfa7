//! Media playlists: their facts, and what they list (RFC 8216bis 4.4.2 to 4.4.5).
//!
//! Reports are found by [`super::uris`]; here is what a recorder keeps of a playlist: segments, partial
//! segments, initialization sections and keys, and what is announced of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::items::{
    Content, HintItem, Item, KeyOrMap, MOST_SEGMENTS, PartItem, SegmentItem, attribute, items,
};
use super::references::{Before, Found, References};
use crate::hls::steps::step;
use crate::hls::text::attributes::{Attribute, attributes};
use crate::hls::text::byte_range::ByteRange;
use crate::hls::text::numbers::{integer, seconds, sequence, target_duration, whole_seconds};
use crate::hls::text::resolve::{Refused, Resolver};
use crate::hls::text::scan::Tag;
use crate::hls::text::variables::Variables;

/// Entries of one playlist beyond which keys, initialization sections and parts are left out.
const MOST_ENTRIES: usize = 2 * MOST_SEGMENTS;

/// What an entry of a media playlist is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryRole {
    /// A media segment.
    Segment,
    /// A partial segment (`EXT-X-PART`).
    Part,
    /// A media initialization section (`EXT-X-MAP`).
    Init,
    /// A key (`EXT-X-KEY`).
    Key,
}

/// A resource that a media playlist lists. A key or map is an entry each time its tag is
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub role: EntryRole,
    /// Its URL, http or https; without fragment, user and password.
    pub url: Arc<Url>,
    /// Which part of it, where the playlist says so.
    pub range: Option<ByteRange>,
    /// The media sequence number of the segment that it is, or is a part of, or of the first segment that it
    /// applies to; behind the last segment, the number that the next one will have.
    pub sequence: u64,
    /// The media sequence number of the last listed segment that it applies to, or that parts of are listed;
    /// `sequence` for a segment or part, and for what applies to none that is listed.
    pub last_use: u64,
    /// Of a partial segment: how many parts of the same segment are listed before it.
    pub part: u64,
    /// Whether the segment or part is marked as absent (`EXT-X-GAP`, RFC 8216bis 4.4.4.7; `GAP=YES`, 4.4.4.9): it must
    /// not be requested.
    pub gap: bool,
    /// `EXTINF` of a segment (RFC 8216bis 4.4.4.1), `DURATION` of a part (4.4.4.9); zero of what is neither.
    pub duration: Duration,
}

/// A part or an initialization section that may be asked for before it is there (`EXT-X-PRELOAD-HINT`, RFC 8216bis 4.4.5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// A part or an initialization section.
    pub role: EntryRole,
    /// Its URL, as that of an entry.
    pub url: Arc<Url>,
    /// Which part of it, where the playlist says so; to the largest position that there is where it has a start and no
    /// length (RFC 8673).
    pub range: Option<ByteRange>,
    /// The media sequence number of the segment that it is a part of, or applies to, as far as the playlist tells.
    pub sequence: u64,
    /// Of a part: how many parts of the same segment are listed.
    pub part: u64,
}

/// What a media playlist says about itself. Media sequence numbers have 64 bits and wrap around, so that
/// the number of a segment less that of the first is its index, always; other numbers are at most `i64::MAX`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaFacts {
    /// `EXT-X-MEDIA-SEQUENCE`, 0 without one that has 64 bits (RFC 8216bis 4.4.3.2).
    pub media_sequence: u64,
    /// Whether there is such an `EXT-X-MEDIA-SEQUENCE`.
    pub numbered: bool,
    /// How many segments are listed; without those that `EXT-X-SKIP` stands for.
    pub segment_count: u64,
    /// The media sequence number of the last listed segment.
    pub last_sequence: Option<u64>,
    /// When the last listed segment ends, by `EXT-X-PROGRAM-DATE-TIME` (RFC 8216bis 4.4.4.6) and what follows
    /// it, in microseconds of Unix time.
    pub end_date_us: Option<i64>,
    /// The URI of the last listed segment, as it is written.
    pub last_uri: Option<String>,
    /// `EXT-X-TARGETDURATION` (RFC 8216bis 4.4.3.1), from one second to one day. Where it states none that can be, the longest
    /// `EXTINF` in whole seconds, which is what it would have to state; None: it lists none either.
    pub target_duration: Option<Duration>,
    /// Whether it states that target duration.
    pub target_is_stated: bool,
    /// How long its segments are, together.
    pub duration: Duration,
    /// `PART-TARGET` of `EXT-X-PART-INF` (RFC 8216bis 4.4.3.7), at most one day; zero is none.
    pub part_target: Option<Duration>,
    /// How many partial segments are listed of the last listed segment.
    pub last_parts: u64,
    /// How many are listed behind that: of the segment that comes next.
    pub next_parts: u64,
    /// `EXT-X-SERVER-CONTROL`.
    pub control: ServerControl,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`, 0 without one (RFC 8216bis 4.4.3.3).
    pub discontinuity_sequence: u64,
    /// Whether there is an `EXT-X-ENDLIST` (RFC 8216bis 4.4.3.4).
    pub ended: bool,
    /// Whether there is an `EXT-X-I-FRAMES-ONLY` (RFC 8216bis 4.4.3.6).
    pub i_frames_only: bool,
}

/// `EXT-X-SERVER-CONTROL` (RFC 8216bis 4.4.3.8): what the origin offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerControl {
    /// `CAN-BLOCK-RELOAD`.
    pub can_block: bool,
    /// `CAN-SKIP-UNTIL`, at most one day, like all of these.
    pub can_skip_until: Option<Duration>,
    /// `HOLD-BACK`.
    pub hold_back: Option<Duration>,
    /// `PART-HOLD-BACK`.
    pub part_hold_back: Option<Duration>,
}

impl ServerControl {
    fn read(tag: Tag) -> Self {
        let mut found = Self::default();
        for Attribute { name, value, .. } in attributes(tag.value) {
            match name {
                b"CAN-BLOCK-RELOAD" => found.can_block = value == b"YES",
                b"CAN-SKIP-UNTIL" => found.can_skip_until = seconds(value),
                b"HOLD-BACK" => found.hold_back = seconds(value),
                b"PART-HOLD-BACK" => found.part_hold_back = seconds(value),
                _ => {}
            }
        }
        found
    }
}

/// What was read of a media playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// What it says about itself.
    pub facts: MediaFacts,
    /// What it lists, in the order in which it is written.
    pub entries: Vec<Entry>,
    /// What it announces: the first part and the first initialization section (RFC 8216bis 6.3.8).
    pub hints: Vec<Hint>,
    /// What it lists and nobody can ask for; each URI once.
    pub refused: Vec<Refused>,
    /// The variables that it defines.
    pub variables: Variables,
    /// Segments (the oldest), parts, keys and initialization sections that are no entries, since there are
    /// too many.
    pub left_out: u64,
}

/// Reads a media playlist. `base` is the URL that answered, after redirects; `imports` are
/// the variables of the multivariant playlist.
pub fn read_media(body: &[u8], base: &Url, imports: &Variables) -> MediaPlaylist {
    read(body, base, imports, None).0
}

/// Reads the revisions of one media playlist, one after the other.
///
/// What it reads is what [`read_media`] does. URIs that the revision before had are not resolved again: their
/// entries share its URLs.
#[derive(Debug, Default)]
pub struct MediaReader {
    before: Option<Before>,
}

impl MediaReader {
    /// Reads the next revision, and keeps its text to compare that of the one after it with. For the parameters
    /// see [`read_media`].
    pub fn read(&mut self, body: &Bytes, base: &Url, imports: &Variables) -> MediaPlaylist {
        let (playlist, found) = read(body, base, imports, self.before.as_ref());
        self.before = Some(Before::new(body.clone(), base, found));
        playlist
    }

    /// What it keeps of the last revision beside its text, in bytes: a short text may mean many long URLs.
    pub fn beside_text(&self) -> usize {
        self.before.as_ref().map_or(0, Before::beside_text)
    }

    /// Lets go of the last revision.
    pub fn forget(&mut self) {
        self.before = None;
    }
}

fn read(
    body: &[u8],
    base: &Url,
    imports: &Variables,
    before: Option<&Before>,
) -> (MediaPlaylist, Found) {
    let variables = Variables::read(body, base, imports);
    let resolver = Resolver::new(base, &variables);
    let mut reader = Reader::new(References::new(resolver, base, before));
    for item in items(body) {
        reader.item(item);
    }
    let (mut playlist, found) = reader.finish();
    playlist.variables = variables;
    (playlist, found)
}

/// Until [`Reader::finish`], sequence numbers are counted from 0: `EXT-X-MEDIA-SEQUENCE`
/// should stand before the first segment, and need not.
struct Reader<'a> {
    references: References<'a>,
    playlist: MediaPlaylist,
    media_sequence: Option<u64>,
    last_uri: Option<&'a [u8]>,
    /// When the last segment ended, by the dates before it, in microseconds of Unix time.
    date_us: Option<i64>,
    /// Index of the entry of each key in force, by `KEYFORMAT`; None for one without entry.
    keys: HashMap<Vec<u8>, usize>,
    map: Option<usize>,
    /// Where the last range of each URL ended, for ranges without an offset.
    range_ends: HashMap<Arc<Url>, u64>,
    /// The same of the ranges of parts.
    part_ends: HashMap<Arc<Url>, u64>,
    /// Index of the last listed segment, or of that which parts are listed of.
    last_used: Option<u64>,
    /// The longest `EXTINF`.
    longest: Duration,
}

impl<'a> Reader<'a> {
    fn new(references: References<'a>) -> Reader<'a> {
        Reader {
            references,
            playlist: MediaPlaylist::default(),
            media_sequence: None,
            last_uri: None,
            date_us: None,
            keys: HashMap::new(),
            map: None,
            range_ends: HashMap::new(),
            part_ends: HashMap::new(),
            last_used: None,
            longest: Duration::ZERO,
        }
    }

    fn item(&mut self, item: Item<'a>) {
        let index = item.index;
        match item.content {
            Content::Playlist(tag) => self.fact(tag),
            Content::Key(_, key) => self.key(index, &key),
            Content::Map(_, map) => self.map(index, &map),
            Content::Segment(segment) => self.segment(index, item.is_left_out, segment),
            Content::Part(part) => self.part(index, item.is_left_out, &part),
            Content::Hint(hint) => self.hint(index, &hint),
            Content::Report | Content::Skip | Content::DateRange(_) | Content::SegmentTag(_) => {}
        }
    }

    fn fact(&mut self, tag: Tag) {
        let facts = &mut self.playlist.facts;
        match tag.name {
            b"#EXT-X-MEDIA-SEQUENCE" => {
                self.media_sequence = self.media_sequence.or_else(|| sequence(tag.value));
            }
            b"#EXT-X-DISCONTINUITY-SEQUENCE" => {
                facts.discontinuity_sequence = integer(tag.value).unwrap_or(0);
            }
            b"#EXT-X-TARGETDURATION" => facts.target_duration = target_duration(tag.value),
            b"#EXT-X-PART-INF" => {
                let stated = attribute(tag, b"PART-TARGET").and_then(seconds);
                facts.part_target = stated.filter(|target| !target.is_zero());
            }
            b"#EXT-X-SERVER-CONTROL" => facts.control = ServerControl::read(tag),
            b"#EXT-X-ENDLIST" => facts.ended = true,
            b"#EXT-X-I-FRAMES-ONLY" => facts.i_frames_only = true,
            _ => {}
        }
    }

    fn segment(&mut self, index: u64, is_left_out: bool, segment: SegmentItem<'a>) {
        self.note_segment(index, &segment);
        if is_left_out {
            self.playlist.left_out += 1;
            return;
        }
        let Some(url) = self.references.request(segment.written, segment.span) else {
            return;
        };
        let range = segment.range.and_then(|range| {
            let last_end = self.range_ends.get(&url).copied();
            range.resolve(last_end)
        });
        if let Some(range) = range {
            self.range_ends.insert(Arc::clone(&url), range.end());
        }
        self.push(Entry {
            role: EntryRole::Segment,
            url,
            range,
            sequence: index,
            last_use: index,
            part: 0,
            gap: segment.gap,
            duration: segment.duration.unwrap_or_default(),
        });
    }

    fn part(&mut self, index: u64, is_left_out: bool, part: &PartItem) {
        let before = self.playlist.facts.next_parts;
        self.playlist.facts.next_parts += 1;
        self.last_used = Some(index);
        if is_left_out || self.is_full() {
            return;
        }
        let Some((written, span)) = part.uri() else {
            return;
        };
        let Some(url) = self.references.request(written, span) else {
            return;
        };
        let range = part.range.and_then(|range| {
            let last_end = self.part_ends.get(&url).copied();
            range.resolve(last_end)
        });
        if let Some(range) = range {
            self.part_ends.insert(Arc::clone(&url), range.end());
        }
        self.push(Entry {
            role: EntryRole::Part,
            url,
            range,
            sequence: index,
            last_use: index,
            part: before,
            gap: part.gap,
            duration: part.duration.unwrap_or_default(),
        });
    }

    fn hint(&mut self, index: u64, hint: &HintItem) {
        let role = match hint.kind {
            b"PART" => EntryRole::Part,
            b"MAP" => EntryRole::Init,
            _ => return,
        };
        if self.playlist.hints.iter().any(|known| known.role == role) {
            return;
        }
        let range = match (hint.start, hint.length) {
            (None, None) => None,
            (start, length) => {
                let first = start.unwrap_or(0);
                let range = match length {
                    Some(length) => ByteRange::new(first, length),
                    None => ByteRange::rest(first),
                };
                match range {
                    None => return,
                    range => range,
                }
            }
        };
        let Some((written, span)) = hint.uri() else {
            return;
        };
        let Some(url) = self.references.request(written, span) else {
            return;
        };
        self.playlist.hints.push(Hint {
            role,
            url,
            range,
            sequence: index,
            part: self.playlist.facts.next_parts,
        });
    }

    /// What a segment adds to the facts of the playlist.
    fn note_segment(&mut self, index: u64, segment: &SegmentItem<'a>) {
        let facts = &mut self.playlist.facts;
        let duration = segment.duration.unwrap_or_default();
        facts.segment_count += 1;
        facts.last_parts = std::mem::take(&mut facts.next_parts);
        facts.duration = facts.duration.saturating_add(duration);
        facts.last_sequence = Some(index);
        self.longest = self.longest.max(duration);
        self.last_used = Some(index);
        self.last_uri = Some(segment.written);
        // What comes behind a discontinuity has a date of its own, or none (RFC 8216bis 4.4.4.6).
        let goes_on = self.date_us.filter(|_| !segment.discontinuity);
        let begins_us = segment.date_us().or(goes_on);
        let passed_us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        self.date_us = begins_us.map(|at_us| at_us.saturating_add(passed_us));
        facts.end_date_us = self.date_us;
    }

    fn key(&mut self, index: u64, key: &KeyOrMap) {
        if self.is_full() {
            return;
        }
        if key.ends_keys() {
            let ended = std::mem::take(&mut self.keys);
            ended.into_values().for_each(|entry| self.retire(entry));
            return;
        }
        if let Some(replaced) = self.keys.remove(key.key_format()) {
            self.retire(replaced);
        }
        if let Some(entry) = self.push_applied(index, EntryRole::Key, key, None) {
            self.keys.insert(key.key_format().to_vec(), entry);
        }
    }

    fn map(&mut self, index: u64, map: &KeyOrMap) {
        if self.is_full() {
            return;
        }
        if let Some(replaced) = self.map.take() {
            self.retire(replaced);
        }
        self.map = self.push_applied(index, EntryRole::Init, map, map.byte_range());
    }

    /// Whether a key, an initialization section or a part is left out.
    fn is_full(&mut self) -> bool {
        let is_full = self.playlist.entries.len() >= MOST_ENTRIES;
        self.playlist.left_out += u64::from(is_full);
        is_full
    }

    /// Adds what applies to the segments from `index` on, if it has a URL.
    fn push_applied(
        &mut self,
        index: u64,
        role: EntryRole,
        tag: &KeyOrMap,
        range: Option<ByteRange>,
    ) -> Option<usize> {
        let (written, span) = tag.uri()?;
        let url = self.references.request(written, span)?;
        Some(self.push(Entry {
            role,
            url,
            range,
            sequence: index,
            last_use: index,
            part: 0,
            gap: false,
            duration: Duration::ZERO,
        }))
    }

    /// Adds an entry and gives its index.
    fn push(&mut self, entry: Entry) -> usize {
        self.playlist.entries.push(entry);
        self.playlist.entries.len() - 1
    }

    /// A key or map has been replaced: the last segment or part so far was the last that used it.
    fn retire(&mut self, entry: usize) {
        step();
        let last = self.last_used;
        if let (Some(entry), Some(last)) = (self.playlist.entries.get_mut(entry), last) {
            entry.last_use = entry.last_use.max(last);
        }
    }

    fn finish(mut self) -> (MediaPlaylist, Found) {
        let in_force: Vec<usize> = self.keys.drain().map(|(_, entry)| entry).collect();
        in_force
            .into_iter()
            .chain(self.map)
            .for_each(|entry| self.retire(entry));
        let first = self.media_sequence.unwrap_or(0);
        let counted_from_first = |n: u64| n.wrapping_add(first);
        for entry in &mut self.playlist.entries {
            entry.sequence = counted_from_first(entry.sequence);
            entry.last_use = counted_from_first(entry.last_use);
        }
        for hint in &mut self.playlist.hints {
            hint.sequence = counted_from_first(hint.sequence);
        }
        let facts = &mut self.playlist.facts;
        facts.media_sequence = first;
        facts.numbered = self.media_sequence.is_some();
        let text = |written| String::from_utf8_lossy(written).into_owned();
        facts.last_uri = self.last_uri.map(text);
        facts.target_is_stated = facts.target_duration.is_some();
        let of_segments = (!self.longest.is_zero()).then(|| whole_seconds(self.longest));
        facts.target_duration = facts.target_duration.or(of_segments);
        facts.last_sequence = facts.last_sequence.map(counted_from_first);
        let (found, refused) = self.references.finish();
        self.playlist.refused = refused;
        (self.playlist, found)
    }
}

#[cfg(test)]
mod tests;
