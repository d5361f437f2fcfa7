//! The log of outages, line by line.

use super::*;
use crate::clock;
use std::time::Duration;

const S: i64 = 1_000_000;
const HOST: &str = "h:80";

struct Log {
    outages: Outages,
    began: Instant,
    lines: Vec<String>,
}

impl Log {
    fn new() -> Self {
        Self {
            outages: Outages::default(),
            began: clock::instant(),
            lines: Vec::new(),
        }
    }

    fn at(&self, us: i64) -> Instant {
        self.began + Duration::from_micros(us.unsigned_abs())
    }

    fn fails(&mut self, of: usize, what: &str, at_us: i64) {
        let place = format!("p{of}");
        let failed = Failed {
            class: Class::Polls,
            of,
            host: HOST,
            place: &place,
            whats: &[what],
            since_us: at_us,
            number: None,
            is_over: true,
            is_told: false,
        };
        if self.outages.fails(failed, self.at(at_us)) {
            self.lines.push(format!("{place}: {what}"));
        }
    }

    fn chunk(&mut self, number: u64, is_good: bool, at_us: i64) {
        if is_good {
            return self.outages.comes((0, HOST), Some(number), at_us);
        }
        self.chunk_of(HOST, number, at_us);
    }

    fn chunk_of(&mut self, host: &str, number: u64, at_us: i64) {
        let failed = Failed {
            class: Class::Chunks,
            of: 0,
            host,
            place: "segment",
            whats: &["HTTP 404"],
            since_us: at_us,
            number: Some(number),
            is_over: true,
            is_told: false,
        };
        if self.outages.fails(failed, self.at(at_us)) {
            self.lines.push("segment: HTTP 404".to_owned());
        }
    }

    fn answers(&mut self, of: usize, at_us: i64) {
        let over = self.outages.answers(of, at_us, self.at(at_us)).over;
        self.lines.extend(over.map(|over| over.told(0)));
    }

    fn look(&mut self, at_us: i64, at_end: bool) {
        let now = (self.at(at_us), at_us);
        let due = self.outages.due(now, |_| false, at_end);
        self.lines.extend(due.over.iter().map(|over| over.told(0)));
        self.lines.extend(due.sums);
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}

#[test]
fn each_outage_has_its_beginning_and_its_sums_count_from_there() {
    let mut log = Log::new();
    log.fails(0, "refused", 0);
    assert_eq!(log.take(), ["p0: refused"]);
    log.fails(0, "refused", S);
    log.answers(0, 2 * S);
    let told = [
        "p0: answers again after 2.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:02.000 (00:00:02.000Z): 2 polls failed (refused)",
    ];
    assert_eq!(log.take(), told);
    // Within half a minute of that one.
    for n in 0..35 {
        log.fails(0, "refused", 13 * S + n * S / 2);
    }
    log.look(31 * S, false);
    assert_eq!(log.take(), ["p0: refused"]);
    log.fails(0, "refused", 42 * S);
    log.look(43 * S, false);
    assert_eq!(log.take(), ["p0: refused, 36 polls failed in 30 s"]);
    log.look(73 * S, false);
    assert_eq!(log.take(), [""; 0], "it hangs");
    log.answers(0, 74 * S);
    let told = [
        "p0: answers again after 61.0 s, from 0:00:13.000 (00:00:13.000Z) to 0:01:14.000 (00:01:14.000Z): 36 polls failed (refused)",
    ];
    assert_eq!(log.take(), told);
    log.look(200 * S, true);
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_server_that_is_down_is_one_outage_of_all_its_playlists() {
    let mut log = Log::new();
    for of in 0..3 {
        log.fails(of, "refused", of as i64 * S / 10);
        log.fails(of, "HTTP 502", 5 * S);
    }
    assert_eq!(log.take(), ["p0: refused", "p0: HTTP 502"]);
    log.answers(1, 9 * S);
    log.answers(0, 95 * S / 10);
    log.look(95 * S / 10, false);
    assert_eq!(log.take(), [""; 0], "one still fails");
    log.answers(2, 10 * S);
    let what = "(refused, then HTTP 502)";
    let told = format!(
        "h:80: answers again after 10.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:10.000 (00:00:10.000Z): 6 polls of 3 playlists failed {what}"
    );
    assert_eq!(log.take(), [told]);
}

#[test]
fn since_when_a_playlist_had_no_answer_is_told_with_its_first_good_one_alone() {
    let mut log = Log::new();
    log.fails(0, "refused", 0);
    log.fails(1, "refused", 0);
    let since = |log: &Log, us| log.outages.answers(0, us, log.at(us)).since_us;
    assert_eq!(since(&log, 40 * S), Some(0));
    let told = since(&log, 41 * S);
    assert_eq!(told, None, "it has had its answer; the other one fails on");
    log.fails(0, "refused", 42 * S);
    assert_eq!(since(&log, 43 * S), Some(0), "its outage went on");
}

#[test]
fn one_that_fails_on_is_not_hidden_by_the_others_nor_hides_them() {
    let mut log = Log::new();
    log.fails(0, "HTTP 404", 0);
    log.fails(1, "HTTP 404", 0);
    log.answers(1, 2 * S);
    log.look(11 * S, false);
    assert_eq!(log.take(), ["p0: HTTP 404"]);
    log.look(12 * S, false);
    let told = "h:80: answers again after 2.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:02.000 (00:00:02.000Z): 2 polls of 2 playlists failed (HTTP 404), \
                1 playlist goes on failing";
    assert_eq!(log.take(), [told]);
    log.fails(1, "HTTP 404", 60 * S);
    assert_eq!(log.take(), ["p1: HTTP 404"]);
    log.answers(1, 61 * S);
    let told = [
        "p1: answers again after 1.0 s, from 0:01:00.000 (00:01:00.000Z) to 0:01:01.000 (00:01:01.000Z): 1 poll failed (HTTP 404)",
    ];
    assert_eq!(log.take(), told);
}

#[test]
fn an_origin_that_flaps_is_told_in_sums() {
    let mut log = Log::new();
    for n in 0..60 {
        log.fails(0, "HTTP 503", n * S);
        log.answers(0, n * S + S / 2);
        log.look(n * S + S / 2, false);
    }
    log.look(60 * S, true);
    let lines = log.take();
    let firsts = lines.iter().filter(|line| *line == "p0: HTTP 503");
    assert_eq!(firsts.count(), 2 * MOST, "{lines:#?}");
    let sums: Vec<_> = lines
        .iter()
        .filter(|line| line.contains(" more "))
        .collect();
    assert_eq!(
        sums,
        [
            "h:80: 27 more outages in 30 s, too many to be told one by one: 27 requests failed (HTTP 503)",
            "h:80: 25 more outages in 25 s, too many to be told one by one: 25 requests failed (HTTP 503)"
        ]
    );
    assert_eq!(lines.len(), 4 * MOST + 2, "{lines:#?}");
}

#[test]
fn segments_are_good_again_when_none_fails_any_more() {
    let mut log = Log::new();
    for (n, at_us) in [(41, 0), (42, S), (43, 2 * S), (41, 3 * S)] {
        log.chunk(n, false, at_us);
    }
    assert_eq!(log.take(), ["segment: HTTP 404"]);
    log.chunk(44, true, 5 * S);
    log.chunk(43, true, 6 * S);
    log.look(14 * S, false);
    assert_eq!(log.take(), [""; 0], "those that are missing may fail again");
    log.look(15 * S, false);
    let told = "segments of h:80: good again after 5.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:05.000 (00:00:05.000Z): 4 requests failed (HTTP 404), \
                2 segments never came: 41 to 42";
    assert_eq!(log.take(), [told]);
    log.chunk(50, false, 20 * S);
    log.chunk(50, true, 21 * S);
    log.look(21 * S, false);
    let told = "segments of h:80: good again after 1.0 s, from 0:00:20.000 (00:00:20.000Z) to 0:00:21.000 (00:00:21.000Z): 1 request failed (HTTP 404)";
    assert_eq!(log.take(), ["segment: HTTP 404", told]);
}

#[test]
fn segments_that_are_given_up_are_waited_for_no_more() {
    let mut log = Log::new();
    log.chunk(41, false, 0);
    log.chunk(42, false, S);
    log.chunk(43, true, 2 * S);
    log.outages.gives_up(0, 41);
    log.look(2 * S, false);
    assert_eq!(log.take(), ["segment: HTTP 404"], "42 may fail again");
    log.outages.gives_up(0, 42);
    log.outages.gives_up(0, 99);
    log.look(2 * S, false);
    let told = "segments of h:80: good again after 2.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:02.000 (00:00:02.000Z): 2 requests failed (HTTP 404), \
                2 segments never came: 41 to 42";
    assert_eq!(log.take(), [told]);
}

#[test]
fn a_segment_that_was_given_up_and_came_after_all_is_not_missing() {
    let mut log = Log::new();
    log.chunk(41, false, 0);
    log.chunk(42, false, S);
    log.chunk(43, true, 2 * S);
    log.outages.gives_up(0, 41);
    log.outages.gives_up(0, 42);
    log.chunk(41, true, 3 * S);
    log.take();
    log.look(3 * S, false);
    let told = "segments of h:80: good again after 2.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:02.000 (00:00:02.000Z): 2 requests failed (HTTP 404), \
                1 segment never came: 42";
    assert_eq!(log.take(), [told]);
}

#[test]
fn segments_that_are_given_up_one_after_the_other_take_no_more_memory() {
    let mut log = Log::new();
    for n in 0..5000 {
        log.chunk(n, false, 0);
        log.outages.gives_up(0, n);
    }
    log.chunk(5000, true, S);
    log.look(S, false);
    let told = log.take().pop().unwrap_or_default();
    let known = "4096 segments never came: 0 to 4095";
    assert!(told.ends_with(known), "{told}");
}

#[test]
fn what_was_slow_and_is_told_in_sums_has_not_failed() {
    let log = Log::new();
    let now = log.began;
    for n in 0..(MOST as u64 + 2) {
        let host = format!("h{n}:80");
        let slow = Failed {
            class: Class::Chunks,
            of: 0,
            host: &host,
            place: "segment",
            whats: &["slow"],
            since_us: 0,
            number: Some(n),
            is_over: false,
            is_told: false,
        };
        log.outages.is_slow(slow, true, now);
        log.outages.comes((0, &host), Some(n), S);
    }
    let due = log.outages.due((log.at(12 * S), 12 * S), |_| false, true);
    let sum = |host| {
        format!(
            "{host}: 1 more outage in 1 s, too many to be told one by one: 1 request took too long (slow)"
        )
    };
    assert_eq!(due.sums, [sum("h4:80"), sum("h5:80")]);
}

#[test]
fn segments_of_a_server_that_is_known_to_be_down_are_told_when_they_are_lost() {
    let mut log = Log::new();
    log.fails(0, "refused", 0);
    log.chunk(7, false, S);
    log.chunk(8, false, S);
    log.answers(0, 3 * S);
    log.take();
    log.chunk(7, true, 4 * S);
    log.chunk(8, true, 5 * S);
    log.look(5 * S, false);
    assert_eq!(log.take(), [""; 0], "all came");
    // Segments that fail on when the polls are good again are told.
    log.fails(0, "refused", 60 * S);
    log.chunk(20, false, 61 * S);
    log.answers(0, 63 * S);
    log.take();
    log.chunk(20, false, 64 * S);
    log.chunk(20, false, 65 * S);
    assert_eq!(log.take(), ["segment: HTTP 404"]);
}

#[test]
fn an_origin_that_names_ever_new_hosts_takes_no_more_memory() {
    let log = Log::new();
    for n in 0..1000 {
        let host = format!("h{n}:80");
        let failed = Failed {
            class: Class::Chunks,
            of: n % 7,
            host: &host,
            place: "segment",
            whats: &["HTTP 404"],
            since_us: n as i64 * 20 * S,
            number: Some(n as u64),
            is_over: true,
            is_told: false,
        };
        log.outages.fails(failed, log.at(n as i64 * 20 * S));
    }
    assert_eq!(log.outages.known().open.len(), MOST_HOSTS);
}

#[test]
fn what_hangs_begins_an_outage_and_what_is_over_is_in_none() {
    let log = Log::new();
    let hangs = Failed {
        class: Class::Polls,
        of: 0,
        host: HOST,
        place: "p0",
        whats: &["unanswered"],
        since_us: 0,
        number: None,
        is_over: false,
        is_told: false,
    };
    assert!(log.outages.fails(hangs, log.began));
    let given_up = Failed {
        is_over: true,
        ..hangs
    };
    assert!(
        !log.outages.fails(given_up, log.at(20 * S)),
        "that was told"
    );
    let reset = Failed {
        whats: &["unanswered", "reset"],
        ..given_up
    };
    assert!(log.outages.fails(reset, log.at(32 * S)), "that is news");
    let due = log.outages.due((log.at(33 * S), 33 * S), |_| true, false);
    assert!(due.over.is_empty() && due.sums.is_empty());
    assert!(log.outages.known().open.is_empty());
    log.outages.fails(hangs, log.began);
    let over = log.outages.answers(0, 7 * S, log.began).over.unwrap();
    assert_eq!(
        over.told(0),
        "p0: answered after 7.0 s, from 0:00:00.000 (00:00:00.000Z) to 0:00:07.000 (00:00:07.000Z)"
    );
}

#[test]
fn segments_that_come_from_another_host_end_the_outage_of_the_first_one() {
    let mut log = Log::new();
    log.chunk(41, false, 0);
    log.outages.comes((0, "b:80"), Some(42), 2 * S);
    log.look(299 * S, false);
    assert_eq!(log.take(), ["segment: HTTP 404"]);
    log.look(300 * S, false);
    let told = "segments of h:80: no fault for 300 s: 1 request failed (HTTP 404) from 0:00:00.000 (00:00:00.000Z) to 0:00:00.000 (00:00:00.000Z), \
                1 segment never came: 41";
    assert_eq!(log.take(), [told]);
    // Another outage, hours later.
    log.chunk(900, false, 10_800 * S);
    log.look(10_801 * S, false);
    log.chunk(901, true, 10_803 * S);
    log.outages.comes((0, "b:80"), Some(900), 10_803 * S);
    log.look(10_803 * S, false);
    let told = "segments of h:80: good again after 3.0 s, from 3:00:00.000 (03:00:00.000Z) to 3:00:03.000 (03:00:03.000Z): 1 request failed (HTTP 404)";
    assert_eq!(log.take(), ["segment: HTTP 404", told]);
    log.look(20_000 * S, true);
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_fault_after_a_long_time_without_any_is_of_another_outage() {
    let mut log = Log::new();
    log.chunk(41, false, 0);
    log.chunk(900, false, 10_800 * S);
    assert_eq!(log.take(), ["segment: HTTP 404", "segment: HTTP 404"]);
    log.look(10_801 * S, false);
    let told = "segments of h:80: no fault for 10801 s: 1 request failed (HTTP 404) from 0:00:00.000 (00:00:00.000Z) to 0:00:00.000 (00:00:00.000Z), \
                1 segment never came: 41";
    assert_eq!(log.take(), [told]);
}

#[test]
fn segments_of_playlists_that_are_over_are_waited_for_less_long() {
    let mut log = Log::new();
    log.chunk(41, false, 0);
    log.take();
    let due = |us| log.outages.due((log.at(us), us), |_| true, false).over;
    assert_eq!(due(59 * S), [], "it may be asked for again");
    let over = due(60 * S);
    let told: Vec<String> = over.iter().map(|over| over.told(0)).collect();
    let wanted = "segments of h:80: no fault for 60 s: 1 request failed (HTTP 404) from 0:00:00.000 (00:00:00.000Z) to 0:00:00.000 (00:00:00.000Z), \
                  1 segment never came: 41";
    assert_eq!(told, [wanted]);
    assert!(log.outages.known().open.is_empty());
}

#[test]
fn each_of_very_many_hosts_has_its_own_faults_and_an_end() {
    let mut log = Log::new();
    let hosts = MOST_HOSTS + 3;
    for n in 0..hosts {
        log.chunk_of(&format!("h{n}:80"), n as u64, n as i64 * S / 10);
    }
    // The one that failed last the longest ago was forgotten.
    let told = log.take();
    assert_eq!(told, ["segment: HTTP 404"; MOST]);
    let open = |log: &Log| -> Vec<(String, u64)> {
        let known = log.outages.known();
        let all = known.open.iter().map(|one| (one.host.clone(), one.times));
        all.collect()
    };
    let wanted: Vec<_> = (3..hosts).map(|n| (format!("h{n}:80"), 1)).collect();
    assert_eq!(open(&log), wanted);
    log.look(8 * S, false);
    let told: Vec<String> = (0..3)
        .map(|n| {
            format!(
                "segments of h{n}:80: forgotten, more than {MOST_HOSTS} hosts fail: \
                 1 request failed (HTTP 404) from {at} to {at}",
                at = format!("0:00:00.{n}00 (00:00:00.{n}00Z)")
            )
        })
        .collect();
    assert_eq!(log.take(), told);
    // One that fails once more stays.
    log.chunk_of("h3:80", 3, 9 * S);
    log.chunk_of("new:80", 1, 10 * S);
    let hosts = open(&log);
    assert!(hosts.contains(&("h3:80".to_owned(), 2)), "{hosts:?}");
    assert!(!hosts.iter().any(|one| one.0 == "h4:80"), "{hosts:?}");
    log.look(400 * S, false);
    assert!(open(&log).is_empty());
}
