//! Marks: where what a playlist says changes. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::hls::items::{Content, Item, attribute, items};
use crate::session::ExchangeId;
use crate::shown::escaped;

/// Marks of one lane.
const MOST: usize = 500;
/// A line in a mark, in characters.
const LONGEST: usize = 300;

#[derive(Serialize, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) kind: &'static str,
    /// Of a date range with a length.
    pub(super) to: Option<f64>,
    /// The line.
    pub(super) text: String,
    pub(super) revision: ExchangeId,
    pub(super) sequence: Option<u64>,
}

/// Gathers the marks of a lane, text by text.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) found: Vec<Mark>,
    key: Option<Vec<u8>>,
    map: Option<Vec<u8>>,
    dates: BTreeSet<Vec<u8>>,
}

/// A text of which some segments are new.
pub(super) struct Fresh<'a> {
    pub(super) text: &'a [u8],
    /// Session seconds when it was seen.
    pub(super) at: f64,
    pub(super) revision: ExchangeId,
    /// Its media sequence number.
    pub(super) first: u64,
    /// The first of its segments (from 0) that is new.
    pub(super) fresh: u64,
    /// Nothing was known before it: what it says is no change.
    pub(super) is_first: bool,
}

impl Marks {
    pub(super) fn add(&mut self, at: f64, kind: &'static str, text: &str, revision: ExchangeId) {
        self.push(Mark {
            at,
            kind,
            to: None,
            text: text.to_owned(),
            revision,
            sequence: None,
        });
    }

    fn push(&mut self, mark: Mark) {
        if self.found.len() < MOST {
            self.found.push(mark);
        }
    }

    pub(super) fn take(&mut self, fresh: &Fresh<'_>) {
        for item in items(fresh.text) {
            self.item(fresh, &item);
        }
    }

    fn item(&mut self, fresh: &Fresh<'_>, item: &Item<'_>) {
        let is_new = item.index >= fresh.fresh && !fresh.is_first;
        let sequence = Some(fresh.first.wrapping_add(item.index));
        let mark = |kind, line: &[u8]| Mark {
            at: fresh.at,
            kind,
            to: None,
            text: shown(line),
            revision: fresh.revision,
            sequence,
        };
        match &item.content {
            Content::Segment(segment) if segment.discontinuity && is_new => {
                self.push(mark("discontinuity", b"#EXT-X-DISCONTINUITY"));
            }
            Content::Key(line, _) => {
                let is_other = self.key.as_deref() != Some(line.text);
                self.key = Some(line.text.to_vec());
                if is_other && is_new {
                    self.push(mark("key", line.text));
                }
            }
            Content::Map(line, _) => {
                let is_other = self.map.as_deref() != Some(line.text);
                self.map = Some(line.text.to_vec());
                if is_other && is_new {
                    self.push(mark("map", line.text));
                }
            }
            Content::DateRange(line) => {
                let Some(tag) = line.tag() else {
                    return;
                };
                let id = attribute(tag, b"ID").unwrap_or_default().to_vec();
                // An origin may make up any number of them.
                if self.dates.len() >= MOST || !self.dates.insert(id) {
                    return;
                }
                let duration = attribute(tag, b"DURATION").or(attribute(tag, b"PLANNED-DURATION"));
                let duration =
                    duration.and_then(|text| std::str::from_utf8(text).ok()?.parse::<f64>().ok());
                let duration = duration.filter(|seconds| (0.0..1e6).contains(seconds));
                self.push(Mark {
                    to: duration.map(|seconds| fresh.at + seconds),
                    sequence: None,
                    ..mark("date range", line.text)
                });
            }
            Content::SegmentTag(line) if is_new && is_cue(line.text) => {
                self.push(mark("cue", line.text));
            }
            _ => {}
        }
    }
}

/// Tags of ad breaks that are not the standard's.
fn is_cue(line: &[u8]) -> bool {
    let names: [&[u8]; 5] = [
        b"#EXT-X-CUE-OUT",
        b"#EXT-X-CUE-IN",
        b"#EXT-OATCLS-SCTE35",
        b"#EXT-X-SCTE35",
        b"#EXT-X-SPLICEPOINT-SCTE35",
    ];
    // It says again what began before.
    !line.starts_with(b"#EXT-X-CUE-OUT-CONT") && names.iter().any(|name| line.starts_with(name))
}

/// A line, no longer than a mark has room for, and harmless.
pub(super) fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    escaped(&line.chars().take(LONGEST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(texts: &[(&str, u64)]) -> Vec<(String, &'static str, Option<u64>)> {
        let mut marks = Marks::default();
        for (number, (text, fresh)) in texts.iter().enumerate() {
            marks.take(&Fresh {
                text: text.as_bytes(),
                at: number as f64,
                revision: 1,
                first: 10 + number as u64,
                fresh: *fresh,
                is_first: number == 0,
            });
        }
        let found = marks.found.into_iter();
        found
            .map(|mark| {
                (
                    format!("{} {}", mark.at, mark.text),
                    mark.kind,
                    mark.sequence,
                )
            })
            .collect()
    }

    #[test]
    fn what_changes_is_marked_where_it_is_new() {
        let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n";
        let first = format!("#EXTM3U\n{key}#EXT-X-MAP:URI=\"i\"\n#EXTINF:2,\na\n#EXTINF:2,\nb\n");
        let second = format!(
            "#EXTM3U\n{key}#EXT-X-MAP:URI=\"i\"\n#EXTINF:2,\nb\n#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI=\"k2\"\n\
             #EXT-X-CUE-OUT:30\n#EXTINF:2,\nc\n#EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"x\",DURATION=30\n"
        );
        assert_eq!(
            marks(&[(&first, 0), (&second, 1)]),
            [
                (
                    "1 #EXT-X-KEY:METHOD=AES-128,URI=\"k2\"".to_owned(),
                    "key",
                    Some(12)
                ),
                ("1 #EXT-X-CUE-OUT:30".to_owned(), "cue", Some(12)),
                (
                    "1 #EXT-X-DISCONTINUITY".to_owned(),
                    "discontinuity",
                    Some(12)
                ),
                (
                    "1 #EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"x\",DURATION=30".to_owned(),
                    "date range",
                    None
                ),
            ]
        );
    }

    #[test]
    fn what_was_said_before_is_no_change() {
        let text = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\na\n#EXT-X-CUE-OUT-CONT:3\n#EXTINF:2,\nb\n";
        assert_eq!(marks(&[(text, 0), (text, 1)]), []);
    }
}
