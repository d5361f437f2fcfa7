//! The playlists of a stream: which there are, how each stands, when all is over.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::fetch::Hop;
use super::plan::PlaylistId;
use super::reach::Reach;
use super::stats::{PlaylistStats, Stats};
use crate::hls::{Child, ChildRole};
use crate::session::{ExchangeId, Kind};

/// Target durations that an ended or dropped playlist is still watched for: false ends exist.
const WATCH: u32 = 3;
/// Without a target duration, this is taken for one.
const UNKNOWN_TARGET: Duration = Duration::from_secs(6);
/// A playlist that never was one after so many polls does not hold up the end of the others.
const HOPELESS_AFTER: u32 = 5;

/// Revisions of a multivariant playlist in a row that replaced playlists by new ones, until its
/// names are taken for made up at each request (one for each viewer): then those that are
/// polled already stand for the ones that are named in their place.
pub(super) const RENEWALS: u32 = 3;

/// One playlist that is polled.
#[derive(Debug)]
pub(super) struct Playlist {
    pub id: PlaylistId,
    pub kind: Kind,
    /// Under which it is known.
    pub url: Url,
    pub label: String,
    /// Its place among those that the multivariant playlist named with it.
    pub place: usize,
    /// What listed it, and from when on that is the answer; none: from when its first response began.
    pub referrer: Option<ExchangeId>,
    pub from_us: Option<i64>,
    /// As far as what named it may lead.
    reach: Reach,
    pub stats: Arc<PlaylistStats>,
    standing: Mutex<Standing>,
}

/// How a playlist stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The newest URL of it, where the multivariant playlist gave it another token.
    pub newest_url: Option<Url>,
    pub multivariant: bool,
    /// Its first revision had an end already: it is no live playlist.
    pub on_demand: bool,
    pub ended_since: Option<Instant>,
    pub dropped_since: Option<Instant>,
    pub target_duration: Option<Duration>,
    pub ever_good: bool,
    /// In a row.
    pub failures: u32,
    /// What answered for its URL, redirects aside, is public: it stays so, whatever its name is
    /// resolved to later.
    head_leads: Reach,
    /// What answered in the end, or on the way there, is public.
    leads: Reach,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Playlists {
    all: Mutex<Vec<Arc<Playlist>>>,
    renewals: AtomicU32,
    /// So many at most.
    most: usize,
    stats: Stats,
    changed: Notify,
}

/// What a multivariant playlist's revision means for the playlists it names.
#[derive(Debug, Default)]
pub(super) struct Named {
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
    pub(super) fn new(stats: Stats, most: usize) -> Self {
        Self {
            all: Mutex::new(Vec::new()),
            renewals: AtomicU32::new(0),
            most,
            stats,
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Playlist>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what the user typed.
    pub(super) fn root(&self, url: Url, label: String, from_us: Option<i64>) -> Arc<Playlist> {
        let child = Child {
            role: ChildRole::Variant,
            url,
            label,
            height: None,
            bandwidth: 0,
            language: None,
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
        let playlist = Arc::new(Playlist {
            id: all.len(),
            kind: revision.map_or(Kind::Main, |_| Kind::Media),
            url: child.url.clone(),
            stats: self.stats.add(child.label.clone()),
            label: child.label.clone(),
            place,
            referrer: revision,
            from_us,
            reach,
            standing: Mutex::new(Standing::default()),
        });
        all.push(Arc::clone(&playlist));
        playlist
    }

    /// Takes in what a revision of the multivariant playlist names.
    pub(super) fn name(
        &self,
        children: &[Child],
        revision: ExchangeId,
        from_us: i64,
        now: Instant,
    ) -> Named {
        let mut all = self.lock();
        let active: Vec<Arc<Playlist>> = all
            .iter()
            .filter(|p| p.kind == Kind::Media && !p.is_over(now))
            .cloned()
            .collect();
        let made_up = self.renewals.load(Ordering::Relaxed) >= RENEWALS;
        let mut named = Named::default();
        let mut kept = HashSet::new();
        let by_url: HashMap<&Url, &Arc<Playlist>> = active.iter().map(|p| (&p.url, p)).collect();
        let tokens = Tokens::new(children, &active);
        for (place, child) in children.iter().enumerate() {
            if let Some(known) = by_url.get(&child.url) {
                kept.insert(known.id);
            } else if let Some(known) = tokens.another(child) {
                known.update(|s| s.newest_url = Some(child.url.clone()));
                named.aliases.push((Arc::clone(known), child.url.clone()));
                kept.insert(known.id);
            } else if made_up && let Some(known) = in_its_place(child, place, &active) {
                named.aliases.push((Arc::clone(known), child.url.clone()));
                kept.insert(known.id);
                named.renewals = 1;
            } else if active.len() + named.new.len() >= self.most {
                named.too_many += 1;
            } else {
                let new = self.add(&mut all, child, place, Some(revision), Some(from_us));
                named.new.push(new);
            }
        }
        let dropped = drop_others(&active, &kept, now);
        named.renewals = self.count_renewal(dropped && !named.new.is_empty(), named.renewals > 0);
        named
    }

    /// How many revisions in a row replaced playlists: this one by new ones, or by made-up names.
    fn count_renewal(&self, replaced: bool, made_up: bool) -> u32 {
        let before = self.renewals.load(Ordering::Relaxed);
        let renewals = if replaced || made_up {
            before.saturating_add(1)
        } else {
            0
        };
        self.renewals.store(renewals, Ordering::Relaxed);
        renewals
    }

    /// How many there are; their numbers are below that.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Something about a playlist or the downloads changed.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Waits for the next change.
    pub(super) async fn wait(&self) {
        self.changed.notified().await;
    }

    /// Whether nothing has come yet of what the user typed, good or bad.
    pub(super) fn are_silent(&self) -> bool {
        let first = self.lock().first().map(|p| p.standing());
        first.is_some_and(|s| !s.ever_good && s.failures == 0)
    }

    /// Counters of the recording.
    pub(super) fn all_stats(&self) -> &Stats {
        &self.stats
    }

    /// Counters of a playlist.
    pub(super) fn stats(&self, id: PlaylistId) -> Option<Arc<PlaylistStats>> {
        self.lock().get(id).map(|p| Arc::clone(&p.stats))
    }

    /// How far a playlist may lead.
    pub(super) fn may_lead(&self, id: PlaylistId) -> Reach {
        let all = self.lock();
        all.get(id).map_or(Reach::Public, |p| p.may_lead())
    }

    /// The shortest target duration of the media playlists: what the multivariant one is polled by.
    pub(super) fn shortest_target(&self) -> Option<Duration> {
        self.lock()
            .iter()
            .filter(|p| p.kind == Kind::Media)
            .filter_map(|p| p.standing().target_duration)
            .min()
    }

    /// Whether every playlist has ended for good. Chunks are the plan's business.
    pub(super) fn are_over(&self, now: Instant) -> bool {
        let standings: Vec<(Kind, Standing)> =
            self.lock().iter().map(|p| (p.kind, p.standing())).collect();
        over(&standings, now)
    }
}

fn over(standings: &[(Kind, Standing)], now: Instant) -> bool {
    let ended = |s: &Standing| s.on_demand || watched_enough(s.ended_since, s.target_duration, now);
    let settled = |s: &Standing| {
        s.multivariant
            || ended(s)
            || watched_enough(s.dropped_since, s.target_duration, now)
            || (!s.ever_good && s.failures >= HOPELESS_AFTER)
    };
    standings.iter().any(|(_, s)| ended(s)) && standings.iter().all(|(_, s)| settled(s))
}

fn watched_enough(since: Option<Instant>, target: Option<Duration>, now: Instant) -> bool {
    since.is_some_and(|since| {
        now.saturating_duration_since(since) >= target.unwrap_or(UNKNOWN_TARGET) * WATCH
    })
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

/// The playlist that stands for one whose name was made up for this request: the first that
/// was named in its place with the same description, as long as it answers.
fn in_its_place<'a>(
    child: &Child,
    place: usize,
    active: &'a [Arc<Playlist>],
) -> Option<&'a Arc<Playlist>> {
    active.iter().find(|p| {
        let standing = p.standing();
        p.place == place && p.label == child.label && standing.ever_good && standing.failures == 0
    })
}

/// Playlists by what their URLs are without a query. There may be very many.
struct Tokens<'a> {
    children: HashMap<Url, usize>,
    active: HashMap<Url, Vec<&'a Arc<Playlist>>>,
}

impl<'a> Tokens<'a> {
    fn new(children: &[Child], active: &'a [Arc<Playlist>]) -> Self {
        let mut tokens = Self {
            children: HashMap::new(),
            active: HashMap::new(),
        };
        for child in children {
            *tokens
                .children
                .entry(without_query(&child.url))
                .or_default() += 1;
        }
        for playlist in active {
            let same = tokens
                .active
                .entry(without_query(&playlist.url))
                .or_default();
            same.push(playlist);
        }
        tokens
    }

    /// The playlist that `child` is under a new token: the only one of its path, before and now.
    fn another(&self, child: &Child) -> Option<&'a Arc<Playlist>> {
        let path = without_query(&child.url);
        match (self.children.get(&path), self.active.get(&path)?.as_slice()) {
            (Some(1), [one]) => Some(*one),
            _ => None,
        }
    }
}

fn without_query(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url
}

impl Playlist {
    /// How it stands.
    pub(super) fn standing(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes how it stands.
    pub(super) fn update(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What to ask for: the URL it is known under, as long as that works.
    pub(super) fn url_to_ask(&self) -> Url {
        let standing = self.standing();
        match standing.newest_url {
            Some(newest) if standing.failures > 0 => newest,
            _ => self.url.clone(),
        }
    }

    /// How far a request for it may go.
    pub(super) fn reach(&self) -> Reach {
        self.reach.max(self.standing().head_leads)
    }

    /// How far what it names may lead.
    pub(super) fn may_lead(&self) -> Reach {
        self.reach.max(self.standing().leads)
    }

    /// Takes in where the hops of a poll were answered.
    pub(super) fn answered(&self, hops: &[Hop]) {
        self.update(|s| {
            let head = hops.first().map_or(Reach::Any, |hop| hop.leads);
            s.head_leads = s.head_leads.max(head);
            s.leads = hops.iter().fold(s.leads, |far, hop| far.max(hop.leads));
        });
    }

    /// It was refused for good: nothing waits for it any more.
    pub(super) fn give_up(&self) {
        self.update(|s| s.failures = s.failures.max(HOPELESS_AFTER));
    }

    /// Whether it need not be polled any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let standing = self.standing();
        (standing.on_demand && !standing.multivariant)
            || watched_enough(standing.dropped_since, standing.target_duration, now)
    }
}

#[cfg(test)]
mod tests;
