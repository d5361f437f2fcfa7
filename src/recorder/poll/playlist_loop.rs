//! The loop of one playlist: it polls when that is due, until the playlist is over; after a panic it begins anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use tracing::Instrument;

use super::poller::Poller;
use super::state::overdue::answer;
use crate::clock;
use crate::recorder::context::Context;
use crate::recorder::playlists::playlist::Playlist;
use crate::recorder::raw::opened::Opened;
use crate::recorder::raw::recording as raw;
use crate::recorder::schedule::restart_delay;
use crate::session::NewListing;

/// Starts the loop of a playlist.
pub(in crate::recorder) fn start(context: &Arc<Context>, playlist: Arc<Playlist>) {
    playlist.is_started.store(true, Ordering::Relaxed);
    let now_us = context.fetcher.writer.clock().now_us();
    playlist.stats.since_us.store(now_us, Ordering::Relaxed);
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
            let opened = poller.run().await;
            Box::pin(poller.end_overdue()).await;
            if let Some(opened) = opened {
                // Apart, as what a poll needs: thousands of loops wait, and each takes what it may need at most.
                Box::pin(raw::run(
                    Arc::clone(&context),
                    Arc::clone(&playlist),
                    opened,
                ))
                .await;
            }
        };
        if context.panics.contain(run, what).await.is_some() {
            return;
        }
        panics = match playlist.note_panic(clock::instant()) {
            true => panics + 1,
            false => 1,
        };
        poller = poller.restarted();
        tokio::select! {
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(restart_delay(panics)) => {}
        }
    }
}

impl Poller {
    /// Polls until the playlist is over; returns the raw stream where the URL turns out to be one.
    async fn run(&mut self) -> Option<Opened> {
        let stop = self.context.stop.clone();
        Box::pin(self.take_up()).await;
        let playlist = Arc::clone(&self.playlist);
        let mut due = clock::instant();
        let mut over = due;
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    Box::pin(self.correct(true)).await;
                    return None;
                }
                () = tokio::time::sleep_until(due) => {}
                () = playlist.woken() => {
                    due = self.sooner(due, over);
                    continue;
                }
                hops = answer(&mut self.overdue) => {
                    Box::pin(self.overdue_came(hops)).await;
                    over = clock::instant();
                    due = self.next(over);
                    continue;
                }
            }
            let context = Arc::clone(&self.context);
            let turn = tokio::select! {
                () = stop.cancelled() => {
                    Box::pin(self.correct(true)).await;
                    return None;
                }
                turn = context.fetcher.polls.turn() => turn,
            };
            // Whoever of the recording asked the host may have heard that it wants to be left alone, up to this moment.
            if let Some(until) = self.held_until(clock::instant()) {
                due = until;
                continue;
            }
            let lag_us = clock::micros(clock::instant().saturating_duration_since(due));
            // Moments that pass after the answer are the recorder's own lateness.
            let answered = Box::pin(self.poll(lag_us, turn)).await;
            for playlist in std::mem::take(&mut self.to_start) {
                start(&self.context, playlist);
            }
            if let Some(opened) = self.plain.take() {
                return Some(opened);
            }
            self.playlist.update(|s| s.panics_since = None);
            self.context.playlists.changed();
            // A name that leads nowhere leaves the others.
            if self.not_asked && !self.playlist.has_other_name(&self.name) {
                Box::pin(self.correct(true)).await;
                self.playlist.give_up();
                return None;
            }
            let now = clock::instant();
            if self.playlist.is_over(now) {
                self.playlist.stats.is_over.store(true, Ordering::Relaxed);
                Box::pin(self.correct(true)).await;
                Box::pin(self.leave(now)).await;
                return None;
            }
            self.taken = now.saturating_duration_since(answered);
            over = answered;
            due = self.next(answered);
        }
    }

    /// A playlist on demand stays listed; one that was dropped lists nothing any more.
    async fn leave(&self, now: Instant) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function returns, in bytes.
    fn size<R>(_: impl Fn(Arc<Context>, Arc<Playlist>) -> R) -> usize {
        size_of::<R>()
    }

    #[test]
    fn a_loop_that_waits_takes_little_memory() {
        assert!(size(follow) < 8 * 1024, "{}", size(follow));
    }
}
