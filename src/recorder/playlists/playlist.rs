//! One playlist of a stream, as its loops share it.

use std::time::Duration;

use super::names::Look;
use super::names::Name;
use super::names::Names;
use super::over::HOPELESS_AFTER;
use super::over::watched_enough;
use super::standing::Standing;
use crate::hls::Child;
use crate::hls::ChildRole;
use crate::recorder::admission::reach::Reach;
use crate::recorder::http::fetch::Hop;
use crate::recorder::plan::PlaylistId;
use crate::recorder::stats::board::PlaylistStats;
use crate::session::ExchangeId;
use crate::session::Kind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

/// One playlist that is polled.
#[derive(Debug)]
pub(crate) struct Playlist {
    pub id: PlaylistId,
    pub kind: Kind,
    /// The URL under which it is known.
    pub url: Url,
    pub label: String,
    pub(super) role: ChildRole,
    /// Its label without what was made of its URL.
    pub(super) described: String,
    /// The group of renditions that it belongs to; empty: it is a variant.
    pub(super) group: String,
    /// Its place among those that the multivariant playlist named with it.
    pub place: usize,
    /// What listed it, and from when on that is the answer; none: from when its first response began.
    pub referrer: Option<ExchangeId>,
    pub from_us: Option<i64>,
    /// How far the playlist that named it may lead.
    pub(super) reach: Reach,
    /// The playlist that named it was reached by a redirect from https to http.
    pub(super) downgraded: bool,
    pub stats: Arc<PlaylistStats>,
    /// It has a loop.
    pub is_started: AtomicBool,
    pub(super) standing: Mutex<Standing>,
    pub(super) names: Mutex<Names>,
    /// It is to be looked at whether it is polled sooner.
    pub(super) woken: Notify,
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

    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URLs that mean it now.
    pub(super) fn urls(&self) -> Vec<Url> {
        let names = self.names();
        let mut urls = vec![self.url.clone()];
        urls.extend(names.current().filter(|url| **url != self.url).cloned());
        urls
    }

    /// How many bytes its URLs take.
    pub(super) fn url_bytes(&self) -> usize {
        let names = self.names();
        let named: usize = names.current().map(|url| url.as_str().len()).sum();
        self.url.as_str().len() + named
    }

    pub(super) fn has_url(&self, url: &Url) -> bool {
        *url == self.url || self.names().current().any(|known| known == url)
    }

    /// Takes in the URL that it is named with; whether that differs from the one it is known under.
    pub(super) fn takes_name(&self, child: &Child, revision: ExchangeId, now: Instant) -> bool {
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
        let mut names = self.names();
        let stands = standing.stands(now);
        if !stands {
            names.looks_no_more();
        }
        let tries = stands && names.may_try(now, standing.target());
        names.to_ask(standing.failures, tries).clone()
    }

    /// Whether a URL is asked for, while another answers well, to see whether it is further on.
    pub(crate) fn is_trial(&self, name: &Name) -> bool {
        self.standing().failures == 0 && self.names().is_trial(name)
    }

    /// A newer URL that was looked at is not further on than the one that answers.
    pub(crate) fn is_not_ahead(&self, name: &Name, look: Look, now: Instant) {
        self.names().is_not_ahead(name, look, now);
    }

    /// Whether this is another URL than the one that was looked at last.
    pub(crate) fn looks_elsewhere(&self, name: &Name) -> bool {
        self.names().looks_elsewhere(name)
    }

    /// A newer URL was looked at, in vain.
    pub(crate) fn has_looked(&self, now: Instant) {
        self.names().has_looked(now);
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

    /// A poll of a URL of it has ended, and was good or not. Whether it is another URL that works from now on.
    pub(crate) fn asked(&self, name: &Name, good: bool) -> bool {
        self.names().answered(name, good)
    }

    /// Waits until its loop is woken, to decide whether it polls sooner.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Takes in which playlist names it: by a new URL that may lead no farther than by the old one.
    pub(super) fn is_named_by(&self, namer: Option<&Arc<Self>>) {
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

    /// A poll of it failed, and not for the recorder's own doing. `is_denied`: in a way that the next poll will hardly
    /// change; `patience`: for how long its host asked for.
    pub(crate) fn fails(&self, is_denied: bool, patience: Option<Duration>, now: Instant) {
        self.update(|s| {
            s.failures = s.failures.saturating_add(1);
            s.denials = match is_denied {
                true => s.denials.saturating_add(1),
                false => 0,
            };
            let before = s.patience.map_or(0, |(_, times)| times);
            s.patience = patience.map(|patience| (patience, before.saturating_add(1)));
            s.failing_since.get_or_insert(now);
        });
    }

    /// A poll of it was good.
    pub(crate) fn plays(&self) {
        self.update(|s| {
            (s.failures, s.denials, s.failing_since) = (0, 0, None);
            s.patience = None;
            s.ever_good = true;
        });
    }

    /// Its loop has panicked; whether the one before had, too, before a poll of it was over.
    pub(crate) fn note_panic(&self, now: Instant) -> bool {
        let before = self.standing().panics_since;
        self.update(|s| s.panics_since = before.or(Some(now)));
        before.is_some()
    }

    /// The revision that named it first was never written; this one is.
    pub(crate) fn begins_with(&self, revision: ExchangeId) {
        self.names().begins_with(revision);
    }

    /// Gives it up: it was refused for good, and nothing waits for it any more.
    pub(crate) fn give_up(&self) {
        self.update(|s| s.failures = s.failures.max(HOPELESS_AFTER));
    }

    /// Whether it need not be polled any more.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let standing = self.standing();
        (standing.on_demand && !standing.multivariant) || watched_enough(&standing, now)
    }

    /// Whether a revision may mean it: also one that is on demand, which is asked for once.
    pub(super) fn may_be_named(&self, now: Instant) -> bool {
        !watched_enough(&self.standing(), now)
    }
}
