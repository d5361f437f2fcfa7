//! One request for what a playlist announces (`EXT-X-PRELOAD-HINT`), made before that is there: the origin holds it. What it
//! brought is written when a revision lists it, or it is known that none does.

use tokio_util::sync::CancellationToken;

use super::download::{Downloads, ask, count, report, write};
use super::fates::Destiny;
use super::guards::Place;
use crate::clock;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::HeldAsk;
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
    let until = CancellationToken::new();
    let mut ask = ask(playlists, &job);
    ask.held = job.hint.map(|at_most| HeldAsk {
        awaited: None,
        at_most,
        until: until.clone(),
    });
    let mut hops = {
        let chain = fetcher.chain(&ask);
        tokio::pin!(chain);
        tokio::select! {
            hops = &mut chain => hops,
            () = no_longer_wanted(&mut destiny, &stop) => {
                until.cancel();
                chain.await
            }
        }
    };
    let good = hops.last().is_some_and(Hop::is_good);
    let sha256 = hops.last().and_then(Hop::sha256);
    let done = match hops.as_slice() {
        _ if good => Done::Good,
        [only] if only.was_not_asked => Done::Refused,
        _ => Done::Failed,
    };
    // Before what became of it is known: a revision that lists it does not ask for it again.
    {
        let mut plan = queue.plan().await;
        plan.done(&job, done, sha256, clock::instant());
        place.ended();
    }
    queue.guards.changed.notify_one();
    let fate = tokio::select! {
        fate = destiny.known() => fate,
        () = stop.cancelled() => destiny.now(),
    };
    let began_us = hops.first().map_or(0, Hop::response_us);
    let listed_us = match fate {
        Fate::Listed(listed_us) => Some(listed_us),
        Fate::Open | Fate::Withdrawn => None,
    };
    job.availability = Availability::announced(began_us, listed_us);
    if listed_us.is_none() && !good {
        give_up(&mut hops, fate);
    }
    let now_us = fetcher.writer.clock().now_us();
    let is_news = count(playlists, &job, &hops, good, now_us);
    report(&job, &hops, good, is_news);
    write(queue, fetcher, &job, hops).await;
}

/// Waits until it is announced no more, or the recorder stops before it is listed. What is listed comes to its end.
async fn no_longer_wanted(destiny: &mut Destiny, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        fate = destiny.known() => match fate {
            Fate::Withdrawn => {}
            _ => std::future::pending().await,
        },
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
