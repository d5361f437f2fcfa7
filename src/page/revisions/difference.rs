//! How two revisions differ, by lines.

use std::time::Duration;

use serde::Serialize;
use similar::{Algorithm, DiffTag, capture_diff_slices_deadline};

use super::text::body;
use crate::clock;
use crate::page::view::View;
use crate::session::{ExchangeId, ReadError};

/// Then the rest is one change.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Serialize)]
pub(in crate::page) struct Difference {
    old: ExchangeId,
    new: ExchangeId,
    changes: Vec<Change>,
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
    Ok(Some(Difference {
        old,
        new,
        changes: changes(&before, &after),
    }))
}

fn changes(before: &[u8], after: &[u8]) -> Vec<Change> {
    let lines = |text| -> Vec<&[u8]> { crate::hls::lines(text).map(|line| line.text).collect() };
    let (before, after) = (lines(before), lines(after));
    let deadline = (clock::instant() + PATIENCE).into_std();
    let ops = capture_diff_slices_deadline(Algorithm::Patience, &before, &after, Some(deadline));
    let mut changes = Vec::new();
    for op in ops {
        let (tag, old, new) = op.as_tag_tuple();
        let span = |range: &std::ops::Range<usize>| [range.start, range.len()];
        let mut add = |kind, old, new| changes.push(Change { kind, old, new });
        match tag {
            DiffTag::Equal => add("same", span(&old), span(&new)),
            DiffTag::Delete => add("removed", span(&old), [new.start, 0]),
            DiffTag::Insert => add("added", [old.start, 0], span(&new)),
            DiffTag::Replace => {
                add("removed", span(&old), [new.start, 0]);
                add("added", [old.end, 0], span(&new));
            }
        }
    }
    changes
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
            .iter()
            .map(|change| change.kind)
            .collect();
        assert_eq!(kinds, ["same", "removed", "added", "same", "added"]);
        assert_eq!(
            changes(before, before),
            [Change {
                kind: "same",
                old: [0, 6],
                new: [0, 6]
            }]
        );
    }

    proptest! {
        #[test]
        fn changes_make_one_text_of_the_other(before in "[ab\n]{0,40}", after in "[ab\n]{0,40}") {
            let changes = changes(before.as_bytes(), after.as_bytes());
            let lines = |text: &str| crate::hls::lines(text.as_bytes()).count();
            let sum = |of: fn(&Change) -> [usize; 2]| changes.iter().map(|change| of(change)[1]).sum::<usize>();
            prop_assert_eq!(sum(|change| change.old), lines(&before));
            prop_assert_eq!(sum(|change| change.new), lines(&after));
        }
    }
}
