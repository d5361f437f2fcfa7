//! A session judged: read once, each rule asked where it has something to say.
//!
//! | file | is |
//! | --- | --- |
//! | `judgement` | what a session came to |
//! | `passes` | what is read, by the rules that are wanted |
//! | `revisions` | the pass over revisions: rules of texts, of time, across renditions |
//! | `state` | what is known of a playlist while its revisions pass |
//! | `judging` | what is known while a session is read |
//! | `held` | what is known of media while revisions pass |
//! | `media` | bodies of segments, read as their revisions pass |
//! | `bodies` | the bodies of segments that a revision lists, and what their bytes say |
//! | `exchanges` | the pass over exchanges |
//! | `renditions` | what is judged of each rendition when all has passed |
//! | `events` | gaps and outages, by the code of adjacent-find; how the recorder was |
//! | `durations` | how long segments are, by their URLs, from one pass to the other |

mod bodies;
mod durations;
mod events;
mod exchanges;
mod held;
mod judgement;
mod judging;
mod media;
mod passes;
mod renditions;
mod revisions;
mod state;

pub use self::judgement::{Judgement, LookedAt, NotJudged, ReadSoFar, Scope};

use std::collections::HashMap;

use self::durations::Durations;
use self::held::Media;
use self::judging::Judging;
use self::passes::Passes;
use self::state::Room;
use super::findings::{Findings, Wanted};
use super::overview::Overview;
use crate::session::{ReadError, Reader, RevisedPlaylist, holes};

/// Judges a session. `progress` is told how far it is.
///
/// # Errors
/// The session is damaged.
pub fn judge(
    reader: &Reader,
    wanted: Wanted,
    scope: &Scope,
    progress: &mut dyn FnMut(ReadSoFar),
) -> Result<Judgement, ReadError> {
    let all = reader.revised_playlists()?;
    // What a multivariant playlist says of the others is read whatever is wanted.
    let playlists: Vec<RevisedPlaylist> = all
        .into_iter()
        .filter(|playlist| playlist.is_main || scope.has(playlist))
        .collect();
    let passes = Passes::of(&wanted.selection);
    let mut session = Judging {
        reader,
        scope,
        findings: Findings::new(wanted),
        families: HashMap::new(),
        renditions: HashMap::new(),
        durations: Durations::default(),
        longest_us: 0,
        passes,
        media: Media::default(),
        room: Room::default(),
        left_out: 0,
        ended: HashMap::new(),
        looked_at: LookedAt {
            playlists: playlists.len(),
            ..LookedAt::default()
        },
        overview: Overview::new(holes(&reader.runs()?)),
        gaps: Vec::new(),
        not_judged: Vec::new(),
        progress,
    };
    session.revisions(&playlists)?;
    session.media_ends(&playlists);
    if passes.exchanges {
        session.exchanges(&playlists)?;
    }
    if passes.gaps || passes.outages {
        session.gaps_and_outages()?;
    }
    session.recorder()?;
    session.renditions()?;
    let (findings, left_out) = session.findings.finish();
    Ok(Judgement {
        findings,
        left_out,
        not_judged: session.not_judged,
        looked_at: session.looked_at,
        overview: session.overview,
    })
}
