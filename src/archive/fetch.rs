//! A span of an archive as one session on this disk: the rows of its volumes together, clipped.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write as _};
use std::path::Path;

use super::error::ArchiveError;
use super::listing::{self, REQUESTS};
use super::manifest::Manifest;
use super::names::{self, VolumeName, Writer};
use super::unpack::unpack;
use crate::session::files::chunk_dir::{ChunkDir, ChunkPath};
use crate::session::{ClipOf, Run, SessionFolder, Sessions, digest, rfc3339};
use crate::store::{Error as StoreError, Kind, Store};
use crate::upkeep::clip::clip_bringing;
use crate::upkeep::clip::copy::NamedChunk;
use crate::upkeep::merge::Merge;
use crate::upkeep::{ClipWanted, Clipped};

/// What players may still ask for was listed so long before, six target durations of twenty seconds (`session::keep`): a volume that
/// begins less long before a span does not say so.
const BACK_US: i64 = 120_000_000;
/// No request of a recorder that nobody is owed goes on for longer.
const LONGEST_US: i64 = 80_000_000;

/// Which part of an archive is wanted.
#[derive(Debug, Clone)]
pub struct FetchWanted {
    /// Where it begins, in microseconds of Unix time.
    pub from_us: i64,
    /// Where it ends, likewise.
    pub to_us: i64,
    /// The only stream that is wanted; `None`: all of them.
    pub stream: Option<String>,
    /// Whose volumes are wanted; `None`: those of the writer that has most of the span.
    pub writer: Option<String>,
}

/// What was fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The new session.
    pub clip: Clipped,
    /// Volumes that it was made of.
    pub volumes: u64,
    /// Whose they are.
    pub writer: String,
    /// For how long the recorder ran within the span of which the archive has nothing, in microseconds, all streams together.
    pub missing_us: i64,
}

/// Fetches a span as the new session `name` in `sessions`. `work`: an empty folder for what is made on the way.
///
/// # Errors
/// The archive has no such span, what it has is none of an archive, the name is taken, or the disk is full.
pub fn fetch(
    store: &Store,
    sessions: &Sessions,
    name: &str,
    wanted: &FetchWanted,
    work: &Path,
) -> Result<Fetched, ArchiveError> {
    let chosen = choose(store, wanted)?;
    let merged = merge(store, &chosen, work)?;
    let span = ClipWanted {
        from_us: wanted.from_us,
        to_us: wanted.to_us,
        stream: None,
    };
    let days = RefCell::new(merged.days);
    let mut bring =
        |chunks: Vec<NamedChunk>, to: &ChunkDir| bring(store, &days.borrow(), chunks, to);
    let clip = clip_bringing(&merged.session, sessions, name, &span, &mut bring)?;
    Ok(Fetched {
        clip,
        volumes: chosen.volumes.values().map(|some| some.len() as u64).sum(),
        writer: chosen.writer.to_string(),
        missing_us: chosen.missing_us,
    })
}

/// Volumes of one writer, by their streams.
struct Chosen {
    writer: Writer,
    volumes: BTreeMap<String, Vec<Manifest>>,
    missing_us: i64,
}

type OfStream = BTreeMap<String, Vec<Manifest>>;

fn choose(store: &Store, wanted: &FetchWanted) -> Result<Chosen, ArchiveError> {
    if wanted.to_us <= wanted.from_us {
        return Err(ArchiveError::Usage("--to is not behind --from".to_owned()));
    }
    let known = listing::streams(store)?;
    let streams = match &wanted.stream {
        None => known.clone(),
        Some(one) if known.contains(one) => vec![one.clone()],
        Some(one) => {
            let known = known.join(", ");
            return Err(ArchiveError::Usage(format!(
                "no stream {one:?}; there are: {known}"
            )));
        }
    };
    let mut by_writer: BTreeMap<Writer, OfStream> = BTreeMap::new();
    for stream in &streams {
        let found = listing::around(store, stream, (wanted.from_us, wanted.to_us))?;
        let mut writers: BTreeMap<Writer, Vec<VolumeName>> = BTreeMap::new();
        for name in found {
            let is_wanted = wanted
                .writer
                .as_ref()
                .is_none_or(|own| own == name.writer.as_str());
            if is_wanted {
                writers.entry(name.writer.clone()).or_default().push(name);
            }
        }
        for (writer, names) in writers {
            let needed = needed(store, &names, wanted)?;
            if !needed.is_empty() {
                by_writer
                    .entry(writer)
                    .or_default()
                    .insert(stream.clone(), needed);
            }
        }
    }
    let span = (wanted.from_us, wanted.to_us);
    let lacks = |volumes: &OfStream| -> (i64, i64) {
        let all = volumes
            .values()
            .map(|some| (missing_us(some, span), hole_us(some, span)));
        all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    let touching = |volumes: &OfStream| volumes.values().filter(|some| touches(some, span)).count();
    let best = by_writer.iter().min_by_key(|(writer, volumes)| {
        let (missing_us, hole_us) = lacks(volumes);
        let touching = std::cmp::Reverse(touching(volumes));
        (
            touching,
            missing_us.saturating_add(hole_us),
            (*writer).clone(),
        )
    });
    let Some((writer, volumes)) = best else {
        let span = format!("{} to {}", rfc3339(wanted.from_us), rfc3339(wanted.to_us));
        return Err(ArchiveError::Usage(format!(
            "nothing is archived of {span}; --from and --to are moments in UTC, as 2026-11-29T10:00:00Z"
        )));
    };
    let of_span = by_writer
        .values()
        .flatten()
        .filter(|(_, some)| touches(some, span));
    let all: BTreeSet<&String> = of_span.map(|(stream, _)| stream).collect();
    if touching(volumes) < all.len() {
        let some: Vec<&str> = volumes.keys().map(String::as_str).collect();
        return Err(ArchiveError::Usage(format!(
            "these streams are of several recorders, and one session has those of one: --stream chooses; of one are {}",
            some.join(", ")
        )));
    }
    Ok(Chosen {
        writer: writer.clone(),
        missing_us: lacks(volumes).0,
        volumes: volumes.clone(),
    })
}

/// Of the volumes of a writer and a stream, in their order, those that a span needs: those that touch it or the two minutes before,
/// the one before where none contains the beginning of that, the one behind where none contains its end, and those behind that have what it is owed.
fn needed(
    store: &Store,
    names: &[VolumeName],
    wanted: &FetchWanted,
) -> Result<Vec<Manifest>, ArchiveError> {
    let behind = names.partition_point(|name| name.from_us <= wanted.to_us);
    let context_us = wanted.from_us.saturating_sub(BACK_US);
    let first = names[..behind].partition_point(|name| name.from_us <= context_us);
    let first = first.saturating_sub(1);
    let mut needed: Vec<Manifest> = Vec::new();
    for name in &names[first..behind] {
        needed.push(listing::read(store, name)?);
    }
    let Some(last) = needed.last() else {
        return Ok(needed);
    };
    let is_of_span = |(_, from_us): &(i64, i64)| *from_us <= wanted.to_us;
    let mut owed: Vec<(i64, i64)> = last.owed.iter().copied().filter(is_of_span).collect();
    let mut ends_us = last.to_us;
    for name in &names[behind..] {
        let is_soon = name.from_us <= wanted.to_us.saturating_add(LONGEST_US);
        if owed.is_empty() && ends_us >= wanted.to_us && !is_soon {
            break;
        }
        let next = listing::read(store, name)?;
        let still: HashSet<&(i64, i64)> = next.owed.iter().collect();
        owed.retain(|one| still.contains(one));
        let reaches_back = next.reaches_back_to_us.is_some_and(|us| us <= wanted.to_us);
        if reaches_back || ends_us < wanted.to_us {
            ends_us = ends_us.max(next.to_us);
            needed.push(next);
        }
    }
    Ok(needed)
}

/// Whether one of these is of a span.
fn touches(volumes: &[Manifest], (from_us, to_us): (i64, i64)) -> bool {
    volumes
        .iter()
        .any(|volume| volume.to_us > from_us && volume.from_us <= to_us)
}

/// The lives of the recorder, as all these volumes tell of them.
pub(super) fn runs(volumes: &[&Manifest]) -> Vec<Run> {
    let mut runs: BTreeMap<i64, Run> = BTreeMap::new();
    for run in volumes.iter().flat_map(|volume| &volume.runs) {
        let closed = run.closed();
        match runs.get(&run.started_us) {
            Some(known) if known.end_us() >= closed.end_us() => {}
            _ => _ = runs.insert(run.started_us, closed),
        }
    }
    runs.into_values().collect()
}

/// For how long a recorder ran within a span and no volume has it.
fn missing_us(volumes: &[Manifest], (from_us, to_us): (i64, i64)) -> i64 {
    let mut missing_us: i64 = 0;
    for run in runs(&volumes.iter().collect::<Vec<_>>()) {
        let (begin_us, end_us) = (run.started_us.max(from_us), run.end_us().min(to_us));
        let mut at_us = begin_us;
        for volume in volumes {
            missing_us = missing_us.saturating_add((volume.from_us.min(end_us) - at_us).max(0));
            at_us = at_us.max(volume.to_us);
        }
        missing_us = missing_us.saturating_add((end_us - at_us).max(0));
    }
    missing_us
}

/// For how long no recorder of this writer ran within a span.
fn hole_us(volumes: &[Manifest], (from_us, to_us): (i64, i64)) -> i64 {
    let lived = runs(&volumes.iter().collect::<Vec<_>>())
        .into_iter()
        .map(|run| {
            let (begin_us, end_us) = (run.started_us.max(from_us), run.end_us().min(to_us));
            end_us.saturating_sub(begin_us).max(0)
        });
    let lived_us: i64 = lived.fold(0, i64::saturating_add);
    to_us
        .saturating_sub(from_us)
        .saturating_sub(lived_us)
        .max(0)
}

/// Rows of several volumes together.
struct Merged {
    session: SessionFolder,
    /// Under which day the chunk of a body is.
    days: HashMap<i64, String>,
}

fn merge(store: &Store, chosen: &Chosen, work: &Path) -> Result<Merged, ArchiveError> {
    let session = Sessions::new(work)
        .create(Some("merged"))
        .map_err(io::Error::other)?;
    let mut merge = Merge::new(&session)?;
    let mut days = HashMap::new();
    let all: Vec<&Manifest> = chosen.volumes.values().flatten().collect();
    for (number, manifest) in (1..).zip(&all) {
        let volume = unpack(store, manifest, work, &format!("volume{number}"))?;
        let added = merge.add(&volume, |body| {
            days.insert(body, manifest.chunks.day.clone());
        });
        added?;
        std::fs::remove_dir_all(volume.path())?;
    }
    let latest = all.iter().max_by_key(|manifest| manifest.to_us);
    let origin = ClipOf {
        session: latest
            .map(|manifest| manifest.session.clone())
            .unwrap_or_default(),
        zero_us: latest.map_or(0, |manifest| manifest.zero_us),
        from_us: all
            .iter()
            .map(|manifest| manifest.from_us)
            .min()
            .unwrap_or(0),
        to_us: all.iter().map(|manifest| manifest.to_us).max().unwrap_or(0),
    };
    merge.finish(&runs(&all), &origin)?;
    Ok(Merged { session, days })
}

/// Brings chunks into the folder of a session, and gives those that the store does not have as their rows say.
fn bring(
    store: &Store,
    days: &HashMap<i64, String>,
    chunks: Vec<NamedChunk>,
    to: &ChunkDir,
) -> io::Result<Vec<NamedChunk>> {
    let brought = store.each(chunks, REQUESTS, |chunk| async move {
        let is_there = match days.get(&chunk.body) {
            Some(day) => bring_one(store, day, &chunk, to).await?,
            None => false,
        };
        Ok::<_, StoreError>((!is_there).then_some(chunk))
    });
    Ok(brought
        .map_err(io::Error::other)?
        .into_iter()
        .flatten()
        .collect())
}

async fn bring_one(
    store: &Store,
    day: &str,
    chunk: &NamedChunk,
    to: &ChunkDir,
) -> Result<bool, StoreError> {
    let key = names::chunk(day, &chunk.sha256);
    let failed = |error: io::Error| StoreError::of_io(format!("chunks/{}", chunk.path), &error);
    let place = ChunkPath::parse(&chunk.path).map_err(failed)?;
    // Larger ones come in pieces.
    if chunk.size <= store.piece() {
        let content = match store.get(&key, chunk.size).await {
            Ok(content) => content,
            Err(error) if error.trouble == Kind::Wrong => None,
            Err(error) => return Err(error),
        };
        let Some(content) = content.filter(|content| digest(content) == chunk.sha256) else {
            return Ok(false);
        };
        let mut file = to.create(&place).map_err(failed)?;
        file.write_all(&content).map_err(failed)?;
        return Ok(true);
    }
    if store.size(&key).await? != Some(chunk.size) {
        return Ok(false);
    }
    let mut file = super::unpack::Hashing::new(to.create(&place).map_err(failed)?);
    let is_whole = store.get_large(&key, chunk.size, &mut file).await?;
    let is_same = is_whole && file.digest() == chunk.sha256;
    if !is_same {
        to.remove(place.plain()).map_err(failed)?;
    }
    Ok(is_same)
}
