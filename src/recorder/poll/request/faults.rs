//! Polls that fail, and those that are answered again, as they are counted and told.

use url::Url;

use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::http::fetch::Hop;
use crate::recorder::poll::poller::Poller;
use crate::recorder::stats::fold::Met;
use crate::recorder::stats::outages::outage::Failed;
use crate::recorder::stats::outages::over::Class;
use crate::recorder::stats::trouble::Past;
use crate::recorder::words;
use crate::session::{Kind, UNANSWERED};

impl Poller {
    /// A good answer came; what is over with it is told.
    pub(super) fn is_answered(&self, at_us: i64) {
        let stats = &self.playlist.stats;
        let spell = stats.failing.is_over(at_us);
        let outages = self.context.stats.outages();
        let answered = outages.answers(stats.number, at_us, clock::instant());
        if let (None, Some(since_us)) = (spell, answered.since_us) {
            stats.failing.was(Past {
                since_us,
                until_us: at_us,
                what: UNANSWERED.to_owned(),
            });
        }
        if let Some(over) = answered.over {
            self.context.tell_of_end(&over);
        }
    }

    /// A poll failed. `hung`: it was seen to have no answer for long before that.
    pub(super) fn tell_of_fault(&self, hop: &Hop, hung: bool) {
        let (kind, stats) = (self.told_kind(), &self.playlist.stats);
        let what = hop.fault_words();
        let waited_us = hop
            .wait_us
            .or(hop.failed_us)
            .filter(|_| hung && what != UNANSWERED);
        let whats = [UNANSWERED, &what];
        let whats = &whats[usize::from(waited_us.is_none())..];
        let now_us = self.context.fetcher.writer.clock().now_us();
        let fault_us = (hop.requested_us, now_us);
        stats.failing.fails(whats, fault_us, i64::MAX);
        self.context.stats.met(now_us);
        self.context
            .stats
            .count_fault(kind, what.clone(), hop.outcome);
        let (host, place) = (hosts::host_and_port(&hop.url), self.place(&hop.url));
        let is_told = match hop.outcome.is_recorders() {
            // It is no outage of the origin.
            true => {
                let what = words::not_kept(&what);
                self.context.stats.is_news(Met { kind, host: "" }, &what)
            }
            false => {
                let failed = Failed {
                    class: Class::Polls,
                    of: stats.number,
                    host: &host,
                    place: &place,
                    whats,
                    since_us: hop.requested_us,
                    number: None,
                    is_over: true,
                    is_told: false,
                };
                self.context.stats.outages().fails(failed, clock::instant())
            }
        };
        if is_told {
            self.log_fault(hop, &host, (&place, waited_us));
        }
    }

    fn log_fault(&self, hop: &Hop, host: &str, (place, waited_us): (&str, Option<i64>)) {
        let error = hop.error.as_deref();
        let mut told = match waited_us {
            Some(us) => words::sentence_of_unanswered((place, us), &hop.url, hop.status, error),
            None => words::sentence(place, &hop.url, hop.status, error),
        };
        // What once answered is where its user found it.
        let is_new = self.playlist.kind == Kind::Main && self.seen_at_us.is_none();
        let advice =
            is_new.then(|| words::advice(hop.url.as_str(), hop.status, hop.outcome, error));
        if let Some(advice) = advice.flatten() {
            told += &format!("; {advice}");
        }
        tracing::warn!(
            json.playlist = self.playlist.label,
            json.host = host,
            kind = %self.told_kind(),
            outcome = %hop.outcome,
            status = hop.status,
            "{told}"
        );
    }

    /// Its kind, as people read it: what a user typed is a media playlist where it has shown itself as one.
    pub(in crate::recorder::poll) fn told_kind(&self) -> Kind {
        let standing = self.playlist.standing();
        let is_media = standing.ever_good && !standing.multivariant;
        match self.playlist.kind {
            Kind::Main if is_media => Kind::Media,
            kind => kind,
        }
    }

    /// It and its host, in words.
    pub(super) fn place(&self, url: &Url) -> String {
        let (kind, label) = (self.told_kind(), &self.playlist.label);
        words::playlist_of(kind, label, &self.context.name, url)
    }
}
