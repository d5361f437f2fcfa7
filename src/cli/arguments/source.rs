//! Where streams are named: on the command line, and in a file that may change.

use std::path::{Path, PathBuf};

use super::inputs::{Named, clash, leak, parse_file};
use crate::recorder::{Input, TrustedHosts};

/// A file of streams is not larger.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// Where the streams are named.
pub(crate) struct Source {
    pub(crate) typed: Vec<Input>,
    pub(crate) file: Option<PathBuf>,
    /// Whether there are header fields or cookies for all of them.
    pub(crate) has_fields: bool,
    pub(crate) trusted: TrustedHosts,
}

impl Source {
    /// All of them, as they are named now; at least one.
    pub(crate) fn read(&self) -> Result<Vec<Input>, String> {
        let typed = self.typed.iter().map(|input| Named {
            place: String::new(),
            input: input.clone(),
        });
        let mut streams: Vec<Named> = typed.collect();
        if let Some(file) = &self.file {
            streams.extend(read_file(file)?);
        }
        if let Some(clash) = clash(&streams) {
            return Err(clash);
        }
        let inputs: Vec<Input> = streams.into_iter().map(|stream| stream.input).collect();
        let is = |known: &str, host: &str| {
            let with_port = known.strip_prefix(host);
            with_port.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        let trusted = |host: &str| {
            let hosts = &self.trusted.hosts;
            self.trusted.all || hosts.iter().any(|known| is(known, host))
        };
        match leak(&inputs, trusted) {
            Some(leak) if self.has_fields => Err(leak),
            _ => Ok(inputs),
        }
    }
}

fn read_file(file: &Path) -> Result<Vec<Named>, String> {
    let shown = file.display();
    let unread = |error: &dyn std::fmt::Display| format!("cannot read {shown}: {error}");
    let facts = std::fs::metadata(file).map_err(|error| unread(&error))?;
    // A pipe may never end.
    if !facts.is_file() || facts.len() > LARGEST_FILE {
        return Err(format!("{shown} is no file of up to {LARGEST_FILE} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| unread(&error))?;
    let inputs = parse_file(&text).map_err(|(line, what)| format!("{shown}:{line}: {what}"))?;
    if inputs.is_empty() {
        return Err(format!("{shown} names no stream"));
    }
    let named = inputs.into_iter().map(|(line, input)| Named {
        place: format!("{shown}:{line}: "),
        input,
    });
    Ok(named.collect())
}
