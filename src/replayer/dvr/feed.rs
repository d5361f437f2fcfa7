//! From a session to a DVR playlist: the part that reads. Runs on a blocking thread.

use url::Url;

use super::list::List;
use crate::hls::{
    ByteRange, LineKind, Variables, imports_variables, lines, playlist_kind, read_multivariant,
};
use crate::replayer::dvr::list::needs::{Session, Wanted};
use crate::replayer::dvr::list::recorded::Recorded;
use crate::replayer::dvr::list::take::{Revision, Take, Text};
use crate::replayer::dvr::list::taken::{Fills, Taken};
use crate::replayer::dvr::list::verdict::{Listing, Verdict, judge};
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
    /// As far as it is decided.
    pub(super) list: List,
    /// The last revision that was read: when it was seen, and its exchange.
    behind: (i64, i64),
    /// Whose lines the last revision shared, and the last of those.
    shared: Option<(i64, i64)>,
    variables: Option<(i64, Variables)>,
    /// Of a finished session: what later listings say of segments.
    fills: Fills,
}

impl Feed {
    /// `ups`: how many folders below the root it is served.
    pub(super) fn new(playlist: ResourceInfo, main_id: Option<i64>, ups: usize) -> Self {
        let root = root(ups);
        Self {
            playlist,
            main_id,
            take: Take::at(&root),
            list: List::at(&root),
            behind: (i64::MIN, 0),
            shared: None,
            variables: None,
            fills: Fills::default(),
        }
    }

    /// That of a session that is finished: what came in the end counts. Nothing of it is kept but its text: the
    /// session may go on, and what was said while it was recorded stays.
    pub(super) fn finished(
        playlist: &ResourceInfo,
        main_id: Option<i64>,
        ups: usize,
        fills: Fills,
    ) -> Self {
        Self {
            list: List::finished(&root(ups)),
            fills,
            ..Self::new(playlist.clone(), main_id, ups)
        }
    }

    /// Takes in the revisions that are new, and decides what can be.
    pub(super) fn read(&mut self, landed: &Landed<'_>) -> Result<(), ReadError> {
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
            // What is decided takes less memory.
            self.list.decide(landed)?;
        }
        if is_all {
            self.list.decide(landed)?;
        }
        Ok(is_all)
    }

    fn revision(
        &mut self,
        reader: &Reader,
        listed: ListedRevision,
        begins_run: bool,
    ) -> Result<(), ReadError> {
        let (head, rest) = match &listed.text {
            KeptText::Whole(text) => (text.clone(), None),
            KeptText::Coded(coded) => (reader.plain_text(coded)?, None),
            KeptText::Shared(shared) => self.shared_text(reader, shared, listed.last_place)?,
        };
        self.shared = match &listed.text {
            KeptText::Shared(shared) => Some((shared.owner, shared.last)),
            KeptText::Whole(_) | KeptText::Coded(_) => None,
        };
        let text = match &rest {
            None => Text::Whole(&head),
            Some(rest) => Text::Rest { head: &head, rest },
        };
        let mut take = std::mem::take(&mut self.take);
        let taken = self.taken(reader, (&listed, &head, text), begins_run, &mut take);
        self.take = take;
        let mut taken = taken?;
        for taken in &mut taken {
            let place = (taken.listing.revision, taken.segment.sequence);
            if let Some((later, contents)) = self.fills.remove(&place) {
                taken.fill(later, contents);
            }
        }
        self.list.extend(taken);
        Ok(())
    }

    /// What a revision adds to a list.
    fn taken(
        &mut self,
        reader: &Reader,
        (listed, head, text): (&ListedRevision, &[u8], Text<'_>),
        begins_run: bool,
        take: &mut Take,
    ) -> Result<Vec<Taken>, ReadError> {
        let Ok(base) = Url::parse(&listed.url) else {
            return Ok(Vec::new());
        };
        let imports = match imports_variables(head) {
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
        Ok(take.revision(&revision, text))
    }

    /// All that a revision lists, whatever was listed before.
    pub(super) fn all_of(
        &mut self,
        reader: &Reader,
        listed: &ListedRevision,
    ) -> Result<Vec<Taken>, ReadError> {
        let text = match &listed.text {
            KeptText::Whole(text) => text.clone(),
            KeptText::Coded(coded) => reader.plain_text(coded)?,
            KeptText::Shared(shared) => whole(reader, shared)?,
        };
        let text = (listed, text.as_slice(), Text::Whole(&text));
        self.taken(reader, text, false, &mut Take::default())
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
        Ok((whole(reader, shared)?, None))
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

fn whole(reader: &Reader, shared: &SharedText) -> Result<Vec<u8>, ReadError> {
    let lines = reader.shared_lines(shared.owner, shared.first, shared.last)?;
    Ok([shared.head.as_str(), &lines, &shared.tail]
        .concat()
        .into_bytes())
}

/// What leads to the root of the replay from so many folders below it.
fn root(ups: usize) -> String {
    "../".repeat(ups)
}

/// What landed in a session, as far as it is written.
pub(super) struct Landed<'a> {
    pub(super) reader: &'a Reader,
    pub(super) stream_id: i64,
    /// In microseconds of Unix time.
    pub(super) written_us: i64,
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

    fn came(&self, listing: &Listing, wanted: Wanted<'_>) -> Result<Option<Recorded>, ReadError> {
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
        if let Verdict::Present(found) = self.landed(listing, wanted)? {
            return Ok(Some(found));
        }
        let only = match wanted.may_be_anew {
            true => self.reader.only_good_body(&listed)?,
            false => None,
        };
        Ok(only.and_then(|body| recorded(body, wanted.range)))
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
