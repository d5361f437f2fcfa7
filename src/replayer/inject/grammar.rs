//! From the text of `--inject` to a rule. Pure.
//!
//! `docs/ref/inject.md` has the grammar.

use std::fmt;
use std::path::PathBuf;

use http::{HeaderValue, StatusCode};

use super::rule::{Actions, Amount, Replacement, Rule, Window};
use super::values::{
    amount, delay, duration, glob, media_type, rate, sequences, share, some_time, status, variant,
};
use super::words::{Word, Wrong, words};
use crate::session::Kind;

/// A text that is not a rule: what is wrong, and at which character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRule {
    /// The text.
    pub text: String,
    /// The character that is wrong, from 0 on; that behind the last one, where something is missing.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for InvalidRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = self.text.chars().map(printable).collect();
        let before: String = " ".repeat(self.at);
        write!(out, "{}\n  {text}\n  {before}^", self.what)
    }
}

impl std::error::Error for InvalidRule {}

/// A rule, and the file that the body of its answer is in, if it is in one.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The rule.
    pub rule: Rule,
    /// Its body is to be read from there ([`Parsed::with_body`]).
    pub body_file: Option<PathBuf>,
}

impl Parsed {
    /// The rule with the content of its file.
    pub fn with_body(mut self, content: Vec<u8>) -> Rule {
        if let Some(Replacement::Status { body, .. }) = &mut self.rule.actions.answer {
            *body = Some(content.into());
        }
        self.rule
    }
}

/// Reads a rule.
///
/// # Errors
/// The text is not a rule.
pub fn parse(text: &str) -> Result<Parsed, InvalidRule> {
    read(text).map_err(|(at, what)| InvalidRule {
        text: text.to_owned(),
        at,
        what,
    })
}

fn read(text: &str) -> Result<Parsed, Wrong> {
    let words = words(text)?;
    let end = text.chars().count();
    let Some((which, rest)) = words.split_first() else {
        return Err((0, format!("a rule begins with {WHICH}")));
    };
    let mut draft = Draft::new(kinds(which)?);
    for (nth, word) in rest.iter().enumerate() {
        let is_again = |before: &Word| before.key == word.key;
        if rest.iter().take(nth).any(is_again) {
            return Err((word.at, format!("{} is here for the second time", word.key)));
        }
        draft.word(word)?;
    }
    draft.finish(end)
}

const WHICH: &str = "what it is about: any, or some of main,media,segment,init,part,key,data";
const WORDS: &str = "path= sn= variant= from= for= every= chance= status= type= body= delay= rate= truncate= reset close stall";

fn kinds(word: &Word) -> Result<Vec<Kind>, Wrong> {
    if word.value.is_some() {
        return Err((word.at, format!("a rule begins with {WHICH}")));
    }
    if word.key == "any" {
        return Ok(Vec::new());
    }
    let mut kinds = Vec::new();
    let mut at = word.at;
    for name in word.key.split(',') {
        let kind = Kind::parse(name).ok_or_else(|| (at, format!("{name:?} is none of {WHICH}")))?;
        kinds.push(kind);
        at += name.chars().count() + 1;
    }
    Ok(kinds)
}

/// A rule of which words are still to come.
struct Draft {
    rule: Rule,
    status: Option<StatusCode>,
    media_type: Option<(usize, HeaderValue)>,
    body: Option<(usize, String)>,
    truncate: Option<(usize, Amount)>,
    reset: Option<usize>,
    close: Option<usize>,
    rate_at: usize,
    every_at: usize,
    stall_at: usize,
    sn_at: usize,
    variant_at: usize,
}

impl Draft {
    fn new(kinds: Vec<Kind>) -> Self {
        let rule = Rule {
            kinds,
            path: None,
            sequences: None,
            variant: None,
            window: Window::default(),
            chance: None,
            actions: Actions::default(),
        };
        Self {
            rule,
            status: None,
            media_type: None,
            body: None,
            truncate: None,
            reset: None,
            close: None,
            rate_at: 0,
            every_at: 0,
            stall_at: 0,
            sn_at: 0,
            variant_at: 0,
        }
    }

    fn word(&mut self, word: &Word) -> Result<(), Wrong> {
        let Rule {
            window, actions, ..
        } = &mut self.rule;
        match (word.key.as_str(), &word.value) {
            ("reset", None) => self.reset = Some(word.at),
            ("close", None) => self.close = Some(word.at),
            ("stall", None) => {
                actions.stall = true;
                self.stall_at = word.at;
            }
            (key @ ("reset" | "close" | "stall"), Some((at, _))) => {
                return Err((at.saturating_sub(1), format!("{key} stands alone")));
            }
            (key, None) if is_valued(key) => {
                return Err((word.end(), "=VALUE is missing".to_owned()));
            }
            (key, Some((at, value))) if value.is_empty() && is_valued(key) && key != "body" => {
                return Err((*at, "a value is missing".to_owned()));
            }
            (key, Some((at, value))) => match key {
                "path" => self.rule.path = Some(glob(*at, value)?),
                "sn" => {
                    self.rule.sequences = Some(sequences(*at, value)?);
                    self.sn_at = word.at;
                }
                "variant" => {
                    self.rule.variant = Some(variant(*at, value)?);
                    self.variant_at = word.at;
                }
                "from" => {
                    let after_start = value.strip_prefix('+');
                    window.relative = after_start.is_some();
                    window.from = duration(*at, after_start.unwrap_or(value))?;
                }
                "for" => window.lasts = Some(some_time(*at, value)?),
                "every" => {
                    window.every = Some(some_time(*at, value)?);
                    self.every_at = *at;
                }
                "chance" => self.rule.chance = Some(share(*at, value)?),
                "status" => self.status = Some(status(*at, value)?),
                "type" => self.media_type = Some((word.at, media_type(*at, value)?)),
                "body" => self.body = Some((word.at, value.clone())),
                "delay" => actions.delay = Some(delay(*at, value)?),
                "rate" => {
                    actions.rate = Some(rate(*at, value)?);
                    self.rate_at = word.at;
                }
                "truncate" => self.truncate = Some((word.at, amount(*at, value)?)),
                _ => return Err(unknown(word)),
            },
            _ => return Err(unknown(word)),
        }
        Ok(())
    }

    fn finish(mut self, end: usize) -> Result<Parsed, Wrong> {
        self.check_window()?;
        let body_file = match &self.body {
            Some((_, text)) => text.strip_prefix('@').map(PathBuf::from),
            None => None,
        };
        self.rule.actions.answer = self.answer()?;
        let no_answer = matches!(
            self.rule.actions.answer,
            Some(Replacement::Closed | Replacement::Reset)
        );
        if no_answer && self.rule.actions.rate.is_some() {
            return Err((
                self.rate_at,
                "without an answer there is no rate".to_owned(),
            ));
        }
        if self.rule.actions == Actions::default() {
            let what = "a rule does something: status=, delay=, rate=, truncate=, reset, close or stall is missing";
            return Err((end, what.to_owned()));
        }
        Ok(Parsed {
            rule: self.rule,
            body_file,
        })
    }

    fn check_window(&self) -> Result<(), Wrong> {
        let Rule {
            kinds,
            window,
            actions,
            ..
        } = &self.rule;
        match (window.every, window.lasts) {
            (Some(_), None) => {
                return Err((
                    self.every_at,
                    "every= needs for=, how long each time".to_owned(),
                ));
            }
            (Some(every), Some(lasts)) if lasts >= every => {
                return Err((self.every_at, "every= must be more than for=".to_owned()));
            }
            _ => {}
        }
        let are_all =
            |what: fn(Kind) -> bool| !kinds.is_empty() && kinds.iter().all(|kind| what(*kind));
        if self.rule.sequences.is_some()
            && are_all(|kind| !matches!(kind, Kind::Segment | Kind::Init | Kind::Part | Kind::Key))
        {
            let what = "only segment, init, part and key have sn=";
            return Err((self.sn_at, what.to_owned()));
        }
        if self.rule.variant.is_some() && are_all(|kind| matches!(kind, Kind::Main | Kind::Data)) {
            return Err((
                self.variant_at,
                "main and data are of no variant".to_owned(),
            ));
        }
        if actions.stall && !kinds.is_empty() && !kinds.iter().any(|kind| kind.is_playlist()) {
            return Err((self.stall_at, "only main and media can stall".to_owned()));
        }
        Ok(())
    }

    /// What stands in place of the recorded answer: one thing.
    fn answer(&mut self) -> Result<Option<Replacement>, Wrong> {
        if let (None, Some(at)) = (
            self.status,
            self.media_type
                .as_ref()
                .map(|t| t.0)
                .or(self.body.as_ref().map(|b| b.0)),
        ) {
            return Err((at, "type= and body= belong to a status=".to_owned()));
        }
        let others = [self.truncate.map(|t| t.0), self.reset, self.close];
        if let (Some(_), Some(at)) = (self.status, others.into_iter().flatten().next()) {
            return Err((at, "a status= comes whole".to_owned()));
        }
        if let (Some(at), Some(_)) = (self.close, self.truncate.map(|t| t.0).or(self.reset)) {
            let what =
                "close is without an answer; truncate= ends with a close by itself, or with reset";
            return Err((at, what.to_owned()));
        }
        Ok(match (self.status, self.truncate, self.reset, self.close) {
            (Some(status), ..) => {
                let text = self.body.take().map(|(_, text)| text);
                Some(Replacement::Status {
                    status,
                    media_type: self.media_type.take().map(|(_, value)| value),
                    body: text.filter(|text| !text.starts_with('@')).map(Into::into),
                })
            }
            (None, Some((_, after)), resets, _) => Some(Replacement::Cut {
                after,
                resets: resets.is_some(),
            }),
            (None, None, Some(_), _) => Some(Replacement::Reset),
            (None, None, None, Some(_)) => Some(Replacement::Closed),
            (None, None, None, None) => None,
        })
    }
}

fn is_valued(key: &str) -> bool {
    let valued = |word: &str| word.strip_suffix('=') == Some(key);
    WORDS.split(' ').any(valued)
}

fn unknown(word: &Word) -> Wrong {
    (word.at, format!("{:?} is none of {WORDS}", word.key))
}

#[cfg(test)]
mod tests;
