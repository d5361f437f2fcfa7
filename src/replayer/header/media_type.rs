//! Content-Type where the origin sent none: by kind and extension. Pure.

use url::Url;

use crate::session::Kind;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// The media type of a resource (RFC 8216bis 10 for playlists).
pub fn media_type(kind: Kind, url: &Url) -> String {
    let name = url.path().rsplit('/').next().unwrap_or_default();
    let extension = name
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension)
        .to_ascii_lowercase();
    let known = match kind {
        Kind::Main | Kind::Media => Some(PLAYLIST),
        Kind::Key => Some("application/octet-stream"),
        Kind::Steering | Kind::Assets => Some("application/json"),
        _ => by_extension(&extension),
    };
    match known {
        Some(known) => known.to_owned(),
        None => mime_guess::from_ext(&extension)
            .first_or_octet_stream()
            .essence_str()
            .to_owned(),
    }
}

/// The media type of a raw stream's file.
pub fn media_type_of(extension: &str) -> &'static str {
    match extension {
        "flv" => "video/x-flv",
        "ogg" => "application/ogg",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "asf" => "video/x-ms-asf",
        _ => by_extension(extension).unwrap_or("application/octet-stream"),
    }
}

/// Those that general tables do not know, or take for something else (`.ts` is a language there).
fn by_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "ts" | "m2ts" | "mts" | "tsv" | "tsa" => "video/mp2t",
        "m4s" | "mp4" | "m4v" | "cmfv" | "cmf" | "cmft" | "m4i" | "init" => "video/mp4",
        "m4a" | "cmfa" => "audio/mp4",
        "aac" => "audio/aac",
        "ac3" => "audio/ac3",
        "ec3" | "eac3" => "audio/eac3",
        "mp3" => "audio/mpeg",
        "vtt" | "webvtt" => "text/vtt",
        "m3u8" => PLAYLIST,
        "json" => "application/json",
        _ => return None,
    })
}

/// Whether a browser may do more with a body of this type than to play or keep it, so that
/// a recorded page must be put into a sandbox.
pub fn may_be_a_page(media_type: &[u8]) -> bool {
    let text = String::from_utf8_lossy(media_type).to_ascii_lowercase();
    // Of several types in one field browsers take the last one that they know.
    !text.split(',').all(is_harmless)
}

fn is_harmless(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("video/")
        || essence.starts_with("audio/")
        || essence.ends_with("mpegurl")
        || matches!(
            essence,
            "text/vtt"
                | "text/plain"
                | "application/octet-stream"
                | "application/json"
                | "application/mp4"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_kind_and_extension() {
        let cases = [
            (Kind::Main, "http://h/live", "application/vnd.apple.mpegurl"),
            (
                Kind::Media,
                "http://h/a.ts",
                "application/vnd.apple.mpegurl",
            ),
            (Kind::Segment, "http://h/a/seg7.ts?x=a.mp4", "video/mp2t"),
            (
                Kind::Segment,
                "http://h/a/npt=0-6.76_pid=36,37.TS",
                "video/mp2t",
            ),
            (Kind::Part, "http://h/p.m4s", "video/mp4"),
            (Kind::Init, "http://h/init.mp4", "video/mp4"),
            (Kind::Segment, "http://h/a.cmfa", "audio/mp4"),
            (Kind::Segment, "http://h/a.aac", "audio/aac"),
            (Kind::Segment, "http://h/a.vtt", "text/vtt"),
            (Kind::Segment, "http://h/a.jpg", "image/jpeg"),
            (
                Kind::Segment,
                "http://h/segment",
                "application/octet-stream",
            ),
            (Kind::Key, "http://h/k.html", "application/octet-stream"),
            (Kind::Data, "http://h/d.json", "application/json"),
            (Kind::Assets, "http://h/break?id=1", "application/json"),
        ];
        for (kind, url, wanted) in cases {
            assert_eq!(media_type(kind, &Url::parse(url).unwrap()), wanted, "{url}");
        }
    }

    #[test]
    fn pages_are_told_from_media() {
        for page in [
            "text/html; charset=utf-8",
            "image/svg+xml",
            "application/xml",
            "",
            "Text/HTML",
            "text/javascript",
            "video/mp2t, text/html",
            "text/html;mpegurl",
            "multipart/x-mixed-replace; boundary=a",
        ] {
            assert!(may_be_a_page(page.as_bytes()), "{page}");
        }
        for media in [
            "video/MP2T",
            "audio/aac",
            "application/x-mpegURL",
            "application/vnd.apple.mpegurl; charset=utf-8",
        ] {
            assert!(!may_be_a_page(media.as_bytes()), "{media}");
        }
    }
}
