//! The multivariant playlist of a stream, behind lists of one stream and redirects.

use bytes::Bytes;
use url::Url;

use super::found::redirect;
use super::lookup::{Lookup, MOST_HOPS};
use crate::hls::{MOST_OF_ONE, PlaylistKind, playlist_kind, read_list};
use crate::session::{Answer, Body, Found, Headers, Query, ReadError, is_success};

impl Lookup<'_> {
    /// The stream that an answer names, where that is a list of one: its recorder asked for it in the
    /// place of the list.
    pub(super) fn stream_in_list(
        &self,
        answer: &Answer,
        url: &Url,
        headers: &Headers,
    ) -> Result<Option<Url>, ReadError> {
        let exchange = &answer.exchange;
        let may_be = answer.resource.kind.is_playlist()
            && exchange.status.is_some_and(is_success)
            && exchange.body_encoding.is_none()
            && exchange.body_size <= MOST_OF_ONE as u64;
        let body = match exchange.body_id.filter(|_| may_be) {
            Some(body_id) => self.reader.body(body_id)?,
            None => return Ok(None),
        };
        let Body::Bytes(body) = body else {
            return Ok(None);
        };
        let list = read_list(&body, url, headers.get("content-type"));
        let Some(target) = list.and_then(|list| Some(list.only()?.url.clone())) else {
            return Ok(None);
        };
        // What it names may have been recorded as a segment.
        let stream_id = answer.resource.stream_id;
        let named = match self.reader.resource_in(stream_id, target.as_str(), None)? {
            Some(id) => self.reader.resource(id)?,
            None => None,
        };
        let is_followed = named.is_some_and(|named| named.kind.is_playlist());
        Ok(is_followed.then_some(target))
    }

    /// The multivariant playlist of a stream at a moment: number and text of its body, its URL.
    pub(crate) fn main_playlist(
        &self,
        stream_id: i64,
        moment_us: i64,
    ) -> Result<Option<(i64, Url, Bytes)>, ReadError> {
        let Some(stream) = self.streams.iter().find(|stream| stream.id == stream_id) else {
            return Ok(None);
        };
        let mut url = stream.url.clone();
        for _ in 0..=MOST_HOPS {
            let query = Query {
                url: &url,
                range: None,
                at_us: moment_us,
                recording: false,
                faults: self.faults,
            };
            let Found::Answer(answer) = self.reader.answer_to(&query)? else {
                return Ok(None);
            };
            let Ok(own) = Url::parse(&answer.resource.url) else {
                return Ok(None);
            };
            let headers = self.reader.headers(&answer.exchange)?;
            if let Some(target) = self.stream_in_list(&answer, &own, &headers)? {
                url = target.into();
                continue;
            }
            if let Some(target) = redirect(&answer.exchange, &own, &headers) {
                url = target.into();
                continue;
            }
            let Some(body_id) = answer.exchange.body_id else {
                return Ok(None);
            };
            return Ok(match self.reader.body(body_id)? {
                Body::Bytes(body) if playlist_kind(&body) == Some(PlaylistKind::Multivariant) => {
                    Some((body_id, own, body.into()))
                }
                _ => None,
            });
        }
        Ok(None)
    }
}
