//! A raw stream as it was opened.

use crate::recorder::http::fetch::Hop;
use crate::recorder::http::live::Live;
use crate::session::ExchangeId;
use url::Url;

/// A response, and how it was come by.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The last of its chain.
    pub hop: Hop,
    pub live: Live,
    /// The first of its chain.
    pub head: ExchangeId,
    /// The URL under which it is known.
    pub url: Url,
    /// From when on it is the answer, in microseconds of Unix time.
    pub from_us: i64,
    /// How late the recorder was in asking, in microseconds.
    pub lag_us: i64,
}
