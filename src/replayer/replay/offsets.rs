//! Offsets at which there is nothing to play.

use std::time::Duration;

use http::StatusCode;

use super::Replay;
use crate::clock;
use crate::replayer::request::timeline::{AtEnd, format_time};
use crate::replayer::response::reply::Reply;

impl Replay {
    /// The reply to a request for a clock on which it is `offset` now, where the recording is over by then: a player would
    /// wait for ever for what comes next. With an end it finds that.
    pub(crate) fn behind_the_end(&self, offset: Duration) -> Option<Reply> {
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
