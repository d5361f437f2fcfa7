//! The argument that names a session.

use crate::cli::exit::Failure;
use crate::session::SessionFolder;
use crate::session::Sessions;
use clap::Args;
use std::path::Path;

/// Which session is meant.
#[derive(Debug, Args)]
pub(super) struct SessionArgument {
    /// Recorded session name, or the path of its folder
    #[arg(value_name = "SESSION")]
    pub(super) session: String,
}

impl SessionArgument {
    pub(super) fn find(&self, folder: &Path) -> Result<SessionFolder, Failure> {
        Ok(Sessions::new(folder).find(&self.session)?)
    }
}
