//! A response that was made once and is sent again.

use std::borrow::Cow;

use http::{HeaderMap, Response, StatusCode};

use crate::replayer::body;
use crate::replayer::body::piece::Piece;
use crate::replayer::response::reply::Reply;
use crate::session::ExchangeId;

/// All of a response but the session time.
#[derive(Debug)]
pub(super) struct Prepared {
    status: StatusCode,
    fields: HeaderMap,
    piece: Piece,
    what: Cow<'static, str>,
    done: Vec<Cow<'static, str>>,
    exchange: Option<ExchangeId>,
}

impl Prepared {
    /// Prepares a reply whose body is this piece. `None`: it has no response.
    pub(super) fn new(reply: Reply, piece: Piece) -> Option<Self> {
        let reply = reply.with_common_headers();
        let (parts, _) = reply.response?.into_parts();
        Some(Self {
            status: parts.status,
            fields: parts.headers,
            piece,
            what: reply.what,
            done: reply.done,
            exchange: reply.exchange,
        })
    }

    /// The response at a session time, in microseconds.
    pub(super) fn reply(&self, session_us: i64) -> Reply {
        let body = match &self.piece {
            Piece::Bytes(bytes) => body::full(bytes.clone()),
            file => body::pieces(vec![file.clone()], None),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.fields.clone();
        let mut reply = Reply::new(response, self.what.clone());
        reply.done.clone_from(&self.done);
        reply.exchange = self.exchange;
        reply.at_session_time(session_us)
    }
}
