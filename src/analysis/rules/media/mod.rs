//! Rules of what the bytes of media segments say (M), and of what they say in several playlists (X04, X05).
//!
//! | file | rules |
//! | --- | --- |
//! | `packets` | M01, M02, M03, M04: what a segment is, tables, counters and clock of a transport stream |
//! | [`durations`] | M05: how long a segment is |
//! | [`drift`] | M05: how long segments are together |
//! | `continuity` | M06: whether it goes on where the one before it ends |
//! | `beginnings` | M07, M12, M13, M15: what it begins with |
//! | `fragments` | M08, M09: initialization sections, and what changes without a discontinuity |
//! | [`cues`] | M14: splices that media carry |
//! | [`freeze`] | M16: media that stand still |
//! | `keys` | M10, M11: encryption |
//! | [`splice`] | M06: what jumps together with time stamps, as one thing |
//! | `across` | X05: the same moment in two playlists |
//! | [`boundaries`] | X04: the same pictures begin segments in two playlists |
//! | [`mapped`] | M13: where subtitles put their cues, beside the video |
//! | `known` | what is known of a segment, and what rules ask of it |

pub mod across;
mod beginnings;
pub mod boundaries;
mod continuity;
pub mod cues;
pub mod drift;
pub mod durations;
mod fragments;
pub mod freeze;
mod keys;
mod known;
pub mod mapped;
mod packets;
pub mod splice;

pub use known::{Found, Known, follows};

/// What is wrong with a segment, and with the one before it now that it is known what follows. Each segment is given once as
/// `this`, and then once as `previous` or to [`judge_end`].
pub fn judge(previous: Option<&Known>, this: &Known, found: &mut Found) {
    if let Some(previous) = previous {
        let next = follows(previous, this).then_some(this);
        durations::judge(previous, next, found);
    }
    if this.gap {
        return;
    }
    let before = previous.filter(|previous| follows(previous, this));
    packets::judge(before, this, found);
    continuity::judge(before, this, found);
    beginnings::judge(this, found);
    fragments::judge(before, this, found);
    keys::judge(this, found);
}

/// What is wrong with a segment behind which no other one is known.
pub fn judge_end(last: &Known, found: &mut Found) {
    durations::judge(last, None, found);
}
