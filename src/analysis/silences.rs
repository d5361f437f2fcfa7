//! When bytes of a raw stream came, and when none did. Pure.
//!
//! What a session has of that is coarse: the last byte of each span of 5 ms, of a long part of each 10 ms and so on. So of a
//! pause its beginning is known, and of its end in which span it fell. It counts as long as it was for certain.

use crate::session::{ExchangeId, Growing, Outcome, RawAttempt, STOPPED, is_success};

/// Spans are this long in the beginning, in microseconds, and twice as long each time there are too many.
const FINEST_US: i64 = 5_000;
/// With fewer points than this spans have never been made longer.
const NEVER_LONGER: usize = 512;
/// The longest span that is worth looking for: of a part of weeks.
const LONGEST_US: i64 = FINEST_US << 20;
/// The notes of a part that grows, or grew when its recorder was killed, are so far apart at least: each says when the
/// first byte behind that time came.
const NOTES_US: i64 = 250_000;
/// After so long at the end of a session in which it was not asked for, a stream that was stopped had been taken out.
const LEFT_US: i64 = 2_000_000;

/// A time without a byte. Times in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// When the last byte before it came.
    pub from_us: i64,
    /// Of which exchange that is.
    pub from_exchange: ExchangeId,
    /// When the next byte was there; or the recording ended.
    pub until_us: i64,
    /// Of which exchange that is; `None`: none came.
    pub to_exchange: Option<ExchangeId>,
    /// How much earlier it may have ended, in microseconds: so long nobody asked, or looked.
    pub uncertain_us: i64,
    /// From when until when, before its end, the recorder did not ask.
    pub unasked_us: Option<(i64, i64)>,
    /// It was no longer recorded from then on.
    pub is_left: bool,
}

/// What came of one request.
#[derive(Debug)]
pub(super) struct Came {
    exchange_id: ExchangeId,
    requested_us: i64,
    began_us: i64,
    ended_us: i64,
    /// When bytes came, in microseconds after its beginning.
    points: Vec<i64>,
    /// So long before a point the first of its bytes may have come.
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    /// Those of one span have one point, at the time of the last of them.
    Last(i64),
    /// What comes so soon after a point has none.
    Notes(i64),
}

/// What came of a request; `None`: nothing did.
pub(super) fn came(attempt: &RawAttempt) -> Option<Came> {
    let is_answer = attempt.status.is_some_and(is_success) && attempt.bytes > 0;
    if !is_answer || attempt.outcome == Outcome::NotAPlaylist {
        return None;
    }
    let points = attempt.arrival.as_deref().map(points).unwrap_or_default();
    let killed = attempt
        .error
        .as_deref()
        .is_some_and(|error| error.contains("was killed"));
    let span = match killed {
        true => Span::Notes(NOTES_US),
        false => Span::Last(span_us(&points)),
    };
    Some(Came {
        exchange_id: attempt.exchange_id,
        requested_us: attempt.requested_us,
        began_us: attempt.began_us,
        ended_us: attempt.ended_us,
        // It came at once.
        points: if points.is_empty() { vec![0] } else { points },
        span,
    })
}

impl Came {
    /// What has come so far of a part that is being recorded.
    pub(super) fn growing(growing: &Growing) -> Self {
        let began_us = growing.facts.began_us;
        let points: Vec<i64> = growing.points.iter().map(|(at_us, _)| *at_us).collect();
        let last_us = points.last().copied().unwrap_or(0);
        Self {
            exchange_id: growing.exchange_id,
            requested_us: began_us,
            began_us,
            ended_us: began_us.saturating_add(last_us),
            points,
            span: Span::Notes(NOTES_US),
        }
    }
}

/// The moments of an arrival. A file that somebody else wrote may say anything: they never go back.
fn points(arrival: &str) -> Vec<i64> {
    let points: Vec<(i64, u64)> = serde_json::from_str(arrival).unwrap_or_default();
    let mut latest_us = 0;
    let later = points.into_iter().map(|(at_us, _)| {
        latest_us = latest_us.max(at_us);
        latest_us
    });
    later.collect()
}

/// How long the spans are of which each has one point.
fn span_us(points: &[i64]) -> i64 {
    if points.len() < NEVER_LONGER {
        return FINEST_US;
    }
    let is_possible = |span_us: i64| {
        points.windows(2).all(|two| match two {
            [one, other] => one / span_us != other / span_us,
            _ => true,
        })
    };
    let mut span_us = FINEST_US;
    while span_us < LONGEST_US && is_possible(span_us * 2) {
        span_us *= 2;
    }
    span_us
}

/// Looks for silences in what came, in order.
#[derive(Debug)]
pub(super) struct Scan {
    threshold_us: i64,
    /// From when until when it looks: what came before and behind is as if it had not.
    span_us: (i64, i64),
    /// When the last byte came, and of which exchange.
    last: Option<(i64, ExchangeId)>,
    /// When the last request was over that brought nothing, or no more.
    tried_us: Option<i64>,
    /// Those that were found.
    pub(super) found: Vec<Silence>,
}

impl Scan {
    pub(super) fn new(threshold_us: i64) -> Self {
        Self {
            threshold_us,
            span_us: (i64::MIN, i64::MAX),
            last: None,
            tried_us: None,
            found: Vec::new(),
        }
    }

    /// Looks at a span only, in microseconds of Unix time.
    pub(super) fn within(self, span_us: (i64, i64)) -> Self {
        Self { span_us, ..self }
    }

    /// A request brought nothing, until then.
    pub(super) fn tried(&mut self, ended_us: i64) {
        self.tried_us = Some(ended_us);
    }

    /// A request brought something.
    pub(super) fn take(&mut self, came: &Came) {
        let (begins_us, ends_us) = self.span_us;
        for (n, after_us) in came.points.iter().enumerate() {
            let at_us = came.began_us.saturating_add(*after_us);
            if at_us < begins_us {
                // Nobody knows more of it than that it went on.
                self.last = Some((begins_us, came.exchange_id));
                continue;
            }
            if at_us > ends_us {
                break;
            }
            let Some((last_us, last_exchange)) = self.last.replace((at_us, came.exchange_id))
            else {
                continue;
            };
            let is_first = n == 0;
            let earliest_us = came.earliest_us(*after_us, is_first);
            let (since_us, until_us) = match came.span {
                Span::Last(_) => (last_us, earliest_us),
                Span::Notes(apart_us) => (last_us.saturating_add(apart_us), at_us),
            };
            if until_us.saturating_sub(since_us) <= self.threshold_us {
                continue;
            }
            let tried_us = self.tried_us.filter(|_| is_first);
            let unasked_us = tried_us.map(|tried_us| (tried_us.max(last_us), came.requested_us));
            let unasked_us = unasked_us.filter(|(from_us, until_us)| from_us < until_us);
            let pause_us =
                unasked_us.map_or(0, |(from_us, until_us)| until_us.saturating_sub(from_us));
            self.found.push(Silence {
                from_us: last_us,
                from_exchange: last_exchange,
                until_us: at_us,
                to_exchange: Some(came.exchange_id),
                uncertain_us: at_us.saturating_sub(earliest_us).max(pause_us),
                unasked_us,
                is_left: false,
            });
        }
        self.tried_us = Some(came.ended_us);
    }

    /// The end of the recording: of a stream that had no end of its own. `last`: what was asked for last.
    pub(super) fn end(&mut self, last: Option<&RawAttempt>, end_us: i64) {
        let Some((from_us, from_exchange)) = self.last else {
            return;
        };
        let is_file = last.is_some_and(|last| {
            last.exchange_id == from_exchange
                && last.outcome == Outcome::Complete
                && last.error.is_none()
        });
        let is_again = last.is_some_and(|last| last.outcome == Outcome::Aborted && last.bytes == 0);
        if is_file || is_again {
            return;
        }
        let left_us = last.filter(|last| {
            last.exchange_id >= from_exchange && last.error.as_deref() == Some(STOPPED)
        });
        let left_us = left_us
            .map(|last| last.ended_us)
            .filter(|left_us| end_us.saturating_sub(*left_us) > LEFT_US);
        let until_us = left_us.unwrap_or(end_us);
        if until_us.saturating_sub(from_us) > self.threshold_us {
            self.found.push(Silence {
                from_us,
                from_exchange,
                until_us,
                to_exchange: None,
                uncertain_us: 0,
                unasked_us: None,
                is_left: left_us.is_some(),
            });
        }
    }
}

impl Came {
    /// When the first of the bytes of a point may have come.
    fn earliest_us(&self, after_us: i64, is_first: bool) -> i64 {
        let begins_us = match self.span {
            Span::Last(span_us) => after_us / span_us * span_us,
            Span::Notes(_) if is_first => 0,
            Span::Notes(_) => after_us,
        };
        self.began_us.saturating_add(begins_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1_000_000;

    fn attempt(exchange_id: ExchangeId, requested_us: i64, arrival: &[(i64, u64)]) -> RawAttempt {
        let last_us = arrival.last().map_or(0, |(at_us, _)| *at_us);
        RawAttempt {
            exchange_id,
            requested_us,
            began_us: requested_us + 10_000,
            ended_us: requested_us + 10_000 + last_us,
            bytes: arrival.last().map_or(0, |(_, bytes)| *bytes),
            arrival: serde_json::to_string(arrival).ok(),
            status: Some(200),
            outcome: Outcome::Reset,
            error: Some("reset".to_owned()),
            is_fault: true,
        }
    }

    /// From when to when, in ms, and of which exchanges.
    fn found(scan: &Scan) -> Vec<(i64, i64, ExchangeId, Option<ExchangeId>)> {
        let silence = |s: &Silence| {
            (
                s.from_us / 1000,
                s.until_us / 1000,
                s.from_exchange,
                s.to_exchange,
            )
        };
        scan.found.iter().map(silence).collect()
    }

    #[test]
    fn pauses_within_a_response_and_between_two_are_found() {
        let mut scan = Scan::new(2 * S);
        let first = attempt(1, 0, &[(0, 10), (S, 20), (4 * S, 30), (5 * S, 40)]);
        scan.take(&came(&first).unwrap());
        let refused = RawAttempt {
            status: None,
            bytes: 0,
            arrival: None,
            ended_us: 6 * S,
            ..attempt(2, 6 * S, &[])
        };
        assert!(came(&refused).is_none());
        scan.tried(refused.ended_us);
        scan.take(&came(&attempt(3, 8 * S, &[(0, 10), (S, 20)])).unwrap());
        assert_eq!(
            found(&scan),
            [(1010, 4010, 1, Some(1)), (5010, 8010, 1, Some(3))]
        );
        assert_eq!(scan.found[1].uncertain_us, 2 * S, "nobody asked in between");
        let unasked_us: Vec<_> = scan
            .found
            .iter()
            .map(|silence| silence.unasked_us)
            .collect();
        assert_eq!(unasked_us, [None, Some((6 * S, 8 * S))]);
        scan.found.clear();
        scan.end(Some(&attempt(3, 8 * S, &[(0, 10), (S, 20)])), 12 * S);
        assert_eq!(found(&scan), [(9010, 12_000, 3, None)]);
    }

    #[test]
    fn what_ended_for_good_owes_nothing() {
        let mut scan = Scan::new(2 * S);
        let file = RawAttempt {
            outcome: Outcome::Complete,
            error: None,
            ..attempt(1, 0, &[(0, 9)])
        };
        scan.take(&came(&file).unwrap());
        scan.end(Some(&file), 60 * S);
        assert_eq!(found(&scan), []);
        let removed = RawAttempt {
            outcome: Outcome::Complete,
            error: Some(STOPPED.to_owned()),
            ended_us: 5 * S,
            ..file
        };
        scan.end(Some(&removed), 60 * S);
        assert_eq!(found(&scan), [(10, 5000, 1, None)]);
        assert!(scan.found[0].is_left);
    }

    #[test]
    fn of_a_span_what_came_before_and_behind_it_says_nothing() {
        let response = attempt(1, 0, &[(0, 10), (3 * S, 20), (4 * S, 30), (20 * S, 40)]);
        let mut scan = Scan::new(2 * S).within((S, 12 * S));
        scan.take(&came(&response).unwrap());
        scan.end(Some(&response), 12 * S);
        assert_eq!(
            found(&scan),
            [(1000, 3010, 1, Some(1)), (4010, 12_000, 1, None)]
        );
    }

    #[test]
    fn a_pause_counts_as_long_as_it_was_for_certain() {
        // One point in each span of 1.28 s: nothing says that there was a pause of more than a moment.
        let span_us = FINEST_US << 8;
        let steady: Vec<(i64, u64)> = (0..600)
            .map(|n| (n * span_us + (n % 2) * (span_us - 1), n as u64 + 1))
            .collect();
        let mut scan = Scan::new(2 * S);
        scan.take(&came(&attempt(1, 0, &steady)).unwrap());
        assert_eq!(found(&scan), []);
    }

    proptest! {
        #[test]
        fn hostile_arrivals_are_no_nonsense(text in ".{0,60}", points in prop::collection::vec((any::<i64>(), any::<u64>()), 0..40), threshold in 0..3 * S) {
            let mut scan = Scan::new(threshold);
            for arrival in [text, serde_json::to_string(&points).unwrap()] {
                let attempt = RawAttempt { arrival: Some(arrival), bytes: 1, began_us: i64::MAX - 5, ..attempt(1, i64::MIN, &[]) };
                scan.take(&came(&attempt).unwrap());
                scan.end(Some(&attempt), i64::MAX);
            }
            prop_assert!(scan.found.iter().all(|s| s.from_us <= s.until_us && s.uncertain_us >= 0));
        }
    }
}
