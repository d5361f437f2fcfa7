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

/// A name is one in the folder of sessions, a path is its own: whoever types `a/b` for a name is told so, and finds no new folder
/// `a` in the working folder.
fn place(folder: &Path, new: &Path) -> Result<(Sessions, String), String> {
    let shown = new.display();
    let name = new.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(format!("{shown} cannot be a new session"));
    };
    let place = parent(folder, new);
    if place != folder && !place.is_dir() {
        return Err(format!(
            "{shown} is a path, and there is no folder {}; a name without a / is one in {}",
            place.display(),
            folder.display()
        ));
    }
    Ok((Sessions::new(place), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_session_is_a_name_or_a_path() {
        let of = |new: &str| place(Path::new("out"), Path::new(new));
        assert_eq!(of("shared").unwrap().1, "shared");
        let there = tempfile::tempdir().unwrap();
        let path = there.path().join("shared");
        assert_eq!(of(path.to_str().unwrap()).unwrap().1, "shared");
        let nowhere = there.path().join("nowhere/shared");
        let told = of(nowhere.to_str().unwrap()).unwrap_err();
        assert!(
            told.contains("nowhere; a name without a / is one in out"),
            "{told}"
        );
        assert!(of("..").is_err());
        assert!(of("/").is_err());
    }
}
