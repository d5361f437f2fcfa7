//! The HTTP clients of a recording. `fetch` is the only other place that uses reqwest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::cookie::{CookieStore, Jar};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy};
use url::Url;

use super::admit::Credentials;
use super::classify::Unresolved;
use super::options::{Options, TlsOptions};

/// Why there is no client: something the user gave is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has something else in it.
    #[error("{path} holds no {what} in PEM form", path = .path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// The proxy cannot be used.
    #[error("--proxy {url}: {source}")]
    Proxy {
        /// Which.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Anything else.
    #[error("cannot set up the HTTP client: {0}")]
    Other(reqwest::Error),
}

/// Two clients, so that a slow download never shares a connection with a poll.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub polls: Client,
    pub downloads: Client,
}

impl Clients {
    /// Makes the clients of a recording; they share cookies.
    pub(super) fn new(options: &Options, credentials: &Credentials) -> Result<Self, ClientError> {
        // It fails where one is installed already: just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let jar = Arc::new(Cookies::new(options, credentials.clone()));
        Ok(Self {
            polls: client(options, &jar)?,
            downloads: client(options, &jar)?,
        })
    }
}

fn client(options: &Options, jar: &Arc<Cookies>) -> Result<Client, ClientError> {
    let builder = builder(options, jar)?;
    match builder.build() {
        Err(_) if options.tls.cacert.is_none() => {
            // A host without any trust store can still record http, and https of public authorities.
            builder_with_bundled_roots(options, jar)?
                .build()
                .map_err(ClientError::Other)
        }
        built => built.map_err(ClientError::Other),
    }
}

fn builder(options: &Options, jar: &Arc<Cookies>) -> Result<ClientBuilder, ClientError> {
    let agent = options
        .user_agent
        .as_deref()
        .unwrap_or(concat!("isrecorder/", env!("CARGO_PKG_VERSION")));
    let mut always = HeaderMap::new();
    always.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let mut builder = Client::builder()
        .user_agent(agent)
        .default_headers(always)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_nodelay(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .cookie_provider(Arc::clone(jar))
        .dns_resolver(Resolver);
    for pin in &options.pins {
        builder = builder.resolve(&pin.host, pin.address);
    }
    if let Some(proxy) = &options.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(|source| ClientError::Proxy {
            url: without_password(proxy),
            source,
        })?;
        builder = builder.proxy(proxy);
    }
    tls(builder, &options.tls)
}

fn builder_with_bundled_roots(
    options: &Options,
    jar: &Arc<Cookies>,
) -> Result<ClientBuilder, ClientError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok());
    Ok(builder(options, jar)?.tls_certs_only(roots))
}

fn tls(mut builder: ClientBuilder, options: &TlsOptions) -> Result<ClientBuilder, ClientError> {
    if options.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if let Some(path) = &options.cacert {
        let roots = Certificate::from_pem_bundle(&read(path)?)
            .ok()
            .filter(|roots| !roots.is_empty())
            .ok_or_else(|| ClientError::Pem {
                path: path.clone(),
                what: "certificate",
            })?;
        builder = builder.tls_certs_only(roots);
    }
    if let Some(path) = &options.cert {
        let mut pem = read(path)?;
        if let Some(key) = &options.key {
            pem.push(b'\n');
            pem.extend(read(key)?);
        }
        let identity = Identity::from_pem(&pem).map_err(|_| ClientError::Pem {
            path: path.clone(),
            what: "certificate and key",
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    fs::read(path).map_err(|source| ClientError::File {
        path: path.to_owned(),
        source,
    })
}

/// The user's own cookies, where credentials may go; those of origins, where they belong.
#[derive(Debug)]
struct Cookies {
    /// `name=value`.
    own: Vec<String>,
    credentials: Credentials,
    of_origins: Jar,
}

impl Cookies {
    fn new(options: &Options, credentials: Credentials) -> Self {
        let pairs = options.cookies.iter().flat_map(|c| c.split(';'));
        let own = pairs.map(str::trim).filter(|pair| !pair.is_empty());
        Self {
            own: own.map(str::to_owned).collect(),
            credentials,
            of_origins: Jar::default(),
        }
    }
}

impl CookieStore for Cookies {
    fn set_cookies(&self, fields: &mut dyn Iterator<Item = &HeaderValue>, url: &Url) {
        self.of_origins.set_cookies(fields, url);
    }

    /// A cookie that the origin gave a new value is sent with that one.
    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
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

fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    // It fails for URLs that cannot have one.
    let _ = url.set_password(None);
    url.to_string()
}

/// The system's resolver, with an error that can be told from others.
#[derive(Debug)]
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map(Vec::from_iter);
            match found {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(source) => Err(Unresolved { host, source }.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(url: &str, trusted: &str) -> Cookies {
        let mut options = Options::new(Url::parse(url).unwrap());
        options.cookies = vec!["a=1; b=2".to_owned(), "c=3;".to_owned()];
        options.trusted.all = trusted == "*";
        let credentials = Credentials::new(&options);
        Cookies::new(&options, credentials)
    }

    fn sent(cookies: &Cookies, url: &str) -> Option<String> {
        let value = cookies.cookies(&Url::parse(url).unwrap())?;
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
        jar.set_cookies(&mut fields.iter(), &url);
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
