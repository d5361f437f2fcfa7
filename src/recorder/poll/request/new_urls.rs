//! Playlists that get new URLs, and a multivariant playlist that is asked for them.

use std::sync::Arc;

use tokio::time::Instant;
use url::Url;

use crate::clock;
use crate::hls::{self, Step, Window};
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::http::fetch::{Hop, Received};
use crate::recorder::playlists::names::{GoneOver, Look, is_same_path};
use crate::recorder::poll::poller::{Poller, TARGET, hash_of};
use crate::recorder::schedule::MIN_POLL;
use crate::session::{Kind, NewListing, Outcome, both_clocks};

/// Names that are remembered as noted.
const MOST_NOTED: usize = 1024;
/// A text of so many bytes at most is read once more whenever it comes from elsewhere.
const SMALL: usize = 64 * 1024;
/// What is told where another URL is the one that works.
const GONE_OVER: &str = "goes on under a newer URL";

impl Poller {
    /// Where it is asked for under another path than it is known under, the name that it is known under means
    /// what comes there, from then on.
    pub(crate) async fn note_name(&mut self, ask: &Ask) {
        let is_other = self.is_direct && self.playlist.kind == Kind::Media;
        if !is_other {
            return;
        }
        // To note one once more does no harm.
        if self.noted.len() >= MOST_NOTED {
            self.noted.clear();
        }
        if !self.noted.insert(hash_of(&ask.url)) {
            return;
        }
        let resource = self.resource(self.playlist.kind, &ask.url);
        let listing = NewListing {
            aliases: vec![(resource, self.playlist.url.to_string())],
            ..NewListing::default()
        };
        self.context.fetcher.writer.listed(listing).await;
        tracing::debug!("{:?} is asked for under a new URL", self.playlist.label);
    }

    /// Whether the last good answer came from another path: what is relative means something else there. Of a large
    /// text that a redirect led to this is heeded when it changes: edges that take turns would cost much.
    pub(crate) fn is_read_elsewhere(&self, url: &Url, size: usize) -> bool {
        let Some((asked, read)) = &self.read_at else {
            return false;
        };
        let is_renewed = !is_same_path(asked, &self.name.url);
        is_renewed || (size <= SMALL && !is_same_path(read, url))
    }

    /// Whether a good answer of a newer URL of what stands still is gone over to: it lists what is not known yet, goes on by itself, or
    /// has the end of what is known.
    pub(super) async fn look_at(&mut self, hop: &Hop) -> Look {
        if self.playlist.looks_elsewhere(&self.name) {
            self.windows.looks_elsewhere();
        }
        let Received::Memory(body) = &hop.body else {
            // It is as it was.
            return Look::Stands;
        };
        let now_us = self.context.fetcher.writer.clock().now_us();
        let variables = Arc::clone(&self.context.shared().variables);
        let windows = &mut self.windows;
        let look = || {
            let media = hls::read_media(body, &hop.url, &variables);
            let facts = &media.facts;
            let target_us = clock::micros(facts.target_duration.unwrap_or(TARGET));
            let step = windows.foresee(&Window::from_playlist(&media), now_us, target_us);
            let has_end = facts.ended && facts.segment_count > 0 && step == Step::Same;
            match windows.look_goes_on(now_us, target_us) {
                _ if step.is_advance() || has_end => Look::Ahead,
                true => Look::GoesOn,
                false => Look::Stands,
            }
        };
        let memory = &self.context.fetcher.memory;
        memory.read(body.len(), look).await
    }

    /// Says that it goes on under another URL, which answered then.
    pub(super) fn tell_of_new_url(&self, why: GoneOver, at_us: i64) {
        if !self.context.stats.is_news(self.met(), GONE_OVER) {
            return;
        }
        let zero_us = self.context.fetcher.writer.zero_us();
        let since_us = self.advances.since_us().unwrap_or(at_us);
        let why = match why {
            GoneOver::Stands => format!("has stood still since {}", both_clocks(since_us, zero_us)),
            GoneOver::Failed => "failed".to_owned(),
            GoneOver::Unnamed => "is no longer named".to_owned(),
        };
        let label = &self.playlist.label;
        tracing::info!(
            json.playlist = label,
            "{label:?}: {GONE_OVER} from {} on, the one before {why}",
            both_clocks(at_us, zero_us)
        );
    }

    /// It came again as it was. A multivariant playlist's names stay, then.
    pub(crate) fn came_again(&mut self) {
        if self.playlist.standing().multivariant && self.playlist.kind == Kind::Main {
            self.context.playlists.named_again(clock::instant());
            self.renewals = 0;
        }
    }

    /// Notes whether the playlist has gone, or is back.
    pub(crate) fn note_whether_gone(&self, hop: &Hop) {
        if self.playlist.kind != Kind::Media || hop.outcome == Outcome::Aborted {
            return;
        }
        let gone = matches!(hop.status, Some(401 | 403 | 404 | 410));
        let before = self.playlist.standing().gone_since.is_some();
        if before == gone {
            return;
        }
        let playlists = &self.context.playlists;
        let was_silent = playlists.nothing_plays();
        let since = gone.then(clock::instant);
        self.playlist.update(|s| s.gone_since = since);
        if was_silent != playlists.nothing_plays() {
            playlists.wake_first();
        }
    }

    /// Whether new URLs are looked for.
    pub(crate) fn searches(&self) -> bool {
        self.playlist.kind == Kind::Main
            && self.playlist.standing().multivariant
            && self.context.playlists.nothing_plays()
    }

    /// When it is polled, where something has changed since that was decided. `over`: when the last poll was over.
    pub(crate) fn sooner(&mut self, due: Instant, over: Instant) -> Instant {
        if self.is_slow() {
            return due;
        }
        let now = clock::instant();
        if self.playlist.kind != Kind::Main {
            return match self.playlist.has_fresh_name(now) {
                true => due.min(now),
                false => due,
            };
        }
        match (self.searches(), self.searches) {
            (true, _) => {
                self.searches = 0;
                due.min(now.max(over + MIN_POLL))
            }
            // Something plays again: there is time.
            (false, 1..) => self.next(over),
            (false, 0) => due,
        }
    }
}
