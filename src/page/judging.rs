//! What `isreport` says of the session, asked in the background by the first page that wants it: gaps and faults first, then
//! all other rules but those of media.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::analysis::rules::events::group;
use crate::analysis::rules::findings::Wanted;
use crate::analysis::rules::judge::{Judgement, Scope, judge};
use crate::analysis::rules::registry::Profile;
use crate::analysis::rules::selection::Selection;
use crate::clock;
use crate::session::{ReadError, Reader, SessionFolder};

/// While a session is being recorded it is judged again when so many times as long has gone by as it took: it is to take no
/// more than 2 % of a core.
const PAUSE: u32 = 50;
/// And no more often than that.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);

/// Findings that are held where the first ones of a rule are not all of it: some 40 MiB. The page asks for those of its window.
const BEYOND: usize = 20_000;

/// Rules that are done with at once.
const FIRST: &str = "T07,H14,S01";
/// All but those of media.
const ALL: &str = "-M*";

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is known yet.
    Begun,
    /// Gaps and faults are.
    GapsAndFaults,
    /// All is.
    Done,
}

impl Stage {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "judging",
            Self::GapsAndFaults => "gaps and faults",
            Self::Done => "done",
        }
    }
}

/// What is known.
#[derive(Debug, Clone)]
pub struct Known {
    /// How far it is.
    pub stage: Stage,
    /// The end of the session when it was judged, in microseconds of Unix time.
    pub until_us: i64,
    /// What was found so far.
    pub judgement: Arc<Judgement>,
    /// The number of the event of each finding: of what several playlists of a stream have at once all have the same.
    pub events: Arc<[usize]>,
    /// Why there is no more.
    pub failed: Option<String>,
}

impl Known {
    fn of(judgement: Judgement) -> Self {
        let mut events = vec![0; judgement.findings.len()];
        let groups = group(&judgement.findings, &judgement.overview);
        for (event, numbers) in groups.iter().enumerate() {
            for n in numbers {
                if let Some(known) = events.get_mut(*n) {
                    *known = event;
                }
            }
        }
        Self {
            stage: Stage::Begun,
            until_us: i64::MIN,
            judgement: Arc::new(judgement),
            events: events.into(),
            failed: None,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    is_running: bool,
    /// When it may be judged again, of a session that grows.
    again: Option<Instant>,
}

/// The judgement of a session; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Judging(Arc<Mutex<State>>);

impl Judging {
    /// What is known now; begins to judge where that is due. `end_us`: the end of the session now, in microseconds of Unix
    /// time.
    pub fn known(&self, folder: &SessionFolder, end_us: i64) -> Option<Known> {
        let mut state = self.state();
        let is_due = match (&state.known, state.again) {
            (None, _) => true,
            (Some(known), Some(again)) => known.until_us < end_us && clock::instant() >= again,
            (Some(_), None) => false,
        };
        if is_due && !state.is_running {
            state.is_running = true;
            let (judging, folder) = (self.clone(), folder.clone());
            let name = "judging".to_owned();
            let thread = std::thread::Builder::new().name(name);
            let is_begun = thread.spawn(move || judging.run(&folder, end_us)).is_ok();
            state.is_running = is_begun;
        }
        state.known.clone()
    }

    fn run(&self, folder: &SessionFolder, end_us: i64) {
        let began = clock::instant();
        let ended = Ended(self);
        let is_first = self.state().known.is_none();
        let judged = || -> Result<(), ReadError> {
            let reader = Reader::open(folder)?;
            if is_first {
                self.set(Stage::GapsAndFaults, end_us, judged_by(&reader, FIRST)?);
            }
            self.set(Stage::Done, end_us, judged_by(&reader, ALL)?);
            Ok(())
        };
        if let Err(error) = judged() {
            tracing::error!("the session cannot be judged: {error}");
            let mut state = self.state();
            let known = state.known.take();
            let known = known.unwrap_or_else(|| Known::of(Judgement::default()));
            state.known = Some(Known {
                stage: Stage::Done,
                until_us: end_us,
                failed: Some(error.to_string()),
                ..known
            });
        }
        let pause = began.elapsed().saturating_mul(PAUSE).max(SHORTEST_PAUSE);
        self.state().again = Some(clock::instant() + pause);
        drop(ended);
    }

    fn set(&self, stage: Stage, until_us: i64, judgement: Judgement) {
        let known = Known {
            stage,
            until_us,
            ..Known::of(judgement)
        };
        self.state().known = Some(known);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread is over, whatever happened.
struct Ended<'a>(&'a Judging);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.state().is_running = false;
    }
}

fn judged_by(reader: &Reader, rules: &str) -> Result<Judgement, ReadError> {
    let wanted = Wanted {
        selection: Selection::read(rules).unwrap_or_default(),
        profile: Profile::Rfc,
        from_us: i64::MIN,
        until_us: i64::MAX,
        beyond: BEYOND,
    };
    judge(reader, wanted, &Scope::default(), &mut |_| {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_faults_are_first_and_media_are_the_command_lines() {
        let first: Vec<_> = Selection::read(FIRST).unwrap().rules().collect();
        assert_eq!(first.len(), 3);
        let all = Selection::read(ALL).unwrap();
        assert!(first.iter().all(|rule| all.has(rule)) && !all.has("M01"));
    }
}
