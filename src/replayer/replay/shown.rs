//! What the page shows of a session, asked on blocking threads, a few at a time: players come first.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::Replay;
use super::page_state::PageState;
use super::state::SessionState;
use crate::page::{Answer, Asked, Known, StreamPaths, View, answer};
use crate::session::ReadError;

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
        if matches!(asked, Asked::Session) {
            self.read_ahead();
        }
        // It is never closed. A client that goes away does not end what was begun for it, which holds its slot until then.
        let slot = Arc::clone(&self.page.slots).acquire_owned().await.ok();
        let replay = Arc::clone(self);
        let answered = self.bodies.pool.read_aside(move |reader| {
            let _slot = slot;
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

    /// Reads the index, once: who asks for the session is about to ask for what it is needed for.
    fn read_ahead(self: &Arc<Self>) {
        if self.page.has_read_ahead.swap(true, Ordering::Relaxed) {
            return;
        }
        let replay = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let slot = Arc::clone(&replay.page.slots).acquire_owned().await.ok();
                let reading = Arc::clone(&replay);
                let read = replay.bodies.pool.read_aside(move |reader| {
                    let _slot = slot;
                    let index = &reading.page.index;
                    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
                    index.go_on(reader)?;
                    Ok(index.is_whole())
                });
                // What is damaged is told to who needs it.
                if read.await.unwrap_or(true) {
                    break;
                }
            }
        });
    }
}
