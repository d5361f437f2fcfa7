//! Where a viewer would have waited: who plays one rendition, as the recorder got its segments, with a buffer of three target
//! durations from the live edge. Pure.

/// Target durations that are fetched before playing begins, and again behind a hole of the recorder.
const BUFFER: i64 = 3;
/// Stalls that are told one by one.
const MOST: usize = 1000;

/// A viewer had nothing to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// From when on, in microseconds of Unix time.
    pub from_us: i64,
    /// For how long, in microseconds.
    pub length_us: i64,
}

/// Someone who plays a rendition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Viewer {
    /// What was listed before the viewer came, and is not played, in microseconds.
    passed_us: i64,
    /// What is in the buffer before playing begins, in microseconds.
    buffered_us: i64,
    /// When all that came is played; `None`: playing has not begun.
    plays_until_us: Option<i64>,
    /// Stalls, the first ones.
    pub stalls: Vec<Stall>,
    /// How many there were.
    pub count: u64,
    /// What was played cannot be told of what was fetched.
    is_unsure: bool,
    /// How long they were together, in microseconds.
    pub length_us: i64,
}

impl Viewer {
    /// Of a live playlist so much is listed as the viewer comes, who begins three target durations from its end (RFC 8216bis 6.3.3).
    pub fn comes(&mut self, listed_us: i64, target_us: i64) {
        let from_end_us = target_us.saturating_mul(BUFFER);
        self.passed_us = listed_us.saturating_sub(from_end_us).max(0);
    }

    /// A segment is there. Durations in microseconds.
    pub fn got(&mut self, at_us: i64, duration_us: i64, target_us: i64) {
        if self.passed_us > 0 {
            self.passed_us = self.passed_us.saturating_sub(duration_us);
            return;
        }
        let Some(until_us) = self.plays_until_us else {
            self.buffered_us = self.buffered_us.saturating_add(duration_us);
            if self.buffered_us >= target_us.saturating_mul(BUFFER) {
                self.plays_until_us = Some(at_us.saturating_add(self.buffered_us));
            }
            return;
        };
        let length_us = at_us.saturating_sub(until_us);
        if length_us > 0 {
            self.count += 1;
            self.length_us = self.length_us.saturating_add(length_us);
            if self.stalls.len() < MOST {
                self.stalls.push(Stall {
                    from_us: until_us,
                    length_us,
                });
            }
        }
        self.plays_until_us = Some(until_us.max(at_us).saturating_add(duration_us));
    }

    /// A segment is listed that is not fetched for this rendition alone, or not at all, or the list jumped: what a viewer
    /// played cannot be told of what was fetched.
    pub fn lose_sight(&mut self) {
        self.is_unsure = true;
    }

    /// Whether it was seen all the way what a viewer had.
    pub fn is_sure(&self) -> bool {
        !self.is_unsure && self.passed_us == 0 && self.plays_until_us.is_some()
    }

    /// Its stalls that have a part of a time, in microseconds of Unix time.
    #[must_use]
    pub fn within(&self, (from_us, until_us): (i64, i64)) -> Self {
        let is_in = |stall: &&Stall| {
            stall.from_us <= until_us && stall.from_us.saturating_add(stall.length_us) >= from_us
        };
        let stalls: Vec<Stall> = self.stalls.iter().filter(is_in).copied().collect();
        let is_all = stalls.len() == self.stalls.len();
        let lengths = stalls.iter().map(|stall| stall.length_us);
        Self {
            count: if is_all {
                self.count
            } else {
                stalls.len() as u64
            },
            length_us: if is_all {
                self.length_us
            } else {
                lengths.sum()
            },
            stalls,
            ..self.clone()
        }
    }

    /// No recorder ran: nobody knows what a viewer saw.
    pub fn begin_again(&mut self) {
        self.buffered_us = 0;
        self.plays_until_us = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn who_has_three_target_durations_waits_for_what_comes_later_than_that() {
        let mut viewer = Viewer::default();
        for n in 0..3 {
            viewer.got(n, 4 * S, 4 * S);
        }
        // All of that is played at 12 s.
        viewer.got(11 * S, 4 * S, 4 * S);
        assert_eq!(viewer.count, 0);
        viewer.got(18 * S + 2, 4 * S, 4 * S);
        let stall = Stall {
            from_us: 16 * S + 2,
            length_us: 2 * S,
        };
        assert_eq!(
            (viewer.stalls.as_slice(), viewer.length_us),
            ([stall].as_slice(), 2 * S)
        );
        viewer.got(22 * S, 4 * S, 4 * S);
        assert_eq!(viewer.count, 1);
    }

    #[test]
    fn what_was_listed_before_is_not_in_the_buffer() {
        let mut viewer = Viewer::default();
        viewer.comes(40 * S, 4 * S);
        for n in 0..10 {
            viewer.got(n, 4 * S, 4 * S);
        }
        viewer.got(14 * S + 9, 4 * S, 4 * S);
        assert_eq!((viewer.count, viewer.length_us), (1, 2 * S));
        assert!(viewer.is_sure());
        viewer.lose_sight();
        assert!(!viewer.is_sure());
    }

    #[test]
    fn what_no_recorder_saw_is_no_stall() {
        let mut viewer = Viewer::default();
        viewer.got(0, 20 * S, 4 * S);
        viewer.begin_again();
        viewer.got(900 * S, 4 * S, 4 * S);
        viewer.got(901 * S, 8 * S, 4 * S);
        viewer.got(902 * S, 4 * S, 4 * S);
        assert_eq!(viewer.count, 0);
    }
}
