//! A reverse proxy that serves a replayer below a path of its own, and a client that knows nothing but the
//! proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use isrecorder::hls::{self, UriRef, Variables};
use url::Url;

use super::{Ask, Origin, Reply};

/// What came for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    pub status: u16,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(n, _)| n == name);
        field.map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn is(&self, media_type: &str) -> bool {
        self.field("content-type").starts_with(media_type)
    }
}

/// Asks a server for a path, with more fields.
pub fn ask_for(address: &str, path: &str, fields: &[(&str, &str)]) -> Got {
    let mut connection = TcpStream::connect(address).unwrap();
    let more: String = fields
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{more}\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(answer.read_line(&mut head).unwrap() > 0, "{path}: {head}");
    }
    let fields = head.lines().skip(1).filter_map(|l| l.split_once(": "));
    let mut got = Got {
        status: head[9..12].parse().unwrap(),
        fields: fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: Vec::new(),
    };
    let length = got.field("content-length").parse().unwrap_or(0);
    answer.take(length).read_to_end(&mut got.body).unwrap();
    got
}

/// Takes `prefix` off what it is asked for and changes nothing else; what is not below it, is not there. As most
/// proxies do, it tells the server behind it where it stands; that must not matter.
pub fn proxy(prefix: &'static str, server: String) -> Origin {
    Origin::new(move |ask: &Ask| {
        let Some(path) = ask.target.strip_prefix(prefix) else {
            return Reply::not_found();
        };
        let told = [
            ("X-Forwarded-Prefix", prefix),
            ("X-Forwarded-Host", "elsewhere.example"),
            ("X-Forwarded-Proto", "https"),
        ];
        let got = ask_for(&server, path, &told);
        let mut reply = Reply::new(got.status, got.field("content-type"), got.body.clone());
        for name in ["location", "etag"] {
            if !got.field(name).is_empty() {
                reply = reply.with(name, got.field(name));
            }
        }
        reply
    })
}

/// Follows all that `start` leads to, as long as that is below `site`; fails where anything leads out of it.
pub fn crawl(site: &str, start: &[&str]) -> BTreeMap<String, Got> {
    let site = Url::parse(site).unwrap();
    let mut found = BTreeMap::new();
    let mut queue: BTreeSet<Url> = start.iter().map(|s| site.join(s).unwrap()).collect();
    while let Some(url) = queue.pop_first() {
        assert!(url.as_str().starts_with(site.as_str()), "{url} is outside");
        let address = format!("127.0.0.1:{}", url.port().unwrap());
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let name = url.as_str().strip_prefix(site.as_str()).unwrap();
        if found.contains_key(name) {
            continue;
        }
        let got = ask_for(&address, path, &[]);
        for reference in references(&got, &url) {
            assert!(!reference.starts_with('/'), "{url}: {reference}");
            let mut next = url.join(&reference).unwrap();
            next.set_fragment(None);
            queue.insert(next);
        }
        found.insert(name.to_owned(), got);
    }
    found
}

/// What a client follows that has this from a URL: a redirect, links of a page, all URIs of a playlist.
fn references(got: &Got, url: &Url) -> Vec<String> {
    let text = got.text();
    let quoted = |begin: &str| -> Vec<String> {
        let rest = text.split(begin).skip(1);
        rest.map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    };
    match got.status {
        302 => vec![got.field("location").to_owned()],
        200 if got.is("text/html") => quoted("href=\""),
        200 if got.is("application/json") => {
            let names = ["path", "dvr", "dump"].map(|name| quoted(&format!("\"{name}\": \"")));
            names.concat()
        }
        200 if text.starts_with("#EXTM3U") => {
            let variables = Variables::read(&got.body, url, &Variables::default());
            let written = |uri: UriRef| String::from_utf8(got.body[uri.span].to_vec()).unwrap();
            let uris = hls::references(&got.body).map(written);
            uris.map(|uri| variables.substitute(&uri).into_owned())
                .collect()
        }
        _ => Vec::new(),
    }
}
