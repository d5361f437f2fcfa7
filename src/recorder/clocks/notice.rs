//! What two readings of the clocks say about the time between them. Pure.

use crate::session::{Heartbeat, Notice, NoticeEvent};

/// Clocks that come apart by less were not set: they are slewed, or read one after the other.
const STEP_US: i64 = 50_000;
/// NTP slews by 500 millionths at most.
const SLEW: i64 = 2_000;
/// Who is heard of so much later than it should be stood still.
const STALL_US: i64 = 2_000_000;

/// The clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    pub clocks: Heartbeat,
    /// They were read so far apart at most, in microseconds.
    pub spread_us: i64,
}

/// What happened between a beat and the one that was due `due_us` after it.
pub(crate) fn noticed(before: &Beat, now: &Beat, due_us: i64) -> Vec<NoticeEvent> {
    let (from, to) = (before.clocks, now.clocks);
    let went_us = to.at_us.saturating_sub(from.at_us);
    let boot_us = match (from.boot_us, to.boot_us) {
        (Some(from), Some(to)) => to.saturating_sub(from),
        _ => went_us,
    };
    let wall_us = to.wall_us.saturating_sub(from.wall_us);
    let reading_us = before.spread_us.saturating_add(now.spread_us);
    let slack_us = STEP_US
        .saturating_add(reading_us)
        .saturating_add(boot_us.max(0) / SLEW);
    let event = |kind, length_us, detail| NoticeEvent {
        kind,
        at_us: from.at_us,
        length_us: Some(length_us),
        detail,
    };
    let mut events = Vec::new();
    let slept_us = boot_us.saturating_sub(went_us);
    if slept_us > slack_us {
        let detail = format!("the machine slept for {:.3} s", seconds(slept_us));
        events.push(event(Notice::Suspended, slept_us, detail));
    }
    if went_us > due_us.saturating_add(STALL_US) {
        let detail = format!(
            "the recorder itself, its process or its machine, stood still for {:.3} s; what the origin did meanwhile is not \
             known",
            seconds(went_us)
        );
        events.push(event(Notice::Stalled, went_us, detail));
    }
    let set_us = wall_us.saturating_sub(boot_us);
    if set_us.saturating_abs() > slack_us {
        let way = if set_us < 0 { "back" } else { "forward" };
        let detail = format!(
            "the wall clock was set {way} by {:.3} s",
            seconds(set_us.saturating_abs())
        );
        events.push(event(Notice::ClockStep, set_us, detail));
    }
    events
}

/// Numbers of this size are exact to the microsecond.
#[allow(clippy::cast_precision_loss)]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000_000;
    const DUE: i64 = S / 2;

    fn beat(at_us: i64, wall_us: i64, boot_us: i64) -> Beat {
        Beat {
            clocks: Heartbeat {
                at_us,
                wall_us,
                boot_us: Some(boot_us),
            },
            spread_us: 0,
        }
    }

    /// After so much of each clock.
    fn after(at_us: i64, wall_us: i64, boot_us: i64) -> Vec<(Notice, i64)> {
        let before = beat(100 * S, 1_700_000_000 * S, 7 * S);
        let clocks = before.clocks;
        let now = beat(
            clocks.at_us + at_us,
            clocks.wall_us + wall_us,
            7 * S + boot_us,
        );
        let events = noticed(&before, &now, DUE);
        assert!(events.iter().all(|event| event.at_us == clocks.at_us));
        let told = events
            .iter()
            .map(|event| (event.kind, event.length_us.unwrap()));
        told.collect()
    }

    #[test]
    fn what_goes_as_it_should_is_nothing() {
        assert_eq!(after(DUE, DUE, DUE), []);
        assert_eq!(after(S, S + 500, S), []);
        assert_eq!(after(2 * S, 2 * S - 49_000, 2 * S + 1_000), []);
    }

    #[test]
    fn each_clock_says_what_only_it_can_know() {
        for set in [-3600 * S, 7200 * S, -10 * 365 * 86_400 * S, 60_000, -60_000] {
            assert_eq!(after(DUE, DUE + set, DUE), [(Notice::ClockStep, set)]);
        }
        let slept = 62 * S;
        let told = after(DUE, DUE + slept, DUE + slept);
        assert_eq!(told, [(Notice::Suspended, slept)]);
        let stood = 12 * S;
        assert_eq!(after(stood, stood, stood), [(Notice::Stalled, stood)]);
        // All at once: it was stopped, slept, and woke up with the clock set.
        let told = after(9 * S, 9 * S + 4 * S - S, 9 * S + 4 * S);
        let all = [
            (Notice::Suspended, 4 * S),
            (Notice::Stalled, 9 * S),
            (Notice::ClockStep, -S),
        ];
        assert_eq!(told, all);
    }

    #[test]
    fn a_system_that_does_not_say_when_it_slept_tells_of_a_step() {
        let mut before = beat(0, 0, 0);
        let mut now = beat(DUE, DUE + 60 * S, 0);
        before.clocks.boot_us = None;
        now.clocks.boot_us = None;
        let events = noticed(&before, &now, DUE);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].kind, Notice::ClockStep);
    }

    #[test]
    fn clocks_that_were_read_apart_say_nothing() {
        let before = beat(0, 0, 0);
        let now = Beat {
            spread_us: 300_000,
            ..beat(DUE, DUE + 250_000, DUE + 100_000)
        };
        assert_eq!(noticed(&before, &now, DUE), []);
    }

    proptest! {
        #[test]
        fn slewing_and_jitter_are_no_step_whatever_the_pause(
            went in 0..86_400 * S, millionths in -500_i64..=500, jitter in -20_000_i64..=20_000,
        ) {
            let wall = went + went / S * millionths + jitter;
            let told = after(went, wall, went);
            let kinds: Vec<Notice> = told.iter().map(|(kind, _)| *kind).collect();
            let wanted = if went > DUE + STALL_US { vec![Notice::Stalled] } else { vec![] };
            prop_assert_eq!(kinds, wanted);
        }

        #[test]
        fn a_step_is_told_by_its_size_and_nothing_panics(
            went in any::<i64>(), wall in any::<i64>(), boot in any::<i64>(), set in 100_000_i64..i64::MAX / 4,
        ) {
            noticed(&beat(went, wall, boot), &beat(wall, boot, went), DUE);
            prop_assert_eq!(after(DUE, DUE - set, DUE), [(Notice::ClockStep, -set)]);
        }
    }
}
