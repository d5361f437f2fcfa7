//! The list of everything that was recorded of a media playlist, put together of its revisions. Pure: a [`Session`]
//! says which bodies were recorded.
//!
//! What always holds: while a session is being recorded, the segments of an earlier list are the beginning of every
//! later list, whatever is recorded in between and in which order; with `--keep` but for those that have gone at its front. The list of a finished session is one of its own:
//! it refers to whatever was recorded in the end.
//!
//! | file | is |
//! | --- | --- |
//! | `revisions`, `new_segment` | which segments each revision adds |
//! | `never_listed` | what stands in the place of segments that no revision lists |
//! | `verdict` | recorded, missing, or still to come |
//! | `needs` | whether a segment is there with its keys and its initialization section |
//! | `contents` | the bodies that a list refers to |
//! | `front` | what goes at the front with `--keep` |
//! | `write` | the lines of the playlist |

pub(super) mod contents;
mod front;
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

/// Where so many segments in a row are there, what was recorded later is, too: a slate that is used again is one.
const ALL_THERE: usize = 16;

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
    /// The segments of the text, in order.
    entries: VecDeque<Entry>,
    /// How many segments have gone at its front.
    gone: u64,
    waiting: VecDeque<NewSegment>,
    /// What these take in memory.
    waiting_bytes: usize,
    /// Of a finished session, in which bodies count however late they came.
    finished: Option<Finished>,
}

/// A segment of the text.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// How long its lines are, in bytes.
    length: usize,
    /// The exchange that it refers to; `None`: a gap.
    exchange_id: Option<i64>,
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
        let entries = self.entries.capacity() * size_of::<Entry>();
        self.text.capacity() + entries + self.waiting_bytes
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
            let exchange_id = contents.as_ref().map(|contents| contents.body.exchange_id);
            let begins = self.text.len();
            self.written.add(&mut self.text, next, contents);
            self.entries.push_back(Entry {
                length: self.text.len() - begins,
                exchange_id,
            });
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

    /// How many segments have gone at its front.
    pub(super) fn gone(&self) -> u64 {
        self.gone
    }

    /// Takes away what has gone at its front; whether what remains stands for itself: else it is to be made anew. Where
    /// [`ALL_THERE`] segments in a row are there, so is what was recorded later.
    pub(super) fn remove_gone<E>(
        &mut self,
        mut is_gone: impl FnMut(i64) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let (mut gone, mut there) = (0, 0);
        for (n, entry) in self.entries.iter().enumerate() {
            match entry.exchange_id {
                None => {}
                Some(id) if is_gone(id)? => (gone, there) = (n + 1, 0),
                Some(_) => there += 1,
            }
            if there >= ALL_THERE {
                break;
            }
        }
        if gone == 0 {
            return Ok(true);
        }
        if gone == self.entries.len() {
            return Ok(false);
        }
        // Behind the lines that the first removal has left in front.
        let lines: usize = self.entries.iter().map(|entry| entry.length).sum();
        let lead = self.text.len().saturating_sub(lines);
        let removed: usize = self.entries.drain(..gone).map(|entry| entry.length).sum();
        let rest = self.text.split_off((lead + removed).min(self.text.len()));
        let is_break = |line: &&str| *line == front::DISCONTINUITY;
        let breaks = self.text.lines().filter(is_break).count();
        let first = self.entries.front().map_or(0, |entry| entry.length);
        let first = rest.get(..first).unwrap_or_default();
        let lead = front::still_in_force(&self.text, first);
        self.text = lead.clone() + &rest;
        self.gone += gone as u64;
        self.written.remove(gone as u64, breaks as u64);
        for id in front::referred(&lead) {
            if is_gone(id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The playlist of a session that is being recorded with `--keep`; `None`: there is no segment yet.
    pub(super) fn live_text(&self) -> Option<String> {
        (!self.entries.is_empty()).then(|| self.written.head(None) + &self.text)
    }

    /// The playlist of a session that is being recorded; `None`: there is no segment yet.
    pub(super) fn event_text(&self) -> Option<String> {
        (self.decided() > 0).then(|| self.written.head(Some("EVENT")) + &self.text)
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
                written.head(Some("VOD")).as_str(),
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
