//! Tails whose store never answers, or whose thread is gone.

use super::*;
use crate::session::Held;
use crate::session::write::keep::tests::history::{Channel, History, Poll, SECOND};
use crate::store::testing::{Fails, Objects};
use crate::upkeep::clip::tests::after;

/// Longer than anything takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(history: &History, longest_end: Duration) -> TailOptions {
    TailOptions {
        session: history.folder.clone(),
        url: StoreUrl::parse("s3://media/tv").unwrap(),
        volume_us: 5 * SECOND,
        // All of it is settled.
        clock: Clock::start().not_before(history.now_us + SETTLED_US),
        held: Held::new(false),
        keeps_some: true,
        longest_end,
    }
}

fn tail(options: TailOptions, objects: &Objects, fails: Fails) -> Tail {
    let objects = objects.clone();
    let open = move || Ok(objects.store(fails));
    Tail::into(options, TailState::default(), open).unwrap()
}

async fn left(tail: Tail) -> Option<Left> {
    let left = tokio::time::timeout(PATIENCE, tail.finish()).await;
    left.unwrap()
}

#[tokio::test]
async fn behind_the_end_a_store_that_never_answers_is_not_waited_for() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let objects = Objects::default();
    let options = options(&history, Duration::from_millis(100));
    let held = options.held.clone();
    let tail = tail(options, &objects, Fails::Hangs);
    let begun = clock::instant();
    while objects.asked() == 0 {
        assert!(begun.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    tail.ending();
    let left = left(tail).await.unwrap();
    assert!(
        !left.is_nothing && !left.has_some && left.until_us.is_none(),
        "{left:?}"
    );
    assert_eq!(held.since_us(false), Some(i64::MAX));
}

#[tokio::test]
async fn what_is_left_at_the_end_is_uploaded_and_nothing_is_said_to_be_missing() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let objects = Objects::default();
    let tail = tail(options(&history, PATIENCE), &objects, Fails::Never);
    tail.ending();
    let left = left(tail).await.unwrap();
    assert!(left.is_nothing && left.has_some && !left.lacks, "{left:?}");
    assert_eq!((left.until_us, left.bytes), (Some(history.now_us), 0));
}

#[tokio::test]
async fn a_thread_that_dies_holds_nothing_any_more_and_is_not_waited_for() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let options = options(&history, PATIENCE);
    let held = options.held.clone();
    assert_eq!(held.since_us(false), Some(i64::MIN));
    let tail = Tail::into(options, TailState::default(), || {
        panic!("a fault of this program")
    });
    assert_eq!(left(tail.unwrap()).await, None);
    assert_eq!(held.since_us(false), Some(i64::MAX));
}
