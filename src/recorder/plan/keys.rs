//! Keys that were had, whether a playlist names them just now or not. Players keep a key by its URI; what
//! happens to who asks for it again, no player meets.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::model::DEPARTED_FOR;
use super::{Key, Listing};
use crate::recorder::http::validators::Validators;

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
pub(super) struct Keys(HashMap<Key, Had>);

impl Keys {
    pub(super) fn is_known(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }

    /// With what it can be asked for conditionally.
    pub(super) fn validators(&self, key: &Key) -> Option<Validators> {
        self.0.get(key)?.validators.clone()
    }

    /// It was asked for, and came, or was known already.
    pub(super) fn had(&mut self, key: &Key, now: Instant) {
        if let Some(had) = self.0.get_mut(key) {
            had.asked = now;
            return;
        }
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, had)| had.asked)
        {
            let oldest = oldest.0.clone();
            self.0.remove(&oldest);
        }
        let had = Had {
            asked: now,
            validators: None,
        };
        self.0.insert(key.clone(), had);
    }

    /// What a new answer said of its version.
    pub(super) fn validate(&mut self, key: &Key, validators: Option<Validators>) {
        if let Some(had) = self.0.get_mut(key) {
            had.validators = validators;
        }
    }

    /// Whether a known key that new segments use is asked for again; `None`: it is not known.
    pub(super) fn is_due(&self, key: &Key, now: Instant) -> Option<bool> {
        let had = self.0.get(key)?;
        Some(now.saturating_duration_since(had.asked) >= AGAIN)
    }

    /// Whether a key that no playlist named and that is named once more was had just now: edges that take
    /// turns do that at each poll. Later there may be another one behind its URI.
    pub(super) fn is_back(&self, key: &Key, listing: &Listing, now: Instant) -> bool {
        let target = Duration::from_micros(listing.target_duration_us.unsigned_abs());
        let of_late = |had: &Had| now.saturating_duration_since(had.asked) < target * DEPARTED_FOR;
        !listing.restarted() && self.0.get(key).is_some_and(of_late)
    }
}
