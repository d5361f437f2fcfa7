//! Idle connections in the pools of the clients: which have carried a request, and for how long
//! their servers keep them. Pure.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::HeaderMap;
use tokio::time::Instant;
use url::{Position, Url};

/// A server closes a connection that was idle for as long as it said; a request that is on its way then is lost.
const MARGIN: Duration = Duration::from_secs(1);
/// No idle connection is kept for longer.
const LONGEST: Duration = Duration::from_secs(90);
/// Connections that are remembered.
const MOST_CONNECTIONS: usize = 4096;
/// Servers that are remembered.
const MOST_SERVERS: usize = 1024;
const KEEP_ALIVE: &str = "keep-alive";

/// A connection, by its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

/// What is known of kept connections.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Connections that carried an answer, and when the last one was whole.
    answered: HashMap<Connection, Instant>,
    /// What servers said of how long they keep an idle connection: the shortest of each.
    said: HashMap<String, Duration>,
}

impl Kept {
    /// An answer comes over a connection, or has come.
    pub(crate) fn answered(&mut self, connection: Connection, now: Instant) {
        if self.answered.len() >= MOST_CONNECTIONS && !self.answered.contains_key(&connection) {
            self.answered
                .retain(|_, last| now.saturating_duration_since(*last) < LONGEST);
            if self.answered.len() >= MOST_CONNECTIONS {
                return;
            }
        }
        self.answered.insert(connection, now);
    }

    /// A connection broke; whether it was one that had been kept.
    pub(crate) fn broke(&mut self, connection: &Connection, now: Instant) -> bool {
        let last = self.answered.remove(connection);
        // Later it is another connection with the same ends.
        last.is_some_and(|last| now.saturating_duration_since(last) < LONGEST + MARGIN)
    }

    /// Takes in what the header fields of an answer say of how long the connection is kept.
    pub(crate) fn note_fields(&mut self, url: &Url, fields: &HeaderMap) {
        let Some(said) = timeout(fields) else { return };
        let server = server(url);
        if let Some(shortest) = self.said.get_mut(server) {
            *shortest = said.min(*shortest);
        } else if self.said.len() < MOST_SERVERS {
            self.said.insert(server.to_owned(), said);
        }
    }

    /// For how long a connection to a server may be idle, where that is known.
    pub(crate) fn idle(&self, url: &Url) -> Option<Duration> {
        let said = self.said.get(server(url))?;
        Some(said.saturating_sub(MARGIN))
    }
}

/// Scheme, host and port: connections are pooled by these.
fn server(url: &Url) -> &str {
    &url[..Position::BeforePath]
}

/// `Keep-Alive: timeout=5, max=100` (RFC 2068 19.7.1.1): the shortest that is said.
fn timeout(fields: &HeaderMap) -> Option<Duration> {
    let values = fields
        .get_all(KEEP_ALIVE)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let parameters = values.flat_map(|value| value.split(','));
    let seconds = parameters.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_timeout = name.trim().eq_ignore_ascii_case("timeout");
        let seconds = value.trim().trim_matches('"').parse::<u32>().ok()?;
        is_timeout.then_some(seconds)
    });
    seconds.min().map(|s| Duration::from_secs(s.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;

    fn connection(port: u16) -> Connection {
        Connection {
            local: SocketAddr::from(([127, 0, 0, 1], port)),
            remote: SocketAddr::from(([127, 0, 0, 1], 80)),
        }
    }

    fn fields(values: &[&str]) -> HeaderMap {
        let value = |value: &&str| {
            let value = HeaderValue::from_str(value).unwrap();
            (http::HeaderName::from_static(KEEP_ALIVE), value)
        };
        values.iter().map(value).collect()
    }

    #[tokio::test]
    async fn only_what_carried_an_answer_of_late_was_kept() {
        let now = crate::clock::instant();
        let mut kept = Kept::default();
        kept.answered(connection(1), now);
        kept.answered(connection(2), now);
        let soon = now + Duration::from_secs(60);
        assert!(kept.broke(&connection(1), soon));
        assert!(!kept.broke(&connection(1), soon), "it is gone");
        assert!(!kept.broke(&connection(3), soon), "it is new");
        let late = now + Duration::from_secs(600);
        assert!(!kept.broke(&connection(2), late), "another has its ends");
    }

    #[tokio::test]
    async fn there_is_an_end_to_what_is_remembered() {
        let now = crate::clock::instant();
        let mut kept = Kept::default();
        for port in 0..=u16::MAX {
            kept.answered(connection(port), now);
        }
        assert_eq!(kept.answered.len(), MOST_CONNECTIONS);
        let late = now + LONGEST;
        kept.answered(connection(u16::MAX), late);
        assert!(kept.broke(&connection(u16::MAX), late));
        for n in 0..2 * MOST_SERVERS {
            let url = Url::parse(&format!("http://h{n}/")).unwrap();
            kept.note_fields(&url, &fields(&["timeout=5"]));
        }
        assert_eq!(kept.said.len(), MOST_SERVERS);
    }

    #[test]
    fn what_a_server_says_is_heeded_for_all_of_it_and_for_no_other() {
        let url = |text| Url::parse(text).unwrap();
        let mut kept = Kept::default();
        let said = [
            (&["timeout=15, max=100"][..], Some(14)),
            (&["max=100"], Some(14)),
            (&["timeout=soon"], Some(14)),
            (&["max=3,Timeout = \"5\""], Some(4)),
            (&["timeout=60"], Some(4)),
            (&["timeout=9", "timeout=0"], Some(0)),
        ];
        assert_eq!(kept.idle(&url("http://h/a")), None);
        for (values, idle) in said {
            kept.note_fields(&url("http://h/a?b"), &fields(values));
            let idle = idle.map(Duration::from_secs);
            assert_eq!(kept.idle(&url("http://h:80/other")), idle, "{values:?}");
        }
        assert_eq!(kept.idle(&url("http://h:81/a")), None);
        assert_eq!(kept.idle(&url("https://h/a")), None);
    }
}
