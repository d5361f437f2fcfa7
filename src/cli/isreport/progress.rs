//! How far a report is, on a terminal, where it takes longer than a second.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::Instant;

use crate::clock;

/// So long nothing is shown.
const QUIET: Duration = Duration::from_secs(1);
/// It is looked at the clock once in so many revisions.
const SELDOM: u64 = 256;

/// How far it is.
pub(super) struct Progress {
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: clock::instant(),
            bar: None,
        }
    }
}

impl Progress {
    /// So many revisions have been read.
    pub(super) fn at(&mut self, revisions: u64) {
        if !revisions.is_multiple_of(SELDOM) || clock::instant().duration_since(self.began) < QUIET
        {
            return;
        }
        // It draws on standard error, if that is a terminal.
        let bar = self.bar.get_or_insert_with(ProgressBar::new_spinner);
        bar.set_message(format!("{revisions} revisions"));
        bar.tick();
    }

    /// It is done.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
