//! What an endless body is, by its first bytes. Pure.
//!
//! The `file-format` library knows the signatures. Those of packets and frames are two bytes
//! long, which any text may have by chance: what they say is believed where more follow at
//! their distance.

use super::format::{Format, Verdict};
use std::time::Duration;

use file_format::FileFormat;

use super::{boxes, cutter as cut};

/// A body that cannot be told by so many bytes has none of these formats.
const ENOUGH: usize = 16 * 1024;
/// Every signature is within so many bytes, unless the stream was joined in the middle of a frame.
const SIGNATURES: usize = 1024;

/// A small file would have come by then.
const SLOW: Duration = Duration::from_secs(3);

/// Whether a body that looks like a stream is taken for one: live streams announce lengths that they
/// do not mean. It is where it announces none, or more than a playlist may have (`most_bytes`), or
/// has come for a while and has not ended.
pub(crate) fn is_endless(
    announced_bytes: Option<u64>,
    most_bytes: u64,
    came_for: Duration,
) -> bool {
    announced_bytes.is_none_or(|bytes| bytes > most_bytes) || came_for >= SLOW
}

/// The verdict on a body that begins with these bytes; `content_type`: the one of the response.
pub(crate) fn sniff(begun: &[u8], content_type: Option<&str>) -> Verdict {
    let Some(first) = begun.first() else {
        return Verdict::More;
    };
    let hinted = content_type.and_then(Format::hinted);
    // Playlists, pages, JSON, a byte order mark: text is decided by its first byte.
    let may_be_text =
        matches!(first, b'#' | b'<' | b'{' | b'[' | 0xEF) || first.is_ascii_whitespace();
    if may_be_text && hinted.is_none() {
        return Verdict::Other;
    }
    if let Some(verdict) = boxes::sniff(begun) {
        return verdict;
    }
    let more = |enough: usize| match begun.len() >= enough {
        true => Verdict::Other,
        false => Verdict::More,
    };
    let format = match FileFormat::from_bytes(begun) {
        FileFormat::FlashVideo => return Verdict::Stream(Format::Flv),
        FileFormat::AdvancedSystemsFormat => return Verdict::Stream(Format::Asf),
        FileFormat::Webm => return Verdict::Stream(Format::WebM),
        FileFormat::MatroskaVideo
        | FileFormat::MatroskaAudio
        | FileFormat::Matroska3dVideo
        | FileFormat::MatroskaSubtitles => return Verdict::Stream(Format::Matroska),
        FileFormat::OggFlac
        | FileFormat::OggMedia
        | FileFormat::OggMultiplexedMedia
        | FileFormat::OggOpus
        | FileFormat::OggSpeex
        | FileFormat::OggTheora
        | FileFormat::OggVorbis => return Verdict::Stream(Format::Ogg),
        FileFormat::ExtensibleBinaryMetaLanguage => return more(ENOUGH),
        FileFormat::Mpeg2TransportStream => Some(Format::MpegTs),
        FileFormat::AdvancedAudioCoding => Some(Format::Adts),
        FileFormat::Mpeg12AudioLayer2 | FileFormat::Mpeg12AudioLayer3 | FileFormat::Id3v2 => {
            Some(Format::MpegAudio)
        }
        // Joined in the midst of a packet or frame.
        _ => hinted,
    };
    match format {
        Some(format) if cut::is_in_step(format, begun) => Verdict::Stream(format),
        Some(_) => more(ENOUGH),
        None => more(SIGNATURES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::raw::testing::{adts, mp3, ts};
    use proptest::prelude::*;

    fn of(begun: &[u8]) -> Verdict {
        sniff(begun, None)
    }

    #[test]
    fn formats_are_told_by_their_bytes_not_by_what_the_origin_says() {
        let ebml = |kind: &[u8]| {
            let mut body = b"\x1a\x45\xdf\xa3\xa3\x42\x82".to_vec();
            body.push(0x80 | kind.len() as u8);
            body.extend_from_slice(kind);
            body.resize(64, 0xec);
            body
        };
        let cases = [
            (ts(8), Format::MpegTs),
            (mp3(8), Format::MpegAudio),
            (adts(8), Format::Adts),
            (b"FLV\x01\x05\0\0\0\x09".to_vec(), Format::Flv),
            (
                [b"OggS\0\x02".as_slice(), &[0; 22], b"\x01vorbis"].concat(),
                Format::Ogg,
            ),
            (
                b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C".to_vec(),
                Format::Asf,
            ),
            (ebml(b"webm"), Format::WebM),
        ];
        for (body, format) in cases {
            for said in [
                None,
                Some("text/html"),
                Some("audio/mpeg"),
                Some("video/mp2t"),
            ] {
                assert_eq!(sniff(&body, said), Verdict::Stream(format), "{said:?}");
            }
        }
    }

    #[test]
    fn text_is_none_of_them_at_once() {
        for text in ["#", "\u{feff}#EXTM3U", "\n#EXTM3U", "<html>", " {}"] {
            assert_eq!(of(text.as_bytes()), Verdict::Other, "{text}");
        }
        assert_eq!(of(b""), Verdict::More);
        assert_eq!(of(b"Not"), Verdict::More);
        assert_eq!(of("Not found. ".repeat(100).as_bytes()), Verdict::Other);
    }

    #[test]
    fn text_that_has_a_signature_by_chance_is_no_stream() {
        let mut text = vec![b'x'; 400];
        (text[0], text[188]) = (b'G', b'G');
        assert_eq!(of(&text), Verdict::More);
        text.resize(ENOUGH, b'x');
        assert_eq!(of(&text), Verdict::Other);
    }

    #[test]
    fn a_stream_that_was_joined_in_the_midst_of_a_frame_is_told_with_a_hint() {
        for (body, hint, format) in [
            (mp3(12), "audio/mpeg", Format::MpegAudio),
            (adts(12), "audio/aacp", Format::Adts),
            (ts(20), "video/mp2t; x=y", Format::MpegTs),
        ] {
            assert_eq!(
                sniff(&body[7..], Some(hint)),
                Verdict::Stream(format),
                "{hint}"
            );
        }
    }

    #[test]
    fn a_length_is_believed_as_far_as_it_may_be_that_of_a_small_file() {
        const MOST: u64 = 16_000_000;
        let is_endless =
            |announced, seconds| is_endless(announced, MOST, Duration::from_secs(seconds));
        for announced in [None, Some(MOST + 1), Some(900_000_000), Some(u64::MAX)] {
            assert!(is_endless(announced, 0), "{announced:?}");
        }
        for announced in [0, 1, MOST] {
            assert!(!is_endless(Some(announced), 2), "{announced}");
            assert!(is_endless(Some(announced), 3), "{announced}");
        }
    }

    proptest! {
        #[test]
        fn it_is_always_decided_in_the_end(body in prop::collection::vec(any::<u8>(), ENOUGH..ENOUGH + 10)) {
            prop_assert!(sniff(&body, Some("audio/mpeg")) != Verdict::More);
        }
    }
}
