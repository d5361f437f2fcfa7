//! Targets for fuzzers: any text as a playlist, any text as a URL.

use std::path::{Component, Path};

use bytes::Bytes;
use url::Url;

use super::*;

/// A name, and what is called with any bytes.
pub type Target = (&'static str, fn(&[u8]));

pub(crate) const TARGETS: &[Target] = &[("scanner", scanner), ("facts", facts), ("names", names)];

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Lines tile the bytes, URIs ascend, and a rewrite changes what it was told to change only.
fn scanner(body: &[u8]) {
    let mut end = 0;
    for line in lines(body) {
        assert_eq!(line.span.start, end, "lines leave a hole or overlap");
        end = line.span.end;
    }
    assert_eq!(end, body.len(), "the last line ends before the text");
    let mut end = 0;
    for uri in uris(body) {
        assert!(end <= uri.span.start && uri.span.end <= body.len());
        end = uri.span.end;
    }
    let mut end = 0;
    for uri in references(body) {
        assert!(end <= uri.span.start && uri.span.start < uri.span.end);
        end = uri.span.end;
    }
    assert!(end <= body.len());
    let origin = url("https://origin.example/live/index.m3u8?b=1");
    let served = url("http://replay.test/@17/https/origin.example:443/live/index.m3u8?b=1");
    let imports = Variables::default();
    let place = Place {
        origin: &origin,
        served: &served,
        imports: &imports,
    };
    assert_eq!(rewrite(body, &place, &|_| None), body);
    let path = |url: &Url| Some(format!("/@17{}", replay_path(url)?));
    let replaced = replacements(body, &place, &path);
    let text = rewrite(body, &place, &path);
    let taken: usize = replaced.iter().map(|one| one.span.len()).sum();
    let added: usize = replaced.iter().map(|one| one.text.len()).sum();
    assert_eq!(text.len(), body.len() - taken + added);
    let mut from = 0;
    for one in &replaced {
        assert!(from <= one.span.start, "replacements overlap");
        from = one.span.end;
        assert!(!one.text.bytes().any(|b| b.is_ascii_control()));
    }
    let again = shift_dates(body, 0);
    assert_eq!(again, body, "dates that move by nothing stay as they are");
    let _ = shift_dates(body, 3_600_000_001);
    let _ = shift_dates(body, i64::MIN);
}

/// Facts of any text, and URLs that are never other than http and https.
fn facts(body: &[u8]) {
    let base = url("https://origin.example/live/index.m3u8?b=1");
    let _ = playlist_kind(body);
    let _ = imports_variables(body);
    let variables = Variables::read(body, &base, &Variables::default());
    let is_http = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    for imports in [&Variables::default(), &variables] {
        let media = read_media(body, &base, imports);
        assert!(media.entries.iter().all(|e| is_http(e.url.as_str())));
        let body = Bytes::copy_from_slice(body);
        let mut reader = MediaReader::default();
        reader.read(&body.slice(body.len() / 3..), &base, imports);
        assert_eq!(reader.read(&body, &base, imports), media);
        assert_eq!(reader.read(&body, &base, imports), media);
    }
    let multivariant = read_multivariant(body, &base);
    assert!(
        multivariant
            .children
            .iter()
            .all(|c| is_http(c.url.as_str()))
    );
    let _ = head_facts(body);
    for first in [0, u64::MAX - 1] {
        let read = ReadSegments {
            base: &base,
            root: "",
            variables: &variables,
            first,
            from: first,
            following: Following::default(),
        };
        let segments = read.read(body).list;
        let urls = segments.iter().filter_map(|segment| segment.url.as_ref());
        assert!(urls.into_iter().all(|url| is_http(url.as_str())));
    }
}

/// URLs come back from the replay, and the files that are named after them are inside `chunks/`.
fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(origin) = origin_url(&text) {
        let path = replay_path(&origin);
        let path = path
            .as_deref()
            .unwrap_or_else(|| panic!("{origin} has no place"));
        assert_eq!(origin_url(path), Some(origin));
    }
    let base = url("https://origin.example/live/");
    let Ok(url) = base.join(&text) else { return };
    if let Some(path) = replay_path(&url) {
        let back = origin_url(&path).unwrap_or_else(|| panic!("{path} leads nowhere"));
        assert_eq!(replay_path(&back), Some(path));
    }
    let range = ByteRange {
        first: bytes.len() as u64,
        length: u64::MAX,
    };
    for path in [chunk_path(&url), ranged_chunk_path(&url, range)] {
        for path in [with_suffix(&path, u32::MAX), path] {
            assert_is_inside(&path);
        }
    }
    assert!(is_stream_name(&stream_name(&url)));
    assert!(!resource_name(&url).contains(char::is_control));
}

fn assert_is_inside(path: &str) {
    let is_name = |part: Component| matches!(part, Component::Normal(_));
    assert!(
        !path.is_empty() && Path::new(path).components().all(is_name),
        "{path:?}"
    );
    for name in path.split('/') {
        assert!(
            (1..=255).contains(&name.len()) && !name.starts_with('.'),
            "{path:?}"
        );
        assert!(!name.contains(['\\', ':', '\0']) && !name.contains(char::is_control));
    }
    assert!(path.len() < 2048, "{} bytes", path.len());
}
