//! An answer in the cache, and the responses that were made of it.

use std::sync::OnceLock;

use http::{HeaderMap, header};

use super::prepared::Prepared;
use crate::replayer::body::pace::Network;
use crate::replayer::body::piece::Piece;
use crate::replayer::content::found::{Content, Whole, is_broken};
use crate::replayer::memory::text::Text;
use crate::replayer::request::Request;
use crate::replayer::response::dvr_playlist::playlist;
use crate::replayer::response::recorded;
use crate::replayer::response::reply::Reply;
use crate::session::Outcome;

/// An answer for a path, on the clock of that path.
#[derive(Debug)]
pub(crate) struct CachedAnswer {
    content: CachedContent,
    /// The response to requests without conditions or ranges: uncompressed, and in gzip.
    prepared: [OnceLock<Option<Prepared>>; 2],
}

#[derive(Debug)]
enum CachedContent {
    /// A recorded answer.
    Recorded(Box<Whole>),
    /// A DVR playlist of a session that is finished.
    Dvr(Text),
}

impl CachedAnswer {
    pub(crate) fn recorded(whole: Box<Whole>) -> Self {
        Self::new(CachedContent::Recorded(whole))
    }

    pub(crate) fn dvr(text: Text) -> Self {
        Self::new(CachedContent::Dvr(text))
    }

    fn new(content: CachedContent) -> Self {
        Self {
            content,
            prepared: Default::default(),
        }
    }

    /// Its text, to be compressed for a request that takes that.
    pub(crate) fn to_compress(&self, request: &Request) -> Option<&Text> {
        let text = self.text().filter(|_| request.gzip)?;
        (!text.is_compressed()).then_some(text)
    }

    fn text(&self) -> Option<&Text> {
        match &self.content {
            CachedContent::Dvr(text) => Some(text),
            CachedContent::Recorded(whole) => match &whole.content {
                Content::Playlist(served) => Some(&served.text),
                _ => None,
            },
        }
    }

    /// Whether it holds a file open.
    pub(super) fn is_file(&self) -> bool {
        match &self.content {
            CachedContent::Recorded(whole) => {
                matches!(whole.content, Content::AsRecorded(Piece::File { .. }))
            }
            CachedContent::Dvr(_) => false,
        }
    }

    /// Bytes of its content in memory.
    pub(super) fn content_bytes(&self) -> u64 {
        match &self.content {
            CachedContent::Recorded(whole) => match &whole.content {
                Content::AsRecorded(piece @ Piece::Bytes(_)) => piece.length(),
                _ => self.text().map_or(0, Text::weight),
            },
            CachedContent::Dvr(text) => text.weight(),
        }
    }

    /// The reply, where it is prepared already.
    pub(crate) fn reply_at_once(&self, request: &Request) -> Option<Reply> {
        match &self.content {
            CachedContent::Dvr(_) if self.to_compress(request).is_some() => None,
            CachedContent::Dvr(text) => Some(playlist(text, request).with_common_headers()),
            CachedContent::Recorded(whole) => {
                let prepared = &self.prepared[usize::from(request.gzip)];
                let is_unconditional = is_unconditional(request.headers());
                let prepared = prepared.get()?.as_ref().filter(|_| is_unconditional)?;
                let reply = prepared.reply(request.player.session_us);
                Some(reply.holding_for(whole.left_us(request.moment_us)))
            }
        }
    }

    /// The reply to a request.
    pub(crate) fn reply(&self, request: &Request) -> Reply {
        let whole = match &self.content {
            CachedContent::Dvr(text) => return playlist(text, request).with_common_headers(),
            CachedContent::Recorded(whole) => whole,
        };
        let session_us = request.player.session_us;
        let prepared = &self.prepared[usize::from(request.gzip)];
        // A paced response is made for each request.
        let is_shared =
            is_unconditional(request.headers()) && request.policy.network == Network::Full;
        let prepared = match is_shared {
            true => prepared.get_or_init(|| prepare(whole, request)).as_ref(),
            false => None,
        };
        let reply = match prepared {
            Some(prepared) => prepared.reply(session_us),
            None => recorded::whole(whole, request)
                .at_session_time(session_us)
                .with_common_headers(),
        };
        reply.holding_for(whole.left_us(request.moment_us))
    }
}

/// Whether a request has neither conditions nor a range.
fn is_unconditional(request: &HeaderMap) -> bool {
    let conditions = [header::RANGE, header::IF_NONE_MATCH, header::IF_RANGE];
    !conditions.iter().any(|name| request.contains_key(name))
}

/// `None`: the response is made anew for each request.
fn prepare(whole: &Whole, request: &Request) -> Option<Prepared> {
    let piece = good_piece(whole, request.gzip)?;
    Prepared::new(recorded::whole(whole, request).at_session_time(0), piece)
}

/// The bytes of a good body for a request for all of it.
fn good_piece(whole: &Whole, gzip: bool) -> Option<Piece> {
    let exchange = &whole.answer.exchange;
    match &whole.content {
        Content::Playlist(served) => {
            let compressed = served.text.compressed().filter(|_| gzip);
            Some(Piece::Bytes(
                compressed.unwrap_or(served.text.bytes()).clone(),
            ))
        }
        Content::AsRecorded(piece) if exchange.status == Some(200) && !is_broken(exchange) => {
            (exchange.outcome != Outcome::Disk).then(|| piece.clone())
        }
        _ => None,
    }
}
