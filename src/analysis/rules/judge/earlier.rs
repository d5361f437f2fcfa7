//! Texts that a playlist had before, and what is told of one that comes again: an older revision (T17), or the beginning of a sequence
//! that began again (T01). What comes next tells. Pure.

use std::collections::HashMap;

use crate::analysis::finding::Evidence;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::time::Age;
use crate::hls::Step;

/// Texts of one playlist that are remembered by their row, so that an old one is known again.
const MOST_TEXTS: usize = 1_000_000;

/// Findings that wait for the next revision.
const MOST_WAITING: usize = 64;

/// The texts that were there, and where each ended in the media that the playlist has listed so far, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    ends: HashMap<i64, i64>,
    /// Where the newest text ends.
    edge: Edge,
    /// Where the sequence began again last: what ends there or before is of another count.
    began_us: i64,
}

/// The end of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edge {
    /// The number behind its last segment.
    pub(super) number: u64,
    us: i64,
}

impl Earlier {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn edge(&self) -> Edge {
        self.edge
    }

    pub(super) fn has(&self, body: i64) -> bool {
        self.ends.contains_key(&body)
    }

    /// Whether a text that is not that of the revision before is that of an older one. Where the sequence began again, texts may be those
    /// of before, and are new.
    pub(super) fn is_old(&self, body: i64, step: Option<Step>) -> bool {
        match (self.ends.get(&body), step) {
            (None, _) | (_, Some(Step::Restarted)) => false,
            (Some(_), Some(Step::Behind)) => true,
            (Some(end_us), _) => self.is_of_this_count(*end_us),
        }
    }

    fn is_of_this_count(&self, end_us: i64) -> bool {
        self.began_us == 0 || end_us > self.began_us
    }

    /// By how much a text ends before the newest one; `None`: its numbers are of another count.
    pub(super) fn age(&self, body: i64, text: &Playlist) -> Option<Age> {
        let end_us = self.ends.get(&body)?;
        self.is_of_this_count(*end_us).then(|| Age {
            segments: self.edge.number.saturating_sub(ends_at(text)),
            us: self.edge.us.saturating_sub(*end_us).max(0),
        })
    }

    /// A text that is the newest one from now on.
    pub(super) fn take(&mut self, body: i64, text: &Playlist, step: Option<Step>) {
        let ends_at = ends_at(text);
        if let Some(us) = self.ends.get(&body)
            && self.is_old(body, step)
        {
            self.edge = Edge {
                number: ends_at,
                us: *us,
            };
            return;
        }
        let gained = match step {
            _ if self.ends.is_empty() => text.segments.len() as u64,
            Some(Step::Restarted) => {
                // Whatever it adds, it ends behind what was there before.
                self.edge.us = self.edge.us.saturating_add(1);
                self.began_us = self.edge.us;
                self.edge.us = self.edge.us.saturating_add(1);
                text.segments.len() as u64
            }
            _ => ends_at.saturating_sub(self.edge.number),
        };
        self.edge = Edge {
            number: ends_at,
            us: self.edge.us.saturating_add(length_us(text, gained)),
        };
        self.remember(body, self.edge.us);
    }

    /// A text that ends before the newest one. Where it ended when it was first there stays.
    pub(super) fn take_behind(&mut self, body: i64, text: &Playlist, newest: &Playlist) {
        let back = self.edge.number.saturating_sub(ends_at(text));
        let end_us = self.edge.us.saturating_sub(length_us(newest, back));
        if !self.has(body) {
            self.remember(body, end_us.max(self.began_us.saturating_add(1)));
        }
    }

    fn remember(&mut self, body: i64, end_us: i64) {
        if self.ends.len() < MOST_TEXTS || self.has(body) {
            let end = self.ends.entry(body).or_insert(end_us);
            *end = end_us;
        }
    }

    /// What was taken for a sequence that began again was none: all goes on where it stood.
    fn go_back(&mut self, (edge, began_us): (Edge, i64)) {
        self.edge = edge;
        self.began_us = began_us;
    }
}

/// The number behind its last segment.
fn ends_at(text: &Playlist) -> u64 {
    text.number(text.segments.len())
}

/// How long its last segments play; those that it does not list are as long as the others are on average.
fn length_us(text: &Playlist, count: u64) -> i64 {
    let listed = text.segments.len();
    let last = usize::try_from(count).unwrap_or(usize::MAX).min(listed);
    let lengths = text.segments.iter().rev().take(last);
    let listed_us = lengths.fold(0, |us: i64, one| us.saturating_add(one.duration_us.max(0)));
    let mean_us = listed_us / i64::try_from(last.max(1)).unwrap_or(i64::MAX);
    let others = i64::try_from(count - last as u64).unwrap_or(i64::MAX);
    listed_us.saturating_add(mean_us.saturating_mul(others))
}

/// A finding, and where.
pub(super) type At = (Evidence, Broken);

/// What is not told before the next revision is there.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// T17 of texts that lie behind, and where the last of them ends: the channel may go on from there.
    behind: Vec<At>,
    behind_ends_at: u64,
    /// A sequence that began again with a text that had been there.
    doubt: Option<Doubt>,
}

#[derive(Debug)]
struct Doubt {
    at: Evidence,
    /// What is told if the channel goes on from there.
    restart: Vec<Broken>,
    /// What is told if what was there before comes next.
    older: Vec<Broken>,
    before: (Edge, i64),
}

impl Waiting {
    /// The next revision is there. Gives what is told of those before, and whether what had begun again was an old text.
    pub(super) fn next(
        &mut self,
        step: Option<Step>,
        now: &Playlist,
        earlier: &mut Earlier,
    ) -> (Vec<At>, bool) {
        let mut due = Vec::new();
        let (first, ends_at) = (now.first_number(), ends_at(now));
        let mut is_back = false;
        if let Some(doubt) = self.doubt.take() {
            is_back = matches!(step, Some(Step::Behind | Step::Restarted))
                && ends_at >= doubt.before.0.number;
            if is_back {
                earlier.go_back(doubt.before);
            }
            let told = if is_back { doubt.older } else { doubt.restart };
            due.extend(told.into_iter().map(|broken| (doubt.at, broken)));
        }
        let goes_on = first <= self.behind_ends_at && ends_at > self.behind_ends_at;
        match step {
            Some(Step::Behind) if self.behind.len() < MOST_WAITING => {}
            Some(Step::Restarted) if goes_on => self.behind.clear(),
            _ => due.append(&mut self.behind),
        }
        (due, is_back)
    }

    /// Keeps of what was found what the next revision decides. `earlier` does not have this text yet.
    pub(super) fn keep(
        &mut self,
        (step, at): (Option<Step>, Evidence),
        now: &Playlist,
        earlier: &Earlier,
        found: &mut Vec<Broken>,
    ) {
        if !found.iter().any(|broken| broken.rule == "T17") {
            return;
        }
        let mut take = |rule| found.extract_if(.., |broken| broken.rule == rule).collect();
        match step {
            Some(Step::Restarted) => {
                self.doubt = Some(Doubt {
                    at,
                    older: take("T17"),
                    restart: take("T01"),
                    before: (earlier.edge, earlier.began_us),
                });
            }
            Some(Step::Behind) => {
                let older: Vec<Broken> = take("T17");
                self.behind
                    .extend(older.into_iter().map(|broken| (at, broken)));
                self.behind_ends_at = ends_at(now);
            }
            _ => {}
        }
    }

    /// Nothing comes any more.
    pub(super) fn finish(&mut self) -> Vec<At> {
        let mut due = std::mem::take(&mut self.behind);
        if let Some(doubt) = self.doubt.take() {
            due.extend(doubt.restart.into_iter().map(|broken| (doubt.at, broken)));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of four segments of 2 s from a number on.
    fn text(first: u64) -> Playlist {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for number in first..first + 4 {
            text.push_str(&format!("#EXTINF:2,\n{number}.ts\n"));
        }
        Playlist::read(text.into())
    }

    /// What is told of texts (their rows are their numbers) that lie so, as moments and rules.
    fn told(texts: &[(u64, Step)]) -> Vec<(i64, &'static str)> {
        let (mut earlier, mut waiting) = (Earlier::default(), Waiting::default());
        let mut told = Vec::new();
        for (at_us, (number, step)) in (0..).zip(texts) {
            let (now, step, body) = (text(*number), Some(*step), number.cast_signed());
            let (due, is_back) = waiting.next(step, &now, &mut earlier);
            told.extend(due);
            let at = Evidence {
                at_us,
                exchange: None,
            };
            let is_restarted = step == Some(Step::Restarted);
            let mut found = Vec::new();
            if is_restarted && !is_back {
                found.push(Broken::new("T01", ""));
            }
            if earlier.is_old(body, step) || (is_restarted && !is_back && earlier.has(body)) {
                found.push(Broken::new("T17", ""));
            }
            waiting.keep((step, at), &now, &earlier, &mut found);
            told.extend(found.into_iter().map(|broken| (at, broken)));
            match step {
                Some(Step::Behind) if !is_back => earlier.take_behind(body, &now, &now),
                _ => earlier.take(body, &now, step),
            }
        }
        told.extend(waiting.finish());
        told.into_iter()
            .map(|(at, broken)| (at.at_us, broken.rule))
            .collect()
    }

    fn slid(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, Step)> {
        numbers.into_iter().map(|n| (n, Step::Slid)).collect()
    }

    #[test]
    fn a_sequence_that_begins_again_has_the_texts_of_before() {
        let again = [slid(0..9), vec![(0, Step::Restarted)], slid(1..20)].concat();
        assert_eq!(told(&again), [(9, "T01")]);
        // The recording ends there, or it begins again a second time.
        assert_eq!(told(&again[..10]), [(9, "T01")]);
        let twice = [&again[..13], &again[9..]].concat();
        assert_eq!(told(&twice), [(9, "T01"), (13, "T01")]);
        let some = [slid(0..9), vec![(0, Step::Restarted)], slid([3, 4])].concat();
        assert_eq!(told(&some), [(9, "T01")]);
    }

    #[test]
    fn an_old_text_that_the_newer_one_follows_is_no_beginning() {
        // Number 0 again is what a sequence that begins again looks like, too.
        let channel = slid(0..9);
        for step in [Step::Behind, Step::Restarted] {
            let flaps = [
                channel.clone(),
                vec![
                    (0, Step::Restarted),
                    (9, step),
                    (0, Step::Restarted),
                    (10, step),
                ],
            ];
            assert_eq!(told(&flaps.concat()), [(9, "T17"), (11, "T17")], "{step:?}");
        }
        let flaps = [channel, vec![(3, Step::Behind)], slid([9])].concat();
        assert_eq!(told(&flaps), [(9, "T17")]);
        // What was there before the beginning comes again.
        let begun = [slid(6..9), vec![(0, Step::Restarted)], slid([1, 2])].concat();
        let flaps = [begun, vec![(8, Step::Behind)], slid([3])].concat();
        assert_eq!(told(&flaps), [(3, "T01"), (6, "T17")]);
    }

    #[test]
    fn what_lay_behind_until_the_recorder_knew_better_is_the_beginning() {
        let mut late = slid(0..20);
        late.extend([5, 6, 7].map(|number| (number, Step::Behind)));
        late.push((8, Step::Restarted));
        late.extend(slid(9..30));
        assert_eq!(told(&late), [(23, "T01")]);
        // Another beginning does not go on from there.
        let other = [&late[..23], &[(1, Step::Restarted), (2, Step::Slid)]].concat();
        let older = [(20, "T17"), (21, "T17"), (22, "T17")];
        assert_eq!(told(&other)[..3], older);
    }

    #[test]
    fn the_age_of_a_text_is_the_time_between_the_ends() {
        let mut earlier = Earlier::default();
        for number in 0..21 {
            earlier.take(number, &text(number.cast_unsigned()), Some(Step::Slid));
        }
        let age = |earlier: &Earlier, number: i64| {
            let age = earlier.age(number, &text(number.cast_unsigned()));
            age.map(|age| (age.segments, age.us))
        };
        assert_eq!(age(&earlier, 0), Some((20, 40_000_000)));
        assert_eq!(age(&earlier, 20), Some((0, 0)));
        // Segments that no text listed.
        earlier.take(30, &text(30), Some(Step::Slid));
        assert_eq!(age(&earlier, 0), Some((30, 60_000_000)));
        earlier.take(100, &text(0), Some(Step::Restarted));
        assert_eq!(age(&earlier, 30), None);
    }
}
