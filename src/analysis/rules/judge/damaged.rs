//! Says what was not judged since rows are damaged.

use super::judging::Judging;
use crate::analysis::damaged::NotJudged;

impl Judging<'_> {
    /// Says what was not judged since rows are damaged.
    pub(super) fn damaged(&mut self) {
        // A header set, or the values of one, that were only seen to be none as they were put together.
        let rows = self.damage.rows.saturating_add(self.unreadable);
        let uncertain = self.findings.uncertain();
        let what = NotJudged::of(&self.damage, rows, uncertain, self.zero_us);
        self.not_judged.extend(what);
    }
}
