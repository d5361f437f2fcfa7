//! The HTTP clients of a recording. `fetch` is the only other place that uses reqwest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy};
use url::Url;

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

/// Two clients, so that a slow download never shares a connection with a poll. All streams
/// share them; what is a stream's own (credentials, cookies) is not theirs to know.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    pub polls: Client,
    pub downloads: Client,
}

impl Clients {
    /// Makes the clients of a recording.
    pub(super) fn new(options: &Options) -> Result<Self, ClientError> {
        // It fails where one is installed already: just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            polls: client(options)?,
            downloads: client(options)?,
        })
    }
}

fn client(options: &Options) -> Result<Client, ClientError> {
    let builder = builder(options)?;
    match builder.build() {
        Err(_) if options.tls.cacert.is_none() => {
            // A host without any trust store can still record http, and https of public authorities.
            builder_with_bundled_roots(options)?
                .build()
                .map_err(ClientError::Other)
        }
        built => built.map_err(ClientError::Other),
    }
}

fn builder(options: &Options) -> Result<ClientBuilder, ClientError> {
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

fn builder_with_bundled_roots(options: &Options) -> Result<ClientBuilder, ClientError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok());
    Ok(builder(options)?.tls_certs_only(roots))
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
