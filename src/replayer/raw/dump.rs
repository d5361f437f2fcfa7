//! All parts of a raw stream so far as one file that grows, in ranges.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header;
use http::{Response, StatusCode};
use http_body::Frame;

use super::live::{LOOK_EVERY, READ_BYTES, open, read};
use super::{RawPath, content_type};
use crate::replayer::body::stall::Stalled;
use crate::replayer::body::{self, Body};
use crate::replayer::header::range::{RangeSpec, Resolved};
use crate::replayer::replay::Replay;
use crate::replayer::request::Request;
use crate::replayer::response::reply::Reply;
use crate::session::{ExchangeId, Growing, ReadError, Reader, StreamPart};

/// What there is.
struct Dump {
    parts: Vec<StreamPart>,
    growing: Option<Growing>,
}

impl Dump {
    fn look(reader: &Reader, stream_id: i64, after: ExchangeId) -> Result<Self, ReadError> {
        // First: a part that ends between the two is in neither, and in the next look.
        let growing = reader.growing(stream_id)?;
        let parts = reader.parts_after(stream_id, after)?;
        let last = parts.last().map_or(after, |part| part.exchange_id);
        Ok(Self {
            parts,
            growing: growing.filter(|growing| growing.exchange_id > last && growing.is_kept()),
        })
    }

    fn size(&self) -> u64 {
        let landed: u64 = self.parts.iter().map(|part| part.size).sum();
        landed + self.growing.as_ref().map_or(0, Growing::size)
    }
}

impl Replay {
    /// The file, or a range of it.
    pub(crate) async fn dump(self: &Arc<Self>, request: &Request, path: &RawPath) -> Reply {
        let stream = match self.raw_stream(path).await {
            Ok(stream) => stream,
            Err(reply) => return *reply,
        };
        let stream_id = stream.id;
        let looked = self
            .read(move |reader| Dump::look(reader, stream_id, 0))
            .await;
        let dump = match looked {
            Ok(dump) => dump,
            Err(error) => return Reply::failed(&error),
        };
        let size = dump.size();
        let grows = self.span().recording;
        let range = request.range;
        let goes_on = grows && matches!(range, None | Some(RangeSpec::From(_, None)));
        let (status, first, length) = match range.map(|range| range.resolve(size)) {
            None if goes_on => (StatusCode::OK, 0, None),
            // Nothing is large enough to be kept yet: there is nothing to say a range of.
            Some(Resolved::Unsatisfiable) if goes_on && size == 0 => (StatusCode::OK, 0, None),
            Some(Resolved::Range { first, .. }) if goes_on => {
                (StatusCode::PARTIAL_CONTENT, first, None)
            }
            Some(Resolved::Unsatisfiable) => {
                return Reply::sentence(StatusCode::RANGE_NOT_SATISFIABLE, "not recorded yet")
                    .with_field(header::CONTENT_RANGE, &format!("bytes */{size}"));
            }
            Some(Resolved::Range { first, length }) => {
                (StatusCode::PARTIAL_CONTENT, first, Some(length))
            }
            Some(Resolved::Whole) | None => (StatusCode::OK, 0, Some(size)),
        };
        if let Some(stalled) = request.parts.extensions.get::<Stalled>() {
            stalled.be_patient();
        }
        let sending = Sending::new(Arc::clone(self), stream_id, dump, first, length);
        let mut response = Response::new(match length {
            Some(0) => body::empty(),
            _ => sending.into_body(),
        });
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type(&path.extension));
        with_extent(Reply::new(response, "dump"), (first, length), size)
    }
}

/// Says which part of `size` bytes it is; without a length it goes on from there.
fn with_extent(reply: Reply, (first, length): (u64, Option<u64>), size: u64) -> Reply {
    let is_part = reply
        .response
        .as_ref()
        .is_some_and(|response| response.status() == StatusCode::PARTIAL_CONTENT);
    let mut reply = reply
        .with_field(header::ACCEPT_RANGES, "bytes")
        .with_field(header::CACHE_CONTROL, "no-store");
    if let Some(length) = length {
        reply = reply.with_field(header::CONTENT_LENGTH, &length.to_string());
    }
    if is_part {
        let last = length.map_or(size, |length| first + length) - 1;
        let extent = format!("bytes {first}-{last}/{size}");
        reply = reply.with_field(header::CONTENT_RANGE, &extent);
    }
    reply
}

/// The file on its way.
struct Sending {
    replay: Arc<Replay>,
    stream_id: i64,
    parts: VecDeque<StreamPart>,
    growing: Option<Growing>,
    /// The last part that was opened, and what it is read from.
    last: ExchangeId,
    open: Option<Open>,
    /// So many bytes are to be left out first.
    skip: u64,
    /// So many bytes are to go; `None`: all, and those to come.
    left: Option<u64>,
}

struct Open {
    file: Arc<File>,
    sent: u64,
    /// `None`: it grows.
    size: Option<u64>,
}

impl Sending {
    fn new(replay: Arc<Replay>, stream_id: i64, dump: Dump, skip: u64, left: Option<u64>) -> Self {
        Self {
            replay,
            stream_id,
            // What grows is looked for again when its turn comes: an answer has one file open.
            growing: dump.growing.filter(|_| dump.parts.is_empty()),
            parts: dump.parts.into(),
            last: 0,
            open: None,
            skip,
            left,
        }
    }

    fn into_body(self) -> Body {
        let frames = futures_util::stream::unfold(Some(self), |state| async move {
            let mut sending = state?;
            match sending.next().await {
                Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(sending))),
                Ok(None) => None,
                Err(error) => {
                    tracing::error!("{error}");
                    Some((Err(error), None))
                }
            }
        });
        Body::from_frames(frames)
    }

    /// The next bytes, once they are there; `None`: there are no more.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.left == Some(0) {
                return Ok(None);
            }
            if let Some(bytes) = self.more_of_open().await? {
                return Ok(Some(bytes));
            }
            if self.open.is_some() {
                self.wait_for_growth().await?;
            } else if !self.open_next().await? && !self.look_again().await? {
                return Ok(None);
            }
        }
    }

    /// `None`: the open part has no more bytes for now; or it has ended, and is closed.
    async fn more_of_open(&mut self) -> io::Result<Option<Bytes>> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let size = match open.size {
            Some(size) => size,
            None => open.file.metadata()?.len(),
        };
        let skip = self.skip.min(size - open.sent.min(size));
        (open.sent, self.skip) = (open.sent + skip, self.skip - skip);
        let count = (size - open.sent.min(size))
            .min(READ_BYTES)
            .min(self.left.unwrap_or(u64::MAX));
        if count == 0 {
            if open.size.is_some() {
                self.open = None;
            }
            return Ok(None);
        }
        let bytes = read(&open.file, open.sent, count).await?;
        open.sent += count;
        self.left = self.left.map(|left| left - count);
        Ok(Some(bytes))
    }

    /// Opens the next part; `false`: there is no next part.
    async fn open_next(&mut self) -> io::Result<bool> {
        if let Some(part) = self.parts.pop_front() {
            self.last = part.exchange_id;
            // Parts that are left out are not opened.
            if self.skip >= part.size {
                self.skip -= part.size;
                return Ok(true);
            }
            let size = Some(part.size);
            let opened = self.replay.read(move |reader| open(reader, &part)).await;
            let file = opened.map_err(io::Error::other)?;
            self.open = Some(Open {
                file,
                sent: 0,
                size,
            });
            return Ok(true);
        }
        let Some(growing) = self.growing.take() else {
            return Ok(false);
        };
        self.last = growing.exchange_id;
        self.open = Some(Open {
            file: growing.file,
            sent: 0,
            size: None,
        });
        Ok(true)
    }

    /// What grows has no more for now: once its row is there, that is its size.
    async fn wait_for_growth(&mut self) -> io::Result<()> {
        tokio::time::sleep(LOOK_EVERY).await;
        let id = self.last;
        let found = self.replay.read(move |reader| reader.part(id)).await;
        let landed = found.map_err(io::Error::other)?;
        let is_over = landed.is_none() && !self.replay.span().recording;
        if let Some(open) = &mut self.open {
            open.size = landed
                .map(|part| part.size)
                .or(is_over.then_some(open.sent));
        }
        Ok(())
    }

    /// Looks for parts that came meanwhile; `false`: no more will come.
    async fn look_again(&mut self) -> io::Result<bool> {
        let recording = self.replay.span().recording;
        let (stream_id, last) = (self.stream_id, self.last);
        let looked = self
            .replay
            .read(move |reader| Dump::look(reader, stream_id, last))
            .await;
        let dump = looked.map_err(io::Error::other)?;
        let found = !dump.parts.is_empty() || dump.growing.is_some();
        (self.parts, self.growing) = (dump.parts.into(), dump.growing);
        if !found && recording {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(found || recording)
    }
}
