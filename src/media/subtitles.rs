//! Subtitles of WebVTT (RFC 8216bis 3.1.4): their header, their map of time, and when their cues are. Pure.

use memchr::memmem;

use super::facts::SubtitleFacts;

/// A line that says a time is not longer.
const MOST_LINE: usize = 256;
/// The head of a body is not longer.
const MOST_HEAD: usize = 4096;
/// Cues that are looked at.
const MOST_CUES: usize = 10_000;

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
    for at in memmem::find_iter(bytes, b"-->").take(MOST_CUES) {
        let Some((from, to)) = line_around(bytes, at).and_then(cue) else {
            continue;
        };
        facts.cues = facts.cues.saturating_add(1);
        facts.first_ms.get_or_insert(from);
        facts.last_ms = facts.last_ms.max(Some(to));
    }
    let head = &bytes[..bytes.len().min(MOST_HEAD)];
    let lines = head.split(|byte| is_end(*byte));
    let lines = lines.filter_map(|line| std::str::from_utf8(line).ok());
    let mut lines = lines.take_while(|line| !line.contains("-->"));
    facts.map = lines.find_map(|line| read_map(line.strip_prefix("X-TIMESTAMP-MAP=")?));
    (facts.has_header || facts.cues > 0).then_some(facts)
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The line that a place is in, as far as it can say a time.
fn line_around(bytes: &[u8], at: usize) -> Option<&str> {
    let (before, after) = bytes.split_at(at);
    let before = &before[before.len().saturating_sub(MOST_LINE)..];
    let start = before.iter().rposition(|byte| is_end(*byte));
    let start = start.map_or(before.len(), |end| before.len() - end - 1);
    let after = &after[..after.len().min(MOST_LINE)];
    let end = after.iter().position(|byte| is_end(*byte));
    let end = end.unwrap_or(after.len());
    let line = std::str::from_utf8(&bytes[at - start..at + end]).ok()?;
    // Of several arrows in a line the first one counts.
    (line.find("-->") == Some(start)).then_some(line)
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
        let arrows = read(b"\n--> 00:01.000\n00:04.000 --> 00:06.000 -->").unwrap();
        assert_eq!((arrows.cues, arrows.first_ms), (1, Some(4000)));
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
