use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::session::{Failed, Fault, Kind, Next, Outcome};

const S: i64 = 1_000_000;

/// A request at some tenth of a second of a session.
fn attempt(id: ExchangeId, tenth: i64, kind: Kind, host: &str, end: AttemptEnd) -> Attempt {
    let at_us = tenth * S / 10;
    Attempt {
        exchange_id: id,
        requested_us: at_us,
        at_us,
        stream_id: 1,
        kind,
        asked_id: 99,
        first_byte_us: None,
        host: host.to_owned(),
        end,
    }
}

/// A fault of a resource; the next request for it is at `next`, and good or not.
fn failed(
    id: ExchangeId,
    tenth: i64,
    kind: Kind,
    resource_id: i64,
    next: Option<(i64, bool)>,
) -> Attempt {
    let at_us = tenth * S / 10;
    let fault = Fault {
        exchange_id: id,
        requested_us: at_us,
        at_us,
        over_us: at_us,
        lag_us: None,
        stream_id: 1,
        stream: "hall".to_owned(),
        is_raw: false,
        kind,
        name: resource_id.to_string(),
        url: "http://h/x".to_owned(),
        status: Some(503),
        outcome: Outcome::Complete,
        error: None,
        unanswered_us: None,
        is_long_wait: false,
        is_slow: false,
    };
    let end = AttemptEnd::Failed(Box::new(Failed {
        fault,
        resource_id,
        next: next.map(|(tenth, is_good)| Next {
            at_us: tenth * S / 10,
            is_good,
        }),
    }));
    Attempt {
        asked_id: resource_id,
        ..attempt(id, tenth, kind, "h", end)
    }
}

/// A good answer of a resource.
fn good_of(id: ExchangeId, tenth: i64, kind: Kind, resource_id: i64) -> Attempt {
    Attempt {
        asked_id: resource_id,
        ..good(id, tenth, kind)
    }
}

/// A good answer of something else.
fn good(id: ExchangeId, tenth: i64, kind: Kind) -> Attempt {
    attempt(id, tenth, kind, "h", AttemptEnd::Good)
}

fn cause(what: &str) -> Cause {
    Cause {
        what: what.to_owned(),
        was_unanswered: false,
        is_away: !what.starts_with("HTTP 4"),
        own: None,
    }
}

fn busy() -> Cause {
    cause("HTTP 503")
}

/// Their outages: of each the exchanges, and when it was good again in tenths of a second.
fn outages(attempts: &[Attempt]) -> Vec<(Vec<ExchangeId>, Option<i64>)> {
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for attempt in attempts {
        all.extend(grouping.next(attempt, Some(busy())));
    }
    all.extend(grouping.end());
    let told = |one: Outage| (one.exchanges, one.good_us.map(|us| us * 10 / S));
    all.into_iter().map(told).collect()
}

#[test]
fn playlists_that_are_down_together_are_one_outage_which_is_over_when_the_first_is_there() {
    let m = Kind::Media;
    let all = [
        failed(1, 140, m, 7, Some((145, false))),
        failed(2, 141, m, 8, Some((146, false))),
        failed(3, 145, m, 7, Some((152, true))),
        failed(4, 146, m, 8, Some((150, true))),
        good_of(5, 150, m, 8),
        good_of(6, 152, m, 7),
        good_of(7, 155, m, 8),
        failed(8, 200, m, 7, Some((205, true))),
        good_of(9, 205, m, 7),
    ];
    assert_eq!(
        outages(&all),
        [(vec![1, 2, 3, 4], Some(150)), (vec![8], Some(205))]
    );
}

#[test]
fn an_outage_began_behind_the_last_good_answer_of_what_had_it_first() {
    let m = Kind::Media;
    let mut grouping = Grouping::default();
    for attempt in [
        good_of(1, 130, m, 7),
        good_of(2, 138, m, 8),
        failed(3, 140, m, 7, Some((145, true))),
        good_of(4, 145, m, 7),
    ] {
        grouping.next(&attempt, Some(busy()));
    }
    let before: Vec<Option<i64>> = (grouping.end().iter())
        .map(|one| one.good_before_us)
        .collect();
    assert_eq!(before, [Some(13 * S)]);
}

#[test]
fn what_a_late_recorder_met_is_over_where_the_origin_says_that_it_is_away() {
    let raw = |id, tenth, own| {
        let mut attempt = failed(id, tenth, Kind::Main, 7, None);
        if let AttemptEnd::Failed(failed) = &mut attempt.end {
            failed.fault.is_raw = true;
        }
        (attempt, Cause { own, ..busy() })
    };
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (attempt, cause) in [
        raw(1, 140, Some(Own::Late)),
        raw(2, 141, None),
        raw(3, 150, None),
    ] {
        all.extend(grouping.next(&attempt, Some(cause)));
    }
    all.extend(grouping.end());
    let told: Vec<_> = (all.iter())
        .map(|one| (one.key.own, one.first.at_us, one.good_us))
        .collect();
    assert_eq!(
        told,
        [
            (Some(Own::Late), 14 * S, Some(141 * S / 10)),
            (None, 141 * S / 10, None)
        ]
    );
}

#[test]
fn one_variant_that_is_down_while_others_are_well_is_one_outage() {
    let m = Kind::Media;
    let all = [
        failed(1, 10, m, 7, Some((20, false))),
        good(2, 15, m),
        failed(3, 20, m, 7, Some((30, false))),
        good(4, 25, m),
        failed(5, 30, m, 7, Some((40, true))),
        good(6, 35, m),
        good_of(7, 40, m, 7),
    ];
    // What is good elsewhere is not when it was over.
    assert_eq!(outages(&all), [(vec![1, 3, 5], Some(40))]);
}

#[test]
fn a_segment_that_is_asked_for_again_and_again_is_one_outage_and_so_are_several_in_a_row() {
    let s = Kind::Segment;
    let again = [
        failed(1, 10, s, 81, Some((20, false))),
        good(2, 12, s),
        failed(3, 20, s, 81, None),
        good(4, 30, s),
        failed(5, 40, s, 83, None),
        failed(6, 60, s, 84, None),
        good(7, 80, Kind::Media),
        failed(8, 90, s, 85, None),
        good(9, 100, s),
    ];
    // What never came has no end.
    let wanted = [(vec![1, 3], None), (vec![5, 6, 8], None)];
    assert_eq!(outages(&again), wanted);
    let some_came = [
        failed(1, 10, s, 81, Some((20, true))),
        failed(2, 12, s, 82, None),
        good_of(3, 20, s, 81),
        good(4, 30, s),
    ];
    assert_eq!(outages(&some_came), [(vec![1, 2], Some(20))]);
}

#[test]
fn another_server_or_another_sort_of_fault_is_another_outage() {
    let m = Kind::Media;
    let one = failed(1, 10, m, 7, Some((20, false)));
    let elsewhere = Attempt {
        host: "backup".to_owned(),
        ..failed(2, 12, m, 8, Some((22, false)))
    };
    let of_another = Attempt {
        stream_id: 2,
        ..failed(3, 13, m, 9, Some((23, false)))
    };
    let all = [one.clone(), elsewhere, of_another];
    assert_eq!(outages(&all).len(), 3);
    let beside = |what: &str, tenth: i64| {
        let mut grouping = Grouping::default();
        grouping.next(
            &failed(1, 10, m, 7, Some((9_000, false))),
            Some(cause("HTTP 404")),
        );
        grouping.next(&failed(2, tenth, m, 8, None), Some(cause(what)));
        grouping.end().len()
    };
    assert_eq!(beside("refused", 11), 1, "since about the same time");
    assert_eq!(beside("HTTP 404", 500), 1);
    assert_eq!(beside("refused", 500), 2, "it was not to be had anyway");
}

#[test]
fn a_server_that_refuses_some_and_resets_others_is_away_once() {
    let m = Kind::Media;
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (what, attempt) in [
        ("refused", failed(1, 10, m, 7, Some((15, false)))),
        ("reset", failed(2, 11, m, 8, Some((16, false)))),
        ("reset", failed(3, 15, m, 7, Some((20, true)))),
        ("reset", failed(4, 16, m, 8, Some((21, true)))),
        ("", good_of(5, 20, m, 7)),
        ("", good_of(6, 21, m, 8)),
    ] {
        all.extend(grouping.next(&attempt, Some(cause(what))));
    }
    all.extend(grouping.end());
    let [one] = &all[..] else { panic!("{all:#?}") };
    assert_eq!(one.what(), "refused, then reset");
    assert_eq!((one.faults, &one.spans), (4, &vec![(1, 4)]));
}

#[test]
fn a_playlist_whose_redirects_lead_to_another_server_each_time_was_away_once() {
    let m = Kind::Media;
    let at = |id, tenth, host: &str| Attempt {
        host: host.to_owned(),
        asked_id: 7,
        // Another resource each time: nothing says when it is asked for again.
        ..failed(id, tenth, m, 100 + id, None)
    };
    let all = [
        at(1, 10, "edge1"),
        good(2, 15, m),
        at(3, 20, "edge2"),
        good(4, 25, m),
        at(5, 30, "edge1"),
        good_of(6, 40, m, 7),
    ];
    assert_eq!(outages(&all), [(vec![1, 3, 5], Some(40))]);
}

#[test]
fn what_hangs_and_then_refuses_is_one_outage_until_it_answers() {
    let m = Kind::Media;
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (what, attempt) in [
        ("unanswered", failed(1, 10, m, 7, Some((110, false)))),
        ("unanswered", failed(2, 11, m, 8, Some((111, false)))),
        ("refused", failed(3, 110, m, 7, Some((120, false)))),
        ("refused", failed(4, 111, m, 8, Some((121, true)))),
        ("HTTP 503", failed(5, 120, m, 7, Some((122, true)))),
        ("", good_of(6, 121, m, 8)),
        ("", good_of(7, 122, m, 7)),
        ("refused", failed(8, 200, m, 7, None)),
    ] {
        all.extend(grouping.next(&attempt, Some(cause(what))));
    }
    all.extend(grouping.end());
    let told = |one: &Outage| (one.what(), one.faults, one.good_us.map(|us| us * 10 / S));
    let wanted = "unanswered, then refused, then HTTP 503".to_owned();
    let all: Vec<_> = all.iter().map(told).collect();
    assert_eq!(
        all,
        [(wanted, 5, Some(121)), ("refused".to_owned(), 1, None)]
    );
}

/// An answer that came so late, and was good.
fn late(id: ExchangeId, tenth: i64, playlist: i64, answered: i64) -> Attempt {
    let mut one = failed(id, tenth, Kind::Media, playlist, Some((answered, true)));
    one.at_us = answered * S / 10;
    if let AttemptEnd::Failed(failed) = &mut one.end {
        failed.fault.status = Some(200);
        failed.fault.unanswered_us = Some((answered - tenth) * S / 10);
        failed.fault.over_us = answered * S / 10;
        failed.fault.is_long_wait = true;
    }
    one
}

#[test]
fn where_some_of_it_came_in_the_end_what_never_came_leaves_it_open_no_longer() {
    let hung = |id, tenth, segment, over: i64| {
        let mut one = late(id, tenth, segment, over);
        one.kind = Kind::Segment;
        if let AttemptEnd::Failed(failed) = &mut one.end {
            failed.fault.kind = Kind::Segment;
            failed.next = None;
        }
        one
    };
    // The first one was a 404 in the end.
    let mut never = hung(1, 140, 38, 342);
    if let AttemptEnd::Failed(failed) = &mut never.end {
        (failed.fault.status, failed.fault.is_long_wait) = (Some(404), false);
    }
    let all = [
        never,
        hung(2, 160, 39, 340),
        hung(3, 180, 40, 341),
        good(4, 300, Kind::Segment),
        good(5, 350, Kind::Media),
        good(6, 360, Kind::Segment),
    ];
    assert_eq!(outages(&all), [(vec![1, 2, 3], Some(360))]);
}

#[test]
fn playlists_that_hang_together_and_are_answered_in_the_end_were_away_once_until_then() {
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (attempt, cause) in [
        (late(1, 10, 7, 160), Some(cause("unanswered"))),
        (late(2, 11, 8, 158), Some(cause("unanswered"))),
        (good_of(3, 160, Kind::Media, 8), None),
        (good_of(4, 162, Kind::Media, 7), None),
        (late(5, 300, 7, 340), Some(cause("unanswered"))),
    ] {
        all.extend(grouping.next(&attempt, cause));
    }
    all.extend(grouping.end());
    let tenths = |us: i64| us * 10 / S;
    let told = |one: &Outage| {
        let known = (tenths(one.first.at_us), tenths(one.last.at_us));
        (known, one.good_us.map(tenths), one.faults, one.answered)
    };
    let told: Vec<_> = all.iter().map(told).collect();
    let wanted = [((10, 160), Some(160), 2, 2), ((300, 340), Some(340), 1, 1)];
    assert_eq!(told, wanted);
}

#[test]
fn what_failed_and_then_hung_until_it_was_answered_is_one_outage() {
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (attempt, cause) in [
        (
            failed(1, 10, Kind::Media, 7, Some((30, true))),
            Some(busy()),
        ),
        (late(2, 12, 7, 30), Some(cause("unanswered"))),
        (good_of(3, 32, Kind::Media, 7), None),
    ] {
        all.extend(grouping.next(&attempt, cause));
    }
    all.extend(grouping.end());
    let [one] = &all[..] else { panic!("{all:#?}") };
    assert_eq!(one.what(), "HTTP 503, then unanswered");
    assert_eq!((one.faults, one.answered, one.good_us), (2, 1, Some(3 * S)));
}

/// A response of a raw stream whose first byte came with its head, and that broke.
fn part(id: ExchangeId, tenth: i64, broke: i64) -> Attempt {
    let mut one = raw(id, tenth);
    one.first_byte_us = Some((tenth + 1) * S / 10);
    if let AttemptEnd::Failed(failed) = &mut one.end {
        failed.fault.at_us = broke * S / 10;
        failed.fault.over_us = broke * S / 10;
    }
    one
}

/// A response of a raw stream that is none.
fn raw(id: ExchangeId, tenth: i64) -> Attempt {
    let mut one = failed(id, tenth, Kind::Main, 7, None);
    if let AttemptEnd::Failed(failed) = &mut one.end {
        failed.fault.is_raw = true;
    }
    one
}

#[test]
fn a_raw_stream_that_breaks_is_away_from_then_to_its_next_byte_whatever_is_met() {
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (what, attempt) in [
        ("ended by the origin", part(1, 0, 14)),
        ("HTTP 503", raw(2, 15)),
        ("empty answer", raw(3, 16)),
        ("ended by the origin", part(4, 19, 40)),
        ("reset", part(5, 45, 60)),
    ] {
        all.extend(grouping.next(&attempt, Some(cause(what))));
    }
    all.extend(grouping.end());
    let tenths = |us: i64| us * 10 / S;
    let told: Vec<_> = all
        .iter()
        .map(|one| {
            let known = (tenths(one.first.at_us), tenths(one.last.at_us));
            (known, one.good_us.map(tenths), one.what())
        })
        .collect();
    // The recorder waited before each request: so long it may have been there again.
    let first = "ended by the origin, then HTTP 503, then empty answer";
    let wanted = [
        ((14, 16), Some(20), first.to_owned()),
        ((40, 40), Some(46), "ended by the origin".to_owned()),
        ((60, 60), None, "reset".to_owned()),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_raw_stream_whose_request_waits_for_its_first_byte_was_away_until_then_for_certain() {
    let mut grouping = Grouping::default();
    let mut slow = part(2, 30, 90);
    slow.first_byte_us = Some(5 * S);
    let mut all = grouping.next(&part(1, 0, 14), Some(cause("reset")));
    all.extend(grouping.next(&slow, Some(cause("reset"))));
    all.extend(grouping.end());
    let [one, _] = &all[..] else {
        panic!("{all:#?}")
    };
    assert_eq!((one.last.at_us, one.good_us), (5 * S, Some(5 * S)));
}

#[test]
fn what_fell_silent_was_bad_until_it_was_given_up() {
    let mut grouping = Grouping::default();
    let mut silent = part(1, 0, 14);
    if let AttemptEnd::Failed(failed) = &mut silent.end {
        failed.fault.status = Some(200);
        failed.fault.outcome = Outcome::BodyTimeout;
        failed.fault.over_us = 34 * S / 10;
    }
    let mut all = grouping.next(&silent, Some(cause("silent for 2 s")));
    all.extend(grouping.end());
    let tenths = |us: i64| us * 10 / S;
    let one = all.first().unwrap();
    assert_eq!((tenths(one.first.at_us), tenths(one.last.at_us)), (14, 34));
}

#[test]
fn outages_come_in_the_order_in_which_they_began() {
    let m = Kind::Media;
    let mut all = vec![failed(1, 10, m, 7, Some((500, true)))];
    for n in 0..20 {
        let other = Attempt {
            host: "backup".to_owned(),
            ..failed(2 + 2 * n, 20 + 10 * n, Kind::Segment, n, None)
        };
        let well = Attempt {
            host: "backup".to_owned(),
            ..good(3 + 2 * n, 25 + 10 * n, Kind::Segment)
        };
        all.extend([other, well]);
    }
    let firsts: Vec<ExchangeId> = outages(&all).iter().map(|(all, _)| all[0]).collect();
    assert_eq!(firsts.len(), 21);
    assert!(firsts.is_sorted(), "{firsts:?}");
}

#[test]
fn what_is_remembered_does_not_grow_with_faults_or_servers() {
    let mut grouping = Grouping::default();
    let mut faults = 0;
    for n in 0..6_000 {
        let (tenth, resource) = (n / 10, n % 50);
        let one = Attempt {
            host: format!("h{}", n % 2_000),
            ..failed(n, tenth, Kind::Segment, resource, None)
        };
        let over = grouping.next(&one, Some(busy()));
        faults += over.iter().map(|one| one.faults).sum::<u64>();
        assert!(grouping.open.len() <= MOST_OPEN && grouping.over.len() <= MOST_WAITING);
    }
    let rest = grouping.end();
    faults += rest.iter().map(|one| one.faults).sum::<u64>();
    assert_eq!(faults, 6_000);
}

/// One of some playlists (or segments) is asked for: how long after the one before, how long that takes, what comes of it, by
/// whom; what hangs does so for longer.
fn requests() -> impl Strategy<Value = Vec<(u8, i64, i64, u8, u8)>> {
    let one = (0..6_u8, 0..40_i64, 1..200_i64, 0..9_u8, 0..2_u8);
    prop::collection::vec(one, 0..120)
}

const WHATS: [&str; 6] = [
    "refused",
    "reset",
    "HTTP 503",
    "HTTP 404",
    "unanswered",
    "not a playlist",
];

/// A recording of them: each thing is asked for when its request before is over; requests in the order in which they began.
fn recording(requests: Vec<(u8, i64, i64, u8, u8)>) -> Vec<(Attempt, Option<Cause>)> {
    let (mut tenth, mut busy) = (0, [0; 6]);
    let mut all: Vec<(Attempt, Option<Cause>)> = Vec::new();
    for (thing, step, lasts, what, host) in requests {
        tenth += step;
        let kind = if thing < 4 {
            Kind::Media
        } else {
            Kind::Segment
        };
        let free = busy.get_mut(usize::from(thing)).unwrap();
        if tenth < *free {
            continue;
        }
        *free = tenth + 1;
        let (id, resource) = (all.len() as ExchangeId + 1, i64::from(thing));
        let is_good = WHATS.get(usize::from(what)).is_none();
        for (before, _) in all
            .iter_mut()
            .rev()
            .filter(|(one, _)| one.asked_id == resource)
            .take(1)
        {
            if let AttemptEnd::Failed(failed) = &mut before.end {
                failed.next = Some(Next {
                    at_us: tenth * S / 10,
                    is_good,
                });
            }
        }
        let host = format!("h{host}");
        let Some(what) = WHATS.get(usize::from(what)) else {
            let good = good_of(id, tenth, kind, resource);
            all.push((Attempt { host, ..good }, None));
            continue;
        };
        let mut one = failed(id, tenth, kind, resource, None);
        if let (AttemptEnd::Failed(failed), "unanswered") = (&mut one.end, *what) {
            *free = tenth + lasts;
            failed.fault.status = None;
            failed.fault.over_us = *free * S / 10;
        }
        all.push((Attempt { host, ..one }, Some(cause(what))));
    }
    all
}

proptest! {
    #[test]
    fn each_fault_is_of_one_outage_and_those_of_a_playlist_never_overlap(requests in requests()) {
        let all = recording(requests);
        let mut grouping = Grouping::default();
        let mut found = Vec::new();
        for (attempt, cause) in &all {
            found.extend(grouping.next(attempt, cause.clone()));
        }
        found.extend(grouping.end());

        // Of each fault its outage, as its list has it.
        let wanted: BTreeSet<ExchangeId> = all
            .iter()
            .filter(|(_, cause)| cause.is_some())
            .map(|(one, _)| one.exchange_id)
            .collect();
        let mut of = BTreeMap::new();
        for (n, one) in found.iter().enumerate() {
            let mut faults = 0;
            for (first, last) in &one.spans {
                for id in wanted.range(first..=last) {
                    prop_assert!(of.insert(*id, n).is_none(), "{id} twice");
                    faults += 1;
                }
            }
            prop_assert_eq!(one.faults, faults);
            let things: u64 = one.things.values().map(|things| things.requests).sum();
            prop_assert_eq!(things, one.faults);
            prop_assert!(one.first.at_us <= one.last.at_us);
            prop_assert!(one.good_us.is_none_or(|good_us| good_us >= one.last.at_us));
            prop_assert!(one.exchanges.is_sorted());
        }
        prop_assert_eq!(of.keys().copied().collect::<BTreeSet<_>>(), wanted);

        for playlist in 0..4 {
            // Without a good answer in between all is one.
            let mut before = None;
            for (attempt, _) in all.iter().filter(|(one, _)| one.asked_id == playlist) {
                let now = of.get(&attempt.exchange_id).copied();
                if let (Some(before), Some(now)) = (before, now) {
                    prop_assert_eq!(before, now, "{:?}", attempt);
                }
                before = now;
            }
            // One after the other.
            let mut spans: Vec<(i64, i64)> = found
                .iter()
                .filter(|one| one.has_playlist(playlist))
                .map(|one| (one.first.at_us, one.last.at_us))
                .collect();
            spans.sort_unstable();
            for two in spans.windows(2) {
                prop_assert!(two[0].1 < two[1].0, "{playlist}: {spans:?}");
            }
        }
    }
}

#[test]
fn a_segment_that_was_put_off_and_then_gone_is_told_once() {
    let s = Kind::Segment;
    let all = [
        (busy(), failed(1, 100, s, 7, Some((300, false)))),
        (busy(), failed(2, 300, s, 7, Some((500, false)))),
        (busy(), good(3, 500, Kind::Media)),
        (cause("HTTP 404"), failed(4, 500, s, 7, None)),
        (busy(), good(5, 520, s)),
        // What another segment has a minute later is something else.
        (cause("HTTP 404"), failed(6, 1200, s, 8, None)),
    ];
    let mut grouping = Grouping::default();
    let mut found = Vec::new();
    for (cause, attempt) in all {
        found.extend(grouping.next(&attempt, Some(cause)));
    }
    found.extend(grouping.end());
    let told: Vec<_> = found
        .iter()
        .map(|one| (&one.exchanges[..], one.what()))
        .collect();
    let first = "HTTP 503, then HTTP 404".to_owned();
    let wanted: [(&[ExchangeId], String); 2] = [(&[1, 2, 4], first), (&[6], "HTTP 404".to_owned())];
    assert_eq!(told, wanted);
}
