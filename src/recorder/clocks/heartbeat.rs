//! The heartbeat: clocks are read all the time, so that what happened to them, or to this
//! process, is known to the tenth of a second.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::activity::{self, Activity};
use crate::session::Writer;

/// What was noticed is told so often.
const EVERY: Duration = Duration::from_millis(500);
/// Clocks are written down so often, if they go as they should.
const ROW_EVERY_US: i64 = 10_000_000;

/// Beats for ever.
pub(crate) async fn run(writer: Writer, activity: Activity) {
    #[cfg(test)]
    pass(&writer);
    // A writer that waits for its disk stops nobody else.
    tokio::join!(beat(&activity), tell(&writer, &activity));
}

async fn beat(activity: &Activity) {
    let mut ticks = tokio::time::interval(activity::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        activity.goes_on();
    }
}

async fn tell(writer: &Writer, activity: &Activity) {
    let mut written_us = None;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (clocks, events) = activity.take();
        let is_due = |us| clocks.at_us.saturating_sub(us) >= ROW_EVERY_US;
        if written_us.is_none_or(is_due) || !events.is_empty() {
            written_us = Some(clocks.at_us);
            writer.heartbeat(clocks).await;
        }
        for event in events {
            tracing::warn!(json.own = true, json.kind = %event.kind, "{}", event.detail);
            writer.notice(event).await;
        }
    }
}

#[cfg(test)]
fn pass(writer: &Writer) {
    use crate::recorder::panics::testing;
    let session = writer.folder().path().display().to_string();
    testing::pass(testing::Place::Heartbeat, &session);
}
