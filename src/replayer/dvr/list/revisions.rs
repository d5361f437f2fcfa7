//! Which segments each revision of a playlist adds to those before it. Pure.

use super::never_listed::{Edge, Listed, NeverListed};
use super::new_segment::NewSegment;
use super::new_segment::{Locator, locator};
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use url::Url;

use super::verdict::Listing;
use crate::hls::{
    DATERANGE, Following, HeadFacts, ReadSegments, Segment, Segments, Variables, head_facts,
};

/// A revision, and where its segments lie.
#[derive(Debug, Clone)]
pub(crate) struct Revision<'a> {
    pub(crate) listing: Listing,
    /// The base of its references.
    pub(crate) base: &'a Url,
    /// The variables of the multivariant playlist.
    pub(crate) imports: &'a Variables,
    /// Place of its first segment, and of its last: segments are counted by these.
    pub(crate) place: u64,
    pub(crate) last_place: Option<u64>,
    /// A place and this, wrapping around, is the media sequence number.
    pub(crate) number_offset: u64,
    pub(crate) discontinuity_sequence: u64,
    /// The recorder had begun a new run: it took an end for new that an earlier run had seen.
    pub(crate) begins_run: bool,
}

/// The text of a revision.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RevisionText<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Its beginning, and what follows the last segment of the revision before.
    Rest { head: &'a [u8], rest: &'a [u8] },
}

/// What the revisions so far have listed.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    /// The reference to the root of the replay.
    root: String,
    /// The place that comes next; `None`: nothing was listed yet.
    next: Option<u64>,
    /// State of the last text that applies to the segments after it.
    following: Following,
    /// The last segment: its URL without query, and its byte range.
    last: Option<Locator>,
    /// Recent places, with their URLs without queries.
    recent: VecDeque<(u64, String)>,
    /// Dates that were added.
    dates: HashSet<u64>,
    /// Dates that stood elsewhere, for the next segment.
    loose: Vec<String>,
    /// What is known of the segment that was listed last.
    edge: Option<Edge>,
    /// Segments in the place of those that were never listed.
    never_listed: u64,
}

/// Segments of a list, all in all, that stand in the place of those that were never listed.
const MOST_NEVER_LISTED: u64 = 100_000;
/// Segments that are remembered with their numbers.
const RECENT: usize = 32;

impl Revisions {
    /// References lead to the root of the replay by this one.
    pub(crate) fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            ..Self::default()
        }
    }

    /// The place that comes next, if anything was listed.
    pub(crate) fn next(&self) -> Option<u64> {
        self.next
    }

    /// What a revision adds, in order.
    pub(crate) fn add(
        &mut self,
        revision: &Revision<'_>,
        text: RevisionText<'_>,
    ) -> Vec<NewSegment> {
        // An advance to a number that was there before: the sequence began again.
        let goes_back = match (self.next, revision.last_place) {
            (Some(next), Some(last)) => last < next,
            _ => false,
        };
        let from = self.next.filter(|_| !goes_back).unwrap_or(0);
        let end_us = self.following.end_us();
        let (head, found) = self.read(revision, text, from);
        let mut list = found.list;
        self.loose.extend(found.dates);
        if goes_back && revision.begins_run && self.knows_last(&list) {
            return Vec::new();
        }
        let restarted = goes_back && !self.skip_known(&mut list);
        let (missing, mut breaks) = self.before(revision, &list, end_us, (goes_back, restarted));
        let listing = Listing {
            restarted: restarted || revision.listing.restarted,
            ..revision.listing
        };
        self.following = found.following;
        if let Some(last) = list.last() {
            self.last = last.url.as_ref().map(|url| locator(url, last.range));
            self.next = Some(found.next_sequence);
        }
        let new = |segment: Segment, breaks| NewSegment {
            number: segment.sequence.wrapping_add(revision.number_offset),
            segment,
            listing,
            head,
            discontinuity_sequence: revision.discontinuity_sequence,
            breaks,
            contents: None,
        };
        let mut added: Vec<NewSegment> = missing.into_iter().map(|one| new(one, false)).collect();
        for segment in list {
            self.remember(&segment);
            let segment = self.dated(segment);
            added.push(new(segment, std::mem::take(&mut breaks)));
        }
        added
    }

    /// What stands before what a revision lists anew: segments in the place of those that were never listed, and whether a
    /// discontinuity. `end_us`: when the segment before that ends.
    fn before(
        &mut self,
        revision: &Revision<'_>,
        list: &[Segment],
        end_us: Option<i64>,
        (goes_back, restarted): (bool, bool),
    ) -> (Vec<Segment>, bool) {
        let jumps = |next: &u64| list.first().is_some_and(|first| first.sequence > *next);
        let jump = self.next.filter(jumps).filter(|_| !goes_back);
        let listed = listed(revision, list);
        let between = jump.and_then(|next| self.never_listed(revision, (next, end_us), &listed));
        let goes_on = jump.is_none() && !restarted;
        self.edge = Edge::behind(self.edge.filter(|_| goes_on), &listed);
        match between {
            Some(between) => (between.segments, between.breaks),
            None => (Vec::new(), !goes_on),
        }
    }

    /// What stands in the place of segments that were never listed: those from a place on that `list` goes on without.
    /// `end_us`: when the one before them ends.
    fn never_listed(
        &mut self,
        revision: &Revision<'_>,
        (next, end_us): (u64, Option<i64>),
        listed: &Listed<'_>,
    ) -> Option<NeverListed> {
        let is_whole = listed.list.first()?.sequence == revision.place;
        let edge = self
            .edge
            .filter(|_| is_whole && !revision.listing.restarted)?;
        let between = edge.to((next, end_us?), listed)?;
        let count = self
            .never_listed
            .saturating_add(between.segments.len() as u64);
        if count > MOST_NEVER_LISTED {
            return None;
        }
        self.never_listed = count;
        Some(between)
    }

    /// Reads a text, from a place on.
    fn read(
        &mut self,
        revision: &Revision<'_>,
        text: RevisionText<'_>,
        from: u64,
    ) -> (HeadFacts, Segments) {
        let (head, text, first, following) = match text {
            RevisionText::Whole(text) => (text, text, revision.place, Following::default()),
            RevisionText::Rest { head, rest } => {
                (head, rest, from, std::mem::take(&mut self.following))
            }
        };
        let reading = ReadSegments {
            base: revision.base,
            root: &self.root,
            variables: &Variables::read(head, revision.base, revision.imports),
            first,
            from,
            following,
        };
        (head_facts(head), reading.read(text))
    }

    /// Whether the last segment was listed before, under the same number.
    fn knows_last(&self, list: &[Segment]) -> bool {
        let last = list
            .last()
            .and_then(|last| Some((last.sequence, locator(last.url.as_ref()?, None).0)));
        last.is_some_and(|last| self.recent.contains(&last))
    }

    fn remember(&mut self, segment: &Segment) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        if let Some(url) = &segment.url {
            self.recent
                .push_back((segment.sequence, locator(url, None).0));
        }
    }

    /// Removes segments that were listed before, of a single file that grows under a sequence that
    /// its encoder forgets to count. Whether it is such a file.
    fn skip_known(&self, list: &mut Vec<Segment>) -> bool {
        let Some(last) = self.last.as_ref().filter(|(_, range)| range.is_some()) else {
            return false;
        };
        let is_last = |s: &Segment| {
            s.url
                .as_ref()
                .is_some_and(|url| locator(url, s.range) == *last)
        };
        let known = list.iter().rposition(is_last);
        if let Some(at) = known {
            list.drain(..=at);
        }
        known.is_some()
    }

    /// A segment with each date once, wherever that stood.
    fn dated(&mut self, mut segment: Segment) -> Segment {
        let own = std::mem::take(&mut segment.tags);
        for line in std::mem::take(&mut self.loose).into_iter().chain(own) {
            if !line.starts_with(DATERANGE) || self.dates.insert(hash(&line)) {
                segment.tags.push(line);
            }
        }
        segment
    }
}

fn listed<'a>(revision: &Revision<'_>, list: &'a [Segment]) -> Listed<'a> {
    Listed {
        list,
        number_offset: revision.number_offset,
        discontinuity_sequence: revision.discontinuity_sequence,
        target_us: revision.listing.target_us,
    }
}

/// Equal in every process: the hasher has no random key.
fn hash(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}
