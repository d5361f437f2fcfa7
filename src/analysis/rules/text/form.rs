//! P02 encoding, P04 mixed: what a text is made of (RFC 8216bis 4.1, 4.4).

use std::collections::HashSet;

use unicode_normalization::is_nfc;

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;

/// Tags that may stand once in a text (4.4.1.2, 4.4.2, 4.4.3).
const ONCE: [&[u8]; 11] = [
    b"#EXT-X-VERSION",
    b"#EXT-X-INDEPENDENT-SEGMENTS",
    b"#EXT-X-START",
    b"#EXT-X-TARGETDURATION",
    b"#EXT-X-MEDIA-SEQUENCE",
    b"#EXT-X-DISCONTINUITY-SEQUENCE",
    b"#EXT-X-ENDLIST",
    b"#EXT-X-PLAYLIST-TYPE",
    b"#EXT-X-I-FRAMES-ONLY",
    b"#EXT-X-PART-INF",
    b"#EXT-X-SERVER-CONTROL",
];
/// Tags of multivariant playlists (4.4.6).
const MULTIVARIANT: [&[u8]; 6] = [
    b"#EXT-X-MEDIA",
    b"#EXT-X-STREAM-INF",
    b"#EXT-X-I-FRAME-STREAM-INF",
    b"#EXT-X-SESSION-DATA",
    b"#EXT-X-SESSION-KEY",
    b"#EXT-X-CONTENT-STEERING",
];
/// Tags of media playlists and of segments (4.4.3, 4.4.4, 4.4.5).
const MEDIA: [&[u8]; 20] = [
    b"#EXTINF",
    b"#EXT-X-TARGETDURATION",
    b"#EXT-X-MEDIA-SEQUENCE",
    b"#EXT-X-DISCONTINUITY-SEQUENCE",
    b"#EXT-X-ENDLIST",
    b"#EXT-X-PLAYLIST-TYPE",
    b"#EXT-X-I-FRAMES-ONLY",
    b"#EXT-X-PART-INF",
    b"#EXT-X-SERVER-CONTROL",
    b"#EXT-X-BYTERANGE",
    b"#EXT-X-DISCONTINUITY",
    b"#EXT-X-KEY",
    b"#EXT-X-MAP",
    b"#EXT-X-PROGRAM-DATE-TIME",
    b"#EXT-X-GAP",
    b"#EXT-X-BITRATE",
    b"#EXT-X-PART",
    b"#EXT-X-SKIP",
    b"#EXT-X-PRELOAD-HINT",
    b"#EXT-X-RENDITION-REPORT",
];

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    encoding(&playlist.text, out);
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let (mut multivariant, mut media) = (None, None);
    for tag in playlist.tags() {
        if multivariant.is_none() && MULTIVARIANT.contains(&tag.name) {
            multivariant = Some(tag);
        } else if media.is_none() && MEDIA.contains(&tag.name) {
            media = Some(tag);
        }
        // Most tags are these.
        if matches!(
            tag.name,
            b"#EXTINF" | b"#EXT-X-PROGRAM-DATE-TIME" | b"#EXT-X-PART"
        ) {
            continue;
        }
        if ONCE.contains(&tag.name) && !seen.insert(tag.name) {
            out.push(twice(playlist, tag.name, tag.start));
        }
    }
    if let (Some(multivariant), Some(media)) = (multivariant, media) {
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let sentence = format!(
            "{} in line {} is a tag of multivariant playlists, {} in line {} one of media playlists",
            name(multivariant.name),
            playlist.line(multivariant.start),
            name(media.name),
            playlist.line(media.start)
        );
        let later = playlist.line(multivariant.start.max(media.start));
        out.push(Broken::new("P04", sentence).with("line", later));
    }
}

fn twice(playlist: &Playlist, name: &[u8], at: usize) -> Broken {
    let name = String::from_utf8_lossy(name);
    let line = playlist.line(at);
    Broken::new(
        "P04",
        format!("{name} stands a second time, in line {line}"),
    )
    .kind("twice")
    .with("line", line)
}

fn encoding(text: &[u8], out: &mut Vec<Broken>) {
    if text.starts_with(b"\xEF\xBB\xBF") {
        out.push(Broken::new("P02", "the text begins with a byte order mark").kind("bom"));
    }
    match std::str::from_utf8(text) {
        Err(error) => {
            let at = error.valid_up_to();
            out.push(
                Broken::new("P02", format!("byte {at} of the text is no UTF-8")).kind("utf-8"),
            );
        }
        Ok(text) => {
            let is_control = |c: &char| matches!(c, '\0'..='\u{9}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}');
            // Most texts have nothing else.
            let is_usual = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r');
            if text.bytes().all(is_usual) {
                return;
            }
            if let Some(control) = text.chars().find(is_control) {
                let code = u32::from(control);
                out.push(
                    Broken::new(
                        "P02",
                        format!("the control character U+{code:04X} stands in the text"),
                    )
                    .kind("control"),
                );
            }
            if !text.is_ascii() && !is_nfc(text) {
                out.push(
                    Broken::new("P02", "the text is not in normalization form NFC").kind("nfc"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::{CLEAN, broken, found};

    #[test]
    fn a_tag_that_may_stand_once_stands_twice() {
        let text = CLEAN.replace(
            "#EXTINF:4.0,\ns9",
            "#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\ns9",
        );
        assert_eq!(found(&text), ["P04"]);
        assert_eq!(
            broken(&text)[0].text,
            "#EXT-X-TARGETDURATION stands a second time, in line 10"
        );
    }

    #[test]
    fn tags_of_both_kinds() {
        let text = CLEAN.replace(
            "#EXTINF:4.0,\ns9",
            "#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXTINF:4.0,\ns9",
        );
        assert_eq!(found(&text), ["P04"]);
    }

    #[test]
    fn a_byte_order_mark_control_characters_and_forms() {
        assert_eq!(found(&format!("\u{feff}{CLEAN}")), ["P02"]);
        assert_eq!(found(&CLEAN.replace("s9", "s\u{1}9")), ["P02"]);
        assert_eq!(found(&CLEAN.replace("s9", "a\u{308}")), ["P02"]);
        assert_eq!(found(&CLEAN.replace("s9", "\u{e4}")), Vec::<&str>::new());
    }
}
