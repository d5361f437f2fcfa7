//! One window of a media playlist, and what is said of how it lies.

use crate::hls::playlist::media::entries::EntryRole;
use crate::hls::playlist::media::entries::MediaPlaylist;
use crate::hls::text::byte_range::ByteRange;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use url::Position;
use url::Url;

/// What a window is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was none before.
    First,
    /// Its end is new.
    Slid,
    /// Its end is the one before: tokens, a window that slides without a new segment.
    Same,
    /// An older state: of an edge that lags behind, or of another encoder.
    Behind,
    /// The sequence truly began again.
    Restarted,
}

impl Step {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Slid => "slid",
            Self::Same => "same",
            Self::Behind => "behind",
            Self::Restarted => "restarted",
        }
    }

    /// That of a word; `None`: it is none.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::First,
            Self::Slid,
            Self::Same,
            Self::Behind,
            Self::Restarted,
        ];
        all.into_iter().find(|step| step.as_str() == word)
    }

    /// Whether the end is new.
    pub fn is_advance(self) -> bool {
        matches!(self, Self::First | Self::Slid | Self::Restarted)
    }
}

/// Where a window lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    /// What it is to those before it.
    pub step: Step,
    /// Of its first segment.
    pub place: u64,
    /// By how many segments the end is new.
    pub gained: u64,
}

/// A window as it is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// EXT-X-MEDIA-SEQUENCE; `None`: there is none.
    pub(super) number: Option<u64>,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub(super) discontinuity_sequence: u64,
    /// How many segments it lists.
    pub(super) count: u64,
    /// EXT-X-ENDLIST.
    pub(super) ended: bool,
    /// When its last segment ends, by EXT-X-PROGRAM-DATE-TIME, in microseconds of Unix time.
    pub(super) end_us: Option<i64>,
    /// Names of its last segments, of the first of them on.
    pub(super) tail: Vec<Name>,
    /// And how long these are, in microseconds.
    pub(super) lengths_us: Vec<i64>,
}

/// Hashes of what a segment is called, from all of it to the least that may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// Of its bytes, once they are known.
    pub(super) content: Option<u64>,
    /// URL and byte range.
    pub(super) whole: u64,
    /// Path and byte range.
    pub(super) path: u64,
    /// The last part of the path, and byte range.
    pub(super) last: u64,
}

impl Window {
    /// That of a playlist, with [`super::MediaFacts::numbered`].
    pub fn from_playlist(media: &MediaPlaylist) -> Self {
        let facts = &media.facts;
        let segments = media.entries.iter().rev();
        let segments = segments.filter(|entry| entry.role == EntryRole::Segment);
        let (mut tail, mut lengths_us): (Vec<Name>, Vec<i64>) = segments
            .take(TAIL)
            .map(|entry| {
                let length_us = i64::try_from(entry.duration.as_micros()).unwrap_or(i64::MAX);
                (Name::from_url(&entry.url, entry.range), length_us)
            })
            .unzip();
        tail.reverse();
        lengths_us.reverse();
        Self {
            number: facts.numbered.then_some(facts.media_sequence),
            discontinuity_sequence: facts.discontinuity_sequence,
            count: facts.segment_count,
            ended: facts.ended,
            end_us: facts.end_date_us,
            tail,
            lengths_us,
        }
    }

    /// Its last segments, by [`segment_name`].
    pub fn names(&self) -> impl Iterator<Item = u64> {
        self.tail.iter().map(|name| name.whole)
    }

    /// Notes what bytes a segment has; whether it lists it.
    pub fn learn(&mut self, name: u64, content: u64) -> bool {
        let mut lists = false;
        for own in self.tail.iter_mut().filter(|own| own.whole == name) {
            own.content.get_or_insert(content);
            lists = true;
        }
        lists
    }

    /// How many segments from the end one ends at that moment, to a quarter of its length.
    pub(super) fn segments_behind(&self, at_us: i64) -> Option<u64> {
        let mut end_us = self.end_us?;
        for (back, length_us) in (0..).zip(self.lengths_us.iter().rev()) {
            if end_us.abs_diff(at_us) <= length_us.unsigned_abs() / 4 {
                return Some(back);
            }
            end_us = end_us.saturating_sub(*length_us);
        }
        None
    }

    /// How long its longest segment is.
    pub(super) fn longest_us(&self) -> i64 {
        self.lengths_us.iter().copied().max().unwrap_or(0)
    }

    /// How long its shortest segment is.
    pub(super) fn shortest_us(&self) -> i64 {
        self.lengths_us.iter().copied().min().unwrap_or(0)
    }

    /// Index of the first segment of the tail.
    pub(super) fn skipped(&self) -> u64 {
        self.count.saturating_sub(self.tail.len() as u64)
    }
}

impl Name {
    pub(super) fn from_url(url: &Url, range: Option<ByteRange>) -> Self {
        let path = &url[Position::BeforePath..Position::AfterPath];
        let last = path.rsplit('/').next().unwrap_or(path);
        let hash = |text: &str| {
            let mut hasher = DefaultHasher::new();
            (text, range).hash(&mut hasher);
            hasher.finish()
        };
        Self {
            content: None,
            whole: hash(url.as_str()),
            path: hash(path),
            last: hash(last),
        }
    }

    /// Whether they are one by their bytes; by their names where these are not known.
    pub(super) fn shares(self, other: Self) -> bool {
        self.same_bytes(other)
            .unwrap_or_else(|| self.is_named_like(other))
    }

    pub(super) fn is_named_like(self, other: Self) -> bool {
        self.whole == other.whole || self.path == other.path || self.last == other.last
    }

    pub(super) fn same_bytes(self, other: Self) -> Option<bool> {
        Some(self.content? == other.content?)
    }

    pub(super) fn levels(self) -> [Option<u64>; 4] {
        [
            self.content,
            Some(self.whole),
            Some(self.path),
            Some(self.last),
        ]
    }
}

/// What a window calls a segment, to be told from others.
pub fn segment_name(url: &Url, range: Option<ByteRange>) -> u64 {
    Name::from_url(url, range).whole
}

/// Of a long window the last segments are compared.
pub(super) const TAIL: usize = 32;
