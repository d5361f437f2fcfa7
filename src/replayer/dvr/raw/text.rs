//! The lines of a raw stream's DVR playlist. Pure.

use std::collections::HashSet;
use std::fmt::Write as _;

use percent_encoding::utf8_percent_encode;

use super::spans::{Span, Spans};
use crate::replayer::request::paths::NAME;
use crate::session::ExchangeId;

/// EXT-X-GAP needs it (RFC 8216bis 8), which may come at any time.
const VERSION: u32 = 8;

/// A part of a raw stream as it is listed. Times in microseconds.
#[derive(Debug, Clone)]
pub(super) struct ListedPart {
    pub exchange_id: ExchangeId,
    /// The name of its file.
    pub name: String,
    /// When it began, of Unix time.
    pub began_us: i64,
    /// How long it took to come.
    pub length_us: i64,
    /// It goes on with the response of the part before.
    pub continues: bool,
    /// `None`: its file is not there.
    pub spans: Option<Spans>,
}

impl ListedPart {
    /// How many segments it is listed as.
    pub(super) fn segments(&self) -> u64 {
        let spans = self.spans.as_ref();
        spans.map_or(1, |spans| spans.spans.len() as u64)
    }

    /// Discontinuities within it.
    fn restarts(&self) -> usize {
        let spans = self.spans.iter().flat_map(|spans| &spans.spans);
        spans.filter(|span| span.anew_us.is_some()).count()
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let spans = self.spans.as_ref().map_or(0, |spans| spans.spans.len());
        (size_of::<Self>() + self.name.len() + size_of::<Span>() * spans) as u64
    }
}

/// How a playlist ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its session is being recorded: more comes.
    Grows,
    /// It is being recorded, and `--keep` removes the oldest parts: more comes, and the first ones go.
    Slides,
    /// What is there now is all.
    Ends,
}

/// What the first segment that is listed counts as, and how many discontinuities were before it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub media_sequence: u64,
    pub discontinuity_sequence: u64,
}

impl Numbers {
    /// Of what remains, when the first so many parts have gone.
    pub(super) fn without(self, parts: &[ListedPart], gone: usize) -> Self {
        let removed = parts.iter().take(gone).map(ListedPart::segments);
        let within: usize = parts.iter().take(gone).map(ListedPart::restarts).sum();
        let before = within + breaks(parts).take_while(|part| *part < gone).count();
        // What stands before the first that remains stays no longer: a list does not begin with a break.
        let at_edge = breaks(parts).filter(|part| *part >= gone).take(1);
        let at_edge = at_edge.filter(|part| Some(*part) == first_listed(parts, gone));
        Self {
            media_sequence: self.media_sequence.saturating_add(removed.sum()),
            discontinuity_sequence: self
                .discontinuity_sequence
                .saturating_add((before + at_edge.count()) as u64),
        }
    }
}

/// The first part from there on that has a segment.
fn first_listed(parts: &[ListedPart], from: usize) -> Option<usize> {
    (from..parts.len()).find(|n| parts.get(*n).is_some_and(|part| part.segments() > 0))
}

/// The parts before whose first segment a discontinuity stands.
fn breaks(parts: &[ListedPart]) -> impl Iterator<Item = usize> {
    let (mut is_first, mut misses) = (true, false);
    parts.iter().enumerate().filter_map(move |(n, part)| {
        if part.segments() == 0 {
            misses = true;
            return None;
        }
        let breaks = !is_first && (misses || !part.continues);
        (is_first, misses) = (false, part.spans.is_none());
        breaks.then_some(n)
    })
}

/// The playlist; `None`: it has no segment. References lead to the root of the replay by `root`.
pub(super) fn text(
    parts: &[ListedPart],
    numbers: Numbers,
    root: &str,
    ending: Ending,
) -> Option<String> {
    let broken: HashSet<usize> = breaks(parts).collect();
    let mut lines = String::new();
    let mut longest_us = 0;
    first_listed(parts, 0)?;
    for (n, part) in parts.iter().enumerate() {
        if part.segments() == 0 {
            continue;
        }
        if broken.contains(&n) {
            lines.push_str("#EXT-X-DISCONTINUITY\n");
        }
        longest_us = longest_us.max(write_part(&mut lines, part, root));
    }
    let kind = match ending {
        Ending::Grows => "#EXT-X-PLAYLIST-TYPE:EVENT\n",
        // Of neither type anything may go (RFC 8216bis 4.4.3.5).
        Ending::Slides => "",
        Ending::Ends => "#EXT-X-PLAYLIST-TYPE:VOD\n",
    };
    let discontinuities = match numbers.discontinuity_sequence {
        0 => String::new(),
        number => format!("#EXT-X-DISCONTINUITY-SEQUENCE:{number}\n"),
    };
    let target = (longest_us + 500_000) / 1_000_000;
    let head = format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n{discontinuities}{kind}",
        target.max(1),
        numbers.media_sequence,
    );
    let end = match ending {
        Ending::Grows | Ending::Slides => "",
        Ending::Ends => "#EXT-X-ENDLIST\n",
    };
    Some([&head, &lines, end].concat())
}

/// The duration of its longest segment.
fn write_part(lines: &mut String, part: &ListedPart, root: &str) -> i64 {
    let uri = format!(
        "{root}exchange/{}/{}",
        part.exchange_id,
        utf8_percent_encode(&part.name, NAME)
    );
    write_date(lines, part.began_us);
    let Some(spans) = &part.spans else {
        let duration_us = part.length_us.max(1_000);
        let _ = writeln!(
            lines,
            "#EXT-X-GAP\n#EXTINF:{},\n{uri}",
            seconds(duration_us)
        );
        return duration_us;
    };
    if spans.init > 0 {
        let _ = writeln!(
            lines,
            "#EXT-X-MAP:URI=\"{uri}\",BYTERANGE=\"{}@0\"",
            spans.init
        );
    }
    for span in &spans.spans {
        if let Some(anew_us) = span.anew_us {
            lines.push_str("#EXT-X-DISCONTINUITY\n");
            write_date(lines, part.began_us.saturating_add(anew_us));
        }
        let _ = writeln!(
            lines,
            "#EXTINF:{},\n#EXT-X-BYTERANGE:{}@{}\n{uri}",
            seconds(span.duration_us),
            span.length,
            span.first
        );
    }
    spans
        .spans
        .iter()
        .map(|span| span.duration_us)
        .max()
        .unwrap_or(0)
}

/// When what follows came, in microseconds of Unix time.
fn write_date(lines: &mut String, at_us: i64) {
    let at = chrono::DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    let at = at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
    // Writing to a String cannot fail.
    let _ = writeln!(lines, "#EXT-X-PROGRAM-DATE-TIME:{at}");
}

/// Never 0, with which some players do not get on.
fn seconds(us: i64) -> String {
    let ms = us.saturating_add(500) / 1000;
    let ms = ms.max(1);
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(exchange_id: ExchangeId, continues: bool, spans: Option<Spans>) -> ListedPart {
        ListedPart {
            exchange_id,
            name: format!("a b.{exchange_id:03}.ts"),
            began_us: 1_000_000 * exchange_id,
            length_us: 3_000_000,
            continues,
            spans,
        }
    }

    fn spans(init: u64) -> Option<Spans> {
        let span = |first, length, duration_us| Span {
            first,
            length,
            duration_us,
            anew_us: None,
        };
        Some(Spans {
            init,
            spans: vec![span(init, 100, 10_004_000), span(init + 100, 7, 1_500)],
        })
    }

    #[test]
    fn parts_are_listed_in_ranges_and_a_break_is_a_discontinuity() {
        let parts = [
            part(1, false, spans(0)),
            part(2, true, spans(0)),
            part(3, false, None),
        ];
        let text = text(&parts, Numbers::default(), "../", Ending::Ends).unwrap();
        assert_eq!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n\
             #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:01.000Z\n\
             #EXTINF:10.004,\n#EXT-X-BYTERANGE:100@0\n../exchange/1/a%20b.001.ts\n\
             #EXTINF:0.002,\n#EXT-X-BYTERANGE:7@100\n../exchange/1/a%20b.001.ts\n\
             #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:02.000Z\n\
             #EXTINF:10.004,\n#EXT-X-BYTERANGE:100@0\n../exchange/2/a%20b.002.ts\n\
             #EXTINF:0.002,\n#EXT-X-BYTERANGE:7@100\n../exchange/2/a%20b.002.ts\n\
             #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:03.000Z\n\
             #EXT-X-GAP\n#EXTINF:3.000,\n../exchange/3/a%20b.003.ts\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn time_stamps_that_begin_anew_within_a_part_are_a_discontinuity_that_is_counted() {
        let mut within = spans(0);
        within.as_mut().unwrap().spans[1].anew_us = Some(500_000);
        let parts = [part(1, false, within), part(2, true, spans(0))];
        let listed = text(&parts, Numbers::default(), "", Ending::Ends).unwrap();
        assert!(
            listed.contains(
                "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:01.500Z\n#EXTINF:0.002,\n"
            ),
            "{listed}"
        );
        let left = Numbers::default().without(&parts, 1);
        assert_eq!((left.media_sequence, left.discontinuity_sequence), (2, 1));
    }

    #[test]
    fn what_grows_begins_as_what_it_was_and_what_has_no_segment_is_nothing() {
        let parts = [
            part(1, false, spans(30)),
            part(2, false, Some(Spans::default())),
            part(3, true, spans(30)),
        ];
        let short = text(&parts[..1], Numbers::default(), "", Ending::Grows).unwrap();
        let long = text(&parts, Numbers::default(), "", Ending::Grows).unwrap();
        assert!(long.starts_with(&short) && !long.contains("ENDLIST"));
        assert!(short.contains("#EXT-X-MAP:URI=\"exchange/1/a%20b.001.ts\",BYTERANGE=\"30@0\"\n"));
        assert!(
            long.contains("#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:03"),
            "over what is missing"
        );
        let none = text(&parts[1..2], Numbers::default(), "", Ending::Ends);
        assert_eq!(none, None);
    }

    #[test]
    fn what_goes_at_the_front_takes_no_number_of_those_behind_it() {
        let parts = [
            part(1, false, spans(0)),
            part(2, true, None),
            part(3, true, spans(0)),
            part(4, false, Some(Spans::default())),
            part(5, true, spans(0)),
        ];
        let begins = Numbers {
            media_sequence: 70,
            discontinuity_sequence: 7,
        };
        // Each segment, by what it is numbered as, and after how many discontinuities.
        let numbered = |gone: usize| {
            let left = &parts[gone..];
            let numbers = begins.without(&parts, gone);
            let text = text(left, numbers, "", Ending::Slides).unwrap();
            assert!(!text.contains("PLAYLIST-TYPE") && !text.contains("ENDLIST"));
            let number = |tag: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(tag));
                line.unwrap().parse::<u64>().unwrap()
            };
            let mut at = number("#EXT-X-MEDIA-SEQUENCE:");
            let mut breaks = number("#EXT-X-DISCONTINUITY-SEQUENCE:");
            let mut found = Vec::new();
            for line in text.lines() {
                match line {
                    "#EXT-X-DISCONTINUITY" => breaks += 1,
                    uri if !uri.starts_with('#') => {
                        found.push((at, breaks, uri.to_owned()));
                        at += 1;
                    }
                    _ => {}
                }
            }
            found
        };
        let all = numbered(0);
        assert_eq!(all.len(), 7);
        assert_eq!((all[0].0, all[0].1, all[6].0, all[6].1), (70, 7, 76, 9));
        for gone in 1..5 {
            let left = numbered(gone);
            assert!(all.ends_with(&left), "{gone}: {left:?} of {all:?}");
        }
    }
}
