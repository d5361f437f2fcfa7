//! A window that was placed, and what another one has in common with it. Pure.

use super::window::{Name, Window};
use std::collections::{HashMap, HashSet};

/// No leap of numbers leads further than this.
const FARTHEST_PLACE: u64 = 1 << 60;
/// Bytes of fewer segments that two windows share may be a slate's.
const BYTES_TELL: usize = 2;

/// A window that was placed.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) window: Window,
    pub(super) place: u64,
    /// When its number and its end came.
    pub(super) came_us: i64,
    /// When it came last.
    pub(super) seen_us: i64,
}

/// How two windows overlap, where the new one is placed so.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Overlap {
    /// Places that both list.
    pub(super) both: usize,
    /// Those of them with a name, or bytes, in common.
    pub(super) agree: usize,
    /// Those with a name in common.
    pub(super) named: usize,
    /// Those whose bytes are known to be the same, ...
    pub(super) same: usize,
    /// ... and to be others.
    pub(super) differ: usize,
    /// Those of one URL, whose bytes are not known of both.
    pub(super) unchanged: usize,
}

impl Overlap {
    /// By bytes.
    pub(super) fn is_refuted(self) -> bool {
        self.differ > 0 && self.same + self.unchanged == 0
    }
}

impl Placed {
    /// The place behind its last segment.
    pub(super) fn end(&self) -> u64 {
        self.place.saturating_add(self.window.count)
    }

    /// Number of its first segment to its place.
    pub(super) fn place_of(&self, number: u64) -> Option<u64> {
        let moved = number.wrapping_sub(self.window.number?);
        // Of two's complement: forth or back.
        let place = match moved <= u64::MAX / 2 {
            true => self.place.checked_add(moved),
            false => self.place.checked_sub(moved.wrapping_neg()),
        };
        place.filter(|place| *place <= FARTHEST_PLACE)
    }

    fn name_at(&self, place: u64) -> Option<Name> {
        let first = self.place.saturating_add(self.window.skipped());
        let at = usize::try_from(place.checked_sub(first)?).ok()?;
        self.window.tail.get(at).copied()
    }

    /// What stands at each place that both windows list, where the other one is placed so.
    fn shared<'a>(
        &'a self,
        window: &'a Window,
        place: u64,
    ) -> impl Iterator<Item = (Name, Name)> + 'a {
        let first = place.saturating_add(window.skipped());
        let places = (0..).map(move |at: u64| first.saturating_add(at));
        let names = places.zip(&window.tail);
        names.filter_map(|(place, name)| Some((self.name_at(place)?, *name)))
    }

    /// Places that two windows share, and whether names agree there.
    pub(super) fn overlap(&self, window: &Window, place: u64) -> Overlap {
        let mut overlap = Overlap::default();
        for (known, name) in self.shared(window, place) {
            overlap.both += 1;
            overlap.agree += usize::from(name.shares(known));
            overlap.named += usize::from(name.is_named_like(known));
            match name.same_bytes(known) {
                Some(true) => overlap.same += 1,
                Some(false) => overlap.differ += 1,
                None => overlap.unchanged += usize::from(name.whole == known.whole),
            }
        }
        overlap
    }

    /// Whether no name denies that a window lies there: of two that stand at one place and differ, neither is in the other
    /// window. What was listed then has not moved; it may be listed once more.
    pub(super) fn goes_with(&self, window: &Window, place: u64) -> bool {
        let mut different = self.shared(window, place);
        let mut different = different
            .by_ref()
            .filter(|(known, name)| !name.shares(*known));
        let Some(first) = different.next() else {
            return true;
        };
        let (old, new) = (levels_of(&self.window), levels_of(window));
        std::iter::once(first)
            .chain(different)
            .all(|(known, name)| {
                let is_in =
                    |all: &HashSet<_>, name: Name| levels(name).any(|level| all.contains(&level));
                !is_in(&new, known) && !is_in(&old, name)
            })
    }

    /// Whether most of the names that both windows have are at other places, and deny that it lies there: the number does
    /// not go with them.
    pub(super) fn names_moved(&self, window: &Window, place: u64) -> bool {
        let is_elsewhere = aligned(self, window).is_some_and(|named| named != place);
        is_elsewhere && !self.goes_with(window, place)
    }
}

fn levels(name: Name) -> impl Iterator<Item = (usize, u64)> {
    let levels = name.levels().into_iter().enumerate();
    levels.filter_map(|(level, hash)| Some((level, hash?)))
}

fn levels_of(window: &Window) -> HashSet<(usize, u64)> {
    window.tail.iter().flat_map(|name| levels(*name)).collect()
}

/// The place of a window by names: where most of what both windows name lies at one distance. Names that
/// stand at several places (a slate, a ring) say nothing.
pub(super) fn aligned(known: &Placed, window: &Window) -> Option<u64> {
    (0..4).find_map(|level| aligned_at(known, window, level))
}

fn aligned_at(known: &Placed, window: &Window, level: usize) -> Option<u64> {
    let level_of = |name: &Name| name.levels().get(level).copied().flatten();
    let once = |tail: &[Name]| {
        let mut places: HashMap<u64, Option<usize>> = HashMap::new();
        for (at, name) in tail.iter().enumerate() {
            if let Some(hash) = level_of(name) {
                places
                    .entry(hash)
                    .and_modify(|place| *place = None)
                    .or_insert(Some(at));
            }
        }
        places
    };
    let (old, new) = (once(&known.window.tail), once(&window.tail));
    let old_first = known.place.saturating_add(known.window.skipped());
    let new_first = window.skipped();
    let mut votes: HashMap<u64, usize> = HashMap::new();
    let mut shared = 0;
    for (hash, at) in &new {
        if let (Some(at), Some(Some(old_at))) = (at, old.get(hash)) {
            // A name that was used again.
            let names = (known.window.tail.get(*old_at), window.tail.get(*at));
            if let (Some(old), Some(new)) = names
                && old.same_bytes(*new) == Some(false)
            {
                continue;
            }
            shared += 1;
            let place = old_first.saturating_add(*old_at as u64);
            let index = new_first.saturating_add(*at as u64);
            // Places begin at 0: a window that reaches back further than all that is known begins there.
            *votes.entry(place.saturating_sub(index)).or_default() += 1;
        }
    }
    let (place, most) = votes.into_iter().max_by_key(|(_, votes)| *votes)?;
    let tells = level > 0 || most >= BYTES_TELL;
    (tells && most * 2 > shared).then_some(place)
}
