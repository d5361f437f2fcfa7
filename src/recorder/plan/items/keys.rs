//! Keys that were had, whether a playlist names them just now or not. Players keep a key by its URI; what
//! happens to who asks for it again, no player meets.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::recorder::http::validators::Validators;
use crate::recorder::plan::model::DEPARTED_FOR;
use crate::recorder::plan::model::{Key, Listing};

/// A known key is asked for again where new segments use it, but not more often: its server may
/// count what it gives, and may have put another one there.
const AGAIN: Duration = Duration::from_secs(600);
/// Keys that are remembered.
const MOST: usize = 1024;

#[derive(Debug)]
struct Had {
    asked: Instant,
    validators: Option<Validators>,
}

/// Keys that were had.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    had: HashMap<Key, Had>,
    /// All of them, by when they were asked for: the oldest is forgotten first.
    by_time: BTreeSet<(Instant, Key)>,
}

impl Keys {
    pub(crate) fn is_known(&self, key: &Key) -> bool {
        self.had.contains_key(key)
    }

    /// With what it can be asked for conditionally.
    pub(crate) fn validators(&self, key: &Key) -> Option<Validators> {
        self.had.get(key)?.validators.clone()
    }

    /// It was asked for, and came, or was known already.
    pub(crate) fn had(&mut self, key: &Key, now: Instant) {
        self.by_time.insert((now, key.clone()));
        if let Some(had) = self.had.get_mut(key) {
            let before = std::mem::replace(&mut had.asked, now);
            if before != now {
                self.by_time.remove(&(before, key.clone()));
            }
            return;
        }
        let had = Had {
            asked: now,
            validators: None,
        };
        self.had.insert(key.clone(), had);
        if self.had.len() > MOST
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.had.remove(&oldest);
        }
    }

    /// What a new answer said of its version.
    pub(crate) fn validate(&mut self, key: &Key, validators: Option<Validators>) {
        if let Some(had) = self.had.get_mut(key) {
            had.validators = validators;
        }
    }

    /// Whether a known key that new segments use is asked for again; `None`: it is not known.
    pub(crate) fn is_due(&self, key: &Key, now: Instant) -> Option<bool> {
        let had = self.had.get(key)?;
        Some(now.saturating_duration_since(had.asked) >= AGAIN)
    }

    /// Whether a key that no playlist named and that is named once more was had just now: edges that take
    /// turns do that at each poll. Later there may be another one behind its URI.
    pub(crate) fn is_back(&self, key: &Key, listing: &Listing, now: Instant) -> bool {
        let target = Duration::from_micros(listing.target_duration_us.unsigned_abs());
        let of_late = |had: &Had| now.saturating_duration_since(had.asked) < target * DEPARTED_FOR;
        !listing.restarted() && self.had.get(key).is_some_and(of_late)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn of_very_many_keys_those_that_were_asked_for_last_are_remembered() {
        let key = |n: usize| Key {
            url: Arc::new(format!("http://h/{n}.key").parse().unwrap()),
            range: None,
        };
        let begin = crate::clock::instant();
        let at = |n: usize| begin + Duration::from_secs(n as u64);
        let mut keys = Keys::default();
        for n in 0..MOST {
            keys.had(&key(n), at(n));
        }
        keys.had(&key(0), at(MOST));
        keys.had(&key(0), at(MOST));
        keys.had(&key(MOST), at(MOST + 1));
        assert!(keys.is_known(&key(0)) && keys.is_known(&key(MOST)));
        assert!(!keys.is_known(&key(1)), "the oldest");
        assert_eq!((keys.had.len(), keys.by_time.len()), (MOST, MOST));
        for n in 0..10 * MOST {
            keys.had(&key(n), at(2 * MOST + n % 7));
        }
        assert_eq!((keys.had.len(), keys.by_time.len()), (MOST, MOST));
    }
}
