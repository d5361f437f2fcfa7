//! `issession`: what is done to sessions that have been recorded.

#[cfg(feature = "archive")]
mod archive;
mod check;
mod clip;
mod info;
mod list;
mod place;
mod redact;
mod session;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[cfg(feature = "archive")]
use self::archive::{ArchiveArguments, FetchArguments};
use self::check::CheckArguments;
use self::clip::ClipArguments;
use self::info::InfoArguments;
use self::list::ListArguments;
use self::redact::RedactArguments;
use super::exit::{self};

/// Look into recorded sessions, check, repair, clip, redact and archive them.
#[derive(Debug, Parser)]
#[command(
    name = "issession",
    version,
    after_help = "SESSION is the name of a session in the folder of sessions, or the path of its folder."
)]
struct Arguments {
    /// Folder of sessions
    #[arg(short, long, default_value = "sessions", global = true)]
    folder: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the sessions of the folder, or the streams and variants of one
    List(ListArguments),
    /// Say what is in a session: streams, runs, counts, faults, keys, sizes
    Info(InfoArguments),
    /// Say what is wrong with a session, or with an archive; only reads
    ///
    /// SESSION may be the URL of an archive: each manifest, its database and its chunks. Of a session database, rows, names and sizes of files are compared. Exit code 1: something is wrong. docs/ref/check.md says
    /// what each finding means.
    Check(CheckArguments),
    /// Move aside and mark what is wrong with a session, close what was killed, then check
    ///
    /// Nothing is deleted. Not while the session is being recorded. Exit code 1: something is wrong still.
    Repair(CheckArguments),
    /// Copy a session, with pseudonyms in place of tokens, cookies and credentials
    ///
    /// The same secret has the same pseudonym everywhere, of the same length; the copy replays as the session does.
    /// Media is copied as it is.
    Redact(RedactArguments),
    /// Copy a span of a session: a session of its own that answers as it did
    ///
    /// Also of a session that is being recorded; --to must be past. Session time 0 of the clip is --from.
    Clip(ClipArguments),
    /// Put a session into an archive: a bucket of an object store, or a folder
    ///
    /// Volumes of each stream, which are clips; what is there already is not uploaded again. Credentials, region and
    /// endpoint are those of the AWS tools. docs/design/archive.md says which objects there are.
    #[cfg(feature = "archive")]
    Archive(ArchiveArguments),
    /// Bring a span of an archive back as a session of this machine
    #[cfg(feature = "archive")]
    Fetch(FetchArguments),
}

/// The definition of the arguments.
pub(super) fn command() -> clap::Command {
    Arguments::command()
}

/// The program.
pub fn main() -> ExitCode {
    let Arguments { folder, command } = Arguments::parse();
    let done = match command {
        Command::List(list) => list.run(&folder),
        Command::Info(info) => info.run(&folder).map(|()| true),
        Command::Check(check) => check.check(&folder),
        Command::Repair(repair) => repair.repair(&folder),
        Command::Redact(redact) => redact.run(&folder).map(|()| true),
        Command::Clip(clip) => clip.run(&folder).map(|()| true),
        #[cfg(feature = "archive")]
        Command::Archive(archive) => archive.run(&folder).map(|()| true),
        #[cfg(feature = "archive")]
        Command::Fetch(fetch) => fetch.run(&folder).map(|()| true),
    };
    exit::code("issession", done)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_folder_may_stand_before_the_command_or_behind_it() {
        for typed in [
            ["issession", "-f", "/x", "check", "s"],
            ["issession", "check", "--folder", "/x", "s"],
            ["issession", "check", "s", "-f", "/x"],
        ] {
            let read = Arguments::try_parse_from(typed).unwrap();
            assert_eq!(read.folder, Path::new("/x"), "{typed:?}");
        }
    }
}
