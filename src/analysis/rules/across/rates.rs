//! X09 bandwidth: bit rates of variants as they are told, and as their segments are (RFC 8216bis 4.1, 4.4.6.2).

use std::collections::BTreeMap;

use super::family::Member;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;

/// Segments that an average is made of, at least.
const FEW: u64 = 5;

/// What the segments of a playlist come to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// How many.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long they are, in microseconds.
    pub duration_us: i64,
    /// The highest rate of one that is at least half a target duration long, in bits per second.
    pub peak: f64,
}

impl Rate {
    /// Bits per second.
    #[allow(clippy::cast_precision_loss)]
    pub fn average(&self) -> f64 {
        bits_per_second(self.bytes, self.duration_us)
    }
}

#[allow(clippy::cast_precision_loss)]
fn bits_per_second(bytes: u64, duration_us: i64) -> f64 {
    match duration_us > 0 {
        true => bytes as f64 * 8e6 / duration_us as f64,
        false => 0.0,
    }
}

/// Of all playlists, by row.
#[derive(Debug, Default)]
pub struct Rates {
    of: BTreeMap<i64, Rate>,
}

impl Rates {
    /// A segment came.
    pub fn take(&mut self, playlist: i64, bytes: u64, duration_us: i64, target_us: i64) {
        if duration_us <= 0 {
            return;
        }
        let rate = self.of.entry(playlist).or_default();
        rate.segments += 1;
        rate.bytes = rate.bytes.saturating_add(bytes);
        rate.duration_us = rate.duration_us.saturating_add(duration_us);
        if duration_us >= target_us / 2 {
            rate.peak = rate.peak.max(bits_per_second(bytes, duration_us));
        }
    }

    /// Of a playlist.
    pub fn of(&self, playlist: i64) -> Option<&Rate> {
        self.of.get(&playlist)
    }

    /// What is wrong with what a variant promises. Its other renditions would come on top, so that what is too much is too
    /// much. `is_whole`: all of its segments exist.
    #[allow(clippy::cast_precision_loss)]
    pub fn judge(&self, playlist: i64, member: &Member, is_whole: bool, out: &mut Vec<Broken>) {
        let Some(rate) = self.of(playlist).filter(|rate| rate.segments >= FEW) else {
            return;
        };
        let severity = match is_whole {
            true => Severity::Must,
            false => Severity::Should,
        };
        if member.bandwidth > 0 && rate.peak > member.bandwidth as f64 {
            let text = format!(
                "a segment has {:.0} bit/s, BANDWIDTH is {}",
                rate.peak, member.bandwidth
            );
            out.push(
                Broken::new("X09", text)
                    .severity(severity)
                    .with("peak", rate.peak.round()),
            );
        }
        if member.average > 0 && rate.average() > member.average as f64 * 1.1 {
            let text = format!(
                "its segments have {:.0} bit/s on average, AVERAGE-BANDWIDTH is {}",
                rate.average(),
                member.average
            );
            out.push(Broken::new("X09", text).severity(severity).kind("average"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::ChildRole;

    fn found(bandwidth: u64, average: u64) -> Vec<String> {
        let mut rates = Rates::default();
        for bytes in [500_000, 600_000, 500_000, 500_000, 500_000] {
            rates.take(1, bytes, 4_000_000, 4_000_000);
        }
        // Too short to be a peak.
        rates.take(1, 500_000, 100_000, 4_000_000);
        let member = Member {
            role: ChildRole::Variant,
            group: String::new(),
            bandwidth,
            average,
        };
        let mut out = Vec::new();
        rates.judge(1, &member, false, &mut out);
        out.into_iter().map(|broken| broken.text).collect()
    }

    #[test]
    fn a_variant_has_no_more_than_it_promises() {
        assert_eq!(found(1_200_000, 1_300_000), Vec::<String>::new());
        assert_eq!(
            found(1_100_000, 0),
            ["a segment has 1200000 bit/s, BANDWIDTH is 1100000"]
        );
        assert_eq!(found(1_200_000, 1_000_000).len(), 1);
        assert_eq!(found(0, 0), Vec::<String>::new());
    }
}
