//! What the multivariant playlist says of a playlist: as the log of the recorder names it.

use std::collections::HashMap;

use url::Url;

use crate::hls::read_multivariant;
use crate::session::{Body, ExchangeId, PlaylistInfo, ReadError, Reader};

/// A name, and the label beside it: `live/hi.m3u8 (1280x720 2.1 Mbit/s)`.
pub fn with_label(name: &str, label: Option<&String>) -> String {
    match label {
        Some(label) => format!("{name} ({label})"),
        None => name.to_owned(),
    }
}

/// Labels of playlists.
#[derive(Debug)]
pub struct Labels<'a> {
    reader: &'a Reader,
    /// What the listing that was read last says: most playlists are listed by one.
    known: Option<(ExchangeId, HashMap<String, String>)>,
}

impl<'a> Labels<'a> {
    /// Of the playlists of a session.
    pub fn new(reader: &'a Reader) -> Self {
        Self {
            reader,
            known: None,
        }
    }

    /// `1280x720 2.1 Mbit/s`; `None`: nothing describes it.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn of(&mut self, playlist: &PlaylistInfo) -> Result<Option<String>, ReadError> {
        let Some((listing, url)) = self.reader.listing_of(playlist.id)? else {
            return Ok(None);
        };
        let known = self.known.take().filter(|(known, _)| *known == listing);
        let labels = match known {
            Some((_, labels)) => labels,
            None => self.read(listing, &url)?,
        };
        let label = labels.get(&playlist.url).cloned();
        self.known = Some((listing, labels));
        Ok(label)
    }

    /// Of all of these, by their rows of `resource`.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn all(&mut self, playlists: &[PlaylistInfo]) -> Result<HashMap<i64, String>, ReadError> {
        let mut labels = HashMap::new();
        for playlist in playlists {
            if let Some(label) = self.of(playlist)? {
                labels.insert(playlist.id, label);
            }
        }
        Ok(labels)
    }

    fn read(&self, listing: ExchangeId, url: &str) -> Result<HashMap<String, String>, ReadError> {
        let body = match self.reader.together(|| self.reader.body_of(listing)) {
            // A name is no reason to tell of nothing.
            Err(ReadError::Altered { .. } | ReadError::Lost(_)) => None,
            body => body?,
        };
        let (Some(Body::Bytes(text)), Ok(url)) = (body, Url::parse(url)) else {
            return Ok(HashMap::new());
        };
        let children = read_multivariant(&text, &url).children.into_iter();
        Ok(children
            .map(|child| (child.url.to_string(), child.label))
            .collect())
    }
}
