//! Which volume answers at a moment. A function of names and manifests alone, so that all readers agree. Pure.

use std::sync::Arc;

use crate::archive::manifest::Manifest;
use crate::archive::names::VolumeName;

/// A volume that may answer: the last of its writer that begins at or before a moment.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) name: VolumeName,
    pub(super) manifest: Arc<Manifest>,
}

impl Candidate {
    fn contains(&self, moment_us: i64) -> bool {
        (self.manifest.from_us..self.manifest.to_us).contains(&moment_us)
    }

    /// For how long no recorder of this writer ran within it, in microseconds.
    fn hole_us(&self) -> i64 {
        let (from_us, to_us) = (self.manifest.from_us, self.manifest.to_us);
        let lived = self.manifest.runs.iter().map(|run| {
            let until_us = run.until_us.min(to_us);
            until_us.saturating_sub(run.started_us.max(from_us)).max(0)
        });
        let lived_us = lived.fold(0, i64::saturating_add);
        to_us
            .saturating_sub(from_us)
            .saturating_sub(lived_us)
            .max(0)
    }
}

/// Of those that contain the moment the one with the shortest holes, then with fewer chunks that were lost, then of the lower writer.
/// Where none does, in a hole, the last to end: its last answers hold.
pub(super) fn choose(candidates: &[Candidate], moment_us: i64) -> Option<&Candidate> {
    let containing = candidates.iter().filter(|one| one.contains(moment_us));
    let best = containing.min_by_key(|one| {
        let lost = one.manifest.chunks.lost;
        (one.hole_us(), lost, one.name.writer.clone())
    });
    best.or_else(|| {
        let ended = candidates.iter();
        ended.max_by_key(|one| {
            (
                one.manifest.to_us,
                std::cmp::Reverse(one.name.writer.clone()),
            )
        })
    })
}

/// From when until when a choice holds, around a moment. `next`: what begins first behind that, of any writer; `grows`: more may come.
pub(super) fn span(
    candidates: &[Candidate],
    chosen: &Candidate,
    next: Option<&VolumeName>,
    (moment_us, grows): (i64, bool),
) -> (i64, i64) {
    let begins = candidates.iter().map(|one| one.manifest.from_us);
    let ends = candidates.iter().map(|one| one.manifest.to_us);
    let passed = begins.chain(ends).filter(|us| *us <= moment_us).max();
    let mut until_us = next.map_or(i64::MAX, |next| next.from_us);
    let is_last = next.is_none() && candidates.len() == 1;
    if chosen.contains(moment_us) && (grows || !is_last) {
        until_us = until_us.min(chosen.manifest.to_us);
    }
    (
        passed.unwrap_or(moment_us),
        until_us.max(moment_us.saturating_add(1)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::manifest::{Chunks, Database, ManifestRun};
    use crate::archive::names::Writer;

    fn one(writer: u8, (from_us, to_us): (i64, i64), runs: &[(i64, i64)], lost: u64) -> Candidate {
        let name = VolumeName {
            stream: "tv".to_owned(),
            from_us,
            writer: Writer::new([writer; 8]),
        };
        let runs = runs.iter().map(|(started_us, until_us)| ManifestRun {
            started_us: *started_us,
            until_us: *until_us,
            ended: None,
            program: String::new(),
        });
        let manifest = Manifest {
            format: Manifest::FORMAT,
            program: String::new(),
            writer: name.writer.to_string(),
            stream: name.stream.clone(),
            session: String::new(),
            zero_us: 0,
            from_us,
            to_us,
            reaches_back_to_us: None,
            missing_from_us: None,
            owed: Vec::new(),
            runs: runs.collect(),
            database: Database {
                key: String::new(),
                bytes: 0,
                sha256: String::new(),
                unpacked_bytes: 0,
            },
            chunks: Chunks {
                day: String::new(),
                count: 0,
                bytes: 0,
                lost,
            },
        };
        Candidate {
            name,
            manifest: Arc::new(manifest),
        }
    }

    fn writer(candidates: &[Candidate], moment_us: i64) -> Option<u8> {
        let chosen = choose(candidates, moment_us)?;
        u8::from_str_radix(&chosen.name.writer.as_str()[..2], 16).ok()
    }

    #[test]
    fn of_two_recorders_the_one_with_shorter_holes_is_asked_then_the_one_that_lost_less() {
        let whole = one(2, (100, 200), &[(0, 500)], 1);
        let holed = one(1, (100, 200), &[(0, 120), (160, 500)], 0);
        let same = one(3, (100, 200), &[(50, 500)], 0);
        assert_eq!(writer(&[holed.clone(), whole.clone()], 150), Some(2));
        assert_eq!(writer(&[whole.clone(), same.clone()], 150), Some(3));
        assert_eq!(
            writer(&[same, one(4, (100, 200), &[(0, 500)], 0)], 150),
            Some(3)
        );
        // One that begins later is the only one there.
        let later = one(1, (150, 200), &[(150, 500)], 0);
        assert_eq!(writer(&[later.clone(), whole.clone()], 149), Some(2));
        assert_eq!(writer(&[later.clone(), whole.clone()], 151), Some(1));
        // In a hole the last that ended.
        assert_eq!(
            writer(&[one(1, (50, 90), &[], 0), whole.clone()], 250),
            Some(2)
        );
        assert_eq!(writer(&[], 0), None);
        // The choice is made again where one begins or ends.
        let next = VolumeName {
            from_us: 170,
            ..later.name.clone()
        };
        let both = [whole.clone(), holed.clone()];
        assert_eq!(span(&both, &whole, Some(&next), (150, false)), (100, 170));
        assert_eq!(span(&both, &whole, None, (150, false)), (100, 200));
        assert_eq!(span(&both, &whole, None, (250, false)), (200, i64::MAX));
        let alone = [whole.clone()];
        assert_eq!(span(&alone, &whole, None, (150, false)), (100, i64::MAX));
        assert_eq!(span(&alone, &whole, None, (150, true)), (100, 200));
    }
}
