//! A segment that a revision adds to a list.

use std::collections::HashMap;

use super::contents::Contents;
use super::verdict::Listing;
use crate::hls::ByteRange;
use crate::hls::DATERANGE;
use crate::hls::HeadFacts;
use crate::hls::Segment;
use url::Url;

/// A segment that is new, with what a list needs to know of its revision.
#[derive(Debug, Clone)]
pub(crate) struct NewSegment {
    pub(crate) segment: Segment,
    pub(crate) listing: Listing,
    pub(crate) head: HeadFacts,
    pub(crate) discontinuity_sequence: u64,
    /// The media sequence number that the origin gave it.
    pub(crate) number: u64,
    /// It does not follow the segment before it.
    pub(crate) breaks: bool,
    /// What it needs, where that is known: of a later listing.
    pub(crate) contents: Option<Contents>,
}

impl NewSegment {
    /// What it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let tags: usize = self.segment.tags.iter().map(String::len).sum();
        let url = self
            .segment
            .url
            .as_ref()
            .map_or(0, |url| url.as_str().len());
        size_of::<Self>() + self.segment.tags.len() * size_of::<String>() + tags + url
    }

    /// Replaces the segment with what a later revision lists, and with the bodies recorded for that.
    pub(crate) fn fill(&mut self, later: Self, contents: Contents) {
        let is_date = |line: &String| line.starts_with(DATERANGE);
        // Dates are listed once each, which was seen to already.
        let dates = std::mem::take(&mut self.segment.tags).into_iter();
        let mut tags: Vec<String> = dates.filter(is_date).collect();
        let others = later.segment.tags.iter().filter(|line| !is_date(line));
        tags.extend(others.cloned());
        self.segment = Segment {
            tags,
            // At the beginning of a window it may be left out.
            discontinuity: self.segment.discontinuity || later.segment.discontinuity,
            ..later.segment
        };
        self.number = later.number;
        self.contents = Some(contents);
    }
}

/// Segments of later revisions with their bodies. The key: the exchange of the revision that listed the segment first,
/// and its place.
pub(crate) type Fills = HashMap<(i64, u64), (NewSegment, Contents)>;

pub(crate) type Locator = (String, Option<ByteRange>);

pub(crate) fn locator(url: &Url, range: Option<ByteRange>) -> Locator {
    let mut path = url.clone();
    path.set_query(None);
    (path.into(), range)
}
