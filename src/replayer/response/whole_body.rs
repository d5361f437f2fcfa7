//! Bodies that were recorded whole: conditional requests (RFC 9110 13) and ranges (RFC 9110 14).

use http::{Response, StatusCode, header};

use super::reply::Reply;
use crate::replayer::body;
use crate::replayer::body::pace::{Network, Pace};
use crate::replayer::body::piece::Piece;
use crate::replayer::content::found::is_broken;
use crate::replayer::header::fields;
use crate::replayer::header::range::Resolved;
use crate::replayer::request::Request;
use crate::session::Exchange;

/// A body that was recorded whole.
pub(super) struct Good {
    pub(super) piece: Piece,
    pub(super) pace: Option<Pace>,
    /// Whether requests for ranges of it are answered with those.
    pub(super) ranges: bool,
}

impl Good {
    pub(super) fn new(piece: Piece, exchange: &Exchange, ranges: bool, request: &Request) -> Self {
        Self {
            pace: pace_of(exchange, piece.length(), request),
            piece,
            ranges,
        }
    }
}

/// A body that never changes: conditional, and in ranges.
pub(crate) fn immutable(piece: Piece, tag: &str, request: &Request) -> Reply {
    let good = Good {
        piece,
        pace: None,
        ranges: true,
    };
    tagged(StatusCode::OK, good, Some(tag), request)
}

/// A good body: conditional, and in ranges.
pub(super) fn tagged(
    status: StatusCode,
    good: Good,
    tag: Option<&str>,
    request: &Request,
) -> Reply {
    let Good {
        piece,
        pace,
        ranges,
    } = good;
    let mut response = Response::new(body::empty());
    if fields::none_match_names(request.headers(), tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Reply::new(response, "not modified").with_tag(tag);
    }
    let size = piece.length();
    let resolved = match request.range {
        Some(range) if ranges && fields::if_range_allows(request.headers(), tag) => {
            range.resolve(size)
        }
        _ => Resolved::Whole,
    };
    let reply = match resolved {
        Resolved::Unsatisfiable => {
            return Reply::sentence(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "the range begins behind the end",
            )
            .with_field(header::CONTENT_RANGE, &format!("bytes */{size}"));
        }
        Resolved::Whole => {
            *response.status_mut() = status;
            *response.body_mut() = body::pieces(vec![piece], pace);
            Reply::new(response, "").with_field(header::CONTENT_LENGTH, &size.to_string())
        }
        Resolved::Range { first, length } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let pace = pace.map(|pace| pace.slice(first, length));
            *response.body_mut() = body::pieces(vec![piece.slice(first, length)], pace);
            Reply::new(response, "")
                .with_field(header::CONTENT_LENGTH, &length.to_string())
                .with_field(
                    header::CONTENT_RANGE,
                    &content_range(first, length, Some(size)),
                )
        }
    };
    let reply = reply.with_tag(tag);
    if ranges {
        reply.with_field(header::ACCEPT_RANGES, "bytes")
    } else {
        reply
    }
}

pub(super) fn content_range(first: u64, length: u64, total: Option<u64>) -> String {
    let last = first.saturating_add(length.saturating_sub(1));
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    format!("bytes {first}-{last}/{total}")
}

/// The pace of a body that stands for the one of an exchange.
pub(super) fn pace_of(exchange: &Exchange, length: u64, request: &Request) -> Option<Pace> {
    match request.policy.network {
        Network::Full => None,
        Network::Recorded => Pace::of_exchange(exchange, length, is_broken(exchange)),
    }
}
