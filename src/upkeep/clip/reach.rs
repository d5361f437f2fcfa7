//! What a player can reach within a span: exchanges, resources, and other URLs of these.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::params;
use url::Url;

use super::looks::Looks;
use super::span::Wanted;
use crate::hls::{ByteRange, Variables};
use crate::session::digest::digest;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::keep::decide::Row;
use crate::session::model::Kind;
use crate::session::read::facts::ResourceInfo;
use crate::session::read::reader::Reader;

/// Resources, or URLs, that are looked up in one view of the database.
const TOGETHER: usize = 128;

/// What a clip has.
pub(super) struct Reach<'a> {
    pub(super) reader: &'a Reader,
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    /// Streams that are wanted: numbers and URLs.
    pub(super) streams: HashMap<i64, String>,
    pub(super) exchanges: BTreeSet<ExchangeId>,
    pub(super) resources: BTreeSet<i64>,
    pub(super) aliases: BTreeSet<(String, i64)>,
    /// Resources that have not been looked at.
    queue: Vec<i64>,
    /// What their texts name, as yet not looked up.
    wanted: Vec<(String, Option<ByteRange>)>,
    /// What was looked up: half a digest of the URL, and the range.
    known: HashSet<([u8; 16], Option<ByteRange>)>,
    /// Exchanges that have not been looked at, and whether what they name is reached, too.
    unread: Vec<(ExchangeId, bool)>,
    /// Those of which that is so.
    reads: HashSet<ExchangeId>,
    /// Bodies that have been, each with the resource whose they are: what they name is relative to that.
    pub(super) read: HashSet<(i64, i64)>,
    /// Values of variables that multivariant playlists of a stream have within the span.
    pub(super) variables: HashMap<i64, Vec<Variables>>,
    /// Texts that import variables, by their stream, until all values are known.
    pub(super) importers: Vec<(i64, Url, Vec<u8>)>,
}

impl<'a> Reach<'a> {
    /// Of a span.
    /// `owed`: resources that were listed before it and had not come, and since when each is the answer.
    pub(super) fn of(
        reader: &'a Reader,
        wanted: &Wanted,
        owed: &[(i64, i64)],
    ) -> Result<Self, ReadError> {
        let streams = reader.streams()?.into_iter();
        let is_wanted = |name: &String| wanted.stream.as_ref().is_none_or(|own| own == name);
        let streams = streams.filter(|stream| is_wanted(&stream.name));
        let mut reach = Self {
            reader,
            from_us: wanted.from_us,
            to_us: wanted.to_us,
            streams: streams.map(|stream| (stream.id, stream.url)).collect(),
            exchanges: BTreeSet::new(),
            resources: BTreeSet::new(),
            aliases: BTreeSet::new(),
            queue: Vec::new(),
            wanted: Vec::new(),
            known: HashSet::new(),
            unread: Vec::new(),
            reads: HashSet::new(),
            read: HashSet::new(),
            variables: HashMap::new(),
            importers: Vec::new(),
        };
        reach.typed()?;
        reach.came_late(owed)?;
        reach.requested()?;
        while reach.goes_on()? {}
        reach.ends_of_paths()?;
        Ok(reach)
    }

    /// What users typed.
    fn typed(&mut self) -> Result<(), ReadError> {
        let sql = "SELECT id FROM resource WHERE url = ?1 AND stream_id = ?2";
        for (id, url) in self.streams.clone() {
            let found = self.reader.list(sql, params![url, id], |row| row.get(0))?;
            self.queue.extend::<Vec<i64>>(found);
        }
        Ok(())
    }

    /// What was listed before the span and came within it, for its own moment.
    fn came_late(&mut self, owed: &[(i64, i64)]) -> Result<(), ReadError> {
        for (id, from_us) in owed {
            let since = (from_us.saturating_sub(1), self.from_us);
            for row in Looks(self.reader).within(*id, since)? {
                self.queue.push(row.resource_id);
                self.bring(&row);
            }
        }
        Ok(())
    }

    /// What was requested within the span, or was under way when it began; what is the answer only behind it is not of it.
    fn requested(&mut self) -> Result<(), ReadError> {
        let looks = Looks(self.reader);
        let mut next = looks.first_requested(self.from_us)?;
        loop {
            let (rows, after) = looks.requested(next, (self.from_us, self.to_us))?;
            for row in rows {
                if self.streams.contains_key(&row.stream_id) {
                    self.queue.push(row.resource_id);
                    if row.from_us <= self.to_us {
                        self.bring(&row);
                    }
                }
            }
            match after {
                Some(after) => next = after,
                None => return Ok(()),
            }
        }
    }

    /// One step; `false`: there is nothing left.
    fn goes_on(&mut self) -> Result<bool, ReadError> {
        if let Some((id, reads)) = self.unread.pop() {
            self.read_answer(id, reads)?;
            return Ok(true);
        }
        let reader = self.reader;
        let some = self
            .wanted
            .split_off(self.wanted.len().saturating_sub(TOGETHER));
        if !some.is_empty() {
            reader.together(|| {
                let mut urls = some.iter();
                urls.try_for_each(|(url, range)| self.look_up(url, *range))
            })?;
            return Ok(true);
        }
        let some = self
            .queue
            .split_off(self.queue.len().saturating_sub(TOGETHER));
        if !some.is_empty() {
            reader.together(|| some.iter().try_for_each(|id| self.visit(*id)))?;
            return Ok(true);
        }
        self.read_importers();
        Ok(!self.wanted.is_empty())
    }

    /// Has an exchange in the clip, what it needs, and what it names.
    pub(super) fn bring(&mut self, row: &Row) {
        self.exchanges.insert(row.id);
        self.read(row.id);
    }

    /// Has an exchange in the clip that is never the answer there: what it names is not reached by it.
    pub(super) fn bring_alone(&mut self, row: &Row) {
        if self.exchanges.insert(row.id) {
            self.unread.push((row.id, false));
        }
    }

    /// What an exchange names is reached, whether it is in the clip itself or not.
    fn read(&mut self, id: ExchangeId) {
        if self.reads.insert(id) {
            self.unread.push((id, true));
        }
    }

    /// A URL is reached.
    pub(super) fn name(&mut self, url: &Url, range: Option<ByteRange>) {
        let mut key = [0; 16];
        let digest = digest(url.as_str().as_bytes());
        key.copy_from_slice(&digest[..16]);
        if self.known.insert((key, range)) {
            self.wanted.push((url.as_str().to_owned(), range));
        }
    }

    /// As the replayer finds it.
    fn look_up(&mut self, url: &str, range: Option<ByteRange>) -> Result<(), ReadError> {
        let looks = Looks(self.reader);
        let mut found = looks.resolve(url, range)?;
        if found.is_empty() {
            let others = self.reader.resources(url)?;
            found.extend(others.into_iter().map(|resource| resource.id));
        }
        self.queue.extend(found);
        self.add_aliases(url)
    }

    /// What is known under a URL as another one of its own.
    fn add_aliases(&mut self, url: &str) -> Result<(), ReadError> {
        for id in Looks(self.reader).aliases(url)? {
            self.aliases.insert((url.to_owned(), id));
            self.queue.push(id);
        }
        Ok(())
    }

    /// Has what a resource answers within the span in the clip.
    fn visit(&mut self, id: i64) -> Result<(), ReadError> {
        if self.resources.contains(&id) {
            return Ok(());
        }
        let Some(resource) = self.reader.resource(id)? else {
            return Ok(());
        };
        if !self.streams.contains_key(&resource.stream_id) {
            return Ok(());
        }
        self.resources.insert(id);
        let looks = Looks(self.reader);
        let (standing, at_start) = looks.standing(id, self.from_us)?;
        let within = looks.within(id, (self.from_us, self.to_us))?;
        // From the first exchange on it is there where faults are healed, whatever that was.
        let first = match standing.answer {
            Some(_) => None,
            None => looks.first(id)?,
        };
        let rows: Vec<Row> = at_start.into_iter().chain(within).chain(first).collect();
        match resource.kind {
            Kind::Main | Kind::Media => self.visit_playlist(&resource, &rows)?,
            Kind::Steering => self.first_good(id, &rows)?,
            _ => {
                self.mended(&rows)?;
                self.healed_from(&rows)?;
            }
        }
        if resource.kind == Kind::Media {
            self.add_aliases(&resource.url)?;
        }
        rows.iter().for_each(|row| self.bring(row));
        Ok(())
    }

    /// Of a fault the first good answer on account of the same listing, whenever that came.
    fn mended(&mut self, rows: &[Row]) -> Result<(), ReadError> {
        let faults = rows.iter().filter(|row| !row.is_good);
        let listings: BTreeSet<_> = faults
            .map(|row| (row.resource_id, row.referrer_id))
            .collect();
        for (resource_id, referrer_id) in listings {
            let good = Looks(self.reader).first_good_of(resource_id, referrer_id)?;
            good.iter().for_each(|row| self.bring(row));
        }
        Ok(())
    }

    /// Where faults are healed, what is not there yet is there with the first good answer of the playlist that lists it.
    fn healed_from(&mut self, rows: &[Row]) -> Result<(), ReadError> {
        let looks = Looks(self.reader);
        if rows
            .iter()
            .any(|row| row.is_answer && row.from_us <= self.from_us)
        {
            return Ok(());
        }
        let first = rows.iter().min_by_key(|row| (row.from_us, row.id));
        let Some(listing) = first.and_then(|row| row.referrer_id) else {
            return Ok(());
        };
        let listing = looks.row(listing)?;
        if let Some(listing) = listing.filter(|listing| listing.from_us <= self.from_us) {
            let good = looks.first_good(listing.resource_id)?;
            good.iter().for_each(|row| self.bring_alone(row));
        }
        Ok(())
    }

    /// Of a playlist that has had no good answer by then the first one.
    fn first_good(&mut self, id: i64, rows: &[Row]) -> Result<(), ReadError> {
        if !rows
            .iter()
            .any(|row| row.is_good && row.from_us <= self.from_us)
        {
            let good = Looks(self.reader).first_good(id)?;
            good.iter().for_each(|row| self.bring(row));
        }
        Ok(())
    }

    /// Of a playlist also the revision that holds when the span begins; what it has ceased to list a moment ago is reached, too.
    fn visit_playlist(&mut self, resource: &ResourceInfo, rows: &[Row]) -> Result<(), ReadError> {
        let looks = Looks(self.reader);
        self.first_good(resource.id, rows)?;
        let revisions = looks.revisions(resource.id, self.from_us)?;
        for revision in &revisions {
            if let Some(row) = looks.row(revision.id)? {
                match revision.is_brought {
                    true => self.bring(&row),
                    false => self.read(row.id),
                }
                self.queue.push(row.resource_id);
            }
        }
        // Its own answers say which playlist it belongs to.
        if let Some(row) = looks.last_revision_of(resource.id, self.from_us)? {
            self.queue.extend(row.revises);
            self.bring_alone(&row);
        }
        for row in looks.plain(resource.id, self.from_us, rows)? {
            self.bring_alone(&row);
        }
        for row in looks.met_later(resource.id, self.from_us)? {
            self.bring(&row);
        }
        Ok(())
    }

    /// A path that had several URLs is not taken for one that had one.
    fn ends_of_paths(&mut self) -> Result<(), ReadError> {
        let brought: Vec<i64> = self.resources.iter().copied().collect();
        let (reader, mut paths) = (self.reader, HashSet::new());
        for some in brought.chunks(TOGETHER) {
            reader.together(|| {
                for id in some {
                    let Some(resource) = reader.resource(*id)? else {
                        continue;
                    };
                    let path = resource.url.split('?').next().unwrap_or_default();
                    if paths.insert(digest(path.as_bytes())) {
                        let ends = Looks(reader).ends_of_path(path)?;
                        let own = ends
                            .into_iter()
                            .filter(|(_, stream_id)| self.streams.contains_key(stream_id));
                        self.resources.extend(own.map(|(id, _)| id));
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
