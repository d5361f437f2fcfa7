//! What fails at the moment, for those who look on.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Chunks that failed no longer ago than this, in microseconds, fail at the moment.
pub const LATELY_US: i64 = 30_000_000;
/// Kinds of faults of one spell that are told apart.
const MOST_KINDS: usize = 4;

/// Faults that came one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// When the first of them was, in microseconds of Unix time.
    pub since_us: i64,
    /// When the last one was.
    pub last_us: i64,
    /// What they were, statuses or outcomes, in the order in which each came first.
    pub whats: Vec<String>,
    /// How many.
    pub times: u64,
    /// When the first good answer behind them was, where it is not known yet that none fails any more.
    pub good_us: Option<i64>,
}

/// What was wrong, and is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// From when until when, in microseconds of Unix time.
    pub since_us: i64,
    /// As above.
    pub until_us: i64,
    /// What it was: `refused x 9`.
    pub what: String,
}

impl Spell {
    /// What they were: `refused`, `unanswered, then refused`.
    pub fn what(&self) -> String {
        self.whats.join(", then ")
    }

    /// Of two playlists; the first began no later.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for what in other.whats {
            if !self.whats.contains(&what) {
                self.whats.push(what);
            }
        }
        self.last_us = self.last_us.max(other.last_us);
        self.times = self.times.saturating_add(other.times);
        self
    }

    /// The same with how many: `refused x 9`.
    pub fn told(&self) -> String {
        match self.times {
            1 => self.what(),
            times => format!("{} x {times}", self.what()),
        }
    }
}

/// The faults that go on, if any do.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    spell: Option<Spell>,
    past: Option<Past>,
}

impl Trouble {
    /// One more fault, what it was in order, and when it began and was over; what came longer than `apart_us` after the one
    /// before begins anew.
    pub(crate) fn fails(&self, whats: &[&str], (since_us, at_us): (i64, i64), apart_us: i64) {
        let mut known = self.known();
        let goes_on = known
            .spell
            .take()
            .filter(|spell| at_us.saturating_sub(spell.last_us) <= apart_us);
        let mut spell = goes_on.unwrap_or_else(|| Spell {
            since_us,
            last_us: at_us,
            whats: Vec::new(),
            times: 0,
            good_us: None,
        });
        for what in whats {
            if !spell.whats.iter().any(|known| known == what) {
                match spell.whats.len() {
                    ..MOST_KINDS => spell.whats.push((*what).to_owned()),
                    MOST_KINDS => spell.whats.push("others".to_owned()),
                    _ => {}
                }
            }
        }
        spell.last_us = at_us;
        spell.times += 1;
        spell.good_us = None;
        known.spell = Some(spell);
    }

    /// A good answer came; others may fail still.
    pub(crate) fn comes(&self, at_us: i64) {
        if let Some(spell) = self.known().spell.as_mut() {
            spell.good_us.get_or_insert(at_us);
        }
    }

    /// They were over then, with the first good answer; what they were.
    pub(crate) fn is_over(&self, until_us: i64) -> Option<Spell> {
        let mut known = self.known();
        let spell = known.spell.take()?;
        known.past = Some(Past {
            since_us: spell.since_us,
            until_us,
            what: spell.told(),
        });
        Some(spell)
    }

    /// None fails any more behind the first good answer.
    pub(crate) fn is_good(&self) {
        let good_us = self.spell().and_then(|spell| spell.good_us);
        if let Some(good_us) = good_us {
            self.is_over(good_us);
        }
    }

    /// Something else was wrong, and is over.
    pub(crate) fn was(&self, past: Past) {
        self.known().past = Some(past);
    }

    /// The faults so far that go on.
    pub fn spell(&self) -> Option<Spell> {
        self.known().spell.clone()
    }

    /// What was over last.
    pub fn past(&self) -> Option<Past> {
        self.known().past.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_a_row_are_one_spell_until_an_answer_or_a_long_time() {
        let trouble = Trouble::default();
        let told = || {
            let spell = trouble.spell()?;
            Some((spell.since_us, spell.told()))
        };
        trouble.fails(&["HTTP 503"], (9, 10), 5);
        assert_eq!(told(), Some((9, "HTTP 503".to_owned())));
        trouble.fails(&["reset"], (15, 15), 5);
        trouble.fails(&["HTTP 503"], (16, 16), 5);
        assert_eq!(told(), Some((9, "HTTP 503, then reset x 3".to_owned())));
        trouble.fails(&["reset"], (22, 22), 5);
        assert_eq!(told(), Some((22, "reset".to_owned())));
        trouble.comes(25);
        trouble.comes(26);
        assert_eq!(trouble.spell().unwrap().good_us, Some(25));
        trouble.fails(&["reset"], (27, 27), 5);
        assert_eq!(trouble.spell().unwrap().good_us, None, "it was one alone");
        assert_eq!(trouble.is_over(30).unwrap().times, 2);
        let what = "reset x 2".to_owned();
        let past = Past {
            since_us: 22,
            until_us: 30,
            what,
        };
        assert_eq!(trouble.past(), Some(past));
        assert_eq!((told(), trouble.is_over(31)), (None, None));
    }

    #[test]
    fn kinds_of_faults_that_are_very_many_are_others() {
        let trouble = Trouble::default();
        for status in 400..500 {
            trouble.fails(&[&format!("HTTP {status}")], (0, 0), 5);
        }
        let told = trouble.spell().unwrap().told();
        assert!(told.ends_with("HTTP 403, then others x 100"), "{told}");
    }
}
