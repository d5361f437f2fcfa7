//! Rules: which answers get a fault, and which fault. Pure.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use globset::GlobMatcher;
use http::{HeaderValue, StatusCode};
use url::Url;

use crate::clock::micros;
use crate::session::{Kind, digest};

/// A fault, and which answers get it. [`super::parse`] reads one from text.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Empty: all kinds.
    pub(super) kinds: Vec<Kind>,
    pub(super) path: Option<Glob>,
    pub(super) sequences: Option<Sequences>,
    pub(super) variant: Option<VariantSelector>,
    pub(super) window: Window,
    /// Share of the resources (of playlists: of the revisions) that get the fault, 0 to 1.
    pub(super) chance: Option<f64>,
    pub(super) actions: Actions,
}

/// Paths that a rule matches.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    pub(super) matcher: GlobMatcher,
    /// Whether it is about whole URLs.
    pub(super) of_url: bool,
}

/// Media sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequences {
    /// Counted from the first segment of the playlist with which the player began.
    pub(super) relative: bool,
    pub(super) first: u64,
    /// `None`: all from the first on.
    pub(super) last: Option<u64>,
    /// Only each `step`-th of these.
    pub(super) step: u64,
}

/// Which variant of the multivariant playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VariantSelector {
    /// The one at that position, from 1 on.
    Position(usize),
    /// Those of that height, in pixels.
    Height(u64),
    /// Those with the greatest BANDWIDTH.
    Highest,
    /// Those with the smallest.
    Lowest,
}

/// When.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// Counted from the session time at which the player began.
    pub(super) relative: bool,
    pub(super) from: Duration,
    /// `None`: without end.
    pub(super) lasts: Option<Duration>,
    /// How long after its beginning it begins again.
    pub(super) every: Option<Duration>,
}

/// What a rule does.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Actions {
    pub(super) answer: Option<Replacement>,
    pub(super) delay: Option<Duration>,
    /// Bits per second.
    pub(super) rate: Option<u64>,
    /// A playlist stays what it was when the window began.
    pub(super) stall: bool,
}

/// What stands in place of the recorded answer, or of its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Replacement {
    /// A status.
    Status {
        /// Its code.
        status: StatusCode,
        /// Content-Type of the body.
        media_type: Option<HeaderValue>,
        /// The body; `None`: a sentence.
        body: Option<Bytes>,
    },
    /// The connection is closed without an answer.
    Closed,
    /// The connection is reset without an answer.
    Reset,
    /// The connection ends before the body does.
    Cut {
        /// After this much of it.
        after: Amount,
        /// With a reset.
        resets: bool,
    },
}

/// How much of a body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Bytes.
    Bytes(u64),
    /// A share, from 0 to 1.
    Share(f64),
}

/// What rules ask about an answer. Times in microseconds of session time.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Of the resource.
    pub kind: Kind,
    /// Of the resource, at the origin.
    pub url: Url,
    /// Of a playlist: which revision.
    pub revision: Option<i64>,
    /// Now.
    pub session_us: i64,
    /// When the player began.
    pub began_us: i64,
    /// First and last media sequence number at which it is listed: more than one pair where
    /// it is listed more than once.
    pub sequences: Vec<(u64, u64)>,
    /// The first media sequence number that its playlist listed when the player began.
    pub first_sequence: Option<u64>,
    /// Of the variants whose media playlist it is, or is listed by.
    pub variants: Vec<VariantFacts>,
}

/// What rules ask about a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantFacts {
    /// Its position in the multivariant playlist, from 1 on.
    pub position: usize,
    /// In pixels.
    pub height: Option<u64>,
    /// Whether no other has a greater BANDWIDTH.
    pub is_highest: bool,
    /// Whether no other has a smaller one.
    pub is_lowest: bool,
}

/// All rules of a replayer.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    seed: u64,
}

/// The faults that rules add to an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InjectedFaults {
    /// In place of the recorded answer.
    pub answer: Option<Replacement>,
    /// Before the first byte.
    pub delay: Option<Duration>,
    /// Bits per second of the body.
    pub rate: Option<u64>,
    /// The playlist is taken from this session time, in microseconds.
    pub held_us: Option<i64>,
    /// For the log: which rule did what.
    pub notes: Vec<String>,
}

impl InjectedFaults {
    /// Whether there are no faults.
    pub fn is_nothing(&self) -> bool {
        self.notes.is_empty()
    }
}

impl Rules {
    /// Rules, and the seed of those that are left to chance.
    pub fn new(rules: Vec<Rule>, seed: u64) -> Self {
        Self { rules, seed }
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a rule counts from where a player began.
    pub fn are_relative(&self) -> bool {
        let relative = |rule: &Rule| {
            rule.window.relative || rule.sequences.is_some_and(|sequences| sequences.relative)
        };
        self.rules.iter().any(relative)
    }

    /// Whether a rule asks for media sequence numbers.
    pub fn ask_for_sequences(&self) -> bool {
        self.rules.iter().any(|rule| rule.sequences.is_some())
    }

    /// Whether a rule asks for variants.
    pub(super) fn ask_for_variants(&self) -> bool {
        self.rules.iter().any(|rule| rule.variant.is_some())
    }

    /// The faults for an answer: of the rules that match it, the first one with a delay
    /// gives the delay, and so on.
    pub fn faults_for(&self, facts: &Facts) -> InjectedFaults {
        let mut faults = InjectedFaults::default();
        for (number, rule) in (1..).zip(&self.rules) {
            let Some(began_us) = rule.window_for(facts, self.seed, number) else {
                continue;
            };
            let Actions {
                answer,
                delay,
                rate,
                stall,
            } = &rule.actions;
            if let (None, Some(answer)) = (&faults.answer, answer) {
                faults.notes.push(format!("rule {number}: {answer}"));
                faults.answer = Some(answer.clone());
            }
            if let (None, Some(delay)) = (faults.delay, delay) {
                let seconds = delay.as_secs_f64();
                faults
                    .notes
                    .push(format!("rule {number}: delayed by {seconds} s"));
                faults.delay = Some(*delay);
            }
            if let (None, Some(rate)) = (faults.rate, rate) {
                faults.notes.push(format!("rule {number}: {rate} bit/s"));
                faults.rate = Some(*rate);
            }
            if *stall && faults.held_us.is_none() {
                faults.notes.push(format!("rule {number}: held"));
                faults.held_us = Some(began_us);
            }
        }
        faults
    }
}

impl Rule {
    /// When its window began, in microseconds of session time, if the rule matches an answer.
    fn window_for(&self, facts: &Facts, seed: u64, number: u64) -> Option<i64> {
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&facts.kind);
        let is_held = !self.actions.stall || facts.kind.is_playlist();
        let began_us = self.window.began_us(facts.session_us, facts.began_us)?;
        let is_meant = is_kind
            && is_held
            && self
                .path
                .as_ref()
                .is_none_or(|glob| glob.matches(&facts.url))
            && self
                .sequences
                .is_none_or(|sequences| sequences.match_any(facts))
            && self
                .variant
                .is_none_or(|variant| variant.is_one_of(&facts.variants))
            && self
                .chance
                .is_none_or(|chance| draw(facts, seed, number) < chance);
        is_meant.then_some(began_us)
    }
}

impl Glob {
    pub(super) fn matches(&self, url: &Url) -> bool {
        if self.of_url {
            let whole = url.as_str();
            return self
                .matcher
                .is_match(whole.split('?').next().unwrap_or(whole));
        }
        self.matcher.is_match(url.path())
    }
}

impl Sequences {
    fn match_any(self, facts: &Facts) -> bool {
        let base = match (self.relative, facts.first_sequence) {
            (false, _) => 0,
            (true, Some(first)) => first,
            (true, None) => return false,
        };
        let is_meant = |(first, last): &(u64, u64)| {
            let Some(last) = last.checked_sub(base) else {
                return false;
            };
            self.has_one_in(first.saturating_sub(base), last)
        };
        facts.sequences.iter().any(is_meant)
    }

    /// Whether one of them is between two numbers, themselves included.
    pub(super) fn has_one_in(self, first: u64, last: u64) -> bool {
        let from = first.saturating_sub(self.first);
        let next = from.div_ceil(self.step).saturating_mul(self.step);
        let next = self.first.saturating_add(next);
        next <= last && self.last.is_none_or(|end| next <= end)
    }
}

impl VariantSelector {
    /// Whether one of these is meant.
    pub(super) fn is_one_of(self, variants: &[VariantFacts]) -> bool {
        let is_meant = |variant: &VariantFacts| match self {
            Self::Position(position) => variant.position == position,
            Self::Height(height) => variant.height == Some(height),
            Self::Highest => variant.is_highest,
            Self::Lowest => variant.is_lowest,
        };
        variants.iter().any(is_meant)
    }
}

impl Window {
    /// When it began, if it is open; all in microseconds of session time.
    pub(super) fn began_us(self, session_us: i64, player_began_us: i64) -> Option<i64> {
        let zero_us = if self.relative { player_began_us } else { 0 };
        let first_us = zero_us.saturating_add(micros(self.from));
        let since_us = session_us.checked_sub(first_us).filter(|us| *us >= 0)?;
        let into_us = match self.every.map(micros) {
            Some(every_us) if every_us > 0 => since_us % every_us,
            _ => since_us,
        };
        let is_open = self.lasts.is_none_or(|lasts| into_us < micros(lasts));
        is_open.then(|| session_us.saturating_sub(into_us))
    }
}

impl fmt::Display for Replacement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, .. } => write!(out, "status {}", status.as_u16()),
            Self::Closed => out.write_str("closed without an answer"),
            Self::Reset => out.write_str("reset without an answer"),
            Self::Cut { after, resets } => {
                let end = if *resets { "reset" } else { "closed" };
                match after {
                    Amount::Bytes(bytes) => write!(out, "{end} after {bytes} bytes"),
                    Amount::Share(share) => write!(out, "{end} after {} %", share * 100.0),
                }
            }
        }
    }
}

/// A number from 0 to 1 (never 1) that depends on nothing but the seed, the rule, the URL and, of a
/// playlist, the revision: a repeated request gets the same, in this replayer or in another.
fn draw(facts: &Facts, seed: u64, number: u64) -> f64 {
    let revision = facts.revision.unwrap_or(0);
    let lot = digest(format!("{seed} {number} {revision} {}", facts.url).as_bytes());
    let bytes = lot
        .iter()
        .take(6)
        .fold(0_u64, |n, b| n << 8 | u64::from(*b));
    // 48 bits are exact in an f64.
    bytes as f64 / (1_u64 << 48) as f64
}

#[cfg(test)]
mod tests;
