//! The one place that decides exit codes: 0 done, 1 failed, 2 wrong usage.

use std::fmt::Display;
use std::process::ExitCode;

use crate::cli::arguments::durations::escaped;
use crate::cli::outlet;
use crate::session::{FolderError, ReadError};

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

    /// The sentence.
    pub fn message(&self) -> &str {
        match self {
            Self::Usage(message) | Self::Failed(message) => message,
        }
    }
}

impl From<FolderError> for Failure {
    /// A name that is taken, missing or impossible, or of something else, was typed wrongly; the rest is a failure.
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Exists { .. } | FolderError::Missing { .. } | FolderError::BadName(_) => {
                Self::usage(error)
            }
            // What stands in the place of its database is no slip of the keyboard.
            FolderError::NotASession(ref path)
                if path.join("session.db").symlink_metadata().is_ok() =>
            {
                Self::failed(error)
            }
            FolderError::NotASession(_) => Self::usage(error),
            FolderError::Denied(_) | FolderError::Io { .. } => Self::failed(error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::failed(error)
    }
}

/// Ends a program: says what was wrong, in one line on standard error.
///
/// `Ok(true)` is exit code 0, `Ok(false)` exit code 1 without a message (`--fail-on-gap`).
pub fn code(program: &str, result: Result<bool, Failure>) -> ExitCode {
    let (code, message) = match result {
        Ok(true) => (0, None),
        Ok(false) => (1, None),
        Err(Failure::Failed(message)) => (1, Some(message)),
        Err(Failure::Usage(message)) => (2, Some(message)),
    };
    if let Some(message) = message {
        warn(format_args!("{program}: {message}"));
    }
    outlet::settle();
    ExitCode::from(code)
}

/// A line on standard output, whatever is in it; a closed or full output is ignored.
pub fn say(line: impl Display) {
    outlet::say(&format!("{}\n", escaped(&line.to_string())));
}

/// A line on standard error, whatever is in it; a closed or full one is ignored.
pub fn warn(line: impl Display) {
    outlet::warn(&format!("{}\n", escaped(&line.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_session_is_wrong_usage_and_a_damaged_one_a_failure() {
        let missing = FolderError::Missing {
            name: "x".into(),
            folder: std::env::temp_dir(),
            known: vec!["demo".into()],
        };
        match Failure::from(missing) {
            Failure::Usage(message) => assert!(message.ends_with("there are: demo"), "{message}"),
            Failure::Failed(message) => panic!("{message}"),
        }
        let other = Failure::from(FolderError::NotASession("a".into()));
        assert!(matches!(other, Failure::Usage(_)));
        let other = Failure::from(ReadError::NotOurs("a".into()));
        assert!(matches!(other, Failure::Failed(_)));
    }
}
