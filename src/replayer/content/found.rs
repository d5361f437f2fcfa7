//! What the session has for a request, and how long it holds.

use url::Url;

use super::playlist::Served;
use crate::replayer::body::pace::Pace;
use crate::replayer::body::piece::Piece;
use crate::session::source::ChunkName;
use crate::session::{Answer, Exchange, Growing, Headers, Outcome};

/// The part of a raw stream that is being recorded.
#[derive(Debug)]
pub(crate) struct GrowingPart {
    pub(crate) stream_id: i64,
    pub(crate) growing: Growing,
}

/// What the session has.
#[derive(Debug)]
pub(crate) enum LookupResult {
    /// The URL was never asked for.
    Unknown,
    /// The user did not want it recorded.
    LeftOut,
    /// The origin answered, and the recorder could not store it: what its file system said.
    NotKept(String),
    /// From then on it is there (microseconds of Unix time).
    NotYet(i64),
    /// It is being recorded.
    Pending,
    /// A raw stream that is being recorded.
    Growing(Box<GrowingPart>),
    /// An answer.
    Whole(Box<Whole>),
    /// Pieces of a resource that is known by byte ranges.
    Pieces(Box<Pieces>),
    /// The range begins behind the end of a resource of this size.
    Behind(u64),
    /// Nothing that was recorded has this byte.
    Hole(u64),
    /// A file of it is not on this disk: it is to be brought first.
    Elsewhere(ChunkName),
    /// It was recorded, and is not answered out of a session whose chunks are elsewhere: what to do.
    NotFromHere(&'static str),
}

/// An answer with its content.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) answer: Answer,
    /// The resource's URL.
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) content: Content,
    /// Whether it was asked for a little too early.
    pub(crate) early: bool,
    /// Whether it was asked for under a name of this replay.
    pub(crate) by_name: bool,
    /// Until when it is the answer, in microseconds of Unix time, as far as was recorded by now;
    /// `None`: not known.
    pub(crate) until_us: Option<i64>,
    /// Whether what is recorded next may change that.
    pub(crate) recording: bool,
    /// It answers a request whose directives it meets: caches may keep it for so long, in microseconds.
    pub(crate) kept_us: i64,
}

impl Whole {
    /// How many microseconds it remains the answer from a moment on, or may be given as one; 0: not known.
    pub(crate) fn left_us(&self, moment_us: i64) -> i64 {
        let until_us = self.until_us.filter(|_| !self.recording);
        let left_us = until_us.map_or(0, |us| us.saturating_sub(moment_us));
        left_us.max(self.kept_us)
    }

    /// Where a recorded redirect leads, over http(s).
    pub(crate) fn redirect(&self) -> Option<Url> {
        redirect(&self.answer.exchange, &self.url, &self.headers)
    }
}

/// Content of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    /// No body was recorded.
    None,
    /// A playlist, steering manifest or list of assets, as it is served.
    Playlist(Served),
    /// A playlist that only means something at its own URL: it takes variables from its query, which the
    /// player does not have.
    OwnUrlOnly,
    /// Other bytes, as recorded.
    AsRecorded(Piece),
    /// There is no memory for it now.
    NoRoom,
}

/// Pieces of a resource that is known by byte ranges.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The answer that the first piece is of: its header fields count.
    pub(crate) answer: Answer,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    /// Where the pieces begin in the resource.
    pub(crate) first: u64,
    /// The size of the whole resource, if it is known.
    pub(crate) total: Option<u64>,
    pub(crate) pieces: Vec<Piece>,
    /// Their recorded pace.
    pub(crate) pace: Option<Pace>,
    /// Whether each comes at its moment, whatever the network.
    pub(crate) grows: bool,
    /// Whether one of them takes the place of a fault.
    pub(crate) healed: bool,
    /// Whether it was asked for a little too early.
    pub(crate) early: bool,
    /// Whether it was asked for under a name of this replay.
    pub(crate) by_name: bool,
}

/// Whether something is missing of the body that an exchange announced.
pub(crate) fn is_broken(exchange: &Exchange) -> bool {
    match exchange.outcome {
        // Fewer or other bytes than the request named, and all that were announced.
        Outcome::Short => exchange.announced_bytes != Some(exchange.body_size),
        Outcome::Protocol if exchange.announced_bytes == Some(exchange.body_size) => false,
        Outcome::Reset | Outcome::BodyTimeout | Outcome::Aborted | Outcome::TooLarge => true,
        Outcome::Complete | Outcome::Long | Outcome::Encoding | Outcome::NotAPlaylist => false,
        Outcome::Scheme | Outcome::Redirects | Outcome::Disk => false,
        _ => exchange.status.is_some(),
    }
}

pub(super) fn redirect(exchange: &Exchange, url: &Url, headers: &Headers) -> Option<Url> {
    if !matches!(exchange.status, Some(301 | 302 | 303 | 307 | 308)) {
        return None;
    }
    let mut target = url.join(headers.get("location")?).ok()?;
    target.set_fragment(None);
    matches!(target.scheme(), "http" | "https").then_some(target)
}
