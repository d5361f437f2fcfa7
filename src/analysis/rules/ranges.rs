//! T15 daterange-changed: date ranges over time (RFC 8216bis 4.4.5.1, 6.2.1).

use std::collections::HashMap;

use serde_json::json;

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::date_range::DateRange;
use crate::analysis::rules::playlist::Playlist;

/// Date ranges of one playlist that are remembered, and bytes of them.
const MOST_RANGES: usize = 4096;
const MOST_BYTES: usize = 1024 * 1024;

/// Changes of one date range that are told in JSON.
const MOST_CHANGES: usize = 16;

/// Bytes that a date range takes beside what it says.
const EACH: usize = 1536;

/// What the tags of each ID said so far, together.
#[derive(Debug, Default)]
pub struct DateRanges {
    known: HashMap<String, HashMap<String, String>>,
    bytes: usize,
}

impl DateRanges {
    /// Whether there was a tag with an ID.
    pub fn has(&self, id: &str) -> bool {
        self.known.contains_key(id)
    }

    /// Bytes of what is remembered, about: names, values, and what each takes beside them.
    pub fn bytes_held(&self) -> usize {
        self.bytes + self.known.len() * EACH
    }

    /// Takes in what a revision says; tells what contradicts what was said before.
    pub fn take(&mut self, playlist: &Playlist, out: &mut Vec<Broken>) {
        for span in &playlist.date_ranges {
            let range = DateRange::read(playlist.text.get(span.clone()).unwrap_or_default());
            let Some(id) = range.id().map(str::to_owned) else {
                continue;
            };
            let is_new = !self.known.contains_key(&id);
            if is_new && (self.known.len() >= MOST_RANGES || self.bytes > MOST_BYTES) {
                continue;
            }
            self.bytes += if is_new { id.len() } else { 0 };
            let known = self.known.entry(id.clone()).or_default();
            let mut changed = Vec::new();
            for (name, value) in range.attributes {
                match known.get_mut(&name) {
                    Some(said) if *said != value => {
                        let was = std::mem::replace(said, value.clone());
                        changed.push((name, was, value));
                    }
                    Some(_) => {}
                    None if self.bytes > MOST_BYTES => {}
                    None => {
                        self.bytes += name.len() + value.len();
                        known.insert(name, value);
                    }
                }
            }
            out.extend(told(&id, &changed));
        }
    }
}

/// All attributes of a date range that changed in one text: name, old and new value.
fn told(id: &str, changed: &[(String, String, String)]) -> Option<Broken> {
    let one =
        |(name, was, is): &(String, String, String)| format!("{name} was {was:?} and is {is:?}");
    let all: Vec<String> = changed.iter().map(one).collect();
    let text = format!("date range {id:?}: {}", all.join(", "));
    let is_used_again = changed.iter().any(|(name, ..)| name == "START-DATE");
    let kind = if is_used_again { "used again" } else { "" };
    let json = |(name, was, is): &(String, String, String)| json!({"attribute": name, "was": was, "is": is});
    let changes: Vec<_> = changed.iter().take(MOST_CHANGES).map(json).collect();
    let broken = Broken::new("T15", text).kind(kind);
    (!changed.is_empty()).then(|| broken.with("id", id).with("changed", changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(ranges: &mut DateRanges, tags: &[&str]) -> Vec<String> {
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n".to_owned();
        for tag in tags {
            text.push_str(&format!("#EXT-X-DATERANGE:{tag}\n"));
        }
        let mut out = Vec::new();
        ranges.take(&Playlist::read(text.into()), &mut out);
        out.into_iter().map(|broken| broken.text).collect()
    }

    #[test]
    fn a_tag_may_add_and_leave_out_and_changes_nothing() {
        let mut ranges = DateRanges::default();
        assert_eq!(
            taken(
                &mut ranges,
                &["ID=\"a\",START-DATE=\"2026-11-29T10:00:00Z\",PLANNED-DURATION=60"]
            ),
            Vec::<String>::new()
        );
        assert_eq!(
            taken(&mut ranges, &["ID=\"a\",DURATION=59.5"]),
            Vec::<String>::new()
        );
        assert_eq!(
            taken(&mut ranges, &["ID=\"a\",DURATION=61"]),
            ["date range \"a\": DURATION was \"59.5\" and is \"61\""]
        );
        assert_eq!(
            taken(&mut ranges, &["ID=\"a\",DURATION=62,PLANNED-DURATION=61"]),
            [
                "date range \"a\": DURATION was \"61\" and is \"62\", PLANNED-DURATION was \"60\" and is \"61\""
            ],
            "all that changed, once"
        );
        assert!(
            taken(
                &mut ranges,
                &["ID=\"a\",START-DATE=\"2026-11-29T11:00:00Z\""]
            )[0]
            .starts_with("date range \"a\": START-DATE")
        );
    }
}
