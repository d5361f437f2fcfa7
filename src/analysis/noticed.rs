//! What the recorder noticed about itself, as text and as JSON.

use serde::Serialize;

use super::report::{iso, seconds, timedelta, utc};
use crate::session::{Notice, NoticeEvent};

/// Of one gap, in text.
const MOST_NOTICED: usize = 8;

/// What the recorder noticed about itself, an entry each; where that was very much, not all.
pub(super) fn told(events: &[NoticeEvent]) -> Vec<String> {
    let mut told: Vec<String> = events.iter().take(MOST_NOTICED).map(one).collect();
    if events.len() > MOST_NOTICED {
        let more = events.len() - MOST_NOTICED;
        told.push(format!("The recorder noticed {more} more such things here"));
    }
    told
}

fn one(event: &NoticeEvent) -> String {
    let length_us = event.length_us.unwrap_or(0);
    let (from, until) = (utc(event.at_us), event.length_us.map(|_| event.until_us()));
    let span = match until {
        Some(until_us) => format!("from {from} to {}", utc(until_us)),
        None => format!("from {from} until the end of the run"),
    };
    let length = timedelta(length_us.saturating_abs());
    match event.kind {
        Notice::Suspended => format!("The recorder was suspended here for {length}, at {from}"),
        Notice::Stalled => format!("The recorder stood still here for {length}, {span}"),
        Notice::DiskFull => format!("The recorder's disk was full here, {span}"),
        Notice::ClockStep => {
            let way = if length_us < 0 { "back" } else { "forward" };
            format!("The recorder's wall clock was set {way} by {length}, at {from}")
        }
        Notice::Late | Notice::HeldUp => format!("The recorder noticed: {}, {span}", event.kind),
    }
}

/// What the recorder noticed about itself.
#[derive(Serialize)]
pub(super) struct Noticed {
    kind: &'static str,
    time: String,
    session_time: f64,
    /// How long it lasted, or by how much the clock was set; null: it was not over at the end.
    seconds: Option<f64>,
}

impl Noticed {
    /// `zero_us`: session zero.
    pub(super) fn new(event: &NoticeEvent, zero_us: i64) -> Self {
        Self {
            kind: event.kind.as_str(),
            time: iso(event.at_us),
            session_time: seconds(event.at_us.saturating_sub(zero_us)),
            seconds: event.length_us.map(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Notice, length_us: Option<i64>) -> NoticeEvent {
        NoticeEvent {
            kind,
            at_us: 1_425_579_460_000_000,
            length_us,
            detail: String::new(),
        }
    }

    #[test]
    fn each_is_told_with_its_time_and_its_length() {
        let noticed = vec![
            event(Notice::Suspended, Some(62_000_000)),
            event(Notice::Stalled, Some(7_500_000)),
            event(Notice::ClockStep, Some(-3_600_000_000)),
            event(Notice::ClockStep, Some(7_200_000_000)),
            event(Notice::DiskFull, Some(2_000_000)),
            event(Notice::DiskFull, None),
        ];
        let shown = told(&noticed);
        let at = "2015-03-05 18:17:40.000000";
        for remark in [
            format!("The recorder was suspended here for 0:01:02, at {at}"),
            format!(
                "The recorder stood still here for 0:00:07.500000, from {at} to 2015-03-05 18:17:47.500000"
            ),
            format!("The recorder's wall clock was set back by 1:00:00, at {at}"),
            format!("The recorder's wall clock was set forward by 2:00:00, at {at}"),
            format!("The recorder's disk was full here, from {at} to 2015-03-05 18:17:42.000000"),
            format!("The recorder's disk was full here, from {at} until the end of the run"),
        ] {
            assert!(shown.contains(&remark), "{remark}: {shown:?}");
        }
        let json = serde_json::to_value(Noticed::new(&noticed[2], noticed[2].at_us - 60_000_000));
        let wanted = serde_json::json!({
            "kind": "clock step", "time": "2015-03-05T18:17:40.000000Z",
            "session_time": 60.0, "seconds": -3600.0,
        });
        assert_eq!(json.unwrap(), wanted);
        let json = serde_json::to_value(Noticed::new(&noticed[5], 0)).unwrap();
        assert!(json["seconds"].is_null());
    }

    #[test]
    fn of_very_much_not_all_is_told() {
        let shown = told(&vec![event(Notice::Stalled, Some(1)); 100]);
        assert_eq!(shown.len(), MOST_NOTICED + 1);
        assert_eq!(
            shown.last().unwrap(),
            "The recorder noticed 92 more such things here"
        );
    }
}
