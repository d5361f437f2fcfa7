//! What a multivariant playlist says of the others. Pure.

use std::collections::HashMap;

use url::Url;

use crate::analysis::finding::Evidence;
use crate::analysis::rules::playlist::without_query;
use crate::hls::{LineKind, Tag, attributes, lines, read_multivariant};

/// Playlists of which something is remembered, of a stream.
const MOST: usize = 1024;
/// Longer values are cut, in characters.
const LONGEST: usize = 120;

/// What is said of a playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// A few words for people, such as `1280x720 2.5 Mbit/s`.
    pub label: String,
    /// BANDWIDTH, in bits per second.
    pub bandwidth: Option<u64>,
    /// AVERAGE-BANDWIDTH, in bits per second.
    pub average: Option<u64>,
    /// CODECS.
    pub codecs: Option<String>,
    /// RESOLUTION.
    pub resolution: Option<String>,
    /// FRAME-RATE.
    pub frame_rate: Option<String>,
    /// The multivariant playlist that said so first.
    pub said: Option<Evidence>,
}

impl Declared {
    /// Whether another one says the same.
    fn says_what(&self, other: &Self) -> bool {
        let other = Self {
            said: self.said,
            ..other.clone()
        };
        *self == other
    }
}

/// What is said of each playlist of a stream.
#[derive(Debug, Default)]
pub struct Declarations {
    by_url: HashMap<String, Declared>,
    /// By URL without query, since tokens change; `None`: several have that.
    by_path: HashMap<Vec<u8>, Option<String>>,
}

impl Declarations {
    /// Takes in a multivariant playlist, and where it came: what it says last counts.
    pub fn take(&mut self, text: &[u8], base: &Url, at: Evidence) {
        let mut said = HashMap::new();
        for (url, declared) in stream_infs(text, base) {
            // One playlist with several sets of renditions is listed several times.
            said.entry(url).or_insert(declared);
        }
        self.by_path.clear();
        for child in read_multivariant(text, base).children {
            let mut declared = Declared {
                label: child.label,
                ..said.remove(&child.url).unwrap_or_default()
            };
            let url = String::from(child.url);
            let before = self.by_url.get(&url);
            let same = before.filter(|before| before.says_what(&declared));
            declared.said = same.map_or(Some(at), |before| before.said);
            if self.by_url.len() >= MOST && !self.by_url.contains_key(&url) {
                return;
            }
            let path = without_query(url.as_bytes()).to_vec();
            let alone = !self.by_path.contains_key(&path);
            self.by_path.insert(path, alone.then(|| url.clone()));
            self.by_url.insert(url, declared);
        }
    }

    /// What is said of the playlist with a URL.
    pub fn of(&self, url: &str) -> Option<&Declared> {
        let same_path = || self.by_path.get(without_query(url.as_bytes()))?.as_ref();
        self.by_url
            .get(url)
            .or_else(|| self.by_url.get(same_path()?))
    }
}

/// What each EXT-X-STREAM-INF says, by the URL that it is of. Variables are not looked at.
pub fn stream_infs(text: &[u8], base: &Url) -> Vec<(Url, Declared)> {
    let mut all = Vec::new();
    let mut tag = None;
    for line in lines(text) {
        if let Some(found) = line.tag().filter(|tag| tag.name == b"#EXT-X-STREAM-INF") {
            tag = Some(found);
        } else if line.kind == LineKind::Uri
            && let Some(tag) = tag.take()
        {
            let (_, uri) = line.trimmed();
            let url = std::str::from_utf8(uri)
                .ok()
                .and_then(|uri| base.join(uri).ok());
            all.extend(url.map(|url| (url, stream_inf(tag))));
        }
    }
    all
}

fn stream_inf(tag: Tag<'_>) -> Declared {
    let value = |name: &[u8]| {
        let mut values = attributes(tag.value).filter(|attribute| attribute.name == name);
        let text = String::from_utf8_lossy(values.next()?.value);
        Some(text.trim().chars().take(LONGEST).collect::<String>())
    };
    let number = |name| value(name).and_then(|text| text.parse().ok());
    Declared {
        label: String::new(),
        bandwidth: number(b"BANDWIDTH"),
        average: number(b"AVERAGE-BANDWIDTH"),
        codecs: value(b"CODECS"),
        resolution: value(b"RESOLUTION"),
        frame_rate: value(b"FRAME-RATE"),
        said: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(exchange: i64) -> Evidence {
        Evidence {
            at_us: exchange,
            exchange: Some(exchange),
        }
    }

    #[test]
    fn where_it_was_said_first_is_known() {
        let base = Url::parse("http://localhost/main.m3u8").unwrap();
        let mut declarations = Declarations::default();
        let said = |declarations: &Declarations| {
            let declared = declarations.of("http://localhost/a.m3u8").unwrap();
            declared.said.and_then(|said| said.exchange)
        };
        for (exchange, bandwidth, first) in [(1, 5, 1), (2, 5, 1), (3, 6, 3), (4, 6, 3)] {
            let text = format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\na.m3u8\n");
            declarations.take(text.as_bytes(), &base, at(exchange));
            assert_eq!(said(&declarations), Some(first));
        }
    }

    #[test]
    fn a_variant_is_what_its_line_says() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",URI=\"en.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000\n\
            720.m3u8?t=1\n";
        let base = Url::parse("http://localhost/main.m3u8").unwrap();
        let mut declarations = Declarations::default();
        declarations.take(text.as_bytes(), &base, at(1));
        let high = declarations.of("http://localhost/720.m3u8?t=2").unwrap();
        assert_eq!(
            (high.bandwidth, high.average),
            (Some(900_000), Some(800_000))
        );
        assert_eq!(high.codecs.as_deref(), Some("avc1.64001f,mp4a.40.2"));
        assert_eq!(high.frame_rate.as_deref(), Some("25.000"));
        assert!(high.label.contains("1280x720"), "{}", high.label);
        let sound = declarations.of("http://localhost/en.m3u8").unwrap();
        assert!(sound.label.contains("en"), "{}", sound.label);
        assert_eq!(declarations.of("http://localhost/x.m3u8"), None);
    }

    #[test]
    fn variants_that_differ_by_their_query_are_told_apart() {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2,CODECS=\"avc1.4d401f\"\nlive.m3u8?r=hi\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\nlive.m3u8?r=lo\n";
        let base = Url::parse("http://localhost/main.m3u8").unwrap();
        let mut declarations = Declarations::default();
        declarations.take(text.as_bytes(), &base, at(1));
        let codecs = |url| declarations.of(url).and_then(|said| said.codecs.as_deref());
        assert_eq!(
            codecs("http://localhost/live.m3u8?r=hi"),
            Some("avc1.4d401f")
        );
        assert_eq!(codecs("http://localhost/live.m3u8?r=lo"), Some("mp4a.40.2"));
        assert_eq!(codecs("http://localhost/live.m3u8?r=me"), None);
    }
}
