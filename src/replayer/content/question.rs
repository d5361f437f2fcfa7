//! What a request asks of the session.

use url::Url;

use crate::replayer::header::range::RangeSpec;
use crate::replayer::request::Player;
use crate::session::ExchangeId;

/// What a request asks of the session.
#[derive(Debug, Clone)]
pub(crate) struct Question {
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
    /// Whether media playlists are to end.
    pub(crate) endlist: bool,
    /// By how many microseconds dates are moved.
    pub(crate) shift_us: i64,
    /// The clock of the player.
    pub(crate) player: Player,
    /// It is answered with the fault of this exchange, which a blocking request met.
    pub(crate) fault: Option<ExchangeId>,
}
