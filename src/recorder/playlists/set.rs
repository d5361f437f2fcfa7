//! The playlists of a stream: which there are, how each stands, when all is over.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::names::{Name, Names};
use super::over::{
    HOPELESS_AFTER, UNKNOWN_TARGET, WATCH, is_any_group_gone, left_for_good, over, watched_enough,
};
use super::renewal::{LeftOut, Places, Tokens};
use crate::hls::steps::step;
use crate::hls::{Child, ChildRole};
use crate::recorder::admission::reach::Reach;
use crate::recorder::http::fetch::Hop;
use crate::recorder::plan::PlaylistId;
use crate::recorder::stats::board::{PlaylistStats, Stats};
use crate::session::{ExchangeId, Kind};

/// All URLs of the playlists of a stream, in bytes. Each is in memory several times.
const MOST_URL_BYTES: usize = 8 * 1024 * 1024;

/// One playlist that is polled.
#[derive(Debug)]
pub(crate) struct Playlist {
    pub id: PlaylistId,
    pub kind: Kind,
    /// Under which it is known.
    pub url: Url,
    pub label: String,
    pub(super) role: ChildRole,
    /// What its label says without its URL.
    pub(super) described: String,
    /// Which renditions it is one of; empty: it is a variant.
    group: String,
    /// Its place among those that the multivariant playlist named with it.
    pub place: usize,
    /// What listed it, and from when on that is the answer; none: from when its first response began.
    pub referrer: Option<ExchangeId>,
    pub from_us: Option<i64>,
    /// As far as what named it may lead.
    reach: Reach,
    /// A redirect led from https to http to what named it.
    downgraded: bool,
    pub stats: Arc<PlaylistStats>,
    standing: Mutex<Standing>,
    names: Mutex<Names>,
    /// It is to be looked at whether it is polled sooner.
    woken: Notify,
}

/// How a playlist stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub multivariant: bool,
    /// Its first revision had an end already: it is no live playlist.
    pub on_demand: bool,
    pub ended_since: Option<Instant>,
    pub dropped_since: Option<Instant>,
    pub target_duration: Option<Duration>,
    pub advanced_at: Option<Instant>,
    pub ever_good: bool,
    /// In a row.
    pub failures: u32,
    /// The first of these.
    pub failing_since: Option<Instant>,
    /// All polls since then were answered with 401, 403, 404 or 410.
    pub gone_since: Option<Instant>,
    /// What answered for its URL, redirects aside, is public: it stays so, whatever its name is
    /// resolved to later.
    head_leads: Reach,
    /// What answered in the end, or on the way there, is public.
    leads: Reach,
    /// The same of redirects from https to http.
    leads_downgraded: bool,
    /// What names it now has been reached by one.
    named_downgraded: bool,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Playlists {
    all: Mutex<Vec<Arc<Playlist>>>,
    left_out: Mutex<LeftOut>,
    renewals: AtomicU32,
    /// So many at most.
    most: usize,
    /// For so long after its end the stream may come back.
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

    /// Takes in what a revision of the multivariant playlist names and is not recorded; before [`Self::name`].
    pub(crate) fn leave_out(&self, children: &[Child]) {
        self.left_out().take(children, self.most);
    }

    /// Takes in what a revision of the multivariant playlist names.
    pub(crate) fn name(
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
        let mut known: Vec<Option<&Arc<Playlist>>> = known(children, &left_out, &active);
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
fn known<'a>(
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

impl Playlist {
    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes how it stands.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URLs that mean it now.
    pub(super) fn urls(&self) -> Vec<Url> {
        let names = self.names();
        let mut urls = vec![self.url.clone()];
        urls.extend(names.current().filter(|url| **url != self.url).cloned());
        urls
    }

    /// What these take.
    fn url_bytes(&self) -> usize {
        let names = self.names();
        let named: usize = names.current().map(|url| url.as_str().len()).sum();
        self.url.as_str().len() + named
    }

    fn has_url(&self, url: &Url) -> bool {
        *url == self.url || self.names().current().any(|known| known == url)
    }

    /// Takes in how it is named; whether that is another URL than it is known under.
    fn takes_name(&self, child: &Child, revision: ExchangeId, now: Instant) -> bool {
        let name = Name {
            url: child.url.clone(),
            revision: Some(revision),
        };
        let standing = self.standing();
        let mut names = self.names();
        names.named(name, now, standing.target());
        if standing.failures > 0 && names.has_fresh(now, standing.target()) {
            self.woken.notify_one();
        }
        child.url != self.url
    }

    /// What to ask for: the URL that works, as long as it does.
    pub(crate) fn name_to_ask(&self, now: Instant) -> Name {
        let standing = self.standing();
        self.names()
            .to_ask(standing.failures, standing.stands(now))
            .clone()
    }

    /// Whether it fails, and a newer URL was named just now.
    pub(crate) fn has_fresh_name(&self, now: Instant) -> bool {
        let standing = self.standing();
        standing.failures > 0 && self.names().has_fresh(now, standing.target())
    }

    /// Whether a URL that is asked for now was named too long ago for a player to have it.
    pub(crate) fn is_stale(&self, name: &Name, now: Instant) -> bool {
        let target = self.standing().target();
        self.names().is_stale(name, now, target)
    }

    /// One of its URLs was asked for.
    pub(crate) fn was_asked(&self, name: &Name) {
        self.names().was_asked(name);
    }

    /// Whether it has another URL than this one.
    pub(crate) fn has_other_name(&self, name: &Name) -> bool {
        self.names().has_other(name)
    }

    /// A poll of a URL of it has ended, and was good or not.
    pub(crate) fn asked(&self, name: &Name, good: bool) {
        self.names().answered(name, good);
    }

    /// It is to be looked at whether it is polled sooner.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What names it may lead no farther by a new URL than by the old one.
    fn is_named_by(&self, namer: Option<&Arc<Self>>) {
        let Some(namer) = namer else {
            return;
        };
        let (reach, downgraded) = (namer.may_lead(), namer.names_downgraded());
        self.update(|s| {
            s.head_leads = s.head_leads.max(reach);
            s.named_downgraded |= downgraded;
        });
    }

    /// Whether a redirect led from https to http to what names it.
    pub(crate) fn is_downgraded(&self) -> bool {
        self.downgraded || self.standing().named_downgraded
    }

    /// Whether a redirect led from https to http to what it names.
    pub(crate) fn names_downgraded(&self) -> bool {
        self.is_downgraded() || self.standing().leads_downgraded
    }

    /// How far a request for it may go.
    pub(crate) fn reach(&self) -> Reach {
        self.reach.max(self.standing().head_leads)
    }

    /// How far what it names may lead.
    pub(crate) fn may_lead(&self) -> Reach {
        self.reach.max(self.standing().leads)
    }

    /// Takes in where the hops of a poll were answered.
    pub(crate) fn answered(&self, hops: &[Hop]) {
        self.update(|s| {
            let head = hops.first().map_or(Reach::Any, |hop| hop.leads);
            s.head_leads = s.head_leads.max(head);
            s.leads = hops.iter().fold(s.leads, |far, hop| far.max(hop.leads));
            s.leads_downgraded |= hops.iter().any(|hop| hop.downgraded);
        });
    }

    /// A poll of it failed, and not for the recorder's own doing.
    pub(crate) fn fails(&self, now: Instant) {
        self.update(|s| {
            s.failures = s.failures.saturating_add(1);
            s.failing_since.get_or_insert(now);
        });
    }

    /// A poll of it was good.
    pub(crate) fn plays(&self) {
        self.update(|s| {
            (s.failures, s.failing_since) = (0, None);
            s.ever_good = true;
        });
    }

    /// It was refused for good: nothing waits for it any more.
    pub(crate) fn give_up(&self) {
        self.update(|s| s.failures = s.failures.max(HOPELESS_AFTER));
    }

    /// Whether it need not be polled any more.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let standing = self.standing();
        (standing.on_demand && !standing.multivariant) || watched_enough(&standing, now)
    }

    /// Whether a revision may mean it: also one that is on demand, which is asked for once.
    fn may_be_named(&self, now: Instant) -> bool {
        !watched_enough(&self.standing(), now)
    }
}

impl Standing {
    pub(super) fn target(&self) -> Duration {
        self.target_duration.unwrap_or(UNKNOWN_TARGET)
    }

    /// For so long it is watched after its end, or when it is no longer named.
    pub(super) fn watch(&self) -> Duration {
        self.target() * WATCH
    }

    /// Whether it answers, and has not advanced for long.
    fn stands(&self, now: Instant) -> bool {
        let is_late = |at: Instant| now.saturating_duration_since(at) >= self.watch();
        self.failures == 0 && self.ended_since.is_none() && self.advanced_at.is_some_and(is_late)
    }
}

#[cfg(test)]
mod tests;
