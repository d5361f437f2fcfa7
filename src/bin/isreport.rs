//! Says what was wrong with a recorded channel.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::isreport()
}
