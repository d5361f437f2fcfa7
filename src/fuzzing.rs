//! What fuzzers and the tests of their corpus call: everything that reads what strangers wrote.
//! Not part of the programs: it exists where tests or fuzzers are built.
//!
//! A target is a function that takes any bytes and panics where a promise is broken. Each layer has
//! those of its own in a file `fuzzing.rs`. `tests/fuzz/run` feeds them; what once broke one is in
//! `tests/fuzz/corpus/NAME`, and is tried with each `cargo test`.

use crate::hls::fuzzing::Target;
use crate::{cli, hls, media, recorder, replayer, session};

/// All targets.
pub fn targets() -> Vec<Target> {
    [
        hls::fuzzing::TARGETS,
        media::fuzzing::TARGETS,
        session::fuzzing::TARGETS,
        recorder::fuzzing::TARGETS,
        replayer::fuzzing::TARGETS,
        cli::fuzzing::TARGETS,
    ]
    .concat()
}

/// Calls one of them.
///
/// # Panics
/// A promise is broken, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let found = targets().into_iter().find(|(known, _)| *known == name);
    match found {
        Some((_, target)) => target(bytes),
        None => panic!("there is no target {name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn fuzz() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
    }

    #[test]
    fn what_is_in_the_corpus_breaks_nothing() {
        for (name, target) in super::targets() {
            let mut tried = 0;
            for entry in fs::read_dir(fuzz().join("corpus").join(name)).unwrap() {
                let path = entry.unwrap().path();
                let input = fs::read(&path).unwrap();
                let tried_it = std::panic::catch_unwind(|| target(&input));
                assert!(tried_it.is_ok(), "{}", path.display());
                tried += 1;
            }
            assert!(tried > 0, "{name} has no corpus");
        }
    }

    #[test]
    fn each_target_can_be_fuzzed() {
        let here: BTreeSet<String> = super::targets()
            .iter()
            .map(|(name, _)| format!("{name}.rs"))
            .collect();
        let there: BTreeSet<String> = fs::read_dir(fuzz().join("targets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(here, there);
    }
}
