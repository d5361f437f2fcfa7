//! Hosts that asked to be left alone for a while, or to be asked less often (RFC 9110 10.2.3, RFC 6585 4).
//!
//! A host is a name and a port. While it is left alone, polls and downloads of all streams wait.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;
use url::Url;

use crate::clock::micros;
use crate::hls::resource_name;

/// The longest time for which a 429 is obeyed: requests may make a ban longer.
const LONGEST_BAN: Duration = Duration::from_secs(600);
/// The longest time for which a 503 is obeyed: a server that says an hour may be back in a minute, and players go on asking.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Waits whose ends are closer together than this are one.
const TOGETHER: Duration = Duration::from_secs(1);
/// Hosts that are remembered. Beyond that the one that matters least is forgotten.
const MOST: usize = 1024;
/// What a host that asks again and again says is counted, and told of once in so long; ...
const TOLD_FOR: Duration = Duration::from_secs(30);
/// ... but a wait that is so many times as long as what was told is told at once.
const MUCH_LONGER: u32 = 2;

/// What is known of the hosts of a recording.
#[derive(Debug, Default)]
pub(crate) struct Hosts(Mutex<HashMap<Name, Host>>);

/// Host and port.
type Name = (String, u16);

#[derive(Debug, Clone, Copy, Default)]
struct Host {
    /// No request is made before; the host asked for that.
    not_before: Option<Instant>,
    /// It has answered 429: from then on it is polled as seldom as by a player.
    is_slow: bool,
    /// A playlist of it was polled sooner than a player would have; until then that may be why it says 429.
    dense_until: Option<Instant>,
    told_at: Option<Instant>,
    /// The longest wait of which the log was told since then, and how many more there were.
    told: Duration,
    untold: u32,
}

/// What an answer said of its host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The 429 answers polls that were closer together than those of a player.
    pub too_often: bool,
    /// Whether the log tells it.
    pub is_news: bool,
    /// It is left alone for longer than was known.
    pub is_longer: bool,
}

impl Hosts {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when nothing is to be asked of the host of a URL; `None`: it may be asked now.
    pub(crate) fn not_before(&self, url: &Url, now: Instant) -> Option<Instant> {
        let until = self.lock().get(&name(url))?.not_before;
        until.filter(|until| *until > now)
    }

    /// Leaves a host (with its port, as [`host_and_port`] writes it) alone, as it asked before; for how long.
    pub(crate) fn hold(&self, host: &str, left: Duration, now: Instant) -> Option<Duration> {
        let (host, port) = host.rsplit_once(':')?;
        let name = (host.to_owned(), port.parse().ok()?);
        let left = left.min(LONGEST_BAN);
        let until = now.checked_add(left);
        change(&mut self.lock(), name, now, |host| {
            host.not_before = host.not_before.max(until);
        });
        Some(left)
    }

    /// Whether the host of a URL is to be polled no more often than a player would.
    pub(crate) fn is_slow(&self, url: &Url) -> bool {
        self.lock().get(&name(url)).is_some_and(|host| host.is_slow)
    }

    /// A playlist is polled sooner than a player would poll it; `target`: the player's interval.
    pub(crate) fn polled_densely(&self, url: &Url, target: Duration, now: Instant) {
        let until = now.checked_add(target);
        change(&mut self.lock(), name(url), now, |host| {
            host.dense_until = host.dense_until.max(until);
        });
    }

    /// Takes in an answer to what was requested at `asked`; `wait`: how long the host asks for, if it does.
    pub(crate) fn answered(
        &self,
        url: &Url,
        status: u16,
        wait: Option<Duration>,
        (asked, now): (Instant, Instant),
    ) -> Heard {
        if status != 429 && wait.is_none() {
            return Heard::default();
        }
        let until = wait.map(|wait| now + wait);
        change(&mut self.lock(), name(url), now, |host| {
            // Requests that were made together are answered together, and count once.
            let is_longer = match (until, host.not_before) {
                (Some(until), Some(before)) => until > before + TOGETHER,
                (until, before) => until > before,
            };
            let gets_slow = status == 429 && !host.is_slow;
            let was_told = host.told_at.is_some_and(|at| now < at + TOLD_FOR);
            let wait = wait.unwrap_or_default();
            let matters = gets_slow || wait > host.told * MUCH_LONGER;
            let is_news = (is_longer || gets_slow) && (!was_told || matters);
            if is_news {
                (host.told_at, host.told) = (Some(now), wait);
            } else if is_longer {
                host.untold = host.untold.saturating_add(1);
            }
            host.not_before = host.not_before.max(until);
            host.is_slow |= status == 429;
            Heard {
                too_often: status == 429 && host.dense_until.is_some_and(|until| asked < until),
                is_news,
                is_longer,
            }
        })
    }
}

impl Hosts {
    /// Lines about waits that were counted since the last ones; `at_end`: about all of them.
    pub(crate) fn counted(&self, now: Instant, at_end: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for ((host, port), known) in self.lock().iter_mut() {
            let age = known.told_at.map(|at| now.saturating_duration_since(at));
            let Some(age) = age.filter(|age| at_end || *age >= TOLD_FOR) else {
                continue;
            };
            if known.untold > 0 {
                let (times, seconds) = (known.untold, age.as_secs().max(1));
                let again = match times {
                    1 => "once more".to_owned(),
                    times => format!("{times} times more"),
                };
                lines.push(format!(
                    "{host}:{port} has asked for patience {again} in {seconds} s"
                ));
                (known.told_at, known.untold) = (Some(now), 0);
            }
        }
        lines
    }
}

/// Tells the log that a host asked for patience, with which status, and which URL was answered so; `now_us`: in microseconds of
/// Unix time.
pub(crate) fn tell(url: &Url, status: u16, wait: Option<Duration>, now_us: i64) {
    let (host, name) = (host_and_port(url), resource_name(url));
    let slower = match status {
        429 => "; from then on it is polled once a target duration at most",
        _ => "",
    };
    match wait {
        Some(wait) => {
            let until = DateTime::from_timestamp_micros(now_us.saturating_add(micros(wait)));
            let until = until.map_or_else(String::new, |at| {
                at.format(" (until %H:%M:%S UTC)").to_string()
            });
            let seconds = wait.as_secs_f64();
            tracing::warn!(
                status,
                "{host} asks for patience (HTTP {status} with Retry-After, to {name}): nothing is asked of it for {seconds:.0} s{until}{slower}"
            );
        }
        None => tracing::warn!(
            status,
            "{host} says that it is asked too often (HTTP {status}, to {name}): it is polled once a target duration at most"
        ),
    }
}

/// A host and its port as messages name them.
pub(crate) fn host_and_port(url: &Url) -> String {
    let (host, port) = name(url);
    format!("{host}:{port}")
}

fn name(url: &Url) -> Name {
    let host = url.host_str().unwrap_or_default().to_owned();
    (host, url.port_or_known_default().unwrap_or(0))
}

fn change<T>(
    hosts: &mut HashMap<Name, Host>,
    name: Name,
    now: Instant,
    change: impl FnOnce(&mut Host) -> T,
) -> T {
    if hosts.len() >= MOST && !hosts.contains_key(&name) {
        let matters = |host: &Host| (host.not_before.filter(|at| *at > now), host.is_slow);
        let least = hosts.iter().min_by_key(|(_, host)| matters(host));
        if let Some(least) = least.map(|(name, _)| name.clone()) {
            hosts.remove(&least);
        }
    }
    change(hosts.entry(name).or_default())
}

/// How long an answer asks for, with 429 or 503: in seconds, or until a date, by the server's own clock where it
/// tells that. `None`: not at all, or not so that anybody could know.
pub(crate) fn retry_after(status: u16, fields: &HeaderMap, now_us: i64) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let longest = match status {
        429 => LONGEST_BAN,
        _ => LONGEST_PAUSE,
    };
    let date = |text: &str| {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(DateTime::<Utc>::from(date).timestamp_micros())
    };
    let told = fields.get(DATE).and_then(|value| value.to_str().ok());
    let server_now_us = told.and_then(date).unwrap_or(now_us);
    let wait = |value: &str| {
        let value = value.trim();
        let wait = delay(value).or_else(|| {
            let left_us = date(value)?.saturating_sub(server_now_us);
            Some(Duration::from_micros(u64::try_from(left_us).unwrap_or(0)))
        })?;
        Some(wait.min(longest))
    };
    let values = fields.get_all(RETRY_AFTER).iter();
    let waits = values.filter_map(|value| wait(value.to_str().ok()?));
    waits.max().filter(|wait| !wait.is_zero())
}

/// A number of seconds; some write fractions, and some more digits than any number has.
fn delay(value: &str) -> Option<Duration> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let seconds = whole.parse().unwrap_or(u64::MAX);
    let more = u64::from(fraction.bytes().any(|b| b != b'0'));
    Some(Duration::from_secs(seconds.saturating_add(more)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const S: Duration = Duration::from_secs(1);

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn asked_for(status: u16, retry: &str, date: Option<&str>) -> Option<Duration> {
        let mut fields = HeaderMap::new();
        fields.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            fields.insert(DATE, date.parse().unwrap());
        }
        // Fri, 20 Nov 2026 12:00:00 GMT
        retry_after(status, &fields, 1_795_176_000_000_000)
    }

    #[test]
    fn seconds_and_dates_are_read_and_nothing_else() {
        let noon = |retry| asked_for(429, retry, None);
        assert_eq!(noon("7"), Some(7 * S));
        assert_eq!(noon("1.2"), Some(2 * S));
        assert_eq!(noon("Fri, 20 Nov 2026 12:00:30 GMT"), Some(30 * S));
        assert_eq!(noon("Friday, 20-Nov-26 12:00:30 GMT"), Some(30 * S));
        assert_eq!(noon("1000000000000"), Some(LONGEST_BAN));
        assert_eq!(noon("99999999999999999999999999"), Some(LONGEST_BAN));
        assert_eq!(noon("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST_BAN));
        for none in ["0", "-3", "+3", "soon", "", "3 s", "1,2", "."] {
            assert_eq!(noon(none), None, "{none:?}");
        }
        let past = "Fri, 20 Nov 2026 11:00:00 GMT";
        assert_eq!(noon(past), None);
        assert_eq!(asked_for(503, "7", None), Some(7 * S));
        assert_eq!(asked_for(503, "3600", None), Some(LONGEST_PAUSE));
        assert_eq!(asked_for(200, "7", None), None);
        assert_eq!(asked_for(302, "7", None), None);
    }

    #[test]
    fn a_date_counts_by_the_clock_of_the_server_that_wrote_it() {
        let skewed = Some("Fri, 20 Nov 2020 08:00:00 GMT");
        let until = "Fri, 20 Nov 2020 08:00:05 GMT";
        assert_eq!(asked_for(429, until, skewed), Some(5 * S));
        assert_eq!(asked_for(429, until, None), None, "long past");
    }

    #[test]
    fn a_host_is_a_name_and_a_port_and_the_longest_wait_counts() {
        let (hosts, now) = (Hosts::default(), clock::instant());
        let at = (now, now);
        hosts.answered(&url("http://a:80/x"), 503, Some(9 * S), at);
        hosts.answered(&url("http://a/y"), 503, Some(3 * S), at);
        assert_eq!(hosts.not_before(&url("http://a/z"), now), Some(now + 9 * S));
        assert_eq!(hosts.not_before(&url("http://a/z"), now + 9 * S), None);
        assert_eq!(hosts.not_before(&url("http://a:8080/z"), now), None);
        assert_eq!(hosts.not_before(&url("http://b/z"), now), None);
        assert!(!hosts.is_slow(&url("http://a/")), "it was no 429");
        hosts.answered(&url("http://b/"), 429, None, at);
        assert!(hosts.is_slow(&url("http://b/")));
    }

    #[test]
    fn too_often_is_what_polls_denser_than_a_players_met() {
        let (hosts, now) = (Hosts::default(), clock::instant());
        let origin = url("http://a/");
        let says_429 = |asked| {
            hosts
                .answered(&origin, 429, None, (asked, asked + S))
                .too_often
        };
        assert!(!says_429(now), "the very first is the origin's answer");
        hosts.polled_densely(&origin, 2 * S, now);
        assert!(says_429(now + S));
        assert!(!says_429(now + 2 * S));
        let busy = hosts.answered(&origin, 503, Some(S), (now, now));
        assert!(!busy.too_often, "429 only");
    }

    #[test]
    fn the_log_is_told_of_the_first_wait_and_of_longer_ones_and_others_are_counted() {
        let (hosts, now) = (Hosts::default(), clock::instant());
        let told = |status, wait, at| {
            hosts
                .answered(&url("http://a/"), status, Some(wait), (at, at))
                .is_news
        };
        assert!(told(503, 3 * S, now));
        assert!(!told(503, 3 * S, now + 4 * S));
        assert!(told(429, S, now + 8 * S), "it is polled less from then on");
        assert!(!told(429, 2 * S, now + 10 * S));
        assert!(!told(429, 2 * S, now + 10 * S), "answered together");
        assert!(told(429, 9 * S, now + 13 * S), "much longer");
        assert_eq!(hosts.counted(now + 14 * S, false), [""; 0]);
        let line = "a:80 has asked for patience 2 times more in 30 s";
        assert_eq!(hosts.counted(now + 43 * S, false), [line]);
        assert_eq!(hosts.counted(now + 99 * S, true), [""; 0], "none since");
        assert!(told(429, 3 * S, now + 99 * S), "it has been quiet");
    }

    #[test]
    fn hosts_that_an_origin_makes_up_cost_no_memory_and_lift_no_ban() {
        let (hosts, now) = (Hosts::default(), clock::instant());
        hosts.answered(&url("http://real/"), 429, Some(9 * S), (now, now));
        for n in 0..2 * MOST {
            hosts.polled_densely(&url(&format!("http://h{n}/")), S, now);
        }
        assert_eq!(hosts.lock().len(), MOST);
        assert!(hosts.not_before(&url("http://real/"), now).is_some());
    }
}
