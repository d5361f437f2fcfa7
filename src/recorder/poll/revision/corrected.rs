//! Judgements of windows that were corrected are handed to the writer.

use crate::hls::Windows;
use crate::recorder::earlier_run;
use crate::recorder::poll::poller::Poller;
use crate::recorder::poll::state::corrections::Corrections;
use crate::session::Reader;

impl Poller {
    /// Goes on from what the run before, or the loop before a panic, knew of the playlist.
    pub(crate) async fn take_up(&mut self) {
        let writer = &self.context.fetcher.writer;
        if !(writer.goes_on() || self.is_anew) {
            return;
        }
        if self.is_anew {
            // Of the last revisions rows may still be under way.
            writer.written().await;
        }
        let (folder, stream_id) = (writer.folder().clone(), self.context.stream_id);
        let (url, now_us) = (self.playlist.url.to_string(), writer.clock().now_us());
        let read = move || {
            let reader = Reader::open(&folder)?;
            earlier_run::read(&reader, (stream_id, &url), now_us)
        };
        let taken = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some(taken))) => taken,
            Ok(Err(error)) => {
                let label = &self.playlist.label;
                return tracing::warn!("{label:?} is placed anew: {error}");
            }
            _ => return,
        };
        let end = taken.end;
        self.windows = Windows::resumed(taken.windows.iter().cloned(), end);
        self.corrections = Corrections::resumed(Windows::resumed(taken.windows, end));
        let queue = &self.context.queue;
        queue.take_up(self.playlist.id, taken.before).await;
    }

    /// Takes in what has come of the segments that were listed.
    pub(crate) async fn learn(&mut self) {
        let contents = self.context.queue.contents(self.playlist.id).await;
        self.corrections.learn(contents);
    }

    /// Judges what has waited for long enough; with `all`, everything.
    pub(crate) async fn correct(&mut self, all: bool) {
        if all {
            self.learn().await;
        }
        let now_us = self.context.fetcher.writer.clock().now_us();
        let corrections = self.corrections.judge(now_us, all);
        self.context.fetcher.writer.corrected(corrections).await;
    }
}
