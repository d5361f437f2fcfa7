//! Answers that hold for a while, kept for whoever asks the same next: for them the session is not
//! read, and no thread waits for it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use http::{HeaderMap, Response, StatusCode, header};

use super::body::{self, Piece};
use super::lookup::{Content, Whole, is_broken};
use super::pace::Network;
use super::recorded;
use super::reply::Reply;
use super::request::Request;
use crate::session::{ExchangeId, Outcome};

/// What is kept is at most so many answers …
const MOST_KEPT: usize = 512;
/// … with so many bytes in memory …
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// … and so many open files: what the players of some dozens of channels load now, and loaded before.
pub(super) const MOST_FILES: usize = 128;
/// Turns that are over are thrown away when there are so many.
const MOST_ASKING: usize = 512;
/// What an answer takes without its content, in bytes, at least.
const OVERHEAD: usize = 1024;

/// An answer for a path, on the clock of that path.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) whole: Whole,
    /// The response to whoever asks for nothing special: as it is, and in gzip.
    pub(super) made: [OnceLock<Option<Made>>; 2],
}

impl Held {
    /// The reply that was made before for whoever asks for nothing special.
    pub(super) fn made(&self, request: &Request) -> Option<Reply> {
        let made = &self.made[usize::from(request.gzip)];
        let is_plain = is_plain(request.headers());
        let made = made.get()?.as_ref().filter(|_| is_plain)?;
        Some(made.reply(request.player.session_us))
    }

    /// The reply to a request.
    pub(super) fn reply(&self, request: &Request) -> Reply {
        let session_us = request.player.session_us;
        let made = &self.made[usize::from(request.gzip)];
        // What takes its time is an answer of its own for each.
        let is_shared = is_plain(request.headers()) && request.policy.network == Network::Full;
        let made = match is_shared {
            true => made.get_or_init(|| Made::of(&self.whole, request)).as_ref(),
            false => None,
        };
        match made {
            Some(made) => made.reply(session_us),
            None => recorded::whole(&self.whole, request)
                .at(session_us)
                .dressed(),
        }
    }
}

/// Whether all of it is asked for, whatever the client has.
fn is_plain(request: &HeaderMap) -> bool {
    let conditions = [header::RANGE, header::IF_NONE_MATCH, header::IF_RANGE];
    !conditions.iter().any(|name| request.contains_key(name))
}

/// A response that was made once and is sent again.
#[derive(Debug)]
pub(super) struct Made {
    status: StatusCode,
    fields: HeaderMap,
    piece: Piece,
    what: Cow<'static, str>,
    done: Vec<Cow<'static, str>>,
    exchange: Option<ExchangeId>,
}

impl Made {
    /// `None`: this one is made for each.
    fn of(whole: &Whole, request: &Request) -> Option<Self> {
        let piece = good_piece(whole, request.gzip)?;
        let reply = recorded::whole(whole, request).at(0);
        let reply = reply.dressed();
        let (parts, _) = reply.response?.into_parts();
        Some(Self {
            status: parts.status,
            fields: parts.headers,
            piece,
            what: reply.what,
            done: reply.done,
            exchange: reply.exchange,
        })
    }

    fn reply(&self, session_us: i64) -> Reply {
        let body = match &self.piece {
            Piece::Bytes(bytes) => body::full(bytes.clone()),
            file @ Piece::File { .. } => body::pieces(vec![file.clone()], None),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.fields.clone();
        let mut reply = Reply::new(response, self.what.clone());
        reply.done.clone_from(&self.done);
        reply.exchange = self.exchange;
        reply.at(session_us)
    }
}

/// What is sent of a good body to whoever asks for all of it, and may take it in gzip.
fn good_piece(whole: &Whole, gzip: bool) -> Option<Piece> {
    let exchange = &whole.answer.exchange;
    match &whole.content {
        Content::Playlist(served) => {
            let compressed = served.compressed().flatten().filter(|_| gzip);
            Some(Piece::Bytes(compressed.unwrap_or(&served.bytes).clone()))
        }
        Content::Plain(piece) if exchange.status == Some(200) && !is_broken(exchange) => {
            (exchange.outcome != Outcome::Disk).then(|| piece.clone())
        }
        _ => None,
    }
}

/// Answers that were given last, by path and query.
#[derive(Debug, Default)]
pub(super) struct Ready(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Box<str>, One>,
    /// For what is asked of the session now.
    asking: HashMap<Box<str>, Weak<Turn>>,
    /// How often something was asked for.
    turns: u64,
    /// How often all was forgotten.
    age: u64,
}

/// What is known for a path at a moment.
pub(super) enum Known {
    /// An answer that holds.
    Holds,
    /// No answer that holds. Who can take the turn asks the session; who cannot waits until it is
    /// over, all of them at once, and looks again.
    Nothing(Arc<Turn>),
}

/// Whose turn it is to ask the session for a path.
pub(super) type Turn = tokio::sync::RwLock<()>;

#[derive(Debug)]
struct One {
    /// From when until when it is the answer, in microseconds of Unix time.
    from_us: i64,
    until_us: i64,
    held: Arc<Held>,
    used: u64,
}

impl One {
    fn bytes(&self) -> usize {
        let content = match &self.held.whole.content {
            Content::Playlist(served) => served.size(),
            Content::Plain(Piece::Bytes(bytes)) => bytes.len(),
            _ => 0,
        };
        content + OVERHEAD
    }

    fn files(&self) -> usize {
        usize::from(matches!(
            self.held.whole.content,
            Content::Plain(Piece::File { .. })
        ))
    }
}

impl Ready {
    /// The answer for a path at a moment of the recording (microseconds of Unix time).
    pub(super) fn get(&self, path: &str, moment_us: i64) -> Option<Arc<Held>> {
        self.kept().get(path, moment_us)
    }

    /// The same, or how there will be one.
    pub(super) fn look(&self, path: &str, moment_us: i64) -> Known {
        let mut kept = self.kept();
        match kept.get(path, moment_us) {
            Some(_) => Known::Holds,
            None => Known::Nothing(kept.turn(path)),
        }
    }

    /// To be given to [`Self::put`] with what is read from now on.
    pub(super) fn age(&self) -> u64 {
        self.kept().age
    }

    /// Keeps what was the answer for a path at a moment, until it is not.
    pub(super) fn put(&self, age: u64, path: &str, moment_us: i64, held: &Arc<Held>) {
        let Some(until_us) = held.whole.until_us.filter(|until_us| *until_us > moment_us) else {
            return;
        };
        let mut kept = self.kept();
        if kept.age != age {
            return;
        }
        let one = One {
            from_us: moment_us,
            until_us,
            held: Arc::clone(held),
            used: kept.turns,
        };
        kept.answers.insert(path.into(), one);
        kept.shrink();
    }

    /// The session has changed.
    pub(super) fn forget(&self) {
        let mut kept = self.kept();
        kept.answers.clear();
        kept.age += 1;
    }

    /// Nothing in here panics.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&mut self, path: &str, moment_us: i64) -> Option<Arc<Held>> {
        self.turns += 1;
        let one = self.answers.get_mut(path)?;
        if !(one.from_us..one.until_us).contains(&moment_us) {
            return None;
        }
        one.used = self.turns;
        Some(Arc::clone(&one.held))
    }

    fn turn(&mut self, path: &str) -> Arc<Turn> {
        if let Some(turn) = self.asking.get(path).and_then(Weak::upgrade) {
            return turn;
        }
        if self.asking.len() >= MOST_ASKING {
            // Those that are over; there are no more others than requests under way.
            self.asking.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        self.asking.insert(path.into(), Arc::downgrade(&turn));
        turn
    }

    /// Those that were not asked for for longest go.
    fn shrink(&mut self) {
        loop {
            // A path is as long as a client likes, up to what a head may have.
            let kept = self.answers.iter();
            let bytes: usize = kept.map(|(path, one)| path.len() + one.bytes()).sum();
            let files: usize = self.answers.values().map(One::files).sum();
            let fits = bytes <= MOST_BYTES && files <= MOST_FILES;
            if fits && self.answers.len() <= MOST_KEPT {
                return;
            }
            let may_go = |one: &One| files <= MOST_FILES || one.files() > 0;
            let candidates = self.answers.iter().filter(|(_, one)| may_go(one));
            let oldest = candidates.min_by_key(|(_, one)| one.used);
            let Some(path) = oldest.map(|(path, _)| path.clone()) else {
                return;
            };
            self.answers.remove(&path);
        }
    }
}
