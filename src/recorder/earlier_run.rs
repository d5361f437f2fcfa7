//! What the earlier run left in the session, for a run that goes on: which windows a playlist had, at which places, what
//! came of its segments and keys, and which hosts want to be left alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::plan::{Content, EarlierRun, Key};
use crate::clock::{self, micros};
use crate::hls::{
    Entry, EntryRole, MediaPlaylist, Variables, Window, imports_variables, read_media, segment_name,
};
use crate::recorder::admission::hosts::Hosts;
use crate::recorder::http::validators::Validators;
use crate::session::{
    Body, ExchangeId, Headers, KnownBody, Notice, NoticeEvent, PlacedWindow, ReadError, Reader,
    Writer,
};

/// Windows that are looked at: more than are compared, since some only repeat.
const WINDOWS: usize = 16;
/// Things whose bytes are looked up, the newest ones.
const MOST: usize = 4096;
/// For so long, or so many target durations, nobody recorded at most: later the same names may be something else.
const LONGEST_HOLE_US: i64 = 60_000_000;
const HOLE_TARGETS: i64 = 5;
/// What is known is not fetched again for so many target durations, if it is listed.
const KNOWN_TARGETS: i64 = 5;
/// Of a playlist that states none, in microseconds.
const TARGET_US: i64 = 6_000_000;

/// What was left of a playlist.
#[derive(Debug, Default)]
pub(super) struct TakenUp {
    /// Its last windows in order, each with its place and when it came.
    pub windows: Vec<(Window, u64, i64)>,
    /// The place behind the last segment of all.
    pub end: u64,
    pub before: EarlierRun,
}

/// A window with its text.
struct Listed {
    placed: PlacedWindow,
    media: MediaPlaylist,
}

/// Reads what was left of a playlist; `None`: nothing that it could be gone on from.
pub(super) fn read(
    reader: &Reader,
    (stream_id, url): (i64, &str),
    now_us: i64,
) -> Result<Option<TakenUp>, ReadError> {
    let Some(id) = reader.resource_in(stream_id, url, None)? else {
        return Ok(None);
    };
    let placed = reader.placed_windows(id, WINDOWS)?;
    let Some(newest) = placed.last().copied() else {
        return Ok(None);
    };
    let mut all = Vec::new();
    for placed in placed {
        match media(reader, placed.exchange_id)? {
            Some(media) => all.push(Listed { placed, media }),
            None => return Ok(None),
        }
    }
    let mut known = Lookup {
        reader,
        stream_id,
        found: HashMap::new(),
    };
    let before = EarlierRun {
        listed: listed(&all, &mut known)?,
        keys: keys(&all, &mut known, now_us)?,
        known_for: known_for(reader, newest, now_us)?,
    };
    let ends = all
        .iter()
        .map(|one| one.placed.place.saturating_add(one.placed.segment_count));
    Ok(Some(TakenUp {
        end: ends.max().unwrap_or(0),
        windows: windows(&all, &before.listed),
        before,
    }))
}

/// A revision of a media playlist, read again; `None`: it cannot be, or needs what others say.
fn media(reader: &Reader, revision: ExchangeId) -> Result<Option<MediaPlaylist>, ReadError> {
    let url = reader.exchange_url(revision)?;
    let url = url.and_then(|url| Url::parse(&url).ok());
    let (Some(Body::Bytes(body)), Some(base)) = (reader.body_of(revision)?, url) else {
        return Ok(None);
    };
    let is_alone = !imports_variables(&body);
    Ok(is_alone.then(|| read_media(&body, &base, &Variables::default())))
}

/// For how long what was listed is known to be what it was.
fn known_for(reader: &Reader, newest: PlacedWindow, now_us: i64) -> Result<Duration, ReadError> {
    let target_us = newest.target_duration_us.unwrap_or(TARGET_US).max(0);
    let runs = reader.runs()?;
    let before = runs.iter().rev().nth(1).map_or(0, |run| run.end_us());
    let hole_us = now_us.saturating_sub(before.max(newest.seen_us));
    let longest_us = LONGEST_HOLE_US.max(target_us.saturating_mul(HOLE_TARGETS));
    let known_us = match hole_us <= longest_us {
        true => target_us.saturating_mul(KNOWN_TARGETS).max(TARGET_US),
        false => 0,
    };
    Ok(Duration::from_micros(known_us.unsigned_abs()))
}

/// What bytes things have, each looked up once.
struct Lookup<'a> {
    reader: &'a Reader,
    stream_id: i64,
    found: HashMap<Key, Option<KnownBody>>,
}

impl Lookup<'_> {
    fn find(&mut self, key: &Key) -> Result<Option<KnownBody>, ReadError> {
        if let Some(found) = self.found.get(key) {
            return Ok(found.clone());
        }
        if self.found.len() >= MOST {
            return Ok(None);
        }
        let found = self
            .reader
            .known_body(self.stream_id, key.url.as_str(), key.range)?;
        self.found.insert(key.clone(), found.clone());
        Ok(found)
    }
}

fn key(entry: &Entry) -> Key {
    Key {
        url: Arc::clone(&entry.url),
        range: entry.range,
    }
}

fn entries(one: &Listed, role: EntryRole) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
    let first = one.media.facts.media_sequence;
    let place = one.placed.place;
    let entries = one.media.entries.iter();
    entries
        .filter(move |entry| entry.role == role)
        .map(move |entry| {
            let at = entry.sequence.wrapping_sub(first);
            (place.saturating_add(at), entry)
        })
}

/// Segments at their places, with what came of them, in the order in which they were listed.
fn listed(all: &[Listed], known: &mut Lookup<'_>) -> Result<Vec<(u64, Key, [u8; 32])>, ReadError> {
    let mut last: HashMap<Key, u64> = HashMap::new();
    let mut order = Vec::new();
    // What the first one lists may have been listed, and fetched, long before.
    let mut since_us = i64::MIN;
    for one in all {
        for (place, entry) in entries(one, EntryRole::Segment) {
            let key = key(entry);
            if last.insert(key.clone(), place) != Some(place) {
                order.push((place, key, since_us));
            }
        }
        since_us = one.placed.seen_us;
    }
    // The newest ones first, since only so many are looked up.
    let mut listed = Vec::new();
    for (place, key, since_us) in order.into_iter().rev() {
        // A name that was used again: what it was before says nothing of what it is now.
        if last.get(&key) != Some(&place) {
            continue;
        }
        let body = known.find(&key)?;
        if let Some(body) = body.filter(|body| body.is_own && body.requested_us >= since_us) {
            listed.push((place, key, body.sha256));
        }
    }
    listed.reverse();
    Ok(listed)
}

/// Keys that were had, how long ago, and with what each may be asked for conditionally.
fn keys(
    all: &[Listed],
    known: &mut Lookup<'_>,
    now_us: i64,
) -> Result<Vec<(Key, Duration, Option<Validators>)>, ReadError> {
    let mut keys: Vec<(Key, Duration, Option<Validators>)> = Vec::new();
    for (_, entry) in all
        .iter()
        .rev()
        .flat_map(|one| entries(one, EntryRole::Key))
    {
        let key = key(entry);
        if keys.iter().any(|(had, _, _)| *had == key) {
            continue;
        }
        if let Some(body) = known.find(&key)? {
            let ago_us = now_us.saturating_sub(body.requested_us).max(0);
            let ago = Duration::from_micros(ago_us.unsigned_abs());
            keys.push((key, ago, validators(known.reader, &body)?));
        }
    }
    Ok(keys)
}

fn validators(reader: &Reader, body: &KnownBody) -> Result<Option<Validators>, ReadError> {
    let Some((url, headers)) = reader.headers_of(body.exchange_id)? else {
        return Ok(None);
    };
    let Ok(url) = Url::parse(&url) else {
        return Ok(None);
    };
    Ok(Validators::from_fields(
        &fields(&headers),
        &url,
        body.exchange_id,
    ))
}

fn fields(headers: &Headers) -> HeaderMap {
    let field = |(name, value): &(String, Vec<u8>)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, HeaderValue::from_bytes(value).ok()?))
    };
    headers.0.iter().filter_map(field).collect()
}

/// The windows, with the bytes of their segments.
fn windows(all: &[Listed], listed: &[(u64, Key, [u8; 32])]) -> Vec<(Window, u64, i64)> {
    let contents: Vec<(u64, u64)> = listed
        .iter()
        .filter_map(|(_, key, sha256)| match Content::from_digest(*sha256) {
            Content::Known(bytes) => Some((segment_name(&key.url, key.range), bytes)),
            _ => None,
        })
        .collect();
    let contents: HashMap<u64, u64> = contents.into_iter().collect();
    let window = |one: &Listed| {
        let mut window = Window::from_playlist(&one.media);
        let names: Vec<u64> = window.names().collect();
        for name in names {
            if let Some(bytes) = contents.get(&name) {
                window.learn(name, *bytes);
            }
        }
        (window, one.placed.place, one.placed.seen_us)
    };
    all.iter().map(window).collect()
}

/// Leaves hosts alone that asked the run before for it, for as long as that holds.
pub(super) async fn leave_alone(writer: &Writer, hosts: &Hosts) {
    let folder = writer.folder().clone();
    let now_us = writer.clock().now_us();
    let read = move || Reader::open(&folder).and_then(|reader| reader.left_alone(now_us));
    let Ok(Ok(all)) = tokio::task::spawn_blocking(read).await else {
        return;
    };
    for (host, until_us) in all {
        let left = Duration::from_micros(until_us.saturating_sub(now_us).unsigned_abs());
        if let Some(left) = hosts.hold(&host, left, clock::instant()) {
            let seconds = left.as_secs_f64();
            tracing::info!(
                "{host} asked the run before for patience: nothing is asked of it for {seconds:.0} s"
            );
            let notice = NoticeEvent {
                kind: Notice::LeftAlone,
                at_us: now_us,
                length_us: Some(micros(left)),
                detail: host,
            };
            writer.notice(notice).await;
        }
    }
}
