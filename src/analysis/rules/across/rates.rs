//! X09 bandwidth, P20 bitrate-tag: bit rates of variants and of segments as they are told, and as segments are (RFC 8216bis 4.1,
//! 4.4.4.8, 4.4.6.2).

use std::collections::BTreeMap;

use super::family::Member;
use crate::analysis::finding::{Evidence, Sightings};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::shown::counted;

/// Segments that an average is made of, at least.
const FEW: u64 = 5;

/// What the segments of a playlist come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rate {
    /// How many.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long they are, in microseconds.
    pub duration_us: i64,
    /// The highest rate of one that is at least half a target duration long, in bits per second.
    pub peak: f64,
    /// Those that are told of its average.
    all: Option<Sightings>,
    /// Those that have more than BANDWIDTH.
    over: Option<Sightings>,
}

/// A segment that came.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// Its size.
    pub bytes: u64,
    /// Its EXTINF, in microseconds.
    pub duration_us: i64,
    /// Target duration of the text that listed it, in microseconds.
    pub target_us: i64,
    /// When, and which exchange brought it.
    pub at: Evidence,
    /// It is in the span that is told of.
    pub is_wanted: bool,
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
    /// A segment came. `bandwidth`: what its playlist promises, in bits per second; 0: nothing.
    #[allow(clippy::cast_precision_loss)]
    pub fn take(&mut self, playlist: i64, bandwidth: u64, came: &Came) {
        let Came {
            bytes,
            duration_us,
            target_us,
            ..
        } = *came;
        if duration_us <= 0 {
            return;
        }
        let rate = self.of.entry(playlist).or_default();
        rate.segments += 1;
        rate.bytes = rate.bytes.saturating_add(bytes);
        rate.duration_us = rate.duration_us.saturating_add(duration_us);
        if came.is_wanted {
            sight(&mut rate.all, came.at);
        }
        if duration_us >= target_us / 2 {
            let bits = bits_per_second(bytes, duration_us);
            rate.peak = rate.peak.max(bits);
            if came.is_wanted && bandwidth > 0 && bits > bandwidth as f64 {
                sight(&mut rate.over, came.at);
            }
        }
    }

    /// Of a playlist.
    pub fn of(&self, playlist: i64) -> Option<&Rate> {
        self.of.get(&playlist)
    }

    /// What is wrong with what a variant promises. Its other renditions would come on top, so that what is too much is too
    /// much. `is_whole`: all of its segments exist.
    #[allow(clippy::cast_precision_loss)]
    pub fn judge(
        &self,
        playlist: i64,
        member: &Member,
        is_whole: bool,
        out: &mut Vec<(Broken, Sightings)>,
    ) {
        let Some(rate) = self.of(playlist).filter(|rate| rate.segments >= FEW) else {
            return;
        };
        let severity = match is_whole {
            true => Severity::Must,
            false => Severity::Should,
        };
        if let Some(over) = &rate.over {
            let text = format!(
                "{} of {} have more than BANDWIDTH, {} bit/s: up to {:.0} bit/s",
                over.count,
                // Those that are told of: not all, where a part of the session is looked at.
                counted(
                    rate.all.as_ref().map_or(rate.segments, |all| all.count),
                    "segment"
                ),
                member.bandwidth,
                rate.peak
            );
            let broken = Broken::new("X09", text).severity(severity);
            out.push((broken.with("peak", rate.peak.round()), over.clone()));
        }
        if let Some(all) = &rate.all
            && member.average > 0
            && rate.average() > member.average as f64 * 1.1
        {
            let text = format!(
                "its segments have {:.0} bit/s on average, AVERAGE-BANDWIDTH is {}",
                rate.average(),
                member.average
            );
            let broken = Broken::new("X09", text).severity(severity).kind("average");
            // All of them together are one thing.
            out.push((
                broken,
                Sightings {
                    count: 1,
                    ..all.clone()
                },
            ));
        }
    }
}

fn sight(seen: &mut Option<Sightings>, at: Evidence) {
    match seen {
        Some(seen) => seen.again(at),
        None => *seen = Some(Sightings::once(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::ChildRole;

    fn judged(bandwidth: u64, average: u64) -> Vec<(Broken, Sightings)> {
        let mut rates = Rates::default();
        let mut exchange = 0;
        let mut take = |bytes, duration_us| {
            exchange += 1;
            let came = Came {
                bytes,
                duration_us,
                target_us: 4_000_000,
                at: Evidence {
                    at_us: exchange,
                    exchange: Some(exchange),
                },
                is_wanted: true,
            };
            rates.take(1, bandwidth, &came);
        };
        for bytes in [500_000, 600_000, 500_000, 610_000, 500_000] {
            take(bytes, 4_000_000);
        }
        // Too short to be a peak.
        take(500_000, 100_000);
        let member = Member {
            role: ChildRole::Variant,
            group: String::new(),
            bandwidth,
            average,
        };
        let mut out = Vec::new();
        rates.judge(1, &member, false, &mut out);
        out
    }

    fn found(bandwidth: u64, average: u64) -> Vec<String> {
        let judged = judged(bandwidth, average).into_iter();
        judged.map(|(broken, _)| broken.text).collect()
    }

    #[test]
    fn the_segments_that_have_too_much_are_told() {
        let found = judged(1_100_000, 1_000_000);
        let at = |found: &(Broken, Sightings)| {
            let (_, seen) = found;
            (
                seen.count,
                seen.first.at_us,
                seen.last.at_us,
                seen.exchanges.clone(),
            )
        };
        let told: Vec<_> = found.iter().map(at).collect();
        assert_eq!(told, [(2, 2, 4, vec![2, 4]), (1, 1, 6, (1..=6).collect())]);
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
        assert_eq!(found(1_220_000, 1_300_000), Vec::<String>::new());
        assert_eq!(
            found(1_100_000, 0),
            ["2 of 6 segments have more than BANDWIDTH, 1100000 bit/s: up to 1220000 bit/s"]
        );
        assert_eq!(found(1_220_000, 1_000_000).len(), 1);
        assert_eq!(found(0, 0), Vec::<String>::new());
    }
}
