//! DVR playlists and the bodies that they refer to, as responses.

use std::collections::HashMap;
use std::sync::Arc;

use http::header;
use http::{Response, StatusCode};
use url::Url;

use super::Served;
use super::feed::Feed;
use super::kept::ListId;
use super::write::path;
use crate::hls::{Place, Variables, read_multivariant, rewrite};
use crate::replayer::base::{base_of, served_url};
use crate::replayer::body::{self, Piece};
use crate::replayer::gzip::{self, Gzip};
use crate::replayer::headers::{self, entity_tag};
use crate::replayer::media_type::{may_be_a_page, media_type};
use crate::replayer::playlist::contains;
use crate::replayer::recorded;
use crate::replayer::replay::Replay;
use crate::replayer::reply::Reply;
use crate::replayer::request::Request;
use crate::replayer::route::dvr_path;
use crate::replayer::state::read_span;
use crate::session::{Body, ExchangeId, Kind, ReadError, Reader, StreamInfo};

/// What there is at the path of a DVR playlist.
enum Looked {
    /// A playlist.
    Playlist(Served),
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
    pub(in crate::replayer) async fn dvr(
        self: &Arc<Self>,
        request: &Request,
        name: Option<&str>,
        playlist_id: Option<i64>,
    ) -> Reply {
        let stream = match self.stream(name) {
            Ok(stream) => stream,
            Err(reply) => return *reply,
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
        match looked {
            Ok(Looked::Playlist(served)) => playlist(&served, request),
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
        }
    }

    async fn dvr_of_stream(
        self: &Arc<Self>,
        stream: StreamInfo,
        asked: String,
    ) -> Result<Looked, ReadError> {
        self.read(move |reader| {
            let Some(main_id) = reader.resource_in(stream.id, &stream.url, None)? else {
                return nothing(reader);
            };
            match reader.newest_revision(main_id)? {
                None => nothing(reader),
                Some((_, true)) => Ok(Looked::Media(main_id)),
                Some((revision, false)) => multivariant(reader, &stream, revision, &asked),
            }
        })
        .await
    }

    /// The DVR playlist that was asked for before, of a session that is finished: nothing is read.
    pub(in crate::replayer) fn dvr_at_once(&self, request: &Request) -> Option<Reply> {
        let span = self.span();
        if span.recording {
            return None;
        }
        let served = self.kept().finished(request.path(), span.end_us)?;
        let is_made = !headers::takes_gzip(request.headers()) || served.is_compressed();
        is_made.then(|| playlist(&served, request).dressed())
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
        // Who waits for another's turn takes no thread, and no reader from other requests.
        let one = self.kept().of(list);
        let mut feed = Arc::clone(&one.feed).lock_owned().await;
        let _turn = self.kept().turn().await;
        let job = move |reader: &Reader| {
            let span = read_span(reader)?;
            let feed = feed.get_or_insert_with(|| Feed::new(playlist, main_id, list.ups));
            let served = feed.serve(reader, span)?;
            if let (Some(served), true) = (&served, gzip) {
                served.gzip.make(&served.bytes);
            }
            Ok((served, feed.bytes(), span))
        };
        let (served, bytes, span) = self.read_aside(job).await?;
        self.kept().note(list, bytes);
        let path = request.path();
        self.kept().served(path, list, span, served.as_ref());
        Ok(match served {
            Some(served) => Looked::Playlist(served),
            None if span.recording => Looked::NotYet,
            None => Looked::Nothing,
        })
    }

    /// The body that an exchange brought, whole.
    pub(in crate::replayer) async fn exchange_body(
        self: &Arc<Self>,
        request: &Request,
        id: ExchangeId,
    ) -> Reply {
        match self.read(move |reader| exchange_body(reader, id)).await {
            Ok(Some(found)) => found.reply(request),
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

fn playlist(served: &Served, request: &Request) -> Reply {
    let gzip = headers::takes_gzip(request.headers());
    let compressed = served.gzip.get(&served.bytes).flatten().filter(|_| gzip);
    let tag = match compressed {
        Some(_) => gzip::weak_tag(&served.tag),
        None => served.tag.clone(),
    };
    let mut reply = match headers::none_match_names(request.headers(), Some(&tag)) {
        true => {
            let mut response = Response::new(body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            Reply::new(response, "DVR playlist, not modified")
        }
        false => {
            let bytes = compressed.unwrap_or(&served.bytes).clone();
            let length = bytes.len().to_string();
            let reply = Reply::new(Response::new(body::full(bytes)), "DVR playlist")
                .with_field(header::CONTENT_LENGTH, &length)
                .with_field(header::CONTENT_TYPE, "application/vnd.apple.mpegurl");
            match compressed {
                Some(_) => reply.with_field(header::CONTENT_ENCODING, "gzip"),
                None => reply,
            }
        }
    };
    if Gzip::is_for(&served.bytes) {
        reply = reply.with_field(header::VARY, "Accept-Encoding");
    }
    reply
        .with_field(header::ETAG, &tag)
        .with_field(header::CACHE_CONTROL, "no-cache")
}

/// The newest multivariant playlist with its URIs replaced. What was never recorded is a 404.
fn multivariant(
    reader: &Reader,
    stream: &StreamInfo,
    revision: ExchangeId,
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
    Ok(Looked::Playlist(Served::new(text)))
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
    Ok(body.map(|body| path("/", body.exchange_id, url.as_ref())))
}

/// A body with what is said about it.
struct Found {
    piece: Piece,
    tag: String,
    content_type: String,
    encoding: Option<String>,
}

fn exchange_body(reader: &Reader, id: ExchangeId) -> Result<Option<Found>, ReadError> {
    let (exchange, resource) = (reader.exchange(id)?, reader.resource_asked(id)?);
    let (Some(exchange), Some(resource)) = (exchange, resource) else {
        return Ok(None);
    };
    let Some(body_id) = exchange.body_id else {
        return Ok(None);
    };
    let piece = match reader.body(body_id)? {
        Body::Bytes(bytes) => Piece::Bytes(bytes.into()),
        Body::Chunk(chunk) => Piece::File {
            file: Arc::new(chunk.file),
            first: 0,
            length: chunk.size,
        },
    };
    let recorded = reader
        .headers(&exchange)?
        .get("content-type")
        .map(str::to_owned);
    let guessed = || {
        let url = Url::parse(&resource.url).ok();
        url.map_or_else(String::new, |url| media_type(resource.kind, &url))
    };
    Ok(Some(Found {
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
    }))
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
