use super::*;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::{Availability, NewExchange, SCHEMA};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MIB: u64 = 1024 * 1024;

fn store() -> Store {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chunks = ChunkDir::open_folder(folder.path()).unwrap();
    let mut store = Store::new(db, chunks, 0, 1);
    for name in ["main", "other"] {
        let url = format!("http://h/{name}.m3u8");
        store.stream(name, &url).unwrap();
    }
    store
}

/// A store where the first stream has so much to begin with, in bytes.
fn store_with(rows: u64) -> Store {
    let mut store = store();
    store.cache.allowances.insert(1, Allowance::of_rows(rows));
    store
}

fn key(url: &str) -> ResourceKey {
    ResourceKey::whole(1, Kind::Segment, url.to_owned())
}

fn number(store: &Store, sql: &str) -> u64 {
    let number: i64 = store.db.query_row(sql, [], |row| row.get(0)).unwrap();
    number.unsigned_abs()
}

fn size(store: &Store) -> u64 {
    number(
        store,
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    )
}

fn events(store: &Store) -> u64 {
    number(
        store,
        "SELECT count(*) FROM event WHERE kind = 'too many segments'",
    )
}

/// What a revision lists that was sent in so many bytes.
fn listing(revision: i64, sent: u64) -> NewListing {
    NewListing {
        revision,
        from_us: revision,
        sent,
        ..NewListing::default()
    }
}

/// A request that brought so many bytes.
fn asked(id: i64, url: &str, kind: Kind, bytes: u64) -> NewExchange {
    let resource = ResourceKey::whole(1, kind, url.to_owned());
    NewExchange {
        wire_bytes: Some(bytes),
        status: Some(200),
        ..NewExchange::requested(id, resource, Availability::Response, id)
    }
}

/// Lists things, then the poll that named them.
fn polled(store: &mut Store, listing: &NewListing) {
    store.listed(listing).unwrap();
    let mut poll = asked(
        listing.revision,
        "http://h/p.m3u8",
        Kind::Media,
        listing.sent,
    );
    store.exchange(&mut poll).unwrap();
}

#[test]
fn rows_of_urls_that_change_at_each_poll_cost_a_bounded_number_of_times_what_was_sent() {
    for length in [20, 300, 8_000] {
        for are_aliases in [false, true] {
            let mut store = store_with(2 * MIB);
            let mut sent = 0;
            for poll in 1..=60 {
                let long = "x".repeat(length);
                let mut listing = listing(poll, 2_000);
                for n in 0..40_000 / length.max(200) {
                    let url = format!("http://h/{n}/{long}%7e?{poll}");
                    match are_aliases {
                        true => listing.aliases.push((key(&format!("http://h/{n}")), url)),
                        false => listing.pending.push(key(&url)),
                    }
                }
                sent += listing.sent;
                polled(&mut store, &listing);
            }
            let most = 2 * MIB + ROWS_FACTOR * (sent + 60 * 256);
            // Pages of a tree are two thirds full, and there is a row for each poll.
            let most = most * 3 / 2 + 200_000;
            let size = size(&store);
            assert!(size < most, "{length} {are_aliases}: {size} of {most}");
            assert_eq!(events(&store), 1, "{length} {are_aliases}");
        }
    }
}

#[test]
fn a_channel_of_ten_thousand_signed_urls_is_noted_whole_at_each_poll() {
    let mut store = store();
    let url = |n: i64, poll: i64| {
        let token = format!("{poll:08}").repeat(48);
        format!(
            "https://cdn.example:8443/live/news/1080p/segment{n}.ts?Policy={token}&Key-Pair-Id=K"
        )
    };
    for poll in 1..=4 {
        let window = poll..poll + 10_000;
        let mut listing = listing(
            poll,
            window.clone().map(|n| url(n, poll).len() as u64).sum(),
        );
        let is_new = |n: &i64| poll == 1 || *n == window.end - 1;
        let (new, known): (Vec<i64>, Vec<i64>) = window.clone().partition(is_new);
        listing.pending = new.into_iter().map(|n| key(&url(n, poll))).collect();
        let first_poll = |n: i64| (n - 9_999).max(1);
        let alias = |n: i64| (key(&url(n, first_poll(n))), url(n, poll));
        listing.aliases = known.into_iter().map(alias).collect();
        polled(&mut store, &listing);
    }
    assert_eq!(number(&store, "SELECT count(*) FROM pending"), 10_003);
    assert_eq!(number(&store, "SELECT count(*) FROM alias"), 3 * 9_999);
    assert_eq!(events(&store), 0);
}

#[test]
fn what_is_asked_for_has_its_rows_whatever_its_stream_may_have() {
    let mut store = store_with(0);
    let mut first = listing(1, 0);
    first.pending = vec![key("http://h/a?1")];
    first.aliases = vec![(key("http://h/a?1"), "http://h/a?2".to_owned())];
    store.listed(&first).unwrap();
    let rows = "SELECT (SELECT count(*) FROM resource) + (SELECT count(*) FROM alias)
                     + (SELECT count(*) FROM pending) + (SELECT count(*) FROM query_names)";
    assert_eq!(number(&store, rows), 2, "what was typed");
    assert_eq!(events(&store), 1);
    let mut fetched = asked(2, "http://h/a?1", Kind::Segment, 1);
    fetched.asked_as = Some("http://h/a?2".to_owned());
    store.exchange(&mut fetched).unwrap();
    let found = "SELECT count(*) FROM alias a JOIN resource r ON r.id = a.resource_id
                  WHERE a.url = 'http://h/a?2' AND r.url = 'http://h/a?1'";
    assert_eq!(number(&store, found), 1);
    // It is waited for once more: it has a row.
    store.cache.allowances.insert(1, Allowance::of_rows(0));
    store.listed(&first).unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM pending"), 1);
}

#[test]
fn names_under_which_something_was_asked_for_are_not_only_listed() {
    let mut store = store_with(0);
    let mut noted = listing(0, 0);
    noted.aliases = vec![(key("http://h/a?1"), "http://h/a?2".to_owned())];
    let part = ResourceKey::whole(1, Kind::Main, "http://h/elsewhere.ts".to_owned());
    noted.pending = vec![part];
    store.listed(&noted).unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM alias"), 1);
    assert_eq!(number(&store, "SELECT count(*) FROM pending"), 1);
    assert_eq!(events(&store), 0);
}

#[test]
fn what_left_and_was_never_noted_leaves_no_rows() {
    let mut store = store();
    let mut listing = listing(1, 0);
    listing.gone = vec![key("http://h/never")];
    store.listed(&listing).unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM resource"), 2);
}

#[test]
fn what_is_noted_already_costs_nothing_again() {
    let mut store = store_with(10_000);
    for poll in 1..=200 {
        let mut listing = listing(poll, 0);
        listing.pending = vec![key("http://h/a?1")];
        listing.aliases = vec![(key("http://h/a?1"), format!("http://h/a?{}", poll % 2))];
        store.listed(&listing).unwrap();
    }
    assert_eq!(events(&store), 0);
}

#[test]
fn it_is_told_again_only_when_there_was_room_between() {
    let mut store = store_with(0);
    let mut poll = 0;
    let mut lists = |store: &mut Store, sent: u64| {
        poll += 1;
        let mut listing = listing(poll, sent);
        listing.pending = vec![key(&format!("http://h/{poll}{}", "x".repeat(8_000)))];
        polled(store, &listing);
    };
    (0..30).for_each(|_| lists(&mut store, 100));
    assert_eq!(events(&store), 1);
    let detail = "SELECT detail FROM event WHERE kind = 'too many segments'";
    let detail: String = store.db.query_row(detail, [], |row| row.get(0)).unwrap();
    assert!(detail.contains("URLs that main lists"), "{detail}");
    lists(&mut store, 8 * MIB);
    store
        .cache
        .allowances
        .get_mut(&1)
        .unwrap()
        .costs_more(u64::MAX);
    (0..30).for_each(|_| lists(&mut store, 100));
    assert_eq!(events(&store), 2);
}

#[test]
fn one_stream_takes_nothing_of_what_another_may_list() {
    let mut store = store_with(0);
    let mut listing = listing(1, 0);
    let other = ResourceKey::whole(2, Kind::Segment, "http://h/b".to_owned());
    listing.pending = vec![key("http://h/a"), other];
    store.listed(&listing).unwrap();
    let noted =
        "SELECT count(*) FROM pending JOIN resource ON id = resource_id WHERE stream_id = 2";
    assert_eq!(number(&store, noted), 1);
    assert_eq!(number(&store, "SELECT count(*) FROM pending"), 1);
}

/// Steps of SQLite's machine that it takes to note a revision.
fn steps(store: &mut Store, listing: &NewListing) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let each = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    store.db.progress_handler(1, Some(each)).unwrap();
    store.listed(listing).unwrap();
    store.db.progress_handler(0, None::<fn() -> bool>).unwrap();
    count.load(Ordering::Relaxed)
}

/// Keys before one segment, whose queries change with each poll.
fn keys(poll: i64, count: i64) -> NewListing {
    let mut listing = listing(poll, 0);
    let url = |n: i64, poll: i64| format!("http://h/k{n}?{poll}");
    for n in 0..count {
        match poll {
            1 => listing.pending.push(key(&url(n, 1))),
            _ => listing.aliases.push((key(&url(n, 1)), url(n, poll))),
        }
    }
    listing
}

#[test]
fn another_url_of_what_is_known_is_one_row_and_nothing_is_looked_up_for_it() {
    const COUNT: i64 = 30_000;
    let mut store = store();
    steps(&mut store, &keys(1, COUNT));
    let taken = steps(&mut store, &keys(2, COUNT));
    assert_eq!(number(&store, "SELECT count(*) FROM alias"), COUNT as u64);
    assert!(taken < 30 * COUNT as u64, "{taken}");
}

#[test]
fn what_is_not_noted_takes_no_step_of_the_database() {
    let mut store = store_with(0);
    let taken = steps(&mut store, &keys(2, 10_000));
    assert!(taken < 500, "{taken}");
}
