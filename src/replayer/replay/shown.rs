//! What the page shows of a session, asked on blocking threads, a few at a time: players come first.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::Replay;
use super::state::SessionState;
use crate::page::{Answer, Asked, Index, Judging, Known, StreamPaths, View, answer};
use crate::session::ReadError;

/// Questions of pages that are answered at once.
const AT_ONCE: usize = 2;

/// What is held for pages.
#[derive(Debug)]
pub(crate) struct PageState {
    index: Arc<Mutex<Index>>,
    judging: Judging,
    slots: Semaphore,
    /// The file of hls.js.
    pub(crate) hls_js: Option<PathBuf>,
}

impl PageState {
    pub(super) fn new(hls_js: Option<PathBuf>) -> Self {
        Self {
            index: Arc::default(),
            judging: Judging::default(),
            slots: Semaphore::new(AT_ONCE),
            hls_js,
        }
    }
}

impl Replay {
    /// What pages are made of.
    pub(crate) fn page_state(&self) -> &PageState {
        &self.page
    }

    /// What is asked for the page. `paths`: where its streams are.
    ///
    /// # Errors
    /// The session is damaged.
    pub(crate) async fn shown(
        self: &Arc<Self>,
        asked: Asked,
        paths: Vec<StreamPaths>,
    ) -> Result<Answer, ReadError> {
        let SessionState {
            span,
            streams,
            holes,
            kept_us,
            ..
        } = self.state();
        let known = Known {
            session: self.name.clone(),
            zero_us: span.zero_us,
            end_us: span.end_us,
            recording: span.recording,
            kept_us,
            holes: holes.to_vec(),
            streams: streams.to_vec(),
            paths,
            has_hls_js: self.page.hls_js.is_some(),
        };
        // It is never closed.
        let _slot = self.page.slots.acquire().await.ok();
        let replay = Arc::clone(self);
        let answered = self.bodies.pool.read_aside(move |reader| {
            let view = View {
                reader,
                known: &known,
                index: &replay.page.index,
                judging: &replay.page.judging,
            };
            answer(&view, &replay.folder, &asked)
        });
        answered.await
    }
}
