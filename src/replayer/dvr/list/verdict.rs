//! Whether something that a revision listed is there, is missing, or may still come. Pure.
//!
//! A verdict other than [`Verdict::Undecided`] is final: bodies that are recorded later do not change it.

use crate::session::{LandedBody, Landing, Landings};

/// Requests count for at least this long, in microseconds, or for three target durations.
const LEAST_PATIENCE_US: i64 = 10_000_000;
/// A body is committed at the latest this long after its last byte, in microseconds.
const COMMITTED_US: i64 = 5_000_000;

/// A revision, as far as what it lists is concerned. Times in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The exchange that brought it.
    pub(crate) revision: i64,
    /// From when on it is the answer.
    pub(crate) from_us: i64,
    /// When its response began.
    pub(crate) seen_us: i64,
    /// The target duration that it states.
    pub(crate) target_us: i64,
    /// Its sequence began again, so that everything is asked for again.
    pub(crate) restarted: bool,
}

impl Listing {
    /// How long requests count, in microseconds.
    pub(crate) fn patience_us(&self) -> i64 {
        self.target_us.saturating_mul(3).max(LEAST_PATIENCE_US)
    }
}

/// The verdict on something that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    /// It is there.
    Present(T),
    /// It is not, and will not be.
    Missing,
    /// It may still come.
    Undecided,
}

/// The verdict on something that a revision lists.
///
/// `written_us`: everything that ended some seconds before that moment is written.
pub(crate) fn judge(known: Landings, listing: &Listing, written_us: i64) -> Verdict<LandedBody> {
    let patience_us = listing.patience_us();
    let may_come = |until_us: i64| written_us < until_us.saturating_add(COMMITTED_US);
    let otherwise = |until_us: i64| match may_come(until_us) {
        true => Verdict::Undecided,
        false => Verdict::Missing,
    };
    if let Some(first) = known.own.first() {
        // The first request counts however long it takes: until it ended, it was pending.
        let until_us = first.requested_us.saturating_add(patience_us);
        let counts =
            |(nth, landing): &(usize, &Landing)| *nth == 0 || landing.complete_us <= until_us;
        let good = known
            .own
            .iter()
            .enumerate()
            .filter(counts)
            .find_map(|(_, landing)| landing.good.clone());
        return good.map_or_else(|| otherwise(until_us), Verdict::Present);
    }
    if known.pending {
        return Verdict::Undecided;
    }
    let until_us = listing.seen_us.saturating_add(patience_us);
    match (known.before, known.other) {
        (Some(before), _) => {
            // A request that was in flight when it was listed anew is followed by another one: of a key or an
            // initialization section, and of a segment whose name is used again.
            let was_slow =
                before.requested_us.saturating_add(listing.target_us / 2) <= listing.seen_us;
            let is_followed =
                before.complete_us > listing.seen_us && (listing.restarted || was_slow);
            match before.good {
                Some(_) if is_followed && may_come(until_us) => Verdict::Undecided,
                Some(good) => Verdict::Present(good),
                None => otherwise(until_us),
            }
        }
        (
            None,
            Some(Landing {
                complete_us,
                good: Some(good),
                ..
            }),
        ) if complete_us <= until_us => Verdict::Present(good),
        _ => otherwise(until_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_under_way_when_its_name_was_used_again_may_be_followed_by_other_bytes() {
        let listing = Listing {
            revision: 7,
            from_us: 4_000_000,
            seen_us: 4_000_000,
            target_us: 4_000_000,
            restarted: false,
        };
        let body = LandedBody {
            exchange_id: 2,
            sha256: vec![1],
            size: 1,
            first: None,
        };
        let told = |requested_us, complete_us, written_us| {
            let before = Landing {
                requested_us,
                complete_us,
                good: Some(body.clone()),
            };
            let known = Landings {
                before: Some(before),
                ..Landings::default()
            };
            judge(known, &listing, written_us)
        };
        let present = Verdict::Present(body.clone());
        assert_eq!(told(0, 5_000_000, 6_000_000), Verdict::Undecided);
        assert_eq!(told(0, 5_000_000, 40_000_000), present, "nothing followed");
        assert_eq!(told(0, 3_000_000, 6_000_000), present, "it had come");
        assert_eq!(
            told(3_000_000, 5_000_000, 6_000_000),
            present,
            "it was for both"
        );
    }
}
