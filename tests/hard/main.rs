//! Tests that need more of a machine than Rust: system calls that fail, clocks that step, disks
//! that fill. `tests/hard/run` installs what they need and runs them.

// In helpers too, an error is the failure of the test.
#![allow(clippy::unwrap_used)]
// What was measured.
#![allow(clippy::print_stdout)]

mod clocks;
mod disk;

// What the other tests need of it is not all needed here.
#[allow(dead_code, unused_imports)]
#[path = "../it/support/mod.rs"]
mod support;

mod addresses;
mod day;
mod order;
mod power_cuts;
mod system_calls;
mod trace;
mod traced;
