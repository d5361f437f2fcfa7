//! One download: what it is for the plan, and its exchanges, handed to the writer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::guards;
use super::queue::Queue;
use super::slow;
use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::http::fetch::exchanges::{Place, exchanges};
use crate::recorder::http::fetch::fetcher::Fetcher;
#[cfg(test)]
use crate::recorder::panics;
use crate::recorder::panics::Panics;
use crate::recorder::plan::{Done, Job, Key};
use crate::recorder::playlists::set::Playlists;
use crate::recorder::stats::board::PlaylistStats;
use crate::recorder::stats::fold::Met;
use crate::recorder::stats::lost::LostBy;
use crate::recorder::stats::outages::outage::Failed;
use crate::recorder::stats::outages::over::Class;
use crate::recorder::stats::trouble::LATELY_US;
use crate::recorder::words;
use crate::session::{Kind, Outcome, OwnReason};

/// What downloads share.
#[derive(Debug, Clone)]
pub(in crate::recorder) struct Downloads {
    pub queue: Arc<Queue>,
    pub fetcher: Fetcher,
    pub playlists: Arc<Playlists>,
    pub panics: Panics,
}

/// What redirected to a host that wants to be left alone may lead elsewhere by then.
const AGAIN_IN: Duration = Duration::from_secs(10);

pub(super) async fn download(downloads: &Downloads, job: Job, place: guards::Place) {
    let Downloads {
        queue,
        fetcher,
        playlists,
        ..
    } = downloads;
    let mut ask = ask(playlists, &job);
    let under_way = slow::begins(playlists, &job, fetcher.writer.clock().now_us());
    ask.progress = Some(Arc::clone(&under_way.progress));
    let mut hops = fetcher.chain(&ask).await;
    #[cfg(test)]
    panics::testing::pass(panics::testing::Place::Download, job.url.as_str());
    let short_by_end = hops.last().and_then(|hop| hop.short_by_end);
    if let Some(last) = hops.last_mut() {
        last.accept_end(job.known_end);
    }
    let good = hops.last().is_some_and(Hop::is_good);
    let is_put_off = hops.last().is_some_and(is_put_off);
    let is_own = job.is_known && !good && !is_put_off && pass_over(&mut hops, OwnReason::KeyAgain);
    if job.is_too_late && !good {
        pass_over(&mut hops, OwnReason::TooLate);
    }
    let done = match hops.as_slice() {
        _ if good || is_own => Done::Good,
        [only] if only.was_not_asked => Done::Refused,
        [.., last] if is_put_off => {
            let soon = clock::instant() + AGAIN_IN;
            Done::Held(last.held_until.map(|until| until.min(soon)))
        }
        [.., last] if last.outcome == Outcome::Disk => Done::NotStored,
        _ => Done::Failed,
    };
    let sha256 = hops.last().and_then(Hop::sha256);
    let is_new_key = good && job.kind == Kind::Key;
    // A 304 leaves what it confirms as it was.
    let version = hops
        .last()
        .filter(|hop| is_new_key && hop.confirms().is_none());
    let version = version.map(Hop::validators);
    let now_us = fetcher.writer.clock().now_us();
    slow::ended(playlists, under_way, &mut hops, now_us);
    let is_news = count(playlists, &job, &hops, good, now_us);
    report(&job, &hops, good, is_news);
    write(queue, fetcher, &job, hops).await;
    let mut plan = queue.plan().await;
    let now = clock::instant();
    plan.ends(&job, short_by_end, now);
    plan.done(&job, done, sha256, now);
    if let Some(validators) = version {
        plan.validate(&job.key, validators);
    }
    place.ended();
}

/// What is asked for.
pub(super) fn ask(playlists: &Playlists, job: &Job) -> Ask {
    Ask {
        url: (*job.url).clone(),
        kind: job.kind,
        reach: playlists.may_lead(job.playlist),
        downgraded: playlists.names_downgraded(job.playlist),
        range: job.key.range,
        validators: job.validators.clone(),
        expected: Bytes::new(),
        plain: false,
        lists: false,
        denser_than: None,
        patient_until: None,
        held: None,
        waits: None,
        progress: None,
    }
}

/// It is to be asked for again, as if it had not been.
fn is_put_off(hop: &Hop) -> bool {
    hop.own_reason.is_some_and(OwnReason::is_to_come)
}

/// What no player would meet is not held against the origin: a known key that cannot be had once more, since players keep
/// it by its URI; what it does not have to keep any more. Whether that is so.
fn pass_over(hops: &mut [Hop], why: OwnReason) -> bool {
    if hops.iter().any(|hop| hop.outcome == Outcome::Aborted) {
        return false;
    }
    for hop in hops.iter_mut() {
        hop.own_reason.get_or_insert(why);
        if why == OwnReason::KeyAgain {
            hop.add_note("the key was known; players keep it by its URI");
        }
    }
    true
}

pub(super) async fn write(queue: &Queue, fetcher: &Fetcher, job: &Job, hops: Vec<Hop>) {
    let known = |hop: &Hop, place| match place {
        Place::Head => (queue.resource(&job.key, job.kind), job.availability),
        Place::Redirected(head_us) => {
            let key = Key {
                url: Arc::new(hop.url.clone()),
                range: job.key.range,
            };
            (
                queue.resource(&key, job.kind),
                job.availability.hop(head_us),
            )
        }
    };
    for mut exchange in exchanges(hops, job.referrer, known) {
        if exchange.head_id.is_none() && job.url != job.key.url {
            exchange.asked_as = Some(job.url.to_string());
        }
        fetcher.writer.exchange(exchange).await;
    }
}

/// Counts what came; returns whether a fault is logged.
pub(super) fn count(
    playlists: &Playlists,
    job: &Job,
    hops: &[Hop],
    good: bool,
    now_us: i64,
) -> bool {
    let Some(stats) = playlists.stats(job.playlist) else {
        return false;
    };
    let bytes = hops.iter().filter_map(|h| h.wire_bytes).sum();
    PlaylistStats::count(&stats.bytes, bytes);
    let number = (job.kind == Kind::Segment).then_some(job.sequence);
    let aborted = hops.iter().any(|hop| !hop.is_fault());
    let Some(last) = hops.last() else {
        return false;
    };
    match (good, aborted) {
        (true, _) => {
            PlaylistStats::count(&stats.chunks, 1);
            number.into_iter().for_each(|one| stats.lost.comes(one));
            stats.losing.comes(now_us);
            let of = (stats.number, hosts::host_and_port(&last.url));
            let outages = playlists.all_stats().outages();
            outages.comes((of.0, &of.1), number, now_us);
            false
        }
        (false, false) => {
            let whose = match last.outcome.is_recorders() {
                true => LostBy::Recorder,
                false => LostBy::Origin,
            };
            number
                .into_iter()
                .for_each(|one| stats.lost.fails(one, now_us, whose));
            let since_us = hops.first().map_or(now_us, |head| head.requested_us);
            fails(playlists, job, last, (since_us, now_us))
        }
        (false, true) => {
            // Nobody waits for what was announced and is not listed.
            if last.outcome == Outcome::Aborted && job.hint.is_none() {
                number
                    .into_iter()
                    .for_each(|one| stats.lost.cut_off(one, now_us));
            }
            false
        }
    }
}

/// What was asked for did not come; whether that is logged.
fn fails(playlists: &Playlists, job: &Job, last: &Hop, (since_us, now_us): (i64, i64)) -> bool {
    let (all, what) = (playlists.all_stats(), last.fault_words());
    all.met(now_us);
    all.count_fault(job.kind, what.clone(), last.outcome);
    let Some(stats) = playlists.stats(job.playlist) else {
        return false;
    };
    stats.fault(last.outcome);
    // A full disk is the recorder's, and told as that.
    if last.outcome != Outcome::Disk {
        stats.losing.fails(&[&what], (since_us, now_us), LATELY_US);
    }
    if last.outcome.is_recorders() {
        // No host has to do with it.
        let met = Met {
            kind: job.kind,
            host: "",
        };
        return all.is_news(met, &words::not_kept(&what));
    }
    let host = hosts::host_and_port(&last.url);
    let failed = Failed {
        class: Class::Chunks,
        of: stats.number,
        host: &host,
        place: "",
        whats: &[&what],
        since_us,
        number: (job.kind == Kind::Segment).then_some(job.sequence),
        is_over: true,
        is_told: false,
    };
    all.outages().fails(failed, clock::instant())
}

pub(super) fn report(job: &Job, hops: &[Hop], good: bool, is_news: bool) {
    let Some(last) = hops.last() else { return };
    let name = crate::hls::resource_name(&job.key.url);
    if good {
        tracing::debug!(kind = %job.kind, bytes = last.wire_bytes, "{name:?}");
    } else if is_news {
        let place = words::resource_of(job.kind, &last.url);
        let told = words::sentence(&place, &last.url, last.status, last.error.as_deref());
        tracing::warn!(json.host = hosts::host_and_port(&last.url), kind = %job.kind, status = last.status, outcome = %last.outcome, "{told}");
    }
}
