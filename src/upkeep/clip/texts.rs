//! What the answers within a span name: playlists and lists of assets, and where redirects lead.

use url::Url;

use super::looks::Looks;
use super::reach::Reach;
use crate::hls::{self, Variables};
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::keep::named::Named;
use crate::session::model::Kind;
use crate::session::read::facts::{Body, Exchange};

/// Different values of variables that are tried within one stream.
const MOST_VALUES: usize = 16;

impl Reach<'_> {
    /// Notes what an exchange needs and, where that is reached, what it names.
    pub(super) fn read_answer(&mut self, id: ExchangeId, reads: bool) -> Result<(), ReadError> {
        let looks = Looks(self.reader);
        let Some(row) = looks.row(id)? else {
            return Ok(());
        };
        let is_brought = self.exchanges.contains(&id);
        for needed in [row.head_id, row.confirms_id].into_iter().flatten() {
            match looks.row(needed)? {
                Some(needed) if is_brought && reads => self.bring(&needed),
                Some(needed) if is_brought => self.bring_alone(&needed),
                _ => {}
            }
        }
        if !reads {
            return Ok(());
        }
        let Some(exchange) = self.reader.exchange(id)? else {
            return Ok(());
        };
        let resource = self.reader.resource(row.resource_id)?;
        let Some(resource) = resource.filter(|own| self.streams.contains_key(&own.stream_id))
        else {
            return Ok(());
        };
        let Ok(base) = Url::parse(&resource.url) else {
            return Ok(());
        };
        self.follow(&exchange, &base)?;
        let has_text = matches!(resource.kind, Kind::Main | Kind::Media | Kind::Assets);
        let body = exchange
            .body_id
            .filter(|body| has_text && self.read.insert((*body, resource.id)));
        let Some(body) = body.map(|body| self.reader.body(body)) else {
            return Ok(());
        };
        match body {
            Ok(Body::Bytes(text)) if resource.kind == Kind::Assets => {
                let assets = hls::read_asset_list(&text, &base)
                    .unwrap_or_default()
                    .assets;
                assets.iter().for_each(|url| self.name(url, None));
            }
            Ok(Body::Bytes(text)) => self.read_playlist(resource.stream_id, base, text),
            // A part of a raw stream; what is damaged names nothing.
            Ok(Body::Chunk(_)) | Err(ReadError::Lost(_) | ReadError::Altered { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn follow(&mut self, exchange: &Exchange, base: &Url) -> Result<(), ReadError> {
        if !matches!(exchange.status, Some(300..=303 | 307 | 308)) {
            return Ok(());
        }
        // Fields that cannot be put together lead nowhere; a check says so.
        let headers = match self.reader.headers(exchange) {
            Err(ReadError::Altered { .. }) => return Ok(()),
            headers => headers?,
        };
        let relative = Url::options().base_url(Some(base));
        let place = headers.get("location").map(|to| relative.parse(to));
        if let Some(Ok(mut url)) = place {
            url.set_fragment(None);
            self.name(&url, None);
        }
        Ok(())
    }

    fn read_playlist(&mut self, stream_id: i64, base: Url, text: Vec<u8>) {
        let named = Named::read(&text, &base, Variables::default);
        named
            .urls
            .iter()
            .for_each(|(url, range)| self.name(url, *range));
        if let Some(variables) = named.variables {
            let known = self.variables.entry(stream_id).or_default();
            if known.len() < MOST_VALUES && !known.contains(&variables) {
                known.push(variables);
            }
        }
        for announced in hls::announced(&text, base.as_str()) {
            self.name(&announced.url, None);
        }
        if named.imports {
            self.importers.push((stream_id, base, text));
        }
    }

    /// Reads what imports variables with all values that it may have.
    pub(super) fn read_importers(&mut self) {
        for (stream_id, base, text) in std::mem::take(&mut self.importers) {
            for variables in self.variables.get(&stream_id).cloned().unwrap_or_default() {
                let named = Named::read(&text, &base, || variables);
                named
                    .urls
                    .iter()
                    .for_each(|(url, range)| self.name(url, *range));
            }
        }
    }
}
