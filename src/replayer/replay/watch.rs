//! Follows a session that is being recorded, and says when the recording ends.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Replay;
use super::state::{SessionState, read_state};
use crate::replayer::request::timeline::{AtEnd, Span, format_time};

/// How often a session that is being recorded is looked at.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// How long after a recording no reader stays open: the recorder waits 3 s at most for the moment in
/// which it can make the database one file.
const LET_GO_FOR: Duration = Duration::from_secs(3);

impl Replay {
    /// Follows a session that is being recorded, or is taken up again; returns when the
    /// server's own clock is at its end, where that is to be the end of the server.
    pub async fn watch(self: &Arc<Self>) {
        let mut said = false;
        loop {
            let span = self.span();
            let left_us = span.length_us().saturating_sub(self.session_us());
            if span.recording {
                said = false;
            } else if left_us <= 0 && !said {
                self.log_end(span);
                said = true;
                if self.at_end == AtEnd::Stop {
                    return;
                }
            }
            let left = match (span.recording, u64::try_from(left_us)) {
                (false, Ok(left @ 1..)) => Duration::from_micros(left),
                _ => WATCH_EVERY,
            };
            tokio::time::sleep(left.min(WATCH_EVERY)).await;
            match self.bodies.pool.read_aside(read_state).await {
                Ok(state) => self.update(state).await,
                Err(error) if span.recording => tracing::error!("{error}"),
                // Requests get this error as their answer.
                Err(error) => tracing::debug!("{error}"),
            }
        }
    }

    fn log_end(&self, span: Span) {
        let then = match self.at_end {
            AtEnd::Hold => "the last answers hold from now on (see --at-end)",
            AtEnd::Endlist => "media playlists have an EXT-X-ENDLIST from now on",
            AtEnd::Stop => "stopping",
        };
        let end = format_time(span.length_us());
        tracing::info!("{end} the recording ends here: {then}");
    }

    async fn update(&self, state: SessionState) {
        let span = self.span();
        let (before, after) = (span.recording, state.span.recording);
        // During a recording, its commits say what has changed.
        let has_changed = span != state.span && !(before && after);
        let is_unfolded = state.is_unfolded;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        if has_changed {
            self.answers.clear();
        }
        if !before && after {
            tracing::info!("{} is being recorded again", self.name);
        }
        if before && !after {
            tracing::info!("{} is no longer being recorded", self.name);
        }
        if before && !after {
            self.bodies.pool.keep(false);
            tokio::time::sleep(LET_GO_FOR).await;
        }
        // A repair needs that no reader has it open.
        self.bodies.pool.keep(!is_unfolded);
    }
}
