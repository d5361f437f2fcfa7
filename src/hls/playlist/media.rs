//! Media playlists: their facts, and what they list (RFC 8216bis 4.4.2 to 4.4.5).
//!
//! Partial segments, hints and reports are found by [`super::uris`]; here is what a recorder
//! keeps of a playlist: segments, initialization sections and keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::references::{Before, Found, References};
use crate::hls::rewrite::dates::unix_us;
use crate::hls::steps::step;
use crate::hls::text::attributes::{Attribute, attributes};
use crate::hls::text::byte_range::{ByteRange, written_range};
use crate::hls::text::numbers::{LARGEST, integer, number, seconds};
use crate::hls::text::resolve::{Refused, Resolver};
use crate::hls::text::scan::{Line, LineKind, Tag, lines};
use crate::hls::text::variables::Variables;

/// Segments of one playlist that become entries, the last ones. A week of them is about as many; a
/// hostile playlist of 16 MiB would have a million.
pub(super) const MOST_ENTRIES: usize = 100_000;

/// What an entry of a media playlist is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryRole {
    /// A media segment.
    Segment,
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
    /// The media sequence number of the segment that it is, or of the first segment that it
    /// applies to; behind the last segment, the number that the next one will have.
    pub sequence: u64,
    /// The media sequence number of the last listed segment that it applies to; `sequence`
    /// for a segment, and for what applies to none that is listed.
    pub last_use: u64,
    /// Whether the segment is marked as absent (`EXT-X-GAP`, RFC 8216bis 4.4.4.7): it must
    /// not be requested.
    pub gap: bool,
    /// `EXTINF` of a segment (RFC 8216bis 4.4.4.1); zero of what is none.
    pub duration: Duration,
}

/// What a media playlist says about itself. Media sequence numbers have 64 bits and wrap around, so that
/// the number of a segment less that of the first is its index, always; other numbers are at most `i64::MAX`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaFacts {
    /// `EXT-X-MEDIA-SEQUENCE`, 0 without one (RFC 8216bis 4.4.3.2).
    pub media_sequence: u64,
    /// Whether there is an `EXT-X-MEDIA-SEQUENCE`.
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
    /// `EXT-X-TARGETDURATION` (RFC 8216bis 4.4.3.1), at most one day.
    pub target_duration: Option<Duration>,
    /// How long its segments are, together.
    pub duration: Duration,
    /// `PART-TARGET` of `EXT-X-PART-INF` (RFC 8216bis 4.4.3.7), at most one day.
    pub part_target: Option<Duration>,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`, 0 without one (RFC 8216bis 4.4.3.3).
    pub discontinuity_sequence: u64,
    /// Whether there is an `EXT-X-ENDLIST` (RFC 8216bis 4.4.3.4).
    pub ended: bool,
    /// Whether there is an `EXT-X-I-FRAMES-ONLY` (RFC 8216bis 4.4.3.6).
    pub i_frames_only: bool,
}

/// What was read of a media playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// What it says about itself.
    pub facts: MediaFacts,
    /// What it lists, in the order in which it is written.
    pub entries: Vec<Entry>,
    /// What it lists and nobody can ask for; each URI once.
    pub refused: Vec<Refused>,
    /// The variables that it defines.
    pub variables: Variables,
    /// Segments (the oldest), keys and initialization sections that are no entries, since there are
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
    if body.len() > MOST_ENTRIES {
        let uris = lines(body).filter(|line| matches!(line.kind, LineKind::Uri));
        reader.only_counted = uris.count().saturating_sub(MOST_ENTRIES);
    }
    for line in lines(body) {
        reader.line(&line);
    }
    let (mut playlist, found) = reader.finish();
    playlist.variables = variables;
    (playlist, found)
}

/// What stands before a segment's line and belongs to it.
#[derive(Default)]
struct Pending {
    /// Length, and offset if it is written.
    range: Option<(u64, Option<u64>)>,
    duration: Duration,
    /// When it begins, in microseconds of Unix time.
    date_us: Option<i64>,
    gap: bool,
    /// The next line is a variant of a multivariant playlist, and no segment.
    variant: bool,
}

/// Until [`Reader::finish`], sequence numbers are counted from 0: `EXT-X-MEDIA-SEQUENCE`
/// should stand before the first segment, and need not.
struct Reader<'a> {
    references: References<'a>,
    playlist: MediaPlaylist,
    media_sequence: Option<u64>,
    next_sequence: u64,
    last_uri: Option<&'a [u8]>,
    pending: Pending,
    /// When the last segment ended, by the dates before it, in microseconds of Unix time.
    date_us: Option<i64>,
    /// Index of the entry of each key in force, by `KEYFORMAT`; None for one without entry.
    keys: HashMap<Vec<u8>, usize>,
    map: Option<usize>,
    /// Where the last range of each URL ended, for ranges without an offset.
    range_ends: HashMap<Arc<Url>, u64>,
    /// So many segments at the beginning are counted, and no more.
    only_counted: usize,
}

impl<'a> Reader<'a> {
    fn new(references: References<'a>) -> Reader<'a> {
        Reader {
            references,
            playlist: MediaPlaylist::default(),
            media_sequence: None,
            next_sequence: 0,
            last_uri: None,
            pending: Pending::default(),
            date_us: None,
            keys: HashMap::new(),
            map: None,
            range_ends: HashMap::new(),
            only_counted: 0,
        }
    }

    fn line(&mut self, line: &Line<'a>) {
        match line.kind {
            LineKind::Blank | LineKind::Comment => {}
            LineKind::Uri => self.uri(line),
            // Every other line is one.
            LineKind::Tag if line.text.starts_with(b"#EXTINF:") => {
                let duration = line.text.get(b"#EXTINF:".len()..).and_then(seconds);
                self.pending.duration = duration.unwrap_or_default();
            }
            LineKind::Tag => {
                if let Some(tag) = line.tag() {
                    self.tag(tag);
                }
            }
        }
    }

    fn tag(&mut self, tag: Tag) {
        let facts = &mut self.playlist.facts;
        match tag.name {
            b"#EXT-X-MEDIA-SEQUENCE" => {
                self.media_sequence = self.media_sequence.or_else(|| number(tag.value));
            }
            b"#EXT-X-DISCONTINUITY-SEQUENCE" => {
                facts.discontinuity_sequence = integer(tag.value).unwrap_or(0);
            }
            b"#EXT-X-TARGETDURATION" => facts.target_duration = seconds(tag.value),
            b"#EXT-X-PART-INF" => {
                facts.part_target = attribute(tag, b"PART-TARGET").and_then(seconds);
            }
            b"#EXT-X-ENDLIST" => facts.ended = true,
            b"#EXT-X-I-FRAMES-ONLY" => facts.i_frames_only = true,
            b"#EXT-X-GAP" => self.pending.gap = true,
            b"#EXT-X-BYTERANGE" => self.pending.range = written_range(tag.value),
            b"#EXT-X-STREAM-INF" => self.pending.variant = true,
            b"#EXT-X-SKIP" => {
                let skipped = attribute(tag, b"SKIPPED-SEGMENTS").and_then(integer);
                self.advance(skipped.unwrap_or(0));
            }
            b"#EXT-X-KEY" => self.key(tag),
            b"#EXT-X-MAP" => self.map(tag),
            b"#EXT-X-PROGRAM-DATE-TIME" => self.pending.date_us = unix_us(tag.value),
            // What comes behind it has a date of its own, before or behind this tag, or none (RFC 8216bis 4.4.4.6).
            b"#EXT-X-DISCONTINUITY" => self.date_us = None,
            _ => {}
        }
    }

    fn advance(&mut self, segments: u64) {
        self.next_sequence = self.next_sequence.saturating_add(segments).min(LARGEST);
    }

    fn uri(&mut self, line: &Line<'a>) {
        let (span, written) = line.trimmed();
        let pending = std::mem::take(&mut self.pending);
        if pending.variant {
            return;
        }
        let sequence = self.next_sequence;
        let facts = &mut self.playlist.facts;
        facts.segment_count += 1;
        facts.duration = facts.duration.saturating_add(pending.duration);
        let passed_us = i64::try_from(pending.duration.as_micros()).unwrap_or(i64::MAX);
        let begins_us = pending.date_us.or(self.date_us);
        self.date_us = begins_us.map(|at_us| at_us.saturating_add(passed_us));
        facts.end_date_us = self.date_us;
        facts.last_sequence = Some(sequence);
        self.last_uri = Some(written);
        let is_too_old = facts.segment_count <= self.only_counted as u64;
        if is_too_old {
            self.playlist.left_out += 1;
        } else if let Some(url) = self.references.request(written, span) {
            let range = pending.range.and_then(|(length, offset)| {
                let last_end = self.range_ends.get(&url).copied();
                ByteRange::new(offset.or(last_end).unwrap_or(0), length)
            });
            if let Some(range) = range {
                self.range_ends.insert(Arc::clone(&url), range.end());
            }
            let entry = self.push(EntryRole::Segment, url, range, pending.gap);
            if let Some(entry) = self.playlist.entries.get_mut(entry) {
                entry.duration = pending.duration;
            }
        }
        self.advance(1);
    }

    /// Keys of other KEYFORMATs stay in force beside this one (RFC 8216bis 4.4.4.4); NONE
    /// ends them all.
    fn key(&mut self, tag: Tag) {
        if self.playlist.entries.len() >= 2 * MOST_ENTRIES {
            self.playlist.left_out += 1;
            return;
        }
        if attribute(tag, b"METHOD") == Some(b"NONE") {
            let ended = std::mem::take(&mut self.keys);
            ended.into_values().for_each(|entry| self.retire(entry));
            return;
        }
        let format = attribute(tag, b"KEYFORMAT").unwrap_or(b"identity");
        if let Some(replaced) = self.keys.remove(format) {
            self.retire(replaced);
        }
        if let Some(url) = self.resolve_attribute(tag) {
            let entry = self.push(EntryRole::Key, url, None, false);
            self.keys.insert(format.to_vec(), entry);
        }
    }

    fn map(&mut self, tag: Tag) {
        if self.playlist.entries.len() >= 2 * MOST_ENTRIES {
            self.playlist.left_out += 1;
            return;
        }
        if let Some(replaced) = self.map.take() {
            self.retire(replaced);
        }
        if let Some(url) = self.resolve_attribute(tag) {
            let written = attribute(tag, b"BYTERANGE").and_then(written_range);
            let range =
                written.and_then(|(length, offset)| ByteRange::new(offset.unwrap_or(0), length));
            self.map = Some(self.push(EntryRole::Init, url, range, false));
        }
    }

    /// Adds an entry and gives its index.
    fn push(
        &mut self,
        role: EntryRole,
        url: Arc<Url>,
        range: Option<ByteRange>,
        gap: bool,
    ) -> usize {
        self.playlist.entries.push(Entry {
            role,
            url,
            range,
            sequence: self.next_sequence,
            last_use: self.next_sequence,
            gap,
            duration: Duration::ZERO,
        });
        self.playlist.entries.len() - 1
    }

    /// A key or map has been replaced: the last segment so far was the last that used it.
    fn retire(&mut self, entry: usize) {
        step();
        let last = self.playlist.facts.last_sequence;
        if let (Some(entry), Some(last)) = (self.playlist.entries.get_mut(entry), last) {
            entry.last_use = entry.last_use.max(last);
        }
    }

    fn resolve_attribute(&mut self, tag: Tag) -> Option<Arc<Url>> {
        let uri = last_attribute(tag, b"URI").filter(|uri| !uri.value.is_empty())?;
        let span = tag.start + uri.span.start..tag.start + uri.span.end;
        self.references.request(uri.value, span)
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
        let facts = &mut self.playlist.facts;
        facts.media_sequence = first;
        facts.numbered = self.media_sequence.is_some();
        let text = |written| String::from_utf8_lossy(written).into_owned();
        facts.last_uri = self.last_uri.map(text);
        facts.last_sequence = facts.last_sequence.map(counted_from_first);
        let (found, refused) = self.references.finish();
        self.playlist.refused = refused;
        (self.playlist, found)
    }
}

/// The value of an attribute; of the last one where it is written twice, as players do.
fn attribute<'a>(tag: Tag<'a>, name: &[u8]) -> Option<&'a [u8]> {
    last_attribute(tag, name).map(|attribute| attribute.value)
}

fn last_attribute<'a>(tag: Tag<'a>, name: &[u8]) -> Option<Attribute<'a>> {
    attributes(tag.value)
        .filter(|attribute| attribute.name == name)
        .last()
}

#[cfg(test)]
mod tests;
