//! One request after the other down a chain of redirects; each is measured, none is retried.
//!
//! Whatever happens is a [`Hop`], never an error: what broke, and in which phase, is what
//! people want to know later.

use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, COOKIE, HeaderMap, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, RANGE, SET_COOKIE,
};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::admit::{self, Credentials};
use super::arrival::Arrival;
use super::client::Clients;
use super::cookies::Cookies;
use super::plain::{self, Live};
use super::{classify, limits};
use crate::clock;
use crate::session::{
    Availability, ByteRange, DownloadFile, ExchangeId, Headers, Kind, NewBody, NewExchange,
    Outcome, ResourceKey, Writer, digest,
};

/// What is needed to ask.
#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    pub clients: Clients,
    pub credentials: Credentials,
    pub cookies: Arc<Cookies>,
    pub writer: Writer,
    pub max_time: Option<Duration>,
    /// Ends what is under way.
    pub abort: CancellationToken,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub url: Url,
    pub kind: Kind,
    pub range: Option<ByteRange>,
    pub validators: Option<Validators>,
    /// It may be a plain stream: then the last hop has a body that still comes.
    pub plain: bool,
}

/// What makes a request conditional (RFC 9110 13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validators {
    /// They are meant for this URL only: the last of its chain.
    pub url: Url,
    pub etag: Option<HeaderValue>,
    pub last_modified: Option<HeaderValue>,
    /// The exchange whose body a 304 would confirm.
    pub exchange: ExchangeId,
}

/// One request and what came back.
#[derive(Debug)]
pub(super) struct Hop {
    pub id: ExchangeId,
    pub url: Url,
    pub requested_us: i64,
    pub wait_us: Option<i64>,
    pub receive_us: Option<i64>,
    pub failed_us: Option<i64>,
    pub status: Option<u16>,
    pub http_version: Option<String>,
    pub remote_addr: Option<String>,
    pub fields: Option<HeaderMap>,
    pub announced_bytes: Option<u64>,
    pub wire_bytes: Option<u64>,
    pub arrival: Option<String>,
    pub body: Received,
    /// The body is no longer in its Content-Encoding.
    pub decoded: bool,
    pub outcome: Outcome,
    pub error: Option<String>,
}

/// A body as it came.
#[derive(Debug)]
pub(super) enum Received {
    None,
    Memory(Vec<u8>),
    File(NewBody),
    /// It still comes.
    Live(Box<Live>),
}

enum Sink {
    Memory(Vec<u8>),
    File(DownloadFile),
}

impl Fetcher {
    /// Asks, and follows redirects; at least one hop.
    pub(super) async fn chain(&self, ask: &Ask) -> Vec<Hop> {
        let limit = self.max_time.unwrap_or_else(|| limits::max_time(ask.kind));
        let deadline = clock::instant() + limit;
        let mut hops = Vec::new();
        let mut url = ask.url.clone();
        loop {
            let mut hop = self.hop(ask, &url, deadline).await;
            let next = redirect(&hop).map(|location| admit::admit_redirect(&url, location));
            match next {
                Some(Err(refusal)) => {
                    hop.outcome = Outcome::Scheme;
                    hop.error = Some(format!("redirect not followed: {refusal}"));
                }
                Some(Ok(_)) if hops.len() >= limits::MAX_REDIRECTS => {
                    hop.outcome = Outcome::Redirects;
                    hop.error = Some(format!("more than {} redirects", limits::MAX_REDIRECTS));
                }
                Some(Ok(target)) => {
                    url = target;
                    hops.push(hop);
                    continue;
                }
                None => {}
            }
            hops.push(hop);
            return hops;
        }
    }

    async fn hop(&self, ask: &Ask, url: &Url, deadline: Instant) -> Hop {
        let client = match ask.kind.is_playlist() {
            true => &self.clients.polls,
            false => &self.clients.downloads,
        };
        let fields = self.fields(ask, url);
        let mut hop = Hop::new(
            self.writer.next_id(),
            url.clone(),
            self.writer.clock().now_us(),
        );
        let sent = tokio::select! {
            () = self.abort.cancelled() => None,
            sent = timeout_at(deadline, send(client, url, fields)) => Some(sent),
        };
        let passed_us = self.writer.clock().now_us() - hop.requested_us;
        match sent {
            Some(Ok(Ok(response))) => {
                hop.wait_us = Some(passed_us);
                hop.describe(&response);
                let set = response.headers().get_all(SET_COOKIE);
                self.cookies.set(set.iter(), url);
                self.receive(ask, response, &mut hop, deadline).await;
                return hop;
            }
            Some(Ok(Err(error))) => {
                hop.fail(classify::no_response(&error), &classify::describe(&error));
            }
            Some(Err(_)) => hop.fail(
                Outcome::ResponseTimeout,
                "no response within the time limit",
            ),
            None => hop.fail(Outcome::Aborted, "the recorder was stopped"),
        }
        hop.failed_us = Some(passed_us);
        hop
    }

    fn fields(&self, ask: &Ask, url: &Url) -> HeaderMap {
        let mut fields = self.credentials.for_url(url);
        if let Some(cookies) = self.cookies.for_url(url) {
            fields.insert(COOKIE, cookies);
        }
        // Media is stored as it comes; its own compression leaves nothing to gain.
        // A user who names codings is believed.
        let coding = if ask.kind.is_playlist() {
            "gzip"
        } else {
            "identity"
        };
        fields
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static(coding));
        if ask.plain {
            fields.insert(plain::ICY_METADATA, HeaderValue::from_static("1"));
        }
        if let Some(range) = ask.range {
            let last = range.first.saturating_add(range.length).saturating_sub(1);
            if let Ok(value) = HeaderValue::from_str(&format!("bytes={}-{last}", range.first)) {
                fields.insert(RANGE, value);
            }
        }
        if let Some(validators) = ask.validators.as_ref().filter(|v| v.url == *url) {
            if let Some(etag) = &validators.etag {
                fields.insert(IF_NONE_MATCH, etag.clone());
            }
            if let Some(date) = &validators.last_modified {
                fields.insert(IF_MODIFIED_SINCE, date.clone());
            }
        }
        fields
    }

    async fn receive(&self, ask: &Ask, response: Response, hop: &mut Hop, deadline: Instant) {
        let good = matches!(hop.status, Some(200 | 206));
        let sink = if good && ask.kind.is_chunk() {
            self.writer.download(hop.id).map(Sink::File)
        } else {
            Ok(Sink::Memory(Vec::new()))
        };
        let limit = if good {
            limits::body_bytes(ask.kind)
        } else {
            limits::ERROR_BODY_BYTES
        };
        let began = hop.requested_us + hop.wait_us.unwrap_or(0);
        match sink {
            Ok(mut sink) => {
                let may_live = ask.plain && good && plain::is_endless(hop.announced_bytes);
                let body = Incoming {
                    response,
                    may_live,
                    limit,
                };
                if let Some(live) = self.read(body, &mut sink, hop, deadline).await {
                    hop.body = Received::Live(Box::new(live));
                    return;
                }
                hop.receive_us = Some(self.writer.clock().now_us() - began);
                hop.keep(sink).await;
            }
            Err(error) => hop.fail(Outcome::Disk, &error.to_string()),
        }
    }

    /// Reads a body; one that turns out to be a plain stream comes back as that.
    async fn read(
        &self,
        body: Incoming,
        sink: &mut Sink,
        hop: &mut Hop,
        deadline: Instant,
    ) -> Option<Live> {
        let Incoming {
            mut response,
            mut may_live,
            limit,
        } = body;
        let mut wire_bytes = 0;
        let mut arrival = Arrival::new();
        let began = hop.response_us();
        loop {
            let patience = deadline.min(clock::instant() + limits::STALL);
            let next = tokio::select! {
                () = self.abort.cancelled() => { hop.fail(Outcome::Aborted, "the recorder was stopped"); break }
                next = timeout_at(patience, response.chunk()) => next,
            };
            match next {
                Err(_) => {
                    hop.fail(
                        Outcome::BodyTimeout,
                        "the body did not end within the time limit",
                    );
                    break;
                }
                Ok(Err(error)) => {
                    hop.fail(classify::broken_body(&error), &classify::describe(&error));
                    break;
                }
                Ok(Ok(None)) => break,
                Ok(Ok(Some(bytes))) => {
                    wire_bytes += bytes.len() as u64;
                    arrival.add(self.writer.clock().now_us() - began, wire_bytes);
                    if let Err((outcome, error)) = sink.take(&bytes, wire_bytes, limit) {
                        hop.fail(outcome, &error);
                        break;
                    }
                    if let (true, Sink::Memory(begun)) = (may_live, &mut *sink) {
                        match plain::verdict(begun, hop) {
                            plain::Verdict::More => {}
                            plain::Verdict::Other => may_live = false,
                            plain::Verdict::Stream(format) => {
                                let begun = std::mem::take(begun).into();
                                return Some(Live::new(response, begun, format));
                            }
                        }
                    }
                }
            }
        }
        hop.wire_bytes = Some(wire_bytes);
        hop.arrival = arrival.into_text();
        if hop.outcome == Outcome::Complete
            && hop.announced_bytes.is_some_and(|n| n > wire_bytes)
            && hop.may_have_body()
        {
            hop.fail(Outcome::Short, "the body ended before its announced length");
        }
        None
    }
}

/// A body that is to be read.
struct Incoming {
    response: Response,
    /// It may be a plain stream.
    may_live: bool,
    /// It is cut there, in bytes.
    limit: u64,
}

async fn send(client: &Client, url: &Url, fields: HeaderMap) -> Result<Response, reqwest::Error> {
    client.get(url.clone()).headers(fields).send().await
}

/// The target of a redirect, as the origin wrote it.
fn redirect(hop: &Hop) -> Option<&str> {
    if !matches!(hop.status, Some(301 | 302 | 303 | 307 | 308)) || hop.outcome != Outcome::Complete
    {
        return None;
    }
    hop.fields.as_ref()?.get(LOCATION)?.to_str().ok()
}

impl Sink {
    /// Takes in what came; `so_far`: with it, how many bytes that makes.
    fn take(&mut self, bytes: &[u8], so_far: u64, limit: u64) -> Result<(), (Outcome, String)> {
        if so_far > limit {
            let error = format!("cut: larger than {limit} bytes");
            return Err((Outcome::TooLarge, error));
        }
        self.write(bytes)
            .map_err(|error| (Outcome::Disk, error.to_string()))
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Memory(memory) => memory.extend_from_slice(bytes),
            Self::File(file) => file.write(bytes)?,
        }
        Ok(())
    }
}

impl Hop {
    pub(super) fn new(id: ExchangeId, url: Url, requested_us: i64) -> Self {
        Self {
            id,
            url,
            requested_us,
            wait_us: None,
            receive_us: None,
            failed_us: None,
            status: None,
            http_version: None,
            remote_addr: None,
            fields: None,
            announced_bytes: None,
            wire_bytes: None,
            arrival: None,
            body: Received::None,
            decoded: false,
            outcome: Outcome::Complete,
            error: None,
        }
    }

    pub(super) fn fail(&mut self, outcome: Outcome, error: &str) {
        self.outcome = outcome;
        self.error = Some(error.to_owned());
    }

    fn describe(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.http_version = Some(format!("{:?}", response.version()));
        self.remote_addr = response.remote_addr().map(|a| a.to_string());
        self.announced_bytes = response
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.trim().parse().ok());
        self.fields = Some(response.headers().clone());
    }

    fn may_have_body(&self) -> bool {
        !matches!(self.status, Some(204 | 304))
    }

    async fn keep(&mut self, sink: Sink) {
        let empty = self.wire_bytes == Some(0);
        match sink {
            // Nothing came, or nothing that could be kept: the file goes with its handle.
            Sink::File(_)
                if (empty && self.outcome != Outcome::Complete)
                    || self.outcome == Outcome::Disk => {}
            Sink::File(file) => match tokio::task::spawn_blocking(|| file.finish()).await {
                Ok(Ok(body)) => self.body = Received::File(body),
                Ok(Err(error)) => self.fail(Outcome::Disk, &error.to_string()),
                Err(error) => self.fail(Outcome::Disk, &error.to_string()),
            },
            Sink::Memory(_) if !self.may_have_body() => {}
            Sink::Memory(_) if empty && self.outcome != Outcome::Complete => {}
            Sink::Memory(memory) => self.body = Received::Memory(memory),
        }
    }

    /// When the response began; when it was asked for, if there was none.
    pub(super) fn response_us(&self) -> i64 {
        self.requested_us.saturating_add(self.wait_us.unwrap_or(0))
    }

    /// A header field, where it is ASCII.
    pub(super) fn field(&self, name: http::HeaderName) -> Option<&str> {
        self.fields.as_ref()?.get(name)?.to_str().ok()
    }

    /// Whether it is what a player could use.
    pub(super) fn is_good(&self) -> bool {
        self.outcome == Outcome::Complete && matches!(self.status, Some(200 | 206 | 304))
    }

    /// As a row; callers add what only they know.
    pub(super) fn into_exchange(
        self,
        resource: ResourceKey,
        availability: Availability,
    ) -> NewExchange {
        let partial = (self.status == Some(206))
            .then(|| self.field(CONTENT_RANGE).and_then(content_range))
            .flatten();
        let encoding = self
            .field(http::header::CONTENT_ENCODING)
            .filter(|coding| !self.decoded && !coding.trim().eq_ignore_ascii_case("identity"))
            .map(str::to_owned);
        let binary = resource.kind == Kind::Key && self.status == Some(200);
        let body = match self.body {
            Received::None | Received::Live(_) => NewBody::None,
            Received::Memory(data) => NewBody::Bytes {
                sha256: digest(&data),
                data,
                binary,
            },
            Received::File(file) => file,
        };
        NewExchange {
            wait_us: self.wait_us,
            receive_us: self.receive_us,
            failed_us: self.failed_us,
            status: self.status,
            http_version: self.http_version,
            remote_addr: self.remote_addr,
            headers: self.fields.as_ref().map(headers),
            announced_bytes: self.announced_bytes,
            wire_bytes: self.wire_bytes,
            arrival: self.arrival,
            body_encoding: if matches!(body, NewBody::None) {
                None
            } else {
                encoding
            },
            body,
            body_first: partial.map(|(first, _)| first),
            resource_bytes: partial.and_then(|(_, total)| total),
            outcome: self.outcome,
            error: self.error,
            ..NewExchange::requested(self.id, resource, availability, self.requested_us)
        }
    }
}

fn headers(fields: &HeaderMap) -> Headers {
    Headers(
        fields
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec()))
            .collect(),
    )
}

/// First byte and size of the whole out of a Content-Range (RFC 9110 14.4).
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_range_is_read() {
        assert_eq!(content_range("bytes 5-9/100"), Some((5, Some(100))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("bytes */100"), None);
        assert_eq!(content_range("lines 1-2/3"), None);
    }
}
