//! What there is to play in a session.

use std::sync::Arc;

use super::Replay;
use super::state::SessionState;
use crate::replayer::page;
use crate::replayer::page::Description;
use crate::session::{ReadError, Reader};

impl Replay {
    /// What there is to play, with the variants that were listed at a moment, and when the first stream began to be there.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn describe(&self, moment_us: i64, prefix: &str) -> Result<Description, ReadError> {
        let describe = |reader: &Reader| {
            let mut description = self.describe_with(reader, moment_us, prefix)?;
            let SessionState { span, streams, .. } = self.state();
            if let Some(first) = streams.first() {
                let seen_us = reader.first_revision_us(first.id)?;
                description.begins_us = seen_us.map(|us| span.session_us(us));
            }
            Ok(description)
        };
        self.bodies.pool.with_reader(describe)
    }

    fn describe_with(
        &self,
        reader: &Reader,
        moment_us: i64,
        prefix: &str,
    ) -> Result<Description, ReadError> {
        let SessionState {
            span,
            streams,
            holes,
            kept_us,
            ..
        } = self.state();
        let look = self.lookup(reader, &streams);
        let mut description = page::describe(&self.name, span, &look, moment_us, prefix)?;
        description.holes = page::holes(&holes, span);
        description.kept_from_us = kept_us.map_or(0, |us| span.session_us(us).max(0));
        description.clip_of = reader.clip_of()?;
        Ok(description)
    }

    /// Whether the session has decryption keys, or was recorded by another program than this project's.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn needs_care(&self) -> Result<bool, ReadError> {
        self.bodies.pool.with_reader(|reader| {
            let runs = reader.runs()?;
            let is_own = runs
                .iter()
                .all(|run| run.program.starts_with("isrecorder "));
            Ok(!is_own || reader.has_keys()?)
        })
    }

    /// Like [`Self::describe`], on a blocking thread.
    pub(crate) async fn described(
        self: &Arc<Self>,
        moment_us: i64,
        prefix: String,
    ) -> Result<Description, ReadError> {
        let replay = Arc::clone(self);
        self.read(move |reader| replay.describe_with(reader, moment_us, &prefix))
            .await
    }
}
