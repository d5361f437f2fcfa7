//! Downloads, beside the polls and never in their way: a bounded number at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::guards::{Guards, Hold, Place};
use super::memory::Memory;
use super::panics::Panics;
use super::plan::{Before, Changes, Content, Done, Job, Key, Listing, PlaylistId};
use crate::clock;
use crate::recorder::admission::hosts::Hosts;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::http::fetch::fetcher::Fetcher;
use crate::recorder::plan::state::Plan;
use crate::recorder::playlists::set::Playlists;
use crate::recorder::schedule::restart_delay;
use crate::recorder::settings::limits::Limits;
use crate::recorder::stats::board::{PlaylistStats, Stats};
use crate::session::{Kind, NewListing, Outcome, OwnReason, ResourceKey};

pub(super) mod guards;

/// What redirected to a host that wants to be left alone may lead elsewhere by then.
const AGAIN_IN: Duration = Duration::from_secs(10);
/// To take in something that is listed takes as long as to read so many bytes of a playlist.
pub(super) const AS_BYTES: usize = 64;

/// The plan of a stream, shared between its polls and its downloads.
#[derive(Debug)]
pub(super) struct Queue {
    /// Who waits for it holds up no thread: a large revision takes a while.
    plan: AsyncMutex<Plan>,
    guards: Arc<Guards>,
    hosts: Arc<Hosts>,
    stream_id: i64,
}

impl Queue {
    pub(super) fn new(stream_id: i64, limits: &Limits, hosts: Arc<Hosts>) -> Self {
        Self {
            plan: AsyncMutex::new(Plan::new(limits)),
            guards: Arc::default(),
            hosts,
            stream_id,
        }
    }

    async fn plan(&self) -> MutexGuard<'_, Plan> {
        let mut plan = self.plan.lock().await;
        self.guards.settle(&mut plan, clock::instant());
        plan
    }

    /// Takes in a revision, and adds what changed to `noted`; for how much there was no room. Nothing is asked
    /// for on account of its playlist before [`Hold::written`], so that no exchange is written before the one that
    /// listed it.
    pub(super) async fn revision(
        &self,
        listing: Listing,
        memory: &Memory,
        noted: &mut NewListing,
    ) -> (usize, Hold) {
        // Before the plan knows of it.
        let hold = self.guards.hold(listing.playlist, listing.exchange);
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
        (memory.read(count * AS_BYTES, take_in).await, hold)
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

    /// The next thing to fetch, and its place among those under way.
    async fn next(&self) -> Option<(Job, Place)> {
        let mut plan = self.plan.lock().await;
        let now = clock::instant();
        let held = self.guards.settle(&mut plan, now);
        let is_held = |playlist| held.contains_key(&playlist);
        let job = plan.next(now, is_held, |url, now| self.hosts.not_before(url, now))?;
        let place = self.guards.place(job.clone());
        Some((job, place))
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

/// What downloads share.
#[derive(Debug, Clone)]
pub(super) struct Downloads {
    pub queue: Arc<Queue>,
    pub fetcher: Fetcher,
    pub playlists: Arc<Playlists>,
    pub panics: Panics,
}

/// Fetches what the plan says until `stop`; what is under way then is waited for. A loop that panics begins anew: what it
/// had under way is asked for again.
pub(super) async fn run(downloads: Downloads, stop: CancellationToken) {
    let mut panics = 0;
    let what = || "the loop of the downloads".to_owned();
    let fetch = || downloads.panics.contain(fetch(&downloads, &stop), what);
    while fetch().await.is_none() {
        panics += 1;
        downloads.queue.plan().await.requeue();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(restart_delay(panics)) => {}
        }
    }
}

async fn fetch(downloads: &Downloads, stop: &CancellationToken) {
    let Downloads {
        queue,
        fetcher,
        playlists,
        ..
    } = downloads;
    let most = fetcher.limits.downloads;
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < most {
            let Some((job, place)) = queue.next().await else {
                break;
            };
            #[cfg(test)]
            super::panics::testing::pass(super::panics::testing::Place::Downloads, &job.url);
            let download = contained(downloads.clone(), job, place);
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
            () = queue.guards.changed.notified() => {}
            Some(_) = under_way.join_next() => playlists.changed(),
            () = sleep_until(due), if under_way.len() < most => {}
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

/// A download; one that panics gives its place back, and is made again.
async fn contained(downloads: Downloads, job: Job, place: Place) {
    let name = crate::hls::resource_name(&job.key.url);
    let what = || format!("the download of {name:?}");
    let download = download(&downloads, job, place);
    downloads.panics.contain(download, what).await;
}

async fn download(downloads: &Downloads, job: Job, place: Place) {
    let Downloads {
        queue,
        fetcher,
        playlists,
        ..
    } = downloads;
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
    #[cfg(test)]
    super::panics::testing::pass(super::panics::testing::Place::Download, &job.url);
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
    let is_news = count(playlists, &job, &hops, good);
    report(&job, &hops, good, is_news);
    write(queue, fetcher, &job, hops).await;
    let mut plan = queue.plan().await;
    let now = clock::instant();
    plan.ends(&job, short_by_end, now);
    plan.done(&job, done, sha256, now);
    if let Some(validators) = version {
        plan.validate(&job.key, validators);
    }
    place.ended();
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
    use crate::session::Availability;

    fn listing(playlist: PlaylistId, exchange: i64) -> Listing {
        Listing {
            playlist,
            exchange,
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
        }
    }

    fn queue() -> (Queue, Memory, NewListing) {
        let limits = Limits::default();
        let queue = Queue::new(1, &limits, Arc::default());
        (queue, Memory::new(&limits), NewListing::default())
    }

    #[tokio::test]
    async fn a_playlist_whose_revision_is_not_written_waits_and_the_others_do_not() {
        let (queue, memory, mut noted) = queue();
        let (_, first) = queue.revision(listing(0, 1), &memory, &mut noted).await;
        first.written();
        let (_, second) = queue.revision(listing(1, 2), &memory, &mut noted).await;
        assert_eq!(noted.pending.len(), 2);
        let (job, place) = queue.next().await.unwrap();
        assert_eq!(job.playlist, 0, "the hold of the second is its own");
        place.ended();
        assert!(queue.next().await.is_none(), "it is not written yet");
        second.written();
        let (job, place) = queue.next().await.unwrap();
        assert_eq!((job.playlist, job.referrer), (1, 2));
        place.ended();
    }

    #[tokio::test]
    async fn what_a_revision_lists_that_is_never_written_is_new_to_the_next_one() {
        let (queue, memory, mut noted) = queue();
        let (_, hold) = queue.revision(listing(0, 1), &memory, &mut noted).await;
        drop(hold);
        assert!(queue.next().await.is_none() && queue.is_idle().await);
        let mut noted = NewListing::default();
        let (_, hold) = queue.revision(listing(0, 2), &memory, &mut noted).await;
        assert_eq!((noted.gone.len(), noted.pending.len()), (1, 1));
        hold.written();
        let (job, place) = queue.next().await.unwrap();
        assert_eq!(job.referrer, 2, "on account of the one that is written");
        place.ended();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_ends_without_a_word_is_made_again_five_times_at_most() {
        let (queue, memory, mut noted) = queue();
        let (_, hold) = queue.revision(listing(0, 1), &memory, &mut noted).await;
        hold.written();
        for time in 1..=5 {
            let (job, place) = queue.next().await.unwrap();
            assert_eq!(job.availability, Availability::Listed(0), "{time}");
            drop(place);
            assert!(queue.next().await.is_none(), "not at once");
            assert_eq!(queue.is_idle().await, time == 5);
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert!(queue.next().await.is_none(), "it is what they panic at");
    }
}
