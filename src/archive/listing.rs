//! What an archive has: streams, and the volumes of each.

use super::error::ArchiveError;
use super::manifest::{self, Manifest};
use super::names::{self, VolumeName};
use crate::store::{Error as StoreError, Kind, Store};

/// Requests that are under way at a time.
pub(super) const REQUESTS: usize = 4;
const DAY_US: i64 = 86_400_000_000;
/// Days that a span may have.
const MOST_DAYS: i64 = 4000;

/// Streams of which there are volumes, by their names.
pub(super) fn streams(store: &Store) -> Result<Vec<String>, StoreError> {
    let folders = store.wait(store.folders(names::STREAMS))?;
    Ok(folders
        .iter()
        .filter_map(|folder| names::stream_of(folder))
        .collect())
}

/// Volumes of a stream that begin within a span, and those of a day before and behind, in the order in which they begin.
pub(super) fn around(
    store: &Store,
    stream: &str,
    (from_us, to_us): (i64, i64),
) -> Result<Vec<VolumeName>, ArchiveError> {
    let first = from_us.div_euclid(DAY_US).saturating_sub(1);
    let last = to_us.div_euclid(DAY_US).saturating_add(1);
    if last.saturating_sub(first) > MOST_DAYS {
        return Err(ArchiveError::Usage(
            "the span has more than ten years".to_owned(),
        ));
    }
    let days = (first..=last).map(|day| names::day_folder(stream, day.saturating_mul(DAY_US)));
    let listed = store.each(
        days,
        REQUESTS,
        |day| async move { store.list(&day, None).await },
    )?;
    let listed = listed.into_iter().flatten();
    let mut found: Vec<VolumeName> = listed
        .filter_map(|object| VolumeName::of_manifest(&object.key))
        .collect();
    found.sort_by(|one, other| (one.from_us, &one.writer).cmp(&(other.from_us, &other.writer)));
    Ok(found)
}

/// The manifest of a volume.
pub(super) fn read(store: &Store, name: &VolumeName) -> Result<Manifest, ArchiveError> {
    let key = name.manifest();
    let text = store.wait(store.get(&key, manifest::LARGEST))?;
    let text =
        text.ok_or_else(|| StoreError::new(Kind::Missing, key.as_str(), "is not there any more"))?;
    Manifest::read(name, &text).map_err(|why| ArchiveError::Volume(key, why))
}
