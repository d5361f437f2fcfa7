//! Finds where an origin was late.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::adjacent_find()
}
