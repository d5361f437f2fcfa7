//! The forms that lists of streams have: `.m3u`, `.pls`, `.xspf`, `.asx`.

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;

use super::streams::{ListedStream, StreamList};
use crate::hls::playlist::asked_as::AskedAs;
use crate::hls::text::resolve::request_url;

/// Streams of a list that are kept; the rest is counted.
pub(super) const MOST_STREAMS: usize = 1000;
/// A longer URL is none that a user could type.
const LONGEST_URL: usize = 2048;
const LONGEST_TITLE: usize = 200;

/// What was found so far.
pub(super) struct Found<'a> {
    base: &'a Url,
    pub(super) list: StreamList,
    known: HashSet<Url>,
}

impl<'a> Found<'a> {
    pub(super) fn new(base: &'a Url) -> Self {
        Self {
            base,
            list: StreamList::default(),
            known: HashSet::new(),
        }
    }

    fn add(&mut self, reference: &str, title: &str) {
        self.add_asked_as(reference, title, AskedAs::default());
    }

    fn add_asked_as(&mut self, reference: &str, title: &str, asked_as: AskedAs) {
        let (reference, own) = AskedAs::split(reference.trim());
        if reference.is_empty() || reference.starts_with('<') || reference.len() > LONGEST_URL {
            return;
        }
        let url = self.base.join(reference).ok().map(request_url);
        let url = url.filter(|url| url.as_str().len() <= LONGEST_URL);
        match url {
            Some(url) if matches!(url.scheme(), "http" | "https") => {
                if self.list.streams.len() >= MOST_STREAMS {
                    self.list.more += 1;
                } else if self.known.insert(url.clone()) {
                    let title = title.trim().chars().take(LONGEST_TITLE).collect();
                    self.list.streams.push(ListedStream {
                        title,
                        url,
                        asked_as: asked_as.and(own),
                    });
                }
            }
            _ => self.list.others += 1,
        }
    }

    /// All entries are one stream, in several places.
    fn are_mirrors(&mut self) {
        if self.list.more == 0 && self.list.streams.len() > 1 {
            self.list.mirrors = self.list.streams.split_off(1);
        }
    }

    pub(super) fn m3u(&mut self, text: &str) {
        let mut title = "";
        let mut asked_as = AskedAs::default();
        for line in text.lines().map(str::trim) {
            if let Some(info) = line.strip_prefix("#EXTINF:") {
                // A comma may stand in a quoted attribute before it.
                let behind = info.rfind('"').map_or(0, |quote| quote + 1);
                let rest = info.get(behind..).unwrap_or_default();
                title = rest.split_once(',').map_or("", |(_, title)| title);
            } else if !line.starts_with('#') && !line.is_empty() {
                let asked_as = std::mem::take(&mut asked_as);
                self.add_asked_as(line, std::mem::take(&mut title), asked_as);
            } else {
                asked_as.take_line(line);
            }
        }
    }

    pub(super) fn pls(&mut self, text: &str) {
        let entries = || {
            text.lines().filter_map(|line| {
                let (key, value) = line.split_once('=')?;
                Some((key.trim().to_ascii_lowercase(), value.trim()))
            })
        };
        let titles: std::collections::HashMap<String, &str> = entries()
            .filter_map(|(key, value)| Some((key.strip_prefix("title")?.to_owned(), value)))
            .collect();
        for (key, value) in entries() {
            let number = key.strip_prefix("file").or_else(|| key.strip_prefix("ref"));
            if let Some(number) = number.filter(|n| n.bytes().all(|b| b.is_ascii_digit())) {
                self.add(value, titles.get(number).copied().unwrap_or_default());
            }
        }
        let mut known = self.list.streams.iter().map(|one| own_title(&one.title));
        let first = known.next().unwrap_or_default();
        if !first.is_empty() && known.all(|title| title == first) {
            self.are_mirrors();
        }
    }

    /// XSPF (`location`, `title`) and ASX (`ref href`); `None`: it is neither.
    pub(super) fn xml(&mut self, text: &str) -> Option<()> {
        let mut reader = Reader::from_str(text);
        let mut root = None;
        let (mut inside, mut title, mut location) = (String::new(), String::new(), String::new());
        let (mut entries, mut tracks) = (0_u32, 0_u32);
        // What is no XML any more ends the list.
        while let Ok(event) = reader.read_event() {
            let text = match &event {
                Event::Eof => break,
                Event::Start(tag) | Event::Empty(tag) => {
                    inside = tag.local_name().as_ref().to_ascii_lowercase();
                    let root = root.get_or_insert_with(|| inside.clone());
                    if !matches!(root.as_str(), "playlist" | "asx") {
                        return None;
                    }
                    match inside.as_str() {
                        "track" | "entry" => {
                            tracks = tracks.saturating_add(u32::from(inside == "track"));
                            entries = entries.saturating_add(u32::from(inside == "entry"));
                            title.clear();
                            // One before it is that of the list itself.
                            location.clear();
                        }
                        // Others of a track are where it is, too.
                        "location" => self.add(&std::mem::take(&mut location), &title),
                        "ref" => self.add(&href(tag).unwrap_or_default(), ""),
                        _ => {}
                    }
                    continue;
                }
                Event::End(tag) => {
                    if tag.local_name().as_ref().eq_ignore_ascii_case("track") {
                        self.add(&std::mem::take(&mut location), &title);
                    }
                    inside.clear();
                    continue;
                }
                Event::Text(text) => Some(text.to_string()),
                Event::CData(text) => Some(text.to_string()),
                Event::GeneralRef(name) => character(name),
                _ => continue,
            };
            match inside.as_str() {
                "location" => location.push_str(&text.unwrap_or_default()),
                "title" => title.push_str(&text.unwrap_or_default()),
                _ => {}
            }
        }
        if (entries, tracks) == (1, 0) || (entries, tracks) == (0, 1) {
            self.are_mirrors();
        }
        root.map(|_| ())
    }
}

/// A title without what tells mirrors of a stream apart in `.pls`: `(#2)`, `(#1 - 23/500)`.
fn own_title(title: &str) -> String {
    let mut rest = title;
    let mut own = String::new();
    while let Some((before, behind)) = rest.split_once("(#") {
        own.push_str(before);
        rest = behind.split_once(')').map_or("", |(_, behind)| behind);
    }
    own.push_str(rest);
    own.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// The references that XML has without a document type; others mean nothing here.
fn character(name: &str) -> Option<String> {
    let one = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)?
        }
    };
    Some(one.to_string())
}

fn href(tag: &BytesStart<'_>) -> Option<String> {
    let attribute = tag
        .attributes()
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.as_ref().eq_ignore_ascii_case("href"))?;
    Some(attribute.value.replace("&amp;", "&"))
}
