//! Finds where an origin was late: see `isrecorder::cli::adjacent_find`.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::adjacent_find::main()
}
