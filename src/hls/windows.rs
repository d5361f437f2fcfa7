//! How the window of a media playlist lies on those before it (`docs/design/windows.md`). Pure.
//!
//! A segment has a *place*: a number of our own that counts the segments of a playlist, whatever the origin
//! says of their numbers and names. Two listings of one place are one segment. [`Hindsight`] judges once more, when it is
//! known what came later.

use self::behind::{Behind, TARGETS as TARGETS_BEHIND};
use self::placed::{Overlap, Placed, aligned};
use self::window::{Lie, Step, Window};
use std::collections::VecDeque;

mod behind;
pub mod hindsight;
mod placed;
pub mod window;

/// Windows that are remembered: those of two edges or encoders by turns, and of the last target durations.
const WINDOWS: usize = 8;

/// A step back by more than this to the beginning of all numbers is a restart; of edges that lag by
/// less, it is an older state.
const LAG: u64 = 3;
/// Numbers larger than this are not taken over as places: JavaScript counts that far.
const LARGEST_PLACE: u64 = 1 << 52;
/// Of the first segment where no number says it: an edge that lags behind lists some before it.
const FIRST_PLACE: u64 = 1_000;
/// Numbers so far from the last ones are those of another count, where dates say that it is one moment.
const FAR: u64 = 200;
/// After a restart so many places are left out, so that it shows as a break.
const BREAK: u64 = 2;

/// What dates say of a window that lies behind by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dates {
    /// There are none, or they go with nothing.
    Nothing,
    /// It is newer than all that is known.
    Later,
    /// It is older, by about as much as its number says.
    Older,
}

/// The windows that a playlist has had of late.
#[derive(Debug, Default)]
pub struct Windows {
    /// The newest one first.
    recent: VecDeque<Placed>,
    /// The place behind the last segment of all.
    end: Option<u64>,
    behind: Option<Behind>,
    /// The same of windows of another URL, which are looked at while nothing comes of this one.
    looked_at: Option<Behind>,
    /// The last of these is the channel: the next window behind is where the sequence began again.
    begins: bool,
    /// Since when it has had its end.
    ended_us: Option<i64>,
    /// A place was listed twice, under one name: names stay.
    names_stay: bool,
    /// Names have moved against the numbers: numbers say nothing.
    numbers_stand: bool,
    /// The most segments that a window had.
    longest: u64,
    /// Other bytes at a known place are another encoder's, by turns: what was known comes again.
    by_turns: bool,
    /// Of the window placed last, if it began again: since when it had been there and was taken for an older state.
    began_us: Option<i64>,
}

impl Windows {
    /// Goes on from windows that were placed before, in order: each with the place of its first segment, and when it
    /// came. `end`: the place behind the last segment of all.
    pub fn resumed(known: impl IntoIterator<Item = (Window, u64, i64)>, end: u64) -> Self {
        let mut windows = Self::default();
        for (window, place, seen_us) in known {
            windows.learn_numbers(&window, place);
            let before = windows.ended_us;
            windows.ended_us = window.ended.then(|| before.unwrap_or(seen_us));
            let own_end = place.saturating_add(window.count);
            windows.end = windows.end.max(Some(own_end.max(end)));
            windows.remember(window, place, seen_us);
        }
        windows
    }

    /// Of the window placed last, if it began again: since when it had been there and was taken for an older state.
    pub fn began_us(&self) -> Option<i64> {
        self.began_us
    }

    /// Since when a window is there that is behind, and may turn out to be the channel.
    pub fn behind_us(&self) -> Option<i64> {
        self.behind.as_ref().map(|behind| behind.since_us)
    }

    /// Places a window, and remembers it. `now_us`: when it came; `target_us`: its target duration, in
    /// microseconds.
    pub fn place(&mut self, window: Window, now_us: i64, target_us: i64) -> Lie {
        self.placed(window, now_us, target_us, false)
    }

    /// How a window of another URL lies that is looked at, and not placed; the arguments are those of [`Self::place`]. One that goes on
    /// by itself behind what stands still is the channel, unless it is older by its dates: `Restarted`, as which it is placed next.
    pub fn foresee(&mut self, window: &Window, now_us: i64, target_us: i64) -> Step {
        let end = match self.end {
            _ if window.count == 0 => return Step::Same,
            None => return Step::First,
            Some(end) => end,
        };
        let (step, place) = self.judge(window, end, now_us);
        let own_end = place.saturating_add(window.count);
        let is_older = self.is_older(window);
        match step {
            Step::Restarted if is_older => Step::Behind,
            Step::Same => {
                self.looked_at = None;
                Step::Same
            }
            Step::Behind => {
                let before = self.looked_at.take();
                self.looked_at = before.filter(|before| !before.is_another(own_end));
                let behind = Behind::comes(&mut self.looked_at, own_end, now_us);
                let goes_on = behind.goes_on(now_us, target_us) && self.is_far(own_end, end);
                self.begins = goes_on && !is_older;
                match self.begins {
                    true => Step::Restarted,
                    false => Step::Behind,
                }
            }
            step => step,
        }
    }

    /// Whether the windows that are looked at may go on by themselves, behind what stands still: they have advanced of late, or are
    /// new. The arguments are those of [`Self::foresee`].
    pub fn look_goes_on(&self, now_us: i64, target_us: i64) -> bool {
        let behind = self.looked_at.as_ref();
        behind.is_some_and(|behind| !behind.stands(now_us, target_us))
    }

    /// From now on those of another URL are looked at.
    pub fn looks_elsewhere(&mut self) {
        self.looked_at = None;
    }

    /// `begins`: if it lies behind, it is known to be where the sequence began again.
    fn placed(&mut self, window: Window, now_us: i64, target_us: i64, begins: bool) -> Lie {
        self.began_us = None;
        let Some(end) = self.end else {
            return self.first(window, now_us);
        };
        if window.count == 0 {
            return Lie {
                step: Step::Same,
                place: end,
                gained: 0,
            };
        }
        let goes_over = std::mem::take(&mut self.begins);
        let is_back = self.is_back(&window, now_us, target_us) || begins || goes_over;
        let (step, place) = match self.judge(&window, end, now_us) {
            (Step::Behind, _) if is_back => {
                self.began_us = goes_over.then_some(now_us);
                (Step::Restarted, end.saturating_add(BREAK))
            }
            judged => judged,
        };
        self.learn_numbers(&window, place);
        let (step, place) = match step {
            Step::Behind => self.take_behind(&window, place, end, now_us, target_us),
            step => (step, place),
        };
        if step != Step::Behind {
            self.behind = None;
        }
        if step.is_advance() {
            self.looked_at = None;
        }
        let new_end = place.saturating_add(window.count);
        let gained = match step {
            // A leap says nothing of how many there were.
            Step::Slid => (new_end.saturating_sub(end)).clamp(1, window.count),
            _ => 0,
        };
        if step == Step::Restarted {
            self.longest = 0;
        }
        self.end = Some(end.max(new_end));
        self.remember(window, place, now_us);
        Lie {
            step,
            place,
            gained,
        }
    }

    /// Whether a window without an end comes long after one with an end: no edge is so far behind.
    fn is_back(&mut self, window: &Window, now_us: i64, target_us: i64) -> bool {
        let long = target_us.max(0).saturating_mul(TARGETS_BEHIND);
        let before = self.ended_us;
        self.ended_us = window.ended.then(|| before.unwrap_or(now_us));
        let had_ended = before.is_some_and(|since| now_us.saturating_sub(since) >= long);
        had_ended && !window.ended
    }

    fn first(&mut self, window: Window, now_us: i64) -> Lie {
        let place = match window.number {
            Some(number) if number <= LARGEST_PLACE => number,
            None if window.ended => 0,
            _ => FIRST_PLACE,
        };
        let gained = window.count;
        let step = match gained {
            0 => Step::Same,
            _ => Step::First,
        };
        if gained > 0 {
            self.end = Some(place.saturating_add(gained));
            self.remember(window, place, now_us);
        }
        Lie {
            step,
            place,
            gained,
        }
    }

    fn judge(&self, window: &Window, end: u64, now_us: i64) -> (Step, u64) {
        let after_break = end.saturating_add(BREAK);
        let of_end = |place: u64| match place.saturating_add(window.count).cmp(&end) {
            std::cmp::Ordering::Greater => (Step::Slid, place),
            std::cmp::Ordering::Equal => (Step::Same, place),
            std::cmp::Ordering::Less => (Step::Behind, place),
        };
        if self.is_numbered_anew(window, end) {
            return (Step::Restarted, after_break);
        }
        let refuted = self.refuted(window);
        // Numbers, where names bear them out.
        let mut numbered = None;
        for known in &self.recent {
            let Some(place) = window.number.and_then(|number| known.place_of(number)) else {
                continue;
            };
            let overlap = known.overlap(window, place);
            // A programme that repeats itself has its bytes elsewhere, too.
            let is_confirmed = overlap.same > 0 && overlap.differ == 0;
            let is_borne_out = overlap.agree > 0 && refuted != Some(place);
            if is_confirmed || (is_borne_out && !known.names_moved(window, place)) {
                return of_end(place);
            }
            numbered = numbered.or(Some((place, overlap)));
        }
        // Names, where numbers say nothing or something else.
        if let Some(place) = self.named(window, refuted, now_us) {
            return of_end(place);
        }
        let numbered = numbered.filter(|_| !self.numbers_stand);
        // Of encoders that count far apart, dates say what is one moment.
        let is_apart = numbered.is_none_or(|(place, _)| place.abs_diff(end) > FAR);
        if let (true, Some(place)) = (is_apart, self.dated(window, now_us)) {
            return of_end(place);
        }
        let Some((place, overlap)) = numbered else {
            // All that was known has gone, or another playlist has come.
            return (Step::Slid, after_break);
        };
        let begins_again = match refuted == Some(place) {
            true => self.is_other(window, place, end),
            false => self.begins_again(window, place, overlap, end),
        };
        match begins_again {
            true => (Step::Restarted, after_break),
            false => of_end(place),
        }
    }

    /// The place of a window by names. Such as come again where a number, or a date, goes with all that is known say
    /// nothing.
    fn named(&self, window: &Window, refuted: Option<u64>, now_us: i64) -> Option<u64> {
        let mut dated = None;
        self.recent.iter().find_map(|known| {
            let named = aligned(known, window)?;
            let is_refuted = refuted == Some(named) || known.overlap(window, named).is_refuted();
            if is_refuted || self.numbers_hold(known, window, refuted, now_us) {
                return None;
            }
            let dated = *dated.get_or_insert_with(|| self.dated(window, now_us));
            Some(
                dated
                    .filter(|at| known.goes_with(window, *at))
                    .unwrap_or(named),
            )
        })
    }

    /// Whether a window may lie where its number says, though names that it shares with a known one stand elsewhere: no name
    /// denies it, and where no place is in common, numbers rose no faster than time passed.
    fn numbers_hold(
        &self,
        known: &Placed,
        window: &Window,
        refuted: Option<u64>,
        now_us: i64,
    ) -> bool {
        let place = window.number.and_then(|number| known.place_of(number));
        let place = place.filter(|at| !self.numbers_stand && refuted != Some(*at));
        place.is_some_and(|place| match known.overlap(window, place).both {
            0 => self.rises_with_time(known, window, place, now_us),
            _ => known.goes_with(window, place),
        })
    }

    /// Whether numbers rose to those of a window, and no faster than time passed since those that go with them.
    fn rises_with_time(&self, known: &Placed, window: &Window, place: u64, now_us: i64) -> bool {
        let end = place.saturating_add(window.count);
        let of_number = |known: &&Placed| {
            window.number.and_then(|number| known.place_of(number)) == Some(place)
        };
        // An edge may lag.
        end.saturating_add(LAG) >= known.end()
            && self.recent.iter().filter(of_number).all(|known| {
                let rose = i64::try_from(end.saturating_sub(known.end())).unwrap_or(i64::MAX);
                let shortest_us = known.window.shortest_us().min(window.shortest_us());
                let longest_us = known.window.longest_us().max(window.longest_us());
                let passed_us = now_us.saturating_sub(known.came_us);
                // By then one more may have been due, and an edge that is one behind was seen, or several are listed at once.
                let slack = i64::try_from(window.tail.len())
                    .unwrap_or(i64::MAX)
                    .saturating_add(3);
                let most_us = passed_us.saturating_add(longest_us.saturating_mul(slack) / 2);
                rose.saturating_mul(shortest_us) <= most_us
            })
    }

    /// The place of a window by dates, where numbers and names say nothing. Dates that do not go on as time does
    /// say nothing.
    fn dated(&self, window: &Window, now_us: i64) -> Option<u64> {
        let end_us = window.end_us?;
        let slack_us = window.longest_us().saturating_mul(3);
        self.recent.iter().find_map(|known| {
            let known_end_us = known.window.end_us?;
            let went_us = end_us.saturating_sub(known_end_us);
            let passed_us = now_us.saturating_sub(known.seen_us);
            if went_us.abs_diff(passed_us) > slack_us.unsigned_abs() {
                return None;
            }
            let gained = window.segments_behind(known_end_us);
            let behind = || known.window.segments_behind(end_us);
            let end = match gained {
                Some(gained) => known.end().checked_add(gained)?,
                None => known.end().checked_sub(behind()?)?,
            };
            end.checked_sub(window.count)
        })
    }

    /// What dates say of a window whose number lies before the end of what is known.
    fn dates_say(&self, window: &Window, place: u64) -> Dates {
        let newest = self.recent.iter().max_by_key(|known| known.end());
        let Some((newest, newest_us)) =
            newest.and_then(|known| Some((known, known.window.end_us?)))
        else {
            return Dates::Nothing;
        };
        let Some(end_us) = window.end_us else {
            return Dates::Nothing;
        };
        let length_us = window.longest_us().max(1);
        let near_us = length_us.saturating_mul(3) / 2;
        let later_us = end_us.saturating_sub(newest_us);
        if later_us > near_us {
            return Dates::Later;
        }
        let own_end = place.saturating_add(window.count);
        let back = i64::try_from(newest.end().saturating_sub(own_end)).unwrap_or(i64::MAX);
        let older_us = back.saturating_mul(length_us);
        // By about as much as its number says.
        let tolerance_us = near_us.max(older_us / 4);
        match later_us.saturating_neg().abs_diff(older_us) <= tolerance_us.unsigned_abs()
            && later_us < 0
        {
            true => Dates::Older,
            false => Dates::Nothing,
        }
    }

    /// The place of a window by its number, where what is known has other bytes there.
    fn refuted(&self, window: &Window) -> Option<u64> {
        if window.tail.iter().all(|name| name.content.is_none()) {
            return None;
        }
        let mut refuted = None;
        for known in &self.recent {
            let Some(place) = window.number.and_then(|number| known.place_of(number)) else {
                continue;
            };
            let overlap = known.overlap(window, place);
            if overlap.same + overlap.unchanged > 0 {
                return None;
            }
            refuted = refuted.or((overlap.differ > 0).then_some(place));
        }
        refuted
    }

    /// Whether other bytes under known numbers mean that the sequence began again. A window that slides as it should,
    /// or that has the dates that it should, is another encoder's, and so is one that takes turns with what is known.
    fn is_other(&self, window: &Window, place: u64, end: u64) -> bool {
        let slides = place.saturating_add(window.count) > end;
        !slides && !self.by_turns && !self.is_one_moment(window, place)
    }

    /// Whether dates say of a window that it is where its number says.
    fn is_one_moment(&self, window: &Window, place: u64) -> bool {
        let newest = self.recent.iter().max_by_key(|known| known.end());
        let known = newest.and_then(|newest| Some((newest.end(), newest.window.end_us?)));
        let (Some((newest_end, newest_us)), Some(end_us)) = (known, window.end_us) else {
            return false;
        };
        let length_us = window.longest_us().max(1);
        let own_end = place.saturating_add(window.count);
        let back = i64::try_from(newest_end.saturating_sub(own_end)).unwrap_or(i64::MAX);
        let expected_us = newest_us.saturating_sub(back.saturating_mul(length_us));
        end_us.abs_diff(expected_us) <= length_us.unsigned_abs()
    }

    /// A step back to the beginning of all numbers: an encoder that was started again.
    fn is_numbered_anew(&self, window: &Window, end: u64) -> bool {
        let Some((number, place)) = self.recent.iter().find_map(|known| {
            let number = window.number?;
            Some((number, known.place_of(number)?))
        }) else {
            return false;
        };
        let back = end.saturating_sub(place.saturating_add(window.count));
        let is_short = window.count < self.longest.min(LAG);
        // An old state that an edge still has is older by its dates.
        let is_older = self.dates_say(window, place) == Dates::Older;
        let is_back = back > LAG || (back > 0 && is_short);
        number <= 1 && !self.numbers_stand && is_back && !is_older
    }

    /// Positive evidence that the sequence began again, where it went back and no name says that it goes on.
    fn begins_again(&self, window: &Window, place: u64, overlap: Overlap, end: u64) -> bool {
        let Some(before) = self.recent.front() else {
            return false;
        };
        let goes_back = place.saturating_add(window.count) < end;
        let are_others = overlap.both > 0 && self.names_stay;
        let broke = window.discontinuity_sequence > before.window.discontinuity_sequence;
        let goes_on = match self.dates_say(window, place) {
            Dates::Later => true,
            Dates::Older => false,
            Dates::Nothing => are_others || broke,
        };
        goes_back && goes_on
    }

    /// Where names say something else than numbers, numbers say nothing from then on; until they go with
    /// them again.
    fn learn_numbers(&mut self, window: &Window, place: u64) {
        let Some(before) = self.recent.front() else {
            return;
        };
        let Some(numbered) = window.number.and_then(|number| before.place_of(number)) else {
            return;
        };
        let moved = window.number != before.window.number;
        if aligned(before, window) == Some(place) && (moved || numbered != place) {
            self.numbers_stand = numbered != place;
        }
    }

    /// A window behind that goes on by itself, while nothing comes of what it is behind of, is the channel.
    fn take_behind(
        &mut self,
        window: &Window,
        place: u64,
        end: u64,
        now_us: i64,
        target_us: i64,
    ) -> (Step, u64) {
        let own_end = place.saturating_add(window.count);
        let behind = Behind::comes(&mut self.behind, own_end, now_us);
        let (goes_on, since_us) = (behind.goes_on(now_us, target_us), behind.since_us);
        if !(goes_on && self.is_far(own_end, end)) {
            return (Step::Behind, place);
        }
        self.began_us = Some(since_us);
        (Step::Restarted, end.saturating_add(BREAK))
    }

    /// One that lags by less than a window is the same channel, and reaches the end by itself.
    fn is_far(&self, own_end: u64, end: u64) -> bool {
        end.saturating_sub(own_end) > self.longest
    }

    /// Whether a window ends before what was there before, by the dates of both.
    fn is_older(&self, window: &Window) -> bool {
        let newest = self.recent.iter().max_by_key(|known| known.end());
        let newest_us = newest.and_then(|known| known.window.end_us);
        window
            .end_us
            .zip(newest_us)
            .is_some_and(|(own, newest)| own < newest)
    }

    fn remember(&mut self, window: Window, place: u64, seen_us: i64) {
        self.longest = self.longest.max(window.count);
        let mut placed = Placed {
            window,
            place,
            came_us: seen_us,
            seen_us,
        };
        if let Some(before) = self.recent.front() {
            let overlap = before.overlap(&placed.window, place);
            self.names_stay |= overlap.both > 0 && overlap.named == overlap.both;
            // Polls that bring the same end again push nothing out.
            if before.end() == placed.end() && before.place == place {
                if before.window.number == placed.window.number {
                    placed.came_us = before.came_us;
                }
                self.recent.pop_front();
            }
        }
        if self.recent.len() >= WINDOWS {
            self.recent.pop_back();
        }
        self.recent.push_front(placed);
    }
}

#[cfg(test)]
mod tests;
