//! Targets for fuzzers: files that users write.

use crate::cli::arguments::inputs::{Named, clash, leak, parse_file};
use crate::hls::fuzzing::Target;

pub(crate) const TARGETS: &[Target] = &[("streams", streams)];

/// Streams, or the number of a line of the file and a sentence.
fn streams(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match parse_file(&text) {
        Ok(streams) => {
            let inputs: Vec<_> = streams.iter().map(|(_, input)| input.clone()).collect();
            let _ = leak(&inputs, |_| false);
            let place = |(line, input): (usize, _)| Named {
                place: line.to_string(),
                input,
            };
            let _ = clash(&streams.into_iter().map(place).collect::<Vec<_>>());
        }
        Err((line, what)) => {
            assert!(!what.is_empty());
            assert!(line >= 1 && line <= text.lines().count(), "line {line}");
        }
    }
}
