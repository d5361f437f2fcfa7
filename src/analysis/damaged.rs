//! Rows that no recorder writes: nothing is told of their time. An origin is not blamed for what happened to a recording of it. Pure.

use crate::session::{Damage, seconds};
use crate::shown::counted;

/// Times that are told one by one.
const MOST_SPANS: usize = 10;

/// What is not judged of a damaged session, in words that all programs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJudged {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

impl NotJudged {
    /// Since so many rows are damaged; `None`: none is. `left_out`: how often something was found of their time; `zero_us`: session
    /// zero, in microseconds of Unix time.
    pub fn of(damage: &Damage, rows: u64, left_out: u64, zero_us: i64) -> Option<Self> {
        if rows == 0 {
            return None;
        }
        let uncertain = match left_out {
            0 => String::new(),
            times => format!(
                "; what was found {} in that time is left out",
                counted(times, "time")
            ),
        };
        Some(Self {
            what: format!(
                "{}, and what happened {}",
                counted(rows, "row"),
                when(damage, zero_us)
            ),
            why: format!(
                "no recorder writes such rows: the session is damaged, `issession check` says where{uncertain}"
            ),
        })
    }
}

/// Of which times nothing is told.
fn when(damage: &Damage, zero_us: i64) -> String {
    let at = |us: i64| seconds(us.saturating_sub(zero_us).max(0));
    let told = |(from_us, until_us): &(i64, i64)| match until_us {
        &i64::MAX => format!("from {} s on", at(*from_us)),
        _ => format!("from {} s to {} s", at(*from_us), at(*until_us)),
    };
    let spans = damage.spans();
    let mut all: Vec<String> = spans.iter().take(MOST_SPANS).map(told).collect();
    let more = spans.len().saturating_sub(MOST_SPANS);
    if more > 0 {
        all.push(format!("{more} more times"));
    }
    match all.is_empty() {
        true => "there".to_owned(),
        false => all.join(", "),
    }
}
