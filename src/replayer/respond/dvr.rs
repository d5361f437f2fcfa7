//! DVR playlists as responses: of a stream, or of one of its media playlists.

use std::collections::HashMap;
use std::sync::Arc;

use http::{StatusCode, header};
use url::Url;

use crate::hls::{Place, Variables, read_multivariant, rewrite};
use crate::replayer::cache::answer_cache::{Answered, Entry, Generation};
use crate::replayer::cache::cached_answer::CachedAnswer;
use crate::replayer::content::bodies::Bodies;
use crate::replayer::content::playlist::contains;
use crate::replayer::content::raw_extension;
use crate::replayer::dvr::growing::{Growing, GrowingPlaylist, PlaylistText};
use crate::replayer::dvr::playlist_cache::{PlaylistCache, PlaylistKey};
use crate::replayer::dvr::raw::playlist::{RawPlaylist, is_playable};
use crate::replayer::header::fields;
use crate::replayer::memory::text::Text;
use crate::replayer::replay::Replay;
use crate::replayer::replay::state::read_span;
use crate::replayer::request::Request;
use crate::replayer::request::paths::{dvr_path, exchange_path};
use crate::replayer::request::references::{base_path, served_url};

use crate::replayer::response::dvr_playlist::playlist;
use crate::replayer::response::reply::Reply;
use crate::session::{Body, ExchangeId, ReadError, Reader, StreamInfo};

/// What there is at the path of a DVR playlist.
enum DvrLookup {
    /// A playlist.
    Playlist(Text),
    /// A playlist that stays as it is, as long as the session does.
    Finished(Text),
    /// There is no memory for it now.
    NoRoom,
    /// Its first segment is to come.
    NotYet,
    /// Nothing of it was recorded.
    Nothing,
    /// A media playlist.
    Media(i64),
    /// A raw stream, whose parts have this extension.
    Raw(String),
    /// It takes variables from its own query, which is this one.
    WithQuery(String),
}

impl Replay {
    /// The DVR playlist of a stream; or of one of its media playlists (row of `resource`).
    pub(crate) async fn dvr(
        self: &Arc<Self>,
        request: &Request,
        (name, playlist_id): (Option<&str>, Option<i64>),
        generation: Generation,
    ) -> Answered {
        let stream = match self.stream(name) {
            Ok(stream) => stream,
            Err(reply) => return (*reply).into(),
        };
        let looked = match playlist_id {
            Some(id) => Ok(DvrLookup::Media(id)),
            None => {
                let asked = request.path().to_owned();
                self.dvr_of_stream(stream.clone(), asked).await
            }
        };
        let own_path = dvr_path(&stream.name, None);
        let looked = match looked {
            Ok(DvrLookup::Media(id)) => self.dvr_of_playlist(request, stream, id).await,
            Ok(DvrLookup::Raw(extension)) if !is_playable(&extension) => {
                let sentence = format!(
                    "players take no segments of {extension}: all of it is at /{}/dump.{extension}",
                    stream.name
                );
                return Reply::sentence(StatusCode::NOT_FOUND, &sentence).into();
            }
            Ok(DvrLookup::Raw(extension)) => {
                match self.dvr_of_raw_stream(request, stream.id).await {
                    Ok(DvrLookup::Nothing) => {
                        let sentence = format!(
                            "nothing of it can be played in segments: all of it is at /{}/dump.{extension}",
                            stream.name
                        );
                        return Reply::sentence(StatusCode::NOT_FOUND, &sentence).into();
                    }
                    looked => looked,
                }
            }
            looked => looked,
        };
        let reply = match looked {
            Ok(DvrLookup::Playlist(text)) => playlist(&text, request),
            Ok(DvrLookup::Finished(text)) => {
                let reply = playlist(&text, request);
                let entry = Entry::new(generation, (i64::MIN, i64::MAX), CachedAnswer::dvr(text));
                return Answered::cached(reply, entry);
            }
            Ok(DvrLookup::NoRoom) => Reply::no_room(),
            Ok(DvrLookup::WithQuery(query)) => {
                let path = format!("{own_path}?{query}");
                Reply::redirect(&request.parts, &path, "with the query that it needs")
            }
            Ok(DvrLookup::NotYet) => {
                let sentence = "nothing of it has been recorded yet";
                Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
                    .with_field(header::RETRY_AFTER, "1")
            }
            Ok(DvrLookup::Nothing | DvrLookup::Media(_) | DvrLookup::Raw(_)) => {
                let sentence = format!("nothing of it was recorded in {}", self.name_in_answers());
                Reply::sentence(StatusCode::NOT_FOUND, &sentence)
            }
            Err(error) => Reply::failed(&error),
        };
        reply.into()
    }

    async fn dvr_of_stream(
        self: &Arc<Self>,
        stream: StreamInfo,
        asked: String,
    ) -> Result<DvrLookup, ReadError> {
        let bodies = Arc::clone(self.bodies());
        self.read(move |reader| {
            if let Some(extension) = raw_extension::extension(reader, stream.id)? {
                return Ok(DvrLookup::Raw(extension));
            }
            let Some(main_id) = reader.resource_in(stream.id, &stream.url, None)? else {
                return not_yet_or_nothing(reader);
            };
            match reader.newest_revision(main_id)? {
                None => not_yet_or_nothing(reader),
                Some((_, true)) => Ok(DvrLookup::Media(main_id)),
                Some((revision, false)) => {
                    multivariant(reader, &bodies, (&stream, revision), &asked)
                }
            }
        })
        .await
    }

    async fn dvr_of_playlist(
        self: &Arc<Self>,
        request: &Request,
        stream: StreamInfo,
        playlist_id: i64,
    ) -> Result<DvrLookup, ReadError> {
        let gzip = fields::takes_gzip(request.headers());
        let found = self.read(move |reader| {
            let playlist = reader.resource(playlist_id)?;
            let main_id = reader.resource_in(stream.id, &stream.url, None)?;
            let is_its =
                |p: &crate::session::ResourceInfo| p.stream_id == stream.id && p.kind.is_playlist();
            Ok((playlist.filter(is_its), main_id))
        });
        let (Some(playlist), main_id) = found.await? else {
            return Ok(DvrLookup::Nothing);
        };
        let list = playlist_key(request, playlist_id);
        let begin = move || GrowingPlaylist::new(playlist, main_id, list.ups);
        self.grown(Self::dvr_playlists, (list, gzip), begin).await
    }

    async fn dvr_of_raw_stream(
        self: &Arc<Self>,
        request: &Request,
        stream_id: i64,
    ) -> Result<DvrLookup, ReadError> {
        let gzip = fields::takes_gzip(request.headers());
        let list = playlist_key(request, stream_id);
        let begin = move || RawPlaylist::new(stream_id, list.ups);
        self.grown(Self::raw_playlists, (list, gzip), begin).await
    }

    /// A list as the session has it now; `begin` makes it where nobody has asked for it lately.
    async fn grown<P: Growing>(
        &self,
        cache: fn(&Self) -> &PlaylistCache<P>,
        (list, gzip): (PlaylistKey, bool),
        begin: impl FnOnce() -> P + Send + 'static,
    ) -> Result<DvrLookup, ReadError> {
        // A request that waits for its turn takes no thread, and no reader from other requests.
        let growing = cache(self).get(list);
        let mut grows = Arc::clone(&growing).lock_owned().await;
        let _turn = cache(self).growth_permit().await;
        let bodies = Arc::clone(self.bodies());
        let job = move |reader: &Reader| {
            let span = read_span(reader)?;
            let grows = grows.get_or_insert_with(begin);
            let listed = grows.text(reader, span, &bodies.budget)?;
            if let (PlaylistText::Text(text), true) = (&listed, gzip) {
                text.compress();
            }
            Ok((listed, grows.bytes(), span))
        };
        let (listed, bytes, span) = self.bodies().pool.read_aside(job).await?;
        cache(self).update_size(list, growing, bytes);
        Ok(match listed {
            PlaylistText::Text(text) if span.recording => DvrLookup::Playlist(text),
            PlaylistText::Text(text) => DvrLookup::Finished(text),
            PlaylistText::NoRoom => DvrLookup::NoRoom,
            PlaylistText::Nothing if span.recording => DvrLookup::NotYet,
            PlaylistText::Nothing => DvrLookup::Nothing,
        })
    }
}

/// References are relative, and so differ by folder.
fn playlist_key(request: &Request, playlist_id: i64) -> PlaylistKey {
    let ups = base_path(&request.parts).matches('/').count();
    PlaylistKey {
        playlist_id,
        ups: ups.saturating_sub(1),
    }
}

fn not_yet_or_nothing(reader: &Reader) -> Result<DvrLookup, ReadError> {
    Ok(match read_span(reader)?.recording {
        true => DvrLookup::NotYet,
        false => DvrLookup::Nothing,
    })
}

/// The newest multivariant playlist with its URIs replaced. URIs that were never recorded lead to a 404.
fn multivariant(
    reader: &Reader,
    bodies: &Bodies,
    (stream, revision): (&StreamInfo, ExchangeId),
    asked: &str,
) -> Result<DvrLookup, ReadError> {
    let url = reader
        .exchange_url(revision)?
        .and_then(|url| Url::parse(&url).ok());
    let (Some(origin), Some(Body::Bytes(text))) = (url, reader.body_of(revision)?) else {
        return Ok(DvrLookup::Nothing);
    };
    let served = served_url(asked).unwrap_or_else(|| origin.clone());
    let query = asked.split_once('?').map(|(_, query)| query);
    if let Some(own) = origin.query().filter(|own| query != Some(own))
        && contains(&text, b"QUERYPARAM=")
    {
        return Ok(DvrLookup::WithQuery(own.to_owned()));
    }
    let listed = read_multivariant(&text, &origin);
    let mut paths = HashMap::new();
    let playlists = listed.children.into_iter().map(|child| child.url);
    for url in playlists.chain(listed.keys).chain(listed.data) {
        let path = match reader.resource_in(stream.id, url.as_str(), None)? {
            Some(id) => recorded_path(reader, stream, id)?,
            None => None,
        };
        paths.extend(path.map(|path| (url, path)));
    }
    let nowhere = dvr_path(&stream.name, Some(0));
    let place = Place {
        origin: &origin,
        served: &served,
        imports: &Variables::default(),
    };
    let path = |url: &Url| {
        let mut url = url.clone();
        url.set_fragment(None);
        Some(paths.get(&url).unwrap_or(&nowhere).clone())
    };
    let text = rewrite(&text, &place, &path).into_owned();
    let permit = bodies.budget.take(text.len(), 1);
    Ok(permit.map_or(DvrLookup::NoRoom, |permit| {
        DvrLookup::Playlist(Text::new(text, permit))
    }))
}

fn recorded_path(
    reader: &Reader,
    stream: &StreamInfo,
    resource_id: i64,
) -> Result<Option<String>, ReadError> {
    let Some(resource) = reader.resource(resource_id)? else {
        return Ok(None);
    };
    if resource.kind.is_playlist() {
        return Ok(Some(dvr_path(&stream.name, Some(resource.id))));
    }
    let body = reader.last_good_body(&resource)?;
    let url = Url::parse(&resource.url).ok();
    Ok(body.map(|body| exchange_path("/", body.exchange_id, url.as_ref())))
}
