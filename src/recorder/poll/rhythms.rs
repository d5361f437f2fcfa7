//! Rhythms of the field, simulated: playlists as origins write them, with the truth known. What is fetched, what
//! advances, which place each segment has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::hls::{Lie, Step, Variables, Window, Windows, read_media};
use crate::recorder::plan::state::Plan;
use crate::recorder::plan::{Done, Listing};
use crate::recorder::poll::revision::listing::wanted;
use crate::recorder::poll::state::corrections::Corrections;
use crate::recorder::settings::limits::Limits;
use crate::session::Kind;

/// Seconds between two polls, and the target duration.
const EVERY_US: i64 = 1_000_000;
const TARGET_US: i64 = 2_000_000;
const POLLS: u64 = 240;

/// What an origin lists: which segment it truly is, and which bytes it has.
#[derive(Clone)]
struct Listed {
    uri: String,
    segment: u64,
    content: u64,
    /// When it begins, in seconds.
    date: Option<u64>,
}

fn dated(uri: impl Into<String>, segment: u64, date: u64) -> Listed {
    Listed {
        date: Some(date),
        ..listed(uri, segment)
    }
}

fn listed(uri: impl Into<String>, segment: u64) -> Listed {
    Listed {
        uri: uri.into(),
        segment,
        content: segment,
        date: None,
    }
}

/// A playlist that an origin gives.
struct Answer {
    number: Option<u64>,
    segments: Vec<Listed>,
}

/// The window of six that ends at a segment.
fn window(last: u64, name: impl Fn(u64) -> Listed) -> Answer {
    let first = last.saturating_sub(5);
    Answer {
        number: Some(first),
        segments: (first..=last).map(name).collect(),
    }
}

/// What was said of how windows lie.
#[derive(Debug, Default)]
struct Said {
    /// Places of each segment, and segments of each place.
    places: BTreeMap<u64, BTreeSet<u64>>,
    segments: BTreeMap<u64, BTreeSet<u64>>,
    /// Polls at which the end was told to be new.
    advances: Vec<u64>,
    restarts: usize,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    /// Requests for each content.
    fetches: BTreeMap<u64, u32>,
    /// Polls at which the end was new.
    true_advances: Vec<u64>,
    at_once: Said,
    /// With what was corrected afterwards.
    in_the_end: Said,
}

impl Outcome {
    fn all_segments(&self) -> usize {
        self.in_the_end.places.len()
    }

    fn fetches_of_a_chunk(&self) -> f64 {
        let all: u32 = self.fetches.values().sum();
        f64::from(all) / self.fetches.len() as f64
    }
}

impl Said {
    /// Each segment at one place, and every new end an advance.
    fn is_right(&self, true_advances: &[u64]) -> Result<(), String> {
        if self.doubles() != (0, 0) {
            return Err(format!(
                "at two places, or two at one: {:?}",
                self.doubles()
            ));
        }
        match self.advances == true_advances {
            true => Ok(()),
            false => Err(format!("{:?} for {true_advances:?}", self.advances)),
        }
    }

    fn add(&mut self, poll: u64, (place, step): (u64, Step), listed: &[Listed]) {
        for (place, one) in (place..).zip(listed) {
            self.places.entry(one.segment).or_default().insert(place);
            self.segments.entry(place).or_default().insert(one.segment);
        }
        if step.is_advance() {
            self.advances.push(poll);
        }
        self.restarts += usize::from(step == Step::Restarted);
    }

    /// Segments that stand at two places, and places with two segments.
    fn doubles(&self) -> (usize, usize) {
        let doubles =
            |of: &BTreeMap<u64, BTreeSet<u64>>| of.values().filter(|s| s.len() > 1).count();
        (doubles(&self.places), doubles(&self.segments))
    }
}

/// Polls an origin, as the recorder does; each fetch is over before the next poll.
fn simulate(origin: impl Fn(u64) -> Answer) -> Outcome {
    let mut outcome = Outcome::default();
    let mut windows = Windows::default();
    let mut plan = Plan::new(&Limits::default());
    let mut corrections = Corrections::default();
    let start = clock::instant();
    let mut newest = None;
    let mut said: Vec<(u64, Step)> = Vec::new();
    let mut corrected = BTreeMap::new();
    for poll in 0..POLLS {
        let answer = origin(poll);
        let now = start + Duration::from_micros(poll * EVERY_US as u64);
        let judges = (&mut windows, &mut corrections, &mut plan);
        let lie = take_in(&answer, poll, judges, now);
        said.push((lie.place, lie.step));
        fetch(&answer, &mut plan, now, &mut outcome);
        corrections.learn(|key| plan.content(0, key));
        for one in corrections.judge(poll as i64 * EVERY_US, poll + 1 == POLLS) {
            corrected.insert(one.id as u64, (one.place, one.step));
        }
        let end = answer.segments.last().map(|last| last.segment);
        if end > newest {
            newest = end;
            outcome.true_advances.push(poll);
        }
    }
    for (poll, said) in (0..).zip(said) {
        let listed = origin(poll).segments;
        outcome.at_once.add(poll, said, &listed);
        let truth = corrected.get(&poll).copied().unwrap_or(said);
        outcome.in_the_end.add(poll, truth, &listed);
    }
    outcome
}

fn take_in(
    answer: &Answer,
    poll: u64,
    (windows, corrections, plan): (&mut Windows, &mut Corrections, &mut Plan),
    now: Instant,
) -> Lie {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n".to_owned();
    if let Some(number) = answer.number {
        writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{number}").unwrap();
    }
    for one in &answer.segments {
        if let Some(date) = one.date {
            let (minutes, seconds) = (date / 60, date % 60);
            let (hours, minutes) = (minutes / 60, minutes % 60);
            writeln!(
                text,
                "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T{hours:02}:{minutes:02}:{seconds:02}.040Z"
            )
            .unwrap();
        }
        writeln!(text, "#EXTINF:2,\n{}", one.uri).unwrap();
    }
    let base = "http://h/live/index.m3u8".parse().unwrap();
    let media = read_media(text.as_bytes(), &base, &Variables::default());
    let at_us = poll as i64 * EVERY_US;
    let window = Window::from_playlist(&media);
    let lie = windows.place(window.clone(), at_us, TARGET_US);
    let (placed, times_us) = ((lie, &*windows), (at_us, TARGET_US));
    corrections.saw(poll as i64, window, placed, times_us, &media.entries);
    let facts = &media.facts;
    let entries = media.entries.into_iter();
    plan.revision(
        &Listing {
            playlist: 0,
            exchange: poll as i64,
            from_us: at_us,
            target_duration_us: TARGET_US,
            wanted: entries
                .map(|entry| wanted(entry, facts, lie.place))
                .collect(),
            duration: facts.duration,
            step: lie.step,
            ended: false,
        },
        now,
    );
    lie
}

fn fetch(answer: &Answer, plan: &mut Plan, now: Instant, outcome: &mut Outcome) {
    while let Some(job) = plan.next(now, |_| false, |_, _| None) {
        assert_eq!(job.kind, Kind::Segment);
        let is_it = |one: &&Listed| job.url.as_str() == format!("http://h/live/{}", one.uri);
        // Of a name that is listed twice the newer bytes are there.
        let Some(one) = answer.segments.iter().rfind(is_it) else {
            plan.done(&job, Done::Failed, None, now);
            continue;
        };
        *outcome.fetches.entry(one.content).or_default() += 1;
        let mut sha256 = [0; 32];
        sha256[..8].copy_from_slice(&one.content.to_be_bytes());
        plan.done(&job, Done::Good, Some(sha256), now);
    }
}

/// Each segment is fetched 1.2 times at most, listed at one place, and every new end is an advance.
fn is_right(name: &str, origin: impl Fn(u64) -> Answer) -> Outcome {
    let outcome = simulate(origin);
    let fetches = outcome.fetches_of_a_chunk();
    assert!(fetches <= 1.2, "{name}: {fetches} fetches of a chunk");
    let right = Ok(());
    let advances = &outcome.true_advances;
    assert_eq!(outcome.at_once.is_right(advances), right, "{name}");
    assert_eq!(
        outcome.in_the_end.is_right(advances),
        right,
        "{name}, corrected"
    );
    outcome
}

/// What nobody could know at once is right in the end.
fn becomes_right(name: &str, origin: impl Fn(u64) -> Answer) -> Outcome {
    let outcome = simulate(origin);
    let advances = &outcome.true_advances;
    assert!(
        outcome.at_once.is_right(advances).is_err(),
        "{name}: it was right at once"
    );
    assert_eq!(
        outcome.in_the_end.is_right(advances),
        Ok(()),
        "{name}, corrected"
    );
    outcome
}

/// A segment every two polls; from 100 on, so that there is something before.
fn last(poll: u64) -> u64 {
    100 + poll / 2
}

#[test]
fn names_and_numbers_as_they_should_be() {
    is_right("plain", |poll| {
        window(last(poll), |n| listed(format!("s{n}.ts"), n))
    });
    is_right("three at once", |poll| {
        window(100 + poll / 6 * 3, |n| listed(format!("s{n}.ts"), n))
    });
    is_right("all of the window at once", |poll| {
        window(100 + poll / 6 * 9, |n| listed(format!("s{n}.ts"), n))
    });
    is_right("an event that grows", |poll| Answer {
        number: Some(0),
        segments: (0..=poll / 2)
            .map(|n| listed(format!("s{n}.ts"), n))
            .collect(),
    });
}

#[test]
fn names_that_are_signed_anew_at_each_refresh() {
    is_right("in the path", |poll| {
        window(last(poll), |n| {
            listed(format!("sig/{:08x}/s{n}.ts", poll * 7919), n)
        })
    });
    is_right("in the query", |poll| {
        window(last(poll), |n| listed(format!("s{n}.ts?token={poll}"), n))
    });
    is_right("all of the name", |poll| {
        window(last(poll), |n| {
            listed(format!("{:016x}.ts", (n * 1_000 + poll) * 7919), n)
        })
    });
    is_right("and nothing moves for a minute", |poll| {
        let last = last(if poll > 60 { poll.max(120) } else { poll });
        window(last, |n| listed(format!("sig/{poll}/s{n}.ts"), n))
    });
    is_right("without numbers", |poll| Answer {
        number: None,
        ..window(last(poll), |n| listed(format!("sig/{poll}/s{n}.ts"), n))
    });
}

#[test]
fn edges_that_do_not_advance_together() {
    let lag = |poll: u64| [0, 2, 1, 4, 0, 3][(poll % 6) as usize];
    is_right("one name", |poll| {
        window(last(poll) - lag(poll), |n| listed(format!("s{n}.ts"), n))
    });
    is_right("signed", |poll| {
        window(last(poll) - lag(poll), |n| {
            listed(format!("{poll}/s{n}.ts"), n)
        })
    });
    is_right("a name each", |poll| {
        let edge = poll % 3;
        window(last(poll) - lag(poll), |n| {
            listed(format!("edge-{edge}/s{n}.ts"), n)
        })
    });
    is_right("far behind", |poll| {
        let lag = if poll % 4 == 3 { 5 } else { 0 };
        window(last(poll) - lag, |n| listed(format!("s{n}.ts"), n))
    });
}

#[test]
fn names_that_are_used_again() {
    is_right("a ring", |poll| {
        window(last(poll), |n| listed(format!("ring{}.ts", n % 10), n))
    });
    for ring in 1..=6 {
        let outcome = is_right("a ring that is no longer than the window", |poll| {
            window(last(poll), |n| listed(format!("ring{}.ts", n % ring), n))
        });
        // What was written over before the first poll is nowhere.
        let missed = outcome.all_segments() - outcome.fetches.len();
        assert_eq!(missed as u64, 6 - ring, "of a ring of {ring}");
    }
    is_right("a slate", |poll| {
        window(last(poll), |n| match n % 40 {
            0..8 => Listed {
                content: 0,
                ..listed("slate.ts", n)
            },
            _ => listed(format!("s{n}.ts"), n),
        })
    });
}

#[test]
fn numbers_that_say_nothing() {
    let named = |number: fn(u64) -> Option<u64>| {
        move |poll| Answer {
            number: number(poll),
            ..window(last(poll), |n| listed(format!("s{n}.ts"), n))
        }
    };
    is_right("none", named(|_| None));
    is_right("always 1", named(|_| Some(1)));
    is_right("one more at each refresh", named(|poll| Some(1_000 + poll)));
    is_right("none, by edges", |poll| Answer {
        number: None,
        ..window(last(poll) - poll % 3, |n| listed(format!("s{n}.ts"), n))
    });
    is_right("none, of a ring", |poll| Answer {
        number: None,
        ..window(last(poll), |n| listed(format!("ring{}.ts", n % 10), n))
    });
    is_right("always 0, signed", |poll| Answer {
        number: Some(0),
        ..window(last(poll), |n| listed(format!("{poll}/s{n}.ts"), n))
    });
    is_right("past 2^63", named(|poll| Some((1 << 63) - 30 + poll / 2)));
    is_right(
        "past 2^64",
        named(|poll| Some((u64::MAX - 30).wrapping_add(poll / 2))),
    );
    is_right("past 2^64, signed", |poll| Answer {
        number: Some((u64::MAX - 30).wrapping_add(poll / 2)),
        ..window(last(poll), |n| listed(format!("{poll}/s{n}.ts"), n))
    });
}

/// From the poll after a reset on, another encoder's bytes.
fn reset(poll: u64, name: impl Fn(u64, u64) -> String) -> Answer {
    let life = poll / 80;
    let last = match life {
        0 => last(poll),
        _ => poll % 80 / 2,
    };
    window(last, |n| listed(name(life, n), life * 1_000_000 + n))
}

#[test]
fn encoders_that_are_started_again() {
    let restarts = |what, name: &dyn Fn(u64, u64, u64) -> String| {
        let outcome = is_right(what, |poll| reset(poll, |life, n| name(poll, life, n)));
        assert_eq!(outcome.in_the_end.restarts, 2, "{what}");
    };
    restarts("names begin at 0 again", &|_, _, n| format!("s{n}.ts"));
    restarts("names of its own", &|_, life, n| {
        format!("life{life}/s{n}.ts")
    });
    restarts("signed", &|poll, _, n| format!("{poll:08x}/s{n}.ts"));
}

#[test]
fn two_encoders_by_turns() {
    // Each has bytes of its own for one moment of the programme.
    let encoded = |encoder: u64, n: u64| Listed {
        uri: format!("enc{encoder}/s{n}.ts"),
        segment: n,
        content: encoder * 1_000_000 + n,
        date: None,
    };
    is_right("one count", |poll| {
        window(last(poll), |n| encoded(poll % 2, n))
    });
}

#[test]
fn advertisements_that_are_stitched_in_for_each_session() {
    is_right("signed anew", |poll| {
        window(last(poll), |n| match n % 30 {
            0..5 => listed(format!("ads/{}/{poll}/ad{n}.ts", poll / 40), n),
            _ => listed(format!("s{n}.ts"), n),
        })
    });
}

/// Two counts that are far apart: what one of them lists is behind for ever.
#[test]
fn encoders_that_count_far_apart_are_recorded_both_and_one_is_the_channel() {
    let outcome = simulate(|poll| {
        let encoder = poll % 2;
        let far = encoder * 1_000_000;
        let answer = window(last(poll), |n| {
            listed(format!("enc{encoder}/s{}.ts", far + n), far + n)
        });
        Answer {
            number: answer.number.map(|number| number + far),
            ..answer
        }
    });
    assert_eq!(outcome.at_once.doubles(), (0, 0));
    let fetches = outcome.fetches_of_a_chunk();
    assert!(fetches <= 1.2, "{fetches} fetches of a chunk");
    // The first poll shows the lower one, the second the other, which leads from then on.
    let ends = POLLS as usize / 2;
    let told = outcome.at_once.advances.len();
    assert!(told.abs_diff(ends) <= 2, "{told} advances of {ends}");
}

#[test]
fn dates_tell_where_numbers_and_names_do_not() {
    let opaque = |poll: u64, n: u64| format!("{:016x}.ts", (n * 1_000 + poll) * 7919);
    is_right("no numbers, and names that say nothing", |poll| Answer {
        number: None,
        ..window(last(poll), |n| dated(opaque(poll, n), n, n * 2))
    });
    is_right("the same by edges", |poll| Answer {
        number: None,
        ..window(last(poll) - poll % 3, |n| dated(opaque(poll, n), n, n * 2))
    });
    // Each has bytes of its own for one moment of the programme, and a number of its own.
    is_right("encoders that count far apart", |poll| {
        let far = poll % 2 * 1_000_000;
        let answer = window(last(poll), |n| Listed {
            content: far + n,
            ..dated(format!("enc/{}.ts", far + n), n, n * 2)
        });
        Answer {
            number: answer.number.map(|number| number + far),
            ..answer
        }
    });
    // Numbers of another count, lower than before, and not 0.
    let life = |poll: u64| poll / 80;
    let outcome = is_right(
        "an encoder that begins again at 1000, signed anew",
        |poll| {
            let first = 10_000 - life(poll) * 1_000;
            window(first + 20 + poll % 80 / 2, |n| {
                let segment = life(poll) * 1_000_000 + n;
                dated(
                    format!("{poll}/{n}.ts"),
                    segment,
                    life(poll) * 200 + (n - first) * 2,
                )
            })
        },
    );
    assert_eq!(outcome.in_the_end.restarts, 2);
    // An edge that still has the beginning: older, and no restart.
    let outcome = simulate(|poll| {
        let last = if poll % 7 == 6 { 5 } else { 5 + poll / 2 };
        window(last, |n| dated(format!("{poll}/{n}.ts"), n, n * 2))
    });
    assert_eq!(outcome.in_the_end.restarts, 0);
    assert_eq!(outcome.at_once.doubles(), (0, 0));
    assert_eq!(outcome.at_once.advances, outcome.true_advances);
}

#[test]
fn dates_that_say_nothing_are_passed_over() {
    // All of the window at once, and one date for ever.
    is_right("dates that stand still", |poll| {
        window(100 + poll / 20 * 40, |n| dated(format!("s{n}.ts"), n, 0))
    });
    is_right("one segment, and one date", |poll| {
        let last = last(poll);
        Answer {
            number: Some(last),
            segments: vec![dated(format!("s{last}.ts"), last, 0)],
        }
    });
    is_right("dates that tremble", |poll| {
        window(last(poll), |n| {
            dated(format!("{poll}/s{n}.ts"), n, n * 2 + poll * 7919 % 2)
        })
    });
    // Another encoder under numbers that are known, whose clock stands.
    let outcome = simulate(|poll| {
        let life = poll / 120;
        let last = last(poll % 120) - life * 2;
        window(last, |n| {
            dated(format!("life{life}/s{n}.ts"), life * 1_000_000 + n, 0)
        })
    });
    assert!(outcome.fetches_of_a_chunk() <= 1.2);
}

#[test]
fn a_late_restart_is_one_from_its_first_window_on_in_the_end() {
    let lives = |poll: u64, name: &dyn Fn(u64, u64) -> String| {
        let life = poll / 80;
        let first = 9_000 - life * 2_000;
        window(first + poll % 80 / 2, |n| {
            listed(name(life, n), life * 1_000_000 + n)
        })
    };
    let outcome = becomes_right("names of its own", |poll| {
        lives(poll, &|life, n| format!("life{life}/s{n}.ts"))
    });
    assert_eq!(outcome.in_the_end.restarts, 2);
    becomes_right("signed anew", |poll| {
        lives(poll, &|_, n| {
            format!("{:016x}.ts", (n * 1_000 + poll) * 7919)
        })
    });
}

#[test]
fn an_encoder_under_known_numbers_is_told_by_its_bytes() {
    // It begins again three segments back, and its paths are signed anew.
    let outcome = becomes_right("begun again", |poll| {
        let life = poll / 120;
        window(last(poll) - life * 3, |n| {
            let encoder = ["east", "west"][life as usize];
            listed(
                format!("{encoder}/{poll:08x}/s{n}.ts"),
                life * 1_000_000 + n,
            )
        })
    });
    assert_eq!(outcome.in_the_end.restarts, 1);
    // Another one takes over in good order: other bytes of the same moments.
    let outcome = simulate(|poll| {
        let encoder = poll / 120;
        window(last(poll), |n| Listed {
            content: encoder * 1_000_000 + n,
            ..listed(
                format!("{}/{poll:08x}/s{n}.ts", ["east", "west"][encoder as usize]),
                n,
            )
        })
    });
    assert_eq!(outcome.in_the_end.is_right(&outcome.true_advances), Ok(()));
}

#[test]
fn where_neither_names_nor_numbers_nor_dates_say_anything_bytes_do() {
    let opaque = |poll: u64, n: u64| listed(format!("{:016x}.ts", (n * 1_000 + poll) * 7919), n);
    let answer = |poll, last| Answer {
        number: None,
        ..window(last, |n| opaque(poll, n))
    };
    becomes_right("it slides", |poll| answer(poll, last(poll)));
    becomes_right("and stands still for a minute", |poll| {
        let moving = if poll > 60 { poll.max(120) } else { poll };
        answer(poll, last(moving))
    });
    becomes_right("by edges", |poll| answer(poll, last(poll) - poll % 3));
    // A number that stands still, too: that the channel does not is found out by a comparison.
    let outcome = simulate(|poll| Answer {
        number: Some(1),
        ..answer(poll, last(poll))
    });
    let missed = outcome.true_advances.len() - outcome.in_the_end.advances.len();
    assert!(missed <= 5, "{missed} advances are missed");
    let fetched = outcome.fetches.len();
    assert!(fetched >= 120, "{fetched} segments were fetched of 125");
}

#[test]
fn a_programme_that_repeats_its_bytes_is_not_taken_for_one_that_stands_still() {
    let repeats = |every: u64| {
        move |poll: u64| {
            window(100 + poll / (every * 2) * every, |n| Listed {
                content: n % 7,
                ..listed(format!("s{n}.ts"), n)
            })
        }
    };
    for every in [1, 2, 5] {
        let outcome = simulate(repeats(every));
        let advances = &outcome.true_advances;
        assert_eq!(
            outcome.in_the_end.is_right(advances),
            Ok(()),
            "{every} at once"
        );
    }
}

mod repeats;
