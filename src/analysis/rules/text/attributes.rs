//! P10 key-attributes, P11 byterange-offset, P12 fmp4-without-map (RFC 8216bis 3.1.2, 4.4.4.2, 4.4.4.4, 4.4.4.5).

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::without_query;
use crate::hls::{Attribute, LineKind, Tag, attributes, lines};

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    let mut key: Option<Tag<'_>> = None;
    let mut range: Option<&[u8]> = None;
    let mut ranged_before: Option<&[u8]> = None;
    for line in lines(&playlist.text) {
        if line.kind == LineKind::Uri {
            let (_, uri) = line.trimmed();
            if range.is_some_and(|range| !range.contains(&b'@')) && ranged_before != Some(uri) {
                let line = playlist.line(line.start);
                let sentence = format!(
                    "the segment in line {line} has a range without an offset, and the one before it is no range of the same resource"
                );
                out.push(Broken::new("P11", sentence).with("line", line));
            }
            ranged_before = range.take().map(|_| uri);
        }
        let Some(tag) = line.tag() else { continue };
        match tag.name {
            b"#EXT-X-BYTERANGE" => range = Some(tag.value),
            b"#EXT-X-KEY" => {
                broken_key(tag, playlist.line(line.start), out);
                key = Some(tag);
            }
            b"#EXT-X-MAP" if key.is_some_and(|key| is_aes_128_without_iv(key)) => {
                let line = playlist.line(line.start);
                let sentence = format!(
                    "the EXT-X-MAP in line {line} is encrypted with AES-128, and its EXT-X-KEY has no IV"
                );
                let broken = Broken::new("P10", sentence).kind("map");
                out.push(broken.with("line", line));
            }
            _ => {}
        }
    }
    without_map(text, out);
}

fn value<'a>(tag: Tag<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut values = attributes(tag.value).filter(|attribute| attribute.name == name);
    values.next().map(|attribute| attribute.value)
}

fn is_aes_128_without_iv(key: Tag<'_>) -> bool {
    value(key, b"METHOD") == Some(b"AES-128") && value(key, b"IV").is_none()
}

fn broken_key(tag: Tag<'_>, line: usize, out: &mut Vec<Broken>) {
    let mut broken = |text: String| out.push(Broken::new("P10", text).with("line", line));
    let Some(method) = value(tag, b"METHOD") else {
        broken(format!("the EXT-X-KEY in line {line} has no METHOD"));
        return;
    };
    let is_other = |attribute: &Attribute<'_>| attribute.name != b"METHOD";
    let named = String::from_utf8_lossy(method);
    if method == b"NONE" {
        if let Some(other) = attributes(tag.value).find(is_other) {
            let other = String::from_utf8_lossy(other.name);
            broken(format!(
                "the EXT-X-KEY in line {line} has METHOD=NONE and {other}"
            ));
        }
        return;
    }
    if value(tag, b"URI").is_none() {
        broken(format!(
            "the EXT-X-KEY in line {line} has METHOD={named} and no URI"
        ));
    }
    let has_no_iv = matches!(method, b"AES-256-GCM" | b"SAMPLE-AES-CTR");
    if has_no_iv && value(tag, b"IV").is_some() {
        broken(format!(
            "the EXT-X-KEY in line {line} has METHOD={named} and an IV"
        ));
    }
}

fn without_map(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    for index in text.fresh..playlist.segments.len() {
        let Some(segment) = playlist.segments.get(index) else {
            continue;
        };
        let uri = playlist.text.get(segment.uri.clone()).unwrap_or_default();
        let path = String::from_utf8_lossy(without_query(uri)).to_lowercase();
        if playlist.lacks_map(index) {
            let number = playlist.number(index);
            let broken = Broken::new(
                "P12",
                format!("no EXT-X-MAP applies to segment {number}, {path}"),
            );
            out.push(broken.with("media_sequence", number));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::{CLEAN, found};

    fn with(line: &str) -> String {
        let text = CLEAN.replace("VERSION:3", "VERSION:7");
        text.replace("#EXTINF:4.0,\ns9", &format!("{line}\n#EXTINF:4.0,\ns9"))
    }

    #[test]
    fn keys_that_lack_or_have_too_much() {
        for key in [
            "METHOD=NONE,URI=\"k\"",
            "METHOD=AES-128",
            "URI=\"k\"",
            "METHOD=SAMPLE-AES-CTR,URI=\"k\",IV=0x00000000000000000000000000000001",
        ] {
            assert_eq!(found(&with(&format!("#EXT-X-KEY:{key}"))), ["P10"], "{key}");
        }
        assert_eq!(
            found(&with("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"")),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn an_encrypted_map_needs_an_iv() {
        let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"";
        assert_eq!(
            found(&with(&format!("{key}\n#EXT-X-MAP:URI=\"i\""))),
            ["P10"]
        );
        let iv = format!("{key},IV=0x00000000000000000000000000000001");
        assert_eq!(
            found(&with(&format!("{iv}\n#EXT-X-MAP:URI=\"i\""))),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn a_range_without_an_offset_follows_one_of_its_resource() {
        assert_eq!(found(&with("#EXT-X-BYTERANGE:10")), ["P11"]);
        let two = CLEAN
            .replace("VERSION:3", "VERSION:4")
            .replace(
                "#EXTINF:4.0,\ns9.ts",
                "#EXT-X-BYTERANGE:10@0\n#EXTINF:4.0,\none.ts",
            )
            .replace(
                "#EXTINF:4.0,\ns10.ts",
                "#EXT-X-BYTERANGE:10\n#EXTINF:4.0,\none.ts",
            );
        assert_eq!(found(&two), Vec::<&str>::new());
    }

    #[test]
    fn fragmented_mp4_needs_a_map() {
        assert_eq!(found(&CLEAN.replace("s9.ts", "s9.m4s?t=1")), ["P12"]);
    }
}
