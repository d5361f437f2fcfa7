//! Playlist Delta Updates (RFC 8216bis 6.2.5.1): a playlist without what a player has of it.
//!
//! Tags that apply to skipped segments and to later ones as well (`EXT-X-KEY`, `EXT-X-MAP`, `EXT-X-BITRATE`) stay, in front of
//! `EXT-X-SKIP`: not every player goes on with those of the version that it had.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::time::Duration;

use crate::hls::playlist::media::items::{KeyOrMap, attribute, is_of_playlist};
use crate::hls::text::attributes::attributes;
use crate::hls::text::numbers::{integer, seconds};
use crate::hls::text::scan::{Line, LineKind, Tag, lines};

/// The least version of a playlist with an `EXT-X-SKIP`, and with one that stands for date ranges (RFC 8216bis 8). A delta says
/// it, whatever the full text says, which has none and needs none.
const SKIPS: u64 = 9;
const SKIPS_DATES: u64 = 10;

/// The date ranges that a playlist had, as far back as its Skip Boundary.
#[derive(Debug, Default)]
pub struct ListedDates {
    /// Lines of the version that was there at the Skip Boundary.
    old: HashSet<Vec<u8>>,
    /// Their IDs, and those of all versions since.
    ids: BTreeSet<Vec<u8>>,
}

impl ListedDates {
    /// Takes a version in. `is_old`: it was there when the time of the Skip Boundary began.
    pub fn add(&mut self, text: &[u8], is_old: bool) {
        for (line, tag) in dates(text) {
            self.ids.extend(id(tag).map(<[u8]>::to_vec));
            if is_old {
                self.old.insert(line.trimmed().1.to_vec());
            }
        }
    }

    /// IDs that a text does not have any more.
    fn removed(&self, text: &[u8]) -> Vec<u8> {
        let here: HashSet<&[u8]> = dates(text).filter_map(|(_, tag)| id(tag)).collect();
        let gone = self.ids.iter().filter(|id| !here.contains(id.as_slice()));
        gone.cloned().collect::<Vec<_>>().join(&b'\t')
    }

    fn is_old(&self, line: &Line) -> bool {
        self.old.contains(line.trimmed().1)
    }
}

fn dates(text: &[u8]) -> impl Iterator<Item = (Line<'_>, Tag<'_>)> {
    let tags = lines(text).filter_map(|line| line.tag().map(|tag| (line, tag)));
    tags.filter(|(_, tag)| tag.name == b"#EXT-X-DATERANGE")
}

fn id<'a>(tag: Tag<'a>) -> Option<&'a [u8]> {
    attribute(tag, b"ID")
}

/// How far back a player is to have a playlist for whose old date ranges it may be spared; `None`: it offers no such thing.
pub fn skips_dates(text: &[u8]) -> Option<Duration> {
    let offer = Offer::read(text)?;
    offer.skips_dates.then_some(offer.boundary)
}

/// The delta of a media playlist, without old date ranges where it is told which there were; `None`: the playlist does not
/// offer that, or nothing would be skipped. Its `EXT-X-VERSION` is 9 (without date ranges: 10) at least.
pub fn delta(text: &[u8], listed: Option<&ListedDates>) -> Option<Vec<u8>> {
    let offer = Offer::read(text)?;
    if listed.is_some() && !offer.skips_dates {
        return None;
    }
    let cut = cut(text, offer.boundary)?;
    let mut made = Made {
        text: Vec::with_capacity(text.len() - cut.end / 2),
        least: listed.map_or(SKIPS, |_| SKIPS_DATES),
        says_version: offer.says_version,
    };
    for span in staying(text, &cut, listed) {
        made.lines(text.get(span)?);
    }
    made.skip(&cut, listed.map(|listed| listed.removed(text)));
    let behind = text.get(cut.end..)?;
    let is_skipped = |line: &Line| {
        let is_date = line
            .tag()
            .is_some_and(|tag| tag.name == b"#EXT-X-DATERANGE");
        is_date && listed.is_some_and(|listed| listed.is_old(line))
    };
    for line in lines(behind).filter(|line| !is_skipped(line)) {
        made.lines(behind.get(line.span)?);
    }
    made.says_version.then_some(made.text)
}

/// A delta that is being made.
struct Made {
    text: Vec<u8>,
    /// The version that it has at least.
    least: u64,
    /// There is an `EXT-X-VERSION`, here or in the lines to come.
    says_version: bool,
}

impl Made {
    /// Adds lines of the full text, with a version that has deltas.
    fn lines(&mut self, added: &[u8]) {
        for line in lines(added) {
            let bytes = added.get(line.span.clone()).unwrap_or_default();
            let newline = added
                .get(line.start + line.text.len()..line.span.end)
                .filter(|newline| !newline.is_empty())
                .unwrap_or(b"\n");
            match line.tag() {
                Some(tag) if tag.name == VERSION && version(tag) < self.least => {
                    self.version(newline);
                }
                Some(tag) if tag.name == b"#EXTM3U" && !self.says_version => {
                    self.text.extend_from_slice(bytes);
                    self.version(newline);
                    self.says_version = true;
                }
                _ => self.text.extend_from_slice(bytes),
            }
        }
    }

    fn version(&mut self, newline: &[u8]) {
        let said = format!("#EXT-X-VERSION:{}", self.least);
        self.text.extend_from_slice(said.as_bytes());
        self.text.extend_from_slice(newline);
    }

    /// Adds what stands for skipped segments, and for date ranges that were removed.
    fn skip(&mut self, cut: &Cut<'_>, removed: Option<Vec<u8>>) {
        let said = format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={}", cut.segments);
        self.text.extend_from_slice(said.as_bytes());
        if let Some(removed) = removed {
            self.text
                .extend_from_slice(b",RECENTLY-REMOVED-DATERANGES=\"");
            self.text.extend_from_slice(&removed);
            self.text.push(b'"');
        }
        self.text.extend_from_slice(cut.newline);
    }
}

const VERSION: &[u8] = b"#EXT-X-VERSION";

/// What cannot be read is less than any.
fn version(tag: Tag<'_>) -> u64 {
    integer(tag.value).unwrap_or(0)
}

/// What a playlist says of deltas.
struct Offer {
    says_version: bool,
    boundary: Duration,
    skips_dates: bool,
}

impl Offer {
    /// `None`: none may be made of it.
    fn read(text: &[u8]) -> Option<Self> {
        let (mut says_version, mut boundary, mut skips_dates) = (false, None, false);
        for tag in lines(text).filter_map(|line| line.tag()) {
            match tag.name {
                VERSION => says_version = true,
                b"#EXT-X-SERVER-CONTROL" => {
                    (boundary, skips_dates) = (None, false);
                    for attribute in attributes(tag.value) {
                        match attribute.name {
                            b"CAN-SKIP-UNTIL" => boundary = seconds(attribute.value),
                            b"CAN-SKIP-DATERANGES" => skips_dates = attribute.value == b"YES",
                            _ => {}
                        }
                    }
                }
                b"#EXT-X-ENDLIST" | b"#EXT-X-SKIP" => return None,
                _ => {}
            }
        }
        Some(Self {
            says_version,
            boundary: boundary?,
            skips_dates,
        })
    }
}

/// The segments that are skipped: the first ones.
struct Cut<'a> {
    segments: u64,
    /// Behind the line of the last one.
    end: usize,
    /// How that ends.
    newline: &'a [u8],
}

/// Skipped is what lies behind the Skip Boundary with all of its duration; but what the byte range of the next segment counts
/// from is not.
fn cut(text: &[u8], boundary: Duration) -> Option<Cut<'_>> {
    let durations = lines(text).filter_map(|line| duration(&line));
    let all = durations.fold(Duration::ZERO, Duration::saturating_add);
    let (mut passed, mut segments) = (Duration::ZERO, 0);
    // The range of the next segment has been met, and counts from the one before.
    let (mut has_range, mut continues) = (false, false);
    let (mut last, mut found) = (None, None);
    for line in lines(text) {
        passed = passed.saturating_add(duration(&line).unwrap_or(Duration::ZERO));
        if let Some(range) = line.tag().and_then(written_range).filter(|_| !has_range) {
            (has_range, continues) = (true, !range.contains(&b'@'));
        }
        if line.kind != LineKind::Uri {
            continue;
        }
        if !continues && last.is_some() {
            found = last.take();
        }
        (has_range, continues) = (false, false);
        segments += 1;
        let is_behind = all.saturating_sub(passed) > boundary;
        last = is_behind.then(|| Cut {
            segments,
            end: line.span.end,
            newline: text
                .get(line.start + line.text.len()..line.span.end)
                .unwrap_or(b"\n"),
        });
        if last.is_none() {
            break;
        }
    }
    found
}

/// `EXTINF`.
fn duration(line: &Line) -> Option<Duration> {
    let tag = line.tag().filter(|tag| tag.name == b"#EXTINF")?;
    seconds(tag.value)
}

/// The byte range of a segment or a partial segment.
fn written_range(tag: Tag<'_>) -> Option<&[u8]> {
    match tag.name {
        b"#EXT-X-BYTERANGE" => Some(tag.value),
        b"#EXT-X-PART" => attribute(tag, b"BYTERANGE"),
        _ => None,
    }
}

/// What stays of the lines up to the last skipped segment, in order.
fn staying(text: &[u8], cut: &Cut, listed: Option<&ListedDates>) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut in_force = InForce::default();
    // Comments belong to the first segment once that has begun.
    let mut is_head = true;
    for line in lines(text.get(..cut.end).unwrap_or_default()) {
        let tag = line.tag();
        let stays = match tag {
            Some(tag) if is_of_playlist(tag.name) || is_about_all(tag.name) => true,
            Some(tag) if tag.name == b"#EXT-X-DATERANGE" => {
                listed.is_none_or(|listed| !listed.is_old(&line))
            }
            None if line.kind != LineKind::Uri => is_head,
            _ => {
                is_head = false;
                false
            }
        };
        match tag {
            _ if stays => spans.push(line.span),
            Some(tag) => in_force.note(tag, line.span),
            None => {}
        }
    }
    spans.extend(in_force.0.into_values());
    spans.sort_unstable_by_key(|span| span.start);
    spans
}

/// Tags that belong to no segment (RFC 8216bis 4.4.5) and are no dates.
fn is_about_all(name: &[u8]) -> bool {
    matches!(name, b"#EXT-X-PRELOAD-HINT" | b"#EXT-X-RENDITION-REPORT")
}

/// Tags that apply to all segments to come: where each stands, by what it takes the place of.
#[derive(Default)]
struct InForce<'a>(BTreeMap<(u8, &'a [u8]), Range<usize>>);

impl<'a> InForce<'a> {
    fn note(&mut self, tag: Tag<'a>, span: Range<usize>) {
        const KEY: u8 = 0;
        let place: (u8, &[u8]) = match tag.name {
            b"#EXT-X-KEY" => {
                let key = KeyOrMap::read(tag);
                if key.ends_keys() {
                    self.0.retain(|(kind, _), _| *kind != KEY);
                    return;
                }
                (KEY, key.key_format())
            }
            b"#EXT-X-MAP" => (1, b""),
            b"#EXT-X-BITRATE" => (2, b""),
            _ => return,
        };
        self.0.insert(place, span);
    }
}

#[cfg(test)]
mod tests;
