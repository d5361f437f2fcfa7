//! Cookies of a stream: the user's own, where credentials may go; those of origins, where they
//! belong.

use http::header::HeaderValue;
use reqwest::cookie::{CookieStore, Jar};
use url::Url;

use super::admit::Credentials;
use super::options::{Input, Options};

/// The cookies of a stream.
#[derive(Debug)]
pub(super) struct Cookies {
    /// `name=value`.
    own: Vec<String>,
    credentials: Credentials,
    of_origins: Jar,
}

impl Cookies {
    pub(super) fn new(options: &Options, input: &Input, credentials: Credentials) -> Self {
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
            of_origins: Jar::default(),
        }
    }
}

impl Cookies {
    /// Takes in the Set-Cookie fields of an answer.
    pub(super) fn set<'a>(&self, mut fields: impl Iterator<Item = &'a HeaderValue>, url: &Url) {
        let fields: &mut dyn Iterator<Item = &HeaderValue> = &mut fields;
        self.of_origins.set_cookies(fields, url);
    }

    /// What a request to `url` says in its Cookie field. A cookie that the origin gave a new value is
    /// sent with that one.
    pub(super) fn for_url(&self, url: &Url) -> Option<HeaderValue> {
        let set = self.of_origins.cookies(url);
        let set = set.as_ref().and_then(|v| v.to_str().ok()).unwrap_or("");
        let set: Vec<&str> = set.split("; ").filter(|pair| !pair.is_empty()).collect();
        let own = match self.credentials.may_go_to(url) {
            true => self.own.as_slice(),
            false => &[],
        };
        let is_set = |own: &str| set.iter().any(|pair| name(pair) == name(own));
        let own = own.iter().map(String::as_str).filter(|own| !is_set(own));
        let all: Vec<&str> = own.chain(set.iter().copied()).collect();
        match all.is_empty() {
            true => None,
            false => HeaderValue::from_str(&all.join("; ")).ok(),
        }
    }
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
        let value = cookies.for_url(&Url::parse(url).unwrap())?;
        Some(value.to_str().unwrap().to_owned())
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
}
