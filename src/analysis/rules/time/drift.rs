//! T13 pdt-drift: dates that run faster or slower than the clock, by which live latency by dates shrinks or grows.

use crate::analysis::finding::{Evidence, Sightings};
use crate::analysis::rules::broken::Broken;
use crate::session::{ExchangeId, seconds};

/// Of so much time one moment is remembered: the one that was least late, in microseconds.
const SPAN_US: i64 = 300_000_000;
/// Moments that are remembered: two weeks.
const MOST: usize = 4096;
/// A drift is seen in so many of them at least.
const LEAST: usize = 12;
/// Behind a pause of so much nothing is compared with what was before, in microseconds.
const PAUSE_US: i64 = 120_000_000;
/// Less in an hour may be the clock of the recorder, where nothing sets it, in seconds.
const LEAST_AN_HOUR: f64 = 0.5;
/// No moment may be further off the line than one part in so many of what has drifted.
const STRAIGHT: f64 = 4.0;

/// A text whose end is new. Moments in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    /// When it was seen.
    pub seen_us: i64,
    /// When it was known not to be there yet.
    pub not_before_us: i64,
    /// When its last segment ends, by its dates.
    pub ends_us: i64,
    /// The exchange that brought it.
    pub exchange: ExchangeId,
}

/// How late dates are, over time.
#[derive(Debug, Default)]
pub struct Drift {
    moments: Vec<Moment>,
    last_us: Option<i64>,
    /// What was found before a restart: the most that drifted.
    found: Option<(Broken, Sightings)>,
}

#[derive(Debug)]
struct Moment {
    advance: Advance,
    /// From the end of the list by its dates to when it was seen, in microseconds.
    late_us: i64,
}

impl Drift {
    /// Takes in a text whose end is new.
    pub fn take(&mut self, advance: Advance) {
        let last_us = self.last_us.replace(advance.seen_us);
        if last_us.is_some_and(|us| advance.seen_us.saturating_sub(us) > PAUSE_US) {
            self.restart();
            self.last_us = Some(advance.seen_us);
        }
        let late_us = advance.seen_us.saturating_sub(advance.ends_us);
        let moment = Moment { advance, late_us };
        let span = |moment: &Moment| moment.advance.seen_us.div_euclid(SPAN_US);
        let is_full = self.moments.len() >= MOST;
        match self.moments.last_mut() {
            Some(last) if span(last) == span(&moment) => {
                if late_us < last.late_us {
                    *last = moment;
                }
            }
            _ if is_full => {}
            _ => self.moments.push(moment),
        }
    }

    /// What comes has other dates.
    pub fn restart(&mut self) {
        let found = judge(&self.moments);
        let worse = |found: &Option<(Broken, Sightings)>| {
            found.as_ref().map_or(i64::MIN, |(broken, _)| broken.worse)
        };
        if worse(&found) > worse(&self.found) {
            self.found = found;
        }
        self.moments.clear();
        self.last_us = None;
    }

    /// What is wrong with all of it, and when that was.
    pub fn finish(mut self) -> Option<(Broken, Sightings)> {
        self.restart();
        self.found
    }
}

/// What is told of moments that lie on a straight line.
fn judge(moments: &[Moment]) -> Option<(Broken, Sightings)> {
    let (first, last) = (moments.first()?, moments.last()?);
    if moments.len() < LEAST {
        return None;
    }
    let line = Line::through(moments, first);
    let drifted = (line.an_hour * hours(last, first)).abs();
    // A text that is seen at polls alone was there for up to so long before.
    let unsure = moments.iter().map(|moment| {
        let advance = moment.advance;
        advance.seen_us.saturating_sub(advance.not_before_us)
    });
    let unsure = seconds(unsure.max().unwrap_or(0));
    let is_told = line.an_hour.abs() > LEAST_AN_HOUR
        && drifted > unsure * 2.0
        && line.most_off * STRAIGHT < drifted;
    is_told.then(|| (told(line.an_hour, first, last), sightings(first, last)))
}

/// From one moment to another.
#[allow(clippy::cast_precision_loss)]
fn hours(moment: &Moment, first: &Moment) -> f64 {
    let us = moment.advance.seen_us.saturating_sub(first.advance.seen_us);
    us as f64 / 3.6e9
}

/// A straight line by least squares.
struct Line {
    /// Seconds by which it rises in an hour.
    an_hour: f64,
    /// By how many seconds a moment is off it at most.
    most_off: f64,
}

impl Line {
    #[allow(clippy::cast_precision_loss)]
    fn through(moments: &[Moment], first: &Moment) -> Self {
        let hours = |moment: &Moment| hours(moment, first);
        let late = |moment: &Moment| seconds(moment.late_us.saturating_sub(first.late_us));
        let count = moments.len() as f64;
        let mean = |of: &dyn Fn(&Moment) -> f64| moments.iter().map(of).sum::<f64>() / count;
        let (mean_hours, mean_late) = (mean(&hours), mean(&late));
        let both = mean(&|moment| (hours(moment) - mean_hours) * (late(moment) - mean_late));
        let spread = mean(&|moment| (hours(moment) - mean_hours).powi(2));
        let an_hour = both / spread;
        let off = |moment: &Moment| {
            let due = an_hour * (hours(moment) - mean_hours);
            (late(moment) - mean_late - due).abs()
        };
        Self {
            an_hour,
            most_off: moments.iter().map(off).fold(0.0, f64::max),
        }
    }
}

fn told(an_hour: f64, first: &Moment, last: &Moment) -> Broken {
    let what = if an_hour > 0.0 { "behind" } else { "ahead of" };
    let length_us = last.advance.seen_us.saturating_sub(first.advance.seen_us);
    let text = format!(
        "EXT-X-PROGRAM-DATE-TIME falls {what} the clock by {:.1} s an hour: the end of the list was {:.1} s old by its dates, and {:.1} s after {:.1} h",
        an_hour.abs(),
        seconds(first.late_us),
        seconds(last.late_us),
        seconds(length_us) / 3600.0
    );
    let text = text.replace("falls ahead of", "gets ahead of");
    let drifted_us = last.late_us.saturating_sub(first.late_us);
    Broken::new("T13", text)
        .worse(drifted_us.saturating_abs())
        .with("seconds_an_hour", (an_hour * 1000.0).round() / 1000.0)
}

fn sightings(first: &Moment, last: &Moment) -> Sightings {
    let at = |moment: &Moment| Evidence {
        at_us: moment.advance.seen_us,
        exchange: Some(moment.advance.exchange),
    };
    Sightings {
        count: 1,
        first: at(first),
        last: at(last),
        exchanges: vec![first.advance.exchange, last.advance.exchange],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// What is told of so many hours of segments of 4 s, polled every 2 s, whose dates are later by `drift` microseconds each time; each
    /// text is seen `jitter(n)` microseconds after it was there.
    fn drift(hours: i64, drift_us: i64, jitter: fn(i64) -> i64) -> Option<String> {
        let mut all = Drift::default();
        for n in 0..hours * 900 {
            let seen_us = n * 4 * SECOND + jitter(n);
            all.take(Advance {
                seen_us,
                not_before_us: seen_us - 2 * SECOND,
                ends_us: n * 4 * SECOND - 6 * SECOND + n * drift_us,
                exchange: n,
            });
        }
        all.finish().map(|(broken, _)| broken.text)
    }

    /// Up to 2 s, in no order.
    fn any(n: i64) -> i64 {
        n * 7919 % 1999 * 1000
    }

    #[test]
    fn dates_go_as_the_clock_does() {
        assert_eq!(drift(5, 0, any), None);
        // 0.3 s an hour may be the recorder's.
        assert_eq!(drift(24, -333, any), None);
        // Polls that fall behind the grid of the origin, and begin anew every two seconds.
        assert_eq!(drift(5, 0, |n| n * 444 % (2 * SECOND)), None);
        assert_eq!(drift(1, 0, |n| n * 1000), None, "within a poll");
    }

    #[test]
    fn dates_that_run_away_are_told() {
        let slow = drift(5, -4000, any).unwrap();
        assert!(
            slow.starts_with("EXT-X-PROGRAM-DATE-TIME falls behind the clock by 3.6 s an hour"),
            "{slow}"
        );
        let fast = drift(5, 4000, any).unwrap();
        assert!(fast.contains("gets ahead of the clock by 3.6 s"), "{fast}");
    }

    #[test]
    fn what_jumps_does_not_drift() {
        let late = |n| if n > 2000 { 20 * SECOND } else { 0 };
        assert_eq!(drift(5, 0, late), None);
        assert_eq!(drift(0, 4000, any), None, "nothing was seen");
    }
}
