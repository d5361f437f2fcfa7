//! Exchanges of polls, as they are handed to the writer.

use url::Url;

use super::poller::{Poller, hash_of};
use crate::recorder::http::fetch::Hop;
use crate::session::{Availability, ExchangeId, Kind, NewRevision, ResourceKey};

/// A poll that was made: what its exchanges have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    /// The first exchange of the chain.
    pub(super) head: ExchangeId,
    /// When its response began.
    pub(super) response_us: i64,
    /// How late it was against its moment.
    pub(super) lag_us: i64,
}

/// What an exchange says of the playlist.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing: it redirects, or is a fault.
    None,
    /// Nothing has changed since this exchange.
    Confirms(ExchangeId),
    /// It brought what was there before, or a new revision.
    Body(Option<Box<NewRevision>>),
}

impl Poller {
    /// Hands over a hop.
    pub(super) async fn write(&self, made: Made, hop: Hop, availability: Availability, news: News) {
        let is_head = hop.id == made.head;
        let is_own = is_head && !self.is_direct;
        let resource = self.resource(self.playlist.kind, &self.url_of(&hop, made.head));
        let mut exchange = hop.into_exchange(resource, availability);
        exchange.polled = (!is_own).then(|| self.resource(self.playlist.kind, &self.playlist.url));
        exchange.referrer_id = self.name.revision;
        exchange.head_id = (!is_head).then_some(made.head);
        exchange.lag_us = is_head.then_some(made.lag_us);
        match news {
            News::None => {}
            News::Confirms(known) => {
                exchange.confirms_id = Some(known);
                exchange.directives_met = self.blocking.is_met();
            }
            News::Body(revision) => {
                exchange.revision = revision.map(|revision| *revision);
                exchange.directives_met = self.blocking.is_met();
            }
        }
        self.context.fetcher.writer.exchange(exchange).await;
    }

    /// Hands over the attempt before a hop, where that crossed the end of a kept connection.
    pub(super) async fn write_crossed(
        &self,
        made: Made,
        hop: &mut Hop,
        availability: Availability,
    ) {
        let resource = self.resource(self.playlist.kind, &self.url_of(hop, made.head));
        if let Some(mut crossed) = hop.take_crossed(&resource, availability) {
            let is_head = hop.id == made.head;
            crossed.referrer_id = self.name.revision;
            crossed.head_id = (!is_head).then_some(made.head);
            crossed.lag_us = is_head.then_some(made.lag_us);
            self.context.fetcher.writer.exchange(crossed).await;
        }
    }

    /// From when on a hop is the answer.
    pub(super) fn availability(&self, made: Made, hop: &Hop) -> Availability {
        let listed_us = self.playlist.from_us.filter(|_| !self.polled);
        match hop.id == made.head {
            true => Availability::poll(listed_us),
            false => Availability::poll_hop(listed_us, made.response_us, self.has_passed(&hop.url)),
        }
    }

    /// Whether the chain before had a URL.
    fn has_passed(&self, url: &Url) -> bool {
        let hash = hash_of(url);
        self.chain.iter().any(|passed| passed.hash == hash)
    }

    pub(super) fn resource(&self, kind: Kind, url: &Url) -> ResourceKey {
        ResourceKey {
            stream_id: self.context.stream_id,
            kind,
            url: url.to_string(),
            range: None,
        }
    }
}
