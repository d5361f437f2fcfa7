//! Subtitles of WebVTT (RFC 8216bis 3.1.4): their header, their map of time, and when their cues are. Pure.

use super::facts::SubtitleFacts;

/// A line is not longer than what can say a time.
const MOST_LINE: usize = 256;

/// Whether a body begins as WebVTT does.
pub fn has_header(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let after = bytes.strip_prefix(b"WEBVTT").map(<[u8]>::first);
    matches!(after, Some(None | Some(b' ' | b'\t' | b'\n' | b'\r')))
}

/// All of a body; `None`: it has neither a header nor a cue.
pub fn read(bytes: &[u8]) -> Option<SubtitleFacts> {
    let mut facts = SubtitleFacts {
        has_header: has_header(bytes),
        ..SubtitleFacts::default()
    };
    let mut is_head = true;
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Ok(line) = std::str::from_utf8(&line[..line.len().min(MOST_LINE)]) else {
            continue;
        };
        if let Some((from, to)) = cue(line) {
            is_head = false;
            facts.cues = facts.cues.saturating_add(1);
            facts.first_ms.get_or_insert(from);
            facts.last_ms = facts.last_ms.max(Some(to));
        } else if is_head && let Some(map) = line.strip_prefix("X-TIMESTAMP-MAP=") {
            facts.map = facts.map.or(read_map(map));
        }
    }
    (facts.has_header || facts.cues > 0).then_some(facts)
}

fn cue(line: &str) -> Option<(i64, i64)> {
    let (from, to) = line.split_once("-->")?;
    let to = to.trim_start().split([' ', '\t']).next()?;
    Some((milliseconds(from.trim())?, milliseconds(to)?))
}

/// `LOCAL:00:00:00.000,MPEGTS:900000`, in any order.
fn read_map(map: &str) -> Option<(i64, u64)> {
    let (mut local, mut media) = (None, None);
    for part in map.split(',') {
        let (name, value) = part.trim().split_once(':')?;
        match name {
            "LOCAL" => local = milliseconds(value.trim()),
            "MPEGTS" => media = value.trim().parse().ok(),
            _ => {}
        }
    }
    Some((local?, media?))
}

/// `[hours:]minutes:seconds.milliseconds`.
fn milliseconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let mut seconds = 0_i64;
    let parts: Vec<_> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) || fraction.len() != 3 || !is_digits(fraction) {
        return None;
    }
    for part in parts {
        let number = is_digits(part)
            .then(|| part.parse::<i64>().ok())
            .flatten()?;
        seconds = seconds.checked_mul(60)?.checked_add(number)?;
    }
    seconds
        .checked_mul(1000)?
        .checked_add(fraction.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subtitles_say_when_their_cues_are() {
        let text = b"\xEF\xBB\xBFWEBVTT\r\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:01.500\r\n\r\n1\r\n00:04.000 --> 01:00:06.250 line:0\r\nHello\r\n";
        let facts = read(text).unwrap();
        let wanted = SubtitleFacts {
            has_header: true,
            map: Some((1500, 900_000)),
            cues: 1,
            first_ms: Some(4000),
            last_ms: Some(3_606_250),
        };
        assert_eq!(facts, wanted);
        assert!(!read(b"00:04.000 --> 00:06.000\nx").unwrap().has_header);
        assert_eq!(read(b"WEBVTTX"), None);
        assert_eq!(read(b"WEBVTT").unwrap().map, None);
    }

    proptest! {
        #[test]
        fn nothing_breaks_on_other_texts(text in "(WEBVTT)?[\n:.,0-9A-Z =>-]{0,80}") {
            let _ = read(text.as_bytes());
        }
    }
}
