//! Reads the revisions of a media playlist from a session into a list. Runs on a blocking thread.

use url::Url;

use super::list::List;
use super::list::new_segment::{Fills, NewSegment};
use super::list::revisions::{Revision, RevisionText, Revisions};
use super::list::verdict::Listing;
use super::recorded_stream::RecordedStream;
use crate::hls::{LineKind, Variables, imports_variables, lines, playlist_kind, read_multivariant};
use crate::session::{Body, KeptText, ListedRevision, ReadError, Reader, ResourceInfo, SharedText};

/// Revisions that are read at once.
const REVISIONS: usize = 128;
/// The target duration of a playlist that states none, in microseconds.
const TARGET_US: i64 = 6_000_000;

/// A DVR playlist that grows with its session.
#[derive(Debug)]
pub(super) struct Feed {
    playlist: ResourceInfo,
    /// Row of `resource`: the multivariant playlist of the stream.
    main_id: Option<i64>,
    revisions: Revisions,
    /// As far as it is decided.
    pub(super) list: List,
    /// The last revision that was read: when it was seen, and its exchange.
    cursor: (i64, i64),
    /// Whose lines the last revision shared, and the last of those.
    shared: Option<(i64, i64)>,
    variables: Option<(i64, Variables)>,
    /// Of a finished session: segments that later revisions fill.
    fills: Fills,
}

impl Feed {
    /// `ups`: how many folders below the root it is served.
    pub(super) fn new(playlist: ResourceInfo, main_id: Option<i64>, ups: usize) -> Self {
        let root = root(ups);
        Self {
            playlist,
            main_id,
            revisions: Revisions::new(&root),
            list: List::new(&root),
            cursor: (i64::MIN, 0),
            shared: None,
            variables: None,
            fills: Fills::default(),
        }
    }

    /// The feed of a finished session, in which bodies count however late they came. Only its text is cached, since
    /// the session may be recorded again, and then the list made during the recording goes on.
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

    /// The exchange of the last revision that was read; `None`: none was.
    pub(super) fn last_read(&self) -> Option<i64> {
        Some(self.cursor.1).filter(|id| *id != 0)
    }

    /// Reads the revisions that are new, and decides the segments that can be decided.
    pub(super) fn read(&mut self, stream: &RecordedStream<'_>) -> Result<(), ReadError> {
        let runs = stream.reader.runs()?;
        let starts: Vec<i64> = runs.iter().map(|run| run.started_us).collect();
        loop {
            let is_all = stream
                .reader
                .together(|| self.read_batch(stream, &starts))?;
            if is_all {
                return Ok(());
            }
        }
    }

    /// Reads the next few revisions; whether these were all. `starts`: when the runs began.
    fn read_batch(
        &mut self,
        stream: &RecordedStream<'_>,
        starts: &[i64],
    ) -> Result<bool, ReadError> {
        let revisions = stream
            .reader
            .listed_revisions(self.playlist.id, self.cursor, REVISIONS)?;
        let is_all = revisions.len() < REVISIONS;
        for revision in revisions {
            let seen = (revision.seen_us, revision.exchange_id);
            let before = std::mem::replace(&mut self.cursor, seen);
            let between = before.0.saturating_add(1)..=revision.seen_us;
            let begins_run = starts.iter().any(|start| between.contains(start));
            self.revision(stream.reader, revision, begins_run)?;
            // Decided segments take less memory.
            self.list.decide(stream)?;
        }
        if is_all {
            self.list.decide(stream)?;
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
            None => RevisionText::Whole(&head),
            Some(rest) => RevisionText::Rest { head: &head, rest },
        };
        let mut revisions = std::mem::take(&mut self.revisions);
        let taken = self.taken(reader, (&listed, &head, text), begins_run, &mut revisions);
        self.revisions = revisions;
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
        (listed, head, text): (&ListedRevision, &[u8], RevisionText<'_>),
        begins_run: bool,
        revisions: &mut Revisions,
    ) -> Result<Vec<NewSegment>, ReadError> {
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
        Ok(revisions.add(&revision, text))
    }

    /// All that a revision lists, whatever was listed before.
    pub(super) fn all_segments_of(
        &mut self,
        reader: &Reader,
        listed: &ListedRevision,
    ) -> Result<Vec<NewSegment>, ReadError> {
        let text = match &listed.text {
            KeptText::Whole(text) => text.clone(),
            KeptText::Coded(coded) => reader.plain_text(coded)?,
            KeptText::Shared(shared) => whole_text(reader, shared)?,
        };
        let text = (listed, text.as_slice(), RevisionText::Whole(&text));
        self.taken(reader, text, false, &mut Revisions::default())
    }

    /// All of a large text; or its head and the lines behind the last segment that was read,
    /// where those are known to be all that is new.
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
            (known, self.revisions.next(), last_place)
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
        Ok((whole_text(reader, shared)?, None))
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

fn whole_text(reader: &Reader, shared: &SharedText) -> Result<Vec<u8>, ReadError> {
    let lines = reader.shared_lines(shared.owner, shared.first, shared.last)?;
    Ok([shared.head.as_str(), &lines, &shared.tail]
        .concat()
        .into_bytes())
}

/// The reference to the root of the replay from `ups` folders below it.
fn root(ups: usize) -> String {
    "../".repeat(ups)
}
