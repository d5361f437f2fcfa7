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
    /// Of these, those that the log counts and has not told, by what they were.
    pub(crate) counted: Vec<(String, u32)>,
}

impl Spell {
    /// What they were: `refused`, `unanswered, then refused`.
    pub fn what(&self) -> String {
        self.whats.join(", then ")
    }

    /// The same with how many: `refused x 9`.
    pub fn told(&self) -> String {
        match self.times {
            1 => self.what(),
            times => format!("{} x {times}", self.what()),
        }
    }

    /// None of them is a line of the log.
    pub(crate) fn is_counted(&self) -> bool {
        let counted: u64 = self
            .counted
            .iter()
            .map(|(_, count)| u64::from(*count))
            .sum();
        counted == self.times
    }
}

/// The faults that go on, if any do.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<Spell>>);

impl Trouble {
    /// One more fault, that began and was over then; what came longer than `apart_us` after the one before begins anew.
    pub(crate) fn fails(&self, what: String, (since_us, at_us): (i64, i64), apart_us: i64) {
        let mut slot = self.spell_mut();
        let goes_on = slot
            .take()
            .filter(|spell| at_us.saturating_sub(spell.last_us) <= apart_us);
        let mut spell = goes_on.unwrap_or_else(|| Spell {
            since_us,
            last_us: at_us,
            whats: Vec::new(),
            times: 0,
            counted: Vec::new(),
        });
        if !spell.whats.contains(&what) {
            match spell.whats.len() {
                ..MOST_KINDS => spell.whats.push(what),
                MOST_KINDS => spell.whats.push("others".to_owned()),
                _ => {}
            }
        }
        spell.last_us = at_us;
        spell.times += 1;
        *slot = Some(spell);
    }

    /// The last of them is counted by the log, which tells of it later.
    pub(crate) fn is_counted(&self, what: &str) {
        let mut slot = self.spell_mut();
        let Some(spell) = slot.as_mut() else { return };
        match spell.counted.iter_mut().find(|(known, _)| known == what) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => spell.counted.push((what.to_owned(), 1)),
        }
    }

    /// A good answer came; the faults that are over with it.
    pub(crate) fn is_over(&self) -> Option<Spell> {
        self.spell_mut().take()
    }

    /// The faults so far that go on.
    pub fn spell(&self) -> Option<Spell> {
        self.spell_mut().clone()
    }

    fn spell_mut(&self) -> MutexGuard<'_, Option<Spell>> {
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
        trouble.fails("HTTP 503".to_owned(), (9, 10), 5);
        assert_eq!(told(), Some((9, "HTTP 503".to_owned())));
        trouble.fails("reset".to_owned(), (15, 15), 5);
        trouble.fails("HTTP 503".to_owned(), (16, 16), 5);
        assert_eq!(told(), Some((9, "HTTP 503, then reset x 3".to_owned())));
        trouble.fails("reset".to_owned(), (22, 22), 5);
        assert_eq!(told(), Some((22, "reset".to_owned())));
        trouble.is_counted("reset");
        assert!(trouble.spell().unwrap().is_counted());
        assert_eq!(trouble.is_over().unwrap().times, 1);
        assert_eq!((told(), trouble.is_over()), (None, None));
    }

    #[test]
    fn kinds_of_faults_that_are_very_many_are_others() {
        let trouble = Trouble::default();
        for status in 400..500 {
            trouble.fails(format!("HTTP {status}"), (0, 0), 5);
        }
        let told = trouble.spell().unwrap().told();
        assert!(told.ends_with("HTTP 403, then others x 100"), "{told}");
    }
}
