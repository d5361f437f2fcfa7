//! What all findings come to, in a line. Pure.

use super::never_listed;
use super::outages::outage::Outage;
use super::times::tenths;
use crate::shown::counted;

/// What has been found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many gaps of the origin.
    pub gaps: u64,
    /// How many gaps are the time in which no recorder ran.
    pub own_gaps: u64,
    /// How long all of them were, in microseconds.
    pub gaps_us: i64,
    /// How many outages of the origin.
    pub outages: u64,
    /// How many faults these had.
    pub faults: u64,
    /// How many faults were the recorder's own.
    pub own: u64,
    /// How many segments were never listed.
    pub never_listed: u64,
}

impl Summary {
    /// One more gap.
    pub fn gap(&mut self, length_us: i64, never_listed: u64) {
        self.gaps += 1;
        self.gaps_us = self.gaps_us.saturating_add(length_us);
        self.never_listed = self.never_listed.saturating_add(never_listed);
    }

    /// One more outage.
    pub fn outage(&mut self, outage: &Outage) {
        match outage.key.own {
            None => {
                self.outages += 1;
                self.faults += outage.faults;
            }
            Some(_) => self.own += outage.faults,
        }
    }

    /// `3 gaps, 26.1 s; 2 outages; 4 segments never listed`.
    pub fn of_gaps(&self) -> String {
        let gaps = match self.gaps {
            0 => "no gap".to_owned(),
            gaps => format!("{}, {} s", counted(gaps, "gap"), tenths(self.gaps_us)),
        };
        let own = (self.own_gaps > 0)
            .then(|| format!("{} of the recorder's own", counted(self.own_gaps, "gap")));
        let outages = (self.outages > 0).then(|| counted(self.outages, "outage"));
        self.line(std::iter::once(gaps).chain(own).chain(outages))
    }

    /// `2 outages, 21 faults; 1 segment never listed; 3 faults of the recorder's own`.
    pub fn of_outages(&self) -> String {
        let outages = match self.outages {
            0 => "no outage of the origin".to_owned(),
            outages => format!(
                "{}, {}",
                counted(outages, "outage"),
                counted(self.faults, "fault")
            ),
        };
        self.line(std::iter::once(outages))
    }

    fn line(&self, parts: impl Iterator<Item = String>) -> String {
        let lost = (self.never_listed > 0).then(|| never_listed::counted(self.never_listed));
        let own =
            (self.own > 0).then(|| format!("{} of the recorder's own", counted(self.own, "fault")));
        let parts: Vec<String> = parts.chain(lost).chain(own).collect();
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_sums_up() {
        let mut all = Summary::default();
        assert_eq!(all.of_gaps(), "no gap");
        assert_eq!(all.of_outages(), "no outage of the origin");
        for length_us in [8_500_000, 8_600_000, 9_000_000] {
            all.gap(length_us, 1);
        }
        all.gap(i64::MAX, 1);
        all.gaps_us = 26_100_000;
        all.gaps = 3;
        (all.outages, all.faults) = (2, 21);
        assert_eq!(
            all.of_gaps(),
            "3 gaps, 26.1 s; 2 outages; 4 segments never listed"
        );
        all.own_gaps = 2;
        assert_eq!(
            all.of_gaps(),
            "3 gaps, 26.1 s; 2 gaps of the recorder's own; 2 outages; 4 segments never listed"
        );
        all.own = 1;
        assert_eq!(
            all.of_outages(),
            "2 outages, 21 faults; 4 segments never listed; 1 fault of the recorder's own"
        );
    }
}
