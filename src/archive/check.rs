//! Whether an archive has what its manifests say.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::error::ArchiveError;
use super::listing::{self, REQUESTS};
use super::manifest::Manifest;
use super::names::{self, VolumeName};
use super::unpack::unpack;
use crate::session::{Digest, Reader};
use crate::store::{Kind, Listed, Store};
use crate::upkeep::clip::copy::NamedChunk;
use crate::upkeep::named_chunks;

/// So many problems are listed.
const MOST: usize = 100;

/// What is wrong with an archive, and what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ArchiveReport {
    /// Nothing is wrong.
    pub ok: bool,
    /// What is wrong, a sentence each; of many some.
    pub problems: Vec<String>,
    /// How much is wrong in all.
    pub problem_count: u64,
    /// Streams.
    pub streams: u64,
    /// Volumes: manifests that can be read.
    pub volumes: u64,
    /// Chunks that volumes name, each once a day.
    pub chunks: u64,
    /// Bytes of these.
    pub chunk_bytes: u64,
    /// Databases that no manifest names: of volumes that were begun.
    pub databases_unnamed: u64,
    /// Chunks that no manifest names, of days that have one: of volumes that were begun.
    pub chunks_unnamed: u64,
    /// The content of chunks was compared with their names.
    pub hashes: bool,
}

/// Checks an archive, or one stream of it. `hashes`: all chunks are read. `work`: an empty folder for databases.
///
/// # Errors
/// The store cannot be asked, or this disk is full: that says nothing of the archive.
pub fn check(
    store: &Store,
    stream: Option<&str>,
    hashes: bool,
    work: &Path,
) -> Result<ArchiveReport, ArchiveError> {
    let mut check = Check {
        store,
        work,
        hashes,
        days: BTreeMap::new(),
        report: ArchiveReport {
            hashes,
            ..ArchiveReport::default()
        },
    };
    let known = listing::streams(store)?;
    if let Some(stream) = stream.filter(|own| !known.iter().any(|known| known == own)) {
        return Err(ArchiveError::Usage(format!(
            "no stream {stream:?}; there are: {}",
            known.join(", ")
        )));
    }
    for one in known
        .iter()
        .filter(|one| stream.is_none_or(|own| own == *one))
    {
        check.stream(one)?;
    }
    if stream.is_none() {
        check.unnamed();
    }
    check.report.ok = check.report.problem_count == 0;
    Ok(check.report)
}

struct Check<'a> {
    store: &'a Store,
    work: &'a Path,
    hashes: bool,
    days: BTreeMap<String, Day>,
    report: ArchiveReport,
}

/// Chunks of a day.
#[derive(Default)]
struct Day {
    sizes: HashMap<Digest, u64>,
    named: HashSet<Digest>,
}

impl Check<'_> {
    fn wrong(&mut self, what: String) {
        self.report.problem_count += 1;
        if self.report.problems.len() < MOST {
            self.report.problems.push(what);
        }
    }

    fn stream(&mut self, stream: &str) -> Result<(), ArchiveError> {
        let listed = self
            .store
            .wait(self.store.list(&names::stream_folder(stream), None))?;
        self.report.streams += 1;
        let mut databases: HashMap<&str, u64> = HashMap::new();
        for Listed { key, size } in &listed {
            if key.ends_with(".db.zst") {
                databases.insert(key, *size);
            }
        }
        let mut ends: HashMap<String, i64> = HashMap::new();
        for object in &listed {
            let Some(name) = VolumeName::of_manifest(&object.key) else {
                continue;
            };
            let manifest = match listing::read(self.store, &name) {
                Ok(manifest) => manifest,
                Err(ArchiveError::Volume(key, why)) => {
                    self.wrong(format!("{key} {why}"));
                    continue;
                }
                Err(ArchiveError::Store(error)) if error.trouble == Kind::Wrong => {
                    self.wrong(error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.report.volumes += 1;
            let end_us = ends.entry(manifest.writer.clone()).or_insert(i64::MIN);
            let overlaps = *end_us > manifest.from_us;
            *end_us = manifest.to_us;
            if overlaps {
                self.wrong(format!(
                    "{} begins before the volume before it ends",
                    object.key
                ));
            }
            let size = databases.remove(manifest.database.key.as_str());
            self.volume(&object.key, &manifest, size)?;
        }
        self.report.databases_unnamed += databases.len() as u64;
        Ok(())
    }

    fn volume(
        &mut self,
        key: &str,
        manifest: &Manifest,
        size: Option<u64>,
    ) -> Result<(), ArchiveError> {
        match size {
            None => {
                self.wrong(format!(
                    "{key} names {}, which is not there",
                    manifest.database.key
                ));
                return Ok(());
            }
            Some(size) if size != manifest.database.bytes => {
                let says = manifest.database.bytes;
                self.wrong(format!(
                    "{} has {size} bytes, its manifest says {says}",
                    manifest.database.key
                ));
                return Ok(());
            }
            Some(_) => {}
        }
        let folder = match unpack(self.store, manifest, self.work, "volume") {
            Ok(folder) => folder,
            Err(ArchiveError::Volume(key, why)) => {
                self.wrong(format!("{key} {why}"));
                return self.tidy();
            }
            Err(error) => return Err(error),
        };
        let named = Reader::open(&folder).and_then(|reader| named_chunks(&reader));
        self.tidy()?;
        match named {
            Ok(named) => self.chunks(key, manifest, named),
            Err(error) => {
                self.wrong(format!("{}: {error}", manifest.database.key));
                Ok(())
            }
        }
    }

    fn tidy(&self) -> Result<(), ArchiveError> {
        Ok(std::fs::remove_dir_all(self.work.join("volume"))?)
    }

    fn chunks(
        &mut self,
        key: &str,
        manifest: &Manifest,
        named: Vec<NamedChunk>,
    ) -> Result<(), ArchiveError> {
        let bytes: u64 = named
            .iter()
            .fold(0, |sum, chunk| sum.saturating_add(chunk.size));
        if (named.len() as u64, bytes) != (manifest.chunks.count, manifest.chunks.bytes) {
            self.wrong(format!(
                "{key} says {} chunks of {} bytes, its database names {} of {bytes}",
                manifest.chunks.count,
                manifest.chunks.bytes,
                named.len()
            ));
        }
        let name = &manifest.chunks.day;
        if !self.days.contains_key(name) {
            let listed = self
                .store
                .wait(self.store.list(&names::chunk_folder(name), None))?;
            let sizes = listed
                .iter()
                .filter_map(|object| Some((names::chunk_of(&object.key)?, object.size)));
            let day = Day {
                sizes: sizes.collect(),
                named: HashSet::new(),
            };
            self.days.insert(name.clone(), day);
        }
        let mut found = Vec::new();
        let mut new = Vec::new();
        for chunk in named {
            let object = names::chunk(name, &chunk.sha256);
            match self.size(name, &object, &chunk.sha256)? {
                None => found.push(format!("{key} names {object}, which is not there")),
                Some(size) if size != chunk.size => {
                    let says = chunk.size;
                    found.push(format!("{object} has {size} bytes, {key} says {says}"));
                }
                Some(_) if self.is_new(name, chunk.sha256) => {
                    self.report.chunks += 1;
                    let bytes = &mut self.report.chunk_bytes;
                    *bytes = bytes.saturating_add(chunk.size);
                    new.push((object, chunk));
                }
                Some(_) => {}
            }
        }
        if self.hashes {
            found.extend(self.content(new)?);
        }
        found.into_iter().for_each(|what| self.wrong(what));
        Ok(())
    }

    /// How large a chunk of a day is. One that came behind the listing of that day is asked for itself.
    fn size(
        &mut self,
        day: &str,
        object: &str,
        sha256: &Digest,
    ) -> Result<Option<u64>, ArchiveError> {
        let known = self
            .days
            .get(day)
            .and_then(|day| day.sizes.get(sha256).copied());
        if known.is_some() {
            return Ok(known);
        }
        let size = self.store.wait(self.store.size(object))?;
        if let (Some(size), Some(day)) = (size, self.days.get_mut(day)) {
            day.sizes.insert(*sha256, size);
        }
        Ok(size)
    }

    /// Whether no volume before named a chunk.
    fn is_new(&mut self, day: &str, sha256: Digest) -> bool {
        self.days
            .get_mut(day)
            .is_some_and(|day| day.named.insert(sha256))
    }

    /// What is wrong with the content of chunks.
    fn content(&self, chunks: Vec<(String, NamedChunk)>) -> Result<Vec<String>, ArchiveError> {
        let found = self
            .store
            .each(chunks, REQUESTS, |(object, chunk)| async move {
                let mut sink = super::unpack::Hashing::new(std::io::sink());
                let is_whole = self.store.get_large(&object, chunk.size, &mut sink).await?;
                let is_same = is_whole && sink.digest() == chunk.sha256;
                Ok((!is_same).then(|| format!("{object} has other content than its name says")))
            })?;
        Ok(found.into_iter().flatten().collect())
    }

    fn unnamed(&mut self) {
        let unnamed = self
            .days
            .values()
            .map(|day| day.sizes.len().saturating_sub(day.named.len()));
        self.report.chunks_unnamed = unnamed.map(|count| count as u64).sum();
    }
}
