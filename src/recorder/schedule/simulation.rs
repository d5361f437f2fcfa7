//! Polls of made-up origins, in made-up time: what is missed, how soon revisions are noticed, and
//! what that costs. `docs/design/polling.md` has the figures.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::poll_backoff;
use super::times::{Asked, Polled, Saw, Times};

const MS: i64 = 1000;
const S: i64 = 1000 * MS;

/// The same numbers at each run.
struct Chance(u64);

impl Chance {
    /// From zero to below one.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }

    fn below(&mut self, most: i64) -> i64 {
        (self.next() * most as f64) as i64
    }
}

/// An origin whose revision `n` comes after `pauses[n]`.
struct Origin {
    published: Vec<i64>,
    interval: i64,
    round_trip: i64,
    /// Half of the polls are answered by an edge that lags behind by so much.
    edge_lag: i64,
    /// From when until when it fails; it goes on publishing.
    outage: Range<i64>,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
struct Figures {
    missed: i64,
    /// For each revision, in hundredths.
    polls: i64,
    p50: i64,
    p99: i64,
}

impl Origin {
    fn with_pauses(interval: i64, pauses: impl Iterator<Item = i64>) -> Self {
        let mut at = 700 * MS;
        let published = pauses.map(|pause| {
            at += pause;
            at
        });
        Self {
            published: published.collect(),
            interval,
            round_trip: 10 * MS,
            edge_lag: 0,
            outage: 0..0,
        }
    }

    fn steady(period: i64, interval: i64) -> Self {
        Self::with_pauses(interval, std::iter::repeat_n(period, 600))
    }

    /// Steady, but each revision is late by up to so much.
    fn jittered(period: i64, interval: i64, jitter: i64) -> Self {
        let mut chance = Chance(3);
        let mut origin = Self::steady(period, interval);
        for at in &mut origin.published {
            *at += chance.below(jitter);
        }
        origin
    }

    /// The number of the revision that is there.
    fn revision(&self, at: i64) -> i64 {
        self.published.partition_point(|published| *published <= at) as i64 - 1
    }

    /// Polls until the last revision; calls back with what is seen by each.
    fn poll(&self, mut saw: impl FnMut(i64, i64)) {
        let mut times = Times::new(0);
        let mut chance = Chance(5);
        let (mut due, mut seen) = (0, -1);
        while due < self.published[self.published.len() - 1] {
            let edge_lag = self.edge_lag * (2.0 * chance.next()) as i64;
            let sees = self.revision(due + self.round_trip / 2 - edge_lag);
            let fails = self.outage.contains(&due);
            saw(due, if fails { seen } else { sees });
            let asked = Asked {
                requested_us: due,
                response_us: due + self.round_trip,
            };
            let saw = match sees - seen {
                _ if fails => Saw::Fault(self.delay()),
                ahead @ 1.. => Saw::Advance(asked, ahead as u64),
                0 => Saw::Same(asked),
                _ => Saw::Behind,
            };
            seen = if fails { seen } else { seen.max(sees) };
            let polled = Polled {
                asked_us: due,
                over_us: due + self.round_trip,
                saw,
            };
            due = times.next(self.interval, polled);
        }
    }

    /// After how long a poll that failed is made again.
    fn delay(&self) -> i64 {
        let interval = Duration::from_micros(self.interval as u64);
        poll_backoff(interval, None, 0).as_micros() as i64
    }

    /// When it is polled.
    fn polls(&self) -> Vec<i64> {
        let mut polls = Vec::new();
        self.poll(|due, _| polls.push(due));
        polls
    }

    fn run(&self) -> Figures {
        let (mut seen, mut polls) = (-1, 0);
        let mut delays = Vec::new();
        let mut shown = BTreeSet::new();
        self.poll(|due, sees| {
            polls += 1;
            shown.insert(sees);
            if sees > seen {
                delays.push(due - self.published[sees as usize]);
                seen = sees;
            }
        });
        delays.sort_unstable();
        let per_cent = |part: usize| delays[(delays.len() - 1) * part / 100].max(0) / MS;
        let first = shown.iter().find(|revision| **revision >= 0);
        Figures {
            missed: first.map_or(seen, |first| {
                (*first..seen).filter(|n| !shown.contains(n)).count() as i64
            }),
            polls: polls * 100 / self.published.len() as i64,
            p50: per_cent(50),
            p99: per_cent(99),
        }
    }
}

/// Each revision after the one before by what it is told.
fn irregular(pause: impl FnMut(i64) -> i64) -> Origin {
    Origin::with_pauses(500 * MS, (0..600).map(pause))
}

/// What is to be expected: polls for a revision in hundredths; milliseconds from a revision to the
/// poll that noticed it, in the middle and at worst of 99 in 100.
#[track_caller]
fn expect(origin: &Origin, polls: i64, p50: i64, p99: i64) {
    let figures = origin.run();
    assert_eq!(figures.missed, 0, "{figures:?}");
    assert!(figures.polls <= polls, "{figures:?}");
    assert!(figures.p50 <= p50 && figures.p99 <= p99, "{figures:?}");
}

#[test]
fn a_steady_origin_is_asked_just_before_and_just_after() {
    expect(&Origin::steady(2 * S, 500 * MS), 400, 25, 120);
    expect(&Origin::steady(S, 250 * MS), 400, 25, 50);
    // Two polls a revision are enough.
    expect(&Origin::steady(500 * MS, 250 * MS), 200, 25, 60);
    expect(&Origin::steady(6 * S, 1500 * MS), 400, 25, 270);
    expect(&Origin::steady(10 * S, 2 * S), 500, 25, 370);
    expect(&Origin::steady(6 * S, 2 * S), 300, 25, 340);
    let far_away = Origin {
        round_trip: 200 * MS,
        ..Origin::steady(2 * S, 500 * MS)
    };
    expect(&far_away, 400, 75, 110);
}

#[test]
fn with_less_than_two_polls_a_period_the_grid_is_even() {
    for (period, interval) in [(6 * S, 6 * S), (2 * S, 1500 * MS), (500 * MS, 400 * MS)] {
        let origin = Origin::steady(period, interval);
        assert!(origin.polls().iter().all(|due| due % interval == 0));
    }
}

#[test]
fn an_origin_that_wavers_is_noticed_as_early_as_it_is_steady() {
    expect(&Origin::jittered(2 * S, 500 * MS, 50 * MS), 400, 25, 300);
    expect(&Origin::jittered(500 * MS, 250 * MS, 50 * MS), 200, 25, 60);
    expect(
        &Origin::jittered(500 * MS, 250 * MS, 200 * MS),
        200,
        75,
        230,
    );
    expect(&Origin::jittered(2 * S, 500 * MS, 300 * MS), 400, 100, 480);
    // Little better than an even grid in the middle, and little worse at worst.
    expect(&Origin::jittered(2 * S, 500 * MS, S), 400, 200, 550);
    let mut chance = Chance(9);
    let drifting = irregular(|_| 1800 * MS + chance.below(400 * MS));
    expect(&drifting, 400, 150, 500);
    let unruly = irregular(|_| S + chance.below(2 * S));
    expect(&unruly, 405, 250, 550);
}

#[test]
fn edges_that_disagree_cost_no_revision_and_no_more_polls() {
    for edge_lag in [300 * MS, S, 1500 * MS] {
        let origin = Origin {
            edge_lag,
            ..Origin::jittered(2 * S, 500 * MS, 30 * MS)
        };
        // Each poll meets the quick one by chance.
        expect(&origin, 400, 410, 1900);
    }
}

#[test]
fn after_a_stall_or_a_late_revision_the_rhythm_is_found_again() {
    // Time in which nothing comes is asked for, too: 4.4 intervals a revision.
    let stalls = irregular(|n| if n % 40 == 39 { 9300 * MS } else { 2 * S });
    expect(&stalls, 437, 30, 330);
    let late = irregular(|n| match n % 40 {
        39 => 3 * S,
        0 => S,
        _ => 2 * S,
    });
    expect(&late, 400, 35, 310);
    for shift in [-1100 * MS, 700 * MS] {
        let phase = irregular(|n| if n % 30 == 29 { 2 * S + shift } else { 2 * S });
        expect(&phase, 405, 35, 470);
    }
}

#[test]
fn breaks_with_segments_of_another_duration_are_followed() {
    let breaks = irregular(|n| if n / 30 % 2 == 1 { 1200 * MS } else { 2 * S });
    expect(&breaks, 320, 30, 430);
    let pairs = irregular(|n| if n % 2 == 1 { 3 * S } else { S });
    expect(&pairs, 400, 220, 310);
}

#[test]
fn what_two_revisions_at_once_leave_unseen_nobody_can_see() {
    let bursts = irregular(|n| match n % 40 {
        39 => 4 * S,
        0 => 0,
        _ => 2 * S,
    });
    let figures = bursts.run();
    assert_eq!(figures.missed, 14);
    assert!(figures.p50 <= 25 && figures.p99 <= 320, "{figures:?}");
}

#[test]
fn the_end_of_an_outage_is_known_to_one_interval_however_long_it_was() {
    for length in [S, 10 * S, 40 * S, 600 * S] {
        for begin in [60 * S, 61 * S + 350 * MS] {
            let outage = begin..begin + length;
            let origin = Origin {
                outage: outage.clone(),
                ..Origin::steady(2 * S, 500 * MS)
            };
            let polls = origin.polls();
            let after = polls.iter().find(|due| **due >= outage.end).unwrap();
            assert!(after - outage.end <= origin.interval, "{length} {after}");
            let meanwhile = polls.iter().filter(|due| outage.contains(due)).count() as i64;
            let intervals = length / origin.interval;
            assert!((intervals - 1..=intervals + 2).contains(&meanwhile));
        }
    }
}
