use super::*;
use crate::analysis::finding::Evidence;
use crate::analysis::outages::cause::{Cause, Own};
use crate::analysis::outages::outage::{Key, Met};
use crate::session::{Attempt, AttemptEnd, Failed, Fault, Outcome};
use crate::spans::Span;

const ZERO_US: i64 = 1_796_003_472_760_000;

fn failed(id: i64, at_s: f64, kind: Kind, resource_id: i64) -> Failed {
    let at_us = ZERO_US + (at_s * 1e6) as i64;
    Failed {
        fault: Fault {
            exchange_id: id,
            requested_us: at_us,
            at_us,
            over_us: at_us,
            lag_us: None,
            stream_id: 1,
            stream: "hall".to_owned(),
            is_raw: false,
            kind,
            name: format!("{resource_id}.m3u8"),
            url: "http://h:8080/x".to_owned(),
            status: None,
            outcome: Outcome::Refused,
            error: None,
            unanswered_us: None,
            is_long_wait: false,
            is_slow: false,
        },
        resource_id,
        next: None,
    }
}

fn outage(own: Option<Own>, all: &[Failed]) -> Outage {
    let key = Key { stream_id: 1, own };
    let mut outage = None;
    for failed in all {
        add(&mut outage, key, "refused", failed);
    }
    outage.unwrap()
}

fn add(outage: &mut Option<Outage>, key: Key, what: &str, failed: &Failed) {
    let cause = Cause {
        what: what.to_owned(),
        was_unanswered: false,
        is_away: true,
        own: key.own,
    };
    let fault = &failed.fault;
    let attempt = Attempt {
        exchange_id: fault.exchange_id,
        requested_us: fault.requested_us,
        at_us: fault.at_us,
        stream_id: 1,
        kind: fault.kind,
        asked_id: failed.resource_id,
        first_byte_us: None,
        host: "h:8080".to_owned(),
        end: AttemptEnd::Failed(Box::new(failed.clone())),
    };
    let met = Met {
        attempt: &attempt,
        failed,
        cause: &cause,
    };
    match outage {
        Some(outage) => outage.add(met, true),
        None => *outage = Some(Outage::new(key, met)),
    }
}

fn lost(first: u64, last: u64) -> NeverListed {
    NeverListed {
        count: last - first + 1,
        first,
        last,
    }
}

fn told_of(outage: &Outage, cost: &Cost) -> String {
    finding(outage, cost, ZERO_US).text
}

fn down() -> Outage {
    let polls = [(1, 14.0, 7), (2, 14.2, 8), (3, 20.0, 7), (4, 24.04, 8)];
    let polls = polls.map(|(id, at, of)| failed(id, at, Kind::Media, of));
    let mut outage = outage(None, &polls);
    outage.good_us = Some(ZERO_US + 24_450_000);
    outage
}

#[test]
fn an_outage_of_several_kinds_names_them_in_their_order() {
    let mut outage = Some(down());
    let key = outage.as_ref().unwrap().key;
    let more = failed(5, 24.1, Kind::Media, 7);
    for what in ["unanswered", "refused", "unanswered"] {
        add(&mut outage, key, what, &more);
    }
    let told = told_of(outage.as_ref().unwrap(), &Cost::default());
    let begins = "refused, then unanswered for ";
    assert!(told.starts_with(begins), "{told}");
    for status in 400..405 {
        add(&mut outage, key, &format!("HTTP {status}"), &more);
    }
    let outage = outage.unwrap();
    let what = "refused, then unanswered, then HTTP 400, then HTTP 401 and 3 other kinds";
    assert_eq!(outage.what(), what);
}

#[test]
fn an_outage_is_told_from_when_to_between_which_moments_and_what_it_took() {
    let cost = Cost {
        never_listed: vec![("7.m3u8".to_owned(), lost(81, 81))],
        skips: vec![skip(7, 0, 1)],
        ..Cost::default()
    };
    assert_eq!(
        told_of(&down(), &cost),
        "refused for 10.040 to 10.450 s, from 0:00:14.000 (01:51:26.760Z) to between \
         0:00:24.040 (01:51:36.800Z) and 0:00:24.450 (01:51:37.210Z): \
         2 playlists, 4 polls; 1 segment never listed: 81; host h:8080"
    );
    let mut known = down();
    known.good_before_us = Some(ZERO_US + 13_500_000);
    let stood = Cost {
        stood_still_us: 5_000_000,
        ..Cost::default()
    };
    assert_eq!(
        told_of(&known, &stood),
        "refused for 10.040 to 10.950 s, from 0:00:14.000 (01:51:26.760Z) or up to 0.500 s earlier to between \
         0:00:24.040 (01:51:36.800Z) and 0:00:24.450 (01:51:37.210Z): \
         2 playlists, 4 polls; the recorder stood still for 5.000 s of it; host h:8080"
    );
    let json = finding(&known, &stood, ZERO_US);
    assert_eq!(json.detail["good_before"]["session_time"], 13.5);
    assert_eq!(json.detail["stood_still_seconds"], 5.0);
    let json = finding(&down(), &cost, ZERO_US);
    assert_eq!(
        (json.rule, json.count, json.playlist),
        (Rule::Faults, 4, None)
    );
    assert_eq!(
        json.last,
        Evidence {
            at_us: ZERO_US + 24_040_000,
            exchange: Some(4)
        }
    );
    assert_eq!(json.detail["good"]["session_time"], 24.45);
    assert_eq!(json.detail["not_before"]["session_time"], 24.04);
    assert_eq!(json.detail["polls"], 4);
    let wanted = serde_json::json!({"media": {"count": 2, "requests": 4, "never_good": 0}});
    assert_eq!(json.detail["resources"], wanted);
    let wanted = serde_json::json!([{"playlist": "7.m3u8", "count": 1, "first": 81, "last": 81}]);
    assert_eq!(json.detail["never_listed"], wanted);
    assert_eq!((json.own, &json.detail["own"]), (false, &Value::Null));
}

#[test]
fn a_single_thing_is_named_and_what_never_came_is_told() {
    let alone = outage(None, &[failed(9, 3.5, Kind::Segment, 5)]);
    assert_eq!(
        told_of(&alone, &Cost::default()),
        "refused at 0:00:03.500 (01:51:16.260Z), not good again: \
         segment 5.m3u8, 1 request, never came; host h:8080"
    );
    let again = Cost {
        later_tries: 6,
        ..Cost::default()
    };
    let told = told_of(&alone, &again);
    let ends = ", never came; and 6 later tries, when no playlist listed it any more; host h:8080";
    assert!(told.ends_with(ends), "{told}");
    assert_eq!(finding(&alone, &again, ZERO_US).detail["later_tries"], 6);
    let mut raw = failed(9, 3.5, Kind::Main, 5);
    raw.fault.is_raw = true;
    let raw = outage(None, &[raw]);
    let cost = Cost {
        not_running_us: 2_000_000,
        ..Cost::default()
    };
    let told = told_of(&raw, &cost);
    let wanted = ": raw stream hall, 1 request; no recorder ran for 2.000 s of it; host h:8080";
    assert!(told.ends_with(wanted), "{told}");
    assert_eq!(finding(&raw, &cost, ZERO_US).playlist, None);
    let playlist = outage(None, &[failed(9, 3.5, Kind::Main, 5)]);
    let json = finding(&playlist, &Cost::default(), ZERO_US);
    assert_eq!(json.playlist.as_deref(), Some("5.m3u8"));
    assert_eq!(json.detail["open"], true);
}

#[test]
fn what_is_the_recorders_is_said_to_be() {
    let own = outage(Some(Own::Disk), &[failed(9, 3.5, Kind::Segment, 5)]);
    let told = told_of(&own, &Cost::default());
    assert!(
        told.starts_with("the recorder's disk was full (refused) at "),
        "{told}"
    );
    let json = finding(&own, &Cost::default(), ZERO_US);
    assert_eq!((json.rule, json.own), (Rule::Recorder, true));
    assert_eq!(json.detail["own"], "the recorder's disk was full");
}

fn skip(of: i64, at_us: i64, lost: u64) -> Span {
    Span {
        of,
        from_us: at_us,
        until_us: at_us + 1,
        lost,
    }
}

#[test]
fn segments_that_were_never_listed_are_told_of_which_playlist_where_that_matters() {
    let of = |all: &[(&str, u64, u64)]| {
        let named = all
            .iter()
            .map(|(name, first, last)| ((*name).to_owned(), lost(*first, *last)));
        let skips = all.iter().zip(0..).map(|((name, first, last), n)| {
            let at_us = if *name == "b" { 0 } else { n };
            skip(i64::from(*name == "b"), at_us, last - first + 1)
        });
        super::super::sentences::lost(&Cost {
            never_listed: named.collect(),
            skips: skips.collect(),
            ..Cost::default()
        })
    };
    assert_eq!(of(&[]), None);
    let told = |all| of(all).unwrap();
    assert_eq!(told(&[("a", 81, 84)]), "4 segments never listed: 81-84");
    assert_eq!(
        told(&[("a", 81, 81), ("a", 90, 91)]),
        "3 segments never listed: 81, 90-91"
    );
    assert_eq!(
        told(&[("a", 81, 81), ("b", 81, 81)]),
        "1 segment never listed: 81 of each of 2 playlists"
    );
    assert_eq!(
        told(&[("a", 81, 81), ("b", 40, 41)]),
        "2 segments never listed: 81 of a, 40-41 of b"
    );
    let many: Vec<_> = (0..20).map(|n| ("a", 2 * n, 2 * n)).collect();
    assert!(told(&many).ends_with(", 14, …"), "{}", told(&many));
}

#[test]
fn what_had_no_answer_when_the_recorder_stopped_says_so_and_nothing_that_came_later() {
    let mut hung = failed(9, 3.5, Kind::Media, 5);
    hung.fault.is_long_wait = true;
    hung.fault.over_us += 4_000_000;
    let open = outage(None, std::slice::from_ref(&hung));
    let told = told_of(&open, &Cost::default());
    let wanted = " for 4.000 s at least, from 0:00:03.500 (01:51:16.260Z) to 0:00:07.500 (01:51:20.260Z), when the recorder stopped: ";
    assert!(told.contains(wanted), "{told}");
    // Another run met it again.
    let later = outage(None, &[hung, failed(10, 30.0, Kind::Media, 5)]);
    let told = told_of(&later, &Cost::default());
    assert!(told.contains(", not good again: "), "{told}");
}
