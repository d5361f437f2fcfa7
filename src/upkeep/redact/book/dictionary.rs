//! What is sought in every text, in every spelling.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::register::Register;
use super::views::{self, Coded, View};

/// Hosts shorter than this are replaced in URLs only: `h` is everywhere.
const SHORTEST_HOST: usize = 6;

/// A place in a text where something was found that is sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) span: Range<usize>,
    pub(crate) as_what: As,
}

/// How it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum As {
    /// With so many codings around it.
    Spelled(usize),
    /// A part of something in base 64, escaped so often: what has it in it goes.
    Coded(usize),
    /// In hexadecimal digits, escaped so often.
    InHex(usize),
    /// With a zero between each two bytes.
    Wide,
    /// A host, with its pseudonym.
    Host(String),
}

/// Secrets and hosts.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    pub(crate) register: Register,
    hosts: Option<AhoCorasick>,
    names: Vec<String>,
    is_address: Vec<bool>,
    longest_host: usize,
}

impl Dictionary {
    /// Hosts, each with what takes its place.
    pub(crate) fn set_hosts(&mut self, hosts: Vec<(String, String)>) -> Result<(), String> {
        let hosts = hosts.into_iter().flat_map(|(host, name)| {
            let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            let bare = bare.map(|bare| (bare.to_owned(), name.clone()));
            [Some((host, name)), bare].into_iter().flatten()
        });
        let is_sought = |host: &str| host.len() >= SHORTEST_HOST && host.contains(['.', ':']);
        let (hosts, names): (Vec<String>, Vec<String>) = hosts
            .filter(|(host, _)| host == "localhost" || is_sought(host))
            .unzip();
        self.longest_host = hosts.iter().map(String::len).max().unwrap_or(0);
        let parsed = hosts.iter().map(|host| host.parse::<std::net::IpAddr>());
        self.is_address = parsed.map(|address| address.is_ok()).collect();
        self.names = names;
        self.hosts = automaton(hosts)?;
        Ok(())
    }

    /// All places of a text that have something of the dictionary and are wanted.
    pub(crate) fn hits(&self, text: &[u8], is_wanted: impl Fn(&Hit) -> bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.each(text, |hit| {
            if is_wanted(&hit) {
                hits.push(hit);
            }
            false
        });
        hits
    }

    /// Whether a text has anything of the dictionary.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        let mut is_in = false;
        self.each(text, |_| {
            is_in = true;
            true
        });
        is_in
    }

    fn each(&self, text: &[u8], mut then: impl FnMut(Hit) -> bool) {
        let mut is_over = false;
        if self.register.longest() > 0 {
            is_over = self.as_it_is(text, &mut then);
        }
        if self.register.longest() > 0 && !is_over {
            views::each(text, self.longest(), |view| {
                is_over = self.spelled(view, &mut then) || self.coded(view, &mut then);
                is_over
            });
        }
        if !is_over {
            self.hosts_in(text).any(then);
        }
    }

    /// Without taking escapes off. Lines are not told apart: a key may have their end in it, and what is coded goes on
    /// from one to the next.
    fn as_it_is(&self, text: &[u8], then: &mut impl FnMut(Hit) -> bool) -> bool {
        self.spelled(&View::whole(text), then)
            || self.wide(text, then)
            || views::windows(text, self.longest()).any(|view| self.coded(&view, then))
    }

    fn wide(&self, text: &[u8], then: &mut impl FnMut(Hit) -> bool) -> bool {
        let mut is_over = false;
        views::each_wide(text, |coded| {
            self.register.find(coded.bytes, |found| {
                let (span, as_what) = (coded.place(found), As::Wide);
                is_over = then(Hit { span, as_what });
                is_over
            });
            is_over
        });
        is_over
    }

    fn spelled(&self, view: &View<'_>, then: &mut impl FnMut(Hit) -> bool) -> bool {
        let mut is_over = false;
        self.register.find(&view.bytes, |found| {
            let Some(span) = view.span(found.clone()) else {
                return false;
            };
            // What is not escaped was found where fewer codings were taken off.
            let is_new = view.depth == 0 || span.len() > found.len();
            let as_what = As::Spelled(view.depth);
            is_over = is_new && then(Hit { span, as_what });
            is_over
        });
        is_over
    }

    fn coded(&self, view: &View<'_>, then: &mut impl FnMut(Hit) -> bool) -> bool {
        let mut is_over = false;
        let mut look = |coded: &Coded<'_>, as_what: As| {
            let then = |found: Range<usize>| {
                let Some(span) = view.span(coded.place(found)) else {
                    return false;
                };
                let as_what = as_what.clone();
                is_over = then(Hit { span, as_what });
                is_over
            };
            match coded.is_all {
                true => self.register.find_unreadable(coded.bytes, then),
                false => self.register.find(coded.bytes, then),
            }
            is_over
        };
        let all = self.register.has_unreadable();
        views::each_coded(&view.bytes, all, |coded| look(coded, As::Coded(view.depth)));
        views::each_in_hex(&view.bytes, all, |coded| look(coded, As::InHex(view.depth)));
        is_over
    }

    fn hosts_in<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Hit> + 'a {
        let hosts = self
            .hosts
            .iter()
            .flat_map(move |hosts| hosts.find_iter(text));
        hosts.filter_map(move |found| {
            let at = found.pattern().as_usize();
            let around = [found.start().checked_sub(1), Some(found.end())];
            let mut around = around.into_iter().flatten().filter_map(|at| text.get(at));
            // 10.0.0.1 is not in 10.0.0.12.
            let is_part = self.is_address.get(at) == Some(&true) && around.any(u8::is_ascii_digit);
            let as_what = As::Host(self.names.get(at)?.clone());
            let span = found.range();
            (!is_part).then_some(Hit { span, as_what })
        })
    }

    /// How many bytes the longest has, every byte of it escaped (`\U0000002f`).
    pub(crate) fn longest(&self) -> usize {
        self.longest_host.max(self.register.longest()) * 10
    }
}

fn automaton(hosts: Vec<String>) -> Result<Option<AhoCorasick>, String> {
    if hosts.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .build(hosts)
        .map(Some)
        .map_err(|error| error.to_string())
}
