//! The plan of a stream: everything that it knows.

use super::model::{Fate, GivenUp, Key, PlaylistId, Turn};
use crate::hls::steps::step;
use crate::recorder::http::validators::Validators;
use crate::recorder::plan::items::host_returns::Returning;
use crate::recorder::plan::items::keys::Keys;
use crate::recorder::plan::items::table::Items;
use crate::recorder::plan::left::departed::DepartedItems;
use crate::recorder::plan::left::late_items::LateItems;
use crate::recorder::plan::listed::playlist::Playlist;
use crate::recorder::settings::limits::Limits;
use crate::session::Kind;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use tokio::time::Instant;

/// The plan of one stream.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Things that are known at once, ...
    pub(super) most: usize,
    /// ... and what they may take, as often as they are listed.
    pub(super) most_bytes: usize,
    pub(super) bytes: usize,
    /// Requests under way on account of one playlist.
    pub(super) most_in_flight: usize,
    /// Requests under way of what is late: beside these, so that they hold up nothing that is listed.
    pub(super) most_late: usize,
    /// Requests under way that are slow, beside all of these, and how many these may be.
    pub(super) slow: usize,
    pub(super) most_slow: usize,
    pub(super) items: Items,
    pub(super) keys: Keys,
    pub(super) late: LateItems,
    pub(super) departed: DepartedItems,
    /// Requests under way, by number, and whose place each takes.
    pub(super) under_way: HashMap<u64, Turn>,
    /// When each of them was made that takes a place.
    pub(super) since: BTreeMap<u64, Instant>,
    /// What is announced and to be asked for, ...
    pub(super) hints: Vec<(PlaylistId, Key)>,
    /// ... requests for such things that are under way, ...
    pub(super) hinted: HashMap<u64, PlaylistId>,
    /// ... of those for the rest of a resource what is listed of it, ...
    pub(super) listed_as: HashMap<u64, Key>,
    /// ... and what became of what they are for.
    pub(super) fates: Vec<(u64, Fate)>,
    /// Things that were given up: those that the next revision notes, and those that are to be logged.
    pub(super) gone: Vec<(Key, Kind)>,
    pub(super) untold: Vec<GivenUp>,
    /// There is no room for what would come: nothing is asked for.
    pub(super) has_no_room: bool,
    /// Things that were not asked for since that was so, and that are still to be counted.
    pub(super) without_room: u64,
    pub(super) playlists: BTreeMap<PlaylistId, Playlist>,
    pub(super) delayed: BTreeSet<(Instant, Key)>,
    pub(super) returning: Returning,
    pub(super) counter: u64,
    /// Taken in so far, of all playlists.
    pub(super) revisions: u64,
    /// Since when there is more to look at at once.
    pub(super) has_more: Option<Instant>,
}

impl Plan {
    pub(in crate::recorder) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.listed,
            most_bytes: limits.listed_bytes(),
            bytes: 0,
            most_in_flight: limits.downloads_per_playlist,
            most_late: (limits.downloads / 4).clamp(1, limits.downloads_per_playlist.max(1)),
            slow: 0,
            most_slow: limits.slow_downloads(),
            items: Items::default(),
            keys: Keys::default(),
            late: LateItems::default(),
            departed: DepartedItems::default(),
            under_way: HashMap::new(),
            since: BTreeMap::new(),
            hints: Vec::new(),
            hinted: HashMap::new(),
            listed_as: HashMap::new(),
            fates: Vec::new(),
            gone: Vec::new(),
            untold: Vec::new(),
            has_no_room: false,
            without_room: 0,
            playlists: BTreeMap::new(),
            delayed: BTreeSet::new(),
            returning: Returning::default(),
            counter: 0,
            revisions: 0,
            has_more: None,
        }
    }

    /// What the newest answer for a key said of its version.
    pub(in crate::recorder) fn validate(&mut self, key: &Key, validators: Option<Validators>) {
        self.keys.validate(key, validators);
    }
}

/// Whether all playlists that list segments have ended.
pub(super) fn are_over(all: &BTreeMap<PlaylistId, Playlist>) -> bool {
    let mut others = all.values().filter(|p| p.lists_segments).peekable();
    let is_over = |p: &Playlist| {
        step();
        p.ended
    };
    others.peek().is_some() && others.all(is_over)
}
