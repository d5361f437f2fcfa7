//! What the recorder noticed about itself, as text and as JSON.

use serde::Serialize;

use url::Url;

use super::times::{both_clocks, length};
use crate::session::{Moment, Notice, NoticeEvent, seconds};

/// Of one gap, in text.
const MOST_NOTICED: usize = 8;

/// For so long of a time the recorder stood still or was suspended, in microseconds: of a sleep of its machine, which takes no
/// session time, all of it counts; where it is not known when it went on, it did not.
pub(super) fn stood_still_us(events: &[NoticeEvent], from_us: i64, until_us: i64) -> i64 {
    let part_us = |event: &NoticeEvent| match event.kind {
        Notice::Stalled => {
            let over_us = event.until_us().min(until_us);
            over_us.saturating_sub(event.at_us.max(from_us)).max(0)
        }
        Notice::Suspended => event.length_us.unwrap_or(i64::MAX).max(0),
        _ => 0,
    };
    events.iter().map(part_us).fold(0, i64::saturating_add)
}

/// Host and port of a URL, as events name them.
pub(super) fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let port = url.port_or_known_default()?;
    Some(format!("{}:{port}", url.host_str()?))
}

/// For so long of a time hosts were left alone, as they had asked, in microseconds: what several asked for at once counts once.
/// `is_meant`: of which hosts (with their ports). Events come in the order in which they began.
pub(super) fn left_alone_us(
    events: &[NoticeEvent],
    (from_us, until_us): (i64, i64),
    is_meant: impl Fn(&str) -> bool,
) -> i64 {
    let is_it = |event: &&NoticeEvent| event.kind == Notice::LeftAlone && is_meant(&event.detail);
    let (mut sum_us, mut known_us) = (0_i64, from_us);
    for event in events.iter().filter(is_it) {
        let over_us = event.until_us().min(until_us);
        let part_us = over_us.saturating_sub(event.at_us.max(known_us)).max(0);
        sum_us = sum_us.saturating_add(part_us);
        known_us = known_us.max(over_us);
    }
    sum_us
}

/// What the recorder noticed about itself, an entry each; where that was very much, not all. `zero_us`: session zero.
pub(super) fn noticed_lines(events: &[NoticeEvent], zero_us: i64) -> Vec<String> {
    let told = events.iter().take(MOST_NOTICED);
    let mut told: Vec<String> = told.map(|event| noticed_line(event, zero_us)).collect();
    if events.len() > MOST_NOTICED {
        let more = events.len() - MOST_NOTICED;
        told.push(format!("The recorder noticed {more} more such things here"));
    }
    told
}

fn noticed_line(event: &NoticeEvent, zero_us: i64) -> String {
    let at = |us: i64| both_clocks(us, zero_us);
    let from = at(event.at_us);
    let span = match event.length_us {
        Some(_) => format!("from {from} to {}", at(event.until_us())),
        None => format!("from {from} until the end of the run"),
    };
    // A file that somebody else wrote may say anything of how long something lasted.
    let lasted = event.length_us.map(|length_us| length(length_us.max(0)));
    let lasted = lasted.map_or_else(String::new, |length| format!(" for {length}"));
    match event.kind {
        Notice::Suspended => format!("The recorder was suspended here{lasted}, at {from}"),
        Notice::Stalled => format!("The recorder stood still here{lasted}, {span}"),
        Notice::DiskFull => format!("The recorder's disk was full here, {span}"),
        Notice::ClockStep => {
            let step = event.length_us.map_or_else(String::new, |length_us| {
                let way = if length_us < 0 { "back" } else { "forward" };
                format!(" {way} by {}", length(length_us.saturating_abs()))
            });
            format!("The recorder's wall clock was set{step}, at {from}")
        }
        Notice::FalseValidators => format!(
            "Its validators were false here: 304 Not Modified was answered though it had changed, {span}"
        ),
        Notice::LeftAlone => format!(
            "{} had asked for patience here: nothing was asked of it, {span}",
            event.detail
        ),
        Notice::Late => format!("The recorder was late with polls here{lasted}, {span}"),
        Notice::HeldUp => format!("A reader held up the recorder's checkpoint here, {span}"),
    }
}

/// What the recorder noticed about itself.
#[derive(Serialize)]
pub(super) struct Noticed {
    kind: &'static str,
    #[serde(flatten)]
    moment: Moment,
    /// How long it lasted, or by how much the clock was set; null: it was not over at the end.
    seconds: Option<f64>,
}

impl Noticed {
    /// `zero_us`: session zero.
    pub(super) fn new(event: &NoticeEvent, zero_us: i64) -> Self {
        Self {
            kind: event.kind.as_str(),
            moment: Moment::new(event.at_us, zero_us),
            seconds: event.length_us.map(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO_US: i64 = 1_425_579_400_000_000;

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
        let shown = noticed_lines(&noticed, ZERO_US);
        let at = "0:01:00.000 (18:17:40.000Z)";
        for remark in [
            format!("The recorder was suspended here for 62.000 s, at {at}"),
            format!(
                "The recorder stood still here for 7.500 s, from {at} to 0:01:07.500 (18:17:47.500Z)"
            ),
            format!("The recorder's wall clock was set back by 3600.000 s, at {at}"),
            format!("The recorder's wall clock was set forward by 7200.000 s, at {at}"),
            format!("The recorder's disk was full here, from {at} to 0:01:02.000 (18:17:42.000Z)"),
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
    fn what_has_no_length_or_an_impossible_one_is_told_of_without_nonsense() {
        let at = "0:01:00.000 (18:17:40.000Z)";
        for (kind, length_us, wanted) in [
            (
                Notice::Suspended,
                None,
                format!("was suspended here, at {at}"),
            ),
            (
                Notice::Stalled,
                None,
                format!("stood still here, from {at} until the end of the run"),
            ),
            (
                Notice::ClockStep,
                None,
                format!("'s wall clock was set, at {at}"),
            ),
            (
                Notice::Suspended,
                Some(-7_000_000),
                format!("was suspended here for 0.000 s, at {at}"),
            ),
            (
                Notice::Stalled,
                Some(-7_000_000),
                format!("stood still here for 0.000 s, from {at} to {at}"),
            ),
            (
                Notice::DiskFull,
                Some(i64::MIN),
                format!("'s disk was full here, from {at} to {at}"),
            ),
        ] {
            let wanted = format!(
                "The recorder{}{wanted}",
                if wanted.starts_with('\'') { "" } else { " " }
            );
            assert_eq!(noticed_lines(&[event(kind, length_us)], ZERO_US), [wanted]);
        }
    }

    #[test]
    fn of_a_time_that_part_counts_in_which_the_recorder_stood_still() {
        let at_us = event(Notice::Stalled, None).at_us;
        let stood_us = |kind, length_us, from_us: i64, until_us: i64| {
            let events = [event(kind, length_us)];
            stood_still_us(&events, at_us + from_us, at_us + until_us)
        };
        let stalled = Notice::Stalled;
        assert_eq!(stood_us(stalled, Some(5), -10, 20), 5);
        assert_eq!(stood_us(stalled, Some(50), -10, 20), 20, "it went on");
        assert_eq!(stood_us(stalled, Some(50), 15, 20), 5, "and began before");
        assert_eq!(stood_us(stalled, None, -10, 20), 20);
        assert_eq!(stood_us(stalled, Some(-7), -10, 20), 0);
        assert_eq!(stood_us(Notice::Suspended, Some(50), -10, 20), 50);
        assert_eq!(stood_us(Notice::ClockStep, Some(50), -10, 20), 0);
        let twice = [event(stalled, Some(5)), event(Notice::Suspended, None)];
        assert_eq!(stood_still_us(&twice, at_us, at_us + 9), i64::MAX);
    }

    #[test]
    fn wishes_of_hosts_count_once_where_they_overlap() {
        let wish = |at_us, length_us, host: &str| NoticeEvent {
            kind: Notice::LeftAlone,
            at_us,
            length_us: Some(length_us),
            detail: host.to_owned(),
        };
        let all = [
            wish(10, 20, "a:80"),
            wish(15, 20, "b:80"),
            wish(50, 20, "a:80"),
        ];
        let left_us =
            |span, host: &str| left_alone_us(&all, span, |one| host.is_empty() || one == host);
        assert_eq!(left_us((0, 100), ""), 45);
        assert_eq!(left_us((0, 100), "a:80"), 40);
        assert_eq!(left_us((20, 60), ""), 25);
        assert_eq!(left_us((36, 49), ""), 0);
        assert_eq!(left_us((0, 100), "c:80"), 0);
    }

    #[test]
    fn of_very_much_not_all_is_told() {
        let shown = noticed_lines(&vec![event(Notice::Stalled, Some(1)); 100], ZERO_US);
        assert_eq!(shown.len(), MOST_NOTICED + 1);
        assert_eq!(
            shown.last().unwrap(),
            "The recorder noticed 92 more such things here"
        );
    }
}
