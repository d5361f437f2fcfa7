//! URIs that are refused: each is logged once, and the session has each once.

use crate::hls::Refused;
use crate::recorder::settings::limits::MAX_REFUSED;
use crate::recorder::settings::limits::MAX_REFUSED_LINES;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use url::Url;

/// The URIs of a stream that were refused so far.
#[derive(Debug, Default)]
pub(crate) struct RefusedUris {
    pub(super) uris: Mutex<HashSet<String>>,
    /// Lines that the log has: where such URIs lead, and why they are refused.
    pub(super) lines: Mutex<HashSet<String>>,
}

impl RefusedUris {
    /// Whether a URI is refused for the first time.
    pub(super) fn is_news(&self, uri: &str) -> bool {
        let mut known = self.uris.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_REFUSED && known.insert(uri.to_owned())
    }

    /// Logs a refused URI, once for each host and reason.
    pub(super) fn tell(&self, refused: &Refused, label: &str) {
        let line = format!(
            "{:?} is not followed: {}",
            whereto(&refused.uri),
            refused.reason
        );
        let told = {
            let mut known = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = known.len() <= MAX_REFUSED_LINES && known.insert(line.clone());
            is_new.then_some(known.len())
        };
        match told {
            Some(..=MAX_REFUSED_LINES) => {
                tracing::warn!("{label:?} names what is not asked for: {line}")
            }
            Some(_) => tracing::warn!(
                "{label:?} names ever more that is not asked for; what, is in the session (event 'refused uri')"
            ),
            None => {}
        }
    }
}

/// Where a URI leads, for people: without what may be a secret in it.
pub(super) fn whereto(uri: &str) -> String {
    let shown = |url: Url| match url.host_str() {
        Some(host) => format!("{}://{host}", url.scheme()),
        None => format!("{}:", url.scheme()),
    };
    Url::parse(uri).map_or_else(|_| "what is no absolute URL".to_owned(), shown)
}
