//! The loop of one playlist: ask when it is time, judge what came, hand it over.

use self::poller::{Content, Passed, Poller, hash_of};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Instrument;
use url::Url;

use self::request::ask::list_and_named;
use self::state::last_body::Judged;
use self::state::trust::Came;
use super::context::Context;
use super::memory::Held;
use super::raw::opened::Opened;
use super::raw::recording as raw;
use crate::clock;
use crate::hls::{self, PlaylistKind, Variables};
use crate::recorder::http::fetch::{Hop, Received};
use crate::recorder::playlists::playlist::Playlist;
use crate::recorder::schedule::restart_delay;
use crate::recorder::stats::board::PlaylistStats;
use crate::session::{
    Availability, ExchangeId, Kind, NewListing, NewRevision, Outcome, OwnReason, ResourceKey,
    is_success,
};

mod poller;
mod request;
mod restart;
mod revision;
#[cfg(test)]
mod rhythms;
mod state;

/// So many bytes of URLs are put together in the time in which one of a playlist is read, or more.
const URL_BYTES_AS_ONE: usize = 4;

/// Starts the loop of a playlist.
pub(super) fn start(context: &Arc<Context>, playlist: Arc<Playlist>) {
    playlist.is_started.store(true, Ordering::Relaxed);
    // Boxed by spawning: a loop starts the loops of the playlists that it finds.
    let span = context.span.clone();
    let polls = follow(Arc::clone(context), playlist);
    context.tasks.spawn(polls.instrument(span));
}

/// Polls a playlist until that is over; a loop that panics begins anew.
async fn follow(context: Arc<Context>, playlist: Arc<Playlist>) {
    let mut poller = Poller::new(Arc::clone(&context), Arc::clone(&playlist));
    let mut panics = 0;
    let what = || format!("the loop of {:?}", playlist.label);
    loop {
        // What it has learnt outlives it, and so does what it has to give back.
        let run = async {
            if let Some(opened) = poller.run().await {
                raw::run(Arc::clone(&context), Arc::clone(&playlist), opened).await;
            }
        };
        if context.panics.contain(run, what).await.is_some() {
            return;
        }
        panics = match playlist.note_panic(clock::instant()) {
            true => panics + 1,
            false => 1,
        };
        poller = poller.anew();
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(restart_delay(panics)) => {}
        }
    }
}

impl Poller {
    /// Polls until the playlist is over; where it is none, what it is.
    async fn run(&mut self) -> Option<Opened> {
        let stop = self.context.stop.clone();
        self.take_up().await;
        let playlist = Arc::clone(&self.playlist);
        let mut due = clock::instant();
        let mut over = due;
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.correct(true).await;
                    return None;
                }
                () = tokio::time::sleep_until(due) => {}
                () = playlist.woken() => {
                    due = self.sooner(due, over);
                    continue;
                }
            }
            // Whoever of the recording asked the host may have heard that it wants to be left alone.
            if let Some(until) = self.held_until(clock::instant()) {
                due = until;
                continue;
            }
            let lag_us = clock::micros(clock::instant().saturating_duration_since(due));
            // Moments that pass after the answer are the recorder's own lateness.
            let answered = self.poll(lag_us).await;
            if let Some(opened) = self.plain.take() {
                return Some(opened);
            }
            self.playlist.update(|s| s.panics_since = None);
            self.context.playlists.changed();
            // A name that leads nowhere leaves the others.
            if self.not_asked && !self.playlist.has_other_name(&self.name) {
                self.correct(true).await;
                self.playlist.give_up();
                return None;
            }
            let now = clock::instant();
            if self.playlist.is_over(now) {
                self.playlist.stats.is_over.store(true, Ordering::Relaxed);
                self.correct(true).await;
                self.leave(now).await;
                return None;
            }
            self.taken = now.saturating_duration_since(answered);
            over = answered;
            due = self.next(answered);
        }
    }

    /// A playlist on demand stays listed; one that was dropped lists nothing any more.
    async fn leave(&self, now: tokio::time::Instant) {
        if self.playlist.standing().on_demand || !self.playlist.is_over(now) {
            return;
        }
        let mut listing = NewListing::default();
        let memory = &self.context.fetcher.memory;
        let queue = &self.context.queue;
        queue.remove(self.playlist.id, memory, &mut listing).await;
        self.context.fetcher.writer.listed(listing).await;
        tracing::info!("{:?} is no longer named", self.playlist.label);
    }

    /// One poll; when its answer was complete.
    async fn poll(&mut self, lag_us: i64) -> Instant {
        self.heed_variables();
        let ask = self.ask();
        let is_stale = self.playlist.is_stale(&self.name, clock::instant());
        self.note_name(&ask).await;
        let mut hops = self.context.fetcher.chain(&ask).await;
        self.playlist.answered(&hops);
        self.playlist.was_asked(&self.name);
        let named = list_and_named(&hops);
        self.not_asked = matches!(hops.as_slice(), [only] if only.was_not_asked);
        let answered = clock::instant();
        PlaylistStats::count(&self.playlist.stats.polls, 1);
        self.was_late(hops.first(), lag_us).await;
        self.turns.asked(hops.first());
        let first_us = hops.first().map_or(0, Hop::response_us);
        let chain = hops.iter().map(|hop| Passed::of(&hop.url)).collect();
        let Some(mut last) = hops.pop() else {
            return answered;
        };
        let head = hops.first().map_or(last.id, |h| h.id);
        let live = last.take_live();
        self.mark_control(&mut last);
        let is_own = last.own_reason.is_some();
        let good = live.is_some() || self.read(&mut last).await;
        if !last.is_other_list {
            self.heed_list(named);
        }
        if is_stale && !good {
            // A player would have the newest name, or the one that has gone.
            hops.iter_mut()
                .chain([&mut last])
                .for_each(Hop::is_too_late);
        }
        self.count(&last, good);
        if (good && !is_own) || last.is_fault() || is_stale {
            self.playlist.asked(&self.name, good);
        }
        if good && !is_own {
            self.turns.answered(&last);
        }
        // Head first: every hop may refer to it.
        for mut hop in hops {
            let availability = self.availability(&hop, head, first_us);
            self.write_crossed(&mut hop, head, availability, lag_us)
                .await;
            self.write(hop, head, availability, lag_us, None, None)
                .await;
        }
        let availability = self.availability(&last, head, first_us);
        self.write_crossed(&mut last, head, availability, lag_us)
            .await;
        if let Some(live) = live {
            let (from_us, _) = availability.decided(last.timing(), self.from_us);
            let url = self.url_of(&last, head);
            self.plain = Some(Opened {
                hop: last,
                url,
                live,
                head,
                from_us,
                lag_us,
            });
            return answered;
        }
        self.take(last, head, availability, lag_us, good).await;
        self.polled |= !is_own;
        self.chain = chain;
        answered
    }

    /// A playlist that imports variables lists other things where those have changed, even if
    /// its text has not: it is asked for whole, and read again.
    fn heed_variables(&mut self) {
        if self.imports && !is_same(&self.context.shared().variables, &self.variables) {
            self.trust.forget();
        }
    }

    /// What lists the resources of a body, and from when on that is the answer: its own
    /// revision, that of the multivariant playlist that gave its variables other values, or the last one, which
    /// comes from elsewhere.
    fn listed_by(&mut self, own: ExchangeId, changed: bool) -> (ExchangeId, i64) {
        let shared = self.context.shared();
        let by_variables = (shared.revision, shared.from_us);
        drop(shared);
        match changed {
            true => self.revised = (own, self.from_us),
            false if self.imports => return by_variables,
            false => {}
        }
        self.revised
    }

    /// Decodes and checks; whether it is an answer that a player could use.
    async fn read(&self, hop: &mut Hop) -> bool {
        let fetcher = &self.context.fetcher;
        let kind = self.playlist.kind;
        if hop.outcome != Outcome::Complete || !fetcher.decode_text(hop, kind).await {
            return false;
        }
        if let Some(why) = self.list_that_is_not_followed(hop).await {
            hop.is_other_list = true;
            hop.fail(Outcome::NotAPlaylist, &why);
            return false;
        }
        match (hop.status, &hop.body) {
            (Some(304), _) => hop.confirms().is_some(),
            (Some(status), Received::Memory(body))
                if is_success(status) && hls::playlist_kind(body).is_some() =>
            {
                true
            }
            (Some(status), _) if is_success(status) => {
                hop.outcome = Outcome::NotAPlaylist;
                hop.error = Some("it does not begin with #EXTM3U".to_owned());
                false
            }
            _ => false,
        }
    }

    fn count(&self, hop: &Hop, good: bool) {
        let failures = self.playlist.standing().failures;
        self.note_whether_gone(hop);
        if good {
            if failures > 0 {
                tracing::info!(
                    "{:?} answers again, after {failures} failed polls",
                    self.playlist.label
                );
            }
            self.playlist.plays();
            return;
        }
        if hop.own_reason == Some(OwnReason::TooLate) {
            self.playlist.fails(clock::instant());
            return;
        }
        if !hop.is_fault() {
            // Our own doing: at the stop, or since we ask more often than players.
            return;
        }
        let playlists = &self.context.playlists;
        let was_silent = playlists.nothing_plays();
        self.playlist.fails(clock::instant());
        if !was_silent && playlists.nothing_plays() {
            playlists.wake_first();
        }
        PlaylistStats::count(&self.playlist.stats.faults, 1);
        let kind = self.playlist.kind;
        if self.context.stats.fault(kind, hop.status, hop.outcome) {
            let why = hop
                .error
                .clone()
                .unwrap_or_else(|| format!("HTTP {}", hop.status.unwrap_or(0)));
            tracing::warn!(outcome = %hop.outcome, status = hop.status, "{:?}: {why}", self.playlist.label);
        }
    }

    /// The last hop: a revision, a confirmation, or a fault.
    async fn take(
        &mut self,
        mut hop: Hop,
        head: ExchangeId,
        availability: Availability,
        lag_us: i64,
        good: bool,
    ) {
        if hop.own_reason == Some(OwnReason::Probe) {
            if let Some(since_us) = self.trust.confirmed_anything() {
                self.tell_of_false_validators(since_us).await;
            }
            return self
                .write(hop, head, availability, lag_us, None, None)
                .await;
        }
        let confirms = hop.confirms().filter(|_| good);
        let (from_us, availability) = availability.decided(hop.timing(), self.from_us);
        self.from_us = from_us;
        let requested_us = hop.requested_us;
        let body = match &hop.body {
            Received::Memory(body) if good => body.clone(),
            _ => {
                if confirms.is_some() {
                    self.came_again();
                    self.seen_at_us = Some(requested_us);
                    self.trust.confirmed();
                }
                return self
                    .write(hop, head, availability, lag_us, confirms, None)
                    .await;
            }
        };
        let (judged, content, room) = self.judge(&body, &hop.url).await;
        hop.digest = Some(judged.digest);
        let changed = judged.changed;
        self.read_at = Some((self.name.url.clone(), hop.url.clone()));
        let is_read = content.is_some();
        if !is_read {
            self.came_again();
        }
        let listing = self.listed_by(hop.id, changed);
        (self.listing.revision, self.listing.from_us) = listing;
        self.listing.sent = hop.wire_bytes.unwrap_or(0);
        let id = self.listing.revision;
        let doubt_us = self.trust.doubt_us(&hop.url);
        if doubt_us.is_some() {
            // It may have been there while the one before was still confirmed.
            self.seen_at_us = doubt_us;
            self.turns.doubted();
        }
        self.stood = is_read.then(|| self.playlist.standing());
        let revision = match content {
            None => None,
            Some(Content::Media(media)) => Some(self.media(media, id).await),
            Some(Content::Multivariant(main)) => Some(self.multivariant(main, id).await),
        };
        self.note_beside().await;
        #[cfg(test)]
        super::panics::testing::pass(super::panics::testing::Place::Poll, &self.playlist.url);
        if !self.last.keep(body, judged, &self.context.fetcher.memory) {
            self.reading.forget();
        }
        self.seen_at_us = Some(requested_us);
        let listing = std::mem::take(&mut self.listing);
        let is_listed = self.context.fetcher.writer.listed(listing).await;
        drop(room);
        if !is_listed {
            hop.fail(
                Outcome::Aborted,
                "the recorder was stopped as it took in what this lists",
            );
        }
        let revision = revision.filter(|_| changed && is_listed);
        let came = Came {
            validators: hop.validators(),
            advanced: revision.as_ref().is_some_and(|revision| revision.advance),
            requested_us,
        };
        if let Some(since_us) = self.trust.came(&hop.url, came) {
            self.tell_of_false_validators(since_us).await;
        }
        self.write(hop, head, availability, lag_us, None, revision)
            .await;
        self.stood = None;
        if changed {
            PlaylistStats::count(&self.playlist.stats.revisions, 1);
        }
        // What was not listed as a whole is asked for on no account.
        if is_read && is_listed {
            if let Some(hold) = self.hold.take() {
                hold.written();
            }
            self.ask_beside();
            for playlist in std::mem::take(&mut self.found) {
                start(&self.context, playlist);
            }
        }
    }

    /// Compares a good body with the last one, and reads it where it says something new.
    /// With room for what it means, until that has been handed on.
    async fn judge(&mut self, body: &Bytes, url: &Url) -> (Judged, Option<Content>, Held) {
        let memory = Arc::clone(&self.context.fetcher.memory);
        // To see that it came again takes no time that others would have to wait for.
        let moved = self.is_read_elsewhere(url, body.len());
        let (work, references, url_bytes) =
            match self.last.is_again(body) && !self.imports && !moved {
                true => (0, 0, 0),
                false => {
                    let url_bytes = hls::most_url_bytes(body, url);
                    let work = body.len().max(url_bytes / URL_BYTES_AS_ONE);
                    (work, hls::most_references(body), url_bytes)
                }
            };
        let room = memory
            .for_meaning(references as u64, url_bytes as u64)
            .await;
        let (judged, content) = memory
            .read(work, || {
                let judged = self.last.judge(body);
                let text = self.last.text(body, &judged);
                let content = self.content(&text, (judged.changed, moved), url);
                (judged, content)
            })
            .await;
        (judged, content, room)
    }

    /// What a body says; `None`: nothing new.
    fn content(
        &mut self,
        body: &Bytes,
        (changed, moved): (bool, bool),
        url: &Url,
    ) -> Option<Content> {
        let variables = Arc::clone(&self.context.shared().variables);
        if changed {
            self.imports = hls::imports_variables(body);
        }
        // The same text means other URLs elsewhere.
        let lists_others = moved || (self.imports && !is_same(&variables, &self.variables));
        if !(changed || lists_others) {
            return None;
        }
        self.variables = variables;
        self.read_beside(body, url);
        Some(match hls::playlist_kind(body) {
            Some(PlaylistKind::Multivariant) => {
                self.reading.forget();
                Content::Multivariant(hls::read_multivariant(body, url))
            }
            _ => {
                let memory = &self.context.fetcher.memory;
                Content::Media(self.reading.read(body, url, &self.variables, memory))
            }
        })
    }

    async fn write(
        &self,
        hop: Hop,
        head: ExchangeId,
        availability: Availability,
        lag_us: i64,
        confirms: Option<ExchangeId>,
        revision: Option<NewRevision>,
    ) {
        let is_head = hop.id == head;
        let is_own = is_head && !self.is_direct;
        let resource = self.resource(self.playlist.kind, &self.url_of(&hop, head));
        let mut exchange = hop.into_exchange(resource, availability);
        exchange.polled = (!is_own).then(|| self.resource(self.playlist.kind, &self.playlist.url));
        exchange.referrer_id = self.name.revision;
        exchange.head_id = (!is_head).then_some(head);
        exchange.lag_us = is_head.then_some(lag_us);
        exchange.confirms_id = confirms;
        exchange.revision = revision;
        self.context.fetcher.writer.exchange(exchange).await;
    }

    /// The attempt before a hop, where it crossed the end of a kept connection.
    async fn write_crossed(
        &self,
        hop: &mut Hop,
        head: ExchangeId,
        availability: Availability,
        lag_us: i64,
    ) {
        let resource = self.resource(self.playlist.kind, &self.url_of(hop, head));
        if let Some(mut crossed) = hop.take_crossed(&resource, availability) {
            crossed.referrer_id = self.name.revision;
            crossed.head_id = (hop.id != head).then_some(head);
            crossed.lag_us = (hop.id == head).then_some(lag_us);
            self.context.fetcher.writer.exchange(crossed).await;
        }
    }

    /// From when on a hop is the answer. `first_us`: when the response of the head began.
    fn availability(&self, hop: &Hop, head: ExchangeId, first_us: i64) -> Availability {
        let listed_us = self.playlist.from_us.filter(|_| !self.polled);
        match hop.id == head {
            true => Availability::poll(listed_us),
            false => Availability::poll_hop(listed_us, first_us, self.has_passed(&hop.url)),
        }
    }

    /// Whether the chain before had a URL.
    fn has_passed(&self, url: &Url) -> bool {
        let hash = hash_of(url);
        self.chain.iter().any(|passed| passed.hash == hash)
    }

    fn resource(&self, kind: Kind, url: &Url) -> ResourceKey {
        ResourceKey {
            stream_id: self.context.stream_id,
            kind,
            url: url.to_string(),
            range: None,
        }
    }
}

/// Whether two have the same variables: where they share them, without looking at each.
fn is_same(one: &Arc<Variables>, other: &Arc<Variables>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}
