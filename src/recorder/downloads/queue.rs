//! The plan of a stream, as its polls and its downloads share it.

use std::sync::Arc;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use super::fates::Destiny;
use super::guards::{Guards, Hold, Place};
use crate::clock;
use crate::recorder::admission::hosts::Hosts;
use crate::recorder::memory::Memory;
use crate::recorder::plan::state::Plan;
use crate::recorder::plan::{Changes, Content, EarlierRun, Job, Key, Listing, PlaylistId};
use crate::recorder::settings::limits::Limits;
use crate::session::{Kind, NewListing, ResourceKey};

/// To take in something that is listed takes as long as to read so many bytes of a playlist.
pub(in crate::recorder) const AS_BYTES: usize = 64;

/// The plan of a stream, shared between its polls and its downloads.
#[derive(Debug)]
pub(in crate::recorder) struct Queue {
    /// Who waits for it holds up no thread: a large revision takes a while.
    plan: AsyncMutex<Plan>,
    pub(super) guards: Arc<Guards>,
    hosts: Arc<Hosts>,
    stream_id: i64,
}

impl Queue {
    pub(in crate::recorder) fn new(stream_id: i64, limits: &Limits, hosts: Arc<Hosts>) -> Self {
        Self {
            plan: AsyncMutex::new(Plan::new(limits)),
            guards: Arc::default(),
            hosts,
            stream_id,
        }
    }

    pub(super) async fn plan(&self) -> MutexGuard<'_, Plan> {
        let mut plan = self.plan.lock().await;
        self.guards.settle(&mut plan, clock::instant());
        plan
    }

    /// Takes in a revision, and adds what changed to `noted`; for how much there was no room. Nothing is asked
    /// for on account of its playlist before [`Hold::written`], so that no exchange is written before the one that
    /// listed it.
    pub(in crate::recorder) async fn revision(
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
            let fates = plan.take_fates();
            drop(plan);
            drop(listing);
            let too_many = changes.too_many;
            self.note(changes, noted);
            (too_many, fates)
        };
        let (too_many, fates) = memory.read(count * AS_BYTES, take_in).await;
        (too_many, hold.with_fates(fates))
    }

    /// What bytes the things have that a playlist lists.
    pub(in crate::recorder) async fn contents(
        &self,
        playlist: PlaylistId,
    ) -> impl Fn(&Key) -> Content + '_ {
        let plan = self.plan().await;
        move |key| plan.content(playlist, key)
    }

    /// Takes up what the run before knew of a playlist.
    pub(in crate::recorder) async fn take_up(&self, playlist: PlaylistId, before: EarlierRun) {
        let mut plan = self.plan().await;
        plan.take_up(playlist, before, clock::instant());
    }

    /// These playlists list nothing more.
    pub(in crate::recorder) async fn end(&self, playlists: &[PlaylistId]) {
        self.plan().await.end(playlists);
    }

    /// A playlist that is no longer polled; what changed is added to `noted`.
    pub(in crate::recorder) async fn remove(
        &self,
        playlist: PlaylistId,
        memory: &Memory,
        noted: &mut NewListing,
    ) {
        let mut plan = self.plan().await;
        let count = plan.lists(playlist);
        let remove = || {
            let changes = plan.remove(playlist, clock::instant());
            self.guards.fates.tell(plan.take_fates());
            drop(plan);
            self.note(changes, noted);
        };
        memory.read(count * AS_BYTES, remove).await;
    }

    /// Nothing that left its playlists is tried any more; what changed is added to `noted`. How many things were never asked
    /// for, since there was no room.
    pub(in crate::recorder) async fn forget_late(&self, noted: &mut NewListing) -> u64 {
        let (changes, without_room) = self.plan().await.forget_late();
        self.note(changes, noted);
        without_room
    }

    /// The next thing to fetch, and its place among those under way.
    pub(super) async fn next(&self) -> Option<(Job, Place)> {
        let mut plan = self.plan.lock().await;
        let now = clock::instant();
        let held = self.guards.settle(&mut plan, now);
        let is_held = |playlist| held.contains_key(&playlist);
        let job = plan.next(now, is_held, |url, now| self.hosts.not_before(url, now))?;
        let place = self.guards.place(job.clone());
        Some((job, place))
    }

    /// The next thing to ask for that is announced, its place, and what becomes of it.
    pub(super) async fn next_hint(&self) -> Option<(Job, Place, Destiny)> {
        let mut plan = self.plan.lock().await;
        let now = clock::instant();
        let held = self.guards.settle(&mut plan, now);
        let is_held = |playlist| held.contains_key(&playlist);
        let job = plan.next_hint(now, is_held, |url, now| self.hosts.not_before(url, now))?;
        let destiny = self.guards.fates.of(job.number);
        let place = self.guards.place(job.clone());
        Some((job, place, destiny))
    }

    /// Segments that nobody has asked for, or that are to be asked for again: by playlist and media sequence number, and
    /// whether each left while there was no room for it.
    pub(in crate::recorder) async fn segments_waiting(&self) -> Vec<(PlaylistId, u64, bool)> {
        self.plan().await.segments_waiting()
    }

    /// Whether everything that is listed was fetched or given up.
    pub(in crate::recorder) async fn is_idle(&self) -> bool {
        self.plan().await.is_idle()
    }

    pub(in crate::recorder) fn resource(&self, key: &Key, kind: Kind) -> ResourceKey {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
                part: 0,
                duration: Duration::from_secs(1),
                hinted: false,
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
