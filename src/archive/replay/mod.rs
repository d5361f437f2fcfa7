//! An archive as a replayer asks for it (`docs/design/archive.md`, "Reading an archive"): which volume answers at a moment, and
//! that volume as a session in a cache on this disk.
//!
//! | file | is |
//! | --- | --- |
//! | `days` | which volumes a stream has: listings of days, held for a while |
//! | `choice` | which of them answers at a moment (pure) |
//! | `opened` | a volume with those behind it, unpacked and merged |
//! | `chunks` | its chunks, when they are asked for |
//! | `cache` | a folder of this disk that is bounded |
//! | `shared` | the store, the cache, manifests that were read |
//! | `place` | the URL of an archive, or of one stream of it (pure) |

mod cache;
mod choice;
mod chunks;
mod days;
mod opened;
mod place;
mod shared;
pub use self::cache::{Cache, CacheError};
pub use self::place::split_stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use self::choice::Candidate;
use self::days::{Days, Limits};
use self::shared::Shared;
use super::error::ArchiveError;
use super::listing;
use super::manifest::Manifest;
use super::names::VolumeName;
use crate::clock;
use crate::session::source::{Extent, OpenVolume, SourceError, Volumes};
use crate::store::Store;

/// Volumes before a moment that are tried where the last one cannot be read.
const MOST_BACK: usize = 8;
/// An archive whose last volume says that recording went on, and that got none for so long, is over: its recorder was killed.
const GIVEN_UP_US: i64 = 86_400_000_000;

/// An archive, or one stream of it, as a replayer asks for it.
#[derive(Debug)]
pub struct ArchiveVolumes {
    shared: Arc<Shared>,
    known: Mutex<HashMap<String, Arc<Mutex<Days>>>>,
    streams: Vec<String>,
}

impl ArchiveVolumes {
    /// Opens an archive. `stream`: the only one that is wanted.
    ///
    /// # Errors
    /// There is no such archive or stream, it is empty, or the store cannot be asked.
    pub fn open(store: Store, stream: Option<&str>, cache: Cache) -> Result<Self, ArchiveError> {
        let known = listing::streams(&store)?;
        let streams = match stream {
            None if known.is_empty() => {
                let why = format!("nothing is archived in {}", store.shown());
                return Err(ArchiveError::Usage(why));
            }
            None => known,
            Some(one) if known.iter().any(|own| own == one) => vec![one.to_owned()],
            Some(one) => {
                let known = match known.is_empty() {
                    true => "nothing is archived there".to_owned(),
                    false => format!("there are: {}", known.join(", ")),
                };
                let why = format!("{} has no stream {one:?}; {known}", store.shown());
                return Err(ArchiveError::Usage(why));
            }
        };
        Ok(Self {
            shared: Arc::new(Shared::new(store, cache)),
            known: Mutex::default(),
            streams,
        })
    }

    fn days(&self, stream: &str) -> Arc<Mutex<Days>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(stream.to_owned());
        Arc::clone(known.or_insert_with(|| Arc::new(Mutex::new(Days::new(stream)))))
    }

    /// The last volume that can be read of each writer among these, which begin at or before a moment; the newest names last.
    fn candidates(&self, names: &[VolumeName]) -> Result<Vec<Candidate>, SourceError> {
        let mut found: Vec<Candidate> = Vec::new();
        let mut tried = HashMap::new();
        for name in names.iter().rev() {
            let tries: &mut usize = tried.entry(&name.writer).or_default();
            let has = |one: &Candidate| one.name.writer == name.writer;
            if *tries >= MOST_BACK || found.iter().any(has) {
                continue;
            }
            *tries += 1;
            if let Some(manifest) = self.shared.manifest(name)? {
                found.push(Candidate {
                    name: name.clone(),
                    manifest,
                });
            }
        }
        Ok(found)
    }
}

/// Whether a volume says that recording went on behind it, and more of it may come.
fn grows(manifest: &Manifest) -> bool {
    let went_on = manifest
        .runs
        .iter()
        .max_by_key(|run| run.started_us)
        .is_some_and(|run| run.ended.is_none());
    let since_us = clock::system_us().saturating_sub(manifest.to_us);
    went_on && since_us < GIVEN_UP_US
}

impl Volumes for ArchiveVolumes {
    fn shown(&self) -> String {
        self.shared.store.shown().to_owned()
    }

    fn streams(&self) -> Vec<String> {
        self.streams.clone()
    }

    fn extent(&self, stream: &str) -> Result<Extent, SourceError> {
        let days = self.days(stream);
        let mut days = days.lock().unwrap_or_else(PoisonError::into_inner);
        let Limits { first, last } = days.limits(&self.shared.store)?;
        let Some(first) = first else {
            let why = format!("there is no volume of stream {stream:?}");
            return Err(SourceError::Nothing(why));
        };
        let last = self.candidates(&last)?;
        let newest = last.iter().max_by_key(|one| one.manifest.to_us);
        if let Some(newest) = newest {
            days.set_length_us(
                newest
                    .manifest
                    .to_us
                    .saturating_sub(newest.manifest.from_us),
            );
        }
        Ok(Extent {
            from_us: first.from_us,
            to_us: newest.map_or(first.from_us, |one| one.manifest.to_us),
            grows: last.iter().any(|one| grows(&one.manifest)),
        })
    }

    fn at(&self, stream: &str, moment_us: i64) -> Result<OpenVolume, SourceError> {
        let days = self.days(stream);
        let mut days = days.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let around = days.around(&self.shared.store, moment_us)?;
            let candidates = self.candidates(&around.before)?;
            let Some(chosen) = choice::choose(&candidates, moment_us) else {
                let why = format!("nothing that can be read of {stream:?} is from before then");
                return Err(SourceError::Nothing(why));
            };
            let manifest = Arc::clone(&chosen.manifest);
            let next = around.behind.first();
            let grows = grows(&manifest);
            if next.is_none() && grows && moment_us >= manifest.to_us {
                return Err(SourceError::NotYet(manifest.to_us));
            }
            let span = choice::span(&candidates, chosen, next, (moment_us, grows));
            let behind: Vec<VolumeName> = around
                .behind
                .into_iter()
                .filter(|name| name.writer == chosen.name.writer)
                .collect();
            let has_others = candidates.len() > 1;
            match opened::open(
                &self.shared,
                (&chosen.name, &manifest),
                &behind,
                span,
                has_others,
            ) {
                Ok(mut volume) => {
                    let is_final = opened::is_followed(&manifest, &behind) || !grows;
                    volume.fresh_until = days.fresh_until(is_final);
                    return Ok(volume);
                }
                // The one before it answers, as in a hole.
                Err(error) => self.shared.broken(&chosen.name, error)?,
            }
        }
    }
}
