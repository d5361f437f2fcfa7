//! The one place that says which URLs are asked for, and which of them get credentials.

use std::collections::BTreeSet;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::hls::LONGEST_URL;
use crate::recorder::settings::options::{Input, Options};

/// Why a URL is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Only http and https are.
    #[error("only http and https are followed")]
    Scheme,
    /// A redirect from https to http, which an eavesdropper could have made.
    #[error("it leads from https to http (--allow-downgrade follows it, without credentials)")]
    Downgrade,
    /// `http:///path`.
    #[error("it names no host")]
    NoHost,
    /// It is longer than what a replay answers.
    #[error("it is longer than 8 KiB")]
    TooLong,
}

/// The URL as it is sent: without fragment, user name and password.
pub(crate) fn admit(mut url: Url) -> Result<Url, Refusal> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::Scheme);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Refusal::NoHost);
    }
    url.set_fragment(None);
    // They cannot fail: the URL has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    match url.as_str().len() > LONGEST_URL {
        true => Err(Refusal::TooLong),
        false => Ok(url),
    }
}

/// The target of a redirect.
pub(crate) fn admit_redirect(
    from: &Url,
    location: &str,
    allow_downgrade: bool,
) -> Result<Url, Refusal> {
    let target = from.join(location).map_err(|_| Refusal::Scheme)?;
    let target = admit(target)?;
    if !allow_downgrade && is_downgrade(from, &target) {
        return Err(Refusal::Downgrade);
    }
    Ok(target)
}

/// Whether a redirect leads from https to http.
pub(crate) fn is_downgrade(from: &Url, target: &Url) -> bool {
    from.scheme() == "https" && target.scheme() == "http"
}

/// Whether a request goes without credentials: it is sent in the clear, and a redirect from https led to it.
pub(crate) fn is_without_credentials(url: &Url, downgraded: bool) -> bool {
    downgraded && url.scheme() != "https"
}

/// The user's own header fields, and the hosts that they were meant for.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    all: bool,
    /// `host` at any port, or `host:port`.
    hosts: BTreeSet<String>,
    /// Where the stream is.
    own: Option<Place>,
    /// Named with https: they are not sent in the clear.
    only_https: bool,
    fields: HeaderMap,
}

/// Host and port, as far as credentials are concerned: another port of a host may be another's,
/// while the usual ones of http and https are one place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    host: String,
    port: Option<u16>,
}

impl Place {
    fn from_url(url: &Url) -> Option<Self> {
        Some(Self {
            host: url.host_str()?.to_ascii_lowercase(),
            port: url.port(),
        })
    }
}

impl Credentials {
    /// The credentials of a stream. The command line has refused invalid header fields before.
    pub(crate) fn new(options: &Options, input: &Input) -> Self {
        let mut fields = HeaderMap::new();
        if let Some(basic) = basic(&input.url) {
            fields.insert(AUTHORIZATION, basic);
        }
        for given in [&options.headers, &input.headers] {
            replace(&mut fields, given);
        }
        Self {
            all: options.trusted.all,
            hosts: options.trusted.hosts.clone(),
            own: Place::from_url(&input.url),
            only_https: input.url.scheme() == "https",
            fields,
        }
    }

    /// The fields for a request to `url`: all of them or none.
    pub(crate) fn for_url(&self, url: &Url) -> HeaderMap {
        if self.may_go_to(url) {
            self.fields.clone()
        } else {
            HeaderMap::new()
        }
    }

    /// Whether what is the user's own may be sent to `url`.
    pub(crate) fn may_go_to(&self, url: &Url) -> bool {
        let place = Place::from_url(url);
        let named = place.as_ref().is_some_and(|place| {
            let port = url.port_or_known_default().unwrap_or_default();
            self.hosts.contains(&place.host)
                || self.hosts.contains(&format!("{}:{port}", place.host))
        });
        (self.all || named || place == self.own) && (url.scheme() == "https" || !self.only_https)
    }
}

/// Adds fields in the place of those that have their names.
fn replace(fields: &mut HeaderMap, given: &[(String, String)]) {
    let named = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        // Libraries that log header fields leave out values that are marked as sensitive.
        value.set_sensitive(true);
        (name != COOKIE).then_some((name, value))
    };
    let given: Vec<_> = given.iter().filter_map(named).collect();
    for (name, _) in &given {
        fields.remove(name);
    }
    for (name, value) in given {
        fields.append(name, value);
    }
}

fn basic(url: &Url) -> Option<HeaderValue> {
    use percent_encoding::percent_decode_str;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let user = percent_decode_str(url.username()).decode_utf8_lossy();
    let password = percent_decode_str(url.password().unwrap_or("")).decode_utf8_lossy();
    let mut value = HeaderValue::from_str(&format!(
        "Basic {}",
        base64(format!("{user}:{password}").as_bytes())
    ))
    .ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_http_and_https_are_admitted() {
        for refused in [
            "file:///etc/passwd",
            "data:text/plain,x",
            "ftp://h/x",
            "javascript:1",
            "skd://key",
        ] {
            assert_eq!(admit(url(refused)), Err(Refusal::Scheme), "{refused}");
        }
        assert_eq!(
            admit(url("https://user:pw@h/x#f")).unwrap().as_str(),
            "https://h/x"
        );
    }

    #[test]
    fn what_no_replay_could_answer_is_not_admitted() {
        let of = |bytes: usize| url(&format!("http://h/{}", "x".repeat(bytes - 9)));
        assert!(admit(of(LONGEST_URL)).is_ok());
        assert_eq!(admit(of(LONGEST_URL + 1)), Err(Refusal::TooLong));
        let with_fragment = format!("{}#f", of(LONGEST_URL));
        assert!(admit(url(&with_fragment)).is_ok(), "a fragment is not sent");
        let long = "y".repeat(LONGEST_URL);
        assert_eq!(admit_redirect(&of(20), &long, false), Err(Refusal::TooLong));
    }

    #[test]
    fn redirects_leave_https_only_where_the_user_allows_it() {
        let from = url("https://h/a");
        let to = |location, allow| admit_redirect(&from, location, allow);
        assert_eq!(to("http://h/b", false), Err(Refusal::Downgrade));
        assert!(Refusal::Downgrade.to_string().contains("--allow-downgrade"));
        assert_eq!(to("/b", false).unwrap().as_str(), "https://h/b");
        assert_eq!(to("file:///b", true), Err(Refusal::Scheme));
        assert_eq!(to("http://h/b", true).unwrap().as_str(), "http://h/b");
    }

    #[test]
    fn a_streams_own_field_takes_the_place_of_the_general_one() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let options = Options {
            headers: vec![
                field("Authorization", "A"),
                field("X-Two", "1"),
                field("X-Two", "2"),
            ],
            ..Options::default()
        };
        let mut input = Input::new(url("https://me:secret@h/x"));
        let sent = |input: &Input| {
            let fields = Credentials::new(&options, input).for_url(&input.url);
            let all = |name| fields.get_all(name).iter().cloned().collect::<Vec<_>>();
            (all("authorization"), all("x-two").len())
        };
        assert_eq!(sent(&input), (vec![HeaderValue::from_static("A")], 2));
        input.headers.push(field("authorization", "B"));
        assert_eq!(sent(&input), (vec![HeaderValue::from_static("B")], 2));
    }

    #[test]
    fn another_port_is_another_place() {
        let may = |typed: &str, trusted: &str, asked: &str| {
            let mut options = Options::default();
            options.trusted.hosts.insert(trusted.to_owned());
            Credentials::new(&options, &Input::new(url(typed))).may_go_to(&url(asked))
        };
        assert!(may("http://h:8080/", "", "http://h:8080/x"));
        assert!(!may("http://h:8080/", "", "http://h:8081/x"));
        assert!(!may("http://h:8080/", "", "http://h/x"));
        assert!(!may("http://h/", "", "http://h:22/x"));
        assert!(
            may("http://h/", "", "https://h/x"),
            "the usual ports are one place"
        );
        assert!(may("https://h:443/", "", "https://h/x"));
        assert!(!may("https://h/", "", "http://h/x"), "not in the clear");
        assert!(may("http://h:8080/", "h", "http://h:8081/x"));
        assert!(may("http://h:8080/", "h:8081", "http://h:8081/x"));
        assert!(!may("http://h:8080/", "h:8082", "http://h:8081/x"));
        assert!(may("https://h/", "c:443", "https://c/x"));
        assert!(may("http://[::1]:80/", "", "http://[::1]/x"));
    }

    #[test]
    fn credentials_go_to_named_hosts_only() {
        let mut input = Input::new(url("https://me:s%40cret@live.example/x"));
        input.headers.push(("X-Own".to_owned(), "o".to_owned()));
        let mut options = Options::default();
        options.headers.push(("X-Token".to_owned(), "t".to_owned()));
        let own = Credentials::new(&options, &input);
        let sent = own.for_url(&url("https://LIVE.example/seg.ts"));
        assert_eq!(sent.get("authorization").unwrap(), "Basic bWU6c0BjcmV0");
        assert_eq!(sent.get("x-token").unwrap(), "t");
        assert_eq!(sent.get("x-own").unwrap(), "o");
        assert!(own.for_url(&url("https://cdn.example/seg.ts")).is_empty());
        assert!(
            own.for_url(&url("http://live.example/seg.ts")).is_empty(),
            "not in the clear"
        );
        options.trusted.hosts.insert("cdn.example".to_owned());
        assert!(
            !Credentials::new(&options, &input)
                .for_url(&url("https://cdn.example/seg.ts"))
                .is_empty()
        );
        options.trusted.all = true;
        assert!(
            !Credentials::new(&options, &input)
                .for_url(&url("https://any.example/"))
                .is_empty()
        );
    }
}
