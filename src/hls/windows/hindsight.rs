//! How windows lay in truth, as what came later tells: the same judgement once more, some target durations behind, with
//! the bytes of segments in place of their names as far as they are known, and with what came next (`docs/design/windows.md`).

use std::collections::VecDeque;

use super::Windows;
use super::window::{Lie, Name, Step, Window};

/// So many target durations later bytes have come, and a late restart has shown.
const TARGETS: i64 = 4;
/// What has not come again for so many target durations does not.
const TURN_TARGETS: i64 = 2;
/// Windows that wait; of more the oldest is judged early.
const MOST: usize = 128;

/// How a window lay in truth, where that is not what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// Which window: as whoever saw it calls it.
    pub id: i64,
    /// Of its first segment.
    pub place: u64,
    /// What it was to those before it.
    pub step: Step,
}

/// A window that waits to be judged again.
#[derive(Debug)]
struct Seen {
    id: i64,
    window: Window,
    said: Lie,
    seen_us: i64,
    target_us: i64,
    /// It showed later that the sequence began again with it.
    begins: bool,
}

/// Judges the windows of a playlist again.
#[derive(Debug, Default)]
pub struct Hindsight {
    windows: Windows,
    waiting: VecDeque<Seen>,
    /// Since when a window may turn out to be the channel.
    behind_us: Option<i64>,
}

impl Hindsight {
    /// Goes on from windows that were placed before.
    pub fn resumed(windows: Windows) -> Self {
        Self {
            windows,
            ..Self::default()
        }
    }

    /// Takes in a window as `windows` has just placed it. Gives back those of its last segments whose bytes are not
    /// known.
    pub fn saw(
        &mut self,
        id: i64,
        mut window: Window,
        (said, windows): (Lie, &Windows),
        (now_us, target_us): (i64, i64),
    ) -> Vec<u64> {
        self.behind_us = windows.behind_us();
        if let Some(before) = self.waiting.back() {
            for name in &mut window.tail {
                let same = before.window.tail.iter().find(|b| b.whole == name.whole);
                name.content = same.and_then(|same| same.content);
            }
        }
        let unknown = window.tail.iter().filter(|name| name.content.is_none());
        let unknown = unknown.map(|name| name.whole).collect();
        self.waiting.push_back(Seen {
            id,
            window,
            said,
            seen_us: now_us,
            target_us,
            begins: false,
        });
        if let Some(since_us) = windows.began_us() {
            let mut waiting = self.waiting.iter_mut();
            if let Some(first) = waiting.find(|seen| seen.seen_us >= since_us) {
                first.begins = true;
            }
        }
        unknown
    }

    /// Notes what bytes came for a segment that was listed of late.
    pub fn learn(&mut self, name: u64, content: u64) {
        let mut was_listed = false;
        for seen in self.waiting.iter_mut().rev() {
            let lists = seen.window.learn(name, content);
            // Before it left once, the same name may have been something else.
            if was_listed && !lists {
                return;
            }
            was_listed |= lists;
        }
    }

    /// Judges what has waited for long enough; with `all`, everything.
    pub fn judge(&mut self, now_us: i64, all: bool) -> Vec<Correction> {
        let mut corrections = Vec::new();
        while let Some(first) = self.waiting.front() {
            let long_us = first.target_us.max(0).saturating_mul(TARGETS);
            let has_waited = now_us.saturating_sub(first.seen_us) >= long_us;
            let is_open = self.behind_us.is_some_and(|since| first.seen_us >= since);
            let is_due = all || self.waiting.len() > MOST || (has_waited && !is_open);
            if !is_due {
                break;
            }
            if let Some(seen) = self.waiting.pop_front() {
                corrections.extend(self.judge_one(seen));
            }
        }
        corrections
    }

    fn judge_one(&mut self, seen: Seen) -> Option<Correction> {
        self.windows.by_turns = !self.is_long_over(&seen) || self.comes_again(&seen.window);
        let (now_us, target_us) = (seen.seen_us, seen.target_us);
        let lie = self
            .windows
            .placed(seen.window, now_us, target_us, seen.begins);
        let is_as_said = (lie.place, lie.step) == (seen.said.place, seen.said.step);
        (!is_as_said).then_some(Correction {
            id: seen.id,
            place: lie.place,
            step: lie.step,
        })
    }

    /// Whether enough is known of what came after a window.
    fn is_long_over(&self, seen: &Seen) -> bool {
        let long_us = seen.target_us.max(0).saturating_mul(TURN_TARGETS);
        let last_us = self
            .waiting
            .back()
            .map_or(seen.seen_us, |last| last.seen_us);
        last_us.saturating_sub(seen.seen_us) >= long_us
    }

    /// Whether of what was listed before this window, and not in it, anything is listed later.
    fn comes_again(&self, window: &Window) -> bool {
        let Some(before) = self.windows.recent.front() else {
            return false;
        };
        let is_in = |names: &[Name], one: &Name| names.iter().any(|name| is_one(*name, *one));
        let gone = before.window.tail.iter();
        let gone: Vec<&Name> = gone.filter(|name| !is_in(&window.tail, name)).collect();
        let mut later = self.waiting.iter();
        later.any(|later| gone.iter().any(|name| is_in(&later.window.tail, name)))
    }
}

fn is_one(name: Name, other: Name) -> bool {
    let is_named_so = || name.whole == other.whole;
    name.same_bytes(other).unwrap_or_else(is_named_so)
}
