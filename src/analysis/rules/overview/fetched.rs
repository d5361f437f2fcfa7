//! What became of the segments that were asked for, by their names. Pure.

use std::collections::HashMap;

/// Requests that are remembered.
const MOST: usize = 400_000;
/// Of one name so many are looked at that came before it was listed.
const MOST_BEFORE: usize = 16;
/// Redirects whose end is waited for.
const MOST_REDIRECTED: usize = 10_000;

/// A segment, as it was listed.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Of its URL and its range; `None`: it has none that can be asked for.
    pub name: Option<u64>,
    /// When it was listed, in microseconds of Unix time.
    pub listed_us: i64,
    /// How long it plays, in microseconds.
    pub duration_us: i64,
    /// EXT-X-GAP: nobody is to ask for it.
    pub is_gap: bool,
    /// It is of a list of which everything was new.
    pub jumped: bool,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// It was there at that moment, whole, in microseconds of Unix time.
    Came(i64),
    /// It never was.
    Failed,
    /// It failed for a reason of the recorder's own: whether it was there nobody knows.
    Own,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    /// It came, then.
    Came(i64),
    /// It had been asked for before it was listed there, and was not asked for again: a slate. When it came.
    Known(i64),
    /// It was asked for, and never came; or nobody is to ask for it.
    Never,
    /// It was not asked for, or what became of it is the recorder's own doing.
    NotAsked,
}

/// Requests for segments.
#[derive(Debug, Default)]
pub struct Fetches {
    /// Name, when it was requested, what became of it.
    all: Vec<(u64, i64, Fetched)>,
    /// Names of what was redirected, by the exchange that the chain began with.
    redirected: HashMap<i64, u64>,
    is_cut: bool,
}

impl Fetches {
    /// A segment was requested, by its name; in microseconds of Unix time.
    pub fn take(&mut self, name: u64, requested_us: i64, became: Fetched) {
        self.is_cut |= self.all.len() >= MOST;
        if !self.is_cut {
            self.all.push((name, requested_us, became));
        }
    }

    /// A request was redirected: what becomes of it is that of another exchange.
    pub fn redirected(&mut self, exchange: i64, name: u64) {
        if self.redirected.len() < MOST_REDIRECTED {
            self.redirected.insert(exchange, name);
        }
    }

    /// The name of what a chain of redirects began with.
    pub fn name_of(&self, head: i64) -> Option<u64> {
        self.redirected.get(&head).copied()
    }

    /// All are there.
    pub fn sort(&mut self) {
        self.all
            .sort_by_key(|(name, requested_us, _)| (*name, *requested_us));
    }

    /// Whether there were more than are remembered.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What became of a segment that is listed again then.
    pub(super) fn of(&self, item: &Item, again_us: Option<i64>) -> Fetch {
        if item.is_gap {
            return Fetch::Never;
        }
        let Some(name) = item.name else {
            return Fetch::NotAsked;
        };
        let all = self.all.as_slice();
        let next = all.partition_point(|one| (one.0, one.1) < (name, item.listed_us));
        let (earlier, later) = all.split_at_checked(next).unwrap_or_default();
        let is_its = |one: &&(u64, i64, Fetched)| one.0 == name;
        let before = earlier.iter().rev().take_while(is_its).take(MOST_BEFORE);
        let before = before.filter_map(|one| one.2.came_us()).min();
        let lap = later.iter().take_while(is_its);
        let lap = lap.take_while(|one| again_us.is_none_or(|again_us| one.1 < again_us));
        let (mut failed, mut came) = (false, None::<i64>);
        for (_, _, became) in lap {
            failed |= *became == Fetched::Failed;
            came = came.into_iter().chain(became.came_us()).min();
        }
        match (came, before) {
            (Some(at_us), _) => Fetch::Came(at_us),
            (None, _) if failed => Fetch::Never,
            (None, Some(at_us)) => Fetch::Known(at_us),
            (None, None) => Fetch::NotAsked,
        }
    }
}

impl Fetched {
    fn came_us(self) -> Option<i64> {
        match self {
            Self::Came(at_us) => Some(at_us),
            Self::Failed | Self::Own => None,
        }
    }
}
