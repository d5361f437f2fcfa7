//! Exit codes, decided here and nowhere else.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use super::escape::to_stderr;
use crate::session::{FolderError, ReadError, WriterError};

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what it was asked to.
    Done,
    /// 1: it could not; or it found what it was told to fail on.
    Failed,
    /// 2: it was asked wrongly.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
        })
    }
}

/// Why a program ends early: one sentence, and how.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    sentence: String,
    exit: Exit,
}

impl Failure {
    /// It could not be done.
    pub fn failed(sentence: impl std::fmt::Display) -> Self {
        Self {
            sentence: sentence.to_string(),
            exit: Exit::Failed,
        }
    }

    /// It was asked wrongly.
    pub fn usage(sentence: impl std::fmt::Display) -> Self {
        Self {
            sentence: sentence.to_string(),
            exit: Exit::Usage,
        }
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Exists { .. } | FolderError::Missing { .. } | FolderError::BadName(_) => {
                Self::usage(error)
            }
            FolderError::NotASession(_) | FolderError::Io { .. } => Self::failed(error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::failed(error)
    }
}

impl From<WriterError> for Failure {
    fn from(error: WriterError) -> Self {
        Self::failed(error)
    }
}

/// Reads the arguments of this process.
///
/// # Errors
/// Help was asked for, or they are wrong; that has been printed, and this is the exit code.
pub fn arguments<A: Parser>() -> Result<A, ExitCode> {
    arguments_of(std::env::args_os())
}

fn arguments_of<A: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<A, ExitCode> {
    A::try_parse_from(arguments).map_err(|error| {
        // To a closed pipe there is nothing to say.
        let _ = error.print();
        Exit::into(if error.use_stderr() {
            Exit::Usage
        } else {
            Exit::Done
        })
    })
}

/// Runs a program; what stops it is said on standard error, in one line.
pub fn run(program: &str, job: impl FnOnce() -> Result<Exit, Failure>) -> ExitCode {
    let exit = job().unwrap_or_else(|failure| {
        to_stderr(&format!("{program}: {failure}"));
        failure.exit
    });
    exit.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_session_is_a_wrong_question_and_a_damaged_one_is_a_failure() {
        let missing = FolderError::Missing {
            name: "x".into(),
            folder: "sessions".into(),
            known: vec!["demo".into()],
        };
        let failure = Failure::from(missing);
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(
            failure.to_string().ends_with("there are: demo"),
            "{failure}"
        );
        assert_eq!(
            Failure::from(FolderError::NotASession("a".into())).exit(),
            Exit::Failed
        );
        assert_eq!(
            Failure::from(ReadError::NotOurs("a".into())).exit(),
            Exit::Failed
        );
    }
}
