//! Every playlist of `tests/corpus` through the layer `hls`. Each of them has one oddity,
//! which its name says.
//!
//! `NAME.replayed` lists what a replay replaces in `NAME.m3u8`, one URI per line: the offset
//! in bytes, the old bytes (escaped), the new ones. No such file: nothing is replaced.
//! `facts.txt` has a line of facts about each. After a change that is meant, run with
//! `CORPUS_BLESS=1` and read the difference.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use isrecorder::hls::{
    self, LineKind, Place, PlaylistKind, UriRole, Variables, playlist_kind, replay_path,
};
use proptest::prelude::*;
use url::{Position, Url};

/// A prefix that a replay with a clock in its URLs puts before all paths.
const CLOCK: &str = "/@1700000000000";

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Name and bytes of each playlist.
fn playlists() -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "m3u8"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

fn origin(name: &str) -> Url {
    let query = "token=a%2Bb&id=7";
    Url::parse(&format!(
        "https://origin.example:8443/live/ch1/{name}.m3u8?{query}"
    ))
    .unwrap()
}

fn served_at(path: &str) -> Url {
    Url::parse(&format!("http://replay.test{path}")).unwrap()
}

/// What a multivariant playlist would have defined.
fn imports() -> Variables {
    let body = b"#EXT-X-DEFINE:NAME=\"auth\",VALUE=\"auth=1%2F2\"\n";
    Variables::read(body, &origin("main"), &Variables::default())
}

fn rewritten(body: &[u8], origin: &Url, served: &Url, prefix: &str) -> Vec<u8> {
    let imports = imports();
    let place = Place {
        origin,
        served,
        imports: &imports,
    };
    let path = |url: &Url| Some(format!("{prefix}{}", replay_path(url)?));
    hls::rewrite(body, &place, &path).into_owned()
}

/// What a reference in `body` means to somebody who got it from `base`.
fn meant(body: &[u8], base: &Url, reference: &[u8]) -> Option<Url> {
    let variables = Variables::read(body, base, &imports());
    let text = String::from_utf8(reference.to_vec()).unwrap_or_else(|_| percent_encoded(reference));
    let url = base.join(&variables.substitute(&text)).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Valid UTF-8 as it is, every other byte as `%XX`.
fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            write!(text, "%{byte:02X}").unwrap();
        }
    }
    text
}

fn path_and_query(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

fn blessing() -> bool {
    std::env::var_os("CORPUS_BLESS").is_some()
}

fn assert_committed(file: &Path, actual: &str) {
    if blessing() {
        match actual.is_empty() {
            true => drop(fs::remove_file(file)),
            false => fs::write(file, actual).unwrap(),
        }
    }
    let committed = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(actual, committed, "{}", file.display());
}

#[test]
fn the_corpus_is_large_enough_and_has_no_orphans() {
    let playlists = playlists();
    assert!(playlists.len() >= 64);
    for entry in fs::read_dir(corpus()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "replayed") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(playlists.contains_key(&name), "{}", path.display());
        }
    }
}

#[test]
fn without_paths_every_playlist_keeps_its_bytes() {
    for (name, body) in playlists() {
        let (imports, origin) = (imports(), origin(&name));
        for served in [
            served_at("/stream.m3u8"),
            served_at(&replay_path(&origin).unwrap()),
        ] {
            let place = Place {
                origin: &origin,
                served: &served,
                imports: &imports,
            };
            let kept = hls::rewrite(&body, &place, &|_| None);
            assert!(matches!(kept, Cow::Borrowed(_)), "{name}");
            assert_eq!(kept, body, "{name}");
        }
    }
}

#[test]
fn at_its_own_path_only_what_leads_away_is_replaced() {
    for (name, body) in playlists() {
        let (imports, origin) = (imports(), origin(&name));
        let served = served_at(&replay_path(&origin).unwrap());
        let place = Place {
            origin: &origin,
            served: &served,
            imports: &imports,
        };
        let mut list = String::new();
        for made in hls::replacements(&body, &place, &replay_path) {
            let old = body[made.span.clone()].escape_ascii();
            writeln!(list, "{} {old} → {}", made.span.start, made.text).unwrap();
        }
        assert_committed(&corpus().join(format!("{name}.replayed")), &list);
        let actual = rewritten(&body, &origin, &served, "");
        assert_eq!(
            actual.escape_ascii().to_string(),
            replayed_by_hand(&body, &list).escape_ascii().to_string(),
            "{name}"
        );
    }
}

/// Applies a list of replacements to `body`, checking that the old bytes stand there.
fn replayed_by_hand(body: &[u8], list: &str) -> Vec<u8> {
    let mut body = body.to_vec();
    for line in list.lines().rev() {
        let (offset, change) = line.split_once(' ').unwrap();
        let (old, new) = change.split_once(" → ").unwrap();
        let start: usize = offset.parse().unwrap();
        let end = (start..=body.len())
            .find(|&end| body[start..end].escape_ascii().to_string() == old)
            .unwrap_or_else(|| panic!("{old} does not stand at {offset}"));
        body.splice(start..end, new.bytes());
    }
    body
}

#[test]
fn wherever_it_is_served_every_uri_leads_into_the_replay() {
    for (name, body) in playlists() {
        let origin = origin(&name);
        let own = replay_path(&origin).unwrap();
        for (prefix, path) in [
            ("", own.clone()),
            (CLOCK, format!("{CLOCK}{own}")),
            ("", "/stream.m3u8".to_owned()),
            (
                CLOCK,
                format!("{CLOCK}/news/stream.m3u8?offset=120&token=other"),
            ),
        ] {
            let served = served_at(&path);
            let replayed = rewritten(&body, &origin, &served, prefix);
            assert_leads_into_replay(&name, (&body, &origin), (&replayed, &served), prefix);
        }
    }
}

fn assert_leads_into_replay(
    name: &str,
    (body, origin): (&[u8], &Url),
    (replayed, served): (&[u8], &Url),
    prefix: &str,
) {
    let (old, new): (Vec<_>, Vec<_>) = (hls::uris(body).collect(), hls::uris(replayed).collect());
    assert_eq!(old.len(), new.len(), "{name}");
    for (old, new) in old.into_iter().zip(new) {
        let (written, now) = (&body[old.span], &replayed[new.span]);
        let Some(wanted) = meant(body, origin, written) else {
            assert_eq!(written, now, "{name}: nothing to ask for over HTTP");
            continue;
        };
        let got = meant(replayed, served, now).unwrap();
        let shown = now.escape_ascii();
        assert_eq!(got.host_str(), Some("replay.test"), "{name}: {shown}");
        let path = format!("{prefix}{}", replay_path(&wanted).unwrap());
        assert_eq!(path_and_query(&got), path, "{name}: {shown}");
        assert_eq!(got.fragment(), wanted.fragment(), "{name}: {shown}");
        let begin = now.to_ascii_lowercase();
        let absolute = begin.starts_with(b"http:") || begin.starts_with(b"https:");
        assert!(!absolute && !begin.starts_with(b"//"), "{name}: {shown}");
    }
}

#[test]
fn the_kind_of_each_is_known() {
    let none = [
        "empty",
        "html",
        "json-error",
        "lone-cr",
        "no-extm3u",
        "utf16",
    ];
    for (name, body) in playlists() {
        let expected = match name.as_str() {
            name if none.contains(&name) => None,
            name if name.starts_with("multivariant") => Some(PlaylistKind::Multivariant),
            "content-steering" => Some(PlaylistKind::Multivariant),
            _ => Some(PlaylistKind::Media),
        };
        assert_eq!(playlist_kind(&body), expected, "{name}");
    }
}

#[test]
fn the_facts_of_each_are_known() {
    let mut all = String::new();
    for (name, body) in playlists() {
        let facts = match playlist_kind(&body) {
            None => "no playlist".to_owned(),
            Some(PlaylistKind::Multivariant) => multivariant_facts(&name, &body),
            Some(PlaylistKind::Media) => media_facts(&name, &body),
        };
        writeln!(all, "{name}: {facts}").unwrap();
    }
    assert_committed(&corpus().join("facts.txt"), &all);
}

fn multivariant_facts(name: &str, body: &[u8]) -> String {
    let playlist = hls::read_multivariant(body, &origin(name));
    let labels: Vec<_> = playlist
        .children
        .iter()
        .map(|child| child.label.as_str())
        .collect();
    format!(
        "{}; {} keys, {} data, {} refused",
        labels.join(" | "),
        playlist.keys.len(),
        playlist.data.len(),
        playlist.refused.len()
    )
}

fn media_facts(name: &str, body: &[u8]) -> String {
    let playlist = hls::read_media(body, &origin(name), &imports());
    let facts = &playlist.facts;
    let mut text = format!(
        "{} segments from {}, target {:?}",
        facts.segment_count, facts.media_sequence, facts.target_duration
    );
    if facts.ended {
        text += ", ended";
    }
    for entry in playlist.entries {
        let file = entry.url.path().rsplit('/').next().unwrap_or_default();
        write!(text, "; {:?} {file} {}", entry.role, entry.sequence).unwrap();
        if entry.last_use != entry.sequence {
            write!(text, "-{}", entry.last_use).unwrap();
        }
        if let Some(range) = entry.range {
            write!(text, " [{}+{}]", range.first, range.length).unwrap();
        }
        text += if entry.gap { " gap" } else { "" };
    }
    let count = playlist.refused.len();
    match count {
        0 => text,
        _ => format!("{text}; {count} refused"),
    }
}

/// The bare URI lines of `body`, as text.
fn bare_lines(body: &[u8]) -> Vec<String> {
    let bare = |role| matches!(role, UriRole::Segment | UriRole::Variant);
    hls::uris(body)
        .filter(|uri| bare(uri.role))
        .map(|uri| String::from_utf8_lossy(&body[uri.span]).into_owned())
        .collect()
}

#[test]
fn quick_m3u8_finds_the_same_lines() {
    use quick_m3u8::{HlsLine, Reader, config::ParsingOptionsBuilder};
    for (name, body) in playlists() {
        // It reads UTF-8 only, and takes a CR or white space before a `#` for a URI.
        let Ok(text) = std::str::from_utf8(&body) else {
            continue;
        };
        if ["doubled-cr", "leading-spaces", "lone-cr"].contains(&name.as_str()) {
            continue;
        }
        let options = ParsingOptionsBuilder::new().build();
        let mut reader = Reader::from_str(text.trim_start_matches('\u{FEFF}'), options);
        let mut theirs = Vec::new();
        loop {
            match reader.read_line() {
                Ok(Some(HlsLine::Uri(uri))) => theirs.push(uri.trim().to_owned()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => panic!("{name}: {error:?}"),
            }
        }
        theirs.retain(|uri| !uri.is_empty());
        assert_eq!(bare_lines(&body), theirs, "{name}");
    }
}

/// Media playlists in which m3u8-rs 6.0 finds other segments than there are, and why.
const M3U8_RS_MISREADS: [(&str, &str); 12] = [
    ("bom", "an error"),
    (
        "byterange-garbage",
        "what follows the number becomes a segment",
    ),
    ("comma-in-title", "what follows the comma becomes a segment"),
    ("doubled-cr", "no segments"),
    ("extm3u-with-attributes", "the attributes become a segment"),
    ("invalid-utf8-title", "no segments"),
    ("latin1-uri", "no segments"),
    ("leading-blank-lines", "an error"),
    ("lone-cr-in-title", "what follows the CR becomes a segment"),
    ("target-duration-fraction", "the fraction becomes a segment"),
    ("trailing-spaces", "the spaces are part of the URI"),
    ("unclosed-quote", "the rest of the line becomes a segment"),
];

#[test]
fn m3u8_rs_finds_the_same_segments_where_it_can_be_trusted() {
    let mut misread = Vec::new();
    for (name, body) in playlists() {
        if playlist_kind(&body) != Some(PlaylistKind::Media) {
            continue;
        }
        let theirs: Vec<_> = match m3u8_rs::parse_media_playlist(&body) {
            Ok((_, playlist)) => playlist.segments.into_iter().map(|s| s.uri).collect(),
            Err(_) => vec!["an error".to_owned()],
        };
        if bare_lines(&body) != theirs {
            misread.push(name);
        }
    }
    let known: Vec<_> = M3U8_RS_MISREADS.iter().map(|(name, _)| *name).collect();
    assert_eq!(misread, known);
}

#[test]
fn every_line_is_of_some_kind() {
    for (name, body) in playlists() {
        let spans: usize = hls::lines(&body).map(|line| line.span.len()).sum();
        assert_eq!(spans, body.len(), "{name}");
        let uris = hls::lines(&body).filter(|line| line.kind == LineKind::Uri);
        assert_eq!(uris.count(), bare_lines(&body).len(), "{name}");
    }
}

proptest! {
    #[test]
    fn mutated_playlists_are_read_and_kept(
        pick: prop::sample::Index,
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..9, "[,\"\n\r=:#@{}$/.]{0,3}|[0-9]{0,30}"),
            1..6,
        ),
    ) {
        let (name, mut body) = pick.get(&playlists().into_iter().collect::<Vec<_>>()).clone();
        for (at, length, new) in cuts {
            let start = at.index(body.len() + 1);
            let end = (start + length).min(body.len());
            body.splice(start..end, new.bytes());
        }
        let (origin, imports) = (origin(&name), imports());
        let _ = playlist_kind(&body);
        let _ = hls::read_multivariant(&body, &origin);
        let playlist = hls::read_media(&body, &origin, &imports);
        let first = playlist.facts.media_sequence;
        let index = |entry: &hls::Entry| entry.sequence.wrapping_sub(first);
        prop_assert!(playlist.entries.is_sorted_by_key(index));
        let place = Place { origin: &origin, served: &origin, imports: &imports };
        prop_assert_eq!(hls::rewrite(&body, &place, &|_| None), body.as_slice());
        let own = replay_path(&origin).unwrap();
        for (prefix, path) in [("", own.as_str()), (CLOCK, "/stream.m3u8")] {
            let served = served_at(path);
            let replayed = rewritten(&body, &origin, &served, prefix);
            assert_leads_into_replay(&name, (&body, &origin), (&replayed, &served), prefix);
        }
    }
}
