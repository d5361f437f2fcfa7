//! L09 drip, L10 http: how what a low-latency playlist lists is delivered (RFC 8216bis 6.2.6, B.1).

use std::collections::{HashMap, VecDeque};

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Kind, SeenExchange, seconds};

/// Segments whose speed is remembered, ...
const MOST: usize = 64;
/// ... of so many bytes at least: less comes at once.
const LEAST_BYTES: u64 = 16 * 1024;
/// Playlists that are told apart.
const MOST_PLAYLISTS: usize = 10_000;
/// Parts in a row that have to trickle: one may have met a slow moment of the network.
const IN_A_ROW: u32 = 3;
/// A part that trickles comes so many times slower than segments do, which come at the speed of the link.
const SLOWER: f64 = 8.0;

/// How fast segments came lately, once they began, and how many parts of a playlist trickled one after the other.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// Bytes in a second.
    rates: VecDeque<f64>,
    trickled: HashMap<i64, u32>,
}

impl Deliveries {
    /// Takes in every answer; tells what is wrong with one of a low-latency playlist.
    pub(super) fn judge(&mut self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        if !answered.is_good() || answered.stood_still {
            return;
        }
        let exchange = answered.exchange;
        if answered.part_target_us.is_some() {
            http(answered, out);
        }
        if !answered.is_media() {
            return;
        }
        let rate = rate(exchange);
        match exchange.kind {
            Kind::Part => self.part(answered, rate, out),
            Kind::Segment if exchange.wire_bytes >= LEAST_BYTES => {
                if self.rates.len() >= MOST {
                    self.rates.pop_front();
                }
                self.rates.push_back(rate);
            }
            _ => {}
        }
    }

    /// The speed that half of the segments had.
    fn usual(&self) -> f64 {
        let mut rates: Vec<f64> = self.rates.iter().copied().collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(0.0)
    }

    fn part(&mut self, answered: &Answered<'_>, rate: f64, out: &mut Vec<Broken>) {
        let exchange = answered.exchange;
        let (Some(target_us), Some((playlist, _))) = (answered.part_target_us, exchange.listed_by)
        else {
            return;
        };
        if self.trickled.len() >= MOST_PLAYLISTS && !self.trickled.contains_key(&playlist) {
            return;
        }
        let took_us = exchange.receive_us.unwrap_or(0);
        let is_slow = took_us >= target_us / 2 && rate * SLOWER < self.usual();
        let trickles = is_slow
            && exchange
                .arrival
                .as_deref()
                .is_some_and(|arrival| is_even(arrival, took_us, exchange.wire_bytes));
        let count = self.trickled.entry(playlist).or_default();
        *count = if trickles { count.saturating_add(1) } else { 0 };
        if *count >= IN_A_ROW {
            let text = format!(
                "the body of a part took {:.2} s from its first byte to its last, PART-TARGET is {} s: it is sent while it is made",
                seconds(took_us),
                seconds(target_us)
            );
            out.push(
                Broken::new("L09", text)
                    .worse(took_us)
                    .with("seconds", seconds(took_us)),
            );
        }
    }
}

/// Bytes in a second, from the first byte on.
#[allow(clippy::cast_precision_loss)]
fn rate(exchange: &SeenExchange) -> f64 {
    let us = exchange.receive_us.unwrap_or(0).max(1_000);
    exchange.wire_bytes as f64 * 1e6 / us as f64
}

/// Whether a body came all the time, and not in one piece behind a break: at half of its time between a quarter and three quarters of it
/// had come.
fn is_even(arrival: &str, took_us: i64, bytes: u64) -> bool {
    let Ok(points) = serde_json::from_str::<Vec<(i64, u64)>>(arrival) else {
        return false;
    };
    let before = points.iter().take_while(|(at_us, _)| *at_us <= took_us / 2);
    let half = before.last().map_or(0, |(_, bytes)| *bytes);
    points.len() > 2 && (bytes / 4..=bytes / 4 * 3).contains(&half)
}

/// L10. A browser and a player speak HTTP/1.1 where there is no TLS: that is H11's.
fn http(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let exchange = answered.exchange;
    let is_judged = answered.is_playlist() || answered.is_media();
    if is_judged && exchange.is_http1 && exchange.url.starts_with("https:") {
        let text = format!(
            "{} of a low-latency playlist is answered over HTTP/1.1, though HTTP/2 was offered",
            exchange.kind.one()
        );
        out.push(Broken::new("L10", text).kind("http"));
    }
    let cache = answered.field("x-cache").unwrap_or_default();
    let is_hit = cache.to_ascii_lowercase().contains("hit");
    if is_judged && is_hit && answered.age_us().is_none() {
        let text = format!(
            "{} came out of a cache (X-Cache: {cache}) without Age: a player cannot tell how old it is",
            exchange.kind.one()
        );
        out.push(Broken::new("L10", text).kind("age"));
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::analysis::rules::http::testing::{good, headers};

    const TARGET_US: i64 = 500_000;

    /// Rules that are told of answers.
    fn told(all: &[SeenExchange], fields: &[(&str, &str)]) -> Vec<&'static str> {
        let (mut deliveries, mut out) = (Deliveries::default(), Vec::new());
        let fields = headers(fields);
        for exchange in all {
            let answered = Answered {
                part_target_us: Some(TARGET_US),
                ..Answered::new(exchange, &fields)
            };
            deliveries.judge(&answered, &mut out);
        }
        out.iter().map(|broken| broken.rule).collect()
    }

    fn part(receive_us: i64, arrival: &str) -> SeenExchange {
        SeenExchange {
            receive_us: Some(receive_us),
            wire_bytes: 40_000,
            arrival: Some(arrival.to_owned()),
            ..good(Kind::Part, "http://localhost/p1.m4s")
        }
    }

    const EVEN: &str = "[[0,2000],[100000,10000],[200000,20000],[300000,30000],[400000,40000]]";

    #[test]
    fn parts_are_sent_when_they_are_whole() {
        let fast = good(Kind::Segment, "http://localhost/s1.m4s");
        let drips = part(400_000, EVEN);
        let with = |parts: &[SeenExchange]| {
            let all: Vec<_> = std::iter::once(fast.clone())
                .chain(parts.iter().cloned())
                .collect();
            told(&all, &[])
        };
        assert_eq!(
            with(&[drips.clone(), drips.clone(), drips.clone()]),
            ["L09"]
        );
        assert_eq!(
            with(&[drips.clone(), drips.clone()]),
            [""; 0],
            "a slow moment"
        );
        let stops = part(
            400_000,
            "[[0,2000],[390000,39000],[395000,39500],[400000,40000]]",
        );
        assert_eq!(
            with(&[stops.clone(), stops.clone(), stops]),
            [""; 0],
            "it broke off for a while"
        );
        let quick = part(30_000, "[[0,2000],[10000,20000],[30000,40000]]");
        assert_eq!(
            with(&[drips.clone(), drips.clone(), quick, drips.clone()]),
            [""; 0]
        );
        let slow_link: Vec<_> = (0..5).map(|_| drips.clone()).collect();
        assert_eq!(told(&slow_link, &[]), [""; 0], "nothing came faster");
    }

    #[test]
    fn low_latency_needs_http_2_and_the_age_of_copies() {
        let list = SeenExchange {
            is_http1: true,
            ..good(Kind::Media, "https://localhost/list.m3u8")
        };
        assert_eq!(told(from_ref(&list), &[]), ["L10"]);
        let second = SeenExchange {
            is_http1: false,
            ..list.clone()
        };
        assert_eq!(told(from_ref(&second), &[]), [""; 0]);
        let plain = SeenExchange {
            url: "http://localhost/list.m3u8".to_owned(),
            ..list
        };
        assert_eq!(told(from_ref(&plain), &[]), [""; 0]);
        let hit = [("x-cache", "TCP_HIT from edge")];
        assert_eq!(told(from_ref(&second), &hit), ["L10"]);
        assert_eq!(told(from_ref(&second), &[hit[0], ("age", "0")]), [""; 0]);
        assert_eq!(told(from_ref(&second), &[("x-cache", "MISS")]), [""; 0]);
    }
}
