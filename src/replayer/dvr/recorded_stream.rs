//! A stream as recorded so far: which bodies it has. Runs on a blocking thread.

use super::list::contents::RecordedBody;
use super::list::needs::{Session, Wanted};
use super::list::verdict::{Listing, Verdict, judge};
use crate::hls::ByteRange;
use crate::session::{LandedBody, ListedUrl, ReadError, Reader};

/// A stream as recorded so far: which bodies it has.
pub(super) struct RecordedStream<'a> {
    pub(super) reader: &'a Reader,
    pub(super) stream_id: i64,
    /// In microseconds of Unix time.
    pub(super) written_us: i64,
}

impl Session for RecordedStream<'_> {
    type Error = ReadError;

    fn verdict(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Verdict<RecordedBody>, ReadError> {
        let known = self.reader.landings(&ListedUrl {
            stream_id: self.stream_id,
            revision: listing.revision,
            from_us: listing.from_us,
            url: wanted.url.as_str(),
            range: wanted.range,
            patience_us: listing.patience_us(),
        })?;
        let verdict = judge(known, listing, self.written_us);
        Ok(match verdict {
            Verdict::Present(body) => {
                recorded(body, wanted.range).map_or(Verdict::Missing, Verdict::Present)
            }
            Verdict::Missing => Verdict::Missing,
            Verdict::Undecided => Verdict::Undecided,
        })
    }

    fn final_body(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Option<RecordedBody>, ReadError> {
        let listed = ListedUrl {
            stream_id: self.stream_id,
            revision: listing.revision,
            from_us: listing.from_us,
            url: wanted.url.as_str(),
            range: wanted.range,
            patience_us: i64::MAX,
        };
        let own = self.reader.landings(&listed)?.own.into_iter();
        if let Some(body) = own.filter_map(|landing| landing.good).next() {
            return Ok(recorded(body, wanted.range));
        }
        if let Verdict::Present(found) = self.verdict(listing, wanted)? {
            return Ok(Some(found));
        }
        let only = match wanted.may_be_anew {
            true => self.reader.only_good_body(&listed)?,
            false => None,
        };
        Ok(only.and_then(|body| recorded(body, wanted.range)))
    }
}

/// Cuts a body to the range that was asked for: an origin may send more than
/// that. `None`: the body has no byte of the range.
pub(super) fn recorded(body: LandedBody, range: Option<ByteRange>) -> Option<RecordedBody> {
    let range = match range {
        None => None,
        Some(range) => {
            let skip = range.first.checked_sub(body.first.unwrap_or(range.first))?;
            let left = body.size.checked_sub(skip).filter(|left| *left > 0)?;
            let is_all = skip == 0 && left <= range.length;
            (!is_all).then_some(ByteRange {
                first: skip,
                length: range.length.min(left),
            })
        }
    };
    Some(RecordedBody {
        exchange_id: body.exchange_id,
        sha256: body.sha256,
        range,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_sends_more_than_the_range_is_cut_to_it() {
        let body = |size, first| LandedBody {
            exchange_id: 1,
            sha256: Vec::new(),
            size,
            first,
        };
        let range = |first, length| Some(ByteRange { first, length });
        let cut = |body, range| recorded(body, range).map(|recorded| recorded.range);
        assert_eq!(cut(body(50, Some(100)), range(100, 50)), Some(None));
        assert_eq!(cut(body(50, None), range(100, 50)), Some(None));
        assert_eq!(
            cut(body(40, Some(100)), range(100, 50)),
            Some(None),
            "a file that grows"
        );
        assert_eq!(
            cut(body(500, Some(0)), range(100, 50)),
            Some(range(100, 50))
        );
        assert_eq!(cut(body(60, Some(90)), range(100, 50)), Some(range(10, 50)));
        assert_eq!(cut(body(60, Some(110)), range(100, 50)), None);
        assert_eq!(cut(body(10, Some(90)), range(100, 50)), None);
        assert_eq!(cut(body(500, Some(0)), None), Some(None));
    }
}
