//! What is nobody's secret though it may stand in a query: numbers, dates, and the words of HLS. It is told by
//! its own look, never by where it stands. Pure.

/// Words of names in HLS.
const NAMES: [&str; 62] = [
    "video",
    "audio",
    "text",
    "seg",
    "segment",
    "segments",
    "chunk",
    "chunks",
    "chunklist",
    "index",
    "playlist",
    "media",
    "master",
    "main",
    "live",
    "event",
    "vod",
    "init",
    "part",
    "parts",
    "sub",
    "subs",
    "subtitles",
    "caption",
    "captions",
    "track",
    "stream",
    "channel",
    "variant",
    "rendition",
    "frag",
    "fragment",
    "file",
    "iframe",
    "iframes",
    "low",
    "mid",
    "high",
    "hd",
    "sd",
    "fhd",
    "uhd",
    "hls",
    "dash",
    "cmaf",
    "fmp4",
    "ts",
    "mp4",
    "m3u8",
    "m4s",
    "aac",
    "vtt",
    "webvtt",
    "eng",
    "en",
    "de",
    "fr",
    "es",
    "it",
    "h264",
    "h265",
    "hevc",
];

/// Units behind numbers.
const UNITS: [&str; 11] = [
    "p", "i", "k", "kbps", "mbps", "bps", "fps", "ch", "hz", "khz", "ms",
];

/// How names of codecs begin (RFC 6381).
const CODECS: [&str; 20] = [
    "avc1.", "avc3.", "hvc1.", "hev1.", "dvh1.", "dvhe.", "dva1.", "dvav.", "av01.", "vp08.",
    "vp09.", "mp4a.", "ac-3", "ec-3", "ac-4.", "fLaC", "opus", "stpp.", "wvtt", "mp4v.",
];

/// Identifiers of systems of protection, in KEYFORMAT and boxes.
const SYSTEMS: [&str; 14] = [
    "com.apple.streamingkeydelivery",
    "com.microsoft.playready",
    "com.widevine",
    "com.widevine.alpha",
    "identity",
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
    "9a04f079-9840-4286-ab92-e65be0885f95",
    "94ce86fb-07ff-4f43-adb8-93d2fa968ca2",
    "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b",
    "e2719d58-a985-b3c9-781a-b030af78d30e",
    "3d5e6d35-9b9a-41e8-b843-dd3c6e72c42c",
    "5e629af5-38da-4063-8977-97ffbd9902d4",
    "9a27dd82-fde2-4725-8cbc-4234aa06ec09",
    "80a6be7e-1448-4c37-9e70-d5aebe04c8d2",
];

/// Whether a value is one that many sessions have.
pub(crate) fn is_ordinary(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    if text.bytes().all(|b| b.is_ascii_digit()) {
        // How long a number is tells more.
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let system = lower.strip_prefix("urn:uuid:").unwrap_or(&lower);
    SYSTEMS.contains(&system) || is_date(text) || is_codecs(text) || is_name(&lower)
}

/// `2026-11-21T18:00:00.123Z`, `20261121T180000Z`, `1920x1080`: digits, and what stands between them.
fn is_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_between = |b: u8| {
        matches!(
            b,
            b'-' | b':' | b'.' | b'+' | b'T' | b'Z' | b'x' | b'@' | b' '
        )
    };
    let between = text.bytes().filter(|b| is_between(*b)).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    digits >= 2 && digits + between == text.len() && letters <= 2
}

fn is_codecs(text: &str) -> bool {
    let is_one = |codec: &str| {
        let dots = codec.bytes().filter(|b| *b == b'.').count();
        codec.len() <= 32 && dots <= 9 && CODECS.iter().any(|start| codec.starts_with(start))
    };
    text.split(',').map(str::trim).all(is_one)
}

/// `video_1080p`, `seg-00012.ts`, `audio_eng_2`.
fn is_name(lower: &str) -> bool {
    let mut pieces = lower.split(['_', '-', '.', '/', ' ']);
    !lower.is_empty()
        && pieces.all(|piece| {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (_, unit) = piece.split_at(digits);
            let word = piece.trim_end_matches(|c: char| c.is_ascii_digit());
            let number = piece.len() - word.len();
            piece.is_empty()
                || unit.is_empty()
                || digits <= 5 && UNITS.contains(&unit)
                || NAMES.contains(&piece)
                || NAMES.contains(&word) && number <= 10
                || matches!(word, "v" | "a" | "s" | "r") && number <= 3
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_dates_and_identifiers_are_ordinary_and_tokens_are_not() {
        for value in [
            "1920x1080",
            "2026-11-21T18:00:00.123Z",
            "2026-11-21T19:00:00+01:00",
            "video_1080p",
            "seg-00012.ts",
            "audio_eng_2",
            "avc1.64001f,mp4a.40.2",
            "v1",
            "live/hd",
            "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
            "com.apple.streamingkeydelivery",
        ] {
            assert!(is_ordinary(value.as_bytes()), "{value}");
        }
        for value in [
            "7089252",
            "hunter2",
            "kJ8sd7Hh2s9dKq0PzLx3Vb",
            "3f9c8a7b6c5d4e3f",
            "abc12345",
            "user-sports-77",
            "avc1.but-this-is-a-secret-of-somebody-0",
            "p4ss",
            "",
            "1700000000~acl=x",
        ] {
            assert!(!is_ordinary(value.as_bytes()), "{value}");
        }
    }
}
