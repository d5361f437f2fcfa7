//! A session that is being replayed: its span, its readers, its watch over the end.

pub(super) mod commits;
pub(super) mod state;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::request::Parts;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;

use self::commits::Commits;
use self::state::{State, read_state};
use super::dvr::lists::Lists;
use super::inject::Rules;
use super::inject::rule::Laid;
use super::page::{self, Description};
use super::request::{Policy, Request};
use crate::clock::{self, Clock};
use crate::replayer::body::pace::Network;
use crate::replayer::cache::answer_cache::{Age, Answers};
use crate::replayer::content::bodies::Bodies;
use crate::replayer::content::lookup::{Content, Look, Looked, Question};
use crate::replayer::content::pool::Pool;
use crate::replayer::header::cors::Cors;
use crate::replayer::request::server_clock::ServerClock;
use crate::replayer::request::timeline::{AtEnd, Dates, Span, format_time};
use crate::session::{Faults, ReadError, Reader, SessionFolder, StreamInfo};

/// How often a session that is being recorded is looked at.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// For so long after a recording no reader is kept open: the recorder waits 3 s at most for the moment in
/// which it can make the database one file.
const LET_GO_FOR: Duration = Duration::from_secs(3);
/// What was listed, and memory that others have, is waited for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// And looked for so often at least: a recorder that was killed commits nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Memory is looked for so often at least: what others make may be ready.
const ROOM_EVERY: Duration = Duration::from_millis(250);

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
    /// So much before its time a resource that is no playlist is given.
    pub early: Duration,
    /// What dates are.
    pub dates: Dates,
    /// How fast answers come.
    pub network: Network,
    /// Faults on top of the recorded ones.
    pub inject: Rules,
    /// Origins whose pages may send credentials.
    pub cors: Cors,
}

/// A session that is being replayed.
#[derive(Debug)]
pub struct Replay {
    name: String,
    clock: ServerClock,
    at_end: AtEnd,
    policy: Policy,
    early_us: i64,
    rules: Rules,
    cors: Cors,
    state: RwLock<State>,
    bodies: Arc<Bodies>,
    commits: Commits,
    answers: Answers,
    lists: Lists,
}

impl Replay {
    /// Opens a session. The server's own clock starts now, no earlier than what is kept, unless
    /// the options say when session time 0 is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(folder: SessionFolder, clock: Clock, options: Options) -> Result<Self, ReadError> {
        let name = folder.name();
        let pool = Arc::new(Pool::open(folder)?);
        let state = pool.with(read_state)?;
        pool.keep(!state.is_unfolded);
        let own_us = clock::micros(options.offset).max(state.earliest_us());
        Ok(Self {
            name,
            clock: ServerClock::start(clock, options.zero_us, own_us),
            at_end: options.at_end,
            policy: Policy {
                faults: options.faults,
                dates: options.dates,
                network: options.network,
                compresses: options.inject.is_empty(),
            },
            early_us: clock::micros(options.early),
            rules: options.inject,
            cors: options.cors,
            state: RwLock::new(state),
            bodies: Arc::new(Bodies::of(pool)),
            commits: Commits::default(),
            answers: Answers::default(),
            lists: Lists::default(),
        })
    }

    /// The server's own clock shows what is being recorded now, rather than the start.
    pub fn live(mut self) -> Self {
        let zero_us = self.span().zero_us;
        self.clock.set(zero_us);
        self
    }

    /// See [`ServerClock::advance_hourly`].
    #[cfg(test)]
    pub(super) fn advance_hourly(&mut self) {
        self.clock.advance_hourly();
    }

    /// From now on no reader is kept open between answers, so that the recorder can make the
    /// database one file.
    pub fn let_go(&self) {
        self.bodies.pool.let_go();
    }

    /// What a session is called in an answer: copies of one may have names of their own.
    pub(super) fn called(&self) -> String {
        match self.is_shared() {
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
    pub(super) fn is_shared(&self) -> bool {
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

    /// Since when everything is kept, in microseconds of session time, where that is after a
    /// moment of the recording (in microseconds of Unix time).
    pub(super) fn kept_after_us(&self, moment_us: i64) -> Option<i64> {
        let State { span, kept_us, .. } = self.state();
        let kept_us = kept_us.filter(|kept_us| moment_us < *kept_us)?;
        Some(span.session_us(kept_us))
    }

    /// DVR playlists that were asked for.
    pub(super) fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Recorded bodies.
    pub(super) fn bodies(&self) -> &Arc<Bodies> {
        &self.bodies
    }

    /// Answers that hold for a while.
    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Texts take at most so many bytes, a third of them in each cache.
    #[cfg(test)]
    pub(super) fn limit_memory(&mut self, bytes: usize) {
        self.answers.limit(bytes as u64 / 3);
        self.bodies.texts.limit(bytes as u64 / 3);
        if let Some(bodies) = Arc::get_mut(&mut self.bodies) {
            bodies.budget = crate::replayer::memory::budget::Budget::new(bytes);
        }
    }

    #[cfg(test)]
    pub(super) fn commits(&self) -> &Commits {
        &self.commits
    }

    /// How old what is read now is, where that is known without reading.
    pub(super) fn age_at_once(&self) -> Option<Age> {
        let changes = self.answers.changes();
        let commits = match self.span().recording {
            true => self.commits.fresh()?,
            false => 0,
        };
        Some(Age { changes, commits })
    }

    /// How old what is read from now on is at most.
    pub(super) async fn age(&self) -> Result<Age, ReadError> {
        let changes = self.answers.changes();
        let commits = match self.span().recording {
            true => self.commits.count(&self.bodies.pool).await?,
            false => 0,
        };
        Ok(Age { changes, commits })
    }

    /// Until when an answer of a moment of the recording holds that would hold until another
    /// one, if it were not for the end; in microseconds of Unix time.
    pub(super) fn until_the_end_us(&self, moment_us: i64, until_us: i64) -> i64 {
        let end_us = self.span().end_us;
        match self.at_end == AtEnd::Endlist && moment_us < end_us {
            true => until_us.min(end_us),
            false => until_us,
        }
    }

    /// Faults on top of the recorded ones.
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Which pages may send credentials.
    pub(super) fn cors(&self) -> &Cors {
        &self.cors
    }

    /// Whether media playlists end at that moment of the recording by themselves.
    pub(super) fn ends_playlists(&self, moment_us: i64) -> bool {
        self.at_end == AtEnd::Endlist && self.span().is_over(moment_us)
    }

    fn state(&self) -> State {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What there is to play, with the variants that were listed at a moment.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn describe(&self, moment_us: i64, prefix: &str) -> Result<Description, ReadError> {
        let describe = |reader: &Reader| self.describe_with(reader, moment_us, prefix);
        self.bodies.pool.with(describe)
    }

    fn describe_with(
        &self,
        reader: &Reader,
        moment_us: i64,
        prefix: &str,
    ) -> Result<Description, ReadError> {
        let State {
            span,
            streams,
            holes,
            kept_us,
            ..
        } = self.state();
        let look = self.looking(reader, &streams);
        let mut description = page::describe(&self.name, span, &look, moment_us, prefix)?;
        description.holes = page::holes(&holes, span);
        description.kept_from_us = kept_us.map_or(0, |us| span.session_us(us).max(0));
        Ok(description)
    }

    /// Whether the first stream has a playlist of all that was recorded.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn has_dvr(&self) -> Result<bool, ReadError> {
        let streams = self.streams();
        let first = streams.first().map(|stream| stream.name.as_str());
        let playlists = self.bodies.pool.with(|reader| reader.media_playlists())?;
        Ok(playlists
            .iter()
            .any(|one| Some(one.stream.as_str()) == first))
    }

    /// Whether the session has decryption keys, or was recorded by another program than this project's.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn needs_care(&self) -> Result<bool, ReadError> {
        self.bodies.pool.with(|reader| {
            let runs = reader.runs()?;
            let is_own = runs
                .iter()
                .all(|run| run.program.starts_with("isrecorder "));
            Ok(!is_own || reader.has_keys()?)
        })
    }

    /// Like [`Self::describe`], on a blocking thread.
    pub(super) async fn described(
        self: &Arc<Self>,
        moment_us: i64,
        prefix: String,
    ) -> Result<Description, ReadError> {
        let replay = Arc::clone(self);
        self.read(move |reader| replay.describe_with(reader, moment_us, &prefix))
            .await
    }

    /// Reads the session, on a blocking thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.bodies.pool.read(job).await
    }

    /// What the session has for a question, what is laid over it, and how old that is at most; waits for what
    /// is being recorded, and for memory.
    pub(super) async fn ask(
        self: &Arc<Self>,
        mut question: Question,
        mut age: Age,
    ) -> Result<(Looked, Laid, Age), ReadError> {
        let deadline = clock::instant() + PATIENCE;
        loop {
            question.recording = self.span().recording;
            let freed = self.bodies.budget.freed();
            let (replay, asked) = (Arc::clone(self), question.clone());
            let (looked, laid) = self.read(move |reader| replay.look(reader, &asked)).await?;
            let now = clock::instant();
            let next_look = deadline.min(now + LOOK_EVERY);
            match &looked {
                _ if now >= deadline => return Ok((looked, laid, age)),
                Looked::Pending => {
                    let pool = &self.bodies.pool;
                    self.commits.after(pool, age.commits, next_look).await?;
                    age = self.age().await?;
                }
                Looked::Whole(whole) if matches!(whole.content, Content::NoRoom) => {
                    self.wait_for_room(freed, deadline).await;
                }
                _ => return Ok((looked, laid, age)),
            }
        }
    }

    /// Waits for memory, until a deadline at most; whether there is time for another try.
    pub(super) async fn wait_for_room(&self, freed: OwnedNotified, deadline: Instant) -> bool {
        let now = clock::instant();
        let next_look = deadline.min(now + ROOM_EVERY);
        let _ = tokio::time::timeout_at(next_look, freed).await;
        now < deadline
    }

    fn look(&self, reader: &Reader, question: &Question) -> Result<(Looked, Laid), ReadError> {
        let State { span, streams, .. } = self.state();
        let look = self.looking(reader, &streams);
        let looked = look.ask(question)?;
        if self.rules.is_empty() {
            return Ok((looked, Laid::default()));
        }
        let facts = look.facts(&self.rules, &looked, question, span.zero_us)?;
        let laid = facts.map_or_else(Laid::default, |facts| self.rules.lay(&facts));
        let Some(held_us) = laid.held_us else {
            return Ok((looked, laid));
        };
        let moment_us = span.moment_us(held_us);
        let held = look.ask(&Question {
            moment_us,
            endlist: self.ends_playlists(moment_us),
            ..question.clone()
        })?;
        // What was not there when it was held is as it is.
        Ok(match held {
            Looked::Whole(_) | Looked::Pieces(_) => (held, laid),
            _ => (looked, laid),
        })
    }

    fn looking<'a>(&'a self, reader: &'a Reader, streams: &'a [StreamInfo]) -> Look<'a> {
        Look {
            reader,
            streams,
            bodies: &self.bodies,
            faults: self.policy.faults,
            early_us: self.early_us,
        }
    }

    /// Follows a session that is being recorded, or is taken up again; returns when the
    /// server's own clock is at its end, where that is to be the end of the server.
    pub async fn watch(self: &Arc<Self>) {
        let mut said = false;
        loop {
            let span = self.span();
            let left_us = span.length_us().saturating_sub(self.session_us());
            if span.recording {
                said = false;
            } else if left_us <= 0 && !said {
                self.say_the_end(span);
                said = true;
                if self.at_end == AtEnd::Stop {
                    return;
                }
            }
            let left = match (span.recording, u64::try_from(left_us)) {
                (false, Ok(left @ 1..)) => Duration::from_micros(left),
                _ => WATCH_EVERY,
            };
            tokio::time::sleep(left.min(WATCH_EVERY)).await;
            match self.bodies.pool.read_aside(read_state).await {
                Ok(state) => self.note(state).await,
                Err(error) if span.recording => tracing::error!("{error}"),
                // Said to whoever asks for it.
                Err(error) => tracing::debug!("{error}"),
            }
        }
    }

    fn say_the_end(&self, span: Span) {
        let then = match self.at_end {
            AtEnd::Hold => "the last answers hold from now on (see --at-end)",
            AtEnd::Endlist => "media playlists have an EXT-X-ENDLIST from now on",
            AtEnd::Stop => "stopping",
        };
        let end = format_time(span.length_us());
        tracing::info!("{end} the recording ends here: {then}");
    }

    async fn note(&self, state: State) {
        let span = self.span();
        let (before, after) = (span.recording, state.span.recording);
        // How far a recording has come is told by its commits.
        let has_changed = span != state.span && !(before && after);
        let is_unfolded = state.is_unfolded;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        if has_changed {
            self.answers.forget();
        }
        if !before && after {
            tracing::info!("{} is being recorded again", self.name);
        }
        if before && !after {
            tracing::info!("{} is no longer being recorded", self.name);
        }
        if before && !after {
            self.bodies.pool.keep(false);
            tokio::time::sleep(LET_GO_FOR).await;
        }
        // Whenever somebody repairs it, nobody may have it open.
        self.bodies.pool.keep(!is_unfolded);
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
