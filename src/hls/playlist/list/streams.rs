//! Streams of a list, and how a user would type them.

use std::collections::HashSet;

use url::Url;

use crate::hls::names::{is_stream_name, stream_name, stream_word};
use crate::hls::playlist::asked_as::AskedAs;

/// A list of streams.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StreamList {
    /// Those over http(s), each once.
    pub streams: Vec<ListedStream>,
    /// Other places where the list says that the first of these is, too.
    pub mirrors: Vec<ListedStream>,
    /// How many more there are.
    pub more: usize,
    /// How many there are that are not over http(s).
    pub others: usize,
}

/// A stream of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStream {
    /// As the list says; empty: it does not.
    pub title: String,
    /// As it is asked for, ...
    pub url: Url,
    /// ... and with which header fields.
    pub asked_as: AskedAs,
}

impl StreamList {
    /// The only stream, where there is one only.
    pub fn only(&self) -> Option<&ListedStream> {
        match (self.streams.as_slice(), self.more) {
            ([one], 0) => Some(one),
            _ => None,
        }
    }

    /// The first `most` streams as a user would type them, each with a name of its own.
    pub fn typed(&self, most: usize) -> Vec<String> {
        let mut names = HashSet::new();
        let streams = self.streams.iter().take(most);
        let typed = |stream: &ListedStream| {
            let title = stream_word(&stream.title);
            let wished = match is_stream_name(&title) {
                true => title,
                false => stream_name(&stream.url),
            };
            let mut name = wished.clone();
            for n in 2..most.saturating_add(2) {
                if names.insert(name.to_ascii_lowercase()) {
                    break;
                }
                name = format!("{}_{n}", wished.get(..48).unwrap_or(&wished));
            }
            let url = stream.url.as_str().replace('\'', "%27");
            format!("'{name}={url}{}'", stream.asked_as.behind_url())
        };
        streams.map(typed).collect()
    }
}
