//! A session that is being replayed, and how.
//!
//! | file | is |
//! | --- | --- |
//! | `ask` | asks the session, and waits for what is being recorded and for memory |
//! | `blocked` | what becomes of requests that wait for the same in a playlist |
//! | `watch` | follows a session that is being recorded, until its end |
//! | `state` | where the session lies in time, whether it grows |
//! | `commits` | how often the recorder has committed |
//! | `streams` | streams by name |
//! | `to_come` | what playlists announce and is not recorded yet |
//! | `description` | what there is to play |
//! | `page_state` | what is held for pages |
//! | `shown` | what the page shows of it, and what that takes |
//! | `idle_rules` | rules of `--inject` that match nothing |
//! | `offsets` | offsets at which there is nothing |

mod ask;
pub(super) mod blocked;
mod commits;
mod description;
mod idle_rules;
mod offsets;
pub(super) mod page_state;
mod shown;
pub(super) mod state;
mod streams;
mod to_come;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::request::Parts;

use self::blocked::BlockedRequests;
use self::commits::Commits;
use self::page_state::PageState;
use self::state::{SessionState, read_state};
use self::to_come::Announcements;
use crate::clock;
use crate::clock::Clock;
use crate::replayer::body::pace::Network;
use crate::replayer::cache::answer_cache::{AnswerCache, Generation};
use crate::replayer::content::bodies::Bodies;
use crate::replayer::content::pool::Pool;
use crate::replayer::dvr::growing::GrowingPlaylist;
use crate::replayer::dvr::playlist_cache::PlaylistCache;
use crate::replayer::dvr::raw::playlist::RawPlaylist;
use crate::replayer::header::cors::Cors;
use crate::replayer::inject::Rules;
use crate::replayer::request::server_clock::ServerClock;
use crate::replayer::request::timeline::{AtEnd, Dates, Span};
use crate::replayer::request::{Policy, Request};
#[cfg(feature = "archive")]
use crate::session::Reader;
use crate::session::source::OpenVolume;
use crate::session::{Faults, ReadError, SessionFolder, StreamInfo};

/// How long a request waits for a listed resource, and for memory.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Texts and answers of one volume take so many bytes of memory each: several are open at a time.
#[cfg(feature = "archive")]
const MOST_OF_VOLUME: u64 = 4 * 1024 * 1024;

/// How to replay.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Session time at which the server's own clock starts.
    pub offset: Duration,
    /// When session time 0 is on the server's own clock, in microseconds of Unix time, for all
    /// that replay copies of this session; `None`: the clock starts with the server.
    pub zero_us: Option<i64>,
    /// What happens after the end.
    pub at_end: AtEnd,
    /// Whether faults are answers.
    pub faults: Faults,
    /// How early a resource that is not a playlist is given.
    pub early: Duration,
    /// What dates are.
    pub dates: Dates,
    /// How fast answers come.
    pub network: Network,
    /// Faults on top of the recorded ones.
    pub inject: Rules,
    /// Origins whose pages may send credentials.
    pub cors: Cors,
    /// The file of hls.js, for the page.
    pub hls_js: Option<PathBuf>,
}

/// A session that is being replayed.
#[derive(Debug)]
pub struct Replay {
    name: String,
    folder: SessionFolder,
    page: PageState,
    clock: ServerClock,
    at_end: AtEnd,
    policy: Policy,
    early_us: i64,
    rules: Rules,
    cors: Cors,
    state: RwLock<SessionState>,
    bodies: Arc<Bodies>,
    commits: Commits,
    announcements: Announcements,
    blocked: BlockedRequests,
    answers: AnswerCache,
    lists: PlaylistCache<GrowingPlaylist>,
    raw_lists: PlaylistCache<RawPlaylist>,
    /// It is a part of something longer.
    volume: Option<Arc<OpenVolume>>,
}

impl Replay {
    /// Opens a session. The server's own clock starts now, no earlier than the oldest content, unless
    /// the options say when session time 0 is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(folder: SessionFolder, clock: Clock, options: Options) -> Result<Self, ReadError> {
        let name = folder.name();
        let pool = Arc::new(Pool::open(folder.clone())?);
        let state = pool.with_reader(read_state)?;
        pool.keep(!state.is_unfolded);
        let own_us = clock::micros(options.offset).max(state.earliest_us());
        let clock = ServerClock::start(clock, options.zero_us, own_us);
        let bodies = Bodies::new(pool);
        Ok(Self::of_state(
            (name, folder),
            (state, bodies),
            clock,
            options,
        ))
    }

    /// A part of a recording, on the clock of all of it. `span`: where all of it lies in time.
    ///
    /// # Errors
    /// It cannot be read.
    #[cfg(feature = "archive")]
    pub(crate) fn of_volume(
        volume: Arc<OpenVolume>,
        (name, span): (String, Span),
        clock: ServerClock,
        options: Options,
    ) -> Result<Self, ReadError> {
        let folder = volume.folder.clone();
        let pool = Arc::new(Pool::open(folder.clone())?);
        let streams = pool.with_reader(Reader::streams)?.into();
        let state = SessionState::of_part(span, streams);
        let mut bodies = Bodies::new(pool);
        bodies.chunks = Some(Arc::clone(&volume.chunks));
        bodies.texts.limit(MOST_OF_VOLUME);
        let mut replay = Self::of_state((name, folder), (state, bodies), clock, options);
        replay.answers.limit(MOST_OF_VOLUME);
        replay.volume = Some(volume);
        Ok(replay)
    }

    fn of_state(
        (name, folder): (String, SessionFolder),
        (state, bodies): (SessionState, Bodies),
        clock: ServerClock,
        options: Options,
    ) -> Self {
        Self {
            name,
            folder,
            page: PageState::new(options.hls_js.clone()),
            clock,
            at_end: options.at_end,
            policy: Policy::new(&options),
            early_us: clock::micros(options.early),
            rules: options.inject,
            cors: options.cors,
            state: RwLock::new(state),
            bodies: Arc::new(bodies),
            commits: Commits::default(),
            announcements: Announcements::default(),
            blocked: BlockedRequests::default(),
            answers: AnswerCache::default(),
            lists: PlaylistCache::default(),
            raw_lists: PlaylistCache::default(),
            volume: None,
        }
    }

    /// Sets the server's own clock to the moment that is being recorded now.
    pub fn live(mut self) -> Self {
        let zero_us = self.span().zero_us;
        self.clock.set_zero(zero_us);
        self
    }

    /// See [`ServerClock::advance_hourly`].
    #[cfg(test)]
    pub(crate) fn advance_hourly(&mut self) {
        self.clock.advance_hourly();
    }

    /// From now on no reader stays open between answers, so that the recorder can make the
    /// database one file.
    pub fn let_go(&self) {
        self.bodies.pool.let_go();
    }

    /// What a session is called in an answer: copies of one may have names of their own.
    pub(crate) fn name_in_answers(&self) -> String {
        match self.is_shared() {
            _ if self.volume.is_some() => "the archive".to_owned(),
            true => "this session".to_owned(),
            false => format!("session {}", self.name),
        }
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the recording lies in time.
    pub fn span(&self) -> Span {
        let state = self.state.read();
        state.unwrap_or_else(PoisonError::into_inner).span
    }

    /// Inputs of the session.
    pub fn streams(&self) -> Arc<[StreamInfo]> {
        self.state().streams
    }

    /// A request that came in now, with the moment that it means.
    pub fn receive(&self, parts: Parts) -> Request {
        Request::new(parts, &self.clock, self.span(), self.policy)
    }

    /// Whether the server's own clock is one for all replayers of copies of the session.
    pub(crate) fn is_shared(&self) -> bool {
        self.clock.is_shared
    }

    /// Session time now on the server's own clock, in microseconds.
    pub fn session_us(&self) -> i64 {
        self.clock.session_us()
    }

    /// Session time at which the server's own clock started, in microseconds.
    pub fn offset_us(&self) -> i64 {
        self.clock.offset_us
    }

    /// From when on nothing was removed, in microseconds of session time, where that is after a
    /// moment of the recording (in microseconds of Unix time).
    pub(crate) fn kept_after_us(&self, moment_us: i64) -> Option<i64> {
        let SessionState { span, kept_us, .. } = self.state();
        let kept_us = kept_us.filter(|kept_us| moment_us < *kept_us)?;
        // Until session zero there was nothing.
        Some(span.session_us(kept_us)).filter(|us| *us > 0)
    }

    /// DVR playlists that were asked for.
    pub(crate) fn dvr_playlists(&self) -> &PlaylistCache<GrowingPlaylist> {
        &self.lists
    }

    /// Those of raw streams.
    pub(crate) fn raw_playlists(&self) -> &PlaylistCache<RawPlaylist> {
        &self.raw_lists
    }

    /// Recorded bodies.
    pub(crate) fn bodies(&self) -> &Arc<Bodies> {
        &self.bodies
    }

    /// Answers that hold for a while.
    pub(crate) fn answers(&self) -> &AnswerCache {
        &self.answers
    }

    /// Limits texts to this many bytes, a third of them in each cache.
    #[cfg(test)]
    pub(crate) fn limit_memory(&mut self, bytes: usize) {
        self.answers.limit(bytes as u64 / 3);
        self.bodies.texts.limit(bytes as u64 / 3);
        if let Some(bodies) = Arc::get_mut(&mut self.bodies) {
            bodies.budget = crate::replayer::memory::budget::Budget::new(bytes);
        }
    }

    /// Commits to a session that is being recorded.
    pub(crate) fn commits(&self) -> &Commits {
        &self.commits
    }

    /// What requests with directives are told.
    pub(crate) fn blocked_requests(&self) -> &BlockedRequests {
        &self.blocked
    }

    /// What is announced in a session that is being recorded.
    pub(crate) fn announcements(&self) -> &Announcements {
        &self.announcements
    }

    /// The generation of the session now, where it is known without reading.
    pub(crate) fn known_generation(&self) -> Option<Generation> {
        let changes = self.answers.changes();
        let commits = match self.span().recording {
            true => self.commits.fresh_count()?,
            false => 0,
        };
        Some(Generation { changes, commits })
    }

    /// The generation of the session, as of now or shortly before.
    pub(crate) async fn generation(&self) -> Result<Generation, ReadError> {
        let changes = self.answers.changes();
        let commits = match self.span().recording {
            true => self.commits.count(&self.bodies.pool).await?,
            false => 0,
        };
        Ok(Generation { changes, commits })
    }

    /// Until when an answer of a moment of the recording holds that would hold until another
    /// one, if it were not for the end; in microseconds of Unix time.
    pub(crate) fn until_the_end_us(&self, moment_us: i64, until_us: i64) -> i64 {
        let known_us = self.volume.as_ref().map(|volume| volume.known_until_us);
        let until_us = until_us.min(known_us.unwrap_or(i64::MAX));
        let end_us = self.span().end_us;
        match self.at_end == AtEnd::Endlist && moment_us < end_us {
            true => until_us.min(end_us),
            false => until_us,
        }
    }

    /// Faults on top of the recorded ones.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Which pages may send credentials.
    pub(crate) fn cors(&self) -> &Cors {
        &self.cors
    }

    /// Whether media playlists end at that moment of the recording by themselves.
    pub(crate) fn ends_playlists(&self, moment_us: i64) -> bool {
        self.at_end == AtEnd::Endlist && self.span().is_over(moment_us)
    }

    fn state(&self) -> SessionState {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Policy {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            faults: options.faults,
            dates: options.dates,
            network: options.network,
            compresses: options.inject.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replayer::testing::Recording;

    #[tokio::test]
    async fn who_lets_go_holds_up_no_recorder() {
        let recording = Recording::start().await;
        let folder = recording.folder.clone();
        let replay = Replay::open(folder.clone(), Clock::start(), Options::default()).unwrap();
        replay.describe(recording.zero_us, "").unwrap();
        replay.let_go();
        replay.describe(recording.zero_us, "").unwrap();
        recording.finish().await;
        assert!(!folder.path().join("session.db-wal").exists());
        replay.describe(recording.zero_us, "").unwrap();
    }

    #[tokio::test]
    async fn live_is_the_time_of_the_session() {
        let recording = Recording::start().await;
        let clock = Clock::start();
        let replay = Replay::open(recording.folder.clone(), clock, Options::default()).unwrap();
        let started_us = clock.now_us() - recording.zero_us;
        let replay = replay.live();
        assert_eq!(replay.clock.zero_us, recording.zero_us);
        assert!(replay.offset_us() >= started_us, "{}", replay.offset_us());
    }
}
