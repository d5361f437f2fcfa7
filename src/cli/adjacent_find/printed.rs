//! Why not everything was printed, and whether that is a failure.

use std::io;

use crate::cli::exit::Failure;
use crate::session::ReadError;

/// Why not everything was printed.
pub(super) enum Unprinted {
    Out(io::Error),
    Session(ReadError),
}

impl From<ReadError> for Unprinted {
    fn from(error: ReadError) -> Self {
        Self::Session(error)
    }
}

impl From<io::Error> for Unprinted {
    fn from(error: io::Error) -> Self {
        Self::Out(error)
    }
}

/// Who closed the pipe has seen enough; `what` could not be written.
pub(super) fn printed(done: Result<(), Unprinted>, what: &str) -> Result<(), Failure> {
    match done {
        Err(Unprinted::Out(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the {what}: {error}")))
        }
        Err(Unprinted::Session(error)) => Err(error.into()),
        Err(Unprinted::Out(_)) | Ok(()) => Ok(()),
    }
}
