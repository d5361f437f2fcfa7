//! The heartbeat: clocks are read all the time, so that what happened to them, or to this
//! process, is known to the half second.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::notice::{Beat, noticed};
use crate::clock::{self, Clock, micros};
use crate::session::{Heartbeat, Writer};

/// Clocks are read so often.
const EVERY: Duration = Duration::from_millis(500);
/// They are written down so often, if they go as they should.
const ROW_EVERY_US: i64 = 10_000_000;

/// Beats for ever.
pub(crate) async fn run(writer: Writer) {
    #[cfg(test)]
    pass(&writer);
    let clock = writer.clock();
    let mut before = read(clock);
    writer.heartbeat(before.clocks).await;
    let mut written_us = before.clocks.at_us;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut due = EVERY;
    loop {
        ticks.tick().await;
        let now = read(clock);
        let events = noticed(&before, &now, micros(due));
        let handing_over = clock::instant();
        let is_due = now.clocks.at_us.saturating_sub(written_us) >= ROW_EVERY_US;
        if is_due || !events.is_empty() {
            written_us = now.clocks.at_us;
            writer.heartbeat(now.clocks).await;
        }
        for event in events {
            tracing::warn!(json.own = true, "{}: {}", event.kind, event.detail);
            writer.notice(event).await;
        }
        before = now;
        // A writer that waits for its disk stops nobody else.
        due = EVERY + clock::instant().saturating_duration_since(handing_over);
    }
}

fn read(clock: Clock) -> Beat {
    let reading = clock::reading();
    Beat {
        clocks: Heartbeat {
            at_us: clock.at_us(reading.moment),
            wall_us: reading.wall_us,
            boot_us: reading.boot_us,
        },
        spread_us: reading.spread_us,
    }
}

#[cfg(test)]
fn pass(writer: &Writer) {
    use crate::recorder::panics::testing;
    let session = writer.folder().path().display().to_string();
    testing::pass(testing::Place::Heartbeat, &session);
}
