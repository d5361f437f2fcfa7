//! The exchanges of a chain of redirects, as they are handed to the writer.

use super::hop::Hop;
use crate::session::{Availability, ExchangeId, NewExchange, ResourceKey};

/// A hop, as its exchange is to be known.
pub(crate) enum Place {
    /// The first of the chain.
    Head,
    /// A redirect led there; when the first was requested.
    Redirected(i64),
}

/// The exchanges of a chain, on account of `referrer`, the first one first; before each the attempt that crossed the end of a
/// kept connection, if there was one. `known`: which resource a hop is of, and from when on it is the answer.
pub(crate) fn exchanges(
    hops: Vec<Hop>,
    referrer: ExchangeId,
    known: impl Fn(&Hop, Place) -> (ResourceKey, Availability),
) -> Vec<NewExchange> {
    let head = hops.first().map(|head| (head.id, head.requested_us));
    let mut all = Vec::with_capacity(hops.len());
    for mut hop in hops {
        let redirected = head.filter(|(id, _)| *id != hop.id);
        let place = redirected.map_or(Place::Head, |(_, head_us)| Place::Redirected(head_us));
        let (resource, availability) = known(&hop, place);
        let crossed = hop.take_crossed(&resource, availability);
        let confirms_id = hop.confirms();
        let exchange = NewExchange {
            confirms_id,
            ..hop.into_exchange(resource, availability)
        };
        for mut exchange in crossed.into_iter().chain([exchange]) {
            exchange.referrer_id = Some(referrer);
            exchange.head_id = redirected.map(|(id, _)| id);
            all.push(exchange);
        }
    }
    all
}
