//! A DVR playlist as a response.

use http::header;
use http::{Response, StatusCode};

use super::reply::Reply;
use crate::replayer::body;
use crate::replayer::header::fields;
use crate::replayer::memory::text::{Text, weak_tag};
use crate::replayer::request::Request;

/// A DVR playlist, compressed where the client takes that.
pub(crate) fn playlist(text: &Text, request: &Request) -> Reply {
    let gzip = fields::takes_gzip(request.headers());
    let compressed = text.compressed().filter(|_| gzip);
    let tag = match compressed {
        Some(_) => weak_tag(text.tag()),
        None => text.tag().to_owned(),
    };
    let mut reply = match fields::none_match_names(request.headers(), Some(&tag)) {
        true => {
            let mut response = Response::new(body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            Reply::new(response, "DVR playlist, not modified")
        }
        false => {
            let bytes = compressed.unwrap_or(text.bytes()).clone();
            let length = bytes.len().to_string();
            let reply = Reply::new(Response::new(body::full(bytes)), "DVR playlist")
                .with_field(header::CONTENT_LENGTH, &length)
                .with_field(header::CONTENT_TYPE, "application/vnd.apple.mpegurl");
            match compressed {
                Some(_) => reply.with_field(header::CONTENT_ENCODING, "gzip"),
                None => reply,
            }
        }
    };
    if text.may_be_compressed() {
        reply = reply.with_field(header::VARY, "Accept-Encoding");
    }
    reply
        .with_field(header::ETAG, &tag)
        .with_field(header::CACHE_CONTROL, "no-cache")
}
