//! Whether a segment is there, with all that it needs. Pure.
//!
//! What applies to many segments of a listing is looked up once for them.

use std::sync::Arc;

use url::Url;

use super::contents::{AppliedBodies, Contents, RecordedBody};
use super::new_segment::NewSegment;
use super::verdict::{Listing, Verdict};
use crate::hls::{Applied, ByteRange, InForce};

/// A body that a revision names, to be looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a Url,
    pub(crate) range: Option<ByteRange>,
    /// A key or an initialization section: asked for again under its old name.
    pub(crate) may_be_anew: bool,
}

/// The bodies of a session.
pub(crate) trait Session {
    /// Why it cannot be read.
    type Error;

    /// The verdict on something that a revision lists.
    fn verdict(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Verdict<RecordedBody>, Self::Error>;

    /// In a finished session: the body that was recorded for it, however late.
    fn final_body(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Option<RecordedBody>, Self::Error>;
}

/// Looks up segments one after the other, in a session that stays as it is meanwhile.
#[derive(Debug)]
pub(crate) struct Resolver<'a, S> {
    session: &'a S,
    verdicts: LastResolved,
    final_bodies: LastResolved,
}

/// What applied to the segment before, and the bodies of that.
#[derive(Debug, Default)]
struct LastResolved {
    listing: Option<Listing>,
    in_force: Arc<InForce>,
    /// In the order of [`InForce::all`].
    each: Vec<(Arc<Applied>, Option<Found>)>,
    all: Option<Verdict<AppliedBodies>>,
}

type Found = Verdict<Arc<RecordedBody>>;

impl<'a, S: Session> Resolver<'a, S> {
    pub(crate) fn new(session: &'a S) -> Self {
        Self {
            session,
            verdicts: LastResolved::default(),
            final_bodies: LastResolved::default(),
        }
    }

    /// The verdict on a segment: it is present where all that it needs is.
    pub(crate) fn verdict(&mut self, taken: &NewSegment) -> Result<Verdict<Contents>, S::Error> {
        if let Some(contents) = &taken.contents {
            return Ok(Verdict::Present(contents.clone()));
        }
        let Some(wanted) = wanted(taken) else {
            return Ok(Verdict::Missing);
        };
        let (session, listing) = (self.session, &taken.listing);
        let body = match session.verdict(listing, wanted)? {
            Verdict::Present(body) => body,
            Verdict::Missing => return Ok(Verdict::Missing),
            Verdict::Undecided => return Ok(Verdict::Undecided),
        };
        let applied = self
            .verdicts
            .bodies(taken, |wanted| session.verdict(listing, wanted))?;
        Ok(match applied {
            Verdict::Present(applied) => Verdict::Present(Contents { body, applied }),
            Verdict::Missing => Verdict::Missing,
            Verdict::Undecided => Verdict::Undecided,
        })
    }

    /// In a finished session: everything that a segment needs, where all of it was recorded.
    pub(crate) fn final_contents(
        &mut self,
        taken: &NewSegment,
    ) -> Result<Option<Contents>, S::Error> {
        let Some(wanted) = wanted(taken) else {
            return Ok(None);
        };
        let (session, listing) = (self.session, &taken.listing);
        let Some(body) = session.final_body(listing, wanted)? else {
            return Ok(None);
        };
        let applied = self.final_bodies.bodies(taken, |wanted| {
            let found = session.final_body(listing, wanted)?;
            Ok(found.map_or(Verdict::Missing, Verdict::Present))
        })?;
        Ok(match applied {
            Verdict::Present(applied) => Some(Contents { body, applied }),
            Verdict::Missing | Verdict::Undecided => None,
        })
    }
}

/// The segment itself; `None`: there is nothing to ask for, or a player could do nothing with it.
fn wanted(taken: &NewSegment) -> Option<Wanted<'_>> {
    let segment = &taken.segment;
    let url = segment.url.as_ref()?;
    (!segment.gap && segment.in_force.is_enough()).then_some(Wanted {
        url,
        range: segment.range,
        may_be_anew: false,
    })
}

impl LastResolved {
    /// What applies to a segment, if all of it is there.
    fn bodies<E>(
        &mut self,
        taken: &NewSegment,
        mut look_up: impl FnMut(Wanted<'_>) -> Result<Verdict<RecordedBody>, E>,
    ) -> Result<Verdict<AppliedBodies>, E> {
        let in_force = &taken.segment.in_force;
        let is_same_listing = self.listing == Some(taken.listing);
        if let (Some(all), true) = (&self.all, is_same_listing)
            && Arc::ptr_eq(&self.in_force, in_force)
        {
            return Ok(all.clone());
        }
        let known = std::mem::take(&mut self.each);
        for applied in in_force.all() {
            let before = known
                .iter()
                .find(|(a, _)| is_same_listing && Arc::ptr_eq(a, applied));
            let found = match (before, &applied.url) {
                (Some((_, found)), _) => found.clone(),
                // Its protocol is not recorded: the line stays as it is.
                (None, None) => None,
                (None, Some(url)) => Some(share_body(look_up(Wanted {
                    url,
                    range: applied.range,
                    may_be_anew: true,
                })?)),
            };
            self.each.push((Arc::clone(applied), found));
        }
        let all = combined(&self.each);
        self.listing = Some(taken.listing);
        self.in_force = Arc::clone(in_force);
        self.all = Some(all.clone());
        Ok(all)
    }
}

fn share_body(found: Verdict<RecordedBody>) -> Found {
    match found {
        Verdict::Present(body) => Verdict::Present(Arc::new(body)),
        Verdict::Missing => Verdict::Missing,
        Verdict::Undecided => Verdict::Undecided,
    }
}

fn combined(each: &[(Arc<Applied>, Option<Found>)]) -> Verdict<AppliedBodies> {
    let is_any = |verdict: Found| {
        each.iter()
            .any(|(_, found)| *found == Some(verdict.clone()))
    };
    if is_any(Verdict::Undecided) {
        return Verdict::Undecided;
    }
    if is_any(Verdict::Missing) {
        return Verdict::Missing;
    }
    let body = |found: &Option<Found>| match found {
        Some(Verdict::Present(body)) => Some(Arc::clone(body)),
        _ => None,
    };
    Verdict::Present(each.iter().map(|(_, found)| body(found)).collect())
}
