//! A gap, and whose it is. Pure.

use crate::analysis::never_listed::NeverListed;
use crate::analysis::noticed::{left_alone_us, stood_still_us};
use crate::session::{Advance, Notice, NoticeEvent, PollTrouble, UNANSWERED_US};

/// A poll that has no answer for so long, in microseconds, is told of.
const LONG_WAIT_US: i64 = 1_000_000;
/// One that has none for so long is told of in any case; where it is less, after 1.5 target durations.
const HANG_US: i64 = 5_000_000;

/// What comes to a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Media segments.
    #[default]
    Segments,
    /// Partial segments.
    Parts,
}

impl Unit {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::Parts => "parts",
        }
    }
}

/// Whose a gap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The origin was late, for certain.
    Origin,
    /// Without the recorder's own doing it would be none.
    Recorder,
    /// Nobody knows: the recorder did not ask often enough to tell, was in trouble, or had no way to the origin.
    Unsure,
}

/// A gap. Times in microseconds of Unix time, durations in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The advance before it.
    pub from: Advance,
    /// The advance after it; `None`: there was none until the recording ended.
    pub to: Option<Advance>,
    /// When it ended, or the recording did, or the playlist was no longer recorded.
    pub until_us: i64,
    /// The playlist was no longer recorded from then on, and others were: its stream was taken out, or nothing named
    /// the playlist any more.
    pub is_left: bool,
    /// How much earlier than it was seen its first advance may have been, and its second, in
    /// microseconds. `None`: that is not known.
    pub uncertain_us: [Option<i64>; 2],
    /// What was allowed.
    pub threshold_us: i64,
    /// What did not come.
    pub unit: Unit,
    /// What the recorder's own polls were like meanwhile.
    pub polls: PollTrouble,
    /// For so long of it no recorder ran.
    pub not_running_us: i64,
    /// What the recorder noticed about itself and its machine meanwhile; that the validators of the playlist were false.
    pub noticed: Vec<NoticeEvent>,
    /// Some of its polls are no longer kept.
    pub polls_are_gone: bool,
    /// Segments that the playlist went on without, where the recorder did not miss them.
    pub never_listed: Option<NeverListed>,
    /// Segments that the recorder did not see, since it did not ask or stood still: whether they were listed nobody knows.
    pub not_seen: Option<NeverListed>,
}

impl Gap {
    /// How long it was.
    pub fn length_us(&self) -> i64 {
        self.until_us.saturating_sub(self.from.seen_us)
    }

    /// Without the time in which no recorder ran, or it stood still, it would be none; between parts, without any time in which
    /// it did not ask.
    pub fn is_recorders(&self) -> bool {
        let away_us = self.not_running_us.saturating_add(self.stood_still_us());
        let own_us = match self.unit {
            Unit::Segments => away_us,
            Unit::Parts => [
                away_us,
                self.polls.pause_us,
                self.polls.lag_us,
                self.patience_us(),
            ]
            .into_iter()
            .fold(0, i64::max),
        };
        self.length_us().saturating_sub(own_us) <= self.threshold_us
    }

    /// For so long of it the recorder stood still or was suspended, in microseconds.
    pub(in crate::analysis) fn stood_still_us(&self) -> i64 {
        stood_still_us(&self.noticed, self.from.seen_us, self.until_us)
    }

    /// The origin was late, whatever is not known: at the near end of each of its two moments, and without the times in which
    /// the recorder was away. That polls had nothing new on both sides of such a time says whose the rest is.
    pub fn is_origins_for_certain(&self) -> bool {
        let is_recorders = self.is_recorders() || self.validators_were_false();
        !is_recorders && self.known_us() > self.threshold_us
    }

    /// What is left of it, in microseconds, where so much is not known before its end, without the times in which the recorder
    /// was away.
    fn rest_us(&self, unsure_us: i64) -> i64 {
        let known_us = self.until_us.saturating_sub(unsure_us);
        let usual_us = self.usual_pause_us();
        let own_us = unsure_us.saturating_add(self.away_us(known_us, usual_us));
        let least_us = self.not_running_us.saturating_add(self.stood_still_us());
        self.length_us().saturating_sub(own_us.max(least_us))
    }

    /// For so long before a moment the recorder stood still, was late, or asked nothing for longer than is usual, in
    /// microseconds. Whenever a machine sleeps, it takes no session time.
    fn away_us(&self, before_us: i64, usual_pause_us: i64) -> i64 {
        let stalls = self
            .noticed
            .iter()
            .filter(|event| event.kind == Notice::Stalled);
        let mut away: Vec<(i64, i64)> = stalls
            .map(|event| (event.at_us, event.until_us()))
            .collect();
        let (pauses, late) = (&self.polls.pauses, &self.polls.late);
        let usual_lag_us = self.usual_lag_us();
        away.extend(pauses.longer(usual_pause_us));
        away.extend(late.longer(usual_lag_us));
        away.sort_unstable();
        // A poll that is late is one behind a pause.
        let others_us = pauses
            .others_longer_us(usual_pause_us)
            .max(late.others_longer_us(usual_lag_us));
        let (mut covered_us, mut away_us) = (self.from.seen_us, 0_i64);
        for (from_us, until_us) in away {
            let from_us = from_us.max(covered_us);
            let part_us = until_us.min(before_us).saturating_sub(from_us).max(0);
            away_us = away_us.saturating_add(part_us);
            covered_us = covered_us.max(until_us.min(before_us));
        }
        away_us
            .saturating_add(others_us)
            .saturating_add(self.noticed_us(Notice::Suspended))
    }

    /// For so long something may have been listed that the recorder did not see, in microseconds: it was not there, or asked
    /// nothing for so long that a segment may have come and gone.
    pub(in crate::analysis) fn missed_us(&self) -> i64 {
        let half_us = self.from.target_duration_us.unwrap_or(0) / 2;
        let longest_us = self.polls.between_us.max(self.stood_still_us());
        match longest_us > half_us || self.recorder_was_down() {
            true => self
                .away_us(self.until_us, half_us)
                .max(self.not_running_us),
            false => 0,
        }
    }

    /// For so long nothing new was there, in microseconds, whatever is not known, and without the times in which the recorder was
    /// away.
    pub(in crate::analysis) fn known_us(&self) -> i64 {
        let held_us = self.polls.held_us.max(0);
        let unsure_us = self.unsure_end_us().saturating_sub(held_us).max(0);
        self.rest_us(unsure_us).max(0)
    }

    /// Whose it is.
    pub fn whose(&self) -> Whose {
        match self.unit {
            _ if self.is_recorders() => Whose::Recorder,
            // Between parts all that the recorder did not ask for is its own already.
            Unit::Segments if !self.is_origins_for_certain() => Whose::Unsure,
            Unit::Segments | Unit::Parts => Whose::Origin,
        }
    }

    /// Whether players had nothing new for too long, whoever's that was: the origin's, or of something on the way, such as a host
    /// that no connection reached. Not where without the recorder's own doing it may be no gap.
    pub fn players_went_without(&self) -> bool {
        let unasked_us = self.unsure_us().min(self.polls.pause_us.max(0));
        let is_own = self.validators_were_false() || self.rest_us(unasked_us) <= self.threshold_us;
        match self.whose() {
            Whose::Origin => true,
            Whose::Recorder => false,
            Whose::Unsure => !is_own,
        }
    }

    /// So much earlier than it was seen its end may have been, in microseconds: nothing of the origin says that it was not.
    fn unsure_us(&self) -> i64 {
        self.unsure_of_us(self.uncertain_us[1].unwrap_or(self.unasked_end_us()))
    }

    /// For so long before the end of the recording nothing was asked, in microseconds, where it is not over: nothing that came then
    /// says how long that was.
    fn unasked_end_us(&self) -> i64 {
        let mut pauses = self.polls.pauses.longest.iter();
        let last = pauses.rfind(|(_, until_us)| self.to.is_none() && *until_us >= self.until_us);
        last.map_or(0, |(from_us, _)| self.until_us.saturating_sub(*from_us))
    }

    /// The same, where the first text of a run says nothing of the time before that.
    fn unsure_end_us(&self) -> i64 {
        let is_first = self.to.is_some() && self.not_running_us > 0;
        let most_us = match is_first {
            true => self.length_us(),
            false => self.unasked_end_us(),
        };
        self.unsure_of_us(self.uncertain_us[1].unwrap_or(most_us))
    }

    fn unsure_of_us(&self, unsure_us: i64) -> i64 {
        // Who waits for an answer asks: that it came so slowly is the origin's, or the network's.
        let known_us = self.polls.rebuffed_us.max(self.polls.awaited_until_us);
        let since_us = known_us.map(|us| self.until_us.saturating_sub(us));
        unsure_us.min(since_us.unwrap_or(unsure_us)).max(0)
    }

    /// For so long before its end the recorder did not ask, in microseconds, where it may be no gap for that.
    pub(in crate::analysis) fn unasked_us(&self) -> Option<i64> {
        let unasked_us = self.unsure_us().min(self.polls.pause_us.max(0));
        let is_none = self.length_us().saturating_sub(unasked_us) <= self.threshold_us;
        (is_none && self.whose() == Whose::Unsure).then_some(unasked_us)
    }

    /// For so long of that, and of the gap, a host was left alone, as it had asked, in microseconds, where that is why the recorder did
    /// not ask: for most of the time.
    pub(in crate::analysis) fn left_alone_us(&self) -> Option<i64> {
        let unasked_us = self.unasked_us()?;
        let alone_us = self.patience_us();
        (alone_us > unasked_us / 2).then_some(alone_us)
    }

    /// For so long of it hosts of its playlist were left alone, as they had asked, in microseconds.
    pub(in crate::analysis) fn patience_us(&self) -> i64 {
        let span_us = (self.from.seen_us, self.until_us);
        left_alone_us(&self.noticed, span_us, |_| true)
    }

    /// The recorder was so late with a poll that it may have seen the change late.
    pub fn recorder_was_late(&self) -> bool {
        self.polls.lag_us > self.usual_lag_us()
    }

    /// It was so late though it did not stand still, which is told by itself.
    pub(in crate::analysis) fn was_late_beside(&self) -> bool {
        self.polls.lag_us.saturating_sub(self.stood_still_us()) > self.usual_lag_us()
    }

    /// Nobody minds that a poll is late by so much, in microseconds.
    fn usual_lag_us(&self) -> i64 {
        let (expected_us, least_us) = match self.unit {
            Unit::Segments => (self.from.target_duration_us, 1_000_000),
            Unit::Parts => (self.from.part_target_us, 100_000),
        };
        (expected_us.unwrap_or(0) / 4).max(least_us)
    }

    /// For most of it polls had no answer, or one had none for so long that it is of an outage, and the recorder was there to
    /// take one.
    pub(in crate::analysis) fn polls_waited(&self) -> bool {
        let length_us = self.length_us();
        let longest_us = self.polls.longest_wait.length_us;
        let target_us = self.from.target_duration_us.unwrap_or(0);
        let hang_us = (target_us.saturating_mul(3) / 2).clamp(UNANSWERED_US, HANG_US);
        if longest_us.saturating_sub(self.stood_still_us()) >= hang_us {
            return true;
        }
        let is_long = longest_us >= LONG_WAIT_US || longest_us >= length_us / 4;
        let answerless_us = self.polls.waiting_us.saturating_sub(self.stood_still_us());
        is_long && answerless_us > length_us / 2
    }

    /// Whether it ended as its playlist was answered again, at a moment in microseconds of Unix time: not where that was there
    /// as it had been, and advanced later.
    pub(in crate::analysis) fn ends_with(&self, answered_us: i64) -> bool {
        let target_us = self.from.target_duration_us.unwrap_or(i64::MAX);
        let soon_us = target_us.saturating_add(target_us / 2);
        self.until_us <= answered_us.saturating_add(soon_us)
    }

    /// How many polls there were behind the first advance and before the second.
    pub fn polls_between(&self) -> i64 {
        let brought = i64::from(self.to.is_some());
        self.polls.polls.saturating_sub(brought).max(0)
    }

    /// The playlist was said not to have changed when it had: the gap is that of its validators, and may be none of the playlist.
    pub fn validators_were_false(&self) -> bool {
        let is_that = |event: &NoticeEvent| event.kind == Notice::FalseValidators;
        self.noticed.iter().any(is_that)
    }

    /// Nobody polled for so long that the gap may be the recorder's own.
    pub fn recorder_was_down(&self) -> bool {
        self.not_running_us > 0
            || self.recorder_paused()
            || self.noticed_us(Notice::Suspended) > self.longest_pause_us()
    }

    /// It ran, and did not poll for long. Who is told that a playlist is not to be had is asked once in a target duration;
    /// who asks for patience is left alone, which is told by itself.
    fn recorder_paused(&self) -> bool {
        self.polls.pause_us > self.usual_pause_us()
    }

    /// The same though it did not stand still, which is told by itself.
    pub(in crate::analysis) fn paused_beside(&self) -> bool {
        self.polls.pause_us.saturating_sub(self.stood_still_us()) > self.usual_pause_us()
    }

    /// Between two polls so long a time is usual, in microseconds.
    fn usual_pause_us(&self) -> i64 {
        let target_us = self.from.target_duration_us.unwrap_or(0);
        let seldom_us = match self.unit {
            Unit::Segments => target_us.saturating_add(target_us / 4),
            Unit::Parts => 0,
        };
        let allowed_us = self.longest_pause_us().max(seldom_us);
        allowed_us.saturating_add(self.patience_us())
    }

    /// What is no reason for a gap, in microseconds.
    fn longest_pause_us(&self) -> i64 {
        match self.unit {
            Unit::Segments => (self.threshold_us / 2).max(5_000_000),
            Unit::Parts => self.threshold_us / 2,
        }
    }

    /// For so long something was so, in microseconds; where that is not known, it may have been long.
    pub(in crate::analysis) fn noticed_us(&self, kind: Notice) -> i64 {
        NoticeEvent::sum_us(&self.noticed, kind)
    }
}

#[cfg(test)]
mod tests;
