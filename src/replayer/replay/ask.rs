//! Asks the session, and waits: for what is being recorded, and for memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;

use super::state::SessionState;
use super::{PATIENCE, Replay};
use crate::clock;
use crate::replayer::cache::answer_cache::Generation;
use crate::replayer::content::found::{Content, LookupResult};
use crate::replayer::content::lookup::Lookup;
use crate::replayer::content::question::Question;
use crate::replayer::inject::rule::InjectedFaults;
use crate::session::{ReadError, Reader, StreamInfo};

/// How often at least a listed resource is looked for: a recorder that was killed commits nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Chunks that are brought for one answer: redirects and a chunk, and one that was removed meanwhile.
const MOST_BROUGHT: u32 = 8;

/// How often at least memory is looked for: another request's text may be ready.
const ROOM_EVERY: Duration = Duration::from_millis(250);

impl Replay {
    /// Reads the session, on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.bodies.pool.read(job).await
    }

    /// What the session has for a question, the faults for it, and its generation; waits for what
    /// is being recorded, and for memory.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        mut question: Question,
        mut generation: Generation,
    ) -> Result<(LookupResult, InjectedFaults, Generation), ReadError> {
        let deadline = clock::instant() + PATIENCE;
        let mut brought = 0;
        loop {
            question.recording = self.span().recording;
            let freed = self.bodies.budget.freed();
            let (replay, asked) = (Arc::clone(self), question.clone());
            let (looked, faults) = self.read(move |reader| replay.look(reader, &asked)).await?;
            let now = clock::instant();
            let next_look = deadline.min(now + LOOK_EVERY);
            match &looked {
                LookupResult::Elsewhere(name) => {
                    // What is removed again at once has no room.
                    brought += 1;
                    if brought > MOST_BROUGHT {
                        let why = "the cache of chunks is too small for it".to_owned();
                        return Err(ReadError::Away(why));
                    }
                    self.bodies.bring(name.clone()).await?;
                }
                _ if now >= deadline => return Ok((looked, faults, generation)),
                LookupResult::Pending => {
                    let pool = &self.bodies.pool;
                    self.commits
                        .wait_for_change(pool, generation.commits, next_look)
                        .await?;
                    generation = self.generation().await?;
                }
                LookupResult::Whole(whole) if matches!(whole.content, Content::NoRoom) => {
                    self.wait_for_room(freed, deadline).await;
                }
                _ => return Ok((looked, faults, generation)),
            }
        }
    }

    /// Waits for memory, until a deadline at most; whether there is time for another try.
    pub(crate) async fn wait_for_room(&self, freed: OwnedNotified, deadline: Instant) -> bool {
        let now = clock::instant();
        let next_look = deadline.min(now + ROOM_EVERY);
        let _ = tokio::time::timeout_at(next_look, freed).await;
        now < deadline
    }

    fn look(
        &self,
        reader: &Reader,
        question: &Question,
    ) -> Result<(LookupResult, InjectedFaults), ReadError> {
        let SessionState { span, streams, .. } = self.state();
        let look = Lookup {
            faults: question.faults,
            ..self.lookup(reader, &streams)
        };
        let looked = look.ask(question)?;
        if self.rules.is_empty() || matches!(looked, LookupResult::Elsewhere(_)) {
            return Ok((looked, InjectedFaults::default()));
        }
        let facts = look.facts(&self.rules, &looked, question, span.zero_us)?;
        let faults = facts.map_or_else(InjectedFaults::default, |facts| {
            self.rules.faults_for(&facts)
        });
        let Some(held_us) = faults.held_us else {
            return Ok((looked, faults));
        };
        let moment_us = span.moment_us(held_us);
        let held = look.ask(&Question {
            moment_us,
            endlist: self.ends_playlists(moment_us),
            ..question.clone()
        })?;
        // A resource that was not there at the held moment stays as it is.
        Ok(match held {
            LookupResult::Whole(_) | LookupResult::Pieces(_) | LookupResult::Elsewhere(_) => {
                (held, faults)
            }
            _ => (looked, faults),
        })
    }

    pub(super) fn lookup<'a>(
        &'a self,
        reader: &'a Reader,
        streams: &'a [StreamInfo],
    ) -> Lookup<'a> {
        Lookup {
            reader,
            streams,
            bodies: &self.bodies,
            faults: self.policy.faults,
            early_us: self.early_us,
        }
    }
}
