//! Arguments in, exit code out, and everything that prints.
//!
//! Each program's file turns what was typed, once, into what it means, and hands that to
//! the library. Writing to a terminal or a pipe never fails a program: a full or closed
//! output is ignored, and one that nobody reads holds up none that goes on for long.

mod adjacent_find;
#[cfg(feature = "archive")]
mod archiving;
mod arguments;
mod beside;
mod outlet;
mod output;

mod descriptors;

pub mod exit;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

mod isrecorder;
mod isreplayer;
mod isreport;
mod issession;

mod listen;

mod signals;

pub use adjacent_find::main as adjacent_find;
pub use isrecorder::main as isrecorder;
pub use isreplayer::main as isreplayer;
pub use isreport::main as isreport;
pub use issession::main as issession;

/// The arguments of the programs, for man pages and shell completions.
pub fn commands() -> [clap::Command; 5] {
    [
        isrecorder::command(),
        isreplayer::command(),
        adjacent_find::command(),
        isreport::command(),
        issession::command(),
    ]
}
