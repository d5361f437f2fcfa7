//! Content steering: the tag of a multivariant playlist (RFC 8216bis 4.4.6.6), and what a steering manifest
//! says (RFC 8216bis 7).

use std::collections::BTreeSet;
use std::time::Duration;

use memchr::memmem;
use serde::Deserialize;
use url::Url;

use crate::hls::text::attributes::attributes;
use crate::hls::text::json::{strings, without_bom};
use crate::hls::text::resolve::{Refused, Resolver};
use crate::hls::text::scan::lines;
use crate::hls::text::variables::Variables;

const TAG: &[u8] = b"#EXT-X-CONTENT-STEERING";
/// The pathway of variants that name none (RFC 8216bis 4.4.6.2).
const DEFAULT_PATHWAY: &str = ".";
/// Pathways that are read of one text. A service has two or three.
const MOST_PATHWAYS: usize = 256;
/// Longer names are none, in bytes.
const LONGEST_PATHWAY: usize = 256;

/// The tag, and what of the playlist matters to a steering server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteeringTag {
    /// SERVER-URI: http or https, without fragment, user and password.
    pub url: Url,
    /// The pathway that a player begins with.
    pub pathway: String,
    /// Those that variants are in.
    pub pathways: BTreeSet<String>,
    /// The greatest BANDWIDTH of a variant, in bits per second.
    pub bandwidth: u64,
}

/// The tag of a multivariant playlist, if it has one that can be followed; and what is refused. `base` is the
/// URL that answered, after redirects.
pub fn read_steering_tag(body: &[u8], base: &Url) -> (Option<SteeringTag>, Vec<Refused>) {
    // Few playlists have one.
    if memmem::find(body, TAG).is_none() {
        return (None, Vec::new());
    }
    let variables = Variables::read(body, base, &Variables::default());
    let mut resolver = Resolver::new(base, &variables);
    let (mut url, mut begins, mut first) = (None, None, None);
    let (mut pathways, mut bandwidth) = (BTreeSet::new(), 0);
    let said = |value: &[u8]| {
        variables
            .substitute(&String::from_utf8_lossy(value))
            .into_owned()
    };
    for tag in lines(body).filter_map(|line| line.tag()) {
        let value_of = |name: &[u8]| {
            attributes(tag.value)
                .find(|a| a.name == name)
                .map(|a| a.value)
        };
        if tag.name == TAG && url.is_none() {
            url = value_of(b"SERVER-URI").and_then(|uri| resolver.request(uri));
            begins = value_of(b"PATHWAY-ID").map(said);
        } else if tag.name == b"#EXT-X-STREAM-INF" && pathways.len() < MOST_PATHWAYS {
            let pathway = value_of(b"PATHWAY-ID").map_or(DEFAULT_PATHWAY.to_owned(), said);
            let rate =
                value_of(b"BANDWIDTH").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
            bandwidth = rate.unwrap_or(0).max(bandwidth);
            first = first.or_else(|| Some(pathway.clone()));
            pathways.insert(pathway);
        }
    }
    let is_short = |pathway: &String| pathway.len() <= LONGEST_PATHWAY;
    pathways.retain(is_short);
    let pathway = begins.filter(|begins| pathways.contains(begins));
    let tag = url.map(|url| SteeringTag {
        url,
        pathway: pathway
            .or(first.filter(is_short))
            .unwrap_or(DEFAULT_PATHWAY.to_owned()),
        pathways,
        bandwidth,
    });
    (tag, resolver.into_refused())
}

/// What a steering manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SteeringManifest {
    /// TTL: when it is to be asked for again.
    pub ttl: Option<Duration>,
    /// RELOAD-URI: where, if not where it came from.
    pub reload: Option<Url>,
    /// A RELOAD-URI that nobody can ask for.
    pub refused: Vec<Refused>,
    /// PATHWAY-PRIORITY.
    pub priority: Vec<String>,
    /// Pathways that it makes (PATHWAY-CLONES).
    pub clones: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Numbers {
    #[serde(rename = "TTL")]
    ttl: Option<f64>,
}

/// Reads a steering manifest; `None`: it is none. `base` is the URL that answered, after redirects.
pub fn read_steering(body: &[u8], base: &Url) -> Option<SteeringManifest> {
    let numbers: Numbers = serde_json::from_slice(without_bom(body)).ok()?;
    let variables = Variables::default();
    let mut resolver = Resolver::new(base, &variables);
    let mut manifest = SteeringManifest {
        ttl: numbers
            .ttl
            .and_then(|ttl| Duration::try_from_secs_f64(ttl).ok()),
        ..SteeringManifest::default()
    };
    for string in strings(body) {
        let names = (string.object.as_deref(), string.name.as_deref());
        let is_short = string.text.len() <= LONGEST_PATHWAY;
        match names {
            (None, Some("RELOAD-URI")) => {
                manifest.reload = resolver.request(string.text.as_bytes())
            }
            (None, Some("PATHWAY-PRIORITY"))
                if is_short && manifest.priority.len() < MOST_PATHWAYS =>
            {
                manifest.priority.push(string.text.into_owned());
            }
            (Some("PATHWAY-CLONES"), Some("ID"))
                if is_short && manifest.clones.len() < MOST_PATHWAYS =>
            {
                manifest.clones.insert(string.text.into_owned());
            }
            _ => {}
        }
    }
    manifest.refused = resolver.into_refused();
    Some(manifest)
}

/// Whether a parameter of a query is one of HLS, which says something of whoever asks (RFC 8216bis 6.2.5).
fn is_directive(parameter: &str) -> bool {
    parameter.starts_with("_HLS_")
}

/// A URL without the directives of HLS in its query.
pub fn without_directives(url: &Url) -> Url {
    let mut plain = url.clone();
    if let Some(query) = url
        .query()
        .filter(|query| query.split('&').any(is_directive))
    {
        let kept: Vec<&str> = query.split('&').filter(|p| !is_directive(p)).collect();
        let kept = kept.join("&");
        plain.set_query(
            Some(&kept)
                .filter(|kept| !kept.is_empty())
                .map(String::as_str),
        );
    }
    plain
}

/// The directives of HLS in the query of a URL, as they are written; `None`: it has none.
pub fn directives(url: &Url) -> Option<String> {
    let found = url.query()?.split('&').filter(|p| is_directive(p));
    let found: Vec<&str> = found.collect();
    (!found.is_empty()).then(|| found.join("&"))
}

/// A URL with these directives in its query, and no others.
pub fn with_directives(url: &Url, directives: &[(&str, &str)]) -> Url {
    let mut url = without_directives(url);
    let mut added = url::form_urlencoded::Serializer::new(String::new());
    let added = added.extend_pairs(directives).finish();
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{added}"),
        _ => added,
    };
    url.set_query(Some(&query));
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::{any_body, playlist_text, url};
    use proptest::prelude::*;

    fn tag(body: &str) -> Option<SteeringTag> {
        read_steering_tag(body.as_bytes(), &url("https://h/live/main.m3u8")).0
    }

    #[test]
    fn a_tag_says_where_players_begin() {
        let streams = "#EXT-X-STREAM-INF:BANDWIDTH=2,PATHWAY-ID=\"x\"\na\n\
            #EXT-X-STREAM-INF:BANDWIDTH=9,PATHWAY-ID=\"y\"\nb\n";
        let with = |attributes: &str| {
            tag(&format!(
                "#EXTM3U\n#EXT-X-CONTENT-STEERING:{attributes}\n{streams}"
            ))
        };
        let read = with("SERVER-URI=\"/s?a=1#f\",PATHWAY-ID=\"y\"").unwrap();
        assert_eq!(read.url, url("https://h/s?a=1"));
        assert_eq!((read.pathway.as_str(), read.bandwidth), ("y", 9));
        assert_eq!(read.pathways.len(), 2);
        assert_eq!(with("SERVER-URI=\"s\"").unwrap().pathway, "x");
        assert_eq!(
            with("SERVER-URI=\"s\",PATHWAY-ID=\"z\"").unwrap().pathway,
            "x"
        );
        assert_eq!(with("SERVER-URI=\"data:application/json,{}\""), None);
        assert_eq!(with("PATHWAY-ID=\"x\""), None);
        assert_eq!(tag("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"), None);
        let none = tag(
            "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"s\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n",
        );
        assert_eq!(none.unwrap().pathway, ".");
    }

    #[test]
    fn a_manifest_says_when_and_where_to_ask_again() {
        let read = |body: &str| read_steering(body.as_bytes(), &url("https://h/live/s?a=1"));
        let manifest = read(
            r#"{"VERSION":1,"TTL":1.5,"RELOAD-URI":"..\/r?b=2","PATHWAY-PRIORITY":["c","x"],
                "PATHWAY-CLONES":[{"BASE-ID":"x","ID":"c","URI-REPLACEMENT":{"HOST":"h2"}}]}"#,
        )
        .unwrap();
        assert_eq!(manifest.ttl, Some(Duration::from_millis(1500)));
        assert_eq!(manifest.reload, Some(url("https://h/r?b=2")));
        assert_eq!(manifest.priority, ["c", "x"]);
        assert_eq!(manifest.clones, BTreeSet::from(["c".to_owned()]));
        let none = read(r#"{"TTL":-1,"RELOAD-URI":"file:///etc/passwd"}"#).unwrap();
        assert_eq!((none.ttl, none.reload, none.refused.len()), (None, None, 1));
        for broken in ["", "{", "[]x", "{\"TTL\":\"soon\"}"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn directives_come_and_go_and_the_rest_of_a_query_stays() {
        let with = |text: &str| {
            with_directives(
                &url(text),
                &[("_HLS_pathway", "a b"), ("_HLS_throughput", "9")],
            )
        };
        let added = "_HLS_pathway=a+b&_HLS_throughput=9";
        assert_eq!(with("http://h/s").as_str(), format!("http://h/s?{added}"));
        assert_eq!(with("http://h/s?").as_str(), format!("http://h/s?{added}"));
        let signed = "http://h/s?x=%2f+1&_HLS_pathway=z&y";
        assert_eq!(
            with(signed).as_str(),
            format!("http://h/s?x=%2f+1&y&{added}")
        );
        assert_eq!(
            without_directives(&with(signed)).as_str(),
            "http://h/s?x=%2f+1&y"
        );
        assert_eq!(
            without_directives(&with("http://h/s")).as_str(),
            "http://h/s"
        );
        assert_eq!(
            without_directives(&url("http://h/s?")).as_str(),
            "http://h/s?"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(body in any_body(), text in playlist_text()) {
            for body in [&body[..], text.as_bytes()] {
                read_steering_tag(body, &url("https://h/a"));
                read_steering(body, &url("https://h/a"));
            }
        }
    }
}
