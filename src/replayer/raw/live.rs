//! A raw stream as it came: from the moment of a request on, at its pace, to where it broke.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::Instant;

use crate::clock;
use crate::replayer::body::Body;
use crate::replayer::body::breaks::Break;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::pace::{LONGEST_WAIT, Pace};
use crate::replayer::replay::Replay;
use crate::session::{
    Body as Recorded, ExchangeId, Growing, Outcome, ReadError, Reader, StreamPart,
};

/// Bytes that are read at a time.
pub(super) const READ_BYTES: u64 = 64 * 1024;
/// How often a growing part is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The row of a part is there at the latest this long after its end.
pub(super) const LANDING: Duration = Duration::from_secs(3);
/// A packet of a transport stream: players that join begin with a whole one.
const PACKET: u64 = 188;

/// Where bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A part that was recorded.
    Landed {
        part: StreamPart,
        file: Arc<File>,
        pace: Pace,
    },
    /// The part that is being recorded.
    Growing {
        growing: Growing,
        file: Arc<File>,
        pace: Pace,
    },
}

impl Source {
    /// `None`: the exchange brought no part.
    pub(super) fn landed(reader: &Reader, id: ExchangeId) -> Result<Option<Self>, ReadError> {
        let part = reader.part(id)?;
        part.map(|part| Self::of_part(reader, part)).transpose()
    }

    fn of_part(reader: &Reader, part: StreamPart) -> Result<Self, ReadError> {
        let file = open(reader, &part)?;
        let length_us = part.ended_us.saturating_sub(part.began_us);
        let pace = Pace::of_part(part.arrival.as_deref(), length_us, part.size);
        Ok(Self::Landed { part, file, pace })
    }

    pub(super) fn growing(mut growing: Growing) -> Self {
        let points = std::mem::take(&mut growing.points);
        Self::Growing {
            file: Arc::clone(&growing.file),
            pace: Pace::from_points(points),
            growing,
        }
    }

    pub(super) fn exchange_id(&self) -> ExchangeId {
        match self {
            Self::Landed { part, .. } => part.exchange_id,
            Self::Growing { growing, .. } => growing.exchange_id,
        }
    }

    pub(super) fn extension(&self) -> &str {
        match self {
            Self::Landed { part, .. } => part.extension(),
            Self::Growing { growing, .. } => &growing.facts.extension,
        }
    }

    fn began_us(&self) -> i64 {
        match self {
            Self::Landed { part, .. } => part.began_us,
            Self::Growing { growing, .. } => growing.facts.began_us,
        }
    }

    fn pace(&self) -> &Pace {
        match self {
            Self::Landed { pace, .. } | Self::Growing { pace, .. } => pace,
        }
    }

    fn file(&self) -> &Arc<File> {
        match self {
            Self::Landed { file, .. } | Self::Growing { file, .. } => file,
        }
    }

    /// Where a player that joins at a moment begins. What has a header at its beginning only
    /// is of no use without it: a player gets it from the beginning, the bytes that have passed at once.
    fn joined_at(&self, moment_us: i64) -> u64 {
        let passed = self
            .pace()
            .allowed(moment_us.saturating_sub(self.began_us()));
        match self.extension() {
            "ts" => passed / PACKET * PACKET,
            "mp3" | "aac" => passed,
            _ => 0,
        }
    }
}

/// The file of a part, as its row says it is.
pub(super) fn open(reader: &Reader, part: &StreamPart) -> Result<Arc<File>, ReadError> {
    match reader.body(part.body_id)? {
        Recorded::Chunk(chunk) => Ok(Arc::new(chunk.file)),
        Recorded::Bytes(_) => Err(ReadError::Io(io::Error::other("a part that is no file"))),
    }
}

/// A stream on its way to one player.
pub(crate) struct Playing {
    replay: Arc<Replay>,
    stream_id: i64,
    source: Source,
    sent: u64,
    /// When the player asked, and which moment of the recording that was.
    asked: Instant,
    moment_us: i64,
}

/// What happens next.
enum Step {
    Bytes(Bytes),
    /// The stream ended there.
    End(Outcome),
}

impl Playing {
    pub(super) fn new(replay: Arc<Replay>, stream_id: i64, source: Source, moment_us: i64) -> Self {
        Self {
            replay,
            stream_id,
            sent: source.joined_at(moment_us),
            source,
            asked: clock::instant(),
            moment_us,
        }
    }

    /// When it is that moment of the recording for the player.
    fn due(&self, moment_us: i64) -> Instant {
        let later = u64::try_from(moment_us.saturating_sub(self.moment_us)).unwrap_or(0);
        // A stranger's session may say anything.
        self.asked + Duration::from_micros(later).min(LONGEST_WAIT)
    }

    /// The present moment of the recording.
    fn now_us(&self) -> i64 {
        let passed = clock::micros(clock::instant().saturating_duration_since(self.asked));
        self.moment_us.saturating_add(passed)
    }

    async fn next(&mut self) -> io::Result<Step> {
        loop {
            let began_us = self.source.began_us();
            let pace = self.source.pace();
            if self.sent < pace.last() {
                let at_us = began_us.saturating_add(pace.time_of(self.sent));
                tokio::time::sleep_until(self.due(at_us)).await;
                let allowed = pace.allowed(self.now_us().saturating_sub(began_us));
                let count = allowed.saturating_sub(self.sent).clamp(1, READ_BYTES);
                let bytes = read(self.source.file(), self.sent, count).await?;
                self.sent += bytes.len() as u64;
                return Ok(Step::Bytes(bytes));
            }
            let ended = match &self.source {
                Source::Landed { part, .. } => Some((part.ended_us, part.outcome)),
                Source::Growing { .. } => None,
            };
            match ended {
                None => {
                    if let Some(outcome) = self.grow().await? {
                        return Ok(Step::End(outcome));
                    }
                }
                Some((ended_us, outcome)) => {
                    tokio::time::sleep_until(self.due(ended_us)).await;
                    match self.following(outcome).await? {
                        Some(source) => (self.source, self.sent) = (source, 0),
                        None => return Ok(Step::End(outcome)),
                    }
                }
            }
        }
    }

    /// Waits for more bytes of the part that is being recorded; the outcome, if it ended without a part.
    async fn grow(&mut self) -> io::Result<Option<Outcome>> {
        tokio::time::sleep(LOOK_EVERY).await;
        let Source::Growing { growing, pace, .. } = &mut self.source else {
            return Ok(None);
        };
        let points = growing.more()?;
        if !points.is_empty() {
            pace.extend(points);
            return Ok(None);
        }
        let id = growing.exchange_id;
        let found = self.replay.read(move |reader| {
            let landed = Source::landed(reader, id)?;
            Ok((landed, reader.exchange(id)?))
        });
        let (landed, exchange) = found.await.map_err(io::Error::other)?;
        match (landed, exchange) {
            (Some(landed), _) => self.source = landed,
            // Too small to be kept.
            (None, Some(exchange)) => return Ok(Some(exchange.outcome)),
            (None, None) if !self.replay.span().recording => return Ok(Some(Outcome::Short)),
            (None, None) => {}
        }
        Ok(None)
    }

    /// The part that goes on with the response of the one that ended.
    async fn following(&self, outcome: Outcome) -> io::Result<Option<Source>> {
        if outcome != Outcome::Complete {
            return Ok(None);
        }
        let (stream_id, id) = (self.stream_id, self.source.exchange_id());
        let deadline = clock::instant() + LANDING;
        loop {
            let found = self
                .replay
                .read(move |reader| following(reader, stream_id, id));
            match found.await.map_err(io::Error::other)? {
                Following::Continues(source) => return Ok(Some(source)),
                Following::Other => return Ok(None),
                Following::Nothing => {}
            }
            if !self.replay.span().recording || clock::instant() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

enum Following {
    Continues(Source),
    /// Something else came next.
    Other,
    /// Not known yet.
    Nothing,
}

fn following(reader: &Reader, stream_id: i64, id: ExchangeId) -> Result<Following, ReadError> {
    if let Some(part) = reader.next_part(stream_id, id)? {
        return Ok(match part.continues {
            true => Source::landed(reader, part.exchange_id)?
                .map_or(Following::Other, Following::Continues),
            false => Following::Other,
        });
    }
    Ok(match reader.growing(stream_id)? {
        Some(growing) if growing.exchange_id > id && growing.facts.continues => {
            Following::Continues(Source::growing(growing))
        }
        Some(growing) if growing.exchange_id > id => Following::Other,
        _ => Following::Nothing,
    })
}

pub(super) async fn read(file: &Arc<File>, first: u64, count: u64) -> io::Result<Bytes> {
    let file = Arc::clone(file);
    let reading = tokio::task::spawn_blocking(move || -> io::Result<Bytes> {
        let mut buffer = vec![0; usize::try_from(count).unwrap_or(0)];
        file.read_exact_at(&mut buffer, first)?;
        Ok(buffer.into())
    });
    reading.await.map_err(io::Error::other)?
}

/// The body that a player gets.
pub(super) fn body(playing: Playing, breaks: Break, ending: Option<Ending>) -> Body {
    let state = Some((playing, breaks, ending));
    let frames = futures_util::stream::unfold(state, |state| async move {
        let (mut playing, breaks, ending) = state?;
        match playing.next().await {
            Ok(Step::Bytes(bytes)) => {
                Some((Ok(Frame::data(bytes)), Some((playing, breaks, ending))))
            }
            Ok(Step::End(Outcome::Complete)) => None,
            Ok(Step::End(outcome)) => {
                let reset = ending.filter(|_| outcome == Outcome::Reset);
                let breaks = Break { reset, ..breaks };
                Some((Err(breaks.break_off(None).await), None))
            }
            Err(error) => {
                tracing::error!("{error}");
                Some((Err(error), None))
            }
        }
    });
    Body::from_frames(frames)
}
