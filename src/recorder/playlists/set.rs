//! The playlists of a stream: which there are, how each stands, when all is over.

use super::playlist::Playlist;
use super::standing::Standing;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::names::{Name, Names};
use super::over::{is_any_group_gone, left_for_good, over};
use super::renewal::{LeftOut, Places, Tokens};
use crate::hls::steps::step;
use crate::hls::{Child, ChildRole};
use crate::recorder::admission::reach::Reach;
use crate::recorder::plan::PlaylistId;
use crate::recorder::stats::board::{PlaylistStats, Stats};
use crate::session::{ExchangeId, Kind};

/// All URLs of the playlists of a stream, in bytes. Each is in memory several times.
const MOST_URL_BYTES: usize = 8 * 1024 * 1024;

/// The playlists of a stream.
#[derive(Debug)]
pub(crate) struct Playlists {
    all: Mutex<Vec<Arc<Playlist>>>,
    left_out: Mutex<LeftOut>,
    renewals: AtomicU32,
    /// How many there may be.
    most: usize,
    /// For how long after its end the stream may come back.
    wait: Option<Duration>,
    stats: Stats,
    changed: Notify,
}

/// What a multivariant playlist's revision means for the playlists it names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// To be polled from now on.
    pub new: Vec<Arc<Playlist>>,
    /// Known ones under another URL.
    pub aliases: Vec<(Arc<Playlist>, Url)>,
    /// How many revisions in a row replaced playlists by new ones.
    pub renewals: u32,
    /// Left out: there are too many.
    pub too_many: usize,
}

impl Playlists {
    pub(crate) fn new(stats: Stats, most: usize, wait: Option<Duration>) -> Self {
        Self {
            all: Mutex::new(Vec::new()),
            left_out: Mutex::default(),
            renewals: AtomicU32::new(0),
            most,
            wait,
            stats,
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Playlist>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what the user typed.
    pub(crate) fn root(&self, url: Url, label: String, from_us: Option<i64>) -> Arc<Playlist> {
        let child = Child {
            role: ChildRole::Variant,
            url,
            label,
            height: None,
            bandwidth: 0,
            language: None,
            described: String::new(),
            group: String::new(),
        };
        self.add(&mut self.lock(), &child, 0, None, from_us)
    }

    /// `revision`: that of the multivariant playlist that named it, which is the first; none: the
    /// user did.
    fn add(
        &self,
        all: &mut Vec<Arc<Playlist>>,
        child: &Child,
        place: usize,
        revision: Option<ExchangeId>,
        from_us: Option<i64>,
    ) -> Arc<Playlist> {
        let namer = all.first().filter(|_| revision.is_some());
        let reach = namer.map_or(Reach::Any, |namer| namer.may_lead());
        let downgraded = namer.is_some_and(|namer| namer.names_downgraded());
        let name = Name {
            url: child.url.clone(),
            revision,
        };
        let playlist = Arc::new(Playlist {
            id: all.len(),
            kind: revision.map_or(Kind::Main, |_| Kind::Media),
            url: child.url.clone(),
            stats: self.stats.add(child.label.clone()),
            is_started: AtomicBool::new(false),
            label: child.label.clone(),
            role: child.role,
            described: child.described.clone(),
            group: child.group.clone(),
            place,
            referrer: revision,
            from_us,
            reach,
            downgraded,
            standing: Mutex::new(Standing::default()),
            names: Mutex::new(Names::new(name)),
            woken: Notify::new(),
        });
        all.push(Arc::clone(&playlist));
        playlist
    }

    fn left_out(&self) -> MutexGuard<'_, LeftOut> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a revision of the multivariant playlist names and is not recorded; before [`Self::take_in_names`].
    pub(crate) fn leave_out(&self, children: &[Child]) {
        self.left_out().take(children, self.most);
    }

    /// Takes in what a revision of the multivariant playlist names.
    pub(crate) fn take_in_names(
        &self,
        children: &[Child],
        revision: ExchangeId,
        from_us: i64,
        now: Instant,
    ) -> Named {
        let mut all = self.lock();
        let left_out = self.left_out();
        let active: Vec<Arc<Playlist>> = all
            .iter()
            .filter(|p| p.kind == Kind::Media && p.may_be_named(now))
            .cloned()
            .collect();
        let mut known: Vec<Option<&Arc<Playlist>>> = known_playlists(children, &left_out, &active);
        let kept: HashSet<PlaylistId> = known.iter().flatten().map(|p| p.id).collect();
        let unknown = children.iter().zip(&known).filter(|(_, p)| p.is_none());
        let mut places = Places::new(&active, (&kept, &left_out), unknown.map(|(child, _)| child));
        let mut named = Named::default();
        let mut kept = kept;
        let mut renewed = false;
        let mut url_bytes: usize = active.iter().map(|p| p.url_bytes()).sum();
        let mut has_room = |url: &Url| {
            let with_it = url_bytes + url.as_str().len();
            let fits = with_it <= MOST_URL_BYTES;
            if fits {
                url_bytes = with_it;
            }
            fits
        };
        for ((place, child), known) in children.iter().enumerate().zip(&mut known) {
            *known = known.or_else(|| places.taken_by(child, place));
            if let Some(known) = known {
                let is_new_name = !known.has_url(&child.url);
                renewed |= is_new_name;
                kept.insert(known.id);
                if is_new_name && !has_room(&child.url) {
                    named.too_many += 1;
                } else if known.takes_name(child, revision, now) {
                    known.is_named_by(all.first());
                    named.aliases.push((Arc::clone(known), child.url.clone()));
                }
            } else if active.len() + named.new.len() >= self.most || !has_room(&child.url) {
                named.too_many += 1;
            } else {
                let new = self.add(&mut all, child, place, Some(revision), Some(from_us));
                named.new.push(new);
            }
        }
        let dropped = drop_others(&active, &kept, now);
        named.renewals = self.count_renewal(renewed || (dropped && !named.new.is_empty()));
        named
    }

    /// How many revisions in a row replaced playlists.
    fn count_renewal(&self, replaced: bool) -> u32 {
        let before = self.renewals.load(Ordering::Relaxed);
        let renewals = match replaced {
            true => before.saturating_add(1),
            false => 0,
        };
        self.renewals.store(renewals, Ordering::Relaxed);
        renewals
    }

    /// The multivariant playlist came again as it was: its names are not made up at each request.
    pub(crate) fn named_again(&self, now: Instant) {
        self.renewals.store(0, Ordering::Relaxed);
        for playlist in self.lock().iter().filter(|p| p.kind == Kind::Media) {
            let standing = playlist.standing();
            if standing.dropped_since.is_none() {
                playlist.names().named_again(now, standing.target());
                if playlist.has_fresh_name(now) {
                    playlist.woken.notify_one();
                }
            }
        }
    }

    /// Whether all playlists of a group have gone, so that nothing plays.
    pub(crate) fn nothing_plays(&self) -> bool {
        let all = self.lock();
        let counts = |p: &&Arc<Playlist>| {
            let is_heard = p.role == ChildRole::Variant
                || (p.role == ChildRole::Rendition && !p.group.is_empty());
            p.kind == Kind::Media && is_heard
        };
        let standings: Vec<(&str, Standing)> = all
            .iter()
            .filter(counts)
            .map(|p| (p.group.as_str(), p.standing()))
            .filter(|(_, s)| s.dropped_since.is_none() && !s.on_demand && !s.multivariant)
            .collect();
        is_any_group_gone(standings.iter().map(|(group, s)| (*group, s)))
    }

    /// Whether others are polled at its host of which a player takes one in its place: other variants, other
    /// renditions of its group.
    pub(crate) fn has_others_in_place(&self, playlist: &Playlist) -> bool {
        let host = |p: &Playlist| {
            let url = p.names().current().next().cloned()?;
            Some((url.host_str()?.to_owned(), url.port_or_known_default()))
        };
        let own = host(playlist);
        let is_in_place = |p: &&Arc<Playlist>| {
            let standing = p.standing();
            p.id != playlist.id
                && (p.kind, p.role) == (playlist.kind, playlist.role)
                && p.group == playlist.group
                && standing.dropped_since.is_none()
                && !standing.on_demand
                && host(p) == own
        };
        playlist.kind == Kind::Media && self.lock().iter().any(|p| is_in_place(&p))
    }

    /// A playlist has gone, or is back: what names it may have to be polled sooner.
    pub(crate) fn wake_first(&self) {
        if let Some(first) = self.lock().first() {
            first.woken.notify_one();
        }
    }

    /// Playlists that were named and have no loop.
    pub(crate) fn never_started(&self) -> Vec<Arc<Playlist>> {
        let has_none = |p: &&Arc<Playlist>| !p.is_started.load(Ordering::Relaxed);
        self.lock().iter().filter(has_none).cloned().collect()
    }

    /// How many there are; their numbers are below that.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Something about a playlist or the downloads changed.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Waits for the next change.
    pub(crate) async fn wait(&self) {
        self.changed.notified().await;
    }

    /// Whether nothing has come yet of what the user typed, good or bad.
    pub(crate) fn are_silent(&self) -> bool {
        let first = self.lock().first().map(|p| p.standing());
        first.is_some_and(|s| !s.ever_good && s.failures == 0)
    }

    /// Counters of the recording.
    pub(crate) fn all_stats(&self) -> &Stats {
        &self.stats
    }

    /// Counters of a playlist.
    pub(crate) fn stats(&self, id: PlaylistId) -> Option<Arc<PlaylistStats>> {
        self.lock().get(id).map(|p| Arc::clone(&p.stats))
    }

    /// How far a playlist may lead.
    pub(crate) fn may_lead(&self, id: PlaylistId) -> Reach {
        let all = self.lock();
        all.get(id).map_or(Reach::Public, |p| p.may_lead())
    }

    /// The shortest target duration of the media playlists: what the multivariant one is polled by.
    pub(crate) fn shortest_target(&self) -> Option<Duration> {
        self.lock()
            .iter()
            .filter(|p| p.kind == Kind::Media)
            .filter_map(|p| p.standing().target_duration)
            .min()
    }

    /// Whether a media playlist lists parts.
    pub(crate) fn have_parts(&self) -> bool {
        let all = self.lock();
        all.iter().any(|p| p.standing().part_target.is_some())
    }

    /// Whether a redirect led from https to http to a playlist: what it names gets no credentials in the clear.
    pub(crate) fn names_downgraded(&self, id: PlaylistId) -> bool {
        let all = self.lock();
        all.get(id).is_none_or(|p| p.names_downgraded())
    }

    fn standings(&self) -> Vec<(Kind, Standing)> {
        let all = self.lock();
        all.iter().map(|p| (p.kind, p.standing())).collect()
    }

    /// Whether every playlist has ended for good. Chunks are the plan's business.
    pub(crate) fn are_over(&self, now: Instant) -> bool {
        over(&self.standings(), self.wait, now)
    }

    /// Those that have failed for so long that they list nothing more, where all others have ended.
    pub(crate) fn left_for_good(&self, now: Instant) -> Vec<PlaylistId> {
        let all = self.lock();
        let left = all
            .iter()
            .filter(|p| left_for_good(&p.standing(), self.wait, now));
        left.map(|p| p.id).collect()
    }

    /// Whether every playlist has ended, and it is waited for that they come back.
    pub(crate) fn are_awaited(&self, now: Instant) -> bool {
        let Some(wait) = self.wait else {
            return false;
        };
        let standings = self.standings();
        over(&standings, None, now) && !over(&standings, Some(wait), now)
    }

    /// Whether all had an end when they were first seen.
    pub(crate) fn are_on_demand(&self) -> bool {
        let standings = self.standings();
        let mut media = standings.iter().filter(|(_, s)| !s.multivariant);
        media.all(|(_, s)| s.on_demand)
    }
}

/// The playlists that children of a multivariant playlist are, by their URLs.
fn known_playlists<'a>(
    children: &[Child],
    left_out: &'a LeftOut,
    active: &'a [Arc<Playlist>],
) -> Vec<Option<&'a Arc<Playlist>>> {
    let mut by_url: HashMap<Url, &Arc<Playlist>> = HashMap::new();
    for playlist in active {
        for url in playlist.urls() {
            by_url.entry(url).or_insert(playlist);
        }
    }
    let tokens = Tokens::new(children, left_out, active);
    let known = |child: &Child| {
        step();
        by_url
            .get(&child.url)
            .copied()
            .or_else(|| tokens.another(child))
    };
    children.iter().map(known).collect()
}

/// Notes since when playlists are no longer named; whether any is that was named until now.
fn drop_others(active: &[Arc<Playlist>], kept: &HashSet<PlaylistId>, now: Instant) -> bool {
    let mut any = false;
    for playlist in active {
        playlist.update(|s| {
            if kept.contains(&playlist.id) {
                s.dropped_since = None;
            } else if s.dropped_since.is_none() {
                s.dropped_since = Some(now);
                any = true;
            }
        });
    }
    any
}

#[cfg(test)]
mod tests;
