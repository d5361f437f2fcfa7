//! The loop that begins the downloads of a stream: a bounded number at once. After a panic it begins anew.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::download::{Downloads, download};
use super::fates::Destiny;
use super::guards::Place;
use super::hint::hinted;
use super::slow::{self, LOOK_EVERY};
use crate::clock;
use crate::recorder::admission::hosts;
#[cfg(test)]
use crate::recorder::panics;
use crate::recorder::panics::InARow;
use crate::recorder::plan::{GivenUp, Job, WhyGivenUp};
use crate::recorder::schedule::restart_delay;
use crate::recorder::stats::fold::Met;
use crate::recorder::stats::lost::LostBy;
use crate::recorder::words;
use crate::session::Kind;

/// How often it is looked whether there is room again.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(250);

/// Fetches what the plan says until `stop`; what is under way then is waited for. A loop that panics begins anew: what it
/// had under way is asked for again.
pub(in crate::recorder) async fn run(downloads: Downloads, stop: CancellationToken) {
    let mut in_a_row = InARow::new(clock::instant());
    let what = || "the loop of the downloads".to_owned();
    let fetch = || downloads.panics.contain(fetch(&downloads, &stop), what);
    while fetch().await.is_none() {
        let panics = in_a_row.count(clock::instant());
        downloads.queue.plan().await.requeue();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(restart_delay(panics)) => {}
        }
    }
}

async fn fetch(downloads: &Downloads, stop: &CancellationToken) {
    let Downloads {
        queue,
        fetcher,
        playlists,
        ..
    } = downloads;
    let most = fetcher.limits.downloads;
    let mut under_way = JoinSet::new();
    // Beside these: what the origin holds takes nobody's turn.
    let mut hints = JoinSet::new();
    let mut next_look = clock::instant() + LOOK_EVERY;
    let mut is_slow = false;
    loop {
        // What cannot be stored is not asked for.
        let has_room = fetcher.writer.has_room();
        let without_room = queue.plan().await.has_room(has_room, clock::instant());
        (0..without_room).for_each(|_| fetcher.writer.had_no_room());
        while has_room && let Some((job, place, destiny)) = queue.next_hint().await {
            let hint = contained_hint(downloads.clone(), (job, place, destiny), stop.clone());
            hints.spawn(hint.in_current_span());
        }
        while has_room && under_way.len() < most + queue.plan().await.slow() {
            let Some((job, place)) = queue.next().await else {
                break;
            };
            #[cfg(test)]
            panics::testing::pass(panics::testing::Place::Downloads, job.url.as_str());
            let download = contained(downloads.clone(), job, place);
            under_way.spawn(download.in_current_span());
        }
        let is_full;
        let (due, waiting, given_up) = {
            let mut plan = queue.plan().await;
            is_full = under_way.len() >= most + plan.slow();
            (plan.next_due(), plan.waiting(), plan.given_up())
        };
        given_up.iter().for_each(|one| tell_of(downloads, one));
        let load = playlists.all_stats().load();
        load.set(waiting, under_way.len());
        tokio::select! {
            () = stop.cancelled() => break,
            () = queue.guards.changed.notified() => {}
            Some(_) = under_way.join_next() => playlists.changed(),
            Some(_) = hints.join_next() => playlists.changed(),
            () = sleep_until(due), if has_room && !is_full => {}
            () = tokio::time::sleep(LOOK_FOR_ROOM), if !has_room => {}
            () = tokio::time::sleep_until(next_look), if is_slow || !under_way.is_empty() => {
                let late = clock::instant().saturating_duration_since(next_look);
                next_look = clock::instant() + LOOK_EVERY;
                // Answers may have come while this recorder stood still.
                if late < LOOK_EVERY {
                    is_slow = look(downloads).await;
                }
            }
        }
    }
    while under_way.join_next().await.is_some() {}
    while hints.join_next().await.is_some() {}
}

/// Tells of downloads that are slow, which hold up no others from then on; whether there are any.
async fn look(downloads: &Downloads) -> bool {
    let now_us = downloads.fetcher.writer.clock().now_us();
    let slow = slow::look(&downloads.playlists, now_us);
    if slow.is_empty() {
        return false;
    }
    let mut plan = downloads.queue.plan().await;
    slow.into_iter().for_each(|job| plan.is_slow(job));
    true
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// A download; one that panics gives its place back, and is made again.
async fn contained(downloads: Downloads, job: Job, place: Place) {
    let name = crate::hls::resource_name(&job.key.url);
    let what = || format!("the download of {name:?}");
    let download = download(&downloads, job, place);
    downloads.panics.contain(download, what).await;
}

/// A request for what is announced; one that panics is as if it had not been made.
async fn contained_hint(
    downloads: Downloads,
    (job, place, destiny): (Job, Place, Destiny),
    stop: CancellationToken,
) {
    let name = crate::hls::resource_name(&job.key.url);
    let what = || format!("the early request for {name:?}");
    let hint = hinted(&downloads, job, (place, destiny), stop);
    downloads.panics.contain(hint, what).await;
}

/// Logs what left its playlist and could not be fetched in time, and counts what was not asked for.
fn tell_of(downloads: &Downloads, given_up: &GivenUp) {
    let Downloads {
        fetcher, playlists, ..
    } = downloads;
    let stats = playlists.stats(given_up.playlist);
    let stats = stats.filter(|_| given_up.kind == Kind::Segment);
    let is_own = (stats.as_ref()).is_some_and(|stats| stats.lost.is_own(given_up.sequence));
    if let Some(stats) = stats {
        let now_us = fetcher.writer.clock().now_us();
        let fails = |whose| stats.lost.fails(given_up.sequence, now_us, whose);
        match given_up.why {
            WhyGivenUp::NoTurn { .. } => fails(LostBy::Limit),
            WhyGivenUp::LeftAlone => fails(LostBy::LeftAlone),
            WhyGivenUp::NoRoom => fails(LostBy::Recorder),
            WhyGivenUp::Failed => {
                let outages = playlists.all_stats().outages();
                outages.gives_up(stats.number, given_up.sequence);
            }
        }
    }
    let host = hosts::host_and_port(&given_up.key.url);
    let (what, told) = match given_up.why {
        WhyGivenUp::Failed if is_own => (
            "given up, as the recorder could not store it",
            ", and the recorder could not store it: given up".to_owned(),
        ),
        WhyGivenUp::Failed => ("given up", " and could not be had: given up".to_owned()),
        WhyGivenUp::LeftAlone => (
            "not asked for, as its host wants to be left alone",
            format!(" while {host} wanted to be left alone: it was not asked for"),
        ),
        WhyGivenUp::NoRoom => (
            "lost, as the recorder's disk was full",
            " while the recorder's disk was full: it is lost".to_owned(),
        ),
        WhyGivenUp::NoTurn { under_way, longest } => (
            "not asked for, as its downloads were all under way",
            no_turn(&host, (under_way, longest), fetcher.limits.downloads),
        ),
    };
    let kind = given_up.kind;
    let met = Met { kind, host: &host };
    if playlists.all_stats().is_news(met, what) {
        let name = crate::hls::resource_name(&given_up.key.url);
        tracing::warn!(%kind, "{name:?} left its playlist{told}");
    }
}

/// Why something had no turn, and what helps. `most`: downloads of a stream at once.
fn no_turn(host: &str, (under_way, longest): (usize, Duration), most: usize) -> String {
    let limit = words::limit_of_downloads(under_way, most);
    format!(
        " and was not asked for in time: what {host} sends is slow, all {under_way} downloads were under way, one for {:.1} s (--limit {limit}=N allows more at once)",
        longest.as_secs_f64()
    )
}
