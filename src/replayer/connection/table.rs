//! The connections that there are: how many, from which addresses, and which are evicted when there is no
//! room for one more.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::activity::Activity;
use super::limits::Limits;
use crate::clock;

/// How often a full table looks for a connection that has become idle.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Connections evicted at once at most: looking for those that have waited longest is a walk over all.
const MOST_EVICTED: usize = 32;

/// All connections.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    connections: usize,
    per_address: usize,
    entries: Mutex<Entries>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    open: HashMap<u64, Entry>,
    /// Requests under way beyond the first of a connection: each takes as much as a connection.
    streams: usize,
    /// Both together.
    per_address: HashMap<IpAddr, usize>,
    /// When to look for an idle connection again: the last look found none.
    looks_again: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    activity: Arc<Activity>,
}

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// The table is full, and all its connections are being answered.
    Full,
    /// Its address has all the connections it may have, and all are being answered.
    TooManyOfAddress,
}

/// The right to be connected; given back when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    table: Arc<ConnectionTable>,
    number: u64,
    address: IpAddr,
    activity: Arc<Activity>,
}

impl ConnectionTable {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            connections: limits.connections.max(1),
            per_address: limits.per_address.max(1),
            entries: Mutex::default(),
            left: Notify::new(),
        })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // No code panics while it is locked.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection from an address. If there is no room, evicts those that have waited longest for their
    /// clients (of that address, if it has too many).
    ///
    /// # Errors
    /// The table is full, and all connections are being answered.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, NoRoom> {
        let address = network_of(address);
        let mut entries = self.entries();
        self.make_room(&mut entries, address)?;
        let activity = Arc::new(Activity::new());
        let number = entries.insert(address, Arc::clone(&activity));
        Ok(ConnectionPermit {
            table: Arc::clone(self),
            number,
            address,
            activity,
        })
    }

    /// Sees to it that there is room for one connection more, or one stream.
    fn make_room(&self, entries: &mut Entries, address: IpAddr) -> Result<(), NoRoom> {
        let of_address = entries.per_address.get(&address).copied().unwrap_or(0);
        if of_address >= self.per_address {
            if entries.evict(Some(address), eviction_count(self.per_address)) == 0 {
                return Err(NoRoom::TooManyOfAddress);
            }
        } else if entries.open.len() + entries.streams >= self.connections
            && entries.evict(None, eviction_count(self.connections)) == 0
        {
            return Err(NoRoom::Full);
        }
        Ok(())
    }

    /// Waits until there may be room.
    pub(super) async fn room(&self) {
        let _ = timeout(LOOK_AGAIN, self.left.notified()).await;
    }

    /// Evicts the connections that have waited for their clients for longest, `most` at most. Gives their number.
    pub(super) fn evict(&self, most: usize) -> usize {
        let mut entries = self.entries();
        entries.looks_again = None;
        entries.evict(None, most)
    }
}

/// How many connections are evicted at once, where there may be `limit`.
fn eviction_count(limit: usize) -> usize {
    (limit / 64).clamp(1, MOST_EVICTED)
}

impl Entries {
    fn insert(&mut self, address: IpAddr, activity: Arc<Activity>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, Entry { address, activity });
        *self.per_address.entry(address).or_default() += 1;
        number
    }

    fn remove(&mut self, number: u64) {
        let Some(Entry { address, .. }) = self.open.remove(&number) else {
            return;
        };
        self.leave(address);
    }

    fn leave(&mut self, address: IpAddr) {
        if let Some(count) = self.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&address);
            }
        }
    }

    fn evict(&mut self, address: Option<IpAddr>, most: usize) -> usize {
        let now = clock::instant();
        if self.looks_again.is_some_and(|at| now < at) {
            return 0;
        }
        let of_address = |entry: &Entry| address.is_none_or(|address| address == entry.address);
        let entries = self.open.iter().filter(|(_, entry)| of_address(entry));
        let waiting = entries.filter_map(|(number, entry)| {
            let since = entry.activity.waits_since()?;
            Some((since, *number))
        });
        let mut waiting: Vec<(Instant, u64)> = waiting.collect();
        waiting.sort_unstable();
        let mut evicted = 0;
        for (_, number) in waiting {
            if evicted < most && self.open[&number].activity.evict() {
                self.remove(number);
                evicted += 1;
            }
        }
        self.looks_again = (evicted == 0).then_some(now + LOOK_AGAIN);
        evicted
    }
}

impl ConnectionPermit {
    /// What its connection is doing.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Admits a request that comes while another one is under way on the connection.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn stream(&self) -> Result<StreamPermit, NoRoom> {
        let (table, address) = (Arc::clone(&self.table), self.address);
        let mut entries = table.entries();
        table.make_room(&mut entries, address)?;
        entries.streams += 1;
        *entries.per_address.entry(address).or_default() += 1;
        drop(entries);
        Ok(StreamPermit { table, address })
    }
}

/// The right of a request to be under way beside others on its connection; given back when it is dropped.
#[derive(Debug)]
pub(super) struct StreamPermit {
    table: Arc<ConnectionTable>,
    address: IpAddr,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut entries = self.table.entries();
        entries.streams -= 1;
        entries.leave(self.address);
        drop(entries);
        self.table.left.notify_one();
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.table.entries().remove(self.number);
        self.table.left.notify_one();
    }
}

/// A customer of a provider has a /64 and may take any address of it.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            const NETWORK: u128 = !0 << 64;
            Ipv6Addr::from_bits(address.to_bits() & NETWORK).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    fn table(connections: usize, per_address: usize) -> Arc<ConnectionTable> {
        ConnectionTable::new(&Limits {
            connections,
            per_address,
            ..Limits::for_descriptors(1000)
        })
    }

    /// Connections made one after the other.
    async fn admit(table: &Arc<ConnectionTable>, from: &[IpAddr]) -> Vec<ConnectionPermit> {
        let mut permits = Vec::new();
        for address in from {
            permits.push(table.admit(*address).unwrap());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        permits
    }

    fn is_open(permit: &ConnectionPermit) -> bool {
        permit.table.entries().open.contains_key(&permit.number)
    }

    fn open(permits: &[ConnectionPermit]) -> Vec<usize> {
        let open = permits.iter().enumerate().filter(|(_, one)| is_open(one));
        open.map(|(number, _)| number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_waited_for_longest_is_evicted_and_none_that_is_answered() {
        let table = table(3, 3);
        let mut permits = admit(&table, &[A, A, B]).await;
        assert!(permits[0].activity().begin_answer());
        permits.extend(admit(&table, &[B]).await);
        assert_eq!(open(&permits), [0, 2, 3]);
        permits[0].activity().end_body();
        permits[0].activity().flushed();
        permits.extend(admit(&table, &[B, B]).await);
        assert_eq!(open(&permits), [0, 4, 5], "its pause began after them");
        for permit in &permits {
            permit.activity().begin_answer();
        }
        assert_eq!(table.admit(A).unwrap_err(), NoRoom::Full);
        permits.pop();
        assert!(table.admit(A).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_its_share_and_evicts_its_own() {
        let table = table(4, 2);
        let mut permits = admit(&table, &[B, A, A]).await;
        assert!(permits[1].activity().begin_answer());
        permits.extend(admit(&table, &[A]).await);
        assert_eq!(open(&permits), [0, 1, 3]);
        assert!(permits[3].activity().begin_answer());
        assert_eq!(table.admit(A).unwrap_err(), NoRoom::TooManyOfAddress);
        permits.extend(admit(&table, &[B]).await);
        assert_eq!(open(&permits), [0, 1, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_answered_they_are_not_walked_over_for_each_that_comes() {
        let table = table(1, 1);
        let permit = table.admit(A).unwrap();
        assert!(permit.activity().begin_answer());
        assert_eq!(table.admit(B).unwrap_err(), NoRoom::Full);
        permit.activity().end_body();
        permit.activity().flushed();
        assert_eq!(
            table.admit(B).unwrap_err(),
            NoRoom::Full,
            "not looked for yet"
        );
        table.room().await;
        let next = table.admit(B).unwrap();
        assert!(next.activity().begin_answer());
        assert_eq!(table.admit(B).unwrap_err(), NoRoom::TooManyOfAddress);
        next.activity().end_body();
        next.activity().flushed();
        assert_eq!(
            table.evict(1),
            1,
            "at the stop all that wait are closed at once"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn of_very_many_some_are_evicted_at_once() {
        let table = table(1000, 1000);
        let permits: Vec<_> = (0..1000).map(|_| table.admit(A).unwrap()).collect();
        let _one_more = table.admit(A).unwrap();
        assert_eq!(table.entries().open.len(), 1000 - 15 + 1);
        drop(permits);
        assert_eq!(table.entries().open.len(), 1);
    }

    #[test]
    fn one_network_is_one_address() {
        let network = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(network("::ffff:127.0.0.1"), "127.0.0.1");
        assert_eq!(network("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_ne!(network("127.0.0.1"), network("127.0.0.2"));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_stays_of_those_that_have_left() {
        let table = table(20, 10);
        let permits = admit(&table, &[A; 12]).await;
        assert_eq!(open(&permits).len(), 10);
        assert_eq!(table.evict(3), 3);
        drop(permits);
        let entries = table.entries();
        assert!(entries.open.is_empty() && entries.per_address.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_beside_others_of_its_connection_takes_the_place_of_a_connection() {
        let table = table(4, 3);
        let first = table.admit(A).unwrap();
        assert!(first.activity().begin_answer());
        let beside: Vec<_> = (0..2).map(|_| first.stream().unwrap()).collect();
        assert_eq!(first.stream().err(), Some(NoRoom::TooManyOfAddress));
        let other = table.admit(B).unwrap();
        assert!(other.activity().begin_answer());
        tokio::time::sleep(2 * LOOK_AGAIN).await;
        assert_eq!(other.stream().err(), Some(NoRoom::Full));
        drop(beside);
        drop(first);
        tokio::time::sleep(2 * LOOK_AGAIN).await;
        assert!(other.stream().is_ok());
        drop(other);
        let entries = table.entries();
        assert!(entries.open.is_empty() && entries.streams == 0);
        assert!(entries.per_address.is_empty());
    }
}
