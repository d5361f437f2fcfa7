use super::super::fetched::Fetched;
use super::*;

const S: i64 = 1_000_000;

/// A channel of segments of 4 s: of each when it was listed, and when it came.
struct Channel {
    watch: Watch,
    fetches: Fetches,
}

/// What became of a segment.
enum Of {
    Came(i64),
    /// Asked for, and nothing came of it.
    Failed,
    NotAsked,
    Gap,
}

impl Channel {
    fn new(segments: &[(i64, Of)]) -> Self {
        let (mut watch, mut fetches) = (Watch::default(), Fetches::default());
        for (name, (listed_us, of)) in segments.iter().enumerate() {
            let name = name as u64;
            watch.lists(Item {
                name: Some(name),
                listed_us: *listed_us,
                duration_us: 4 * S,
                is_gap: matches!(of, Of::Gap),
                jumped: false,
            });
            let became = match of {
                Of::Came(at_us) => Some(Fetched::Came(*at_us)),
                Of::Failed => Some(Fetched::Failed),
                Of::NotAsked | Of::Gap => None,
            };
            if let Some(became) = became {
                fetches.take(name, *listed_us + 1, became);
            }
        }
        fetches.sort();
        Self { watch, fetches }
    }

    /// Three segments at once, and one every four seconds: until when, and then what.
    fn that_plays(until: i64, then: Vec<(i64, Of)>) -> Self {
        let head = (0..3).map(|n| (n, Of::Came(n)));
        let on = (1..=until).map(|n| (n * 4 * S, Of::Came(n * 4 * S + 100)));
        let all: Vec<_> = head.chain(on).chain(then).collect();
        Self::new(&all)
    }

    fn seen(&self, away: &[(i64, i64)], unwell: &[(i64, i64)], end_us: i64) -> Watched {
        let times = Times {
            away,
            unwell,
            end_us,
        };
        self.watch.see(&self.fetches, 4 * S, &times, |_| None)
    }

    fn viewer(&self, end_us: i64) -> Viewer {
        self.seen(&[], &[], end_us).viewer().cloned().unwrap()
    }
}

fn whole(us: i64) -> i64 {
    (us + S / 2) / S
}

fn rounded(viewer: &Viewer) -> Vec<(i64, i64, bool)> {
    let stalls = viewer.stalls.iter();
    stalls
        .map(|stall| (whole(stall.from_us), whole(stall.length_us), stall.is_open))
        .collect()
}

#[test]
fn who_has_three_target_durations_waits_for_what_comes_later_than_that() {
    let late = Channel::that_plays(1, vec![(8 * S, Of::Came(18 * S + 2))]);
    // What was there is played at 16 s.
    assert_eq!(rounded(&late.viewer(19 * S)), [(16, 2, false)]);
    let in_time = Channel::that_plays(1, vec![(8 * S, Of::Came(15 * S))]);
    assert_eq!(in_time.viewer(19 * S).count, 0);
}

#[test]
fn what_was_listed_before_is_not_in_the_buffer() {
    let segments: Vec<_> = (0..10).map(|n| (n, Of::Came(n))).collect();
    let late = (14 * S, Of::Came(14 * S + 9));
    let mut channel = Channel::new(&segments.into_iter().chain([late]).collect::<Vec<_>>());
    channel.watch.comes(40 * S, 4 * S);
    let viewer = channel.viewer(15 * S);
    assert_eq!(rounded(&viewer), [(12, 2, false)]);
}

#[test]
fn an_outage_that_is_open_at_the_end_counts_as_long_as_it_lasted() {
    let channel = Channel::that_plays(5, Vec::new());
    // Of what came at 20 s all is played at 32 s.
    assert_eq!(channel.viewer(32 * S).count, 0);
    assert_eq!(rounded(&channel.viewer(60 * S)), [(32, 28, true)]);
    let mut over = Channel::that_plays(5, Vec::new());
    over.watch.ends(true);
    assert_eq!(over.viewer(60 * S).count, 0, "nothing is due");
}

#[test]
fn a_channel_that_comes_back_after_its_end_was_no_stall_meanwhile() {
    let mut channel = Channel::that_plays(5, Vec::new());
    channel.watch.ends(true);
    let first = channel.watch.len() as u64;
    for n in 0..8 {
        channel.watch.ends(false);
        // Three at once, and then one too late.
        let listed_us = match n {
            0..3 => 90 * S,
            _ => (90 + 4 * (n - 2)) * S,
        };
        let came_us = if n == 5 { 107 * S } else { listed_us + 100 };
        let name = first + n as u64;
        channel.watch.lists(Item {
            name: Some(name),
            listed_us,
            duration_us: 4 * S,
            is_gap: false,
            jumped: false,
        });
        channel
            .fetches
            .take(name, listed_us + 1, Fetched::Came(came_us));
    }
    channel.fetches.sort();
    assert_eq!(channel.viewer(122 * S).count, 0, "it had a buffer again");
    // Without an end that was half a minute of nothing.
    channel.watch.ends.clear();
    let viewer = channel.viewer(122 * S);
    assert_eq!(rounded(&viewer)[0], (32, 58, false));
}

#[test]
fn what_never_came_is_a_stall_and_then_a_skip() {
    for of in [|| Of::Failed, || Of::Gap] {
        let mut then: Vec<_> = (6..12).map(|n| (n * 4 * S, of())).collect();
        then.extend((12..16).map(|n| (n * 4 * S, Of::Came(n * 4 * S + 100))));
        let viewer = Channel::that_plays(5, then).viewer(62 * S);
        // What came at 20 s lasts until 32 s; the next comes at 48 s.
        assert_eq!(rounded(&viewer), [(32, 16, false)]);
        assert_eq!((viewer.missed, viewer.missed_us), (6, 24 * S));
    }
}

#[test]
fn one_that_never_came_takes_its_length_from_the_buffer_alone() {
    let mut then = vec![(24 * S, Of::Failed)];
    then.extend((7..12).map(|n| (n * 4 * S, Of::Came(n * 4 * S + 100))));
    let viewer = Channel::that_plays(5, then).viewer(46 * S);
    assert_eq!((viewer.count, viewer.missed), (0, 1));
}

#[test]
fn what_was_not_asked_for_is_nobodys_stall() {
    let mut then: Vec<_> = (6..9).map(|n| (n * 4 * S, Of::NotAsked)).collect();
    then.push((36 * S, Of::Came(36 * S + 100)));
    let viewer = Channel::that_plays(5, then).viewer(40 * S);
    assert_eq!((viewer.count, viewer.not_asked, viewer.missed), (0, 3, 0));
    let hardly: Vec<_> = (0..9).map(|n| (n * 4 * S, Of::NotAsked)).collect();
    let seen = Channel::that_plays(1, hardly).seen(&[], &[], 40 * S);
    assert_eq!(
        seen,
        Watched::NotKnown("most of its segments were not asked for")
    );
}

#[test]
fn while_the_recorder_stood_still_nothing_is_a_stall() {
    // Nothing came from 20 s to 50 s, of which the recorder stood still from 22 s to 49 s.
    let then = (13..18).map(|n| (n * 4 * S, Of::Came(n * 4 * S + 100)));
    let channel = Channel::that_plays(5, then.collect());
    let seen = channel.seen(&[(22 * S, 49 * S)], &[], 69 * S);
    let viewer = seen.viewer().unwrap();
    assert_eq!((viewer.count, viewer.away_us), (0, 27 * S));
    // One that began before it lasted until then for certain.
    let seen = channel.seen(&[(35 * S, 49 * S)], &[], 69 * S);
    assert_eq!(rounded(seen.viewer().unwrap()), [(32, 3, false)]);
    // What stalled while it was not well is not counted.
    let seen = channel.seen(&[], &[(33 * S, 34 * S)], 69 * S);
    assert_eq!(seen.viewer().unwrap().count, 0);
    // It may be away until the end.
    let seen = channel.seen(&[(60 * S, 200 * S)], &[], 200 * S);
    assert_eq!(rounded(seen.viewer().unwrap()), [(32, 20, false)]);
}

#[test]
fn names_that_come_again_are_other_segments_where_they_are_fetched_again() {
    let (mut watch, mut fetches) = (Watch::default(), Fetches::default());
    for n in 0..12_u64 {
        let listed_us = n.saturating_sub(2) as i64 * 4 * S;
        watch.lists(Item {
            name: Some(n % 5),
            listed_us,
            duration_us: 4 * S,
            is_gap: false,
            jumped: false,
        });
        // The eighth fails, in its lap.
        let became = match n {
            8 => Fetched::Failed,
            _ => Fetched::Came(listed_us + 100),
        };
        fetches.take(n % 5, listed_us + 10 + n as i64, became);
    }
    fetches.sort();
    let times = Times {
        away: &[],
        unwell: &[],
        end_us: 40 * S,
    };
    let seen = watch.see(&fetches, 4 * S, &times, |_| None);
    let viewer = seen.viewer().unwrap();
    assert_eq!((viewer.count, viewer.missed), (0, 1));
}

#[test]
fn a_slate_is_fetched_once_and_played_as_often_as_it_is_listed() {
    let mut channel = Channel::that_plays(5, Vec::new());
    // Each text has it twice, and it is fetched once.
    channel
        .fetches
        .take(99, 24 * S + 1, Fetched::Came(24 * S + 100));
    channel.fetches.sort();
    for n in 12..24 {
        channel.watch.lists(Item {
            name: Some(99),
            listed_us: n / 2 * 4 * S,
            duration_us: 4 * S,
            is_gap: false,
            jumped: false,
        });
    }
    let viewer = channel.viewer(48 * S);
    assert_eq!((viewer.count, viewer.missed, viewer.not_asked), (0, 0, 0));
    assert_eq!(channel.watch.not_come(&channel.fetches, 48 * S), (0, 0));
}

#[test]
fn of_what_was_never_got_nothing_is_known() {
    let failed: Vec<_> = (0..5).map(|n| (n * 4 * S, Of::Failed)).collect();
    let seen = Channel::new(&failed).seen(&[], &[], 40 * S);
    assert_eq!(seen, Watched::NotKnown("no segment of it was got"));
    let few = Channel::new(&[(0, Of::Came(1)), (4 * S, Of::Came(5 * S))]);
    assert!(few.seen(&[], &[], 40 * S).viewer().is_none());
    let mut lost = Channel::that_plays(5, Vec::new());
    lost.watch.lose_sight("it lists too many segments");
    assert!(lost.seen(&[], &[], 20 * S).viewer().is_none());
}

#[test]
fn what_failed_is_not_made_the_recorders_own_by_one_that_was_too_late() {
    let mut channel = Channel::that_plays(5, vec![(24 * S, Of::Failed), (28 * S, Of::NotAsked)]);
    let name = channel.watch.len() as u64 - 2;
    channel.fetches.take(name, 40 * S, Fetched::Own);
    channel.fetches.take(name + 1, 28 * S + 1, Fetched::Own);
    channel.fetches.sort();
    assert_eq!(channel.watch.not_come(&channel.fetches, 48 * S), (1, 1));
}
