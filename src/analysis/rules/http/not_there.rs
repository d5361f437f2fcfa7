//! H01 listed-not-there: what was listed or announced, and was not there, or never came whole (RFC 8216bis 6.2.1).
//!
//! What became of a thing is known at the end of a session only: what fails may come later. So all that a playlist listed of a
//! kind is one finding.

use std::collections::{BTreeMap, HashMap};

use super::answer::Answered;
use crate::analysis::finding::{Evidence, Sightings};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::hls::ByteRange;
use crate::session::{ENDED_EARLY, Kind, Outcome, SeenExchange, fault_words, seconds};
use crate::shown::counted;

/// Things that are told apart.
const MOST: usize = 100_000;
/// Ways to fail that are told apart, of a playlist and a kind of thing.
const MOST_WAYS: usize = 16;

/// Numbers that are told one by one.
const MOST_NUMBERS: usize = 6;

/// What is known of a thing by its URL and range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needed {
    /// The media sequence number, of a segment.
    pub number: Option<u64>,
    /// How many segments need it, of a key or a map, and of how many playlists they are.
    pub by: Option<(u64, usize)>,
}

/// What was listed and failed.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// By playlist and kind.
    groups: BTreeMap<(i64, &'static str), Group>,
    /// What has failed and has not come since, by its row: of which group, and its index there.
    open: HashMap<i64, ((i64, &'static str), usize)>,
    things: usize,
    latest_us: i64,
}

/// What a playlist listed of a kind, and failed.
#[derive(Debug)]
struct Group {
    kind: Kind,
    stream_id: i64,
    target_us: i64,
    seen: Sightings,
    /// A status says that it is not there.
    is_refused: bool,
    things: Vec<Thing>,
    /// How it failed, and how often.
    ways: Vec<(String, u64)>,
    status: Option<u16>,
}

#[derive(Debug)]
struct Thing {
    url: String,
    range: Option<ByteRange>,
    first_us: i64,
    last_us: i64,
    requests: u64,
    /// When it came.
    came_us: Option<i64>,
}

/// What is told of a playlist.
pub struct NotThere {
    /// Row of the playlist.
    pub playlist: i64,
    /// Row of its stream.
    pub stream_id: i64,
    /// What.
    pub broken: Broken,
    /// When.
    pub seen: Sightings,
}

impl Missed {
    /// `is_wanted`: it is in the span that is told of.
    pub(super) fn take(&mut self, answered: &Answered<'_>, is_wanted: bool) {
        let exchange = answered.exchange;
        self.latest_us = self.latest_us.max(ends_us(exchange));
        let is_listed = matches!(
            exchange.kind,
            Kind::Segment | Kind::Init | Kind::Part | Kind::Key
        );
        let Some((playlist, target_us)) = exchange.listed_by.filter(|_| is_listed) else {
            return;
        };
        let asked_for = exchange.head_resource_id.unwrap_or(exchange.resource_id);
        if answered.is_good() {
            if let Some(thing) = self.close(asked_for) {
                thing.came_us = Some(ends_us(exchange));
            }
            return;
        }
        if !is_wanted || !(is_refused(exchange) || is_broken_off(answered)) {
            return;
        }
        let key = (playlist, exchange.kind.as_str());
        let at = Evidence {
            at_us: exchange.requested_us,
            exchange: Some(exchange.id),
        };
        let group = self
            .groups
            .entry(key)
            .or_insert_with(|| Group::new(exchange, at));
        if group.ways.is_empty() {
            group.target_us = target_us.unwrap_or(0);
        } else {
            group.seen.again(at);
        }
        group.fails(exchange);
        let (key, index) = match self.open.get(&asked_for) {
            Some(known) => *known,
            None if self.things >= MOST => return,
            None => {
                self.things += 1;
                group.things.push(Thing::new(exchange));
                let place = (key, group.things.len() - 1);
                self.open.insert(asked_for, place);
                place
            }
        };
        if let Some(thing) = thing(&mut self.groups, key, index) {
            thing.requests += 1;
            thing.last_us = exchange.requested_us;
        }
    }

    fn close(&mut self, asked_for: i64) -> Option<&mut Thing> {
        let (key, index) = self.open.remove(&asked_for)?;
        thing(&mut self.groups, key, index)
    }

    /// What became of it all. `needed`: what is known of a URL and a range.
    pub(super) fn finish(
        self,
        needed: impl Fn(&str, Option<ByteRange>) -> Needed,
    ) -> Vec<NotThere> {
        let latest_us = self.latest_us;
        let groups = self.groups.into_iter();
        let told = groups.map(|((playlist, _), group)| NotThere {
            playlist,
            stream_id: group.stream_id,
            broken: group.told(latest_us, &needed),
            seen: group.seen,
        });
        told.collect()
    }
}

fn thing<'a>(
    groups: &'a mut BTreeMap<(i64, &'static str), Group>,
    key: (i64, &'static str),
    index: usize,
) -> Option<&'a mut Thing> {
    groups.get_mut(&key)?.things.get_mut(index)
}

/// It is not there. 503 asks for patience: that is no answer for what was asked. What was announced may be taken back, and
/// nobody waits for it then (RFC 8216bis 6.2.6).
fn is_refused(exchange: &SeenExchange) -> bool {
    exchange.outcome != Outcome::Aborted
        && matches!(exchange.status, Some(404 | 410 | 500..=502 | 504..=599))
}

/// Its answer began and broke off, and not because the recorder stood still.
fn is_broken_off(answered: &Answered<'_>) -> bool {
    let exchange = answered.exchange;
    let is_broken = matches!(
        exchange.outcome,
        Outcome::Short | Outcome::Reset | Outcome::BodyTimeout | Outcome::Protocol
    );
    is_broken && matches!(exchange.status, Some(200 | 206)) && !answered.stood_still
}

fn ends_us(exchange: &SeenExchange) -> i64 {
    let wait_us = exchange.wait_us.unwrap_or(0);
    let took_us = wait_us.saturating_add(exchange.receive_us.unwrap_or(0));
    exchange.requested_us.saturating_add(took_us)
}

impl Thing {
    fn new(exchange: &SeenExchange) -> Self {
        Self {
            url: exchange.url.clone(),
            range: exchange.range,
            first_us: exchange.requested_us,
            last_us: exchange.requested_us,
            requests: 0,
            came_us: None,
        }
    }

    fn came_after_us(&self) -> Option<i64> {
        self.came_us.map(|us| us.saturating_sub(self.first_us))
    }
}

impl Group {
    fn new(exchange: &SeenExchange, at: Evidence) -> Self {
        Self {
            kind: exchange.kind,
            stream_id: exchange.stream_id,
            target_us: 0,
            seen: Sightings::once(at),
            is_refused: false,
            things: Vec::new(),
            ways: Vec::new(),
            status: None,
        }
    }

    fn fails(&mut self, exchange: &SeenExchange) {
        let is_refused = is_refused(exchange);
        self.is_refused |= is_refused;
        let way = match exchange.status {
            Some(status) if is_refused => status.to_string(),
            _ => fault_words(exchange.status, exchange.outcome, exchange.error.as_deref()),
        };
        self.status = self.status.or(exchange.status);
        let are_all = self.ways.len() >= MOST_WAYS;
        match self.ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, count)) => *count += 1,
            None if !are_all => self.ways.push((way, 1)),
            None => {}
        }
    }

    /// Not asked for until the end of the recording: what never came, as far as can be said.
    fn was_given_up(&self, thing: &Thing, latest_us: i64) -> bool {
        let patience_us = self.target_us.saturating_mul(2).max(2_000_000);
        thing.came_us.is_none() && latest_us.saturating_sub(thing.last_us) > patience_us
    }

    fn told(&self, latest_us: i64, needed: &impl Fn(&str, Option<ByteRange>) -> Needed) -> Broken {
        let never = |thing: &&Thing| self.was_given_up(thing, latest_us);
        let never_came = self.things.iter().filter(never).count();
        let text = match &*self.things {
            [one] => self.one(one, never_came > 0, needed(&one.url, one.range)),
            _ => self.several(never_came, needed),
        };
        let severity = match never_came > 0 || self.is_refused {
            true => Severity::Must,
            false => Severity::Should,
        };
        let longest_us = self.things.iter().filter_map(Thing::came_after_us).max();
        let broken = Broken::new("H01", text)
            .kind(self.kind.as_str())
            .severity(severity)
            .with("status", self.status)
            .with("things", self.things.len())
            .with("never_came", never_came);
        broken.with("came_after_seconds", longest_us.map(seconds))
    }

    fn one(&self, thing: &Thing, never_came: bool, needed: Needed) -> String {
        let what = match needed.number {
            Some(number) => format!("{} {number}", self.kind.noun(false)),
            None => self.kind.one(),
        };
        let whole = if self.is_refused { "" } else { " whole" };
        let fate = match thing.came_after_us() {
            Some(us) => format!(
                "came{whole} {:.1} s after it was asked for first",
                seconds(us)
            ),
            None if never_came => format!("never came{whole}"),
            None => format!("had not come{whole} when the recording ended"),
        };
        let need = by(needed);
        format!("{what} {fate}{need}: {} ({})", self.how(), thing.url)
    }

    /// `404 was answered to 14 requests`; `8 of 8 answers were cut short`.
    fn how(&self) -> String {
        let all = self.seen.count;
        let came = self.things.iter().filter(|thing| thing.came_us.is_some());
        match &*self.ways {
            [(way, _)] if self.is_refused => {
                format!("{way} was answered to {}", counted(all, "request"))
            }
            [(way, _)] if way == ENDED_EARLY => {
                let answers = all + came.count() as u64;
                let of = counted(answers, "answer");
                format!("{all} of {of} were cut short")
            }
            _ => {
                let ways = self.ways.iter();
                let ways: Vec<String> = ways
                    .map(|(way, count)| format!("{way} x {count}"))
                    .collect();
                format!("{}, {}", counted(all, "request"), ways.join(", "))
            }
        }
    }

    fn several(
        &self,
        never_came: usize,
        needed: &impl Fn(&str, Option<ByteRange>) -> Needed,
    ) -> String {
        let known: Vec<Needed> = self
            .things
            .iter()
            .map(|one| needed(&one.url, one.range))
            .collect();
        let which = numbers(known.iter().map(|one| one.number));
        let came = self.things.iter().filter_map(Thing::came_after_us);
        let mut fates = Vec::new();
        if never_came > 0 {
            fates.push(format!("{never_came} never came"));
        }
        let longest_us = came.clone().max();
        if let Some(longest_us) = longest_us {
            let up_to = if came.clone().count() > 1 {
                "up to "
            } else {
                ""
            };
            fates.push(format!(
                "{} came after {up_to}{:.1} s",
                came.count(),
                seconds(longest_us)
            ));
        }
        let open = self
            .things
            .iter()
            .filter(|one| one.came_us.is_none())
            .count();
        if open > never_came {
            let open = open - never_came;
            fates.push(format!("{open} had not come when the recording ended"));
        }
        let first = self.things.first();
        let url = first.map_or("", |thing| thing.url.as_str());
        let things = counted(self.things.len() as u64, self.kind.noun(false));
        let most = known.iter().filter_map(|one| one.by).max();
        let need = by(Needed {
            number: None,
            by: most,
        });
        let how = self.how();
        let fates = match never_came == self.things.len() {
            true => " never came".to_owned(),
            false => format!(": {}", fates.join(", ")),
        };
        format!("{things}{which}{fates}{need}; {how} (the first: {url})")
    }
}

/// ` (41 to 44)`, ` (5, 38, 39)`; nothing, where not all are known.
fn numbers(of: impl Iterator<Item = Option<u64>>) -> String {
    let Some(mut all) = of.collect::<Option<Vec<u64>>>() else {
        return String::new();
    };
    all.sort_unstable();
    all.dedup();
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return String::new();
    };
    let are_together = last - first == all.len() as u64 - 1;
    match all.len() {
        1 => format!(" ({first})"),
        3.. if are_together => format!(" ({first} to {last})"),
        count if count <= MOST_NUMBERS => {
            let all: Vec<String> = all.iter().map(u64::to_string).collect();
            format!(" ({})", all.join(", "))
        }
        _ => format!(" (of {first} to {last})"),
    }
}

/// `, which 12 segments of 2 playlists need`.
fn by(needed: Needed) -> String {
    match needed.by {
        Some((segments, playlists)) if segments > 0 => format!(
            ", which {} of {} need{}",
            counted(segments, "segment"),
            counted(playlists as u64, "playlist"),
            if segments == 1 { "s" } else { "" }
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::{broken, good, of_segment};
    use crate::session::{Headers, Kind};

    /// Answers for segments: number, when in seconds, status, how it ended.
    fn told(answers: &[(i64, i64, u16, Outcome)]) -> Vec<(Option<Severity>, String)> {
        let answer = |(n, at_s, status, outcome): &(i64, i64, u16, Outcome)| {
            let exchange = SeenExchange {
                resource_id: *n,
                requested_us: at_s * 1_000_000,
                status: Some(*status),
                outcome: *outcome,
                ..good(Kind::Segment, &format!("http://localhost/s{n}.ts"))
            };
            (exchange, of_segment())
        };
        let answers: Vec<(SeenExchange, Headers)> = answers.iter().map(answer).collect();
        let found = broken(&answers).into_iter();
        let found = found.filter(|broken| broken.rule == "H01");
        found.map(|broken| (broken.severity, broken.text)).collect()
    }

    /// The recording goes on.
    const LATER: (i64, i64, u16, Outcome) = (99, 100, 200, Outcome::Complete);

    #[test]
    fn a_body_that_never_came_whole_is_not_there() {
        let short = |at_s| (50, at_s, 200, Outcome::Short);
        let found = told(&[short(0), short(1), short(2), LATER]);
        let text =
            "a segment never came whole: 3 of 3 answers were cut short (http://localhost/s50.ts)";
        assert_eq!(found, [(Some(Severity::Must), text.to_owned())]);
        let found = told(&[short(0), (50, 6, 200, Outcome::Complete), LATER]);
        assert_eq!(found[0].0, Some(Severity::Should));
        assert!(found[0].1.contains("came whole 6.0 s after"), "{found:?}");
        let found = told(&[(50, 0, 200, Outcome::Reset), LATER]);
        assert_eq!(found[0].0, Some(Severity::Must), "{found:?}");
    }

    #[test]
    fn what_the_recorder_cut_and_what_was_tried_in_the_end_is_not_told_as_lost() {
        for own in [Outcome::Aborted, Outcome::Disk, Outcome::TooLarge] {
            assert_eq!(told(&[(50, 0, 200, own), LATER]), []);
        }
        let found = told(&[LATER, (50, 100, 200, Outcome::Short)]);
        assert_eq!(found[0].0, Some(Severity::Should));
        assert!(
            found[0]
                .1
                .contains("had not come whole when the recording ended")
        );
    }

    #[test]
    fn numbers_are_told_where_all_are_known() {
        let told = |all: &[u64]| numbers(all.iter().map(|number| Some(*number)));
        assert_eq!(told(&[41, 43, 42, 44]), " (41 to 44)");
        assert_eq!(told(&[39, 5]), " (5, 39)");
        assert_eq!(told(&[1, 3, 5, 7, 9, 11, 13]), " (of 1 to 13)");
        assert_eq!(numbers([Some(1), None].into_iter()), "");
    }

    #[test]
    fn several_are_told_with_what_became_of_each() {
        let gone = |n, at_s| (n, at_s, 404, Outcome::Complete);
        let found = told(&[
            gone(41, 0),
            gone(42, 1),
            gone(43, 2),
            (43, 8, 200, Outcome::Complete),
            gone(41, 9),
            LATER,
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, Some(Severity::Must));
        let text = "3 segments: 2 never came, 1 came after 6.0 s; 404 was answered to 4 requests (the first: http://localhost/s41.ts)";
        assert_eq!(found[0].1, text);
    }
}
