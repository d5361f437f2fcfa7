//! What a poll asks for, where what the user typed may be a list of streams.

use std::sync::Arc;

use url::Url;

use crate::clock;
use crate::hls::{AskedAs, StreamList};
use crate::recorder::http::fetch::ask::{Ask, HeldAsk};
use crate::recorder::http::fetch::{Hop, Received, list_in, not_followed};
use crate::recorder::playlists::names::is_same_path;
use crate::recorder::poll::poller::Poller;
use crate::session::{ExchangeId, Kind, Notice, NoticeEvent, OwnReason, is_success};

/// Mirrors that a message names.
const MOST_MIRRORS: usize = 5;

impl Poller {
    /// Whose host is asked first.
    pub(crate) fn url_to_ask(&self) -> Url {
        let failures = self.playlist.standing().failures;
        let listed = self.listed.clone().filter(|_| failures == 0);
        listed.unwrap_or_else(|| self.playlist.name_to_ask(clock::instant()).url)
    }

    /// What is asked for next.
    pub(crate) fn ask(&mut self) -> Ask {
        let now_us = self.context.fetcher.writer.clock().now_us();
        let standing = self.playlist.standing();
        let may_be_other = self.playlist.kind == Kind::Main && !standing.ever_good;
        // The list is asked for again where what it named fails.
        let listed = self.listed.clone().filter(|_| standing.failures == 0);
        self.name = self.playlist.name_to_ask(clock::instant());
        let is_listed = listed.is_some();
        // What is only looked at is not waited for.
        let is_trial = self.playlist.is_trial(&self.name);
        let held = self.held(clock::instant()).filter(|_| !is_trial);
        self.blocking.ask(held);
        self.is_direct = is_listed || !is_same_path(&self.name.url, &self.playlist.url);
        Ask {
            reach: match is_listed {
                true => self.playlist.may_lead(),
                false => self.playlist.reach(),
            },
            downgraded: match is_listed {
                true => self.playlist.names_downgraded(),
                false => self.playlist.is_downgraded(),
            },
            lists: may_be_other || self.listed.is_some(),
            url: listed.unwrap_or_else(|| self.name.url.clone()),
            kind: self.playlist.kind,
            range: None,
            // What is waited for is another text.
            validators: match held {
                None if is_trial => None,
                None => self.trust.next(now_us, self.target_us()),
                Some(_) => None,
            },
            expected: self.last.body(),
            plain: may_be_other,
            // A player asks so, too.
            denser_than: self.denser_than().filter(|_| held.is_none()),
            patient_until: None,
            held: held.map(|held| HeldAsk {
                awaited: Some(held.awaited),
                at_most: held.at_most,
                until: self.context.stop.clone(),
                enough: None,
            }),
            // What the origin is to hold, it may hold for long.
            waits: held.is_none().then(|| Arc::clone(&self.playlist.stats)),
            progress: None,
        }
    }

    /// A 304 to a poll with what is known to be outdated: no player asks so.
    pub(crate) fn mark_control(&self, hop: &mut Hop) {
        if self.trust.is_control() && hop.confirms().is_some() {
            hop.own_reason = Some(OwnReason::Probe);
            hop.note = Some(
                "asked with the validators of an older body, to see whether a 304 says anything"
                    .to_owned(),
            );
        }
    }

    /// Says that a playlist had changed while its origin said that it had not.
    pub(crate) async fn tell_of_false_validators(&self, since_us: i64) {
        tracing::warn!(
            "{:?}: its validators are false: it had changed, and 304 Not Modified was answered; from now on it is asked for without conditions",
            self.playlist.label
        );
        let writer = &self.context.fetcher.writer;
        let told = NoticeEvent {
            kind: Notice::FalseValidators,
            at_us: since_us,
            length_us: Some(writer.clock().now_us().saturating_sub(since_us)),
            detail: self.playlist.url.to_string(),
        };
        writer.notice(told).await;
    }

    /// Takes in what a list named, and says so once.
    pub(crate) fn follow_list(&mut self, named: Option<(Url, StreamList)>) {
        let Some((named, list)) = named.filter(|(url, _)| self.listed.as_ref() != Some(url)) else {
            return;
        };
        let mut said = format!(
            "it is a list of one stream, which is recorded: {}",
            without_query(&named)
        );
        let mirrors = list.mirrors.iter().take(MOST_MIRRORS);
        let mirrors: Vec<String> = mirrors.map(|one| without_query(&one.url)).collect();
        if !mirrors.is_empty() {
            said += "; not recorded are its mirrors, which are the same: ";
            said += &mirrors.join(", ");
        }
        if let Some(one) = list.only() {
            said += &heeded(&one.asked_as);
        }
        tracing::info!("{said}");
        self.listed = Some(named);
    }

    /// The URL under which a hop is known.
    pub(crate) fn url_of(&self, hop: &Hop, head: ExchangeId) -> Url {
        match hop.id == head && !self.is_direct {
            true => self.playlist.url.clone(),
            false => hop.url.clone(),
        }
    }

    /// What there is to say of a list of streams.
    pub(crate) async fn list_that_is_not_followed(&self, hop: &Hop) -> Option<String> {
        let Received::Memory(body) = &hop.body else {
            return None;
        };
        let may_be = self.playlist.kind == Kind::Main
            && !self.playlist.standing().ever_good
            && hop.status.is_some_and(is_success);
        let memory = &self.context.fetcher.memory;
        let read = || list_in(hop, body).map(|list| not_followed(&list));
        match may_be {
            true => memory.read(body.len(), read).await,
            false => None,
        }
    }
}

/// What a list in a chain named in the end, and the list.
pub(crate) fn list_and_named(hops: &[Hop]) -> Option<(Url, StreamList)> {
    let (list, named) = hops.windows(2).rev().find_map(|pair| match pair {
        [list, named] if list.is_list => Some((list, named)),
        _ => None,
    })?;
    let Received::Memory(body) = &list.body else {
        return None;
    };
    Some((named.url.clone(), list_in(list, body)?))
}

/// It may have a secret in its query.
fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.to_string()
}

/// Which header fields a list asks for, for people; their values may be secrets.
fn heeded(asked_as: &AskedAs) -> String {
    let names = [
        ("User-Agent", &asked_as.user_agent),
        ("Referer", &asked_as.referer),
    ];
    let names = names.iter().filter(|(_, value)| value.is_some());
    let names: Vec<&str> = names.map(|(name, _)| *name).collect();
    let mut said = String::new();
    if !names.is_empty() {
        said += &format!("; it is asked for as the list says ({})", names.join(", "));
    }
    if !asked_as.ignored.is_empty() {
        said += &format!(
            "; the list says more that is not heeded: {:?}",
            asked_as.ignored
        );
    }
    said
}
