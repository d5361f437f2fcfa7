//! T15 daterange-changed: date ranges over time (RFC 8216bis 4.4.5.1, 6.2.1).

use std::collections::HashMap;

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::date_range::DateRange;
use crate::analysis::rules::playlist::Playlist;

/// Date ranges of one playlist that are remembered, and bytes of them.
const MOST_RANGES: usize = 4096;
const MOST_BYTES: usize = 1024 * 1024;

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
            for (name, value) in range.attributes {
                match known.get(&name) {
                    Some(said) if *said != value => {
                        let text =
                            format!("{name} of date range {id:?} was {said:?} and is {value:?}");
                        let kind = if name == "START-DATE" {
                            "used again"
                        } else {
                            ""
                        };
                        out.push(Broken::new("T15", text).kind(kind));
                        known.insert(name, value);
                    }
                    Some(_) => {}
                    None if self.bytes > MOST_BYTES => {}
                    None => {
                        self.bytes += name.len() + value.len();
                        known.insert(name, value);
                    }
                }
            }
        }
    }
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
            ["DURATION of date range \"a\" was \"59.5\" and is \"61\""]
        );
        assert!(
            taken(
                &mut ranges,
                &["ID=\"a\",START-DATE=\"2026-11-29T11:00:00Z\""]
            )[0]
            .starts_with("START-DATE")
        );
    }
}
