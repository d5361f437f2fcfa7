//! Multivariant playlists: the playlists that they list, with labels for people
//! (RFC 8216bis 4.4.6).
//!
//! URLs come from our own scanner. Descriptions come from `m3u8-rs`; what it cannot read
//! gets a plainer label.

use std::collections::HashSet;

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, VariantStream};
use url::Url;

use crate::hls::names::resource_name;
use crate::hls::text::resolve::{Refused, Resolver};
use crate::hls::text::scan::{LineKind, UriRole, lines, uris_of_tag};
use crate::hls::text::variables::Variables;
use crate::shown::steers;

/// Labels are cut here, in characters.
const LONGEST_LABEL: usize = 80;

/// Longer lines, in bytes, are not described.
const LONGEST_DESCRIBED: usize = 16 * 1024;

/// What a child of a multivariant playlist is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChildRole {
    /// A variant stream (`EXT-X-STREAM-INF`).
    Variant,
    /// A rendition (`EXT-X-MEDIA`).
    Rendition,
    /// I-frames of a variant (`EXT-X-I-FRAME-STREAM-INF`).
    IFrame,
    /// Images, for previews (`EXT-X-IMAGE-STREAM-INF`).
    Image,
}

/// A media playlist that a multivariant playlist lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// What it is: where a URL is listed more than once, what it is first.
    pub role: ChildRole,
    /// Its URL, http or https; without fragment, user and password.
    pub url: Url,
    /// A few words for people, such as `1280x720 2.5 Mbit/s` or `audio en (English)`. Never
    /// empty, without control characters.
    pub label: String,
    /// What the label says without the URL; empty: it is made of the URL.
    pub described: String,
    /// RESOLUTION of a variant: its height in pixels.
    pub height: Option<u64>,
    /// BANDWIDTH of a variant, in bits per second; 0: it has none that can be read.
    pub bandwidth: u64,
    /// LANGUAGE of a rendition (RFC 5646).
    pub language: Option<String>,
    /// TYPE and GROUP-ID of a rendition that is seen or heard; empty: it is none.
    pub group: String,
}

/// What was read of a multivariant playlist. All URLs are as in [`Child`], each once, in the
/// order in which they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// The media playlists.
    pub children: Vec<Child>,
    /// Keys that are announced early (`EXT-X-SESSION-KEY`).
    pub keys: Vec<Url>,
    /// Session data (`EXT-X-SESSION-DATA`).
    pub data: Vec<Url>,
    /// URIs that nobody can ask for; each once.
    pub refused: Vec<Refused>,
    /// The variables that it defines, for its children to import.
    pub variables: Variables,
}

/// Reads a multivariant playlist. `base` is the URL that answered, after redirects.
pub fn read_multivariant(body: &[u8], base: &Url) -> MultivariantPlaylist {
    let variables = Variables::read(body, base, &Variables::default());
    let mut reader = Reader {
        resolver: Resolver::new(base, &variables),
        variables: &variables,
        playlist: MultivariantPlaylist::default(),
        seen: HashSet::new(),
    };
    let mut stream_inf = None;
    for line in lines(body) {
        let (_, text) = line.trimmed();
        if let Some(tag) = line.tag() {
            if tag.name == b"#EXT-X-STREAM-INF" {
                stream_inf = Some(text);
            }
            for uri in uris_of_tag(tag) {
                reader.uri(uri.role, body.get(uri.span).unwrap_or_default(), text);
            }
        } else if line.kind == LineKind::Uri
            && let Some(tag) = stream_inf.take()
        {
            reader.uri(UriRole::Variant, text, tag);
        }
    }
    let mut playlist = reader.playlist;
    playlist.refused = reader.resolver.into_refused();
    playlist.variables = variables;
    playlist
}

struct Reader<'a> {
    resolver: Resolver<'a>,
    variables: &'a Variables,
    playlist: MultivariantPlaylist,
    /// What is listed already: children whatever their role, other URLs by theirs.
    seen: HashSet<(Option<UriRole>, Url)>,
}

impl Reader<'_> {
    /// Takes in a URI and the line of the tag that says what it is.
    fn uri(&mut self, role: UriRole, written: &[u8], tag: &[u8]) {
        let child = match role {
            UriRole::Variant => Some(ChildRole::Variant),
            UriRole::Rendition => Some(ChildRole::Rendition),
            UriRole::IFrameVariant => Some(ChildRole::IFrame),
            UriRole::ImageVariant => Some(ChildRole::Image),
            UriRole::SessionKey | UriRole::SessionData => None,
            _ => return,
        };
        let Some(url) = self.resolver.request(written) else {
            return;
        };
        let key = child.is_none().then_some(role);
        if !self.seen.insert((key, url.clone())) {
            return;
        }
        match (child, role) {
            (Some(role), _) => {
                let Description {
                    words,
                    height,
                    bandwidth,
                    language,
                    group,
                } = description(tag).unwrap_or_default();
                let described = printable(&self.variables.substitute(&words));
                self.playlist.children.push(Child {
                    role,
                    label: label(&described, &url),
                    url,
                    described,
                    height,
                    bandwidth,
                    language: language.map(|text| printable(&self.variables.substitute(&text))),
                    group,
                });
            }
            (None, UriRole::SessionKey) => self.playlist.keys.push(url),
            (None, _) => self.playlist.data.push(url),
        }
    }
}

/// A label out of a description, or else out of the URL.
fn label(described: &str, url: &Url) -> String {
    if !described.is_empty() {
        return described.to_owned();
    }
    let name = resource_name(url);
    let last = name.rsplit('/').find(|part| !part.is_empty());
    match printable(last.unwrap_or_default()) {
        name if name.is_empty() => "playlist".to_owned(),
        name => name,
    }
}

/// `text` in one line, cut, without anything that steers a terminal or turns the direction
/// of writing around.
fn printable(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|&c| !steers(c))
        .take(LONGEST_LABEL)
        .collect();
    kept.trim().to_owned()
}

/// What the line of a tag says.
#[derive(Default)]
struct Description {
    words: String,
    height: Option<u64>,
    bandwidth: u64,
    language: Option<String>,
    group: String,
}

/// What `m3u8-rs` makes of the line of a tag. It is given each tag as a playlist of its own,
/// since one line that it cannot read costs it the whole playlist.
fn description(tag: &[u8]) -> Option<Description> {
    let tag = std::str::from_utf8(tag).ok()?;
    if tag.len() > LONGEST_DESCRIBED {
        return None;
    }
    if let Some(attributes) = tag.strip_prefix("#EXT-X-IMAGE-STREAM-INF") {
        // Unknown to the parser; the attributes are those of I-frames.
        let known = description(format!("#EXT-X-I-FRAME-STREAM-INF{attributes}").as_bytes())?;
        let words = known.words.replacen("iframe", "images", 1);
        return Some(Description { words, ..known });
    }
    let alone = format!("#EXTM3U\n{tag}\nuri\n");
    let playlist = m3u8_rs::parse_master_playlist_res(alone.as_bytes()).ok()?;
    if let Some(variant) = playlist.variants.first() {
        return Some(Description {
            words: variant_label(variant),
            height: variant.resolution.map(|size| size.height),
            bandwidth: variant.bandwidth,
            ..Description::default()
        });
    }
    let rendition = playlist.alternatives.first()?;
    Some(Description {
        words: rendition_label(rendition),
        language: rendition.language.clone(),
        group: group(rendition),
        ..Description::default()
    })
}

fn variant_label(variant: &VariantStream) -> String {
    let size = variant
        .resolution
        .map(|size| format!("{}x{}", size.width, size.height));
    if variant.is_i_frame {
        return format!("iframe {}", size.unwrap_or_else(|| rate(variant.bandwidth)));
    }
    let words = [size.unwrap_or_default(), rate(variant.bandwidth)];
    words.join(" ")
}

/// A bit rate in the unit that people use for it.
fn rate(bits_per_second: u64) -> String {
    match bits_per_second {
        0 => String::new(),
        // Rounded, as isreport says it.
        1..999_500 => format!(
            "{} kbit/s",
            bits_per_second.saturating_add(500).max(1000) / 1000
        ),
        // One decimal is all that is shown: the rounding of f64 does not matter.
        more => format!("{:.1} Mbit/s", more as f64 / 1e6),
    }
}

fn rendition_label(rendition: &AlternativeMedia) -> String {
    let mut label = rendition.media_type.to_string().to_lowercase();
    if let Some(language) = rendition.language.as_deref() {
        label = format!("{label} {language}");
    }
    if !rendition.name.is_empty() {
        label = format!("{label} ({})", rendition.name);
    }
    label
}

/// Subtitles that are not there stop no player.
fn group(rendition: &AlternativeMedia) -> String {
    match rendition.media_type {
        AlternativeMediaType::Audio | AlternativeMediaType::Video => {
            format!("{} {}", rendition.media_type, rendition.group_id)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::{any_body, playlist_text, url};
    use proptest::prelude::*;

    fn read(body: &str) -> MultivariantPlaylist {
        read_multivariant(body.as_bytes(), &url("https://h/live/main.m3u8?t=1"))
    }

    fn labels(body: &str) -> Vec<String> {
        read(body)
            .children
            .into_iter()
            .map(|c| format!("{} {}", c.url.path(), c.label))
            .collect()
    }

    #[test]
    fn children_have_labels_for_people() {
        let body = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,NAME=\"English\",LANGUAGE=\"en\",GROUP-ID=\"a\",\
            URI=\"en.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=SUBTITLES,NAME=\"De\u{1b}[31mutsch\u{202e}\",GROUP-ID=\"s\",\
            URI=\"de.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720,AUDIO=\"a\"\nhd.m3u8\r\n\
            #EXT-X-STREAM-INF:BANDWIDTH=128000\n audio.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\nhd.m3u8\n\
            #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360,URI=\"i.m3u8\"\n\
            #EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,RESOLUTION=160x90,CODECS=\"jpeg\",URI=\"img.m3u8\"\n";
        assert_eq!(
            labels(body),
            [
                "/live/en.m3u8 audio en (English)",
                "/live/de.m3u8 subtitles (De[31mutsch)",
                "/live/hd.m3u8 1280x720 2.5 Mbit/s",
                "/live/audio.m3u8 128 kbit/s",
                "/live/i.m3u8 iframe 640x360",
                "/live/img.m3u8 images 160x90",
            ]
        );
    }

    #[test]
    fn what_cannot_be_described_is_labelled_after_its_url() {
        assert_eq!(
            labels("\u{FEFF}#EXTM3U\n#EXT-X-STREAM-INF:\na/b%20c.m3u8\n#EXT-X-STREAM-INF:X\n/\n"),
            ["/live/a/b%20c.m3u8 b c.m3u8", "/ playlist"]
        );
    }

    #[test]
    fn keys_data_variables_and_refusals() {
        let playlist = read(
            "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n\
             #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n\
             #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n\
             #EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\"\n\
             #EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"k\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1\n{$t}.m3u8\nstray.m3u8\n",
        );
        assert_eq!(playlist.keys, [url("https://h/live/k")]);
        assert_eq!(playlist.data, [url("https://h/live/k")]);
        assert_eq!(playlist.refused.len(), 1);
        assert_eq!(playlist.children.len(), 1, "a stray line is no variant");
        assert_eq!(playlist.children[0].url, url("https://h/live/1.m3u8"));
        assert!(!playlist.variables.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(body in any_body(), text in playlist_text()) {
            for body in [&body[..], text.as_bytes()] {
                let playlist = read_multivariant(body, &url("https://h/a/p.m3u8?b=1"));
                let mut seen = HashSet::new();
                for child in playlist.children {
                    prop_assert!(seen.insert(child.url));
                    prop_assert!(!child.label.is_empty());
                    prop_assert!(!child.label.contains(char::is_control));
                }
            }
        }
    }
}
