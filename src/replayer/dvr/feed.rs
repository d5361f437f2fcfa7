//! From a session to a DVR playlist: the part that reads. Runs on a blocking thread.

use url::Url;

use super::Served;
use super::list::{List, Recorded, Session, Wanted};
use super::take::{Revision, Take, Text};
use super::verdict::{Listing, Verdict, judge};
use crate::hls::{
    ByteRange, LineKind, Variables, imports_variables, lines, playlist_kind, read_multivariant,
};
use crate::replayer::timeline::Span;
use crate::session::{
    Body, KeptText, LandedBody, ListedRevision, ListedUrl, ReadError, Reader, ResourceInfo,
    SharedText,
};

/// Revisions that are read at once.
const REVISIONS: usize = 128;
/// Where a playlist does not state a target duration, in microseconds.
const TARGET_US: i64 = 6_000_000;

/// A DVR playlist that grows with its session.
#[derive(Debug)]
pub(super) struct Feed {
    playlist: ResourceInfo,
    /// Row of `resource`: the multivariant playlist of the stream.
    main_id: Option<i64>,
    take: Take,
    list: List,
    /// The last revision that was read: when it was seen, and its exchange.
    behind: (i64, i64),
    /// Whose lines the last revision shared, and the last of those.
    shared: Option<(i64, i64)>,
    variables: Option<(i64, Variables)>,
    served: Option<(State, Option<Served>)>,
}

/// What a served text depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Being recorded: so many segments are decided.
    Growing(u64),
    /// Finished at this moment.
    Finished(i64),
}

impl Feed {
    /// `ups`: how many folders below the root it is served.
    pub(super) fn new(playlist: ResourceInfo, main_id: Option<i64>, ups: usize) -> Self {
        let root = "../".repeat(ups);
        Self {
            playlist,
            main_id,
            take: Take::at(&root),
            list: List::at(&root),
            behind: (i64::MIN, 0),
            shared: None,
            variables: None,
            served: None,
        }
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        let served = self.served.as_ref().and_then(|(_, served)| served.as_ref());
        self.list.bytes() + served.map_or(0, Served::size)
    }

    /// The playlist as the session has it now; `None`: there is nothing of it.
    pub(super) fn serve(
        &mut self,
        reader: &Reader,
        span: Span,
    ) -> Result<Option<Served>, ReadError> {
        let finished = State::Finished(span.end_us);
        if let Some((state, served)) = &self.served
            && !span.recording
            && *state == finished
        {
            return Ok(served.clone());
        }
        let landed = Landed {
            reader,
            stream_id: self.playlist.stream_id,
            written_us: span.end_us,
        };
        self.read(&landed)?;
        let state = match span.recording {
            true => State::Growing(self.list.decided()),
            false => finished,
        };
        if let Some((served_state, served)) = &self.served
            && *served_state == state
        {
            return Ok(served.clone());
        }
        let text = match span.recording {
            true => self.list.event(),
            false => self.list.vod(&landed)?,
        };
        let served = text.map(|text| Served::new(text.into_bytes()));
        self.served = Some((state, served.clone()));
        Ok(served)
    }

    /// Takes in the revisions that are new, and decides what can be.
    fn read(&mut self, landed: &Landed<'_>) -> Result<(), ReadError> {
        let runs = landed.reader.runs()?;
        let starts: Vec<i64> = runs.iter().map(|run| run.started_us).collect();
        loop {
            let is_all = landed.reader.together(|| self.read_some(landed, &starts))?;
            if is_all {
                return Ok(());
            }
        }
    }

    /// The next few revisions; whether these were all. `starts`: of the runs.
    fn read_some(&mut self, landed: &Landed<'_>, starts: &[i64]) -> Result<bool, ReadError> {
        let revisions = landed
            .reader
            .listed_revisions(self.playlist.id, self.behind, REVISIONS)?;
        let is_all = revisions.len() < REVISIONS;
        for revision in revisions {
            let seen = (revision.seen_us, revision.exchange_id);
            let before = std::mem::replace(&mut self.behind, seen);
            let between = before.0.saturating_add(1)..=revision.seen_us;
            let begins_run = starts.iter().any(|start| between.contains(start));
            self.revision(landed.reader, revision, begins_run)?;
        }
        self.list.decide(landed)?;
        Ok(is_all)
    }

    fn revision(
        &mut self,
        reader: &Reader,
        listed: ListedRevision,
        begins_run: bool,
    ) -> Result<(), ReadError> {
        let Ok(base) = Url::parse(&listed.url) else {
            return Ok(());
        };
        let (head, rest) = match &listed.text {
            KeptText::Whole(text) => (text.clone(), None),
            KeptText::Shared(shared) => self.shared_text(reader, shared, listed.last_place)?,
        };
        self.shared = match listed.text {
            KeptText::Shared(shared) => Some((shared.owner, shared.last)),
            KeptText::Whole(_) => None,
        };
        let imports = match imports_variables(&head) {
            true => self.imports(reader, listed.seen_us)?,
            false => Variables::default(),
        };
        let revision = Revision {
            listing: Listing {
                revision: listed.exchange_id,
                from_us: listed.from_us,
                seen_us: listed.seen_us,
                target_us: listed.target_duration_us.unwrap_or(TARGET_US),
                restarted: listed.restarted,
            },
            base: &base,
            imports: &imports,
            place: listed.place,
            last_place: listed.last_place,
            number_offset: listed.number_offset,
            discontinuity_sequence: listed.discontinuity_sequence,
            begins_run,
        };
        let text = match &rest {
            None => Text::Whole(&head),
            Some(rest) => Text::Rest { head: &head, rest },
        };
        let taken = self.take.revision(&revision, text);
        self.list.extend(taken);
        Ok(())
    }

    /// All of a large text; or its head and what follows the last segment that was taken,
    /// where that is known to be all that is new.
    fn shared_text(
        &self,
        reader: &Reader,
        shared: &SharedText,
        last_place: Option<u64>,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), ReadError> {
        let known = self.shared.filter(|(owner, last)| {
            *owner == shared.owner && (shared.first..=shared.last).contains(last)
        });
        if let (Some((owner, last)), Some(next), Some(last_place)) =
            (known, self.take.next(), last_place)
        {
            let new = reader.shared_lines(owner, last.saturating_add(1), shared.last)?;
            let segments = lines(new.as_bytes())
                .filter(|line| line.kind == LineKind::Uri)
                .count();
            if next.saturating_add(segments as u64) == last_place.saturating_add(1) {
                let rest = new + &shared.tail;
                let head = reader.shared_head(owner, shared.first, shared.last)?;
                let head = shared.head.clone() + &head;
                return Ok((head.into_bytes(), Some(rest.into_bytes())));
            }
        }
        let lines = reader.shared_lines(shared.owner, shared.first, shared.last)?;
        let whole = [shared.head.as_str(), &lines, &shared.tail].concat();
        Ok((whole.into_bytes(), None))
    }

    /// Variables of the multivariant playlist at a moment.
    fn imports(&mut self, reader: &Reader, at_us: i64) -> Result<Variables, ReadError> {
        let revision = match self.main_id {
            Some(main_id) => reader.revision_at(main_id, at_us)?,
            None => None,
        };
        let Some(revision) = revision else {
            return Ok(Variables::default());
        };
        if let Some((of, variables)) = &self.variables
            && *of == revision
        {
            return Ok(variables.clone());
        }
        let url = reader
            .exchange_url(revision)?
            .and_then(|url| Url::parse(&url).ok());
        let variables = match (reader.body_of(revision)?, url) {
            (Some(Body::Bytes(body)), Some(url)) if playlist_kind(&body).is_some() => {
                read_multivariant(&body, &url).variables
            }
            _ => Variables::default(),
        };
        self.variables = Some((revision, variables.clone()));
        Ok(variables)
    }
}

/// What landed in a session, as far as it is written.
struct Landed<'a> {
    reader: &'a Reader,
    stream_id: i64,
    /// In microseconds of Unix time.
    written_us: i64,
}

impl Session for Landed<'_> {
    type Error = ReadError;

    fn landed(
        &self,
        listing: &Listing,
        wanted: Wanted<'_>,
    ) -> Result<Verdict<Recorded>, ReadError> {
        let known = self.reader.landings(&ListedUrl {
            stream_id: self.stream_id,
            revision: listing.revision,
            from_us: listing.from_us,
            url: wanted.url.as_str(),
            range: wanted.range,
            patience_us: listing.patience_us(),
        })?;
        let verdict = judge(known, listing, wanted.may_be_anew, self.written_us);
        Ok(match verdict {
            Verdict::Present(body) => {
                recorded(body, wanted.range).map_or(Verdict::Missing, Verdict::Present)
            }
            Verdict::Missing => Verdict::Missing,
            Verdict::Undecided => Verdict::Undecided,
        })
    }
}

/// What of a body is meant, where it was asked for by a range: an origin may send more than
/// that. `None`: the body has nothing of it.
fn recorded(body: LandedBody, range: Option<ByteRange>) -> Option<Recorded> {
    let part = match range {
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
    Some(Recorded {
        exchange_id: body.exchange_id,
        sha256: body.sha256,
        part,
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
        let part = |body, range| recorded(body, range).map(|recorded| recorded.part);
        assert_eq!(part(body(50, Some(100)), range(100, 50)), Some(None));
        assert_eq!(part(body(50, None), range(100, 50)), Some(None));
        assert_eq!(
            part(body(40, Some(100)), range(100, 50)),
            Some(None),
            "a file that grows"
        );
        assert_eq!(
            part(body(500, Some(0)), range(100, 50)),
            Some(range(100, 50))
        );
        assert_eq!(
            part(body(60, Some(90)), range(100, 50)),
            Some(range(10, 50))
        );
        assert_eq!(part(body(60, Some(110)), range(100, 50)), None);
        assert_eq!(part(body(10, Some(90)), range(100, 50)), None);
        assert_eq!(part(body(500, Some(0)), None), Some(None));
    }
}
