//! Targets for fuzzers: what an origin sends, and where it sends the recorder.

use url::Url;

use crate::hls::fuzzing::Target;
use crate::recorder::admission::admit::{Credentials, admit, admit_redirect};
use crate::recorder::settings::options::{Input, Options};
use crate::session::decode;

pub(crate) const TARGETS: &[Target] = &[
    ("admission", admission),
    ("codings", codings),
    ("plain", crate::recorder::raw::fuzzing::fuzz),
];

/// Nothing but http and https is asked for, and credentials go to the host that was typed.
fn admission(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(typed) = Url::parse("https://user:canary@origin.example/live/index.m3u8") else {
        unreachable!("it is a URL");
    };
    let credentials = Credentials::new(&Options::default(), &Input::new(typed.clone()));
    let admitted = [
        typed.join(&text).ok().and_then(|url| admit(url).ok()),
        Url::parse(&text).ok().and_then(|url| admit(url).ok()),
        admit_redirect(&typed, &text, false).ok(),
    ];
    for url in admitted.into_iter().flatten() {
        assert!(matches!(url.scheme(), "http" | "https"), "{url}");
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
        let host = url.host_str().unwrap_or_default();
        assert!(!host.is_empty(), "{url}");
        let sent = !credentials.for_url(&url).is_empty();
        let is_typed = host == "origin.example" && url.port_or_known_default() == Some(443);
        assert_eq!(sent, is_typed && url.scheme() == "https", "{url}");
    }
    if let Ok(url) = admit_redirect(&typed, &text, false) {
        assert_eq!(url.scheme(), "https");
    }
}

/// Whatever a body decodes to is no larger than the limit.
fn codings(bytes: &[u8]) {
    const LIMIT: u64 = 64 * 1024;
    const CODINGS: [&str; 6] = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd,,deflate"];
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let coding = CODINGS[usize::from(*first) % CODINGS.len()];
    if let Ok(plain) = decode(body, coding, LIMIT, LIMIT) {
        assert!(plain.len() as u64 <= LIMIT);
    }
}
