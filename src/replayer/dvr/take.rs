//! What each revision of a playlist adds to those before it. Pure.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use url::Url;

use super::verdict::Listing;
use crate::hls::{
    ByteRange, DATERANGE, HeadFacts, InForce, ReadSegments, Segment, Segments, Variables,
    head_facts,
};

/// A segment that is new, with what a list needs to know of its revision.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) segment: Segment,
    pub(super) listing: Listing,
    pub(super) head: HeadFacts,
    pub(super) discontinuity_sequence: u64,
    /// It does not follow the segment before it.
    pub(super) breaks: bool,
}

/// A revision, as far as it matters here.
#[derive(Debug, Clone)]
pub(super) struct Revision<'a> {
    pub(super) listing: Listing,
    /// What its references resolve against.
    pub(super) base: &'a Url,
    /// Those of the multivariant playlist.
    pub(super) imports: &'a Variables,
    pub(super) media_sequence: u64,
    pub(super) last_sequence: Option<u64>,
    pub(super) discontinuity_sequence: u64,
    /// The recorder had begun anew: it took an end for new that it had seen before.
    pub(super) begins_run: bool,
}

/// The text of a revision.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Its beginning, and what follows the last segment of the revision before.
    Rest { head: &'a [u8], rest: &'a [u8] },
}

/// What the revisions so far have listed.
#[derive(Debug, Default)]
pub(super) struct Take {
    /// The media sequence number that comes next; `None`: nothing was listed yet.
    next: Option<u64>,
    /// What applies behind the last segment.
    in_force: InForce,
    /// The last segment: its URL without query, and the part of it.
    last: Option<Place>,
    /// Media sequence numbers of late, with the URLs under them, without queries.
    recent: VecDeque<(u64, String)>,
    /// Dates that were taken.
    dates: HashSet<u64>,
    /// Dates that stood elsewhere, for the next segment.
    loose: Vec<String>,
}

type Place = (String, Option<ByteRange>);

/// So many segments are remembered with their numbers.
const RECENT: usize = 32;

impl Take {
    /// The media sequence number that comes next, if anything was listed.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// What a revision adds, in order.
    pub(super) fn revision(&mut self, revision: &Revision<'_>, text: Text<'_>) -> Vec<Taken> {
        let head = match text {
            Text::Whole(text) | Text::Rest { head: text, .. } => text,
        };
        let facts = head_facts(head);
        let variables = Variables::read(head, revision.base, revision.imports);
        // An advance to a number that was there before: the sequence began again.
        let goes_back = match (self.next, revision.last_sequence) {
            (Some(next), Some(last)) => last < next,
            _ => false,
        };
        let from = self.next.filter(|_| !goes_back).unwrap_or(0);
        let read = |first, in_force, text| {
            let reading = ReadSegments {
                base: revision.base,
                variables: &variables,
                first,
                from,
                in_force,
            };
            reading.read(text)
        };
        let found = match text {
            Text::Whole(text) => read(revision.media_sequence, InForce::default(), text),
            Text::Rest { rest, .. } => read(from, std::mem::take(&mut self.in_force), rest),
        };
        let Segments {
            mut list,
            dates,
            in_force,
            next_sequence,
        } = found;
        self.loose.extend(dates);
        if goes_back && revision.begins_run && self.knows_last(&list) {
            return Vec::new();
        }
        let grows = goes_back && self.skip_known(&mut list);
        let mut breaks = match self.next {
            Some(next) => (goes_back && !grows) || list.first().is_some_and(|s| s.sequence > next),
            None => false,
        };
        let listing = Listing {
            restarted: goes_back && !grows,
            ..revision.listing
        };
        self.in_force = in_force;
        if let Some(last) = list.last() {
            self.last = last.url.as_ref().map(|url| place(url, last.range));
        }
        if !list.is_empty() {
            self.next = Some(next_sequence);
        }
        let mut taken = Vec::with_capacity(list.len());
        for segment in list {
            self.remember(&segment);
            taken.push(Taken {
                segment: self.dated(segment),
                listing,
                head: facts,
                discontinuity_sequence: revision.discontinuity_sequence,
                breaks: std::mem::take(&mut breaks),
            });
        }
        taken
    }

    /// Whether the last segment was listed before, under the same number.
    fn knows_last(&self, list: &[Segment]) -> bool {
        let last = list
            .last()
            .and_then(|last| Some((last.sequence, place(last.url.as_ref()?, None).0)));
        last.is_some_and(|last| self.recent.contains(&last))
    }

    fn remember(&mut self, segment: &Segment) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        if let Some(url) = &segment.url {
            self.recent
                .push_back((segment.sequence, place(url, None).0));
        }
    }

    /// Takes out what was taken before, of a single file that grows under a sequence that
    /// its encoder forgets to count. Whether it is one.
    fn skip_known(&self, list: &mut Vec<Segment>) -> bool {
        let Some(last) = self.last.as_ref().filter(|(_, range)| range.is_some()) else {
            return false;
        };
        let is_last = |s: &Segment| {
            s.url
                .as_ref()
                .is_some_and(|url| place(url, s.range) == *last)
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

fn place(url: &Url, range: Option<ByteRange>) -> Place {
    let mut path = url.clone();
    path.set_query(None);
    (path.into(), range)
}

/// The same in every process: the hasher has no key of its own.
fn hash(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}
