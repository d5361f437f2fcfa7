//! How two revisions differ, by lines; a segment, from its EXTINF to its URI, is one thing.

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use similar::{Algorithm, DiffTag, capture_diff_slices_deadline};

use super::text::body;
use crate::clock;
use crate::page::view::View;
use crate::session::{ExchangeId, ReadError};

/// More changes are one.
const MOST: usize = 4000;
/// Texts of more lines together, beside what they have in common, are not compared line by line.
const MOST_LINES: usize = 200_000;
/// Tags of a segment: more of them are no segment, so that each line is looked at a few times at most.
const MOST_OF_SEGMENT: usize = 32;
/// Then the rest is one change.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Serialize)]
pub(in crate::page) struct Difference {
    old: ExchangeId,
    new: ExchangeId,
    changes: Vec<Change>,
    /// The rest of the time was up: what is between is told as removed and added, though lines of it may be the same.
    cut_short: bool,
}

#[derive(Serialize, Debug, PartialEq)]
struct Change {
    kind: &'static str,
    /// The first line, and how many.
    old: [usize; 2],
    new: [usize; 2],
}

/// `None`: one of them is not there.
pub(in crate::page) fn difference(
    view: &View<'_>,
    new: ExchangeId,
    old: ExchangeId,
) -> Result<Option<Difference>, ReadError> {
    let (Some(before), Some(after)) = (body(view, old)?, body(view, new)?) else {
        return Ok(None);
    };
    let (changes, cut_short) = changes(&before, &after);
    Ok(Some(Difference {
        old,
        new,
        changes,
        cut_short,
    }))
}

/// The changes, and whether they were cut short.
fn changes(before: &[u8], after: &[u8]) -> (Vec<Change>, bool) {
    let lines = |text| -> Vec<&[u8]> { crate::hls::lines(text).map(|line| line.text).collect() };
    let (before_lines, after_lines) = (lines(before), lines(after));
    let (before, after) = (units(&before_lines), units(&after_lines));
    // What most texts have in common costs nothing.
    let head = alike(before.iter(), after.iter());
    let (old, new) = (
        before.get(head..).unwrap_or_default(),
        after.get(head..).unwrap_or_default(),
    );
    let tail = alike(old.iter().rev(), new.iter().rev());
    let old = old.get(..old.len() - tail).unwrap_or_default();
    let new = new.get(..new.len() - tail).unwrap_or_default();
    let (head_lines, tail_lines) = (
        count(before.get(..head).unwrap_or_default()),
        count(before.get(before.len() - tail..).unwrap_or_default()),
    );
    let (old_starts, new_starts) = (starts(old, head_lines), starts(new, head_lines));
    let began = clock::instant();
    let deadline = (began + PATIENCE).into_std();
    let is_large = count(old) + count(new) > MOST_LINES;
    let ops = match is_large {
        true => Vec::new(),
        false => capture_diff_slices_deadline(Algorithm::Patience, old, new, Some(deadline)),
    };
    let mut cut_short = is_large || began.elapsed() >= PATIENCE;
    let mut changes = Changes::default();
    changes.add("same", [0, head_lines], [0, head_lines]);
    for op in ops {
        if changes.0.len() >= MOST {
            cut_short = true;
            break;
        }
        let (tag, old, new) = op.as_tag_tuple();
        let (old, new) = (of_lines(&old_starts, &old), of_lines(&new_starts, &new));
        match tag {
            DiffTag::Equal => changes.add("same", old, new),
            DiffTag::Delete => changes.add("removed", old, [new[0], 0]),
            DiffTag::Insert => changes.add("added", [old[0], 0], new),
            DiffTag::Replace => {
                changes.add("removed", old, [new[0], 0]);
                changes.add("added", [old[0] + old[1], 0], new);
            }
        }
    }
    // What was not compared is one change.
    let told = |of: fn(&Change) -> [usize; 2]| {
        changes.0.last().map_or(0, |last| of(last)[0] + of(last)[1])
    };
    let (old_from, new_from) = (told(|change| change.old), told(|change| change.new));
    let (old_end, new_end) = (
        before_lines.len() - tail_lines,
        after_lines.len() - tail_lines,
    );
    changes.add("removed", [old_from, old_end - old_from], [new_from, 0]);
    changes.add("added", [old_end, 0], [new_from, new_end - new_from]);
    changes.add("same", [old_end, tail_lines], [new_end, tail_lines]);
    (changes.0, cut_short)
}

/// Lines as they are compared. EXTINF is the same line in most segments: alone it would be found in another one, and a segment
/// that left would be told as the end of it and the beginning of the next.
fn units<'a>(lines: &'a [&'a [u8]]) -> Vec<&'a [&'a [u8]]> {
    let mut units = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let (unit, left) = rest.split_at(unit_length(rest));
        units.push(unit);
        rest = left;
    }
    units
}

/// How many lines the first unit has: of a segment all until its URI, of all else one.
fn unit_length(lines: &[&[u8]]) -> usize {
    let is_begin = |line: &&[u8]| line.starts_with(b"#EXTINF");
    if !lines.first().is_some_and(is_begin) {
        return 1;
    }
    let behind = lines.iter().skip(1).take(MOST_OF_SEGMENT);
    for (index, line) in behind.enumerate() {
        if is_begin(line) {
            break;
        }
        if !line.is_empty() && !line.starts_with(b"#") {
            return index + 2;
        }
    }
    1
}

/// Lines of units.
fn count(units: &[&[&[u8]]]) -> usize {
    units.iter().map(|unit| unit.len()).sum()
}

/// The first line of each unit, of which the first one begins at `first`, and where the last one ends.
fn starts(units: &[&[&[u8]]], first: usize) -> Vec<usize> {
    let mut starts = vec![first];
    let mut at = first;
    for unit in units {
        at += unit.len();
        starts.push(at);
    }
    starts
}

/// The first line of a span of units, and how many lines it has.
fn of_lines(starts: &[usize], span: &Range<usize>) -> [usize; 2] {
    let at = |index: usize| starts.get(index).copied().unwrap_or_default();
    let (from, to) = (at(span.start), at(span.end));
    [from, to.saturating_sub(from)]
}

/// How many are alike from where they begin.
fn alike<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    /// Nothing, and what goes on with the one before, is no change of its own.
    fn add(&mut self, kind: &'static str, old: [usize; 2], new: [usize; 2]) {
        if old[1] == 0 && new[1] == 0 {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.kind == kind => {
                last.old[1] += old[1];
                last.new[1] += new[1];
            }
            _ => self.0.push(Change { kind, old, new }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_that_slid_loses_its_head_and_gets_a_tail() {
        let before = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:2,\na\n#EXTINF:2,\nb\n";
        let after = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:2\n#EXTINF:2,\nb\n#EXTINF:2,\nc\n";
        let kinds: Vec<_> = changes(before, after)
            .0
            .iter()
            .map(|change| change.kind)
            .collect();
        assert_eq!(kinds, ["same", "removed", "added", "same", "added"]);
        assert_eq!(
            changes(before, before).0,
            [Change {
                kind: "same",
                old: [0, 6],
                new: [0, 6]
            }]
        );
    }

    #[test]
    fn no_segment_is_cut_in_two() {
        let text = |numbers: Range<usize>| {
            let segment = |n| {
                format!(
                    "#EXTINF:2,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{n:02}Z\nseg{n}.ts\n"
                )
            };
            format!("#EXTM3U\n{}", numbers.map(segment).collect::<String>())
        };
        let told = |before: Range<usize>, after: Range<usize>| {
            let (changes, _) = changes(text(before).as_bytes(), text(after).as_bytes());
            let told = changes.into_iter().map(|one| (one.kind, one.old, one.new));
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            told(1..6, 2..7),
            [
                ("same", [0, 1], [0, 1]),
                ("removed", [1, 3], [1, 0]),
                ("same", [4, 12], [1, 12]),
                ("added", [16, 0], [13, 3]),
            ]
        );
        assert_eq!(
            told(1..3, 5..7),
            [
                ("same", [0, 1], [0, 1]),
                ("removed", [1, 6], [1, 0]),
                ("added", [7, 0], [1, 6]),
            ]
        );
        // What has no URI is no segment.
        let (changes, _) = changes(b"#EXTINF:2,\n#EXTINF:2,\na\n", b"#EXTINF:2,\na\n");
        assert_eq!(changes.len(), 2, "{changes:?}");
    }

    #[test]
    fn many_changes_are_one_in_the_end_and_still_make_one_text_of_the_other() {
        let text = |other: char| {
            (0..MOST * 2)
                .map(|n| format!("{n}\n{other}\n"))
                .collect::<String>()
        };
        let (before, after) = (text('x'), text('y'));
        let (told, cut_short) = changes(before.as_bytes(), after.as_bytes());
        assert!(cut_short && told.len() <= MOST + 4, "{}", told.len());
        let lines =
            |of: fn(&Change) -> [usize; 2]| told.iter().map(|one| of(one)[1]).sum::<usize>();
        assert_eq!(
            (lines(|one| one.old), lines(|one| one.new)),
            (MOST * 4, MOST * 4)
        );
        let large = "a\n".repeat(MOST_LINES) + "b\n";
        let (told, cut_short) = changes(large.as_bytes(), b"c\n");
        assert!(cut_short && told.len() == 2, "{told:?}");
    }

    proptest! {
        #[test]
        fn changes_make_one_text_of_the_other(before in "(a|b|#EXTINF|\n){0,40}", after in "(a|b|#EXTINF|\n){0,40}") {
            let (changes, _) = changes(before.as_bytes(), after.as_bytes());
            let lines = |text: &str| crate::hls::lines(text.as_bytes()).count();
            let sum = |of: fn(&Change) -> [usize; 2]| changes.iter().map(|change| of(change)[1]).sum::<usize>();
            prop_assert_eq!(sum(|change| change.old), lines(&before));
            prop_assert_eq!(sum(|change| change.new), lines(&after));
            let text = |of: &str| crate::hls::lines(of.as_bytes()).map(|line| line.text.to_vec()).collect::<Vec<_>>();
            let (old, new) = (text(&before), text(&after));
            let (mut old_at, mut new_at) = (0, 0);
            for Change { kind, old: [old_from, old_count], new: [new_from, new_count] } in changes {
                prop_assert_eq!((old_from, new_from), (old_at, new_at));
                (old_at, new_at) = (old_from + old_count, new_from + new_count);
                if kind == "same" {
                    prop_assert_eq!(&old[old_from..old_at], &new[new_from..new_at]);
                }
            }
        }
    }
}
