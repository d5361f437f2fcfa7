//! Hosts, addresses and references that stand outside of URLs. Pure.

use std::ops::Range;

use super::lexical::{extension, runs};
use super::places::Finder;
use super::secret::What;

impl Finder<'_> {
    /// `</live/a.ts>; rel=preload, <b.ts>`, `5; url=/live/a.m3u8`.
    pub(crate) fn references(&mut self, all: Range<usize>) {
        let text = self.slice(all.clone());
        let is_mark = |b: &u8| matches!(b, b'<' | b'>');
        let mut at = all.start;
        for (number, piece) in text.split(is_mark).enumerate() {
            if number % 2 == 1 {
                self.url(at..at + piece.len());
            }
            at += piece.len() + 1;
        }
        let lower = text.to_ascii_lowercase();
        if let Some(found) = lower.windows(4).position(|w| w == b"url=") {
            let rest = self.slice(all.start + found + 4..all.end);
            let quotes = rest.iter().take_while(|b| b"'\" ".contains(b)).count();
            let length = rest.trim_ascii_end().len();
            let end = rest.iter().skip(quotes).position(|b| b"'\"".contains(b));
            let end = end.map_or(length, |end| quotes + end);
            let start = all.start + found + 4;
            self.url((start + quotes).min(start + end)..start + end);
        }
    }

    /// Addresses, wherever they stand, where hosts are replaced.
    pub(crate) fn addresses(&mut self, all: Range<usize>) {
        if !self.rules.hosts {
            return;
        }
        let is_address = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'%');
        for (span, word) in runs(self.text, all, is_address) {
            let text = std::str::from_utf8(word).unwrap_or_default();
            let text = text.trim_end_matches(['.', ':']);
            let text = text.split('%').next().unwrap_or_default();
            let (host, port) = text.split_once(':').unwrap_or((text, ""));
            let is_port = port.bytes().all(|b| b.is_ascii_digit());
            let is_v6 = text.len() > 3 && text.parse::<std::net::Ipv6Addr>().is_ok();
            if is_v6 {
                self.place(span.start..span.start + text.len(), What::Host);
            } else if is_port && host.parse::<std::net::Ipv4Addr>().is_ok() {
                self.place(span.start..span.start + host.len(), What::Host);
            }
        }
    }

    /// Words that look like hosts.
    pub(crate) fn host_words(&mut self, all: Range<usize>) {
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        for (span, word) in runs(self.text, all, is_host) {
            let inner = word.strip_prefix(b".").unwrap_or(word);
            let last = inner.rsplit(|b| *b == b'.').next().unwrap_or_default();
            let has_dot = inner.contains(&b'.') && !inner.ends_with(b".");
            let is_name = last.len() >= 2 && last.iter().all(u8::is_ascii_alphabetic);
            let is_address = std::str::from_utf8(inner)
                .is_ok_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok());
            if has_dot && extension(inner) == 0 && (is_name || is_address) {
                self.place(span.end - inner.len()..span.end, What::Host);
            }
        }
    }
}
