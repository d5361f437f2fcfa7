//! A revision and the one before it.

use std::cell::OnceCell;

use super::alignment::{Alignment, alignment};
use crate::analysis::rules::playlist::Playlist;
use crate::hls::Step;

/// By how much a text ends before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Segments from the one end to the other.
    pub segments: u64,
    /// How long they play, in microseconds.
    pub us: i64,
}

/// A revision and the one before it.
#[derive(Debug)]
pub struct Change<'a> {
    /// The newest one so far.
    pub before: &'a Playlist,
    /// The one that came.
    pub now: &'a Playlist,
    /// How the window of this one lies on those before (`docs/design/windows.md`); `None`: nobody said.
    pub step: Option<Step>,
    /// Its text is that of an older revision, not of the one before.
    pub is_old: bool,
    /// Index of its first segment that no earlier revision listed.
    pub fresh: usize,
    /// The name of its last segment had been listed before, by whatever revision.
    pub ends_with_known: bool,
    /// By how much it ends before the newest one, if its text is that of an older revision; `None`: nobody said.
    pub age: Option<Age>,
    aligned: OnceCell<Option<Alignment>>,
}

impl<'a> Change<'a> {
    /// `is_old`: its text is that of an older revision, not of the one before.
    pub fn new(
        (before, now): (&'a Playlist, &'a Playlist),
        step: Option<Step>,
        is_old: bool,
        fresh: usize,
    ) -> Self {
        Self {
            before,
            now,
            step,
            is_old,
            fresh,
            ends_with_known: false,
            age: None,
            aligned: OnceCell::new(),
        }
    }

    /// It goes on where the one before stood: neither begun again, nor an older state of an edge that lags behind.
    pub(super) fn goes_on(&self) -> bool {
        !self.is_old && matches!(self.step, Some(Step::Slid | Step::Same))
    }

    /// Whether the numbers of both can be compared.
    pub(super) fn has_numbers(&self) -> bool {
        self.before.has_numbers() && self.now.has_numbers()
    }

    /// How its window lies on the one before, by names; `None`: EXT-X-MEDIA-SEQUENCE decreased, or cannot be compared.
    pub(super) fn alignment(&self) -> Option<Alignment> {
        *self.aligned.get_or_init(|| {
            let grown = usize::try_from(self.grown()?).unwrap_or(usize::MAX);
            let aligned = alignment(self.before, self.now, grown);
            Some(match aligned {
                Alignment::Slid(gone) if gone != grown && self.names_come_again(gone) => {
                    Alignment::Unknown
                }
                _ => aligned,
            })
        })
    }

    /// Whether by names all of it was listed before, though its end is new: names that come again. Behind a pause that was longer than
    /// the window, by numbers nothing of that is left, and names lie on it anyhow.
    fn names_come_again(&self, gone: usize) -> bool {
        let was = self.before.segments.len() as u64;
        if self.grown().is_some_and(|grown| grown >= was) && self.ends_with_known {
            return self.step == Some(Step::Slid);
        }
        let stayed = self.before.segments.len().saturating_sub(gone);
        let is_known = self.now.skipped == 0 && stayed >= self.now.segments.len();
        is_known && self.step == Some(Step::Slid)
    }

    /// By how much EXT-X-MEDIA-SEQUENCE grew; `None`: it decreased, or cannot be compared.
    pub(super) fn grown(&self) -> Option<u64> {
        let was = self.before.first_number();
        let grown = self.now.first_number().checked_sub(was);
        grown.filter(|_| self.has_numbers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::time::testing::window;

    /// How the second lies on the first, by names.
    fn aligned(before: &str, now: &str, ends_with_known: bool) -> Option<Alignment> {
        let read = |text: &str| Playlist::read(text.into());
        let (before, now) = (read(before), read(now));
        let mut change = Change::new((&before, &now), Some(Step::Slid), false, 0);
        change.ends_with_known = ends_with_known;
        change.alignment()
    }

    #[test]
    fn behind_a_pause_longer_than_the_window_a_ring_of_names_says_nothing() {
        let before = window(7, &["a", "b", "c", "d", "e"]);
        let ring = window(15, &["d", "e", "a", "b", "c"]);
        assert_eq!(aligned(&before, &ring, true), Some(Alignment::Unknown));
        // Of names that are new at the end three went, whatever the number says.
        let jumped = window(15, &["d", "e", "f", "g", "h"]);
        assert_eq!(aligned(&before, &jumped, false), Some(Alignment::Slid(3)));
    }
}
