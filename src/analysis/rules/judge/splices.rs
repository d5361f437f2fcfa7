//! What the text of a playlist says of splices. Pure.

use crate::analysis::rules::date_range::DateRange;
use crate::analysis::rules::playlist::Playlist;
use crate::hls::lines;

/// Tags of a segment that tell a splice: those of packagers, since the standard has date ranges alone.
const CUES: [&str; 4] = [
    "#EXT-X-CUE-OUT",
    "#EXT-X-CUE-IN",
    "#EXT-OATCLS-SCTE35",
    "#EXT-X-SCTE35",
];
/// A break goes on: no splice is there.
const GOES_ON: &[u8] = b"#EXT-X-CUE-OUT-CONT";

/// Whether a text tells of splices, in whatever way.
pub(super) fn tells_splices(playlist: &Playlist) -> bool {
    let holds = |what: &[u8]| memchr::memmem::find(&playlist.text, what).is_some();
    holds(b"SCTE35-")
        || holds(b"#EXT-X-CUE")
        || holds(b"#EXT-OATCLS-SCTE35")
        || holds(b"#EXT-X-SCTE35")
}

/// What a text says of a splice at a segment, in words: a tag of its own, or a date range that begins or ends there. `date_us`: when the
/// segment begins by the dates of the text.
pub(super) fn said_splice(
    playlist: &Playlist,
    sequence: u64,
    date_us: Option<i64>,
) -> Option<String> {
    let index = sequence.wrapping_sub(playlist.first_number());
    let index = usize::try_from(index).ok()?;
    let segment = playlist.segments.get(index)?;
    let before = index.checked_sub(1);
    let before = before.and_then(|before| playlist.segments.get(before));
    let from = before.map_or(0, |before| before.uri.end);
    let tags = playlist.text.get(from..segment.uri.start)?;
    let tags = lines(tags).filter(|line| !line.text.starts_with(GOES_ON));
    let mut cues = tags.filter_map(|line| {
        let is_it = |cue: &&&str| line.text.starts_with(cue.as_bytes());
        CUES.iter().find(is_it)
    });
    if let Some(cue) = cues.next() {
        return Some(format!("{} stands before it", cue.trim_start_matches('#')));
    }
    // A splice lies between two frames, and a segment between two of them that are key frames.
    let (date_us, near_us) = (date_us?, segment.duration_us / 2);
    let is_near = |us: &i64| us.saturating_sub(date_us).saturating_abs() < near_us;
    playlist.date_ranges.iter().find_map(|span| {
        let range = DateRange::read(playlist.text.get(span.clone())?);
        let end_us = range.end_us.or_else(|| {
            let length_us = range.duration_us?;
            Some(range.start_us?.saturating_add(length_us))
        });
        let verb = match (range.start_us.filter(is_near), end_us.filter(is_near)) {
            (Some(_), _) => "begins",
            (None, Some(_)) => "ends",
            (None, None) => return None,
        };
        Some(format!("date range {:?} {verb} there", range.id()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::unix_us;

    const TEXT: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n\
        #EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"2026-11-29T10:00:04.2Z\",DURATION=8\n\
        #EXT-X-CUE-OUT:8\n#EXTINF:4,\ns7.ts\n#EXTINF:4,\ns8.ts\n#EXT-X-CUE-OUT-CONT:4/8\n#EXTINF:4,\ns9.ts\n#EXTINF:4,\ns10.ts\n";

    #[test]
    fn a_splice_is_told_by_a_tag_or_a_date_range() {
        let playlist = Playlist::read(TEXT.into());
        let at = |sequence, second: u32| {
            let date = format!("2026-11-29T10:00:{second:02}Z");
            said_splice(&playlist, sequence, unix_us(date.as_bytes()))
        };
        assert_eq!(at(7, 0).unwrap(), "EXT-X-CUE-OUT stands before it");
        assert_eq!(at(8, 4).unwrap(), "date range \"ad\" begins there");
        assert_eq!(at(9, 8), None, "the break goes on");
        assert_eq!(at(10, 12).unwrap(), "date range \"ad\" ends there");
        assert_eq!(at(11, 16), None, "it is not listed");
        assert_eq!(said_splice(&playlist, 8, None), None);
    }
}
