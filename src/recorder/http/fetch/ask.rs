//! What is asked for: a URL, and what the request carries.

use crate::hls::Awaited;
use crate::recorder::admission::reach::Reach;
use crate::recorder::http::validators::Validators;
use crate::recorder::stats::board::PlaylistStats;
use crate::recorder::stats::pace::Progress;
use crate::session::ByteRange;
use crate::session::Kind;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A request that the origin is to hold (RFC 8216bis 6.2.5.2, 6.2.6).
#[derive(Debug, Clone)]
pub(crate) struct HeldAsk {
    /// Of a playlist: until it has that. `None`: until what is asked for is there.
    pub awaited: Option<Awaited>,
    /// For so long at most.
    pub at_most: Duration,
    /// Nobody waits for it any more.
    pub until: CancellationToken,
    /// It is for the rest of a resource: how much of that is wanted.
    pub enough: Option<Enough>,
}

/// How much of the rest of a resource is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Enough {
    /// Where the rest begins.
    pub first: u64,
    /// Known once it is listed.
    pub length: watch::Receiver<Option<u64>>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub url: Url,
    pub kind: Kind,
    /// How far the source of the URL (the user, a playlist, a redirect) may lead.
    pub reach: Reach,
    /// The source of the URL was reached by a redirect from https to http.
    pub downgraded: bool,
    pub range: Option<ByteRange>,
    pub validators: Option<Validators>,
    /// The body before, which is likely to come again; empty: there is none.
    pub expected: Bytes,
    /// It may be a raw stream: then the last hop has a body that still comes.
    pub plain: bool,
    /// It may be a list of one stream: then that is asked for in its place.
    pub lists: bool,
    /// The interval of a player, where this request is made sooner.
    pub denser_than: Option<Duration>,
    /// It is not asked for again where a redirect leads to a host that wants to be left alone: that is waited for, until
    /// this. `None`: it is.
    pub patient_until: Option<CancellationToken>,
    /// The origin is to hold it.
    pub held: Option<HeldAsk>,
    /// Who is told for how long there is no answer.
    pub waits: Option<Arc<PlaylistStats>>,
    /// Who is told how much of it has come.
    pub progress: Option<Arc<Progress>>,
}
