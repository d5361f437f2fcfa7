//! The entries of the previous revision, found again: those that are unchanged, and those whose tokens changed.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use url::{Position, Url};

use super::entry::Listed;
use crate::hls::steps::step;
use crate::recorder::plan::model::{Key, Wanted};
use crate::session::{ByteRange, Kind};

/// What stayed as it was, found by going through two revisions side by side: both are in the order
/// of their sequence numbers.
#[derive(Debug)]
pub(crate) struct UnchangedEntries<'a>(&'a [Arc<Listed>]);

impl<'a> UnchangedEntries<'a> {
    pub(crate) fn new(before: &'a [Arc<Listed>]) -> Self {
        Self(before)
    }

    /// The same in the revision before; to be asked for one after the other.
    pub(crate) fn next(&mut self, wanted: &Wanted) -> Option<&'a Arc<Listed>> {
        loop {
            step();
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
pub(crate) struct PreviousListing<'a> {
    before: &'a [Arc<Listed>],
    /// The last media sequence number of it.
    last: Option<u64>,
    /// Made when something is asked for that is not known by its URL.
    index: OnceCell<Index<'a>>,
}

/// So many with one sequence number are gone through; of more, each is found by what stays.
const FEW: usize = 16;

/// Places in what was listed.
#[derive(Debug)]
struct Index<'a> {
    /// Of what is one segment: by its sequence number, in order.
    single: Vec<(u64, usize)>,
    /// Of what applies to several, or has its number together with many: in the order of their numbers.
    others: HashMap<Stays<'a>, Vec<Use>>,
}

/// For which sequence numbers something was listed.
#[derive(Debug)]
struct Use {
    first: u64,
    /// The last number of it, or of one before it, if that is larger.
    last_so_far: u64,
    /// Its place.
    at: usize,
}

/// Kind, URL without query, byte range, and which part of its segment it is.
type Stays<'a> = (Kind, &'a str, Option<ByteRange>, u64);

impl<'a> PreviousListing<'a> {
    pub(crate) fn new(before: &'a [Arc<Listed>], last: Option<u64>) -> Self {
        Self {
            before,
            last,
            index: OnceCell::new(),
        }
    }

    /// The first that is the same and was listed at the same sequence number.
    pub(crate) fn same(&self, wanted: &Wanted) -> Option<&'a Key> {
        if self.last.is_none_or(|last| last < wanted.sequence) {
            return None;
        }
        let index = self.index.get_or_init(|| Index::new(self.before));
        let first = index
            .single
            .partition_point(|(sequence, _)| *sequence < wanted.sequence);
        let same = |at: &usize| {
            step();
            let old = &self.before.get(*at)?.wanted;
            let is_then = old.sequence <= wanted.sequence && wanted.sequence <= old.last_use;
            (is_then && stays(old) == stays(wanted)).then_some(*at)
        };
        let single = index.single.iter().skip(first);
        let mut single = single
            .take_while(|(sequence, _)| *sequence == wanted.sequence)
            .filter_map(|(_, at)| same(at));
        let found = [single.next(), index.other(wanted)];
        let at = found.into_iter().flatten().min()?;
        self.before.get(at).map(|listed| &listed.key)
    }
}

impl<'a> Index<'a> {
    fn new(before: &'a [Arc<Listed>]) -> Self {
        let mut single = Vec::new();
        let mut others = Vec::new();
        for (at, old) in before.iter().map(|listed| &listed.wanted).enumerate() {
            match old.sequence == old.last_use {
                true => single.push((old.sequence, at)),
                false => others.push((old.sequence, at)),
            }
        }
        single.sort_unstable();
        let mut index = Self {
            single: Vec::with_capacity(single.len()),
            others: HashMap::new(),
        };
        for together in single.chunk_by(|(one, _), (other, _)| one == other) {
            match together.len() <= FEW {
                true => index.single.extend(together),
                false => others.extend(together),
            }
        }
        others.sort_unstable();
        for (_, at) in others {
            index.add(before, at);
        }
        index
    }

    /// In the order of their numbers.
    fn add(&mut self, before: &'a [Arc<Listed>], at: usize) {
        let Some(old) = before.get(at).map(|listed| &listed.wanted) else {
            return;
        };
        step();
        let uses = self.others.entry(stays(old)).or_default();
        let so_far = uses.last().map_or(0, |one| one.last_so_far);
        uses.push(Use {
            first: old.sequence,
            last_so_far: so_far.max(old.last_use),
            at,
        });
    }

    /// The first that lasts until what is wanted, if it begins before: whatever follows it begins later.
    fn other(&self, wanted: &Wanted) -> Option<usize> {
        let uses = self.others.get(&stays(wanted))?;
        let first = uses.partition_point(|one| {
            step();
            one.last_so_far < wanted.sequence
        });
        let found = uses.get(first)?;
        (found.first <= wanted.sequence).then_some(found.at)
    }
}

fn stays(wanted: &Wanted) -> Stays<'_> {
    // Of parts the place in their segment says which is which: whole paths may be signed anew.
    let path = match wanted.kind {
        Kind::Part => "",
        _ => without_query(&wanted.url),
    };
    (wanted.kind, path, wanted.range, wanted.part)
}

fn without_query(url: &Url) -> &str {
    &url[..Position::AfterPath]
}
