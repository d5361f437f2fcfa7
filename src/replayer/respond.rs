//! From a request to a response. The HTTP status of everything is decided here.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use http::request::Parts as Request;
use http::{Method, Response, StatusCode};
use url::Url;

use super::again::path_of_request;
use super::base;
use super::body;
use super::cors;
use super::headers;
use super::inject::facts::Player;
use super::lookup::{Looked, Question};
use super::page;
use super::plain::{self, path::PlainFile};
use super::range::{self, RangeSpec};
use super::recorded::{self, Asked};
use super::replay::Replay;
use super::reply::Reply;
use super::route::{PathClock, Route, RouteError, Target, clock_prefix, route};
use super::timeline::{clock_ms, format_time, session_us};
use crate::session::{ReadError, StreamInfo};

/// The clock of a request.
struct Clocked {
    /// As a path prefix.
    prefix: String,
    player: Player,
    /// By how many microseconds dates are moved on it.
    shift_us: i64,
}

/// The times of a request.
struct Times {
    /// In microseconds of Unix time.
    now_us: i64,
    /// ZERO of its clock, in microseconds of Unix time.
    zero_us: i64,
    player: Player,
    /// A rule counts from when a player began, and its path does not say when that was.
    is_new_player: bool,
    /// The clock, as a path prefix.
    prefix: String,
}

impl Times {
    /// A clock on which it is `offset` now.
    fn at(&self, offset: Duration) -> PathClock {
        let began_ms = i64::try_from(offset.as_millis()).unwrap_or(i64::MAX);
        PathClock {
            zero_ms: clock_ms(self.now_us, offset),
            began_ms: self.is_new_player.then_some(began_ms),
        }
    }

    /// The clock that a stream redirects to: one of its own is asked for, or needed.
    fn new_clock(&self, offset: Option<Duration>) -> Option<PathClock> {
        let session_us = self.player.session_us;
        match offset {
            Some(offset) => Some(self.at(offset)),
            None if self.is_new_player && session_us >= 0 => Some(PathClock {
                zero_ms: self.zero_us.div_euclid(1000),
                began_ms: Some(session_us / 1000),
            }),
            None => None,
        }
    }
}

impl Replay {
    pub(super) async fn answer(self: &Arc<Self>, request: &Request) -> Reply {
        match request.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                let mut response = Response::new(body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                let fields = response.headers_mut();
                self.cors().add_preflight(fields, &request.headers);
                return Reply::new(response, "preflight");
            }
            _ => return refuse_method(&request.method),
        }
        let path = path_of_request(request);
        match route(path) {
            Ok(route) => self.answer_route(request, path, route).await,
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

    async fn answer_route(self: &Arc<Self>, request: &Request, path: &str, route: Route) -> Reply {
        let times = self.times(route.clock);
        let (url, follow) = match self.origin_of(request, route, &times).await {
            Ok(origin) => origin,
            Err(reply) => return *reply,
        };
        let session_us = times.player.session_us;
        let reply = if session_us < 0 {
            Reply::sentence(
                StatusCode::NOT_FOUND,
                "the recording has not begun on this clock",
            )
        } else {
            let clock = Clocked {
                prefix: times.prefix,
                player: times.player,
                shift_us: self.shift_us(times.zero_us),
            };
            let question = self.question(request, path, clock, (url, follow));
            self.answer_question(request, question).await
        };
        reply.at(session_us)
    }

    /// What time it is on the clock of a path.
    fn times(&self, clock: Option<PathClock>) -> Times {
        let now_us = self.now_us();
        let zero_us = clock.map_or(self.clock_us(), |clock| clock.zero_ms.saturating_mul(1000));
        let began_us = match clock {
            None => self.offset_us(),
            Some(clock) => clock.began_ms.unwrap_or(0).saturating_mul(1000),
        };
        let has_begun = clock.is_some_and(|clock| clock.began_ms.is_some());
        Times {
            now_us,
            zero_us,
            player: Player {
                session_us: session_us(now_us, zero_us),
                began_us,
            },
            is_new_player: !has_begun && self.rules().are_relative(),
            prefix: clock_prefix(clock),
        }
    }

    /// The URL of the origin that is meant, and whether its redirects are followed inside; what
    /// is no URL of the origin is answered.
    async fn origin_of(
        self: &Arc<Self>,
        request: &Request,
        route: Route,
        times: &Times,
    ) -> Result<(Url, bool), Box<Reply>> {
        let answered = match route.target {
            Target::Origin(url) => return Ok((url, false)),
            Target::Stream { name, offset } => match times.new_clock(offset) {
                Some(clock) => to_clock(request, clock, name.as_deref(), "stream.m3u8"),
                None => return Ok((self.stream_url(name.as_deref())?, true)),
            },
            Target::Plain { path, .. } if path.what == PlainFile::Dump => {
                self.dump(request, &path).await
            }
            Target::Plain { path, offset } => match offset.map(|offset| times.at(offset)) {
                Some(clock) => {
                    let file = format!("stream.{}", path.extension);
                    to_clock(request, clock, path.name.as_deref(), &file)
                }
                None => {
                    let stream = self.plain_stream(&path).await?;
                    let url = Url::parse(&stream.url).map_err(|_| self.no_stream())?;
                    return Ok((url, true));
                }
            },
            Target::Index => {
                let prefix = times.prefix.clone();
                self.index(request, times.player.session_us, prefix).await
            }
            Target::Favicon => favicon(),
            Target::Dvr { name, playlist_id } => {
                self.dvr(request, name.as_deref(), playlist_id).await
            }
            Target::Exchange(id) => self.exchange_body(request, id).await,
        };
        Err(Box::new(answered))
    }

    fn question(
        &self,
        request: &Request,
        path: &str,
        clock: Clocked,
        (url, follow): (Url, bool),
    ) -> Question {
        let span = self.span();
        let moment_us = span.moment_us(clock.player.session_us);
        Question {
            url,
            follow,
            served: path.to_owned(),
            prefix: clock.prefix,
            range: asked_range(request),
            moment_us,
            recording: span.recording,
            endlist: self.ends_playlists(moment_us),
            // Rules count the bytes of a playlist as it is.
            gzip: self.rules().is_empty() && headers::takes_gzip(&request.headers),
            shift_us: clock.shift_us,
            player: clock.player,
            is_shared: self.is_shared(),
        }
    }

    async fn answer_question(self: &Arc<Self>, request: &Request, question: Question) -> Reply {
        let (prefix, served) = (question.prefix.clone(), question.served.clone());
        let asked = Asked {
            request,
            shift_us: question.shift_us,
            range: question.range,
            prefix: &prefix,
            passing: question.is_passing(),
            faults: self.faults(),
            network: self.network(),
            gzip: question.gzip,
            tags: self.is_shared(),
        };
        let (url, moment_us) = (question.url.clone(), question.moment_us);
        let age = self.ready().age();
        let (looked, laid) = match self.ask(question).await {
            Ok(answered) => answered,
            Err(error) => return failed(&error),
        };
        let mut left_us = 0;
        let reply = match looked {
            Looked::Whole(whole) if plain::is_part(&whole) => {
                self.play_part(*whole, moment_us, &asked).await
            }
            Looked::Growing(part) => self.play_growing(*part, moment_us, &asked),
            Looked::Whole(whole) => {
                let reply = recorded::whole(&whole, &asked);
                if self.holds() {
                    left_us = self.hold(age, &served, moment_us, *whole, &asked);
                }
                reply
            }
            Looked::Pieces(pieces) => recorded::pieces(*pieces, &asked),
            looked => self.nothing(&looked, &url, moment_us),
        };
        let reply = reply.holding(left_us);
        match laid.is_nothing() {
            true => reply,
            false => laid.over(reply, request),
        }
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

    async fn index(self: &Arc<Self>, request: &Request, session_us: i64, prefix: String) -> Reply {
        let moment_us = self.span().moment_us(session_us.max(0));
        let description = match self.described(moment_us, prefix.clone()).await {
            Ok(description) => description,
            Err(error) => return failed(&error),
        };
        let accepts = request
            .headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let query = request.uri.query().unwrap_or_default();
        let wants_json =
            accepts.contains("application/json") || query.split('&').any(|p| p == "format=json");
        let base = base::base_of(request);
        let description = description.at(&base);
        let (text, media_type) = if wants_json {
            (page::json(&description), "application/json")
        } else {
            let text = page::html(&description, &prefix, &base);
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

/// RFC 9110 14.2: defined for GET only, and there is one.
pub(super) fn asked_range(request: &Request) -> Option<RangeSpec> {
    let mut fields = request.headers.get_all(header::RANGE).iter();
    match (fields.next(), fields.next()) {
        (Some(only), None) if request.method == Method::GET => range::parse(only.as_bytes()),
        _ => None,
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
fn to_clock(request: &Request, clock: PathClock, name: Option<&str>, file: &str) -> Reply {
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
    redirect(request, &path, "a clock of its own")
}

/// A redirect of the replayer's own, to another path of it.
pub(super) fn redirect(request: &Request, path: &str, what: &str) -> Reply {
    let location = base::reference(request, path);
    let reply = Reply::sentence(StatusCode::FOUND, &location);
    let mut reply = reply.with_field(header::LOCATION, &location);
    reply.what = what.to_owned().into();
    reply
}

pub(super) fn failed(error: &ReadError) -> Reply {
    tracing::error!("{error}");
    let sentence = match error {
        // It names a path inside the session.
        ReadError::Io(error) => format!("the session is damaged: {error}"),
        _ => "the session cannot be read; the replayer's log says why".to_owned(),
    };
    Reply::sentence(StatusCode::INTERNAL_SERVER_ERROR, &sentence)
}
