//! A gap in sentences: from when to when, what it cost, and whose it was. Pure.

use serde::Serialize;

use crate::analysis::faults::in_short;
use crate::analysis::gaps::gap::{Gap, Unit};
use crate::analysis::never_listed::{counted, not_seen};
use crate::analysis::noticed;
use crate::analysis::times::{between_us, both_clocks, length};
use crate::session::{EMPTY, PollTrouble, PollWait};

/// The same as a sentence: from when to when, and what it cost.
pub(super) fn span(gap: &Gap, zero_us: i64) -> String {
    let at = |us: i64| both_clocks(us, zero_us);
    let (from_us, until_us) = (gap.from.seen_us, gap.until_us);
    let lasted = length(between_us(from_us, until_us));
    let what = match gap.unit {
        Unit::Segments => "No advance",
        Unit::Parts => "No new part",
    };
    let exchange = gap.from.exchange_id;
    let from = format!(
        "{what} for {lasted}, from {}, exchange {exchange}",
        at(from_us)
    );
    let to = match (gap.to, gap.is_left) {
        (Some(to), _) => format!(", to {}, exchange {}", at(until_us), to.exchange_id),
        (None, false) => format!(", to the end of the recording at {}", at(until_us)),
        (None, true) => format!(", to {}, when it was no longer recorded", at(until_us)),
    };
    let lost = gap.never_listed.map_or_else(String::new, |lost| {
        format!("; {}: {}", counted(lost.count), lost.numbers())
    });
    let missed = gap.not_seen.map_or_else(String::new, |missed| {
        format!("; {}: {}", not_seen(missed.count), missed.numbers())
    });
    let unasked = gap.unasked_us().map_or_else(String::new, |unasked_us| {
        let unasked = length(unasked_us);
        if let Some(alone_us) = gap.left_alone_us() {
            let alone = length(alone_us);
            return format!(
                "; the origin asked for patience (Retry-After) for {alone} of it, and was not asked: whether it advanced then nobody knows"
            );
        }
        format!("; of which the recorder did not ask for {unasked} before its end: it may be none")
    });
    format!("{from}{to}{lost}{missed}{unasked}")
}

/// Whose it was: what polls in between were answered, and what speaks against the origin being the one that was late.
pub(super) fn remarks(gap: &Gap, zero_us: i64) -> Vec<String> {
    let mut remarks = Vec::new();
    if gap.was_late_beside() {
        remarks.push(format!(
            "The recorder was late here: by up to {}",
            length(gap.polls.lag_us)
        ));
    }
    remarks.extend(noticed::noticed_lines(&gap.noticed, zero_us));
    if gap.not_running_us > 0 {
        remarks.push(format!(
            "The recorder did not run for {} of it",
            length(gap.not_running_us)
        ));
    } else if gap.paused_beside() {
        remarks.push(format!(
            "The recorder did not ask for {} here",
            length(gap.polls.pause_us)
        ));
    }
    remarks.extend(polled(gap));
    remarks
}

/// For how much of a gap the recorder was not there, where that is no part of what is the origin's.
pub fn away(gap: &Gap) -> Option<String> {
    let stood = match gap.stood_still_us() {
        0 => None,
        us => Some(format!("The recorder stood still for {} of it", length(us))),
    };
    let ran = (gap.not_running_us > 0).then(|| {
        let lasted = length(gap.not_running_us);
        format!("The recorder did not run for {lasted} of it")
    });
    let told: Vec<String> = stood.into_iter().chain(ran).collect();
    (!told.is_empty()).then(|| told.join(". "))
}

/// What polls were answered meanwhile, which tells whose a gap of the origin's is.
pub fn polled(gap: &Gap) -> Vec<String> {
    let broken_off = gap.polls.broken_off.map(|wait| broken_off(gap, wait));
    let told = waited(gap).into_iter().chain(broken_off);
    told.chain(answered(gap)).collect()
}

/// For how long polls had no answer, where that is most of the gap, or one of them hung.
pub(super) fn waited(gap: &Gap) -> Option<String> {
    let (longest, waiting_us) = (gap.polls.longest_wait, gap.polls.waiting_us);
    let lasted = length(longest.length_us);
    let is_one = longest.length_us >= waiting_us - waiting_us / 10;
    gap.polls_waited().then(|| match is_one {
        true if gap.polls.failed == 0 => {
            let whole = if longest.has_begun { " in whole" } else { "" };
            format!("A poll was answered{whole} only after {lasted}")
        }
        true => format!("A poll {} for {lasted}", no_answer(longest)),
        false => format!(
            "Polls were unanswered for {} of it, the longest for {lasted}",
            length(waiting_us)
        ),
    })
}

/// What the recorder still waited for when it stopped is no poll that failed.
fn broken_off(gap: &Gap, wait: PollWait) -> String {
    let when = match (gap.to, gap.is_left) {
        (None, false) => "when the recording was stopped",
        _ => "when the recorder broke it off",
    };
    let lasted = length(wait.length_us);
    format!("A poll {} for {lasted} {when}", no_answer(wait))
}

fn no_answer(wait: PollWait) -> &'static str {
    match wait.has_begun {
        true => "had no whole answer",
        false => "was unanswered",
    }
}

/// What the polls between the two advances were answered.
pub(super) fn answered(gap: &Gap) -> Option<String> {
    let (polls, between) = (&gap.polls, gap.polls_between());
    let how = || {
        let failures = failures(polls);
        let told = failures
            .iter()
            .map(|failure| format!("{} x {}", failure.what, failure.polls));
        told.collect::<Vec<_>>().join(", ")
    };
    let nothing_new = match gap.unit {
        Unit::Segments => "without a new segment",
        Unit::Parts => "without a new part",
    };
    // Before the one that the recorder broke off, which is told first.
    let place = match polls.broken_off {
        Some(_) => "before it",
        None => "in between",
    };
    let kept = match gap.polls_are_gone {
        true => " that are kept",
        false => "",
    };
    match (polls.failed, between) {
        (0, 0) if gap.recorder_was_down() || gap.polls_are_gone => None,
        (0, 0) if gap.to.is_none() && polls.broken_off.is_some() => None,
        (0, 0) if gap.to.is_none() => Some("No poll was answered in between".to_owned()),
        (0, 0) => Some("One request was under way in between, and brought what was new".to_owned()),
        (0, 1) => Some(format!(
            "The one poll {place}{kept} was answered, {nothing_new}"
        )),
        (0, 2) => Some(format!(
            "Both polls {place}{kept} were answered, {nothing_new}"
        )),
        (0, _) => Some(format!(
            "All {between} polls {place}{kept} were answered, {nothing_new}"
        )),
        (failed, between) if failed >= between => Some(format!(
            "No poll {place}{kept} was answered with a playlist: {}",
            how()
        )),
        (failed, between) => {
            let others = match between - failed {
                1 => "the other one was answered",
                _ => "the others were answered",
            };
            Some(format!(
                "{failed} of {between} polls {place}{kept} failed, {others}, {nothing_new}: {}",
                how()
            ))
        }
    }
}

/// How polls failed, and how many of them; what is not told apart comes last.
pub(super) fn failures(polls: &PollTrouble) -> Vec<Failure> {
    let mut failures: Vec<Failure> = polls
        .failures
        .iter()
        .map(|failure| Failure {
            what: in_short(
                failure.status,
                failure.outcome,
                failure.is_empty.then_some(EMPTY),
            ),
            polls: failure.polls,
        })
        .collect();
    let told: i64 = failures.iter().map(|failure| failure.polls).sum();
    if polls.failed > told {
        failures.push(Failure {
            what: "others".to_owned(),
            polls: polls.failed - told,
        });
    }
    failures
}

/// Polls that failed in one way.
#[derive(Serialize)]
pub(super) struct Failure {
    pub(super) what: String,
    pub(super) polls: i64,
}
