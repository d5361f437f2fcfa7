//! Folders in the paths of URLs: those that change when a URL is renewed are tokens, whatever they look like.
//! Pure.

use std::collections::BTreeSet;

use super::lexical::extension;
use crate::upkeep::redact::book::spelling::plain;
use crate::upkeep::redact::book::starts::Marked;

/// How many names of folders are told.
const MOST_TOLD: usize = 24;

/// How many are remembered.
const MOST_KEPT: usize = 4096;

/// Folders of URLs, and those that change.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    changing: Marked,
    kept: BTreeSet<String>,
    others: u64,
}

impl Folders {
    /// Segments of the paths of two URLs of one resource that differ, of both.
    pub(crate) fn changed(&mut self, url: &str, other: &str) -> Vec<String> {
        let (one, two) = (segments(url), segments(other));
        let different = match one.len() == two.len() {
            true => {
                let pairs = one.iter().zip(&two).filter(|(one, two)| one != two);
                pairs.flat_map(|(one, two)| [*one, *two]).collect()
            }
            false => apart(&one, &two),
        };
        let changed = different.into_iter().map(without_extension);
        let changed = changed.filter(|segment| segment.len() >= 3);
        let mut texts = Vec::new();
        for segment in changed {
            self.changing.insert(&plain(segment.as_bytes()));
            texts.push(segment.to_owned());
        }
        texts
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changing.is_empty()
    }

    /// Whether a segment of a path changes, plain.
    pub(crate) fn is_changing(&self, segment: &[u8]) -> bool {
        self.changing.contains(segment)
    }

    /// Notes the folders of a URL of the copy.
    pub(crate) fn note_kept(&mut self, url: &str) {
        let segments = segments(url);
        let folders = segments
            .split_last()
            .map_or(&[][..], |(_, folders)| folders);
        for folder in folders {
            if folder.is_empty() || folder.starts_with("redacted") || self.kept.contains(*folder) {
                continue;
            }
            match self.kept.len() < MOST_KEPT {
                true => _ = self.kept.insert((*folder).to_owned()),
                false => self.others += 1,
            }
        }
    }

    /// The names of some, and how many others there are. Those that could be something else than words first.
    pub(crate) fn kept(&self) -> (Vec<String>, u64) {
        let is_word = |name: &&String| !name.bytes().any(|b| b.is_ascii_digit());
        let mut names: Vec<&String> = self.kept.iter().collect();
        names.sort_by_key(|name| (is_word(name), std::cmp::Reverse(name.len())));
        let told = names.iter().take(MOST_TOLD).map(|name| (*name).clone());
        let left = names.len().saturating_sub(MOST_TOLD) as u64;
        (told.collect(), left + self.others)
    }
}

fn without_extension(segment: &str) -> &str {
    let end = segment.len() - extension(segment.as_bytes());
    segment.get(..end).unwrap_or(segment)
}

/// Segments of the path of a URL.
fn segments(url: &str) -> Vec<&str> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or_default();
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => url,
    };
    path.split('/').collect()
}

/// Those that only one of the two has.
fn apart<'a>(one: &[&'a str], two: &[&'a str]) -> Vec<&'a str> {
    let of_one = one.iter().filter(|segment| !two.contains(segment));
    let of_two = two.iter().filter(|segment| !one.contains(segment));
    of_one.chain(of_two).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_when_a_url_is_renewed_is_a_token() {
        for (one, two, wanted) in [
            (
                "https://h/pt/04122a8a/v1/seg.ts?x=1",
                "https://h/pt/7bc01f33/v1/seg.ts",
                &["04122a8a", "7bc01f33"][..],
            ),
            ("https://h/a/seg.ts?t=1", "https://h/a/seg.ts?t=2", &[]),
            (
                "https://h/k9d0/a.ts",
                "https://h/m3xq/a.ts",
                &["k9d0", "m3xq"],
            ),
            (
                "https://h/x/q0w9e8.ts",
                "https://h/x/r7t6y5.ts",
                &["q0w9e8", "r7t6y5"],
            ),
            ("https://h/a/tok1/v/s.ts", "https://h/a/v/s.ts", &["tok1"]),
        ] {
            let mut folders = Folders::default();
            assert_eq!(folders.changed(one, two), wanted, "{one} {two}");
            assert_eq!(folders.is_empty(), wanted.is_empty());
        }
    }

    #[test]
    fn folders_that_stay_are_told_those_with_digits_first() {
        let mut folders = Folders::default();
        for url in [
            "https://h/live/04122a8a/v1/a.ts",
            "https://h/redactedx/b.ts",
        ] {
            folders.note_kept(url);
        }
        assert_eq!(folders.kept().0, ["04122a8a", "v1", "live"]);
    }
}
