//! Looks into recorded sessions, checks, repairs and redacts them.

use std::process::ExitCode;

fn main() -> ExitCode {
    isrecorder::cli::issession()
}
