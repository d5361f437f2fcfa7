//! `issession list`: the sessions of a folder, or what one of them has to play.

use std::path::Path;

use clap::Args;

use crate::cli::exit::{Failure, say, warn};
use crate::cli::output::description;
use crate::replayer::Description;
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::session::Sessions;
use crate::shown;
use crate::upkeep::Standing;

/// What is listed.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Print one JSON object for each session, one a line
    #[arg(long)]
    json: bool,
    /// A session whose streams and variants are listed; default: the sessions of the folder, one a line
    #[arg(value_name = "SESSION")]
    session: Option<String>,
}

impl ListArguments {
    /// `false`: a session of the folder cannot be read.
    pub(super) fn run(&self, folder: &Path) -> Result<bool, Failure> {
        let sessions = Sessions::new(folder);
        match &self.session {
            None => self.all(&sessions, folder),
            Some(session) => {
                let found = description::at_the_end(sessions.find(session)?)?;
                match self.json {
                    true => say(json_of(&found)?),
                    false => lines(&found).iter().for_each(say),
                }
                Ok(true)
            }
        }
    }

    fn all(&self, sessions: &Sessions, folder: &Path) -> Result<bool, Failure> {
        if !folder.is_dir() {
            let what = format!("there is no folder {}; name one with -f", folder.display());
            return Err(Failure::usage(what));
        }
        sessions.can_be_listed()?;
        let names = sessions.names();
        if names.is_empty() {
            warn(format_args!("No session in {}", folder.display()));
        }
        let width = names
            .iter()
            .map(|name| shown::escaped(name).chars().count());
        let width = width.max().unwrap_or(0).min(WIDEST);
        let mut all_are_read = true;
        for name in &names {
            let found = sessions.find(name).map_err(Failure::from);
            let described = found.and_then(description::at_the_end);
            all_are_read &= described.is_ok();
            say(match self.json {
                true => json_line(name, &described)?,
                false => text_line(name, width, &described),
            });
        }
        Ok(all_are_read)
    }
}

/// A session that can be read.
type Listed = (Description, Standing);

fn lines((description, standing): &Listed) -> Vec<String> {
    description::lines(description, description::state(standing))
}

fn text_line(name: &str, width: usize, described: &Result<Listed, Failure>) -> String {
    let name = shown::escaped(name);
    match described {
        Ok((description, standing)) => {
            format!("{name:width$}  {}", short(description, standing))
        }
        Err(failure) => format!("{name:width$}  {}", failure.message()),
    }
}

fn json_line(name: &str, described: &Result<Listed, Failure>) -> Result<String, Failure> {
    match described {
        Ok(listed) => json_of(listed),
        Err(failure) => json(&serde_json::json!({ "session": name, "error": failure.message() })),
    }
}

/// What there is to play, and how it stands with the session.
fn json_of((description, standing): &Listed) -> Result<String, Failure> {
    let mut value = serde_json::to_value(description).map_err(Failure::failed)?;
    if let Some(members) = value.as_object_mut() {
        members.insert("state".to_owned(), serde_json::json!(standing.state));
        members.insert("ended".to_owned(), serde_json::json!(standing.ended));
    }
    json(&value)
}

/// Longer names are not what the column of names is made for.
const WIDEST: usize = 40;

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    shown::json(value).map_err(Failure::failed)
}

/// When, for how long, what.
fn short(description: &Description, standing: &Standing) -> String {
    let names = description
        .streams
        .iter()
        .map(|stream| stream.name.as_str());
    let mut named = names.take(MOST_NAMED).collect::<Vec<_>>().join(" ");
    let more = description.streams.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        named += &format!(" and {more} more");
    }
    let state = description::state(standing);
    format!(
        "{}  {}{state}  {named}",
        format_utc(description.recorded_us),
        format_time(description.length_us),
    )
}

/// Streams that are named in a line.
const MOST_NAMED: usize = 4;
