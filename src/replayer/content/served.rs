//! Recorded content as it is served: playlists with their URIs replaced, each made once for all requests.

use url::Url;

use super::bodies::Place;
use super::found::{Content, is_broken};
use super::lookup::Lookup;
use super::playlist;
use super::playlist::{Key, SkipKey, contains};
use super::question::{Question, Skip};
use super::text_cache::{CachedText, Depends, TextKey};
use crate::clock;
use crate::hls::{
    ListedDates, PlaylistKind, Variables, delta, lacks_parameters, playlist_kind,
    read_multivariant, skips_dates,
};
use crate::replayer::request::references::served_url;
use crate::session::source::ChunkName;
use crate::session::{Answer, Body, Kind, ReadError, is_success};

/// Versions of a playlist, and bytes of all of them, that are read for a delta without old date ranges.
const MOST_VERSIONS: usize = 512;
const MOST_VERSIONS_BYTES: u64 = 16 * 1024 * 1024;

enum Delta {
    Made(Vec<u8>),
    None,
    NoRoom,
}

enum Dates {
    Listed(ListedDates),
    /// In too many versions to read them.
    TooMany,
    NoRoom,
}

impl Lookup<'_> {
    /// The content of an answer, or the file that is to be brought first.
    pub(super) fn content(
        &self,
        question: &Question,
        answer: &Answer,
        url: &Url,
    ) -> Result<Result<Content, ChunkName>, ReadError> {
        let exchange = &answer.exchange;
        let Some(body_id) = exchange.body_id else {
            return Ok(Ok(Content::None));
        };
        let kind = answer.resource.kind;
        let is_json = matches!(kind, Kind::Steering | Kind::Assets);
        let may_be_rewritten = (kind.is_playlist() || is_json)
            && exchange.status.is_some_and(is_success)
            && exchange.body_encoding.is_none()
            && !is_broken(exchange);
        let made = match may_be_rewritten {
            true => self.served(question, answer, (body_id, is_json), url)?,
            false => Some(CachedText::AsRecorded),
        };
        Ok(Ok(match made {
            Some(CachedText::Served(served)) => Content::Playlist(served),
            Some(CachedText::OwnUrlOnly) => Content::OwnUrlOnly,
            None => Content::NoRoom,
            Some(_) => {
                let piece = self.bodies.piece(self.reader, body_id, exchange.body_size);
                let piece = piece.map_err(|error| match kind.is_playlist() {
                    true => error,
                    false => error.of_single_body(),
                })?;
                match piece {
                    Place::Here(piece) => Content::AsRecorded(piece),
                    Place::Elsewhere(name) => return Ok(Err(name)),
                    Place::NoRoom => Content::NoRoom,
                }
            }
        }))
    }

    /// A playlist, a steering manifest or a list of assets as it is served. `None`: there is no memory for
    /// it now.
    fn served(
        &self,
        question: &Question,
        answer: &Answer,
        (body_id, is_json): (i64, bool),
        url: &Url,
    ) -> Result<Option<CachedText>, ReadError> {
        let mut key = Key::new(body_id, url, &question.served, &question.prefix);
        if !is_json {
            (key.endlist, key.shift_us) = (question.endlist, question.shift_us);
            key.skip = question.skip.map(|skip| match skip {
                Skip::Segments => SkipKey::Segments,
                Skip::Dates => SkipKey::Dates(answer.exchange.from_us),
            });
        }
        let mut imports = None;
        loop {
            let text_key = TextKey::Served(Box::new(key.clone()));
            let made = self.bodies.texts.get_or_make(&text_key, || {
                self.make(question, answer, (&key, is_json), imports.as_ref())
            })?;
            let depends = match made {
                Some(CachedText::Depends(depends)) => depends,
                Some(CachedText::NoDelta) => {
                    key.skip = None;
                    continue;
                }
                made => return Ok(made),
            };
            if depends.query {
                key = key.with_query(&question.served);
            }
            if depends.imports {
                let main = self.main_playlist(answer.resource.stream_id, question.moment_us)?;
                key.imports = Some(main.as_ref().map_or(0, |(id, ..)| *id));
                imports = Some(main.map_or_else(Variables::default, |(_, url, body)| {
                    read_multivariant(&body, &url).variables
                }));
            }
        }
    }

    /// What a body is as it is served, or what else that depends on.
    fn make(
        &self,
        question: &Question,
        answer: &Answer,
        (key, is_json): (&Key, bool),
        imports: Option<&Variables>,
    ) -> Result<Option<CachedText>, ReadError> {
        let size = usize::try_from(answer.exchange.body_size).unwrap_or(usize::MAX);
        // The body, its text, and what is replaced in it on the way.
        let Some(permit) = self.bodies.budget.take(size, 4) else {
            return Ok(None);
        };
        let Body::Bytes(body) = self.reader.body(key.body_id)? else {
            return Ok(Some(CachedText::AsRecorded));
        };
        if is_json {
            return Ok(Some(CachedText::Served(playlist::serve_json(
                &body, key, permit,
            ))));
        }
        let Some(kind) = playlist_kind(&body) else {
            return Ok(Some(CachedText::AsRecorded));
        };
        let takes_query = contains(&body, b"QUERYPARAM=");
        let depends = Depends {
            query: takes_query,
            imports: kind == PlaylistKind::Media && contains(&body, b"IMPORT="),
        };
        if depends.query && key.any_query || depends.imports && imports.is_none() {
            return Ok(Some(CachedText::Depends(depends)));
        }
        let served = served_url(&key.served);
        let lacks = |served: &Url| lacks_parameters(&body, &key.origin, served);
        if question.by_name && takes_query || served.as_ref().is_some_and(lacks) {
            return Ok(Some(CachedText::OwnUrlOnly));
        }
        let body = match key.skip {
            None => body,
            Some(_) if kind != PlaylistKind::Media || key.endlist => {
                return Ok(Some(CachedText::NoDelta));
            }
            Some(skip) => match self.delta(answer, &body, skip)? {
                Delta::Made(delta) => delta,
                Delta::None => return Ok(Some(CachedText::NoDelta)),
                Delta::NoRoom => return Ok(None),
            },
        };
        let served = playlist::serve(&body, key, imports, permit);
        Ok(Some(CachedText::Served(served)))
    }

    fn delta(&self, answer: &Answer, body: &[u8], skip: SkipKey) -> Result<Delta, ReadError> {
        let listed = match skip {
            SkipKey::Segments => None,
            SkipKey::Dates(until_us) => {
                let Some(back) = skips_dates(body) else {
                    return Ok(Delta::None);
                };
                let since_us = until_us.saturating_sub(clock::micros(back));
                match self.listed_dates(answer.resource.id, (since_us, until_us))? {
                    Dates::Listed(listed) => Some(listed),
                    Dates::TooMany => return Ok(Delta::None),
                    Dates::NoRoom => return Ok(Delta::NoRoom),
                }
            }
        };
        let made = delta(body, listed.as_ref());
        Ok(made.map_or(Delta::None, Delta::Made))
    }

    /// The date ranges that a playlist had between two moments.
    fn listed_dates(&self, resource_id: i64, span_us: (i64, i64)) -> Result<Dates, ReadError> {
        let versions = self.reader.versions(resource_id, span_us, MOST_VERSIONS)?;
        let Some(versions) = versions else {
            return Ok(Dates::TooMany);
        };
        let bytes = versions.iter().map(|version| version.size);
        let bytes = bytes.fold(0, u64::saturating_add);
        if bytes > MOST_VERSIONS_BYTES {
            return Ok(Dates::TooMany);
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let Some(_permit) = self.bodies.budget.take(bytes, 2) else {
            return Ok(Dates::NoRoom);
        };
        let mut listed = ListedDates::default();
        for version in versions {
            if let Body::Bytes(text) = self.reader.body(version.body_id)? {
                listed.add(&text, version.is_first);
            }
        }
        Ok(Dates::Listed(listed))
    }
}
