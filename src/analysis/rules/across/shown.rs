//! What the renditions of a stream show at one time: X03 edge-skew, L06 reports, and X01, X02, X06, X07, X08 as texts change (RFC 8216bis 6.2.4, B.1).

use std::collections::{BTreeMap, VecDeque};

use super::control::{self, Control};
use super::date_ranges::{Ranges, Role};
use super::disputes::{Disputes, Told};
use super::numbers::{Compared, Numbers};
use super::reports::{self, Other, Reported};
use super::statements::Differs;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::registry::Severity;
use crate::session::{ExchangeId, seconds};
use url::Url;

/// Renditions that are compared with each other.
const MOST_RENDITIONS: usize = 256;
/// Ends of a playlist that are remembered.
const MOST_ENDS: usize = 16;
/// A playlist without a new text for so many target durations of its own is in an outage, or has left.
const MOST_TARGETS: i64 = 3;
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
    /// The exchange that brought it.
    pub exchange: Option<ExchangeId>,
    /// When it was known not to be there yet.
    pub not_before_us: Option<i64>,
    /// Findings of that moment are wanted.
    pub is_wanted: bool,
    /// What it is in its multivariant playlist.
    pub role: Role,
    /// The URL under which its playlist is asked for.
    pub asked: &'a str,
    /// The URL that answered.
    pub url: &'a Url,
}

impl Seen<'_> {
    fn at(&self) -> Evidence {
        Evidence {
            at_us: self.seen_us,
            exchange: self.exchange,
        }
    }
}

/// What a rendition shows.
#[derive(Debug)]
struct Shown {
    name: String,
    target_us: Option<i64>,
    has_dates: Option<bool>,
    control: Option<Control>,
    /// The text that shows it.
    at: Evidence,
    /// When its first text was seen, in microseconds of Unix time.
    first_us: i64,
    /// No other text is to come.
    is_over: bool,
    /// When it began to say of itself what it says, in microseconds of Unix time; `None`: at its first text it had always said so.
    since_us: Option<i64>,
    /// The date at which its window ended, and when that was seen.
    ends: VecDeque<(i64, i64)>,
    numbers: Numbers,
    ranges: Ranges,
    role: Role,
    reported: Reported,
}

/// The renditions of a stream.
#[derive(Debug, Default)]
pub struct Renditions {
    shown: BTreeMap<i64, Shown>,
    disputes: Disputes<Differs>,
}

impl Renditions {
    /// What is wrong with a revision, beside what the other renditions show.
    pub fn take(&mut self, seen: &Seen<'_>, out: &mut Vec<Broken>) {
        let mut now = Shown::new(seen);
        if !self.has_room(seen.id, &now) {
            return;
        }
        self.disputes.name(seen.id, seen.name);
        let mut before = self.shown.remove(&seen.id);
        if let Some(before) = &before {
            now.first_us = before.first_us;
        }
        self.reports(seen, &mut now, before.as_mut(), out);
        let ranges_before = before.as_ref().map(|before| &before.ranges);
        now.ranges = Ranges::of(seen.playlist, ranges_before, seen.seen_us);
        if let Some(before) = &before {
            now.since_us = match now.says_what(before) {
                true => before.since_us,
                false => Some(seen.seen_us),
            };
            now.numbers.follow(&before.numbers, now.at);
        }
        if before.is_some() && now.since_us == Some(seen.seen_us) {
            self.disputes
                .close(|rule, ids| !matches!(rule, "X02" | "X06") && ids.contains(&seen.id));
        }
        self.statements(seen, &now);
        self.ranges(seen, &now);
        let went_back = before
            .as_ref()
            .is_some_and(|before| now.ends_before(before));
        if seen.is_advance {
            self.numbers(seen, &now);
            if !went_back {
                let others: Vec<&Shown> = self.beside(&now).map(|(_, other)| other).collect();
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

    /// One that is not there any more makes room for another one.
    fn has_room(&mut self, id: i64, now: &Shown) -> bool {
        if self.shown.len() < MOST_RENDITIONS || self.shown.contains_key(&id) {
            return true;
        }
        let oldest = self.shown.iter().min_by_key(|(_, one)| one.at.at_us);
        let left = oldest.filter(|(_, one)| !one.is_beside(now));
        let left = left.map(|(id, _)| *id);
        left.is_some_and(|id| self.shown.remove(&id).is_some())
    }

    /// X01, X02, X06, X07 and X08 of all that was taken in; and how many were too many.
    pub fn finish(self) -> (Vec<Told>, u64) {
        let left_out = self.disputes.left_out();
        (self.disputes.finish(), left_out)
    }

    /// The playlists, by row, with whose last texts a text is compared. No rule here compares with others.
    fn beside<'a>(&'a self, now: &'a Shown) -> impl Iterator<Item = (i64, &'a Shown)> {
        let others = self.shown.iter().map(|(id, other)| (*id, other));
        others.filter(|(_, other)| other.is_beside(now))
    }

    /// What it says of itself, beside what others do: told once of two, however many texts say so.
    fn statements(&mut self, seen: &Seen<'_>, now: &Shown) {
        if !seen.is_wanted {
            return;
        }
        let mut found = Vec::new();
        for (id, other) in self.beside(now) {
            if !now.is_settled_beside(other, now.since_us, other.since_us) {
                continue;
            }
            let ([first, second], ids) = match seen.id < id {
                true => ([now, other], [seen.id, id]),
                false => ([other, now], [id, seen.id]),
            };
            let differ = [
                targets(first, second),
                dates(first, second),
                controls(first, second),
            ];
            found.extend(differ.into_iter().flatten().map(|differs| (ids, differs)));
        }
        for (ids, differs) in found {
            self.disputes.differ(ids, differs, now.at, false);
        }
    }

    /// L06.
    fn reports(
        &self,
        seen: &Seen<'_>,
        now: &mut Shown,
        before: Option<&mut Shown>,
        out: &mut Vec<Broken>,
    ) {
        let from = reports::From {
            playlist: seen.playlist,
            asked: seen.asked,
            url: seen.url,
            seen_us: seen.seen_us,
            end_us: now.numbers.end_us,
        };
        now.reported = Reported::of(&from, before.map(|before| &mut before.reported));
        let others = self.shown.iter().map(|(id, other)| Other {
            id: *id,
            name: &other.name,
            reported: &other.reported,
            seen_us: other.at.at_us,
            is_beside: other.is_beside(now),
        });
        let others: Vec<Other<'_>> = others.collect();
        let own = &mut now.reported;
        reports::judge((&from, own), seen.not_before_us, &others, out);
    }

    /// Date ranges, each told once of two, however many texts have it.
    fn ranges(&mut self, seen: &Seen<'_>, now: &Shown) {
        if !seen.is_wanted {
            return;
        }
        let mut found = Vec::new();
        for (id, other) in self.beside(now) {
            let differs = now.ranges.compared(&other.ranges, [now.role, other.role]);
            found.extend(differs.into_iter().map(|differs| match seen.id < id {
                true => ([seen.id, id], differs),
                false => ([id, seen.id], differs.turned()),
            }));
        }
        for (ids, differs) in found {
            let differs = Differs::Ranges(differs);
            self.disputes.differ(ids, differs, now.at, false);
        }
    }

    /// Discontinuity numbers, where both have had the chance to count alike.
    fn numbers(&mut self, seen: &Seen<'_>, now: &Shown) {
        let mut found = Vec::new();
        for (id, other) in self.beside(now) {
            let since = (now.numbers.since_us, other.numbers.since_us);
            if !now.is_settled_beside(other, since.0, since.1) {
                continue;
            }
            let (ids, side) = match seen.id < id {
                true => ([seen.id, id], 0),
                false => ([id, seen.id], 1),
            };
            found.push((ids, now.numbers.compared(&other.numbers, side, now.at)));
        }
        for (ids, compared) in found {
            match compared {
                Compared::Unlike(differs, since) if seen.is_wanted => {
                    let differs = Differs::Numbers(differs);
                    self.disputes.differ(ids, differs, since, false);
                }
                Compared::Alike => self
                    .disputes
                    .close(|rule, open| rule == "X02" && open == ids),
                Compared::Unlike(..) | Compared::Unknown => {}
            }
        }
    }
}

impl Shown {
    /// Whether its last text is compared with one of another playlist that is seen now: it is what it says at that time, too. One that is
    /// in an outage, that left, or that the other one came in place of, says nothing of now.
    fn is_beside(&self, now: &Self) -> bool {
        let target_us = self.target_us.or(now.target_us).unwrap_or(0);
        let until_us = self
            .at
            .at_us
            .saturating_add(target_us.saturating_mul(MOST_TARGETS));
        let were_together = self.at.at_us >= now.first_us || (self.is_over && now.is_over);
        now.at.at_us <= until_us && were_together
    }

    /// It says of itself what the text before said.
    fn says_what(&self, before: &Self) -> bool {
        let statements = |shown: &Self| (shown.target_us, shown.has_dates);
        statements(self) == statements(before) && self.control == before.control
    }

    /// Both were seen when the other one had said for a target duration what it says: renditions that change together are not
    /// polled together. `since_us`: when this one began to say it, and when the other one did.
    fn is_settled_beside(
        &self,
        other: &Self,
        since_us: Option<i64>,
        theirs_us: Option<i64>,
    ) -> bool {
        let settled = |since_us: Option<i64>, target_us: Option<i64>, seen_us: i64| {
            since_us.is_none_or(|us| seen_us >= us.saturating_add(target_us.unwrap_or(0)))
        };
        settled(since_us, self.target_us, other.at.at_us)
            && settled(theirs_us, other.target_us, self.at.at_us)
    }

    /// By its dates, its window ends before that of the text before.
    fn ends_before(&self, before: &Self) -> bool {
        let ends = self.ends.back().zip(before.ends.back());
        ends.is_some_and(|((end_us, _), (was_us, _))| end_us.saturating_add(CLOSE_US) < *was_us)
    }

    fn new(seen: &Seen<'_>) -> Self {
        let playlist = seen.playlist;
        let segments = &playlist.segments;
        let has_dates = segments.iter().any(|segment| segment.date_us.is_some());
        let numbers = Numbers::of(playlist, seen.at());
        let end_us = numbers.end_us.filter(|_| !playlist.ended);
        Self {
            name: seen.name.to_owned(),
            target_us: playlist.target_us,
            has_dates: (!segments.is_empty()).then_some(has_dates),
            control: Control::of(playlist),
            at: seen.at(),
            first_us: seen.seen_us,
            is_over: !playlist.is_live(),
            since_us: None,
            ends: end_us
                .map(|end_us| (end_us, seen.seen_us))
                .into_iter()
                .collect(),
            numbers,
            ranges: Ranges::default(),
            role: seen.role,
            reported: Reported::default(),
        }
    }
}

fn targets(first: &Shown, second: &Shown) -> Option<Differs> {
    let targets = [first.target_us?, second.target_us?];
    (first.target_us != second.target_us).then_some(Differs::Targets(targets))
}

fn dates(first: &Shown, second: &Shown) -> Option<Differs> {
    let dates = [first.has_dates?, second.has_dates?];
    (first.has_dates != second.has_dates).then_some(Differs::Dates(dates))
}

fn controls(first: &Shown, second: &Shown) -> Option<Differs> {
    let differs = control::judge(first.control.as_ref()?, second.control.as_ref()?);
    differs.map(Differs::Control)
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

    /// Ids and sentences that revisions of playlists 1, 2, ... give, seen at these seconds.
    fn broken(revisions: &[(i64, String, i64)]) -> Vec<(&'static str, String, i64)> {
        let mut renditions = Renditions::default();
        let mut out = Vec::new();
        for (id, text, second) in revisions {
            let playlist = Playlist::read(text.clone().into());
            let name = ["high", "low", "audio"][usize::try_from(*id).unwrap() - 1];
            let url = format!("http://localhost/{name}.m3u8");
            let seen = Seen {
                id: *id,
                name,
                playlist: &playlist,
                is_advance: true,
                seen_us: second * 1_000_000,
                exchange: None,
                not_before_us: Some(second * 1_000_000 - 100_000),
                is_wanted: true,
                role: Role::default(),
                asked: &url,
                url: &Url::parse(&url).unwrap(),
            };
            renditions.take(&seen, &mut out);
        }
        let skewed = out.into_iter().map(|broken| (broken.rule, broken.text, 0));
        let told = renditions.finish().0.into_iter().map(|told| {
            let second = told.seen.first.at_us / 1_000_000;
            (told.broken.rule, told.broken.text, second)
        });
        skewed.chain(told).collect()
    }

    fn found(revisions: &[(i64, String, i64)]) -> Vec<&'static str> {
        broken(revisions).iter().map(|(rule, ..)| *rule).collect()
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

    /// A text each 2 s between two seconds, of a playlist of segments of 2 s.
    fn each(id: i64, from: i64, until: i64, extra: &str) -> Vec<(i64, String, i64)> {
        let seconds = (from..until).step_by(2);
        let one = |second: i64| {
            let at = u32::try_from(second).unwrap();
            (id, text(u64::from(at) / 2, 2, at, extra), second)
        };
        seconds.map(one).collect()
    }

    #[test]
    fn playlists_that_left_make_room_for_those_that_came() {
        let mut renditions = Renditions::default();
        let playlist = |target| Playlist::read(text(5, target, 10, "").into());
        let mut take = |id: i64, target: u32, second: i64| {
            let (playlist, url) = (playlist(target), format!("http://localhost/{id}.m3u8"));
            let seen = Seen {
                id,
                name: &id.to_string(),
                playlist: &playlist,
                is_advance: true,
                seen_us: second * 1_000_000,
                exchange: None,
                not_before_us: None,
                is_wanted: true,
                role: Role::default(),
                asked: &url,
                url: &Url::parse(&url).unwrap(),
            };
            renditions.take(&seen, &mut Vec::new());
        };
        // An origin that gives its two playlists other names each minute.
        for n in 0..200 {
            take(n * 2, 2, n * 60);
            take(n * 2 + 1, 2, n * 60);
        }
        take(1000, 2, 20_000);
        take(1001, 3, 20_000);
        let told = renditions.finish().0;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].id, told[0].broken.rule), (1001, "X01"));
    }

    fn in_order(mut revisions: Vec<(i64, String, i64)>) -> Vec<(i64, String, i64)> {
        revisions.sort_by_key(|(id, _, second)| (*second, *id));
        revisions
    }

    #[test]
    fn a_playlist_that_left_is_reported_no_more() {
        let low_latency = |reports: &[&str]| {
            let reports = reports
                .iter()
                .map(|name| format!("#EXT-X-RENDITION-REPORT:URI=\"{name}.m3u8\",LAST-MSN=900\n"));
            "#EXT-X-PART-INF:PART-TARGET=0.5\n".to_owned() + &reports.collect::<String>()
        };
        let all = |low_until: i64, names: &[&str]| {
            let extra = low_latency(names);
            let high = each(1, 10, 30, &low_latency(&["low", "audio"]));
            let revisions = [
                high,
                each(1, 30, 50, &extra),
                each(3, 10, 50, &low_latency(&["high", "low"])),
                each(2, 10, low_until, &low_latency(&["high", "audio"])),
            ];
            let mut rules = found(&in_order(revisions.concat()));
            rules.dedup();
            rules
        };
        assert_eq!(all(50, &["audio"]), ["L06"], "low is still there");
        assert_eq!(
            all(22, &["audio"]),
            Vec::<&str>::new(),
            "low is there no more"
        );
        assert_eq!(
            all(22, &["low"]),
            ["L06"],
            "audio is, and the report of low hides nothing"
        );
        // The first text without it comes before anybody knows that it left.
        assert_eq!(
            all(30, &["audio"]),
            Vec::<&str>::new(),
            "it left with its report"
        );
    }

    #[test]
    fn what_a_playlist_in_an_outage_listed_last_is_compared_with_nothing() {
        let range = |id: &str| {
            format!("#EXT-X-DATERANGE:ID=\"{id}\",START-DATE=\"2026-11-29T10:00:55Z\"\n")
        };
        let (ad, other) = (range("ad"), range("other"));
        let both = ad.clone() + &other;
        // The ad is cancelled 2 s after the last text of the first one; another one is new so many seconds later.
        for later in [2, 4, 6, 8, 20] {
            let new = 16 + later;
            let revisions = [
                each(1, 10, 14, &both),
                each(2, 10, 16, &both),
                each(2, 16, new, &other),
                each(2, new, 50, &(other.clone() + &range("new"))),
            ];
            let told = broken(&in_order(revisions.concat()));
            assert_eq!(told, [], "{later}");
        }
        // When it is back it has to have what the other one has.
        let back = [
            each(1, 10, 14, &both),
            each(1, 40, 50, &both),
            each(2, 10, 16, &both),
            each(2, 16, 50, &other),
        ];
        let told = broken(&in_order(back.concat()));
        assert_eq!(told[0].0, "X06", "{told:?}");
        assert_eq!(told[0].2, 40, "{told:?}");
    }

    #[test]
    fn a_ladder_that_took_the_place_of_another_one_says_its_own_of_itself() {
        for begins in [20, 30] {
            let mut revisions = each(1, 10, 20, "");
            let wide = (begins..begins + 10).step_by(3).map(|second: u32| {
                let text = text(9, 3, second, "#EXT-X-SERVER-CONTROL:HOLD-BACK=9\n");
                (2, text.replace("EXTINF:2", "EXTINF:3"), i64::from(second))
            });
            revisions.extend(wide);
            assert_eq!(broken(&revisions), [], "{begins}");
        }
    }

    #[test]
    fn of_three_the_odd_one_is_told() {
        let odd = broken(&[
            (3, text(5, 4, 10, ""), 1),
            (2, text(5, 3, 10, ""), 1),
            (1, text(5, 4, 10, ""), 1),
        ]);
        let texts: Vec<&str> = odd.iter().map(|(_, text, _)| text.as_str()).collect();
        assert_eq!(texts, ["low has a target duration of 3 s, all others 4 s"]);
    }

    /// A window of six that ends with segment `last`; the tag stands before segment 8 where it has one, and its first segments
    /// have a number.
    fn tagged(last: u64, has_tag: bool, number: u64) -> String {
        let first = last - 5;
        let mut text = text(first, 2, u32::try_from(first * 2).unwrap(), "");
        text = text[..text.find("#EXTINF").unwrap()].to_owned();
        if number > 0 {
            let tag = format!("#EXT-X-DISCONTINUITY-SEQUENCE:{number}\n#EXT-X-PROGRAM");
            text = text.replacen("#EXT-X-PROGRAM", &tag, 1);
        }
        for segment in first..=last {
            if has_tag && segment == 8 {
                text.push_str(&format!(
                    "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:{:02}Z\n",
                    segment * 2
                ));
            }
            text.push_str(&format!("#EXTINF:2,\ns{segment}.ts\n"));
        }
        text
    }

    #[test]
    fn a_tag_that_one_alone_has_is_told_since_when_and_where() {
        let both = |last: u64| {
            let at = i64::try_from(last * 2).unwrap();
            [
                (1, tagged(last, false, 0), at),
                (2, tagged(last, true, 0), at),
            ]
        };
        let revisions: Vec<_> = (6..13).flat_map(both).collect();
        let told = broken(&revisions);
        let text = "at 10:00:16Z low has discontinuity number 1, high has 0: low has an EXT-X-DISCONTINUITY before \
            segment 8 that high has not";
        assert_eq!(told, [("X02", text.to_owned(), 16)]);
    }

    #[test]
    fn a_count_that_both_get_wrong_one_after_the_other_is_no_difference() {
        // Both lose the tag with segment 8, and count nothing.
        let both = |last: u64| {
            let at = i64::try_from(last * 2).unwrap();
            [
                (1, tagged(last, true, 0), at),
                (2, tagged(last, true, 0), at + 1),
            ]
        };
        let revisions: Vec<_> = (8..20).flat_map(both).collect();
        assert_eq!(found(&revisions), Vec::<&str>::new());
        // One of them alone counts.
        let one = |last: u64| {
            let [mut high, low] = both(last);
            high.1 = tagged(last, true, u64::from(last > 13));
            [high, low]
        };
        let revisions: Vec<_> = (8..20).flat_map(one).collect();
        assert_eq!(found(&revisions), ["X02"]);
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
