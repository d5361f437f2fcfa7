//! The state of a session: where it lies in time, whether it is being recorded.

use std::sync::Arc;

use crate::clock;
use crate::replayer::request::timeline::Span;
use crate::session::{self, Hole, ReadError, Reader, Run, StreamInfo};

/// A recorder that was not seen for this long is gone.
const SEEN_US: i64 = 15_000_000;
/// What is known of a session, until the next look.
#[derive(Debug, Clone)]
pub(crate) struct SessionState {
    pub(crate) span: Span,
    pub(crate) streams: Arc<[StreamInfo]>,
    pub(crate) holes: Arc<[Hole]>,
    /// From when on nothing was removed, in microseconds of Unix time; `None`: nothing was.
    pub(crate) kept_us: Option<i64>,
    /// The last run is closed, and the database is not one file yet: as long as that is so no reader
    /// is kept open, since that would prevent it.
    pub(crate) is_unfolded: bool,
}

/// A clock starts this far behind the beginning of a window that moves on: both go at one speed.
const AHEAD_US: i64 = 10_000_000;

impl SessionState {
    /// That of a part of a recording, which lies there in time as a whole.
    #[cfg(feature = "archive")]
    pub(super) fn of_part(span: Span, streams: Arc<[StreamInfo]>) -> Self {
        Self {
            span,
            streams,
            holes: Arc::default(),
            kept_us: None,
            is_unfolded: false,
        }
    }

    /// The earliest session time at which a clock can start, in microseconds.
    pub(crate) fn earliest_us(&self) -> i64 {
        let Some(kept_us) = self.kept_us else {
            return 0;
        };
        let kept_us = self.span.session_us(kept_us).max(0);
        let window_us = self.span.length_us().saturating_sub(kept_us).max(0);
        match self.span.recording {
            true => kept_us.saturating_add(AHEAD_US.min(window_us / 4)),
            false => kept_us,
        }
    }
}

/// Whether a run goes on, as far as its row says: its lock says at once that it does not ([`Reader::is_left`]), where
/// the file system has locks. `ahead_us`: how far the wall clock was ahead of session time, which is not set with it.
fn is_recording(run: &Run, ahead_us: i64) -> bool {
    let seen_us = run.seen_us.saturating_add(ahead_us);
    run.stopped_us.is_none() && clock::system_us().saturating_sub(seen_us) < SEEN_US
}

/// Where a recording lies in time at this moment.
pub(crate) fn read_span(reader: &Reader) -> Result<Span, ReadError> {
    Ok(read_state(reader)?.span)
}

pub(crate) fn read_state(reader: &Reader) -> Result<SessionState, ReadError> {
    let runs = reader.runs()?;
    let streams = reader.streams()?.into();
    let zero_us = runs.first().map_or(0, |run| run.started_us);
    let ahead_us = reader.wall_ahead_us()?;
    let (end_us, recording) = runs.last().map_or((zero_us, false), |run| {
        let recording = is_recording(run, ahead_us) && !reader.is_left();
        (run.end_us(), recording)
    });
    let is_closed = runs.last().is_some_and(|run| run.stopped_us.is_some());
    Ok(SessionState {
        span: Span {
            zero_us,
            end_us,
            recording,
        },
        streams,
        holes: session::holes(&runs).into(),
        kept_us: reader.kept_from_us()?,
        is_unfolded: is_closed && reader.has_log(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_is_alive_whatever_was_done_to_its_wall_clock() {
        let run = |seen_us| Run {
            started_us: 0,
            seen_us,
            stopped_us: None,
            ended: None,
            program: String::new(),
        };
        let (now_us, hour_us) = (clock::system_us(), 3_600_000_000);
        assert!(is_recording(&run(now_us), 0));
        let set = run(now_us - hour_us);
        assert!(is_recording(&set, hour_us) && !is_recording(&set, 0));
        let set_back = run(now_us + hour_us - 2 * SEEN_US);
        assert!(!is_recording(&set_back, -hour_us), "it was killed");
    }
}
