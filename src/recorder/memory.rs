//! How much memory the bodies of a stream may take at once. What finds no room waits; nobody else
//! waits for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::hls::MOST_RESOLVED;

use crate::recorder::settings::limits::{LARGE_AT_ONCE, LARGE_PLAYLIST, Limits};

/// So much of each body is free, so that ordinary playlists never wait, in bytes.
const FREE: u64 = 64 * 1024;
/// Each reference of a playlist that is being taken in takes so much beside its URL, in bytes: as it was read, as it is
/// wanted, as it is handed to the writer, and as it is kept to be compared.
const REFERENCE: u64 = 640;
/// What a stream's playlists mean while they are taken in, in bytes. One that means more takes all of it.
const URLS: u64 = MOST_RESOLVED as u64 / 2;
/// What a permit of a semaphore stands for, in bytes.
const UNIT: u64 = 1024;

/// Does what may have to wait for room, unless what is under way is cut off meanwhile: `None`. What has room is done all
/// the same.
pub(super) async fn unless_aborted<T>(
    abort: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = abort.cancelled() => None,
    }
}

/// Room for the bodies of a stream.
#[derive(Debug)]
pub(super) struct Memory {
    /// As they come.
    bodies: Arc<Semaphore>,
    /// Decoded: apart from the others, so that no body that waits to be decoded keeps another from
    /// being decoded.
    decoded: Arc<Semaphore>,
    /// Texts that the next ones are compared with, and what they mean: apart, since they stay.
    kept: Arc<Semaphore>,
    /// What playlists mean while they are taken in: a short text may mean many long URLs.
    urls: Arc<Semaphore>,
    /// Large playlists that are read.
    readers: Semaphore,
    largest: u64,
}

/// Room that a body has taken, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl Memory {
    pub(super) fn new(limits: &Limits) -> Self {
        // What the limits let through has room, whatever they are.
        let largest = limits.playlist.max(limits.data).max(limits.error);
        let room = units(limits.memory.max(largest)) as usize;
        Self {
            bodies: Arc::new(Semaphore::new(room)),
            decoded: Arc::new(Semaphore::new(room)),
            kept: Arc::new(Semaphore::new(units(limits.memory / 2) as usize)),
            urls: Arc::new(Semaphore::new(units(URLS) as usize)),
            readers: Semaphore::new(LARGE_AT_ONCE),
            largest,
        }
    }

    /// Takes room for a body that has grown to `bytes`.
    pub(super) async fn grow(&self, held: &mut Held, bytes: u64) {
        let has = held.0.as_ref().map_or(0, |p| p.num_permits());
        let wants = units(bytes.min(self.largest).saturating_sub(FREE)) as usize;
        let Some(more) = wants.checked_sub(has).filter(|more| *more > 0) else {
            return;
        };
        // Never closed.
        let bodies = Arc::clone(&self.bodies);
        if let Ok(permit) = bodies.acquire_many_owned(units(more as u64 * UNIT)).await {
            match &mut held.0 {
                Some(has) => has.merge(permit),
                none => *none = Some(permit),
            }
        }
    }

    /// Room for a body that decodes to `size` bytes.
    pub(super) async fn for_decoding(&self, size: u64) -> Held {
        let permits = units(size.min(self.largest));
        Held(
            Arc::clone(&self.decoded)
                .acquire_many_owned(permits)
                .await
                .ok(),
        )
    }

    /// Room for what a playlist means: so many references, whose URLs have so many bytes, at most.
    pub(super) async fn for_meaning(&self, references: u64, url_bytes: u64) -> Held {
        let bytes = references
            .saturating_mul(REFERENCE)
            .saturating_add(url_bytes);
        let permits = units(bytes.min(URLS).saturating_sub(FREE));
        if permits == 0 {
            return Held::default();
        }
        let room = Arc::clone(&self.urls).acquire_many_owned(permits);
        Held(room.await.ok())
    }

    /// Room to keep a text, or what it means, until the next one comes; `None`: there is none, and nobody waits for it.
    pub(super) fn keep(&self, size: u64) -> Option<Held> {
        let permits = units(size);
        let room = Arc::clone(&self.kept).try_acquire_many_owned(permits);
        room.ok().map(|permit| Held(Some(permit)))
    }

    /// Runs what takes time with a large playlist: few at once, and no task waits behind it.
    pub(super) async fn read<T>(&self, size: usize, read: impl FnOnce() -> T) -> T {
        if size < LARGE_PLAYLIST {
            return read();
        }
        let _permit = self.readers.acquire().await;
        match tokio::runtime::Handle::current().runtime_flavor() {
            tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(read),
            _ => read(),
        }
    }
}

impl Held {
    /// Kept until the writer has the body.
    pub(super) fn into_permit(self) -> Option<OwnedSemaphorePermit> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn bodies_wait_for_room_and_small_ones_never() {
        let limits = Limits {
            playlist: 1024 * 1024,
            data: 0,
            error: 0,
            memory: 0,
            ..Limits::default()
        };
        let memory = Memory::new(&limits);
        let mut first = Held::default();
        memory.grow(&mut first, 500_000).await;
        memory.grow(&mut first, 1024 * 1024).await;
        let mut second = Held::default();
        memory.grow(&mut second, FREE).await;
        let wait = Duration::from_secs(1);
        assert!(
            timeout(wait, memory.grow(&mut second, FREE + 500_000))
                .await
                .is_err()
        );
        drop(first);
        assert!(
            timeout(wait, memory.grow(&mut second, FREE + 500_000))
                .await
                .is_ok()
        );

        let decoding = memory.for_decoding(1024 * 1024).await;
        assert!(
            timeout(wait, memory.for_decoding(1024 * 1024))
                .await
                .is_err()
        );
        drop(decoding);
        assert!(timeout(wait, memory.for_decoding(1_000_000)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn urls_wait_for_room_those_of_one_have_it_and_few_never_wait() {
        let memory = Memory::new(&Limits::default());
        let all = memory.for_meaning(0, u64::MAX).await;
        memory.for_meaning(0, FREE).await;
        memory.for_meaning(FREE / REFERENCE, 0).await;
        let wait = Duration::from_secs(1);
        let more = || timeout(wait, memory.for_meaning(0, 4 * FREE));
        assert!(more().await.is_err());
        drop(all);
        assert!(more().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn playlists_of_very_many_short_names_are_taken_in_a_few_at_once() {
        let memory = Memory::new(&Limits::default());
        let mut held = Vec::new();
        let wait = Duration::from_secs(1);
        while let Ok(room) = timeout(wait, memory.for_meaning(40_000, 500_000)).await {
            held.push(room);
        }
        // What they take while they are taken in, as it was measured.
        let taken = held.len() * 25 * 1024 * 1024;
        assert!(taken <= 64 * 1024 * 1024, "{} at once", held.len());
        assert!(!held.is_empty());
    }

    /// What is there of each reference at one time, beside the text of its URL.
    #[test]
    fn a_reference_takes_no_more_than_is_counted() {
        let shared_url = size_of::<[usize; 2]>() + size_of::<url::Url>();
        // Lists grow by doubling, and a row has a copy of the URL.
        let lists = 2 * (size_of::<crate::hls::Entry>() + size_of::<[usize; 4]>());
        let wanted = size_of::<crate::recorder::plan::Wanted>();
        let row = 2 * size_of::<crate::session::ResourceKey>() + 64;
        let all = shared_url + lists + wanted + row;
        assert!(all as u64 <= REFERENCE, "{all}");
    }

    #[tokio::test]
    async fn a_recorder_that_stops_waits_for_no_room() {
        let memory = Memory::new(&Limits::default());
        let abort = CancellationToken::new();
        abort.cancel();
        let first = unless_aborted(&abort, memory.for_decoding(1024)).await;
        assert!(first.is_some());
        drop(first);
        let _all = memory.for_decoding(memory.largest).await;
        let _rest = memory.for_decoding(memory.largest).await;
        assert!(
            unless_aborted(&abort, memory.for_decoding(1024))
                .await
                .is_none()
        );
    }

    #[tokio::test]
    async fn few_large_playlists_are_read_at_once() {
        let memory = Memory::new(&Limits::default());
        let free = || memory.readers.available_permits();
        assert_eq!(memory.read(LARGE_PLAYLIST - 1, free).await, LARGE_AT_ONCE);
        assert_eq!(memory.read(LARGE_PLAYLIST, free).await, LARGE_AT_ONCE - 1);
        assert_eq!(free(), LARGE_AT_ONCE);
    }
}
