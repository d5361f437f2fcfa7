//! Requests that wait for what comes next in a playlist (RFC 8216bis 6.2.5.2): held on a timer, then answered as of the
//! moment at which it is there.

use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, header};
use tokio::time::Instant;
use url::{Position, Url};

use crate::clock;
use crate::hls::replay_path;
use crate::replayer::cache::answer_cache::{Answered, Generation};
use crate::replayer::content::found::LookupResult;
use crate::replayer::header::range::RangeSpec;
use crate::replayer::replay::Replay;
use crate::replayer::replay::blocked::Asked;
use crate::replayer::request::Request;
use crate::replayer::request::route::Target;
use crate::replayer::response::reply::Reply;
use crate::session::{Blocked, Directives, ReadError, ToCome};

/// Whether a session is still being recorded is looked at that often at least: a recorder that was killed commits nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What is waited for and has no answer is looked for so often, at the next commits, or so long after each other.
const MOST_LATE_LOOKS: u8 = 20;
const LATE_LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is announced is held for so long at most.
const LONGEST: Duration = Duration::from_secs(60);

/// What becomes of a request before it is answered.
pub(super) enum Hold {
    /// It is answered as it is.
    None,
    /// It was held: this is answered in its place.
    Until(Box<Request>),
    /// It has an answer already.
    Over(Box<Reply>),
}

/// What becomes of a request for what a playlist announces.
pub(super) enum Announced {
    /// It is not announced.
    None,
    /// This is answered in its place, not before that moment.
    At(Box<Request>, Instant),
    /// It has an answer already.
    Over(Box<Reply>),
}

impl Replay {
    /// Holds a request until what its directives ask for is there.
    pub(super) async fn hold(self: &Arc<Self>, request: &Request) -> Result<Hold, ReadError> {
        let Some((url, directives)) = self.asks_to_be_held(request) else {
            return Ok(Hold::None);
        };
        let asked = Asked {
            url: url.into(),
            directives,
            faults: request.policy.faults,
            at_us: request.moment_us,
        };
        let pool = &self.bodies().pool;
        let began = clock::instant();
        let at = |moment_us: i64| {
            let left_us = moment_us.saturating_sub(request.moment_us);
            began + Duration::from_micros(u64::try_from(left_us).unwrap_or(0))
        };
        let mut first = None;
        loop {
            let generation = self.generation().await?;
            let recording = self.span().recording;
            // Until when it is held is counted from when it came in.
            let as_of = (generation, recording);
            let blocked = self.blocked_requests().as_of(pool, as_of, &asked).await?;
            // An end is there for all who wait.
            let blocked = match blocked {
                Blocked::Until(moment_us, _) | Blocked::Never(moment_us)
                    if self.ends_playlists(moment_us) =>
                {
                    let end_us = self.span().end_us.max(request.moment_us);
                    let then = || request.at(end_us, None);
                    self.prepare_and_wait(then, at(end_us)).await;
                    return Ok(Hold::Until(Box::new(then())));
                }
                blocked => blocked,
            };
            let never = match blocked {
                Blocked::Ignored if first.is_none() => return Ok(Hold::None),
                Blocked::Ignored => return Ok(Hold::Until(Box::new(later(request, began)))),
                Blocked::There(target_us) => {
                    let request = match first {
                        None => request.at(request.moment_us, None),
                        Some(_) => later(request, began),
                    };
                    return Ok(Hold::Until(Box::new(request.with_directives(target_us))));
                }
                Blocked::Refused(why) => {
                    return Ok(Hold::Over(Box::new(Reply::sentence(
                        StatusCode::BAD_REQUEST,
                        why,
                    ))));
                }
                Blocked::Until(moment_us, target_us) => {
                    let then = || request.at(moment_us, None).with_directives(target_us);
                    self.prepare_and_wait(then, at(moment_us)).await;
                    return Ok(Hold::Until(Box::new(then())));
                }
                Blocked::Fault(moment_us, exchange) => {
                    tokio::time::sleep_until(at(moment_us)).await;
                    return Ok(Hold::Until(Box::new(request.at(moment_us, Some(exchange)))));
                }
                Blocked::Never(moment_us) => at(moment_us),
            };
            first.get_or_insert(never);
            if !recording {
                tokio::time::sleep_until(never).await;
                return Ok(Hold::Over(Box::new(nothing_came())));
            }
            if clock::instant() >= never {
                return Ok(Hold::Over(Box::new(nothing_came())));
            }
            let next_look: Instant = never.min(clock::instant() + LOOK_EVERY);
            self.commits()
                .wait_for_change(pool, generation.commits, next_look)
                .await?;
        }
    }

    /// Waits until a moment. Meanwhile the answer to the request as it is `then` is made and put into the cache, so that nothing is
    /// read, rewritten or compressed at the moment itself.
    async fn prepare_and_wait(self: &Arc<Self>, then: impl Fn() -> Request, moment: Instant) {
        // Injected faults differ from request to request, and rules count what they are asked. In a session that is being
        // recorded, what is committed meanwhile makes it stale.
        if self.rules().is_empty() && !self.span().recording {
            // A request that waits holds nothing of it. An answer that takes longer is made at the moment.
            let prepared = Box::pin(async { self.respond_now(&then()).await });
            drop(tokio::time::timeout_at(moment, prepared).await);
        }
        tokio::time::sleep_until(moment).await;
    }

    /// Holds a request for what a playlist announces until it is there (RFC 8216bis 6.2.6).
    pub(super) async fn hold_announced(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
        looked: &LookupResult,
    ) -> Result<Announced, ReadError> {
        match looked {
            LookupResult::NotYet(from_us) => self.hold_hinted(request, url, *from_us).await,
            LookupResult::Unknown | LookupResult::Hole(_) | LookupResult::Behind(_)
                if self.span().recording =>
            {
                self.hold_to_come(request, url).await
            }
            _ => Ok(Announced::None),
        }
    }

    /// Of a session that knows when it comes.
    async fn hold_hinted(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
        from_us: i64,
    ) -> Result<Announced, ReadError> {
        let began = clock::instant();
        let left_us = from_us.saturating_sub(request.moment_us);
        let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0));
        if left > LONGEST {
            return Ok(Announced::None);
        }
        let (url, at_us) = (url.to_string(), request.moment_us);
        if !self
            .read(move |reader| reader.is_hinted(&url, at_us))
            .await?
        {
            return Ok(Announced::None);
        }
        let mut later = request.at(from_us, None);
        later.grows = true;
        Ok(Announced::At(Box::new(later), began + left))
    }

    /// Of a session that is being recorded.
    async fn hold_to_come(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
    ) -> Result<Announced, ReadError> {
        let began = clock::instant();
        let mut deadline = None;
        loop {
            // A player may have read just now what was committed just now.
            let pool = &self.bodies().pool;
            let commits = match deadline {
                None => self.commits().now(pool).await?,
                Some(_) => self.commits().count(pool).await?,
            };
            let to_come = self.announcements().after(pool, commits).await?;
            // What is listed meanwhile is meant; what comes later on the clock of the player is not.
            let now_us = later(request, began).moment_us;
            let is_meant = |one: &&ToCome| {
                is_asked_for(one, url, request.range)
                    && (deadline.is_some() || one.from_us <= now_us)
            };
            let Some(awaited) = to_come.iter().find(is_meant) else {
                // What was announced may have been listed since the request came in.
                let is_known = match deadline {
                    Some(_) => true,
                    None => self.may_have_come(url, request.late_looks).await?,
                };
                if is_known && request.late_looks > 0 {
                    // It has a row, and what that stands for is about to be committed.
                    let next_look = clock::instant() + LATE_LOOK_EVERY;
                    self.commits()
                        .wait_for_change(pool, commits, next_look)
                        .await?;
                }
                let mut later = later(request, began);
                later.grows = true;
                later.late_looks = later.late_looks.saturating_add(1);
                return Ok(match is_known {
                    true => Announced::At(Box::new(later), clock::instant()),
                    false => Announced::None,
                });
            };
            let longest_us = u64::try_from(awaited.longest_us).unwrap_or(0);
            let deadline = *deadline.get_or_insert(began + Duration::from_micros(longest_us));
            if clock::instant() >= deadline {
                return Ok(match awaited.is_listed {
                    true => Announced::None,
                    false => Announced::Over(Box::new(nothing_came())),
                });
            }
            if !self.span().recording {
                return Ok(Announced::At(
                    Box::new(later(request, began)),
                    clock::instant(),
                ));
            }
            let next_look = deadline.min(clock::instant() + LOOK_EVERY);
            self.commits()
                .wait_for_change(pool, commits, next_look)
                .await?;
        }
    }

    /// The answer to a request for what is announced, not given before its moment. Of a session that is over it is made before.
    pub(super) async fn answer_announced(
        self: &Arc<Self>,
        later: &Request,
        moment: Instant,
        origin: (Url, bool),
        generation: Generation,
    ) -> Answered {
        let answer = || Box::pin(self.answer_of_origin(later, origin.clone(), generation));
        // While a session is being recorded more of a resource that grows is known at the moment.
        let early = match self.rules().is_empty() && !self.span().recording {
            true => tokio::time::timeout_at(moment, answer()).await.ok(),
            false => None,
        };
        tokio::time::sleep_until(moment).await;
        match early.filter(|answered| !answered.reply.has_failed()) {
            Some(answered) => answered,
            None => answer().await,
        }
    }

    /// Whether it is worth to look again: what has an answer now has it for good, what is waited for may have one soon.
    async fn may_have_come(self: &Arc<Self>, url: &Url, looks: u8) -> Result<bool, ReadError> {
        let url = url.to_string();
        self.read(move |reader| match looks {
            0 => reader.is_known(&url),
            1..=MOST_LATE_LOOKS => reader.is_awaited(&url),
            _ => Ok(false),
        })
        .await
    }

    /// The URL of the playlist, and the directives.
    fn asks_to_be_held(&self, request: &Request) -> Option<(String, Directives)> {
        let asked = directives(request.parts.uri.query()?)?;
        if !request.is_read() || request.player.session_us < 0 {
            return None;
        }
        let (url, by_name) = match request.target().ok()? {
            Target::Origin(url) => (url, false),
            Target::Stream { name, offset: None } => (self.stream_url(name.as_deref()).ok()?, true),
            _ => return None,
        };
        // What is no URL of a replay is answered as ever.
        replay_path(&url)?;
        Some((url.into(), Directives { by_name, ..asked }))
    }
}

/// Whether a request is for what is announced, whatever parameters a player adds to a URL that has none.
fn is_asked_for(announced: &ToCome, url: &Url, range: Option<RangeSpec>) -> bool {
    let plain = url[..Position::AfterPath] == announced.url;
    let first = match range {
        Some(RangeSpec::From(first, _)) => first,
        None => 0,
        Some(RangeSpec::Suffix(_)) => return false,
    };
    (plain || url.as_str() == announced.url) && first == announced.first
}

/// The request, made now: it came in then.
fn later(request: &Request, began: Instant) -> Request {
    let passed = clock::instant().saturating_duration_since(began);
    let passed_us = clock::micros(passed);
    request.at(request.moment_us.saturating_add(passed_us), None)
}

fn nothing_came() -> Reply {
    let sentence = "nothing new was recorded of this playlist within three target durations";
    Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence).with_field(header::RETRY_AFTER, "1")
}

/// The directives of a query that ask to be held; `None`: there are none. What is no number is none.
fn directives(query: &str) -> Option<Directives> {
    let value = |name: &str| {
        let mut values = query.split('&').filter_map(|one| {
            let (own, value) = one.split_once('=')?;
            (own == name).then_some(value)
        });
        values.next()?.parse().ok()
    };
    let asked = Directives {
        sequence: value("_HLS_msn"),
        part: value("_HLS_part"),
        by_name: false,
    };
    (asked.sequence.is_some() || asked.part.is_some()).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_decimal_numbers() {
        let asked = |sequence, part| {
            Some(Directives {
                sequence,
                part,
                by_name: false,
            })
        };
        assert_eq!(
            directives("_HLS_msn=3&_HLS_part=0&token=x"),
            asked(Some(3), Some(0))
        );
        assert_eq!(
            directives("a=1&_HLS_msn=18446744073709551615"),
            asked(Some(u64::MAX), None)
        );
        assert_eq!(directives("_HLS_part=2"), asked(None, Some(2)));
        for none in [
            "",
            "_HLS_msn",
            "_HLS_msn=",
            "_HLS_msn=-1",
            "_HLS_msn=x",
            "_HLS_skip=YES",
            "msn=3",
        ] {
            assert_eq!(directives(none), None, "{none}");
        }
    }
}
