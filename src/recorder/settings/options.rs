//! What a user can ask of a recording, typed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::limits::Limits;
use super::selection::Selection;
use crate::hls::AskedAs;
use crate::session::Keep;

/// Hosts that credentials may go to besides the one of the URL, at its port.
#[derive(Debug, Clone, Default)]
pub struct TrustedHosts {
    /// Every host.
    pub all: bool,
    /// These, in lower case: `host` at any port, or `host:port`.
    pub hosts: BTreeSet<String>,
}

/// How servers are known, and how the recorder makes itself known.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file of certificate authorities, instead of the system's.
    pub cacert: Option<PathBuf>,
    /// PEM file of the client's certificate (and key, if `key` is not given).
    pub cert: Option<PathBuf>,
    /// PEM file of the client's key.
    pub key: Option<PathBuf>,
}

/// A host name with its address given by hand.
#[derive(Debug, Clone)]
pub struct Pin {
    /// Host name.
    pub host: String,
    /// Where it is.
    pub address: SocketAddr,
}

/// A stream that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name; `None`: one is made of the URL.
    pub name: Option<String>,
    /// Where it is; user name and password are taken out and sent as Basic credentials.
    pub url: Url,
    /// Header fields for it alone, names and values.
    pub headers: Vec<(String, String)>,
    /// What stands behind the URL, as players write it.
    pub asked_as: AskedAs,
}

impl Input {
    /// A stream with a name made of its URL, and no header fields of its own.
    pub fn new(url: Url) -> Self {
        Self {
            name: None,
            url,
            headers: Vec::new(),
            asked_as: AskedAs::default(),
        }
    }
}

/// How streams that are no playlists are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawOptions {
    /// A new part begins so often, where the format allows it.
    pub roll: Duration,
    /// A stream without a byte for so long is asked for again.
    pub stall: Duration,
    /// Parts below this size are not kept, in bytes.
    pub min_part: u64,
}

impl Default for RawOptions {
    fn default() -> Self {
        Self {
            roll: Duration::from_secs(3600),
            stall: Duration::from_secs(20),
            min_part: 64 * 1024,
        }
    }
}

/// A recording, as asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The session exists: go on with it, as its next run.
    pub resume: bool,
    /// How much is kept.
    pub keep: Keep,
    /// What of multivariant playlists is recorded.
    pub selection: Selection,
    /// Interval of polls, instead of the one that follows from the target duration.
    pub poll: Option<Duration>,
    /// No request waits at the origin for what comes next (RFC 8216bis 6.2.5.2).
    pub no_blocking: bool,
    /// Streams that are no playlists.
    pub plain: RawOptions,
    /// For so long after its end a stream may come back.
    pub wait: Option<Duration>,
    /// End after so long.
    pub duration: Option<Duration>,
    /// Header fields of the user's own, for every stream.
    pub headers: Vec<(String, String)>,
    /// User-Agent, instead of our own.
    pub user_agent: Option<String>,
    /// Cookies of the user's own: `name=value; name2=value2`.
    pub cookies: Vec<String>,
    /// Proxy for everything, instead of the environment's.
    pub proxy: Option<Url>,
    /// TLS.
    pub tls: TlsOptions,
    /// Addresses given by hand.
    pub pins: Vec<Pin>,
    /// What origins can make the recorder do.
    pub limits: Limits,
    /// Public playlists may lead to addresses that are not public.
    pub allow_private: bool,
    /// A redirect may lead from https to http, where nothing of the user's own is sent.
    pub allow_downgrade: bool,
    /// Where credentials may go.
    pub trusted: TrustedHosts,
}
