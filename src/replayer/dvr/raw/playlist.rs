//! A raw stream's DVR playlist as its session has it now. Runs on a blocking thread.

use super::spans::{PartFacts, Spans};
use super::text::{Ending, ListedPart, Numbers, text};
use super::{fragments, frames, transport};
use crate::media::frames::Codec;
use crate::replayer::dvr::growing::{Growing, PlaylistText};
use crate::replayer::memory::budget::Budget;
use crate::replayer::memory::text::Text;
use crate::replayer::request::timeline::Span;
use crate::session::{Body, ReadError, Reader, StreamPart};

pub(crate) use crate::replayer::content::raw_extension::is_cut as is_playable;

/// On average no segment is shorter, in microseconds.
const TENTH_US: i64 = 100_000;

/// A list that grows with its session, and its last text. Each part is looked into once.
#[derive(Debug)]
pub(crate) struct RawPlaylist {
    stream_id: i64,
    /// The reference to the root of the replay: `../` as often as needed.
    root: String,
    parts: Vec<ListedPart>,
    numbers: Numbers,
    text: Option<(TextState, Option<Text>)>,
}

/// What a text depends on: its parts, and how it ends.
type TextState = (Option<i64>, usize, Ending);

impl RawPlaylist {
    /// `ups`: how many folders below the root it is served.
    pub(crate) fn new(stream_id: i64, ups: usize) -> Self {
        Self {
            stream_id,
            root: "../".repeat(ups),
            parts: Vec::new(),
            numbers: Numbers::default(),
            text: None,
        }
    }
}

impl Growing for RawPlaylist {
    fn bytes(&self) -> u64 {
        let text = self.text.as_ref().and_then(|(_, text)| text.as_ref());
        let parts: u64 = self.parts.iter().map(ListedPart::bytes).sum();
        parts + text.map_or(0, Text::weight)
    }

    fn text(
        &mut self,
        reader: &Reader,
        span: Span,
        budget: &Budget,
    ) -> Result<PlaylistText, ReadError> {
        self.read(reader)?;
        let ending = match (span.recording, reader.kept_from_us()?) {
            (true, None) => Ending::Grows,
            (true, Some(_)) => Ending::Slides,
            (false, _) => Ending::Ends,
        };
        let first = self.parts.first().map(|part| part.exchange_id);
        let state = (first, self.parts.len(), ending);
        let made = self.text.take().filter(|(made, _)| *made == state);
        let text = match made {
            Some((_, text)) => text,
            None => match text(&self.parts, self.numbers, &self.root, ending) {
                None => None,
                Some(text) => match budget.take(text.len(), 1) {
                    None => return Ok(PlaylistText::NoRoom),
                    Some(permit) => Some(Text::new(text.into_bytes(), permit)),
                },
            },
        };
        self.text = Some((state, text.clone()));
        Ok(text.map_or(PlaylistText::Nothing, PlaylistText::Text))
    }
}

impl RawPlaylist {
    /// Looks into the parts that are new, and forgets those that have gone.
    fn read(&mut self, reader: &Reader) -> Result<(), ReadError> {
        let first = reader
            .next_part(self.stream_id, 0)?
            .map(|part| part.exchange_id);
        let is_gone = |part: &ListedPart| first.is_none_or(|first| part.exchange_id < first);
        let gone = self.parts.partition_point(is_gone);
        self.numbers = self.numbers.without(&self.parts, gone);
        self.parts.drain(..gone);
        let last = self.parts.last().map_or(0, |part| part.exchange_id);
        for part in reader.parts_after(self.stream_id, last)? {
            let spans = spans(reader, &part)?;
            if self.parts.is_empty() && self.numbers == Numbers::default() {
                self.numbers = numbers_from(reader, &part)?;
            }
            self.parts.push(ListedPart {
                exchange_id: part.exchange_id,
                name: part.path.rsplit('/').next().unwrap_or_default().to_owned(),
                began_us: part.began_us,
                length_us: part.ended_us.saturating_sub(part.began_us),
                continues: part.continues,
                spans,
            });
        }
        Ok(())
    }
}

/// The numbers of a list whose first part this is. How many have gone before it nobody knows: so these are no less than
/// those of any list before, and what is made anew does not go back.
fn numbers_from(reader: &Reader, part: &StreamPart) -> Result<Numbers, ReadError> {
    if reader.kept_from_us()?.is_none() {
        return Ok(Numbers::default());
    }
    let zero_us = reader.runs()?.first().map_or(0, |run| run.started_us);
    let tenths = part.began_us.saturating_sub(zero_us) / TENTH_US;
    let media_sequence = u64::try_from(tenths).unwrap_or(0);
    let exchanges = u64::try_from(part.exchange_id).unwrap_or(0);
    Ok(Numbers {
        media_sequence,
        // Between parts, and within them no more than segments.
        discontinuity_sequence: exchanges.saturating_add(media_sequence),
    })
}

/// Where a part is cut; `None`: its file is not there.
fn spans(reader: &Reader, part: &StreamPart) -> Result<Option<Spans>, ReadError> {
    let Ok(Body::Chunk(chunk)) = reader.body(part.body_id) else {
        return Ok(None);
    };
    let arrival = reader.part(part.exchange_id)?.and_then(|part| part.arrival);
    let facts = PartFacts {
        size: part.size,
        length_us: part.ended_us.saturating_sub(part.began_us).max(0),
        arrival: &points(arrival.as_deref()),
    };
    let found = match part.extension() {
        "ts" => transport::spans(&chunk.file, &facts),
        "mp3" => frames::spans(&chunk.file, &facts, Codec::MpegAudio),
        "aac" => frames::spans(&chunk.file, &facts, Codec::Adts),
        "mp4" => fragments::spans(&chunk.file, &facts),
        _ => Ok(Spans::default()),
    };
    Ok(found.ok())
}

/// A file that somebody else wrote may say anything: neither time nor bytes go back.
fn points(arrival: Option<&str>) -> Vec<(i64, u64)> {
    let points: Vec<(i64, u64)> = arrival
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut latest = (0, 0);
    let later = points.into_iter().map(|(at_us, bytes)| {
        latest = (latest.0.max(at_us), latest.1.max(bytes));
        latest
    });
    later.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_never_goes_back() {
        assert_eq!(
            points(Some("[[5,10],[-3,7],[9,20]]")),
            [(5, 10), (5, 10), (9, 20)]
        );
        assert_eq!(points(Some("[[1]]")), []);
        assert_eq!(points(None), []);
    }
}
