//! Where a new session goes that is made out of another one.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::Failure;
use crate::session::Sessions;

/// The session that is made.
#[derive(Debug, Args)]
pub(super) struct NewArgument {
    /// The new session: a name in the folder of sessions, or a path
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

impl NewArgument {
    /// A name is one in the folder of sessions, a path is its own.
    pub(super) fn place(&self, folder: &Path) -> Result<(Sessions, String), Failure> {
        place(folder, &self.new).map_err(Failure::usage)
    }

    /// The folder that it will be in.
    #[cfg(feature = "archive")]
    pub(super) fn folder<'p>(&'p self, folder: &'p Path) -> &'p Path {
        parent(folder, &self.new)
    }
}

fn parent<'p>(folder: &'p Path, new: &'p Path) -> &'p Path {
    match new.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => folder,
    }
}

/// A name is one in the folder of sessions, a path is its own.
fn place(folder: &Path, new: &Path) -> Result<(Sessions, String), String> {
    let shown = new.display();
    let name = new.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(format!("{shown} cannot be a new session"));
    };
    Ok((Sessions::new(parent(folder, new)), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_session_is_a_name_or_a_path() {
        let of = |new: &str| place(Path::new("out"), Path::new(new));
        assert_eq!(of("shared").unwrap().1, "shared");
        assert_eq!(of("/tmp/x/shared").unwrap().1, "shared");
        assert!(of("..").is_err());
        assert!(of("/").is_err());
    }
}
