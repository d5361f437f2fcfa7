//! Judges once more how windows lay, when bytes have come: what was judged wrongly is corrected.

use std::collections::VecDeque;

use crate::hls::{Correction, Entry, EntryRole, Hindsight, Lie, Window, Windows, segment_name};
use crate::recorder::plan::{Content, Key};
use crate::session::ExchangeId;

/// Segments whose bytes are awaited; of more the oldest are not.
const MOST: usize = 256;
/// And with so many bytes of URLs.
const MOST_BYTES: usize = 64 * 1024;

/// What is judged again, and the segments whose bytes are awaited for it.
#[derive(Debug, Default)]
pub(crate) struct Corrections {
    hindsight: Hindsight,
    awaited: VecDeque<(u64, Key)>,
}

impl Corrections {
    /// Goes on from windows that were placed before.
    pub(crate) fn resumed(windows: Windows) -> Self {
        Self {
            hindsight: Hindsight::resumed(windows),
            awaited: VecDeque::new(),
        }
    }

    /// Takes in what has come since the last time.
    pub(crate) fn learn(&mut self, content: impl Fn(&Key) -> Content) {
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
    pub(crate) fn saw(
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
    pub(crate) fn judge(&mut self, now_us: i64, all: bool) -> Vec<Correction> {
        self.hindsight.judge(now_us, all)
    }
}
