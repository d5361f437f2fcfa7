//! Messages that wait for the writer, bounded in bytes for each stream.

use std::sync::Arc;
use std::vec::IntoIter;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::message::Message;
use crate::session::files::new_body::NewBody;
use crate::session::id::ExchangeId;
use crate::session::model::{NewExchange, NewListing, ResourceKey};

/// How much of a stream may wait, in KiB. The writer is through with it within a second, so that it can stop.
const SHARE_KIB: u32 = 8 * 1024;
/// What is listed is handed over in pieces of so many bytes.
const PIECE_BYTES: usize = 512 * 1024;
/// How many bytes a row takes beside its texts.
const ROW_BYTES: usize = 256;
/// How much of a body counts; its sender counts the rest.
const BODY_BYTES: usize = 64 * 1024;

/// A message, and what it takes of the share of its stream until it is committed.
pub(crate) struct Queued {
    pub(crate) message: Message,
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

impl Queued {
    /// A message that belongs to no stream.
    pub(crate) fn free(message: Message) -> Self {
        Self {
            message,
            share: None,
        }
    }
}

/// The share of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Share(Arc<Semaphore>);

impl Default for Share {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARE_KIB as usize)))
    }
}

impl Share {
    /// Waits until there is room.
    pub(crate) async fn queued(&self, message: Message) -> Queued {
        let kib = u32::try_from(bytes(&message).div_ceil(1024)).unwrap_or(SHARE_KIB);
        let room = Arc::clone(&self.0).acquire_many_owned(kib.min(SHARE_KIB));
        // Never closed.
        let share = room.await.ok();
        Queued { message, share }
    }
}

/// How many bytes a message takes.
fn bytes(message: &Message) -> usize {
    match message {
        Message::Exchange(exchange) => of_exchange(exchange),
        Message::Listed(listing) => {
            let keys = listing.pending.iter().chain(&listing.gone).map(of_resource);
            let aliases = listing.aliases.iter().map(of_alias);
            ROW_BYTES + keys.chain(aliases).sum::<usize>()
        }
        Message::Corrected(corrections) => ROW_BYTES * corrections.len(),
        Message::Event(_, _, detail) => ROW_BYTES + detail.len(),
        Message::Notice(notice) => ROW_BYTES + notice.detail.len(),
        Message::DateRange(range, _) => ROW_BYTES + range.id.len() + range.url.len(),
        Message::Stream(name, url, _) => ROW_BYTES + name.len() + url.len(),
        // Others wait for these, or they are few.
        Message::Heartbeat(_) | Message::Keep(_) | Message::Written(_) | Message::Finish(..) => 0,
    }
}

fn of_exchange(exchange: &NewExchange) -> usize {
    let headers = exchange.headers.iter().flat_map(|headers| &headers.0);
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    let texts = [
        &exchange.error,
        &exchange.note,
        &exchange.arrival,
        &exchange.asked_as,
    ];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let body = match &exchange.body {
        NewBody::Bytes { data, .. } => data.len().min(BODY_BYTES),
        _ => 0,
    };
    let coded = exchange
        .coded
        .as_ref()
        .map_or(0, |coded| coded.data.len().min(BODY_BYTES));
    2 * ROW_BYTES + of_resource(&exchange.resource) + headers + texts + body + coded
}

fn of_resource(key: &ResourceKey) -> usize {
    ROW_BYTES + key.url.len()
}

fn of_alias((key, url): &(ResourceKey, String)) -> usize {
    of_resource(key) + url.len()
}

/// What is listed, piece by piece: what is gone first, then what is to come, in order.
pub(crate) struct Pieces {
    revision: ExchangeId,
    from_us: i64,
    gone: IntoIter<ResourceKey>,
    pending: IntoIter<ResourceKey>,
    aliases: IntoIter<(ResourceKey, String)>,
    /// Of what was sent: said with the first piece.
    sent: u64,
}

impl Pieces {
    pub(crate) fn new(listing: NewListing) -> Self {
        Self {
            revision: listing.revision,
            from_us: listing.from_us,
            gone: listing.gone.into_iter(),
            pending: listing.pending.into_iter(),
            aliases: listing.aliases.into_iter(),
            sent: listing.sent,
        }
    }

    pub(crate) fn are_over(&self) -> bool {
        self.gone.len() + self.pending.len() + self.aliases.len() == 0
    }

    /// Nobody waits for anything any more.
    pub(crate) fn forget_pending(&mut self) {
        self.gone = IntoIter::default();
        self.pending = IntoIter::default();
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> NewListing {
        let mut left = PIECE_BYTES;
        NewListing {
            revision: self.revision,
            from_us: self.from_us,
            gone: take_first(&mut self.gone, &mut left, of_resource),
            pending: take_first(&mut self.pending, &mut left, of_resource),
            aliases: take_first(&mut self.aliases, &mut left, of_alias),
            sent: std::mem::take(&mut self.sent),
        }
    }
}

/// The first of them that fit into what is left.
fn take_first<T>(all: &mut IntoIter<T>, left: &mut usize, bytes: impl Fn(&T) -> usize) -> Vec<T> {
    let fits = |one: &&T| {
        let is_left = *left > 0;
        *left = left.saturating_sub(bytes(one));
        is_left
    };
    let count = all.as_slice().iter().take_while(fits).count();
    all.take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Kind;
    use crate::session::model::Remark;

    fn key(url: String) -> ResourceKey {
        ResourceKey::whole(1, Kind::Segment, url)
    }

    #[test]
    fn a_list_goes_in_pieces_and_all_of_it_in_order() {
        let url = |n: usize| format!("http://h/{n}{}", "x".repeat(n % 7 * 1000));
        let listing = NewListing {
            revision: 7,
            from_us: 8,
            pending: (0..3000).map(|n| key(url(n))).collect(),
            gone: (0..100).map(|n| key(url(n))).collect(),
            aliases: (0..2000).map(|n| (key(url(n)), url(n + 1))).collect(),
            sent: 5,
        };
        let (mut pending, mut gone, mut aliases, mut pieces) = (vec![], vec![], vec![], 0);
        let mut listing = Pieces::new(listing);
        while !listing.are_over() {
            let piece = listing.next();
            assert!(!piece.is_empty());
            assert_eq!((piece.revision, piece.from_us), (7, 8));
            assert_eq!(piece.sent, if pieces == 0 { 5 } else { 0 });
            pending.extend(piece.pending.iter().map(|key| key.url.clone()));
            gone.extend(piece.gone.iter().map(|key| key.url.clone()));
            aliases.extend(piece.aliases.iter().map(|(_, url)| url.clone()));
            let bytes = bytes(&Message::Listed(piece));
            assert!(bytes < PIECE_BYTES + 20_000, "{bytes}");
            pieces += 1;
        }
        assert!(pieces > 10);
        assert_eq!(pending, (0..3000).map(url).collect::<Vec<_>>());
        assert_eq!(gone, (0..100).map(url).collect::<Vec<_>>());
        assert_eq!(aliases, (1..2001).map(url).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_sends_much_waits_and_no_other_does() {
        let event = |bytes: usize| Message::Event(0, Remark::LeftOut, "x".repeat(bytes));
        let (much, other) = (Share::default(), Share::default());
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.push(much.queued(event(1024 * 1024 - ROW_BYTES)).await);
        }
        let wait = std::time::Duration::from_secs(1);
        assert!(
            tokio::time::timeout(wait, much.queued(event(1)))
                .await
                .is_err()
        );
        other.queued(event(1)).await;
        waiting.pop();
        assert!(
            tokio::time::timeout(wait, much.queued(event(1)))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn what_is_larger_than_a_share_goes_alone() {
        let share = Share::default();
        let large = share
            .queued(Message::Event(0, Remark::LeftOut, "x".repeat(20 << 20)))
            .await;
        assert_eq!(share.0.available_permits(), 0);
        drop(large);
        assert_eq!(share.0.available_permits(), SHARE_KIB as usize);
    }
}
