//! Header fields of a response that was recorded: those that pass, and dates moved.

use http::header::{HeaderMap, HeaderValue};
use http::{StatusCode, header};
use url::Url;

use super::reply::Reply;
use crate::replayer::header::fields;
use crate::replayer::header::media_type::{may_be_a_page, media_type};
use crate::replayer::request::Request;
use crate::session::{Answer, Headers, true_codings};

/// The recorded fields that pass.
pub(super) struct Fields<'a> {
    pub(super) answer: &'a Answer,
    pub(super) url: &'a Url,
    pub(super) headers: &'a Headers,
    /// It was asked for under a name of this replay.
    pub(super) by_name: bool,
}

impl Fields<'_> {
    pub(super) fn add(&self, mut reply: Reply, request: &Request) -> Reply {
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

    /// The caching fields as the origin sent them. Where the origin let caches store content that changes, that is a
    /// fault that players meet here as they did there.
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
        if let Some(seconds) = self.freshness(status) {
            let said = HeaderValue::from_str(&format!("max-age={seconds}"));
            fields.extend(said.ok().map(|said| (header::CACHE_CONTROL, said)));
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

    /// For how many seconds a cache of the origin's held an answer that says so by dates only (RFC 9111 4.2.1, 4.2.2).
    /// Dates of the recording beside a Date of now would say something else, and more each day.
    fn freshness(&self, status: StatusCode) -> Option<i64> {
        let is_said = |value: HeaderValue| {
            let said = value.to_str().unwrap_or_default().to_ascii_lowercase();
            let mut words = said.split(',').map(str::trim);
            words
                .any(|word| word.starts_with("max-age") || word == "no-store" || word == "no-cache")
        };
        if self.every(header::CACHE_CONTROL.as_str()).any(is_said) {
            return None;
        }
        let date = |name: &str| fields::http_date_us(self.recorded(name)?.to_str().ok()?);
        let exchange = &self.answer.exchange;
        let answered_us = exchange
            .requested_us
            .saturating_add(exchange.wait_us.unwrap_or(0));
        let answered_us = date("date").unwrap_or(answered_us);
        let seconds_since = |us: i64| answered_us.saturating_sub(us).div_euclid(1_000_000);
        if self.recorded("expires").is_some() {
            // One that is no date is in the past.
            return Some(date("expires").map_or(0, |us| seconds_since(us).saturating_neg().max(0)));
        }
        let modified = status.is_success().then(|| date("last-modified")).flatten();
        // A tenth of the age of what is given is what caches take where nothing is said.
        modified.map(|us| (seconds_since(us) / 10).max(0))
    }

    /// The codings that the body is in; of a body without codings also a recorded field that names no real coding.
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
    pub(super) fn tag(&self) -> Option<&str> {
        let recorded = self.headers.get("etag").map(str::trim);
        recorded.filter(|tag| !tag.is_empty())
    }

    /// The values of a field, line by line.
    fn every(&self, name: &str) -> impl Iterator<Item = HeaderValue> {
        let lines = self.headers.0.iter().filter(move |(n, _)| n == name);
        lines.filter_map(|(_, value)| HeaderValue::from_bytes(value.trim_ascii()).ok())
    }

    pub(super) fn recorded(&self, name: &str) -> Option<HeaderValue> {
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
                // The type of an error page is not known.
                (self.answer.exchange.body_size > 0).then(|| HeaderValue::from_static("text/plain"))
            }
        })
    }
}

/// A date of the origin's, moved like the others.
fn shifted(date: HeaderValue, request: &Request) -> HeaderValue {
    let moved = date.to_str().ok().and_then(|text| {
        HeaderValue::from_str(&fields::shift_http_date(text, request.shift_us)).ok()
    });
    moved.unwrap_or(date)
}
