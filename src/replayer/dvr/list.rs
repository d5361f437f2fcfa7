//! The list of everything that was recorded of a media playlist, put together of its
//! revisions. Pure: what landed is told by a [`Recorded`].
//!
//! What always holds: of two lists of a session that is being recorded the shorter one's segments are the
//! beginning of the longer one's, whatever landed between them and in which order. The list of a finished session
//! is one of its own: what came in the end counts.

use super::recorded::Recorded;
use std::collections::{HashSet, VecDeque};

use super::contents::Contents;
use super::taken::Taken;
use super::verdict::{Listing, Verdict};
use super::write::Written;
use crate::hls::{Applied, ByteRange};
use url::Url;

/// What a listing names, to be looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) url: &'a Url,
    pub(super) range: Option<ByteRange>,
    /// A key or an initialization section: asked for again under its old name.
    pub(super) may_be_anew: bool,
}

/// What the session knows.
pub(super) trait Session {
    /// Why it cannot be read.
    type Error;

    /// What came of something that a revision lists.
    fn landed(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Verdict<Recorded>, Self::Error>;

    /// What came of it in the end, however late, where that is known for what is meant; of a session that is
    /// finished.
    fn came(&self, listing: &Listing, wanted: Wanted<'_>) -> Result<Option<Recorded>, Self::Error>;
}

/// A segment that a finished list does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    /// The exchange of the revision that listed it first, and when that was seen.
    pub(super) revision: i64,
    pub(super) seen_us: i64,
    pub(super) place: u64,
}

/// The list, as far as it is decided, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct List {
    text: String,
    written: Written,
    waiting: VecDeque<Taken>,
    /// Of a finished session: what came in the end counts.
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
    pub(super) fn at(root: &str) -> Self {
        Self {
            written: Written::at(root),
            ..Self::default()
        }
    }

    /// The list of a session that is finished.
    pub(super) fn finished(root: &str) -> Self {
        Self {
            finished: Some(Finished::default()),
            written: Written::at(root),
            ..Self::default()
        }
    }

    /// Adds what a revision lists.
    pub(super) fn extend(&mut self, taken: impl IntoIterator<Item = Taken>) {
        self.waiting.extend(taken);
    }

    /// Number of segments that are decided.
    pub(super) fn decided(&self) -> u64 {
        self.written.segments()
    }

    /// Bytes of its text.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Decides, in order, until something may still come.
    pub(super) fn decide<S: Session>(&mut self, session: &S) -> Result<(), S::Error> {
        while let Some(next) = self.waiting.front() {
            let contents = match self.verdict(next, session)? {
                Verdict::Undecided => return Ok(()),
                Verdict::Missing => None,
                Verdict::Present(contents) => Some(contents),
            };
            if let Some(finished) = &mut self.finished {
                finished.note(next, contents.as_ref());
            }
            self.written.add(&mut self.text, next, contents);
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn verdict<S: Session>(
        &self,
        taken: &Taken,
        session: &S,
    ) -> Result<Verdict<Contents>, S::Error> {
        let found = verdict(taken, session)?;
        Ok(match (&found, &self.finished) {
            (Verdict::Missing | Verdict::Undecided, Some(_)) => {
                came(taken, session)?.map_or(found, Verdict::Present)
            }
            _ => found,
        })
    }

    /// Of a session that is finished: what this list does not have, and which exchanges it refers to.
    pub(super) fn missing<S: Session>(
        &mut self,
        session: &S,
    ) -> Result<(Vec<Missing>, HashSet<i64>), S::Error> {
        let mut found = self.finished.take().unwrap_or_default();
        self.finished = Some(Finished::default());
        for next in &self.waiting {
            match self.verdict(next, session)? {
                Verdict::Present(contents) => found.note(next, Some(&contents)),
                Verdict::Missing | Verdict::Undecided => found.note(next, None),
            }
        }
        Ok((found.missing, found.used))
    }

    /// The playlist of a session that is being recorded; `None`: there is nothing yet.
    pub(super) fn event(&self) -> Option<String> {
        (self.decided() > 0).then(|| self.written.head("EVENT") + &self.text)
    }

    /// The playlist of a finished session: what has not come by now is missing, and left out
    /// where nothing follows it. The list itself stays as it is: a session can go on.
    pub(super) fn vod<S: Session>(&self, session: &S) -> Result<Option<String>, S::Error> {
        let (mut written, mut tail) = (self.written.clone(), String::new());
        // What is there, and all before it.
        let mut kept = (written.clone(), 0);
        for next in &self.waiting {
            match self.verdict(next, session)? {
                Verdict::Present(contents) => {
                    written.add(&mut tail, next, Some(contents));
                    kept = (written.clone(), tail.len());
                }
                Verdict::Missing | Verdict::Undecided => written.add(&mut tail, next, None),
            }
        }
        let (written, length) = kept;
        tail.truncate(length);
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
    fn note(&mut self, taken: &Taken, contents: Option<&Contents>) {
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

/// A segment is there where everything that it needs is.
fn verdict<S: Session>(taken: &Taken, session: &S) -> Result<Verdict<Contents>, S::Error> {
    let segment = &taken.segment;
    if let Some(contents) = &taken.contents {
        return Ok(Verdict::Present(contents.clone()));
    }
    let (Some(url), false) = (&segment.url, segment.gap) else {
        return Ok(Verdict::Missing);
    };
    let wanted = Wanted {
        url,
        range: segment.range,
        may_be_anew: false,
    };
    let body = match session.landed(&taken.listing, wanted)? {
        Verdict::Present(body) => body,
        Verdict::Missing => return Ok(Verdict::Missing),
        Verdict::Undecided => return Ok(Verdict::Undecided),
    };
    let mut contents = Contents {
        body,
        applied: Vec::new(),
    };
    let mut is_missing = false;
    for applied in segment.keys.iter().chain(&segment.map) {
        match applied_body(applied, taken, session)? {
            Some(Verdict::Undecided) => return Ok(Verdict::Undecided),
            Some(Verdict::Missing) => is_missing = true,
            Some(Verdict::Present(body)) => contents.applied.push(Some(body)),
            None => contents.applied.push(None),
        }
    }
    Ok(match is_missing {
        true => Verdict::Missing,
        false => Verdict::Present(contents),
    })
}

/// `None`: it is of no protocol that is recorded, and stays as it is.
fn applied_body<S: Session>(
    applied: &Applied,
    taken: &Taken,
    session: &S,
) -> Result<Option<Verdict<Recorded>>, S::Error> {
    let Some(url) = &applied.url else {
        return Ok(None);
    };
    let wanted = Wanted {
        url,
        range: applied.range,
        may_be_anew: true,
    };
    session.landed(&taken.listing, wanted).map(Some)
}

/// Everything that a segment needs, where all of it came in the end.
pub(super) fn came<S: Session>(taken: &Taken, session: &S) -> Result<Option<Contents>, S::Error> {
    let segment = &taken.segment;
    let (Some(url), false) = (&segment.url, segment.gap) else {
        return Ok(None);
    };
    let wanted = Wanted {
        url,
        range: segment.range,
        may_be_anew: false,
    };
    let Some(body) = session.came(&taken.listing, wanted)? else {
        return Ok(None);
    };
    let mut contents = Contents {
        body,
        applied: Vec::new(),
    };
    for applied in segment.keys.iter().chain(&segment.map) {
        let Some(url) = &applied.url else {
            contents.applied.push(None);
            continue;
        };
        let wanted = Wanted {
            url,
            range: applied.range,
            may_be_anew: true,
        };
        match session.came(&taken.listing, wanted)? {
            Some(body) => contents.applied.push(Some(body)),
            None => return Ok(None),
        }
    }
    Ok(Some(contents))
}
