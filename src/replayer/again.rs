//! Requests whose answer was given before: what still holds is given again, and one asks the
//! session for all that wait for the next.

use std::sync::Arc;

use http::Method;
use http::request::Parts as Request;

use super::body;
use super::headers;
use super::lookup::{Content, Whole};
use super::ready::{Held, Known, Turn};
use super::recorded::Asked;
use super::replay::Replay;
use super::reply::Reply;
use super::respond::asked_range;
use super::route::split_clock;
use super::shared_caches;
use super::timeline::session_us;

impl Replay {
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
            None => self.answer(request).await.dressed(),
        };
        let reply = self.for_caches(reply);
        let mut reply = reply.for_page(self.cors(), &request.headers);
        if let (Some(response), &Method::HEAD) = (&mut reply.response, &request.method) {
            *response.body_mut() = body::empty();
        }
        reply
    }

    /// Whose turn it is to ask the session for what others may ask for, too.
    fn turn(&self, request: &Request) -> Option<Arc<Turn>> {
        if !self.holds() || self.span().recording {
            return None;
        }
        let (_, moment_us) = self.times_of(request)?;
        match self.ready().look(path_of_request(request), moment_us) {
            Known::Nothing(turn) => Some(turn),
            Known::Holds => None,
        }
    }

    /// Whether answers are the same for all who ask.
    pub(super) fn holds(&self) -> bool {
        self.rules().is_empty()
    }

    /// The answer to a request for nothing special that was made before and still holds.
    pub(super) fn respond_at_once(&self, request: &Request) -> Option<Reply> {
        let get = request.method == Method::GET;
        let path = Some(path_of_request(request)).filter(|_| get)?;
        let held = self.held_at_once(request, path);
        let reply = held.or_else(|| self.dvr_at_once(request, path))?;
        Some(reply.for_page(self.cors(), &request.headers))
    }

    fn held_at_once(&self, request: &Request, path: &str) -> Option<Reply> {
        let (session_us, moment_us) = self.times_of(request)?;
        let held = self.ready().get(path, moment_us)?;
        let reply = held.made(&request.headers, session_us)?;
        Some(self.for_caches(reply.holding(held.whole.left_us(moment_us))))
    }

    /// The session time of a request, and the moment of the recording that it means, in microseconds.
    fn times_of(&self, request: &Request) -> Option<(i64, i64)> {
        let (clock, _) = split_clock(path_of_request(request)).ok()?;
        let zero_us = clock.map_or(self.clock_us(), |clock| clock.zero_ms.saturating_mul(1000));
        let session_us = session_us(self.now_us(), zero_us);
        let is_read = [Method::GET, Method::HEAD].contains(&request.method);
        is_read.then(|| (session_us, self.span().moment_us(session_us)))
    }

    /// What was answered for this path before and still holds.
    fn answer_again(&self, request: &Request) -> Option<Reply> {
        let (session_us, moment_us) = self.times_of(request)?;
        let held = self.ready().get(path_of_request(request), moment_us)?;
        let gzip = headers::takes_gzip(&request.headers);
        if gzip
            && let Content::Playlist(served) = &held.whole.content
            && served.compressed().is_none()
        {
            return None;
        }
        let asked = Asked {
            request,
            shift_us: held.shift_us,
            range: asked_range(request),
            prefix: &held.prefix,
            passing: held.passing,
            faults: self.faults(),
            network: self.network(),
            gzip,
            tags: self.is_shared(),
        };
        let left_us = held.whole.left_us(moment_us);
        Some(held.reply(&asked, session_us).holding(left_us))
    }

    /// Tells caches in front of several replayers for how long an answer of the session holds.
    fn for_caches(&self, mut reply: Reply) -> Reply {
        let lifetime = reply.lifetime().filter(|_| self.is_shared());
        if let (Some(response), Some(lifetime)) = (&mut reply.response, lifetime) {
            shared_caches::tell(response.headers_mut(), lifetime);
        }
        reply
    }

    /// Keeps an answer for those who ask the same next; for how many microseconds it holds.
    pub(super) fn hold(
        &self,
        age: u64,
        path: &str,
        moment_us: i64,
        mut whole: Whole,
        asked: &Asked<'_>,
    ) -> i64 {
        let until_us = whole.until_us;
        whole.until_us = until_us.map(|until_us| self.until_the_end_us(moment_us, until_us));
        let held = Arc::new(Held {
            whole,
            prefix: asked.prefix.to_owned(),
            passing: asked.passing,
            shift_us: asked.shift_us,
            made: Default::default(),
        });
        self.ready().put(age, path, moment_us, &held);
        held.whole.left_us(moment_us)
    }
}

/// Path and query.
pub(super) fn path_of_request(request: &Request) -> &str {
    request.uri.path_and_query().map_or("/", |p| p.as_str())
}
