//! How far a report is, on a terminal, where it takes longer than a second.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::Instant;

use crate::analysis::rules::judge::ReadSoFar;
use crate::clock;

/// So long nothing is shown.
const QUIET: Duration = Duration::from_secs(1);
/// How often it is shown then.
const EVERY: Duration = Duration::from_millis(100);

/// How far it is.
pub(super) struct Progress {
    next: Instant,
    bar: Option<ProgressBar>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            next: clock::instant() + QUIET,
            bar: None,
        }
    }
}

impl Progress {
    /// So much has been read.
    pub(super) fn at(&mut self, read: ReadSoFar) {
        let now = clock::instant();
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        // It draws on standard error, if that is a terminal.
        let bar = self.bar.get_or_insert_with(ProgressBar::new_spinner);
        bar.set_message(match read {
            ReadSoFar::Revisions(count) => format!("{count} revisions"),
            ReadSoFar::Exchanges(count) => format!("{count} exchanges"),
        });
        bar.tick();
    }

    /// It is done.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
