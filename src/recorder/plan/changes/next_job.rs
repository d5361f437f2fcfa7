//! What is fetched next, and when: what was published last comes first. Pure.

use std::collections::BinaryHeap;
use std::sync::Arc;

use tokio::time::Instant;
use url::Url;

use crate::hls::steps::step;
use crate::recorder::plan::items::item::State;
use crate::recorder::plan::model::{Job, Key, PlaylistId, Rank, Turn};
use crate::recorder::plan::state::Plan;
use crate::session::{Availability, Kind};

/// So many things are looked at until others have their turn: of a host that wants to be left alone there may be
/// very many.
const AT_ONE_GO: usize = 1024;

impl Plan {
    /// The next thing to fetch; counted as under way from now on. `is_held`: nothing may be asked for on account of
    /// this playlist; `not_before`: until when nothing may be asked of the host of a URL.
    pub(in crate::recorder) fn next(
        &mut self,
        now: Instant,
        is_held: impl Fn(PlaylistId) -> bool,
        not_before: impl Fn(&Url, Instant) -> Option<Instant>,
    ) -> Option<Job> {
        self.give_up_late(now);
        self.has_more = None;
        self.wake(now);
        let mut queues = self.queues(is_held);
        for _ in 0..AT_ONE_GO {
            step();
            let newest = self.take_newest(&mut queues);
            let (id, key) = newest.or_else(|| self.take_late())?;
            let Some(item) = self.items.get_mut(&key) else {
                continue;
            };
            match not_before(&item.newest_url, now) {
                Some(until) => {
                    let until = item
                        .late
                        .map_or(until, |late| until.min(late.given_up_at()));
                    let at = until + self.returning.place(until, now);
                    item.state = State::Delayed(at);
                    self.delayed.insert((at, key));
                }
                None => return self.job(id, key, now),
            }
        }
        self.has_more = Some(now);
        None
    }

    /// Playlists that may ask for more, by what they would ask for first.
    fn queues(&self, is_held: impl Fn(PlaylistId) -> bool) -> BinaryHeap<(Rank, PlaylistId)> {
        let playlists = self.playlists.iter();
        let may_ask =
            playlists.filter(|(id, p)| p.in_flight < self.most_in_flight && !is_held(**id));
        may_ask
            .inspect(|_| step())
            .filter_map(|(id, p)| Some((p.ready.last()?.0, *id)))
            .collect()
    }

    /// Takes what was published last out of the queue of a playlist that may ask for more.
    fn take_newest(
        &mut self,
        queues: &mut BinaryHeap<(Rank, PlaylistId)>,
    ) -> Option<(PlaylistId, Key)> {
        let (_, id) = queues.pop()?;
        let ready = &mut self.playlists.get_mut(&id)?.ready;
        let (_, key) = ready.pop_last()?;
        queues.extend(ready.last().map(|(rank, _)| (*rank, id)));
        Some((id, key))
    }

    fn job(&mut self, id: PlaylistId, key: Key, now: Instant) -> Option<Job> {
        let item = self.items.get_mut(&key)?;
        match item.late {
            Some(_) => self.late.in_flight += 1,
            None => self.playlists.get_mut(&id)?.in_flight += 1,
        }
        self.counter += 1;
        item.job = self.counter;
        let place = match item.late {
            Some(_) => Turn::Late,
            None => Turn::Playlist(id),
        };
        self.under_way.insert(item.job, place);
        self.since.insert(item.job, now);
        item.state = State::InFlight;
        item.asked = Some(now);
        Some(Job {
            url: Arc::clone(&item.newest_url),
            kind: item.kind,
            playlist: id,
            sequence: item.sequence,
            referrer: item.referrer,
            availability: Availability::download(item.from_us, item.failures),
            number: item.job,
            // What left without room for it is the recorder's loss, whatever the origin has to keep.
            is_too_late: (item.late)
                .is_some_and(|late| late.is_too_late(now) || item.no_room || item.not_stored),
            known_end: item.known_end(now),
            is_known: item.kind == Kind::Key && self.keys.is_known(&key),
            validators: self.keys.validators(&key),
            hint: None,
            key,
        })
    }

    /// When something that was delayed is due.
    pub(in crate::recorder) fn next_due(&self) -> Option<Instant> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        [self.has_more, delayed].into_iter().flatten().min()
    }

    /// How much is to be fetched, now or later.
    pub(in crate::recorder) fn waiting(&self) -> usize {
        let ready = self.playlists.values().map(|playlist| playlist.ready.len());
        ready.sum::<usize>() + self.late.ready.len() + self.delayed.len()
    }

    /// Whether everything that is listed was fetched or given up.
    pub(in crate::recorder) fn is_idle(&self) -> bool {
        self.delayed.is_empty()
            && self.late.ready.is_empty()
            && self.under_way.is_empty()
            && self.playlists.values().all(|p| p.ready.is_empty())
    }

    fn wake(&mut self, now: Instant) {
        for _ in 0..AT_ONE_GO {
            step();
            let first = self.delayed.first().filter(|(at, _)| *at <= now);
            let Some((_, key)) = first.cloned() else {
                return;
            };
            self.delayed.pop_first();
            if let Some(item) = self.items.get_mut(&key) {
                item.state = State::Ready;
                let rank = item.rank;
                self.make_ready(key, rank);
            }
        }
    }
}
