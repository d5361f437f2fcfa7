//! A response, and what the log says about it.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};

use crate::replayer::body;
use crate::replayer::body::Body;
use crate::replayer::header::cors;
use crate::replayer::header::cors::Cors;
use crate::replayer::header::fields;
use crate::replayer::header::shared_caches::Lifetime;
use crate::replayer::request::references;
use crate::session::{ExchangeId, ReadError};
use crate::shown::escaped;

/// A response, and what the log says about it.
#[derive(Debug)]
pub struct Reply {
    /// `None`: the connection is closed without an answer, as the origin did.
    pub response: Option<Response<Body>>,
    /// How long the client waits before anything comes.
    pub wait: Duration,
    /// How long the request was held before: it waits from then on.
    pub held: Duration,
    /// Without a response: the connection is reset.
    pub resets: bool,
    /// The session time of the request, in microseconds; `None`: the session time does not matter to it.
    pub session_us: Option<i64>,
    /// The exchange that was answered with.
    pub exchange: Option<ExchangeId>,
    /// The kind of answer, in a few words.
    pub what: Cow<'static, str>,
    /// The changes made to it, for the log.
    pub done: Vec<Cow<'static, str>>,
    /// How many microseconds it remains the answer of the session; `None`: it is not an answer of the session.
    pub left_us: Option<i64>,
    /// It is a sentence of the replayer's own, which caches must not store.
    pub(crate) is_sentence: bool,
    /// It is for the page alone: pages of other sites must not read it.
    pub(crate) is_private: bool,
}

impl Reply {
    pub(crate) fn new(response: Response<Body>, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            response: Some(response),
            wait: Duration::ZERO,
            held: Duration::ZERO,
            resets: false,
            session_us: None,
            exchange: None,
            what: what.into(),
            done: Vec::new(),
            left_us: None,
            is_sentence: false,
            is_private: false,
        }
    }

    /// A sentence of the replayer's own, with whatever names are in it.
    pub(crate) fn sentence(status: StatusCode, sentence: &str) -> Self {
        let sentence = escaped(sentence);
        let mut response = Response::new(body::full(format!("{sentence}\n")));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self {
            is_sentence: true,
            ..Self::new(response, sentence)
        }
    }

    /// A redirect of the replayer's own, to another path of it.
    pub(crate) fn redirect(request: &Parts, path: &str, what: &'static str) -> Self {
        let location = references::reference(request, path);
        Self {
            what: what.into(),
            ..Self::sentence(StatusCode::FOUND, &location).with_field(header::LOCATION, &location)
        }
    }

    /// The session cannot be read.
    pub(crate) fn failed(error: &ReadError) -> Self {
        // Each request for it would say so again, and the answer's own line of the log does.
        if let ReadError::Lost(what) = error {
            let sentence = format!("recorded, and lost since: {what}");
            return Self::sentence(StatusCode::NOT_FOUND, &sentence);
        }
        if let ReadError::Away(why) = error {
            let sentence = format!("recorded, and not to be had just now: {why}");
            return Self::sentence(StatusCode::SERVICE_UNAVAILABLE, &sentence)
                .with_field(header::RETRY_AFTER, "1");
        }
        tracing::error!("{error}");
        let sentence = match error {
            // It names a path inside the session.
            ReadError::Io(error) => format!("a file of the session cannot be read: {error}"),
            _ => "the session cannot be read; the replayer's log says why".to_owned(),
        };
        Self::sentence(StatusCode::INTERNAL_SERVER_ERROR, &sentence)
    }

    /// Its text would take memory that others have now.
    pub(crate) fn no_room() -> Self {
        let sentence = "too much is under way to slow clients; ask again";
        Self::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
            .with_field(header::RETRY_AFTER, "1")
    }

    /// Whether it tells a client that something failed here or at the origin.
    pub(crate) fn has_failed(&self) -> bool {
        let status = self.response.as_ref().map(Response::status);
        status.is_none_or(|status| status.is_server_error())
    }

    /// No answer: the connection ends.
    pub(crate) fn closed(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            response: None,
            ..Self::new(Response::new(body::empty()), what)
        }
    }

    pub(crate) fn with_field(mut self, name: HeaderName, value: &str) -> Self {
        if let (Some(response), Ok(value)) = (&mut self.response, HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
        self
    }

    /// A reply to what was asked at a session time (microseconds).
    pub(crate) fn at_session_time(mut self, session_us: i64) -> Self {
        self.session_us = Some(session_us);
        if let Some(response) = &mut self.response {
            let seconds = fields::seconds(session_us);
            response.headers_mut().insert(fields::SESSION_TIME, seconds);
        }
        self
    }

    /// The same, to a request that was held for so long.
    pub(crate) fn held_for(mut self, held: Duration) -> Self {
        self.held = self.held.saturating_add(held);
        self
    }

    /// The same, remaining the answer for this many microseconds.
    pub(crate) fn holding_for(mut self, left_us: i64) -> Self {
        self.left_us = Some(left_us);
        self
    }

    /// How long a cache in front of several replayers may store it; `None`: it is not an answer of
    /// the session.
    pub(crate) fn lifetime(&self) -> Option<Lifetime> {
        let left_us = self.left_us?;
        Some(match self.is_sentence {
            true => Lifetime::Never,
            false => Lifetime::Holds(left_us),
        })
    }

    /// What a session says of its origin, cookies and paths of files included: for the page alone.
    pub(crate) fn private(mut self) -> Self {
        self.is_private = true;
        self.with_field(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        )
    }

    /// Adds the fields that every response has.
    pub(crate) fn with_common_headers(mut self) -> Self {
        if let (Some(response), false) = (&mut self.response, self.is_private) {
            cors::add_common(response.headers_mut());
        }
        self
    }

    /// Adds the fields that depend on the page that asks.
    pub(crate) fn for_page(mut self, cors: &Cors, request: &HeaderMap) -> Self {
        if let (Some(response), false) = (&mut self.response, self.is_private) {
            cors.add(response.headers_mut(), request);
        }
        self
    }

    pub(crate) fn with_tag(self, tag: Option<&str>) -> Self {
        match tag {
            Some(tag) => self.with_field(header::ETAG, tag),
            None => self,
        }
    }
}
