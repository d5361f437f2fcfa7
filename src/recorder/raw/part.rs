//! One part of a raw stream: an exchange whose body grows in a file.

use crate::session::Remark;
use bytes::Bytes;

use super::opened::Opened;
use crate::recorder::context::Context;
use crate::recorder::formats::icy;
use crate::recorder::formats::icy::Metadata;
use crate::recorder::http::arrival::Arrival;
use crate::recorder::http::fetch::{Hop, Received};
use crate::session::{
    Availability, GrowingFacts, GrowingFile, Kind, NewListing, Outcome, ResourceKey, STOPPED,
};

/// A part that is being recorded.
pub(crate) struct Part {
    hop: Hop,
    key: ResourceKey,
    /// From when on it is the answer, in microseconds of Unix time.
    from_us: i64,
    /// For a hop of a redirect: the exchange that the chain began with.
    head_id: Option<i64>,
    lag_us: i64,
    /// Where in its response it begins, in bytes of files; 0: at the beginning.
    first: u64,
    /// Bytes at its beginning that are none of its response: what it needs to be played alone, once more.
    repeated: u64,
    /// `None`: the file system refused.
    file: Option<GrowingFile>,
    wire_bytes: u64,
    /// When the last of them came, in microseconds after the first byte of its response.
    came_us: i64,
    arrival: Arrival,
    /// Metadata whose place in the file has not been reached.
    titles: Vec<Metadata>,
}

/// Why a part ended.
pub(crate) enum End {
    /// The next one goes on.
    Rolled,
    /// The recorder was stopped.
    Stopped,
    /// The response ended, or broke.
    Over(Outcome, Option<String>),
}

impl End {
    /// What broke it, for people.
    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Over(_, error) => error.as_deref(),
            Self::Rolled | Self::Stopped => None,
        }
    }
}

/// What became of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// In bytes.
    pub size: u64,
    /// Whether it was large enough to be kept.
    pub kept: bool,
    pub end_us: i64,
    pub outcome: Outcome,
}

impl Part {
    /// Begins with a response, or goes on with one: then `first` is not 0.
    pub(crate) async fn begin(context: &Context, opened: &Opened, hop: Hop, first: u64) -> Self {
        let is_first = first == 0;
        let is_head = opened.head == opened.hop.id;
        // A part that goes on is the answer as a later poll is.
        let availability = Availability::poll(is_first.then_some(opened.from_us));
        let mut part = Self {
            key: ResourceKey::whole(context.stream_id, Kind::Main, opened.url.to_string()),
            from_us: availability.known_us(hop.timing()),
            head_id: (is_first && !is_head).then_some(opened.head),
            lag_us: if is_first { opened.lag_us } else { 0 },
            first,
            repeated: 0,
            file: None,
            wire_bytes: 0,
            came_us: 0,
            arrival: Arrival::of_part(),
            titles: Vec::new(),
            hop,
        };
        let facts = GrowingFacts {
            began_us: part.hop.response_us(),
            continues: !is_first,
            extension: opened.live.format.extension().to_owned(),
            kept_from: context.plain.min_part,
        };
        let writer = &context.fetcher.writer;
        match writer.growing(part.hop.id, &facts) {
            Ok(file) => part.file = Some(file),
            Err(error) => part.hop.fail(Outcome::Disk, &error.to_string()),
        }
        let listing = NewListing {
            revision: part.hop.id,
            from_us: part.from_us,
            pending: vec![part.key.clone()],
            ..NewListing::default()
        };
        writer.listed(listing).await;
        part
    }

    /// When its response began, or went on with it.
    pub(crate) fn began_us(&self) -> i64 {
        self.hop.response_us()
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.file.as_ref().map_or(0, GrowingFile::size)
    }

    /// Whether the file system has refused something of it.
    pub(crate) fn is_lost(&self) -> bool {
        self.hop.outcome == Outcome::Disk
    }

    /// Where in its response the next part would begin.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.size().saturating_sub(self.repeated)
    }

    /// Begins with what the response began with, once more.
    pub(crate) async fn repeat(&mut self, context: &Context, prefix: &Bytes) {
        if prefix.is_empty() {
            return;
        }
        self.repeated = prefix.len() as u64;
        let note = format!(
            "the first {} bytes are the initialization section of its response, once more",
            prefix.len()
        );
        self.hop.note = Some(note);
        self.write(context, prefix).await;
    }

    /// Counts what came for it, metadata included.
    pub(crate) fn count(&mut self, context: &Context, bytes: usize, titles: &mut Vec<Metadata>) {
        self.came_us = context.fetcher.writer.clock().now_us() - self.began_us();
        self.wire_bytes += bytes as u64;
        self.titles.append(titles);
    }

    /// Appends to the file, and notes the metadata whose place is reached.
    pub(crate) async fn write(&mut self, context: &Context, bytes: &Bytes) {
        // What was held back until the end came before it.
        let at_us = self.came_us;
        let written = match &mut self.file {
            Some(file) if !bytes.is_empty() && self.hop.outcome != Outcome::Disk => {
                file.write(bytes, at_us)
            }
            _ => return,
        };
        if let Err(error) = written {
            self.hop.fail(Outcome::Disk, &error.to_string());
        }
        self.arrival.add(at_us, self.size());
        let end = self.end();
        let reached = self
            .titles
            .iter()
            .take_while(|title| title.at <= end)
            .count();
        for title in self.titles.drain(..reached) {
            let detail = serde_json::json!({
                "stream": context.name,
                "exchange": self.hop.id,
                "byte": title.at.saturating_sub(self.first) + self.repeated,
                "metadata": icy::text_of(&title.text),
            });
            context
                .fetcher
                .writer
                .event(Remark::Icy, detail.to_string())
                .await;
        }
    }

    /// Metadata whose place has not been reached: that of the next part.
    pub(crate) fn take_titles(&mut self) -> Vec<Metadata> {
        std::mem::take(&mut self.titles)
    }

    /// Hands it over; `path`: where its file is to be.
    pub(crate) async fn finish(mut self, context: &Context, end: End, path: String) -> Ended {
        let writer = &context.fetcher.writer;
        let end_us = writer.clock().now_us();
        let size = self.size();
        let kept = size >= context.plain.min_part.max(1);
        match end {
            _ if self.is_lost() => {}
            End::Rolled => self.hop.error = Some("a new part was begun here (--roll)".to_owned()),
            End::Stopped => self.hop.error = Some(STOPPED.to_owned()),
            End::Over(outcome, error) => (self.hop.outcome, self.hop.error) = (outcome, error),
        }
        self.hop.wire_bytes = Some(self.wire_bytes);
        self.hop.receive_us = Some(end_us - self.began_us());
        self.hop.arrival = self.arrival.into_text();
        // What is not kept goes with its handle.
        if let Some(file) = self.file.take().filter(|_| kept) {
            match tokio::task::spawn_blocking(|| file.finish()).await {
                Ok(Ok(body)) => self.hop.body = Received::File(body),
                Ok(Err(error)) => self.hop.fail(Outcome::Disk, &error.to_string()),
                Err(error) => self.hop.fail(Outcome::Disk, &error.to_string()),
            }
        }
        let kept = kept && matches!(self.hop.body, Received::File(_));
        let outcome = self.hop.outcome;
        let mut exchange = self
            .hop
            .into_exchange(self.key, Availability::Listed(self.from_us));
        exchange.head_id = self.head_id;
        exchange.lag_us = self.head_id.is_none().then_some(self.lag_us);
        exchange.body_first = (self.first > 0).then_some(self.first);
        exchange.chunk_path = Some(path);
        writer.exchange(exchange).await;
        Ended {
            size,
            kept,
            end_us,
            outcome,
        }
    }
}
