//! When the units of a track are, put together one by one. Pure.

use super::facts::Times;

/// From one unit to the next is no longer, in a stream that goes on.
const LONGEST_STEP_SECONDS: i64 = 10;
/// Time that goes back by so little does not, in parts of a second.
const LITTLE: i64 = 10;

/// Puts the times of a track together.
#[derive(Debug, Clone)]
pub struct TimesBuilder {
    second: i64,
    times: Option<Times>,
}

impl TimesBuilder {
    /// Of a track with so many ticks in a second.
    pub fn new(timescale: u32) -> Self {
        Self {
            second: i64::from(timescale.max(1)),
            times: None,
        }
    }

    /// The next unit, in the order of decoding.
    pub fn push(&mut self, decode: i64, shown: i64) {
        let Some(times) = &mut self.times else {
            self.times = Some(begun(decode, shown));
            return;
        };
        let step = decode.saturating_sub(times.last_decode);
        let is_break =
            step < -self.second / LITTLE || step > self.second.saturating_mul(LONGEST_STEP_SECONDS);
        times.breaks = times.breaks.saturating_add(u32::from(is_break));
        times.longest = times.longest.max(step);
        times.last_decode = decode;
        times.earliest_shown = times.earliest_shown.min(shown);
        times.latest_shown = times.latest_shown.max(shown);
        times.units += 1;
    }

    /// So many units that are alike, one behind the other, shown when they are decoded.
    pub fn push_alike(&mut self, decode: i64, each: u32, count: u64) {
        let Some(more) = count.checked_sub(1) else {
            return;
        };
        self.push(decode, decode);
        let more_ticks = i64::try_from(more)
            .unwrap_or(i64::MAX)
            .saturating_mul(i64::from(each));
        if let Some(times) = self.times.as_mut().filter(|_| more > 0) {
            let last = decode.saturating_add(more_ticks);
            times.longest = times.longest.max(i64::from(each));
            times.last_decode = last;
            times.latest_shown = times.latest_shown.max(last);
            times.units = times.units.saturating_add(more);
        }
    }

    /// All of them, where nothing but their times is known.
    pub fn estimated(self) -> Option<Times> {
        let mut times = self.times?;
        times.unit = times.longest;
        times.end_earliest = times.last_decode;
        times.end_latest = times.last_decode.saturating_add(times.longest);
        Some(times)
    }

    /// All of them, which end here; each is so long.
    pub fn ending(self, end: i64, unit: i64) -> Option<Times> {
        let mut times = self.times?;
        times.unit = unit;
        times.end_earliest = end;
        times.end_latest = end;
        Some(times)
    }

    /// When the last unit so far is decoded.
    pub fn last_decode(&self) -> Option<i64> {
        self.times.map(|times| times.last_decode)
    }
}

fn begun(decode: i64, shown: i64) -> Times {
    Times {
        first_decode: decode,
        last_decode: decode,
        end_earliest: decode,
        end_latest: decode,
        first_shown: shown,
        earliest_shown: shown,
        latest_shown: shown,
        longest: 0,
        unit: 0,
        units: 1,
        breaks: 0,
    }
}
