//! Whether an archive has what its manifests say.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::error::ArchiveError;
use super::listing::{self, REQUESTS};
use super::manifest::Manifest;
use super::names::{self, VolumeName};
use super::unpack::unpack;
use crate::session::{Digest, ReadError, Reader, SessionFolder};
use crate::store::{Error as StoreError, Kind, Listed, Store};
use crate::upkeep::clip::copy::NamedChunk;
use crate::upkeep::{NamedChunks, is_damage};

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
        ends: HashMap::new(),
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
    let mut days: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in known
        .iter()
        .filter(|one| stream.is_none_or(|own| own == *one))
    {
        check.report.streams += 1;
        for day in store.wait(store.folders(&names::stream_folder(one)))? {
            days.entry(day).or_default().push(one);
        }
    }
    for (day, streams) in days {
        let chunks = check.day(&day, &streams)?;
        if stream.is_none() {
            check.report.chunks_unnamed += chunks.unnamed();
        }
    }
    check.report.ok = check.report.problem_count == 0;
    Ok(check.report)
}

struct Check<'a> {
    store: &'a Store,
    work: &'a Path,
    hashes: bool,
    /// Where the last volume of each stream and writer ends.
    ends: HashMap<(String, String), i64>,
    report: ArchiveReport,
}

/// Chunks of a day: of one at a time.
struct Day {
    name: String,
    sizes: HashMap<Digest, u64>,
    named: HashSet<Digest>,
}

impl Day {
    fn list(store: &Store, name: &str) -> Result<Self, ArchiveError> {
        let listed = store.wait(store.list(&names::chunk_folder(name), None))?;
        let sizes = listed
            .iter()
            .filter_map(|object| Some((names::chunk_of(&object.key)?, object.size)));
        Ok(Self {
            name: name.to_owned(),
            sizes: sizes.collect(),
            named: HashSet::new(),
        })
    }

    fn unnamed(&self) -> u64 {
        self.sizes.len().saturating_sub(self.named.len()) as u64
    }

    /// How large a chunk is. One that came behind the listing is asked for itself.
    fn size(
        &mut self,
        store: &Store,
        object: &str,
        sha256: &Digest,
    ) -> Result<Option<u64>, ArchiveError> {
        if let Some(known) = self.sizes.get(sha256) {
            return Ok(Some(*known));
        }
        let size = store.wait(store.size(object))?;
        self.sizes.extend(size.map(|size| (*sha256, size)));
        Ok(size)
    }
}

impl Check<'_> {
    fn wrong(&mut self, what: String) {
        self.report.problem_count += 1;
        if self.report.problems.len() < MOST {
            self.report.problems.push(what);
        }
    }

    /// All volumes of a day.
    fn day(&mut self, name: &str, streams: &[&str]) -> Result<Day, ArchiveError> {
        let mut day = Day::list(self.store, name)?;
        for stream in streams {
            self.stream(stream, &mut day)?;
        }
        Ok(day)
    }

    fn stream(&mut self, stream: &str, day: &mut Day) -> Result<(), ArchiveError> {
        let folder = format!("{}/{}", names::stream_folder(stream), day.name);
        let listed = self.store.wait(self.store.list(&folder, None))?;
        let mut databases: HashMap<&str, u64> = HashMap::new();
        for Listed { key, size } in &listed {
            if key.ends_with(".db.zst") {
                databases.insert(key, *size);
            }
        }
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
            let of = (stream.to_owned(), manifest.writer.clone());
            let before = self.ends.insert(of, manifest.to_us);
            if before.is_some_and(|end_us| end_us > manifest.from_us) {
                self.wrong(format!(
                    "{} begins before the volume before it ends",
                    object.key
                ));
            }
            let size = databases.remove(manifest.database.key.as_str());
            self.volume((&object.key, &manifest), size, day)?;
        }
        self.report.databases_unnamed += databases.len() as u64;
        Ok(())
    }

    fn volume(
        &mut self,
        (key, manifest): (&str, &Manifest),
        size: Option<u64>,
        day: &mut Day,
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
        let read = self.rows((key, manifest), &folder, day);
        self.tidy()?;
        match read {
            Err(ArchiveError::Read(error)) if is_none(&error) => {
                self.wrong(format!("{}: {error}", manifest.database.key));
                Ok(())
            }
            // This disk fails: that says nothing of the archive.
            read => read,
        }
    }

    fn rows(
        &mut self,
        (key, manifest): (&str, &Manifest),
        folder: &SessionFolder,
        day: &mut Day,
    ) -> Result<(), ArchiveError> {
        let reader = Reader::open(folder)?;
        let mut named = NamedChunks::of(&reader)?;
        let said = &manifest.chunks;
        let (mut count, mut bytes) = (0_u64, 0_u64);
        while let Some(some) = named.some()? {
            count = count.saturating_add(some.len() as u64);
            bytes = some
                .iter()
                .fold(bytes, |sum, chunk| sum.saturating_add(chunk.size));
            if count > said.count {
                let says = said.count;
                self.wrong(format!(
                    "{key}: its database names more than the {says} chunks that it says"
                ));
                return Ok(());
            }
            self.chunks(key, some, day)?;
        }
        if (count, bytes) != (said.count, said.bytes) {
            self.wrong(format!(
                "{key} says {} chunks of {} bytes, its database names {count} of {bytes}",
                said.count, said.bytes,
            ));
        }
        Ok(())
    }

    fn tidy(&self) -> Result<(), ArchiveError> {
        Ok(std::fs::remove_dir_all(self.work.join("volume"))?)
    }

    fn chunks(
        &mut self,
        key: &str,
        named: Vec<NamedChunk>,
        day: &mut Day,
    ) -> Result<(), ArchiveError> {
        let mut new = Vec::new();
        for chunk in named {
            let object = names::chunk(&day.name, &chunk.sha256);
            match day.size(self.store, &object, &chunk.sha256)? {
                None => self.wrong(format!("{key} names {object}, which is not there")),
                Some(size) if size != chunk.size => {
                    let says = chunk.size;
                    self.wrong(format!("{object} has {size} bytes, {key} says {says}"));
                }
                // No volume before named it.
                Some(_) if day.named.insert(chunk.sha256) => {
                    self.report.chunks += 1;
                    let bytes = &mut self.report.chunk_bytes;
                    *bytes = bytes.saturating_add(chunk.size);
                    new.push((object, chunk));
                }
                Some(_) => {}
            }
        }
        if self.hashes {
            let found = self.content(new)?;
            found.into_iter().for_each(|what| self.wrong(what));
        }
        Ok(())
    }

    /// What is wrong with the content of chunks.
    fn content(&self, chunks: Vec<(String, NamedChunk)>) -> Result<Vec<String>, ArchiveError> {
        let found = self
            .store
            .each(chunks, REQUESTS, |(object, chunk)| async move {
                let mut sink = super::unpack::Hashing::new(std::io::sink());
                let is_whole = self.store.get_large(&object, chunk.size, &mut sink).await?;
                let is_same = is_whole && sink.digest() == chunk.sha256;
                Ok::<_, StoreError>(
                    (!is_same).then(|| format!("{object} has other content than its name says")),
                )
            })?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// Whether a database is none that this program reads.
fn is_none(error: &ReadError) -> bool {
    is_damage(error) || matches!(error, ReadError::NotOurs(_) | ReadError::Newer { .. })
}
