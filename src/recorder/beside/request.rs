//! Requests beside polls and downloads, which neither a grid nor the plan knows of: each is made once, and
//! written as all are.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use url::Url;

use crate::hls::{self, Refused};
use crate::recorder::admission::hosts::{self, retry_after};
use crate::recorder::admission::reach::Reach;
use crate::recorder::context::Context;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::http::fetch::exchanges::{Place, exchanges};
use crate::recorder::http::fetch::{Hop, Received};
use crate::recorder::stats::fold::Met;
use crate::recorder::words;
use crate::session::{Availability, ByteRange, ExchangeId, Kind, Outcome, ResourceKey, is_success};

/// What is asked for, and on whose account.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub kind: Kind,
    /// Under which it is known.
    pub url: Url,
    pub range: Option<ByteRange>,
    /// Where its resource is known to end, before the end of the range.
    pub known_end: Option<u64>,
    pub reach: Reach,
    /// A redirect led from https to http to what named it.
    pub downgraded: bool,
    /// What listed it, and from when on that is the answer.
    pub referrer: ExchangeId,
    pub from_us: i64,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Came {
    /// The last hop; 0: nobody was asked, since the stream ended.
    pub id: ExchangeId,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// As far as what it names may lead, and whether a redirect led there from https to http.
    pub reach: Reach,
    pub downgraded: bool,
    /// A good body that is in memory, decoded.
    pub body: Option<Bytes>,
    pub is_good: bool,
    pub bytes: u64,
    pub status: Option<u16>,
    pub outcome: Outcome,
    /// The range goes past the end of the resource, which is there.
    pub short_by_end: Option<u64>,
    /// How long the server asks for.
    pub retry_after: Option<Duration>,
    /// Nobody was asked, or the recorder itself cut it off.
    pub is_over: bool,
}

impl Context {
    /// Asks for something, by the URL under which it is known or by `asked`, and writes what came.
    /// `is_again`: it was asked for before.
    pub(crate) async fn aside(&self, wanted: &Wanted, asked: Url, is_again: bool) -> Came {
        let ask = Ask {
            url: asked,
            kind: wanted.kind,
            reach: wanted.reach,
            downgraded: wanted.downgraded,
            range: wanted.range,
            validators: None,
            expected: Bytes::new(),
            plain: false,
            lists: false,
            denser_than: None,
            patient_until: Some(self.stop.clone()),
            held: None,
            waits: None,
            progress: None,
        };
        tokio::select! {
            () = self.stop.cancelled() => return what_came(&[], wanted),
            () = self.fetcher.wait_for_host(&ask.url) => {}
        }
        let _turn = match ask.kind.is_playlist() {
            true => tokio::select! {
                () = self.stop.cancelled() => return what_came(&[], wanted),
                turn = self.fetcher.polls.turn() => turn,
            },
            false => None,
        };
        let mut hops = self.fetcher.chain(&ask).await;
        if let Some(last) = hops.last_mut() {
            last.accept_end(wanted.known_end);
            self.decode_aside(last, wanted.kind).await;
        }
        let came = what_came(&hops, wanted);
        self.report_aside(&hops, wanted, came.is_good);
        self.write_aside(hops, wanted, is_again).await;
        came
    }

    /// Takes off the content codings of what is read here, and looks at whether it is what it should be.
    async fn decode_aside(&self, hop: &mut Hop, kind: Kind) {
        let is_text = matches!(hop.body, Received::Memory(_)) && kind != Kind::Key;
        if !is_text || !hop.is_good() || !self.fetcher.decode_text(hop, kind).await {
            return;
        }
        let what = match &hop.body {
            Received::Memory(body) if hls::playlist_kind(body).is_none() => {
                let media_type = hop.field(CONTENT_TYPE).unwrap_or_default();
                words::no_playlist(media_type, body)
            }
            _ => return,
        };
        if kind.is_playlist() {
            hop.fail(Outcome::NotAPlaylist, &what);
        }
    }

    fn report_aside(&self, hops: &[Hop], wanted: &Wanted, is_good: bool) {
        let Some(last) = hops.last() else { return };
        let name = hls::resource_name(&wanted.url);
        if is_good {
            tracing::debug!(kind = %wanted.kind, bytes = last.wire_bytes, "{name:?}");
        } else if last.is_fault() && self.is_news_aside(wanted.kind, last) {
            let place = words::resource_of(wanted.kind, &last.url);
            let told = words::sentence(&place, &last.url, last.status, last.error.as_deref());
            tracing::warn!(json.host = hosts::host_and_port(&last.url), kind = %wanted.kind, status = last.status, outcome = %last.outcome, "{told}");
        }
    }

    fn is_news_aside(&self, kind: Kind, hop: &Hop) -> bool {
        let met = Met {
            kind,
            host: &hosts::host_and_port(&hop.url),
        };
        self.stats.met(hop.requested_us);
        self.stats.fault(met, &hop.fault_words(), hop.outcome)
    }

    async fn write_aside(&self, hops: Vec<Hop>, wanted: &Wanted, is_again: bool) {
        let asked = match wanted.kind {
            // It is polled.
            Kind::Steering => Availability::poll((!is_again).then_some(wanted.from_us)),
            _ => Availability::download(wanted.from_us, u32::from(is_again)),
        };
        let known = |hop: &Hop, place| {
            let (url, availability) = match place {
                Place::Head => (wanted.url.clone(), asked),
                // A redirect may repeat what was added to the query; players add their own.
                Place::Redirected(head_us) => {
                    (hls::without_directives(&hop.url), asked.hop(head_us))
                }
            };
            let resource = ResourceKey {
                range: wanted.range,
                ..ResourceKey::whole(self.stream_id, wanted.kind, url.into())
            };
            (resource, availability)
        };
        for exchange in exchanges(hops, wanted.referrer, known) {
            self.fetcher.writer.exchange(exchange).await;
        }
    }

    /// Notes URIs that are not followed, each once. `label`: what names them.
    pub(crate) async fn refuse(&self, refused: &[Refused], label: &str) {
        self.fetcher.refuse(refused, label).await;
    }
}

fn what_came(hops: &[Hop], wanted: &Wanted) -> Came {
    let last = hops.last();
    let is_good = last.is_some_and(|last| {
        last.outcome == Outcome::Complete && last.status.is_some_and(is_success)
    });
    let body = match last.map(|last| &last.body) {
        Some(Received::Memory(body)) if is_good => Some(body.clone()),
        _ => None,
    };
    let is_over = |last: &Hop| last.was_not_asked || last.outcome == Outcome::Aborted;
    Came {
        id: last.map_or(0, |last| last.id),
        url: last.map_or(&wanted.url, |last| &last.url).clone(),
        reach: hops
            .iter()
            .fold(wanted.reach, |far, hop| far.max(hop.leads)),
        downgraded: wanted.downgraded || hops.iter().any(|hop| hop.downgraded),
        body,
        is_good,
        bytes: hops.iter().filter_map(|hop| hop.wire_bytes).sum(),
        status: last.and_then(|last| last.status),
        outcome: last.map_or(Outcome::Aborted, |last| last.outcome),
        short_by_end: last.and_then(|last| last.short_by_end),
        retry_after: last.and_then(wait),
        is_over: last.is_none_or(is_over),
    }
}

fn wait(last: &Hop) -> Option<Duration> {
    retry_after(last.status?, last.fields.as_ref()?, last.response_us())
}
