//! X01 target-differs, X02 dseq-differs, X03 edge-skew, X07 pdt-map, and X08 as they change: what the renditions of a stream show at one time
//! (RFC 8216bis 6.2.4, B.1).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::control::{self, Control};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::registry::Severity;
use crate::session::seconds;

/// Renditions that are compared with each other.
const MOST_RENDITIONS: usize = 256;
/// Ends of a playlist that are remembered.
const MOST_ENDS: usize = 16;
/// Segments whose discontinuity numbers are compared.
const MOST_DATED: usize = 64;
/// Dates and moments are the same to so much, in microseconds.
const CLOSE_US: i64 = 50_000;

/// A revision of a rendition. Times in microseconds of Unix time.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Row of the playlist.
    pub id: i64,
    /// Its name.
    pub name: &'a str,
    /// The text.
    pub playlist: &'a Playlist,
    /// Its end is new.
    pub is_advance: bool,
    /// When it was seen.
    pub seen_us: i64,
    /// When it was known not to be there yet.
    pub not_before_us: Option<i64>,
}

/// What a rendition shows.
#[derive(Debug, Default)]
struct Shown {
    name: String,
    target_us: Option<i64>,
    has_dates: Option<bool>,
    control: Option<Control>,
    /// When it was seen, in microseconds of Unix time,
    seen_us: i64,
    /// and when it began to say of itself what it says; at its first text it had always said so.
    since_us: i64,
    /// The date at which its window ended, and when that was seen.
    ends: VecDeque<(i64, i64)>,
    /// Segments of its window: from which date until which, and the discontinuity number.
    dated: VecDeque<(i64, i64, u64)>,
}

/// The renditions of a stream.
#[derive(Debug, Default)]
pub struct Renditions {
    shown: BTreeMap<i64, Shown>,
    /// Pairs of which a rule has told that they differ, until one of them says something else.
    told: BTreeSet<(&'static str, i64, i64)>,
}

impl Renditions {
    /// What is wrong with a revision, beside what the other renditions show.
    pub fn take(&mut self, seen: &Seen<'_>, out: &mut Vec<Broken>) {
        if self.shown.len() >= MOST_RENDITIONS && !self.shown.contains_key(&seen.id) {
            return;
        }
        let mut now = Shown::new(seen);
        let before = self.shown.remove(&seen.id);
        if let Some(before) = &before {
            now.since_us = match now.says_what(before) {
                true => before.since_us,
                false => seen.seen_us,
            };
        }
        if before.is_some() && now.since_us == seen.seen_us {
            let is_of = |pair: &(_, i64, i64)| pair.1 == seen.id || pair.2 == seen.id;
            self.told.retain(|pair| !is_of(pair));
        }
        self.statements(seen.id, &now, out);
        let went_back = before
            .as_ref()
            .is_some_and(|before| now.ends_before(before));
        let others: Vec<&Shown> = self.shown.values().collect();
        if seen.is_advance {
            discontinuities(&now, &others, out);
            if !went_back {
                skew(seen, &now, &others, out);
            }
        }
        if let Some(before) = before {
            // Dates that were set back say nothing of those before.
            let mut ends = if went_back {
                VecDeque::new()
            } else {
                before.ends
            };
            ends.extend(now.ends.drain(..).filter(|_| seen.is_advance));
            while ends.len() > MOST_ENDS {
                ends.pop_front();
            }
            now.ends = ends;
        }
        self.shown.insert(seen.id, now);
    }

    /// What it says of itself, beside what others do: told once of two, however many texts say so.
    fn statements(&mut self, id: i64, now: &Shown, out: &mut Vec<Broken>) {
        let rules: [(&'static str, Compare); 3] =
            [("X01", targets), ("X07", dates), ("X08", controls)];
        for (rule, compare) in rules {
            let others = self
                .shown
                .iter()
                .filter(|(_, other)| now.is_comparable(other));
            let found = others.filter_map(|(other_id, other)| {
                let pair = (rule, id.min(*other_id), id.max(*other_id));
                Some((pair, compare(now, other)?))
            });
            let found: Vec<_> = found.collect();
            if let Some((_, broken)) = found.iter().find(|(pair, _)| !self.told.contains(pair)) {
                out.push(broken.clone());
            }
            self.told.extend(found.into_iter().map(|(pair, _)| pair));
        }
    }
}

/// What is wrong with a rendition beside another one.
type Compare = fn(&Shown, &Shown) -> Option<Broken>;

impl Shown {
    /// It says of itself what the text before said.
    fn says_what(&self, before: &Self) -> bool {
        let statements = |shown: &Self| (shown.target_us, shown.has_dates);
        statements(self) == statements(before) && self.control == before.control
    }

    /// Both were seen when the other one had said for a target duration what it says: renditions that change together are not
    /// polled together.
    fn is_comparable(&self, other: &Self) -> bool {
        let settled = |since_us: i64, target_us: Option<i64>, seen_us: i64| {
            let settled_us = since_us.saturating_add(target_us.unwrap_or(0));
            since_us == i64::MIN || seen_us >= settled_us
        };
        settled(self.since_us, self.target_us, other.seen_us)
            && settled(other.since_us, other.target_us, self.seen_us)
    }

    /// By its dates, its window ends before that of the text before.
    fn ends_before(&self, before: &Self) -> bool {
        let ends = self.ends.back().zip(before.ends.back());
        ends.is_some_and(|((end_us, _), (was_us, _))| end_us.saturating_add(CLOSE_US) < *was_us)
    }

    fn new(seen: &Seen<'_>) -> Self {
        let playlist = seen.playlist;
        let mut shown = Self {
            name: seen.name.to_owned(),
            target_us: playlist.target_us,
            has_dates: None,
            control: Control::of(playlist),
            seen_us: seen.seen_us,
            since_us: i64::MIN,
            ..Self::default()
        };
        if !playlist.segments.is_empty() {
            shown.has_dates = Some(
                playlist
                    .segments
                    .iter()
                    .any(|segment| segment.date_us.is_some()),
            );
        }
        let mut number = playlist.discontinuity_sequence.unwrap_or(0);
        let mut begins_us = None;
        for segment in &playlist.segments {
            number = number.wrapping_add(u64::from(segment.discontinuity));
            if segment.discontinuity {
                begins_us = None;
            }
            begins_us = segment.date_us.or(begins_us);
            let Some(from_us) = begins_us else { continue };
            let until_us = from_us.saturating_add(segment.duration_us);
            shown.dated.push_back((from_us, until_us, number));
            begins_us = Some(until_us);
        }
        while shown.dated.len() > MOST_DATED {
            shown.dated.pop_front();
        }
        if let (Some(end_us), false) = (begins_us, playlist.ended) {
            shown.ends.push_back((end_us, seen.seen_us));
        }
        shown
    }
}

fn targets(now: &Shown, other: &Shown) -> Option<Broken> {
    let (target_us, theirs_us) = (now.target_us?, other.target_us?);
    if target_us == theirs_us {
        return None;
    }
    let text = format!(
        "its target duration is {} s, that of {} is {} s",
        target_us / 1_000_000,
        other.name,
        theirs_us / 1_000_000
    );
    Some(Broken::new("X01", text))
}

fn controls(now: &Shown, other: &Shown) -> Option<Broken> {
    control::judge(
        now.control.as_ref()?,
        (&other.name, other.control.as_ref()?),
    )
}

fn dates(now: &Shown, other: &Shown) -> Option<Broken> {
    let (with, without) = match (now.has_dates?, other.has_dates?) {
        (true, false) => (&now.name, &other.name),
        (false, true) => (&other.name, &now.name),
        _ => return None,
    };
    let text = format!("{with} has EXT-X-PROGRAM-DATE-TIME, {without} has none");
    Some(Broken::new("X07", text))
}

/// The last two segments, by the middle of each: what lies near an edge is not compared.
fn discontinuities(now: &Shown, others: &[&Shown], out: &mut Vec<Broken>) {
    for other in others {
        let differs = |segment: &&(i64, i64, u64)| {
            let (from_us, until_us, number) = **segment;
            let middle_us = from_us.saturating_add(until_us.saturating_sub(from_us) / 2);
            let same = other.dated.iter().find(|(from_us, until_us, _)| {
                (from_us.saturating_add(CLOSE_US)..until_us.saturating_sub(CLOSE_US))
                    .contains(&middle_us)
            });
            same.is_some_and(|(_, _, theirs)| *theirs != number)
        };
        let last = now.dated.iter().rev().skip(1).take(2);
        if last.clone().count() == 2 && last.clone().all(|segment| differs(&segment)) {
            let number = now.dated.back().map_or(0, |(_, _, number)| *number);
            let text = format!(
                "at one date its discontinuity number is {number}, that of {} is another",
                other.name
            );
            out.push(Broken::new("X02", text));
            return;
        }
    }
}

fn skew(seen: &Seen<'_>, now: &Shown, others: &[&Shown], out: &mut Vec<Broken>) {
    let (Some((end_us, _)), Some(not_before_us)) = (now.ends.back(), seen.not_before_us) else {
        return;
    };
    let playlist = seen.playlist;
    let is_low_latency = playlist.part_target_us.is_some();
    let allowed_us = playlist
        .part_target_us
        .or(playlist.target_us.map(|us| us / 2));
    let Some(allowed_us) = allowed_us else { return };
    for other in others {
        let reached = other
            .ends
            .iter()
            .find(|(theirs_us, _)| *theirs_us >= end_us.saturating_sub(CLOSE_US));
        let Some((theirs_us, reached_us)) = reached else {
            continue;
        };
        let late_us = not_before_us.saturating_sub(*reached_us);
        // What was further ahead than time has passed since has other dates.
        let is_ahead = theirs_us.saturating_sub(*end_us) > late_us;
        if late_us > allowed_us && !is_ahead {
            let text = format!(
                "it came {:.1} s after {} had come to the same date",
                seconds(late_us),
                other.name
            );
            let broken = Broken::new("X03", text);
            out.push(match is_low_latency {
                true => broken.severity(Severity::Must),
                false => broken,
            });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(first: u64, target: u32, second: u32, extra: &str) -> String {
        let mut text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n{extra}"
        );
        text.push_str(&format!(
            "#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:{second:02}Z\n"
        ));
        for number in 0..4 {
            text.push_str(&format!("#EXTINF:2,\ns{number}.ts\n"));
        }
        text
    }

    /// Ids that revisions of playlists 1, 2, ... give, seen at these seconds.
    fn found(revisions: &[(i64, String, i64)]) -> Vec<&'static str> {
        let mut renditions = Renditions::default();
        let mut out = Vec::new();
        for (id, text, second) in revisions {
            let playlist = Playlist::read(text.clone().into());
            let seen = Seen {
                id: *id,
                name: "list.m3u8",
                playlist: &playlist,
                is_advance: true,
                seen_us: second * 1_000_000,
                not_before_us: Some(second * 1_000_000 - 100_000),
            };
            renditions.take(&seen, &mut out);
        }
        out.iter().map(|broken| broken.rule).collect()
    }

    #[test]
    fn renditions_with_other_numbers_are_alike() {
        assert_eq!(
            found(&[(1, text(5, 2, 10, ""), 1), (2, text(900, 2, 10, ""), 1)]),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn target_durations_are_the_same() {
        assert_eq!(
            found(&[(1, text(5, 2, 10, ""), 1), (2, text(5, 3, 10, ""), 1)]),
            ["X01"]
        );
    }

    #[test]
    fn renditions_that_change_together_are_not_polled_together() {
        let one = |target, second: u32| text(u64::from(second), target, second, "");
        let together = [
            (1, one(2, 10), 1),
            (2, one(2, 10), 2),
            (1, one(3, 12), 3),
            (2, one(2, 12), 4),
            (1, one(3, 14), 5),
            (2, one(3, 14), 6),
        ];
        assert_eq!(found(&together), Vec::<&str>::new());
        let mut alone = together.to_vec();
        alone[5].1 = one(2, 14);
        alone.push((1, one(3, 16), 7));
        alone.push((2, one(2, 16), 8));
        assert_eq!(
            found(&alone),
            ["X01"],
            "one of them never does, and it is told once"
        );
    }

    #[test]
    fn dates_that_are_set_back_say_nothing_of_who_was_first() {
        let back = [
            (1, text(5, 2, 50, ""), 1),
            (2, text(5, 2, 50, ""), 1),
            (1, text(6, 2, 52, ""), 3),
            (2, text(6, 2, 52, ""), 3),
            (1, text(7, 2, 10, ""), 5),
            (1, text(8, 2, 12, ""), 7),
            (2, text(7, 2, 10, ""), 7),
            (2, text(8, 2, 12, ""), 7),
        ];
        let mut rules = found(&back);
        rules.retain(|rule| *rule == "X03");
        assert_eq!(rules, Vec::<&str>::new());
    }

    #[test]
    fn servers_promise_the_same_of_all() {
        let waits = "#EXT-X-SERVER-CONTROL:HOLD-BACK=6\n";
        let one = |extra| text(5, 2, 10, extra);
        assert_eq!(
            found(&[
                (1, one(waits), 1),
                (2, one("#EXT-X-SERVER-CONTROL:HOLD-BACK=7\n"), 1),
                (2, one(waits), 2)
            ]),
            ["X08"]
        );
    }

    #[test]
    fn dates_are_in_all_or_in_none() {
        let undated =
            text(5, 2, 10, "").replace("#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:10Z\n", "");
        assert_eq!(
            found(&[(1, text(5, 2, 10, ""), 1), (2, undated, 1)]),
            ["X07"]
        );
    }

    #[test]
    fn discontinuity_numbers_agree_at_one_date() {
        let other = text(5, 2, 10, "#EXT-X-DISCONTINUITY-SEQUENCE:3\n");
        assert_eq!(found(&[(1, text(5, 2, 10, ""), 1), (2, other, 1)]), ["X02"]);
    }

    #[test]
    fn renditions_advance_together() {
        let together = [
            (1, text(5, 2, 10, ""), 1),
            (2, text(5, 2, 10, ""), 1),
            (1, text(6, 2, 12, ""), 3),
            (2, text(6, 2, 12, ""), 3),
        ];
        assert_eq!(found(&together), Vec::<&str>::new());
        let mut late = together;
        late[3].2 = 6;
        assert_eq!(found(&late), ["X03"]);
    }
}
