//! Which session is recorded to.

use std::path::Path;

use url::Url;

use crate::cli::exit::Failure;
use crate::recorder::Input;
use crate::session::{FolderError, Reader, SessionFolder, Sessions, StreamInfo};

/// The session that is recorded to.
pub(crate) enum Place {
    /// One of this name, or of the next that is free, in the folder.
    New(Sessions, Option<String>),
    /// One that exists, with its streams.
    Existing(SessionFolder, Vec<StreamInfo>),
}

impl Place {
    /// In that folder; `session`: its name, or the next that is free.
    pub(crate) fn choose(
        output: &Path,
        session: Option<String>,
        resume: bool,
    ) -> Result<Self, Failure> {
        let sessions = Sessions::new(output);
        match session {
            Some(name) if resume => {
                let folder = sessions.find(&name)?;
                let streams = Reader::open(&folder)?.streams()?;
                Ok(Self::Existing(folder, streams))
            }
            session => Ok(Self::New(sessions, session)),
        }
    }

    /// Streams that the session has keep their names there; where none is typed or in a file,
    /// all of them are meant.
    pub(crate) fn named(
        &self,
        mut inputs: Vec<Input>,
        has_file: bool,
    ) -> Result<Vec<Input>, Failure> {
        let Self::Existing(folder, streams) = self else {
            return Ok(inputs);
        };
        if inputs.is_empty() && !has_file {
            let all = streams.iter().filter_map(|stream| {
                let url = stream.url.parse().ok()?;
                Some(Input {
                    name: Some(stream.name.clone()),
                    ..Input::new(url)
                })
            });
            inputs = all.collect();
        }
        if inputs.is_empty() && !has_file {
            let path = folder.path().display();
            return Err(Failure::usage(format!("{path} has no stream; give a URL")));
        }
        for input in inputs.iter_mut().filter(|input| input.name.is_none()) {
            let known = streams.iter().find(|known| is_at(known, &input.url));
            input.name = known.map(|known| known.name.clone());
        }
        Ok(inputs)
    }

    /// Its folder, made if it is a new one.
    pub(crate) fn folder(self) -> Result<SessionFolder, FolderError> {
        match self {
            Self::New(sessions, name) => sessions.create(name.as_deref()),
            Self::Existing(folder, _) => Ok(folder),
        }
    }
}

/// Whether a stream has that URL; what a session keeps of one has no user name and password.
fn is_at(known: &StreamInfo, url: &Url) -> bool {
    let mut plain = url.clone();
    // Only a URL without a host has no place for them.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    known.url == plain.as_str()
}
