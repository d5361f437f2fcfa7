//! Texts of playlists and bytes of segments.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::origin::Ask;
use super::reply::Reply;

/// A media playlist with a window of segments; target duration 1.
pub struct Window {
    pub first: u64,
    pub count: u64,
    head: String,
    uri: Box<dyn Fn(u64) -> String>,
    tail: String,
}

impl Window {
    /// Segments `seg{n}.ts` with the media sequence numbers from `first` on.
    pub fn new(first: u64, count: u64) -> Self {
        Self {
            first,
            count,
            head: String::new(),
            uri: Box::new(|n| format!("seg{n}.ts")),
            tail: String::new(),
        }
    }

    /// Other URIs.
    pub fn named(mut self, uri: impl Fn(u64) -> String + 'static) -> Self {
        self.uri = Box::new(uri);
        self
    }

    /// Lines before the first segment.
    pub fn headed(mut self, lines: &str) -> Self {
        self.head = format!("{lines}\n");
        self
    }

    /// With an end list.
    pub fn ended(mut self) -> Self {
        self.tail = "#EXT-X-ENDLIST\n".to_owned();
        self
    }

    /// With an end list, if so.
    pub fn ended_if(self, ended: bool) -> Self {
        if ended { self.ended() } else { self }
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{}\n{}",
            self.first, self.head
        );
        for n in self.first..self.first + self.count {
            let uri = (self.uri)(n);
            writeln!(text, "#EXTINF:1.0,\n{uri}").unwrap();
        }
        text + &self.tail
    }
}

/// Bytes that look like a transport stream, other ones for each label.
pub fn ts(label: &str) -> Vec<u8> {
    let mut packet = vec![0x47, 0x1f, 0xff, 0x10];
    packet.extend_from_slice(label.as_bytes());
    packet.resize(188, 0xff);
    packet.repeat(3)
}

/// Where a story stands: the test turns the page, the origin's script reads it.
#[derive(Debug, Clone, Default)]
pub struct Stage(Arc<AtomicU64>);

impl Stage {
    pub fn at(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn go(&self, stage: u64) {
        self.0.store(stage, Ordering::SeqCst);
    }
}

/// Files that stay as they are, by path; all else is 404.
#[derive(Debug, Clone, Default)]
pub struct Files(pub HashMap<String, Reply>);

impl Files {
    pub fn with(mut self, path: &str, reply: Reply) -> Self {
        self.0.insert(path.to_owned(), reply);
        self
    }

    /// Segments `FOLDER/seg{n}.ts`, each of its own content.
    pub fn segments(mut self, folder: &str, count: u64) -> Self {
        for n in 0..count {
            let path = format!("{folder}/seg{n}.ts");
            let content = ts(&path);
            self.0.insert(path, Reply::segment(content));
        }
        self
    }

    pub fn reply(&self, ask: &Ask) -> Reply {
        self.0
            .get(ask.path())
            .cloned()
            .unwrap_or_else(Reply::not_found)
    }
}
