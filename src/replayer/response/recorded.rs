//! Recorded answers as responses: status, fields and content as they were, faults as those
//! faults; framing and ranges are the replayer's own.

use std::time::Duration;

use http::{Response, StatusCode, header};

use super::recorded_fields::Fields;
use super::reply::Reply;
use super::whole_body::{Good, content_range, pace_of, tagged};
use crate::hls::carry_directives;
use crate::replayer::body;
use crate::replayer::body::breaks::Break;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::pace::{LONGEST_WAIT, Network};
use crate::replayer::body::piece::Piece;
use crate::replayer::body::stall::Stalled;
use crate::replayer::content::found::{Content, Pieces, Whole, is_broken};
use crate::replayer::content::playlist::Served;
use crate::replayer::header::fields;
use crate::replayer::memory::text::weak_tag;
use crate::replayer::request::{Request, references};
use crate::session::{Answer, Exchange, Faults, Outcome, is_success};

/// Adds the recorded time to the first byte, where answers are paced.
fn paced(mut reply: Reply, answer: &Answer, request: &Request) -> Reply {
    if request.policy.network == Network::Recorded && reply.response.is_some() {
        reply.wait = duration(answer.wait_us);
        reply.done.push("paced".into());
    }
    reply
}

fn duration(us: Option<i64>) -> Duration {
    let us = us.and_then(|us| u64::try_from(us).ok());
    Duration::from_micros(us.unwrap_or(0)).min(LONGEST_WAIT)
}

/// The response that an answer is.
pub(crate) fn whole(whole: &Whole, request: &Request) -> Reply {
    let exchange = &whole.answer.exchange;
    let id = exchange.id;
    let done = match (whole.answer.healed, request.policy.faults) {
        (true, _) => Some("healed"),
        (false, Faults::Healed) if !exchange.is_good() => {
            Some("it never had a good answer in its place")
        }
        _ => None,
    };
    let early = whole.early;
    let mut reply = paced(response(whole, request), &whole.answer, request);
    reply.exchange = Some(id);
    reply.done.extend(early.then_some("early".into()));
    reply.done.extend(done.map(Into::into));
    reply.with_field(fields::EXCHANGE, &id.to_string())
}

fn response(whole: &Whole, request: &Request) -> Reply {
    let exchange = &whole.answer.exchange;
    let status = exchange
        .status
        .filter(|status| *status >= 200)
        .and_then(|status| StatusCode::from_u16(status).ok());
    let Some(status) = status else {
        return no_response(exchange, request.policy.network);
    };
    if exchange.outcome == Outcome::Disk {
        let sentence = "the recorder could not store this body";
        return Reply::sentence(StatusCode::NOT_FOUND, sentence);
    }
    let fields = Fields {
        answer: &whole.answer,
        url: &whole.url,
        headers: &whole.headers,
        by_name: whole.by_name,
    };
    let reply = match &whole.content {
        Content::NoRoom => return Reply::no_room(),
        Content::None => as_recorded(whole, status, Vec::new(), request),
        Content::OwnUrlOnly => {
            // Under the name of a stream, or found without its query, there is no query to take variables from.
            let path = request.path_to(&whole.url).unwrap_or_default();
            return Reply::redirect(
                &request.parts,
                &path,
                "to its own URL, whose query it needs",
            );
        }
        Content::Playlist(served) => {
            let mut reply = playlist(served, status, &fields, request);
            let is_shifted = served.is_shifted;
            reply.done.extend(is_shifted.then_some("shifted".into()));
            reply
        }
        Content::AsRecorded(piece) if is_whole(status) && !is_broken(exchange) => {
            let ranges = whole.answer.resource.kind.is_chunk();
            let good = Good::new(piece.clone(), exchange, ranges, request);
            tagged(status, good, fields.tag(), request)
        }
        Content::AsRecorded(piece) => as_recorded(whole, status, vec![piece.clone()], request),
    };
    fields.add(reply, request)
}

/// A playlist, compressed where the client takes that.
fn playlist(served: &Served, status: StatusCode, fields: &Fields<'_>, request: &Request) -> Reply {
    // The origin's tag stands for what the origin sent.
    let text = &served.text;
    let tag = match served.has_own_tag {
        true => fields.recorded("etag").map(|_| text.tag()),
        false => fields.tag(),
    };
    let tag = tag.or_else(|| request.is_shared.then(|| text.tag()));
    let compressed = text.compressed().filter(|_| request.gzip);
    let weak = tag.map(weak_tag);
    let tag = compressed.map_or(tag, |_| weak.as_deref());
    let piece = Piece::Bytes(compressed.unwrap_or(text.bytes()).clone());
    let exchange = &fields.answer.exchange;
    let good = Good::new(piece, exchange, false, request);
    let mut reply = tagged(status, good, tag, request);
    if text.may_be_compressed() {
        reply = reply.with_field(header::VARY, "Accept-Encoding");
    }
    let is_sent = |r: &Response<_>| r.status() == status;
    match compressed.is_some() && reply.response.as_ref().is_some_and(is_sent) {
        true => reply.with_field(header::CONTENT_ENCODING, "gzip"),
        false => reply,
    }
}

/// Whether a good body under this status is all of the resource.
fn is_whole(status: StatusCode) -> bool {
    status != StatusCode::PARTIAL_CONTENT && is_success(status.as_u16())
}

/// A body that broke, one of a 206 or an error, or no body: with the recorded status and length.
fn as_recorded(whole: &Whole, status: StatusCode, pieces: Vec<Piece>, request: &Request) -> Reply {
    let mut reply = body_as_recorded(whole, pieces, request);
    if let Some(response) = &mut reply.response {
        *response.status_mut() = status;
    }
    // As recorded, true or not.
    let said = whole.headers.get(header::CONTENT_RANGE.as_str());
    if let (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, Some(said)) =
        (status, said)
    {
        reply = reply.with_field(header::CONTENT_RANGE, said);
    }
    let target = whole.redirect();
    let target = match whole.answer.resource.kind.is_playlist() {
        true => target.map(|target| carry_directives(request.parts.uri.query(), &target)),
        false => target,
    };
    if let Some(path) = target.and_then(|target| request.path_to(&target)) {
        let location = references::reference(&request.parts, &path);
        reply = reply.with_field(header::LOCATION, &location);
    }
    reply
}

/// The connection ends without an answer. Where the recorder waited in vain, a player does
/// so for as long.
fn no_response(exchange: &Exchange, network: Network) -> Reply {
    let mut reply = Reply::closed(format!("recorded fault: {}", exchange.outcome));
    let is_held = matches!(
        exchange.outcome,
        Outcome::ConnectTimeout | Outcome::ResponseTimeout
    );
    if is_held || network == Network::Recorded {
        reply.wait = duration(exchange.failed_us);
        reply.done.push("held".into());
    }
    reply.resets = exchange.outcome == Outcome::Reset;
    let end = if reply.resets {
        "reset without an answer"
    } else {
        "closed without an answer"
    };
    reply.done.push(end.into());
    reply
}

/// A body with its length; one that broke with the length that was announced, breaking there.
fn body_as_recorded(whole: &Whole, pieces: Vec<Piece>, request: &Request) -> Reply {
    let exchange = &whole.answer.exchange;
    let length: u64 = pieces.iter().map(Piece::length).sum();
    let kind = whole.answer.resource.kind;
    let pace = pace_of(exchange, length, request);
    if !is_broken(exchange) {
        let status = exchange.status.unwrap_or(0);
        let what = if status >= 400 {
            format!("recorded fault: {status}")
        } else {
            kind.to_string()
        };
        let reply = Reply::new(Response::new(body::pieces(pieces, pace)), what);
        // 204 and 304 have no content and must not say a length (RFC 9110 8.6).
        let has_content = !matches!(status, 204 | 304);
        return if has_content {
            reply.with_field(header::CONTENT_LENGTH, &length.to_string())
        } else {
            reply
        };
    }
    let extensions = &request.parts.extensions;
    let resets = exchange.outcome == Outcome::Reset;
    let breaks = Break {
        stalled: extensions.get::<Stalled>().cloned().unwrap_or_default(),
        reset: extensions.get::<Ending>().filter(|_| resets).cloned(),
    };
    let what = format!("recorded fault: {}, after {length} bytes", exchange.outcome);
    let mut reply = Reply::new(Response::new(body::broken(pieces, pace, breaks)), what);
    let end = if resets { "reset" } else { "broken" };
    reply.done.push(end.into());
    match exchange.announced_bytes {
        Some(announced) if announced > length => {
            reply.with_field(header::CONTENT_LENGTH, &announced.to_string())
        }
        _ => reply,
    }
}

/// The response that pieces of a resource are.
pub(crate) fn pieces(pieces: Pieces, request: &Request) -> Reply {
    let Pieces {
        answer,
        url,
        headers,
        first,
        total,
        pieces,
        pace,
        grows,
        healed,
        early,
        by_name,
    } = pieces;
    let length: u64 = pieces.iter().map(Piece::length).sum();
    let pace = pace.filter(|_| grows || request.policy.network == Network::Recorded);
    let mut response = Response::new(body::pieces(pieces, pace));
    if request.range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let mut reply = Reply::new(response, "")
        .with_field(header::CONTENT_LENGTH, &length.to_string())
        .with_field(header::ACCEPT_RANGES, "bytes");
    if request.range.is_some() {
        reply = reply.with_field(header::CONTENT_RANGE, &content_range(first, length, total));
    }
    let fields = Fields {
        answer: &answer,
        url: &url,
        headers: &headers,
        by_name,
    };
    let mut reply = paced(fields.add(reply, request), &answer, request);
    reply.exchange = Some(answer.exchange.id);
    reply.done.extend(early.then_some("early".into()));
    reply.done.extend(healed.then_some("healed".into()));
    reply.with_field(fields::EXCHANGE, &answer.exchange.id.to_string())
}
