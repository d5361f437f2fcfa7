//! The way to the live edge where what answers first was kept by a cache (RFC 8216bis, appendix C). Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::hls::{Awaited, MediaFacts};

/// So often it is tried: two requests are enough where caches tell the truth.
const MOST_TRIES: u32 = 5;
/// Ages are whole seconds: what is younger may be as old as that.
const SECOND: Duration = Duration::from_secs(1);
/// Nobody is asked for more than that at once, whatever an answer says of its age.
const OLDEST: Duration = Duration::from_secs(3600);
/// A target duration, where none is known.
const TARGET: Duration = Duration::from_secs(6);

/// How far the first answer is behind.
#[derive(Debug, Default)]
pub(crate) enum TuneIn {
    /// Nothing has come yet.
    #[default]
    Before,
    Behind(Behind),
    /// The live edge is known, or will be by the answers to come.
    Over,
}

/// The first answer, and what it takes to get to the live edge from there.
#[derive(Debug)]
pub(crate) struct Behind {
    end: End,
    at: Instant,
    goal: Duration,
    tries: u32,
}

/// The end of a playlist.
#[derive(Debug, Clone, Copy)]
struct End {
    /// The number of the segment that comes next, ...
    next: u64,
    /// ... and how many parts of it are there.
    parts: u64,
    segment: Duration,
    part: Option<Duration>,
}

impl End {
    fn new(facts: &MediaFacts) -> Option<Self> {
        let next = facts.last_sequence?.wrapping_add(1);
        let count = u32::try_from(facts.segment_count).ok().filter(|n| *n > 0)?;
        let mean = facts.duration / count;
        Some(Self {
            next,
            parts: facts.next_parts,
            segment: match mean.is_zero() {
                true => facts.target_duration.unwrap_or(TARGET),
                false => mean,
            },
            part: facts.part_target.filter(|part| !part.is_zero()),
        })
    }

    /// How much more media there is than at an end before.
    fn since(&self, first: &Self) -> Duration {
        let segments = u32::try_from(self.next.wrapping_sub(first.next)).unwrap_or(0);
        let part = self.part.unwrap_or_default();
        let of = |parts: u64| part.saturating_mul(u32::try_from(parts).unwrap_or(0));
        let whole = first.segment.saturating_mul(segments) + of(self.parts);
        whole.saturating_sub(of(first.parts))
    }

    /// What a playlist has that has so much more media.
    fn after(&self, more: Duration) -> Awaited {
        let own = self.part.unwrap_or_default();
        let there = own.saturating_mul(u32::try_from(self.parts).unwrap_or(0));
        let all_us = (there + more).as_micros();
        let segment_us = self.segment.as_micros().max(1);
        let segments = u64::try_from(all_us / segment_us).unwrap_or(0);
        let rest_us = all_us % segment_us;
        Awaited {
            sequence: self.next.wrapping_add(segments),
            part: self.part.map(|part| {
                let parts = rest_us.div_ceil(part.as_micros().max(1));
                u64::try_from(parts).unwrap_or(0).saturating_sub(1)
            }),
        }
    }
}

impl TuneIn {
    /// What the next request waits for, where the live edge is not there yet.
    pub(crate) fn due(&self, now: Instant) -> Option<Awaited> {
        let Self::Behind(behind) = self else {
            return None;
        };
        let passed = now.saturating_duration_since(behind.at);
        Some(behind.end.after(behind.goal + passed))
    }

    /// A request is made.
    pub(crate) fn asks(&mut self) {
        if let Self::Behind(behind) = self {
            behind.tries += 1;
            if behind.tries > MOST_TRIES {
                *self = Self::Over;
            }
        }
    }

    /// A playlist came that a cache had kept for so long; `None`: it came from the origin.
    pub(crate) fn came(&mut self, facts: &MediaFacts, age: Option<Duration>, now: Instant) {
        let Some(end) = End::new(facts).filter(|_| facts.control.can_block && !facts.ended) else {
            *self = Self::Over;
            return;
        };
        let part = end.part.unwrap_or(end.segment);
        let least = Duration::from_secs(part.as_secs());
        let is_old = |age: &Duration| *age >= least && *age <= OLDEST;
        match (&self, age.filter(is_old)) {
            (Self::Before, Some(age)) => {
                let more = if part < SECOND {
                    SECOND
                } else {
                    Duration::ZERO
                };
                *self = Self::Behind(Behind {
                    end,
                    at: now,
                    goal: age + more,
                    tries: 0,
                });
            }
            // What no cache had for a second is there.
            (Self::Behind(behind), Some(age)) if age >= SECOND => {
                let passed = now.saturating_duration_since(behind.at);
                if end.since(&behind.end) >= behind.goal + passed {
                    *self = Self::Over;
                }
            }
            _ => *self = Self::Over,
        }
    }

    /// It led nowhere.
    pub(crate) fn failed(&mut self) {
        *self = Self::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::hls::ServerControl;

    fn facts(last: u64, parts: u64, part: Option<Duration>) -> MediaFacts {
        MediaFacts {
            last_sequence: Some(last),
            next_parts: parts,
            segment_count: 5,
            duration: Duration::from_secs(20),
            target_duration: Some(Duration::from_secs(4)),
            part_target: part,
            control: ServerControl {
                can_block: true,
                ..ServerControl::default()
            },
            ..MediaFacts::default()
        }
    }

    fn asked(tune_in: &TuneIn, now: Instant) -> Option<String> {
        tune_in.due(now).map(|awaited| awaited.directives())
    }

    const AGE: fn(u64) -> Option<Duration> = |age| Some(Duration::from_secs(age));
    const HALF: Option<Duration> = Some(Duration::from_millis(500));

    #[test]
    fn what_came_from_the_origin_is_the_live_edge() {
        let now = clock::instant();
        for (age, part) in [
            (None, HALF),
            (AGE(1), AGE(2)),
            (AGE(3), None),
            (AGE(99_999), HALF),
        ] {
            let mut tune_in = TuneIn::default();
            tune_in.came(&facts(7, 3, part), age, now);
            assert_eq!(asked(&tune_in, now), None, "{age:?}");
        }
    }

    #[test]
    fn what_a_cache_kept_is_asked_for_as_much_later_as_that_is_old() {
        let begin = clock::instant();
        let at = |s: u64| begin + Duration::from_secs(s);
        let mut tune_in = TuneIn::default();
        tune_in.came(&facts(7, 3, HALF), AGE(9), begin);
        // 1.5 s, 9 s and one more are two segments and seven parts.
        assert_eq!(
            asked(&tune_in, begin).as_deref(),
            Some("_HLS_msn=10&_HLS_part=6")
        );
        // Another cache has an older one, and so on, until nobody has kept it.
        tune_in.came(&facts(9, 0, HALF), AGE(4), at(1));
        assert_eq!(
            asked(&tune_in, at(1)).as_deref(),
            Some("_HLS_msn=11&_HLS_part=0")
        );
        tune_in.came(&facts(10, 2, HALF), AGE(0), at(2));
        assert_eq!(asked(&tune_in, at(2)), None);
        // An old one that has what is missing is new enough.
        let mut tune_in = TuneIn::default();
        tune_in.came(&facts(7, 0, None), AGE(9), begin);
        assert_eq!(asked(&tune_in, begin).as_deref(), Some("_HLS_msn=10"));
        tune_in.came(&facts(10, 0, None), AGE(5), at(1));
        assert_eq!(asked(&tune_in, at(1)), None);
    }

    #[test]
    fn an_answer_that_says_anything_of_its_age_is_asked_for_a_few_times_only() {
        let now = clock::instant();
        let mut tune_in = TuneIn::default();
        let mut asked = 0;
        while tune_in.due(now).is_some() || asked == 0 {
            tune_in.came(&facts(u64::MAX, 0, HALF), AGE(3600), now);
            tune_in.asks();
            asked += 1;
            assert!(asked < 10);
        }
        assert_eq!(asked, MOST_TRIES + 1);
    }
}
