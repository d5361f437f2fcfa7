//! From a request to a response: an answer that still holds, or what the session has.
//!
//! | file | is |
//! | --- | --- |
//! | `dvr` | DVR playlists |
//! | `held` | requests that wait for what comes next in a playlist |
//! | `index` | the page, and what there is to play |
//! | `page` | files of the page, and the JSON that it is drawn of |
//! | `exchange_body` | bodies that DVR playlists refer to |

mod dvr;
mod exchange_body;
mod held;
mod index;
mod page;

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use url::Url;

use self::held::{Announced, Hold};
use self::index::favicon;
use crate::clock;
use crate::replayer::cache::answer_cache::{Answered, CacheResult, Entry, Generation};
use crate::replayer::cache::cached_answer::CachedAnswer;
use crate::replayer::content::found::{Content, LookupResult, Whole};
use crate::replayer::content::question::{Question, Skip};
use crate::replayer::header::{cors, shared_caches};
use crate::replayer::memory::text::Text;
use crate::replayer::replay::Replay;
use crate::replayer::request::Request;
use crate::replayer::request::paths::clock_prefix;
use crate::replayer::request::raw_path::RawFile;
use crate::replayer::request::route::{PathClock, RouteError, Target, misspelt_offset};
use crate::replayer::request::timeline::format_time;
use crate::replayer::response::recorded;
use crate::replayer::response::reply::Reply;
use crate::replayer::{body, raw};

/// What answers requests: a session, or an archive.
pub trait Responds: Send + Sync + 'static {
    /// A request that came in now, with the moment that it means.
    fn receive(&self, parts: Parts) -> Request;

    /// The response to a request that was made before and still holds, where it is there without any work.
    fn respond_at_once(&self, request: &Request) -> Option<Reply>;

    /// Answers a request. Never fails: what goes wrong is a response, too.
    fn respond(self: &Arc<Self>, request: &Request) -> impl Future<Output = Reply> + Send;
}

impl Responds for Replay {
    fn receive(&self, parts: Parts) -> Request {
        Self::receive(self, parts)
    }

    fn respond_at_once(&self, request: &Request) -> Option<Reply> {
        Self::respond_at_once(self, request)
    }

    fn respond(self: &Arc<Self>, request: &Request) -> impl Future<Output = Reply> + Send {
        Self::respond(self, request)
    }
}

/// The path that a client asked for, where it is answered under another one; in the extensions of a request.
#[derive(Debug, Clone)]
pub struct AskedPath(pub String);

impl Replay {
    /// The response to a request that was made before and still holds, where it is there without any work.
    pub fn respond_at_once(&self, request: &Request) -> Option<Reply> {
        if request.parts.method != Method::GET || !self.rules().is_empty() {
            return None;
        }
        let (generation, moment_us) = (self.known_generation()?, request.moment_us);
        let answer = self.answers().get(request.path(), generation, moment_us)?;
        let reply = self.for_caches(answer.reply_at_once(request)?);
        Some(reply.for_page(self.cors(), request.headers()))
    }

    /// Answers a request. Never fails: what goes wrong is a response, too.
    pub async fn respond(self: &Arc<Self>, request: &Request) -> Reply {
        let began = clock::instant();
        let reply = match self.hold(request).await {
            Ok(Hold::None) => self.respond_now(request).await,
            Ok(Hold::Until(request)) => {
                let held = clock::instant().saturating_duration_since(began);
                self.respond_now(&request).await.held_for(held)
            }
            Ok(Hold::Over(reply)) => reply.with_common_headers(),
            Err(error) => Reply::failed(&error).with_common_headers(),
        };
        let mut reply = self
            .for_caches(reply)
            .for_page(self.cors(), request.headers());
        if let (Some(response), &Method::HEAD) = (&mut reply.response, &request.parts.method) {
            *response.body_mut() = body::empty();
        }
        reply
    }

    /// Answers a request that is held no longer.
    async fn respond_now(self: &Arc<Self>, request: &Request) -> Reply {
        match self.generation().await {
            Ok(generation) => self.respond_as_of(request, generation).await,
            Err(error) => Reply::failed(&error).with_common_headers(),
        }
    }

    /// A cached answer that holds, or what the session has.
    async fn respond_as_of(self: &Arc<Self>, request: &Request, generation: Generation) -> Reply {
        let (path, moment_us) = (request.path(), request.moment_us);
        // Injected faults differ from request to request.
        if !request.is_read() || request.fault.is_some() || !self.rules().is_empty() {
            return self
                .answer(request, generation)
                .await
                .reply
                .with_common_headers();
        }
        let (answered, loading) = match self.answers().wait(path, generation, moment_us).await {
            CacheResult::Hit(answer) => return reply_from_cache(answer, request).await,
            CacheResult::Uncacheable => (self.answer(request, generation).await, None),
            CacheResult::Miss(loading) => (self.answer(request, generation).await, Some(loading)),
        };
        match (loading, answered.entry) {
            (Some(loading), entry) => loading.fill(entry, generation, moment_us),
            (None, Some(entry)) => self.answers().put(path, entry),
            (None, None) => {}
        }
        answered.reply.with_common_headers()
    }

    /// Tells caches in front of several replayers for how long an answer of the session holds.
    fn for_caches(&self, mut reply: Reply) -> Reply {
        let lifetime = reply.lifetime().filter(|_| self.is_shared());
        if let (Some(response), Some(lifetime)) = (&mut reply.response, lifetime) {
            shared_caches::set_lifetime(response.headers_mut(), lifetime);
        }
        reply
    }

    async fn answer(self: &Arc<Self>, request: &Request, generation: Generation) -> Answered {
        match request.parts.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                let mut response = Response::new(body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                let fields = response.headers_mut();
                self.cors().add_preflight(fields, request.headers());
                return Reply::new(response, "preflight").into();
            }
            _ => return refuse_method(&request.parts.method).into(),
        }
        match request.target() {
            Ok(target) => self.answer_target(request, target, generation).await,
            Err(error) => {
                let status = match error {
                    RouteError::TooLong => StatusCode::URI_TOO_LONG,
                    RouteError::Clock(_) | RouteError::Offset(_) => StatusCode::BAD_REQUEST,
                    RouteError::Nothing | RouteError::ClockNotAllowed => StatusCode::NOT_FOUND,
                };
                Reply::sentence(status, &error.to_string()).into()
            }
        }
    }

    async fn answer_target(
        self: &Arc<Self>,
        request: &Request,
        target: Target,
        generation: Generation,
    ) -> Answered {
        let (url, by_name) = match self.origin_of(request, target, generation).await {
            Ok(origin) => origin,
            Err(answered) => return *answered,
        };
        let session_us = request.player.session_us;
        let mut answered = match session_us < 0 {
            true => Reply::sentence(
                StatusCode::NOT_FOUND,
                "the recording has not begun on this clock",
            )
            .into(),
            false => {
                self.answer_of_origin(request, (url, by_name), generation)
                    .await
            }
        };
        // What was held says until when.
        if answered.reply.session_us.is_none() {
            answered.reply = answered.reply.at_session_time(session_us);
        }
        answered
    }

    /// The URL of the origin that a target means, and whether it is under a name of this replay. Other targets are
    /// answered here.
    async fn origin_of(
        self: &Arc<Self>,
        request: &Request,
        target: Target,
        generation: Generation,
    ) -> Result<(Url, bool), Box<Answered>> {
        let tells_begin = self.rules().are_relative();
        let parts = &request.parts;
        if matches!(target, Target::Stream { .. } | Target::Raw { .. })
            && let Some(reply) = self.slip_of(request).await
        {
            return Err(Box::new(reply.into()));
        }
        if let Target::Stream { offset, .. } | Target::Raw { offset, .. } = &target
            && let Some(reply) = offset.and_then(|offset| self.nothing_at(offset))
        {
            return Err(Box::new(reply.into()));
        }
        let answered = match target {
            Target::Origin(url) => return Ok((url, false)),
            Target::Stream { name, offset } => match request.new_clock(offset, tells_begin) {
                Some(clock) => to_clock(parts, clock, name.as_deref(), "stream.m3u8"),
                None => match self.stream_url(name.as_deref()) {
                    Ok(url) => return Ok((url, true)),
                    Err(reply) => *reply,
                },
            },
            Target::Raw { path, .. } if path.what == RawFile::Dump => {
                self.dump(request, &path).await
            }
            Target::Raw { path, offset } => {
                match offset.map(|offset| request.clock_at(offset, tells_begin)) {
                    Some(clock) => {
                        let file = format!("stream.{}", path.extension);
                        to_clock(parts, clock, path.name.as_deref(), &file)
                    }
                    None => match self.raw_url(&path).await {
                        Ok(url) => return Ok((url, true)),
                        Err(reply) => *reply,
                    },
                }
            }
            Target::Index => self.index(request).await,
            Target::Favicon => favicon(),
            Target::Dvr { name, playlist_id } => {
                let which = (name.as_deref(), playlist_id);
                return Err(Box::new(self.dvr(request, which, generation).await));
            }
            Target::Exchange(id) => self.exchange_body(request, id).await,
            Target::Page(path, query) => self.page(request, &path, &query).await.private(),
        };
        Err(Box::new(answered.into()))
    }

    /// A request with a parameter that is none of this replay and of no URL that was recorded, but all but spells one.
    async fn slip_of(self: &Arc<Self>, request: &Request) -> Option<Reply> {
        let query = request.parts.uri.query()?;
        let name = misspelt_offset(query)?.to_owned();
        let streams = self.streams();
        let parameter = name.clone();
        let recorded = self.read(move |reader| {
            let playlists = reader.media_playlists()?;
            let urls = playlists.iter().map(|one| one.url.as_str());
            let mut urls = urls.chain(streams.iter().map(|one| one.url.as_str()));
            Ok(urls.any(|url| has_parameter(url, &parameter)))
        });
        match recorded.await {
            Ok(true) => None,
            Ok(false) => Some(Reply::sentence(
                StatusCode::BAD_REQUEST,
                &format!("{name:?} is no parameter here; did you mean offset=…?"),
            )),
            Err(error) => Some(Reply::failed(&error)),
        }
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
            skip: request.parts.uri.query().and_then(Skip::read),
            endlist: self.ends_playlists(request.moment_us),
            shift_us: request.shift_us,
            player: request.player,
            faults: request.policy.faults,
            met_us: request.met_us,
            grows: request.grows,
            fault: request.fault,
        }
    }

    /// What the session has for a URL of the origin; `by_name`: it was asked for under a name of this replay.
    async fn answer_of_origin(
        self: &Arc<Self>,
        request: &Request,
        (url, by_name): (Url, bool),
        generation: Generation,
    ) -> Answered {
        let question = self.question(request, url.clone(), by_name);
        let (looked, faults, generation) = match self.ask(question, generation).await {
            Ok(answered) => answered,
            Err(error) => return Reply::failed(&error).into(),
        };
        let began = clock::instant();
        match self.hold_announced(request, &url, &looked).await {
            Ok(Announced::None) => {}
            Ok(Announced::Over(reply)) => return (*reply).into(),
            Ok(Announced::At(later, moment)) => {
                let held = moment.saturating_duration_since(began);
                let origin = (url, by_name);
                let mut answered = self
                    .answer_announced(&later, moment, origin, generation)
                    .await;
                // What was held again says until when.
                if answered.reply.session_us.is_none() {
                    let session_us = later.player.session_us;
                    answered.reply = answered.reply.at_session_time(session_us);
                }
                answered.reply = answered.reply.held_for(held);
                return answered;
            }
            Err(error) => return Reply::failed(&error).into(),
        }
        let (mut left_us, mut entry) = (0, None);
        let reply = match looked {
            LookupResult::Whole(whole) if raw::is_part(&whole) => {
                self.play_part(*whole, request).await
            }
            LookupResult::Growing(part) => self.play_growing(*part, request),
            LookupResult::Whole(whole) => {
                if let Content::Playlist(served) = &whole.content {
                    compress(Some(&served.text).filter(|_| request.gzip)).await;
                }
                let reply = recorded::whole(&whole, request);
                if self.rules().is_empty() {
                    (left_us, entry) = self.entry(generation, whole, request);
                }
                reply
            }
            LookupResult::Pieces(pieces) => recorded::pieces(*pieces, request),
            looked => self.no_answer(&looked, &url, request.moment_us),
        };
        let reply = reply.holding_for(left_us);
        let reply = match faults.is_nothing() {
            true => reply,
            false => faults.apply_to(reply, &request.parts),
        };
        Answered { reply, entry }
    }

    /// How many microseconds an answer holds, and its entry for the cache.
    fn entry(
        &self,
        generation: Generation,
        mut whole: Box<Whole>,
        request: &Request,
    ) -> (i64, Option<Entry>) {
        let moment_us = request.moment_us;
        let until_us = whole.until_us;
        whole.until_us = until_us.map(|until_us| self.until_the_end_us(moment_us, until_us));
        let left_us = whole.left_us(moment_us);
        let is_there = !matches!(whole.content, Content::NoRoom);
        let until_us = whole.until_us.filter(|us| *us > moment_us && is_there);
        let entry = until_us.map(|until_us| {
            Entry::new(
                generation,
                (moment_us, until_us),
                CachedAnswer::recorded(whole),
            )
        });
        (left_us, entry)
    }

    fn no_answer(&self, looked: &LookupResult, url: &Url, moment_us: i64) -> Reply {
        let not_found = |sentence: &str| Reply::sentence(StatusCode::NOT_FOUND, sentence);
        if let (LookupResult::NotYet(_) | LookupResult::Unknown, Some(kept_us)) =
            (looked, self.kept_after_us(moment_us))
        {
            let from = format_time(kept_us);
            let sentence = "no longer kept: the session keeps what is from session time";
            return not_found(&format!("{sentence} {from} on"));
        }
        match looked {
            LookupResult::NotYet(from_us) => {
                let from = format_time(self.span().session_us(*from_us));
                not_found(&format!("not there yet: it is from session time {from} on"))
            }
            LookupResult::LeftOut => not_found(&format!(
                "{url} was left out of the recording (--variants, --renditions)"
            )),
            LookupResult::NotKept(why) => not_found(&format!("{url} was not kept: {why}")),
            LookupResult::Pending => {
                let sentence = "it is being recorded at this moment and has not arrived";
                Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
                    .with_field(header::RETRY_AFTER, "1")
            }
            LookupResult::Behind(size) => Reply::sentence(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "the range begins behind the end",
            )
            .with_field(header::CONTENT_RANGE, &format!("bytes */{size}")),
            LookupResult::NotFromHere(why) => Reply::sentence(StatusCode::NOT_IMPLEMENTED, why),
            LookupResult::Hole(first) => not_found(&format!(
                "byte {first} of it was never recorded in {}",
                self.name_in_answers()
            )),
            _ => not_found(&format!(
                "{url} was never recorded in {}",
                self.name_in_answers()
            )),
        }
    }
}

fn has_parameter(url: &str, name: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut names = query.split('&').map(|one| one.split('=').next());
    names.any(|one| one == Some(name))
}

/// An answer that was given before, to another request.
async fn reply_from_cache(answer: Arc<CachedAnswer>, request: &Request) -> Reply {
    compress(answer.to_compress(request)).await;
    answer.reply(request)
}

/// Compresses a text, where there is one and it is not. It takes no reader of the session, which are few.
async fn compress(text: Option<&Text>) {
    if let Some(text) = text.filter(|text| !text.is_compressed()).cloned() {
        // Where that cannot be waited for, the text is sent as it is.
        let _ = tokio::task::spawn_blocking(move || text.compress()).await;
    }
}

/// RFC 9110 9.1: 405 for known methods, 501 for unknown ones.
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

/// A redirect to a clock of its own.
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
