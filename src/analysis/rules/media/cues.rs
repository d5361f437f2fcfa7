//! M14: splices that media carry (ANSI/SCTE 35) and the playlist does not tell.

use super::known::{Found, Known};
use crate::analysis::rules::broken::Broken;
use crate::media::facts::Content;
use crate::media::splices::{Splice, is_whole};

/// The schemes of event messages that carry sections of SCTE-35.
const SCHEMES: [&str; 2] = ["urn:scte:scte35:2013:bin", "urn:scte:scte35:2014:bin"];

/// `is_told`: a DATERANGE with SCTE-35 or a CUE tag stands in the playlist, at this segment or next to it.
pub fn judge(this: &Known, is_told: bool, found: &mut Found) {
    let messages: Vec<&[u8]> = match &this.facts.content {
        Content::Transport(facts) => facts.cues.iter().map(|cue| &*cue.section).collect(),
        Content::Fragments(facts) => {
            let events = facts.events.iter();
            let cues = events.filter(|event| SCHEMES.contains(&&*event.scheme));
            cues.map(|event| &*event.message).collect()
        }
        Content::Packed(_) | Content::Subtitles(_) | Content::NoMedia(_) | Content::NotRead => {
            return;
        }
    };
    let sequence = this.sequence;
    let (whole, damaged): (Vec<_>, Vec<_>) = messages.into_iter().partition(|one| is_whole(one));
    let damaged = damaged.len();
    let splices = whole.into_iter().filter_map(Splice::read);
    let splices: Vec<_> = splices.filter(Splice::is_splice).collect();
    if damaged > 0 {
        let text =
            format!("Segment {sequence} has {damaged} sections of SCTE-35 whose CRC is wrong");
        found.push((sequence, Broken::new("M14", text).kind("crc")));
    }
    if let Some(first) = splices.first().filter(|_| !is_told) {
        let count = splices.len();
        let text = format!(
            "Segment {sequence} carries {count} splices (SCTE-35), the first one {first}, and its playlist has neither an EXT-X-DATERANGE nor a CUE tag there"
        );
        found.push((sequence, Broken::new("M14", text).kind("not told")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::{ChunkFacts, Cipher, Cue, Event, FragmentFacts, TransportFacts};
    use crate::media::splices::from_hex;

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

    /// Messages with a right CRC: `splice_null`, `splice_insert`, `time_signal`.
    fn section(command: u8) -> Box<[u8]> {
        let written = match command {
            0 => "0xFC301100000000000000FFF0000000007A4FBFFF",
            5 => {
                "0xFC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30A"
            }
            _ => {
                "0xFC3034000000000000FFFFF00506FE72BD0050001E021C435545494800008E7FCF0001A599B00808000000002CA0A18A3402009AC9D17E"
            }
        };
        from_hex(written).unwrap().into()
    }

    #[test]
    fn a_splice_that_nobody_tells_is_found() {
        let transport = |command: u8, is_sound: bool| {
            let mut section = section(command);
            section[9] ^= u8::from(!is_sound);
            let cue = Cue { section, is_sound };
            Content::Transport(Box::new(TransportFacts {
                cues: [cue].into(),
                ..TransportFacts::default()
            }))
        };
        assert_eq!(rules(transport(5, true), false), ["not told"]);
        assert_eq!(rules(transport(6, true), true), [""; 0]);
        assert_eq!(rules(transport(0, true), false), [""; 0], "splice_null");
        assert_eq!(rules(transport(5, false), false), ["crc"]);
        let event = |scheme: &str, command: u8, damage: u8| {
            let mut message = section(command);
            message[9] ^= damage;
            let event = Event {
                scheme: scheme.into(),
                id: 1,
                time: 0,
                is_absolute: false,
                timescale: 1,
                message,
            };
            Content::Fragments(Box::new(FragmentFacts {
                events: [event].into(),
                ..FragmentFacts::default()
            }))
        };
        let scheme = "urn:scte:scte35:2013:bin";
        assert_eq!(rules(event(scheme, 6, 0), false), ["not told"]);
        assert_eq!(rules(event(scheme, 6, 1), false), ["crc"]);
        assert_eq!(rules(event(scheme, 0, 0), false), [""; 0]);
        let other = "https://aomedia.org/emsg/ID3";
        assert_eq!(rules(event(other, 6, 1), false), [""; 0]);
    }
}
