//! The one place that decides exit codes: 0 done, 1 failed, 2 wrong usage.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use super::durations::escaped;

/// Why a program ends without having done its work.
#[derive(Debug)]
pub enum Failure {
    /// What was typed cannot be done: exit code 2.
    Usage(String),
    /// It was tried and failed: exit code 1.
    Failed(String),
}

impl Failure {
    /// Wrong usage, with a sentence that says what to do.
    pub fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// A failure, with a sentence that says what was wrong.
    pub fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }
}

/// Ends a program: says what was wrong, in one line on standard error.
///
/// `Ok(true)` is exit code 0, `Ok(false)` exit code 1 without a message (`--fail-on-gap`).
pub fn code(program: &str, result: Result<bool, Failure>) -> ExitCode {
    let (code, message) = match result {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::from(1),
        Err(Failure::Failed(message)) => (1, message),
        Err(Failure::Usage(message)) => (2, message),
    };
    // Nobody is left to tell where standard error is closed.
    let _ = writeln!(std::io::stderr(), "{program}: {}", escaped(&message));
    ExitCode::from(code)
}

/// A line on standard output; a closed or full output is ignored.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
