//! What became of a channel as a whole: when it ended and whether it came back, and when its numbers went back. Pure but for
//! its lock.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many ends, and so many times in which numbers went back, are told apart; of more only how many they are is known.
const MOST: usize = 8;

/// Of one stream.
#[derive(Debug, Default)]
pub struct Channel(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    ends: Vec<ChannelEnd>,
    more_ends: u64,
    went_back: Vec<WentBack>,
    more_went_back: u64,
    /// The one that was last, told apart or not.
    last: Option<WentBack>,
}

/// An end of a channel (`EXT-X-ENDLIST`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelEnd {
    /// When it came, in microseconds of Unix time.
    pub at_us: i64,
    /// What became of it.
    pub then: Then,
}

/// What became of a channel that had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing until the recording ended, which waited for it.
    Awaited,
    /// Nothing; it was not waited for.
    Nothing,
    /// It came back then, in microseconds of Unix time.
    Back(i64),
    /// It did not come back for so long.
    Over(Duration),
}

/// Numbers of playlists went back: an encoder began anew, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WentBack {
    /// When the first of them did, in microseconds of Unix time.
    pub at_us: i64,
    /// Which numbers, from where to where.
    pub what: String,
    /// Playlists whose numbers did, by their numbers.
    pub of: BTreeSet<usize>,
}

impl Channel {
    /// It has ended.
    pub(crate) fn ends(&self, at_us: i64) {
        let mut known = self.known();
        if known.ends.len() >= MOST {
            known.ends.remove(0);
            known.more_ends += 1;
        }
        let then = Then::Awaited;
        known.ends.push(ChannelEnd { at_us, then });
    }

    /// What became of its last end.
    pub(crate) fn then(&self, then: Then) {
        if let Some(last) = self.known().ends.last_mut() {
            last.then = then;
        }
    }

    /// When it ended last, in microseconds of Unix time, if it has not come back.
    pub(crate) fn ended_us(&self) -> Option<i64> {
        let known = self.known();
        let last = known.ends.last()?;
        (last.then == Then::Awaited).then_some(last.at_us)
    }

    /// Its last ends, and how many there were before.
    pub fn all_ends(&self) -> (Vec<ChannelEnd>, u64) {
        let known = self.known();
        (known.ends.clone(), known.more_ends)
    }

    /// Numbers of a playlist went back; whether that is a new event: those of several within `apart_us` are one.
    pub(crate) fn went_back(&self, of: usize, (at_us, apart_us): (i64, i64), what: &str) -> bool {
        let mut known = self.known();
        let is_it = |one: &&mut WentBack| {
            at_us.saturating_sub(one.at_us) <= apart_us && !one.of.contains(&of)
        };
        if let Some(last) = known.last.as_mut().filter(is_it) {
            last.of.insert(of);
            let last = last.clone();
            if let Some(same) = known
                .went_back
                .iter_mut()
                .find(|one| one.at_us == last.at_us)
            {
                *same = last;
            }
            return false;
        }
        let one = WentBack {
            at_us,
            what: what.to_owned(),
            of: BTreeSet::from([of]),
        };
        known.last = Some(one.clone());
        match known.went_back.len() < MOST {
            true => known.went_back.push(one),
            false => known.more_went_back += 1,
        }
        true
    }

    /// The first times in which numbers went back, and how many more there were.
    pub fn all_went_back(&self) -> (Vec<WentBack>, u64) {
        let known = self.known();
        (known.went_back.clone(), known.more_went_back)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn numbers_of_several_playlists_that_go_back_together_are_one_event() {
        let channel = Channel::default();
        assert!(channel.went_back(0, (10 * S, 6 * S), "from 13 to 0"));
        assert!(!channel.went_back(1, (11 * S, 6 * S), "from 13 to 1"));
        assert!(
            channel.went_back(1, (12 * S, 6 * S), "from 5 to 0"),
            "again"
        );
        assert!(channel.went_back(0, (30 * S, 6 * S), "from 9 to 2"));
        let (all, more) = channel.all_went_back();
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.at_us / S, one.of.len()))
            .collect();
        assert_eq!((told, more), (vec![(10, 2), (12, 1), (30, 1)], 0));
        assert_eq!(all[0].what, "from 13 to 0");
        for at in 100..100 + 2 * MOST as i64 {
            channel.went_back(0, (at * 10 * S, S), "from 1 to 0");
        }
        let (all, more) = channel.all_went_back();
        assert_eq!((all.len(), more), (MOST, 3 + MOST as u64));
    }

    #[test]
    fn of_each_end_it_is_known_what_came_of_it() {
        let channel = Channel::default();
        assert_eq!(channel.ended_us(), None);
        channel.ends(10 * S);
        assert_eq!(channel.ended_us(), Some(10 * S));
        channel.then(Then::Back(20 * S));
        assert_eq!(channel.ended_us(), None);
        channel.ends(50 * S);
        channel.then(Then::Over(Duration::from_secs(20)));
        let (ends, more) = channel.all_ends();
        let then: Vec<Then> = ends.iter().map(|end| end.then).collect();
        let wanted = vec![Then::Back(20 * S), Then::Over(Duration::from_secs(20))];
        assert_eq!((then, more), (wanted, 0));
    }
}
