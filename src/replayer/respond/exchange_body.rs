//! The body that an exchange brought, as a response.

use std::sync::Arc;

use http::{Response, StatusCode, header};
use url::Url;

use crate::clock;
use crate::replayer::body::piece::Piece;
use crate::replayer::content::bodies::{Bodies, Place};

use crate::replayer::header::fields::entity_tag;
use crate::replayer::header::media_type::{may_be_a_page, media_type, media_type_of};
use crate::replayer::replay::{PATIENCE, Replay};
use crate::replayer::request::Request;
use crate::replayer::request::timeline::format_time;
use crate::replayer::response::reply::Reply;
use crate::replayer::response::whole_body;
use crate::session::{ExchangeId, Kind, ReadError, Reader};

impl Replay {
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
                let mut sentence =
                    format!("exchange {id} of {} has no body", self.name_in_answers());
                // What has no row was removed, or never was.
                if let Some(kept_us) = self.kept_after_us(i64::MIN).filter(|_| id > 0) {
                    let from = format_time(kept_us);
                    sentence +=
                        &format!(": --keep has removed what was before session time {from}");
                }
                Reply::sentence(StatusCode::NOT_FOUND, &sentence)
            }
            Err(error) => Reply::failed(&error),
        }
    }
}

/// A body with its header fields.
pub(super) struct FoundBody {
    pub(super) piece: Piece,
    pub(super) tag: String,
    pub(super) content_type: String,
    pub(super) encoding: Option<String>,
}

/// `Some(None)`: there is no memory for it now.
pub(super) fn exchange_body(
    reader: &Reader,
    bodies: &Bodies,
    id: ExchangeId,
) -> Result<Option<Option<FoundBody>>, ReadError> {
    let (exchange, resource) = (reader.exchange(id)?, reader.resource_asked(id)?);
    let (Some(exchange), Some(resource)) = (exchange, resource) else {
        return Ok(None);
    };
    let Some(body_id) = exchange.body_id else {
        return Ok(None);
    };
    let piece = bodies.piece(reader, body_id, exchange.body_size);
    let piece = piece.map_err(|error| match resource.kind.is_playlist() {
        true => error,
        false => error.of_single_body(),
    });
    let piece = match piece? {
        Place::Here(piece) => piece,
        Place::NoRoom => return Ok(Some(None)),
        Place::Elsewhere(name) => return Err(ReadError::Away(format!("chunks/{}", name.path))),
    };
    let recorded = reader
        .headers(&exchange)?
        .get("content-type")
        .map(str::to_owned);
    let guessed = || {
        let url = Url::parse(&resource.url).ok();
        url.map_or_else(String::new, |url| media_type(resource.kind, &url))
    };
    Ok(Some(Some(FoundBody {
        tag: entity_tag(exchange.body_sha256.as_deref().unwrap_or_default()),
        content_type: match resource.kind {
            // A part of a raw stream.
            Kind::Main if matches!(piece, Piece::File { .. }) => {
                let part = reader.part(id)?;
                let extension = part.as_ref().map_or("", |part| part.extension());
                media_type_of(extension).to_owned()
            }
            // Its URIs lead to the origin: it is for reading, and no player takes it.
            Kind::Main | Kind::Media => "text/plain; charset=utf-8".to_owned(),
            _ => recorded
                .filter(|text| !text.is_empty())
                .unwrap_or_else(guessed),
        },
        encoding: exchange.body_encoding,
        piece,
    })))
}

impl FoundBody {
    fn reply(self, request: &Request) -> Reply {
        let mut reply = whole_body::immutable(self.piece, &self.tag, request);
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
