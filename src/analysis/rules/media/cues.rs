//! M14: splices that media carry (ANSI/SCTE 35) and the playlist does not tell.

use super::known::{Found, Known};
use crate::analysis::rules::broken::Broken;
use crate::media::facts::Content;

/// The schemes of event messages that carry sections of SCTE-35.
const SCHEMES: [&str; 2] = ["urn:scte:scte35:2013:bin", "urn:scte:scte35:2014:bin"];

/// `is_told`: a DATERANGE with SCTE-35 or a CUE tag stands in the playlist, at this segment or next to it.
pub fn judge(this: &Known, is_told: bool, found: &mut Found) {
    let (mut splices, mut damaged) = (0_usize, 0_usize);
    match &this.facts.content {
        Content::Transport(facts) => {
            damaged = facts.cues.iter().filter(|cue| !cue.is_sound).count();
            let sound = facts.cues.iter().filter(|cue| cue.is_sound);
            splices = sound.filter(|cue| is_splice(&cue.section)).count();
        }
        Content::Fragments(facts) => {
            let events = facts.events.iter();
            let cues = events.filter(|event| SCHEMES.contains(&&*event.scheme));
            splices = cues.filter(|event| is_splice(&event.message)).count();
        }
        Content::Packed(_) | Content::Subtitles(_) | Content::NoMedia(_) | Content::NotRead => {}
    }
    let sequence = this.sequence;
    if damaged > 0 {
        let text =
            format!("Segment {sequence} has {damaged} sections of SCTE-35 whose CRC is wrong");
        found.push((sequence, Broken::new("M14", text).kind("crc")));
    }
    if splices > 0 && !is_told {
        let text = format!(
            "Segment {sequence} carries {splices} splices (SCTE-35), and its playlist has neither an EXT-X-DATERANGE nor a CUE tag there"
        );
        found.push((sequence, Broken::new("M14", text).kind("not told")));
    }
}

/// A section says that something is spliced: `splice_insert`, or `time_signal`. `splice_null` only says that all is well.
fn is_splice(section: &[u8]) -> bool {
    const COMMAND: usize = 13;
    matches!(section.get(COMMAND), Some(5 | 6)) && section[0] == 0xFC
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::{ChunkFacts, Cipher, Cue, Event, FragmentFacts, TransportFacts};

    fn rules(content: Content, is_told: bool) -> Vec<&'static str> {
        let facts = ChunkFacts {
            bytes: 188,
            cipher: Cipher::None,
            content,
        };
        let known = Known {
            facts: &facts,
            init: None,
            has_map: false,
            sequence: 7,
            extinf_us: 2_000_000,
            extinf_unit_us: 1000,
            discontinuity: false,
            gap: false,
            follows: false,
            iframes_only: false,
            independent: false,
        };
        let mut found = Found::new();
        judge(&known, is_told, &mut found);
        found.iter().map(|(_, broken)| broken.kind).collect()
    }

    fn section(command: u8) -> Box<[u8]> {
        let mut section = vec![0; 20];
        (section[0], section[13]) = (0xFC, command);
        section.into()
    }

    #[test]
    fn a_splice_that_nobody_tells_is_found() {
        let transport = |command: u8, is_sound: bool| {
            let cue = Cue {
                section: section(command),
                is_sound,
            };
            Content::Transport(Box::new(TransportFacts {
                cues: [cue].into(),
                ..TransportFacts::default()
            }))
        };
        assert_eq!(rules(transport(5, true), false), ["not told"]);
        assert_eq!(rules(transport(6, true), true), [""; 0]);
        assert_eq!(rules(transport(0, true), false), [""; 0], "splice_null");
        assert_eq!(rules(transport(5, false), false), ["crc"]);
        let event = |scheme: &str| {
            let event = Event {
                scheme: scheme.into(),
                id: 1,
                time: 0,
                is_absolute: false,
                timescale: 1,
                message: section(6),
            };
            Content::Fragments(Box::new(FragmentFacts {
                events: [event].into(),
                ..FragmentFacts::default()
            }))
        };
        assert_eq!(
            rules(event("urn:scte:scte35:2013:bin"), false),
            ["not told"]
        );
        assert_eq!(rules(event("https://aomedia.org/emsg/ID3"), false), [""; 0]);
    }
}
