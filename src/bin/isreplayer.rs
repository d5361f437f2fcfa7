//! Replays a recorded session: see `isrecorder::cli::isreplayer`.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::isreplayer::main()
}
