//! What the revision before listed, found again: where it stayed as it was, and where tokens changed.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use url::{Position, Url};

use super::{Key, Listed, Wanted};
use crate::session::{ByteRange, Kind};

/// What stayed as it was, found by going through two revisions side by side: both are in the order
/// of their sequence numbers.
#[derive(Debug)]
pub(super) struct Stayed<'a>(&'a [Arc<Listed>]);

impl<'a> Stayed<'a> {
    pub(super) fn new(before: &'a [Arc<Listed>]) -> Self {
        Self(before)
    }

    /// The same in the revision before; to be asked for one after the other.
    pub(super) fn next(&mut self, wanted: &Wanted) -> Option<&'a Arc<Listed>> {
        loop {
            let (first, rest) = self.0.split_first()?;
            if first.wanted.sequence > wanted.sequence {
                return None;
            }
            self.0 = rest;
            if first.wanted == *wanted {
                return Some(first);
            }
        }
    }
}

/// What the revision before listed, by what stays when tokens change.
#[derive(Debug)]
pub(super) struct Known<'a> {
    before: &'a [Arc<Listed>],
    /// The last media sequence number of it.
    last: Option<u64>,
    /// Made when something is asked for that is not known by its URL.
    index: OnceCell<Index<'a>>,
}

/// Places in what was listed.
#[derive(Debug)]
struct Index<'a> {
    /// Of what is one segment: by its sequence number, in order.
    single: Vec<(u64, usize)>,
    /// Of what applies to several.
    lasting: HashMap<Stays<'a>, Vec<usize>>,
}

/// Kind, URL without query, byte range.
type Stays<'a> = (Kind, &'a str, Option<ByteRange>);

impl<'a> Known<'a> {
    pub(super) fn new(before: &'a [Arc<Listed>], last: Option<u64>) -> Self {
        Self {
            before,
            last,
            index: OnceCell::new(),
        }
    }

    /// The first that is the same and was listed at the same sequence number.
    pub(super) fn same(&self, wanted: &Wanted) -> Option<&'a Key> {
        if self.last.is_none_or(|last| last < wanted.sequence) {
            return None;
        }
        let index = self.index.get_or_init(|| Index::new(self.before));
        let first = index
            .single
            .partition_point(|(sequence, _)| *sequence < wanted.sequence);
        let same = |at: &usize| {
            let old = &self.before.get(*at)?.wanted;
            let is_then = old.sequence <= wanted.sequence && wanted.sequence <= old.last_use;
            (is_then && stays(old) == stays(wanted)).then_some(*at)
        };
        let single = index.single.iter().skip(first);
        let mut single = single
            .take_while(|(sequence, _)| *sequence == wanted.sequence)
            .filter_map(|(_, at)| same(at));
        let lasting = index.lasting.get(&stays(wanted)).into_iter().flatten();
        let found = [single.next(), lasting.filter_map(same).next()];
        let at = found.into_iter().flatten().min()?;
        self.before.get(at).map(|listed| &listed.key)
    }
}

impl<'a> Index<'a> {
    fn new(before: &'a [Arc<Listed>]) -> Self {
        let mut index = Self {
            single: Vec::new(),
            lasting: HashMap::new(),
        };
        for (at, old) in before.iter().map(|listed| &listed.wanted).enumerate() {
            if old.sequence == old.last_use {
                index.single.push((old.sequence, at));
            } else {
                index.lasting.entry(stays(old)).or_default().push(at);
            }
        }
        index.single.sort_unstable();
        index
    }
}

fn stays(wanted: &Wanted) -> Stays<'_> {
    (wanted.kind, without_query(&wanted.url), wanted.range)
}

fn without_query(url: &Url) -> &str {
    &url[..Position::AfterPath]
}
