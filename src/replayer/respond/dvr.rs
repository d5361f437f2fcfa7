//! DVR playlists and the bodies that they refer to, as responses.

use std::collections::HashMap;
use std::sync::Arc;

use http::header;
use http::{Response, StatusCode};
use url::Url;

use crate::clock;
use crate::hls::{Place, Variables, read_multivariant, rewrite};
use crate::replayer::body::Piece;
use crate::replayer::cache::answer_cache::{Age, Answered, Entry};
use crate::replayer::cache::cached_answer::Answer;
use crate::replayer::content::bodies::Bodies;
use crate::replayer::content::playlist::contains;
use crate::replayer::dvr::lists::ListId;
use crate::replayer::dvr::text::{Growing, Listed};
use crate::replayer::header::fields as headers;
use crate::replayer::header::fields::entity_tag;
use crate::replayer::header::media_type::{may_be_a_page, media_type};
use crate::replayer::memory::text::Text;
use crate::replayer::replay::state::read_span;
use crate::replayer::replay::{PATIENCE, Replay};
use crate::replayer::request::Request;
use crate::replayer::request::base::{base_of, served_url};
use crate::replayer::request::route::{dvr_path, exchange_path};
use crate::replayer::response::recorded;
use crate::replayer::response::reply::Reply;
use crate::replayer::response::text::playlist;
use crate::session::{Body, ExchangeId, Kind, ReadError, Reader, StreamInfo};

/// What there is at the path of a DVR playlist.
enum Looked {
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
    /// It takes variables from its own query, which is this one.
    WithQuery(String),
}

impl Replay {
    /// The DVR playlist of a stream; or of one of its media playlists (row of `resource`).
    pub(crate) async fn dvr(
        self: &Arc<Self>,
        request: &Request,
        (name, playlist_id): (Option<&str>, Option<i64>),
        age: Age,
    ) -> Answered {
        let stream = match self.stream(name) {
            Ok(stream) => stream,
            Err(reply) => return (*reply).into(),
        };
        let looked = match playlist_id {
            Some(id) => Ok(Looked::Media(id)),
            None => {
                let asked = request.path().to_owned();
                self.dvr_of_stream(stream.clone(), asked).await
            }
        };
        let own_path = dvr_path(&stream.name, None);
        let looked = match looked {
            Ok(Looked::Media(id)) => self.dvr_of_playlist(request, stream, id).await,
            looked => looked,
        };
        let reply = match looked {
            Ok(Looked::Playlist(text)) => playlist(&text, request),
            Ok(Looked::Finished(text)) => {
                let reply = playlist(&text, request);
                let entry = Entry::new(age, (i64::MIN, i64::MAX), Answer::dvr(text));
                return Answered::kept(reply, entry);
            }
            Ok(Looked::NoRoom) => Reply::no_room(),
            Ok(Looked::WithQuery(query)) => {
                let path = format!("{own_path}?{query}");
                Reply::redirect(&request.parts, &path, "with the query that it needs")
            }
            Ok(Looked::NotYet) => {
                let sentence = "nothing of it has been recorded yet";
                Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
                    .with_field(header::RETRY_AFTER, "1")
            }
            Ok(Looked::Nothing | Looked::Media(_)) => {
                let sentence = format!("nothing of it was recorded in {}", self.called());
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
    ) -> Result<Looked, ReadError> {
        let bodies = Arc::clone(self.bodies());
        self.read(move |reader| {
            let Some(main_id) = reader.resource_in(stream.id, &stream.url, None)? else {
                return nothing(reader);
            };
            match reader.newest_revision(main_id)? {
                None => nothing(reader),
                Some((_, true)) => Ok(Looked::Media(main_id)),
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
    ) -> Result<Looked, ReadError> {
        let gzip = headers::takes_gzip(request.headers());
        let found = self.read(move |reader| {
            let playlist = reader.resource(playlist_id)?;
            let main_id = reader.resource_in(stream.id, &stream.url, None)?;
            let is_its =
                |p: &crate::session::ResourceInfo| p.stream_id == stream.id && p.kind.is_playlist();
            Ok((playlist.filter(is_its), main_id))
        });
        let (Some(playlist), main_id) = found.await? else {
            return Ok(Looked::Nothing);
        };
        let list = ListId {
            playlist_id,
            ups: base_of(&request.parts)
                .matches('/')
                .count()
                .saturating_sub(1),
        };
        // A request that waits for its turn takes no thread, and no reader from other requests.
        let growing = self.lists().get(list);
        let mut grows = Arc::clone(&growing).lock_owned().await;
        let _turn = self.lists().turn().await;
        let bodies = Arc::clone(self.bodies());
        let job = move |reader: &Reader| {
            let span = read_span(reader)?;
            let grows = grows.get_or_insert_with(|| Growing::new(playlist, main_id, list.ups));
            let listed = grows.text(reader, span, &bodies.budget)?;
            if let (Listed::Text(text), true) = (&listed, gzip) {
                text.compress();
            }
            Ok((listed, grows.bytes(), span))
        };
        let (listed, bytes, span) = self.bodies().pool.read_aside(job).await?;
        self.lists().note(list, growing, bytes);
        Ok(match listed {
            Listed::Text(text) if span.recording => Looked::Playlist(text),
            Listed::Text(text) => Looked::Finished(text),
            Listed::NoRoom => Looked::NoRoom,
            Listed::Nothing if span.recording => Looked::NotYet,
            Listed::Nothing => Looked::Nothing,
        })
    }

    /// The body that an exchange brought, whole.
    pub(crate) async fn exchange_body(
        self: &Arc<Self>,
        request: &Request,
        id: ExchangeId,
    ) -> Reply {
        let deadline = clock::instant() + PATIENCE;
        let found = loop {
            let (bodies, freed) = (Arc::clone(self.bodies()), self.bodies().budget.freed());
            let found = self.read(move |reader| exchange_body(reader, &bodies, id));
            match found.await {
                Ok(Some(None)) if self.wait_for_room(freed, deadline).await => {}
                found => break found,
            }
        };
        match found {
            Ok(Some(Some(found))) => found.reply(request),
            Ok(Some(None)) => Reply::no_room(),
            Ok(None) => {
                let sentence = format!("exchange {id} of {} has no body", self.called());
                Reply::sentence(StatusCode::NOT_FOUND, &sentence)
            }
            Err(error) => Reply::failed(&error),
        }
    }
}

fn nothing(reader: &Reader) -> Result<Looked, ReadError> {
    Ok(match read_span(reader)?.recording {
        true => Looked::NotYet,
        false => Looked::Nothing,
    })
}

/// The newest multivariant playlist with its URIs replaced. What was never recorded is a 404.
fn multivariant(
    reader: &Reader,
    bodies: &Bodies,
    (stream, revision): (&StreamInfo, ExchangeId),
    asked: &str,
) -> Result<Looked, ReadError> {
    let url = reader
        .exchange_url(revision)?
        .and_then(|url| Url::parse(&url).ok());
    let (Some(origin), Some(Body::Bytes(text))) = (url, reader.body_of(revision)?) else {
        return Ok(Looked::Nothing);
    };
    let served = served_url(asked).unwrap_or_else(|| origin.clone());
    let query = asked.split_once('?').map(|(_, query)| query);
    if let Some(own) = origin.query().filter(|own| query != Some(own))
        && contains(&text, b"QUERYPARAM=")
    {
        return Ok(Looked::WithQuery(own.to_owned()));
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
    Ok(permit.map_or(Looked::NoRoom, |permit| {
        Looked::Playlist(Text::new(text, permit))
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

/// A body with what is said about it.
struct Found {
    piece: Piece,
    tag: String,
    content_type: String,
    encoding: Option<String>,
}

/// `Some(None)`: there is no memory for it now.
fn exchange_body(
    reader: &Reader,
    bodies: &Bodies,
    id: ExchangeId,
) -> Result<Option<Option<Found>>, ReadError> {
    let (exchange, resource) = (reader.exchange(id)?, reader.resource_asked(id)?);
    let (Some(exchange), Some(resource)) = (exchange, resource) else {
        return Ok(None);
    };
    let Some(body_id) = exchange.body_id else {
        return Ok(None);
    };
    let Some(piece) = bodies.piece(reader, body_id, exchange.body_size)? else {
        return Ok(Some(None));
    };
    let recorded = reader
        .headers(&exchange)?
        .get("content-type")
        .map(str::to_owned);
    let guessed = || {
        let url = Url::parse(&resource.url).ok();
        url.map_or_else(String::new, |url| media_type(resource.kind, &url))
    };
    Ok(Some(Some(Found {
        piece,
        tag: entity_tag(exchange.body_sha256.as_deref().unwrap_or_default()),
        content_type: match resource.kind {
            // Its URIs lead to the origin: it is for reading, and no player takes it.
            Kind::Main | Kind::Media => "text/plain; charset=utf-8".to_owned(),
            _ => recorded
                .filter(|text| !text.is_empty())
                .unwrap_or_else(guessed),
        },
        encoding: exchange.body_encoding,
    })))
}

impl Found {
    fn reply(self, request: &Request) -> Reply {
        let mut reply = recorded::immutable(self.piece, &self.tag, request);
        if reply.what.is_empty() {
            reply.what = "body of an exchange".into();
        }
        let status = reply.response.as_ref().map(Response::status);
        if status == Some(StatusCode::RANGE_NOT_SATISFIABLE) {
            return reply;
        }
        reply = reply.with_field(header::CACHE_CONTROL, "max-age=31536000, immutable");
        if status == Some(StatusCode::NOT_MODIFIED) {
            return reply;
        }
        if may_be_a_page(self.content_type.as_bytes()) {
            let sandbox = "default-src 'none'; sandbox";
            reply = reply.with_field(header::CONTENT_SECURITY_POLICY, sandbox);
        }
        reply = reply.with_field(header::CONTENT_TYPE, &self.content_type);
        match self.encoding {
            Some(encoding) => reply.with_field(header::CONTENT_ENCODING, &encoding),
            None => reply,
        }
    }
}
