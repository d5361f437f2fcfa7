//! Raw streams, which are not playlists: as they came (`/NAME/stream.EXT`, and their own URLs), and
//! all of them so far as one file (`/NAME/dump.EXT`).

use std::sync::Arc;

use http::header::HeaderValue;
use http::{Response, StatusCode, header};
use url::Url;

use self::live::{Playing, Source};
use crate::replayer::body::breaks::Break;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::piece::Piece;
use crate::replayer::body::stall::Stalled;
use crate::replayer::content::found::{Content, GrowingPart, Whole};
use crate::replayer::header::media_type::media_type_of;
use crate::replayer::replay::Replay;
use crate::replayer::request::Request;
use crate::replayer::response::reply::Reply;
use crate::session::{Kind, ReadError, StreamInfo, is_success};

mod dump;

mod live;

pub(super) use crate::replayer::request::raw_path::RawPath;

/// Whether an answer is a part of a raw stream: only those have files of what the user typed.
pub(super) fn is_part(whole: &Whole) -> bool {
    let is_file = matches!(whole.content, Content::AsRecorded(Piece::File { .. }));
    let answer = &whole.answer;
    answer.resource.kind == Kind::Main && answer.exchange.status.is_some_and(is_success) && is_file
}

impl Replay {
    /// The extension of a raw stream; `None`: it is not a raw stream.
    pub(super) async fn raw_extension(
        self: &Arc<Self>,
        stream_id: i64,
    ) -> Result<Option<String>, ReadError> {
        self.read(move |reader| {
            crate::replayer::content::raw_extension::extension(reader, stream_id)
        })
        .await
    }

    /// The stream that a path names, if it is one of that extension.
    pub(super) async fn raw_stream(
        self: &Arc<Self>,
        path: &RawPath,
    ) -> Result<StreamInfo, Box<Reply>> {
        let stream = self.stream(path.name.as_deref())?;
        let found = self.raw_extension(stream.id).await;
        let file = path.what.as_str();
        let sentence = match found.map_err(|error| Reply::failed(&error))? {
            Some(extension) if extension == path.extension => return Ok(stream),
            Some(extension) => format!("it is at /{}/{file}.{extension}", stream.name),
            None => format!(
                "nothing of {} was recorded that is no playlist",
                stream.name
            ),
        };
        Err(Box::new(Reply::sentence(StatusCode::NOT_FOUND, &sentence)))
    }

    /// The URL of the origin that such a path means.
    pub(super) async fn raw_url(self: &Arc<Self>, path: &RawPath) -> Result<Url, Box<Reply>> {
        let stream = self.raw_stream(path).await?;
        Url::parse(&stream.url).map_err(|_| self.no_stream())
    }

    /// A recorded part, from the moment of the request on, and what followed it.
    pub(super) async fn play_part(self: &Arc<Self>, whole: Whole, request: &Request) -> Reply {
        let id = whole.answer.exchange.id;
        let stream_id = whole.answer.resource.stream_id;
        let recorded = whole.headers.get("content-type").map(str::to_owned);
        let found = self.read(move |reader| Source::landed(reader, id)).await;
        match found {
            Ok(Some(source)) => self.play((stream_id, source), request, recorded),
            Ok(None) => Reply::sentence(StatusCode::NOT_FOUND, "its file is not there any more"),
            Err(error) => Reply::failed(&error),
        }
    }

    /// The part that is being recorded.
    pub(super) fn play_growing(self: &Arc<Self>, part: GrowingPart, request: &Request) -> Reply {
        let source = Source::growing(part.growing);
        self.play((part.stream_id, source), request, None)
    }

    fn play(
        self: &Arc<Self>,
        (stream_id, source): (i64, Source),
        request: &Request,
        content_type: Option<String>,
    ) -> Reply {
        let content_type =
            content_type.unwrap_or_else(|| media_type_of(source.extension()).to_owned());
        let id = source.exchange_id();
        let extensions = &request.parts.extensions;
        let breaks = Break {
            stalled: extensions.get::<Stalled>().cloned().unwrap_or_default(),
            reset: None,
        };
        let ending = extensions.get::<Ending>().cloned();
        let playing = Playing::new(Arc::clone(self), stream_id, source, request.moment_us);
        let body = live::body(playing, breaks, ending);
        let mut reply = Reply::new(Response::new(body), "a stream, from here on");
        reply.exchange = Some(id);
        reply
            .with_field(header::CONTENT_TYPE, &content_type)
            .with_field(crate::replayer::header::fields::EXCHANGE, &id.to_string())
            .with_field(header::CACHE_CONTROL, "no-store")
    }
}

/// The type of a file of that extension, as a header field.
fn content_type(extension: &str) -> HeaderValue {
    HeaderValue::from_static(media_type_of(extension))
}
