//! Replays a recorded session.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::isreplayer()
}
