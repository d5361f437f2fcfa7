//! Windows of the field, and where they lie.

use crate::hls::ByteRange;
use crate::hls::Hindsight;
use proptest::prelude::*;
use url::Url;

use super::window::Name;
use super::*;

const SECOND: i64 = 1_000_000;

/// Segments of an encoder: what number each bears, and what it is called at a moment.
fn window(number: Option<u64>, names: impl IntoIterator<Item = String>) -> Window {
    let tail: Vec<Name> = names
        .into_iter()
        .map(|name| Name::from_url(&format!("http://h/{name}").parse().unwrap(), None))
        .collect();
    Window {
        number,
        discontinuity_sequence: 0,
        count: tail.len() as u64,
        ended: false,
        end_us: None,
        lengths_us: vec![2_000_000; tail.len()],
        tail,
    }
}

fn plain(first: u64, count: u64) -> Window {
    window(
        Some(first),
        (first..first + count).map(|n| format!("seg{n}.ts")),
    )
}

/// Places windows that come a second apart; target duration 1 s.
#[derive(Default)]
struct Channel {
    windows: Windows,
    now_us: i64,
}

impl Channel {
    fn sees(&mut self, window: Window) -> (Step, u64) {
        self.now_us += SECOND;
        let lie = self.windows.place(window, self.now_us, SECOND);
        (lie.step, lie.place)
    }
}

#[test]
fn only_a_new_end_advances() {
    let mut channel = Channel::default();
    assert_eq!(channel.sees(window(Some(3), [])).0, Step::Same);
    assert_eq!(channel.sees(plain(10, 3)), (Step::First, 10));
    let tokens = |n| window(Some(10), (10..13).map(|s| format!("seg{s}.ts?t={n}")));
    assert_eq!(channel.sees(tokens(1)), (Step::Same, 10));
    assert_eq!(channel.sees(plain(11, 2)).0, Step::Same, "it only slid");
    assert_eq!(channel.sees(plain(11, 3)), (Step::Slid, 11));
    assert_eq!(channel.sees(plain(10, 3)), (Step::Behind, 10));
    assert_eq!(channel.sees(plain(11, 3)), (Step::Same, 11));
    assert_eq!(channel.sees(plain(40, 3)), (Step::Slid, 40), "not seen: 26");
}

#[test]
fn an_edge_that_lags_at_any_distance_is_behind_and_a_freeze_of_it_is_none() {
    let mut channel = Channel::default();
    channel.sees(plain(1000, 5));
    for n in 1..20 {
        assert_eq!(channel.sees(plain(1000 + n, 5)).0, Step::Slid);
        assert_eq!(channel.sees(plain(400, 5)).0, Step::Behind);
    }
}

/// What is said of windows that are only looked at, a second apart, while what was there before stands still.
fn looked_at(channel: &mut Channel, windows: impl IntoIterator<Item = Window>) -> Vec<Step> {
    let windows = windows.into_iter().map(|window| {
        channel.now_us += SECOND;
        channel.windows.foresee(&window, channel.now_us, SECOND)
    });
    windows.collect()
}

#[test]
fn a_window_behind_that_is_only_looked_at_and_goes_on_by_itself_is_the_channel() {
    let mut channel = Channel::default();
    channel.sees(plain(1000, 5));
    let backup = |n: u64| plain(100 + n, 5);
    let steps = looked_at(&mut channel, (0..3).map(backup));
    assert_eq!(steps, [Step::Behind; 3]);
    // What was there before goes on: it is the channel.
    assert_eq!(channel.sees(plain(1001, 5)).0, Step::Slid);
    let steps = looked_at(&mut channel, (3..6).map(backup));
    assert_eq!(steps, [Step::Behind; 3]);
    assert_eq!(channel.sees(plain(1001, 5)).0, Step::Same);
    assert_eq!(looked_at(&mut channel, [backup(6)]), [Step::Restarted]);
    // It is gone over to, and stays the channel.
    let lie = channel.windows.place(plain(106, 5), channel.now_us, SECOND);
    assert_eq!((lie.step, lie.place), (Step::Restarted, 1006 + BREAK));
    assert_eq!(channel.windows.began_us(), Some(channel.now_us));
    assert_eq!(channel.sees(plain(107, 5)).0, Step::Slid);
}

#[test]
fn a_look_that_shows_what_is_known_or_stands_still_behind_it_goes_on_by_itself_no_more() {
    let mut channel = Channel::default();
    channel.sees(plain(1000, 5));
    let goes_on = |channel: &Channel| channel.windows.look_goes_on(channel.now_us, SECOND);
    looked_at(&mut channel, [plain(1000, 5)]);
    assert!(!goes_on(&channel), "it is what is known");
    let behind = |n: u64| plain(100 + n, 5);
    for n in [0, 1, 1] {
        looked_at(&mut channel, [behind(n)]);
        assert!(goes_on(&channel), "{n}: one look tells nothing");
    }
    looked_at(&mut channel, [behind(1)]);
    assert!(
        !goes_on(&channel),
        "two target durations without an advance"
    );
    looked_at(&mut channel, [behind(2)]);
    assert!(goes_on(&channel));
    // What another URL shows has nothing to do with it.
    channel.windows.looks_elsewhere();
    assert!(!goes_on(&channel));
    assert_eq!(
        looked_at(&mut channel, (3..6).map(behind)),
        [Step::Behind; 3]
    );
}

#[test]
fn a_window_that_lags_or_stands_still_or_is_older_by_its_dates_is_stayed_behind_of() {
    let mut channel = Channel::default();
    channel.sees(plain(1000, 5));
    let lags = looked_at(&mut channel, (0..5).map(|n| plain(995 + n, 5)));
    assert_eq!(lags, [Step::Behind; 5]);
    let still = looked_at(&mut channel, (0..50).map(|_| plain(100, 5)));
    assert_eq!(still, [Step::Behind; 50]);
    let mut channel = Channel::default();
    let dated = |first: u64| Window {
        end_us: Some((first + 5) as i64 * 2 * SECOND),
        ..plain(first, 5)
    };
    channel.sees(dated(1000));
    let older = looked_at(&mut channel, (0..50).map(|n| dated(100 + n)));
    assert_eq!(older, [Step::Behind; 50]);
    let begins_anew = Window {
        end_us: Some(1_500 * SECOND),
        ..plain(0, 5)
    };
    assert_eq!(looked_at(&mut channel, [begins_anew]), [Step::Behind]);
}

#[test]
fn sessions_that_each_begin_again_are_the_channel_once_one_goes_on() {
    let mut channel = Channel::default();
    channel.sees(plain(1000, 5));
    let begin = looked_at(&mut channel, (0..20).map(|_| plain(100, 5)));
    assert_eq!(begin, [Step::Behind; 20]);
    let goes_on = looked_at(&mut channel, (100..104).map(|n| plain(n, 5)));
    let over = goes_on.iter().position(|step| *step == Step::Restarted);
    assert_eq!(over, Some(3), "{goes_on:?}");
}

#[test]
fn what_was_gone_over_to_has_begun_there_also_in_hindsight() {
    let mut channel = Channel::default();
    let mut hindsight = Hindsight::default();
    let mut id = 0;
    let mut sees = |channel: &mut Channel, window: Window| {
        channel.now_us += SECOND;
        let (times, seen) = ((channel.now_us, SECOND), window.clone());
        let lie = channel.windows.place(window, times.0, times.1);
        hindsight.saw(id, seen, (lie, &channel.windows), times);
        id += 1;
        (lie.step, hindsight.judge(times.0, false))
    };
    assert_eq!(sees(&mut channel, plain(1000, 5)), (Step::First, vec![]));
    // Tokens change while it stands still.
    let still = |n| window(Some(1000), (1000..1005).map(|s| format!("seg{s}.ts?t={n}")));
    let mut last = Step::Same;
    for n in 0..6 {
        assert_eq!(sees(&mut channel, still(n)), (Step::Same, vec![]));
        last = looked_at(&mut channel, [plain(100 + n, 5)])[0];
        if last == Step::Restarted {
            break;
        }
    }
    assert_eq!(last, Step::Restarted);
    assert_eq!(sees(&mut channel, plain(103, 5)), (Step::Restarted, vec![]));
    for n in 104..140 {
        assert_eq!(sees(&mut channel, plain(n, 5)), (Step::Slid, vec![]));
    }
}

#[test]
fn an_encoder_that_is_started_again_begins_again_and_goes_on() {
    let mut channel = Channel::default();
    channel.sees(plain(100, 5));
    let (step, place) = channel.sees(plain(0, 5));
    assert_eq!(step, Step::Restarted);
    assert!(place > 105, "what was before is something else");
    assert_eq!(channel.sees(plain(1, 5)), (Step::Slid, place + 1));
    assert_eq!(channel.sees(plain(1, 5)), (Step::Same, place + 1));
}

#[test]
fn what_goes_back_to_no_beginning_is_the_channel_once_it_goes_on_alone() {
    let mut channel = Channel::default();
    channel.sees(plain(5000, 5));
    let steps: Vec<Step> = (0..8).map(|n| channel.sees(plain(3000 + n, 5)).0).collect();
    assert_eq!(steps[0], Step::Behind);
    let restarted = steps.iter().filter(|step| **step == Step::Restarted);
    assert_eq!(restarted.count(), 1, "{steps:?}");
    assert_eq!(steps[7], Step::Slid);
}

#[test]
fn paths_that_are_signed_anew_hide_no_freeze() {
    let mut channel = Channel::default();
    let mut dice = 7_u64;
    let mut signed = |first: u64| {
        let names: Vec<String> = (0..6)
            .map(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{dice:016x}")
            })
            .collect();
        window(Some(first), names)
    };
    assert_eq!(channel.sees(signed(50)).0, Step::First);
    for first in 51..60 {
        assert_eq!(channel.sees(signed(first)), (Step::Slid, first));
        for _ in 0..5 {
            assert_eq!(channel.sees(signed(first)), (Step::Same, first));
        }
    }
}

#[test]
fn without_numbers_names_tell() {
    for number in [None, Some(1)] {
        let mut channel = Channel::default();
        let sliding = |first: u64| window(number, (first..first + 5).map(|n| format!("s{n}.ts")));
        let (step, first) = channel.sees(sliding(20));
        assert_eq!(step, Step::First);
        for n in 1..30 {
            assert_eq!(channel.sees(sliding(20 + n)), (Step::Slid, first + n));
            assert_eq!(channel.sees(sliding(20 + n)), (Step::Same, first + n));
        }
        assert_eq!(channel.sees(sliding(48)).0, Step::Behind);
        // None of the names is known any more.
        assert_eq!(channel.sees(sliding(80)).0, Step::Slid);
        assert_eq!(channel.sees(sliding(80)).0, Step::Same);
    }
}

#[test]
fn a_single_file_that_grows_under_one_number_advances() {
    let mut channel = Channel::default();
    let ranges = |first: u64| {
        let range = |n: u64| ByteRange::new(n * 100, 100);
        let url: Url = "http://h/all.ts".parse().unwrap();
        Window {
            number: Some(0),
            discontinuity_sequence: 0,
            count: 3,
            ended: false,
            end_us: None,
            lengths_us: vec![2_000_000; 3],
            tail: (first..first + 3)
                .map(|n| Name::from_url(&url, range(n)))
                .collect(),
        }
    };
    channel.sees(ranges(0));
    assert_eq!(channel.sees(ranges(1)), (Step::Slid, 1));
    assert_eq!(channel.sees(ranges(1)), (Step::Same, 1));
    assert_eq!(channel.sees(ranges(3)), (Step::Slid, 3));
}

#[test]
fn a_slate_and_a_ring_of_names_go_by_their_numbers() {
    let mut channel = Channel::default();
    let slate = |first: u64| window(Some(first), (0..5).map(|_| "slate.ts".to_owned()));
    let ring = |first: u64| {
        window(
            Some(first),
            (first..first + 5).map(|n| format!("r{}.ts", n % 7)),
        )
    };
    assert_eq!(channel.sees(slate(10)), (Step::First, 10));
    for first in 11..20 {
        assert_eq!(channel.sees(slate(first)), (Step::Slid, first));
        assert_eq!(channel.sees(slate(first)), (Step::Same, first));
    }
    for first in 20..60 {
        assert_eq!(channel.sees(ring(first)), (Step::Slid, first));
        assert_eq!(channel.sees(ring(first)), (Step::Same, first));
    }
}

#[test]
fn numbers_up_to_the_last_of_64_bits_are_counted_past_it() {
    let mut channel = Channel::default();
    let near = |n: u64| {
        window(
            Some((u64::MAX - 4).wrapping_add(n)),
            (n..n + 3).map(|s| format!("{s}.ts")),
        )
    };
    let (_, first) = channel.sees(near(0));
    for n in 1..12 {
        assert_eq!(channel.sees(near(n)), (Step::Slid, first + n));
        assert_eq!(channel.sees(near(n)), (Step::Same, first + n));
    }
}

/// Two encoders that answer by turns, each with numbers and names of its own.
fn take_turns(far: u64, turns: &[bool]) -> Vec<(bool, Step)> {
    let mut channel = Channel::default();
    let of = |is_other: bool, n: u64| match is_other {
        false => window(Some(1000 + n), (n..n + 4).map(|s| format!("a/{s}.ts"))),
        true => window(
            Some(1000 + far + n),
            (n..n + 4).map(|s| format!("b/{s}.ts")),
        ),
    };
    let mut steps = Vec::new();
    for (n, is_other) in turns.iter().enumerate() {
        steps.push((*is_other, channel.sees(of(*is_other, n as u64)).0));
    }
    steps
}

#[test]
fn two_encoders_by_turns_are_no_restart() {
    for far in [0, 100, 1_000_000] {
        let turns: Vec<bool> = (0..40).map(|n| n % 2 == 1).collect();
        let steps = take_turns(far, &turns);
        let restarts = steps.iter().filter(|(_, step)| *step == Step::Restarted);
        assert_eq!(restarts.count(), 0, "{far}: {steps:?}");
        let of_other = |(is_other, step): &&(bool, Step)| *is_other && *step == Step::Slid;
        assert_eq!(
            steps.iter().filter(of_other).count(),
            20,
            "each new end of it advances"
        );
    }
}

proptest! {
    /// Whatever edges answer by turns, the end never goes back, each advance lists an end that no window
    /// before it had, and each end is an advance once.
    #[test]
    fn edges_of_one_encoder_agree_on_places(
        start in 0_u64..1_000_000,
        lags in prop::collection::vec(0_u64..6, 1..4),
        turns in prop::collection::vec((0_usize..4, 0_u64..3), 1..80),
        signs in any::<bool>(),
    ) {
        let mut channel = Channel::default();
        let (mut now, mut refresh, mut newest) = (start + 40, 0_u64, None);
        for (edge, moved) in turns {
            now += moved;
            refresh += 1;
            let first = now - lags[edge % lags.len()];
            let name = |n: u64| match signs {
                true => format!("{refresh}-{n}x/{}", n.wrapping_mul(2_654_435_761)),
                false => format!("seg{n}.ts"),
            };
            let (step, place) = channel.sees(window(Some(first), (first..first + 6).map(name)));
            prop_assert_eq!(place, first);
            let is_new = newest.is_none_or(|newest| first > newest);
            prop_assert_eq!(step.is_advance(), is_new, "{:?}", step);
            newest = newest.max(Some(first));
        }
    }

    /// Without any numbers, windows that overlap are counted alike.
    #[test]
    fn names_alone_count_alike(moves in prop::collection::vec(0_u64..5, 1..60)) {
        let mut channel = Channel::default();
        let mut first = 100;
        let of = |first: u64| window(None, (first..first + 6).map(|n| format!("v/{n}.ts")));
        let (_, zero) = channel.sees(of(first));
        for moved in moves {
            first += moved;
            let (step, place) = channel.sees(of(first));
            prop_assert_eq!(place - zero, first - 100);
            prop_assert_eq!(step, if moved > 0 { Step::Slid } else { Step::Same });
        }
    }

    /// What is only looked at, and not gone over to, says nothing of what comes.
    #[test]
    fn a_look_changes_nothing(all in prop::collection::vec((prop::option::of(0_u64..40), 0_u8..9, 0_u8..6, any::<bool>()), 1..40)) {
        let (mut windows, mut others) = (Windows::default(), Windows::default());
        for (n, (number, first, count, is_looked_at)) in (0..).zip(all) {
            let seen = window(number, (first..first + count).map(|n| format!("{n}.ts")));
            let now_us = n * SECOND;
            if !is_looked_at {
                let (one, other) = (windows.place(seen.clone(), now_us, SECOND), others.place(seen, now_us, SECOND));
                prop_assert_eq!(one, other);
            } else if windows.foresee(&seen, now_us, SECOND).is_advance() {
                // Gone over to: what comes of it is another matter.
                break;
            }
        }
    }

    /// Nothing makes it panic.
    #[test]
    fn any_windows_are_placed(all in prop::collection::vec((any::<Option<u64>>(), prop::collection::vec(0_u8..6, 0..9), any::<i64>()), 1..30)) {
        let mut windows = Windows::default();
        let mut end = 0;
        for (number, names, now_us) in all {
            let seen = window(number, names.iter().map(|n| format!("{n}.ts")));
            let count = seen.count;
            let lie = windows.place(seen, now_us, now_us);
            if lie.step.is_advance() {
                prop_assert!(lie.place + count > end);
                end = lie.place + count;
            }
        }
    }
}

#[test]
fn what_comes_long_after_the_end_and_lies_before_it_has_begun_again() {
    let back_after = |seconds: i64| {
        let mut channel = Channel::default();
        channel.sees(plain(10, 4));
        let ended = Window {
            ended: true,
            ..plain(11, 4)
        };
        channel.sees(ended.clone());
        channel.now_us += seconds * 1_000_000;
        // The next show counts on from a number that was kept, and has names of its own.
        channel
            .sees(window(Some(5), (0..3).map(|n| format!("show2-{n}.ts"))))
            .0
    };
    assert_eq!(back_after(0), Step::Behind, "an edge that lags");
    assert_eq!(back_after(5), Step::Restarted);
}

proptest! {
    /// Where nothing else says anything, bytes do, later: each window is in the end where it was.
    #[test]
    fn bytes_alone_count_alike_in_the_end(moves in prop::collection::vec(0_u64..5, 1..40)) {
        let (mut windows, mut hindsight) = (Windows::default(), Hindsight::default());
        let (mut first, mut now_us) = (100, 0);
        let (mut truth, mut told) = (Vec::new(), Vec::new());
        for (refresh, moved) in (0..).zip(std::iter::once(0).chain(moves)) {
            first += moved;
            now_us += SECOND;
            let opaque = |n: u64| format!("{:016x}", (n * 1_000 + refresh) * 7919);
            let seen = window(None, (first..first + 6).map(opaque));
            let lie = windows.place(seen.clone(), now_us, SECOND);
            hindsight.saw(told.len() as i64, seen.clone(), (lie, &windows), (now_us, SECOND));
            for (name, n) in seen.names().zip(first..) {
                hindsight.learn(name, n);
            }
            truth.push((first, moved > 0 || refresh == 0));
            told.push((lie.place, lie.step));
            for one in hindsight.judge(now_us, false) {
                told[one.id as usize] = (one.place, one.step);
            }
        }
        for one in hindsight.judge(now_us, true) {
            told[one.id as usize] = (one.place, one.step);
        }
        let zero = told[0].0;
        for ((place, step), (first, is_new)) in told.into_iter().zip(truth) {
            prop_assert_eq!(place - zero, first - 100);
            prop_assert_eq!(step.is_advance(), is_new);
        }
    }
}

#[test]
fn windows_go_on_from_those_of_a_run_before() {
    let mut windows = Windows::resumed([(plain(20, 5), 70, 0), (plain(21, 5), 71, SECOND)], 76);
    let lie = windows.place(plain(23, 5), 5 * SECOND, SECOND);
    assert_eq!((lie.step, lie.place), (Step::Slid, 73));
    let of_names = |first: u64| window(None, (first..first + 4).map(|n| format!("t{n}.ts")));
    let mut windows = Windows::resumed([(of_names(5), 1000, 0)], 1004);
    assert_eq!(windows.place(of_names(5), SECOND, SECOND).step, Step::Same);
    let lie = windows.place(of_names(6), 2 * SECOND, SECOND);
    assert_eq!((lie.step, lie.place), (Step::Slid, 1001));
    let nothing: [(Window, u64, i64); 0] = [];
    let lie = Windows::resumed(nothing, 0).place(plain(7, 3), 0, SECOND);
    assert_eq!(lie.step, Step::First);
}

/// Segments with names, and the bytes that are known of them.
fn with_bytes(number: Option<u64>, segments: &[(&str, Option<u64>)]) -> Window {
    let mut window = window(number, segments.iter().map(|(name, _)| (*name).to_owned()));
    for (own, (_, content)) in window.tail.iter_mut().zip(segments) {
        own.content = *content;
    }
    window
}

#[test]
fn an_advance_says_how_many_segments_are_new_and_a_leap_no_more_than_it_lists() {
    let mut windows = Windows::default();
    let gained = |windows: &mut Windows, window| windows.place(window, 0, SECOND).gained;
    assert_eq!(gained(&mut windows, plain(10, 4)), 4);
    assert_eq!(gained(&mut windows, plain(12, 4)), 2);
    assert_eq!(gained(&mut windows, plain(12, 4)), 0);
    assert_eq!(gained(&mut windows, plain(40, 4)), 4);
}

#[test]
fn bytes_that_are_where_the_number_says_outweigh_the_same_bytes_elsewhere() {
    let mut channel = Channel::default();
    let programme = |number, letter: &str, bytes: [u64; 6]| {
        let names: Vec<String> = (0..6).map(|n| format!("{letter}{n}x{number}")).collect();
        let segments: Vec<_> = names
            .iter()
            .map(String::as_str)
            .zip(bytes.map(Some))
            .collect();
        with_bytes(Some(number), &segments)
    };
    assert_eq!(
        channel.sees(programme(10, "a", [1, 2, 3, 4, 5, 6])).0,
        Step::First
    );
    // It repeats itself: four of its six segments were seen before, at other places.
    assert_eq!(
        channel.sees(programme(14, "b", [5, 6, 1, 2, 3, 4])),
        (Step::Slid, 14)
    );
}

#[test]
fn a_slate_goes_by_its_number_also_where_numbers_stood_still_before() {
    let mut channel = Channel::default();
    let sliding = |first: u64| window(Some(1), (first..first + 5).map(|n| format!("s{n}.ts")));
    for first in 20..24 {
        channel.sees(sliding(first));
    }
    let slate = || window(Some(1), (0..5).map(|_| "slate.ts".to_owned()));
    channel.sees(slate());
    assert_eq!(channel.sees(slate()).0, Step::Same);
}

#[test]
fn other_bytes_under_the_same_names_without_numbers_are_something_else() {
    let mut channel = Channel::default();
    let programme = |bytes: [u64; 3]| {
        let names = ["a.ts", "b.ts", "c.ts"];
        let segments: Vec<_> = names.into_iter().zip(bytes.map(Some)).collect();
        with_bytes(None, &segments)
    };
    channel.sees(programme([1, 2, 3]));
    assert_eq!(channel.sees(programme([1, 2, 3])).0, Step::Same);
    assert_eq!(channel.sees(programme([7, 8, 9])).0, Step::Slid);
}

#[test]
fn one_url_that_stays_bears_a_number_out_whatever_bytes_are_beside_it() {
    let mut channel = Channel::default();
    channel.sees(with_bytes(
        Some(10),
        &[("a.ts", Some(1)), ("b.ts", None), ("c.ts", None)],
    ));
    let again = with_bytes(
        Some(10),
        &[("a2.ts", Some(2)), ("b.ts", None), ("c3.ts", None)],
    );
    assert_eq!(channel.sees(again), (Step::Same, 10));
}

#[test]
fn dates_place_an_encoder_that_counts_far_apart_and_no_other() {
    let dated = |first: u64, end_us: i64, letter: &str| Window {
        end_us: Some(end_us),
        ..window(
            Some(first),
            (first..first + 5).map(|n| format!("{letter}{n}.ts")),
        )
    };
    let placed = |number: u64| {
        let mut windows = Windows::default();
        windows.place(dated(1000, 100 * SECOND, "a"), 0, SECOND);
        // One segment of two seconds later.
        let other = dated(number, 102 * SECOND, "b");
        let lie = windows.place(other, 2 * SECOND, SECOND);
        (lie.step, lie.place)
    };
    assert_eq!(placed(5000), (Step::Slid, 1001));
    assert_eq!(placed(1005 + FAR + 1), (Step::Slid, 1001));
    assert_eq!(placed(1005 + FAR), (Step::Slid, 1005 + FAR));
    assert_eq!(placed(1100), (Step::Slid, 1100));
}

#[test]
fn other_names_at_places_whose_names_stay_have_begun_again() {
    let others = || window(Some(98), (0..5).map(|n| format!("new{n}.ts")));
    let mut channel = Channel::default();
    channel.sees(plain(100, 5));
    channel.sees(plain(101, 5));
    assert_eq!(channel.sees(others()).0, Step::Restarted);
    // Where no place was listed twice, nothing is known of names.
    let mut channel = Channel::default();
    channel.sees(plain(100, 5));
    assert_eq!(channel.sees(others()).0, Step::Behind);
}

#[test]
fn a_window_that_is_shorter_than_ever_at_the_first_number_has_begun_again() {
    let mut channel = Channel::default();
    channel.sees(plain(0, 3));
    assert_eq!(channel.sees(plain(2, 2)).0, Step::Slid);
    assert_eq!(channel.sees(plain(1, 2)).0, Step::Restarted);
    let mut channel = Channel::default();
    channel.sees(plain(0, 2));
    assert_eq!(channel.sees(plain(2, 2)).0, Step::Slid);
    assert_eq!(
        channel.sees(plain(1, 2)).0,
        Step::Behind,
        "an edge that lags"
    );
}

#[test]
fn names_that_moved_outweigh_a_number_that_one_name_bears_out() {
    let mut channel = Channel::default();
    let names = |names: [&str; 5]| window(Some(10), names.map(|name| format!("{name}.ts")));
    channel.sees(names(["a", "b", "c", "slate", "d"]));
    // The number stands still; the slate happens to stand where it stood.
    assert_eq!(
        channel.sees(names(["b", "c", "x", "slate", "e"])),
        (Step::Slid, 11)
    );
}

#[test]
fn bytes_that_are_others_where_names_agree_refute_them() {
    let mut channel = Channel::default();
    let signed = |refresh: &str, bytes: Option<u64>| {
        let names: Vec<String> = (0..3).map(|n| format!("{n}.ts?t={refresh}")).collect();
        let segments: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), bytes.map(|first| first + name.len() as u64)))
            .collect();
        with_bytes(None, &segments)
    };
    channel.sees(signed("1", Some(100)));
    assert_eq!(channel.sees(signed("2", Some(200))).0, Step::Slid);
    // Where the bytes of one of them are not known yet, names tell.
    let mut channel = Channel::default();
    channel.sees(signed("1", Some(100)));
    assert_eq!(channel.sees(signed("2", None)).0, Step::Same);
}

#[test]
fn names_that_go_with_two_places_alike_go_with_none() {
    let mut channel = Channel::default();
    let names = |names: [&str; 3]| window(None, names.map(|name| format!("{name}.ts")));
    let (_, first) = channel.sees(names(["a", "b", "c"]));
    let (step, place) = channel.sees(names(["a", "x", "b"]));
    assert_eq!(step, Step::Slid);
    assert!(place > first + 3, "something else: {place}");
}

#[test]
fn the_bytes_of_one_segment_may_be_a_slates_and_tell_no_place() {
    let mut channel = Channel::default();
    let signed = |letter: &str, bytes: [u64; 3]| {
        let names = [1, 2, 3].map(|n| format!("{letter}{n}"));
        let segments: Vec<_> = names
            .iter()
            .map(String::as_str)
            .zip(bytes.map(Some))
            .collect();
        with_bytes(None, &segments)
    };
    let (_, first) = channel.sees(signed("a", [1, 2, 3]));
    let (_, place) = channel.sees(signed("b", [3, 8, 9]));
    assert!(place > first + 3, "something else: {place}");
    let (_, place_of_two) = channel.sees(signed("c", [8, 9, 10]));
    assert_eq!(place_of_two, place + 1);
}

mod repeats;
