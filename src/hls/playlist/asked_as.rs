//! How a stream is to be asked for, as players' lists and URLs say it: `url|User-Agent=…&Referer=…`,
//! `#EXTVLCOPT:http-user-agent=…`, `#KODIPROP:….stream_headers=…`. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Longer values are none that anybody sends, in bytes.
const LONGEST_VALUE: usize = 1024;
/// Names of what is not heeded that are kept.
const MOST_IGNORED: usize = 8;
/// What stands for itself in a value behind `|`, beside letters and digits.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':');
/// Names that begin what stands behind a `|`: else it is part of a URL.
const NAMES: [&str; 12] = [
    "accept",
    "accept-language",
    "authorization",
    "cookie",
    "host",
    "origin",
    "referer",
    "referrer",
    "seekable",
    "user-agent",
    "verifypeer",
    "x-forwarded-for",
];

/// Header fields that are sent with each request for a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedAs {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Referer`.
    pub referer: Option<String>,
    /// Names of what else is said, and not heeded.
    pub ignored: Vec<String>,
}

impl AskedAs {
    /// A URL without what stands behind its `|`, and that.
    pub fn split(text: &str) -> (&str, Self) {
        let mut asked_as = Self::default();
        match text.split_once('|') {
            Some((url, options)) if are_options(options) => {
                asked_as.take_pairs(options);
                (url.trim_end(), asked_as)
            }
            _ => (text, asked_as),
        }
    }

    /// Takes in a line of a list, if it says something of the kind; whether it does.
    pub(crate) fn take_line(&mut self, line: &str) -> bool {
        if let Some(option) = line.strip_prefix("#EXTVLCOPT:") {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            // Not of a request: how much is cached, where in it to begin.
            if let Some(name) = name.trim().to_ascii_lowercase().strip_prefix("http-") {
                self.take(name, value.trim());
            }
        } else if let Some(property) = line.strip_prefix("#KODIPROP:") {
            let (name, value) = property.split_once('=').unwrap_or((property, ""));
            match name.trim().ends_with("_headers") {
                true => self.take_pairs(value),
                false => self.ignore(name),
            }
        } else if line.starts_with("#EXTHTTP:") {
            self.ignore("EXTHTTP");
        } else {
            return false;
        }
        true
    }

    /// With what another one says in addition.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.user_agent = other.user_agent.or(self.user_agent);
        self.referer = other.referer.or(self.referer);
        other.ignored.iter().for_each(|name| self.ignore(name));
        self
    }

    /// As it stands behind a URL, `|` included; empty: there is nothing.
    pub fn behind_url(&self) -> String {
        let pairs = [("User-Agent", &self.user_agent), ("Referer", &self.referer)];
        let pair = |(name, value): (&str, &Option<String>)| {
            let value = utf8_percent_encode(value.as_ref()?, VALUE);
            Some(format!("{name}={value}"))
        };
        let pairs: Vec<String> = pairs.into_iter().filter_map(pair).collect();
        match pairs.is_empty() {
            true => String::new(),
            false => format!("|{}", pairs.join("&")),
        }
    }

    fn take_pairs(&mut self, text: &str) {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            self.take(name, &value);
        }
    }

    fn take(&mut self, name: &str, value: &str) {
        let is_value = !value.is_empty()
            && value.len() <= LONGEST_VALUE
            && value.bytes().all(|b| matches!(b, b' '..=b'~'));
        match name.trim().to_ascii_lowercase().as_str() {
            "user-agent" if is_value => self.user_agent = Some(value.to_owned()),
            "referer" | "referrer" if is_value => self.referer = Some(value.to_owned()),
            _ => self.ignore(name),
        }
    }

    fn ignore(&mut self, name: &str) {
        let name: String = name.trim().chars().take(64).collect();
        if self.ignored.len() < MOST_IGNORED && !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }
}

fn are_options(text: &str) -> bool {
    let name = text.split_once('=').map(|(name, _)| name.trim());
    name.is_some_and(|name| {
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        NAMES.iter().any(is)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(agent: &str, referer: &str, ignored: &[&str]) -> AskedAs {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        AskedAs {
            user_agent: some(agent),
            referer: some(referer),
            ignored: ignored.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn what_stands_behind_a_url_is_no_part_of_it() {
        for (text, url, asked_as) in [
            (
                "http://h/a|User-Agent=VLC/3&Referer=http%3A%2F%2Fi%2F",
                "http://h/a",
                of("VLC/3", "http://i/", &[]),
            ),
            (
                "http://h/a?b=c |referrer=http://i/",
                "http://h/a?b=c",
                of("", "http://i/", &[]),
            ),
            (
                "http://h/a|Cookie=s&user-agent=My%20TV",
                "http://h/a",
                of("My TV", "", &["Cookie"]),
            ),
            (
                "http://h/a|User-Agent=a%0d%0aX: y",
                "http://h/a",
                of("", "", &["User-Agent"]),
            ),
            ("http://h/a|b=c", "http://h/a|b=c", of("", "", &[])),
            ("http://h/a?q=1|2", "http://h/a?q=1|2", of("", "", &[])),
        ] {
            assert_eq!(AskedAs::split(text), (url, asked_as), "{text}");
        }
    }

    #[test]
    fn lines_of_players_say_the_same() {
        let mut said = AskedAs::default();
        for line in [
            "#EXTVLCOPT:http-user-agent=My TV",
            "#EXTVLCOPT:http-referrer=http://i/",
            "#EXTVLCOPT:network-caching=1000",
            "#KODIPROP:inputstream.adaptive.license_type=clearkey",
            "#EXTHTTP:{\"cookie\":\"s\"}",
        ] {
            assert!(said.take_line(line), "{line}");
        }
        assert!(!said.take_line("#EXTGRP:x"));
        let ignored = ["inputstream.adaptive.license_type", "EXTHTTP"];
        assert_eq!(said, of("My TV", "http://i/", &ignored));
        said.take_line("#KODIPROP:inputstream.adaptive.stream_headers=User-Agent=Other%2F1");
        assert_eq!(said.user_agent.as_deref(), Some("Other/1"));
        let typed = format!("http://h/{}", said.behind_url());
        assert_eq!(typed, "http://h/|User-Agent=Other/1&Referer=http://i/");
        let (url, again) = AskedAs::split(&typed);
        assert_eq!((url, again), ("http://h/", of("Other/1", "http://i/", &[])));
    }
}
