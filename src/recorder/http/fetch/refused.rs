//! URIs that are not followed, whoever named them: each is told of once.

use super::fetcher::Fetcher;
use crate::hls::Refused;
use crate::session::Remark;

impl Fetcher {
    /// Notes URIs that are not followed, each once. `label`: what names them.
    pub(crate) async fn refuse(&self, refused: &[Refused], label: &str) {
        for one in refused.iter().filter(|one| self.refused.is_news(&one.uri)) {
            let detail = format!("{:?} in {label:?}: {}", one.uri, one.reason);
            self.refused.tell(one, label);
            self.writer.event(Remark::RefusedUri, detail).await;
        }
    }
}
