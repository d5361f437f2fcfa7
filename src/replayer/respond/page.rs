//! Files of the page, and the JSON that it is drawn of, as responses (`docs/ref/page.md`).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde::Serialize;

use crate::page::asked::asked;
use crate::page::{Answer, Asked, AskedError, StreamPaths, files};
use crate::replayer::body;
use crate::replayer::header::fields::{entity_tag, none_match_names, takes_gzip};
use crate::replayer::replay::Replay;
use crate::replayer::replay::page_state::PlayerFile;
use crate::replayer::request::Request;
use crate::replayer::request::paths::clock_prefix;
use crate::replayer::request::route::PathClock;
use crate::replayer::request::timeline::clock_ms;
use crate::replayer::response::reply::Reply;
use crate::session::{Faults, ReadError, digest, gzip};

/// A smaller answer fits into a packet.
const SMALLEST: usize = 1024;
/// A larger file is no player.
const LARGEST_PLAYER: u64 = 16 * 1024 * 1024;

impl Replay {
    /// What a path below `/-/` asks for.
    pub(super) async fn page(
        self: &Arc<Self>,
        request: &Request,
        path: &str,
        query: &str,
    ) -> Reply {
        let asked = match asked(path, query) {
            Ok(asked) => asked,
            Err(error) => {
                let status = match error {
                    AskedError::Nothing => StatusCode::NOT_FOUND,
                    _ => StatusCode::BAD_REQUEST,
                };
                return Reply::sentence(status, &error.to_string());
            }
        };
        match &asked {
            Asked::File(name) => page_file(request, name),
            Asked::HlsJs => self.hls_js(request).await,
            Asked::Clock {
                at_us,
                stream,
                with_faults,
            } => self.clock_of(request, *at_us, stream.as_deref(), *with_faults),
            _ => match self.json_of(request, asked).await {
                Ok(reply) => reply,
                Err(error) => Reply::failed(&error),
            },
        }
    }

    async fn json_of(
        self: &Arc<Self>,
        request: &Request,
        asked: Asked,
    ) -> Result<Reply, ReadError> {
        // Only the session itself says where its streams are.
        let paths = match asked {
            Asked::Session => self.stream_paths().await?,
            _ => Vec::new(),
        };
        Ok(match self.shown(asked, paths).await? {
            Answer::Json(text) => json(request, text).await,
            Answer::Nothing => {
                Reply::sentence(StatusCode::NOT_FOUND, "the session has no such thing")
            }
        })
    }

    /// Where the streams are, relative to the page.
    async fn stream_paths(self: &Arc<Self>) -> Result<Vec<StreamPaths>, ReadError> {
        let description = self.described(self.span().end_us, String::new()).await?;
        let streams = description.relative_to("/").streams.into_iter();
        Ok(streams
            .map(|stream| StreamPaths {
                play: stream.path,
                dvr: stream.dvr,
            })
            .collect())
    }

    /// A clock on which it is a session time (microseconds) now, and a stream on it.
    fn clock_of(
        &self,
        request: &Request,
        at_us: i64,
        stream: Option<&str>,
        with_faults: Option<bool>,
    ) -> Reply {
        #[derive(Serialize)]
        struct PlayerClock {
            zero_ms: i64,
            now_ms: i64,
            url: String,
        }
        let offset = Duration::from_micros(u64::try_from(at_us).unwrap_or(0));
        if let Some(reply) = self.nothing_at(offset) {
            return reply;
        }
        let known = self.streams();
        let found = match stream {
            None => known.first(),
            Some(name) => known.iter().find(|one| one.name == name),
        };
        let Some(found) = found else {
            return Reply::sentence(StatusCode::NOT_FOUND, "the session has no such stream");
        };
        let clock = PathClock {
            zero_ms: clock_ms(request.now_us, offset),
            began_ms: None,
            faults: with_faults.map(|with| {
                if with {
                    Faults::Recorded
                } else {
                    Faults::Healed
                }
            }),
        };
        let prefix = clock_prefix(Some(clock));
        let clock = PlayerClock {
            zero_ms: clock.zero_ms,
            now_ms: request.now_us.div_euclid(1000),
            url: format!(
                "{}/{}/stream.m3u8",
                prefix.trim_start_matches('/'),
                found.name
            ),
        };
        let text = serde_json::to_vec(&clock).unwrap_or_default();
        Reply::new(Response::new(body::full(text)), "a clock")
            .with_field(header::CONTENT_TYPE, "application/json")
            .with_field(header::CACHE_CONTROL, "no-store")
    }

    /// The player's file, read and compressed once, and again when it has changed.
    async fn player(&self, path: &Path) -> io::Result<Arc<PlayerFile>> {
        let facts = tokio::fs::metadata(path).await?;
        if facts.len() > LARGEST_PLAYER {
            return Err(io::Error::other("larger than 16 MiB"));
        }
        let changed = (facts.mtime(), facts.mtime_nsec(), facts.len());
        if let Some(known) = self.page_state().player(changed) {
            return Ok(known);
        }
        let bytes = tokio::fs::read(path).await?;
        let made = tokio::task::spawn_blocking(move || PlayerFile {
            tag: entity_tag(&digest(&bytes)),
            gzip: gzip(&bytes).ok().map(Bytes::from),
            bytes: bytes.into(),
            changed,
        });
        let made = Arc::new(made.await.map_err(io::Error::other)?);
        self.page_state().keep_player(Arc::clone(&made));
        Ok(made)
    }

    /// The player that the server was told of.
    async fn hls_js(&self, request: &Request) -> Reply {
        let Some(path) = &self.page_state().hls_js else {
            let sentence = "isreplayer was started without --hls-js FILE";
            return Reply::sentence(StatusCode::NOT_FOUND, sentence);
        };
        match self.player(path).await {
            Ok(player) => {
                let whole = (player.bytes.clone(), player.gzip.clone());
                file(
                    request,
                    whole,
                    &player.tag,
                    "text/javascript; charset=utf-8",
                )
            }
            Err(error) => {
                tracing::error!("--hls-js {}: {error}", path.display());
                let sentence = "the file of --hls-js cannot be read; the replayer's log says why";
                Reply::sentence(StatusCode::INTERNAL_SERVER_ERROR, sentence)
            }
        }
    }
}

fn page_file(request: &Request, name: &str) -> Reply {
    let Some(found) = files::file(name) else {
        return Reply::sentence(StatusCode::NOT_FOUND, "the page has no such file");
    };
    let whole = (found.bytes, found.gzip);
    file(request, whole, &entity_tag(&found.sha256), found.media_type)
}

async fn json(request: &Request, text: Vec<u8>) -> Reply {
    let takes = takes_gzip(request.headers()) && text.len() >= SMALLEST;
    let made = move || {
        let packed = takes.then(|| gzip(&text).ok()).flatten();
        (
            entity_tag(&digest(&text)),
            Bytes::from(text),
            packed.map(Bytes::from),
        )
    };
    // Compressing takes milliseconds, which are none of a thread that answers players.
    match tokio::task::spawn_blocking(made).await {
        Ok((tag, text, packed)) => file(request, (text, packed), &tag, "application/json"),
        Err(error) => Reply::failed(&ReadError::Io(io::Error::other(error))),
    }
}

/// A body with an entity tag, in gzip where that is there and taken.
fn file(
    request: &Request,
    (bytes, packed): (Bytes, Option<Bytes>),
    tag: &str,
    media_type: &str,
) -> Reply {
    let packed = packed.filter(|_| takes_gzip(request.headers()));
    let fields = |reply: Reply| {
        reply
            .with_tag(Some(tag))
            // It may be another one after the next commit, or in another version.
            .with_field(header::CACHE_CONTROL, "no-cache")
            .with_field(header::VARY, "accept-encoding")
            .with_field(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    };
    if none_match_names(request.headers(), Some(tag)) {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return fields(Reply::new(response, "not modified"));
    }
    let is_packed = packed.is_some();
    let bytes = packed.unwrap_or(bytes);
    let length = bytes.len().to_string();
    let reply = fields(Reply::new(Response::new(body::full(bytes)), "the page"))
        .with_field(header::CONTENT_LENGTH, &length)
        .with_field(header::CONTENT_TYPE, media_type);
    match is_packed {
        true => reply.with_field(header::CONTENT_ENCODING, "gzip"),
        false => reply,
    }
}
