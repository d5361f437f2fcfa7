//! Which playlist a new URL of a multivariant playlist stands for: one that is known under another token, or one
//! whose place it takes. Pure.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use url::Url;

use super::names::without_query;
use super::playlist::Playlist;
use crate::hls::steps::step;
use crate::hls::{Child, ChildRole};
use crate::recorder::plan::PlaylistId;

/// URLs that a multivariant playlist names and the user left out. None of them is another name of a recorded playlist.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    /// In its newest revision.
    now: HashSet<Url>,
    /// In any.
    ever: HashSet<Url>,
}

impl LeftOut {
    /// So many URLs of earlier revisions are remembered at most.
    pub(crate) fn take(&mut self, children: &[Child], most: usize) {
        self.now = children.iter().map(|child| child.url.clone()).collect();
        for url in &self.now {
            if self.ever.len() < most {
                self.ever.insert(url.clone());
            }
        }
    }

    fn has(&self, url: &Url) -> bool {
        self.ever.contains(url)
    }
}

/// Playlists by what their URLs are without a query. There may be very many.
pub(crate) struct Tokens<'a> {
    /// Those that are left out, too.
    children: HashMap<Url, usize>,
    active: HashMap<Url, Vec<&'a Arc<Playlist>>>,
    left_out: &'a LeftOut,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(
        children: &[Child],
        left_out: &'a LeftOut,
        active: &'a [Arc<Playlist>],
    ) -> Self {
        let mut tokens = Self {
            children: HashMap::new(),
            active: HashMap::new(),
            left_out,
        };
        let named = children.iter().map(|child| &child.url);
        for url in named.chain(&left_out.now) {
            *tokens.children.entry(without_query(url)).or_default() += 1;
        }
        for playlist in active {
            let paths: HashSet<Url> = playlist.urls().iter().map(without_query).collect();
            for path in paths {
                tokens.active.entry(path).or_default().push(playlist);
            }
        }
        tokens
    }

    /// The playlist that `child` is under a new token: the only one of its path, before and now.
    pub(crate) fn another(&self, child: &Child) -> Option<&'a Arc<Playlist>> {
        if self.left_out.has(&child.url) {
            return None;
        }
        let path = without_query(&child.url);
        match (self.children.get(&path), self.active.get(&path)?.as_slice()) {
            (Some(1), [one]) => Some(*one),
            _ => None,
        }
    }
}

/// How a multivariant playlist describes a playlist: its label and its kind.
type Kind<'a> = (ChildRole, &'a str);

/// Playlists that are no longer named, by their places.
#[derive(Default)]
struct Left<'a> {
    by_place: HashMap<usize, VecDeque<&'a Arc<Playlist>>>,
    count: usize,
}

impl<'a> Left<'a> {
    fn add(&mut self, playlist: &'a Arc<Playlist>) {
        let there = self.by_place.entry(playlist.place).or_default();
        there.push_back(playlist);
        self.count += 1;
    }

    fn take(&mut self, place: usize) -> Option<&'a Arc<Playlist>> {
        step();
        let there = self.by_place.get_mut(&place)?;
        let taken = there.pop_front();
        if there.is_empty() {
            self.by_place.remove(&place);
        }
        self.count -= usize::from(taken.is_some());
        taken
    }

    /// The playlist, where there is only one.
    fn take_only(&mut self) -> Option<&'a Arc<Playlist>> {
        let place = self.by_place.keys().next().filter(|_| self.count == 1);
        self.take(*place?)
    }
}

/// Playlists that are no longer named, and those that are named and not known.
pub(crate) struct Places<'a> {
    left: HashMap<Kind<'a>, Left<'a>>,
    unknown: HashMap<Kind<'a>, usize>,
    left_out: &'a LeftOut,
}

impl<'a> Places<'a> {
    /// `kept`: those that are named; `unknown`: what is named and is none of them.
    pub(crate) fn new(
        active: &'a [Arc<Playlist>],
        (kept, left_out): (&HashSet<PlaylistId>, &'a LeftOut),
        unknown: impl Iterator<Item = &'a Child>,
    ) -> Self {
        let mut places = Self {
            left: HashMap::new(),
            unknown: HashMap::new(),
            left_out,
        };
        let may_go_on = |p: &&Arc<Playlist>| {
            let standing = p.standing();
            let is_named = p.urls().iter().any(|url| left_out.now.contains(url));
            // What has ended is over; what comes then is another.
            !is_named && (standing.on_demand || standing.ended_since.is_none())
        };
        let left = active.iter().filter(|p| !kept.contains(&p.id));
        for playlist in left.filter(may_go_on) {
            let kind = (playlist.role, playlist.described.as_str());
            places.left.entry(kind).or_default().add(playlist);
        }
        for child in unknown {
            *places.unknown.entry(kind_of(child)).or_default() += 1;
        }
        places
    }

    /// The playlist whose place `child` takes: what was described so at the same place, or the only one that was.
    pub(crate) fn taken_by(&mut self, child: &'a Child, place: usize) -> Option<&'a Arc<Playlist>> {
        if self.left_out.has(&child.url) {
            return None;
        }
        let is_only = self.unknown.get(&kind_of(child)) == Some(&1);
        let left = self.left.get_mut(&kind_of(child))?;
        match left.take(place) {
            None if is_only => left.take_only(),
            taken => taken,
        }
    }
}

fn kind_of(child: &Child) -> Kind<'_> {
    (child.role, child.described.as_str())
}
