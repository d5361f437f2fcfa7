//! A gap as a finding.

use serde::Serialize;
use serde_json::{Map, Value};

use super::sentences::{Failure, failures, span};
use crate::analysis::finding::{Evidence, Finding, Rule};
use crate::analysis::gaps::gap::{Gap, Unit, Whose};
use crate::analysis::never_listed::NeverListed;
use crate::analysis::noticed::Noticed;
use crate::session::{Advance, Moment, PlaylistInfo, seconds};

/// A gap as a finding. `label`: how the multivariant playlist describes the playlist; `zero_us` is session zero.
pub fn finding(playlist: &PlaylistInfo, label: Option<&str>, gap: &Gap, zero_us: i64) -> Finding {
    let [from_uncertain_us, to_uncertain_us] = gap.uncertain_us;
    let detail = Detail {
        url: &playlist.url,
        label,
        between: gap.unit.as_str(),
        gap_seconds: seconds(gap.length_us()),
        threshold_seconds: seconds(gap.threshold_us),
        open: gap.to.is_none(),
        certain: gap.whose() == Whose::Origin,
        unasked_seconds: gap.unasked_us().map(seconds),
        left_alone_seconds: gap.left_alone_us().map(seconds),
        from: Row::new(&gap.from, from_uncertain_us, zero_us),
        to: gap.to.map(|to| Row::new(&to, to_uncertain_us, zero_us)),
        never_listed: gap.never_listed,
        not_seen: gap.not_seen,
        recorder: Recorder::new(gap, zero_us),
    };
    let evidence = |at_us, exchange| Evidence { at_us, exchange };
    let to = gap.to.map(|to| to.exchange_id);
    Finding {
        rule: match gap.unit {
            Unit::Segments => Rule::Stale,
            Unit::Parts => Rule::PartLate,
        },
        own: gap.is_recorders(),
        stream: playlist.stream.clone(),
        playlist: Some(playlist.name.clone()),
        count: 1,
        first: evidence(gap.from.seen_us, Some(gap.from.exchange_id)),
        last: evidence(gap.until_us, to),
        exchanges: std::iter::once(gap.from.exchange_id).chain(to).collect(),
        text: span(gap, zero_us),
        detail: object(&detail),
    }
}

/// A struct as the members of an object.
fn object(detail: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(detail) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// What a gap has beside what every finding has (`docs/ref/findings.md`).
#[derive(Serialize)]
struct Detail<'a> {
    url: &'a str,
    label: Option<&'a str>,
    between: &'static str,
    gap_seconds: f64,
    threshold_seconds: f64,
    open: bool,
    /// The origin was late, whatever is not known.
    certain: bool,
    /// For so long before its end the recorder did not ask: it may be no gap for that.
    unasked_seconds: Option<f64>,
    /// For so long of it nothing was asked, since the host had asked for patience.
    left_alone_seconds: Option<f64>,
    from: Row,
    to: Option<Row>,
    never_listed: Option<NeverListed>,
    not_seen: Option<NeverListed>,
    recorder: Recorder,
}

#[derive(Serialize)]
struct Row {
    exchange: i64,
    #[serde(flatten)]
    moment: Moment,
    uncertain_seconds: Option<f64>,
}

impl Row {
    fn new(advance: &Advance, uncertain_us: Option<i64>, zero_us: i64) -> Self {
        Self {
            exchange: advance.exchange_id,
            moment: Moment::new(advance.seen_us, zero_us),
            uncertain_seconds: uncertain_us.map(seconds),
        }
    }
}

#[derive(Serialize)]
struct Recorder {
    polls: i64,
    /// Those that did not bring the advance that ended it.
    polls_between: i64,
    failed: i64,
    failures: Vec<Failure>,
    lag_seconds: f64,
    pause_seconds: f64,
    /// For so long polls had no whole answer, and the one that had none for longest.
    waiting_seconds: f64,
    longest_wait_seconds: f64,
    /// For so long one had had none when the recorder stopped.
    broken_off_seconds: Option<f64>,
    not_running_seconds: f64,
    late: bool,
    down: bool,
    /// The playlist had changed, and 304 was answered.
    false_validators: bool,
    noticed: Vec<Noticed>,
}

impl Recorder {
    fn new(gap: &Gap, zero_us: i64) -> Self {
        let noticed = gap.noticed.iter();
        Self {
            polls: gap.polls.polls,
            polls_between: gap.polls_between(),
            failed: gap.polls.failed,
            failures: failures(&gap.polls),
            lag_seconds: seconds(gap.polls.lag_us),
            pause_seconds: seconds(gap.polls.pause_us),
            waiting_seconds: seconds(gap.polls.waiting_us),
            longest_wait_seconds: seconds(gap.polls.longest_wait.length_us),
            broken_off_seconds: (gap.polls.broken_off).map(|wait| seconds(wait.length_us)),
            not_running_seconds: seconds(gap.not_running_us),
            late: gap.recorder_was_late(),
            down: gap.recorder_was_down(),
            false_validators: gap.validators_were_false(),
            noticed: noticed.map(|event| Noticed::new(event, zero_us)).collect(),
        }
    }
}
