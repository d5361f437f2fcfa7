//! A session made by hand, for tests.

use crate::clock::Clock;
use crate::session::{
    Availability, DownloadFile, ExchangeId, Headers, Kind, NewBody, NewExchange, ResourceKey,
    SessionFolder, Sessions, Writer, digest,
};

/// A session that is being written.
pub(crate) struct Recording {
    pub(crate) folder: SessionFolder,
    pub(crate) writer: Writer,
    pub(crate) stream_id: i64,
    pub(crate) zero_us: i64,
    _temporary: tempfile::TempDir,
}

/// An origin's main playlist.
pub(crate) const MAIN: &str = "http://origin.example/live/main.m3u8";

impl Recording {
    pub(crate) async fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Sessions::new(temporary.path())
            .create(Some("test"))
            .unwrap();
        let clock = Clock::start();
        let (writer, _) = Writer::create(&folder, clock, "test").unwrap();
        let stream_id = writer.stream("hall 1", MAIN).await.unwrap();
        Self {
            folder,
            writer,
            stream_id,
            zero_us: clock.started_us(),
            _temporary: temporary,
        }
    }

    pub(crate) fn key(&self, kind: Kind, url: &str) -> ResourceKey {
        ResourceKey::whole(self.stream_id, kind, url.to_owned())
    }

    /// An exchange that is the answer from this many milliseconds on: 200, without a body.
    pub(crate) fn exchange(&self, kind: Kind, url: &str, from_ms: i64) -> NewExchange {
        let from_us = self.zero_us + from_ms * 1000;
        let resource = self.key(kind, url);
        let availability = Availability::Listed(from_us);
        NewExchange {
            wait_us: Some(1000),
            receive_us: Some(0),
            status: Some(200),
            ..NewExchange::requested(self.writer.next_id(), resource, availability, from_us)
        }
    }

    pub(crate) async fn text(
        &self,
        kind: Kind,
        url: &str,
        from_ms: i64,
        text: &str,
        fields: &[(&str, &str)],
    ) -> ExchangeId {
        let mut exchange = self.exchange(kind, url, from_ms);
        exchange.body = bytes(text);
        exchange.headers = Some(headers(fields));
        self.add(exchange).await
    }

    pub(crate) async fn chunk(&self, url: &str, from_ms: i64, content: &[u8]) -> ExchangeId {
        let mut exchange = self.exchange(Kind::Segment, url, from_ms);
        exchange.body = self.file(exchange.id, content);
        self.add(exchange).await
    }

    pub(crate) fn file(&self, id: ExchangeId, content: &[u8]) -> NewBody {
        let mut file = DownloadFile::create(&self.folder.chunks(), id).unwrap();
        file.write(content).unwrap();
        file.finish().unwrap()
    }

    pub(crate) async fn add(&self, exchange: NewExchange) -> ExchangeId {
        let id = exchange.id;
        self.writer.exchange(exchange).await;
        id
    }

    pub(crate) async fn finish(&self) {
        self.writer.finish("stopped").await.unwrap();
    }
}

pub(crate) fn bytes(text: &str) -> NewBody {
    NewBody::Bytes {
        data: text.as_bytes().to_vec().into(),
        sha256: digest(text.as_bytes()),
        binary: false,
    }
}

pub(crate) fn headers(fields: &[(&str, &str)]) -> Headers {
    Headers(
        fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()))
            .collect(),
    )
}
