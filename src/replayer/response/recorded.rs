//! Recorded answers as responses: status, fields and content as they were, faults as those
//! faults; framing and ranges are the replayer's own.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::reply::Reply;
use crate::replayer::body;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::pace::{Network, Pace};
use crate::replayer::body::stall::Stalled;
use crate::replayer::body::{Break, LONGEST_WAIT, Piece};
use crate::replayer::content::lookup::{Content, Pieces, Whole, is_broken};
use crate::replayer::content::playlist::Served;
use crate::replayer::header::fields as headers;
use crate::replayer::header::media_type::{may_be_a_page, media_type};
use crate::replayer::header::range::Resolved;
use crate::replayer::memory::text::weak_tag;
use crate::replayer::request::Request;
use crate::replayer::request::base;
use crate::session::{Answer, Exchange, Faults, Headers, Outcome, is_success, true_codings};
use url::Url;

/// The pace of a body that stands for what came with an exchange.
fn pace_of(exchange: &Exchange, length: u64, request: &Request) -> Option<Pace> {
    match request.policy.network {
        Network::Full => None,
        Network::Recorded => Pace::of(exchange, length, is_broken(exchange)),
    }
}

/// A response that comes as it came.
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
    reply.with_field(headers::EXCHANGE, &id.to_string())
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
        return Reply::sentence(StatusCode::INTERNAL_SERVER_ERROR, sentence);
    }
    let fields = Fields {
        answer: &whole.answer,
        url: &whole.url,
        headers: &whole.headers,
        by_name: whole.by_name,
    };
    let reply = match &whole.content {
        Content::NoRoom => return Reply::no_room(),
        Content::None => as_it_came(whole, status, Vec::new(), request),
        Content::OwnUrlOnly => {
            // Under the name of a stream, or found without its query, it has none to take variables from.
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
        Content::Plain(piece) if is_whole(status) && !is_broken(exchange) => {
            let ranges = whole.answer.resource.kind.is_chunk();
            let good = Good::new(piece.clone(), exchange, ranges, request);
            tagged(status, good, fields.tag(), request)
        }
        Content::Plain(piece) => as_it_came(whole, status, vec![piece.clone()], request),
    };
    fields.add(reply, request)
}

/// A playlist, compressed for whoever takes that.
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

/// What is no good body, or a part of one, or none: with the status and the length that it had.
fn as_it_came(whole: &Whole, status: StatusCode, pieces: Vec<Piece>, request: &Request) -> Reply {
    let mut reply = broken_or(whole, pieces, request);
    if let Some(response) = &mut reply.response {
        *response.status_mut() = status;
    }
    // As the origin said it, true or not.
    let said = whole.headers.get(header::CONTENT_RANGE.as_str());
    if let (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, Some(said)) =
        (status, said)
    {
        reply = reply.with_field(header::CONTENT_RANGE, said);
    }
    let target = whole.redirect();
    if let Some(path) = target.and_then(|target| request.path_to(&target)) {
        let location = base::reference(&request.parts, &path);
        reply = reply.with_field(header::LOCATION, &location);
    }
    reply
}

/// The connection ends without an answer. Where the recorder waited in vain, a player does
/// so for as long.
fn no_response(exchange: &Exchange, network: Network) -> Reply {
    let mut reply = Reply::none(format!("recorded fault: {}", exchange.outcome));
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
fn broken_or(whole: &Whole, pieces: Vec<Piece>, request: &Request) -> Reply {
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

/// A body that came whole.
struct Good {
    piece: Piece,
    pace: Option<Pace>,
    /// Whether parts of it can be asked for.
    ranges: bool,
}

impl Good {
    fn new(piece: Piece, exchange: &Exchange, ranges: bool, request: &Request) -> Self {
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
fn tagged(status: StatusCode, good: Good, tag: Option<&str>, request: &Request) -> Reply {
    let Good {
        piece,
        pace,
        ranges,
    } = good;
    let mut response = Response::new(body::empty());
    if headers::none_match_names(request.headers(), tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Reply::new(response, "not modified").with_tag(tag);
    }
    let size = piece.length();
    let resolved = match request.range {
        Some(range) if ranges && headers::if_range_allows(request.headers(), tag) => {
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
        Resolved::Part { first, length } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let pace = pace.map(|pace| pace.part(first, length));
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
        healed,
        early,
        by_name,
    } = pieces;
    let length: u64 = pieces.iter().map(Piece::length).sum();
    let pace = pace.filter(|_| request.policy.network == Network::Recorded);
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
    reply.with_field(headers::EXCHANGE, &answer.exchange.id.to_string())
}

fn content_range(first: u64, length: u64, total: Option<u64>) -> String {
    let last = first.saturating_add(length.saturating_sub(1));
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    format!("bytes {first}-{last}/{total}")
}

/// The recorded fields that pass.
struct Fields<'a> {
    answer: &'a Answer,
    url: &'a Url,
    headers: &'a Headers,
    /// It was asked for under a name of this replay.
    by_name: bool,
}

impl Fields<'_> {
    fn add(&self, mut reply: Reply, request: &Request) -> Reply {
        let kind = self.answer.resource.kind;
        if reply.what.is_empty() {
            reply.what = kind.as_str().into();
        }
        let Some(response) = &mut reply.response else {
            return reply;
        };
        let status = response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE && self.answer.exchange.status == Some(200) {
            return reply;
        }
        let fields = response.headers_mut();
        self.add_caching(fields, status, request);
        if let Some(modified) = self.recorded("last-modified") {
            fields.insert(header::LAST_MODIFIED, shifted(modified, request));
        }
        if let Some(tag) = self.recorded("etag") {
            fields.entry(header::ETAG).or_insert(tag);
        }
        if status == StatusCode::NOT_MODIFIED {
            return reply;
        }
        let content_type = self.content_type(status);
        if let Some(content_type) = content_type {
            if may_be_a_page(content_type.as_bytes()) {
                let sandbox = HeaderValue::from_static("default-src 'none'; sandbox");
                fields.insert(header::CONTENT_SECURITY_POLICY, sandbox);
            }
            fields.insert(header::CONTENT_TYPE, content_type);
        }
        if let Some(encoding) = self.encoding() {
            fields.insert(header::CONTENT_ENCODING, encoding);
        }
        if let Some(after) = self.recorded("retry-after") {
            fields.insert(header::RETRY_AFTER, after);
        }
        reply
    }

    /// What caches are told: the origin's word, since one that lets them keep what changes is
    /// a fault that players meet here as they did there.
    fn add_caching(&self, fields: &mut HeaderMap, status: StatusCode, request: &Request) {
        const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
        if request.is_process_relative(self.by_name) {
            fields.insert(header::CACHE_CONTROL, NO_CACHE);
            return;
        }
        for name in [header::CACHE_CONTROL, header::AGE] {
            for value in self.every(name.as_str()) {
                fields.append(&name, value);
            }
        }
        for value in self.every(header::EXPIRES.as_str()) {
            fields.append(header::EXPIRES, shifted(value, request));
        }
        // Browsers keep these for ever without asking, and would for all replays to come.
        let is_kept = matches!(
            status,
            StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT | StatusCode::GONE
        );
        if is_kept && !fields.contains_key(header::CACHE_CONTROL) {
            fields.insert(header::CACHE_CONTROL, NO_CACHE);
        }
    }

    /// The codings that the body is in; of a plain one also what the origin called so and is none.
    fn encoding(&self) -> Option<HeaderValue> {
        if let Some(encoding) = &self.answer.exchange.body_encoding {
            return HeaderValue::from_str(encoding).ok();
        }
        let said = self.recorded("content-encoding")?;
        let is_none = said
            .to_str()
            .is_ok_and(|said| true_codings(said).is_empty());
        is_none.then_some(said)
    }

    /// The origin's entity tag, if it sent one.
    fn tag(&self) -> Option<&str> {
        let recorded = self.headers.get("etag").map(str::trim);
        recorded.filter(|tag| !tag.is_empty())
    }

    /// The values of a field, line by line.
    fn every(&self, name: &str) -> impl Iterator<Item = HeaderValue> {
        let lines = self.headers.0.iter().filter(move |(n, _)| n == name);
        lines.filter_map(|(_, value)| HeaderValue::from_bytes(value.trim_ascii()).ok())
    }

    fn recorded(&self, name: &str) -> Option<HeaderValue> {
        self.every(name).next()
    }

    fn content_type(&self, status: StatusCode) -> Option<HeaderValue> {
        let recorded = self
            .recorded("content-type")
            .filter(|value| !value.is_empty());
        recorded.or_else(|| {
            if status.is_success() {
                HeaderValue::from_str(&media_type(self.answer.resource.kind, self.url)).ok()
            } else {
                // What an error page without a type is, nobody knows.
                (self.answer.exchange.body_size > 0).then(|| HeaderValue::from_static("text/plain"))
            }
        })
    }
}

/// A date of the origin's, moved like the others.
fn shifted(date: HeaderValue, request: &Request) -> HeaderValue {
    let moved = date.to_str().ok().and_then(|text| {
        HeaderValue::from_str(&headers::shift_http_date(text, request.shift_us)).ok()
    });
    moved.unwrap_or(date)
}
