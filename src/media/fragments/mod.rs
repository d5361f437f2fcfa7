//! What a chunk of fragmented MP4 says (ISO 14496-12): its tracks, when their samples are, and what is missing. Pure.
//!
//! Boxes are walked here, each only as far as the bytes of the one around it, and mp4-atom reads those that have none inside: it
//! reads what they say rightly, and reserves no memory by what they say. Its readers of whole files fail at the first box that
//! is damaged, and that is what is looked for.
//!
//! | file | is |
//! | --- | --- |
//! | `top` | boxes of a file, one behind the other |
//! | `init` | initialization sections |
//! | `entry` | kinds of samples, and what `CODECS` would say |
//! | `samples` | when the samples of tracks are |

mod entry;
mod init;
mod samples;
mod top;

pub use entry::SampleEntry;
pub use init::{InitFacts, InitTrack};
pub use top::is_boxes;

use mp4_atom::{DecodeAtom, Emsg, EmsgTimestamp, FourCC, Header};

use super::boxes::children;
use super::facts::{Event, FragmentFacts};
use samples::Tracks;
use top::{TopBox, tops};

/// A `moof` that is looked into has no more bytes.
const MOST_MOOF: usize = 16 << 20;
/// Event messages that are kept of a chunk, and how large they may be.
const MOST_EVENTS: usize = 16;
const MOST_EVENT: usize = 8 << 10;

/// All of a chunk.
pub fn read(bytes: &[u8], init: Option<&InitFacts>) -> FragmentFacts {
    let own = has_own(bytes).then(|| InitFacts::read(bytes)).flatten();
    let mut facts = FragmentFacts {
        has_moov: own.as_ref().is_some_and(|own| own.has_moov),
        ..FragmentFacts::default()
    };
    let init = own.as_ref().filter(|own| own.has_moov).or(init);
    let mut tracks = Tracks::new(init);
    let mut events = Vec::new();
    for top in tops(bytes) {
        match top {
            TopBox::Whole { kind, body, .. } => match &kind {
                b"moof" if body.len() > MOST_MOOF => {
                    facts.not_read = facts.not_read.saturating_add(1);
                }
                b"moof" => {
                    facts.fragments = facts.fragments.saturating_add(1);
                    for (head, body) in children(body) {
                        if head.kind == FourCC::new(b"traf") {
                            tracks.fragment(body, &mut facts);
                        }
                    }
                }
                b"emsg" if events.len() < MOST_EVENTS => events.extend(event(body)),
                _ => {}
            },
            TopBox::Cut { missing, .. } => facts.cut_bytes = missing,
            TopBox::Broken { at } => facts.broken_at = Some(at),
        }
    }
    facts.events = events.into();
    tracks.finish(&mut facts);
    facts
}

/// It has a `moov`, so that what is in it holds.
fn has_own(bytes: &[u8]) -> bool {
    // An initialization section stands before all fragments.
    let before =
        tops(bytes).take_while(|top| !matches!(top, TopBox::Whole { kind, .. } if kind == b"moof"));
    let mut before = before.take(64);
    before.any(|top| matches!(top, TopBox::Whole { kind, .. } if &kind == b"moov"))
}

fn event(body: &[u8]) -> Option<Event> {
    if body.len() > MOST_EVENT {
        return None;
    }
    let head = Header {
        kind: FourCC::new(b"emsg"),
        size: Some(body.len()),
    };
    let mut rest = body;
    let emsg = Emsg::decode_atom(&head, &mut rest).ok()?;
    let (time, is_absolute) = match emsg.presentation_time {
        EmsgTimestamp::Relative(time) => (u64::from(time), false),
        EmsgTimestamp::Absolute(time) => (time, true),
    };
    Some(Event {
        scheme: emsg.scheme_id_uri.into(),
        id: emsg.id,
        time,
        is_absolute,
        timescale: emsg.timescale,
        message: emsg.message_data.into(),
    })
}

#[cfg(test)]
mod tests;
