//! H11 tls: what goes over http, where everybody can read and change it (HLS Authoring Specification 11).

use std::collections::{HashMap, HashSet};

use url::{Host, Url};

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::Kind;

/// Streams, and hosts, that are remembered.
const MOST: usize = 10_000;
/// Names that are of no public host (RFC 2606, RFC 6761, RFC 6762, RFC 8375, and what is in use).
const OWN: [&str; 9] = [
    "localhost",
    "local",
    "internal",
    "test",
    "example",
    "invalid",
    "lan",
    "home.arpa",
    "localdomain",
];

/// What is known of an authority, without parsing its URLs again and again.
#[derive(Debug, Clone, Copy)]
struct Place {
    is_public: bool,
    is_loopback: bool,
}

/// Streams whose multivariant playlist, or the one playlist that they have, came over https.
#[derive(Debug, Default)]
pub(super) struct Schemes {
    secure: HashSet<i64>,
    places: HashMap<String, Place>,
}

impl Schemes {
    pub(super) fn judge(&mut self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        let exchange = answered.exchange;
        if !answered.is_good() {
            return;
        }
        if exchange.url.starts_with("https:") {
            if exchange.kind == Kind::Main && self.secure.len() < MOST {
                self.secure.insert(exchange.stream_id);
            }
            return;
        }
        let Some(place) = self.place(&exchange.url) else {
            return;
        };
        let what = exchange.kind.one();
        if self.secure.contains(&exchange.stream_id) && !place.is_loopback {
            let text = format!(
                "{what} is at http, and the channel at https: browsers do not let a page load it ({})",
                exchange.url
            );
            out.push(Broken::new("H11", text).kind("mixed"));
        } else if place.is_public {
            let text = format!("{what} is at http: who stands between can read and change it");
            out.push(Broken::new("H11", text).kind("http"));
        }
    }

    fn place(&mut self, url: &str) -> Option<Place> {
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        if let Some(known) = self.places.get(authority) {
            return Some(*known);
        }
        let parsed = Url::parse(url).ok()?;
        let place = Place {
            is_public: is_public(&parsed),
            is_loopback: is_loopback(&parsed),
        };
        if self.places.len() >= MOST {
            self.places.clear();
        }
        self.places.insert(authority.to_owned(), place);
        Some(place)
    }
}

/// Browsers take it for secure.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A host of the internet, as far as its name tells: in a laboratory nobody needs certificates.
fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let is_own = |own: &&str| {
                let head = name.strip_suffix(*own);
                head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
            };
            name.contains('.') && !OWN.iter().any(is_own)
        }
        Some(Host::Ipv4(address)) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_loopback() || address.is_private() || address.is_link_local() || is_shared)
        }
        Some(Host::Ipv6(address)) => {
            !(address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.to_ipv4_mapped().is_some())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::{good, headers};

    fn kinds(all: &[(Kind, &str)]) -> Vec<&'static str> {
        let (mut schemes, mut out) = (Schemes::default(), Vec::new());
        for (kind, url) in all {
            let (exchange, fields) = (good(*kind, url), headers(&[]));
            schemes.judge(&Answered::new(&exchange, &fields), &mut out);
        }
        out.iter().map(|broken| broken.kind).collect()
    }

    #[test]
    fn a_public_channel_is_at_https() {
        assert_eq!(kinds(&[(Kind::Main, "http://cdn.tv/main.m3u8")]), ["http"]);
        for own in [
            "http://localhost:8080/",
            "http://127.0.0.1/",
            "http://10.1.2.3/",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://packager/",
            "http://a.local/",
            "http://100.64.0.1/",
            "https://cdn.tv/",
            "http://origin.example/",
        ] {
            let url = format!("{own}main.m3u8");
            assert_eq!(kinds(&[(Kind::Main, &url)]), [""; 0], "{own}");
        }
        assert_eq!(
            kinds(&[(Kind::Segment, "http://93.184.216.34/s1.ts")]),
            ["http"]
        );
        assert_eq!(
            kinds(&[(Kind::Segment, "http://notlocal.tv/s1.ts")]),
            ["http"]
        );
    }

    #[test]
    fn what_a_page_may_not_load_is_told_whatever_its_host() {
        let main = (Kind::Main, "https://cdn.tv/main.m3u8");
        assert_eq!(
            kinds(&[main, (Kind::Segment, "http://10.1.2.3/s1.ts")]),
            ["mixed"]
        );
        assert_eq!(
            kinds(&[main, (Kind::Segment, "https://10.1.2.3/s1.ts")]),
            [""; 0]
        );
        assert_eq!(
            kinds(&[main, (Kind::Segment, "http://localhost/s1.ts")]),
            [""; 0]
        );
    }
}
