//! What the revisions that hold at the cutoff list, and those that have ceased to a moment ago.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use rusqlite::{Connection, Result, params};
use url::Url;

use crate::hls::{ByteRange, Variables};
use crate::session::ExchangeId;
use crate::session::keep::decide::{Living, Row};
#[cfg(test)]
use crate::session::keep::named;
use crate::session::keep::named::{Named, back_us, resolve};
#[cfg(test)]
use crate::session::write::revisions::TEXT;
use crate::session::write::revisions::text_of;

/// URLs that are looked up between two batches of rows, so that the recording goes on meanwhile.
/// Tests see each playlist read in pieces.
const MOST_LOOKED_UP: usize = if cfg!(test) { 25 } else { 10_000 };

/// Reading so many bytes of a playlist takes as long as looking up a URL.
const BYTES_PER_LOOK_UP: usize = 100;

/// A revision that is to be read.
#[derive(Debug, Clone, Copy)]
struct Due {
    playlist_id: i64,
    stream_id: i64,
    revision: ExchangeId,
    from_us: i64,
    target_us: Option<i64>,
}

/// A revision whose URLs are being looked up.
#[derive(Debug)]
struct Reading {
    due: Due,
    listed: Listed,
    /// What it cost to read it, in URLs looked up.
    cost: usize,
    /// Each once: a playlist can name one URL a million times.
    wanted: HashSet<(Url, Option<ByteRange>)>,
}

/// What a revision lists.
#[derive(Debug, Default)]
struct Listed {
    revision: ExchangeId,
    from_us: i64,
    target_us: Option<i64>,
    /// Rows of `resource`: playlists, chunks, keys, data.
    resources: HashSet<i64>,
    /// URLs in it under which a resource is not known itself.
    aliases: Vec<String>,
    imports: bool,
    /// Of a multivariant playlist.
    variables: Option<Variables>,
}

impl Listed {
    fn resolve(&mut self, db: &Connection, url: &str, range: Option<ByteRange>) -> Result<()> {
        let resolved = resolve(db, url, range)?;
        self.resources.extend(resolved.resources);
        if resolved.is_alias {
            self.aliases.push(url.to_owned());
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Playlist {
    stream_id: i64,
    held: Option<Listed>,
    /// Those before it, and when they ceased to hold.
    ceased: VecDeque<(i64, Listed)>,
}

impl Playlist {
    fn lists(&self) -> impl Iterator<Item = &Listed> {
        self.held
            .iter()
            .chain(self.ceased.iter().map(|(_, listed)| listed))
    }
}

/// The lists at the cutoff, by the playlist that was polled.
#[derive(Debug)]
pub(super) struct Lists {
    playlists: BTreeMap<i64, Playlist>,
    /// Resources that were there when this run began: which revision listed them before is no longer known.
    inherited: HashSet<i64>,
    inherited_us: Option<i64>,
    dropped: Vec<String>,
    /// Revisions that the cutoff has passed and that are not read yet.
    due: VecDeque<Due>,
    reading: Option<Reading>,
}

impl Lists {
    /// `kept_from_us`: where an earlier run has removed things up to.
    pub(super) fn new(kept_from_us: Option<i64>) -> Self {
        Self {
            playlists: BTreeMap::new(),
            inherited: HashSet::new(),
            inherited_us: kept_from_us,
            dropped: Vec::new(),
            due: VecDeque::new(),
            reading: None,
        }
    }

    /// Reads the revisions that the cutoff has passed since the last time, in their order; `false`: some are left
    /// for the next time.
    pub(super) fn take_in(
        &mut self,
        db: &Connection,
        rows: &[Row],
        cutoff_us: i64,
    ) -> Result<bool> {
        if let Some(since_us) = self.inherited_us {
            let there = rows.iter().filter(|row| row.from_us <= since_us);
            self.inherited.extend(there.map(|row| row.resource_id));
        }
        if self.is_up_to_date() {
            self.due = self.passed(rows, cutoff_us);
        }
        let mut left = MOST_LOOKED_UP;
        while left > 0 && !self.is_up_to_date() {
            self.read_some(db, &mut left)?;
        }
        let is_done = self.is_up_to_date();
        if is_done {
            self.expire(cutoff_us);
        }
        Ok(is_done)
    }

    fn is_up_to_date(&self) -> bool {
        self.due.is_empty() && self.reading.is_none()
    }

    fn passed(&self, rows: &[Row], cutoff_us: i64) -> VecDeque<Due> {
        let passed = rows.iter().filter(|row| row.from_us <= cutoff_us);
        let mut due: Vec<Due> = passed
            .filter_map(|row| {
                Some(Due {
                    playlist_id: row.revises?,
                    stream_id: row.stream_id,
                    revision: row.id,
                    from_us: row.from_us,
                    target_us: row.target_duration_us,
                })
            })
            .filter(|due| self.is_new(due))
            .collect();
        due.sort_by_key(|due| (due.from_us, due.revision));
        due.into()
    }

    /// Looks some URLs of the next revision up; the last of them makes it the one that holds.
    fn read_some(&mut self, db: &Connection, left: &mut usize) -> Result<()> {
        let next = self.reading.take().map(Ok);
        let next = next.or_else(|| self.due.pop_front().map(|due| self.begin(db, due)));
        let Some(mut reading) = next.transpose()? else {
            return Ok(());
        };
        *left = left.saturating_sub(std::mem::take(&mut reading.cost));
        let some: Vec<_> = reading.wanted.iter().take(*left).cloned().collect();
        for (url, range) in &some {
            reading.listed.resolve(db, url.as_str(), *range)?;
            reading.wanted.remove(&(url.clone(), *range));
        }
        *left -= some.len();
        if !reading.wanted.is_empty() {
            self.reading = Some(reading);
            return Ok(());
        }
        let Reading { due, listed, .. } = reading;
        let gives_other_values = listed.variables.is_some();
        self.hold(due.playlist_id, due.stream_id, listed);
        if gives_other_values {
            self.read_importers_next(due);
        }
        Ok(())
    }

    fn is_new(&self, due: &Due) -> bool {
        let held = self
            .playlists
            .get(&due.playlist_id)
            .and_then(|p| p.held.as_ref());
        held.is_none_or(|held| (due.from_us, due.revision) > (held.from_us, held.revision))
    }

    fn hold(&mut self, playlist_id: i64, stream_id: i64, listed: Listed) {
        let playlist = self.playlists.entry(playlist_id).or_default();
        playlist.stream_id = stream_id;
        let from_us = listed.from_us;
        if let Some(before) = playlist.held.replace(listed) {
            playlist.ceased.push_back((from_us, before));
        }
    }

    /// Media playlists that import variables list other things from then on.
    fn read_importers_next(&mut self, main: Due) {
        let imports = |p: &Playlist| {
            p.stream_id == main.stream_id && p.held.as_ref().is_some_and(|held| held.imports)
        };
        let importers = self.playlists.iter().filter(|(_, p)| imports(p));
        let again: Vec<Due> = importers
            .filter_map(|(id, p)| {
                let held = p.held.as_ref()?;
                Some(Due {
                    playlist_id: *id,
                    revision: held.revision,
                    target_us: held.target_us,
                    ..main
                })
            })
            .collect();
        again
            .into_iter()
            .rev()
            .for_each(|due| self.due.push_front(due));
    }

    /// What a revision names; nothing of it is looked up yet.
    fn begin(&self, db: &Connection, due: Due) -> Result<Reading> {
        let mut listed = Listed {
            revision: due.revision,
            from_us: due.from_us,
            target_us: due.target_us,
            ..Listed::default()
        };
        let text = text_of(db, due.revision)?;
        let text = text.and_then(|(url, body)| Some((Url::parse(&url).ok()?, body)));
        let Some((base, body)) = text else {
            return Ok(Reading {
                due,
                listed,
                cost: 1,
                wanted: HashSet::new(),
            });
        };
        let named = Named::read(&body, &base, || self.variables(due.stream_id));
        listed.variables = named.variables;
        listed.imports = named.imports;
        Ok(Reading {
            due,
            listed,
            cost: 1 + body.len() / BYTES_PER_LOOK_UP,
            wanted: named.urls,
        })
    }

    fn variables(&self, stream_id: i64) -> Variables {
        let held = self.playlists.values().filter(|p| p.stream_id == stream_id);
        held.filter_map(|p| p.held.as_ref()?.variables.clone())
            .next()
            .unwrap_or_default()
    }

    fn expire(&mut self, cutoff_us: i64) {
        let targets = self
            .playlists
            .values()
            .filter_map(|p| p.held.as_ref()?.target_us);
        let back_us = back_us(targets);
        let is_over = |ceased_us: i64| ceased_us.saturating_add(back_us) <= cutoff_us;
        if self.inherited_us.is_some_and(is_over) {
            self.inherited_us = None;
            self.inherited.clear();
        }
        let mut over = Vec::new();
        for playlist in self.playlists.values_mut() {
            while playlist.ceased.front().is_some_and(|(us, _)| is_over(*us)) {
                let gone = playlist.ceased.pop_front();
                over.extend(gone.map(|(_, listed)| listed.aliases).unwrap_or_default());
            }
        }
        self.dropped.extend(over);
        if !self.dropped.is_empty() {
            let lists = self.playlists.values().flat_map(Playlist::lists);
            let still: HashSet<&String> = lists.flat_map(|listed| &listed.aliases).collect();
            // Some that were dropped before may be listed again.
            self.dropped.retain(|url| !still.contains(url));
        }
    }

    /// Aliases that are not listed any more and have not been removed yet.
    pub(super) fn dropped_aliases(&self) -> &[String] {
        &self.dropped
    }

    /// The first of them have been removed.
    pub(super) fn forget_dropped(&mut self, count: usize) {
        self.dropped.drain(..count.min(self.dropped.len()));
    }

    /// What is alive: what users typed, what that lists, and so on; and what is still polled.
    pub(super) fn living(
        &mut self,
        db: &Connection,
        rows: &[Row],
        cutoff_us: i64,
    ) -> Result<Living> {
        let mut living = Living::default();
        let mut reached = typed(db)?;
        for id in self.playlists.keys() {
            if is_answer_later(db, *id, cutoff_us)? {
                reached.push(*id);
            }
        }
        while let Some(id) = reached.pop() {
            if !living.resources.insert(id) {
                continue;
            }
            if let Some(playlist) = self.playlists.get(&id) {
                reached.extend(renewed(db, id)?);
                living
                    .held
                    .extend(playlist.held.as_ref().map(|held| held.revision));
                reached.extend(playlist.lists().flat_map(|listed| &listed.resources));
            }
        }
        self.playlists.retain(|id, _| living.resources.contains(id));
        living.resources.extend(&self.inherited);
        living
            .resources
            .extend(listed_now(rows, cutoff_us, &living.held));
        Ok(living)
    }
}

/// What was fetched on account of a revision that holds, or will: even where its text could not
/// be understood in the same way.
fn listed_now(rows: &[Row], cutoff_us: i64, held: &HashSet<ExchangeId>) -> Vec<i64> {
    let at: HashMap<ExchangeId, i64> = rows.iter().map(|row| (row.id, row.from_us)).collect();
    let holds = |referrer: ExchangeId| {
        held.contains(&referrer) || at.get(&referrer).is_some_and(|us| *us > cutoff_us)
    };
    let own = rows
        .iter()
        .filter(|row| row.head_id.is_none() && !row.is_playlist);
    let fetched = own.filter(|row| row.referrer_id.is_some_and(holds));
    fetched.map(|row| row.resource_id).collect()
}

const TYPED: &str =
    "SELECT r.id FROM stream s CROSS JOIN resource r ON r.url = s.url AND r.stream_id = s.id";

fn typed(db: &Connection) -> Result<Vec<i64>> {
    let mut statement = db.prepare_cached(TYPED)?;
    let ids = statement.query_map([], |row| row.get(0))?;
    ids.collect()
}

const RENEWED: &str = "
    SELECT a.resource_id FROM resource p CROSS JOIN alias a ON a.url = p.url WHERE p.id = ?1 AND p.kind = 'media'";

/// What was asked for in the place of a playlist, under newer URLs.
fn renewed(db: &Connection, playlist_id: i64) -> Result<Vec<i64>> {
    let mut statement = db.prepare_cached(RENEWED)?;
    let ids = statement.query_map([playlist_id], |row| row.get(0))?;
    ids.collect()
}

const LATER: &str =
    "SELECT EXISTS (SELECT 1 FROM exchange WHERE resource_id = ?1 AND from_us > ?2)";

fn is_answer_later(db: &Connection, resource_id: i64, cutoff_us: i64) -> Result<bool> {
    db.prepare_cached(LATER)?
        .query_row(params![resource_id, cutoff_us], |row| row.get(0))
}

/// The queries of a pass: each finds its rows by an index.
#[cfg(test)]
pub(super) const QUERIES: [&str; 7] = [
    TEXT,
    named::QUERIES[0],
    named::QUERIES[1],
    named::QUERIES[2],
    TYPED,
    RENEWED,
    LATER,
];
