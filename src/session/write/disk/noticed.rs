//! What the writer is told of the recorder itself, and the files that need room on its disk.

use std::io;

use crate::session::files::chunks::DownloadFile;
use crate::session::files::growing::{GrowingFacts, GrowingFile};
use crate::session::id::ExchangeId;
use crate::session::notices::{Heartbeat, NoticeEvent};
use crate::session::write::thread::message::Message;
use crate::session::write::writer::Writer;

impl Writer {
    /// Notes something that lasted, or that says by how much.
    pub async fn notice(&self, event: NoticeEvent) {
        self.tallies.add(&event);
        self.send(Message::Notice(event)).await;
    }

    /// Notes what the clocks say.
    pub async fn heartbeat(&self, beat: Heartbeat) {
        self.send(Message::Heartbeat(beat)).await;
    }

    /// Begins the file of a chunk.
    ///
    /// # Errors
    /// Whatever the file system says; there is no room for bodies.
    pub fn download(&self, id: ExchangeId) -> io::Result<DownloadFile> {
        DownloadFile::create_in(&self.chunks, id, &self.room)
    }

    /// Begins the file of the same chunk without its content codings.
    ///
    /// # Errors
    /// Those of [`Self::download`].
    pub fn plain_download(&self, id: ExchangeId) -> io::Result<DownloadFile> {
        DownloadFile::create_plain(&self.chunks, id, &self.room)
    }

    /// Begins the files of a part of a raw stream.
    ///
    /// # Errors
    /// Those of [`Self::download`].
    pub fn growing(&self, id: ExchangeId, facts: &GrowingFacts) -> io::Result<GrowingFile> {
        GrowingFile::create_in(&self.chunks, id, facts, &self.room)
    }
}
