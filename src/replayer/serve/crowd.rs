//! Who is connected, and who goes when there is no room. Pure: times are given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use tokio::time::Instant;

use super::limits::Limits;

/// A connection.
pub(super) type Id = u64;

/// What a connection is doing, as far as it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// What the crowd was told last.
    AsTold,
    /// It is being answered. It tells the crowd when it is not any more.
    Busy,
    /// Nothing, since then.
    IdleSince(Instant),
}

/// One of a crowd. It need not tell the crowd of each request: it is asked when somebody has to go.
pub(super) trait Guest {
    /// What it is doing now.
    fn doing(&self) -> Doing {
        Doing::AsTold
    }
}

/// Connections, by when and where from. `T`: what each is told that it has to go with.
#[derive(Debug)]
pub(super) struct Crowd<T> {
    most: usize,
    most_of_one: usize,
    next: Id,
    here: HashMap<Id, Here<T>>,
    /// Those that nothing is being done for, the one that has waited longest first, as far as they
    /// have told.
    idle: BTreeMap<(Instant, Id), IpAddr>,
    peers: HashMap<IpAddr, Peer>,
}

#[derive(Debug)]
struct Here<T> {
    address: IpAddr,
    idle_since: Option<Instant>,
    leave: T,
}

/// All that comes from one address.
#[derive(Debug, Default)]
struct Peer {
    connections: usize,
    idle: BTreeSet<(Instant, Id)>,
}

/// Why one more cannot come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// All that there may be are being answered.
    Full,
    /// All that its address may have are being answered.
    TooManyOfOne,
}

impl<T: Guest> Crowd<T> {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.connections.max(1),
            most_of_one: limits.per_address.max(1),
            next: 0,
            here: HashMap::new(),
            idle: BTreeMap::new(),
            peers: HashMap::new(),
        }
    }

    /// One more, idle as yet; and who has to go for it.
    ///
    /// # Errors
    /// There is no room, and nobody who is idle.
    pub(super) fn enter(
        &mut self,
        address: IpAddr,
        now: Instant,
        leave: T,
    ) -> Result<(Id, Option<T>), NoRoom> {
        let address = one_peer(address);
        let peer = self.peers.get(&address);
        let evicted = if peer.is_some_and(|peer| peer.connections >= self.most_of_one) {
            Some(self.oldest(Some(address)).ok_or(NoRoom::TooManyOfOne)?)
        } else if self.here.len() >= self.most {
            Some(self.oldest(None).ok_or(NoRoom::Full)?)
        } else {
            None
        };
        let evicted = evicted.and_then(|id| self.leave(id));
        let id = self.next;
        self.next += 1;
        let here = Here {
            address,
            idle_since: None,
            leave,
        };
        self.here.insert(id, here);
        self.peers.entry(address).or_default().connections += 1;
        self.is_idle(id, now);
        Ok((id, evicted))
    }

    /// Nothing is being done for it from now on.
    pub(super) fn is_idle(&mut self, id: Id, now: Instant) {
        self.is_busy(id);
        let Some(here) = self.here.get_mut(&id) else {
            return;
        };
        here.idle_since = Some(now);
        self.idle.insert((now, id), here.address);
        self.peers
            .entry(here.address)
            .or_default()
            .idle
            .insert((now, id));
    }

    /// It is being answered from now on.
    pub(super) fn is_busy(&mut self, id: Id) {
        let Some(here) = self.here.get_mut(&id) else {
            return;
        };
        if let Some(since) = here.idle_since.take() {
            self.idle.remove(&(since, id));
            if let Some(peer) = self.peers.get_mut(&here.address) {
                peer.idle.remove(&(since, id));
            }
        }
    }

    /// It goes; what it is to be told, if it was still here.
    pub(super) fn leave(&mut self, id: Id) -> Option<T> {
        self.is_busy(id);
        let here = self.here.remove(&id)?;
        if let Some(peer) = self.peers.get_mut(&here.address) {
            peer.connections -= 1;
            if peer.connections == 0 {
                self.peers.remove(&here.address);
            }
        }
        Some(here.leave)
    }

    /// The one that has been idle for longest, of an address or of all.
    fn oldest(&mut self, of: Option<IpAddr>) -> Option<Id> {
        loop {
            let (told, id) = match of {
                Some(address) => *self.peers.get(&address)?.idle.first()?,
                None => *self.idle.first_key_value()?.0,
            };
            match self.here.get(&id)?.leave.doing() {
                Doing::Busy => self.is_busy(id),
                Doing::IdleSince(since) if since > told => self.is_idle(id, since),
                Doing::AsTold | Doing::IdleSince(_) => return Some(id),
            }
        }
    }

    /// The one that has been idle for longest goes.
    pub(super) fn oldest_leaves(&mut self) -> Option<T> {
        let id = self.oldest(None)?;
        self.leave(id)
    }
}

/// A customer of a provider has a /64 and may take any address of it.
fn one_peer(address: IpAddr) -> IpAddr {
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
    use crate::clock;
    use std::time::Duration;

    impl Guest for char {}

    /// One that is asked.
    struct Asked(char, std::rc::Rc<std::cell::Cell<Doing>>);

    impl Guest for Asked {
        fn doing(&self) -> Doing {
            self.1.get()
        }
    }

    #[test]
    fn who_has_told_nothing_is_asked_before_it_goes() {
        let limits = Limits {
            connections: 3,
            per_address: 3,
            ..Limits::within(1000)
        };
        let began = clock::instant();
        let at = |s| began + Duration::from_secs(s);
        let mut crowd = Crowd::new(&limits);
        let doing: Vec<_> = (0..6)
            .map(|_| std::rc::Rc::new(std::cell::Cell::new(Doing::AsTold)))
            .collect();
        let guest = |n: usize, name| Asked(name, std::rc::Rc::clone(&doing[n]));
        for (n, name) in ['a', 'b', 'c'].into_iter().enumerate() {
            crowd.enter(A, at(n as u64), guest(n, name)).ok().unwrap();
        }
        // The first asked again, the second is being answered.
        doing[0].set(Doing::IdleSince(at(10)));
        doing[1].set(Doing::Busy);
        let goes = |crowd: &mut Crowd<Asked>, n, name| {
            let entered = crowd.enter(B, at(20), guest(n, name));
            entered.map(|(_, evicted)| evicted.unwrap().0)
        };
        assert_eq!(goes(&mut crowd, 3, 'd').ok(), Some('c'));
        assert_eq!(goes(&mut crowd, 4, 'e').ok(), Some('a'));
        doing[3].set(Doing::Busy);
        doing[4].set(Doing::Busy);
        assert_eq!(goes(&mut crowd, 5, 'f').err(), Some(NoRoom::Full));
        // It tells, since it was asked when it was busy.
        doing[1].set(Doing::IdleSince(at(30)));
        crowd.is_idle(1, at(30));
        assert_eq!(goes(&mut crowd, 5, 'f').ok(), Some('b'));
    }

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    fn crowd(connections: usize, per_address: usize) -> (Crowd<char>, impl Fn(u64) -> Instant) {
        let limits = Limits {
            connections,
            per_address,
            ..Limits::within(1000)
        };
        let began = clock::instant();
        (Crowd::new(&limits), move |s| began + Duration::from_secs(s))
    }

    #[test]
    fn the_oldest_idle_one_goes_when_it_is_full() {
        let (mut crowd, at) = crowd(3, 3);
        let a = crowd.enter(A, at(0), 'a').unwrap().0;
        let b = crowd.enter(A, at(1), 'b').unwrap().0;
        crowd.enter(B, at(2), 'c').unwrap();
        crowd.is_busy(a);
        assert_eq!(crowd.enter(B, at(3), 'd').unwrap().1, Some('b'));
        crowd.is_idle(a, at(4));
        assert_eq!(crowd.leave(b), None, "it is gone");
        assert_eq!(crowd.enter(B, at(5), 'e').unwrap().1, Some('c'));
        assert_eq!(crowd.oldest_leaves(), Some('d'));
        assert_eq!(crowd.enter(B, at(6), 'f').unwrap().1, None);
        assert_eq!(crowd.enter(B, at(6), 'g').unwrap().1, Some('a'));
    }

    #[test]
    fn nobody_who_is_answered_goes() {
        let (mut crowd, at) = crowd(2, 2);
        let a = crowd.enter(A, at(0), 'a').unwrap().0;
        let b = crowd.enter(B, at(0), 'b').unwrap().0;
        crowd.is_busy(a);
        crowd.is_busy(b);
        assert_eq!(crowd.enter(A, at(1), 'c'), Err(NoRoom::Full));
        assert_eq!(crowd.oldest_leaves(), None);
        crowd.leave(a);
        assert_eq!(crowd.enter(A, at(1), 'c').unwrap().1, None);
    }

    #[test]
    fn an_address_has_its_share_and_evicts_its_own() {
        let (mut crowd, at) = crowd(4, 2);
        crowd.enter(B, at(0), 'z').unwrap();
        let a = crowd.enter(A, at(1), 'a').unwrap().0;
        let b = crowd.enter(A, at(2), 'b').unwrap().0;
        crowd.is_busy(a);
        let (c, evicted) = crowd.enter(A, at(3), 'c').unwrap();
        assert_eq!(evicted, Some('b'));
        crowd.is_busy(c);
        assert_eq!(crowd.enter(A, at(4), 'd'), Err(NoRoom::TooManyOfOne));
        assert_eq!(crowd.enter(B, at(4), 'y').unwrap().1, None);
        crowd.is_idle(b, at(5));
        assert_eq!(
            crowd.enter(A, at(6), 'e'),
            Err(NoRoom::TooManyOfOne),
            "one that is gone is not idle"
        );
    }

    #[test]
    fn of_the_idle_ones_of_an_address_the_oldest_goes() {
        let (mut crowd, at) = crowd(9, 3);
        let a = crowd.enter(A, at(0), 'a').unwrap().0;
        crowd.enter(A, at(1), 'b').unwrap();
        crowd.enter(A, at(2), 'c').unwrap();
        crowd.is_busy(a);
        crowd.is_idle(a, at(3));
        let goes = |n| crowd.enter(A, at(n), 'x').unwrap().1;
        assert_eq!([4, 5, 6].map(goes), ['b', 'c', 'a'].map(Some));
    }

    #[test]
    fn one_network_is_one_peer() {
        let peer = |text: &str| one_peer(text.parse().unwrap()).to_string();
        assert_eq!(peer("::ffff:127.0.0.1"), "127.0.0.1");
        assert_eq!(peer("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_ne!(peer("127.0.0.1"), peer("127.0.0.2"));
    }

    #[test]
    fn nothing_is_left_of_who_left() {
        let (mut crowd, at) = crowd(100, 10);
        let ids: Vec<Id> = (0..10)
            .map(|n| crowd.enter(A, at(n), 'x').unwrap().0)
            .collect();
        for id in ids {
            crowd.is_busy(id);
            crowd.is_idle(id, at(20));
            crowd.leave(id);
        }
        assert!(crowd.here.is_empty() && crowd.idle.is_empty() && crowd.peers.is_empty());
    }
}
