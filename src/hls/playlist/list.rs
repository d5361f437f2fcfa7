//! Lists of streams, which are no playlists of HLS: a radio's `.m3u`, `.pls`, `.xspf` or `.asx`, an IPTV list.

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;

use super::asked_as::AskedAs;
use crate::hls::names::{is_stream_name, stream_name, stream_word};
use crate::hls::text::resolve::request_url;
use crate::hls::text::scan::lines;

/// Streams of a list that are kept; the rest is counted.
const MOST_STREAMS: usize = 1000;
/// A longer URL is none that a user could type.
const LONGEST_URL: usize = 2048;
const LONGEST_TITLE: usize = 200;
/// A list of one stream is no larger than this, in bytes.
pub const MOST_OF_ONE: usize = 16 * 1024;

/// A list of streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StreamList {
    /// Those over http(s), each once.
    pub streams: Vec<ListedStream>,
    /// Other places where the list says that the first of these is, too.
    pub mirrors: Vec<ListedStream>,
    /// How many more there are.
    pub more: usize,
    /// How many there are that are not over http(s).
    pub others: usize,
}

/// A stream of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStream {
    /// As the list says; empty: it does not.
    pub title: String,
    /// As it is asked for, ...
    pub url: Url,
    /// ... and with which header fields.
    pub asked_as: AskedAs,
}

/// What `body`, which came from `base`, lists; `None`: it is no list of streams.
pub fn read_list(body: &[u8], base: &Url, content_type: Option<&str>) -> Option<StreamList> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    let first = text.lines().next()?.trim();
    let mut found = Found::new(base);
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    if first.starts_with("#EXTM3U") {
        if !is_list_of_streams(text.as_bytes()) {
            return None;
        }
        found.m3u(text);
    } else if is("[playlist]") || is("[reference]") {
        found.pls(text);
    } else if first.starts_with('<') {
        found.xml(text)?;
    } else if has_tags_of_hls(text.as_bytes()) {
        // Its "streams" would be segments; that it does not begin as a playlist does is said elsewhere.
        return None;
    } else if is_m3u(base, content_type) || text.lines().all(is_absolute) {
        found.m3u(text);
    }
    let list = found.list;
    (list.others > 0 || !list.streams.is_empty()).then_some(list)
}

impl StreamList {
    /// The only stream, where there is one only.
    pub fn only(&self) -> Option<&ListedStream> {
        match (self.streams.as_slice(), self.more) {
            ([one], 0) => Some(one),
            _ => None,
        }
    }

    /// The first `most` streams as a user would type them, each with a name of its own.
    pub fn typed(&self, most: usize) -> Vec<String> {
        let mut names = HashSet::new();
        let streams = self.streams.iter().take(most);
        let typed = |stream: &ListedStream| {
            let title = stream_word(&stream.title);
            let wished = match is_stream_name(&title) {
                true => title,
                false => stream_name(&stream.url),
            };
            let mut name = wished.clone();
            for n in 2..most.saturating_add(2) {
                if names.insert(name.to_ascii_lowercase()) {
                    break;
                }
                name = format!("{}_{n}", wished.get(..48).unwrap_or(&wished));
            }
            let url = stream.url.as_str().replace('\'', "%27");
            format!("'{name}={url}{}'", stream.asked_as.behind_url())
        };
        streams.map(typed).collect()
    }
}

/// Whether a text with `#EXTM3U` lists streams and not segments: it has none of the tags that HLS cannot do
/// without, and no duration that a segment could have, unless all that it names are playlists.
fn is_list_of_streams(text: &[u8]) -> bool {
    let (mut has_tags, mut is_endless, mut lasts) = (false, false, false);
    for tag in lines(text).filter_map(|line| line.tag()) {
        match tag.name {
            b"#EXTINF" => {
                is_endless |= tag.value.starts_with(b"-");
                lasts |= duration(tag.value).is_some_and(|seconds| seconds > 0.0);
            }
            name => has_tags |= name.starts_with(b"#EXT-X-"),
        }
    }
    let may_last = !lasts || (!has_tags && names_playlists(text));
    !has_tags_of_hls(text) && may_last && (is_endless || !has_tags)
}

/// Whether a text has a tag that HLS cannot do without, or that means nothing elsewhere.
fn has_tags_of_hls(text: &[u8]) -> bool {
    let mut tags = lines(text).filter_map(|line| line.tag());
    tags.any(|tag| {
        matches!(
            tag.name,
            b"#EXT-X-TARGETDURATION"
                | b"#EXT-X-MEDIA-SEQUENCE"
                | b"#EXT-X-STREAM-INF"
                | b"#EXT-X-MEDIA"
                | b"#EXT-X-ENDLIST"
                | b"#EXT-X-KEY"
                | b"#EXT-X-MAP"
        )
    })
}

/// Whether all that a text names are playlists, by their names: no segments are.
fn names_playlists(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let entries = text.lines().map(str::trim);
    let mut entries = entries.filter(|line| !line.is_empty() && !line.starts_with('#'));
    entries.all(|entry| {
        let path = entry.split(['?', '#', '|']).next().unwrap_or_default();
        let path = path.to_ascii_lowercase();
        path.ends_with(".m3u8") || path.ends_with(".m3u")
    })
}

fn duration(value: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(value).ok()?;
    let end = text.find([',', ' ']).unwrap_or(text.len());
    text.get(..end)?.trim().parse().ok()
}

/// Whether a name or type says that it is a list, as far as they are of any use.
fn is_m3u(base: &Url, content_type: Option<&str>) -> bool {
    let path = base.path().to_ascii_lowercase();
    let said = content_type.unwrap_or_default().to_ascii_lowercase();
    path.ends_with(".m3u") || path.ends_with(".m3u8") || said.contains("mpegurl")
}

/// A line of a list without a head: a URL, a comment, or nothing.
fn is_absolute(line: &str) -> bool {
    let line = line.trim();
    let begins = |scheme: &str| {
        let start = line.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    line.is_empty() || line.starts_with('#') || begins("http://") || begins("https://")
}

/// What was found so far.
struct Found<'a> {
    base: &'a Url,
    list: StreamList,
    known: HashSet<Url>,
}

impl<'a> Found<'a> {
    fn new(base: &'a Url) -> Self {
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

    fn m3u(&mut self, text: &str) {
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

    fn pls(&mut self, text: &str) {
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
    fn xml(&mut self, text: &str) -> Option<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::url;
    use proptest::prelude::*;

    fn of(text: &str, from: &str) -> Option<StreamList> {
        read_list(text.as_bytes(), &url(from), None)
    }

    /// Titles and URLs.
    fn shown(text: &str, from: &str) -> Vec<String> {
        let list = of(text, from).unwrap_or_default();
        let show = |s: ListedStream| format!("{}|{}", s.title, s.url);
        list.streams.into_iter().map(show).collect()
    }

    #[test]
    fn a_list_names_its_streams_in_whatever_form() {
        let one = ["Wave 1|http://h/s?a=1&b=2"];
        for text in [
            "#EXTM3U\n#EXTINF:-1,Wave 1\nhttp://h/s?a=1&b=2\n",
            "\u{FEFF}#EXTM3U x-tvg-url=\"http://g/\"\r\n#EXTINF:-1 tvg-id=\"a,b\" group-title=\"x\",Wave 1\r\n#EXTGRP:x\r\nhttp://h/s?a=1&b=2\r\n",
            "#EXTM3U\n#EXTINF:0,Wave 1\n/s?a=1&b=2#x",
            "#EXTM3U\n#EXT-X-SOMETHING:1\n#EXTINF:-1,Wave 1\ns?a=1&b=2",
            "[playlist]\nTitle1=Wave 1\nfile1=http://u:p@h/s?a=1&b=2\nLength1=-1\nVersion=2",
            "<?xml version='1.0'?>\n<playlist xmlns='x'><title>All</title><trackList><track>\n<title>Wave 1</title><location>http://h/s?a=1&amp;b=2</location></track></trackList></playlist>",
            "<playlist><trackList><track><location><![CDATA[http://h/s?a=1&b=2]]></location><title>Wave&#32;1</title></track></trackList></playlist>",
        ] {
            assert_eq!(shown(text, "http://h/x"), one, "{text}");
        }
        for (text, from) in [
            ("http://h/s\n", "http://h/x"),
            ("# a note\n\nHTTP://h/s\nhttp://h/s\n", "http://h/x"),
            ("s\n", "http://h/listen.m3u"),
            ("#EXTM3U\ns\n", "http://h/x"),
            ("[Reference]\nRef1=http://h/s\n", "http://h/x"),
            (
                "<ASX version=\"3\"><Entry><Ref HREF=\"http://h/s\"/></Entry></ASX>",
                "http://h/x",
            ),
        ] {
            assert_eq!(shown(text, from), ["|http://h/s"], "{text}");
        }
    }

    #[test]
    fn what_is_hls_or_something_else_is_none() {
        for text in [
            "",
            "#EXTM3U\n",
            "#EXTM3U\n#EXTINF:6,\nseg.ts\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:-1,\nseg.ts\n",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
            "#EXTM3U\n#EXT-X-VERSION:3\nseg.ts\n",
            "<html><body>http://h/s</body></html>",
            "<playlist>",
            "not found",
            "http://h/s\nnot found\n",
            "[playlist]\nNumberOfEntries=0\n",
        ] {
            assert_eq!(of(text, "http://h/x"), None, "{text}");
        }
    }

    #[test]
    fn header_fields_that_players_send_are_those_of_their_stream() {
        let text = "#EXTM3U\n#EXTINF:-1,One\n#EXTVLCOPT:http-user-agent=My TV\nhttp://h/1|Referer=http://i/\n\n\
                    #EXTINF:-1,Two\nhttp://h/2\n";
        let list = of(text, "http://h/x").unwrap();
        assert_eq!(
            list.typed(9),
            [
                "'One=http://h/1|User-Agent=My%20TV&Referer=http://i/'",
                "'Two=http://h/2'"
            ]
        );
        assert_eq!(list.streams[1].asked_as, AskedAs::default());
    }

    #[test]
    fn mirrors_of_a_stream_are_one_stream() {
        for text in [
            "[playlist]\nFile1=http://h/a\nTitle1=Groove (#1): a plate\nFile2=http://i/a\nTitle2=Groove (#2):  A plate\n",
            "[playlist]\nFile1=http://h/a\nTitle1=(#1 - 3/99) Wave\nFile2=http://i/a\nTitle2=(#2 - 98/99) Wave\n",
            "<ASX><Entry><Title>Wave</Title><Ref href=\"http://h/a\"/><Ref href=\"http://i/a\"/></Entry></ASX>",
            "<playlist><trackList><track><location>http://h/a</location><location>http://i/a</location></track></trackList></playlist>",
        ] {
            let list = of(text, "http://h/x").unwrap();
            let only = list.only().map(|one| one.url.as_str());
            assert_eq!(only, Some("http://h/a"), "{text}");
            let mirrors: Vec<&str> = list.mirrors.iter().map(|one| one.url.as_str()).collect();
            assert_eq!(mirrors, ["http://i/a"], "{text}");
        }
        for several in [
            "[playlist]\nFile1=http://h/a\nTitle1=Wave 1\nFile2=http://i/a\nTitle2=Wave 2\n",
            "[playlist]\nFile1=http://h/a\nFile2=http://i/a\n",
            "<ASX><Entry><Ref href=\"http://h/a\"/></Entry><Entry><Ref href=\"http://i/a\"/></Entry></ASX>",
        ] {
            let list = of(several, "http://h/x").unwrap();
            assert_eq!(
                (list.streams.len(), list.mirrors.len()),
                (2, 0),
                "{several}"
            );
        }
    }

    #[test]
    fn durations_make_segments_of_what_is_no_playlist() {
        // Songs, as players of music have them; nothing of it is HLS.
        let songs = "#EXTINF:123,Air\nhttp://h/1.mp3\n#EXTINF:10,Sea\nhttp://h/2.mp3\n";
        assert_eq!(of(songs, "http://h/x").unwrap().streams.len(), 2);
        // A playlist that has lost its first line names no streams.
        let headless = "#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://h/1.ts\n";
        assert_eq!(of(headless, "http://h/live.m3u8"), None);
        // With it, what lasts is a segment, and what is called a playlist is none.
        let channel = "#EXTM3U\n#EXTINF:10,One\nhttp://h/1.m3u8?a=.ts\n";
        assert_eq!(shown(channel, "http://h/x"), ["One|http://h/1.m3u8?a=.ts"]);
        assert_eq!(
            of(
                "#EXTM3U\n#EXTINF:10,\n1.m3u8\n#EXTINF:10,\n2.ts\n",
                "http://h/x"
            ),
            None
        );
        assert_eq!(
            of(
                "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\n1.m3u8\n",
                "http://h/x"
            ),
            None
        );
    }

    #[test]
    fn what_is_not_over_http_is_only_counted() {
        let list = of(
            "#EXTM3U\n#EXTINF:-1,a\nrtsp://h/a\nfile:///etc/passwd\n",
            "http://h/x",
        )
        .unwrap();
        assert_eq!((list.streams.len(), list.others), (0, 2));
        let list = of("#EXTM3U\nmms://h/a\nhttp://h/b\n", "http://h/x").unwrap();
        assert_eq!(list.only().map(|one| one.url.as_str()), Some("http://h/b"));
    }

    #[test]
    fn several_are_shown_as_a_user_would_type_them() {
        let text = "#EXTM3U\n#EXTINF:-1,Jazz FM (hi)\nhttp://h/1\n#EXTINF:-1,jazz fm hi\nhttp://h/2'3\n\
                    #EXTINF:-1,\u{2014}\nhttp://h/rock.mp3\n#EXTINF:-1,https\nhttp://h/4\n";
        let list = of(text, "http://h/x").unwrap();
        assert_eq!(list.only(), None);
        assert_eq!(
            list.typed(9),
            [
                "'Jazz_FM_hi=http://h/1'",
                "'jazz_fm_hi_2=http://h/2%273'",
                "'rock.mp3=http://h/rock.mp3'",
                "'https_=http://h/4'",
            ]
        );
        assert_eq!(list.typed(1).len(), 1);
    }

    #[test]
    fn a_long_list_is_counted() {
        let text: String = (0..MOST_STREAMS + 7)
            .map(|n| format!("http://h/{n}\n"))
            .collect();
        let list = of(&text, "http://h/x").unwrap();
        assert_eq!((list.streams.len(), list.more), (MOST_STREAMS, 7));
    }

    proptest! {
        #[test]
        fn whatever_is_listed_can_be_asked_for_and_named(
            text in "(#EXTM3U\\n|\\[playlist\\]\\n|<playlist>|)((#EXTINF:-1,|File[0-9]=|Title1=|<track><location>|</track>|&|http://h/|file:|//|[a-z'\"=<>&; ]{0,4}|\\u{e9}|\\n){0,3}\\n){0,8}",
        ) {
            let Some(list) = read_list(text.as_bytes(), &url("https://h/a/b.m3u"), None) else {
                return Ok(());
            };
            let mut names = HashSet::new();
            for (stream, typed) in list.streams.iter().zip(list.typed(usize::MAX)) {
                prop_assert!(matches!(stream.url.scheme(), "http" | "https"));
                prop_assert!(stream.url.username().is_empty() && stream.url.password().is_none());
                let (name, shown) = typed.trim_matches('\'').split_once('=').unwrap();
                prop_assert!(is_stream_name(name), "{}", name);
                prop_assert!(names.insert(name.to_ascii_lowercase()), "{}", name);
                prop_assert_eq!(Url::parse(shown).is_ok(), true);
            }
        }

        #[test]
        fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_list(&body, &url("http://h/a.m3u"), Some("audio/x-mpegurl"));
        }
    }
}
