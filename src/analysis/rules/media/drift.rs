//! M05: how long segments are together. An EXTINF that is rounded is right alone, and may be wrong each time in one direction
//! (RFC 8216bis 4.4.4.1: accurate enough where durations are accumulated).

use super::durations::nearest_us;
use super::known::Known;
use crate::analysis::finding::{Evidence, Sightings};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::session;

/// Fewer segments say nothing of a direction.
const LEAST: u64 = 10;
/// So much is seen, in microseconds, ...
const LEAST_US: i64 = 1_000_000;
/// ... and one part in so many of what plays.
const PARTS: i64 = 100;
/// Roundings add up to less than so many times their standard deviation by chance.
const DEVIATIONS: f64 = 3.0;

/// How far EXTINF is off in the segments of a playlist together. Those of which M05 is told alone are none of them.
#[derive(Debug, Default, Clone)]
pub struct Drift {
    seen: Option<Sightings>,
    told_us: i64,
    measured_us: i64,
    /// What is off by more than a frame each time.
    off_us: i64,
    /// The sum of the squares of the steps of EXTINF.
    squares: f64,
}

impl Drift {
    /// A segment, and the one that directly follows it. `at`: what shows it.
    #[allow(clippy::cast_precision_loss)]
    pub fn take(&mut self, this: &Known, next: &Known, at: Evidence) {
        let Some((measured_us, frame_us)) = nearest_us(this, Some(next)) else {
            return;
        };
        let off_us = this.extinf_us - measured_us;
        let more_us = (off_us.abs() - frame_us).max(0);
        self.off_us += more_us * off_us.signum();
        self.told_us = self.told_us.saturating_add(this.extinf_us);
        self.measured_us = self.measured_us.saturating_add(measured_us);
        self.squares += (this.extinf_unit_us as f64).powi(2);
        match &mut self.seen {
            Some(seen) => seen.again(at),
            None => self.seen = Some(Sightings::once(at)),
        }
    }

    /// What is wrong with all of them together, and where that was seen.
    #[allow(clippy::cast_precision_loss)]
    pub fn judge(&self) -> Option<(Broken, Sightings)> {
        let seen = self.seen.clone().filter(|seen| seen.count >= LEAST)?;
        let off_us = self.off_us.abs();
        // A rounding is off by anything up to half a step: its variance is a twelfth of the square of the step.
        let by_chance_us = DEVIATIONS * (self.squares / 12.0).sqrt();
        if off_us < LEAST_US || off_us < self.measured_us / PARTS || off_us as f64 <= by_chance_us {
            return None;
        }
        let text = format!(
            "{} segments are told as {:.1} s by their EXTINF, and play for {:.1} s",
            seen.count,
            self.told_us as f64 / 1e6,
            self.measured_us as f64 / 1e6
        );
        let broken = Broken::new("M05", text)
            .kind("sum")
            .severity(Severity::Should);
        let broken = broken.with("measured_seconds", session::seconds(self.measured_us));
        Some((
            broken.with("extinf_seconds", session::seconds(self.told_us)),
            seen,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::{
        ChunkFacts, Cipher, Content, Times, Track, TrackKind, TransportFacts,
    };

    const FRAME: i64 = 3600;

    /// A video of 25 frames a second, from so many frames on, of so many.
    fn video(from: i64, frames: i64) -> ChunkFacts {
        let (first, last) = (from * FRAME, (from + frames - 1) * FRAME);
        let times = Times {
            first_decode: first,
            last_decode: last,
            end_earliest: last + FRAME,
            end_latest: last + FRAME,
            first_shown: first,
            earliest_shown: first,
            latest_shown: last,
            longest: FRAME,
            unit: FRAME,
            units: frames.unsigned_abs(),
            breaks: Default::default(),
        };
        let track = Track {
            id: 256,
            kind: TrackKind::Video,
            format: 27,
            codec: None,
            timescale: 90_000,
            times: Some(times),
            begins: None,
            keys: Box::default(),
            bytes: 1000,
        };
        ChunkFacts {
            bytes: 1000,
            cipher: Cipher::None,
            content: Content::Transport(Box::new(TransportFacts {
                tracks: [track].into(),
                ..TransportFacts::default()
            })),
        }
    }

    /// What is told of segments of so many frames, whose EXTINF is so much, to a step of so much (microseconds).
    fn told(segments: &[(i64, i64)], unit_us: i64) -> Option<String> {
        let mut from = 0;
        let mut all = Vec::new();
        for (frames, extinf_us) in segments {
            all.push((video(from, *frames), *extinf_us));
            from += frames;
        }
        let known = |(facts, extinf_us): &'static (ChunkFacts, i64)| Known {
            facts,
            init: None,
            has_map: false,
            sequence: 7,
            extinf_us: *extinf_us,
            extinf_unit_us: unit_us,
            discontinuity: false,
            gap: false,
            follows: true,
            iframes_only: false,
            independent: false,
        };
        let all: &'static Vec<(ChunkFacts, i64)> = Box::leak(Box::new(all));
        let mut drift = Drift::default();
        for (n, pair) in all.windows(2).enumerate() {
            let at = Evidence {
                at_us: n as i64,
                exchange: None,
            };
            if let [this, next] = pair {
                drift.take(&known(this), &known(next), at);
            }
        }
        drift.judge().map(|(broken, _)| broken.text)
    }

    #[test]
    fn roundings_in_one_direction_add_up() {
        let second = 1_000_000;
        assert_eq!(
            told(&[(90, 4 * second); 23], second).as_deref(),
            Some("22 segments are told as 88.0 s by their EXTINF, and play for 79.2 s")
        );
        assert_eq!(told(&[(90, 4 * second); 8], second), None, "too few");
        assert_eq!(told(&[(90, 3_600_000); 100], 1), None);
        assert_eq!(told(&[(90, 3_600_000); 100], 100_000), None);
        // A frame more or less is none of it.
        assert_eq!(told(&[(90, 3_640_000); 100], 1), None);
    }

    #[test]
    fn roundings_in_both_directions_do_not() {
        let second = 1_000_000;
        let lengths = [
            (90, 4 * second),
            (110, 4 * second),
            (85, 3 * second),
            (65, 3 * second),
        ];
        let all: Vec<_> = lengths.iter().copied().cycle().take(60).collect();
        assert_eq!(told(&all, second), None);
    }
}
