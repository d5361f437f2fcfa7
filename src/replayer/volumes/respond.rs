//! From a request to the volume that answers it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::request::Parts;
use http::{Method, StatusCode, Uri, header};

use super::Archive;
use super::open::Opened;
use super::path::{self, Of};
use crate::clock;
use crate::replayer::body;
use crate::replayer::replay::Replay;
use crate::replayer::request::Request;
use crate::replayer::request::route::Target;
use crate::replayer::request::timeline::format_utc;
use crate::replayer::respond::{AskedPath, Responds};
use crate::replayer::response::reply::Reply;
use crate::session::source::SourceError;

/// The volume behind one is opened so long before it is needed.
const AHEAD_US: i64 = 30_000_000;
/// A player that was told that something is not there yet asks again so many seconds later.
const AGAIN: &str = "2";

/// Which stream a request is of; in its extensions.
#[derive(Debug, Clone)]
enum StreamOf {
    Stream(usize),
    All,
    Moved(String),
    None,
}

impl Responds for Archive {
    fn receive(&self, mut parts: Parts) -> Request {
        let asked = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let (of, inner) = match path::of(&self.names, asked) {
            Of::Stream(place, inner) => (StreamOf::Stream(place), Some(inner)),
            Of::All => (StreamOf::All, None),
            Of::Moved(to) => (StreamOf::Moved(to), None),
            Of::None => (StreamOf::None, None),
        };
        if let Some(inner) = inner.filter(|inner| *inner != asked)
            && let Ok(uri) = inner.parse::<Uri>()
        {
            let asked = AskedPath(parts.uri.path().to_owned());
            parts.uri = uri;
            parts.extensions.insert(asked);
        }
        parts.extensions.insert(of);
        Request::new(parts, &self.clock, self.span(self.extent), self.policy)
    }

    fn respond_at_once(&self, request: &Request) -> Option<Reply> {
        let stream = self.stream_of(request)?;
        let opened = self.open.at(stream, self.moment_us(request))?;
        opened.replay.respond_at_once(request)
    }

    async fn respond(self: &Arc<Self>, request: &Request) -> Reply {
        let own = match self.answer(request).await {
            Ok(reply) => return reply,
            Err(own) => *own,
        };
        let mut reply = own
            .with_common_headers()
            .for_page(&self.options.cors, request.headers());
        if let (Some(response), &Method::HEAD) = (&mut reply.response, &request.parts.method) {
            *response.body_mut() = body::empty();
        }
        reply
    }
}

impl Archive {
    fn stream_of(&self, request: &Request) -> Option<&str> {
        match request.parts.extensions.get::<StreamOf>() {
            Some(StreamOf::Stream(place)) => self.names.get(*place).map(String::as_str),
            _ => None,
        }
    }

    /// The moment whose volume answers: of a request that comes before the beginning, the first.
    fn moment_us(&self, request: &Request) -> i64 {
        request.moment_us.max(self.extent.from_us)
    }

    /// The answer of a volume, or one of the archive's own.
    async fn answer(self: &Arc<Self>, request: &Request) -> Result<Reply, Box<Reply>> {
        let stream = match request.parts.extensions.get::<StreamOf>() {
            Some(StreamOf::Stream(place)) => self.names.get(*place).map_or("", String::as_str),
            Some(StreamOf::Moved(to)) => {
                return Err(Box::new(Reply::redirect(
                    &request.parts,
                    to,
                    "beneath its name",
                )));
            }
            Some(StreamOf::All) => return Err(Box::new(self.index(None))),
            Some(StreamOf::None) | None => {
                let sentence =
                    "this archive has several streams, each beneath its name; / says which";
                return Err(Box::new(Reply::sentence(StatusCode::NOT_FOUND, sentence)));
            }
        };
        let target = request.target().ok();
        if matches!(target, Some(Target::Index)) && request.is_read() {
            return Err(Box::new(self.index(Some(stream))));
        }
        if let Some(what) = target.as_ref().and_then(not_done) {
            let sentence = format!(
                "{what} out of an archive; issession fetch brings a span of it as a session of this disk, which has all"
            );
            return Err(Box::new(Reply::sentence(
                StatusCode::NOT_IMPLEMENTED,
                &sentence,
            )));
        }
        let moment_us = self.moment_us(request);
        match self.opened(stream, moment_us).await {
            Ok(opened) => {
                self.read_ahead(&opened, moment_us);
                Ok(opened.replay.respond(request).await)
            }
            Err(error) => Err(Box::new(refusal(&error))),
        }
    }

    /// The volume that answers at a moment, opened where it is not yet.
    async fn opened(
        self: &Arc<Self>,
        stream: &str,
        moment_us: i64,
    ) -> Result<Arc<Opened>, SourceError> {
        if let Some(opened) = self.open.at(stream, moment_us) {
            return Ok(opened);
        }
        let Some(turn) = self.streams.get(stream) else {
            return Err(SourceError::Nothing(format!("no stream {stream:?}")));
        };
        // A crowd asks for the same.
        let _turn = turn.lock().await;
        if let Some(opened) = self.open.at(stream, moment_us) {
            return Ok(opened);
        }
        let (this, name) = (Arc::clone(self), stream.to_owned());
        let opening = tokio::task::spawn_blocking(move || this.open_now(&name, moment_us)).await;
        opening.map_err(|error| SourceError::Away(error.to_string()))?
    }

    /// On a thread that may wait.
    fn open_now(&self, stream: &str, moment_us: i64) -> Result<Arc<Opened>, SourceError> {
        let volume = Arc::new(self.volumes.at(stream, moment_us)?);
        let span = self.span(self.volumes.extent(stream)?);
        let replay = match self.open.same(stream, &volume, span.end_us) {
            Some(replay) => replay,
            None => {
                let options = self.options.clone();
                let shown = (self.volumes.shown(), span);
                let replay =
                    Replay::of_volume(Arc::clone(&volume), shown, self.clock.clone(), options);
                Arc::new(replay.map_err(|error| SourceError::Away(error.to_string()))?)
            }
        };
        let opened = Arc::new(Opened::new(stream, volume, replay));
        self.open.hold(&opened);
        Ok(opened)
    }

    /// Opens the volume that comes next, some time before it is needed.
    fn read_ahead(self: &Arc<Self>, opened: &Arc<Opened>, moment_us: i64) {
        let next_us = opened.volume.until_us;
        let is_near = next_us != i64::MAX && next_us.saturating_sub(moment_us) <= AHEAD_US;
        if !is_near || opened.has_read_ahead.swap(true, Ordering::Relaxed) {
            return;
        }
        let (this, stream) = (Arc::clone(self), opened.stream.clone());
        tokio::spawn(async move {
            if let Err(error) = this.opened(&stream, next_us).await {
                // Whoever asks for it is told.
                tracing::debug!("{stream}: {error}");
            }
        });
    }

    /// Returns when the server's own clock is at the end of what is archived, and no more comes.
    pub async fn watch(self: &Arc<Self>) {
        /// How often that is looked at.
        const EVERY: Duration = Duration::from_secs(10);
        loop {
            let this = Arc::clone(self);
            let looked = tokio::task::spawn_blocking(move || this.extent_now()).await;
            let mut pause = EVERY;
            if let Ok(Ok(extent)) = looked
                && !extent.grows
            {
                let end_us = extent.to_us.saturating_sub(self.extent.from_us);
                let left_us = end_us.saturating_sub(self.session_us());
                let Ok(left_us @ 1..) = u64::try_from(left_us) else {
                    return;
                };
                pause = pause.min(Duration::from_micros(left_us));
            }
            tokio::time::sleep_until(clock::instant() + pause).await;
        }
    }

    fn extent_now(&self) -> Result<crate::session::source::Extent, SourceError> {
        let mut all = self.extent;
        for (number, name) in self.names.iter().enumerate() {
            let own = self.volumes.extent(name)?;
            all.to_us = all.to_us.max(own.to_us);
            all.grows = own.grows || (number > 0 && all.grows);
        }
        Ok(all)
    }

    /// What there is to play, in lines.
    fn index(&self, stream: Option<&str>) -> Reply {
        let mut text = format!(
            "{}\nfrom {}\n\n",
            self.volumes.shown(),
            format_utc(self.extent.from_us)
        );
        match stream {
            Some(name) => text += &format!("{name}: stream.m3u8\n"),
            None => {
                for name in &self.names {
                    text += &format!("{name}: {}/stream.m3u8\n", path::encoded(name));
                }
            }
        }
        text += "\nThe page and DVR playlists are those of sessions: issession fetch brings a span as one.\n";
        let mut response = http::Response::new(body::full(text));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        Reply::new(response, "index").with_field(header::CACHE_CONTROL, "no-store")
    }
}

/// What is not answered out of an archive.
fn not_done(target: &Target) -> Option<&'static str> {
    match target {
        Target::Dvr { .. } => Some("there are no DVR playlists"),
        Target::Exchange(_) => Some("bodies have no numbers"),
        Target::Page(..) => Some("there is no page"),
        Target::Raw { .. } => Some("raw streams are not replayed"),
        Target::Index | Target::Favicon | Target::Stream { .. } | Target::Origin(_) => None,
    }
}

/// No volume answers.
fn refusal(error: &SourceError) -> Reply {
    match error {
        SourceError::Nothing(why) | SourceError::Lost(why) => {
            Reply::sentence(StatusCode::NOT_FOUND, why)
        }
        SourceError::NotYet(until_us) => {
            let until = format_utc(*until_us);
            let sentence =
                format!("nothing of that moment is archived yet: there is something until {until}");
            Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, &sentence)
                .with_field(header::RETRY_AFTER, AGAIN)
        }
        SourceError::Away(why) => {
            tracing::error!("{why}");
            let sentence = "the archive cannot be asked just now; the replayer's log says why";
            Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
                .with_field(header::RETRY_AFTER, AGAIN)
        }
    }
}
