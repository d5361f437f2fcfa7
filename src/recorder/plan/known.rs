//! What the revision before listed, found again when tokens change.

use std::collections::HashMap;

use super::{Key, Wanted};
use crate::session::{ByteRange, Kind};

/// What the revision before listed, by what stays when tokens change.
#[derive(Debug)]
pub(super) struct Known<'a>(HashMap<Stays, Vec<&'a (Wanted, Key)>>);

/// Kind, URL without query, byte range.
type Stays = (Kind, String, Option<ByteRange>);

impl<'a> Known<'a> {
    pub(super) fn new(before: &'a [(Wanted, Key)]) -> Self {
        let mut map: HashMap<_, Vec<_>> = HashMap::new();
        for one in before {
            map.entry(stays(&one.0)).or_default().push(one);
        }
        Self(map)
    }

    pub(super) fn same(&self, wanted: &Wanted) -> Option<&'a Key> {
        self.0
            .get(&stays(wanted))?
            .iter()
            .find(|(old, _)| old.sequence <= wanted.sequence && wanted.sequence <= old.last_use)
            .map(|(_, key)| key)
    }
}

fn stays(wanted: &Wanted) -> Stays {
    let mut path = wanted.url.clone();
    path.set_query(None);
    (wanted.kind, path.into(), wanted.range)
}
