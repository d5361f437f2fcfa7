//! A volume as a session on this disk: its rows, and those of the volumes behind it by their numbers. So what its answers say of what
//! comes next (until when they hold, what a held request waits for) is true across the seam, and what came late is in it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::cache::Held;
use super::chunks::VolumeChunks;
use super::shared::Shared;
use crate::archive::error::ArchiveError;
use crate::archive::fetch::runs;
use crate::archive::manifest::Manifest;
use crate::archive::names::{VolumeName, hex};
use crate::archive::unpack::unpack;
use crate::clock;
use crate::session::source::{OpenVolume, SourceError};
use crate::session::{ClipOf, Reader, RunningDigest, Sessions};
use crate::upkeep::merge::Merge;

/// No request is held for longer for what comes next: a volume that begins so soon behind another one is merged with it.
const AHEAD_US: i64 = 60_000_000;
/// Volumes behind one that are looked into for what it is owed.
const MOST_OWED: usize = 16;
/// Volumes that are merged.
const MOST_MERGED: usize = 64;

/// Whether all that a volume is merged with is there.
pub(super) fn is_followed(manifest: &Manifest, behind: &[VolumeName]) -> bool {
    let last = behind.last().map(|name| name.from_us);
    last.is_some_and(|us| us >= manifest.to_us.saturating_add(AHEAD_US))
}

/// Opens a volume. `behind`: names of those of its writer that begin behind a moment of it; `span`: the moments at which it is asked;
/// `has_others`: there are volumes of other writers.
pub(super) fn open(
    shared: &Arc<Shared>,
    (name, manifest): (&VolumeName, &Arc<Manifest>),
    behind: &[VolumeName],
    (from_us, until_us): (i64, i64),
    has_others: bool,
) -> Result<OpenVolume, ArchiveError> {
    let (merged, held) = merged_and_made(shared, (name, manifest), behind)?;
    let known_us = match has_others {
        true => manifest.to_us,
        false => end_us(&merged),
    };
    let mut days: Vec<String> = Vec::new();
    for (_, one) in &merged {
        if !days.contains(&one.chunks.day) {
            days.push(one.chunks.day.clone());
        }
    }
    let folder = held.folder().clone();
    let held = Arc::new(held);
    let chunks = VolumeChunks::new(Arc::clone(shared), Arc::clone(&held), days)?;
    Ok(OpenVolume {
        folder,
        from_us,
        until_us,
        known_until_us: match until_us {
            i64::MAX => i64::MAX,
            until_us => known_us.max(until_us),
        },
        fresh_until: clock::instant(),
        chunks: Arc::new(chunks),
        held,
    })
}

/// A volume that is to be merged.
type Part = (VolumeName, Arc<Manifest>);

/// Merges a volume with those behind it in the cache. One of those that cannot be read is left out.
fn merged_and_made(
    shared: &Arc<Shared>,
    (name, manifest): (&VolumeName, &Arc<Manifest>),
    behind: &[VolumeName],
) -> Result<(Vec<Part>, Held), ArchiveError> {
    loop {
        let merged = merged(shared, (name, manifest), behind)?;
        let mut broken = None;
        let held = shared.cache.get_or_make(&id(&merged), |work| {
            make(shared, &merged, work, &mut broken)
        });
        match (held, broken) {
            (Ok(held), _) => return Ok((merged, held)),
            (Err(error), Some(behind)) => shared.broken(&behind, error).map_err(away)?,
            (Err(error), None) => return Err(error),
        }
    }
}

fn away(error: SourceError) -> ArchiveError {
    ArchiveError::Io(io::Error::other(error))
}

/// A volume, and those behind it that say what comes next, or have what it is owed.
fn merged(
    shared: &Arc<Shared>,
    (name, manifest): (&VolumeName, &Arc<Manifest>),
    behind: &[VolumeName],
) -> Result<Vec<Part>, ArchiveError> {
    let mut merged = vec![(name.clone(), Arc::clone(manifest))];
    let mut owed = manifest.owed.clone();
    let soon_us = manifest.to_us.saturating_add(AHEAD_US);
    for (number, name) in behind.iter().enumerate() {
        let is_wanted = merged.len() == 1 || name.from_us < soon_us;
        let is_late = !owed.is_empty() && number < MOST_OWED;
        if merged.len() >= MOST_MERGED || !(is_wanted || is_late) {
            break;
        }
        let Some(next) = shared.manifest(name).map_err(away)? else {
            continue;
        };
        owed.retain(|one| next.owed.contains(one));
        let back_us = next.reaches_back_to_us;
        if is_wanted || back_us.is_some_and(|us| us <= manifest.to_us) {
            merged.push((name.clone(), next));
        }
    }
    Ok(merged)
}

/// The same volumes have the same name, whoever merges them.
fn id(merged: &[Part]) -> String {
    let mut digest = RunningDigest::default();
    for (_, one) in merged {
        digest.add(one.database.key.as_bytes());
        digest.add(b"\n");
        digest.add(one.database.sha256.as_bytes());
        digest.add(b"\n");
    }
    hex(&digest.digest()[..16])
}

/// Unpacks and merges into the folder `session` of `work`, which is empty. `broken`: the one behind the first that cannot be read.
fn make(
    shared: &Shared,
    merged: &[Part],
    work: &Path,
    broken: &mut Option<VolumeName>,
) -> Result<(), ArchiveError> {
    let sessions = Sessions::new(work);
    let session = sessions.create(Some("session")).map_err(io::Error::other)?;
    let mut merge = Merge::new(&session)?;
    let parts = work.join("parts");
    for (number, (name, manifest)) in merged.iter().enumerate() {
        let added = unpack(&shared.store, manifest, &parts, "volume")
            .and_then(|volume| Ok(merge.add(&volume, |_| {})?));
        if added.is_err() && number > 0 {
            *broken = Some(name.clone());
        }
        added?;
        std::fs::remove_dir_all(&parts)?;
    }
    let Some((_, first)) = merged.first() else {
        return Err(ArchiveError::Usage("no volume to open".to_owned()));
    };
    let all: Vec<&Manifest> = merged.iter().map(|(_, manifest)| &**manifest).collect();
    let origin = ClipOf {
        session: first.session.clone(),
        zero_us: first.zero_us,
        from_us: first.from_us,
        to_us: end_us(merged),
    };
    merge.finish(&runs(&all), &origin)?;
    // Whoever answers out of it reads it so, too.
    Reader::open(&session)?;
    Ok(())
}

/// Until when all is known: where there is a hole between two, nothing came in it.
fn end_us(merged: &[Part]) -> i64 {
    merged.iter().map(|(_, one)| one.to_us).max().unwrap_or(0)
}
