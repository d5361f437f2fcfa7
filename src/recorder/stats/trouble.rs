//! What fails at the moment, for those who look on.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Chunks that failed no longer ago than this, in microseconds, fail at the moment.
pub const LATELY_US: i64 = 30_000_000;

/// Faults that came one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// When the first of them was, in microseconds of Unix time.
    pub since_us: i64,
    /// When the last one was.
    pub last_us: i64,
    /// What the last one was: a status, or an outcome.
    pub what: String,
    /// How many.
    pub times: u64,
}

/// The faults that go on, if any do.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Option<Spell>>);

impl Trouble {
    /// One more fault; what came longer than `apart_us` after the one before begins anew.
    pub(crate) fn fails(&self, what: String, at_us: i64, apart_us: i64) {
        let mut spell = self.spell_mut();
        let goes_on = spell
            .take()
            .filter(|spell| at_us.saturating_sub(spell.last_us) <= apart_us);
        let (since_us, times) = goes_on.map_or((at_us, 0), |spell| (spell.since_us, spell.times));
        *spell = Some(Spell {
            since_us,
            last_us: at_us,
            what,
            times: times + 1,
        });
    }

    /// A good answer came.
    pub(crate) fn is_over(&self) {
        *self.spell_mut() = None;
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
            Some((spell.since_us, spell.times, spell.what))
        };
        trouble.fails("HTTP 503".to_owned(), 10, 5);
        trouble.fails("reset".to_owned(), 15, 5);
        assert_eq!(told(), Some((10, 2, "reset".to_owned())));
        trouble.fails("reset".to_owned(), 21, 5);
        assert_eq!(told(), Some((21, 1, "reset".to_owned())));
        trouble.is_over();
        assert_eq!(told(), None);
    }
}
