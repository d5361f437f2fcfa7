//! P07 tag-order: what stands before what (RFC 8216bis 4.4.3.2, 4.4.3.3, 4.4.4.9).

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::hls::{LineKind, lines};

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let (mut behind_segment, mut behind_discontinuity, mut behind_part) = (false, false, false);
    for line in lines(&text.playlist.text) {
        if line.kind == LineKind::Uri {
            (behind_segment, behind_part) = (true, false);
        }
        let Some(tag) = line.tag() else { continue };
        let behind = match tag.name {
            b"#EXT-X-MEDIA-SEQUENCE" if behind_segment => Some("a segment"),
            b"#EXT-X-DISCONTINUITY-SEQUENCE" if behind_segment => Some("a segment"),
            b"#EXT-X-DISCONTINUITY-SEQUENCE" if behind_discontinuity => {
                Some("an EXT-X-DISCONTINUITY")
            }
            b"#EXT-X-DISCONTINUITY"
            | b"#EXT-X-KEY"
            | b"#EXT-X-MAP"
            | b"#EXT-X-PROGRAM-DATE-TIME"
                if behind_part =>
            {
                Some("the first EXT-X-PART of its segment")
            }
            _ => None,
        };
        behind_discontinuity |= tag.name == b"#EXT-X-DISCONTINUITY";
        behind_part |= tag.name == b"#EXT-X-PART";
        if let Some(behind) = behind {
            let name = String::from_utf8_lossy(tag.name);
            let line = text.playlist.line(line.start);
            let sentence = format!("{name} in line {line} stands behind {behind}");
            out.push(Broken::new("P07", sentence).with("line", line));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::{CLEAN, found};

    #[test]
    fn a_media_sequence_behind_a_segment() {
        let text = CLEAN.replace("#EXT-X-MEDIA-SEQUENCE:7\n", "");
        let text = text.replace("s9.ts\n", "s9.ts\n#EXT-X-MEDIA-SEQUENCE:7\n");
        assert_eq!(found(&text), ["P07"]);
    }

    #[test]
    fn a_discontinuity_sequence_behind_a_discontinuity() {
        let date = "#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:00Z\n";
        let text = CLEAN.replace(
            date,
            &format!("#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n{date}"),
        );
        assert_eq!(found(&text), ["P07"]);
    }

    #[test]
    fn a_date_behind_the_first_part_of_its_segment() {
        let text = CLEAN.replace(
            "#EXT-X-VERSION:3",
            "#EXT-X-VERSION:6\n#EXT-X-PART-INF:PART-TARGET=2",
        );
        let part = "#EXT-X-PART:DURATION=2,URI=\"p\"\n";
        let date = "#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:20Z\n";
        let behind = text.replace(
            "#EXTINF:4.0,\ns12",
            &format!("{part}{date}#EXTINF:4.0,\ns12"),
        );
        assert!(found(&behind).contains(&"P07"));
        let before = text.replace(
            "#EXTINF:4.0,\ns12",
            &format!("{date}{part}#EXTINF:4.0,\ns12"),
        );
        assert!(!found(&before).contains(&"P07"));
    }
}
