//! What requests that wait for the same are told: looked for once, and while the session is being recorded once after each commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::replayer::cache::answer_cache::Generation;
use crate::replayer::content::pool::Pool;
use crate::session::{Blocked, Directives, Faults, Query, ReadError};

/// More than that wait for other things.
const MOST: usize = 4096;

/// A request with directives.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) url: Arc<str>,
    pub(crate) directives: Directives,
    pub(crate) faults: Faults,
    /// The moment that it means, in microseconds of Unix time.
    pub(crate) at_us: i64,
}

/// The last looks.
#[derive(Debug, Default)]
pub(crate) struct BlockedRequests {
    known: Mutex<HashMap<String, Known>>,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    generation: Generation,
    recording: bool,
    at_us: i64,
    blocked: Blocked,
}

impl Known {
    /// What it says of a request that was made later: nothing came between the two.
    fn of(self, at_us: i64) -> Option<Blocked> {
        if at_us < self.at_us {
            return None;
        }
        match self.blocked {
            Blocked::Until(then_us, _) | Blocked::Fault(then_us, _) if then_us > at_us => {
                Some(self.blocked)
            }
            // Of a session that is over more is known later.
            Blocked::Never(until_us) if self.recording => Some(Blocked::Never(
                until_us.saturating_add(at_us.saturating_sub(self.at_us)),
            )),
            _ => None,
        }
    }
}

impl BlockedRequests {
    /// What becomes of a request, as of a generation of the session.
    pub(crate) async fn as_of(
        &self,
        pool: &Arc<Pool>,
        (generation, recording): (Generation, bool),
        asked: &Asked,
    ) -> Result<Blocked, ReadError> {
        let key = format!("{:?} {:?} {}", asked.directives, asked.faults, asked.url);
        if let Some(known) = self.known(&key, generation, asked.at_us) {
            return Ok(known);
        }
        // A crowd asks for the same.
        let _looking = self.looking.lock().await;
        if let Some(known) = self.known(&key, generation, asked.at_us) {
            return Ok(known);
        }
        let blocked = look(pool, asked.clone(), recording).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        let at_us = asked.at_us;
        known.insert(
            key,
            Known {
                generation,
                recording,
                at_us,
                blocked,
            },
        );
        Ok(blocked)
    }

    fn known(&self, key: &str, generation: Generation, at_us: i64) -> Option<Blocked> {
        // No code panics while it is locked.
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(key)
            .filter(|known| known.generation.changes == generation.changes)
            .filter(|known| known.generation.commits >= generation.commits)?
            .of(at_us)
    }
}

/// What becomes of a request, as far as the session says.
async fn look(pool: &Arc<Pool>, asked: Asked, recording: bool) -> Result<Blocked, ReadError> {
    pool.read(move |reader| {
        let query = Query {
            url: &asked.url,
            range: None,
            at_us: asked.at_us,
            recording,
            faults: asked.faults,
        };
        reader.blocked(&query, asked.directives)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_later_is_told_the_same_unless_something_came_between() {
        let known = |blocked| Known {
            generation: Generation {
                changes: 0,
                commits: 1,
            },
            recording: true,
            at_us: 100,
            blocked,
        };
        let until = known(Blocked::Until(500, 6));
        assert_eq!(until.of(99), None);
        assert_eq!(until.of(100), Some(Blocked::Until(500, 6)));
        assert_eq!(until.of(499), Some(Blocked::Until(500, 6)));
        assert_eq!(until.of(500), None);
        assert_eq!(
            known(Blocked::Fault(500, 3)).of(400),
            Some(Blocked::Fault(500, 3))
        );
        assert_eq!(
            known(Blocked::Never(900)).of(150),
            Some(Blocked::Never(950))
        );
        let over = Known {
            recording: false,
            ..known(Blocked::Never(900))
        };
        assert_eq!(over.of(150), None);
        assert_eq!(known(Blocked::Ignored).of(150), None);
        assert_eq!(known(Blocked::There(6)).of(150), None);
    }
}
