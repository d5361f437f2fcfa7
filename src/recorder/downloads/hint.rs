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
use crate::session::{Availability, ByteRange, Outcome};

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
    let until = CancellationToken::new();
    let mut ask = ask(playlists, &job);
    let rest = job.key.range.filter(ByteRange::is_rest);
    let (enough, length) = watch::channel(None);
    ask.held = job.hint.map(|at_most| HeldAsk {
        awaited: None,
        at_most,
        until: until.clone(),
        enough: rest.map(|rest| Enough {
            first: rest.first,
            length,
        }),
    });
    let mut hops = {
        let chain = fetcher.chain(&ask);
        tokio::pin!(chain);
        tokio::select! {
            hops = &mut chain => hops,
            fate = decided(&mut destiny, &stop) => {
                match fate {
                    // What is listed comes to its end.
                    Fate::Listed(_, range) => {
                        enough.send_replace(range.map(|range| range.length));
                    }
                    Fate::Open | Fate::Withdrawn => until.cancel(),
                }
                chain.await
            }
        }
    };
    if let (Some(_), Fate::Listed(_, Some(range)), Some(last)) =
        (rest, destiny.now(), hops.last_mut())
    {
        keep_listed(fetcher, last, range).await;
    }
    let is_listed = matches!(destiny.now(), Fate::Listed(..));
    let good = hops.last().is_some_and(Hop::is_good);
    // Of the rest of a resource nobody knows yet what is meant.
    let sha256 = hops.last().and_then(Hop::sha256).filter(|_| rest.is_none());
    let done = match hops.as_slice() {
        _ if good => Done::Good,
        [only] if only.was_not_asked => Done::Refused,
        _ => Done::Failed,
    };
    // Before what became of it is known: a revision that lists it does not ask for it again.
    {
        let mut plan = queue.plan().await;
        if let (Some(rest), Some(last)) = (rest, hops.last()) {
            plan.came_of_rest(&job, last.bytes_of_rest(rest.first));
        }
        plan.done(&job, done, sha256, clock::instant());
        place.ended();
    }
    queue.guards.changed.notify_one();
    let fate = decided(&mut destiny, &stop).await;
    let began_us = hops.first().map_or(0, Hop::response_us);
    let listed_us = match fate {
        Fate::Listed(listed_us, range) => {
            if let (Some(_), Some(range), Some(last)) = (rest, range, hops.last_mut()) {
                job.key.range = Some(range);
                if !is_listed {
                    keep_listed(fetcher, last, range).await;
                }
            }
            Some(listed_us)
        }
        Fate::Open | Fate::Withdrawn => None,
    };
    let good = hops.last().is_some_and(Hop::is_good);
    job.availability = Availability::announced(began_us, listed_us);
    if listed_us.is_none() && !good {
        give_up(&mut hops, fate);
    }
    let now_us = fetcher.writer.clock().now_us();
    let is_news = count(playlists, &job, &hops, good, now_us);
    report(&job, &hops, good, is_news);
    write(queue, fetcher, &job, hops).await;
}

/// Waits until it is known what becomes of it, or the recorder stops before that.
async fn decided(destiny: &mut Destiny, stop: &CancellationToken) -> Fate {
    tokio::select! {
        fate = destiny.known() => fate,
        () = stop.cancelled() => destiny.now(),
    }
}

/// Of a good answer, that has more than is listed.
async fn keep_listed(fetcher: &Fetcher, hop: &mut Hop, range: ByteRange) {
    if hop.is_good() {
        fetcher.keep_range(hop, range).await;
    }
}

/// Who follows a hint that goes away ignores what came for it: it is no answer, and nothing that the origin did wrong.
fn give_up(hops: &mut [Hop], fate: Fate) {
    let Some(last) = hops.last_mut() else { return };
    let was_cut_off = last.outcome == Outcome::Aborted;
    match (fate, last.status) {
        (Fate::Withdrawn, Some(status)) if !was_cut_off => {
            last.fail(
                Outcome::Aborted,
                &format!("{WITHDRAWN}; HTTP {status} was the answer"),
            );
        }
        (Fate::Withdrawn, _) => last.fail(Outcome::Aborted, WITHDRAWN),
        _ if was_cut_off => {}
        _ => last.fail(
            Outcome::Aborted,
            "the recorder was stopped before it was listed",
        ),
    }
}
