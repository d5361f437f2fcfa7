//! An answer in the cache, and the responses that were made of it.

use std::sync::OnceLock;

use http::{HeaderMap, header};

use super::prepared::Prepared;
use crate::replayer::body::Piece;
use crate::replayer::body::pace::Network;
use crate::replayer::content::lookup::{Content, Whole, is_broken};
use crate::replayer::memory::text::Text;
use crate::replayer::request::Request;
use crate::replayer::response::recorded;
use crate::replayer::response::reply::Reply;
use crate::replayer::response::text::playlist;
use crate::session::Outcome;

/// An answer for a path, on the clock of that path.
#[derive(Debug)]
pub(crate) struct Answer {
    content: Answering,
    /// The response to whoever asks for nothing special: as it is, and in gzip.
    prepared: [OnceLock<Option<Prepared>>; 2],
}

#[derive(Debug)]
enum Answering {
    /// What was recorded.
    Recorded(Box<Whole>),
    /// A DVR playlist of a session that is finished.
    Dvr(Text),
}

impl Answer {
    pub(crate) fn recorded(whole: Box<Whole>) -> Self {
        Self::new(Answering::Recorded(whole))
    }

    pub(crate) fn dvr(text: Text) -> Self {
        Self::new(Answering::Dvr(text))
    }

    fn new(content: Answering) -> Self {
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
            Answering::Dvr(text) => Some(text),
            Answering::Recorded(whole) => match &whole.content {
                Content::Playlist(served) => Some(&served.text),
                _ => None,
            },
        }
    }

    /// Whether it holds a file open.
    pub(super) fn is_file(&self) -> bool {
        match &self.content {
            Answering::Recorded(whole) => {
                matches!(whole.content, Content::Plain(Piece::File { .. }))
            }
            Answering::Dvr(_) => false,
        }
    }

    /// Bytes of its content in memory.
    pub(super) fn content_bytes(&self) -> u64 {
        match &self.content {
            Answering::Recorded(whole) => match &whole.content {
                Content::Plain(piece @ Piece::Bytes(_)) => piece.length(),
                _ => self.text().map_or(0, Text::weight),
            },
            Answering::Dvr(text) => text.weight(),
        }
    }

    /// The reply that is there without any work; `None`: there is none.
    pub(crate) fn reply_at_once(&self, request: &Request) -> Option<Reply> {
        match &self.content {
            Answering::Dvr(_) if self.to_compress(request).is_some() => None,
            Answering::Dvr(text) => Some(playlist(text, request).with_common_headers()),
            Answering::Recorded(whole) => {
                let prepared = &self.prepared[usize::from(request.gzip)];
                let is_plain = is_plain(request.headers());
                let prepared = prepared.get()?.as_ref().filter(|_| is_plain)?;
                let reply = prepared.reply(request.player.session_us);
                Some(reply.holding(whole.left_us(request.moment_us)))
            }
        }
    }

    /// The reply to a request.
    pub(crate) fn reply(&self, request: &Request) -> Reply {
        let whole = match &self.content {
            Answering::Dvr(text) => return playlist(text, request).with_common_headers(),
            Answering::Recorded(whole) => whole,
        };
        let session_us = request.player.session_us;
        let prepared = &self.prepared[usize::from(request.gzip)];
        // What takes its time is an answer of its own for each.
        let is_shared = is_plain(request.headers()) && request.policy.network == Network::Full;
        let prepared = match is_shared {
            true => prepared.get_or_init(|| prepare(whole, request)).as_ref(),
            false => None,
        };
        let reply = match prepared {
            Some(prepared) => prepared.reply(session_us),
            None => recorded::whole(whole, request)
                .at(session_us)
                .with_common_headers(),
        };
        reply.holding(whole.left_us(request.moment_us))
    }
}

/// Whether all of it is asked for, whatever the client has.
fn is_plain(request: &HeaderMap) -> bool {
    let conditions = [header::RANGE, header::IF_NONE_MATCH, header::IF_RANGE];
    !conditions.iter().any(|name| request.contains_key(name))
}

/// `None`: the response is made for each.
fn prepare(whole: &Whole, request: &Request) -> Option<Prepared> {
    let piece = good_piece(whole, request.gzip)?;
    Prepared::of(recorded::whole(whole, request).at(0), piece)
}

/// What is sent of a good body to whoever asks for all of it, and may take it in gzip.
fn good_piece(whole: &Whole, gzip: bool) -> Option<Piece> {
    let exchange = &whole.answer.exchange;
    match &whole.content {
        Content::Playlist(served) => {
            let compressed = served.text.compressed().filter(|_| gzip);
            Some(Piece::Bytes(
                compressed.unwrap_or(served.text.bytes()).clone(),
            ))
        }
        Content::Plain(piece) if exchange.status == Some(200) && !is_broken(exchange) => {
            (exchange.outcome != Outcome::Disk).then(|| piece.clone())
        }
        _ => None,
    }
}
