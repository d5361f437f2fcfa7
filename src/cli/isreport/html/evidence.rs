//! The texts that show what was found: some lines of each, with one of them marked.

use std::collections::BTreeMap;

use crate::analysis::rules::findings::Judged;
use crate::hls::{LineKind, PlaylistKind, lines, playlist_kind};
use crate::session::{Body, ExchangeId, ReadError, Reader};
use crate::shown::escaped;

/// Findings whose texts are shown, the first ones.
const MOST: usize = 200;
/// Lines before the marked one, and behind it.
const AROUND: usize = 6;
/// Longer lines are cut, in characters.
const LONGEST: usize = 400;

/// Some lines of a text.
pub(super) struct Excerpt {
    /// The exchange that brought it.
    pub(super) exchange: ExchangeId,
    /// Number of the line that is marked, from 1.
    pub(super) marked: Option<usize>,
    /// Number of each line, and what it is; nothing in it steers anything.
    pub(super) lines: Vec<(usize, String)>,
}

/// The texts of findings.
#[derive(Default)]
pub(in crate::cli::isreport) struct Evidence {
    /// By what is looked for in it, too: one text shows several things.
    excerpts: BTreeMap<(ExchangeId, Wanted), Excerpt>,
}

/// What is marked in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Nothing,
    /// A line, by its number.
    Line(u64),
    /// A segment, by its media sequence number.
    Segment(u64),
}

impl Wanted {
    fn of(judged: &Judged) -> Self {
        let number = |name| judged.finding.detail.get(name)?.as_u64();
        match (number("line"), number("media_sequence")) {
            (Some(line), _) => Self::Line(line),
            (None, Some(segment)) => Self::Segment(segment),
            (None, None) => Self::Nothing,
        }
    }
}

impl Evidence {
    /// Reads the texts of findings.
    ///
    /// # Errors
    /// The database is damaged.
    pub(in crate::cli::isreport) fn read<'a>(
        reader: &Reader,
        findings: impl Iterator<Item = &'a Judged>,
    ) -> Result<Self, ReadError> {
        let mut evidence = Self::default();
        for judged in findings.take(MOST) {
            let Some(exchange) = judged.finding.first.exchange else {
                continue;
            };
            let key = (exchange, Wanted::of(judged));
            if evidence.excerpts.contains_key(&key) {
                continue;
            }
            match reader.together(|| reader.body_of(exchange)) {
                Ok(Some(Body::Bytes(text))) if playlist_kind(&text).is_some() => {
                    evidence
                        .excerpts
                        .insert(key, excerpt(exchange, key.1, &text));
                }
                // What is damaged is told as what was not judged.
                Ok(_) | Err(ReadError::Altered { .. } | ReadError::Lost(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(evidence)
    }

    /// The text that shows a finding.
    pub(super) fn excerpt(&self, judged: &Judged) -> Option<&Excerpt> {
        let exchange = judged.finding.first.exchange?;
        self.excerpts.get(&(exchange, Wanted::of(judged)))
    }
}

fn excerpt(exchange: ExchangeId, wanted: Wanted, text: &[u8]) -> Excerpt {
    let marked = match wanted {
        Wanted::Nothing => None,
        Wanted::Line(line) => usize::try_from(line).ok(),
        Wanted::Segment(number) => line_of_segment(text, number),
    };
    let first = marked.unwrap_or(1).saturating_sub(AROUND).max(1);
    let shown = |(n, line): (usize, &[u8])| {
        let line = String::from_utf8_lossy(line);
        let line: String = line.trim_end_matches('\r').chars().take(LONGEST).collect();
        (n + 1, escaped(&line))
    };
    let all = text.split(|byte| *byte == b'\n').enumerate();
    Excerpt {
        exchange,
        marked,
        lines: all
            .skip(first - 1)
            .take(2 * AROUND + 1)
            .map(shown)
            .collect(),
    }
}

/// In which line the URI of a segment stands, from 1.
fn line_of_segment(text: &[u8], number: u64) -> Option<usize> {
    if playlist_kind(text) != Some(PlaylistKind::Media) {
        return None;
    }
    let head = lines(text).filter_map(|line| line.tag());
    let sequence = head
        .filter(|tag| tag.name == b"#EXT-X-MEDIA-SEQUENCE")
        .find_map(|tag| {
            std::str::from_utf8(tag.value)
                .ok()?
                .trim()
                .parse::<u64>()
                .ok()
        });
    let index = usize::try_from(number.checked_sub(sequence.unwrap_or(0))?).ok()?;
    let uris = lines(text).enumerate();
    let mut uris = uris.filter(|(_, line)| line.kind == LineKind::Uri);
    uris.nth(index).map(|(n, _)| n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n\
        #EXTINF:4,\na.ts\n\n#EXTINF:9,\n<b>.ts\n";

    #[test]
    fn a_segment_is_marked_by_its_number() {
        assert_eq!(line_of_segment(TEXT, 7), Some(5));
        assert_eq!(line_of_segment(TEXT, 8), Some(8));
        assert_eq!(line_of_segment(TEXT, 9), None);
        assert_eq!(line_of_segment(TEXT, 6), None);
    }

    #[test]
    fn some_lines_around_the_marked_one_are_shown() {
        let excerpt = excerpt(3, Wanted::Segment(8), TEXT);
        assert_eq!(excerpt.marked, Some(8));
        assert!(excerpt.lines.contains(&(8, "<b>.ts".to_owned())));
        assert_eq!(excerpt.lines.first().map(|(n, _)| *n), Some(2));
    }
}
