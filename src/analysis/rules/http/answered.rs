//! P01 not-a-playlist, H10 redirect, L05 block: what was answered.

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Outcome, seconds};

pub(super) fn judge(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let exchange = answered.exchange;
    if answered.is_playlist()
        && exchange.status == Some(200)
        && exchange.outcome == Outcome::NotAPlaylist
    {
        let why = exchange
            .error
            .as_deref()
            .unwrap_or("its first line is not #EXTM3U");
        out.push(Broken::new(
            "P01",
            format!("200 was answered, and what came is no playlist: {why}"),
        ));
    }
    let is_redirect = matches!(exchange.status, Some(301 | 302 | 303 | 307 | 308));
    if is_redirect && answered.is_media() && exchange.head_id.is_none() {
        let to = answered.field("location").unwrap_or("nowhere");
        out.push(Broken::new(
            "H10",
            format!("{} is redirected to {to}", exchange.kind.one()),
        ));
    }
    blocked(answered, out);
}

fn blocked(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let exchange = answered.exchange;
    let Some(met) = exchange.directives_met.filter(|_| answered.is_good()) else {
        return;
    };
    if met == Some(false) {
        let wait = seconds(exchange.wait_us.unwrap_or(0));
        let text =
            format!("a blocking request was answered after {wait} s without what it asked for");
        out.push(Broken::new("L05", text));
    }
    let target_us = exchange.revision.and_then(|(target_us, _)| target_us);
    if let (Some(wait_us), Some(target_us)) = (exchange.wait_us, target_us)
        && wait_us > target_us.saturating_mul(3)
    {
        let text = format!(
            "a blocking request was held for {} s: more than three target durations",
            seconds(wait_us)
        );
        out.push(Broken::new("L05", text).kind("held"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::{found, good, headers, of_segment};
    use crate::session::{Kind, SeenExchange};

    #[test]
    fn what_is_listed_is_there() {
        let gone = SeenExchange {
            status: Some(404),
            ..good(Kind::Segment, "http://localhost/s1.ts")
        };
        assert_eq!(found(&[(gone.clone(), of_segment())]), ["H01"]);
        let own = SeenExchange {
            is_own: true,
            ..gone.clone()
        };
        assert_eq!(found(&[(own, of_segment())]), Vec::<&str>::new());
        let withdrawn = SeenExchange {
            outcome: Outcome::Aborted,
            ..gone.clone()
        };
        assert_eq!(found(&[(withdrawn, of_segment())]), Vec::<&str>::new());
        let busy = SeenExchange {
            status: Some(503),
            ..gone
        };
        assert_eq!(found(&[(busy, of_segment())]), Vec::<&str>::new());
    }

    #[test]
    fn a_web_page_is_no_playlist() {
        let page = SeenExchange {
            outcome: Outcome::NotAPlaylist,
            ..good(Kind::Media, "http://localhost/list.m3u8")
        };
        assert_eq!(
            found(&[(page, headers(&[("content-type", "text/html")]))]),
            ["P01"]
        );
    }

    #[test]
    fn a_segment_that_is_redirected() {
        let away = SeenExchange {
            status: Some(302),
            ..good(Kind::Segment, "http://localhost/s1.ts")
        };
        assert_eq!(
            found(&[(away, headers(&[("location", "http://other/s1.ts")]))]),
            ["H10"]
        );
    }

    #[test]
    fn a_blocking_request_gets_what_it_asks_for_and_in_time() {
        let held = SeenExchange {
            directives_met: Some(Some(true)),
            revision: Some((Some(4_000_000), false)),
            ..good(Kind::Media, "http://localhost/list.m3u8")
        };
        let fields = headers(&[
            ("content-encoding", "gzip"),
            ("content-type", "application/vnd.apple.mpegurl"),
        ]);
        assert_eq!(found(&[(held.clone(), fields.clone())]), Vec::<&str>::new());
        let early = SeenExchange {
            directives_met: Some(Some(false)),
            ..held.clone()
        };
        assert_eq!(found(&[(early, fields.clone())]), ["L05"]);
        let late = SeenExchange {
            wait_us: Some(13_000_000),
            ..held
        };
        assert_eq!(found(&[(late, fields)]), ["L05"]);
    }
}
