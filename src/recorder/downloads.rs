//! Downloads, beside the polls and never in their way: a bounded number at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::limits::Limits;
use super::memory::Memory;
use super::plan::{Before, Changes, Content, Done, Job, Key, Listing, PlaylistId};
use crate::clock;
use crate::recorder::admission::hosts::Hosts;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::http::fetch::fetcher::Fetcher;
use crate::recorder::plan::state::Plan;
use crate::recorder::playlists::set::Playlists;
use crate::recorder::stats::board::{PlaylistStats, Stats};
use crate::session::{Kind, NewListing, Outcome, OwnReason, ResourceKey};

/// What redirected to a host that wants to be left alone may lead elsewhere by then.
const AGAIN_IN: Duration = Duration::from_secs(10);
/// To take in something that is listed takes as long as to read so many bytes of a playlist.
pub(super) const AS_BYTES: usize = 64;

/// The plan of a stream, shared between its polls and its downloads.
#[derive(Debug)]
pub(super) struct Queue {
    /// Who waits for it holds up no thread: a large revision takes a while.
    plan: AsyncMutex<Plan>,
    /// Playlists whose newest revision has not been handed to the writer yet.
    held: Mutex<HashSet<PlaylistId>>,
    changed: Notify,
    hosts: Arc<Hosts>,
    stream_id: i64,
}

impl Queue {
    pub(super) fn new(stream_id: i64, limits: &Limits, hosts: Arc<Hosts>) -> Self {
        Self {
            plan: AsyncMutex::new(Plan::new(limits)),
            held: Mutex::new(HashSet::new()),
            changed: Notify::new(),
            hosts,
            stream_id,
        }
    }

    async fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().await
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashSet<PlaylistId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a revision, and adds what changed to `noted`; for how much there was no room. Nothing is asked
    /// for before [`Self::go`], so that no exchange is written before the one that listed it.
    pub(super) async fn revision(
        &self,
        listing: Listing,
        memory: &Memory,
        noted: &mut NewListing,
    ) -> usize {
        self.held().insert(listing.playlist);
        let mut plan = self.plan().await;
        let count = listing.wanted.len() + plan.lists(listing.playlist);
        let take_in = || {
            let changes = plan.revision(&listing, clock::instant());
            drop(plan);
            drop(listing);
            let too_many = changes.too_many;
            self.note(changes, noted);
            too_many
        };
        memory.read(count * AS_BYTES, take_in).await
    }

    /// What bytes the things have that a playlist lists.
    pub(super) async fn contents(&self, playlist: PlaylistId) -> impl Fn(&Key) -> Content + '_ {
        let plan = self.plan().await;
        move |key| plan.content(playlist, key)
    }

    /// Takes up what the run before knew of a playlist.
    pub(super) async fn take_up(&self, playlist: PlaylistId, before: Before) {
        let mut plan = self.plan().await;
        plan.take_up(playlist, before, clock::instant());
    }

    /// These playlists list nothing more.
    pub(super) async fn end(&self, playlists: &[PlaylistId]) {
        self.plan().await.end(playlists);
    }

    /// A playlist that is no longer polled; what changed is added to `noted`.
    pub(super) async fn remove(
        &self,
        playlist: PlaylistId,
        memory: &Memory,
        noted: &mut NewListing,
    ) {
        let mut plan = self.plan().await;
        let count = plan.lists(playlist);
        let remove = || {
            let changes = plan.remove(playlist, clock::instant());
            drop(plan);
            self.note(changes, noted);
        };
        memory.read(count * AS_BYTES, remove).await;
    }

    /// Nothing that left its playlists is tried any more; what changed is added to `noted`.
    pub(super) async fn forget_late(&self, noted: &mut NewListing) {
        let changes = self.plan().await.forget_late();
        self.note(changes, noted);
    }

    /// Wakes the downloads: the revision itself has been handed to the writer.
    pub(super) fn go(&self, playlist: PlaylistId) {
        self.held().remove(&playlist);
        self.changed.notify_one();
    }

    fn is_held(&self) -> bool {
        !self.held().is_empty()
    }

    async fn next(&self) -> Option<Job> {
        // Held before the plan knows of it: see `revision`.
        let mut plan = self.plan().await;
        match self.is_held() {
            true => None,
            false => plan.next(clock::instant(), |url, now| self.hosts.not_before(url, now)),
        }
    }

    /// Whether everything that is listed was fetched or given up.
    pub(super) async fn is_idle(&self) -> bool {
        self.plan().await.is_idle()
    }

    pub(super) fn resource(&self, key: &Key, kind: Kind) -> ResourceKey {
        ResourceKey {
            stream_id: self.stream_id,
            kind,
            url: key.url.to_string(),
            range: key.range,
        }
    }

    /// Adds what changed to what is noted of a revision.
    fn note(&self, changes: Changes, listing: &mut NewListing) {
        let resource = |(key, kind): (Key, Kind)| self.resource(&key, kind);
        listing.gone.extend(changes.gone.into_iter().map(resource));
        listing
            .pending
            .extend(changes.pending.into_iter().map(resource));
        let alias = |(key, kind, url): (Key, Kind, Arc<url::Url>)| {
            (self.resource(&key, kind), url.to_string())
        };
        listing
            .aliases
            .extend(changes.aliases.into_iter().map(alias));
    }
}

/// Fetches what the plan says until `stop`; what is under way then is waited for.
pub(super) async fn run(
    queue: Arc<Queue>,
    fetcher: Fetcher,
    playlists: Arc<Playlists>,
    stop: CancellationToken,
) {
    let most = fetcher.limits.downloads;
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < most {
            let Some(job) = queue.next().await else {
                break;
            };
            let playlists = Arc::clone(&playlists);
            let download = download(Arc::clone(&queue), fetcher.clone(), playlists, job);
            under_way.spawn(download.in_current_span());
        }
        let (due, waiting, given_up) = {
            let mut plan = queue.plan().await;
            (plan.next_due(), plan.waiting(), plan.given_up())
        };
        tell_of(&given_up, playlists.all_stats());
        let load = playlists.all_stats().load();
        load.set(waiting, under_way.len());
        tokio::select! {
            () = stop.cancelled() => break,
            () = queue.changed.notified() => {}
            Some(_) = under_way.join_next() => playlists.changed(),
            () = sleep_until(due), if under_way.len() < most && !queue.is_held() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn download(queue: Arc<Queue>, fetcher: Fetcher, playlists: Arc<Playlists>, job: Job) {
    let ask = Ask {
        url: (*job.url).clone(),
        kind: job.kind,
        reach: playlists.may_lead(job.playlist),
        downgraded: playlists.names_downgraded(job.playlist),
        range: job.key.range,
        validators: job.validators.clone(),
        expected: Bytes::new(),
        plain: false,
        lists: false,
        denser_than: None,
        patient_until: None,
    };
    let mut hops = fetcher.chain(&ask).await;
    let short_by_end = hops.last().and_then(|hop| hop.short_by_end);
    if let Some(last) = hops.last_mut() {
        last.accept_end(job.known_end);
    }
    let good = hops.last().is_some_and(Hop::is_good);
    let is_put_off = hops.last().is_some_and(is_put_off);
    let is_own = job.is_known && !good && !is_put_off && pass_over(&mut hops, OwnReason::KeyAgain);
    if job.is_too_late && !good {
        pass_over(&mut hops, OwnReason::TooLate);
    }
    let done = match hops.as_slice() {
        _ if good || is_own => Done::Good,
        [only] if only.was_not_asked => Done::Refused,
        [.., last] if is_put_off => {
            let soon = clock::instant() + AGAIN_IN;
            Done::Held(last.held_until.map(|until| until.min(soon)))
        }
        _ => Done::Failed,
    };
    let sha256 = hops.last().and_then(Hop::sha256);
    let is_new_key = good && job.kind == Kind::Key;
    // A 304 leaves what it confirms as it was.
    let version = hops
        .last()
        .filter(|hop| is_new_key && hop.confirms().is_none());
    let version = version.map(Hop::validators);
    let is_news = count(&playlists, &job, &hops, good);
    report(&job, &hops, good, is_news);
    write(&queue, &fetcher, &job, hops).await;
    let mut plan = queue.plan().await;
    let now = clock::instant();
    plan.ends(&job, short_by_end, now);
    plan.done(&job, done, sha256, now);
    if let Some(validators) = version {
        plan.validate(&job.key, validators);
    }
}

/// Tells of what left its playlist and could not be had in time.
fn tell_of(given_up: &[(Key, Kind)], stats: &Stats) {
    for (key, kind) in given_up {
        if stats.is_news(*kind, "given up") {
            let name = crate::hls::resource_name(&key.url);
            tracing::warn!(%kind, "{name:?} left its playlist and could not be had: given up");
        }
    }
}

/// It is to be asked for again, as if it had not been.
fn is_put_off(hop: &Hop) -> bool {
    hop.own_reason.is_some_and(OwnReason::is_to_come)
}

/// What no player would meet is not held against the origin: a known key that cannot be had once more, since players keep
/// it by its URI; what it does not have to keep any more. Whether that is so.
fn pass_over(hops: &mut [Hop], why: OwnReason) -> bool {
    if hops.iter().any(|hop| hop.outcome == Outcome::Aborted) {
        return false;
    }
    for hop in hops.iter_mut() {
        hop.own_reason.get_or_insert(why);
        if why == OwnReason::KeyAgain {
            hop.add_note("the key was known; players keep it by its URI");
        }
    }
    true
}

async fn write(queue: &Queue, fetcher: &Fetcher, job: &Job, hops: Vec<Hop>) {
    let head_id = hops.first().map(|h| h.id);
    let head_requested_us = hops.first().map(|head| head.requested_us);
    for (at, mut hop) in hops.into_iter().enumerate() {
        let (key, availability) = if at == 0 {
            (job.key.clone(), job.availability)
        } else {
            let key = Key {
                url: Arc::new(hop.url.clone()),
                range: job.key.range,
            };
            let requested_us = head_requested_us.unwrap_or(hop.requested_us);
            (key, job.availability.hop(requested_us))
        };
        let resource = queue.resource(&key, job.kind);
        let crossed = hop.take_crossed(&resource, availability);
        let confirms_id = hop.confirms();
        let mut exchange = hop.into_exchange(resource, availability);
        exchange.confirms_id = confirms_id;
        let asked_as = (at == 0 && job.url != job.key.url).then(|| job.url.to_string());
        for mut exchange in crossed.into_iter().chain([exchange]) {
            exchange.asked_as.clone_from(&asked_as);
            exchange.referrer_id = Some(job.referrer);
            exchange.head_id = head_id.filter(|_| at > 0);
            fetcher.writer.exchange(exchange).await;
        }
    }
}

/// Whether the log is told of a fault.
fn count(playlists: &Playlists, job: &Job, hops: &[Hop], good: bool) -> bool {
    let aborted = hops.iter().any(|hop| !hop.is_fault());
    let is_news = match (good, aborted, hops.last()) {
        (false, false, Some(last)) => {
            let stats = playlists.all_stats();
            stats.fault(job.kind, last.status, last.outcome)
        }
        _ => false,
    };
    let Some(stats) = playlists.stats(job.playlist) else {
        return is_news;
    };
    let bytes = hops.iter().filter_map(|h| h.wire_bytes).sum();
    PlaylistStats::count(&stats.bytes, bytes);
    match (good, aborted) {
        (true, _) => PlaylistStats::count(&stats.chunks, 1),
        (false, false) => PlaylistStats::count(&stats.faults, 1),
        (false, true) => {}
    }
    is_news
}

fn report(job: &Job, hops: &[Hop], good: bool, is_news: bool) {
    let Some(last) = hops.last() else { return };
    let name = crate::hls::resource_name(&job.key.url);
    if good {
        tracing::debug!(kind = %job.kind, bytes = last.wire_bytes, "{name:?}");
    } else if is_news {
        let why = last
            .error
            .clone()
            .unwrap_or_else(|| format!("HTTP {}", last.status.unwrap_or(0)));
        tracing::warn!(kind = %job.kind, status = last.status, outcome = %last.outcome, "{name:?}: {why}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::plan::Wanted;

    #[tokio::test]
    async fn nothing_is_asked_for_before_the_revision_that_lists_it_is_written() {
        let listing = |playlist: PlaylistId| Listing {
            playlist,
            exchange: 1,
            from_us: 0,
            target_duration_us: 1_000_000,
            wanted: vec![Wanted {
                kind: Kind::Segment,
                url: Arc::new(format!("http://h/{playlist}.ts").parse().unwrap()),
                range: None,
                sequence: 0,
                last_use: 0,
                duration: Duration::from_secs(1),
            }],
            duration: Duration::from_secs(1),
            step: crate::hls::Step::Slid,
            ended: false,
        };
        let limits = Limits::default();
        let (queue, memory) = (Queue::new(1, &limits, Arc::default()), Memory::new(&limits));
        let mut noted = NewListing::default();
        queue.revision(listing(0), &memory, &mut noted).await;
        queue.go(0);
        queue.revision(listing(1), &memory, &mut noted).await;
        assert_eq!(noted.pending.len(), 2);
        assert!(
            queue.next().await.is_none(),
            "the second is not written yet"
        );
        queue.go(1);
        assert!(queue.next().await.is_some() && queue.next().await.is_some());
    }
}
