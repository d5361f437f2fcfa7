//! X09 bandwidth, P20 bitrate-tag: bit rates of variants and of segments as they are told, and as segments are (RFC 8216bis 4.1,
//! 4.4.4.8, 4.4.6.2).

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

/// What a text says of the bit rate of a segment (EXT-X-BITRATE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Kilobits per second.
    pub kilobits: u64,
    /// EXTINF, in microseconds.
    pub duration_us: i64,
    /// What the last digit of EXTINF is worth, in microseconds.
    pub unit_us: i64,
}

impl Told {
    /// Whether it may be said of a segment with so many bytes: 90 to 110 % of its bit rate, however EXTINF and it were rounded.
    #[allow(clippy::cast_precision_loss)]
    pub fn judge(&self, bytes: u64) -> Option<Broken> {
        let shortest_us = self.duration_us.saturating_sub(self.unit_us);
        if shortest_us <= 0 || bytes == 0 {
            return None;
        }
        let longest_us = self.duration_us.saturating_add(self.unit_us);
        let least = bits_per_second(bytes, longest_us) * 0.9 - 1000.0;
        let most = bits_per_second(bytes, shortest_us) * 1.1 + 1000.0;
        let told = self.kilobits as f64 * 1000.0;
        let text = format!(
            "EXT-X-BITRATE is {} kbit/s, and a segment that it applies to has {:.0} kbit/s",
            self.kilobits,
            bits_per_second(bytes, self.duration_us) / 1000.0
        );
        (told < least || told > most).then(|| Broken::new("P20", text))
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
    fn a_bit_rate_that_is_told_is_that_of_the_segment_to_a_tenth() {
        let told = |kilobits, duration_us, unit_us, bytes| {
            let told = Told {
                kilobits,
                duration_us,
                unit_us,
            };
            told.judge(bytes).map(|broken| broken.rule)
        };
        // 1,000 kbit/s.
        for kilobits in [905, 1_000, 1_095] {
            assert_eq!(told(kilobits, 4_000_000, 1_000, 500_000), None);
        }
        for kilobits in [880, 1_120, 1, u64::MAX] {
            assert_eq!(told(kilobits, 4_000_000, 1_000, 500_000), Some("P20"));
        }
        // Of whole seconds it is not known how long it is.
        assert_eq!(told(1_300, 4_000_000, 1_000_000, 500_000), None);
        assert_eq!(told(1_000, 0, 1_000, 500_000), None);
        assert_eq!(told(1_000, 4_000_000, 1_000, 0), None);
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
