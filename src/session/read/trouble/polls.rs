//! What was wrong with the polls of a playlist within some time.

use std::cmp::Reverse;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, named_params};

use super::times::Times;
use super::words::UNANSWERED_US;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::Outcome;
use crate::session::read::reader::{Reader, if_sound};

/// Kinds of failures that are told apart; who makes up more is told in one word.
const MOST_KINDS: usize = 8;
/// Resources to which polls were redirected that are told.
const MOST_LED_TO: usize = 16;

/// What was wrong with the polls of a playlist within some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollTrouble {
    /// Number of polls.
    pub polls: i64,
    /// Polls without a good answer.
    pub failed: i64,
    /// How they failed, the most frequent first; not all, where there are very many kinds.
    pub failures: Vec<PollFailure>,
    /// How late the recorder was with the latest one, in microseconds.
    pub lag_us: i64,
    /// The longest time in which nothing was asked and no answer awaited, in microseconds.
    pub pause_us: i64,
    /// The same between two polls.
    pub between_us: i64,
    /// When the last poll was over; where there was none, the beginning of the time.
    pub last_us: i64,
    /// When the last poll was over that the origin itself answered with an error or with what is no playlist, refused, reset or cut
    /// short: nobody had anything new of it then.
    pub rebuffed_us: Option<i64>,
    /// When the last poll was over that took long and was answered well, but for the last one of all: until then the recorder
    /// waited for what it had asked for.
    pub awaited_until_us: Option<i64>,
    /// For so long since the last poll that was answered at once polls hung, and it was the origin, or its network, that did not
    /// answer: they were answered in the end, or others were answered meanwhile. In microseconds.
    pub held_us: i64,
    /// The longest time for which a poll had no whole answer.
    pub longest_wait: PollWait,
    /// For so long of it polls had no whole answer, in microseconds.
    pub waiting_us: i64,
    /// The longest time for which a poll had had none that the recorder broke off, since it stopped: it is not counted above.
    pub broken_off: Option<PollWait>,
    /// Times in which nothing was asked and no answer awaited, of half a second or longer.
    pub pauses: Times,
    /// Likewise times by which polls were late, of a second or longer.
    pub late: Times,
    /// To what polls were redirected in the end (rows of `resource`), the first ones.
    pub led_to: Vec<i64>,
}

/// For how long a poll had no whole answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PollWait {
    /// So long, in microseconds.
    pub length_us: i64,
    /// For most of that a part of the answer was there.
    pub has_begun: bool,
}

/// Polls that failed in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollFailure {
    /// HTTP status of a complete response; `None`: the outcome says what happened.
    pub status: Option<u16>,
    /// How they ended.
    pub outcome: Outcome,
    /// An answer without a byte, which is not a playlist.
    pub is_empty: bool,
    /// How many.
    pub polls: i64,
}

/// Polls of a playlist, under whatever URL, in a span: the first exchange of each, in the order in which they were made: one
/// that the origin holds for too long is answered after others that were made beside it. Those that are no answers were
/// made all the same.
const POLLS: &str = "
    SELECT id, status, outcome, lag_us, requested_us, coalesce(wait_us, failed_us, 0), coalesce(receive_us, 0),
           own_reason IS NULL AND outcome <> 'crossed', ifnull(receive_us > wait_us, 0),
           ifnull(error, '') LIKE 'an empty answer%' FROM exchange
     WHERE resource_id IN (SELECT :playlist_id UNION
                           SELECT a.resource_id FROM resource p JOIN alias a ON a.url = p.url
                            WHERE p.id = :playlist_id AND p.kind = 'media')
       AND head_id IS NULL AND from_us > :after_us AND from_us <= :until_us
     ORDER BY id";
/// Shorter pauses are usual, in microseconds; so is lateness of less than this.
const PAUSE_US: i64 = 500_000;
const LATE_US: i64 = 1_000_000;
/// When the answer was over that came at a moment.
const OVER: &str = "
    SELECT max(requested_us + coalesce(wait_us, failed_us, 0) + coalesce(receive_us, 0)) FROM exchange
     WHERE resource_id IN (SELECT :playlist_id UNION
                           SELECT a.resource_id FROM resource p JOIN alias a ON a.url = p.url
                            WHERE p.id = :playlist_id AND p.kind = 'media')
       AND from_us = :after_us AND outcome = 'complete'";
/// A poll takes long whose answer is over so long, in microseconds, after it was made, or after its answer began.
const LONG_US: i64 = 1_000_000;
/// The first poll of a playlist after a moment.
const AFTER: &str = "
    SELECT id FROM exchange
     WHERE resource_id IN (SELECT :playlist_id UNION
                           SELECT a.resource_id FROM resource p JOIN alias a ON a.url = p.url
                            WHERE p.id = :playlist_id AND p.kind = 'media')
       AND head_id IS NULL AND from_us > :after_us ORDER BY from_us, id LIMIT 1";
/// How the chain ended that began with an exchange. Its hops have been asked for before the next poll of the
/// playlist.
const LAST_HOP: &str = "
    SELECT status, outcome, requested_us + coalesce(wait_us, failed_us, 0) + coalesce(receive_us, 0),
           ifnull(receive_us > wait_us, 0), requested_us + coalesce(wait_us, failed_us, 0),
           ifnull(error, '') LIKE 'an empty answer%', resource_id
      FROM exchange
     WHERE id = (SELECT max(id) FROM exchange
                  WHERE id >= :head_id AND id < :next_id AND (head_id = :head_id OR id = :head_id))";
/// Whether anything else that was requested behind an exchange was answered between two moments.
const OTHERS: &str = "
    SELECT EXISTS (SELECT 1 FROM exchange
                    WHERE id > :id AND id < :id + 10000 AND status IS NOT NULL
                      AND requested_us + wait_us BETWEEN :from_us AND :until_us)";

/// The first exchange of a poll.
struct Head {
    id: ExchangeId,
    lag_us: i64,
    requested_us: i64,
    /// What it brought is an answer.
    counts: bool,
    end: End,
}

/// How an exchange ended.
struct End {
    status: Option<u16>,
    outcome: String,
    /// Its answer had no byte, where something was due.
    is_empty: bool,
    /// When its response began; where there was none, when it was over.
    began_us: i64,
    over_us: i64,
    /// For most of its time a part of the response was there.
    has_begun: bool,
}

impl Head {
    fn redirects(&self) -> bool {
        matches!(self.end.status, Some(301 | 302 | 303 | 307 | 308))
    }
}

/// Adds up polls, in the order in which they were made.
struct Sum {
    trouble: PollTrouble,
    /// When the last one was over.
    before_us: i64,
    /// When the last one was over, if it took long.
    long_over_us: Option<i64>,
    /// When the last one was over that brought an answer or failed, and when the time is over.
    waited_until_us: i64,
    until_us: i64,
    held: Held,
    /// In how many ways how many failed, and which of them came first.
    failures: HashMap<(Option<u16>, Outcome, bool), (i64, usize)>,
}

/// Polls that hang, in the order in which they were made. Durations in microseconds.
#[derive(Default)]
struct Held {
    /// It was the origin.
    known_us: i64,
    /// They had a connection, which says nothing of who was away until one of them is answered.
    maybe_us: i64,
    /// When the last one of them was over.
    until_us: i64,
    /// The last poll was answered: what hung before it is over.
    is_answered: bool,
}

impl Held {
    /// `others`: whether anything else was answered meanwhile.
    fn take(&mut self, requested_us: i64, end: &End, others: bool, until_us: i64) {
        if std::mem::take(&mut self.is_answered) {
            (self.known_us, self.maybe_us) = (0, 0);
        }
        let has_answer = end.outcome == Outcome::Complete.as_str();
        let over_us = match has_answer {
            true => end.began_us,
            false => end.over_us,
        };
        let over_us = over_us.min(until_us);
        let from_us = requested_us.max(self.until_us);
        let lasted_us = over_us.saturating_sub(from_us).max(0);
        self.until_us = self.until_us.max(over_us);
        match Outcome::parse(&end.outcome) {
            _ if has_answer => {
                if lasted_us >= UNANSWERED_US {
                    let all_us = lasted_us.saturating_add(self.maybe_us);
                    self.known_us = self.known_us.saturating_add(all_us);
                }
                self.maybe_us = 0;
                self.is_answered = end.status.is_none_or(|status| status < 400);
            }
            _ if others => self.known_us = self.known_us.saturating_add(lasted_us),
            Some(Outcome::ResponseTimeout | Outcome::BodyTimeout) => {
                self.maybe_us = self.maybe_us.saturating_add(lasted_us);
            }
            // There was no way to it: the way may have been cut at the recorder's end all the time.
            _ => self.maybe_us = 0,
        }
    }
}

impl Sum {
    /// Something was asked for then.
    fn asked(&mut self, head: &Head) {
        let pause_us = head.requested_us.saturating_sub(self.before_us);
        self.trouble.pause_us = self.trouble.pause_us.max(pause_us);
        self.pauses(head.requested_us);
        if head.lag_us >= LATE_US {
            let due_us = head.requested_us.saturating_sub(head.lag_us);
            self.trouble.late.put((due_us, head.requested_us));
        }
        self.before_us = self.before_us.max(head.end.over_us);
    }

    /// Nothing was asked from the end of the last poll to a moment.
    fn pauses(&mut self, until_us: i64) {
        if until_us.saturating_sub(self.before_us) >= PAUSE_US {
            self.trouble.pauses.put((self.before_us, until_us));
        }
    }

    fn add(&mut self, head: &Head, end: &End, others: bool) {
        let wait = self.wait(head, end);
        let is_answered = end.outcome == Outcome::Complete.as_str()
            && end.status.is_none_or(|status| status < 400);
        let is_long = is_answered && end.over_us.saturating_sub(head.requested_us) >= LONG_US;
        let before_us = std::mem::replace(&mut self.long_over_us, is_long.then_some(end.over_us));
        let trouble = &mut self.trouble;
        trouble.awaited_until_us = trouble.awaited_until_us.max(before_us);
        if end.outcome == Outcome::Aborted.as_str() {
            trouble.broken_off = trouble.broken_off.max(Some(wait));
            return;
        }
        trouble.longest_wait = trouble.longest_wait.max(wait);
        let over_us = end.over_us.min(self.until_us);
        let waited_us = over_us.saturating_sub(head.requested_us.max(self.waited_until_us));
        trouble.waiting_us = trouble.waiting_us.saturating_add(waited_us.max(0));
        self.waited_until_us = self.waited_until_us.max(over_us);
        self.held
            .take(head.requested_us, end, others, self.until_us);
        let trouble = &mut self.trouble;
        let (status, outcome) = (end.status, end.outcome.as_str());
        trouble.polls += 1;
        trouble.lag_us = trouble.lag_us.max(head.lag_us);
        let is_complete = outcome == Outcome::Complete.as_str();
        if is_complete && status.is_none_or(|status| status < 400) {
            return;
        }
        trouble.failed += 1;
        let outcome = Outcome::parse(outcome).unwrap_or(Outcome::Protocol);
        let kind = (status.filter(|_| is_complete), outcome, end.is_empty);
        // The others may be of the network of the recorder.
        let is_its_word = matches!(
            outcome,
            Outcome::Refused
                | Outcome::Reset
                | Outcome::Short
                | Outcome::Long
                | Outcome::Protocol
                | Outcome::Encoding
                | Outcome::NotAPlaylist
        );
        if is_complete || is_its_word {
            trouble.rebuffed_us = trouble.rebuffed_us.max(Some(over_us));
        }
        let place = self.failures.len();
        self.failures.entry(kind).or_insert((0, place)).0 += 1;
    }

    /// The last poll was redirected to that.
    fn led_to(&mut self, resource_id: i64) {
        let led_to = &mut self.trouble.led_to;
        if led_to.len() < MOST_LED_TO && !led_to.contains(&resource_id) {
            led_to.push(resource_id);
        }
    }

    /// The part of it that is in the time.
    fn wait(&self, head: &Head, end: &End) -> PollWait {
        let over_us = end.over_us.min(self.until_us);
        PollWait {
            length_us: over_us.saturating_sub(head.requested_us).max(0),
            has_begun: end.has_begun,
        }
    }

    fn end(mut self) -> PollTrouble {
        let pause_us = self.until_us.saturating_sub(self.before_us);
        self.pauses(self.until_us);
        self.trouble.between_us = self.trouble.pause_us;
        self.trouble.last_us = self.before_us;
        self.trouble.held_us = self.held.known_us;
        self.trouble.pause_us = self.trouble.pause_us.max(pause_us);
        let mut failures: Vec<_> = self.failures.into_iter().collect();
        failures.sort_unstable_by_key(|(_, (polls, place))| (Reverse(*polls), *place));
        failures.truncate(MOST_KINDS);
        let failure = |((status, outcome, is_empty), (polls, _))| PollFailure {
            status,
            outcome,
            is_empty,
            polls,
        };
        self.trouble.failures = failures.into_iter().map(failure).collect();
        self.trouble
    }
}

impl Reader {
    /// What was wrong with the polls of a playlist between two moments (microseconds of Unix time).
    ///
    /// # Errors
    /// The database is damaged.
    pub fn poll_trouble(
        &self,
        playlist_id: i64,
        after_us: i64,
        until_us: i64,
    ) -> Result<PollTrouble, ReadError> {
        self.sum_of_polls(playlist_id, after_us, until_us)
            .map_err(|e| self.failed(e))
    }

    /// Row by row: a query with windows costs more than all that it reads where there are many gaps.
    fn sum_of_polls(
        &self,
        playlist_id: i64,
        after_us: i64,
        until_us: i64,
    ) -> rusqlite::Result<PollTrouble> {
        let place = named_params! { ":playlist_id": playlist_id, ":after_us": after_us };
        let mut over = self.db.prepare_cached(OVER)?;
        let over_us: Option<i64> = over.query_row(place, |row| row.get(0))?;
        let long_over_us = over_us.filter(|us| us.saturating_sub(after_us) >= LONG_US);
        let mut sum = Sum {
            trouble: PollTrouble::default(),
            before_us: long_over_us.unwrap_or(after_us).min(until_us),
            long_over_us,
            waited_until_us: after_us,
            until_us,
            held: Held::default(),
            failures: HashMap::new(),
        };
        let mut statement = self.db.prepare_cached(POLLS)?;
        let mut rows = statement.query(named_params! {
            ":playlist_id": playlist_id,
            ":after_us": after_us,
            ":until_us": until_us,
        })?;
        let mut last: Option<Head> = None;
        while let Some(row) = rows.next()? {
            let Some(head) = if_sound(head_row(row))? else {
                continue;
            };
            sum.asked(&head);
            if !head.counts {
                continue;
            }
            if let Some(before) = last.replace(head) {
                let next = last.as_ref().map(|head| head.id);
                self.add_poll(&mut sum, &before, next)?;
            }
        }
        if let Some(head) = last {
            let next = match head.redirects() {
                true => self
                    .db
                    .prepare_cached(AFTER)?
                    .query_row(
                        named_params! { ":playlist_id": playlist_id, ":after_us": until_us },
                        |row| row.get(0),
                    )
                    .optional()?,
                false => None,
            };
            self.add_poll(&mut sum, &head, next)?;
        }
        Ok(sum.end())
    }

    fn add_poll(
        &self,
        sum: &mut Sum,
        head: &Head,
        next: Option<ExchangeId>,
    ) -> rusqlite::Result<()> {
        if !head.redirects() {
            let others = self.others_were_answered(head)?;
            sum.add(head, &head.end, others);
            return Ok(());
        }
        let last: Option<(End, i64)> = self
            .db
            .prepare_cached(LAST_HOP)?
            .query_row(
                named_params! { ":head_id": head.id, ":next_id": next.unwrap_or(i64::MAX) },
                last_hop_row,
            )
            .optional()?;
        if let Some((end, resource_id)) = last {
            sum.add(head, &end, false);
            sum.led_to(resource_id);
        }
        Ok(())
    }

    /// Whether the recorder's own network was well while a poll had no answer: in the middle of that time something else had one.
    fn others_were_answered(&self, head: &Head) -> rusqlite::Result<bool> {
        let hung = matches!(
            Outcome::parse(&head.end.outcome),
            Some(Outcome::ConnectTimeout | Outcome::ResponseTimeout | Outcome::BodyTimeout)
        );
        if !hung {
            return Ok(false);
        }
        let third_us = head.end.over_us.saturating_sub(head.requested_us) / 3;
        self.db.prepare_cached(OTHERS)?.query_row(
            named_params! {
                ":id": head.id,
                ":from_us": head.requested_us.saturating_add(third_us),
                ":until_us": head.end.over_us.saturating_sub(third_us),
            },
            |row| row.get(0),
        )
    }
}

fn head_row(row: &Row<'_>) -> rusqlite::Result<Head> {
    let requested_us: i64 = row.get(4)?;
    let answered_us = requested_us.saturating_add(row.get(5)?);
    Ok(Head {
        id: row.get(0)?,
        lag_us: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
        requested_us,
        counts: row.get(7)?,
        end: End {
            status: status(row, 1)?,
            outcome: row.get(2)?,
            began_us: answered_us,
            over_us: answered_us.saturating_add(row.get(6)?),
            has_begun: row.get(8)?,
            is_empty: row.get(9)?,
        },
    })
}

/// How a chain ended, and at which resource.
fn last_hop_row(row: &Row<'_>) -> rusqlite::Result<(End, i64)> {
    let end = End {
        status: status(row, 0)?,
        outcome: row.get(1)?,
        over_us: row.get(2)?,
        has_begun: row.get(3)?,
        began_us: row.get(4)?,
        is_empty: row.get(5)?,
    };
    Ok((end, row.get(6)?))
}

/// What is no status of HTTP is one that failed.
fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u16>> {
    let status: Option<i64> = row.get(column)?;
    Ok(status.map(|status| u16::try_from(status).unwrap_or(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    /// A poll: when it was made and over, how it ended, whether others were answered meanwhile.
    type Poll = (i64, i64, &'static str, bool);

    fn held_s(polls: &[Poll]) -> i64 {
        let mut held = Held::default();
        for (requested_s, over_s, outcome, others) in polls {
            let end = End {
                status: (*outcome == "complete").then_some(200),
                outcome: (*outcome).to_owned(),
                began_us: over_s * S,
                over_us: over_s * S,
                has_begun: false,
                is_empty: false,
            };
            held.take(requested_s * S, &end, *others, 100 * S);
        }
        held.known_us / S
    }

    #[test]
    fn of_very_many_polls_a_pause_that_is_usual_is_none_of_those_that_are_told() {
        let mut sum = Sum {
            trouble: PollTrouble::default(),
            before_us: 0,
            long_over_us: None,
            waited_until_us: 0,
            until_us: i64::MAX,
            held: Held::default(),
            failures: HashMap::new(),
        };
        // Once in 1.5 s, and each 1.2 s late; once in between after 3.1 s, and 2 s late.
        let mut now_us = 0;
        for n in 0..5000 {
            let (pause_us, lag_us) = match n {
                3000 => (3_100_000, 2_000_000),
                _ => (1_500_000, 1_200_000),
            };
            now_us += pause_us;
            let end = End {
                status: Some(200),
                outcome: "complete".to_owned(),
                began_us: now_us,
                over_us: now_us,
                has_begun: false,
                is_empty: false,
            };
            sum.asked(&Head {
                id: n,
                lag_us,
                requested_us: now_us,
                counts: true,
                end,
            });
        }
        let at_us = 3000 * 1_500_000;
        let trouble = sum.trouble;
        assert_eq!(trouble.pauses.longest, [(at_us, at_us + 3_100_000)]);
        assert_eq!(
            trouble.late.longest,
            [(at_us + 1_100_000, at_us + 3_100_000)]
        );
    }

    #[test]
    fn what_hung_and_was_answered_in_the_end_is_the_origins() {
        let hung = (0, 15, "response timeout", false);
        assert_eq!(held_s(&[(0, 12, "complete", false)]), 12);
        assert_eq!(held_s(&[hung, (15, 23, "complete", false)]), 23);
        assert_eq!(
            held_s(&[hung, (15, 16, "complete", false)]),
            0,
            "it may have been the network"
        );
        assert_eq!(held_s(&[hung]), 0);
        // What hung before a good answer says nothing of the time behind it.
        let again = [(0, 12, "complete", false), (13, 13, "complete", false)];
        assert_eq!(held_s(&again), 0);
    }

    #[test]
    fn what_hung_while_others_were_answered_is_the_origins() {
        assert_eq!(held_s(&[(0, 15, "response timeout", true)]), 15);
        assert_eq!(held_s(&[(0, 10, "connect timeout", true)]), 10);
    }

    #[test]
    fn without_a_way_to_it_nothing_is_known_of_what_hung_before() {
        let polls = [
            (0, 15, "response timeout", false),
            (15, 25, "connect timeout", false),
            (25, 28, "complete", false),
        ];
        assert_eq!(held_s(&polls), 3);
    }
}
