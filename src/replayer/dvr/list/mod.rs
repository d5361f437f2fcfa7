//! The list of everything that was recorded of a media playlist, put together of its revisions. Pure: a [`Session`]
//! says which bodies were recorded.
//!
//! What always holds: while a session is being recorded, the segments of an earlier list are the beginning of every
//! later list, whatever is recorded in between and in which order. The list of a finished session is one of its own:
//! it refers to whatever was recorded in the end.
//!
//! | file | is |
//! | --- | --- |
//! | `revisions`, `new_segment` | which segments each revision adds |
//! | `never_listed` | what stands in the place of segments that no revision lists |
//! | `verdict` | recorded, missing, or still to come |
//! | `needs` | whether a segment is there with its keys and its initialization section |
//! | `contents` | the bodies that a list refers to |
//! | `write` | the lines of the playlist |

pub(super) mod contents;
pub(super) mod needs;
mod never_listed;
pub(super) mod new_segment;
pub(super) mod revisions;
pub(super) mod verdict;
pub(super) mod write;

use std::collections::{HashSet, VecDeque};

use self::contents::Contents;
use self::needs::{Resolver, Session};
use self::new_segment::NewSegment;
use self::verdict::Verdict;
use self::write::PlaylistWriter;

/// A segment that a finished list does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    /// The exchange of the revision that listed it first, and when that was seen.
    pub(super) revision: i64,
    pub(super) seen_us: i64,
    pub(super) place: u64,
}

/// The list, as far as it is decided, and segments that are not decided yet.
#[derive(Debug, Default)]
pub(super) struct List {
    text: String,
    written: PlaylistWriter,
    waiting: VecDeque<NewSegment>,
    /// What these take in memory.
    waiting_bytes: usize,
    /// Of a finished session, in which bodies count however late they came.
    finished: Option<Finished>,
}

/// What a list of a finished session knows beside its text.
#[derive(Debug, Default)]
struct Finished {
    missing: Vec<Missing>,
    /// Exchanges that it refers to as segments.
    used: HashSet<i64>,
}

impl List {
    /// References lead to the root of the replay by this one.
    pub(super) fn new(root: &str) -> Self {
        Self {
            written: PlaylistWriter::new(root),
            ..Self::default()
        }
    }

    /// The list of a session that is finished.
    pub(super) fn finished(root: &str) -> Self {
        Self {
            finished: Some(Finished::default()),
            written: PlaylistWriter::new(root),
            ..Self::default()
        }
    }

    /// Adds what a revision lists.
    pub(super) fn extend(&mut self, taken: impl IntoIterator<Item = NewSegment>) {
        let before = self.waiting.len();
        self.waiting.extend(taken);
        let new = self.waiting.iter().skip(before);
        self.waiting_bytes += new.map(NewSegment::bytes).sum::<usize>();
    }

    /// Number of segments that are decided.
    pub(super) fn decided(&self) -> u64 {
        self.written.segments()
    }

    /// What it takes in memory, in bytes: its text, and what is not decided yet.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.waiting_bytes
    }

    /// Decides, in order, until something may still come.
    pub(super) fn decide<S: Session>(&mut self, session: &S) -> Result<(), S::Error> {
        let mut resolver = Resolver::new(session);
        while let Some(next) = self.waiting.front() {
            let contents = match self.verdict(next, &mut resolver)? {
                Verdict::Undecided => return Ok(()),
                Verdict::Missing => None,
                Verdict::Present(contents) => Some(contents),
            };
            if let Some(finished) = &mut self.finished {
                finished.note(next, contents.as_ref());
            }
            self.written.add(&mut self.text, next, contents);
            let decided = self.waiting.pop_front();
            self.waiting_bytes -= decided.as_ref().map_or(0, NewSegment::bytes);
        }
        Ok(())
    }

    fn verdict<S: Session>(
        &self,
        taken: &NewSegment,
        resolver: &mut Resolver<'_, S>,
    ) -> Result<Verdict<Contents>, S::Error> {
        let found = resolver.verdict(taken)?;
        Ok(match (&found, &self.finished) {
            (Verdict::Missing | Verdict::Undecided, Some(_)) => resolver
                .final_contents(taken)?
                .map_or(found, Verdict::Present),
            _ => found,
        })
    }

    /// Of a finished session: segments that this list does not have, and exchanges that it refers to.
    pub(super) fn missing<S: Session>(
        &mut self,
        session: &S,
    ) -> Result<(Vec<Missing>, HashSet<i64>), S::Error> {
        let mut found = self.finished.take().unwrap_or_default();
        self.finished = Some(Finished::default());
        let mut resolver = Resolver::new(session);
        for next in &self.waiting {
            match self.verdict(next, &mut resolver)? {
                Verdict::Present(contents) => found.note(next, Some(&contents)),
                Verdict::Missing | Verdict::Undecided => found.note(next, None),
            }
        }
        Ok((found.missing, found.used))
    }

    /// The playlist of a session that is being recorded; `None`: there is no segment yet.
    pub(super) fn event_text(&self) -> Option<String> {
        (self.decided() > 0).then(|| self.written.head("EVENT") + &self.text)
    }

    /// The playlist of a finished session: segments without a body are missing, and left out
    /// where no segment follows them. The list itself stays as it is: a session can go on.
    pub(super) fn vod_text<S: Session>(&self, session: &S) -> Result<Option<String>, S::Error> {
        let (mut written, mut tail) = (self.written.clone(), String::new());
        let mut resolver = Resolver::new(session);
        // A missing segment is written once another follows it.
        let mut missing: Vec<&NewSegment> = Vec::new();
        for next in &self.waiting {
            let Verdict::Present(contents) = self.verdict(next, &mut resolver)? else {
                missing.push(next);
                continue;
            };
            for missing in missing.drain(..) {
                written.add(&mut tail, missing, None);
            }
            written.add(&mut tail, next, Some(contents));
        }
        Ok((written.segments() > 0).then(|| {
            [
                written.head("VOD").as_str(),
                &self.text,
                &tail,
                "#EXT-X-ENDLIST\n",
            ]
            .concat()
        }))
    }
}

impl Finished {
    fn note(&mut self, taken: &NewSegment, contents: Option<&Contents>) {
        match contents {
            Some(contents) => {
                self.used.insert(contents.body.exchange_id);
            }
            None => self.missing.push(Missing {
                revision: taken.listing.revision,
                seen_us: taken.listing.seen_us,
                place: taken.segment.sequence,
            }),
        }
    }
}
