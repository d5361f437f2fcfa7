//! Live channels whose names come again: slates, loops, rings, in windows of any length. What they list is true.

use std::cmp::Ordering;

use super::*;

/// Of each window its place, and what it is to those before it.
type Lies = Vec<(u64, Step)>;

/// What a channel calls its segments.
#[derive(Debug, Clone)]
struct Names {
    /// One name after the other, over and over.
    turns: Vec<u8>,
    /// Name 0 is another one for each segment, at each refresh.
    opaque: bool,
    /// With a token that is new at each refresh.
    token: bool,
}

impl Names {
    fn of(&self, segment: u64, refresh: usize) -> String {
        let turn = self.turns[segment as usize % self.turns.len()];
        match (turn, self.opaque, self.token) {
            (0, true, _) => format!("{:016x}.ts", (segment * 1_000 + refresh as u64) * 7919),
            (_, _, true) => format!("{turn}.ts?t={refresh}"),
            _ => format!("{turn}.ts"),
        }
    }
}

/// A channel that lists a new segment each second.
#[derive(Debug, Clone)]
struct Loop {
    names: Names,
    count: u64,
    first: u64,
    dates: bool,
    /// A name has other bytes for each segment.
    written_over: bool,
    /// So many segments are listed at once.
    batch: u64,
    /// When it is asked, in milliseconds, and by how many segments the edge lags that answers.
    asked: Vec<(u64, u64)>,
}

impl Loop {
    fn first_at(&self, (at_ms, lag): (u64, u64)) -> u64 {
        self.first + at_ms / 1_000 / self.batch * self.batch - lag
    }

    fn window(&self, asked: (u64, u64), refresh: usize) -> Window {
        let first = self.first_at(asked);
        let segments = first..first + self.count;
        let end_us = (segments.end * 1_000_000) as i64;
        Window {
            end_us: self.dates.then_some(end_us),
            lengths_us: vec![SECOND; self.count as usize],
            ..window(Some(first), segments.map(|n| self.names.of(n, refresh)))
        }
    }

    /// The bytes that an answer to a name has.
    fn bytes(&self, name: u64, asked: (u64, u64), refresh: usize) -> u64 {
        let first = self.first_at(asked);
        let named = self.window(asked, refresh).names().collect::<Vec<_>>();
        let at = named.iter().rposition(|one| *one == name).unwrap() as u64;
        let segment = first + at;
        let turn = segment % self.names.turns.len() as u64;
        let turn = u64::from(self.names.turns[turn as usize]);
        match self.written_over || (turn == 0 && self.names.opaque) {
            true => 1_000_000 + segment,
            false => turn,
        }
    }

    /// What is true of each window: its first number, and whether its end is new.
    fn truth(&self) -> Lies {
        let mut newest = None;
        let step = |asked: &(u64, u64)| {
            let first = self.first_at(*asked);
            let before = newest.replace(newest.unwrap_or(first).max(first));
            let step = before.map_or(Step::First, |before| match first.cmp(&before) {
                Ordering::Greater => Step::Slid,
                Ordering::Equal => Step::Same,
                Ordering::Less => Step::Behind,
            });
            (first, step)
        };
        self.asked.iter().map(step).collect()
    }

    /// What is said of them at once, and in the end.
    fn said(&self) -> (Lies, Lies) {
        let (mut windows, mut hindsight) = (Windows::default(), Hindsight::default());
        let mut at_once = Vec::new();
        let mut corrections = Vec::new();
        for (refresh, asked) in self.asked.iter().enumerate() {
            let (seen, now_us) = (self.window(*asked, refresh), asked.0 as i64 * 1_000);
            let lie = windows.place(seen.clone(), now_us, SECOND);
            at_once.push((lie.place, lie.step));
            let unknown = hindsight.saw(refresh as i64, seen, (lie, &windows), (now_us, SECOND));
            for name in unknown {
                hindsight.learn(name, self.bytes(name, *asked, refresh));
            }
            corrections.extend(hindsight.judge(now_us, refresh + 1 == self.asked.len()));
        }
        let mut in_the_end = at_once.clone();
        for one in corrections {
            in_the_end[one.id as usize] = (one.place, one.step);
        }
        (at_once, in_the_end)
    }
}

fn loops() -> impl Strategy<Value = Loop> {
    let names = (
        prop::collection::vec(0_u8..4, 1..9),
        any::<bool>(),
        any::<bool>(),
    );
    let names = names.prop_map(|(turns, opaque, token)| Names {
        turns,
        opaque,
        token,
    });
    // Now and then nobody asks for some seconds.
    let pause = prop_oneof![9 => 200_u64..1_200, 1 => 1_000_u64..9_000];
    let lags = prop_oneof![9 => Just(0_u64), 1 => Just(1)];
    let asked = prop::collection::vec((pause, lags), 2..60).prop_map(|pauses| {
        let mut at = 0;
        let asked = pauses.into_iter().map(|(pause, lag)| {
            at += pause;
            (at, lag)
        });
        asked.collect::<Vec<_>>()
    });
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), 1_u64..4);
    (names, 1_u64..8, 10_u64..1_000, switches, asked).prop_map(
        |(mut names, count, first, (dates, written_over, lags, batch), mut asked)| {
            // Of names that say nothing, and where bytes are others, a step back is another encoder's.
            let lags = lags && !written_over;
            names.opaque &= !lags;
            asked
                .iter_mut()
                .for_each(|(_, lag)| *lag *= u64::from(lags));
            Loop {
                names,
                count,
                first,
                dates,
                written_over,
                // Less than a window, so that each segment is listed.
                batch: if lags { 1 } else { batch.min(count - 1).max(1) },
                asked,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever names come again, a live channel whose numbers count on lies where they say, at once and in the end.
    #[test]
    fn a_channel_whose_names_come_again_never_stands_still(channel in loops()) {
        let truth = channel.truth();
        let (at_once, in_the_end) = channel.said();
        prop_assert_eq!(&at_once, &truth, "at once");
        prop_assert_eq!(&in_the_end, &truth, "in the end");
    }
}

/// A loop of one name in so many among slates, asked twice a second for a minute.
fn slates(count: u64, turns: &[u8]) -> Loop {
    Loop {
        names: Names {
            turns: turns.to_vec(),
            opaque: false,
            token: false,
        },
        count,
        first: 10,
        dates: false,
        written_over: false,
        batch: 1,
        asked: (0..120).map(|n| (n * 500 + 100, 0)).collect(),
    }
}

#[test]
fn loops_rings_and_windows_of_one_go_by_their_numbers() {
    for (what, channel) in [
        ("one in five", slates(5, &[0, 1, 0, 0, 0])),
        ("one in four", slates(5, &[0, 1, 0, 0])),
        ("a window of four", slates(4, &[0, 1, 0, 0, 0])),
        ("a ring as long as the window", slates(5, &[0, 1, 2, 3, 4])),
        ("one in three", slates(5, &[1, 0, 0])),
        ("one segment, one name", slates(1, &[0])),
        ("one segment, a loop", slates(1, &[1, 0, 0])),
        (
            "with dates",
            Loop {
                dates: true,
                ..slates(5, &[0, 1, 0, 0, 0])
            },
        ),
        (
            "written over",
            Loop {
                written_over: true,
                ..slates(5, &[0, 1, 0, 0, 0])
            },
        ),
    ] {
        let (at_once, in_the_end) = channel.said();
        assert_eq!(at_once, channel.truth(), "{what}");
        assert_eq!(in_the_end, channel.truth(), "{what}, in the end");
    }
}

/// Steps of windows that come half a second apart, each a list with a number and perhaps a date.
fn steps(windows: impl IntoIterator<Item = Window>) -> Vec<Step> {
    let mut known = Windows::default();
    let placed = windows
        .into_iter()
        .zip(1..)
        .map(|(window, half)| known.place(window, half * SECOND / 2, SECOND).step);
    placed.collect()
}

fn list(number: u64, names: &[&str]) -> Window {
    Window {
        lengths_us: vec![SECOND; names.len()],
        ..window(Some(number), names.iter().map(|name| format!("{name}.ts")))
    }
}

#[test]
fn a_list_that_stays_under_a_number_that_rises_stands_still_though_a_name_repeats() {
    for names in [
        &["a", "slate", "slate", "slate"][..],
        &["slate", "slate", "slate", "d"],
        &["a", "b", "a", "c", "d"],
        &["a", "b"],
    ] {
        for rate in [1, 2] {
            let stale = steps((0..40).map(|n| list(10 + n / rate, names)));
            let advances = stale.iter().filter(|step| step.is_advance());
            assert_eq!(advances.count(), 1, "{names:?}: {stale:?}");
        }
    }
}

#[test]
fn one_segment_whose_number_rises_faster_than_time_stands_still() {
    let stale = steps((0..40).map(|n| list(10 + n, &["a"])));
    let last = stale.iter().rposition(|step| step.is_advance()).unwrap();
    assert!(last < 6, "{stale:?}");
}

#[test]
fn numbers_of_a_second_backend_that_lists_the_same_names_are_no_advance() {
    let names = |first: u64| (first..first + 5).map(|n| format!("s{n}.ts"));
    for far in [1, 3, 5, 6, 9, 500] {
        let by_turns = (0..40_u64).map(|n| {
            let first = 100 + n / 2;
            window(Some(first + n % 2 * far), names(first))
        });
        let advances = steps(by_turns).iter().filter(|s| s.is_advance()).count();
        assert_eq!(advances, 20, "{far} apart");
    }
}

#[test]
fn without_numbers_dates_tell_which_turn_of_a_ring_it_is() {
    let ring = |first: u64| {
        let names = (first..first + 5).map(|n| format!("r{}.ts", n % 5));
        Window {
            end_us: Some((first * 1_000_000) as i64),
            lengths_us: vec![SECOND; 5],
            ..window(None, names)
        }
    };
    let (mut known, mut first) = (Windows::default(), 10);
    let zero = known.place(ring(first), 0, SECOND).place;
    for went in [1, 3, 2, 4, 1, 3] {
        first += went;
        let lie = known.place(ring(first), (first as i64 - 10) * SECOND, SECOND);
        assert_eq!((lie.step, lie.place - zero), (Step::Slid, first - 10));
    }
}
