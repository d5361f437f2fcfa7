//! Gaps of a stream: those of its playlists that overlap are one event, told and counted once. Pure but for its lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::spans::{self, Event, Span, Sum};

/// Spans that are kept as they were; of those before only their sums are.
const MOST_KEPT: usize = 128;

/// What gaps come to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct GapTally {
    /// How many; those of several playlists of a stream that overlap are one.
    pub count: u64,
    /// How long all of them were, in microseconds: what several playlists of a stream had at once counts once.
    pub length_us: u64,
    /// The longest one, in microseconds.
    pub longest_us: u64,
    /// When that one began, in microseconds of Unix time; 0: there was none.
    pub longest_from_us: i64,
    /// How many are not over.
    pub open: u64,
    /// Segments that were skipped in them: in each by the playlist that skipped most.
    pub never_listed: u64,
    /// Segments that were skipped while the recorder may have missed them: whether they were listed nobody knows.
    pub not_seen: u64,
    /// Those of them that it missed while a host was left alone, as it had asked.
    pub held_back: u64,
    /// Playlists that had any.
    pub playlists: u64,
    /// When the last of them was over, or what is known of it; 0: there was none.
    pub last_us: i64,
}

impl GapTally {
    /// Of two streams.
    pub fn and(self, other: Self) -> Self {
        let longest = match self.longest_us >= other.longest_us {
            true => &self,
            false => &other,
        };
        Self {
            longest_from_us: longest.longest_from_us,
            open: self.open + other.open,
            count: self.count + other.count,
            length_us: self.length_us.saturating_add(other.length_us),
            longest_us: self.longest_us.max(other.longest_us),
            never_listed: self.never_listed.saturating_add(other.never_listed),
            not_seen: self.not_seen.saturating_add(other.not_seen),
            held_back: self.held_back.saturating_add(other.held_back),
            playlists: self.playlists + other.playlists,
            last_us: self.last_us.max(other.last_us),
        }
    }
}

/// Segments that a playlist went on without.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The recorder did not miss them.
    pub never_listed: u64,
    /// It may have missed them: it did not ask, or stood still.
    pub not_seen: u64,
    /// It did not ask, since the host had asked for patience.
    pub is_held_back: bool,
}

impl Skipped {
    pub(crate) fn never_listed(count: u64) -> Self {
        Self {
            never_listed: count,
            ..Self::default()
        }
    }

    #[cfg(test)]
    pub(crate) fn not_seen(count: u64) -> Self {
        Self {
            not_seen: count,
            ..Self::default()
        }
    }

    /// `, 2 segments never listed`.
    pub(crate) fn told(self) -> String {
        let told = |count: u64, how: &str| match count {
            0 => String::new(),
            1 => format!(", 1 segment {how}"),
            count => format!(", {count} segments {how}"),
        };
        told(self.never_listed, "never listed") + &told(self.not_seen, "not seen")
    }
}

/// An event that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    /// When it began, in microseconds of Unix time.
    pub from_us: i64,
    /// How long it was, in microseconds.
    pub length_us: i64,
    /// How many playlists it was of.
    pub playlists: u64,
    /// Of the playlist that skipped most.
    pub skipped: Skipped,
    /// That it began was told.
    pub was_told: bool,
}

/// The gaps of a stream.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Those that go on, by playlist.
    open: BTreeMap<i64, Open>,
    over: Vec<Span>,
    /// The event that goes on, or was told of last: of each playlist one span.
    told: Vec<Span>,
    /// Segments that were not seen in it.
    told_not_seen: u64,
    /// What is no longer in `over`, as it added to the sums.
    before: Sum,
    /// When the longest of those began.
    before_from_us: i64,
    /// Playlists that had any.
    playlists: BTreeSet<i64>,
    /// Counters never go back, whatever is known later: how many events, and segments.
    most: (u64, u64),
    last_us: i64,
}

/// A gap that goes on.
#[derive(Debug, Clone, Copy)]
struct Open {
    span: Span,
    place: Place,
}

/// Of which event a gap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It begins one.
    Begins,
    /// Of the one that is told of.
    Joins,
    /// Of that one there is a gap of its playlist already, and it goes on: it is one by itself.
    Apart,
}

impl Events {
    /// The gap of a playlist goes on; whether it is told of: it is new, and of no event that is known.
    pub(super) fn lasts(&self, of: i64, from_us: i64, until_us: i64) -> bool {
        let span = Span {
            of,
            from_us,
            until_us,
            lost: 0,
        };
        let mut known = self.known();
        known.note(&span);
        let before = known.open.get(&of).map(|open| open.place);
        let place = before.unwrap_or_else(|| known.place(&span));
        known.tell(span, place);
        known.open.insert(of, Open { span, place });
        before.is_none() && place != Place::Joins
    }

    /// The gap of a playlist is over; the event that is over with it and is to be told.
    pub(super) fn ends(
        &self,
        of: i64,
        (from_us, until_us): (i64, i64),
        skipped: Skipped,
    ) -> Option<Over> {
        let span = Span {
            of,
            from_us,
            until_us,
            lost: skipped.never_listed,
        };
        let not_seen = skipped.not_seen;
        let mut known = self.known();
        known.note(&span);
        let was_open = known.open.remove(&of);
        let place = was_open.map_or_else(|| known.place(&span), |open| open.place);
        known.tell(span, place);
        known.keep(span);
        if place != Place::Apart {
            known.told_not_seen = known.told_not_seen.max(not_seen);
        }
        match (place, was_open.is_some()) {
            (Place::Apart, was_told) => Some(over(&[span], not_seen, was_told)),
            // It is seen when it is over: that event was told to its end.
            (Place::Joins, false) => None,
            (_, was_told) => {
                (!known.goes_on()).then(|| over(&known.told, known.told_not_seen, was_told))
            }
        }
    }

    /// The gap of a playlist, if it is not over, is as long as until then.
    pub(super) fn last_until(&self, of: i64, until_us: i64) {
        let mut known = self.known();
        let Some(open) = known.open.get_mut(&of) else {
            return;
        };
        open.span.until_us = open.span.until_us.max(until_us);
        let open = *open;
        known.note(&open.span);
        known.tell(open.span, open.place);
    }

    /// No end of the gap of a playlist is to come.
    pub(super) fn over(&self, of: i64) {
        let mut known = self.known();
        if let Some(open) = known.open.remove(&of) {
            known.keep(open.span);
        }
    }

    /// What they come to.
    pub(super) fn tally(&self) -> GapTally {
        let mut known = self.known();
        let sum = known.sum();
        known.most = (known.most.0.max(sum.count), known.most.1.max(sum.lost));
        let micros = |us: i64| u64::try_from(us).unwrap_or(0);
        GapTally {
            count: known.most.0,
            length_us: micros(sum.length_us),
            longest_us: micros(sum.longest_us),
            longest_from_us: known.longest_from_us(),
            open: known.open_events(),
            never_listed: known.most.1,
            not_seen: 0,
            held_back: 0,
            playlists: known.playlists.len() as u64,
            last_us: known.last_us,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn note(&mut self, span: &Span) {
        self.playlists.insert(span.of);
        self.last_us = self.last_us.max(span.until_us);
    }

    /// Whether the event that is told of goes on.
    fn goes_on(&self) -> bool {
        let mut open = self.open.values();
        open.any(|open| open.place != Place::Apart)
    }

    /// Of which event a new span is.
    fn place(&self, span: &Span) -> Place {
        let overlaps = |one: &Span| span.from_us < one.until_us && one.from_us < span.until_us;
        let is_in = self.told.iter().any(|one| one.of == span.of);
        match (self.told.iter().any(overlaps), is_in, self.goes_on()) {
            (true, false, _) => Place::Joins,
            (_, true, true) => Place::Apart,
            (false, false, true) => Place::Joins,
            _ => Place::Begins,
        }
    }

    /// The event that is told of is what it is with this.
    fn tell(&mut self, span: Span, place: Place) {
        let is_it = |one: &&mut Span| one.of == span.of && one.from_us == span.from_us;
        match (place, self.told.iter_mut().find(is_it)) {
            (Place::Apart, _) => {}
            (_, Some(one)) => *one = span,
            (Place::Joins, None) => self.told.push(span),
            (Place::Begins, None) => {
                self.told = vec![span];
                self.told_not_seen = 0;
            }
        }
    }

    fn keep(&mut self, span: Span) {
        self.over.push(span);
        if self.over.len() > MOST_KEPT {
            let (sum, longest_from_us) = (self.sum(), self.longest_from_us());
            self.over.sort_unstable_by_key(|one| one.until_us);
            self.over.drain(..MOST_KEPT / 2);
            let left = self.sum();
            self.before = Sum {
                count: self.before.count + sum.count.saturating_sub(left.count),
                length_us: self.before.length_us + sum.length_us.saturating_sub(left.length_us),
                longest_us: sum.longest_us,
                lost: self.before.lost + sum.lost.saturating_sub(left.lost),
            };
            self.before_from_us = longest_from_us;
        }
    }

    /// Events that are known one by one.
    fn events(&self) -> Vec<Event> {
        let open = self.open.values().map(|open| open.span);
        spans::united(self.over.iter().copied().chain(open).collect())
    }

    /// When the longest of all began; 0: there was none.
    fn longest_from_us(&self) -> i64 {
        let events = self.events();
        let longest = events.iter().max_by_key(|event| event.length_us());
        let longest = longest.filter(|event| event.length_us() > self.before.longest_us);
        longest.map_or(self.before_from_us, |event| event.from_us)
    }

    /// How many events are not over.
    fn open_events(&self) -> u64 {
        let apart = self.open.values().filter(|open| open.place == Place::Apart);
        apart.count() as u64 + u64::from(self.goes_on())
    }

    /// Of all.
    fn sum(&self) -> Sum {
        let kept = spans::sum(&self.events());
        Sum {
            count: self.before.count + kept.count,
            length_us: self.before.length_us.saturating_add(kept.length_us),
            longest_us: self.before.longest_us.max(kept.longest_us),
            lost: self.before.lost.saturating_add(kept.lost),
        }
    }
}

/// What spans of one event come to.
fn over(all: &[Span], not_seen: u64, was_told: bool) -> Over {
    let playlists: BTreeSet<i64> = all.iter().map(|one| one.of).collect();
    let from_us = all.iter().map(|one| one.from_us).min().unwrap_or(0);
    let until_us = all.iter().map(|one| one.until_us).max().unwrap_or(0);
    Over {
        from_us,
        length_us: until_us.saturating_sub(from_us),
        playlists: playlists.len() as u64,
        skipped: Skipped {
            never_listed: all.iter().map(|one| one.lost).max().unwrap_or(0),
            not_seen,
            is_held_back: false,
        },
        was_told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn a_freeze_of_two_variants_is_told_once_and_counted_once() {
        let events = Events::default();
        assert!(events.lasts(0, 0, 3 * S));
        assert!(!events.lasts(1, S / 10, 3 * S), "it is the same");
        assert!(!events.lasts(0, 0, 8 * S), "it was told");
        assert_eq!(events.tally().count, 1);
        let some = Skipped {
            never_listed: 3,
            not_seen: 1,
            is_held_back: false,
        };
        assert_eq!(
            events.ends(0, (0, 8 * S), some),
            None,
            "the other one stands"
        );
        let over = events.ends(1, (S / 10, 85 * S / 10), Skipped::never_listed(4));
        let wanted = Over {
            from_us: 0,
            length_us: 85 * S / 10,
            playlists: 2,
            skipped: Skipped {
                never_listed: 4,
                not_seen: 1,
                is_held_back: false,
            },
            was_told: true,
        };
        assert_eq!(over, Some(wanted));
        let tally = events.tally();
        assert_eq!((tally.count, tally.length_us), (1, 8_500_000));
        assert_eq!((tally.playlists, tally.never_listed), (2, 4));
        // The next one is another.
        assert!(events.lasts(1, 20 * S, 23 * S));
        let over = events
            .ends(1, (20 * S, 24 * S), Skipped::default())
            .unwrap();
        assert_eq!((over.playlists, over.length_us), (1, 4 * S));
        assert_eq!(events.tally().count, 2);
    }

    #[test]
    fn what_is_not_over_lasts_as_long_as_the_recording() {
        let events = Events::default();
        events.lasts(0, S, 4 * S);
        events.lasts(1, 2 * S, 5 * S);
        events.ends(1, (2 * S, 6 * S), Skipped::default());
        events.last_until(0, 13 * S);
        events.last_until(1, 13 * S);
        let tally = events.tally();
        assert_eq!((tally.count, tally.length_us), (1, 12_000_000));
    }

    #[test]
    fn what_is_seen_when_it_is_over_is_told_once_too() {
        let events = Events::default();
        let over = events
            .ends(0, (0, 31 * S / 10), Skipped::default())
            .unwrap();
        assert!(!over.was_told);
        assert_eq!(
            events.ends(1, (S / 10, 32 * S / 10), Skipped::default()),
            None
        );
        assert_eq!(events.tally().count, 1);
        let next = events.ends(0, (31 * S / 10, 62 * S / 10), Skipped::default());
        assert!(next.is_some(), "of one playlist each is an event");
        assert_eq!(events.tally().count, 2);
    }

    #[test]
    fn one_that_is_dead_hides_no_gap_of_the_others() {
        let events = Events::default();
        assert!(events.lasts(0, 0, 3 * S));
        let mut told = 0;
        for n in 1..400 {
            let from_us = n * 20 * S;
            events.lasts(0, 0, from_us);
            told += u32::from(events.lasts(1, from_us, from_us + 3 * S));
            let over = events.ends(1, (from_us, from_us + 5 * S), Skipped::never_listed(1));
            told += u32::from(over.is_some());
        }
        // The first one is of the event of the dead one.
        assert_eq!(told, 2 * 398);
        let until_us = 400 * 20 * S;
        events.lasts(0, 0, until_us);
        let tally = events.tally();
        assert_eq!((tally.count, tally.never_listed), (399, 399));
        assert_eq!(tally.length_us, until_us.unsigned_abs());
        events.over(0);
        assert_eq!(events.tally().count, 399);
    }

    #[test]
    fn sums_stay_when_only_sums_are_kept() {
        let events = Events::default();
        for n in 0..1000 {
            let from_us = n * 10 * S;
            events.ends(0, (from_us, from_us + 4 * S), Skipped::never_listed(1));
            events.ends(1, (from_us + S, from_us + 5 * S), Skipped::never_listed(2));
        }
        let tally = events.tally();
        assert_eq!((tally.count, tally.never_listed), (1000, 2000));
        let lengths = (tally.length_us, tally.longest_us);
        assert_eq!(lengths, (5_000_000_000, 5_000_000));
        assert!(events.known().over.len() <= MOST_KEPT + 1);
    }
}
