//! URIs that are not followed, whoever named them: each is told of once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::Fetcher;
use crate::hls::Refused;
use crate::recorder::limits::MAX_REFUSED;

/// Those that were told of, of a stream.
#[derive(Debug, Default)]
pub(in crate::recorder) struct RefusedUris(Mutex<HashSet<String>>);

impl RefusedUris {
    /// Whether it is to be told of.
    fn is_news(&self, uri: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_REFUSED && known.insert(uri.to_owned())
    }
}

impl Fetcher {
    /// Notes URIs that are not followed, each once. `label`: what names them.
    pub(in crate::recorder) async fn refuse(&self, refused: &[Refused], label: &str) {
        for one in refused.iter().filter(|one| self.refused.is_news(&one.uri)) {
            let detail = format!("{:?} in {label:?}: {}", one.uri, one.reason);
            // The URI itself may hold a secret; it is in the session.
            tracing::debug!("a URI in {label:?} is not followed: {}", one.reason);
            self.writer.event("refused uri", detail).await;
        }
    }
}
