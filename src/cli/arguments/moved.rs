//! Options that have moved to another program: whoever still types one reads where it is now.

use std::ffi::OsString;

use clap::Parser;

use crate::cli::exit::Failure;

/// An option that has moved, and the command that took its place.
pub(crate) type Moved = (&'static str, &'static str);

const CHECK: Moved = ("--check", "issession check SESSION");
const REPAIR: Moved = ("--repair", "issession repair SESSION");
const HASHES: Moved = ("--hashes", "issession check SESSION --hashes");
const JSON: Moved = ("--json", "issession check SESSION --json");

/// What isrecorder had.
pub(crate) const OF_ISRECORDER: [Moved; 9] = [
    REPAIR,
    CHECK,
    ("--redact", "issession redact SESSION NEW"),
    HASHES,
    JSON,
    (
        "--redact-hosts",
        "issession redact SESSION NEW --redact-hosts",
    ),
    ("--drop-keys", "issession redact SESSION NEW --drop-keys"),
    (
        "--keep-parameters",
        "issession redact SESSION NEW --keep-parameters NAMES",
    ),
    ("--secrets", "issession redact SESSION NEW --secrets FILE"),
];

/// What isreplayer had.
pub(crate) const OF_ISREPLAYER: [Moved; 4] = [REPAIR, CHECK, HASHES, JSON];

/// The arguments. Those that cannot be read are a failure where an option among them has moved; otherwise clap says
/// what is wrong with them, or gives the help, and the program ends.
///
/// # Errors
/// An option has moved: the sentence names the command that took its place.
pub(crate) fn parse<T: Parser>(arguments: &[OsString], moved: &[Moved]) -> Result<T, Failure> {
    T::try_parse_from(arguments).or_else(|error| match place(arguments, moved) {
        Some((option, command)) if error.use_stderr() => {
            Err(Failure::usage(format!("{option} is now: {command}")))
        }
        _ => error.exit(),
    })
}

/// The first of `moved` that is among the options: `--check --repair` was a repair.
fn place(arguments: &[OsString], moved: &[Moved]) -> Option<Moved> {
    let options = || {
        let options = arguments.iter().filter_map(|argument| argument.to_str());
        options.take_while(|argument| *argument != "--")
    };
    let is_typed = |option: &str| {
        options().any(|typed| {
            let value = typed.strip_prefix(option);
            value.is_some_and(|value| value.is_empty() || value.starts_with('='))
        })
    };
    let mut moved = moved.iter().copied();
    moved.find(|(option, _)| is_typed(option))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(typed: &[&str]) -> Option<&'static str> {
        let typed: Vec<OsString> = typed.iter().map(OsString::from).collect();
        place(&typed, &OF_ISRECORDER).map(|(_, command)| command)
    }

    #[test]
    fn the_command_is_named_that_does_what_was_meant() {
        assert_eq!(command(&["--check", "s"]), Some("issession check SESSION"));
        assert_eq!(command(&["--check=s"]), Some("issession check SESSION"));
        assert_eq!(
            command(&["--json", "--check", "s", "--repair"]),
            Some("issession repair SESSION")
        );
        assert_eq!(
            command(&["--redact-hosts", "--redact", "s", "new"]),
            Some("issession redact SESSION NEW")
        );
        assert_eq!(
            command(&["--redact-hosts"]),
            Some("issession redact SESSION NEW --redact-hosts")
        );
        assert_eq!(command(&["--checked", "-o", "x"]), None);
        assert_eq!(command(&["--", "--check"]), None);
    }
}
