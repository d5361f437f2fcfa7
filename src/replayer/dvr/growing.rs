//! The text of a DVR playlist, as its session has it now. Runs on a blocking thread.

use super::feed::Feed;
use super::fills;
use super::list::new_segment::Fills;
use super::recorded_stream::RecordedStream;
use crate::replayer::memory::budget::Budget;
use crate::replayer::memory::text::Text;
use crate::replayer::request::timeline::Span;
use crate::session::{ReadError, Reader, ResourceInfo};

/// A list that grows with its session, and its last text.
#[derive(Debug)]
pub(crate) struct GrowingPlaylist {
    playlist: ResourceInfo,
    /// Row of `resource`: the multivariant playlist of the stream.
    main_id: Option<i64>,
    /// How many folders below the root it is served.
    ups: usize,
    feed: Feed,
    text: Option<(TextState, Option<Text>)>,
}

/// What there is of a playlist.
#[derive(Debug)]
pub(crate) enum PlaylistText {
    Text(Text),
    Nothing,
    /// There is no memory for it now.
    NoRoom,
}

/// A list that grows with its session, and reads only what is new of it.
pub(crate) trait Growing: Send + 'static {
    /// What it takes in memory, in bytes.
    fn bytes(&self) -> u64;

    /// The playlist as the session has it now.
    fn text(
        &mut self,
        reader: &Reader,
        span: Span,
        budget: &Budget,
    ) -> Result<PlaylistText, ReadError>;
}

/// What a text depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextState {
    /// Being recorded: this many segments are decided.
    Growing(u64),
    /// The same with `--keep`: and this many have gone.
    Sliding(u64, u64),
    /// Finished at this moment.
    Finished(i64),
}

impl GrowingPlaylist {
    /// `ups`: how many folders below the root it is served.
    pub(crate) fn new(playlist: ResourceInfo, main_id: Option<i64>, ups: usize) -> Self {
        Self {
            feed: Feed::new(playlist.clone(), main_id, ups),
            playlist,
            main_id,
            ups,
            text: None,
        }
    }
}

impl Growing for GrowingPlaylist {
    fn bytes(&self) -> u64 {
        let text = self.text.as_ref().and_then(|(_, text)| text.as_ref());
        self.feed.list.bytes() as u64 + text.map_or(0, Text::weight)
    }

    fn text(
        &mut self,
        reader: &Reader,
        span: Span,
        budget: &Budget,
    ) -> Result<PlaylistText, ReadError> {
        let stream = RecordedStream {
            reader,
            stream_id: self.playlist.stream_id,
            written_us: span.end_us,
        };
        let state = match (span.recording, reader.kept_from_us()?) {
            (false, _) => TextState::Finished(span.end_us),
            (true, None) => {
                self.feed.read(&stream)?;
                TextState::Growing(self.feed.list.decided())
            }
            (true, Some(_)) => {
                self.slide(&stream)?;
                let list = &self.feed.list;
                TextState::Sliding(list.decided(), list.gone())
            }
        };
        if let Some((made, text)) = &self.text
            && *made == state
        {
            return Ok(text
                .clone()
                .map_or(PlaylistText::Nothing, PlaylistText::Text));
        }
        let text = match state {
            TextState::Growing(_) => self.feed.list.event_text(),
            TextState::Sliding(..) => self.feed.list.live_text(),
            TextState::Finished(_) => self.finished(&stream)?,
        };
        let text = match text {
            None => None,
            Some(text) => match budget.take(text.len(), 1) {
                None if span.recording => return Ok(PlaylistText::NoRoom),
                // It took long, and there is one for each list.
                permit => {
                    let text = Text::new(text.into_bytes(), permit.unwrap_or_default());
                    // Here, where it may take its time.
                    text.tag();
                    Some(text)
                }
            },
        };
        self.text = Some((state, text.clone()));
        Ok(text.map_or(PlaylistText::Nothing, PlaylistText::Text))
    }
}

impl GrowingPlaylist {
    /// Takes away what `--keep` has removed, and reads what is new. Where the revision that was read last has gone, so may
    /// have others behind it, unseen: the list begins anew with what there is.
    fn slide(&mut self, stream: &RecordedStream<'_>) -> Result<(), ReadError> {
        let reader = stream.reader;
        let is_gone = |id| Ok::<bool, ReadError>(reader.exchange_url(id)?.is_none());
        let is_behind = self.feed.last_read().map_or(Ok(false), is_gone)?;
        if is_behind || !self.feed.list.remove_gone(is_gone)? {
            self.feed = Feed::new(self.playlist.clone(), self.main_id, self.ups);
            self.text = None;
        }
        self.feed.read(stream)?;
        // The first revision that is there may list what went with the one before.
        self.feed.list.remove_gone(is_gone)?;
        Ok(())
    }

    /// The playlist of a finished session, in which bodies count however late they came. Only its text is cached, since
    /// the session may be recorded again, and then the list made during the recording goes on.
    fn finished(&self, stream: &RecordedStream<'_>) -> Result<Option<String>, ReadError> {
        let feed = |fills| Feed::finished(&self.playlist, self.main_id, self.ups, fills);
        let mut whole = feed(Fills::default());
        whole.read(stream)?;
        let missing = whole.list.missing(stream)?;
        let fills = fills::find(&mut whole, &self.playlist, stream, missing)?;
        if !fills.is_empty() {
            whole = feed(fills);
            whole.read(stream)?;
        }
        whole.list.vod_text(stream)
    }
}
