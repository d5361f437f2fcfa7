//! `issession redact`: a copy of a session to share.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::place::NewArgument;
use super::session::SessionArgument;
use crate::cli::arguments::durations::escaped;
use crate::cli::exit::{self, Failure};
use crate::upkeep::{RedactError, RedactRules, Redacted, RedactedWhat, redact};

/// A file of secrets is not larger, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Secrets of fewer bytes are everywhere by chance.
const SHORTEST_SECRET: usize = 4;

/// What is copied, where to, and what is replaced in the copy.
#[derive(Debug, Args)]
pub(super) struct RedactArguments {
    /// Pseudonyms for hosts and addresses, too
    #[arg(long)]
    redact_hosts: bool,
    /// Keys become zeros
    #[arg(long)]
    drop_keys: bool,
    /// The values of these query parameters stay, for example seq,bitrate
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    keep_parameters: Vec<String>,
    /// Replace these, too, one a line, whatever they look like
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    session: SessionArgument,
    #[command(flatten)]
    new: NewArgument,
}

impl RedactArguments {
    /// Makes the copy.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Failure> {
        let rules = RedactRules {
            hosts: self.redact_hosts,
            drop_keys: self.drop_keys,
            kept_parameters: self
                .keep_parameters
                .iter()
                .cloned()
                .collect::<BTreeSet<_>>(),
            secrets: match &self.secrets {
                Some(file) => read_secrets(file).map_err(Failure::usage)?,
                None => Vec::new(),
            },
        };
        let (sessions, name) = self.new.place(folder)?;
        let source = self.session.find(folder)?;
        let done = redact(&source, &sessions, &name, rules)?;
        report(&done).lines().for_each(exit::say);
        Ok(())
    }
}

impl From<RedactError> for Failure {
    fn from(error: RedactError) -> Self {
        match error {
            RedactError::Folder(error) => error.into(),
            RedactError::Read(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

fn read_secrets(file: &Path) -> Result<Vec<String>, String> {
    let shown = file.display();
    let size = std::fs::metadata(file).map_err(|e| format!("cannot read {shown}: {e}"))?;
    if !size.is_file() || size.len() > LARGEST_FILE {
        return Err(format!("{shown} is no file of up to {LARGEST_FILE} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut secrets = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        if line.len() < SHORTEST_SECRET {
            return Err(format!(
                "{shown}:{number}: a secret of fewer than {SHORTEST_SECRET} bytes would be found everywhere"
            ));
        }
        secrets.push(line.to_owned());
    }
    Ok(secrets)
}

/// What was replaced, and nothing of it.
fn report(done: &Redacted) -> String {
    let mut text = format!(
        "Redacted copy: {}\n",
        escaped(&done.folder.display().to_string())
    );
    // Writing to a String cannot fail.
    for (what, (different, places)) in &done.replaced {
        let _ = match what {
            // Found by their look, wherever they are: sorts are not told apart.
            RedactedWhat::KeyData => writeln!(text, "  keys in texts: in {places} places"),
            what => writeln!(
                text,
                "  {}: {different} different, in {places} places",
                sort(*what)
            ),
        };
    }
    if done.replaced.is_empty() {
        text += "  nothing was found that looks like a secret\n";
    }
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            let _ = writeln!(text, "  {what}: {count}");
        }
    };
    say(done.keys, "keys that are zeros now");
    say(
        done.encoded,
        "bodies that are zeros now, since they are in a content coding that cannot be searched",
    );
    say(done.unfinished, "unfinished parts of raw streams, left out");
    say(done.texts, "text chunks, searched");
    say(done.media, "media chunks, copied as they are");
    say(
        done.not_sought,
        "of what was replaced, too short or too ordinary to be looked for anywhere else",
    );
    folders(&mut text, &done.kept_folders);
    // No more than was looked for.
    text += "The database and all texts of the copy were searched for what is replaced everywhere: as it is, escaped as in \
             URLs, JSON, HTML and C, in hexadecimal digits, in base 64, in UTF-16 and gzip. None of that is there\n";
    text += &match done.kept_keys {
        0 => String::new(),
        1 => "1 key is in the copy as it was; --drop-keys makes it zeros\n".to_owned(),
        many => format!("{many} keys are in the copy as they were; --drop-keys makes them zeros\n"),
    };
    if let (count @ 1.., Some(path)) = &done.media_with_secrets {
        let _ = writeln!(
            text,
            "Careful: {count} media chunks have something of it in them, for example chunks/{}",
            escaped(path)
        );
    }
    text
}

/// Nobody can tell a token from a word by its look alone: people look through these.
fn folders(text: &mut String, (names, others): &(Vec<String>, u64)) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| escaped(name).to_string()).collect();
    let _ = write!(
        text,
        "  folders of URLs that stay as they are: {}",
        names.join(" ")
    );
    *text += &match others {
        0 => "\n".to_owned(),
        others => format!(" and {others} others\n"),
    };
    *text += "  (where one of them is a token, name it with --secrets FILE)\n";
}

fn sort(what: RedactedWhat) -> &'static str {
    match what {
        RedactedWhat::Query => "values in URLs' queries",
        RedactedWhat::Path => "tokens in URLs' paths, and JWTs",
        RedactedWhat::Cookie => "cookies",
        RedactedWhat::User => "user names and passwords in URLs",
        RedactedWhat::Named => "other secrets, by their names or met again",
        RedactedWhat::Host => "hosts and addresses",
        RedactedWhat::KeyData => "keys in texts",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets.txt");
        std::fs::write(&file, "hunter2\n\n  letmein \n").unwrap();
        assert_eq!(read_secrets(&file).unwrap(), ["hunter2", "letmein"]);
        std::fs::write(&file, "hunter2\nabc\n").unwrap();
        assert!(read_secrets(&file).unwrap_err().contains(":2: "));
        assert!(read_secrets(folder.path()).is_err());
    }
}
