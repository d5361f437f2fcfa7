//! What is fetched next, and what is one resource.

mod again;

use std::sync::Arc;

use super::items::content::{Content, EarlierRun};
use super::model::*;
use super::state::Plan;
use crate::hls::Step;
use crate::recorder::http::validators::Validators;
use crate::recorder::settings::limits::Limits;
use crate::recorder::settings::limits::TRIES_AFTER_END;
use crate::session::{Availability, ByteRange, Kind};
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A plan of one stream with a clock of its own.
struct Planned {
    plan: Plan,
    now: Instant,
    exchange: i64,
}

impl Planned {
    fn new() -> Self {
        Self {
            plan: Plan::new(&Limits::default()),
            now: crate::clock::instant(),
            exchange: 0,
        }
    }

    /// A revision of playlist `id` that lists these segments; 6 s after the one before.
    fn lists(&mut self, id: PlaylistId, segments: &[(u64, &str)]) -> Changes {
        let wanted = segments.iter().map(|(n, uri)| segment(*n, uri)).collect();
        self.revision(id, wanted, Step::Slid, false)
    }

    fn revision(
        &mut self,
        playlist: PlaylistId,
        wanted: Vec<Wanted>,
        step: Step,
        ended: bool,
    ) -> Changes {
        self.exchange += 1;
        self.now += Duration::from_secs(6);
        let segments = wanted.iter().filter(|w| w.kind == Kind::Segment);
        let listing = Listing {
            duration: segments.map(|w| w.duration).sum(),
            playlist,
            exchange: self.exchange,
            from_us: self.exchange * 6_000_000,
            target_duration_us: 6_000_000,
            wanted,
            step,
            ended,
        };
        self.plan.revision(&listing, self.now)
    }

    fn next(&mut self) -> Option<Job> {
        self.plan.next(self.now, |_| false, |_, _| None)
    }

    /// Takes everything there is to fetch, each with success.
    fn fetch_all(&mut self) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(job) = self.next() {
            self.plan.done(&job, Done::Good, None, self.now);
            asked.push(name(&job.url));
        }
        asked
    }
}

fn segment(sequence: u64, uri: &str) -> Wanted {
    wanted(Kind::Segment, sequence, sequence, uri)
}

fn wanted(kind: Kind, sequence: u64, last_use: u64, uri: &str) -> Wanted {
    let url = Url::parse("http://h/live/").unwrap().join(uri).unwrap();
    Wanted {
        kind,
        url: Arc::new(url),
        range: None,
        sequence,
        last_use,
        part: 0,
        duration: Duration::from_secs(6),
        hinted: false,
    }
}

fn name(url: &Url) -> String {
    url.as_str().trim_start_matches("http://h/live/").to_owned()
}

#[test]
fn newest_first_then_backwards() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts"), (2, "2.ts"), (3, "3.ts")]);
    plan.lists(1, &[(11, "a.ts"), (12, "b.ts")]);
    assert_eq!(plan.fetch_all(), ["b.ts", "a.ts", "3.ts", "2.ts", "1.ts"]);
    assert!(plan.plan.is_idle());
}

#[test]
fn the_live_edge_of_each_playlist_comes_before_the_window_of_any() {
    let mut plan = Planned::new();
    plan.lists(
        0,
        &[
            (1, "1.ts"),
            (2, "2.ts"),
            (3, "3.ts"),
            (4, "4.ts"),
            (5, "5.ts"),
        ],
    );
    plan.next().unwrap();
    plan.lists(1, &[(1, "a.ts"), (2, "b.ts"), (3, "c.ts")]);
    assert_eq!(
        plan.fetch_all(),
        ["c.ts", "b.ts", "a.ts", "4.ts", "3.ts", "2.ts", "1.ts"]
    );
}

fn part(sequence: u64, part: u64, uri: &str) -> Wanted {
    Wanted {
        part,
        ..wanted(Kind::Part, sequence, sequence, uri)
    }
}

/// A revision that goes on from the one before by so many parts of segment 2; each is asked for.
fn parts(plan: &mut Planned, all: &[Wanted]) -> (Changes, Vec<String>) {
    let changes = plan.revision(0, all.to_vec(), Step::Same, false);
    (changes, plan.fetch_all())
}

#[test]
fn parts_of_the_live_edge_come_before_segments_and_each_once() {
    let mut plan = Planned::new();
    let first = [
        segment(1, "1.mp4"),
        part(2, 0, "2.0.mp4"),
        part(2, 1, "2.1.mp4"),
    ];
    let (_, asked) = parts(&mut plan, &first);
    assert_eq!(asked, ["2.1.mp4", "2.0.mp4", "1.mp4"]);
    let whole = [
        part(2, 0, "2.0.mp4"),
        part(2, 1, "2.1.mp4"),
        part(2, 2, "2.2.mp4"),
        segment(2, "2.mp4"),
    ];
    let (_, asked) = parts(&mut plan, &whole);
    assert_eq!(asked, ["2.2.mp4", "2.mp4"]);
    let (_, asked) = parts(&mut plan, &[segment(2, "2.mp4"), part(3, 0, "3.0.mp4")]);
    assert_eq!(asked, ["3.0.mp4"]);
}

#[test]
fn parts_that_differ_in_their_query_alone_are_told_apart_by_their_place_in_the_segment() {
    let mut plan = Planned::new();
    let (_, asked) = parts(
        &mut plan,
        &[part(2, 0, "p?n=0&t=a"), part(2, 1, "p?n=1&t=a")],
    );
    assert_eq!(asked.len(), 2);
    let (changes, asked) = parts(
        &mut plan,
        &[
            part(2, 0, "p?n=0&t=b"),
            part(2, 1, "p?n=1&t=b"),
            part(2, 2, "p?n=2&t=b"),
        ],
    );
    assert_eq!(asked, ["p?n=2&t=b"]);
    assert_eq!(changes.aliases.len(), 2);
}

#[test]
fn parts_whose_path_is_signed_anew_are_known_by_their_place_in_the_segment() {
    let mut plan = Planned::new();
    parts(
        &mut plan,
        &[part(2, 0, "tok1/2.0.mp4"), part(2, 1, "tok1/2.1.mp4")],
    );
    let (changes, asked) = parts(
        &mut plan,
        &[
            part(2, 0, "tok2/2.0.mp4"),
            part(2, 1, "tok2/2.1.mp4"),
            part(2, 2, "tok2/2.2.mp4"),
        ],
    );
    assert_eq!(asked, ["tok2/2.2.mp4"]);
    assert_eq!(changes.aliases.len(), 2);
}

#[test]
fn where_first_parts_of_a_segment_have_left_none_is_taken_for_another() {
    let mut plan = Planned::new();
    parts(
        &mut plan,
        &[
            part(2, 0, "p?n=0"),
            part(2, 1, "p?n=1"),
            part(2, 2, "p?n=2"),
        ],
    );
    let (changes, asked) = parts(
        &mut plan,
        &[
            part(2, 0, "p?n=1"),
            part(2, 1, "p?n=2"),
            part(2, 2, "p?n=3"),
        ],
    );
    assert_eq!(asked, ["p?n=3"]);
    assert_eq!(changes.aliases, []);
}

#[test]
fn tokens_that_change_are_the_same_segment() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts?t=a"), (2, "2.ts?t=a")]);
    assert_eq!(plan.fetch_all(), ["2.ts?t=a", "1.ts?t=a"]);
    let changes = plan.lists(0, &[(2, "2.ts?t=b"), (3, "3.ts?t=b")]);
    let aliases: Vec<_> = changes
        .aliases
        .iter()
        .map(|(k, _, u)| (name(&k.url), name(u)))
        .collect();
    assert_eq!(aliases, [("2.ts?t=a".to_owned(), "2.ts?t=b".to_owned())]);
    assert_eq!(plan.fetch_all(), ["3.ts?t=b"]);
    assert!(
        plan.lists(0, &[(2, "2.ts?t=b"), (3, "3.ts?t=b")])
            .aliases
            .is_empty()
    );
    let again = plan.lists(0, &[(2, "2.ts?t=c"), (3, "3.ts?t=c")]);
    assert_eq!(
        name(&again.aliases[0].0.url),
        "2.ts?t=a",
        "of the first URL, however many tokens later"
    );
    assert_eq!(plan.fetch_all(), [""; 0]);
}

#[test]
fn a_failed_segment_is_tried_again_with_the_newest_token() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts?t=a")]);
    let job = plan.next().unwrap();
    plan.plan.done(&job, Done::Failed, None, plan.now);
    assert!(plan.next().is_none(), "not at once");
    plan.lists(0, &[(1, "1.ts?t=b")]);
    let retry = plan.next().unwrap();
    assert_eq!(name(&retry.url), "1.ts?t=b");
    assert_eq!(name(&retry.key.url), "1.ts?t=a");
    assert_eq!(retry.availability, Availability::Request);
}

#[test]
fn queries_that_matter_are_other_segments() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "s.ts?seq=1"), (2, "s.ts?seq=2")]);
    assert_eq!(plan.fetch_all().len(), 2);
    let changes = plan.lists(0, &[(2, "s.ts?seq=2"), (3, "s.ts?seq=3")]);
    assert!(changes.aliases.is_empty());
    assert_eq!(plan.fetch_all(), ["s.ts?seq=3"]);
}

#[test]
fn a_name_that_left_and_comes_back_is_fetched_again() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "0.ts")]);
    plan.fetch_all();
    plan.lists(0, &[(1, "1.ts")]);
    plan.fetch_all();
    // At its own place it is itself; at another one it is another segment.
    plan.lists(0, &[(0, "0.ts")]);
    assert_eq!(plan.fetch_all(), [""; 0]);
    plan.lists(0, &[(1, "1.ts")]);
    plan.lists(0, &[(2, "0.ts")]);
    let job = plan.next().unwrap();
    assert_eq!(job.availability, Availability::Listed(30_000_000));
}

#[test]
fn a_restart_makes_known_names_new() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "0.ts"), (1, "1.ts")]);
    plan.fetch_all();
    plan.revision(0, vec![segment(0, "0.ts")], Step::Restarted, false);
    assert_eq!(plan.fetch_all(), ["0.ts"]);
}

#[test]
fn a_slate_is_fetched_once_for_all_of_a_text_and_not_again_for_what_stays_listed() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "slate.ts"), (2, "slate.ts"), (3, "slate.ts")]);
    assert_eq!(plan.fetch_all(), ["slate.ts"]);
    plan.lists(0, &[(2, "slate.ts"), (3, "slate.ts")]);
    assert_eq!(plan.fetch_all(), [""; 0]);
}

#[test]
fn what_a_host_has_that_wants_to_be_left_alone_waits_and_holds_up_no_other() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts"), (2, "http://busy/2.ts"), (3, "3.ts")]);
    let until = plan.now + Duration::from_secs(9);
    let bans = |url: &Url, now| (url.host_str() == Some("busy") && now < until).then_some(until);
    let next = |plan: &mut Planned| {
        plan.plan
            .next(plan.now, |_| false, bans)
            .map(|job| name(&job.url))
    };
    assert_eq!(next(&mut plan).as_deref(), Some("3.ts"));
    assert_eq!(next(&mut plan).as_deref(), Some("1.ts"));
    assert_eq!(next(&mut plan), None);
    assert_eq!(plan.plan.next_due(), Some(until));
    plan.now = until;
    let job = plan.plan.next(plan.now, |_| false, bans).unwrap();
    assert_eq!(name(&job.url), "http://busy/2.ts");
    let listed = Availability::Listed(6_000_000);
    assert_eq!(job.availability, listed, "it was not asked for before");
    // What it says to who asks too often is no answer either.
    plan.plan.done(&job, Done::Held(None), None, plan.now);
    assert_eq!(plan.next().map(|job| name(&job.url)), None);
    plan.now += Duration::from_secs(1);
    assert_eq!(plan.next().map(|job| job.availability), Some(listed));
}

#[test]
fn what_leaves_before_it_came_is_tried_as_long_as_the_origin_keeps_it() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts"), (2, "2.ts"), (3, "3.ts")]);
    let begun = plan.now;
    let changes = plan.lists(0, &[(4, "4.ts"), (5, "5.ts"), (6, "6.ts")]);
    assert!(changes.gone.is_empty(), "somebody may still wait for it");
    let left = plan.now;
    let mut asked = Vec::new();
    while !plan.plan.is_idle() {
        while let Some(job) = plan.next() {
            let is_one = name(&job.url) == "1.ts";
            let done = match is_one {
                true => Done::Failed,
                false => Done::Good,
            };
            plan.plan.done(&job, done, None, plan.now);
            let is_last = !plan.plan.given_up().is_empty();
            if is_one {
                asked.push((plan.now - left, job.is_too_late, is_last));
            }
        }
        let due = plan.plan.next_due();
        plan.now = plan.now.max(due.unwrap_or(plan.now));
    }
    assert_eq!(
        asked.first().unwrap().0,
        Duration::ZERO,
        "late for the first time"
    );
    // It appeared 12 s before it was listed, and left 6 s later: 24 s of 6 s and a playlist of 18 s.
    assert_eq!(begun + Duration::from_secs(6), left);
    for (since, is_too_late, _) in &asked {
        assert_eq!(*is_too_late, *since > Duration::from_secs(6), "{since:?}");
    }
    let (last, _, is_last) = *asked.last().unwrap();
    assert!(
        is_last && asked.iter().filter(|try_| try_.2).count() == 1,
        "told once"
    );
    assert_eq!(
        last,
        Duration::from_secs(24),
        "as long as from when it left"
    );
    assert!(asked.len() >= 5, "{asked:?}");
    let gone = plan.lists(0, &[(6, "6.ts")]).gone;
    assert_eq!(gone.len(), 1, "nobody is to wait any more");
    assert_eq!(plan.plan.items.len(), 1);
}

#[test]
fn what_is_late_holds_up_nothing_that_is_listed() {
    let mut plan = Planned::new();
    let names: Vec<String> = (0..40).map(|n| format!("{n}.ts")).collect();
    let many: Vec<(u64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    plan.lists(0, &many[..20]);
    plan.lists(0, &many[20..]);
    let asked: Vec<String> = std::iter::from_fn(|| plan.next())
        .map(|j| name(&j.url))
        .collect();
    let listed = ["39.ts", "38.ts", "37.ts", "36.ts"];
    let late = ["19.ts", "18.ts", "17.ts", "16.ts"];
    assert_eq!(asked, [listed, late].concat());
}

#[test]
fn what_hangs_and_leaves_holds_up_nothing_that_is_listed() {
    let mut plan = Planned::new();
    let names: Vec<String> = (0..40).map(|n| format!("{n}.ts")).collect();
    let many: Vec<(u64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    plan.lists(0, &many[..4]);
    let hang: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    assert_eq!(hang.len(), 4);
    plan.lists(0, &many[10..14]);
    let more: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    assert_eq!(more.len(), 4);
    plan.lists(0, &many[20..24]);
    assert!(plan.next().is_none(), "so many and no more");
    for job in hang.iter().chain(&more) {
        plan.plan.done(job, Done::Good, None, plan.now);
    }
    assert_eq!(plan.fetch_all().len(), 4);
    assert!(plan.plan.is_idle() && plan.plan.under_way.is_empty());
}

#[test]
fn of_very_much_that_is_late_the_oldest_is_given_up() {
    let mut plan = Planned::new();
    let names: Vec<String> = (0..3000).map(|n| format!("{n}.ts")).collect();
    let many: Vec<(u64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    plan.lists(0, &many[..1000]);
    assert_eq!(plan.lists(0, &many[1000..2000]).gone.len(), 0);
    let gone = plan.lists(0, &many[2000..]).gone;
    assert_eq!(gone.len(), 2000 - 1024);
    assert!(
        gone.iter()
            .all(|(key, _)| many[..1000].iter().any(|(_, n)| *n == name(&key.url)))
    );
    let long = format!("{}.ts", "x".repeat(600_000));
    plan.lists(0, &[(4000, &long)]);
    plan.lists(0, &[(4001, &format!("y{long}"))]);
    let gone = plan.lists(0, &[(4002, "4002.ts")]).gone;
    assert!(gone.len() > 1000, "{}", gone.len());
}

#[test]
fn what_is_late_and_listed_again_is_the_same_or_another() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts"), (2, "2.ts")]);
    plan.lists(0, &[(2, "2.ts"), (3, "3.ts")]);
    let behind = vec![segment(1, "1.ts"), segment(2, "2.ts")];
    let changes = plan.revision(0, behind, Step::Behind, false);
    assert!(changes.pending.is_empty(), "it is waited for already");
    let first = Availability::Listed(6_000_000);
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let one = jobs.iter().find(|job| name(&job.url) == "1.ts").unwrap();
    assert_eq!(one.availability, first);
    plan.plan.done(one, Done::Failed, None, plan.now);
    plan.lists(0, &[(8, "8.ts")]);
    let changes = plan.lists(0, &[(9, "1.ts")]);
    assert_eq!(changes.pending.len(), 1, "its name is used again");
    let again = plan.next().unwrap();
    assert_eq!(name(&again.url), "1.ts");
    assert_eq!(again.availability, Availability::Listed(30_000_000));
    // From then on nobody knows what a name stands for that has left.
    assert_eq!(plan.plan.late.len(), 2);
    plan.plan.done(&again, Done::Failed, None, plan.now);
    assert_eq!(plan.lists(0, &[(10, "10.ts")]).gone.len(), 1);
}

#[test]
fn what_is_late_when_its_stream_ends_is_waited_for_and_no_longer() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts")]);
    plan.revision(0, vec![segment(2, "2.ts")], Step::Slid, true);
    let ended = plan.now;
    while !plan.plan.is_idle() {
        match plan.next() {
            Some(job) => {
                let done = match name(&job.url).as_str() {
                    "1.ts" => Done::Failed,
                    _ => Done::Good,
                };
                plan.plan.done(&job, done, None, plan.now);
            }
            None => plan.now = plan.plan.next_due().unwrap(),
        }
    }
    assert_eq!(plan.now - ended, Duration::from_secs(12));
}

#[test]
fn what_two_playlists_list_stays_until_both_drop_it() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts")]);
    plan.lists(1, &[(1, "1.ts")]);
    plan.plan.remove(0, plan.now);
    assert_eq!(plan.fetch_all(), ["1.ts"]);
    plan.plan.remove(1, plan.now);
    assert!(plan.plan.items.len() == 0);
}

/// A playlist with a key and this last segment that uses it.
fn keyed(plan: &mut Planned, id: PlaylistId, last: u64, step: Step) -> Changes {
    let key = wanted(Kind::Key, 1, last, "key");
    let segment = segment(last, &format!("{id}-{last}.ts"));
    plan.revision(id, vec![key, segment], step, false)
}

fn is_key(name: &String) -> bool {
    name == "key"
}

#[test]
fn a_known_key_is_asked_for_again_after_ten_minutes_and_at_a_restart_only() {
    let mut plan = Planned::new();
    let mut asked_at = Vec::new();
    // Two playlists, each with a new segment every 12 s.
    for n in 1..=130 {
        keyed(&mut plan, n as usize % 2, n, Step::Slid);
        if plan.fetch_all().iter().any(is_key) {
            asked_at.push(n);
        }
    }
    assert_eq!(asked_at, [1, 101], "at once, and 600 s later");
    keyed(&mut plan, 0, 1, Step::Restarted);
    let job = plan.next().unwrap();
    assert_eq!(job.availability, Availability::Listed(131 * 6_000_000));
    assert!(job.is_known && is_key(&name(&job.url)) || plan.fetch_all().iter().any(is_key));
}

#[test]
fn a_key_that_was_never_had_is_asked_for_whenever_new_segments_use_it() {
    let mut plan = Planned::new();
    for n in 1..4 {
        keyed(&mut plan, 0, n, Step::Slid);
        let keys = std::iter::from_fn(|| plan.next()).filter(|job| {
            let is_key = job.kind == Kind::Key;
            assert!(!(is_key && job.is_known));
            is_key
        });
        let keys: Vec<Job> = keys.collect();
        assert_eq!(keys.len(), 1, "{n}");
        for job in &keys {
            plan.plan.done(job, Done::Failed, None, plan.now);
        }
    }
}

#[test]
fn what_comes_of_a_slow_key_server_is_for_the_segments_of_meanwhile_too() {
    let mut plan = Planned::new();
    keyed(&mut plan, 0, 1, Step::Slid);
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let key = jobs.iter().find(|job| job.kind == Kind::Key).unwrap();
    keyed(&mut plan, 0, 2, Step::Slid);
    plan.plan.done(key, Done::Good, None, plan.now);
    assert!(!plan.fetch_all().iter().any(is_key));
    // A restart in the meantime is another matter; what came before it is known all the same.
    let mut plan = Planned::new();
    keyed(&mut plan, 0, 5, Step::Slid);
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let key = jobs.iter().find(|job| job.kind == Kind::Key).unwrap();
    keyed(&mut plan, 0, 1, Step::Restarted);
    plan.plan.done(key, Done::Good, None, plan.now);
    let again: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let again: Vec<&Job> = again.iter().filter(|job| job.kind == Kind::Key).collect();
    assert_eq!(again.len(), 1);
    assert!(again[0].is_known, "players would not ask");
}

#[test]
fn a_key_that_left_and_comes_back_is_known_and_edges_that_take_turns_do_not_have_it_fetched() {
    let mut plan = Planned::new();
    keyed(&mut plan, 0, 1, Step::Slid);
    plan.fetch_all();
    for n in 2..4 {
        plan.lists(0, &[(n, "clear.ts")]);
        keyed(&mut plan, 0, n + 1, Step::Behind);
        plan.now -= Duration::from_secs(12);
        assert!(!plan.fetch_all().iter().any(is_key));
    }
    plan.lists(0, &[(5, "clear.ts")]);
    plan.now += Duration::from_secs(60);
    let changes = keyed(&mut plan, 0, 6, Step::Slid);
    assert!(changes.pending.iter().any(|(_, kind)| *kind == Kind::Key));
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let key = jobs.iter().find(|job| job.kind == Kind::Key).unwrap();
    assert!(key.is_known, "so a failure is nobody's but the recorder's");
}

#[test]
fn a_known_key_is_asked_for_with_what_its_last_answer_said_of_its_version() {
    let mut plan = Planned::new();
    keyed(&mut plan, 0, 1, Step::Slid);
    plan.fetch_all();
    let jobs = keyed(&mut plan, 0, 2, Step::Restarted).pending;
    let (key, _) = jobs.iter().find(|(_, kind)| *kind == Kind::Key).unwrap();
    let version = Validators {
        url: (*key.url).clone(),
        etag: Some(http::HeaderValue::from_static("\"1\"")),
        last_modified: None,
        exchange: 7,
    };
    plan.plan.validate(key, Some(version.clone()));
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    for job in jobs {
        let known = (job.kind == Kind::Key).then(|| version.clone());
        assert_eq!(job.validators, known, "{:?}", job.kind);
    }
}

#[test]
fn there_is_an_end_to_the_keys_that_are_remembered() {
    let mut plan = Planned::new();
    for n in 0..3000 {
        let uri = format!("key{n}");
        plan.revision(0, vec![wanted(Kind::Key, n, n, &uri)], Step::Slid, false);
        plan.fetch_all();
    }
    let known = |n: u64| {
        let key = wanted(Kind::Key, n, n, &format!("key{n}"));
        plan.plan.keys.is_known(&Key {
            url: key.url,
            range: None,
        })
    };
    assert!((3000 - 1024..3000).all(known));
    assert!(!(0..3000 - 1024).any(known));
}

#[test]
fn downloads_on_account_of_one_playlist_are_bounded() {
    let mut plan = Planned::new();
    let names: Vec<String> = (0..20).map(|n| format!("{n}.ts")).collect();
    let many: Vec<(u64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    plan.lists(0, &many);
    plan.lists(1, &[(1, "other.ts")]);
    let asked: Vec<String> = std::iter::from_fn(|| plan.next())
        .map(|j| name(&j.url))
        .collect();
    assert_eq!(asked, ["other.ts", "19.ts", "18.ts", "17.ts", "16.ts"]);
}

#[test]
fn what_an_ended_playlist_lists_is_given_up_at_last() {
    let mut plan = Planned::new();
    plan.revision(0, vec![segment(1, "1.ts")], Step::Slid, true);
    let mut tries = 0;
    while !plan.plan.is_idle() {
        plan.now += Duration::from_secs(60);
        let job = plan.next().unwrap();
        plan.plan.done(&job, Done::Failed, None, plan.now);
        tries += 1;
    }
    assert_eq!(tries, TRIES_AFTER_END);
}

#[test]
fn edges_that_take_turns_cost_no_download_twice() {
    let mut plan = Planned::new();
    let ahead = [(3, "3.ts"), (4, "4.ts"), (5, "5.ts")];
    let behind = [(2, "2.ts"), (3, "3.ts"), (4, "4.ts")];
    plan.lists(0, &behind);
    assert_eq!(plan.fetch_all().len(), 3);
    plan.lists(0, &ahead);
    assert_eq!(plan.fetch_all(), ["5.ts"]);
    let lags = |plan: &mut Planned| {
        let wanted = behind.map(|(n, uri)| segment(n, uri)).to_vec();
        plan.revision(0, wanted, Step::Behind, false);
    };
    for _ in 0..3 {
        lags(&mut plan);
        plan.lists(0, &ahead);
        assert_eq!(plan.fetch_all(), [""; 0]);
    }
    plan.now += Duration::from_secs(120);
    lags(&mut plan);
    assert_eq!(
        plan.fetch_all(),
        ["2.ts"],
        "after a while it may be another one"
    );
}

#[test]
fn an_initialization_section_that_is_named_again_is_asked_for_again() {
    let mut plan = Planned::new();
    let init = |sequence, last| wanted(Kind::Init, sequence, last, "init.mp4");
    plan.revision(
        0,
        vec![init(1, 2), segment(1, "1.m4s"), segment(2, "2.m4s")],
        Step::Slid,
        false,
    );
    assert_eq!(plan.fetch_all().len(), 3);
    plan.revision(
        0,
        vec![init(2, 3), segment(2, "2.m4s"), segment(3, "3.m4s")],
        Step::Slid,
        false,
    );
    assert_eq!(plan.fetch_all(), ["3.m4s"], "the window slid");
    let again = vec![
        init(3, 3),
        segment(3, "3.m4s"),
        init(4, 4),
        segment(4, "4.m4s"),
    ];
    plan.revision(0, again, Step::Slid, false);
    let mut asked = plan.fetch_all();
    asked.sort();
    assert_eq!(asked, ["4.m4s", "init.mp4"]);
}

#[test]
fn a_long_list_that_becomes_short_is_taken_in_at_once() {
    let mut plan = Planned::new();
    let names: Vec<String> = (0..50_000).map(|n| format!("{n}.ts")).collect();
    let many: Vec<(u64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    plan.lists(0, &many);
    let changes = plan.lists(0, &many[49_995..]);
    let late = plan.plan.late.len();
    assert_eq!(changes.gone.len(), 49_995 - late);
    assert_eq!(plan.fetch_all().len(), 5 + late);
    assert_eq!(plan.plan.items.len(), 5);
}

#[test]
fn what_is_refused_is_not_tried_again() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "1.ts")]);
    let job = plan.next().unwrap();
    plan.plan.done(&job, Done::Refused, None, plan.now);
    plan.now += Duration::from_secs(60);
    plan.lists(0, &[(1, "1.ts"), (2, "2.ts")]);
    assert_eq!(plan.fetch_all(), ["2.ts"]);
    assert!(plan.plan.is_idle());
}

#[test]
fn more_than_it_can_hold_is_left_out_the_oldest_first() {
    let mut plan = Planned::new();
    plan.plan = Plan::new(&Limits {
        listed: 3,
        ..Limits::default()
    });
    let names: Vec<String> = (0..9).map(|n| format!("{n}.ts")).collect();
    let all: Vec<(u64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    let changes = plan.lists(0, &all);
    assert_eq!(changes.pending.len(), 3);
    assert_eq!(plan.fetch_all(), ["8.ts", "7.ts", "6.ts"]);
    assert_eq!(
        plan.lists(1, &all[..2]).too_many,
        2,
        "no room besides these"
    );
}

proptest! {
    /// What is listed is found where it was put, and nothing is kept that is not listed.
    #[test]
    fn whatever_is_listed_is_known_and_nothing_else(
        revisions in prop::collection::vec(
            (0..2_usize, prop::collection::vec((0..4_u64, 0..6_u8, 0..2_u8), 0..6), 0..5_u8),
            1..20,
        ),
    ) {
        let mut plan = Planned::new();
        for (playlist, listed, what) in revisions {
            let step = match what {
                0 => Step::Restarted,
                1 => Step::Behind,
                _ => Step::Slid,
            };
            let mut wanted: Vec<Wanted> = listed
                .iter()
                .map(|(n, name, token)| segment(*n, &format!("{name}.ts?{token}")))
                .collect();
            wanted.sort_by_key(|wanted| wanted.sequence);
            plan.revision(playlist, wanted, step, false);
            if what == 2 {
                plan.fetch_all();
            }
            if what == 3 {
                plan.plan.remove(1 - playlist, plan.now);
            }
            let plan = &plan.plan;
            let mut known = HashSet::new();
            for (id, playlist) in &plan.playlists {
                for listed in &playlist.listed {
                    let item = plan.items.item_at(listed.slot, &listed.key);
                    prop_assert!(item.is_some_and(|item| item.listed_by.get(*id).is_some()));
                    prop_assert_eq!(plan.items.slot(&listed.key), Some(listed.slot));
                    known.insert(&listed.key);
                }
            }
            prop_assert_eq!(plan.items.len(), known.len() + plan.late.len());
        }
    }
}

#[test]
fn an_answer_to_a_request_of_before_says_nothing_of_the_one_that_is_under_way() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "0.ts")]);
    let before = plan.next().unwrap();
    plan.revision(0, vec![segment(9, "9.ts")], Step::Restarted, false);
    plan.fetch_all();
    plan.revision(0, vec![segment(0, "0.ts")], Step::Restarted, false);
    let now = plan.next().unwrap();
    assert_eq!(name(&now.url), "0.ts");
    plan.plan.done(&before, Done::Good, None, plan.now);
    plan.plan.done(&now, Done::Failed, None, plan.now);
    assert!(plan.plan.next_due().is_some(), "it is tried again");
}

#[test]
fn what_is_under_way_for_a_playlist_that_was_dropped_is_waited_for() {
    for last in 0..3 {
        let mut plan = Planned::new();
        plan.plan.most_late = 1;
        plan.lists(0, &[(0, "0.ts"), (1, "1.ts"), (2, "2.ts")]);
        let mut jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
        jobs.rotate_left(last);
        plan.plan.remove(0, plan.now);
        for job in &jobs {
            assert!(!plan.plan.is_idle());
            plan.plan.done(job, Done::Good, None, plan.now);
        }
        assert!(plan.plan.is_idle());
    }
}

#[test]
fn what_was_not_asked_for_since_all_downloads_hang_is_given_up_as_that() {
    let mut plan = Planned::new();
    plan.lists(
        0,
        &[
            (0, "0.ts"),
            (1, "1.ts"),
            (2, "2.ts"),
            (3, "3.ts"),
            (4, "4.ts"),
        ],
    );
    let hanging: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    assert_eq!(hanging.len(), 4);
    plan.now += Duration::from_secs(28);
    plan.lists(0, &[(9, "9.ts")]);
    plan.now += Duration::from_secs(700);
    while plan.next().is_some() {}
    let given_up = plan.plan.given_up();
    let [oldest] = given_up.as_slice() else {
        panic!("{given_up:?}");
    };
    assert_eq!(
        name(&oldest.key.url),
        "0.ts",
        "the newest are asked for first"
    );
    let WhyGivenUp::NoTurn { under_way, longest } = oldest.why else {
        panic!("{oldest:?}");
    };
    assert_eq!((under_way, longest), (4, Duration::from_secs(34)));
    for job in &hanging {
        plan.plan.done(job, Done::Failed, None, plan.now);
    }
    let failed = plan.plan.given_up();
    assert!(failed.iter().all(|one| one.why == WhyGivenUp::Failed));
}

/// Four hang, and 0.ts leaves its playlist without its turn; then one of the four comes, and 0.ts is asked for.
fn asked_for_behind_its_turn() -> (Planned, Job) {
    let mut plan = Planned::new();
    let five: Vec<String> = (0..5).map(|n| format!("{n}.ts")).collect();
    let five: Vec<(u64, &str)> = (0..).zip(five.iter().map(String::as_str)).collect();
    plan.lists(0, &five);
    let hanging: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    plan.lists(0, &[(9, "9.ts")]);
    // What is under way has taken the places of what is late, too.
    for job in &hanging {
        plan.plan.done(job, Done::Good, None, plan.now);
    }
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let late = jobs.iter().find(|job| name(&job.key.url) == "0.ts");
    (plan, late.unwrap().clone())
}

#[test]
fn what_is_asked_for_when_nobody_has_to_keep_it_any_more_had_no_turn() {
    let (mut plan, job) = asked_for_behind_its_turn();
    assert!(!job.is_too_late);
    plan.plan.done(&job, Done::Failed, None, plan.now);
    let why = |plan: &mut Planned| {
        plan.now += Duration::from_secs(700);
        while plan.next().is_some() {}
        plan.plan.given_up().pop().unwrap().why
    };
    assert_eq!(why(&mut plan), WhyGivenUp::Failed, "it was there to be had");
    let (mut plan, mut job) = asked_for_behind_its_turn();
    job.is_too_late = true;
    plan.plan.done(&job, Done::Failed, None, plan.now);
    assert!(matches!(why(&mut plan), WhyGivenUp::NoTurn { .. }));
}

#[test]
fn what_left_while_there_was_no_room_is_the_recorders_loss_whatever_is_answered_then() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "0.ts"), (1, "1.ts"), (2, "2.ts")]);
    // One is asked for, and cannot be stored; one fails before, and the third has no turn until there is no room.
    let (two, one) = (plan.next().unwrap(), plan.next().unwrap());
    plan.plan.done(&two, Done::NotStored, None, plan.now);
    plan.plan.done(&one, Done::Failed, None, plan.now);
    assert_eq!(plan.plan.has_room(false, plan.now), 0);
    plan.lists(0, &[(9, "9.ts")]);
    let without_room = plan.plan.has_room(true, plan.now);
    assert_eq!(without_room, 0, "it is still asked for");
    plan.now += Duration::from_secs(2);
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let too_late = |job: &Job| (name(&job.key.url), job.is_too_late);
    let mut too_late: Vec<_> = jobs.iter().map(too_late).collect();
    too_late.sort();
    let wanted = [
        ("0.ts", true),
        ("1.ts", false),
        ("2.ts", true),
        ("9.ts", false),
    ];
    assert_eq!(too_late, wanted.map(|(name, is)| (name.to_owned(), is)));
    for job in &jobs {
        plan.plan.done(job, Done::Failed, None, plan.now);
    }
    plan.now += Duration::from_secs(700);
    while plan.next().is_some() {}
    let mut why: Vec<_> = (plan.plan.given_up().iter())
        .map(|one| (name(&one.key.url), one.why))
        .collect();
    why.sort_by(|one, other| one.0.cmp(&other.0));
    let wanted = [
        ("0.ts", WhyGivenUp::NoRoom),
        ("1.ts", WhyGivenUp::Failed),
        ("2.ts", WhyGivenUp::NoRoom),
    ];
    assert_eq!(why, wanted.map(|(name, why)| (name.to_owned(), why)));
}

#[test]
fn what_left_while_there_was_no_room_is_not_kept_once_nobody_asks_for_it_any_more() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "0.ts")]);
    plan.plan.has_room(false, plan.now);
    plan.lists(0, &[(1, "1.ts")]);
    assert_eq!(plan.plan.has_room(false, plan.now), 0);
    assert_eq!(plan.plan.has_room(true, plan.now), 0);
    let mut kept = plan.fetch_all();
    kept.sort();
    assert_eq!(kept, ["0.ts", "1.ts"], "there is room in time");
    plan.plan.has_room(false, plan.now);
    plan.lists(0, &[(2, "2.ts")]);
    plan.lists(0, &[(3, "3.ts")]);
    plan.now += Duration::from_secs(700);
    assert_eq!(plan.plan.has_room(false, plan.now), 1, "2.ts");
    plan.lists(0, &[(4, "4.ts")]);
    let (_, without_room) = plan.plan.forget_late();
    assert_eq!(without_room, 1, "3.ts, when the recording ends");
}

#[test]
fn slow_requests_hold_up_no_others_and_are_few() {
    let mut plan = Planned::new();
    let all: Vec<String> = (0..100).map(|n| format!("{n}.ts")).collect();
    let all: Vec<(u64, &str)> = (0..).zip(all.iter().map(String::as_str)).collect();
    plan.lists(0, &all);
    let (mut slow, mut asked) = (Vec::new(), 0);
    loop {
        let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
        if jobs.is_empty() {
            break;
        }
        asked += jobs.len();
        jobs.iter().for_each(|job| plan.plan.is_slow(job.number));
        // Once more says nothing new.
        jobs.iter().for_each(|job| plan.plan.is_slow(job.number));
        slow.extend(jobs);
    }
    let most = Limits::default().slow_downloads();
    assert_eq!((asked, plan.plan.slow()), (most + 4, most));
    for job in &slow {
        plan.plan.done(job, Done::Good, None, plan.now);
    }
    assert_eq!(plan.plan.slow(), 0);
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    assert_eq!(jobs.len(), 4, "places are as many as ever");
}

#[test]
fn what_is_late_waits_for_no_host_longer_than_it_is_tried() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "0.ts")]);
    plan.lists(0, &[(1, "1.ts")]);
    let banned = plan.now + Duration::from_secs(600);
    assert!(
        plan.plan
            .next(plan.now, |_| false, |_, _| Some(banned))
            .is_none()
    );
    let due = plan.plan.next_due().unwrap();
    assert!(due < plan.now + Duration::from_secs(60), "{due:?}");
    plan.now = due;
    assert!(
        plan.plan
            .next(plan.now, |_| false, |_, _| Some(banned))
            .is_none()
    );
    let given_up = plan.plan.given_up();
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].why, WhyGivenUp::LeftAlone);
}

#[test]
fn a_name_that_was_to_be_compared_and_is_given_up_leaves_the_next_one_to_be() {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "a/1.ts"), (2, "a/2.ts")]);
    plan.fetch_all();
    plan.lists(0, &[(1, "b/1.ts"), (2, "b/2.ts")]);
    // It leaves, and is given up before it was asked for.
    plan.lists(0, &[(2, "b/2.ts"), (3, "b/3.ts")]);
    plan.now += Duration::from_secs(600);
    assert_eq!(plan.fetch_all(), ["b/3.ts"]);
    plan.lists(0, &[(2, "b/02.ts"), (3, "b/3.ts")]);
    assert_eq!(plan.fetch_all(), ["b/02.ts"]);
}

#[test]
fn what_the_run_before_knew_is_not_fetched_again_and_names_that_were_other_bytes_stay_so() {
    let mut plan = Planned::new();
    let key = |uri: &str| Key {
        url: Arc::new(format!("http://h/live/{uri}").parse().unwrap()),
        range: None,
    };
    let before = EarlierRun {
        listed: vec![
            (1, key("a/1.ts"), [1; 32]),
            (2, key("a/2.ts"), [2; 32]),
            (3, key("a/3.ts"), [3; 32]),
            (3, key("b/3.ts"), [4; 32]),
        ],
        keys: Vec::new(),
        known_for: Duration::from_secs(60),
    };
    plan.plan.take_up(0, before, plan.now);
    let changes = plan.lists(0, &[(1, "b/1.ts"), (2, "b/2.ts"), (3, "a/3.ts")]);
    assert_eq!(changes.pending.len(), 2);
    assert_eq!(
        plan.fetch_all(),
        ["b/2.ts", "b/1.ts"],
        "of b, since that is another encoder"
    );
    let known = Content::from_digest([3; 32]);
    assert_eq!(plan.plan.content(0, &key("a/3.ts")), known);
}

#[test]
fn of_a_revision_that_was_not_taken_in_to_its_end_others_fetch_what_they_list_and_it_can_come_again()
 {
    let mut plan = Planned::new();
    plan.lists(0, &[(1, "a.ts"), (2, "b.ts")]);
    plan.lists(1, &[(2, "b.ts"), (3, "c.ts")]);
    // As a panic in the middle leaves it.
    plan.plan.playlists.remove(&0);
    plan.plan.withdraw(0, 3);
    let mut fetched = plan.fetch_all();
    fetched.sort();
    assert_eq!(fetched, ["b.ts", "c.ts"]);
    let changes = plan.lists(0, &[(1, "a.ts"), (2, "b.ts")]);
    assert_eq!((changes.gone.len(), changes.pending.len()), (1, 1));
    assert_eq!(plan.fetch_all(), ["a.ts"]);
    assert!(plan.plan.is_idle());
}

fn hint(sequence: u64, part: u64, uri: &str) -> Wanted {
    Wanted {
        hinted: true,
        ..self::part(sequence, part, uri)
    }
}

impl Planned {
    /// A revision that lists this.
    fn says(&mut self, wanted: &[Wanted]) -> Changes {
        self.revision(0, wanted.to_vec(), Step::Slid, false)
    }

    fn next_hint(&mut self) -> Option<Job> {
        self.plan.next_hint(self.now, |_| false, |_, _| None)
    }

    /// What became of what was announced.
    fn fates(&mut self) -> Vec<Fate> {
        let fates = self.plan.take_fates();
        fates.into_iter().map(|(_, fate)| fate).collect()
    }
}

#[test]
fn what_is_announced_is_asked_for_once_and_is_what_is_listed_later() {
    for came_first in [true, false] {
        let mut plan = Planned::new();
        let one = part(2, 0, "2.0.mp4");
        let changes = plan.says(&[one.clone(), hint(2, 1, "2.1.mp4?a")]);
        assert_eq!(
            changes.pending.len(),
            1,
            "nobody waits for what is announced"
        );
        assert_eq!(plan.fetch_all(), ["2.0.mp4"]);
        let job = plan.next_hint().unwrap();
        assert_eq!(
            (name(&job.url).as_str(), job.hint),
            ("2.1.mp4?a", Some(Duration::from_secs(18)))
        );
        // It is announced still, by an edge that lags behind not.
        plan.says(&[one.clone(), hint(2, 1, "2.1.mp4?a")]);
        plan.revision(0, vec![], Step::Behind, false);
        assert!(plan.next_hint().is_none() && plan.fates().is_empty());
        if came_first {
            plan.plan.done(&job, Done::Good, None, plan.now);
        }
        // Under another token.
        let changes = plan.says(&[one, part(2, 1, "2.1.mp4?b"), hint(2, 2, "2.2.mp4")]);
        let listed_us = plan.exchange * 6_000_000;
        assert_eq!(plan.fates(), [Fate::Listed(listed_us, None)]);
        assert_eq!(
            changes
                .pending
                .iter()
                .filter(|(key, _)| *key == job.key)
                .count(),
            1
        );
        assert_eq!(plan.plan.is_idle(), came_first);
        if !came_first {
            plan.plan.done(&job, Done::Good, None, plan.now);
        }
        assert!(plan.fetch_all().is_empty() && plan.plan.is_idle());
        assert_eq!(name(&plan.next_hint().unwrap().url), "2.2.mp4");
    }
}

#[test]
fn what_was_not_had_early_is_asked_for_at_once_when_it_is_listed_and_early_ever_less_often() {
    let mut plan = Planned::new();
    for (n, is_asked) in (0..8).zip([true, true, false, true, false, false, false, true]) {
        let uri = format!("{n}.mp4");
        plan.says(&[hint(n, 0, &uri)]);
        let job = plan.next_hint();
        assert_eq!(job.is_some(), is_asked, "{n}");
        if let Some(job) = job {
            plan.plan.done(&job, Done::Failed, None, plan.now);
        }
        // Six seconds later, a target duration.
        plan.now -= Duration::from_secs(3);
        plan.says(&[part(n, 0, &uri)]);
        let again = plan.next().unwrap();
        assert_eq!(
            (name(&again.url), again.availability),
            (uri, Availability::Listed(plan.exchange * 6_000_000))
        );
        plan.plan.done(&again, Done::Good, None, plan.now);
        plan.now -= Duration::from_secs(3);
    }
}

#[test]
fn what_is_neither_announced_nor_listed_any_more_is_let_go_of() {
    let mut plan = Planned::new();
    plan.says(&[hint(2, 1, "ad.mp4")]);
    let job = plan.next_hint().unwrap();
    // At the same place, and another path.
    let changes = plan.says(&[part(2, 1, "2.1.mp4")]);
    assert_eq!(plan.fates(), [Fate::Withdrawn]);
    assert!(changes.gone.is_empty() && changes.aliases.is_empty());
    assert_eq!(plan.fetch_all(), ["2.1.mp4"]);
    plan.plan.done(&job, Done::Failed, None, plan.now);
    assert!(plan.plan.is_idle());
    // What is never asked for before it goes leaves nothing behind, and neither does a playlist.
    plan.says(&[hint(3, 0, "a.mp4")]);
    plan.says(&[hint(3, 0, "b.mp4")]);
    assert_eq!(name(&plan.next_hint().unwrap().url), "b.mp4");
    plan.plan.remove(0, plan.now);
    assert_eq!(plan.fates(), [Fate::Withdrawn]);
}

#[test]
fn early_requests_take_no_turns_and_are_few_at_once() {
    let mut plan = Planned::new();
    let mut under_way = Vec::new();
    for n in 0..9 {
        plan.says(&[
            segment(n, &format!("{n}.ts")),
            part(n + 1, 0, &format!("{n}.p")),
            hint(n + 1, 1, &format!("{n}.h")),
        ]);
        under_way.extend(plan.next_hint());
    }
    // What is no longer announced is let go of, and its request ends a little later.
    assert_eq!(under_way.len(), 4);
    let asked = plan.fetch_all();
    let is_asked = |name: &str| asked.iter().any(|asked| asked == name);
    assert!(is_asked("8.p") && is_asked("8.ts"), "{asked:?}");
    for job in &under_way {
        plan.plan.done(job, Done::Failed, None, plan.now);
    }
    plan.says(&[hint(20, 0, "20.h")]);
    assert!(plan.next_hint().is_some());
}

#[test]
fn an_initialization_section_that_is_announced_is_asked_for_once() {
    let mut plan = Planned::new();
    let map = |sequence, uri| wanted(Kind::Init, sequence, sequence, uri);
    let announced = Wanted {
        hinted: true,
        ..map(2, "b.mp4")
    };
    plan.says(&[map(1, "a.mp4"), segment(1, "1.mp4"), announced]);
    assert_eq!(plan.fetch_all().len(), 2);
    let job = plan.next_hint().unwrap();
    plan.plan.done(&job, Done::Good, None, plan.now);
    plan.says(&[
        map(1, "a.mp4"),
        segment(1, "1.mp4"),
        map(2, "b.mp4"),
        segment(2, "2.mp4"),
    ]);
    assert_eq!(plan.fetch_all(), ["2.mp4"]);
}

#[test]
fn the_rest_of_a_resource_that_is_announced_is_the_part_that_is_listed_where_it_begins() {
    let ranged = |one: Wanted, range: Option<ByteRange>| Wanted { range, ..one };
    let own = ByteRange::new(500, 100);
    for (came, is_again) in [
        (None, false),
        (Some(100), false),
        (Some(250), false),
        (Some(99), true),
    ] {
        let mut plan = Planned::new();
        plan.says(&[ranged(hint(2, 1, "2.mp4"), ByteRange::rest(500))]);
        let job = plan.next_hint().unwrap();
        assert_eq!(job.key.range, ByteRange::rest(500));
        if let Some(bytes) = came {
            plan.plan.came_of_rest(&job, bytes);
            plan.plan.done(&job, Done::Good, None, plan.now);
        }
        let changes = plan.says(&[
            ranged(part(2, 1, "2.mp4"), own),
            ranged(hint(2, 2, "2.mp4"), ByteRange::rest(600)),
        ]);
        assert_eq!(plan.fates(), [Fate::Listed(plan.exchange * 6_000_000, own)]);
        let key = Key {
            range: own,
            ..job.key.clone()
        };
        assert_eq!(changes.pending, [(key.clone(), Kind::Part)]);
        if came.is_none() {
            assert!(!plan.plan.is_idle());
            plan.plan.came_of_rest(&job, 100);
            plan.plan.done(&job, Done::Good, None, plan.now);
        }
        let again = plan.next();
        assert_eq!(
            again.map(|job| job.key),
            is_again.then_some(key),
            "{came:?}"
        );
        assert_eq!(plan.next_hint().unwrap().key.range, ByteRange::rest(600));
    }
}

#[test]
fn less_of_the_rest_of_a_resource_than_is_listed_is_not_all_of_it() {
    let mut plan = Planned::new();
    let range = ByteRange::new(0, 100);
    // What begins at 0 need not be announced as a range.
    plan.says(&[hint(2, 0, "2.mp4")]);
    let job = plan.next_hint().unwrap();
    plan.says(&[Wanted {
        range,
        ..part(2, 0, "2.mp4")
    }]);
    plan.plan.came_of_rest(&job, 99);
    plan.plan.done(&job, Done::Good, None, plan.now);
    assert_eq!(plan.next().unwrap().key.range, range);
}
