//! Records an HLS stream.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::isrecorder()
}
