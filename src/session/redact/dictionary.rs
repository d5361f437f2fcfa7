//! What is sought in every text, all at once (Aho-Corasick).

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::book::Edit;
use super::secret::What;
use super::spelling::{decoded, spell_like};

/// Hosts shorter than this are replaced in URLs only: `h` is everywhere.
const SHORTEST_HOST: usize = 6;

/// Patterns and what takes their place.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    secrets: Option<AhoCorasick>,
    /// In the order of the patterns.
    pseudonyms: Vec<Vec<u8>>,
    hosts: Option<AhoCorasick>,
    names: Vec<String>,
    is_address: Vec<bool>,
    longest: usize,
}

impl Dictionary {
    /// Of spellings and of hosts, each with what takes its place.
    pub(super) fn new(
        patterns: Vec<(Vec<u8>, Vec<u8>)>,
        hosts: Vec<(String, String)>,
    ) -> Result<Self, String> {
        let (patterns, pseudonyms): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let hosts = hosts.into_iter().flat_map(|(host, name)| {
            let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            let bare = bare.map(|bare| (bare.to_owned(), name.clone()));
            [Some((host, name)), bare].into_iter().flatten()
        });
        let is_sought = |host: &str| host.len() >= SHORTEST_HOST && host.contains(['.', ':']);
        let (hosts, names): (Vec<String>, Vec<String>) = hosts
            .filter(|(host, _)| host == "localhost" || is_sought(host))
            .unzip();
        let secrets = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let longest = hosts
            .iter()
            .map(String::len)
            .max()
            .unwrap_or(0)
            .max(secrets);
        Ok(Self {
            is_address: hosts
                .iter()
                .map(|h| h.parse::<std::net::IpAddr>().is_ok())
                .collect(),
            secrets: automaton(patterns, false)?,
            hosts: automaton(hosts, true)?,
            pseudonyms,
            names,
            longest,
        })
    }

    /// Everything of it in a text, with what takes its place.
    pub(super) fn edits(&self, text: &[u8]) -> Vec<Edit> {
        let secrets = self
            .secrets
            .iter()
            .flat_map(|secrets| secrets.find_iter(text));
        let mut edits: Vec<Edit> = secrets
            .filter_map(|found| {
                Some(Edit {
                    span: found.range(),
                    new: self.pseudonyms.get(found.pattern().as_usize())?.clone(),
                    what: What::Named,
                })
            })
            .collect();
        edits.extend(self.escaped(text));
        edits.extend(self.hosts_in(text));
        edits
    }

    /// What is spelled in a way that no pattern has: some bytes escaped and some not, hex in both cases.
    fn escaped<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Edit> + 'a {
        let mut start = 0;
        let lines = text.split(|b| *b == b'\n').map(move |line| {
            let at = start;
            start += line.len() + 1;
            (at, line)
        });
        lines.flat_map(move |(at, line)| self.escaped_in(at, line))
    }

    fn escaped_in(&self, at: usize, line: &[u8]) -> Vec<Edit> {
        let (Some(secrets), Some((bytes, starts))) = (&self.secrets, decoded(line)) else {
            return Vec::new();
        };
        let edits = secrets.find_iter(&bytes).filter_map(|found| {
            let span = *starts.get(found.start())?..*starts.get(found.end())?;
            let pseudonym = self.pseudonyms.get(found.pattern().as_usize())?;
            let spelled = line.get(span.clone())?;
            (spelled.len() > found.len()).then(|| Edit {
                new: spell_like(spelled, pseudonym),
                span: at + span.start..at + span.end,
                what: What::Named,
            })
        });
        edits.collect()
    }

    fn hosts_in<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Edit> + 'a {
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
            let new = self.names.get(at)?.clone().into_bytes();
            let (span, what) = (found.range(), What::Host);
            (!is_part).then_some(Edit { span, new, what })
        })
    }

    /// Whether anything of it is in a text.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let secrets = self.secrets.as_ref();
        secrets.is_some_and(|secrets| secrets.is_match(text))
            || self.escaped(text).next().is_some()
            || self.hosts_in(text).next().is_some()
    }

    /// How many bytes the longest has, every byte of it escaped (`&#x2F;`).
    pub(super) fn longest(&self) -> usize {
        self.longest * 6
    }
}

/// Those secrets that are in a text.
pub(super) fn found_in(secrets: Vec<Vec<u8>>, text: &[u8]) -> Result<HashSet<Box<[u8]>>, String> {
    let Some(automaton) = build(secrets, MatchKind::Standard, false)? else {
        return Ok(HashSet::new());
    };
    let found = automaton.find_overlapping_iter(text);
    Ok(found
        .filter_map(|m| Some(text.get(m.range())?.into()))
        .collect())
}

fn automaton<P: AsRef<[u8]>>(
    patterns: Vec<P>,
    any_case: bool,
) -> Result<Option<AhoCorasick>, String> {
    build(patterns, MatchKind::LeftmostLongest, any_case)
}

fn build<P: AsRef<[u8]>>(
    patterns: Vec<P>,
    kind: MatchKind,
    any_case: bool,
) -> Result<Option<AhoCorasick>, String> {
    if patterns.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .match_kind(kind)
        .ascii_case_insensitive(any_case)
        .build(patterns)
        .map(Some)
        .map_err(|error| error.to_string())
}
