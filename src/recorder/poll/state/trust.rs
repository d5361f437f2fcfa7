//! How far the validators of a playlist are believed: there are origins that answer 304 Not Modified for
//! ever, while the playlist goes on. Pure. `docs/design/asking.md` has the rules.

use url::Url;

use crate::recorder::http::validators::Validators;

/// What an answer with a body was.
#[derive(Debug)]
pub(crate) struct Came {
    /// What it said of its version.
    pub validators: Option<Validators>,
    /// It has a new end.
    pub advanced: bool,
    /// When it was asked for, in microseconds.
    pub requested_us: i64,
}

/// The validators of a playlist.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    /// Of the last body.
    newest: Option<Validators>,
    /// When that was asked for, in microseconds.
    came_us: i64,
    /// It has been confirmed since.
    is_confirmed: bool,
    /// The poll under way asks without conditions, to see whether that is true.
    is_check: bool,
    /// Of a body that is known to be older: who confirms that, too, confirms anything.
    outdated: Option<Validators>,
    /// The poll under way asks with that.
    is_control: bool,
    /// How often in a row that was confirmed, and since when confirmations are no proof.
    confirmed_anything: u32,
    doubtful_us: i64,
    is_false: bool,
}

impl Trust {
    /// With what the next poll asks whether anything has changed; `None`: it does not. After so long without a
    /// body one is asked for whole: a live playlist has a new one within 1.5 target durations (RFC 8216bis 6.2.1).
    pub(crate) fn next(&mut self, now_us: i64, target_us: i64) -> Option<Validators> {
        let silent_us = now_us.saturating_sub(self.came_us);
        let patience_us = target_us.max(0).saturating_mul(3) / 2;
        self.is_control = self.outdated.is_some() && !self.is_false;
        self.is_check = !self.is_control && self.is_confirmed && silent_us >= patience_us;
        match &self.outdated {
            Some(outdated) if self.is_control => Some(outdated.clone()),
            _ => self
                .newest
                .clone()
                .filter(|_| !(self.is_false || self.is_check)),
        }
    }

    /// Whether the poll under way asks with what is known to be outdated: a 304 says nothing of the playlist.
    pub(crate) fn is_control(&self) -> bool {
        self.is_control
    }

    /// What is known to be outdated was confirmed. Where confirmations are false: since when they are no proof.
    /// Once it may have been an edge that lags behind; twice in a row, each time after an advance, it is not.
    pub(crate) fn confirmed_anything(&mut self) -> Option<i64> {
        self.outdated = None;
        self.is_control = false;
        self.confirmed_anything += 1;
        self.is_false |= self.confirmed_anything >= 2;
        self.is_false.then_some(self.doubtful_us)
    }

    /// The last body was confirmed.
    pub(crate) fn confirmed(&mut self) {
        self.is_confirmed = true;
    }

    /// Where a body of a URL is one that was asked for to see whether the one before is still there, as was
    /// confirmed: when that one was asked for. What was said of the time in between is not relied on.
    pub(crate) fn doubt_us(&self, url: &Url) -> Option<i64> {
        let is_of_same = self.newest.as_ref().is_some_and(|v| v.url == *url);
        (self.is_check && is_of_same).then_some(self.came_us)
    }

    /// Takes in a body. Where it shows that confirmations were false: since when they are no proof.
    pub(crate) fn note_body(&mut self, url: &Url, came: Came) -> Option<i64> {
        let contradicts_us = self.doubt_us(url).filter(|_| came.advanced);
        let is_same_version = match (&self.newest, &came.validators) {
            (Some(before), Some(now)) => is_same_version(before, now),
            _ => false,
        };
        let before = std::mem::replace(&mut self.newest, came.validators);
        self.outdated = None;
        match contradicts_us {
            Some(since_us) => {
                if self.confirmed_anything == 0 {
                    self.doubtful_us = since_us;
                }
                // Another version may have come just then, between two polls.
                self.outdated = before.filter(|_| !is_same_version && self.newest.is_some());
            }
            // Its conditions were heeded, or it was as they said.
            None => self.confirmed_anything = 0,
        }
        let is_news = contradicts_us.is_some() && is_same_version && !self.is_false;
        self.is_false |= is_news;
        self.came_us = came.requested_us;
        self.is_confirmed = false;
        self.is_check = false;
        self.is_control = false;
        is_news.then_some(self.doubtful_us)
    }

    /// The next poll asks without conditions.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            came_us: self.came_us,
            is_false: self.is_false,
            ..Self::default()
        };
    }
}

/// Servers that are sent both look at the entity tag alone (RFC 9110 13.2.2).
fn is_same_version(one: &Validators, other: &Validators) -> bool {
    match (&one.etag, &other.etag) {
        (None, None) => one.last_modified.is_some() && one.last_modified == other.last_modified,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;
    const TARGET: i64 = 4 * SECOND;

    fn url() -> Url {
        "http://h/live.m3u8".parse().unwrap()
    }

    fn tag(number: i64) -> Option<Validators> {
        Some(Validators {
            url: url(),
            etag: HeaderValue::from_str(&format!("\"{number}\"")).ok(),
            last_modified: None,
            exchange: 1,
        })
    }

    /// A playlist that advances each so often, and the answers of its origin to polls.
    struct Channel {
        trust: Trust,
        /// Number of the last body.
        last: i64,
        polls: u32,
        whole: u32,
        found_us: Option<(i64, i64)>,
    }

    /// How an origin makes its validators, and what it makes of conditions.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Origin {
        Honest,
        /// The same for ever.
        Still,
        /// Others each time; whatever is asked with is confirmed.
        Yes,
        /// There are none.
        Without,
    }

    impl Channel {
        fn new() -> Self {
            Self {
                trust: Trust::default(),
                last: -1,
                polls: 0,
                whole: 0,
                found_us: None,
            }
        }

        fn poll(&mut self, origin: Origin, number: i64, now_us: i64) {
            self.polls += 1;
            let sent = self.trust.next(now_us, TARGET);
            let now = match origin {
                Origin::Honest => tag(number),
                Origin::Still => tag(0),
                Origin::Yes => tag(now_us),
                Origin::Without => None,
            };
            let confirms = sent.is_some() && (sent == now || origin == Origin::Yes);
            if confirms {
                let since_us = match self.trust.is_control() {
                    true => self.trust.confirmed_anything(),
                    false => {
                        self.trust.confirmed();
                        None
                    }
                };
                return self.found(since_us, now_us);
            }
            self.whole += 1;
            let came = Came {
                validators: now,
                advanced: number > self.last,
                requested_us: now_us,
            };
            let since_us = self.trust.note_body(&url(), came);
            self.last = number;
            self.found(since_us, now_us);
        }

        fn found(&mut self, since_us: Option<i64>, now_us: i64) {
            if let Some(since_us) = since_us {
                assert!(self.found_us.is_none(), "told once");
                self.found_us = Some((since_us, now_us));
            }
        }

        /// Polls every second, of an origin that advances each so often.
        fn run(origin: Origin, period_us: i64, seconds: i64) -> Self {
            let mut channel = Self::new();
            for second in 0..seconds {
                let now_us = second * SECOND;
                channel.poll(origin, now_us / period_us, now_us);
            }
            channel
        }
    }

    #[test]
    fn one_version_of_two_bodies_is_found_after_one_and_a_half_target_durations() {
        let channel = Channel::run(Origin::Still, TARGET, 100);
        assert_eq!(channel.found_us, Some((0, 6 * SECOND)));
        assert_eq!(channel.whole, 1 + 94, "from then on without conditions");
        assert_eq!(channel.last, 24, "and it sees all");
    }

    #[test]
    fn who_confirms_even_what_is_known_to_be_outdated_is_found_the_second_time() {
        let channel = Channel::run(Origin::Yes, TARGET, 100);
        assert_eq!(channel.found_us, Some((0, 13 * SECOND)));
        assert_eq!(channel.last, 24);
    }

    #[test]
    fn a_frozen_channel_is_asked_for_whole_now_and_then_and_is_believed() {
        for origin in [Origin::Honest, Origin::Still, Origin::Yes] {
            let channel = Channel::run(origin, i64::MAX, 100);
            assert_eq!(channel.found_us, None, "{origin:?}");
            assert_eq!(channel.whole, 17, "{origin:?}");
        }
    }

    #[test]
    fn where_there_are_no_validators_there_is_nothing_to_doubt() {
        let channel = Channel::run(Origin::Without, TARGET, 100);
        assert_eq!((channel.found_us, channel.whole), (None, 100));
    }

    #[test]
    fn a_body_after_doubtful_confirmations_may_be_as_old_as_the_last_body() {
        let came = |requested_us| Came {
            validators: tag(requested_us),
            advanced: true,
            requested_us,
        };
        let mut trust = Trust::default();
        trust.note_body(&url(), came(5));
        trust.next(5 + TARGET, TARGET);
        assert_eq!(trust.doubt_us(&url()), None, "nothing was confirmed");
        trust.confirmed();
        trust.next(6 + TARGET, TARGET);
        assert_eq!(
            trust.doubt_us(&url()),
            None,
            "the origin itself took it back"
        );
        trust.next(5 + 2 * TARGET, TARGET);
        assert_eq!(trust.doubt_us(&url()), Some(5));
        let elsewhere = Url::parse("http://other/live.m3u8").unwrap();
        assert_eq!(
            trust.doubt_us(&elsewhere),
            None,
            "it was led to another edge"
        );
    }

    #[test]
    fn an_entity_tag_counts_before_a_date() {
        let dated = |etag: Option<&'static str>, date: Option<&'static str>| Validators {
            url: "http://h/".parse().unwrap(),
            etag: etag.map(HeaderValue::from_static),
            last_modified: date.map(HeaderValue::from_static),
            exchange: 1,
        };
        let one = dated(Some("\"a\""), Some("Monday"));
        assert!(is_same_version(
            &one,
            &dated(Some("\"a\""), Some("Tuesday"))
        ));
        assert!(!is_same_version(
            &one,
            &dated(Some("\"b\""), Some("Monday"))
        ));
        assert!(!is_same_version(&one, &dated(None, Some("Monday"))));
        let date = dated(None, Some("Monday"));
        assert!(is_same_version(&date, &dated(None, Some("Monday"))));
        assert!(!is_same_version(&date, &dated(None, None)));
    }

    proptest! {
        /// Honest validators are never called false, however the origin advances and polls fall.
        #[test]
        fn an_honest_origin_is_believed(
            gaps in prop::collection::vec(1..200_i64, 1..40), poll_tenths in 2..80_i64,
        ) {
            let mut channel = Channel::new();
            let mut advances = gaps.iter().cycle();
            let (mut number, mut next_us) = (0, 0);
            for n in 0..400 {
                let now_us = n * poll_tenths * SECOND / 10;
                while next_us <= now_us {
                    number += 1;
                    next_us += advances.next().unwrap() * SECOND / 10;
                }
                channel.poll(Origin::Honest, number, now_us);
            }
            prop_assert_eq!(channel.found_us, None);
        }

        /// False ones are found, and what comes after is seen with each poll.
        #[test]
        fn false_ones_are_found(
            origin in prop::sample::select(vec![Origin::Still, Origin::Yes]), phase in 0..SECOND,
        ) {
            let mut channel = Channel::new();
            for n in 0..60 {
                let now_us = phase + n * SECOND;
                channel.poll(origin, now_us / TARGET, now_us);
            }
            prop_assert!(channel.found_us.is_some_and(|(_, found_us)| found_us < phase + 14 * SECOND));
            prop_assert_eq!(channel.last, (phase + 59 * SECOND) / TARGET);
        }
    }

    #[test]
    fn an_edge_that_lags_behind_when_it_is_tried_is_no_liar() {
        let mut trust = Trust::default();
        let came = |trust: &mut Trust, number: i64| {
            let came = Came {
                validators: tag(number),
                advanced: true,
                requested_us: number * 10 * SECOND,
            };
            assert_eq!(trust.note_body(&url(), came), None);
        };
        for number in 0..9 {
            trust.confirmed();
            let now_us = number * 10 * SECOND;
            assert!(trust.next(now_us, TARGET).is_none() || number == 0);
            came(&mut trust, number);
            if number == 0 {
                continue;
            }
            assert_eq!(trust.next(now_us + SECOND, TARGET), tag(number - 1));
            if number % 2 == 0 {
                assert_eq!(trust.confirmed_anything(), None, "once");
                assert_eq!(trust.next(now_us + SECOND, TARGET), tag(number));
            } else {
                came(&mut trust, number);
            }
        }
    }
}
