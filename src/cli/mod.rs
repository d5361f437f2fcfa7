//! The command line: arguments in, exit code out, everything that prints.
//!
//! What a user typed is turned, once, into what it means; the exit code is decided in
//! `exit` alone; errors of printing itself are ignored (a full file system or a closed
//! pipe must not stop a recording, and `println!` would panic).

pub mod adjacent_find;
pub mod durations;
pub mod escape;
pub mod exit;
pub mod isreplayer;
mod listen;
pub mod logging;
