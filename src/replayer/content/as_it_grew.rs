//! The rest of a resource that is asked for while its parts come (RFC 8216bis 6.2.6): each part whole, when it was there.

use super::found::{LookupResult, Pieces};
use super::lookup::Lookup;
use super::question::Question;
use super::ranges::{self, Plan, RecordedRange};
use crate::replayer::body::pace::Pace;
use crate::replayer::body::piece::Piece;
use crate::replayer::header::range::RangeSpec;
use crate::session::{Answer, Found, Query, ReadError, is_success};
use url::Url;

/// Looks for what comes next in one resource; and for how long after the first part, in microseconds.
const MOST_LOOKS: usize = 64;
const LONGEST_US: i64 = 60_000_000;
/// What was found so far.
struct Grown {
    /// Of the first piece.
    answer: Option<Answer>,
    pieces: Vec<Piece>,
    /// When they were there, in microseconds after the first, and bytes so far.
    points: Vec<(i64, u64)>,
    bytes: u64,
}

impl Lookup<'_> {
    /// The bytes of a resource from `first` on; `None`: there are none.
    pub(super) fn as_it_grew(
        &self,
        question: &Question,
        url: &str,
        first: u64,
    ) -> Result<Option<LookupResult>, ReadError> {
        let mut at_us = question.moment_us;
        let until_us = at_us.saturating_add(LONGEST_US);
        let mut grown = Grown {
            answer: None,
            pieces: Vec::new(),
            points: Vec::new(),
            bytes: 0,
        };
        for _ in 0..MOST_LOOKS {
            let position = first.saturating_add(grown.bytes);
            let found = self.reader.answer_to(&Query {
                url,
                range: Some((position, None)),
                at_us,
                recording: false,
                faults: self.faults,
            })?;
            let before = grown.bytes;
            match found {
                Found::NotYet(next_us) if next_us > at_us && next_us <= until_us => {
                    at_us = next_us;
                    continue;
                }
                Found::Ranges(ranges) => {
                    let facts: Vec<_> = ranges.iter().map(RecordedRange::new).collect();
                    let asked = Some(RangeSpec::From(position, None));
                    if let Plan::Pieces { pieces, .. } = ranges::plan(&facts, asked) {
                        for piece in pieces {
                            if let Some(range) = ranges.get(piece.range) {
                                self.add(&mut grown, &range.answer, piece.skip, piece.length)?;
                            }
                        }
                    }
                }
                Found::Answer(answer) if is_whole(&answer) => {
                    let left = answer.exchange.body_size.saturating_sub(position);
                    self.add(&mut grown, &answer, position, left)?;
                    grown.points.push((at_us - question.moment_us, grown.bytes));
                    break;
                }
                _ => break,
            }
            if grown.bytes == before {
                break;
            }
            grown.points.push((at_us - question.moment_us, grown.bytes));
        }
        self.grown(question, first, grown)
    }

    fn add(
        &self,
        grown: &mut Grown,
        answer: &Answer,
        skip: u64,
        length: u64,
    ) -> Result<(), ReadError> {
        if length == 0 {
            return Ok(());
        }
        if let Some(piece) = self.piece_of(&answer.exchange, skip, length)? {
            grown.pieces.push(piece);
            grown.bytes = grown.bytes.saturating_add(length);
            grown.answer.get_or_insert_with(|| answer.clone());
        }
        Ok(())
    }

    fn grown(
        &self,
        question: &Question,
        first: u64,
        grown: Grown,
    ) -> Result<Option<LookupResult>, ReadError> {
        let Some(answer) = grown.answer else {
            return Ok(None);
        };
        let url = Url::parse(&answer.resource.url).unwrap_or_else(|_| question.url.clone());
        let headers = self.reader.headers(&answer.exchange)?;
        Ok(Some(LookupResult::Pieces(Box::new(Pieces {
            answer,
            url,
            headers,
            first,
            total: None,
            pieces: grown.pieces,
            pace: Some(Pace::from_points(grown.points)),
            grows: true,
            healed: false,
            early: false,
            by_name: question.by_name,
        }))))
    }
}

/// Whether an answer has all bytes of its resource.
fn is_whole(answer: &Answer) -> bool {
    let exchange = &answer.exchange;
    let is_all = exchange
        .status
        .is_some_and(|status| is_success(status) && status != 206);
    is_all && exchange.is_good() && exchange.body_encoding.is_none() && exchange.body_id.is_some()
}
