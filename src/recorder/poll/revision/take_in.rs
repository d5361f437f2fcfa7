//! What the last hop of a poll brought is taken in: a revision, a confirmation, or a fault.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::hls::{self, MultivariantPlaylist, PlaylistKind};
use crate::recorder::http::fetch::{Hop, Received};
use crate::recorder::memory::{Held, unless_aborted};
#[cfg(test)]
use crate::recorder::panics;
use crate::recorder::poll::exchanges::{Made, News};
use crate::recorder::poll::poller::{Content, Poller, is_same};
use crate::recorder::poll::state::last_body::Judged;
use crate::recorder::poll::state::trust::Came;
use crate::recorder::stats::board::PlaylistStats;
use crate::session::{Availability, ExchangeId, Kind, Outcome, OwnReason};

/// So many bytes of URLs are put together in the time in which one of a playlist is read, or more.
const URL_BYTES_AS_ONE: usize = 4;
/// Why a revision is none.
const STOPPED: &str = "the recorder was stopped as it took in what this lists";

impl Poller {
    /// The last hop: a revision, a confirmation, or a fault.
    pub(in crate::recorder::poll) async fn take(
        &mut self,
        made: Made,
        mut hop: Hop,
        availability: Availability,
        good: bool,
    ) {
        if hop.own_reason == Some(OwnReason::Probe) {
            let is_control = hop.confirms().is_some();
            if let Some(since_us) = is_control
                .then(|| self.trust.confirmed_anything())
                .flatten()
            {
                self.tell_of_false_validators(since_us).await;
            }
            return self.write(made, hop, availability, News::None).await;
        }
        let confirms = hop.confirms().filter(|_| good);
        let (from_us, availability) = availability.decided(hop.timing(), self.from_us);
        self.from_us = from_us;
        let asked_us = hop.requested_us;
        let body = match &hop.body {
            Received::Memory(body) if good => body.clone(),
            _ => {
                if confirms.is_some() {
                    self.came_again();
                    self.seen_at_us = Some(asked_us);
                    self.trust.confirmed();
                }
                let news = confirms.map_or(News::None, News::Confirms);
                return self.write(made, hop, availability, news).await;
            }
        };
        let abort = self.context.fetcher.abort.clone();
        // Of very many large playlists each waits for its turn: a recorder that stops waits for none.
        let judged = unless_aborted(&abort, self.judge(&body, &hop.url)).await;
        let Some((judged, content, room)) = judged else {
            hop.fail(Outcome::Aborted, STOPPED);
            return self.write(made, hop, availability, News::Body(None)).await;
        };
        hop.digest = Some(judged.digest);
        let changed = judged.changed;
        self.read_at = Some((self.name.url.clone(), hop.url.clone()));
        let is_read = content.is_some();
        if !is_read {
            self.came_again();
        }
        let listing = self.listed_by(hop.id, changed);
        (self.listing.revision, self.listing.from_us) = listing;
        self.listing.sent = hop.wire_bytes.unwrap_or(0);
        let id = self.listing.revision;
        let doubt_us = self.trust.doubt_us(&hop.url);
        if doubt_us.is_some() {
            // It may have been there while the one before was still confirmed.
            self.seen_at_us = doubt_us;
            self.poll_times.doubted();
            self.blocking.doubted();
        }
        self.stood = is_read.then(|| self.playlist.standing());
        let revision = match content {
            None => None,
            Some(Content::Media(media)) => Some(self.media(media, id).await),
            Some(Content::Multivariant(main)) => Some(self.multivariant(main, id).await),
        };
        self.note_beside().await;
        #[cfg(test)]
        panics::testing::pass(panics::testing::Place::Poll, self.playlist.url.as_str());
        if !self.last.keep(body, judged, &self.context.fetcher.memory) {
            self.reader.forget();
        }
        let requested_us = self.blocking.changed_after_us().unwrap_or(asked_us);
        self.seen_at_us = Some(requested_us);
        let listing = std::mem::take(&mut self.listing);
        let is_listed = self.context.fetcher.writer.listed(listing).await;
        drop(room);
        if !is_listed {
            hop.fail(Outcome::Aborted, STOPPED);
        }
        let revision = revision.filter(|_| changed && is_listed);
        let came = Came {
            validators: hop.validators(),
            advanced: revision.as_ref().is_some_and(|revision| revision.advance),
            requested_us,
        };
        if let Some(since_us) = self.trust.note_body(&hop.url, came) {
            self.tell_of_false_validators(since_us).await;
        }
        self.write(made, hop, availability, News::Body(revision.map(Box::new)))
            .await;
        self.stood = None;
        if changed {
            PlaylistStats::count(&self.playlist.stats.revisions, 1);
        }
        // What was not listed as a whole is asked for on no account.
        if is_read && is_listed {
            if let Some(hold) = self.hold.take() {
                hold.written();
            }
            self.ask_beside();
            self.to_start.append(&mut self.found);
        }
    }

    /// Compares a good body with the last one, and reads it where it says something new.
    /// With room for what it means, until that has been handed on.
    async fn judge(&mut self, body: &Bytes, url: &Url) -> (Judged, Option<Content>, Held) {
        let memory = Arc::clone(&self.context.fetcher.memory);
        // To see that it came again takes no time that others would have to wait for.
        let moved = self.is_read_elsewhere(url, body.len());
        let is_again = self.last.is_again(body) && !self.imports && !moved;
        let (work, references, url_bytes) =
            match is_again || self.is_not_followed(hls::playlist_kind(body)) {
                true => (0, 0, 0),
                false => {
                    let url_bytes = hls::most_url_bytes(body, url);
                    let work = body.len().max(url_bytes / URL_BYTES_AS_ONE);
                    (work, hls::most_references(body), url_bytes)
                }
            };
        let room = memory
            .for_meaning(references as u64, url_bytes as u64)
            .await;
        let (judged, content) = memory
            .read(work, || {
                let judged = self.last.judge(body);
                let text = self.last.text(body, &judged);
                let content = self.content(&text, (judged.changed, moved), url);
                (judged, content)
            })
            .await;
        (judged, content, room)
    }

    /// What a body says; `None`: nothing new.
    fn content(
        &mut self,
        body: &Bytes,
        (changed, moved): (bool, bool),
        url: &Url,
    ) -> Option<Content> {
        let variables = Arc::clone(&self.context.shared().variables);
        if changed {
            self.imports = hls::imports_variables(body);
        }
        // The same text means other URLs elsewhere.
        let lists_others = moved || (self.imports && !is_same(&variables, &self.variables));
        if !(changed || lists_others) {
            return None;
        }
        self.variables = variables;
        self.read_beside(body, url);
        Some(match hls::playlist_kind(body) {
            kind if self.is_not_followed(kind) => {
                self.reader.forget();
                Content::Multivariant(MultivariantPlaylist::default())
            }
            Some(PlaylistKind::Multivariant) => {
                self.reader.forget();
                Content::Multivariant(hls::read_multivariant(body, url))
            }
            _ => {
                let memory = &self.context.fetcher.memory;
                Content::Media(self.reader.read(body, url, &self.variables, memory))
            }
        })
    }

    /// Whether a body is a multivariant playlist that another one names: it is kept, and there is nothing to read it for.
    fn is_not_followed(&self, kind: Option<PlaylistKind>) -> bool {
        self.playlist.kind != Kind::Main && kind == Some(PlaylistKind::Multivariant)
    }

    /// What lists the resources of a body, and from when on that is the answer: its own
    /// revision, that of the multivariant playlist that gave its variables other values, or the last one, which
    /// comes from elsewhere.
    fn listed_by(&mut self, own: ExchangeId, changed: bool) -> (ExchangeId, i64) {
        let shared = self.context.shared();
        let by_variables = (shared.revision, shared.from_us);
        drop(shared);
        match changed {
            true => self.revised = (own, self.from_us),
            false if self.imports => return by_variables,
            false => {}
        }
        self.revised
    }
}
