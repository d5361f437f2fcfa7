//! A clean recording that is damaged in one way: all of `isreport` tells that one rule, and what follows from it by necessity.
//!
//! The recording is the first half minute of `sessions/demo`, before its encoder freezes. What it lacks (parts, date ranges) is
//! written into its texts first; then nothing may be told. Rules of media that it has none of (fragments, packed audio) are
//! tested so in `tests/media`.

mod hours;
mod list;
mod low_latency;
mod media;
mod packets;
mod rows;
mod tape;
mod texts;
mod timed;
mod told;
mod transfers;

use std::path::Path;
use std::sync::OnceLock;

use tape::Tape;

const SECOND: i64 = 1_000_000;
/// Two seconds before what was listed last has to be followed by more.
const END: i64 = 34 * SECOND + SECOND / 2;

/// The demo with what its variants should declare.
fn encrypted() -> Tape {
    let session = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/demo");
    let mut tape = Tape::of(&session, END);
    tape.each("main.m3u8", |_, main| {
        let text = main
            .text()
            .replace(",RESOLUTION", ",FRAME-RATE=20.000,RESOLUTION");
        let text = text.replace("BANDWIDTH=81400", "BANDWIDTH=200000");
        main.body = text
            .replace("BANDWIDTH=64900", "BANDWIDTH=150000")
            .into_bytes();
    });
    tape
}

/// The same without encryption.
fn clean() -> Tape {
    static TAPE: OnceLock<Tape> = OnceLock::new();
    TAPE.get_or_init(|| encrypted().in_the_clear()).clone()
}
