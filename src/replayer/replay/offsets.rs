//! Offsets at which there is nothing to play: behind the end, and before what is kept.

use std::time::Duration;

use http::StatusCode;

use super::Replay;
use crate::clock;
use crate::replayer::request::timeline::{AtEnd, format_time};
use crate::replayer::response::reply::Reply;
use crate::session::seconds;

impl Replay {
    /// The reply to a request for a clock on which it is `offset` now, where there is nothing at that moment.
    pub(crate) fn nothing_at(&self, offset: Duration) -> Option<Reply> {
        let is_behind = || self.behind_the_end(offset);
        self.before_what_is_kept(offset).or_else(is_behind)
    }

    /// What `--keep` removed is gone: a player would get one 404 behind the other.
    fn before_what_is_kept(&self, offset: Duration) -> Option<Reply> {
        const TENTH_US: i64 = 100_000;
        let state = self.state();
        let moment_us = state.span.moment_us(clock::micros(offset));
        let kept_us = self.kept_after_us(moment_us)?;
        let tenths = kept_us.saturating_add(TENTH_US - 1) / TENTH_US;
        let sentence = format!(
            "{} keeps what is from session time {} on: the first offset at which there is something is {}",
            self.name_in_answers(),
            format_time(kept_us),
            seconds(tenths.saturating_mul(TENTH_US))
        );
        Some(Reply::sentence(StatusCode::BAD_REQUEST, &sentence))
    }

    /// The reply to a request for a clock on which it is `offset` now, where the recording is over by then: a player would
    /// wait for ever for what comes next. With an end it finds that.
    fn behind_the_end(&self, offset: Duration) -> Option<Reply> {
        let span = self.span();
        let is_behind = clock::micros(offset) >= span.length_us();
        if span.recording || !is_behind || self.at_end == AtEnd::Endlist {
            return None;
        }
        let sentence = format!(
            "{} is {} long: there is nothing at that offset",
            self.name_in_answers(),
            format_time(span.length_us())
        );
        Some(Reply::sentence(StatusCode::BAD_REQUEST, &sentence))
    }
}
