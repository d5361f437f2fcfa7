//! What a request asks of the session.

use url::Url;

use crate::replayer::header::range::RangeSpec;
use crate::replayer::request::Player;
use crate::session::{ExchangeId, Faults};

/// What a player has of a playlist and need not be given (`_HLS_skip`, RFC 8216bis 6.2.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    /// `YES`: old segments.
    Segments,
    /// `v2`: old date ranges as well.
    Dates,
}

impl Skip {
    /// The directive of a query; `None`: there is none that means something.
    pub(crate) fn read(query: &str) -> Option<Self> {
        let mut values = query
            .split('&')
            .filter_map(|one| one.strip_prefix("_HLS_skip="));
        match values.next()? {
            "YES" => Some(Self::Segments),
            "v2" => Some(Self::Dates),
            _ => None,
        }
    }
}

/// What a request asks of the session.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Whether faults are answers.
    pub(crate) faults: Faults,
    /// The URL at the origin.
    pub(crate) url: Url,
    /// Whether it was asked for under a name of this replay: recorded redirects are followed inside.
    pub(crate) by_name: bool,
    /// Path and query that the player asked for.
    pub(crate) served: String,
    /// The clock in it, as a path prefix.
    pub(crate) prefix: String,
    /// The Range of the request.
    pub(crate) range: Option<RangeSpec>,
    /// The moment of the recording, in microseconds of Unix time.
    pub(crate) moment_us: i64,
    /// Whether the session is being recorded.
    pub(crate) recording: bool,
    /// What is to be left out of a playlist that offers that.
    pub(crate) skip: Option<Skip>,
    /// Whether media playlists are to end.
    pub(crate) endlist: bool,
    /// By how many microseconds dates are moved.
    pub(crate) shift_us: i64,
    /// The clock of the player.
    pub(crate) player: Player,
    /// Its directives were met: the target duration of the playlist, in microseconds.
    pub(crate) met_us: Option<i64>,
    /// It was held for what a playlist announced, and may be for the rest of it.
    pub(crate) grows: bool,
    /// It is answered with the fault of this exchange, which a blocking request met.
    pub(crate) fault: Option<ExchangeId>,
}
