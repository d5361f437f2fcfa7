//! The pass over revisions, in the order of time: rules of texts, of time, across renditions.

use std::collections::HashSet;

use url::Url;

use super::judgement::{Longest, ReadSoFar};
use super::judging::Judging;
use super::state::{Read, State};
use crate::analysis::damaged::NotJudged;
use crate::analysis::finding::Evidence;
use crate::analysis::noticed::{host_of, left_alone_us, stood_still_us};
use crate::analysis::rules::across::disputes::Told;
use crate::analysis::rules::across::{Renditions, Seen};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::findings::Place;
use crate::analysis::rules::low_latency;
use crate::analysis::rules::merged::Merged;
use crate::analysis::rules::playlist::Playlist;
use crate::session::{
    Body, ExchangeId, Headers, ReadError, RevisedPlaylist, RevisionTime, SeenRevision,
};
use crate::shown::counted;

/// Texts that are read at once, ...
const AT_ONCE: usize = 64;
/// ... and bytes of them, but for the last.
const MOST_BYTES: usize = 1024 * 1024;
/// Header fields that tell which server or cache answered.
const WHO_ANSWERED: [&str; 4] = ["server", "via", "x-served-by", "x-cache"];
/// Things that could not be judged, and are told one by one.
const MOST_NOT_JUDGED: usize = 100;

/// Revisions without their texts that are read at once.
const TIMES_AT_ONCE: usize = 4096;

/// The index of its playlist, a revision, and its text.
type Taken = (usize, SeenRevision, Result<Body, ReadError>);

impl Judging<'_> {
    pub(super) fn revisions(&mut self, playlists: &[RevisedPlaylist]) -> Result<(), ReadError> {
        match self.passes.texts {
            true => self.texts(playlists),
            false => playlists.iter().try_for_each(|one| self.times(one)),
        }
    }

    /// When the revisions of a playlist came, where no rule is wanted that looks at their texts.
    fn times(&mut self, playlist: &RevisedPlaylist) -> Result<(), ReadError> {
        let mut state = State::default();
        let mut behind = (i64::MIN, i64::MIN);
        loop {
            let rows = self
                .reader
                .revision_times(playlist.id, behind, TIMES_AT_ONCE)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            behind = (last.seen_us, last.exchange_id);
            for row in &rows {
                if self.passed(playlist, &mut state, row).is_some() {
                    self.looked_at.revisions += 1;
                }
            }
            (self.progress)(ReadSoFar::Revisions(self.looked_at.revisions));
        }
    }

    /// A revision came. Gives how long no new segment had come before it, in microseconds, where it brings one; `None`: it cannot be read.
    fn passed(
        &mut self,
        playlist: &RevisedPlaylist,
        state: &mut State,
        row: &RevisionTime,
    ) -> Option<Option<i64>> {
        if self.damage.has(row.exchange_id) {
            state.lose_sight();
            return None;
        }
        let since_us = state.advanced(row);
        let is_seen = |since_us: &i64| {
            let from_us = row.seen_us.saturating_sub(*since_us);
            self.scope.has(playlist)
                && !self.overview.has_hole(from_us, row.seen_us)
                && !self.findings.is_damaged(from_us, row.seen_us)
        };
        if let Some(length_us) = since_us.filter(is_seen) {
            let from_us = row.seen_us.saturating_sub(length_us);
            let name = (&*playlist.stream, &*playlist.name, &*playlist.url);
            self.longest(from_us, row.seen_us, name);
        }
        Some(since_us)
    }

    fn texts(&mut self, playlists: &[RevisedPlaylist]) -> Result<(), ReadError> {
        let mut states: Vec<State> = playlists.iter().map(|_| State::default()).collect();
        let mut merged = Merged::new(self.reader, playlists)?;
        loop {
            let some = self.some(&mut merged)?;
            if some.is_empty() {
                self.finish_texts(playlists, states);
                self.too_many();
                return Ok(());
            }
            for (index, row, body) in some {
                let (Some(playlist), Some(state)) = (playlists.get(index), states.get_mut(index))
                else {
                    continue;
                };
                let Some(since_us) = self.passed(playlist, state, &row.time()) else {
                    continue;
                };
                match body {
                    Ok(Body::Bytes(text)) => {
                        self.revision(playlist, state, (&row, since_us), text)?;
                    }
                    Ok(Body::Chunk(_)) => {}
                    Err(ReadError::Altered { what, .. } | ReadError::Lost(what)) => {
                        self.not_judged(&row, what);
                    }
                    Err(error) => return Err(error),
                }
                self.looked_at.revisions += 1;
                (self.progress)(ReadSoFar::Revisions(self.looked_at.revisions));
            }
        }
    }

    /// The next revisions with their texts: many in one transaction, which saves locks.
    fn some(&self, merged: &mut Merged<'_>) -> Result<Vec<Taken>, ReadError> {
        let mut some = Vec::with_capacity(AT_ONCE);
        let mut bytes = 0;
        self.reader.together(|| {
            while some.len() < AT_ONCE && bytes < MOST_BYTES {
                let Some((index, row)) = merged.next()? else {
                    break;
                };
                let body = self.reader.body(row.body_id);
                if let Ok(Body::Bytes(text)) = &body {
                    bytes += text.len();
                }
                some.push((index, row, body));
            }
            Ok(())
        })?;
        Ok(some)
    }

    /// What the last revision of each playlist leaves to be told, and T13, of all of its texts.
    fn finish_texts(&mut self, playlists: &[RevisedPlaylist], states: Vec<State>) {
        for (playlist, mut state) in playlists.iter().zip(states) {
            for (at, broken) in state.left() {
                self.found(playlist, at, vec![broken]);
            }
            if let Some((broken, seen)) = state.drift() {
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

    /// Revisions that there was no room for.
    fn too_many(&mut self) {
        if self.left_out > 0 {
            self.not_judged.push(NotJudged {
                what: format!("what came after {}", counted(self.left_out, "revision")),
                why: "the playlists are too many and too long to be compared with their next revisions"
                    .to_owned(),
            });
        }
    }

    fn not_judged(&mut self, row: &SeenRevision, why: String) {
        if self.not_judged.len() < MOST_NOT_JUDGED {
            self.not_judged.push(NotJudged {
                what: format!("exchange {}", row.exchange_id),
                why,
            });
        }
    }

    fn revision(
        &mut self,
        playlist: &RevisedPlaylist,
        state: &mut State,
        (row, since_us): (&SeenRevision, Option<i64>),
        text: Vec<u8>,
    ) -> Result<(), ReadError> {
        let Some(url) = state.url(&row.url) else {
            return Ok(());
        };
        if !row.is_media {
            self.families
                .entry(playlist.stream_id)
                .or_default()
                .take(&text, &url);
            self.overview
                .multivariant(playlist.stream_id, &text, &url, evidence(row));
        }
        if !self.scope.has(playlist) {
            return Ok(());
        }
        let now = Playlist::read(text);
        if row.is_media && now.skipped > 0 {
            state.pass_over();
            self.delta(playlist, row, &now, &url);
            return Ok(());
        }
        for (at, broken) in state.next(row, &now) {
            self.found(playlist, at, vec![broken]);
        }
        let is_old = state.is_old(row);
        let read = Read {
            playlist,
            row,
            url: &url,
            now: &now,
            is_old,
            is_first: state.is_first(),
            fresh: state.fresh(row.step, &now, is_old),
        };
        let mut out = Vec::new();
        let mut added = (0, false);
        if row.is_media {
            self.sketch(&read, since_us);
            added = self.media_revision(&read, &mut out)?;
        }
        if self.passes.judges_texts {
            let newest = state.newest_exchange();
            state.judge(&read, added, &mut out);
            // It is asked of what came of segments.
            if self.has_segments {
                state.list(&read, &mut self.listed);
            }
            let spliced = std::mem::take(&mut self.media.spliced);
            out.retain(|broken| !is_of(broken, &spliced));
            self.who_answered(row.exchange_id, newest, &mut out)?;
            state.wait(&read, &mut out);
            self.found(playlist, evidence(row), out);
        }
        if !state.keep(row, now, &mut self.room) {
            self.left_out += 1;
        }
        Ok(())
    }

    /// A text that leaves out what was listed before is compared with nothing.
    fn delta(&mut self, playlist: &RevisedPlaylist, row: &SeenRevision, now: &Playlist, url: &Url) {
        match low_latency::delta(now, url.query()) {
            Some(broken) if self.passes.judges_texts => {
                self.found(playlist, evidence(row), vec![broken])
            }
            Some(_) => {}
            None => self.not_judged(
                row,
                "it leaves out what was listed before, as was asked for (EXT-X-SKIP)".to_owned(),
            ),
        }
    }

    fn found(&mut self, playlist: &RevisedPlaylist, at: Evidence, found: Vec<Broken>) {
        let place = Place {
            stream: &playlist.stream,
            playlist: Some(&playlist.name),
            id: playlist.id,
            at,
        };
        for broken in found {
            self.findings.add(&place, broken);
        }
    }

    /// What the channel looked like then.
    fn sketch(&mut self, read: &Read<'_>, since_us: Option<i64>) {
        if let Some(rendition) = self.overview.rendition(read.playlist) {
            let ends_us = read.now.end_by_date().filter(|_| read.row.is_advance);
            rendition.text(read.now, read.fresh, read.row.seen_us, since_us, ends_us);
        }
    }

    /// T17: which servers answered with a text and with the newer one.
    fn who_answered(
        &self,
        old: ExchangeId,
        newest: Option<ExchangeId>,
        out: &mut [Broken],
    ) -> Result<(), ReadError> {
        let (Some(newest), Some(broken)) =
            (newest, out.iter_mut().find(|broken| broken.rule == "T17"))
        else {
            return Ok(());
        };
        let fields = |id| -> Result<Headers, ReadError> {
            let exchange = self.reader.exchange(id)?;
            let headers = exchange.map(|exchange| self.reader.headers(&exchange));
            Ok(headers.transpose()?.unwrap_or_default())
        };
        let (old, newest) = (fields(old)?, fields(newest)?);
        if let Some(who) = differing(&old, &newest) {
            broken.text = format!("{}; it has {who}", broken.text);
            broken.worse += 1;
        }
        Ok(())
    }

    /// What is known of a media playlist beside its own texts. Gives how long what it adds plays, in microseconds, and whether the
    /// last of that had been listed before.
    fn media_revision(
        &mut self,
        read: &Read<'_>,
        out: &mut Vec<Broken>,
    ) -> Result<(i64, bool), ReadError> {
        self.longest_us = self.longest_us.max(read.now.duration_us());
        self.ended.insert(read.playlist.id, read.now.ended);
        if let Some(us) = read.now.part_target_us {
            self.part_targets.insert(read.playlist.id, us);
        }
        if self.passes.judges_texts && self.has_segments {
            self.twice
                .take(read.now, read.fresh, read.url, read.row.from_us);
        }
        let added = self.durations.take(read.now, read.fresh, read.url);
        let durations = &mut self.durations;
        durations.need(read.playlist.id, read.now, read.fresh, read.url);
        let fresh = read.now.segments.get(read.fresh..).unwrap_or_default();
        let (id, seen_us) = (read.playlist.id, read.row.seen_us);
        let jumped = read.fresh == 0 && !read.is_first;
        self.overview
            .lists(id, fresh, &added.names, seen_us, jumped);
        if self.passes.judges_texts {
            self.across(read, out);
        }
        Ok((self.media(read)?, added.ends_with_known))
    }

    /// Renditions are those that a multivariant playlist lists.
    fn across(&mut self, read: &Read<'_>, out: &mut Vec<Broken>) {
        let stream_id = read.playlist.stream_id;
        let family = self.families.get(&stream_id);
        let member = family.and_then(|family| Some((family, family.member(&read.playlist.url)?)));
        let member = member.filter(|(_, member)| member.is_timed_like_others());
        let Some((family, member)) = member.filter(|_| !read.is_old) else {
            return;
        };
        let seen = Seen {
            id: read.playlist.id,
            name: &read.playlist.name,
            playlist: read.now,
            is_advance: read.row.is_advance,
            seen_us: read.row.seen_us,
            exchange: Some(read.row.exchange_id),
            not_before_us: read.row.not_before_us,
            is_wanted: self.findings.wanted().has(read.row.seen_us),
            role: family.role(member),
            asked: &read.playlist.url,
            url: read.url,
        };
        self.renditions
            .entry(stream_id)
            .or_default()
            .take(&seen, out);
    }

    /// What renditions differ in, when all of them have passed: X01, X02, X04 to X08.
    pub(super) fn differences(&mut self, playlists: &[RevisedPlaylist]) {
        let mut told = Vec::new();
        let mut left_out = 0;
        let renditions = std::mem::take(&mut self.renditions);
        for (found, more) in renditions.into_values().map(Renditions::finish) {
            told.extend(found);
            left_out += more;
        }
        for apart in std::mem::take(&mut self.media.apart).into_values() {
            left_out += apart.left_out();
            told.extend(apart.finish());
        }
        for boundaries in std::mem::take(&mut self.media.boundaries).into_values() {
            left_out += boundaries.left_out();
            told.extend(boundaries.finish());
        }
        for Told { id, broken, seen } in told {
            let Some(playlist) = playlists.iter().find(|playlist| playlist.id == id) else {
                continue;
            };
            let place = Place {
                stream: &playlist.stream,
                playlist: Some(&playlist.name),
                id,
                at: seen.first,
            };
            self.findings.add_apart(&place, broken, &seen);
        }
        if left_out > 0 {
            self.not_judged.push(NotJudged {
                what: counted(left_out, "difference") + " of renditions",
                why: "there are too many to be told apart".to_owned(),
            });
        }
    }

    /// No new segment came of a playlist (its stream, its name, its URL) between two moments: what is wanted of that time counts, but for what
    /// the recorder stood still of it, or left its host alone as that had asked.
    pub(super) fn longest(
        &mut self,
        from_us: i64,
        until_us: i64,
        (stream, playlist, url): (&str, &str, &str),
    ) {
        if self.wanted_us(from_us, until_us) <= self.longest_us() {
            return;
        }
        let wanted = self.findings.wanted();
        let (from_us, until_us) = (from_us.max(wanted.from_us), until_us.min(wanted.until_us));
        let own_us = stood_still_us(&self.looked_at.notices, from_us, until_us);
        let host = host_of(url);
        let is_its = |one: &str| host.as_deref() == Some(one);
        let alone_us = left_alone_us(&self.looked_at.left_alone, (from_us, until_us), is_its);
        let length_us = until_us.saturating_sub(from_us);
        let length_us = length_us.saturating_sub(own_us).saturating_sub(alone_us);
        self.is_longest(length_us, (stream, playlist));
    }

    /// How much of the time between two moments is wanted, in microseconds.
    pub(super) fn wanted_us(&self, from_us: i64, until_us: i64) -> i64 {
        let wanted = self.findings.wanted();
        let until_us = until_us.min(wanted.until_us);
        until_us.saturating_sub(from_us.max(wanted.from_us))
    }

    fn longest_us(&self) -> i64 {
        let longest = self.looked_at.longest.as_ref();
        longest.map_or(0, |longest| longest.length_us)
    }

    /// For so long no new segment came of a playlist (its stream, its name), in microseconds: told where none was longer.
    pub(super) fn is_longest(&mut self, length_us: i64, (stream, playlist): (&str, &str)) {
        if length_us > self.longest_us() {
            self.looked_at.longest = Some(Longest {
                length_us,
                stream: stream.to_owned(),
                playlist: playlist.to_owned(),
            });
        }
    }
}

pub(super) fn evidence(row: &SeenRevision) -> Evidence {
    Evidence {
        at_us: row.seen_us,
        exchange: Some(row.exchange_id),
    }
}

/// T12, of a segment whose date M06 tells with its time stamps.
fn is_of(broken: &Broken, spliced: &HashSet<u64>) -> bool {
    let sequence = broken.detail.get("media_sequence");
    let sequence = sequence.and_then(serde_json::Value::as_u64);
    broken.rule == "T12" && sequence.is_some_and(|sequence| spliced.contains(&sequence))
}

/// Header fields that tell who answered, where two answers differ in them: `server edge-b, the newer one edge-a`.
fn differing(old: &Headers, newest: &Headers) -> Option<String> {
    let of = |name: &&str| {
        let (old, newest) = (old.get(name), newest.get(name));
        let value = |value: Option<&str>| value.unwrap_or("none").to_owned();
        (old != newest).then(|| {
            let (old, newest) = (value(old), value(newest));
            format!("{name} {old}, the newer one {newest}")
        })
    };
    let differ: Vec<String> = WHO_ANSWERED.iter().filter_map(of).collect();
    (!differ.is_empty()).then(|| differ.join("; "))
}
