//! How the downloads of a stream that are under way come, and which of them are slow. Pure but for its lock.
//!
//! One is slow where it takes longer than 1.5 target durations, and that is not the recorder's own doing: it has no
//! answer, or few are under way beside it, or as many at once have come far faster, or all of them together bring less than
//! one of them needs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::trouble::Past;
use crate::session::{SLOW, UNANSWERED};

/// A download is slow after so long at least, in microseconds, whatever the target duration.
const LEAST_US: i64 = 3_000_000;
/// With more downloads beside it, it may be the recorder that made one slow, ...
const FEW: usize = 3;
/// ... but for one that gets less than one part in so many of its share.
const FAR_LESS: f64 = 8.0;
/// Downloads whose rates are remembered.
const MOST: usize = 256;

/// How much has come of a download so far; whoever receives it says so.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    has_begun: AtomicBool,
    bytes: AtomicU64,
    /// 0: its length is not known.
    announced: AtomicU64,
}

impl Progress {
    /// A request is made, the first one or one that a redirect leads to.
    pub(crate) fn asks(&self) {
        self.has_begun.store(false, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// The head of an answer is there.
    pub(crate) fn begins(&self, announced: Option<u64>) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.announced
            .store(announced.unwrap_or(0), Ordering::Relaxed);
    }

    /// So many bytes of it have come.
    pub(crate) fn has(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// What is asked for. Times in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The playlist on whose account it is, by its number in the stream.
    pub of: usize,
    /// Media sequence number of a segment.
    pub number: Option<u64>,
    /// Host and port.
    pub host: String,
    /// What it is, in words.
    pub place: String,
    /// The target duration of its playlist; 0: it has none.
    pub target_us: i64,
    /// When it was asked for, of Unix time.
    pub asked_us: i64,
}

/// A download that is slow.
#[derive(Debug, Clone)]
pub(crate) struct Slow {
    /// Number of the request.
    pub job: u64,
    pub asked: Asked,
    /// So long it has taken so far, in microseconds.
    pub took_us: i64,
    pub bytes: u64,
    /// The head of an answer is there.
    pub has_begun: bool,
    /// It was not known before.
    pub is_new: bool,
}

impl Slow {
    /// `1 kB/s, 14 s for 2 s`.
    pub(crate) fn told(&self) -> String {
        let took = self.took_us as f64 / 1e6;
        let wanted = self.asked.target_us as f64 / 1e6;
        let rate = self.bytes as f64 / 1000.0 / took.max(0.001);
        let rate = match rate >= 10.0 {
            true => format!("{rate:.0} kB/s"),
            false => format!("{rate:.1} kB/s"),
        };
        match self.asked.target_us {
            ..=0 => format!("{rate}, {took:.1} s"),
            _ => format!("{rate}, {took:.1} s for {wanted:.1} s"),
        }
    }
}

/// The downloads of a stream; clones share them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pace(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    under_way: BTreeMap<u64, One>,
    /// Bytes in a second of those that came, the waits included.
    latest: VecDeque<f64>,
}

#[derive(Debug)]
struct One {
    asked: Asked,
    progress: Arc<Progress>,
    is_slow: bool,
}

/// A download under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    pace: Pace,
    job: u64,
    pub(crate) asked: Asked,
    pub(crate) progress: Arc<Progress>,
}

impl UnderWay {
    /// It is over: whether it was slow, and that was known before.
    pub(crate) fn ends(&self, now_us: i64) -> (Option<Slow>, bool) {
        let mut known = self.pace.known();
        let was_known = known
            .under_way
            .get(&self.job)
            .is_some_and(|one| one.is_slow);
        let slow = known
            .slow(now_us)
            .into_iter()
            .find(|one| one.job == self.job);
        if slow.is_none() {
            known.came(self.job, now_us);
        }
        known.under_way.remove(&self.job);
        (slow, was_known)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.pace.known().under_way.remove(&self.job);
    }
}

impl Pace {
    /// A request is made.
    pub(crate) fn begins(&self, job: u64, asked: Asked) -> UnderWay {
        let progress = Arc::<Progress>::default();
        let one = One {
            asked: asked.clone(),
            progress: Arc::clone(&progress),
            is_slow: false,
        };
        self.known().under_way.insert(job, one);
        UnderWay {
            pace: self.clone(),
            job,
            asked,
            progress,
        }
    }

    /// Those under way that are slow, in the order in which they were asked for.
    pub(crate) fn look(&self, now_us: i64) -> Vec<Slow> {
        let mut known = self.known();
        let slow = known.slow(now_us);
        for one in &slow {
            if let Some(one) = known.under_way.get_mut(&one.job) {
                one.is_slow = true;
            }
        }
        slow
    }

    /// When the one was asked for that has been under way for longest, in microseconds of Unix time.
    pub(crate) fn oldest_us(&self) -> Option<i64> {
        let known = self.known();
        known.under_way.values().map(|one| one.asked.asked_us).min()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn slow(&self, now_us: i64) -> Vec<Slow> {
        let at_once = self.under_way.len();
        let fastest = self.latest.iter().copied().fold(0.0, f64::max);
        let rates = self.under_way.values().map(|one| one.rate(now_us));
        let together: f64 = rates.sum();
        let is_slow = |one: &One| {
            let is_far_less = one.rate(now_us) * at_once as f64 * FAR_LESS < fastest;
            one.is_long(now_us)
                && (at_once <= FEW || one.has_none() || is_far_less || one.needs() > together)
        };
        let slow = self.under_way.iter().filter(|(_, one)| is_slow(one));
        slow.map(|(job, one)| Slow {
            job: *job,
            asked: one.asked.clone(),
            took_us: one.took_us(now_us),
            bytes: one.bytes(),
            has_begun: !one.has_none(),
            is_new: !one.is_slow,
        })
        .collect()
    }

    /// It came, and was not slow.
    fn came(&mut self, job: u64, now_us: i64) {
        let Some(one) = self.under_way.get(&job).filter(|one| one.bytes() > 0) else {
            return;
        };
        let rate = one.rate(now_us);
        if self.latest.len() >= MOST {
            self.latest.pop_front();
        }
        self.latest.push_back(rate);
    }
}

impl One {
    fn took_us(&self, now_us: i64) -> i64 {
        now_us.saturating_sub(self.asked.asked_us).max(1)
    }

    fn is_long(&self, now_us: i64) -> bool {
        self.took_us(now_us) > limit_us(self.asked.target_us)
    }

    fn has_none(&self) -> bool {
        !self.progress.has_begun.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> u64 {
        self.progress.bytes.load(Ordering::Relaxed)
    }

    /// Bytes in a second.
    fn rate(&self, now_us: i64) -> f64 {
        self.bytes() as f64 * 1e6 / self.took_us(now_us) as f64
    }

    /// Bytes in a second that a player needs of it; 0: that is not known.
    fn needs(&self) -> f64 {
        let announced = self.progress.announced.load(Ordering::Relaxed);
        match self.asked.target_us {
            ..=0 => 0.0,
            target_us => announced as f64 * 1e6 / target_us as f64,
        }
    }
}

/// A download that takes longer is slow, or unanswered, with a target duration of so long; both in microseconds.
pub(crate) fn limit_us(target_us: i64) -> i64 {
    (target_us.saturating_mul(3) / 2).max(LEAST_US)
}

/// What of a playlist is slow at the moment, for those who look on.
#[derive(Debug, Default)]
pub struct SlowNow(Mutex<SlowKnown>);

#[derive(Debug, Default)]
struct SlowKnown {
    spell: Option<SlowSpell>,
    /// When the last of them was over that is, in microseconds of Unix time.
    ended_us: i64,
    /// Some of them had no answer for long; some came slowly.
    were: (bool, bool),
    past: Option<Past>,
}

/// Downloads of a playlist that are slow, without a moment in which none was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlowSpell {
    /// When the first of them was asked for, in microseconds of Unix time.
    pub since_us: i64,
    /// Of the oldest: `1.0 kB/s, 14.0 s for 2.0 s`; of one without an answer nothing.
    pub what: String,
}

impl SlowNow {
    /// The oldest of them, if there are any.
    pub(crate) fn is(&self, oldest: Option<&Slow>) {
        let mut known = self.known();
        let before = known.spell.take();
        match (oldest, before) {
            (Some(slow), before) => {
                let asked_us = slow.asked.asked_us;
                let since_us = before.map_or(asked_us, |spell| spell.since_us.min(asked_us));
                known.were.0 |= !slow.has_begun;
                known.were.1 |= slow.has_begun;
                let what = match slow.has_begun {
                    true => slow.told(),
                    false => UNANSWERED.to_owned(),
                };
                known.spell = Some(SlowSpell { since_us, what });
            }
            (None, Some(spell)) => {
                let what = match std::mem::take(&mut known.were) {
                    (true, true) => format!("{UNANSWERED}, or {SLOW}"),
                    (true, false) => UNANSWERED.to_owned(),
                    (false, _) => SLOW.to_owned(),
                };
                known.past = Some(Past {
                    since_us: spell.since_us,
                    until_us: known.ended_us.max(spell.since_us),
                    what,
                });
            }
            (None, None) => {}
        }
    }

    /// One of them is over.
    pub(crate) fn ends(&self, at_us: i64) {
        let mut known = self.known();
        known.ended_us = known.ended_us.max(at_us);
    }

    /// What is slow; `None`: nothing is.
    pub fn spell(&self) -> Option<SlowSpell> {
        self.known().spell.clone()
    }

    /// From when until when downloads were slow last, to the end of the last one, and what they were in a word.
    pub fn past(&self) -> Option<Past> {
        self.known().past.clone()
    }

    fn known(&self) -> MutexGuard<'_, SlowKnown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn asked(at_us: i64) -> Asked {
        Asked {
            of: 0,
            number: Some(7),
            host: "h:80".to_owned(),
            place: String::new(),
            target_us: 2 * S,
            asked_us: at_us,
        }
    }

    /// So many at once, each with so many bytes of a million by now.
    fn under_way(pace: &Pace, count: u64, bytes: u64) -> Vec<UnderWay> {
        let all = (0..count).map(|job| {
            let one = pace.begins(job, asked(0));
            one.progress.begins(Some(1_000_000));
            one.progress.has(bytes);
            one
        });
        all.collect()
    }

    #[test]
    fn one_that_hangs_is_slow_behind_one_and_a_half_target_durations_and_never_before_three_seconds()
     {
        let pace = Pace::default();
        let _hangs = pace.begins(1, asked(0));
        let mut long = asked(0);
        long.target_us = 6 * S;
        let _waits = pace.begins(2, long);
        let jobs = |at_us| {
            pace.look(at_us)
                .iter()
                .map(|one| (one.job, one.is_new))
                .collect::<Vec<_>>()
        };
        assert_eq!(jobs(3 * S), []);
        assert_eq!(jobs(3 * S + 1), [(1, true)]);
        assert_eq!(jobs(9 * S), [(1, false)]);
        assert_eq!(jobs(9 * S + 1), [(1, false), (2, true)]);
    }

    #[test]
    fn many_at_once_are_slow_together_and_that_is_not_the_origins() {
        // Sixteen at once over a line that carries a megabyte a second.
        let pace = Pace::default();
        let fast = &under_way(&pace, 1, 1_000_000)[0];
        assert!(fast.ends(S).0.is_none());
        let all = under_way(&pace, 16, 250_000);
        assert_eq!(pace.look(4 * S).len(), 0);
        // They get far less than their share of what the line has carried.
        all.iter().for_each(|one| one.progress.has(7_000));
        assert_eq!(pace.look(4 * S).len(), 16);
    }

    #[test]
    fn all_together_that_bring_less_than_one_needs_are_slow_though_nothing_faster_ever_came() {
        let pace = Pace::default();
        let all = under_way(&pace, 8, 4_000);
        let slow = pace.look(4 * S);
        assert_eq!(slow.len(), 8);
        assert_eq!(slow[0].told(), "1.0 kB/s, 4.0 s for 2.0 s");
        assert_eq!(pace.oldest_us(), Some(0));
        let (slow, was_known) = all[0].ends(30 * S);
        assert!(slow.is_some_and(|slow| slow.took_us == 30 * S) && was_known);
        drop(all);
        assert_eq!((pace.oldest_us(), pace.look(60 * S).len()), (None, 0));
    }

    #[test]
    fn what_is_slow_is_no_measure_of_what_is_fast() {
        let pace = Pace::default();
        for _ in 0..2 * MOST {
            let one = &under_way(&pace, 1, 8_000)[0];
            assert!(one.ends(4 * S).0.is_some());
        }
        assert_eq!(pace.known().latest.len(), 0);
    }

    #[test]
    fn what_was_slow_lasted_until_the_last_of_it_was_over_and_is_called_what_it_was() {
        let slow = |asked_us, has_begun| Slow {
            job: 1,
            asked: asked(asked_us),
            took_us: 5 * S,
            bytes: 0,
            has_begun,
            is_new: true,
        };
        let now = SlowNow::default();
        let past = |since, until, what: &str| {
            Some(Past {
                since_us: since * S,
                until_us: until * S,
                what: what.to_owned(),
            })
        };
        now.is(Some(&slow(10 * S, false)));
        now.is(Some(&slow(12 * S, false)));
        assert_eq!((now.spell().unwrap().since_us, now.past()), (10 * S, None));
        // It is seen some time later that none is left.
        now.ends(19 * S);
        now.is(None);
        now.is(None);
        assert_eq!(now.past(), past(10, 19, UNANSWERED));
        now.is(Some(&slow(30 * S, false)));
        now.is(Some(&slow(30 * S, true)));
        now.ends(42 * S);
        now.is(None);
        assert_eq!(now.past(), past(30, 42, "unanswered, or slow"));
    }
}
