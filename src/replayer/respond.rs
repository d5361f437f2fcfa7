//! From a request to a response: what was answered before and still holds, or what the session has.

use std::sync::Arc;

use http::header;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use url::Url;

use super::base;
use super::body;
use super::cors;
use super::lookup::{Content, Looked, Question, Whole};
use super::page;
use super::plain::{self, path::PlainFile};
use super::ready::{Held, Known, Turn};
use super::recorded;
use super::replay::Replay;
use super::reply::Reply;
use super::request::Request;
use super::route::{PathClock, RouteError, Target, clock_prefix};
use super::shared_caches;
use super::timeline::format_time;
use crate::session::StreamInfo;

impl Replay {
    /// The response to a request for nothing special that was made before and still holds.
    pub fn respond_at_once(&self, request: &Request) -> Option<Reply> {
        let reply = match request.parts.method {
            Method::GET => self
                .held(request)
                .and_then(|held| Some(self.holding(held.made(request)?, &held, request)))
                .or_else(|| self.dvr_at_once(request))?,
            _ => return None,
        };
        Some(reply.for_page(self.cors(), request.headers()))
    }

    /// Answers a request. Never fails: what goes wrong is a response, too.
    pub async fn respond(self: &Arc<Self>, request: &Request) -> Reply {
        let turn = self.turn(request);
        // All that wait are woken at once: one after the other they would wait for each other.
        let _first = match &turn {
            Some(turn) => match turn.try_write() {
                Ok(first) => Some(first),
                Err(_) => {
                    drop(turn.read().await);
                    None
                }
            },
            None => None,
        };
        let reply = match self.answer_again(request) {
            Some(reply) => reply,
            None => self.for_caches(self.answer(request).await.dressed()),
        };
        let mut reply = reply.for_page(self.cors(), request.headers());
        if let (Some(response), &Method::HEAD) = (&mut reply.response, &request.parts.method) {
            *response.body_mut() = body::empty();
        }
        reply
    }

    /// Whose turn it is to ask the session for what others may ask for, too.
    fn turn(&self, request: &Request) -> Option<Arc<Turn>> {
        if !self.rules().is_empty() || self.span().recording || !request.is_read() {
            return None;
        }
        match self.ready().look(request.path(), request.moment_us) {
            Known::Nothing(turn) => Some(turn),
            Known::Holds => None,
        }
    }

    /// What was answered for this path before and still holds.
    fn held(&self, request: &Request) -> Option<Arc<Held>> {
        let held = request
            .is_read()
            .then(|| self.ready().get(request.path(), request.moment_us));
        held.flatten()
    }

    fn answer_again(&self, request: &Request) -> Option<Reply> {
        let held = self.held(request)?;
        if request.gzip
            && let Content::Playlist(served) = &held.whole.content
            && served.compressed().is_none()
        {
            return None;
        }
        Some(self.holding(held.reply(request), &held, request))
    }

    /// For how long a reply holds that was given before.
    fn holding(&self, reply: Reply, held: &Held, request: &Request) -> Reply {
        self.for_caches(reply.holding(held.whole.left_us(request.moment_us)))
    }

    /// Tells caches in front of several replayers for how long an answer of the session holds.
    fn for_caches(&self, mut reply: Reply) -> Reply {
        let lifetime = reply.lifetime().filter(|_| self.is_shared());
        if let (Some(response), Some(lifetime)) = (&mut reply.response, lifetime) {
            shared_caches::tell(response.headers_mut(), lifetime);
        }
        reply
    }

    async fn answer(self: &Arc<Self>, request: &Request) -> Reply {
        match request.parts.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                let mut response = Response::new(body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                let fields = response.headers_mut();
                self.cors().add_preflight(fields, request.headers());
                return Reply::new(response, "preflight");
            }
            _ => return refuse_method(&request.parts.method),
        }
        match request.target() {
            Ok(target) => self.answer_target(request, target).await,
            Err(error) => {
                let status = match error {
                    RouteError::TooLong => StatusCode::URI_TOO_LONG,
                    RouteError::Clock(_) | RouteError::Offset(_) => StatusCode::BAD_REQUEST,
                    RouteError::Nothing | RouteError::NoClock => StatusCode::NOT_FOUND,
                };
                Reply::sentence(status, &error.to_string())
            }
        }
    }

    async fn answer_target(self: &Arc<Self>, request: &Request, target: Target) -> Reply {
        let (url, by_name) = match self.origin_of(request, target).await {
            Ok(origin) => origin,
            Err(reply) => return *reply,
        };
        let session_us = request.player.session_us;
        let reply = match session_us < 0 {
            true => Reply::sentence(
                StatusCode::NOT_FOUND,
                "the recording has not begun on this clock",
            ),
            false => self.answer_of_origin(request, url, by_name).await,
        };
        reply.at(session_us)
    }

    /// The URL of the origin that is meant, and whether by a name of this replay; what is no URL of the
    /// origin is answered.
    async fn origin_of(
        self: &Arc<Self>,
        request: &Request,
        target: Target,
    ) -> Result<(Url, bool), Box<Reply>> {
        let tells_begin = self.rules().are_relative();
        let parts = &request.parts;
        let answered = match target {
            Target::Origin(url) => return Ok((url, false)),
            Target::Stream { name, offset } => match request.new_clock(offset, tells_begin) {
                Some(clock) => to_clock(parts, clock, name.as_deref(), "stream.m3u8"),
                None => return Ok((self.stream_url(name.as_deref())?, true)),
            },
            Target::Plain { path, .. } if path.what == PlainFile::Dump => {
                self.dump(request, &path).await
            }
            Target::Plain { path, offset } => {
                match offset.map(|offset| request.clock_at(offset, tells_begin)) {
                    Some(clock) => {
                        let file = format!("stream.{}", path.extension);
                        to_clock(parts, clock, path.name.as_deref(), &file)
                    }
                    None => {
                        let stream = self.plain_stream(&path).await?;
                        let url = Url::parse(&stream.url).map_err(|_| self.no_stream())?;
                        return Ok((url, true));
                    }
                }
            }
            Target::Index => self.index(request).await,
            Target::Favicon => favicon(),
            Target::Dvr { name, playlist_id } => {
                self.dvr(request, name.as_deref(), playlist_id).await
            }
            Target::Exchange(id) => self.exchange_body(request, id).await,
        };
        Err(Box::new(answered))
    }

    fn question(&self, request: &Request, url: Url, by_name: bool) -> Question {
        Question {
            url,
            by_name,
            served: request.path().to_owned(),
            prefix: request.prefix(),
            range: request.range,
            moment_us: request.moment_us,
            recording: self.span().recording,
            endlist: self.ends_playlists(request.moment_us),
            gzip: request.gzip,
            shift_us: request.shift_us,
            player: request.player,
        }
    }

    async fn answer_of_origin(
        self: &Arc<Self>,
        request: &Request,
        url: Url,
        by_name: bool,
    ) -> Reply {
        let age = self.ready().age();
        let question = self.question(request, url.clone(), by_name);
        let (looked, laid) = match self.ask(question).await {
            Ok(answered) => answered,
            Err(error) => return Reply::failed(&error),
        };
        let mut left_us = 0;
        let reply = match looked {
            Looked::Whole(whole) if plain::is_part(&whole) => self.play_part(*whole, request).await,
            Looked::Growing(part) => self.play_growing(*part, request),
            Looked::Whole(whole) => {
                let reply = recorded::whole(&whole, request);
                if self.rules().is_empty() {
                    left_us = self.hold(age, *whole, request);
                }
                reply
            }
            Looked::Pieces(pieces) => recorded::pieces(*pieces, request),
            looked => self.nothing(&looked, &url, request.moment_us),
        };
        let reply = reply.holding(left_us);
        match laid.is_nothing() {
            true => reply,
            false => laid.over(reply, &request.parts),
        }
    }

    /// Keeps an answer for those who ask the same next; for how many microseconds it holds.
    fn hold(&self, age: u64, mut whole: Whole, request: &Request) -> i64 {
        let moment_us = request.moment_us;
        let until_us = whole.until_us;
        whole.until_us = until_us.map(|until_us| self.until_the_end_us(moment_us, until_us));
        let held = Arc::new(Held {
            whole,
            made: Default::default(),
        });
        self.ready().put(age, request.path(), moment_us, &held);
        held.whole.left_us(moment_us)
    }

    fn nothing(&self, looked: &Looked, url: &Url, moment_us: i64) -> Reply {
        let not_found = |sentence: &str| Reply::sentence(StatusCode::NOT_FOUND, sentence);
        if let (Looked::NotYet(_) | Looked::Unknown, Some(kept_us)) =
            (looked, self.kept_after_us(moment_us))
        {
            let from = format_time(kept_us);
            let sentence = "no longer kept: the session keeps what is from session time";
            return not_found(&format!("{sentence} {from} on"));
        }
        match looked {
            Looked::NotYet(from_us) => {
                let from = format_time(self.span().session_us(*from_us));
                not_found(&format!("not there yet: it is from session time {from} on"))
            }
            Looked::LeftOut => not_found(&format!(
                "{url} was left out of the recording (--variants, --renditions)"
            )),
            Looked::Pending => {
                let sentence = "it is being recorded at this moment and has not arrived";
                Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
                    .with_field(header::RETRY_AFTER, "1")
            }
            Looked::Behind(size) => Reply::sentence(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "the range begins behind the end",
            )
            .with_field(header::CONTENT_RANGE, &format!("bytes */{size}")),
            Looked::Hole(first) => not_found(&format!(
                "byte {first} of it was never recorded in {}",
                self.called()
            )),
            _ => not_found(&format!("{url} was never recorded in {}", self.called())),
        }
    }

    /// The stream of a name, or the first one.
    pub(super) fn stream(&self, name: Option<&str>) -> Result<StreamInfo, Box<Reply>> {
        let streams = self.streams();
        let stream = match name {
            Some(name) => streams.iter().find(|stream| stream.name == name),
            None => streams.first(),
        };
        stream.cloned().ok_or_else(|| self.no_stream())
    }

    fn no_stream(&self) -> Box<Reply> {
        let streams = self.streams();
        let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
        let sentence = format!(
            "{} has no such stream; it has: {}",
            self.called(),
            names.join(", ")
        );
        Box::new(Reply::sentence(StatusCode::NOT_FOUND, &sentence))
    }

    fn stream_url(&self, name: Option<&str>) -> Result<Url, Box<Reply>> {
        let stream = self.stream(name)?;
        Url::parse(&stream.url).map_err(|_| self.no_stream())
    }

    async fn index(self: &Arc<Self>, request: &Request) -> Reply {
        let moment_us = self.span().moment_us(request.player.session_us.max(0));
        let description = match self.described(moment_us, request.prefix()).await {
            Ok(description) => description,
            Err(error) => return Reply::failed(&error),
        };
        let accepts = request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let query = request.parts.uri.query().unwrap_or_default();
        let wants_json =
            accepts.contains("application/json") || query.split('&').any(|p| p == "format=json");
        let base = base::base_of(&request.parts);
        let description = description.at(&base);
        let (text, media_type) = if wants_json {
            (page::json(&description), "application/json")
        } else {
            let text = page::html(&description, &request.prefix(), &base);
            (text, "text/html; charset=utf-8")
        };
        Reply::new(Response::new(body::full(text)), "index")
            .with_field(header::CONTENT_TYPE, media_type)
            .with_field(header::CACHE_CONTROL, "no-store")
            .with_field(
                header::CONTENT_SECURITY_POLICY,
                page::CONTENT_SECURITY_POLICY,
            )
    }
}

/// RFC 9110 9.1: known and not for what is here, or not known.
fn refuse_method(method: &Method) -> Reply {
    let known = [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::TRACE,
        Method::CONNECT,
    ];
    if !known.contains(method) {
        return Reply::sentence(StatusCode::NOT_IMPLEMENTED, "that method is not known here");
    }
    let mut reply = Reply::sentence(StatusCode::METHOD_NOT_ALLOWED, "a replay can only be read");
    if let Some(response) = &mut reply.response {
        cors::add_allow(response.headers_mut());
    }
    reply
}

fn favicon() -> Reply {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Reply::new(response, "no icon").with_field(header::CACHE_CONTROL, "max-age=86400")
}

/// To a clock of its own.
fn to_clock(request: &Parts, clock: PathClock, name: Option<&str>, file: &str) -> Reply {
    if clock.zero_ms < 0 {
        return Reply::sentence(
            StatusCode::BAD_REQUEST,
            "no recording is as long as that offset",
        );
    }
    let prefix = clock_prefix(Some(clock));
    let name = name.map_or_else(String::new, |name| {
        format!(
            "/{}",
            percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
        )
    });
    let path = format!("{prefix}{name}/{file}");
    Reply::redirect(request, &path, "a clock of its own")
}
