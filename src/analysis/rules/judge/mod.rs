//! A session judged: read once, each rule asked where it has something to say.
//!
//! | file | is |
//! | --- | --- |
//! | `judgement` | what a session came to |
//! | `passes` | what is read, by the rules that are wanted |
//! | `revisions` | the pass over revisions: rules of texts, of time, across renditions |
//! | `state` | what is known of a playlist while its revisions pass |
//! | `earlier` | texts that were there before, and what is told of one that comes again |
//! | `judging` | what is known while a session is read |
//! | `held` | what is known of media while revisions pass |
//! | `media` | bodies of segments, read as their revisions pass |
//! | `bodies` | the bodies of segments that a revision lists, and what their bytes say |
//! | `splices` | what a text says of splices |
//! | `exchanges` | the pass over exchanges |
//! | `damaged` | rows that no recorder writes: what is said of them |
//! | `raw` | streams that are no playlists |
//! | `viewers` | what viewers saw, and how bad that makes an outage |
//! | `renditions` | what is judged of each rendition when all has passed |
//! | `events` | gaps and outages, by the code of adjacent-find; how the recorder was |
//! | `durations` | what revisions say of segments, keys and maps, by their URLs, from one pass to the other |
//! | `twice` | names that one text gives to two segments, from one pass to the other |

mod bodies;
mod damaged;
mod durations;
mod earlier;
mod events;
mod exchanges;
mod held;
mod judgement;
mod judging;
mod media;
mod passes;
mod raw;
mod renditions;
mod revisions;
mod splices;
mod state;
mod twice;
mod viewers;

pub use self::judgement::{Judgement, Longest, LookedAt, ReadSoFar, Scope};

use self::judging::Judging;
use super::findings::Wanted;
use crate::session::{ReadError, Reader, RevisedPlaylist};

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
    let mut session = Judging::new(reader, wanted, scope, progress)?;
    session.looked_at.playlists = playlists.len();
    let passes = session.passes;
    session.recorder()?;
    session.revisions(&playlists)?;
    session.media_ends(&playlists);
    session.differences(&playlists);
    if passes.exchanges {
        session.exchanges(&playlists)?;
    }
    session.viewers()?;
    session.at_the_end()?;
    session.raw_streams()?;
    if passes.gaps || passes.outages {
        session.gaps_and_outages()?;
    }
    session.renditions()?;
    session.damaged();
    let (findings, left_out) = session.findings.finish();
    Ok(Judgement {
        findings,
        left_out,
        not_judged: session.not_judged,
        looked_at: session.looked_at,
        overview: session.overview,
    })
}
