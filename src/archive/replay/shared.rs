//! What all volumes of an archive need that are open: the store, the cache, and manifests, of which some are held.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cache::Cache;
use crate::archive::error::ArchiveError;
use crate::archive::listing;
use crate::archive::manifest::Manifest;
use crate::archive::names::VolumeName;
use crate::clock;
use crate::session::source::SourceError;
use crate::store::{Kind, Store};

/// Manifests that are held.
const MOST_MANIFESTS: usize = 256;
/// A volume that cannot be read is not tried again for so long.
const BROKEN_FOR: Duration = Duration::from_secs(600);
/// What volumes that are open need, too.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) cache: Cache,
    manifests: Mutex<Manifests>,
}

#[derive(Debug, Default)]
struct Manifests {
    read: BTreeMap<VolumeName, (u64, Arc<Manifest>)>,
    broken: BTreeMap<VolumeName, Instant>,
    uses: u64,
}

impl Shared {
    pub(super) fn new(store: Store, cache: Cache) -> Self {
        Self {
            store,
            cache,
            manifests: Mutex::default(),
        }
    }

    /// The manifest of a volume; `None`: it cannot be read, which is told once.
    pub(super) fn manifest(&self, name: &VolumeName) -> Result<Option<Arc<Manifest>>, SourceError> {
        {
            let mut manifests = self.manifests();
            manifests.uses += 1;
            let uses = manifests.uses;
            if let Some((used, manifest)) = manifests.read.get_mut(name) {
                *used = uses;
                return Ok(Some(Arc::clone(manifest)));
            }
            if manifests.is_broken(name) {
                return Ok(None);
            }
        }
        match listing::read(&self.store, name) {
            Ok(manifest) => {
                let manifest = Arc::new(manifest);
                self.manifests().hold(name.clone(), &manifest);
                Ok(Some(manifest))
            }
            Err(error) => self.broken(name, error).map(|()| None),
        }
    }

    /// Notes that a volume cannot be read, and tells it.
    ///
    /// # Errors
    /// It is not the volume that is wrong: it may be had a moment later.
    pub(super) fn broken(&self, name: &VolumeName, error: ArchiveError) -> Result<(), SourceError> {
        let is_away = match &error {
            ArchiveError::Store(error) => !matches!(error.trouble, Kind::Missing | Kind::Wrong),
            ArchiveError::Io(_) => true,
            _ => false,
        };
        if is_away {
            return Err(SourceError::Away(error.to_string()));
        }
        tracing::error!(
            "{}: the volume cannot be read, and its span is a hole: {error}",
            name.manifest()
        );
        let mut manifests = self.manifests();
        manifests.read.remove(name);
        let until = clock::instant() + BROKEN_FOR;
        manifests.broken.insert(name.clone(), until);
        Ok(())
    }

    fn manifests(&self) -> MutexGuard<'_, Manifests> {
        self.manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manifests {
    fn is_broken(&mut self, name: &VolumeName) -> bool {
        let now = clock::instant();
        self.broken.retain(|_, until| *until > now);
        self.broken.contains_key(name)
    }

    fn hold(&mut self, name: VolumeName, manifest: &Arc<Manifest>) {
        let last = self.read.iter().min_by_key(|(_, (used, _))| *used);
        if self.read.len() >= MOST_MANIFESTS
            && let Some(last) = last.map(|(name, _)| name.clone())
        {
            self.read.remove(&last);
        }
        self.read.insert(name, (self.uses, Arc::clone(manifest)));
    }
}
