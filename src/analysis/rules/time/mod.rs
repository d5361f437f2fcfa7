//! Rules of a playlist over time (T, P15): each compares a revision with the one before it.
//!
//! | file | rules |
//! | --- | --- |
//! | `change` | a revision and the one before it |
//! | `alignment` | how a window lies on the one before, by names of segments |
//! | `atomic` | T16: a text that was cut |
//! | `numbers` | T01, T02, T04, T09, T11, T17: what is counted |
//! | `rewritten` | T03, T06, T10, P15: what may not change |
//! | `window` | T08: what is left |
//! | `clock` | T12: dates |
//! | [`drift`] | T13: dates that run faster or slower than the clock |
//! | [`speed`] | T14: whether media come as fast as they are played |

mod alignment;
mod atomic;
mod change;
mod clock;
pub mod drift;
mod numbers;
mod rewritten;
pub mod speed;
mod window;

pub use self::change::{Age, Change};
pub use self::clock::is_jump;

use super::broken::Broken;
use super::playlist::Playlist;

/// What is wrong with a change of a media playlist.
pub fn judge(change: &Change<'_>, out: &mut Vec<Broken>) {
    numbers::judge(change, out);
    rewritten::judge(change, out);
    window::judge(change, out);
    clock::judge(change, out);
    atomic::judge(change, out);
}

/// T17: its text is that of an older revision.
pub fn older(change: &Change<'_>) -> Broken {
    numbers::flapping(change)
}

/// What is wrong with the dates of the first revision of a media playlist.
pub fn judge_first(first: &Playlist, out: &mut Vec<Broken>) {
    clock::jumps(first, 0, out);
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::hls::Step;

    /// A live window: its first number, and what stands in it. Segments are 4 s long.
    pub fn window(first: u64, segments: &[&str]) -> String {
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
        );
        for segment in segments {
            text.push_str(&format!("#EXTINF:4.0,\n{segment}.ts\n"));
        }
        text
    }

    /// What is wrong where one follows the other.
    pub fn broken(before: &str, now: &str, step: Step) -> Vec<Broken> {
        let (before, now) = (Playlist::read(before.into()), Playlist::read(now.into()));
        let ends_at = before.number(before.segments.len());
        let fresh = match step {
            Step::First | Step::Restarted => 0,
            Step::Behind => now.segments.len(),
            _ => usize::try_from(ends_at.saturating_sub(now.first_number())).unwrap(),
        };
        let change = Change::new((&before, &now), Some(step), false, fresh);
        let mut out = Vec::new();
        judge(&change, &mut out);
        out
    }

    /// Ids of that.
    pub fn found(before: &str, now: &str, step: Step) -> Vec<&'static str> {
        broken(before, now, step)
            .iter()
            .map(|broken| broken.rule)
            .collect()
    }

    /// Six segments.
    pub const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    #[test]
    fn nothing_is_wrong_with_a_window_that_slides() {
        let before = window(7, &SIX);
        let now = window(8, &["b", "c", "d", "e", "f", "g"]);
        assert_eq!(found(&before, &now, Step::Slid), Vec::<&str>::new());
        assert_eq!(
            found(&before, &before.replace(".ts", ".ts?t=2"), Step::Same),
            Vec::<&str>::new()
        );
    }
}
