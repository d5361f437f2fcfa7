//! How a window lies on the one before, by names of segments: tokens are no names. Pure.

use crate::analysis::rules::playlist::Playlist;
use crate::hls::steps::step;

/// A name that is listed more often is that of a slate, and says nothing.
const MOST_STARTS: usize = 16;

/// What names say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// So many segments are gone from the top, and the rest is as it was.
    Slid(usize),
    /// Something went from the middle: so many segments.
    Removed(usize),
    /// Something came into the middle: so many segments.
    Inserted(usize),
    /// As many segments, of which some have other names.
    Renamed(usize),
    /// Names say nothing: no segment is in both.
    Unknown,
}

/// How `now` lies on `before`, where its number says that `grown` segments are gone.
pub fn alignment(before: &Playlist, now: &Playlist, grown: usize) -> Alignment {
    if before
        .segments
        .get(grown..)
        .is_some_and(|left| !left.is_empty())
        && fits(before, now, grown)
    {
        return Alignment::Slid(grown);
    }
    if let Some(gone) = other_slide(before, now, grown) {
        return Alignment::Slid(gone);
    }
    let left = before.segments.get(grown..).unwrap_or_default();
    let Some(last) = left.last() else {
        return Alignment::Unknown;
    };
    let Some(at) = now
        .segments
        .iter()
        .position(|segment| segment.name == last.name)
    else {
        return Alignment::Unknown;
    };
    let count = at + 1;
    match left.len() {
        had if had > count => Alignment::Removed(had - count),
        had if had < count => Alignment::Inserted(count - had),
        _ => {
            let pairs = left.iter().zip(&now.segments);
            Alignment::Renamed(pairs.filter(|(one, other)| one.name != other.name).count())
        }
    }
}

/// Whether what is left of `before` behind so many segments is the beginning of `now`.
fn fits(before: &Playlist, now: &Playlist, gone: usize) -> bool {
    let left = before.segments.get(gone..).unwrap_or_default();
    left.len() <= now.segments.len()
        && left
            .iter()
            .zip(&now.segments)
            .inspect(|_| step())
            .all(|(one, other)| one.name == other.name)
}

/// Another number of segments that are gone than the one that is told. One segment alone may have any name again: it is two
/// at least, where there are two.
fn other_slide(before: &Playlist, now: &Playlist, grown: usize) -> Option<usize> {
    let first = now.segments.first()?;
    let least = before.segments.len().min(2);
    let starts = before.segments.iter().enumerate();
    let starts = starts
        .filter(|(_, segment)| segment.name == first.name)
        .take(MOST_STARTS);
    let mut slides = starts.map(|(gone, _)| gone).filter(|gone| {
        *gone != grown && before.segments.len() - gone >= least && fits(before, now, *gone)
    });
    slides.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::time::testing::window;

    fn told(before: &[&str], now: &[&str], grown: usize) -> Alignment {
        let read = |segments| Playlist::read(window(0, segments).into());
        alignment(&read(before), &read(now), grown)
    }

    #[test]
    fn names_say_how_a_window_lies() {
        let before = ["a", "b", "c", "d"];
        assert_eq!(told(&before, &["b", "c", "d", "e"], 1), Alignment::Slid(1));
        assert_eq!(told(&before, &["b", "c", "d", "e"], 2), Alignment::Slid(1));
        assert_eq!(
            told(&before, &["a", "c", "d", "e"], 0),
            Alignment::Removed(1)
        );
        assert_eq!(
            told(&before, &["a", "b", "x", "c", "d"], 0),
            Alignment::Inserted(1)
        );
        assert_eq!(
            told(&before, &["a", "x", "c", "d"], 0),
            Alignment::Renamed(1)
        );
        assert_eq!(told(&before, &["w", "x", "y", "z"], 1), Alignment::Unknown);
        assert_eq!(told(&before, &["e", "f"], 4), Alignment::Unknown);
    }

    #[test]
    fn a_slate_that_is_listed_again_and_again_slides_as_it_says() {
        let slate = ["s", "s", "s", "s"];
        assert_eq!(told(&slate, &slate, 2), Alignment::Slid(2));
    }
}
