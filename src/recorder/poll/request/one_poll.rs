//! One poll: what came for it is judged, counted, and handed to the writer.

use std::time::Duration;

use http::header::{AGE, CONTENT_TYPE};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::ask::list_and_named;
use crate::clock;
use crate::hls;
use crate::recorder::admission::hosts::retry_after;
use crate::recorder::admission::refusal::NotPublic;
use crate::recorder::http::fetch::{Hop, Received};
use crate::recorder::playlists::names::{GoneOver, Look};
use crate::recorder::poll::exchanges::{Made, News};
use crate::recorder::poll::poller::{Passed, Poller, is_same};
use crate::recorder::poll::state::overdue::Asked;
use crate::recorder::raw::opened::Opened;
use crate::recorder::stats::board::PlaylistStats;
use crate::recorder::words;
use crate::session::{Outcome, OwnReason, is_success};

impl Poller {
    /// One poll, which is its turn until all of its answer is there; when that was.
    pub(in crate::recorder::poll) async fn poll(
        &mut self,
        lag_us: i64,
        turn: Option<SemaphorePermit<'_>>,
    ) -> Instant {
        self.forget_if_variables_changed();
        let ask = self.ask();
        let is_stale = self.playlist.is_stale(&self.name, clock::instant());
        let is_trial = self.playlist.is_trial(&self.name);
        self.note_name(&ask).await;
        // What the origin holds costs it nothing; others have their turn.
        let turn = turn.filter(|_| ask.held.is_none());
        let hops = self.ask_for(&ask).await;
        drop(turn);
        let asked = Asked {
            name: self.name.clone(),
            is_direct: self.is_direct,
            is_stale,
            is_trial,
            lag_us,
        };
        match (hops, self.blocking.asked()) {
            (Ok(hops), _) => self.came(asked, hops).await,
            (Err(request), Some(held)) => {
                self.goes_on_beside(asked, held, request);
                clock::instant()
            }
            // Others are not given up.
            (Err(_), None) => clock::instant(),
        }
    }

    /// Takes in what came; when that was.
    pub(super) async fn came(&mut self, asked: Asked, mut hops: Vec<Hop>) -> Instant {
        let Asked {
            name,
            is_direct,
            is_stale,
            is_trial,
            lag_us,
        } = asked;
        (self.name, self.is_direct) = (name, is_direct);
        self.playlist.answered(&hops);
        self.playlist.was_asked(&self.name);
        let named = list_and_named(&hops);
        self.not_asked = matches!(hops.as_slice(), [only] if only.was_not_asked);
        let answered = clock::instant();
        PlaylistStats::count(&self.playlist.stats.polls, 1);
        self.was_late(hops.first(), lag_us).await;
        self.poll_times.asked(hops.first());
        let response_us = hops.first().map_or(0, Hop::response_us);
        let requested_us = hops.first().map_or(0, |head| head.requested_us);
        let chain = hops.iter().map(|hop| Passed::from_url(&hop.url)).collect();
        let Some(mut last) = hops.pop() else {
            return answered;
        };
        let made = Made {
            head: hops.first().map_or(last.id, |head| head.id),
            response_us,
            lag_us,
        };
        let live = last.take_live();
        self.mark_control(&mut last);
        self.age = age(&last);
        let good = live.is_some() || self.read(&mut last).await;
        let look = match is_trial && good && last.own_reason.is_none() {
            true => self.look_at(&last).await,
            false => Look::Ahead,
        };
        let stays = look != Look::Ahead;
        if stays {
            self.playlist.is_not_ahead(&self.name, look, answered);
            hops.iter_mut()
                .chain([&mut last])
                .for_each(Hop::is_not_ahead);
        }
        let is_own = last.own_reason.is_some();
        if !last.is_other_list {
            self.follow_list(named);
        }
        if is_stale && !good {
            // A player would have the newest name, or the one that has gone.
            hops.iter_mut()
                .chain([&mut last])
                .for_each(Hop::is_too_late);
        }
        self.stated = None;
        let has_failed = self.playlist.standing().failures > 0;
        self.count(&last, good);
        let is_settled = (good && !is_own) || last.is_fault() || (is_stale && !stays);
        if is_settled && self.playlist.asked(&self.name, good) {
            let why = match (has_failed, is_trial) {
                (true, _) => GoneOver::Failed,
                (_, true) => GoneOver::Stands,
                _ => GoneOver::Unnamed,
            };
            self.tell_of_new_url(why, last.response_us());
        }
        self.has_looked = is_trial && (stays || (is_settled && !good));
        if self.has_looked {
            self.playlist.has_looked(answered);
        }
        if good && !is_own {
            self.blocking
                .answered(last.requested_us, last.wait_us.unwrap_or(0));
            self.poll_times
                .answered(&last, self.blocking.changed_after_us());
        }
        // Head first: every hop may refer to it.
        for mut hop in hops {
            let availability = self.availability(made, &hop);
            self.write_crossed(made, &mut hop, availability).await;
            self.write(made, hop, availability, News::None).await;
        }
        let availability = self.availability(made, &last);
        self.write_crossed(made, &mut last, availability).await;
        if let Some(live) = live {
            let (from_us, _) = availability.decided(last.timing(), self.from_us);
            let url = self.url_of(&last, made.head);
            self.plain = Some(Opened {
                hop: last,
                url,
                live,
                head: made.head,
                from_us,
                lag_us,
            });
            return answered;
        }
        let shows = !is_own && (good || last.is_fault());
        let known_us = self.blocking.changed_after_us().unwrap_or(requested_us);
        let times = (known_us, last.response_us());
        self.take(made, last, availability, good).await;
        if shows {
            self.note_advances(times, good);
        }
        if self.blocking.over(clock::instant()) {
            let label = &self.playlist.label;
            tracing::debug!("{label:?}: a blocking request brought nothing new");
        }
        self.polled |= !is_own;
        if !stays {
            self.chain = chain;
        }
        answered
    }

    /// A playlist that imports variables lists other things where those have changed, even if
    /// its text has not: it is asked for whole, and read again.
    fn forget_if_variables_changed(&mut self) {
        if self.imports && !is_same(&self.context.shared().variables, &self.variables) {
            self.trust.forget();
        }
    }

    /// Decodes and checks; whether it is an answer that a player could use.
    async fn read(&self, hop: &mut Hop) -> bool {
        let fetcher = &self.context.fetcher;
        let kind = self.playlist.kind;
        if hop.outcome != Outcome::Complete || !fetcher.decode_text(hop, kind).await {
            return false;
        }
        if let Some(why) = self.list_that_is_not_followed(hop).await {
            hop.is_other_list = true;
            hop.fail(Outcome::NotAPlaylist, &why);
            return false;
        }
        match (hop.status, &hop.body) {
            (Some(304), _) => hop.confirms().is_some(),
            (Some(status), Received::Memory(body))
                if is_success(status) && hls::playlist_kind(body).is_some() =>
            {
                true
            }
            (Some(status), body) if is_success(status) => {
                let body = match body {
                    Received::Memory(body) => &body[..],
                    _ => &[],
                };
                let media_type = hop.field(CONTENT_TYPE).unwrap_or_default();
                let what = words::no_playlist(media_type, body);
                hop.fail(Outcome::NotAPlaylist, &what);
                false
            }
            _ => false,
        }
    }

    fn fails(&self, hop: &Hop) {
        let is_denied = matches!(hop.status, Some(401 | 403 | 410))
            || hop.error.as_deref().is_some_and(NotPublic::is_said_by);
        // Where a redirect led to another host, the first one is asked as ever.
        let is_own = hop.url.origin() == self.url_to_ask().origin();
        let patience = hop.status.zip(hop.fields.as_ref()).filter(|_| is_own);
        let patience =
            patience.and_then(|(status, fields)| retry_after(status, fields, hop.response_us()));
        self.playlist.fails(is_denied, patience, clock::instant());
    }

    fn count(&mut self, hop: &Hop, good: bool) {
        let hanging = self.hanging.take();
        self.note_whether_gone(hop);
        if good {
            self.is_answered(hop.response_us());
            self.playlist.plays();
            return;
        }
        if hop.own_reason == Some(OwnReason::TooLate) {
            self.fails(hop);
            return;
        }
        if !hop.is_fault() {
            // Our own doing: at the stop, or since we ask more often than players.
            return;
        }
        let playlists = &self.context.playlists;
        let was_silent = playlists.nothing_plays();
        self.fails(hop);
        if !was_silent && playlists.nothing_plays() {
            playlists.wake_first();
        }
        self.playlist.stats.fault(hop.outcome);
        self.tell_of_fault(hop, hanging.is_some());
    }
}

/// How long a cache had kept what came.
fn age(hop: &Hop) -> Option<Duration> {
    let seconds = hop.field(AGE)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
