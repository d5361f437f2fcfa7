//! Arguments for HTTP and TLS, under curl's names.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use url::Url;

use super::durations::parse_positive;
use super::limits::{Limit, parse_limit};
use crate::recorder::{Limits, Options, Pin, TlsOptions, TrustedHosts};

/// What people know from curl, under curl's names.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpArguments {
    /// Send this header field to the URL's host; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// User-Agent
    #[arg(short = 'A', long, value_name = "NAME", value_parser = parse_value)]
    user_agent: Option<String>,
    /// Send these cookies to the URL's host: name=value; name2=value2
    #[arg(short = 'b', long = "cookie", value_name = "COOKIES", value_parser = parse_cookies)]
    cookies: Vec<String>,
    /// Send header fields, cookies and the URL's password to these hosts too (comma-separated, HOST or HOST:PORT; * for all)
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    trust_hosts: Vec<String>,
    /// Proxy for everything: http://…, https://… or socks5://…; default: the usual variables (https_proxy, no_proxy, …)
    #[arg(long, value_name = "URL", value_parser = parse_proxy)]
    proxy: Option<Url>,
    /// Accept any TLS certificate
    #[arg(short = 'k', long)]
    insecure: bool,
    /// Certificates to trust, of authorities or of servers themselves, PEM; default: the system's (or SSL_CERT_FILE)
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Key of the client certificate, PEM, where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Use this address for a host (for any port of it); may be repeated
    #[arg(long = "resolve", value_name = "HOST:PORT:ADDRESS", value_parser = parse_resolve)]
    pins: Vec<Pin>,
    /// Longest time for a connection
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_positive)]
    connect_timeout: Duration,
    /// Longest time for a request and its answer; default: 15 for playlists and keys, 120 for chunks
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive)]
    max_time: Option<Duration>,
    /// Change a limit on what an origin can do, for example playlist=32M; may be repeated (docs/ref/limits.md)
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = parse_limit)]
    limits: Vec<Limit>,
    /// Let public playlists and redirects lead to private and loopback addresses
    #[arg(long)]
    allow_private: bool,
    /// Follow redirects from https to http, without header fields, cookies and password of yours
    #[arg(long)]
    allow_downgrade: bool,
}

impl HttpArguments {
    /// These options, everything else as by default.
    pub(crate) fn into_options(self) -> Options {
        let mut limits = Limits {
            connect: self.connect_timeout,
            whole: self.max_time,
            ..Limits::default()
        };
        for limit in self.limits {
            limit.apply(&mut limits);
        }
        Options {
            headers: self.headers,
            user_agent: self.user_agent,
            cookies: self.cookies,
            proxy: self.proxy,
            tls: TlsOptions {
                insecure: self.insecure,
                cacert: self.cacert,
                cert: self.cert,
                key: self.key,
            },
            pins: self.pins,
            limits,
            allow_private: self.allow_private,
            allow_downgrade: self.allow_downgrade,
            trusted: TrustedHosts {
                all: self.trust_hosts.iter().any(|host| host == "*"),
                hosts: self
                    .trust_hosts
                    .iter()
                    .map(|host| host.trim().to_ascii_lowercase())
                    .collect(),
            },
            ..Options::default()
        }
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = parse_header_of_stream(text)?;
    if name.eq_ignore_ascii_case("cookie") {
        return Err("give cookies with -b/--cookie".to_owned());
    }
    Ok((name, value))
}

/// What would make another request of one that the recorder means.
const OWN_FIELDS: [&str; 10] = [
    "Connection",
    "Content-Length",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
    "Transfer-Encoding",
    "Upgrade",
];

/// `NAME: VALUE`, also of cookies.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_header_of_stream(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("it has no colon; write NAME: VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{name:?} cannot be the name of a header field"))?;
    parse_value(value)?;
    if OWN_FIELDS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Err(format!("{name} is isrecorder's own to send"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_value(text: &str) -> Result<String, String> {
    HeaderValue::from_str(text)
        .map_err(|_| "it has control characters or is not ASCII".to_owned())?;
    Ok(text.to_owned())
}

fn parse_cookies(text: &str) -> Result<String, String> {
    parse_value(text)?;
    let is_pair = |part: &str| {
        part.split_once('=')
            .is_some_and(|(name, _)| !name.trim().is_empty())
    };
    if text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .all(is_pair)
    {
        Ok(text.to_owned())
    } else {
        Err("write name=value; name2=value2 (files are not read)".to_owned())
    }
}

fn parse_proxy(text: &str) -> Result<Url, String> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&with_scheme).map_err(|error| {
        format!("this is no proxy ({error}); give HOST:PORT, or http://HOST:PORT")
    })?;
    match url.scheme() {
        "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" if url.has_host() => Ok(url),
        scheme => Err(format!(
            "{scheme} is no kind of proxy; give http, https, socks4 or socks5"
        )),
    }
}

fn parse_resolve(text: &str) -> Result<Pin, String> {
    let form = "write HOST:PORT:ADDRESS, such as live.example.com:443:192.0.2.7";
    let mut parts = text.splitn(3, ':');
    let (Some(host), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form.to_owned());
    };
    let port: u16 = port.parse().map_err(|_| form)?;
    let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| form)?;
    if host.is_empty() {
        return Err(form.to_owned());
    }
    Ok(Pin {
        host: host.to_ascii_lowercase(),
        address: SocketAddr::new(address, port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(parse_header("X-Token: a").is_ok());
        assert!(parse_header("no colon").is_err());
        assert!(parse_header("X: a\nY: b").is_err());
        assert!(parse_header("Cookie: a=b").is_err());
        assert!(parse_cookies("a=b; c=d").is_ok());
        assert!(parse_cookies("cookies.txt").is_err());
    }

    #[test]
    fn addresses_given_by_hand() {
        assert_eq!(
            parse_resolve("h:443:192.0.2.7")
                .unwrap()
                .address
                .to_string(),
            "192.0.2.7:443"
        );
        assert_eq!(
            parse_resolve("h:80:[2001:db8::1]")
                .unwrap()
                .address
                .to_string(),
            "[2001:db8::1]:80"
        );
        assert!(parse_resolve("h:80").is_err());
        assert!(parse_resolve("h:x:1.2.3.4").is_err());
    }

    #[test]
    fn proxies_are_like_curls() {
        assert_eq!(
            parse_proxy("localhost:3128").unwrap().as_str(),
            "http://localhost:3128/"
        );
        assert!(parse_proxy("socks5://h:1080").is_ok());
        assert!(parse_proxy("ftp://h").is_err());
    }
}
