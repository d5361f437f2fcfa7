//! Lists of streams, which are no playlists of HLS: a radio's `.m3u`, `.pls`, `.xspf` or `.asx`, an IPTV list.

use url::Url;

use self::forms::Found;
use self::streams::StreamList;
use crate::hls::text::scan::lines;

mod forms;
pub mod streams;

/// A list of one stream is no larger than this, in bytes.
pub const MOST_OF_ONE: usize = 16 * 1024;

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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::forms::MOST_STREAMS;
    use super::streams::ListedStream;
    use super::*;
    use crate::hls::names::is_stream_name;
    use crate::hls::playlist::asked_as::AskedAs;
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
