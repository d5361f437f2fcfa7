//! Fills gaps in the list of a finished session. A later revision may list a missing segment again, under another name
//! or as one that was fetched then.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::feed::Feed;
use super::list::Missing;
use super::list::needs::Resolver;
use super::list::new_segment::Fills;
use super::recorded_stream::RecordedStream;
use crate::session::{ListedPlaces, ReadError, ResourceInfo};

/// Limits of the work: in a window of hours that has gaps, every revision would be read.
const MOST_REVISIONS: usize = 512;
const MOST_SEGMENTS: u64 = 500_000;

/// Looks for missing segments; `used`: exchanges that the list refers to.
pub(super) fn find(
    feed: &mut Feed,
    playlist: &ResourceInfo,
    stream: &RecordedStream<'_>,
    (missing, used): (Vec<Missing>, HashSet<i64>),
) -> Result<Fills, ReadError> {
    let mut fills = Fills::default();
    let reader = stream.reader;
    let starts = reader.runs()?.iter().map(|run| run.started_us).collect();
    let Some(mut open) = MissingPlaces::new(missing, starts) else {
        return Ok(fills);
    };
    let mut listings = reader.listed_places(playlist.id, open.since_us, open.span())?;
    listings.retain(|listing| open.lists_any(listing));
    let mut left = MOST_SEGMENTS;
    for listing in in_order(&listings, &open, &made_for(stream, &listings, &used)?) {
        left = left.saturating_sub(listing.last.saturating_sub(listing.first));
        if left == 0 {
            break;
        }
        if !open.lists_any(&listing) {
            continue;
        }
        let Some(listed) = reader.listed_revision(listing.revision)? else {
            continue;
        };
        let mut resolver = Resolver::new(stream);
        for later in feed.all_segments_of(reader, &listed)? {
            let place = later.segment.sequence;
            let Some(first) = open.missing_at(place, &listing) else {
                continue;
            };
            if let Some(contents) = resolver.final_contents(&later)? {
                open.filled(place);
                fills.insert((first.revision, place), (later, contents));
            }
        }
    }
    Ok(fills)
}

/// Revisions for which a segment was fetched that no place of the list refers to.
fn made_for(
    stream: &RecordedStream<'_>,
    listings: &[ListedPlaces],
    used: &HashSet<i64>,
) -> Result<HashSet<i64>, ReadError> {
    let Some(since) = listings.iter().map(|listing| listing.revision).min() else {
        return Ok(HashSet::new());
    };
    let requests = stream.reader.segments_since(stream.stream_id, since)?;
    let spare = requests.into_iter().filter(|(id, _)| !used.contains(id));
    Ok(spare.map(|(_, revision)| revision).collect())
}

/// The revisions that are read: first those for which a segment was fetched, then for each place the last one that
/// lists it, which may name a URL that was fetched before.
fn in_order(
    listings: &[ListedPlaces],
    open: &MissingPlaces,
    made_for: &HashSet<i64>,
) -> Vec<ListedPlaces> {
    let mut order: Vec<ListedPlaces> = listings
        .iter()
        .filter(|listing| made_for.contains(&listing.revision))
        .copied()
        .collect();
    let mut left = open.places.clone();
    for listing in listings.iter().rev() {
        let told: Vec<u64> = left.range(listing.first..=listing.last).copied().collect();
        if !told.is_empty() {
            order.push(*listing);
            for place in told {
                left.remove(&place);
            }
        }
    }
    order.truncate(MOST_REVISIONS);
    order
}

/// Places that are missing.
struct MissingPlaces {
    places: BTreeSet<u64>,
    first: HashMap<u64, Missing>,
    since_us: i64,
    /// When the runs of the recorder began: each counts places anew.
    starts: Vec<i64>,
}

impl MissingPlaces {
    fn new(missing: Vec<Missing>, starts: Vec<i64>) -> Option<Self> {
        let since_us = missing.iter().map(|missing| missing.seen_us).min()?;
        let mut first = HashMap::new();
        for missing in missing {
            // Where numbers began again, two segments have one place: a later revision could mean either.
            let is_only = first.insert(missing.place, missing).is_none();
            if !is_only {
                first.remove(&missing.place);
            }
        }
        Some(Self {
            places: first.keys().copied().collect(),
            first,
            since_us,
            starts,
        })
    }

    fn span(&self) -> (u64, u64) {
        let ends = (self.places.first(), self.places.last());
        (
            ends.0.copied().unwrap_or(u64::MAX),
            ends.1.copied().unwrap_or(0),
        )
    }

    fn lists_any(&self, listing: &ListedPlaces) -> bool {
        let places = || self.places.range(listing.first..=listing.last);
        listing.first <= listing.last && places().next().is_some()
    }

    /// The missing segment at a place that this later revision lists.
    fn missing_at(&self, place: u64, listing: &ListedPlaces) -> Option<Missing> {
        let missing = self
            .first
            .get(&place)
            .filter(|_| self.places.contains(&place))?;
        let between = missing.seen_us.saturating_add(1)..=listing.seen_us;
        let is_its_run = !self.starts.iter().any(|start| between.contains(start));
        (listing.seen_us >= missing.seen_us && is_its_run).then_some(*missing)
    }

    fn filled(&mut self, place: u64) {
        self.places.remove(&place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_later_listings_of_the_same_run_say_more_of_a_place() {
        let missing = |place, seen_us| Missing {
            revision: seen_us,
            seen_us,
            place,
        };
        let all = vec![
            missing(5, 10),
            missing(7, 20),
            missing(7, 70),
            missing(9, 60),
        ];
        let open = MissingPlaces::new(all, vec![0, 50]).unwrap();
        let listing = |seen_us, first, last| ListedPlaces {
            revision: seen_us,
            seen_us,
            first,
            last,
        };
        assert_eq!(open.missing_at(5, &listing(30, 4, 6)), Some(missing(5, 10)));
        assert_eq!(
            open.missing_at(5, &listing(5, 4, 6)),
            None,
            "an earlier one"
        );
        assert_eq!(open.missing_at(5, &listing(55, 4, 6)), None, "another run");
        assert_eq!(
            open.missing_at(7, &listing(80, 7, 7)),
            None,
            "two have that place"
        );
        assert_eq!(open.missing_at(9, &listing(61, 9, 9)), Some(missing(9, 60)));
        assert!(open.lists_any(&listing(1, 6, 9)));
        assert!(!open.lists_any(&listing(1, 6, 8)));
        assert!(!open.lists_any(&listing(1, 9, 5)));
        let windows = [listing(10, 4, 6), listing(30, 5, 9), listing(40, 6, 9)];
        let order = in_order(&windows, &open, &HashSet::from([10]));
        assert_eq!(order, [windows[0], windows[2], windows[1]]);
    }
}
