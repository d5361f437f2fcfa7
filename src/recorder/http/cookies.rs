//! Cookies of a stream: the user's own, where credentials may go; those of origins, to the host
//! that set them. Where a redirect led from https to http, only what was set in the clear goes there.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::HeaderValue;
use reqwest::cookie::{CookieStore, Jar};
use url::Url;

use crate::recorder::admission::admit::{Credentials, is_without_credentials};
use crate::recorder::settings::limits::{MAX_COOKIE_BYTES, MAX_COOKIE_HOSTS, MAX_COOKIES};
use crate::recorder::settings::options::{Input, Options};

/// The cookies of a stream.
#[derive(Debug)]
pub(crate) struct Cookies {
    /// `name=value`.
    own: Vec<String>,
    credentials: Credentials,
    /// By the host that set them.
    of_origins: Mutex<HashMap<String, OfHost>>,
}

/// What one host has set.
#[derive(Debug, Default)]
struct OfHost {
    jar: Jar,
    /// What of it was set in the clear: an eavesdropper knows it.
    clear: Jar,
    /// Which there are, to bound them.
    known: HashSet<String>,
    /// Credentials may go there: then its cookies may go to other such hosts, where their Domain
    /// says so.
    trusted: bool,
}

impl Cookies {
    pub(crate) fn new(options: &Options, input: &Input, credentials: Credentials) -> Self {
        let is_cookie = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("cookie");
        let fields = input
            .headers
            .iter()
            .filter(is_cookie)
            .map(|(_, value)| value);
        let texts = options.cookies.iter().chain(fields);
        let pairs = texts.flat_map(|text| text.split(';'));
        let own = pairs.map(str::trim).filter(|pair| !pair.is_empty());
        Self {
            own: own.map(str::to_owned).collect(),
            credentials,
            of_origins: Mutex::default(),
        }
    }

    fn of_origins(&self) -> MutexGuard<'_, HashMap<String, OfHost>> {
        self.of_origins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the Set-Cookie fields of an answer.
    pub(crate) fn set<'a>(&self, fields: impl Iterator<Item = &'a HeaderValue>, url: &Url) {
        let mut fields = fields.peekable();
        let Some(host) = url.host_str().filter(|_| fields.peek().is_some()) else {
            return;
        };
        let mut all = self.of_origins();
        if all.len() >= MAX_COOKIE_HOSTS && !all.contains_key(host) {
            return;
        }
        let of_host = all.entry(host.to_owned()).or_default();
        of_host.trusted = self.credentials.may_go_to(url);
        let OfHost {
            jar, clear, known, ..
        } = of_host;
        let taken: Vec<&HeaderValue> = fields.filter(|field| is_taken(field, known)).collect();
        jar.set_cookies(&mut taken.iter().copied(), url);
        if url.scheme() != "https" {
            clear.set_cookies(&mut taken.into_iter(), url);
        }
    }

    /// Those of origins for a request to `url`: what its own host set, and among hosts that the user
    /// trusts what they set for it.
    fn set_for(&self, url: &Url, is_stripped: bool) -> Vec<String> {
        let trusted = self.credentials.may_go_to(url) && !is_stripped;
        let all = self.of_origins();
        let may = |(host, set): &(&String, &OfHost)| {
            Some(host.as_str()) == url.host_str() || (trusted && set.trusted)
        };
        let values = all
            .iter()
            .filter(may)
            .filter_map(|(_, set)| match is_stripped {
                true => set.clear.cookies(url),
                false => set.jar.cookies(url),
            });
        let texts = values.filter_map(|value| Some(value.to_str().ok()?.to_owned()));
        let pairs = texts.flat_map(|text| text.split("; ").map(str::to_owned).collect::<Vec<_>>());
        pairs.filter(|pair| !pair.is_empty()).collect()
    }

    /// What a request to `url` says in its Cookie field. A cookie that the origin gave a new value is
    /// sent with that one. `downgraded`: a redirect led there from https to http.
    pub(crate) fn for_url(&self, url: &Url, downgraded: bool) -> Option<HeaderValue> {
        let is_stripped = is_without_credentials(url, downgraded);
        let set = self.set_for(url, is_stripped);
        let own = match self.credentials.may_go_to(url) && !is_stripped {
            true => self.own.as_slice(),
            false => &[],
        };
        let is_set = |own: &str| set.iter().any(|pair| name(pair) == name(own));
        let own = own.iter().map(String::as_str).filter(|own| !is_set(own));
        let all: Vec<&str> = own.chain(set.iter().map(String::as_str)).collect();
        if all.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_str(&all.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Whether a Set-Cookie field is taken: neither too large, nor one too many.
fn is_taken(field: &HeaderValue, known: &mut HashSet<String>) -> bool {
    let Ok(text) = field.to_str() else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default();
    // RFC 6265 5.3: name, domain and path make a cookie.
    let is_identity = |part: &&str| {
        let name = name(part).trim();
        name.eq_ignore_ascii_case("path") || name.eq_ignore_ascii_case("domain")
    };
    let rest: Vec<&str> = parts.filter(is_identity).collect();
    let identity = format!("{};{}", name(pair), rest.join(";"));
    if pair.len() > MAX_COOKIE_BYTES || identity.len() > MAX_COOKIE_BYTES {
        return false;
    }
    known.contains(&identity) || (known.len() < MAX_COOKIES && known.insert(identity))
}

fn name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(url: &str, trusted: &str) -> Cookies {
        let input = Input::new(Url::parse(url).unwrap());
        let mut options = Options {
            cookies: vec!["a=1; b=2".to_owned(), "c=3;".to_owned()],
            ..Options::default()
        };
        options.trusted.all = trusted == "*";
        let credentials = Credentials::new(&options, &input);
        Cookies::new(&options, &input, credentials)
    }

    fn sent(cookies: &Cookies, url: &str) -> Option<String> {
        sent_after(cookies, url, false)
    }

    fn sent_after(cookies: &Cookies, url: &str, downgraded: bool) -> Option<String> {
        let value = cookies.for_url(&Url::parse(url).unwrap(), downgraded)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_was_set_over_tls_stays_there_where_a_redirect_left_it() {
        let jar = cookies("http://live.example/x", "*");
        set(&jar, "https://live.example/x", "over_tls=1; Path=/");
        set(&jar, "http://live.example/x", "in_the_clear=1; Path=/");
        let url = "http://live.example/y";
        let sent = sent_after(&jar, url, true);
        assert_eq!(sent.as_deref(), Some("in_the_clear=1"));
        let sent = super::tests::sent(&jar, url).unwrap();
        assert!(
            sent.contains("over_tls=1") && sent.contains("a=1"),
            "{sent}"
        );
        let sent = sent_after(&jar, "https://live.example/y", true).unwrap();
        assert!(
            sent.contains("over_tls=1") && sent.contains("a=1"),
            "{sent}"
        );
    }

    #[test]
    fn the_users_cookies_go_where_credentials_may_go() {
        let own = cookies("https://live.example/x", "");
        assert_eq!(
            sent(&own, "https://live.example/y").as_deref(),
            Some("a=1; b=2; c=3")
        );
        assert_eq!(sent(&own, "https://cdn.example/y"), None);
        assert_eq!(
            sent(&own, "http://live.example/y"),
            None,
            "not in the clear"
        );
        let all = cookies("https://live.example/x", "*");
        assert_eq!(
            sent(&all, "https://cdn.example/y").as_deref(),
            Some("a=1; b=2; c=3")
        );
    }

    #[test]
    fn an_origins_cookies_come_back_to_it_and_may_replace_the_users() {
        let jar = cookies("http://live.example/x", "");
        let url = Url::parse("http://live.example/x").unwrap();
        let fields = [
            HeaderValue::from_static("b=9; Path=/"),
            HeaderValue::from_static("sid=7; Path=/"),
        ];
        jar.set(fields.iter(), &url);
        let mut pairs: Vec<String> = sent(&jar, "http://live.example/y")
            .unwrap()
            .split("; ")
            .map(str::to_owned)
            .collect();
        pairs.sort();
        assert_eq!(pairs, ["a=1", "b=9", "c=3", "sid=7"]);
        assert_eq!(sent(&jar, "http://cdn.example/y"), None);
    }

    fn set(cookies: &Cookies, url: &str, field: &str) {
        let field = HeaderValue::from_str(field).unwrap();
        cookies.set([&field].into_iter(), &Url::parse(url).unwrap());
    }

    #[test]
    fn what_one_host_set_goes_to_no_other_unless_both_are_trusted() {
        let url = "http://live.evil.example/x";
        let wide = "sid=7; Path=/; Domain=example";
        let wider = "sid=7; Path=/; Domain=evil.example";
        for (trusted, field, sent_there) in [
            ("", wide, None),
            ("", wider, None),
            ("*", wider, Some("sid=7")),
        ] {
            let jar = cookies(url, trusted);
            set(&jar, url, field);
            let sent = sent(&jar, "http://cdn.evil.example/y");
            let sid = sent
                .as_deref()
                .and_then(|s| s.split("; ").find(|p| name(p) == "sid"));
            assert_eq!(sid, sent_there, "{trusted} {field}");
        }
    }

    #[test]
    fn a_host_sets_a_bounded_number_of_cookies() {
        let url = "http://live.example/x";
        let jar = cookies(url, "");
        for n in 0..1000 {
            set(&jar, url, &format!("c{n}=1; Path=/"));
            set(&jar, url, &format!("c=1; Path=/x/{n}"));
        }
        set(&jar, url, "c0=2; Path=/");
        let sent = super::tests::sent(&jar, url).unwrap();
        assert!(sent.split("; ").count() <= MAX_COOKIES + 3, "{sent}");
        assert!(sent.contains("c0=2"), "known ones still change");
    }

    #[test]
    fn a_cookie_that_is_too_large_is_not_taken() {
        let long = "x".repeat(MAX_COOKIE_BYTES);
        let url = format!("http://live.example/{long}/y");
        let jar = cookies(&url, "");
        set(&jar, &url, &format!("value={long}; Path=/"));
        set(&jar, &url, &format!("path=1; Path=/{long}"));
        assert_eq!(sent(&jar, &url).as_deref(), Some("a=1; b=2; c=3"));
    }

    #[test]
    fn a_bounded_number_of_hosts_sets_cookies() {
        let jar = cookies("http://live.example/x", "");
        for n in 0..MAX_COOKIE_HOSTS + 10 {
            set(&jar, &format!("http://h{n}.example/x"), "c=1; Path=/");
        }
        assert_eq!(jar.of_origins().len(), MAX_COOKIE_HOSTS);
        set(&jar, "http://h0.example/x", "c=2; Path=/");
        let known = sent(&jar, "http://h0.example/x");
        assert_eq!(known.as_deref(), Some("c=2"), "known ones still may");
    }
}
