//! Sessions that are written without a network.

use std::path::{Path, PathBuf};

use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, Headers, Kind, NewBody, NewExchange, NewRevision, ResourceKey, Sessions, Writer,
    digest,
};
use url::Url;

/// Writes a session without a network.
pub(super) struct Pen<'a> {
    runtime: &'a tokio::runtime::Runtime,
    writer: &'a Writer,
    folder: PathBuf,
    stream_id: i64,
    at_us: i64,
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
}

pub(super) fn write(folder: &Path, story: impl FnOnce(&mut Pen<'_>)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = Sessions::new(folder.join("sessions")).create(None).unwrap();
    let clock = Clock::start();
    let (writer, _) = Writer::create(&session, clock, "test").unwrap();
    let stream = writer.stream("s", "http://origin.example/live.m3u8");
    let stream_id = runtime.block_on(stream).unwrap();
    story(&mut Pen {
        runtime: &runtime,
        writer: &writer,
        folder: session.chunks(),
        stream_id,
        at_us: clock.started_us(),
        status: 200,
        fields: Vec::new(),
    });
    runtime.block_on(writer.finish("stopped")).unwrap();
}

impl Pen<'_> {
    pub(super) fn exchange(&mut self, kind: Kind, url: &str, body: impl FnOnce(i64) -> NewBody) {
        let resource =
            ResourceKey::whole(self.stream_id, kind, Url::parse(url).unwrap().to_string());
        let id = self.writer.next_id();
        let is_playlist = matches!(kind, Kind::Main | Kind::Media);
        self.at_us += 1000;
        let exchange = NewExchange {
            lag_us: is_playlist.then_some(0),
            wait_us: Some(0),
            receive_us: Some(0),
            status: Some(self.status),
            headers: Some(Headers(std::mem::take(&mut self.fields))),
            body: body(id),
            revision: is_playlist.then(NewRevision::default),
            ..NewExchange::requested(id, resource, Availability::Request, self.at_us)
        };
        self.runtime.block_on(self.writer.exchange(exchange));
    }

    pub(super) fn text(&mut self, url: &str, data: &[u8]) {
        let kind = if data.starts_with(b"#EXTM3U") {
            Kind::Main
        } else {
            Kind::Data
        };
        let (sha256, data) = (digest(data), data.to_vec());
        self.exchange(kind, url, |_| NewBody::Bytes {
            data: data.into(),
            sha256,
            binary: false,
        });
    }

    pub(super) fn key(&mut self, url: &str, data: &[u8]) {
        let (sha256, data) = (digest(data), data.to_vec());
        self.exchange(Kind::Key, url, |_| NewBody::Bytes {
            data: data.into(),
            sha256,
            binary: true,
        });
    }

    pub(super) fn chunk(&mut self, url: &str, data: &[u8]) {
        let folder = self.folder.clone();
        self.exchange(Kind::Segment, url, |id| {
            let mut file = isrecorder::session::DownloadFile::create(&folder, id).unwrap();
            file.write(data).unwrap();
            file.finish().unwrap()
        });
    }
}
