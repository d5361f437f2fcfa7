//! Raw streams: what came of them, and their silences (S01), by the code of adjacent-find.

use std::io::Read as _;

use super::judging::Judging;
use crate::analysis::adjacent::{Search, Threshold};
use crate::analysis::raw::Failures;
use crate::analysis::rules::overview::{RawStream, Span};
use crate::analysis::rules::registry::Severity;
use crate::analysis::silences::came;
use crate::media::cipher::Protection;
use crate::media::facts::{Track, TrackKind};
use crate::media::read::read;
use crate::session::{Body, ReadError, Run, StreamInfo};

/// Requests that are read at once.
const AT_ONCE: usize = 16;
/// Raw streams that are told of.
const MOST: usize = 64;
/// So much of a part is read to see what it is, ...
const HEAD: u64 = 1024 * 1024;
/// ... and so much at most, where that has no parameter sets of its pictures: a recorder joins in the middle.
const LONG_HEAD: u64 = 16 * HEAD;
/// Players hold some seconds of a raw stream: whoever plays it has nothing left after so long, in microseconds.
const NOTHING_LEFT_US: i64 = 10_000_000;

impl Judging<'_> {
    pub(super) fn raw_streams(&mut self) -> Result<(), ReadError> {
        let search = Search::new(self.reader, Threshold::default())?;
        let runs = self.reader.runs()?;
        let zero_us = runs.first().map_or(0, |run| run.started_us);
        let wanted = self.findings.wanted();
        let (clip_from_us, clip_until_us) =
            (self.reader.clip_span()?).unwrap_or((i64::MIN, i64::MAX));
        let span = Span {
            session: (zero_us, runs.last().map_or(zero_us, Run::end_us)),
            wanted: (
                wanted.from_us.max(clip_from_us),
                wanted.until_us.min(clip_until_us),
            ),
        };
        let mut streams = search.raw_streams()?;
        streams.retain(|stream| self.scope.has_raw(&stream.name, &stream.url));
        self.looked_at.raw_streams = streams.len();
        if !self.passes.raw {
            return Ok(());
        }
        for stream in streams.iter().take(MOST) {
            let mut raw = RawStream::new(stream.id, &stream.name, &stream.url, span);
            self.raw_parts(stream, &mut raw)?;
            self.raw_format(stream, &mut raw)?;
            self.raw_silences(&search, stream, &mut raw, zero_us)?;
            self.overview.raw.push(raw);
        }
        Ok(())
    }

    fn raw_parts(&self, stream: &StreamInfo, raw: &mut RawStream) -> Result<(), ReadError> {
        // First: a part that ends between the two looks is in one of them.
        let growing = self.reader.growing(stream.id)?;
        let mut failures = Failures::default();
        let mut last = 0;
        loop {
            let attempts = self.reader.raw_attempts(stream.id, last, AT_ONCE)?;
            let Some(newest) = attempts.last() else { break };
            last = newest.exchange_id;
            for attempt in &attempts {
                if raw.has(attempt.ended_us) {
                    failures.note(attempt);
                }
                if came(attempt).is_some() {
                    raw.take(attempt);
                }
            }
        }
        if let Some(growing) = growing.filter(|growing| growing.exchange_id > last) {
            let bytes = growing.points.last().map_or(0, |(_, bytes)| *bytes);
            raw.part(growing.facts.began_us, &growing.points, bytes);
            raw.extension = growing.facts.extension;
        }
        raw.breaks = failures.0;
        Ok(())
    }

    /// What the first bytes that were kept say.
    fn raw_format(&self, stream: &StreamInfo, raw: &mut RawStream) -> Result<(), ReadError> {
        let reader = self.reader;
        let Some(part) = reader.next_part(stream.id, 0)? else {
            return Ok(());
        };
        raw.extension = part.extension().to_owned();
        let chunk = match reader.together(|| reader.body_of(part.exchange_id)) {
            Ok(Some(Body::Chunk(chunk))) => chunk,
            // What is damaged is told by `issession check`.
            Ok(_) | Err(ReadError::Altered { .. } | ReadError::Lost(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let (mut head, mut file) = (Vec::new(), chunk.file.take(chunk.size));
        for most in [HEAD, LONG_HEAD] {
            let more = most.saturating_sub(head.len() as u64);
            let Ok(read_now) = file.by_ref().take(more).read_to_end(&mut head) else {
                break;
            };
            let facts = read(&mut head, Protection::None, None);
            let tracks = facts.tracks();
            let codecs = tracks.iter().filter_map(|track| track.codec.as_deref());
            raw.codecs = codecs.map(str::to_owned).collect();
            let is_unknown =
                |track: &Track| track.kind == TrackKind::Video && track.codec.is_none();
            if read_now == 0 || !tracks.iter().any(is_unknown) {
                break;
            }
        }
        Ok(())
    }

    fn raw_silences(
        &mut self,
        search: &Search<'_>,
        stream: &StreamInfo,
        raw: &mut RawStream,
        zero_us: i64,
    ) -> Result<(), ReadError> {
        search.raw_gaps(stream, |gap| {
            let (from_us, until_us) = (gap.silence.from_us, gap.silence.until_us);
            if gap.silence.to_exchange == Some(gap.silence.from_exchange) {
                let within_us = raw
                    .within(from_us, until_us)
                    .map_or(0, |(from_us, until_us)| until_us.saturating_sub(from_us));
                raw.silent_within_us = raw.silent_within_us.saturating_add(within_us);
            }
            if gap.is_recorders() {
                if let Some((from_us, until_us)) = raw.within(from_us, until_us) {
                    raw.own.take(from_us, until_us);
                }
                return Ok::<(), ReadError>(());
            }
            let until_us = gap.certain_until_us();
            if let Some((from_us, until_us)) = raw.within(from_us, until_us) {
                raw.silences.take(from_us, until_us);
            }
            self.longest_silence(from_us, until_us, stream);
            let severity = match gap.certain_us() > NOTHING_LEFT_US {
                true => Severity::Must,
                false => Severity::Should,
            };
            self.findings
                .add_whole("S01", severity, gap.finding(stream, zero_us));
            Ok(())
        })
    }

    /// Nothing came of a stream between two moments: what is wanted of that time counts.
    fn longest_silence(&mut self, from_us: i64, until_us: i64, stream: &StreamInfo) {
        let wanted = self.findings.wanted();
        let until_us = until_us.min(wanted.until_us);
        let length_us = until_us.saturating_sub(from_us.max(wanted.from_us));
        let known_us = self.looked_at.longest_silence.as_ref();
        if length_us > known_us.map_or(0, |(length_us, _)| *length_us) {
            self.looked_at.longest_silence = Some((length_us, stream.name.clone()));
        }
    }

    /// Whether what broke is told as a silence.
    pub(super) fn is_silence(&self, stream: &str, (from_us, until_us): (i64, i64)) -> bool {
        let mut raw = self.overview.raw.iter();
        raw.any(|raw| raw.name == stream && raw.is_silent_within(from_us, until_us))
    }
}
