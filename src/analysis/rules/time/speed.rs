//! T14 speed: whether media come as fast as they are played, over a minute and more.

use crate::analysis::rules::broken::Broken;
use crate::session::seconds;

/// Of less nothing is told, in microseconds, ...
const LEAST_US: i64 = 60_000_000;
/// ... and what is slow for some minutes is not hidden by the hours before.
const MOST_US: i64 = 600_000_000;

/// A revision that brings new segments. Times in microseconds of Unix time, lengths in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    /// When it was seen.
    pub seen_us: i64,
    /// When it was known not to be there yet.
    pub not_before_us: i64,
    /// How long its new segments are together.
    pub added_us: i64,
    /// The target duration.
    pub target_us: i64,
}

/// How much came since when.
#[derive(Debug, Default)]
pub struct Speed {
    /// The advance that is counted from.
    since: Option<Advance>,
    /// When the last one was seen.
    last_us: i64,
    /// How long the segments behind it are together.
    media_us: i64,
    /// Nothing is counted before: what stood still may catch up.
    rests_until_us: i64,
}

impl Speed {
    /// What came before says nothing of what comes.
    pub fn restart(&mut self) {
        self.since = None;
    }

    /// Takes in an advance.
    pub fn take(&mut self, advance: Advance, out: &mut Vec<Broken>) {
        let allowed_us = advance.target_us.saturating_mul(3) / 2;
        let stood_us = advance.not_before_us.saturating_sub(self.last_us);
        let before = self.since.filter(|_| stood_us <= allowed_us);
        // T07 tells that it stood still.
        if self.since.is_some() && before.is_none() {
            self.rests_until_us = advance.seen_us.saturating_add(LEAST_US);
        }
        self.last_us = advance.seen_us;
        let Some(since) = before else {
            return self.begin(advance);
        };
        self.media_us = self.media_us.saturating_add(advance.added_us);
        // How long it took, at least and at most.
        let least_us = advance.not_before_us.saturating_sub(since.seen_us);
        let most_us = advance.seen_us.saturating_sub(since.not_before_us);
        if least_us < LEAST_US {
            return;
        }
        // Segments come whole, and one or the other is late.
        let is_slow = self.media_us.saturating_add(allowed_us) < hundredths(least_us, 98);
        let is_fast = self.media_us.saturating_sub(allowed_us) > hundredths(most_us, 102);
        if is_slow || is_fast {
            let (within, wall_us) = match is_slow {
                true => ("in more than", least_us),
                false => ("in less than", most_us),
            };
            let text = format!(
                "{:.1} s of media came {within} {:.1} s",
                seconds(self.media_us),
                seconds(wall_us)
            );
            let kind = if is_slow { "slow" } else { "fast" };
            out.push(Broken::new("T14", text).kind(kind));
        }
        if is_slow || is_fast || least_us > MOST_US {
            self.begin(advance);
        }
    }

    fn begin(&mut self, advance: Advance) {
        self.media_us = 0;
        self.since = Some(advance).filter(|advance| advance.seen_us >= self.rests_until_us);
    }
}

fn hundredths(us: i64, of: i64) -> i64 {
    (us / 100).saturating_mul(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// What is told of segments of 4 s that come at such moments, in milliseconds, polled each second.
    fn told(moments: impl Iterator<Item = i64>) -> Vec<&'static str> {
        let mut speed = Speed::default();
        let mut out = Vec::new();
        for at_ms in moments {
            let advance = Advance {
                seen_us: at_ms * 1000,
                not_before_us: at_ms * 1000 - SECOND,
                added_us: 4 * SECOND,
                target_us: 4 * SECOND,
            };
            speed.take(advance, &mut out);
        }
        out.iter().map(|broken| broken.kind).collect()
    }

    #[test]
    fn what_comes_as_it_is_played_is_right() {
        let none = Vec::<&str>::new();
        assert_eq!(told((1..900).map(|n| n * 4000)), none);
        assert_eq!(
            told((1..900).map(|n| n * 4000 + n * 7919 % 3500)),
            none,
            "never on time"
        );
        assert_eq!(
            told((1..900).map(|n| n * 4030)),
            none,
            "a clock that is off"
        );
        assert_eq!(told((1..10).map(|n| n * 2000)), none, "not for long");
    }

    #[test]
    fn an_encoder_that_is_too_slow_or_too_fast() {
        let slow = told((1..60).map(|n| n * 5000));
        assert!(
            !slow.is_empty() && slow.iter().all(|kind| *kind == "slow"),
            "{slow:?}"
        );
        let fast = told((1..60).map(|n| n * 3000));
        assert!(
            !fast.is_empty() && fast.iter().all(|kind| *kind == "fast"),
            "{fast:?}"
        );
    }

    #[test]
    fn some_minutes_are_told_behind_an_hour() {
        let late = (1..1000).map(|n| n * 4000 + (n - 900).max(0) * 1000);
        assert!(told(late).contains(&"slow"));
    }

    #[test]
    fn a_freeze_and_what_it_catches_up_with_are_not_told_again() {
        // For 40 s nothing, then ten segments at once, one a second.
        let moments = (1..200).map(|n| match n {
            ..50 => n * 4000,
            50..60 => 240_000 + (n - 50) * 1000,
            _ => n * 4000 + 12_000,
        });
        assert_eq!(told(moments), Vec::<&str>::new());
    }
}
