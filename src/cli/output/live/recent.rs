//! What the live view remembers from one look to the next: how much came lately, and what is over since a short time.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::row::{Condition, Key, Pasts, Row, Word};
use super::text;
use crate::recorder;
use crate::session::{Notice, Tally};

/// Rates are averages over so long, in microseconds: several segments of any channel.
pub(super) const RATE_OVER_US: i64 = 30_000_000;
/// Looks are counted for rates when they are at least so far apart, in microseconds.
const APART_US: i64 = 400_000;
/// What is over is told of for so long, in microseconds.
const TOLD_US: i64 = 60_000_000;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Recent {
    rows: HashMap<Key, Past>,
    noticed: BTreeMap<Notice, (Tally, Change)>,
}

/// Of a row.
#[derive(Debug, Default)]
struct Past {
    /// When, and how many bytes had come by then.
    looks: VecDeque<(i64, u64)>,
    trouble: Option<Condition>,
    /// That is over: from when until when it was, and what.
    over: Option<recorder::Past>,
}

/// When a tally changed last, in microseconds of Unix time, and whether what it counts goes on.
#[derive(Debug, Clone, Copy)]
struct Change {
    at_us: i64,
    goes_on: bool,
}

impl Recent {
    /// Adds to what a row does now.
    pub(super) fn look(&mut self, row: &mut Row, now_us: i64) {
        let past = self.rows.entry(row.key).or_default();
        row.rate = past.rate(row.bytes, now_us);
        past.remember(&mut row.condition, &row.past, now_us);
    }

    /// Rows about the recorder itself: what it has noticed lately, or what goes on.
    pub(super) fn own(&mut self, noticed: BTreeMap<Notice, Tally>, now_us: i64) -> Vec<Condition> {
        let mut told = Vec::new();
        for (kind, tally) in noticed {
            let (before, change) = self.noticed.entry(kind).or_insert((
                Tally::default(),
                Change {
                    at_us: now_us,
                    goes_on: false,
                },
            ));
            if *before != tally {
                change.at_us = now_us;
                // Its length is known when it is over.
                change.goes_on = kind == Notice::DiskFull && before.length_us == tally.length_us;
                *before = tally;
            }
            let Some(what) = in_words(kind, tally, change.goes_on) else {
                continue;
            };
            if change.goes_on || now_us.saturating_sub(change.at_us) <= TOLD_US {
                let since_us = change.at_us;
                told.push(Condition {
                    word: Word::Recorder,
                    since_us,
                    what,
                });
            }
        }
        told
    }
}

impl Past {
    fn rate(&mut self, bytes: u64, now_us: i64) -> u64 {
        let is_apart = |(at_us, _): &(i64, u64)| now_us.saturating_sub(*at_us) >= APART_US;
        if self.looks.back().is_none_or(is_apart) {
            self.looks.push_back((now_us, bytes));
        }
        while self
            .looks
            .get(1)
            .is_some_and(|(at_us, _)| now_us.saturating_sub(*at_us) >= RATE_OVER_US)
        {
            self.looks.pop_front();
        }
        let Some((since_us, before)) = self.looks.front() else {
            return 0;
        };
        let seconds = now_us.saturating_sub(*since_us) as f64 / 1e6;
        match seconds > 0.0 {
            true => (bytes.saturating_sub(*before) as f64 / seconds) as u64,
            false => 0,
        }
    }

    /// `pasts`: what the log has of what is over.
    fn remember(&mut self, now: &mut Condition, pasts: &Pasts, now_us: i64) {
        if now.word.is_remembered() {
            self.trouble = Some(now.clone());
            self.over = None;
            return;
        }
        let Some(trouble) = self.trouble.as_ref() else {
            return;
        };
        let over = self
            .over
            .get_or_insert_with(|| over(trouble, pasts, now_us));
        let is_worse = now.word < Word::Again || now.word == Word::Ended;
        if is_worse || now_us.saturating_sub(over.until_us) > TOLD_US {
            self.trouble = None;
            return;
        }
        let lasted = text::length(over.until_us.saturating_sub(over.since_us));
        let (word, _) = trouble.word.texts();
        let why = match trouble.word {
            Word::Fails | Word::Unanswered if !over.what.is_empty() => over.what.clone(),
            Word::ChunksFail => format!("chunks: {}", over.what),
            Word::ChunksSlow => format!("chunks {}", over.what),
            _ => word.to_lowercase(),
        };
        *now = Condition {
            word: Word::Again,
            since_us: over.until_us,
            what: format!("{why} for {lasted}"),
        };
    }
}

/// What is over, as the log has it; else as it was seen.
fn over(trouble: &Condition, pasts: &Pasts, now_us: i64) -> recorder::Past {
    let logged = pasts.of(trouble.word);
    if let Some(past) = logged.filter(|past| past.until_us > trouble.since_us) {
        return past.clone();
    }
    recorder::Past {
        since_us: trouble.since_us,
        until_us: now_us,
        what: trouble.what.clone(),
    }
}

/// What the recorder notices about itself, not about origins, and for how long: a moment follows.
fn in_words(kind: Notice, tally: Tally, goes_on: bool) -> Option<String> {
    let (what, moment) = match kind {
        Notice::DiskFull if goes_on => ("its disk is full: no chunk is kept", "since"),
        Notice::ClockStep => ("its wall clock was set", "at"),
        Notice::HeldUp => ("a reader holds up its checkpoint", "at"),
        Notice::LeftAlone | Notice::FalseValidators => return None,
        Notice::Late | Notice::Stalled | Notice::Suspended | Notice::DiskFull => {
            (kind.words(), "until")
        }
    };
    let length = text::length(tally.length_us);
    let (times, length) = match (tally.times, moment) {
        (1, "until") => (String::new(), format!(" for {length}")),
        (times, "until") => (format!(" x {times}"), format!(", {length} in all")),
        (1, _) => (String::new(), String::new()),
        (times, _) => (format!(" x {times}"), String::new()),
    };
    Some(format!("{what}{times}{length}, {moment}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(word: Word, since_us: i64, what: &str) -> Condition {
        Condition {
            word,
            since_us,
            what: what.to_owned(),
        }
    }

    #[test]
    fn a_rate_is_an_average_over_half_a_minute() {
        let (mut past, mb) = (Past::default(), 1_000_000);
        let rates: Vec<u64> = (0..80_u64)
            .map(|half| {
                // A segment of 3 MB every 6 s.
                let bytes = half / 12 * 3 * mb;
                past.rate(bytes, 500_000 * half as i64)
            })
            .collect();
        assert_eq!(rates[0], 0);
        assert_eq!(rates[12], 3 * mb / 6, "so far");
        let later = &rates[60..];
        let within = |rate: &u64| (350_000..=650_000).contains(rate);
        assert!(later.iter().all(within), "{later:?}");
        assert!(past.looks.len() <= 62);
    }

    fn was(since_us: i64, until_us: i64, what: &str) -> Option<recorder::Past> {
        Some(recorder::Past {
            since_us,
            until_us,
            what: what.to_owned(),
        })
    }

    #[test]
    fn what_is_over_is_told_of_for_a_minute_as_the_log_has_it() {
        let mut past = Past::default();
        let mut told = |now: Condition, pasts: &Pasts, at_us| {
            let mut now = now;
            past.remember(&mut now, pasts, at_us);
            now
        };
        let none = Pasts::default();
        let fine = is(Word::Advances, 99_000_000, "");
        assert_eq!(told(fine.clone(), &none, 100_000_000), fine);
        let down = is(Word::Fails, 110_000_000, "refused x 9");
        assert_eq!(told(down.clone(), &none, 122_000_000), down);
        // One more failed, and it was over, between two looks.
        let pasts = Pasts {
            polls: was(110_000_000, 122_300_000, "refused x 10"),
            ..none.clone()
        };
        let again = is(Word::Again, 122_300_000, "refused x 10 for 12.3 s");
        assert_eq!(told(fine.clone(), &pasts, 122_500_000), again);
        assert_eq!(told(fine.clone(), &pasts, 182_300_000), again);
        assert_eq!(told(fine.clone(), &pasts, 182_300_001), fine);
        let still = is(Word::NoAdvance, 190_000_000, "target 2.0 s");
        assert_eq!(told(still.clone(), &pasts, 193_000_000), still);
        let moved = is(Word::Advances, 216_100_000, "");
        let again = is(Word::Again, 216_100_000, "no advance for 26.1 s");
        let pasts = Pasts {
            gap: was(190_000_000, 216_100_000, ""),
            ..pasts
        };
        assert_eq!(told(moved, &pasts, 216_400_000), again, "at its moment");
        let over = is(Word::Ended, 216_100_000, "");
        assert_eq!(told(over.clone(), &pasts, 217_000_000), over);
    }

    #[test]
    fn what_was_unanswered_at_last_and_something_else_before_is_told_as_all_of_it() {
        let mut past = Past::default();
        let mut now = is(Word::Unanswered, 10_000_000, "");
        past.remember(&mut now, &Pasts::default(), 20_000_000);
        let pasts = Pasts {
            polls: was(10_000_000, 22_000_000, "unanswered, then reset x 3"),
            ..Pasts::default()
        };
        let mut now = is(Word::Advances, 22_000_000, "");
        past.remember(&mut now, &pasts, 22_400_000);
        let told = "unanswered, then reset x 3 for 12.0 s";
        assert_eq!(now, is(Word::Again, 22_000_000, told));
    }

    #[test]
    fn chunks_that_are_good_again_count_no_longer() {
        let mut past = Past::default();
        let mut now = is(Word::ChunksFail, 10_000_000, "HTTP 404 x 4");
        past.remember(&mut now, &Pasts::default(), 30_000_000);
        let pasts = Pasts {
            chunks: was(10_000_000, 35_900_000, "HTTP 404 x 5"),
            ..Pasts::default()
        };
        let mut now = is(Word::Advances, 48_000_000, "");
        past.remember(&mut now, &pasts, 48_900_000);
        let told = "chunks: HTTP 404 x 5 for 25.9 s";
        assert_eq!(now, is(Word::Again, 35_900_000, told));
    }

    #[test]
    fn chunks_that_were_unanswered_are_told_as_that_and_until_the_last_came() {
        let mut past = Past::default();
        let mut now = is(Word::ChunksSlow, 10_000_000, "unanswered");
        past.remember(&mut now, &Pasts::default(), 30_000_000);
        let pasts = Pasts {
            slow: was(10_000_000, 47_200_000, "unanswered"),
            ..Pasts::default()
        };
        let mut now = is(Word::Advances, 48_000_000, "");
        past.remember(&mut now, &pasts, 48_100_000);
        let told = "chunks unanswered for 37.2 s";
        assert_eq!(now, is(Word::Again, 47_200_000, told));
    }

    #[test]
    fn what_the_recorder_notices_of_itself_is_its_own() {
        let mut recent = Recent::default();
        let tally = |times, length_us| Tally { times, length_us };
        let mut own = |kind, tally, at_us| recent.own(BTreeMap::from([(kind, tally)]), at_us);
        let late = is(
            Word::Recorder,
            5,
            "was late with polls x 2, 0.0 s in all, until",
        );
        assert_eq!(own(Notice::Late, tally(2, 900), 5), [late]);
        assert_eq!(own(Notice::Late, tally(2, 900), 6 + TOLD_US), []);
        let full = is(
            Word::Recorder,
            7,
            "its disk is full: no chunk is kept, since",
        );
        let all = own(Notice::DiskFull, tally(1, 0), 7);
        assert_eq!(all, std::slice::from_ref(&full));
        let much_later = 10 * TOLD_US;
        assert_eq!(own(Notice::DiskFull, tally(1, 0), much_later), [full]);
        own(Notice::DiskFull, tally(1, 9), much_later);
        let over = own(Notice::DiskFull, tally(1, 9), much_later + 1);
        assert_eq!(over[0].what, "its disk was full for 0.0 s, until");
        let over = own(Notice::DiskFull, tally(1, 9), much_later + TOLD_US + 1);
        assert_eq!(over, []);
        assert_eq!(own(Notice::LeftAlone, tally(1, 9), 1), []);
        let still = own(Notice::Stalled, tally(1, 6_100_000), 8);
        let told = "stood still for 6.1 s, until";
        assert_eq!(still, [is(Word::Recorder, 8, told)]);
    }
}
