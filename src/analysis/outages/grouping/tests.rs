use std::collections::BTreeSet;

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
        kind,
        name: resource_id.to_string(),
        url: "http://h/x".to_owned(),
        status: Some(503),
        outcome: Outcome::Complete,
        error: None,
    };
    let end = AttemptEnd::Failed(Box::new(Failed {
        fault,
        resource_id,
        playlist_id: resource_id,
        brought_part: false,
        next: next.map(|(tenth, is_good)| Next {
            at_us: tenth * S / 10,
            is_good,
        }),
    }));
    attempt(id, tenth, kind, "h", end)
}

fn good(id: ExchangeId, tenth: i64, kind: Kind) -> Attempt {
    attempt(id, tenth, kind, "h", AttemptEnd::Good)
}

fn busy() -> Cause {
    Cause {
        what: "HTTP 503".to_owned(),
        own: None,
    }
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
        good(5, 150, m),
        good(6, 152, m),
        good(7, 155, m),
        failed(8, 200, m, 7, Some((205, true))),
        good(9, 205, m),
    ];
    assert_eq!(
        outages(&all),
        [(vec![1, 2, 3, 4], Some(150)), (vec![8], Some(205))]
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
        good(7, 40, m),
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
    let wanted = [(vec![1, 3], Some(30)), (vec![5, 6, 8], Some(100))];
    assert_eq!(outages(&again), wanted);
}

#[test]
fn another_server_or_another_kind_of_fault_is_another_outage() {
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
    let mut grouping = Grouping::default();
    grouping.next(&one, Some(busy()));
    let refused = Cause {
        what: "refused".to_owned(),
        own: None,
    };
    grouping.next(&failed(2, 11, m, 8, None), Some(refused));
    assert_eq!(grouping.end().len(), 2);
}

#[test]
fn what_hangs_and_then_refuses_is_one_outage_until_it_answers() {
    let m = Kind::Media;
    let cause = |what: &str| {
        Some(Cause {
            what: what.to_owned(),
            own: None,
        })
    };
    let mut grouping = Grouping::default();
    let mut all = Vec::new();
    for (what, attempt) in [
        ("response timeout", failed(1, 10, m, 7, Some((110, false)))),
        ("response timeout", failed(2, 11, m, 8, Some((111, false)))),
        ("refused", failed(3, 110, m, 7, Some((120, false)))),
        ("refused", failed(4, 111, m, 8, Some((121, true)))),
        ("HTTP 503", failed(5, 120, m, 7, Some((122, true)))),
        ("", good(6, 121, m)),
        ("", good(7, 122, m)),
        ("refused", failed(8, 200, m, 7, None)),
    ] {
        all.extend(grouping.next(&attempt, cause(what)));
    }
    all.extend(grouping.end());
    let told = |one: &Outage| (one.what(), one.faults, one.good_us.map(|us| us * 10 / S));
    let wanted = "response timeout, then refused, then HTTP 503".to_owned();
    let all: Vec<_> = all.iter().map(told).collect();
    assert_eq!(
        all,
        [(wanted, 5, Some(121)), ("refused".to_owned(), 1, None)]
    );
}

#[test]
fn parts_of_a_raw_stream_that_end_one_after_the_other_are_an_outage_each_from_when_they_ended() {
    let part = |id, tenth, over| {
        let mut one = failed(id, tenth, Kind::Main, 7, Some((over + 5, false)));
        if let AttemptEnd::Failed(failed) = &mut one.end {
            failed.brought_part = true;
            failed.fault.at_us = over * S / 10;
        }
        one
    };
    let mut grouping = Grouping::default();
    let mut all = grouping.next(&part(1, 0, 14), Some(busy()));
    all.extend(grouping.next(&part(2, 19, 40), Some(busy())));
    all.extend(grouping.end());
    let firsts: Vec<i64> = all.iter().map(|one| one.first.at_us * 10 / S).collect();
    assert_eq!(firsts, [14, 40]);
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

fn requests() -> impl Strategy<Value = Vec<(u8, i64, u8, u8, bool)>> {
    let kind = 0..3_u8;
    prop::collection::vec((kind, 0..30_i64, 0..4_u8, 0..3_u8, any::<bool>()), 0..60)
}

proptest! {
    #[test]
    fn no_fault_is_lost_and_none_is_counted_twice(requests in requests()) {
        let kinds = [Kind::Media, Kind::Segment, Kind::Key];
        let mut tenth = 0;
        let mut wanted = BTreeSet::new();
        let mut all = Vec::new();
        for (id, (kind, step, resource, host, is_good)) in (1..).zip(requests) {
            tenth += step;
            let kind = kinds[kind as usize];
            let next = (step % 3 > 0).then_some((tenth + step, step % 2 == 0));
            let one = match is_good {
                true => good(id, tenth, kind),
                false => failed(id, tenth, kind, resource.into(), next),
            };
            wanted.extend((!is_good).then_some(id));
            all.push(Attempt { host: format!("h{host}"), ..one });
        }
        let mut grouping = Grouping::default();
        let mut found = Vec::new();
        for attempt in &all {
            found.extend(grouping.next(attempt, Some(busy())));
        }
        found.extend(grouping.end());
        let ids: Vec<ExchangeId> = found.iter().flat_map(|one| one.exchanges.clone()).collect();
        prop_assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), wanted);
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let faults: u64 = found.iter().map(|one| one.faults).sum();
        prop_assert_eq!(faults, ids.len() as u64);
        for one in &found {
            let things: u64 = one.things.values().map(|things| things.requests).sum();
            prop_assert_eq!(things, one.faults);
            prop_assert!(one.first.at_us <= one.last.at_us);
            prop_assert!(one.good_us.is_none_or(|good_us| good_us >= one.last.at_us));
            prop_assert!(one.exchanges.is_sorted());
        }
        // One after the other, where they are of one kind.
        for one in &found {
            for other in found.iter().filter(|other| other.key == one.key && *other != one) {
                let is_apart = one.last.exchange < other.first.exchange || other.last.exchange < one.first.exchange;
                prop_assert!(is_apart, "{one:?} {other:?}");
            }
        }
    }
}
