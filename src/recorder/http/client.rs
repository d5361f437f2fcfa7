//! The HTTP clients of a recording. Only `fetch` and `shoutcast` make requests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy};
use url::Url;

use super::kept_connections::Kept;
use super::shoutcast::Dialer;
use crate::recorder::admission::reach::Reach;
use crate::recorder::admission::resolver::Resolver;
use crate::recorder::settings::options::{Options, TlsOptions};
use crate::session::Kind;

/// For how long idle connections are kept, in seconds: a client has one time for all of its own, so
/// there is a client for each. Of the last one none is kept.
const IDLE: [u64; 9] = [90, 60, 30, 15, 9, 4, 2, 1, 0];
/// Connections of polls are kept for so long while nobody uses them, where their server says nothing shorter.
const POLLS_IDLE: Duration = Duration::from_secs(90);
/// Those of downloads: each keeps a buffer as large as its last body needed, up to 400 KB, and a stream
/// that begins downloads all that is listed at once, over more of them than it will ever need again.
/// Apache and Node close those that were idle for 5 s: one that is used again just then is a fault that
/// no player had.
const DOWNLOADS_IDLE: Duration = Duration::from_secs(4);

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

/// Two kinds of clients for each reach, so that a slow download never shares a connection with a poll, and
/// what may go to public addresses only finds no other one left open. All streams share them; what is a stream's own (credentials, cookies) is not theirs to know.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    any: Pair,
    /// Clients that connect to public addresses only.
    public: Pair,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Clone)]
struct Pair {
    dialer: Dialer,
    polls: Arc<Pooled>,
    downloads: Arc<Pooled>,
}

/// Which connections a request may go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// One that is kept, where there is one.
    Kept,
    /// A new one.
    New,
}

impl Clients {
    /// Makes the clients of a recording.
    pub(crate) fn new(options: &Options) -> Result<Self, ClientError> {
        // It fails where one is installed already: just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shared = Arc::new(options.clone());
        let pair = |reach| {
            let pooled = |longest| Pooled::new(&shared, reach, longest).map(Arc::new);
            Ok(Pair {
                dialer: Dialer::new(options, Resolver::new(options, reach), agent(options)),
                polls: pooled(POLLS_IDLE)?,
                downloads: pooled(DOWNLOADS_IDLE)?,
            })
        };
        Ok(Self {
            any: pair(Reach::Any)?,
            public: pair(Reach::Public)?,
            kept: Arc::default(),
        })
    }

    fn pair(&self, reach: Reach) -> &Pair {
        match reach {
            Reach::Any => &self.any,
            Reach::Public => &self.public,
        }
    }

    /// The client for servers that do not speak HTTP.
    pub(crate) fn dialer(&self, reach: Reach) -> &Dialer {
        &self.pair(reach).dialer
    }

    /// What is known of the connections that are kept.
    pub(crate) fn kept_connections(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one for a request.
    pub(crate) fn client_for(&self, kind: Kind, reach: Reach, url: &Url, over: Over) -> &Client {
        let pair = self.pair(reach);
        let pooled = match kind.is_playlist() {
            true => &pair.polls,
            false => &pair.downloads,
        };
        let idle = match over {
            Over::Kept => self.kept_connections().idle(url),
            Over::New => Some(Duration::ZERO),
        };
        pooled.client_for(idle)
    }
}

/// Clients that are alike, but for how long each keeps idle connections.
#[derive(Debug)]
struct Pooled {
    options: Arc<Options>,
    reach: Reach,
    /// No client keeps them for longer than this one does.
    longest: Client,
    longest_idle: Duration,
    /// By [`IDLE`], made when one is needed first.
    shorter: [OnceLock<Client>; IDLE.len()],
}

impl Pooled {
    fn new(options: &Arc<Options>, reach: Reach, idle: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            options: Arc::clone(options),
            reach,
            longest: client(options, reach, idle)?,
            longest_idle: idle,
            shorter: Default::default(),
        })
    }

    /// The one that keeps them no longer than so.
    fn client_for(&self, idle: Option<Duration>) -> &Client {
        let Some(idle) = idle.filter(|idle| *idle < self.longest_idle) else {
            return &self.longest;
        };
        let (at, idle) = no_longer(idle);
        let Some(place) = self.shorter.get(at) else {
            return &self.longest;
        };
        if let Some(made) = place.get() {
            return made;
        }
        // The first one could be made of the same.
        match client(&self.options, self.reach, idle) {
            Ok(made) => place.get_or_init(|| made),
            Err(_) => &self.longest,
        }
    }
}

/// The longest of [`IDLE`] that is not longer, and its place.
fn no_longer(idle: Duration) -> (usize, Duration) {
    let all = IDLE.map(Duration::from_secs);
    let at = all.partition_point(|one| *one > idle);
    (at, all.get(at).copied().unwrap_or_default())
}

fn client(options: &Options, reach: Reach, idle: Duration) -> Result<Client, ClientError> {
    let pooled = |builder: ClientBuilder| match idle.is_zero() {
        true => builder.pool_max_idle_per_host(0),
        false => builder.pool_idle_timeout(idle),
    };
    match pooled(builder(options, reach)?).build() {
        Err(_) if options.tls.cacert.is_none() => {
            // A host without any trust store can still record http, and https of public authorities.
            pooled(builder_with_bundled_roots(options, reach)?)
                .build()
                .map_err(ClientError::Other)
        }
        built => built.map_err(ClientError::Other),
    }
}

fn agent(options: &Options) -> &str {
    let own = concat!("isrecorder/", env!("CARGO_PKG_VERSION"));
    options.user_agent.as_deref().unwrap_or(own)
}

fn builder(options: &Options, reach: Reach) -> Result<ClientBuilder, ClientError> {
    let mut always = HeaderMap::new();
    always.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let mut builder = Client::builder()
        .user_agent(agent(options))
        .default_headers(always)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(options.limits.connect)
        .tcp_nodelay(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .dns_resolver(Resolver::new(options, reach));
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
    reach: Reach,
) -> Result<ClientBuilder, ClientError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok());
    Ok(builder(options, reach)?.tls_certs_only(roots))
}

fn tls(mut builder: ClientBuilder, options: &TlsOptions) -> Result<ClientBuilder, ClientError> {
    if options.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let identity = identity(options)?;
    if let Some(path) = &options.cacert {
        let no_pem = || ClientError::Pem {
            path: path.clone(),
            what: "certificate",
        };
        let trusting = super::tls::trusting(&read(path)?, identity.as_ref()).ok_or_else(no_pem)?;
        if !options.insecure {
            return Ok(builder.tls_backend_preconfigured(trusting));
        }
    }
    if let (Some(path), Some(pem)) = (&options.cert, identity) {
        builder = builder.identity(read_identity(path, &pem)?);
    }
    Ok(builder)
}

/// Certificate and key of the client, which can be used.
fn identity(options: &TlsOptions) -> Result<Option<Vec<u8>>, ClientError> {
    let Some(path) = &options.cert else {
        return Ok(None);
    };
    let mut pem = read(path)?;
    if let Some(key) = &options.key {
        pem.push(b'\n');
        pem.extend(read(key)?);
    }
    read_identity(path, &pem)?;
    Ok(Some(pem))
}

fn read_identity(path: &Path, pem: &[u8]) -> Result<Identity, ClientError> {
    Identity::from_pem(pem).map_err(|_| ClientError::Pem {
        path: path.to_owned(),
        what: "certificate and key",
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_kept_no_longer_than_their_server_keeps_them() {
        for (said, kept) in [
            (0, 0),
            (1, 1),
            (3, 2),
            (4, 4),
            (8, 4),
            (14, 9),
            (89, 60),
            (500, 90),
        ] {
            let (_, idle) = no_longer(Duration::from_secs(said));
            assert_eq!(idle, Duration::from_secs(kept), "{said}");
        }
        assert_eq!(no_longer(Duration::from_millis(999)).1, Duration::ZERO);
    }
}
