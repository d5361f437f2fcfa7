//! Downloads that are slow: told while they are under way, counted when they are over.

use std::time::Duration;

use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::http::fetch::Hop;
use crate::recorder::plan::Job;
use crate::recorder::playlists::set::Playlists;
use crate::recorder::stats::outages::outage::Failed;
use crate::recorder::stats::outages::over::Class;
use crate::recorder::stats::pace::{self, Asked, Slow, UnderWay};
use crate::recorder::words;
use crate::session::{Kind, Outcome, SLOW, UNANSWERED};

/// So often those under way are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A request is made.
pub(super) fn begins(playlists: &Playlists, job: &Job, now_us: i64) -> UnderWay {
    let stats = playlists.stats(job.playlist);
    let asked = Asked {
        of: stats.as_ref().map_or(usize::MAX, |stats| stats.number),
        number: (job.kind == Kind::Segment).then_some(job.sequence),
        host: hosts::host_and_port(&job.url),
        place: words::resource_of(job.kind, &job.url),
        target_us: stats.map_or(0, |stats| stats.target_us()),
        asked_us: now_us,
    };
    playlists.all_stats().pace().begins(job.number, asked)
}

/// Tells of those under way that are slow; the numbers of their requests.
pub(super) fn look(playlists: &Playlists, now_us: i64) -> Vec<u64> {
    let all = playlists.all_stats();
    let slow = all.pace().look(now_us);
    for one in &slow {
        if one.is_new {
            all.met(now_us);
        }
        let what = what(one);
        if all
            .outages()
            .is_slow(failed(&one.asked, &[what]), one.is_new, clock::instant())
        {
            tell(one);
        }
    }
    for playlist in all.playlists() {
        let of = slow.iter().filter(|one| one.asked.of == playlist.number);
        let oldest = of.min_by_key(|one| one.asked.asked_us);
        playlist.slow.is(oldest);
    }
    slow.iter().map(|one| one.job).collect()
}

fn what(slow: &Slow) -> &'static str {
    match slow.has_begun {
        true => SLOW,
        false => UNANSWERED,
    }
}

fn failed<'a>(asked: &'a Asked, whats: &'a [&'a str]) -> Failed<'a> {
    Failed {
        class: Class::Chunks,
        of: asked.of,
        host: &asked.host,
        place: "",
        whats,
        since_us: asked.asked_us,
        number: asked.number,
        is_over: false,
        is_told: false,
    }
}

fn tell(slow: &Slow) {
    let (place, seconds) = (&slow.asked.place, slow.took_us as f64 / 1e6);
    match slow.has_begun {
        true => tracing::warn!(
            json.seconds = seconds,
            json.bytes = slow.bytes,
            "{place}: {SLOW}: {}",
            slow.told()
        ),
        false => tracing::warn!(
            json.seconds = seconds,
            "{place}: {UNANSWERED} for {seconds:.1} s"
        ),
    }
}

/// One is over: what was slow says so in the session.
pub(super) fn ended(playlists: &Playlists, under_way: UnderWay, hops: &mut [Hop], now_us: i64) {
    let (slow, was_known) = under_way.ends(now_us);
    let asked = &under_way.asked;
    let all = playlists.all_stats();
    let is_own = hops.iter().any(|hop| hop.own_reason.is_some());
    if was_known && let Some(stats) = all.playlists().get(asked.of) {
        stats.slow.ends(now_us);
    }
    let Some(last) = hops.last_mut() else { return };
    let waited_us = last.wait_us.or(last.failed_us).unwrap_or(0);
    let is_unanswered = waited_us > pace::limit_us(asked.target_us);
    let counts = (last.is_good() || last.outcome == Outcome::Aborted) && !is_own;
    let is_long = is_unanswered || was_known || slow.is_some();
    if !(counts && is_long) {
        if was_known {
            // It is a fault, and counted as that.
            all.outages().is_slow_no_more(asked.of, &asked.host);
        }
        return;
    }
    let took_us = now_us.saturating_sub(asked.asked_us);
    let what = match is_unanswered {
        true => UNANSWERED,
        false => {
            let bytes = last.wire_bytes.unwrap_or(0);
            let took = took_us as f64 / 1e6;
            last.begin_note(&format!("{SLOW}: {bytes} bytes in {took:.1} s"));
            SLOW
        }
    };
    all.count_slow(what, took_us);
    all.met(now_us);
    if !was_known {
        let whats = [what];
        let failed = failed(asked, &whats);
        let is_told = all.outages().is_slow(failed, true, clock::instant());
        if let (true, Some(slow)) = (is_told, slow) {
            tell(&slow);
        }
    }
}
