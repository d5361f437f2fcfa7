//! Interstitials: date ranges of a media playlist that name a list of assets or an asset, and what such a
//! list says (RFC 8216bis appendix D).

use std::collections::HashSet;

use memchr::memmem;
use serde::de::IgnoredAny;
use url::Url;

use crate::hls::playlist::media::segments::DATERANGE;
use crate::hls::steps::step;
use crate::hls::text::attributes::attributes;
use crate::hls::text::json::{strings, without_bom};
use crate::hls::text::resolve::{Refused, Resolver};
use crate::hls::text::scan::lines;
use crate::hls::text::variables::Variables;

/// Interstitials of one playlist that are read, the last ones.
const MOST_OF_PLAYLIST: usize = 1000;
/// Assets of one list that are read, the first ones. An ad break has a dozen.
const MOST_OF_LIST: usize = 64;
/// A longer ID is none, in bytes.
const LONGEST_ID: usize = 1024;

/// A date range that names what is played in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interstitial {
    /// Its ID; where it has none, the URL as it is written.
    pub id: String,
    /// Whether it names a list (X-ASSET-LIST), and not the asset (X-ASSET-URI).
    pub is_list: bool,
    /// What it names: http or https, without fragment, user and password.
    pub url: Url,
}

/// Interstitials, or the assets of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interstitials {
    /// In the order in which they are written, each ID once.
    pub named: Vec<Interstitial>,
    /// URIs that nobody can ask for; each once.
    pub refused: Vec<Refused>,
}

/// The interstitials of a media playlist. For the parameters see [`super::read_media`].
pub fn read_interstitials(body: &[u8], base: &Url, imports: &Variables) -> Interstitials {
    // Few playlists have any.
    if memmem::find(body, b"X-ASSET-").is_none() {
        return Interstitials::default();
    }
    let variables = Variables::read(body, base, imports);
    let mut resolver = Resolver::new(base, &variables);
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let tags = lines(body).filter_map(|line| line.tag());
    for tag in tags.filter(|tag| tag.name == DATERANGE.as_bytes()) {
        let (mut id, mut uri) = (&b""[..], None);
        for attribute in attributes(tag.value) {
            match attribute.name {
                b"ID" => id = attribute.value,
                b"X-ASSET-LIST" => uri = Some((true, attribute.value)),
                b"X-ASSET-URI" if uri.is_none() => uri = Some((false, attribute.value)),
                _ => {}
            }
        }
        let Some((is_list, uri)) = uri.filter(|(_, uri)| !uri.is_empty()) else {
            continue;
        };
        let id = if id.is_empty() { uri } else { id };
        let id = variables
            .substitute(&String::from_utf8_lossy(id))
            .into_owned();
        if id.len() > LONGEST_ID || !seen.insert(id.clone()) {
            continue;
        }
        step();
        found.push((id, is_list, uri));
    }
    // From the last one back: what is left out need not be resolved.
    let resolved = found.into_iter().rev().filter_map(|(id, is_list, uri)| {
        let url = resolver.request(uri)?;
        Some(Interstitial { id, is_list, url })
    });
    let mut named: Vec<Interstitial> = resolved.take(MOST_OF_PLAYLIST).collect();
    named.reverse();
    Interstitials {
        named,
        refused: resolver.into_refused(),
    }
}

/// What a list of assets names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssetList {
    /// The assets, in order; each once.
    pub assets: Vec<Url>,
    /// URIs that nobody can ask for; each once.
    pub refused: Vec<Refused>,
    /// Assets that are left out, since there are too many.
    pub left_out: usize,
}

/// Reads a list of assets; `None`: it is no JSON. `base` is the URL that answered, after redirects.
pub fn read_asset_list(body: &[u8], base: &Url) -> Option<AssetList> {
    serde_json::from_slice::<IgnoredAny>(without_bom(body)).ok()?;
    let variables = Variables::default();
    let mut resolver = Resolver::new(base, &variables);
    let mut list = AssetList::default();
    let mut seen = HashSet::new();
    let assets = strings(body)
        .filter(|s| s.name.as_deref() == Some("URI") && s.object.as_deref() == Some("ASSETS"));
    for asset in assets {
        if list.assets.len() >= MOST_OF_LIST {
            list.left_out += 1;
        } else if let Some(url) = resolver.request(asset.text.as_bytes())
            && seen.insert(url.clone())
        {
            list.assets.push(url);
        }
    }
    list.refused = resolver.into_refused();
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::{any_body, playlist_text, url};
    use proptest::prelude::*;

    fn read(body: &str) -> Interstitials {
        read_interstitials(
            body.as_bytes(),
            &url("https://h/live/p.m3u8?t=1"),
            &Variables::default(),
        )
    }

    #[test]
    fn date_ranges_name_lists_and_assets() {
        let found = read(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"ads\",VALUE=\"https://ads.example\"\n\
             #EXT-X-DATERANGE:ID=\"a\",X-ASSET-LIST=\"{$ads}/1.json?x=1\"\n\
             #EXT-X-DATERANGE:ID=\"b\",X-ASSET-URI=\"../b.m3u8#f\"\n\
             #EXT-X-DATERANGE:ID=\"b\",X-ASSET-URI=\"again.m3u8\"\n\
             #EXT-X-DATERANGE:ID=\"c\",SCTE35-OUT=0xFC\n\
             #EXT-X-DATERANGE:X-ASSET-LIST=\"no-id.json\"\n\
             #EXT-X-DATERANGE:ID=\"d\",X-ASSET-LIST=\"\"\n\
             #EXT-X-DATERANGE:ID=\"e\",X-ASSET-URI=\"u\",X-ASSET-LIST=\"l\"\n\
             #EXT-X-DATERANGE:ID=\"f\",X-ASSET-URI=\"file:///etc/passwd\"\n",
        );
        let told = found
            .named
            .iter()
            .map(|i| format!("{} {} {}", i.id, i.is_list, i.url));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                "a true https://ads.example/1.json?x=1",
                "b false https://h/b.m3u8",
                "no-id.json true https://h/live/no-id.json",
                "e true https://h/live/l",
            ]
        );
        assert_eq!(found.refused.len(), 1);
    }

    #[test]
    fn of_very_many_the_last_are_read() {
        let tags = (0..5000).map(|n| format!("#EXT-X-DATERANGE:ID=\"{n}\",X-ASSET-URI=\"{n}\"\n"));
        let found = read(&format!("#EXTM3U\n{}", tags.collect::<String>()));
        assert_eq!(found.named.len(), MOST_OF_PLAYLIST);
        assert_eq!(found.named.last().unwrap().id, "4999");
    }

    fn assets(body: &str) -> Option<(Vec<String>, usize, usize)> {
        let list = read_asset_list(body.as_bytes(), &url("https://ads.example/b/list.json?q"))?;
        let urls = list.assets.into_iter().map(String::from).collect();
        Some((urls, list.refused.len(), list.left_out))
    }

    #[test]
    fn a_list_names_assets_and_nothing_else() {
        let body = r#"{"ASSETS":[{"URI":"https:\/\/cdn.example\/a.m3u8","DURATION":15,
            "X-AD":{"tracking":["https://t.example/i"],"URI":"https://other.example/"}},
            {"URI":"c.m3u8"},{"URI":"c.m3u8"},{"URI":"javascript:alert(1)"}],"URI":"no"}"#;
        let urls = ["https://cdn.example/a.m3u8", "https://ads.example/b/c.m3u8"];
        assert_eq!(assets(body), Some((urls.map(str::to_owned).to_vec(), 1, 0)));
        assert_eq!(assets("<VAST/>"), None);
        assert_eq!(assets("\u{feff}[]"), Some((vec![], 0, 0)));
    }

    #[test]
    fn a_million_assets_are_a_number() {
        let many = (0..1_000_000).map(|n| format!("{{\"URI\":\"{n}\"}}"));
        let body = format!("{{\"ASSETS\":[{}]}}", many.collect::<Vec<_>>().join(","));
        let (urls, _, left_out) = assets(&body).unwrap();
        assert_eq!(
            (urls.len(), left_out),
            (MOST_OF_LIST, 1_000_000 - MOST_OF_LIST)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(body in any_body(), text in playlist_text()) {
            let base = url("https://h/a");
            for body in [&body[..], text.as_bytes()] {
                read_interstitials(body, &base, &Variables::default());
                read_asset_list(body, &base);
            }
        }
    }
}
