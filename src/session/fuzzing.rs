//! Targets for fuzzers: what stands in the columns of a session of strangers.

use super::headers::Headers;
use crate::hls::fuzzing::Target;
use crate::session::body::lines::LineLog;
use crate::session::files::growing::GrowingFacts;

pub(crate) const TARGETS: &[Target] = &[
    ("rows", rows),
    ("lines", shared_lines),
    ("schema", crate::session::database::schema::fuzzing::entries),
];

/// Header fields as they are kept, and notes of parts that grow.
fn rows(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (fields, values) = match text.split_once('\0') {
        Some((fields, values)) => (fields, Some(values)),
        None => (&*text, None),
    };
    if let Some(headers) = Headers::join(fields, values) {
        let _ = headers.get("etag");
        // What could be read is what would be written of it.
        let mut sets = super::headers::HeaderSets::default();
        let (fields, values) = sets.split(&headers);
        assert_eq!(Headers::join(&fields, values.as_deref()), Some(headers));
    }
    let _ = serde_json::from_str::<GrowingFacts>(&text);
    let _ = serde_json::from_str::<(i64, u64)>(&text);
}

/// Playlists that share their lines come back byte for byte.
fn shared_lines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut kept: Vec<String> = Vec::new();
    let mut log = LineLog::starting_at(1);
    for revision in text.split('\0') {
        let Some(split) = log.split(revision) else {
            continue;
        };
        log.keep(&split);
        let pieces = split.pieces;
        kept.extend(pieces.new.iter().map(|line| (*line).to_owned()));
        let at = |n: i64| usize::try_from(n - 1).unwrap_or(usize::MAX);
        let shared = kept[at(pieces.first_line)..=at(pieces.last_line)].concat();
        assert_eq!(format!("{}{shared}{}", pieces.head, pieces.tail), revision);
    }
}
