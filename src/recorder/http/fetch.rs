//! One request after the other down a chain of redirects; each is measured, and none is retried but
//! what crossed the end of a kept connection.
//!
//! Whatever happens is a [`Hop`], never an error: what broke, and in which phase, is what
//! people want to know later.

use self::ask::{Ask, HeldAsk};
use self::fetcher::Fetcher;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, COOKIE, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION,
    RANGE, SET_COOKIE,
};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::arrival::Arrival;
use super::classify;
use super::client::Over;
use super::kept_connections::Connection;
use super::live::Live;
use crate::clock;
use crate::hls;
use crate::recorder::admission::admit;
use crate::recorder::admission::admit::Refusal;
use crate::recorder::admission::hosts;
use crate::recorder::admission::hosts::retry_after;
use crate::recorder::admission::reach::Reach;
use crate::recorder::formats::format::Verdict;
use crate::recorder::formats::sniff::is_endless;
use crate::recorder::memory::{Held, unless_aborted};
use crate::recorder::stats::pace::Progress;
use crate::recorder::words;
use crate::session::{Notice, NoticeEvent, Outcome, OwnReason, UNANSWERED, is_success};

pub(crate) mod ask;
mod decoded;
pub(crate) mod exchanges;
pub(crate) mod fetcher;
mod first_bytes;
mod gathered;
mod hop;
mod list;
pub(crate) mod polls;
pub(crate) mod refused_uris;
mod send;
mod unpacked;
mod verdict;

use self::gathered::Gathered;
use self::hop::Sink;
pub(crate) use self::hop::{Hop, Received};
pub(crate) use self::list::{list_in, not_followed};
use self::send::Sent;

/// Waits until nobody waits any more for what an origin holds.
async fn let_go(held: Option<&HeldAsk>) {
    match held {
        Some(held) => held.until.cancelled().await,
        None => std::future::pending().await,
    }
}

/// Waits until so much has come of the rest of a resource as is listed.
async fn is_enough(held: Option<&HeldAsk>, status: Option<u16>, came: u64) {
    let Some(enough) = held.and_then(|held| held.enough.as_ref()) else {
        return std::future::pending().await;
    };
    let before = match status {
        Some(206) => 0,
        _ => enough.first,
    };
    let has_it =
        |length: &Option<u64>| length.is_some_and(|length| came >= before.saturating_add(length));
    if enough.length.clone().wait_for(has_it).await.is_err() {
        std::future::pending().await
    }
}

impl Fetcher {
    /// Asks, and follows redirects; at least one hop.
    pub(crate) async fn chain(&self, ask: &Ask) -> Vec<Hop> {
        let mut deadline = clock::instant() + self.limits.max_time(ask.kind);
        let mut hops = Vec::new();
        let mut url = match &ask.held {
            Some(held) => {
                deadline += held.at_most;
                match held.awaited {
                    Some(awaited) => awaited.add_to(&ask.url),
                    None => ask.url.clone(),
                }
            }
            None => ask.url.clone(),
        };
        let mut reach = ask.reach;
        let mut downgraded = ask.downgraded;
        let mut lists = 0;
        loop {
            let mut hop = self.hop(ask, (&url, reach), downgraded, deadline).await;
            // A redirect may lead no farther than the URL that answered with it.
            reach = reach.max(hop.leads);
            let next = redirect(&hop)
                .map(|location| admit::admit_redirect(&url, location, self.allow_downgrade));
            if let Some(Ok(target)) = &next {
                downgraded |= admit::is_downgrade(&url, target);
            }
            let next = next.or_else(|| {
                let may_be = ask.lists && lists < list::MOST_LISTS;
                let only = may_be.then(|| list::only_stream(&mut hop))??;
                lists += 1;
                self.stream_fields.take(&only.asked_as);
                Some(admit::admit(only.url))
            });
            match next {
                Some(Err(refusal)) => {
                    self.refuse_redirect(&hop, refusal).await;
                    hop.outcome = Outcome::Scheme;
                    hop.error = Some(format!("redirect not followed: {refusal}"));
                }
                Some(Ok(_)) if hops.len() >= self.limits.redirects => {
                    hop.outcome = Outcome::Redirects;
                    hop.error = Some(format!("more than {} redirects", self.limits.redirects));
                }
                Some(Ok(target)) => {
                    deadline += self.patience(ask, &target).await;
                    hop.held_until = self.hosts.not_before(&target, clock::instant());
                    if hop.held_until.is_some() {
                        hop.note =
                            Some("not followed: where it leads asked to be asked later".to_owned());
                        hop.own_reason = Some(OwnReason::PutOff);
                        hops.push(hop);
                        return put_off_together(hops);
                    }
                    url = target;
                    hops.push(hop);
                    continue;
                }
                None => {}
            }
            hops.push(hop);
            return put_off_together(hops);
        }
    }

    /// Notes where a redirect leads that is refused for its length. What else is refused is in the exchange.
    async fn refuse_redirect(&self, hop: &Hop, refusal: Refusal) {
        let Some(location) = redirect(hop).filter(|_| refusal == Refusal::TooLong) else {
            return;
        };
        let refused = hls::Refused::new(location.as_bytes(), "it is longer than 8 KiB");
        self.refuse(&[refused], &hls::resource_name(&hop.url)).await;
    }

    /// Waits until the host of a redirect's target may be asked, where that is asked for once only; how long that was.
    async fn patience(&self, ask: &Ask, target: &Url) -> Duration {
        let began = clock::instant();
        if let Some(stop) = &ask.patient_until {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wait_for_host(target) => {}
            }
        }
        clock::instant().saturating_duration_since(began)
    }

    /// Why `url` must not be asked for.
    fn out_of_reach(&self, url: &Url, reach: Reach) -> Option<String> {
        let what = match self.proxies.out_of_reach(url, reach) {
            None if reach == Reach::Public && self.proxies.leads_to_one(url) => "proxy's",
            what => what?,
        };
        Some(format!(
            "not asked: a {what} address, which a public origin may not lead to (see --allow-private)"
        ))
    }

    /// One request; where it crossed the end of a kept connection, once more on a new one (RFC 9112 9.3.1).
    async fn hop(&self, ask: &Ask, to: (&Url, Reach), downgraded: bool, deadline: Instant) -> Hop {
        let first = self.attempt(ask, to, (Over::Kept, downgraded), deadline);
        let first = first.await;
        if first.outcome != Outcome::Crossed {
            return first;
        }
        let second = self.attempt(ask, to, (Over::New, downgraded), deadline);
        Hop {
            crossed: Some(Box::new(first)),
            ..second.await
        }
    }

    async fn attempt(
        &self,
        ask: &Ask,
        (url, reach): (&Url, Reach),
        (over, downgraded): (Over, bool),
        deadline: Instant,
    ) -> Hop {
        let reach = match self.allow_private {
            true => Reach::Any,
            false => reach,
        };
        self.activity.goes_on();
        let now_us = self.writer.clock().now_us();
        let mut hop = Hop::new(self.writer.next_id(), url.clone(), now_us);
        if ask.held.as_ref().is_some_and(|held| held.awaited.is_some()) {
            hop.take_directives();
        }
        hop.downgraded = downgraded;
        if let Some(refusal) = self.out_of_reach(url, reach) {
            hop.fail(Outcome::Unreachable, &refusal);
            hop.failed_us = Some(0);
            hop.was_not_asked = true;
            return hop;
        }
        let asked = clock::instant();
        if let Some(target) = ask.denser_than {
            self.hosts.polled_densely(url, target, asked);
        }
        let validators = ask.validators.as_ref().filter(|v| v.url == *url);
        hop.would_confirm = validators.map(|validators| validators.exchange);
        let fields = self.fields(ask, url, downgraded);
        if let Some(stats) = &ask.waits {
            stats.waiting.asks(hop.requested_us);
        }
        if let Some(progress) = &ask.progress {
            progress.asks();
        }
        let held = ask.held.as_ref();
        let longest = held.map_or(self.limits.answer, |held| held.at_most);
        let patience = deadline.min(clock::instant() + longest);
        let sent = tokio::select! {
            () = self.abort.cancelled() => None,
            () = let_go(held) => None,
            sent = timeout_at(patience, self.send(ask, (url, reach, over), fields)) => Some(sent),
        };
        self.activity.goes_on();
        let passed_us = self.writer.clock().now_us() - hop.requested_us;
        if let Some(stats) = &ask.waits {
            match sent {
                Some(Ok(Ok(_))) => stats.waiting.is_answered(),
                _ => stats.waiting.is_given_up(),
            }
        }
        match sent {
            Some(Ok(Ok(Sent {
                response,
                peer,
                connection,
                note,
            }))) => {
                hop.wait_us = Some(passed_us);
                hop.describe(&response);
                hop.remote_addr = peer.map(|peer| peer.to_string());
                if let Some(note) = note {
                    hop.http_version = Some("ICY".to_owned());
                    hop.note = Some(note.to_owned());
                }
                if self.proxies.is_public(url, peer) {
                    hop.leads = Reach::Public;
                }
                let set = response.headers().get_all(SET_COOKIE);
                self.cookies.set(set.iter(), url);
                self.note_retry_after(&mut hop, asked).await;
                // Before others can have it, and as of when it may be idle.
                self.answered_over(connection);
                if let Some(progress) = &ask.progress {
                    progress.begins(hop.announced_bytes);
                }
                self.receive(ask, response, &mut hop, deadline).await;
                self.answered_over(connection);
                return hop;
            }
            Some(Ok(Err((outcome, error)))) => hop.fail(outcome, &error),
            Some(Err(_)) => {
                let why = format!("{UNANSWERED} for {}", words::whole_seconds(passed_us));
                hop.fail(Outcome::ResponseTimeout, &why);
            }
            None => hop.fail(Outcome::Aborted, "the recorder was stopped"),
        }
        hop.failed_us = Some(passed_us);
        hop
    }

    /// Waits until the host of a URL may be asked, or nobody is any more.
    pub(crate) async fn wait_for_host(&self, url: &Url) {
        while let Some(until) = self.hosts.not_before(url, clock::instant()) {
            tokio::select! {
                () = self.abort.cancelled() => return,
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// Takes in what an answer says of when its host is to be asked again.
    async fn note_retry_after(&self, hop: &mut Hop, asked: Instant) {
        let (Some(status), Some(fields)) = (hop.status, &hop.fields) else {
            return;
        };
        let now = clock::instant();
        let wait = retry_after(status, fields, hop.response_us());
        let heard = self.hosts.answered(&hop.url, status, wait, (asked, now));
        if heard.is_news {
            hosts::tell(&hop.url, status, wait, hop.response_us());
        }
        if let Some(wait) = wait {
            let from_us = hop.response_us();
            let until_us = from_us.saturating_add(clock::micros(wait));
            self.stats.left_alone().lasts((from_us, until_us));
        }
        if let (true, Some(wait)) = (heard.is_longer, wait) {
            let left_alone = NoticeEvent {
                kind: Notice::LeftAlone,
                at_us: hop.response_us(),
                length_us: Some(clock::micros(wait)),
                detail: hosts::host_and_port(&hop.url),
            };
            self.writer.notice(left_alone).await;
        }
        hop.own_reason = heard.too_often.then_some(OwnReason::TooOften);
    }

    fn answered_over(&self, connection: Option<Connection>) {
        if let Some(connection) = connection {
            self.clients
                .kept_connections()
                .answered(connection, clock::instant());
        }
    }

    fn fields(&self, ask: &Ask, url: &Url, downgraded: bool) -> HeaderMap {
        let mut fields = match admit::is_without_credentials(url, downgraded) {
            true => HeaderMap::new(),
            false => self.credentials.for_url(url),
        };
        if !admit::is_without_credentials(url, downgraded) {
            self.stream_fields.add(&mut fields);
        }
        if let Some(cookies) = self.cookies.for_url(url, downgraded) {
            fields.insert(COOKIE, cookies);
        }
        // Media is stored as it comes; its own compression leaves nothing to gain.
        // A user who names codings is believed.
        let coding = if ask.kind.is_playlist() {
            "gzip"
        } else {
            "identity"
        };
        fields
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static(coding));
        if ask.plain {
            fields.insert(super::live::ICY_METADATA, HeaderValue::from_static("1"));
        }
        if let Some(range) = ask.range {
            let last = range.first.saturating_add(range.length).saturating_sub(1);
            if let Ok(value) = HeaderValue::from_str(&format!("bytes={}-{last}", range.first)) {
                fields.insert(RANGE, value);
            }
        }
        if let Some(validators) = ask.validators.as_ref().filter(|v| v.url == *url) {
            if let Some(etag) = &validators.etag {
                fields.insert(IF_NONE_MATCH, etag.clone());
            }
            if let Some(date) = &validators.last_modified {
                fields.insert(IF_MODIFIED_SINCE, date.clone());
            }
        }
        fields
    }

    async fn receive(&self, ask: &Ask, response: Response, hop: &mut Hop, deadline: Instant) {
        let good = hop.status.is_some_and(is_success);
        let sink = if good && ask.kind.is_chunk() {
            self.writer.download(hop.id).map(Sink::File)
        } else {
            Ok(Sink::Memory(Gathered::expecting(match good {
                true => ask.expected.clone(),
                false => Bytes::new(),
            })))
        };
        let limit = if good {
            self.limits.body_bytes(ask.kind)
        } else {
            self.limits.error
        };
        let began = hop.requested_us + hop.wait_us.unwrap_or(0);
        match sink {
            Ok(mut sink) => {
                let may_live = ask.plain && good;
                let body = Incoming {
                    response,
                    progress: ask.progress.as_deref(),
                    may_live,
                    limit,
                    // Parts of what was announced come one after the other.
                    held: ask.held.as_ref().filter(|held| held.awaited.is_none()),
                };
                if let Some(live) = self.read(body, &mut sink, hop, deadline).await {
                    hop.body = Received::Live(Box::new(live));
                    return;
                }
                hop.receive_us = Some(self.writer.clock().now_us() - began);
                hop.keep(sink).await;
                hop.check_framing(ask);
                self.decode_chunk(ask, hop).await;
            }
            Err(error) => hop.fail(Outcome::Disk, &error.to_string()),
        }
    }

    /// Reads a body; one that turns out to be a raw stream comes back as that.
    async fn read(
        &self,
        body: Incoming<'_>,
        sink: &mut Sink,
        hop: &mut Hop,
        deadline: Instant,
    ) -> Option<Live> {
        let Incoming {
            mut response,
            mut may_live,
            limit,
            held,
            progress,
        } = body;
        let mut wire_bytes = 0;
        let mut arrival = Arrival::new();
        let began = hop.response_us();
        let since = clock::instant();
        let mut looks_like = None;
        while let Some(bytes) = self
            .next(&mut response, (held, wire_bytes), hop, deadline)
            .await
        {
            wire_bytes += bytes.len() as u64;
            if let Some(progress) = progress {
                progress.has(wire_bytes);
            }
            arrival.add(self.writer.clock().now_us() - began, wire_bytes);
            if let Sink::Memory(_) = sink {
                let room = self.memory.grow(&mut hop.held, wire_bytes);
                match unless_aborted(&self.abort, timeout_at(deadline, room)).await {
                    Some(Ok(())) => {}
                    Some(Err(_)) => {
                        hop.fail(Outcome::BodyTimeout, "no memory was free for the body");
                        break;
                    }
                    None => {
                        hop.fail(Outcome::Aborted, "the recorder was stopped");
                        break;
                    }
                }
            }
            if let Err((outcome, error)) = sink.take(&bytes, wire_bytes, limit) {
                hop.fail(outcome, &error);
                break;
            }
            if let (true, Sink::Memory(begun)) = (may_live, &mut *sink) {
                if looks_like.is_none() {
                    match verdict::verdict(begun.as_slice(), hop) {
                        Verdict::More => {}
                        Verdict::Other => may_live = false,
                        Verdict::Stream(format) => looks_like = Some(format),
                    }
                }
                let came_for = clock::instant().saturating_duration_since(since);
                if let Some(format) = looks_like
                    && is_endless(hop.announced_bytes, limit, came_for)
                {
                    // What came is written at once.
                    hop.held = Held::default();
                    let begun = std::mem::take(begun).into_bytes();
                    return Some(Live::new(response, begun, format));
                }
            }
        }
        hop.wire_bytes = Some(wire_bytes);
        hop.arrival = arrival.into_text();
        if hop.outcome == Outcome::Complete
            && !hop.is_cut
            && hop.announced_bytes.is_some_and(|n| n > wire_bytes)
            && hop.has_length()
        {
            hop.fail(Outcome::Short, "the body ended before its announced length");
        }
        None
    }

    /// The next bytes of a body; `None`: it has ended, in whatever way.
    async fn next(
        &self,
        response: &mut Response,
        (held, came): (Option<&HeldAsk>, u64),
        hop: &mut Hop,
        deadline: Instant,
    ) -> Option<Bytes> {
        let patience = deadline.min(clock::instant() + self.limits.stall);
        let next = tokio::select! {
            () = self.abort.cancelled() => {
                hop.fail(Outcome::Aborted, "the recorder was stopped");
                return None;
            }
            () = let_go(held) => {
                hop.fail(Outcome::Aborted, "the recorder was stopped");
                return None;
            }
            () = is_enough(held, hop.status, came) => {
                hop.is_cut = true;
                return None;
            }
            next = timeout_at(patience, response.chunk()) => next,
        };
        self.activity.goes_on();
        match next {
            Ok(Ok(next)) => return next,
            Ok(Err(error)) => hop.fail(classify::broken_body(&error), &classify::describe(&error)),
            Err(_) => hop.fail(
                Outcome::BodyTimeout,
                "the body did not end within the time limit",
            ),
        }
        None
    }
}

/// Where the end of a chain counts as not asked for yet, so does what led there: all of it is asked for again.
fn put_off_together(mut hops: Vec<Hop>) -> Vec<Hop> {
    let last = hops.last().and_then(|hop| hop.own_reason);
    if last.is_some_and(OwnReason::is_to_come) {
        for hop in &mut hops {
            hop.own_reason.get_or_insert(OwnReason::PutOff);
        }
    }
    hops
}

/// A body that is to be read.
struct Incoming<'a> {
    response: Response,
    /// It may be a raw stream.
    may_live: bool,
    /// It is cut there, in bytes.
    limit: u64,
    /// Somebody may let go of it while it comes.
    held: Option<&'a HeldAsk>,
    /// Who is told how much has come.
    progress: Option<&'a Progress>,
}

/// The target of a redirect, as the origin wrote it.
fn redirect(hop: &Hop) -> Option<&str> {
    if !matches!(hop.status, Some(301 | 302 | 303 | 307 | 308)) || hop.outcome != Outcome::Complete
    {
        return None;
    }
    std::str::from_utf8(hop.fields.as_ref()?.get(LOCATION)?.as_bytes()).ok()
}
