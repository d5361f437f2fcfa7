//! How far a request may go: who named its URL decides whether it may lead to addresses that are
//! not public.
//!
//! A user may name anything. A playlist or a redirect from a public address may name public
//! addresses only: else any origin could make the recorder ask what stands behind the user's
//! firewall. What came from a private address may name others.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use super::address::{is_public, special};
use crate::recorder::settings::options::Options;

/// How far a request may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// To any address.
    #[default]
    Any,
    /// To public addresses.
    Public,
}

/// The address that a URL has instead of a name, in whatever spelling it was written.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(v4) => Some(v4.into()),
        Host::Ipv6(v6) => Some(v6.into()),
        Host::Domain(_) => None,
    }
}

/// What keeps `url` out of `reach`, as far as the URL itself says: names are looked at when they are
/// resolved.
pub(crate) fn out_of_reach(url: &Url, reach: Reach) -> Option<&'static str> {
    match reach {
        Reach::Any => None,
        Reach::Public => literal(url).and_then(special),
    }
}

/// Names that mean the machine itself (RFC 6761 6.3), also the proxy's that resolves them.
fn local_name(url: &Url) -> Option<&'static str> {
    let name = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    (name == "localhost" || name.ends_with(".localhost")).then_some("loopback")
}

/// A proxy, with its port.
fn place(proxy: &Url) -> String {
    const SOCKS: u16 = 1080;
    let host = proxy.host_str().unwrap_or_default().to_ascii_lowercase();
    let port = proxy.port_or_known_default().unwrap_or(SOCKS);
    format!("{host}:{port}")
}

/// Which requests go through a proxy: it, and not the recorder, finds out where their hosts are.
pub(crate) struct Proxies {
    all: Option<String>,
    /// The same with its port.
    place: Option<String>,
    environment: Matcher,
}

impl Proxies {
    pub(crate) fn new(options: &Options) -> Self {
        let host = |url: &Url| url.host_str().unwrap_or_default().to_ascii_lowercase();
        Self {
            all: options.proxy.as_ref().map(host),
            place: options.proxy.as_ref().map(place),
            environment: Matcher::from_env(),
        }
    }

    /// The host of the proxy for `url`.
    pub(crate) fn proxy_host(&self, url: &Url) -> Option<String> {
        if let Some(host) = &self.all {
            return Some(host.clone());
        }
        let uri: Uri = url.as_str().parse().ok()?;
        let proxy = self.environment.intercept(&uri)?;
        Some(proxy.uri().host()?.to_ascii_lowercase())
    }

    /// The proxy for `url`, with its port, for people.
    pub(crate) fn proxy_place(&self, url: &Url) -> Option<String> {
        if let Some(proxy) = &self.place {
            return Some(proxy.clone());
        }
        let uri: Uri = url.as_str().parse().ok()?;
        let proxy = self.environment.intercept(&uri)?;
        Some(place(&Url::parse(&proxy.uri().to_string()).ok()?))
    }

    /// Whether `url` is asked for without a proxy.
    pub(crate) fn is_direct(&self, url: &Url) -> bool {
        self.proxy_host(url).is_none()
    }

    /// As [`out_of_reach`], and of names that a proxy would resolve those that are known.
    pub(crate) fn out_of_reach(&self, url: &Url, reach: Reach) -> Option<&'static str> {
        let by_name = || match self.proxy_host(url) {
            Some(_) if reach == Reach::Public => local_name(url),
            _ => None,
        };
        out_of_reach(url, reach).or_else(by_name)
    }

    /// Names of proxies: the user named them.
    pub(crate) fn names(&self) -> Vec<String> {
        let any = ["http://proxied.invalid/", "https://proxied.invalid/"];
        let urls = any.into_iter().filter_map(|url| Url::parse(url).ok());
        urls.filter_map(|url| self.proxy_host(&url)).collect()
    }

    /// Whether what answered for `url` from `peer` is public. Where a name went through a proxy
    /// nobody knows; then it is taken for public, which is the safe side.
    pub(crate) fn is_public(&self, url: &Url, peer: Option<SocketAddr>) -> bool {
        let address = match self.proxy_host(url) {
            None => peer.map(|peer| peer.ip()).or_else(|| literal(url)),
            Some(_) => literal(url),
        };
        address.is_none_or(is_public)
    }

    /// Whether `url` leads to a proxy itself, whose name may be resolved to any address.
    pub(crate) fn leads_to_one(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        self.proxy_host(url).is_none() && self.names().iter().any(|name| name == host)
    }
}

impl std::fmt::Debug for Proxies {
    /// Without the environment: proxies have passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxies").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// Each of them is an address of this machine or of the network around it.
    const SPELLINGS: [&str; 16] = [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://0/",
    ];

    #[test]
    fn an_address_is_known_in_any_spelling() {
        for spelling in SPELLINGS {
            let url = url(spelling);
            assert!(out_of_reach(&url, Reach::Public).is_some(), "{spelling}");
            assert_eq!(out_of_reach(&url, Reach::Any), None, "{spelling}");
        }
        assert_eq!(
            out_of_reach(&url("http://93.184.216.34/"), Reach::Public),
            None
        );
        assert_eq!(
            out_of_reach(&url("http://localhost/"), Reach::Public),
            None,
            "its addresses are looked at when it is resolved"
        );
    }

    #[test]
    fn a_proxy_is_not_asked_for_what_means_itself() {
        let proxy = Some(url("http://192.0.2.1:3128/"));
        let options = Options {
            proxy,
            ..Options::default()
        };
        let proxies = Proxies::new(&options);
        for name in ["http://localhost:8080/", "http://a.LOCALHOST./"] {
            assert!(
                proxies.out_of_reach(&url(name), Reach::Public).is_some(),
                "{name}"
            );
            assert_eq!(proxies.out_of_reach(&url(name), Reach::Any), None);
        }
        let other = url("http://localhost.example/");
        assert_eq!(proxies.out_of_reach(&other, Reach::Public), None);
    }

    #[test]
    fn behind_a_proxy_only_addresses_are_known() {
        let options = Options {
            proxy: Some(url("http://proxy.example:3128")),
            ..Options::default()
        };
        let proxies = Proxies::new(&options);
        let peer = Some("127.0.0.1:3128".parse().unwrap());
        assert!(proxies.is_public(&url("http://live.example/"), peer));
        assert!(!proxies.is_public(&url("http://10.0.0.1/"), peer));
        assert_eq!(proxies.names(), ["proxy.example", "proxy.example"]);
        assert!(
            !proxies.leads_to_one(&url("http://proxy.example/")),
            "that goes to it as a proxy"
        );
    }

    #[test]
    fn without_one_the_peer_says_it() {
        let proxies = Proxies {
            all: None,
            place: None,
            environment: Matcher::builder()
                .http("http://proxy.example:3128")
                .no("hall.example")
                .build(),
        };
        let inside = Some("192.168.1.5:80".parse().unwrap());
        let outside = Some("93.184.216.34:80".parse().unwrap());
        assert!(!proxies.is_public(&url("http://hall.example/"), inside));
        assert!(proxies.is_public(&url("http://hall.example/"), outside));
        assert!(proxies.is_public(&url("http://live.example/"), inside));
    }
}
