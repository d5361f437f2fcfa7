//! How two revisions differ, by lines.

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
    let (before, after) = (lines(before), lines(after));
    // What most texts have in common costs nothing.
    let head = alike(before.iter(), after.iter());
    let (old, new) = (
        before.get(head..).unwrap_or_default(),
        after.get(head..).unwrap_or_default(),
    );
    let tail = alike(old.iter().rev(), new.iter().rev());
    let old = old.get(..old.len() - tail).unwrap_or_default();
    let new = new.get(..new.len() - tail).unwrap_or_default();
    let began = clock::instant();
    let deadline = (began + PATIENCE).into_std();
    let is_large = old.len() + new.len() > MOST_LINES;
    let ops = match is_large {
        true => Vec::new(),
        false => capture_diff_slices_deadline(Algorithm::Patience, old, new, Some(deadline)),
    };
    let mut cut_short = is_large || began.elapsed() >= PATIENCE;
    let mut changes = Changes::default();
    changes.add("same", [0, head], [0, head]);
    for op in ops {
        if changes.0.len() >= MOST {
            cut_short = true;
            break;
        }
        let (tag, old, new) = op.as_tag_tuple();
        let span = |range: &Range<usize>| [head + range.start, range.len()];
        let none = |at: usize| [head + at, 0];
        match tag {
            DiffTag::Equal => changes.add("same", span(&old), span(&new)),
            DiffTag::Delete => changes.add("removed", span(&old), none(new.start)),
            DiffTag::Insert => changes.add("added", none(old.start), span(&new)),
            DiffTag::Replace => {
                changes.add("removed", span(&old), none(new.start));
                changes.add("added", none(old.end), span(&new));
            }
        }
    }
    // What was not compared is one change.
    let told = |of: fn(&Change) -> [usize; 2]| {
        changes.0.last().map_or(0, |last| of(last)[0] + of(last)[1])
    };
    let (old_from, new_from) = (told(|change| change.old), told(|change| change.new));
    let (old_end, new_end) = (before.len() - tail, after.len() - tail);
    changes.add("removed", [old_from, old_end - old_from], [new_from, 0]);
    changes.add("added", [old_end, 0], [new_from, new_end - new_from]);
    let tail_at = |lines: usize| [lines - tail, tail];
    changes.add("same", tail_at(before.len()), tail_at(after.len()));
    (changes.0, cut_short)
}

/// How many are alike from where they begin.
fn alike<'a>(
    one: impl Iterator<Item = &'a &'a [u8]>,
    other: impl Iterator<Item = &'a &'a [u8]>,
) -> usize {
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
        fn changes_make_one_text_of_the_other(before in "[ab\n]{0,40}", after in "[ab\n]{0,40}") {
            let (changes, _) = changes(before.as_bytes(), after.as_bytes());
            let lines = |text: &str| crate::hls::lines(text.as_bytes()).count();
            let sum = |of: fn(&Change) -> [usize; 2]| changes.iter().map(|change| of(change)[1]).sum::<usize>();
            prop_assert_eq!(sum(|change| change.old), lines(&before));
            prop_assert_eq!(sum(|change| change.new), lines(&after));
        }
    }
}
