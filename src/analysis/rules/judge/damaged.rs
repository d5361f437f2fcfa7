//! Rows that no recorder writes: they are not judged, nor is anything told of their time. An origin is not blamed for what happened
//! to a recording of it.

use super::judgement::NotJudged;
use super::judging::Judging;
use crate::session::seconds;
use crate::shown::counted;

/// Times that are told one by one.
const MOST_SPANS: usize = 10;

impl Judging<'_> {
    /// Says what was not judged since rows are damaged.
    pub(super) fn damaged(&mut self) {
        // A header set, or the values of one, that were only seen to be none as they were put together.
        let rows = self.damage.rows.saturating_add(self.unreadable);
        if rows == 0 {
            return;
        }
        let uncertain = match self.findings.uncertain() {
            0 => String::new(),
            times => format!(
                "; what rules told {} of that time is left out",
                counted(times, "time")
            ),
        };
        self.not_judged.push(NotJudged {
            what: format!("{}, and what happened {}", counted(rows, "row"), self.when()),
            why: format!(
                "no recorder writes such rows: the session is damaged, `issession check` says where{uncertain}"
            ),
        });
    }

    /// Of which times nothing is told.
    fn when(&self) -> String {
        let zero_us = self.zero_us;
        let at = |us: i64| seconds(us.saturating_sub(zero_us).max(0));
        let told = |(from_us, until_us): &(i64, i64)| match until_us {
            &i64::MAX => format!("from {} s on", at(*from_us)),
            _ => format!("from {} s to {} s", at(*from_us), at(*until_us)),
        };
        let spans = self.damage.spans();
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
}
