//! How windows lay is judged once more when bytes have come; corrections are handed to the writer.

use crate::recorder::poll::poller::Poller;

impl Poller {
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
