//! P08 version-low, P09 version-high: EXT-X-VERSION (RFC 8216bis 8).

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::registry::Severity;
use crate::hls::{PlaylistKind, Tag, attributes};

/// What a text uses that needs a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    version: u64,
    what: &'static str,
}

const FRACTION: &str = "a fraction in an EXTINF";

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    let need = need(playlist);
    match playlist.version {
        None if need.version <= 1 => {}
        None => {
            let sentence = format!(
                "there is no EXT-X-VERSION, and {} needs {}",
                need.what, need.version
            );
            let broken = Broken::new("P08", sentence);
            out.push(match need.what == FRACTION {
                true => broken.severity(Severity::Should).kind("fraction"),
                false => broken,
            });
        }
        Some(version) if version < need.version => {
            let sentence = format!(
                "EXT-X-VERSION is {version}, and {} needs {}",
                need.what, need.version
            );
            out.push(Broken::new("P08", sentence));
        }
        // Below 7 nothing gets worse; players of 2 and less are gone.
        Some(version) if version > need.version.max(7) => {
            let sentence = format!(
                "EXT-X-VERSION is {version}, and what it uses needs {}",
                need.version
            );
            out.push(Broken::new("P09", sentence));
        }
        Some(_) => {}
    }
}

/// The highest version that something in it needs.
fn need(playlist: &Playlist) -> Need {
    let mut need = Need {
        version: 1,
        what: "",
    };
    let is_media = playlist.kind == Some(PlaylistKind::Media);
    for tag in playlist.tags() {
        let found = match is_media {
            true => of_media(playlist, tag),
            false => of_multivariant(tag),
        };
        for (version, what) in found.into_iter().chain(of_any(tag)) {
            if version > need.version {
                need = Need { version, what };
            }
        }
    }
    need
}

fn of_media(playlist: &Playlist, tag: Tag<'_>) -> Vec<(u64, &'static str)> {
    match tag.name {
        b"#EXTINF" => {
            let number = tag.value.split(|b| *b == b',').next().unwrap_or_default();
            number
                .contains(&b'.')
                .then_some((3, FRACTION))
                .into_iter()
                .collect()
        }
        b"#EXT-X-BYTERANGE" => vec![(4, "EXT-X-BYTERANGE")],
        b"#EXT-X-I-FRAMES-ONLY" => vec![(4, "EXT-X-I-FRAMES-ONLY")],
        b"#EXT-X-KEY" => of_key(tag),
        b"#EXT-X-MAP" if playlist.i_frames_only => vec![(5, "EXT-X-MAP")],
        b"#EXT-X-MAP" => vec![(6, "EXT-X-MAP")],
        b"#EXT-X-SKIP" => {
            let mut attributes = attributes(tag.value);
            match attributes.any(|a| a.name == b"RECENTLY-REMOVED-DATERANGES") {
                true => vec![(10, "an EXT-X-SKIP that stands for date ranges")],
                false => vec![(9, "EXT-X-SKIP")],
            }
        }
        _ => Vec::new(),
    }
}

fn of_key(tag: Tag<'_>) -> Vec<(u64, &'static str)> {
    let found = attributes(tag.value).filter_map(|attribute| match attribute.name {
        b"IV" => Some((2, "IV of an EXT-X-KEY")),
        b"KEYFORMAT" => Some((5, "KEYFORMAT")),
        b"KEYFORMATVERSIONS" => Some((5, "KEYFORMATVERSIONS")),
        b"METHOD" if attribute.value == b"SAMPLE-AES" => Some((5, "METHOD=SAMPLE-AES")),
        _ => None,
    });
    found.collect()
}

fn of_multivariant(tag: Tag<'_>) -> Vec<(u64, &'static str)> {
    if tag.name != b"#EXT-X-MEDIA" {
        return Vec::new();
    }
    let value = |name: &[u8]| {
        let mut values = attributes(tag.value).filter(|a| a.name == name);
        values.next().map(|a| a.value)
    };
    let Some(instream) = value(b"INSTREAM-ID") else {
        return Vec::new();
    };
    match value(b"TYPE") {
        Some(b"CLOSED-CAPTIONS") if instream.starts_with(b"SERVICE") => {
            vec![(7, "SERVICE as INSTREAM-ID")]
        }
        Some(b"CLOSED-CAPTIONS") => Vec::new(),
        _ => vec![(13, "INSTREAM-ID of what is no closed caption")],
    }
}

fn of_any(tag: Tag<'_>) -> Vec<(u64, &'static str)> {
    if !tag.value.contains(&b'=') {
        return Vec::new();
    }
    let mut found = Vec::new();
    if tag.name == b"#EXT-X-DEFINE" {
        found.push((8, "EXT-X-DEFINE"));
        if attributes(tag.value).any(|a| a.name == b"QUERYPARAM") {
            found.push((11, "QUERYPARAM"));
        }
    }
    let is_listed = tag.name.starts_with(b"#EXT-X-") && tag.name != b"#EXT-X-DATERANGE";
    if is_listed && attributes(tag.value).any(|a| a.name.starts_with(b"REQ-")) {
        found.push((12, "an attribute that begins with REQ-"));
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::registry::Severity;
    use crate::analysis::rules::text::testing::{CLEAN, broken, found};

    #[test]
    fn each_thing_needs_its_version() {
        let with = |version: u64, line: &str| {
            let text = CLEAN.replace("VERSION:3", &format!("VERSION:{version}"));
            text.replace("#EXTINF:4.0,\ns9", &format!("{line}\n#EXTINF:4.0,\ns9"))
        };
        for (version, line) in [
            (4, "#EXT-X-BYTERANGE:5@0"),
            (5, "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\""),
            (
                5,
                "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",KEYFORMAT=\"identity\"",
            ),
            (6, "#EXT-X-MAP:URI=\"i\""),
            (8, "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\""),
            (11, "#EXT-X-DEFINE:QUERYPARAM=\"v\""),
        ] {
            assert_eq!(found(&with(version - 1, line)), ["P08"], "{line}");
            assert!(!found(&with(version, line)).contains(&"P08"), "{line}");
        }
        assert_eq!(found(&CLEAN.replace("VERSION:3", "VERSION:2")), ["P08"]);
    }

    #[test]
    fn a_fraction_without_any_version_is_no_must() {
        let broken = broken(&CLEAN.replace("#EXT-X-VERSION:3\n", ""));
        assert_eq!(
            (broken.len(), broken[0].severity),
            (1, Some(Severity::Should))
        );
    }

    #[test]
    fn a_version_that_nothing_needs() {
        assert_eq!(found(&CLEAN.replace("VERSION:3", "VERSION:12")), ["P09"]);
        assert_eq!(
            found(&CLEAN.replace("VERSION:3", "VERSION:7")),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn captions_and_other_media_in_streams() {
        let with = |media: &str| {
            format!(
                "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-MEDIA:{media}\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"
            )
        };
        assert_eq!(
            found(&with("TYPE=CLOSED-CAPTIONS,INSTREAM-ID=\"SERVICE1\"")),
            ["P08"]
        );
        assert_eq!(
            found(&with("TYPE=CLOSED-CAPTIONS,INSTREAM-ID=\"CC1\"")),
            Vec::<&str>::new()
        );
    }
}
