//! One request for what a playlist announces (`EXT-X-PRELOAD-HINT`), made before that is there: the origin holds it. What it
//! brought is written when a revision lists it, or it is known that none does.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::download::{Downloads, ask, count, report, write};
use super::fates::Destiny;
use super::guards::Place;
use crate::clock;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::{Enough, HeldAsk};
use crate::recorder::http::fetch::fetcher::Fetcher;
use crate::recorder::plan::{Done, Fate, Job};
use crate::session::{Availability, Outcome};

/// Why a request was given up whose hint has gone.
const WITHDRAWN: &str = "hint withdrawn";

/// Asks, until `stop` or until it is no longer announced.
pub(super) async fn hinted(
    downloads: &Downloads,
    mut job: Job,
    (place, mut destiny): (Place, Destiny),
    stop: CancellationToken,
) {
    let Downloads {
        queue,
        fetcher,
        playlists,
        ..
    } = downloads;
    let rest = rest(&job);
    let mut hops = ask_early(downloads, &job, (&mut destiny, &stop)).await;
    let then = destiny.now();
    keep_listed(fetcher, rest, then, &mut hops).await;
    had(downloads, &job, &hops, place).await;
    let fate = decided(&mut destiny, &stop).await;
    if then == Fate::Open {
        keep_listed(fetcher, rest, fate, &mut hops).await;
    }
    let good = hops.last().is_some_and(Hop::is_good);
    let listed_us = match fate {
        Fate::Listed(listed_us, range) => {
            job.key.range = range.filter(|_| rest.is_some()).or(job.key.range);
            Some(listed_us)
        }
        Fate::Open | Fate::Withdrawn => None,
    };
    let began_us = hops.first().map_or(0, Hop::response_us);
    job.availability = Availability::announced(began_us, listed_us);
    if listed_us.is_none() && !good {
        give_up(&mut hops, fate);
    }
    let now_us = fetcher.writer.clock().now_us();
    let is_news = count(playlists, &job, &hops, good, now_us);
    report(&job, &hops, good, is_news);
    write(queue, fetcher, &job, hops).await;
}

/// Where it begins, if its answer may go on behind what is meant.
fn rest(job: &Job) -> Option<u64> {
    match job.key.range {
        None => Some(0),
        Some(range) => range.is_rest().then_some(range.first),
    }
}

/// Asks, until enough has come or nobody waits for it any more.
async fn ask_early(
    downloads: &Downloads,
    job: &Job,
    (destiny, stop): (&mut Destiny, &CancellationToken),
) -> Vec<Hop> {
    let until = CancellationToken::new();
    let (enough, length) = watch::channel(None);
    let mut ask = ask(&downloads.playlists, job);
    ask.held = job.hint.map(|at_most| HeldAsk {
        awaited: None,
        at_most,
        until: until.clone(),
        enough: rest(job).map(|first| Enough { first, length }),
    });
    let chain = downloads.fetcher.chain(&ask);
    tokio::pin!(chain);
    let fate = tokio::select! {
        hops = &mut chain => return hops,
        fate = decided(destiny, stop) => fate,
    };
    match fate {
        // What is listed comes to its end.
        Fate::Listed(_, range) => {
            enough.send_replace(range.map(|range| range.length));
        }
        Fate::Open | Fate::Withdrawn => until.cancel(),
    }
    chain.await
}

/// Waits until it is known what becomes of it, or the recorder stops before that.
async fn decided(destiny: &mut Destiny, stop: &CancellationToken) -> Fate {
    tokio::select! {
        fate = destiny.known() => fate,
        () = stop.cancelled() => destiny.now(),
    }
}

/// Of a good answer that has more than what is listed, keeps that.
async fn keep_listed(fetcher: &Fetcher, rest: Option<u64>, fate: Fate, hops: &mut [Hop]) {
    if let (Some(_), Fate::Listed(_, Some(range))) = (rest, fate)
        && let Some(last) = hops.last_mut().filter(|last| last.is_good())
    {
        fetcher.keep_range(last, range).await;
    }
}

/// The plan knows of it before it is known what becomes of it: a revision that lists it does not ask for it again.
async fn had(downloads: &Downloads, job: &Job, hops: &[Hop], place: Place) {
    let last = hops.last();
    let done = match hops {
        _ if last.is_some_and(Hop::is_good) => Done::Good,
        [only] if only.was_not_asked => Done::Refused,
        _ if last.is_some_and(|last| last.outcome == Outcome::Disk) => Done::NotStored,
        _ => Done::Failed,
    };
    let mut plan = downloads.queue.plan().await;
    if let (Some(first), Some(last)) = (rest(job), last) {
        plan.came_of_rest(job, last.bytes_of_rest(first));
    }
    plan.done(job, done, last.and_then(Hop::sha256), clock::instant());
    drop(plan);
    place.ended();
    downloads.queue.guards.changed.notify_one();
}

/// Who follows a hint that goes away ignores what came for it: it is no answer, and nothing that the origin did wrong.
fn give_up(hops: &mut [Hop], fate: Fate) {
    let Some(last) = hops.last_mut() else { return };
    let was_cut_off = last.outcome == Outcome::Aborted;
    match (fate, last.status) {
        (Fate::Withdrawn, Some(status)) if !was_cut_off => {
            let error = format!("{WITHDRAWN}; HTTP {status} was the answer");
            last.fail(Outcome::Aborted, &error);
        }
        (Fate::Withdrawn, _) => last.fail(Outcome::Aborted, WITHDRAWN),
        _ if was_cut_off => {}
        _ => last.fail(
            Outcome::Aborted,
            "the recorder was stopped before it was listed",
        ),
    }
}
