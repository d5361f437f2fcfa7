//! The pass over exchanges, in the order in which requests began.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::durations::name;
use super::judgement::ReadSoFar;
use super::judging::Judging;
use crate::analysis::adjacent::{Search, Threshold};
use crate::analysis::damaged::NotJudged;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::across::{self, Rates};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::findings::Place;
use crate::analysis::rules::http::{ASKED_FOR, Answered, Exchanges};
use crate::analysis::rules::overview::{Came, Fetched};
use crate::session::{
    HeaderSet, Headers, Kind, Outcome, ReadError, Reader, RevisedPlaylist, SeenExchange,
};

/// Exchanges that are read at once.
const AT_ONCE: usize = 1024;
/// Answers of a playlist out of a cache that are remembered, ...
const MOST_COPIES: usize = 100_000;
/// ... where it had had them for so long, in microseconds.
const LEAST_AGE_US: i64 = 2_000_000;
/// Header sets that are remembered.
const MOST_SETS: usize = 1024;

impl Judging<'_> {
    pub(super) fn exchanges(&mut self, playlists: &[RevisedPlaylist]) -> Result<(), ReadError> {
        let streams = self.reader.streams()?.into_iter();
        let streams: HashMap<i64, String> =
            streams.map(|stream| (stream.id, stream.name)).collect();
        let names: HashMap<i64, &RevisedPlaylist> = playlists
            .iter()
            .map(|playlist| (playlist.id, playlist))
            .collect();
        let raw = self.reader.raw_streams()?;
        let wanted = self.findings.wanted();
        let wanted = wanted.from_us..=wanted.until_us;
        let mut exchanges =
            Exchanges::new(self.longest_us, std::mem::take(&mut self.listed), wanted);
        let recorder = Search::new(self.reader, Threshold::default())?;
        let mut fields = Fields::default();
        let mut rates = Rates::default();
        let damage = Rc::clone(&self.damage);
        let mut behind = 0;
        loop {
            let (rows, last) = self.reader.exchanges_behind(behind, AT_ONCE)?;
            let Some(last) = last else { break };
            behind = last;
            for row in rows.iter().filter(|row| !damage.has(row.id)) {
                let of = told_of(row);
                let playlist = names.get(&of).copied();
                let Some(stream) = streams
                    .get(&row.stream_id)
                    .filter(|stream| self.is_meant(stream, playlist))
                else {
                    continue;
                };
                let mut out = Vec::new();
                self.rate(row, playlist, &mut rates, &mut out);
                let Some((headers, set)) = fields.of(self.reader, row)? else {
                    // That there are none is nothing that the origin did.
                    self.unreadable += 1;
                    continue;
                };
                let is_paced = raw.has(row.stream_id);
                self.overview.hosts.take(row, &headers, is_paced);
                let answered = Answered {
                    exchange: row,
                    headers: &headers,
                    stood_still: stood_still(&recorder, row),
                    has_expires: set.is_some_and(|set| set.has_expires),
                    modified: set.and_then(|set| modified(&set.all, row)),
                    part_target_us: self.part_targets.get(&of).copied(),
                };
                self.copy(of, &answered);
                self.fetched(of, &answered);
                if !self.is_left_by_chance(row) {
                    exchanges.judge(&answered, &mut out);
                }
                out.iter_mut()
                    .for_each(|broken| self.twice.tell(row, broken));
                // Of a raw stream nobody expects a playlist.
                out.retain(|broken| broken.rule != "P01" || !raw.has(row.stream_id));
                self.add(row, stream, playlist, out);
            }
            self.looked_at.exchanges += rows.len() as u64;
            (self.progress)(ReadSoFar::Exchanges(self.looked_at.exchanges));
        }
        let why = exchanges.not_judged().into_iter();
        self.not_judged.extend(why.map(|(what, why)| NotJudged {
            what: what.to_owned(),
            why: why.to_owned(),
        }));
        self.not_there(&mut exchanges, &streams, &names);
        self.rates(playlists, &rates);
        Ok(())
    }

    /// T07 asks for it: an answer of a playlist that a cache had had for longer than a moment.
    fn copy(&mut self, playlist: i64, answered: &Answered<'_>) {
        let exchange = answered.exchange;
        let age_us = answered.age_us().filter(|age_us| *age_us >= LEAST_AGE_US);
        let Some(age_us) = age_us.filter(|_| exchange.kind.is_playlist()) else {
            return;
        };
        let copies = self.copies.entry(playlist).or_default();
        if copies.len() < MOST_COPIES {
            copies.push((exchange.requested_us, age_us));
        }
    }

    /// What became of a request, as a viewer would have seen it.
    fn fetched(&mut self, of: i64, answered: &Answered<'_>) {
        let row = answered.exchange;
        let took_us = row.took_us();
        let over_us = row.requested_us.saturating_add(took_us);
        if row.kind.is_playlist() {
            self.overview.polled(of, over_us);
        }
        if row.kind != Kind::Segment {
            return;
        }
        let fetches = &mut self.overview.fetches;
        let head = row.head_id.and_then(|head| fetches.name_of(head));
        let name = head.unwrap_or_else(|| name(&row.url, row.range));
        if row.is_redirect() {
            return fetches.redirected(row.head_id.unwrap_or(row.id), name);
        }
        let is_own = row.is_own
            || answered.stood_still
            || matches!(row.outcome, Outcome::Disk | Outcome::TooLarge);
        let became = match matches!(row.status, Some(200 | 206)) && row.outcome == Outcome::Complete
        {
            true => Fetched::Came(over_us),
            false if is_own => Fetched::Own,
            false => Fetched::Failed,
        };
        fetches.take(name, row.requested_us, became);
    }

    /// H01: what was listed and was not there, at the end of it all.
    fn not_there(
        &mut self,
        exchanges: &mut Exchanges,
        streams: &HashMap<i64, String>,
        names: &HashMap<i64, &RevisedPlaylist>,
    ) {
        let durations = &self.durations;
        for told in exchanges.not_there(|url, range| durations.needed(url, range)) {
            let playlist = names.get(&told.playlist);
            let place = Place {
                stream: streams.get(&told.stream_id).map_or("", String::as_str),
                playlist: playlist.map(|playlist| playlist.name.as_str()),
                id: told.playlist,
                at: told.seen.first,
            };
            self.findings.add_seen(&place, told.broken, &told.seen);
        }
    }

    /// It is from before what is kept, and of no text that is: what a live window has moved past stays for some time.
    fn is_left_by_chance(&self, row: &SeenExchange) -> bool {
        let is_before = row.requested_us < self.kept_us;
        is_before
            && row.listed_by.is_none()
            && match row.kind {
                Kind::Segment | Kind::Part => true,
                // These are asked for once, however long they are needed.
                Kind::Init | Kind::Key => {
                    let needed = self.durations.needed(&row.url, row.range);
                    self.passes.texts && needed.by.is_none()
                }
                _ => false,
            }
    }

    /// Rows of streams that are no playlists.
    fn is_meant(&self, stream: &str, playlist: Option<&RevisedPlaylist>) -> bool {
        let is_named = playlist.is_some_and(|playlist| self.scope.has(playlist));
        self.scope.has_stream(stream) && (self.scope.playlist.is_none() || is_named)
    }

    fn add(
        &mut self,
        row: &SeenExchange,
        stream: &str,
        playlist: Option<&RevisedPlaylist>,
        found: Vec<Broken>,
    ) {
        let place = Place {
            stream,
            playlist: playlist.map(|playlist| playlist.name.as_str()),
            // What no playlist listed is told apart by its stream.
            id: playlist.map_or(-row.stream_id, |playlist| playlist.id),
            at: Evidence {
                at_us: row.requested_us,
                exchange: Some(row.id),
            },
        };
        for broken in found {
            self.findings.add(&place, broken);
        }
    }

    fn rate(
        &mut self,
        row: &SeenExchange,
        listed_by: Option<&RevisedPlaylist>,
        rates: &mut Rates,
        out: &mut Vec<Broken>,
    ) {
        let is_whole = matches!(row.status, Some(200 | 206)) && row.outcome == Outcome::Complete;
        let (Some((playlist, target_us)), Some((size, _))) = (row.listed_by, &row.body) else {
            return;
        };
        if row.kind != Kind::Segment || !is_whole || row.is_own {
            return;
        }
        if let Some(duration_us) = self.durations.of(&row.url, row.range) {
            let family = self.families.get(&row.stream_id);
            let member = listed_by.and_then(|playlist| family?.member(&playlist.url));
            let came = across::Came {
                bytes: *size,
                duration_us,
                target_us: target_us.unwrap_or(duration_us),
                at: Evidence {
                    at_us: row.requested_us,
                    exchange: Some(row.id),
                },
                is_wanted: self.findings.wanted().has(row.requested_us),
            };
            rates.take(playlist, member.map_or(0, |member| member.bandwidth), &came);
            let took_us = row.took_us();
            let came = Came {
                requested_us: row.requested_us,
                at_us: row.requested_us.saturating_add(took_us),
                bytes: *size,
                duration_us,
            };
            self.overview.came(playlist, &came);
        }
        let told = self.durations.rate_of(&row.url);
        let told = told.filter(|_| row.range.is_none() && row.status == Some(200));
        out.extend(told.and_then(|told| told.judge(*size)));
    }

    /// X09: what variants promise, at the end of it all.
    fn rates(&mut self, playlists: &[RevisedPlaylist], rates: &Rates) {
        for playlist in playlists.iter().filter(|playlist| self.scope.has(playlist)) {
            let family = self.families.get(&playlist.stream_id);
            let Some(member) = family.and_then(|family| family.member(&playlist.url)) else {
                continue;
            };
            let mut out = Vec::new();
            let is_whole = self.ended.get(&playlist.id).copied().unwrap_or(false);
            rates.judge(playlist.id, member, is_whole, &mut out);
            for (broken, seen) in out {
                let place = Place {
                    stream: &playlist.stream,
                    playlist: Some(&playlist.name),
                    id: playlist.id,
                    at: seen.first,
                };
                self.findings.add_seen(&place, broken, &seen);
            }
        }
    }
}

/// The playlist that an exchange is about, by its row: that which was polled, or that which listed what was asked for.
fn told_of(row: &SeenExchange) -> i64 {
    match row.listed_by.filter(|_| !row.kind.is_playlist()) {
        Some((id, _)) => id,
        None => row.head_resource_id.unwrap_or(row.resource_id),
    }
}

/// Whether the recorder did, or its machine slept, while a request was under way.
fn stood_still(recorder: &Search<'_>, row: &SeenExchange) -> bool {
    let over_us = row.requested_us.saturating_add(row.took_us());
    recorder.stood_still(row.requested_us, over_us)
}

/// Of a text that is new: Last-Modified and Date, in seconds of Unix time.
fn modified(set: &HeaderSet, row: &SeenExchange) -> Option<(u64, u64)> {
    let (_, is_over) = row.revision?;
    let (_, values) = row.headers.as_ref().filter(|_| !is_over)?;
    let [modified, date] = set.dates(["last-modified", "date"], values.as_deref())?;
    Some((modified, date))
}

/// Header sets, read once.
#[derive(Default)]
struct Fields {
    sets: HashMap<i64, Option<Set>>,
}

/// A header set, and those of its fields that are asked for, where it has all of them: what exchanges have beside it (dates, tags,
/// lengths) need not be read then.
struct Set {
    all: HeaderSet,
    whole: Option<Headers>,
    has_expires: bool,
}

impl Set {
    fn new(all: HeaderSet) -> Self {
        let whole = (!all.leaves_out(&ASKED_FOR)).then(|| all.own());
        let has_expires = all.has("expires");
        Self {
            all,
            whole,
            has_expires,
        }
    }
}

/// Header fields of an exchange, and the set that they are of.
type Of<'a> = (Cow<'a, Headers>, Option<&'a Set>);

impl Fields {
    /// Of an exchange; `None`: they cannot be put together.
    fn of<'a>(
        &'a mut self,
        reader: &Reader,
        row: &SeenExchange,
    ) -> Result<Option<Of<'a>>, ReadError> {
        let Some((id, values)) = &row.headers else {
            return Ok(Some((Cow::default(), None)));
        };
        if !self.sets.contains_key(id) {
            if self.sets.len() >= MOST_SETS {
                self.sets.clear();
            }
            let set = reader.header_set(*id)?.map(Set::new);
            self.sets.insert(*id, set);
        }
        let Some(Some(set)) = self.sets.get(id) else {
            return Ok(None);
        };
        let headers = match &set.whole {
            Some(headers) => Some(Cow::Borrowed(headers)),
            None => set.all.with(values.as_deref()).map(Cow::Owned),
        };
        Ok(headers.map(|headers| (headers, Some(set))))
    }
}
