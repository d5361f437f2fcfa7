//! Judges once more how windows lay, when bytes have come, and tells the writer what was not as it was said.

use std::collections::VecDeque;

use super::Poller;
use crate::hls::{Correction, Entry, EntryRole, Hindsight, Lie, Window, Windows, segment_name};
use crate::recorder::plan::{Content, Key};
use crate::recorder::take_up;
use crate::session::{ExchangeId, Reader};

/// Segments whose bytes are awaited; of more the oldest are not.
const MOST: usize = 256;
/// And with so many bytes of URLs.
const MOST_BYTES: usize = 64 * 1024;

/// What is judged again, and the segments whose bytes are awaited for it.
#[derive(Debug, Default)]
pub(super) struct Corrections {
    hindsight: Hindsight,
    awaited: VecDeque<(u64, Key)>,
}

impl Corrections {
    /// Goes on from windows that were placed before.
    pub(super) fn resumed(windows: Windows) -> Self {
        Self {
            hindsight: Hindsight::resumed(windows),
            awaited: VecDeque::new(),
        }
    }

    /// Takes in what has come since the last time.
    pub(super) fn learn(&mut self, content: impl Fn(&Key) -> Content) {
        let Self { hindsight, awaited } = self;
        awaited.retain(|(name, key)| match content(key) {
            Content::ToCome => true,
            Content::Unknown => false,
            Content::Known(bytes) => {
                hindsight.learn(*name, bytes);
                false
            }
        });
    }

    /// Takes in a window as it was placed just now; `entries`: what it lists.
    pub(super) fn saw(
        &mut self,
        id: ExchangeId,
        window: Window,
        placed: (Lie, &Windows),
        times_us: (i64, i64),
        entries: &[Entry],
    ) {
        let compared = window.names().count();
        let unknown = self.hindsight.saw(id, window, placed, times_us);
        if unknown.is_empty() {
            return;
        }
        let segments = entries.iter().rev();
        let segments = segments.filter(|entry| entry.role == EntryRole::Segment);
        for entry in segments.take(compared) {
            let name = segment_name(&entry.url, entry.range);
            let is_awaited = || self.awaited.iter().any(|(awaited, _)| *awaited == name);
            if !entry.gap && unknown.contains(&name) && !is_awaited() {
                let url = entry.url.clone();
                let range = entry.range;
                self.awaited.push_back((name, Key { url, range }));
            }
        }
        let mut left = MOST_BYTES;
        let fits = |(_, key): &&(u64, Key)| {
            let rest = left.checked_sub(key.url.as_str().len());
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let count = self
            .awaited
            .iter()
            .rev()
            .take(MOST)
            .take_while(fits)
            .count();
        self.awaited.drain(..self.awaited.len() - count);
    }
}

impl Corrections {
    /// Judges what has waited for long enough; with `all`, everything.
    pub(super) fn judge(&mut self, now_us: i64, all: bool) -> Vec<Correction> {
        self.hindsight.judge(now_us, all)
    }
}

impl Poller {
    /// Goes on from what the run before knew of the playlist.
    pub(super) async fn take_up(&mut self) {
        let writer = &self.context.fetcher.writer;
        if !writer.goes_on() {
            return;
        }
        let (folder, stream_id) = (writer.folder().clone(), self.context.stream_id);
        let (url, now_us) = (self.playlist.url.to_string(), writer.clock().now_us());
        let read = move || {
            let reader = Reader::open(&folder)?;
            take_up::read(&reader, (stream_id, &url), now_us)
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
    pub(super) async fn learn(&mut self) {
        let contents = self.context.queue.contents(self.playlist.id).await;
        self.corrections.learn(contents);
    }

    /// Judges what has waited for long enough; with `all`, everything.
    pub(super) async fn correct(&mut self, all: bool) {
        if all {
            self.learn().await;
        }
        let now_us = self.context.fetcher.writer.clock().now_us();
        let corrections = self.corrections.judge(now_us, all);
        self.context.fetcher.writer.corrected(corrections).await;
    }
}
