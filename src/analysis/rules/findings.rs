//! What rules tell, gathered: the same fault again and again is one finding with a count. Pure.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::broken::Broken;
use super::registry::{Profile, RuleInfo, Severity, rule_of};
use super::selection::Selection;
use crate::analysis::finding::{Evidence, Finding, Line, MOST_EXCHANGES, Rule, Sightings};

/// Findings of one rule that are told apart; what is more is counted.
pub const MOST_OF_RULE: usize = 1000;
/// Bytes of all that is said in findings of one rule; what is more is counted, too.
const MOST_WORDS_OF_RULE: usize = 1024 * 1024;
/// The same, on average, of each that is held beyond that ([`Wanted::beyond`]).
const MOST_WORDS_BEYOND: usize = 1024;

/// A finding, and how bad it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Id of its rule.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What was found.
    pub finding: Finding,
}

/// A finding as JSON has it, by whomever it is told: in the keys of all programs, and what its rule says of itself.
#[derive(Serialize)]
pub struct JudgedLine<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    name: &'static str,
    severity: &'static str,
    section: &'static str,
}

impl Judged {
    /// What JSON has of it. `zero_us`: session zero, in microseconds of Unix time.
    pub fn line(&self, zero_us: i64) -> JudgedLine<'_> {
        let (name, section) = self
            .info()
            .map_or(("", ""), |rule| (rule.name, rule.section));
        JudgedLine {
            line: self.finding.line(zero_us),
            name,
            severity: self.severity.as_str(),
            section,
        }
    }

    /// Its rule; `None`: it is none of these.
    pub fn info(&self) -> Option<&'static RuleInfo> {
        rule_of(self.rule)
    }
}

/// Where something was found.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Name of the stream.
    pub stream: &'a str,
    /// Name of the playlist.
    pub playlist: Option<&'a str>,
    /// Row of the playlist, or of whatever else findings are told apart by.
    pub id: i64,
    /// When, and which exchange shows it.
    pub at: Evidence,
}

/// Bytes of a sentence or a name in a finding: what a session says may be of any length, and a thousand findings of it are held.
const LONGEST: usize = 4096;

/// Which findings are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which rules.
    pub selection: Selection,
    /// By whose demands.
    pub profile: Profile,
    /// From when on, in microseconds of Unix time.
    pub from_us: i64,
    /// Until when, in microseconds of Unix time.
    pub until_us: i64,
    /// Findings that are held in all where [`MOST_OF_RULE`] of one rule are not enough.
    pub beyond: usize,
}

impl Wanted {
    /// Whether findings of a moment are wanted, in microseconds of Unix time.
    pub fn has(&self, at_us: i64) -> bool {
        (self.from_us..=self.until_us).contains(&at_us)
    }
}

/// Faults of which one finding is made.
type Key = (&'static str, Severity, i64, &'static str);

/// What is held of a rule, or beyond what each may have.
#[derive(Debug, Default)]
struct OfRule {
    findings: usize,
    /// Bytes of what they say.
    words: usize,
}

impl OfRule {
    /// Counts one more with so many bytes, where there is room for it.
    fn takes(&mut self, words: usize, most: usize, most_words: usize) -> bool {
        let words = self.words.saturating_add(words);
        let has_room = self.findings < most && words <= most_words;
        if has_room {
            self.findings += 1;
            self.words = words;
        }
        has_room
    }
}

/// Gathers.
#[derive(Debug)]
pub struct Findings {
    wanted: Wanted,
    /// Where each is, and how bad what it says is.
    places: HashMap<Key, (usize, i64)>,
    found: Vec<Judged>,
    of_rule: BTreeMap<&'static str, OfRule>,
    /// Those beyond what each rule may have.
    beyond: OfRule,
    left_out: BTreeMap<&'static str, u64>,
    /// Times at which the session is damaged, in order, in microseconds of Unix time.
    damaged: Vec<(i64, i64)>,
    /// What rules told of these.
    uncertain: u64,
}

impl Findings {
    /// Of what is wanted.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            places: HashMap::new(),
            found: Vec::new(),
            of_rule: BTreeMap::new(),
            beyond: OfRule::default(),
            left_out: BTreeMap::new(),
            damaged: Vec::new(),
            uncertain: 0,
        }
    }

    /// Of such times nothing is told: what rules see there may be the damage. In order, in microseconds of Unix time.
    #[must_use]
    pub fn without(self, damaged: Vec<(i64, i64)>) -> Self {
        Self { damaged, ..self }
    }

    /// How often rules told something of times that are damaged.
    pub fn uncertain(&self) -> u64 {
        self.uncertain
    }

    /// Whether the session is damaged at some time between two moments.
    pub fn is_damaged(&self, from_us: i64, until_us: i64) -> bool {
        let next = self.damaged.partition_point(|span| span.1 < from_us);
        self.damaged
            .get(next)
            .is_some_and(|span| span.0 <= until_us)
    }

    /// Whether what was told of such a time is left out.
    fn leaves_out(&mut self, from_us: i64, until_us: i64) -> bool {
        let is = self.is_damaged(from_us, until_us);
        self.uncertain += u64::from(is);
        is
    }

    /// What is wanted.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Whether something at a moment is wanted.
    fn wants(&self, rule: &str, at_us: i64) -> bool {
        self.wanted.has(at_us) && self.wanted.selection.has(rule)
    }

    /// Whether one of some rules told of something bad in a stream between two moments, in microseconds of Unix time.
    pub fn tells(&self, rules: &[&str], stream: &str, (from_us, until_us): (i64, i64)) -> bool {
        self.found.iter().any(|judged| {
            let finding = &judged.finding;
            rules.contains(&judged.rule)
                && judged.severity < Severity::Info
                && finding.stream == stream
                && finding.first.at_us <= until_us
                && finding.last.at_us >= from_us
        })
    }

    /// Takes in what a rule told.
    pub fn add(&mut self, place: &Place<'_>, broken: Broken) {
        let Some(info) = rule_of(broken.rule).filter(|rule| self.wants(rule.id, place.at.at_us))
        else {
            return;
        };
        if self.leaves_out(place.at.at_us, place.at.at_us) {
            return;
        }
        let severity = broken
            .severity
            .unwrap_or_else(|| info.severity_for(self.wanted.profile));
        let key = (info.id, severity, place.id, broken.kind);
        let known = self.places.get_mut(&key);
        let known = known.and_then(|(at, worst)| Some((self.found.get_mut(*at)?, worst)));
        if let Some((judged, worst)) = known {
            again(&mut judged.finding, place.at);
            // What it takes is reckoned once: a sentence of the same kind is about as long.
            if broken.worse > *worst {
                *worst = broken.worse;
                judged.finding.text = broken.text;
                judged.finding.detail = broken.detail;
                shorten_all(&mut judged.finding);
            }
            return;
        }
        let worse = broken.worse;
        let finding = finding(info.id, place, place.at, broken);
        if let Some(at) = self.push(info.id, severity, finding) {
            self.places.insert(key, (at, worse));
        }
    }

    /// Takes in what a rule told once of all that it saw. `place` is where it was; when, `seen` says.
    pub fn add_seen(&mut self, place: &Place<'_>, broken: Broken, seen: &Sightings) {
        if self.leaves_out(seen.first.at_us, seen.last.at_us) {
            return;
        }
        let before = self.found.len();
        let first = Place {
            at: seen.first,
            ..*place
        };
        self.add(&first, broken);
        if let Some(judged) = self.found.get_mut(before) {
            judged.finding.count = seen.count;
            judged.finding.last = seen.last;
            judged.finding.exchanges.clone_from(&seen.exchanges);
        }
    }

    /// Takes in what was told once of all that it saw, and is told apart from whatever else its rule finds there.
    pub fn add_apart(&mut self, place: &Place<'_>, broken: Broken, seen: &Sightings) {
        let Some(info) = rule_of(broken.rule).filter(|rule| self.wants(rule.id, seen.first.at_us))
        else {
            return;
        };
        if self.leaves_out(seen.first.at_us, seen.last.at_us) {
            return;
        }
        let severity = broken
            .severity
            .unwrap_or_else(|| info.severity_for(self.wanted.profile));
        let finding = Finding {
            count: seen.count,
            last: seen.last,
            exchanges: seen.exchanges.clone(),
            ..finding(info.id, place, seen.first, broken)
        };
        self.push(info.id, severity, finding);
    }

    /// Takes in a finding that is whole.
    pub fn add_whole(&mut self, rule: &'static str, severity: Severity, finding: Finding) {
        let (from_us, until_us) = (finding.first.at_us, finding.last.at_us);
        if self.wants(rule, from_us) && !self.leaves_out(from_us, until_us) {
            self.push(rule, severity, finding);
        }
    }

    fn push(&mut self, rule: &'static str, severity: Severity, finding: Finding) -> Option<usize> {
        let of_rule = self.of_rule.entry(rule).or_default();
        let finding = bounded(finding);
        let words = words(&finding);
        let beyond = self.wanted.beyond;
        let most_words = beyond.saturating_mul(MOST_WORDS_BEYOND);
        if !of_rule.takes(words, MOST_OF_RULE, MOST_WORDS_OF_RULE)
            && !self.beyond.takes(words, beyond, most_words)
        {
            *self.left_out.entry(rule).or_default() += 1;
            return None;
        }
        self.found.push(Judged {
            rule,
            severity,
            finding,
        });
        Some(self.found.len() - 1)
    }

    /// All of them, the worst first, then by time; and how many of each rule were too many to be told apart.
    pub fn finish(mut self) -> (Vec<Judged>, BTreeMap<&'static str, u64>) {
        self.found
            .sort_by_key(|judged| (judged.severity, judged.finding.first.at_us, judged.rule));
        (self.found, self.left_out)
    }
}

/// What was so once.
fn finding(rule: &'static str, place: &Place<'_>, at: Evidence, broken: Broken) -> Finding {
    Finding {
        rule: Rule::Of(rule),
        // What the recorder did itself is not judged.
        own: false,
        stream: place.stream.to_owned(),
        playlist: place.playlist.map(str::to_owned),
        count: 1,
        first: at,
        last: at,
        exchanges: at.exchange.into_iter().collect(),
        text: broken.text,
        detail: broken.detail,
    }
}

fn bounded(mut finding: Finding) -> Finding {
    shorten_all(&mut finding);
    finding
}

fn shorten_all(finding: &mut Finding) {
    shorten(&mut finding.text);
    shorten(&mut finding.stream);
    finding.playlist.iter_mut().for_each(shorten);
    for value in finding.detail.values_mut() {
        if let Value::String(text) = value {
            shorten(text);
        }
    }
}

/// Bytes of what a finding says.
fn words(finding: &Finding) -> usize {
    let playlist = finding.playlist.as_ref().map_or(0, String::len);
    let detail = finding.detail.iter();
    let detail = detail.map(|(name, value)| name.len() + value.to_string().len());
    finding.text.len() + finding.stream.len() + playlist + detail.sum::<usize>()
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
        text.shrink_to_fit();
    }
}

fn again(finding: &mut Finding, at: Evidence) {
    finding.count += 1;
    if at.at_us >= finding.last.at_us {
        finding.last = at;
    }
    if let Some(exchange) = at.exchange
        && finding.exchanges.len() < MOST_EXCHANGES
        && finding.exchanges.last() != Some(&exchange)
    {
        finding.exchanges.push(exchange);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        Findings::new(Wanted {
            selection: Selection::default(),
            profile: Profile::Rfc,
            from_us: 0,
            until_us: 100,
            beyond: 0,
        })
    }

    fn place(id: i64, at_us: i64) -> Place<'static> {
        Place {
            stream: "hall",
            playlist: Some("list.m3u8"),
            id,
            at: Evidence {
                at_us,
                exchange: Some(at_us),
            },
        }
    }

    #[test]
    fn the_same_again_and_again_is_one_finding() {
        let mut findings = findings();
        for at_us in [5, 7, 9] {
            findings.add(&place(1, at_us), Broken::new("P06", "too long"));
        }
        findings.add(&place(2, 8), Broken::new("P06", "too long"));
        findings.add(
            &place(1, 6),
            Broken::new("P06", "a little").severity(Severity::Info),
        );
        findings.add(&place(1, 101), Broken::new("P06", "too late"));
        let (found, left_out) = findings.finish();
        let told: Vec<_> = found
            .iter()
            .map(|j| {
                (
                    j.severity,
                    j.finding.count,
                    j.finding.first.at_us,
                    j.finding.last.at_us,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Severity::Must, 3, 5, 9),
                (Severity::Must, 1, 8, 8),
                (Severity::Info, 1, 6, 6)
            ]
        );
        assert_eq!(found[0].finding.exchanges, [5, 7, 9]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn of_times_that_are_damaged_nothing_is_told() {
        let mut findings = findings().without(vec![(10, 20), (40, 50)]);
        for at_us in [5, 10, 15, 20, 25, 45] {
            findings.add(&place(1, at_us), Broken::new("P06", "too long"));
        }
        let seen = |from_us, until_us| Sightings {
            count: 2,
            first: place(1, from_us).at,
            last: place(1, until_us).at,
            exchanges: vec![1],
        };
        let (beside, across) = (seen(21, 39), seen(30, 60));
        findings.add_apart(&place(1, 21), Broken::new("X01", "beside it"), &beside);
        findings.add_apart(&place(1, 30), Broken::new("X01", "across it"), &across);
        assert_eq!(findings.uncertain(), 5);
        let (found, _) = findings.finish();
        let told: Vec<_> = found
            .iter()
            .map(|judged| (judged.rule, judged.finding.count, judged.finding.last.at_us))
            .collect();
        assert_eq!(told, [("P06", 2, 25), ("X01", 2, 39)]);
    }

    #[test]
    fn one_finding_says_the_worst_of_it() {
        let mut findings = findings();
        for (at_us, worse) in [(5, 3), (7, 9), (9, 4)] {
            let broken = Broken::new("H06", format!("for {worse} s")).worse(worse);
            findings.add(&place(1, at_us), broken);
        }
        let (found, _) = findings.finish();
        let finding = &found[0].finding;
        assert_eq!((finding.text.as_str(), finding.count), ("for 9 s", 3));
        assert_eq!((finding.first.at_us, finding.last.at_us), (5, 9));
    }

    #[test]
    fn what_a_session_says_is_not_held_whatever_its_length() {
        let mut findings = findings();
        let long = "ä".repeat(1024 * 1024);
        let broken = Broken::new("P06", long.as_str()).with("url", long.as_str());
        let place = Place {
            playlist: Some(&long),
            ..place(1, 5)
        };
        findings.add(&place, broken);
        let (found, _) = findings.finish();
        let finding = &found[0].finding;
        let held = [
            finding.text.as_str(),
            finding.playlist.as_deref().unwrap(),
            finding.detail["url"].as_str().unwrap(),
        ];
        for text in held {
            assert!(text.len() <= LONGEST + 3 && text.ends_with("ä…"));
        }
    }

    #[test]
    fn of_very_long_ones_the_rest_is_counted() {
        let mut findings = findings();
        let long = "ä".repeat(LONGEST);
        for id in 0..MOST_OF_RULE as i64 {
            findings.add(&place(id, 5), Broken::new("P06", long.as_str()));
        }
        findings.add(&place(1, 5), Broken::new("P07", "of another rule"));
        let (found, left_out) = findings.finish();
        let told: usize = found.iter().map(|judged| judged.finding.text.len()).sum();
        assert!(found.len() > 200 && told <= MOST_WORDS_OF_RULE + LONGEST);
        assert_eq!(
            (left_out.get("P06"), left_out.get("P07")),
            (Some(&(MOST_OF_RULE as u64 + 1 - found.len() as u64)), None)
        );
    }

    #[test]
    fn of_very_many_the_rest_is_counted() {
        let mut findings = findings();
        for id in 0..MOST_OF_RULE as i64 + 7 {
            findings.add(&place(id, 5), Broken::new("P06", "too long"));
        }
        let (found, left_out) = findings.finish();
        assert_eq!((found.len(), left_out.get("P06")), (MOST_OF_RULE, Some(&7)));
    }

    #[test]
    fn beyond_what_each_rule_may_have_there_is_room_for_some_of_any() {
        let mut findings = findings();
        findings.wanted.beyond = 5;
        for id in 0..MOST_OF_RULE as i64 + 3 {
            findings.add(&place(id, 5), Broken::new("P06", "too long"));
        }
        for id in 0..MOST_OF_RULE as i64 + 4 {
            findings.add(&place(id, 5), Broken::new("P07", "too long"));
        }
        let (found, left_out) = findings.finish();
        assert_eq!(found.len(), 2 * MOST_OF_RULE + 5);
        assert_eq!((left_out.get("P06"), left_out.get("P07")), (None, Some(&2)));
    }

    #[test]
    fn what_is_held_beyond_is_bounded_in_bytes() {
        let mut findings = findings();
        findings.wanted.beyond = 5;
        let long = "x".repeat(LONGEST);
        for id in 0..2 * MOST_OF_RULE as i64 {
            findings.add(&place(id, 5), Broken::new("P06", long.clone()));
        }
        let words: usize = findings.found.iter().map(|one| words(&one.finding)).sum();
        assert!(
            words <= MOST_WORDS_OF_RULE + 5 * MOST_WORDS_BEYOND,
            "{words}"
        );
        assert!(words > MOST_WORDS_OF_RULE, "{words}");
    }
}
